"""Frozen Poisson patterns: each class is one spike pattern, seen with jitter, losses and noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dataset import Splits, drawn_splits
from .seeds import balanced, between, counts, generator

__all__ = ["poisson_patterns"]


def poisson_patterns(
    seed: Any,
    *,
    train: int = 1000,
    test: int = 200,
    classes: int = 10,
    units: int = 100,
    T: int = 100,  # noqa: N803
    rate: float = 0.02,
    jitter: float = 1.0,
    drop: float = 0.1,
    noise: float = 0.002,
) -> Splits:
    """Make noisy copies of one Poisson pattern for each class, the task of the tempotron (Guetig and Sompolinsky, 2006).

    Parameters
    ----------
    seed : int or numpy.random.Generator
        Source of patterns and copies: the same seed gives the same bits.
    train, test : int
        Samples in each split.
    classes, units, T : int
        Number of patterns, of input neurons and of time steps.
    rate : float
        Probability of a spike in a step of a pattern, in [0, 1]: with steps of 1 ms, .02 is 20 Hz.
    jitter : float
        Standard deviation, in steps, of the shift of each spike of a copy; a spike that would leave the sample stays at its
        edge.
    drop : float
        Probability that a spike is missing from a copy, in [0, 1].
    noise : float
        Probability of a spike in a step that is not in the pattern, in [0, 1].

    Returns
    -------
    Splits
        ``train`` and ``test``: spikes of 0 and 1, ``[T, units]`` float32, and the pattern's number.

    References
    ----------
    R. Guetig, H. Sompolinsky: The tempotron: a neuron that learns spike timing-based decisions. Nature Neuroscience 9, 2006.
    """
    where = "data.poisson_patterns"
    counts(where, train=train, test=test, classes=classes, units=units, T=T)
    between(where, 0.0, 1.0, rate=rate, drop=drop, noise=noise)
    between(where, 0.0, 1e6, jitter=jitter)
    rng = generator(seed, where)
    patterns = [np.nonzero(rng.random((T, units)) < rate) for _ in range(classes)]

    def copy(label: int, rng: np.random.Generator) -> Any:
        steps, places = patterns[label]
        kept = rng.random(len(steps)) >= drop
        moved = np.rint(steps + rng.normal(0.0, jitter, len(steps))).astype(np.intp)
        spikes = rng.random((T, units), np.float32) < noise
        spikes[np.clip(moved, 0, T - 1)[kept], places[kept]] = True
        return spikes.astype(np.float32)

    names = [str(n) for n in range(classes)]
    sizes = {"train": train, "test": test}
    return drawn_splits("poisson_patterns", sizes, lambda size: balanced(classes, size, rng), copy, rng, names)
