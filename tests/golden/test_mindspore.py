"""The seed's IFNode and relusigmoid, and our own, against MindSpore 2.10: every array of mindspore_ifnode.npz.

One layer: i_t = Dense(x_t); s_t, v_t = IFNode(i_t, v_(t-1)); loss = mean((sum_t s_t / T - target)^2) + 0.1 mean(v_T^2).
Two layers: the second is a readout that never fires; loss = mean((v_T / T - target)^2). Segment b continues from the end of a.
"""

from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Cell, GradOperation, Tensor, grad, nn, ops, value_and_grad

from ..seed import listing3

GOLD = dict(np.load(Path(__file__).parent / "mindspore_ifnode.npz"))
T = int(GOLD["T"])
TOLERANCE = 5e-6

CASES = [f"fire{fire}_th{th}_seg{segment}" for fire in (1, 0) for th in (1.0, 0.5) for segment in "ab"]
NODES = {"snn": (snn.IFNode, snn.relusigmoid), "seed": (listing3.IFNode, listing3.relusigmoid)}
every_case = pytest.mark.parametrize("case", CASES)
both_nodes = pytest.mark.parametrize("kind", NODES)


def close(actual, expected):
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE)


def dense(weight, bias):
    return nn.Dense(weight.shape[1], weight.shape[0], weight_init=weight, bias_init=bias)


def options(case):
    return {"v_threshold": float(case[8:11]), "fire": case[4] == "1"}


def one_layer(case, kind, segments=None, sens=1.0):
    """Run a case; return what the file has of it, by suffix, from our own run over all the segments named."""
    net = nn.SequentialCell(dense(GOLD["w"], GOLD["b"]), NODES[kind][0](**options(case)))
    segments = case[-1] if segments is None else segments
    x = np.concatenate([GOLD[f"x_{segment}"] for segment in segments])
    v_in = GOLD[f"{case[:-1]}{segments[0]}__v_in"]

    def loss(x, v0):
        spikes, state, record = snn.run(net, x, state={"1": v0}, record=["v"])
        error = ops.square(spikes.sum(0) / len(x) - GOLD["target"]).mean() + 0.1 * ops.square(state["1"]).mean()
        return error * sens, spikes, record["1.v"]

    run = value_and_grad(loss, (0, 1), weights=net.trainable_params(), has_aux=True)
    (value, spikes, membrane), ((grad_x, grad_v0), (grad_w, grad_b)) = run(Tensor(x), Tensor(v_in))
    found = {"loss": value, "spikes": spikes, "membrane": membrane, "grad_x": grad_x, "grad_v0": grad_v0}
    return {name: t.asnumpy() for name, t in (found | {"grad_w": grad_w, "grad_b": grad_b}).items()}


def check_v_in(case, kind):
    gold = GOLD[f"{case}__v_in"]
    if case.endswith("a"):
        np.testing.assert_array_equal(gold, GOLD["v0"])
    else:  # our last membrane of segment a is where MindSpore began segment b
        close(one_layer(case[:-1] + "a", kind)["membrane"][-1], gold)


def check_spikes(case, kind):
    spikes = one_layer(case, kind)["spikes"]
    if options(case)["fire"]:
        np.testing.assert_array_equal(spikes, GOLD[f"{case}__spikes"])
    else:
        close(spikes, GOLD[f"{case}__spikes"])


def check_grad_w_sens2(case, kind):
    doubled = one_layer(case, kind, sens=2.0)
    close(doubled["grad_w"], GOLD[f"{case}__grad_w_sens2"])
    close(doubled["grad_w"], 2 * GOLD[f"{case}__grad_w"])


def check_min_margin(case, kind):
    found = one_layer(case, kind)
    before_reset = found["membrane"].astype(np.float64) + found["spikes"]
    margin = np.abs(before_reset - options(case)["v_threshold"]).min()
    assert margin == pytest.approx(float(GOLD[f"{case}__min_margin"]), abs=TOLERANCE)


def check_value(suffix):
    return lambda case, kind: close(one_layer(case, kind)[suffix], GOLD[f"{case}__{suffix}"])


# One check for each suffix; a case that never fires has no margin.
CHECKS = {name: check_value(name) for name in ("loss", "membrane", "grad_w", "grad_b", "grad_x", "grad_v0")}
CHECKS |= {"v_in": check_v_in, "spikes": check_spikes, "grad_w_sens2": check_grad_w_sens2, "min_margin": check_min_margin}
PAIRS = [(case, suffix) for case in CASES for suffix in CHECKS if suffix != "min_margin" or case.startswith("fire1")]


@both_nodes
@pytest.mark.parametrize(("case", "suffix"), PAIRS)
def test_one_layer(case, suffix, kind):
    CHECKS[suffix](case, kind)


