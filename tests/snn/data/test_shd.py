"""SHD and SSC: HDF5 files as they are published."""

import sys

import numpy as np
import pytest

import snn
from autograd.errors import MissingExtraError
from snn.data import shd, ssc
from snn.data.transforms import TimeBins
from tests.snn.data.formats import cochlea, refused

h5py = pytest.importorskip("h5py", reason="comes with the extra 'data'")

TIMES = [[0.25, 0.5], [], [0.125, 0.0625, 1.0]]
UNITS = [[0, 699], [], [5, 6, 7]]


@pytest.fixture
def place(tmp_path):
    for split in ("train", "test"):
        keys = [f"w{n}" for n in range(20)]
        cochlea(tmp_path / f"shd_{split}.h5", TIMES, UNITS, [3, 0, 19], [4, 5, 6], keys)
    return tmp_path


def test_samples_are_events_in_700_channels_in_microseconds(place):
    splits = shd(place)
    data = splits.train
    assert (repr(splits), data.labels.tolist(), data.classes[19]) == ("<shd: train 3, test 3>", [3, 0, 19], "w19")
    events, label = data[0]
    assert (events.t.tolist(), events.x.tolist(), events.shape, label) == ([250_000, 500_000], [0, 699], (700,), 3)
    assert len(data[1].x) == 0
    assert (data[2].x.t.tolist(), data[2].x.x.tolist()) == ([62_500, 125_000, 1_000_000], [6, 5, 7])
    assert data.source.speakers().tolist() == [4, 5, 6]


def test_batches_go_into_a_run_and_a_thread_reads_too(place):
    data = shd(place).train.map(TimeBins(100_000))
    plain, ahead = (list(data.batches(2, np.random.default_rng(0), prefetch=n)) for n in (0, 2))
    for one, other in zip(plain, ahead, strict=True):
        np.testing.assert_array_equal(one.x, other.x)
        assert one.x.shape[2] == 700
    out = snn.run(snn.LIFNode(beta=0.9), plain[0].x, mask=plain[0].mask, mode="eager").out
    assert out.shape == plain[0].x.shape


def test_ssc_has_three_splits_and_numbers_where_there_are_no_names(tmp_path):
    for split in ("train", "valid", "test"):
        cochlea(tmp_path / f"ssc_{split}.h5", TIMES, UNITS, [34, 0, 1])
    splits = ssc(tmp_path)
    assert (list(splits), splits.validation[0].label, splits.test.classes[34]) == (["train", "validation", "test"], 34, "34")


@pytest.mark.parametrize(
    "options", [{"chunks": (2,)}, {"chunks": (2,), "compression": "gzip"}, {"maxshape": (None,)}], ids=str
)
def test_other_layouts_of_the_rows_and_names_of_any_length_are_read(place, options):
    for name, rows, dtype in (("spikes/times", TIMES, np.float32), ("spikes/units", UNITS, np.int32)):
        with h5py.File(place / "shd_train.h5", "a") as file:
            del file[name]
            made = file.create_dataset(name, (3,), h5py.vlen_dtype(dtype), **options)
            for n, row in enumerate(rows):
                made[n] = np.asarray(row, dtype)
    rewrite(place / "shd_train.h5", "extra/keys", [f"wörd{n}" for n in range(20)])
    data = shd(place).train
    assert [s.x.t.tolist() for s in data] == [[250_000, 500_000], [], [62_500, 125_000, 1_000_000]]
    assert [s.x.x.tolist() for s in data] == [[0, 699], [], [6, 5, 7]]
    assert data.classes[19] == "wörd19"


def test_rows_that_were_never_written_are_empty(place):
    for name, dtype in (("spikes/times", np.float32), ("spikes/units", np.int32)):
        rewrite(place / "shd_train.h5", name, shape=(3,), dtype=h5py.vlen_dtype(dtype), chunks=(2,))
    assert [len(s.x) for s in shd(place).train] == [0, 0, 0]


