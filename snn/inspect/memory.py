"""Estimate the memory of a training step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import Cell, float32, nn
from autograd.dtypes import describe, to_dtype
from autograd.errors import ArgumentError, DTypeError

from ..common.structure import holds_neurons, is_stateful, says_too_deep
from ..recurrent import Recurrent
from .unchanged import unchanged

__all__ = ["LayerMemory", "MemoryEstimate", "features_of", "memory_estimate"]

_MIB = 2**20


@dataclass(frozen=True)
class LayerMemory:
    """Memory of one layer, in bytes.

    Attributes
    ----------
    name : str
        Name of the neuron, with the layers with weights before it; or of an operation on all steps.
    currents : str
        How its currents are assumed to be computed, in the words of :func:`snn.explain`: ``"dense"``, ``"events"``, ``"once"``
        or ``"current"``; empty for a layer without currents.
    saved : int
        Values that the forward pass keeps for the backward pass.
    output : int
        One byte per neuron per step if it spikes.
    buffers : int
        Currents and gradients of a chunk of steps, lists of spikes, packed weights, recomputed segments.
    gradients : int
        Gradients of the input of all steps, if requested, and of the Parameters.
    """

    name: str
    currents: str
    saved: int
    output: int
    buffers: int
    gradients: int


@dataclass(frozen=True)
class MemoryEstimate:
    """Result of :func:`memory_estimate`; ``int()`` of it is the peak.

    Attributes
    ----------
    peak : int
        Largest rise of memory, in bytes. It is less than the sum over the layers, which do not hold everything at the same
        time.
    layers : tuple of LayerMemory
        In order.
    what : str
        The step that was estimated.
    """

    peak: int
    layers: tuple[LayerMemory, ...]
    what: str

    def __int__(self) -> int:
        return self.peak

    def __str__(self) -> str:
        names = [f"{layer.name} [{layer.currents}]" if layer.currents else layer.name for layer in self.layers]
        width = max(map(len, names), default=0)
        lines = [f"{self.what}: {self.peak / _MIB:.1f} MiB at the peak"]
        lines += [f"  {'MiB':{width}s}    saved   output  buffers  gradients"]
        for name, layer in zip(names, self.layers, strict=True):
            sizes = zip((layer.saved, layer.output, layer.buffers, layer.gradients), (9, 9, 9, 11), strict=True)
            lines.append(f"  {name:{width}s}" + "".join(f"{size / _MIB:{w}.1f}" for size, w in sizes))
        return "\n".join(lines)


@says_too_deep
def memory_estimate(
    net: Cell,
    T: int,  # noqa: N803 - as in [T, N, ...]
    N: int,  # noqa: N803
    *,
    features: int | tuple[int, ...] | None = None,
    dtype: Any = float32,
    checkpoint: int | None = None,
    training: bool = True,
    input_gradient: bool = False,
    currents: str = "dense",
) -> MemoryEstimate:
    """Estimate the memory of one compiled training step, without running it.

    Parameters
    ----------
    net : Cell
        As for :func:`snn.run`.
    T, N : int
        Time steps and samples in a batch.
    features : int or tuple of int, optional
        Shape of a sample's input; required unless an ``nn.Dense`` or :class:`snn.Recurrent` in a chain determines it.
    dtype : dtype
        Dtype of the input.
    checkpoint : int, optional
        As for :func:`snn.run`.
    training : bool
        Whether to include a backward pass for the gradients of all Parameters; otherwise only the forward pass is estimated.
    input_gradient : bool
        Whether the gradient of the input is requested too.
    currents : {"dense", "events", "once"}
        Way in which the first layer computes its currents, if it has weights: by whole products, from the few spikes of the
        input, or once for an input that is the same at every step.

    Returns
    -------
    MemoryEstimate
        The peak in bytes above the memory in use before: net and input do not count. ``print`` shows a table.

    Raises
    ------
    ArgumentError
        If a number is out of range, or ``features`` is needed.
    CompileError
        If the net cannot be compiled.

    Notes
    -----
    The estimate follows the allocations of a step in their order. It assumes a loss that is summed over time, or whose
    gradient is otherwise the same at every step (if not, add the last layer's output once more, as numbers); spikes in 5 % of
    the neurons, so that the following layers are event-driven, and in 2 % of an input of events; and that 10 % of the
    derivatives of a surrogate with compact support are not zero. Layers other than dense layers and neurons count with the
    values they keep of one step, times ``T``. The first step of a process also loads code, which does not count.
    ``python -m benchmarks memory`` compares the estimate with measurements.

    Examples
    --------
    >>> import snn
    >>> from autograd import nn
    >>> net = nn.SequentialCell(nn.Dense(64, 512, rng=0), snn.LIFNode(beta=0.9))
    >>> print(snn.memory_estimate(net, T=1000, N=16))
    training step, T = 1000, N = 16: 47.4 MiB at the peak
      MiB                           saved   output  buffers  gradients
      0 Dense, 1 LIFNode [dense]     31.2      7.8     12.0        0.2
    """
    from .parts import Walk

    _check(net, T, N, checkpoint, currents)
    shape = int(T), int(N), *_features(net, features)
    with unchanged(net):
        walk = Walk(net, shape, to_dtype(dtype, "snn.memory_estimate"), checkpoint, training, input_gradient, currents)
    what = f"{'training step' if training else 'forward'}, T = {T}, N = {N}"
    what += f", checkpoint = {checkpoint}" * bool(checkpoint)
    return MemoryEstimate(walk.heap.peak, tuple(LayerMemory(name, made, **sizes) for name, made, sizes in walk.rows), what)


def _check(net: Any, steps: Any, samples: Any, checkpoint: Any, currents: Any) -> None:
    where = "snn.memory_estimate"
    if not isinstance(net, Cell):
        raise DTypeError(where, "a Cell as the net", describe(net), "Put layers in an nn.SequentialCell.")
    for name, value in (("T", steps), ("N", samples), ("checkpoint", 1 if checkpoint is None else checkpoint)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
            raise ArgumentError(
                where, f"{name} to be a positive int", describe(value), "Give the numbers with which snn.run will be called."
            )
    if currents not in ("dense", "events", "once"):
        raise ArgumentError(
            where,
            "currents 'dense', 'events' or 'once'",
            repr(currents),
            "snn.explain(net, x) shows the way for an input x.",
        )


def _features(net: Cell, given: Any) -> tuple[int, ...]:
    """Return the shape of a sample's input, as given, or from the first layer that determines it."""
    if given is not None:
        shape: tuple[int, ...] = given if isinstance(given, tuple) else (given,)
        if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n > 0 for n in shape):
            raise ArgumentError(
                "snn.memory_estimate", "features to be a positive int, or a tuple of them", repr(given),
                "It is the shape of x[t, n].",
            )  # fmt: skip
        return shape
    if (said := features_of(net)) is not None:
        return said
    raise ArgumentError(
        "snn.memory_estimate", "features=, the shape of a sample's input",
        "none, and a net whose first layer does not determine it", "Pass the number of features, or a tuple such as (28, 28).",
    )  # fmt: skip


def features_of(net: Cell) -> tuple[int, ...] | None:
    """Return the shape of a sample's input, if a layer determines it and no earlier layer may change the shape."""
    layers = [net]
    while layers:
        cell = layers.pop(0)
        if isinstance(cell, nn.SequentialCell):
            layers = [*cell, *layers]
        elif isinstance(cell, (nn.Dense, Recurrent)):
            return (cell.in_channels if isinstance(cell, nn.Dense) else cell.n,)
        elif (shape := getattr(cell, "features", None)) is not None:
            return tuple(shape)
        elif not is_stateful(cell) or holds_neurons(cell):
            break
    return None
