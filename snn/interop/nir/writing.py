"""A net of ours as a NIR graph: from what it computes in one time step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd import Cell, Tensor, as_tensor, nn, tree
from autograd.dtypes import describe, float32
from autograd.errors import ArgumentError, DTypeError, ShapeError
from autograd.state import no_grad

from ...common.structure import initial_state, label, says_too_deep
from ...graphs.graph import Edge, Graph, Node
from ...graphs.trace import trace_step
from ...layers.delay import Delay
from ...layers.recurrent import RecurrentThrough
from ...recurrent import Recurrent
from ...surrogate.base import Surrogate
from .cells import Threshold
from .exact import hint, pack
from .fields import Array, library, positive_step
from .flat import crossing_by_rule, flatten
from .layers import WRITERS, plain_weight
from .neurons import CELLS, said

__all__ = ["BEYOND", "to_nir"]

WHERE = "snn.interop.nir.to_nir"
BEYOND = {
    "reset": ("a hard reset, v_reset=0.0, as NIR defines it", "one that subtracts, or none"),
    "comparator": ("a neuron that fires above the threshold, as NIR defines it", "fire_at_threshold=True"),
    "order": ("a membrane that takes the current of the same step", "current_first=False"),
    "start": ("an IFNode that starts at 0: NIR says no start", "one that starts at its v_reset"),
    "surrogate": ("a surrogate of snn.surrogate", "another one, which would not come back"),
    "feedback": ("feedback as it is read: of the step before is what goes to the same or an earlier neuron", "other feedback"),
}
"""What ours have and NIR has not: what it defines, and what came instead."""


@dataclass(frozen=True)
class Term:
    """A value that is summed: of a node of NIR, or of a state, which is that of another in a step before."""

    name: str = ""
    state: int = -1
    hops: int = 0


@says_too_deep
def to_nir(net: Cell, x: Any, *, dt: float, beyond: Sequence[str] = ()) -> Any:
    """Return a net as a graph of NIR, the Neuromorphic Intermediate Representation (Pedersen et al., 2024).

    What NIR does not say is refused. It has no time step: what it defines in continuous time, others run in forward Euler
    steps of ``dt``, and then they get our spikes. :func:`from_nir` makes the same net of it, to the bit, since metadata has
    what is ours alone.

    Parameters
    ----------
    net : Cell
        As for :func:`snn.run`. Weights and constants are copied.
    x : Tensor or array or tuple of int
        An input of a run, ``[T, N, ...]``, of which shape and dtype count; or the shape of a sample in one step.
    dt : float
        Seconds of a time step. Time constants of ours are in steps.
    beyond : sequence of str
        What may go out although NIR does not define it, so that only ours is the same net: ``"reset"`` (soft, or none),
        ``"comparator"`` (``fire_at_threshold=True``), ``"order"`` (``current_first=False``), ``"start"`` (an IFNode that starts
        at its ``v_reset``), ``"surrogate"`` (of your own: it is left out), ``"feedback"`` (a step late in another place).

    Returns
    -------
    nir.NIRGraph
        With the names of the layers as names of nodes.

    Raises
    ------
    MissingExtraError
        If the package nir is not installed.
    ArgumentError
        If NIR has no node for a layer, an operation or a property of a neuron; the error names it.
    CompileError
        If a step of the net cannot be traced.

    Examples
    --------
    >>> import snn
    >>> from autograd import nn
    >>> net = nn.SequentialCell(nn.Dense(3, 2, rng=0), snn.LIFNode(tau=20.0, decay_input=True, v_reset=0.0))
    >>> graph = snn.interop.nir.to_nir(net, (3,), dt=1e-3)
    >>> sorted(graph.nodes), graph.nodes["1"].tau.round(3).tolist()
    (['0', '1', 'input', 'output'], [0.02, 0.02])
    """
    nir, step = library(WHERE), positive_step(WHERE, dt)
    if not isinstance(net, Cell):
        raise DTypeError(WHERE, "a Cell as the net", describe(net), "Put layers in an nn.SequentialCell.")
    unknown = [word for word in beyond if word not in BEYOND]
    if isinstance(beyond, str) or unknown:
        raise ArgumentError(WHERE, f"beyond as a list of {', '.join(BEYOND)}", repr(beyond), "Such as beyond=['reset'].")
    with no_grad():
        return _Writer(net, _sample(x), step, nir).graph(set(beyond))


def _sample(x: Any) -> Tensor:
    if isinstance(x, tuple) and all(isinstance(n, (int, np.integer)) and n > 0 for n in x):
        return as_tensor(np.zeros((2, *x), np.float32))
    x = as_tensor(x, f"{WHERE}, input x")
    if x.ndim < 2 or not len(x):
        raise ShapeError(
            f"{WHERE}, input x", "[T, N, ...], or the shape of a sample as a tuple", describe(x), "Such as x=(784,)."
        )
    return as_tensor(np.zeros((2, *x.shape[2:]), x.dtype if x.dtype.kind == "f" else float32))


class _Writer:
    def __init__(self, net: Cell, x: Tensor, dt: float, nir: Any) -> None:
        self.net, self.x, self.dt, self.nir = net, x, dt, nir
        self.step: Graph = trace_step(net, x)
        self.cells = dict(net.cells_and_names())
        self.values: dict[Edge, list[Term]] = {}
        self.known: dict[Edge, Array] = {}
        self.nodes: dict[str, Any] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}  # of what comes out of them
        self.edges: list[tuple[Term, str]] = []
        self.beyond: list[tuple[str, str]] = []
        self.starts = dict(zip(tree.leaves(self.step.state), self._initial(), strict=True))

    def _initial(self) -> list[Any]:
        if not self.step.starts:
            return []
        return tree.leaves(initial_state(self.net, self.x))

    def graph(self, allowed: set[str]) -> Any:
        """Write all nodes, then the edges."""
        shape = self.x.shape[1:]
        self.values[Edge(0)] = [Term(self._add("input", "Input", {"input_type": {"input": np.array(shape)}}, {}, shape))]
        for node in self.step.nodes[1:]:
            getattr(self, f"_{node.kind}")(node)
        outs = tree.leaves(self.step.out)
        for k, edge in enumerate(outs):
            shape, name = self._shape(edge)[1:], "output" if len(outs) == 1 else f"output_{k}"
            name = self._add(name, "Output", {"output_type": {"output": np.array(shape)}}, {}, shape)
            self._feed(self._terms(edge, "the output"), name, shape)
        edges, crossing = self._crossing(self._resolved())
        flat = flatten(self._made(edges, {}))
        late = {(s, t) for s, t in crossing}
        delays = {name for name, node in self.nodes.items() if type(node).__name__ == "Delay" and np.all(node.delay > 0)}
        if crossing_by_rule(flat, delays) != late:
            self.beyond.append(("feedback", "the net"))
        missing = [(word, where) for word, where in self.beyond if word not in allowed]
        if missing:
            word, where = missing[0]
            expected, got = BEYOND[word]
            others = f"; so for {len(missing) - 1} more" if len(missing) > 1 else ""
            raise ArgumentError(
                f"{WHERE}, {where}", expected, got + others,
                f"Change it, or pass beyond={sorted({w for w, _ in missing})}: then only spikecell reads the same net.",
            )  # fmt: skip
        about = {"dt": self.dt, "beyond": sorted({word for word, _ in self.beyond}), "crossing": sorted(late)}
        return self._made(edges, hint(**about))

    def _made(self, edges: list[tuple[str, str]], metadata: dict[str, Any]) -> Any:
        try:
            return self.nir.NIRGraph(dict(self.nodes), list(edges), metadata=metadata)
        except Exception:  # nir takes kernels to be square and groups to be 1; cycles without an end it refuses too
            return self.nir.NIRGraph(dict(self.nodes), list(edges), metadata=metadata, type_check=False)

    # Nodes

    def _add(self, name: str, kind: str, arguments: dict[str, Any], metadata: dict[str, Any], shape: Any) -> str:
        base, k = name.replace("/", "_") or kind.lower(), 1
        name = base
        while name in self.nodes:
            k += 1
            name = f"{base}_{k}"
        self.nodes[name], self.shapes[name] = getattr(self.nir, kind)(**arguments, metadata=metadata), tuple(shape)
        return name

    def _feed(self, terms: list[Term], name: str, shape: Any) -> None:
        seen: set[Term] = set()
        for term in terms:
            if term in seen:  # x + x: NIR has an edge once
                one = self._scale([term], np.ones(shape, self.x.dtype), f"{name}.twice", {"layer": "sum"})
                term = one[0]
            seen.add(term)
            self.edges.append((term, name))

    def _terms(self, edge: Any, where: str) -> list[Term]:
        if edge in self.values:
            return self.values[edge]
        raise ArgumentError(
            f"{WHERE}, {where}", "values that depend on the input", "one that is the same in each step",
            "NIR has constants as the bias of an Affine or a convolution alone: use nn.Dense.",
        )  # fmt: skip

    def _shapes(self, node: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
        edge = node.inputs[0]
        return self.step.nodes[edge.node].outputs[edge.output].shape[1:], node.outputs[0].shape[1:]

    def _parameter(self, node: Node) -> None:
        self.known[Edge(node.number)] = np.array(node.what.asnumpy())

    def _constant(self, node: Node) -> None:
        self.known[Edge(node.number)] = np.array(node.what)

    def _state(self, node: Node) -> None:
        self.values[Edge(node.number)] = [Term(state=node.number)]

    def _layer(self, node: Node) -> None:
        cell, where = node.what, label(node.name, node.what)
        if not node.varies or len(node.inputs) != 1:
            self._refuse(node, where)
        terms = self._terms(node.inputs[0], where)
        if isinstance(cell, nn.Identity):
            self.values[Edge(node.number)] = terms
            return
        before, after = self._shapes(node)
        if isinstance(cell, Surrogate):
            cell = Threshold(np.zeros(before, np.float32), cell)
        if type(cell) not in CELLS and type(cell) not in WRITERS:
            self._refuse(node, where)
        self.values[Edge(node.number)] = self._written(cell, terms, before, after, node.name, where, node.outputs[0].dtype)

    def _written(
        self, cell: Cell, terms: list[Term], before: Any, after: Any, name: str, where: str, dtype: Any, **hints: Any
    ) -> list[Term]:
        where = f"{WHERE}, {where}"
        if type(cell) in CELLS:
            found = said(cell, before, dtype, self.dt, where)
            self.beyond += [(word, where.removeprefix(f"{WHERE}, ")) for word in found.beyond]
            made = self._add(name, found.kind, found.fields, pack(cell), after)
            self._feed(terms, made, before)
            if found.amplitude is None:
                return [Term(made)]
            return self._scale([Term(made)], found.amplitude, f"{made}.amplitude", {"layer": "amplitude"})
        layer = WRITERS[type(cell)](cell, before, after, self.dt, where)
        every = layer.hints | hints
        made = self._add(name, layer.kind, layer.arguments, hint(**every) if every else {}, after)
        self._feed(terms, made, before)
        return [Term(made)]

    def _scale(self, terms: list[Term], factor: Array, name: str, hints: dict[str, Any]) -> list[Term]:
        shape = factor.shape
        made = self._add(name, "Scale", {"scale": np.ascontiguousarray(factor)}, hint(**hints) if hints else {}, shape)
        self._feed(terms, made, shape)
        return [Term(made)]

    def _population(self, node: Node) -> None:
        cell, owner = node.what, node.owner
        where = label(node.path or node.name, owner if owner is not None else cell)
        if len(node.inputs) - len(node.states) != 1 or not isinstance(node.inputs[0], Edge):
            self._refuse(node, where)
        name, terms = node.path or node.name, self._terms(node.inputs[0], where)
        before, after = self._shapes(node)
        self._check_state(node, where)
        if " (" in node.name:
            name = node.name
        rest: Any = (before, after, name, where, node.outputs[0].dtype)
        if isinstance(owner, Recurrent):
            plain_weight(owner, f"{WHERE}, {where}")
        if type(cell) in (Recurrent, RecurrentThrough):
            held: Any = cell
            if type(held.node) not in CELLS:
                self._refuse(node, label(f"{name}.node", held.node), held.node)
            out = self._written(held.node, terms, *rest)
            back = [replace(term, hops=1) for term in out]
            if isinstance(held, Recurrent):
                weight = plain_weight(held, f"{WHERE}, {where}")
                returned = self._scale(back, weight, f"{name}.w_rec", {"layer": "self"})
            else:
                if type(held.back) not in WRITERS:
                    self._refuse(node, label(f"{name}.back", held.back), held.back)
                returned = self._written(
                    held.back, back, before, before, f"{name}.back", label(f"{name}.back", held.back), None, through=True
                )
            first = out[0].name.removesuffix(".amplitude")
            self._feed(returned, first, before)
            self.values[Edge(node.number)] = out
            return
        if type(cell) not in CELLS and type(cell) is not Delay:
            self._refuse(node, where)
        self.values[Edge(node.number)] = self._written(cell, terms, *rest)

    def _check_state(self, node: Node, where: str) -> None:
        """Check that a neuron goes on from its own state, and starts as it does by itself."""
        fresh = tree.leaves(initial_state(node.what, as_tensor(np.zeros((2, *self._shapes(node)[0]), node.outputs[0].dtype))))
        for k, (edge, start) in enumerate(zip(node.states, fresh, strict=True), 1):
            held = self.step.nodes[edge.node]
            if held.kind != "state" or held.after != Edge(node.number, k):
                raise ArgumentError(
                    f"{WHERE}, {where}", "a neuron that goes on from the state it left", "one that is given another state",
                    "NIR has no node that changes a state from outside.",
                )  # fmt: skip
            if not np.array_equal(np.asarray(self.starts[held.number]), np.asarray(start)):
                raise ArgumentError(
                    f"{WHERE}, {where}", "a neuron that starts as it does by itself", "one that starts otherwise",
                    "NIR does not say how a neuron starts: pass state= to snn.run instead.",
                )  # fmt: skip

    def _refuse(self, node: Node, where: str, cell: Any = None) -> None:
        kinds = ", ".join(sorted(kind.__name__ for kind in (*CELLS, *WRITERS, Recurrent, RecurrentThrough)))
        cell = node.what if cell is None else cell
        raise ArgumentError(
            f"{WHERE}, {where}", f"what NIR has a node for: {kinds}", type(cell).__name__,
            _ADVICE.get(type(cell).__name__, "Put others in a net of their own, or layers of these kinds in an nn.SequentialCell."),
        )  # fmt: skip

    # Operations of a net's own construct

    def _operation(self, node: Node) -> None:
        values = [self.known.get(item, item) if isinstance(item, Edge) else item for item in node.inputs]
        if not any(isinstance(value, Edge) for value in values):
            out = node.what(*[as_tensor(v) if isinstance(v, np.ndarray) else v for v in values], **node.attrs)
            outs = out if isinstance(out, tuple) else (out,)
            self.known |= {Edge(node.number, k): np.array(made.asnumpy()) for k, made in enumerate(outs)}
            return
        name, where = node.what.__name__.lstrip("_"), f"the operation {node.name!r}"
        shape = node.outputs[0].shape[1:]
        found: list[Term] | None = None
        varying = [value for value in values if isinstance(value, Edge)]
        if name == "add" and len(varying) == 2:
            found = self._sum(*(self._terms(edge, where) for edge in varying), shape, node.name)
        elif name == "sub" and len(varying) == 2:
            first, second = (self._terms(edge, where) for edge in varying)
            found = self._sum(first, self._times(second, -1.0, shape, node), shape, node.name)
        elif name == "neg":
            found = self._times(self._terms(varying[0], where), -1.0, shape, node)
        elif name == "mul" and len(varying) == 1 and self._shape(varying[0]) == (2, *shape):
            factor = next(value for value in values if not isinstance(value, Edge))
            found = self._times(self._terms(varying[0], where), factor, shape, node)
        elif name == "matmul" and isinstance(values[0], Edge) and not isinstance(values[1], Edge) and len(shape) == 1:
            found = self._product(node, values[1], where)
        elif name == "reshape" and shape == (int(np.prod(self._shape(varying[0])[1:])),):
            sample = self._shape(varying[0])[1:]
            flat = self._written(nn.Flatten(), self._terms(varying[0], where), sample, shape, node.name, where, None)
            found = flat if len(sample) > 1 else self._terms(varying[0], where)
        if found is None:
            raise ArgumentError(
                f"{WHERE}, {where}", "sums and differences, products with what is constant, matrix products, flattening",
                f"ops.{name}", "NIR has no such node.",
            )  # fmt: skip
        self.values[Edge(node.number)] = found

    def _shape(self, edge: Edge) -> tuple[int, ...]:
        return self.step.nodes[edge.node].outputs[edge.output].shape

    def _sum(self, first: list[Term], second: list[Term], shape: Any, name: str) -> list[Term]:
        """Return the terms of a sum in the order in which floats are added."""
        if len(first) > 1 and len(second) > 1:
            second = self._scale(second, np.ones(shape, self.x.dtype), f"{name}.sum", {"layer": "sum"})
        return first + second if len(second) == 1 else second + first

    def _times(self, terms: list[Term], factor: Any, shape: Any, node: Node) -> list[Term]:
        array = np.asarray(factor, node.outputs[0].dtype)
        array = array.reshape(array.shape[1:]) if array.ndim == len(shape) + 1 and len(array) == 1 else array
        if array.ndim > len(shape):
            raise ArgumentError(f"{WHERE}, the operation {node.name!r}", "a factor for each feature", describe(array), "NIR has no batch.")
        return self._scale(terms, np.broadcast_to(array, shape), node.name, {"layer": "Scale"} if len(shape) > 1 else {})

    def _product(self, node: Node, matrix: Array, where: str) -> list[Term]:
        if matrix.ndim != 2:
            raise ArgumentError(f"{WHERE}, {where}", "a product with a matrix", describe(matrix), "NIR has no batch.")
        prefix = node.name.split(".matmul")[0]
        layer = self.cells.get(prefix)
        lateral = {"lateral": layer.lateral} if isinstance(layer, Recurrent) else {}
        name = f"{prefix}.w_rec" if lateral else node.name
        weight = np.ascontiguousarray(matrix.T)
        made = self._add(name, "Linear", {"weight": weight}, hint(**lateral) if lateral else {}, weight.shape[:1])
        self._feed(self._terms(node.inputs[0], where), made, weight.shape[1:])
        return [Term(made)]

    # Edges

    def _resolved(self) -> list[tuple[str, str, int]]:
        """Return the edges with the steps that each crosses."""
        found: list[tuple[str, str, int]] = []

        def add(term: Term, target: str, hops: int) -> None:
            if term.state < 0:
                found.append((term.name, target, hops + term.hops))
                return
            held = self.step.nodes[term.state]
            if hops > 1000 or not isinstance(held.after, Edge) or held.after not in self.values:
                raise ArgumentError(
                    f"{WHERE}, {held.name}", "a state that an earlier step has left", "one that never changes",
                    "NIR has no constants: use the bias of a layer.",
                )  # fmt: skip
            if np.any(np.asarray(self.starts[held.number])):
                raise ArgumentError(
                    f"{WHERE}, {held.name}", "feedback that starts at 0", "another start", "NIR does not say how feedback starts."
                )
            for inner in self.values[held.after]:
                add(inner, target, hops + 1)

        for term, target in self.edges:
            add(term, target, 0)
        return found

    def _crossing(self, edges: list[tuple[str, str, int]]) -> tuple[list[tuple[str, str]], set[tuple[str, str]]]:
        """Return the edges as NIR has them, and those that cross a step: explicit Delays where no cycle or another says it."""
        groups = _components([*self.nodes], [(s, t) for s, t, _ in edges])
        delayed = {groups[n] for n, node in self.nodes.items() if type(node).__name__ == "Delay" and np.all(node.delay > 0)}
        delayed |= {groups[s] for s, t, hops in edges if hops > 1 and groups[s] == groups[t]}
        plain, crossing = [], set()
        for source, target, hops in edges:
            if not hops:
                plain.append((source, target))
            elif hops == 1 and groups[source] == groups[target] and groups[source] not in delayed:
                plain.append((source, target))
                crossing.add((source, target))
            else:
                shape = self.shapes[source]
                between = self._add(f"{target}.delay", "Delay", {"delay": np.full(shape, hops * self.dt)}, {}, shape)
                plain += [(source, between), (between, target)]
        groups = _components([*self.nodes], plain)
        cycles = {groups[s] for s, t in plain if groups[s] == groups[t]}
        for name, node in self.nodes.items():
            if type(node).__name__ == "Delay" and groups[name] in cycles and np.all(node.delay > 0):
                crossing |= {(s, t) for s, t in plain if t == name}
        moved = True
        while moved:  # a step later is the same behind a factor as before it
            moved = False
            for name, node in self.nodes.items():
                into = [edge for edge in plain if edge[1] == name]
                if type(node).__name__ == "Scale" and len(into) == 1 and into[0] in crossing:
                    crossing = crossing - {*into} | {edge for edge in plain if edge[0] == name}
                    moved = True
        return plain, crossing


def _components(names: list[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = {name: k for k, name in enumerate(names)}
    rows, columns = [place[s] for s, _ in edges], [place[t] for _, t in edges]
    graph = coo_array((np.ones(len(edges)), (rows, columns)), (len(names),) * 2)
    return dict(zip(names, connected_components(graph, connection="strong")[1].tolist(), strict=True))


_ADVICE = {
    "Dropout": "It does nothing outside of training: take it out first.",
    "BatchNorm2d": "Fold it into the convolution before it.",
    "BatchNorm1d": "Fold it into the layer before it.",
    "MaxPool2d": "Take nn.SumPool2d or nn.AvgPool2d.",
}
