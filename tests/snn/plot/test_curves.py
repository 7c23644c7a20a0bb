from __future__ import annotations

import numpy as np
import pytest

from autograd.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from snn import plot
from tests.snn.plot.drawn import curves

RUNS = np.random.default_rng(0).random((5, 7))


def band(panel):
    (shade,) = panel.collections
    vertices = shade.get_paths()[0].vertices
    return [(vertices[vertices[:, 0] == at, 1].min(), vertices[vertices[:, 0] == at, 1].max()) for at in range(1, 8)]


@pytest.mark.parametrize(
    ("spread", "low", "high"),
    [
        ("std", RUNS.mean(0) - RUNS.std(0, ddof=1), RUNS.mean(0) + RUNS.std(0, ddof=1)),
        ("sem", RUNS.mean(0) - RUNS.std(0, ddof=1) / 5**0.5, RUNS.mean(0) + RUNS.std(0, ddof=1) / 5**0.5),
        ("range", RUNS.min(0), RUNS.max(0)),
    ],
)
def test_a_curve_is_a_mean_in_a_band(spread, low, high):
    panel = plot.curves(RUNS, spread=spread, labels=("Epoch", "Loss"))
    np.testing.assert_allclose(curves(panel)["5 seeds"].get_xydata(), np.stack([np.arange(1, 8), RUNS.mean(0)], axis=1))
    np.testing.assert_allclose(band(panel), np.stack([low, high], axis=1))
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("Epoch", "Loss")


def test_several_are_told_apart_and_a_single_seed_has_no_band():
    panel = plot.curves({"ours": RUNS, "theirs": RUNS[:1]}, x=np.linspace(0, 1, 7))
    assert list(curves(panel)) == ["ours (5 seeds)", "theirs (1 seed)"]
    assert len(panel.collections) == 1
    assert len({line.get_color() for line in curves(panel).values()}) == 2
    np.testing.assert_array_equal(curves(panel)["theirs (1 seed)"].get_xdata(), np.linspace(0, 1, 7))


def test_a_value_that_there_is_not_does_not_count():
    runs = RUNS.copy()
    runs[3:, 4:] = np.nan
    runs[:, 6] = np.nan
    line = curves(plot.curves(runs))["5 seeds"]
    np.testing.assert_allclose(line.get_ydata(), [*RUNS[:, :4].mean(0), *RUNS[:3, 4:6].mean(0)])


@pytest.mark.parametrize(
    ("runs", "arguments", "error", "message"),
    [
        (np.ones(5), {}, ShapeError, r"runs of shape \[seeds, points\].* One seed is values\[None\]"),
        ({"a": RUNS, "b": RUNS[:, :3]}, {}, ShapeError, "with 7 points"),
        (RUNS, {"x": [1, 2]}, ShapeError, r"with 7 points, got \(2,\) and \(5, 7\)"),
        ({}, {}, ArgumentError, "a curve, got none"),
        (RUNS, {"spread": "both"}, ArgumentError, "spread 'std', 'sem' or 'range'"),
        (RUNS, {"labels": "x"}, DTypeError, "labels to be two strings"),
    ],
)
def test_what_cannot_be_drawn_is_refused(runs, arguments, error, message):
    with pytest.raises(error, match=r"snn\.plot\.curves: expected .*" + message):
        plot.curves(runs, **arguments)


def test_infinity_is_refused_and_nan_is_a_run_that_is_shorter():
    with pytest.raises(NonFiniteError, match=r"snn\.plot\.curves, a: expected finite values, .* got inf at \[1, 2\]"):
        plot.curves({"a": [[1, 0.5, 0.2], [1, 0.6, np.inf]]})
    panel = plot.curves([[1, 0.5, 0.25], [1, 0.7, np.nan]])
    np.testing.assert_allclose(curves(panel)["2 seeds"].get_ydata(), [1, 0.6, 0.25])
