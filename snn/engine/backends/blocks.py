"""Matrix products block by block. One thread writes each block of the result, and sums over the depth in a fixed order.

The emitted file defines the size of a tile, ROWS by COLUMNS. The depth is taken ``most`` at a time.
An operand is described by its flat elements, the start of each row, and the offset of each column from there. So rows may be
strided or patches of an image, and a transposed operand swaps the two.
"""

import numpy as np

from .python.lanes import njit
from .python.micro import COLUMNS, ROWS, add_at, copies, element, tile, turns

PATIENCE = np.uint64(10_000)  # attempts, which together take less time than a scheduler gives to another thread
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
def packed(lo, hi, source, wide, deep, start, end, most, amplitude, unit_wide, unit_deep, out, taken):
    """Pack the second operand, ``[depths, panels, depth, COLUMNS]``, together with the other threads that call it.

    Each thread takes the next part, counted by ``taken[0]``, until none is left, and returns when ``taken[1]`` counts all as
    packed. If another thread takes long, it packs all parts itself: the values are the same. Where columns are side by side, a
    part is a strip of a depth of all panels; else it is one panel of a whole depth.
    """
    n, none, one = np.uint64(len(wide)), np.uint64(0), np.uint64(1)
    panels = (n + COLUMNS - one) // COLUMNS
    strip, broad = (STRIP, panels) if unit_wide else (most, one)
    strips, groups = (most + strip - one) // strip, panels // broad
    parts, tries, again = (end - start + most - one) // most * strips * groups, none, none
    while lo < hi:
        part = add_at(taken, none, one)
        if part >= parts:
            while tries < PATIENCE and add_at(taken, one, none) < parts:
                tries += one
            if tries < PATIENCE or again == parts:
                return
            part, again = again, again + one
        s, d, first = start + part // (strips * groups) * most, part // groups % strips * strip, part % groups * broad
        depth = min(most, end - s)
        for panel in range(first, first + broad if d < depth else first):
            j = panel * COLUMNS
            pack(
                out, ((s - start) * panels + d) * COLUMNS + j * depth, COLUMNS, source, wide, j, min(COLUMNS, n - j), deep,
                s + d, min(strip, depth - d), amplitude, unit_wide, unit_deep,
            )  # fmt: skip
        add_at(taken, one, none if again else one)


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
def multiplied(lo, hi, source, wide, deep, start, end, most, amplitude, unit_wide, unit_deep, weights, n, cuts, across,
               out, pitch, before, before_pitch, adds, taken):  # fmt: skip
    """Multiply, together with the other threads that call it.

    Each thread takes the next block, counted by ``taken[2]``, until none is left. Blocks are the rows between ``cuts``, in
    tiles, the largest first, and one of ``across`` shares of the columns.
    """
    if lo == hi:
        return
    m, two, one = np.uint64(len(wide)), np.uint64(2), np.uint64(1)
    blocks, panels = (np.uint64(len(cuts)) - one) * across, (n + COLUMNS - one) // COLUMNS
    room, edge = np.empty(cuts[one] * ROWS * most, out.dtype), np.empty(ROWS * COLUMNS, out.dtype)
    block = add_at(taken, two, one)
    while block < blocks:
        part, share = block // across, block % across
        i0, i1 = cuts[part] * ROWS, min(cuts[part + one] * ROWS, m)
        j0, j1 = panels * share // across * COLUMNS, min(panels * (share + one) // across * COLUMNS, n)
        add_block(
            i0, i1, j0, j1, n, source, wide, deep, start, end, most, amplitude, unit_wide, unit_deep, weights, room, edge,
            out, i0 * pitch + j0, pitch, before, i0 * before_pitch + j0, before_pitch, adds,
        )  # fmt: skip
        block = add_at(taken, two, one)
