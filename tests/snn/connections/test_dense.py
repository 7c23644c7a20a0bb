"""Dense layers of any kind: their weights are made once per run, and spikes before them are summed as events."""

import io
import random
import warnings

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn, ops
from autograd.errors import CompileError
from snn.connections.dense import Dense
from tests.snn.helpers.compare import assert_as_eager, assert_close, everything
from tests.snn.helpers.neurons import whole_dense

T, N, I, O = 9, 3, 6, 9  # noqa: E741


def spikes(shape=(T, N, I), dtype=np.float32, density=0.15):
    return (np.random.default_rng(1).random(shape) < density).astype(dtype)


def whole(shape, seed=0, low=-1, high=4):
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.float32)


@pytest.fixture
def seeded():
    """Return a function that seeds the global generators, whose state comes back after the test."""
    before = np.random.get_state(), random.getstate()  # noqa: NPY002

    def seed():
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)

    yield seed
    np.random.set_state(before[0])  # noqa: NPY002
    random.setstate(before[1])


@pytest.fixture
def kinds(monkeypatch, tune):
    """Take the event-driven way at any size; list the ways that were taken."""
    tune(little_work=0)
    found, make = [], Dense.way
    monkeypatch.setattr(Dense, "way", lambda *args: found.append(make(*args)) or found[-1])
    yield found
    found.clear()


def explained(net, x):
    file = io.StringIO()
    snn.explain(net, x, file=file)
    return file.getvalue()


class Own(Cell):
    """A layer of the user's own, with a matrix, a mask and a bias."""

    def __init__(self):
        super().__init__()
        self.calls = 0
        self.w, self.b = Parameter(whole((O, I))), Parameter(whole(O, 1))
        self.mask = (np.random.default_rng(2).random((O, I)) < 0.7).astype(np.float32)


class Masked(Own):
    def construct(self, x):
        return ops.matmul(x, (self.w * self.mask).T) + self.b


class Signed(Own):
    """Each input excites or inhibits all that it reaches."""

    def construct(self, x):
        sign = np.where(np.arange(I) % 2, -1, 1).astype(np.float32)
        return self.b + x @ ops.transpose(ops.abs(self.w) * sign)


class Straight(Cell):
    """Rounds; its gradient passes as if it did not."""

    def construct(self, w):
        return ops.round(w)

    def bprop(self, w, out, dout):
        return (2 * dout,)


class Quantised(Own):
    def __init__(self):
        super().__init__()
        self.round = Straight()

    def construct(self, x):
        return ops.matmul(x, ops.transpose(self.round(self.w + 0.25)))


class Transposed(Own):
    """Stored the other way round, with a number for a bias that is subtracted."""

    def __init__(self):
        super().__init__()
        self.w = Parameter(whole((I, O)))

    def construct(self, x):
        return ops.matmul(x, self.w) - 1.0


class Stretched(Own):
    """One bias for all, a Parameter without axes."""

    def __init__(self):
        super().__init__()
        self.b = Parameter(np.float32(1))

    def construct(self, x):
        x = x if x.dtype.kind == "f" else x.astype(np.float32)
        return ops.matmul(x, self.w.T) - self.b


class Constant(Own):
    """Weights that do not learn, in a plain array; the bias does."""

    def __init__(self):
        super().__init__()
        del self.w
        self.w = whole((I, O))

    def construct(self, x):
        return ops.matmul(x, self.w) + self.b * 2


class Inside(Own):
    """Hands its input on to a layer inside it."""

    def __init__(self):
        super().__init__()
        self.fc = whole_dense(np.random.default_rng(0), I, O)

    def construct(self, x):
        return self.fc(x)


class Subclass(nn.Dense):
    def __init__(self):
        super().__init__(I, O, whole((O, I)), whole(O, 1))


class Clipped(Subclass):
    def construct(self, x):
        return ops.matmul(x, ops.clip(self.weight, -1.0, 1.0).T) + self.bias


class Computed(Subclass):
    """Its weight is a property."""

    @property
    def weight(self):
        return ops.maximum(self.free, 0.0)

    @weight.setter
    def weight(self, value):
        self.free = value


DENSE = [Masked, Signed, Quantised, Transposed, Stretched, Constant, Inside, Subclass, Clipped, Computed]


def net_of(layer, **options):
    middle = snn.IFNode(4.0, surrogate_function=snn.surrogate.triangle(0.25), **options)
    return nn.SequentialCell(layer, middle, whole_dense(np.random.default_rng(5), O, 4), snn.LIFNode(beta=0.5))


