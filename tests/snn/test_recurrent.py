"""Recurrent layers: against a plain loop, and compiled against eager."""

import itertools

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, nn, ops, tree, value_and_grad
from autograd.errors import ArgumentError, CompileError, ShapeError, StateError
from tests.snn.helpers.compare import assert_as_eager, assert_equal
from tests.snn.helpers.neurons import AdaptiveNode, OwnBprop, Synaptic, whole_dense

T, N, F = 9, 5, 7
modes = pytest.mark.parametrize("mode", ["compiled", "python"])
laterals = pytest.mark.parametrize("lateral", ["all", "self"])


def recurrent(node, n=F, lateral="all", dtype=np.float32, seed=0):
    weight = np.random.default_rng(seed).integers(-1, 2, (n, n) if lateral == "all" else n)
    return snn.Recurrent(node, n, lateral=lateral, weight_init=weight, dtype=dtype)


def currents(shape=(T, N, F), dtype=np.float32, seed=1):
    return np.random.default_rng(seed).integers(0, 3, shape).astype(dtype)


def naive(x, weight, beta, threshold):
    """Run leaky neurons that are connected among themselves; return spikes and membranes."""
    steps, samples, n = x.shape
    spikes, v = np.zeros_like(x), np.zeros((samples, n), x.dtype)
    for t in range(steps):
        for s in range(samples):
            for i in range(n):
                lateral = 0.0
                for j in range(n):
                    w = weight[i, j] if weight.ndim == 2 else weight[i] * (i == j)
                    lateral += w * spikes[t - 1, s, j] if t else 0.0
                v[s, i] = beta * v[s, i] + x[t, s, i] + lateral
                if v[s, i] > threshold:
                    spikes[t, s, i] = threshold
                    v[s, i] -= threshold
    return spikes, v


@laterals
@pytest.mark.parametrize("mode", ["eager", "compiled", "python"])
def test_a_layer_does_what_its_equation_says(mode, lateral):
    layer, x = recurrent(snn.LIFNode(2.0, beta=0.5), lateral=lateral), currents()
    out, state, _ = snn.run(layer, x, mode=mode)
    spikes, v = naive(x, layer.weight.asnumpy(), 0.5, 2.0)
    np.testing.assert_array_equal(out, spikes)
    np.testing.assert_array_equal(state.v, v)
    np.testing.assert_array_equal(state.spike, spikes[-1])


NODES = {
    "IF": lambda: snn.IFNode(2.0),
    "hard": lambda: snn.LIFNode(2.0, beta=0.5, v_reset=0.0, surrogate_function=snn.surrogate.triangle()),
    "unit": lambda: snn.LIFNode(2.0, beta=0.5, spike_value="unit", detach_reset=True),
    "a threshold each": lambda: snn.IFNode(2.0 ** (np.arange(F) % 2)),
    "learnable": lambda: snn.LIFNode(Parameter(np.float32(2.0)), beta=Parameter(np.full(F, 0.5, np.float32))),
    "NamedTuple": lambda: AdaptiveNode(F, np.float32),
    "dict": lambda: Synaptic(snn.surrogate.rectangle()),
    "readout": lambda: snn.LeakyReadout(beta=0.125),
    "own bprop": lambda: Small(),
}


class Small(OwnBprop):
    """Does not grow when what it gives comes back."""

    def construct(self, x, v):
        v = 0.5 * v + 0.125 * x
        return v, v

    def bprop(self, x, v, out, dout):
        d = dout[0] + dout[1]
        return 0.125 * d, 0.5 * d


COMPILED = [  # what comes back is spikes or numbers, made whole or where it matters; with a mask, Parameters, several states
    ("hard", True, "all"),
    ("learnable", False, "all"),
    ("NamedTuple", True, "all"),
    ("readout", True, "all"),
    ("own bprop", False, "all"),
    ("learnable", True, "self"),
    ("dict", False, "self"),
]


