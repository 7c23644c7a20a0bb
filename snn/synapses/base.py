"""What synapses have in common: a state that goes in and out, and no spikes of their own."""

from __future__ import annotations

from typing import Any, ClassVar

from ..neurons.stateful import Stateful

__all__ = ["Synapse"]


class Synapse(Stateful):
    """Base class of synapses: a step is ``synapse(x, state) -> (out, state)``, without a spike or a reset.

    A subclass writes ``construct(x, state)``, elementwise, and names its variables in a ``State``, a NamedTuple, that of its
    output first. They can be recorded by these names. ``ranges`` says where its constants make sense, and
    ``initial_state(x)`` how it starts where that is not zeros.
    """

    fire: ClassVar[bool] = False
    called = "synapse"


def as_numbers(x: Any, like: Any) -> Any:
    """Return an input in the dtype of a state where it is of bools or whole numbers."""
    return x if x.dtype.kind == "f" else x.astype(like.dtype)
