"""Sums of spikes are lists of events to the layers that they feed, and say where gradients matter."""

import copy
import io

import numpy as np
import pytest

import snn
from autograd import Tensor, grad, nn, ops, value_and_grad
from autograd.graph import LEAF, Node
from snn.connections.conv import Convolution
from snn.connections.dense import Dense
from snn.engine.backends import back_end
from snn.spikes import Spikes
from snn.sums import Sum, counted, spike_sum
from tests.snn.helpers.wired import Wired

PLAIN = back_end("python")

T, N = 9, 4
modes = pytest.mark.parametrize("mode", ["compiled", "python"])


def drawn(shape=(T, N, 6), density=0.2, seed=1, value=1.0):
    return ((np.random.default_rng(seed).random(shape) < density) * value).astype(np.float32)


def whole_dense(n_in, n_out, seed):
    made = nn.Dense(n_in, n_out, rng=0)
    made.weight.set_data(np.random.default_rng(seed).integers(-2, 4, (n_out, n_in)).astype(np.float32))
    return made


class Skips(Wired):
    """The third layer receives what ``join`` makes of the input and the spikes of the first two layers."""

    widths = (6, 6, 5)

    def __init__(self, join, amplitude=1.0):
        super().__init__()
        self.join = join
        self.fc1, self.fc2, self.fc3 = (whole_dense(6, n, k) for k, n in enumerate((6, 6, 5)))
        surrogate = snn.surrogate.triangle(0.5)
        self.lif1 = snn.LIFNode(beta=0.5, surrogate_function=surrogate)
        self.lif2 = snn.IFNode(amplitude, surrogate_function=surrogate)
        self.lif3 = snn.LIFNode(beta=0.5)

    def construct(self, x, state):
        s1, v1 = self.lif1(self.fc1(x), state[0])
        s2, v2 = self.lif2(self.fc2(s1), state[1])
        s3, v3 = self.lif3(self.fc3(self.join(x, s1, s2)), state[2])
        return s3, (v1, v2, v3)


def two(x, s1, s2):
    return s1 + s2


def three(x, s1, s2):
    return x + (s1 + s2)


def same(x, s1, s2):
    return s2 + s2


def halved(x, s1, s2):
    return s1 + s2 * 0.5


JOINS = {fn.__name__: fn for fn in (two, three, same, halved)}


def run(net, x, mode, **options):
    """Return spikes, and gradients of a score by the input and the weights."""
    seen = []

    def score(x):
        out = snn.run(net, x, mode=mode, **options)[0]
        seen.append(out.asnumpy())
        return (out * Tensor(np.random.default_rng(3).standard_normal(out.shape).astype(np.float32))).sum()

    by_x, by_weights = grad(score, 0, net.trainable_params())(Tensor(x))
    return seen[-1], [g.asnumpy() for g in (by_x, *by_weights)]


def assert_as_eager(net, x, mode, **options):
    (spikes, gradients), (expected, wanted) = run(net, x, mode, **options), run(net, x, "eager")
    assert expected.any()
    assert all(np.abs(g).max() > 0 for g in wanted)
    np.testing.assert_array_equal(spikes, expected)
    for got, want in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def ways_of(monkeypatch):
    """Return the ways through layers that are made from now on."""
    made, way = [], Dense.way
    monkeypatch.setattr(Dense, "way", lambda *args: made.append(way(*args)) or made[-1])
    return made


@modes
@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("sampled", [False, True])
def test_a_layer_behind_a_sum_of_spikes_gives_what_the_eager_mode_gives(join, sampled, mode, monkeypatch, tune):
    tune(little_work=0, few_outputs=0, dense_density=3, sampled_density=1.1 if sampled else 0)
    made = ways_of(monkeypatch)
    assert_as_eager(Skips(JOINS[join]), drawn(), mode)
    assert made[2].kind == ("dense" if join == "halved" else "events")


