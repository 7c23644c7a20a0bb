"""The Cells of a net as NIR's nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from autograd import Cell, Tensor, as_tensor, nn, tree
from autograd.errors import ArgumentError

from ...common.structure import initial_state, label
from ...graphs.graph import Edge, Graph, Node
from ...graphs.trace import trace_step
from ...layers.delay import Delay
from ...layers.recurrent import RecurrentThrough
from ...recurrent import Recurrent
from ...surrogate.base import Surrogate
from .cells import Threshold
from .exact import hint, pack
from .fields import Array
from .layers import WRITERS, frozen, plain_weight
from .neurons import CELLS, said

__all__ = ["WHERE", "Nodes", "Term"]

WHERE = "snn.interop.nir.to_nir"
_ADVICE = {
    "Dropout": "It does nothing outside of training: remove it first.",
    "BatchNorm2d": "Fold it into the convolution before it.",
    "BatchNorm1d": "Fold it into the layer before it.",
    "MaxPool2d": "Use nn.SumPool2d or nn.AvgPool2d.",
}


@dataclass(frozen=True)
class Term:
    """A term of a sum: the output of a NIR node, or a state, which holds the output of another node in an earlier step."""

    name: str = ""
    state: int = -1
    hops: int = 0


class Nodes:
    """Writes the Cells of a net, one method for each kind of node of its graph; a subclass writes operations.

    ``x`` is an input of one step, ``dt`` the seconds of a step, and ``nir`` the package.
    """

    def __init__(self, net: Cell, x: Tensor, dt: float, nir: Any) -> None:
        self.net, self.x, self.dt, self.nir = net, x, dt, nir
        self.step: Graph = trace_step(net, x)
        self.cells = dict(net.cells_and_names())
        self.values: dict[Edge, list[Term]] = {}
        self.known: dict[Edge, Array] = {}
        self.trained: set[Edge] = set()  # the known values that depend on trained Parameters
        self.nodes: dict[str, Any] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}  # of their outputs
        self.written: set[str] = set()  # the names of the Cells that have nodes of their own
        self.edges: list[tuple[Term, str]] = []
        self.beyond: list[tuple[str, str]] = []
        self.starts: dict[int, Any] = {}
        if self.step.starts:  # otherwise the state is None
            self.starts = dict(zip(tree.leaves(self.step.state), tree.leaves(initial_state(net, x)), strict=True))

    def _add(self, name: str, kind: str, arguments: dict[str, Any], metadata: dict[str, Any], shape: Any) -> str:
        if not name.isprintable():
            raise ArgumentError(
                f"{WHERE}, {name!a}", "names of layers without line breaks or control characters", "one with such",
                "Rename the layer.",
            )  # fmt: skip
        for field, value in arguments.items():
            if isinstance(value, np.ndarray) and not np.all(np.isfinite(value)):
                raise ArgumentError(
                    f"{WHERE}, {name!r} ({kind}), {field}", "finite numbers", "NaN or infinity",
                    "Set them first: such a graph cannot be read.",
                )  # fmt: skip
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
            if term in seen:  # x + x: NIR has each edge only once
                one = self._scale([term], np.ones(shape, self.x.dtype), f"{name}.twice", {"layer": "sum"})
                term = one[0]
            seen.add(term)
            self.edges.append((term, name))

    def _terms(self, edge: Any, where: str) -> list[Term]:
        if edge in self.values:
            return self.values[edge]
        raise ArgumentError(
            f"{WHERE}, {where}", "values that depend on the input", "one that is the same in each step",
            "NIR has constants only as the bias of an Affine or a convolution: use nn.Dense.",
        )  # fmt: skip

    def _shapes(self, node: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
        edge = node.inputs[0]
        return self.step.nodes[edge.node].outputs[edge.output].shape[1:], node.outputs[0].shape[1:]

    def _parameter(self, node: Node) -> None:
        self.known[Edge(node.number)] = np.array(node.what.asnumpy())
        if node.what.requires_grad:
            self.trained.add(Edge(node.number))

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
        self.written.add(name.replace("/", "_"))
        if type(cell) in CELLS:
            found = said(cell, before, dtype, self.dt, where)
            self.beyond += [(word, where.removeprefix(f"{WHERE}, ")) for word in found.beyond]
            made = self._add(name, found.kind, found.fields, pack(cell), after)
            self._feed(terms, made, before)
            if found.amplitude is None:
                return [Term(made)]
            return self._scale([Term(made)], found.amplitude, f"{made}.amplitude", {"layer": "amplitude"})
        layer = WRITERS[type(cell)](cell, before, after, self.dt, where)
        every = layer.hints | frozen(cell) | hints
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
                returned = self._scale(back, weight, f"{name}.w_rec", {"layer": "self"} | frozen(held))
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
        """Check that a neuron continues from its own state, and begins with its own initial state."""
        fresh = tree.leaves(initial_state(node.what, as_tensor(np.zeros((2, *self._shapes(node)[0]), node.outputs[0].dtype))))
        for k, (edge, start) in enumerate(zip(node.states, fresh, strict=True), 1):
            held = self.step.nodes[edge.node]
            if held.kind != "state" or held.after != Edge(node.number, k):
                raise ArgumentError(
                    f"{WHERE}, {where}", "a neuron that continues from its own state", "one that is given another state",
                    "NIR has no node that changes a state from outside.",
                )  # fmt: skip
            if not np.array_equal(np.asarray(self.starts[held.number]), np.asarray(start)):
                raise ArgumentError(
                    f"{WHERE}, {where}", "a neuron that begins with its own initial state", "one that begins with another",
                    "NIR cannot express the start of a neuron: pass state= to snn.run instead.",
                )  # fmt: skip

    def _refuse(self, node: Node, where: str, cell: Any = None) -> NoReturn:
        kinds = ", ".join(sorted(kind.__name__ for kind in (*CELLS, *WRITERS, Recurrent, RecurrentThrough)))
        cell = node.what if cell is None else cell
        raise ArgumentError(
            f"{WHERE}, {where}", f"a layer with a node in NIR: {kinds}", type(cell).__name__,
            _ADVICE.get(type(cell).__name__, "Wrap layers of these kinds in an nn.SequentialCell; leave others out."),
        )  # fmt: skip
