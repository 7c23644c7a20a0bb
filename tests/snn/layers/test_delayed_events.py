"""Delayed weights spike by spike, against plain loops and against the product with the whole input."""

import io

import numpy as np
import pytest

import snn
from autograd import Tensor, grad, nn, vjp
from snn.engine.backends import modes
from snn.engine.events import find_events
from snn.engine.lagged import later_dots, later_sums
from snn.layers.shift import shifted
from snn.spikes import Spikes
from tests.reference import delays as naive
from tests.snn.helpers.compare import assert_close, everything

T, N, IN, OUT = 9, 3, 6, 70
DELAYS = np.random.default_rng(2).integers(0, 5, (OUT, IN))
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def whole(*shape, dtype=np.float64, seed=1):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)


def spikes(*shape, dtype=np.float64, amplitude=1.0, density=0.3):
    return (np.random.default_rng(0).random(shape) < density).astype(dtype) * dtype(amplitude)


@pytest.fixture
def by_events(tune):
    """Take the way of events whatever the density, and say how to take the other."""
    tune(little_work=0, delayed_density=1.0)
    return lambda: tune(delayed_density=-1.0)


# The loops


@dtypes
@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 0), (9, 6, 5, 70, 4), (5, 2, 3, 130, 9)], ids=str)
@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_the_loops_are_the_plain_ones(shape, dtype, mode):
    steps, samples, n_in, n_out, longest = shape if mode == "compiled" else (*shape[:3], min(shape[3], 66), shape[4])
    rng = np.random.default_rng(3)
    delay, amplitude = rng.integers(0, longest + 1, (n_out, n_in)), np.arange(1.0, n_in + 1, dtype=dtype)
    fired = spikes(steps, samples, n_in, dtype=dtype) + (steps == 1)
    events = find_events(fired.astype(np.uint8), None, modes()[mode])
    assert events.count
    weight, g = whole(n_out, n_in, dtype=dtype), whole(steps, samples, n_out, dtype=dtype, seed=4)
    out = later_sums(events, amplitude, weight, delay, steps)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, naive.delayed_dense(fired * amplitude, weight, delay))
    by_weight = later_dots(g, events, amplitude, delay)
    assert by_weight.dtype == dtype
    np.testing.assert_array_equal(by_weight, naive.delayed_weights(g, fired * amplitude, delay))


def test_the_bits_do_not_depend_on_the_threads(monkeypatch, tune):
    tune(shared_elements=0)
    rng = np.random.default_rng(3)
    delay, weight = rng.integers(0, 6, (OUT, IN)), rng.standard_normal((OUT, IN)).astype(np.float32)
    events = find_events(spikes(30, 5, IN, dtype=np.float32), np.float32(1), modes()["compiled"])
    g, one = rng.standard_normal((30, 5, OUT)).astype(np.float32), np.ones(IN, np.float32)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr("snn.engine.threads.thread_count", lambda threads=threads: threads)
        found.append((later_sums(events, one, weight, delay, 30), later_dots(g, events, one, delay)))
    for a, b in zip(*found, strict=True):
        assert a.any()
        assert (a == b).all()


# The layers


def fixed(dtype=np.float64, **options):
    return snn.DelayedDense(IN, OUT, DELAYS, dtype=dtype, rng=0, **options)


def linear(dtype=np.float64, **options):
    return snn.LearntDelays(IN, OUT, 4, share="linear", dtype=dtype, rng=0, **options)


def run(layer, x, **options):
    """Run a layer; return the output, the state after it and the gradients by input and Parameters."""
    return everything(layer, Tensor(x), "compiled", **options)


@dtypes
@pytest.mark.parametrize("amplitude", [1.0, 0.5])
@pytest.mark.parametrize("place", [(), (2,)], ids=["features", "and places"])
def test_whole_weights_give_the_same_bits_as_all_of_the_input(dtype, amplitude, place, by_events):
    layer = fixed(dtype, weight_init=whole(OUT, IN), bias_init=whole(OUT, seed=2))
    x, g = spikes(T, N, *place, IN, dtype=dtype, amplitude=amplitude), whole(T, N, *place, OUT, dtype=dtype, seed=5)
    found = []
    for choose in (lambda: None, by_events):
        choose()
        out, pull = vjp(lambda x: snn.run(layer, x, mode="compiled").out, Tensor(x), weights=layer.trainable_params())
        by_x, by_weights = pull(g)
        found.append([t.asnumpy() for t in (out, by_x, *by_weights)])
    by_spikes, by_all = found
    np.testing.assert_array_equal(by_spikes[0], naive.delayed_dense(x, layer.weight.asnumpy(), DELAYS) + layer.bias.asnumpy())
    for a, b in zip(by_spikes, by_all, strict=True):
        assert a.any()
        assert a.dtype == b.dtype == dtype
        np.testing.assert_array_equal(a, b)


