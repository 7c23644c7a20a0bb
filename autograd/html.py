"""Tables for notebooks: plain HTML without colours, so that it is readable on light and dark pages."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .dtypes import describe
from .parameter import Parameter
from .state import quietly
from .tensor import Tensor

__all__ = ["of_layers", "of_values", "table"]

_ROWS = 100
"""Largest number of rows in a table; a line below it says how many are left out."""


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], lines: Iterable[str] = ()) -> str:
    """Return a table and paragraphs, ``lines``, below it as HTML; all text is escaped.

    ``heads`` names the columns. The last row is kept if others are left out.
    """
    below = list(lines)
    if len(rows) > _ROWS:
        below.insert(0, f"{len(rows) - _ROWS:,} more rows are not shown; print shows all.")
        rows = [*rows[: _ROWS - 1], rows[-1]]
    head = f'<caption style="text-align: left">{html.escape(caption)}</caption>'
    parts = ['<table style="color: inherit">', head, _row(heads, "th")]
    parts += [_row(row, "td") for row in rows]
    return "\n".join([*parts, "</table>", *(f"<p>{html.escape(line)}</p>" for line in below)])


def _row(cells: Sequence[str], tag: str) -> str:
    start = f'<{tag} style="text-align: left">'  # Jupyter's own style aligns text to the right
    return f"<tr>{''.join(f'{start}{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def of_layers(kind: str, layers: Iterable[tuple[str, Any, bool, Sequence[tuple[str, Parameter]]]]) -> str:
    """Return a net as a table: each layer with its arguments or equations, the shapes of its Parameters and their numbers.

    ``layers`` has the path of each layer, the layer, whether it prints itself, and its Parameters by name. A Parameter that
    several layers hold counts in the first one.
    """
    rows: list[tuple[str, ...]] = []
    counted: set[int] = set()
    total = trained = 0
    for path, cell, whole, parameters in layers:
        name = type(cell).__name__
        about = repr(cell).removeprefix(f"{name}(").removesuffix(")") if whole else cell.extra_repr()
        new = [parameter for _, parameter in parameters if id(parameter) not in counted]
        shapes = [f"{own} {[*p.shape]}{', shared' if id(p) in counted else ''}" for own, p in parameters]
        counted |= {id(parameter) for parameter in new}
        size = sum(parameter.size for parameter in new)
        total += size
        trained += sum(parameter.size for parameter in new if parameter.requires_grad)
        rows.append((path or "-", name, about, "; ".join(shapes), f"{size:,}"))
    if len(rows) > 1:
        rows.append(("total", "", "", "", f"{total:,}"))
    caption = f"{kind}: {total:,} values in Parameters, {trained:,} of them trained"
    return table(caption, ("layer", "kind", "arguments or equations", "Parameters", "values"), rows)


def of_values(caption: str, named: Iterable[tuple[str, Any]]) -> str:
    """Return values by name as a table: shapes, dtypes, and the least, mean and greatest number.

    The name of a structure of Tensors precedes those of its items.
    """
    rows = [(name, *_about(value)) for name, value in _flat(named)]
    return table(caption, ("value", "shape", "dtype", "least", "mean", "greatest"), rows)


def _flat(named: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Iterate over the items that are not containers, with the path to each."""
    for name, value in named:
        if isinstance(value, (dict, tuple, list)):
            names = value if isinstance(value, dict) else getattr(value, "_fields", range(len(value)))
            items = value.values() if isinstance(value, dict) else value
            yield from _flat((f"{name}.{key}", item) for key, item in zip(names, items, strict=True))
        else:
            yield name, value


def _about(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (Tensor, np.ndarray)):
        return "", describe(value), "", "", ""
    array = value.array if isinstance(value, Tensor) else value
    head = str([*array.shape]), str(array.dtype)
    if not array.size or array.dtype.kind not in "fiub":
        return *head, "", "", ""
    numbers = quietly(lambda: (array.min(), array.mean(dtype=np.float64), array.max()))  # NaN and infinity are shown
    low, mean, high = [f"{float(number):.4g}" for number in numbers]
    return *head, low, mean, high
