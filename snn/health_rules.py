"""What the numbers of :func:`snn.health` say: rules, each of a condition, what is found and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from .health_report import LayerHealth

__all__ = ["FAR", "MOST", "find_problems", "fires_in_order", "is_wide", "look_at_input"]

LOW, HIGH = 0.01, 0.5
"""The rate of a layer is in between."""
MOST = 0.95
"""A layer is silent, saturated or without gradient if this share of its neurons is."""
FAR = 10.0
"""A silent layer that needs a larger gain does not come to life by itself."""
MANY = 0.75
"""A layer carries little if this share of its neurons is silent or saturated."""
SOME = 0.25
"""A layer carries little if this share of its neurons is saturated, and learns in part if so many pass no gradient."""
WIDE = 10.0
"""Spread of a membrane, in thresholds, that is out of order: ten times that at rest with xi = 1."""
NARROW = 0.1 / 1.5
"""Half width of a surrogate, in thresholds, that is narrow in any layer: a tenth of the membrane's std with xi = 1.5."""
APART = 100.0
"""The gradient of a layer is so many times that of the layer behind it, or one over it, at most."""
CHANGES = 1000.0
"""So many times is a gradient as large in the first quarter of the steps as in the last, or one over it, at most.

By a neuron that leaks nothing it is 6 times as large, by two in a row 28 times.
"""


def fires_in_order(rate: float, silent: float, saturated: float) -> bool:
    """Tell whether a layer fires as it should."""
    return LOW <= rate <= HIGH and silent + saturated < MANY and saturated < SOME


def is_wide(spread: float) -> bool:
    """Tell whether a membrane spreads so far that the threshold hardly matters."""
    return spread > WIDE


def look_at_input(x: Any, keep: Any) -> str:
    """Say what is wrong with an input ``[T, N, ...]`` where it is not masked, if anything is."""
    x = np.asarray(x)
    used = np.ones((), bool) if keep is None else np.asarray(keep).reshape(*np.shape(keep), *(1,) * (x.ndim - 2))
    if (wrong := ~np.isfinite(x) & used).any():
        first = ", ".join(map(str, np.argwhere(wrong)[0]))
        return (
            f"The input is not finite in {wrong.sum():,} of its values, first in x[{first}]. "
            "Mend it first: the numbers of the layers say nothing."
        )
    if used.any() and x.size and not (x.astype(bool) & used).any():
        return "The input is all zero: the layers show what their biases do. Give what the net is trained on."
    return ""


class _Rule(NamedTuple):
    """What is said of a layer if a condition holds; what is in braces is one of ``_numbers``."""

    holds: Callable[[Any], bool]
    found: str
    advice: str = "{remedy}"


_FIRING = (
    _Rule(lambda n: not n.finite, "has numbers that are not finite", "snn.run(..., check=True) says where they begin."),
    _Rule(lambda n: n.silent >= MOST, "is {deadness}: {silent:.0%} of its neurons never fire{blocked}"),
    _Rule(lambda n: n.saturated >= MOST, "is dead: {saturated:.0%} of its neurons fire in nearly every step{blocked}"),
    _Rule(lambda n: n.dead >= MOST, "is dead{blocked}"),
    _Rule(lambda n: n.rate < LOW, "fires seldom: {rate:.2g} spikes a neuron and step{blocked}"),
    _Rule(lambda n: n.rate > HIGH, "fires often: {rate:.2g} spikes a neuron and step{blocked}"),
    _Rule(
        lambda n: n.rate >= 0 and not fires_in_order(n.rate, n.silent, n.saturated),
        "carries little: {silent:.0%} of its neurons never fire, {saturated:.0%} do in nearly every step{blocked}",
    ),
    _Rule(
        lambda n: is_wide(n.spread),
        "has currents that are too large: its membrane spreads over {spread:.3g} thresholds{blocked}",
    ),
    _Rule(lambda n: n.dead >= SOME, "learns in part{blocked}"),
)
_GRADIENT = (
    _Rule(
        lambda n: not n.passes and n.behind_passes,
        "has a gradient that is not finite, though its membrane is",
        "detach_reset=True or a surrogate of compact support helps, such as snn.surrogate.triangle; a smaller dt may; "
        "if none does, look at the loss.",
    ),
    _Rule(
        lambda n: n.gradient == 0 and not n.dead >= MOST,
        "gets no gradient of the loss",
        "Look at the layers behind it, and at the loss.",
    ),
    _Rule(
        lambda n: n.ratio > APART and not n.gain < 1,
        "has a gradient that explodes: {ratio:.1e} times that of {behind}",
        "Take a lower and wider surrogate or detach_reset=True, or divide the weights between the two.",
    ),
    _Rule(
        lambda n: 0 < n.ratio < 1 / APART and n.gain == 1,
        "has a gradient that vanishes: {ratio:.1e} times that of {behind}",
        "Take a higher or wider surrogate, or multiply the weights between the two.",
    ),
)
_OVER_TIME = (
    _Rule(
        lambda n: n.grows and not n.behind_grows,
        "has a gradient that grows on its way back in time: {change:.1e} times as large in the first quarter of the steps "
        "as in the last",
        "Take detach_reset=True or a lower and wider surrogate, or fewer steps; autograd.optim.clip_by_norm limits it.",
    ),
    _Rule(
        lambda n: n.fades and not n.behind_fades,
        "has a gradient that fades on its way back in time: {change:.1e} times as large in the first quarter of the steps "
        "as in the last",
        "Take a longer time constant, or a loss of the outputs in all steps.",
    ),
)


