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


class Rooted(optim.Optimizer):
    """An optimizer of a user, which does not say how large its numbers become, and changes its memory in place."""

    slots = ("total",)
    options = {"lr": optim.Optimizer.options["lr"]}

    def _updated(self, w, g, memory, options):
        memory["total"] += g * g
        return w - options["lr"] * g / np.sqrt(memory["total"])


OVERFLOWS = {
    "a square": (optim.Adam, {}, 4.5e30, "square", "float32"),
    "a square with decay": (optim.AdamW, {}, -4.5e30, "square", "float32"),
    "a square in float64": (optim.Adam, {}, 4.5e200, "square", "float64"),
    "a decayed weight": (optim.Adam, {"weight_decay": 1e30}, 1.0, "square", "float32"),
    "a step": (optim.Adam, {"lr": 1e38, "betas": (0.0, 0.999), "eps": 1e-2}, 1e18, "weights", "float32"),
    "zero by zero": (optim.Adam, {"eps": 0.0}, 0.0, "weights", "float32"),
    "a scaled gradient": (optim.Adam, {"loss_scale": 1e-30}, 1.0, "square", "float32"),
    "a weight": (optim.SGD, {"lr": 10.0}, 3e38, "weights", "float32"),
    "a weight in float16": (optim.Adam, {"lr": 1e6}, 1.0, "weights", "float16"),
    "momentum": (optim.SGD, {"momentum": 0.9, "loss_scale": 1e-10}, 1e30, "momentum", "float32"),
    "another memory": (Rooted, {}, 1e30, "total", "float32"),
}


def everything(optimizer):
    return plain(optimizer.params), {key: np.array(value) for key, value in optimizer.state_dict().items()}


def assert_the_same(found, expected):
    assert found[0] == expected[0]
    assert found[1].keys() == expected[1].keys()
    assert all(np.array_equal(value, expected[1][key]) for key, value in found[1].items())


@pytest.mark.parametrize("case", OVERFLOWS)
def test_a_step_that_overflows_is_refused_and_nothing_is_updated(case):
    kind, options, g, where, dtype = OVERFLOWS[case]
    good, p = (Parameter(np.array([1.0, 2.0], dtype), name=name) for name in ("good", "broken"))
    fine, large = Tensor(np.array([1.0, 0.5], dtype)), Tensor(np.array([1.0, g], dtype))
    optimizer = kind([good, p], **options)
    before = everything(optimizer)
    with pytest.raises(
        NonFiniteError,
        match=rf"{kind.__name__}, step 0: expected a step that leaves (good|broken) and its memory finite, got infinity or "
        rf"NaN in its (memory ')?{where}.*Nothing was updated. Clip the gradients with optim.clip_by_norm, or lower",
    ):
        optimizer([fine, large])
    assert_the_same(everything(optimizer), before)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW, Rooted])
def test_a_refused_step_leaves_no_trace(kind):
    made, expected = (
        kind([Parameter(np.array([1.0, 2.0], np.float32), name=name) for name in "ab"], lr=0.1) for _ in range(2)
    )
    steps = [[Tensor(np.array(values, np.float32)) for values in ([1.0, -1.0], [0.5, n])] for n in (1.0, 2.0, 3.0)]
    for gradients in steps:
        expected(gradients)
    made(steps[0])
    made.lr = 1e38
    with pytest.raises(NonFiniteError):
        made([steps[1][0], Tensor(np.array([3e38, 1.0], np.float32))])
    made.lr = 0.1
    for gradients in steps[1:]:
        made(gradients)
    assert_the_same(everything(made), everything(expected))


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW])
def test_steps_of_any_size_end_finite_or_are_refused(kind):
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        w, g, lr = (10.0 ** rng.uniform(-40, 38, size) for size in (3, (2, 3), ()))
        options = {"momentum": rng.choice([0.0, 0.9])} if kind is optim.SGD else {"eps": 10.0 ** rng.uniform(-45, 1)}
        made, slow = (
            kind([Parameter(np.float32(w), name="w")], lr=lr, weight_decay=10.0 ** rng.uniform(-40, 2), **options)
            for _ in range(2)
        )
        slow._bounded = lambda *_: None
        slow.weight_decay = made.weight_decay
        for row in g:
            ends = []
            for optimizer in (made, slow):
                try:
                    optimizer([Tensor(np.float32(row))])
                except NonFiniteError:
                    ends.append(True)
                else:
                    ends.append(False)
            assert ends[0] == ends[1]
            refused += ends[0]
            assert_the_same(everything(made), everything(slow))
            assert np.isfinite(made.params[0].array).all()
            assert all(np.isfinite(values).all() for values in made.memory[0].values())
    assert 20 < refused < 280


def test_a_large_step_without_overflow_is_made():
    p = Parameter(np.array([1e30, 1.0], np.float32), name="w")
    with np.errstate(all="raise"):
        optim.SGD([p], 0.5)([Tensor(np.array([1e30, 1e30], np.float32))])
    assert np.array_equal(p.array, np.float32([1e30, 1.0]) - np.float32(0.5) * np.float32(1e30))


def test_a_weight_that_was_infinite_before_is_no_error():
    p = Parameter(np.array([np.inf, 1.0], np.float32), name="w")
    optim.Adam([p], 0.1)([Tensor([1.0, 1.0])])
    assert plain(p) == [np.inf, pytest.approx(0.9)]


def test_what_a_constraint_makes_is_checked_too():
    p, other = Parameter(np.ones(2, np.float32), name="w"), Parameter(np.ones(2, np.float32), name="other")

    def only_ones(values):
        return np.where(values == 1, values, np.float32(np.nan))

    optimizer = optim.Adam([{"params": [other]}, {"params": [p], "constraint": only_ones}], 0.1)
    before = everything(optimizer)
    with pytest.raises(NonFiniteError, match=r"Adam, step 0: expected a step that leaves w .* infinity or NaN from <function"):
        optimizer([Tensor([1.0, 1.0]), Tensor([1.0, 1.0])])
    assert_the_same(everything(optimizer), before)


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
    for optimizer in (optim.Adam([b, a]), optim.Adam([{"params": [b], "lr": 0.1}, {"params": [a]}])):
        with pytest.raises(
            StateDictError, match=r"in the order of the saved state: a, b, got another order: b, a\. Nothing was"
        ):
            optimizer.load_state_dict(saved)
    with pytest.raises(StateDictError, match=r"a mismatch in 0\.a\.mean"):
        optim.Adam([b]).load_state_dict(saved)


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
