"""The rules of :func:`snn.health`: each has a condition, a finding and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd import Cell
from autograd.errors import AutogradError
from autograd.nn.moving import MovingNorm

if TYPE_CHECKING:
    from .health_report import LayerHealth

__all__ = [
    "FAR", "MOST", "find_problems", "fires_in_order", "is_wide", "look_at_constants", "look_at_input", "look_at_norms",
    "look_elsewhere",
]  # fmt: skip

LOW, HIGH = 0.01, 0.5
"""The rate of a layer should be between these."""
MOST = 0.95
"""Share of silent, saturated or gradientless neurons from which the whole layer counts as such."""
FAR = 10.0
"""A silent layer that needs a larger gain does not recover by itself."""
MANY = 0.75
"""Share of neurons that are silent or saturated from which a layer carries little information."""
SOME = 0.25
"""Share of saturated neurons for the same, and of neurons that pass no gradient from which a layer learns only in part."""
WIDE = 10.0
"""Spread of a membrane, in thresholds, that is too large: ten times the spread at rest with xi = 1."""
NARROW = 0.1 / 1.5
"""Half width of a surrogate, in thresholds, that is always narrow: a tenth of the membrane's std with xi = 1.5."""
APART = 100.0
"""Largest ratio of the gradients of successive layers, in either direction."""
CHANGES = 1000.0
"""Largest ratio of the gradients in the first and last quarter of the steps, in either direction.

The ratio is 6 for a neuron without leak, and 28 for two in a row.
"""


def fires_in_order(rate: float, silent: float, saturated: float) -> bool:
    """Return whether a layer has a normal rate and few silent or saturated neurons."""
    return LOW <= rate <= HIGH and silent + saturated < MANY and saturated < SOME


def is_wide(spread: float) -> bool:
    """Return whether a membrane spreads so far that the threshold hardly matters."""
    return spread > WIDE


def look_at_input(x: Any, keep: Any) -> str:
    """Describe the problem with the unmasked part of an input ``[T, N, ...]``; empty if there is none."""
    x = np.asarray(x)
    used = np.ones((), bool) if keep is None else np.asarray(keep).reshape(*np.shape(keep), *(1,) * (x.ndim - 2))
    if (wrong := ~np.isfinite(x) & used).any():
        first = ", ".join(map(str, np.argwhere(wrong)[0]))
        return (
            f"The input is not finite in {wrong.sum():,} of its values, first in x[{first}]. "
            "Fix it first: until then the numbers of the layers mean nothing."
        )
    if used.any() and x.size and not (x.astype(bool) & used).any():
        return "The input is all zero: the layers show only the effect of their biases. Pass data that the net is trained on."
    return ""


def look_at_constants(net: Cell) -> list[tuple[str, Cell | None, str]]:
    """Return constants out of range and Parameters that are not finite, each with its name, its Cell and the problem."""
    found: list[tuple[str, Cell | None, str]] = []
    said: set[int] = set()
    for name, cell in net.cells_and_names():
        try:
            if hasattr(cell, "check_ranges"):
                cell.check_ranges()
        except AutogradError as error:
            said |= {id(parameter) for parameter in cell.get_parameters()}
            found.append((name, cell, f"expected {error.expected}, got {error.got}. {error.fix}"))
    for name, parameter in net.parameters_dict().items():
        values = parameter.asnumpy()
        if values.dtype.kind == "f" and id(parameter) not in said and (wrong := ~np.isfinite(values)).any():
            found.append((name, None, f"is not finite in {wrong.sum():,} of its {wrong.size:,} values"))
    return found


def look_at_norms(net: Cell) -> tuple[str, ...]:
    """Return a sentence about the norms in evaluation whose moving statistics are still 0 and 1, if there are any."""
    names = [
        f"{name} {type(cell).__name__}".lstrip()
        for name, cell in net.cells_and_names()
        if isinstance(cell, MovingNorm) and not cell.training and getattr(cell, "use_batch_statistics", None) is None
        and not cell.moving_mean.asnumpy().any() and (cell.moving_variance.asnumpy() == 1).all()
    ]  # fmt: skip
    if not names:
        return ()
    are, their = ("is", "its") if len(names) == 1 else ("are", "their")
    return (
        f"{_some(names)} {are} in evaluation, and {their} moving statistics never moved: nothing is normalised. "
        "Call net.set_train() before you train or check the net; net.set_train(False) evaluates it.",
    )


