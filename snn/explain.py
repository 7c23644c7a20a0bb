"""Say what the compiled mode makes of a neuron or a net."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from autograd import Cell, Tensor, as_tensor, float32, nn, vjp
from autograd.dtypes import describe
from autograd.errors import CompileError, DTypeError, ShapeError

from .auto import against
from .recurrent import Recurrent
from .structure import is_chain, is_over_time, is_stateful, sample_state, says_too_deep

if TYPE_CHECKING:
    from .layer import Layer
    from .listing import Listing

__all__ = ["explain"]


@says_too_deep
def explain(net: Cell, x: Any = None, state: Any = None, *, file: TextIO | None = None) -> None:
    """Print what the compiled mode makes of a neuron or a net.

    Of a neuron: its equations, the traced step and its way back, what the forward saves, where its gradient matters, and the
    emitted loops. Of a net: the same in short for each layer, and how its currents are made. What cannot be compiled is said
    with the reason.

    Parameters
    ----------
    net : Cell
        A neuron, or an ``nn.SequentialCell`` of layers.
    x : Tensor or array, optional
        Input, ``[T, N, ...]``. With it the net runs once, forward, and the ways of making currents are those of this run.
    state : optional
        Where that run starts, as for :func:`snn.run`.
    file : text file, optional
        Where to print; by default ``sys.stdout``.

    Raises
    ------
    DTypeError
        If ``net`` is no Cell.
    ShapeError
        If ``x`` is not ``[T, N, ...]``.

    Examples
    --------
    >>> import numpy as np, snn
    >>> from autograd import nn
    >>> snn.explain(nn.SequentialCell(nn.Dense(3, 2, rng=0), snn.IFNode()), np.zeros((4, 1, 3), np.float32))
    layers 0, 1: Dense(in_channels=3, out_channels=2, has_bias=True)
        IFNode(h = v + x; z = h > 1 [relusigmoid()]; spike = z; v' = h - z)
      currents: dense: the product is small; 0 % of the input is not 0
      output: spikes of amplitude 1, a byte each
      saved: t6 = t4 - 1.0, float32, 4 bytes
      in all 4 bytes a neuron and step, with the output 5
      gradient of the output: needed everywhere; what multiplies it is not cut off at 0 by the equations
    mode='auto' runs this step by step: that takes about 0.8 ms with its gradient, less than 5 ms.
    """
    if not isinstance(net, Cell):
        raise DTypeError("snn.explain", "a Cell", describe(net), "Give it a neuron or an nn.SequentialCell of layers.")
    out = sys.stdout if file is None else file
    x = None if x is None else as_tensor(x, "snn.explain, input x")
    if x is not None and (x.ndim < 2 or not len(x)):
        raise ShapeError(
            "snn.explain, input x", "[T, N, ...]", describe(x), "Put time first, and add a batch axis: x[:, None]."
        )
    if not is_chain(net):
        lines = _wired(net, x, state)
    else:
        lines = _net(net, x, state) if isinstance(net, nn.SequentialCell) else _alone(net, x, state)
    try:
        for line in lines:
            print(line, file=out)
    except CompileError as error:
        print(f"Not compiled: {error}", file=out)


def _wired(net: Cell, x: Tensor | None, state: Any) -> Iterator[str]:
    """Explain a net that wires its neurons itself, by a run."""
    from .compiled.execute import run_graph, schedule_for
    from .layout import Options

    if x is None:
        yield f"{type(net).__name__} wires its neurons itself: pass an input, snn.explain(net, x), to see its graph and loops."
        return
    schedule, _ = schedule_for(net, x, state)
    yield from str(schedule.graph).splitlines()
    stages: list[Any] = []
    run_graph(net, x, state, (), None, False, Options(seen=stages.append))
    yield ""
    yield f"Over {len(x)} time steps:"
    for stage in schedule.stages:
        if stage.node is not None:
            when = "on all steps at once" if stage.node.varies else "once, since it is the same at every step"
            if not stage.cores and not (stages and stage.node.kind == "layer" and _stands_for(stages[0], stage.node)):
                yield f"  {stage.node.name}: {when}"
                continue
        if stages:
            yield from _loops(stages.pop(0))
    if (reason := against(net, x, [cell for _, cell in net.cells_and_names()])) is not None:
        yield f"mode='auto' runs this step by step: {reason}."


def _stands_for(running: Any, node: Any) -> bool:
    """Tell whether a loop is that of a dense layer which is used in several places."""
    core = running.parts[0].core
    return not core.nodes and any(edge.node == node.number for edge in core.outs)


def _loops(running: Any) -> Iterator[str]:
    """Explain a loop over time, or a group that steps together."""
    names = [part.core.name for part in running.parts]
    yield f"  {names[0]}: a loop" if len(names) == 1 and not running.cables else f"  {', '.join(names)}: step together"
    for part in running.parts:
        plan, total = part.plan, 0
        for edge, current in zip(part.core.inputs, part.currents, strict=True):
            label = part.graph.label(edge)
            if current is not None:
                yield f"    {label}: {current.kind}: {current.why}"
        for cable in running.cables:
            if running.parts[cable.target] is part:
                label = part.graph.label(part.core.inputs[cable.input])
                how = {"copy": "as it is", "events": "summed from the spikes", "product": "a product in each step"}[cable.kind]
                yield f"    {label}: {how}, from {running.parts[cable.source].core.name}" + ", a step later" * cable.late
        for i in plan.saved:
            total += 0 if part.direct(i) is not None or i == plan.mask else part.dtype(i).itemsize
        size = sum(part.dtype(i if flag is None else flag).itemsize for i, flag in zip(plan.outs, part.flags, strict=True))
        yield f"    {total} bytes saved a neuron and step, with the output {total + size}"


def _alone(cell: Cell, x: Tensor | None, state: Any) -> Iterator[str]:
    """Explain a neuron, or a layer without state; with an input, how it runs too."""
    if not is_stateful(cell) or x is not None:
        yield from _net(cell, x, state)
        yield ""
    if not is_stateful(cell):
        return
    layer, loops = _tried(cell)
    listing = _listing(layer)
    yield f"{cell!r}"
    yield from _titled("One step", listing.step())
    yield ""
    yield from _facts(layer, listing, "")
    yield from _titled("Back through a step", listing.backward())
    for loop in loops:
        function, *_ = layer.plan.function(loop, layer.options.jit)
        code = getattr(function, "py_func", function).__code__
        yield f"\nThe {loop.name} loop, in {code.co_filename}:\n"
        yield from ("    " + line for line in layer.plan.source(loop).text.splitlines())


def _titled(title: str, lines: list[str]) -> Iterator[str]:
    yield f"\n{title}:\n"
    yield from ("    " + line for line in lines)


def _tried(cell: Cell) -> tuple[Layer, list[Any]]:
    """Return a layer of the neuron and its loops, by a run forward and back in which they are not called."""
    from .layer import Layer
    from .layout import Options

    loops: list[Any] = []
    layers: list[Layer] = []

    class Tried(Layer):
        def launch(self, loop: Any, *rest: Any, **options: Any) -> None:
            if loop not in loops and loop.name in ("forward", "backward"):
                loops.append(loop)

    step = np.zeros((1, cell.n) if isinstance(cell, Recurrent) else _shape(cell), float32)
    before = sample_state(cell, Tensor.wrap(step))

    def run(x: Tensor) -> Any:
        layers.append(Tried(cell, None, x, before, (), None, Options()))
        return layers[-1].forward()[0]

    weights = cell.trainable_params()
    out, pullback = vjp(run, Tensor.wrap(np.stack([step, step])), weights=weights)
    if layers[-1].plan.d_out >= 0:
        pullback(np.zeros(out.shape, out.dtype))
    return layers[-1], loops


def _shape(cell: Cell) -> tuple[int, ...]:
    """Return the shape of one step of an input that fits a neuron's Parameters."""
    shapes = [np.shape(p) for p in cell.get_parameters()] + [
        np.shape(a) for a in vars(cell).values() if isinstance(a, np.ndarray)
    ]
    return (1, *(np.broadcast_shapes(*shapes, (1,))))


def _listing(layer: Layer) -> Listing:
    from .listing import Listing

    return Listing(layer.plan, layer.cell, layer.dense, layer.before)


def _facts(layer: Layer, listing: Listing, indent: str) -> Iterator[str]:
    """Say what comes out of a layer, what it saves and where its gradient matters."""
    plan = layer.plan
    step = plan.program.instructions
    size = layer.dtype(plan.out if plan.flag is None else plan.flag).itemsize
    if plan.flag is None:
        yield f"{indent}output: {step[plan.out].dtype} numbers"
    else:
        amplitude = plan.amplitude_now(step[plan.out].dtype, plan.arrays())
        text = f"{amplitude.flat[0]:g}" if amplitude.size == 1 else f"one of each neuron, {list(amplitude.shape)}"
        yield f"{indent}output: spikes of amplitude {text}, a byte each"
    total = 0
    if not plan.saved:
        yield f"{indent}saved: nothing"
    for i in plan.saved:
        there = layer.is_there(i)
        bytes_ = 0 if there else layer.dtype(i).itemsize
        total += bytes_
        name, made = listing.name(i), listing.expression(i)
        made = f"{name}, which is still there" if there else name if made == name else f"{name} = {made}"
        yield f"{indent}saved: {made}, {step[i].dtype}, {bytes_} bytes"
    yield f"{indent}in all {total} bytes a neuron and step, with the output {total + size}"
    if plan.matters is None:
        yield f"{indent}gradient of the output: needed everywhere; what multiplies it is not cut off at 0 by the equations"
        return
    yield f"{indent}gradient of the output: needed only where {listing.name(plan.matters)} holds, so that a layer behind"
    yield f"{indent}    computes it there alone if that is rare, and no checkpoint or mask is in use:"
    yield from (f"{indent}    {line}" for line in listing.lines([plan.matters], plan.saved))


def _stateless(name: str, cell: Cell, reason: str | None) -> Iterator[str]:
    yield f"{f'layer {name}: ' if name else ''}{cell!r}"
    if is_over_time(cell):
        yield "  no state: runs on all time steps at once, each of which may depend on the others"
    elif cell.per_sample:
        yield "  no state: runs on all time steps at once"
    else:
        yield "  no state: runs step by step. If it treats each sample of a batch on its own, say per_sample = True in its"
        yield "    class: it then runs on all time steps at once"
    if reason is not None:
        yield f"  not a dense layer, from whose spikes the compiled mode would sum: {reason}. A dense layer is one product,"
        yield "    ops.matmul(x, w.T) of the input and a matrix, plus a bias"


def _net(net: Cell, x: Tensor | None, state: Any) -> Iterator[str]:
    """Explain a net layer by layer; with an input, by a run."""
    from .overlook import Overlook

    walk = Overlook(state is None, x is not None)
    given = _stand_in(net) if x is None else x
    failed: CompileError | None = None
    try:
        walk.through(net, given, state)
    except CompileError as error:
        failed = error
    for found in walk.found:
        if found.layer is None:
            yield from _stateless(found.names, found.cells[0], found.reason)
            continue
        name = f"layer{'s' * (len(found.cells) > 1)} {found.names}: " if found.names else ""
        yield name + "\n    ".join(map(repr, found.cells))
        yield f"  currents: {_currents(found.layer, found.density)}"
        if (dense := found.layer.dense) is not None and dense.stored != dense.weight.dtype:
            yield f"  weights: {dense.stored}, converted to {dense.weight.dtype} in each run, as the input is"
        if found.layer.cell is not None:
            yield from _facts(found.layer, _listing(found.layer), "  ")
    if failed is not None:
        raise failed
    if x is not None and (reason := against(net, x, [cell for _, cell in net.cells_and_names()])) is not None:
        yield f"mode='auto' runs this step by step: {reason}."


def _stand_in(net: Cell) -> Tensor:
    """Return something in the shape of an input."""
    from .memory import features_of

    steps = next((cell.T for _, cell in net.cells_and_names() if is_over_time(cell) and hasattr(cell, "T")), 2)
    return Tensor.wrap(np.broadcast_to(np.zeros((), float32), (steps, 1, *(features_of(net) or (1,)))))


def _currents(layer: Layer, density: float | None) -> str:
    """Say how currents are made, or how that will be decided if nothing has run."""
    from .currents import DENSE, LITTLE

    currents = layer.currents
    if layer.dense is None or density is not None:
        share = (
            "" if density is None or currents.kind in ("current", "once") else f"; {100 * density:.3g} % of the input is not 0"
        )
        return f"{currents.kind}: {currents.why}{share}"
    return (
        "decided by the input: once, if it is the same at every step; from its events, if it is 0 or one other\n"
        f"    value, as spikes are, at most {100 * DENSE:g} % of it is not 0, and there are {LITTLE:,} products or more;\n"
        "    else as a dense product"
    )
