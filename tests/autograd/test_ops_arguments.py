"""Indexing, shapes and products: arguments of numpy users, and errors."""

import numpy as np
import pytest

from autograd import Tensor, grad, ops
from autograd.errors import DTypeError, GradientError, ShapeError

from .helpers import f64, plain, x23


def test_add_of_too_many_tensors_is_refused():
    with pytest.raises(TypeError, match="too many positional arguments"):
        ops.add(1.0, 2.0, 3.0)


def test_an_option_given_twice_is_refused():
    with pytest.raises(TypeError, match="multiple values for argument 'axis'"):
        ops.sum(x23(), 0, axis=1)


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="dim"):
        ops.sum(x23(), dim=0)


def test_options_may_come_by_position():
    assert ops.sum(x23(), 0, True).shape == (1, 3)
    assert plain(grad(lambda x: ops.sum(x, 1, True) * 2)(x23())) == [[2.0] * 3] * 2


def test_an_operation_says_what_it_is():
    assert repr(ops.relu) == "<operation relu>"
    assert ops.relu.__name__ == "relu"
    assert ops.relu.__doc__.startswith("Rectifier")


def test_an_operation_kept_as_a_class_attribute_stays_a_function():
    class Holder:
        activation = ops.relu

    assert Holder().activation([-1.0, 2.0]).array.tolist() == [0.0, 2.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.add(np.ones((2, 3)), Tensor(np.ones(4))),
         r"ops.add: expected shapes that broadcast together, got ndarray \[2, 3\] Float64 and \[4\] Float64. Reshape"),
        (lambda: x23() @ x23(),
         r"ops.matmul: expected inner dimensions that agree.*got \[2, 3\] Float32 and \[2, 3\] Float32"),
        (lambda: ops.matmul(x23(), 2.0), r"ops.matmul: expected inner dimensions that agree"),
        (lambda: ops.matmul([1.0, 2.0], [1.0, 2.0, 3.0]), r"ops.matmul: expected inner dimensions that agree"),
        (lambda: ops.MatMul(transpose_a=True)([1.0], [1.0]), r"ops.swapaxes: expected axes -1 and -2, got \[1\] Float32"),
        (lambda: ops.reshape(x23(), (4, 2)), r"ops.reshape: expected as many elements as the new shape has, got \[2, 3\]"),
        (lambda: ops.sum(x23(), 2), r"ops.sum: expected axes that the input has, got \[2, 3\] Float32"),
        (lambda: ops.mean(x23(), (0, 5)), r"ops.sum: expected axes that the input has"),
        (lambda: ops.cumsum(x23(), 2), r"ops.cumsum: expected axes that the input has"),
        (lambda: ops.max(np.zeros(0)), r"ops.max: expected a non-empty input and axes that it has, got ndarray \[0\]"),
        (lambda: ops.transpose(x23(), (0, 0)), r"ops.transpose: expected a permutation of the axes"),
        (lambda: ops.swapaxes(x23(), 0, 2), r"ops.swapaxes: expected axes 0 and 2, got \[2, 3\] Float32. Name axes"),
        (lambda: ops.squeeze(x23(), 0), r"ops.squeeze: expected axes of length 1, got \[2, 3\]"),
        (lambda: ops.expand_dims(x23(), 5), r"ops.expand_dims: expected an axis within the new number of axes"),
        (lambda: ops.broadcast_to(x23(), (3, 2)), r"ops.broadcast_to: expected a shape that broadcasts"),
        (lambda: ops.flip(x23(), 2), r"ops.flip: expected axes that the input has"),
        (lambda: ops.stack([x23(), [1.0]]), r"ops.stack: expected tensors of one shape, got \[2, 3\] Float32 and"),
        (lambda: ops.stack([]), r"ops.stack: expected at least one tensor, got none. Check the list"),
        (lambda: ops.concat([x23(), np.ones((2, 2))]), r"ops.concat: expected shapes that are equal except along the"),
        (lambda: ops.concat([x23(), x23()], 2), r"ops.concat: expected shapes that are equal except along the"),
        (lambda: ops.concat([1.0, 2.0]), r"ops.concat: expected shapes that are equal except along the"),
        (lambda: ops.split(x23(), 2, 1), r"ops.split: expected parts of equal size along the axis, got \[2, 3\]"),
        (lambda: ops.unstack(1.0), r"ops.unstack: expected at least one axis, got \[\] Float32"),
        (lambda: ops.unstack(x23(), 2), r"ops.unstack: expected an axis that the input has"),
        (lambda: ops.pad(x23(), ((1, 1), (1, 1), (1, 1))), r"ops.pad: expected \(before, after\) for each of 2 axes"),
        (lambda: ops.pad(x23(), 1.5), r"ops.pad: expected \(before, after\) for each of 2 axes, got 1.5"),
        (lambda: ops.pad(x23(), -1), r"ops.pad: expected one pair \(before, after\) for each axis"),
        (lambda: ops.gather(x23(), [0], axis=2), r"ops.gather: expected an axis of the input, \[2, 3\].*got axis 2"),
        (lambda: ops.einsum("ij,jk", x23()), r"ops.einsum: expected 2 inputs for 'ij,jk', got 1. Name the axes"),
        (lambda: ops.einsum("ijk", x23()), r"ops.einsum: expected 3 axes for 'ijk', got \[2, 3\]"),
        (lambda: ops.einsum("i", x23()), r"ops.einsum: expected 1 axes for 'i', got \[2, 3\]"),
        (lambda: ops.einsum("ij,ij->ij", x23(), np.ones((2, 2))), r"ops.einsum: expected inputs whose axes have the len"),
        (lambda: ops.einsum("...i,...i->i", x23(), x23()), r"ops.einsum: expected '...' on the right as well"),
        (lambda: ops.pow(np.array([2]), -1), r"ops.pow: expected .*a floating base where an exponent is negative"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused_by_name(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.add(1.0, None), r"ops.add: expected a Tensor, an array or a number as input 1, got NoneType None"),
        (lambda: x23() + "a", r"ops.add: expected a Tensor, an array or a number as input 1, got str 'a'. Wrap data"),
        (lambda: ops.relu(ops.relu), r"ops.relu: expected a Tensor.* as input 0, got Primitive <operation relu>"),
        (lambda: ops.relu({}), r"ops.relu: expected a Tensor.* as input 0, got dict"),
        (lambda: ops.relu(1j), r"ops.relu: expected numbers or an array of them, got complex 1j"),
        (lambda: ops.cast(1.0, "complex64"), r"ops.cast: expected a bool, int or float dtype, got dtype complex64"),
        (lambda: ops.cast(1.0, "nonsense"), r"ops.cast: expected a bool, int or float dtype"),
        (lambda: ops.zeros(2, "str"), r"ops.zeros: expected a bool, int or float dtype"),
        (lambda: ops.gather(x23(), [0.5]), r"ops.gather: expected whole numbers as indices, got list \[0.5\]"),
        (lambda: ops.one_hot([0.5], 3), r"ops.one_hot: expected whole numbers as indices"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_by_name(call, message):
    with pytest.raises(DTypeError, match=message):
        call()


def test_a_list_of_tracked_tensors_is_refused_instead_of_losing_their_gradient():
    with pytest.raises(GradientError, match=r"ops.sum: expected a Tensor or numbers, got a list with Tensors.*ops.stack"):
        grad(lambda x: ops.sum([x[0] * 2, x[1]]))(f64([1.0, 2.0]))
    assert plain(grad(lambda x: ops.sum(ops.stack([x[0] * 2, x[1]])))(f64([1.0, 2.0]))) == [2.0, 1.0]


def test_a_list_of_constant_tensors_is_a_tensor():
    assert plain(ops.sum([Tensor(1.0), Tensor(2.0)])) == 3.0


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_index_by_tensors(dtype):
    index = Tensor([1, 0, 1], dtype)
    assert plain(x23()[index]) == [[4.0, 5.0, 6.0], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert plain(grad(lambda x: x[index])(x23())) == [[1.0] * 3, [2.0] * 3]
    assert plain(grad(lambda x: x[Tensor(1), index])(x23())) == [[0.0] * 3, [1.0, 2.0, 0.0]]


def test_index_by_a_mask_of_tensors():
    x = x23()
    assert plain(x[x > 3]) == [4.0, 5.0, 6.0]
    assert plain(grad(lambda v: v[v > 3] * v[v > 3])(x)) == [[0.0] * 3, [8.0, 10.0, 12.0]]


def test_first_row_as_in_the_behaviour_table():
    assert plain(grad(lambda x: x[0] * 3)(x23())) == [[3.0] * 3, [0.0] * 3]


def test_gradients_of_overlapping_pieces_add_up():
    assert plain(grad(lambda x: x[:2] + x[1:] + x[[1, 1]])(f64([1.0, 2.0, 3.0]))) == [1.0, 4.0, 1.0]


def test_an_index_out_of_range_is_an_index_error():
    with pytest.raises(IndexError, match="out of bounds"):
        x23()[5]


def test_one_hot():
    assert plain(ops.one_hot([0, 2], 3)) == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    assert ops.one_hot([0], 3, dtype="float64").dtype == np.float64
    assert plain(ops.one_hot([[1]], 2, on_value=5, off_value=-1)) == [[[-1.0, 5.0]]]
    with pytest.raises(IndexError, match=r"ops.one_hot: expected indices in \[0, 3\), got -1 to 1"):
        ops.one_hot([1, -1], 3)


@pytest.mark.parametrize(
    ("call", "want"),
    [
        (lambda x: ops.split(x, 2), lambda x: np.split(x, 2)), (lambda x: ops.unstack(x), list),
        (lambda x: ops.stack([x, x]), lambda x: np.stack([x, x])),
        (lambda x: ops.concat([x, x]), lambda x: np.concatenate([x, x])),
        (lambda x: ops.gather(x, [1, 0]), lambda x: x[[1, 0]]), (lambda x: ops.flatten(x[None]), lambda x: x.reshape(1, 6)),
        (lambda x: ops.pad(x, 1), lambda x: np.pad(x, 1)), (lambda x: ops.transpose(x), np.transpose),
        (lambda x: ops.squeeze(x[None]), lambda x: x), (lambda x: ops.flip(x), np.flip), (lambda x: ops.clip(x), lambda x: x),
        (lambda x: ops.softmax(x * 0), lambda x: np.full((2, 3), 1 / 3)),
        (lambda x: ops.log_softmax(x * 0), lambda x: np.full((2, 3), -np.log(3))),
    ],
)  # fmt: skip
def test_options_left_out_are_numpys_or_the_last_axis(call, want):
    out, array = call(f64(x23())), x23().array
    got = [o.array for o in out] if isinstance(out, tuple) else out.array
    np.testing.assert_allclose(got, want(array), rtol=1e-15)
    assert np.shape(got) == np.shape(want(array))


@pytest.mark.parametrize("shape", [(2,), (1, 1, 3), (4, 2, 3)])
def test_a_size_to_sum_to_is_one_that_broadcasts(shape):
    with pytest.raises(ShapeError, match=r"ops.sum_to_size: expected a shape that broadcasts to \[2, 3\], got \["):
        ops.sum_to_size(x23(), shape)


def test_creation():
    assert plain((ops.zeros((2,)), ops.ones((1, 2)), ops.zeros_like(x23()), ops.ones_like([1, 2]))) == (
        [0.0, 0.0], [[1.0, 1.0]], [[0.0] * 3] * 2, [1, 1],
    )  # fmt: skip
    assert [t.dtype.name for t in (ops.zeros(1), ops.ones(1, "int32"), ops.ones_like([1]))] == ["float32", "int32", "int64"]


def test_matrices_and_ranges_of_given_values():
    made = [
        ops.full((2,), 1.5),
        ops.full((1, 2), 3),
        ops.full(2, True),
        ops.full(2, 1, "float64"),
        ops.eye(2),
        ops.eye(1, 2, "int8"),
    ]
    assert plain(made) == [[1.5, 1.5], [[3, 3]], [True, True], [1.0, 1.0], [[1.0, 0.0], [0.0, 1.0]], [[1, 0]]]
    assert [t.dtype.name for t in made] == ["float32", "int64", "bool", "float64", "float32", "int8"]
    made = [ops.arange(3), ops.arange(1, 4, 2), ops.arange(0, 1, 0.5), ops.arange(2, dtype="float64")]
    assert plain(made) == [[0, 1, 2], [1, 3], [0.0, 0.5], [0.0, 1.0]]
    assert [t.dtype.name for t in made] == ["int64", "int64", "float32", "float64"]
