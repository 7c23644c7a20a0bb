"""The one-element expression of every elementwise operation, which the compiled mode reads, against its numpy forward."""

import math
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograd import ops
from autograd.ops import elementwise, nn
from autograd.primitive import Primitive

from .op_cases import CASES

FOUND = {
    v.__name__: v
    for v in [*vars(elementwise).values(), *vars(nn).values()]
    if isinstance(v, Primitive) and v.scalar is not None
}
# No expression: a cast's dtype is not a number
WITHOUT = {"_cast"}
# Correctly rounded in Python and numpy alike; the others may differ in the last places
EXACT = {"add", "sub", "mul", "div", "floordiv", "mod", "neg", "square", "sqrt", "abs", "relu", "relu6", "where", "maximum",
         "minimum", "sign", "floor", "ceil", "round", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal",
         "logical_and", "logical_or", "logical_not", "isnan", "isfinite"}  # fmt: skip
NAMES = {name: getattr(math, name) for name in dir(math)} | {"abs": abs, "round": round, "bool": bool, "__builtins__": {}}

numbers = st.floats(-30, 30, allow_subnormal=False) | st.sampled_from([0.0, -0.0, 0.5, 1.0, 2.5, -2.5, 6.0])
anything = numbers | st.sampled_from([np.inf, -np.inf, np.nan, 1e300, -1e-300])
every_scalar = pytest.mark.parametrize("name", sorted(FOUND))


def placeholders(operation):
    return [field for _, field, _, _ in string.Formatter().parse(operation.scalar) if field]


def evaluate(operation, values):
    """Run the expression in Python on one element; None where Python's own functions refuse the value."""
    names = dict(zip(operation.forward.__code__.co_varnames, values, strict=False))
    source = operation.scalar.format(**{name: name for name in names})
    try:
        result = eval(source, NAMES, names)
    except (OverflowError, ZeroDivisionError, ValueError):
        return None
    return None if isinstance(result, complex) else float(result)


def forward(operation, values):
    with np.errstate(all="ignore"):
        return operation.forward(*values)


def test_every_elementwise_primitive_has_an_expression():
    every = {v.__name__ for v in vars(elementwise).values() if isinstance(v, Primitive)}
    assert every - set(FOUND) == WITHOUT


def test_only_elementwise_primitives_have_one():
    others = [case.op for case in CASES if case.op not in FOUND and getattr(getattr(ops, case.op), "scalar", None)]
    assert others == []


@every_scalar
def test_the_expression_names_every_tensor_and_nothing_else(name):
    operation = FOUND[name]
    tensors = operation.forward.__code__.co_varnames[: operation.arity]
    assert set(placeholders(operation)) == set(tensors)


@every_scalar
@given(data=st.data())
def test_the_expression_equals_the_forward_elementwise(name, data):
    operation = FOUND[name]
    columns = [data.draw(hnp.arrays(np.float64, 8, elements=numbers)) for _ in range(operation.arity)]
    want = np.broadcast_to(forward(operation, columns), 8)
    pairs = [
        (evaluate(operation, row), w) for row, w in zip(zip(*[c.tolist() for c in columns], strict=True), want, strict=True)
    ]
    got = np.array([g for g, _ in pairs if g is not None])
    kept = np.array([float(w) for g, w in pairs if g is not None])
    if name in EXACT:
        np.testing.assert_array_equal(got, kept)
    else:
        np.testing.assert_allclose(got, kept, rtol=4e-15)


@pytest.mark.parametrize("name", sorted(EXACT - {"floordiv", "mod", "div"}))
@given(data=st.data())
def test_infinity_and_nan_pass_as_in_numpy(name, data):
    operation = FOUND[name]
    values = [data.draw(anything) for _ in range(operation.arity)]
    got = evaluate(operation, values)
    if got is not None:
        np.testing.assert_array_equal(got, np.float64(forward(operation, [np.float64(v) for v in values])))


@pytest.mark.parametrize("name", ["floordiv", "mod"])
def test_division_with_remainder_is_pythons_also_where_the_quotient_rounds_up(name):
    # 5.5 / 0.1 is exactly 55.0 in floating point, though 0.1 goes into 5.5 only 54 times
    assert evaluate(FOUND[name], [5.5, 0.1]) == forward(FOUND[name], [np.float64(5.5), np.float64(0.1)])
