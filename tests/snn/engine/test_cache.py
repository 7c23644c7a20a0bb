"""Compiled loops on disk: never stale, safe for two processes at once, in any state of the directory."""

import linecache
import os
import pickle
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import snn
from autograd import float32, trace
from snn.engine import cache, emit
from snn.engine.backends import back_end
from snn.engine.loop import Body, Loop
from snn.engine.store import StoreError

ROOT = Path(snn.__file__).parents[1]


def sources():
    t = trace(snn.IFNode(), float32, float32)
    body = Body((t.inputs[0],), carried=((t.inputs[1], t.outputs[1]),), written=(t.outputs[0],))
    return back_end().module([emit.emit([t.program], Loop("forward", (body,))).text])


def test_a_module_is_shown_in_one_file_named_by_its_content(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKECELL_CACHE", str(tmp_path))
    text = sources() + "\n# whole\n"
    module = back_end().load(text)
    (file,) = (tmp_path / "loops").glob("*.py")
    assert file.read_text(encoding="utf-8").startswith(text)
    assert back_end().load(text) is module
    assert back_end().load(text + "# other\n") is not module
    assert len(list((tmp_path / "loops").glob("*.py"))) == 2
    assert module.forward.py_func.__code__.co_filename == module.__file__ == str(file)


def test_a_file_that_was_edited_is_not_run_and_is_shown_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKECELL_CACHE", str(tmp_path))
    text = sources() + "\n# edited\n"
    back_end().load(text)
    (file,) = (tmp_path / "loops").glob("*.py")
    whole = file.read_bytes()
    for edited in (b"\xff\xfe", b"raise SystemExit"):
        file.write_bytes(edited)
        monkeypatch.setattr(cache, "_modules", {})
        assert callable(back_end().load(text).forward)
        assert file.read_bytes() == whole


@pytest.fixture
def _told_nothing(monkeypatch):
    monkeypatch.setattr(cache, "_told", set())


@pytest.mark.usefixtures("_told_nothing")
def test_where_nothing_can_be_kept_the_module_lives_in_memory_and_that_is_said_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("SPIKECELL_CACHE", str(tmp_path / "file"))
    message = r"Compiled loops are not kept, so each process compiles anew, since .*file.loops cannot be used: .*CACHE=off"
    with pytest.warns(RuntimeWarning, match=message):
        module = back_end().load(sources() + "\n# memory\n")
    assert callable(module.forward)
    assert "def forward" in "".join(linecache.getlines(module.forward.py_func.__code__.co_filename))  # a debugger shows it
    assert callable(back_end().load(sources() + "\n# memory, too\n").forward)


def test_off_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPIKECELL_CACHE", "off")
    assert callable(back_end().load(sources() + "\n# off\n").forward)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="needs the home directories of POSIX")
def test_a_home_directory_may_be_named_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SPIKECELL_CACHE", "~/mine")
    assert cache.directory() == tmp_path / "mine" / "loops"


@pytest.mark.usefixtures("_told_nothing")
@pytest.mark.skipif(os.name != "posix", reason="needs the home directories of POSIX")
def test_without_a_home_the_module_lives_in_memory(monkeypatch, tmp_path):
    import pwd

    def nobody(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("SPIKECELL_CACHE", "HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StoreError, match="no home directory"):
        cache.directory()
    with pytest.warns(RuntimeWarning, match=r"since this user has no home directory. Name a directory in \$SPIKECELL_CACHE"):
        assert callable(back_end().load(sources() + "\n# homeless\n").forward)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyError("uid"), RuntimeError("Could not determine home directory.")])
def test_a_home_that_cannot_be_found_is_no_crash(error, monkeypatch):
    import platformdirs

    def fail(*arguments, **options):
        raise error

    monkeypatch.delenv("SPIKECELL_CACHE")
    monkeypatch.setattr(platformdirs, "user_cache_dir", fail)
    with pytest.raises(StoreError, match="no home directory"):
        cache.directory()


NEURON = """
from autograd import Cell

class Node(Cell):
    def construct(self, x, v):
        v = 0.5 * v + x
        return v * 2, v
"""
RUN = """
import sys
import numpy as np, autograd, snn
sys.path.insert(0, sys.argv[1])
from node import Node
x = autograd.Tensor(np.full((4, 1, 2), 0.375, np.float32))

def fired(x):
    out = snn.run(snn.IFNode(), x, mode="compiled")[0]
    return out.sum(), out

(_, spikes), gradient = autograd.value_and_grad(fired, has_aux=True)(x)
own = snn.run(Node(), x, mode="compiled")[0]
print(*(values.asnumpy()[:, 0, 0].tolist() for values in (spikes, own, gradient)))
"""