def find_problems(layer: LayerHealth, behind: LayerHealth | None) -> tuple[str, ...]:
    """Say what is wrong with a layer, which another may be behind, and what to do."""
    return tuple(_find(layer, behind)) if layer.judged else ()


def _find(layer: LayerHealth, behind: LayerHealth | None) -> Iterator[str]:
    numbers = _numbers(layer, behind)
    for rules in (_FIRING, _GRADIENT, _OVER_TIME) if layer.finite else (_FIRING,):
        for rule in rules:
            if rule.holds(numbers):  # the first says it
                yield f"{rule.found}. {rule.advice}".format_map(vars(numbers))
                break


def _numbers(layer: LayerHealth, behind: LayerHealth | None) -> SimpleNamespace:
    """Return the numbers of a layer, NaN where they are not known, and what follows from them."""
    numbers = _known(layer)
    numbers.deadness = "dead" if layer.is_dead else "silent"
    numbers.blocked = f"; no gradient passes through {numbers.dead:.0%} of its neurons" if numbers.dead >= SOME else ""
    numbers.remedy = " ".join(_remedies(numbers))
    next_to = (
        SimpleNamespace(name="", gradient=np.nan, passes=True, grows=False, fades=False) if behind is None else _known(behind)
    )
    numbers.behind, numbers.ratio = next_to.name, numbers.gradient / next_to.gradient if next_to.gradient else np.nan
    numbers.behind_passes, numbers.behind_grows, numbers.behind_fades = next_to.passes, next_to.grows, next_to.fades
    return numbers


def _known(layer: LayerHealth) -> SimpleNamespace:
    numbers = SimpleNamespace(
        **{field.name: np.nan if (value := getattr(layer, field.name)) is None else value for field in fields(layer)}
    )
    numbers.passes = layer.gradient is None or bool(np.isfinite(layer.gradient))
    numbers.change = change = _change_over_time(layer.gradient_over_time)
    numbers.grows, numbers.fades = change > CHANGES and not numbers.gain < 1, change < 1 / CHANGES and numbers.gain == 1
    return numbers


def _change_over_time(norms: Any) -> float:
    """Return how many times the gradient is as large in the first quarter of the steps as in the last; NaN if not known."""
    quarter = len(norms) // 4
    if quarter < 2:
        return np.nan
    first, last = np.linalg.norm(norms[:quarter]), np.linalg.norm(norms[-quarter:])
    return float(first / last) if first > 0 and last > 0 else np.nan


def _remedies(n: SimpleNamespace) -> Iterator[str]:
    if np.isnan(n.gain):
        yield "No factor on its currents helps: mend the layers before it, or change its biases."
    elif n.gain != 1:
        yield f"Multiply weights and biases in front of it by {n.gain:.3g}."
    if n.dead >= SOME and (n.gain == 1 or n.width < NARROW):
        spreads = f"{n.spread:.2g}" if n.gain == 1 else "0.3 to 1 where a layer fires as it should"
        narrow = n.width < (n.spread if n.gain == 1 else NARROW)
        yield "Take a wider surrogate" + (
            f": its half width is {n.width:.2g} thresholds, and the membrane spreads over {spreads}." if narrow else "."
        )
