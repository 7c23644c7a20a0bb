"""Values that a forward loop saves: the fewest bytes from which the backward pass can be computed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Container, Iterable
from itertools import pairwise

from autograd.program import Program

__all__ = ["choose_saved"]

_ENDLESS = 1 << 20


def choose_saved(program: Program, forward: Iterable[int], gradients: Iterable[int], there: Container[int] = ()) -> list[int]:
    """Return the values of the forward pass to save for the backward pass, as few bytes as possible.

    They are a minimal cut between values that are gone when the backward pass runs (the inputs of a step) and its operands.
    Parameters and constants remain available. Each instruction is an arc whose capacity is the size of its value.

    Parameters
    ----------
    program : Program
        Forward and backward pass together.
    forward : iterable of int
        Instructions of the forward pass.
    gradients : iterable of int
        Gradients that the backward pass returns.
    there : container of int
        Inputs that remain available in the backward pass.

    Returns
    -------
    list of int
        Numbers of instructions, in order.
    """
    steps, made = program.instructions, set(forward)
    wanted = set(gradients)
    uses = {o for i in program.needed(wanted) if i not in made for o in steps[i].operands if o in made} | (wanted & made)
    near = program.needed(uses)
    n = len(steps)
    source, sink = 2 * n, 2 * n + 1
    arcs = [(i, n + i, steps[i].dtype.itemsize) for i in near]
    arcs += [(n + o, i, _ENDLESS) for i in near for o in steps[i].operands]
    arcs += [(source, i, _ENDLESS) for i in near if steps[i].kind == "input" and i not in there]
    arcs += [(n + i, sink, _ENDLESS) for i in uses]
    if not arcs:
        return []
    # Among minimal cuts, the one nearest to the backward pass leaves the least to recompute.
    reached = _behind(arcs, source, sink)
    return [i for i in near if n + i in reached and i not in reached]


def _behind(arcs: Iterable[tuple[int, int, int]], source: int, sink: int) -> Container[int]:
    """Return the nodes beyond the minimal cut nearest to the sink, by augmenting paths (Edmonds and Karp, 1972).

    scipy's ``maximum_flow`` gives the same result, but takes ten times as long on graphs this small.
    """
    left: dict[int, dict[int, int]] = defaultdict(dict)  # head of each arc -> tail: remaining capacity
    for tail, head, width in arcs:
        left[head][tail] = left[head].get(tail, 0) + width
        left[tail].setdefault(head, 0)
    while True:
        came, queue = {sink: sink}, deque([sink])
        while queue:
            node = queue.popleft()
            for other, width in left[node].items():
                if width and other not in came:
                    came[other] = node
                    queue.append(other)
        if source not in came:
            return came
        path = [source]
        while path[-1] != sink:
            path.append(came[path[-1]])
        widest = min(left[after][before] for before, after in pairwise(path))
        for before, after in pairwise(path):
            left[after][before] -= widest
            left[before][after] += widest
