"""Groups of Parameters with their own options; one optimizer under both its names; wrong calls."""

import re

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, nn, optim, value_and_grad
from autograd.errors import ArgumentError, AutogradError, DTypeError, ShapeError
from autograd.optim import schedules

from .helpers import plain

KINDS = {"SGD": optim.SGD, "Adam": optim.Adam, "AdamW": optim.AdamW}
every = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
OWN = {
    optim.SGD: {"lr": 0.5, "weight_decay": 0.25, "momentum": 0.75, "nesterov": True},
    optim.Adam: {"lr": schedules.step(0.5, 0.5, 1), "weight_decay": 0.25, "betas": (0.5, 0.6), "eps": 1e-2},
    optim.AdamW: {"lr": [0.5, 0.1], "weight_decay": 0.25, "betas": (0.5, 0.6), "eps": 1e-2},
}


def weights():
    return [Parameter([1.0, -2.0], name="w"), Parameter([3.0], name="b"), Parameter([[0.5]], name="c")]


def train(optimizer, steps=4):
    rng = np.random.default_rng(0)
    for _ in range(steps):
        optimizer([Tensor(rng.normal(size=p.shape), "float32") for p in optimizer.params])
    return [plain(p) for p in optimizer.params]


@every
def test_a_group_is_updated_as_by_an_optimizer_of_its_own(kind):
    (w, b, c), rng = weights(), np.random.default_rng(0)
    both = kind([{"params": [w, c]}, {"params": [b], **OWN[kind]}], 0.125)
    (w2, b2, c2) = weights()
    one, other = kind([w2, c2], 0.125), kind([b2], **OWN[kind])
    for _ in range(4):
        of_w, of_c, of_b = (Tensor(rng.normal(size=p.shape), "float32") for p in (w, c, b))
        both([of_w, of_c, of_b])
        one([of_w, of_c]), other([of_b])
    assert plain((w, b, c)) == plain((w2, b2, c2))
    assert plain(w) != [1.0, -2.0]


@every
@pytest.mark.parametrize("option", ["lr", "weight_decay", "momentum", "nesterov", "betas", "eps"])
def test_each_option_of_a_group_counts(kind, option):
    if option not in OWN[kind]:
        assert option not in kind.options
        return
    value = OWN[kind][option]
    base = {"momentum": 0.5} if kind is optim.SGD else {}
    without, own = weights(), weights()
    expected = train(kind(weights(), 0.25, **base))
    assert train(kind([{"params": without}], 0.25, **base)) == expected
    assert train(kind([{"params": own, option: value}], 0.25, **base)) != expected
    assert train(kind(weights(), **{"lr": 0.25, **base, option: value})) == [plain(p) for p in own]


@every
def test_an_order_of_the_gradients_that_is_not_that_of_the_groups(kind):
    w, b, c = weights()
    grouped = kind([{"params": [b], "lr": 0.5}, {"params": [w, c]}, {"order_params": [w, b, c]}])
    assert [p.name for p in grouped.params] == ["w", "b", "c"]
    assert [p.name for p in grouped.parameters] == ["w", "b", "c"]
    again = weights()
    assert train(grouped) == train(kind([{"params": again[:1]}, {"params": again[1:2], "lr": 0.5}, {"params": again[2:]}]))


def test_options_can_be_changed_between_steps():
    w, b, _ = weights()
    optimizer = optim.SGD([{"params": [w]}, {"params": [b], "lr": 1.0}], 0.5)
    ones = [Tensor([1.0, 1.0]), Tensor([1.0])]
    optimizer(ones)
    assert plain((w, b)) == ([0.5, -2.5], [2.0])
    optimizer.lr, optimizer.groups[1]["lr"] = 0.25, 2.0
    optimizer(ones)
    assert plain((w, b)) == ([0.25, -2.75], [0.0])


@every
def test_a_state_with_groups_goes_on_with_the_same_bits(kind):
    def made():
        w, b, c = weights()
        return kind([{"params": [b], **OWN[kind]}, {"params": [w, c]}, {"order_params": [w, b, c]}], 0.125)

    whole, first, second = made(), made(), made()
    rng = np.random.default_rng(1)
    gradients = [[Tensor(rng.normal(size=p.shape), "float32") for p in whole.params] for _ in range(6)]
    for i, g in enumerate(gradients):
        whole(g)
        if i < 3:
            first(g)
    for p, q in zip(first.params, second.params, strict=True):
        q.set_data(p)
    second.load_state_dict(first.state_dict())
    for g in gradients[3:]:
        second(g)
    assert [p.array.tobytes() for p in whole.params] == [p.array.tobytes() for p in second.params]


