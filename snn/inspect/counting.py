"""Counts of the operations of a net's layers during a run: synaptic operations, activations, membrane updates."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor, as_tensor, float32, grad, nn
from autograd.dtypes import Array
from autograd.nn.moving import MovingNorm
from autograd.nn.stateful import untouched
from autograd.state import scope
from autograd.windows import input_gradient

from ..common.structure import holds_neurons, is_over_time, is_stateful, membrane, zeros_of
from ..connections import Connection, connection_of
from ..connections.conv import Convolution
from ..connections.dense import Dense
from ..eager.watch import Recorder
from ..layers import DelayedDense, LearntDelays, OneToOne
from ..recurrent import Recurrent
from ..synapses import Synapse
from .health_measure import innermost

__all__ = ["Counter", "Counts", "Synapses", "synapses_of"]

_ACTIVATIONS = (
    nn.GELU, nn.Identity, nn.LeakyReLU, nn.LogSoftmax, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Sigmoid, nn.Softmax, nn.Tanh,
)  # fmt: skip
_SCALES = MovingNorm, nn.GroupNorm, nn.LayerNorm, nn.Embedding


class Synapses:
    """The weights of a layer, and the number of weights that each element of its input meets.

    Parameters
    ----------
    weight : array
        The weights, computed from the layer's Parameters, with masks applied.
    fanout, every : array
        For each element of a sample's input, the number of products with nonzero weights, and with all weights.
    """

    def __init__(self, weight: Array, fanout: Array, every: Array) -> None:
        self.weight, self.fanout, self.every = weight, fanout, every

    def operations(self, x: Array) -> tuple[int, int]:
        """Return the number of products of nonzero inputs and nonzero weights, and of all products."""
        rows = (x != 0).reshape(-1, self.every.size).sum(0)
        samples = x.size // max(1, self.every.size)
        return int(rows @ self.fanout.ravel()), int(self.every.sum()) * samples


def _of_matrix(weight: Array) -> Synapses:
    """Return the synapses of weights ``[n_out, n_in]``."""
    return Synapses(weight, (weight != 0).sum(0), np.full(weight.shape[1], len(weight)))


def _of_kernels(connection: Convolution, size: tuple[int, ...]) -> Synapses:
    """Return the synapses of a convolution on images of a size: at a border, an element belongs to fewer windows."""
    weight, windows, groups = connection.weight.array, connection.windows, connection.groups
    reached = np.ones((1, len(weight), *windows.counts(size)))

    def met(kernels: Array) -> Array:
        found: Array = np.rint(input_gradient(reached, kernels.astype(np.float64), windows, groups, size)[0])
        return found.astype(np.int64)

    return Synapses(weight, met(weight != 0), met(np.ones_like(weight)))


def _of_transposed(layer: nn.Conv2dTranspose, size: tuple[int, ...]) -> Synapses:
    """Return the synapses of a transposed convolution, from the number of outputs that each element of its input reaches."""
    weight = layer.effective_weight().asnumpy()

    def met(kernels: Array) -> Array:
        twin = copy.copy(layer)
        twin.weight, twin.bias, twin.weight_transform = Parameter(kernels.astype(np.float64)), None, None
        with scope(recording=True):
            found = grad(lambda x: twin(x).sum())(Tensor(np.zeros((1, layer.in_channels, *size))))
        counts: Array = np.rint(found.asnumpy()[0])
        return counts.astype(np.int64)

    return Synapses(weight, met(weight != 0), met(np.ones_like(weight)))


def _of_delays(layer: DelayedDense | LearntDelays) -> Synapses:
    """Return the synapses of weights with delays, for the inputs of this step and of earlier ones."""
    kernel, there = layer.kernel().asnumpy(), layer.connected()
    return Synapses(kernel[there], (kernel != 0).sum(1), there.sum(1))


def _of_features(weight: Array) -> Synapses:
    """Return the synapses of one weight for each feature."""
    return Synapses(weight, (weight != 0).astype(np.int64), np.ones(weight.shape, np.int64))


def synapses_of(cell: Cell, shape: tuple[int, ...], dtype: Any) -> Synapses | None:
    """Return the synapses of a layer for inputs ``[N, ...]`` of a shape and dtype; None if it does not multiply by weights."""
    if isinstance(cell, Recurrent):
        weight = cell.effective_weight().asnumpy()
        return _of_matrix(weight) if weight.ndim == 2 else _of_features(weight)
    if isinstance(cell, (DelayedDense, LearntDelays)):
        return _of_delays(cell)
    if isinstance(cell, OneToOne):
        return _of_features(cell.effective_weight().asnumpy())
    if is_stateful(cell) or isinstance(cell, (nn.SequentialCell, nn.CellList)) or not shape:
        return None
    with untouched(cell) as twin:
        if isinstance(twin, nn.Dense):
            twin.activation = None
        found: Connection | None = connection_of(twin, zeros_of((1, *shape), dtype))
        if found is None and isinstance(twin, nn.Conv2dTranspose) and len(shape) == 4:
            return _of_transposed(twin, shape[2:])
    if isinstance(found, Dense):
        return _of_matrix(found.weight.array)
    return _of_kernels(found, shape[2:]) if isinstance(found, Convolution) else None


class Counts:
    """Counts for one layer, over all steps and samples.

    Attributes
    ----------
    cell : Cell
        The layer.
    synapses : Synapses or None
        Its weights.
    calls : int
        Number of calls.
    shape : tuple of int
        Shape of its output for one sample.
    dense, macs, acs : int
        Products with weights; those without a factor 0, for inputs of numbers and of spikes.
    active, activations : int
        Nonzero outputs, and all outputs, of a layer that is an activation.
    spikes : bool
        Whether its outputs are spikes.
    updates : int
        Number of membranes that a step has changed; all of them in the first step.
    amplitudes, fired : set of float
        Sizes other than 1 of inputs, and of spikes, in steps with a single size.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.synapses: Synapses | None = None
        self.calls = self.dense = self.macs = self.acs = self.active = self.activations = self.updates = 0
        self.shape: tuple[int, ...] = ()
        self.spikes = False
        self.amplitudes: set[float] = set()
        self.fired: set[float] = set()

    def inputs(self, x: Array) -> None:
        """Count the products of an input with the weights."""
        assert self.synapses is not None
        effective, every = self.synapses.operations(x)
        self.dense += every
        if np.all(np.isin(x, (-1, 0, 1))):
            self.acs += effective
        else:
            self.macs += effective
            self.amplitudes |= _size(x)

    def outputs(self, out: Array, spikes: bool) -> None:
        """Count the activations of an output."""
        self.active += int(np.count_nonzero(out))
        self.activations += out.size
        self.spikes = spikes
        self.fired |= _size(out) - {1.0} if spikes else set()

    def membranes(self, before: Any, after: Any) -> None:
        """Count the membranes that a step has changed."""
        v = membrane(after).asnumpy()
        self.updates += v.size if self.calls == 1 else int(np.count_nonzero(v != membrane(before).asnumpy()))


