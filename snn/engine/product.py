"""Our own matrix products: any readable operand is packed, and each tile is summed in registers, in a fixed order.

The bits depend only on the depth of the product and the kind of processor, not on threads or the division of work.
"""

from __future__ import annotations

import functools
import itertools
import platform
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array

from . import tuning
from .backends import BackEnd, back_end
from .buffers import aligned
from .operands import Matrix, strided
from .threads import run_all, thread_count

__all__ = ["PROCESSORS", "Processor", "multiply", "processor"]

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
    "halves": Processor("AVX-512 in halves", (12, 2, 64), 512),
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


@functools.lru_cache(256)
def _cuts(count: int, most: int, threads: int) -> Array:
    """Divide tiles into blocks that become smaller, so that all threads end at almost the same time.

    Each block is half of what a thread would get of the tiles that are left.
    """
    made = [0]
    while (left := count - made[-1]) > 0:
        made.append(made[-1] + min(left, max(1, min(most, left // (2 * threads)))))
    return np.array(made, _u)


def _part(kernels: Any, packing: list[Any], arguments: list[Any], jobs: int = 1) -> None:
    """Take part in a product; if ``jobs`` is 0, only compile."""
    kernels.packed(_u(0), _u(jobs), *packing)
    kernels.multiplied(_u(0), _u(jobs), *arguments)


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
    kernels = backend.products(made_for.tile, dtype.itemsize)
    rows, columns = made_for.tile[0], made_for.columns(dtype)
    shared = m * n * k >= tuning.now().shared_product and not isinstance(kernels.multiplied, FunctionType)
    threads = thread_count() if shared else 1
    cuts = _cuts(-(-m // rows), max(1, made_for.tall // rows), threads)
    most = -(-k // -(-k // made_for.depth))
    fitting = tuning.now().product_bytes // (most * dtype.itemsize)  # columns
    broad = min(-(-n // columns), max(1, fitting // columns)) * columns
    # Few rows are cut by columns too: about three blocks for each thread, of at least four tiles.
    across = max(1, min(broad // columns // 4, -(-3 * threads // (len(cuts) - 1))))
    step = min(k, max(1, fitting // broad) * most)
    weights = aligned(broad * step, dtype)  # each vector lies in one cache line
    for j, start in itertools.product(range(0, n, broad), range(0, k, step)):
        depth, taken = (_u(start), _u(min(k, start + step)), _u(most)), np.zeros(3, _u)
        which, to = b.columns[j : j + broad], flat[j:]
        old, old_pitch = (to, pitch) if start or bias is None else (np.array(bias[j:], dtype), 0)
        packing = [
            b.elements, which, b.rows, *depth, dtype.type(b.amplitude), np.bool_(b.beside_columns),
            np.bool_(b.beside_rows), weights, taken,
        ]  # fmt: skip
        arguments = [
            a.elements, a.rows, a.columns, *depth, dtype.type(a.amplitude), np.bool_(a.beside_rows),
            np.bool_(a.beside_columns), weights, _u(len(which)), cuts, _u(across), to, _u(pitch), old, _u(old_pitch),
            np.bool_(adds or bias is not None or start > 0), taken,
        ]  # fmt: skip
        part = functools.partial(_part, kernels, packing, arguments)
        if threads > 1:
            part(0)  # before other threads call the kernels
            run_all([part] * min(threads, (len(cuts) - 1) * across))
        else:
            part()
    return out
