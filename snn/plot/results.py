"""Plots of learning: training curves and confusion matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError, ShapeError
from autograd.intake import to_numbers

from .panels import colour_bar, look, make_panels, margin_legend, small, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from .panels import Panels

__all__ = ["confusion", "training"]

_MOST_CLASSES = 2000


def training(history: Sequence[Mapping[str, Any]], *, ax: Panels = None) -> NDArray[np.object_]:
    """Plot losses and accuracies (percent) over the epochs, and name the last test accuracy.

    Parameters
    ----------
    history : sequence of mappings
        One per epoch, such as ``{"epoch": 1, "train_loss": 0.4, "test_accuracy": 0.91}``. Keys ending in "loss"
        go to the left panel, keys ending in "accuracy" (fractions, or percent if one is above 1) to the right one.
        Any may be missing or None in some epochs; without "epoch", entries count from 1.
    ax : Axes or sequence of two Axes, optional
        One Axes is subdivided; by default a new figure.

    Returns
    -------
    ndarray of Axes, shape ``[2]``
        Losses, then accuracies.

    Raises
    ------
    ArgumentError
        If there is neither a loss nor an accuracy, or ``ax`` holds a wrong number of Axes.
    MissingExtraError
        If matplotlib is not installed.
    """
    where, kinds = "snn.plot.training", {"loss": "Loss", "accuracy": "Accuracy (%)"}
    if not isinstance(history, Sequence) or not all(isinstance(entry, Mapping) for entry in history):
        raise DTypeError(
            where, "a sequence of dicts, one per epoch", describe(history), 'Pass [{"loss": 0.4}, {"loss": 0.3}].'
        )
    keys = dict.fromkeys(key for entry in history for key in entry if key.endswith(tuple(kinds)))
    if not keys:
        raise ArgumentError(where, "keys ending in loss or accuracy", "none", 'Pass one dict per epoch: {"loss": 0.4}.')
    epochs = np.array([entry.get("epoch", number) for number, entry in enumerate(history, start=1)])
    curves = {key: np.array([entry.get(key) for entry in history], dtype=float) for key in keys}
    percent = any((values > 1).any() for key, values in curves.items() if key.endswith("accuracy"))
    colour_order = list(dict.fromkeys(["train", "test", *(key.rpartition("_")[0] for key in keys)]))
    axes = make_panels(ax, where, 6.4, [1.9], columns=2)
    shades = look(axes[0])
    colours = np.resize(shades.colours, len(colour_order))
    for panel, (kind, ylabel) in zip(axes, kinds.items(), strict=True):
        tidy(panel, "Epoch", ylabel)
        for key in (key for key in keys if key.endswith(kind)):
            values, prefix = curves[key] * (1 if kind == "loss" or percent else 100), key.rpartition("_")[0]
            label, colour = prefix.replace("_", " ") or kind, colours[colour_order.index(prefix)]
            known = np.isfinite(values)
            if key == "test_accuracy" and known.any():
                at = np.flatnonzero(known)[-1]
                panel.set_title(f"test {values[at]:.1f}% after epoch {epochs[at]}", loc="right", c=colour, size=small())
                panel.plot(epochs[at], values[at], "o", c=colour, ms=8, mfc="none", clip_on=False)
            panel.plot(epochs[known], values[known], "o-" if known.sum() <= 30 else "-", c=colour, ms=3, label=label)
        if panel.lines:
            margin_legend(panel, loc="best")
        else:
            panel.annotate("not recorded", (0.5, 0.5), xycoords="axes fraction", color=shades.grey, size=small(), ha="center")
    return axes


def confusion(
    labels: ArrayLike,
    predictions: ArrayLike,
    *,
    classes: Sequence[str] | None = None,
    normalize: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Plot the confusion matrix of true and predicted classes, with the accuracy in the title.

    Parameters
    ----------
    labels, predictions : array_like of int, shape ``[N]``
        True and predicted classes, from 0.
    classes : sequence of str, optional
        Names of all classes; by default the numbers up to the largest that occurs.
    normalize : bool
        Show fractions of each true class instead of counts.
    ax : Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    Axes
        Empty cells are blank; where numbers do not fit, a colour bar replaces them.

    Raises
    ------
    ShapeError
        If the two do not have the same shape ``[N]`` with N > 0.
    ArgumentError
        If they are not whole numbers, or exceed the named classes.
    MissingExtraError
        If matplotlib is not installed.
    """
    where = "snn.plot.confusion"
    if classes is not None and not isinstance(classes, Sequence):
        raise DTypeError(where, "classes to be a sequence of names", describe(classes), "Leave it out for the numbers.")
    if not isinstance(normalize, (bool, np.bool_)):
        raise DTypeError(where, "normalize to be True or False", describe(normalize), "True shows shares of each true class.")
    true, predicted = to_numbers(labels, f"{where}, labels"), to_numbers(predictions, f"{where}, predictions")
    if true.ndim != 1 or true.shape != predicted.shape or not true.size:
        raise ShapeError(
            where, "equal shapes [N], N > 0", f"{true.shape} and {predicted.shape}",
            "Pass one class per sample, such as scores.argmax(-1).",
        )  # fmt: skip
    both = np.stack([true, predicted])
    n = int(both.max()) + 1 if classes is None else len(classes)
    if both.dtype.kind not in "iu" or both.min() < 0 or both.max() >= n:
        got = f"{both.dtype} from {both.min()} to {both.max()}"
        raise ArgumentError(where, f"integers from 0 to {n - 1}", got, "Use .astype(int), or name all classes.")
    if n > _MOST_CLASSES:
        raise ArgumentError(where, f"at most {_MOST_CLASSES:,} classes", f"{n:,}", "Are these class numbers?")
    matrix = np.zeros((n, n))
    np.add.at(matrix, (true, predicted), 1)
    matrix /= np.maximum(matrix.sum(axis=1, keepdims=True), 1) if normalize else 1
    inches = float(np.clip(1.2 + 0.28 * n, 2.2, 4.6))
    panel: Axes = make_panels(ax, where, (inches + 0.6) * (1 if n <= 24 else 1.15), [inches])[0]
    image = panel.imshow(matrix, cmap=look(panel).rising, vmin=0, vmax=1 if normalize else None)
    tidy(panel, "Predicted", "True")
    panel.set_title(f"Accuracy {(true == predicted).mean():.1%} (N = {len(true):,})", size=1.1 * small())
    texts = {(i, j): f"{matrix[i, j]:.{2 if normalize else 0}f}" for i, j in np.argwhere(matrix)}
    cell = min(panel.bbox.width, panel.bbox.height) * 72 / panel.figure.dpi / n
    size = min(1.4 * cell / max(map(len, texts.values())), 9)  # a digit is about 0.6 of the font size wide
    if n <= 24 and size >= 5:
        for (i, j), text in texts.items():
            dark = np.dot(image.to_rgba(matrix[i, j])[:3], (0.3, 0.59, 0.11)) < 0.55
            panel.text(j, i, text, ha="center", va="center", size=size, color="white" if dark else "black")
    else:
        colour_bar(panel, image, "Fraction of true class" if normalize else "Count")
    every = 5 if n > 24 and classes is None else 1
    names = [str(name) for name in (range(n) if classes is None else classes)][::every]
    panel.set_xticks(range(0, n, every), labels=names, rotation=90 if 5 * max(map(len, names)) > cell * every else 0)
    panel.set_yticks(range(0, n, every), labels=names)
    panel.tick_params(length=0, labelsize=min(small(), cell * every))
    panel.spines[:].set_visible(False)
    return panel
