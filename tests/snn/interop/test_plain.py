"""Nets as files of plain numpy: the same spikes, for any neuron, with only numpy installed."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Cell, Tensor, nn, ops, optim, tree, value_and_grad
from autograd.errors import ArgumentError, CompileError, DTypeError, ShapeError, WriteError
from autograd.windows import Windows, convolve, first_largest, input_gradient, largest, picked, summed
from snn.interop import export_numpy
from snn.interop.plain import functions

from ..helpers.discovered import WAYS, noisy
from ..helpers.neurons import AdaptiveNode, Synaptic

T, N = 12, 3


def whole(shape, seed=0, low=-3, high=4):
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.float32)


def whole_weights(net, seed=0):
    """Give a net weights that are whole numbers, of which sums are the same in any order."""
    for k, p in enumerate(net.get_parameters()):
        if p.ndim > 1:
            p.set_data(whole(p.shape, seed + k))
    return net


def exported(net, x, tmp_path):
    """Return what the file gives for an input, and what it reports."""
    written = export_numpy(net, tmp_path / "net.py", x)
    return runpy.run_path(str(written.path))["run"], written


def assert_same(net, x, tmp_path, fires=True):
    """Check output and state, in one run and in two with the state carried, for a batch of another size too."""
    run, written = exported(net, x, tmp_path)
    assert written.equal == 1.0
    for given in (x, np.concatenate([x[:, ::-1], x], 1)):
        want, state, _ = snn.run(net, given, mode="eager")
        out, after = run(given)
        first, middle = run(given[:5])
        second, last = run(given[5:], middle)
        outs = [leaf.numpy() for leaf in tree.leaves(want)]
        for mine, theirs in zip(out if isinstance(out, tuple) else (out,), outs, strict=True):
            assert mine.dtype == theirs.dtype
            assert np.array_equal(mine, theirs, equal_nan=True)
        if len(outs) == 1:
            assert np.array_equal(np.concatenate([first, second]), outs[0], equal_nan=True)
        for mine, theirs, again in zip(after, tree.leaves(state), last, strict=True):
            assert mine.dtype == theirs.dtype
            assert np.array_equal(mine, theirs.numpy(), equal_nan=True)
            assert np.array_equal(again, mine, equal_nan=True)
        assert not fires or all(np.count_nonzero(o) > 0 for o in outs)


EVERY = [way for way in WAYS if not way.endswith("Stochastic")]  # which start otherwise in each sample


@pytest.mark.parametrize(
    ("way", "dtype"), [(way, np.float32) for way in EVERY] + [(way, np.float64) for way in EVERY if "-" not in way]
)
def test_every_neuron_gives_its_spikes_and_states_to_the_bit(way, dtype, tmp_path):
    node = WAYS[way]()
    assert_same(node, noisy(node, (40, 2, 4), dtype), tmp_path, fires=getattr(node, "fire", True))


class Skip(Cell):
    """Wires two populations itself, with feedback over a step and several outputs."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.back = nn.Dense(6, 6, rng=0), nn.Dense(6, 4, rng=1), nn.Dense(4, 6, rng=2)
        self.one, self.two = snn.LIFNode(v_threshold=8.0, beta=0.5), snn.IFNode(v_threshold=8.0)

    def initial_state(self, x):
        return {"one": ops.zeros((len(x), 6)), "two": ops.zeros((len(x), 4)), "out": ops.zeros((len(x), 4))}

    def construct(self, x, state):
        spikes, one = self.one(self.first(x) + self.back(state["out"]), state["one"])
        out, two = self.two(self.second(spikes) + x[:, :4], state["two"])
        return (out, spikes), {"one": one, "two": two, "out": out}


