"""Weights with a delay each, fixed and learnt, against plain loops and torch, in every mode."""

import io

import numpy as np
import pytest
import torch

import snn
from autograd import Cell, Tensor, check_grad, grad, nn, ops, optim, value_and_grad
from autograd.errors import ArgumentError, AutogradError, CompileError, ShapeError, StateError
from snn.engine.backends import modes
from snn.engine.lagged import lagged_dots, lagged_sums, tap_dots, tap_sums, tap_sums_back
from tests.reference import delays as naive
from tests.snn.helpers.compare import assert_close, assert_equal, everything, start_of

T, N = 7, 3
DELAYS = np.random.default_rng(2).integers(0, 5, (4, 5))


def drawn(*shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def whole(*shape, dtype=np.float64, seed=1):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)


def fixed(dtype=np.float64, delay=DELAYS, **options):
    return snn.DelayedDense(5, 4, delay, dtype=dtype, rng=0, **options)


def linear(dtype=np.float64, **options):
    return snn.LearntDelays(5, 4, 3, share="linear", dtype=dtype, rng=0, **options)


def gauss(dtype=np.float64, **options):
    return snn.LearntDelays(5, 4, 6, dtype=dtype, rng=0, **options)


kinds = pytest.mark.parametrize("build", [fixed, linear, gauss, lambda **k: fixed(delay=0, **k)])


# The loops


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (9, 2, 5, 3, 6), (40, 3, 9, 2, 33)], ids=str)
@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_the_loops_are_the_plain_ones(shape, dtype, mode, monkeypatch):
    monkeypatch.setattr("snn.engine.lagged.back_end", lambda: modes()[mode])
    given, samples, n_in, n_out, steps = shape
    x, weight, g = whole(given, samples, n_in, dtype=dtype), whole(n_out, n_in, dtype=dtype), whole(steps, samples, n_out)
    offset = np.random.default_rng(3).integers(0, given - steps + 1, (n_out, n_in))
    out = lagged_sums(x, weight, offset, steps)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, naive.lagged_sums(x, weight, offset, steps))
    g = g.astype(dtype)
    np.testing.assert_array_equal(lagged_dots(g, x, offset), naive.lagged_dots(g, x, offset))


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 0), (5, 3, 4, 2, 3), (300, 5, 3, 2, 2), (2, 1, 3, 2, 6)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_at_all_delays_are_the_plain_ones(shape, dtype):
    steps, samples, n_in, n_out, longest = shape
    x, g = whole(longest + steps, samples, n_in, dtype=dtype), whole(steps, samples, n_out, dtype=dtype, seed=2)
    kernel = whole(longest + 1, n_out, n_in, dtype=dtype, seed=3)
    np.testing.assert_array_equal(tap_sums(x, kernel), naive.tap_sums(x, kernel))
    np.testing.assert_array_equal(tap_sums_back(g, kernel), naive.tap_sums_back(g, kernel))
    np.testing.assert_array_equal(tap_dots(g, x, longest), naive.tap_dots(g, x, longest))


def test_the_bits_do_not_depend_on_the_threads(monkeypatch, tune):
    tune(shared_elements=0)
    x, weight, g = drawn(30, 4, 9, dtype=np.float32), drawn(7, 9, dtype=np.float32), drawn(25, 4, 7, dtype=np.float32)
    offset = np.random.default_rng(3).integers(0, 6, (7, 9))
    found = []
    for threads in (1, 3):
        monkeypatch.setattr("snn.engine.threads.thread_count", lambda threads=threads: threads)
        found.append((lagged_sums(x, weight, offset, 25), lagged_dots(g, x, offset)))
    for a, b in zip(*found, strict=True):
        assert (a == b).all()


# The layers


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("place", [(), (2,)], ids=["features", "and places"])
def test_each_connection_has_its_delay(mode, place):
    layer, x = fixed(weight_init=whole(4, 5), bias_init=whole(4, seed=2)), whole(T, N, *place, 5)
    out, state, _ = snn.run(layer, x, mode=mode)
    np.testing.assert_array_equal(out, naive.delayed_dense(x, layer.weight.asnumpy(), DELAYS) + layer.bias.asnumpy())
    assert [(x[-1 - k] == s.asnumpy()).all() for k, s in enumerate(state)] == [True] * 4


