"""Functions in a neuron's forward agree with numpy to the bit, though numpy rounds an exponential in its own way."""

import ctypes

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, ops
from autograd.errors import CompileError
from snn.engine import ufuncs
from snn.engine.ufuncs import loop_of
from tests.snn.helpers.compare import assert_as_eager


def _to_itself(x):
    return (ops.abs(x) + 0.1) ** ops.clip(x, -1.0, 1.0)


FUNCTIONS = {
    "exponentials": [ops.exp, lambda x: ops.log(ops.abs(x) + 0.1), lambda x: ops.log1p(ops.abs(x)), ops.sigmoid],
    "circles": [ops.sin, ops.cos, ops.atan, ops.tanh, ops.erf, lambda x: ops.gelu(x, "tanh")],
    "powers": [lambda x: x**2, lambda x: (ops.abs(x) + 0.1) ** 1.7, lambda x: 2.0 ** -ops.abs(x), _to_itself],
    "remainders": [lambda x: x % 0.7, lambda x: x // 0.3, ops.round, ops.floor, ops.ceil, ops.sign],
    "one in another": [lambda x: ops.exp(-ops.exp(x)), lambda x: ops.log(1 + ops.exp(ops.tanh(x)))],
}
ALL = [function for functions in FUNCTIONS.values() for function in functions]


class Neuron(Cell):
    """Its membrane goes through functions, and what it fires depends on what they give."""

    def __init__(self, functions, dtype):
        super().__init__()
        self.functions = functions
        self.gain = Parameter(np.linspace(0.5, 1.5, 70).astype(dtype))
        self.surrogate = snn.surrogate.atan()

    def construct(self, x, v):
        v = 0.5 * v + x * ops.sigmoid(self.gain)
        v = ops.clip(v + 0.25 * sum(function(v * self.gain) for function in self.functions), -4.0, 4.0)
        z = self.surrogate(v - 1.0)
        return z, v - z


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("functions", "mode"), [*((f, "python") for f in FUNCTIONS.values()), (ALL, "compiled")], ids=[*FUNCTIONS, "all compiled"]
)
def test_functions_have_the_bits_of_numpy(functions, mode, dtype):
    x = (2 * np.random.default_rng(0).standard_normal((6, 3, 70))).astype(dtype)
    found = assert_as_eager(Neuron(functions, dtype), x, mode, record="v")
    assert 0.01 < snn.metrics.firing_rate(found[0]) < 0.99


def test_what_is_made_of_parameters_alone_is_computed_as_numpy_does():
    class Powers(Cell):
        def __init__(self):
            super().__init__()
            self.p = Parameter(np.float32(0.3))

        def construct(self, x, v):
            return ops.abs(x) ** (self.p * 0 + 2), v + x * ops.exp(-1 / self.p)

    x = np.random.default_rng(0).standard_normal((5, 3, 40)).astype(np.float32)
    assert_as_eager(Powers(), x, "python")


def test_an_infinite_amplitude_is_no_spike():
    class Endless(Cell):
        def construct(self, x, v):
            return (x > 0).astype(x.dtype) * np.float32(1e38) * 10.0, v

    x = np.array([[[-1.0, 1.0]]], np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        expected, found = (snn.run(Endless(), x, mode=mode)[0] for mode in ("eager", "compiled"))
    np.testing.assert_array_equal(found, expected)
    assert type(found) is Tensor


def test_a_function_without_a_loop_of_the_dtype_is_an_error():
    with pytest.raises(CompileError, match=r"bitwise_and for float32: expected a loop in its ufunc .*, got no such loop"):
        loop_of("numpy.bitwise_and", np.dtype(np.float32))


@pytest.fixture
def _forgotten():
    loop_of.cache_clear()
    yield
    loop_of.cache_clear()


class _Longer(ctypes.Structure):
    """The ufunc of a numpy that has one more field."""

    _fields_ = [("head", ctypes.c_byte * (object.__basicsize__ + 8)), *ufuncs._Ufunc._fields_[1:]]


@pytest.mark.usefixtures("_forgotten")
def test_a_ufunc_laid_out_in_another_way_is_not_called(monkeypatch):
    monkeypatch.setattr(ufuncs, "_Ufunc", _Longer)
    with pytest.raises(CompileError, match=r"numpy .*, numpy.exp for float64: .* got no such loop\. .*mode='eager'"):
        loop_of("numpy.exp", np.dtype(np.float64))


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize(("name", "other"), [("numpy.exp", np.exp2), ("numpy.power", np.arctan2)])
def test_a_loop_that_gives_other_numbers_is_not_used(name, other, monkeypatch):
    real = getattr(np, name.partition(".")[2])
    assert loop_of(name, np.dtype(np.float32))[0]
    loop_of.cache_clear()
    same = ufuncs._gives_the_same
    monkeypatch.setattr(ufuncs, "_gives_the_same", lambda ufunc, *rest: same(other if ufunc is real else ufunc, *rest))
    with pytest.raises(CompileError, match="got a loop that gives other numbers"):
        loop_of(name, np.dtype(np.float32))


@pytest.mark.usefixtures("_forgotten")
def test_auto_goes_step_by_step_where_no_loop_can_be_trusted(monkeypatch):
    monkeypatch.setattr(ufuncs, "_gives_the_same", lambda *arguments: False)

    class Exponential(Cell):
        def construct(self, x, v):
            v = 0.5 * v + 0.1 * ops.exp(x)
            z = (v > 1.0).astype(x.dtype)
            return z, v - z

    node, x = Exponential(), np.full((256, 32, 256), 2.0, np.float32)
    expected = snn.run(node, x, mode="eager")[0]
    assert expected.asnumpy().any()
    with pytest.warns(UserWarning, match="step by step, slowly, since numpy .* expected a loop in its ufunc"):
        out = snn.run(node, x)[0]
    np.testing.assert_array_equal(out, expected)
