"""Trace a Cell: run it, and its reverse pass, on values that are not known yet."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import tree
from .dtypes import DType, describe
from .errors import AutogradError, BpropError, CompileError, ShapeError
from .graph import LEAF, Node, reverse
from .parameter import Parameter
from .places import described
from .program import Program, Value
from .state import state
from .tensor import Tensor, operands

__all__ = ["Trace", "place_of", "trace"]

_NOT_THEIRS = (str(Path(__file__).parent), str(Path(np.__file__).parent))


@dataclass
class Trace:
    """A traced function of one element.

    Attributes
    ----------
    program : Program
        Forward and backward pass; instructions that both need are shared.
    inputs : structure of int
        The numbers of the instructions that are the inputs.
    outputs : structure of int
        The numbers of the outputs.
    cotangents : list of int
        Inputs of the backward pass: the cotangent of each floating output, in order; -1 for the others.
    gradients : list of int or None
        The gradient of each input leaf, in order; None where it is zero.
    parameters : list of (Parameter, int or None)
        The Parameters that the function used and the number of their gradient for one element.
    """

    program: Program
    inputs: Any
    outputs: Any
    cotangents: list[int]
    gradients: list[int | None]
    parameters: list[tuple[Parameter, int | None]]


def trace(fn: Callable[..., Any], *inputs: Any, parameters: Sequence[Parameter] = ()) -> Trace:
    """Run ``fn`` and its reverse pass on symbols.

    Parameters
    ----------
    fn : callable
        A Cell or function that works on one element at a time; custom ``bprop`` at any depth is followed.
    *inputs : structure of dtype
        The inputs, with a dtype in place of each Tensor.
    parameters : sequence of Parameter
        The first Parameters of the result; others follow in the order in which the function reads them.

    Returns
    -------
    Trace

    Raises
    ------
    CompileError
        If something cannot be traced; the error names the line.
    """
    program = Program()
    nodes: list[Node] = []

    def symbol(name: str, dtype: DType) -> Tensor:
        node = Node(LEAF, (), (), dtype)
        nodes.append(node)
        return Tensor.wrap(program.input(name, dtype), node)

    given = tree.unflatten(inputs, iter([symbol(f"in{i}", np.dtype(d)) for i, d in enumerate(tree.leaves(inputs))]))
    watched = {id(p): program.leaf(p) for p in parameters}
    before = state.recording, state.watched, state.tracing
    try:
        with _one_element():
            state.recording, state.watched, state.tracing = True, watched, program
            # A returned Parameter becomes its value in this trace.
            out = operands(fn(*given))
    finally:
        state.recording, state.watched, state.tracing = before
    outs = tree.leaves(out)
    for leaf in outs:
        if not isinstance(leaf, Tensor):
            raise CompileError(
                type(fn).__name__, "Tensors as outputs", describe(leaf), "Return results of operations on the inputs."
            )
    results = [
        leaf.array.index if isinstance(leaf.array, Value) else program.constant(leaf.array, leaf.dtype) for leaf in outs
    ]
    cotangents, seeds = [], []
    for i, leaf in enumerate(outs):
        floating = leaf.dtype.kind == "f"
        cotangents.append(program.input(f"d{i}", leaf.dtype).index if floating else -1)
        if floating and leaf.node is not None:
            seeds.append((leaf.node, Tensor.wrap(program.input(f"d{i}", leaf.dtype))))
    leaves = [*nodes, *program.leaves.values()]
    try:
        with _one_element():
            state.recording, state.watched, state.tracing = False, {}, program
            arrived = reverse(seeds, leaves, free=False)
    finally:
        state.recording, state.watched, state.tracing = before
    numbers = [None if g is None else _number(program, g) for g in arrived]
    n = len(nodes)
    met = [leaf.attrs for leaf in program.leaves.values()]  # also those read only in reverse
    numbers += [None] * (n + len(met) - len(numbers))
    return Trace(
        program,
        tree.unflatten(inputs, iter([program.input(f"in{i}", node.dtype).index for i, node in enumerate(nodes)])),
        tree.unflatten(out, iter(results)),
        cotangents,
        numbers[:n],
        list(zip(met, numbers[n:], strict=True)),
    )


@contextmanager
def _one_element() -> Iterator[None]:
    """Turn an error into a CompileError if its cause is that a Tensor is one element, without axes."""
    try:
        yield
    except Exception as error:
        if isinstance(error, AutogradError) and (not isinstance(error, ShapeError) or isinstance(error, BpropError)):
            raise
        raise CompileError(
            place_of(error), "operations on Tensors, one element at a time, without axes",
            f"{type(error).__name__}: {str(error).rstrip('.')}",
            "Work on whole arrays in a layer before or after the neuron, or run with mode='eager'.",
        ) from error  # fmt: skip


def place_of(error: BaseException, not_theirs: tuple[str, ...] = _NOT_THEIRS) -> str:
    """Return the last line of the user's code in an error's traceback; files in ``not_theirs`` are not the user's."""
    frames = traceback.extract_tb(error.__traceback__)
    last = ([frame for frame in frames if not frame.filename.startswith(not_theirs)] or frames)[-1]
    return described(last.filename, last.lineno, last.name)


def _number(program: Program, tensor: Tensor) -> int:
    array: Any = tensor.array
    return array.index if isinstance(array, Value) else program.constant(array, tensor.dtype)
