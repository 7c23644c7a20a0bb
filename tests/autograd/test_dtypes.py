"""Dtypes of results: the input's, with Python scalars weak. Most cases are the behaviour table's U_*."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import Tensor, grad, ops
from autograd.dtypes import describe, promote
from autograd.errors import ArgumentError, DTypeError

from .helpers import f64, plain, x23
from .op_cases import CASES

FLOATS = ["float16", "float32", "float64"]


def t(values, dtype):
    return Tensor(values, dtype)


I32, F16, F32, F64 = t([1, 2], "int32"), t([1.0, 2.0], "float16"), t([1.0, 2.0], "float32"), t([1.0, 2.0], "float64")
BOOL = F32 > 1


@pytest.mark.parametrize(
    ("compute", "dtype", "values"),
    [
        pytest.param(lambda: I32 * 0.5, "float32", [0.5, 1.0], id="i32*0.5"),
        pytest.param(lambda: I32 / I32, "float32", [1.0, 1.0], id="i32/i32"),
        pytest.param(lambda: I32 / 2, "float32", [0.5, 1.0], id="i32/2"),
        pytest.param(lambda: 2 / I32, "float32", [2.0, 1.0], id="2/i32"),
        pytest.param(lambda: F16 + F32, "float32", [2.0, 4.0], id="f16+f32"),
        pytest.param(lambda: F32 * 2, "float32", [2.0, 4.0], id="f32*2"),
        pytest.param(lambda: F16 * 2.5, "float16", [2.5, 5.0], id="f16*2.5"),
        pytest.param(lambda: I32 + F16, "float16", [2.0, 4.0], id="i32+f16"),
        pytest.param(lambda: F32 > 0, "bool", [True, True], id="f32>0"),
        pytest.param(lambda: 1 - F32, "float32", [0.0, -1.0], id="1-f32"),
        pytest.param(lambda: BOOL + F32, "float32", [1.0, 3.0], id="bool+f32"),
        pytest.param(lambda: BOOL * 2, "int64", [0, 2], id="bool*2"),
        pytest.param(lambda: BOOL * 2.0, "float32", [0.0, 2.0], id="bool*2.0"),
        pytest.param(lambda: BOOL + BOOL, "bool", [False, True], id="bool+bool"),
        pytest.param(lambda: I32 // 2, "int32", [0, 1], id="i32//2"),
        pytest.param(lambda: I32 % 2, "int32", [1, 0], id="i32%2"),
        pytest.param(lambda: F32 % 2, "float32", [1.0, 0.0], id="f32%2"),
        pytest.param(lambda: -F32, "float32", [-1.0, -2.0], id="-f"),
        pytest.param(lambda: F32**2, "float32", [1.0, 4.0], id="f**2"),
        pytest.param(lambda: I32**2, "int32", [1, 4], id="i**2"),
        pytest.param(lambda: I32 * True, "int32", [1, 2], id="i32*True"),
        pytest.param(lambda: F32 == F32, "bool", [True, True], id="f32==f32"),
        pytest.param(lambda: F32 == 1, "bool", [True, False], id="f32==1"),
        pytest.param(lambda: F32[0], "float32", 1.0, id="f[0]"),
        pytest.param(lambda: F32.sum(), "float32", 3.0, id="f.sum"),
        pytest.param(lambda: I32.sum(), "int64", 3, id="i.sum"),
        pytest.param(lambda: (F32 > 0).sum(), "int64", 2, id="bool.sum"),
        pytest.param(lambda: I32.mean(), "float32", 1.5, id="i.mean"),  # MindSpore: a truncated Int32
        pytest.param(lambda: BOOL.mean(), "float32", 0.5, id="bool.mean"),
        pytest.param(lambda: ops.var(I32), "float32", 0.25, id="i.var"),
        pytest.param(lambda: F32.mean(), "float32", 1.5, id="f.mean"),
        pytest.param(lambda: F16.sum(), "float16", 3.0, id="f16.sum"),
        pytest.param(lambda: F32.astype("int32"), "int32", [1, 2], id="astype str"),
        pytest.param(lambda: F64 + F32, "float64", [2.0, 4.0], id="f64+f32"),
        pytest.param(lambda: t([1], "int64") + t([1], "int32"), "int64", [2], id="i64+i32"),
        pytest.param(lambda: t([1], "uint8") + t([1], "int8"), "int16", [2], id="u8+i8"),
        pytest.param(lambda: F32 + t([1, 1], "int64"), "float32", [2.0, 3.0], id="f32+i64"),
        pytest.param(lambda: F32 * np.array([1, 2]), "float32", [1.0, 4.0], id="f32*np i64"),
        pytest.param(lambda: F32 * np.array([1.0, 2.0]), "float64", [1.0, 4.0], id="f32*np f64"),
        pytest.param(lambda: np.array([1.0, 2.0]) * F32, "float64", [1.0, 4.0], id="np f64*f32"),
        pytest.param(lambda: F32 * np.float64(2), "float32", [2.0, 4.0], id="f32*np scalar"),
        pytest.param(lambda: np.float64(2) * F32, "float32", [2.0, 4.0], id="np scalar*f32"),
        pytest.param(lambda: F16 * np.float32(2), "float16", [2.0, 4.0], id="f16*np scalar"),
        pytest.param(lambda: I32 + np.int64(2), "int32", [3, 4], id="i32+np scalar"),
        pytest.param(lambda: I32 + np.float64(0.5), "float32", [1.5, 2.5], id="i32+np float scalar"),
        pytest.param(lambda: ops.greater(I32, 1.5), "bool", [False, True], id="greater i32,1.5"),
        pytest.param(lambda: ops.where(BOOL, 1, 0), "int64", [0, 1], id="where ints"),
        pytest.param(lambda: ops.where(BOOL, 1, 0.5), "float32", [0.5, 1.0], id="where int and float"),
        pytest.param(lambda: ops.where(BOOL, F64, 0), "float64", [0.0, 2.0], id="where f64"),
        pytest.param(lambda: ops.where(F64, F32, I32), "float32", [1.0, 2.0], id="where, condition does not count"),
        pytest.param(lambda: ops.exp(t([0], "int64")), "float32", [1.0], id="exp int"),
        pytest.param(lambda: ops.sigmoid([0, 0]), "float32", [0.5, 0.5], id="sigmoid list of ints"),
        pytest.param(lambda: ops.softmax(t([True, True], "bool")), "float32", [0.5, 0.5], id="softmax bool"),
        pytest.param(lambda: ops.add(1, 2), "int64", 3, id="Python ints alone"),
        pytest.param(lambda: ops.add(1, 2.0), "float32", 3.0, id="Python float and int"),
        pytest.param(lambda: ops.concat([F32, F64]), "float64", [1.0, 2.0] * 2, id="concat"),
        pytest.param(lambda: ops.stack([F16, F32]), "float32", [[1.0, 2.0]] * 2, id="stack"),
        pytest.param(lambda: F16 @ F32, "float32", 5.0, id="matmul"),
        pytest.param(lambda: ops.clip(F16, 1.5), "float16", [1.5, 2.0], id="clip"),
    ],
)
def test_result_of_mixed_dtypes(compute, dtype, values):
    result = compute()
    assert result.dtype == dtype
    assert plain(result) == values


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.0, "float32"), (1, "int64"), (True, "bool"), ([1, 2], "int64"), ([1.0, 2.0], "float32"), ([1, 2.0], "float32"),
        ([[True]], "bool"), (np.array([1.0]), "float64"), (np.array([1], np.int32), "int32"), (np.float64(1), "float64"),
        (np.float16(1), "float16"), (np.uint8([1]), "uint8"), (F16, "float16"), ([], "float32"),
    ],
)  # fmt: skip
def test_dtype_of_a_new_tensor(value, dtype):
    assert Tensor(value).dtype == dtype


@pytest.mark.parametrize("name", [*FLOATS, "int8", "int16", "int32", "int64", "uint8", "bool_"])
def test_dtypes_are_names_of_the_package(name):
    dtype = getattr(autograd, name)
    assert Tensor([1, 0], dtype).dtype == dtype
    assert dtype == np.dtype(name)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", [c for c in CASES if c.op not in ("cast", "astype")], ids=str)
@given(data=st.data())
def test_every_operation_and_its_gradient_keep_the_dtype(case, dtype, data):
    arrays, options = data.draw(case.inputs)
    tensors = [Tensor(a, dtype) for a in arrays]
    with np.errstate(all="ignore"):  # a float16 is soon too small
        out = case(*tensors, **options)
        gradients = grad(lambda *xs: case(*xs, **options), tuple(range(len(tensors))))(*tensors)
    assert {str(o.dtype) for o in (out if isinstance(out, tuple) else (out,))} <= {dtype}
    assert [(g.shape, g.dtype) for g in gradients] == [(x.shape, x.dtype) for x in tensors]


FRACTIONS = ["div", "sqrt", "exp", "log", "log1p", "sin", "cos", "atan", "tanh", "erf", "sigmoid", "softmax", "log_softmax",
             "mean", "var", "std", "logsumexp", "gelu", "cross_entropy"]  # fmt: skip
CALLS = {"div": lambda x: x / x, "cross_entropy": lambda x: ops.cross_entropy(x[None], np.array([0]))}


def test_every_operation_that_asks_for_floats_is_listed():
    assert {name for name in ops.__all__ if getattr(getattr(ops, name), "floating", False)} <= set(FRACTIONS)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "int64", "uint8"])
@pytest.mark.parametrize("name", FRACTIONS)
def test_whole_numbers_become_float32_where_fractions_come_out(name, dtype):
    x = Tensor([1, 1, 1], dtype)
    out = CALLS.get(name, getattr(ops, name))(x)
    assert out.dtype == np.float32
    want = CALLS.get(name, getattr(ops, name))(f64(np.ones(3)))
    np.testing.assert_allclose(out.array, want.array, rtol=1e-6)


def test_gradients_of_mixed_dtypes_are_each_of_their_inputs_dtype():
    gradients = grad(lambda a, b, c: (a * b + c).sum(), (0, 1, 2))(F16, F32, F64)
    assert [str(g.dtype) for g in gradients] == FLOATS
    assert plain(gradients) == ([1.0, 2.0], [1.0, 2.0], [1.0, 1.0])


def test_a_cast_in_the_middle_leaves_the_gradients_dtype():
    assert grad(lambda x: x.astype("float16") * 2)(x23()).dtype == np.float32


def test_promote_is_symmetric_and_never_widens_a_float_for_a_whole_number():
    kinds = [np.dtype(d) for d in [*FLOATS, "int8", "int64", "uint8", "bool"]]
    for a in kinds:
        for b in kinds:
            assert promote(a, b) == promote(b, a)
            if a.kind == "f" and b.kind != "f":
                assert promote(a, b) == a


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (x23(), "[2, 3] Float32"),
        (np.zeros((1,)), "ndarray [1] Float64"),
        (3, "int 3"),
        ("a" * 99, "str '" + "a" * 56 + "..."),
        (None, "NoneType None"),
        ([x23(), 1], "list of [2, 3] Float32, int 1"),
        ((np.zeros(2),) * 9, "tuple of ndarray [2] Float64, ndarray [2] Float64, ndarray [2] ..."),
    ],
)
def test_describe(value, text):
    assert describe(value) == text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Tensor("abc"),
            r"Tensor: expected numbers or an array of them, got str 'abc'. Convert the text first",
        ),
        (lambda: Tensor(None), r"Tensor: expected numbers or an array of them, got NoneType None"),
        (lambda: Tensor(1j), r"Tensor: expected numbers or an array of them, got complex 1j"),
        (lambda: Tensor(1, "datetime64[s]"), r"Tensor: expected a bool, int or float dtype, got dtype datetime64"),
        (lambda: Tensor(1, int).astype(object), r"ops.cast: expected a bool, int or float dtype"),
    ],
)
def test_other_dtypes_are_refused(make, message):
    with pytest.raises(DTypeError, match=message):
        make()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64"])
def test_floats_become_whole_numbers_as_cast_makes_them(dtype):
    """A number beyond the range becomes its nearest bound, and NaN becomes 0, wherever a dtype can be named."""
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    values, right = [-1e30, -1.9, 2.7, 1e30, np.inf, -np.inf, np.nan], [low, max(low, -1), 2, high, high, low, 0]
    for made in (
        Tensor(values, dtype), Tensor(np.array(values), dtype), Tensor(Tensor(values), dtype), Tensor(values).astype(dtype),
        ops.stack([ops.full((), value, dtype) for value in values]),
    ):  # fmt: skip
        assert made.dtype == dtype
        assert made.tolist() == right
    assert ops.full((2,), -1.5, dtype).tolist() == [max(low, -1)] * 2
    assert ops.arange(-1.5, 1.0, dtype=dtype).tolist() == [max(low, -1), 0, 0]
    assert ops.one_hot([0], 2, 1e30, -1e30, dtype).tolist() == [[high, low]]


@pytest.mark.parametrize("make", [Tensor, lambda values, dtype: ops.full((2,), values, dtype)], ids=["Tensor", "full"])
@pytest.mark.parametrize(("value", "dtype"), [(300, "uint8"), (-1, "uint8"), (128, "int8"), (2**40, "int32")])
def test_a_python_int_that_does_not_fit_is_refused(make, value, dtype):
    with pytest.raises(ArgumentError, match=rf"expected numbers from -?\d+ to \d+, the range of {dtype}, got {value}\."):
        make(value, dtype)


def test_whole_numbers_of_an_array_wrap_as_those_of_numpy():
    assert Tensor(np.array([300, -1]), "uint8").tolist() == Tensor([300, -1]).astype("uint8").tolist() == [44, 255]


@pytest.mark.parametrize(
    "make",
    [
        lambda dtype: Tensor([1.0], dtype), lambda dtype: Tensor(np.ones(1, dtype)), lambda dtype: Tensor([1.0]).astype(dtype),
        lambda dtype: ops.zeros((2,), dtype), lambda dtype: ops.full((2,), 1, dtype), lambda dtype: ops.eye(2, dtype=dtype),
    ],
)  # fmt: skip
def test_every_tensor_has_the_byte_order_of_this_machine(make):
    for order in "<>":
        assert make(np.dtype("f4").newbyteorder(order)).dtype == autograd.float32
