"""DVS Gesture: recordings with tables."""

import pickle

import pytest

from snn.data import dvs_gesture
from tests.snn.data.formats import aedat3, packet, refused

TABLE = "class,startTime_usec,endTime_usec\n1,100,200\n11,150,301\n"


@pytest.fixture
def place(tmp_path):
    base = tmp_path / "DvsGesture"
    base.mkdir()
    for n, user in enumerate(("user01_led", "user24_lab")):
        events = [(100 + 50 * k, n, k, k % 2) for k in range(6)]
        (base / f"{user}.aedat").write_bytes(aedat3(packet(events[:3]), packet(events[3:])))
        (base / f"{user}_labels.csv").write_text(TABLE)
    (base / "trials_to_train.txt").write_text("user01_led.aedat\n\n")
    (base / "trials_to_test.txt").write_text("user24_lab.aedat\n")
    return base


def test_a_gesture_is_a_stretch_of_a_recording_counted_from_its_beginning(place):
    splits = dvs_gesture(place.parent)
    assert (len(splits.train), len(splits.test)) == (2, 2)
    events, label = splits.train[0]
    assert (events.t.tolist(), events.y.tolist(), label) == ([0, 50], [0, 1], 0)
    events, label = splits.test[1]
    assert (events.t.tolist(), events.x.tolist(), label) == ([0, 50, 100, 150], [1] * 4, 10)
    assert splits.test.classes[10] == "other gestures"
    assert pickle.loads(pickle.dumps(splits.test))[1].x.t.tolist() == [0, 50, 100, 150]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("trials_to_train.txt", "../user01.aedat", "names of recordings such as user01_led.aedat, got '../user01.aedat'"),
        ("trials_to_train.txt", "/etc/passwd", "got '/etc/passwd'"),
        ("trials_to_train.txt", "user02.aedat", "user02_labels.csv: expected a file, got no such file"),
        ("user01_led_labels.csv", "", "a line class,startTime_usec,endTime_usec, got ''"),
        ("user01_led_labels.csv", TABLE + "1,2\n", "three whole numbers in a line, got '1,2'"),
        ("user01_led_labels.csv", TABLE + "1,2,-3\n", "three whole numbers in a line"),
        ("user01_led_labels.csv", TABLE + "12,2,3\n", "a class from 1 to 11, start before end, got '12,2,3'"),
        ("user01_led_labels.csv", TABLE + "1,4,3\n", "start before end, got '1,4,3'"),
    ],
    ids=range(8),
)
def test_lists_and_tables_that_cannot_be_are_refused(place, name, content, text):
    (place / name).write_text(content)
    assert text in refused(dvs_gesture, place.parent)


def test_the_set_is_fetched_by_hand(tmp_path):
    assert refused(dvs_gesture, tmp_path) == (
        f"reading {tmp_path}: expected DvsGesture, or DvsGesture.tar.gz, which contains it, got no such file. "
        f"Fetch DvsGesture.tar.gz from https://ibm.ent.box.com/s/3hiq58ww1pbbjrinh367ykfdf60xsfm8 and put it into {tmp_path}."
    )


def test_a_recording_that_is_missing_is_named_when_it_is_asked_for(place):
    (place / "user01_led.aedat").unlink()
    assert "user01_led.aedat: expected an AEDAT 3.1 file, got no such file" in refused(
        lambda: dvs_gesture(place.parent).train[0]
    )
