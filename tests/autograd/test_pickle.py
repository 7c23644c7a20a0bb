"""Objects that users keep can be pickled and copied; training continues to the bit as if it had not been interrupted."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import autograd
from autograd import Cell, GradOperation, Parameter, ParameterTuple, Tensor, nn, ops, optim, value_and_grad
from autograd.optim import schedules

WAYS = {"pickle": lambda thing: pickle.loads(pickle.dumps(thing)), "deepcopy": copy.deepcopy}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def again(request):
    return request.param


def functions(module):
    return {n: f for n in module.__all__ if callable(f := getattr(module, n)) and not inspect.isclass(f)}


@pytest.mark.parametrize("name", sorted(functions(ops)))
def test_an_operation_is_the_same_one(again, name):
    assert again(getattr(ops, name)) is getattr(ops, name)


@pytest.mark.parametrize("name", sorted(n for n in dir(ops) if inspect.isclass(getattr(ops, n)) and n != "partial"))
def test_an_operation_as_an_object(again, name):
    kind = getattr(ops, name)
    assert again(kind) is kind
    arguments = ("scale",) if name == "MultitypeFuncGraph" else ()
    made = kind(*arguments)
    assert type(again(made)) is kind
    assert getattr(again(made), "given", None) == getattr(made, "given", None)


def parameters():
    return [Parameter([1.0, 2.0], name="w")]


THINGS = {
    "Parameter": lambda: parameters()[0],
    "Tensor": lambda: Tensor([1.0]),
    "ParameterTuple": lambda: ParameterTuple(parameters()),
    "GradOperation": lambda: GradOperation(get_all=True, allow_unused=True),
    "Dense, operation": lambda: nn.Dense(2, 2, activation=ops.tanh),
    "Dense, operator": lambda: nn.Dense(2, 2, activation=ops.Tanh()),
    "Dense, name": lambda: nn.Dense(2, 2, activation="relu"),
    "SequentialCell": lambda: nn.SequentialCell(nn.Dense(2, 2), nn.Dropout(0.5), nn.ReLU()),
    "CellList": lambda: nn.CellList([nn.Tanh()]),
    "WithLossCell": lambda: nn.WithLossCell(nn.Dense(2, 2), nn.MSELoss()),
    "ForwardValueAndGrad": lambda: nn.ForwardValueAndGrad(nn.Dense(2, 2), get_by_list=True),
    "TrainOneStepCell": lambda: nn.TrainOneStepCell(nn.Dense(2, 2), optim.SGD(parameters(), 0.1)),
    "SGD": lambda: optim.SGD(parameters(), 0.1, momentum=0.9),
    "Adam, schedule": lambda: optim.Adam(parameters(), schedules.warmup(schedules.cosine(0.1, 10), 3)),
    "AdamW, step": lambda: optim.AdamW(parameters(), schedules.step(0.1, 0.5, 3)),
    "Momentum, rates": lambda: nn.Momentum(parameters(), [0.1, 0.2], 0.9),
    "exponential": lambda: schedules.exponential(0.1, 0.5),
    "an error": lambda: autograd.errors.ShapeError("here", "this", "that", "Do."),
}


@pytest.mark.parametrize("make", THINGS.values(), ids=THINGS)
def test_what_is_kept(again, make):
    thing = make()
    other = again(thing)
    assert (type(other), str(other)) == (type(thing), str(thing))
    if isinstance(thing, Cell):
        assert [(n, p.array.tolist()) for n, p in other.parameters_and_names()] == [
            (n, p.array.tolist()) for n, p in thing.parameters_and_names()
        ]


def make():
    net = nn.SequentialCell(nn.Dense(5, 40, rng=0), nn.Tanh(), nn.Dense(40, 3, rng=1))
    return net, optim.Adam(net.trainable_params(), schedules.cosine(0.05, 40), weight_decay=1e-3)


def train(net, optimizer, steps):
    for _ in range(steps):
        rng = np.random.default_rng(optimizer.steps)
        x, y = Tensor(rng.normal(size=(32, 5)).astype(np.float32)), Tensor(rng.normal(size=(32, 3)).astype(np.float32))
        loss, gradients = value_and_grad(lambda: ops.square(net(x) - y).mean(), None, optimizer.params)()  # noqa: B023 - it runs at once
        optimizer(gradients)
    return loss.item(), {k: v.tobytes() for k, v in net.state_dict().items()}


def through_npz(net, optimizer, tmp_path):
    np.savez(tmp_path / "net.npz", **net.state_dict())
    np.savez(tmp_path / "optimizer.npz", **optimizer.state_dict())
    net, optimizer = make()
    net.load_state_dict(np.load(tmp_path / "net.npz"))
    optimizer.load_state_dict(np.load(tmp_path / "optimizer.npz"))
    return net, optimizer


RESUMED = {
    "pickle": lambda net, optimizer, _: pickle.loads(pickle.dumps((net, optimizer))),
    "pickle, the oldest protocol": lambda net, optimizer, _: pickle.loads(pickle.dumps((net, optimizer), 0)),
    "deepcopy": lambda net, optimizer, _: copy.deepcopy((net, optimizer)),
    "npz": through_npz,
}


@pytest.mark.parametrize("resume", RESUMED.values(), ids=RESUMED)
def test_training_goes_on_to_the_bit(resume, tmp_path):
    net, optimizer = make()
    first = train(net, optimizer, 5)
    kept = resume(net, optimizer, tmp_path)
    loss, weights = train(net, optimizer, 5)
    assert loss != first[0]
    assert train(*kept, 5) == (loss, weights)


def test_a_dtype_that_equals_another_is_the_same():
    """An unpickled array may have a dtype that equals numpy's and is another object."""
    x = Tensor.wrap(np.arange(12, dtype=np.dtype("f4", metadata={"of": "another object"})).reshape(3, 4).T)
    usual = Tensor.wrap(x.array.astype(np.float32))
    assert x.dtype == usual.dtype
    assert x.dtype is not usual.dtype
    given = ops.add.promoted([x, usual])
    assert given[0] is x.array
    assert given[1] is usual.array
    assert np.array_equal(autograd.grad(lambda x: x * x * usual)(x), 2 * x.array * usual.array)


def test_no_dtype_is_compared_by_identity():
    """Of two equal dtypes one may be unpickled: ``is`` tells them apart, and what depends on it changes the bits."""
    import ast
    from pathlib import Path

    import snn

    def names_a_dtype(node):
        return (isinstance(node, ast.Attribute) and node.attr in ("dtype", "float32", "float64", "bool_", "float16")) or (
            isinstance(node, ast.Name) and node.id in ("dtype", "common", "float32", "float64", "float16", "bool_")
        )

    found = [
        f"{path}:{node.lineno}"
        for package in (autograd, snn)
        for path in Path(package.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        and any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops)
        and any(names_a_dtype(side) for side in (node.left, *node.comparators))
        and not any(isinstance(side, ast.Constant) and side.value is None for side in node.comparators)
    ]
    assert found == []
