"""The state of each thread, such as whether it records, and which Parameters a transform watches."""

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
    stopped : bool
        No gradient passes, inside :func:`no_grad`; a step that is traced to be differentiated later records this.
    linking : bool
        Operations without a derivative make nodes too, to find the values that a Cell with its own ``bprop`` used inside.
    watched : dict
        The leaf of every Parameter that a transform differentiates with respect to, keyed by ``id``. Replaced, never changed.
    leaves : tuple of Node, optional
        The leaves of the transforms whose functions are running, as far as gradients pass from one to the next. None outside
        them.
    tracing : Program or None
        The program that records operations; Parameters are values of it that are not known yet.
    calling : callable or None
        Called with a Cell and its arguments instead of the Cell; if it returns NotImplemented, the Cell runs.
    on_bprop : callable or None
        Called after each run of a ``bprop`` with the Cell, ``dout`` and the result.
    """

    recording: bool = False
    stopped: bool = False
    linking: bool = False
    watched: dict[int, Node] = {}
    leaves: tuple[Node, ...] | None = None
    tracing: Program | None = None
    calling: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any] | None = None
    on_bprop: Callable[[Any, Any, Any], None] | None = None


state = State()
T = TypeVar("T")


@contextmanager
def scope(**switches: Any) -> Iterator[None]:
    """Set switches of this thread's state; leaving restores them, even after an error."""
    before = {name: getattr(state, name) for name in switches}
    for name, value in switches.items():
        setattr(state, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(state, name, value)


def quietly(function: Callable[[], T]) -> T:
    """Call a function with numpy's floating-point warnings switched off; return its result.

    It runs in a copy of the context, which ends even after an interrupt; ``with np.errstate`` may then not restore its state.
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
    return scope(recording=False, stopped=True)
