"""A Cell with its own bprop as one node of the graph, and checks of the gradients that the bprop returns."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from . import tree
from .dtypes import bool_, describe
from .errors import BpropError, BpropShapeError, GradientError
from .graph import LEAF, SELECT, Node, clock, sources
from .parameter import Parameter
from .program import Value
from .state import state
from .tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from .cell import Cell

__all__ = ["call_with_bprop"]


def call_with_bprop(cell: Cell, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run ``cell.construct`` and record its ``bprop`` as the derivative.

    Each input enters through a barrier. Values that reach the outputs on another path, such as Parameters, have gradients that
    ``bprop`` would hide. Values that leave ``construct`` other than as outputs cannot be differentiated.
    """
    keywords: tuple[str, ...] = ()
    if kwargs or len(args) != _n_positional(type(cell)):
        args, keywords = _bind(cell, args, kwargs)
    inputs = tree.leaves(args)
    parents = [x.node if isinstance(x, Tensor) else None for x in inputs]
    bare = [
        Tensor.wrap(x.array, _barred(cell, n)) if isinstance(x, Tensor) else x for x, n in zip(inputs, parents, strict=True)
    ]
    floor = clock()
    before = state.linking, state.watched
    try:
        state.linking, state.watched = True, _Barred(cell, state.watched)
        given = tree.unflatten(args, iter(bare))
        n = len(given) - len(keywords)
        out = cell.construct(*given[:n], **dict(zip(keywords, given[n:], strict=True)))
    finally:
        state.linking, state.watched = before
    outs = [t for t in tree.leaves(out) if isinstance(t, Tensor)]
    found = sources([t.node for t in outs if t.node is not None], floor)
    hidden = [node for node in found if node.rule is not _BARRIER]
    # If construct reads a Parameter outside operations, for example as an array, bprop may supply its gradient but need not.
    optional = [node for p in cell.get_parameters() if (node := p.node) is not None and node not in hidden]
    if not outs or not (hidden or optional or any(parents)):
        return out
    single = out is outs[0]
    node = Node(
        _CALL,
        (*parents, *hidden, *optional),
        outs[0].shape if single else (),
        outs[0].dtype if single else bool_,
        [Tensor.wrap(x.array, n) if isinstance(x, Tensor) else x for x, n in zip(inputs, parents, strict=True)],
        tree.map_leaves(lambda t: t.array if isinstance(t, Tensor) else t, out),
        {"cell": cell, "args": tree.map_leaves(lambda _: None, args), "n_hidden": len(hidden)},
    )
    return _outputs(node, recorded=True)


def _outputs(node: Node, recorded: bool) -> Any:
    """Make new output tensors of a call; a node that held them would form a reference cycle."""
    arrays = tree.leaves(node.out)
    if not isinstance(node.out, (tuple, list, dict)):
        return Tensor.wrap(node.out, node if recorded else None)
    made = [
        Tensor.wrap(a, Node(SELECT, (node,), a.shape, a.dtype, attrs=i) if recorded else None)
        if isinstance(a, (np.ndarray, Value))
        else a
        for i, a in enumerate(arrays)
    ]
    return tree.unflatten(node.out, iter(made))


class _Barrier:
    """The rule of an input inside a Cell with its own bprop: a cotangent that arrives here is an error."""

    def pull(self, node: Node, g: Any, wanted: Sequence[bool]) -> list[Tensor | None]:
        kind = type(node.attrs).__name__
        raise GradientError(
            f"gradient through {kind}", f"{kind}.construct to return every value that is used outside it",
            "a value kept from inside, in an attribute or a record",
            f"Return it as one of several outputs; {kind}.bprop takes gradients of outputs only.",
        )  # fmt: skip


_BARRIER = _Barrier()


def _barred(cell: Cell, node: Node | None) -> Node | None:
    return None if node is None else Node(_BARRIER, (node,), node.shape, node.dtype, attrs=cell)


class _Barred(dict[int, Node]):
    """The watched Parameters; each gets a barrier when it is used."""

    def __init__(self, cell: Cell, watched: dict[int, Node]) -> None:
        super().__init__(watched)
        self.cell = cell

    def get(self, key: int, default: Any = None) -> Any:
        return _barred(self.cell, super().get(key, default))


