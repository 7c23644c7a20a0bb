"""Sums of gradients between loops reuse memory."""

import numpy as np

from autograd import Tensor, grad
from snn.compiled.pooled import Pooled
from snn.engine import buffers


def test_a_sum_of_gradients_takes_memory_that_was_given_back():
    a, b = np.ones((600, 600), np.float32), np.full((600, 600), 2, np.float32)
    buffers.clear()
    first = Pooled(a) + Tensor(b)
    place = first.array.ctypes.data
    del first
    again = Pooled(a) + Pooled(b)
    assert type(again) is Pooled
    assert again.array.ctypes.data == place
    np.testing.assert_array_equal(again.array, a + b)
    np.testing.assert_array_equal(a, 1)


def test_other_sums_are_those_of_tensors():
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    for other in (1.5, Tensor(a[0]), Tensor(a.astype(np.float64))):
        found, expected = Pooled(a) + other, Tensor(a) + other
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found.array, expected.array)


def test_a_sum_that_is_watched_has_a_gradient():
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = grad(lambda x: ((Pooled(a) + x) * a).sum())(Tensor(a))
    np.testing.assert_array_equal(found.array, a)
