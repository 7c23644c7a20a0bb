"""The base of synapses: a state that is passed in and returned, without spikes."""

from __future__ import annotations

from typing import Any, ClassVar

from ..neurons.stateful import Stateful

__all__ = ["Synapse"]


class Synapse(Stateful):
    """Base class of synapses: a step is ``synapse(x, state) -> (out, state)``, without a spike or a reset.

    A subclass defines ``construct(x, state)``, elementwise, and names its variables in a ``State``, a NamedTuple with its
    output first. They can be recorded by these names. ``ranges`` holds the valid ranges of its constants, and
    ``initial_state(x)`` returns the initial state if it is not zeros.
    """

    fire: ClassVar[bool] = False
    called = "synapse"


def as_numbers(x: Any, like: Any) -> Any:
    """Return an input; bools and whole numbers are cast to the dtype of a state."""
    return x if x.dtype.kind == "f" else x.astype(like.dtype)
