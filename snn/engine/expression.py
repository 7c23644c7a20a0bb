"""One instruction of a program as a Python expression that Numba compiles.

:mod:`snn.interop.plain` makes numpy's expression of whole arrays from the same syntax tree. For people,
:func:`snn.common.equations.template` has the forms of operations.
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from autograd.program import Program

__all__ = ["Typed", "expression", "number", "syntax"]

_FUNCTIONS = {
    "abs": "abs", "atan": "np.arctan", "ceil": "np.ceil", "cos": "np.cos", "erf": "math.erf", "exp": "np.exp",
    "floor": "np.floor", "isfinite": "np.isfinite", "log": "np.log", "log1p": "np.log1p", "round": "np.round",
    "sin": "np.sin", "sqrt": "np.sqrt", "tanh": "np.tanh",
}  # fmt: skip

_OF_BOOLS = ("abs", "add", "mul")


def expression(program: Program, index: int, names: dict[int, str], rough: bool) -> str:
    """Return the expression for an instruction of a program.

    Parameters
    ----------
    program : Program
        The program.
    index : int
        Number of the instruction.
    names : dict of int to str
        Names of its operands.
    rough : bool
        Whether exponentials may be slightly inexact to be fast.
    """
    step = program.instructions[index]
    if step.kind == "convert":
        (operand,) = step.operands
        return _converted(names[operand], program.instructions[operand].dtype, step.dtype)
    op, dtypes = step.what, [program.instructions[o].dtype for o in step.operands]
    if op.compares and dtypes[0] != dtypes[-1]:
        return _compared(op, [names[o] for o in step.operands], dtypes)
    text = ast.unparse(_ForNumba(dtypes[-1], rough).visit(syntax(program, index, names)))
    if step.dtype.kind == "b":  # numpy adds bools to a bool: the sum is True, not 2
        return f"bool({text})" if op.__name__ in _OF_BOOLS else text
    return f"np.{step.dtype}({text})"


def syntax(program: Program, index: int, names: dict[int, str]) -> ast.expr:
    """Return an operation of a program on one element as a syntax tree; its numbers have no dtype yet."""
    step = program.instructions[index]
    op, kind = step.what, program.instructions[step.operands[-1]].dtype
    template = op.scalar if kind.kind == "f" or op.whole is None else op.whole
    given = dict(zip(op.tensor_names, [names[o] for o in step.operands], strict=True))
    parsed: ast.Expression = ast.parse(template.format(**given), mode="eval")
    return parsed.body


def number(value: Any, dtype: Any) -> str:
    """Return the expression for a number of a dtype, to the bit."""
    if np.dtype(dtype).kind == "b":
        return str(bool(value))
    found = np.dtype(dtype).type(value).item()
    text = repr(found) if np.isfinite(found) else f'"{found}"'
    return f"np.{np.dtype(dtype)}({text})"


def _compared(op: Any, names: list[str], dtypes: list[Any]) -> str:
    """Return the expression for a comparison of int64 with uint64, which Numba would convert to floats."""
    signed = next(i for i, dtype in enumerate(dtypes) if dtype.kind == "i")
    below = bool(op.forward(*(-1 if i == signed else 0 for i in range(2))))
    wide = {key: f"np.uint64({name})" for key, name in zip(op.tensor_names, names, strict=True)}
    return f"{op.scalar.format(**wide)} if {names[signed]} >= np.int64(0) else {below}"


def _converted(name: str, before: Any, after: Any) -> str:
    """Return the expression for a conversion to another dtype, with the results of :func:`autograd.dtypes.converted`."""
    if after.kind == "b":
        return f"{name} != np.{before}(0)"
    if before.kind == "b" and after.kind == "f":
        bits = after.itemsize * 8
        return f"one{bits} if {name} else zero{bits}"
    if before.kind == "f" and after.kind in "iu":
        low, high = np.iinfo(after).min, np.iinfo(after).max
        ends = [f"np.{after}({end}) if {name} {sign} np.{before}({float(at)})"
                for end, sign, at in ((low, "<=", low), (high, ">=", high + 1))]  # fmt: skip
        return f"{ends[0]} else {ends[1]} else np.{after}({name}) if {name} == {name} else np.{after}(0)"
    return f"np.{after}({name})"


class Typed(ast.NodeTransformer):
    """Gives the numbers in an expression their dtype: a bare number would turn float32 into float64."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Replace a number by a typed one."""
        return node if isinstance(node.value, bool) else ast.parse(number(node.value, self.dtype), mode="eval").body


class _ForNumba(Typed, ast.NodeTransformer):
    def __init__(self, dtype: Any, rough: bool) -> None:
        super().__init__(dtype)
        self.rough = rough

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Replace a function by Numba's name for it."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
            name = _FUNCTIONS[node.func.id]
            if self.rough and node.func.id == "exp":
                name = f"exp{self.dtype.itemsize * 8}"
            node.func = ast.parse(name, mode="eval").body
        return node
