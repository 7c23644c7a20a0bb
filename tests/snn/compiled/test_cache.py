"""Emitted modules on disk: whole, never stale, safe for two processes at once, and whatever is wrong with the directory."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import snn
from autograd import float32, trace
from snn.engine import cache, emit

ROOT = Path(snn.__file__).parents[1]


def sources():
    t = trace(snn.IFNode(), float32, float32)
    loop = emit.Loop("forward", (t.inputs[0],), carried=((t.inputs[1], t.outputs[1]),), written=(t.outputs[0],))
    return emit.module([emit.emit(t.program, loop).text])


def test_a_module_stands_whole_in_one_file_named_by_its_content(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKECELL_CACHE", str(tmp_path))
    text = sources() + "\n# whole\n"
    module = cache.load(text)
    (file,) = (tmp_path / "loops").glob("*.py")
    assert file.read_text().startswith(text)
    assert cache.load(text) is module
    assert cache.load(text + "# other\n") is not module
    assert len(list((tmp_path / "loops").glob("*.py"))) == 2


def test_a_damaged_file_is_written_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKECELL_CACHE", str(tmp_path))
    text = sources() + "\n# damaged\n"
    cache.load(text)
    (file,) = (tmp_path / "loops").glob("*.py")
    whole = file.read_bytes()
    file.write_bytes(b"\xff\xfe")
    cache._modules.clear()
    assert callable(cache.load(text).forward)
    assert file.read_bytes() == whole


def test_where_nothing_can_be_written_the_module_lives_in_memory(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPIKECELL_CACHE", str(tmp_path / "file"))
    assert callable(cache.load(sources() + "\n# memory\n").forward)


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


def start(place, limit=None, **env):
    """Start a process that runs two neurons compiled, with its cache in ``place`` and a limit on the bytes of a file."""
    (place / "node.py").exists() or (place / "node.py").write_text(NEURON)
    env = {**os.environ, "SPIKECELL_CACHE": str(place / "cache"), "PYTHONDONTWRITEBYTECODE": "1", **env}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", RUN, str(place)], env=env, cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))),
    )  # fmt: skip


def result(process):
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
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


def test_what_two_processes_stored_at_once_is_whole_and_used_again(copied, expected):
    loops = copied / "cache" / "loops"
    assert not list(loops.glob("*.tmp"))
    stored = list((loops / "__pycache__").glob("*.nb*"))
    assert len(stored) == 2 * len(list(loops.glob("*.py"))) >= 6
    times = {file: file.stat().st_mtime_ns for file in stored}
    assert result(start(copied)) == expected
    assert {file: file.stat().st_mtime_ns for file in (loops / "__pycache__").glob("*.nb*")} == times


@pytest.mark.parametrize("damage", [lambda b: b[:20], lambda b: b"", lambda b: b"\0" * len(b)], ids=["cut", "empty", "zeros"])
def test_what_is_damaged_is_made_anew(damage, copied, expected):
    loops = copied / "cache" / "loops"
    kinds = ("*.py", "__pycache__/*.nbi", "__pycache__/*.nbc")
    damaged = [sorted(loops.glob(kind))[k] for k, kind in enumerate(kinds)]  # a file of each kind, each of another loop
    whole = {file: file.read_bytes() for file in damaged}
    for file in damaged:
        file.write_bytes(damage(whole[file]))
    assert result(start(copied)) == expected
    assert damaged[0].read_bytes() == whole[damaged[0]]
    assert all(len(file.read_bytes()) > 100 for file in damaged)


def test_a_neuron_that_was_edited_is_compiled_anew(copied):
    (copied / "node.py").write_text(NEURON.replace("v * 2", "v * 4").replace("0.5 * v", "v"))
    assert "] [1.5, 3.0, 4.5, 6.0] [" in result(start(copied))


def test_a_cache_that_cannot_be_written_to_does_not_matter(tmp_path, expected):
    (tmp_path / "cache").write_text("a file where a directory should be")
    assert result(start(tmp_path)) == expected


def test_a_disk_without_space_for_what_is_compiled_does_not_matter(copied, expected):
    shutil.rmtree(copied / "cache" / "loops" / "__pycache__")
    assert result(start(copied, limit=4000)) == expected
