"""CIFAR10-DVS and its format, AEDAT 2.0."""

import struct

import pytest

from snn.data import cifar10_dvs, read_aedat2
from tests.snn.data.formats import aedat2, refused

EVENTS = ([100, 100, 250], [0, 127, 5], [127, 0, 6], [1, 0, 1])


def fields(events):
    return events.t.tolist(), events.x.tolist(), events.y.tolist(), events.p.tolist()


def test_an_event_is_an_address_and_a_time_big_endian(tmp_path):
    path = tmp_path / "some.aedat"
    path.write_bytes(b"#!AER-DAT2.0\r\n" + struct.pack(">4I", 3 << 8 | 4 << 1, 7, 1, 9))
    assert fields(read_aedat2(path)) == ([0, 2], [124, 127], [123, 127], [1, 0])
    path.write_bytes(aedat2(*EVENTS))
    assert fields(read_aedat2(path)) == ([0, 0, 150], *EVENTS[1:])
    assert read_aedat2(path).shape == (2, 128, 128)
    path.write_bytes(aedat2([], [], [], []))
    assert len(read_aedat2(path)) == 0


def test_signals_that_are_no_events_are_left_out_and_times_sorted(tmp_path):
    path = tmp_path / "some.aedat"
    path.write_bytes(b"#!AER-DAT2.0\n#\n" + struct.pack(">6I", 0x8000, 1, 0, 30, 2, 20))
    assert fields(read_aedat2(path)) == ([0, 10], [127, 127], [126, 127], [1, 1])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "an AEDAT 2 file, which begins with #!AER-DAT2.0, got ''"),
        (b"#!AER-DAT3.1\r\n", "begins with #!AER-DAT2.0, got '#!AER-DAT3.1'"),
        (b"#!AER-DAT2.0\r\n# no end", "events after the lines with #, got the end of the file within one"),
        (aedat2(*EVENTS)[:-3], "whole events of 8 bytes, got 21 bytes, 5 too many"),
    ],
    ids=range(4),
)
def test_an_invalid_file_is_refused(tmp_path, content, text):
    path = tmp_path / "bad.aedat"
    path.write_bytes(content)
    assert f"reading {path}: expected " in refused(read_aedat2, path)
    assert text in refused(read_aedat2, path)


def test_the_set_has_a_folder_for_each_class(tmp_path):
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    for k, name in enumerate(names):
        (tmp_path / name).mkdir()
        for n in (10, 9):
            (tmp_path / name / f"cifar10_{name}_{n}.aedat").write_bytes(aedat2([0, n], [k, k], [0, 0], [1, 1]))
    data = cifar10_dvs(tmp_path).all
    assert (len(data), data.classes) == (20, tuple(names))
    assert [(s.x.duration, s.x.x[0], s.label) for s in data[5:7]] == [(10, 2, 2), (9, 3, 3)]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.aedat").write_bytes(aedat2(*EVENTS))
    assert "got ['other']. Give the set a folder of its own." in refused(cifar10_dvs, tmp_path)


def test_a_missing_class_is_named(tmp_path):
    assert "expected airplane, or airplane.zip, which contains it" in refused(cifar10_dvs, tmp_path)
    assert "https://ndownloader.figshare.com/files/7712788" in refused(cifar10_dvs, tmp_path)
