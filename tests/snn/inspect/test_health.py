"""The health of a net, against numpy loops over eager records and against gradients by hand."""

import warnings

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn, ops
from autograd.errors import ArgumentError, CompileError, DTypeError, ShapeError
from snn.inspect import health_probe
from tests.snn.helpers.nets import NETS, Adaptive, Holder, bits, currents, two_layers

T, N = 12, 5


def layered(scale=1.0, node=None, dtype=np.float32, n=7):
    """Return a net of Dense, neurons, Dense, neurons, its weights and biases times a scale."""
    make = node or (lambda: snn.LIFNode(beta=0.9))
    net = nn.SequentialCell(nn.Dense(4, n, rng=0, dtype=dtype), make(), nn.Dense(n, 3, rng=1, dtype=dtype), make())
    for parameter in (*net[0].get_parameters(), *net[2].get_parameters()):
        parameter.set_data(scale * parameter.asnumpy())
    return net


def data(dtype=np.float32, steps=T, samples=N):
    return np.random.default_rng(2).uniform(0, 2, (steps, samples, 4)).astype(dtype)


def naive(net, x, name, mask=None, slope=None):
    """Count by loops over what an eager run records; `slope` is the derivative of the surrogate and its peak."""
    _, _, record = snn.run(net, x, record=["spike", "v_before_reset"], mask=mask, mode="eager")
    spikes, v = (record[f"{name}.{what}"].asnumpy() for what in ("spike", "v_before_reset"))
    steps, samples, n = spikes.shape
    keep = np.ones((steps, samples), bool) if mask is None else mask
    fired, distances, dead = np.zeros(n), [], np.ones(n, bool)
    for t in range(steps):
        for i in range(samples):
            if keep[t, i]:
                for k in range(n):
                    fired[k] += spikes[t, i, k] != 0
                    distances.append(float(v[t, i, k]) - 1.0)
                    if slope is not None and slope[0](distances[-1]) > 1e-3 * slope[1]:
                        dead[k] = False
    count = keep.sum()
    return {
        "rate": fired.sum() / count / n, "silent": np.mean(fired == 0), "saturated": np.mean(fired >= 0.95 * count),
        "mean": np.mean(distances), "std": np.std(distances), "dead": np.mean(dead),
    }  # fmt: skip


def sigmoid_slope(u):
    return 1.25 / np.cosh(min(abs(2.5 * u), 99)) ** 2


RELUSIGMOID = sigmoid_slope, 1.25


