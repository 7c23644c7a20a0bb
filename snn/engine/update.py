"""Steps of optimizers, and pooling, as compiled loops."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from autograd import optim, windows

from . import tuning
from .backends.base import AT_FIRST, BackEnd
from .threads import launch
from .windows import Pools

__all__ = ["adam", "serve"]


def adam(backend: BackEnd, arrays: list[Any], numbers: tuple[float, ...]) -> None:
    """Make a step of Adam; the arguments are those of ``adam`` in ``kernels.py`` from ``w`` on."""
    size, piece = arrays[0].size, tuning.now().job_elements
    arguments = [np.uint64(piece), *[a if a.ndim == 1 else a.reshape(-1) for a in arrays], *_as(arrays[0].dtype, numbers)]
    launch(backend.kernel("adam"), -(-size // piece), arguments, size)


@functools.lru_cache(8)
def _as(dtype: Any, numbers: tuple[float, ...]) -> list[Any]:
    """Return numbers in a dtype, made once for all Parameters of a step."""
    return [dtype.type(number) for number in numbers]


def serve() -> None:
    """Serve :class:`autograd.optim.Adam` and :mod:`autograd.windows` once this process needs a back end that compiles."""
    AT_FIRST.append(_serve)


def _serve(backend: BackEnd) -> None:
    optim.Adam.compiled = staticmethod(functools.partial(adam, backend))
    windows.compiled = Pools(backend)
