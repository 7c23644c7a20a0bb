"""Run one step of a net on values that are not known yet, and record it as a :class:`Graph`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor, as_tensor, nn, tree
from autograd.dtypes import describe
from autograd.errors import CellError, CompileError, StateError
from autograd.nn.stateful import untouched
from autograd.program import Value
from autograd.state import quietly, scope, state
from autograd.tensor import operands

from ..common.structure import (
    check_features,
    check_kept,
    check_parts,
    given_state,
    has_state,
    holds_neurons,
    holds_over_time,
    is_over_time,
    is_stateful,
    label,
    outline,
    runs_at_once,
    sample_state,
    zeros_of,
)
from ..connections import connection_of
from ..layers.recurrent import RecurrentThrough
from ..recurrent import Recurrent
from .builder import Builder, naming_the_line
from .graph import Edge, Graph, Output, Start

__all__ = ["parts_of", "trace_step"]


def trace_step(
    net: Cell, x: Tensor, state: Any = None, shapes: dict[Any, Any] | None = None, steps: int | None = None, *,
    inside: bool = False,
) -> Graph:  # fmt: skip
    """Return the graph of one step.

    Parameters
    ----------
    net : Cell
        A Cell with ``construct(x, state) -> (out, state)``, a chain of layers, or a layer without state.
    x : Tensor
        An input of one step, ``[N, ...]``; only its shape and dtype count.
    state : structure of Tensor, optional
        Start state of a run; only shapes and dtypes count. None means a fresh state.
    shapes : dict, optional
        Results of Cells by Cell and inputs, reused and extended by each trace.
    steps : int, optional
        Number of time steps in the run, for errors about its input.
    inside : bool
        Whether to enter neurons and layers too, for a graph of operations only.

    Raises
    ------
    CompileError
        At the line that cannot be traced.
    """
    return _Tracer(net, {} if shapes is None else shapes, state is None, steps, inside).graph(x, state)


def parts_of(cell: Cell, state: Any, name: str = "") -> list[Any]:
    """Return the parts of a state given to a net, one for each Cell with a state.

    Raises
    ------
    StateError
        If the parts of the state are not those of the net.
    """
    if isinstance(cell, nn.SequentialCell):
        check_parts(cell, state, name)
        found = []
        for key, layer in cell.named():
            part = None if state is None else state.get(key)
            found += parts_of(layer, part, f"{name}.{key}" if name else key)
        return found
    if is_stateful(cell):
        return [state]
    if state is not None:
        raise StateError(f"{label(name, cell)}, state", "None: it has no state", outline(state), "Leave state out.")
    return []


class _Tracer(Builder):
    """Visits the Cells of a net: the layers of a chain, and the neurons and layers within each."""

    def __init__(self, net: Cell, shapes: dict[Any, Any], fresh: bool, steps: int | None, inside: bool) -> None:
        super().__init__(records_stops=not inside)
        self.net, self.shapes, self.fresh, self.steps, self.inside = net, shapes, fresh, steps, inside
        self.names = {id(cell): name for name, cell in net.cells_and_names()}
        self.layers: list[tuple[str, Edge, Cell]] = []
        self.place: tuple[Cell | None, str] = (None, "")
        self.starts: list[Start] = []
        self.given: list[Any] = []

    def graph(self, x: Tensor, state: Any) -> Graph:
        """Trace a step."""
        given = self.add("input", "x", None, (), [Output(x.shape, x.dtype)])[0]
        self.given = [] if self.fresh else parts_of(self.net, state)
        out, held = self._layer(self.net, given, "")
        for leaf in tree.leaves(out):
            if not isinstance(leaf, Tensor):
                raise CompileError(type(self.net).__name__, "Tensors as outputs", describe(leaf), "Return Tensors.")
        outs = tree.map_leaves(self.edge, out)
        self.finish()
        return Graph(type(self.net).__name__, self.nodes, outs, held, self.starts)

    def _layer(self, cell: Cell, x: Any, name: str) -> tuple[Any, Any]:
        """Trace a layer of a chain; return its output, and the nodes of its state."""
        if holds_over_time(cell) and not is_over_time(cell) and not isinstance(cell, nn.SequentialCell):
            raise _in_steps(name, cell, next(part for _, part in cell.cells_and_names() if is_over_time(part)))
        if isinstance(cell, nn.SequentialCell):
            self._check_hooks([cell], name)
            after = {}

            def run(key: str, layer: Cell, x: Any) -> Any:
                out, held = self._layer(layer, x, f"{name}.{key}" if name else key)
                if has_state(layer):
                    after[key] = held
                return out

            return cell.through(x, run, functools.partial(self._run, cell, name)), after
        if not is_stateful(cell):
            return self._run(cell, name, cell, x), None
        zeros = self.zeros(x)
        before = sample_state(cell, zeros, name) if self.fresh else given_state(self.given.pop(0), zeros, name, cell)
        self.starts.append(Start(name, cell, x.shape, x.dtype))
        symbols: list[Tensor] = []
        for leaf in tree.leaves(before):
            if not isinstance(leaf, (Tensor, np.ndarray, np.generic)):
                raise CompileError(
                    f"{label(name, cell)}, state", "Tensors, or () for a neuron without state", describe(leaf),
                    "Start with such a state in initial_state(x), or run with mode='eager'.",
                )  # fmt: skip
            leaf = as_tensor(leaf, f"{label(name, cell)}, state")
            symbols += self.add("state", f"state{len(self.nodes)}", None, (), [Output(leaf.shape, leaf.dtype)])
        numbers = [self.values[s.array.index].node for s in symbols]  # type: ignore[attr-defined]
        structure = tree.unflatten(before, iter(symbols))
        result = self._run(cell, name, cell, x, structure)
        if not isinstance(result, tuple) or len(result) != 2:
            raise StateError(
                label(name, cell), "construct to return (out, state)", describe(result), "Return the new state too."
            )
        check_kept(result[1], structure, f"{label(name, cell)}, state after a step")
        for number, leaf in zip(numbers, tree.leaves(result[1]), strict=True):
            self.nodes[number].after = self.edge(leaf)
        return result[0], tree.unflatten(before, iter(numbers))

    def _run(self, cell: Cell, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        self.place = cell, name
        with naming_the_line(), scope(recording=False, stopped=False, tracing=self, calling=self.call, watched={}):
            return operands(function(*arguments))

    # Cells

    def call(self, cell: Cell, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a neuron, or a layer without state, as a node; enter any other Cell.

        Code around it in a ``__call__`` of the Cell is traced unchanged.
        """
        if self.inside and (given := tree.leaves([*args])) and all(isinstance(leaf, Parameter) for leaf in given):
            with scope(tracing=None, calling=None):  # an input of Parameters alone is the same in each step
                return operands(quietly(lambda: Cell.__call__(cell, *args, **kwargs)))
        first, place = self.place
        name = place if cell is first else self.names.get(id(cell), type(cell).__name__)
        if not self._enters(cell, name, args):
            if not any(isinstance(leaf, Tensor) and isinstance(leaf.array, Value) for leaf in tree.leaves([*args])):
                return NotImplemented
            if kwargs:
                raise CompileError(
                    label(name, cell), "inputs by position", f"{', '.join(kwargs)} by name", "Pass them by position."
                )
            return self._noted(cell, args, name)
        self.within.append(name)
        layer = isinstance(cell, (Recurrent, RecurrentThrough))
        self.layers += [(name, self.edge(args[0]), cell)] if layer else []
        try:
            with scope(calling=_except_next(self.call, cell)):
                return Cell.__call__(cell, *args, **kwargs)
        finally:
            self.within.pop()
            if layer:
                self.layers.pop()

    def _enters(self, cell: Cell, name: str, args: tuple[Any, ...]) -> bool:
        """Return whether a Cell is more than one node."""
        if self.inside:
            self._check_inside(cell, name)
            return True
        wires = holds_neurons(cell) and is_stateful(cell)
        if wires or isinstance(cell, nn.SequentialCell) or self._feeds_back(cell, args):
            if cell.has_bprop:
                raise CompileError(
                    label(name, cell), "neurons in a Cell without a bprop of its own", "one with a bprop",
                    "Give the bprop to a neuron or a layer, or run it with mode='eager'.",
                )  # fmt: skip
            self._check_hooks([cell], name)
            return True
        return False

    def _feeds_back(self, cell: Cell, args: tuple[Any, ...]) -> bool:
        """Return whether a Cell is a population whose feedback passes through weights that can step inside a loop."""
        if isinstance(cell, RecurrentThrough) and len(args) == 2 and runs_at_once(cell):
            fired = args[1].spike
            with scope(tracing=None, calling=None, recording=False):
                found = connection_of(cell.back, zeros_of((1, *fired.shape), fired.dtype))
            return found is not None and found.row_axes == fired.ndim - 1
        return isinstance(cell, Recurrent) and cell.lateral != "self"

    def _check_inside(self, cell: Cell, name: str) -> None:
        self._check_hooks([cell], name)
        if is_over_time(cell):
            raise CompileError(
                label(name, cell), "layers that run step by step", "one that takes all time steps at once",
                "Remove it, or replace it by a layer that needs only one step at a time.",
            )  # fmt: skip

    def _check_hooks(self, cells: Sequence[Cell], name: str) -> None:
        if any(part.hooked for part in cells):
            raise CompileError(
                label(name, cells[0]), f"a {'chain' if isinstance(cells[0], nn.SequentialCell) else 'neuron'} without hooks",
                "one with a hook, which would not see the steps",
                "Remove the hook, or run it with mode='eager'.",
            )  # fmt: skip

    def _noted(self, cell: Cell, args: tuple[Any, ...], name: str) -> Any:
        result = self._shaped(cell, args, name)
        stateful = is_stateful(cell) and result[2]
        if stateful and isinstance(result[0][0], (tuple, list, dict)):
            raise CompileError(
                f"{label(name, cell)}.construct", "one Tensor as the output", type(result[0][0]).__name__,
                "Return one, or run it with mode='eager'.",
            )  # fmt: skip
        if stateful:
            self._check_hooks([part for _, part in cell.cells_and_names()], name)
            for leaf in () if runs_at_once(cell) else tree.leaves(args[1]):
                if leaf.shape != result[1][0][0]:
                    raise CompileError(
                        f"{label(name, cell)}, state", f"a value for each neuron, {list(result[1][0][0])}", describe(leaf),
                        "Start it in that shape, in initial_state(x), or run with mode='eager'.",
                    )  # fmt: skip
        if not is_stateful(cell) and len(args) == 1 and isinstance(args[0], Tensor):
            self._check_features(cell, args[0], name)
        given, before = tree.map_leaves(lambda _: None, args if stateful else (args, None))
        path, outer, owner = self.layers[-1] if self.layers else (name, None, cell)
        made = self.add(
            "population" if stateful else "layer", name or type(cell).__name__, cell,
            [self.edge(leaf) for leaf in tree.leaves([*args])], [Output(*found) for found in result[1]],
            given=given, before=before, path=path, outer=outer, owner=owner,
        )  # fmt: skip
        return tree.unflatten(result[0], iter(self.stopped(made)))

    @staticmethod
    def _tried(cell: Cell, zeros: Any) -> Any:
        """Run a Cell on zeros. If a neuron fails, assume an output like its input: the error comes with its loop."""
        try:
            return quietly(lambda: operands(Cell.__call__(cell, *zeros)))
        except Exception:
            if not is_stateful(cell) or len(zeros) != 2 or not isinstance(zeros[0], Tensor):
                raise
            return zeros[0] * 1.0, zeros[1]

    def _check_features(self, cell: Cell, x: Tensor, name: str) -> None:
        if self.steps is not None and self.place[0] is cell:  # in a chain, the fault is in the input of the run
            x = zeros_of((self.steps, *x.shape), x.dtype)
            check_features(cell, x, name, 2)
        else:
            check_features(cell, x, name, 1)

    def _shaped(self, cell: Cell, args: tuple[Any, ...], name: str) -> tuple[Any, list[tuple[Any, Any]], bool]:
        """Return the structure, shapes and dtypes of a Cell's result, and whether it is (out, state), by a run on zeros.

        A Cell with two inputs and any other result is a layer without state.
        """
        leaves = tree.leaves([*args])
        outline = repr(tree.map_leaves(lambda _: None, [*args]))
        key = (id(cell), outline, *((leaf.shape, leaf.dtype) if isinstance(leaf, Tensor) else leaf for leaf in leaves))
        if key not in self.shapes:
            zeros = tree.unflatten([*args], iter([self.zeros(leaf) for leaf in leaves]))
            over_time = is_over_time(cell)
            steps = getattr(cell, "T", 2) if over_time else 1  # a norm over time needs more than one step
            if over_time:
                zeros = [Tensor.wrap(np.broadcast_to(z.array, (steps, *z.shape))) for z in zeros]
            with scope(tracing=None, calling=None), untouched(cell) as twin:
                out = self._tried(twin, zeros)
            pair = is_stateful(cell) and len(args) == 2 and isinstance(out, tuple) and len(out) == 2
            if pair:
                check_kept(out[1], zeros[1], f"{label(name, cell)}, state after a step")
            shapes = [(o.shape[over_time:], o.dtype) for o in tree.leaves(out)]
            found = tree.map_leaves(lambda _: None, out), shapes, pair
            self.shapes[key] = cell, found  # while the Cell is kept, no other one has its id
        return self.shapes[key][1]  # type: ignore[no-any-return]


def _in_steps(name: str, cell: Cell, inside: Cell) -> CellError:
    """Return the error for a layer over time in a Cell that runs step by step."""
    return CellError(
        label(name, cell), f"{type(inside).__name__}, which takes all time steps at once, in a chain of layers",
        "it in a Cell that is run step by step",
        "Put it in an nn.SequentialCell, or set over_time = True in your Cell, whose construct then gets [T, N, ...].",
    )  # fmt: skip


def _except_next(call: Any, entered: Cell) -> Any:
    """Return a function that records Cells, except the next call of the Cell that is entered."""
    left = [entered]

    def calling(cell: Cell, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if left and cell is left[0]:
            left.pop()
            state.calling = call
            return NotImplemented
        return call(cell, args, kwargs)

    return calling
