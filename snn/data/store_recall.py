"""Store and recall: store a bit on command, and recall it after other bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.errors import ArgumentError

from .dataset import Splits, drawn_splits
from .seeds import between, counts, generator

__all__ = ["store_recall"]


def store_recall(
    seed: Any,
    *,
    train: int = 1000,
    test: int = 200,
    symbols: int = 12,
    symbol: int = 200,
    neurons: int = 40,
    rate: float = 0.05,
    noise: float = 0.0,
) -> Splits:
    """Make the store-recall task (Bellec et al., 2018), with one store and one recall in a sequence.

    The input is a stream of random bits, one per symbol. The store command comes with one of them, and the last symbol is the
    recall command. The input neurons form four equal groups: 0, 1, store and recall.

    Parameters
    ----------
    seed : int or numpy.random.Generator
        The same seed gives the same bits.
    train, test : int
        Samples in each split.
    symbols : int
        Symbols in a sequence, at least 2. The store command comes with any symbol but the last, equally often, so the
        recall comes up to ``symbols - 1`` symbols later.
    symbol : int
        Steps of 1 ms that a symbol takes.
    neurons : int
        Input neurons, a multiple of 4.
    rate, noise : float
        Probability of a spike in a step, of a neuron whose symbol is on and of the others, in [0, 1]: .05 is 50 Hz.

    Returns
    -------
    Splits
        ``train`` and ``test``: spikes of 0 and 1, ``[T, neurons]`` float32 with ``T = symbols * symbol``, and the bit that was
        stored, to be answered in the last ``symbol`` steps, in which no bit is shown.

    References
    ----------
    G. Bellec et al.: Long short-term memory and learning-to-learn in networks of spiking neurons. NeurIPS, 2018.
    """
    where = "data.store_recall"
    counts(where, train=train, test=test, symbol=symbol, neurons=neurons)
    counts(where, 2, symbols=symbols)
    between(where, 0.0, 1.0, rate=rate, noise=noise)
    if neurons % 4:
        raise ArgumentError(where, "neurons, a multiple of 4", f"{neurons}", "A quarter each is for 0, 1, store and recall.")
    rng = generator(seed, where)

    def sample(label: int, rng: np.random.Generator) -> Array:
        shown = np.zeros((symbols, 4), bool)
        bits, store = rng.integers(0, 2, symbols - 1), rng.integers(0, symbols - 1)
        bits[store] = label
        shown[np.arange(symbols - 1), bits] = True
        shown[store, 2] = shown[-1, 3] = True
        chance = np.where(shown, np.float32(rate), np.float32(noise)).repeat(symbol, 0).repeat(neurons // 4, 1)
        return (rng.random(chance.shape, np.float32) < chance).astype(np.float32)

    sizes = {"train": train, "test": test}
    return drawn_splits("store_recall", sizes, lambda size: rng.integers(0, 2, size), sample, rng, ("0", "1"))
