"""Weights that come from torch, and weights for it; torch itself is not needed.

Dense layers and convolutions keep their weights as torch does, ``[out, in, ...]``. Norms and embeddings have other names for
the same arrays, which are known here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd import Cell, Parameter, from_dlpack
from autograd.assign import fitted_all
from autograd.dtypes import Array, describe
from autograd.errors import ArgumentError, AutogradError, CheckpointError, DTypeError, StateDictError

from ..checkpoint.container import DTYPES, safetensors
from ..common.files import write_whole

__all__ = ["load_state_dict", "read", "save", "state_dict"]

Names = Mapping[str, str | None]

_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
_EMBEDDING = {"embedding_table": "weight"}
_COUNTER, _BESIDE = "num_batches_tracked", "running_mean"
"""The counter of torch's batch norm, by which its names are recognised: nothing here depends on the count."""


def load_state_dict(
    net: Cell, weights: Mapping[str, Any] | str | os.PathLike[str], names: Names | None = None, *, strict: bool = True,
    finite: bool = True,
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Set the Parameters of a net from a ``state_dict`` of torch. Nothing is set if anything does not fit.

    Parameters
    ----------
    net : Cell
        Its dense layers are ``nn.Linear`` in torch; convolutions and batch norms have the same names.
    weights : mapping or path
        From names to tensors or arrays, as ``module.state_dict()`` returns it; or a file of the safetensors format. Floats are
        rounded to the precision of the Parameter, bfloat16 too; nothing else is lost.
    names : mapping, optional
        From names in torch to names here, of layers or of single arrays, such as ``{"fc1": "0", "bn1": "2", "lif1": None}``;
        the longest match counts, and None leaves an array out. Other names are the same in both.
    strict : bool
        Require each Parameter and nothing else, except ``num_batches_tracked`` of batch norms. If False, missing and
        unexpected entries are ignored.
    finite : bool
        Reject NaN and infinity.

    Returns
    -------
    missing, unexpected : list of str
        Parameters without a value, by their names here, and unused arrays, by their names there.

    Raises
    ------
    StateDictError
        If names, shapes, dtypes or values do not fit; all of them are listed.
    DTypeError
        If ``net`` is not a Cell.
    CheckpointError
        If a file cannot be read.

    Notes
    -----
    Options of the net here are kept, and some defaults differ from torch's: ``epsilon`` of :class:`autograd.nn.LayerNorm`
    (1e-7, there 1e-5), ``pad_mode="same"`` and ``has_bias=False`` of convolutions, ``stride=1`` of pooling.

    Examples
    --------
    >>> import numpy as np, snn
    >>> from autograd import nn
    >>> from snn.interop import torch
    >>> net = nn.SequentialCell(nn.Dense(2, 3), snn.LIFNode(beta=0.9))
    >>> torch.load_state_dict(net, {"fc.weight": np.ones((3, 2)), "fc.bias": np.zeros(3)}, {"fc": "0"})
    ([], [])
    >>> torch.load_state_dict(net, {"0.weight": np.ones((2, 3)), "bias": np.zeros(3)})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    autograd.errors.StateDictError: ...got 0.weight is ndarray [2, 3] Float64...; missing: 0.bias; unexpected: bias. Not...
    """
    where = "interop.torch.load_state_dict"
    if isinstance(weights, (str, os.PathLike)):
        weights = read(weights)
    if not isinstance(weights, Mapping):
        raise StateDictError(
            where, "a mapping of names to tensors, or a file", describe(weights), "module.state_dict() is one."
        )
    if wrong := [name for name in weights if not isinstance(name, str)]:
        raise StateDictError(
            where, "names that are strings", describe(wrong[0]), "Pass module.state_dict(), or {str: tensor} of your own."
        )
    names = _checked(names, where)
    parameters = _cell(net, where).parameters_dict()
    ours = _natural(net)
    here = {theirs: own for own, theirs in ours.items()} | {own: own for own in ours}  # of two the first is torch's own
    here |= {theirs: own for own, theirs in ours.items()}
    unused = set(names)
    unexpected: list[str] = []
    taken: dict[str, list[str]] = {}
    for theirs in weights:
        key = _longest(theirs, names)
        unused.discard("" if key is None else key)
        if key is not None and names[key] is None:
            continue
        name = theirs if key is None else _replaced(theirs, key, names[key] or "")
        if name in here:
            taken.setdefault(here[name], []).append(theirs)
        elif not _counts(name, here):
            unexpected.append(theirs)
    problems = [f"names has {key!r}, with which no name of theirs begins" for key in names if key in unused]
    problems += [f"{' and '.join(several)} are all for {own}" for own, several in taken.items() if len(several) > 1]
    pairs, labels = {}, {}
    for own, (theirs, *_) in taken.items():
        label = own if theirs == own else f"{theirs} (for {own})"
        try:
            pairs[label], labels[label] = (as_array(weights[theirs], label), parameters[own]), own
        except AutogradError as error:
            problems.append(f"{label} is {error.got}")
    new, others = fitted_all(pairs, finite)
    problems += others
    missing = [own for own in parameters if own not in taken]
    problems += [f"missing: {', '.join(missing)}"] if missing and strict else []
    problems += [f"unexpected: {', '.join(unexpected)}"] if unexpected and strict else []
    if problems:
        raise StateDictError(
            where, "an array for each Parameter, of its shape", "; ".join(problems),
            "Nothing was loaded. Pass names={theirs: ours} for other names, strict=False to skip some, finite=False for NaN "
            "and infinity." + (_tied(unexpected, weights, taken) if strict else ""),
        )  # fmt: skip
    for label, array in new.items():
        parameters[labels[label]].array = array
    return missing, unexpected


def state_dict(net: Cell, names: Names | None = None) -> dict[str, Array]:
    """Return copies of a net's weights under torch's names.

    Parameters
    ----------
    net : Cell
        As for :func:`load_state_dict`.
    names : mapping, optional
        The same as for loading: from names in torch to names here.

    Returns
    -------
    dict of str to array
        For ``module.load_state_dict({name: torch.from_numpy(array) ...})``.

    Raises
    ------
    StateDictError
        If two Parameters would have the same name.
    """
    where = "interop.torch.state_dict"
    backwards = {ours: theirs for theirs, ours in _checked(names, where).items() if ours is not None}
    natural, found = _natural(_cell(net, where)), {}
    for own, parameter in net.parameters_dict().items():
        name = natural[own]
        if (key := _longest(own, backwards)) == own:
            name = backwards[own]
        elif (key := _longest(name, backwards)) is not None:
            name = _replaced(name, key, backwards[key])
        if name in found:
            raise StateDictError(where, "a different name for each Parameter", f"{name!r} twice", "Change names.")
        found[name] = parameter.asnumpy().copy()
    return found


def save(path: str | os.PathLike[str], net: Cell, names: Names | None = None) -> None:
    """Write a net's weights into a file of the safetensors format that ``safetensors.torch.load_file`` reads.

    Parameters
    ----------
    path : path
        The file; it is written whole or not at all.
    net, names
        As for :func:`state_dict`.

    Raises
    ------
    WriteError
        If it cannot be written.
    MissingExtraError
        If safetensors is not installed.
    """
    package = safetensors("interop.torch.save")
    write_whole(Path(path), package.numpy.save(state_dict(net, names), {"format": "pt"}))


def read(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Return the arrays of a file of the safetensors format by name; bfloat16 becomes float32.

    Raises
    ------
    CheckpointError
        If it cannot be read, or has a dtype that numpy lacks.
    MissingExtraError
        If safetensors is not installed.
    """
    where = f"weights {os.fspath(path)}"
    if Path(path).suffix in (".pt", ".pth", ".bin", ".ckpt"):
        raise CheckpointError(
            where, "a file of the safetensors format", "a pickle of torch, which may run code",
            "Load it there, torch.load(path, weights_only=True), and pass the result.",
        )  # fmt: skip
    package = safetensors(where)
    try:
        entries = package.deserialize(Path(path).read_bytes())
    except OSError as error:
        raise CheckpointError(where, "a file that can be read", error.strerror or str(error), "Nothing was loaded.") from error
    except (package.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(where, "the safetensors format", f"something else ({error})", "Nothing was loaded.") from error
    return {name: _entry(name, entry, where) for name, entry in entries}


def _entry(name: str, entry: Mapping[str, Any], where: str) -> Array:
    if entry["dtype"] == "BF16":
        wide = np.frombuffer(entry["data"], np.uint16).astype(np.uint32) << 16
        return wide.view(np.float32).reshape(entry["shape"])
    if entry["dtype"] not in DTYPES:
        raise CheckpointError(
            where, f"dtypes among BF16, {', '.join(DTYPES)}", f"{entry['dtype']} of {name}", "Convert it before it is saved."
        )
    return np.frombuffer(entry["data"], DTYPES[entry["dtype"]]).reshape(entry["shape"])


def as_array(value: Any, where: str) -> Array:
    """Return a tensor of torch, or of another library, as a numpy array."""
    if getattr(value, "is_meta", False) is True:
        raise DTypeError(
            where, "a tensor with values", f"one on the device meta, {describe(value)}", "Load its weights in torch first."
        )
    for method in ("detach", "cpu"):
        value = getattr(value, method)() if hasattr(value, method) and not isinstance(value, np.ndarray) else value
    if "bfloat16" in str(getattr(value, "dtype", "")):
        value = value.float() if hasattr(value, "float") else np.asarray(value).astype(np.float32)
    if isinstance(value, np.ndarray) or not hasattr(value, "__dlpack__"):
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise DTypeError(where, "a tensor of numbers", describe(value), "Leave it out: names={...: None}.")
        return array
    return from_dlpack(value).asnumpy()


def _cell(net: Any, where: str) -> Cell:
    if not isinstance(net, Cell):
        raise DTypeError(where, "net to be a Cell", describe(net), "Pass the net here first, then the weights.")
    return net


def _natural(net: Cell) -> dict[str, str]:
    """Return, for each Parameter's name here, its name in torch in a layer of the same name."""
    cells = dict(net.cells_and_names())
    found = {}
    for name in net.parameters_dict():
        place, dot, last = name.rpartition(".")
        held = vars(cells[place]) if place in cells else {}
        table = _NORM if isinstance(held.get("gamma"), Parameter) else _EMBEDDING
        found[name] = f"{place}{dot}{table.get(last, last)}"
    return found


def _checked(names: Any, where: str) -> dict[str, str | None]:
    if names is None:
        return {}
    if not isinstance(names, Mapping) or not all(
        isinstance(key, str) and (value is None or isinstance(value, str)) for key, value in names.items()
    ):
        raise ArgumentError(
            where, "names, a mapping from names there to names here or None", describe(names), "For example {'fc1': '0'}."
        )
    return dict(names)


def _longest(name: str, keys: Mapping[str, Any]) -> str | None:
    """Return the longest of some keys that equals a name, or its beginning up to a dot."""
    parts = name.split(".")
    return next((key for n in range(len(parts), -1, -1) if (key := ".".join(parts[:n])) in keys), None)


def _replaced(name: str, key: str, new: str) -> str:
    """Return a name with another beginning; the empty name means the whole net."""
    return ".".join(filter(None, (new, name[len(key) :].lstrip("."))))


def _tied(unexpected: list[str], weights: Mapping[str, Any], taken: Mapping[str, list[str]]) -> str:
    """Return advice on unexpected names whose array was also passed under another name."""
    places = {_place(weights[name]): name for names in taken.values() for name in names}
    tied = {name: places[place] for name in unexpected if (place := _place(weights[name])) in places}
    out = ", ".join(f"{name!r}: None" for name in tied)
    return f" The same array came by another name: names={{{out}}} leaves it out." if tied else ""


def _place(value: Any) -> Any:
    """Return a key that is equal for tensors that share their memory."""
    pointer = getattr(value, "data_ptr", None)
    return (pointer(), tuple(value.shape)) if callable(pointer) else id(value)


def _counts(name: str, here: Mapping[str, str]) -> bool:
    place, _, last = name.rpartition(".")
    return last == _COUNTER and f"{place}.{_BESIDE}".lstrip(".") in here


def __dir__() -> list[str]:
    return sorted(__all__)
