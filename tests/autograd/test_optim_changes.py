"""Changes of an optimizer between its steps, rules of a subclass, and errors in the middle of a step."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

from autograd import Parameter, Tensor, nn, optim
from autograd.errors import ArgumentError, NonFiniteError, ShapeError
from autograd.optim import adam, constraints
from autograd.optim.bundle import SMALL, Bundle

from .helpers import plain


class Rooted(optim.Optimizer):
    """A rule of a user that changes its memory in place."""

    slots = ("total",)
    options = {"lr": optim.Optimizer.options["lr"]}

    def _updated(self, w, g, memory, options):
        memory["total"] += g * g
        return w - options["lr"] * g / np.sqrt(memory["total"] + 1)


class Together(Rooted):
    """The same rule with an array of its own in place of the old one, for all Parameters at once."""

    elementwise = True

    def _updated(self, w, g, memory, options):
        memory["total"] = memory["total"] + g * g
        return w - options["lr"] * g / np.sqrt(memory["total"] + 1)


class Normed(optim.Adam):
    """A rule for a whole Parameter in a subclass of one for each weight."""

    def _updated(self, w, g, memory, options):
        return w - options["lr"] * g / np.sqrt((g * g).sum())


KINDS = {
    "SGD": optim.SGD,
    "momentum": lambda params, lr: optim.SGD(params, lr, 0.5, nesterov=True),
    "Momentum": lambda params, lr: nn.Momentum(params, lr, 0.5),
    "Adam": optim.Adam,
    "decayed": lambda params, lr: optim.Adam(params, lr, weight_decay=0.5),
    "AdamW": optim.AdamW,
    "without bounds": lambda params, lr: optim.Adam(params, lr, eps=0.0),
    "Rooted": Rooted,
    "Together": Together,
}
every = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
SHAPES = (3,), (2, 2), (4,), (2,)


def params(shapes=SHAPES):
    rng = np.random.default_rng(5)
    return [Parameter(rng.normal(size=shape).astype(np.float32), name=f"w{i}") for i, shape in enumerate(shapes)]


def gradients(seed, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return [Tensor(rng.normal(size=shape).astype(np.float32)) for shape in shapes]


def bits(optimizer):
    memory = {key: np.array(value).tobytes() for key, value in optimizer.state_dict().items()}
    return [p.array.tobytes() for p in optimizer.params], memory


# Groups


@every
def test_a_parameter_taken_out_of_its_group_stays_until_it_is_back(kind):
    optimizer, other = kind(params(), 0.1), kind(params(), 0.1)
    out = other.params[1]
    for seed in range(6):
        optimizer.groups[0]["params"] = optimizer.params[:1] + optimizer.params[1 + (2 <= seed < 4) :]
        out.requires_grad = not 2 <= seed < 4
        before = out.array.tobytes()
        optimizer(gradients(seed))
        other(gradients(seed))
        assert bits(optimizer) == bits(other)
        assert (out.array.tobytes() == before) == (2 <= seed < 4)


@every
@pytest.mark.parametrize("together", [False, True])
def test_groups_made_between_the_steps_are_those_of_an_optimizer_made_so(kind, together):
    def split(given):
        return [{"params": [given[3], given[0]], "lr": 0.5}, {"params": given[1:3]}, {"order_params": given}]

    optimizer = kind(params(), 0.1)
    other = kind(split(params()), 0.1)
    other.groups[0]["lr"] = 0.1
    for seed in range(6):
        if seed == 2:
            optimizer.groups[0]["params"] = optimizer.params[1:3]
            optimizer.groups.insert(0, {"params": [optimizer.params[3], optimizer.params[0]], "lr": 0.5})
            other.groups[0]["lr"] = 0.5
        if seed == 4:
            optimizer.groups[0]["lr"] = other.groups[0]["lr"] = lambda step: 0.1 * step
            if together:
                optimizer.groups.reverse()
        optimizer(gradients(seed))
        other(gradients(seed))
        assert bits(optimizer) == bits(other)


OTHERS = "the Parameters that it was made with, got others"


def put(key, value):
    return lambda optimizer: optimizer.groups[0].__setitem__(key, value(optimizer) if callable(value) else value)


WRONG = {
    "another Parameter": (
        put("params", lambda o: [*o.params, Parameter([1.0], name="new")]),
        OTHERS,
    ),
    "another group": (lambda o: o.groups.append({"params": [Parameter([1.0])]}), OTHERS),
    "one twice": (put("params", lambda o: [*o.params, o.params[0]]), "each Parameter once, got one of them twice"),
    "none": (put("params", []), "at least one Parameter, got none"),
    "another order": (lambda o: o.params.reverse(), OTHERS),
    "less memory": (lambda o: o.memory.pop(), OTHERS),
    "an unknown option": (put("learning_rate", 0.1), "expected 'params' with some of 'lr', 'weight_decay'"),
    "a rate": (put("lr", -1.0), r"expected lr in \[0, inf\), got -1.0"),
    "a decay": (lambda o: setattr(o, "weight_decay", -1.0), r"expected weight_decay in \[0, inf\), got -1.0"),
    "a momentum": (lambda o: setattr(o, "momentum", 2.0), r"SGD, step 2: expected momentum in \[0, 1\), got 2.0"),
    "a scale": (lambda o: setattr(o, "loss_scale", -1.0), "expected a positive loss_scale, got -1.0"),
    "a constraint": (put("constraint", 3.0), "expected a constraint, or a list of them, got"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_change_that_does_not_fit_is_refused_and_nothing_is_updated(case):
    change, message = WRONG[case]
    optimizer = optim.SGD(params(), 0.1, 0.9)
    for seed in range(2):
        optimizer(gradients(seed))
    weights, memory = list(optimizer.params), list(optimizer.memory)
    before = bits(optimizer)
    change(optimizer)
    for _ in range(2):
        with pytest.raises(ArgumentError, match=message):
            optimizer([Tensor(np.ones(p.shape, np.float32)) for p in optimizer.params])
    optimizer.params, optimizer.memory = weights, memory
    assert bits(optimizer) == before


@every
def test_options_changed_between_the_steps_count(kind):
    optimizer, other = kind(params(), 0.1), kind(params(), lambda step: [0.1, 0.3, 0.2][step])
    for step, lr in enumerate([0.1, np.float32(0.3).item(), 0.2]):
        optimizer.lr = [0.1, 0.3, 0.2] if step else lr
        optimizer(gradients(step))
        other(gradients(step))
    assert bits(optimizer) == bits(other)


def test_a_frozen_parameter_costs_no_copies(monkeypatch):
    made, init = [], Bundle.__init__
    monkeypatch.setattr(Bundle, "__init__", lambda self, *arguments: made.append(init(self, *arguments)))
    optimizer = optim.Adam(params(), 0.1)
    optimizer.params[2].requires_grad = False
    for seed in range(5):
        optimizer(gradients(seed))
    assert len(made) == 1
    optimizer.params[2].requires_grad = True
    for seed in range(5):
        optimizer(gradients(seed))
    assert len(made) == 2


# Memory


@every
def test_memory_put_in_place_of_the_old_one_counts(kind):
    optimizer, other = kind(params(), 0.1), kind(params(), 0.1)
    for one in (optimizer, other):
        one(gradients(0))
        saved = one.state_dict()
        one(gradients(1))
    other.load_state_dict(saved)
    optimizer.steps = 1
    for i, p in enumerate(optimizer.params):
        optimizer.memory[i] = {slot: saved[f"{i}.{p.name}.{slot}"] for slot in optimizer.slots}
    for one in (optimizer, other):
        one(gradients(2))
    assert bits(optimizer) == bits(other)


@pytest.mark.parametrize("values", [np.zeros(5, np.float32), np.zeros(3)])
def test_memory_that_does_not_fit_is_refused(values):
    optimizer = optim.Adam(params(), 0.1)
    optimizer.memory[0] = {"mean": values, "square": values}
    with pytest.raises(ShapeError, match=r"w0, memory 'mean': expected \[3\] float32, got"):
        optimizer(gradients(0))
    assert optimizer.steps == 0


@every
def test_a_copy_goes_on_with_the_same_bits(kind):
    optimizer = kind(params(), 0.1)
    optimizer(gradients(0))
    twins = [copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))]
    for one in (optimizer, *twins):
        one(gradients(1))
    assert bits(optimizer) == bits(twins[0]) == bits(twins[1])


def test_a_second_process_makes_the_same_step():
    optimizer = optim.AdamW([{"params": (given := params())[:2]}, {"params": given[2:], "lr": 0.5}], 0.1)
    optimizer(gradients(0))
    code = (
        "import pickle, sys; optimizer, g = pickle.load(sys.stdin.buffer); optimizer(g); "
        "sys.stdout.buffer.write(pickle.dumps([p.asnumpy() for p in optimizer.params]))"
    )
    sent = pickle.dumps((optimizer, gradients(1)))
    found = pickle.loads(subprocess.run([sys.executable, "-c", code], input=sent, stdout=subprocess.PIPE, check=True).stdout)
    optimizer(gradients(1))
    assert [values.tobytes() for values in found] == [p.array.tobytes() for p in optimizer.params]


# Rules of a subclass


def test_a_rule_for_a_whole_parameter_is_not_given_several():
    optimizer = Normed(params(), 0.1)
    pairs = zip(optimizer.params, gradients(0), strict=True)
    expected = [p.array - 0.1 * g.array / np.sqrt((g.array**2).sum()) for p, g in pairs]
    optimizer(gradients(0))
    assert all(np.array_equal(p.array, values) for p, values in zip(optimizer.params, expected, strict=True))


def doubled(self, w, g, memory, options):
    return w - options["lr"] * g / np.sqrt((g * g).sum())


@pytest.mark.parametrize("base", [optim.SGD, optim.Adam, optim.AdamW, nn.Momentum, Normed, Together])
def test_the_bounds_of_a_class_are_not_those_of_another_rule(base):
    kind = type("Other", (base,), {"_updated": doubled})
    optimizer = kind(params(), 0.1, *([0.5] if base is nn.Momentum else []))
    before = bits(optimizer)
    zeros = [Tensor(np.zeros(shape, np.float32)) for shape in SHAPES]
    with pytest.raises(
        NonFiniteError, match=r"Other, step 0: expected a step that leaves w0 .* infinity or NaN in its weights"
    ):
        optimizer(zeros)
    assert bits(optimizer) == before


def test_a_rule_on_an_instance_counts_as_its_own():
    optimizer = optim.Adam(params(), 0.1)
    optimizer._updated = doubled.__get__(optimizer)
    other = Normed(params(), 0.1)
    for one in (optimizer, other):
        one(gradients(0))
    assert bits(optimizer) == bits(other)


def test_a_class_may_state_that_its_own_rule_is_for_each_weight():
    seen = []

    class Seen(Together):
        def _updated(self, w, g, memory, options):
            seen.append(w.shape)
            return super()._updated(w, g, memory, options)

    class Stated(Seen):
        elementwise = True

    optimizers = [Together(params(), 0.1), Seen(params(), 0.1), Stated(params(), 0.1), Rooted(params(), 0.1)]
    for seed in range(3):
        for optimizer in optimizers:
            optimizer(gradients(seed))
    assert [*map(bits, optimizers)] == [bits(optimizers[0])] * 4
    assert seen[: len(SHAPES) + 1] == [*SHAPES, (13,)]


def test_a_rule_that_returns_another_shape_is_refused():
    class Mean(optim.SGD):
        def _updated(self, w, g, memory, options):
            return w.mean()

    optimizer = Mean(params(), 0.1)
    before = bits(optimizer)
    with pytest.raises(ShapeError, match=r"Mean: expected new weights \[3\] from its update, got"):
        optimizer(gradients(0))
    assert bits(optimizer) == before


# Errors in the middle of a step


class Stop(BaseException):
    """An interrupt, which is no Exception."""


@every
@pytest.mark.parametrize("shapes", [SHAPES, (*SHAPES, (SMALL + 1,))], ids=["small", "large"])
def test_after_an_error_in_the_rule_nothing_has_changed(kind, shapes):
    optimizer, expected = kind(params(shapes), 0.1), kind(params(shapes), 0.1)
    base, calls = type(optimizer), []

    def failing(self, w, g, memory, options):
        new = base._updated(self, w, g, memory, options)
        calls.append(w.shape)
        if len(calls) == 3:
            raise Stop
        return new

    optimizer.__class__ = type(base.__name__, (base,), {"_updated": failing, "__module__": __name__})
    before = bits(optimizer)
    with pytest.raises(Stop):
        optimizer(gradients(1, shapes))
    assert bits(optimizer) == before
    for one in (optimizer, expected):
        one(gradients(1, shapes))
    assert bits(optimizer) == bits(expected)


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW])
def test_an_interrupt_in_the_step_of_small_parameters_leaves_no_trace(kind, error, monkeypatch):
    optimizer, expected = kind(params(), 0.1), kind(params(), 0.1)
    for one in (optimizer, expected):
        one(gradients(0))
    before = bits(optimizer)

    def failing(w, g, mean, square, new, numbers):
        mean *= 0.5
        square *= 0.5
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(adam, "_adam", failing)
        patch.setattr(optim.Adam, "compiled", None)
        with pytest.raises(error):
            optimizer(gradients(1))
    assert bits(optimizer) == before
    for one in (optimizer, expected):
        one(gradients(1))
    assert bits(optimizer) == bits(expected)


@pytest.mark.parametrize("size", [3, SMALL + 1])
def test_a_constraint_that_fails_leaves_no_trace(size):
    optimizer = optim.Adam([{"params": [Parameter(np.ones(size, np.float32), name="w")]}], 0.1)
    g = [Tensor(np.ones(size, np.float32))]
    optimizer(g)
    before = bits(optimizer)
    optimizer.groups[0]["constraint"] = constraints.Mask(np.ones(size + 1, bool))
    with pytest.raises(ShapeError, match="Mask: expected a mask that broadcasts"):
        optimizer(g)
    assert bits(optimizer) == before


@pytest.mark.parametrize("options", [{}, {"eps": 0.0}])
def test_a_schedule_is_called_once_a_step_and_may_fail(options):
    steps = []

    def lr(step):
        steps.append(step)
        if len(steps) == 3:
            raise RuntimeError
        return 0.1

    given = params()
    optimizer = optim.Adam([{"params": given[:2]}, {"params": given[2:], "weight_decay": 0.5}], lr, **options)
    for seed in range(2):
        optimizer(gradients(seed))
    before = bits(optimizer)
    with pytest.raises(RuntimeError):
        optimizer(gradients(2))
    assert bits(optimizer) == before
    optimizer(gradients(2))
    assert steps == [0, 1, 2, 2]


def test_what_a_constraint_makes_large_is_known_at_the_next_step():
    p, most = Parameter(np.ones(2, np.float32), name="w"), float(np.finfo(np.float32).max)
    optimizer = optim.SGD([{"params": [p], "constraint": constraints.Within(low=most)}], 1e15)
    for _ in range(2):
        p.set_data(np.ones(2, np.float32))
        optimizer([Tensor([0.0, 0.0])])
    with pytest.raises(NonFiniteError, match="infinity or NaN in its weights"):
        optimizer([Tensor([-1e18, 0.0])])
    assert plain(p) == [most] * 2


def test_a_gradient_that_is_not_finite_is_refused_for_a_parameter_that_stays():
    optimizer = optim.Adam(params(), 0.1)
    optimizer.groups[0]["params"] = optimizer.params[:2]
    bad = gradients(0)
    bad[3].asnumpy()[0] = np.nan
    with pytest.raises(NonFiniteError, match="Adam, step 0: expected a finite gradient of w3"):
        optimizer(bad)


def test_a_scale_too_small_for_the_dtype_is_no_silent_infinity():
    optimizer = optim.SGD(params(), 0.1, loss_scale=1e-46)
    before = bits(optimizer)
    with pytest.raises(NonFiniteError):
        optimizer([Tensor(np.full(shape, 1e-20, np.float32)) for shape in SHAPES])
    assert bits(optimizer) == before
