"""Functions that refuse unknown argument names and suggest the name that is meant, as classes do."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from autograd.foreign import misnamed, renamed

__all__ = ["own_arguments"]

P = ParamSpec("P")
R = TypeVar("R")

_NAMES = {
    "num_steps": "T", "n_steps": "T", "time_steps": "T", "timesteps": "T", "join": "connect", "cnf": "connect",
    "connect_f": "connect", "num_classes": "classes", "in_channels": "channels", "norm_layer": "norm",
    "spiking_neuron": "neuron",
}  # fmt: skip
"""Argument names of other packages, and their names here."""


def own_arguments(where: str, **advice: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a function that refuses unknown argument names, and suggests the name that is meant.

    ``where`` names the function in errors. ``advice`` says what to do instead, for arguments of other packages that it does
    not have under any name.
    """

    def decorate(fn: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(fn).parameters
        known = [name for name, parameter in parameters.items() if parameter.kind is not parameter.VAR_KEYWORD]
        takes_more = len(known) < len(parameters)

        @functools.wraps(fn)
        def checked(*args: P.args, **options: P.kwargs) -> R:
            for name in options:
                if name not in known and not takes_more:
                    own = _NAMES.get(name)
                    fix = advice.get(name) or (f"{name}= is called {own}= here." if own in known else renamed([name], known))
                    raise misnamed(where, [name], known, fix, path=f"snn.{where}")
            return fn(*args, **options)

        return checked

    return decorate
