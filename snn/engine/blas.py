"""Matrix products on our threads, with the BLAS on one in each: its own threads would wait busily for the next product."""

from __future__ import annotations

import functools
import threading
from typing import Any

import numpy as np

from .threads import run_all

__all__ = ["one_thread_each", "product"]

Array = np.ndarray[Any, np.dtype[Any]]
_PART = 1 << 24  # multiplications from which a product is cut in parts
_PARTS = 4
_lock = threading.Lock()
_inside = 0
_before: list[tuple[Any, int]] = []


@functools.cache
def _libraries() -> list[Any]:
    import threadpoolctl

    found = [library for library in threadpoolctl.ThreadpoolController().lib_controllers if library.user_api == "blas"]
    return [library for library in found if "numpy" in library.filepath] or found  # scipy may bring one of its own


class one_thread_each:  # noqa: N801 - used like a function
    """Have the BLAS use one thread for each of ours that calls it; what it used before comes back with the last to leave."""

    def __enter__(self) -> None:
        global _inside, _before
        with _lock:
            _inside += 1
            if _inside == 1:
                _before = [(library, n) for library in _libraries() if (n := library.get_num_threads()) > 1]
                for library, _ in _before:
                    library.set_num_threads(1)

    def __exit__(self, *error: object) -> None:
        global _inside
        with _lock:
            _inside -= 1
            if not _inside:
                for library, number in _before:
                    library.set_num_threads(number)


def product(a: Array, b: Array, out: Array) -> Array:
    """Write ``a @ b``, in parts that depend on the shapes alone, so that the bits do not depend on the number of threads."""
    rows, columns = out.shape
    parts = max(1, min(_PARTS, rows * columns * a.shape[1] // _PART, max(rows, columns) // 64))
    if parts == 1:
        return np.matmul(a, b, out=out)
    if rows >= columns:
        cuts = [slice(rows * k // parts, rows * (k + 1) // parts) for k in range(parts)]
        run_all([functools.partial(np.matmul, a[s], b, out=out[s]) for s in cuts])
    else:
        cuts = [slice(columns * k // parts, columns * (k + 1) // parts) for k in range(parts)]
        run_all([functools.partial(np.matmul, a, b[:, s], out=out[:, s]) for s in cuts])
    return out
