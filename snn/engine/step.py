"""Source of one time step from a program: parts that go over all elements, and functions of numpy in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd.program import Instruction, Program

from .expression import expression
from .loop import Loop

__all__ = ["Step", "indented"]


class Step:
    """What happens to all elements of a block in one step, as source.

    Parameters
    ----------
    program : Program
        The equations.
    loop : Loop
        What is read, carried and written.
    """

    def __init__(self, program: Program, loop: Loop) -> None:
        self.program, self.loop = program, loop
        self.names: dict[int, str] = {}
        self.constants: list[int] = []
        self.functions: list[tuple[str, Any]] = []
        # What happens to all elements of a block, one after the other; in between, functions of numpy are called.
        self.parts: list[list[str]] = [[]]
        self.calls: list[list[str]] = [[]]
        self.kept: dict[int, str] = {}
        # How the arrays that live as long as a job are indexed: all samples of a group lie in them.
        self.at = "j" if loop.own is None else "s * columns + first + j"
        self._equations()

    def _equations(self) -> None:
        """Write what happens in one step."""
        program, loop, names = self.program, self.loop, self.names
        carried = [before for before, _ in loop.carried]
        named = [(loop.streams, "x"), (loop.rows, "r"), (carried, "s"), (loop.scalars, "p"), (loop.parameters, "p")]
        for numbers, letter in named:
            names |= {i: f"{letter}{i}" for i in numbers}
        more = (loop.events, loop.own, loop.arrived)
        names |= {i: f"x{i}" for i in more if i is not None and i not in names}
        targets = [*(after for _, after in loop.carried), *loop.written, *loop.summed]
        targets += [loop.fed] if loop.fed is not None else []
        order = program.needed(targets, frozenset(names))
        reads = self._reads(set(order))
        # What is compared or rounded must come out as it did in the forward: a spike is a spike.
        exact = set(order)
        if loop.backward:
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
                    names[i] = f"t{i}"
                    lines.append(f"t{i} = {expression(program, i, names, loop.backward and i not in exact)}")
                    seen.add(i)
            if k == last and last:
                for i in targets:
                    self._fetch(i, k, part, called, reads, seen, lines)
        # What a later part needs of an earlier one is kept for all elements.
        for i, name in self.kept.items():
            if i not in called and i not in reads:
                line = f"t{i} = "
                at = next(n for n, text in enumerate(self.parts[part[i]]) if text.startswith(line))
                self.parts[part[i]].insert(at + 1, f"{name}[j] = t{i}")
        body = self.parts[-1]
        body += [f"out{k}[o{k} + j] = {names[i]}" for k, i in enumerate(loop.written)]
        body += [f"sum{k}[base + j] += {names[i]}" for k, i in enumerate(loop.summed)]
        if loop.fed is not None and not loop.fires:
            body.append(f"sent[s * whole + first + j] = {names[loop.fed]}")
        body += [f"state{k}[{self.at}] = {names[after]}" for k, (_, after) in enumerate(loop.carried)]

    def _reads(self, needed: set[int]) -> dict[int, str]:
        """Return the lines that read one element of what a step is given, by number."""
        loop = self.loop
        at = "j" if loop.own is None else "first + j"
        reads = {i: f"x{i} = in{k}[i{k} + j]" for k, i in enumerate(loop.streams)}
        for name, i in (("current", loop.events), ("product", loop.arrived)):
            if i is not None:
                reads[i] = f"x{i} = {name}[{at}]"
        if loop.own is not None:
            reads[loop.own] = f"x{loop.own} = lateral[s * whole + first + j]"
        for k, (i, _) in enumerate(loop.carried):
            reads[i] = f"s{i} = state{k}[{self.at}]" + (" + lateral[s * whole + first + j]" if i == loop.own else "")
        reads |= {i: f"p{i} = par{k}[q{k} + j]" for k, i in enumerate(loop.parameters)}
        return {i: line for i, line in reads.items() if i in needed}

    def _fetch(
        self, i: int, k: int, part: dict[int, int], called: set[int], reads: dict[int, str], seen: set[int], lines: list[str]
    ) -> None:
        """Have a value at hand in a part of the step: read again what was given, or kept by an earlier part."""
        at_hand = i in self.loop.scalars or i in self.loop.rows or self.program.instructions[i].kind == "constant"
        if i in seen or at_hand:
            return
        seen.add(i)
        if i in reads:
            lines.append(reads[i])
        elif i in called or part[i] < k:
            self.kept[i] = f"kept{i}"
            self.names[i] = f"t{i}"
            lines.append(f"t{i} = kept{i}[j]")

    def _call(self, i: int, k: int, lines: list[str]) -> None:
        """Call a function of numpy after a part, on what that part leaves."""
        step = self.program.instructions[i]
        given: list[str] = []
        for o in step.operands:
            fixed = self.program.instructions[o].kind == "constant" or o in self.loop.scalars
            given += [f"given{i}_{len(given) // 2}", "0" if fixed else "1"]
            lines.append(f"given{i}_{len(given) // 2 - 1}[{'0' if fixed else 'j'}] = {self.names[o]}")
        self.kept[i] = f"kept{i}"
        given += [] if len(step.operands) > 1 else [f"kept{i}", "1"]
        f = len(self.functions)
        self.functions.append((step.what.ufunc, step.dtype))
        self.calls[k].append(f"apply(function{f}, data{f}, n, {', '.join(given)}, kept{i}, places_, count_, steps_)")

    def work(self) -> Iterator[str]:
        """Make room for what lives from one part of a step to the next."""
        if self.functions:
            yield "places_, steps_, count_ = np.empty(3, np.intp), np.empty(3, np.intp), np.empty(1, np.intp)"
        for i in sorted(self.kept):
            step = self.program.instructions[i]
            yield f"kept{i} = np.empty(width, np.{step.dtype.name if step.dtype != bool else 'bool_'})"
        for part in self.parts:
            for line in part:
                if line.startswith("given"):
                    name = line.partition("[")[0]
                    i = int(name[5:].partition("_")[0])
                    yield f"{name} = np.empty(width, np.{self.program.instructions[i].dtype})"

    def block(self) -> Iterator[str]:
        """Write what happens to the n elements of a block in a step."""
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
            return f"c{len(self.constants) - 1}"
        return literal + str(step.dtype.itemsize * 8)


def _jumps(step: Instruction) -> bool:
    return step.dtype.kind != "f" or getattr(step.what, "jumps", False)


def indented(levels: int, lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    """Indent lines of source."""
    return ("    " * levels + line for line in lines)
