"""What each layer of a net allocates in the compiled mode, told from shapes: for :func:`snn.memory_estimate`."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor
from autograd.graph import LEAF, Node
from autograd.state import state

from .currents import FEW, LITTLE, Listed, Product
from .engine.events import LANES, padded
from .footprint import Part
from .layer import Layer
from .layerwise import Layerwise, Waiting
from .layout import Options
from .structure import is_over_time
from .weights import Weights

__all__ = ["outline", "tried"]

FIRING = 0.05  # share of the neurons that fire in a step
GIVEN = 0.02  # share of an input that is said to be events
WHOLE = 4  # arrays as large as its output that a layer over time uses at once on the way back, beside the one that it keeps
ACTIVE = 0.10  # share of the derivatives of a surrogate with compact support that are not zero


def outline(net: Cell, x: Tensor, checkpoint: int | None, training: bool, input_gradient: bool, currents: str) -> list[Part]:
    """Return the parts of a net.

    Parameters
    ----------
    net : Cell
        A chain of layers.
    x : Tensor
        Stands for the input: its strides may all be 0.
    checkpoint, training, input_gradient, currents
        As for :func:`snn.memory_estimate`.

    Raises
    ------
    CompileError
        If a neuron cannot be compiled.
    """
    walk = _Outline(training, input_gradient, currents, Options(checkpoint=checkpoint))
    out, _ = walk(net, x, None)
    if isinstance(out, Waiting):
        out.current()
    return walk.parts


def tried(cell: Cell, x: Tensor) -> Tensor:
    """Run a copy of a layer on zeros such as a step of the input: it may count, or draw random numbers.

    One over time runs on all steps of one sample; what is returned is a step of it for all.
    """
    cell = copy.deepcopy(cell)
    if is_over_time(cell):
        out: Tensor = cell(Tensor.wrap(np.zeros((len(x), 1, *x.shape[2:]), x.dtype)))
        return Tensor.wrap(np.broadcast_to(out.array[0], (x.shape[1], *out.shape[2:])))
    node = Node(LEAF, (), x.shape[1:], x.dtype)
    before = state.recording, state.watched
    try:
        state.recording, state.watched = True, {}
        return cell(Tensor.wrap(np.zeros(x.shape[1:], x.dtype), node))  # type: ignore[no-any-return]
    finally:
        state.recording, state.watched = before


class _Outline(Layerwise):
    """Walks through a net with the shapes alone."""

    def __init__(self, training: bool, input_gradient: bool, currents: str, options: Options) -> None:
        super().__init__(True, (), None, False, options)
        self.training, self.taped, self.currents = training, training and input_gradient, currents
        self.spikes = self.matters = False
        self.dense = ""
        self.follows = False  # whether the layer before is one of ours
        self.parts: list[Part] = []

    def layer(self, cell: Cell, x: Any, name: str) -> Any:
        """Note the name of a layer that waits."""
        out = super().layer(cell, x, name)
        self.dense = name
        return out

    def run(self, name: str, cell: Cell | None, dense: Weights | None, x: Tensor, before: Any) -> tuple[Tensor, Any, Any]:
        """Describe a dense layer, a neuron or both."""
        layer = Layer(cell, dense, x, before, (), None, self.options)
        plan = layer.plan
        named = [(self.dense, None if dense is None else dense.cell), (name, cell)]
        part = self._part(named, _currents(layer, self.currents), [kind for _, kind in named])
        wants_x = self.wanted
        steps = math.prod(layer.shape) * len(x)
        part.output = steps * layer.dtype(plan.out if plan.flag is None else plan.flag).itemsize
        part.state = sum(s.array.nbytes for s in layer.starts)
        kept = [layer.dtype(i).itemsize for i in plan.saved if not (i == plan.mask or (i == plan.x and dense is None))]
        chunk = _chunk(layer, part.currents)
        again = _rounded(self.options.checkpoint, chunk, len(x))
        if again is None:
            part.saved = [steps * size for size in kept]
        else:
            part.saved = [part.state * -(-len(x) // again)]
            part.segment = [steps // len(x) * again * size for size in kept]
        _weights(part, layer, chunk, wants_x, FIRING if len(self.parts) > 1 else GIVEN)
        if wants_x and dense is not None:
            if self.follows and dense.out_channels <= FEW:
                part.by_input = part.rows.pop(0) // max(1, min(chunk or 1, len(x))) * len(x)  # it stays a product of two
            elif self.matters:
                _places(part, x.size, dense)
        self.follows = True
        self.matters = plan.matters is not None and again is None and part.taped
        self.spikes = plan.flag is not None
        self.currents = "events" if self.spikes else "dense"
        dtype = plan.program.instructions[plan.out].dtype
        return Tensor.wrap(np.broadcast_to(np.zeros((), dtype), (len(x), *layer.shape))), before, {}

    def all_steps(self, name: str, cell: Cell, x: Tensor) -> Tensor:
        """Describe another layer by what it does in one step."""
        part = self._part([(name, cell)], "", [cell])
        out = tried(cell, x)
        part.output = out.array.nbytes * len(x)
        kept = sum(_kept_by(out.node).values()) * len(x)
        if is_over_time(cell):
            kept, part.chunk, part.rows = part.output, [part.output], [part.output] * WHOLE
        part.saved = [kept + (x.array.itemsize * x.size if self.spikes else 0)]
        part.by_input = x.array.itemsize * x.size if self.wanted else 0
        part.parameters = sum(p.array.nbytes for p in cell.get_parameters())
        self.spikes, self.matters, self.follows, self.currents = False, False, False, "dense"
        return Tensor.wrap(np.broadcast_to(np.zeros((), out.dtype), (len(x), *out.shape)))

    def _part(self, named: list[tuple[str, Any]], currents: str, cells: list[Any]) -> Part:
        """Begin a part, and note whether gradients pass through it: what learns is in it or before it."""
        self.wanted = self.taped
        learns = any(p.requires_grad for cell in cells if cell is not None for p in cell.get_parameters())
        self.taped = self.taped or (self.training and learns)
        name = ", ".join(f"{name} {type(cell).__name__}".strip() for name, cell in named if cell is not None)
        part = Part(name, currents, self.taped)
        self.parts.append(part)
        return part


def _currents(layer: Layer, assumed: str) -> str:
    """Return how the currents of a layer are made."""
    if layer.dense is None:
        return "current"
    multiplications = len(layer.x) * math.prod(layer.x.shape[1:]) * layer.dense.out_channels
    return "dense" if assumed == "events" and multiplications < LITTLE else assumed


def _chunk(layer: Layer, currents: str) -> int | None:
    """Return the length of a chunk."""
    if layer.dense is None:
        return layer.chunk
    kind = Listed if currents == "events" else Product
    return kind.steps_at_once(layer.dense.out_channels, math.prod(layer.x.shape[1:-1]))


def _rounded(checkpoint: int | None, chunk: int | None, steps: int) -> int | None:
    return None if checkpoint is None else min(steps, -(-checkpoint // (chunk or 1)) * (chunk or 1))


def _weights(part: Part, layer: Layer, chunk: int | None, wants_x: bool, density: float) -> None:
    """Tell what currents and their gradients take."""
    dense, own, plan = layer.dense, layer.own, layer.plan
    size, columns = layer.dtype(plan.d_out).itemsize, layer.shape[-1]
    samples, steps = math.prod(layer.shape[:-1]), len(layer.x)
    rows = min(chunk or 0, steps) * samples
    listed = part.currents == "events"
    part.by_input = wants_x * layer.x.size * layer.x.dtype.itemsize
    part.parameters = sum(math.prod(layer.shape) * size for _ in plan.parameters)
    if dense is not None:
        part.weight = dense.weight.array.nbytes
        if listed:
            events = int(density * layer.x.size)
            part.lists = 8 * samples * steps + 4 * events
            part.marks = samples * steps * (8 * -(-dense.in_channels // LANES) + 1)
            part.turned = 4 * events + 8 * -(-steps // (chunk or 1)) * dense.in_channels
            part.packed = padded(dense.out_channels) * dense.in_channels * size
        if part.currents == "dense":
            rest = max(0, min(steps - (chunk or 0), chunk or 0))
            part.chunk = [rows * columns * size, rest * samples * columns * size]  # one is there until the next is made
        if part.currents != "once" or wants_x:
            part.rows = [rows * columns * size] * (1 + (listed and wants_x))
    if own is not None:
        weight = own.array.nbytes
        part.packed += weight * 2
        part.weight += weight
        part.rows = [*part.rows, rows * columns * size]
        if layer.fires:
            part.turned += 4 * int(FIRING * samples * steps * columns) + 8 * -(-steps // (chunk or 1)) * columns
            part.lists += 8 * samples * steps + 4 * int(FIRING * samples * steps * columns)


def _places(part: Part, size: int, dense: Weights) -> None:
    """Tell what it takes to list where the layer before needs its gradient."""
    rows = size // dense.in_channels
    part.places = [size, 8 * rows + 4 * int(ACTIVE * size), padded(dense.out_channels) * dense.in_channels * 4]


def _kept_by(node: Node | None) -> dict[int, int]:
    """Return the bytes that the nodes before a result keep, by array; Parameters are there anyway."""
    found: dict[int, int] = {}
    stack = [] if node is None else [node]
    while stack:
        node = stack.pop()
        saved = node.saved if isinstance(node.saved, (list, tuple)) else []
        for value in (*saved, node.out):
            array = value.array if isinstance(value, Tensor) and not isinstance(value, Parameter) else value
            if isinstance(array, np.ndarray):
                whole = array if array.base is None else array.base
                found[id(whole)] = array.nbytes
        stack += [parent for parent in node.parents if parent is not None]
    return found
