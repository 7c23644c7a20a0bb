"""One observed run of a net: the inputs and outputs of each neuron, and the gradient that comes back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor, as_tensor, float32, nn, no_grad, ops, tree, value_and_grad
from autograd.errors import ArgumentError, CompileError

from ..common.structure import is_chain, is_over_time, is_stateful, like, passes_straight, variables
from ..compiled.auto import choose
from ..compiled.layout import Options
from ..eager.watch import Recorder
from ..engine.backends import back_end, modes
from ..graphs import parts_of
from ..graphs.graph import Edge
from ..layers import Delay, DelayedDense, LearntDelays
from ..readout import check_mask
from ..simulate import run

__all__ = ["Seen", "probe"]

Array = np.ndarray[Any, Any]
Loss = Callable[[Tensor], Tensor]


@dataclass
class Seen:
    """Observations of a layer of neurons.

    Attributes
    ----------
    name : str
        Its name in the net.
    cell : Cell
        The neuron.
    x, out : array
        Input currents and outputs, ``[T, N, ...]``; another number of steps if the neuron did not run exactly once per step.
    before : structure of arrays or None
        State before each step, ``[T, N, ...]`` each; None if its variables have no names and cannot be recorded.
    gradient : array or None
        Gradient of the loss with respect to ``x``, if there is one.
    start : structure of Tensor or array
        State at the start.
    is_output : bool
        Whether its outputs are those of a net with other layers.
    """

    name: str
    cell: Cell
    x: Array
    out: Array
    before: Any
    gradient: Array | None
    start: Any
    is_output: bool = False


class _Tap(Cell):
    """Passes a current on, and keeps the gradient that comes back."""

    per_sample, repeatable = True, False

    def __init__(self, anchor: Parameter) -> None:
        super().__init__()
        self.anchor = anchor  # differentiated with respect to it, so that gradients reach this Cell and stop
        self.current: Any = None
        self.gradient: Any = None

    def construct(self, x: Any) -> Any:
        x = x if x.dtype.kind == "f" else x.astype(float32)
        self.current = x.array
        return x

    def bprop(self, x: Any, out: Any, dout: Any) -> Any:
        self.gradient = dout.asnumpy()
        return (dout if x.dtype.kind == "f" else None,), {self.anchor: self.anchor * 0.0}

    def arrived(self) -> Any:
        return np.zeros_like(self.current) if self.gradient is None else self.gradient


def probe(net: Cell, x: Any, loss: Loss | None, state: Any, mask: Any, mode: str) -> tuple[list[Seen], str]:
    """Run a net forward, and with a loss backward; return observations of each layer of neurons, and the mode of the run.

    Raises
    ------
    AutogradError
        As from :func:`snn.run`.
    """
    x = as_tensor(x, "snn.health, input x")
    if not isinstance(net, Cell) or x.ndim < 2 or not len(x):
        run(net, x, state, mask=mask, mode=mode)  # raises the error for a wrong argument
    keep = check_mask(mask, x, "snn.health", of_each=False)
    cells = [cell for _, cell in net.cells_and_names()]
    chosen = choose(mode, net, x, cells) if mode != "auto" or _is_plain(net) else "eager"
    if chosen in modes():
        try:
            return _marked(net, *_layer_by_layer(net, x, loss, state, keep, Options(back_end(chosen))), keep), chosen
        except CompileError:
            if mode != "auto":
                raise
            chosen = "eager"
    return _marked(net, *_step_by_step(net, x, loss, state, mask, chosen), keep), chosen


def _marked(net: Cell, found: list[Seen], out: Any, keep: Any) -> list[Seen]:
    """Mark the layers whose outputs are those of the net, perhaps in another shape."""
    if not isinstance(out, Tensor):
        return found
    values = out.asnumpy()
    for seen in found:
        if seen.cell is not net and seen.out.size == values.size and len(seen.out) == len(values):
            own = seen.out if keep is None else np.where(like(keep, seen.out), seen.out, 0)
            seen.is_output = np.array_equal(own.ravel(), values.ravel())
    return found


def _fires_over_time(cell: Cell) -> bool:
    """Return whether a Cell is a layer of neurons that takes all time steps at once."""
    return is_over_time(cell) and hasattr(cell, "charge")


def _is_observed(cell: Cell) -> bool:
    """Return whether a layer has a state, or neurons over all time steps, and does more than wait."""
    return (is_stateful(cell) or _fires_over_time(cell)) and not isinstance(cell, (Delay, DelayedDense, LearntDelays))


def _is_plain(net: Cell) -> bool:
    """Return whether a net is a chain whose layers each receive only the output of the previous one."""
    chains = [cell for _, cell in net.cells_and_names() if isinstance(cell, nn.SequentialCell)]
    return is_chain(net) and all(map(passes_straight, chains))


def _tapped(
    net: nn.SequentialCell, anchor: Parameter, taps: dict[str, tuple[Cell, _Tap]], path: str = ""
) -> nn.SequentialCell:
    """Return a chain of the same layers, with a tap before each neuron."""
    layers: dict[str, Cell] = {}
    for key, layer in net.named():
        name = f"{path}{key}"
        if isinstance(layer, nn.SequentialCell):
            layers[key] = _tapped(layer, anchor, taps, f"{name}.")
            continue
        if _is_observed(layer):
            seen_before = any(cell is layer for cell, _ in taps.values())
            taps[name] = layer, _Tap(anchor)
            layers[f"{key} tap"] = taps[name][1]
            layer = copy.copy(layer) if seen_before else layer  # records distinguish neurons by identity
        layers[key] = layer
    return nn.SequentialCell(layers)


def _layer_by_layer(
    net: Cell, x: Tensor, loss: Loss | None, state: Any, keep: Any, options: Options
) -> tuple[list[Seen], Any]:
    from ..compiled.execute import Execution, begin
    from ..compiled.known import schedule_for

    if not _is_plain(net):
        raise CompileError(
            f"snn.health, {type(net).__name__}", "a chain of layers, with currents between them to observe",
            "a Cell that holds neurons, or a chain with a shortcut", "Leave mode out, or use mode='eager'.",
        )  # fmt: skip
    anchor, taps = Parameter(np.zeros((), float32)), dict[str, tuple[Cell, _Tap]]()
    alone = not isinstance(net, nn.SequentialCell)
    chain = _tapped(net if isinstance(net, nn.SequentialCell) else nn.SequentialCell(net), anchor, taps)
    state = {"0": state} if alone and state is not None else state
    if keep is not None:
        x = ops.where(like(keep, x), x, x.dtype.type(0))
    parts = parts_of(chain, schedule_for(chain, x, state)[0].graph.state)
    names = tuple({name: None for part in parts for name in variables(tree.map_leaves(lambda _: _SOMETHING, part))})
    outs: dict[str, Tensor] = {}
    runs: list[Execution] = []

    def forward() -> Tensor:
        run = begin(chain, x, state, names, keep, False, options)
        runs.append(run)
        for stage in run.stages():
            for node in (stage.node,) if stage.node is not None else [n for core in stage.cores for n in core.nodes]:
                if node.path in taps and node.kind in ("layer", "population"):
                    outs[node.path] = run.values[Edge(node.number)]
        return run.outcome()[0]  # type: ignore[no-any-return]

    result = _there_and_back(forward, loss, anchor)
    run = runs[-1]
    starts = {
        begun.name: tree.map_leaves(run.starts.__getitem__, part)
        for begun, part in zip(run.graph.starts, parts_of(chain, run.graph.state), strict=True)
    }
    found = []
    for name, (cell, tap) in taps.items():
        start, gradient = starts.get(name), tap.arrived() if loss else None
        before = None if start is None else _before(start, name, run.records, keep)
        shape = len(x), -1, *tap.current.shape[1:]  # the tap received the samples of all steps
        out, gradient = outs[name].asnumpy(), None if gradient is None else gradient.reshape(shape)
        found.append(Seen("" if alone else name, cell, tap.current.reshape(shape), out, before, gradient, start))
    return found, result


_SOMETHING = np.zeros(())


def _there_and_back(forward: Callable[[], Tensor], loss: Loss | None, anchor: Parameter) -> Any:
    """Run forward and, with a loss, backward to the taps; return the output."""
    outs: list[Any] = []

    def run() -> Tensor:
        outs.append(forward())
        return outs[-1]  # type: ignore[no-any-return]

    if loss is None:
        with no_grad():
            run()
    else:
        value_and_grad(lambda: loss(run()), None, anchor, allow_unused=True)()
    return outs[-1]


def _before(start: Any, name: str, records: dict[str, Tensor], keep: Any) -> Any:
    """Return the state before each step, from the start state and the records after each step."""
    names = [f"{name}.{variable}" for variable in variables(start)]
    first = tree.leaves(start)
    if len(names) != len(first) or any(name not in records for name in names):
        return None
    columns = []
    for key, leaf in zip(names, first, strict=True):
        after = records[key].asnumpy()
        column = np.concatenate([leaf.asnumpy()[None], after[:-1]])
        if keep is not None:  # values held while a sample is masked
            for t in range(1, len(column)):
                column[t] = np.where(like(keep[t - 1], after[t - 1]), after[t - 1], column[t - 1])
        columns.append(column)
    return tree.unflatten(start, iter(columns))


def _step_by_step(net: Cell, x: Tensor, loss: Loss | None, state: Any, mask: Any, mode: str) -> tuple[list[Seen], Any]:
    anchor = Parameter(np.zeros((), float32))
    stepping = {name for name, _ in Recorder(net, ()).neurons}
    neurons = [(n, c) for n, c in net.cells_and_names() if _is_observed(c) and (n in stepping or _fires_over_time(c))]
    watched = [_Watched(name, cell, anchor) for name, cell in neurons]
    removers = [remove for one in watched for remove in one.hooks()]
    try:
        out = _there_and_back(lambda: run(net, x, state, mask=mask, mode=mode)[0], loss, anchor)
    finally:
        for remove in removers:
            remove()
    return [seen for one in watched for seen in one.seen(len(x), loss is not None)], out


class _Watched:
    """An observed neuron in a net that runs step by step."""

    def __init__(self, name: str, cell: Cell, anchor: Parameter) -> None:
        self.name, self.cell, self.anchor, self.over_time = name, cell, anchor, is_over_time(cell)
        self.entered: tuple[_Tap, Any] | None = None
        self.calls: list[tuple[_Tap, Any, Array]] = []

    def hooks(self) -> list[Callable[[], None]]:
        """Attach the hooks; return the functions that remove them."""
        return [self.cell.register_forward_pre_hook(self._enter), self.cell.register_forward_hook(self._leave)]

    def _enter(self, cell: Cell, inputs: tuple[Any, ...]) -> Any:
        self.entered = None
        x, *state = inputs
        if isinstance(x, dict) and state:
            raise ArgumentError(
                f"snn.health, {self.name or type(self.cell).__name__}", "neurons with one input", "inputs by receptor",
                "These cannot be observed: use a net in which the neuron gets a single sum.",
            )  # fmt: skip
        if len(state) > 1 or not isinstance(x, (Tensor, np.ndarray)):
            return None  # not a neuron
        tap = _Tap(self.anchor)
        self.entered = tap, tree.map_leaves(lambda leaf: as_tensor(leaf).asnumpy(), state[0]) if state else None
        return tap(as_tensor(x)), *state

    def _leave(self, cell: Cell, inputs: tuple[Any, ...], output: Any) -> None:
        if self.entered is not None and (self.over_time or (isinstance(output, tuple) and len(output) == 2)):
            self.calls.append((*self.entered, as_tensor(output if self.over_time else output[0]).asnumpy()))

    def seen(self, steps: int, back: bool) -> list[Seen]:
        """Return the observations as one layer, or as several if the neuron has several places in the net."""
        if self.over_time:
            places = [[call] for call in self.calls]
        else:
            times = len(self.calls) // steps if len(self.calls) % steps == 0 else 1
            places = [self.calls[place::times] for place in range(times)]
        numbered = len(places) > 1
        return [
            self._in_place(f"{self.name} ({i + 1})" if numbered else self.name, calls, back) for i, calls in enumerate(places)
        ]

    def _in_place(self, name: str, calls: list[tuple[_Tap, Any, Array]], back: bool) -> Seen:
        taps, states, outs = zip(*calls, strict=True)
        stack = np.concatenate if self.over_time else np.stack
        x, gradient = stack([tap.current for tap in taps]), stack([tap.arrived() for tap in taps]) if back else None
        columns = None if self.over_time else [np.stack(leaves) for leaves in zip(*map(tree.leaves, states), strict=True)]
        before = None if columns is None else tree.unflatten(states[0], iter(columns))
        return Seen(name, self.cell, x, stack(outs), before, gradient, states[0])
