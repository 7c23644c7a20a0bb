"""``save`` and ``load``: parts by name. All are checked before the first is set."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor
from autograd.dtypes import Array, describe
from autograd.errors import AutogradError, CheckpointError
from autograd.optim import Optimizer

from ..common.files import write_whole
from .attributes import Undo, attributes_of, prepared_attributes
from .container import encode, read
from .generators import generators_of, prepared
from .values import CELL, DICT, GENERATOR, LIST, NAMED, OPTIMIZER, TUPLE, kind_of, pack, plain_repr, unpack

__all__ = ["load", "save", "to_bytes"]

_SAME = "Nothing was loaded. Build it as it was when it was saved; load(path) without it returns the saved value."
_OBJECTS = {CELL: (Cell, "a Cell"), OPTIMIZER: (Optimizer, "an optimizer"), GENERATOR: (np.random.Generator, "a generator")}


def save(path: str | os.PathLike[str], /, **parts: Any) -> None:
    """Write a checkpoint: a file in the safetensors format, whole or not at all.

    It is written beside its destination, flushed to disk, and then replaces the old file. It contains no code.

    Parameters
    ----------
    path : str or path
        Target, such as ``"run.safetensors"``; its directory must exist.
    **parts : object
        Objects to save, by names of your choice:

        - a Cell: its Parameters, the generators in attributes of its Cells, such as that of ``nn.Dropout``, and the attributes
          that its Cells name as ``checkpointed``, such as ``sigma`` of :class:`snn.LearntDelays`;
        - an optimizer: its memory, and its step, which is the position of its schedules;
        - a ``numpy.random.Generator``: its state, and how many others it has spawned;
        - the state of neurons, as :func:`snn.run` returns it; Tensors, arrays, numbers, text, None; lists, tuples and
          NamedTuples of them, and dicts with names, such as a configuration.

    Raises
    ------
    CheckpointError
        If a part is none of these. Nothing is written.
    WriteError
        If the file cannot be written. The existing files were not changed.
    MissingExtraError
        If safetensors is not installed (extra ``train``).

    Examples
    --------
    >>> import tempfile, numpy as np, snn
    >>> from autograd import nn
    >>> rng = np.random.default_rng(0)
    >>> net = nn.SequentialCell(nn.Dense(3, 2, rng=rng), snn.IFNode())
    >>> with tempfile.TemporaryDirectory() as place:
    ...     snn.checkpoint.save(f"{place}/a.safetensors", net=net, rng=rng, step=7)
    ...     drawn = rng.random()
    ...     saved = snn.checkpoint.load(f"{place}/a.safetensors", net=net, rng=rng)
    >>> saved["step"], bool(rng.random() == drawn)
    (7, True)
    """
    write_whole(Path(path), to_bytes(parts, f"snn.checkpoint.save, {os.fspath(path)}"))


def to_bytes(parts: Mapping[str, Any], where: str) -> bytes:
    """Return the bytes of a file with these parts."""
    arrays: dict[str, Array] = {}
    content = {name: pack(part, name, arrays, where) for name, part in parts.items()}
    return encode(content, arrays, where)


def load(path: str | os.PathLike[str], /, **parts: Any) -> dict[str, Any]:
    """Read a checkpoint into Cells, optimizers and generators, and return the rest.

    Everything is checked before anything is set: after an error nothing has changed.

    Parameters
    ----------
    path : str or path
        A file that :func:`save` wrote.
    **parts : object
        Objects by the names under which they were saved. Cells, Parameters, optimizers and generators are set. For any other
        part, such as a state, pass a value of the saved structure, shapes and dtypes: the saved value is returned in that
        structure. Dicts may have their names in another order.

    Returns
    -------
    dict
        Every part by name. Parts that you pass are set, or have the structure of the value that you pass. Without one, a Cell
        comes back as a dict of its weights, an optimizer as its ``state_dict``, a generator as a new one, and a NamedTuple as
        a dict.

    Raises
    ------
    CheckpointError
        If the file is cut off, broken or of another version, or something does not fit: names, shapes, dtypes, NaN or
        infinity.
    MissingExtraError
        If safetensors is not installed (extra ``train``).

    Warns
    -----
    UserWarning
        If the options of an optimizer, such as its learning rate, differ from the saved ones. It keeps its own. Also if an
        older file has no attributes of layers; the net then keeps its own.
    """
    where = f"checkpoint {os.fspath(path)}"
    content, arrays = read(Path(path))
    if not isinstance(content, dict):
        raise _forged(where, TypeError(type(content).__name__))
    missing = [name for name in parts if name not in content]
    if missing:
        raise CheckpointError(
            where, f"the parts {', '.join(map(repr, missing))}", f"one with {', '.join(map(repr, content)) or 'none'}",
            "Nothing was loaded. Use the names under which they were saved.",
        )  # fmt: skip
    plan = _Plan(arrays)
    try:
        values = {
            name: _fitted(node, parts[name], f"{where}, {name}", plan) if name in parts else unpack(node, arrays)
            for name, node in content.items()
        }
    except AutogradError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:  # a forged file
        raise _forged(where, error) from error
    for text in plan.notes:
        warnings.warn(text, UserWarning, stacklevel=2)
    undos: list[Undo] = []
    try:
        for set_attributes in plan.attributes:
            undos.append(set_attributes())
    except BaseException as error:
        if lost := [path for undo in reversed(undos) for path in undo()]:
            raise CheckpointError(
                where, "attributes that take their old values again after an error", f"{', '.join(lost)}, and: {error}",
                "Build the nets anew: these attributes have other values now.",
            ) from error  # fmt: skip
        raise
    for set_value in plan.loads:
        set_value()
    return values


@dataclass
class _Plan:
    """Actions to take once everything has been checked."""

    arrays: Mapping[str, Array]
    attributes: list[Callable[[], Undo]] = field(default_factory=list)
    """Setters of attributes, run first: a Cell may refuse a value. Each returns a function that puts the old values back."""
    loads: list[Callable[[], None]] = field(default_factory=list)
    """Setters, which cannot fail."""
    notes: list[str] = field(default_factory=list)
    """Texts of warnings."""


def _fitted(node: Any, target: Any, where: str, plan: _Plan) -> Any:
    """Check that a saved part fits its target; return it in that structure, and plan the setting of Cells and the like."""
    (kind, inside), arrays = kind_of(node), plan.arrays
    given = next((name for name, (cls, _) in _OBJECTS.items() if isinstance(target, cls)), "")
    if (kind in _OBJECTS or given) and kind != given:
        saved = _OBJECTS[kind][1] if kind in _OBJECTS else f"a value to compare with a saved {kind or type(inside).__name__}"
        raise CheckpointError(where, saved, _OBJECTS[given][1] if given else _of(target), _SAME)
    if kind == CELL:
        _fit_cell(inside, target, where, plan)
    elif kind == OPTIMIZER:
        _fit_optimizer(inside, target, where, plan)
    elif kind == GENERATOR:
        plan.loads.append(prepared(target, {key: unpack(item, arrays) for key, item in inside.items()}, where))
    return target if given else _like(node, target, where, plan)


def _like(node: Any, target: Any, where: str, plan: _Plan) -> Any:
    """Return a saved plain value in the structure of its target."""
    kind, inside = kind_of(node)
    named = isinstance(target, tuple) and hasattr(target, "_fields")
    if kind in (DICT, NAMED):
        fields = dict(zip(target._fields, target, strict=True)) if named else target
        other = not isinstance(fields, Mapping) or set(fields) != set(inside) or (named and list(fields) != list(inside))
        if named != (kind == NAMED) or other:
            what = "dict" if kind == DICT else "NamedTuple"
            raise CheckpointError(where, f"a {what} of {', '.join(inside) or 'nothing'}", _of(target), _SAME)
        found = {key: _fitted(inside[key], fields[key], f"{where}/{key}", plan) for key in fields}
        return type(target)(**found) if named else found
    if kind in (LIST, TUPLE):
        form: type[Any] = list if kind == LIST else tuple
        if named or not isinstance(target, form) or len(target) != len(inside):
            raise CheckpointError(where, f"a {form.__name__} of {len(inside)}", _of(target), _SAME)
        pairs = enumerate(zip(inside, target, strict=True))
        return form(_fitted(item, one, f"{where}/{i}", plan) for i, (item, one) in pairs)
    value = unpack(node, plan.arrays)
    if isinstance(value, np.ndarray):
        if not isinstance(target, (Tensor, np.ndarray)) or (target.shape, target.dtype) != (value.shape, value.dtype):
            raise CheckpointError(where, describe(value), _of(target), _SAME)
        if isinstance(target, Parameter):
            plan.loads.append(_setter(target, value, where))
            return target
        return Tensor(value) if isinstance(target, Tensor) else value
    if type(value) is not type(target):
        raise CheckpointError(where, f"{value!r} or another of its type", _of(target), _SAME)
    return value


def _setter(parameter: Parameter, value: Array, where: str) -> Callable[[], None]:
    """Check the values of a Parameter, and return a function that sets them."""
    if not np.isfinite(value).all():
        raise CheckpointError(where, "finite numbers for a Parameter", "NaN or infinity", "Nothing was loaded.")
    new = value.copy()

    def load() -> None:
        parameter.array = new

    return load


def _fit_cell(inside: Any, net: Cell, where: str, plan: _Plan) -> None:
    arrays = plan.arrays
    weights = {name: unpack(node, arrays) for name, node in inside["weights"].items()}
    _same_dtypes({name: p.dtype for name, p in net.parameters_dict().items()}, weights, where)
    rngs, drawn = generators_of(net), inside["generators"]
    if set(rngs) != set(drawn):
        raise CheckpointError(
            where, f"generators in {', '.join(sorted(drawn)) or 'no attribute'}",
            f"a net that has them in {', '.join(sorted(rngs)) or 'none'}", _SAME,
        )  # fmt: skip
    states = {name: {key: unpack(item, arrays) for key, item in node["dict"].items()} for name, node in drawn.items()}
    try:
        *_, load = net.prepare_state_dict(weights)
    except AutogradError as error:
        raise CheckpointError(where, error.expected, error.got, _SAME) from error
    plan.loads += [load, *(prepared(rngs[name], state, f"{where}, {name}") for name, state in states.items())]
    if "attributes" in inside:
        values = {name: unpack(node, arrays) for name, node in inside["attributes"].items()}
        plan.attributes.append(prepared_attributes(net, values, where))
    elif kept := attributes_of(net):
        plan.notes.append(f"{where}: an older file without attributes: {', '.join(kept)} keep the values of this net.")


def _fit_optimizer(inside: Any, optimizer: Optimizer, where: str, plan: _Plan) -> None:
    memory = {name: unpack(node, plan.arrays) for name, node in inside["memory"].items()}
    was, now = inside["made"], plain_repr(optimizer)
    if was.partition("(")[0] != type(optimizer).__name__:
        raise CheckpointError(where, f"the optimizer {was.partition('(')[0]}", type(optimizer).__name__, _SAME)
    _same_dtypes({name: array.dtype for name, array in optimizer.state_dict().items() if name != "step"}, memory, where)
    try:
        load = optimizer.prepare_state_dict(memory)
    except AutogradError as error:
        raise CheckpointError(where, error.expected, error.got, _SAME) from error
    if was != now:
        plan.notes.append(f"{where}: saved with the options of {was}; it keeps its own, {now}.")
    plan.loads.append(load)


def _same_dtypes(dtypes: Mapping[str, Any], saved: Mapping[str, Any], where: str) -> None:
    """Check that no dtype differs: a rounded value would not continue with the same bits."""
    wrong = [name for name, dtype in dtypes.items() if name in saved and getattr(saved[name], "dtype", None) != dtype]
    if wrong:
        raise CheckpointError(
            f"{where}, {wrong[0]}", f"{describe(saved[wrong[0]])}, as it was saved", str(dtypes[wrong[0]]),
            f"{_SAME[:-1]}, and load_state_dict rounds.",
        )  # fmt: skip


def _forged(where: str, error: Exception) -> CheckpointError:
    return CheckpointError(where, "parts as save writes them", f"others ({error})", "Use another checkpoint.")


def _of(target: Any) -> str:
    if isinstance(target, tuple) and hasattr(target, "_fields"):
        return f"a NamedTuple of {', '.join(target._fields)}"
    if isinstance(target, Mapping):
        return f"a dict of {', '.join(map(str, target)) or 'nothing'}"
    return f"a {type(target).__name__} of {len(target)}" if isinstance(target, (list, tuple)) else describe(target)
