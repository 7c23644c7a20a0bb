"""Summarise a net: its layers, shapes, Parameters, rates, and the cost of a sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from autograd import Cell, as_tensor
from autograd.dtypes import describe
from autograd.errors import CompileError, DTypeError, ShapeError
from autograd.state import no_grad

from ..common.structure import says_too_deep
from ..graphs import Graph, graph
from ..recurrent import Recurrent
from ..simulate import run
from .memory import memory_estimate
from .summary_report import LayerSummary, Summary
from .unchanged import unchanged

if TYPE_CHECKING:
    from .counting import Counter, Counts

__all__ = ["summary"]

_PRODUCTS = {"_matmul", "_conv", "_conv_input"}


@says_too_deep
def summary(net: Cell, x: Any, state: Any = None) -> Summary:
    """Summarise a net by one run: layers, shapes, Parameters, firing rates, synaptic operations, memory.

    Parameters
    ----------
    net : Cell
        As for :func:`snn.run`. It is not changed.
    x : Tensor or array
        Input, ``[T, N, ...]``: a few typical samples. Rates and operations are measured on this input.
    state : optional
        Where the run starts, as for :func:`snn.run`.

    Returns
    -------
    Summary
        ``print`` shows a table, a notebook shows it in HTML. Its numbers are attributes, and ``result["2.conv"]`` is a layer.

    Raises
    ------
    DTypeError
        If ``net`` is not a Cell.
    ShapeError
        If ``x`` is not ``[T, N, ...]`` with at least one step and one sample.
    AutogradError
        As from :func:`snn.run`.

    Notes
    -----
    The definitions follow NeuroBench (Yik et al., 2025); ``summary(...).neurobench`` has them under its names. A *synaptic
    operation* is a product of an input of a layer with one of its weights; biases, norms and pooling do not count. ``dense``
    counts all of them, without the padding at the border of an image. An operation is effective if neither factor is 0.
    Effective operations are accumulations (ACs) in a step in which all inputs of the layer, of all samples, are -1, 0 or 1,
    and multiplications (MACs) otherwise: a layer that reads spikes of another amplitude, a sum of spikes or average pooling
    does MACs. All counts are sums over the steps, per sample: a constant input counts in each step, though a compiled run
    multiplies it once.

    Dense layers and convolutions are counted, however they compute their weights, and so are the lateral weights of
    :class:`snn.Recurrent`, :class:`snn.OneToOne`, :class:`snn.DelayedDense` and :class:`snn.LearntDelays`. Any other product
    with weights is not counted, and ``notes`` says so.

    The net runs step by step. Pass samples of equal length: there is no mask, so padded steps count.

    Examples
    --------
    >>> import numpy as np, snn
    >>> from autograd import nn
    >>> net = nn.SequentialCell(
    ...     nn.Dense(4, 3, weight_init="ones", has_bias=False), snn.IFNode(),
    ...     nn.Dense(3, 2, weight_init="ones", has_bias=False),
    ... )
    >>> x = np.zeros((10, 1, 4), np.float32)
    >>> x[::5, :, :2] = 1
    >>> print(snn.summary(net, x))
    T = 10, N = 1; operations per sample over all steps
    layer  kind    output  parameters   rate  dense  effective MACs  effective ACs
    0      Dense   [3]             12      -    120               0             12
    1      IFNode  [3]              0  0.300      -               -              -
    2      Dense   [2]              6      -     60               0             18
    total                          18  0.300    180               0             30
    footprint 72 bytes; connection sparsity 0; activation sparsity 0.7; 9 membrane updates per sample
    training step in compiled mode: 0.0 MiB
    """
    from .counting import Counter

    if not isinstance(net, Cell):
        raise DTypeError("snn.summary", "a Cell as the net", describe(net), "Put layers in an nn.SequentialCell.")
    x = as_tensor(x, "snn.summary, input x")
    if x.ndim < 2 or not all(x.shape[:2]):
        raise ShapeError(
            "snn.summary, input x", "[T, N, ...]: at least one time step and one sample", describe(x),
            "Put time first, and add a batch axis: x[:, None].",
        )  # fmt: skip
    counter = Counter(net)
    with unchanged(net), no_grad():
        removers = counter.hooks()
        try:
            run(net, x, state, mode="eager")
        finally:
            for remove in removers:
                remove()
        notes = [*_notes(counter)]
        memory: int | None = None
        try:
            notes += _beside(graph(net, x, state))
            memory = memory_estimate(net, len(x), x.shape[1], features=x.shape[2:], dtype=x.dtype).peak
        except CompileError as error:
            notes.append(f"The net cannot be compiled, so its memory is not known: {error}")
    return _made(net, counter, x.shape, memory, notes)


def _notes(counter: Counter) -> Iterator[str]:
    """Yield notes on layers and operations that are not counted, or are counted in an unexpected way."""
    for name, cell in counter.opaque.items():
        yield (
            f"{name or 'The net'} ({type(cell).__name__}) has weights, but does not multiply by them in a known way: "
            "it is not counted. An nn.Dense or nn.Conv2d inside it would be."
        )
    fired = {size for counts in counter.counts.values() for size in counts.fired}
    for name, counts in counter.counts.items():
        if len(sizes := counts.amplitudes & fired) == 1:
            yield (
                f"The inputs of {name or 'the net'} are spikes of size {sizes.pop():g}, so its operations are MACs; "
                "with spike_value='unit', neurons fire spikes of size 1."
            )


def _beside(step: Graph) -> Iterator[str]:
    """Yield notes on operations of a construct that multiply by Parameters without a layer."""
    made: set[int] = set()
    lateral = {node.path for node in step.nodes if isinstance(node.owner, Recurrent)}
    for node in step.nodes:
        sources = {edge.node for edge in node.edges}
        if node.kind == "parameter" or (node.kind in ("operation", "layer") and not node.varies and sources & made):
            made.add(node.number)
        elif node.kind == "operation" and node.what.__name__ in _PRODUCTS and sources & made:
            if node.name.rpartition(".")[0] not in lateral:
                yield f"{node.name} multiplies by a Parameter outside a layer: it is not counted. Use an nn.Dense."


def _made(net: Cell, counter: Counter, shape: tuple[int, ...], memory: int | None, notes: list[str]) -> Summary:
    samples, found = shape[1], counter.counts
    taken: set[int] = set()
    layers = []
    for name, counts in found.items():
        own = [p for p in counts.cell.get_parameters() if id(p) not in taken]
        taken |= {id(p) for p in own}
        layers.append(_layer(name, counts, sum(p.size for p in own), samples))
    weights = {id(c.cell): c.synapses.weight for c in found.values() if c.synapses is not None}
    zeros, count = sum(int((w == 0).sum()) for w in weights.values()), sum(w.size for w in weights.values())
    active, activations = sum(c.active for c in found.values()), sum(c.activations for c in found.values())
    parameters = [*net.get_parameters()]
    return Summary(
        layers=tuple(layers),
        steps=shape[0],
        samples=samples,
        parameters=sum(p.size for p in parameters),
        trained=sum(p.size for p in parameters if p.requires_grad),
        footprint=sum(p.stored.nbytes for p in parameters),
        connection_sparsity=round(zeros / count, 4) if count else 0.0,
        activation_sparsity=1 - active / activations if activations else 0.0,
        membrane_updates=sum(c.updates for c in found.values()) / samples,
        memory=memory,
        notes=tuple(dict.fromkeys(notes)),
    )


def _layer(name: str, counts: Counts, parameters: int, samples: int) -> LayerSummary:
    weighted = counts.synapses is not None
    dense, macs, acs = (value / samples if weighted else None for value in (counts.dense, counts.macs, counts.acs))
    rate = counts.active / counts.activations if counts.spikes and counts.activations else None
    return LayerSummary(
        name, type(counts.cell).__name__, counts.shape, parameters, rate, dense, macs, acs,
        counts.updates / samples if counts.updates else None,
    )  # fmt: skip
