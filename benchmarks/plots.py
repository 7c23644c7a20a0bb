"""Figures of the results, saved beside the JSON file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .rounds import quartiles

__all__ = ["bars", "curves"]


def bars(title: str, found: Mapping[str, Mapping[str, Sequence[float]]], path: Path, unit: str = "seconds") -> None:
    """Draw a panel per case, with a bar for each contender's median and its quartiles; ours is in colour."""
    panels = {case: {who: values for who, values in by.items() if values} for case, by in found.items()}
    panels = {case: by for case, by in panels.items() if by}
    if not panels:
        return
    columns = min(len(panels), 4)
    rows = -(-len(panels) // columns)
    figure, axes = _figure(rows, columns, (4.2 * columns, (1.1 + 0.3 * max(map(len, panels.values()))) * rows + 0.4))
    for ax, (case, by) in zip(axes.flat, panels.items(), strict=False):
        names = sorted(by, key=lambda who: quartiles(by[who])[1], reverse=True)
        spread = [quartiles(by[who]) for who in names]
        middle = [m for _, m, _ in spread]
        errors = [[m - low for low, m, _ in spread], [high - m for _, m, high in spread]]
        colours = ["tab:blue" if who.startswith("ours") else "0.7" for who in names]
        ax.barh(names, middle, xerr=errors, color=colours, error_kw={"elinewidth": 1, "ecolor": "0.3"})
        ax.set_title(case, fontsize=10)
        ax.set_xlabel(unit, fontsize=9)
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in list(axes.flat)[len(panels) :]:
        ax.set_visible(False)
    _save(figure, title, path)


def curves(title: str, panels: Mapping[str, tuple[str, Sequence[float], Sequence[float], str]], path: Path) -> None:
    """Draw seconds against the varied quantity on logarithmic axes; a panel is (label of x, x, seconds, legend)."""
    figure, axes = _figure(1, len(panels), (4.6 * len(panels), 3.6))
    for ax, (name, (label, x, seconds, text)) in zip(axes.flat, panels.items(), strict=True):
        ax.loglog(x, seconds, "o-", color="tab:blue", label=text)
        ax.set_title(name, fontsize=10)
        ax.set_xlabel(label, fontsize=9)
        ax.set_ylabel("seconds", fontsize=9)
        ax.legend(fontsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    _save(figure, title, path)


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    return plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")


def _save(figure: Any, title: str, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure.suptitle(title, fontsize=11)
    figure.savefig(path.with_suffix(".png"), dpi=150)
    plt.close(figure)
    print(f"wrote {path.with_suffix('.png')}")
