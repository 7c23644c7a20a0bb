"""Facts about a traced program, found without running it: which outputs are spikes, and where a cotangent has an effect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Tensor, ops
from autograd.dtypes import converted
from autograd.program import Program, Value

__all__ = ["evaluate", "influence", "settled", "spiking"]


def _tensor(program: Program, index: int) -> Tensor:
    return Tensor.wrap(Value(program, index, program.instructions[index].dtype))


def _number(tensor: Tensor) -> int:
    array: Any = tensor.array
    return array.index  # type: ignore[no-any-return]


def _name(program: Program, index: int) -> str:
    step = program.instructions[index]
    return step.what.__name__ if step.kind == "operation" else step.kind


def _is_zero(program: Program, index: int) -> bool:
    step = program.instructions[index]
    return bool(step.kind == "constant" and step.what == 0 and not np.signbit(np.float64(step.what)))


def _is_fixed(program: Program, index: int) -> bool:
    """Return whether a value is the same at every step: made of constants and parameters."""
    return all(program.instructions[i].kind != "input" for i in program.needed([index]))


def spiking(program: Program, index: int, known: dict[int, int] | None = None) -> tuple[int, int | None] | None:
    """Return the bool and the amplitude of a value that is always 0 or one amplitude; None for any other value.

    Parameters
    ----------
    program : Program
        The program; instructions for the result are added to it.
    index : int
        The value.
    known : dict of int to int, optional
        Inputs that are spikes of the same amplitude, with the bools that mark them.

    Returns
    -------
    tuple of (int, int or None), or None
        The bool that marks where the value is not 0, and the amplitude, made of constants and parameters; None means 1.
    """
    step = program.instructions[index]
    name = _name(program, index)
    if known and index in known:
        return known[index], None
    if name == "_stop_gradient":
        return spiking(program, step.operands[0], known)
    if step.dtype.kind == "b":
        return None  # a bool marks itself, and has no amplitude
    if name == "convert" and program.instructions[step.operands[0]].dtype.kind == "b":
        return step.operands[0], None
    if name == "convert" and (found := spiking(program, step.operands[0], known)) is not None:
        flag, amplitude = found
        return flag, None if amplitude is None else program.convert(amplitude, step.dtype)
    if name == "mul":
        for part, other in (step.operands, step.operands[::-1]):
            found = spiking(program, part, known)
            if found is not None and _is_fixed(program, other):
                flag, amplitude = found
                if amplitude is not None:
                    other = _number(_tensor(program, amplitude) * _tensor(program, other))
                return flag, other
    if name == "where":
        condition, yes, no = step.operands
        if (found := spiking(program, yes, known)) is not None:
            flag, amplitude = found
            if _is_zero(program, no):
                return _number(ops.logical_and(_tensor(program, condition), _tensor(program, flag))), amplitude
            if known and no in known:
                return _number(ops.where(*(_tensor(program, i) for i in (condition, flag, known[no])))), amplitude
        if _is_zero(program, no) and _is_fixed(program, yes):
            return condition, yes
    return None


def settled(program: Program) -> list[int]:
    """Return the values made of parameters and constants alone that other values use: they are computed once per run."""
    steps = program.instructions
    fixed = [False] * len(steps)
    for i, step in enumerate(steps):
        fixed[i] = step.kind != "input" and all(fixed[o] for o in step.operands)
    used = {o for i, step in enumerate(steps) if not fixed[i] for o in step.operands}
    return sorted(i for i in used if fixed[i] and steps[i].kind in ("operation", "convert"))


def evaluate(program: Program, index: int, arrays: dict[int, Any]) -> Any:
    """Compute a value made of constants and parameters; ``arrays`` has the parameters by number."""
    step = program.instructions[index]
    if index in arrays or step.kind in ("constant", "parameter"):
        return arrays.get(index, step.what)
    operands = [np.asarray(evaluate(program, o, arrays)) for o in step.operands]
    return converted(operands[0], step.dtype) if step.kind == "convert" else step.what.forward(*operands)


def influence(program: Program, source: int, targets: Iterable[int]) -> int | None:
    """Return a bool that marks where ``source``, a cotangent, affects the targets.

    The backward pass is linear in the cotangents, so the factors of one can be analysed alone. None means that there is
    nothing to gain: the source enters operations besides products and sums, or no factor can be exactly zero.
    """
    targets = set(targets)
    factors: dict[int, int | None] = {source: None}  # None means 1
    for i in program.needed(targets):
        depends = [o in factors for o in program.instructions[i].operands]
        if any(depends) and not _multiplied(program, i, depends, factors):
            return None
    found: Tensor | None = None
    for i in sorted(targets & factors.keys()):
        factor = factors[i]
        if factor is None or not _gated(program, factor):
            return None
        part = ops.not_equal(_tensor(program, factor), 0)
        found = part if found is None else ops.logical_or(found, part)
    return None if found is None else _number(found)


def _multiplied(program: Program, index: int, depends: list[bool], factors: dict[int, int | None]) -> bool:
    """Note the factor of an instruction if it is linear in the source; return whether it is."""
    operands, name = program.instructions[index].operands, _name(program, index)
    parts = [factors[o] if d else None for o, d in zip(operands, depends, strict=True)]
    match name, depends:
        case ("add" | "sub", [True, True]) if None not in parts:
            together = ops.add if name == "add" else ops.sub
            factors[index] = _number(together(*(_tensor(program, p) for p in parts if p is not None)))
        case ("add" | "sub", [True, False] | [False, True]) | ("neg" | "convert", [True]):
            factors[index] = parts[depends.index(True)]
        case ("mul", [True, False] | [False, True]) | ("div", [True, False]):
            factor, other = parts[depends.index(True)], operands[depends.index(False)]
            if name == "div":
                factors[index] = factor  # a divisor does not make it zero
            elif factor is None:
                factors[index] = other
            else:
                factors[index] = _number(ops.mul(_tensor(program, factor), _tensor(program, other)))
        case ("where", [False, True, False]) if _is_zero(program, operands[2]) and parts[1] is not None:
            factors[index] = _number(ops.where(_tensor(program, operands[0]), _tensor(program, parts[1]), 0.0))
        case _:
            return False
    return True


def _gated(program: Program, index: int) -> bool:
    """Return whether a value is likely to be exactly zero: a factor is a bool, or is cut off at zero."""
    step = program.instructions[index]
    match _name(program, index):
        case "convert":
            return program.instructions[step.operands[0]].dtype.kind == "b" or _gated(program, step.operands[0])
        case "mul":
            return any(_gated(program, o) for o in step.operands)
        case "div" | "neg":
            return _gated(program, step.operands[0])
        case "where":
            return any(_is_zero(program, o) for o in step.operands[1:])
        case "maximum":
            return any(_is_zero(program, o) for o in step.operands)
        case "add" | "sub":
            return all(_gated(program, o) for o in step.operands)
        case "relu" | "relu6":
            return True
    return False
