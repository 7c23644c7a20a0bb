"""Run a net layer by layer, in each time step or over all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Cell, Tensor, nn, ops, tree
from autograd.dtypes import describe
from autograd.errors import AutogradError, CellError, ShapeError, StateError
from autograd.hooks import enter
from autograd.tensor import operands

from ..common.structure import (
    check_features,
    check_kept,
    check_parts,
    given_state,
    has_state,
    held,
    holds_over_time,
    initial_state,
    is_over_time,
    is_stateful,
    label,
    like,
    outline,
)
from .watch import Recorder, check_layers, check_output, check_recorded, not_once

__all__ = ["AllSteps", "InParts", "Stepwise", "Walk"]


class Walk:
    """Passes an input, and the state of each layer, through a net.

    Parameters
    ----------
    fresh : bool
        Whether to start from fresh states because none was given.

    Attributes
    ----------
    t : int
        The time step.
    mask : array of bool or None
        Marks the samples that take part.
    masked : bool
        Whether the output is 0 where the mask leaves a sample out.
    """

    def __init__(self, fresh: bool) -> None:
        self.t, self.fresh, self.masked = 0, fresh, False
        self.mask: Any = None

    def __call__(self, cell: Cell, x: Any, state: Any, name: str = "") -> tuple[Any, Any]:
        """Return the output and the final state of a Cell."""
        if isinstance(cell, nn.SequentialCell):
            return self._sequence(cell, x, state, name)
        if is_stateful(cell):
            return self.neuron(cell, x, state, name)
        if state is not None:
            raise StateError(f"{label(name, cell)}, state", "None: it has no state", outline(state), "Leave state out.")
        return self.layer(cell, x, name), None

    def layer(self, cell: Cell, x: Any, name: str) -> Any:
        """Run a layer without state."""
        check_features(cell, x, name, 1)
        return cell(x)

    def neuron(self, cell: Cell, x: Any, state: Any, name: str) -> tuple[Any, Any]:
        """Run a Cell with state."""
        raise NotImplementedError  # each kind of walk has its own

    def start(self, cell: Cell, x: Any, state: Any, name: str) -> Any:
        """Return the start state of a Cell for an input of one step."""
        return initial_state(cell, x, name) if self.fresh else given_state(state, x, name, cell)

    def _sequence(self, cell: nn.SequentialCell, x: Any, state: Any, name: str) -> tuple[Any, Any]:
        if self.t == 0 and not self.fresh:
            check_parts(cell, state, name)
        after = {}

        def run(key: str, layer: Cell, x: Any) -> Any:
            before = None if state is None else state.get(key)
            out, new = self(layer, x, before, f"{name}.{key}" if name else key)
            if has_state(layer):
                after[key] = new
            return out

        def call(function: Callable[..., Any], *values: Any) -> Any:
            self.masked = False  # one of the layers may be the untouched input
            return function(*values)

        if not cell.hooked:
            return cell.through(x, run, call), after
        stateful = has_state(cell)
        (x, *_), leave = enter(cell, (x, state) if stateful else (x,))
        out = cell.through(x, run, call)
        return leave((out, after)) if stateful else (leave(out), after)


class Stepwise(Walk):
    """Runs one time step per call."""

    def neuron(self, cell: Cell, x: Any, state: Any, name: str) -> tuple[Any, Any]:
        """Run a Cell with state for one step."""
        if self.t == 0:
            state = self.start(cell, x, state, name)
        try:
            result = cell(x, state)
        except AutogradError:
            raise
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            if self.t or not self.fresh or hasattr(cell, "initial_state") or not _takes_apart(error):
                raise
            raise StateError(
                label(name, cell), "a method initial_state(x) that returns its start state",
                f"none. It started with zeros like x, and raised {type(error).__name__}: {error}",
                "Return its state, such as (ops.zeros_like(x), ops.zeros_like(x)).",
            ) from error  # fmt: skip
        if not isinstance(result, tuple) or len(result) != 2:
            raise StateError(
                label(name, cell), "construct to return (out, state)", describe(result), "Return the new state too."
            )
        out, after = result
        if self.t == 0:
            check_kept(after, state, f"{label(name, cell)}, state after a step")
        return out, after if self.mask is None else held(self.mask, after, state)


def _takes_apart(error: Exception) -> bool:
    """Return whether an error comes from treating one Tensor as a structure of several."""
    looked_into = isinstance(getattr(error, "obj", None), Tensor)  # by an attribute
    return looked_into or isinstance(error, IndexError) or "unpack" in str(error)


class AllSteps(Walk):
    """Passes all time steps of an input, ``[T, N, ...]``, through the layers of a net.

    Parameters
    ----------
    fresh : bool
        As for :class:`Walk`.
    names, mask, check
        Names to record; ``[T, N]`` or None; whether to look for NaN, as for :func:`snn.run`.

    Attributes
    ----------
    records : dict of str to Tensor
        The records so far.
    """

    def __init__(self, fresh: bool, names: Sequence[str], mask: Any, check: bool) -> None:
        super().__init__(fresh)
        self.names, self.mask, self.check = names, mask, check
        self.records: dict[str, Tensor] = {}
        self.available: set[str] = set()
        self.ran: dict[int, str] = {}

    def __call__(self, cell: Cell, x: Any, state: Any, name: str = "") -> tuple[Any, Any]:
        """Return the output and the final state of a Cell."""
        if isinstance(cell, nn.SequentialCell) or not holds_over_time(cell):
            return super().__call__(cell, x, state, name)
        if not is_over_time(cell):
            inside = next(part for _, part in cell.cells_and_names() if is_over_time(part))
            raise CellError(
                label(name, cell), f"{type(inside).__name__}, which takes all time steps at once, in a chain of layers",
                "it in a Cell that is run step by step",
                "Put it in an nn.SequentialCell, or set over_time = True in your Cell, whose construct then gets [T, N, ...].",
            )  # fmt: skip
        return self.over_time(cell, x, name), None

    def over_time(self, cell: Cell, x: Any, name: str) -> Tensor:
        """Run a layer over time; samples that a mask leaves out are 0 before and after it."""
        where = label(name, cell)
        if not self.fresh:
            raise StateError(
                f"{where}, state", "none in the whole net, since this layer takes all time steps at once", "a state",
                "Run the whole sequence at once, and leave state out.",
            )  # fmt: skip
        x = self.cut_out(x)
        out = self.all_steps(name, cell, x)
        if out.shape[:2] != x.shape[:2]:
            raise ShapeError(where, f"an output [{x.shape[0]}, {x.shape[1]}, ...]", describe(out), "Keep time and batch.")
        out, self.masked = self.cut_out(out), True
        if self.check:
            check_output(name, cell, out)
        if self.names and hasattr(cell, "charge"):
            self.check_one_layer(cell, name)
            self.available |= {"x", "spike", "v", "v_before_reset"}
            found = {"x": x, "spike": out}
            if {"v", "v_before_reset"}.intersection(self.names):
                found["v"] = found["v_before_reset"] = self.cut_out(cell.charge(x))  # it has no reset
            self.keep(name, {what: found[what] for what in self.names if what in found})
        return out

    def all_steps(self, name: str, cell: Cell, x: Tensor) -> Tensor:
        """Run a layer without state."""
        return cell(x)  # type: ignore[no-any-return]

    def cut_out(self, x: Tensor) -> Tensor:
        """Return the input with zeros where the mask leaves a sample out."""
        return x if self.mask is None else ops.where(like(self.mask, x), x, x.dtype.type(0))

    def keep(self, name: str, found: dict[str, Tensor]) -> None:
        """Keep the records of a layer."""
        self.records |= {f"{name}.{what}" if name else what: value for what, value in found.items()}

    def check_one_layer(self, cell: Cell, name: str) -> None:
        """Check that a recorded neuron is in one layer only."""
        if self.ran.setdefault(id(cell), name) != name:
            raise not_once(self.ran[id(cell)], cell, 2, 1)

    def finish(self, out: Any) -> Any:
        """Return the output of the net, after a check that all requested names are recorded."""
        check_recorded(self.names, self.records, self.available)
        if self.mask is None or self.masked:
            return out
        for leaf in tree.leaves(out):
            if leaf.shape[:2] != self.mask.shape:
                raise ShapeError(
                    "snn.run, output of the net", f"[T, N, ...] = {list(self.mask.shape)} and more, since there is a mask",
                    describe(leaf), "Keep the batch axis first in each step, or leave mask out.",
                )  # fmt: skip
        return tree.map_leaves(self.cut_out, out)


class InParts(AllSteps):
    """Runs a net step by step, except layers over time and the layers before and after them, which run one by one."""

    def __init__(self, net: Cell, in_parts: bool, fresh: bool, names: Sequence[str], mask: Any, check: bool) -> None:
        super().__init__(fresh, names, mask, check)
        self.net, self.in_parts = net, in_parts

    def __call__(self, cell: Cell, x: Any, state: Any, name: str = "") -> tuple[Any, Any]:
        """Return the output of a Cell at all steps, and its final state."""
        if self.in_parts and holds_over_time(cell):
            return super().__call__(cell, x, state, name)
        self.masked = False
        return self.steps(cell, x, state, name)

    def steps(self, cell: Cell, x: Tensor, state: Any, name: str) -> tuple[Any, Any]:
        """Run a Cell step by step."""
        step = Stepwise(self.fresh)
        recorder = Recorder(self.net, self.names)
        removers = [*recorder.hooks(), *(check_layers(self.net, lambda: (step.t, step.mask)) if self.check else ())]
        outs = []
        try:
            for t, xt in enumerate(ops.unstack(x)):
                step.t, step.mask = t, None if self.mask is None else self.mask[t]
                recorder.begin(step.mask)
                out, state = step(cell, xt, state, name)
                if t == 0 and cell is self.net:
                    recorder.check_names()
                outs.append(out)
        finally:
            for remove in removers:
                remove()
        found = recorder.result()
        for key in found.keys() & self.records.keys():
            again = key.rpartition(".")[0]
            raise not_once(again, dict(recorder.neurons)[again], 2, 1)
        self.records |= found
        self.available |= recorder.available
        return _over_time(cell, name, outs), operands(state)


def _over_time(cell: Cell, name: str, outs: list[Any]) -> Any:
    """Return the results of all steps as Tensors over time, in the structure of one step."""
    if isinstance(outs[0], Tensor) and all(isinstance(out, Tensor) for out in outs):
        return ops.stack(outs)
    where = f"{label(name, cell)}.construct"
    for out in outs:
        if not tree.same_structure(outs[0], out):
            raise CellError(where, f"outputs as in the first step, {outline(outs[0])}", outline(out), "Return the same parts.")
        for leaf in tree.leaves(out):
            if not isinstance(leaf, (Tensor, np.ndarray, np.generic)):
                raise CellError(where, "Tensors as outputs", describe(leaf), "Return Tensors.")
    return tree.unflatten(outs[0], iter([ops.stack([*leaves]) for leaves in zip(*map(tree.leaves, outs), strict=True)]))
