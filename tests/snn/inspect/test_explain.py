"""The explanation of a neuron and of a net agrees with the run."""

import io
import random
import re
import threading
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Cell, nn, ops, value_and_grad
from autograd.errors import DTypeError, ShapeError
from snn.compiled.execute import run_graph
from snn.compiled.layout import Options
from snn.compiled.stage import Running
from snn.engine.backends import back_end
from tests.snn.helpers.neurons import AdaptiveNode, Exponential, OwnBprop, Synaptic


def explained(*args):
    file = io.StringIO()
    snn.explain(*args, file=file)
    return file.getvalue()


@pytest.fixture
def plain(monkeypatch):
    """Run the loops as plain Python: small nets need no compiler."""
    monkeypatch.setattr("snn.inspect.explanation.Options", partial(Options, backend=back_end("python")))


def spikes(shape, density=0.02):
    return (np.random.default_rng(0).random(shape) < density).astype(np.float32)


def test_it_prints_to_standard_output(capsys):
    assert snn.explain(snn.IFNode()) is None
    assert capsys.readouterr().out == explained(snn.IFNode())


def test_a_neuron_is_listed_in_the_names_of_its_user():
    text = explained(AdaptiveNode(5, np.float32))
    assert re.search(r"^ +t\d+ = decay \* v$", text, re.M)
    assert re.search(r"^ +t\d+ = 0\.3 \* b$", text, re.M)
    for name in ("out", "v", "b", "d_x", "d_v", "d_b", "d_v_threshold", "d_decay"):
        assert re.search(rf"^ +{name} = t\d+$", text, re.M), name
    assert explained(snn.LIFNode(beta=0.9)).startswith(repr(snn.LIFNode(beta=0.9)))
    assert re.search(r"t\d+ = 0\.9 \* v$", explained(snn.LIFNode(beta=0.9)), re.M)


@pytest.mark.parametrize(
    ("node", "saved", "whole"),
    [
        (snn.IFNode(), 4, 5),
        (snn.LIFNode(beta=0.9, v_reset=0.0), 4, 5),
        (AdaptiveNode(3, np.float32), 8, 9),
        (Synaptic(snn.surrogate.triangle()), 4, 5),
        (snn.LeakyReadout(beta=0.9), 0, 4),
        (OwnBprop(), 4, 8),
        (snn.Recurrent(snn.IFNode(), 4), 4, 5),
    ],
    ids=["IF", "hard reset", "adaptive", "dict", "readout", "own bprop", "recurrent"],
)
def test_bytes_are_those_that_are_saved(node, saved, whole):
    text = explained(node)
    assert f"total: {saved} bytes per neuron per step, {whole} with the output\n" in text
    assert sum(int(n) for n in re.findall(r"^saved: .* (\d) bytes$", text, re.M)) == saved
    assert ("spikes of amplitude 1, one byte each" in text) == (whole - saved == 1)


def test_an_amplitude_for_each_neuron_is_said():
    assert "spikes of amplitude 0.5, one byte" in explained(snn.IFNode(0.5))
    assert "spikes of amplitude one per neuron, [2], one byte" in explained(snn.IFNode(np.array([0.5, 1.0], np.float32)))


def test_it_says_where_the_gradient_matters():
    node = snn.IFNode(surrogate_function=snn.surrogate.triangle())
    text = explained(node)
    (name,) = re.findall(r"needed only where (t\d+) holds", text)
    assert re.search(rf"^ +{name} = t\d+ != 0\.0$", text, re.M)
    assert "needed everywhere" in explained(snn.IFNode())


@pytest.mark.parametrize("node", [snn.LIFNode(beta=0.9), AdaptiveNode(3, np.float32), Exponential()])
def test_the_source_is_that_of_the_named_files(node):
    text = explained(node)
    found = re.findall(r"^The (forward|backward) loop, in (.*\.py):$", text, re.M)
    assert [direction for direction, _ in found] == ["forward", "backward"]
    for direction, path in found:
        whole = Path(path).read_text(encoding="utf-8")
        source = whole[whole.index(f"def {direction}(") :].split("\n\n")[0]
        for line in source.splitlines():
            if not line.startswith("#"):
                assert f"    {line}\n" in text


