"""An nn.SequentialCell as a block in a user's net gives the same numbers as snn.run on it alone."""

import random

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn, ops
from autograd.errors import CellError, StateError

T, N = 7, 3


class Plain(Cell):
    """The neuron of the seed: a Cell without an initial_state."""

    def construct(self, x, v):
        v = v + x
        spike = snn.relusigmoid()(v - 1.0)
        return spike, v - spike


def layers():
    rng = np.random.default_rng(0)
    return nn.SequentialCell(
        nn.Dense(4, 6, rng=rng), snn.LIFNode(beta=0.9), nn.Dropout(0.3, rng=rng),
        nn.SequentialCell({"in": nn.Dense(6, 5, rng=rng), "node": Plain(), "flat": nn.Flatten()}),
        nn.SequentialCell(nn.Dense(5, 5, rng=rng), nn.Tanh()), nn.Dense(5, 2, bias_init=0.6, rng=rng),
        snn.CurrentLIFNode(beta=0.8, alpha=0.5), nn.Identity(),
    )  # fmt: skip


class Net(Cell):
    """A net of one's own around a block."""

    def __init__(self, block):
        super().__init__()
        self.block = block

    def initial_state(self, x):
        return self.block.initial_state(x)

    def construct(self, x, state):
        return self.block(x, state)


def inputs(scale=3.0):
    return (scale * np.random.default_rng(1).random((T, N, 4))).astype(np.float32)


def run_of(kind, training=False):
    """Return what runs the block over time, and its weights: alone, in a net, or by hand from None."""
    block = layers().set_train(training)

    def by_hand(x):
        state, outs = None, []
        for xt in x:
            out, state = block(Tensor(xt), state)
            outs.append(out)
        return ops.stack(outs), state

    runs = {
        "alone": lambda x: snn.run(block, x, mode="eager")[:2],
        "in a net": lambda x: snn.run(Net(block), x, mode="eager")[:2],
        "by hand": by_hand,
    }
    return runs[kind], block.trainable_params()


def flat(state):
    return {
        "1": state["1"].numpy(), "3": {key: v.numpy() for key, v in state["3"].items()}, "6": [v.numpy() for v in state["6"]],
    }  # fmt: skip


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", ["in a net", "by hand"])
def test_a_block_gives_the_bits_of_a_run_of_it_alone(kind, training):
    x, results = inputs(), {}
    for way in ("alone", kind):
        run, weights = run_of(way, training)
        out, state = run(x)
        assert sorted(state) == ["1", "3", "6"]
        assert list(state["3"]) == ["node"]
        run, weights = run_of(way, training)  # dropout draws anew

        def loss(x, run=run):
            out, state = run(x)
            return ops.sum(out * np.arange(1.0, 3.0, dtype=np.float32)) + ops.sum(state["1"] * 0.5) + ops.sum(state["6"].v)

        gradients = grad(loss, None, weights)(x)
        results[way] = out.numpy(), flat(state), [g.numpy() for g in gradients]
    assert 0 < results["alone"][0].mean() < 1
    assert all(np.abs(g).max() > 0 for g in results["alone"][2])
    np.testing.assert_equal(results[kind], results["alone"])


def test_the_state_of_a_block_is_that_of_a_run():
    block, x = layers(), inputs()
    halves = snn.run(Net(block), x[:3], mode="eager")
    out, state, _ = snn.run(Net(block), x[3:], halves[1], mode="eager")
    whole = snn.run(block, x, mode="eager")
    np.testing.assert_equal(np.concatenate([halves[0].numpy(), out.numpy()]), whole[0].numpy())
    np.testing.assert_equal(flat(state), flat(whole[1]))
    back = snn.run(block, x[3:], halves[1], mode="eager")  # and the other way round
    np.testing.assert_equal(back[0].numpy(), out.numpy())


def test_the_start_is_that_of_each_layer_and_leaves_no_trace():
    block, x = layers().set_train(), inputs()
    heard = []
    block[1].register_forward_hook(lambda *_: heard.append("neuron"))
    before = str(block[2].rng.bit_generator.state)
    start = block.initial_state(Tensor(x[0]))
    assert (heard, str(block[2].rng.bit_generator.state)) == ([], before)
    assert block[1].hooked
    assert {key: np.shape(value) for key, value in flat(start).items() if key == "1"} == {"1": (N, 6)}
    assert (start["3"]["node"].shape, start["6"].v.shape) == ((N, 5), (N, 2))
    assert type(start["6"]) is type(snn.run(block, x, mode="eager")[1]["6"])
    np.testing.assert_equal(flat(snn.initial_state(block, Tensor(x[0]))), flat(start))


@pytest.mark.parametrize("ask", [lambda net, x: net.initial_state(x), snn.graph], ids=["start", "graph"])
def test_a_layer_that_is_run_for_its_shape_leaves_no_trace(ask):
    class Counts(Cell):
        """A layer that counts in a list and in an attribute, and draws from the states of numpy and Python."""

        def __init__(self):
            super().__init__()
            self.log, self.calls = [], 0

        def construct(self, x):
            self.log.append(x.shape)
            self.calls += 1
            return x + (np.random.rand() + random.random())  # noqa: NPY002

    def states():
        return np.random.get_state()[2], random.getstate()  # noqa: NPY002 - a draw moves on in the array behind it

    layer, before = Counts(), states()
    ask(nn.SequentialCell(layer, snn.IFNode()), Tensor(inputs()[0]))
    assert (layer.log, layer.calls) == ([], 0)
    assert states() == before


