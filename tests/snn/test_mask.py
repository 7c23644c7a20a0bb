"""mask=: samples of different length in one batch."""

import numpy as np
import pytest

import snn
from autograd import Cell, Tensor, grad, nn, ops, tree
from autograd.errors import ShapeError
from tests.snn.helpers.nets import NETS, bits, currents, two_layers

LENGTHS = (7, 3, 1, 5)
MASK = np.arange(7)[:, None] < np.array(LENGTHS)
HOLES = np.random.default_rng(2).random((7, 4)) < 0.6

every_net = pytest.mark.parametrize(("build", "features"), NETS.values(), ids=NETS)
every_neuron = pytest.mark.parametrize(
    ("build", "features"), [NETS[k] for k in ("IF", "IF, hard reset", "LIF", "IF of images", "readout", "two variables")]
)
masks = pytest.mark.parametrize("mask", [MASK, HOLES, MASK[::-1]], ids=["ends", "holes", "begins late"])


@masks
@every_neuron
def test_each_sample_runs_as_it_does_alone_to_the_bit(build, features, mask):
    net, x = build(), currents((7, 4, *features))
    out, state, record = snn.run(net, x, mask=mask, record=("v", "x"))
    for n in range(4):
        on = mask[:, n]
        alone, end, recorded = snn.run(net, x[on, n : n + 1], record=("v", "x"))
        assert bits(Tensor(out.asnumpy()[on, n])) == bits(Tensor(alone.asnumpy()[:, 0]))
        assert bits([leaf[n] for leaf in tree.leaves(state)]) == bits([leaf[0] for leaf in tree.leaves(end)])
        for key in ("v", "x"):
            assert bits(Tensor(record[key].asnumpy()[on, n])) == bits(Tensor(recorded[key].asnumpy()[:, 0]))


@masks
@every_net
def test_each_sample_of_a_net_runs_as_it_does_alone(build, features, mask):
    net, x = build(), currents((7, 4, *features))
    out, state, _ = snn.run(net, x, mask=mask)
    for n in range(4):
        alone, end, _ = snn.run(net, x[mask[:, n], n : n + 1])
        np.testing.assert_allclose(out.asnumpy()[mask[:, n], n], alone.asnumpy()[:, 0], rtol=1e-4, atol=1e-5)
        for ours, expected in zip(tree.leaves(state), tree.leaves(end), strict=True):
            np.testing.assert_allclose(ours.asnumpy()[n], expected.asnumpy()[0], rtol=1e-4, atol=1e-5)


@masks
@every_net
def test_where_the_mask_is_false_the_output_is_zero_and_the_state_is_held(build, features, mask):
    net, x = build(), currents((7, 4, *features))
    out, _, record = snn.run(net, x, mask=mask, record=("v", "x"))
    assert not out.asnumpy()[~mask].any()
    for key, values in record.items():
        if key.endswith("x"):
            assert not values.asnumpy()[~mask].any()
        else:
            np.testing.assert_array_equal(values.asnumpy()[1:][~mask[1:]], values.asnumpy()[:-1][~mask[1:]])


def test_a_sample_that_never_begins_ends_as_it_starts():
    net, x = snn.IFNode(v_reset=-0.5), currents((3, 2, 3))
    out, v, record = snn.run(net, x, mask=np.array([[True, False]] * 3), record=("v", "spike", "v_before_reset", "x"))
    np.testing.assert_array_equal(v[1], np.full(3, -0.5))
    np.testing.assert_array_equal(record["v"][:, 1], np.full((3, 3), -0.5))
    np.testing.assert_array_equal(record["v_before_reset"][:, 1], np.full((3, 3), -0.5))
    assert not out[:, 1].asnumpy().any()
    assert not record["spike"][:, 1].asnumpy().any()
    assert not record["x"][:, 1].asnumpy().any()


@every_net
def test_a_mask_that_is_true_everywhere_changes_nothing(build, features):
    net, x = build(), currents((5, 4, *features))
    record = ("v", "x")
    assert bits(snn.run(net, x, mask=np.ones((5, 4), bool), record=record)) == bits(snn.run(net, x, record=record))


