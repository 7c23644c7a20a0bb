"""Losses, optimizers, and Cells that train a network, under MindSpore's names."""

import numpy as np
import pytest

from autograd import Parameter, Tensor, grad, nn, ops, optim
from autograd.errors import ArgumentError, ShapeError

from .helpers import plain, x23, y23

SCORES = np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
LABELS = np.array([1, 0])
EACH = np.log(np.exp(SCORES).sum(1)) - SCORES[range(2), LABELS]


@pytest.mark.parametrize(("loss", "each"), [(nn.L1Loss, np.abs), (nn.MSELoss, np.square)])
def test_losses_of_differences(loss, each):
    x, y = x23(), y23()
    wanted = each(x.array - y.array)
    assert plain(loss("none")(x, y)) == wanted.tolist()
    assert plain(loss(None)(x, y)) == wanted.tolist()
    assert plain(loss("sum")(x, y)) == wanted.sum()
    assert plain(loss()(x, y)) == pytest.approx(wanted.mean())
    with pytest.raises(ShapeError, match=rf"{loss.__name__}: expected labels like \[2, 3\] Float32, got \[3\] Float32"):
        loss()(x, Tensor([1.0, 2.0, 3.0]))
    with pytest.raises(ArgumentError, match=rf"{loss.__name__}: expected reduction 'mean', 'sum' or 'none', got 'avg'"):
        loss("avg")


def test_a_users_own_loss_is_weighted_and_reduced():
    class Huber(nn.LossBase):
        def construct(self, logits, labels):
            distance = ops.abs(logits - labels)
            return self.get_loss(ops.where(distance < 1, 0.5 * distance * distance, distance - 0.5), weights=2)

    assert plain(Huber("sum")(Tensor([0.0, 3.0]), Tensor([0.5, 0.0]))) == 2 * (0.125 + 2.5)


@pytest.mark.parametrize(("reduction", "reduced"), [("none", EACH), ("mean", EACH.mean()), ("sum", EACH.sum())])
def test_cross_entropy(reduction, reduced):
    probabilities = np.eye(3)[LABELS]
    for loss, labels in [
        (nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction=reduction), LABELS),
        (nn.SoftmaxCrossEntropyWithLogits(reduction=reduction), probabilities),
        (nn.CrossEntropyLoss(reduction), LABELS),
        (nn.CrossEntropyLoss(reduction), probabilities),
    ]:
        np.testing.assert_allclose(loss(Tensor(SCORES), Tensor(labels)).array, reduced, rtol=1e-12)


def test_labels_of_the_wrong_kind_are_refused():
    with pytest.raises(ShapeError, match=r"expected scores \[N, classes\] and their labels, .* use sparse=True"):
        nn.SoftmaxCrossEntropyWithLogits()(Tensor(SCORES), Tensor(LABELS))


# Activations

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0), "relu6": lambda x: np.clip(x, 0, 6), "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh, "leakyrelu": lambda x: np.where(x > 0, x, 0.2 * x), "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: ops.gelu(x, approximate="tanh").array, "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "logsoftmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_name(name):
    x = np.array([[-2.0, 0.5, 3.0, 8.0], [1.0, -1.0, 0.0, 2.0]])
    np.testing.assert_allclose(nn.get_activation(name)(x).array, ACTIVATIONS[name](x), rtol=1e-12)
    dense = nn.Dense(4, 4, weight_init=np.eye(4), bias_init="zeros", activation=name, dtype="float64")
    np.testing.assert_allclose(dense(x).array, ACTIVATIONS[name](x), rtol=1e-12)
    assert [cell_name for cell_name, _ in dense.cells_and_names()] == ["", "activation"]


def test_activations_with_options():
    x = Tensor([[-2.0, 1.0]])
    assert plain(nn.LeakyReLU(0.5)(x)) == [[-1.0, 1.0]]
    assert plain(nn.Softmax(0)(x)) == [[1.0, 1.0]]
    assert plain(nn.GELU(approximate=False)(x)) == plain(ops.gelu(x))
    assert nn.Identity()(x) is x
    assert [nn.Softmax(axis).per_sample for axis in (-2, -1, 0, 1)] == [False, True, False, True]