@pytest.mark.parametrize("checkpoint", [None, 3])
def test_a_sum_that_is_not_sparse_or_of_several_amplitudes_is_multiplied(checkpoint, monkeypatch, tune):
    tune(little_work=0, dense_density=0.25)
    made = ways_of(monkeypatch)
    assert_as_eager(Skips(three), drawn(density=0.4), "python", checkpoint=checkpoint)
    assert made[2].why.startswith("the input is a sum of spikes, ")
    assert made[2].why.endswith(" for each 100 elements, more than 25")
    tune(dense_density=3)
    assert_as_eager(Skips(two, amplitude=2.0), drawn(), "python", checkpoint=checkpoint)
    assert made[-4].kind == "dense"


def test_explain_says_that_a_layer_receives_a_sum(tune):
    tune(little_work=0, dense_density=3)
    text = io.StringIO()
    snn.explain(Skips(two), Tensor(drawn()), file=text)
    assert "currents: events: the input is a sum of spikes, " in text.getvalue()


def test_an_input_of_spikes_is_looked_at_once_for_all_layers_that_it_feeds(monkeypatch, tune):
    tune(little_work=0, dense_density=3)
    made = ways_of(monkeypatch)
    snn.run(Skips(lambda x, s1, s2: x), Tensor(drawn()), mode="python")
    assert made[0].events is made[2].events


def test_second_order_goes_through_a_sum(tune):
    tune(little_work=0, dense_density=3)
    net, x = Skips(two), Tensor(drawn())

    def gradient(x, mode):
        return grad(lambda x: (snn.run(net, x, mode=mode)[0] * x[:, :, :5]).sum())(x)

    found = [grad(lambda x, mode=mode: (gradient(x, mode) ** 2).sum())(x).asnumpy() for mode in ("eager", "python")]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5, atol=1e-5)


class SumOut(Wired):
    """Returns its spikes, and their sum with the input."""

    widths = (6,)

    def __init__(self):
        super().__init__()
        self.lif = snn.IFNode(1.0)

    def construct(self, x, state):
        s, v = self.lif(x * 2, state[0])
        return (s, s + x), (v,)


def test_a_sum_that_is_returned_is_what_it_was_in_the_run():
    x = drawn()
    (spikes, total), _, _ = snn.run(SumOut(), Tensor(x), mode="python")
    assert type(total) is Tensor
    before = spikes.asnumpy().copy()
    spikes.asnumpy()[:] = 7
    np.testing.assert_array_equal(total.asnumpy(), before + x)


# The sum itself


def pair(left=(1, 1.0), right=(2, 1.0)):
    made = []
    for seed, amplitude in (left, right):
        flags = (np.random.default_rng(seed).random((T, N, 6)) < 0.3).astype(np.uint8)
        made.append(Spikes(flags, np.array(amplitude, np.float32), PLAIN, Node(LEAF, (), flags.shape, np.dtype(np.float32))))
    return made


def test_a_sum_looks_like_a_tensor_and_lists_each_spike():
    left, right = pair()
    total = spike_sum(left, spike_sum(right, left))
    expected = 2 * left.array + right.array
    assert (total.shape, total.dtype, total.ndim, total.size) == ((T, N, 6), np.float32, 3, T * N * 6)
    assert total.node is None  # nothing records
    np.testing.assert_array_equal(total.array, expected)
    found = counted(total, PLAIN)
    assert found is counted(total, PLAIN)
    assert found.events.density == pytest.approx(expected.mean())
    rows = np.repeat(np.arange(T * N), np.diff(found.events.start.astype(int)))
    counts = np.zeros((T * N, 6), np.float32)
    np.add.at(counts, (rows, found.events.index), 1)
    np.testing.assert_array_equal(counts.reshape(expected.shape), expected)
    np.testing.assert_array_equal(found.values(slice(2, 4)), expected[2:4])
    assert type(copy.copy(total)) is Tensor


