"""Memory that is counted without allocation, for :func:`snn.memory_estimate`."""

from __future__ import annotations

from ..engine import tuning
from ..engine.buffers import Buffer

__all__ = ["Block", "Heap"]


class Heap:
    """Counts the bytes in use, and their peak."""

    def __init__(self) -> None:
        self.now = self.peak = self.lent = 0
        self.idle: list[int] = []

    def array(self, room: Buffer) -> Block:
        """Count an array as it is made: :mod:`snn.engine.buffers` reuses large memory."""
        limits, size = tuning.now(), room.nbytes
        again = room.again and limits.reused_bytes <= size <= limits.idle_bytes
        if again:
            fitting = [s for s in self.idle if size <= s <= 2 * size]
            if fitting:
                size = min(fitting)
                self.idle.remove(size)
                self.now -= size
            elif sum(self.idle) > limits.idle_bytes or sum(self.idle) + self.lent + size > limits.reusable_bytes:
                self.now -= sum(self.idle)
                self.idle.clear()
            again = self.lent + size <= limits.reusable_bytes
        self.now += size
        self.lent += size * again
        self.peak = max(self.peak, self.now)
        return Block(self, size, again)


class Block:
    """Represents an array, and counts until its last reference is gone."""

    def __init__(self, heap: Heap, size: int, lent: bool) -> None:
        self.heap, self.size, self.lent = heap, size, lent

    def __del__(self) -> None:
        if self.lent:
            self.heap.lent -= self.size
            self.heap.idle.append(self.size)
        else:
            self.heap.now -= self.size
