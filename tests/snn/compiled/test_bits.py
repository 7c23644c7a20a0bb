"""Bits that a compiled run could lose unnoticed: signs of zeros, values out of range, silent inputs."""

import warnings

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, float16, grad, nn, ops
from autograd.errors import CompileError, DTypeError
from snn.engine.backends import back_end
from snn.spikes import Spikes
from tests.snn.helpers.arithmetic import difference
from tests.snn.helpers.compare import assert_as_eager, everything

MODES = ["python", "compiled"]
TWO = np.int8(2)
X = np.random.default_rng(0).normal(0.4, 1.5, (7, 3, 70)).astype(np.float32)


class Of(Cell):
    """Hands on a function of its membrane, which adds up its input."""

    def __init__(self, fn, **parameters):
        super().__init__()
        self.fn = fn
        for name, value in parameters.items():
            setattr(self, name, Parameter(value))

    def construct(self, x, v):
        v = v * 0.5 + x
        return self.fn(v), v


def out(net, x, mode):
    with np.errstate(all="ignore"):
        return snn.run(net, x, mode=mode)[0]


def assert_same_bits(net, x, mode):
    want, got = out(net, x, "eager").array, out(net, x, mode).array
    assert want.any()
    assert not difference(got, want)
    return got


# Whole numbers

BOOLS_AND_INTS = {
    "the example": lambda v: ((v > 1) * 2).astype(v.dtype),
    "+": lambda v: ((v > 1) + 2).astype(v.dtype),
    "-": lambda v: (1 - 2 * (v > 1)).astype(v.dtype),
    "//": lambda v: (7 // ((v > 1) + 2)).astype(v.dtype),
    "%": lambda v: ((v > 1) % 3 * 5 % 4).astype(v.dtype),
    "**": lambda v: (3 ** (v > 1)).astype(v.dtype),
    "==": lambda v: ((v > 1) == 2).astype(v.dtype) + ((v > 1) != 2) * v,
    "<": lambda v: ((v > 1) < 2) * v + ((v > 1) >= -1),
    "maximum": lambda v: ops.maximum(v > 1, 3) * v,
    "minimum": lambda v: ops.minimum(v > 1, -3) * v,
    "where": lambda v: ops.where(v > 0, v > 1, 2).astype(v.dtype),
    "clip": lambda v: ops.clip(v > 1, -3, -2) * v,
    "uint8": lambda v: (v > 1).astype("uint8") * v + ((v > 1).astype("uint8") > -1),
    "numpy's": lambda v: ((v > 1) * TWO).astype(v.dtype),
    "True": lambda v: (v.astype("int8") + True).astype(v.dtype),
    "float": lambda v: (v.astype("int8") * 0.5) * v,
}


@pytest.mark.parametrize("fn", BOOLS_AND_INTS.values(), ids=BOOLS_AND_INTS)
def test_bools_with_whole_numbers(fn):
    assert_same_bits(Of(fn), X, "python")


def test_bools_with_whole_numbers_compiled():
    assert_same_bits(Of(lambda v: sum((fn(v) * 2.0**k for k, fn in enumerate(BOOLS_AND_INTS.values())), 0.0)), X, "compiled")


def test_a_bool_times_two_is_two():
    x = np.array([[[0.5, 1.5]]], np.float32)
    for mode in ("eager", *MODES):
        got = out(Of(BOOLS_AND_INTS["the example"]), x, mode)
        np.testing.assert_array_equal(got, [[[0.0, 2.0]]])
        assert got.dtype == np.float32
    assert type(got) is Spikes


@pytest.mark.parametrize(
    "fn",
    [
        lambda v: (v > 1).astype("int8").astype("bool"), lambda v: ((v > 1) * 2).astype("bool"), lambda v: v > 1,
        lambda v: ops.where(v > 1, (v > 0).astype("int8") * 3, 0).astype("bool"), lambda v: ops.where(v > 1, True, False),
    ],
)  # fmt: skip
def test_bools_come_out_as_bools(fn):
    got = assert_same_bits(Of(fn), X, "python")
    assert got.dtype == bool
    assert got.any()


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_a_number_that_a_dtype_cannot_hold_is_the_same_error_in_each_mode(mode):
    for fn in (lambda v: v.astype("uint8") + 300, lambda v: ops.where(v > 1, v.astype("uint8"), -1)):
        with pytest.raises(DTypeError, match=r"ops.\w+: expected numbers that the dtype of the Tensors can hold, got"):
            out(Of(fn), X, mode)


def test_what_numpy_computes_and_compiled_code_cannot_is_refused_by_name():
    with pytest.raises(CompileError, match=r"test_bits.py.*got ops.pow of whole numbers \(int64\), which is an error where"):
        out(Of(lambda v: (2 ** (v > 1).astype(int)) ** v.astype(int)), X, "compiled")
    with pytest.raises(CompileError, match=r"test_bits.py.*got ops.cast of float16. Convert it to float32"):
        out(Of(lambda v: v.astype(float16).astype(v.dtype)), X, "compiled")


# Conversions

OUT_OF_RANGE = np.array([300, -1, 255.9, -0.5, 1e10, -1e10, 1e19, 1e30, -1e30, np.inf, -np.inf, np.nan], np.float32)


@pytest.mark.parametrize("mode", ["eager", *MODES])
def test_a_float_out_of_range_becomes_the_nearest_bound_and_nan_zero(mode):
    fn = Of(lambda v: v.astype("uint8").astype(v.dtype) + v.astype("int32").astype(v.dtype))
    got = out(fn, OUT_OF_RANGE[None, None], mode).array[0, 0]
    with np.errstate(invalid="ignore"):
        whole = np.trunc(np.nan_to_num(OUT_OF_RANGE.astype(np.float64)))
    want = np.clip(whole, 0, 255) + np.clip(whole, -(2**31), 2**31 - 1)
    np.testing.assert_array_equal(got, want.astype(np.float32))


def test_a_tensor_is_converted_as_its_values_are_told():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Tensor(OUT_OF_RANGE).astype("int8").array.tolist() == [127, -1, 127, 0, 127, -128, 127, 127, -128, 127, -128, 0]
        assert Tensor(1e30).astype("int64").item() == 2**63 - 1
        assert Tensor(np.float16("inf")).astype("uint16").item() == 2**16 - 1


# Zeros with a sign


@pytest.mark.parametrize("mode", MODES)
def test_a_zero_below_zero_stays(mode):
    got = assert_same_bits(Of(lambda v: ops.where(v > 1, v, -0.0)), X, mode)
    assert np.signbit(got[got == 0]).all()


AMPLITUDES = {
    "where": (lambda v: ops.where(v > 1, -2.0, 0.0), 0.0),
    "times": (lambda v: (v > 1).astype(v.dtype) * -2.0, -0.0),
    "both": (lambda v: ops.where(v > 0, (v > 1).astype(v.dtype) * -2.0, 0.0), None),
    "where -0.0": (lambda v: ops.where(v > 1, 2.0, -0.0), -0.0),
    "int": (lambda v: ((v > 1) * -2).astype(v.dtype), 0.0),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("fn", "silent"), AMPLITUDES.values(), ids=AMPLITUDES)
def test_what_does_not_fire_has_its_sign(fn, silent, masked):
    mask = (np.arange(21).reshape(7, 3) % 3 != 0) if masked else None
    with np.errstate(all="ignore"):
        want, got = (snn.run(Of(fn), X, mode=mode, mask=mask)[0].array for mode in ("eager", "python"))
    assert want.any()
    assert not difference(got, want)
    if silent is not None and not masked:
        np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(silent))


