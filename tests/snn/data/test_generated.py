"""Generated sets: the same bits from the same seed, with the properties of their descriptions."""

import numpy as np
import pytest

import snn
from autograd.errors import ArgumentError, DTypeError, ShapeError
from snn.data import (
    delayed_spikes,
    evidence_accumulation,
    mackey_glass,
    mackey_glass_series,
    poisson_patterns,
    randman,
    store_recall,
    yin_yang,
)

SMALL = {
    "yin_yang": lambda seed: yin_yang(seed, train=60, validation=9, test=9),
    "randman": lambda seed: randman(seed, train=40, validation=10, test=10, classes=4, units=7, T=30, dim=1, spikes=2),
    "poisson_patterns": lambda seed: poisson_patterns(seed, train=20, test=10, classes=3, units=8, T=25),
    "delayed_spikes": lambda seed: delayed_spikes(
        seed, train=20, test=10, channels=5, T=30, longest=12, jitter=1.0, noise=0.01
    ),
    "evidence_accumulation": lambda seed: evidence_accumulation(
        seed, train=20, test=10, cue=10, pause=5, delay=20, recall=15, neurons=8
    ),
    "store_recall": lambda seed: store_recall(seed, train=20, test=10, symbols=4, symbol=10, neurons=8),
}


def bits(splits):
    return [(name, x.tobytes(), label) for name, part in splits.items() for x, label in part]


@pytest.mark.parametrize("name", SMALL)
def test_the_same_seed_makes_the_same_bits_in_any_order(name):
    make = SMALL[name]
    whole = bits(make(3))
    assert whole == bits(make(np.random.default_rng(3)))
    assert whole != bits(make(4))
    again = make(3)
    first = next(iter(again))
    for place in (5, 2, 5):
        x, label = again[first][place]
        assert (first, x.tobytes(), label) == whole[place]


@pytest.mark.parametrize("name", SMALL)
def test_batches_are_float32_and_go_into_a_run(name):
    part = SMALL[name](0)["train"]
    batch = next(iter(part.batches(6, np.random.default_rng(0), prefetch=1)))
    assert (batch.x.dtype, batch.labels.dtype, batch.mask) == (np.float32, np.int64, None)
    assert 0 <= batch.x.min() <= batch.x.max() <= 1
    assert batch.labels.max() < len(part.classes)
    x = batch.x if part.kind == "sequence" else snn.encode.latency(batch.x, 8)
    assert snn.run(snn.LIFNode(beta=0.9), x, mode="eager").out.shape == x.shape
    if part.kind == "sequence":
        assert set(np.unique(batch.x)) == {0, 1}


@pytest.mark.parametrize("make", [yin_yang, randman, poisson_patterns, delayed_spikes, evidence_accumulation, store_recall])
def test_options_that_cannot_be_are_refused(make):
    for seed in (None, -1, "one", True, 1.5):
        with pytest.raises(DTypeError, match=rf"data\.{make.__name__}: expected a seed of at least 0 or a numpy"):
            make(seed)
    for count in (0, 1.5, True, None):
        with pytest.raises(ArgumentError, match=f"{make.__name__}: expected train, an int of at least 1"):
            make(0, train=count)


# Yin-Yang


def test_points_lie_where_their_class_is():
    for x, label in SMALL["yin_yang"](1).train:
        px, py = x[:2].astype(float)
        np.testing.assert_allclose(x[2:], 1 - x[:2], atol=1e-6)
        right, left = np.hypot(px - 0.75, py - 0.5), np.hypot(px - 0.25, py - 0.5)
        assert np.hypot(px - 0.5, py - 0.5) <= 0.5 + 1e-6
        if label == 2:
            assert min(right, left) < 0.1 + 1e-6
        else:
            yang = right <= 0.1 or 0.1 < left <= 0.25 or (py > 0.5 and right > 0.25)
            assert label == int(yang)


def test_the_published_points_are_those_of_the_authors_program():
    # The first values that numpy's older generator gives for seed 42: class 2, and points until one lies in a dot.
    old = np.random.RandomState(42)
    assert old.randint(3) == 2
    while True:
        px, py = old.rand(2) * 2.0 * 0.5
        if min(np.hypot(px - 0.75, py - 0.5), np.hypot(px - 0.25, py - 0.5)) < 0.1:
            break
    data = yin_yang("published", train=50, validation=1, test=1)
    x, label = data.train[0]
    np.testing.assert_array_equal(x, np.array([px, py, 1 - px, 1 - py], np.float32))
    assert label == 2
    assert bits(data) == bits(yin_yang("published", train=50, validation=1, test=1))


def test_classes_are_equally_many_and_points_uniform():
    data = yin_yang(0, train=9000).train
    assert np.bincount(data.labels).tolist() == [3000] * 3
    dots = np.array([x for x, label in data if label == 2])
    assert abs((dots[:, 0] < 0.5).mean() - 0.5) < 0.03
    with pytest.raises(ArgumentError, match="r_small below r_big / 2"):
        yin_yang(0, r_small=0.3)


# Randman


def test_every_unit_spikes_as_often_in_every_sample():
    data = randman(0, train=30, validation=5, test=5, classes=3, units=6, T=500, dim=1).train
    x = next(iter(data.batches(30))).x
    assert (x.sum(0) == 1).all()
    assert np.bincount(randman(0, train=24, validation=3, test=3, classes=3, units=6).train.labels).sum() == 24


def test_times_lie_on_smooth_curves():
    # On a manifold of one dimension, samples that are close in one unit's time on a monotone piece are close in all: here the
    # distance to the nearest neighbour falls as there are more samples.
    def nearest(count):
        data = randman(1, train=count, validation=1, test=1, classes=1, units=10, T=10_000, dim=1).train
        times = np.array([x.argmax(0) for x, _ in data])
        gaps = np.abs(times[:, None] - times).max(2) + 1e9 * np.eye(count)
        return np.median(gaps.min(1))

    assert nearest(200) < nearest(20) / 4


