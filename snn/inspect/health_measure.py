"""The numbers of :func:`snn.health`, from the observations of a layer of neurons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd import Cell, Tensor, ops, tree, vjp
from autograd.errors import AutogradError
from autograd.state import quietly

from ..common.structure import membrane
from ..neurons.base import Neuron, constant
from ..neurons.refractory import Refractory
from ..neurons.stochastic import Stochastic
from ..recurrent import Recurrent
from ..simulate import run
from .health_probe import Seen

__all__ = ["Membrane", "find_gain", "fires", "has_derivative", "look_at_membrane", "over_time", "rows", "summary"]

Array = np.ndarray[Any, Any]

NEGLIGIBLE = 1e-3
"""Below this share of its peak, the derivative of a surrogate counts as zero."""
NEAR = np.geomspace(1e-3, 10.0, 81)
"""Range around the threshold, in thresholds, in which the peak and half width of a surrogate are searched."""
TARGET = 0.067
"""Target rate of a gain: the share of steps in which the membrane is above the threshold for xi = 1.5."""
LARGEST = 4.0**12
"""The largest gain that is tried; the smallest is its inverse."""
CLOSE = 1.05
"""Gains are accurate to this factor."""


class Membrane(NamedTuple):
    """The membrane before reset, and the surrogate at its values."""

    distance: Array
    """Distance from the threshold, in thresholds, for each unmasked step and each neuron, ``[steps, neurons]``, in float64."""
    dead: Array
    """Whether the derivative of the surrogate is negligible, ``[steps, neurons]``."""
    width: Array
    """Half width of the surrogate of each neuron, in thresholds, ``[...]``."""
    differentiable: bool
    """Whether the derivative of the surrogate is positive anywhere."""


def rows(array: Any, keep: Any) -> Array:
    """Return the unmasked steps of ``[T, N, ...]`` as a batch."""
    flat: Array = np.asarray(array).reshape(-1, *np.shape(array)[2:])
    return flat if keep is None else flat[keep.ravel()]


def over_time(gradient: Array | None, steps: int) -> Array:
    """Return the norm of a gradient ``[T, N, ...]`` in each step; NaN if it is missing, or has another number of steps."""
    if gradient is None or len(gradient) != steps:
        return np.full(steps, np.nan)
    norms: Array = np.sqrt(np.square(gradient.reshape(steps, -1).astype(np.float64)).sum(1))
    return norms


def innermost(cell: Any) -> Any:
    """Return the neuron inside a layer, and inside Cells that change its charge or firing."""
    inner = getattr(cell, "node", None)
    return innermost(inner) if isinstance(inner, Cell) and (hasattr(cell, "charge") or isinstance(cell, Recurrent)) else cell


def fires(cell: Cell, out: Array) -> Array | None:
    """Return the places of spikes, ``[steps, neurons]``, or None if the output is not spikes.

    If the Cell does not define this, the output counts as spikes where each neuron has one nonzero size.
    """
    size = np.abs(out.reshape(len(out), -1))
    fired: Array = size > 0  # NaN is not a spike
    inner = innermost(cell)
    if not getattr(inner, "fire", True):
        return None
    if not isinstance(inner, Neuron) and np.any(fired & (size != size.max(0, initial=0))):
        return None
    return fired


def look_at_membrane(seen: Seen, keep: Any) -> Membrane | None:
    """Return measurements of a layer's membrane; None if it is not a :class:`snn.Neuron` that fires."""
    node = innermost(seen.cell)
    if not isinstance(node, Neuron) or not node.fire or seen.before is None:
        return None
    cell: Any = seen.cell
    x, before = Tensor(rows(seen.x, keep)), tree.map_leaves(lambda leaf: Tensor(rows(leaf, keep)), seen.before)
    if isinstance(cell, Recurrent):
        x, before, cell = x + cell.received(before.spike), before.v, cell.node
    state, ready = cell.charge(x, before), None
    spikes: Callable[[Any], Any] = node.spikes
    while cell is not node:
        if isinstance(cell, Refractory):
            ready = before.left.asnumpy() <= 0
        elif isinstance(cell, Stochastic):
            spikes = cell.escape
        state, before, cell = state.v, before.v, cell.node
    v, threshold = membrane(state), node.threshold(state)
    slope = _slope(node, spikes, v, threshold)
    peak, width = _look_at_surrogate(node, spikes, v)
    peak = np.maximum(peak, slope.max(0, initial=0))
    dead = slope <= NEGLIGIBLE * peak
    distance = np.asarray((v - threshold) / ops.abs(threshold), np.float64)
    n = len(distance)
    return Membrane(
        distance.reshape(n, -1), (dead if ready is None else dead | ~ready).reshape(n, -1), width, bool((peak > 0).any())
    )


