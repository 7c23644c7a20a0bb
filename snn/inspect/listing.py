"""Traced programs as text, with the user's names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common.equations import template
from ..common.structure import array_name, state_names
from ..connections import Joined
from ..recurrent import Recurrent

if TYPE_CHECKING:
    from ..compiled.part import Part
    from ..graphs.graph import Node

__all__ = ["Listing", "input_name", "layers_before", "name_of", "part_name"]

_TINY = np.finfo(np.float32).tiny


class Listing:
    """Writes the values of a core's program: a single input is x; state variables and Parameters have their own names.

    Other values are named t plus their number, as in the emitted source.

    Parameters
    ----------
    part : Part
        The core in a run.
    """

    def __init__(self, part: Part) -> None:
        self.plan, self.program, core = part.plan, part.plan.program, part.core
        plan, populations = part.plan, [node for node in core.nodes if node.kind == "population"]
        held: list[tuple[str, Any]] = []
        for owner in (node.owner for node in core.nodes if node.owner is not None):
            held += owner.parameters_and_names()
            held += [item for _, cell in owner.cells_and_names() for item in vars(cell).items()]
        inputs = [input_name(part, k) for k in range(len(core.inputs))]
        biases = [(f"bias of {name}", slot) for name, slot in zip(inputs, part.slots, strict=True) if slot is not None]
        held += biases if len(inputs) > 1 else [("bias", slot) for _, slot in biases]
        self.names = {i: array_name(array, None, held) for i, array in plan.arrays().items()}
        named: dict[int, str] = {}
        for node in populations:
            whose = f"{name_of(node)}." if len(populations) > 1 else ""
            named |= {s.number: f"{whose}spike" for s in core.states if s.after is not None and s.after.node == node.number}
            named |= {edge.node: whose + name for edge, name in zip(node.states, state_names(node.before), strict=True)}
        self.state = [named.get(node.number, node.name) for node in core.states]
        outside = [k for k, current in enumerate(part.currents) if current is not None]
        self.inputs = ["x" if [k] == outside else name for k, name in enumerate(inputs)]
        self.outs = ["" if len(core.outs) == 1 else f" {part.graph.label(edge)}" for edge in core.outs]
        self.names |= zip(plan.inputs, self.inputs, strict=True)
        self.names |= zip(plan.before, self.state, strict=True)
        self.names |= {d: f"d_{name}" for d, name in zip(plan.d_after, self.state, strict=True)}
        self.names |= {d: f"d_out{name}" for d, name in zip(plan.d_outs, self.outs, strict=True)}

    def step(self) -> list[str]:
        """Return the forward step, one line per value."""
        plan = self.plan
        lines = self.lines([*plan.outs, *plan.after])
        lines += [f"out{name} = {self.name(i)}" for name, i in zip(self.outs, plan.outs, strict=True)]
        return lines + [f"{name} = {self.name(i)}" for name, i in zip(self.state, plan.after, strict=True)]

    def backward(self) -> list[str]:
        """Return the backward step."""
        plan = self.plan
        named = [*zip([*self.inputs, *self.state], [*plan.d_inputs, *plan.d_before], strict=True)]
        named += [(self._owner(p), plan.d_parameters[id(p)]) for p in plan.parameters]
        made = [(name, i) for name, i in named if i is not None]
        return self.lines([i for _, i in made], plan.saved) + [f"d_{name} = {self.name(i)}" for name, i in made]

    def lines(self, wanted: Iterable[int], given: Iterable[int] = ()) -> list[str]:
        """Return a line for each needed value without a name of its own."""
        given = frozenset(given)
        lines = []
        for i in self.program.needed(wanted, given):
            if i not in given and self.program.instructions[i].kind in ("operation", "convert"):
                lines.append(f"{self.name(i)} = {self.expression(i)}")
        return lines

    def expression(self, index: int) -> str:
        """Return the expression of a value."""
        step = self.program.instructions[index]
        if step.kind == "convert":
            return f"{step.dtype}({self.name(step.operands[0])})"
        if step.kind != "operation":
            return self.name(index)
        return template(step.what).format(**dict(zip(step.what.tensor_names, map(self.name, step.operands), strict=True)))

    def name(self, index: int) -> str:
        """Return the name of a value; a constant is its number."""
        step = self.program.instructions[index]
        if index in self.names:
            return self.names[index]
        if step.kind == "constant":
            text = "tiny" if np.ndim(step.what) == 0 and step.what == _TINY else str(step.what)
            return f"({text})" if text.startswith("-") else text
        return f"t{index}" if step.kind != "input" else str(step.what)

    def _owner(self, parameter: Any) -> str:
        number = next((i for i, array in self.plan.arrays().items() if array is parameter.array), None)
        return "parameter" if number is None else self.names[number]


def name_of(node: Node) -> str:
    """Name a node as its user would: a neuron in a :class:`snn.Recurrent` after that layer; a single Cell has no name."""
    return node.name if node.owner is None or (node.path and node.owner is node.what) else node.path


def layers_before(part: Part) -> list[Node]:
    """Return the layers of weights before a core."""
    found = []
    for edge, item in zip(part.core.inputs, part.given, strict=True):
        if item.weights is not None:
            cell, node = item.weights.cell, part.graph.nodes[edge.node]
            found += [part.graph.nodes[e.node] for e in node.edges] if isinstance(cell, Joined) else []
            found.append(node)
    return found


def part_name(part: Part) -> str:
    """Name a core after its neurons."""
    return ", ".join(name for n in part.core.nodes if n.kind == "population" and (name := name_of(n))) or part.core.name


def input_name(part: Part, k: int) -> str:
    """Name an input of a core; the feedback of a :class:`snn.Recurrent` is "lateral"."""
    edge = part.core.inputs[k]
    inside = part.graph.nodes[edge.node].kind == "operation" and any(isinstance(n.owner, Recurrent) for n in part.core.nodes)
    return "lateral" if inside else part.graph.label(edge)
