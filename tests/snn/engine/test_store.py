"""Files come back unchanged or not at all, in a directory of the user alone or nowhere."""

import errno
import os
import secrets
import stat
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn.engine import store, system
from snn.engine.store import Store, StoreError

PAYLOAD = np.random.default_rng(0).bytes(3000) + bytes(1000)


@pytest.fixture(params=["files relative to a directory", "paths", "without owners"])
def kept(request, tmp_path, monkeypatch):
    """Return a store with two files, on three kinds of systems."""
    if request.param != "files relative to a directory":
        monkeypatch.setattr(os, "supports_dir_fd", set())
    if request.param == "without owners":
        monkeypatch.delattr(os, "geteuid")
        for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "link"):
            monkeypatch.delattr(os, name, raising=False)
    result = Store(tmp_path / "a" / "b" / "loops")
    result.write("one", PAYLOAD)
    result.write("two", b"2" * 5000)
    return result


@pytest.fixture
def there(tmp_path):
    result = Store(tmp_path / "loops")
    result.write("one", PAYLOAD)
    return result


def whole(kept):
    """Return whether a store works: what was lost is written anew, and no rubbish lies about."""
    kept.write("one", b"again")
    left = {file.name for file in kept.path.iterdir()}
    return kept.read("one") == b"again" and left <= {"one", "two", "key", "shown.py"}


def test_what_is_written_comes_back(kept):
    assert kept.read("one") == PAYLOAD
    assert kept.read("two") == b"2" * 5000
    assert kept.read("three") is None
    kept.write("three", b"")
    assert kept.read("three") == b""
    assert Store(kept.path).read("one") == PAYLOAD
    assert {file.name for file in kept.path.iterdir()} == {"one", "two", "three", "key"}


@pytest.mark.skipif(os.name != "posix", reason="needs the file modes of POSIX")
def test_directory_and_files_are_for_their_owner_alone(there):
    old = os.umask(0)
    try:
        open_to_all = Store(there.path.parent / "home" / "other")
        open_to_all.write("one", b"1")
    finally:
        os.umask(old)
    for place in (there.path, open_to_all.path):
        assert [stat.S_IMODE(place.stat().st_mode), stat.S_IMODE(place.parent.stat().st_mode)] == [0o700, 0o700]
        assert {stat.S_IMODE(file.stat().st_mode) for file in place.iterdir()} == {0o600}


def swap(path):
    one, two = path.read_bytes(), path.with_name("two").read_bytes()
    path.write_bytes(two)
    path.with_name("two").write_bytes(one)


def in_place(make):
    def do(path):
        path.unlink()
        make(path)

    return do


def full_directory(path):
    path.mkdir()
    (path / "file").write_text("", encoding="utf-8")


def link_to_a_copy(path):
    path.with_name("key2").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(path.with_name("key2"))


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "head alone": lambda path: path.write_bytes(path.read_bytes()[:44]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a block of zeros": lambda path: path.write_bytes(path.read_bytes()[:1024] + bytes(512) + path.read_bytes()[1536:]),
    "without its head": lambda path: path.write_bytes(PAYLOAD),
    "another's": lambda path: path.write_bytes(path.with_name("two").read_bytes()),
    "swapped": swap,
    "absent": lambda path: path.unlink(),
    "a directory": in_place(lambda path: path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_is_absent_and_is_replaced(damage, kept):
    damage(kept.path / "one")
    assert kept.read("one") is None
    assert not (kept.path / "one").exists()
    assert whole(kept)


def test_a_directory_with_something_in_it_stays_where_it_is(kept):
    in_place(full_directory)(kept.path / "one")
    assert kept.read("one") is None
    with pytest.raises(StoreError, match="cannot be used"):
        kept.write("one", b"1")
    assert (kept.path / "one" / "file").exists()
    assert kept.read("two") == b"2" * 5000
    assert {file.name for file in kept.path.iterdir()} == {"one", "two", "key"}


@pytest.mark.skipif(os.name != "posix", reason="needs the file modes, links and pipes of POSIX")
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.chmod(0o666),
        lambda path: path.chmod(0o620),
        link_to_a_copy,
        in_place(lambda path: path.symlink_to("nowhere")),
        in_place(os.mkfifo),
    ],
    ids=["for all to write", "for a group to write", "a link", "a broken link", "a pipe"],
)
def test_what_others_may_have_put_there_is_absent(damage, there):
    damage(there.path / "one")
    assert there.read("one") is None
    there.path.joinpath("key2").unlink(missing_ok=True)
    assert whole(there)


