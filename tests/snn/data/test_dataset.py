"""Data sets by index, in parts and transformed; and their errors."""

import pickle

import numpy as np
import pytest

import snn
from autograd.errors import ArgumentError, DTypeError, PositionError, ShapeError, UnknownNameError
from snn.data import Dataset, Events, Splits
from snn.data.sources import Arrays, Source
from snn.data.transforms import Drop, TimeBins

X = np.arange(20, dtype=np.float32).reshape(10, 2)
Y = np.arange(10) % 3


def some(kind="static", x=X, y=Y):
    return Dataset(Arrays(x, y), kind=kind, classes=("a", "b", "c"), name="some")


def test_a_sample_is_a_pair_by_name_or_by_order():
    x, label = sample = some()[4]
    assert (x.tolist(), label, sample.label) == ([8, 9], 1, 1)
    assert type(label) is int
    assert some()[-1].x.tolist() == [18, 19]
    assert [s.label for s in some()] == Y.tolist()


@pytest.mark.parametrize("index", [slice(2, 8, 3), [2, 5], np.array([2, 5]), np.isin(np.arange(10), [2, 5])])
def test_parts_are_data_sets_that_share_the_source(index):
    part = some()[index]
    assert [s.x.tolist() for s in part] == [[4, 5], [10, 11]]
    assert part.labels.tolist() == [2, 2]
    assert part.source is part[:1].source
    assert part[1:][0].x.tolist() == [10, 11]


def test_an_empty_part_is_a_data_set():
    assert len(some()[[]]) == len(some()[:0]) == 0
    assert some()[:0].labels.tolist() == []
    assert list(some()[:0].batches(3)) == []


@pytest.mark.parametrize("index", [10, -11, [10], "a", np.ones(3, bool), 1.5])
def test_an_invalid_index_is_refused(index):
    with pytest.raises((PositionError, TypeError), match=r"some: expected|len\(\)"):
        some()[index]


def test_transforms_are_applied_in_turn_when_a_sample_is_read():
    calls = []
    data = some().map(lambda x: calls.append(1) or x + 1).map(lambda x: x * 2)
    assert calls == []
    assert data[0].x.tolist() == [2, 4]
    assert len(calls) == 1
    assert some()[0].x.tolist() == [0, 1]


class Noise:
    random = True

    def __call__(self, x, rng):
        return x + rng.random(x.shape)


def test_a_transform_that_draws_needs_a_generator_and_gives_the_same_for_the_same():
    data = some().map(Noise())
    with pytest.raises(ArgumentError, match=r"some: expected a generator, since .+ Use dataset\.sample"):
        data[0]
    with pytest.raises(ArgumentError, match="a generator"):
        data.batches(2)
    with pytest.raises(DTypeError, match=r"numpy\.random\.Generator"):
        data.sample(0, 3)
    first, second = (data.sample(0, np.random.default_rng(1)).x for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_kind_follows_what_a_transform_gives():
    events = Events([0, 5], [1, 0], shape=(3,))
    data = snn.data.wrap([(events, 0)])
    assert (data.kind, data.map(TimeBins(2)).kind, data.map(Drop(0.5)).kind) == ("events", "sequence", "events")
    assert repr(data.map(Drop(0.5))) == "<list: 1 samples, events>.map(Drop(share=0.5))"


def test_what_is_no_transform_or_no_kind_is_refused():
    with pytest.raises(DTypeError, match="some, map: expected callables, got int 3"):
        some().map(3)
    with pytest.raises(ArgumentError, match="kind among events, sequence, static"):
        some("images")


def test_a_split_shares_out_every_class():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    data = some(x=np.arange(160.0), y=labels)
    first, rest = data.split(0.8, np.random.default_rng(0))
    assert np.bincount(first.labels).tolist() == [80, 40, 8]
    assert sorted([s.x for s in first] + [s.x for s in rest]) == list(range(160))
    again, _ = data.split(0.8, np.random.default_rng(0))
    assert first.labels.tolist() == again.labels.tolist()
    assert [s.x for s in first] == [s.x for s in again]
    with pytest.raises(ArgumentError, match=r"a share in \(0, 1\)"):
        data.split(1.0, np.random.default_rng(0))
    with pytest.raises(DTypeError, match="Generator"):
        data.split(0.5, 0)


def test_splits_are_items_and_attributes():
    splits = Splits("some", train=some(), test=some()[:3])
    assert splits.train is splits["train"]
    assert (list(splits), len(splits), repr(splits)) == (["train", "test"], 2, "<some: train 10, test 3>")
    assert len(splits.map(lambda x: x).test.transforms) == 1
    assert "train" in dir(splits)
    with pytest.raises(PositionError, match="some: expected a split among train, test, got 'dev'"):
        splits["dev"]
    with pytest.raises(UnknownNameError, match="expected a split among train, test, got dev"):
        splits.dev  # noqa: B018
    assert not hasattr(splits, "_nothing")


def test_splits_can_be_pickled():
    again = pickle.loads(pickle.dumps(snn.data.yin_yang(0, train=9)))
    assert again.train[3].x.tolist() == snn.data.yin_yang(0, train=9).train[3].x.tolist()


def test_a_source_knows_its_labels_or_reads_them():
    class Odd(Source):
        def read(self, place):
            return place, place % 2

    source = Odd(None, 4)
    assert Dataset(source, kind="static").labels.tolist() == [0, 1, 0, 1]
    with pytest.raises(NotImplementedError):
        Source(np.zeros(2)).read(0)
    with pytest.raises(ShapeError, match="a label for each of 10 samples"):
        Arrays(X, Y[:3])
