"""Matrix products block by block. Each job owns a block of the result, and sums over the whole depth in a fixed order.

The emitted file defines the size of a tile, ROWS by COLUMNS. The depth is taken ``most`` at a time.
An operand is described by its flat elements, the start of each row, and the offset of each column from there. So rows may be
strided or patches of an image, and a transposed operand swaps the two.
"""

import numpy as np

from .python.lanes import njit
from .python.micro import COLUMNS, ROWS, copies, element, tile, turns

STRIP = np.uint64(16)  # rows read at once, each on its own memory page, where panels are made of parts of rows
turn_4, turn_2 = turns(4), turns(2)
copy_rows, copy_columns = copies(int(ROWS)), copies(int(COLUMNS))


# No compiled function is defined inside another function. Numba numbers functions of one name in the order in which a process
# meets them, so one from the cache could have the name of another in this process, and LLVM would link the wrong one.


@njit(error_model="numpy", nogil=True)
def pack(out, at, width, source, wide, first, count, deep, start, depth, amplitude, unit_wide, unit_deep):
    """Write ``source[wide[first + r] + deep[start + d]]`` to ``out[at + d * width + r]``, and 0 for r from count on.

    The width is ROWS or COLUMNS. If elements are adjacent along one direction, ``unit``, they are read as vectors.
    """
    one, two, four, full = np.uint64(1), np.uint64(2), np.uint64(4), count == width
    if full and unit_wide:
        if width == ROWS:
            for d in range(depth):
                copy_rows(out, at + d * width, source, wide[first] + deep[start + d], amplitude)
        else:
            for d in range(depth):
                copy_columns(out, at + d * width, source, wide[first] + deep[start + d], amplitude)
        return
    whole = depth // four * four if full and unit_deep else np.uint64(0)
    for r in range(np.uint64(0), width if whole else np.uint64(0), four):
        p0, p1 = wide[first + r] + deep[start], wide[first + r + one] + deep[start]
        if r + four <= width:
            p2, p3 = wide[first + r + two] + deep[start], wide[first + r + two + one] + deep[start]
            for d in range(np.uint64(0), whole, four):
                turn_4(out, at + d * width + r, width, source, p0 + d, p1 + d, p2 + d, p3 + d, amplitude)
        else:
            for d in range(np.uint64(0), whole, four):
                turn_2(out, at + d * width + r, width, source, p0 + d, p1 + d, p0, p1, amplitude)
    for d in range(whole, depth):
        for r in range(count):
            out[at + d * width + r] = element(source, wide[first + r] + deep[start + d], amplitude)
        for r in range(count, width):
            out[at + d * width + r] = 0


@njit(error_model="numpy", nogil=True)
def packed(lo, hi, source, wide, deep, start, end, most, amplitude, unit_wide, unit_deep, out):
    """Pack the second operand, one panel per job: ``[depths, panels, depth, COLUMNS]``."""
    n = np.uint64(len(wide))
    panels = (n + COLUMNS - np.uint64(1)) // COLUMNS
    for s in range(start, end, most):
        depth = min(most, end - s)
        strip = STRIP if unit_wide else depth
        for d in range(np.uint64(0), depth, strip):
            for panel in range(lo, hi):
                first = panel * COLUMNS
                at = (s - start) * panels * COLUMNS + first * depth + d * COLUMNS
                pack(
                    out, at, COLUMNS, source, wide, first, min(COLUMNS, n - first), deep, s + d, min(strip, depth - d),
                    amplitude, unit_wide, unit_deep,
                )  # fmt: skip


@njit(error_model="numpy", nogil=True)
def add_block(i0, i1, j0, j1, n, source, wide, deep, start, end, most, amplitude, unit_wide, unit_deep, weights, room, edge,
              out, at_out, pitch, before, at_before, before_pitch, adds):  # fmt: skip
    """Write the block of rows i0 to i1 and columns j0 to j1 of a product, plus ``before`` if ``adds``.

    ``weights`` is the packed second operand; j0 is the start of a panel. ``room`` and ``edge`` are work space. Afterwards the
    block is in the cache for the next operation.
    """
    panels = (n + COLUMNS - np.uint64(1)) // COLUMNS
    for s in range(start, end, most):
        depth = min(most, end - s)
        strip = STRIP if unit_wide else depth
        for d in range(np.uint64(0), depth, strip):
            for i in range(i0, i1, ROWS):
                pack(
                    room, (i - i0) * depth + d * ROWS, ROWS, source, wide, i, min(ROWS, i1 - i), deep, s + d,
                    min(strip, depth - d), amplitude, unit_wide, unit_deep,
                )  # fmt: skip
        for j in range(j0, j1, COLUMNS):
            panel = (s - start) * panels * COLUMNS + j * depth
            for i in range(i0, i1, ROWS):
                rows, columns = min(ROWS, i1 - i), min(COLUMNS, j1 - j)
                at, old, place, old_pitch = at_out + (i - i0) * pitch + j - j0, before, at_before, before_pitch
                place += (i - i0) * before_pitch + j - j0
                if s > start:
                    old, place, old_pitch = out, at, pitch
                whole, more = rows == ROWS and columns == COLUMNS, adds or s > start
                to, there, to_pitch = out, at, pitch
                if not whole:
                    to, there, to_pitch = edge, np.uint64(0), COLUMNS
                tile(room, (i - i0) * depth, weights, panel, depth, to, there, to_pitch, old, place, old_pitch, more and whole)
                if not whole:
                    for r in range(rows):
                        for c in range(columns):
                            made = edge[r * COLUMNS + c]
                            out[at + r * pitch + c] = old[place + r * old_pitch + c] + made if more else made


@njit(error_model="numpy", nogil=True)
def multiplied(lo, hi, source, wide, deep, start, end, most, amplitude, unit_wide, unit_deep, weights, n, down, broad,
               out, pitch, before, before_pitch, adds):  # fmt: skip
    """Multiply. A job is one of ``down`` shares of the rows, in whole tiles, and ``broad`` columns."""
    m = np.uint64(len(wide))
    across = (n + broad - np.uint64(1)) // broad
    count = (m + ROWS - np.uint64(1)) // ROWS
    room = np.empty((count + down - np.uint64(1)) // down * ROWS * most, out.dtype)
    edge = np.empty(ROWS * COLUMNS, out.dtype)
    for job in range(lo, hi):
        part, j0 = job // across, job % across * broad
        i0, i1 = count * part // down * ROWS, min(count * (part + np.uint64(1)) // down * ROWS, m)
        add_block(
            i0, i1, j0, min(j0 + broad, n), n, source, wide, deep, start, end, most, amplitude, unit_wide, unit_deep, weights,
            room, edge, out, i0 * pitch + j0, pitch, before, i0 * before_pitch + j0, before_pitch, adds,
        )  # fmt: skip
