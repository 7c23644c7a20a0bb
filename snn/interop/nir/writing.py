"""Write a net as a NIR graph, from its computation in one time step."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from autograd import Cell, Tensor, as_tensor, tree
from autograd.dtypes import describe, float32
from autograd.errors import ArgumentError, DTypeError, ShapeError
from autograd.state import no_grad, quietly

from ...common.structure import label, says_too_deep
from ...graphs.graph import Edge
from .exact import hint
from .fields import library, positive_step
from .flat import components, crossing_by_rule, flatten
from .nested import nest
from .nodes import WHERE, Term
from .operations import Operations
from .peers import READERS, check_reader

__all__ = ["BEYOND", "to_nir"]

BEYOND = {
    "reset": ("a hard reset, v_reset=0.0, as NIR defines it", "one that subtracts, or none"),
    "comparator": ("a neuron that fires above the threshold, as NIR defines it", "fire_at_threshold=True"),
    "order": ("a membrane that takes the current of the same step", "current_first=False"),
    "start": ("an IFNode that starts at 0: NIR cannot express its start", "one that starts at its v_reset"),
    "surrogate": ("a surrogate of snn.surrogate", "another one, which would not come back"),
    "stop_gradient": (
        "a value that passes its gradient on: a graph of NIR has no gradients",
        "stop_gradient, which would be left out",
    ),
    "feedback": (
        "feedback that is one step late where it goes to the same or an earlier neuron, as readers take it",
        "other feedback",
    ),
}
"""Properties that NIR lacks: its definition, and the property found instead."""
_LEFT_OUT = {"surrogate", "stop_gradient"}  # spikes are as in NIR, gradients are not


@says_too_deep
def to_nir(
    net: Cell, x: Any, *, dt: float, beyond: Collection[str] = (), reader: str | None = None, nested: bool = False
) -> Any:
    """Return a net as a graph of NIR, the Neuromorphic Intermediate Representation (Pedersen et al., 2024).

    Everything that NIR cannot express is refused. NIR defines neurons in continuous time, without a time step: packages that
    take forward Euler steps of ``dt`` get our spikes. :func:`from_nir` returns the same net, to the bit, since metadata
    holds all that only spikecell has.

    Parameters
    ----------
    net : Cell
        As for :func:`snn.run`. Weights and constants are copied.
    x : Tensor or array or tuple of int
        An input of a run, ``[T, N, ...]``, for its shape and dtype; or the shape of a sample in one step.
    dt : float
        Seconds of a time step. Our time constants are in steps.
    beyond : list or set of str
        Properties to write although NIR does not define them, so that only spikecell reads the same net: ``"reset"`` (soft, or
        none), ``"comparator"`` (``fire_at_threshold=True``), ``"order"`` (``current_first=False``), ``"start"`` (an IFNode
        that starts at its ``v_reset``), ``"feedback"`` (a step late in another place). ``"surrogate"`` (your own) and
        ``"stop_gradient"`` are left out: the same spikes come back, with another gradient.
    reader : {"norse", "snntorch", "spikingjelly"}, optional
        The package that is to read the graph. Everything that it refuses or reads with other numbers is an error that names
        the node, with one exception: SpikingJelly also fires where a membrane is exactly at the threshold. See docs/nir.md.
    nested : bool
        Whether each Cell that holds others becomes a graph inside the graph. By default all nodes are side by side, under
        names such as ``block.layer``.

    Returns
    -------
    nir.NIRGraph
        With the names of the layers as names of nodes.

    Raises
    ------
    MissingExtraError
        If the package nir is not installed.
    ArgumentError
        If NIR has no node for a layer, an operation or a property of a neuron, or ``reader`` does not read it; the error names
        it. Also with ``nested``, if several values enter or leave a Cell.
    CompileError
        If a step of the net cannot be traced.

    Examples
    --------
    >>> import snn
    >>> from autograd import nn
    >>> net = nn.SequentialCell(nn.Dense(3, 2, rng=0), snn.LIFNode(tau=20.0, decay_input=True, v_reset=0.0))
    >>> graph = snn.interop.nir.to_nir(net, (3,), dt=1e-3)
    >>> sorted(graph.nodes), graph.nodes["1"].tau.round(3)
    (['0', '1', 'input', 'output'], array([0.02, 0.02], dtype=float32))
    """
    nir, step = library(WHERE), positive_step(WHERE, dt)
    if not isinstance(net, Cell):
        raise DTypeError(WHERE, "a Cell as the net", describe(net), "Put layers in an nn.SequentialCell.")
    listed = isinstance(beyond, (list, tuple, set, frozenset)) and all(isinstance(word, str) for word in beyond)
    if not listed or not {*beyond} <= {*BEYOND}:
        raise ArgumentError(
            WHERE, f"beyond as a list of {', '.join(BEYOND)}", repr(beyond)[:100], "For example beyond=['reset']."
        )
    if reader is not None and (not isinstance(reader, str) or reader not in READERS):
        raise ArgumentError(
            WHERE, f"reader one of {', '.join(READERS)}, or None", repr(reader)[:100], "docs/nir.md has a table."
        )
    if reader is not None and {*beyond} - _LEFT_OUT:
        raise ArgumentError(
            WHERE, "reader or beyond", f"reader={reader!r} and beyond={sorted(beyond)}",
            "Beyond NIR, only spikecell reads the same net: leave one of them out.",
        )  # fmt: skip
    if not isinstance(nested, (bool, np.bool_)):
        raise DTypeError(WHERE, "nested=True or False", describe(nested), "True makes graphs inside the graph.")
    if hooked := [label(name, cell) for name, cell in net.cells_and_names() if cell.hooked]:
        raise ArgumentError(
            f"{WHERE}, {hooked[0]}", "a Cell without hooks", "one with a hook, which NIR cannot express",
            "Remove it: call remove() of the handle that its registration returned.",
        )  # fmt: skip
    with no_grad():
        return quietly(
            lambda: _Writer(net, _sample(x), step, nir).graph(set(beyond), reader, bool(nested))
        )  # NaN and infinity are refused by name


def _sample(x: Any) -> Tensor:
    if isinstance(x, tuple) and x and all(isinstance(n, (int, np.integer)) and n > 0 for n in x):
        return as_tensor(np.zeros((2, *x), np.float32))
    x = as_tensor(x, f"{WHERE}, input x")
    if x.ndim < 3 or not x.size:
        raise ShapeError(
            f"{WHERE}, input x", "[T, N, features], or the shape of a sample as a tuple", describe(x), "For example x=(784,)."
        )
    return as_tensor(np.zeros((2, *x.shape[2:]), x.dtype if x.dtype.kind == "f" else float32))


class _Writer(Operations):
    """Writes the whole graph."""

    def graph(self, allowed: set[str], reader: str | None, nested: bool) -> Any:
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
        self._check_ends(edges)
        if nested:
            edges, crossing, blocks = self._blocks(edges, crossing)
            nodes, edges = nest(self.nodes, edges, blocks, self._end, self._made, WHERE)
        else:
            nodes = self.nodes
        flat = flatten(self._made(nodes, edges))
        late = {(s, t) for s, t in crossing}
        delays = {name for name, node in self.nodes.items() if type(node).__name__ == "Delay" and np.all(node.delay > 0)}
        if crossing_by_rule(flat, delays) != late:
            self.beyond.append(("feedback", "the net"))
        missing = [(word, where) for word, where in self.beyond if word not in allowed]
        if missing:
            word, where = missing[0]
            expected, got = BEYOND[word]
            others = f"; the same for {len(missing) - 1} more" if len(missing) > 1 else ""
            words = {w for w, _ in missing}
            then = (
                "the graph has the same spikes, without this gradient"
                if words <= _LEFT_OUT
                else "only spikecell reads the same net"
            )
            raise ArgumentError(
                f"{WHERE}, {where}", expected, got + others, f"Change it, or pass beyond={sorted(words)}: then {then}.",
            )  # fmt: skip
        about = {"dt": self.dt, "beyond": sorted({word for word, _ in self.beyond}), "crossing": sorted(late)}
        if reader is not None:
            check_reader(reader, flat, self.dt, nodes, WHERE)
        return self._made(nodes, edges, hint(**about))

    def _blocks(
        self, edges: list[tuple[str, str]], crossing: set[tuple[str, str]]
    ) -> tuple[list[tuple[str, str]], set[tuple[str, str]], list[str]]:
        """Return edges, those that cross a step, and names of Cells that hold others; one named as a node is renamed."""
        cells = ((name.replace("/", "_"), cell) for name, cell in self.net.cells_and_names() if name and [*cell.cells()])
        blocks = [*dict.fromkeys(name for name, _ in cells if name not in self.written)]
        for block in [name for name in blocks if name in self.nodes]:
            old, k = f"{block}.", 2
            while any(name == f"{block}_{k}" or name.startswith(f"{block}_{k}.") for name in (*self.nodes, *blocks)):
                k += 1

            def moved(name: str, old: str = old, new: str = f"{block}_{k}.") -> str:
                return new + name.removeprefix(old) if name.startswith(old) else name

            self.nodes = {moved(name): node for name, node in self.nodes.items()}
            self.shapes = {moved(name): shape for name, shape in self.shapes.items()}
            edges = [(moved(source), moved(target)) for source, target in edges]
            crossing = {(moved(source), moved(target)) for source, target in crossing}
            blocks = [moved(f"{name}.")[:-1] for name in blocks]
        return edges, crossing, blocks

    def _end(self, kind: str, name: str) -> Any:
        """Return the Input or Output of an inner graph, in the shape of a node's output."""
        end = kind.lower()
        return getattr(self.nir, kind)(**{f"{end}_type": {end: np.array(self.shapes[name])}}, metadata={})

    def _check_ends(self, edges: list[tuple[str, str]]) -> None:
        """Check that every node feeds another, since nir makes an output of one that does not."""
        feeding = {source for source, _ in edges}
        for name, node in self.nodes.items():
            if type(node).__name__ != "Output" and name not in feeding:
                raise ArgumentError(
                    f"{WHERE}, {name!r} ({type(node).__name__})", "an output that another layer takes or the net returns",
                    "one that goes nowhere, which NIR makes an output of the net",
                    "Leave it out, or return it too.",
                )  # fmt: skip

    def _made(self, nodes: dict[str, Any], edges: list[tuple[str, str]], metadata: dict[str, Any] | None = None) -> Any:
        metadata = metadata or {}
        try:
            return self.nir.NIRGraph(dict(nodes), list(edges), metadata=metadata)
        except Exception:  # nir takes kernels to be square and groups to be 1; it also refuses cycles without an end
            return self.nir.NIRGraph(dict(nodes), list(edges), metadata=metadata, type_check=False)

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
                    f"{WHERE}, {held.name}", "feedback that starts at 0", "another start",
                    "NIR cannot express the start of feedback.",
                )  # fmt: skip
            for inner in self.values[held.after]:
                add(inner, target, hops + 1)

        for term, target in self.edges:
            add(term, target, 0)
        return found

    def _crossing(self, edges: list[tuple[str, str, int]]) -> tuple[list[tuple[str, str]], set[tuple[str, str]]]:
        """Return the edges as NIR has them, and those that cross a step, with a Delay where a cycle does not imply it."""
        groups = components([*self.nodes], [(s, t) for s, t, _ in edges])
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
        groups = components([*self.nodes], plain)
        cycles = {groups[s] for s, t in plain if groups[s] == groups[t]}
        for name, node in self.nodes.items():
            if type(node).__name__ == "Delay" and groups[name] in cycles and np.all(node.delay > 0):
                crossing |= {(s, t) for s, t in plain if t == name}
        moved = True
        while moved:  # a delay commutes with a factor
            moved = False
            for name, node in self.nodes.items():
                into = [edge for edge in plain if edge[1] == name]
                if type(node).__name__ == "Scale" and len(into) == 1 and into[0] in crossing:
                    crossing = crossing - {*into} | {edge for edge in plain if edge[0] == name}
                    moved = True
        return plain, crossing
