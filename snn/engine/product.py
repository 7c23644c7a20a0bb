"""Our own matrix products: any readable operand is packed, and each tile is summed in registers, in a fixed order.

The bits depend only on the depth of the product and the kind of processor, not on threads or the division of work.
"""

from __future__ import annotations

import functools
import platform
from typing import Any, NamedTuple

import numpy as np

from . import tuning
from .backends import BackEnd, back_end
from .buffers import aligned
from .operands import Matrix, strided
from .threads import launch

__all__ = ["PROCESSORS", "Processor", "multiply", "processor"]

Array = np.ndarray[Any, np.dtype[Any]]
_u = np.uint64


class Processor(NamedTuple):
    """Sizes of products for a kind of processor.

    Attributes
    ----------
    name : str
        The vector instructions.
    tile : tuple of int
        Rows of a tile, vectors per row, and bytes per vector: all sums of a tile and their operands fit in registers.
    depth : int
        Maximum number of products summed before a tile is written: a panel of this depth stays near the registers.
    tall : int
        Rows packed at once: they stay in the second-level cache.
    """

    name: str
    tile: tuple[int, int, int]
    depth: int = 256
    tall: int = 96

    def columns(self, dtype: Any) -> int:
        """Return the columns of a tile."""
        return self.tile[1] * self.tile[2] // int(dtype.itemsize)


PROCESSORS = {
    "avx512": Processor("AVX-512", (12, 2, 64)),
    "halves": Processor("AVX-512 in halves", (12, 2, 64)),
    "fma": Processor("AVX2 and FMA", (6, 2, 32), 512, 144),
    "neon": Processor("NEON", (8, 3, 16)),
    "other": Processor("128 bits", (4, 2, 16)),
}


@functools.cache
def processor() -> Processor:
    """Return the sizes of products for this processor."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        halves = binding.get_host_cpu_name() == "znver4"  # its units have 256 bits
        return PROCESSORS["halves" if halves else "avx512"]
    if features.get("avx2") and features.get("fma"):
        return PROCESSORS["fma"]
    neon = features.get("neon") or platform.machine().lower() in ("arm64", "aarch64")
    return PROCESSORS["neon" if neon else "other"]


def _packed(b: Matrix, start: int, end: int, most: int, made_for: Processor, dtype: Any, backend: BackEnd) -> Array:
    """Return a part of the second operand's depth, packed; each vector lies in one cache line."""
    columns = made_for.columns(dtype)
    panels = -(-len(b.columns) // columns)
    out = aligned(panels * columns * (end - start), dtype)
    arguments = [
        b.elements, b.columns, b.rows, _u(start), _u(end), _u(most), dtype.type(b.amplitude), np.bool_(b.beside_columns),
        np.bool_(b.beside_rows), out,
    ]  # fmt: skip
    launch(backend.products(made_for.tile, dtype.itemsize).packed, panels, arguments, out.size)
    return out


def _shares(m: int, n: int, made_for: Processor, columns: int) -> tuple[int, int]:
    """Return the number of shares of the rows, and the columns of a job, a multiple of those of a tile."""
    limits, tiles = tuning.now(), -(-m // made_for.tile[0])
    jobs = limits.own_jobs
    down = max(-(-tiles * made_for.tile[0] // made_for.tall), min(jobs, tiles // limits.own_tiles), 1)
    down = -(-down // jobs) * jobs if jobs < down <= tiles // jobs * jobs else down
    across = max(1, min(jobs // down, n // limits.own_breadth))
    return down, -(-n // across // columns) * columns


def multiply(
    a: Matrix, b: Matrix, out: Array, *, adds: bool = False, bias: Array | None = None, backend: BackEnd | None = None,
    made_for: Processor | None = None,
) -> Array:  # fmt: skip
    """Write ``a @ b`` to ``out``, on our threads.

    Parameters
    ----------
    a, b : Matrix
        ``[m, k]`` and ``[k, n]``: floats in the dtype of ``out``, or spikes.
    out : array
        ``[m, n]``, float32 or float64, with rows side by side.
    adds : bool
        Whether the product is added to the values in ``out``.
    bias : array, optional
        ``[n]``, added to each row.
    backend : BackEnd, optional
        Provides the kernels; by default the back end of compiled runs.
    made_for : Processor, optional
        Sizes to use instead of those for this processor.
    """
    made_for, backend = made_for or processor(), backend or back_end()
    (m, n), k, dtype = out.shape, len(a.columns), out.dtype
    if not k and not adds:
        out[...] = 0 if bias is None else bias
    if not k or not m or not n:
        return out
    flat, (pitch, _) = strided(out)
    before, before_pitch = (flat, pitch) if bias is None else (np.array(bias, dtype), 0)
    down, broad = _shares(m, n, made_for, made_for.columns(dtype))
    jobs = down * -(-n // broad)
    most = -(-k // -(-k // made_for.depth))
    step = max(1, tuning.now().product_bytes // (most * n * dtype.itemsize)) * most
    for start in range(0, k, step):
        end = min(k, start + step)
        weights = _packed(b, start, end, most, made_for, dtype, backend)
        arguments = [
            a.elements, a.rows, a.columns, _u(start), _u(end), _u(most), dtype.type(a.amplitude), np.bool_(a.beside_rows),
            np.bool_(a.beside_columns), weights, _u(n), _u(down), _u(broad), flat, _u(pitch), before, _u(before_pitch),
            np.bool_(adds or bias is not None or start > 0),
        ]  # fmt: skip
        launch(backend.products(made_for.tile, dtype.itemsize).multiplied, jobs, arguments, m * n * (end - start) // 16)
        before, before_pitch = flat, pitch
    return out
