"""Random programs of operations: value, gradient and second order against torch in float64."""

import importlib.util
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from autograd import Tensor, grad, ops, stop_gradient

from .op_cases import CASES
from .torch_ops import TABLE

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs torch to compare with: pip install 'spikecell[test]'"
)
SHAPES = [(), (3,), (2,), (2, 3), (3, 2), (3, 3), (1, 3), (2, 1), (2, 2, 3), (1, 1)]
LARGEST_SIZE, LARGEST_VALUE, MOST_STEPS = 40, 50.0, 8
EXAMPLES = 30 * settings().max_examples


@cache
def torch():
    """Return torch, which is loaded only when a program runs."""
    import torch

    return torch


# What a program is


@dataclass(frozen=True)
class Step:
    """One operation on values that are there already, by their numbers."""

    op: str
    operands: tuple[int, ...]
    options: dict


class Program:
    """Inputs, and steps of which each makes a value; the outputs are the values that no step uses."""

    def __init__(self, shapes, seed):
        self.shapes, self.seed = shapes, seed
        self.steps = []

    def inputs(self):
        rng = np.random.default_rng(self.seed)
        return [rng.uniform(-2, 2, shape) for shape in self.shapes]

    def outputs(self, values):
        used = {i for step in self.steps for i in step.operands}
        return [value for i, value in enumerate(values) if i not in used]

    def ours(self, *inputs):
        values = list(inputs)
        for step in self.steps:
            values.append(TABLE[step.op].ours(*[values[i] for i in step.operands], **step.options))
        return self.outputs(values)

    def theirs(self, *inputs):
        values = list(inputs)
        for step in self.steps:
            values.append(TABLE[step.op].theirs(torch(), *[values[i] for i in step.operands], **step.options))
        return self.outputs(values)

    def __repr__(self):
        names = [f"x{i}" for i in range(len(self.shapes))]
        lines = [f"  rng = np.random.default_rng({self.seed})"]
        lines += [f"  {name} = rng.uniform(-2, 2, {shape})" for name, shape in zip(names, self.shapes, strict=True)]
        for step in self.steps:
            arguments = [names[i] for i in step.operands] + [f"{k}={v!r}" for k, v in step.options.items()]
            names.append(f"y{len(names) - len(self.shapes)}")
            lines.append(f"  {names[-1]} = {step.op}({', '.join(arguments)})")
        return "\n".join(["", *lines, f"  return {', '.join(self.outputs(names))}"])


@st.composite
def programs(draw):
    """Draw a program that is smooth where it is run."""
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    program = Program(shapes, draw(st.integers(0, 1000)))
    values = [torch().tensor(x) for x in program.inputs()]
    for name in draw(st.lists(st.sampled_from(list(TABLE)), min_size=1, max_size=MOST_STEPS)):
        op = TABLE[name]
        numbers = range(len(values))
        chosen = [(i,) for i in numbers] if op.arity == 1 else [(i, j) for i in numbers for j in numbers]
        chosen = [c for c in chosen if op.fits(*[values[i].numpy() for i in c])]
        if not chosen:
            continue
        operands = draw(st.sampled_from(chosen))
        options = op.options(draw, *[tuple(values[i].shape) for i in operands])
        value = op.theirs(torch(), *[values[i] for i in operands], **options)
        if 0 < value.numel() <= LARGEST_SIZE and value.abs().max() < LARGEST_VALUE:
            values.append(value)
            program.steps.append(Step(name, operands, options))
    return program


# Both sides


def cotangents(seed, shapes):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape) for shape in shapes]


def ours(program):
    """Return outputs, gradients and the gradients of these, weighed at random."""
    inputs = [Tensor(x) for x in program.inputs()]
    positions = tuple(range(len(inputs)))
    outs = program.ours(*inputs)

    def weighed(fn, seed):
        def total(*tensors):
            found = fn(*tensors)
            return sum((y * w).sum() for y, w in zip(found, cotangents(seed, [y.shape for y in found]), strict=True))

        return total

    first = grad(weighed(program.ours, 1), positions)
    second = grad(weighed(first, 2), positions)
    return [[t.array for t in found] for found in (outs, first(*inputs), second(*inputs))]


def theirs(program):
    """Return the same by torch."""
    inputs = [torch().tensor(x, requires_grad=True) for x in program.inputs()]
    orders = [program.theirs(*inputs)]
    for seed in (1, 2):
        weights = cotangents(seed, [tuple(y.shape) for y in orders[-1]])
        total = sum((y * torch().tensor(w)).sum() for y, w in zip(orders[-1], weights, strict=True))
        if total.requires_grad:
            found = torch().autograd.grad(total, inputs, create_graph=True, materialize_grads=True)
        else:  # a gradient that is constant
            found = [torch().zeros_like(x) for x in inputs]
        orders.append(found)
    return [[t.detach().numpy(force=True) for t in found] for found in orders]


def difference(program):
    """Return where the two differ, or nothing."""
    for order, got, want in zip(("value", "gradient", "second order"), ours(program), theirs(program), strict=True):
        scale = 1 + max(np.abs(w).max() for w in want)
        for i, (g, w) in enumerate(zip(got, want, strict=True)):
            if g.shape != w.shape or g.dtype != w.dtype or not np.allclose(g, w, rtol=1e-9, atol=1e-10 * scale):
                return f"{order} {i} of{program}\nis\n{g!r}\nby torch\n{w!r}"
    return ""


@given(program=programs())
@settings(max_examples=EXAMPLES, print_blob=False)
def test_random_programs_agree_with_torch(program):
    found = difference(program)
    assert not found, found


# The suite itself


def test_every_differentiable_operation_takes_part():
    assert {case.op for case in CASES} - {name.partition(" ")[0] for name in TABLE} == set()


def without_second_order(x, axis):
    """A softmax whose value and gradient are right."""
    y = ops.softmax(x, axis)
    g = stop_gradient(y)
    return g + g * (x - stop_gradient(x)) - g * ((x - stop_gradient(x)) * g).sum(axis, keepdims=True)


@pytest.mark.parametrize(
    ("op", "wrong", "order"),
    [
        ("tanh", lambda x: ops.tanh(x) * 1.001, "value 0"),
        ("sin", lambda x: stop_gradient(ops.sin(x)), "gradient 0"),
        ("softmax", without_second_order, "second order 0"),
    ],
)
def test_a_mistake_is_found_and_reported_as_the_smallest_program(monkeypatch, op, wrong, order):
    monkeypatch.setattr(TABLE[op], "ours", wrong)
    enough = settings(max_examples=5000, derandomize=True, database=None, deadline=None)
    program = find(programs(), difference, settings=enough)
    shape, options = ("()", "") if op != "softmax" else ("(3,)", ", axis=0")
    report = difference(program)
    assert report.startswith(f"{order} of\n  rng = np.random.default_rng(0)\n  x0 = rng.uniform(-2, 2, {shape})\n")
    assert f"\n  y0 = {op}(x0{options})\n  return y0\nis\n" in report
    assert "\nby torch\n" in report


def test_each_operation_is_drawn_often():
    seen = dict.fromkeys(TABLE, 0)

    @given(program=programs())
    @settings(max_examples=3 * EXAMPLES)  # the first ones are less even, and depend on which modules are loaded
    def count(program):
        for name in {step.op for step in program.steps}:
            seen[name] += 1

    count()
    assert {name: n for name, n in seen.items() if n < 3} == {}
