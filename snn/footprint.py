"""What is allocated, in its order, and how much of it is there at once at most: for :func:`snn.memory_estimate`."""

from __future__ import annotations

from dataclasses import dataclass, field

from .engine.buffers import KEPT, LARGE, MOST

__all__ = ["Part", "peak"]


class Heap:
    """Counts what is allocated; large buffers are used again as :mod:`snn.engine.buffers` does."""

    def __init__(self) -> None:
        self.now = self.peak = 0
        self._owners: list[Block] = []

    def array(self, size: int) -> Block:
        """Count a numpy array."""
        self.now += size
        self.peak = max(self.peak, self.now)
        return Block(self, size, False)

    def buffer(self, size: int) -> Block:
        """Count an array from ``buffers.empty``."""
        if not LARGE <= size <= KEPT:
            return self.array(size)
        idle = [b for b in self._owners if b.idle]
        fitting = [b for b in idle if size <= b.size <= 2 * size]
        if fitting:
            best = min(fitting, key=lambda b: b.size)
            best.idle = False
            return best
        held, left = sum(b.size for b in self._owners), sum(b.size for b in idle)
        if left > KEPT or held + size > MOST:
            self._owners = [b for b in self._owners if not b.idle]
            self.now -= left
        best = self.array(size)
        if held - left + size <= MOST:
            best.kept = True
            self._owners.append(best)
        return best

    def buffers(self, sizes: list[int]) -> list[Block]:
        """Count several."""
        return [self.buffer(size) for size in sizes]


@dataclass(eq=False)
class Block:
    """Something that was allocated."""

    heap: Heap
    size: int
    kept: bool
    idle: bool = False

    def free(self) -> None:
        """Give it back, or let it lie idle."""
        if self.kept:
            self.idle = True
        else:
            self.heap.now -= self.size


def free(*blocks: Block | None) -> None:
    """Free blocks."""
    for block in blocks:
        if block is not None:
            block.free()


@dataclass
class Part:
    """A layer, in bytes.

    Attributes
    ----------
    name, currents : str
        Of the layer; how its currents are made.
    taped : bool
        Whether gradients pass back through it.
    output, saved : int, list of int
        Of all steps. With ``segment``, the saved values of one segment, ``saved`` is what the segments start from.
    state : int
        What is handed from step to step; it is there at the start and once more.
    lists : int
        Where the spikes of the input are; ``marks`` is there while they are made, and ``turned`` is the same by columns, for
        the gradient of the weights.
    packed : int
        Weights laid out for spikes; of the layer to itself too.
    chunk : list of int
        Currents of a chunk; ``rows`` the gradients by them.
    by_input : int
        The gradient of the input, 0 if it is not asked for; ``places`` is for where it is needed, if the layer before tells.
    weight, parameters : int
        Gradients of the weights, and those of other Parameters, one for each sample.
    matters : bool
        Whether it tells where its gradient is needed.
    """

    name: str
    currents: str = ""
    taped: bool = False
    output: int = 0
    state: int = 0
    saved: list[int] = field(default_factory=list)
    segment: list[int] = field(default_factory=list)
    lists: int = 0
    marks: int = 0
    turned: int = 0
    packed: int = 0
    chunk: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    by_input: int = 0
    places: list[int] = field(default_factory=list)
    weight: int = 0
    parameters: int = 0
    matters: bool = False

    def sizes(self) -> tuple[str, str, int, int, int, int]:
        """Return what a row of the table says."""
        parts = (*self.segment * 2, self.lists, self.turned, self.packed, *self.chunk, *self.rows, *self.places)
        gradients = self.by_input + self.weight + self.parameters
        return self.name, self.currents, sum(self.saved) * self.taped, self.output, sum(parts), gradients


def peak(parts: list[Part]) -> int:
    """Return the most that is there at once in the forward and, through the parts that are taped, the backward."""
    heap = Heap()
    kept: list[tuple[Part, list[Block], Block]] = []
    before: list[Block] = []  # what a layer that is not taped leaves to the next
    for part in parts:
        marks, lists = heap.array(part.marks), heap.array(part.lists)
        free(marks)
        inputs = [lists, heap.array(part.packed)]
        written = heap.buffers([part.output, *(part.saved if part.taped else ())])
        inputs.append(heap.array(part.state))
        work = [*heap.buffers(part.chunk), heap.array(part.state)]
        free(*work, *before)
        if part.taped:
            kept.append((part, [*inputs, *written[1:]], written[0]))
            before = []
        else:
            free(*inputs)
            before = written
    if not kept:
        return heap.peak
    free(kept[-1][2])  # the loss does not keep the last output
    arrived: Block | None = None
    while kept:
        part, saved, _ = kept.pop()
        places = heap.buffers(part.places)
        work = [*heap.buffers(part.rows), heap.array(part.turned), heap.array(part.state)]
        heap.array(part.parameters)
        by_input = heap.buffer(part.by_input)
        work += heap.buffers(part.segment) + heap.buffers(part.segment)  # one segment is there until the next is made
        if part.segment:
            free(*heap.buffers(part.chunk))
        work.append(heap.buffer(part.weight))
        heap.buffer(part.weight)
        free(*places, *work, *saved, arrived, *(entry[2] for entry in kept[-1:]))
        arrived = by_input
    return heap.peak
