"""Work for timing the processor's peak rate of multiplications and additions, the upper limit of any matrix product."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

__all__ = ["peak"]

TIMES = 2_000_000


@functools.cache
def _chains(vector: int, bits: int, chains: int) -> Any:
    """Make a loop of independent sums of products that stay in the registers."""
    from llvmlite import ir
    from numba import njit, types
    from numba.core import cgutils
    from numba.extending import intrinsic

    width, word = 8 * vector // bits, ir.IntType(64)
    number, kind = (ir.FloatType(), types.float32) if bits == 32 else (ir.DoubleType(), types.float64)
    lanes = ir.VectorType(number, width)

    @intrinsic
    def chained(typing: Any, x: Any, times: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, times = args
            name = f"llvm.fmuladd.v{width}f{bits}"
            tools: Any = cgutils
            multiply = tools.get_or_insert_function(builder.module, ir.FunctionType(lanes, [lanes] * 3), name)
            none, first = ir.Constant(lanes, ir.Undefined), ir.Constant(ir.IntType(32), 0)
            x = builder.insert_element(none, x, first)
            x = builder.shuffle_vector(x, none, ir.Constant(ir.VectorType(ir.IntType(32), width), None))
            before, body, end = builder.block, builder.append_basic_block("body"), builder.append_basic_block("end")
            builder.branch(body)
            builder.position_at_end(body)
            count, sums = builder.phi(word), [builder.phi(lanes) for _ in range(chains)]
            made = [builder.call(multiply, [x, x, s]) for s in sums]
            after = builder.add(count, ir.Constant(word, 1))
            count.add_incoming(ir.Constant(word, 0), before)
            count.add_incoming(after, body)
            for k, (phi, value) in enumerate(zip(sums, made, strict=True)):
                phi.add_incoming(ir.Constant(lanes, [float(k)] * width), before)
                phi.add_incoming(value, body)
            builder.cbranch(builder.icmp_unsigned("<", after, times), body, end)
            builder.position_at_end(end)
            total = functools.reduce(builder.fadd, made)
            return functools.reduce(
                builder.fadd, [builder.extract_element(total, ir.Constant(ir.IntType(32), k)) for k in range(width)]
            )

        return kind(kind, types.uint64), generate

    chain: Any = chained

    @njit(nogil=True)
    def run(x: Any, times: Any) -> Any:
        return chain(x, times)

    return run


def peak(threads: int, dtype: Any = np.float32, vector: int = 32) -> tuple[Callable[[], None], int]:
    """Return a function that only multiplies and adds, in several threads at once, and the number of these operations.

    Parameters
    ----------
    threads : int
        Number of threads.
    dtype : dtype
        float32 or float64.
    vector : int
        Bytes per vector.
    """
    bits, chains = 8 * np.dtype(dtype).itemsize, 12 if vector == 32 else 24
    run, x, pool = _chains(vector, bits, chains), np.dtype(dtype).type(0.5), ThreadPoolExecutor(threads)
    run(x, np.uint64(1))

    def work() -> None:
        list(pool.map(lambda _: run(x, np.uint64(TIMES)), range(threads)))

    return work, threads * TIMES * chains * 2 * (8 * vector // bits)
