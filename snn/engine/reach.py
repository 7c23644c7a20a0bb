"""Tables of a convolution: which places each place of an image reaches, and through which places of the kernel."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from autograd.dtypes import Array
from autograd.windows import Windows

__all__ = ["padded_rows", "reach", "runs_of"]


@functools.lru_cache(64)
def padded_rows(windows: Windows, size: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the row of the padded image for each row of the image, and for each row of the output and of the kernel."""
    padded = windows.padded(size)[:-1]

    def row(at: tuple[int, ...]) -> int:
        return functools.reduce(lambda found, each: found * each[1] + each[0], zip(at, padded, strict=True), 0)

    inner = [
        row(tuple(i + before for i, (before, _) in zip(at, windows.pads, strict=False))) for at in np.ndindex(*size[:-1])
    ]  # fmt: skip
    row_of = [
        row(tuple(i + d * k for i, d, k in zip(at, windows.dilation, kernel, strict=False)))
        for at in np.ndindex(*windows.counts(size)[:-1])
        for kernel in np.ndindex(*windows.kernel[:-1])
    ]
    return np.array(inner, np.uint64), np.array(row_of, np.uint64)


@functools.lru_cache(64)
def reach(windows: Windows, size: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the tables of kernel ``convolve_spikes``, with the places of the reversed kernel."""
    (height, width), (kh, kw), (rows, columns) = size, windows.kernel, windows.counts(size)
    row_of, column_of = np.full((rows, kh), height, np.uint64), np.full((width, kw), columns, np.uint64)
    for o, reached in enumerate(_reached(windows, size, 0, True)):
        for y, k in reached:
            row_of[o, kh - 1 - k] = y
    for x, reached in enumerate(_reached(windows, size, 1, False)):
        for o, k in reached:
            column_of[x, k] = o
    return row_of.reshape(-1), column_of.reshape(-1)


@functools.lru_cache(64)
def runs_of(windows: Windows, size: tuple[int, ...], joins: bool, back: bool = False) -> tuple[Array, Array, Array, Array]:
    """Return the rows and the columns that each row and column of an image reaches; kernel ``add_kernels`` defines them.

    All axes but the last are one axis of rows. Adjacent outputs meet adjacent places of the reversed kernel, so that
    contiguous weights are added to contiguous outputs; columns are joined to such runs only if ``joins``. With ``back``,
    return the rows and columns of the image for each of the output, and places of the kernel as it is.
    """
    counts = windows.counts(size)
    source, target = (counts, size) if back else (size, counts)
    *down, along = (_reached(windows, size, axis, back) for axis in range(len(size)))
    rows: list[list[tuple[int, int]]] = []
    for at in np.ndindex(*source[:-1]):
        rows.append([])
        for found in itertools.product(*(axis[i] for axis, i in zip(down, at, strict=True))):
            row = k = 0
            for (place, each), length, kernel in zip(found, target[:-1], windows.kernel[:-1], strict=True):
                row, k = row * length + place, k * kernel + each
            rows[-1].append((row, k))
    return *_runs(rows, True), *_runs(along, joins)


def _runs(reached: list[list[tuple[int, int]]], joins: bool) -> tuple[Array, Array]:
    """Return the first run of each position, and all runs: the first output, the first place of the kernel, and the length."""
    starts, runs = [0], list[list[int]]()
    for pairs in reached:
        for place, k in sorted(pairs):
            if joins and len(runs) > starts[-1] and [place, k] == [n + runs[-1][2] for n in runs[-1][:2]]:
                runs[-1][2] += 1
            else:
                runs.append([place, k, 1])
        starts.append(len(runs))
    return np.array(starts, np.uint64), np.array(runs, np.uint64).reshape(-1)


def _reached(windows: Windows, size: tuple[int, ...], axis: int, back: bool) -> list[list[tuple[int, int]]]:
    """Return, for each position along an axis, pairs of an output that it reaches and the place in the reversed kernel.

    With ``back``, return for each output pairs of an input position and the place in the kernel.
    """
    step, apart, before = windows.stride[axis], windows.dilation[axis], windows.pads[axis][0]
    count, kernel = windows.counts(size)[axis], windows.kernel[axis]
    found: list[list[tuple[int, int]]] = [[] for _ in range(count if back else size[axis])]
    for at in range(count):
        for k in range(kernel):
            i = at * step + k * apart - before
            if 0 <= i < size[axis]:
                found[at if back else i].append((i, k) if back else (at, kernel - 1 - k))
    return found
