"""Pooling of spikes by rate and by first spike, against plain loops, in every mode."""

import numpy as np
import pytest

import snn
from autograd import Tensor, grad, nn, ops
from autograd.errors import ArgumentError, ShapeError, StateError
from snn.engine.backends import modes as backends
from snn.engine.pooling import pooled
from snn.spikes import Spikes
from tests.reference.spike_pools import adaptive, side_by_side, spike_pool
from tests.snn.helpers.compare import assert_as_eager, assert_equal, everything

T, N, C, H, W = 6, 2, 2, 5, 7
modes = pytest.mark.parametrize("mode", ["eager", "compiled"])
CASES = {
    "square": ({"kernel_size": 2}, (side_by_side(H, 2, 2, 0), side_by_side(W, 2, 2, 0))),
    "strides": ({"kernel_size": (3, 2), "stride": (1, 3)}, (side_by_side(H, 3, 1, 0), side_by_side(W, 2, 3, 0))),
    "padded": ({"kernel_size": 3, "stride": 2, "padding": 1}, (side_by_side(H, 3, 2, 1), side_by_side(W, 3, 2, 1))),
    "adaptive": ({"output_size": (2, 3)}, (adaptive(H, 2), adaptive(W, 3))),
    "adaptive to all": ({"output_size": (None, 1)}, (adaptive(H, H), adaptive(W, 1))),
}
cases = pytest.mark.parametrize(("options", "bins"), CASES.values(), ids=CASES)
bys = pytest.mark.parametrize("by", ["rate", "first"])


def spikes(dtype=np.float64, share=0.3, shape=(T, N, C, H, W)):
    return (np.random.default_rng(0).random(shape) < share).astype(dtype)


def layer(by, options):
    return (snn.SpikeAdaptiveMaxPool2d if "output_size" in options else snn.SpikeMaxPool2d)(**options, by=by)


@cases
@bys
@modes
def test_the_spikes_of_the_leading_neuron_pass(options, bins, by, mode):
    x = spikes()
    out, _, _ = snn.run(layer(by, options), x, mode=mode)
    np.testing.assert_array_equal(out, spike_pool(x, bins, by))
    assert 0 < out.asnumpy().mean() < 1


@cases
@bys
@pytest.mark.parametrize("mode", ["python", "compiled"])
@pytest.mark.parametrize("kind", [np.uint8, np.bool_, np.float32])
def test_the_loop_over_time_is_the_plain_one(options, bins, by, mode, kind):
    x, windows = spikes(kind), tuple(map(tuple, bins))
    flags, at, lead = pooled(x, np.float32(-2), np.zeros(x.shape[1:], np.float32), windows, by == "first", backends()[mode])
    assert flags.any()
    np.testing.assert_array_equal(flags, spike_pool(x.astype(np.float32), bins, by))
    rows = (*x.shape[:3], -1)
    chosen = np.take_along_axis(x.reshape(rows), at.reshape(rows), 3).reshape(at.shape)
    np.testing.assert_array_equal(flags, chosen)
    rate, first = 2 * x.sum(0, np.float32), (np.cumsum(x, 0) > 0).sum(0, np.float32)
    np.testing.assert_array_equal(lead, rate if by == "rate" else first)


@bys
def test_spikes_stay_bytes_and_numbers_numbers(by):
    net, x = snn.SpikeMaxPool2d(2, by=by), spikes(np.float32)
    start = net.initial_state(x[0])
    out, _ = net.all_steps(Tensor(2 * x), start)
    assert isinstance(out, Spikes)
    assert out.flags.dtype == np.uint8
    assert out.amplitude == 2
    signed = x * np.where(np.arange(W) % 2, -1, 3).astype(np.float32)
    out, _ = net.all_steps(Tensor(signed), start)
    assert not isinstance(out, Spikes)
    np.testing.assert_array_equal(out, spike_pool(signed, (side_by_side(H, 2, 2, 0), side_by_side(W, 2, 2, 0)), by))


