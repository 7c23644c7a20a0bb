"""The schedule of a net, and the loops of its stages, as text for the user: the output of :func:`snn.explain`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor, float32, vjp
from autograd.nn.stateful import untouched
from autograd.places import file_of
from autograd.state import quietly

from ..common.structure import is_chain, is_over_time, is_repeated, is_stateful, runs_at_once, steps_in_loops, zeros_of
from ..compiled.execute import Execution, begin
from ..compiled.known import schedule_for
from ..compiled.layout import Options
from ..compiled.stage import Running
from ..connections.products import why_not
from ..engine import tuning
from ..engine.backends import back_end
from ..graphs.graph import Edge, Graph, Node
from ..recurrent import Recurrent
from ..spikes import Spikes
from .listing import Listing, input_name, layers_before, name_of, part_name
from .memory import features_of

__all__ = ["lines"]

_DECIDED = """decided by the input: once, if it is the same at every step; from its events, if it holds only 0 and one
    other value, as spikes do, at most {share:g} % of it is nonzero, and there are at least {least:,} products;
    otherwise as a dense product"""


def lines(net: Cell, x: Tensor | None, state: Any) -> Iterator[str]:
    """Iterate over the lines that :func:`snn.explain` prints."""
    wired = not is_chain(net)
    if x is None and wired:
        yield f"{type(net).__name__} wires its neurons itself: pass an input, snn.explain(net, x), to see its graph and loops."
        return
    alone = is_stateful(net) and not wired and not runs_at_once(net)
    if x is not None or not alone:
        yield from _net(net, x, state, wired)
    if alone:
        yield from ([""] if x is not None else [])
        yield from _neuron(net)


def _net(net: Cell, x: Tensor | None, state: Any, wired: bool) -> Iterator[str]:
    """Explain a net stage by stage; with an input, as its stages run."""
    seen: list[Running] = []
    ways: list[str] = []

    def whole(cell: Any, given: Tensor) -> None:
        ways.extend([cell.way(given)[1]] if hasattr(cell, "way") else [])

    options = Options(seen=seen.append, whole=whole)
    run = _stand_in(net, state) if x is None else begin(net, x, state, (), None, False, options)
    if wired:
        yield from (*str(run.graph).splitlines(), "", f"Over {len(run.x)} time steps:")
    for stage in run.schedule.stages if x is None else run.stages():
        node = stage.node
        if x is None:
            loop = None if stage.whole is not None else stage if node is None else run.alone(node)
            seen = [] if loop is None else [run.running(loop)]
        if seen:
            yield from _loop(seen.pop(), x is not None, wired)
        elif node is not None:
            out = None if x is None else run.values.get(Edge(node.number))
            yield from _without_loop(run.graph, node, wired, type(out) is Tensor and is_repeated(out.array))
        elif stage.whole is not None:
            name = name_of(stage.whole)
            yield f"{f'layer {name}: ' if name else ''}{stage.whole.what!r}"
            alike = steps_in_loops(stage.whole.what)
            masked = "with a mask or in feedback, in a loop over time" if alike else "with a mask, step by step"
            how = getattr(stage.whole.what, "runs", f"on all time steps at once; {masked}")
            yield f"  has a state: runs {how}"
            yield from (f"  currents: {ways.pop()}" for _ in ways[:])


def _stand_in(net: Cell, state: Any) -> Execution:
    """Return a run on zeros that never begins: it has all values, and they take no memory."""
    steps = next((cell.T for _, cell in net.cells_and_names() if is_over_time(cell) and hasattr(cell, "T")), 2)
    x = zeros_of((steps, 1, *(features_of(net) or (1,))), float32)
    schedule, kept = schedule_for(net, x, state)
    nodes = schedule.graph.nodes
    starts = {node.number: zeros_of(node.outputs[0].shape, node.outputs[0].dtype) for node in nodes if node.kind == "state"}
    run = Execution(schedule, kept, x, starts, state is None, (), None, False, Options())
    for node in nodes:
        for k, output in enumerate(node.outputs):
            run.values[Edge(node.number, k)] = zeros_of((steps,) * node.varies + output.shape, output.dtype)
    return run


def _tried(cell: Cell) -> Running:
    """Run a copy of a neuron one step forward and backward, in plain Python."""
    loops: list[Running] = []
    with untouched(cell) as twin:
        if type(twin) is Recurrent and twin is not cell and _shape(twin.node) == (1, 1):  # two neurons represent all
            twin.n, weight = min(twin.n, 2), twin.weight
            twin.weight = Parameter(weight.stored[(slice(2),) * weight.ndim], requires_grad=weight.requires_grad)

        def run(x: Tensor) -> Any:
            return begin(twin, x, None, (), None, False, Options(backend=back_end("python"), seen=loops.append)).result()[0]

        out, pullback = vjp(run, zeros_of((1, *_shape(twin)), float32), weights=twin.trainable_params())
        if any(d >= 0 for d in loops[0].parts[0].plan.d_outs):
            pullback(np.zeros(out.shape, out.dtype))
    return loops[0]


def _neuron(cell: Cell) -> Iterator[str]:
    """Explain a neuron, with all facts about its loops."""
    running = quietly(functools.partial(_tried, cell))
    listing = Listing(running.parts[0])
    yield f"{cell!r}"
    yield from _titled("One step", listing.step())
    yield ""
    yield from _facts(running, 0, "")
    yield from _titled("Back through a step", listing.backward())
    for loop, _, order in [key for key in running.form.loops.known if key[0].name != "gradient_mask"]:
        function, source, _ = running.form.loops.function(loop, back_end(), order)
        yield f"\nThe {loop.name} loop, in {file_of(inspect.unwrap(function).__code__.co_filename)}:\n"
        yield from ("    " + line for line in source.text.splitlines())


def _titled(title: str, lines: list[str]) -> Iterator[str]:
    yield f"\n{title}:\n"
    yield from ("    " + line for line in lines)


def _shape(cell: Cell) -> tuple[int, ...]:
    """Return the shape of one step of an input that fits a neuron's Parameters."""
    if isinstance(cell, Recurrent):
        return 1, cell.n
    arrays: list[Any] = [*cell.get_parameters(), *(a for a in vars(cell).values() if isinstance(a, np.ndarray))]
    return (1, *np.broadcast_shapes(*[np.shape(a) for a in arrays], (1,)))


