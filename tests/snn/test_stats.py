"""Statistics of spike trains, against loops over single trains and the package elephant."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snn
from autograd import Tensor
from autograd.errors import ArgumentError, DTypeError, ShapeError


def naive_intervals(spikes):
    """The intervals of each train, one after the other, by walking through its steps."""
    found = []
    for train in spikes.reshape(len(spikes), -1).T:
        last, lengths = None, []
        for t, value in enumerate(train):
            if value != 0:
                if last is not None:
                    lengths.append(t - last)
                last = t
        found.append(lengths)
    return found


def poisson(seed=0, shape=(400, 6, 5), p=0.1):
    return (np.random.default_rng(seed).random(shape) < p).astype(np.float32)


@given(st.integers(0, 10_000), st.floats(0.0, 1.0), st.sampled_from([(1, 1), (7, 2), (20, 2, 3), (9, 1, 2, 2)]))
def test_they_equal_loops(seed, p, shape):
    spikes = 1.5 * poisson(seed, shape, p)
    trains = naive_intervals(spikes)
    np.testing.assert_array_equal(snn.stats.intervals(spikes), [length for train in trains for length in train])
    expected = [np.std(train) / np.mean(train) if len(train) > 1 else np.nan for train in trains]
    np.testing.assert_allclose(snn.stats.cv(spikes), np.reshape(expected, shape[1:]), atol=1e-12)
    if shape[1] > 1:
        counts = (spikes != 0).sum(0)
        means = counts.mean(0)
        expected = np.divide(counts.var(0), means, out=np.full(np.shape(means), np.nan), where=means > 0)
        np.testing.assert_allclose(snn.stats.fano_factor(spikes), expected)


def test_intervals_are_in_the_unit_of_dt():
    spikes = poisson()
    assert snn.stats.intervals(spikes).size > 1000
    np.testing.assert_allclose(snn.stats.intervals(spikes, dt=0.1), 0.1 * snn.stats.intervals(spikes))


def test_a_clock_is_regular_and_a_poisson_train_nearly_geometric():
    clock = np.zeros((100, 3, 2))
    clock[::7] = 1
    assert (snn.stats.cv(clock) == 0).all()
    assert (snn.stats.fano_factor(clock) == 0).all()
    spikes = poisson(1, (20_000, 4, 2), 0.05)
    np.testing.assert_allclose(snn.stats.cv(spikes), np.sqrt(1 - 0.05), atol=0.1)  # of a geometric distribution
    np.testing.assert_allclose(snn.stats.fano_factor(spikes, window=100), 1 - 0.05, atol=0.25)  # of a binomial one


def test_a_neuron_of_a_run_has_them():
    net = snn.LIFNode(beta=0.9)
    x = np.random.default_rng(0).uniform(0, 0.5, (200, 3, 4)).astype(np.float32)
    spikes, _, record = snn.run(net, x, record="spike", mode="eager")
    assert np.isfinite(snn.stats.cv(spikes)).all()
    np.testing.assert_array_equal(snn.stats.cv(spikes), snn.stats.cv(record["spike"].asnumpy()))
    assert snn.stats.cv(Tensor(x)).shape == (3, 4)


def test_windows_lie_one_behind_the_other_and_what_is_left_does_not_count():
    spikes = np.zeros((10, 1, 1))
    spikes[[0, 1, 2, 4, 9]] = 1  # 3, 1 and 0 in windows of three steps, and one that is left
    counts = np.array([3, 1, 0])
    np.testing.assert_allclose(snn.stats.fano_factor(spikes, window=3), [counts.var() / counts.mean()])


def test_what_cannot_be_known_is_nan():
    spikes = np.zeros((10, 2, 3))
    spikes[[2, 5], 0, 1] = 1  # one interval
    assert np.isnan(snn.stats.cv(spikes)).all()
    np.testing.assert_array_equal(np.isnan(snn.stats.fano_factor(spikes)), [True, False, True])
    assert snn.stats.intervals(np.zeros((4, 2))).shape == (0,)


@pytest.mark.parametrize("function", [snn.stats.intervals, snn.stats.cv, snn.stats.fano_factor])
def test_what_is_no_spikes_is_refused(function):
    for wrong in (np.ones(5), np.ones((0, 2)), np.ones((5, 0)), 3):
        with pytest.raises(ShapeError, match=rf"snn\.stats\.{function.__name__}, spikes: expected \[T, N, \.\.\.\], got"):
            function(wrong)
    with pytest.raises(DTypeError, match=rf"snn\.stats\.{function.__name__}, spikes"):
        function("spikes")


def test_arguments_that_make_no_sense_are_refused():
    spikes = poisson()
    for dt in (0, -1, np.nan, True, "ms"):
        with pytest.raises(ArgumentError, match="expected dt to be a positive number"):
            snn.stats.intervals(spikes, dt=dt)
    for window in (0, 401, 2.0, True):
        with pytest.raises(ArgumentError, match="expected window to be a whole number from 1 to 400"):
            snn.stats.fano_factor(spikes, window=window)
    with pytest.raises(ShapeError, match="expected two counts or more, got 1 window of 1 sample"):
        snn.stats.fano_factor(spikes[:, :1])


@pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity")  # elephant passes it
def test_they_equal_elephants():
    statistics = pytest.importorskip("elephant.statistics", reason="comes with the extra 'test'")
    neo = pytest.importorskip("neo", reason="comes with the extra 'neo'")
    pq = pytest.importorskip("quantities", reason="comes with the extra 'neo'")
    dt, spikes = 0.5, poisson(3, (300, 8, 3), 0.07)
    trains = [
        [neo.SpikeTrain(dt * np.flatnonzero(spikes[:, i, j]), units=pq.ms, t_stop=300 * dt) for i in range(8)]
        for j in range(3)
    ]
    isi = [[statistics.isi(train) for train in row] for row in trains]
    expected = np.concatenate([isi[j][i].rescale(pq.ms).magnitude for i in range(8) for j in range(3)])
    np.testing.assert_allclose(snn.stats.intervals(spikes, dt=dt), expected)
    assert expected.size > 300
    np.testing.assert_allclose(snn.stats.cv(spikes).T, [[statistics.cv(lengths) for lengths in row] for row in isi])
    np.testing.assert_allclose(snn.stats.fano_factor(spikes), [statistics.fanofactor(row) for row in trains])
