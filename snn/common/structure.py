"""The parts of a net, and its state."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.random import Generator

from autograd import Cell, Tensor, as_tensor, nn, ops, tree
from autograd.cell import too_deep
from autograd.dtypes import describe
from autograd.errors import ShapeError, StateError
from autograd.nn.stateful import holds_neurons, is_stateful, start

__all__ = [
    "ADD_AXIS", "array_name", "check_features", "check_kept", "check_parts", "generators", "given_state", "has_state", "held",
    "holds_neurons", "holds_over_time", "initial_state", "is_chain", "is_over_time", "is_repeated", "is_stateful", "label",
    "like", "membrane", "observed", "outline", "passes_straight", "record_names", "runs_at_once", "sample_state",
    "says_too_deep", "state_names", "steps_in_loops", "variables", "with_membrane", "zeros_of",
]  # fmt: skip

_PLAIN = {int, float, bool, str, type(None)}


def has_state(cell: Cell) -> bool:
    """Return whether a Cell, or a layer of a chain, has a state over time."""
    return cell.has_state if isinstance(cell, nn.SequentialCell) else is_stateful(cell)


def check_parts(cell: nn.SequentialCell, state: Any, name: str) -> None:
    """Check that a state given to a chain has exactly one part for each of its layers with a state."""
    expected = [key for key, layer in cell.named() if has_state(layer)]
    if (state is not None or expected) and (not isinstance(state, dict) or sorted(state) != sorted(expected)):
        raise StateError(
            f"{label(name, cell)}, state", f"a dict with the layers {expected}",
            f"a dict with {list(state)}" if isinstance(state, dict) else describe(state),
            "Pass the state that snn.run returned for this net.",
        )  # fmt: skip


def zeros_of(shape: tuple[int, ...], dtype: Any) -> Tensor:
    """Return zeros that take no memory."""
    return Tensor.wrap(np.broadcast_to(np.zeros((), dtype), shape))


def is_repeated(array: Any) -> bool:
    """Return whether all steps of an array ``[T, ...]`` are the same memory."""
    return len(array) > 1 and array.strides[0] == 0


def is_over_time(cell: Cell) -> bool:
    """Return whether a Cell takes all time steps at once, ``[T, N, ...]``: its class has ``over_time = True``."""
    return getattr(cell, "over_time", False)


def holds_over_time(net: Cell) -> bool:
    """Return whether a Cell is a layer over time or contains one."""
    return any(is_over_time(cell) for _, cell in net.cells_and_names())


def runs_at_once(cell: Cell) -> bool:
    """Return whether a Cell with a state can run all time steps at once: it has ``all_steps(x, state) -> (out, state)``.

    The method does not count in a subclass with another ``construct``, or with a ``bprop``.
    """
    for kind in type(cell).__mro__:
        if {"construct", "bprop", "all_steps"}.intersection(vars(kind)):
            return "all_steps" in vars(kind) and "construct" in vars(kind) and not cell.has_bprop
    return False


def steps_in_loops(cell: Cell) -> bool:
    """Return whether such a Cell can also step inside a loop, element by element: its class has ``elementwise = True``."""
    return getattr(cell, "elementwise", False)


def passes_straight(chain: nn.SequentialCell) -> bool:
    """Return whether each layer of a chain receives the output of the one before: its class does not override ``through``."""
    return type(chain).through is nn.SequentialCell.through


def is_chain(net: Cell) -> bool:
    """Return whether a net is a chain of layers and neurons, without feedback from one to another."""
    if isinstance(net, nn.SequentialCell):
        return all(is_chain(cell) for cell in net.cells())
    return not (is_stateful(net) and holds_neurons(net))


def initial_state(cell: Cell, x: Any, name: str = "") -> Any:
    """Return the start state of a Cell for inputs such as ``x``, ``[N, ...]``.

    It comes from the Cell's own ``initial_state``; a single neuron without one starts from zeros in the shape of ``x``.

    Raises
    ------
    StateError
        If the Cell contains neurons and has no ``initial_state``.
    """
    return start(cell, x, label(name, cell))


def sample_state(cell: Cell, x: Any, name: str = "") -> Any:
    """Return a start state as a sample of its structure; the Cell's generators, ``rng``, are restored."""
    sources = [rng.bit_generator for rng in generators(cell)]
    if not sources:
        return initial_state(cell, x, name)
    before = [source.state for source in sources]
    try:
        return initial_state(cell, x, name)
    finally:
        for source, kept in zip(sources, before, strict=True):
            source.state = kept