@pytest.mark.parametrize("make", DENSE)
@pytest.mark.parametrize("density", [0.15, 0.9])
def test_values_and_gradients_are_those_of_the_eager_mode(make, density, kinds):
    net, x = net_of(make()), spikes(density=density)
    out, _, record = assert_as_eager(net, x, "python", record=("spike", "v", "x"))
    assert kinds[0].kind == ("events" if density < 0.5 else "dense")
    assert out.array.any()
    assert record["1.spike"].array.any()
    learn = [p for p in net.trainable_params() if p.name.startswith("0.")]
    found = grad(lambda: snn.run(net, x, mode="python")[0].sum(), None, net.trainable_params())()
    assert any(np.any(g.asnumpy()) for g in found[: len(learn)])
    if density < 0.5:
        assert "currents: events: " in explained(net, x).split("layers 2")[0]


@pytest.mark.parametrize("make", [Masked, Subclass])
def test_the_compiled_loops_are_those_of_a_dense_layer(make, kinds):
    out = assert_as_eager(net_of(make()), spikes(), "compiled")[0]
    assert out.array.any()
    assert kinds[0].kind == "events"


@pytest.mark.parametrize("make", DENSE)
def test_a_layer_without_neurons_behind_it_is_summed_too(make, kinds):
    assert_as_eager(nn.SequentialCell(make()), spikes(), "python")
    assert kinds[0].kind == "events"


@pytest.mark.parametrize("make", [Masked, Quantised, Subclass])
def test_options_of_a_run_make_no_difference(make, kinds):
    net, x = net_of(make()), spikes()
    mask = np.random.default_rng(2).random((T, N)) > 0.3
    assert_as_eager(net, x, "python", mask=mask)
    assert_as_eager(net, x, "python", checkpoint=2)
    assert_as_eager(net, x, "python", check=True)
    assert_as_eager(net, np.broadcast_to(x[4], x.shape), "python")
    state = snn.run(net, x, mode="eager")[1]
    assert_as_eager(net, x, "python", state=state)


def test_weights_are_made_once_in_a_run_and_anew_in_the_next(kinds):
    layer, x, calls = Masked(), spikes(), []
    net = net_of(layer)
    multiplied = ops.mul
    snn.run(net, x, mode="python")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(layer), "construct", lambda self, x: calls.append(1) or ops.matmul(x, (self.w * self.mask).T))
        layer.other = None  # a new attribute: it is tried anew, on two copies
        snn.run(net, x, mode="python")
        calls.clear()
        snn.run(net, x, mode="python")
        assert len(calls) == 1
    assert multiplied is ops.mul
    layer.w.set_data(layer.w + 1)
    layer.mask = 1 - layer.mask
    assert_as_eager(net, x, "python")


def test_a_shared_layer_gets_both_gradients(kinds):
    class Square(Cell):
        def __init__(self):
            super().__init__()
            self.w = Parameter(whole((O, O)))

        def construct(self, x):
            return ops.matmul(x, ops.abs(self.w).T)

    layer = Square()
    net = nn.SequentialCell(layer, snn.IFNode(8.0), layer, snn.LIFNode(beta=0.5))
    assert assert_as_eager(net, spikes((T, N, O)), "python")[0].array.any()
    assert [k.kind for k in kinds[:2]] == ["events"] * 2


def test_the_second_derivative_goes_through_what_made_the_weights(kinds):
    net, x = net_of(Masked()), Tensor(spikes())
    weights = net.trainable_params()

    def penalty(mode):
        inner = grad(lambda: (snn.run(net, x, mode=mode)[0] * np.arange(4, dtype=np.float32)).sum(), None, weights)
        return sum((g * g).sum() for g in inner())

    eager, python = (grad(lambda mode=mode: penalty(mode), None, weights)() for mode in ("eager", "python"))
    assert_close(python, eager)
    assert any(np.any(g.asnumpy()) for g in eager)


# What is not dense is said, and runs as it did


class OwnBackward(Masked):
    def bprop(self, x, out, dout):
        return (dout @ self.w * 3,), {self.w: ops.zeros_like(self.w), self.b: ops.zeros_like(self.b)}


class InnerBackward(Own):
    """The layer inside it has a bprop, by which its gradients go."""

    def __init__(self):
        super().__init__()
        self.inner = OwnBackward()

    def construct(self, x):
        return self.inner(x)


class Squared(Own):
    def construct(self, x):
        return ops.square(ops.matmul(x, self.w.T))


class TwoProducts(Own):
    def construct(self, x):
        return ops.matmul(x, self.w.T) + ops.matmul(x, ops.abs(self.w).T)


class LowRank(Own):
    def __init__(self):
        super().__init__()
        self.v = Parameter(whole((O, O)))

    def construct(self, x):
        return ops.matmul(ops.matmul(x, self.w.T), self.v)


class OfSamples(Own):
    """What it adds is not the same for each sample."""

    def construct(self, x):
        return ops.matmul(x, self.w.T) + np.arange(len(x), dtype=np.float32)[:, None]