@dtypes
@pytest.mark.parametrize("build", [fixed, linear])
@pytest.mark.parametrize("steps", [2, T])
@pytest.mark.parametrize("carried", [False, True])
def test_all_is_as_step_by_step(build, dtype, steps, carried, by_events):
    layer, x = build(dtype), spikes(steps, N, IN, dtype=dtype)
    state = tuple(Tensor(whole(N, IN, dtype=dtype, seed=k)) for k in range(layer.steps))
    options = {"state": state} if carried else {}
    expected, by = everything(layer, Tensor(x), "eager", **options)
    found, found_by = run(layer, x, **options)
    assert layer.way(Tensor(x))[0] is not None
    assert_close(found, expected)
    assert_close(found_by, by)
    assert all(g.asnumpy().any() for g in by)


@pytest.mark.parametrize("build", [fixed, linear])
def test_second_derivatives_are_those_of_all_of_the_input(build, by_events):
    layer, x, weights = build(), Tensor(spikes(T, N, IN)), whole(T, N, OUT)

    def size(x):
        (by_x, by_weights) = grad(
            lambda x: (weights * snn.run(layer, x, mode="compiled").out ** 2).sum(), 0, layer.trainable_params()
        )(x)
        return (by_x**2).sum() + sum((g**2).sum() for g in by_weights)

    found = []
    for choose in (lambda: None, by_events):
        choose()
        by_x, by_weights = grad(size, 0, layer.trainable_params())(x)
        found.append([by_x, *by_weights])
    assert all(g.asnumpy().any() for g in found[0])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_a_gradient_that_is_not_finite_meets_silent_inputs_too(by_events):
    layer, x = fixed(has_bias=False), Tensor(spikes(T, N, IN))
    g = np.ones((T, N, OUT))
    g[3, 1, 2] = np.inf
    found = []
    for choose in (lambda: None, by_events):
        choose()
        _, pull = vjp(lambda: snn.run(layer, x, mode="compiled").out, weights=[layer.weight])
        found.append(pull(g)[1][0].asnumpy())
    assert np.isnan(found[0][2]).any()
    np.testing.assert_allclose(*found)


def test_infinite_weights_are_multiplied_with_all_of_the_input(by_events):
    layer, x = fixed(weight_init=np.where(DELAYS == 2, np.inf, 1.0), has_bias=False), Tensor(spikes(T, N, IN))
    assert layer.way(x) == (None, "dense: some weights are infinite or NaN")
    assert np.isnan(snn.run(layer, x, mode="compiled").out.asnumpy()).any()


def test_spikes_of_neurons_stay_bytes(by_events):
    layer, flags = fixed(np.float32), spikes(T, N, IN, dtype=np.float32).astype(np.uint8)
    given = Spikes(flags, np.float32(2).reshape(()), modes()["compiled"])
    before = tuple(Tensor(np.zeros((N, IN), np.float32)) for _ in range(4))
    out, after = layer.all_steps(given, before)
    assert given._values is None
    np.testing.assert_allclose(out, layer.all_steps(Tensor(given.asnumpy().copy()), before)[0], rtol=1e-6, atol=1e-6)
    assert [(s.asnumpy() == 2 * flags[-1 - k]).all() for k, s in enumerate(after)] == [True] * 4
    assert shifted(given, np.asarray(0), 5, T).shape == (4, N, IN)


def test_in_a_net_explain_says_the_way(by_events):
    options = {"surrogate_function": snn.surrogate.atan()}
    net = nn.SequentialCell(snn.IFNode(**options), fixed(np.float32), snn.LIFNode(beta=0.5, v_threshold=0.2, **options))
    x = Tensor(np.random.default_rng(1).standard_normal((T, N, IN)).astype(np.float32) + 0.3)
    expected, by = everything(net, x, "eager", record=["spike"])
    found, found_by = everything(net, x, "compiled", record=["spike"])
    assert expected[0].asnumpy().any()
    assert all(g.asnumpy().any() for g in by)
    assert_close(found, expected)
    assert_close(found_by, by)
    for choose, way in ((lambda: None, r"events: "), (by_events, r"dense: ")):
        choose()
        file = io.StringIO()
        snn.explain(net, x, file=file)
        assert f"\n  currents: {way}" in file.getvalue()
        assert " % of the input are spikes" in file.getvalue()


def test_quantised_weights_are_what_spikes_add(by_events):
    layer, x = fixed(), spikes(T, N, IN)
    snn.quantise(layer, "ternary")
    effective = layer.effective_weight().asnumpy()
    assert len(np.unique(effective[0])) <= 3
    expected = naive.delayed_dense(x, effective, DELAYS) + layer.bias.asnumpy()
    for mode in ("eager", "compiled"):
        np.testing.assert_allclose(snn.run(layer, x, mode=mode).out, expected, rtol=1e-12, atol=1e-12)