@both_nodes
@pytest.mark.parametrize("case", [case for case in CASES if case.endswith("a")])
def test_both_segments_in_one_run_are_a_then_b_to_the_bit(case, kind):
    whole = one_layer(case, kind, "ab")
    a = one_layer(case, kind)
    net = nn.SequentialCell(dense(GOLD["w"], GOLD["b"]), NODES[kind][0](**options(case)))
    spikes, _, _ = snn.run(net, GOLD["x_b"], state={"1": Tensor(a["membrane"][-1])})
    assert whole["spikes"][:T].tobytes() == a["spikes"].tobytes()
    assert whole["spikes"][T:].tobytes() == spikes.asnumpy().tobytes()


@every_case
def test_sensitivity_as_grad_operation_has_it(case):
    net = nn.SequentialCell(dense(GOLD["w"], GOLD["b"]), snn.IFNode(**options(case)))

    def loss(x):
        spikes, state, _ = snn.run(net, x, state={"1": GOLD[f"{case}__v_in"]})
        return ops.square(spikes.sum(0) / T - GOLD["target"]).mean() + 0.1 * ops.square(state["1"]).mean()

    by_weights = GradOperation(get_by_list=True, sens_param=True)(loss, net.trainable_params())
    grad_w, _ = by_weights(GOLD[f"x_{case[-1]}"], Tensor(2.0))
    close(grad_w.asnumpy(), GOLD[f"{case}__grad_w_sens2"])


class Two(Cell):
    def __init__(self, node):
        super().__init__()
        self.fc1 = dense(GOLD["w"], GOLD["b"])
        self.fc2 = dense(GOLD["two__w2"], GOLD["two__b2"])
        self.if1, self.if2 = node(), node(fire=False)

    def initial_state(self, x):
        return GOLD["v0"], ops.zeros((len(x), len(GOLD["two__b2"])))

    def construct(self, x, state):
        v1, v2 = state
        spikes, v1 = self.if1(self.fc1(x), v1)
        out, v2 = self.if2(self.fc2(spikes), v2)
        return (out, (v1, v2))


TWO = ("w2", "b2", "target", "loss", "spikes", "membrane1", "membrane2", "param_names")
TWO_GRADIENTS = ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")


@both_nodes
def test_two_layers(kind):
    net = Two(NODES[kind][0])

    def loss(x):
        out, _, record = snn.run(net, x, record=["spike", "v"])
        return ops.square(out[-1] / T - GOLD["two__target"]).mean(), record

    (value, record), gradients = value_and_grad(loss, None, weights=net.trainable_params(), has_aux=True)(GOLD["x_a"])
    close(value.asnumpy(), GOLD["two__loss"])
    np.testing.assert_array_equal(record["if1.spike"], GOLD["two__spikes"])
    close(record["if1.v"].asnumpy(), GOLD["two__membrane1"])
    close(record["if2.v"].asnumpy(), GOLD["two__membrane2"])
    assert list(net.parameters_dict()) == GOLD["two__param_names"].tolist() == list(TWO_GRADIENTS)
    for name, gradient in zip(TWO_GRADIENTS, gradients, strict=True):
        close(gradient.asnumpy(), GOLD[f"two__grad_{name}"])


@pytest.mark.parametrize(("order", "suffix"), [(0, "y"), (1, "dy"), (2, "ddy")])
@both_nodes
def test_derivatives_of_the_surrogate(kind, order, suffix):
    fn = NODES[kind][1]()
    for _ in range(order):
        fn = grad(fn)
    close(fn(Tensor(GOLD["sur__x"])).asnumpy(), GOLD[f"sur__{suffix}"])


def test_listing_1():
    from ..seed.listing1 import Net

    x, y = Tensor(GOLD["seed1__x"]), Tensor(GOLD["seed1__y"])
    close(Net()(x, y).asnumpy(), GOLD["seed1__out"])
    dx, dy = GradOperation(get_all=True)(Net())(x, y)
    np.testing.assert_array_equal(dx, GOLD["seed1__dx"])
    np.testing.assert_array_equal(dy, GOLD["seed1__dy"])


def test_sizes_and_origin_are_as_the_file_says():
    b, t, inputs, hidden, out = (int(GOLD[name]) for name in ("B", "T", "IN", "HID", "OUT"))
    assert GOLD["x_a"].shape == GOLD["x_b"].shape == (t, b, inputs)
    assert GOLD["w"].shape == (hidden, inputs)
    assert GOLD["two__w2"].shape == (out, hidden)
    assert GOLD["meta"][0] == "mindspore 2.10.0"


def test_every_array_of_the_file_is_tested_here():
    used = {f"{case}__{suffix}" for case, suffix in PAIRS}
    used |= {f"two__{name}" for name in TWO} | {f"two__grad_{name}" for name in TWO_GRADIENTS}
    used |= {f"sur__{name}" for name in ("x", "y", "dy", "ddy")} | {f"seed1__{name}" for name in ("x", "y", "out", "dx", "dy")}
    used |= {"B", "T", "IN", "HID", "OUT", "meta", "w", "b", "x_a", "x_b", "v0", "target"}
    assert used == set(GOLD)
