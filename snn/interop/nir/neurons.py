"""Neurons in the terms of NIR's equations, both ways: our constants as time constants in seconds, and back.

NIR's equations hold in continuous time. A step of ours is their forward Euler step, or with ``method="exact"`` their solution
over one step with a constant input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd import Cell
from autograd.dtypes import describe
from autograd.errors import ArgumentError, AutogradError, DataError
from autograd.intake import to_numbers

from ...neurons.current import CurrentLIFNode
from ...neurons.integrate import IFNode, Readout
from ...neurons.leaky import LeakyReadout, LIFNode
from ...surrogate.base import Surrogate
from ...synapses import Exponential
from .cells import RestingCurrentLIFNode, RestingLIFNode, ScaledIFNode, Threshold
from .fields import MEND, Array, full, numbers, uniform

__all__ = ["CELLS", "FIELDS", "Said", "read_neuron", "said"]

FIELDS = {
    "I": ("r",),
    "IF": ("r", "v_threshold", "v_reset"),
    "LI": ("tau", "r", "v_leak"),
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    "Threshold": ("threshold",),
}
"""The parameters of each kind of NIR node."""

CELLS: tuple[type[Cell], ...] = (
    IFNode, Readout, ScaledIFNode, LIFNode, LeakyReadout, RestingLIFNode, CurrentLIFNode, RestingCurrentLIFNode, Exponential,
    Threshold,
)  # fmt: skip
"""Our Cells that NIR can express. A subclass may have other equations, so it does not count."""

_CLOSE = 16 * float(np.finfo(np.float32).eps)
"""Distance from 1 up to which a factor counts as 1: the rounding of the float32 that it was computed from."""


@dataclass
class Said:
    """A Cell of ours in NIR's terms.

    Attributes
    ----------
    kind : str
        Its kind in NIR.
    fields : dict
        Its parameters.
    beyond : list of str
        Properties that NIR does not define, so that other packages would read another neuron.
    amplitude : array or None
        Amplitude of its spikes, if it is not 1.
    """

    kind: str
    fields: dict[str, Array]
    beyond: list[str] = field(default_factory=list)
    amplitude: Array | None = None


def said(cell: Cell, shape: tuple[int, ...], dtype: Any, dt: float, where: str) -> Said:
    """Return one of :data:`CELLS` in NIR's terms, for samples of a shape; an error if NIR has no such neuron."""
    node: Any = cell
    if isinstance(cell, Exponential) and not cell.current_first:
        raise ArgumentError(
            where, "current_first=True", "False", "Put snn.Delay(1) after an Exponential with current_first=True."
        )
    if getattr(node, "firing", None) is not None:
        raise ArgumentError(
            where, "one spike at the threshold, as NIR defines it", f"firing={node.firing!r}", "Leave firing= out."
        )
    fields = {name: np.ascontiguousarray(value, dtype) for name, value in _fields(node, shape, dt, where).items()}
    if any(not np.all(np.isfinite(value)) for value in fields.values()):
        raise ArgumentError(
            where, f"time constants and gains within the range of {dtype}", "one outside it", "Choose another dt."
        )
    if isinstance(cell, Threshold):
        return Said("Threshold", fields, _own_surrogate(node))
    name = "Cuba" * ("tau_syn" in fields) + "LI" * (set(fields) & {"tau", "tau_mem"} != set())
    if not node.fire:
        late = ["order"] if not getattr(node, "current_first", True) else []
        return Said(name or "I", fields, late)
    made = Said(name + "F" if name else "IF", fields, _beyond(node))
    threshold = _numbers(node.v_threshold, shape, where)
    hard = node.v_reset if node.hard else 0.0
    made.fields["v_threshold"] = np.ascontiguousarray(threshold, dtype)
    made.fields["v_reset"] = np.ascontiguousarray(_numbers(hard, shape, where), dtype)
    if node.spike_value == "threshold" and np.any(made.fields["v_threshold"] != 1):
        made.amplitude = made.fields["v_threshold"]
    return made


