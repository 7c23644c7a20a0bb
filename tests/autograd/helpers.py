"""Helpers that several test files share."""

import numpy as np

from autograd import Cell, Parameter, Tensor, tree


def f64(values):
    """Return a float64 Tensor."""
    return Tensor(np.array(values, dtype=np.float64))


def x23():
    """Return the input of most cases of the behaviour table."""
    return Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def y23():
    """Return the second input of most cases of the behaviour table."""
    return Tensor([[2.0, 2.0, 2.0], [3.0, 3.0, 3.0]])


def plain(values):
    """Turn every Tensor in a structure into nested lists; containers stay what they are."""
    return tree.map_leaves(lambda leaf: leaf.array.tolist() if isinstance(leaf, Tensor) else leaf, values)


def shapes_and_dtypes(values):
    return [(leaf.shape, str(leaf.dtype)) for leaf in tree.leaves(values)]


def numeric_gradient(fn, arrays, eps=1e-6):
    """Differentiate a numpy function that returns a number by central differences, element by element."""
    gradients = []
    for i, array in enumerate(arrays):
        gradient = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            up, down = [a.copy() for a in arrays], [a.copy() for a in arrays]
            up[i][index] += eps
            down[i][index] -= eps
            gradient[index] = (fn(*up) - fn(*down)) / (2 * eps)
        gradients.append(gradient)
    return gradients


class Linear(Cell):
    """``x w + y b``, the network of the behaviour table."""

    def __init__(self):
        super().__init__()
        self.w = Parameter([1.0, 2.0, 3.0])
        self.b = Parameter([1.0, 1.0, 1.0])

    def construct(self, x, y):
        return x * self.w + y * self.b


DX = [[1.0, 2.0, 3.0]] * 2


def full(value):
    return [[value] * 3] * 2


class Weighted(Cell):
    """``construct`` uses the weight; ``bprop`` gives no gradient for it."""

    def __init__(self):
        super().__init__()
        self.w = Parameter([1.0, 2.0, 3.0])

    def construct(self, x):
        return x * self.w

    def bprop(self, x, out, dout):
        return (dout * 10,)
