"""Every public operation in a neuron is traced with the eager results, or a CompileError names it."""

import inspect
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Tensor, ops, trace
from autograd.errors import CompileError
from tests.autograd.op_cases import CASES
from tests.snn.helpers.arithmetic import difference, elementwise, run

V = np.linspace(-1.5, 2.55, 9).astype(np.float32)
# How to call what op_cases.py does not have; x is a value that is not known yet
CALLS = {
    "one_hot": lambda x: ops.one_hot(x.astype(int), 3),
    "argmax": lambda x: ops.argmax(x, 0), "argmin": lambda x: ops.argmin(x, 0),
    "all": ops.all, "any": ops.any, "zeros_like": lambda x: ops.zeros_like(x) + x, "ones_like": lambda x: ops.ones_like(x) + x,
    "full": lambda x: ops.full((2,), x), "gather a table": lambda x: ops.gather(Tensor([1.0, 2.0]), x.astype(int)),
    "getitem a table": lambda x: ops.getitem(Tensor([1.0, 2.0]), x.astype(int)),
    "matmul a table": lambda x: ops.matmul(Tensor([[1.0]]), x), "stop_gradient": ops.stop_gradient,
}  # fmt: skip
# They take no Tensor, or a function
APART = {"zeros", "ones", "eye", "arange", "GradOperation", "grad", "value_and_grad", "vjp"}


def outcome(fn, *dtypes):
    """Return the traced function, or what an error names."""
    try:
        return trace(fn, *dtypes)
    except CompileError as error:
        return error


def assert_named(error, name):
    assert "test_every_operation.py" in error.where or "op_cases.py" in error.where, error
    assert re.search(rf"ops\.{name}\b", error.got), f"{name}: {error}"
    assert "numpy" not in error.fix


@pytest.mark.parametrize("case", CASES, ids=str)
@given(data=st.data())
@settings(max_examples=1)
def test_it_is_traced_or_named(case, data):
    arrays, options = data.draw(case.inputs)
    found = outcome(lambda *tensors: case(*tensors, **options), *[np.float32] * len(arrays))
    if isinstance(found, Exception):
        assert_named(found, {"astype": "cast", "x @ y": "matmul"}.get(case.op, case.op))
    elif case.op == "sum_to_size":  # the loop does it
        assert found.outputs == found.inputs[0]
    else:
        given_arrays = [np.roll(np.abs(V) + 0.25, i) for i in range(len(arrays))]
        want = case(*map(Tensor, given_arrays), **options).array
        (got,) = run(found.program, found.inputs, [found.outputs], given_arrays)
        assert not difference(got, want)


@pytest.mark.parametrize("name", CALLS)
def test_what_takes_other_inputs_is_traced_or_named(name):
    found = outcome(CALLS[name], np.float32)
    if isinstance(found, Exception):
        assert_named(found, name.partition(" ")[0])
    else:
        (got,) = run(found.program, found.inputs, [found.outputs], [V])
        assert not difference(got, CALLS[name](Tensor(V)).array)


def test_every_public_operation_is_called():
    functions = {name for name in ops.__all__ if not inspect.isclass(getattr(ops, name))}
    called = {case.op for case in CASES} | {name.partition(" ")[0] for name in CALLS} | set(elementwise()) | APART
    assert functions - called == set()


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: x.mean(), "sum|mean"),
        (lambda x: x.reshape(-1), "reshape"),
        (lambda x: x[0], "getitem"),
        (lambda x: x @ x, "matmul"),
        (lambda x: ops.ReduceSum()(x), "sum"),
        (lambda x: ops.Gather()(x, [0], 0), "gather"),
        (lambda x: ops.Softmax()(x), "softmax"),
        (lambda x: ops.OneHot()(x.astype(int), 3), "one_hot"),
    ],
)
def test_methods_and_operators_are_named_as_operations(call, name):
    assert_named(outcome(call, np.float32), f"({name})")


def test_operators_of_one_element_are_traced():
    names = [
        n for n, op in vars(ops).items() if inspect.isclass(op) and getattr(op, "function", None) in elementwise().values()
    ]
    assert len(names) > 30
    for name in names:
        op = getattr(ops, name)
        arity = op.function.arity
        given_arrays = [V > 0, V, V + 1][-arity:] if arity == 3 else [np.abs(V) + 0.25, V][:arity]
        found = trace(op(), *[a.dtype for a in given_arrays])
        (got,) = run(found.program, found.inputs, [found.outputs], given_arrays)
        assert not difference(got, op()(*map(Tensor, given_arrays)).array), name
