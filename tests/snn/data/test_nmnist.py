"""N-MNIST and N-Caltech101, written as they are published."""

import numpy as np
import pytest

import snn
from snn.data import nmnist as read_nmnist
from snn.data import read_bin
from snn.data.transforms import TimeBins
from tests.snn.data.formats import bin40, refused, zipped

EVENTS = ([5, 70_000, 300_123], [0, 33, 12], [33, 0, 20], [1, 0, 1])


def fields(events):
    return events.t.tolist(), events.x.tolist(), events.y.tolist(), events.p.tolist()


def test_an_event_is_forty_bits(tmp_path):
    path = tmp_path / "00002.bin"
    path.write_bytes(bytes([7, 9, 0b1000_0001, 0x02, 0x03, 8, 10, 0b0111_1111, 0xFF, 0xFF]))
    assert fields(read_bin(path)) == ([0x010203, 0x7FFFFF], [7, 8], [9, 10], [1, 0])
    path.write_bytes(bin40(*EVENTS))
    assert fields(read_bin(str(path))) == EVENTS
    path.write_bytes(b"")
    assert len(read_bin(path)) == 0


def test_row_240_adds_to_the_times_from_it_on(tmp_path):
    path = tmp_path / "wraps.bin"
    path.write_bytes(bin40([10, 0, 5, 0, 7], [1, 0, 2, 0, 3], [1, 240, 2, 240, 3], [1, 0, 1, 0, 0]))
    assert fields(read_bin(path)) == ([10, 8192 + 5, 16384 + 7], [1, 2, 3], [1, 2, 3], [1, 1, 0])


def test_events_out_of_order_are_sorted_and_keep_together(tmp_path):
    path = tmp_path / "mixed.bin"
    path.write_bytes(bin40([30, 10, 10], [1, 2, 3], [4, 5, 6], [0, 1, 0]))
    assert fields(read_bin(path)) == ([10, 10, 30], [2, 3, 1], [5, 6, 4], [1, 0, 0])


def test_an_invalid_file_is_refused(tmp_path):
    path = tmp_path / "bad.bin"
    path.write_bytes(bin40(*EVENTS)[:-2])
    assert refused(read_bin, path) == (
        f"reading {path}: expected whole events of 5 bytes, got 13 bytes, 3 too many. Fetch the file again."
    )
    path.write_bytes(bin40([1], [34], [0], [0]))
    assert "expected x: values from 0 to 33, got 34 to 34. Fetch the file again." in refused(read_bin, path)
    assert len(read_bin(path, (2, 34, 35))) == 1
    assert "expected at most 4 bytes, got more. Pass limit= if the file is trusted." in refused(read_bin, path, limit=4)
    assert "expected a file, got no such file" in refused(read_bin, tmp_path / "none")
    assert "expected a file, got a folder" in refused(read_bin, tmp_path)


def put_set(place, count=3):
    for part, digits in {"Train": range(10), "Test": range(10)}.items():
        for digit in digits:
            folder = place / part / str(digit)
            folder.mkdir(parents=True)
            for n in range(count):
                (folder / f"{n * 5 + 8:05}.bin").write_bytes(bin40([n], [digit], [n], [1]))


def test_the_set_is_read_file_by_file_with_the_label_of_the_folder(tmp_path):
    put_set(tmp_path)
    splits = read_nmnist(tmp_path)
    assert repr(splits) == "<nmnist: train 30, test 30>"
    assert splits.train.classes == tuple("0123456789")
    for n in (0, 7, 29):
        events, label = splits.train[n]
        assert (events.x.tolist(), events.t.tolist(), label) == ([n // 3], [n % 3], n // 3)
    batch = next(iter(splits.train.map(TimeBins(1)).batches(4, np.random.default_rng(0), prefetch=1)))
    assert batch.x.shape[1:] == (4, 2, 34, 34)
    assert batch.x.sum() == 4


def test_what_is_missing_is_named_with_its_address_and_place(tmp_path):
    assert refused(read_nmnist, tmp_path) == (
        f"reading {tmp_path}: expected Train, or Train.zip, which contains it, got no such file. "
        "data.nmnist(..., download=True) fetches it, or fetch Train.zip from https://data.mendeley.com/public-files/datasets/"
        f"468j46mzdv/files/39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded and put it into {tmp_path}."
    )
    (tmp_path / "Train").mkdir()
    assert "expected one folder per class, with files *.bin, got none" in refused(read_nmnist, tmp_path)


def test_an_archive_that_is_not_the_published_one_is_refused_and_nothing_unpacked(tmp_path):
    zipped(tmp_path / "Train.zip", {"Train/0/00002.bin": bin40(*EVENTS)})
    assert "expected sha256 1a54ee392a5e5082a0bef52911cd9211f63b950a4905ccd8890553804d3335f9, got" in refused(
        read_nmnist, tmp_path
    )
    assert [p.name for p in tmp_path.iterdir()] == ["Train.zip"]


def test_caltech_has_its_own_sensor_and_no_split(tmp_path):
    for name in ("airplanes", "yin_yang", "BACKGROUND_Google"):
        (tmp_path / "Caltech101" / name).mkdir(parents=True)
        for n in (2, 10, 1):
            (tmp_path / "Caltech101" / name / f"image_{n}.bin").write_bytes(bin40([n], [239], [179], [0]))
    data = snn.data.ncaltech101(tmp_path).all
    assert data.classes == ("BACKGROUND_Google", "airplanes", "yin_yang")
    assert ([s.x.first for s in data[:3]], data[0].x.shape) == ([1, 2, 10], (2, 180, 240))
    train, test = data.split(2 / 3, np.random.default_rng(0))
    assert (len(train), test.labels.tolist()) == (6, [0, 1, 2])


def test_an_archive_within_an_archive_is_unpacked(tmp_path, monkeypatch):
    zipped(tmp_path / "inner.zip", {"Caltech101/one/image_1.bin": bin40(*EVENTS)})
    zipped(tmp_path / "N-Caltech101-archive.zip", {"archive/Caltech101.zip": (tmp_path / "inner.zip").read_bytes()})
    monkeypatch.setattr("snn.data.download.check", lambda path, checksum: None)
    assert len(snn.data.ncaltech101(tmp_path).all) == 1
    with pytest.raises(FileNotFoundError):
        (tmp_path / "Test").stat()
