"""Numba source from a program: one loop over time in each direction."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograd.program import Program

__all__ = ["Loop", "emit", "module"]

_FUNCTIONS = {
    "abs": "abs", "atan": "np.arctan", "ceil": "np.ceil", "cos": "np.cos", "erf": "math.erf", "exp": "np.exp",
    "floor": "np.floor", "isfinite": "np.isfinite", "log": "np.log", "log1p": "np.log1p", "round": "np.round",
    "sin": "np.sin", "sqrt": "np.sqrt", "tanh": "np.tanh",
}  # fmt: skip


@dataclass(frozen=True)
class Loop:
    """What a loop over time reads, carries and writes; numbers are those of the program's instructions.

    Attributes
    ----------
    name : str
        Of the function.
    streams : tuple of int
        Read at each step, from ``[T, M]``.
    carried : tuple of (int, int)
        Read at the start and handed from step to step: what a step reads, and what it makes of it.
    parameters : tuple of int
        Read from ``[M]``.
    written : tuple of int
        Written at each step, to ``[T, M]``.
    summed : tuple of int
        Added up over the steps, to ``[M]``.
    backward : bool
        Only rounding matters, not every bit: exponentials may be a little off to be fast.
    """

    name: str
    streams: tuple[int, ...]
    carried: tuple[tuple[int, int], ...]
    parameters: tuple[int, ...]
    written: tuple[int, ...]
    summed: tuple[int, ...] = ()
    backward: bool = False


def emit(program: Program, loop: Loop) -> tuple[str, list[int]]:
    """Write the function of a loop.

    Returns
    -------
    source : str
        ``name(lo, hi, block, order, M, *strides, *streams, *starts, *parameters, *constants, *written, *ends, *sums)`` on flat
        arrays, for the elements lo to hi of M, at the time steps in ``order``.
    constants : list of int
        Numbers of the constants that are arguments; zeros and ones stand in the source.
    """
    carried = [before for before, _ in loop.carried]
    given = {*loop.streams, *carried, *loop.parameters}
    targets = [*(after for _, after in loop.carried), *loop.written, *loop.summed]
    order = program.needed(targets, frozenset(given))
    steps = program.instructions
    names: dict[int, str] = {}
    constants: list[int] = []
    for i in order:
        if steps[i].kind == "constant" and i not in given:
            literal = {0.0: "zero", 1.0: "one"}.get(float(steps[i].what))
            if literal is None or steps[i].dtype.kind != "f":
                constants.append(i)
                literal = f"c{len(constants) - 1}"
            else:
                literal += str(steps[i].dtype.itemsize * 8)
            names[i] = literal
    body: list[str] = []
    for k, i in enumerate(loop.streams):
        names[i] = f"x{i}"
        body.append(f"x{i} = in{k}[t * stride{k} + at]")
    for k, i in enumerate(carried):
        names[i] = f"s{i}"
        body.append(f"s{i} = state{k}[j]")
    for k, i in enumerate(loop.parameters):
        names[i] = f"p{i}"
        body.append(f"p{i} = par{k}[at]")
    for i in order:
        if i not in names:
            names[i] = f"t{i}"
            body.append(f"t{i} = {_expression(program, i, names, loop.backward)}")
    for k, i in enumerate(loop.written):
        body.append(f"out{k}[o + at] = {names[i]}")
    for k, i in enumerate(loop.summed):
        body.append(f"sum{k}[at] += {names[i]}")
    for k, (_, after) in enumerate(loop.carried):
        body.append(f"state{k}[j] = {names[after]}")
    n_s, n_c, n_p, n_k = len(loop.streams), len(carried), len(loop.parameters), len(constants)
    arguments = ["lo", "hi", "block", "order", "M"]
    arguments += [f"stride{k}" for k in range(n_s)] + [f"in{k}" for k in range(n_s)]
    arguments += [f"start{k}" for k in range(n_c)] + [f"par{k}" for k in range(n_p)] + [f"c{k}" for k in range(n_k)]
    arguments += [f"out{k}" for k in range(len(loop.written))] + [f"end{k}" for k in range(n_c)]
    arguments += [f"sum{k}" for k in range(len(loop.summed))]
    lines = [f"def {loop.name}({', '.join(arguments)}):"]
    lines += [f"    state{k} = np.empty(block, start{k}.dtype)" for k in range(n_c)]
    lines += ["    for b in range(lo, hi, block):", "        n = min(block, hi - b)"]
    if n_c:
        lines += ["        for j in range(n):"] + [f"            state{k}[j] = start{k}[b + j]" for k in range(n_c)]
    # The steps come from an array: where LLVM sees that they fall, its checks for overlap fail and it uses no vectors.
    lines += ["        for t in order:"]
    lines += ["            o = t * M", "            for j in range(n):", "                at = b + j"]
    lines += [f"                {line}" for line in body]
    if n_c:
        lines += ["        for j in range(n):"] + [f"            end{k}[b + j] = state{k}[j]" for k in range(n_c)]
    return "\n".join(lines) + "\n", constants


def _expression(program: Program, index: int, names: dict[int, str], backward: bool) -> str:
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
    text = ast.unparse(_Typed(kind.itemsize * 8, backward).visit(parsed))
    return text if step.dtype.kind == "b" else f"np.{step.dtype}({text})"


class _Typed(ast.NodeTransformer):
    """Gives the numbers in an expression their dtype: a bare one would make float64 of float32."""

    def __init__(self, bits: int, backward: bool) -> None:
        self.bits, self.backward = bits, backward

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Turn a number into a typed one."""
        return ast.parse(f"np.float{self.bits}({node.value!r})", mode="eval").body

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Name the function as Numba has it."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
            name = _FUNCTIONS[node.func.id]
            if self.backward and node.func.id == "exp":
                name = f"exp{self.bits}"
            node.func = ast.parse(name, mode="eval").body
        return node


def module(loops: Sequence[str]) -> str:
    """Join loops to the source of a module that stands alone."""
    return _HEAD + "\n\n".join(f"@njit(error_model='numpy', nogil=True, cache=True)\n{source}" for source in loops)


_HEAD = Path(__file__).with_name("head.py").read_text(encoding="utf-8") + "\n\n"
