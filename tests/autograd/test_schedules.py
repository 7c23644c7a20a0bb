"""Learning-rate schedules and gradient clipping."""

import math

import numpy as np
import pytest

from autograd import Tensor, optim
from autograd.errors import ArgumentError
from autograd.optim import schedules

from .helpers import plain


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (schedules.exponential(1.0, 0.25, 2), [1.0, 0.5, 0.25, 0.125]),
        (schedules.exponential(1.0, 0.5), [1.0, 0.5, 0.25, 0.125]),
        (schedules.step(1.0, 0.1, 2), [1.0, 1.0, 0.1, 0.1, 0.01]),
        (schedules.cosine(1.0, 4), [1.0, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5, 0.0, 0.0]),
        (schedules.cosine(1.0, 2, lowest=0.2), [1.0, 0.6, 0.2, 0.2]),
        (schedules.warmup(1.0, 4), [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]),
        (schedules.warmup(schedules.step(1.0, 0.5, 1), 2), [0.5, 1.0, 1.0, 0.5, 0.25]),
        (schedules.table([1, 0.5]), [1.0, 0.5, 0.5]),
    ],
)
def test_rates_of_a_schedule(schedule, rates):
    assert [schedule(n) for n in range(len(rates))] == pytest.approx(rates)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: schedules.exponential(1.0, 0.5, 0), "every"), (lambda: schedules.step(1.0, 0.5, 0), "every"),
        (lambda: schedules.cosine(1.0, 0), "steps"), (lambda: schedules.warmup(1.0, -1), "steps"),
    ],
)  # fmt: skip
def test_a_schedule_over_no_steps_is_refused(make, name):
    with pytest.raises(
        ArgumentError, match=rf"schedules.[a-z]+: expected {name} to be at least 1, got .* Count steps of the optimizer"
    ):
        make()


def test_a_table_of_no_rates_is_refused():
    with pytest.raises(ArgumentError, match=r"schedules.table: expected at least one rate, got none"):
        schedules.table([])


# Clipping


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_clipping_by_the_joint_norm(dtype):
    gradients = (Tensor([3.0, 0.0], dtype), Tensor([[4.0]], dtype), Tensor(0.0, dtype))
    clipped, norm = optim.clip_by_norm(gradients, 1.0)
    assert norm == pytest.approx(5.0)
    assert [g.dtype.name for g in clipped] == [dtype] * 3
    np.testing.assert_allclose(np.concatenate([g.array.ravel() for g in clipped]), [0.6, 0.0, 0.8, 0.0], rtol=1e-3)
    assert plain(gradients) == ([3.0, 0.0], [[4.0]], 0.0)
    same, norm = optim.clip_by_norm(gradients, 5.0)
    assert norm == pytest.approx(5.0)
    assert all(a is b for a, b in zip(same, gradients, strict=True))


def test_clipping_by_value():
    gradients = (Tensor([3.0, -0.5]), Tensor([[-4.0]], "float64"))
    assert plain(optim.clip_by_value(gradients, 1.0)) == ([1.0, -0.5], [[-1.0]])
    assert [g.dtype.name for g in optim.clip_by_value(gradients, 1.0)] == ["float32", "float64"]
    assert plain(gradients) == ([3.0, -0.5], [[-4.0]])


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan])
def test_clipping_to_nothing_is_refused(limit):
    with pytest.raises(ArgumentError, match=r"clip_by_norm: expected a positive max_norm, got .* Leave clipping out"):
        optim.clip_by_norm([Tensor([1.0])], limit)
    with pytest.raises(ArgumentError, match=r"clip_by_value: expected a positive limit, got"):
        optim.clip_by_value([Tensor([1.0])], limit)