@pytest.mark.parametrize("mode", ["eager", "python"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("after", [[], [nn.Flatten()], [nn.Dense(3, 3, rng=0)]], ids=["last", "flat", "hidden"])
def test_silent_neurons_of_the_output_are_named(after, masked, mode):
    net, x = nn.SequentialCell(*layered(2.0), *after), data()
    net[2].bias.set_data(np.array([0.0, -99.0, 0.5], np.float32))
    mask = np.arange(T)[:, None] < np.array([12, 3, 7, 1, 5]) if masked else None
    report = snn.health(net, x, mask=mask, mode=mode)
    is_output = not after or isinstance(after[0], nn.Flatten)
    assert [layer.is_output for layer in report.layers] == [False, is_output]
    assert report.layers[1].silent_neurons.tolist() == [1]
    said = [
        problem for problem in report.problems if "is the output of the net, which cannot answer with neuron 1," in problem
    ]
    assert len(said) == is_output


def test_silent_outputs_are_counted_if_there_are_many_and_a_neuron_alone_is_no_output():
    net = nn.SequentialCell(nn.Dense(1, 30, has_bias=False, weight_init=np.eye(30, 1) * 2.0), snn.IFNode())
    net[0].weight.set_data(np.linspace(-2, 1, 30, dtype=np.float32)[:, None])
    (problem,) = [p for p in snn.health(net, np.ones((9, 1, 1), np.float32), mode="eager").problems if "output" in p]
    assert "cannot answer with neurons 0, 1, 2, 3, 4, 5, 6, 7 and 13 more, which never fire on x" in problem
    alone = snn.health(snn.IFNode(), np.ones((9, 1, 4), np.float32) * [0.5, 0.5, 0.5, 0], mode="eager")
    assert (alone.problems, alone.layers[0].silent_neurons.tolist()) == ((), [3])


@pytest.mark.parametrize("mode", ["eager", "python"])
@pytest.mark.parametrize(
    "delay", [lambda: snn.Delay(2), lambda: snn.DelayedDense(7, 7, 2, rng=0), lambda: snn.LearntDelays(7, 7, 3, rng=0)],
    ids=["Delay", "DelayedDense", "LearntDelays"],
)  # fmt: skip
def test_a_delay_is_no_layer_of_neurons(delay, mode):
    net = layered(2.0)
    late = nn.SequentialCell(net[0], net[1], delay(), net[2], net[3])
    report = snn.health(late, data(), mode=mode)
    assert [layer.name for layer in report.layers] == ["1 LIFNode", "4 LIFNode"]
    assert all(layer.gradient > 0 for layer in report.layers)


def test_norms_in_evaluation_whose_statistics_never_moved_are_a_problem():
    def net():
        parts = nn.Dense(4, 6, rng=0), nn.BatchNorm1d(6), snn.TDBatchNorm(6), snn.LIFNode(beta=0.9)
        return nn.SequentialCell(*parts, nn.Dense(6, 3, rng=1), snn.LeakyReadout(beta=0.9))

    def health(net):
        return snn.health(net, x, mode="eager", gradient=False)

    fresh, x = net(), data() * 4
    report = health(fresh)
    (said,) = [problem for problem in report.problems if "moving statistics" in problem]
    assert said.startswith(
        "1 BatchNorm1d, 2 TDBatchNorm are in evaluation, and their moving statistics never moved: nothing is"
    )
    with pytest.warns(snn.DeadLayerWarning, match="net.set_train()"):
        report.warn()
    trained = net().set_train()
    assert not any("moving" in problem for problem in health(trained).problems)
    snn.run(trained, x, mode="eager")
    assert not any("moving" in problem for problem in health(trained.set_train(False)).problems)
    chosen = nn.SequentialCell(
        nn.BatchNorm1d(4, moving_mean_init=0.5), nn.BatchNorm1d(4, use_batch_statistics=True), snn.IFNode()
    )
    assert not any("moving" in problem for problem in health(chosen).problems)


@pytest.mark.parametrize("mode", ["eager", "python"])
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("masked", [False, True])
def test_the_numbers_of_a_layer_are_those_of_a_naive_loop(scale, mode, masked):
    net, x = layered(scale), data()
    mask = np.arange(T)[:, None] < np.array([12, 3, 7, 1, 5]) if masked else None
    report = snn.health(net, x, mask=mask, mode=mode)
    assert [layer.name for layer in report.layers] == ["1 LIFNode", "3 LIFNode"]
    assert [layer.neurons for layer in report.layers] == [7, 3]
    for layer, name in zip(report.layers, "13", strict=True):
        expected = naive(net, x, name, mask, RELUSIGMOID)
        assert {key: getattr(layer, key) for key in expected} == pytest.approx(expected, rel=1e-4, abs=1e-6)
        assert layer.membrane.sum() == layer.neurons * (T * N if mask is None else mask.sum())
    first = report.layers[0]
    assert (first.silent == 1) == (scale == 0.01)
    assert (first.saturated > 0.25) == (scale == 30.0)


def test_the_histogram_counts_the_distances_of_the_membrane():
    net, x = layered(3.0), data()
    layer = snn.health(net, x).layers[0]
    distance = snn.run(net, x, record="v_before_reset", mode="eager")[2]["1.v_before_reset"].asnumpy() - 1
    inside = [((distance >= a) & (distance < a + 0.1)).sum() for a in np.arange(-40, 20) / 10]
    assert layer.membrane[0] == (distance < -4).sum() > 0
    assert layer.membrane[-1] == (distance > 2).sum() > 0
    np.testing.assert_allclose(layer.membrane[1:-1], inside, atol=1)  # an edge is a rounded number
    assert layer.membrane.sum() == distance.size


def gradients_by_hand(net, x, loss, dtype):
    """Return the gradients by the currents of a net of two layers, with what is added to the currents as inputs."""
    dense1, node1, dense2, node2 = net

    def run(first, second):
        v1, v2, outs = node1.initial_state(first[0]), node2.initial_state(second[0]), []
        for t in range(len(x)):
            spike, v1 = node1(dense1(Tensor(x[t])) + first[t], v1)
            out, v2 = node2(dense2(spike) + second[t], v2)
            outs.append(out)
        return loss(ops.stack(outs))

    zeros = [Tensor(np.zeros((len(x), x.shape[1], dense.out_channels), dtype)) for dense in (dense1, dense2)]
    return [g.asnumpy() for g in grad(run, (0, 1))(*zeros)]


@pytest.mark.parametrize("mode", ["eager", "python"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradient_norms_are_those_of_a_run_by_hand(mode, dtype):
    net, x, target = layered(dtype=dtype), data(dtype), np.random.default_rng(3).random((N, 3)).astype(dtype)

    def loss(out):
        return ((out.mean(0) - target) ** 2).sum()

    report = snn.health(net, x, loss, mode=mode)
    for layer, g in zip(report.layers, gradients_by_hand(net, x, loss, dtype), strict=True):
        rtol = 1e-4 if dtype == np.float32 else 1e-9
        np.testing.assert_allclose(layer.gradient_over_time, [np.linalg.norm(step) for step in g], rtol)
        assert layer.gradient == pytest.approx(np.linalg.norm(g), rel=rtol)
        assert layer.gradient > 0


def test_the_default_loss_is_a_mean_with_signs_and_has_a_gradient_where_the_output_is_silent():
    net, x = layered(0.1), data()
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (N, 3)).astype(np.float32)
    given = snn.health(net, x, lambda out: (out.mean(0) * signs).sum() / N)
    default = snn.health(net, x)
    np.testing.assert_array_equal(default.layers[0].gradient_over_time, given.layers[0].gradient_over_time)
    assert default.layers[1].rate == 0
    assert default.layers[1].gradient > 0


def test_without_a_run_back_all_else_is_the_same():
    net, x = layered(), data()
    whole, ahead = snn.health(net, x), snn.health(net, x, gradient=False)
    for a, b in zip(whole.layers, ahead.layers, strict=True):
        assert b.gradient is None
        assert np.isnan(b.gradient_over_time).all()
        for name in ("rate", "silent", "saturated", "mean", "std", "dead", "gain"):
            assert getattr(a, name) == getattr(b, name)


@pytest.mark.parametrize(("surrogate", "dead"), [(snn.surrogate.triangle(2.0), 1.0), (snn.surrogate.atan(), 0.0)])
def test_a_silent_layer_has_a_dead_surrogate_only_if_that_has_compact_support(surrogate, dead):
    net = layered(0.01, lambda: snn.LIFNode(beta=0.9, surrogate_function=surrogate))
    layer = snn.health(net, data()).layers[0]
    assert (layer.silent, layer.dead) == (1.0, dead)


def test_dead_counts_against_the_peak_of_each_neuron():
    alpha = np.array([1.0, 1000.0], np.float32)
    node = snn.IFNode(surrogate_function=snn.surrogate.fast_sigmoid(alpha))
    layer = snn.health(node, np.full((1, 1, 2), 0.5, np.float32)).layers[0]
    assert layer.dead == 0.5  # 1 / 1.5^2 is alive, 1 / 501^2 is not


def test_a_low_surrogate_is_not_a_dead_one():
    node = snn.IFNode(surrogate_function=snn.surrogate.atan(1e-4))
    assert snn.health(node, np.full((1, 1, 2), 0.5, np.float32)).layers[0].dead == 0


def test_the_surrogate_of_a_stochastic_neuron_is_its_escape_rate():
    node = snn.Stochastic(snn.IFNode(), snn.EscapeRate(width=0.01), rng=0)
    assert snn.health(node, np.full((1, 1, 2), 0.5, np.float32)).layers[0].dead == 1
    assert snn.health(node, np.full((1, 1, 2), 0.99, np.float32)).layers[0].dead == 0


def test_the_threshold_is_that_of_the_step_and_of_the_neuron():
    node = snn.ALIFNode(beta=0.5, rho=0.5, strength=2.0, v_threshold=np.array([1.0, 2.0], np.float32))
    x = np.full((6, 1, 2), 2.5, np.float32)
    _, _, record = snn.run(node, x, record=["v_before_reset", "b"], mode="eager")
    b = np.concatenate([np.zeros((1, 1, 2)), record["b"].asnumpy()[:-1]])
    threshold = np.array([1.0, 2.0]) + 2.0 * b
    distance = (record["v_before_reset"].asnumpy() - threshold) / threshold
    assert b.any()
    for mode in ("eager", "python"):
        layer = snn.health(node, x, mode=mode).layers[0]
        assert (layer.mean, layer.std) == pytest.approx((distance.mean(), distance.std()), rel=1e-5)


WRAPPED = {
    "Refractory": lambda: snn.Refractory(snn.LIFNode(beta=0.8), 2),
    "Stochastic": lambda: snn.Stochastic(snn.LIFNode(beta=0.8), rng=0),
    "both": lambda: snn.Refractory(snn.Stochastic(snn.ALIFNode(), rng=0), 1),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_the_membrane_of_a_neuron_within_another_cell_is_the_recorded_one(name):
    x = currents((T, N, 3))
    _, _, record = snn.run(WRAPPED[name](), x, record=["v_before_reset", "spike"], mode="eager")
    v, fired = record["v_before_reset"].asnumpy(), record["spike"].asnumpy() != 0
    for mode in ("eager", "python"):
        layer = snn.health(WRAPPED[name](), x, mode=mode).layers[0]
        assert layer.rate == pytest.approx(fired.mean())
        assert layer.dead == 0
        if name != "both":  # there the threshold moves
            assert layer.mean == pytest.approx(v.mean() - 1, rel=1e-5)


def test_a_neuron_that_rests_passes_no_gradient():
    layer = snn.health(snn.Refractory(snn.IFNode(), 100), np.full((4, 1, 1), 2.0, np.float32), state=None).layers[0]
    resting = snn.run(snn.Refractory(snn.IFNode(), 100), np.full((1, 1, 1), 2.0, np.float32))[1]
    later = snn.health(snn.Refractory(snn.IFNode(), 100), np.full((4, 1, 1), 2.0, np.float32), state=resting).layers[0]
    assert (layer.dead, later.dead) == (0.0, 1.0)


@pytest.mark.parametrize("lateral", ["all", "self"])
@pytest.mark.parametrize("masked", [False, True])
def test_the_current_of_a_recurrent_layer_has_what_comes_back(lateral, masked):
    layer = snn.Recurrent(snn.LIFNode(beta=0.5), 3, lateral=lateral, rng=0)
    layer.weight.set_data(np.round(4 * layer.weight.asnumpy()))  # whole, so that both modes add to the bit
    x = np.round(currents((T, N, 3)))
    mask = np.random.default_rng(0).random((T, N)) < 0.7 if masked else None
    state, distances = layer.initial_state(Tensor(x[0])), []
    v, fired = state.v.asnumpy(), state.spike.asnumpy()
    for t in range(T):
        weight = layer.weight.asnumpy()
        h = 0.5 * v + x[t] + (fired * weight if lateral == "self" else fired @ weight.T)
        keep = np.ones(N, bool) if mask is None else mask[t]
        distances += [*(h[keep] - 1).ravel()]
        v = np.where(keep[:, None], h - (h > 1), v)
        fired = np.where(keep[:, None], h > 1, fired)
    for mode in ("eager", "python"):
        found = snn.health(layer, x, mask=mask, mode=mode).layers[0]
        assert (found.mean, found.std) == pytest.approx((np.mean(distances), np.std(distances)), rel=1e-5)


# Any net


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("shape", [(T, N), (1, 1)])
def test_every_net_has_a_report_and_a_table(name, shape):
    make, features = NETS[name]
    report = snn.health(make(), currents((*shape, *features)), mode="eager")
    assert report.layers
    assert (report.steps, report.samples) == shape
    lines = str(report).splitlines()
    assert lines[1].split() == ["layer", "neurons", "rate", "silent", "saturated", "mean", "std", "dead", "gradient", "gain"]
    assert len(set(map(len, lines[1 : 2 + len(report.layers)]))) == 1
    for layer in report.layers:
        assert layer.gradient_over_time.shape == shape[:1]
        assert np.isfinite(layer.gradient)


def test_what_cannot_be_known_is_a_dash():
    net = nn.SequentialCell(Adaptive(), snn.LeakyReadout(beta=0.9))
    neuron, readout = snn.health(net, currents((T, N, 3))).layers
    assert neuron.rate > 0
    assert neuron.mean is neuron.std is neuron.dead is None
    assert readout.rate is readout.silent is readout.saturated is readout.mean is readout.dead is None
    assert readout.gain == 1
    row = str(snn.health(net, currents((T, N, 3)))).splitlines()[3]
    assert row.split()[:9] == ["1", "LeakyReadout", "3", "-", "-", "-", "-", "-", "-"]
    hidden = snn.health(net, currents((T, N, 3)), mask=np.zeros((T, N), bool)).layers[0]
    assert hidden.rate is hidden.gain is None


def test_a_users_readout_does_not_spike():
    class Average(Cell):
        def construct(self, x, v):
            v = 0.5 * v + x
            return v, v

    assert snn.health(Average(), currents((T, N, 3))).layers[0].rate is None


def test_a_net_without_neurons_says_so():
    assert "The net has no neurons." in str(snn.health(nn.SequentialCell(nn.Dense(3, 2)), currents((T, N, 3))))


def test_a_neuron_that_runs_twice_a_step_has_two_rows_and_one_that_does_not_always_run_dashes():
    class Twice(Holder):
        def construct(self, x, v):
            spike, v = self.node(x, v)
            return self.node(spike, v)

    class Rarely(Holder):
        def construct(self, x, v):
            self.t = getattr(self, "t", 0) + 1
            return self.node(x, v) if self.t % 3 == 0 else (x, v)

    first, second = snn.health(Twice(), currents((T, N, 3))).layers
    assert (first.name, second.name) == ("node (1) IFNode", "node (2) IFNode")
    (layer,) = snn.health(Rarely(), currents((T, N, 3))).layers
    assert layer.rate is layer.gain is None
    assert np.isnan(layer.gradient_over_time).all()


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_layers_over_time_have_a_row(mode):
    net = nn.SequentialCell(nn.Dense(3, 4, rng=0), snn.PSN(T, rng=0), nn.Dense(4, 2, rng=1), snn.IFNode())
    x = 5 * currents((T, N, 3))
    first, second = snn.health(net, x, mode=mode).layers
    spikes = snn.run(net, x, record="spike", mode="eager")[2]
    assert (first.rate, second.rate) == pytest.approx([float(spikes[key].mean()) for key in ("1.spike", "3.spike")])
    assert first.gradient > 0


def test_whole_numbers_and_bools_are_currents_too():
    x = np.random.default_rng(0).random((T, N, 3)) < 0.5
    layers = [snn.health(snn.IFNode(), given, lambda out: out.sum()).layers[0] for given in (x, x.astype(np.float32))]
    assert layers[0].rate == layers[1].rate > 0
    assert layers[0].gradient == layers[1].gradient > 0


def test_several_spikes_in_a_step_count_as_one_and_either_sign_counts():
    x = np.array([3.5, 0.0, -2.0, 0.0], np.float32).reshape(4, 1, 1)
    assert snn.health(snn.IFNode(firing=snn.MultiSpike()), x).layers[0].rate == 0.25
    assert snn.health(snn.LIFNode(beta=0.0, firing=snn.Ternary()), x).layers[0].rate == 0.5


def test_a_given_state_is_where_it_starts():
    state = np.full((1, 1), 0.75, np.float32)
    layer = snn.health(snn.IFNode(), np.full((1, 1, 1), 0.5, np.float32), state=state).layers[0]
    assert (layer.rate, layer.mean) == (1.0, 0.25)


def test_auto_compiles_what_run_would_and_goes_step_by_step_where_that_fails(monkeypatch):
    tried = []

    def refuse(net, x, *rest):
        tried.append(x.shape)
        raise CompileError("a neuron", "one thing", "another", "Do this.")

    monkeypatch.setattr(health_probe, "_layer_by_layer", refuse)
    large = currents((64, 16, 8))
    assert snn.health(snn.IFNode(), large).layers[0].rate > 0
    snn.health(snn.IFNode(), large[:2])
    snn.health(Holder(), large)
    assert tried == [large.shape]
    with pytest.raises(CompileError, match="Do this"):
        snn.health(snn.IFNode(), large, mode="compiled")


def test_it_says_what_run_says():
    with pytest.raises(DTypeError, match="a Cell as the net"):
        snn.health(len, currents((T, N, 3)))
    with pytest.raises(ShapeError, match="at least one time step"):
        snn.health(snn.IFNode(), np.zeros(3))
    with pytest.raises(ShapeError, match="mask"):
        snn.health(snn.IFNode(), currents((T, N, 3)), mask=np.ones((T, N)), mode="compiled")
    with pytest.raises(CompileError, match="holds neurons"):
        snn.health(Holder(), currents((T, N, 3)), mode="compiled")


# Nothing is changed


def snapshot(net):
    generators = [value for cell in net.cells() for value in vars(cell).values() if isinstance(value, np.random.Generator)]
    seeds = [cell.rng for cell in net.cells() if isinstance(cell, snn.Stochastic)]
    return (
        bits(net.state_dict()), [p.requires_grad for p in net.get_parameters()],
        [(cell.training, cell.hooked) for _, cell in net.cells_and_names()],
        [str(g.bit_generator.state) for g in generators + seeds],
    )  # fmt: skip


class Counting(Cell):
    """A layer that sets a Parameter while it runs, such as a running mean."""

    def __init__(self):
        super().__init__()
        self.count = Parameter(0.0, requires_grad=False)

    def construct(self, x):
        self.count.set_data(self.count.asnumpy() + 1)
        return x


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_the_net_is_left_as_it_was_also_by_an_error(mode):
    net = nn.SequentialCell(
        nn.Dense(4, 5, rng=0), nn.Dropout(0.5, rng=1), snn.Stochastic(snn.IFNode(), rng=2), Counting(), nn.Dense(5, 3, rng=3),
        snn.LIFNode(beta=0.9),
    ).set_train()  # fmt: skip
    before = snapshot(net)
    assert len(before[3]) == 2
    first = snn.health(net, data(), mode=mode)
    assert snapshot(net) == before

    def wrong(out):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        snn.health(net, data(), wrong, mode=mode)
    assert snapshot(net) == before
    np.testing.assert_array_equal(
        snn.health(net, data(), mode=mode).layers[1].gradient_over_time, first.layers[1].gradient_over_time
    )


def test_the_random_numbers_are_those_of_the_run_that_comes():
    net = nn.SequentialCell(nn.Dense(4, 5, rng=0), snn.Stochastic(snn.IFNode(), rng=2))
    rate = snn.health(net, data()).layers[0].rate
    assert rate == pytest.approx(float((snn.run(net, data())[0].asnumpy() != 0).mean()))


# Gains


def mended(net, x, mode="eager"):
    """Apply the gains, layer by layer from the first; return the last report."""
    for i, dense in enumerate(cell for cell in net if isinstance(cell, nn.Dense)):
        gain = snn.health(net, x, mode=mode).layers[i].gain
        for parameter in dense.get_parameters():
            parameter.set_data(gain * parameter.asnumpy())
    return snn.health(net, x, mode=mode)


NODES = {
    "LIF": lambda: snn.LIFNode(beta=0.9),
    "IF, hard reset": lambda: snn.IFNode(v_reset=0.0),
    "triangle": lambda: snn.LIFNode(beta=0.9, surrogate_function=snn.surrogate.triangle(2.0)),
    "current-based": lambda: snn.CurrentLIFNode(beta=0.9, alpha=0.8),
    "adaptive": snn.ALIFNode,
    "a user's": Adaptive,
}


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("scale", [1e-3, 100.0])
def test_the_gains_bring_every_layer_to_life(name, scale):
    net, x = layered(scale, NODES[name], n=40), data(steps=30, samples=8)
    before = snn.health(net, x, mode="eager").layers[0]
    assert before.silent == 1 if scale < 1 else before.saturated > 0.25
    report = mended(net, x)
    for layer in report.layers:
        assert 0.01 <= layer.rate <= 0.2
        assert layer.gain == 1
        assert not layer.is_dead
        assert layer.dead is None or layer.dead < 0.75
        assert layer.gradient > 0


def test_a_gain_is_found_in_the_compiled_mode_too():
    net, x = layered(1e-3, n=40), data(steps=30, samples=8)
    assert snn.health(net, x, mode="compiled").layers[0].gain == pytest.approx(snn.health(net, x).layers[0].gain, rel=0.06)


def test_the_gain_is_the_smallest_that_gives_the_rate():
    x = np.random.default_rng(0).random((20, 4, 30)).astype(np.float32) * 1e-3
    gain = snn.health(snn.LIFNode(beta=0.9), x).layers[0].gain
    rates = [float(snn.run(snn.LIFNode(beta=0.9), g * x)[0].mean()) for g in (gain / 1.06, gain)]
    assert rates[0] < 0.067 <= rates[1]


def test_no_gain_makes_an_inhibited_layer_fire():
    layer = snn.health(snn.LIFNode(beta=0.9), -np.ones((T, N, 3), np.float32)).layers[0]
    assert layer.gain is None
    assert layer.is_dead
    assert "No factor on its currents helps: fix the layers before it, or change its biases." in layer.problems[0]


def test_where_few_neurons_can_fire_half_of_the_highest_rate_is_the_target():
    x = -np.ones((T, N, 100), np.float32)
    x[..., :4] = 0.01
    gain = snn.health(snn.LIFNode(beta=0.9), x).layers[0].gain
    assert 0.015 < float(snn.run(snn.LIFNode(beta=0.9), gain * x)[0].mean()) < 0.03


# Words


def test_the_report_names_the_layer_and_the_gain():
    net, x = layered(1e-3), data()
    report = snn.health(net, x)
    gain = report.layers[0].gain
    assert (
        f"1 LIFNode is dead: 100% of its neurons never fire. Multiply the weights and biases before it by {gain:.3g}."
        in str(report)
    )
    assert str(report).splitlines()[-1].startswith("Later layers depend on earlier ones")
    assert str(snn.health(snn.LIFNode(beta=0.9), currents((30, 8, 20)))).splitlines()[-1] == "No problems found."


@pytest.mark.parametrize(
    ("node", "current", "text"),
    [
        (snn.IFNode(), 50.0, "is dead: 100% of its neurons fire in nearly every step"),
        (snn.IFNode(), 0.6, "fires too often: 0.58 spikes"),
        (snn.IFNode(), 0.05, "is silent: 100% of its neurons never fire. Multiply"),
        (snn.IFNode(), 1e-3, "is dead: 100% of its neurons never fire. Multiply"),
        (snn.IFNode(surrogate_function=snn.surrogate.rectangle(50.0)), 0.26, "is dead; no gradient passes through 100%"),
        (
            snn.IFNode(surrogate_function=lambda u: (u > 0).astype(u.dtype)),
            0.3,
            "has no surrogate: its spikes have no derivative",
        ),
    ],
)
def test_what_is_wrong_is_said(node, current, text):
    layer = snn.health(node, np.full((T, N, 3), current, np.float32)).layers[0]
    assert text in " ".join(layer.problems)


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_an_input_that_is_not_finite_is_said_with_its_place_and_nothing_else(mode):
    x = data()
    x[7, 3, 2] = x[9, 1, 0] = np.nan
    with np.errstate(invalid="ignore"):
        report = snn.health(layered(1e-3), x, mode=mode)
    (problem,) = report.problems
    assert problem.startswith("The input is not finite in 2 of its values, first in x[7, 3, 2].")
    assert [(layer.gain, layer.is_dead, layer.problems) for layer in report.layers] == [(None, False, ())] * 2
    assert str(report).splitlines()[2].split()[-1] == "-"
    assert report.order == []


def test_an_input_that_is_all_zero_is_said_and_nothing_else():
    x = np.zeros((T, N, 4), np.float32)
    report = snn.health(layered(1e-3), x)
    (problem,) = report.problems
    assert problem.startswith("The input is all zero")
    assert [layer.gain for layer in report.layers] == [None, None]
    with pytest.warns(snn.DeadLayerWarning, match="^The input is all zero"):
        report.warn()
    x[-1, -1, -1] = 1e-3
    assert len(snn.health(layered(1e-3), x).problems) == 2


def test_with_the_length_of_a_step_rates_are_in_hertz_too():
    rare = snn.health(snn.IFNode(), np.full((T, N, 3), 0.6, np.float32), dt=0.5)
    plain = snn.health(snn.IFNode(), np.full((T, N, 3), 0.6, np.float32))
    rate = plain.layers[0].rate
    assert (rare.dt, plain.dt, plain.layers[0].hertz) == (0.5, None, None)
    assert (rare.layers[0].rate, rare.layers[0].hertz) == (rate, pytest.approx(2000 * rate))
    title, head, row, *_ = str(rare).splitlines()
    assert title.startswith(f"T = {T}, N = {N}, dt = 0.5 ms; mean and std")
    assert head.split()[:4] == ["layer", "neurons", "rate", "hertz"]
    assert f"{2000 * rate:.3g}" in row.split()
    assert f"fires too often: {rate:.2g} spikes per neuron per step ({2000 * rate:.3g} Hz). Multiply" in str(rare)
    assert "ertz" not in str(plain)
    assert "Hz" not in str(plain)
    assert rare.layers[0].gain == plain.layers[0].gain
    readout = snn.health(nn.SequentialCell(nn.Dense(4, 3, rng=0), snn.LeakyReadout(beta=0.9)), data(), dt=1)
    assert readout.layers[0].hertz is None


@pytest.mark.parametrize("dt", [0, -1.0, "1 ms", True, np.nan])
def test_a_step_has_a_positive_length(dt):
    with pytest.raises(ArgumentError, match=r"snn.health: expected dt to be a positive number.*in ms"):
        snn.health(layered(), data(), dt=dt)


def test_only_what_is_not_masked_of_an_input_counts():
    x, mask = data(), np.ones((T, N), bool)
    x[3, 2], mask[3, 2] = np.nan, False
    with np.errstate(invalid="ignore"):
        assert snn.health(layered(), x, mask=mask).trouble == ""
    x[:] = 0
    x[3, 2] = 1
    assert snn.health(layered(), x, mask=mask).trouble.startswith("The input is all zero")


def test_no_gain_is_suggested_behind_a_layer_that_is_not_finite():
    net = layered(1e-3)
    net[0].bias.set_data(np.full(7, np.nan, np.float32))
    with np.errstate(invalid="ignore"):
        report = snn.health(net, data())
    first, second = report.layers
    assert first.problems == ("has numbers that are not finite. snn.run(..., check=True) finds where they start.",)
    assert (first.gain, second.gain, second.problems) == (None, None, ())
    with pytest.warns(snn.DeadLayerWarning, match=r"^Parameter 0.bias is not finite in 7 .* 1 LIFNode has numbers that are"):
        report.warn()


def overflowing(**arguments):
    """Return a net of two exponential neurons whose membranes shoot far over the threshold."""
    nodes = [snn.AdExNode(**arguments) for _ in range(2)]
    return nn.SequentialCell(nodes[0], nn.Dense(3, 3, np.full((3, 3), 3000.0, np.float32)), nodes[1])


def test_a_gradient_that_is_not_finite_is_said_where_it_begins():
    x = np.full((60, 1, 3), 3 * snn.AdExNode.drive, np.float32)
    wide = snn.surrogate.fast_sigmoid(0.01)
    with np.errstate(all="ignore"):
        first, second = snn.health(overflowing(surrogate_function=wide), x, mode="eager").layers
    assert first.finite
    assert second.finite
    assert not np.isfinite(first.gradient)
    assert not np.isfinite(second.gradient)
    assert second.problems[0].startswith(
        "has a gradient that is not finite, though its membrane is. Use detach_reset=True or a surrogate with compact support"
    )
    assert "not finite" not in " ".join(first.problems)
    for helps in ({"surrogate_function": wide, "detach_reset": True}, {"surrogate_function": snn.surrogate.triangle(0.05)}):
        with np.errstate(all="ignore"):
            report = snn.health(overflowing(**helps), x, mode="eager")
        assert np.isfinite([layer.gradient for layer in report.layers]).all()


def test_overshoots_make_no_membrane_wide_and_keep_to_their_column():
    x = np.full((60, 1, 3), 3 * snn.AdExNode.drive, np.float32)
    report = snn.health(snn.AdExNode(), x)
    (layer,) = report.layers
    assert min(layer.mean, layer.std) > 1e6
    assert layer.spread < 10
    assert layer.gain == 1
    cells = str(report).splitlines()[2].split()
    assert cells[5:7] == [f"{layer.mean:+.1e}", f"{layer.std:.1e}"]


SURROGATES = {
    "triangle": (snn.surrogate.triangle(4.0), 0.125), "rectangle": (snn.surrogate.rectangle(4.0), 0.125),
    "sigmoid": (snn.surrogate.sigmoid(5.0), 2 * np.arccosh(np.sqrt(2)) / 5),
    "fast_sigmoid": (snn.surrogate.fast_sigmoid(25.0), (np.sqrt(2) - 1) / 25),
    "for each neuron": (snn.surrogate.triangle(np.array([2.0, 4.0, 4.0], np.float32)), 0.5 / 3),
    "none": (lambda u: (u > 0).astype(u.dtype), 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", SURROGATES)
@pytest.mark.parametrize("threshold", [1.0, 0.5])
def test_the_half_width_of_a_surrogate_is_in_thresholds(name, threshold):
    surrogate, width = SURROGATES[name]
    layer = snn.health(snn.IFNode(threshold, surrogate_function=surrogate), currents((T, N, 3))).layers[0]
    assert layer.width == pytest.approx(width / threshold, rel=0.13)  # the grid is that fine


def test_the_spread_is_half_of_what_holds_the_middle_of_the_membrane():
    net, x = layered(3.0), data()
    v = snn.run(net, x, record="v_before_reset", mode="eager")[2]["1.v_before_reset"].asnumpy()
    low, high = np.sort(v.ravel())[[round(share * (v.size - 1)) for share in (0.1587, 0.8413)]]
    assert snn.health(net, x).layers[0].spread == pytest.approx((high - low) / 2, rel=0.02)


def inhibited(share, surrogate, n=20):
    """Return a layer and currents by which a share of its neurons is far below the threshold, and the others fire."""
    x = np.random.default_rng(0).uniform(0, 0.5, (40, 2, n)).astype(np.float32)
    x[..., : round(share * n)] = -0.5
    return snn.LIFNode(beta=0.9, surrogate_function=surrogate), x


@pytest.mark.parametrize("share", [0.25, 0.35, 0.7])
def test_a_share_of_neurons_with_a_dead_surrogate_is_said_wherever_it_is(share):
    node, x = inhibited(share, snn.surrogate.triangle(2.0))
    net = nn.SequentialCell(node, nn.Dense(20, 20, 5 * np.eye(20, dtype=np.float32), 0.0), snn.LIFNode(beta=0.9))
    first, _ = snn.health(net, x).layers
    assert first.dead == share
    assert first.gain == 1
    assert not first.is_dead
    found = f"learns only in part; no gradient passes through {share:.0%} of its neurons."
    assert first.problems[0].startswith(f"{found} Use a wider surrogate: its half width is 0.25 thresholds")
    (alone,) = snn.health(node, x).layers
    assert alone.problems == first.problems
    assert not snn.health(inhibited(0.2, node.surrogate_function)[0], inhibited(0.2, None)[1]).problems
    node, x = inhibited(share, snn.surrogate.atan())
    assert not snn.health(node, x).problems


def test_a_silent_layer_with_a_narrow_surrogate_gets_both_remedies_and_one_with_another_the_gain_alone():
    x = np.random.default_rng(0).random((20, 4, 30)).astype(np.float32) * 1e-2
    narrow, ordinary = (
        snn.health(snn.LIFNode(beta=0.9, surrogate_function=snn.surrogate.triangle(alpha)), x).layers[0]
        for alpha in (50.0, 2.0)
    )
    assert narrow.dead == ordinary.dead == 1
    gain = f"no gradient passes through 100% of its neurons. Multiply the weights and biases before it by {narrow.gain:.3g}."
    assert f"{gain} Use a wider surrogate: its half width is 0.011 thresholds" in narrow.problems[0]
    assert ordinary.problems[0].endswith(gain)


@pytest.mark.parametrize("offset", [0.0, -1.0])
def test_a_membrane_that_spreads_too_far_is_said_though_the_rate_is_in_order(offset):
    x = np.random.default_rng(0).normal(offset, 1.0, (50, 8, 20)).astype(np.float32)
    node = snn.LIFNode(beta=0.5, surrogate_function=snn.surrogate.atan())
    before = snn.health(node, 100 * x).layers[0]
    assert 0.01 < before.rate < 0.5
    assert before.spread == pytest.approx(before.std, rel=0.2)
    assert before.problems[0].startswith(
        f"has currents that are too large: its membrane spreads over {before.spread:.3g} thres"
    )
    assert before.gain < 0.1
    after = snn.health(node, before.gain * 100 * x).layers[0]
    assert after.gain == 1
    assert after.spread < 5
    assert not after.problems


def steep(alpha, **arguments):
    """Return three layers whose membranes are in order, with a surrogate of a height."""

    def node():
        return snn.LIFNode(beta=0.9, surrogate_function=snn.surrogate.triangle(alpha), **arguments)

    return nn.SequentialCell(
        nn.Dense(4, 60, rng=0), node(), nn.Dense(60, 60, rng=1), node(), nn.Dense(60, 10, rng=2), snn.LeakyReadout(beta=0.9)
    )


def test_a_gradient_that_explodes_is_said_with_the_layer_behind_and_where_it_begins_to_grow_in_time():
    x = data(steps=60)
    first, second, readout = snn.health(steep(20.0), x).layers
    assert second.gradient > 100 * readout.gradient
    explodes = f"has an exploding gradient: {second.gradient / readout.gradient:.1e} times the gradient of 5 LeakyReadout. Use"
    assert any(problem.startswith(explodes) for problem in second.problems)
    grows = [[problem for problem in layer.problems if "grows backward in time" in problem] for layer in (first, second)]
    assert [len(found) for found in grows] == [0, 1]
    norms = second.gradient_over_time
    assert f"{np.linalg.norm(norms[:15]) / np.linalg.norm(norms[-15:]):.1e} times as large" in grows[1][0]
    for helps in (steep(20.0, detach_reset=True), steep(1.0)):
        said = str(snn.health(helps, x))
        assert "exploding" not in said
        assert "grows" not in said


def test_a_gradient_that_vanishes_is_said_with_the_layer_behind():
    def low(u):
        return snn.surrogate.atan(2.0)(u) * 1e-3 + ops.stop_gradient(snn.surrogate.atan(2.0)(u)) * (1 - 1e-3)

    net = nn.SequentialCell(snn.LIFNode(beta=0.9, surrogate_function=low), nn.Dense(3, 10, rng=0), snn.LeakyReadout(beta=0.9))
    first, readout = snn.health(net, currents((T, N, 3))).layers
    ratio = f"{first.gradient / readout.gradient:.1e}"
    assert first.problems[0].startswith(f"has a vanishing gradient: {ratio} times the gradient of 2 LeakyReadout. Use a")


def test_a_gradient_that_fades_in_time_is_said_and_one_of_an_integrator_is_in_order():
    x = currents((80, N, 3))
    faded = snn.health(snn.LeakyReadout(beta=0.8), x, lambda out: out[-1].sum()).layers[0]
    assert faded.problems[0].startswith("has a gradient that fades backward in time")
    for node in (snn.Readout(), snn.LeakyReadout(beta=0.8)):
        assert not snn.health(node, x).problems
    assert not snn.health(snn.LeakyReadout(beta=0.1), x[:7], lambda out: out[-1].sum()).problems  # too few steps to tell


def test_a_layer_in_front_of_a_dead_one_gets_no_gradient():
    net = layered(1.0, lambda: snn.LIFNode(beta=0.9, surrogate_function=snn.surrogate.triangle(2.0)))
    for parameter in net[2].get_parameters():
        parameter.set_data(1e-3 * parameter.asnumpy())
    first, second = snn.health(net, data()).layers
    assert second.is_dead
    assert first.gradient == 0
    assert any(problem.startswith("gets no gradient") for problem in first.problems)


def test_a_dead_layer_is_warned_of_at_the_line_that_asks():
    report = snn.health(layered(1e-3), data())
    with pytest.warns(snn.DeadLayerWarning, match=r"^1 LIFNode is dead: .* by [0-9.e+]+\. .*fix the first") as caught:
        report.warn()
    assert caught[0].filename == __file__
    assert issubclass(snn.DeadLayerWarning, UserWarning)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        snn.health(two_layers(), currents((30, 8, 3))).warn()


def test_a_block_with_a_shortcut_is_seen_as_it_runs():
    x = 2 * (np.random.default_rng(0).random((8, 4, 6)) < 0.5).astype(np.float32)
    around = nn.SequentialCell(nn.Dense(6, 6, rng=3), snn.IFNode())
    block = snn.SEWBlock(nn.Dense(6, 6, rng=2), snn.IFNode(), shortcut=around)
    net = nn.SequentialCell(nn.Dense(6, 6, rng=1), snn.IFNode(), block, nn.Dense(6, 3, rng=4), snn.IFNode())
    record = snn.run(net, x, record=["spike"]).record
    found = {layer.name: layer.rate for layer in snn.health(net, x).layers}
    assert found == {name: pytest.approx(record[f"{name.split()[0]}.spike"].asnumpy().mean()) for name in found}
    assert min(found.values()) > 0.01
    with pytest.raises(CompileError, match="a chain with a shortcut"):
        snn.health(net, x, mode="compiled")