def generators(cell: Cell) -> list[Generator]:
    """Return the generators, ``rng``, of a Cell and of the Cells in it."""
    values = [value for value in vars(cell).values() if type(value) not in _PLAIN]
    if any(isinstance(value, (list, tuple, dict)) and value for value in values):
        parts = [part for _, part in cell.cells_and_names()]
    else:  # most neurons; the full walk takes longer
        parts = [cell]
        for value in values:
            if isinstance(value, Cell):
                parts += [part for _, part in value.cells_and_names()]
    return [rng for part in parts if isinstance(rng := getattr(part, "rng", None), Generator)]


def membrane(state: Any) -> Any:
    """Return the membrane of a state, including that of a neuron within another Cell."""
    return state if isinstance(state, Tensor) else membrane(state.v)


def with_membrane(state: Any, v: Any) -> Any:
    """Return a state with another membrane."""
    return v if isinstance(state, Tensor) else state._replace(v=with_membrane(state.v, v))


def given_state(state: Any, x: Any, name: str, cell: Cell) -> Any:
    """Return a given state, after a comparison with a fresh one if the Cell defines it."""
    where = f"{label(name, cell)}, state"
    fix = "Pass the state that snn.run returned for this net, batch size and dtype, or None to start fresh."
    if not hasattr(cell, "initial_state") and (holds_neurons(cell) or isinstance(state, (tuple, list, dict))):
        return tree.map_leaves(lambda leaf: as_tensor(leaf, where), state)
    start = sample_state(cell, x, name)
    if not tree.same_structure(state, start) or _is_another(state, start):
        raise StateError(where, f"the structure of {outline(start)}", outline(state), fix)
    tensors = [as_tensor(leaf, where) for leaf in tree.leaves(state)]
    for tensor, fresh in zip(tensors, tree.leaves(start), strict=True):
        if _kind(tensor) != _kind(fresh):
            raise StateError(where, describe(fresh), describe(tensor), fix)
    return tree.unflatten(start, iter(tensors))


ADD_AXIS = (
    "Add the missing axis: x[:, None] is a batch of one, x[None] one step. "
    "Samples without time are repeated by snn.encode.direct(x, T)."
)


def check_features(cell: Cell, x: Any, name: str, axes: int) -> None:
    """Check that the input of a dense layer has features after time and batch; ``axes`` of these two are present."""
    if isinstance(cell, nn.Dense) and x.ndim <= axes:
        raise ShapeError(
            label(name, cell), f"[T, N, {cell.in_channels}]: time steps, samples, features",
            describe(x) + " in a step" * (axes == 1), ADD_AXIS,
        )  # fmt: skip


def check_kept(after: Any, before: Any, where: str) -> None:
    """Check that a step returns a state of the same structure, shapes and dtypes."""
    alike = (
        tree.same_structure(after, before)
        and not _is_another(after, before, kinds=())
        and all(_kind(new) == _kind(old) for new, old in zip(tree.leaves(after), tree.leaves(before), strict=True))
    )
    if not alike:
        raise StateError(
            where, f"{outline(before)}, as before it", outline(after),
            "A state keeps its structure, shapes and dtypes; initial_state(x) returns the first one.",
        )  # fmt: skip


def _is_another(state: Any, start: Any, kinds: tuple[Any, ...] = (None,)) -> bool:
    """Return whether two states of equal structure differ in the type of a NamedTuple; ``kinds`` match any type."""
    if not isinstance(start, (tuple, list, dict)):
        return False
    if getattr(state, "_fields", None) not in (*kinds, getattr(start, "_fields", None)):
        return True
    keys = start if isinstance(start, dict) else range(len(start))
    return any(_is_another(state[key], start[key], kinds) for key in keys)


