"""What :func:`snn.health` returns: the numbers of each layer, and what they say in words."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["EDGES", "DeadLayerWarning", "HealthReport", "LayerHealth", "in_order"]

Array = np.ndarray[Any, np.dtype[Any]]

EDGES = np.linspace(-4.0, 2.0, 61)
"""Edges of the bins of the membrane, in thresholds from the threshold."""

LOW, HIGH = 0.01, 0.5
"""The rate of a layer is in between."""
MOST = 0.95
"""A layer is silent, saturated or without gradient if this share of its neurons is."""
FAR = 10.0
"""A silent layer that needs a larger gain does not come to life by itself."""
MANY = 0.75
"""A layer carries little if this share of its neurons is silent or saturated, and learns little if it passes no gradient."""
SOME = 0.25
"""A layer carries little if this share of its neurons is saturated."""


class DeadLayerWarning(UserWarning):
    """Says which layers of a net are dead, and what to do."""


@dataclass(frozen=True, eq=False)
class LayerHealth:
    """What :func:`snn.health` found of a layer of neurons; None is what cannot be known.

    A step is one of a sample that is not masked.

    Attributes
    ----------
    name : str
        In the net, with the kind of the neuron.
    neurons : int
        How many there are.
    rate : float or None
        Spikes a neuron and step, of either sign; several in one step count as one. None if the layer does not spike.
    silent : float or None
        Share of the neurons that never fire.
    saturated : float or None
        Share of the neurons that fire in at least 95 % of the steps.
    mean, std : float or None
        Of ``(v - threshold) / threshold`` over neurons and steps, with the membrane ``v`` before reset and the threshold of
        that step, adaptation included.
    dead : float or None
        Share of the neurons with a dead surrogate: in no step its derivative by ``v`` is above 0.001 of its peak, so that no
        gradient passes. In a step of rest after a spike it is 0.
    gradient : float or None
        Norm of the gradient of the loss by the input currents of the layer, over neurons, samples and time.
    gradient_over_time : array
        The same for each time step, ``[T]``; NaN where it is not known.
    gain : float or None
        The suggested factor on weights and biases in front of the layer, which is one on its input currents: 1 where nothing
        is to be changed, None where no factor helps.
    membrane : array of int
        A histogram of what ``mean`` and ``std`` are of: how many are below -4, in each of 60 bins from -4 to 2, and above,
        ``[62]``; zeros where it is not known.
    """

    name: str
    neurons: int
    rate: float | None
    silent: float | None
    saturated: float | None
    mean: float | None
    std: float | None
    dead: float | None
    gradient: float | None
    gradient_over_time: Array
    gain: float | None
    membrane: Array

    @property
    def is_dead(self) -> bool:
        """Whether 95 % of the neurons are saturated, or have a dead surrogate, or are silent and far from firing.

        That is if they need a gain above 10, or none helps. Nearer to firing, training may bring a silent layer to life.
        """
        silent, saturated, dead = (share is not None and share >= MOST for share in (self.silent, self.saturated, self.dead))
        return dead or saturated or (silent and (self.gain is None or self.gain > FAR))

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the layer and what to do, in sentences without their subject; the first is the worst."""
        return tuple(_problems(self))


@dataclass(frozen=True, eq=False)
class HealthReport:
    """What :func:`snn.health` found; ``print`` shows a table, and what to do.

    Attributes
    ----------
    layers : tuple of LayerHealth
        In the order of the net.
    steps, samples : int
        T and N.
    """

    layers: tuple[LayerHealth, ...]
    steps: int
    samples: int

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong and what to do, in sentences."""
        return tuple(f"{layer.name} {problem}" for layer in self.layers for problem in layer.problems)

    @property
    def order(self) -> list[str]:
        """What to mend first, if there is a choice."""
        if sum(layer.gain != 1 for layer in self.layers) < 2:
            return []
        return ["Mend the first layer first and look again: the currents of those behind it depend on it."]

    def warn(self, stacklevel: int = 2) -> None:
        """Warn if a layer is dead.

        Parameters
        ----------
        stacklevel : int
            As for ``warnings.warn``: 2 names the line that calls this.

        Warns
        -----
        DeadLayerWarning
            One for all dead layers, with the gains.
        """
        if said := [f"{layer.name} {layer.problems[0]}" for layer in self.layers if layer.is_dead]:
            warnings.warn(" ".join(said + self.order), DeadLayerWarning, stacklevel=stacklevel)

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the figure, as :func:`snn.plot.health` does."""
        from .plot import health

        return health(self, ax=ax)


def in_order(rate: float, silent: float, saturated: float) -> bool:
    """Tell whether a layer fires as it should."""
    return LOW <= rate <= HIGH and silent + saturated < MANY and saturated < SOME


def _problems(layer: LayerHealth) -> Iterator[str]:
    rate, silent, saturated, dead = layer.rate, layer.silent or 0.0, layer.saturated or 0.0, layer.dead or 0.0
    if not np.isfinite([layer.gradient or 0.0, layer.mean or 0.0, layer.std or 0.0]).all():
        yield "has numbers that are not finite: snn.run(..., check=True) says where they begin."
    if silent >= MOST:
        found = f"is {'dead' if layer.is_dead else 'silent'}: {silent:.0%} of its neurons never fire"
    elif saturated >= MOST:
        found = f"is dead: {saturated:.0%} of its neurons fire in nearly every step"
    elif dead >= MOST:
        found = "is dead"
    elif rate is not None and not LOW <= rate <= HIGH:
        found = f"fires {'seldom' if rate < LOW else 'often'}: {rate:.2g} spikes a neuron and step"
    elif rate is not None and not in_order(rate, silent, saturated):
        found = f"carries little: {silent:.0%} of its neurons never fire, {saturated:.0%} do in nearly every step"
    elif dead >= MANY:
        found = "learns little"
    else:
        found = ""
    if found:
        blocked = f"; no gradient passes through {dead:.0%} of its neurons" if dead >= SOME else ""
        yield f"{found}{blocked}. {_remedy(layer)}"
    if layer.gradient == 0 and dead < MOST:
        yield "gets no gradient of the loss: look at the layers behind it, and at the loss."


def _remedy(layer: LayerHealth) -> str:
    if layer.gain is None:
        return "No factor on its currents helps: mend the layers before it, or change its biases."
    return "Take a wider surrogate." if layer.gain == 1 else f"Multiply weights and biases in front of it by {layer.gain:.3g}."


_COLUMNS = {
    "neurons": "d", "rate": ".3f", "silent": ".0%", "saturated": ".0%", "mean": "+.2f", "std": ".2f", "dead": ".0%",
    "gradient": ".1e", "gain": ".3g",
}  # fmt: skip


def _lines(report: HealthReport) -> Iterator[str]:
    yield f"T = {report.steps}, N = {report.samples}; mean and std: of the membrane from the threshold, in thresholds"
    if not report.layers:
        yield "There are no neurons."
        return
    table = [["layer", *_COLUMNS]]
    for layer in report.layers:
        values = [(getattr(layer, name), form) for name, form in _COLUMNS.items()]
        table.append([layer.name, *("-" if value is None else format(value, form) for value, form in values)])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for first, *rest in table:
        yield "  ".join([first.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(rest, widths[1:], strict=True))])
    yield ""
    yield from report.problems or ["Nothing is wrong."]
    yield from report.order