def test_long_rows_are_those_that_the_library_reads(tmp_path):
    rng = np.random.default_rng(0)
    times = [np.sort(rng.random(n)) for n in (3000, 0, 17, 9000, 1)]
    for split in ("train", "test"):
        cochlea(tmp_path / f"shd_{split}.h5", times, [rng.integers(0, 700, len(t)) for t in times], range(5))
    data = shd(tmp_path).train
    with h5py.File(tmp_path / "shd_train.h5") as file:
        for n, (events, _) in enumerate(data):
            seconds, units = (file[f"spikes/{name}"][n] for name in ("times", "units"))
            np.testing.assert_array_equal(events.t, np.rint(seconds.astype(np.float64) * 1e6))
            np.testing.assert_array_equal(events.x, units)


def rewrite(path, name, value=None, **options):
    with h5py.File(path, "a") as file:
        del file[name]
        if value is not None or options:
            file.create_dataset(name, data=value, **options)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("labels", None, "KeyError"),
        ("labels", np.array([0.5]), r"labels, [N] whole numbers"),
        ("labels", np.array([1, 20, 3], np.uint16), "labels [N] from 0 to 19"),
        ("spikes/units", np.array([1, 2, 3]), "/spikes/units with rows of different length, got int64"),
        ("spikes/times", np.zeros((3, 2)), "spikes/times, an array [N] in the file itself"),
        ("spikes/times", np.zeros(2), "times and units for each of 3 labels, got 2 and 3"),
    ],
)
def test_files_that_lack_something_are_refused(place, name, value, text):
    rewrite(place / "shd_train.h5", name, value)
    said = refused(lambda: shd(place).train[0])
    assert said.startswith(f"reading {place / 'shd_train.h5'}: expected ")
    assert text in said or (text == "KeyError" and "the file itself" in said)


@pytest.mark.parametrize(
    ("times", "units", "text"),
    [
        ([np.nan], [1], "times in seconds in sample 0"),
        ([-0.5], [1], "times in seconds in sample 0"),
        ([np.inf], [1], "times in seconds in sample 0"),
        ([0.5], [700], "x: values from 0 to 699, got 700 to 700"),
        ([0.5, 0.5], [1], "as many times as units in sample 0"),
    ],
)
def test_samples_that_cannot_be_are_refused(tmp_path, times, units, text):
    for split in ("train", "test"):
        cochlea(tmp_path / f"shd_{split}.h5", [times], [units], [0])
    assert text in refused(lambda: shd(tmp_path).train[0])


def test_a_link_to_another_file_is_not_followed(place, tmp_path):
    with h5py.File(place / "shd_train.h5", "a") as file:
        del file["labels"]
        file["labels"] = h5py.ExternalLink(str(place / "shd_test.h5"), "labels")
    assert "labels in the file itself, got a link to elsewhere" in refused(shd, place)
    with h5py.File(place / "shd_train.h5", "a") as file:
        del file["labels"]
        file.create_dataset("labels", (3,), np.uint16, external=[(str(place / "secret"), 0, 6)])
    assert "an array [N] in the file itself" in refused(shd, place)


def test_what_is_no_hdf5_is_refused(place):
    (place / "shd_train.h5").write_bytes(b"not HDF5")
    assert "expected an HDF5 file with spikes/times, spikes/units and labels, got OSError" in refused(shd, place)


def test_without_h5py_the_extra_is_named(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"data.shd: expected the package h5py.+pip install 'spikecell\[data\]'"):
        shd(place)


def test_what_is_missing_is_named(tmp_path):
    text = refused(shd, tmp_path)
    assert "expected shd_train.h5, or shd_train.h5.zip, which contains it" in text
    assert text.endswith(
        f"fetch shd_train.h5.zip from https://zenkelab.org/datasets/shd_train.h5.zip and put it into {tmp_path}."
    )
