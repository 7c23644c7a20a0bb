"""One instruction of a program as an expression of Python that Numba compiles."""

from __future__ import annotations

import ast

from autograd.program import Program

__all__ = ["expression"]

_FUNCTIONS = {
    "abs": "abs", "atan": "np.arctan", "ceil": "np.ceil", "cos": "np.cos", "erf": "math.erf", "exp": "np.exp",
    "floor": "np.floor", "isfinite": "np.isfinite", "log": "np.log", "log1p": "np.log1p", "round": "np.round",
    "sin": "np.sin", "sqrt": "np.sqrt", "tanh": "np.tanh",
}  # fmt: skip

_OF_BOOLS = ("add", "mul")


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
        Whether exponentials may be a little off to be fast.
    """
    step = program.instructions[index]
    if step.kind == "convert":
        (operand,) = step.operands
        if program.instructions[operand].dtype.kind == "b" and step.dtype.kind == "f":
            bits = step.dtype.itemsize * 8
            return f"one{bits} if {names[operand]} else zero{bits}"
        return f"np.{step.dtype}({names[operand]})"
    op = step.what
    given = dict(zip(op.tensor_names, [names[o] for o in step.operands], strict=True))
    kind = next(
        (program.instructions[o].dtype for o in step.operands if program.instructions[o].dtype.kind == "f"), step.dtype
    )
    parsed = ast.parse(op.scalar.format(**given), mode="eval").body
    text = ast.unparse(_Typed(kind.itemsize * 8, rough).visit(parsed))
    if step.dtype.kind == "b":  # of bools, numpy makes bools: their sum is True, not 2
        return f"bool({text})" if op.__name__ in _OF_BOOLS else text
    return f"np.{step.dtype}({text})"


class _Typed(ast.NodeTransformer):
    """Gives the numbers in an expression their dtype: a bare one would make float64 of float32."""

    def __init__(self, bits: int, rough: bool) -> None:
        self.bits, self.rough = bits, rough

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Turn a number into a typed one."""
        return ast.parse(f"np.float{self.bits}({node.value!r})", mode="eval").body

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Name the function as Numba has it."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
            name = _FUNCTIONS[node.func.id]
            if self.rough and node.func.id == "exp":
                name = f"exp{self.bits}"
            node.func = ast.parse(name, mode="eval").body
        return node
