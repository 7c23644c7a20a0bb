"""Operations: a forward pass on numpy arrays, a vjp written in operations and a scalar expression, each in one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .dtypes import describe, float32, int64, promote
from .errors import DTypeError, ShapeError
from .foreign import renamed
from .graph import SELECT, Node
from .program import Value
from .state import state
from .tensor import Tensor, as_tensor

__all__ = ["Primitive", "primitive"]

Vjp = Callable[..., Tensor | None]
_SCALARS = (bool, int, float)


class _SymbolicError(Exception):
    """An input is a value of a program that is being traced."""


class Primitive:
    """An operation on tensors; call it like a function.

    Made by the decorator :func:`primitive`, which documents the parts.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        vjps: tuple[Vjp | None, ...],
        *,
        scalar: str | None,
        ufunc: str | None,
        expand: Callable[..., Tensor] | None,
        floating: bool,
        promotes: Sequence[int] | None,
        several: bool,
        expects: str,
        into: Callable[[Any, Any, dict[str, Any]], None] | None,
        whole: str | None,
        compares: bool,
        logical: bool,
        positive: int | None,
        jumps: bool,
        packs: bool,
    ) -> None:
        self.forward, self.scalar, self.floating, self.several = forward, scalar, floating, several
        self.whole, self.compares, self.logical, self.positive, self.jumps = whole, compares, logical, positive, jumps
        self.ufunc, self.expand = ufunc, expand
        self.promotes, self.expects = promotes, expects
        if into is not None:
            self.into = into
        self.__name__ = self.__qualname__ = forward.__name__
        self.label = f"ops.{forward.__name__.lstrip('_')}"
        self.packs = f"packed_{forward.__name__}" if packs else ""
        self.__module__, self.__doc__, self.__wrapped__ = forward.__module__, forward.__doc__, forward
        parameters = inspect.signature(forward).parameters.values()
        tensors = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]
        self.tensor_names = tensors
        self.arity = len(tensors) or None  # None: any number
        rest = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        self.attr_names = [p.name for p in rest]
        self.defaults = {p.name: p.default for p in rest if p.default is not p.empty}
        self.pulls = [None if vjp is None else (vjp, _needs(vjp, tensors)) for vjp in vjps]
        needed = {name for pull in self.pulls if pull for name in pull[1]}
        self.keeps_all = "inputs" in needed
        self.keeps = [i in needed for i in range(len(tensors))]
        self.keeps_out = "out" in needed
        self.differentiable = any(pull is not None for pull in self.pulls)

    def __call__(self, *args: Any, **attrs: Any) -> Tensor:
        """Run the operation on tensors, arrays or Python scalars."""
        if self.arity is not None and len(args) > self.arity:
            args, attrs = self._named(args, attrs)
        arrays: Sequence[Any] = args
        try:
            if self.packs and args and type(args[0]) is not Tensor and hasattr(type(args[0]), self.packs):
                data = getattr(args[0], self.packs)(*args[1:], **attrs)
            else:
                arrays = self.promoted(args)
                data = self.forward(*arrays, **attrs)
        except _SymbolicError:
            data = self._traced(args, attrs)
        except OverflowError as error:
            raise self._too_large(args, error) from error
        except TypeError:
            self._check_call(args, attrs)
            raise
        except ValueError as error:
            raise ShapeError(
                self.label, self.expects,
                " and ".join(describe(a if isinstance(a, Tensor) else b) for a, b in zip(args, arrays, strict=True)),
                f"Reshape the inputs so that they fit (numpy says: {error}).",
            ) from error  # fmt: skip
        if self.several:
            return self._wrap_several(data, args, attrs)  # type: ignore[return-value]
        out = _new(Tensor)
        out.array = data if type(data) is np.ndarray or type(data) is Value else np.asarray(data)  # type: ignore[assignment]
        out.node = self._node(args, attrs, out.array) if state.recording else None
        return out

    def _named(self, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Name the attributes that came by position."""
        tensors, rest = args[: self.arity], args[len(args[: self.arity]) :]
        given = dict(zip(self.attr_names, rest, strict=False))
        if len(given) < len(rest) or not given.keys().isdisjoint(attrs):
            self._check_call(args, attrs)
        return tensors, given | attrs

    def _check_call(self, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
        """Check the number of inputs and the names of attributes of a call that has failed."""
        signature = inspect.signature(self.forward)
        try:
            signature.bind(*args, **attrs)
        except TypeError as error:
            raise DTypeError(
                self.label, f"a call {self.__name__.lstrip('_')}{signature}", str(error).removeprefix("got "),
                renamed(attrs, self.attr_names) or "Pass the arguments before / by position.",
            ) from None  # fmt: skip

    def promoted(self, args: Sequence[Any]) -> list[Any]:
        """Return the arrays of the inputs, converted to one dtype; Python scalars stay, since they are weak."""
        arrays: list[Any] = []
        common = None
        weak: type = bool
        mixed = False
        for i, arg in enumerate(args):
            if isinstance(arg, Tensor):
                value: Any = arg.array
            elif isinstance(arg, np.generic):
                value = self._number(arg, i)
            elif isinstance(arg, _SCALARS):
                value = arg
            else:
                value = self._convert(arg, i)
            arrays.append(value)
            if type(value) is Value:
                raise _SymbolicError
            if self.promotes is not None and i not in self.promotes:
                continue
            if type(value) is not np.ndarray:
                weak = float if weak is float or isinstance(value, float) else int
            elif common is None:
                common = value.dtype
            elif value.dtype != common:
                common, mixed = promote(common, value.dtype), True
        if common is None:
            if not args or (self.promotes is not None and len(args) <= min(self.promotes)):
                raise TypeError  # too few, which __call__ reports
            return self.promoted([as_tensor(arg) for arg in args])
        if self.logical:
            return [value if type(value) is np.ndarray else bool(value) for value in arrays]
        if common.kind != "f" and (self.floating or weak is float):
            common = float32
        elif mixed and self.compares and common.kind == "f" and all(a.dtype.kind != "f" for a in arrays):
            return arrays  # int64 and uint64, which numpy compares exactly
        for i, value in enumerate(arrays):
            if type(value) is not np.ndarray:
                if self.promotes is not None and i in self.promotes:  # numpy would truncate an int that is too large
                    arrays[i] = np.asarray(value, int64 if common.kind == "b" and type(value) is int else common)
            elif value.dtype != common and (self.promotes is None or i in self.promotes):
                arrays[i] = value.astype(common)
        return arrays

    def _traced(self, args: Sequence[Any], attrs: dict[str, Any]) -> Value:
        values = [self._value(arg, i) for i, arg in enumerate(args)]
        if self.promotes is not None and all(isinstance(values[i], _SCALARS) for i in self.promotes):
            values = [
                value if isinstance(value, Value) else as_tensor(arg).array for value, arg in zip(values, args, strict=True)
            ]
        program = next(value.program for value in values if isinstance(value, Value))
        try:
            return program.apply(self, values, attrs)
        except OverflowError as error:
            raise self._too_large(args, error) from error

    def _value(self, arg: Any, position: int) -> Any:
        """Return the Value or array of an input, or a number as a Python number."""
        if isinstance(arg, Tensor):
            return arg.array
        if isinstance(arg, np.generic):
            return self._number(arg, position)
        return arg if isinstance(arg, _SCALARS) else self._convert(arg, position)

    def _number(self, arg: Any, position: int) -> Any:
        """Return a numpy scalar as a Python number; any other value, such as a complex one, is an error."""
        value = _python(arg)
        return value if isinstance(value, _SCALARS) else self._convert(arg, position)

    def _too_large(self, args: Sequence[Any], error: OverflowError) -> DTypeError:
        return DTypeError(
            self.label, "numbers that the dtype of the Tensors can hold", " and ".join(map(describe, args)),
            f"Convert the Tensors to a wider dtype first (numpy says: {error}).",
        )  # fmt: skip

    def _convert(self, arg: Any, position: int) -> Any:
        if arg is None or isinstance(arg, (str, dict)) or callable(arg):
            raise DTypeError(
                self.label, f"a Tensor, an array or a number as input {position}", describe(arg),
                "Wrap data as autograd.Tensor(...).",
            )  # fmt: skip
        return as_tensor(arg, self.label).array

    def expanded(self, values: Sequence[Value]) -> Value:
        """Add the operations that make up this one to the program of its inputs."""
        assert self.expand is not None
        before = state.recording
        try:
            state.recording = False
            value: Any = self.expand(*map(Tensor.wrap, values)).array
        finally:
            state.recording = before
        return value  # type: ignore[no-any-return]

    # Recording

    def _node(self, args: Sequence[Any], attrs: dict[str, Any], data: Any) -> Node | None:
        if not (self.differentiable and data.dtype.kind == "f") and not state.linking:
            return None
        tracked = False
        parents: list[Node | None] = []
        for arg in args:
            node = arg.node if isinstance(arg, Tensor) else None
            parents.append(node)
            if node is not None:
                tracked = True
        if not tracked:
            return None
        saved: list[Any] | None = None
        if self.keeps_all or True in self.keeps:
            keeps = [True] * len(args) if self.keeps_all else self.keeps
            saved = [_snapshot(arg, node) if keep else None for arg, node, keep in zip(args, parents, keeps, strict=True)]
        if self.attr_names:
            attrs = {**self.defaults, **attrs}
        return Node(self, tuple(parents), data.shape, data.dtype, saved, data if self.keeps_out else None, attrs)

    def _wrap_several(self, data: Any, args: Sequence[Any], attrs: dict[str, Any]) -> tuple[Tensor, ...]:
        outs = tuple(Tensor.wrap(item) for item in data)
        if state.recording and outs and (node := self._node(args, attrs, outs[0].array)) is not None:
            node.out = outs[0].array.dtype, [out.shape for out in outs]
            for i, out in enumerate(outs):
                out.node = Node(SELECT, (node,), out.shape, out.dtype, attrs=i)
        return outs

    # The reverse pass

    def pull(self, node: Node, g: Any, wanted: Sequence[bool]) -> list[Tensor | None]:
        """Return the cotangent of each input that is wanted."""
        if self.several:
            dtype, shapes = node.out
            g = tuple(g[i] if i in g else Tensor.wrap(np.zeros(shape, dtype)) for i, shape in enumerate(shapes))
        if node.dtype.kind != "f":  # recorded only to find the values that a Cell with its own bprop used
            return [None] * len(wanted)
        grads: list[Tensor | None] = []
        for i, asked in enumerate(wanted):
            pull = self.pulls[i if self.arity is not None else 0] if asked and self.pulls else None
            if pull is None:
                grads.append(None)
                continue
            vjp, needs = pull
            grads.append(vjp(g, *[self._get(name, node, i) for name in needs]) if needs else vjp(g))
        return grads

    def _get(self, name: str | int, node: Node, i: int) -> Any:
        if type(name) is int:
            return node.saved[name]
        if name == "out":
            return Tensor.wrap(node.out, node)  # a new Tensor: a node that held its own output would form a reference cycle
        if name == "shape":
            parent = node.parents[i]
            assert parent is not None
            return parent.shape
        if name == "inputs":
            return node.saved
        return i if name == "i" else node.attrs[name]

    def __reduce__(self) -> str:
        """Copy and pickle by name, as functions are."""
        return self.__qualname__

    def __repr__(self) -> str:
        return f"<operation {self.__name__}>"

    def __get__(self, instance: Any, owner: Any = None) -> Primitive:
        """Stay a plain function when a class keeps the operation as an attribute."""
        return self


_new = object.__new__


def _python(number: Any) -> Any:
    """Return a numpy scalar as a Python number; a long double, which ``item`` does not convert, as a float."""
    return float(number) if isinstance(number, np.floating) else number.item()


def _snapshot(arg: Any, node: Node | None) -> Any:
    if type(arg) is Tensor or isinstance(arg, _SCALARS):
        return arg
    if isinstance(arg, np.generic):
        return _python(arg)
    return Tensor.wrap(as_tensor(arg).array, node)


def _needs(vjp: Vjp, tensors: list[str]) -> list[Any]:
    names = list(inspect.signature(vjp).parameters)[1:]
    return [tensors.index(name) if name in tensors else name for name in names]


def primitive(
    *vjps: Vjp | None,
    scalar: str | None = None,
    ufunc: str | None = None,
    expand: Callable[..., Tensor] | None = None,
    floating: bool = False,
    promotes: Sequence[int] | None = None,
    several: bool = False,
    expects: str = "shapes that broadcast together",
    into: Callable[[Any, Any, dict[str, Any]], None] | None = None,
    whole: str | None = None,
    compares: bool = False,
    logical: bool = False,
    positive: int | None = None,
    jumps: bool = False,
    packs: bool = False,
) -> Callable[[Callable[..., Any]], Primitive]:
    """Make an operation from a function on numpy arrays.

    The function's positional-only parameters (before ``/``), or its ``*parameter``, are the tensors; the others are
    attributes.

    Parameters
    ----------
    *vjps : callable or None
        One per tensor; a single one for a ``*parameter``. It takes the cotangent of the output, and any of these that it
        names: a tensor's name, ``out``, ``shape`` (of its tensor), ``inputs`` (all tensors), ``i`` (the position of its
        tensor) or an attribute's name. Only the named values are saved. It is written in operations, so that it can be
        differentiated again. The reverse pass undoes broadcasting and converts the dtype. None, or no vjps, means that there
        is no derivative.
    scalar : str, optional
        For an elementwise operation, the expression for one element, with the tensors' names in braces.
    ufunc : str, optional
        The numpy function of an elementwise operation that other libraries round differently, such as "numpy.exp".
    expand : callable, optional
        Instead of ``scalar``: the same computation as a function of other operations, in the same order.
    floating : bool
        Convert whole numbers and bools to float32 first.
    promotes : sequence of int, optional
        Positions of the tensors that are converted to one dtype; by default all.
    several : bool
        The function returns a tuple of arrays.
    expects : str
        The expectation in an error about shapes.
    into : callable, optional
        ``into(buffer, g, attrs)`` adds the cotangent of the only tensor to an array in place.
    whole : str, optional
        The expression for one whole number or bool, if it differs from ``scalar``.
    compares : bool
        The operation compares; a Python int may be outside the integer range of the other side.
    logical : bool
        The operation takes its tensors as bools.
    positive : int, optional
        Position of the tensor that must not be negative if the result holds whole numbers.
    jumps : bool
        The result has jumps, at which an earlier rounding error can change it by a large amount.
    packs : bool
        A packed kind of Tensor may have its own forward pass for the operation: ``packed_`` plus the operation's name.

    Returns
    -------
    callable
        A decorator.
    """

    def decorate(forward: Callable[..., Any]) -> Primitive:
        return Primitive(
            forward, vjps, scalar=scalar, ufunc=ufunc, expand=expand, floating=floating, promotes=promotes, several=several,
            expects=expects, into=into, whole=whole, compares=compares, logical=logical, positive=positive, jumps=jumps,
            packs=packs,
        )  # fmt: skip

    return decorate


def __dir__() -> list[str]:
    return sorted(__all__)
