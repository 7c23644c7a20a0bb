"""A covering set: few rows in which every two options meet."""

import itertools

import numpy as np


def pairwise(factors, seed=0):
    """Return dicts from factor to value such that each value of one factor comes with each of every other."""
    rng = np.random.default_rng(seed)
    names = list(factors)
    left = {
        ((a, i), (b, j))
        for a, b in itertools.combinations(names, 2)
        for i in range(len(factors[a]))
        for j in range(len(factors[b]))
    }
    rows = []
    while left:
        row = dict(min(left))
        for name in rng.permutation([n for n in names if n not in row]):
            new = [_new(row | {name: i}, name, names, left) for i in range(len(factors[name]))]
            row[name] = int(rng.choice(np.flatnonzero(np.array(new) == max(new))))
        left -= set(_of(row, names))
        rows.append({name: factors[name][row[name]] for name in names})
    return rows


def _of(row, names):
    return [((a, row[a]), (b, row[b])) for a, b in itertools.combinations([n for n in names if n in row], 2)]


def _new(row, name, names, left):
    return sum(pair in left for pair in _of(row, names) if name in (pair[0][0], pair[1][0]))
