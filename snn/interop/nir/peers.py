"""Neurons of packages whose graphs do not say all of them: what is known of the package says the rest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from autograd import Cell
from autograd.errors import DataError

from ...neurons.current import CurrentLIFNode
from ...neurons.leaky import LIFNode
from .fields import Array, full, numbers, uniform
from .neurons import FIELDS, read_neuron

__all__ = ["PEERS", "peer_neuron"]

PEERS = {"norse": 1e-3, "snntorch": 1e-4}
"""The packages, and the seconds of the time step for which each writes by default."""


def peer_neuron(
    peer: str, node: Any, kind: str, shape: tuple[int, ...], dt: float, options: dict[str, Any], surrogate: Any, where: str
) -> Cell:
    """Return the neuron of another package that wrote a node.

    Parameters
    ----------
    peer : {"norse", "snntorch"}
        The package.
    node, kind, shape, dt, surrogate, where
        As for :func:`read_neuron`.
    options : dict
        What the package's graphs do not say, by its own names.

    Raises
    ------
    DataError
        If the package would not have written the node in these steps.
    ArgumentError
        If an option is none of the package's.
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
            where, f"r = tau / dt, a rest of 0 and a reset to 0, as snnTorch writes with dt = {dt:g} s", "other parameters",
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
        raise DataError(where, "no options for Norse", f"{', '.join(options)}", "Its graphs say the rest.")
    told = dict(values)
    for name in set(values) & {"tau", "tau_mem", "tau_syn"}:
        told[name] = values[name] / dt
    if kind in ("I", "IF"):
        told["r"] = values["r"] / dt
    if "tau_syn" in values:
        told["w_in"] = values["w_in"] * told["tau_syn"] / dt
    return read_neuron(SimpleNamespace(**told), kind, shape, dt, "euler", surrogate, where)
