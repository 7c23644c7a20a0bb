"""Traced arithmetic is numpy's: every operation, on all dtypes and numbers, has the dtype and bits of the eager mode."""

import numpy as np
import pytest
from hypothesis import settings

from autograd.errors import AutogradError, CompileError
from tests.snn.helpers.arithmetic import (
    DTYPES,
    HALF,
    NUMPY,
    PYTHON,
    as_numpy,
    binary,
    compiled,
    difference,
    eager,
    every_kind,
    kinds_of,
    pairs,
    run,
    together,
    traced,
    unary,
)

SOME = [True, 2, -1, 256, 2**63, -0.0, 1.5, 1e300, float("nan"), np.int8(-2), np.float64(0.1)]
# Every operation with every dtype always, and all that is compiled of one of each kind; the rest where there is time
THOROUGH = settings().max_examples > 100
NUMBERS = [*PYTHON, *NUMPY] if THOROUGH else SOME
COMPILED = DTYPES if THOROUGH else [np.dtype(name) for name in ("bool", "int8", "int64", "uint64", "float32", "float64")]
every_dtype = pytest.mark.parametrize("dtype", [*DTYPES, HALF], ids=str)


def check(functions, dtypes):
    """Compare functions of one element on special values; return how many came out and the operations in them."""
    arrays, checked = pairs(*dtypes), {}
    for name, fn in functions.items():
        want, found = eager(fn, arrays), traced(fn, dtypes)
        if isinstance(found, Exception):
            assert isinstance(found, AutogradError), f"{name} of {dtypes}: {found!r}"
            if not isinstance(want, Exception):
                assert isinstance(found, CompileError), f"{name} of {dtypes}: {found}"
                assert "ops." in found.got, f"{name} of {dtypes}: {found}"
                assert "of float16" in found.got or "ops.pow of whole numbers" in found.got, f"{name} of {dtypes}: {found}"
        else:
            assert not isinstance(want, Exception), f"{name} of {dtypes} is traced, and the eager mode says {want}"
            checked[name] = fn, want
    if not checked:
        return 0, set()
    t = together([fn for fn, _ in checked.values()], dtypes)
    for (name, (_, want)), got in zip(checked.items(), run(t.program, t.inputs, t.outputs, arrays), strict=True):
        found = difference(got, want)
        assert not found, f"{name} of {dtypes}: {found}"
    return len(checked), kinds_of(t.program)


def with_numbers(numbers):
    """Return the functions of two inputs with a number on one side or the other."""
    named = [(f"{name} with {number!r}", fn, number) for name, fn in binary().items() for number in numbers]
    found = {f"{name} on the right": (lambda x, fn=fn, n=n: fn(x, n)) for name, fn, n in named}
    return found | {f"{name} on the left": (lambda x, fn=fn, n=n: fn(n, x)) for name, fn, n in named}


@every_dtype
def test_functions_of_one_tensor(dtype):
    n, _ = check(unary(), (dtype,))
    assert n >= (0 if dtype == HALF else 25)


@every_dtype
def test_functions_of_two_tensors(dtype):
    numbers = {other: check(binary(), (dtype, other))[0] for other in [*DTYPES, HALF]}
    assert min(n for other, n in numbers.items() if other != HALF or dtype.kind == "O") >= (0 if dtype == HALF else 20)


@every_dtype
def test_functions_of_a_tensor_and_a_number(dtype):
    n, _ = check(with_numbers(NUMBERS), (dtype,))
    assert n >= (0 if dtype == HALF else 20 * len(NUMBERS))


# Compiled: a program is made of operations on dtypes, and each of these is compiled here once


@pytest.mark.parametrize("dtype", COMPILED, ids=str)
def test_compiled_operations(dtype):
    kinds = sorted((kind for kind in every_kind() if kind[1][-1] == dtype), key=str)
    assert len(kinds) > 20
    for (op, dtypes, out), (arrays, got) in zip(kinds, compiled(kinds, dtype), strict=True):
        found = difference(got, as_numpy(op, out, arrays))
        assert not found, f"{op} of {dtypes}: {found}"


def test_numbers_make_no_other_operations():
    checked = set().union(*(check(with_numbers([2, -1, 0.5]), (dtype,))[1] for dtype in DTYPES[::3]))
    assert checked <= every_kind()
