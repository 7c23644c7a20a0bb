"""The gradient of a convolution's currents: images, or a value for each window of a max-pooling after it."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.windows import Windows

from .backends import BackEnd
from .buffers import aligned
from .events import all_finite
from .windows import Pools, places_inside

__all__ = ["Images", "PooledImages", "whole"]

_VECTOR = 16  # elements


def whole(channels: int) -> int:
    """Return a number of channels rounded up to whole vectors."""
    return -(-channels // _VECTOR) * _VECTOR


class Images:
    """Images, and facts about them, found on first access.

    Parameters
    ----------
    values : array
        The images, ``[rows, C, H, W]``.
    groups : int
        Number of groups of channels: vectors may be read from the first channel of each on.
    backend : BackEnd
        Provides the kernels.

    Attributes
    ----------
    shape : tuple of int
        ``(rows, C, H, W)``.
    places : tuple
        Where kernel ``convolve_few`` finds the places of ``values`` in the images.
    """

    def __init__(self, values: Array, groups: int, backend: BackEnd) -> None:
        self.values, self.backend, self.shape = values, backend, values.shape
        self.places: tuple[Any, ...] = 0, np.empty(0, np.uint64), np.empty(0, np.uint8)
        each = values.shape[1] // groups
        self.pitch = whole((groups - 1) * each + whole(each))

    @property
    def array(self) -> Array:
        """The images as an array."""
        return self.values

    @functools.cached_property
    def finite(self) -> bool:
        """Whether no element is infinite or NaN."""
        return all_finite(self.values, self.backend)

    @functools.cached_property
    def nonzero(self) -> int:
        """Number of elements that are not zero."""
        return int(np.count_nonzero(self.values))

    @functools.cached_property
    def channels_last(self) -> Array:
        """``[rows, H * W, pitch]``, flat, with zeros after the channels."""
        rows, channels, *size = self.shape
        last = aligned(rows * math.prod(size) * self.pitch, self.values.dtype)
        arguments = self.values, *self.places, channels, math.prod(size), self.pitch, last
        self.backend.run("channels_last", rows, last.size, *arguments, file="images")
        return last


class PooledImages(Images):
    """Images that are zero but at the chosen position of each window; no windows overlap, and none reaches beyond them.

    Parameters
    ----------
    values : array
        ``[rows, C, H', W']``, the value for each window.
    chosen : array of uint8
        The position in each window.
    windows : Windows
        The windows.
    size : tuple of int
        ``(H, W)``.
    groups, backend
        See :class:`Images`.
    """

    def __init__(
        self, values: Array, chosen: Array, windows: Windows, size: tuple[int, ...], groups: int, backend: BackEnd
    ) -> None:
        super().__init__(values, groups, backend)
        self.shape = *values.shape[:2], *size
        self.chosen, self.windows = chosen, windows
        self.places = math.prod(values.shape[2:]), places_inside(windows, size), chosen

    @staticmethod
    def can(windows: Windows, size: tuple[int, ...]) -> bool:
        """Return whether windows are apart and inside images of a size."""
        apart = all(stride >= span for stride, span in zip(windows.stride, windows.spans, strict=True))
        return apart and places_inside(windows, size) is not None

    @functools.cached_property
    def array(self) -> Array:
        """The images as an array."""
        return Pools(self.backend).put_back(self.values, self.chosen, self.windows, self.shape[2:])
