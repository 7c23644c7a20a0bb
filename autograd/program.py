"""Straight-line programs: what a Cell does to one element, as it is traced."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .dtypes import DType
from .errors import CompileError, GradientError
from .graph import LEAF, Node

if TYPE_CHECKING:
    from .parameter import Parameter
    from .primitive import Primitive

__all__ = ["Instruction", "Program", "Value"]

_HERE = str(Path(__file__).parent)


class Value:
    """A number that is not known yet, standing in a Tensor where its array would be.

    Whatever is not an operation on it, such as reading it, is a CompileError that names the line of the user's code.
    """

    __slots__ = ("dtype", "index", "program", "shape")

    def __init__(self, program: Program, index: int, dtype: DType, shape: tuple[int, ...] = ()) -> None:
        self.program, self.index, self.dtype, self.shape = program, index, dtype, shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> NoReturn:
        """Refuse: one element does not know of the others."""
        refuse("the size of a Tensor", "Give the Cell the number when it is made.")

    def item(self) -> NoReturn:
        """Refuse."""
        refuse("the value of a Tensor, as `if` or float() need it", "Choose with ops.where(condition, a, b) instead of `if`.")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        refuse("the array of a Tensor, as a numpy function needs it", "Use the function of autograd.ops instead of numpy's.")

    def __repr__(self) -> str:
        return f"<value {self.index} of a program>"


@functools.cache
def _result(op: Primitive, kinds: tuple[Any, ...], attrs: tuple[Any, ...]) -> tuple[tuple[DType, ...], DType]:
    """Return the dtypes to which an operation brings its inputs, and that of its output, by trying it on ones."""
    arrays = op.promoted([kind(1) if isinstance(kind, type) else np.ones((), kind) for kind in kinds])
    common = next(a.dtype for a in reversed(arrays) if isinstance(a, np.ndarray))
    with np.errstate(all="ignore"):
        out = np.asarray(op.forward(*arrays, **dict(attrs))).dtype
    return tuple(a.dtype if isinstance(a, np.ndarray) else common for a in arrays), out


def refuse(what: str, fix: str) -> NoReturn:
    """Raise the CompileError for something that cannot be traced, at the line of the user's code that does it."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    raise CompileError(
        f"{frame.f_code.co_filename}, line {frame.f_lineno}, in {frame.f_code.co_name}",
        "operations on Tensors, one element at a time", what, fix,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Instruction:
    """One step of a program.

    Attributes
    ----------
    kind : {"input", "parameter", "constant", "convert", "operation"}
        Where its value comes from.
    what : object
        The input's name, the array of a parameter, the constant's value, or the operation.
    operands : tuple of int
        Numbers of the instructions whose values it takes.
    dtype : dtype
        Of its value.
    """

    kind: str
    what: Any
    operands: tuple[int, ...]
    dtype: DType


