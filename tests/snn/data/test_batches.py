"""Batches: order, padding, transforms, the reading thread; the same bits from the same generator."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snn
from autograd import nn
from autograd.errors import ArgumentError, DataError, DTypeError, ShapeError
from snn.data import Dataset, Events, pad, wrap
from snn.data.sources import Arrays, Source
from snn.data.transforms import Drop, TimeBins, TimeJitter


def numbers(count=10):
    return Dataset(Arrays(np.arange(count, dtype=np.float32)[:, None], np.arange(count)), kind="static", name="numbers")


def sequences(lengths):
    class Ones(Source):
        def read(self, place):
            return np.full((lengths[place], 2), place + 1, np.float32), self.label(place)

    return Dataset(Ones(np.arange(len(lengths))), kind="sequence", name="sequences")


def order(batches):
    return [batch.labels.tolist() for batch in batches]


def rng(seed=0):
    return np.random.default_rng(seed)


def test_without_a_generator_the_order_is_that_of_the_data():
    assert order(numbers().batches(4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert order(numbers().batches(4, drop_last=True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert (len(numbers().batches(4)), len(numbers().batches(4, drop_last=True))) == (3, 2)
    assert order(numbers().batches(4, rng(), shuffle=False)) == order(numbers().batches(4))


def test_a_generator_draws_the_order_anew_for_each_pass():
    batches = numbers(50).batches(7, rng())
    first, second = order(batches), order(batches)
    assert first != second
    for one in (first, second):
        assert sorted(n for batch in one for n in batch) == list(range(50))
    again = numbers(50).batches(7, rng())
    assert [order(again), order(again)] == [first, second]


@pytest.mark.parametrize("prefetch", [0, 1, 5, 100])
def test_a_thread_ahead_makes_the_same_batches(prefetch):
    events = [(Events(np.arange(50) * 10, np.arange(50) % 5, shape=(5,)), n) for n in range(11)]
    data = wrap(events).map(TimeJitter(30.0), Drop(0.3), TimeBins(100))
    plain, ahead = (list(data.batches(4, rng(3), prefetch=p)) for p in (0, prefetch))
    for one, other in zip(plain, ahead, strict=True):
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)


def test_an_epoch_goes_on_from_a_batch():
    data = numbers(20).map(lambda x: x)
    whole = order(data.batches(3, rng(5)))
    batches = data.batches(3, rng(5), start=4)
    assert len(batches) == 3
    assert order(batches) == whole[4:]
    assert order(data.batches(3, rng(5), start=99)) == []


def test_the_batches_depend_on_the_generator_when_the_pass_begins_alone():
    events = [(Events(np.arange(9), np.zeros(9, int), shape=(1,)), n) for n in range(6)]
    data, drawn = wrap(events).map(Drop(0.5), TimeBins(1, T=9)), rng(1)
    batches = []
    for batch in data.batches(2, drawn):
        drawn.random()  # what others draw in between
        batches.append(batch.x)
    for one, other in zip(batches, data.batches(2, rng(1)), strict=True):
        np.testing.assert_array_equal(one, other.x)


def test_shorter_sequences_are_padded_and_masked_as_the_run_wants_it():
    batch = next(iter(sequences([3, 1, 2]).batches(3)))
    assert batch.x[:, :, 0].tolist() == [[1, 2, 3], [1, 0, 3], [1, 0, 0]]
    assert batch.mask.tolist() == [[True, True, True], [True, False, True], [True, False, False]]
    net = nn.SequentialCell(nn.Dense(2, 4, rng=rng()), snn.LIFNode(beta=0.5))
    out = snn.run(net, batch.x, mask=batch.mask, mode="eager").out
    assert out.shape == (3, 3, 4)
    assert next(iter(sequences([2, 2]).batches(2))).mask is None


@given(st.lists(st.integers(0, 6), min_size=1, max_size=6))
def test_padding_keeps_every_value(lengths):
    x, mask = pad([np.full((n, 2), i + 1.0) for i, n in enumerate(lengths)])
    assert x.shape == (max(lengths), len(lengths), 2)
    whole = np.ones(x.shape[:2], bool) if mask is None else mask
    assert whole.sum(0).tolist() == lengths
    assert (x.sum((0, 2)) == [2 * n * (i + 1) for i, n in enumerate(lengths)]).all()


def test_what_cannot_be_put_side_by_side_is_refused():
    with pytest.raises(ShapeError, match=r"data.pad: expected sequences \[T, ...\] that differ in length only"):
        pad([np.ones((2, 3)), np.ones((2, 4))])
    for wrong in ([], [np.float32(1)], [np.ones(2), np.ones(2, np.float32)]):
        with pytest.raises(ShapeError, match=r"data\.pad"):
            pad(wrong)
    data = wrap([(np.ones(2), 0), (np.ones(3), 1)], kind="static")
    with pytest.raises(ShapeError, match="list, batches: expected samples of one shape"):
        list(data.batches(2))


@pytest.mark.parametrize("option", [{"size": 0}, {"size": 2.0}, {"prefetch": -1}, {"start": True}])
def test_options_that_cannot_be_are_refused(option):
    with pytest.raises(ArgumentError, match=f"numbers, batches: expected {next(iter(option))}, an int of at least"):
        numbers().batches(**{"size": 2} | option)


def test_events_are_no_batch():
    data = wrap([(Events([0], [0], shape=(1,)), 0)])
    with pytest.raises(ArgumentError, match=r"Make frames first: dataset.map\(snn.data.transforms.TimeBins\(1000\)\)"):
        data.batches(1)


def test_shuffling_needs_a_generator():
    with pytest.raises(DTypeError, match="to shuffle with"):
        numbers().batches(2, shuffle=True)
    with pytest.raises(DTypeError, match=r"a numpy.random.Generator, got int 3. Make one: np.random.default_rng\(seed\)"):
        numbers().batches(2, 3)


def test_an_error_in_the_thread_is_the_error_of_the_loop():
    def broken(x):
        if x[0] == 5:
            raise DataError("here", "whole", "broken", "Fix.")
        return x

    seen = []
    with pytest.raises(DataError, match="here: expected whole"):
        seen.extend(batch.labels.tolist() for batch in numbers().map(broken).batches(2, prefetch=3))
    assert seen == [[0, 1], [2, 3]]


def test_leaving_the_loop_ends_the_thread_and_reads_no_further():
    read = []

    def slow(x):
        read.append(x)
        time.sleep(0.001)
        return x

    before = threading.active_count()
    for _ in numbers(1000).map(slow).batches(2, prefetch=3):
        break
    assert threading.active_count() == before
    assert len(read) <= 2 * 6


@pytest.mark.parametrize("prefetch", [0, 2])
def test_parts_of_batches_are_read_apart_and_make_the_whole(prefetch):
    read = []

    class Counted(Source):
        def read(self, place):
            read.append(place)
            return np.float32([place]), self.label(place)

    data = Dataset(Counted(np.arange(9)), kind="static", name="counted")
    whole = order(data.batches(4, rng(5)))
    halves = []
    for cut in (lambda n: slice(0, -(-n // 2)), lambda n: slice(-(-n // 2), n)):
        read.clear()
        parts = data.batches(4, rng(5), prefetch=prefetch).parts(cut)
        assert len(parts) == 3
        halves.append([[] if batch is None else batch.labels.tolist() for batch in parts])
        assert len(read) == sum(map(len, halves[-1]))  # nothing else
    assert [first + second for first, second in zip(*halves, strict=True)] == whole
    assert halves[1][-1] == []  # of one sample
