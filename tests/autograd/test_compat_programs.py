"""Programs as MindSpore users write them; only the import lines are ours."""
# ruff: noqa: N812, UP008 - they are written so

import numpy as np
import pytest

import autograd as ms
import autograd.nn as nn
import autograd.ops as ops
from autograd import Parameter, ParameterTuple, Tensor, context
from autograd import dtype as mstype
from autograd.nn.init import Normal, initializer
from autograd.ops import composite as C
from autograd.ops import functional as F
from autograd.ops import operations as P

GRADIENT_CLIP_TYPE, GRADIENT_CLIP_VALUE = 1, 1.0


@pytest.fixture(autouse=True)
def _settings_stay(monkeypatch):
    monkeypatch.setattr(context, "_settings", dict(context._settings))


def samples(n=64, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    return x, (x[:, 0] * x[:, 1] > 0).astype(np.int32)


class MLP(nn.Cell):
    def __init__(self, seed=0):
        super(MLP, self).__init__()
        w = initializer(Normal(0.5), (16, 4), mstype.float32, rng=seed)
        self.fc1 = nn.Dense(4, 16, weight_init=w, bias_init="zeros", has_bias=True, activation="tanh")
        self.fc2 = nn.Dense(16, 2, weight_init=initializer(Normal(0.5), (2, 16), rng=seed + 1), bias_init="zeros")

    def construct(self, x):
        return self.fc2(self.fc1(x))


clip_grad = C.MultitypeFuncGraph("clip_grad")


@clip_grad.register("Number", "Number", "Tensor")
def _clip_grad(clip_type, clip_value, grad):
    dt = F.dtype(grad)
    if clip_type == 0:
        return C.clip_by_value(grad, F.cast(F.tuple_to_array((-clip_value,)), dt), F.cast(F.tuple_to_array((clip_value,)), dt))
    return nn.ClipByNorm()(grad, F.cast(F.tuple_to_array((clip_value,)), dt))


class ClippedTrainStep(nn.Cell):
    def __init__(self, network, optimizer, clip_type):
        super(ClippedTrainStep, self).__init__(auto_prefix=False)
        self.network = network
        self.network.set_grad()
        self.optimizer = optimizer
        self.weights = optimizer.parameters
        self.grad = C.GradOperation(get_by_list=True, sens_param=True)
        self.hyper_map = C.HyperMap()
        self.fill = P.Fill()
        self.clip_type = clip_type
        self.seen = Parameter(Tensor(0, ms.int32), name="seen", requires_grad=False, layerwise_parallel=False)
        self.cast = P.Cast()
        self.add_flags_recursive(trained=True)

    def construct(self, data, label):
        loss = self.network(data, label)
        sens = self.fill(F.dtype(loss), F.shape(loss), 1.0)
        grads = self.grad(self.network, self.weights)(data, label, sens)
        grads = self.hyper_map(F.partial(clip_grad, self.clip_type, GRADIENT_CLIP_VALUE), grads)
        F.assign_add(self.seen, 1)
        return F.depend(loss, self.optimizer(grads))


@pytest.mark.parametrize("mode", [ms.GRAPH_MODE, ms.PYNATIVE_MODE])
@pytest.mark.parametrize("clip_type", [0, 1])
def test_a_training_loop_with_clipping_by_a_hyper_map(mode, clip_type):
    context.set_context(mode=mode, device_target="CPU")
    x, y = samples()
    net = MLP()
    loss_net = nn.WithLossCell(net, nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean"))
    optimizer = nn.Momentum(net.trainable_params(), learning_rate=0.1, momentum=0.9)
    train = ClippedTrainStep(loss_net, optimizer, clip_type)
    train.set_train()
    losses = [train(Tensor(x), Tensor(y)).asnumpy() for _ in range(200)]
    assert losses[0] > 0.5
    assert losses[-1] < 0.1
    assert (net.fc1.training, net.fc1.trained, train.seen.asnumpy()) == (True, True, 200)
    assert [p.name for p in net.get_parameters()] == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]


@pytest.mark.parametrize("use", ["value_and_grad", "ForwardValueAndGrad", "TrainOneStepCell"])
def test_three_ways_to_write_a_step_train_to_the_same_weights(use):
    x, y = map(Tensor, samples())
    loss_fn = nn.CrossEntropyLoss()

    def train(use):
        net = MLP(seed=3)
        optimizer = nn.Adam(net.trainable_params(), learning_rate=0.01)
        loss_net = nn.WithLossCell(net, loss_fn)
        if use == "TrainOneStepCell":
            step = nn.TrainOneStepCell(loss_net, optimizer)
            losses = [float(step(x, y)) for _ in range(5)]
        elif use == "ForwardValueAndGrad":
            forward = nn.ForwardValueAndGrad(loss_net, weights=ParameterTuple(net.trainable_params()), get_by_list=True)
            losses = []
            for _ in range(5):
                loss, grads = forward(x, y)
                optimizer(grads)
                losses.append(float(loss))
        else:

            def forward_fn(data, label):
                logits = net(data)
                return loss_fn(logits, label), logits

            grad_fn = ms.value_and_grad(forward_fn, None, optimizer.parameters, has_aux=True)
            losses = []
            for _ in range(5):
                (loss, logits), grads = grad_fn(x, y)
                optimizer(grads)
                losses.append(loss.item())
            assert logits.shape == (64, 2)
        return losses, net.fc2.weight.asnumpy()

    losses, weight = train(use)
    wanted, weight_wanted = train("value_and_grad")
    assert losses == wanted
    assert losses[-1] < losses[0]
    assert np.array_equal(weight, weight_wanted)


class Surrogate(nn.Cell):
    def __init__(self):
        super(Surrogate, self).__init__()
        self.sigmoid = ops.Sigmoid()
        self.greater = ops.Greater()

    def construct(self, x):
        return self.greater(x, 0).astype(ms.float32)

    def bprop(self, x, out, dout):
        sgax = self.sigmoid(x * 5.0)
        return (dout * (1 - sgax) * sgax * 5.0,)


class Neuron(nn.Cell):
    def __init__(self):
        super(Neuron, self).__init__()
        self.insert_param_to_cell("threshold", Parameter(Tensor(np.array([1.0]), ms.float32), name="threshold"))
        self.insert_child_to_cell("surrogate", Surrogate())
        self.surrogate.bprop_debug = True

    def construct(self, x, v):
        v = v + x
        spike = self.surrogate(v - self.threshold)
        return spike, v - spike * self.threshold


class Unrolled(nn.Cell):
    """A net over time, as a loop in construct."""

    def __init__(self):
        super(Unrolled, self).__init__()
        self.neurons = nn.CellList([Neuron(), Neuron()])
        self.reduce_mean = P.ReduceMean(keep_dims=False)
        self.concat = P.Concat(axis=0)
        self.expand = P.ExpandDims()
        self.reshape, self.shape, self.zeros_like = P.Reshape(), P.Shape(), P.ZerosLike()

    def construct(self, x):
        states = [self.zeros_like(x[0]) for _ in self.neurons]
        outs = []
        for t in range(self.shape(x)[0]):
            s = x[t]
            for i, neuron in enumerate(self.neurons):
                s, states[i] = neuron(s, states[i])
            outs.append(self.expand(s, 0))
        rates = self.reduce_mean(self.concat(tuple(outs)), ())
        return self.reshape(rates, (1,))


def test_a_net_of_neurons_with_their_own_bprop():
    ms.set_context(mode=ms.PYNATIVE_MODE, check_bprop=True)
    net = Unrolled()
    seen = []
    handle = net.neurons[0].surrogate.register_backward_hook(lambda cell, gi, go: seen.append((gi[0], go[0])))
    x = Tensor(np.random.default_rng(0).uniform(0, 2, (5, 3, 4)).astype(np.float32))
    with ms.trace_bprop() as calls:
        grads = ops.GradOperation(get_all=True, get_by_list=True)(net, ParameterTuple(net.trainable_params()))(x)
    handle.remove()
    (dx,), weights = grads
    assert [p.name for p in net.trainable_params()] == ["neurons.0.threshold", "neurons.1.threshold"]
    assert dx.shape == (5, 3, 4)
    assert all(float(abs(g)) > 0 for g in weights)
    assert (len(seen), len(calls)) == (5, 10)
    assert {call.cell for call in calls} == {neuron.surrogate for neuron in net.neurons}
    s = 1 / (1 + np.exp(-5 * 0.5))
    assert ms.grad(Surrogate())(Tensor(0.5)).asnumpy() == pytest.approx(5 * s * (1 - s), rel=1e-6)


class Cube(nn.Cell):
    def construct(self, x, y):
        return x * x * x * y


def test_higher_order_over_samples_and_gradients_by_position():
    hessian = ops.vmap(ms.grad(ms.grad(Cube())), in_axes=(0, None))
    assert hessian(Tensor([1.0, 2.0]), Tensor(2.0)).asnumpy().tolist() == [12.0, 24.0]
    gradients = ms.grad(Cube(), grad_position=(0, 1), return_ids=True)(Tensor([2.0]), Tensor([3.0]))
    assert ms.get_grad(gradients, 1).asnumpy() == 8.0


def test_a_checkpoint_of_parameters_goes_from_net_to_net():
    net, other = MLP(0), MLP(5)
    net.init_parameters_data()
    params = {name: Tensor(p.asnumpy()) for name, p in net.parameters_dict().items()}
    for name, p in other.parameters_and_names():
        p.set_data(params[name])
    x = Tensor(samples(3)[0])
    assert np.array_equal(net(x).asnumpy(), other(x).asnumpy())
    for p in other.fc1.get_parameters():
        p.requires_grad = False
    assert [p.name for p in other.trainable_params()] == ["fc2.weight", "fc2.bias"]
    assert [p.name for p in other.untrainable_params()] == ["fc1.weight", "fc1.bias"]
    assert (x.dtype, x.ndim, x.size, x.mean().shape) == (ms.float32, 2, 12, ())
    assert bool((other(x).argmax(axis=1) == net(x).argmax(axis=1)).all())
