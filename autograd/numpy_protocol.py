"""numpy's functions on Tensors, and the memory of Tensors for other libraries.

An operator with an array on its left is the Tensor's operator. Any other numpy function computes on plain arrays and
returns one. While a Tensor is being differentiated, a result of floats would lose the gradient; this is an error, which names
the function of ``ops`` to use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import tree
from .errors import GradientError
from .graph import differentiated
from .program import Value, refuse
from .state import state

if TYPE_CHECKING:
    from . import ops as ops  # ops needs tensors first, and sets this name itself

__all__ = ["NumpyProtocol"]

_OPERATORS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "floor_divide": "floordiv", "remainder": "mod",
    "power": "pow", "matmul": "matmul", "bitwise_and": "logical_and", "bitwise_or": "logical_or", "greater": "greater",
    "greater_equal": "greater_equal", "less": "less", "less_equal": "less_equal", "equal": "equal", "not_equal": "not_equal",
}  # fmt: skip
_CALLED = _OPERATORS | {"concatenate": "concat", "vstack": "concat", "hstack": "concat", "dot": "matmul", "inner": "matmul",
                        "take": "gather", "broadcast_arrays": "broadcast_to", "repeat": "tile", "array_split": "split",
                        "logaddexp": "logsumexp", "fill": "full"}  # fmt: skip


class _OfTheClass:
    """A function if read from the class, as numpy does; None from an instance, so that masked arrays leave operators to us."""

    def __get__(self, instance: Any, owner: type) -> Any:
        return _array_ufunc if instance is None else None


class NumpyProtocol:
    """The methods that numpy calls on a Tensor passed to one of its functions."""

    __slots__ = ()
    __array_ufunc__ = _OfTheClass()

    array: Any
    node: Any

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, np.dtype[Any]]:
        """Return the values, without a copy if none is needed for the dtype and ``copy`` is not True."""
        return np.array(self._given("np.asarray, or a numpy function that takes an array"), dtype=dtype, copy=copy)

    def __dlpack__(
        self, *, stream: Any = None, max_version: tuple[int, int] | None = None, dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:  # fmt: skip
        """Return the memory for another library, as numpy does; read-only memory is copied unless ``copy`` is False.

        DLPack can mark memory as read-only, but torch writes to it nevertheless.
        """
        array = self._given("from_dlpack")
        if not array.flags.writeable and copy is not False:
            array, copy = array.copy(), None
        return array.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return (1, 0), the memory of the CPU."""
        return 1, 0

    def _given(self, what: str) -> Any:
        """Return the array, if this loses no gradient."""
        array = self.array
        if type(array) is Value:
            return array.__array__()  # which raises
        if differentiated(self.node):
            raise unplain(what)
        return array

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return _plain(function, function.__name__, args, options)


def _array_ufunc(x: Any, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    if method == "__call__" and not options and ufunc.__name__ in _OPERATORS:
        return getattr(ops, _OPERATORS[ufunc.__name__])(*inputs)
    return _plain(getattr(ufunc, method), ufunc.__name__, inputs, options)


def unplain(what: str, name: str = "") -> GradientError:
    """Return the error for a plain array that would lose a gradient."""
    ours = _CALLED.get(name, name)
    use = f"Use ops.{ours}" if hasattr(ops, ours) and name else "Use a function of autograd.ops"
    return GradientError(
        what, "Tensors that are not being differentiated", "one that is; an array of its values would lose the gradient",
        f"{use}, or take the values as constants with x.numpy().",
    )  # fmt: skip


def _plain(function: Callable[..., Any], name: str, args: Any, options: Any) -> Any:
    given = [leaf for leaf in tree.leaves((args, options)) if isinstance(leaf, NumpyProtocol)]
    if state.tracing is not None:
        refuse(f"np.{name} of a Tensor", f"Use ops.{_CALLED.get(name, name)}.")
    args, options = tree.map_leaves(_values, (tuple(args), dict(options)))

    def tracked() -> bool:  # asked only where floats come out
        return any(differentiated(x.node) for x in given)

    if options.get("out") and tracked():
        raise unplain(f"np.{name} into an array, as += does", name)
    result = function(*args, **options)
    if any(getattr(leaf, "dtype", np.dtype(bool)).kind == "f" for leaf in tree.leaves(result)) and tracked():
        raise unplain(f"np.{name}", name)
    return result


def _values(value: Any) -> Any:
    return value.asnumpy() if isinstance(value, NumpyProtocol) else value  # type: ignore[attr-defined]
