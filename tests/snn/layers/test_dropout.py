"""Dropout with one mask for all time steps."""

import numpy as np
import pytest

import snn
from autograd import Cell, Tensor, grad, nn, ops, value_and_grad
from autograd.errors import ArgumentError, StateError
from snn.spikes import Spikes
from tests.snn.helpers.compare import assert_close, assert_equal

T, N = 6, 4
every_mode = pytest.mark.parametrize("mode", ["eager", "python", "compiled"])


def drawn(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@every_mode
@pytest.mark.parametrize("shape", [(9,), (2, 3, 4), ()], ids=str)
def test_the_same_elements_are_dropped_at_all_steps_and_others_at_each_run(shape, mode):
    layer, x = snn.Dropout(0.25, rng=3).set_train(), 1 + np.abs(drawn(T, 50, *shape, dtype=np.float64))
    out, state, _ = snn.run(layer, x, mode=mode)
    keep = (out.asnumpy() / x)[0]
    np.testing.assert_allclose(out, x * keep)
    assert set(keep.ravel().round(6)) == {0, round(1 / 0.75, 6)}
    assert abs((keep == 0).mean() - 0.25) < 0.2
    assert_equal(state.keep, Tensor(np.where(keep > 0, 1 / 0.75, 0.0)))
    again, _, _ = snn.run(layer, x, mode=mode)
    assert ((again.asnumpy() == 0) != (out.asnumpy() == 0)).any()


def test_a_generator_gives_the_same_masks_in_every_mode_and_after_evaluation():
    x, found = drawn(T, N, 5), []
    for mode in ("eager", "python", "compiled"):
        net = nn.SequentialCell(snn.Dropout(0.5, rng=1), nn.Dense(5, 3, rng=0), snn.Dropout(0.5, rng=2))
        outs = [snn.run(net.set_train(train), x, mode=mode).out for train in (True, False, True, True)]
        found.append(outs)
    for outs in found[1:]:
        assert_close(outs, found[0])
    assert not np.array_equal(found[0][2], found[0][3])


@every_mode
def test_a_run_in_parts_keeps_its_mask(mode):
    x = drawn(T, N, 5)
    whole = snn.run(snn.Dropout(0.5, rng=1).set_train(), x, mode=mode)
    layer = snn.Dropout(0.5, rng=1).set_train()
    first = snn.run(layer, x[:2], mode=mode)
    second = snn.run(layer, x[2:], first.state, mode=mode)
    assert_equal(ops.concat([first.out, second.out]), whole.out)
    assert_equal(second.state, whole.state)


@every_mode
def test_out_of_training_nothing_is_dropped_whatever_the_state(mode):
    x, layer = drawn(T, N, 5), snn.Dropout(0.5, rng=1).set_train()
    _, state, _ = snn.run(layer, x, mode=mode)
    before = layer.rng.bit_generator.state
    layer.set_train(False)
    for start in (None, state):
        np.testing.assert_array_equal(snn.run(layer, x, start, mode=mode).out, x)
    assert layer.rng.bit_generator.state == before


def test_spikes_stay_spikes_and_gradients_pass_where_nothing_is_dropped():
    x, weights, found = np.abs(drawn(T, N, 5)), drawn(T, N, 5, seed=1), []
    for mode in ("eager", "compiled"):
        net = nn.SequentialCell(snn.IFNode(), snn.Dropout(0.4, rng=1)).set_train()
        found.append(value_and_grad(lambda x, net=net, mode=mode: (snn.run(net, x, mode=mode).out * weights).sum())(x))
        out, state, record = snn.run(net, x, mode=mode, record=["keep"])
        assert out.asnumpy().any()
        assert not (out.asnumpy() * (state["1"].keep.asnumpy() == 0)).any()
        np.testing.assert_array_equal(record["1.keep"], np.broadcast_to(state["1"].keep, (T, N, 5)))
    assert type(snn.run(net, x, mode="compiled").out) is Spikes
    assert_close(found[1], found[0])
    assert found[0][1].asnumpy().any()


class Loop(Cell):
    def __init__(self):
        super().__init__()
        self.node, self.drop = snn.IFNode(surrogate_function=snn.surrogate.atan()), snn.Dropout(0.5, rng=1)
        self.back = nn.Dense(5, 5, has_bias=False, weight_init=np.eye(5, dtype=np.float32) / 2)

    def initial_state(self, x):
        return self.node.initial_state(x), self.drop.initial_state(x), ops.zeros_like(x)

    def construct(self, x, state):
        late, keep = self.drop(state[2], state[1])
        spike, v = self.node(x + self.back(late), state[0])
        return spike, (v, keep, spike)


@pytest.mark.parametrize("masked", [False, True])
def test_in_feedback_and_with_a_mask_it_is_as_in_the_eager_mode(masked):
    mask, found = np.random.default_rng(5).random((T, N)) < 0.7 if masked else None, []
    for mode in ("eager", "python"):
        net, x = nn.SequentialCell(Loop(), snn.Dropout(0.5, rng=7)).set_train(), drawn(T, N, 5) + 0.5
        found.append(value_and_grad(lambda x, net=net, mode=mode: snn.run(net, x, mask=mask, mode=mode).out.sum())(x))
    assert_close(found[1], found[0])
    assert found[0][1].asnumpy().any()


def test_derivatives_of_second_order_pass():
    layer, x = snn.Dropout(0.5, rng=1).set_train(), drawn(3, 2, 4, dtype=np.float64)
    for mode in ("eager", "compiled"):
        state = layer.initial_state(x[0])

        def first(x, state=state, mode=mode):
            return (grad(lambda x: (snn.run(layer, x, state, mode=mode).out ** 3).sum())(x) ** 2).sum()

        np.testing.assert_allclose(grad(first)(x), 36 * x**3 * state.keep.asnumpy() ** 6)


def test_what_is_wrong_is_said():
    for wrong in (1.0, -0.1, True, "0.5"):
        with pytest.raises(ArgumentError, match=r"Dropout: expected a probability p in \[0, 1\), got"):
            snn.Dropout(wrong)
    layer = snn.Dropout(0.5, rng=1)
    with pytest.raises(StateError, match=r"Dropout, state keep: expected \[4, 5\] Float32"):
        layer(drawn(N, 5), layer.initial_state(drawn(N, 4)))
    layer, x = snn.Dropout(0.5, rng=1).set_train(), drawn(T, N, 5)
    for wrong in (1.0, -1, np.nan):
        layer.p = wrong
        for mode in ("eager", "compiled"):
            with pytest.raises(ArgumentError, match=r"Dropout: expected a probability p in \[0, 1\), got"):
                snn.run(layer, x, mode=mode)


@every_mode
def test_a_state_from_evaluation_drops_nothing_in_training(mode):
    x, layer = drawn(T, N, 5), snn.Dropout(0.5, rng=1)
    state = snn.run(layer, x, mode=mode).state
    layer.set_train()
    np.testing.assert_array_equal(snn.run(layer, x, state, mode=mode).out, x)
    assert not snn.run(layer, x, mode=mode).out.asnumpy().all()
