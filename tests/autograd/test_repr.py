"""Printed text makes the same object again: every exported layer, loss, optimizer and schedule."""

import inspect
import pickle

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, nn, ops, optim
from autograd.optim import schedules

from . import layer_cases

HOLDERS = {"Cell", "CellList", "SequentialCell", "ForwardValueAndGrad", "TrainOneStepCell", "WithLossCell"}  # of what prints
LAYERS = {name for name in nn.__all__ if inspect.isclass(getattr(nn, name)) and issubclass(getattr(nn, name), Cell)} - HOLDERS
OTHER = {"reduction": "sum", "in_channels": 3, "out_channels": 4, "activation": "tanh", "dtype": "float64"}
NOT_SHOWN = {"weight_init", "bias_init", "rng"}  # how a layer begins: its Parameters have the numbers


def another(name, parameter):
    """Return a value for an argument that is not its default."""
    if name in OTHER:
        return OTHER[name]
    default = parameter.default
    return not default if isinstance(default, bool) else default + 1 if isinstance(default, int) else default + 0.25


def made_with(kind):
    """Return the arguments of which each is tried, one at a time and all together."""
    if listed := layer_cases.arguments(kind.__name__):
        return listed
    parameters = {n: p for n, p in inspect.signature(kind).parameters.items() if n not in NOT_SHOWN}
    needed = {n: another(n, p) for n, p in parameters.items() if p.default is p.empty}
    further = {n: another(n, p) for n, p in parameters.items() if p.default is not p.empty}
    return [needed, *({**needed, n: value} for n, value in further.items()), {**needed, **further}]


def parts(cell):
    """Return what distinguishes one layer from another, apart from the numbers in its Parameters and generators."""
    found = {}
    for name, value in vars(cell).items():
        if isinstance(value, Cell):
            value = type(value), parts(value)
        elif isinstance(value, Parameter):
            value = value.shape, value.dtype
        elif isinstance(value, np.random.Generator):
            value = "a generator"
        found[name] = value
    return found


def evaluated(text):
    return eval(text, {**vars(nn), "ops": ops, "nn": nn})


def test_layers_are_found():
    assert {"Dense", "Dropout", "Flatten", "GELU", "LeakyReLU", "LogSoftmax", "MSELoss", "ReLU6"} <= LAYERS


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_what_a_layer_prints_makes_it_again(name):
    kind = getattr(nn, name)
    texts = set()
    for arguments in made_with(kind):
        layer = kind(**arguments)
        again = evaluated(repr(layer))
        assert type(again) is kind
        assert parts(again) == parts(layer)
        texts.add(repr(layer))
    assert len(texts) == len({repr(sorted(map(repr, parts(kind(**a)).items()))) for a in made_with(kind)})


@pytest.mark.parametrize("activation", [ops.relu, nn.GELU(False), nn.Dense(3, 3, has_bias=False)])
def test_an_activation_is_printed_as_it_is_written(activation):
    layer = nn.Dense(2, 3, activation=activation, rng=0)
    again = evaluated(repr(layer))
    assert repr(again) == repr(layer)
    assert type(again.activation) is type(activation)


# Optimizers and schedules

SCHEDULES = {name: getattr(schedules, name) for name in schedules.__all__ if inspect.isclass(getattr(schedules, name))}
OPTIMIZERS = {
    name: kind
    for module in (optim, nn)
    for name, kind in vars(module).items()
    if inspect.isclass(kind) and issubclass(kind, optim.Optimizer) and kind is not optim.Optimizer
}
EXAMPLES = {
    "exponential": [(0.1, 0.5), (0.1, 0.5, 3)], "step": [(0.1, 0.5, 3)], "cosine": [(0.1, 20), (0.1, 20, 0.01)],
    "warmup": [(0.1, 4), (schedules.cosine(0.1, 20), 4)], "table": [([0.1, 0.2],)],
    "SGD": [{}, {"lr": 0.2, "momentum": 0.5, "weight_decay": 0.1, "nesterov": True, "loss_scale": 8.0}],
    "Momentum": [{"learning_rate": 0.2, "momentum": 0.5},
                 {"learning_rate": schedules.cosine(0.1, 9), "momentum": 0.5, "weight_decay": 0.1, "use_nesterov": True}],
    "Adam": [{}, {"lr": [0.1, 0.2], "betas": (0.5, 0.6), "eps": 1e-3, "weight_decay": 0.1, "loss_scale": 2.0}],
    "AdamW": [{}, {"lr": schedules.warmup(schedules.step(0.1, 0.5, 3), 2), "betas": (0.5, 0.6), "weight_decay": 0.0}],
}  # fmt: skip


def test_optimizers_and_schedules_are_found():
    assert set(EXAMPLES) == set(SCHEDULES) | set(OPTIMIZERS)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_what_a_schedule_prints_makes_it_again_and_it_can_be_pickled(name):
    for arguments in EXAMPLES[name]:
        schedule = SCHEDULES[name](*arguments)
        for again in (eval(repr(schedule), vars(schedules).copy()), pickle.loads(pickle.dumps(schedule))):
            assert again == schedule
            assert [again(n) for n in range(30)] == [schedule(n) for n in range(30)]


