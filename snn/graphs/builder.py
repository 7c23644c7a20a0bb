"""The program during the trace of a net's step: its values are whole arrays, and its instructions are nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import autograd
from autograd import Parameter, Tensor, stop_gradient
from autograd.errors import AutogradError, CompileError
from autograd.graph import LEAF
from autograd.graph import Node as Leaf
from autograd.program import Value
from autograd.state import quietly, scope, state
from autograd.trace import place_of

from ..common.structure import zeros_of
from .graph import Edge, Node, Output

__all__ = ["Builder", "naming_the_line"]

_NOT_THEIRS = (*(str(Path(module.__file__ or "").parent) for module in (autograd, np)), str(Path(__file__).parents[1]))


class Builder:
    """Replaces a Program during a trace."""

    whole = True

    def __init__(self, records_stops: bool = True) -> None:
        self.records_stops = records_stops
        self.nodes: list[Node] = []
        self.values: list[Edge] = []
        self.taken: dict[str, int] = {}
        self.parameters: dict[int, Value] = {}
        self.leaves: dict[int, Leaf] = {}
        self.within: list[str] = []

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

    def stopped(self, made: list[Tensor]) -> list[Tensor]:
        """Return outputs of a node, as constants for later gradients if the step made them inside ``no_grad``."""
        if not (state.stopped and self.records_stops):
            return made
        with scope(stopped=False):
            return [stop_gradient(tensor) for tensor in made]

    def edge(self, value: Any) -> Any:
        """Return the source of a value: an edge, a constant if the value is known, or a Python number unchanged."""
        if isinstance(value, Tensor):
            value = value.array
        if isinstance(value, Value):
            return self.values[value.index]
        if isinstance(value, (bool, int, float)):
            return value
        array = np.array(value)  # a copy: the user may change theirs later
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
        """Return a leaf for a Parameter, which no node leads to."""
        return self.leaves.setdefault(id(parameter), Leaf(LEAF, (), (), parameter.dtype, attrs=parameter))

    def apply(self, op: Any, values: Sequence[Any], attrs: dict[str, Any]) -> Any:
        """Add an operation; its output shapes come from a run on zeros."""
        with scope(tracing=None, calling=None):
            out = quietly(lambda: op(*[self.zeros(value) for value in values], **attrs))
        outs = out if isinstance(out, tuple) else (out,)
        name = ".".join(filter(None, (*self.within[-1:], op.__name__.lstrip("_"))))
        made = self.add(
            "operation", name, op, [self.edge(v) for v in values], [Output(o.shape, o.dtype) for o in outs], attrs=attrs
        )
        made = self.stopped(made)
        return [m.array for m in made] if isinstance(out, tuple) else made[0].array

    def zeros(self, value: Any) -> Any:
        """Return zeros like a value that is not known yet; return a known value unchanged."""
        if isinstance(value, Tensor):
            value = value.array
        if isinstance(value, Value):
            return zeros_of(value.shape, value.dtype)
        return Tensor.wrap(value) if isinstance(value, np.ndarray) else value

    def finish(self) -> None:
        """Mark nodes of Parameters and constants only, which are the same at each step; name states by their neurons."""
        for node in self.nodes:
            if node.kind in ("parameter", "constant"):
                node.varies = False
            elif node.kind in ("operation", "layer"):
                node.varies = any(self.nodes[edge.node].varies for edge in node.edges)
            if node.kind == "population":
                for edge in node.states:
                    if (held := self.nodes[edge.node]).kind == "state":
                        held.name = f"state of {node.name}"


@contextmanager
def naming_the_line() -> Iterator[None]:
    """Convert errors from values that are not known yet to a CompileError that names the line."""
    try:
        yield
    except AutogradError:
        raise
    except Exception as error:
        raise CompileError(
            place_of(error, _NOT_THEIRS), "operations on Tensors whose values are not known yet",
            f"{type(error).__name__}: {str(error).rstrip('.')}",
            "Use functions of autograd.ops on whole Tensors, or run with mode='eager'.",
        ) from error  # fmt: skip
