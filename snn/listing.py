"""Traced programs as text, in the names of the user."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Cell, Tensor, tree

from .plan import Plan
from .structure import variables

__all__ = ["Listing", "array_name", "state_names"]

_SHORT = {"maximum": "max({x}, {y})", "minimum": "min({x}, {y})", "relu": "relu({x})"}
_SHORT |= {"sigmoid": "sigmoid({x})", "sign": "sign({x})", "relu6": "relu6({x})", "isnan": "isnan({x})"}
_SHORT |= {"logical_and": "{x} and {y}", "logical_or": "{x} or {y}"}


class Listing:
    """Writes the values of a neuron's program: the input is x, the variables of the state have their names, Parameters theirs.

    What has no name is t and the number that it has in the emitted source too.

    Parameters
    ----------
    plan : Plan
        The traced neuron.
    cell : Cell or None
        The neuron.
    dense : Weights or None
        The weights before it.
    before : structure of Tensor
        Its state.
    """

    def __init__(self, plan: Plan, cell: Cell | None, dense: Any, before: Any) -> None:
        self.plan, self.program = plan, plan.program
        held = [] if cell is None else list(cell.parameters_and_names())
        held += [] if dense is None or dense.bias is None else [("bias", dense.slot)]
        self.names: dict[int, str] = {}
        for i, array in plan.arrays().items():
            self.names[i] = array_name(array, cell, held)
        self.state = state_names(before)
        self.names |= {plan.x: "x", **dict(zip(plan.before, self.state, strict=True))}
        if plan.lateral is not None:
            self.names[plan.lateral] = "lateral"
        self.names |= {d: f"d_{name}" for d, name in zip(plan.d_after, self.state, strict=True)}
        self.names[plan.d_out] = "d_out"

    def step(self) -> list[str]:
        """Return the forward step, a line a value."""
        plan = self.plan
        lines = self.lines([plan.out, *plan.after])
        lines += [f"out = {self.name(plan.out)}"]
        return lines + [f"{name} = {self.name(i)}" for name, i in zip(self.state, plan.after, strict=True)]

    def backward(self) -> list[str]:
        """Return the way back of a step."""
        plan = self.plan
        named = [("d_x", plan.dx), *zip([f"d_{name}" for name in self.state], plan.d_before, strict=True)]
        named += [(f"d_{self._owner(p)}", plan.d_parameters[id(p)]) for p in plan.parameters]
        made = [(name, i) for name, i in named if i is not None]
        return self.lines([i for _, i in made], plan.saved) + [f"{name} = {self.name(i)}" for name, i in made]

    def lines(self, wanted: Iterable[int], given: Iterable[int] = ()) -> list[str]:
        """Return a line for each value that is needed and has no name of its own."""
        given = frozenset(given)
        lines = []
        for i in self.program.needed(wanted, given):
            if i not in given and self.program.instructions[i].kind in ("operation", "convert"):
                lines.append(f"{self.name(i)} = {self.expression(i)}")
        return lines

    def expression(self, index: int) -> str:
        """Return how a value is made."""
        step = self.program.instructions[index]
        if step.kind == "convert":
            return f"{step.dtype}({self.name(step.operands[0])})"
        if step.kind != "operation":
            return self.name(index)
        text = _SHORT.get(step.what.__name__, step.what.scalar)
        if step.what.__name__ == "where":
            condition, yes, no = map(self.name, step.operands)
            return f"{yes} if {condition} else {no}"
        return str(text.format(**dict(zip(step.what.tensor_names, map(self.name, step.operands), strict=True))))

    def name(self, index: int) -> str:
        """Return the name of a value; a constant is its number."""
        step = self.program.instructions[index]
        if index in self.names:
            return self.names[index]
        if step.kind == "constant":
            text = str(step.what)
            return f"({text})" if text.startswith("-") else text
        return f"t{index}" if step.kind != "input" else str(step.what)

    def _owner(self, parameter: Any) -> str:
        number = next((i for i, array in self.plan.arrays().items() if array is parameter.array), None)
        return "parameter" if number is None else self.names[number]


def state_names(before: Any) -> list[str]:
    """Return the names of a state's variables in order: v for a lone one."""
    fresh = tree.map_leaves(lambda leaf: Tensor.wrap(leaf.array), before)  # so that each is another object
    named = {id(value): name for name, value in variables(fresh).items()}
    return [named.get(id(leaf), f"state{k}") for k, leaf in enumerate(tree.leaves(fresh))]


def array_name(array: Any, cell: Cell | None, held: Iterable[tuple[str, Any]]) -> str:
    """Name an array after the Parameter that holds it, of those given by name, or else the attribute of the Cell that does."""
    inside = [] if cell is None else [item for _, part in cell.cells_and_names() for item in vars(part).items()]
    names = [name for name, value in (*held, *inside) if value is array or getattr(value, "array", None) is array]
    return names[0] if names else f"array{list(np.shape(array))}"
