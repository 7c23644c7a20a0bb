"""Vector operations of matrix products, in plain numpy."""

import numpy as np


def add_at(counts, at, number):
    """Add to a count that threads share, in one step; return the count before."""
    before = counts[int(at)]
    counts[int(at)] += number
    return before


def element(source, place, amplitude):
    """Return an element as a number; a byte or bit is multiplied by the amplitude."""
    if source.dtype == np.uint64:
        return type(amplitude)(int(source[int(place) >> 6]) >> (int(place) & 63) & 1) * amplitude
    return _read(source, place, amplitude, 1)[0]


def _read(source, place, amplitude, count):
    read = source[int(place) : int(place) + count]
    return read if read.dtype.kind == "f" else read.astype(type(amplitude)) * amplitude


def copies(count):
    """Return the function that copies this many adjacent elements."""

    def copy(out, at, source, place, amplitude):
        """Write ``source[place : place + count]`` as numbers to ``out[at : at + count]``."""
        out[int(at) : int(at) + count] = _read(source, place, amplitude, count)

    return copy


def turns(rows):
    """Return the function that transposes a square of elements, or half of one: 4 of 4 rows, or 4 of 2."""

    def turn(out, at, pitch, source, p0, p1, p2, p3, amplitude):
        """Write ``source[p : p + 4]`` of the first ``rows`` places as columns of ``out``, whose rows are ``pitch`` apart."""
        at, pitch = int(at), int(pitch)
        for r, place in enumerate((p0, p1, p2, p3)[:rows]):
            out[at + r : at + r + 4 * pitch : pitch] = _read(source, place, amplitude, 4)

    return turn


def tiles(rows, vectors, size):
    """Return the function that multiplies two panels into a tile of these rows, vectors per row and bytes per vector."""

    def tile(a, at_a, b, at_b, depth, out, at, pitch, start, at_start, start_pitch, adds):
        """Write the product of two panels, plus the tile of ``start`` if ``adds``, to a tile of ``out``.

        The panels are ``[depth, rows]`` and ``[depth, columns]``; each sum runs from the start of the depth to its end.
        """
        columns = vectors * size // a.itemsize
        at_a, at_b, depth, at, pitch, at_start, start_pitch = map(int, (at_a, at_b, depth, at, pitch, at_start, start_pitch))
        sums = np.zeros((rows, columns), a.dtype)
        for d in range(depth):
            line, weights = (x[p + d * n : p + (d + 1) * n] for x, p, n in ((a, at_a, rows), (b, at_b, columns)))
            sums += np.multiply.outer(line, weights)
        for r in range(rows):
            place = at_start + r * start_pitch
            made = start[place : place + columns] + sums[r] if adds else sums[r]
            out[at + r * pitch : at + r * pitch + columns] = made

    return tile


# In an emitted file, the functions for the processor come next.
ROWS, COLUMNS = np.uint64(4), np.uint64(8)
tile = tiles(4, 2, 16)