@pytest.mark.parametrize(
    ("name", "masked", "lateral", "mode"),
    [(*case, "python") for case in itertools.product(NODES, [False, True], ["all", "self"])]
    + [(*case, "compiled") for case in COMPILED],
)
def test_a_layer_of_any_neuron_is_as_in_the_eager_mode(name, masked, lateral, mode):
    layer, x = recurrent(NODES[name](), lateral=lateral), currents()
    if name == "readout":
        x[3:] = 0  # so that sums of halves stay exact
    mask = np.random.default_rng(2).random((T, N)) > 0.4 if masked else None
    state = snn.initial_state(layer, Tensor(x[0]))
    record = ("v", "x") + (("spike",) if name not in ("readout", "own bprop") else ())
    assert_as_eager(layer, x, mode, state=state, mask=mask, record=record)


@pytest.mark.parametrize("path", ["events", "dense"])
@pytest.mark.parametrize(
    ("samples", "n", "mode"), [(1, 1, "python"), (3, 70, "python"), (3, 70, "compiled"), (7, 200, "compiled")]
)
def test_sizes_that_are_no_multiple_of_anything(samples, n, path, mode, tune):
    tune(little_work=0 if path == "events" else 1 << 60)
    rng = np.random.default_rng(0)
    steps = 6 if mode == "compiled" else 3
    net = nn.SequentialCell(
        whole_dense(rng, 9, n), recurrent(snn.IFNode(8.0, surrogate_function=snn.surrogate.triangle(0.25)), n),
        whole_dense(rng, n, 4), snn.LIFNode(4.0, beta=0.5),
    )  # fmt: skip
    x = (rng.random((steps, samples, 9)) < 0.2).astype(np.float32)
    assert_as_eager(net, x, mode, record=("v", "spike"))
    assert_as_eager(net, x, mode, mask=rng.random((steps, samples)) > 0.3)


@modes
def test_two_runs_with_carried_state_equal_one_to_the_bit(mode):
    # Also with weights that are no whole numbers: what comes back to the first step is summed as within a run.
    threshold = np.linspace(0.5, 1.5, F)
    layer = snn.Recurrent(snn.LIFNode(threshold, beta=0.9), F, rng=0)
    x = currents() * np.float32(0.37)
    whole, end, _ = snn.run(layer, x, mode=mode)
    first, middle, _ = snn.run(layer, x[:4], mode=mode)
    second, after, _ = snn.run(layer, x[4:], middle, mode=mode)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    assert_equal(list(after), list(end))
    assert whole.array.any()


@pytest.mark.parametrize(("masked", "mode"), [(False, "python"), (True, "python"), (True, "compiled")], ids=str)
@pytest.mark.parametrize("fired", ["amplitude", "another amplitude", "anything"])
def test_spikes_of_the_given_state_may_have_any_values(fired, masked, mode):
    rng = np.random.default_rng(3)
    layer, x = recurrent(snn.IFNode(2.0)), currents()
    values = {"amplitude": 2.0 * (rng.random((N, F)) < 0.4), "another amplitude": 0.5 * (rng.random((N, F)) < 0.4)}
    spike = values.get(fired, rng.integers(-2, 3, (N, F))).astype(np.float32)
    state = snn.initial_state(layer, Tensor(x[0]))._replace(spike=Tensor(spike))
    mask = np.ones((T, N), bool)
    mask[:3, 0], mask[4:6, 1] = False, False
    assert_as_eager(layer, x, mode, state=state, mask=mask if masked else None)


@modes
def test_more_axes_between_batch_and_features(mode):
    x, mask = currents((T, N, 2, F)), np.random.default_rng(2).random((T, N)) > 0.4
    assert_as_eager(recurrent(snn.IFNode(2.0)), x, mode, mask=mask)


def test_thresholds_on_more_axes():
    layer = recurrent(snn.IFNode(2.0 ** np.random.default_rng(0).integers(0, 2, (2, F))))
    assert_as_eager(layer, currents((T, N, 2, F)), "python")


@pytest.mark.parametrize(
    ("dtype", "mode"), [*itertools.product([np.uint8, bool, np.int64], ["python"]), (np.uint8, "compiled"), (bool, "compiled")]
)
def test_input_of_whole_numbers_and_bools(dtype, mode):
    assert_as_eager(recurrent(snn.IFNode(2.0)), currents(dtype=dtype), mode)


@modes
def test_float64(mode):
    assert_as_eager(recurrent(snn.LIFNode(2.0, beta=0.5), dtype=np.float64), currents(dtype=np.float64), mode)