class Reads(Own):
    def construct(self, x):
        return ops.matmul(x, self.w.T) * float(x.asnumpy().max())


class Inhibits(Own):
    def construct(self, x):
        return ops.matmul(x - ops.mean(x, 1, keepdims=True), self.w.T)


class Drops(Own):
    """Draws in each step which weights are there."""

    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(0)

    def construct(self, x):
        return ops.matmul(x, (self.w * (self.rng.random(self.w.shape) < 0.5).astype(np.float32)).T)


class DropsOld(Own):
    def construct(self, x):
        return ops.matmul(x, self.w.T) * 1.0 if np.random.rand() < 0.5 else ops.matmul(x, self.w.T)  # noqa: NPY002


class Flips(Own):
    def construct(self, x):
        return ops.matmul(x, self.w.T) if random.random() < 0.5 else ops.matmul(x, 2 * self.w.T)


class Counts(Own):
    def construct(self, x):
        self.calls += 1
        return ops.matmul(x, self.w.T)


class Decays(Own):
    def construct(self, x):
        self.w.set_data(self.w * 0.5)
        return ops.matmul(x, self.w.T)


class Remembers(Own):
    def __init__(self):
        super().__init__()
        self.log = []

    def construct(self, x):
        self.log.append(1)
        return ops.matmul(x, self.w.T)


class Called(Masked):
    def __call__(self, x):
        return super().__call__(x) * 2


OTHER = [
    (OwnBackward, "it has a bprop of its own"),
    (InnerBackward, "a Cell inside it has a bprop of its own"),
    (Squared, "its input goes through ops.square"),
    (TwoProducts, "its input goes through ops.add"),
    (LowRank, "its input goes through ops.matmul"),
    (OfSamples, "ndarray [3, 1] Float32 is added to its product"),
    (Reads, "its construct needs the values of its input"),
    (Inhibits, "its input goes through ops."),
    (Drops, "its construct changes an attribute"),
    (DropsOld, None),
    (Flips, "its construct may make other weights each time"),
    (Counts, "its construct changes an attribute"),
    (Decays, "its construct changes an attribute"),
    (Remembers, "its construct changes an attribute"),
    (Called, "its class has a __call__ of its own"),
]


@pytest.mark.parametrize(("make", "why"), OTHER, ids=[make.__name__ for make, _ in OTHER])
def test_what_is_no_dense_layer_runs_as_it_did_and_says_why(make, why, kinds, seeded):
    x, both = spikes(density=0.3), []
    for mode in ("eager", "python"):
        seeded()
        both.append(everything(net_of(make()), x, mode))
    (eager, by), (python, by_python) = both
    assert eager[0].array.any()
    np.testing.assert_array_equal(python[0], eager[0])
    assert_close(by_python, by)
    if why is not None:
        text = explained(net_of(make()), x)
        assert f"not a dense layer whose weights can be summed by events: {why}" in text
        assert "runs step by step. If it treats each sample of a batch on its own, set per_sample = True" in text


def test_a_layer_that_is_tried_leaves_no_trace(seeded):
    layer, x = Remembers(), spikes()
    seeded()
    explained(nn.SequentialCell(layer, snn.IFNode()), x)
    drawn = np.random.rand(), random.random()  # noqa: NPY002
    seeded()
    assert drawn == (np.random.rand(), random.random())  # noqa: NPY002
    assert len(layer.log) == T


def test_a_hook_on_the_layer_or_in_it_is_called_at_each_step():
    for part in (lambda layer: layer, lambda layer: layer.fc):
        layer, calls = Inside(), []
        net = net_of(layer)
        snn.run(net, spikes(), mode="python")
        remove = part(layer).register_forward_hook(lambda cell, inputs, out, calls=calls: calls.append(out.shape))
        snn.run(net, spikes(), mode="python")
        assert calls == [(N, O)] * T
        assert "has a hook" in explained(net, spikes())
        remove()
        assert "has a hook" not in explained(net, spikes())


def test_per_sample_runs_a_layer_on_all_steps_at_once():
    class Together(Squared):
        per_sample = True

    text = explained(net_of(Together()), spikes())
    assert "no state: runs on all time steps at once" in text
    assert "its input goes through ops.square" in text
    assert_as_eager(net_of(Together()), spikes(), "python")


def test_an_activation_is_said():
    text = explained(net_of(nn.Dense(I, O, rng=0, activation=nn.ReLU())), spikes())
    assert "its activation belongs in a separate layer after it" in text


def test_layers_of_another_kind_are_told_nothing():
    text = explained(nn.SequentialCell(nn.Flatten(), nn.ReLU(), nn.Dropout(0.5), snn.IFNode()), spikes())
    assert "not a dense layer" not in text


