"""The promises of snn.run: explicit state, the same bits, unchanged inputs, the input's dtype."""

import numpy as np
import pytest

import snn
from autograd import Cell, Tensor, grad, nn, ops, optim, tree, value_and_grad
from tests.snn.helpers.nets import NETS, Adaptive, Pair, Recurrent, bits, currents, two_layers

every_net = pytest.mark.parametrize(("build", "features"), NETS.values(), ids=NETS)


@every_net
def test_outputs_states_and_records_have_a_time_step_a_batch_and_features(build, features):
    x = currents((6, 4, *features))
    out, state, _ = snn.run(build(), x)
    assert out.shape[:2] == (6, 4)
    assert all(leaf.shape[0] == 4 for leaf in tree.leaves(state))


@pytest.mark.parametrize("cut", [1, 5, 11])
@every_net
def test_two_runs_with_carried_state_are_one_run_to_the_bit(build, features, cut):
    net, x = build(), currents((12, 4, *features))
    out, state, recorded = snn.run(net, x, record="v")
    first, between, early = snn.run(net, x[:cut], record="v")
    second, end, late = snn.run(net, x[cut:], state=between, record="v")
    assert bits(ops.concat([first, second])) == bits(out)
    assert bits(end) == bits(state)
    assert bits({key: ops.concat([early[key], late[key]]) for key in early}) == bits(recorded)


@every_net
def test_gradients_through_two_runs_are_those_of_one(build, features):
    net, x = build(), Tensor(currents((8, 4, *features)))
    weights = np.random.default_rng(5).normal(size=snn.run(net, x)[0].shape).astype(np.float32)

    def one(x):
        return (snn.run(net, x)[0] * weights).sum()

    def two(x):
        first, between, _ = snn.run(net, x[:3])
        second, _, _ = snn.run(net, x[3:], state=between)
        return (ops.concat([first, second]) * weights).sum()

    by_one, by_two = (tree.leaves(grad(fn, weights=net.trainable_params())(x)) for fn in (one, two))
    assert any(np.abs(g.asnumpy()).max() > 0.01 for g in by_one)
    for a, b in zip(by_one, by_two, strict=True):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-5, atol=1e-6)


@every_net
def test_a_run_starts_fresh_unless_it_is_given_a_state(build, features):
    net, x = build(), currents((5, 4, *features))
    before = bits(snn.run(net, x)[:2])
    snn.run(net, currents((7, 2, *features), seed=9))
    assert bits(snn.run(net, x)[:2]) == before


@every_net
def test_inputs_and_states_are_left_as_they_were(build, features):
    net, x = build(), currents((5, 4, *features))
    mask = np.random.default_rng(1).random((5, 4)) < 0.8
    _, state, _ = snn.run(net, x)
    frozen = [x, mask, *(leaf.asnumpy() for leaf in tree.leaves(state))]
    kept = bits(frozen)
    for array in frozen:
        array.flags.writeable = False
    snn.run(net, x, state=state, mask=mask, record=("x", "v"))
    grad(lambda x: snn.run(net, x, state=state, mask=mask)[0])(Tensor.wrap(x))
    assert bits(frozen) == kept


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "build", [lambda dtype: snn.IFNode(), two_layers, lambda dtype: Adaptive()], ids=["IF", "net", "user's"]
)
def test_dtype_follows_the_input(build, dtype):
    x = currents((4, 2, 3), dtype)
    out, state, record = snn.run(build(dtype=dtype), x, record=("v", "x", "spike"))
    assert {str(leaf.dtype) for leaf in tree.leaves((out, state, record))} == {np.dtype(dtype).name}
    assert grad(lambda x: snn.run(build(dtype=dtype), x)[0])(x).dtype == dtype


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
@pytest.mark.parametrize("build", [snn.IFNode, two_layers], ids=["IF", "net"])
def test_spikes_as_truth_values_or_whole_numbers_run_as_float32(build, dtype):
    x = (np.random.default_rng(0).random((6, 2, 3)) < 0.4).astype(dtype)
    out, state, _ = snn.run(build(), x)
    assert {str(leaf.dtype) for leaf in tree.leaves((out, state))} == {"float32"}
    assert bits((out, state)) == bits(snn.run(build(), x.astype(np.float32))[:2])


