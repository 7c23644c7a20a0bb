"""Optimizers against their formulas in plain numpy; saving and resuming."""

import math

import numpy as np
import pytest

from autograd import Parameter, Tensor, grad, optim
from autograd.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError, StateDictError
from autograd.optim import schedules

from .helpers import f64, plain

START = np.array([[1.0, -2.0, 0.5], [3.0, 0.1, -0.7]])
STEPS = 6


def gradients_of(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=START.shape) for _ in range(STEPS)]


def sgd(w, gs, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
    m = np.zeros_like(w)
    for n, g in enumerate(gs):
        g = g + weight_decay * w
        m = momentum * m + g
        step = g + momentum * m if nesterov else m
        w = w - (lr(n) if callable(lr) else lr) * step
    return w


def adam(w, gs, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for n, g in enumerate(gs, start=1):
        rate = lr(n - 1) if callable(lr) else lr
        if decoupled:
            w = w - rate * weight_decay * w
        else:
            g = g + weight_decay * w
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        w = w - rate * (m / (1 - betas[0] ** n)) / (np.sqrt(v / (1 - betas[1] ** n)) + eps)
    return w


CASES = [
    (optim.SGD, {"lr": 0.1}, sgd, {}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9}, sgd, {}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}, sgd, {}),
    (optim.SGD, {"lr": 0.1, "weight_decay": 0.2}, sgd, {}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.2, "nesterov": True}, sgd, {}),
    (optim.SGD, {"lr": schedules.step(0.1, 0.5, 2)}, sgd, {}),
    (optim.Adam, {"lr": 0.01}, adam, {}),
    (optim.Adam, {"lr": 0.01, "betas": (0.5, 0.7), "eps": 1e-3}, adam, {}),
    (optim.Adam, {"lr": 0.01, "weight_decay": 0.3}, adam, {}),
    (optim.Adam, {"lr": schedules.exponential(0.01, 0.5)}, adam, {}),
    (optim.AdamW, {"lr": 0.01, "weight_decay": 0.3}, adam, {"decoupled": True}),
    (optim.AdamW, {"lr": schedules.cosine(0.1, 4), "weight_decay": 0.3}, adam, {"decoupled": True}),
]
every_optimizer = pytest.mark.parametrize(
    ("make", "options", "formula", "extra"),
    CASES,
    ids=[f"{c[0].__name__}-{'-'.join(map(str, c[1]))}-{i}" for i, c in enumerate(CASES)],
)


@every_optimizer
def test_steps_follow_the_formula(make, options, formula, extra):
    p = Parameter(START)
    optimizer = make([p], **options)
    for g in gradients_of():
        before, values = p.array, p.array.copy()
        optimizer([Tensor(g)])
        assert np.array_equal(before, values)  # a new array: a tensor that shares the old one stays as it was
    np.testing.assert_allclose(p.array, formula(START, gradients_of(), **options, **extra), rtol=1e-12)
    assert optimizer.steps == STEPS


@every_optimizer
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_parameters_and_memory_keep_dtype_and_shape(make, options, formula, extra, dtype, shape):
    p = Parameter(Tensor(np.ones(shape), dtype))
    optimizer = make([p], **options)
    for _ in range(2):
        optimizer(grad(lambda: p * p, None, [p])())
    assert (type(p.array), p.dtype, p.shape) == (np.ndarray, dtype, shape)
    saved = [value for key, value in optimizer.state_dict().items() if key != "step"]
    wide = "float32" if dtype == "float16" else dtype  # squares of gradients would be zero in float16
    assert {(str(value.dtype), value.shape) for value in saved} == {(wide, shape)}


@pytest.mark.parametrize(
    ("make", "options", "formula", "meant"),
    [
        (optim.SGD, {"lr": 0.1}, sgd, {"lr": 0.1}),
        (optim.Adam, {}, adam, {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}),
        (optim.AdamW, {}, adam, {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01, "decoupled": True}),
    ],
)
def test_options_left_out(make, options, formula, meant):
    p = Parameter(START)
    optimizer = make([p], **options)
    for g in gradients_of():
        optimizer([Tensor(g)])
    np.testing.assert_allclose(p.array, formula(START, gradients_of(), **meant), rtol=1e-12)