@modes
@pytest.mark.parametrize("steps", [1, 2])
def test_few_steps_and_an_empty_batch(steps, mode):
    layer = recurrent(snn.IFNode(2.0))
    state = snn.initial_state(layer, Tensor(np.zeros((N, F), np.float32)))
    assert_as_eager(layer, currents((steps, N, F)), mode, state=state)
    assert_as_eager(layer, currents((steps, 0, F)), mode)


def test_the_state_says_what_was_fired_and_the_weights_are_parameters():
    layer = snn.Recurrent(AdaptiveNode(F, np.float32), F, rng=0)
    state = layer.initial_state(np.zeros((N, F), np.float32))
    assert state._fields == ("v", "spike")
    assert [leaf.shape for leaf in tree.leaves(state)] == [(N, F)] * 3
    assert layer.weight.shape == (F, F)
    assert np.abs(layer.weight.array).max() <= 1 / np.sqrt(F)
    assert any(p is layer.weight for p in layer.trainable_params())


class Stateless(Cell):
    def construct(self, x):
        return x


class Holder(Cell):
    def __init__(self):
        super().__init__()
        self.node = snn.IFNode()

    def construct(self, x, v):
        return self.node(x, v)


@pytest.mark.parametrize("node", [Stateless(), Holder(), snn.IFNode, 3], ids=["stateless", "net", "class", "number"])
def test_what_is_no_neuron_is_an_error(node):
    with pytest.raises(ArgumentError, match="Recurrent: expected a neuron, such as"):
        snn.Recurrent(node, 3)


@pytest.mark.parametrize("n", [0, -1, 2.0, True, None])
def test_an_invalid_number_of_neurons_is_an_error(n):
    with pytest.raises(ArgumentError, match="Recurrent: expected n to be a positive int"):
        snn.Recurrent(snn.IFNode(), n)


def test_an_unknown_way_of_connecting_is_an_error():
    with pytest.raises(ArgumentError, match="Recurrent: expected lateral 'all', 'others' or 'self', got 'none'"):
        snn.Recurrent(snn.IFNode(), 3, lateral="none")


@laterals
@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_an_input_of_another_width_is_an_error(mode, lateral):
    with pytest.raises(ShapeError, match=r"expected an input \[\.\.\., 7\], got \[5, 4\]"):
        snn.run(recurrent(snn.IFNode(), lateral=lateral), currents((T, N, 4)), mode=mode)


@pytest.mark.filterwarnings("ignore:.*runs in float64:UserWarning")
def test_weights_of_a_narrower_dtype_are_converted_and_those_of_a_wider_one_refused():
    layer = recurrent(snn.IFNode())
    assert layer.weight.dtype == np.float32
    out = assert_as_eager(layer, currents(dtype=np.float64), "python")[0]
    assert out.dtype == np.float64
    assert out.array.any()
    for mode in ("eager", "compiled"):
        with pytest.raises(StateError, match=r"IFNode, state: expected .* Float64, as the input, got .* Float32"):
            snn.run(recurrent(snn.IFNode(), dtype=np.float64), currents(dtype=np.float32), mode=mode)


def test_a_neuron_that_mixes_elements_is_not_compiled():
    class Mixes(Cell):
        def construct(self, x, v):
            return x - ops.sum(x), v

    with pytest.raises(CompileError, match=r"ops\.sum, which mixes elements"):
        snn.run(recurrent(Mixes()), currents(), mode="compiled")


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_without_connections_to_itself_the_diagonal_does_not_count(mode):
    weight = np.random.default_rng(0).integers(-2, 3, (4, 4)) / 2
    x, found = np.random.default_rng(1).standard_normal((9, 3, 4)) + 0.5, []
    for lateral, start in (("others", weight), ("all", weight * (1 - np.eye(4)))):
        node = snn.IFNode(surrogate_function=snn.surrogate.atan())
        layer = snn.Recurrent(node, 4, lateral=lateral, weight_init=start, dtype=np.float64)
        found.append(value_and_grad(lambda layer=layer: (snn.run(layer, x, mode=mode).out ** 2).sum(), None, [layer.weight])())
    (value, (by_weight,)), (expected, (by_all,)) = found
    assert value.item() == expected.item() > 0
    np.testing.assert_allclose(by_weight, by_all.asnumpy() * (1 - np.eye(4)), rtol=1e-12)
    assert by_weight.asnumpy().any()