def test_an_amplitude_for_each_feature_below_and_above_zero():
    class Signed(Of):
        def construct(self, x, v):
            v = v * 0.5 + x
            return ops.where(v > 1, self.amplitude, 0.0), v

    amplitude = np.linspace(-1, 1, 70).astype(np.float32)
    assert_same_bits(Signed(None, amplitude=amplitude), X, "compiled")


# Silent inputs before weights that are not finite


@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.parametrize("place", ["first", "second", "recurrent"])
def test_weights_that_are_not_finite_show_behind_silent_inputs(bad, place, tune):
    tune(little_work=0)
    x = (np.random.default_rng(1).random((6, 2, 70)) < 0.1).astype(np.float32)
    x[..., 5] = 0
    first, second = nn.Dense(70, 64, rng=0), nn.Dense(64, 40, rng=1)
    quiet = snn.IFNode(v_threshold=0.3, surrogate_function=snn.surrogate.triangle())
    node = snn.Recurrent(snn.IFNode(), 64, rng=1) if place == "recurrent" else quiet
    owner = {"first": first, "second": second, "recurrent": node}[place]
    weight = owner.weight.array.copy()
    weight[3, 5] = bad
    owner.weight.set_data(weight)
    net = nn.SequentialCell(first, node, second, snn.IFNode())
    with np.errstate(all="ignore"):
        (want, by), (got, got_by) = (everything(net, x, mode, record="v") for mode in ("eager", "compiled"))
    records = [list(values[2].values()) for values in (want, got)]
    assert any(np.isnan(v.array).any() for v in records[0])
    for expected, found in zip([want[0], *records[0], *by], [got[0], *records[1], *got_by], strict=True):
        np.testing.assert_array_equal(np.isnan(found.array), np.isnan(expected.array))
    np.testing.assert_array_equal(got[0].array, want[0].array)


