"""Neither segments computed again in the backward pass nor the number of threads change a bit."""

import numpy as np
import pytest

import snn
from autograd import Tensor, nn, tree, value_and_grad
from autograd.errors import ArgumentError
from snn.compiled.stage import Running
from tests.snn.helpers.compare import assert_equal, everything
from tests.snn.helpers.neurons import AdaptiveNode

T, N = 150, 30
triangle = snn.surrogate.triangle


def nets():
    lif = snn.LIFNode(0.5, beta=0.9, surrogate_function=triangle())
    return {
        "direct": (snn.LIFNode(0.5, beta=0.9), 70),
        "two states": (AdaptiveNode(70, np.float32), 70),
        "Dense": (nn.SequentialCell(nn.Dense(40, 70, rng=0), lif, nn.Dense(70, 10, rng=1), snn.LeakyReadout(beta=0.9)), 40),
        "Dense, wide": (nn.SequentialCell(nn.Dense(40, 70, rng=0), lif, nn.Dense(70, 40, rng=1), snn.IFNode()), 40),
        "recurrent": (snn.Recurrent(snn.LIFNode(0.5, beta=0.9), 70, rng=0), 70),
        "Dense, recurrent": (nn.SequentialCell(nn.Dense(40, 70, rng=0), snn.Recurrent(lif, 70, rng=1)), 40),
        "recurrent readout": (snn.Recurrent(snn.LeakyReadout(beta=0.5), 20, rng=0), 20),
    }


CASES = [  # a net, its input, and whether there is a mask: each way to make currents, and the gradients that are sampled
    ("direct", "numbers", False),
    ("two states", "numbers", True),
    ("Dense", "spikes", False),
    ("Dense", "numbers", True),
    ("Dense, wide", "spikes", True),
    ("recurrent", "numbers", True),
    ("Dense, recurrent", "spikes", False),
    ("recurrent readout", "numbers", False),
]
every_case = pytest.mark.parametrize(("name", "kind", "masked"), CASES)


def data(n, kind):
    rng = np.random.default_rng(0)
    x = rng.random((T, N, n)) < 0.1 if kind == "spikes" else rng.standard_normal((T, N, n))
    return x.astype(np.float32)


@pytest.fixture(autouse=True)
def _events_at_any_size(tune):
    tune(little_work=0)


def work(name, kind, masked):
    net, n = nets()[name]
    return net, data(n, kind), np.random.default_rng(1).random((T, N)) > 0.2 if masked else None


@every_case
def test_checkpoints_give_the_same_bits(name, kind, masked, monkeypatch):
    net, x, mask = work(name, kind, masked)
    expected = everything(net, x, "compiled", record=("v",), mask=mask)
    segments = []
    make = Running.segments
    monkeypatch.setattr(Running, "segments", lambda self: segments.append(len(make(self))) or make(self))
    for k in (1, 5, 40, T, T + 7):
        assert_equal(everything(net, x, "compiled", record=("v",), mask=mask, checkpoint=k), expected)
    assert max(segments) > 2
    assert np.abs(expected[1][0].array).max() > 0


def test_checkpoints_with_a_constant_current_and_a_state(monkeypatch):
    net, n = nets()["Dense"]
    x = np.broadcast_to(data(n, "numbers")[0], (T, N, n))
    state = {"1": Tensor(np.full((N, 70), 0.1, np.float32)), "3": Tensor(np.full((N, 10), 0.2, np.float32))}
    expected = everything(net, x, "compiled", state=state)
    for k in (1, 40):
        assert_equal(everything(net, x, "compiled", state=state, checkpoint=k), expected)


def test_checkpoints_in_plain_python():
    net, _ = nets()["recurrent readout"]
    x = data(20, "numbers")[:7, :2]
    assert_equal(everything(net, x, "python", checkpoint=3), everything(net, x, "python"))


def test_with_checkpoints_no_values_are_kept():
    kept = []
    for k in (None, 10):
        x = Tensor(data(70, "numbers"))

        def loss(x, k=k):
            out = snn.run(snn.LIFNode(beta=0.9), x, mode="compiled", checkpoint=k)[0]
            kept.append(out.node.parents[0].saved)
            return out.sum()

        value_and_grad(loss)(x)
        assert (kept[-1].boundaries is None) == (k is None)
        assert (not any(kept[-1].values)) == (k is not None)


@pytest.mark.parametrize("k", [0, -1, 2.5, "3"])
def test_a_checkpoint_that_is_no_number_of_steps_is_an_error(k):
    with pytest.raises(ArgumentError, match="checkpoint to be a positive int or None"):
        snn.run(snn.IFNode(), np.zeros((2, 1, 1), np.float32), checkpoint=k)


def test_a_checkpoint_in_the_eager_mode_is_an_error():
    with pytest.raises(ArgumentError, match="no checkpoint with mode='eager', got 3"):
        snn.run(snn.IFNode(), np.zeros((2, 1, 1), np.float32), checkpoint=3, mode="eager")


@pytest.mark.parametrize("checkpoint", [None, 20])
@every_case
def test_the_bits_do_not_depend_on_the_number_of_threads(name, kind, masked, checkpoint, monkeypatch, tune):
    tune(shared_elements=0)
    net, x, mask = work(name, kind, masked)
    results = []
    for count in (1, 2, 4):
        monkeypatch.setenv("SPIKECELL_THREADS", str(count))
        results.append(everything(net, x, "compiled", record=("v",), mask=mask, checkpoint=checkpoint))
    assert_equal(results[1], results[0])
    assert_equal(results[2], results[0])


def test_layers_wider_than_a_block_give_the_same_bits_too(monkeypatch, tune):
    tune(shared_elements=0)
    rng = np.random.default_rng(0)
    net = nn.SequentialCell(nn.Dense(130, 1100, rng=0), snn.IFNode(surrogate_function=triangle()), nn.Dense(1100, 5, rng=1))
    x = (rng.random((9, 140, 130)) < 0.1).astype(np.float32)
    results = []
    for count, checkpoint in ((1, None), (4, None), (2, 2)):
        monkeypatch.setenv("SPIKECELL_THREADS", str(count))
        results.append(everything(net, x, "compiled", checkpoint=checkpoint))
    assert_equal(results[1], results[0])
    assert_equal(results[2], results[0])


@pytest.mark.parametrize("recurrent", [False, True], ids=["plain", "recurrent"])
def test_gradients_that_are_sampled_are_the_same_with_checkpoints(recurrent, tune):
    tune(little_work=0)
    rng = np.random.default_rng(0)
    node = snn.LIFNode(beta=0.5, v_threshold=0.1, surrogate_function=snn.surrogate.triangle(5.0))
    middle = snn.Recurrent(node, 80, rng=1) if recurrent else node
    first = nn.Dense(40, 80, (3 * rng.standard_normal((80, 40))).astype(np.float32))
    net = nn.SequentialCell(first, middle, nn.Dense(80, 50, rng=2), snn.LIFNode(beta=0.5))
    x = (rng.random((60, 8, 40)) < 0.1).astype(np.float32)
    w = rng.standard_normal((60, 8, 50)).astype(np.float32)

    def gradients(checkpoint):
        loss = lambda x: (snn.run(net, x, mode="compiled", checkpoint=checkpoint)[0] * w).sum()  # noqa: E731
        return [g.array.tobytes() for g in tree.leaves(value_and_grad(loss, 0, net.trainable_params())(x))]

    assert gradients(None) == gradients(7) == gradients(100)
