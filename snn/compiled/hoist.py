"""Run nodes without a loop on all time steps: at once where the result is the same, else step by step."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from autograd import Cell, Tensor, ops, tree

from ..common.structure import held, is_repeated, like, observed
from ..graphs.graph import Edge, Graph, Node
from ..sums import spike_sum

__all__ = ["at_once", "each_step", "hoisted", "is_constant", "padded", "with_state"]


def padded(value: Tensor, axes: int) -> Tensor:
    """Insert axes of length 1 after the time axis until this many axes follow it."""
    missing = axes - (value.ndim - 1)
    return value if missing <= 0 else ops.reshape(value, (value.shape[0], *(1,) * missing, *value.shape[1:]))


def each_step(function: Callable[..., Any], values: list[Any], varies: list[bool], steps: int) -> list[Tensor]:
    """Run a function step by step; return each of its outputs at all steps."""
    outs = []
    for t in range(steps):
        given = [value[t] if moving else value for value, moving in zip(values, varies, strict=True)]
        outs.append(tree.leaves(function(*given)))
    return [ops.stack([*column]) for column in zip(*outs, strict=True)]


def with_state(
    cell: Any, x: Tensor, state: Any, names: Sequence[str], mask: Any
) -> tuple[Tensor, Any, dict[str, Tensor]]:  # fmt: skip
    """Run a Cell with a state step by step, if a mask holds some samples, or the state is recorded.

    Return its output at all steps, the final state and the records.
    """
    outs, seen = [], []
    for t, xt in enumerate(ops.unstack(x)):
        out, after = cell(xt, state)
        step = observed(cell, names, xt, state, out, after)
        found = {name: new for name, (new, _) in step.items()}
        if mask is not None:
            after = held(mask[t], after, state)
            for name, (new, old) in step.items():
                found[name] = ops.where(like(mask[t], new), new, new.dtype.type(0) if old is None else old)
        outs.append(out)
        seen.append(found)
        state = after
    return ops.stack(outs), state, {name: ops.stack([step[name] for step in seen]) for name in seen[0]}


_SHIFTED = {
    "sum", "prod", "max", "min", "all", "any", "argmax", "argmin", "cumsum", "flip", "squeeze", "expand_dims", "_stack",
    "_concat", "_split", "_unstack", "_softmax", "_log_softmax", "_standardize",
}  # fmt: skip
_PER_SAMPLE = {"_conv", "_conv_input", "_max_pool", "_sum_pool"}
_OVER_ALL = {"sum", "prod", "max", "min", "all", "any"}


def hoisted(graph: Graph, node: Node, values: list[Any], steps: int) -> list[Tensor]:
    """Run an operation on all steps at once if the result is known to be the same as step by step."""
    op, attrs = node.what, dict(node.attrs)
    varies = [isinstance(item, Edge) and graph.nodes[item.node].varies for item in node.inputs]
    if not any(varies):
        out = op(*values, **attrs)
        return list(out) if isinstance(out, tuple) else [out]
    if op is ops.add and all(varies) and (made := spike_sum(*values)) is not None:
        return [made]
    rank = max(v.ndim - moving for v, moving in zip(values, varies, strict=True) if isinstance(v, Tensor))
    name = op.__name__
    if op.scalar is not None or op.expand is not None or "dtype" in op.attr_names or name == "_matmul":
        values = [padded(v, rank) if moving else v for v, moving in zip(values, varies, strict=True)]
    elif name in ("_reshape", "_broadcast_to"):
        attrs["to"] = (steps, *node.outputs[0].shape)
        values = [padded(v, len(node.outputs[0].shape)) if name == "_broadcast_to" else v for v in values]
    elif name == "transpose":
        axes = attrs.get("axes")
        axes = tuple(range(rank))[::-1] if axes is None else tuple(a % rank for a in axes)
        attrs["axes"] = (0, *(a + 1 for a in axes))
    elif name in _SHIFTED and (axis := _shifted(name, attrs.get("axis"), rank)) is not None:
        if op.arity is None:
            values = [
                v if moving else ops.broadcast_to(v, (steps, *v.shape)) for v, moving in zip(values, varies, strict=True)
            ]
        attrs["axis"] = axis
    elif name == "_getitem" and all(isinstance(i, (int, slice)) or i is None or i is Ellipsis for i in _tuple(attrs["index"])):
        attrs["index"] = (slice(None), *_tuple(attrs["index"]))
    elif name == "_pad":
        attrs["pad_width"] = ((0, 0), *attrs["pad_width"])
    elif name in _PER_SAMPLE and not any(varies[1:]):
        x, *others = values
        out = op(ops.reshape(x, (steps * x.shape[1], *x.shape[2:])), *others, **attrs)
        return [ops.reshape(out, (steps, x.shape[1], *out.shape[1:]))]
    else:
        return each_step(functools.partial(op, **attrs), values, varies, steps)
    out = op(*values, **attrs)
    return list(out) if isinstance(out, tuple) else [out]


def _tuple(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def _shifted(name: str, axis: Any, rank: int) -> Any:
    """Return an axis, or several, moved one place on; None if that changes the result."""
    if axis is None:
        return tuple(range(1, rank + 1)) if name in _OVER_ALL else None
    if isinstance(axis, tuple):
        return tuple(a + 1 if a >= 0 else a for a in axis)
    return axis + 1 if axis >= 0 else axis


def is_constant(cell: Cell, x: Tensor) -> bool:
    """Return whether a stateless layer returns the same at all time steps, so that one step is enough.

    If the steps have separate gradients, it runs on all of them.
    """
    if not (cell.per_sample and cell.repeatable and type(x) is Tensor and is_repeated(x.array)):
        return False
    node = x.node
    if node is None:
        return True
    parent = node.parents[0] if getattr(node.rule, "__name__", "") == "_broadcast_to" else None
    return parent is not None and parent.shape == x.shape[1:]


def _of_one_step(x: Tensor) -> Tensor:
    """Return one step of an input that is the same at all steps; its gradient goes to the node before the broadcast."""
    return Tensor.wrap(x.array[0], None if x.node is None else x.node.parents[0])


def at_once(cell: Cell, x: Tensor) -> Tensor:
    """Run a stateless layer on all time steps, at once if it treats each sample independently."""
    steps, n = x.shape[:2]
    if not cell.per_sample:
        return ops.stack([Cell.__call__(cell, xt) for xt in ops.unstack(x)])
    if is_constant(cell, x):
        out = Cell.__call__(cell, _of_one_step(x))
        return ops.broadcast_to(out, (steps, *out.shape))
    out = Cell.__call__(cell, ops.reshape(x, (steps * n, *x.shape[2:])))
    return ops.reshape(out, (steps, n, *out.shape[1:]))
