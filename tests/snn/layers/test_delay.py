"""Delays for each feature, against a plain loop, in every mode."""

import copy
import io

import numpy as np
import pytest

import snn
from autograd import Cell, Tensor, grad, nn, ops
from autograd.errors import ArgumentError, DTypeError, ShapeError, StateError
from snn.spikes import Spikes
from tests.reference.delays import delayed
from tests.snn.helpers.compare import assert_as_eager, assert_equal, everything, start_of
from tests.snn.helpers.neurons import whole_dense

every_mode = pytest.mark.parametrize("mode", ["eager", "python", "compiled"])
T, N = 7, 3
SHAPES = {
    "features": ((5,), [0, 3, 1, 3, 2]), "one": ((4,), 2), "none": ((4,), 0), "longer than the run": ((3,), [9, 0, 6]),
    "channels": ((2, 3, 4), np.array([3, 1])[:, None, None]), "pixels": ((2, 3), [[0, 1, 2], [2, 5, 0]]),
    "all alike": ((3,), [2, 2, 2]), "no features": ((), 3), "one step": ((2,), [1, 1]),
}  # fmt: skip
cases = pytest.mark.parametrize(("shape", "delay"), SHAPES.values(), ids=SHAPES)


def drawn(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@cases
@every_mode
def test_each_feature_comes_later_by_its_delay(shape, delay, mode):
    x, layer = drawn(T, N, *shape, dtype=np.float64), snn.Delay(delay)
    out, state, _ = snn.run(layer, x, mode=mode)
    np.testing.assert_array_equal(out, delayed(x, delay))
    assert out.dtype == np.float64
    assert len(state) == np.max(delay)


@cases
def test_all_is_as_step_by_step(shape, delay):
    layer, x = snn.Delay(delay), Tensor(drawn(T, N, *shape))
    assert_as_eager(layer, x)
    if layer.steps:
        assert_as_eager(layer, x, state=start_of(layer, x), record=["x"])


@every_mode
@pytest.mark.parametrize("cut", [1, 2, 5])
def test_two_runs_with_carried_state_are_one(mode, cut):
    x, layer = drawn(T, N, 5), snn.Delay([0, 3, 1, 3, 2])
    whole, end, _ = snn.run(layer, x, mode=mode)
    first, state, _ = snn.run(layer, x[:cut], mode=mode)
    second, after, _ = snn.run(layer, x[cut:], state, mode=mode)
    assert_equal(ops.concat([first, second]), whole)
    assert_equal(after, end)


def net(dtype=np.float32):
    rng, options = np.random.default_rng(0), {"surrogate_function": snn.surrogate.atan()}
    return nn.SequentialCell(
        whole_dense(rng, 5, 6, dtype), snn.IFNode(**options), snn.Delay([2, 0, 1, 4, 2, 9]),
        whole_dense(rng, 6, 4, dtype), snn.Delay(1), snn.LIFNode(beta=0.5, **options),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "dtype", "masked"),
    [("compiled", np.float32, False), ("python", np.float64, False), ("python", np.float32, True)],
)
def test_a_net_with_delays_is_as_in_the_eager_mode(mode, dtype, masked):
    x = Tensor(drawn(T, N, 5, dtype=dtype) + 0.5)
    mask = np.random.default_rng(5).random((T, N)) < 0.7 if masked else None
    out, state, record = assert_as_eager(net(dtype), x, mode, record=("spike", "v", "x"), mask=mask, check=not masked)
    assert out.asnumpy().any()
    assert record["1.spike"].asnumpy().any()
    assert list(state) == ["1", "2", "4", "5"]
    _, gradients = everything(net(dtype), x, mode)
    assert all(g.asnumpy().any() for g in gradients)


