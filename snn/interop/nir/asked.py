"""Checks of the arguments of :func:`from_nir` other than the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograd.dtypes import describe
from autograd.errors import ArgumentError, AutogradError, DataError

from .fields import MEND, check_limit, positive_step
from .peers import PEERS

__all__ = ["check_asked", "step_asked"]


def check_asked(where: str, method: Any, written_by: Any, options: Any, limit: Any) -> None:
    """Check arguments."""
    if method not in ("euler", "exact"):
        raise ArgumentError(where, "method 'euler' or 'exact'", repr(method), "Most packages take Euler steps.")
    if written_by is not None and (not isinstance(written_by, str) or written_by not in PEERS):
        raise ArgumentError(
            where, f"written_by one of {', '.join(PEERS)}, or None", repr(written_by)[:100],
            "Graphs of other packages are complete: leave written_by out.",
        )  # fmt: skip
    if options is not None and (not isinstance(options, Mapping) or not all(isinstance(key, str) for key in options)):
        raise ArgumentError(
            where, "options, a dict of names and values", describe(options), "For example {'reset_mechanism': 'zero'}."
        )
    if options and written_by is None:
        raise ArgumentError(where, "written_by with options", "options alone", "Name the package whose options they are.")
    check_limit(where, limit)


def step_asked(where: str, dt: Any, about: dict[str, Any], written_by: str | None) -> float:
    """Return the seconds of a time step, from the argument ``dt``, our metadata ``about`` or the package that wrote the graph.

    It is an error if none is known, or if ``dt`` differs from the graph's.
    """
    if dt is None and written_by is not None:
        return PEERS[written_by]
    own = about.get("dt")
    if own is None and dt is None:
        raise ArgumentError(
            where, "dt, the seconds of a time step: NIR has none", "none",
            "Pass the step that the graph was made for; 1e-4 is common.",
        )  # fmt: skip
    if own is None:
        return positive_step(where, dt)
    try:
        own = positive_step(where, own)
    except AutogradError as error:
        raise DataError("NIR graph, metadata dt", error.expected, error.got, MEND) from error
    if dt is not None and positive_step(where, dt) != own:
        raise ArgumentError(
            where, f"dt={own!r}, for which the graph was written", repr(dt),
            "Leave dt out; or pass metadata=False too, for the same equations in other steps.",
        )  # fmt: skip
    return own