class _Call:
    """The rule of the node of a call: run the Cell's ``bprop`` and check its result."""

    def pull(self, node: Node, g: Any, wanted: Sequence[bool]) -> list[Tensor | None]:
        cell: Cell = node.attrs["cell"]
        where = f"{type(cell).__name__}.bprop"
        inputs = tree.unflatten(node.attrs["args"], iter(node.saved))
        out = _outputs(node, state.recording)
        dout = g
        if isinstance(g, dict):
            zeros = [
                Tensor.wrap(np.zeros(a.shape, a.dtype)) if isinstance(a, (np.ndarray, Value)) else a
                for a in tree.leaves(node.out)
            ]
            dout = tree.unflatten(node.out, iter([g.get(i, zero) for i, zero in enumerate(zeros)]))
        returned = _call_bprop(cell, inputs, out, dout, where)
        if state.on_bprop is not None:
            state.on_bprop(cell, dout, returned)
        by_input, by_parameter = _split_parameters(returned, len(inputs), where)
        flat = _check(by_input, inputs, where)
        n = len(node.saved)
        own = {*map(id, cell.get_parameters()), *(id(p.attrs) for p in node.parents[n:] if p is not None)}
        for key, (parameter, value) in by_parameter.items():
            if key not in own:
                raise BpropError(
                    where, "gradients of its own Parameters", f"the gradient of {parameter.name!r}",
                    "Return it from the bprop of the Cell that uses it.",
                )  # fmt: skip
            _fit(value, parameter, f"{where}, gradient of Parameter {parameter.name!r}")
        beside = [
            _beside(cell, parent, by_parameter, i < node.attrs["n_hidden"]) if asked else None
            for i, (parent, asked) in enumerate(zip(node.parents[n:], wanted[n:], strict=True))
        ]
        # Check all gradients, even those that are not requested this time.
        fitted = [
            _fit(value, x, f"{where}, gradient of input {i}")
            for i, (value, x) in enumerate(zip(flat, node.saved, strict=True))
        ]
        return [g if asked else None for g, asked in zip(fitted, wanted, strict=False)] + beside


_CALL = _Call()


