"""Numba source from a program: one loop over time in each direction."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograd.program import Program

from .expression import expression

__all__ = ["Loop", "Source", "emit", "kernels", "module"]


@dataclass(frozen=True)
class Loop:
    """What a loop over time reads, carries and writes; numbers are those of the program's instructions.

    A job is a block of columns of one sample; in a loop with ``own`` it is some samples with all their columns.

    Attributes
    ----------
    name : str
        Of the function.
    streams : tuple of int
        Read at each step, by strides over time, samples and blocks.
    rows : tuple of int
        Read at each step, one value for a whole row.
    events : int or None
        An input that is summed from the weights of the row's events.
    own : int or None
        An input, or something carried, to which is added what comes back from the step before, through weights.
    fed : int or None
        What comes back: a value of each column, or a bool among ``written`` that says where it fired.
    fires : bool
        Whether it is the latter.
    carried : tuple of (int, int)
        Read at the start and handed from step to step: what a step reads, and what it makes of it.
    scalars, parameters : tuple of int
        Parameters of one value, and those with a value for each column, or each element.
    written : tuple of int
        Written at each step, by strides.
    summed : tuple of int
        Added up over the steps.
    backward : bool
        Only rounding matters, not every bit: exponentials may be a little off to be fast.
    sampled : bool
        Whether what comes back is only made where it is needed, at listed places.
    arrived : int or None
        An input that is the product of a row of factors, few, with weights: the gradient from a narrow layer behind.
    """

    name: str
    streams: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    events: int | None = None
    own: int | None = None
    fed: int | None = None
    fires: bool = False
    carried: tuple[tuple[int, int], ...] = ()
    scalars: tuple[int, ...] = ()
    parameters: tuple[int, ...] = ()
    written: tuple[int, ...] = ()
    summed: tuple[int, ...] = ()
    backward: bool = False
    sampled: bool = False
    arrived: int | None = None


@dataclass
class Source:
    """An emitted function.

    Attributes
    ----------
    text : str
        Its source: ``name(lo, hi, samples, width, columns, order, strides, ...)`` on flat arrays, for the jobs lo to hi, at
        the time steps in ``order``.
    constants : list of int
        Numbers of the constants that are arguments; zeros and ones stand in the source.
    functions : list of (str, dtype)
        Functions of numpy whose loops are arguments, a pair of addresses each.
    """

    text: str
    constants: list[int] = field(default_factory=list)
    functions: list[tuple[str, Any]] = field(default_factory=list)


def emit(program: Program, loop: Loop) -> Source:
    """Write the function of a loop.

    Its arguments after the first seven: streams; rows; packed weights, their lanes, number of inputs, starts and positions of
    the events; factors, their number and packed weights of what arrives; packed weights of what comes back, what comes back to
    the first step and from the last, samples in a group; starts and positions of where that is needed; starts of what is
    carried; scalars; parameters; constants; functions with their data; written; ends; sums.
    """
    return _Emitter(program, loop).source()


class _Emitter:
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
        # What is compared must come out as it did in the forward: a spike is a spike.
        exact = set(order)
        if loop.backward:
            exact = set(program.needed([i for i in order if program.instructions[i].dtype.kind == "b"], frozenset(names)))
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
        if i in seen or self.program.instructions[i].kind == "constant":
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

    def _work(self) -> Iterator[str]:
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

    def _block(self) -> Iterator[str]:
        """Write what happens to the n elements of a block in a step."""
        for part, calls in zip(self.parts, self.calls, strict=True):
            if part:
                yield "for j in range(n):"
                yield from _indented(1, part)
            yield from calls

    def _constant(self, index: int) -> str:
        step = self.program.instructions[index]
        literal = {0.0: "zero", 1.0: "one"}.get(float(step.what))
        if literal is None or step.dtype.kind != "f":
            self.constants.append(index)
            return f"c{len(self.constants) - 1}"
        return literal + str(step.dtype.itemsize * 8)

    def source(self) -> Source:
        """Put the function together."""
        loop = self.loop
        counted = ("streams", "rows", "carried", "scalars", "parameters", "written", "summed")
        n = {name: len(getattr(loop, name)) for name in counted}
        arguments = ["lo", "hi", "samples", "width", "columns", "order", "strides"]
        arguments += [f"in{k}" for k in range(n["streams"])] + [f"row{k}" for k in range(n["rows"])]
        arguments += ["weights", "lanes", "inputs", "start", "index"] if loop.events is not None else []
        arguments += ["factors", "n_factors", "arrived_weights"] if loop.arrived is not None else []
        arguments += ["own_weights", "first_lateral", "last_lateral", "group"] if loop.own is not None else []
        arguments += ["places", "place_index", "strip"] if loop.sampled else []
        arguments += [f"start{k}" for k in range(n["carried"])] + [f"scalar{k}" for k in range(n["scalars"])]
        arguments += [f"par{k}" for k in range(n["parameters"])] + [f"c{k}" for k in range(len(self.constants))]
        arguments += [f"{name}{k}" for k in range(len(self.functions)) for name in ("function", "data")]
        arguments += [f"out{k}" for k in range(n["written"])] + [f"end{k}" for k in range(n["carried"])]
        arguments += [f"sum{k}" for k in range(n["summed"])]
        lines = [f"def {loop.name}({', '.join(arguments)}):"]
        lines += _indented(1, self._grouped() if loop.own is not None else self._blocked())
        return Source("\n".join(lines) + "\n", self.constants, self.functions)

    def _blocked(self) -> Iterator[str]:
        """Take a block of columns of one sample at a time, with time inside."""
        loop, n_carried = self.loop, len(self.loop.carried)
        yield from self._head("width", "width")
        yield "for job in range(lo, hi):"
        yield "    block, sample = job // samples, job % samples"
        yield "    first = block * width"
        yield "    n = min(width, columns - first)"
        yield "    base = sample * columns + first"
        if loop.events is not None or loop.arrived is not None:
            yield "    whole = (n + np.uint64(LANES - 1)) // np.uint64(LANES) * np.uint64(LANES)"
        if n_carried:
            yield "    for j in range(n):"
            yield from (f"        state{k}[j] = start{k}[base + j]" for k in range(n_carried))
        # The steps come from an array: where LLVM sees that they fall, its checks for overlap fail and it uses no vectors.
        yield "    for t in order:"
        yield from _indented(2, self._places())
        yield from _indented(2, self._summed())
        yield from _indented(2, self._block())
        if n_carried:
            yield "    for j in range(n):"
            yield from (f"        end{k}[base + j] = state{k}[j]" for k in range(n_carried))

    def _grouped(self) -> Iterator[str]:
        """Take some samples at a time, with all their columns: what they make in one step comes back to all in the next."""
        loop, n_carried = self.loop, len(self.loop.carried)
        yield "whole = (columns + np.uint64(LANES - 1)) // np.uint64(LANES) * np.uint64(LANES)"
        yield from self._head("group * columns", "whole")
        yield "lateral = np.empty(group * whole, own_weights.dtype)"
        if loop.fires:
            yield "fired = np.empty(group * columns, np.uint32)"
            yield "count = np.empty(group, np.uint64)"
        else:
            yield "sent = np.zeros(group * whole, own_weights.dtype)"
        if loop.sampled:
            yield "four, cursor = np.empty(4, own_weights.dtype), np.empty(group, np.uint64)"
        yield "blocks = (columns + width - np.uint64(1)) // width"
        yield "for job in range(lo, hi):"
        yield "    first_sample = job * group"
        yield "    members = min(group, samples - first_sample)"
        yield "    for s in range(members):"
        yield "        base = (first_sample + s) * columns"
        yield "        for j in range(whole):"
        yield "            lateral[s * whole + j] = first_lateral[(first_sample + s) * whole + j]"
        if n_carried:
            yield "        for j in range(columns):"
            yield from (f"            state{k}[s * columns + j] = start{k}[base + j]" for k in range(n_carried))
        yield "    for t in order:"
        yield "        for s in range(members):"
        yield "            sample = first_sample + s"
        yield "            first = np.uint64(0)"
        yield from _indented(3, self._summed())
        yield "            for block in range(blocks):"
        yield "                first = block * width"
        yield "                n = min(width, columns - first)"
        yield "                base = sample * columns + first"
        yield from _indented(4, self._places())
        yield from _indented(4, self._block())
        if loop.fires:
            k = loop.written.index(loop.fed or 0)
            yield f"            count[s] = collect(out{k}, t * o{k}t + sample * o{k}s, columns, fired, s * columns)"
        yield "        for j in range(members * whole):"
        yield "            lateral[j] = 0"
        if loop.fires:
            yield "        for g in range(np.uint64(0), whole, np.uint64(LANES)):"
            yield "            for s in range(members):"
            yield "                at, end = s * columns, s * columns + count[s]"
            yield "                add_rows_of_64("
            yield "                    lateral, s * whole + g, own_weights, g * columns, np.uint64(LANES), fired, at, end)"
        elif loop.sampled:
            yield "        row = t * samples + first_sample"
            yield "        write_dots("
            yield "            lateral, np.uint64(0), whole, sent, np.uint64(0), whole, members, places, place_index, row,"
            yield "            own_weights, strip, columns, cursor, four)"
        else:
            yield "        add_product(lateral, whole, sent, members, columns, own_weights)"
        yield "    for s in range(members):"
        yield "        base = (first_sample + s) * columns"
        yield "        for j in range(whole):"
        yield "            last_lateral[(first_sample + s) * whole + j] = lateral[s * whole + j]"
        if n_carried:
            yield "        for j in range(columns):"
            yield from (f"            end{k}[base + j] = state{k}[s * columns + j]" for k in range(n_carried))

    def _summed(self) -> Iterator[str]:
        """Sum the row's input of a step that does not come as an array."""
        if self.loop.events is not None or self.loop.arrived is not None:
            yield "r = t * samples + sample"
        if self.loop.events is not None:
            yield "for j in range(whole):"
            yield "    current[j] = 0"
            columns = "n" if self.loop.own is None else "columns"
            yield f"for g in range(np.uint64(0), {columns}, lanes):"
            yield "    at = (first + g) * inputs"
            yield "    add_rows(current, g, weights, at, lanes, index, start[r], start[r + np.uint64(1)], lanes)"
        if self.loop.arrived is not None:
            yield "for j in range(whole):"
            yield "    product[j] = 0"
            yield "for g in range(np.uint64(0), whole, np.uint64(LANES)):"
            yield "    at = (first + g) * n_factors"
            yield "    add_products_of_1(product, g, whole, factors, r * n_factors, n_factors, arrived_weights, at, n_factors)"

    def _head(self, size: str, columns: str) -> Iterator[str]:
        loop = self.loop
        letters = [f"i{k}" for k in range(len(loop.streams))] + [f"o{k}" for k in range(len(loop.written))]
        letters += [f"m{k}" for k in range(len(loop.rows))] + [f"q{k}" for k in range(len(loop.parameters))]
        for k, letter in enumerate(letters):
            yield f"{letter}t, {letter}s, {letter}b = strides[{3 * k}], strides[{3 * k + 1}], strides[{3 * k + 2}]"
        yield from (f"state{k} = np.empty({size}, start{k}.dtype)" for k in range(len(loop.carried)))
        if loop.events is not None:
            yield f"current = np.empty({columns}, weights.dtype)"
        if loop.arrived is not None:
            yield f"product = np.empty({columns}, factors.dtype)"
        yield from self._work()
        yield from (f"p{i} = scalar{k}[0]" for k, i in enumerate(loop.scalars))

    def _places(self) -> Iterator[str]:
        """Say where, in each array, the row's elements of a step are."""
        loop = self.loop
        for letter, n in (("i", len(loop.streams)), ("o", len(loop.written))):
            yield from (f"{letter}{k} = t * {letter}{k}t + sample * {letter}{k}s + block * {letter}{k}b" for k in range(n))
        yield from (f"q{k} = sample * q{k}s + first" for k in range(len(loop.parameters)))
        yield from (f"r{i} = row{k}[t * m{k}t + sample * m{k}s]" for k, i in enumerate(loop.rows))


def _indented(levels: int, lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    return ("    " * levels + line for line in lines)


def module(functions: Sequence[str], jit: bool = True) -> str:
    """Join functions to the source of a module that stands alone, for Numba or as plain Python."""
    return _head(jit) + "\n\n".join(f"@njit(error_model='numpy', nogil=True, cache=True)\n{source}" for source in functions)


def kernels(jit: bool = True) -> str:
    """Return the source of the kernels for events as such a module."""
    return _head(jit) + _alone("kernels")


@functools.cache
def _head(jit: bool) -> str:
    return _alone("lanes" if jit else "plain") + _alone("head")


def _alone(name: str) -> str:
    """Return the source of a file of this folder without what it imports from others."""
    text = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            for i in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[i] = ""
    return "".join(lines) + "\n\n"
