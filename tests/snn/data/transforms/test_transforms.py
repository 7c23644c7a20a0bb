"""Transforms of events against plain loops, written from their descriptions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snn
from autograd.errors import ArgumentError, DTypeError
from snn.data import Events, transforms
from snn.data.transforms import (
    Crop,
    CropTime,
    Downsample,
    Drop,
    DropTime,
    EventFrames,
    FixedFrames,
    HotPixels,
    MergePolarity,
    SpaceJitter,
    TimeBins,
    TimeJitter,
)  # fmt: skip

SHAPES = (2, 5, 7), (1, 4, 3), (6,)


def some(seed=0, count=60, shape=(2, 5, 7), span=1000):
    rng = np.random.default_rng(seed)
    c, h, w = shape if len(shape) == 3 else (1, 1, shape[0])
    return Events(
        np.sort(rng.integers(0, span, count)),
        rng.integers(0, w, count),
        rng.integers(0, h, count),
        rng.integers(0, c, count),
        shape=shape,
    )


def rows(events):
    return list(zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), events.p.tolist(), strict=True))


def counted(events, frame_of, frames):
    """Count events into frames, one after another."""
    made = np.zeros((frames, *events.shape))
    for k, (t, x, y, p) in enumerate(rows(events)):
        f = frame_of(k, t)
        if f < frames:
            made[(f, x) if len(events.shape) == 1 else (f, p, y, x)] += 1
    return made


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, bool])
@pytest.mark.parametrize("count", [0, 1, 60])
def test_frames_count_events(shape, dtype, count):
    events = some(count, count, shape)
    for transform, frame_of, frames in [
        (TimeBins(30, dtype=dtype), lambda k, t: t // 30, (events.first + events.duration) // 30 + 1),
        (TimeBins(30, 7 + events.first // 30, dtype=dtype), lambda k, t: t // 30, 7 + events.first // 30),
        (TimeBins(30, T=90, dtype=dtype), lambda k, t: t // 30, 90),
        (TimeBins(30, from_first=True, dtype=dtype), lambda k, t: (t - events.first) // 30, events.duration // 30 + 1),
        (FixedFrames(8, dtype=dtype), lambda k, t: (t - events.first) * 8 // (events.duration + 1), 8),
        (EventFrames(9, dtype=dtype), lambda k, t: k // 9, max(1, -(-count // 9))),
        (EventFrames(9, 3, dtype=dtype), lambda k, t: k // 9, 3),
        (EventFrames(9, 30, dtype=dtype), lambda k, t: k // 9, 30),
    ]:
        made, naive = transform(events), counted(events, frame_of, frames)
        assert made.dtype == dtype
        np.testing.assert_array_equal(made, naive > 0 if dtype is bool else naive, err_msg=repr(transform))


@given(st.integers(0, 400), st.integers(1, 2000), st.integers(1, 40))
def test_no_event_is_lost_and_none_is_made(count, step, frames):
    events = some(count, count)
    for transform in (TimeBins(step), FixedFrames(frames), EventFrames(step)):
        assert transform(events).sum() == count


@pytest.mark.parametrize(
    "transform",
    [FixedFrames(8), EventFrames(9), TimeBins(30, from_first=True), TimeBins(30, 9, from_first=True), HotPixels(2e3),
     DropTime(0.3)],
    ids=repr,
)  # fmt: skip
def test_a_recording_whose_clock_began_earlier_gives_the_same(transform):
    events, hour = some(7), 3_600_000_000
    late = Events(events.t + hour, events.x, events.y, events.p, shape=events.shape)
    assert late.duration == events.duration < hour == late.first - events.first
    made, shifted = (transform(e, *[np.random.default_rng(0)] * transform.random) for e in (events, late))
    if isinstance(made, Events):
        assert 0 < len(made) < len(events)
        made, shifted = rows(made), [(t - hour, *rest) for t, *rest in rows(shifted)]
    np.testing.assert_array_equal(made, shifted)


def test_bins_from_time_0_refuse_a_sample_that_is_later_than_all_of_them():
    late = Events([9_000, 9_500], [0, 1], shape=(2,))
    assert TimeBins(1000, T=10)(late).sum() == 2
    with pytest.raises(
        ArgumentError, match=r"events in the first 9,000 us, 9 bins, got the first at 9,000 us.*from_first=True"
    ):
        TimeBins(1000, T=9)(late)
    assert TimeBins(1000, T=9, from_first=True)(late)[0].tolist() == [1, 1]
    with pytest.raises(ArgumentError, match="from_first True or False, got int 1"):
        TimeBins(1000, from_first=1)


def test_frames_go_straight_into_a_run():
    data = snn.data.wrap([(some(n), n % 2) for n in range(6)]).map(Downsample(2), TimeBins(100, T=10))
    batch = next(iter(data.batches(6, np.random.default_rng(0))))
    assert (batch.x.shape, batch.x.dtype) == ((10, 6, 2, 3, 4), np.float32)
    assert snn.run(snn.LIFNode(beta=0.9), batch.x, mode="eager").out.shape == batch.x.shape


def test_frames_that_would_fill_the_memory_are_refused():
    late = Events([0, 1 << 61], [0, 0], shape=(2, 128, 128))
    with pytest.raises(ArgumentError, match="TimeBins: expected fewer bins"):
        TimeBins(1)(late)
    with pytest.raises(ArgumentError, match="TimeBins: expected at most 4 GiB of frames for a sample"):
        TimeBins(1 << 42)(late)
    assert TimeBins(1, T=3)(late).sum() == 1


def test_a_crop_counts_from_its_corner():
    events = some()
    cut = Crop(3, 4, top=1, left=2)(events)
    assert rows(cut) == [(t, x - 2, y - 1, p) for t, x, y, p in rows(events) if 1 <= y < 4 and 2 <= x < 6]
    assert cut.shape == (2, 3, 4)
    assert Crop(5, 7)(events).t.tolist() == events.t.tolist()
    assert Crop(1, 4)(some(shape=(6,))).shape == (4,)
    assert min(Crop(1, 1)(events).grid[1:]) == 1
    for wrong in (Crop(6, 7), Crop(5, 7, top=1), Crop(2, 2, left=6)):
        with pytest.raises(ArgumentError, match="Crop: expected a rectangle within 5 x 7"):
            wrong(events)


def test_downsampling_and_merging_keep_every_event():
    events = some()
    assert rows(Downsample(3)(events)) == [(t, x // 3, y // 3, p) for t, x, y, p in rows(events)]
    assert (Downsample(3)(events).shape, Downsample(4)(some(shape=(6,))).shape) == ((2, 2, 3), (2,))
    assert Downsample(99999)(events).shape == (2, 1, 1)
    assert rows(MergePolarity()(events)) == [(t, x, y, 0) for t, x, y, p in rows(events)]
    assert MergePolarity()(events).shape == (1, 5, 7)
    assert MergePolarity()(some(shape=(6,))).shape == (6,)


def test_pixels_that_fire_too_often_are_left_out():
    events = Events(np.arange(0, 100_000, 1000), [0] * 60 + list(range(1, 5)) * 10, [0] * 100, [0, 1] * 50, shape=(2, 2, 5))
    assert set(HotPixels(200.0)(events).x.tolist()) == {1, 2, 3, 4}
    assert HotPixels(1000.0)(events) is events
    assert len(HotPixels(1.0)(Events([], [], shape=(3,)))) == 0


def test_a_stretch_of_time_counts_from_its_beginning():
    events = some()
    assert rows(CropTime(200, 300)(events)) == [(t - 200, x, y, p) for t, x, y, p in rows(events) if 200 <= t < 500]
    assert rows(CropTime(200)(events)) == [(t - 200, x, y, p) for t, x, y, p in rows(events) if t >= 200]


@pytest.mark.parametrize("transform", [Drop(0.4), DropTime(0.3), TimeJitter(50.0), SpaceJitter(1.0)], ids=repr)
def test_random_transforms_repeat_with_the_seed_and_leave_their_input(transform):
    events = some(count=500)
    before = rows(events)
    one, two, other = (transform(events, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert rows(one) == rows(two) != rows(other)
    assert rows(events) == before
    assert transform.random
    assert 0 < len(one) <= 500
    Events(one.t, one.x, one.y, one.p, shape=one.shape)  # which checks the order and the places


@pytest.mark.parametrize("transform", [Drop(0.0), DropTime(0.0), TimeJitter(0.0), SpaceJitter(0.0)], ids=repr)
def test_a_random_transform_of_size_zero_changes_nothing(transform):
    assert rows(transform(some(), np.random.default_rng(0))) == rows(some())


def test_random_transforms_move_and_drop_as_much_as_they_say():
    events = some(count=20_000, shape=(2, 100, 100), span=10**6)
    rng = np.random.default_rng(0)
    assert abs(len(Drop(0.25)(events, rng)) / 20_000 - 0.75) < 0.01
    assert len(Drop(1.0)(events, rng)) == 0
    dropped = DropTime(0.25)(events, rng)
    assert abs(len(dropped) / 20_000 - 0.75) < 0.02
    assert np.diff(dropped.t).max() > 240_000
    middle = Crop(60, 60)(events)
    moved = SpaceJitter(2.0)(Events(middle.t, middle.x + 20, middle.y + 20, middle.p, shape=(2, 100, 100)), rng)
    assert abs((moved.x - (middle.x + 20)).std() - 2.0) < 0.1
    assert (SpaceJitter(1.0)(some(shape=(6,)), rng).y == 0).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: TimeBins(0), lambda: TimeBins(1.5), lambda: TimeBins(10, T=0), lambda: FixedFrames(0),
        lambda: EventFrames(True), lambda: TimeBins(10, dtype=np.int32), lambda: Crop(0, 1), lambda: Crop(1, 1, top=-1),
        lambda: Downsample(0), lambda: Drop(1.5), lambda: Drop(float("nan")), lambda: TimeJitter(-1.0),
        lambda: SpaceJitter("a"), lambda: HotPixels(-1.0), lambda: CropTime(-1), lambda: CropTime(0, 0), lambda: DropTime(2),
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(make):
    with pytest.raises(ArgumentError, match=r"expected .+, got .+\."):
        make()


EVERY = [
    TimeBins(10), FixedFrames(3), EventFrames(5), Crop(1, 1), Downsample(2), MergePolarity(), HotPixels(1.0),
    SpaceJitter(1.0), CropTime(1), TimeJitter(1.0), Drop(0.1), DropTime(0.1),
]  # fmt: skip


@pytest.mark.parametrize("transform", EVERY, ids=repr)
def test_what_is_no_event_is_refused_and_no_event_is_fine(transform):
    rng = [np.random.default_rng(0)] if transform.random else []
    with pytest.raises(DTypeError, match=r"expected snn.data.Events, got ndarray \[3\] Float64"):
        transform(np.zeros(3), *rng)
    assert len(transform(Events([], [], shape=(2, 3, 4)), *rng)) <= 3


def test_every_transform_is_tested_here_and_prints_as_it_is_made():
    assert {type(t).__name__ for t in EVERY} | {"Transform"} == set(transforms.__all__)
    assert repr(Crop(1, 2)) == "Crop(height=1, width=2, top=None, left=None)"
