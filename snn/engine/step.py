"""Source of one time step of a program: passes over all elements, with calls of numpy functions between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autograd.program import Instruction, Program

from .expression import expression
from .loop import Body

__all__ = ["Step", "indented"]


class Step:
    """Source of the equations of one step for all elements of a block.

    Parameters
    ----------
    program : Program
        The equations.
    body : Body
        Values that are read, carried and written.
    backward : bool
        Whether exponentials may be slightly inexact.
    grouped : bool
        Whether the arrays that live as long as a job hold all samples of a group.
    prefix : str
        Prefix of names.
    """

    def __init__(self, program: Program, body: Body, backward: bool, grouped: bool, prefix: str) -> None:
        self.program, self.body, self.backward, self.grouped, self.p = program, body, backward, grouped, prefix
        self.names: dict[int, str] = {}
        self.constants: list[int] = []
        self.functions: list[tuple[str, Any]] = []
        # Each part is a pass over all elements of a block; between parts, functions of numpy are called.
        self.parts: list[list[str]] = []
        self.calls: list[list[str]] = []
        self.kept: set[int] = set()  # values for which there is an array of all elements, because a later part needs them
        self.given: list[tuple[str, Any]] = []
        # Indices of the arrays that live as long as a job.
        self.at = f"s * {prefix}columns + first + j" if grouped else "held + j"
        self.wide = f"s * {prefix}whole + first + j"
        self._equations()

    def _equations(self) -> None:
        """Write the equations of one step."""
        program, body, names, p = self.program, self.body, self.names, self.p
        carried = [before for before, _ in body.carried]
        named = [(body.streams, "x"), (body.rows, "r"), (carried, "s"), (body.scalars, "p"), (body.parameters, "p")]
        for several, letter in named:
            names |= {i: f"{p}{letter}{i}" for i in several}
        more = (*body.events, *body.values_received, body.arrived)
        names |= {i: f"{p}x{i}" for i in more if i is not None and i not in names}
        targets = [*(after for _, after in body.carried), *body.written, *body.summed, *(i for i, _ in body.values_sent)]
        order = program.needed(targets, frozenset(names))
        reads = self._reads(set(order))
        # Comparisons and roundings must repeat the results of the forward pass, so that the same elements spike.
        exact = set(order)
        if self.backward:
            exact = set(program.needed([i for i in order if _jumps(program.instructions[i])], frozenset(names)))
        made = [i for i in order if i not in names]
        called = {i for i in made if i in exact and getattr(program.instructions[i].what, "ufunc", None)}
        part = dict.fromkeys(order, 0)
        for i in made:
            part[i] = max((part[o] + (o in called) for o in program.instructions[i].operands), default=0)
        last = max((part[i] + (i in called) for i in made), default=0)
        uses = [(o, part[i]) for i in made for o in program.instructions[i].operands] + [(i, last) for i in targets]
        computed = {i for i in made if program.instructions[i].kind != "constant"}
        self.kept = {i for i, at in uses if i in computed and part[i] < at} | called
        for k in range(last + 1):
            lines, calls, here = list[str](), list[str](), set[int]()
            for i in (i for i in made if part[i] == k):
                if i not in computed:
                    names[i] = self._constant(i)
                    continue
                lines += self._fetched(program.instructions[i].operands, reads, here)
                names[i] = f"{p}t{i}"
                if i in called:
                    calls.append(self._call(i, lines))
                    continue
                lines.append(f"{names[i]} = {expression(program, i, names, self.backward and i not in exact)}")
                here.add(i)
                if i in self.kept:
                    lines.append(f"{p}kept{i}[j] = {names[i]}")
            self.parts.append(lines)
            self.calls.append(calls)
        lines += self._fetched(targets, reads, here)
        lines += [f"{p}out{k}[{p}o{k} + j] = {names[i]}" for k, i in enumerate(body.written)]
        lines += [f"{p}sum{k}[base + j] += {names[i]}" for k, i in enumerate(body.summed)]
        numbers = [(k, i) for k, (i, as_spikes) in enumerate(body.values_sent) if not as_spikes]
        lines += [f"{p}sent{k}[{self.wide}] = {names[i]}" for k, i in numbers]
        lines += [f"{p}state{k}[{self.at}] = {names[after]}" for k, (_, after) in enumerate(body.carried)]

    def _reads(self, needed: set[int]) -> dict[int, str]:
        """Return the lines that read one element of each input of a step, by number."""
        loop, p = self.body, self.p
        at = "first + j" if self.grouped else "j"
        given = {i: f"{p}in{k}[{p}i{k} + j]" for k, i in enumerate(loop.streams)}
        given |= {i: f"{p}current{k}[{at}]" for k, i in enumerate(loop.events)}
        given |= {} if loop.arrived is None else {loop.arrived: f"{p}product[{at}]"}
        given |= {i: f"{p}state{k}[{self.at}]" for k, (i, _) in enumerate(loop.carried)}
        given |= {i: f"{p}par{k}[{p}q{k} + j]" for k, i in enumerate(loop.parameters)}
        for k, i in enumerate(loop.values_received):
            received = f"{p}received{k}[{self.wide}]"
            given[i] = f"{given[i]} + {received}" if i in given else received
        return {i: f"{self.names[i]} = {text}" for i, text in given.items() if i in needed}

    def _fetched(self, values: Iterable[int], reads: dict[int, str], here: set[int]) -> Iterator[str]:
        """Make values available in a part: read an input again, or the array that an earlier part has kept."""
        for i in values:
            if i not in here:
                here.add(i)
                if i in reads:
                    yield reads[i]
                elif i in self.kept:
                    yield f"{self.names[i]} = {self.p}kept{i}[j]"

    def _call(self, i: int, lines: list[str]) -> str:
        """Return the call of a numpy function after a part, on values from that part."""
        step, p = self.program.instructions[i], self.p
        given: list[str] = []
        for k, o in enumerate(step.operands):
            fixed = self.program.instructions[o].kind == "constant" or o in self.body.scalars
            name = f"{p}given{i}_{k}"
            given += [name, "0" if fixed else "1"]
            self.given.append((name, step.dtype))
            lines.append(f"{name}[{'0' if fixed else 'j'}] = {self.names[o]}")
        given += [] if len(step.operands) > 1 else [f"{p}kept{i}", "1"]
        f = len(self.functions)
        self.functions.append((step.what.ufunc, step.dtype))
        return f"apply({p}function{f}, {p}data{f}, n, {', '.join(given)}, {p}kept{i}, {p}places_, {p}count_, {p}steps_)"

    def work(self) -> Iterator[str]:
        """Allocate arrays that live from one part of a step to the next."""
        p = self.p
        if self.functions:
            yield f"{p}places_, {p}steps_, {p}count_ = np.empty(3, np.intp), np.empty(3, np.intp), np.empty(1, np.intp)"
        for i in sorted(self.kept):
            dtype = self.program.instructions[i].dtype
            yield f"{p}kept{i} = np.empty({p}width, np.{dtype.name}{'_' if dtype.kind == 'b' else ''})"
        yield from (f"{name} = np.empty({p}width, np.{dtype})" for name, dtype in self.given)

    def block(self) -> Iterator[str]:
        """Write the step of the n elements of a block."""
        for part, calls in zip(self.parts, self.calls, strict=True):
            if part:
                yield "for j in range(n):"
                yield from indented(1, part)
            yield from calls

    def _constant(self, index: int) -> str:
        step = self.program.instructions[index]
        literal = {0.0: "zero", 1.0: "one"}.get(float(step.what))
        if literal is None or step.dtype.kind != "f" or np.signbit(step.what):
            self.constants.append(index)
            return f"{self.p}c{len(self.constants) - 1}"
        return literal + str(step.dtype.itemsize * 8)


def _jumps(step: Instruction) -> bool:
    return step.dtype.kind != "f" or getattr(step.what, "jumps", False)


def indented(levels: int, lines: Iterable[str]) -> Iterator[str]:
    """Indent lines of source."""
    return ("    " * levels + line for line in lines)
