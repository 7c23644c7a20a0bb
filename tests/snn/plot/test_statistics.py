from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

import autograd
import snn
from autograd.errors import ArgumentError, NonFiniteError, ShapeError
from snn import plot
from tests.snn.plot.drawn import curves, texts


@pytest.fixture
def spikes():
    generator = np.random.default_rng(0)
    return generator.random((200, 4, 30)) < generator.uniform(0, 0.2, 30) * (np.arange(30) > 4)


def bars(panel):
    (stairs,) = panel.patches
    return stairs.get_data().values, stairs.get_data().edges


def test_rates_are_counted_and_those_that_never_fire_are_said(spikes):
    panel = plot.rates(spikes, bins=10)
    heights, edges = bars(panel)
    counts = spikes.sum((0, 1))
    width = (edges[1] - edges[0]) * 800
    assert width == pytest.approx(round(width))
    np.testing.assert_allclose(edges, (width * np.arange(len(edges)) - 0.5) / 800, atol=1e-12)
    np.testing.assert_array_equal(
        heights, [np.sum((counts >= width * i) & (counts < width * (i + 1))) for i in range(len(heights))]
    )
    assert heights.sum() == 30
    assert len(heights) in (9, 10)
    assert panel.get_title(loc="right") == "5 of 30 never fire"
    assert texts(panel) == [f"mean {spikes.mean():.3g}"]
    assert panel.get_xlabel() == "Rate (spikes/step)"
    panel = plot.rates(spikes, bins=10, dt=2.0)
    np.testing.assert_allclose(bars(panel)[1], 500 * edges)
    assert panel.get_xlabel() == "Rate (Hz)"
    assert texts(panel) == [f"mean {500 * spikes.mean():.3g}"]


def test_rates_of_a_silent_layer_are_zero():
    panel = plot.rates(np.zeros((5, 2, 3)))
    assert panel.get_title(loc="right") == "3 of 3 never fire"
    assert bars(panel)[0][0] == 3


def test_intervals_are_all_drawn_in_bars_of_whole_steps(spikes):
    found = snn.stats.intervals(spikes)
    for bins in (1, 7, 50, 1000):
        panel = plot.intervals(spikes, bins=bins)
        heights, edges = bars(panel)
        beyond = np.count_nonzero(found > edges[-1])
        assert heights.sum() + beyond == len(found) > 500
        assert beyond <= 0.005 * len(found)
        assert texts(panel) == ([f"{beyond / len(found):.1%} \u2192"] if beyond else [])
        assert len(heights) <= bins
        width = edges[1] - edges[0]
        assert width == round(width) >= 1
        np.testing.assert_array_equal(heights, np.histogram(found, edges)[0])
        plt.close("all")
    panel = plot.intervals(spikes, dt=0.5)
    assert panel.get_xlabel() == "Interval (ms)"
    assert bars(panel)[1][0] == 0.25
    varied = snn.stats.cv(spikes)
    known = varied[np.isfinite(varied)]
    assert panel.get_title(loc="right") == f"CV {known.mean():.2f} (of {len(known)} trains)"


def test_intervals_of_neurons_that_do_not_fire_twice_are_refused():
    with pytest.raises(ArgumentError, match=r"snn\.plot\.intervals: expected a neuron that fires twice, got none"):
        plot.intervals(np.eye(5))
    twice = np.zeros((9, 1))
    twice[[2, 6]] = 1
    assert plot.intervals(twice).get_title(loc="right") == "no train of three spikes"


def test_the_population_rate_is_a_mean_in_each_window(spikes):
    panel = plot.population_rate(spikes, window=30, label="layer")
    values, edges = bars(panel)
    each = [spikes[i : i + 30].mean() for i in range(0, 200, 30)]
    np.testing.assert_allclose(values, each)
    np.testing.assert_allclose(edges, [*np.arange(0, 200, 30) - 0.5, 199.5])
    again = plot.population_rate(spikes[:, :1], window=50, ax=panel)
    assert again is panel
    first, second = panel.patches
    assert first.get_edgecolor() != second.get_edgecolor()
    panel = plot.population_rate(spikes, window=30, dt=0.1)
    np.testing.assert_allclose(bars(panel)[0], 1e4 * np.array(each))
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("Time (ms)", "Rate (Hz)")
    assert not curves(panel)


