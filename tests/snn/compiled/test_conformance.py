"""The compiled mode gives what the eager mode gives: spikes and states to the bit, gradients to rounding."""

import numpy as np
import pytest

import snn
from autograd import Tensor, grad, tree, value_and_grad

from .neurons import chain, neurons

T, N, F = 23, 3, 7
NAMES = list(neurons(F, np.float32))


def both(node, x, start, record, mask, weights):
    """Run a neuron in both modes; return outputs, states, records and all gradients of a weighted sum of everything."""
    results = []
    parameters = node.trainable_params()
    for mode in ("eager", "compiled"):

        def loss(x, start, mode=mode):
            out, state, records = snn.run(node, x, start, record=record, mask=mask, mode=mode)
            parts = [out, *tree.leaves(state), *records.values()]
            return sum((part * w).sum() for part, w in zip(parts, weights, strict=False)), out, state, records

        results.append(value_and_grad(loss, (0, 1), parameters, has_aux=True)(x, start))
    return results


@pytest.mark.parametrize(("dtype", "masked"), [(np.float32, False), (np.float64, True)], ids=["float32", "float64-masked"])
@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_neuron_equals_the_eager_one(name, masked, dtype):
    rng = np.random.default_rng(3)
    node = neurons(F, dtype)[name]
    x = Tensor((1.5 * rng.standard_normal((T, N, F)) + 0.5).astype(dtype))
    start = tree.map_leaves(lambda s: Tensor(rng.uniform(0, 0.4, s.shape).astype(dtype)), snn.initial_state(node, x[0]))
    record = ["v", "x"] + (["v_before_reset"] if hasattr(node, "charge") else [])
    mask = rng.random((T, N)) > 0.3 if masked else None
    n_states = len(tree.leaves(start))
    shapes = [(T, N, F)] + [(N, F)] * n_states + [(T, N, F)] * len(record)
    weights = [rng.standard_normal(s).astype(dtype) for s in shapes]
    (values, gradients), (values_c, gradients_c) = both(node, x, start, record, mask, weights)
    for a, b in zip(tree.leaves(values[1:]), tree.leaves(values_c[1:]), strict=True):
        assert a.dtype == b.dtype == dtype
        np.testing.assert_array_equal(a, b)
    if getattr(node, "fire", True) and name != "own bprop":
        assert 0.02 < snn.metrics.firing_rate(values[1]) < 0.9
    for a, b in zip(tree.leaves(gradients), tree.leaves(gradients_c), strict=True):
        assert a.dtype == b.dtype == dtype
        tolerance = 1e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * np.abs(a.array).max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_chain_with_whole_weights_gives_the_same_spikes_to_the_bit(dtype):
    rng = np.random.default_rng(0)
    net = chain(rng, dtype)
    x = rng.integers(0, 3, (11, 5, 6)).astype(dtype)
    mask = np.arange(11)[:, None] < np.array([11, 4, 7, 1, 9])
    for options in ({}, {"mask": mask}):
        eager = snn.run(net, x, record=("spike", "v"), mode="eager", **options)
        compiled = snn.run(net, x, record=("spike", "v"), mode="compiled", **options)
        assert eager[1].keys() == compiled[1].keys()
        assert eager[2].keys() == compiled[2].keys()
        for a, b in zip(tree.leaves(eager), tree.leaves(compiled), strict=True):
            np.testing.assert_array_equal(a, b)
        assert eager[0].array.any()


def test_gradients_of_a_chain_agree_to_rounding():
    rng = np.random.default_rng(1)
    net = chain(rng)
    x = rng.integers(0, 3, (11, 5, 6)).astype(np.float32)
    w = rng.standard_normal((11, 5, 4)).astype(np.float32)
    found = [
        value_and_grad(lambda x, mode=mode: (snn.run(net, x, mode=mode)[0] * w).sum(), 0, net.trainable_params())(x)
        for mode in ("eager", "compiled")
    ]
    for a, b in zip(tree.leaves(found[0]), tree.leaves(found[1]), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5 * np.abs(a.array).max())


def test_a_constant_current_is_run_once_through_the_layers_before_the_first_neuron():
    rng = np.random.default_rng(2)
    net = chain(rng)
    image = rng.integers(0, 3, (5, 6)).astype(np.float32)
    shapes = []
    net[0].register_forward_hook(lambda cell, inputs, out: shapes.append(out.shape))
    spikes = snn.run(net, snn.encode.direct(image, 8), mode="compiled")[0]
    assert shapes == [(5, 9)]
    np.testing.assert_array_equal(spikes, snn.run(net, np.stack([image] * 8), mode="eager")[0])


def test_two_runs_with_carried_state_equal_one_to_the_bit():
    rng = np.random.default_rng(4)
    node = neurons(F, np.float32)["adaptive"]
    x = rng.standard_normal((T, N, F)).astype(np.float32)
    whole, state, _ = snn.run(node, x, mode="compiled")
    first, middle, _ = snn.run(node, x[:9], mode="compiled")
    second, end, _ = snn.run(node, x[9:], middle, mode="compiled")
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    assert type(end) is type(state)
    for a, b in zip(end, state, strict=True):
        np.testing.assert_array_equal(a, b)


def test_second_order_through_a_compiled_run_takes_the_eager_way():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((6, 2, 3)).astype(np.float32)
    w = rng.standard_normal((6, 2, 3)).astype(np.float32)

    def second(mode):
        first = grad(lambda x: (snn.run(snn.LIFNode(beta=0.9), x, mode=mode)[0] * w).sum())
        return grad(lambda x: (first(x) ** 2).sum())(x)

    np.testing.assert_allclose(second("compiled"), second("eager"), rtol=1e-5)
    assert second("eager").array.any()


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_bits_do_not_depend_on_the_number_of_threads(threads, monkeypatch):
    rng = np.random.default_rng(6)
    x = rng.standard_normal((80, 4, 2000)).astype(np.float32)
    node = neurons(2000, np.float32)["LIF, learnable"]

    def everything():
        loss = lambda x: (lambda out, v, _: (out * x).sum() + v.sum())(*snn.run(node, x, mode="compiled"))  # noqa: E731
        return tree.leaves(value_and_grad(loss, 0, node.trainable_params())(x))

    monkeypatch.setenv("SPIKECELL_THREADS", "1")
    everything()
    expected = everything()
    monkeypatch.setenv("SPIKECELL_THREADS", str(threads))
    for a, b in zip(everything(), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_inputs_and_states_stay_as_they_were():
    rng = np.random.default_rng(7)
    x, v = rng.standard_normal((5, 2, 3)).astype(np.float32), np.zeros((2, 3), np.float32)
    before = x.tobytes(), v.tobytes()
    snn.run(snn.IFNode(), x, v, mode="compiled")
    assert (x.tobytes(), v.tobytes()) == before
