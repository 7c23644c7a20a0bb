"""What is saved, what is emitted, where it is kept, and what cannot be compiled."""

import subprocess
import sys

import numpy as np
import pytest

import snn
from autograd import Cell, float16, float32, nn, ops, trace
from autograd.errors import CompileError, NonFiniteError
from snn.engine import cache, cut, emit

from .neurons import AdaptiveNode


@pytest.mark.parametrize("node", [snn.IFNode(), snn.LIFNode(beta=0.9), snn.LIFNode(tau=3.0, decay_input=True, v_reset=0.0)])
def test_one_value_a_step_is_saved_for_if_and_lif(node):
    t = trace(node, float32, float32)
    forward = t.program.needed(t.outputs)
    saved = cut.choose_saved(t.program, forward, t.gradients)
    assert len(saved) == 1
    assert t.program.instructions[saved[0]].dtype == float32


def test_what_is_saved_is_enough_for_the_backward():
    node = AdaptiveNode(3, np.float32)
    t = trace(node, float32, type(node.initial_state(np.zeros(1)))(float32, float32), parameters=node.get_parameters())
    gradients = [d for d in (*t.gradients, *(d for _, d in t.parameters)) if d is not None]
    out, state = t.outputs
    saved = cut.choose_saved(t.program, t.program.needed([out, *state]), gradients)
    beyond = t.program.needed(gradients, frozenset([*saved, *t.cotangents]))
    assert not [i for i in beyond if t.program.instructions[i].kind == "input" and i not in (*saved, *t.cotangents)]


def test_equal_instructions_are_there_once_and_constants_are_folded():
    class Same(Cell):
        def construct(self, x):
            return (x + 1) * (x + (3.0 - 2.0)) + ops.exp(0.0)

    steps = trace(Same(), float32).program.instructions
    names = [s.what.__name__ for s in steps if s.kind == "operation"]
    assert names[:3] == ["add", "mul", "add"]
    assert "exp" not in names


class Branches(Cell):
    def construct(self, x, v):
        if v > 1:
            return x, v
        return v, x


class Mixes(Cell):
    def construct(self, x, v):
        return x - x.mean(), v


class UsesNumpy(Cell):
    def construct(self, x, v):
        return np.asarray(x) + v, v


@pytest.mark.parametrize(
    ("cell", "line", "got", "fix"),
    [
        (Branches(), "if v > 1", "the value of a Tensor", "ops.where"),
        (Mixes(), "x.mean()", "ops.sum, which mixes elements", "as a layer before or after it"),
        (UsesNumpy(), "np.asarray(x)", "the array of a Tensor", "autograd.ops"),
    ],
    ids=["if", "mean", "numpy"],
)
def test_what_cannot_be_traced_is_an_error_at_its_line(cell, line, got, fix):
    with pytest.raises(CompileError) as error:
        snn.run(cell, np.zeros((2, 1, 3), np.float32), mode="compiled")
    file, _, rest = error.value.where.partition(", line ")
    number = int(rest.partition(",")[0])
    with open(file, encoding="utf-8") as source:
        assert line in source.read().splitlines()[number - 1]
    assert got in error.value.got
    assert fix in error.value.fix


def test_a_cell_that_holds_neurons_is_not_compiled():
    class Net(Cell):
        def __init__(self):
            super().__init__()
            self.node = snn.IFNode()

        def initial_state(self, x):
            return ops.zeros_like(x)

        def construct(self, x, v):
            return self.node(x, v)

    with pytest.raises(CompileError, match=r"layer '1' \(Net\): expected one neuron.*Run it with mode='eager'"):
        snn.run(nn.SequentialCell(nn.ReLU(), Net()), np.zeros((2, 1, 3), np.float32), mode="compiled")


def test_float16_is_not_compiled():
    with pytest.raises(CompileError, match=r"expected float32 or float64, got \[2, 1, 3\] Float16"):
        snn.run(snn.IFNode(), np.zeros((2, 1, 3), float16), mode="compiled")


def test_nan_is_found_by_layer_and_time_step():
    net = nn.SequentialCell(nn.Dense(3, 3, "ones", "zeros"), snn.LIFNode(beta=0.9))
    x = np.zeros((4, 1, 3), np.float32)
    x[2] = 3e38
    with np.errstate(over="ignore"), pytest.raises(NonFiniteError, match=r"layer '0' \(Dense\) at time step 2"):
        snn.run(net, x, mode="compiled", check=True)


def sources():
    t = trace(snn.IFNode(), float32, float32)
    loop = emit.Loop("forward", (t.inputs[0],), ((t.inputs[1], t.outputs[1]),), (), (t.outputs[0],))
    return emit.module([emit.emit(t.program, loop)[0]])


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
    file.write_text("this is not Python")
    monkeypatch.setattr(cache, "_modules", {})
    assert callable(cache.load(text).forward)
    assert file.read_text().startswith(text)


def test_where_nothing_can_be_written_the_module_lives_in_memory(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPIKECELL_CACHE", str(tmp_path / "file"))
    assert callable(cache.load(sources() + "\n# memory\n").forward)


RUN = """
import numpy as np, snn
x = np.full((4, 1, 2), 0.375, np.float32)
print(snn.run(snn.IFNode(), x, mode="compiled")[0].asnumpy()[:, 0, 0])
"""


def test_a_second_process_uses_what_the_first_has_stored_even_if_it_is_damaged(tmp_path):
    def run():
        import os

        env = {**os.environ, "SPIKECELL_CACHE": str(tmp_path)}
        return subprocess.run([sys.executable, "-c", RUN], env=env, check=True, capture_output=True, text=True).stdout

    first = run()
    stored = list((tmp_path / "loops" / "__pycache__").glob("*.nb*"))
    assert len(stored) >= 2
    times = {file: file.stat().st_mtime_ns for file in stored}
    assert run() == first == "[0. 0. 1. 0.]\n"
    assert {file: file.stat().st_mtime_ns for file in stored} == times
    for file in stored:
        file.write_bytes(file.read_bytes()[:20])
    assert run() == first