GROUPS = {
    "a typing mistake": lambda w, b: [{"params": [w], "learning": 0.1}],
    "no params": lambda w, b: [{"lr": 0.1}],
    "of another optimizer": lambda w, b: [{"params": [w], "betas": (0.9, 0.9)}],
    "out of range": lambda w, b: [{"params": [b]}, {"params": [w], "lr": -1.0}],
    "a bool": lambda w, b: [{"params": [w], "weight_decay": True}],
    "centralized": lambda w, b: [{"params": [w], "grad_centralization": True}],
    "mixed": lambda w, b: [{"params": [w]}, b],
    "twice": lambda w, b: [{"params": [w, b]}, {"params": [b]}],
    "order lacks one": lambda w, b: [{"params": [w, b]}, {"order_params": [w]}],
    "order of others": lambda w, b: [{"params": [w]}, {"order_params": [b]}],
    "no list": lambda w, b: [{"params": w}],
    "empty": lambda w, b: [{"params": []}],
    "whole numbers": lambda w, b: [Parameter([1, 2], name="n")],
    "whole numbers in a group": lambda w, b: [{"params": [Parameter([1, 2], name="n")]}],
    "one Parameter": lambda w, b: w,
    "a Cell": lambda w, b: nn.Dense(1, 1),
    "a dict": lambda w, b: {"params": [w]},
    "names": lambda w, b: ["w"],
}
TEXTS = {
    "a typing mistake": "SGD: expected 'params' with some of 'lr', 'weight_decay', 'momentum', 'nesterov', 'constraint', got",
    "no params": "'nesterov', 'constraint', got 'lr'. For example {'params': [net.bias], 'weight_decay': 0.0}",
    "of another optimizer": "'nesterov', 'constraint', got 'params', 'betas'",
    "out of range": "SGD, group 1: expected lr in [0, inf), got -1.0",
    "a bool": "SGD: expected weight_decay in [0, inf), got True",
    "centralized": "SGD: expected grad_centralization=False, got True",
    "mixed": "SGD: expected a group such as {'params': [...], 'lr': 0.01} as item 1, got Parameter [1] Float32. Wrap it",
    "twice": "SGD: expected each Parameter once, got one of them twice",
    "order lacks one": "SGD: expected order_params to be the 2 Parameters of the groups, got a different list of 1",
    "order of others": "SGD: expected order_params to be the 1 Parameters of the groups, got a different list of 1",
    "no list": "SGD: expected a list of Parameters, got Parameter [2] Float32. Put it in a list",
    "empty": "SGD: expected at least one Parameter, got none",
    "whole numbers": "SGD, n: expected a Parameter of floats, got Parameter [2] Int64. Convert its values",
    "whole numbers in a group": "SGD, n: expected a Parameter of floats, got Parameter [2] Int64",
    "one Parameter": "SGD: expected a list of Parameters, or of groups of them, got Parameter [2] Float32. Pass cell",
    "a Cell": "SGD: expected a list of Parameters, or of groups of them, got Dense",
    "a dict": "SGD: expected a list of Parameters, or of groups of them, got dict",
    "names": "SGD: expected Parameters, got str",
}


@pytest.mark.parametrize("case", GROUPS)
def test_what_cannot_be_updated_is_refused(case):
    w, b, _ = weights()
    with pytest.raises(AutogradError, match=re.escape(TEXTS[case])):
        optim.SGD(GROUPS[case](w, b), 0.1)


# One class under both names


def test_there_is_one_adam_and_one_sgd():
    assert nn.Adam is optim.Adam
    assert nn.SGD is optim.SGD
    assert issubclass(nn.Momentum, optim.SGD)


