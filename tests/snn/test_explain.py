"""What is said of a neuron and of a net agrees with what is done."""

import io
import re
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Cell, nn, ops
from autograd.errors import DTypeError, ShapeError

from .compiled.neurons import AdaptiveNode, Exponential, OwnBprop, Synaptic


def explained(*args):
    file = io.StringIO()
    snn.explain(*args, file=file)
    return file.getvalue()


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
    assert f"in all {saved} bytes a neuron and step, with the output {whole}\n" in text
    assert sum(int(n) for n in re.findall(r"^saved: .* (\d) bytes$", text, re.M)) == saved
    assert ("spikes of amplitude 1, a byte each" in text) == (whole - saved == 1)


def test_an_amplitude_for_each_neuron_is_said():
    assert "spikes of amplitude 0.5, a byte" in explained(snn.IFNode(0.5))
    assert "spikes of amplitude one of each neuron, [2], a byte" in explained(snn.IFNode(np.array([0.5, 1.0], np.float32)))


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
    assert ("mode='auto' runs this step by step: that takes about 1.2 ms with its gradient, less than 5 ms" in text) == (
        len(x) < 50
    )


def test_without_an_input_the_thresholds_are_said():
    text = explained(NET)
    assert text.count("at most 25 % of it is not 0") == 2
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


@pytest.mark.parametrize(("net", "name"), [(Feedback(), "node"), (nn.SequentialCell(nn.ReLU(), Feedback()), "1.node")])
def test_a_net_that_wires_neurons_itself_is_explained_by_its_graph(net, name):
    assert "pass an input, snn.explain(net, x)" in explained(net)
    text = explained(net, np.ones((5, 2, 3), np.float32))
    assert re.search(rf"{name} +IFNode +\[2, 3\] float32", text)
    assert f"{name}: step together" in text
    assert re.search(r"back: a product in each step, from .*, a step later", text)
    assert "mode='auto' runs this step by step" in text


def test_misuse_is_an_error():
    with pytest.raises(DTypeError, match=r"snn.explain: expected a Cell, got int 3.*SequentialCell"):
        snn.explain(3)
    with pytest.raises(ShapeError, match=r"snn.explain, input x: expected \[T, N, ...\], got \[3\] Float32.*Put time first"):
        snn.explain(snn.IFNode(), np.zeros(3, np.float32))