def test_what_is_no_sum_of_spikes_is_left_alone():
    left, _ = pair()
    numbers = Tensor(np.ones((T, N, 6), np.float32))
    assert spike_sum(numbers, numbers) is None
    assert spike_sum(left, 1.0) is None
    assert spike_sum(left, Tensor(np.ones(6, np.float32))) is None
    assert spike_sum(left, Tensor(np.ones((T, N, 6)))) is None
    assert counted(spike_sum(left, Tensor(np.random.default_rng(0).random((T, N, 6)).astype(np.float32))), PLAIN) is None
    assert counted(spike_sum(*pair(right=(2, 2.0))), PLAIN) is None


@pytest.mark.parametrize("share", [lambda x: x.asnumpy(), np.asarray, np.from_dlpack], ids=["asnumpy", "asarray", "dlpack"])
def test_a_sum_whose_memory_is_handed_out_may_be_written_to(share):
    total = spike_sum(*pair())
    assert counted(spike_sum(*pair()), PLAIN) is not None
    share(total)
    assert counted(total, PLAIN) is None


def test_gradients_pass_to_both_terms():
    def loss(a, b, add):
        return (add(a, b) * Tensor(np.arange(T * N * 6, dtype=np.float32).reshape(T, N, 6))).sum()

    def summed(a, b):
        spikes = pair()
        made = [s.linked(x.node) for s, x in zip(spikes, (a, b), strict=True)]
        total = Sum(*made)
        return Tensor.wrap(total.array, total.node)

    values = [Tensor(s.array) for s in pair()]
    expected = value_and_grad(lambda a, b: loss(a, b, ops.add), (0, 1))(*values)
    found = value_and_grad(lambda a, b: loss(a, b, summed), (0, 1))(*values)
    np.testing.assert_array_equal(found[0].asnumpy(), expected[0].asnumpy())
    for got, want in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(got.asnumpy(), want.asnumpy())


@pytest.mark.parametrize(("n_out", "samples"), [(10, 32), (4, 32), (10, 3)])
def test_a_sum_that_feeds_few_outputs_has_the_gradients_of_the_eager_mode(n_out, samples):
    net = Skips(two)
    net.widths = (6, 6, n_out)
    net.fc3 = whole_dense(6, n_out, 5)
    net.lif1, net.lif2 = (snn.LIFNode(beta=0.5, surrogate_function=snn.surrogate.triangle(20.0)) for _ in range(2))
    for layer in (net.fc1, net.fc2):
        layer.weight.set_data(np.random.default_rng(1).normal(0, 2, layer.weight.shape).astype(np.float32))
    weights = np.random.default_rng(0).integers(-3, 4, (9, samples, n_out)).astype(np.float32)
    x = Tensor(drawn((9, samples, 6)))
    found, expected = (grad(lambda x, m=m: (snn.run(net, x, mode=m)[0] * weights).sum())(x) for m in ("compiled", "eager"))
    assert np.abs(expected.asnumpy()).max() > 1
    np.testing.assert_allclose(found.asnumpy(), expected.asnumpy(), atol=1e-4)


@modes
@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("sampled", [False, True])
def test_a_convolution_of_a_sum_of_spikes_gives_what_the_eager_mode_gives(join, sampled, mode, monkeypatch, tune):
    tune(convolved_density=3, sampled_convolved=1.1 if sampled else 0)
    made, way = [], Convolution.way
    monkeypatch.setattr(Convolution, "way", lambda *args: made.append(way(*args)) or made[-1])
    net = Skips(JOINS[join])
    net.widths = tuple((channels, 3, 2) for channels in (2, 2, 3))
    for k, channels in enumerate((2, 2, 3)):
        layer = nn.Conv2d(2, channels, 2, dtype=np.float32)
        layer.weight.set_data(np.random.default_rng(k).integers(-2, 4, layer.weight.shape).astype(np.float32))
        setattr(net, f"fc{k + 1}", layer)
    assert_as_eager(net, drawn((T, N, 2, 3, 2)), mode)
    assert made[2].kind == ("convolution" if join == "halved" else "events")