def nets():
    lif = lambda threshold=8.0, **k: snn.LIFNode(v_threshold=threshold, beta=0.5, **k)  # noqa: E731
    yield "dense", nn.SequentialCell(nn.Dense(6, 8, rng=0), lif(), nn.Dense(8, 4, rng=0), lif(4.0)), (6,)
    yield "convolutional", nn.SequentialCell(
        nn.Conv2d(2, 4, 3, stride=2, rng=0), lif(), nn.MaxPool2d(2, 2),
        nn.Conv2d(4, 4, 3, group=2, pad_mode="pad", padding=1, rng=0), lif(4.0),
        nn.SumPool2d(2, 2), nn.Flatten(), nn.Dense(4, 3, rng=0), lif(4.0),
    ), (2, 9, 9)  # fmt: skip
    yield "upwards", nn.SequentialCell(
        nn.Conv2dTranspose(2, 2, 3, stride=2, pad_mode="pad", padding=1, output_padding=1, rng=0), lif(2.0),
        nn.Upsample(scale_factor=2.0, mode="nearest"), nn.AdaptiveMaxPool2d(3),
    ), (2, 4, 4)  # fmt: skip
    yield (
        "recurrent",
        nn.SequentialCell(nn.Dense(6, 8, rng=0), snn.Recurrent(lif(), 8, rng=0), nn.Dense(8, 3, rng=0), lif()),
        (6,),
    )
    yield "conv recurrent", snn.RecurrentThrough(lif(2.0), nn.Conv2d(2, 2, 3, rng=0)), (2, 5, 5)
    yield "delayed", nn.SequentialCell(
        snn.Delay([0, 1, 3, 2, 0, 1]), nn.Dense(6, 5, rng=0), lif(),
        snn.DelayedDense(5, 4, whole((4, 5), low=0, high=3).astype(int), rng=0), lif(4.0),
    ), (6,)  # fmt: skip
    yield "residual", nn.SequentialCell(
        snn.SEWBlock(nn.SequentialCell(nn.Conv2d(2, 2, 3, rng=0), lif(2.0))), snn.SpikeMaxPool2d(2), nn.Flatten(),
        snn.Dropout(0.5),
    ), (2, 6, 6)  # fmt: skip
    yield "own neurons", nn.SequentialCell(AdaptiveNode(6, np.float32), Synaptic(snn.surrogate.atan())), (6,)
    yield "own wiring", Skip(), (6,)
    yield (
        "synapse",
        nn.SequentialCell(
            nn.Dense(6, 5, rng=0), snn.synapses.Exponential(tau_syn=2.0), snn.CurrentLIFNode(alpha=0.5, beta=0.5)
        ),
        (6,),
    )
    yield "reductions", nn.SequentialCell(Reductions(), lif(2.0)), (6,)
    yield "no state", nn.SequentialCell(nn.Dense(6, 2, rng=0), nn.ReLU()), (6,)


class Reductions(Cell):
    """Operations on whole arrays, with dtypes that meet."""

    def construct(self, x):
        parts = ops.split(x, 2, 1)
        joined = ops.concat([parts[1], parts[0]], 1)
        top = ops.max(joined, 1, keepdims=True)
        chosen = (joined == top).astype(np.int32) * 2
        folded = ops.stack([joined, ops.flip(joined, 1)], 1).sum(1)
        picked = joined[:, [0, 2, 4, 1, 3, 5]] + ops.cumsum(chosen, 1)
        padded = (
            ops.pad(picked, ((0, 0), (1, 1)))[:, 1:-1]
            .reshape((len(x), 2, 3))
            .transpose((0, 2, 1))
            .reshape((x.shape[0] * 2, 3))
        )
        return folded + padded.reshape((len(x), -1)) + ops.where(joined > 0, 1, 0.5) + (joined * 1.5).astype(np.int64) // 2


NETS = {name: (net, shape) for name, net, shape in nets()}


@pytest.mark.parametrize("name", NETS)
def test_nets_with_weights_of_whole_numbers_are_equal_to_the_bit(name, tmp_path):
    net, shape = NETS[name]
    assert_same(whole_weights(net), whole((T, N, *shape)), tmp_path)


def test_norms_and_activations_agree_to_rounding(tmp_path):
    net = nn.SequentialCell(
        nn.Conv2d(2, 4, 3, rng=0), nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.AvgPool2d(2, 2), nn.SiLU(),
        nn.Flatten(), nn.Dense(16, 6, rng=0), nn.LayerNorm((6,)), nn.Softmax(), nn.LogSoftmax(), snn.LeakyReadout(beta=0.9),
    )  # fmt: skip
    x = np.random.default_rng(0).normal(size=(T, N, 2, 4, 4)).astype(np.float32)
    net.set_train()
    snn.run(net, x)  # moves the statistics
    net.set_train(False)
    run, written = exported(net, x, tmp_path)
    np.testing.assert_allclose(run(x)[0], snn.run(net, x).out, rtol=1e-5)
    assert written.equal > 0.3


