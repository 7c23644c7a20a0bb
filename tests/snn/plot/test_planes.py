from __future__ import annotations

import numpy as np
import pytest

import snn
from autograd.errors import ArgumentError, DTypeError, ShapeError
from snn import plot


def test_a_trajectory_is_broken_where_the_neuron_is_reset():
    node = snn.IzhikevichNode.pattern("regular spiking", dt=0.5)
    spikes, _, record = snn.run(node, np.full((600, 1, 1), 10.0), record=["v", "u"], mode="eager")
    assert spikes.asnumpy().sum() > 3
    panel = plot.phase(record["v"], record["u"], spikes=spikes, labels=("$v$", "$u$"))
    v = panel.lines[0].get_xdata()
    assert np.isnan(v).sum() == spikes.asnumpy().sum()
    before = np.ravel(record["v"].asnumpy())
    assert len(v) == 2 * len(before)
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("$v$", "$u$")
    (dots,) = panel.collections
    np.testing.assert_allclose(dots.get_offsets(), [[before[0], np.ravel(record["u"].asnumpy())[0]]])


def test_each_neuron_is_a_line_of_the_chosen_sample():
    x, y = np.random.default_rng(0).random((2, 6, 3, 2))
    panel = plot.phase(x, y, sample=2)
    assert len(panel.lines) == 2
    for neuron, line in enumerate(panel.lines):
        np.testing.assert_array_equal(line.get_xydata(), np.stack([x[:, 2, neuron], y[:, 2, neuron]], axis=1))


def test_nullclines_lie_where_the_flow_is_zero():
    panel = plot.phase([-1.0, 1.0], [-1.0, 1.0], flow=lambda v, w: (w - v**2 + 0.2, w - 0.3 * v))
    v_line, w_line = [found for found in panel.collections if hasattr(found, "levels")]
    points = np.concatenate([path.vertices for path in v_line.get_paths()])
    np.testing.assert_allclose(points[:, 1], points[:, 0] ** 2 - 0.2, atol=1e-3)
    points = np.concatenate([path.vertices for path in w_line.get_paths()])
    np.testing.assert_allclose(points[:, 1], 0.3 * points[:, 0], atol=1e-6)
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["$v$-nullcline", "$w$-nullcline"]


def test_a_flow_that_is_nowhere_zero_has_no_nullcline():
    panel = plot.phase([0.0, 1.0], [0.0, 1.0], flow=lambda v, w: (1.0, w - 0.5))
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["$w$-nullcline"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"y": np.ones(4)}, ShapeError, "the same T in all"),
        ({"flow": 3}, DTypeError, "flow to be a function of x and y, got int 3"),
        ({"flow": lambda v: v}, ArgumentError, r"flow\(x, y\) to return two arrays as large as x, got TypeError"),
        ({"flow": lambda v, w: (v,)}, ShapeError, r"flow\(x, y\) to return two arrays, got 1"),
        ({"flow": lambda v, w: (v[:3], w)}, ArgumentError, r"two arrays as large as x, got ValueError"),
        ({"labels": "vw"}, DTypeError, "labels to be two strings"),
        ({"labels": ("v", 1)}, DTypeError, "labels to be two strings"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, error, message):
    with pytest.raises(error, match=r"snn\.plot\.phase: expected .*" + message):
        plot.phase(**{"x": np.ones(5), "y": np.ones(5)} | arguments)
