"""Plots of membrane traces, spike trains, training curves and confusion matrices; Matplotlib is an optional extra.

Shapes that do not fit raise ``ShapeError``, other unusable arguments ``ArgumentError``, before anything is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.errors import ArgumentError, MissingExtraError, ShapeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    Layers = ArrayLike | Mapping[str, ArrayLike]
    Names = str | Sequence[str] | None
    Panels = Axes | Sequence[Axes] | NDArray[np.object_] | None

__all__ = ["confusion", "raster", "trace", "training"]

# Okabe and Ito's palette, safe for colour-blind readers, without its yellow, which is too faint for thin lines.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_GREY, _BESIDE, _SMALL = "0.35", ("axes fraction", "data"), 8  # points; axis labels and titles are one larger
_LEGEND: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "frameon": False, "fontsize": _SMALL}


def trace(
    *,
    x: ArrayLike | None = None,
    v: ArrayLike | None = None,
    spikes: ArrayLike | None = None,
    v_threshold: ArrayLike | None = None,
    neurons: ArrayLike | None = None,
    v_reset: ArrayLike | None = None,
    ax: Panels = None,
) -> NDArray[np.object_]:
    """Plot input current, membrane and spikes of a few neurons over time (steps), one panel each.

    Parameters
    ----------
    x, v, spikes : array_like, shape ``[T]`` or ``[T, n]``, optional
        One sample's input current, membrane and spikes (nonzero is a spike); at least one of them.
    v_threshold, v_reset : float or array_like of shape ``[n]``, optional
        Levels in the membrane panel, drawn dashed and dotted unless infinite.
    neurons : int or sequence of int, optional
        Which neurons to show; by default the first four.
    ax : Axes or sequence of Axes, optional
        One Axes is subdivided, a sequence holds one a panel; by default a new figure.

    Returns
    -------
    ndarray of Axes
        One for each given array, in the order `x`, `v`, `spikes`.
    """
    where = "snn.plot.trace"
    arrays = _by_neuron({"x": x, "v": v, "spikes": spikes}, where)
    steps, n = next(iter(arrays.values())).shape
    chosen = np.arange(min(n, 4)) if neurons is None else np.ravel(np.asarray(neurons))
    if not chosen.size or chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= n:
        raise ArgumentError(where, f"neurons from 0 to {n - 1}", f"{chosen}", "pass indices, such as neurons=[0, 1]")
    levels = {"threshold": np.asarray(np.inf if v_threshold is None else v_threshold)}
    levels["reset"] = np.asarray(np.inf if v_reset is None else v_reset)
    for name, level in levels.items():
        if level.shape not in ((), (n,)):
            raise ShapeError(where, f"v_{name} of shape () or ({n},)", f"{level.shape}", "pass one for each neuron")
    rows, colours = np.arange(len(chosen)), np.resize(_COLOURS, len(chosen))
    looks = {"x": (1.1, "Input $x$"), "v": (1.7, "Membrane $v$"), "spikes": (0.3 + 0.12 * len(rows), "Neuron")}
    axes = _panels(ax, where, 6.0, [looks[name][0] for name in arrays])
    times, which = np.nonzero(arrays["spikes"][:, chosen]) if "spikes" in arrays else (rows[:0], rows[:0])
    for panel, (name, array) in zip(axes, arrays.items(), strict=True):
        _tidy(panel, "Time (steps)" if panel is axes[-1] else "", looks[name][1])
        panel.set_xlim(-0.5, steps - 0.5)
        if name == "spikes":
            panel.vlines(times, which - 0.4, which + 0.4, colors=colours[which], lw=1.2)
            panel.set(ylim=(-0.6, len(rows) - 0.4), yticks=rows, yticklabels=chosen.astype(str))
            continue
        for neuron, colour in zip(chosen, colours, strict=True):
            panel.plot(
                array[:, neuron], ".-" if steps <= 40 else "-", color=colour, lw=1.1, ms=4, label=f"neuron {neuron}"
            )
        for kind, level in levels.items() if name == "v" else ():
            values = np.broadcast_to(level, n)[chosen]
            dashes, side = ("--", "bottom") if kind == "threshold" else (":", "top")
            for value in np.unique(values[np.isfinite(values)]):
                tint = colours[values == value][0] if level.ndim else _GREY
                panel.axhline(value, color=tint, ls=dashes, lw=0.8, zorder=1)
                panel.annotate(kind, (1.01, value), xycoords=_BESIDE, color=tint, va=side, size=_SMALL)
        if name == "v" and "spikes" in arrays:
            # The spike times get a band of their own above all that is drawn so far, so they hide no membrane.
            low, high = panel.get_ylim()
            unit = min(0.08, 0.3 / len(rows)) * (high - low)
            panel.vlines(times, high + unit * which, high + unit * (which + 0.7), colors=colours[which], lw=1.2)
            panel.set_yticks([tick for tick in panel.get_yticks() if low <= tick <= high])
            panel.set_ylim(low, high + unit * len(rows))
    if n > 1 and axes[0].lines:
        axes[0].legend(ncols=4, **_LEGEND)
    return axes


def raster(
    spikes: Layers, *, sample: int = 0, names: Names = None, ax: Axes | None = None, markersize: float | None = None
) -> Axes:
    """Plot which neurons spike when (steps), for one layer or for several stacked from bottom to top.

    Parameters
    ----------
    spikes : array_like or mapping of str to array_like
        A layer of shape ``[T, n]`` or ``[T, N, ...]`` (features are flattened), or several by name, the small ones
        stretched; nonzero is a spike.
    sample : int
        Which sample of the batch; an array of shape ``[T, n]`` has none.
    names : str or sequence of str, optional
        Names of the layers; by default the mapping's keys.
    ax : Axes, optional
        Where to draw; by default a new figure.
    markersize : float, optional
        Height of a mark in points; by default about that of a row.

    Returns
    -------
    Axes
        At its right are the layers' names and mean rates.
    """
    where = "snn.plot.raster"
    layers = spikes if isinstance(spikes, Mapping) else {"": spikes}
    trains = list(_by_neuron(layers, where, sample).values())
    titles = list(layers) if names is None else [names] if isinstance(names, str) else list(names)
    if len(titles) != len(trains):
        raise ArgumentError(where, f"{len(trains)} names, one a layer", f"{titles}", "pass a dict from name to spikes")
    steps, counts = len(trains[0]), np.array([train.shape[1] for train in trains])
    bands = np.maximum(counts, 0.1 * counts.sum())
    bottoms = np.cumsum(bands + 0.05 * bands.sum()) - bands - 0.05 * bands.sum()
    top = bottoms[-1] + bands[-1]
    panel: Axes = _panels(ax, where, 6.4, [float(np.clip(1.2 + 0.012 * counts.sum(), 1.4, 3.8))])[0]
    _tidy(panel, "Time (steps)", "Neuron")
    panel.set(xlim=(-0.5, steps - 0.5), ylim=(-0.5 - 0.01 * top, 1.01 * top - 0.5))
    points = 72 / panel.figure.dpi
    width = float(np.clip(0.5 * points * panel.bbox.width / steps, 0.6, 2))
    height = markersize or float(np.clip(0.8 * points * panel.bbox.height / top, max(width, 1.5), 9))
    for title, train, bottom, scale, colour in zip(titles, trains, bottoms, bands / counts, cycle(_COLOURS)):
        times, which = np.nonzero(train)
        many = len(times) > 20_000  # too many vectors to open a file quickly
        panel.plot(times, bottom + which * scale, "|", color=colour, ms=height, mew=width, rasterized=many)
        text = f"{title}\n{(train != 0).mean():.3f} spikes/neuron/step".strip()
        middle = bottom + (train.shape[1] - 1) / 2 * scale
        panel.annotate(text, (1.01, middle), xycoords=_BESIDE, color=colour, va="center", size=_SMALL)
    if len(trains) > 1:
        ticks = np.stack([bottoms, bottoms + bands * (1 - 1 / counts)], axis=1).ravel()
        panel.set_yticks(ticks, labels=[str(index) for n in counts for index in (0, n - 1)])
    return panel


def training(history: Sequence[Mapping[str, Any]], *, ax: Panels = None) -> NDArray[np.object_]:
    """Plot losses and accuracies over the epochs, and mark the best test accuracy.

    Parameters
    ----------
    history : sequence of mappings
        One for each epoch, such as ``{"epoch": 1, "train_loss": 0.4, "test_accuracy": 0.91}``. Keys ending in "loss"
        go to the left panel, keys ending in "accuracy" (fractions, or percent if one is above 1) to the right one.
        Any may be missing or None in some epochs; without "epoch", entries count from 1.
    ax : Axes or sequence of two Axes, optional
        One Axes is subdivided; by default a new figure.

    Returns
    -------
    ndarray of Axes, shape ``[2]``
        Loss and accuracy (percent).
    """
    where, kinds = "snn.plot.training", {"loss": "Loss", "accuracy": "Accuracy (%)"}
    keys = dict.fromkeys(key for entry in history for key in entry if key.endswith(tuple(kinds)))
    if not keys:
        raise ArgumentError(where, "keys ending in loss or accuracy", "none", 'pass one dict an epoch: {"loss": 0.4}')
    epochs = np.array([entry.get("epoch", number) for number, entry in enumerate(history, start=1)])
    curves = {key: np.array([entry.get(key) for entry in history], dtype=float) for key in keys}
    percent = any((values > 1).any() for key, values in curves.items() if key.endswith("accuracy"))
    # Train and test have the same colours in every figure; other curves take the next ones.
    order = list(dict.fromkeys(["train", "test", *(key.rpartition("_")[0] for key in keys)]))
    axes = _panels(ax, where, 6.4, [1.9], columns=2)
    for panel, (kind, title) in zip(axes, kinds.items(), strict=True):
        _tidy(panel, "Epoch", title)
        for key in (key for key in keys if key.endswith(kind)):
            values, prefix = curves[key] * (1 if kind == "loss" or percent else 100), key.rpartition("_")[0]
            label, colour = prefix.replace("_", " ") or kind, _COLOURS[order.index(prefix) % len(_COLOURS)]
            known = np.isfinite(values)
            if key == "test_accuracy" and known.any():
                best = np.nanargmax(values)
                label += f" (best {values[best]:.1f}%, epoch {epochs[best]})"
                panel.plot(epochs[best], values[best], "o", color=colour, ms=8, mfc="none", clip_on=False)
            panel.plot(
                epochs[known], values[known], "o-" if len(epochs) <= 30 else "-", color=colour, ms=3, label=label
            )
        if panel.lines:
            panel.legend(ncols=2, **_LEGEND)
    return axes


def confusion(
    labels: ArrayLike, predictions: ArrayLike, *, classes: Names = None, normalize: bool = False, ax: Axes | None = None
) -> Axes:
    """Plot how often each true class was predicted as which, with the accuracy in the title.

    Parameters
    ----------
    labels, predictions : array_like of int, shape ``[N]``
        True and predicted classes, from 0.
    classes : sequence of str, optional
        Names of all classes; by default the numbers up to the largest that occurs.
    normalize : bool
        Show fractions of each true class instead of counts.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Empty cells are blank; where numbers do not fit, a colour bar replaces them.
    """
    where, true, predicted = "snn.plot.confusion", np.asarray(labels), np.asarray(predictions)
    if true.ndim != 1 or true.shape != predicted.shape or not true.size:
        raise ShapeError(
            where, "two equal shapes [N], N > 0", f"{true.shape} and {predicted.shape}", "argmax the scores"
        )
    both = np.stack([true, predicted])
    n = int(both.max()) + 1 if classes is None else len(classes)
    if both.dtype.kind not in "iu" or both.min() < 0 or both.max() >= n:
        got = f"{both.dtype} from {both.min()} to {both.max()}"
        raise ArgumentError(where, f"integers from 0 to {n - 1}", got, "use .astype(int), or name all classes")
    matrix = np.zeros((n, n))
    np.add.at(matrix, (true, predicted), 1)
    if normalize:
        matrix /= np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    inches = float(np.clip(1.2 + 0.28 * n, 2.2, 4.6))
    panel: Axes = _panels(ax, where, (inches + 0.6) * (1 if n <= 24 else 1.15), [inches])[0]
    image = panel.imshow(matrix, cmap="Blues", vmin=0, vmax=1 if normalize else None)
    _tidy(panel, "Predicted", "True")
    panel.set_title(f"Accuracy {(true == predicted).mean():.1%} (N = {len(true):,})", size=_SMALL + 1)
    texts = {(i, j): f"{matrix[i, j]:.{2 if normalize else 0}f}" for i, j in np.argwhere(matrix)}
    cell = min(panel.bbox.width, panel.bbox.height) * 72 / panel.figure.dpi / n
    size = min(1.4 * cell / max(map(len, texts.values())), 9)  # a digit is about 0.6 of the font size wide
    if n <= 24 and size >= 5:
        for (i, j), text in texts.items():
            dark = np.dot(image.to_rgba(matrix[i, j])[:3], (0.3, 0.59, 0.11)) < 0.55
            panel.text(j, i, text, ha="center", va="center", size=size, color="white" if dark else "black")
    else:
        bar = panel.figure.colorbar(image, cax=panel.inset_axes((1.03, 0, 0.035, 1)))
        bar.set_label("Fraction of true class" if normalize else "Count", size=_SMALL)
        bar.ax.tick_params(labelsize=_SMALL)
    every = 5 if n > 24 and classes is None else 1
    names = [str(name) for name in classes or range(n)][::every]
    panel.set_xticks(range(0, n, every), labels=names, rotation=0 if len(max(names, key=len)) < cell / 5 else 90)
    panel.set_yticks(range(0, n, every), labels=names)
    panel.tick_params(length=0, labelsize=min(_SMALL, cell * every))
    panel.spines[:].set_visible(False)
    return panel


def _by_neuron(given: Mapping[str, Any], where: str, sample: int | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays that are not None as [T, n]: one shape and no batch, or, with a `sample` to pick, one T."""
    arrays = {name: np.asarray(value) for name, value in given.items() if value is not None}
    least, most, expected = (1, 2, "[T] or [T, n]") if sample is None else (2, 32, "[T, n] or [T, N, ...]")
    if not arrays:
        raise ArgumentError(where, f"at least one of {', '.join(given) or 'the layers'}", "none", "pass an array")
    for name, array in arrays.items():
        if not (least <= array.ndim <= most and array.size):
            fix = f"pick a sample, such as {name}[:, 0]" if array.ndim > most else "give it steps and neurons"
            raise ShapeError(where, f"{name or 'spikes'} of shape {expected}", f"{array.shape} {array.dtype}", fix)
        if sample is not None and array.ndim > 2:
            if not 0 <= sample < array.shape[1]:
                raise ArgumentError(where, f"sample from 0 to {array.shape[1] - 1}", f"{sample}", "pass sample=0")
            array = array[:, sample]
        arrays[name] = array.reshape(len(array), -1)
    shapes = {name: array.shape if sample is None else len(array) for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        fix = "record all in the same run; repeat what the neurons share: np.repeat(x[:, None], n, axis=1)"
        raise ShapeError(where, "arrays of the same steps T and neurons n", f"{shapes}", fix)
    return arrays


def _panels(ax: Panels, where: str, width: float, heights: list[float], columns: int = 1) -> NDArray[np.object_]:
    """Return one Axes a panel: on a new figure of such inches, inside a single given Axes, or those given."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", where=where) from error
    given, count = np.asarray(ax, dtype=object), len(heights) * columns
    grid: dict[str, Any] = {"nrows": len(heights), "ncols": columns, "height_ratios": heights}
    if ax is None:
        figure = plt.figure(figsize=(width, sum(heights) + 0.6), layout="constrained")
        given = figure.subplots(**grid, sharex=True, squeeze=False)
        figure.align_ylabels()
    elif given.ndim == 0 and count > 1:
        parent = given.item()
        parent.set_axis_off()
        places = parent.figure.add_gridspec(**grid, left=0, right=1, bottom=0, top=0.93, wspace=0.3, hspace=0.15)
        given = np.array([parent.inset_axes(places[i].get_position(parent.figure).bounds) for i in range(count)])
    if given.size != count:
        raise ArgumentError(where, f"ax of one or {count} Axes", f"{given.size}", "leave ax out for a new figure")
    return given.ravel()


def _tidy(panel: Axes, xlabel: str, ylabel: str) -> None:
    """Label the axes, thin out the frame, and put time and epoch ticks on whole numbers."""
    from matplotlib.ticker import MaxNLocator

    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[:].set_linewidth(0.7)
    panel.tick_params(labelsize=_SMALL, width=0.7, length=3, labelbottom=bool(xlabel))
    panel.set_xlabel(xlabel, size=_SMALL + 1)
    panel.set_ylabel(ylabel, size=_SMALL + 1)
    panel.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