def start(place, limit=None, *, warn="error", **env):
    """Start a process that runs two neurons compiled, with its cache in ``place`` and a limit on the bytes of a file."""
    (place / "node.py").exists() or (place / "node.py").write_text(NEURON, encoding="utf-8")
    env = {**os.environ, "SPIKECELL_CACHE": str(place / "cache"), "PYTHONDONTWRITEBYTECODE": "1", **env}

    def limited():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "-W", warn, "-c", RUN, str(place)], env=env, cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limited if limit else None,
    )  # fmt: skip


def result(process, said=""):
    out, error = process.communicate(timeout=500)
    assert process.returncode == 0, error
    assert said in error
    return out


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return result(start(tmp_path_factory.mktemp("plain"), NUMBA_DISABLE_JIT="1"))


def test_without_the_compiler_the_same_comes_out(tmp_path, expected):
    assert expected.startswith("[0.0, 0.0, 1.0, 0.0] [0.75, 1.125, 1.3125, 1.40625]")


@pytest.fixture(scope="module")
def filled(tmp_path_factory, expected):
    """Return a directory whose cache two processes filled at once."""
    place = tmp_path_factory.mktemp("filled")
    both = [start(place), start(place)]
    assert [result(process) for process in both] == [expected, expected]
    return place


@pytest.fixture
def copied(filled, tmp_path):
    return shutil.copytree(filled, tmp_path / "copy")


def stored(place):
    return sorted((place / "cache" / "loops").glob("*.bin"))


def test_what_two_processes_stored_at_once_is_whole_and_used_again(copied, expected):
    loops = copied / "cache" / "loops"
    assert not list(loops.glob("*.tmp"))
    times = {file: file.stat().st_mtime_ns for file in stored(copied)}
    assert len(times) >= len(list(loops.glob("*.py"))) >= 3
    assert result(start(copied)) == expected
    assert {file: file.stat().st_mtime_ns for file in stored(copied)} == times


def test_nothing_that_was_damaged_or_planted_is_loaded(copied, expected, tmp_path):
    """Damage each file in another way, also by pickles and Python files in its place that leave a mark if they run."""
    mark = tmp_path / "mark"
    run_me = f"__import__('pathlib').Path({str(mark)!r}).touch()"

    class Planted:
        def __reduce__(self):
            return eval, (run_me,)

    pickled, loops = pickle.dumps(Planted()), copied / "cache" / "loops"
    files = stored(copied)
    draw = random.Random(0)

    def damaged(k, content):
        if k == 0:
            return pickled
        if k == 1:
            return content[:44] + pickled
        at = draw.randrange(len(content))
        return content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1 :]

    contents = [file.read_bytes() for file in files]
    for k, (file, content) in enumerate(zip(files, contents, strict=True)):
        file.unlink()
        file.mkdir() if k == 2 else file.write_bytes(damaged(k, content))
    for file in loops.glob("*.py"):
        file.write_text(run_me, encoding="utf-8")
        old = loops / "__pycache__" / f"{file.stem}.{sys.implementation.cache_tag}.pyc"
        old.parent.mkdir(exist_ok=True)
        old.write_bytes(b"planted")
        for ending in ("nbi", "nbc"):  # as numba's own cache names them
            old.with_name(f"{file.stem}.forward-1.py311.{ending}").write_bytes(pickled)
    assert result(start(copied)) == expected
    assert not mark.exists()
    assert stored(copied) == files
    assert all(len(file.read_bytes()) > 1000 for file in files)  # made anew
    assert "touch" not in "".join(file.read_text(encoding="utf-8") for file in loops.glob("*.py"))


def test_a_neuron_that_was_edited_is_compiled_anew(copied):
    (copied / "node.py").write_text(NEURON.replace("v * 2", "v * 4").replace("0.5 * v", "v"), encoding="utf-8")
    assert "] [1.5, 3.0, 4.5, 6.0] [" in result(start(copied))


@pytest.mark.skipif(os.name != "posix", reason="needs the file modes of POSIX")
def test_a_directory_that_others_can_write_to_is_not_used(copied, expected):
    loops = copied / "cache" / "loops"
    loops.chmod(0o777)
    before = {file: file.stat().st_mtime_ns for file in loops.iterdir()}
    process = start(copied, warn="default")
    assert result(process, f"other users can write to {loops}, mode 0777. If you trust its files: chmod 700") == expected
    assert {file: file.stat().st_mtime_ns for file in loops.iterdir()} == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_disk_without_space_for_what_is_compiled_does_not_matter(copied, expected):
    for file in stored(copied):
        file.unlink()
    assert result(start(copied, limit=4000, warn="default"), "cannot be used: File too large") == expected
    assert not stored(copied)
    assert not list((copied / "cache" / "loops").glob("*.tmp"))