@kinds
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", ["fresh", "state", "mask"])
def test_all_is_as_step_by_step(build, dtype, how):
    layer, x = build(dtype=dtype), Tensor(drawn(T, N, 5, dtype=dtype))
    options = {"state": start_of(layer, x)} if how == "state" and layer.steps else {}
    options |= {"mask": np.random.default_rng(5).random((T, N)) < 0.6} if how == "mask" else {}
    expected, by = everything(layer, x, "eager", **options)
    found, found_by = everything(layer, x, "compiled", **options)
    assert_close(found, expected)
    assert_close(found_by, by)
    assert all(g.asnumpy().any() for g in by)


@kinds
@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_two_runs_with_carried_state_are_one(build, mode):
    layer, x = build(weight_init=whole(4, 5)), whole(T, N, 5)
    all_at_once, end, _ = snn.run(layer, x, mode=mode)
    first, state, _ = snn.run(layer, x[:2], mode=mode)
    second, after, _ = snn.run(layer, x[2:], state, mode=mode)
    assert_close(ops.concat([first, second]), all_at_once)
    assert_equal(after, end)


@kinds
@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_derivatives_are_those_of_differences_to_the_second_order(build, mode):
    layer, x, weights = build(), drawn(4, 2, 5), drawn(4, 2, 4, seed=1)

    def loss(x):
        return (weights * snn.run(layer, x, mode=mode)[0] ** 2).sum()

    check_grad(loss, x, order=2, weights=layer.trainable_params())


def by_torch(layer, x):
    """Run a layer with a bell as the convolution over time of its paper, with gradients by input, weight and delay."""
    x = torch.tensor(x, requires_grad=True)
    weight, delay, bias = (torch.tensor(p.asnumpy(), requires_grad=True) for p in (layer.weight, layer.delay, layer.bias))
    place = torch.arange(layer.steps + 1, dtype=x.dtype)
    bell = torch.exp(-0.5 * ((place - (layer.steps - delay)[..., None]) / layer.sigma) ** 2)
    kernel = weight[..., None] * bell / bell.sum(-1, keepdim=True)
    padded = torch.nn.functional.pad(x.permute(1, 2, 0), (layer.steps, 0))
    out = torch.nn.functional.conv1d(padded, kernel, bias).permute(2, 0, 1)
    (out**3).sum().backward()
    return out.detach().numpy(), [leaf.grad.numpy() for leaf in (x, weight, bias, delay)]


