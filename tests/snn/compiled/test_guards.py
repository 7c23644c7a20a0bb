"""A neuron is traced anew when it has changed, and only then."""

import gc
import types

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, nn
from autograd.errors import CompileError
from snn import plan

from .compare import assert_equal, everything

x = np.random.default_rng(0).integers(0, 3, (6, 2, 4)).astype(np.float32) * np.float32(0.375)
TAU = 2.0
config = types.ModuleType("config")
config.tau = 2.0


@pytest.fixture
def traced(monkeypatch):
    """List what is traced."""
    found = []
    make = plan.Plan
    monkeypatch.setattr(plan, "Plan", lambda *args: found.append(args) or make(*args))
    return found


def assert_seen(node, change, traced):
    """Check that a change is seen by the next run, and that otherwise nothing is traced again."""
    before = everything(node, x, "python")
    assert len(traced) == 1
    everything(node, x, "python")
    assert len(traced) == 1
    change()
    after = everything(node, x, "python")
    with pytest.raises(AssertionError):
        assert_equal(after, before)
    count = len(traced)
    everything(node, x, "python")
    assert len(traced) == count
    values, gradients = everything(node, x, "eager")
    assert_equal(after[0], values)
    for a, b in zip(after[1], gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


class Leaky(Cell):
    """Decays by something that is found in some place."""

    def __init__(self, **attributes):
        super().__init__()
        for name, value in attributes.items():
            setattr(self, name, value)

    def construct(self, x, v):
        v = v * self.factor() + x
        return v, v


class ByList(Leaky):
    def factor(self):
        return self.values[1]["factor"]


class ByGlobal(Leaky):
    def factor(self):
        return 1 / TAU


class ByModule(Leaky):
    def factor(self):
        return 1 / config.tau


class ByClass(Leaky):
    share = 0.5

    def factor(self):
        return self.share


class ByMethod(Leaky):
    def factor(self):
        return 0.5


def around(values):
    class ByClosure(Leaky):
        def factor(self):
            return values[0]

    return ByClosure()


def around_modules():
    from autograd import ops

    class ByLocalModule(Leaky):
        def factor(self):
            return ops.sigmoid(ops.zeros(())) * self.share

    return ByLocalModule(share=1.0)


def test_an_attribute_is_seen(traced):
    node = snn.LIFNode(tau=2.0, decay_input=False)
    assert_seen(node, lambda: setattr(node, "tau", 4.0), traced)


def test_an_attribute_inside_a_list_and_a_dict_is_seen(traced):
    node = ByList(values=[0, {"factor": 0.5}])
    assert_seen(node, lambda: node.values[1].update(factor=0.25), traced)


def test_a_global_is_seen(traced, monkeypatch):
    assert_seen(ByGlobal(), lambda: monkeypatch.setitem(globals(), "TAU", 4.0), traced)


def test_what_stands_in_a_module_is_seen(traced, monkeypatch):
    assert_seen(ByModule(), lambda: monkeypatch.setattr(config, "tau", 4.0), traced)


def test_an_attribute_of_the_class_is_seen(traced, monkeypatch):
    assert_seen(ByClass(), lambda: monkeypatch.setattr(ByClass, "share", 0.25), traced)


def test_another_method_of_the_class_is_seen(traced, monkeypatch):
    assert_seen(ByMethod(), lambda: monkeypatch.setattr(ByMethod, "factor", lambda self: 0.25), traced)


def test_a_variable_of_the_function_around_is_seen(traced):
    values = [0.5]
    assert_seen(around(values), lambda: values.__setitem__(0, 0.25), traced)


def test_a_module_in_the_function_around_does_not_count(traced):
    node = around_modules()
    assert_seen(node, lambda: setattr(node, "share", 0.5), traced)


def test_the_steepness_of_a_surrogate_is_seen(traced):
    node = snn.IFNode(surrogate_function=snn.surrogate.sigmoid(2.0))
    assert_seen(node, lambda: setattr(node.surrogate_function, "alpha", 4.0), traced)


def test_another_surrogate_is_seen_even_where_the_old_one_stood(traced):
    node = snn.IFNode(surrogate_function=snn.surrogate.triangle())

    def change():
        node.surrogate_function = None
        node.surrogate_function = snn.surrogate.rectangle()

    assert_seen(node, change, traced)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_array_that_is_written_to_is_seen(dtype, traced):
    node = snn.IFNode(np.full(4, 1, dtype))
    assert_seen(node, lambda: node.v_threshold.__setitem__(1, 2.0), traced)


def test_another_array_is_seen_even_where_the_old_one_stood(traced):
    node = snn.IFNode(np.full(4, 1.0))

    def change():
        node.v_threshold = 1.0
        node.v_threshold = np.full(4, 2.0)

    assert_seen(node, change, traced)


def test_training_mode_is_seen(traced):
    class Noisy(Leaky):
        def factor(self):
            return 0.25 if self.training else 0.5

    node = Noisy()
    node.set_train(False)
    assert_seen(node, lambda: node.set_train(True), traced)


def test_another_parameter_is_seen(traced):
    node = snn.LIFNode(beta=Parameter(np.float32(0.5)))
    assert_seen(node, lambda: setattr(node, "beta", Parameter(np.full(4, 0.25, np.float32))), traced)


def test_a_parameter_that_was_added_is_seen(traced):
    node = ByClass()
    assert_seen(node, lambda: setattr(node, "share", Parameter(np.float32(0.25))), traced)


def test_values_of_a_parameter_are_read_anew_without_tracing(traced):
    node = snn.LIFNode(beta=Parameter(np.float32(0.5)))
    assert_seen(node, lambda: node.beta.set_data(0.25), traced)
    assert len(traced) == 1


def test_other_shapes_are_not_traced_again_but_other_dtypes_records_and_masks_are(traced):
    node = snn.IFNode()
    for shape in ((6, 2, 4), (3, 1, 9), (2, 5)):
        snn.run(node, np.ones(shape, np.float32), mode="python")
    assert len(traced) == 1
    mask = np.ones((6, 2), bool)
    for options in ({"record": ["v"]}, {"mask": mask}, {}):
        snn.run(node, x, mode="python", **options)
    snn.run(node, x.astype(np.float64), mode="python")
    assert len(traced) == 4


def test_another_bias_of_the_layer_before_is_seen(traced):
    dense = nn.Dense(4, 4, "ones", "zeros")
    net = nn.SequentialCell(dense, snn.IFNode())
    before = snn.run(net, x, mode="python")[1]["1"].asnumpy()
    dense.bias = Parameter(np.full(4, 0.25, np.float32))
    found = snn.run(net, x, mode="python")[1]["1"].asnumpy()
    assert (found != before).any()
    np.testing.assert_array_equal(found, snn.run(net, Tensor(x), mode="eager")[1]["1"])


class Counts(Cell):
    def __init__(self):
        super().__init__()
        self.steps = 0

    def construct(self, x, v):
        self.steps += 1
        return v + x * self.steps, v


class Draws(Cell):
    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(0)

    def construct(self, x, v):
        return v + x * float(self.rng.random()), v


class Keeps(Cell):
    def construct(self, x, v):
        if not hasattr(self, "factor"):
            self.factor = 3.0
        return v + x * self.factor, v


TOTAL = 0


class CountsOutside(Cell):
    def construct(self, x, v):
        global TOTAL
        TOTAL += 1
        return v + x * TOTAL, v


@pytest.mark.parametrize(
    ("node", "what"),
    [
        (Counts(), "changes self.steps"),
        (Draws(), "draws random numbers from self.rng"),
        (CountsOutside(), f"changes TOTAL of {__name__}"),
    ],
    ids=["counter", "generator", "global"],
)
def test_a_step_that_changes_something_is_an_error(node, what):
    name = type(node).__name__
    with pytest.raises(CompileError) as error:
        snn.run(node, np.ones((3, 1, 2), np.float32), mode="compiled")
    assert error.value.where == f"{name}.construct"
    assert error.value.got == f"one that {what}"


def test_what_is_kept_at_the_first_call_is_no_change():
    x = np.ones((3, 1, 2), np.float32)
    np.testing.assert_array_equal(snn.run(Keeps(), x, mode="compiled")[0], snn.run(Keeps(), x, mode="eager")[0])


COLLECTIONS = [0]


def collected(phase, info):
    COLLECTIONS[0] += 1


def test_what_the_collector_calls_is_no_part_of_a_neuron():
    often = gc.get_threshold()
    gc.callbacks.append(collected)
    gc.set_threshold(1)
    try:
        out, _, _ = snn.run(snn.IFNode(), x, mode="python")
    finally:
        gc.set_threshold(*often)
        gc.callbacks.remove(collected)
    assert COLLECTIONS[0] > 0
    assert gc.isenabled()
    assert_equal([out], [snn.run(snn.IFNode(), x, mode="eager")[0]])
