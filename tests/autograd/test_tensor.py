"""Tensor: Python's and numpy's protocols, operators, methods, printing."""

import copy
import pickle

import numpy as np
import pytest

import autograd
from autograd import Parameter, Tensor, as_tensor, from_dlpack, grad, ops
from autograd.errors import ArgumentError, DTypeError, ShapeError

from .helpers import f64, plain, x23

ARRAY = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
OTHERS = [2.0, 3, np.float32(2), np.array([1.0, 2.0, 4.0], np.float32), [1.0, 2.0, 4.0], Tensor([[2.0], [3.0]])]


def values_of(other):
    return other.array if isinstance(other, Tensor) else np.float32(other)


@pytest.mark.parametrize("other", OTHERS, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize(
    "operate",
    [
        lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b, lambda a, b: a // b,
        lambda a, b: a % b, lambda a, b: a**b, lambda a, b: a > b, lambda a, b: a >= b, lambda a, b: a < b,
        lambda a, b: a <= b, lambda a, b: a == b, lambda a, b: a != b,
    ],
    ids=["add", "sub", "mul", "div", "floordiv", "mod", "pow", "gt", "ge", "lt", "le", "eq", "ne"],
)  # fmt: skip
def test_operators_take_numbers_and_arrays_on_either_side(operate, other):
    right, left = operate(x23(), other), operate(other, x23())
    assert type(right) is type(left) is Tensor
    np.testing.assert_allclose(right.array, operate(ARRAY, values_of(other)), rtol=1e-6)
    np.testing.assert_allclose(left.array, operate(values_of(other), ARRAY), rtol=1e-6)
    assert right.dtype == operate(ARRAY, values_of(other)).dtype


def test_matmul_operator_takes_arrays_on_either_side():
    assert np.array_equal((x23() @ ARRAY.T).array, ARRAY @ ARRAY.T)
    assert np.array_equal((ARRAY.T @ x23()).array, ARRAY.T @ ARRAY)


def test_unary_operators():
    x = f64([-1.5, 2.0])
    assert plain((-x, +x, abs(x), ~(x > 0))) == ([1.5, -2.0], [-1.5, 2.0], [1.5, 2.0], [True, False])


def test_logical_operators():
    x = f64([-1.0, 1.0, 3.0])
    assert plain(((x > 0) & (x < 2), (x > 0) | (x < -5), True & (x > 0), False | (x > 0))) == (
        [False, True, False], [False, True, True], [False, True, True], [False, True, True],
    )  # fmt: skip


def test_gradient_through_operators_with_arrays_on_either_side():
    a = np.array([2.0, 3.0])
    assert plain(grad(lambda x: a * x + x * a + a / x)(f64([1.0, 2.0]))) == [2.0, 5.25]


@pytest.mark.parametrize("two", [2, 2.0, True + 1, np.float32(2), np.float64(2), np.int64(2), np.array(2.0), Tensor(2.0)])
def test_gradient_through_operators_with_numbers_of_every_kind(two):
    assert plain(grad(lambda x: two * x + x * two + x**two)(f64(3.0))) == 10.0
    assert plain(grad(grad(lambda x: x**two / two))(f64(3.0))) == 1.0


def test_in_place_operators_rebind_and_leave_the_callers_tensor():
    v = x = Tensor([1.0, 2.0])
    v -= 1
    assert plain((v, x)) == ([0.0, 1.0], [1.0, 2.0])
    v += x
    v *= 2
    v /= 4
    assert plain((v, x)) == ([0.5, 1.5], [1.0, 2.0])


def test_a_function_that_subtracts_in_place_leaves_its_input():
    def f(v):
        v -= 1
        return v * v

    x = Tensor([1.0, 2.0])
    assert plain(grad(f)(x)) == [0.0, 2.0]
    assert plain(x) == [1.0, 2.0]


def test_assignment_to_elements_is_refused():
    with pytest.raises(DTypeError, match=r"Tensor.__setitem__: expected no assignment to a Tensor.*ops.where, ops.concat"):
        x23()[0] = 1.0


def test_a_tensor_is_a_copy_and_wrap_is_not():
    array = np.array([1.0, 2.0])
    copied, wrapped, same = Tensor(array), Tensor.wrap(array), as_tensor(array)
    array[0] = 9
    assert plain((copied, wrapped, same)) == ([1.0, 2.0], [9.0, 2.0], [9.0, 2.0])
    assert as_tensor(copied) is copied


def test_shape_attributes():
    x = x23()
    assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((2, 3), 2, 6, np.float32, 2)
    assert type(x.shape) is tuple
    assert x.T.shape == (3, 2)


def test_reading_single_values():
    assert (float(Tensor(1.0)), int(Tensor(1.7)), bool(Tensor(1.0)), Tensor([[2.5]]).item()) == (1.0, 1, True, 2.5)
    assert bool(Tensor([0])) is False
    assert ["a", "b"][Tensor(1)] == "b"
    assert f"{Tensor(1.5):.2f} {Tensor([1.5])}" == "1.50 [1.5]"


@pytest.mark.parametrize("read", [bool, float, int, Tensor.item, lambda x: x in [x + 1]])
def test_several_values_are_not_a_single_one(read):
    with pytest.raises(ArgumentError, match=r"Tensor: expected one element.*got \[2\] (Float32|Bool). Reduce it first"):
        read(Tensor([1.0, 2.0]))


def test_a_float_is_no_index():
    with pytest.raises(DTypeError, match=r"expected a whole number as an index, got \[\] Float32"):
        ["a", "b"][Tensor(1.0)]


def test_a_scalar_has_neither_length_nor_items():
    with pytest.raises(ShapeError, match=r"len: expected at least one axis, got \[\] Float32"):
        len(Tensor(1.0))
    with pytest.raises(ShapeError, match=r"ops.unstack: expected at least one axis"):
        list(Tensor(1.0))


def test_iteration_gives_tensors_that_carry_gradients():
    assert [plain(row) for row in x23()] == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert plain(grad(lambda x: sum(row * k for k, row in enumerate(x)))(x23())) == [[0.0] * 3, [1.0] * 3]


def test_hash_is_by_identity_and_equality_by_value():
    x = Tensor([1.0, 2.0])
    assert {x: 1}[x] == 1
    assert len({x, Tensor([1.0, 2.0])}) == 2
    assert (x == None, x != None, x == "a", x != "a") == (False, True, False, True)  # noqa: E711
    assert plain(x == [1.0, 3.0]) == [True, False]


def test_numpy_reads_a_tensor():
    x = x23()
    assert np.asarray(x) is x.array
    assert x.asnumpy() is x.array
    assert x.asnumpy().flags.writeable
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert np.array(x, copy=True) is not x.array
    assert np.mean(np.stack([x, x])) == 3.5


def test_dlpack_round_trip_shares_memory():
    x = x23()
    seen = np.from_dlpack(x)
    assert np.shares_memory(seen, x.array)
    assert x.__dlpack_device__() == (1, 0)
    back = from_dlpack(x)
    assert type(back) is Tensor
    assert np.shares_memory(back.array, x.array)
    assert plain(from_dlpack(np.arange(3))) == [0, 1, 2]


@pytest.mark.parametrize(
    ("method", "reference"),
    [
        (lambda x: x.sum(0), lambda a: a.sum(0)), (lambda x: x.mean(1, True), lambda a: a.mean(1, keepdims=True)),
        (lambda x: x.max(), lambda a: a.max()), (lambda x: x.min(-1), lambda a: a.min(-1)),
        (lambda x: x.argmax(1), lambda a: a.argmax(1)), (lambda x: (x > 0).all(), lambda a: (a > 0).all()),
        (lambda x: (x > 5).any(0), lambda a: (a > 5).any(0)), (lambda x: x.reshape(3, 2), lambda a: a.reshape(3, 2)),
        (lambda x: x.reshape((3, -1)), lambda a: a.reshape(3, 2)), (lambda x: x.reshape(-1), lambda a: a.ravel()),
        (lambda x: x.transpose(1, 0), lambda a: a.T), (lambda x: x.transpose((1, 0)), lambda a: a.T),
        (lambda x: x.view(-1), np.ravel), (lambda x: x.permute(1, 0), np.transpose), (lambda x: x.T, np.transpose),
        (lambda x: x.swapaxes(0, 1), np.transpose), (lambda x: x.flatten(), np.ravel),
        (lambda x: x.expand_dims(1).squeeze(), np.array), (lambda x: x.expand_dims(1).squeeze(1), np.array),
        (lambda x: x.broadcast_to((2, 2, 3)), lambda a: np.stack([a, a])),
        (lambda x: x.mean(0, keep_dims=True), lambda a: a.mean(0, keepdims=True)),
        (lambda x: x.prod(0, keep_dims=True), lambda a: a.prod(0, keepdims=True)), (lambda x: x.prod(1), lambda a: a.prod(1)),
        (lambda x: (x > 0).all(1, keep_dims=True), lambda a: (a > 0).all(1, keepdims=True)),
        (lambda x: (x > 5).any(1, keep_dims=True), lambda a: (a > 5).any(1, keepdims=True)),
        (lambda x: x.var(0, 1), lambda a: a.var(0, ddof=1)),
        (lambda x: x.std(1, keepdims=True), lambda a: a.std(1, keepdims=True)),
        (lambda x: x.argmin(1), lambda a: a.argmin(1)), (lambda x: x.cumsum(1), lambda a: a.cumsum(1)),
        (lambda x: (-x).abs(), np.abs), (lambda x: x.exp(), np.exp), (lambda x: x.log(), np.log),
        (lambda x: x.sqrt(), np.sqrt),
        (lambda x: x.square(), np.square), (lambda x: x.tanh(), np.tanh), (lambda x: x.pow(2), np.square),
        (lambda x: x.clip(2, 4), lambda a: a.clip(2, 4)), (lambda x: x.clip(max=4), lambda a: np.minimum(a, 4)),
        (lambda x: x.matmul(x.T), lambda a: a @ a.T), (lambda x: x.sigmoid(), lambda a: ops.sigmoid(a).array),
        (lambda x: x.transpose(), lambda a: a.T), (lambda x: x.astype(autograd.int32), lambda a: a.astype(np.int32)),
    ],
)  # fmt: skip
def test_methods_are_the_operations(method, reference):
    assert np.array_equal(method(x23()).array, reference(ARRAY))


def test_value_data_and_copy_stay_where_the_tensor_is_in_the_graph():
    w = Parameter([1.0, 2.0])
    assert (type(w.value()), w.data, x23().data.shape) == (Tensor, w, (2, 3))
    assert w.init_data() is w
    for read in (Tensor.value, Tensor.copy):
        assert plain(grad(lambda x, read=read: read(x) * 3)(Tensor([1.0]))) == [3.0]
        assert plain(grad(lambda x, read=read: read(w) * x, None, w)(Tensor([3.0]))) == [3.0, 3.0]
    x = Tensor([1.0])
    assert np.shares_memory(x.value().array, x.array)
    assert not np.shares_memory(x.copy().array, x.array)


def test_values_as_python_numbers():
    assert x23().tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert (x23().item((1, 0)), Tensor([1, 2]).item(1)) == (4.0, 2)


def test_ragged_lists_are_refused():
    with pytest.raises(
        ShapeError, match=r"Tensor: expected nested sequences of one length, got list \[\[1\], \[1, 2\]\]. Pad"
    ):
        Tensor([[1], [1, 2]])


def test_tensors_can_be_copied_and_pickled():
    x = x23()
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert np.array_equal(twin.array, x.array)
        assert not np.shares_memory(twin.array, x.array)


# Printing


def test_str_and_repr_are_mindspores():
    x = x23()
    text = (
        "Tensor(shape=[2, 3], dtype=Float32, value=\n"
        "[[ 1.00000000e+00,  2.00000000e+00,  3.00000000e+00],\n [ 4.00000000e+00,  5.00000000e+00,  6.00000000e+00]])"
    )
    assert str(x) == "[[1. 2. 3.]\n [4. 5. 6.]]"
    assert repr(x) == text
    assert repr((x,)) == f"({text},)"


def test_the_print_of_the_seeds_first_listing():
    x = Tensor([[0.5, 0.6, 0.4], [1.2, 1.3, 1.1]])
    y = Tensor([[0.01, 0.3, 1.1], [0.1, 0.2, 1.3], [2.1, 1.2, 3.3]])
    assert str((x + 1, y + 1)) == (
        "(Tensor(shape=[2, 3], dtype=Float32, value=\n"
        "[[ 1.50000000e+00,  1.60000002e+00,  1.39999998e+00],\n [ 2.20000005e+00,  2.29999995e+00,  2.09999990e+00]]), "
        "Tensor(shape=[3, 3], dtype=Float32, value=\n"
        "[[ 1.00999999e+00,  1.29999995e+00,  2.09999990e+00],\n [ 1.10000002e+00,  1.20000005e+00,  2.29999995e+00],\n"
        " [ 3.09999990e+00,  2.20000005e+00,  4.30000019e+00]]))"
    )


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (Tensor([1.0, -2.5]), "Tensor(shape=[2], dtype=Float32, value= [ 1.00000000e+00, -2.50000000e+00])"),
        (Tensor([1.0], "float64"), "Tensor(shape=[1], dtype=Float64, value= [ 1.00000000e+00])"),
        (Tensor([1.0], "float16"), "Tensor(shape=[1], dtype=Float16, value= [ 1.0000e+00])"),
        (Tensor([[1, 20]]), "Tensor(shape=[1, 2], dtype=Int64, value=\n[[ 1, 20]])"),
        (Tensor([True, False]), "Tensor(shape=[2], dtype=Bool, value= [ True, False])"),
        (ops.zeros((0,)), "Tensor(shape=[0], dtype=Float32, value= [])"),
    ],
)
def test_repr(tensor, text):
    assert repr(tensor) == text
