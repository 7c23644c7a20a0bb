"""Layers over time anywhere in a chain, in every mode."""

import io

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn, ops
from autograd.errors import ArgumentError, CellError, NonFiniteError, ShapeError, StateError
from tests.snn.helpers.compare import assert_as_eager, assert_equal
from tests.snn.helpers.nets import Holder
from tests.snn.helpers.neurons import whole_dense
from tests.snn.helpers.over_time import F, N, T, eighths, masked, psn, weights_of

every_mode = pytest.mark.parametrize("mode", ["eager", "python", "compiled"])
without_compiler = pytest.mark.parametrize("mode", ["eager", "python"])  # where there are neurons with loops beside
over_time = pytest.mark.parametrize("build", [psn, masked], ids=["PSN", "masked"])


def chain(dtype=np.float32, **options):
    """Return Dense, IF, PSN, a nested chain of Dense and masked PSN, Dense, LIF; weights and sums are exact."""
    rng = np.random.default_rng(0)
    return nn.SequentialCell(
        whole_dense(rng, F, 5, dtype), snn.IFNode(**options), psn(dtype, **options),
        nn.SequentialCell(whole_dense(rng, 5, F, dtype), masked(dtype=dtype, **options)),
        whole_dense(rng, F, 2, dtype), snn.LIFNode(beta=0.5, **options),
    )  # fmt: skip


SURROGATE = {"surrogate_function": snn.surrogate.atan()}
HOLES = np.random.default_rng(5).random((T, N)) < 0.6


@pytest.mark.parametrize(
    ("mode", "dtype", "mask"),
    [("compiled", np.float32, None), ("python", np.float32, HOLES), ("python", np.float64, None)],
)
def test_a_chain_is_as_in_the_eager_mode(mode, dtype, mask):
    net, x = chain(dtype, **SURROGATE), Tensor(eighths((T, N, F), dtype, seed=3))
    out, state, record = assert_as_eager(net, x, mode, record=("spike", "v", "x"), mask=mask)
    assert list(state) == ["1", "5"]
    assert [key for key in record if key.endswith("v")] == ["1.v", "2.v", "3.1.v", "5.v"]
    assert all(record[f"{key}.spike"].asnumpy().any() for key in ("1", "2", "3.1", "5"))
    assert out.shape == (T, N, 2)


@over_time
@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_alone_it_is_as_in_the_eager_mode(build, mode):
    x = Tensor(eighths((T, N, 2, F), seed=3))
    assert snn.run(build(), x, mode=mode)[1] is None
    assert_as_eager(nn.SequentialCell(build()), x, mode, record=("spike", "v"), mask=HOLES)


@every_mode
def test_a_chain_is_its_parts_one_after_the_other(mode):
    net, x = chain(), eighths((T, N, F), seed=3)
    first, _, _ = snn.run(nn.SequentialCell(net[0], net[1]), x, mode="eager")
    middle = net[2](first)
    inner = net[3][1](ops.stack([net[3][0](step) for step in ops.unstack(middle)]))
    last, _, _ = snn.run(nn.SequentialCell(net[4], net[5]), inner, mode="eager")
    assert_equal(snn.run(net, x, mode=mode)[0], last)


@pytest.mark.parametrize("build", [chain, psn, masked])
@without_compiler
def test_what_a_mask_leaves_out_is_zero_and_does_not_matter(build, mode):
    net, x = build(), eighths((T, N, F), seed=3)
    found = []
    for filled in (0.0, 100.0, np.nan):
        x[~HOLES] = filled

        def loss(x, net=net):
            out, _, record = snn.run(net, x, mask=HOLES, record=("v", "x", "spike"), mode=mode)
            return (out * weights_of(out.shape)).sum(), out, record

        (by_x, by_weights), (out, record) = grad(loss, weights=net.trainable_params(), has_aux=True)(x)
        assert not by_x.asnumpy()[~HOLES].any()
        assert not out.asnumpy()[~HOLES].any()
        for key, values in record.items():
            if build is not chain or key.startswith(("2.", "3.")):
                assert not values.asnumpy()[~HOLES].any()
        found.append([by_x, *by_weights, out, *record.values()])
    assert_equal(found[1], found[0])
    assert_equal(found[2], found[0])