def test_spikes_stay_spikes_and_pass_their_gradient():
    chain, x = nn.SequentialCell(snn.IFNode(), snn.Delay([3, 0, 1])), np.abs(drawn(T, N, 3))
    out, _, _ = snn.run(chain, x, mode="compiled")
    assert type(out) is Spikes
    assert_equal(out, snn.run(chain, x, mode="eager")[0])
    assert out.asnumpy().any()
    weights = drawn(T, N, 3, seed=1)
    found, expected = (
        grad(lambda x, mode=mode: (snn.run(chain, x, mode=mode)[0] * weights).sum())(x) for mode in ("compiled", "eager")
    )
    assert expected.asnumpy().any()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_spikes_that_were_under_way_stay_where_they_were():
    chain, x = nn.SequentialCell(snn.IFNode(), snn.Delay([3, 0, 1])), np.abs(drawn(2 * T, N, 3))
    whole, _, _ = snn.run(chain, x, mode="compiled")
    first, state, _ = snn.run(chain, x[:2], mode="compiled")
    assert_equal(ops.concat([first, snn.run(chain, x[2:], state, mode="compiled")[0]]), whole)


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_derivatives_of_second_order_pass(mode):
    x, layer, weights = drawn(T, N, 3, dtype=np.float64), snn.Delay([0, 2, 5]), drawn(T, N, 3, dtype=np.float64, seed=1)

    def first(x):
        return (grad(lambda x: (weights * snn.run(layer, x, mode=mode)[0] ** 3).sum())(x) ** 2).sum()

    moved = np.zeros((T, N, 3))
    for k, d in enumerate(layer.delay):
        moved[: T - d, :, k] = weights[d:, :, k]
    np.testing.assert_allclose(grad(first)(x), 36 * moved**2 * x**3)


class Loop(Cell):
    """A neuron to which comes back what it fired some steps ago."""

    def __init__(self, delay):
        super().__init__()
        self.node, self.delay = snn.IFNode(surrogate_function=snn.surrogate.atan()), snn.Delay(delay)
        self.back = nn.Dense(4, 4, has_bias=False, weight_init=np.eye(4, dtype=np.float32) / 2)

    def initial_state(self, x):
        return self.node.initial_state(x), self.delay.initial_state(x), ops.zeros_like(x)

    def construct(self, x, state):
        v, under_way, fired = state
        late, under_way = self.delay(fired, under_way)
        spike, v = self.node(x + self.back(late), v)
        return spike, (v, under_way, spike)


class Peeking(Cell):
    """A delay whose state is read beside it."""

    def __init__(self):
        super().__init__()
        self.delay, self.node = snn.Delay([1, 2, 0, 2]), snn.IFNode(surrogate_function=snn.surrogate.atan())

    def initial_state(self, x):
        return self.delay.initial_state(x), self.node.initial_state(x)

    def construct(self, x, state):
        late, under_way = self.delay(x, state[0])
        spike, v = self.node(late + 0.5 * under_way[1] + 0.25 * state[0][0], state[1])
        return spike, (under_way, v)


@pytest.mark.parametrize(
    ("build", "mode"),
    [(lambda: Loop([0, 2, 1, 3]), "compiled"), (lambda: Loop(1), "python"), (Peeking, "python")],
    ids=["several", "one", "peeking"],
)
def test_a_delay_in_feedback_steps_with_the_neurons(build, mode):
    x = Tensor(drawn(T, N, 4) + 0.5)
    out, _, _ = assert_as_eager(build(), x, mode, record=["spike"])
    assert 0 < out.asnumpy().mean() < 1


class Doubled(snn.Delay):
    def construct(self, x, state):
        out, state = super().construct(x, state)
        return 2 * out, state


def test_an_overridden_step_replaces_the_method_for_all_steps():
    x = drawn(T, N, 2)
    for mode in ("eager", "compiled"):
        np.testing.assert_array_equal(snn.run(Doubled([0, 2]), x, mode=mode)[0], 2 * delayed(x, [0, 2]))


