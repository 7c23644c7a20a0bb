"""Traced steps: their loops, their constants in a run, and the trace itself, which is made twice."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor
from autograd.dtypes import describe
from autograd.errors import CompileError, StateError
from autograd.program import Program, Value
from autograd.state import quietly
from autograd.tensor import operands
from autograd.trace import Trace, trace

from ..engine import analysis
from ..engine.backends.base import BackEnd, Function
from ..engine.loop import Loop
from .guard import Dependencies
from .reads import Reads, watching

__all__ = ["KEPT", "Loops", "Traced", "number_of", "pair", "symbol", "trace_twice"]

_BYTE = np.dtype(np.uint8)
KEPT = 4  # traces for each dtype, mask and record: a neuron that returns to an earlier state is not traced again


class Loops:
    """The loops over some programs; ``known`` has those requested so far, by loop, back end and order."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.programs = programs
        self.known: dict[Any, Function] = {}

    def function(self, loop: Loop, backend: BackEnd, order: Sequence[int] = (0,)) -> Function:
        """Return a loop over the programs in an order, its source, and the arguments that all runs share."""
        key = loop, backend, tuple(order)
        if key not in self.known:
            self.known[key] = backend.loop([self.programs[n] for n in order], loop)
        return self.known[key]


class Traced:
    """A program and its constants. A subclass calls :meth:`settle` when the program is complete."""

    program: Program

    def settle(self) -> None:
        """Record the values that are the same in all steps of a run."""
        program = self.program
        # Copies: a write to such an array causes a new trace of the neuron.
        self._arrays: dict[int, Any] = {
            i: step.what.copy()
            for i, step in enumerate(program.instructions)
            if step.kind == "parameter" and i not in program.owners
        }
        self._settled = analysis.settled(program)
        self._amplitudes: dict[Any, Any] = {}

    def kept_as(self, index: int) -> Any:
        """Return the dtype in which a value of the program is kept: bytes for bools."""
        dtype = self.program.instructions[index].dtype
        return _BYTE if dtype.kind == "b" else dtype

    def arrays(self) -> dict[int, Any]:
        """Return the present parameters of the program by number, and values made of them alone."""
        arrays = self._arrays | {i: p.stored for i, p in self.program.owners.items()}
        if not self._settled:
            return arrays
        return arrays | quietly(lambda: {i: analysis.evaluate(self.program, i, arrays) for i in self._settled})

    def amplitude_of(self, amplitude: int | None, dtype: Any, arrays: dict[int, Any]) -> Any:
        """Return the amplitude of a run with these parameters, as a read-only array; None means 1."""
        if amplitude is None:
            return _one(dtype)
        key = amplitude, dtype
        if key in self._amplitudes:
            return self._amplitudes[key]
        made = quietly(lambda: np.array(analysis.evaluate(self.program, amplitude, arrays), dtype))
        made.flags.writeable = False
        if not self.is_learnt(amplitude):
            self._amplitudes[key] = made
        return made

    def is_learnt(self, index: int) -> bool:
        """Return whether a value depends on Parameters."""
        return any(i in self.program.owners for i in self.program.needed([index]))


@functools.cache
def _one(dtype: Any) -> Any:
    made = np.ones((), dtype)
    made.flags.writeable = False
    return made


def trace_twice(
    step: Callable[..., Any], inputs: Sequence[Any], parameters: Sequence[Parameter], owners: Sequence[Cell], where: str
) -> tuple[Trace, list[Dependencies]]:
    """Return the trace of a step, which may change only its state, and its dependencies, for each Cell that it runs."""
    reads = Reads()
    with watching(reads, where):
        first = trace(step, *inputs, parameters=parameters)
    before = [Dependencies(owner, reads, where) for owner in owners]
    # Again: objects kept by the first call now exist, and a step that still changes something does so at every call.
    with watching(reads, where):
        second = trace(step, *inputs, parameters=parameters)
    changes = [what for what in (part.changes() for part in before) if what is not None]
    if not changes and _numbers(first.program) != _numbers(second.program):
        changes = ["computes with other numbers at each call"]
    if changes:
        raise CompileError(
            where, "a step that changes only its state, since it is traced once", f"one that {changes[0]}",
            "Keep it in the state, or run it with mode='eager'.",
        )  # fmt: skip
    return second, [Dependencies(owner, reads, where) for owner in owners]


def _numbers(program: Any) -> list[Any]:
    """Return the instructions of a program with its constants, except Parameters."""
    return [
        (
            step.kind,
            step.operands,
            step.dtype,
            None if step.what is None or i in program.owners else np.asarray(step.what).tobytes(),
        )
        if step.kind in ("constant", "parameter")
        else (step.kind, step.operands, step.dtype, step.what)
        for i, step in enumerate(program.instructions)
    ]


def symbol(program: Program, index: int) -> Tensor:
    """Return a value of a program as a Tensor."""
    return Tensor.wrap(Value(program, index, program.instructions[index].dtype))


def number_of(tensor: Tensor) -> int:
    """Return the number of a value of a program."""
    array: Any = tensor.array
    return array.index  # type: ignore[no-any-return]


def pair(cell: Any, result: Any) -> tuple[Any, Any]:
    """Return the result of a neuron as an output and a state, after a check."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise StateError(
            type(cell).__name__, "construct to return (out, state)", describe(result), "Return the new state too."
        )
    return operands(result)  # type: ignore[no-any-return]