class Counter:
    """Counts the operations of a net's layers through hooks.

    Parameters
    ----------
    net : Cell
        The net.

    Attributes
    ----------
    counts : dict of str to Counts
        By the names of the layers in the net, in the order in which they first run.
    opaque : dict of str to Cell
        Stateless layers with Parameters of their own that multiply by them in an unknown way, if at all.
    """

    def __init__(self, net: Cell) -> None:
        recorder = Recorder(net, ())
        self.neurons = {id(cell) for _, cell in recorder.neurons}
        within = {id(part) for _, cell in recorder.neurons for _, part in cell.cells_and_names()}
        self.cells = [(n, c) for n, c in net.cells_and_names() if id(c) not in within or id(c) in self.neurons]
        self.counts: dict[str, Counts] = {}
        self.opaque: dict[str, Cell] = {}
        self.known: dict[Any, Synapses | None] = {}
        self.entered: list[Cell] = []  # the layer in progress, whose parts are not counted

    def hooks(self) -> list[Callable[[], None]]:
        """Attach the hooks; return the functions that remove them."""
        removers: list[Callable[[], None]] = []
        for name, cell in self.cells:
            if not isinstance(cell, (nn.SequentialCell, nn.CellList)) and not (is_stateful(cell) and holds_neurons(cell)):
                removers += [cell.register_forward_pre_hook(self._enter), cell.register_forward_hook(self._leave(name))]
        return removers

    def _enter(self, cell: Cell, inputs: tuple[Any, ...]) -> None:
        if not self.entered and (id(cell) in self.neurons or self._synapses(cell, inputs) is not None):
            self.entered.append(cell)

    def _synapses(self, cell: Cell, inputs: tuple[Any, ...]) -> Synapses | None:
        x = inputs[0] if inputs else None
        if not isinstance(x, (Tensor, np.ndarray)):
            return None
        key = id(cell), x.shape, x.dtype
        if key not in self.known:
            self.known[key] = synapses_of(cell, x.shape, x.dtype if x.dtype.kind == "f" else float32)
        return self.known[key]

    def _leave(self, name: str) -> Callable[[Cell, tuple[Any, ...], Any], None]:
        def leave(cell: Cell, inputs: tuple[Any, ...], output: Any) -> None:
            if self.entered and self.entered[0] is not cell:
                return
            self.entered.clear()
            self._count(name, cell, inputs, output)

        return leave

    def _count(self, name: str, cell: Cell, inputs: tuple[Any, ...], output: Any) -> None:
        neuron, stateful = id(cell) in self.neurons, is_stateful(cell)
        out = output[0] if stateful and isinstance(output, tuple) else output
        if not isinstance(out, Tensor) or not out.ndim:
            return
        counts = self.counts.setdefault(name, Counts(cell))
        counts.calls += 1
        counts.shape = out.shape[1 + is_over_time(cell) :]
        if (synapses := self._synapses(cell, inputs)) is not None:
            counts.synapses = synapses
            counts.inputs(_met(cell, inputs))
        elif _is_opaque(cell):
            self.opaque[name] = cell
        fires = neuron or hasattr(cell, "charge")
        if fires and not isinstance(cell, Synapse) and getattr(innermost(cell), "fire", True):
            counts.outputs(_numbers(out), True)
        elif _is_activation(cell):
            counts.outputs(_numbers(out), False)
        if neuron and not isinstance(cell, Synapse) and _has_membrane(output[1]):
            counts.membranes(inputs[1], output[1])


