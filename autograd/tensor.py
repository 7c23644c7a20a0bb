"""The Tensor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np

from .dtypes import Array, DType, converted, describe, float16, float32, to_dtype
from .errors import ArgumentError, DTypeError, GradientError, ShapeError
from .foreign import OwnArguments, listed
from .graph import Node, differentiated
from .intake import is_weak, to_numbers
from .methods import Methods
from .numpy_protocol import NumpyProtocol
from .program import Value
from .tree import leaves, map_leaves

if TYPE_CHECKING:
    from . import ops as ops  # ops needs tensors first, and sets this name itself

__all__ = ["Array", "Tensor", "as_tensor", "operands", "to_array"]


def to_array(value: Any, dtype: Any, where: str, copy: bool) -> Array:
    """Return numbers as an array of a dtype that a tensor can have."""
    weak = False
    if isinstance(value, Tensor):
        value = value.array
    if type(value) is not np.ndarray or value.dtype.kind not in "biuf":
        if any(isinstance(leaf, Tensor) and _lost(leaf) for leaf in leaves(value)):
            raise GradientError(
                where, "a Tensor or numbers", f"a {type(value).__name__} with Tensors that are being differentiated",
                "Join them with ops.stack or ops.concat: a new array of their values would lose the gradient.",
            )  # fmt: skip
        weak, value = is_weak(value), to_numbers(value, where)
        if weak and value.dtype == np.float64 and dtype is None:
            value = value.astype(float32)  # Python floats carry no dtype; arrays keep theirs
    dtype = to_dtype(value.dtype if dtype is None else dtype, where)
    if dtype.kind in "iu" and isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            return np.asarray(converted(value, dtype))
        if weak and np.any(lost := (value < (limits := np.iinfo(dtype)).min) | (value > limits.max)):
            raise ArgumentError(
                where, f"numbers from {limits.min} to {limits.max}, the range of {dtype}", f"{value[lost].flat[0]}",
                "Use a wider dtype, or scale them.",
            )  # fmt: skip
    return np.array(value, dtype=dtype, copy=True if copy else None)


class Tensor(OwnArguments, Methods, NumpyProtocol):
    """An array that can be differentiated through.

    The numpy array inside is never changed in place: every operation makes a new tensor, and ``x -= y`` rebinds ``x``.

    Parameters
    ----------
    value : array_like
        Numbers, nested sequences, an array (copied) or a Tensor. Python floats become float32, Python ints int64; arrays
        keep their dtype.
    dtype : dtype, optional
        A bool, int or float dtype to convert to, as :func:`autograd.ops.cast` does. Python ints must be in its range.

    Attributes
    ----------
    array : numpy.ndarray
        The values. Treat as read-only.
    node : Node or None
        The tensor's node in the graph of the running transform.

    Raises
    ------
    DTypeError
        If the values are not numbers.
    ArgumentError
        If a Python int is outside the range of ``dtype``.

    Examples
    --------
    >>> Tensor([1.0, 2.0]) * 2
    Tensor(shape=[2], dtype=Float32, value= [ 2.00000000e+00,  4.00000000e+00])
    """

    __slots__ = ("__weakref__", "array", "node")
    array: Array  # while a Cell is traced, a Value
    node: Node | None

    def __init__(self, value: Any, dtype: Any = None) -> None:
        self.array = to_array(value, dtype, "Tensor", copy=True)
        self.node = None

    @staticmethod
    def wrap(array: Any, node: Node | None = None) -> Tensor:
        """Make a Tensor around an array without copying it."""
        tensor = _new(Tensor)
        tensor.array = array if type(array) is np.ndarray or type(array) is Value else np.asarray(array)  # type: ignore[assignment]
        tensor.node = node
        return tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        shape: tuple[int, ...] = self.array.shape
        return shape

    @property
    def dtype(self) -> DType:
        """Type of the elements."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.array.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.array.size

    @property
    def data(self) -> Self:
        """The tensor itself, as in MindSpore."""
        return self

    @data.setter
    def data(self, values: Any) -> None:
        raise DTypeError(
            f"{type(self).__name__}.data", "no assignment to a Tensor", f"an assignment of {describe(values)}",
            "For new values of a Parameter, use weight.set_data(values).",
        )  # fmt: skip

    def value(self) -> Tensor:
        """Return a plain Tensor with the same values and the same node of the graph, even for a Parameter."""
        return Tensor.wrap(self.array, self.node)

    def operand(self) -> Tensor:
        """Return the tensor that operations use: the tensor itself, or the current value of a Parameter."""
        return self

    def copy(self) -> Tensor:
        """Return a Tensor with the same node of the graph and its own memory."""
        array: Any = self.array
        return Tensor.wrap(array if type(array) is Value else array.copy(), self.node)

    def init_data(self, *unused: Any) -> Self:
        """Return the tensor itself: its values exist from the start."""
        return self

    def asnumpy(self) -> Array:
        """Return the values as a numpy array that shares memory with the tensor."""
        return self.array

    def numpy(self) -> Array:
        """Return the values as a numpy array, as :meth:`asnumpy` does; to a transform they are constants."""
        return self.asnumpy()

    def item(self, index: int | tuple[int, ...] | None = None) -> Any:
        """Return the only element, or the one at ``index``, as a Python number; transforms take it as a constant."""
        return self._single().item() if index is None else self[index].item()

    def tolist(self) -> Any:
        """Return the values as nested lists of Python numbers; transforms take them as constants."""
        return self.asnumpy().tolist()

    def _single(self) -> Array:
        array: Any = self.array
        if type(array) is not Value and array.size != 1:
            raise ArgumentError(
                "Tensor", "one element, to read as a single number or truth value", describe(self),
                "Reduce it first, with .sum(), .any() or .all().",
            )  # fmt: skip
        return self.array

    # Printing

    def __repr__(self) -> str:
        name = str(self.dtype).capitalize()
        text = (
            np.array2string(
                self.array,
                separator=", ",
                formatter={"float_kind": ("{: .4e}" if self.dtype == float16 else "{: .8e}").format},
            )
            if self.dtype.kind == "f" and self.ndim
            else np.array2string(self.array, separator=", ")
        )
        return f"Tensor(shape={list(self.shape)}, dtype={name}, value={chr(10) if self.ndim > 1 else ' '}{text})"

    def __str__(self) -> str:
        return str(self.array)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    # Python and numpy protocols

    def __dir__(self) -> list[str]:
        return listed(self, super().__dir__())

    def __bool__(self) -> bool:
        return bool(self._single().item())

    def __float__(self) -> float:
        """Return the only element as a constant. A function of ``math`` asks for it too: its result would have no gradient.

        Raises
        ------
        GradientError
            If the tensor is being differentiated.
        """
        return float(self._constant("float, or a function of math that takes one"))

    def __round__(self, ndigits: int | None = None) -> Any:
        """Return the only element, rounded, as a constant; as :meth:`__float__`, an error if it is being differentiated."""
        return round(self._constant("round"), ndigits)

    def __trunc__(self) -> int:
        """Return the only element without its fraction, for ``math.trunc``; an error if it is being differentiated."""
        return int(self._constant("math.trunc"))

    def _constant(self, where: str) -> Any:
        single: Any = self._single()
        if self.dtype.kind == "f" and type(single) is not Value and differentiated(self.node):
            raise GradientError(
                where, "a Tensor that is not being differentiated", "one that is: a Python number would lose the gradient",
                "Use a function of autograd.ops; or take the value alone, as a constant, with x.item().",
            )  # fmt: skip
        return single.item()

    def __int__(self) -> int:
        return int(self._single().item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise DTypeError("Tensor", "a whole number as an index", describe(self), "Convert it with .astype(int).")
        return int(self)

    def __len__(self) -> int:
        if not self.ndim:
            raise ShapeError("len", "at least one axis", describe(self), "Use .item() for the value.")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return iter(ops.unstack(self))

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise DTypeError(
            "Tensor.__setitem__", "no assignment to a Tensor", "an assignment to elements",
            "Build a new one with ops.where, ops.concat or ops.stack.",
        )  # fmt: skip

    __hash__ = object.__hash__

    # Operators

    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return ops.sub(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ops.sub(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return ops.mul(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return ops.div(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.div(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return ops.floordiv(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return ops.floordiv(other, self)

    def __mod__(self, other: Any) -> Tensor:
        return ops.mod(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return ops.mod(other, self)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __pow__(self, other: Any) -> Tensor:
        return ops.pow(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return ops.pow(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.matmul(other, self)

    def __neg__(self) -> Tensor:
        return ops.neg(self)

    def __pos__(self) -> Tensor:
        return self.operand()

    def __abs__(self) -> Tensor:
        return ops.abs(self)

    def __invert__(self) -> Tensor:
        return ops.logical_not(self)

    def __and__(self, other: Any) -> Tensor:
        return ops.logical_and(self, other)

    def __or__(self, other: Any) -> Tensor:
        return ops.logical_or(self, other)

    __rand__, __ror__ = __and__, __or__

    def __gt__(self, other: Any) -> Tensor:
        return ops.greater(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return ops.greater_equal(self, other)

    def __lt__(self, other: Any) -> Tensor:
        return ops.less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return ops.less_equal(self, other)

    def __eq__(self, other: object) -> Any:
        return False if other is None or isinstance(other, str) else ops.equal(self, other)

    def __ne__(self, other: object) -> Any:
        return True if other is None or isinstance(other, str) else ops.not_equal(self, other)


_new = object.__new__


def _lost(tensor: Tensor) -> bool:
    """Return whether an array of a tensor's values would lose a gradient, or be made of symbols."""
    array: Any = tensor.array
    return tensor.node is not None if type(array) is Value else differentiated(tensor.node)


def as_tensor(value: Any, where: str = "as_tensor") -> Tensor:
    """Return ``value`` as a Tensor; Tensors and arrays are not copied, and a Parameter gives its current value."""
    return value.operand() if isinstance(value, Tensor) else Tensor.wrap(to_array(value, None, where, copy=False))


def operands(structure: Any) -> Any:
    """Return a structure with the current value in place of each Parameter in it."""
    return map_leaves(lambda leaf: leaf.operand() if isinstance(leaf, Tensor) else leaf, structure)


class _Module(ModuleType):  # ``tensor(values)`` makes a tensor in other frameworks
    def __call__(self, *args: Any, **options: Any) -> NoReturn:
        raise DTypeError("autograd.tensor", "a class to be called", "the module of that name", "Use autograd.Tensor(values).")


sys.modules[__name__].__class__ = _Module