class Program:
    """Instructions in an order in which each follows those it needs; equal ones are there once, constants are folded."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self._known: dict[Any, int] = {}
        self.leaves: dict[int, Node] = {}
        """The leaf of every Parameter that was met, by its id."""
        self.owners: dict[int, Parameter] = {}
        """The Parameters whose values are read, by the number of their instruction."""
        self.hidden: list[tuple[Parameter, GradientError]] = []
        """The Parameters whose gradient a custom bprop hides, with the error for whoever asks for it."""

    def add(self, kind: str, what: Any, operands: tuple[int, ...], dtype: DType, key: Any) -> int:
        """Return the number of an instruction, a new one unless an equal one is there."""
        key = (kind, key, operands, dtype)
        if key not in self._known:
            self._known[key] = len(self.instructions)
            self.instructions.append(Instruction(kind, what, operands, dtype))
        return self._known[key]

    def input(self, name: str, dtype: DType) -> Value:
        """Return a new input."""
        return Value(self, self.add("input", name, (), dtype, name), dtype)

    def constant(self, value: Any, dtype: DType) -> int:
        """Return the number of a constant."""
        array = np.asarray(value, dtype)
        return self.add("constant", array[()], (), dtype, array.tobytes())

    def operand(self, value: Any, dtype: DType) -> int:
        """Return the number of what an operation takes: a Value, an array or a Python number, in the given dtype."""
        if isinstance(value, Value):
            index = value.index
        elif isinstance(value, np.ndarray) and value.ndim:
            index = self.add("parameter", value, (), value.dtype, id(value))
        else:
            return self.constant(value, dtype)
        return index if self.instructions[index].dtype == dtype else self.convert(index, dtype)

    def lift(self, parameter: Parameter) -> Value:
        """Return the value of a Parameter, which is not known yet."""
        index = self.add("parameter", parameter.stored, (), parameter.dtype, (Node, id(parameter)))
        self.owners[index] = parameter
        return Value(self, index, parameter.dtype)

    def leaf(self, parameter: Parameter) -> Node:
        """Return the leaf that stands for a Parameter in the graph of the traced function."""
        if id(parameter) not in self.leaves:
            self.leaves[id(parameter)] = Node(LEAF, (), (), parameter.dtype, attrs=parameter)
        return self.leaves[id(parameter)]

    def convert(self, index: int, dtype: DType) -> int:
        """Return the number of a conversion."""
        before = self.instructions[index]
        if before.kind == "constant":
            return self.constant(before.what, dtype)
        return self.add("convert", None, (index,), dtype, None)

    def apply(self, op: Primitive, values: Sequence[Any], attrs: dict[str, Any]) -> Value:
        """Add an operation on Values, arrays and Python numbers; dtypes come out as they would with arrays."""
        if op.expand is not None:
            return self._expanded(op.expand, values)
        if op.scalar is None and "dtype" not in attrs:
            refuse(
                f"{op.label}, which mixes elements",
                "Keep it outside the neuron, as a layer before or after it; "
                "a bprop adds up the gradient of a Parameter with ops.sum_to_size.",
            )
        kinds = tuple(v.dtype if isinstance(v, (Value, np.ndarray)) else type(v) for v in values)
        dtypes, out = _result(op, kinds, tuple(attrs.items()))
        if op.scalar is None:
            return Value(self, self.operand(values[0], out), out)
        operands = tuple(self.operand(value, dtype) for value, dtype in zip(values, dtypes, strict=True))
        known = [self.instructions[i] for i in operands]
        if all(k.kind == "constant" for k in known):
            with np.errstate(all="ignore"):
                return Value(self, self.constant(op.forward(*[np.asarray(k.what) for k in known], **attrs), out), out)
        return Value(self, self.add("operation", op, operands, out, op), out)

    def _expanded(self, expand: Any, values: Sequence[Any]) -> Value:
        """Add an operation by the others of which it is made."""
        from .state import state
        from .tensor import Tensor

        before = state.recording
        try:
            state.recording = False
            made = expand(*[Tensor.wrap(v) if isinstance(v, (Value, np.ndarray)) else v for v in values])
        finally:
            state.recording = before
        value: Value = made.array
        return value

    def needed(self, outputs: Iterable[int], given: frozenset[int] = frozenset()) -> list[int]:
        """Return the instructions from which outputs follow, in order, not looking beyond the given ones."""
        found: set[int] = set()
        stack = list(outputs)
        while stack:
            index = stack.pop()
            if index not in found:
                found.add(index)
                if index not in given:
                    stack.extend(self.instructions[index].operands)
        return sorted(found)

    def key(self) -> tuple[Any, ...]:
        """Return what two programs share that differ only in numbers: those other than 0 and 1 are arguments of a loop."""
        return tuple((s.kind, _kept(s), s.operands, s.dtype) for s in self.instructions)


def _kept(step: Instruction) -> Any:
    if step.kind == "constant":
        return float(step.what) if step.what in (0, 1) else None
    return None if step.kind == "parameter" else step.what


def __dir__() -> list[str]:
    return sorted(__all__)
