"""Choose in ``mode="auto"`` between a compiled and an eager run, by the work of the run, estimated from shapes.

The decision is the same in every process. It ignores earlier runs and the cache directory: a compiled net with weights rounds
its currents in another order, and the same script must give the same bits each time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from autograd import Cell, Parameter, Tensor, float16, nn

from ..common.structure import is_chain, is_over_time, is_stateful, runs_at_once
from ..engine import tuning
from ..engine.backends import switched_off
from ..recurrent import Recurrent

__all__ = ["choose", "decision", "work"]

_known: WeakKeyDictionary[Cell, tuple[Any, float]] = WeakKeyDictionary()


def choose(mode: str, net: Cell, x: Tensor, cells: Sequence[Cell]) -> str:
    """Return the mode in which a run in some mode, such as "auto", takes place."""
    if mode != "auto":
        return mode
    if against(net, x, cells) is not None:
        return "eager"
    if "refused" not in net.kept():
        return "compiled"
    refused = net.kept()["refused"]
    return "eager" if refused is None or refused.unchanged() else "compiled"


def against(net: Cell, x: Tensor, cells: Sequence[Cell]) -> str | None:
    """Return the reason to run step by step in ``mode="auto"``; None if the run should be compiled.

    Parameters
    ----------
    net : Cell
        The net.
    x : Tensor
        Its input, ``[T, N, ...]``.
    cells : sequence of Cell
        The net and all Cells in it.
    """
    if (off := switched_off()) is not None:
        return off
    if any(cell.hooked for cell in cells):
        return "a Cell has a hook, which sees each step"
    if x.dtype == float16:
        return "the input is float16"
    if (seconds := _seconds(net, x, cells)) < (least := tuning.now().worthwhile):
        return f"that takes about {_ms(seconds)} ms with its gradient, less than {_ms(least)} ms"
    return None


def decision(net: Cell, x: Tensor, cells: Sequence[Cell], refused: bool = False) -> str:
    """Return a sentence with the choice of ``mode="auto"`` and its reason; the other arguments are those of `against`.

    Parameters
    ----------
    refused : bool
        Whether the net cannot be compiled.
    """
    if (reason := against(net, x, cells)) is not None:
        return f"mode='auto' runs this step by step: {reason}."
    if refused:
        return "mode='auto' warns once, then runs this step by step: it cannot be compiled."
    seconds, least = _seconds(net, x, cells), tuning.now().worthwhile
    return (
        f"mode='auto' compiles this: step by step it would take about {_ms(seconds)} ms with its gradient, "
        f"at least {_ms(least)} ms."
    )


def _ms(seconds: float) -> str:
    """Return milliseconds as text, to two digits."""
    ms = 1000 * seconds
    return f"{ms:.2g}" if ms < 100 else f"{ms:,.0f}"


def _seconds(net: Cell, x: Tensor, cells: Sequence[Cell]) -> float:
    """Return `work`, kept until shapes, Cells or tuning change."""
    now = x.shape, [id(cell) for cell in cells], tuning.now()
    if net not in _known or _known[net][0] != now:
        _known[net] = now, work(net, x)
    return _known[net][1]


def work(net: Cell, x: Tensor) -> float:
    """Return the approximate seconds that a run takes step by step, with its gradient, on one core."""
    steps, samples = x.shape[:2]
    elements = math.prod(x.shape[2:])
    seconds, cost = 0.0, tuning.now()
    for cell in _layers(net):
        elements, weights = _sizes(cell, elements, steps)
        seconds += (0 if is_over_time(cell) else cost.step) + samples * (elements * cost.neuron + weights * cost.weight)
    return steps * seconds if x.size else 0.0


def _layers(net: Cell) -> Iterator[Cell]:
    if isinstance(net, nn.SequentialCell) or not is_chain(net):
        for cell in net.cells():
            yield from _layers(cell)
    else:
        yield net


def _sizes(cell: Cell, elements: int, steps: int) -> tuple[int, int]:
    """Return the number of elements of a layer's output, and of multiplications by weights, per sample."""
    if isinstance(cell, Recurrent):
        return elements, cell.n if cell.lateral == "self" else cell.n * cell.n
    if is_over_time(cell):
        return elements, elements * steps
    if is_stateful(cell) and not runs_at_once(cell):
        return elements, 0
    for value in vars(cell).values():
        if isinstance(value, Parameter) and len(value.shape) == 2:
            for n_in, n_out in (value.shape[::-1], value.shape):
                if n_in and elements % n_in == 0:
                    rows = elements // n_in
                    return rows * n_out, rows * n_in * n_out
    return elements, 0