# Exponentials in the backward


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "dtype"), [("exp32", np.float32), ("exp64", np.float64)])
def test_the_fast_exponential_is_right_from_zero_to_infinity(name, dtype, mode):
    text = f"def spread(x, out):\n    for i in range(len(x)):\n        out[i] = {name}(x[i])\n"
    ends = np.array([0, -0.0, 1e-40, 1e35, -1e35, 3e38, -3e38, np.inf, -np.inf, np.nan])
    x = np.concatenate([np.linspace(-110, 95, 4001), np.linspace(-760, 715, 4001), np.linspace(-1, 1, 101), ends]).astype(
        dtype
    )
    got = np.empty_like(x)
    back_end(mode).load(back_end(mode).module([text])).spread(x, got)
    with np.errstate(all="ignore"):
        want = np.exp(x)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(want))
    usual = np.isfinite(want)
    info = np.finfo(dtype)
    np.testing.assert_allclose(got[usual], want[usual], rtol=2 * info.eps, atol=2 * info.smallest_subnormal)


@pytest.mark.parametrize("mode", MODES)
def test_gradients_far_from_the_threshold(mode):
    def steep(v):
        return v * ops.exp(-ops.abs(v)) + ops.log(1 + ops.exp(-ops.abs(v) * 1e-35))

    x = np.array([1e35, -1e35, 3e35, -2e36, 90.0, -90.0, 100.0, 1.0], np.float32)[None, None]
    with np.errstate(all="ignore"):
        (_, by), (_, got_by) = (everything(Of(steep), x, m) for m in ("eager", mode))
    want, got = by[0].array, got_by[0].array
    assert np.count_nonzero(want) >= 6
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-42)


def test_a_jump_in_the_backward_is_where_it_is_in_the_forward():
    def jumps(v):
        return v * ops.floor(ops.exp(v) * 8) + v % 0.3 + v * ops.round(ops.tanh(v) * 50)

    found = assert_as_eager(Of(jumps), np.linspace(-2, 2, 1400, dtype=np.float32).reshape(1, 2, 700))
    assert found[0].array.any()


# Numbers of numpy that Python has no number for


@pytest.mark.parametrize("mode", ["eager", "python"])
@pytest.mark.parametrize("dtype", ["bool", "int8", "float32", "float64"])
@pytest.mark.parametrize("fn", [lambda x, c: x != c, lambda x, c: x > c, lambda x, c: x * c, lambda x, c: ops.maximum(x, c)])
def test_a_long_double_is_the_number_of_python(mode, dtype, fn):
    x = np.array([[[-1, 0, 1, 2]]]).astype(dtype)
    want = fn(Tensor(x), 0.1).array
    got = out(Number(fn, np.longdouble("0.1")), x, mode).array
    assert want.any()
    assert not difference(got, want)


@pytest.mark.parametrize("mode", ["eager", "python"])
@pytest.mark.parametrize("number", [np.complex64(1 + 2j), np.complex128(2j), np.timedelta64(1, "s")], ids=repr)
def test_what_is_no_number_is_an_error_in_each_mode(mode, number):
    with pytest.raises(DTypeError, match=r"ops.mul: expected numbers or an array of them, got"):
        out(Number(lambda x, c: x * c, number), X, mode)


class Number(Cell):
    """Hands on a function of its input and a number."""

    def __init__(self, fn, number):
        super().__init__()
        self.fn, self.number = fn, number

    def construct(self, x, v):
        return self.fn(x, self.number), v


# States of whole numbers


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64"])
def test_a_state_of_whole_numbers_has_no_gradient(dtype):
    class Counts(Cell):
        def initial_state(self, x):
            return ops.ones(x.shape, dtype)

        def construct(self, x, n):
            return x * n * 100, ops.logical_not(n) if dtype == "bool" else ops.abs(n + 99)

    def gradient(mode):
        return grad(lambda x: (snn.run(Counts(), x, mode=mode)[0] ** 2).sum())(Tensor(X[..., :3])).array

    assert gradient("eager").any()
    assert not difference(gradient("python"), gradient("eager"))
