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
        self.parts: list[list[str]] = [[]]
        self.calls: list[list[str]] = [[]]
        self.kept: dict[int, str] = {}
        self.given: list[tuple[str, Any]] = []
        # Indices of the arrays that live as long as a job.
        self.at = f"s * {prefix}columns + first + j" if grouped else "held + j"
        self.wide = f"s * {prefix}whole + first + j"
        self._equations()

    def _equations(self) -> None:
        """Write the equations of one step."""
        program, loop, names, p = self.program, self.body, self.names, self.p
        carried = [before for before, _ in loop.carried]
        named = [(loop.streams, "x"), (loop.rows, "r"), (carried, "s"), (loop.scalars, "p"), (loop.parameters, "p")]
        for numbers, letter in named:
            names |= {i: f"{p}{letter}{i}" for i in numbers}
        more = (*loop.events, *loop.received, loop.arrived)
        names |= {i: f"{p}x{i}" for i in more if i is not None and i not in names}
        sent = [i for i, _ in loop.sent]
        targets = [*(after for _, after in loop.carried), *loop.written, *loop.summed, *sent]
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
        last = max(part.values(), default=0) if not called else max(part[i] + (i in called) for i in made)
        self.parts, self.calls = [[] for _ in range(last + 1)], [[] for _ in range(last + 1)]
        here = dict.fromkeys(order, 0) if last == 0 else {}
        for k, lines in enumerate(self.parts):
            seen = set(here) if last == 0 else set()
            lines += [] if last else list(reads.values())
            for i in [i for i in made if part[i] == k and program.instructions[i].kind == "constant"]:
                names[i] = self._constant(i)
            ours = [i for i in made if part[i] == k and program.instructions[i].kind != "constant"]
            for i in ours:
                if last:
                    for o in program.instructions[i].operands:
                        self._fetch(o, k, part, called, reads, seen, lines)
                if i in called:
                    self._call(i, k, lines)
                else:
                    names[i] = f"{p}t{i}"
                    lines.append(f"{p}t{i} = {expression(program, i, names, self.backward and i not in exact)}")
                    seen.add(i)
            if k == last and last:
                for i in targets:
                    self._fetch(i, k, part, called, reads, seen, lines)
        # A value that a later part needs is kept for all elements.
        for i, name in self.kept.items():
            if i not in called and i not in reads:
                line = f"{p}t{i} = "
                at = next(n for n, text in enumerate(self.parts[part[i]]) if text.startswith(line))
                self.parts[part[i]].insert(at + 1, f"{name}[j] = {p}t{i}")
        body = self.parts[-1]
        body += [f"{p}out{k}[{p}o{k} + j] = {names[i]}" for k, i in enumerate(loop.written)]
        body += [f"{p}sum{k}[base + j] += {names[i]}" for k, i in enumerate(loop.summed)]
        body += [f"{p}sent{k}[{self.wide}] = {names[i]}" for k, (i, fires) in enumerate(loop.sent) if not fires]
        body += [f"{p}state{k}[{self.at}] = {names[after]}" for k, (_, after) in enumerate(loop.carried)]

    def _reads(self, needed: set[int]) -> dict[int, str]:
        """Return the lines that read one element of each input of a step, by number."""
        loop, p = self.body, self.p
        at = "first + j" if self.grouped else "j"
        given = {i: f"{p}in{k}[{p}i{k} + j]" for k, i in enumerate(loop.streams)}
        given |= {i: f"{p}current{k}[{at}]" for k, i in enumerate(loop.events)}
        given |= {} if loop.arrived is None else {loop.arrived: f"{p}product[{at}]"}
        given |= {i: f"{p}state{k}[{self.at}]" for k, (i, _) in enumerate(loop.carried)}
        given |= {i: f"{p}par{k}[{p}q{k} + j]" for k, i in enumerate(loop.parameters)}
        for k, i in enumerate(loop.received):
            received = f"{p}received{k}[{self.wide}]"
            given[i] = f"{given[i]} + {received}" if i in given else received
        return {i: f"{self.names[i]} = {text}" for i, text in given.items() if i in needed}

    def _fetch(
        self, i: int, k: int, part: dict[int, int], called: set[int], reads: dict[int, str], seen: set[int], lines: list[str]
    ) -> None:
        """Make a value available in a part: read its input again, or the array that an earlier part has kept."""
        at_hand = i in self.body.scalars or i in self.body.rows or self.program.instructions[i].kind == "constant"
        if i in seen or at_hand:
            return
        seen.add(i)
        if i in reads:
            lines.append(reads[i])
        elif i in called or part[i] < k:
            self.kept[i] = f"{self.p}kept{i}"
            self.names[i] = f"{self.p}t{i}"
            lines.append(f"{self.names[i]} = {self.kept[i]}[j]")

    def _call(self, i: int, k: int, lines: list[str]) -> None:
        """Call a numpy function after a part, on values from that part."""
        step, p = self.program.instructions[i], self.p
        given: list[str] = []
        for o in step.operands:
            fixed = self.program.instructions[o].kind == "constant" or o in self.body.scalars
            name = f"{p}given{i}_{len(given) // 2}"
            given += [name, "0" if fixed else "1"]
            self.given.append((name, self.program.instructions[i].dtype))
            lines.append(f"{name}[{'0' if fixed else 'j'}] = {self.names[o]}")
        self.kept[i] = kept = f"{p}kept{i}"
        given += [] if len(step.operands) > 1 else [kept, "1"]
        f = len(self.functions)
        self.functions.append((step.what.ufunc, step.dtype))
        arguments = f"{p}function{f}, {p}data{f}, n, {', '.join(given)}, {kept}, {p}places_, {p}count_, {p}steps_"
        self.calls[k].append(f"apply({arguments})")

    def work(self) -> Iterator[str]:
        """Allocate arrays that live from one part of a step to the next."""
        p = self.p
        if self.functions:
            yield f"{p}places_, {p}steps_, {p}count_ = np.empty(3, np.intp), np.empty(3, np.intp), np.empty(1, np.intp)"
        for i, name in sorted(self.kept.items()):
            step = self.program.instructions[i]
            yield f"{name} = np.empty({p}width, np.{step.dtype.name if step.dtype != bool else 'bool_'})"
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
