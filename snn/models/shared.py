"""Parts that several models share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from autograd import Cell
from autograd.dtypes import describe, is_int
from autograd.errors import ArgumentError, DTypeError

from ..neurons import IFNode, LIFNode
from ..surrogate import atan

__all__ = ["Maker", "atan_if", "atan_lif", "check_image", "check_sizes", "check_width", "maker"]

Made = TypeVar("Made", bound=Callable[..., Any])

Maker = Callable[[], Cell]
"""Makes a layer."""


def atan_lif() -> LIFNode:
    """Make the leaky neuron of networks with the surrogate ``atan``: ``tau=2``, hard reset without gradient."""
    return LIFNode(tau=2.0, decay_input=True, v_reset=0.0, surrogate_function=atan(), detach_reset=True)


def atan_if() -> IFNode:
    """Make the same neuron without leak."""
    return IFNode(v_reset=0.0, surrogate_function=atan(), detach_reset=True)


def maker(where: str, name: str, make: Made) -> Made:
    """Return ``make`` if it is a function that makes layers; a layer itself would be shared by all places."""
    if isinstance(make, Cell) or not callable(make):
        given = "" if name != "norm" else " channels"
        raise DTypeError(
            where, f"{name} as a function that makes a layer", describe(make),
            f"Each place needs its own layer: {name}=lambda{given}: ... .",
        )  # fmt: skip
    return make


def check_width(where: str, width: Any) -> None:
    """Check the factor of the numbers of channels."""
    try:
        fits = not isinstance(width, (bool, str)) and 0 < float(width) < math.inf
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise ArgumentError(where, "width as a number above 0", describe(width), "For example width=0.5: half the channels.")


def check_sizes(where: str, name: str, value: Any, example: str, count: int | None = None) -> None:
    """Check that an argument is a tuple or list of positive ints, ``count`` of them."""
    fits = isinstance(value, (tuple, list)) and count in (None, len(value)) and all(is_int(n) and n > 0 for n in value)
    if not fits:
        expected = f"{name} as a tuple of {'' if count is None else f'{count} '}positive ints"
        raise ArgumentError(where, expected, describe(value), f"For example {name}={example}.")


def check_image(where: str, image: Any) -> None:
    """Check the size of an image."""
    if not isinstance(image, (tuple, list)) or len(image) != 3 or not all(is_int(n) and n > 0 for n in image):
        raise ArgumentError(
            where, "image as three positive ints", repr(image), "Pass image=(channels, rows, columns), such as (3, 32, 32)."
        )
