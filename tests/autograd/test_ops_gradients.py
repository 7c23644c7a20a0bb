"""Every differentiable operation: value against numpy, first and second order against central differences."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import Tensor, check_grad, grad, ops
from autograd.operator import Operator
from autograd.primitive import Primitive

from .helpers import f64, numeric_gradient
from .op_cases import CASES, seeds

# Public functions that have no derivative: creation, whole numbers, and the transforms that ops has by MindSpore's names
CONSTANT = {"zeros", "ones", "zeros_like", "ones_like", "full", "eye", "arange", "one_hot"}
TRANSFORMS = {"grad", "value_and_grad", "vjp", "GradOperation", "stop_gradient"}

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def outputs(out):
    return out if isinstance(out, tuple) else (out,)


def weights_for(seed, outs):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.5, 1.5, np.shape(o)) * rng.choice([-1, 1], np.shape(o)) for o in outs]


def weighed(case, weights, options):
    """Return the function whose gradient is taken: all outputs weighed at random and summed."""

    def total(*tensors):
        return sum((out * w).sum() for out, w in zip(outputs(case(*tensors, **options)), weights, strict=True))

    return total


def test_every_differentiable_operation_is_in_the_table():
    public = {name for name in ops.__all__ if not (inspect.isclass(getattr(ops, name)))} - TRANSFORMS - CONSTANT
    steps = {n for n in public if isinstance(getattr(ops, n), Primitive) and not getattr(ops, n).differentiable}
    assert {case.op for case in CASES} == public - steps


def test_every_class_in_ops_is_an_operator():
    classes = {name for name in ops.__all__ if inspect.isclass(getattr(ops, name))} - TRANSFORMS
    assert [name for name in classes if not issubclass(getattr(ops, name), Operator)] == []


@every_case
@given(data=st.data())
def test_value_is_that_of_numpy_and_inputs_stay_unchanged(case, data):
    arrays, options = data.draw(case.inputs)
    before = [a.tobytes() for a in arrays]
    outs = outputs(case(*map(Tensor.wrap, arrays), **options))
    assert [a.tobytes() for a in arrays] == before
    wanted = outputs(case.reference(*arrays, **options))
    for out, want in zip(outs, wanted, strict=True):
        assert type(out) is Tensor
        assert out.dtype == np.float64
        assert out.shape == np.shape(want)
        np.testing.assert_allclose(out.array, want, rtol=1e-13, atol=1e-14)


@every_case
@given(data=st.data(), seed=seeds)
def test_gradient_is_that_of_central_differences_of_numpy(case, data, seed):
    arrays, options = data.draw(case.inputs)
    weights = weights_for(seed, outputs(case.reference(*arrays, **options)))

    def numpy_total(*moved):
        outs = outputs(case.reference(*moved, **options))
        return sum(np.sum(out * w) for out, w in zip(outs, weights, strict=True))

    tensors = [Tensor.wrap(a) for a in arrays]
    before = [a.tobytes() for a in arrays]
    analytic = grad(weighed(case, weights, options), tuple(range(len(arrays))))(*tensors)
    assert [a.tobytes() for a in arrays] == before
    for got, want, array in zip(analytic, numeric_gradient(numpy_total, arrays), arrays, strict=True):
        assert (got.shape, got.dtype) == (array.shape, array.dtype)
        np.testing.assert_allclose(got.array, want, rtol=1e-6, atol=1e-7)


@every_case
@given(data=st.data(), seed=seeds)
def test_second_derivative_is_that_of_central_differences_of_the_gradient(case, data, seed):
    arrays, options = data.draw(case.inputs)
    positions = tuple(range(len(arrays)))
    weights = weights_for(seed, outputs(case.reference(*arrays, **options)))
    gradient = grad(weighed(case, weights, options), positions)
    mixture, direction = weights_for(seed + 1, arrays), weights_for(seed + 2, arrays)

    def scalar(*tensors):
        return sum((g * m).sum() for g, m in zip(gradient(*tensors), mixture, strict=True))

    second = grad(scalar, positions)(*map(f64, arrays))
    along = sum(np.sum(g.array * d) for g, d in zip(second, direction, strict=True))
    eps = 1e-6
    up, down = ([f64(a + s * eps * d) for a, d in zip(arrays, direction, strict=True)] for s in (1, -1))
    np.testing.assert_allclose(along, (scalar(*up).item() - scalar(*down).item()) / (2 * eps), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("fn", "inputs"),
    [
        pytest.param(lambda x: x**5, [0.4, -1.2], id="power"),
        pytest.param(ops.pow, ([0.7, 1.2], [2.0, -0.5]), id="power of tensors"),
        pytest.param(ops.div, ([0.7, 1.2], [2.0, -0.5]), id="quotient"),
        pytest.param(ops.sigmoid, [0.3, -1.2], id="sigmoid"),
        pytest.param(ops.erf, [0.3, -1.2], id="erf"),
        pytest.param(ops.softmax, [0.3, -1.2, 0.1], id="softmax"),
        pytest.param(ops.log_softmax, [0.3, -1.2, 0.1], id="log_softmax"),
        pytest.param(ops.logsumexp, [0.3, -1.2, 0.1], id="logsumexp"),
        pytest.param(ops.prod, [0.0, 0.5, 0.0, 2.0], id="product with zeros"),
        pytest.param(ops.std, [0.3, -1.2, 0.1], id="standard deviation"),
        pytest.param(lambda x: ops.einsum("ii,ij->j", x, x), [[0.2, 0.7], [1.1, -0.3]], id="einsum"),
        pytest.param(lambda x: x[[0, 0, 1]] ** 3, [0.2, 0.7], id="repeated index"),
    ],
)
def test_third_order(fn, inputs):
    check_grad(fn, inputs, order=3, rtol=1e-4, atol=1e-5)
