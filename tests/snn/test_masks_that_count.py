"""Every loss and metric, found automatically: a masked step changes nothing, whatever it holds; float16 counts exactly."""

import inspect

import numpy as np
import pytest

from autograd import Tensor, grad
from autograd.errors import ShapeError
from snn import losses, metrics
from snn.readout import READOUTS

RNG = np.random.default_rng(0)
T, N, CLASSES = 8, 5, 3
OUT = RNG.normal(size=(T, N, CLASSES)) * (RNG.random((T, N, CLASSES)) < 0.7)
LABELS = np.array([2, 0, 1, 2, 1])
MASK = np.arange(T)[:, None] < np.array([8, 2, 1, 4, 7])
MASK[:3, 3] = False  # it begins later
FUNCTIONS = {name: getattr(module, name) for module in (losses, metrics) for name in module.__all__}


def calls():
    """Return every loss and metric with each of its readouts, as a function of an output and a mask."""
    for name, function in FUNCTIONS.items():
        known = inspect.signature(function).parameters
        labels = (LABELS,) if "labels" in known else ()
        readouts = [r for r in READOUTS if function in vars(metrics).values() or r != "first_spike"]
        for options in [{"readout": r} for r in readouts] if "readout" in known else [{}]:
            label = "-".join([name, *options.values()])
            yield label, lambda out, mask=None, f=function, a=labels, k=options: f(out, *a, mask=mask, **k)


CALLS = dict(calls())
LOSSES = {label: call for label, call in CALLS.items() if label.partition("-")[0] in losses.__all__}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def plain(value):
    return value.asnumpy() if isinstance(value, Tensor) else np.asarray(value)


def test_every_loss_and_metric_takes_a_mask():
    assert len(CALLS) > 20
    for function in FUNCTIONS.values():
        assert inspect.signature(function).parameters["mask"].default is None


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0])
@every_call
def test_a_step_that_is_masked_out_changes_nothing(call, garbage):
    spoilt = np.where(MASK[..., None], OUT, garbage)
    np.testing.assert_array_equal(plain(call(spoilt, MASK)), plain(call(OUT, MASK)))


@every_call
def test_a_mask_counts(call):
    right = np.eye(CLASSES)[LABELS]
    out = np.where(MASK[..., None], right, 9 * np.roll(right, 1, 1) + 1)
    assert (plain(call(out)) != plain(call(out, MASK))).any()
    if not isinstance(call(out, MASK), Tensor) and np.size(call(out, MASK)) == N:
        np.testing.assert_array_equal(call(out, MASK), LABELS)


@every_call
def test_a_mask_that_is_true_everywhere_changes_nothing(call):
    np.testing.assert_allclose(plain(call(OUT, np.ones((T, N), bool))), plain(call(OUT)), rtol=1e-12)


@every_call
def test_samples_of_one_length_are_as_if_they_were_cut(call):
    mask = np.broadcast_to(np.arange(T)[:, None] < 5, (T, N))
    np.testing.assert_allclose(plain(call(OUT, mask)), plain(call(OUT[:5])), rtol=1e-12)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_step_that_is_masked_out_gets_no_gradient_and_spoils_none(loss):
    spoilt = np.where(MASK[..., None], OUT, np.nan)
    found, wanted = (grad(lambda out: loss(out, MASK))(out).asnumpy() for out in (spoilt, OUT))
    assert wanted.any()
    assert not found[~MASK].any()
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - {"firing_rate"}))
def test_a_sample_without_a_step_has_no_answer(name):
    call = next(call for label, call in CALLS.items() if label.partition("-")[0] == name)
    with pytest.raises(ShapeError, match=rf"{name}, mask: expected \[T, N\] = \[8, 5\] Bool with a step for each sample"):
        call(OUT, MASK & (np.arange(N) > 0))


MANY = np.zeros((5000, 2, 3), np.float16)  # float16 counts to 2048 by ones
MANY[:4500, 0, 0] = MANY[:4000, 0, 1] = MANY[:2100, 1, 2] = MANY[:2500, 1, 1] = 1


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_float16_counts_as_float32_does(name, masked):
    function, arguments = FUNCTIONS[name], () if name in ("predictions", "firing_rate") else ([0, 2],)
    mask = np.ones((5000, 2), bool) if masked else None
    half, single = (plain(function(MANY.astype(dtype), *arguments, mask=mask)) for dtype in (np.float16, np.float32))
    assert np.isfinite(single).all()
    np.testing.assert_array_equal(half, single.astype(half.dtype))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_spikes_of_any_dtype_count(name, dtype):
    arguments = () if name in ("predictions", "firing_rate") else (LABELS,)
    results = [plain(FUNCTIONS[name]((OUT > 0).astype(kind), *arguments)) for kind in (dtype, np.float32)]
    np.testing.assert_array_equal(*results)
