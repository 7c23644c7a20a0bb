"""Run a net over time."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import Cell, Tensor, as_tensor, float32, nn, ops, tree
from autograd.dtypes import describe
from autograd.errors import ArgumentError, CompileError, DTypeError, ShapeError, StateError

from .watch import Recorder, check_input, check_layers, label

__all__ = ["initial_state", "is_stateful", "run"]


def run(
    net: Cell,
    x: Any,
    state: Any = None,
    record: Sequence[str] = (),
    mask: Any = None,
    mode: str = "auto",
    *,
    check: bool = False,
) -> tuple[Tensor, Any, dict[str, Tensor]]:
    """Run a net over the time steps of ``x``.

    Parameters
    ----------
    net : Cell
        A neuron, an ``nn.SequentialCell`` of layers with and without state, or a Cell of your own with
        ``construct(x, state) -> (out, state)``, and ``initial_state(x) -> state`` if it is more than one neuron.
    x : Tensor or array
        Input, ``[T, N, ...]``: time, batch, features.
    state : optional
        Where to start: what an earlier run returned. None starts fresh. For a neuron, its membrane; for a SequentialCell, a
        dict from the names of its layers with state to their states.
    record : sequence of str
        What to record of each neuron: ``"spike"``; ``"v"``, the membrane **after** reset; ``"v_before_reset"``; ``"x"``, its
        input current; or a field of its state.
    mask : array of bool, optional
        ``[T, N]``; where False, a sample is over or has not begun: its state stays as it is, its output is 0, and it does not
        matter what ``x`` holds.
    mode : {"auto", "eager", "compiled"}
        How to run. There is no compiled mode in this version: ``"auto"`` runs eagerly.
    check : bool
        Look for NaN and infinity in the input and after each layer; slower.

    Returns
    -------
    out : Tensor
        ``[T, N, ...]``.
    state : same structure as above
        After the last step.
    record : dict of str to Tensor
        ``"<layer>.<what>"`` to ``[T, N, ...]``, such as ``"1.v"``; for a net that is a single neuron just ``"v"``.

    Raises
    ------
    ShapeError
        If ``x`` is not ``[T, N, ...]`` with at least one step, or the mask does not fit.
    StateError
        If the state does not fit the net, the batch or the dtype, or a step makes something else of it.
    ArgumentError
        If no neuron has what is to be recorded, or the mode is unknown.
    NonFiniteError
        With ``check``: where NaN or infinity came up first, by time step and layer.
    CompileError
        If ``mode="compiled"``.

    Examples
    --------
    >>> import numpy as np, snn
    >>> x = np.full((4, 1, 1), 0.375, np.float32)
    >>> spikes, v, record = snn.run(snn.IFNode(), x, record=["v"])
    >>> print(spikes.asnumpy().ravel(), v, record["v"].asnumpy().ravel())
    [0. 0. 1. 0.] [[0.5]] [0.375 0.75  0.125 0.5  ]
    """
    _check_mode(mode)
    if not isinstance(net, Cell):
        raise DTypeError("snn.run", "a Cell as the net", describe(net), "Put layers in an nn.SequentialCell.")
    x = as_tensor(x, "snn.run, input x")
    if x.ndim < 2 or x.shape[0] == 0:
        raise ShapeError(
            "snn.run, input x", "[T, N, ...]: at least one time step, then the batch", describe(x),
            "Put time first, and add a batch axis: x[:, None].",
        )  # fmt: skip
    keep = _check_mask(mask, x)
    if keep is not None:
        x = ops.where(_like(keep, x), x, x.dtype.type(0))  # a NaN there would spoil the gradients of weights
    if check:
        check_input(x)
    step = _Step(fresh=state is None)
    recorder = Recorder(net, record, is_stateful)
    removers = [*recorder.hooks(), *(check_layers(net, lambda: step.t) if check else ())]
    outs = []
    try:
        for t, xt in enumerate(ops.unstack(x)):
            step.t, step.mask = t, None if keep is None else keep[t]
            recorder.begin(step.mask)
            out, state = step(net, xt, state, "")
            if t == 0:
                recorder.check_names()
            outs.append(out if step.mask is None else ops.where(_like(step.mask, out), out, out.dtype.type(0)))
    finally:
        for remove in removers:
            remove()
    return ops.stack(outs), state, recorder.result()


class _Step:
    """One time step of a net, layer by layer."""

    def __init__(self, fresh: bool) -> None:
        self.t, self.fresh = 0, fresh
        self.mask: Any = None

    def __call__(self, cell: Cell, x: Any, state: Any, name: str) -> tuple[Any, Any]:
        if isinstance(cell, nn.SequentialCell):
            return self._sequence(cell, x, state, name)
        if not is_stateful(cell):
            if state is not None:
                raise StateError(f"{label(name, cell)}, state", "None: it has no state", _outline(state), "Leave state out.")
            return cell(x), None
        if self.t == 0:
            state = initial_state(cell, x, name) if self.fresh else _given(state, x, name, cell)
        result = cell(x, state)
        if not isinstance(result, tuple) or len(result) != 2:
            raise StateError(
                label(name, cell), "construct to return (out, state)", describe(result), "Return the new state beside."
            )
        out, after = result
        if self.t == 0:
            _check_kept(after, state, f"{label(name, cell)}, state after a step")
        return out, after if self.mask is None else _held(self.mask, after, state)

    def _sequence(self, cell: nn.SequentialCell, x: Any, state: Any, name: str) -> tuple[Any, Any]:
        layers = cell.named()
        if self.t == 0 and not self.fresh:
            expected = [key for key, layer in layers if _has_state(layer)]
            none_needed = state is None and not expected
            if not none_needed and (not isinstance(state, dict) or sorted(state) != sorted(expected)):
                raise StateError(
                    f"{label(name, cell)}, state", f"a dict with the layers {expected}",
                    f"a dict with {list(state)}" if isinstance(state, dict) else describe(state),
                    "Pass the state that snn.run returned for this net.",
                )  # fmt: skip
        after = {}
        for key, layer in layers:
            before = None if state is None else state.get(key)
            x, new = self(layer, x, before, f"{name}.{key}" if name else key)
            if _has_state(layer):
                after[key] = new
        return x, after


_arities: dict[type, int] = {}


def is_stateful(cell: Cell) -> bool:
    """Tell whether a Cell's ``construct`` takes an input and a state."""
    kind = type(cell)
    if kind not in _arities:
        parameters = list(inspect.signature(kind.construct).parameters.values())[1:]
        _arities[kind] = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
    return _arities[kind] == 2


