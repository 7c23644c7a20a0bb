"""Small Parameters are updated as one vector: the same bits as one by one, whatever happens between the steps."""

import copy
import pickle

import numpy as np
import pytest

from autograd import Parameter, Tensor, optim
from autograd.errors import NonFiniteError
from autograd.optim.bundle import Bundle

SHAPES = (3, 4), (4,), (2, 3, 2), ()


def params(dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return [Parameter(rng.normal(size=shape).astype(dtype), name=f"w{i}") for i, shape in enumerate(SHAPES)]


def gradients(seed, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return [Tensor(rng.normal(size=shape).astype(dtype)) for shape in SHAPES]


def apart(make):
    """Return an optimizer of groups of one Parameter each, which are never updated together."""
    weights = params()
    return make([{"params": [p]} for p in weights])


MAKES = {
    "Adam": lambda given: optim.Adam(given, lr=0.05, weight_decay=0.1),
    "AdamW": lambda given: optim.AdamW(given, lr=0.05),
    "scaled, with a schedule": lambda given: optim.Adam(given, lr=lambda step: 0.1 / (1 + step), loss_scale=8.0),
}


def set_one(optimizer):
    p = optimizer.params[1]
    p.set_data(p.asnumpy() * 2)


def write_to_one(optimizer):
    optimizer.params[0].asnumpy()[0] = 3.0


def reload(optimizer):
    optimizer.load_state_dict(optimizer.state_dict())


def freeze(optimizer):
    optimizer.params[2].requires_grad = not optimizer.params[2].requires_grad


def change_options(optimizer):
    optimizer.eps = 1e-3


CHANGES = set_one, write_to_one, reload, freeze, change_options
BETWEEN = {"nothing": lambda optimizer: None} | {change.__name__: change for change in CHANGES}


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("make", MAKES)
def test_the_bits_are_those_of_single_steps(make, between):
    together, single = MAKES[make](params()), apart(MAKES[make])
    for seed in range(4):
        for optimizer in (together, single):
            optimizer(gradients(seed))
            BETWEEN[between](optimizer)
    assert len(together._bundles) == 1
    assert len(single._bundles) in (len(SHAPES), len(SHAPES) - 1)  # one may be frozen
    assert together.steps == single.steps == 4
    for p, q in zip(together.params, single.params, strict=True):
        assert p.asnumpy().tobytes() == q.asnumpy().tobytes()
        assert p.shape == q.shape
    for key, value in together.state_dict().items():
        assert np.array_equal(value, single.state_dict()[key])
    assert not np.array_equal(together.params[0].asnumpy(), params()[0].asnumpy())


@pytest.mark.parametrize("how", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_a_copy_goes_its_own_way(how):
    optimizer = optim.Adam(params(), lr=0.05)
    optimizer(gradients(0))
    other = how(optimizer)
    before = [p.asnumpy().copy() for p in optimizer.params]
    other(gradients(1))
    assert all(np.array_equal(p.asnumpy(), b) for p, b in zip(optimizer.params, before, strict=True))
    optimizer(gradients(1))
    assert all(np.array_equal(p.asnumpy(), q.asnumpy()) for p, q in zip(optimizer.params, other.params, strict=True))


def test_two_optimizers_of_the_same_parameters():
    weights = params()
    first, second = optim.Adam(weights, lr=0.05), optim.Adam(weights, lr=0.02)
    others = params()
    lone = optim.Adam([{"params": [p]} for p in others], lr=0.05), optim.Adam([{"params": [p]} for p in others], lr=0.02)
    for seed in range(3):
        for optimizer in (first, second, *lone):
            optimizer(gradients(seed))
    assert all(np.array_equal(p.asnumpy(), q.asnumpy()) for p, q in zip(weights, others, strict=True))


@pytest.mark.parametrize("value", [np.nan, np.inf, np.float32(3e38)])
def test_a_bad_gradient_changes_nothing_and_is_named(value):
    optimizer = optim.Adam(params(), lr=0.05)
    optimizer(gradients(0))
    before = [p.asnumpy().copy() for p in optimizer.params], optimizer.state_dict()
    bad = gradients(1)
    bad[2].asnumpy()[0, 0, 0] = value
    with pytest.raises(NonFiniteError, match="w2"):
        optimizer(bad)
    assert all(np.array_equal(p.asnumpy(), b) for p, b in zip(optimizer.params, before[0], strict=True))
    assert all(np.array_equal(value, before[1][key]) for key, value in optimizer.state_dict().items())


def test_parameters_that_can_be_bundled():
    assert Bundle.suits(params())
    assert not Bundle.suits(params()[:1])
    assert not Bundle.suits(params(np.float16))
    assert not Bundle.suits([*params(), *params(np.float64)])
    assert not Bundle.suits([Parameter(np.zeros((300, 300), np.float32)), *params()])
