"""Random numbers of ranks: within a step each draws from its own stream; after it all continue from the same state."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["JUMPING", "Streams"]

JUMPING = (np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.MT19937)
"""Kinds of generators that can jump so far ahead that no draws overlap."""


class Streams:
    """Generators for one step; they have the same state on all ranks when it begins.

    A single rank draws as it would without streams.
    """

    def __init__(self, rngs: Iterable[np.random.Generator], rank: int, size: int) -> None:
        # The same generator may be listed twice.
        self._bits: list[Any] = list({id(rng.bit_generator): rng.bit_generator for rng in rngs}.values()) if size > 1 else []
        self._size, self._start = size, [bits.state for bits in self._bits]
        if rank:
            for bits in self._bits:
                bits.state = bits.jumped(rank).state
        self._own = [_frozen(bits) for bits in self._bits]

    def drawn(self) -> set[int]:
        """Return the indices of the generators that this rank has used."""
        return {i for i, (bits, own) in enumerate(zip(self._bits, self._own, strict=True)) if _frozen(bits) != own}

    def join(self, drawn: set[int]) -> None:
        """Continue from a state beyond the streams of all ranks, for the generators of these numbers that any rank has used.

        A generator that none has used returns to where it was.
        """
        for i, (bits, start) in enumerate(zip(self._bits, self._start, strict=True)):
            bits.state = start
            if i in drawn:
                bits.state = bits.jumped(self._size).state


def _frozen(bits: Any) -> bytes:
    return pickle.dumps(bits.state)
