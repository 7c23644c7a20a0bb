"""The equations of a neuron as text, from the traced program of its step: exactly the equations that run."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Cell, Tensor, float64, nn, tree
from autograd.dtypes import describe
from autograd.errors import DTypeError
from autograd.trace import Trace, trace

from .structure import array_name, membrane, sample_state, state_names

__all__ = ["equations", "surrogate_of", "template"]

_SIGNS = {
    "greater": (">", 1), "greater_equal": (">=", 1), "less": ("<", 1), "less_equal": ("<=", 1), "equal": ("==", 1),
    "not_equal": ("!=", 1), "add": ("+", 2), "sub": ("-", 2), "mul": ("*", 3), "div": ("/", 3), "floordiv": ("//", 3),
    "mod": ("%", 3), "pow": ("**", 5),
}  # fmt: skip
"""Signs of operations between two values, and how strongly they bind."""
_NEUTRAL = {"mul": (1, True), "div": (1, False), "add": (0, True), "sub": (0, False)}
_CHOICE, _MINUS, _WHOLE = 0, 4, 9
_SHORT = {
    "maximum": "max({x}, {y})", "minimum": "min({x}, {y})", "relu": "relu({x})", "relu6": "relu6({x})", "sign": "sign({x})",
    "square": "{x}^2", "isnan": "isnan({x})", "logical_and": "{x} and {y}", "logical_or": "{x} or {y}",
}  # fmt: skip


def equations(cell: Cell) -> str:
    """Return one step of a neuron as one line, from the program that runs.

    ``x`` is the input, and the variables of the state have their names; a prime marks the value after the step. ``h`` is the
    membrane before it fires, and ``z`` is 1 where it fires. This is also the ``repr`` of neurons and synapses in this package.

    Parameters
    ----------
    cell : Cell
        A neuron, a synapse, or one of your own: ``construct(x, state) -> (out, state)``, one element at a time.

    Returns
    -------
    str
        The equations, separated by semicolons.

    Raises
    ------
    CompileError
        If it cannot be traced, for example because of an ``if`` on a membrane.

    Examples
    --------
    >>> import snn
    >>> print(snn.equations(snn.LIFNode(beta=0.9, v_reset=0.0)))
    h = 0.9 v + x; z = h > 1 [relusigmoid()]; spike = z; v' = (1 - z) * h
    """
    if not isinstance(cell, Cell):
        raise DTypeError("snn.equations", "a neuron", describe(cell), "For example snn.LIFNode(beta=0.9).")
    if isinstance(cell, nn.Dense | nn.SequentialCell | nn.CellList):
        raise DTypeError("snn.equations", "a neuron", describe(cell), "Pass one neuron of the net, or see snn.explain(net).")
    start = sample_state(cell, Tensor(np.zeros((1, 1))))
    kinds = tree.map_leaves(lambda leaf: leaf.dtype, start)
    charge = getattr(cell, "charge", None) if getattr(cell, "fire", True) else None

    def step(x: Tensor, state: Any) -> Any:
        out, after = cell(x, state)
        return out, after, () if charge is None else membrane(charge(x, state))

    traced = trace(step, float64, kinds, parameters=cell.get_parameters())
    return "; ".join(_Text(cell, traced, state_names(start)).lines())


class _Text:
    """Writes the values of a program: a value used once appears where it is used, any other gets a name and a line."""

    def __init__(self, cell: Cell, traced: Trace, state: list[str]) -> None:
        self.steps = traced.program.instructions
        x, before = traced.inputs
        out, after, charged = traced.outputs
        self.outputs = [*zip([f"{name}'" for name in state], tree.leaves(after), strict=True)]
        self.outputs.append(("spike" if getattr(cell, "fire", True) else "out", out))
        self.names: dict[int, str] = {x: "x", **dict(zip(tree.leaves(before), state, strict=True))}
        held = list(cell.parameters_and_names())
        self.names |= {i: array_name(s.what, cell, held) for i, s in enumerate(self.steps) if s.kind == "parameter"}
        self._draw({name for _, part in cell.cells_and_names() for name in getattr(part, "drawn", ())})
        self.needed = self._needed([i for _, i in self.outputs])
        self.given = dict(self.names)
        self._name(set(tree.leaves(charged)))
        fired, surrogate = [name for name in self.names.values() if name[0] == "z"], surrogate_of(cell)
        self.surrogate = surrogate if len(fired) == 1 else ""
        self.remarks = ["the reset has no gradient"] if getattr(cell, "detach_reset", False) else []
        if surrogate and len(fired) > 1:
            self.remarks.append(f"surrogate {surrogate}")

    def _draw(self, drawn: set[str]) -> None:
        """Write ``random`` for values made from a generator's state alone, and omit that state; ``drawn`` has its names."""
        self.outputs = [(name, i) for name, i in self.outputs if name[:-1] not in drawn]
        made = {i for i, name in self.names.items() if name in drawn}
        for i, step in enumerate(self.steps):
            if step.kind in ("convert", "operation"):
                of = [j for j in step.operands if self.steps[j].kind != "constant"]
                if of and made.issuperset(of):
                    made.add(i)
        for i in set(range(len(self.steps))) - made:
            self.names |= dict.fromkeys(made.intersection(self.steps[i].operands), "random")

    def _name(self, charged: set[int]) -> None:
        """Name the membrane before it fires, the spikes, the final states, and values used more than once."""
        uses = [j for i in self.needed for j in self._operands(i)]
        after = {self._meant(i): name for name, i in reversed(self.outputs[:-1])}
        for i in self.needed:
            if i in charged and i not in after:
                self.names[i] = "h"
            elif self.steps[i].kind == "convert" and self.steps[self.steps[i].operands[0]].dtype == np.bool_:
                self.names[i] = self._new("z")
            elif i in after and (i in uses or i == self._meant(self.outputs[-1][1])):
                self.names[i] = after[i]
            elif uses.count(i) > 1:
                self.names[i] = self._new("t")

    def _new(self, letter: str) -> str:
        n = sum(name.rstrip("0123456789") == letter for name in self.names.values())
        return f"{letter}{n + 1}" if n else letter

    def lines(self) -> list[str]:
        """Return ``name = expression`` for each value with a name, and for each output."""
        lines = [
            f"{self.names[i]} = {self.text(i, named=False)}"
            + (f" [{self.surrogate}]" if self.surrogate and self.names[i] == "z" else "")
            for i in self.needed
            if i in self.names and i not in self.given
        ]
        said = {name for i, name in self.names.items() if i not in self.given}
        lines += [f"{name} = {self.text(i)}" for name, i in reversed(self.outputs) if name not in said]
        return lines + self.remarks

    def _needed(self, outputs: list[int]) -> list[int]:
        """Return the values that the outputs need, in order."""
        found: set[int] = set()
        stack = [self._meant(i) for i in outputs]
        while stack:
            i = stack.pop()
            if i not in found and i not in self.names and self.steps[i].kind in ("convert", "operation"):
                found.add(i)
                stack += self._operands(i)
        return sorted(found)

    def _meant(self, i: int) -> int:
        """Return the value of an instruction without neutral operations: times 1, plus 0, a change of precision."""
        step = self.steps[i]
        if step.kind == "convert" and self.steps[step.operands[0]].dtype.kind == "f":
            return self._meant(step.operands[0])
        if step.kind == "operation" and step.what.__name__ in _NEUTRAL:
            neutral, either = _NEUTRAL[step.what.__name__]
            a, b = step.operands
            if self._constant(b) == neutral:
                return self._meant(a)
            if either and self._constant(a) == neutral:
                return self._meant(b)
        return i

    def _operands(self, i: int) -> list[int]:
        """Return the operands of a value."""
        inside = self._in_sigmoid(i)
        return [self._meant(j) for j in (self.steps[i].operands if inside is None else [inside])]

    def _in_sigmoid(self, i: int) -> int | None:
        """Return the argument of a logistic function, if it is one: (1 if u >= 0 else e) / (1 + e), e = exp(-abs(u))."""
        if self._of(i) != "div":
            return None
        above, below = self.steps[i].operands
        if (
            self._of(above) != "where"
            or self._of(below) != "add"
            or self._of(self.steps[above].operands[0]) != "greater_equal"
        ):
            return None
        at_zero, _, small = self.steps[above].operands
        return self.steps[at_zero].operands[0] if self._of(small) == "exp" and small in self.steps[below].operands else None

    def _of(self, i: int) -> str | None:
        step = self.steps[i]
        return step.what.__name__ if step.kind == "operation" else None

    def text(self, i: int, around: int = -1, named: bool = True) -> str:
        """Return a value as text, in brackets if the operation around it binds more strongly."""
        i = self._meant(i)
        if named and i in self.names:
            return self.names[i]
        text, strength = self._expression(i)
        return f"({text})" if strength <= around else text

    def _expression(self, i: int) -> tuple[str, int]:
        step = self.steps[i]
        if step.kind == "constant":
            return (f"{step.what:g}", _MINUS if step.what < 0 else _WHOLE) if step.dtype != bool else (str(step.what), _WHOLE)
        if step.kind == "convert":
            return self.text(step.operands[0]), _CHOICE
        name, operands = step.what.__name__, self._operands(i)
        if len(operands) < len(step.operands):
            return f"sigmoid({self.text(operands[0])})", _WHOLE
        if name == "where":
            condition, yes, no = operands
            return f"{self.text(yes, _CHOICE)} if {self.text(condition, _CHOICE)} else {self.text(no, _CHOICE)}", _CHOICE
        if name == "neg":
            return f"-{self.text(operands[0], _MINUS - 1)}", _MINUS
        if name not in _SIGNS:
            around, strength = (_CHOICE, _CHOICE) if step.what.logical else (_WHOLE - 1 if name == "square" else -1, _WHOLE)
            texts = dict(zip(step.what.tensor_names, [self.text(j, around) for j in operands], strict=True))
            return template(step.what).format(**texts), strength
        return self._binary(*_SIGNS[name], *operands)

    def _binary(self, sign: str, strength: int, a: int, b: int) -> tuple[str, int]:
        if strength == 1 and self._constant(b) == 0:
            # The addition that makes ">" mean ">=" is too small for any membrane.
            if self._is(a, "add") and 0 < (self._constant(self.steps[a].operands[1]) or 0) < 1e-6:
                sign, a = f"{sign}=", self._meant(self.steps[a].operands[0])
            if self._is(a, "sub"):
                a, b = map(self._meant, self.steps[a].operands)
        if sign == "*" and self._constant(a) is None and self._constant(b) is not None:
            a, b = b, a
        left, right = self.text(a, strength - 1), self.text(b, strength if sign in ("-", "/") else strength - 1)
        if sign == "*" and self._constant(a) is not None and not right[0].isdigit():
            return ("-" if left == "-1" else f"{left} ") + right, strength
        if strength == 2 and right.startswith("-"):
            sign, right = "-" if sign == "+" else "+", right[1:]
        return f"{left} {sign} {right}", strength

    def _is(self, i: int, name: str) -> bool:
        """Return whether an unnamed value is the result of an operation."""
        return i not in self.names and self._of(i) == name

    def _constant(self, i: int) -> Any:
        return self.steps[i].what if self.steps[i].kind == "constant" else None


def template(op: Any) -> str:
    """Return an operation on one element as people read it, with its operands in braces."""
    return str(_SHORT.get(op.__name__, op.scalar))


def surrogate_of(cell: Cell) -> str:
    """Name the surrogate with which a neuron, or the neuron within it, fires; an empty text if it has none."""
    while hasattr(cell, "node") and not hasattr(cell, "drawn"):
        cell = cell.node
    function = getattr(cell, "surrogate_function", None)
    return "" if function is None else getattr(function, "__name__", None) or repr(function)
