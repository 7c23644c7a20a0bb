"""What a loop over time is asked to do, and its source."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

__all__ = ["KINDS", "Body", "Link", "Loop", "Source"]

_ONE = ("width", "columns", "strides")
_EVENTS = ("weights", "lanes", "inputs", "event_start", "event_index")
_ARRIVED = ("factors", "n_factors", "arrived_weights")
_MANY = {
    "in": "streams", "row": "rows", "first": "received", "last": "received", "start": "carried", "scalar": "scalars",
    "par": "parameters", "out": "written", "end": "carried", "sum": "summed",
}  # fmt: skip
KINDS = (*_ONE, *_EVENTS, *_ARRIVED, *_MANY)
"""The kinds of a body's arguments in the order in which a loop takes them."""


@dataclass(frozen=True)
class Body:
    """What a step of one program reads, carries and writes; numbers are those of the program's instructions.

    Attributes
    ----------
    streams : tuple of int
        Read at each step, by strides over time, samples and blocks.
    rows : tuple of int
        Read at each step, one value for a whole row.
    events : tuple of int
        Inputs that are summed from the weights of the row's events.
    received : tuple of int
        Inputs, or things carried, to which is added what comes from bodies of the loop.
    sent : tuple of (int, bool)
        What goes to bodies of the loop: a value of each column; or, if the second is True, a bool among ``written`` that
        says where a spike is.
    carried : tuple of (int, int)
        Read at the start and handed from step to step: what a step reads, and what it makes of it.
    scalars, parameters : tuple of int
        Parameters of one value, and those with a value for each column, or each element.
    written : tuple of int
        Written at each step, by strides.
    summed : tuple of int
        Added up over the steps.
    arrived : int or None
        An input that is the product of a row of factors, few, with weights: the gradient from a narrow layer behind.
    """

    streams: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    events: tuple[int, ...] = ()
    received: tuple[int, ...] = ()
    sent: tuple[tuple[int, bool], ...] = ()
    carried: tuple[tuple[int, int], ...] = ()
    scalars: tuple[int, ...] = ()
    parameters: tuple[int, ...] = ()
    written: tuple[int, ...] = ()
    summed: tuple[int, ...] = ()
    arrived: int | None = None

    @functools.cached_property
    def kinds(self) -> tuple[str, ...]:
        """Those of :data:`KINDS` of which there are arguments."""
        some = {kind for kind, field in _MANY.items() if getattr(self, field)}
        some |= {*_ONE, *(_EVENTS if self.events else ()), *(_ARRIVED if self.arrived is not None else ())}
        return tuple(kind for kind in KINDS if kind in some)

    def arguments(self) -> list[str]:
        """Return the names of its arguments, in the order of :data:`KINDS`."""
        count = dict.fromkeys(_EVENTS, len(self.events)) | {kind: len(getattr(self, field)) for kind, field in _MANY.items()}
        alone = {*_ONE, *(_ARRIVED if self.arrived is not None else ())}
        names = [[kind] if kind in alone else [f"{kind}{k}" for k in range(count.get(kind, 0))] for kind in KINDS]
        return [name for several in names for name in several]


@dataclass(frozen=True)
class Link:
    """A way from something that a body sends to something that a body receives.

    Attributes
    ----------
    source, sent, target, received : int
        The bodies, and places in their ``sent`` and ``received``.
    kind : {"events", "product", "sampled", "copy"}
        Weights of what fired are added up; a product with weights; one at listed places alone; what is sent itself.
    late : bool
        Whether it arrives in the step after.
    """

    source: int
    sent: int
    target: int
    received: int
    kind: str
    late: bool

    def arguments(self) -> list[str]:
        """Return the names of its arguments."""
        return {"copy": [], "sampled": ["weights", "flags", "skip"]}.get(self.kind, ["weights"])


@dataclass(frozen=True)
class Loop:
    """A loop over time: one body alone, with time inside a block of columns of one sample, or several that step together.

    A job is such a block; in a loop with links it is some samples with all their columns.

    Attributes
    ----------
    name : str
        Of the function.
    bodies : tuple of Body
        In the order in which they step.
    links : tuple of Link
        Among them.
    backward : bool
        Only rounding matters, not every bit: exponentials may be a little off to be fast.
    """

    name: str
    bodies: tuple[Body, ...]
    links: tuple[Link, ...] = ()
    backward: bool = False

    def prefix(self, body: int) -> str:
        """Return what the names of a body's arguments begin with."""
        return "" if len(self.bodies) == 1 else f"b{body}_"

    def arguments(self) -> list[str]:
        """Return the names of its arguments from the third on, but for those of its :class:`Source`."""
        names = ["samples", "order", *(["group"] if self.links else ["span", "members"])]
        names += [self.prefix(k) + name for k, body in enumerate(self.bodies) for name in body.arguments()]
        return names + [f"link{k}_{name}" for k, link in enumerate(self.links) for name in link.arguments()]


@dataclass
class Source:
    """An emitted function.

    Attributes
    ----------
    text : str
        Its source: ``name(lo, hi, ...)`` on flat arrays, for the jobs lo to hi. It takes the arguments of its loop, then what
        is the same in all runs: constants, and the functions of numpy, a pair of addresses each.
    constants : list of (int, int)
        Body, and number in its program; zeros and ones stand in the source.
    functions : list of (str, dtype)
        Functions of numpy.
    """

    text: str
    constants: list[tuple[int, int]] = field(default_factory=list)
    functions: list[tuple[str, Any]] = field(default_factory=list)
