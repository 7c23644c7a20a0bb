"""The backward pass of a replayed run: the decisions of the first one, and its loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.dtypes import Array

from ..engine.buffers import nothing
from ..engine.events import Packed
from ..engine.loop import ARRIVED
from .back import Back
from .call import Call
from .factored import Factored
from .layout import stream
from .part import Part, end_cotangents
from .pooled import Pooled

__all__ = ["BackReplay", "product_of"]

_u = np.uint64


def product_of(g: Any) -> Any:
    """Return the sizes of a gradient that is kept as a product; False for any other."""
    return isinstance(g, Factored) and (len(g.factors), len(g.weight))


class BackReplay:
    """The decisions and the loop that backward passes share if they compute the same gradients.

    Parameters
    ----------
    back : Back
        The first backward pass.
    part : Part
        The stage's part, without arrays.
    call : Call
        Its loop.
    direct : dict of int to int
        The positions of the inputs that the loop reads as they are, by their number.
    """

    def __init__(self, back: Back, part: Part, call: Call, direct: dict[int, int]) -> None:
        self.part, self.call, self.read = part, call, direct
        first = back.parts[0]
        self.form, self.rooms, self.arrives = first.form, first.rooms, first.arrived is not None
        self.wants, self.wants_weight, self.wants_starts = first.wants, first.wants_weight, first.wants_starts
        self.weighted, self.summed, self.few, self.direct = first.weighted, first.summed, first.few, first.direct

    def run(self, run: Any, g: dict[int, Tensor]) -> list[Tensor | None]:
        """Run the backward pass of a :class:`~snn.compiled.replay.Replayed`; return gradients as ``Running.pull`` does."""
        form, part, layout, xs, saved = self.form, self.part, self.part.layout, run.xs, run.kept
        steps, shape = part.steps, part.shape
        arrays = [g[i].array if i in g else nothing((steps, *shape), part.dtype(d)) for d, i in form.cotangents]
        arrays += [saved[i] if i in saved else xs[self.read[i]].array for i in form.kept]
        rows, _, totals, by_input = self.rooms.allocate()
        written = [by_input[k] for k in form.direct.values()] + [*rows.values()]
        states = end_cotangents(g, run.starts, len(part.plan.outs))
        ends = [np.empty_like(s) for s in states]
        self.call.run(
            [stream(array, layout) for array in arrays], [(array.reshape(-1), layout.strides) for array in written], run.pars,
            start=states, end=ends, sum=[*totals.values()], scalar=run.scalars, **self._arrived(g),
        )  # fmt: skip
        return self._result(run, {d: a.reshape(-1, shape[-1]) for d, a in rows.items()}, totals, by_input, ends)

    def _arrived(self, g: dict[int, Tensor]) -> dict[str, Sequence[Any]]:
        if not self.arrives:
            return {}
        factored: Any = g[0]
        weights = Packed.of_factor(factored.weight, self.part.backend)
        arrived = factored.factors.reshape(-1), _u(factored.factors.shape[1]), weights.array
        return {name: (value,) for name, value in zip(ARRIVED, arrived, strict=True)}

    def _result(
        self, run: Any, rows: dict[int, Array], totals: dict[int, Array], by_input: dict[int, Array], ends: list[Array]
    ) -> list[Tensor | None]:
        """Make gradients from the arrays that the loop has written, in the order of ``Running.inputs``."""
        shape, form, xs = self.part.shape, self.form, run.xs
        for k in self.direct:
            first = form.direct[form.d_inputs[k]]
            if first != k:
                by_input[k][...] = by_input[first]
        found: list[Tensor | None] = []
        for k, wanted in self.wants.items():
            x: Any = xs[k]
            if k in self.few:
                found.append(Factored(rows[form.d_inputs[k]], run.now.weights[k], x.shape))
            elif not wanted or x.dtype.kind != "f":
                found.append(None)
            else:
                weight = run.now.weights[k]
                if weight is not None:
                    np.matmul(rows[form.d_inputs[k]], weight, out=by_input[k].reshape(-1, weight.shape[1]))
                found.append(Pooled(by_input[k]))
        for k in self.weighted:
            if not self.wants_weight[k]:
                found.append(None)
                continue
            x, weight = xs[k], run.now.weights[k]
            assert weight is not None
            constant, d = k in self.summed, form.d_inputs[k]
            gradient = totals[d].reshape(-1, len(weight)) if constant else rows[d]
            inputs = (x.array[0] if constant else x.array).reshape(-1, weight.shape[1])
            found.append(Tensor.wrap(np.matmul(gradient.T, inputs, out=np.empty(weight.shape, weight.dtype))))
        found += [Tensor.wrap(s.reshape(shape)) if asked else None for s, asked in zip(ends, self.wants_starts, strict=True)]
        return found + [None if d is None else Tensor.wrap(totals[d].reshape(shape)) for d in form.parameters]
