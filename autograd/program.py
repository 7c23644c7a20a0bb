"""Straight-line programs: the operations of a traced Cell on one element."""

from __future__ import annotations

import functools
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .dtypes import DType, bool_, converted, float32, float64, int64
from .errors import CompileError, GradientError
from .graph import LEAF, Node
from .places import described
from .state import quietly, state

if TYPE_CHECKING:
    from .parameter import Parameter
    from .primitive import Primitive

__all__ = ["Instruction", "Program", "Value"]

_HERE = str(Path(__file__).parent) + os.sep
_NOT_THEIRS = (_HERE, str(Path(np.__file__).parent) + os.sep)
_OPERATIONS = _HERE + "ops" + os.sep
_MIXING = ", which mixes elements"
_MIXES = (
    "Keep it outside the neuron, as a layer before or after it. "
    "In a bprop, sum the gradient of a Parameter with ops.sum_to_size."
)


class Value:
    """A number that is not known yet, in place of the array of a Tensor.

    Anything but an operation on it, such as reading it, is a CompileError that names the line of the user's code.
    """

    __slots__ = ("dtype", "index", "program", "shape")

    def __init__(self, program: Program, index: int, dtype: DType, shape: tuple[int, ...] = ()) -> None:
        self.program, self.index, self.dtype, self.shape = program, index, dtype, shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements of a whole array; one element does not know the number of others."""
        if not self.program.whole:
            refuse("the size of a Tensor", "Pass the number to the Cell at construction.")
        return math.prod(self.shape)

    def item(self) -> NoReturn:
        """Raise a CompileError, as the value is not known yet."""
        refuse("the value of a Tensor, which `if` and float() need", "Choose with ops.where(condition, a, b) instead of `if`.")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        refuse("the array of a Tensor, which a numpy function needs", "Use the function of autograd.ops instead of numpy's.")

    def __repr__(self) -> str:
        return f"<value {self.index} of a program>"


@functools.lru_cache(4096)
def _result(op: Primitive, kinds: tuple[Any, ...], attrs: tuple[Any, ...]) -> tuple[tuple[DType, ...], DType]:
    """Return the dtypes in which numpy computes an operation, one per input, and the dtype of its output.

    They come from a run on ones. The kind of an input is its dtype, or the type of a Python number.
    """
    arrays = op.promoted([kind(1) if isinstance(kind, type) else np.ones((), kind) for kind in kinds])
    out = quietly(lambda: np.asarray(op.forward(*arrays, **dict(attrs))).dtype)
    if op.logical:
        return (bool_,) * len(arrays), out
    if op.compares and len({a.dtype for a in arrays if isinstance(a, np.ndarray)}) > 1:
        return tuple(a.dtype for a in arrays), out
    common = next(a.dtype for a in reversed(arrays) if isinstance(a, np.ndarray))
    if common == bool_ and int in kinds:
        common = int64
    elif common == bool_ and out.kind != "b":
        common = out
    promoted = range(len(arrays)) if op.promotes is None else op.promotes
    return tuple(common if i in promoted else bool_ for i in range(len(arrays))), out


def refuse(what: str, fix: str) -> NoReturn:
    """Raise the CompileError for something that cannot be traced, at the line of the user's code.

    If one of our operations is the cause, the error names the one that the user called.
    """
    whole = state.tracing is not None and state.tracing.whole
    frame, operation = sys._getframe(1), None
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_NOT_THEIRS):
        if frame.f_code.co_filename.startswith(_OPERATIONS) and _is_public(frame.f_code.co_name, frame.f_globals):
            operation = frame.f_code.co_name
        frame = frame.f_back
    if operation is not None and (not what.startswith("ops.") or what.endswith(_MIXING)):
        what, fix = f"ops.{operation}{_MIXING}", _MIXES
    raise CompileError(
        described(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name),
        f"operations on Tensors{' whose values are not known yet' if whole else ', one element at a time'}", what, fix,
    )  # fmt: skip


def _is_public(name: str, module: Mapping[str, Any]) -> bool:
    """Return whether a name is that of a public function defined in the module itself."""
    return name[0] != "_" and getattr(module.get(name), "__module__", None) == module["__name__"]


@dataclass(frozen=True, slots=True, eq=False)
class Instruction:
    """One step of a program.

    Attributes
    ----------
    kind : {"input", "parameter", "constant", "convert", "operation"}
        Source of its value.
    what : object
        The input's name, the array of a parameter, the constant's value, or the operation.
    operands : tuple of int
        Numbers of the instructions whose values it uses.
    dtype : dtype
        Dtype of its value.
    """

    kind: str
    what: Any
    operands: tuple[int, ...]
    dtype: DType


class Program:
    """Instructions, each after those it needs. Equal ones are stored once, and constants are folded."""

    whole = False
    """Whether its values are whole arrays, rather than one element of them."""
    records_stops = False
    """Whether it is differentiated later, so that it records where a gradient stops."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self._known: dict[Any, int] = {}
        self.leaves: dict[int, Node] = {}
        """The leaf of every Parameter found so far, by its id."""
        self.owners: dict[int, Parameter] = {}
        """The Parameters whose values are read, by the number of their instruction."""
        self.hidden: list[tuple[Parameter, GradientError]] = []
        """The Parameters whose gradient a custom bprop hides, with the error to raise if it is requested."""

    def add(self, kind: str, what: Any, operands: tuple[int, ...], dtype: DType, key: Any) -> int:
        """Return the number of an instruction; it is added unless an equal one exists."""
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
        array = quietly(lambda: converted(value, dtype) if hasattr(value, "dtype") else np.asarray(value, dtype))
        return self.add("constant", array[()], (), dtype, array.tobytes())

    def operand(self, value: Any, dtype: DType) -> int:
        """Return the number of an operand (a Value, an array or a Python number) in the given dtype."""
        if isinstance(value, Value):
            index = value.index
        elif isinstance(value, np.ndarray) and value.ndim:
            index = self.add("parameter", value, (), value.dtype, id(value))
        else:
            return self.constant(value, dtype)
        return index if self.instructions[index].dtype == dtype else self.convert(index, dtype)

    def lift(self, parameter: Parameter) -> Value:
        """Return a Parameter as a value that is not known yet."""
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
        """Add an operation on Values, arrays and Python numbers; dtypes and bits of the result are the same as with arrays."""
        if op.expand is not None:
            return self._expanded(op, values)
        casts = "dtype" in op.attr_names
        if op.scalar is None and not casts:
            refuse(f"{op.label}{_MIXING}", _MIXES)
        kinds = tuple(v.dtype if isinstance(v, (Value, np.ndarray)) else type(v) for v in values)
        dtypes, out = _result(op, kinds, tuple(attrs.items()))
        if casts:
            return Value(self, self._computable(op, (self.operand(values[0], out),), out)[0], out)
        if op.compares and (foregone := _foregone(op, values, dtypes)) is not None:
            return Value(self, self.constant(foregone, out), out)
        given = tuple(self.operand(value, dtype) for value, dtype in zip(values, dtypes, strict=True))
        operands = self._computable(op, given, out)
        steps = [self.instructions[i] for i in operands]
        if all(s.kind == "constant" for s in steps):
            found = quietly(lambda: op.forward(*[np.asarray(s.what) for s in steps], **attrs))
            return Value(self, self.constant(found, out), out)
        if op.positive is not None and out.kind in "iu" and not self._never_negative(operands[op.positive]):
            refuse(
                f"{op.label} of whole numbers ({out}), which is an error where input {op.positive} is negative",
                "Convert one of them to float32, or use a constant or an unsigned dtype.",
            )
        return Value(self, self.add("operation", op, operands, out, op), out)

    def _computable(self, op: Primitive, operands: tuple[int, ...], out: DType) -> tuple[int, ...]:
        """Return the operands of an operation if compiled code knows their dtypes, or numpy computes it once for all steps."""
        sources = [self.instructions[i] for i in operands]
        sources += [self.instructions[o] for s in sources if s.kind == "convert" for o in s.operands]
        other = [d for d in (out, *(s.dtype for s in sources)) if d.kind not in "biu" and d not in (float32, float64)]
        if other and self._runs(operands):
            refuse(f"{op.label} of {other[0]}", "Convert it to float32 before the neuron, or run it with mode='eager'.")
        return operands

    def _runs(self, operands: Iterable[int]) -> bool:
        """Return whether a value is computed in every step, that is, not from constants and parameters only."""
        return any(self.instructions[i].kind == "input" for i in self.needed(operands))

    def _never_negative(self, index: int) -> bool:
        """Return whether a whole number cannot be negative, from its constant or the dtypes it was converted from."""
        step = self.instructions[index]
        if step.kind == "constant":
            return bool(step.what >= 0)
        if step.kind == "convert":
            (source,) = step.operands
            return np.can_cast(self.instructions[source].dtype, step.dtype) and self._never_negative(source)
        return step.dtype.kind in "bu"

    def _expanded(self, op: Primitive, values: Sequence[Any]) -> Value:
        """Add an operation as the operations that make it up."""
        kinds = tuple(v.dtype if isinstance(v, (Value, np.ndarray)) else type(v) for v in values)
        dtypes, out = _result(op, kinds, ())
        operands = tuple(self.operand(value, dtype) for value, dtype in zip(values, dtypes, strict=True))
        given = [Value(self, i, d) for i, d in zip(self._computable(op, operands, out), dtypes, strict=True)]
        return op.expanded(given)

    def needed(self, outputs: Iterable[int], given: frozenset[int] = frozenset()) -> list[int]:
        """Return the instructions on which outputs depend, in order; the search stops at the given ones."""
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
        """Return a key that programs share if they differ only in numbers other than 0 and 1, the arguments of a loop."""
        return tuple((s.kind, _kept(s), s.operands, s.dtype) for s in self.instructions)


def _kept(step: Instruction) -> Any:
    if step.kind == "constant":
        return float(step.what) if step.what in (0, 1) and not np.signbit(np.float64(step.what)) else None
    return None if step.kind == "parameter" else step.what


def _foregone(op: Primitive, values: Sequence[Any], dtypes: Sequence[DType]) -> Any:
    """Return the result of a comparison that is decided by a Python int outside the integer range of the other side."""
    for value, dtype in zip(values, dtypes, strict=True):
        if type(value) is int and dtype.kind in "iu" and not np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
            return op.forward(*[v if isinstance(v, int) else np.zeros((), v.dtype) for v in values])
    return None


def __dir__() -> list[str]:
    return sorted(__all__)
