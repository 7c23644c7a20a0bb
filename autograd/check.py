"""Gradient checkers: gradients against central differences, and a ``bprop`` against the gradient it replaces, at any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from . import tree
from .cell import Cell
from .dtypes import Array, describe, float64
from .errors import ArgumentError, DTypeError, GradientError, ShapeError
from .intake import to_generator
from .state import no_grad
from .tensor import Tensor, as_tensor, to_array
from .transforms import as_weights, check_floating, grad, name_of

__all__ = ["check_bprop", "check_grad"]


def check_grad(
    fn: Callable[..., Any],
    inputs: Any,
    order: int = 1,
    *,
    weights: Any = None,
    elements: int | None = None,
    eps: float = 1e-6,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    rng: np.random.Generator | int | None = 0,
) -> None:
    """Compare the gradients of ``fn`` with central differences, in float64.

    Each output is multiplied by a random cotangent, so that errors in different outputs cannot cancel. The second order checks
    the gradient of this weighted sum, weighted at random again, and so on.

    Parameters
    ----------
    fn : callable
        A function or Cell that returns Tensors. It must be smooth near the inputs, and is called with float64 Tensors. For a
        Cell with its own ``bprop``, this compares ``bprop`` with ``construct``.
    inputs : array_like, structure, or tuple of them
        The point at which to check. Derivatives are with respect to each floating number, array and Tensor, including those in
        lists, dicts and tuples within the tuple. A list of numbers counts as an array. Whole numbers, bools and other objects
        are passed on unchanged.
    order : int
        The highest order of derivative to check, from 1.
    weights : Parameter or sequence of Parameter, optional
        Parameters to check as well, in float64 during the check; by default all trainable ones of a Cell.
    elements : int, optional
        Largest number of elements to check in each input and Parameter, drawn at random; by default all.
    eps : float
        Step of the differences.
    rtol, atol : float
        Largest difference allowed, relative to the numeric value and absolute.
    rng : numpy.random.Generator or int
        Source of the cotangents.

    Raises
    ------
    GradientError
        If a gradient is wrong. The error names the order, the input or Parameter, the element with the largest error, and both
        values. Also if ``fn`` returns no Tensor, or different values when called again.
    DTypeError
        If no input or Parameter is floating, or an input is a list of whole numbers.

    Examples
    --------
    >>> from autograd import check_grad, ops
    >>> check_grad(ops.tanh, [0.3, -1.2], order=3)
    """
    rng = to_generator(rng, "check_grad")
    with _Point("check_grad", fn, inputs if type(inputs) is tuple else (inputs,), weights, order, numbers=True) as point:
        scalar = _weighed(fn, point.cotangents(fn, rng))
        for n in range(1, order + 1):
            gradient = point.gradient(scalar)
            found = []
            for i, (array, got) in enumerate(zip(point.arrays, point(gradient), strict=True)):
                chosen = np.arange(array.size)
                if elements is not None and elements < array.size:
                    chosen = np.sort(rng.choice(array.size, elements, replace=False))
                numeric = np.array([point.slope(scalar, i, int(k), eps) for k in chosen])
                found.append(_Compared(point.names[i], array.shape, chosen, got.array.reshape(-1)[chosen], numeric))
            _report(
                f"check_grad, order {n}", found, rtol, atol, (" by central differences", ""),
                "Check the vjp or bprop on the way, and that the function is smooth there. A step with a surrogate is "
                "not smooth; its primitive is.",
            )  # fmt: skip
            if n < order:
                scalar = _weighed(gradient, point.cotangents(gradient, rng))


def check_bprop(
    cell: Cell,
    *inputs: Any,
    order: int = 1,
    weights: Any = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    rng: np.random.Generator | int | None = 0,
) -> None:
    """Compare the ``bprop`` of a Cell with the gradient that it replaces, in float64.

    This is the gradient of ``cell.primitive``, a function of the same inputs, if the Cell has one, as a surrogate does;
    otherwise that of ``construct``. Cells inside keep their own ``bprop``; check them separately.

    Parameters
    ----------
    cell : Cell
        One with a ``bprop``.
    *inputs
        Its inputs. Gradients are with respect to floating Tensors and arrays, including those in lists, dicts and tuples. A
        list of numbers counts as an array. Numbers and other objects are passed on unchanged.
    order : int
        The highest order of derivative to compare, from 1.
    weights : Parameter or sequence of Parameter, optional
        Parameters whose gradients to compare as well, in float64 during the check; by default all trainable ones of the Cell.
    rtol, atol : float
        Largest difference allowed, relative to the gradient that ``bprop`` replaces, and absolute.
    rng : numpy.random.Generator or int
        Source of the cotangents.

    Raises
    ------
    GradientError
        If gradients differ. The error names the order, the input or Parameter, the element with the largest error, and both
        values. Also if there is nothing to compare with, because the gradient is zero everywhere, as for a comparison; if
        ``bprop`` does not supply the gradient of a Parameter; or if the Cell returns different values when called again.
    ArgumentError
        If the Cell has no ``bprop``.
    DTypeError
        If no input or Parameter is floating, or an input is a list of whole numbers.

    Examples
    --------
    >>> from autograd import Cell, check_bprop, ops
    >>> class Step(Cell):
    ...     def construct(self, x):
    ...         return (x > 0).astype(x.dtype)
    ...
    ...     def primitive(self, x):
    ...         return ops.tanh(x)
    ...
    ...     def bprop(self, x, out, dout):
    ...         return (dout * (1 - ops.tanh(x) ** 2),)
    >>> check_bprop(Step(), [0.3, -1.2], order=2)
    """
    if not isinstance(cell, Cell):
        raise DTypeError("check_bprop", "a Cell", describe(cell), "Check a function with check_grad.")
    kind = name_of(cell)
    where = f"check_bprop of {kind}"
    if not cell.has_bprop:
        below = [f"{name} ({name_of(c)})" for name, c in cell.cells_and_names() if c.has_bprop]
        raise ArgumentError(
            where, "a Cell with its own bprop", f"one without; inside it {', '.join(below) or 'no Cell'} has one",
            "Check those separately, and the whole with check_grad.",
        )  # fmt: skip
    rng = to_generator(rng, where)
    reference: Callable[..., Any] = getattr(cell, "primitive", cell.construct)
    name = "primitive" if hasattr(cell, "primitive") else "construct"
    with _Point(where, cell, inputs, weights, order, numbers=False) as point:
        cotangents = point.cotangents(cell, rng)
        shapes = [[t.shape for t in _tensors(point(f))] for f in (cell.construct, reference)]
        if shapes[0] != shapes[1]:
            raise ShapeError(
                where, f"outputs of primitive in the shapes of construct, {_listed(shapes[0])}", _listed(shapes[1]),
                "A primitive is a smooth replacement for construct, with outputs of the same shapes.",
            )  # fmt: skip
        ours, theirs = _weighed(cell, cotangents), _weighed(reference, cotangents)
        for n in range(1, order + 1):
            gradients = point.gradient(ours), point.gradient(theirs)
            found = [
                _Compared(name, got.shape, np.arange(got.size), got.array.reshape(-1), want.array.reshape(-1))
                for name, got, want in zip(point.names, *map(point, gradients), strict=True)
            ]
            if n == 1:
                _check_there_is_a_gradient(where, name, found)
            _report(
                f"{where}, order {n}", found, rtol, atol, (f" by {name}", " by bprop"),
                f"Correct bprop, or {name}. If they differ on purpose, give the Cell a method `primitive`, the function whose "
                "gradient bprop is.",
            )  # fmt: skip
            if n < order:
                cotangents = point.cotangents(gradients[0], rng)
                ours, theirs = (_weighed(gradient, cotangents) for gradient in gradients)


class _Point:
    """The point at which gradients are checked: inputs and Parameters. The floating ones are named float64 arrays.

    As a context manager it restores the Parameters on exit. Called with a function, it runs the function on the inputs.
    """

    def __init__(self, where: str, fn: Any, inputs: Sequence[Any], weights: Any, order: int, *, numbers: bool) -> None:
        if not isinstance(order, int) or order < 1:
            raise ArgumentError(where, "a whole order of at least 1", repr(order), "1 checks the first derivative.")
        owned = fn.get_parameters() if isinstance(fn, Cell) else []
        self.where = where
        if weights is None:
            self.parameters = [p for p in owned if p.requires_grad and p.dtype.kind == "f"]
        else:
            self.parameters = as_weights(weights, where)
            check_floating(self.parameters, where)
        self.before = [(p, p.array) for p in {id(p): p for p in (*owned, *self.parameters)}.values()]
        self.inputs = tuple(_with_arrays(value, i, where) for i, value in enumerate(inputs))
        self.leaves = tree.leaves(self.inputs)
        self.slots: list[int] = []  # positions of the floating leaves
        self.names: list[str] = []
        self.arrays: list[Array] = []
        positions = [(i, j, value) for i, value in enumerate(self.inputs) for j in range(len(tree.leaves(value)))]
        kinds = (Tensor, np.ndarray, np.generic, *[float] * numbers)
        for slot, (leaf, (i, j, value)) in enumerate(zip(self.leaves, positions, strict=True)):
            if isinstance(leaf, kinds) and as_tensor(leaf, where).dtype.kind == "f":
                self.slots.append(slot)
                self.names.append(f"input {i}" if value is leaf else f"input {i}, part {j}")
                self.arrays.append(to_array(leaf, float64, where, copy=True))
        self.positions = tuple(sorted({positions[slot][0] for slot in self.slots}))
        self.names += [f"Parameter {p.name!r}" for p in self.parameters]
        self.arrays += [p.array.astype(float64) for p in self.parameters]
        if not self.arrays:
            raise DTypeError(
                where, "a floating input or Parameter", ", ".join(map(describe, inputs)) or "no input",
                "Convert one with .astype(float).",
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for parameter, array in self.before:
            parameter.array = array

    def __call__(self, fn: Callable[..., Any], arrays: Sequence[Array] | None = None) -> Any:
        arrays = self.arrays if arrays is None else arrays
        leaves = list(self.leaves)
        for slot, array in zip(self.slots, arrays, strict=False):
            leaves[slot] = Tensor.wrap(array)
        for parameter, array in zip(self.parameters, arrays[len(self.slots) :], strict=True):
            parameter.array = array
        return fn(*tree.unflatten(self.inputs, iter(leaves)))

    def gradient(self, scalar: Callable[..., Tensor]) -> Callable[..., list[Tensor]]:
        """Return a function that computes the gradient with respect to each array."""
        both = grad(scalar, self.positions or None, self.parameters, allow_unused=True)  # the comparison reports these
        return lambda *args: _tensors(both(*args))

    def slope(self, scalar: Callable[..., Tensor], i: int, element: int, eps: float) -> float:
        """Return the central difference with respect to one element of array ``i``."""
        sides = []
        for step in (eps, -eps):
            moved = list(self.arrays)
            moved[i] = moved[i].copy()
            moved[i].reshape(-1)[element] += step
            with no_grad():
                sides.append(self(scalar, moved).item())
        return float(sides[0] - sides[1]) / (2 * eps)

    def cotangents(self, fn: Callable[..., Any], rng: np.random.Generator) -> list[Array]:
        """Draw a cotangent for each output, none of whose elements is near zero."""
        outs, again = _tensors(self(fn)), _tensors(self(fn))
        if not outs:
            raise GradientError(self.where, "a function that returns Tensors", "no Tensor", "Return what it computes.")
        if not all(np.array_equal(a.array, b.array, equal_nan=a.dtype.kind == "f") for a, b in zip(outs, again, strict=True)):
            raise GradientError(
                self.where, "the same outputs at each call with the same inputs", "different ones at the second call",
                "Switch off random and stateful parts; for Dropout, use set_train(False).",
            )  # fmt: skip
        return [rng.uniform(0.5, 1.5, t.shape) * rng.choice([-1, 1], t.shape) for t in outs]


class _Compared:
    """A gradient and its reference at chosen elements of one input or Parameter."""

    def __init__(self, name: str, shape: tuple[int, ...], chosen: Array, got: Array, want: Array) -> None:
        self.name, self.shape, self.chosen, self.got, self.want = name, shape, chosen, got, want

    def off(self, rtol: float, atol: float) -> Array:
        """Return the error of each wrong element, zero for the others, and infinity for a value that is not finite."""
        error = np.abs(self.got - self.want)
        error[np.isnan(error)] = np.inf
        return np.where(error <= atol + rtol * np.abs(self.want), 0.0, error)


def _report(where: str, found: Sequence[_Compared], rtol: float, atol: float, sources: tuple[str, str], fix: str) -> None:
    """Raise an error with the largest difference in the first wrong gradient, and a list of the other wrong ones."""
    wrong = [(c, errors) for c in found if (errors := c.off(rtol, atol)).any()]
    if not wrong:
        return
    c, errors = wrong[0]
    worst = int(errors.argmax())
    index = [int(k) for k in np.unravel_index(c.chosen[worst], c.shape)]
    also = [f"{o.name} ({np.count_nonzero(e)} of {e.size} elements, by up to {e.max():.3g})" for o, e in wrong[1:]]
    raise GradientError(
        f"{where}, {c.name}, element {index}",
        f"{c.want[worst]:.10g}{sources[0]}",
        f"{c.got[worst]:.10g}{sources[1]}, off by {errors[worst]:.3g}, the largest error; {np.count_nonzero(errors)} of "
        f"{errors.size} elements are off",
        f"{fix} Also off: {', '.join(also)}." if also else fix,
    )


def _check_there_is_a_gradient(where: str, reference: str, found: Sequence[_Compared]) -> None:
    """Raise an error if the reference gradient is zero for every input, or for one where the gradient of bprop is not."""
    empty = [c for c in found if not c.want.any()]
    if wrong := [c for c in empty if c.got.any()] or (empty if len(empty) == len(found) else []):
        largest = max((np.abs(c.got).max() for c in wrong if c.got.size), default=0.0)
        raise GradientError(
            where, f"a gradient of {reference} to compare with", f"one that is zero everywhere for "
            f"{', '.join(c.name for c in wrong)}, where bprop gives up to {largest:.3g}",
            "A step, a comparison or a constant has no gradient. Give the Cell a method `primitive`, the smooth function "
            "whose gradient bprop is, or choose inputs where the gradient is not zero.",
        )  # fmt: skip


def _with_arrays(value: Any, i: int, where: str) -> Any:
    """Return an input with an array in place of a list of numbers."""
    if not isinstance(value, list) or not all(isinstance(leaf, (bool, int, float)) for leaf in tree.leaves(value)):
        return value
    tensor = as_tensor(value, where)
    if tensor.dtype.kind != "f":
        raise DTypeError(where, f"a floating input {i}", describe(tensor), "Convert it with .astype(float).")
    return to_array(value, float64, where, copy=True)


def _tensors(outputs: Any) -> list[Tensor]:
    return [leaf for leaf in tree.leaves(outputs) if isinstance(leaf, Tensor)]


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes)


def _weighed(fn: Callable[..., Any], cotangents: Sequence[Array]) -> Callable[..., Tensor]:
    """Return the sum of the outputs of ``fn``, each element times its cotangent."""

    def scalar(*args: Any) -> Tensor:
        total = Tensor(0.0, float64)
        for out, weight in zip(_tensors(fn(*args)), cotangents, strict=True):
            total = total + (out * weight).sum()
        return total

    return scalar