def _kind(leaf: Any) -> tuple[Any, Any]:
    return getattr(leaf, "shape", None), getattr(leaf, "dtype", None)


def outline(state: Any) -> str:
    """Describe a state for an error message."""
    return str(tree.map_leaves(describe, state)).replace("'", "")


def held(mask: Any, after: Any, before: Any) -> Any:
    """Return the new state where the mask is True, and the old state elsewhere."""
    leaves = zip(tree.leaves(after), tree.leaves(before), strict=True)
    return tree.unflatten(after, iter([ops.where(like(mask, new), new, old) for new, old in leaves]))


def like(mask: Any, x: Any) -> Any:
    """Give a mask ``[N]`` or ``[T, N]`` as many axes as ``x``."""
    return mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim))


def label(name: str, cell: Cell) -> str:
    """Name a part of a net for an error message."""
    return f"layer {name!r} ({type(cell).__name__})" if name else type(cell).__name__


def variables(state: Any) -> dict[str, Any]:
    """Name the variables of a state: a single Tensor is v, NamedTuples and dicts name theirs, a plain tuple has no names."""
    if hasattr(state, "_fields"):
        state = dict(zip(state._fields, state, strict=True))
    if isinstance(state, dict):
        inside = [variables(value) if isinstance(value, (tuple, dict)) else {name: value} for name, value in state.items()]
        return {name: value for part in inside for name, value in part.items()}
    return {"v": state} if isinstance(state, (Tensor, np.ndarray)) else {}


def state_names(before: Any) -> list[str]:
    """Return the names of a state's variables in order; a single Tensor is v."""
    fresh = tree.map_leaves(lambda _: Tensor.wrap(np.zeros(())), before)  # so that each leaf is a separate object
    named = {id(value): name for name, value in variables(fresh).items()}
    return [named.get(id(leaf), f"state{k}") for k, leaf in enumerate(tree.leaves(fresh))]


def array_name(array: Any, cell: Cell | None, held: Iterable[tuple[str, Any]]) -> str:
    """Name an array after the Parameter that holds it, among those given by name, or else after the attribute of the Cell."""
    inside = [] if cell is None else [item for _, part in cell.cells_and_names() for item in vars(part).items()]
    names = [name for name, value in (*held, *inside) if value is array or getattr(value, "array", None) is array]
    return names[0] if names else f"array{list(np.shape(array))}"


def record_names(cell: Cell, state: Any) -> set[str]:
    """Return the names that can be recorded of a neuron with such a state."""
    has = {"x", *variables(state)}
    has |= {"v_before_reset"} if hasattr(cell, "charge") else set()
    return has | ({"spike"} if getattr(cell, "fire", True) else set())


def observed(cell: Cell, names: Iterable[str], x: Any, before: Any, out: Any, after: Any) -> dict[str, tuple[Any, Any]]:
    """Return the requested variables of a step that the neuron has, each with its value for a masked sample; None means 0.

    For several named inputs, ``"x"`` includes each of them as ``"x_<name>"``.
    """
    values, held = variables(after), variables(before)
    values["x"], held["x"] = x, None
    if getattr(cell, "fire", True):
        values["spike"], held["spike"] = out, None
    has = record_names(cell, after)
    if "v_before_reset" in has.intersection(names):
        charged: Any = cell.charge(x, before)  # type: ignore[attr-defined]
        values["v_before_reset"], held["v_before_reset"] = variables(charged).get("v"), held["v"]
    found = {name: (values[name], held.get(name)) for name in names if name in has}
    if "x" in found and isinstance(x, dict):
        del found["x"]
        found |= {f"x_{name}": (value, None) for name, value in x.items()}
    return found


P = ParamSpec("P")
R = TypeVar("R")


def says_too_deep(fn: Callable[P, R]) -> Callable[P, R]:
    """Convert Python's RecursionError in a function of a net to a CellError."""

    @functools.wraps(fn)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return fn(*args, **kwargs)
        except RecursionError:
            raise too_deep(f"snn.{fn.__name__}") from None

    return checked