def test_features_that_do_not_fit_are_the_error_of_the_layer():
    from autograd.errors import ShapeError

    net = net_of(Masked())
    with pytest.raises(ShapeError, match=r"ops\.matmul: expected inner dimensions that agree"):
        snn.run(net, spikes((T, N, I + 1)), mode="python")
    assert_as_eager(net, spikes(), "python")


# Dtypes: as numpy has it, and as the eager mode does


MIXED = [(np.float64, np.float32), (np.float32, np.float64)]


@pytest.mark.parametrize(("given", "stored"), MIXED)
@pytest.mark.parametrize("density", [0.15, 0.9])
@pytest.mark.parametrize("make", [None, Masked])
def test_other_floats_than_those_of_the_weights_are_promoted_and_events_stay_events(given, stored, density, make, kinds):
    rng = np.random.default_rng(0)
    first = whole_dense(rng, I, O, stored) if make is None else make()
    if make is not None and stored == np.float64:
        first.w, first.mask = Parameter(first.w.asnumpy().astype(stored), name="v"), first.mask.astype(stored)
    net = nn.SequentialCell(first, snn.IFNode(2.0), whole_dense(rng, O, 4, stored), snn.LIFNode(beta=0.5))
    x = spikes(dtype=given, density=density)
    text = rf"layer '0' .* has weights of {np.dtype(stored)} and an input of {np.dtype(given)}. "
    with pytest.warns(UserWarning, match=text) as found:
        snn.run(net, x, mode="python")
    assert [warning.filename for warning in found] == [__file__]
    kinds.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # once for a net
        out, state, _ = assert_as_eager(net, x, "python")
    assert kinds[0].kind == ("events" if density < 0.5 else "dense")
    assert (out.dtype, state["1"].dtype) == (np.float64, np.float64)
    assert out.array.any()
    text = explained(net, x)
    assert ("weights: float32, converted to float64 in each run" in text) == (stored == np.float32)
    assert not any("no weights before the neuron" in line for line in text.splitlines())


def test_gradients_of_converted_weights_come_back_in_their_own_dtype(kinds):
    net, x = net_of(Masked()), spikes(dtype=np.float64)
    with pytest.warns(UserWarning, match="runs in float64"):
        gradients = grad(lambda: snn.run(net, x, mode="python")[0].sum(), None, net.trainable_params())()
    assert {g.dtype for g in gradients} == {np.dtype(np.float32)}
    assert all(np.any(g.asnumpy()) for g in gradients[:2])


def test_a_bias_of_a_wider_dtype_than_the_product_is_left_to_the_layer(kinds):
    layer = Masked()
    layer.b = layer.other = Parameter(whole(O, 1).astype(np.float64), name="c")
    net = nn.SequentialCell(layer, snn.IFNode(2.0))
    out = assert_as_eager(net, spikes(), "python")[0]
    assert out.dtype == np.float64
    assert "its bias is float64, and its product only float32" in explained(net, spikes())


@pytest.mark.parametrize("stored", [np.float32, np.float64])
@pytest.mark.parametrize("given", [bool, np.uint8, np.int8, np.int32, np.int64])
@pytest.mark.parametrize("amplitude", [1, 3])
def test_bools_and_whole_numbers_are_events_whatever_the_weights(given, stored, amplitude, kinds):
    rng = np.random.default_rng(0)
    net = nn.SequentialCell(whole_dense(rng, I, O, stored), snn.IFNode(2.0), whole_dense(rng, O, 4, stored), snn.IFNode())
    x = (spikes() * amplitude).astype(given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = assert_as_eager(net, x, "python")[0]
        assert_as_eager(net, (spikes(density=0.9) * amplitude).astype(given), "python")
    assert kinds[0].kind == "events"
    assert out.dtype == stored
    assert out.array.any()


def test_large_whole_numbers_are_rounded_as_step_by_step(kinds):
    x = np.full((T, N, I), 2**24 + 1, np.int64)
    x[0] = 0
    net = nn.SequentialCell(nn.Dense(I, O, np.eye(O, I, dtype=np.float32), "zeros"), snn.LeakyReadout(beta=0.5))
    assert_as_eager(net, x, "python")


@pytest.mark.parametrize(("behind", "where"), [(False, "Dense"), (True, "1")])
def test_an_error_names_a_layer_without_neurons_behind_it(behind, where, monkeypatch):
    monkeypatch.setattr("snn.compiled.part._WIDTHS", (np.float64,))
    layer = nn.Dense(6, 2, rng=0)
    with pytest.raises(CompileError, match=r"expected float32 or float64, got \[20, 3, 6\] Float32") as error:
        snn.run(nn.SequentialCell(nn.ReLU(), layer) if behind else layer, spikes((20, 3, 6)), mode="compiled")
    assert error.value.where == where
