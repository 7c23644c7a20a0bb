"""Numba source from a program: one loop over time in each direction."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograd.program import Program

from .loop import Loop, Source
from .step import Step, indented

__all__ = ["Loop", "Source", "emit", "kernels", "module"]


def emit(program: Program, loop: Loop) -> Source:
    """Write the function of a loop.

    Its arguments after the first seven: streams; rows; packed weights, their lanes, number of inputs, starts and positions of
    the events; factors, their number and packed weights of what arrives; packed weights of what comes back, what comes back to
    the first step and from the last, samples in a group; starts and positions of where that is needed; starts of what is
    carried; scalars; parameters; constants; functions with their data; written; ends; sums.
    """
    return _Emitter(program, loop).source()


class _Emitter(Step):
    """Puts a step into the loops over jobs and time."""

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
        lines += indented(1, self._grouped() if loop.own is not None else self._blocked())
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
        yield from indented(2, self._places())
        yield from indented(2, self._summed())
        yield from indented(2, self.block())
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
        yield from indented(3, self._summed())
        yield "            for block in range(blocks):"
        yield "                first = block * width"
        yield "                n = min(width, columns - first)"
        yield "                base = sample * columns + first"
        yield from indented(4, self._places())
        yield from indented(4, self.block())
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
        yield from self.work()
        yield from (f"p{i} = scalar{k}[0]" for k, i in enumerate(loop.scalars))

    def _places(self) -> Iterator[str]:
        """Say where, in each array, the row's elements of a step are."""
        loop = self.loop
        for letter, n in (("i", len(loop.streams)), ("o", len(loop.written))):
            yield from (f"{letter}{k} = t * {letter}{k}t + sample * {letter}{k}s + block * {letter}{k}b" for k in range(n))
        yield from (f"q{k} = sample * q{k}s + first" for k in range(len(loop.parameters)))
        yield from (f"r{i} = row{k}[t * m{k}t + sample * m{k}s]" for k, i in enumerate(loop.rows))


def module(functions: Sequence[str], jit: bool = True) -> str:
    """Join functions to the source of a module that stands alone, for Numba or as plain Python."""
    return _head(jit) + "\n\n".join(f"@njit(error_model='numpy', nogil=True)\n{source}" for source in functions)


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
