"""The steepness of surrogates: learnt, set by a schedule, one for each neuron; and new surrogates for a whole net."""

import copy
import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snn
from autograd import Cell, Parameter, Tensor, check_bprop, grad, nn, ops
from autograd.errors import ArgumentError, DTypeError, GradientError, ShapeError
from autograd.optim import schedules
from snn import surrogate
from snn.tracing import traced
from tests.snn.helpers.compare import assert_as_eager
from tests.snn.helpers.discovered import SURROGATES
from tests.snn.helpers.nets import Adaptive, two_layers

NAMES = [name for name in SURROGATES if "alpha" in inspect.signature(getattr(surrogate, name)).parameters]
SHAPES = {"one": (), "one in an array": (1,), "for each neuron": (4,)}
every_name = pytest.mark.parametrize("name", NAMES)


def made(name, shape=(), dtype=np.float64):
    """Return a surrogate with a steepness to learn."""
    return getattr(surrogate, name)(Parameter(np.linspace(1.4, 2.6, int(np.prod(shape))).reshape(shape).astype(dtype)))


def current(dtype=np.float64, shape=(6, 3, 4)):
    return np.random.default_rng(0).normal(0.4, 0.7, shape).astype(dtype)


class Smoothed(Cell):
    """The primitive of a surrogate in place of its step."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def construct(self, u):
        return self.step.primitive(u)


class SmoothWithBprop(Smoothed):
    """The primitive forward, the bprop of the surrogate backward."""

    def bprop(self, u, out, dout):
        return self.step.bprop(u, out, dout)


# Learnt


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@every_name
def test_its_gradient_is_that_of_the_primitive(name, shape):
    check_bprop(made(name, shape), current(shape=(5, 4)), order=2)


@given(st.sampled_from(NAMES), st.floats(0.2, 10), st.floats(-3, 3))
def test_its_gradient_is_what_differences_of_the_primitive_say(name, above, u):
    cls, eps = getattr(surrogate, name), 1e-6
    alpha = cls.lowest + above
    sides = [cls(alpha + side).primitive(Tensor(np.array([u]))).item() for side in (eps, -eps)]
    got = cls(alpha).by_alpha(Tensor(np.array([u]))).item()
    around = [cls(alpha + side).by_alpha(Tensor(np.array([u]))).item() for side in (10 * eps, -10 * eps)]
    jumps = abs(around[0] - around[1]) > 1e-3
    assert jumps or got == pytest.approx((sides[0] - sides[1]) / (2 * eps), rel=1e-4, abs=1e-6)


@every_name
def test_a_smoothed_network_learns_it_by_the_bprop_as_by_the_primitive(name):
    x, found = current(), []
    for step in (Smoothed, SmoothWithBprop):
        net = nn.SequentialCell(
            nn.Dense(4, 4, rng=1, dtype=np.float64), snn.LIFNode(0.2, beta=0.8, surrogate_function=step(made(name, (4,)))),
            nn.Dense(4, 2, rng=2, dtype=np.float64), snn.IFNode(0.2, surrogate_function=step(made(name))),
        )  # fmt: skip
        weights = net.trainable_params()
        assert len(weights) == 6
        found.append(grad(lambda x, net=net: ops.square(snn.run(net, x, mode="eager")[0]).sum(), None, weights)(x))
    assert all(np.abs(g.asnumpy()).max() > 0 for g in found[0])
    for plain, by_bprop in zip(*found, strict=True):
        np.testing.assert_allclose(by_bprop.asnumpy(), plain.asnumpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (4,)], ids=["one", "for each neuron"])
@every_name
def test_compiled_it_is_learnt_as_in_the_eager_mode(name, shape, dtype):
    node = snn.LIFNode(beta=0.75, surrogate_function=made(name, shape, dtype))
    assert_as_eager(node, current(dtype), "python", record=["v"])


@pytest.mark.parametrize("name", ["sigmoid", "triangle", "q_pseudo_spike", "periodic_exponential"])
def test_the_compiled_loops_learn_it_too(name):
    assert_as_eager(snn.LIFNode(beta=0.75, surrogate_function=made(name, (4,))), current(), "compiled")


def test_a_gradient_has_the_dtype_of_the_steepness_whatever_that_of_the_run():
    step = made("atan", (4,), np.float64)
    node, x = snn.IFNode(surrogate_function=step), current(np.float32)
    for mode in ("eager", "python"):
        by_alpha = grad(lambda x, mode=mode: snn.run(node, x, mode=mode)[0].sum(), None, step.alpha)(x)
        assert (by_alpha.dtype, by_alpha.shape) == (np.float64, (4,))


def test_an_array_of_steepnesses_is_that_of_each_neuron():
    x, alphas = current(), np.array([0.5, 1.0, 2.0, 4.0])
    both = [grad(lambda x, a=a: snn.run(snn.IFNode(surrogate_function=surrogate.atan(a)), x)[0])(x) for a in (alphas, 2.0)]
    np.testing.assert_allclose(both[0].asnumpy()[..., 2], both[1].asnumpy()[..., 2], rtol=1e-12)
    assert np.abs((both[0] - both[1]).asnumpy()[..., 1]).max() > 0.1


def test_more_steepnesses_than_neurons_are_refused():
    node = snn.IFNode(surrogate_function=surrogate.atan(np.ones(3)))
    with pytest.raises(ShapeError, match=r"atan, alpha: .* one for each feature of .*4.*, got .*3"):
        grad(lambda x: snn.run(node, x, mode="eager")[0])(current())


# Set by a schedule


def test_a_schedule_sets_it_in_the_whole_net_and_the_gradients_follow():
    net, schedule, x = two_layers(np.float64), schedules.exponential(1.0, 2.0), current(shape=(6, 2, 3))
    net[1].surrogate_function, net[3].surrogate_function = surrogate.atan(), surrogate.sigmoid()
    for step in range(3):
        snn.set_alpha(net, schedule(step))
        fresh = two_layers(np.float64)
        fresh[1].surrogate_function, fresh[3].surrogate_function = surrogate.atan(2.0**step), surrogate.sigmoid(2.0**step)
        got, expected = (grad(lambda x, n=n: snn.run(n, x, mode="eager")[0])(x).asnumpy() for n in (net, fresh))
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert [repr(net[i].surrogate_function) for i in (1, 3)] == ["atan(alpha=4)", "sigmoid(alpha=4)"]
    assert len(net.trainable_params()) == 4
    assert net[1].surrogate_function.alpha.name == "1.surrogate_function.alpha"


def test_after_the_first_time_nothing_is_traced_or_compiled_anew(monkeypatch):
    counts = {"trace": 0, "load": 0}

    def counted(name, fn):
        def call(*args, **kwargs):
            counts[name] += 1
            return fn(*args, **kwargs)

        return call

    monkeypatch.setattr("snn.tracing.traced.trace", counted("trace", traced.trace))
    monkeypatch.setattr("snn.engine.cache.load", counted("load", snn.engine.cache.load))
    node, x = snn.LIFNode(beta=0.5, surrogate_function=surrogate.atan()), current()
    found, seen = [], []
    for alpha in (1.0, 2.0, 4.0):
        snn.set_alpha(node, alpha)
        by_x = grad(lambda x: snn.run(node, x, mode="python")[0])(x).asnumpy()
        np.testing.assert_allclose(
            by_x, grad(lambda x: snn.run(node, x, mode="eager")[0])(x).asnumpy(), rtol=1e-10, atol=1e-12
        )
        found.append(by_x)
        seen.append(dict(counts))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0]["trace"] > 0
    assert seen[0]["load"] > 0
    assert not np.allclose(found[0], found[1])


def test_it_goes_into_a_checkpoint_and_comes_back():
    net, other = snn.IFNode(), snn.IFNode()
    snn.set_alpha(net, 3.0)
    snn.set_alpha(other, 1.0)
    other.load_state_dict(net.state_dict())
    assert other.surrogate_function.alpha.item() == 3.0
    assert repr(other.surrogate_function) == "relusigmoid(alpha=3)"


def test_one_that_is_learnt_keeps_its_shape_and_stays_learnt():
    node = snn.IFNode(surrogate_function=made("atan", (4,), np.float32))
    alpha = node.surrogate_function.alpha
    snn.set_alpha(node, 2)
    assert node.surrogate_function.alpha is alpha
    assert alpha.requires_grad
    np.testing.assert_array_equal(alpha, np.full(4, 2, np.float32))
    snn.set_alpha(node, np.arange(1.0, 5))
    np.testing.assert_array_equal(alpha, np.arange(1, 5, dtype=np.float32))
    with pytest.raises(ShapeError, match=r"snn.set_alpha, atan: expected a number, or the shape \[4\] of its alpha, got .*3"):
        snn.set_alpha(node, np.ones(3))


def test_nothing_is_set_where_one_surrogate_refuses():
    net = nn.SequentialCell(
        snn.IFNode(surrogate_function=surrogate.atan()), snn.IFNode(surrogate_function=surrogate.q_pseudo_spike())
    )
    with pytest.raises(ArgumentError, match=r"q_pseudo_spike: expected a finite alpha > 1, got 0\.5"):
        snn.set_alpha(net, 0.5)
    assert net[0].surrogate_function.alpha == 2.0
    with pytest.raises(ArgumentError, match=r"snn.set_alpha: expected a net with a surrogate in it, got Dense without one"):
        snn.set_alpha(nn.Dense(2, 2), 1.0)


# Exchanged


def test_every_neuron_of_a_net_gets_its_own_copy():
    inner = Adaptive(surrogate.sigmoid())
    net = nn.SequentialCell(two_layers(), nn.SequentialCell(snn.Recurrent(snn.IFNode(), 2), inner), snn.LeakyReadout(beta=0.5))
    silent = copy.copy(vars(net[2]))
    snn.set_surrogate(net, surrogate.atan(Parameter(3.0)))
    found = [net[0][1].surrogate_function, net[0][3].surrogate_function, inner.surrogate]
    found += [cell for _, cell in net[1][0].cells_and_names() if isinstance(cell, surrogate.Surrogate)]
    assert [repr(step) for step in found] == ["atan(alpha=3)"] * 4
    assert len({id(step.alpha) for step in found}) == 4
    assert found[0].alpha.name == "0.1.surrogate_function.alpha"
    assert vars(net[2]) == silent


def test_what_never_fires_or_fires_by_chance_keeps_its_surrogate():
    net = nn.SequentialCell(snn.IFNode(), snn.Stochastic(snn.IFNode(), rng=0), snn.LeakyReadout(beta=0.9))
    snn.set_surrogate(net, snn.surrogate.triangle())
    snn.set_alpha(net, 3.0)
    assert [name for name, _ in net.parameters_and_names()] == ["0.surrogate_function.alpha"]
    for change in (lambda: snn.set_surrogate(net[1], snn.surrogate.triangle()), lambda: snn.set_alpha(net[2], 3.0)):
        with pytest.raises(ArgumentError, match="a net with a surrogate in it"):
            change()


def test_a_function_is_taken_as_it_is_and_the_gradient_is_its_own():
    def straight(u):
        return (u > 0).astype(u.dtype) + 3 * (u - ops.stop_gradient(u))

    node, x = snn.IFNode(), current(shape=(1, 2, 3))
    before = grad(lambda x: snn.run(node, x, mode="python")[0])(x)
    snn.set_surrogate(node, straight)
    assert node.surrogate_function is straight
    np.testing.assert_array_equal(grad(lambda x: snn.run(node, x, mode="python")[0])(x), np.full(x.shape, 3.0))
    assert not np.allclose(before, 3)


@pytest.mark.parametrize(
    ("net", "step", "kind", "text"),
    [
        (snn.IFNode(), surrogate.atan, DTypeError, r"snn.set_surrogate: expected a Cell or a function,.* with parentheses"),
        (snn.IFNode(), "atan", DTypeError, r"snn.set_surrogate: expected a Cell or a function, got .*atan"),
        (nn.Dense(2, 2), surrogate.atan(), ArgumentError, r"a net with a surrogate in it, got Dense without one"),
        (snn.LeakyReadout(beta=0.5), surrogate.atan(), ArgumentError, r"got LeakyReadout without one"),
    ],
)
def test_what_is_no_surrogate_or_has_none_is_refused(net, step, kind, text):
    with pytest.raises(kind, match=text):
        snn.set_surrogate(net, step)


def test_a_steepness_that_is_being_differentiated_and_no_parameter_is_refused():
    x = np.random.default_rng(0).normal(0.5, 1.0, (5, 2, 3)).astype(np.float32)

    def loss(alpha):
        return snn.run(snn.IFNode(surrogate_function=snn.surrogate.atan(alpha)), x, mode="eager")[0].sum()

    with pytest.raises(GradientError, match=r"atan, alpha: .* Make it a Parameter"):
        grad(loss)(Tensor(2.0))


def test_a_steepness_that_an_earlier_transform_has_left_behind_is_a_constant():
    kept = []
    grad(lambda alpha: (kept.append(alpha * 1.0), alpha * alpha)[1])(Tensor(2.0))
    assert kept[0].node is not None
    found = [grad(snn.surrogate.atan(alpha))(Tensor([0.3, -0.2])) for alpha in (kept[0], 2.0)]
    assert np.array_equal(found[0], found[1])
