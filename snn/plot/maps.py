"""Maps of weights: a whole matrix, or the receptive field of each neuron."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import describe, is_int
from autograd.errors import NonFiniteError, ShapeError
from autograd.intake import to_numbers

from ..common.checks import whole
from .panels import colour_bar, look, make_panels, small, tidy, whole_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["fields", "weights"]


def weights(matrix: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Plot a matrix of weights in colours, the palest for 0.

    Parameters
    ----------
    matrix : array_like, shape ``[out, in]``
        For example ``net[0].weight``.
    ax : Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    Axes
        With a colour bar whose range is the same on both sides of 0.

    Raises
    ------
    ShapeError
        If it does not have two axes, or has no weights.
    NonFiniteError
        If a weight is NaN or infinite.
    MissingExtraError
        If matplotlib is not installed.
    """
    where = "snn.plot.weights"
    values = _finite(matrix, where, "matrix")
    if values.ndim != 2:
        raise ShapeError(where, "a matrix [out, in]", describe(matrix), "For kernels of a convolution see snn.plot.fields.")
    tall = float(np.clip(4 * values.shape[0] / values.shape[1], 1.0, 4.0))
    panel: Axes = make_panels(ax, where, 4.8, [tall])[0]
    tidy(panel, "Input", "Neuron")
    largest = float(np.abs(values).max()) or 1.0
    image = panel.imshow(
        values, aspect="auto", cmap=look(panel).diverging, vmin=-largest, vmax=largest,
        interpolation="nearest" if values.size < 10_000 else "antialiased",
    )  # fmt: skip
    whole_ticks(panel.yaxis)
    colour_bar(panel, image, "Weight")
    return panel


def fields(
    kernels: ArrayLike, *, shape: tuple[int, int] | None = None, columns: int | None = None, ax: Axes | None = None
) -> Axes:
    """Plot receptive fields of neurons, or kernels of a convolution, side by side.

    Parameters
    ----------
    kernels : array_like, shape ``[out, in]`` or ``[out, channels, height, width]``
        Weights. The channels of a neuron are stacked vertically.
    shape : tuple of int, optional
        Height and width of the image that ``in`` flattens; None means a square image, if ``in`` is a square number.
    columns : int, optional
        Neurons per row; None makes the figure about square.
    ax : Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    Axes
        One image, neuron 0 at the top left and the next at its right, with one colour bar for all.

    Raises
    ------
    ShapeError
        If the axes are wrong, or ``in`` does not match that shape.
    ArgumentError
        If ``columns`` is not a whole number of at least 1.
    NonFiniteError
        If a weight is NaN or infinite.
    MissingExtraError
        If matplotlib is not installed.
    """
    where = "snn.plot.fields"
    values = _finite(kernels, where, "kernels")
    images = _images(values, shape, where)
    count, height, width = images.shape
    fit = max(1, round(math.sqrt(count * height / width)))
    across = min(count, fit if columns is None else whole(columns, where, "columns", "For example columns=8.", count))
    down = -(-count // across)
    # A thin gap in the colour of the page between two, and nothing where the last row is not full.
    sheet = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for number, image in enumerate(images):
        row, column = divmod(number, across)
        top, left = row * (height + 1), column * (width + 1)
        sheet[top : top + height, left : left + width] = image
    wide = 4.4
    tall = float(np.clip(wide * sheet.shape[0] / sheet.shape[1], 0.8, 7.0))
    panel: Axes = make_panels(ax, where, wide + 0.8, [tall])[0]
    tidy(panel, "", "")
    largest = float(np.abs(values).max()) or 1.0
    image = panel.imshow(sheet, cmap=look(panel).diverging, vmin=-largest, vmax=largest, interpolation="nearest")
    panel.spines[:].set_visible(False)
    panel.set(xticks=[], yticks=[])
    panel.set_title(
        f"{count:,} neurons, {down} rows of {across}" if down > 1 else f"{count:,} neurons", size=small(), loc="left"
    )
    colour_bar(panel, image, "Weight")
    return panel


def _images(values: Any, shape: Any, where: str) -> Any:
    if values.ndim == 4:
        if shape is not None:
            raise ShapeError(where, "no shape for kernels of a convolution", describe(shape), "Leave it out.")
        return values.reshape(len(values), -1, values.shape[-1])
    if values.ndim != 2:
        raise ShapeError(
            where, "kernels [out, in] or [out, channels, height, width]", describe(values), "For example net[0].weight."
        )
    inputs = values.shape[1]
    side = math.isqrt(inputs)
    given = (side, side) if shape is None else shape
    pair = isinstance(given, (tuple, list)) and len(given) == 2
    whole = pair and all(is_int(n) and 0 < n <= inputs for n in given)
    if not whole or given[0] * given[1] != inputs:
        raise ShapeError(
            where, f"the height and width of {inputs:,} inputs",
            f"None, and {inputs:,} is not a square number" if shape is None else describe(shape),
            "Pass shape=(height, width).",
        )  # fmt: skip
    return values.reshape(len(values), *given)


def _finite(given: Any, where: str, name: str) -> Any:
    values = to_numbers(given, f"{where}, {name}")
    if not values.size:
        raise ShapeError(where, f"{name} with weights in it", describe(given), "For example net[0].weight.")
    if not np.isfinite(values).all():
        raise NonFiniteError(
            where, "finite weights", f"{np.count_nonzero(~np.isfinite(values)):,} that are not", "See snn.health."
        )
    return values
