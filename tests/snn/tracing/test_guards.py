"""A neuron is traced anew when it has changed, and only then."""

import copy
import cProfile
import gc
import pickle
import types
import weakref
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn
from autograd.errors import CompileError
from snn.compiled import plan
from tests.snn.helpers.compare import assert_close, assert_equal, everything

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


class Stores(Cell):
    def construct(self, x, v):
        self.last = Tensor(1.0)
        return v + x * self.last, v


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
        (Stores(), "changes self.last"),
        (CountsOutside(), f"changes TOTAL of {__name__}"),
    ],
    ids=["counter", "generator", "tensor", "global"],
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


# Parameters and Tensors that no Cell holds

TAU_PARAMETER = Parameter(np.float32(0.8))


class Shared:
    rate = Parameter(np.float32(0.8))


class GlobalRate(Leaky):
    def factor(self):
        return TAU_PARAMETER


class ClassRate(Leaky):
    def factor(self):
        return Shared.rate


class SetRate(Leaky):
    def factor(self):
        return next(iter(self.rates))


class ObjectRate(Leaky):
    def factor(self):
        return self.config.rate


def rate_around(rate):
    class ClosureRate(Leaky):
        def factor(self):
            return rate

    return ClosureRate()


def rates():
    own = Parameter(np.float32(0.8))
    return {
        "global": (GlobalRate(), TAU_PARAMETER),
        "class": (ClassRate(), Shared.rate),
        "set": (SetRate(rates=frozenset([own])), own),
        "object": (ObjectRate(config=types.SimpleNamespace(rate=own)), own),
        "closure": (rate_around(own), own),
        "bprop": (snn.LIFNode(beta=0.5, surrogate_function=SlopeOutside(own)), None),
    }


class SlopeOutside(Cell):
    def __init__(self, slope):
        super().__init__()
        self.held = frozenset([slope])

    def construct(self, u):
        return (u > 0).astype(u.dtype)

    def bprop(self, u, out, dout):
        return (dout * next(iter(self.held)),)


@pytest.mark.parametrize("where", rates())
def test_a_parameter_counts_wherever_it_is_held(where):
    node, rate = rates()[where]

    def gradients(mode):
        return grad(lambda x: snn.run(node, x, mode=mode)[0].sum(), 0, rate)(Tensor(x))

    before = gradients("eager")
    assert_close(gradients("python"), before)
    held = rate if rate is not None else next(iter(node.surrogate_function.held))
    held.set_data(np.float32(0.4))
    after = gradients("eager")
    assert_close(gradients("python"), after)
    held.set_data(np.float32(0.8))
    assert (np.asarray(after[0] if rate is not None else after) != np.asarray(before[0] if rate is not None else before)).any()


def test_a_tensor_that_is_being_differentiated_is_refused_and_auto_runs_eagerly():
    node = ByClass()

    def loss(share, mode):
        node.share = share
        return snn.run(node, np.ones((64, 8, 64), np.float32), mode=mode)[0].mean()

    snn.run(node, x, mode="python")
    with pytest.raises(CompileError, match=r"self\.share, a Tensor that is being differentiated"):
        grad(loss)(Tensor(0.5), "compiled")
    with pytest.warns(UserWarning, match=r"self\.share, a Tensor that is being differentiated"):
        found = grad(loss)(Tensor(0.5), "auto")
    assert found.item() > 1
    assert_equal([found], [grad(loss)(Tensor(0.5), "eager")])


# What is no change, and what comes after a run


def test_spikes_of_a_past_run_keep_their_values():
    class Fires(Cell):
        def __init__(self):
            super().__init__()
            self.amplitude = np.ones(4, np.float32)

        def construct(self, x, v):
            v = v + x
            spike = (v > 0.5).astype(x.dtype) * self.amplitude
            return spike, v - spike

    node = Fires()
    found = [snn.run(node, x, mode=mode)[0] for mode in ("python", "eager")]
    node.amplitude[:] = 9
    assert_equal(found[0], found[1])
    assert found[0].asnumpy().max() == 1


def test_a_global_with_the_name_of_an_attribute_is_no_change(traced, monkeypatch):
    monkeypatch.setitem(globals(), "share", 1.0)
    node = ByClass()
    for k in range(3):
        monkeypatch.setitem(globals(), "share", np.full(100, k))
        snn.run(node, x, mode="python")
    assert len(traced) == 1


def test_a_neuron_that_goes_back_to_what_it_was_is_not_traced_again(traced):
    node = ByClass()
    for _ in range(3):
        for mode in (True, False):
            node.set_train(mode)
            snn.run(node, x, mode="python")
    assert len(traced) == 2


@pytest.mark.parametrize("file", ["snn_exp.py", "autograd_tools/nets.py", "snntorch/models.py", "<frozen nets.models>"])
def test_a_script_whose_name_begins_like_ours_is_the_users(file, traced):
    space = {"Cell": Cell, "__name__": "script", "G": 0.5}
    path = file if file.startswith("<") else f"{Path(snn.__file__).parent.parent}/{file}"
    code = "class Node(Cell):\n    def construct(self, x, v):\n        v = G * v + x\n        return v, v\n"
    exec(compile(code, path, "exec"), space)
    assert_seen(space["Node"](), lambda: space.update(G=0.75), traced)


def test_a_class_that_is_no_longer_used_is_freed():
    def use():
        class Node(Leaky):
            def factor(self):
                return 0.5

        node = Node()
        for mode in ("eager", "python"):
            everything(node, x, mode)
        return weakref.ref(Node)

    kind = use()
    gc.collect()
    assert kind() is None


def test_a_profiler_goes_on_after_a_trace():
    profile = cProfile.Profile()
    profile.enable()
    snn.run(snn.LIFNode(tau=2.0, decay_input=False), x, mode="python")
    sorted([3, 1, 2])
    profile.disable()
    assert any("sorted" in str(entry.code) for entry in profile.getstats())


def test_copies_of_a_neuron_are_without_its_traces():
    node = snn.IFNode()
    snn.run(node, x, mode="python")
    assert node.kept()
    for other in (copy.copy(node), copy.deepcopy(node), pickle.loads(pickle.dumps(node))):
        assert not other.kept()
        assert_equal(snn.run(other, x, mode="python")[0], snn.run(node, x, mode="python")[0])


class Held:
    """An object with an attribute that code reads."""

    def __init__(self, rate):
        self.rate = rate


class ByKey(Leaky):
    """Reads an object in a dict."""

    def factor(self):
        return self.table["{rate}"].rate


def test_a_key_with_braces(traced):
    node = ByKey(table={"{rate}": Held(0.5)})
    assert_seen(node, lambda: setattr(node.table["{rate}"], "rate", 0.25), traced)
