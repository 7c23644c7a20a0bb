"""One step of a net as lines of numpy, from the graphs of that step for two sizes of the batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Tensor, tree
from autograd.dtypes import Array
from autograd.errors import AutogradError, CompileError
from autograd.program import Program, Value
from autograd.state import quietly
from autograd.windows import Windows

from ...engine.expression import number
from ...graphs.graph import Edge, Graph, Node
from . import functions
from .expression import converted, expression

__all__ = ["SIZES", "Step"]

SIZES = 2, 5
"""The two sizes of the batch: whatever differs between the graphs depends on it."""

_FORMS = {
    "_broadcast_to": "np.broadcast_to({0}, {to})", "_concat": "np.concatenate({all}, {axis})",
    "_einsum": "np.einsum({subscripts}, {args})", "_embedding": "np.take({0}, {1}, 0)", "_getitem": "{0}[{index}]",
    "_log_softmax": "log_softmax({0}, {axis})", "_matmul": "np.matmul({0}, {1})",
    "_pad": "np.pad({0}, {pad_width}, constant_values={value})", "_reshape": "np.reshape({0}, {to})",
    "_softmax": "softmax({0}, {axis})", "_split": "np.split({0}, {sections}, {axis})", "_stack": "np.stack({all}, {axis})",
    "_standardize": "standardize({0}, {axis}, {eps})", "_take": "np.take({0}, {1}, {axis})",
    "_unstack": "np.moveaxis({0}, {axis}, 0)", "all": "np.all({0}, {axis}, keepdims={keepdims})",
    "any": "np.any({0}, {axis}, keepdims={keepdims})", "argmax": "np.argmax({0}, {axis}, keepdims={keepdims})",
    "argmin": "np.argmin({0}, {axis}, keepdims={keepdims})", "cumsum": "np.cumsum({0}, {axis})",
    "expand_dims": "np.expand_dims({0}, {axis})", "flip": "np.flip({0}, {axis})",
    "max": "np.max({0}, {axis}, keepdims={keepdims})", "min": "np.min({0}, {axis}, keepdims={keepdims})",
    "prod": "np.prod({0}, {axis}, keepdims={keepdims})", "squeeze": "np.squeeze({0}, {axis})",
    "sum": "np.add.reduce({0}, {axis}, keepdims={keepdims})", "transpose": "np.transpose({0}, {axes})",
    "_conv": "convolve({0}, {1}, {groups}, {windows})", "_conv_input": "transposed({0}, {1}, {groups}, {windows}, {size})",
    "_max_pool": "max_pool({0}, {windows})", "_picked": "picked({0}, {1}, {windows})",
    "_sum_pool": "sum_pool({0}, {windows})", "_where_largest": "first_largest({0}, {1}, {windows})",
}  # fmt: skip
"""Operations on whole arrays, by name: inputs by number, attributes by name."""


class Step:
    """The source of a step.

    Parameters
    ----------
    graphs : pair of Graph
        Of operations alone, for batches of ``SIZES``.

    Attributes
    ----------
    lines : list of str
        Statements that make the output and the new state of ``x``, the state and the batch size ``n``.
    outs, after : list of str
        Expressions of the outputs and of the new state, in order.
    arrays : dict of str to array
        Other values that the lines name.
    functions : set of str
        Those of :mod:`.functions` that they call.

    Raises
    ------
    CompileError
        If an operation has no counterpart, or depends on the size of the batch other than by shapes.
    """

    def __init__(self, graphs: tuple[Graph, Graph]) -> None:
        self.first, self.second = graphs
        self.lines: list[str] = []
        self.arrays: dict[str, Array] = {}
        self.functions: set[str] = set()
        self._names: dict[Edge, str] = {}
        self._kept: dict[Any, str] = {}
        self._place = ""
        self._check_alike()
        self._values = [self._constants(graph) for graph in graphs]
        outs = tree.leaves(self.first.out)
        states = [k for k in tree.leaves(self.first.state) if k is not None]
        after = [self.first.nodes[k].after for k in states]
        self._names |= {Edge(k): f"s{i}" for i, k in enumerate(states)}
        for node in self._needed([*outs, *after]):
            self._write(node)
        self.outs, self.after = [self.name(edge) for edge in outs], [self.name(edge) for edge in after]

    def _check_alike(self) -> None:
        for one, other in zip(self.first.nodes, self.second.nodes, strict=False):
            if (
                one.kind != other.kind
                or one.inputs != other.inputs
                or (one.kind == "operation" and one.what is not other.what)
            ):
                raise _by_batch(one.name, "another operation for another size")
        if len(self.first.nodes) != len(self.second.nodes):
            raise _by_batch(self.first.name, "more operations for another size")

    def _needed(self, edges: Iterable[Any]) -> list[Node]:
        found: set[int] = set()
        waiting = list(edges)
        while waiting:
            node = self.first.nodes[waiting.pop().node]
            if node.number not in found:
                found.add(node.number)
                waiting += node.edges
        return [self.first.nodes[k] for k in sorted(found)]

    @staticmethod
    def _constants(graph: Graph) -> dict[Edge, Array]:
        """Return the values that are the same in each step, computed as the net does."""
        found: dict[Edge, Array] = {}
        for node in graph.nodes:
            if node.kind == "parameter":
                found[Edge(node.number)] = node.what.stored
            elif node.kind == "constant":
                found[Edge(node.number)] = node.what
            elif node.kind == "operation" and not node.varies:
                given = [Tensor.wrap(found[item]) if isinstance(item, Edge) else item for item in node.inputs]
                out = quietly(lambda node=node, given=given: node.what(*given, **node.attrs))  # type: ignore[misc]
                outs = out if isinstance(out, tuple) else (out,)
                found |= {Edge(node.number, k): tensor.array for k, tensor in enumerate(outs)}
        return found

    # Values

    def name(self, edge: Edge) -> str:
        """Return the expression for a value."""
        if edge not in self._names:
            one, other = (values[edge] for values in self._values)
            self._names[edge] = self.constant(one, other, self.first.label(edge))
        return self._names[edge]

    def constant(self, one: Array, other: Array, what: str) -> str:
        """Return the expression for an array that is known, from those for the two sizes of the batch."""
        if one.shape == other.shape:
            if not np.array_equal(one, other, equal_nan=one.dtype.kind == "f"):
                raise _by_batch(what, "other numbers for another size")
            return number(one, one.dtype) if one.ndim == 0 else self.array(one)
        shape = self.literal(one.shape, other.shape, what)
        if one.size and (one == one.flat[0]).all() and (other == one.flat[0]).all():
            return f"np.full({shape}, {number(one.flat[0], one.dtype)})"
        axes = [k for k, pair in enumerate(zip(one.shape, other.shape, strict=True)) if pair == SIZES]
        for axis in axes:
            row = one.take([0], axis)
            if np.array_equal(np.broadcast_to(row, one.shape), one) and np.array_equal(
                np.broadcast_to(row, other.shape), other
            ):
                return f"np.broadcast_to({self.array(row)}, {shape})"
        raise _by_batch(what, "other numbers for each sample")

    def array(self, array: Array) -> str:
        """Return the name of an array that the file holds."""
        key = array.dtype.str, array.shape, array.flags.c_contiguous, array.tobytes()
        if key not in self._kept:
            self._kept[key] = f"c{len(self._kept)}"
            self.arrays[self._kept[key]] = array
        return self._kept[key]

    def literal(self, one: Any, other: Any, what: str) -> str:
        """Return the expression for an attribute; a number that grows with the batch counts samples."""
        if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)) and len(one) == len(other):
            parts = [self.literal(a, b, what) for a, b in zip(one, other, strict=True)]
            return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
        if isinstance(one, slice) and isinstance(other, slice):
            ends = [(getattr(one, end), getattr(other, end)) for end in ("start", "stop", "step")]
            return f"slice({', '.join(self.literal(a, b, what) for a, b in ends)})"
        if isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.ndim:
            return self.constant(one, other, what)
        if isinstance(one, Windows) and one == other:
            return f"{one.kernel}, {one.stride}, {one.dilation}, {one.pads}"
        if one is Ellipsis and other is Ellipsis:
            return "..."
        if isinstance(one, (np.generic, np.ndarray)):
            one, other = one.item(), other.item()
        if type(one) is int and type(other) is int and one != other:
            times, rest = divmod(one, SIZES[0])
            if rest or times * SIZES[1] != other:
                raise _by_batch(what, f"{one} for {SIZES[0]} samples and {other} for {SIZES[1]}")
            return "n" if times == 1 else f"{times} * n"
        if one is None or isinstance(one, (bool, int, float, str)):
            if one != other:
                raise _by_batch(what, f"{one!r} for {SIZES[0]} samples and {other!r} for {SIZES[1]}")
            return repr(one)
        raise CompileError("export_numpy", "options that numpy takes", f"{type(one).__name__} in {what}", _ELSE)

    # Operations

    def _write(self, node: Node) -> None:
        if node.kind == "input":
            self._names[Edge(node.number)] = "x"
        if node.kind != "operation" or not node.varies:
            return
        place = node.name.rpartition(".")[0]
        if place != self._place:
            self._place = place
            self.lines.append(f"# {place!r}")
        op = node.what
        if op.scalar is not None or op.expand is not None or "dtype" in op.attr_names:
            made = self._elementwise(node)
        elif op.__name__ in _FORMS:
            made = self._whole(node)
        else:
            raise CompileError("export_numpy", "operations that it knows", f"{op.label}, in {node.name}", _ELSE)
        names = [f"v{node.number}" + (f"_{k}" if len(node.outputs) > 1 else "") for k in range(len(node.outputs))]
        self.lines.append(f"{', '.join(names)} = {made}")
        self._names |= {Edge(node.number, k): name for k, name in enumerate(names)}

    def _dtype(self, item: Any) -> Any:
        return self.first.nodes[item.node].outputs[item.output].dtype

    def _attributes(self, node: Node) -> tuple[dict[str, Any], dict[str, Any]]:
        return {**node.what.defaults, **node.attrs}, {**node.what.defaults, **self.second.nodes[node.number].attrs}

    def _whole(self, node: Node) -> str:
        op = node.what
        like = [Tensor(0, self._dtype(item)) if isinstance(item, Edge) else item for item in node.inputs]
        found = [np.asarray(value).dtype for value in op.promoted(like)]
        if np.float16 in found:
            raise CompileError("export_numpy", "float32 or float64", f"float16 in {node.name}", "Convert input and net.")
        args = [
            number(item, dtype)
            if not isinstance(item, Edge)
            else converted(self.name(item), self._dtype(item), dtype, self.functions)
            for item, dtype in zip(node.inputs, found, strict=True)
        ]
        form = _FORMS[op.__name__]
        self.functions |= {form.partition("(")[0]}.intersection(functions.__all__)
        one, other = self._attributes(node)
        options = {key: self.literal(one[key], other[key], node.name) for key in one if f"{{{key}}}" in form}
        joined = ", ".join(args)
        return form.format(*args, args=joined, all=f"[{joined}]", **options)

    def _elementwise(self, node: Node) -> str:
        """Write an operation by its scalar program, which decides its dtypes and its parts."""
        program, op = Program(), node.what
        values: list[Any] = []
        names: dict[int, str] = {}
        for item in node.inputs:
            if isinstance(item, Edge):
                value = program.input(f"{item.node}.{item.output}", self._dtype(item))
                names[value.index] = self.name(item)
                values.append(value)
            else:
                values.append(item)
        try:
            result: Any = program.apply(op, values, self._attributes(node)[0] if op.attr_names else {})
        except AutogradError as error:
            raise CompileError("export_numpy", "operations that it knows", f"{node.name}: {error.got}", error.fix) from error
        assert isinstance(result, Value)
        needed = program.needed([result.index])
        for index in needed:
            step = program.instructions[index]
            if step.kind == "constant":
                names[index] = number(step.what, step.dtype)
            elif step.kind != "input":
                names[index] = expression(program, index, names, self.functions)
                if step.kind == "operation" and index != result.index:
                    self.lines.append(f"v{node.number}_{index} = {names[index]}")
                    names[index] = f"v{node.number}_{index}"
        return names[result.index]


_ELSE = "Write that part of the net with other operations."


def _by_batch(what: str, got: str) -> CompileError:
    return CompileError(
        "export_numpy", "a step that does the same to each sample, whatever the size of the batch", f"{got}, at {what}",
        "Take batch sizes from shapes alone, and start each sample from the same state.",
    )  # fmt: skip
