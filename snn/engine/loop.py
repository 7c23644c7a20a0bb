"""What a loop over time is asked to do, and its source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Loop", "Source"]


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
