"""Check the neurons of a net: their firing, and the gradient through them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Cell, Tensor, float32
from autograd.dtypes import describe
from autograd.errors import DTypeError
from autograd.intake import to_numbers
from autograd.state import quietly

from ..common.checks import positive
from ..common.structure import says_too_deep
from .health_report import EDGES, DeadLayerWarning, HealthReport, LayerHealth
from .health_rules import (
    find_problems,
    fires_in_order,
    is_wide,
    look_at_constants,
    look_at_input,
    look_at_norms,
    look_elsewhere,
)
from .unchanged import unchanged

if TYPE_CHECKING:
    from .health_probe import Seen

__all__ = ["DeadLayerWarning", "HealthReport", "LayerHealth", "health"]

_SATURATED = 0.95  # share of steps in which a saturated neuron fires


@says_too_deep
def health(
    net: Cell,
    x: Any,
    loss: Callable[[Tensor], Tensor] | None = None,
    state: Any = None,
    mask: Any = None,
    mode: str = "auto",
    *,
    gradient: bool = True,
    dt: float | None = None,
) -> HealthReport:
    """Check the neurons of a net in one forward and backward run that leaves the net unchanged.

    Parameters
    ----------
    net : Cell
        As for :func:`snn.run`.
    x : Tensor or array
        Input, ``[T, N, ...]``: a few samples of the training data.
    loss : callable, optional
        Maps the output of the run, ``[T, N, ...]``, to a scalar Tensor. By default the output's mean over time, summed over
        its elements with random signs and averaged over the samples.
    state, mask, mode
        As for :func:`snn.run`. With ``mode="compiled"``, a layer that was never compiled takes a second or more.
    gradient : bool
        Whether to run backward. Without it there are no gradient norms; everything else is computed in less time.
    dt : float, optional
        Length of a time step in ms. With it the report has rates in Hz too; findings and gains stay the same.

    Returns
    -------
    HealthReport
        A row for each layer of neurons.

    Raises
    ------
    AutogradError
        As from :func:`snn.run`, or if ``dt`` is not positive.

    Notes
    -----
    The default loss is linear in the output, so its gradient does not vanish where the output does, unlike the gradient of a
    sum of squares. Over random signs, the expected squared norm of the gradient equals the squared norm of the Jacobian from
    the layer's currents to the outputs (Hutchinson's estimate), so outputs of opposite effect do not cancel. The signs are
    always the same.

    Fluctuation-driven initialization (Rossbroich, Gygax and Zenke, 2022) puts the mean of the membrane ``xi`` standard
    deviations below the threshold, with ``xi`` from 1 to 3: a Gaussian membrane is above it in 16 % to 0.1 % of the steps. A
    gain is sought if a rate is outside 0.01 to 0.5, if 25 % of the neurons are saturated, if 75 % are silent or saturated, or
    if the membrane spreads over more than 10 thresholds, ten times the spread that ``xi = 1`` gives a membrane at rest. To
    find it, the neurons run again on their own currents times a factor, until they fire at 0.067 spikes per step
    (``xi = 1.5``) or, if that rate cannot be reached, at half of the highest rate. The gain holds for the present currents;
    later layers depend on earlier ones, so fix the first layer first.

    All states of the run are kept. Generators that the net draws from, and Parameters that it sets itself, are restored.

    Examples
    --------
    >>> import numpy as np, snn
    >>> from autograd import nn
    >>> net = nn.SequentialCell(nn.Dense(4, 8, weight_init=0.01, bias_init=0.0), snn.LIFNode(beta=0.9))
    >>> x = np.random.default_rng(0).random((20, 16, 4), np.float32)
    >>> print(snn.health(net, x))
    T = 20, N = 16; mean and std: (v - threshold) / threshold
    layer      neurons   rate  silent  saturated   mean   std  dead  gradient  gain
    1 LIFNode        8  0.000    100%         0%  -0.88  0.05    0%   5.2e-02  7.34
    <BLANKLINE>
    1 LIFNode is silent: 100% of its neurons never fire. Multiply the weights and biases before it by 7.34.
    """
    from .health_probe import probe

    if not isinstance(net, Cell):
        raise DTypeError("snn.health", "a Cell as the net", describe(net), "The net comes first, then its input.")
    if dt is not None:
        dt = positive(dt, "snn.health", "dt", "Pass the length of a time step in ms, or leave it out for rates per step.")
    with unchanged(net):
        # Without numpy's warnings: values that are not finite are counted and reported.
        found, chosen = quietly(lambda: probe(net, x, (loss or _signed_mean) if gradient else None, state, mask, mode))
        keep = None if mask is None else to_numbers(mask, "snn.health, mask")
        steps, samples = np.shape(x)[:2]
        trouble, constants = look_at_input(x, keep), look_at_constants(net)
        layers: list[LayerHealth] = []
        for seen in found:
            judged = not trouble and all(layer.finite for layer in layers)
            wrong = _of_layer(seen.cell, constants)
            layer = quietly(partial(_layer, seen, keep, steps, chosen, judged and not wrong, dt))
            layers.append(replace(layer, judged=judged, constants=wrong))
    pairs = zip(layers, [*layers[1:], None], strict=False)
    said = [replace(layer, problems=find_problems(layer, behind)) for layer, behind in pairs]
    elsewhere = *look_elsewhere(constants, [seen.cell for seen in found]), *look_at_norms(net)
    return HealthReport(tuple(said), steps, samples, trouble, elsewhere, dt)


def _of_layer(layer: Cell, constants: list[tuple[str, Cell | None, str]]) -> str:
    """Return the first problem with the constants of a layer."""
    parts = [part for _, part in layer.cells_and_names()]
    return next((text for _, cell, text in constants if any(cell is part for part in parts)), "")


def _signed_mean(out: Tensor) -> Tensor:
    signs = np.random.default_rng(0).choice([-1.0, 1.0], out.shape[1:])
    mean = (out if out.dtype.kind == "f" else out.astype(float32)).mean(0)
    return (mean * signs.astype(mean.dtype)).sum() / max(1, len(signs))


def _layer(seen: Seen, keep: Any, steps: int, mode: str, judged: bool, dt: float | None) -> LayerHealth:
    """Return the findings for a layer."""
    from . import health_measure as measure

    names = ("rate", "silent", "saturated", "mean", "std", "spread", "dead", "width", "gain")
    numbers: dict[str, Any] = dict.fromkeys(names)
    histogram = np.zeros(len(EDGES) + 1, int)
    over_time = measure.over_time(seen.gradient, steps)
    in_each_step = len(seen.x) == steps
    x, out = (measure.rows(array, keep if in_each_step else None) for array in (seen.x, seen.out))
    finite = bool(np.isfinite(x).all() and np.isfinite(out).all())
    differentiable, silent_neurons = None, np.zeros(0, int)
    if in_each_step and out.size:
        if (membrane := measure.look_at_membrane(seen, keep)) is not None:
            numbers |= measure.summary(membrane)
            distance = membrane.distance
            finite &= bool(np.isfinite(distance).all())
            differentiable = membrane.differentiable
            inside, _ = np.histogram(distance, len(EDGES) - 1, (EDGES[0], EDGES[-1]))
            histogram[:] = [(distance < EDGES[0]).sum(), *inside, (distance > EDGES[-1]).sum()]
        elif seen.gradient is not None and not seen.gradient.any():
            differentiable = measure.has_derivative(seen, keep)
        numbers["gain"] = 1.0 if judged and finite else None
        if (fired := measure.fires(seen.cell, out)) is not None:
            often = fired.mean(0)
            rate, silent, saturated = fired.mean(), (often == 0).mean(), (often >= _SATURATED).mean()
            numbers |= {"rate": rate, "silent": silent, "saturated": saturated}
            silent_neurons = np.flatnonzero(often == 0)
            wide = is_wide(numbers["spread"] or 0.0)
            if numbers["gain"] and (wide or not fires_in_order(rate, silent, saturated)):
                numbers["gain"] = measure.find_gain(seen, keep, mode, rate, wide)
    numbers = {name: None if value is None else float(value) for name, value in numbers.items()}
    return LayerHealth(
        name=f"{seen.name} {type(seen.cell).__name__}".strip(),
        neurons=int(np.prod(seen.out.shape[2:])),
        **numbers,
        gradient=None if seen.gradient is None else float(np.linalg.norm(seen.gradient.astype(np.float64))),
        gradient_over_time=over_time,
        membrane=histogram,
        finite=finite,
        judged=judged,
        differentiable=differentiable,
        silent_neurons=silent_neurons,
        is_output=seen.is_output,
        hertz=None if dt is None or numbers["rate"] is None else 1000 * numbers["rate"] / dt,
    )
