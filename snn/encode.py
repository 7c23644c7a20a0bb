"""Encoders, which turn values into inputs over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Tensor, as_tensor, float32, ops
from autograd.dtypes import describe, is_int
from autograd.errors import ArgumentError, DTypeError, ShapeError
from autograd.foreign import of_module

from .common.arguments import own_arguments
from .common.foreign import MODULES

__all__ = ["direct", "latency", "rate"]

_MOST_STEPS = 10**9
_SCALE = "Scale the values first: gain * x + offset."
_SCALING = {"gain": _SCALE, "offset": _SCALE, "first_spike_time": "Spikes begin at once: put silent steps before them."}
_SPREADING = dict.fromkeys(("normalize", "linear"), "Leave it out: without tau, times are linear and spread over all T steps.")
_SPREADING |= {"clip": "Leave it out: values at or below the threshold never spike."}


@own_arguments("encode.direct")
def direct(x: Any, T: int) -> Tensor:  # noqa: N803 - the number of time steps is T everywhere
    """Repeat the values as a constant current at every time step.

    Parameters
    ----------
    x : array_like
        Values, ``[N, ...]``.
    T : int
        Number of time steps.

    Returns
    -------
    Tensor
        ``[T, N, ...]``, a view without a copy; a compiled dense layer multiplies it once, not T times.

    Raises
    ------
    ArgumentError
        If ``T`` is not positive.
    ShapeError
        If the values have no axes.
    """
    x = _values(x, T, "encode.direct")
    return ops.broadcast_to(x, (T, *x.shape))


@own_arguments("encode.rate", **_SCALING)
def rate(x: Any, T: int, rng: np.random.Generator) -> Tensor:  # noqa: N803
    """Draw spikes independently at each time step, with the values as probabilities (a Bernoulli, or Poisson-like, code).

    Parameters
    ----------
    x : array_like
        Probabilities of a spike per step, in [0, 1], ``[N, ...]``; for rates in Hz and steps of ``dt`` ms,
        ``rate * dt / 1000``.
    T : int
        Number of time steps.
    rng : numpy.random.Generator
        Source of the random numbers. Not a seed, with which every call would draw the same spikes.

    Returns
    -------
    Tensor
        Spikes of 0 and 1, ``[T, N, ...]``, in the dtype of ``x`` (float32 for whole numbers). Not differentiable.

    Raises
    ------
    ArgumentError
        If a probability is not in [0, 1], or ``T`` is not positive.
    DTypeError
        If ``rng`` is not a generator.
    """
    x = _values(x, T, "encode.rate")
    if not isinstance(rng, np.random.Generator):
        raise DTypeError(
            "encode.rate", "a numpy.random.Generator", describe(rng),
            "Make one, once: rng = np.random.default_rng(seed). A seed would draw the same spikes in every call.",
        )  # fmt: skip
    values = _in_unit(x, "encode.rate", "They are probabilities per step. Rates in Hz: rate * dt / 1000, with dt in ms.")
    draws = rng.random((T, *values.shape), np.float32)
    return Tensor.wrap((draws < values).astype(values.dtype))


@own_arguments("encode.latency", **_SPREADING)
def latency(x: Any, T: int, *, threshold: float = 0.0, tau: float | None = None) -> Tensor:  # noqa: N803
    """Encode each value as one spike: larger values spike earlier (Thorpe, Delorme and Van Rullen, 2001).

    Parameters
    ----------
    x : array_like
        Values in [0, 1], ``[N, ...]``.
    T : int
        Number of time steps.
    threshold : float
        Values at or below the threshold never spike.
    tau : float, optional
        With None, the time of the spike falls linearly with the value, from the last step at the threshold to the first step
        at 1. With a number, a membrane with this time constant (in steps), driven by the value, spikes when it reaches the
        threshold, after ``tau log(x / (x - threshold))`` steps, at the latest in the last step. This requires a positive
        threshold.

    Returns
    -------
    Tensor
        Spikes of 0 and 1, ``[T, N, ...]``, in the dtype of ``x`` (float32 for whole numbers). Not differentiable.

    Raises
    ------
    ArgumentError
        If a value is not in [0, 1], or ``T``, ``threshold`` or ``tau`` is out of range.
    """
    values = _in_unit(_values(x, T, "encode.latency"), "encode.latency")
    for name, value in (("threshold", threshold), ("tau", tau)):
        if not isinstance(value, (int, float, np.number)) and not (name == "tau" and value is None):
            raise DTypeError(f"encode.latency, {name}", "a number", describe(value), "Pass one number for all values.")
    if not 0 <= threshold < 1:
        raise ArgumentError("encode.latency", "threshold in [0, 1)", repr(threshold), "Values are in [0, 1].")
    if tau is not None and not (tau > 0 and threshold > 0):
        raise ArgumentError(
            "encode.latency", "tau > 0 together with threshold > 0", f"tau={tau!r}, threshold={threshold!r}",
            "With a threshold of 0 every value would spike in the first step.",
        )  # fmt: skip
    fires = values > threshold
    safe = np.where(fires, values, 1.0)
    if tau is None:
        time = (T - 1) * (1 - (safe - threshold) / (1 - threshold))
    else:
        time = np.minimum(tau * np.log(safe / (safe - threshold)), T - 1)
    steps = np.arange(T).reshape((T,) + (1,) * values.ndim)
    return Tensor.wrap(((np.round(time) == steps) & fires).astype(values.dtype))


def _in_unit(x: Tensor, where: str, meaning: str = "") -> np.ndarray[Any, Any]:
    values = x.asnumpy()
    if not np.all((values >= 0) & (values <= 1)):  # NaN fails too
        raise ArgumentError(
            where, "values in [0, 1]", f"{values.min()} to {values.max()}",
            f"Scale them first, for example x / x.max(). {meaning}".rstrip(),
        )  # fmt: skip
    return values if values.dtype.kind == "f" else values.astype(float32)


def _values(x: Any, steps: Any, where: str) -> Tensor:
    """Return the values of an encoder as a Tensor, after a check of their axes and of the number of steps."""
    if not is_int(steps) or steps < 1:
        swapped = isinstance(x, (int, float, np.number)) and not isinstance(steps, (int, float, np.number, str, type(None)))
        fix = f"The values come first: {where}(x, T)." if swapped else "T is an int of at least 1."
        raise ArgumentError(where, "a positive number of time steps T", describe(steps), fix)
    if steps > _MOST_STEPS:
        raise ArgumentError(where, f"at most {_MOST_STEPS:,} time steps T", f"{steps:,}", "Encode fewer steps at a time.")
    values = as_tensor(x, where)
    if values.ndim == 0:
        raise ShapeError(where, "values [N, ...]", describe(x), "Add a batch axis, for example np.array([x]).")
    return values


if not TYPE_CHECKING:  # to a type checker every name would seem to exist
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
