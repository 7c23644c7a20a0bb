"""Blocks with a shortcut, against their parts, in every mode."""

import io

import numpy as np
import pytest

import snn
from autograd import Cell, Tensor, nn, ops
from autograd.errors import ArgumentError, CellError, ShapeError, StateError
from snn.sums import Sum
from tests.snn.helpers.compare import assert_as_eager, assert_close, assert_equal, everything

T, N, F = 7, 3, 5
every_mode = pytest.mark.parametrize("mode", ["eager", "python", "compiled"])
JOINED = {"add": lambda s, x: s + x, "and": lambda s, x: s * x, "iand": lambda s, x: (1 - s) * x}
SURROGATE = {"surrogate_function": snn.surrogate.atan()}
connects = pytest.mark.parametrize("connect", JOINED)


def drawn(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def dense(n_in, n_out, seed, dtype=np.float32):
    weight = np.random.default_rng(seed).integers(-1, 4, (n_out, n_in)) / 2
    return nn.Dense(n_in, n_out, weight_init=weight, has_bias=False, dtype=dtype)


def block(connect="add", dtype=np.float32, shortcut=False, n_out=F):
    way = nn.SequentialCell(dense(F, n_out, 3, dtype), snn.IFNode(**SURROGATE)) if shortcut else None
    return snn.SEWBlock(
        dense(F, F, 1, dtype), snn.IFNode(**SURROGATE), dense(F, n_out, 2, dtype), snn.LIFNode(beta=0.5, **SURROGATE),
        connect=connect, shortcut=way,
    )  # fmt: skip


def spikes(seed=0, dtype=np.float32):
    return (np.random.default_rng(seed).random((T, N, F)) < 0.4).astype(dtype)


@connects
@pytest.mark.parametrize("shortcut", [False, True])
@every_mode
def test_it_is_its_parts_joined(connect, shortcut, mode):
    net, x = block(connect, shortcut=shortcut), spikes()
    inside = snn.run(nn.SequentialCell(*[net[k] for k in range(4)]), x, mode="eager")
    around = snn.run(net.shortcut, x, mode="eager").out.asnumpy() if shortcut else x
    out, state, _ = snn.run(net, x, mode=mode)
    expected = JOINED[connect](inside.out.asnumpy(), around)
    np.testing.assert_array_equal(out, expected)
    assert inside.out.asnumpy().any()
    assert expected.any()
    assert list(state) == ["1", "3", *["shortcut"] * shortcut]


@connects
@pytest.mark.parametrize("how", ["fresh", "mask", "state"])
def test_all_is_as_step_by_step(connect, how):
    net, x = block(connect, np.float64, shortcut=True), Tensor(spikes(dtype=np.float64))
    options = {"mask": np.random.default_rng(5).random((T, N)) < 0.6} if how == "mask" else {}
    options |= {"state": snn.run(net, x).state} if how == "state" else {}
    assert_as_eager(net, x, "python", record=["spike", "v"], **options)
    _, gradients = everything(net, x, "python", **options)
    assert all(g.asnumpy().any() for g in gradients[:4])


def test_two_runs_with_carried_state_are_one():
    net, x = block(shortcut=True), spikes()
    for mode in ("eager", "compiled"):
        whole = snn.run(net, x, mode=mode)
        first = snn.run(net, x[:3], mode=mode)
        second = snn.run(net, x[3:], first.state, mode=mode)
        assert_equal(ops.concat([first.out, second.out]), whole.out)
        assert_equal(second.state, whole.state)


def deep(connect="add"):
    """Return blocks in a row, one within another, before a readout."""
    inner = snn.SEWBlock(block(connect), connect=connect)
    return nn.SequentialCell(
        dense(F, F, 0), snn.IFNode(**SURROGATE), block(connect), inner, dense(F, 2, 5), snn.IFNode(v_threshold=0.25)
    )


@connects
def test_blocks_in_blocks_are_as_in_the_eager_mode(connect):
    x = Tensor(drawn(T, N, F, seed=2) if connect == "iand" else drawn(T, N, F) + 0.5)
    out, state, _ = assert_as_eager(deep(connect), x, "python")
    assert out.asnumpy().any()
    assert list(state) == ["1", "2", "3", "5"]
    assert list(state["3"]["0"]) == ["1", "3"]


def test_the_spikes_of_both_ways_are_listed_together():
    net, seen = nn.SequentialCell(snn.IFNode(), snn.SEWBlock(dense(F, F, 1), snn.IFNode())), []

    class Looking(Cell):
        over_time = True

        def construct(self, x):
            seen.append(type(x))
            return x

    x = np.abs(drawn(T, N, F))
    snn.run(nn.SequentialCell(net, Looking()), x, mode="compiled")
    assert seen[-1] is Sum


def test_a_block_in_a_net_of_ones_own_runs_step_by_step():
    class Own(Cell):
        def __init__(self):
            super().__init__()
            self.block, self.node = block(shortcut=True), snn.IFNode()

        def initial_state(self, x):
            return self.block.initial_state(x), self.node.initial_state(x)

        def construct(self, x, state):
            out, inner = self.block(x, state[0])
            spike, v = self.node(out, state[1])
            return spike, (inner, v)

    net, x = Own(), Tensor(spikes())
    out, _, _ = assert_as_eager(net, x, "python")
    assert_equal(out, snn.run(nn.SequentialCell(net.block, net.node), x).out)


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_layers_over_time_stand_on_both_ways(mode):
    def norm(seed):
        return snn.TDBatchNorm(F, alpha=0.5**0.5, gamma_init=np.abs(drawn(F, seed=seed)) + 1, dtype=np.float64)

    way = nn.SequentialCell(dense(F, F, 3, np.float64), norm(0))
    net = snn.SEWBlock(dense(F, F, 1, np.float64), norm(1), snn.IFNode(**SURROGATE), shortcut=way).set_train()
    x, mask = spikes(dtype=np.float64), np.random.default_rng(5).random((T, N)) < 0.6
    for options in ({}, {"mask": mask}):
        body = snn.run(nn.SequentialCell(*[net[k] for k in range(3)]), x, mode="eager", **options).out
        expected = body + snn.run(way, x, mode="eager", **options).out
        assert_close(snn.run(net, x, mode=mode, **options).out, expected)
        assert body.asnumpy().any()


def test_explain_and_the_estimate_of_memory_take_it():
    file = io.StringIO()
    snn.explain(deep(), drawn(T, N, F), file=file)
    assert "layers 2.0, 2.1" in file.getvalue()
    assert "Not compiled" not in file.getvalue()
    assert snn.memory_estimate(deep(), 10, 4).peak > 0


def test_the_shortcut_is_not_one_of_the_layers():
    net, way = block(shortcut=True), block(shortcut=True).shortcut
    net.shortcut = way
    assert len(net) == len([*net]) == 4
    assert net[-1] is net[3]
    assert way not in [*net]
    assert [name for name, _ in net.named()] == ["0", "1", "2", "3", "shortcut"]
    del net[2:]
    net.append(dense(F, F, 4))
    assert net.shortcut is way
    assert [name for name, _ in net.named() if name != "shortcut"] == ["0", "1", "2"]
    x = spikes()
    inside, around = (snn.run(part, x, mode="eager").out.asnumpy() for part in (nn.SequentialCell(*net), way))
    assert inside.any()
    for mode in ("eager", "compiled"):
        np.testing.assert_array_equal(snn.run(net, x, mode=mode).out, inside + around)
    with pytest.raises(CellError, match="SEWBlock: expected a free name for a Cell, got 'shortcut'"):
        snn.SEWBlock({"first": dense(F, F, 1), "shortcut": snn.IFNode()})
    assert block().shortcut is None


def test_another_way_to_join_takes_effect_at_once():
    net, x = block(shortcut=True), spikes()
    for connect in ("add", "iand", "and", "add"):
        net.connect = connect
        found = [snn.run(net, x, mode=mode).out.asnumpy() for mode in ("eager", "python")]
        np.testing.assert_array_equal(*found)
        np.testing.assert_array_equal(found[0], snn.run(block(connect, shortcut=True), x, mode="eager").out)
        assert found[0].any()
    for wrong in ("foo", ["add"], None):
        with pytest.raises(ArgumentError, match="SEWBlock: expected connect among 'add', 'and', 'iand', got"):
            net.connect = wrong
        with pytest.raises(ArgumentError, match="SEWBlock: expected connect among 'add', 'and', 'iand', got"):
            block(wrong)
    assert net.connect == "add"


@pytest.mark.parametrize(
    "behind", [snn.Delay(1), snn.Dropout(0.5, rng=0), nn.Dropout(0.5, rng=0), nn.SequentialCell(snn.Delay(1))]
)
def test_amplitudes_are_those_of_the_neurons_behind_what_hands_spikes_on(behind):
    for value, way in ((2.0, None), (1.0, nn.SequentialCell(snn.IFNode(v_threshold=2.0), behind))):
        with pytest.raises(ArgumentError, match=r"expected spikes of amplitude 1 for connect='iand', got IFNode"):
            snn.SEWBlock(snn.IFNode(v_threshold=value), behind, connect="iand", shortcut=way)
    assert len(snn.SEWBlock(snn.IFNode(), behind, connect="iand")) == 2
    net = snn.SEWBlock(snn.IFNode(v_threshold=2.0), behind)
    with pytest.raises(ArgumentError, match="spikes of amplitude 1 for connect='and'"):
        net.connect = "and"


def test_what_is_wrong_is_said():
    with pytest.raises(ArgumentError, match="connect among 'add', 'and', 'iand', got 'or'"):
        block("or")
    with pytest.raises(
        ArgumentError, match=r"SEWBlock, last layer: expected spikes of amplitude 1 for connect='and', got IFNode"
    ):
        snn.SEWBlock(snn.IFNode(v_threshold=0.5), connect="and")
    assert len(snn.SEWBlock(snn.IFNode(v_threshold=0.5, spike_value="unit"), connect="and")) == 1
    with pytest.raises(CellError, match="layers, and a Cell or None as the shortcut, got no layers"):
        snn.SEWBlock()
    for mode in ("eager", "compiled"):
        with pytest.raises(ShapeError, match=r"with outputs of the same shape, got .*\[3, 4\] .* and .*\[3, 5\]"):
            snn.run(block(n_out=4), spikes(), mode=mode)
        with pytest.raises(StateError, match=r"a dict with the layers \['1', '3', 'shortcut'\]"):
            snn.run(block(shortcut=True), spikes(), {"1": np.zeros((N, F), np.float32)}, mode=mode)
