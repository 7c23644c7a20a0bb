"""Plot of the health of the neurons of a net."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError

from .panels import BESIDE, look, make_panels, margin_legend, small, tidy, time_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ..inspect.health_report import HealthReport, LayerHealth
    from .panels import Look, Panels, Time

__all__ = ["health"]

_SHARES = ("never fire", "always fire", "no gradient", "in between")


def health(report: HealthReport, *, dt: float | None = None, ax: Panels = None) -> NDArray[np.object_]:
    """Plot a report of :func:`snn.health`: shares of neurons, membranes around the threshold, gradients over time.

    Parameters
    ----------
    report : HealthReport
        Of a net with neurons.
    dt : float, optional
        Length of a time step in ms; None shows time in steps.
    ax : Axes or sequence of three Axes, optional
        One Axes is subdivided; by default a new figure.

    Returns
    -------
    ndarray of Axes, shape ``[3]``
        One row per layer, the first on top, with bars for the shares of silent neurons, saturated neurons and neurons with a
        dead surrogate, and the rate beside them; the same rows with histograms of the membrane before reset, and the share
        beyond them; the norms of the gradients with respect to the input currents of each layer, in each time step.

    Raises
    ------
    ArgumentError
        If the report has no layers, ``dt`` is not positive, or ``ax`` holds a wrong number of Axes.
    MissingExtraError
        If matplotlib is not installed.
    """
    if not hasattr(report, "problems"):
        raise DTypeError("snn.plot.health", "a HealthReport", describe(report), "Pass snn.health(net, x).")
    time, layers = time_of(dt, "snn.plot.health"), report.layers
    if not layers:
        raise ArgumentError("snn.plot.health", "a report with layers", "none", "Report on a net with neurons.")
    axes = make_panels(ax, "snn.plot.health", 9.6, [1.2 + 0.5 * len(layers)], columns=3, share=False)
    shades = look(axes[0])
    colours = np.resize(shades.colours, len(layers))
    _draw_shares(axes[0], layers, shades)
    _draw_membranes(axes[1], layers, colours, shades.grey)
    _draw_gradients(axes[2], layers, colours, time)
    for panel in axes[:2]:
        panel.set(ylim=(len(layers) - 0.5, -0.6))
        panel.set_yticks(range(len(layers)), labels=[layer.name for layer in layers] if panel is axes[0] else [])
        panel.tick_params(axis="y", length=0)
    return axes


def _draw_shares(panel: Axes, layers: tuple[LayerHealth, ...], shades: Look) -> None:
    tidy(panel, "Neurons (%)", "")
    panel.set(xlim=(0, 100))
    tints = never, always, none, between = "0.55", shades.colours[5], shades.ink, shades.faint
    occurring = _occurring(layers)
    for row, layer in enumerate(layers):
        if layer.silent is None or layer.saturated is None or layer.rate is None:
            panel.annotate("no spikes to count", (2, row), color=shades.grey, size=small(), va="center")
        else:
            silent, saturated = 100 * layer.silent, 100 * layer.saturated
            panel.barh(row - 0.12, 100, 0.4, color=between)
            panel.barh(row - 0.12, silent, 0.4, color=never)
            panel.barh(row - 0.12, saturated, 0.4, left=100 - saturated, color=always)
            panel.annotate(f"{layer.rate:.3f}", (1.02, row - 0.12), xycoords=BESIDE, size=small(), va="center")
        if layer.dead is not None and occurring[2]:
            panel.barh(row + 0.2, 100, 0.12, color=between)
            panel.barh(row + 0.2, 100 * layer.dead, 0.12, color=none)
    shown = [share for share, occurs in zip(_SHARES, occurring, strict=True) if occurs]
    handles = [panel.barh(0, 0, color=tint) for tint, occurs in zip(tints, occurring, strict=True) if occurs]
    margin_legend(panel, handles, shown, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    panel.annotate("rate", (1.02, 1.01), xycoords="axes fraction", size=small(), color=shades.grey)


def _occurring(layers: tuple[LayerHealth, ...]) -> list[bool]:
    """Return which of the shares occur in any layer."""
    named = [[layer.silent or 0, layer.saturated or 0, layer.dead or 0] for layer in layers]
    between = [layer.rate is not None and (layer.silent or 0) + (layer.saturated or 0) < 1 for layer in layers]
    return [*(bool(any(shares)) for shares in zip(*named, strict=True)), any(between)]


def _draw_membranes(panel: Axes, layers: tuple[LayerHealth, ...], colours: NDArray[np.str_], grey: str) -> None:
    tidy(panel, "Membrane minus threshold (thresholds)", "")
    for row, (layer, colour) in enumerate(zip(layers, colours, strict=True)):
        if layer.membrane.any():
            inside = layer.membrane[1:-1]
            height = 0.7 * inside / max(inside.max(), 1)
            panel.stairs(row + 0.4 - height, layer.edges, baseline=row + 0.4, fill=True, color=colour, alpha=0.6)
            below, above = layer.membrane[[0, -1]] / layer.membrane.sum()
            if below >= 0.005:
                panel.annotate(
                    f"\u2190 {below:.0%}", (0.01, row - 0.4), xycoords=BESIDE, color=grey, va="center", size=small()
                )
            if above >= 0.005:
                panel.annotate(
                    f"{above:.0%} \u2192",
                    (0.99, row - 0.4),
                    xycoords=BESIDE,
                    color=grey,
                    va="center",
                    ha="right",
                    size=small(),
                )
    panel.set(xlim=tuple(layers[0].edges[[0, -1]]))
    panel.axvline(0, color=grey, ls="--", lw=0.8)
    panel.annotate("threshold", (0, 1.01), xycoords=("data", "axes fraction"), color=grey, ha="center", size=small())


def _draw_gradients(panel: Axes, layers: tuple[LayerHealth, ...], colours: NDArray[np.str_], time: Time) -> None:
    tidy(panel, time.label, "Gradient norm", whole=time.whole)
    for layer, colour in zip(layers, colours, strict=True):
        norms = np.where(layer.gradient_over_time > 0, layer.gradient_over_time, np.nan)
        label = layer.name if np.isfinite(norms).any() else f"{layer.name}: none"
        panel.plot(
            time.dt * np.arange(len(norms)), norms, ".-" if len(norms) <= 40 else "-", c=colour, lw=1.1, ms=4, label=label
        )
    if any(np.isfinite(line.get_ydata()).any() for line in panel.lines):
        panel.set_yscale("log")
        panel.tick_params(axis="y", which="both", labelsize=small())
    margin_legend(panel, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