def has_derivative(seen: Seen, keep: Any) -> bool | None:
    """Return whether a Cell's output has a derivative with respect to input or state in any step; None if unknown."""
    if seen.before is None:
        return None
    x, before = Tensor(rows(seen.x, keep)), tree.map_leaves(lambda leaf: Tensor(rows(leaf, keep)), seen.before)

    def out(x: Any, *leaves: Any) -> Any:
        return seen.cell(x, tree.unflatten(before, iter(leaves)))[0]

    try:
        z, pullback = vjp(out, x, *tree.leaves(before))
        gradients = pullback(np.ones(z.shape, z.dtype))
    except AutogradError:
        return None
    return any(g.asnumpy().any() for g in gradients)


def summary(membrane: Membrane) -> dict[str, float]:
    """Return the fields of :class:`snn.LayerHealth` that come from the membrane."""
    distance = membrane.distance
    low, high = np.percentile(distance, (15.87, 84.13))
    return {
        "mean": distance.mean(), "std": distance.std(), "spread": (high - low) / 2, "dead": membrane.dead.all(0).mean(),
        "width": membrane.width.mean(),
    }  # fmt: skip


def _slope(node: Neuron, spikes: Callable[[Any], Any], v: Tensor, threshold: Any) -> Array:
    """Return the absolute derivative of a neuron's spikes with respect to its membrane, element by element."""

    def fired(v: Tensor) -> Any:
        return spikes(v - threshold) if node.firing is None else node.firing(v, threshold, spikes)[0]

    z, pullback = vjp(fired, v)
    derivative: Array = np.abs(pullback(np.ones(z.shape, z.dtype)).asnumpy())
    return derivative


def _look_at_surrogate(node: Neuron, spikes: Callable[[Any], Any], v: Tensor) -> tuple[Array, Array]:
    """Return the peak derivative of each neuron's surrogate, and the distance below the threshold at which it halves."""
    from_near = np.concatenate([[0.0], -NEAR, NEAR])
    grid = np.broadcast_to(from_near.reshape(-1, *(1,) * (v.ndim - 1)), (len(from_near), *v.shape[1:])).astype(v.dtype)
    threshold = constant(node.v_threshold, Tensor(grid))
    slope = _slope(node, spikes, Tensor(grid) * threshold + threshold, threshold)
    peak = slope.max(0)
    low = slope[: len(NEAR) + 1] <= 0.5 * peak
    width = from_near[np.where(low.any(0), low.argmax(0), len(NEAR))]
    return peak, np.abs(width)


def find_gain(seen: Seen, keep: Any, mode: str, rate: float, wide: bool) -> float | None:
    """Return the factor on a layer's currents at which it fires at a rate of about ``TARGET``.

    The neurons run repeatedly on their own currents times a factor. If the target cannot be reached, the result is the factor
    for half of the highest rate; None if the neurons fire with no factor. A layer with a wide membrane fires at the same,
    highest rate over a range of factors, and needs a smaller one.
    """

    def rate_at(gain: float) -> float:
        x = (seen.x * gain).astype(seen.x.dtype)
        out, _, _ = quietly(lambda: run(seen.cell, x, seen.start, mask=keep, mode=mode))
        return float(np.mean(np.abs(rows(out, keep)) > 0))

    low = high = 1.0
    target = min(TARGET, rate / 2) if wide else TARGET
    if not target:
        return None
    if rate < target:
        while rate < target and high < LARGEST:
            low, high = high, high * 4
            rate = rate_at(high)
        if rate == 0:
            return None
        if rate < target:
            low, target = 1.0, rate / 2
    else:
        while rate >= target and low > 1 / LARGEST:
            low, high = low / 4, low
            rate = rate_at(low)
        if rate >= target:
            return None
    while high > CLOSE * low:
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if rate_at(middle) < target else (low, middle)
    return high
