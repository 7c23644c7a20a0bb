"""The estimated memory of a training step against its measured memory."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import nn
from autograd.errors import ArgumentError, CompileError, DTypeError
from tests.snn.helpers.nets import Holder
from tests.snn.helpers.wired import NETS

MEASURE = """
import ctypes, gc, sys
from pathlib import Path
import numpy as np, snn
from autograd import Cell, nn, ops, value_and_grad
from snn.engine import buffers

def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

{case}
rng = np.random.default_rng(0)
def inputs(steps):
    shape = (steps, N, features)
    if kind == "dense":
        return rng.standard_normal(shape, np.float32)
    return (rng.random(shape, np.float32) < 0.02).astype(np.float32)
def step(x):
    return value_and_grad(
        lambda x: snn.run(net, x, mode="compiled", checkpoint=checkpoint)[0].sum(), None, net.trainable_params()
    )(x)
step(inputs(T))  # compiles all that the measured step needs; another length may take other ways
x = inputs(T)
buffers.clear()
gc.collect()
if hasattr(ctypes.CDLL(None), "malloc_trim"):
    ctypes.CDLL(None).malloc_trim(0)
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
step(x)
estimate = snn.memory_estimate(net, T, N, features=features, checkpoint=checkpoint, currents=kind)
print(status("VmHWM") - before, int(estimate))
"""
DENSE = """
T, N, kind, checkpoint, features = 2000, 16, "dense", {checkpoint}, 512
net = nn.SequentialCell(nn.Dense(512, 512, rng=0), snn.LIFNode(beta=0.9))
"""
LAYERS = """
T, N, kind, checkpoint, features = 200, 64, "events", None, 700
def dense(i, o, density=0.04, scale=0.47):  # about 4 % fire
    scale /= np.sqrt(i * density)
    return nn.Dense(i, o, (np.random.default_rng(1).standard_normal((o, i)) * scale).astype(np.float32), "zeros")
lif = lambda: snn.LIFNode(beta=0.95)
"""
EVENTS = f"""{LAYERS}
net = nn.SequentialCell(dense(700, 512, 0.02), lif(), dense(512, 512), lif(), dense(512, 256), lif())
"""
RESIDUAL = f"""{LAYERS}
class Residual(Cell):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = dense(700, 512, 0.02), dense(512, 512), dense(512, 512)
        self.lif1, self.lif2, self.lif3 = lif(), lif(), lif()
    def initial_state(self, x):
        return tuple(ops.zeros((len(x), 512), x.dtype) for _ in range(3))
    def construct(self, x, state):
        s1, v1 = self.lif1(self.fc1(x), state[0])
        s2, v2 = self.lif2(self.fc2(s1) + 0.2 * s1, state[1])
        s3, v3 = self.lif3(self.fc3(s2) + 0.2 * s1, state[2])
        return s3 + s1, (v1, v2, v3)
net = Residual()
"""
BALANCED = f"""{LAYERS}
class Balanced(Cell):
    def __init__(self):
        super().__init__()
        self.to_e, self.to_i = dense(700, 400, 0.02), dense(700, 100, 0.02)
        self.ee, self.ei, self.ie, self.ii = (
            dense(n, m, scale=0.1) for n, m in ((400, 400), (400, 100), (100, 400), (100, 100))
        )
        self.e, self.i = lif(), lif()
    def initial_state(self, x):
        return tuple(ops.zeros((len(x), n), x.dtype) for n in (400, 100, 400, 100))
    def construct(self, x, state):
        ve, vi, se, si = state
        e, ve = self.e(self.to_e(x) + self.ee(se) - self.ie(si), ve)
        i, vi = self.i(self.to_i(x) + self.ei(se) - self.ii(si), vi)
        return ops.concat([e, i], axis=-1), (ve, vi, e, i)