class Centred(Cell):
    """A norm over time: what is subtracted is the mean of a feature over all steps and samples."""

    over_time = True

    def __init__(self):
        super().__init__()
        self.scale = Parameter(2.0)

    def construct(self, x):
        return self.scale * (x - x.mean((0, 1)))


@without_compiler
def test_a_users_layer_over_time_gets_all_steps(mode):
    net, x = nn.SequentialCell(Centred(), snn.IFNode(), Centred()), eighths((T, N, F), seed=3)
    seen = []
    net[0].register_forward_hook(lambda cell, inputs, out: seen.append(inputs[0].shape))
    out, _, record = snn.run(net, x, mode=mode, record="v", check=True)
    spikes = snn.run(snn.IFNode(), 2 * (x - x.mean((0, 1))), mode=mode)[0].asnumpy()
    np.testing.assert_allclose(out, 2 * (spikes - spikes.mean((0, 1))), rtol=0, atol=1e-6)
    assert list(record) == ["1.v"]
    assert seen == [(T, N, F)]


def test_a_hook_on_it_keeps_auto_step_by_step_and_sees_the_whole_sequence():
    node, seen = snn.PSN(64, rng=0), []
    x = np.ones((64, 16, 16), np.float32)
    node.register_forward_hook(lambda cell, inputs, out: seen.append((inputs[0].shape, out.shape)))
    snn.run(nn.SequentialCell(snn.IFNode(), node), x)
    assert seen == [((64, 16, 16), (64, 16, 16))]


def test_auto_takes_it_at_any_size_without_a_warning():
    net = nn.SequentialCell(snn.PSN(64, rng=0, v_threshold=0.1), snn.IFNode())
    x = np.random.default_rng(0).normal(size=(64, 16, 16)).astype(np.float32)
    assert_equal(*(list(snn.run(net, x, mode=mode)) for mode in ("auto", "eager")))


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_it_stands_beside_neurons_that_a_cell_wires_itself(mode):
    net, x = nn.SequentialCell(Holder(), psn()), np.ones((T, N, 3), np.float32)
    out, state, _ = snn.run(net, x, mode=mode)
    inner, end, _ = snn.run(net[0], x, mode="eager")
    assert_equal([out, state], [net[1](inner), {"0": end}])


# Errors


class Inside(Cell):
    """Holds a layer over time in a step."""

    def __init__(self, node):
        super().__init__()
        self.node = node

    def construct(self, x):
        return self.node(x)


class InsideWithState(Inside):
    def construct(self, x, state):
        return self.node(x), state


@every_mode
@pytest.mark.parametrize("kind", [Inside, InsideWithState])
def test_it_cannot_stand_in_a_cell_that_is_run_step_by_step(kind, mode):
    net = nn.SequentialCell(snn.IFNode(), kind(snn.PSN(N)))  # a step has as many samples as it has steps
    match = (
        r"layer '1' \(Inside.*\): expected PSN, which takes all time steps at once, in a chain of layers, got it in a Cell.*"
    )
    with pytest.raises(CellError, match=match + r"Put it in an nn.SequentialCell, or set over_time = True"):
        snn.run(net, np.ones((T, N, F), np.float32), mode=mode)


def test_a_cell_that_says_that_it_is_over_time_itself_may_hold_one():
    net, x = Inside(psn()), eighths((T, N, F), seed=3)
    net.over_time = True
    assert_equal(snn.run(net, x)[0], snn.run(net.node, x)[0])


@every_mode
@over_time
def test_a_sequence_of_another_length_is_refused(build, mode):
    for steps in (T - 1, T + 1):
        with pytest.raises(
            ShapeError, match=rf"PSN\(T=6\): expected \[6, N, \.\.\.\], all its time steps.*, got \[{steps}, 3"
        ):
            snn.run(build(), np.ones((steps, N, F), np.float32), mode=mode)


