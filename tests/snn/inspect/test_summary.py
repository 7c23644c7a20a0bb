"""The summary of a net, on cases worked out by hand and against loops over every product."""

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, nn, ops
from autograd.errors import DTypeError, PositionError, ShapeError
from tests.reference import operations
from tests.snn.helpers.nets import Recurrent, bits, two_layers

UNIT = {"has_bias": False, "weight_init": "ones"}


def spikes(shape, share=0.3, seed=0):
    return (np.random.default_rng(seed).random(shape) < share).astype(np.float32)


def numbers(found):
    return found.dense, found.macs, found.acs


def test_dense_by_hand():
    # Two steps of two samples: inputs [1, 0, 1], [0, 0, 0] and [1, 1, 1], [0, 1, 0]; one weight of six is 0.
    net = nn.SequentialCell(nn.Dense(3, 2, has_bias=True, weight_init=np.array([[1.0, 2.0, 0.0], [1.0, 1.0, 1.0]])))
    x = np.array([[[1, 0, 1], [0, 0, 0]], [[1, 1, 1], [0, 1, 0]]], np.float32)
    found = snn.summary(net, x)
    # (2 + 0 + 1) + 0, (2 + 2 + 1) + 2 over two samples; the bias counts for nothing.
    assert numbers(found) == (12, 0, (3 + 5 + 2) / 2)
    assert found.connection_sparsity == round(1 / 6, 4)
    assert (found.parameters, found.footprint, found["0"].shape) == (8, 32, (2,))
    assert (found.rate, found.activation_sparsity, found.membrane_updates) == (None, 0, 0)
    assert numbers(snn.summary(net, x * 0.5)) == (12, 5, 0)
    assert numbers(snn.summary(net, -x)) == (12, 0, 5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "norm",
    [lambda: snn.TDBatchNorm(2), lambda: snn.TEBN(3, 2), lambda: snn.BNTT(3, 2), lambda: nn.BatchNorm1d(2),
     lambda: nn.LayerNorm((2,)), lambda: nn.GroupNorm(1, 2)],
)  # fmt: skip
def test_norms_have_no_operations_and_no_note(norm, training):
    net = nn.SequentialCell(nn.Dense(4, 2, **UNIT), norm(), snn.IFNode()).set_train(training)
    found = snn.summary(net, spikes((3, 2, 4)))
    assert (found.notes, found["1"].dense, found.dense) == ((), None, 24)


def test_one_number_makes_macs_of_the_step_and_of_no_other():
    x = np.array([[[1.0, 0.0]], [[1.0, 0.5]], [[0.0, 0.0]]], np.float32)
    assert numbers(snn.summary(nn.Dense(2, 4, **UNIT), x)) == (24, 8, 4)


def test_rates_activations_and_membranes_by_hand():
    # IF at 1: the first neuron gets .75 and holds .75, fires at 1.5, 1.25; the second gets nothing.
    found = snn.summary(snn.IFNode(), np.array([[[0.75, 0]], [[0.75, 0]], [[0.75, 0]], [[0, 0]]], np.float32))
    assert found.rate == found.layers[0].rate == 2 / 8
    assert found.activation_sparsity == 1 - 2 / 8
    # In the first step both count; then the first neuron goes to .5, to .25, and stays.
    assert found.membrane_updates == 2 + 1 + 1
    assert found.layers[0].updates == 4


