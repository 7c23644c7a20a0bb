"""Steps of optimizers as compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import optim

from . import cache
from .events import kernel
from .threads import launch

__all__ = ["adam", "serve"]

_PIECE = 1 << 14


def adam(arrays: list[Any], numbers: tuple[float, ...]) -> None:
    """Make a step of Adam's rule; arguments are those of ``adam`` in ``kernels.py`` from ``w`` on."""
    size = arrays[0].size
    kind = arrays[0].dtype.type
    arguments = [np.uint64(_PIECE), *(a.reshape(-1) for a in arrays), *(kind(number) for number in numbers)]
    launch(kernel("adam", True), -(-size // _PIECE), arguments, size)


def serve() -> None:
    """Make the steps of :class:`autograd.optim.Adam` from when this process first needs a compiled loop."""
    cache.at_first(_serve)


def _serve() -> None:
    if cache.enabled():
        optim.Adam.compiled = staticmethod(adam)