def _fields(node: Any, shape: tuple[int, ...], dt: float, where: str) -> dict[str, Array]:
    """Return all fields but threshold and reset."""

    def constant(value: Any) -> Array:
        return _numbers(value, shape, where)

    def leak(tau: Any, share: Any, exponential: bool) -> Array:
        """Return the share of its distance from the rest that a value moves in a step: ``dt / tau``."""
        if tau is not None:
            return 1 / constant(tau) if not exponential else -np.expm1(-1 / constant(tau))
        return 1 - constant(share)

    if isinstance(node, Threshold):
        return {"threshold": constant(node.threshold)}
    if isinstance(node, IFNode):
        return {"r": constant(getattr(node, "gain", 1.0)) / dt}
    if isinstance(node, Exponential):
        rate = _positive(leak(node.tau_syn, node.alpha, True), where, "alpha")
        return {"tau": dt / rate, "r": 1 / rate, "v_leak": constant(0.0)}
    rate = _positive(leak(node.tau, node.beta, node.exponential), where, "beta")
    resting = isinstance(node, (RestingLIFNode, RestingCurrentLIFNode))
    gain = constant(node.gain) if resting else rate if node.decay_input else constant(1.0)
    rest = node.v_rest if resting else node.v_reset if node.hard else 0.0
    membrane = {"r": gain / rate, "v_leak": constant(rest)}
    if not isinstance(node, CurrentLIFNode):
        return {"tau": dt / rate, **membrane}
    rate_syn = _positive(leak(node.tau_syn, node.alpha, node.exponential), where, "alpha")
    gain_syn = constant(getattr(node, "gain_syn", 1.0))
    return {"tau_syn": dt / rate_syn, "tau_mem": dt / rate, "w_in": gain_syn / rate_syn, **membrane}


def _numbers(value: Any, shape: tuple[int, ...], where: str) -> Array:
    array = to_numbers(value, where).astype(np.float64)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ArgumentError(
            where, f"constants that broadcast to {list(shape)}", describe(value), "Give one value, or one for each feature."
        ) from None


def _positive(rate: Array, where: str, share: str) -> Array:
    if not np.all(rate > 0):
        raise ArgumentError(
            where, f"{share} below 1, for a time constant", "1, which never leaks",
            "Without a leak, use snn.IFNode or snn.Readout.",
        )  # fmt: skip
    return rate


def _beyond(node: Any) -> list[str]:
    found = [] if node.hard else ["reset"]
    found += ["comparator"] if node.fire_at_threshold else []
    found += [] if getattr(node, "current_first", True) else ["order"]
    starts = isinstance(node, IFNode) and node.hard and bool(np.any(to_numbers(node.v_reset, "v_reset")))
    return found + (["start"] if starts else []) + _own_surrogate(node)


def _own_surrogate(node: Any) -> list[str]:
    kind = type(node.surrogate_function)
    known = issubclass(kind, Surrogate) and kind.__module__.startswith("snn.surrogate.")
    return [] if known else ["surrogate"]


# From NIR