def test_a_start_that_is_drawn_or_learnt_counts():
    class Drawn(Plain):
        def __init__(self, n):
            super().__init__()
            self.rng = np.random.default_rng(5)
            self.start = Parameter(np.linspace(0.0, 0.9, n, dtype=np.float32))

        def initial_state(self, x):
            return self.start + Tensor(self.rng.random(x.shape, np.float32) * 0.1)

    def made():
        rng = np.random.default_rng(0)
        return nn.SequentialCell(nn.Dense(4, 6, rng=rng), Drawn(6), nn.Dense(6, 2, rng=rng), snn.LIFNode(beta=0.9))

    x, results = inputs(), []
    for wrap in (lambda block: block, Net):
        block = made()
        net = wrap(block)
        gradients = grad(lambda net=net: snn.run(net, x, mode="eager")[0].sum(), None, block.trainable_params())()
        results.append([g.numpy() for g in gradients])
        assert np.abs(results[-1][2]).max() > 0  # of the start
    np.testing.assert_equal(results[1], results[0])


def test_records_and_masks_reach_into_a_block():
    x = inputs()
    mask = np.arange(T)[:, None] < np.array([T, 4, 2])
    block = layers()
    _, state, record = snn.run(Net(block), x, record=["spike", "v"], mask=mask)
    alone = snn.run(block, x, record=["spike", "v"], mask=mask, mode="eager")
    assert set(record) == {f"block.{key}" for key in alone[2]}
    np.testing.assert_equal({k.removeprefix("block."): v.numpy() for k, v in record.items()},
                            {k: v.numpy() for k, v in alone[2].items()})  # fmt: skip
    np.testing.assert_equal(flat(state), flat(alone[1]))


def test_two_blocks_with_feedback_between_them():
    class Loop(Cell):
        def __init__(self, rng):
            super().__init__()
            self.up = nn.SequentialCell(nn.Dense(4 + 2, 5, rng=rng), snn.LIFNode(beta=0.9))
            self.down = nn.SequentialCell(nn.Dense(5, 2, rng=rng), snn.LIFNode(beta=0.8))

        def initial_state(self, x):
            fed = ops.zeros((len(x), 2), x.dtype)
            up = self.up.initial_state(ops.concat([x, fed], 1))
            return {"up": up, "down": self.down.initial_state(ops.zeros((len(x), 5), x.dtype)), "fed": fed}

        def construct(self, x, state):
            hidden, up = self.up(ops.concat([x, state["fed"]], 1), state["up"])
            out, down = self.down(hidden, state["down"])
            return out, {"up": up, "down": down, "fed": out}

    net = Loop(np.random.default_rng(2))
    weights = net.trainable_params()
    gradients = grad(lambda: snn.run(net, inputs(6.0))[0].sum(), None, weights)()
    assert snn.run(net, inputs(6.0))[0].numpy().mean() > 0
    assert all(np.abs(g.numpy()).max() > 0 for g in gradients)
    assert [p.name for p in weights] == [f"{b}.0.{p}" for b in ("up", "down") for p in ("weight", "bias")]


def test_a_block_without_a_state_stays_a_layer():
    block = nn.SequentialCell(nn.Dense(4, 2, rng=0), nn.Tanh())
    x = Tensor(inputs()[0])
    assert not block.has_state
    assert block.initial_state(x) == {}
    for state in ({}, None):
        out, after = block(x, state)
        assert after == {}
        assert np.array_equal(out, block(x))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b, x: b(x), r"layer '1' \(LIFNode\): expected a state, since this layer has one over time, got none\. "
                            r"Run the net over time with snn.run\(net, x\), or a step with out, state = net\(x, net.initial"),
        (lambda b, x: b(x, {"1": x}), r"SequentialCell, state: expected a dict with the layers \['1', '3', '6'\], got a "
                                      r"dict with \['1'\]. Pass the state from initial_state\(x\) or the previous step, or"),
        (lambda b, x: b(x, x), r"SequentialCell, state: expected a dict with the layers .*, got \[3, 4\] Float32"),
        (lambda b, x: b(x, {**b.initial_state(x), "7": None}), r"got a dict with \['1', '3', '6', '7'\]"),
        (lambda b, x: b(x, {**b.initial_state(x), "1": x}), r"expected .*\[3, 6\] Float32.*, got \[3, 4\] Float32"),
    ],
)  # fmt: skip
def test_a_state_that_does_not_fit_is_refused(call, message):
    with pytest.raises(StateError, match=message):
        call(layers(), Tensor(inputs()[0]))


def test_what_takes_all_steps_at_once_cannot_stand_in_a_block():
    block = nn.SequentialCell(nn.Dense(4, 4, rng=0), snn.PSN(T), snn.LIFNode(beta=0.9))
    with pytest.raises(CellError, match=r"layer '1' \(PSN\): expected layers that run step by step, got one that takes all"):
        block(Tensor(inputs()[0]), None)


def test_a_cell_with_neurons_and_no_start_is_told_what_to_write():
    class Bare(Cell):
        def __init__(self):
            super().__init__()
            self.block = layers()

        def construct(self, x, state):
            return self.block(x, state)

    block = nn.SequentialCell(nn.Dense(4, 4, rng=0), Bare())
    with pytest.raises(StateError, match=r"layer '1' \(Bare\): expected a method initial_state\(x\), or state="):
        block(Tensor(inputs()[0]), None)
