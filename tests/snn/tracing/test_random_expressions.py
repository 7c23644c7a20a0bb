"""Random trees of operations on random dtypes and numbers: the traced program and its backward against the eager mode.

``HYPOTHESIS_PROFILE=thorough`` draws twenty times as many.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Tensor, ops, vjp
from autograd.errors import AutogradError, CompileError
from tests.snn.helpers.arithmetic import (
    DTYPES,
    FLOATS,
    NUMPY,
    PYTHON,
    binary,
    difference,
    every_kind,
    kinds_of,
    run,
    special,
    traced,
    unary,
)

EXAMPLES = 20 * settings().max_examples  # 300, or 6,000
ONE, TWO = unary(), binary()
NAMES = [*ONE, *TWO, *TWO]
numbers = st.sampled_from([*PYTHON, *NUMPY]) | st.integers(-9, 9) | st.floats(-4, 4, width=32)


class Tree:
    """Steps, of which each makes a value of inputs, earlier values and numbers; the last is the result."""

    def __init__(self, dtypes, steps):
        self.dtypes, self.steps = dtypes, steps

    def __call__(self, *inputs):
        values = list(inputs)
        for name, operands in self.steps:
            given = [values[o] if kind == "value" else o for kind, o in operands]
            values.append((ONE if name in ONE else TWO)[name](*given))
        return values[-1]

    def __repr__(self):
        lines = [f"  x{i}: {dtype}" for i, dtype in enumerate(self.dtypes)]
        for k, (name, operands) in enumerate(self.steps, len(self.dtypes)):
            lines.append(f"  x{k} = {name} of {', '.join(f'x{o}' if kind == 'value' else repr(o) for kind, o in operands)}")
        return "\n".join(["", *lines])


@st.composite
def trees(draw, dtypes=DTYPES, most=7):
    """Draw a tree; each of its steps is one that the eager mode accepts."""
    kinds = draw(st.lists(st.sampled_from(dtypes), min_size=1, max_size=3))
    tree, values = Tree(kinds, []), [Tensor(special(d)[:1]) for d in kinds]
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=most)):
        last = len(values) - 1
        operands = [("value", draw(st.integers(max(0, last - 2), last)))]
        if name in TWO:
            other = draw(st.tuples(st.just("value"), st.integers(0, last)) | st.tuples(st.just("number"), numbers))
            operands.insert(draw(st.integers(0, 1)), other)
        given = [values[o] if kind == "value" else o for kind, o in operands]
        try:
            with np.errstate(all="ignore"):
                made = (ONE if name in ONE else TWO)[name](*given)
        except (AutogradError, TypeError, OverflowError):
            continue
        if made.dtype in DTYPES:
            values.append(made)
            tree.steps.append((name, operands))
    return tree


def eagerly(tree, arrays):
    with np.errstate(all="ignore"):
        try:
            return np.array(tree(*map(Tensor, arrays)).array)
        except AutogradError as error:  # such as a whole power that is negative elsewhere
            return error


@given(tree=trees(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=EXAMPLES)
def test_values(tree, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.choice(special(dtype), 40) for dtype in tree.dtypes]
    found, want = traced(tree, tree.dtypes), eagerly(tree, arrays)
    if isinstance(found, Exception):
        assert isinstance(found, AutogradError), repr(found)
        assert isinstance(want, Exception) or isinstance(found, CompileError), f"{tree}\n{found}"
        if isinstance(found, CompileError):
            assert "ops.pow of whole numbers" in found.got or "of float16" in found.got or isinstance(want, Exception), found
        return
    assert not isinstance(want, Exception), f"{tree}\n{want}"
    (got,) = run(found.program, found.inputs, [found.outputs], arrays)
    wrong = difference(got, want)
    assert not wrong, f"{tree}\n{wrong}, seed {seed}"
    assert kinds_of(found.program) <= every_kind()


@given(tree=trees(FLOATS), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=EXAMPLES // 3)
def test_gradients(tree, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.uniform(-2, 2, 40).astype(dtype) for dtype in tree.dtypes]
    found, want = traced(tree, tree.dtypes), eagerly(tree, arrays)
    if isinstance(found, Exception) or isinstance(want, Exception) or want.dtype.kind != "f":
        return
    cotangent = rng.uniform(-2, 2, np.broadcast_shapes(want.shape, (40,))).astype(want.dtype)
    with np.errstate(all="ignore"):
        expected = vjp(lambda *inputs: ops.broadcast_to(tree(*inputs), (40,)), *map(Tensor, arrays))[1](Tensor(cotangent))
    expected = expected if isinstance(expected, tuple) else (expected,)
    inputs, numbers = [*found.inputs, *found.cotangents], [g for g in found.gradients if g is not None]
    made = iter(run(found.program, inputs, numbers, [*arrays, cotangent])) if numbers else iter(())
    rough = iter(run(found.program, inputs, numbers, [*arrays, cotangent], backward=True)) if numbers else iter(())
    for number, want in zip(found.gradients, expected, strict=True):
        if number is None:
            assert not want.array.any(), f"{tree}\n{want} instead of zeros, seed {seed}"
            continue
        wrong = difference(next(made), want.array)
        assert not wrong, f"{tree}\n{wrong}, seed {seed}"
        got = next(rough)
        with np.errstate(all="ignore"):
            scale = np.abs(want.array[np.isfinite(want.array)]).max(initial=1)
            np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want.array), err_msg=f"{tree}\n{seed}")
            np.testing.assert_allclose(got, want.array, rtol=1e-3, atol=1e-4 * scale, err_msg=f"{tree}\n{seed}")


def test_what_random_trees_are_made_of_is_compiled_too():
    def of(*operands):
        return [("value", int(o[1:])) if isinstance(o, str) else ("number", o) for o in operands]

    steps = [
        ("add", of("x0", 2)), ("mul", of("x1", "x3")), ("x.__mod__", of("x4", 7)), ("astype uint8", of("x5")),
        ("maximum", of("x2", "x6")), ("x.__rpow__", of("x7", 1.5)), ("where >", of("x8", "x2")), ("astype int16", of("x9")),
        ("x.__floordiv__", of("x10", "x1")),
    ]  # fmt: skip
    tree = Tree([np.dtype("bool"), np.dtype("int16"), np.dtype("float32")], steps)
    rng = np.random.default_rng(0)
    arrays = [rng.choice(special(dtype), 300) for dtype in tree.dtypes]
    found = traced(tree, tree.dtypes)
    (got,) = run(found.program, found.inputs, [found.outputs], arrays, mode="compiled")
    assert not difference(got, eagerly(tree, arrays))
    assert len(set(got.tolist())) > 5