@pytest.mark.parametrize(("kernel", "stride", "group"), [(3, 1, 1), (3, 2, 1), (5, 1, 2)])
def test_convolution_with_a_border(kernel, stride, group):
    weight = np.random.default_rng(1).integers(-1, 2, (4, 2 // group, kernel, kernel)).astype(np.float32)
    border = kernel // 2
    conv = nn.Conv2d(2, 4, kernel, stride, "pad", border, group=group, weight_init=weight, has_bias=True, bias_init="ones")
    x = spikes((3, 2, 2, 6, 7))
    found = snn.summary(nn.SequentialCell(conv, snn.IFNode()), x)
    every, effective = np.sum(
        [operations.convolution(xt, weight, (border, border), (stride, stride), group) for xt in x], axis=0
    )
    assert numbers(found) == (every / 2, 0, effective / 2)
    assert effective > 50


def test_spikes_at_a_border_reach_fewer_outputs():
    conv = nn.Conv2d(1, 1, 3, **UNIT)  # the same size
    corner, edge, middle = np.zeros((3, 1, 1, 1, 5, 5), np.float32)
    corner[..., 0, 0] = edge[..., 0, 2] = middle[..., 2, 2] = 1
    assert [snn.summary(conv, x).acs for x in (corner, edge, middle)] == [4, 6, 9]
    assert snn.summary(conv, corner).dense == (5 * 3 - 2) ** 2


def test_a_transposed_convolution():
    """Each spike adds its kernels to the output; what falls off at the border counts for nothing."""
    weight = np.random.default_rng(1).integers(-1, 2, (2, 3, 3, 3)).astype(np.float32)
    layer = nn.Conv2dTranspose(2, 3, 3, 2, "pad", 1, weight_init=weight)
    x = spikes((3, 2, 2, 4, 5))
    every = effective = 0
    for t, n, c, i, j in np.ndindex(x.shape):
        for o, a, b in np.ndindex(3, 3, 3):
            inside = 0 <= 2 * i + a - 1 < 7 and 0 <= 2 * j + b - 1 < 9
            every += inside
            effective += bool(inside and x[t, n, c, i, j] and weight[c, o, a, b])
    assert numbers(snn.summary(layer, x)) == (every / 2, 0, effective / 2)


class Lagged(Cell):
    """A layer with weights and a state that is no neuron: its input comes a step later."""

    fire = False

    def __init__(self):
        super().__init__()
        self.weight = Parameter(np.eye(2, dtype=np.float32))

    def construct(self, x, state):
        return ops.matmul(state, self.weight), x


def test_a_layer_with_a_state_and_weights_is_said_not_to_count():
    found = snn.summary(nn.SequentialCell(Lagged(), snn.IFNode()), np.ones((3, 1, 2), np.float32))
    assert "0 (Lagged) has weights" in found.notes[0]
    assert (found["0"].rate, found.dense) == (None, 0)


def test_pooling_and_norms_count_nothing_and_an_average_makes_macs():
    x = np.zeros((2, 1, 1, 4, 4), np.float32)
    x[:, 0, 0, :2, :2] = [[1, 1], [1, 0]]
    for pool, macs, acs in ((nn.MaxPool2d(2, 2), 0, 3), (nn.AvgPool2d(2, 2), 3, 0), (nn.SumPool2d(2, 2), 3, 0)):
        norm = nn.BatchNorm2d(1, eps=0.0)
        found = snn.summary(nn.SequentialCell(norm, pool, nn.Flatten(), nn.Dense(4, 3, **UNIT)), x)
        assert numbers(found) == (24, macs * 2, acs * 2)
        assert found["0"].dense is found["1"].dense is found["2"].dense is None
        assert (found.parameters, found.trained) == (12 + 4, 12 + 2)
        assert found.notes == ()


@pytest.mark.parametrize(("lateral", "fan"), [("all", 3), ("self", 1)])
def test_a_recurrent_layer_by_hand(lateral, fan):
    layer = snn.Recurrent(snn.IFNode(v_reset=0.0), 3, lateral=lateral, weight_init="zeros")
    layer.weight.set_data(np.ones(layer.weight.shape, np.float32) * 2.0)
    x = np.zeros((4, 1, 3), np.float32)
    x[0, 0, 0] = 2
    found = snn.summary(layer, x)
    out = snn.run(layer, x).out.asnumpy()
    assert out[:3].sum() > 2
    # What fires in a step meets its weights in the next.
    assert numbers(found) == (4 * 3 * fan, 0, out[:3].sum() * fan)
    assert found.layers[0].rate == pytest.approx(out.mean())
    assert found.parameters == 3 * fan
    assert not found.notes


def test_a_weight_for_each_feature_by_hand():
    layer = snn.OneToOne(3, weight_init=np.array([1.0, 2.0, 0.0]), has_bias=True)
    x = np.array([[[1, 0, 1], [0, 0, 0]], [[1, 1, 1], [0, 1, 0]]], np.float32)
    found = snn.summary(layer, x)
    # 1 + 0 and 2 + 1 products with a weight that is not 0, over two samples.
    assert numbers(found) == (2 * 3, 0, (1 + 2 + 1) / 2)
    assert found.connection_sparsity == round(1 / 3, 4)
    assert (found.parameters, found.rate, found.notes) == (6, None, ())
    assert numbers(snn.summary(nn.SequentialCell(layer, snn.IFNode()), 0.5 * x)) == (6, 2, 0)


@pytest.mark.parametrize("middle", [0.0, 1.0])
def test_delays_by_hand(middle):
    """Inputs [1, 1], [0, 1], then nothing: feature 0 meets its weights at once and a step later, feature 1 two steps later."""
    layer = snn.DelayedDense(2, 2, [[0, 2], [1, 2]], weight_init=np.array([[1.0, 3.0], [middle, 2.0]]))
    x = np.zeros((5, 1, 2), np.float32)
    x[0, 0] = 1
    x[1, 0, 1] = 1
    found = snn.summary(layer, x)
    assert numbers(found) == (5 * 4, 0, 1 + middle + 2 + 2)
    assert found.connection_sparsity == (1 - middle) / 4
    assert (found.parameters, found.layers[0].shape) == (6, (2,))
    assert found.notes == ()
    # What is still on its way when the run ends has met no weight; with three steps feature 1 has met its weights once.
    assert numbers(snn.summary(layer, x[:3])) == (3 * 4, 0, 1 + middle + 2)
    x[0] *= 0.5  # a number in the window of the first three steps, of the last two none but the spike of feature 1
    assert numbers(snn.summary(layer, x)) == (20, 1 + middle + 2, 2)


def test_learnt_delays_by_hand():
    x = np.zeros((4, 1, 1), np.float32)
    x[0] = 1
    for delay, each in ((1.25, [0, 1, 1, 0]), (1.0, [0, 1, 0, 0])):  # between two steps, and on one
        layer = snn.LearntDelays(1, 1, 3, share="linear", delay_init=delay, weight_init=1.0)
        found = snn.summary(layer, x)
        assert numbers(found) == (4 * 2, 0, sum(each))
        assert np.count_nonzero(snn.run(layer, x).out.asnumpy() - layer.bias.asnumpy()) == sum(each)
        assert found.connection_sparsity == (2 - sum(each)) / 2
        assert (found.parameters, found.notes) == (3, ())
    bell = snn.LearntDelays(2, 3, 3, sigma=1.0, weight_init=1.0, rng=0)
    assert numbers(snn.summary(bell, np.ones((5, 2, 2), np.float32))) == (5 * 4 * 6, 0, (1 + 2 + 3 + 4 + 4) * 6)


def test_delays_in_a_net_count_what_the_neurons_before_them_fired():
    net = nn.SequentialCell(
        nn.Dense(3, 4, **UNIT), snn.IFNode(), snn.DelayedDense(4, 2, [[0], [1]], **UNIT), snn.IFNode(),
    )  # fmt: skip
    x = spikes((6, 2, 3))
    found = snn.summary(net, x)
    fired = snn.run(net, x, record=["spike"], mode="eager").record["1.spike"].asnumpy()
    assert fired.any()
    assert found["2"].dense == 6 * 8
    assert found["2"].acs == (fired.sum() + fired[:-1].sum()) / 2
    assert found["3"].rate > 0
    assert found.notes == ()


class Skip(Cell):
    """Two branches whose spikes are added, and one dense layer used twice."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.same = snn.IFNode(), snn.IFNode(), nn.Dense(2, 2, weight_init=np.eye(2), has_bias=False)

    def initial_state(self, x):
        return {"first": ops.zeros(x.shape), "second": ops.zeros(x.shape)}

    def construct(self, x, state):
        a, first = self.first(self.same(x), state["first"])
        b, second = self.second(self.same(a), state["second"])
        return self.same(a + b), {"first": first, "second": second}


def test_a_skip_makes_macs_of_a_sum_and_a_layer_used_twice_counts_twice():
    x = np.full((1, 1, 2), 2.0, np.float32)  # both fire at once, 1 each; the sum is 1 where the second does not
    found = snn.summary(Skip(), x)
    # x: 2 numbers; a: 2 spikes; b does not fire on 1: the sum is a again.
    assert numbers(found) == (12, 2, 2 + 2)
    assert [layer.name for layer in found.layers] == ["same", "first", "second"]
    x = np.full((2, 1, 2), 2.0, np.float32)  # in the second step b fires too: the sum is 2, which is a number
    assert numbers(snn.summary(Skip(), x)) == (24, 2 + 2 + 2, 2 + 2 + 2)
    assert found.parameters == 4
    assert found.connection_sparsity == 0.5


def test_feedback_between_layers_counts():
    net, x = Recurrent(), spikes((6, 2, 3), 0.6)
    net.back.weight.set_data(np.ones((4, 4), np.float32))
    net.inputs.weight.set_data(np.ones((4, 3), np.float32))
    found = snn.summary(net, x)
    fired = snn.run(net, x).out.asnumpy()
    assert fired.any()
    assert found["inputs"].acs == x.sum() * 4 / 2
    assert found["back"].acs == fired[:-1].sum() * 4 / 2


def test_a_constant_input_counts_in_each_step():
    x = np.broadcast_to(np.float32(0.5), (7, 2, 3))
    found = snn.summary(nn.Dense(3, 2, **UNIT), x)
    assert numbers(found) == (42, 42, 0)
    assert found.notes == ()


class Masked(Cell):
    """A dense layer with a mask."""

    def __init__(self):
        super().__init__()
        self.weight, self.mask = Parameter(np.ones((3, 4), np.float32)), np.eye(3, 4, dtype=np.float32)

    def construct(self, x):
        return ops.matmul(x, ops.transpose(self.weight * self.mask))


def test_weights_that_are_masked_are_sparse():
    found = snn.summary(nn.SequentialCell(Masked(), snn.IFNode()), np.ones((2, 1, 4), np.float32))
    assert numbers(found) == (24, 0, 6)
    assert found.connection_sparsity == 0.75


def test_layers_agree_with_loops_in_a_net():
    net = two_layers()
    x = spikes((5, 2, 3), 0.7)
    for layer in (net[0], net[2]):
        weight = layer.weight.asnumpy().copy()
        weight[0, ::2] = 0
        layer.weight.set_data(3 * weight)
    found = snn.summary(net, x)
    fired = snn.run(net, x, record=["spike"], mode="eager").record
    for name, inputs in (("0", x), ("2", fired["1.spike"].asnumpy())):
        every, effective = np.sum([operations.dense(xt, net[int(name)].weight.asnumpy()) for xt in inputs], axis=0)
        assert numbers(found[name]) == (every / 2, 0, effective / 2)
        assert effective
    assert found["1"].rate == pytest.approx(snn.metrics.firing_rate(fired["1.spike"]))
    assert found.neurobench == {
        "Footprint": 4 * (15 + 5 + 10 + 2),
        "ConnectionSparsity": round((3 * 1 - 1 + 3) / 25, 4),
        "ActivationSparsity": 1 - sum(np.count_nonzero(s) for s in fired.values()) / (5 * 2 * 7),
        "SynapticOperations": {"Effective_MACs": 0, "Effective_ACs": found.acs, "Dense": 5 * 25},
        "MembraneUpdates": found.membrane_updates,
    }


def test_activations_count_where_they_are_layers():
    x = np.array([[[1.0, -1.0]]], np.float32)
    for net in (nn.SequentialCell(nn.Dense(2, 2, weight_init=np.eye(2), has_bias=False), nn.ReLU()),
                nn.SequentialCell(nn.Dense(2, 2, weight_init=np.eye(2), has_bias=False, activation="relu"))):  # fmt: skip
        found = snn.summary(net, x)
        assert (found.activation_sparsity, found.acs, found.rate) == (0.5, 2, None)


def test_readouts_and_synapses_are_no_activations():
    net = nn.SequentialCell(snn.synapses.Exponential(alpha=0.5), snn.IFNode(), snn.LeakyReadout(beta=0.9))
    found = snn.summary(net, np.full((4, 1, 2), 0.75, np.float32))
    assert found["0"].rate is found["2"].rate is found["0"].updates is None
    assert found["1"].rate > 0
    assert found["2"].updates > 0
    assert found.activation_sparsity == 1 - found["1"].rate


def test_a_layer_over_time_has_a_rate():
    found = snn.summary(nn.SequentialCell(nn.Dense(2, 3, **UNIT), snn.PSN(4)), spikes((4, 2, 2), 0.9))
    assert found["1"].rate is not None
    assert found["0"].dense == 4 * 6


class Hidden(Cell):
    """Weights that no layer has: of one Cell, and in a step."""

    def __init__(self, square=True):
        super().__init__()
        self.weight, self.node = Parameter(np.eye(2, dtype=np.float32)), snn.IFNode()
        self.square = Square() if square else None

    def initial_state(self, x):
        return ops.zeros(x.shape)

    def construct(self, x, state):
        x = self.square(x) if self.square else x
        return self.node(ops.matmul(x, ops.transpose(self.weight)), state)


class Square(Cell):
    def __init__(self):
        super().__init__()
        self.weight = Parameter(np.ones((2, 2), np.float32))

    def construct(self, x):
        return ops.matmul(x * x, self.weight)


class HiddenLevels(Hidden):
    """The same with weights that a Cell makes."""

    def __init__(self):
        super().__init__(square=False)
        self.quantiser = snn.Quantiser(2)

    def construct(self, x, state):
        return self.node(ops.matmul(x, ops.transpose(self.quantiser(self.weight))), state)


def test_weights_that_a_cell_makes_in_a_step_are_said_too():
    found = snn.summary(HiddenLevels(), np.ones((2, 1, 2), np.float32))
    assert found.rate > 0
    assert any("multiplies by a Parameter outside a layer" in note for note in found.notes)


def test_what_is_not_counted_is_said():
    found = snn.summary(Hidden(), np.ones((2, 1, 2), np.float32))
    assert numbers(found) == (0, 0, 0)
    text = " ".join(found.notes)
    assert "square (Square) has weights, but does not multiply by them in a known way" in text
    assert "matmul multiplies by a Parameter outside a layer" in text
    assert text in str(found).replace("\n", " ")


def test_spikes_of_another_size_are_said_to_make_macs():
    net = nn.SequentialCell(snn.IFNode(v_threshold=0.5), nn.Dense(2, 2, **UNIT))
    found = snn.summary(net, np.ones((3, 1, 2), np.float32))
    assert found.macs > 0
    assert "The inputs of 1 are spikes of size 0.5" in found.notes[0]
    net[0].spike_value = "unit"
    assert snn.summary(net, np.ones((3, 1, 2), np.float32)).notes == ()


class Refused(Cell):
    """A step that cannot be traced."""

    def __init__(self):
        super().__init__()
        self.node = snn.IFNode()

    def initial_state(self, x):
        return ops.zeros(x.shape)

    def construct(self, x, state):
        return self.node(x * 2 if float(x.asnumpy().sum()) > 0 else x, state)


def test_a_net_that_cannot_be_compiled_has_no_memory_and_says_why():
    found = snn.summary(Refused(), np.ones((3, 1, 2), np.float32))
    assert found.memory is None
    assert "cannot be compiled" in found.notes[-1]
    assert found.rate == 1


def test_memory_is_that_of_the_estimate():
    net, x = two_layers(), spikes((5, 2, 3))
    assert snn.summary(net, x).memory == snn.memory_estimate(net, 5, 2).peak > 0


def test_the_net_is_left_as_it_was():
    net = nn.SequentialCell(nn.Conv2d(1, 2, 3, rng=0), nn.BatchNorm2d(2), nn.Dropout(0.5, rng=3), snn.IFNode()).set_train()
    before, drawn = bits(net.state_dict()), str(net[2].rng.bit_generator.state)
    snn.summary(net, spikes((3, 2, 1, 4, 4)))
    assert bits(net.state_dict()) == before
    assert str(net[2].rng.bit_generator.state) == drawn
    assert not any(cell.hooked for _, cell in net.cells_and_names())


def test_a_run_goes_on_from_a_state():
    x = np.full((2, 1, 1), 0.5, np.float32)
    state = snn.run(snn.IFNode(), x).state
    assert snn.summary(snn.IFNode(), x, state).rate == 0.5 != snn.summary(snn.IFNode(), x).rate


def test_a_table_in_text_and_html():
    found = snn.summary(two_layers(), spikes((5, 2, 3)))
    lines = str(found).splitlines()
    assert [line.split()[0] for line in lines[1:7]] == ["layer", "0", "1", "2", "3", "total"]
    page = found._repr_html_()
    assert page.count("<tr>") == 6
    assert ">IFNode</td>" in page


def test_mistakes():
    with pytest.raises(DTypeError, match=r"snn\.summary: expected a Cell as the net, got str"):
        snn.summary("net", np.ones((1, 1, 2)))
    for shape in ((3,), (0, 1, 2), (2, 0, 2)):
        with pytest.raises(ShapeError, match="at least one time step and one sample"):
            snn.summary(two_layers(), np.ones(shape, np.float32))
    with pytest.raises(PositionError, match=r"expected the name of a layer: '0', '1', '2', '3', got '4'"):
        snn.summary(two_layers(), spikes((5, 2, 3)))["4"]
