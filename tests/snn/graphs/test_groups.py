"""Populations that step together: gradients only where they matter, and bits that do not depend on the threads."""

import numpy as np
import pytest

import snn
from autograd import Tensor, nn, ops, value_and_grad
from autograd.errors import CompileError
from tests.snn.helpers.wired import Wired

T, N = 23, 7


class Loop(Wired):
    """Two populations; the first feeds the second at once, the second the first, and itself, a step later."""

    widths = (70, 20, 20)

    def __init__(self, surrogate):
        super().__init__()
        self.into, self.fc = nn.Dense(30, 70, rng=0), nn.Dense(70, 20, rng=1)
        self.back, self.own = nn.Dense(20, 70, has_bias=False, rng=2), nn.Dense(20, 20, has_bias=False, rng=3)
        self.first = snn.LIFNode(beta=0.75, surrogate_function=surrogate)
        self.second = snn.LIFNode(beta=0.5, surrogate_function=surrogate)
        rng = np.random.default_rng(4)
        for p in self.get_parameters():
            p.set_data((rng.integers(-2, 4, p.shape) * 0.25).astype(np.float32))

    def construct(self, x, state):
        s1, v1 = self.first(self.into(x) + self.back(state[2]), state[0])
        s2, v2 = self.second(self.fc(s1) + self.own(state[2]), state[1])
        return ops.concat([s1, s2], axis=-1), (v1, v2, s2)


def scored(net, x, mode, start=None):
    seen = []

    def score(*leaves):
        out = snn.run(net, x, tuple(leaves) or None, mode=mode)[0]
        seen.append(out.asnumpy())
        return (out * Tensor(np.random.default_rng(3).standard_normal(out.shape).astype(np.float32))).sum()

    given = start or []
    positions = tuple(range(len(given))) if given else None
    _, found = value_and_grad(score, positions, weights=net.trainable_params())(*given)
    by_start, by_weights = found if given else ((), found)
    return [seen[-1], *(g.asnumpy() for g in (*by_start, *by_weights))]


def given(seed=1):
    return Tensor((np.random.default_rng(seed).random((T, N, 30)) < 0.1).astype(np.float32))


@pytest.mark.parametrize("mode", ["compiled", "python"])
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("rows", [2048, 5 * N])
def test_gradients_are_taken_where_they_matter(rows, started, mode, tune):
    net, x = Loop(snn.surrogate.triangle(1.0)), given()
    rng = np.random.default_rng(5)
    start = [Tensor((rng.random((N, n)) < 0.3).astype(np.float32)) for n in net.widths] if started else None
    expected = scored(net, x, "eager", start)
    tune(little_work=0, event_rows=rows)
    for most in (0.0, 1.1):
        tune(sampled_in_group=most)
        found = scored(net, x, mode, start)
        np.testing.assert_array_equal(found[0], expected[0])
        for got, want in zip(found[1:], expected[1:], strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())


def test_the_bits_do_not_depend_on_the_number_of_threads(monkeypatch, tune):
    tune(little_work=0, shared_elements=0, sampled_in_group=1.1)
    results = []
    for n in ("1", "2", "5"):
        monkeypatch.setenv("SPIKECELL_THREADS", n)
        results.append([a.tobytes() for a in scored(Loop(snn.surrogate.triangle(1.0)), given(), "compiled")])
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("elements", [1, 300, 1 << 20])
@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_a_lone_population_gives_the_same_bits_however_its_rows_are_shared_out(elements, mode, tune):
    net = nn.SequentialCell(nn.Dense(30, 150, rng=0), snn.LIFNode(beta=0.75), nn.Dense(150, 40, rng=1), snn.LIFNode(beta=0.5))
    tune(little_work=0, block=64)
    expected = scored(net, given(), "compiled")
    tune(elements=elements)
    for got, want in zip(scored(net, given(), mode), expected, strict=True):
        if mode == "compiled":
            np.testing.assert_array_equal(got, want)
        else:
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


class Read(Wired):
    """What comes back to a neuron is read beside it too."""

    widths = (3, 3)

    def __init__(self, place):
        super().__init__()
        self.lif, self.back, self.place = snn.LIFNode(beta=0.5), nn.Dense(3, 3, rng=0), place

    def construct(self, x, state):
        back = self.back(state[1])
        current = x + back
        spikes, v = self.lif(current, state[0])
        out = back if self.place == "output" else spikes + (back if self.place == "sum" else current)
        return out, (v, spikes)


@pytest.mark.parametrize(("place", "reader"), [("sum", "it also feeds 'add"), ("output", "it is also an output")])
def test_weights_in_feedback_are_read_by_their_neurons_alone(place, reader):
    x = np.random.default_rng(0).normal(0.5, 1, (5, 2, 3)).astype(np.float32)
    assert np.unique(snn.run(Read(place), x, mode="eager").out.asnumpy()).size > 1
    with pytest.raises(CompileError, match=rf"layer 'back' \(Dense\); {reader}.*Read the sum that the neuron gets"):
        snn.run(Read(place), x, mode="compiled")


def test_the_sum_that_a_neuron_gets_may_be_read():
    x = np.random.default_rng(0).normal(0.5, 1, (5, 2, 3)).astype(np.float32)
    outs = [snn.run(Read("current"), x, mode=mode).out.asnumpy() for mode in ("eager", "compiled")]
    np.testing.assert_allclose(*outs, rtol=1e-5, atol=1e-6)
    assert np.unique(outs[0]).size > 1


def test_pooling_in_feedback_is_named():
    class Back(Wired):
        widths = ((4, 8, 8), (4, 8, 8))

        def __init__(self):
            super().__init__()
            self.into, self.pool, self.node = nn.Conv2d(1, 4, 3), nn.AvgPool2d(2, 2), snn.LIFNode(beta=0.5)
            self.back = nn.Conv2dTranspose(4, 4, 2, 2)

        def construct(self, x, state):
            spikes, v = self.node(self.into(x) + self.back(self.pool(state[1])), state[0])
            return spikes, (v, spikes)

    with pytest.raises(CompileError, match=r"in feedback, got layer '(pool|back)' \((AvgPool2d|Conv2dTranspose)\)"):
        snn.run(Back(), np.ones((5, 2, 1, 8, 8), np.float32), mode="compiled")