@pytest.mark.parametrize(
    ("order", "named"),
    [
        ((0.1, (0.8, 0.9), 1e-3, 0.25), {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.25}),
        ((0.1, 0.8, 0.9, 1e-3, True, False, 0.25, 2.0),
         {"learning_rate": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.25, "loss_scale": 2.0}),
        ((0.1, 0.8), {"lr": 0.1, "beta1": 0.8}),
        ((), {"beta2": 0.999}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW])
def test_adam_takes_the_places_and_the_names_of_both(kind, order, named):
    by_place, by_name = kind(weights(), *order), kind(weights(), **named)
    assert repr(by_place) == repr(by_name)
    assert train(by_place) == train(by_name) != [plain(p) for p in weights()]


def test_sgd_takes_its_arguments_in_the_order_that_torch_and_mindspore_have():
    by_place = optim.SGD(weights(), 0.1, 0.9, 0.0, 0.25, True, 2.0)
    assert repr(by_place) == ("SGD(params, lr=0.1, weight_decay=0.25, momentum=0.9, nesterov=True, loss_scale=2.0)")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optim.Adam(p, 0.1, learning_rate=0.1), "Adam: expected lr or learning_rate, got both"),
        (lambda p: optim.SGD(p, 0.1, learning_rate=0.1), "SGD: expected lr or learning_rate, got both"),
        (lambda p: optim.Adam(p, betas=(0.8, 0.9), beta1=0.8), "Adam: expected betas, or beta1 and beta2, got both"),
        (lambda p: optim.Adam(p, 0.1, (0.8, 0.9), 1e-8, eps=1e-4), "Adam: expected eps once, got it by position and by name"),
        (
            lambda p: optim.Adam(p, 0.1, (0.8, 0.9), 1e-8, 0, True),
            "at most betas, eps, weight_decay by position after lr, got 4. Pass the others by name",
        ),
        (lambda p: optim.Adam(p, betas=0.9), r"betas as a pair such as \(0.9, 0.999\), got 0.9"),
        (lambda p: optim.Adam(p, True), r"Adam: expected lr in \[0, inf\), got True"),
        (lambda p: optim.Adam(p, "0.1"), r"Adam: expected lr in \[0, inf\), got '0.1'"),
        (lambda p: optim.Adam(p, [0.1, -0.1]), r"Adam: expected lr in \[0, inf\), got -0.1"),
        (lambda p: optim.Adam(p, []), "schedules.table: expected at least one rate, got none"),
        (lambda p: optim.SGD(p, 0.1, 0.9, 0.1), "SGD: expected dampening=0, got 0.1"),
        (lambda p: optim.SGD(p, 0.1, True), r"SGD: expected momentum in \[0, 1\), got True"),
        (lambda p: optim.SGD(p, 0.1, 0.9, 0.0, 0.0, 1e-4), "SGD: expected nesterov=True or False, got 0.0001"),
    ],
)
def test_arguments_that_contradict_or_stand_in_the_wrong_place(make, message):
    with pytest.raises(ArgumentError, match=message):
        make(weights())


@pytest.mark.parametrize("rate", [-1.0, np.nan, np.inf])
def test_a_schedule_that_leaves_the_range_is_an_error_at_its_step(rate):
    w, *_ = weights()
    optimizer = optim.AdamW([w], lambda n: 0.1 if n < 2 else rate)
    for _ in range(2):
        optimizer([Tensor([1.0, 1.0])])
    before = plain(w)
    with pytest.raises(ArgumentError, match=r"AdamW, step 2: expected lr in \[0, inf\), got"):
        optimizer([Tensor([1.0, 1.0])])
    assert (plain(w), optimizer.steps) == (before, 2)


# Calls that are mistakes


class Net(Cell):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(2, 1, rng=0)

    def construct(self, x):
        return self.dense(x).sum()


def test_the_loss_in_the_place_of_the_gradients_is_refused_with_what_to_write():
    net, x = Net(), Tensor([[1.0, 2.0]])
    optimizer = optim.Adam(net.trainable_params())
    loss, gradients = value_and_grad(net, None, optimizer.params)(x)
    message = (
        r"Adam: expected gradients, one for each Parameter, got \[\] Float32. loss, gradients = autograd.value_and_grad\(fn"
    )
    with pytest.raises(DTypeError, match=message):
        optimizer(loss)
    with pytest.raises(DTypeError, match="Adam: expected gradients, one for each Parameter, got "):
        optimizer(None)
    with pytest.raises(ShapeError, match="Adam: expected 2 gradients, got 1"):
        optimizer(gradients[:1])
    with pytest.raises(DTypeError, match=r"Adam, dense\.bias: expected its gradient as a Tensor, got NoneType None. Wrap it"):
        optimizer([gradients[0], None])
    assert optimizer.steps == 0
    optimizer(gradients)
    assert optimizer.steps == 1
