"""What a matrix product does with vectors, in plain numpy."""

import numpy as np


def element(source, place, amplitude):
    """Return an element as a number; what is no float is times the amplitude."""
    place = int(place)
    if source.dtype == np.uint64:
        return type(amplitude)(int(source[place >> 6]) >> (place & 63) & 1) * amplitude
    return source[place] if source.dtype.kind == "f" else type(amplitude)(source[place]) * amplitude


def _read(source, place, amplitude, count):
    read = source[int(place) : int(place) + count]
    return read if read.dtype.kind == "f" else read.astype(type(amplitude)) * amplitude


def copies(count):
    """Make the function that copies so many elements that lie side by side."""

    def copy(out, at, source, place, amplitude):
        """Write ``source[place : place + count]`` as numbers to ``out[at : at + count]``."""
        out[int(at) : int(at) + count] = _read(source, place, amplitude, count)

    return copy


def turns(rows):
    """Make the function that writes a square of elements, or half of one, the other way round: 4 of 4 rows, or 4 of 2."""

    def turn(out, at, pitch, source, p0, p1, p2, p3, amplitude):
        """Write ``source[p : p + 4]`` of the first ``rows`` places as columns of ``out``, whose rows are ``pitch`` apart."""
        at, pitch = int(at), int(pitch)
        for r, place in enumerate((p0, p1, p2, p3)[:rows]):
            out[at + r : at + r + 4 * pitch : pitch] = _read(source, place, amplitude, 4)

    return turn


def tiles(rows, vectors, size):
    """Make the function that multiplies two panels, for so many rows and vectors of so many bytes."""

    def tile(a, at_a, b, at_b, depth, out, at, pitch, start, at_start, start_pitch, adds):
        """Write the product of two panels to a tile of ``out``, after the tile of ``start`` if it ``adds``.

        The panels are ``[depth, rows]`` and ``[depth, columns]``; each sum is made from the first of the depth to the last.
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


# An emitted file has those of the processor behind these.
ROWS, COLUMNS = np.uint64(4), np.uint64(8)
tile = tiles(4, 2, 16)
