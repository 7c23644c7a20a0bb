"""Functional transforms: grad, value_and_grad, vjp; stop_gradient."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import tree
from .dtypes import describe
from .errors import ArgumentError, DTypeError, GradientError, ShapeError
from .graph import LEAF, Node, reverse
from .parameter import Parameter
from .primitive import primitive
from .program import Value
from .state import state
from .tensor import Tensor, as_tensor, operands

__all__ = ["grad", "stop_gradient", "value_and_grad", "vjp"]


def stop_gradient(x: Any) -> Any:
    """Return the value, or each value in a tuple, list or dict, as a constant: no gradient passes, at any order."""
    return tree.map_leaves(_stopped, x)


def _stopped(leaf: Any) -> Tensor:
    tensor = as_tensor(leaf, "stop_gradient")
    array: Any = tensor.array
    return _stop_gradient(tensor) if type(array) is Value and array.program.records_stops else Tensor.wrap(array)


@primitive(scalar="{x}")
def _stop_gradient(x: Any, /) -> Any:
    return x


class _Runs(threading.local):
    """Number of transforms that a thread has run, to tell whether one runs inside another."""

    count = 0


_runs = _Runs()


class Pass:
    """One forward run whose inputs and Parameters are leaves, ready for the reverse pass."""

    def __init__(
        self, fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], positions: Sequence[int],
        weights: Sequence[Parameter], where: str, has_aux: bool, allow_unused: bool,
    ) -> None:  # fmt: skip
        self.where = where
        check_floating(weights, where)
        inputs = list(args)
        self.named = [value for i in positions for value in tree.leaves(inputs[i]) if isinstance(value, Parameter)]
        self.positions = [self._leaf(inputs, i) for i in positions]
        self.weights = weights
        self.watched = {
            id(w): Node(LEAF, self._outer(w.node), w.shape, w.dtype, attrs=w)
            for w in {id(w): w for w in weights}.values()
            if w.requires_grad
        }
        _runs.count = n = _runs.count + 1
        before = state.recording, state.watched, state.leaves
        outer = state.leaves if state.recording else ()
        try:
            state.recording, state.watched = True, {**state.watched, **self.watched}
            state.leaves = None if outer is None and before[0] else (*(outer or ()), *self._leaves())
            # A returned Parameter becomes its leaf in this pass.
            out = operands(fn(*inputs, **kwargs))
        finally:  # no `with`: an interrupt may come before its exit begins
            state.recording, state.watched, state.leaves = before
        # A derivative inside may be constant, as that of a linear function is.
        self.allow_unused = allow_unused or not (self.watched or self.named) or _runs.count > n
        self.aux: Any = None
        if has_aux:
            if not isinstance(out, tuple) or len(out) < 2:
                raise GradientError(
                    where, "a tuple (value, aux, ...) because has_aux=True", describe(out),
                    "Return auxiliary values after the value.",
                )  # fmt: skip
            out, self.aux = out[0], out[1:]
        self.out = out
        self.outs = tree.leaves(out)
        for leaf in self.outs:
            if not isinstance(leaf, Tensor):
                raise GradientError(
                    where,
                    "a function that returns Tensors",
                    describe(leaf),
                    "Return the Tensor itself, not a number or an array made of it. Results that need no gradient come "
                    "after it, with has_aux=True.",
                )

    def _leaves(self) -> list[Node]:
        inputs = [node for _, nodes in self.positions for node in nodes if node is not None]
        return [*inputs, *self.watched.values()]

    def _outer(self, node: Node | None) -> tuple[Node, ...]:
        return (node,) if state.recording and node is not None else ()

    def _leaf(self, inputs: list[Any], i: int) -> tuple[Any, list[Node | None]]:
        """Put leaves in place of input ``i``; return its structure and their nodes."""
        nodes: list[Node | None] = []
        values = tree.leaves(inputs[i])
        for j, value in enumerate(values):
            if isinstance(value, (Tensor, np.ndarray, np.generic, float)):
                tensor = as_tensor(value, self.where)
                if tensor.dtype.kind == "f":
                    node = Node(LEAF, self._outer(tensor.node), tensor.shape, tensor.dtype)
                    values[j] = Tensor.wrap(tensor.array, node)
                    nodes.append(node)
                    continue
            nodes.append(None)
        if not any(nodes):
            raise DTypeError(
                self.where, f"a floating Tensor as input {i}, to differentiate", describe(inputs[i]),
                "Convert it with .astype(autograd.float32), or choose another grad_position.",
            )  # fmt: skip
        inputs[i] = tree.unflatten(inputs[i], iter(values))
        return inputs[i], nodes

    def value(self, tensors: Any) -> Any:
        """Return results that the caller can keep: outside every transform they are plain values."""
        if state.recording:
            return tensors
        return tree.map_leaves(lambda t: Tensor.wrap(t.array) if isinstance(t, Tensor) else t, tensors)

    def seeds(self, sens: Any) -> list[tuple[Node, Tensor]]:
        """Pair the outputs with their cotangents; ones if none are given."""
        if sens is None:
            return [(out.node, Tensor.wrap(np.ones(out.shape, out.dtype))) for out in self.outs if out.node is not None]
        given = tree.leaves(sens)
        if len(given) != len(self.outs):
            raise ShapeError(
                f"{self.where}, sensitivity", f"one for each of {len(self.outs)} outputs", f"{len(given)}",
                "Pass a tuple that matches the outputs.",
            )  # fmt: skip
        pairs = []
        for out, g in zip(self.outs, given, strict=True):
            weak = isinstance(g, (int, float)) and out.dtype.kind == "f"
            given_as = g
            g = Tensor.wrap(np.asarray(g, out.dtype)) if weak else as_tensor(g, f"{self.where}, sensitivity")
            if g.shape != out.shape or g.dtype != out.dtype:
                raise ShapeError(
                    f"{self.where}, sensitivity", f"the output's shape and dtype, {describe(out)}", describe(given_as),
                    "Convert or reshape it.",
                )  # fmt: skip
            if out.node is not None:
                pairs.append((out.node, g))
        return pairs

    def gradients(self, sens: Any, free: bool) -> tuple[list[Any], list[Any]]:
        """Run the reverse pass; return the gradients of the positions and of the weights."""
        leaves = self._leaves()
        found = reverse(self.seeds(sens), leaves, free and not state.recording, None if self.allow_unused else self._unused)
        arrived = dict(zip(leaves, found, strict=True))

        def take(node: Node | None, like: Any = None) -> Any:
            g = arrived[node] if node is not None else None
            like = node if like is None else like
            return Tensor.wrap(np.zeros(like.shape, like.dtype)) if g is None and like is not None else g

        by_position = [tree.unflatten(structure, iter([take(node) for node in nodes])) for structure, nodes in self.positions]
        return by_position, [take(self.watched.get(id(w)), w) for w in self.weights]

    def _unused(self) -> GradientError:
        names = [repr(p.name) for p in (*self.named, *(node.attrs for node in self.watched.values()))]
        listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        own = "A net uses its own Parameters, not inputs in their place; pass them as weights=. " if self.named else ""
        return GradientError(
            self.where, f"a result that depends on Parameter{'s' * (len(names) > 1)} {listed}",
            "one that depends on no differentiated input or Parameter",
            "Compute it inside the function, with operations on Tensors; earlier results, numpy arrays, no_grad and "
            f"comparisons have no gradient. {own}If zeros are right, pass allow_unused=True.",
        )  # fmt: skip


def _positions(grad_position: Any, n_args: int | None, where: str) -> tuple[int, ...]:
    if grad_position is None:
        return ()
    positions = grad_position if isinstance(grad_position, tuple) else (grad_position,)
    fix = "Positions count the positional arguments from 0."
    if not positions or not all(isinstance(p, int) and not isinstance(p, bool) for p in positions):
        got, weights = repr(grad_position), [p for p in tree.leaves(grad_position) if isinstance(p, Parameter)]
        if weights:
            fix = f"For gradients of weights, write {where}(fn, None, weights): None is in the place of grad_position."
            got = f"{len(weights)} Parameters" if len(weights) > 1 else f"the Parameter {weights[0].name!r}"
        raise ArgumentError(where, "grad_position to be an int or a tuple of ints", got, fix)
    if min(positions) < 0 or len(set(positions)) < len(positions):
        raise ArgumentError(where, "grad_position without negative or repeated numbers", repr(grad_position), fix)
    if n_args == 0:
        fix = "Pass one by position. For gradients of weights only, use grad_position=None."
        raise ArgumentError(where, f"an input to differentiate, grad_position={grad_position}", "none", fix)
    if n_args is not None and max(positions) >= n_args:
        raise ArgumentError(where, f"grad_position below {n_args}, the number of inputs", repr(grad_position), fix)
    return positions


def as_weights(weights: Any, where: str) -> list[Parameter]:
    if weights is None:
        return []
    listed = [weights] if isinstance(weights, Parameter) else weights
    if not isinstance(listed, (list, tuple)) or not all(isinstance(w, Parameter) for w in listed):
        raise DTypeError(where, "weights to be Parameters", describe(weights), "Pass cell.trainable_params().")
    return list(listed)


def check_floating(weights: Sequence[Parameter], where: str) -> None:
    """Check that each Parameter can have a gradient; a frozen one need not."""
    for w in weights:
        if w.requires_grad and w.dtype.kind != "f":
            raise DTypeError(
                where, "floating Parameters", f"{w.name!r}, {describe(w)}",
                "Convert it to floats, or freeze it with requires_grad=False.",
            )  # fmt: skip


def check_flags(where: str, **flags: Any) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise DTypeError(where, f"{name} to be a bool", describe(value), "Pass True or False.")


def take_sens(args: tuple[Any, ...], kwargs: dict[str, Any], where: str) -> tuple[tuple[Any, ...], Any]:
    """Separate the cotangent of the output (``sens=``, or the last input) from the inputs."""
    *inputs, sens = (*args, kwargs.pop("sens")) if "sens" in kwargs else args or (None,)
    if sens is None:
        raise ArgumentError(where, "the cotangent of the output as the last input, or sens=", "none", "Pass it.")
    return tuple(inputs), sens


def value_and_grad(
    fn: Callable[..., Any], grad_position: int | tuple[int, ...] | None = 0, weights: Any = None, has_aux: bool = False,
    return_ids: bool = False, sens_param: bool = False, *, allow_unused: bool = False,
) -> Callable[..., tuple[Any, Any]]:  # fmt: skip
    """Return a function that computes both the value of ``fn`` and its gradient.

    Parameters
    ----------
    fn : callable
        A function or Cell that returns a Tensor, or several; outputs that are not scalar are summed.
    grad_position : int or tuple of int, optional
        The positional inputs to differentiate with respect to. An input may be a nested structure of Tensors; its gradient is
        the same structure. None: with respect to weights only.
    weights : Parameter or sequence of Parameter, optional
        Parameters to differentiate with respect to. A frozen one (``requires_grad=False``) gets zeros.
    has_aux : bool
        ``fn`` returns ``(value, aux, ...)`` and only the value is differentiated.
    return_ids : bool
        Return pairs (position or Parameter's name, gradient) instead of gradients; ``get_grad`` finds one.
    sens_param : bool
        The cotangent of the value is passed as the last input, or as ``sens=``.
    allow_unused : bool
        Return zeros, instead of an error, if the value depends on neither ``weights`` nor the selected inputs. If it depends
        on some of them, the others get zeros in any case.

    Returns
    -------
    callable
        A function with the signature of ``fn`` that returns ``(value, gradient)``. The gradient is one structure for an int
        position, and a tuple for a tuple of positions. With ``weights`` it is a pair (gradient of the inputs, gradient of the
        weights); with weights only, the latter. A single Parameter gives a single Tensor.

    Raises
    ------
    ArgumentError
        If a position is not one of the inputs.
    DTypeError
        If a selected input holds no floating Tensor, or one of the weights holds whole numbers or bools.
    GradientError
        If ``fn`` returns anything but Tensors, or a result that depends on none of the weights, or a requested gradient is
        hidden by a custom ``bprop``.

    Examples
    --------
    >>> from autograd import Tensor, value_and_grad
    >>> value, gradient = value_and_grad(lambda x: (x * x).sum())(Tensor([1.0, 2.0]))
    >>> print(value, gradient)
    5.0 [2. 4.]
    """
    return _transform(fn, grad_position, weights, has_aux, return_ids, sens_param, allow_unused, "value_and_grad")


def grad(
    fn: Callable[..., Any], grad_position: int | tuple[int, ...] | None = 0, weights: Any = None, has_aux: bool = False,
    return_ids: bool = False, sens_param: bool = False, *, allow_unused: bool = False,
) -> Callable[..., Any]:  # fmt: skip
    """Return a function that computes the gradient of ``fn``; it nests to any order.

    Parameters
    ----------
    fn, grad_position, weights, has_aux, return_ids, sens_param, allow_unused
        As for :func:`value_and_grad`.

    Returns
    -------
    callable
        A function with the signature of ``fn`` that returns the gradient; with ``has_aux``, (gradient, aux).

    Raises
    ------
    ArgumentError, DTypeError, GradientError
        As for :func:`value_and_grad`.

    Examples
    --------
    >>> from autograd import Tensor, grad
    >>> print(grad(grad(lambda x: x**3))(Tensor([1.0, 2.0])))
    [ 6. 12.]
    """
    run = _transform(fn, grad_position, weights, has_aux, return_ids, sens_param, allow_unused, "grad")

    @functools.wraps(fn, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, result = run(*args, **kwargs)
        return (result, value[1:]) if has_aux else result

    return gradient


def _transform(
    fn: Callable[..., Any], grad_position: Any, weights: Any, has_aux: bool, return_ids: bool, sens_param: bool,
    allow_unused: bool, where: str,
) -> Callable[..., tuple[Any, Any]]:  # fmt: skip
    check_flags(where, has_aux=has_aux, return_ids=return_ids, sens_param=sens_param, allow_unused=allow_unused)
    if not callable(fn):
        raise DTypeError(where, "a function or Cell", describe(fn), "Pass the function itself, not its result.")
    if grad_position is None and weights is None:
        raise ArgumentError(where, "grad_position or weights", "None for both", "Name at least one of them.")
    _positions(grad_position, None, where)
    parameters = as_weights(weights, where)
    where = f"{where} of {name_of(fn)}"

    @functools.wraps(fn, updated=())
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        args, sens = take_sens(args, kwargs, where) if sens_param else (args, None)
        positions = _positions(grad_position, len(args), where)
        run = Pass(fn, args, kwargs, positions, parameters, where, has_aux, allow_unused)
        by_position, by_weights = run.gradients(sens, free=True)
        if return_ids:
            by_position = list(zip(positions, by_position, strict=True))
            by_weights = list(zip([w.name for w in parameters], by_weights, strict=True))
        result: Any = tuple(by_position) if isinstance(grad_position, tuple) else (by_position or [None])[0]
        if weights is not None:
            ours: Any = by_weights[0] if isinstance(weights, Parameter) else tuple(by_weights)
            result = ours if grad_position is None else (result, ours)
        value = (run.out, *run.aux) if has_aux else run.out
        return run.value(value), run.value(result)

    return value_and_gradient


def name_of(fn: Any) -> str:
    return getattr(fn, "__name__", None) or type(fn).__name__


def vjp(
    fn: Callable[..., Any], *inputs: Any, weights: Any = None, has_aux: bool = False, allow_unused: bool = False
) -> tuple[Any, ...]:
    """Run ``fn`` and return its outputs with a function that maps cotangents to gradients.

    Parameters
    ----------
    fn : callable
        A function or Cell that returns Tensors.
    *inputs
        Its inputs. The gradient is with respect to those that hold floating Tensors or arrays; these must come first.
    weights, has_aux, allow_unused
        As for :func:`value_and_grad`.

    Returns
    -------
    tuple
        ``(outputs, pullback)``, or ``(outputs, pullback, aux)``. ``pullback(*cotangents)`` takes one cotangent for each output
        and can be called repeatedly. It returns the gradient of a single input, or a tuple; with weights, a pair (gradient of
        the inputs, gradient of the weights).

    Raises
    ------
    ShapeError
        If a cotangent does not have its output's shape and dtype.
    DTypeError
        If there is nothing to differentiate with respect to, or another input comes before it.
    GradientError
        From ``pullback``, if the outputs depend on none of these.
    """
    where = f"vjp of {name_of(fn)}"
    positions = floating_positions(inputs, where, needed=weights is None)
    try:
        run = Pass(fn, inputs, {}, positions, as_weights(weights, "vjp"), where, has_aux, allow_unused)
    except Exception as error:
        if any(isinstance(value, Parameter) for i in positions for value in tree.leaves(inputs[i])):
            error.add_note(
                "  Parameters are among the inputs of vjp. For gradients of weights: vjp(fn, *inputs, weights=weights)"
            )
        raise

    def pullback(*cotangents: Any) -> Any:
        by_position, by_weights = run.gradients(cotangents, free=False)
        result = by_position[0] if len(by_position) == 1 else tuple(by_position)
        return run.value((result, tuple(by_weights)) if weights is not None else result)

    outputs = run.value(run.out)
    return (outputs, pullback, run.value(run.aux)) if has_aux else (outputs, pullback)


def floating_positions(inputs: Sequence[Any], where: str, needed: bool) -> list[int]:
    """Return the positions of the inputs that hold floating Tensors or arrays; there must be one if ``needed``.

    They must come first, so that gradient ``i`` is that of input ``i``.
    """
    found = [i for i, value in enumerate(inputs) if any(map(is_floating, tree.leaves(value)))]
    if needed and not found:
        raise DTypeError(
            where, "a floating Tensor among the inputs", ", ".join(map(describe, inputs)) or "no positional input",
            "Convert one with .astype(autograd.float32), or pass weights.",
        )  # fmt: skip
    if found and found[-1] >= len(found):
        first = next(i for i in range(len(inputs)) if i not in found)
        raise DTypeError(
            where, f"floating Tensors before all other inputs, so that gradient {found[-1]} is that of input {found[-1]}",
            f"{describe(inputs[first])} as input {first}",
            f"Name the positions, autograd.grad(fn, {found[0] if len(found) == 1 else tuple(found)}), or pass it last, or "
            "close over it.",
        )  # fmt: skip
    return found


def is_floating(leaf: Any) -> bool:
    return isinstance(leaf, (Tensor, np.ndarray, np.generic)) and leaf.dtype.kind == "f"