net = Balanced()
"""


def resets_the_peak():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


@pytest.mark.skipif(not resets_the_peak(), reason="needs /proc/self/clear_refs to measure memory")
@pytest.mark.parametrize(
    "case",
    [DENSE.format(checkpoint=None), DENSE.format(checkpoint=64), EVENTS, RESIDUAL, BALANCED],
    ids=["dense", "checkpoint", "events", "residual", "excitation and inhibition"],
)
def test_the_estimate_is_within_15_percent_of_what_is_measured(case, tmp_path):
    env = {"SPIKECELL_CACHE": str(tmp_path), **os.environ}
    code = MEASURE.replace("{case}", case)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    measured, estimate = map(int, done.stdout.split())
    assert estimate == pytest.approx(measured, rel=0.15)


def layer(n=256, m=256, node=None):
    return nn.SequentialCell(nn.Dense(n, m, rng=0), snn.LIFNode(beta=0.9) if node is None else node)


def deep():
    return nn.SequentialCell(*layer(), *layer(), nn.ReLU(), *layer(256, 10, snn.LeakyReadout(beta=0.9)))


@pytest.mark.parametrize(
    "net", [layer(), deep(), layer(256, 256, snn.Recurrent(snn.IFNode(), 256))], ids=["layer", "deep", "recurrent"]
)
def test_more_steps_and_samples_take_more(net):
    sizes = [int(snn.memory_estimate(net, T, N)) for T, N in ((100, 8), (200, 8), (400, 8), (800, 8), (800, 16), (800, 32))]
    assert sizes == sorted(set(sizes))


def test_in_long_runs_it_grows_as_the_steps_do():
    one, two, four = (snn.memory_estimate(deep(), T, 16).peak for T in (2000, 4000, 8000))
    assert four - two == pytest.approx(2 * (two - one), rel=0.05)  # up to 256 MiB is used again


def test_what_is_asked_for_changes_it():
    net = layer()
    whole = snn.memory_estimate(net, 2000, 16).peak
    assert snn.memory_estimate(net, 2000, 16, checkpoint=50).peak < 0.5 * whole
    assert snn.memory_estimate(net, 2000, 16, training=False).peak < 0.5 * whole
    assert snn.memory_estimate(net, 2000, 16, input_gradient=True).peak > whole + 0.9 * 2000 * 16 * 256 * 4
    assert snn.memory_estimate(net, 2000, 16, currents="once").peak < whole


def test_parts_are_those_of_the_net():
    estimate = snn.memory_estimate(deep(), 1000, 16)
    assert [part.name for part in estimate.layers] == [
        "0 Dense, 1 LIFNode", "2 Dense, 3 LIFNode", "4 ReLU", "5 Dense, 6 LeakyReadout"
    ]  # fmt: skip
    assert [part.currents for part in estimate.layers] == ["dense", "events", "", "dense"]
    first, second, relu, readout = estimate.layers
    elements = 1000 * 16 * 256
    assert (first.saved, first.output) == (4 * elements, elements)
    assert second.gradients >= 4 * elements
    assert relu.output == 4 * elements
    assert (readout.saved, readout.output) == (0, 4 * 1000 * 16 * 10)


def test_what_learns_nothing_is_not_saved():
    net = nn.SequentialCell(snn.LIFNode(beta=0.9), *layer())
    before, behind = snn.memory_estimate(net, 100, 16).layers
    assert before.saved == 0
    assert behind.saved > 0
    assert snn.memory_estimate(net, 100, 16, input_gradient=True).layers[0].saved > 0


def test_float64_takes_twice_as_much():
    net = snn.LIFNode(beta=0.9)
    one = snn.memory_estimate(net, 100, 16, features=(8, 64), input_gradient=True).layers[0]
    two = snn.memory_estimate(net, 100, 16, features=(8, 64), input_gradient=True, dtype=np.float64).layers[0]
    assert (two.saved, two.gradients, two.output) == (2 * one.saved, 2 * one.gradients, one.output)


def test_it_prints_a_table():
    estimate = snn.memory_estimate(deep(), 1000, 16, checkpoint=32)
    title, head, *rows = str(estimate).splitlines()
    assert title == f"training step, T = 1000, N = 16, checkpoint = 32: {estimate.peak / 2**20:.1f} MiB at the peak"
    assert head.split() == ["MiB", "saved", "output", "buffers", "gradients"]
    assert len(rows) == 4
    assert int(estimate) == estimate.peak


def test_estimating_changes_nothing():
    net = nn.SequentialCell(nn.Dropout(0.5, rng=np.random.default_rng(1)), nn.Dense(4, 3, rng=0), snn.IFNode())
    other = nn.SequentialCell(nn.Dropout(0.5, rng=np.random.default_rng(1)), nn.Dense(4, 3, rng=0), snn.IFNode())
    snn.memory_estimate(net, 10, 2, features=4)
    x = np.ones((5, 2, 4), np.float32)
    np.testing.assert_array_equal(snn.run(net, x)[0], snn.run(other, x)[0])


def test_populations_that_step_together_have_a_row_each():
    e, i, concat = snn.memory_estimate(NETS["excitation and inhibition"](), 100, 64, features=5).layers
    assert (e.name, i.name) == (
        "to_e Dense, ee Dense, ie Dense, e LIFNode", "to_i Dense, ei Dense, ii Dense, i LIFNode"
    )  # fmt: skip
    assert (e.output, i.output) == (100 * 64 * 6, 100 * 64 * 3)
    assert (e.saved, i.saved) == (4 * 100 * 64 * 6, 4 * 100 * 64 * 3)
    assert (concat.saved, concat.output) == (0, 4 * 100 * 64 * 9)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("options", [{}, {"checkpoint": 40}, {"training": False}, {"input_gradient": True}])
def test_any_net_takes_more_for_more_steps(name, options):
    one, four = (snn.memory_estimate(NETS[name](), T, 4, features=5, **options) for T in (64_000, 256_000))
    assert 3 < four.peak / one.peak < 5


class Untraced(Holder):
    def construct(self, x, v):
        return self.node(x * float(x.asnumpy().max()), v)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "text"),
    [
        ((snn.IFNode(), 10, 2), {}, ArgumentError, "expected features=, the shape of a sample's input.*Pass the number"),
        ((nn.SequentialCell(nn.ReLU(), *layer()), 10, 2), {}, ArgumentError, "features="),
        ((snn.IFNode(), 10, 2), {"features": 0}, ArgumentError, "features to be a positive int.*got 0"),
        ((layer(), 0, 2), {}, ArgumentError, "T to be a positive int, got int 0"),
        ((layer(), 10, 2.5), {}, ArgumentError, "N to be a positive int, got float 2.5"),
        ((layer(), 10, 2), {"checkpoint": 0}, ArgumentError, "checkpoint to be a positive int"),
        ((layer(), 10, 2), {"currents": "few"}, ArgumentError, "currents 'dense', 'events' or 'once', got 'few'"),
        ((3, 10, 2), {}, DTypeError, "expected a Cell as the net"),
        ((Holder(), 10, 2), {}, ArgumentError, "features="),
        ((Untraced(), 10, 2), {"features": 3}, CompileError, ""),
    ],
)
def test_misuse_is_an_error(arguments, options, error, text):
    with pytest.raises(error, match=f"snn.memory_estimate: .*{text}" if text else "not known yet"):
        snn.memory_estimate(*arguments, **options)
