"""Spikes as lists and products with weights as plain loops, for the kernels of the compiled mode."""

import numpy as np


def find(array, value):
    """Return where each row of ``[rows, columns]`` begins in the list, and the columns; None if something else is there."""
    start, index = [0], []
    for row in array:
        for column, element in enumerate(row):
            if element != 0 and element != value:
                return None
            if element != 0:
                index.append(column)
        start.append(len(index))
    return start, index


def by_column(array, chunk):
    """Return, for each chunk of rows and each column, the rows of its events, counted within the chunk."""
    return [
        [[r for r, row in enumerate(array[first : first + chunk]) if row[column] != 0] for column in range(array.shape[1])]
        for first in range(0, len(array), chunk)
    ]


def product(array, weight, amplitude):
    """Return ``(array != 0) * amplitude @ weight.T``."""
    out = np.zeros((len(array), len(weight)), weight.dtype)
    for r, row in enumerate(array):
        for i, element in enumerate(row):
            for o in range(len(weight)):
                out[r, o] += weight[o, i] * amplitude[i] if element != 0 else 0
    return out


def weight_gradient(array, gradient, amplitude):
    """Return what ``gradient``, by the rows of that product, gives by its weights."""
    out = np.zeros((gradient.shape[1], array.shape[1]), gradient.dtype)
    for r, row in enumerate(array):
        for i, element in enumerate(row):
            for o in range(gradient.shape[1]):
                out[o, i] += gradient[r, o] * amplitude[i] if element != 0 else 0
    return out


def sampled(gradient, weight, places):
    """Return ``gradient @ weight`` where there is a place, and zero elsewhere."""
    out = np.zeros(places.shape, gradient.dtype)
    for r, i in np.argwhere(places):
        for o in range(len(weight)):
            out[r, i] += gradient[r, o] * weight[o, i]
    return out


def joined(arrays):
    """Return the start of each row and the columns in the lists of several arrays, row by row."""
    start, index = [0], []
    for rows in zip(*arrays, strict=True):
        for row in rows:
            index += [column for column, element in enumerate(row) if element != 0]
        start.append(len(index))
    return start, index


def add_where(out, gradient, weight, flags):
    """Return ``out`` plus ``gradient @ weight`` where a flag is set."""
    return out + sampled(gradient, weight, flags)


def binned(start, p, y, x, height, width, place):
    """Count events into frames, one after another."""
    frames = np.zeros((len(start) - 1, place))
    for f in range(len(start) - 1):
        for e in range(start[f], start[f + 1]):
            frames[f, (p[e] * height + y[e]) * width + x[e]] += 1
    return frames