@masks
@every_net
def test_two_masked_runs_with_carried_state_are_one(build, features, mask):
    net, x = build(), currents((7, 4, *features))
    out, state, _ = snn.run(net, x, mask=mask)
    first, between, _ = snn.run(net, x[:3], mask=mask[:3])
    second, end, _ = snn.run(net, x[3:], state=between, mask=mask[3:])
    assert bits((ops.concat([first, second]), end)) == bits((out, state))


@pytest.mark.parametrize("padding", [np.nan, np.inf, 1e30])
@every_net
def test_what_stands_in_the_padding_does_not_matter_for_values_and_gradients(build, features, padding):
    net, x = build(), currents((7, 4, *features))
    weights = np.random.default_rng(3).normal(size=snn.run(net, x)[0].shape).astype(np.float32)
    padded = np.where(MASK.reshape(7, 4, *[1] * len(features)), x, np.float32(padding))

    def loss(x):
        out, state, record = snn.run(net, x, mask=MASK, record="v", check=True)
        return (out * weights).sum() + sum(r.sum() for r in record.values()), out, state

    by_clean, by_padded = (grad(loss, weights=net.trainable_params(), has_aux=True)(Tensor(v)) for v in (x, padded))
    assert bits(by_padded) == bits(by_clean)
    (by_x, _), _ = by_padded
    assert not by_x.asnumpy()[~MASK].any()
    assert np.abs(by_x.asnumpy()[MASK]).max() > 0


@pytest.mark.parametrize("dtype", [bool, np.int64, np.float64])
def test_a_mask_keeps_the_dtype_that_neurons_see(dtype):
    x = (currents((7, 4, 3)) > 0).astype(dtype)
    assert snn.run(nn.Flatten(), x, mask=MASK)[0].dtype == dtype
    seen = snn.run(snn.IFNode(), x, mask=MASK, record="x")[2]["x"]
    assert seen.dtype == dtype
    assert bits(snn.run(snn.IFNode(), x, mask=MASK)[0]) == bits(snn.run(snn.IFNode(), x * MASK[..., None], mask=MASK)[0])


def test_a_mask_may_be_a_tensor_or_a_list():
    net, x = two_layers(), currents((7, 4, 3))
    expected = bits(snn.run(net, x, mask=MASK)[0])
    assert bits(snn.run(net, x, mask=Tensor(MASK))[0]) == expected
    assert bits(snn.run(net, x, mask=MASK.tolist())[0]) == expected


def test_a_mask_silences_a_net_without_state():
    out, _, _ = snn.run(nn.SequentialCell(nn.Dense(3, 2, rng=0)), currents((7, 4, 3)), mask=MASK)
    assert not out.asnumpy()[~MASK].any()
    assert out.asnumpy()[MASK].all()


@pytest.mark.parametrize(
    ("mask", "got"),
    [
        (MASK.T, "ndarray [4, 7] Bool"),
        (MASK[..., None], "ndarray [7, 4, 1] Bool"),
        (MASK[0], "ndarray [4] Bool"),
        (MASK.astype(np.float32), "ndarray [7, 4] Float32"),
        (MASK.astype(int), "ndarray [7, 4] Int64"),
    ],
)
def test_a_mask_of_another_shape_or_dtype_is_refused(mask, got):
    with pytest.raises(ShapeError) as error:
        snn.run(snn.IFNode(), currents((7, 4, 3)), mask=mask)
    assert str(error.value) == (
        f"snn.run, mask: expected [T, N] = [7, 4] Bool, got {got}. "
        "Pass one bool per time step and sample: True where there is data."
    )


def test_a_record_of_spikes_is_zero_under_a_mask_also_where_a_state_has_a_field_of_that_name():
    class Echo(Cell):
        def initial_state(self, x):
            return {"v": ops.zeros_like(x), "spike": ops.ones_like(x)}

        def construct(self, x, state):
            spike = (state["v"] + x > 1).astype(x.dtype)
            return spike, {"v": state["v"] + x, "spike": spike}

    x, mask = np.full((3, 1, 2), 0.75, np.float32), np.array([[True], [True], [False]])
    for mode in ("eager", "compiled"):
        record = snn.run(Echo(), x, record="spike", mask=mask, mode=mode)[2]
        np.testing.assert_array_equal(record["spike"].asnumpy()[:, 0, 0], [0, 1, 0])
