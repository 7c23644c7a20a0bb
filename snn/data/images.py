"""Shared by sets of images."""

from __future__ import annotations

import numpy as np

from autograd.dtypes import Array

from .dataset import Dataset
from .sources import Arrays

__all__: list[str] = []


def in_unit(images: Array) -> Array:
    """Return bytes as float32 in [0, 1]."""
    return images.astype(np.float32) / np.float32(255)


def grey(images: Array) -> Array:
    """Return bytes ``[N, H, W]`` as images of one channel, ``[N, 1, H, W]`` float32 in [0, 1]."""
    return in_unit(images)[:, None]


def of_bytes(images: Array, labels: Array, classes: tuple[str, ...], name: str) -> Dataset:
    """Return a data set of grey images, which stay bytes in memory."""
    return Dataset(Arrays(images, labels, grey), kind="static", classes=classes, name=name)
