"""Arrays as arguments of a loop: flat, with strides over time, samples and blocks, in the order of the loop."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.dtypes import Array

from ..engine.loop import ARRIVED, EVENTS, Body, Link
from .layout import Layout, Stream
from .part import Part

__all__ = ["Work", "arguments", "flat_strides", "link_arguments", "order_of"]

_u = np.uint64


@dataclass
class Work:
    """The arrays of one body of a loop, in the order of the body's numbers.

    Attributes
    ----------
    body : Body
        Names the arrays.
    layout : Layout
        Division of the elements of a step.
    streams, written : list of Stream
        Arrays read, and written, at each step.
    starts, ends : list of array
        Carried values before and after.
    sums : list of array
        Sums over the steps.
    firsts, lasts : list of array
        Values received before the first step, and after the last.
    arrived : sequence
        For an input that is a product: the factors, their number, and the packed weights.
    """

    body: Body
    layout: Layout
    streams: Sequence[Stream]
    starts: list[Array]
    ends: list[Array]
    written: Sequence[Stream]
    sums: list[Array] = field(default_factory=list)
    firsts: list[Array] = field(default_factory=list)
    lasts: list[Array] = field(default_factory=list)
    arrived: Sequence[Any] = ()


def arguments(part: Part, listed: Sequence[Any], work: Work, t0: int, t1: int) -> list[Any]:
    """Return the arguments of one body of a loop; ``listed`` are the currents that are summed over events."""
    body, layout = work.body, work.layout
    parameters = [part.parameter(i) for i in body.parameters]
    streams, written = work.streams, work.written
    rows = [(None, (layout.samples, 1, 0))] * len(body.rows)
    strides = tuple([s for _, s in (*streams, *written, *rows, *parameters)])
    width, columns = layout.sizes
    given: dict[str, Sequence[Any]] = {
        "width": (width,), "columns": (columns,), "strides": (flat_strides(strides),), "in": [flat for flat, _ in streams],
        "start": work.starts, "end": work.ends, "par": [flat for flat, _ in parameters],
        "scalar": [part.arrays[i].reshape(-1) for i in body.scalars], "out": [flat for flat, _ in written], "sum": work.sums,
    }  # fmt: skip
    if body.values_received:
        given |= {"first": [a.reshape(-1) for a in work.firsts], "last": [a.reshape(-1) for a in work.lasts]}
    if body.rows and part.mask is not None:
        given["row"] = (np.ascontiguousarray(part.mask[t0:t1]).reshape(-1),)
    if body.events:
        given |= zip(EVENTS, zip(*[current.arguments(t0) for current in listed], strict=True), strict=True)
    if body.arrived is not None:
        given |= zip(ARRIVED, [(value,) for value in work.arrived], strict=True)
    return body.ordered(given)


def link_arguments(link: Link, given: dict[str, Any], flags: Array | None, t0: int) -> list[Any]:
    """Return the arguments of a link, from those of its wire; ``flags`` mark where its result is needed at each step.

    The flags of a late link are those of the step before.
    """
    if flags is not None:
        given = {**given, "flags": flags[max(0, t0 - link.late) :].reshape(-1), "skip": _u(link.late and t0 == 0)}
    return [given[name] for name in link.arguments()]


@functools.lru_cache(64)
def order_of(steps: int, backward: bool) -> Array:
    """Return the steps of a loop in the order in which it takes them."""
    order = np.arange(steps, dtype=np.uint64)
    return order[::-1].copy() if backward else order


@functools.lru_cache(256)
def flat_strides(strides: tuple[tuple[int, int, int], ...]) -> Array:
    """Return the strides of all arrays of a loop as one array."""
    return np.array(strides, np.uint64).reshape(-1)
