"""Make a net of a NIR graph."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from autograd import Cell, nn
from autograd.errors import ArgumentError, DataError
from autograd.intake import to_numbers

from ...layers.delay import Delay
from ...layers.recurrent import RecurrentThrough
from ...recurrent import Recurrent
from .asked import check_asked, step_asked
from .exact import hinted, restored
from .fields import LIMIT, MEND, label, library, many
from .files import read
from .flat import FIRING, STATEFUL, Edge, Flat, Item, crossing_by_rule, flatten, ordered
from .layers_read import READERS, delay_steps, freeze
from .net import Part, Wired, chain
from .neurons import FIELDS, read_neuron
from .peers import peer_neuron

__all__ = ["from_nir"]

WHERE = "snn.interop.nir.from_nir"


def from_nir(
    graph: Any,
    *,
    dt: float | None = None,
    method: str = "euler",
    written_by: str | None = None,
    options: Mapping[str, Any] | None = None,
    surrogate_function: Callable[[Any], Any] | None = None,
    metadata: bool = True,
    limit: int = LIMIT,
) -> Cell:
    """Make a net of a graph of NIR, the Neuromorphic Intermediate Representation (Pedersen et al., 2024).

    A graph that :func:`to_nir` wrote gives the original net, to the bit: its Cells, their constants, and the feedback that is
    a step late. Any other graph gives the net that NIR's equations define, in steps of ``dt``: a chain of layers becomes an
    ``nn.SequentialCell``, anything else a Cell in which neurons are wired by the edges.

    Parameters
    ----------
    graph : nir.NIRGraph or path
        The graph, or an HDF5 file with one, which is read by :func:`read`.
    dt : float, optional
        Seconds of a time step. Our graphs hold it; for others it is required.
    method : {"euler", "exact"}
        For graphs of others: a forward Euler step, as most packages take it, or the solution of the equations over one step
        with a constant input. In both, a current is updated before the membrane that it flows into.
    written_by : {"norse", "snntorch"}, optional
        Make the neurons of that package, whose graphs describe them incompletely: see docs/nir.md.
    options : dict, optional
        Properties of neurons that the graph leaves out, in that package's names: ``reset_mechanism`` and ``reset_delay`` for
        snnTorch.
    surrogate_function : callable, optional
        For neurons without a known surrogate, as for :class:`snn.Neuron`. There must be at least one such neuron.
    metadata : bool
        Whether to use our metadata. False reads the fields alone, as another package would.
    limit : int
        Largest size in bytes of all arrays, and of a sample between two nodes.

    Returns
    -------
    Cell
        Ready for :func:`snn.run`. Arrays of floats keep their dtype.

    Raises
    ------
    MissingExtraError
        If the package nir, or h5py, is not installed.
    DataError
        If the graph or the file is damaged, or our Cells cannot express it.
    ArgumentError
        If ``dt`` is missing, or an argument is invalid or contradicts our metadata.

    Examples
    --------
    >>> import nir, numpy as np, snn
    >>> ones = np.ones(2)
    >>> lif = nir.LIF(tau=0.02 * ones, r=ones, v_leak=0 * ones, v_threshold=ones)
    >>> graph = nir.NIRGraph.from_list(nir.Linear(np.ones((2, 3))), lif)
    >>> snn.interop.nir.from_nir(graph, dt=1e-3)
    SequentialCell(
      (linear): Dense(in_channels=3, out_channels=2, has_bias=False, dtype='float64')
      (lif): LIFNode(h = v + (x - v) / 20; z = h > 1 [relusigmoid()]; spike = z; v' = (1 - z) * h)
    )
    """
    check_asked(WHERE, method, written_by, options, limit)
    library(WHERE)
    if isinstance(graph, (str, os.PathLike)):
        graph = read(graph, limit=limit)
    flat = flatten(graph)
    about = hinted(flat.metadata, "NIR graph") if metadata else {}
    step = step_asked(WHERE, dt, about, written_by)
    return _Reader(flat, step, method, written_by, dict(options or {}), surrogate_function, metadata, limit).net(about)


@dataclass(eq=False)
class _Reader:
    flat: Flat
    dt: float
    method: str
    written_by: str | None
    options: dict[str, Any]
    surrogate: Any
    metadata: bool
    limit: int
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def net(self, about: dict[str, Any]) -> Cell:
        """Make all parts, and the net of them."""
        delays = {n for n, i in self.flat.items.items() if i.kind == "Delay" and self._steps(i, None).min(initial=1) > 0}
        crossing = self._crossing(about, delays)
        order = ordered(self.flat, crossing)
        made = {name: self._part(self.flat.items[name], crossing, delays) for name in self.flat.reached()}
        for item in order:  # feedback too
            for source in item.sources:
                self._check(source, made[item.name])
        return self._assembled(self._folded([made[item.name] for item in order]))

    def _crossing(self, about: dict[str, Any], delays: set[str]) -> set[Edge]:
        if "crossing" not in about:
            return crossing_by_rule(self.flat, delays)
        listed, edges = about["crossing"], set(self.flat.edges)
        is_list = isinstance(listed, list) and all(isinstance(e, list) and len(e) == 2 for e in listed)
        found = {(str(e[0]), str(e[1])) for e in listed} if is_list else {("", "")}
        if not found <= edges:
            raise DataError("NIR graph, metadata crossing", "edges of the graph", f"{listed!r}"[:100], MEND)
        return found

    def _where(self, item: Item) -> str:
        return label(item.name, item.kind)

    def _hints(self, item: Item) -> dict[str, Any]:
        return hinted(getattr(item.node, "metadata", None), self._where(item)) if self.metadata else {}

    def _steps(self, item: Item, before: tuple[int, ...] | None) -> Any:
        return delay_steps(item.node, before, self.dt, self.limit, self._where(item))

    def _declared(self, item: Item, end: str) -> tuple[int, ...] | None:
        """Return the shape that an Input or Output states, if any."""
        types = getattr(item.node, f"{end}_type", None)
        value = types.get(end) if isinstance(types, dict) else None
        if value is None:
            return None
        try:
            array = np.asarray(value)
            fits = array.ndim == 1 and array.size <= 8 and (array.dtype.kind in "iu" or not array.size)
        except (TypeError, ValueError):
            fits = False
        if not fits or any(not 0 < int(n) < 1 << 31 for n in array):
            raise DataError(f"{self._where(item)}, shape", "a shape: whole numbers above 0", f"{value!r}"[:100], MEND)
        return many(tuple(int(n) for n in array), self.limit, self._where(item))

    def _check(self, source: str, part: Part) -> None:
        if self.shapes[source] != part.before:
            raise DataError(
                self._where(self.flat.items[part.name]), f"{list(part.before)} from each node that feeds it",
                f"{list(self.shapes[source])} from {source!r}", MEND,
            )  # fmt: skip

    def _part(self, item: Item, crossing: set[Edge], delays: set[str]) -> Part:
        sources = [(source, (source, item.name) in crossing) for source in item.sources]
        if item.kind == "Input":
            shape = self._declared(item, "input")
            if shape is None:
                raise DataError(self._where(item), "a shape", "none", "State the shape of a sample in the Input.")
            self.shapes[item.name] = shape
            return Part(item.name, None, [("", False)], shape, shape)
        before = next(self.shapes[source] for source in item.sources if source in self.shapes)
        cell, after = self._cell(item, before, crossing, delays)
        self.shapes[item.name] = many(after, self.limit, self._where(item))
        return Part(item.name, cell, sources, before, after)

    def _check_restored(self, found: dict[str, Any], where: str) -> None:
        """Check that no argument contradicts a neuron that our metadata describes completely."""
        asked = {"method": self.method != "euler", "written_by": self.written_by is not None}
        names = [name for name, given in asked.items() if given]
        made = found.get("arguments")
        surrogates = isinstance(made, dict) and made.get("surrogate_function") is not None
        if names or (surrogates and self.surrogate is not None and not self._takes_surrogate()):
            name = names[0] if names else "surrogate_function"
            raise ArgumentError(
                f"{WHERE}, {where}", f"no {name} for a neuron that its metadata describes", "one",
                "Leave it out, or pass metadata=False to read the fields alone.",
            )  # fmt: skip

    def _takes_surrogate(self) -> bool:
        """Return whether there is a neuron whose own surrogate is not known."""
        for item in self.flat.items.values():
            made = self._hints(item).get("arguments", {})
            if item.kind in FIRING and (not isinstance(made, dict) or made.get("surrogate_function") is None):
                return True
        return False

    def _cell(
        self, item: Item, before: tuple[int, ...], crossing: set[Edge], delays: set[str]
    ) -> tuple[Cell | None, tuple[int, ...]]:
        where, found = self._where(item), self._hints(item)
        if item.kind == "Output":
            declared = self._declared(item, "output")
            if declared is not None and declared != before:
                raise DataError(f"{where}, shape", f"{list(before)}, as its source", f"{list(declared)}", MEND)
            return None, before
        if found.get("layer") == "amplitude":
            return None, before  # it is the spike_value of the neuron before it
        if item.kind in FIELDS:
            if "cell" in found:
                self._check_restored(found, where)
                return restored(item.node, item.kind, found, before, self.dt, self.surrogate, where), before
            if self.written_by is not None and item.kind != "Threshold":
                return peer_neuron(
                    self.written_by, item.node, item.kind, before, self.dt, self.options, self.surrogate, where
                ), before
            return read_neuron(item.node, item.kind, before, self.dt, self.method, self.surrogate, where), before
        if item.kind == "Delay":
            steps = self._steps(item, before)
            late = item.name in delays and all((s, item.name) in crossing for s in item.sources)
            steps = steps - late  # its input has already crossed one
            return (Delay(steps.flat[0] if (steps == steps.flat[0]).all() else steps) if steps.any() else None), before
        if item.kind not in READERS:
            raise DataError(
                where, f"one of {', '.join(sorted({*READERS, *FIELDS, 'Delay', 'Input', 'Output', 'NIRGraph'}))}", item.kind,
                "A newer NIR may have more nodes.",
            )  # fmt: skip
        cell, after = READERS[item.kind](item.node, before, found, self.dt, where)
        freeze(cell, found, where)
        return cell, after

    # From parts to a net

    def _folded(self, parts: list[Part]) -> list[Part]:
        """Merge each neuron with the weights through which it feeds only itself into one layer."""
        by_name = {part.name: part for part in parts}
        used: dict[str, list[str]] = {}
        for part in parts:
            for source, _ in part.sources:
                used.setdefault(source, []).append(part.name)
        for name, part in list(by_name.items()):
            if part.cell is None or self.flat.items[name].kind not in STATEFUL:
                continue
            sent = [name, *(u for u in used.get(name, ()) if self._hints_of(u).get("layer") == "amplitude")][-1]
            # With more than two terms the order counts, and the feedback comes last.
            for source, late in part.sources[-1:] if len(part.sources) > 2 else part.sources:
                back = by_name.get(source)
                if back is None or [s for s, _ in back.sources] != [sent] or used[source] != [name]:
                    continue
                layer = self._recurrent(part, back) if late != back.sources[0][1] and len(part.sources) > 1 else None
                if layer is not None:
                    rest = [item for item in part.sources if item[0] != source]
                    by_name[name] = Part(name, layer, rest, part.before, part.after)
                    del by_name[source]
                    break
        return list(by_name.values())

    def _hints_of(self, name: str) -> dict[str, Any]:
        return self._hints(self.flat.items[name]) if name in self.flat.items else {}

    def _recurrent(self, part: Part, back: Part) -> Cell | None:
        """Return the layer of a neuron and its feedback, if we have one."""
        neuron, cell = part.cell, back.cell
        found = self._hints_of(back.name)
        if isinstance(cell, (nn.Conv1d, nn.Conv2d)) or found.get("through") is True:
            return RecurrentThrough(neuron, cell) if cell is not None and neuron is not None else None
        n = part.before[0] if len(part.before) == 1 else 0
        if isinstance(cell, nn.Dense) and cell.bias is None and n:
            lateral = "others" if found.get("lateral") == "others" else "all"
        elif getattr(cell, "weight", None) is not None and type(cell).__name__ == "OneToOne" and n:
            lateral = "self"
        else:
            return None
        held = getattr(cell, "weight")  # noqa: B009 - mypy knows no more of it
        weight = to_numbers(held, "weight")
        made = Recurrent(neuron, n, lateral=lateral, weight_init=weight, dtype=weight.dtype)  # type: ignore[arg-type]
        made.weight.requires_grad = held.requires_grad
        return made

    def _assembled(self, parts: list[Part]) -> Cell:
        # A sum of one term is that term.
        alias: dict[str, str] = {}
        kept: list[Part] = []
        for part in parts:
            only = part.sources[0] if len(part.sources) == 1 else None
            if part.cell is None and only is not None and not only[1] and only[0]:
                alias[part.name] = alias.get(only[0], only[0])
            else:
                kept.append(part)
        for part in kept:
            part.sources = [(alias.get(source, source), late) for source, late in part.sources]
        outputs = [alias.get(name, name) for name in self.flat.outputs]
        straight = len(outputs) == 1 and all(part.sources == [(before.name, False)] for before, part in pairwise(kept))
        if straight and outputs[0] == kept[-1].name and all(part.cell is not None for part in kept[1:]) and len(kept) > 1:
            return chain(kept[1:])
        return Wired(kept, outputs)