def test_neither_numbers_of_numpy_nor_wider_gradients_widen_the_dtype():
    p = Parameter([1.0, 2.0])
    optim.SGD([p], 0.1)([Tensor([1.0, 1.0], "float64")])
    for lr in (np.float64(0.1), lambda n: np.float64(0.1)):
        optim.SGD([p], lr, momentum=np.float64(0.5), weight_decay=np.float64(0.1))([Tensor([1.0, 1.0])])
        optim.Adam([p], lr, betas=(np.float64(0.9), np.float64(0.99)), eps=np.float64(1e-8))([Tensor([1.0, 1.0])])
    assert p.dtype == np.float32


@every_optimizer
def test_saving_and_going_on_gives_the_same_bits_as_one_run(make, options, formula, extra):
    whole, first = Parameter(START.astype(np.float32)), Parameter(START.astype(np.float32))
    uninterrupted, interrupted = make([whole], **options), make([first], **options)
    gradients = [Tensor(g, "float32") for g in gradients_of()]
    for g in gradients:
        uninterrupted([g])
    for g in gradients[:3]:
        interrupted([g])
    saved = {key: np.array(value) for key, value in interrupted.state_dict().items()}
    second = Parameter(first)
    resumed = make([second], **options)
    resumed.load_state_dict(saved)
    for value in saved.values():
        value[...] = 99  # what was loaded is a copy
    for g in gradients[3:]:
        resumed([g])
    assert np.array_equal(whole.array, second.array)
    assert resumed.steps == STEPS


def test_several_parameters_are_updated_in_order():
    a, b = Parameter([1.0]), Parameter([[2.0, 3.0]])
    optim.SGD(iter([a, b]), 0.5)(grad(lambda: (a * a).sum() + (b * 3).sum(), None, [a, b])())
    assert plain((a, b)) == ([0.0], [[0.5, 1.5]])


@every_optimizer
def test_a_frozen_parameter_stays(make, options, formula, extra):
    frozen, other = Parameter([5.0], requires_grad=False), Parameter([1.0])
    optimizer = make([frozen, other], **options)
    optimizer(grad(lambda: frozen * other, None, [frozen, other])())
    assert plain(frozen) == [5.0]
    assert plain(other) != [1.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_refused_and_nothing_is_updated(bad):
    good, p = Parameter([1.0], name="good"), Parameter([1.0, 2.0], name="broken")
    optimizer = optim.Adam([good, p], 0.1)
    optimizer([Tensor([1.0]), Tensor([1.0, 1.0])])
    before = plain((good, p)), {key: np.array(value) for key, value in optimizer.state_dict().items()}
    message = (
        r"Adam, step 1: expected a finite gradient of broken, got NaN or infinity. Nothing was updated. Lower the learning"
    )
    with pytest.raises(NonFiniteError, match=message):
        optimizer([Tensor([1.0]), Tensor([1.0, bad])])
    assert plain((good, p)) == before[0]
    assert all(np.array_equal(value, before[1][key]) for key, value in optimizer.state_dict().items())


def test_gradients_that_do_not_fit_are_refused():
    p = Parameter([1.0, 2.0], name="w")
    optimizer = optim.SGD([p], 0.1)
    with pytest.raises(
        ShapeError,
        match=r"SGD: expected 1 gradients, got 2. Differentiate with respect to these Parameters only: grad_position=None",
    ):
        optimizer([Tensor([1.0, 1.0])] * 2)
    with pytest.raises(ShapeError, match=r"SGD, w: expected a gradient \[2\], got \[3\] Float32. Check their order"):
        optimizer([Tensor([1.0, 1.0, 1.0])])
    assert plain(p) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optim.SGD([], 0.1), r"SGD: expected at least one Parameter, got none. Pass cell.trainable_params"),
        (lambda p: optim.SGD([p], -0.1), r"SGD: expected lr in \[0, inf\), got -0.1. Choose another value"),
        (lambda p: optim.SGD([p], math.nan), r"SGD: expected lr in \[0, inf\), got nan"),
        (lambda p: optim.SGD([p], math.inf), r"SGD: expected lr in \[0, inf\), got inf"),
        (lambda p: optim.SGD([p], 0.1, momentum=1.0), r"SGD: expected momentum in \[0, 1\), got 1.0"),
        (lambda p: optim.SGD([p], 0.1, weight_decay=-1), r"SGD: expected weight_decay in \[0, inf\), got -1"),
        (lambda p: optim.Adam([p], betas=(1.0, 0.9)), r"Adam: expected beta1 in \[0, 1\), got 1.0"),
        (lambda p: optim.AdamW([p], betas=(0.9, -0.1)), r"AdamW: expected beta2 in \[0, 1\), got -0.1"),
    ],
)
def test_options_out_of_range_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make(Parameter([1.0]))


