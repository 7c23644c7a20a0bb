"""Hooks: functions that are called before and after a Cell, in the forward and the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from . import tree
from .dtypes import bool_, describe
from .errors import BpropError, BpropShapeError
from .graph import SELECT, Node
from .state import state
from .tensor import Tensor

__all__ = ["Hook", "HookHandle", "Hookable", "enter"]


class Hook(NamedTuple):
    """A hook function and the time of its calls: before or after, forward or backward."""

    when: str
    function: Callable[..., Any]


class HookHandle:
    """Removes a hook from its Cell, by :meth:`remove` or by a call."""

    def __init__(self, cell: Hookable, hook: Hook) -> None:
        self.cell, self.hook = cell, hook

    def remove(self) -> None:
        """Remove the hook; a second call has no effect."""
        self.cell._hooks = tuple(hook for hook in self.cell._hooks if hook is not self.hook)

    __call__ = remove


class Hookable:
    """Registration of hooks on a Cell."""

    _hooks: tuple[Hook, ...]

    @property
    def hooked(self) -> bool:
        """Whether this Cell itself has a hook."""
        return bool(self._hooks)

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(cell, inputs)`` before every run of this Cell; its result replaces the inputs, None keeps them.

        Return a handle whose ``remove()`` removes the hook.
        """
        return self._register("before forward", hook)

    def register_forward_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(cell, inputs, output)`` after every run of this Cell; its result replaces the output, None keeps it.

        Return a handle whose ``remove()`` removes the hook.
        """
        return self._register("after forward", hook)

    def register_backward_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(cell, grad_output)`` whenever gradients arrive at the outputs of this Cell.

        ``grad_output`` is a tuple with one gradient per output. The result of the hook replaces it; None keeps it. Return a
        handle whose ``remove()`` removes the hook.
        """
        return self._register("before backward", hook)

    def register_backward_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(cell, grad_input, grad_output)`` whenever gradients have passed through this Cell.

        It acts where the inputs enter, even if the Cell has a ``bprop``. A gradient of higher order that passes there calls it
        again. ``grad_input`` is a tuple with the structure of the positional inputs, and None for inputs that are not
        differentiated; ``grad_output`` is a tuple with one gradient per output. The result of the hook replaces
        ``grad_input``; None keeps it. Return a handle whose ``remove()`` removes the hook.
        """
        return self._register("after backward", hook)

    def _register(self, when: str, function: Callable[..., Any]) -> HookHandle:
        hook = Hook(when, function)
        self._hooks = (*self._hooks, hook)
        return HookHandle(self, hook)


def enter(cell: Any, args: tuple[Any, ...]) -> tuple[tuple[Any, ...], Callable[[Any], Any]]:
    """Run the hooks before a Cell; return its inputs, and a function of its output that runs the hooks after it.

    Backward hooks are two nodes of the graph: all inputs enter through the first, all outputs leave through the second. The
    second also sends the cotangents of the outputs to the first, so that the first has both, at any order and in any pass.
    """
    hooks: tuple[Hook, ...] = cell._hooks
    for function in _of(hooks, "before forward"):
        given = function(cell, args)
        if given is not None:
            args = given if isinstance(given, tuple) else (given,)
    node = None
    if state.recording and any(hook.when.endswith("backward") for hook in hooks):
        args, node = _entered(cell, hooks, args)

    def leave(out: Any) -> Any:
        for function in _of(hooks, "after forward"):
            given = function(cell, args, out)
            out = out if given is None else given
        return out if node is None else _left(node, out)

    return args, leave


def _of(hooks: Sequence[Hook], when: str) -> list[Callable[..., Any]]:
    return [hook.function for hook in hooks if hook.when == when]


@dataclass
class _Listening:
    """State that the two nodes around one run of a Cell share."""

    cell: Any
    hooks: tuple[Hook, ...]
    inputs: Any  # the structure, with None for leaves
    n: int  # number of leaves
    outputs: Any = ()
    likes: Sequence[tuple[tuple[int, ...], Any] | None] = ()  # shape and dtype of each leaf that is a Tensor

    def grad_output(self, arrived: dict[int, Tensor], first: int) -> tuple[Any, ...]:
        """Return the cotangents of the outputs: zeros where none arrived, None for an output that is not a Tensor."""
        values = [
            None if like is None else arrived[first + i] if first + i in arrived else Tensor.wrap(np.zeros(*like))
            for i, like in enumerate(self.likes)
        ]
        return tree.unflatten(self.outputs, iter(values))  # type: ignore[no-any-return]

    def call(self, grad_input: tuple[Any, ...], grad_output: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run the hooks after the backward pass; return the gradients of the inputs after any replacement."""
        for function in _of(self.hooks, "after backward"):
            grad_input = self._fitted(function(self.cell, grad_input, grad_output), grad_input, "grad_input")
        return grad_input

    def call_before(self, grad_output: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run the hooks before the backward pass; return the gradients of the outputs after any replacement."""
        for function in _of(self.hooks, "before backward"):
            grad_output = self._fitted(function(self.cell, grad_output), grad_output, "grad_output")
        return grad_output

    def _fitted(self, given: Any, before: tuple[Any, ...], name: str) -> tuple[Any, ...]:
        if given is None:
            return before
        where = f"backward hook of {type(self.cell).__name__}"
        replaced: tuple[Any, ...] = given if isinstance(given, tuple) else (given,)
        if not tree.same_structure(replaced, before):
            raise BpropError(
                where, f"None, or a tuple like {name}, {describe(before)}", describe(given), "None inside it stands for zero."
            )
        for value, old in zip(tree.leaves(replaced), tree.leaves(before), strict=True):
            if old is not None and value is not None and not isinstance(value, Tensor):
                raise BpropError(where, f"Tensors in place of {name}", describe(value), "Wrap it as autograd.Tensor(...).")
            if old is not None and value is not None and value.shape != old.shape:
                raise BpropShapeError(where, f"the shape of {name}, {describe(old)}", describe(value), "Keep the shape.")
        return replaced


def _entered(cell: Any, hooks: tuple[Hook, ...], args: tuple[Any, ...]) -> tuple[tuple[Any, ...], Node]:
    leaves = tree.leaves(args)
    parents = tuple(x.node if isinstance(x, Tensor) else None for x in leaves)
    structure = tree.map_leaves(lambda _: None, args)
    node = Node(_ENTER, parents, (), bool_, attrs=_Listening(cell, hooks, structure, len(leaves)))
    inside = [x if p is None else _slot(node, i, x) for i, (x, p) in enumerate(zip(leaves, parents, strict=True))]
    return tree.unflatten(args, iter(inside)), node


def _left(node: Node, out: Any) -> Any:
    outs = out if isinstance(out, tuple) else (out,)
    leaves = tree.leaves(outs)
    listening: _Listening = node.attrs
    listening.outputs = tree.map_leaves(lambda _: None, outs)
    listening.likes = [(t.shape, t.dtype) if isinstance(t, Tensor) else None for t in leaves]
    tracked = {i: t for i, t in enumerate(leaves) if isinstance(t, Tensor) and t.node is not None}
    # The leaving node has two parents per output: its origin, and a slot of the node through which the inputs entered.
    slots = [_slot(node, listening.n + i, t).node for i, t in tracked.items()]
    leave = Node(_LEAVE, (*(t.node for t in tracked.values()), *slots), (), bool_, attrs=(listening, list(tracked)))
    outs = tree.unflatten(outs, iter([_slot(leave, i, t) if i in tracked else t for i, t in enumerate(leaves)]))
    return outs if isinstance(out, tuple) else outs[0]


def _slot(node: Node, i: int, x: Tensor) -> Tensor:
    return Tensor.wrap(x.array, Node(SELECT, (node,), x.shape, x.dtype, attrs=i))


class _Enter:
    """The rule of the node through which inputs enter a Cell with backward hooks; a pass reaches it last."""

    def pull(self, node: Node, g: Any, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        listening: _Listening = node.attrs
        grads = [
            None if parent is None else g[i] if i in g else Tensor.wrap(np.zeros(parent.shape, parent.dtype))
            for i, parent in enumerate(node.parents)
        ]
        grad_input = tree.unflatten(listening.inputs, iter(grads))
        return tree.leaves(listening.call(grad_input, listening.grad_output(g, listening.n)))


class _Leave:
    """The rule of the node through which the outputs leave. It calls the hooks if no gradient of an input is requested."""

    def pull(self, node: Node, g: Any, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        listening, tracked = node.attrs
        grad_output = listening.call_before(listening.grad_output(g, 0))
        if not any(wanted[len(tracked) :]):
            listening.call(listening.inputs, grad_output)
        leaves = tree.leaves(grad_output)
        return [leaves[i] for i in tracked] * 2


_ENTER, _LEAVE = _Enter(), _Leave()