@every_mode
@pytest.mark.parametrize("state", [{}, {"0": np.zeros((N, F), np.float32)}], ids=["empty", "of a neuron"])
def test_a_carried_state_is_refused(state, mode):
    net = nn.SequentialCell(*([snn.IFNode()] if state else []), psn())
    with pytest.raises(StateError, match=r"\(PSN\), state: expected none in the whole net.*Run the whole sequence at once"):
        snn.run(net, np.ones((T, N, F), np.float32), state, mode=mode)


@every_mode
def test_an_output_of_another_length_is_refused(mode):
    class Short(Cell):
        over_time = True

        def construct(self, x):
            return x[1:]

    with pytest.raises(ShapeError, match=r"Short: expected an output \[6, 3, \.\.\.\], got \[5, 3, 4\]"):
        snn.run(Short(), np.ones((T, N, F), np.float32), mode=mode)


@without_compiler
def test_nan_is_found_with_layer_and_time_step(mode):
    node = psn(surrogate_function=lambda u: ops.where(u > 2, np.nan, u))
    net = nn.SequentialCell(snn.IFNode(), nn.SequentialCell(node))
    x = np.full((T, 1, 1), 1.25, np.float32)
    node.weight.set_data(np.tri(T))
    node.v_threshold.set_data(np.zeros(T))
    with pytest.raises(NonFiniteError, match=r"layer '1.0' \(PSN\) at time step 2"):
        snn.run(net, x, mode=mode, check=True)


@without_compiler
def test_what_stands_in_two_layers_is_not_recorded(mode):
    x = np.ones((T, N, F), np.float32)
    for shared, net in (("PSN", lambda a, b: [a, a]), ("IFNode", lambda a, b: [b, a, b])):
        with pytest.raises(ArgumentError, match=rf"neurons that run once in every time step, got layer '0' \({shared}\)"):
            snn.run(nn.SequentialCell(*net(psn(), snn.IFNode())), x, record="spike", mode=mode)


@without_compiler
def test_what_cannot_be_recorded_is_named(mode):
    net, x = nn.SequentialCell(snn.SlidingPSNNode(2), psn()), np.ones((T, N, F), np.float32)
    with pytest.raises(ArgumentError, match="some of h1, spike, v, v_before_reset, x, got u"):
        snn.run(net, x, record=("v", "u"), mode=mode)


# What is said of them


def explained(*args):
    file = io.StringIO()
    snn.explain(*args, file=file)
    return file.getvalue()


@pytest.mark.parametrize("x", [(), (np.ones((T, N, F), np.float32),)], ids=["without input", "with input"])
def test_explain_lists_them_among_the_layers(x):
    text = explained(chain(), *x)
    said = "no state: runs on all time steps at once; each may depend on the others\n"
    assert f"layer 2: {psn()!r}\n  {said}layer 3.0: Dense" in text
    assert f"layer 3.1: {masked()!r}\n  {said}" in text
    assert text.count(said) == 2
    assert "Not compiled" not in text
    assert explained(psn(), *x).count(said) == 1


def test_the_estimate_of_memory_counts_all_steps_and_samples_without_making_them():
    net = nn.SequentialCell(nn.Dense(8, 16, rng=0), snn.IFNode(), snn.PSN(T), nn.Dense(16, 4, rng=1), snn.IFNode())
    found = snn.memory_estimate(net, T, 10**7)
    layer = found.layers[1]
    size = T * 10**7 * 16 * 4
    assert (layer.name, layer.output, layer.saved) == ("2 PSN", size, 2 * size)  # membranes, and spikes as numbers
    assert layer.gradients == size + 4 * (T * T + T)
    assert found.peak > 4 * size
    assert snn.memory_estimate(net, T, 10**7, training=False).layers[1].saved == 0
