"""Encoders."""

import numpy as np
import pytest

import snn
from autograd import Tensor, grad
from autograd.errors import ArgumentError, DTypeError, ShapeError
from snn import encode

VALUES = np.array([[0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]], np.float32)
ENCODERS = {
    "direct": encode.direct,
    "rate": lambda x, steps: encode.rate(x, steps, np.random.default_rng(0)),
    "latency": encode.latency,
    "latency, tau": lambda x, steps: encode.latency(x, steps, tau=5.0, threshold=0.2),
}

every_encoder = pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
spiking = pytest.mark.parametrize("name", ["rate", "latency", "latency, tau"])


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 1, 4, 4)])
@every_encoder
def test_time_comes_first_and_the_input_stays_as_it_is(encoder, shape):
    x = np.random.default_rng(1).random(shape)
    kept = x.tobytes()
    x.flags.writeable = False
    assert encoder(x, 5).shape == (5, *shape)
    assert x.tobytes() == kept


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@every_encoder
def test_dtype_is_kept(encoder, dtype):
    assert encoder(VALUES.astype(dtype), 3).dtype == dtype


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
@spiking
def test_whole_numbers_give_float32_spikes(name, dtype):
    assert ENCODERS[name](np.array([[0, 1]], dtype), 3).dtype == np.float32


@spiking
def test_spikes_are_zero_or_one(name):
    assert set(np.unique(ENCODERS[name](VALUES, 20).asnumpy())) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("steps", "got"), [(0, "int 0"), (-1, "int -1"), (2.0, "float 2.0"), (None, "NoneType None"), (True, "bool True")]
)
@every_encoder
def test_a_number_of_steps_that_is_no_positive_int_is_refused(encoder, steps, got):
    with pytest.raises(ArgumentError) as error:
        encoder(VALUES, steps)
    where, text = str(error.value).split(": ", 1)
    assert where in ("encode.direct", "encode.rate", "encode.latency")
    assert text == f"expected a positive number of time steps T, got {got}. T is an int of at least 1."


@pytest.mark.parametrize("x", [10, np.int64(10), 10.0])
@every_encoder
def test_arguments_in_each_other_s_place_are_named_and_never_printed(encoder, x):
    with pytest.raises(ArgumentError) as error:
        encoder(x, np.zeros((1000, 8), np.float32))
    where, text = str(error.value).split(": ", 1)
    assert text == (
        f"expected a positive number of time steps T, got ndarray [1000, 8] Float32. The values come first: {where}(x, T)."
    )


@every_encoder
def test_an_array_of_steps_is_described(encoder):
    with pytest.raises(ArgumentError, match=r"got ndarray \[7\] Int64. T is an int of at least 1."):
        encoder(VALUES, np.arange(7))


@every_encoder
def test_a_value_without_axes_is_refused(encoder):
    with pytest.raises(ShapeError, match=r"expected values \[N, ...\], got float 0.5. Add a batch axis"):
        encoder(0.5, 3)


@pytest.mark.parametrize(
    ("name", "value"), [("threshold", "high"), ("threshold", None), ("tau", [5.0]), ("threshold", VALUES)]
)
def test_numbers_of_a_latency_are_numbers(name, value):
    with pytest.raises(DTypeError, match=f"encode.latency, {name}: expected a number, got "):
        encode.latency(VALUES, 5, **{name: value})