def _has_state(cell: Cell) -> bool:
    return any(_has_state(c) for c in cell) if isinstance(cell, nn.SequentialCell) else is_stateful(cell)


def initial_state(cell: Cell, x: Any, name: str = "") -> Any:
    """Return the state in which a Cell starts on inputs such as ``x``, ``[N, ...]``.

    It is what the Cell's own ``initial_state`` says; a single neuron without one starts with zeros in the shape of ``x``.

    Raises
    ------
    StateError
        If the Cell holds neurons of its own and does not say how they start.
    """
    if hasattr(cell, "initial_state"):
        return cell.initial_state(x)
    if _holds_neurons(cell):
        raise StateError(
            label(name, cell), "a method initial_state(x), or state= in snn.run", "neither",
            "Return the state of each neuron inside, such as (ops.zeros((len(x), 128)), ops.zeros((len(x), 10))).",
        )  # fmt: skip
    return ops.zeros(x.shape, x.dtype if x.dtype.kind == "f" else float32)


def _holds_neurons(cell: Cell) -> bool:
    return any(is_stateful(part) for part_name, part in cell.cells_and_names() if part_name)


def _given(state: Any, x: Any, name: str, cell: Cell) -> Any:
    """Return a state that was given, if it is like the one at a fresh start, where the Cell says what that is."""
    where = f"{label(name, cell)}, state"
    fix = "Pass the state that snn.run returned for this net, batch size and dtype, or None to start fresh."
    if _holds_neurons(cell) and not hasattr(cell, "initial_state"):
        return tree.map_leaves(lambda leaf: as_tensor(leaf, where), state)
    start = initial_state(cell, x, name)
    if not tree.same_structure(state, start):
        raise StateError(where, f"the structure of {_outline(start)}", _outline(state), fix)
    tensors = [as_tensor(leaf, where) for leaf in tree.leaves(state)]
    for given, fresh in zip(tensors, tree.leaves(start), strict=True):
        if _kind(given) != _kind(fresh):
            raise StateError(where, describe(fresh), describe(given), fix)
    return tree.unflatten(start, iter(tensors))


def _check_kept(after: Any, before: Any, where: str) -> None:
    """Check that a step returns a state such as it got."""
    alike = tree.same_structure(after, before) and all(
        _kind(new) == _kind(old) for new, old in zip(tree.leaves(after), tree.leaves(before), strict=True)
    )
    if not alike:
        raise StateError(
            where, f"{_outline(before)}, as before it", _outline(after),
            "A state keeps its structure, shapes and dtypes; initial_state(x) says how it starts.",
        )  # fmt: skip


def _kind(leaf: Any) -> tuple[Any, Any]:
    return getattr(leaf, "shape", None), getattr(leaf, "dtype", None)


def _outline(state: Any) -> str:
    return str(tree.map_leaves(describe, state)).replace("'", "")


def _held(mask: Any, after: Any, before: Any) -> Any:
    """Return the state after a step where the mask holds, and before it elsewhere."""
    leaves = zip(tree.leaves(after), tree.leaves(before), strict=True)
    return tree.unflatten(after, iter([ops.where(_like(mask, new), new, old) for new, old in leaves]))


def _like(mask: Any, x: Any) -> Any:
    """Give a mask ``[N]`` or ``[T, N]`` as many axes as ``x``."""
    return mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim))


def _check_mode(mode: str) -> None:
    if mode == "compiled":
        raise CompileError(
            "snn.run", "mode 'auto' or 'eager'", "'compiled'", "This version has no compiled mode; nothing was run."
        )
    if mode not in ("auto", "eager"):
        raise ArgumentError("snn.run", "mode 'auto', 'eager' or 'compiled'", repr(mode), "Choose one of them.")


def _check_mask(mask: Any, x: Tensor) -> Any:
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.shape != x.shape[:2] or array.dtype != bool:
        raise ShapeError(
            "snn.run, mask", f"[T, N] = {list(x.shape[:2])} Bool", describe(array),
            "One truth value for each time step and sample; True where there is data.",
        )  # fmt: skip
    return array
