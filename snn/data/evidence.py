"""Evidence accumulation: cues on the left and the right, a pause, and then the choice of the side with more."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.errors import ArgumentError

from .dataset import Splits, drawn_splits
from .seeds import between, counts, generator

__all__ = ["evidence_accumulation"]


def evidence_accumulation(
    seed: Any,
    *,
    train: int = 1000,
    test: int = 200,
    cues: int = 7,
    cue: int = 100,
    pause: int = 50,
    delay: int = 1050,
    recall: int = 150,
    neurons: int = 40,
    rate: float = 0.04,
    noise: float = 0.01,
    bias: float = 0.3,
) -> Splits:
    """Make the task of evidence accumulation (Morcos and Harvey, 2016), as spikes (Bellec et al., 2020).

    The input neurons form four equal groups: left, right, recall and background. After some cues and a delay, the recall cue
    asks whether there were more cues on the right.

    Parameters
    ----------
    seed : int or numpy.random.Generator
        The same seed gives the same bits.
    train, test : int
        Samples in each split.
    cues : int
        Number of cues, odd.
    cue, pause : int
        Steps of 1 ms in a cue, and in the pause before each cue.
    delay : int
        Steps between the last cue and the recall cue.
    recall : int
        Steps of the recall cue, the last ones.
    neurons : int
        Input neurons, a multiple of 4.
    rate, noise : float
        Probability of a spike per step, for a neuron of an active cue and for the background, in [0, 1]: .04 is 40 Hz.
    bias : float
        Probability that a cue is on the rarer side, which is drawn for each sample.

    Returns
    -------
    Splits
        ``train`` and ``test``: spikes of 0 and 1, ``[T, neurons]`` float32 with ``T = cues (pause + cue) + delay + recall``,
        and 1 if there were more cues on the right.

    References
    ----------
    G. Bellec et al.: A solution to the learning dilemma for recurrent networks of spiking neurons. Nature Communications 11,
    2020, whose tutorial has these defaults, with 2,250 steps.
    """
    where = "data.evidence_accumulation"
    counts(where, train=train, test=test, cues=cues, cue=cue, recall=recall, neurons=neurons)
    counts(where, 0, pause=pause, delay=delay)
    between(where, 0.0, 1.0, rate=rate, noise=noise, bias=bias)
    if neurons % 4 or not cues % 2:
        raise ArgumentError(
            where, "neurons a multiple of 4 and cues odd", f"{neurons} and {cues}", "An odd number of cues cannot tie."
        )
    rng, group = generator(seed, where), neurons // 4
    steps = cues * (pause + cue) + delay + recall

    def sample(label: int, rng: np.random.Generator) -> Array:
        right = _sides(label, cues, bias, rng)
        chance = np.zeros((steps, neurons), np.float32)
        chance[:, 3 * group :] = noise
        chance[-recall:, 2 * group : 3 * group] = rate
        for k, side in enumerate(right):
            first = k * (pause + cue) + pause
            chance[first : first + cue, side * group : (side + 1) * group] = rate
        return (rng.random((steps, neurons), np.float32) < chance).astype(np.float32)

    sizes = {"train": train, "test": test}
    return drawn_splits("evidence_accumulation", sizes, lambda size: rng.integers(0, 2, size), sample, rng, ("left", "right"))


def _sides(label: int, cues: int, bias: float, rng: np.random.Generator) -> Array:
    """Draw the side of each cue, 0 or 1, given the majority; by symmetry the odds are the same as with free draws."""
    common = rng.random() < 0.5
    sides = np.where(rng.random(cues) < bias, not common, common).astype(np.int64)
    return sides if (sides.sum() * 2 > cues) == label else 1 - sides
