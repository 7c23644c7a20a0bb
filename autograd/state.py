"""What each thread is doing: is it recording, which Parameters does a transform watch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from .graph import Node
    from .program import Program

__all__ = ["no_grad", "quietly", "scope", "state"]


class State(threading.local):
    """The switches of one thread.

    Attributes
    ----------
    recording : bool
        Operations on tracked tensors make graph nodes.
    linking : bool
        Operations without a derivative make nodes too, so that what a Cell with its own ``bprop`` used inside can be told.
    watched : dict
        The leaf node of every Parameter that a transform differentiates by, keyed by ``id``. Replaced, never changed.
    tracing : Program or None
        What operations are written down in: Parameters are values of it that are not known yet.
    calling : callable or None
        Called with a Cell and its arguments instead of the Cell; where it returns NotImplemented, the Cell runs.
    on_bprop : callable or None
        Called with a Cell, ``dout`` and what its ``bprop`` returned, after each that ran.
    """

    recording: bool = False
    linking: bool = False
    watched: dict[int, Node] = {}
    tracing: Program | None = None
    calling: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any] | None = None
    on_bprop: Callable[[Any, Any, Any], None] | None = None


state = State()
T = TypeVar("T")


@contextmanager
def scope(**switches: Any) -> Iterator[None]:
    """Set switches of this thread's state; what they were comes back on leaving, also by an error."""
    before = {name: getattr(state, name) for name in switches}
    for name, value in switches.items():
        setattr(state, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(state, name, value)


def quietly(function: Callable[[], T]) -> T:
    """Return what a function returns, called where numpy warns of no number.

    It has a copy of the context, which ends whatever interrupts it: ``with np.errstate`` may be left without its end.
    """

    def inside() -> T:
        np.seterr(all="ignore")
        return function()

    return copy_context().run(inside)


def no_grad() -> Any:
    """Stop recording inside a ``with`` block, or inside a decorated function.

    A transform called inside differentiates its own function as usual, but its result is a constant to any transform outside.

    Examples
    --------
    >>> import autograd
    >>> from autograd import Tensor
    >>> def f(x):
    ...     with autograd.no_grad():
    ...         y = x * x
    ...     return x * y
    >>> print(autograd.grad(f)(Tensor([3.0])))
    [9.]
    """
    return scope(recording=False)