@pytest.mark.skipif(os.name != "posix", reason="needs sparse files, as on POSIX")
def test_what_is_too_large_to_be_ours_is_absent(there):
    there.show("shown.py", "x = 1")
    for name in ("one", "shown.py", "key"):
        os.truncate(there.path / name, 1 << 40)
    assert there.read("one") is None
    assert there.show("shown.py", "x = 1").read_text(encoding="utf-8") == "x = 1"
    assert whole(there)


@pytest.mark.parametrize("name", ["one", "key"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENOMEM])
def test_what_cannot_be_read_now_is_not_taken_away(name, error, there, monkeypatch):
    real = os.open

    def fail(path, flags, *arguments, **options):
        if Path(path).name == name and not flags & os.O_CREAT:
            raise OSError(error, os.strerror(error))
        return real(path, flags, *arguments, **options)

    monkeypatch.setattr(os, "open", fail)
    monkeypatch.setattr(os, "supports_dir_fd", os.supports_dir_fd | ({fail} if real in os.supports_dir_fd else set()))
    if name == "one":
        assert there.read("one") is None
    else:
        with pytest.raises(StoreError, match="there is no key"):
            there.read("one")
    monkeypatch.undo()
    assert there.read("one") == PAYLOAD


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs os.geteuid, the number of the user")
def test_what_belongs_to_another_is_absent(there, monkeypatch):
    real = system.is_mine
    monkeypatch.setattr(store, "is_mine", lambda status: stat.S_ISDIR(status.st_mode) and real(status))
    assert there.read("one") is None


@given(data=st.data())
def test_no_bit_may_differ(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "bits"
    kept, intact = Store(folder / "loops"), folder / "intact"
    if not intact.exists():  # a write waits for the disk
        kept.write("one", PAYLOAD)
        intact.write_bytes((kept.path / "one").read_bytes())
    whole = intact.read_bytes()
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.one_of(st.integers(0, 60), st.integers(0, len(content) - 1)))
        kind = data.draw(st.sampled_from(["bit", "byte", "block", "insert", "delete"]))
        if kind == "bit":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "byte":
            content[at] = data.draw(st.integers(0, 255))
        elif kind == "block":
            content[at : at + 64] = bytes(len(content[at : at + 64]))
        elif kind == "insert":
            content.insert(at, data.draw(st.integers(0, 255)))
        else:
            del content[at]
    (kept.path / "one").write_bytes(content)
    assert kept.read("one") == (PAYLOAD if content == whole else None)


@pytest.mark.parametrize("damage", [lambda key: key[:-1], lambda key: key + b"\0", lambda key: b"", secrets.token_bytes])
def test_without_its_key_nothing_is_believed(damage, kept):
    key = kept.path / "key"
    key.write_bytes(damage(32) if damage is secrets.token_bytes else damage(key.read_bytes()))
    assert kept.read("one") is None
    assert whole(kept)
    assert kept.read("two") is None


@pytest.mark.skipif(os.name != "posix", reason="needs the file modes of POSIX")
def test_a_key_that_others_may_read_is_made_anew(there):
    key = there.path / "key"
    old = key.read_bytes()
    key.chmod(0o644)
    assert there.read("one") is None
    assert whole(there)
    assert key.read_bytes() != old


