"""Random numbers of ranks: in a step each draws from a stream of its own, and then all go on from the same state."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["JUMPING", "Streams"]

JUMPING = (np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.MT19937)
"""The kinds of generators that can jump so far ahead that no draws overlap."""


class Streams:
    """Generators of one step, which stand at the same state on all ranks when it begins.

    Parameters
    ----------
    rngs : iterable of Generator
        Those that may be drawn from.
    rank, size : int
        Which rank this is, and how many there are; one rank draws as it would without this.
    """

    def __init__(self, rngs: Iterable[np.random.Generator], rank: int, size: int) -> None:
        # One generator may be in two places.
        self._bits: list[Any] = list({id(rng.bit_generator): rng.bit_generator for rng in rngs}.values()) if size > 1 else []
        self._size, self._start = size, [bits.state for bits in self._bits]
        if rank:
            for bits in self._bits:
                bits.state = bits.jumped(rank).state
        self._own = [_frozen(bits) for bits in self._bits]

    def drawn(self) -> set[int]:
        """Return which generators this rank has drawn from."""
        return {i for i, (bits, own) in enumerate(zip(self._bits, self._own, strict=True)) if _frozen(bits) != own}

    def join(self, drawn: set[int]) -> None:
        """Go on from a state behind the streams of all ranks, and where none has drawn from where the step began.

        Parameters
        ----------
        drawn : set of int
            Which generators some rank has drawn from.
        """
        for i, (bits, start) in enumerate(zip(self._bits, self._start, strict=True)):
            bits.state = start
            if i in drawn:
                bits.state = bits.jumped(self._size).state


def _frozen(bits: Any) -> bytes:
    return pickle.dumps(bits.state)
