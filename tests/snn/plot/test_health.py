from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

import snn
from autograd import nn
from autograd.errors import ArgumentError
from snn import plot
from snn.inspect.health_report import EDGES, HealthReport
from tests.snn.plot.drawn import curves, texts


@pytest.fixture(scope="module")
def report():
    """A live layer, a dead one and a readout."""
    narrow = snn.surrogate.triangle(2.0)
    net = nn.SequentialCell(
        nn.Dense(4, 10, rng=0), snn.LIFNode(beta=0.9), nn.Dense(10, 5, 1e-4, 0.0),
        snn.LIFNode(beta=0.9, surrogate_function=narrow), nn.Dense(5, 2, rng=1), snn.LeakyReadout(beta=0.9),
    )  # fmt: skip
    return snn.health(net, np.random.default_rng(0).uniform(0, 8, (20, 6, 4)).astype(np.float32))


def bars(panel, row):
    """Width by colour of the bars in a row, without those behind."""
    found = [p for p in panel.patches if abs(p.get_y() + p.get_height() / 2 - row) < 0.3 and 0 < p.get_width() < 100.1]
    return [(round(p.get_x(), 6), round(p.get_width(), 6)) for p in found if p.get_facecolor()[:3] != (0.9, 0.9, 0.9)]


def test_a_report_has_a_row_for_each_layer_with_its_name_and_rate(report):
    axes = plot.health(report)
    assert len(axes) == 3
    names = [label.get_text() for label in axes[0].get_yticklabels()]
    assert names == ["1 LIFNode", "3 LIFNode", "5 LeakyReadout"]
    assert [panel.get_xlabel() for panel in axes] == [
        "Neurons (%)", "Membrane minus threshold (thresholds)", "Time (steps)",
    ]  # fmt: skip
    live, dead, _ = report.layers
    assert {f"{live.rate:.3f}", f"{dead.rate:.3f}", "no spikes to count"} <= set(texts(axes[0]))
    assert axes[0].get_ylim()[0] > axes[0].get_ylim()[1]  # the first is on top


def legend(panel):
    return [text.get_text() for text in panel.get_legend().get_texts()]


def test_the_legend_names_only_shares_that_there_are(report):
    assert legend(plot.health(report)[0]) == ["never fire", "always fire", "no gradient", "in between"]
    silent = HealthReport((report.layers[1],), report.steps, report.samples)
    assert legend(plot.health(silent)[0]) == ["never fire", "no gradient"]
    live = HealthReport((replace(report.layers[0], silent=0.0, saturated=0.0, dead=0.0),), report.steps, report.samples)
    assert legend(plot.health(live)[0]) == ["in between"]


def test_bars_are_the_shares(report):
    panel, live = plot.health(report)[0], report.layers[0]
    expected = [(0, 100 * live.silent), (100 - 100 * live.saturated, 100 * live.saturated), (0, 100 * live.dead)]
    np.testing.assert_allclose(bars(panel, 0), [bar for bar in expected if bar[1] > 0])
    assert min(live.silent, live.saturated) > 0
    assert bars(panel, 1) == [(0, 100), (0, 100)]  # silent, and no gradient
    assert bars(panel, 2) == []


def test_membranes_are_histograms_around_the_threshold_and_say_what_lies_beyond(report):
    panel = plot.health(report)[1]
    first, second = [patch.get_data() for patch in panel.patches]
    for row, (data, layer) in enumerate(zip((first, second), report.layers, strict=False)):
        heights = row + 0.4 - data.values
        np.testing.assert_allclose(heights, 0.7 * layer.membrane[1:-1] / layer.membrane[1:-1].max())
        np.testing.assert_array_equal(data.edges, EDGES)
    below, above = report.layers[0].membrane[[0, -1]] / report.layers[0].membrane.sum()
    assert min(below, above) > 0.01
    assert texts(panel)[:2] == [f"← {below:.0%}", f"{above:.0%} →"]
    assert "threshold" in texts(panel)


def test_gradients_are_lines_over_time_and_one_that_is_zero_is_said(report):
    panel, (live, _, readout) = plot.health(report)[2], report.layers
    lines = curves(panel)
    np.testing.assert_array_equal(lines["5 LeakyReadout"].get_ydata(), readout.gradient_over_time)
    assert live.gradient == 0  # the dead layer lets none through
    assert np.isnan(lines["1 LIFNode: none"].get_ydata()).all()
    assert panel.get_yscale() == "log"


def test_nothing_overlaps(report):
    axes = plot.health(report)
    axes[0].figure.draw_without_rendering()
    for panel in axes:
        boxes = [text.get_window_extent() for text in panel.texts]
        if panel.get_legend():
            boxes.append(panel.get_legend().get_window_extent())
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
        assert all(box.x0 >= 0 and box.x1 <= panel.figure.bbox.x1 + 1 for box in boxes)


def test_a_report_without_gradients_or_membranes_is_drawn():
    x = np.random.default_rng(0).random((1, 1, 3)).astype(np.float32)
    axes = snn.health(snn.Stochastic(snn.LIFNode(beta=0.9), rng=0), x, mask=np.zeros((1, 1), bool), gradient=False).plot()
    axes[0].figure.draw_without_rendering()
    assert not axes[1].patches
    assert axes[2].get_yscale() == "linear"


def test_it_is_drawn_on_the_given_axes(report):
    _, given = plt.subplots(1, 3)
    assert list(report.plot(ax=given)) == list(given)
    _, one = plt.subplots()
    assert len(report.plot(ax=one)) == 3
    assert len(plt.get_fignums()) == 2


def test_a_report_without_layers_is_an_error():
    with pytest.raises(ArgumentError, match=r"snn\.plot\.health: expected a report with layers"):
        plot.health(HealthReport((), 1, 1))
    assert plt.get_fignums() == []
