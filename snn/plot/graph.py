"""Figures of graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autograd import Cell, tree
from autograd.dtypes import describe
from autograd.errors import DTypeError

from .panels import look, make_panels, small

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .panels import Panels

__all__ = ["graph"]


def graph(graph: Any, ax: Panels = None) -> Figure:
    """Draw the computation of a net in one step, from left to right; dashed arrows arrive in the next step.

    Parameters
    ----------
    graph : Graph
        From :func:`snn.graph`.
    ax : Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    Figure

    Raises
    ------
    DTypeError
        If it is not a Graph.
    """
    if not hasattr(graph, "levels"):
        raise DTypeError("snn.plot.graph", "a Graph", describe(graph), "Pass snn.graph(net, x).")
    levels = graph.levels()
    rows: dict[int, int] = {}
    places: dict[int, tuple[float, float]] = {}
    for number, level in levels.items():
        places[number] = (level, -rows.get(level, 0))
        rows[level] = rows.get(level, 0) + 1
    tallest, width = max(rows.values()), max(levels.values()) + 2
    # Each column is centred, and every second one a little lower, so that arrows over several columns pass beside the boxes.
    places = {n: (x, y + (rows[int(x)] - 1) / 2 - 0.18 * (int(x) % 2)) for n, (x, y) in places.items()}
    (axes,) = make_panels(ax, "snn.plot.graph", max(4.0, 1.3 * width), [max(1.6, 0.8 * tallest + 0.6)])
    shades, size = look(axes), small()
    for source, target, crosses in graph.arrows():
        _arrow(axes, places[source], places[target], crosses)
    for number, (x, y) in places.items():
        node = graph.nodes[number]
        kind = type(node.what).__name__ if isinstance(node.what, Cell) else ""
        shape = f"[{', '.join(map(str, node.outputs[0].shape))}]"
        known = {"population": shades.colours[0], "layer": shades.colours[2], "input": shades.grey}
        colour = known.get(node.kind, shades.colours[5])
        text = "\n".join(filter(None, (node.name, kind if kind != node.name else "", shape)))
        box = {"boxstyle": "round,pad=0.35", "facecolor": shades.paper, "edgecolor": colour, "linewidth": 1.4}
        axes.text(x, y, text, ha="center", va="center", fontsize=size, bbox=box, zorder=3, color=shades.ink)
    for edge in tree.leaves(graph.out):
        if edge.node in places:
            x, y = places[edge.node]
            axes.annotate(
                "output", (x + 0.28, y), (x + 0.75, y), fontsize=size, va="center", ha="center", color=shades.grey,
                arrowprops={"arrowstyle": "<-", "color": shades.grey, "shrinkA": 0, "shrinkB": 2},
            )  # fmt: skip
    axes.set_xlim(-0.6, width - 0.6)
    axes.set_ylim(-(tallest - 1) / 2 - 0.9, (tallest - 1) / 2 + 0.8)
    axes.axis("off")
    return axes.figure  # type: ignore[no-any-return]


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], crosses: bool) -> None:
    """Draw an arrow between two boxes; one that crosses a time step is dashed and goes back in a curve."""
    shades, forward = look(axes), end[0] > start[0]
    if start == end:
        (x, y) = start
        end, bow = (x - 0.14, y + 0.3), 1.6
        start = (x + 0.14, y + 0.3)
    else:
        long = forward and not crosses and end[0] - start[0] > 1
        bow = -0.18 if long else 0.0 if forward and not crosses else 0.35
    axes.annotate(
        "", end, start, zorder=1,
        arrowprops={
            "arrowstyle": "->", "color": shades.colours[1] if crosses else shades.grey, "linestyle": "--" if crosses else "-",
            "connectionstyle": f"arc3,rad={bow}", "shrinkA": 4 if bow > 1 else 18, "shrinkB": 4 if bow > 1 else 20,
        },
    )  # fmt: skip
