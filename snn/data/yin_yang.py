"""The Yin-Yang set: points of the plane in three classes, small and not linearly separable."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.errors import ArgumentError

from .dataset import Dataset, Splits
from .seeds import balanced, between, counts, generator
from .sources import Arrays

__all__ = ["yin_yang"]

_PUBLISHED = {"train": 42, "validation": 41, "test": 40}  # seeds of the authors


def yin_yang(
    seed: Any, *, train: int = 5000, validation: int = 1000, test: int = 1000, r_small: float = 0.1, r_big: float = 0.5
) -> Splits:
    """Make the Yin-Yang data set (Kriener, Goeltz and Petrovici, 2022).

    Parameters
    ----------
    seed : int, numpy.random.Generator or "published"
        The same seed gives the same bits. ``"published"`` gives the exact points of the authors, who drew them with numpy's
        older generator and the seeds 42, 41 and 40.
    train, validation, test : int
        Samples in each split, equally many of each class (on average, if published).
    r_small, r_big : float
        Radii of the dots and of the whole disc.

    Returns
    -------
    Splits
        ``train``, ``validation`` and ``test``: ``(x, y, 1 - x, 1 - y)``, ``[4]`` float32 in [0, 1] for ``r_big=0.5``, with the
        classes yin, yang and dot. :func:`snn.encode.latency` turns them into spike times.

    References
    ----------
    L. Kriener, J. Goeltz, M. A. Petrovici: The Yin-Yang dataset. Neuro-Inspired Computational Elements Conference, 2022.
    """
    sizes = {"train": train, "validation": validation, "test": test}
    counts("data.yin_yang", **sizes)
    between("data.yin_yang", 1e-6, 1e6, r_small=r_small, r_big=r_big)
    if 4 * r_small >= r_big * 2:
        raise ArgumentError(
            "data.yin_yang", "r_small below r_big / 2", f"{r_small} and {r_big}", "The dots lie within the halves."
        )
    published = isinstance(seed, str) and seed == "published"
    rng = None if published else generator(seed, "data.yin_yang")
    parts = {}
    for name, size in sizes.items():
        points, labels = (
            _as_published(_PUBLISHED[name], size, r_small, r_big) if rng is None else _drawn(rng, size, r_small, r_big)
        )
        x = np.concatenate([points, 1 - points], 1).astype(np.float32)
        parts[name] = Dataset(Arrays(x, labels), kind="static", classes=("yin", "yang", "dot"), name="yin_yang")
    return Splits("yin_yang", **parts)


def _classes(points: Array, r_small: float, r_big: float) -> Array:
    """Return 0, 1 and 2 for yin, yang and dot, and -1 outside."""
    x, y = points.T
    right, left = np.hypot(x - 1.5 * r_big, y - r_big), np.hypot(x - 0.5 * r_big, y - r_big)
    in_one = (right <= r_small) | ((left > r_small) & (left <= 0.5 * r_big)) | ((y > r_big) & (right > 0.5 * r_big))
    labels = np.where((right < r_small) | (left < r_small), 2, in_one.astype(np.int64))
    return np.where(np.hypot(x - r_big, y - r_big) > r_big, -1, labels)


def _drawn(rng: np.random.Generator, size: int, r_small: float, r_big: float) -> tuple[Array, Array]:
    """Return points ``[size, 2]``, uniform within each class, and labels."""
    labels, points = balanced(3, size, rng), np.empty((size, 2))
    for label in range(3):
        places = np.flatnonzero(labels == label)
        while len(places):
            found = rng.random((4 * len(places) + 64, 2)) * 2 * r_big
            found = found[_classes(found, r_small, r_big) == label][: len(places)]
            points[places[: len(found)]] = found
            places = places[len(found) :]
    return points, labels


def _as_published(seed: int, size: int, r_small: float, r_big: float) -> tuple[Array, Array]:
    """Return the points of the authors' program, which draws a class, and then points until one has that class."""
    old = np.random.RandomState(seed)  # the published set comes from it
    points, labels = np.empty((size, 2)), np.empty(size, np.int64)
    for n in range(size):
        labels[n] = old.randint(3)
        while True:
            points[n] = old.rand(2) * 2.0 * r_big
            if _classes(points[n : n + 1], r_small, r_big)[0] == labels[n]:
                break
    return points, labels
