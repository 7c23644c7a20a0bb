"""Curves of a report: a panel for each split of a metric, in light and dark colours, and a legend as text."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from snn.plot.panels import DARK, LIGHT, Look

from .results import Group

__all__ = ["curves", "legend"]

_DASHES = ("-", "--", ":", "-.")  # for the configurations after those with a colour of their own


def legend(groups: Sequence[Group]) -> str:
    """Return the legend of the configurations, empty if there is only one."""
    if len(groups) < 2:
        return ""
    borders = ("solid", "dashed", "dotted", "double")
    items = []
    for i, group in enumerate(groups):
        light, dark = (look.colours[i % len(look.colours)] for look in (LIGHT, DARK))
        border = borders[i // len(LIGHT.colours) % len(borders)]
        swatch = f'<i style="border-top: 3px {border} light-dark({light}, {dark})"></i>'
        items.append(f"<li>{swatch}{html.escape(group.label)}</li>")
    return f'<ul class="legend">{"".join(items)}</ul>'


def curves(groups: Sequence[Group], kind: str, metrics: Sequence[str]) -> str:
    """Return a figure of one kind of metric over the epochs: a panel for each split, all on one scale."""
    low, high = _limits(groups, metrics)
    panels = []
    for metric in metrics:
        light, dark = (_drawn(groups, kind, metric, (low, high), look) for look in (LIGHT, DARK))
        what = html.escape(f"{metric} over the epochs")
        panels.append(
            f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}"><img alt="{what}" src="{light}"></picture>'
        )
    seeds = max((n for group in groups for metric in metrics for n in group.curve(metric)[3]), default=0)
    spread = ": mean of the seeds, shaded by one standard deviation" if seeds > 1 else ""
    caption = f"<figcaption>{html.escape(kind)} over the epochs{spread}.</figcaption>"
    return f'<figure><div class="panels">{"".join(panels)}</div>{caption}</figure>'


def _limits(groups: Sequence[Group], metrics: Sequence[str]) -> tuple[float, float]:
    """Return the lowest and the highest finite value, with a margin."""
    found: list[float] = []
    for group in groups:
        for metric in metrics:
            _, mean, spread, _ = group.curve(metric)
            found += [*np.subtract(mean, spread), *np.add(mean, spread)]
    finite = [value for value in found if np.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _drawn(groups: Sequence[Group], kind: str, metric: str, limits: tuple[float, float], look: Look) -> str:
    """Return the curves of one metric as an SVG in a data URI."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    ink = look.ink
    rc: Any = {
        "text.color": ink, "axes.edgecolor": ink, "axes.labelcolor": ink, "xtick.color": ink, "ytick.color": ink,
        "svg.hashsalt": "spikecell", "axes.spines.top": False, "axes.spines.right": False, "font.size": 10,
    }  # fmt: skip
    with mpl.rc_context(rc):
        figure = Figure(figsize=(4.2, 3.0), layout="constrained")
        FigureCanvasSVG(figure)
        ax = figure.add_subplot()
        ax.set_facecolor("none")
        for i, group in enumerate(groups):
            epochs, mean, spread, seeds = group.curve(metric)
            colour, dash = look.colours[i % len(look.colours)], _DASHES[i // len(look.colours) % len(_DASHES)]
            ax.plot(epochs, mean, dash, color=colour, lw=1.5, marker="o" if len(epochs) == 1 else None)
            if max(seeds, default=0) > 1:
                ax.fill_between(epochs, np.subtract(mean, spread), np.add(mean, spread), color=colour, alpha=0.15, lw=0)
        ax.set(xlabel="Epoch", ylabel=kind.capitalize(), ylim=limits)
        ax.set_title(metric, fontsize=10)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        file = io.BytesIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"
