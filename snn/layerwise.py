"""Run a feed-forward net layer by layer: each layer does all time steps before the next begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd import Cell, Tensor, ops
from autograd.errors import CompileError

from .compiled import run_neuron
from .stepwise import Walk
from .structure import holds_neurons, label, like, record_names
from .watch import check_output, check_recorded

__all__ = ["run_layerwise"]


def run_layerwise(
    net: Cell, x: Tensor, state: Any, names: Sequence[str], mask: Any, check: bool
) -> tuple[Tensor, Any, dict[str, Tensor]]:
    """Run a net in compiled mode; arguments and results are those of :func:`snn.run`, already checked.

    Raises
    ------
    CompileError
        If the net is no chain of layers, or a neuron cannot be traced.
    """
    walk = _Layerwise(state is None, names, mask, check)
    out, after = walk(net, x, state)
    check_recorded(names, walk.records, walk.available)
    return (out if mask is None else ops.where(like(mask, out), out, out.dtype.type(0))), after, walk.records


class _Layerwise(Walk):
    def __init__(self, fresh: bool, names: Sequence[str], mask: Any, check: bool) -> None:
        super().__init__(fresh)
        self.names, self.mask, self.check = names, mask, check
        self.records: dict[str, Tensor] = {}
        self.available: set[str] = set()

    def layer(self, cell: Cell, x: Any, name: str) -> Tensor:
        out = _all_steps(cell, x)
        if self.check:
            check_output(name, cell, out)
        return out

    def neuron(self, cell: Cell, x: Any, state: Any, name: str) -> tuple[Tensor, Any]:
        if holds_neurons(cell):
            raise CompileError(
                label(name, cell), "one neuron, or an nn.SequentialCell of layers", "a Cell that holds neurons itself",
                "Run it with mode='eager'.",
            )  # fmt: skip
        before = self.start(cell, x[0], state, name)
        self.available |= record_names(cell, before)
        out, after, records = run_neuron(cell, x, before, self.names, self.mask)
        self.records |= {f"{name}.{what}" if name else what: value for what, value in records.items()}
        if self.check:
            check_output(name, cell, out)
        return out, after


def _all_steps(cell: Cell, x: Tensor) -> Tensor:
    """Run a layer without state on all time steps, at once where it treats each sample on its own."""
    steps, n = x.shape[:2]
    if not cell.per_sample:
        return ops.stack([cell(xt) for xt in ops.unstack(x)])
    if steps > 1 and x.array.strides[0] == 0 and cell.repeatable:
        out = cell(x[0])  # the same at every step
        return ops.broadcast_to(out, (steps, *out.shape))
    out = cell(ops.reshape(x, (steps * n, *x.shape[2:])))
    return ops.reshape(out, (steps, n, *out.shape[1:]))
