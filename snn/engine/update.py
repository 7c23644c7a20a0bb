"""Steps of optimizers as compiled loops."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from autograd import optim

from .backends.base import AT_FIRST, BackEnd
from .threads import launch

__all__ = ["adam", "serve"]

_PIECE = 1 << 14


def adam(backend: BackEnd, arrays: list[Any], numbers: tuple[float, ...]) -> None:
    """Make a step of Adam's rule; arguments are those of ``adam`` in ``kernels.py`` from ``w`` on."""
    size = arrays[0].size
    kind = arrays[0].dtype.type
    arguments = [np.uint64(_PIECE), *(a.reshape(-1) for a in arrays), *(kind(number) for number in numbers)]
    launch(backend.kernel("adam"), -(-size // _PIECE), arguments, size)


def serve() -> None:
    """Make the steps of :class:`autograd.optim.Adam` from when this process first needs a back end that compiles."""
    AT_FIRST.append(_serve)


def _serve(backend: BackEnd) -> None:
    optim.Adam.compiled = staticmethod(functools.partial(adam, backend))
