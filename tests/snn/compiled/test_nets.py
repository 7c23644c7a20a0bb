"""Whole nets with weights of whole numbers, whose sums are exact in any order: eager and compiled equal to the bit."""

import itertools

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, nn
from snn.compiled import factored
from snn.connections import connection_of, dense
from snn.connections.dense import Dense
from snn.engine import tuning
from snn.engine.backends import back_end
from tests.snn.helpers.compare import assert_as_eager, everything
from tests.snn.helpers.neurons import AdaptiveNode, whole_dense

T, N = 9, 3
modes = pytest.mark.parametrize("mode", ["compiled", "python"])


@pytest.fixture(params=["events", "dense"])
def path(request, monkeypatch, tune):
    """Take the event-driven way at any size, or never."""
    tune(little_work=0 if request.param == "events" else 1 << 60)
    kinds = []
    make = Dense.way
    monkeypatch.setattr(Dense, "way", lambda *args: kinds.append(make(*args)) or kinds[-1])
    yield request.param
    assert ("events" in {k.kind for k in kinds}) == (request.param == "events")


def spikes(shape, dtype=np.float32, amplitude=1, density=0.15):
    return ((np.random.default_rng(1).random(shape) < density) * amplitude).astype(dtype)


def net(rng, middle, n_in=6, n_out=4, dtype=np.float32):
    return nn.SequentialCell(
        whole_dense(rng, n_in, 9, dtype), middle, whole_dense(rng, 9, n_out, dtype), snn.LIFNode(beta=0.5)
    )


@modes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("amplitude", [1, 0.5, 2])
def test_input_spikes_of_any_amplitude(amplitude, dtype, mode, path):
    middle = snn.IFNode(4.0, surrogate_function=snn.surrogate.triangle(0.25))
    found = assert_as_eager(net(np.random.default_rng(0), middle, dtype=dtype), spikes((T, N, 6), dtype, amplitude), mode)
    assert found[0].array.any()


@pytest.mark.parametrize(
    ("spike_value", "wrap", "mode"),
    [
        *itertools.product(["threshold", "unit"], [np.asarray, Parameter], ["python"]),
        ("unit", np.asarray, "compiled"),
        ("threshold", Parameter, "compiled"),
    ],
)
def test_hidden_spikes_with_an_amplitude_for_each_neuron(spike_value, wrap, mode, path):
    threshold = wrap((2.0 ** (np.arange(9) % 3)).astype(np.float32) * 4)
    middle = snn.IFNode(threshold, spike_value=spike_value)
    assert_as_eager(
        net(np.random.default_rng(0), middle), spikes((T, N, 6)), mode, record=("v", "spike", "x", "v_before_reset")
    )


@modes
@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int64])
@pytest.mark.parametrize("amplitude", [1, 3])
def test_input_of_whole_numbers_and_bools(dtype, amplitude, mode, path):
    assert_as_eager(net(np.random.default_rng(0), snn.IFNode(4.0)), spikes((T, N, 6), dtype, amplitude), mode)


@modes
@pytest.mark.parametrize("mask", ["leading", "trailing", "gaps", "nothing"])
def test_masks(mask, mode, path):
    t, lengths = np.arange(T)[:, None], np.array([T, 4, 6])
    by_name = {"leading": t >= T - lengths, "trailing": t < lengths, "nothing": np.zeros((T, N), bool)}
    keep = by_name.get(mask, np.random.default_rng(2).random((T, N)) > 0.4)
    middle = snn.IFNode(4.0, surrogate_function=snn.surrogate.triangle(0.25))
    assert_as_eager(net(np.random.default_rng(0), middle), spikes((T, N, 6)), mode, mask=keep, record=("v", "spike", "x"))


def test_more_axes_between_batch_and_features(path):
    chain = net(np.random.default_rng(0), snn.LIFNode(4.0, beta=0.5))
    assert_as_eager(chain, spikes((T, N, 2, 6)), "python", record=("v",))