def test_what_is_no_parameter_is_refused():
    with pytest.raises(DTypeError, match=r"SGD: expected Parameters, got \[1\] Float32. Pass cell.trainable_params"):
        optim.SGD([Tensor([1.0])], 0.1)


@pytest.mark.parametrize(
    "change",
    [lambda s: s.pop("0.w.mean"), lambda s: s.pop("step"), lambda s: s.update({"1.w.mean": np.zeros(2)}),
     lambda s: s.update({"0.w.square": np.zeros(3)})],
    ids=["missing", "no step", "more", "shape"],
)  # fmt: skip
def test_a_saved_state_that_does_not_fit_is_refused_and_nothing_is_loaded(change):
    optimizer = optim.Adam([Parameter([1.0, 2.0], name="w")])
    optimizer([Tensor([1.0, 1.0])])
    saved = dict(optimizer.state_dict())
    before = dict(saved)
    saved["step"] = 17
    change(saved)
    message = (
        r"Adam.load_state_dict: expected the state of the same optimizer of the same Parameters, got a mismatch in (0|1|step)"
    )
    with pytest.raises(StateDictError, match=message):
        optimizer.load_state_dict(saved)
    assert all(np.array_equal(value, before[key]) for key, value in optimizer.state_dict().items())


def test_a_minimum_is_found():
    w = Parameter(np.zeros(2))
    optimizer = optim.Adam([w], schedules.cosine(0.3, 200))
    for _ in range(200):
        optimizer(grad(lambda: ((w - f64([1.0, -2.0])) ** 2 * f64([1.0, 30.0])).sum(), None, [w])())
    np.testing.assert_allclose(w.array, [1.0, -2.0], atol=1e-3)


def test_weights_in_another_order_are_refused_even_if_they_have_the_same_shapes():
    a, b = Parameter([1.0], name="a"), Parameter([2.0], name="b")
    saved = optim.Adam([a, b]).state_dict()
    with pytest.raises(StateDictError, match=r"a mismatch in 0\.a\.mean"):
        optim.Adam([b, a]).load_state_dict(saved)


def test_a_parameter_given_twice_is_refused():
    a = Parameter([1.0])
    with pytest.raises(ArgumentError, match="SGD: expected each Parameter once, got one of them twice"):
        optim.SGD([a, a], 0.1)


@pytest.mark.parametrize("rule", [optim.Adam, optim.AdamW, optim.SGD])
def test_weights_in_float16_learn_as_those_in_float32_rounded_once_a_step(rule):
    options = {"momentum": 0.9, "lr": 1.0} if rule is optim.SGD else {"lr": 0.01}
    half, single = Parameter(START.astype(np.float16)), Parameter(START.astype(np.float32))
    optimizers = rule([half], **options), rule([single], **options)
    for g in gradients_of():
        for p, optimizer in zip((half, single), optimizers, strict=True):
            optimizer([Tensor((1e-3 * g).astype(np.float16).astype(p.dtype))])
        single.set_data(single.array.astype(np.float16))
    assert half.dtype == np.float16
    assert (half.array != START.astype(np.float16)).sum() > 3  # a step may be less than a bit of float16
    np.testing.assert_allclose(half.array, single.array, rtol=2e-3)
