"""Run a feed-forward net layer by layer: each layer does all time steps before the next begins."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

from autograd import Cell, Tensor, nn, ops
from autograd.errors import CompileError

from .layer import run_layer
from .layout import Options
from .recurrent import Recurrent
from .stepwise import AllSteps
from .structure import check_features, holds_neurons, is_over_time, label, record_names
from .watch import check_output
from .weights import Weights, weights_of

__all__ = ["Layerwise", "Waiting", "run_layerwise"]


def run_layerwise(
    net: Cell, x: Tensor, state: Any, names: Sequence[str], mask: Any, check: bool, options: Options, hooked: bool = True
) -> tuple[Tensor, Any, dict[str, Tensor]]:
    """Run a net in compiled mode; arguments and results are those of :func:`snn.run`, already checked.

    ``hooked`` tells whether some Cell of the net has a hook.

    Raises
    ------
    CompileError
        If the net is no chain of layers, or a neuron cannot be traced.
    """
    walk = Layerwise(state is None, names, mask, check, options, hooked)
    out, after = walk(net, x, state)
    out = out.current() if isinstance(out, Waiting) else out
    if walk.mixed is not None and net not in _warned:
        _warned.add(net)
        where, weights, given = walk.mixed
        warnings.warn(
            f"snn.run: {where} has weights of {weights} and an input of {given}. The net runs in float64, as it does step by "
            f"step, in about twice the time and memory of float32. Convert the input, x.astype(np.{weights}), or make the "
            f"layer with dtype=np.{given}.", stacklevel=5,
        )  # fmt: skip
    return walk.finish(out), after, walk.records


_warned: WeakSet[Cell] = WeakSet()


class Waiting:
    """A dense layer whose products are not made yet: the neuron behind it may do that."""

    def __init__(self, walk: Layerwise, name: str, dense: Weights, x: Tensor) -> None:
        self.walk, self.name, self.dense, self.x = walk, name, dense, x

    def current(self) -> Tensor:
        """Make them."""
        return self.walk.run(self.name, None, self.dense, self.x, ())[0]

    def one_step(self) -> Tensor:
        """Return zeros such as one step of them."""
        return ops.zeros((*self.x.shape[1:-1], self.dense.out_channels), self.dense.weight.dtype)


class Layerwise(AllSteps):
    """Passes all time steps of an input through a net; arguments are those of :func:`run_layerwise`."""

    def __init__(
        self, fresh: bool, names: Sequence[str], mask: Any, check: bool, options: Options, hooked: bool = True
    ) -> None:  # fmt: skip
        super().__init__(fresh, names, mask, check)
        self.options, self.hooked = options, hooked
        self.mixed: tuple[str, Any, Any] | None = None

    def run(self, name: str, cell: Cell | None, dense: Weights | None, x: Tensor, before: Any) -> tuple[Tensor, Any, Any]:
        """Run a layer; see :func:`snn.layer.run_layer`."""
        names, mask = ((), None) if cell is None else (self.names, self.mask)
        return run_layer(cell, dense, x, before, names, mask, self.options, name)

    def note(self, cell: Cell, name: str, weights: Any, x: Any) -> None:
        """Note the first layer whose weights are of another floating dtype than its input."""
        if self.mixed is None and weights != x and x.kind == "f":
            self.mixed = label(name, cell), weights, x

    def all_steps(self, name: str, cell: Cell, x: Tensor) -> Tensor:
        """Run a layer without state that is not dense, or one over time."""
        return _all_steps(cell, x)

    def over_time(self, cell: Cell, x: Any, name: str) -> Tensor:
        """Run a layer over time, once what waits before it is made."""
        return super().over_time(cell, x.current() if isinstance(x, Waiting) else x, name)

    def layer(self, cell: Cell, x: Any, name: str) -> Any:
        """Run a layer without state, or have it wait for a neuron."""
        x = x.current() if isinstance(x, Waiting) else x
        check_features(cell, x, name, 2)
        self.masked = False
        dense = None if self.check else weights_of(cell, x)
        stored = dense.stored if dense is not None else cell.weight.dtype if isinstance(cell, nn.Dense) else x.dtype
        self.note(cell, name, stored, x.dtype)
        if dense is not None:
            return Waiting(self, name, dense, x)
        out = self.all_steps(name, cell, x)
        if self.check:
            check_output(name, cell, out)
        return out

    def neuron(self, cell: Cell, x: Any, state: Any, name: str) -> tuple[Any, Any]:
        """Run a neuron, with the weights before it if they wait."""
        if holds_neurons(cell):
            raise CompileError(
                label(name, cell), "one neuron, snn.Recurrent, or an nn.SequentialCell of layers",
                "a Cell that holds neurons itself", "Run it with mode='eager'.",
            )  # fmt: skip
        if self.hooked and any(part.hooked for _, part in cell.cells_and_names()):
            raise CompileError(
                label(name, cell), "a neuron without hooks", "one with a hook, which would see no step",
                "Take the hook off, or run it with mode='eager'.",
            )  # fmt: skip
        if self.names:
            self.once(cell, name)
        dense, x, one = (x.dense, x.x, x.one_step()) if isinstance(x, Waiting) else (None, x, x[0])
        before = self.start(cell, one, state, name)
        if isinstance(cell, Recurrent) and cell.lateral == "all":
            self.note(cell, name, cell.weight.dtype, one.dtype)
        self.available |= record_names(cell, before)
        out, after, records = self.run(name, cell, dense, x, before)
        self.keep(name, records)
        self.masked = True
        return out, after


def _all_steps(cell: Cell, x: Tensor) -> Tensor:
    """Run a layer without state on all time steps, at once where it treats each sample on its own."""
    if is_over_time(cell):
        return cell(x)  # type: ignore[no-any-return]
    steps, n = x.shape[:2]
    if not cell.per_sample:
        return ops.stack([cell(xt) for xt in ops.unstack(x)])
    if steps > 1 and x.array.strides[0] == 0 and cell.repeatable:
        out = cell(x[0])  # the same at every step
        return ops.broadcast_to(out, (steps, *out.shape))
    out = cell(ops.reshape(x, (steps * n, *x.shape[2:])))
    return ops.reshape(out, (steps, n, *out.shape[1:]))