def test_what_weights_go_through_is_computed_once_and_kept(tmp_path):
    net = nn.SequentialCell(nn.Dense(6, 8, rng=0), snn.LIFNode(beta=0.5), nn.Dense(8, 3, rng=0), snn.LIFNode(beta=0.5))
    snn.quantise(net, 4)
    x = 2 * np.abs(whole((T, N, 6)))
    run, written = exported(net, x, tmp_path)
    assert written.equal > 0.95
    assert np.count_nonzero(run(x)[0]) > 10
    assert " / " not in written.path.read_text().partition("def step")[2].partition("def run")[0]


ALONE = """
import json, sys
sys.path[:0] = [{packages!r}, {place!r}]
import numpy as np
import net
for name in ("autograd", "snn", "scipy", "numba", "sklearn"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{{name}} is here")
out, state = net.run(np.load({input!r}))
np.savez({output!r}, out=out, *state)
print(json.dumps(sorted({{m.partition(".")[0] for m in sys.modules}} & {{"numpy", "snn", "autograd"}})))
"""


def test_a_trained_convolutional_net_spikes_where_numpy_is_alone(tmp_path):
    rng = np.random.default_rng(0)
    net = nn.SequentialCell(
        nn.Conv2d(1, 4, 3, rng=rng), snn.LIFNode(beta=0.8), nn.MaxPool2d(2, 2), nn.Flatten(), nn.Dense(36, 2, rng=rng),
        snn.LIFNode(beta=0.8),
    )  # fmt: skip
    labels = np.arange(24) % 2
    bars = np.zeros((24, 1, 6, 6), np.float32)
    for k, label in enumerate(labels):
        bars[(k, 0, slice(None), k % 6) if label else (k, 0, k % 6, slice(None))] = 1.0
    x = snn.encode.rate(np.clip(bars, 0.05, 0.9), 8, rng)
    adam = optim.Adam(net.trainable_params(), 0.02)
    step = value_and_grad(lambda: snn.losses.count_cross_entropy(snn.run(net, x).out, labels), None, adam.params)
    losses = []
    for _ in range(25):
        loss, gradients = step()
        assert all(np.abs(g.numpy()).max() > 0 for g in gradients)
        adam(gradients)
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    for layer in (net[0], net[4]):  # whole numbers, so that the bits are those of any order of sums
        layer.weight.set_data(np.round(16 * layer.weight.numpy()))
    net[4].bias.set_data(np.round(16 * net[4].bias.numpy()))
    net[1].v_threshold = net[5].v_threshold = 16.0
    written = export_numpy(net, tmp_path / "net.py", x)
    assert written.equal == 1.0
    assert written.size < 20_000
    np.save(tmp_path / "x.npy", x.numpy())
    packages = tmp_path / "packages"
    packages.mkdir()
    for folder in Path(np.__file__).parents[1].glob("numpy*"):
        if folder.name in ("numpy", "numpy.libs"):
            (packages / folder.name).symlink_to(folder, target_is_directory=True)
    code = ALONE.format(
        packages=str(packages), place=str(tmp_path), input=str(tmp_path / "x.npy"), output=str(tmp_path / "out.npz")
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["numpy"]
    want = snn.run(net, x)
    found = np.load(tmp_path / "out.npz")
    assert np.array_equal(found["out"], want.out.numpy())
    assert 0 < np.count_nonzero(want.out) < want.out.size
    assert np.array_equal(found["arr_1"], want.state["5"].numpy())


GEOMETRY = [
    ((3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), 1), ((2, 3), (2, 1), (1, 2), ((0, 1), (2, 0)), 2),
    ((1, 1), (3, 2), (1, 1), ((0, 0), (0, 0)), 4), ((3, 2), (2, 2), (2, 1), ((1, 0), (1, 1)), 1),
]  # fmt: skip


@pytest.mark.parametrize(("kernel", "stride", "dilation", "pads", "groups"), GEOMETRY)
def test_windows_equal_those_of_the_core(kernel, stride, dilation, pads, groups):
    x, w = whole((2, 4, 7, 8)), whole((4, 4 // groups, *kernel), 1)
    at, windows = (kernel, stride, dilation, pads), Windows(kernel, stride, dilation, pads)
    assert np.array_equal(functions.convolve(x, w, groups, *at), convolve(x, w, windows, groups))
    g = whole(convolve(x, w, windows, groups).shape, 2)
    assert np.array_equal(
        functions.transposed(g, w, groups, *at, x.shape[2:]), input_gradient(g, w, windows, groups, x.shape[2:])
    )
    assert np.array_equal(functions.sum_pool(x, *at), summed(x, windows))
    top = functions.max_pool(x, *at)
    assert np.array_equal(top, largest(x, windows))
    chosen = functions.first_largest(x, top, *at)
    assert np.array_equal(chosen, first_largest(x, top, windows))
    assert np.array_equal(functions.picked(-x, chosen, *at), picked(-x, chosen, windows))


def test_floats_become_whole_numbers_as_in_the_core():
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 2.7, -2.7, 2**31 - 64, 0.0], np.float32)
    for dtype in (np.int8, np.uint8, np.int32, np.int64, np.uint64):
        with np.errstate(invalid="ignore"):
            assert np.array_equal(functions.to_whole(x, dtype), ops.cast(Tensor(x), dtype))


class Sampling(Cell):
    def construct(self, x):
        return x + np.random.default_rng().normal(size=x.shape)


class Averaging(Cell):
    def construct(self, x):
        return x - ops.mean(x, 0, keepdims=True)


class Exact(Cell):
    def construct(self, x):
        return ops.erf(x)


class Asks(Cell):
    def construct(self, x):
        return x if x.sum() > 0 else -x


def hooked():
    net = nn.SequentialCell(nn.Dense(6, 2), snn.IFNode())
    net[0].register_forward_hook(lambda cell, inputs, out: out * 2)
    return net


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (Sampling(), r"does the same to each sample, .* got other numbers for"),
        (Averaging(), "got another operation for another size, at div"),
        (Exact(), r"got ops.erf, a function of scipy.special"), (snn.PSN(4), r"PSN: expected layers that run step by step"),
        (snn.Stochastic(snn.IFNode(), rng=0), "other numbers for each sample, at the initial seed"),
        (hooked(), "a neuron without hooks, got one with a hook"), (Asks(), r"test_plain.py, line \d+, in construct"),
    ],
    ids=["random numbers", "the batch", "scipy", "over time", "stochastic", "hook", "values"],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_by_name(net, message, tmp_path):
    with pytest.raises(CompileError, match=message):
        export_numpy(net, tmp_path / "net.py", np.ones((4, 3, 6), np.float32))
    assert not (tmp_path / "net.py").exists()