# Mackey-Glass


def test_the_series_is_that_of_a_fine_euler_solution():
    steps, h = 200, 1e-3
    back = round(17 / h)
    v = np.full(back + round(steps / h) + 1, 0.7206597)
    for i in range(back, len(v) - 1):
        v[i + 1] = v[i] + h * (0.2 * v[i - back] / (1 + v[i - back] ** 10) - 0.1 * v[i])
    series = mackey_glass_series(points=steps + 1, spacing=1.0)
    np.testing.assert_allclose(series, v[back :: round(1 / h)], atol=2e-3)


def test_it_converges_with_other_spacings():
    fine = mackey_glass_series(points=301, spacing=1.0)
    np.testing.assert_allclose(mackey_glass_series(points=151, spacing=2.0), fine[::2], rtol=1e-12)
    np.testing.assert_allclose(mackey_glass_series(points=601, spacing=0.5)[::2], fine, rtol=1e-12)


def test_windows_are_followed_by_what_is_predicted():
    splits = mackey_glass(20, window=30, train=40, test=20, offset=5)
    series = mackey_glass_series(20, points=95, spacing=131 / 75, start=0.9225991)[5:].astype(np.float32)
    assert repr(splits) == "<mackey_glass: train 40, test 20>"
    for n in (0, 39):
        np.testing.assert_array_equal(splits.train[n].x[:, 0], series[n : n + 30])
        np.testing.assert_array_equal(splits.train[n].label, series[[n + 30]])
    np.testing.assert_array_equal(splits.test[0].label, series[[70]])
    batch = next(iter(splits.test.batches(8)))
    assert (batch.x.shape, batch.labels.shape, batch.labels.dtype) == ((30, 8, 1), (8, 1), np.float32)
    own = mackey_glass(series=np.arange(100.0), window=2, train=3, test=2)
    assert own.test[1].label.tolist() == [6]


def test_series_that_cannot_be_are_refused():
    with pytest.raises(ArgumentError, match="tau, an int from 17 to 30, got int 5"):
        mackey_glass(5)
    with pytest.raises(ShapeError, match=r"\[points\] with at least 1550"):
        mackey_glass(series=np.zeros(10))
    with pytest.raises(ArgumentError, match="at most 1e8 steps"):
        mackey_glass_series(points=10**9, spacing=10.0)
    with pytest.raises(ArgumentError, match="a series that stays finite"):
        mackey_glass_series(1.0, beta=100.0, gamma=0.0, power=0.0, points=2000, spacing=1.0)
    with pytest.raises(ArgumentError, match=r"start in \[0, 100\]"):
        mackey_glass_series(start=-1.0)


# Poisson patterns and delayed sequences


def test_copies_resemble_their_pattern():
    data = poisson_patterns(0, train=40, test=1, classes=2, jitter=0.0, drop=0.0, noise=0.0).train
    for label in (0, 1):
        copies = {x.tobytes() for x, y in data if y == label}
        assert len(copies) == 1
    assert abs(data[0].x.mean() - 0.02) < 0.005
    with pytest.raises(ArgumentError, match=r"drop in \[0, 1\]"):
        poisson_patterns(0, drop=2.0)


def test_delays_are_those_of_the_class_wherever_it_begins():
    data = delayed_spikes(0, train=60, test=1, classes=3).train
    delays = {}
    for x, label in data:
        assert (x.sum(0) == 1).all()
        steps = x.argmax(0)
        np.testing.assert_array_equal(steps - steps[0], delays.setdefault(label, steps - steps[0]))
    assert len({tuple(d) for d in delays.values()}) == 3
    assert len({int(x.argmax(0)[0]) for x, _ in data}) > 10
    with pytest.raises(ArgumentError, match="longest below T=20, got 20"):
        delayed_spikes(0, T=20, longest=20)


# Evidence and store-recall, with every neuron of a group firing in every step


def test_the_label_is_the_side_with_more_cues():
    data = evidence_accumulation(0, train=50, test=1, cue=3, pause=2, delay=4, recall=5, neurons=4, rate=1.0, noise=0.0).train
    for x, label in data:
        assert x.shape == (7 * 5 + 9, 4)
        cues = x[:35].reshape(7, 5, 4)
        assert not cues[:, :2].any()
        assert (cues[:, 2:, :2].sum(2) == 1).all()
        assert (cues[:, 2, 1].sum() > 3) == label
        assert x[:, 2].tolist() == [0] * 39 + [1] * 5
    assert 15 < data.labels.sum() < 35
    assert evidence_accumulation(0, train=1).train[0].x.shape == (2250, 40)
    with pytest.raises(ArgumentError, match="neurons a multiple of 4 and cues odd, got 40 and 6"):
        evidence_accumulation(0, cues=6)


def test_the_label_is_the_bit_that_was_stored():
    data = store_recall(0, train=50, test=1, symbols=5, symbol=2, neurons=4, rate=1.0).train
    places = []
    for x, label in data:
        shown = x[::2]
        assert (x[1::2] == shown).all()
        (place,) = np.flatnonzero(shown[:, 2])
        places.append(place)
        assert shown[place, label] == 1
        assert (shown[:4, :2].sum(1) == 1).all()
        assert shown[4].tolist() == [0, 0, 0, 1]
    assert set(places) == {0, 1, 2, 3}
    with pytest.raises(ArgumentError, match="symbols, an int of at least 2"):
        store_recall(0, symbols=1)
    with pytest.raises(ArgumentError, match="neurons, a multiple of 4"):
        store_recall(0, neurons=6)