def _without_loop(graph: Graph, node: Node, wired: bool, repeated: bool) -> Iterator[str]:
    """Explain a layer or an operation without a loop over time; operations inside the layers of a chain are left out.

    Parameters
    ----------
    repeated : bool
        Whether the run gave the same output at every step.
    """
    constant = "once, since it is the same at every step"
    if node.kind != "layer":
        yield from [f"{node.name}: {'on all time steps at once' if node.varies else constant}"] if wired else []
        return
    cell, name = node.what, name_of(node)
    given = [graph.nodes[edge.node].outputs[edge.output] for edge in node.edges]
    yield f"{f'layer {name}: ' if name else ''}{cell!r}"
    if not node.varies:
        yield f"  no state: runs {constant}"
    elif is_over_time(cell):
        yield "  no state: runs on all time steps at once; each may depend on the others"
    elif len(node.inputs) > 1:
        yield "  no state: runs step by step, like every layer with several inputs"
    elif cell.per_sample and repeated:
        yield "  no state: runs once, since its input is the same at every step"
    elif cell.per_sample:
        yield "  no state: runs on all time steps at once"
    elif isinstance(type(cell).per_sample, property):
        yield "  no state: runs step by step while it uses batch statistics, since a batch is one step"
    else:
        yield "  no state: runs step by step. If it treats each sample of a batch on its own, set per_sample = True in its"
        yield "    class: it then runs on all time steps at once"
    if len(node.inputs) == 1 and (reason := why_not(cell, zeros_of((1, *given[0].shape), given[0].dtype))) is not None:
        yield f"  not a dense layer whose weights can be summed by events: {reason}. A dense layer is one product,"
        yield "    ops.matmul(x, w.T) of the input and a matrix, plus a bias"


def _loop(running: Running, real: bool, wired: bool) -> Iterator[str]:
    """Explain a loop over time, or a group that steps together."""
    if running.cables and wired:
        yield f"{', '.join(map(part_name, running.parts))}: step together, because their outputs feed back"
    for n, part in enumerate(running.parts):
        nodes = list(dict.fromkeys((*layers_before(part), *part.core.nodes)))
        cells = {name_of(node): node.owner for node in nodes if node.owner is not None}
        name = f"layer{'s' * (len(cells) > 1)} {', '.join(cells)}: " if any(cells) else ""
        yield name + "\n    ".join(map(repr, cells.values())) if cells else f"{part.core.name}: a loop"
        if wired and (others := [node.name for node in nodes if node.owner is None]):
            yield f"  operations: {', '.join(others)}"
        yield from _currents(running, n, real)
        if part.core.nodes:
            yield from _facts(running, n, "  ")