def test_arguments_that_are_wrong(tmp_path):
    net, x = nn.SequentialCell(nn.Dense(6, 2), snn.IFNode()), np.ones((4, 3, 6), np.float32)
    with pytest.raises(ArgumentError, match="a net that is not in training"):
        export_numpy(nn.SequentialCell(nn.Dense(6, 2), snn.IFNode()).set_train(), tmp_path / "net.py", x)
    for name in ("net.txt", "my net.py", "net"):
        with pytest.raises(ArgumentError, match="whose file can be imported"):
            export_numpy(net, tmp_path / name, x)
    with pytest.raises(ShapeError, match=r"an input x \[T, N"):
        export_numpy(net, tmp_path / "net.py", x[0, 0])
    with pytest.raises(DTypeError, match="float32 or float64"):
        export_numpy(net, tmp_path / "net.py", x.astype(np.float16))
    with pytest.raises(WriteError):
        export_numpy(net, tmp_path / "nowhere" / "net.py", x)
    run = exported(net, x, tmp_path)[0]
    for wrong in (x.astype(np.float64), x[..., :5], x[:0]):
        with pytest.raises(ValueError, match=r"expected x as float32 \[T, N, 6\] with at least one step"):
            run(wrong)
    with pytest.raises(ValueError, match="expected a state"):
        run(x, (np.zeros((4, 2), np.float32),))


def test_the_net_is_left_as_it_was_and_the_same_net_gives_the_same_file(tmp_path):
    net = nn.SequentialCell(nn.Dense(6, 2, rng=0), nn.Dropout(0.5, rng=0), snn.Dropout(0.5, rng=0), snn.IFNode())
    weights, generator = net.state_dict(), net[1].rng.bit_generator.state if hasattr(net[1], "rng") else None
    x = np.ones((4, 3, 6), np.float32)
    first = export_numpy(net, tmp_path / "net.py", x).path.read_bytes()
    assert export_numpy(net, tmp_path / "net.py", x).path.read_bytes() == first
    assert all(np.array_equal(weights[name], value) for name, value in net.state_dict().items())
    assert generator is None or net[1].rng.bit_generator.state == generator
