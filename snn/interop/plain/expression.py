"""One instruction of a traced program as an expression of numpy on whole arrays."""

from __future__ import annotations

import ast
from typing import Any

from autograd.errors import CompileError
from autograd.program import Program

from ...engine.expression import Typed, number, syntax

__all__ = ["converted", "expression"]

_FUNCTIONS = {
    "abs": "np.abs", "ceil": "np.ceil", "floor": "np.floor", "isfinite": "np.isfinite", "round": "np.round", "sqrt": "np.sqrt",
}  # fmt: skip
"""Functions in the scalar expressions of operations that name no ufunc of their own."""


def converted(name: str, before: Any, after: Any, functions: set[str]) -> str:
    """Return the expression for a value in another dtype, as :func:`autograd.dtypes.converted` makes it."""
    if before == after:
        return name
    if after.kind == "b":
        return f"({name} != 0)"
    if before.kind == "f" and after.kind in "iu":
        functions.add("to_whole")
        return f"to_whole({name}, np.{after})"
    return f"{name}.astype(np.{after})"


def expression(program: Program, index: int, names: dict[int, str], functions: set[str]) -> str:
    """Return the expression for the operation ``index`` of a program, given the ``names`` of its operands.

    The names from :mod:`.functions` that it uses are added to ``functions``.
    """
    step = program.instructions[index]
    if step.kind == "convert":
        (operand,) = step.operands
        return converted(names[operand], program.instructions[operand].dtype, step.dtype, functions)
    op = step.what
    if op.ufunc is not None:
        package, _, function = op.ufunc.rpartition(".")
        if package != "numpy":
            raise CompileError(
                "export_numpy", "operations that numpy has", f"{op.label}, a function of {package}",
                "Build the net without it, such as with approximate=True for nn.GELU.",
            )  # fmt: skip
        return f"np.{function}({', '.join(names[o] for o in step.operands)})"
    kind = program.instructions[step.operands[-1]].dtype
    return ast.unparse(_OnArrays(kind).visit(syntax(program, index, names)))


class _OnArrays(Typed, ast.NodeTransformer):
    """Turns an expression of one element into one of arrays; its numbers get the dtype of the operands."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """Choose element by element."""
        self.generic_visit(node)
        return _call("np.where", node.test, node.body, node.orelse)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Join truth values element by element."""
        self.generic_visit(node)
        name = "np.logical_and" if isinstance(node.op, ast.And) else "np.logical_or"
        found = node.values[0]
        for value in node.values[1:]:
            found = _call(name, found, value)
        return found

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Negate truth values element by element."""
        if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            negative: Any = node.operand.value
            return ast.parse(number(-negative, self.dtype), mode="eval").body
        self.generic_visit(node)
        return _call("np.logical_not", node.operand) if isinstance(node.op, ast.Not) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Leave a name of an operand, such as a number of numpy, as it is."""
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Name the function as numpy does, and keep the code that makes an operand."""
        if not isinstance(node.func, ast.Name) or node.func.id not in (*_FUNCTIONS, "bool"):
            return node
        self.generic_visit(node)
        if node.func.id == "bool":  # its operand is one already
            return node.args[0]
        return _call(_FUNCTIONS[node.func.id], *node.args)


def _call(name: str, *args: ast.expr) -> ast.expr:
    return ast.Call(ast.parse(name, mode="eval").body, [*args], [])
