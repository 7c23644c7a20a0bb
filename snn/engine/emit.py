"""Source of a loop over time from traced programs, in each direction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from autograd.program import Program

from .loop import Loop, Source
from .step import Step, indented

__all__ = ["Loop", "Source", "emit"]


def emit(programs: Sequence[Program], loop: Loop) -> Source:
    """Return the function of a loop over the programs of its bodies."""
    return _Emitter(programs, loop).source()


class _Emitter:
    """Writes the steps of bodies into the loops over jobs and time."""

    def __init__(self, programs: Sequence[Program], loop: Loop) -> None:
        self.loop, self.grouped = loop, bool(loop.links)
        self.parts = [
            _Part(program, body, loop.backward, self.grouped, loop.prefix(k))
            for k, (program, body) in enumerate(zip(programs, loop.bodies, strict=True))
        ]

    def source(self) -> Source:
        """Return the whole function."""
        parts = self.parts
        constants = [(f"{part.p}c{k}", (n, i)) for n, part in enumerate(parts) for k, i in enumerate(part.constants)]
        functions = [function for part in parts for function in part.functions]
        places = [f"{part.p}{name}{k}" for part in parts for k in range(len(part.functions)) for name in ("function", "data")]
        arguments = [*self.loop.arguments(), *(name for name, _ in constants), *places]
        lines = [f"def {self.loop.name}(lo, hi, {', '.join(arguments)}):"]
        lines += indented(1, self._grouped() if self.grouped else self._blocked(parts[0]))
        return Source("\n".join(lines) + "\n", [place for _, place in constants], functions)

    def _blocked(self, part: _Part) -> Iterator[str]:
        """Process some blocks of columns of some samples at a time, with the loop over time inside."""

        def each_block(levels: int, lines: Iterable[str]) -> Iterator[str]:
            head = [
                "for sample in range(first_sample, last_sample):",
                "    for block in range(first_block, last_block):",
                "        first = block * width",
                "        n = min(width, columns - first)",
                "        base = sample * columns + first",
                "        held = ((sample - first_sample) * span + block - first_block) * width",
            ]
            yield from indented(levels, [*head, *indented(2, lines)])

        yield from part.head("members * span * width", "width")
        yield "blocks, sets = (columns + width - np.uint64(1)) // width, (samples + members - np.uint64(1)) // members"
        yield "for job in range(lo, hi):"
        yield "    first_block, first_sample = job // sets * span, job % sets * members"
        yield "    last_block, last_sample = min(first_block + span, blocks), min(first_sample + members, samples)"
        if part.body.carried:
            yield from each_block(1, part.carried(True, "n", "held + j"))
        # The steps come from an array: if LLVM sees a falling index, its overlap checks fail and it does not vectorise.
        yield "    for t in order:"
        step = [*part.places(), *part.summed("n"), *part.block()]
        if part.body.events or part.body.arrived is not None:
            step.insert(0, "whole = (n + np.uint64(LANES - 1)) // np.uint64(LANES) * np.uint64(LANES)")
        yield from each_block(2, step)
        if part.body.carried:
            yield from each_block(1, part.carried(False, "n", "held + j"))

    def _grouped(self) -> Iterator[str]:
        """Process some samples at a time, with all columns: the values of a body reach others in the same step or the next."""
        for part in self.parts:
            yield from part.room()
        if any(link.kind == "sampled" for link in self.loop.links):
            yield "chosen, count = np.empty(np.uint64(LANES) * group, np.uint64), np.empty(LANES, np.uint64)"
        for k, link in enumerate(self.loop.links):
            if link.kind == "sampled":
                yield f"link{k}_four = np.empty(4, link{k}_weights.dtype)"
            if link.kind == "convolve":
                yield f"link{k}_image = np.zeros(link{k}_image_room, link{k}_weights.dtype)"
            if link.tables:
                yield f"link{k}_work = np.empty(link{k}_room, link{k}_weights.dtype)"
        yield "for job in range(lo, hi):"
        yield "    first_sample = job * group"
        yield "    members = min(group, samples - first_sample)"
        for part in self.parts:
            yield from indented(1, part.all_moved(True))
        yield "    for t in order:"
        for n, part in enumerate(self.parts):
            yield from indented(2, part.all_step())
            for k, link in enumerate(self.loop.links):
                if link.source == n and not link.late:
                    yield from indented(2, self._link(k))
        for k, link in enumerate(self.loop.links):
            if link.late:
                yield from indented(2, self._link(k))
        for part in self.parts:
            yield from indented(1, part.all_moved(False))

    def _link(self, k: int) -> Iterator[str]:
        """Add the values that one body sends to those that another receives."""
        link = self.loop.links[k]
        source, target = self.parts[link.source].p, self.parts[link.target].p
        received, whole = f"{target}received{link.value_received}", f"{target}whole"
        sent, pitch, columns = f"{source}sent{link.value_sent}", f"{source}whole", f"{source}columns"
        fired = f"{source}fired{link.value_sent}, s * {columns}, s * {columns} + {source}count{link.value_sent}[s]"
        weights, tables = f"link{k}_weights", ", ".join(f"link{k}_{name}" for name in ("work", "weights", *link.tables))
        each, to, of = "for s in range(members):", f"{received}, s * {whole}", f"{sent}, s * {pitch}"
        match link.kind:
            case "events":
                lines = [
                    f"for g in range(np.uint64(0), {whole}, np.uint64(LANES)):",
                    f"    {each}",
                    f"        add_rows_of_64({to} + g, {weights}, g * {columns}, np.uint64(LANES), {fired})",
                ]
            case "product":
                lines = [f"add_product({received}, {whole}, {sent}, {pitch}, members, {columns}, {weights})"]
            case "sampled":
                lines = [
                    f"at = ((t - link{k}_skip) * samples + first_sample) * {target}columns",
                    f"length = ({columns} + np.uint64(15)) // np.uint64(16) * np.uint64(16)",
                    f"add_dots_where({received}, {whole}, {sent}, {pitch}, members, link{k}_flags, at,",
                    f"               {target}columns, {weights}, {pitch}, length, chosen, count, link{k}_four)",
                ]
            case "spread":
                lines = [each, f"    spread_spikes({to}, {fired}, {tables})"]
            case "spread_numbers":
                lines = [each, f"    spread_numbers({to}, {of}, {columns}, {tables})"]
            case "convolve":
                lines = [each, f"    convolve({to}, {of}, link{k}_image, {tables})"]
            case "spread_where":
                lines = [
                    each,
                    f"    at = ((t - link{k}_skip) * samples + first_sample + s) * {target}columns",
                    f"    spread_where({to}, {of}, {target}columns, link{k}_flags, at, {tables})",
                ]
            case _:
                lines = [f"for j in range(members * {whole}):", f"    {received}[j] += {sent}[j]"]
        if link.sampled:
            yield f"if t >= link{k}_skip:"
        yield from indented(link.sampled, lines)


class _Part(Step):
    """The lines of one body in a loop."""

    def head(self, size: str, columns: str) -> Iterator[str]:
        """Allocate carried values, and inputs that do not come as arrays."""
        body, p = self.body, self.p
        letters = [f"i{k}" for k in range(len(body.streams))] + [f"o{k}" for k in range(len(body.written))]
        letters += [f"m{k}" for k in range(len(body.rows))] + [f"q{k}" for k in range(len(body.parameters))]
        for k, letter in enumerate(letters):
            names = ", ".join(f"{p}{letter}{axis}" for axis in "tsb")
            yield f"{names} = {p}strides[{3 * k}], {p}strides[{3 * k + 1}], {p}strides[{3 * k + 2}]"
        yield from (f"{p}state{k} = np.empty({size}, {p}start{k}.dtype)" for k in range(len(body.carried)))
        yield from (f"{p}current{k} = np.empty({columns}, {p}weights{k}.dtype)" for k in range(len(body.events)))
        if body.arrived is not None:
            yield f"{p}product = np.empty({columns}, {p}factors.dtype)"
        yield from self.work()
        yield from (f"{p}p{i} = {p}scalar{k}[0]" for k, i in enumerate(body.scalars))

    def moved(self, loads: bool, names: tuple[str, str, str], count: int, n: str, here: str, there: str) -> Iterator[str]:
        """Load values that live as long as a job from arrays of the run, or store them there.

        The names are those of the values, and of the arrays before the run and after it.
        """
        if count:
            yield f"for j in range({n}):"
        for k in range(count):
            value, array = f"{self.p}{names[0]}{k}[{here}]", f"{self.p}{names[1 if loads else 2]}{k}[{there}]"
            yield f"    {value} = {array}" if loads else f"    {array} = {value}"

    def carried(self, loads: bool, n: str, here: str) -> Iterator[str]:
        """Load carried values, or store them."""
        return self.moved(loads, ("state", "start", "end"), len(self.body.carried), n, here, "base + j")

    def places(self) -> Iterator[str]:
        """Compute the position in each array of a row's elements at a step."""
        body, p = self.body, self.p
        for letter, n in (("i", len(body.streams)), ("o", len(body.written))):
            for name in (f"{p}{letter}{k}" for k in range(n)):
                yield f"{name} = t * {name}t + sample * {name}s + block * {name}b"
        yield from (f"{p}q{k} = sample * {p}q{k}s + first" for k in range(len(body.parameters)))
        yield from (f"{p}r{i} = {p}row{k}[t * {p}m{k}t + sample * {p}m{k}s]" for k, i in enumerate(body.rows))

    def summed(self, columns: str) -> Iterator[str]:
        """Sum the row's inputs at a step that do not come as arrays."""
        body, p = self.body, self.p
        if body.events or body.arrived is not None:
            yield "r = t * samples + sample"
        for k in range(len(body.events)):
            yield f"for j in range({p}whole):"
            yield f"    {p}current{k}[j] = 0"
            yield f"for g in range(np.uint64(0), {columns}, {p}lanes{k}):"
            yield f"    at = (first + g) * {p}inputs{k}"
            yield f"    add_rows({p}current{k}, g, {p}weights{k}, at, {p}lanes{k}, {p}event_index{k}, {p}event_start{k}[r],"
            yield f"             {p}event_start{k}[r + np.uint64(1)], {p}lanes{k})"
        if body.arrived is not None:
            yield f"for j in range({p}whole):"
            yield f"    {p}product[j] = 0"
            yield f"for g in range(np.uint64(0), {p}whole, np.uint64(LANES)):"
            yield f"    at = (first + g) * {p}n_factors"
            yield f"    add_products_of_1({p}product, g, {p}whole, {p}factors, r * {p}n_factors, {p}n_factors,"
            yield f"                      {p}arrived_weights, at, {p}n_factors)"

    # In a group

    def room(self) -> Iterator[str]:
        """Allocate arrays for a group of samples."""
        p, body = self.p, self.body
        yield f"{p}whole = ({p}columns + np.uint64(LANES - 1)) // np.uint64(LANES) * np.uint64(LANES)"
        yield from self.head(f"group * {p}columns", f"{p}whole")
        yield from (
            f"{p}received{k} = np.empty(group * {p}whole, {p}first{k}.dtype)" for k in range(len(body.values_received))
        )
        for k, (i, as_spikes) in enumerate(body.values_sent):
            if as_spikes:
                yield f"{p}fired{k} = np.empty(group * {p}columns, np.uint32)"
                yield f"{p}count{k} = np.empty(group, np.uint64)"
            else:
                yield f"{p}sent{k} = np.zeros(group * {p}whole, np.{self.program.instructions[i].dtype})"
        yield f"{p}blocks = ({p}columns + {p}width - np.uint64(1)) // {p}width"

    def all_moved(self, loads: bool) -> Iterator[str]:
        """Load the carried and the received values of all samples of a group, or store them."""
        p, whole = self.p, f"{self.p}whole"
        yield "for s in range(members):"
        yield f"    base = (first_sample + s) * {p}columns"
        here, there, count = f"s * {whole} + j", f"(first_sample + s) * {whole} + j", len(self.body.values_received)
        yield from indented(1, self.moved(loads, ("received", "first", "last"), count, whole, here, there))
        yield from indented(1, self.carried(loads, f"{p}columns", f"s * {p}columns + j"))

    def all_step(self) -> Iterator[str]:
        """Step all samples of a group."""
        p, body = self.p, self.body
        yield "for s in range(members):"
        yield "    sample = first_sample + s"
        yield "    first = np.uint64(0)"
        yield from indented(1, self.summed(f"{p}columns"))
        yield f"    for block in range({p}blocks):"
        yield f"        first = block * {p}width"
        yield f"        n = min({p}width, {p}columns - first)"
        yield f"        base = sample * {p}columns + first"
        yield from indented(2, self.places())
        yield from indented(2, self.block())
        for k, (i, as_spikes) in enumerate(body.values_sent):
            if as_spikes:
                o = f"{p}o{body.written.index(i)}"
                at = f"t * {o}t + sample * {o}s"
                out = f"{p}out{body.written.index(i)}"
                yield f"    {p}count{k}[s] = collect({out}, {at}, {p}columns, {p}fired{k}, s * {p}columns)"
        if body.values_received:
            yield f"for j in range(members * {p}whole):"
            yield from (f"    {p}received{k}[j] = 0" for k in range(len(body.values_received)))
