"""The specification of a loop over time, and its source."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ARRIVED", "DENSE_KERNELS", "EVENTS", "KERNELS", "KINDS", "LINKS", "Body", "Link", "Loop", "Source"]

_ONE = ("width", "columns", "strides")
EVENTS = ("weights", "lanes", "inputs", "event_start", "event_index")
ARRIVED = ("factors", "n_factors", "arrived_weights")
_MANY = {
    "in": "streams", "row": "rows", "first": "values_received", "last": "values_received", "start": "carried",
    "scalar": "scalars", "par": "parameters", "out": "written", "end": "carried", "sum": "summed",
}  # fmt: skip
_ALONE = {*_ONE, *ARRIVED}
KINDS = (*_ONE, *EVENTS, *ARRIVED, *_MANY)
"""The kinds of a body's arguments in the order of a loop's signature."""

KERNELS = ("weights", "sizes", "row_start", "rows", "run_start", "runs", "room")
DENSE_KERNELS = ("weights", "sizes", "inner", "row_of", "room", "image_room")
LINKS: dict[str, tuple[str, ...]] = {
    "events": ("weights",), "product": ("weights",), "sampled": ("weights", "flags", "skip"), "spread": KERNELS,
    "spread_numbers": KERNELS, "spread_where": (*KERNELS, "flags", "skip"), "convolve": DENSE_KERNELS, "copy": (),
}  # fmt: skip
"""The names of the arguments of each kind of link, in order."""


@dataclass(frozen=True)
class Body:
    """The values that a step of one program reads, carries and writes; numbers are those of the program's instructions.

    Attributes
    ----------
    streams : tuple of int
        Read at each step, with strides over time, samples and blocks.
    rows : tuple of int
        Read at each step, one value per row.
    events : tuple of int
        Inputs that are sums of the weights of the row's events.
    values_received : tuple of int
        Inputs, or carried values, to which values from bodies of the loop are added.
    values_sent : tuple of (int, bool)
        Values that go to bodies of the loop: one for each column; or, if the second item is True, a bool among ``written``
        that marks the spikes.
    carried : tuple of (int, int)
        Read at the start and carried from step to step: the value before a step, and after it.
    scalars, parameters : tuple of int
        Parameters with one value, and those with a value for each column or element.
    written : tuple of int
        Written at each step, with strides.
    summed : tuple of int
        Summed over the steps.
    arrived : int or None
        An input that is the product of a short row of factors with weights: the gradient from a narrow layer after this one.
    """

    streams: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    events: tuple[int, ...] = ()
    values_received: tuple[int, ...] = ()
    values_sent: tuple[tuple[int, bool], ...] = ()
    carried: tuple[tuple[int, int], ...] = ()
    scalars: tuple[int, ...] = ()
    parameters: tuple[int, ...] = ()
    written: tuple[int, ...] = ()
    summed: tuple[int, ...] = ()
    arrived: int | None = None

    @functools.cached_property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """Those of :data:`KINDS` that have arguments, with their numbers."""
        count = dict.fromkeys(_ONE, 1) | dict.fromkeys(EVENTS, len(self.events))
        count |= dict.fromkeys(ARRIVED, int(self.arrived is not None))
        count |= {kind: len(getattr(self, field)) for kind, field in _MANY.items()}
        return tuple([(kind, count[kind]) for kind in KINDS if count[kind]])

    def arguments(self) -> list[str]:
        """Return the names of its arguments, in the order of :data:`KINDS`."""
        names = [[kind] if kind in _ALONE else [f"{kind}{k}" for k in range(count)] for kind, count in self.counts]
        return [name for several in names for name in several]

    def ordered(self, given: Mapping[str, Sequence[Any]]) -> list[Any]:
        """Return its arguments, given by kind, in the order of :data:`KINDS`."""
        return [value for kind, _ in self.counts for value in given[kind]]


@dataclass(frozen=True)
class Link:
    """A connection from a sent value of one body to a received value of another.

    Attributes
    ----------
    source, value_sent, target, value_received : int
        The bodies, and positions in ``values_sent`` and ``values_received``.
    kind : str
        One of :data:`LINKS`. "events": sum of the weights of fired neurons; "product": product with weights; "sampled": a
        product where flags are set; "spread", "spread_numbers": kernels of a convolution added for each spike, or for each
        number; "convolve": the whole convolution; "spread_where": its gradient where flags are set; "copy".
    late : bool
        Whether the value arrives in the next step.
    """

    source: int
    value_sent: int
    target: int
    value_received: int
    kind: str
    late: bool

    def arguments(self) -> list[str]:
        """Return the names of its arguments."""
        return [*LINKS[self.kind]]

    @property
    def tables(self) -> list[str]:
        """The names of the sizes and tables of a convolution; none for other kinds."""
        return [name for name in LINKS[self.kind] if name not in ("weights", "room", "image_room", "flags", "skip")]

    @property
    def sampled(self) -> bool:
        """Whether it is needed only where flags are set."""
        return "flags" in LINKS[self.kind]


@dataclass(frozen=True)
class Loop:
    """A loop over time: one body, for one block of columns of one sample after another, or several bodies that step together.

    A job is one such block; in a loop with links, some samples with all their columns.

    Attributes
    ----------
    name : str
        Name of the function.
    bodies : tuple of Body
        The bodies in the order in which they step.
    links : tuple of Link
        The links between bodies.
    backward : bool
        Whether bits may differ by rounding: exponentials may be slightly inexact to be fast.
    """

    name: str
    bodies: tuple[Body, ...]
    links: tuple[Link, ...] = ()
    backward: bool = False

    def prefix(self, body: int) -> str:
        """Return the prefix of the names of a body's arguments."""
        return "" if len(self.bodies) == 1 else f"b{body}_"

    @property
    def head(self) -> list[str]:
        """The names of its arguments before those of bodies: samples, steps in their order, and the size of a job."""
        return ["samples", "order", *(["group"] if self.links else ["span", "members"])]

    def arguments(self) -> list[str]:
        """Return the names of its arguments from the third on, without those of its :class:`Source`."""
        names = self.head
        names += [self.prefix(k) + name for k, body in enumerate(self.bodies) for name in body.arguments()]
        return names + [f"link{k}_{name}" for k, link in enumerate(self.links) for name in link.arguments()]


@dataclass
class Source:
    """An emitted function.

    Attributes
    ----------
    text : str
        Source of ``name(lo, hi, ...)`` on flat arrays, for the jobs lo to hi. Its arguments are those of the loop, then
        those that all runs share: constants, and functions of numpy as pairs of addresses.
    constants : list of (int, int)
        Bodies, and numbers in their programs; zeros and ones are literals in the source.
    functions : list of (str, dtype)
        Functions of numpy that it calls.
    """

    text: str
    constants: list[tuple[int, int]] = field(default_factory=list)
    functions: list[tuple[str, Any]] = field(default_factory=list)
