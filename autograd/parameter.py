"""Parameter and ParameterTuple."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from .assign import fitted
from .dtypes import Array, DType, as_bool, describe
from .errors import ArgumentError, DTypeError
from .graph import Node
from .state import state
from .tensor import Tensor, to_array

__all__ = ["Parameter", "ParameterTuple"]


class Parameter(Tensor):
    """A trained tensor. A Cell finds it when it is assigned to an attribute; transforms differentiate with respect to it.

    Parameters
    ----------
    value : array_like
        Initial values, copied.
    name : str, optional
        Its own name; by default that of its attribute. An enclosing Cell prefixes it with its path.
    requires_grad : bool
        False freezes it: it is not among ``trainable_params()``, and its gradients are zeros. A transform reads the flag when
        it begins.
    layerwise_parallel, parallel_optimizer : bool
        Accepted for MindSpore's signature; they have no effect, since there is one process.
    """

    __slots__ = ("_requires_grad", "_values", "name", "own_name")

    def __init__(
        self, value: Any, name: str | None = None, requires_grad: bool = True,
        layerwise_parallel: bool = False, parallel_optimizer: bool = True,
    ) -> None:  # fmt: skip
        if name is not None and not isinstance(name, str):
            raise DTypeError("Parameter", "a name that is a string or None", describe(name), "Leave name out.")
        as_bool(layerwise_parallel, "Parameter", "layerwise_parallel")
        as_bool(parallel_optimizer, "Parameter", "parallel_optimizer")
        self.array = to_array(value, None, "Parameter", copy=True)
        self.own_name = name
        self.name = "Parameter" if name is None else name
        self.requires_grad = requires_grad

    @property
    def requires_grad(self) -> bool:
        """Whether it is trained."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self._requires_grad = as_bool(value, f"Parameter {self.name!r}", "requires_grad")

    @property
    def node(self) -> Node | None:  # type: ignore[override]
        """The leaf of the innermost transform in this thread that differentiates with respect to this Parameter."""
        if state.tracing is not None and id(self) not in state.watched:
            state.watched[id(self)] = state.tracing.leaf(self)
        return state.watched.get(id(self))

    # While a neuron is traced, a Parameter is a value that is not known yet, wherever it is held. A number read from it would
    # stay in the loop even if the Parameter changed later.

    @property
    def array(self) -> Array:
        """The values. Treat as read-only."""
        return self._values if state.tracing is None else state.tracing.lift(self)  # type: ignore[return-value]

    @array.setter
    def array(self, values: Array) -> None:
        self._values = values

    @property
    def stored(self) -> Array:
        """The values, even while a neuron is traced."""
        return self._values

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        shape: tuple[int, ...] = self._values.shape
        return shape

    @property
    def dtype(self) -> DType:
        """Type of the elements."""
        return self._values.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._values.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._values.size

    def value(self) -> Tensor:
        """Return the current values as a plain Tensor, with their node in the graph of the running transform.

        A Parameter looks up its node whenever it is read, and its values can change. To keep a value, keep this Tensor.
        """
        return Tensor.wrap(self.array, self.node)

    operand = value

    def asnumpy(self) -> Array:
        """Return the values as a numpy array that shares memory with the Parameter."""
        return np.asarray(self.array)

    def set_data(self, value: Any) -> Self:
        """Replace the values; shape and dtype stay. Floats are rounded to the Parameter's precision; nothing else is lost.

        Raises
        ------
        ShapeError
            If the shape differs.
        DTypeError
            If floats would become whole numbers, or either would become bools.
        ArgumentError
            If a number is outside the range of the dtype.
        """
        self.array = fitted(value, self, f"Parameter {self.name!r}.set_data")
        return self

    def clone(self) -> Parameter:
        """Return a new Parameter with the same names and a copy of the values."""
        return _rebuilt(*self.__reduce__()[1])

    def __repr__(self) -> str:
        dtype = str(self.dtype).capitalize()
        return f"Parameter (name={self.name}, shape={self.shape}, dtype={dtype}, requires_grad={self.requires_grad})"

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle values and names, without the node in a graph."""
        return _rebuilt, (self.array, self.own_name, self.name, self.requires_grad)


def _rebuilt(array: Array, own_name: str | None, name: str, requires_grad: bool) -> Parameter:
    parameter = Parameter(array, own_name, requires_grad)
    parameter.name = name
    return parameter


class ParameterTuple(tuple[Parameter, ...]):
    """A tuple of Parameters with distinct names.

    Raises
    ------
    DTypeError
        If an item is not a Parameter.
    ArgumentError
        If two different Parameters have the same name.
    """

    __slots__ = ()

    def __new__(cls, parameters: Iterable[Parameter]) -> Self:
        """Check the items and make the tuple."""
        items = tuple(parameters)
        names: dict[str, Parameter] = {}
        for item in items:
            if not isinstance(item, Parameter):
                raise DTypeError("ParameterTuple", "Parameters only", describe(item), "Pass cell.trainable_params().")
            if names.setdefault(item.name, item) is not item:
                raise ArgumentError(
                    "ParameterTuple", "distinct names", f"{item.name!r} twice", "Name them: Parameter(value, name='...')."
                )
        return super().__new__(cls, items)