def train(seed):
    rng = np.random.default_rng(seed)
    net = nn.SequentialCell(
        nn.Dense(4, 16, rng=rng), snn.LIFNode(beta=0.9), nn.Dropout(0.2, rng=rng),
        nn.Dense(16, 3, rng=rng), snn.LIFNode(beta=0.9),
    ).set_train()  # fmt: skip
    weights = net.trainable_params()
    optimizer = optim.Adam(weights, 1e-2)
    data, labels = rng.random((64, 4)).astype(np.float32), rng.integers(0, 3, 64)
    step = value_and_grad(
        lambda x, y: snn.losses.count_cross_entropy(snn.run(net, snn.encode.rate(x, 8, rng))[0], y), None, weights=weights
    )
    losses = []
    for _ in range(4):
        chosen = rng.permutation(64)[:32]
        loss, gradients = step(data[chosen], labels[chosen])
        optimizer(gradients)
        losses.append(loss)
    return bits((losses, net.state_dict()))


def test_the_same_seed_gives_the_same_bits_in_training_and_another_seed_others():
    assert train(3) == train(3)
    assert train(3) != train(4)


# Structure of the state


def test_the_state_of_a_net_is_a_dict_of_its_layers_with_state():
    nested = nn.SequentialCell({"front": two_layers(), "flat": nn.Flatten(), "out": nn.SequentialCell(snn.IFNode())})
    _, state, _ = snn.run(nested, currents((2, 4, 3)))
    assert {key: list(value) for key, value in state.items()} == {"front": ["1", "3"], "out": ["0"]}
    assert state["front"]["3"].shape == (4, 2)


def test_a_net_without_state_ends_without_one():
    assert snn.run(nn.SequentialCell(nn.Dense(3, 2), nn.ReLU()), currents((2, 4, 3)))[1] == {}
    assert snn.run(nn.Dense(3, 2), currents((2, 4, 3)))[1] is None


def test_a_state_of_named_variables_keeps_its_type_also_when_it_is_given_as_a_plain_tuple():
    net, x = Adaptive(), currents((6, 2, 3))
    _, state, _ = snn.run(net, x[:3])
    assert type(state) is Pair
    plain = tuple(leaf.asnumpy() for leaf in state)
    assert bits(snn.run(net, x[3:], state=plain)[:2]) == bits(snn.run(net, x[3:], state=state)[:2])


def test_the_order_in_which_a_dict_of_layers_is_given_does_not_matter():
    net, x = two_layers(), currents((6, 2, 3))
    _, state, _ = snn.run(net, x[:3])
    turned = dict(reversed(state.items()))
    assert bits(snn.run(net, x[3:], state=turned)[0]) == bits(snn.run(net, x[3:], state=state)[0])


def test_initial_state_is_what_a_run_starts_from():
    for net in (snn.IFNode(v_reset=-0.5), Adaptive(), Recurrent()):
        x = currents((4, 2, 3))
        assert bits(snn.run(net, x, state=snn.initial_state(net, x[0]))[:2]) == bits(snn.run(net, x)[:2])


class Leak(Cell):
    """The smallest user's Cell: no initial_state, no surrogate."""

    def construct(self, x, state):
        state = 0.5 * state + x
        return state, state


def test_a_users_neuron_without_initial_state_starts_at_zero():
    x = currents((5, 2, 3))
    out, state, _ = snn.run(Leak(), x)
    v = np.zeros((2, 3), np.float32)
    for t in range(5):
        v = np.float32(0.5) * v + x[t]
        np.testing.assert_array_equal(out[t], v)
    np.testing.assert_array_equal(state, v)


class Stacked(Cell):
    """Holds neurons and does not say how they start."""

    def __init__(self):
        super().__init__()
        self.a, self.b = snn.IFNode(), snn.LIFNode(beta=0.5)

    def construct(self, x, state):
        spike, a = self.a(x, state[0])
        out, b = self.b(spike, state[1])
        return out, (a, b)