def test_what_was_made_with_the_key_of_another_directory_is_absent(kept, tmp_path):
    other = Store(tmp_path / "other")
    other.write("one", PAYLOAD)
    (kept.path / "one").write_bytes((other.path / "one").read_bytes())
    assert kept.read("one") is None


def refused(place, reason, fix):
    for do in (lambda s: s.read("one"), lambda s: s.write("one", b""), lambda s: s.show("one.py", "")):
        with pytest.raises(StoreError) as error:
            do(Store(place))
        assert reason in error.value.reason
        assert fix in error.value.fix


@pytest.mark.skipif(os.name != "posix", reason="needs the file modes and links of POSIX")
def test_a_directory_that_others_can_write_to_is_refused(there):
    for mode in (0o777, 0o770, 0o722, 0o1777):
        there.path.chmod(mode)
        refused(there.path, f"other users can write to {there.path}, mode {mode:04o}", f"chmod 700 {there.path}")
    there.path.chmod(0o755)
    assert there.read("one") == PAYLOAD


@pytest.mark.skipif(os.name != "posix", reason="needs the file modes and links of POSIX")
def test_a_link_to_a_directory_is_refused(there):
    link = there.path.with_name("link")
    link.symlink_to(there.path)
    refused(link, f"{link} is a symbolic link", "the directory itself")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs os.geteuid, the number of the user")
@pytest.mark.parametrize("relative", [True, False])
def test_a_directory_of_another_user_is_refused(relative, there, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    if not relative:
        monkeypatch.setattr(os, "supports_dir_fd", set())
    refused(there.path, f"{there.path} belongs to another user, number {there.path.stat().st_uid}", "directory of your own")


def test_a_directory_put_in_place_of_a_safe_one_is_not_looked_at(there, monkeypatch):
    """Another directory takes its place after the check of the directory and before its file is opened."""
    if os.open not in os.supports_dir_fd:
        pytest.skip("needs a system that can keep directories open")
    real = Store._check

    def exchanged(self, status):
        real(self, status)
        if not there.path.with_name("away").exists():
            there.path.rename(there.path.with_name("away"))
            there.path.mkdir()
            (there.path / "one").write_bytes(b"bad")

    monkeypatch.setattr(Store, "_check", exchanged)
    assert there.read("one") == PAYLOAD


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_what_is_no_directory_cannot_be_used(name, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    refused(tmp_path / name, "cannot be used: ", "$SPIKECELL_CACHE")


def test_what_cannot_be_written_leaves_what_was_there(there, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store._put, "__defaults__", (full,))
    with pytest.raises(StoreError, match="No space left"):
        there.write("two", b"2")
    monkeypatch.undo()
    assert there.read("one") == PAYLOAD
    assert {file.name for file in there.path.iterdir()} == {"one", "key"}


def test_many_at_once_find_one_key(tmp_path):
    together, lost = threading.Barrier(8), []

    def use(k):
        together.wait()
        mine = Store(tmp_path / "loops")
        mine.write(f"{k}", b"%d" % k)
        mine.write("one", PAYLOAD)
        together.wait()
        lost.extend(name for name in range(8) if mine.read(f"{name}") != b"%d" % name)
        if mine.read("one") != PAYLOAD:
            lost.append("one")

    threads = [threading.Thread(target=use, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not lost
    assert len(list((tmp_path / "loops").iterdir())) == 10


def test_a_text_is_shown_and_what_was_edited_is_shown_anew(kept):
    place = kept.show("shown.py", "x = 'ä'\n")
    assert place == kept.path / "shown.py"
    assert isinstance(place, Path)
    for edited in ("x = 2\n", ""):
        place.write_text(edited, encoding="utf-8")
        assert kept.show("shown.py", "x = 'ä'\n").read_text(encoding="utf-8") == "x = 'ä'\n"
    assert whole(kept)
