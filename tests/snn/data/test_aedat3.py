"""AEDAT 3.1 recordings, read in intervals of time."""

import numpy as np
import pytest

from snn.data import Recording
from tests.snn.data.formats import aedat3, packet, refused

ONE = [(100, 3, 4, 1), (150, 5, 6, 0), (200, 127, 0, 1)]
TWO = [(300, 0, 127, 1), (400, 1, 1, 0)]


def fields(events):
    return list(zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), events.p.tolist(), strict=True))


@pytest.fixture
def put(tmp_path):
    def write(content):
        path = tmp_path / "user01_led.aedat"
        path.write_bytes(content)
        return path

    return write


def test_packets_are_put_together(put):
    recording = Recording(put(aedat3(packet(ONE), packet(TWO))))
    assert fields(recording.events()) == [(t - 100, x, y, p) for t, x, y, p in ONE + TWO]
    assert recording.events().shape == (2, 128, 128)
    assert len(Recording(put(aedat3())).events()) == 0


def test_a_stretch_of_time_has_its_beginning_and_not_its_end(put):
    recording = Recording(put(aedat3(packet(ONE), packet(TWO))))
    assert fields(recording.between(150, 400)) == [(0, 5, 6, 0), (50, 127, 0, 1), (150, 0, 127, 1)]
    assert len(recording.between(201, 300)) == len(recording.between(1000, 2000)) == 0


def test_other_packets_events_that_are_not_valid_and_room_are_passed_over(put):
    special = packet([(120, 0, 0, 0)], kind=0, size=8)
    roomy = packet([(120, 1, 2, 1), (130, 9, 9, 1, 0)], room=5) + bytes(24)
    recording = Recording(put(aedat3(special, roomy, packet([]))))
    assert fields(recording.events()) == [(0, 1, 2, 1)]


def test_times_wrap_at_31_bits(put):
    late = (1 << 31) - 5
    recording = Recording(put(aedat3(packet([(late, 1, 1, 1)]), packet([(3, 2, 2, 0)], overflow=1))))
    assert fields(recording.events()) == [(0, 1, 1, 1), (8, 2, 2, 0)]
    assert fields(recording.between(1 << 31, 1 << 32)) == [(3, 2, 2, 0)]


WHOLE = aedat3(packet(ONE), packet(TWO))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "an AEDAT 3.1 file, got an empty file"),
        (b"#!AER-DAT2.0\r\n", "begins with #!AER-DAT3.1, got '#!AER-DAT2.0'"),
        (b"#!AER-DAT3.1\r\n", "a line #!END-HEADER before the events, got none"),
        (WHOLE.replace(b"RAW", b"PNG"), "expected #Format: RAW, got '#Format: PNG'"),
        (WHOLE[:-1], "a packet that lies within the file, got 2 of 2 events of 8 bytes at byte"),
        (WHOLE + bytes(5), "a packet's header of 28 bytes, got 5 bytes at the end"),
        (aedat3(packet(ONE, room=2)), "a packet that lies within the file, got 3 of 2 events"),
        (aedat3(packet(ONE, room=1 << 31)), "a packet that lies within the file, got 3 of 2147483648 events"),
        (aedat3(packet(ONE, offset=0)), "events of 8 bytes with the time at 4, got 8 bytes, time at 0, 0 wraps"),
        (
            aedat3(packet(ONE, overflow=1 << 30)),
            "events of 8 bytes with the time at 4, got 8 bytes, time at 4, 1073741824 wraps",
        ),
    ],
    ids=range(10),
)
def test_an_invalid_file_is_refused(put, content, text):
    path = put(content)
    assert f"reading {path}: expected " in (said := refused(Recording, path))
    assert text in said


def test_places_outside_the_sensor_are_refused_when_they_are_read(put):
    recording = Recording(put(aedat3(packet([(1, 128, 0, 0)]))))
    assert "expected x: values from 0 to 127, got 128 to 128" in refused(recording.events)
    assert "got no such file" in refused(Recording, recording.path.with_name("none"))


def test_a_long_recording_is_decoded_in_arrays(put):
    rng = np.random.default_rng(0)
    events = [(t, *rng.integers(0, 128, 2).tolist(), t % 2) for t in range(3000)]
    recording = Recording(put(aedat3(*[packet(events[n : n + 100]) for n in range(0, 3000, 100)])))
    assert fields(recording.between(50, 2050)) == [(t - 50, x, y, p) for t, x, y, p in events[50:2050]]
