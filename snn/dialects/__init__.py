"""Neurons that match those of other packages: their equations, order of steps, comparator and defaults.

There is one file per peer. Its ``NEURONS`` maps each of our neurons to a function that builds the peer's neuron from the
peer's own arguments. Its ``LEFT`` holds the arguments of the peer that must keep their defaults, with advice on what to do
instead. The releases are Norse 1.1.0, Rockpool 3.1.0, Sinabs 3.1.3, snnTorch 1.0.0, SpikingJelly 2.0.0 and Spyx 1.0.0.

A constant that a peer keeps in float32 is rounded to float32 here too, even if the neuron runs in float64.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from autograd.errors import ArgumentError

__all__ = ["PEERS", "build"]

PEERS = ("norse", "rockpool", "sinabs", "snntorch", "spikingjelly", "spyx")


def build(neuron: type, peer: str, arguments: dict[str, Any]) -> Any:
    """Return a node that equals a peer's neuron: of the class ``neuron``, or of a variant if the peer has other steps."""
    name = f"{neuron.__name__}.dialect"
    if peer not in PEERS:
        raise ArgumentError(name, f"one of {', '.join(PEERS)}", repr(peer), "Name the package of the neuron.")
    dialect = import_module(f".{peer}", __name__)
    make = dialect.NEURONS.get(neuron)
    if make is None:
        there = ", ".join(sorted(kind.__name__ for kind in dialect.NEURONS))
        raise ArgumentError(name, f"one of {there} for {peer}", neuron.__name__, "Call dialect on one of these.")
    known = inspect.signature(make).parameters
    for argument, value in arguments.items():
        if argument in known:
            continue
        if argument not in dialect.LEFT:
            raise ArgumentError(name, f"arguments of {peer}: {', '.join(known)}", argument, "Use the peer's own names.")
        only, instead = dialect.LEFT[argument]
        if value is not only and not (isinstance(value, (bool, int, float, str)) and value == only):
            raise ArgumentError(name, f"{argument}={only!r}", f"{argument}={value!r}", instead)
    missing = [p.name for p in known.values() if p.default is p.empty and p.name not in arguments]
    if missing:
        raise ArgumentError(name, f"the argument {' and '.join(missing)}", "nothing", f"{peer} has no default for it.")
    return make(**{argument: value for argument, value in arguments.items() if argument in known})