def test_the_files_are_those_that_a_run_uses(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKECELL_CACHE", str(tmp_path))  # where no other process writes
    monkeypatch.setattr("snn.engine.cache._modules", {})
    node = snn.LIFNode(beta=0.8125)
    path = Path(re.findall(r"^The forward loop, in (.*):$", explained(node), re.M)[0])
    before = set(path.parent.glob("*.py"))
    from autograd import grad

    grad(lambda x: snn.run(node, x, mode="compiled")[0].sum())(np.ones((3, 2, 4), np.float32))
    assert set(path.parent.glob("*.py")) == before


NET = nn.SequentialCell(
    nn.Dense(64, 128, rng=0), snn.LIFNode(beta=0.9), nn.Dense(128, 128, 0.0, 0.0), snn.IFNode(), nn.ReLU(), nn.Flatten()
)


@pytest.mark.parametrize(
    ("x", "how"),
    [
        (np.random.default_rng(0).standard_normal((50, 16, 64)).astype(np.float32), "dense: the input is not spikes; 100 %"),
        (spikes((50, 16, 64)), r"events: 2 % of the input are spikes; 1\.97 %"),
        (spikes((50, 16, 64), 0.5), r"dense: 50 % of the input are spikes, more than 25 %; 49\.\d %"),
        (np.broadcast_to(np.float32(0.5), (50, 16, 64)), "once: the input is the same at every step"),
        (spikes((2, 1, 64)), "dense: the product is small"),
    ],
    ids=["dense", "events", "many", "once", "small"],
)
def test_a_net_says_how_each_layer_got_its_currents(x, how):
    text = explained(NET, x)
    layers = re.split(r"^(?=layer)", text, flags=re.M)[1:]
    assert [layer.partition(":")[0] for layer in layers] == ["layers 0, 1", "layers 2, 3", "layer 4", "layer 5"]
    assert re.search(f"currents: {how}", layers[0])
    assert repr(NET[1]) in layers[0]
    assert "saved: " in layers[0]
    assert "runs on all time steps at once" in layers[2]
    assert text.splitlines()[-1] == (
        "mode='auto' runs this step by step: that takes about 1.2 ms with its gradient, less than 5 ms." if len(x) < 50
        else "mode='auto' compiles this: step by step it would take about 44 ms with its gradient, at least 5 ms."
    )  # fmt: skip


def test_without_an_input_the_thresholds_are_said():
    text = explained(NET)
    assert text.count("at most 25 % of it is nonzero") == 2
    assert "saved: " in text


def test_explaining_changes_nothing():
    net = nn.SequentialCell(nn.Dense(4, 3, rng=0), nn.Dropout(0.5, rng=np.random.default_rng(1)), snn.IFNode())
    x = np.ones((5, 2, 4), np.float32)
    other = nn.SequentialCell(nn.Dense(4, 3, rng=0), nn.Dropout(0.5, rng=np.random.default_rng(1)), snn.IFNode())
    explained(net)
    np.testing.assert_array_equal(snn.run(net, x)[0], snn.run(other, x)[0])


class Branches(Cell):
    def construct(self, x, v):
        if v > 1:
            return x, v
        return v, x


class Feedback(Cell):
    def __init__(self):
        super().__init__()
        self.node, self.back = snn.IFNode(), nn.Dense(3, 3)

    def initial_state(self, x):
        return ops.zeros_like(x)

    def construct(self, x, v):
        return self.node(x + self.back(v), v)


def test_what_cannot_be_compiled_is_explained_and_not_raised():
    assert re.match(r"Not compiled: .*test_explain.py, line \d+, in construct: .*ops\.where", explained(Branches()))
    text = explained(nn.SequentialCell(nn.Dense(3, 3, rng=0), snn.IFNode(), Branches()))
    assert "layers 0, 1" in text
    assert "Not compiled: " in text
    for steps, said in [
        (200, "mode='auto' warns once, then runs this step by step: it cannot be compiled."),
        (2, "mode='auto' runs this step by step: that takes about 0.2 ms with its gradient, less than 5 ms."),
    ]:
        assert explained(Branches(), np.ones((steps, 1, 3), np.float32)).splitlines()[-1] == said


def test_the_choice_of_mode_auto_is_that_of_a_run(monkeypatch):
    seen = []
    monkeypatch.setattr("snn.simulate._run_eagerly", lambda *args: seen.append("step by step") or (None, None, {}))
    monkeypatch.setattr("snn.compiled.execute.run_graph", lambda *args: seen.append("compiles") or (None, None, {}))
    monkeypatch.setattr("snn.simulate.mark_resets", lambda net, result: result)
    for steps in (1, 24, 25, 26, 1000):
        x = np.ones((steps, 1, 3), np.float32)
        snn.run(nn.SequentialCell(nn.Dense(3, 3, rng=0), snn.IFNode()), x)
        snn.explain(nn.SequentialCell(nn.Dense(3, 3, rng=0), snn.IFNode()), x, file=(file := io.StringIO()))
        assert seen.pop() in file.getvalue().splitlines()[-1]


def test_layers_that_run_once_on_a_repeated_input_say_so(plain):
    net = nn.SequentialCell(nn.Conv2d(1, 2, 3, rng=0), nn.BatchNorm2d(2), snn.IFNode(), nn.Flatten())
    image = np.random.default_rng(0).random((2, 1, 4, 4)).astype(np.float32)
    once, always = (
        "  no state: runs once, since its input is the same at every step",
        "  no state: runs on all time steps at once",
    )
    for x, said in [(snn.encode.direct(image, 3), [once, once, always]), (np.stack([image] * 3), [always] * 2)]:
        assert [line for line in explained(net, x).splitlines() if "no state" in line] == said


def test_the_number_that_turns_above_into_at_least_has_a_name():
    text = explained(snn.IFNode(fire_at_threshold=True))
    assert re.search(r"saved: (t\d+) = t\d+ \+ tiny, float32", text)
    assert "e-38" not in text


@pytest.mark.parametrize(("net", "name"), [(Feedback(), "node"), (nn.SequentialCell(nn.ReLU(), Feedback()), "1.node")])
def test_a_net_that_wires_neurons_itself_is_explained_by_its_graph(net, name, plain):
    assert "pass an input, snn.explain(net, x)" in explained(net)
    text = explained(net, np.ones((5, 2, 3), np.float32))
    assert re.search(rf"{name} +IFNode +\[2, 3\] float32", text)
    assert f"{name}: step together" in text
    assert re.search(r"back: a product in each step, from .*, a step later", text)
    assert "mode='auto' runs this step by step" in text


class Balanced(Cell):
    """Excitation and inhibition that feed each other, and a readout of what excites."""

    def __init__(self):
        super().__init__()
        rng = np.random.default_rng(0)
        self.into, self.skip = nn.Dense(6, 4, rng=rng), nn.Dense(4, 2, rng=rng)
        self.ee, self.ei, self.ie = nn.Dense(4, 4, rng=rng), nn.Dense(4, 3, rng=rng), nn.Dense(3, 4, rng=rng)
        self.exc, self.inh = snn.LIFNode(beta=0.9), snn.LIFNode(beta=0.8, surrogate_function=snn.surrogate.triangle())
        self.out = snn.LeakyReadout(beta=0.9)

    def initial_state(self, x):
        return tuple(ops.zeros((len(x), n)) for n in (4, 3, 4, 3, 2))

    def construct(self, x, state):
        exc, inh, fired, silenced, out = state
        fired, exc = self.exc(self.into(x) + self.ee(fired) - self.ie(silenced), exc)
        silenced, inh = self.inh(self.ei(fired), inh)
        spikes, out = self.out(2 * self.skip(fired), out)
        return spikes, (exc, inh, fired, silenced, out)


def test_a_group_is_explained_part_by_part(plain):
    text = explained(Balanced(), np.ones((5, 2, 6), np.float32))
    table, _, stages = text.partition("Over 5 time steps:\n")
    assert re.search(r"^  inh +LIFNode +\[2, 3\] float32 +ei, its own state$", table, re.M)
    together, into, ei, skip = re.split(r"^(?=layers )", stages, flags=re.M)
    assert together.startswith("exc, inh: step together")
    assert into.startswith("layers into, ee, ie, exc: Dense(")
    assert f"\n    {Balanced().exc!r}\n  operations: add, sub\n  currents: dense: the product is small; 100 % of" in into
    assert "currents of ee: summed from the spikes, from itself, a step later\n" in into
    assert "currents of ie: summed from the spikes, from inh, a step later\n" in into
    assert ei.startswith("layers ei, inh: Dense(")
    assert "currents of ei: summed from the spikes, from exc\n" in ei
    assert "output: not kept, since nothing else reads it" in ei
    assert skip.startswith("layers skip, out: Dense(")
    assert "output: float32 numbers" in skip


def test_lateral_weights_are_a_way_from_a_layer_to_itself(plain):
    net = nn.SequentialCell(nn.Dense(6, 4, rng=0), snn.Recurrent(snn.IFNode(), 4, rng=1))
    for given, how in (
        ((), "decided by the input"),
        ((np.ones((5, 2, 6), np.float32),), "dense: the product is small; 100 %"),
    ):
        text = explained(net, *given)
        assert text.startswith("layers 0, 1: Dense(")
        assert f"  currents: {how}" in text
        assert "  currents of lateral: summed from the spikes, from itself, a step later\n" in text


@pytest.mark.parametrize(
    ("net", "x"),
    [
        (Balanced(), np.ones((5, 2, 6), np.float32)),
        (snn.Recurrent(snn.IFNode(surrogate_function=snn.surrogate.triangle()), 4, rng=0), np.ones((5, 2, 4), np.float32)),
        (nn.SequentialCell(nn.Dense(6, 4, rng=0), AdaptiveNode(4, np.float32)), np.ones((5, 2, 6), np.float32)),
        (nn.SequentialCell(OwnBprop(), snn.LeakyReadout(beta=0.9)), np.ones((5, 2, 6), np.float32)),
    ],
    ids=["group", "recurrent", "adaptive", "readout"],
)
def test_bytes_are_those_that_a_training_step_writes(net, x, plain, monkeypatch):
    said = re.findall(r"^  total: \d+ bytes per neuron per step, (\d+) with the output$", explained(net, x), re.M)
    written, run = [], Running.run

    def seen(self, t0, t1, states, received, arrays):
        written.extend(sum(a.itemsize for a in part.values()) for part in arrays)
        return run(self, t0, t1, states, received, arrays)

    monkeypatch.setattr(Running, "run", seen)

    def total(x):
        return run_graph(net, x, None, (), None, False, Options(backend=back_end("python")))[0].sum()

    value_and_grad(total, weights=net.trainable_params())(x)
    assert [int(n) for n in said] == written
    assert all(written)


def test_a_stand_in_for_an_input_warns_of_nothing_and_leaves_no_trace():
    class Counts(Cell):
        calls = 0

        def construct(self, x):
            self.calls += 1
            return 1.0 / x

    counts = Counts()
    net = nn.SequentialCell(nn.Dense(4, 3, rng=0, dtype=np.float64), snn.IFNode(), counts, snn.IFNode())
    text = explained(net)
    assert "layer 2: Counts()\n  no state: runs step by step" in text
    assert text.count("output: spikes of amplitude 1") == 2
    assert counts.calls == 0


def test_explaining_leaves_the_warning_of_two_widths_to_a_run(plain):
    net, x = nn.SequentialCell(nn.Dense(4, 3, rng=0, dtype=np.float64), snn.IFNode()), np.ones((5, 2, 4), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explained(net, x)
    with pytest.warns(UserWarning, match="has weights of float64 and an input of float32"):
        snn.run(net, x, mode="python")


def test_what_steps_without_neurons_is_named(plain):
    class Late(Cell):
        """A delay of one step before a neuron."""

        def __init__(self):
            super().__init__()
            self.node = snn.IFNode()

        def initial_state(self, x):
            return ops.zeros_like(x), ops.zeros_like(x)

        def construct(self, x, state):
            before, v = state
            out, v = self.node(before, v)
            return out, (x, v)

    _, _, stages = explained(Late(), np.ones((5, 2, 3), np.float32)).partition("Over 5 time steps:\n")
    assert re.match(r"state\d: a loop\n  currents: .*\nlayer node: IFNode", stages)


def test_a_neuron_that_cannot_be_copied_or_has_a_hook_is_explained():
    node = snn.IFNode()
    text = explained(node)
    node.lock = threading.Lock()
    node.register_forward_hook(lambda *_: None)
    assert explained(node) == text
    assert node.hooked


def test_many_recurrent_neurons_are_explained_by_two():
    few, many = (explained(snn.Recurrent(snn.LIFNode(beta=0.9), n, rng=0)).partition("\n") for n in (2, 1500))
    assert many == few


def test_misuse_is_an_error():
    with pytest.raises(DTypeError, match=r"snn.explain: expected a Cell, got int 3.*SequentialCell"):
        snn.explain(3)
    with pytest.raises(ShapeError, match=r"snn.explain, input x: expected \[T, N, ...\], got \[3\] Float32.*Put time first"):
        snn.explain(snn.IFNode(), np.zeros(3, np.float32))


class Noisy(Cell):
    """Draws from numpy's and Python's own generators."""

    def construct(self, x):
        return x + float(np.random.standard_normal()) + random.random()  # noqa: NPY002


@pytest.mark.parametrize("drop", [snn.Dropout, nn.Dropout])
@pytest.mark.parametrize(
    "look", [lambda net, x: explained(net, x), lambda net, x: explained(net), lambda net, x: snn.memory_estimate(net, 5, 2)]
)
def test_the_next_run_draws_as_if_nobody_had_looked(drop, look):
    x, runs = np.ones((5, 2, 3), np.float32), []
    for looked in (False, True):
        net = nn.SequentialCell(nn.Dense(3, 3, rng=1), drop(0.5, rng=7), snn.IFNode()).set_train()
        if looked:
            look(net, x)
        runs.append(snn.run(nn.SequentialCell(*net)[:2], x, mode="eager").out.asnumpy())
    assert runs[0].any()
    np.testing.assert_array_equal(*runs)


def test_generators_of_numpy_and_python_stay_where_they_were():
    x, net = np.ones((5, 2, 3), np.float32), nn.SequentialCell(Noisy(), nn.Dense(3, 3, rng=1), snn.IFNode())
    before = np.random.get_state()[1].tolist(), np.random.get_state()[2], random.getstate()  # noqa: NPY002
    explained(net, x)
    assert (np.random.get_state()[1].tolist(), np.random.get_state()[2], random.getstate()) == before  # noqa: NPY002
