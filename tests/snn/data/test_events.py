"""Events: their arrays, their errors, and structured arrays of other packages."""

import numpy as np
import pytest

from autograd.errors import ArgumentError, DTypeError, ShapeError
from snn.data import Events, from_structured


def test_fields_have_their_types_and_missing_ones_are_zero():
    events = Events([1, 2, 2], np.array([0, 3, 1], np.uint64), shape=(4,))
    assert [getattr(events, name).dtype.name for name in "txyp"] == ["int64", "int16", "int16", "uint8"]
    assert (events.y.tolist(), events.p.tolist(), events.first, events.duration, len(events)) == ([0] * 3, [0] * 3, 1, 1, 3)
    assert events.grid == (1, 1, 4)
    empty = Events([], [], shape=(2, 3, 4))
    assert (len(empty), empty.first, empty.duration, empty.grid) == (0, 0, 0, (2, 3, 4))


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ({"t": [2, 1], "x": [0, 0]}, ArgumentError, "Events, t: expected times that never decrease"),
        ({"t": [-1], "x": [0]}, ArgumentError, "Events, t: expected values from 0 to"),
        ({"t": [0], "x": [4]}, ArgumentError, "Events, x: expected values from 0 to 3, got 4 to 4. Is this the shape"),
        ({"t": [0], "x": [0], "y": [3]}, ArgumentError, "Events, y: expected values from 0 to 2"),
        ({"t": [0], "x": [0], "p": [2]}, ArgumentError, "Events, p: expected values from 0 to 1"),
        ({"t": [0, 1], "x": [0]}, ShapeError, "Events, x: expected as many values as t has"),
        ({"t": [[0]], "x": [[0]]}, ShapeError, "Events, t"),
        ({"t": [0.5], "x": [0]}, DTypeError, "Events, t: expected whole numbers"),
    ],
)  # fmt: skip
def test_events_that_cannot_be_are_refused(fields, error, text):
    with pytest.raises(error, match=text):
        Events(**fields, shape=(2, 3, 4))


@pytest.mark.parametrize("shape", [(), (2, 3), (0,), (2, 3, 1 << 15), 4, (1.5,), (300, 2, 2), (256, 30000, 30000)])
def test_shapes_that_no_sensor_has_are_refused(shape):
    with pytest.raises(ShapeError, match="Events, shape"):
        Events([0], [0], shape=shape)


def test_parts_stay_in_order():
    events = Events([0, 1, 2, 3], [0, 1, 2, 3], shape=(4,))
    assert events[1:3].x.tolist() == [1, 2]
    assert events[events.x != 1].t.tolist() == [0, 2, 3]
    for wrong in (slice(None, None, -1), [1, 0], 2):
        with pytest.raises(DTypeError, match="Events stay in order"):
            events[wrong]


def test_structured_arrays_of_tonic_become_events_and_come_back():
    dtype = [("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", bool)]
    array = np.array([(3, 1, 20, 1), (0, 2, 10, 0)], dtype)
    events = from_structured(array, (2, 3, 4))
    assert (events.t.tolist(), events.x.tolist(), events.y.tolist(), events.p.tolist()) == ([10, 20], [0, 3], [2, 1], [0, 1])
    assert from_structured(array).shape == (2, 3, 4)
    again = events.structured()
    assert again.dtype.names == ("t", "x", "y", "p")
    assert from_structured(again, (2, 3, 4)).x.tolist() == [0, 3]
    audio = np.array([(5, 600, 1)], [("t", int), ("x", int), ("p", int)])
    assert (from_structured(audio).shape, from_structured(audio, (700,)).p.tolist()) == ((601,), [0])
    with pytest.raises(DTypeError, match="a structured array or a mapping with fields t, x"):
        from_structured(np.zeros(3))
