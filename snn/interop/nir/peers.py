"""Facts about other packages: neurons that their graphs describe incompletely, and graphs that they read differently."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from autograd import Cell
from autograd.errors import ArgumentError, DataError

from ...neurons.current import CurrentLIFNode
from ...neurons.leaky import LIFNode
from .fields import Array, full, label, numbers, uniform
from .flat import STATEFUL, Flat, Item, components
from .neurons import FIELDS, read_neuron

__all__ = ["PEERS", "READERS", "Reader", "Rule", "check_reader", "peer_neuron"]

PEERS = {"norse": 1e-3, "snntorch": 1e-4}
"""The packages, and the seconds of the time step for which each writes by default."""


def peer_neuron(
    peer: str, node: Any, kind: str, shape: tuple[int, ...], dt: float, options: dict[str, Any], surrogate: Any, where: str
) -> Cell:
    """Return the neuron of another package, "norse" or "snntorch", that wrote a node.

    ``options`` are properties that the package's graphs leave out, by its own names; the rest is as for :func:`read_neuron`.
    It is an error if the package would not have written the node with this time step.
    """
    values = {n: full(numbers(node, n, where), shape, f"{where}, {n}").astype(np.float64) for n in FIELDS[kind]}
    if peer == "norse":
        return _norse(values, kind, shape, dt, options, surrogate, where)
    if kind not in ("LIF", "CubaLIF"):
        return read_neuron(node, kind, shape, dt, "euler", surrogate, where)
    tau = values["tau" if kind == "LIF" else "tau_mem"]
    gains = [values["r"] * dt / tau, *([values["w_in"] * dt / values["tau_syn"]] if kind == "CubaLIF" else [])]
    if any(np.any(np.abs(gain - 1) > 1e-4) for gain in gains) or np.any(values["v_leak"]) or np.any(values["v_reset"]):
        raise DataError(
            where, f"r = tau / dt, v_leak = v_reset = 0, as snnTorch writes with dt = {dt:g} s", "other parameters",
            "Leave written_by out, or pass the dt of the file; snnTorch's own is 1e-4.",
        )  # fmt: skip
    arguments = {"beta": uniform(1 - dt / tau), "threshold": uniform(values["v_threshold"]), "spike_grad": surrogate} | options
    if kind == "LIF":
        return LIFNode.dialect("snntorch", **arguments)  # type: ignore[no-any-return]
    return CurrentLIFNode.dialect("snntorch", alpha=uniform(1 - dt / values["tau_syn"]), **arguments)  # type: ignore[no-any-return]


def _norse(
    values: dict[str, Array], kind: str, shape: tuple[int, ...], dt: float, options: dict[str, Any], surrogate: Any, where: str
) -> Cell:
    """Return a neuron of Norse, which writes time constants times its dt, and leaves out the gains of an IF and a current."""
    if options:
        raise DataError(where, "no options for Norse", f"{', '.join(options)}", "Its graphs are complete otherwise.")
    told = dict(values)
    for name in set(values) & {"tau", "tau_mem", "tau_syn"}:
        told[name] = values[name] / dt
    if kind in ("I", "IF"):
        told["r"] = values["r"] / dt
    if "tau_syn" in values:
        told["w_in"] = values["w_in"] * told["tau_syn"] / dt
    return read_neuron(SimpleNamespace(**told), kind, shape, dt, "euler", surrogate, where)


# Reading by others


@dataclass(frozen=True)
class Rule:
    """A condition on the fields of a node, without which a reader fails or computes other numbers.

    Attributes
    ----------
    expected : str
        The condition in words.
    fields : tuple of str
        Names of the fields that it is about.
    holds : callable
        Returns, for ``dt`` and these fields as float64 arrays, whether the condition is met.
    """

    expected: str
    fields: tuple[str, ...]
    holds: Callable[..., bool]


@dataclass(frozen=True)
class Reader:
    """A package that reads NIR.

    Attributes
    ----------
    name : str
        Its name and version.
    dt : float
        Seconds of the step that it takes by default.
    kinds : mapping of str to tuple of Rule
        The nodes that it reads as NIR defines them, and under which conditions.
    loops : bool
        Whether it reads a neuron that feeds itself through weights in the outermost graph too; in inner graphs all do.
    """

    name: str
    dt: float
    kinds: Mapping[str, tuple[Rule, ...]]
    loops: bool


def _near(values: Any, to: Any) -> bool:
    return bool(np.allclose(values, to, rtol=1e-5, atol=0))


def _one(values: Array) -> bool:
    return _near(values, values.flat[0])


_TO_ZERO = Rule("v_reset=0.0, to which it resets", ("v_reset",), lambda dt, reset: not reset.any())
_AT_ZERO = Rule("v_leak=0.0, to which it decays", ("v_leak",), lambda dt, leak: not leak.any())
_AT_RESET = Rule("v_leak = v_reset", ("v_leak", "v_reset"), lambda dt, leak, reset: np.array_equal(leak, reset))
_FULL_STEP = Rule("r = 1 / dt", ("r",), lambda dt, r: _near(r * dt, 1))
_FULL_GAIN = Rule("r = tau_mem / dt", ("r", "tau_mem"), lambda dt, r, tau: _near(r * dt, tau))
_UNGROUPED = Rule("groups=1", ("groups",), lambda dt, groups: groups == 1)
_NO_BORDER = Rule("padding=0", ("padding",), lambda dt, padding: not padding.any())


def _uniform(*fields: str) -> tuple[Rule, ...]:
    return tuple(Rule(f"one {name} for all neurons", (name,), lambda dt, value: _one(value)) for name in fields)


_WEIGHTS = {"Affine", "Linear", "Conv1d", "Conv2d"}

READERS = {
    "snntorch": Reader(
        "snnTorch 1.0.0", 1e-4,
        {
            "Affine": (), "Linear": (), "Conv1d": (_UNGROUPED,), "Conv2d": (_UNGROUPED,), "SumPool2d": (_NO_BORDER,),
            "AvgPool2d": (),
            "LIF": (
                _TO_ZERO, _AT_ZERO, *_uniform("v_threshold"),
                Rule("one gain, r dt / tau, for all neurons", ("r", "tau"), lambda dt, r, tau: _one(r / tau)),
            ),
            "CubaLIF": (
                _TO_ZERO, _AT_ZERO, *_uniform("v_threshold"),
                _FULL_GAIN,
                Rule("one gain, w_in dt / tau_syn, for all", ("w_in", "tau_syn"), lambda dt, w, tau: _one(w / tau)),
            ),
        },
        loops=False,
    ),
    "norse": Reader(
        "Norse 1.1.0", 1e-3,
        {
            "Affine": (), "Linear": (), "Conv2d": (_UNGROUPED,), "SumPool2d": (_NO_BORDER,),
            "IF": (_TO_ZERO, _FULL_STEP),
            "LIF": (_TO_ZERO, Rule("r=1.0, with which it computes", ("r",), lambda dt, r: _near(r, 1))),
            "CubaLIF": (_TO_ZERO, _AT_ZERO),
        },
        loops=True,
    ),
    "spikingjelly": Reader(
        "SpikingJelly 2.0.0", 1e-4,
        {
            "Affine": (), "Linear": (), "Conv1d": (_UNGROUPED,), "Conv2d": (_UNGROUPED,), "SumPool2d": (_NO_BORDER,),
            "AvgPool2d": (), "Flatten": (),
            "IF": (*_uniform("v_threshold", "v_reset"), _FULL_STEP),
            "LIF": (
                *_uniform("tau", "v_threshold", "v_reset"), _AT_RESET,
                Rule("r = 1, or tau / dt", ("r", "tau"), lambda dt, r, tau: _near(r, 1) or _near(r * dt, tau)),
            ),
            "CubaLIF": (
                *_uniform("tau_syn", "tau_mem", "v_threshold", "v_reset"), _AT_ZERO, _AT_RESET, _FULL_GAIN,
                Rule("w_in = tau_syn / dt", ("w_in", "tau_syn"), lambda dt, w, tau: _near(w * dt, tau)),
            ),
        },
        loops=True,
    ),
}  # fmt: skip
"""The packages whose reading of our graphs is known; ``tests/peers/test_nir.py`` compares each entry with the package."""


def check_reader(reader: str, flat: Flat, dt: float, outermost: Collection[str], where: str) -> None:
    """Check that a package, one of :data:`READERS`, reads a graph as NIR defines it, in steps of ``dt``.

    ``outermost`` has the names of the nodes that are in no inner graph.
    """
    known = READERS[reader]
    about = f"{where}, reader={reader!r}"
    if not math.isclose(dt, known.dt, rel_tol=1e-9):
        raise ArgumentError(
            about, f"dt={known.dt:g}, the step of {known.name}", f"dt={dt:g}",
            "Pass that dt; or leave reader out, if the package is given yours.",
        )  # fmt: skip
    if len(flat.outputs) > 1:
        raise ArgumentError(about, "one output", f"{len(flat.outputs)}", f"{known.name} reads only one: write a net for each.")
    short = [name.replace(".", "_") for name in flat.items]
    if twice := sorted({name for name in short if short.count(name) > 1}):
        raise ArgumentError(
            about, "names that differ by more than dots and underscores", f"two of {twice[0]!r}", "Rename a layer."
        )
    for name, item in flat.items.items():
        if item.kind not in ("Input", "Output"):
            _check_node(known, name, item, dt, about)
    _check_loops(flat, known, outermost, about)


def _check_node(known: Reader, name: str, item: Item, dt: float, about: str) -> None:
    place = f"{about}, {label(name, item.kind)}"
    if item.kind not in known.kinds:
        amplitude = "Give the neuron spike_value='unit'" if name.endswith(".amplitude") else "Change the layer"
        raise ArgumentError(
            place, f"nodes that {known.name} reads: {', '.join(known.kinds)}", item.kind, f"{amplitude}, or leave reader out."
        )
    for rule in known.kinds[item.kind]:
        values = [np.asarray(getattr(item.node, name)) for name in rule.fields]
        if not rule.holds(dt, *values):
            got = ", ".join(f"{name}={_shown(value)}" for name, value in zip(rule.fields, values, strict=True))
            raise ArgumentError(place, f"{rule.expected}, for {known.name}", got, "Change the layer, or leave reader out.")


def _shown(value: Array) -> str:
    if value.dtype.kind not in "biuf":
        return str(value)
    low, high = f"{value.min():g}", f"{value.max():g}"
    return low if low == high else f"{low} to {high}"


def _check_loops(flat: Flat, known: Reader, outermost: Collection[str], about: str) -> None:
    """Check that all feedback is the output of a neuron to itself, through one layer of weights."""
    groups = components([*flat.items], flat.edges)
    members: dict[int, list[str]] = {}
    for name, group in groups.items():
        members.setdefault(group, []).append(name)
    for names in members.values():
        if len(names) == 1 and (names[0], names[0]) not in flat.edges:
            continue
        kinds = {flat.items[name].kind for name in names}
        pair = len(names) == 2 and kinds & STATEFUL and kinds & _WEIGHTS
        if not pair or not (known.loops or {*names}.isdisjoint(outermost)):
            inside = "" if known.loops else ", of a graph inside another"
            fix = "Leave reader out."
            if pair:
                fix = "Put the layer in an nn.SequentialCell of its own and pass nested=True, or leave reader out."
            raise ArgumentError(
                about, f"no feedback but that of a neuron to itself through one layer of weights{inside}, for {known.name}",
                f"a cycle of {', '.join(map(repr, sorted(names)))}", fix,
            )  # fmt: skip
