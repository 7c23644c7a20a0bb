from __future__ import annotations

import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from autograd.errors import ArgumentError, DTypeError, MissingExtraError
from snn import plot
from tests.snn.plot.drawn import first
from tests.snn.plot.test_results import HISTORY

CALLS = {
    "trace": lambda ax=None: plot.trace(v=np.ones((5, 2)), spikes=np.eye(5, 2), v_threshold=1.0, ax=ax),
    "raster": lambda ax=None: plot.raster({"a": np.eye(5, 3), "b": np.zeros((5, 2))}, ax=ax),
    "training": lambda ax=None: plot.training(HISTORY, ax=ax),
    "confusion": lambda ax=None: plot.confusion([0, 1, 2, 2], [0, 1, 1, 2], ax=ax),
    "rates": lambda ax=None: plot.rates(np.eye(5, 3), ax=ax),
    "intervals": lambda ax=None: plot.intervals(np.ones((5, 3)), ax=ax),
    "population_rate": lambda ax=None: plot.population_rate(np.eye(5, 3), ax=ax),
    "weights": lambda ax=None: plot.weights(np.eye(5, 3), ax=ax),
    "fields": lambda ax=None: plot.fields(np.eye(5, 4), ax=ax),
    "phase": lambda ax=None: plot.phase(np.arange(5.0), np.arange(5.0) ** 2, flow=lambda v, w: (v - 2, w - 3), ax=ax),
    "curves": lambda ax=None: plot.curves(np.ones((2, 5)), ax=ax),
}
each_function = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


# All of them


@each_function
def test_a_new_figure_is_made_and_its_axes_returned(call):
    axes = call()
    assert plt.get_fignums() == [first(axes).figure.number]
    beside = [child for panel in first(axes).figure.axes for child in panel.child_axes]  # colour bars
    assert list(np.ravel(np.asarray(axes, dtype=object))) == [a for a in first(axes).figure.axes if a not in beside]


@each_function
def test_no_pyplot_figure_is_made_when_an_axes_is_given(call):
    figure = Figure()
    panels = np.ravel(np.asarray(call(ax=figure.add_subplot()), dtype=object))
    figure.draw_without_rendering()
    assert plt.get_fignums() == []
    assert all(panel.figure is figure for panel in panels)


@each_function
def test_global_settings_stay_as_they_are(call):
    before = dict(matplotlib.rcParams)
    call()
    assert dict(matplotlib.rcParams) == before


@each_function
def test_without_matplotlib_the_error_names_the_extra(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"snn\.plot\.\w+: .*matplotlib.*\[plot\]"):
        call()


@pytest.mark.parametrize("ax", ["here", 3, [None], plt])
@each_function
def test_what_is_no_axes_is_refused(call, ax):
    with pytest.raises(DTypeError, match=r"snn\.plot\.\w+: expected ax to be Axes of matplotlib, got .* figure.add_subplot"):
        call(ax=ax)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("report", [None, "report", np.ones(3)])
def test_what_is_no_report_is_refused(report):
    with pytest.raises(DTypeError, match=r"snn\.plot\.health: expected a HealthReport, got .* Pass snn\.health\(net, x\)"):
        plot.health(report)


def test_importing_the_module_imports_no_matplotlib():
    code = "import sys, snn.plot; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["trace", "training"])
def test_one_axes_is_subdivided_within_its_place(name):
    parent = Figure(figsize=(6, 4)).add_subplot()
    panels = CALLS[name](ax=parent)
    assert list(panels) == parent.child_axes
    assert not parent.axison
    outer = parent.get_window_extent()
    boxes = [panel.get_window_extent() for panel in panels]
    assert all(outer.x0 - 1 <= box.x0 and box.x1 <= outer.x1 + 1 for box in boxes)
    assert all(outer.y0 - 1 <= box.y0 and box.y1 <= outer.y1 + 1 for box in boxes)
    assert not boxes[0].overlaps(boxes[1])


@pytest.mark.parametrize("name", ["trace", "training"])
def test_a_sequence_of_axes_is_used_as_it_is(name):
    _, given = plt.subplots(2)
    assert list(CALLS[name](ax=given)) == list(given)
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("name", ["trace", "training"])
def test_the_wrong_number_of_axes_is_an_error(name):
    _, given = plt.subplots(3)
    with pytest.raises(ArgumentError, match="ax of one or 2 Axes, got 3"):
        CALLS[name](ax=list(given))