def test_a_users_net_without_initial_state_runs_from_a_state_that_is_given():
    x = currents((6, 2, 3))
    zero = np.zeros((2, 3), np.float32)
    out, state, _ = snn.run(Stacked(), x, state=(zero, zero))
    in_a_row = nn.SequentialCell(snn.IFNode(), snn.LIFNode(beta=0.5))
    expected, end, _ = snn.run(in_a_row, x)
    assert bits((out, state)) == bits((expected, (end["0"], end["1"])))


def test_gradients_reach_the_state_that_a_run_starts_from():
    net, x = two_layers(np.float64), currents((4, 2, 3), np.float64)
    _, state, _ = snn.run(net, x)
    by_state = grad(lambda state: snn.run(net, x, state=state)[0])(state)
    assert list(by_state) == ["1", "3"]
    assert all(np.abs(g.asnumpy()).max() > 0 for g in by_state.values())


def test_one_neuron_in_two_layers_has_a_state_for_each():
    shared, x = snn.LIFNode(beta=0.5), currents((6, 2, 3))
    apart = nn.SequentialCell(snn.LIFNode(beta=0.5), snn.LIFNode(beta=0.5))
    assert bits(snn.run(nn.SequentialCell(shared, shared), x)[:2]) == bits(snn.run(apart, x)[:2])


def test_a_direct_current_and_its_copy_give_the_same_bits():
    x = currents((2, 3))
    assert bits(snn.run(two_layers(), snn.encode.direct(x, 5))[0]) == bits(snn.run(two_layers(), np.stack([x] * 5))[0])


@pytest.mark.parametrize("mode", ["auto", "eager"])
def test_a_short_run_has_the_same_bits_in_auto_and_eager_mode(mode):
    x = currents((4, 2, 3))
    assert bits(snn.run(two_layers(), x, mode=mode)[0]) == bits(snn.run(two_layers(), x)[0])


def test_a_run_of_many_steps_differentiates_without_recursion():
    x = np.full((3000, 1, 1), 0.01, np.float64)
    by_x = grad(lambda x: snn.run(snn.LeakyReadout(beta=1.0), x)[1])(x)
    np.testing.assert_array_equal(by_x, np.ones((3000, 1, 1)))


def test_an_empty_batch_runs():
    out, state, record = snn.run(two_layers(), np.zeros((4, 0, 3), np.float32), record="v")
    assert (out.shape, state["1"].shape, record["3.v"].shape) == ((4, 0, 2), (0, 5), (4, 0, 2))


def test_the_result_may_be_read_by_name():
    x = currents((6, 4, 3))
    result = snn.run(snn.IFNode(), x, record="v")
    out, state, record = result
    assert result.out is out
    assert result.state is state
    assert result.record is record
    assert out.array.any()


def test_the_result_says_in_which_mode_it_ran():
    net, x = nn.SequentialCell(nn.Dense(3, 2, rng=0), snn.LIFNode(beta=0.5)), Tensor(np.ones((4, 2, 3), np.float32))
    for mode, expected in (("eager", "eager"), ("python", "python"), ("compiled", "compiled"), ("auto", "eager")):
        for _ in range(4):
            result = snn.run(net, x, mode=mode)
            assert result.mode == expected
    out, state, record = result
    assert result == (out, state, record)
    assert len(result) == 3
    assert "Result of snn.run, eager" in result._repr_html_()
    assert (result._replace(state=None).mode, result._replace(state=None)) == ("eager", (out, None, record))


def test_the_mode_after_a_run_that_could_not_be_compiled():
    class Sums(snn.Neuron):
        def charge(self, v, x):
            return 0.5 * v + ops.mean(x, -1, keepdims=True)

    with pytest.warns(UserWarning, match="step by step"):
        assert snn.run(Sums(), Tensor(np.ones((200, 64, 200), np.float32))).mode == "eager"