@modes
def test_thresholds_on_more_axes(mode, path):
    rng = np.random.default_rng(0)
    mask = rng.random((T, N)) > 0.3
    middle = snn.IFNode(4.0 * 2.0 ** rng.integers(0, 2, (2, 9)))
    assert_as_eager(net(rng, middle), spikes((T, N, 2, 6)), mode, mask=mask)


@modes
def test_neurons_of_two_states_with_parameters_of_their_own(mode, path):
    node = AdaptiveNode(9, np.float32)
    node.v_threshold.set_data(4.0 + np.arange(9) % 2)
    assert_as_eager(net(np.random.default_rng(0), node), spikes((T, N, 6)), mode, record=("v", "b"))


@modes
def test_layers_that_are_no_multiple_of_a_block(mode, path, tune):
    tune(cache=64 * 70 * 4)  # blocks of 64 outputs for the first layer
    rng = np.random.default_rng(0)
    layers = [whole_dense(rng, 70, 201), snn.IFNode(3.0), whole_dense(rng, 201, 65), snn.IFNode(3.0)]
    assert_as_eager(nn.SequentialCell(*layers), spikes((4, 5, 70)), mode)


CHAINS = {
    "Dense alone": lambda d: [d(6, 5)],
    "Dense, Dense": lambda d: [d(6, 5), d(5, 4)],
    "Dense, ReLU, Dense": lambda d: [d(6, 5), nn.ReLU(), d(5, 4)],
    "neuron, Dense": lambda d: [snn.IFNode(), d(6, 5)],
    "Dense without bias, neuron": lambda d: [nn.Dense(6, 5, d(6, 5).weight.array, has_bias=False), snn.IFNode()],
    "Dense without bias": lambda d: [nn.Dense(6, 5, d(6, 5).weight.array, has_bias=False)],
    "Flatten": lambda d: [nn.Flatten(), d(6, 5), snn.IFNode()],
    "Dense with activation": lambda d: [d(6, 5, activation=nn.ReLU()), snn.IFNode()],
    "neuron, neuron": lambda d: [snn.IFNode(), snn.LIFNode(beta=0.5)],
    "neuron, ReLU, Dense": lambda d: [snn.IFNode(), nn.ReLU(), d(6, 4), snn.IFNode()],
    "nested": lambda d: [
        nn.SequentialCell(d(6, 5), snn.IFNode()),
        nn.SequentialCell(nn.SequentialCell(d(5, 4)), snn.IFNode()),
    ],
    "readout": lambda d: [d(6, 5), snn.IFNode(), d(5, 2), snn.LeakyReadout(beta=0.5)],
}


@pytest.mark.parametrize(
    ("name", "masked", "mode"),
    [
        *itertools.product(CHAINS, [False, True], ["python"]),
        ("Dense, Dense", False, "compiled"),
        ("Dense without bias", False, "compiled"),
        ("neuron, ReLU, Dense", True, "compiled"),
        ("nested", False, "compiled"),
        ("readout", True, "compiled"),
    ],
)
def test_chains_of_layers(name, masked, mode, tune):
    tune(little_work=0)
    rng = np.random.default_rng(0)
    chain = nn.SequentialCell(*CHAINS[name](lambda *args, **options: whole_dense(rng, *args, **options)))
    x = rng.integers(0, 3, (T, N, 2, 3) if name == "Flatten" else (T, N, 6)).astype(np.float32)
    assert_as_eager(chain, x, mode, mask=rng.random((T, N)) > 0.3 if masked else None)


@modes
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_a_constant_current_is_multiplied_once(dtype, mode, monkeypatch):
    rng = np.random.default_rng(0)
    chain, image = net(rng, snn.IFNode(4.0)), rng.integers(0, 3, (N, 6)).astype(dtype)
    kinds = []
    make = Dense.way
    monkeypatch.setattr(Dense, "way", lambda *args: kinds.append(make(*args)) or kinds[-1])
    whole = everything(chain, np.stack([image] * T), "eager")
    constant = np.broadcast_to(image, (T, N, 6))
    found = assert_as_eager(chain, constant, mode)
    assert [k.kind for k in kinds][:2] == ["once", "dense"]
    np.testing.assert_array_equal(found[0], whole[0][0])
    assert_as_eager(chain, constant, mode, mask=rng.random((T, N)) > 0.3)