@pytest.mark.parametrize("function", [plot.rates, plot.intervals, plot.population_rate])
def test_what_is_no_spikes_is_refused(function):
    for wrong in (np.ones(5), np.ones((0, 3)), 2):
        with pytest.raises(ShapeError, match=rf"snn\.plot\.{function.__name__}: expected spikes of shape \[T, N, ...\], got"):
            function(wrong)
    with pytest.raises(ArgumentError, match="expected dt to be a positive number"):
        function(np.eye(4), dt=-1)
    assert plt.get_fignums() == []


def test_numbers_that_make_no_sense_are_refused(spikes):
    for call in (lambda n: plot.rates(spikes, bins=n), lambda n: plot.intervals(spikes, bins=n)):
        for wrong in (0, 1.5, True, "many"):
            with pytest.raises(ArgumentError, match="expected bins to be a whole number from 1 to 100,000"):
                call(wrong)
    with pytest.raises(ArgumentError, match="expected window to be a whole number from 1 to 200"):
        plot.population_rate(spikes, window=201)
    with pytest.raises(ArgumentError, match="expected label to be a string"):
        plot.population_rate(spikes, label=3)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_second_curve_on_the_same_axes_is_not_cut_off(order):
    layers = [(np.arange(40)[:, None, None] % 10 == 0) * np.ones((1, 2, 3)), np.ones((20, 2, 3))]
    ax = plt.figure().add_subplot()
    for which in order:
        plot.population_rate(layers[which], ax=ax)
    assert ax.get_xlim() == (-0.5, 39.5)
    low, high = ax.get_ylim()
    assert low == 0
    assert 1 < high < 1.2
    ax = plt.figure().add_subplot()
    for which in order:
        plot.rates(layers[which], ax=ax)
    heights, edges = zip(*((s.get_data().values.max(), s.get_data().edges[-1]) for s in ax.patches), strict=True)
    assert ax.get_xlim()[1] == max(edges) > 1
    assert ax.get_ylim()[1] > max(heights)
    assert ax.patches[0].get_facecolor() != ax.patches[1].get_facecolor()


def test_a_raster_and_a_trace_on_used_axes_make_them_only_wider():
    ax = plt.figure().add_subplot()
    plot.raster(np.ones((40, 9)), ax=ax)
    before = ax.get_xlim(), ax.get_ylim()
    plot.raster(np.ones((20, 3)), ax=ax)
    assert (ax.get_xlim(), ax.get_ylim()) == before
    plot.raster(np.ones((60, 3)), ax=ax)
    assert ax.get_xlim() == (-0.5, 59.5)
    ax = plt.figure().add_subplot()
    for steps in (40, 20):
        plot.trace(v=np.ones((steps, 1)), ax=ax)
    assert ax.get_xlim() == (-0.5, 39.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_no_spike(bad):
    spikes = np.ones((3, 1, 2))
    spikes[1, 0, 1] = bad
    for function in (plot.rates, plot.intervals, plot.population_rate, plot.raster):
        with pytest.raises(NonFiniteError, match=rf"snn\.plot\.{function.__name__}, spikes: expected spikes that are finite"):
            function(spikes)
    with pytest.raises(NonFiniteError, match=r"snn\.plot\.trace, spikes"):
        plot.trace(spikes=spikes)
    for function in (snn.stats.intervals, snn.stats.cv, snn.stats.fano_factor):
        with pytest.raises(NonFiniteError, match=rf"snn\.stats\.{function.__name__}, spikes: .* got {bad} at \[1, 0, 1\]"):
            function(spikes)


def test_a_raster_of_a_record_has_its_spikes_alone():
    spikes = np.zeros((4, 1, 2))
    spikes[2, 0, 1] = 1
    record = snn.Record({"1.spike": autograd.Tensor(spikes), "1.v": autograd.Tensor(spikes + 1)})
    panel = plot.raster(record)
    (line,) = panel.lines
    assert line.get_xydata().tolist() == [[2, 1]]
    assert texts(panel)[0].startswith("1.spike")
    with pytest.raises(ArgumentError, match=r"snn\.plot\.raster: expected a record with spikes, got 1\.v"):
        plot.raster(snn.Record({"1.v": record["1.v"]}))


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_raster_refuses_a_list_of_layers(kind):
    with pytest.raises(ArgumentError, match=r"got a \w+ of 2 arrays. Pass a dict from name to spikes"):
        plot.raster(kind([np.ones((5, 3)), np.ones((5, 4))]))
    assert plot.raster([[0, 1], [1, 0], [0, 0]]).lines
