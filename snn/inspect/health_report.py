"""The result of :func:`snn.health`: the numbers of each layer, and the problems they show."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np

from autograd.dtypes import Array

from ..plot.health import health
from .health_rules import FAR, MOST

__all__ = ["EDGES", "DeadLayerWarning", "HealthReport", "LayerHealth"]


EDGES = np.linspace(-4.0, 2.0, 61)
"""Edges of the bins of the membrane, relative to the threshold, in thresholds."""


class DeadLayerWarning(UserWarning):
    """Names the dead layers of a net, or the reason why they cannot be found, and the remedy."""


@dataclass(frozen=True, eq=False)
class LayerHealth:
    """Findings of :func:`snn.health` for one layer of neurons; None marks a value that cannot be known.

    Only steps that are not masked count.

    Attributes
    ----------
    name : str
        Name in the net, with the class of the neuron.
    neurons : int
        Number of neurons.
    rate : float or None
        Spikes per neuron per step, of either sign; several in one step count as one. None if the layer does not spike.
    hertz : float or None
        The same in Hz, from the ``dt`` of :func:`snn.health`; None without one.
    silent : float or None
        Share of the neurons that never fire.
    silent_neurons : array of int
        Their numbers in the flattened layer, ``[s]``; empty if that is not known.
    is_output : bool
        Whether its spikes are the output of the net.
    saturated : float or None
        Share of the neurons that fire in at least 95 % of the steps.
    mean, std : float or None
        Mean and standard deviation of the distances ``(v - threshold) / threshold`` over neurons and steps, with the membrane
        ``v`` before reset and the threshold of that step, adaptation included.
    spread : float or None
        Half of the range that holds the middle 68 % of these distances: equal to ``std`` if the membrane is Gaussian, but not
        affected by the few large values of an exponential neuron that fires.
    dead : float or None
        Share of the neurons with a dead surrogate: its derivative with respect to ``v`` never exceeds 0.001 of its peak, so no
        gradient passes. During the refractory period after a spike the derivative is 0.
    width : float or None
        Half width of the surrogate, in thresholds: the distance below the threshold at which its derivative is half of its
        peak, averaged over neurons.
    gradient : float or None
        Norm of the gradient of the loss with respect to the input currents of the layer, over neurons, samples and time.
    gradient_over_time : array
        The same for each time step, ``[T]``; NaN where it is not known.
    gain : float or None
        Suggested factor for the weights and biases before the layer, and so for its input currents: 1 if no change
        is needed, None if no factor helps or ``judged`` is False.
    membrane : array of int
        Histogram of ``(v - threshold) / threshold``, ``[62]``: the number of values below -4, in each of 60 bins from -4 to 2,
        and above 2; zeros if it is not known.
    finite : bool
        Whether its currents, membrane and outputs are finite.
    judged : bool
        Whether the numbers are meaningful for this layer: not if the input is all zero, or if it or an earlier layer is not
        finite.
    constants : str
        The constant that is out of range, such as a ``beta`` that learning has moved above 1; empty if there is none.
    differentiable : bool or None
        Whether its output has a nonzero derivative anywhere: False without a surrogate.
    edges : array
        Edges of the bins of every ``membrane``, relative to the threshold, in thresholds.
    problems : tuple of str
        Problems of the layer and their remedies, in sentences without their subject, the worst first.
    """

    name: str
    neurons: int
    rate: float | None
    silent: float | None
    saturated: float | None
    mean: float | None
    std: float | None
    spread: float | None
    dead: float | None
    width: float | None
    gradient: float | None
    gradient_over_time: Array
    gain: float | None
    membrane: Array
    finite: bool
    judged: bool
    constants: str = ""
    differentiable: bool | None = None
    silent_neurons: Array = field(default_factory=partial(np.zeros, 0, int))
    is_output: bool = False
    hertz: float | None = None
    problems: tuple[str, ...] = ()
    edges: ClassVar[Array] = EDGES

    @property
    def is_dead(self) -> bool:
        """Whether 95 % of the neurons are saturated, or have a dead surrogate or none, or are silent and far from firing.

        "Far from firing" means that they need a gain above 10, or that no gain helps. Training may revive a silent layer that
        is nearer.
        """
        silent, saturated, dead = (share is not None and share >= MOST for share in (self.silent, self.saturated, self.dead))
        dead |= self.differentiable is False
        return self.judged and (dead or saturated or (silent and (self.gain is None or self.gain > FAR)))


@dataclass(frozen=True, eq=False)
class HealthReport:
    """Findings of :func:`snn.health`; ``print`` shows a table, the problems and their remedies.

    Attributes
    ----------
    layers : tuple of LayerHealth
        In the order of the net.
    steps, samples : int
        T and N.
    trouble : str
        The problem with the input, if any: it is not finite, or all zero.
    elsewhere : tuple of str
        Problems outside the layers of neurons, in sentences: Parameters that are not finite, constants out of range, norms in
        evaluation whose statistics never moved.
    dt : float or None
        Length of a time step in ms, if given.
    """

    layers: tuple[LayerHealth, ...]
    steps: int
    samples: int
    trouble: str = ""
    elsewhere: tuple[str, ...] = ()
    dt: float | None = None

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    @property
    def problems(self) -> tuple[str, ...]:
        """Problems and their remedies, in sentences."""
        found = [f"{layer.name} {problem}" for layer in self.layers for problem in layer.problems]
        return tuple([self.trouble] * bool(self.trouble) + [*self.elsewhere, *found])

    @property
    def order(self) -> list[str]:
        """Advice on the order of fixes, if there is a choice."""
        if sum(layer.judged and layer.gain != 1 for layer in self.layers) < 2:
            return []
        return ["Later layers depend on earlier ones: fix the first layer first, then check again."]

    def warn(self, stacklevel: int = 2) -> None:
        """Warn of dead layers, of an input that is not finite or all zero, and of problems outside the layers.

        Parameters
        ----------
        stacklevel : int
            As for ``warnings.warn``: 2 names the line that calls this method.

        Warns
        -----
        DeadLayerWarning
            A single one for everything, with the gains of dead layers.
        """
        worst = [f"{layer.name} {layer.problems[0]}" for layer in self.layers if layer.is_dead or layer.constants]
        if said := [self.trouble] if self.trouble else [*self.elsewhere, *worst]:
            warnings.warn(" ".join(said + self.order), DeadLayerWarning, stacklevel=stacklevel)

    def plot(self, *, dt: float | None = None, ax: Any = None) -> Any:
        """Draw the figure, as :func:`snn.plot.health` does; ``dt`` is by default that of the report."""
        return health(self, dt=self.dt if dt is None else dt, ax=ax)


_COLUMNS = {
    "neurons": "d", "rate": ".3f", "hertz": ".3g", "silent": ".0%", "saturated": ".0%", "mean": "+.2f", "std": ".2f",
    "dead": ".0%", "gradient": ".1e", "gain": ".3g",
}  # fmt: skip
_LONG = 1e4  # a number that is larger is written with an exponent


def _show(value: float | None, form: str) -> str:
    if value is None:
        return "-"
    return format(value, form.replace(".2f", ".1e") if abs(value) >= _LONG else form)


def _lines(report: HealthReport) -> Iterator[str]:
    length = "" if report.dt is None else f", dt = {report.dt:g} ms"
    yield f"T = {report.steps}, N = {report.samples}{length}; mean and std: (v - threshold) / threshold"
    if not report.layers:
        yield "The net has no neurons."
        return
    columns = {name: form for name, form in _COLUMNS.items() if name != "hertz" or report.dt is not None}
    table = [["layer", *columns]]
    for layer in report.layers:
        table.append([layer.name, *(_show(getattr(layer, name), form) for name, form in columns.items())])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for first, *rest in table:
        yield "  ".join([first.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(rest, widths[1:], strict=True))])
    yield ""
    yield from report.problems or ["No problems found."]
    yield from report.order