@every_mode
def test_bools_and_whole_numbers_come_out_as_floats(mode):
    x = np.random.default_rng(0).random((T, N, 2)) < 0.5
    out, _, _ = snn.run(snn.Delay([1, 2]), x, mode=mode)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, delayed(x.astype(np.float32), [1, 2]))


def test_an_input_that_is_the_same_at_every_step():
    x = np.broadcast_to(drawn(N, 3), (T, N, 3))
    for mode in ("eager", "compiled"):
        np.testing.assert_array_equal(snn.run(snn.Delay([0, 1, 4]), x, mode=mode)[0], delayed(x, [0, 1, 4]))


def test_explain_and_the_estimate_of_memory_know_it():
    file = io.StringIO()
    snn.explain(net(), drawn(T, N, 5), file=file)
    assert "layer 2: Delay(6 of 0 to 9 steps)\n  has a state: runs on all time steps at once" in file.getvalue()
    file = io.StringIO()
    snn.explain(snn.Delay([0, 2]), file=file)
    assert file.getvalue().startswith("Delay(2 of 0 to 2 steps)\n  has a state: runs on all time steps at once")
    rows = {layer.name: layer for layer in snn.memory_estimate(net(), 100, 8).layers}
    assert rows["2 Delay"].output == 100 * 8 * 6  # a byte for each
    assert rows["4 Delay"].output == 100 * 8 * 4 * 4


def test_other_delays_are_assigned_and_not_written():
    x, layer = np.arange(1.0, 13.0).reshape(6, 1, 2), snn.Delay([0, 1])
    for twin in (layer, copy.deepcopy(layer)):
        with pytest.raises(ValueError, match="read-only"):
            twin.delay[:] = 3
    for delay in ([3, 3], [0, 2], 5, 0):
        layer.delay = delay
        assert layer.steps == np.max(delay)
        for mode in ("eager", "compiled"):
            np.testing.assert_array_equal(snn.run(layer, x, mode=mode).out, snn.run(snn.Delay(delay), x, mode="eager").out)
    with pytest.raises(ArgumentError, match="Delay: expected delay of at least 0 steps, got -1"):
        layer.delay = -1
    assert layer.steps == 0


def test_what_is_wrong_is_said():
    for wrong in (1.5, [1, 2.0], True, []):
        with pytest.raises(ArgumentError, match="Delay: expected delay in whole steps, an int or an array of them, got"):
            snn.Delay(wrong)
    with pytest.raises(ArgumentError, match=r"Delay: expected delay of at least 0 steps, got -1\. Delays are in time steps"):
        snn.Delay([0, -1])
    with pytest.raises(DTypeError):
        snn.Delay("3")
    for wrong in (np.uint64(2**63 + 5), np.array([1, 2**64 - 1], np.uint64), 2**40):
        with pytest.raises(ArgumentError, match=f"Delay: expected delay of at most 2147483647 steps, got {np.max(wrong)}"):
            snn.Delay(wrong)
    layer, x = snn.Delay([0, 1, 2]), np.ones((N, 2), np.float32)
    for mode in ("eager", "compiled"):
        with pytest.raises(ShapeError, match=r"features the delays \[3\] broadcast to, got \[3, 2\] Float32"):
            snn.run(layer, x[None], mode=mode)
    with pytest.raises(StateError, match="a tuple of 2 Tensors, one for each step of the longest delay, got a tuple of 1"):
        layer(np.ones((N, 3), np.float32), (np.zeros((N, 3), np.float32),))
    with pytest.raises(StateError, match=r"Delay, state of 2 steps: expected \[3, 3\] Float32, as the input, got"):
        layer(np.ones((N, 3), np.float32), (np.zeros((N, 3), np.float32), np.zeros((N, 2), np.float32)))
    with pytest.raises(StateError, match=r"expected an input and a state, layer\(x, state\), got no state"):
        layer(np.ones((N, 3), np.float32))
