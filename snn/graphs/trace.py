"""Run one step of a net on values that are not known yet, and note what it computes as a :class:`Graph`."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autograd
from autograd import Cell, Parameter, Tensor, nn, tree
from autograd.dtypes import describe
from autograd.errors import AutogradError, CompileError, StateError
from autograd.graph import LEAF
from autograd.graph import Node as Leaf
from autograd.nn.stateful import untouched
from autograd.program import Value
from autograd.state import quietly, scope, state
from autograd.tensor import operands

from ..structure import check_features, check_kept, holds_neurons, is_over_time, is_stateful, label
from .graph import Edge, Graph, Node, Output

__all__ = ["trace_step"]

_NOT_THEIRS = tuple(str(Path(module.__file__).parent) for module in (autograd, np)) + (str(Path(__file__).parents[1]),)


def trace_step(net: Cell, x: Tensor, before: Any, shapes: dict[Any, Any] | None = None) -> Graph:
    """Return the graph of one step.

    Parameters
    ----------
    net : Cell
        With ``construct(x, state) -> (out, state)``, or a layer without state.
    x : Tensor
        An input of one step, ``[N, ...]``; only its shape and dtype count.
    before : structure of Tensor, or None
        The state at the start; only shapes and dtypes count.
    shapes : dict, optional
        What Cells return, by Cell and inputs: known from another trace, or to be kept for one.

    Raises
    ------
    CompileError
        At the line that does what cannot be traced.
    """
    builder = _Builder(net, len(x), {} if shapes is None else shapes)
    return builder.graph(x, before)


class _Builder:
    """Takes a Program's place while a step of a net is traced: its values are whole arrays."""

    whole = True

    def __init__(self, net: Cell, samples: int, shapes: dict[Any, Any]) -> None:
        self.net, self.samples, self.shapes = net, samples, shapes
        self.nodes: list[Node] = []
        self.values: list[Edge] = []
        self.names = {id(cell): name for name, cell in net.cells_and_names()}
        self.taken: dict[str, int] = {}
        self.parameters: dict[int, Value] = {}
        self.leaves: dict[int, Leaf] = {}
        self.within: list[str] = []

    def graph(self, x: Tensor, before: Any) -> Graph:
        """Trace a step."""
        given = self.add("input", "x", None, (), [Output(x.shape, x.dtype)])[0]
        n = len(tree.leaves(before)) if before is not None else 0
        names = [f"state{k}" for k in range(n)] if before is not None else []
        symbols = [
            self.add("state", name, name, (), [Output(leaf.shape, leaf.dtype)])[0]
            for name, leaf in zip(names, tree.leaves(before) if before is not None else (), strict=True)
        ]
        held = [node.number for node in self.nodes if node.kind == "state"]
        structure = None if before is None else tree.unflatten(before, iter(symbols))
        with self._theirs():
            arguments = (given,) if before is None else (given, structure)
            with scope(recording=False, tracing=self, calling=self.call, watched={}):
                result = operands(self.net(*arguments))
        if before is None:
            out, after = result, None
        elif not isinstance(result, tuple) or len(result) != 2:
            raise StateError(
                type(self.net).__name__, "construct to return (out, state)", describe(result), "Return the new state beside."
            )
        else:
            out, after = result
            check_kept(after, structure, f"{type(self.net).__name__}, state after a step")
            for number, leaf in zip(held, tree.leaves(after), strict=True):
                self.nodes[number].after = self.edge(leaf)
        for leaf in tree.leaves(out):
            if not isinstance(leaf, Tensor):
                raise CompileError(type(self.net).__name__, "Tensors as outputs", describe(leaf), "Return Tensors.")
        outs = tree.map_leaves(self.edge, out)
        self._find_what_varies()
        self._name_states()
        return Graph(type(self.net).__name__, self.nodes, outs, None if before is None else tree.unflatten(before, iter(held)))

    def _theirs(self) -> Any:
        return _naming_the_line()

    def _find_what_varies(self) -> None:
        """Note what is the same at each step: what is made of Parameters and constants, and states that never change."""
        for node in self.nodes:
            if node.kind in ("parameter", "constant"):
                node.varies = False
            elif node.kind in ("operation", "layer"):
                node.varies = any(self.nodes[edge.node].varies for edge in node.edges)

    def _name_states(self) -> None:
        """Name each state by the neuron whose it is."""
        for node in self.nodes:
            if node.kind == "population":
                for edge in node.states:
                    if (held := self.nodes[edge.node]).kind == "state":
                        held.name = f"state of {node.name}"

    # What is traced

    def add(
        self, kind: str, name: str, what: Any, inputs: Sequence[Any], outputs: Sequence[Output], **more: Any
    ) -> list[Tensor]:
        """Add a node; return its outputs."""
        self.taken[name] = self.taken.get(name, 0) + 1
        if self.taken[name] > 1 and kind not in ("constant", "parameter"):
            name = f"{name} ({self.taken[name]})"
        node = Node(len(self.nodes), kind, name, what, tuple(inputs), list(outputs), **more)
        self.nodes.append(node)
        made = []
        for k, output in enumerate(outputs):
            self.values.append(Edge(node.number, k))
            made.append(Tensor.wrap(Value(self, len(self.values) - 1, output.dtype, output.shape)))  # type: ignore[arg-type]
        return made

    def edge(self, value: Any) -> Any:
        """Return where a value comes from, a constant if it is known; a Python number as it is."""
        if isinstance(value, Tensor):
            value = value.array
        if isinstance(value, Value):
            return self.values[value.index]
        if isinstance(value, (bool, int, float)):
            return value
        array = np.asarray(value)
        made = self.add("constant", "constant", array, (), [Output(array.shape, array.dtype)])
        return self.values[made[0].array.index]  # type: ignore[attr-defined]

    def lift(self, parameter: Parameter) -> Value:
        """Return the value of a Parameter."""
        if id(parameter) not in self.parameters:
            array = parameter.stored
            made = self.add("parameter", parameter.name, parameter, (), [Output(array.shape, array.dtype)])
            self.parameters[id(parameter)] = made[0].array  # type: ignore[assignment]
        return self.parameters[id(parameter)]

    def leaf(self, parameter: Parameter) -> Leaf:
        """Return a leaf for a Parameter, to which nothing leads."""
        return self.leaves.setdefault(id(parameter), Leaf(LEAF, (), (), parameter.dtype, attrs=parameter))

    def apply(self, op: Any, values: Sequence[Any], attrs: dict[str, Any]) -> Any:
        """Add an operation; its shapes are those of a run on zeros."""
        with scope(tracing=None, calling=None):
            out = quietly(lambda: op(*[self._zeros(value) for value in values], **attrs))
        outs = out if isinstance(out, tuple) else (out,)
        name = ".".join(filter(None, (*self.within[-1:], op.__name__.lstrip("_"))))
        made = self.add(
            "operation", name, op, [self.edge(v) for v in values], [Output(o.shape, o.dtype) for o in outs], attrs=attrs
        )
        return [m.array for m in made] if isinstance(out, tuple) else made[0].array

    def _zeros(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            value = value.array
        if isinstance(value, Value):
            return Tensor.wrap(np.broadcast_to(np.zeros((), value.dtype), value.shape))
        return Tensor.wrap(value) if isinstance(value, np.ndarray) else value

    # Cells

    def call(self, cell: Cell, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Note a neuron, or a layer without state, as a node; go on inside of others."""
        name = self.names.get(id(cell), type(cell).__name__)
        if not self._enters(cell, name):
            if not any(isinstance(leaf, Tensor) and isinstance(leaf.array, Value) for leaf in tree.leaves([*args])):
                return NotImplemented
            if kwargs:
                raise CompileError(
                    label(name, cell), "inputs by position", f"{', '.join(kwargs)} by name", "Pass them by position."
                )
            return self._noted(cell, args, name)
        self.within.append(name)
        try:
            with scope(calling=_once(self.call, cell)):
                return cell(*args, **kwargs)
        finally:
            self.within.pop()

    def _enters(self, cell: Cell, name: str) -> bool:
        """Tell whether a Cell is more than one node."""
        if is_stateful(cell) and (holds_neurons(cell) or getattr(cell, "is_neuron", False)) or isinstance(cell, nn.SequentialCell):
            if cell.has_bprop:
                raise CompileError(
                    label(name, cell), "neurons in a Cell without a bprop of its own", "one that holds neurons and has a bprop",
                    "Give the bprop to a neuron or a layer, or run it with mode='eager'.",
                )  # fmt: skip
            self._check_hooks([cell], name)
            return True
        return False

    def _check_hooks(self, cells: Sequence[Cell], name: str) -> None:
        if any(part.hooked for part in cells):
            raise CompileError(
                label(name, cells[0]), "a neuron without hooks", "one with a hook, which would see no step",
                "Take the hook off, or run it with mode='eager'.",
            )  # fmt: skip

    def _noted(self, cell: Cell, args: tuple[Any, ...], name: str) -> Any:
        with scope(tracing=None):
            self._check_hooks([part for _, part in cell.cells_and_names()], name)
        stateful = is_stateful(cell)
        if stateful and len(args) != 2:
            raise StateError(label(name, cell), "a state beside its input", f"{len(args)} inputs", "Call it with (x, state).")
        if not stateful and len(args) == 1 and isinstance(args[0], Tensor):
            check_features(cell, args[0], name, 1)
        result = self._shaped(cell, args, name)
        outs = [Output(*found) for found in result[1]]
        inputs = [self.edge(leaf) for leaf in tree.leaves([*args])]
        given = tree.map_leaves(lambda _: None, args[0] if stateful else args)
        before = tree.map_leaves(lambda _: None, args[1]) if stateful else None
        kind = "population" if stateful else "layer"
        made = self.add(kind, name or type(cell).__name__, cell, inputs, outs, given=given, before=before)
        return tree.unflatten(result[0], iter(made))

    def _shaped(self, cell: Cell, args: tuple[Any, ...], name: str) -> tuple[Any, list[tuple[Any, Any]]]:
        """Return the structure of what a Cell returns, and the shapes and dtypes in it, by a run on zeros."""
        leaves = tree.leaves([*args])
        key = (id(cell), *((leaf.shape, leaf.dtype) if isinstance(leaf, Tensor) else leaf for leaf in leaves))
        if key not in self.shapes:
            zeros = tree.unflatten([*args], iter([self._zeros(leaf) for leaf in leaves]))
            over_time = is_over_time(cell)
            steps = getattr(cell, "T", 1) if over_time else 1
            if over_time:
                zeros = [Tensor.wrap(np.broadcast_to(z.array, (steps, *z.shape))) for z in zeros]
            with scope(tracing=None, calling=None), untouched(cell):
                out = quietly(lambda: operands(cell(*zeros)))
            if is_stateful(cell):
                if not isinstance(out, tuple) or len(out) != 2:
                    raise StateError(
                        label(name, cell), "construct to return (out, state)", describe(out), "Return the new state beside."
                    )
                check_kept(out[1], zeros[1], f"{label(name, cell)}, state after a step")
            shapes = [(o.shape[over_time:], o.dtype) for o in tree.leaves(out)]
            self.shapes[key] = tree.map_leaves(lambda _: None, out), shapes
        return self.shapes[key]  # type: ignore[no-any-return]


def _once(call: Any, entered: Cell) -> Any:
    """Return the function that notes Cells, but for the next call of the one that is entered."""
    left = [entered]

    def calling(cell: Cell, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if left and cell is left[0]:
            left.pop()
            state.calling = call
            return NotImplemented
        return call(cell, args, kwargs)

    return calling


class _naming_the_line:  # noqa: N801
    """Makes a CompileError of what went wrong in a net because its values are not known yet."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trail: Any) -> None:
        if error is None or isinstance(error, AutogradError) or not isinstance(error, Exception):
            return
        frames = traceback.extract_tb(trail)
        theirs = [f for f in frames if not f.filename.startswith(_NOT_THEIRS)] or frames
        raise CompileError(
            f"{theirs[-1].filename}, line {theirs[-1].lineno}, in {theirs[-1].name}",
            "operations on Tensors whose values are not known yet", f"{type(error).__name__}: {str(error).rstrip('.')}",
            "Use functions of autograd.ops on whole Tensors, or run with mode='eager'.",
        ) from error  # fmt: skip