def test_an_unknown_activation_is_refused():
    assert nn.get_activation(None) is None
    with pytest.raises(ArgumentError, match=r"get_activation: expected one of gelu, .*, got 'nonsense'"):
        nn.get_activation("nonsense")
    with pytest.raises(ArgumentError, match=r"Dense, activation: expected one of gelu, .*, got 'Relu'. Or pass a Cell"):
        nn.Dense(1, 1, activation="Relu")


def test_initial_values_as_a_tensor():
    w = nn.init.initializer("ones", (2, 3), "float64")
    assert (w.dtype, plain(w)) == ("float64", [[1.0] * 3] * 2)
    assert nn.init.initializer(0.5, 2).array.tolist() == [0.5, 0.5]
    assert plain(nn.init.initializer(nn.init.Normal(), [2, 3], rng=1)) == plain(nn.init.initializer("normal", [2, 3], rng=1))
    assert Parameter(w, name="w").shape == (2, 3)


# Optimizers


def steps(optimizer, w, gradients):
    for g in gradients:
        optimizer([Tensor(g)])
    return plain(w)


GRADIENTS = [[1.0, -2.0], [0.5, 4.0], [-3.0, 0.25]]
PAIRS = {
    "Momentum": (lambda p: nn.Momentum(p, 0.1, 0.9), lambda p: optim.SGD(p, 0.1, 0.9)),
    "Momentum, decay, Nesterov": (
        lambda p: nn.Momentum(p, learning_rate=0.1, momentum=0.9, weight_decay=0.01, use_nesterov=True),
        lambda p: optim.SGD(p, 0.1, 0.9, weight_decay=0.01, nesterov=True),
    ),
    "SGD": (lambda p: nn.SGD(p, learning_rate=0.1, weight_decay=0.1), lambda p: optim.SGD(p, 0.1, weight_decay=0.1)),
    "Adam": (
        lambda p: nn.Adam(p, 0.1, 0.8, 0.9, weight_decay=0.1),
        lambda p: optim.Adam(p, 0.1, (0.8, 0.9), weight_decay=0.1),
    ),
    "rates": (lambda p: nn.SGD(p, [0.1, 0.2]), lambda p: optim.SGD(p, lambda n: (0.1, 0.2, 0.2)[n])),
    "schedule": (lambda p: nn.SGD(p, lambda n: 0.1 * n), lambda p: optim.SGD(p, lambda n: 0.1 * n)),
    "rate as a Tensor": (lambda p: nn.SGD(p, Tensor(0.5)), lambda p: optim.SGD(p, 0.5)),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_an_optimizer_does_what_the_one_it_stands_for_does(pair):
    ours, theirs = Parameter([1.0, 2.0]), Parameter([1.0, 2.0])
    assert steps(PAIRS[pair][0]([ours]), ours, GRADIENTS) == steps(PAIRS[pair][1]([theirs]), theirs, GRADIENTS)


@pytest.mark.parametrize("make", [nn.Momentum, nn.SGD, nn.Adam])
def test_gradients_are_divided_by_the_loss_scale(make):
    plain_w, scaled_w = Parameter([1.0, 2.0]), Parameter([1.0, 2.0])
    more = {"momentum": 0.5} if make is nn.Momentum else {}
    without = steps(make([plain_w], learning_rate=0.1, **more), plain_w, GRADIENTS)
    scaled = make([scaled_w], learning_rate=0.1, loss_scale=8.0, **more)
    assert steps(scaled, scaled_w, (8 * np.array(GRADIENTS, np.float32)).tolist()) == without
    with pytest.raises(ArgumentError, match=f"{make.__name__}: expected a positive loss_scale, got 0"):
        make([scaled_w], learning_rate=0.1, loss_scale=0, **more)


def test_momentum_by_hand():
    w = Parameter([1.0])
    assert steps(nn.Momentum([w], 0.5, 0.5), w, [[1.0], [1.0]]) == [1 - 0.5 - 0.5 * 1.5]


def test_what_an_optimizer_can_be_asked():
    w = Parameter([1.0], name="w")
    optimizer = nn.Momentum([w], 0.1, 0.9)
    assert optimizer.parameters == (w,)
    assert optimizer.learning_rate == 0.1


def test_options_that_cannot_be_had():
    w = Parameter([1.0])
    with pytest.raises(ArgumentError, match=r"SGD: expected dampening=0, got 0.5"):
        nn.SGD([w], dampening=0.5)
    with pytest.raises(ArgumentError, match="Adam: expected use_nesterov=False, got True"):
        nn.Adam([w], use_nesterov=True)


# Networks


class Net(nn.Cell):
    runs = 0

    def __init__(self):
        super().__init__()
        self.w = Parameter([1.0, 2.0, 3.0], name="w")
        self.b = Parameter([1.0, 1.0, 1.0], name="b")

    def construct(self, x, y):
        self.runs += 1
        return x * self.w + y * self.b


S = [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]
BY_LIST = ([5.0, 7.0, 9.0], [5.0, 5.0, 5.0])


@pytest.mark.parametrize(
    ("options", "gradient"),
    [
        ({}, [[1.0, 2.0, 3.0]] * 2),
        ({"get_all": True}, ([[1.0, 2.0, 3.0]] * 2, [[1.0] * 3] * 2)),
        ({"get_by_list": True}, BY_LIST),
        ({"get_all": True, "get_by_list": True}, (([[1.0, 2.0, 3.0]] * 2, [[1.0] * 3] * 2), BY_LIST)),
        ({"sens_param": True}, [[1.0, 0.0, 0.0], [0.0, 0.0, 6.0]]),
        ({"get_by_list": True, "sens_param": True}, ([1.0, 0.0, 12.0], [2.0, 0.0, 6.0])),
    ],
)
def test_value_and_gradient_from_one_run(options, gradient):
    net = Net()
    inputs = (x23(), y23(), *([Tensor(S)] if "sens_param" in options else []))
    value, got = nn.ForwardValueAndGrad(net, **options)(*inputs)
    assert net.runs == 1
    assert plain(got) == gradient
    assert plain(value) == plain(net(x23(), y23()))
    assert value.node is None
    assert [p.name for p in net.get_parameters()] == ["w", "b"]


def test_by_weights_that_are_named():
    net = Net()
    assert plain(nn.ForwardValueAndGrad(net, [net.b], get_by_list=True)(x23(), y23())[1]) == (BY_LIST[1],)
    assert plain(nn.ForwardValueAndGrad(net, net.b, get_by_list=True)(x23(), y23())[1]) == BY_LIST[1]


def test_both_the_value_and_the_gradient_differentiate_again():
    both = nn.ForwardValueAndGrad(lambda x: x**3)
    assert plain(grad(lambda x: both(x)[0])(Tensor([2.0]))) == [12.0]
    assert plain(grad(lambda x: both(x)[1])(Tensor([2.0]))) == [12.0]


def test_a_network_with_its_loss():
    backbone = nn.SequentialCell(nn.Dense(3, 3, weight_init=np.eye(3), bias_init="zeros"))
    net = nn.WithLossCell(backbone, nn.MSELoss("sum"))
    assert net.backbone_network is backbone
    assert plain(net(x23(), y23())) == float(np.square(x23().array - y23().array).sum())
    assert [p.name for p in net.trainable_params()] == ["0.weight", "0.bias"]


@pytest.mark.parametrize("sens", [1.0, 4.0])
def test_a_step_of_training(sens):
    net = nn.WithLossCell(nn.Dense(3, 3, weight_init=np.eye(3), bias_init="zeros"), nn.MSELoss("sum"))
    twin = nn.WithLossCell(nn.Dense(3, 3, weight_init=np.eye(3), bias_init="zeros"), nn.MSELoss("sum"))
    step = nn.TrainOneStepCell(net, nn.Momentum(net.trainable_params(), 0.01, 0.9, loss_scale=sens), sens)
    by_hand = optim.SGD(twin.trainable_params(), 0.01, 0.9)
    for _ in range(3):
        before = plain(net(x23(), y23()))
        assert plain(step(x23(), y23())) == before
        by_hand(grad(twin, None, twin.trainable_params())(x23(), y23()))
        assert plain(net.get_parameters()) == plain(twin.get_parameters())


def test_clip_by_norm_as_a_cell():
    assert plain(nn.ClipByNorm()(Tensor([3.0, 4.0]), Tensor([1.0]))) == [pytest.approx(0.6), pytest.approx(0.8)]