def test_a_bell_is_the_convolution_that_torch_makes():
    layer, x = gauss(sigma=0.8), drawn(T, N, 5)

    def loss(x):
        out = snn.run(layer, x, mode="compiled")[0]
        return (out**3).sum(), out

    (by_x, by_weights), (out,) = grad(loss, weights=[layer.weight, layer.bias, layer.delay], has_aux=True)(x)
    expected, gradients = by_torch(layer, x)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12)
    for a, b in zip((by_x, *by_weights), gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("delay", [0.0, 1.0, 1.75, 3.0, -2.0, 9.0])
@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_a_delay_between_steps_is_interpolated_and_one_outside_comes_back(delay, mode):
    layer = snn.LearntDelays(1, 1, 3, share="linear", delay_init=delay, weight_init=2.0, has_bias=False, dtype=np.float64)
    x = np.array([1.0, 4, 9, 16, 25, 36]).reshape(6, 1, 1)
    inside = np.clip(delay, 0, 3)
    before = min(int(inside), 2)
    late = [naive.delayed(x, np.array([before + k])) for k in (0, 1)]
    out, (by_delay,) = value_and_grad(lambda: snn.run(layer, x, mode=mode)[0].sum(), None, [layer.delay])()
    np.testing.assert_allclose(out.item(), 2 * ((1 - inside + before) * late[0] + (inside - before) * late[1]).sum())
    np.testing.assert_allclose(by_delay.asnumpy(), 2 * (late[1] - late[0]).sum())
    assert by_delay.asnumpy().any()


@pytest.mark.parametrize("share", ["linear", "gauss"])
def test_rounded_delays_give_the_outputs_of_a_narrow_bell(share):
    layer = snn.LearntDelays(
        5, 4, 6, share=share, sigma=0.05, delay_init=np.random.default_rng(1).integers(-1, 8, (4, 5)), rng=0, dtype=np.float64
    )
    x = drawn(T, N, 5)
    np.testing.assert_allclose(snn.run(layer.rounded(), x)[0], snn.run(layer, x)[0], rtol=1e-6, atol=1e-6)
    assert layer.rounded().delay.min() == 0
    assert layer.rounded().steps == 6


def test_a_delay_is_learnt():
    rng = np.random.default_rng(0)
    x, layer = rng.standard_normal((60, 8, 1)).astype(np.float32), snn.LearntDelays(1, 1, 10, delay_init=3.0, weight_init=1.0)
    target, adam = naive.delayed(x, np.array([7])), optim.Adam(layer.trainable_params(), 0.1)
    step = value_and_grad(
        lambda: ((snn.run(layer, x, mode="compiled")[0] - target) ** 2).mean(), None, layer.trainable_params()
    )
    for epoch in range(60):
        layer.sigma = 5 * 0.1 ** (epoch / 60)
        adam(step()[1])
    assert layer.rounded().delay == 7


@pytest.mark.parametrize("delay", [1.5, 1.2, 0.0])
def test_a_narrow_bell_keeps_its_weight_and_its_gradient(delay):
    layer = snn.LearntDelays(1, 1, 3, sigma=0.05, delay_init=delay, weight_init=2.0, has_bias=False)
    x = np.array([1.0, 3, 9, 27]).reshape(4, 1, 1).astype(np.float32)
    share = torch.tensor(delay, dtype=torch.float64, requires_grad=True)
    shares = torch.softmax(-0.5 * ((torch.arange(4) - share) / 0.05) ** 2, 0)
    out = torch.stack([2 * sum(shares[k] * float(x[t - k, 0, 0]) for k in range(t + 1)) for t in range(4)])
    out.sum().backward()
    assert out.detach().numpy().any()
    assert (abs(share.grad.item()) > 100) == (delay == 1.5)
    for mode in ("eager", "compiled"):
        found = snn.run(layer, x, mode=mode).out.asnumpy().ravel()
        np.testing.assert_allclose(found, out.detach().numpy(), rtol=1e-4, atol=1e-6)
        by_delay = grad(lambda mode=mode: snn.run(layer, x, mode=mode).out.sum(), None, [layer.delay])()[0]
        np.testing.assert_allclose(by_delay.asnumpy().item(), share.grad.item(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("lost", [np.nan, np.inf])
@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_what_is_no_number_comes_out_after_its_delay_alone(lost, mode):
    x = np.zeros((5, 1, 2), np.float32)
    x[1, 0, 0] = lost
    fixed = snn.DelayedDense(2, 2, [[1, 0], [0, 2]], weight_init=1.0, has_bias=False)
    out = snn.run(fixed, x, mode=mode).out.asnumpy()
    assert np.argwhere(out != 0).tolist() == [[1, 0, 1], [2, 0, 0]]
    learnt = snn.LearntDelays(2, 1, 3, share="linear", delay_init=1.5, weight_init=1.0, has_bias=False)
    out = snn.run(learnt, x, mode=mode).out.asnumpy()
    assert np.argwhere(out != 0).tolist() == [[2, 0, 0], [3, 0, 0]]


@kinds
@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_a_batch_may_be_empty(build, mode):
    layer, x = build(), drawn(T, 0, 5)

    def loss(x):
        out = snn.run(layer, x, mode=mode).out
        assert out.shape == (T, 0, 4)
        return out.sum()

    by_x, by_weights = grad(loss, weights=layer.trainable_params())(x)
    assert by_x.shape == x.shape
    assert not any(g.asnumpy().any() for g in by_weights)


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_other_delays_are_assigned_and_not_written(mode):
    layer, x = fixed(weight_init=whole(4, 5), bias_init=whole(4, seed=2)), whole(T, N, 5)
    with pytest.raises(ValueError, match="read-only"):
        layer.delay[:] = 50
    for delay in (DELAYS[::-1] + 1, 0, [0, 1, 2, 3, 6]):
        layer.delay = delay
        assert layer.steps == np.max(delay)
        expected = naive.delayed_dense(x, layer.weight.asnumpy(), layer.delay) + layer.bias.asnumpy()
        np.testing.assert_array_equal(snn.run(layer, x, mode=mode).out, expected)
    with pytest.raises(ShapeError, match=r"broadcasts to \[out_channels, in_channels\] = \[4, 5\]"):
        layer.delay = np.arange(4)


def test_the_loops_read_no_steps_that_are_not_there():
    x, g, weight = drawn(6, 2, 3), drawn(4, 2, 5), drawn(5, 3)
    for offset in (np.full((5, 3), 3), np.full((5, 3), -1)):
        with pytest.raises(ArgumentError, match="lagged_sums: expected offsets from 0 to 2, got offsets from"):
            lagged_sums(x, weight, offset, 4)
        with pytest.raises(ArgumentError, match="lagged_dots: expected offsets from 0 to 2, got offsets from"):
            lagged_dots(g, x, offset)


def test_half_precision_is_for_the_eager_mode():
    x = drawn(T, N, 5, dtype=np.float16)
    for layer in (fixed(np.float16), linear(np.float16)):
        assert snn.run(layer, x, mode="eager").out.asnumpy().any()
        message = f"{type(layer).__name__}: expected float32 or float64, got .* Float16. Convert it, or run with mode='eager'"
        with pytest.raises(CompileError, match=message):
            snn.run(layer, x, mode="compiled")


# In nets


def test_behind_spikes_and_before_neurons():
    options = {"surrogate_function": snn.surrogate.atan()}
    net = nn.SequentialCell(
        snn.IFNode(**options), fixed(np.float32, weight_init=whole(4, 5)), snn.LIFNode(beta=0.5, **options)
    )
    x = Tensor(drawn(T, N, 5, dtype=np.float32) + 0.5)
    expected, by = everything(net, x, "eager", record=["spike"])
    found, found_by = everything(net, x, "compiled", record=["spike"])
    assert_close(found, expected)
    assert_close(found_by, by)
    assert expected[0].asnumpy().any()
    assert all(g.asnumpy().any() for g in by)
    file = io.StringIO()
    snn.explain(net, x, file=file)
    assert "layer 1: DelayedDense(5, 4, delays of 0 to 4 steps)\n  has a state: runs on all time steps" in file.getvalue()
    assert "; with a mask, step by step" in file.getvalue()
    assert snn.memory_estimate(fixed(), 10, 4).peak > 0


class Loop(Cell):
    def __init__(self):
        super().__init__()
        self.node, self.back = snn.IFNode(), snn.DelayedDense(5, 5, 2, rng=0)

    def initial_state(self, x):
        return self.node.initial_state(x), self.back.initial_state(x), ops.zeros_like(x)

    def construct(self, x, state):
        late, under_way = self.back(state[2], state[1])
        spike, v = self.node(x + late, state[0])
        return spike, (v, under_way, spike)


def test_in_feedback_the_compiled_mode_says_that_it_cannot():
    x = drawn(T, N, 5, dtype=np.float32)
    assert snn.run(Loop(), x, mode="eager")[0].asnumpy().any()
    message = r"neurons, dense layers, convolutions and snn.Delay in feedback, got layer 'back' \(DelayedDense\)"
    with pytest.raises(CompileError, match=message):
        snn.run(Loop(), x, mode="compiled")


def test_what_is_wrong_is_said():
    with pytest.raises(ShapeError, match=r"broadcasts to \[out_channels, in_channels\] = \[4, 5\], got ndarray \[4\] Int64"):
        fixed(delay=np.arange(4))
    with pytest.raises(ArgumentError, match="DelayedDense: expected delay of at least 0 steps, got -1"):
        fixed(delay=-1)
    with pytest.raises(ArgumentError, match="in_channels to be a positive int"):
        snn.DelayedDense(0, 4, 1)
    with pytest.raises(ArgumentError, match=r"max_delay to be a positive int, got .*\. It is the longest delay"):
        snn.LearntDelays(5, 4, 0)
    with pytest.raises(AutogradError, match=r"DelayedDense.*has_bias"):
        fixed(has_bias="no")
    layer = linear(delay_init=np.where(np.arange(20) == 7, np.nan, 1.0).reshape(4, 5))
    with pytest.raises(ArgumentError, match=r"LearntDelays\.rounded: expected delays that are numbers, got NaN for 1 of 20"):
        layer.rounded()
    with pytest.raises(ArgumentError, match="share 'gauss' or 'linear', got 'cubic'"):
        gauss(share="cubic")
    layer = gauss()
    layer.sigma = 0.0
    for mode in ("eager", "compiled"):
        with pytest.raises(ArgumentError, match="sigma > 0, in steps"):
            snn.run(layer, drawn(T, N, 5), mode=mode)
        with pytest.raises(ShapeError, match=r"an input \[N, ..., 5\] in each step, got \[3, 4\] Float64"):
            snn.run(fixed(), drawn(T, N, 4), mode=mode)
    with pytest.raises(StateError, match="a tuple of 4 Tensors, the last inputs, got a tuple of 0"):
        fixed()(drawn(N, 5), ())
