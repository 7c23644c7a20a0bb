"""Delayed spike sequences: each class is a set of delays between channels, which only delays or memory can align."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import ArgumentError

from .dataset import Splits, drawn_splits
from .seeds import balanced, between, counts, generator

__all__ = ["delayed_spikes"]


def delayed_spikes(
    seed: Any,
    *,
    train: int = 1000,
    test: int = 200,
    classes: int = 4,
    channels: int = 16,
    T: int = 100,  # noqa: N803
    longest: int = 60,
    jitter: float = 0.0,
    noise: float = 0.0,
) -> Splits:
    """Make sequences in which every channel spikes once, at an onset plus a delay set by the class.

    The onset is drawn for each sample, so neither the step nor the number of spikes reveals the class, only their order in
    time: a polychronous group (Izhikevich, 2006). A layer that learns delays can make the spikes of its class arrive together.

    Parameters
    ----------
    seed : int or numpy.random.Generator
        Source of delays and samples: the same seed gives the same bits.
    train, test : int
        Samples in each split.
    classes, channels, T : int
        Number of classes, of channels and of time steps.
    longest : int
        The longest delay, in steps, below T; each is drawn uniformly from 0 to it.
    jitter : float
        Standard deviation of the shift of each spike, in steps.
    noise : float
        Probability of an additional spike per step and channel, in [0, 1].

    Returns
    -------
    Splits
        ``train`` and ``test``: spikes of 0 and 1, ``[T, channels]`` float32, and the class.

    References
    ----------
    E. M. Izhikevich: Polychronization: computation with spikes. Neural Computation 18, 2006.
    """
    where = "data.delayed_spikes"
    counts(where, train=train, test=test, classes=classes, channels=channels, T=T)
    counts(where, 0, longest=longest)
    between(where, 0.0, 1e6, jitter=jitter)
    between(where, 0.0, 1.0, noise=noise)
    if longest >= T:
        raise ArgumentError(where, f"longest below T={T}", f"{longest}", "An onset needs room before the delays.")
    rng = generator(seed, where)
    delays = rng.integers(0, longest + 1, (classes, channels))

    def sequence(label: int, rng: np.random.Generator) -> Any:
        onset = rng.integers(0, T - longest)
        steps = np.rint(onset + delays[label] + rng.normal(0.0, jitter, channels)).astype(np.intp)
        spikes = (rng.random((T, channels), np.float32) < noise).astype(np.float32)
        spikes[np.clip(steps, 0, T - 1), np.arange(channels)] = 1.0
        return spikes

    names = [str(n) for n in range(classes)]
    sizes = {"train": train, "test": test}
    return drawn_splits("delayed_spikes", sizes, lambda size: balanced(classes, size, rng), sequence, rng, names)
