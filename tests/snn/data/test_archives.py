"""Archives that are whole, and those that are damaged, lead outside or would fill the disk."""

import io
import stat
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from autograd.errors import DataError
from snn.data.archives import unpack
from tests.snn.data.formats import damaged, refused, tarred, zipped

MEMBERS = {"set/Train/0/a.bin": b"abc" * 50, "set/Train/1/b.bin": b"", "set/readme.txt": b"hello"}
LIMIT = 1 << 20


def kinds(place):
    zipped(place / "set.zip", MEMBERS)
    tarred(place / "set.tar.gz", MEMBERS)
    return [place / "set.zip", place / "set.tar.gz"]


def listing(place):
    return sorted(str(p.relative_to(place)) for p in place.rglob("*"))


@pytest.mark.parametrize("kind", [0, 1], ids=["zip", "tar.gz"])
def test_what_it_gives_is_moved_beside_it_from_wherever_it_lies(tmp_path, kind):
    archive = kinds(tmp_path)[kind]
    before = listing(tmp_path)
    assert unpack(archive, "Train", LIMIT) == tmp_path / "Train"
    assert listing(tmp_path) == sorted([*before, "Train", "Train/0", "Train/0/a.bin", "Train/1", "Train/1/b.bin"])
    assert (tmp_path / "Train/0/a.bin").read_bytes() == b"abc" * 50
    assert unpack(archive, "readme.txt", LIMIT).read_bytes() == b"hello"
    assert "an archive with Test, got one without it" in refused(unpack, archive, "Test", LIMIT)


PATHS = ["../out", "set/../../out", "/etc/out", "C:/out", "..\\out", "set/a\\..\\..\\out", "x" * 1001]


@pytest.mark.parametrize("name", PATHS, ids=range(len(PATHS)))
@pytest.mark.parametrize("write", [zipped, tarred])
def test_paths_that_lead_elsewhere_are_refused(tmp_path, name, write):
    place = tmp_path / "data"
    place.mkdir()
    archive = place / ("bad.zip" if write is zipped else "bad.tar.gz")
    write(archive, {"Train/a": b"1", name: b"2"})
    assert "paths that lead into the archive, got" in refused(unpack, archive, "Train", LIMIT)
    assert (listing(place), listing(tmp_path)) == ([archive.name], ["data", f"data/{archive.name}"])


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    tarred(tmp_path / "bad.tar.gz", {"Train/a": b"1"}, [("Train/link", "/etc/passwd", kind)])
    assert "files and folders, got 'Train/link', a link or a device" in refused(
        unpack, tmp_path / "bad.tar.gz", "Train", LIMIT
    )
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as file:
        info = zipfile.ZipInfo("Train/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    assert "a link or a device" in refused(unpack, tmp_path / "bad.zip", "Train", LIMIT)
    assert listing(tmp_path) == ["bad.tar.gz", "bad.zip"]


@pytest.mark.parametrize("write", [zipped, tarred])
def test_a_bomb_is_refused_before_it_is_written(tmp_path, write):
    archive = tmp_path / ("bomb.zip" if write is zipped else "bomb.tar.gz")
    write(archive, {"Train/a": bytes(1000), "Train/b": bytes(30 << 20)})
    text = refused(unpack, archive, "Train", LIMIT)
    assert "expected at most 1,048,576 bytes unpacked, got 31,458,280 or more. It is not the published archive." in text
    assert listing(tmp_path) == [archive.name]


def test_a_zip_that_unpacks_to_more_than_it_says_is_refused(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("Train/a", bytes(5 << 20))
    content = bytearray(packed.getvalue())
    for magic, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = content.index(magic) + at
        content[start : start + 4] = struct.pack("<I", 10)
    (tmp_path / "lie.zip").write_bytes(content)
    text = refused(unpack, tmp_path / "lie.zip", "Train", LIMIT)
    assert "an intact archive, got a damaged one" in text
    assert listing(tmp_path) == ["lie.zip"]


def test_members_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as file:
        file.writestr("Train/a", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("Train/a", b"2")
    assert "File exists" in refused(unpack, tmp_path / "two.zip", "Train", LIMIT)
    assert listing(tmp_path) == ["two.zip"]


def test_a_folder_that_is_there_is_not_overwritten(tmp_path):
    archive = kinds(tmp_path)[0]
    (tmp_path / "Train").mkdir()
    (tmp_path / "Train" / "mine").write_text("mine")
    refused(unpack, archive, "Train", LIMIT)
    assert listing(tmp_path) == ["Train", "Train/mine", "set.tar.gz", "set.zip"]


@pytest.mark.parametrize("content", [b"", b"PK", b"not an archive", b"\x1f\x8b\x08"])
@pytest.mark.parametrize("end", ["zip", "tar.gz"])
def test_what_is_no_archive_is_refused(tmp_path, content, end):
    (tmp_path / f"bad.{end}").write_bytes(content)
    text = refused(unpack, tmp_path / f"bad.{end}", "Train", LIMIT)
    assert "an intact archive, got a damaged one" in text or "an archive with Train, got none" in text


@pytest.mark.parametrize("kind", [0, 1], ids=["zip", "tar.gz"])
def test_any_damage_is_a_whole_folder_or_an_error_with_nothing_left(tmp_path, kind):
    place = tmp_path / "data"
    place.mkdir()
    archive, other = kinds(place)[kind], kinds(place)[1 - kind]
    other.unlink()
    content, rng, refusals = archive.read_bytes(), np.random.default_rng(0), 0
    for _ in range(200):
        archive.write_bytes(damaged(content, rng))
        try:
            made = unpack(archive, "Train", LIMIT)
        except DataError:
            refusals += 1
        else:
            for path in sorted(made.rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
            made.rmdir() if made.is_dir() else made.unlink()
        assert (listing(place), listing(tmp_path)[:1]) == ([archive.name], ["data"])
    assert refusals > 100