def _met(cell: Cell, inputs: tuple[Any, ...]) -> Array:
    """Return the numbers that are multiplied by the weights of a layer in a step."""
    if isinstance(cell, Recurrent):
        return _numbers(inputs[1].spike)
    if isinstance(cell, (DelayedDense, LearntDelays)):
        return np.concatenate([_numbers(x) for x in (inputs[0], *inputs[1])], axis=-1)
    return _numbers(inputs[0])


def _is_opaque(cell: Cell) -> bool:
    """Return whether a layer may multiply by Parameters of its own: not a neuron with a charge, nor a norm."""
    if isinstance(cell, (*_SCALES, Synapse)) or hasattr(cell, "charge"):
        return False
    least = 2 if is_stateful(cell) else 0  # one value per feature is a constant in a user's own neuron
    return any(isinstance(value, Parameter) and value.ndim >= least for value in vars(cell).values())


def _is_activation(cell: Cell) -> bool:
    return isinstance(cell, _ACTIVATIONS) or (isinstance(cell, nn.Dense) and cell.activation is not None)


def _size(x: Array) -> set[float]:
    """Return the size of the nonzero elements, if they have a single one."""
    size = np.abs(x[x != 0])
    return {float(size[0])} if size.size and np.all(size == size[0]) else set()


def _numbers(x: Any) -> Array:
    return as_tensor(x).asnumpy()


def _has_membrane(state: Any) -> bool:
    return isinstance(state, Tensor) or (hasattr(state, "v") and _has_membrane(state.v))
