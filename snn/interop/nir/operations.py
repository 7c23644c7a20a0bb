"""The operations of a net's own construct as NIR's nodes: sums become edges, products with constants become nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import as_tensor, nn
from autograd.dtypes import describe
from autograd.errors import ArgumentError

from ...graphs.graph import Edge, Node
from ...recurrent import Recurrent
from .exact import hint
from .fields import Array
from .nodes import WHERE, Nodes, Term

__all__ = ["Operations"]


class Operations(Nodes):
    """Writes operations."""

    def _operation(self, node: Node) -> None:
        values = [self.known.get(item, item) if isinstance(item, Edge) else item for item in node.inputs]
        trained = any(isinstance(item, Edge) and item in self.trained for item in node.inputs)
        if not any(isinstance(value, Edge) for value in values):
            out = node.what(*[as_tensor(v) if isinstance(v, np.ndarray) else v for v in values], **node.attrs)
            outs = out if isinstance(out, tuple) else (out,)
            self.known |= {Edge(node.number, k): np.array(made.asnumpy()) for k, made in enumerate(outs)}
            if node.what.__name__.lstrip("_") != "stop_gradient":
                self.trained |= {Edge(node.number, k) for k in range(len(outs)) if trained}
            return
        name, where = node.what.__name__.lstrip("_"), f"the operation {node.name!r}"
        shape = node.outputs[0].shape[1:]
        found: list[Term] | None = None
        varying = [value for value in values if isinstance(value, Edge)]
        if name == "add" and len(varying) == 2:
            first, second = (self._terms(edge, where) for edge in varying)
            found = self._sum(first, second, shape, node.name)
        elif name == "sub" and len(varying) == 2:
            first, second = (self._terms(edge, where) for edge in varying)
            found = self._sum(first, self._times(second, -1.0, shape, node), shape, node.name)
        elif name == "stop_gradient":
            self.beyond.append(("stop_gradient", where))
            found = self._terms(varying[0], where)
        elif name == "neg":
            found = self._times(self._terms(varying[0], where), -1.0, shape, node)
        elif name == "mul" and len(varying) == 1 and self._shape(varying[0]) == (2, *shape):
            factor = next(value for value in values if not isinstance(value, Edge))
            found = self._times(self._terms(varying[0], where), factor, shape, node, trained)
        elif name == "matmul" and isinstance(values[0], Edge) and not isinstance(values[1], Edge) and len(shape) == 1:
            found = self._product(node, values[1], where, trained)
        elif name == "reshape" and shape == (int(np.prod(self._shape(varying[0])[1:])),):
            sample = self._shape(varying[0])[1:]
            flat = self._written(nn.Flatten(), self._terms(varying[0], where), sample, shape, node.name, where, None)
            found = flat if len(sample) > 1 else self._terms(varying[0], where)
        if found is None:
            raise ArgumentError(
                f"{WHERE}, {where}", "sums and differences, products with constants, matrix products, flattening",
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

    def _times(self, terms: list[Term], factor: Any, shape: Any, node: Node, trained: bool = False) -> list[Term]:
        array = np.asarray(factor, node.outputs[0].dtype)
        array = array.reshape(array.shape[1:]) if array.ndim == len(shape) + 1 and len(array) == 1 else array
        if array.ndim > len(shape):
            raise ArgumentError(
                f"{WHERE}, the operation {node.name!r}", "a factor for each feature", describe(array), "NIR has no batch."
            )
        hints = ({"layer": "Scale"} if len(shape) > 1 else {}) | _frozen(trained)
        return self._scale(terms, np.broadcast_to(array, shape), node.name, hints)

    def _product(self, node: Node, matrix: Array, where: str, trained: bool) -> list[Term]:
        if matrix.ndim != 2:
            raise ArgumentError(f"{WHERE}, {where}", "a product with a matrix", describe(matrix), "NIR has no batch.")
        prefix = node.name.split(".matmul")[0]
        layer = self.cells.get(prefix)
        lateral = {"lateral": layer.lateral} if isinstance(layer, Recurrent) else {}
        name = f"{prefix}.w_rec" if lateral else node.name
        weight = np.ascontiguousarray(matrix.T)
        hints = lateral | _frozen(trained)
        made = self._add(name, "Linear", {"weight": weight}, hint(**hints) if hints else {}, weight.shape[:1])
        self._feed(self._terms(node.inputs[0], where), made, weight.shape[1:])
        return [Term(made)]


def _frozen(trained: bool) -> dict[str, Any]:
    return {} if trained else {"frozen": ["weight"]}