@modes
def test_two_runs_with_carried_state_equal_one_to_the_bit(mode, path):
    rng = np.random.default_rng(0)
    chain, x = net(rng, AdaptiveNode(9, np.float32)), spikes((T, N, 6))
    whole, end, _ = snn.run(chain, x, mode=mode)
    first, middle, _ = snn.run(chain, x[:4], mode=mode)
    second, after, _ = snn.run(chain, x[4:], middle, mode=mode)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    for key, name in itertools.product(("1",), ("v", "b")):
        np.testing.assert_array_equal(getattr(after[key], name), getattr(end[key], name))
    np.testing.assert_array_equal(after["3"], end["3"])


@modes
def test_states_at_the_start_have_gradients(mode, path):
    chain = net(np.random.default_rng(0), snn.IFNode(4.0))
    state = {"1": Tensor(np.full((N, 9), 1.0, np.float32)), "3": Tensor(np.full((N, 4), -0.5, np.float32))}
    assert_as_eager(chain, spikes((T, N, 6)), mode, state=state)


@pytest.mark.parametrize(
    ("surrogate", "sampled", "mode"),
    [
        ("triangle", True, "python"),
        ("rectangle", True, "python"),
        ("sigmoid", False, "python"),
        ("atan", False, "python"),
        ("triangle", True, "compiled"),
        ("atan", False, "compiled"),
    ],
)
def test_the_gradient_by_hidden_spikes_is_sampled_where_the_surrogate_says_it_matters(
    surrogate, sampled, mode, monkeypatch, tune
):
    tune(little_work=0, few_outputs=0)
    calls = []
    product = dense.sampled_product
    monkeypatch.setattr(dense, "sampled_product", lambda *args: calls.append(args[2].density) or product(*args))
    middle = snn.IFNode(4.0, surrogate_function=getattr(snn.surrogate, surrogate)(1.0))
    chain = net(np.random.default_rng(0), middle)
    assert_as_eager(chain, spikes((T, N, 6)), mode)
    assert bool(calls) == sampled
    assert all(0 < density < tuning.now().sampled_density for density in calls)


@pytest.mark.parametrize(
    ("recurrent", "masked", "mode"),
    [*itertools.product([False, True], [False, True], ["python"]), (False, False, "compiled"), (True, True, "compiled")],
)
def test_the_gradient_from_a_narrow_layer_is_multiplied_in_the_loop_before_it(recurrent, masked, mode, monkeypatch, tune):
    tune(little_work=0)
    rng = np.random.default_rng(0)
    middle = snn.IFNode()
    middle = snn.Recurrent(middle, 70, weight_init=rng.integers(-1, 2, (70, 70))) if recurrent else middle
    layers = [whole_dense(rng, 6, 70), middle, whole_dense(rng, 70, 3), snn.LIFNode(beta=0.5)]
    mask = rng.random((T, N)) > 0.3 if masked else None
    monkeypatch.setattr(factored.Factored, "array", property(lambda self: pytest.fail("it was multiplied before")))
    assert_as_eager(nn.SequentialCell(layers), spikes((T, N, 6)), mode, mask=mask, record="x")


def test_a_neuron_between_dense_layers_learns_its_threshold_through_a_sampled_gradient(tune):
    tune(little_work=0, few_outputs=0)
    threshold = Parameter(np.full(9, 4.0, np.float32))
    middle = snn.IFNode(threshold, surrogate_function=snn.surrogate.triangle())
    assert_as_eager(net(np.random.default_rng(0), middle), spikes((T, N, 6)), "compiled")


def test_spikes_that_are_many_are_multiplied_whole(tune):
    tune(little_work=0)
    inputs = spikes((T, N, 6), density=0.9), spikes((T, N, 6), density=0.1), np.full((T, N, 6), 0.5, np.float32) * np.arange(6)
    for x, kind in zip(map(Tensor, inputs), ("dense", "events", "dense"), strict=True):
        assert connection_of(nn.Dense(6, 4, "ones"), x).way(x, back_end("python")).kind == kind
