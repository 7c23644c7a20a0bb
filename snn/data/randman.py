"""Randman: spike times on smooth random manifolds, one for each class, which spike counts cannot tell apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import Array

from .dataset import Dataset, Splits
from .seeds import between, counts, generator
from .sources import Arrays

__all__ = ["randman"]


def randman(
    seed: Any,
    *,
    train: int = 8000,
    validation: int = 1000,
    test: int = 1000,
    classes: int = 10,
    units: int = 100,
    T: int = 100,  # noqa: N803
    dim: int = 2,
    alpha: float = 2.0,
    spikes: int = 1,
) -> Splits:
    """Make spikes whose times lie on random manifolds (Zenke and Vogels, 2021).

    A point of a manifold gives every unit the same number of spikes, at times that depend smoothly on the point: all
    information is in the timing. Each class has manifolds of its own.

    Parameters
    ----------
    seed : int or numpy.random.Generator
        Source of manifolds and points: the same seed gives the same bits.
    train, validation, test : int
        Samples in each split, equally many of each class.
    classes : int
        Number of classes.
    units : int
        Input neurons, the dimension in which a manifold is embedded.
    T : int
        Time steps.
    dim : int
        Dimension of a manifold: 1 is easy, larger is harder.
    alpha : float
        Decay of the power of its frequencies: larger is smoother, and easier.
    spikes : int
        Spikes per unit, each from its own manifold. Two in one step count as one spike.

    Returns
    -------
    Splits
        ``train``, ``validation`` and ``test``: spikes of 0 and 1, ``[T, units]`` float32, and the class. The defaults
        are those of the authors' example, whose 1,000 samples per class are divided 8 : 1 : 1.

    References
    ----------
    F. Zenke, T. P. Vogels: The remarkable robustness of surrogate gradient learning for instilling complex function in spiking
    neural networks. Neural Computation 33, 2021.
    """
    sizes = {"train": train, "validation": validation, "test": test}
    counts("data.randman", **sizes, classes=classes, units=units, T=T, dim=dim, spikes=spikes)
    between("data.randman", 0.1, 100.0, alpha=alpha)
    rng = generator(seed, "data.randman")
    total = sum(sizes.values())
    labels = np.arange(total) % classes
    steps = np.empty((total, spikes, units), np.uint16 if T <= 1 << 16 else np.int64)
    for label in range(classes):
        points = rng.random((int((labels == label).sum()), dim))
        for k in range(spikes):
            heights = _manifold(points, units, alpha, rng)
            low, high = heights.min(0, initial=np.inf), heights.max(0, initial=-np.inf)
            times = (heights - low) / (high - low + 1e-7)
            steps[labels == label, k] = np.minimum(times * T, T - 1)
    order = rng.permutation(total)
    source = Arrays(steps[order], labels[order], lambda chosen: _spikes(chosen, T))
    whole = Dataset(source, kind="sequence", classes=[str(n) for n in range(classes)], name="randman")
    return Splits(
        "randman", train=whole[:train], validation=whole[train : train + validation], test=whole[train + validation :]
    )


def _manifold(points: Array, units: int, alpha: float, rng: np.random.Generator) -> Array:
    """Map points ``[n, dim]`` into the embedding, ``[n, units]``, by a product of random Fourier series."""
    cutoff = int(min(np.ceil(1e-3 ** (-1 / alpha)), 1000))
    weight, frequency, phase = np.moveaxis(rng.random((units, points.shape[1], 3, cutoff)), 2, 0)
    weight[:, :, 0] = 0  # the constant part
    power = 1.0 / (np.arange(cutoff) + 1.0) ** alpha
    place: Array = np.ones((len(points), units))
    for d in range(points.shape[1]):
        value = np.zeros((len(points), units))
        for n in range(1, cutoff):
            value += (
                weight[:, d, n] * power[n] * np.sin(2 * np.pi * (n * frequency[:, d, n] * points[:, d, None] + phase[:, d, n]))
            )
        place *= value
    return place


def _spikes(steps: Array, total: int) -> Array:
    """Return spikes ``[n, T, units]`` at steps ``[n, spikes, units]``."""
    frames = np.zeros((len(steps), total, steps.shape[2]), np.float32)
    np.put_along_axis(frames, steps.astype(np.intp), 1.0, 1)
    return frames