def _currents(running: Running, n: int, real: bool) -> Iterator[str]:
    """Explain how the currents of a part are computed, or how that will be decided if there was no real run."""
    part = running.parts[n]
    cables = {cable.input: cable for cable in running.received_by(n)}
    only = len(part.currents) - len(cables) == 1
    for k, (current, given) in enumerate(zip(part.currents, part.given, strict=True)):
        whose = "" if only and current is not None else f" of {input_name(part, k)}"
        if current is None:
            cable = cables[k]
            how = _LINKS[cable.form.kind]
            source = "itself" if cable.source == n else part_name(running.parts[cable.source])
            yield f"  currents{whose}: {how}, from {source}{', a step later' * cable.late}"
        elif given.weights is None or real:
            counted = current.kind not in ("current", "once")
            share = f"; {100 * _density(current.x):.3g} % of the input is nonzero" if counted else ""
            yield f"  currents{whose}: {current.kind}: {current.why}{share}"
            yield from _products(current.products(), whose)
        else:
            limits = tuning.now()
            yield f"  currents{whose}: {_DECIDED.format(share=100 * limits.dense_density, least=limits.little_work)}"
        if (weights := given.weights) is not None and weights.stored != weights.weight.dtype:
            yield f"  weights{whose}: {weights.stored}, converted to {weights.weight.dtype} in each run, as the input is"


_LINKS = {
    "copy": "unchanged", "events": "summed from the spikes", "product": "a product in each step",
    "spread": "convolved from the spikes", "spread_numbers": "a convolution in each step",
    "convolve": "a convolution in each step",
}  # fmt: skip


def _products(used: dict[str, str], whose: str) -> Iterator[str]:
    """Name the matrix products that the BLAS computes, and those that our own kernel computes."""
    for by in dict.fromkeys(used.values()):
        yield f"  products{whose}: {', '.join(name for name, other in used.items() if other == by)} by {by}"


def _density(x: Tensor) -> float:
    array = x.flags if isinstance(x, Spikes) else x.array
    return float(np.count_nonzero(array) / max(1, array.size))


def _facts(running: Running, n: int, indent: str) -> Iterator[str]:
    """Explain the output of a part, its saved values, and the places where its gradient matters."""
    part = running.parts[n]
    listing, plan, step = Listing(part), part.plan, part.plan.program.instructions
    outs, kept = running.form.given_out[n], running.form.kept[n]
    for i, flag, amplitude, whose in zip(plan.outs, part.flags, part.out_amplitudes, listing.outs, strict=True):
        text = f"{amplitude.flat[0]:g}" if amplitude.size == 1 else f"one per neuron, {list(amplitude.shape)}"
        what = f"{step[i].dtype} numbers" if flag is None else f"spikes of amplitude {text}, one byte each"
        yield f"{indent}output{whose}: {what}"
    if not outs:
        yield f"{indent}output: not kept, since nothing else reads it"
    saved, total = [*plan.saved, *sorted(kept.difference(plan.saved, outs))], 0
    if not saved:
        yield f"{indent}saved: nothing"
    for i in saved:
        there = i in outs or i not in kept
        total += (size := 0 if there else part.dtype(i).itemsize)
        name, made = listing.name(i), listing.expression(i)
        made = f"{name}, which is kept anyway" if there else name if made == name else f"{name} = {made}"
        yield f"{indent}saved: {made}, {step[i].dtype}, {size} bytes"
    size = sum(part.dtype(i).itemsize for i in {*outs})
    yield f"{indent}total: {total} bytes per neuron per step, {total + size} with the output"
    for gradient_mask, whose in zip(plan.gradient_masks, listing.outs, strict=True):
        needed = f"{indent}gradient of the output{whose}: needed"
        if gradient_mask is None:
            yield f"{needed} everywhere, since the equations never set its factor to 0"
            continue
        yield f"{needed} only where {listing.name(gradient_mask)} holds; the next layer"
        yield f"{indent}    computes it only there if that is rare and no checkpoint or mask is in use:"
        yield from (f"{indent}    {line}" for line in listing.lines([gradient_mask], plan.saved))