@cases
@bys
@pytest.mark.parametrize("how", ["fresh", "state", "mask"])
def test_all_is_as_step_by_step(options, bins, by, how):
    net, x = layer(by, options), Tensor(spikes(np.float32))
    given = {"mask": np.random.default_rng(5).random((T, N)) < 0.6} if how == "mask" else {}
    given |= {"state": snn.run(net, x).state} if how == "state" else {}
    assert_as_eager(net, x, **given)
    assert everything(net, x, "compiled", **given)[1][0].asnumpy().any()


@bys
@modes
def test_two_runs_with_carried_state_are_one_and_a_line_is_an_image(by, mode):
    x = spikes()
    for net in (snn.SpikeMaxPool2d(2, by=by), snn.SpikeAdaptiveMaxPool2d(2, by=by)):
        whole = snn.run(net, x, mode=mode)
        first = snn.run(net, x[:2], mode=mode)
        second = snn.run(net, x[2:], first.state, mode=mode)
        assert_equal(ops.concat([first.out, second.out]), whole.out)
        assert_equal(second.state, whole.state)
    line = x[:, :, :, 0]
    for one, two in ((snn.SpikeMaxPool1d(3, 2, by=by), snn.SpikeMaxPool2d((1, 3), (1, 2), by=by)),
                     (snn.SpikeAdaptiveMaxPool1d(3, by=by), snn.SpikeAdaptiveMaxPool2d((1, 3), by=by))):  # fmt: skip
        expected = snn.run(two, line[:, :, :, None], mode=mode).out
        np.testing.assert_array_equal(snn.run(one, line, mode=mode).out, expected.asnumpy()[:, :, :, 0])


@bys
@modes
def test_the_gradient_of_any_order_goes_to_the_neuron_that_was_chosen(by, mode):
    x, net = spikes(), snn.SpikeMaxPool2d(2, by=by)
    weights = np.random.default_rng(1).standard_normal((T, N, C, 2, 3))

    def loss(x):
        return (weights * snn.run(net, x, mode=mode).out ** 2).sum()

    first = grad(loss)(x).asnumpy()
    np.testing.assert_allclose(np.abs(first).sum(), 2 * np.abs(weights * spike_pool(x, CASES["square"][1], by)).sum())
    assert first.any()
    second = grad(lambda x: (grad(loss)(x) ** 2).sum())(x)
    assert second.asnumpy().any()


def test_behind_neurons_and_before_weights():
    rng, options = np.random.default_rng(0), {"surrogate_function": snn.surrogate.atan()}
    net = nn.SequentialCell(
        nn.Conv2d(C, 3, 3, rng=rng, dtype=np.float64), snn.IFNode(v_threshold=0.3, **options),
        snn.SpikeMaxPool2d(2), nn.Flatten(), nn.Dense(18, 2, rng=rng, dtype=np.float64), snn.IFNode(**options),
    )  # fmt: skip
    net[0].weight.set_data(np.round(net[0].weight.asnumpy() * 64) / 64)  # sums in any order have the same bits
    x = Tensor(spikes())
    _, _, record = assert_as_eager(net, x, "python", record=["spike"])
    assert record["1.spike"].asnumpy().any()
    assert all(g.asnumpy().any() for g in everything(net, x, "python")[1])


def test_what_is_wrong_is_said():
    with pytest.raises(ArgumentError, match="by='rate' or by='first', got 'last'"):
        snn.SpikeMaxPool2d(2, by="last")
    with pytest.raises(ArgumentError, match="kernel_size"):
        snn.SpikeMaxPool2d(0)
    for mode in ("eager", "compiled"):
        with pytest.raises(ShapeError, match=r"an input \[N, C, H, W\] in each step, got \[2, 2, 5\]"):
            snn.run(snn.SpikeMaxPool2d(2), spikes()[..., 0], mode=mode)
        with pytest.raises(ShapeError, match=r"SpikeMaxPool2d: expected an input of at least \[6, 6\]"):
            snn.run(snn.SpikeMaxPool2d(6), spikes(), mode=mode)
    net = snn.SpikeMaxPool2d(2)
    state = net.initial_state(spikes()[0, :1])
    with pytest.raises(StateError, match="state lead"):
        net(spikes()[0], state)