def _n_positional(cls: type) -> int | None:
    """Return the number of positional inputs of ``construct``, or None if it is not fixed."""
    if cls not in _arities:
        parameters = list(inspect.signature(cls.construct).parameters.values())[1:]  # type: ignore[attr-defined]
        plain = all(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
        _arities[cls] = len(parameters) if plain else None
    return _arities[cls]


_arities: WeakKeyDictionary[type, int | None] = WeakKeyDictionary()


def _bind(cell: Cell, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Return all arguments by position, one slot of ``bprop`` each, and the names of the keyword-only ones."""
    bound = inspect.signature(cell.construct).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args + tuple(bound.kwargs.values()), tuple(bound.kwargs)


def _call_bprop(cell: Cell, inputs: tuple[Any, ...], out: Any, dout: Any, where: str) -> Any:
    bprop: Any = cell.bprop  # type: ignore[attr-defined]
    known = _by_name.setdefault(getattr(bprop, "__func__", bprop), {})
    if (by_name := known.get(len(inputs))) is None:
        by_name = known[len(inputs)] = _takes_names(cell, bprop, len(inputs), where)
    return bprop(*inputs, out=out, dout=dout) if by_name else bprop(*inputs, out, dout)


_by_name: WeakKeyDictionary[Any, dict[int, bool]] = WeakKeyDictionary()


def _takes_names(cell: Cell, bprop: Any, n: int, where: str) -> bool:
    """Check a bprop's signature; return whether it takes out and dout by name, as it must after ``*inputs``."""
    signature = inspect.signature(bprop)
    kinds = [p.kind for name, p in signature.parameters.items() if name in ("out", "dout")]
    by_name = kinds == [inspect.Parameter.KEYWORD_ONLY] * 2
    swapped = not by_name and [name for name in signature.parameters if name in ("out", "dout")] == ["dout", "out"]
    try:
        signature.bind(*[None] * (n if by_name else n + 2), **(dict.fromkeys(("out", "dout")) if by_name else {}))
        if swapped:
            raise TypeError("dout comes before out")
    except TypeError as error:
        names = ", ".join(["self", *inspect.signature(cell.construct).parameters, "out", "dout"])
        raise BpropError(
            where, f"the signature ({names})", f"({', '.join(['self', *signature.parameters])}): {error}",
            "A bprop takes the inputs of construct, then out and dout.",
        ) from None  # fmt: skip
    return by_name


def _split_parameters(returned: Any, n: int, where: str) -> tuple[Any, dict[int, tuple[Parameter, Any]]]:
    """Split ``(gradients of inputs), {parameter: gradient}``."""
    match returned:
        case (tuple() as by_input, dict() as by_parameter) if n != 2 or by_parameter:
            if all(isinstance(key, Parameter) for key in by_parameter):
                return by_input, {id(key): (key, value) for key, value in by_parameter.items()}
            if n != 2:
                raise BpropError(
                    where, "a dict whose keys are Parameters", f"the keys {list(by_parameter)}", "Write {self.weight: dw}."
                )
    return returned, {}


def _check(returned: Any, inputs: tuple[Any, ...], where: str) -> list[Any]:
    """Check the tuple that a bprop returned against its inputs; return one value for each leaf of the inputs."""
    n = len(inputs)
    expected = f"a tuple with one gradient for each of {n} input{'s' * (n != 1)}"
    if not isinstance(returned, tuple):
        fix = "One gradient is a tuple too: return (dx,)." if n == 1 else "Return (dx, dy, ...); None stands for zero."
        raise BpropError(where, expected, describe(returned), fix)
    if len(returned) != n:
        fix = "Every input of construct takes a slot, even one that is not a Tensor; None stands for zero."
        raise BpropError(where, expected, f"{len(returned)} value{'s' * (len(returned) != 1)}", fix)
    flat: list[Any] = []
    for i, (value, given) in enumerate(zip(returned, inputs, strict=True)):
        flat += _flatten(value, given, f"{where}, gradient of input {i}")
    return flat


def _flatten(value: Any, given: Any, where: str) -> list[Any]:
    """Return one gradient for each leaf of an input."""
    if not isinstance(given, (tuple, list, dict)):
        return [value]
    if value is None:
        return [None] * len(tree.leaves(given))
    if isinstance(given, dict):
        fits = isinstance(value, dict) and value.keys() == given.keys()
        pairs = [(value[key], given[key]) for key in given] if fits else []
    else:
        fits = isinstance(value, tuple if isinstance(given, tuple) else (tuple, list)) and len(value) == len(given)
        pairs = list(zip(value, given, strict=True)) if fits else []
    if not fits:
        raise BpropError(
            where, f"the structure of that input, a {type(given).__name__} of {len(given)}", describe(value),
            "Return the gradients in the same nesting; None stands for zero.",
        )  # fmt: skip
    return [leaf for part, item in pairs for leaf in _flatten(part, item, where)]


def _fit(value: Any, x: Any, where: str) -> Tensor | None:
    """Check one gradient against its input or Parameter."""
    if value is None or not isinstance(x, Tensor) or x.dtype.kind != "f":
        return None
    if not isinstance(value, (Tensor, np.ndarray, np.generic, int, float)):
        raise BpropError(where, f"a Tensor of shape {list(x.shape)}, or None for zero", describe(value), "Return a Tensor.")
    weak = isinstance(value, (int, float)) and x.dtype.kind == "f"
    g = Tensor.wrap(np.asarray(value, x.dtype)) if weak else as_tensor(value, where)
    if g.shape != (x.shape if state.tracing is None else ()):
        raise BpropShapeError(
            where, f"shape {list(x.shape)}", describe(value),
            "Sum over the axes that were broadcast, or use ops.broadcast_to.",
        )  # fmt: skip
    return g


def _beside(cell: Cell, parent: Node | None, by_parameter: dict[int, Any], used: bool) -> Tensor | None:
    """Return the gradient that the bprop supplied for a value that reached construct other than as an input."""
    kind = type(cell).__name__
    parameter = parent.attrs if parent is not None and parent.rule is LEAF else None
    if isinstance(parameter, Parameter):
        if id(parameter) in by_parameter:
            return _fit(by_parameter[id(parameter)][1], parameter, f"{kind}.bprop, gradient of Parameter {parameter.name!r}")
        what = f"Parameter {parameter.name!r}"
    else:
        what = "a tensor that reached construct without being an input"
    if not used:
        return None
    error = GradientError(
        f"gradient through {kind}",
        f"{kind}.bprop to supply every requested gradient of a value that construct uses",
        f"no gradient for {what}",
        "Return it as `return (dx,), {self.weight: dw}`, or pass the value to construct as an input. "
        "If the gradient is not wanted, set requires_grad=False or leave it out of the weights.",
    )
    if state.tracing is not None and isinstance(parameter, Parameter):
        state.tracing.hidden.append((parameter, error))  # only the caller of a trace knows which are requested
        return None
    raise error
