"""What a forward loop saves: the fewest bytes from which the backward follows."""

from __future__ import annotations

from collections.abc import Container, Iterable

import numpy as np

from autograd.program import Program

__all__ = ["choose_saved"]

_ENDLESS = 1 << 20


def choose_saved(program: Program, forward: Iterable[int], gradients: Iterable[int], there: Container[int] = ()) -> list[int]:
    """Return the values of the forward that the backward needs saved, as few bytes as possible.

    A minimal cut between what is gone when the backward runs (the inputs of a step) and what the backward uses; parameters and
    constants are still there. Each instruction is an arc as wide as its value.

    Parameters
    ----------
    program : Program
        Forward and backward together.
    forward : iterable of int
        The instructions of the forward.
    gradients : iterable of int
        What the backward is to give.
    there : container of int
        Inputs that are still there when the backward runs.

    Returns
    -------
    list of int
        Numbers of instructions, in order.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

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
    rows, columns, widths = (np.array(part, dtype=np.int32) for part in zip(*arcs, strict=True))
    # Among cuts of equal width the one nearest to the backward leaves it the least to compute again: cut the reversed graph.
    graph = coo_array((widths, (columns, rows)), shape=(2 * n + 2, 2 * n + 2)).tocsr()
    flow = maximum_flow(graph, sink, source).flow
    left = (graph - flow).tocsr()
    left.data[left.data < 0] = 0
    left.eliminate_zeros()
    reached = set(breadth_first_order(left, sink, return_predecessors=False).tolist())
    return [i for i in near if n + i in reached and i not in reached]