def _some(names: list[str], most: int = 8) -> str:
    """Return the first of many names, and the number of the others."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def look_elsewhere(found: list[tuple[str, Cell | None, str]], layers: list[Any]) -> tuple[str, ...]:
    """Return sentences about all findings except those about constants of a layer of neurons."""
    inside = {id(part) for layer in layers for _, part in layer.cells_and_names()}
    return tuple(
        f"Parameter {name} {text}. Go back to a checkpoint; snn.run(..., check=True) finds where it starts."
        if cell is None
        else f"{name} {type(cell).__name__} has a constant out of range: {text} {CLIP}".lstrip()
        for name, cell, text in found
        if cell is None or id(cell) not in inside
    )


CLIP = "If it is learnt, clip it after each step of the optimizer."


class _Rule(NamedTuple):
    """A finding and its remedy, for a layer that fulfils a condition; names in braces are those of ``_numbers``."""

    holds: Callable[[Any], bool]
    found: str
    advice: str = "{remedy}"


_CONSTANTS = (_Rule(lambda n: n.constants, "has a constant out of range: {constants}", CLIP),)
_SURROGATE = (
    _Rule(
        lambda n: n.differentiable is False,
        "has no surrogate: its spikes have no derivative, so no gradient passes",
        "Give it a surrogate_function, such as snn.surrogate.atan(), or your own bprop.",
    ),
)
_FIRING = (
    _Rule(lambda n: not n.finite, "has numbers that are not finite", "snn.run(..., check=True) finds where they start."),
    _Rule(lambda n: n.silent >= MOST, "is {deadness}: {silent:.0%} of its neurons never fire{blocked}"),
    _Rule(lambda n: n.saturated >= MOST, "is dead: {saturated:.0%} of its neurons fire in nearly every step{blocked}"),
    _Rule(lambda n: n.dead >= MOST, "is dead{blocked}"),
    _Rule(lambda n: n.rate < LOW, "fires too rarely: {rate:.2g} spikes per neuron per step{in_hertz}{blocked}"),
    _Rule(lambda n: n.rate > HIGH, "fires too often: {rate:.2g} spikes per neuron per step{in_hertz}{blocked}"),
    _Rule(
        lambda n: n.rate >= 0 and not fires_in_order(n.rate, n.silent, n.saturated),
        "carries little information: {silent:.0%} of its neurons never fire, {saturated:.0%} fire almost always{blocked}",
    ),
    _Rule(
        lambda n: is_wide(n.spread),
        "has currents that are too large: its membrane spreads over {spread:.3g} thresholds{blocked}",
    ),
    _Rule(lambda n: n.dead >= SOME, "learns only in part{blocked}"),
)
_OUTPUT = (
    _Rule(
        lambda n: n.is_output and 0 < n.silent < MOST and n.differentiable is not False,
        "is the output of the net, which cannot answer with {never} on x",
        "If x has samples of every class, train, and compare accuracies: a gain sets the rate of the whole layer.",
    ),
)
_GRADIENT = (
    _Rule(
        lambda n: not n.passes and n.behind_passes,
        "has a gradient that is not finite, though its membrane is",
        "Use detach_reset=True or a surrogate with compact support, such as snn.surrogate.triangle; a smaller dt may help. "
        "If none of these does, check the loss.",
    ),
    _Rule(
        lambda n: n.gradient == 0 and not n.dead >= MOST and n.differentiable is not False,
        "gets no gradient from the loss",
        "{cause}",
    ),
    _Rule(
        lambda n: n.ratio > APART and not n.gain < 1,
        "has an exploding gradient: {ratio:.1e} times the gradient of {behind}",
        "Use a lower and wider surrogate or detach_reset=True, or make the weights between the two layers smaller.",
    ),
    _Rule(
        lambda n: 0 < n.ratio < 1 / APART and n.gain == 1,
        "has a vanishing gradient: {ratio:.1e} times the gradient of {behind}",
        "Use a higher or wider surrogate, or make the weights between the two layers larger.",
    ),
)
_OVER_TIME = (
    _Rule(
        lambda n: n.grows and not n.behind_grows,
        "has a gradient that grows backward in time: {change:.1e} times as large in the first quarter of the steps "
        "as in the last",
        "Use detach_reset=True, a lower and wider surrogate, or fewer steps; autograd.optim.clip_by_norm limits it.",
    ),
    _Rule(
        lambda n: n.fades and not n.behind_fades,
        "has a gradient that fades backward in time: {change:.1e} times as large in the first quarter of the steps "
        "as in the last",
        "Use a longer time constant, or a loss on the outputs of all steps.",
    ),
)


def find_problems(layer: LayerHealth, behind: LayerHealth | None) -> tuple[str, ...]:
    """Return the problems of a layer, followed by another layer or none, and their remedies."""
    return tuple(_find(layer, behind))


def _find(layer: LayerHealth, behind: LayerHealth | None) -> Iterator[str]:
    numbers = _numbers(layer, behind)
    groups: list[tuple[_Rule, ...]] = [_CONSTANTS]
    if layer.constants:
        groups += [_SURROGATE]  # the likely cause of any other problem
    elif layer.judged:
        groups += [_SURROGATE, _FIRING, _OUTPUT, _GRADIENT, _OVER_TIME] if layer.finite else [_FIRING]
    for rules in groups:
        for rule in rules:
            if rule.holds(numbers):  # the first rule that holds
                found = rule.found.format_map(vars(numbers)).removesuffix(".")
                yield f"{found}. {rule.advice.format_map(vars(numbers))}"
                break


def _numbers(layer: LayerHealth, behind: LayerHealth | None) -> SimpleNamespace:
    """Return the numbers of a layer, NaN if unknown, and derived ones."""
    numbers = _known(layer)
    if layer.differentiable is False:
        numbers.dead = np.nan  # without a surrogate, a wider one is no remedy
    numbers.in_hertz = "" if layer.hertz is None else f" ({layer.hertz:.3g} Hz)"
    numbers.deadness = "dead" if layer.is_dead else "silent"
    numbers.blocked = f"; no gradient passes through {numbers.dead:.0%} of its neurons" if numbers.dead >= SOME else ""
    silent, several = layer.silent_neurons, len(layer.silent_neurons) > 1
    numbers.never = f"neuron{'s' * several} {_some(list(map(str, silent)))}, which never {'fire' if several else 'fires'}"
    numbers.remedy = " ".join(_remedies(numbers))
    next_to = (
        SimpleNamespace(name="", gradient=np.nan, passes=True, grows=False, fades=False) if behind is None else _known(behind)
    )
    numbers.behind, numbers.ratio = next_to.name, numbers.gradient / next_to.gradient if next_to.gradient else np.nan
    numbers.cause = _cause(behind)
    numbers.behind_passes, numbers.behind_grows, numbers.behind_fades = next_to.passes, next_to.grows, next_to.fades
    return numbers


def _cause(behind: LayerHealth | None) -> str:
    """Return the reason why no gradient arrives at a layer that would pass one."""
    if behind is None:
        return "The loss does not depend on its output, or is flat there: check the loss and the layers after this one."
    if behind.gradient == 0:
        return f"No gradient passes {behind.name}: fix that layer first."
    return f"No gradient comes back from {behind.name}: look between the two for zero weights, stop_gradient or a bprop."


def _known(layer: LayerHealth) -> SimpleNamespace:
    numbers = SimpleNamespace(
        **{field.name: np.nan if (value := getattr(layer, field.name)) is None else value for field in fields(layer)}
    )
    numbers.passes = layer.gradient is None or bool(np.isfinite(layer.gradient))
    numbers.change = change = _change_over_time(layer.gradient_over_time)
    numbers.grows, numbers.fades = change > CHANGES and not numbers.gain < 1, change < 1 / CHANGES and numbers.gain == 1
    return numbers


def _change_over_time(norms: Any) -> float:
    """Return the ratio of the gradients in the first and the last quarter of the steps; NaN if unknown."""
    quarter = len(norms) // 4
    if quarter < 2:
        return np.nan
    first, last = np.linalg.norm(norms[:quarter]), np.linalg.norm(norms[-quarter:])
    return float(first / last) if first > 0 and last > 0 else np.nan


def _remedies(n: SimpleNamespace) -> Iterator[str]:
    if np.isnan(n.gain):
        yield "No factor on its currents helps: fix the layers before it, or change its biases."
    elif n.gain != 1:
        yield f"Multiply the weights and biases before it by {n.gain:.3g}."
    if n.dead >= SOME and (n.gain == 1 or n.width < NARROW):
        spreads = f"{n.spread:.2g}" if n.gain == 1 else "0.3 to 1 in a layer that fires as it should"
        narrow = n.width < (n.spread if n.gain == 1 else NARROW)
        yield "Use a wider surrogate" + (
            f": its half width is {n.width:.2g} thresholds, and the membrane spreads over {spreads}." if narrow else "."
        )
