"""The backward pass of a stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from autograd import Tensor
from autograd.dtypes import Array
from autograd.graph import Node

from ..engine.events import padded
from .back_form import back_form
from .back_part import CableBack, PartBack, Shared
from .stage import Running

__all__ = ["Back"]


class Back:
    """One backward pass through a stage, chunk by chunk from the last time step to the first.

    Parameters
    ----------
    running : Running
        The forward run.
    node : Node
        Its node in the autograd graph.
    g : dict of int to Tensor
        Cotangents of its outputs, by position.
    wanted : sequence of bool
        The gradients to compute, as in ``running.inputs``.
    shared : Shared, optional
        Finds event lists.
    """

    def __init__(
        self, running: Running, node: Node, g: dict[int, Tensor], wanted: Sequence[bool], shared: Shared | None = None
    ) -> None:
        self.running, self.node, self.saved = running, node, node.saved
        left, parents, position = list(wanted), list(node.parents), 0
        shared = Shared() if shared is None else shared
        self.parts: list[PartBack] = []
        for n, part in enumerate(running.parts):
            outs = len(part.plan.outs) + len(part.plan.records) + len(part.starts)
            cotangents = {i - position: t for i, t in g.items() if position <= i < position + outs}
            position += outs
            k = sum([item.x is not None for item in part.given])
            m = sum([item.x is not None and item.weights is not None for item in part.given])
            count = k + m + len(part.starts) + len(part.parameters)
            self.parts.append(PartBack(running, n, node.saved, cotangents, left[:count], parents[:k], shared))
            del left[:count], parents[:count]
        self.cables = []
        for cable in running.cables:
            asked = left.pop(0) if cable.weights is not None else False
            self.cables.append(CableBack(running, cable, asked, self.parts, node.saved, shared))
        self.form = back_form(
            running.form,
            tuple([part.asked() for part in self.parts]),
            tuple([(back.by_events is not None, back.needs_rows, back.places is not None) for back in self.cables]),
        )
        for way, form in zip(self.parts, self.form.parts, strict=True):
            way.settle(form, [back for back in self.cables if back.cable.target == way.n])

    def run(self) -> list[Tensor | None]:
        """Run the backward pass; return the wanted gradients in the order of ``running.inputs``."""
        running, parts, ready = self.running, self.parts, self.form.ready
        for part in parts:
            part.allocate()
        states = [part.part.end_cotangents(part.g) for part in parts]
        received = [self._none_received(part) for part in parts]
        several = any(part.rows or part.packed for part in parts)
        used = [back for back in self.cables if back.cotangent >= 0]
        weights, places = [back.weights() for back in used], [back.places for back in used]
        for s0, s1, saved in self._segments():
            for a, b in reversed(running.pieces(s0, s1)) if several else [(s0, s1)]:
                works = [parts[n].work(saved[n], s0, a, b, states[n], received[n]) for n in ready.order]
                running.launch(ready, works, a, b, weights, places)
                for n, work in zip(ready.order, works, strict=True):
                    states[n], received[n] = work.ends, work.lasts
                for part in parts:
                    part.add(a, b)
                for back in self.cables:
                    back.add(a, b)
        return self._result(states, received)

    def _none_received(self, part: PartBack) -> list[Array]:
        program = part.part.plan.program
        shape = (self.running.samples, padded(part.part.layout.columns))
        return [np.zeros(shape, program.instructions[i].dtype) for i in part.form.arriving]

    def _segments(self) -> Iterator[tuple[int, int, list[dict[int, Array]]]]:
        """Yield segments from the last to the first, with their saved values; with checkpoints, recompute these."""
        running, boundaries = self.running, self.saved.boundaries
        for k, (t0, t1) in reversed(list(enumerate(running.segments()))):
            if boundaries is None:
                yield t0, t1, self.saved.values
                continue
            values = [part.empty(now, t1 - t0) for part, now in zip(running.parts, running.form.saved, strict=True)]
            states, received = boundaries[k]
            if any(values):
                running.run(t0, t1, states, received, values)
            yield t0, t1, values

    def _result(self, states: list[list[Array]], received: list[list[Array]]) -> list[Tensor | None]:
        found: list[Tensor | None] = []
        for part in self.parts:
            ends = list(states[part.n])
            for number, array in zip(part.form.arriving, received[part.n], strict=True):
                for k, d in enumerate(part.part.plan.d_after):
                    if d == number:  # sent before the first step
                        ends[k] = ends[k] + array[:, : part.part.layout.columns].reshape(-1)
            found += part.result(ends)
        for back in self.cables:
            if back.cable.weights is not None:
                total = back.result()
                found.append(None if total is None else Tensor.wrap(total))
        return found