def read_neuron(
    node: Any, kind: str, shape: tuple[int, ...], dt: float, method: str, surrogate: Callable[[Any], Any] | None, where: str
) -> Cell:
    """Return the neuron that NIR's equations define for a node, one of :data:`FIELDS`.

    ``shape`` is the shape of a sample, ``dt`` the seconds of a step, and ``method``, "euler" or "exact", says how a step
    follows from the equations.
    """
    values = {name: full(numbers(node, name, where), shape, f"{where}, {name}") for name in FIELDS[kind]}
    values = {name: value.astype(np.float64) for name, value in values.items()}
    if kind == "Threshold":
        return Threshold(np.array(values["threshold"]), surrogate)
    if kind in ("I", "IF"):
        gain = values["r"] * dt
        fires = _firing(values, surrogate)
        if _is_one(gain):
            return _made(IFNode if kind == "IF" else Readout, where, **fires)
        return _made(ScaledIFNode, where, gain=uniform(gain), **(fires or {"fire": False}))
    if kind in ("LI", "LIF"):
        beta, rate = _share(values["tau"], dt, method, f"{where}, tau")
        return _leaky(values, beta, rate, dt, method, surrogate, where)
    alpha, rate_syn = _share(values["tau_syn"], dt, method, f"{where}, tau_syn")
    beta, rate = _share(values["tau_mem"], dt, method, f"{where}, tau_mem")
    fires = _firing(values, surrogate) or {"fire": False}
    gain, gain_syn = values["r"] * rate, values["w_in"] * rate_syn
    shares = {"alpha": uniform(alpha), "beta": uniform(beta)}
    if _rests_at_reset(values) and _is_one(gain_syn) and (_is_one(gain) or _is_one(values["r"])):
        return _made(CurrentLIFNode, where, **shares, decay_input=not _is_one(gain), **fires)
    more = {"gain_syn": uniform(gain_syn), "gain": uniform(gain), "v_rest": uniform(values["v_leak"])}
    return _made(RestingCurrentLIFNode, where, **shares, **more, **fires)


def _leaky(values: dict[str, Array], beta: Array, rate: Array, dt: float, method: str, surrogate: Any, where: str) -> Cell:
    fires, gain = _firing(values, surrogate), values["r"] * rate
    kind: type[Cell] = LIFNode if fires else LeakyReadout
    if _rests_at_reset(values):
        if _is_one(values["r"]):
            exact = method == "exact"
            steps = uniform(values["tau"] / dt if exact else np.maximum(values["tau"] / dt, 1))  # below 1 only by rounding
            return _made(kind, where, tau=steps, decay_input=True, exponential=exact, **fires)
        if _is_one(gain):
            return _made(kind, where, beta=uniform(beta), decay_input=False, **fires)
    more = {"gain": uniform(gain), "v_rest": uniform(values["v_leak"])}
    return _made(RestingLIFNode, where, beta=uniform(beta), **more, **(fires or {"fire": False}))


def _share(tau: Array, dt: float, method: str, where: str) -> tuple[Array, Array]:
    """Return the share that is left after a step, and the share that is lost."""
    if not np.all(tau > 0):
        raise DataError(where, "a time constant above 0 seconds", f"{tau.min():g}", MEND)
    if method == "exact":
        return np.exp(-dt / tau), -np.expm1(-dt / tau)
    rate = dt / tau
    if not np.all(rate <= 1 + _CLOSE):
        raise DataError(
            where, f"a time constant of at least dt, {dt:g} s, for a forward Euler step", f"{tau.min():g} s",
            "Pass a smaller dt, or method='exact'.",
        )  # fmt: skip
    rate = np.minimum(rate, 1)
    return 1 - rate, rate


def _firing(values: dict[str, Array], surrogate: Any) -> dict[str, Any]:
    if "v_threshold" not in values:
        return {}
    return {
        "v_threshold": uniform(values["v_threshold"]),
        "v_reset": uniform(values["v_reset"]),
        "surrogate_function": surrogate,
        "spike_value": "unit",
    }


def _rests_at_reset(values: dict[str, Array]) -> bool:
    """Return whether it rests where our neurons do: at its reset value, or at 0 if it does not fire."""
    return bool(np.all(values["v_leak"] == values.get("v_reset", 0.0)))


def _is_one(values: Array) -> bool:
    return bool(np.all(np.abs(values - 1) <= _CLOSE))


def _made(kind: type[Cell], where: str, **arguments: Any) -> Cell:
    try:
        return kind(**arguments)
    except AutogradError as error:
        raise DataError(where, error.expected, error.got, MEND) from error