def by_groups(params, kind):
    """Return ways to pass two Parameters, so that each option is once a group's own."""
    first, second = params
    rate = schedules.cosine(0.5, 7)
    flags = {"SGD": {"momentum": 0.25, "nesterov": True}, "Momentum": {"momentum": 0.25, "nesterov": True}}
    more = flags.get(kind.__name__, {"betas": (0.1, 0.2), "eps": 0.5})
    return [
        params,
        [{"params": [first]}, {"params": [second], "lr": rate, "weight_decay": 0.75, **more}],
        [{"params": [second], "lr": 0.125}, {"params": [first]}, {"order_params": params}],
    ]


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_what_an_optimizer_prints_makes_it_again_and_it_can_be_pickled(name):
    kind = OPTIMIZERS[name]
    texts = set()
    for arguments in EXAMPLES[name]:
        for ways in range(3):
            params = [Parameter([1.0, 2.0], name="a"), Parameter([3.0], name="b")]
            optimizer = kind(by_groups(params, kind)[ways], **arguments)
            copied = pickle.loads(pickle.dumps(optimizer))
            fresh = [Parameter(p, name=p.name) for p in params]
            again = eval(repr(optimizer), {**vars(schedules), **OPTIMIZERS, "params": fresh})
            assert repr(again) == repr(optimizer) == repr(copied)
            texts.add(repr(again))
            for n in range(3):
                gradients = [Tensor([0.5, -1.0 - n]), Tensor([2.0])]
                for one in (optimizer, copied, again):
                    one(gradients)
            for other in (copied.params, again.params):
                assert [p.array.tolist() for p in other] == [p.array.tolist() for p in params]
            assert params[0].array.tolist() != [1.0, 2.0]
    assert len(texts) == 3 * len(EXAMPLES[name])


# Arguments that stand elsewhere in other frameworks


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Dense(3, 4, False), r"Dense, weight_init: expected one of zeros, .*, got False. .* nn.Dense\(3, 4, has"),
        (lambda: nn.Dense(3, 4, True), r"Dense, weight_init: expected .*, got True. .* nn.Dense\(3, 4, has_bias=False\)"),
        (lambda: nn.Dense(3, 4, np.bool_(False)), r"Dense, weight_init: expected .* got np.False_"),
        (lambda: nn.Dense(3, 4, None, False), r"Dense, bias_init: expected one of zeros, .*, got False"),
        (lambda: nn.Dense(3, 4, has_bias=0.5), r"Dense: expected has_bias=True or False, got 0.5"),
        (lambda: nn.Dense(3, 4, None, None, "relu"), r"Dense: expected has_bias=True or False, got 'relu'"),
        (lambda: nn.init.initializer(True, 3), r"initializer: expected one of zeros, .*, got True"),
        (lambda: nn.Dropout(True), r"Dropout: expected a probability p in \[0, 1\), got True"),
        (lambda: nn.Dropout(False), r"Dropout: expected a probability p in \[0, 1\), got False"),
        (lambda: nn.GELU("exact"), r"GELU: expected approximate=True or False, got 'exact'. True is the tanh form"),
        (lambda: nn.GELU(0.5), r"GELU: expected approximate=True or False, got 0.5"),
        (lambda: nn.LeakyReLU(True), r"LeakyReLU: expected alpha, the slope below 0, as a number, got bool True"),
        (lambda: nn.Softmax(True), r"Softmax: expected axis as an int, got bool True"),
        (lambda: nn.LogSoftmax(None), r"LogSoftmax: expected axis as an int, got NoneType None"),
        (lambda: nn.Flatten(True), r"Flatten: expected start_dim to be an int, got bool True"),
        (lambda: nn.SoftmaxCrossEntropyWithLogits("mean"), r"expected sparse=True or False, got 'mean'. Pass reduction="),
    ],
)  # fmt: skip
def test_an_argument_in_the_place_of_another_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize("name", ["GELU", "Identity", "LeakyReLU", "LogSoftmax", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax",
                                  "Tanh"])  # fmt: skip
def test_an_activation_takes_no_argument_for_a_base_class(name):
    kind = getattr(nn, name)
    with pytest.raises(TypeError):
        kind(1, 2)
    if not inspect.signature(kind).parameters:
        with pytest.raises(TypeError):
            kind(True)  # in place, elsewhere


def test_gelu_takes_the_names_of_its_forms():
    x = Tensor([0.7, -0.3])
    assert np.array_equal(nn.GELU("tanh")(x), nn.GELU(True)(x))
    assert np.array_equal(nn.GELU("none")(x), nn.GELU(False)(x))
    assert not np.array_equal(nn.GELU("none")(x), nn.GELU("tanh")(x))


@pytest.mark.parametrize(("start", "end"), [(1, -1), (0, -1), (2, -1), (1, 2), (-2, -1), (0, 1)])
def test_flatten_joins_the_axes_between(start, end):
    x = np.arange(120.0).reshape(2, 3, 4, 5)
    last = end % 4
    want = x.reshape(*x.shape[: start % 4], -1, *x.shape[last + 1 :])
    out = nn.Flatten(start, end)(x)
    assert out.shape == want.shape
    assert np.array_equal(out, want)
    assert nn.Flatten(start, end).per_sample == (start > 0)