@pytest.mark.parametrize(("low", "high"), [(-0.1, 1.0), (0.0, 1.5), (np.nan, np.nan)])
@spiking
def test_values_outside_zero_to_one_are_refused(name, low, high):
    with pytest.raises(ArgumentError) as error:
        ENCODERS[name](np.array([[low, 0.5, high]]), 4)
    where = f"encode.{name.split(',')[0]}"
    rates = " They are probabilities per step. Rates in Hz: rate * dt / 1000, with dt in ms." * (name == "rate")
    assert str(error.value) == (
        f"{where}: expected values in [0, 1], got {low} to {high}. Scale them first, for example x / x.max().{rates}"
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: encode.rate(VALUES, num_steps=5), r"named x, T, rng, got num_steps\. num_steps= is called T= here"),
        (lambda: encode.direct(VALUES, timesteps=5), r"encode\.direct: .*timesteps= is called T= here\."),
        (lambda: encode.rate(VALUES, 5, gain=0.5), r"got gain\. Scale the values first: gain \* x \+ offset\."),
        (lambda: encode.rate(VALUES, 5, seed=1), r"got seed\. seed= is called rng= here\."),
        (lambda: encode.latency(VALUES, 5, normalize=True, linear=True), r"got normalize\. Leave it out: without tau, times"),
        (lambda: encode.latency(VALUES, 5, thresh=0.1), r"got thresh\. Did you mean threshold\?"),
        (lambda: encode.latency(VALUES, 5, zzz=0.1), r"got zzz\. help\(snn\.encode\.latency\) describes them\."),
    ],
)  # fmt: skip
def test_arguments_of_other_packages_are_answered(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()


# Direct


def test_direct_is_a_view_that_takes_no_memory_for_time():
    x = np.ones((2, 3), np.float32)
    out = encode.direct(x, 1000)
    assert out.asnumpy().strides[0] == 0
    assert np.shares_memory(out.asnumpy(), x)
    np.testing.assert_array_equal(out[123], x)


def test_the_gradient_of_a_direct_current_is_summed_over_time():
    x, weights = Tensor(np.ones((2, 3))), np.random.default_rng(0).normal(size=(5, 2, 3))
    by_x = grad(lambda x: encode.direct(x, 5) * weights)(x)
    assert by_x.shape == (2, 3)
    np.testing.assert_allclose(by_x.asnumpy(), weights.sum(0), rtol=1e-14)


def test_the_gradient_of_a_direct_current_through_a_run_is_the_sum_of_that_of_its_steps():
    x = np.random.default_rng(0).normal(0.4, 0.5, (2, 3))
    whole = grad(lambda x: snn.run(snn.LIFNode(beta=0.9), encode.direct(x, 6))[0])(x)
    apart = grad(lambda x: snn.run(snn.LIFNode(beta=0.9), x)[0])(np.stack([x] * 6))
    np.testing.assert_allclose(whole.asnumpy(), apart.asnumpy().sum(0), rtol=1e-12)


# Rate


def test_rates_are_the_probabilities():
    spikes = encode.rate(np.broadcast_to(VALUES, (400, 7)), 250, np.random.default_rng(3)).asnumpy()
    p = VALUES[0].astype(float)
    deviation = np.sqrt(p * (1 - p) / (400 * 250))
    assert (np.abs(spikes.mean((0, 1)) - p) <= 5 * deviation).all()
    assert not spikes[..., 0].any()
    assert spikes[..., -1].all()


class Least(np.random.Generator):
    """Draws nothing but the smallest number there is."""

    def random(self, size, dtype):
        return np.zeros(size, dtype)


def test_a_probability_of_zero_never_spikes_and_any_other_does_at_the_least_draw():
    spikes = encode.rate(np.array([0.0, 1e-9, 1.0]), 4, Least(np.random.PCG64(0))).asnumpy()
    np.testing.assert_array_equal(spikes, [[0, 1, 1]] * 4)


def test_spikes_are_independent_over_time_and_samples():
    spikes = encode.rate(np.full((300,), 0.3), 300, np.random.default_rng(4)).asnumpy() - 0.3
    for lagged in (spikes[1:] * spikes[:-1], spikes[:, 1:] * spikes[:, :-1]):
        assert abs(lagged.mean()) < 5 * 0.21 / np.sqrt(lagged.size)


def test_the_same_generator_gives_the_same_bits_and_then_others():
    rng = np.random.default_rng(5)
    first, second = encode.rate(VALUES, 50, rng), encode.rate(VALUES, 50, rng)
    again = encode.rate(VALUES, 50, np.random.default_rng(5))
    assert first.asnumpy().tobytes() == again.asnumpy().tobytes() != second.asnumpy().tobytes()


@pytest.mark.parametrize(("rng", "got"), [(0, "int 0"), (None, "NoneType None")])
def test_something_that_is_no_generator_is_refused(rng, got):
    with pytest.raises(DTypeError) as error:
        encode.rate(VALUES, 3, rng)
    assert str(error.value) == (
        f"encode.rate: expected a numpy.random.Generator, got {got}. "
        "Make one, once: rng = np.random.default_rng(seed). A seed would draw the same spikes in every call."
    )


# Latency


def times(spikes):
    """Return the step at which each neuron spikes, or -1; none spikes twice."""
    spikes = spikes.asnumpy()
    assert (spikes.sum(0) <= 1).all()
    return np.where(spikes.any(0), spikes.argmax(0), -1)


@pytest.mark.parametrize("steps", [1, 2, 10, 101])
@pytest.mark.parametrize("threshold", [0.0, 0.2])
def test_latency_falls_linearly_from_the_last_step_to_the_first(steps, threshold):
    x = np.random.default_rng(6).random(50)
    found = times(encode.latency(x, steps, threshold=threshold))
    exact = (steps - 1) * (1 - (x - threshold) / (1 - threshold))
    fires = x > threshold
    assert (found[~fires] == -1).all()
    assert (np.abs(found - exact)[fires] <= 0.5).all()


@pytest.mark.parametrize("options", [{}, {"threshold": 0.2}, {"threshold": 0.2, "tau": 4.0}], ids=str)
def test_larger_values_spike_earlier_and_one_first(options):
    x = np.linspace(0, 1, 201)
    found = times(encode.latency(x, 30, **options))
    fires = x > options.get("threshold", 0.0)
    assert (found[~fires] == -1).all()
    assert (np.diff(found[fires]) <= 0).all()
    assert len(set(found[fires].tolist())) > 10
    if "tau" not in options:
        assert found[-1] == 0


def test_with_tau_the_time_is_when_a_driven_membrane_reaches_the_threshold():
    """The membrane x (1 - exp(-t / tau)) reaches the threshold at t; what would come later comes at the last step."""
    x, tau, threshold = np.array([0.2001, 0.21, 0.3, 0.6, 1.0]), 6.0, 0.2
    found = times(encode.latency(x, 25, tau=tau, threshold=threshold))
    exact = np.array([next(t for t in np.arange(0, 99, 1e-3) if v * (1 - np.exp(-t / tau)) >= threshold) for v in x])
    np.testing.assert_array_equal(found, np.minimum(np.round(exact), 24))
    assert found[0] == 24


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
def test_a_threshold_outside_the_values_is_refused(threshold):
    with pytest.raises(ArgumentError) as error:
        encode.latency(VALUES, 4, threshold=threshold)
    assert str(error.value) == f"encode.latency: expected threshold in [0, 1), got {threshold!r}. Values are in [0, 1]."


@pytest.mark.parametrize(("tau", "threshold"), [(0.0, 0.2), (-1.0, 0.2), (5.0, 0.0)])
def test_a_tau_without_a_threshold_or_not_positive_is_refused(tau, threshold):
    with pytest.raises(ArgumentError) as error:
        encode.latency(VALUES, 4, tau=tau, threshold=threshold)
    assert str(error.value) == (
        f"encode.latency: expected tau > 0 together with threshold > 0, got tau={tau!r}, threshold={threshold!r}. "
        "With a threshold of 0 every value would spike in the first step."
    )
