"""AEDAT 3.1, the format of DVS Gesture: packets of events; only those of an interval of time are read."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.errors import DataError

from .events import Events
from .files import AGAIN, as_path, reading, sensed

__all__ = ["Recording"]

_HEAD = struct.Struct("<hhIIIIII")
_POLARITY = 1
_LONGEST_HEADER = 1 << 16


class _Packet(NamedTuple):
    start: int
    number: int
    overflow: int


class Recording:
    """An AEDAT 3.1 file, mapped into memory: its packets are found once, and their events read on demand.

    Lines that begin with # come first, the last of them ``#!END-HEADER``. Packets follow, little endian. Each begins with 28
    bytes: type, source, size of an event, position of its time, number of overflows of the time at 2^31, capacity, number of
    events, and number of valid events. The events come next. A pixel's event (type 1) has 32 bits of data, with bit 0 set if
    it is valid, bit 1 for ON, 15 bits of row and 15 of column, and then 32 bits of time in microseconds.

    Parameters
    ----------
    path : str or path
        The file.
    shape : tuple of int
        ``(2, height, width)`` of the sensor.

    Raises
    ------
    DataError
        If the file cannot be read, is not an AEDAT 3.1 file of raw events, or ends within a packet.
    """

    def __init__(self, path: str | os.PathLike[str], shape: tuple[int, int, int] = (2, 128, 128)) -> None:
        self.path: Path = as_path(path)
        self.shape, self.where = shape, f"reading {self.path}"
        with reading(self.where):
            if not self.path.is_file() or not self.path.stat().st_size:
                raise DataError(
                    self.where, "an AEDAT 3.1 file", "an empty file" if self.path.is_file() else "no such file", AGAIN
                )
            self.bytes: Array = np.memmap(self.path, np.uint8, "r")
        self.packets = self._find(self._end_of_header())
        self.first, self.last = self._spans()

    def _end_of_header(self) -> int:
        head = self.bytes[:_LONGEST_HEADER].tobytes()
        if not head.startswith(b"#!AER-DAT3.1"):
            raise DataError(self.where, "an AEDAT 3.1 file, which begins with #!AER-DAT3.1", repr(head[:12])[1:], AGAIN)
        lines, end, _ = head.partition(b"#!END-HEADER")
        stop = head.find(b"\n", len(lines))
        if not end or stop < 0:
            raise DataError(self.where, "a line #!END-HEADER before the events", "none", AGAIN)
        for line in lines.splitlines():
            if line.startswith(b"#Format:") and line.split(b":")[1].strip() != b"RAW":
                raise DataError(self.where, "#Format: RAW", repr(line)[1:], "Other formats of AEDAT 3 are not read.")
        return stop + 1

    def _find(self, place: int) -> list[_Packet]:
        """Return the packets that contain events of pixels."""
        packets, size = [], len(self.bytes)
        while place < size:
            head = self.bytes[place : place + _HEAD.size].tobytes()
            if len(head) < _HEAD.size:
                raise DataError(self.where, f"a packet's header of {_HEAD.size} bytes", f"{len(head)} bytes at the end", AGAIN)
            kind, _, width, offset, overflow, room, count, _ = _HEAD.unpack(head)
            start = place + _HEAD.size
            place = start + width * room
            if place > size or count > room:
                got = f"{count} of {room} events of {width} bytes at byte {start} of {size}"
                raise DataError(self.where, "a packet that lies within the file", got, AGAIN)
            if kind == _POLARITY and count:
                if (width, offset) != (8, 4) or overflow >= 1 << 20:
                    got = f"{width} bytes, time at {offset}, {overflow} wraps"
                    raise DataError(self.where, "events of 8 bytes with the time at 4", got, AGAIN)
                packets.append(_Packet(start, count, overflow))
        return packets

    def _spans(self) -> tuple[Array, Array]:
        """Return the first and the last time of each packet."""
        spans = np.zeros((2, len(self.packets)), np.int64)
        for k, packet in enumerate(self.packets):
            times = self._words(packet)[:, 1] & 0x7FFFFFFF
            spans[:, k] = np.int64(packet.overflow << 31) + np.array([times.min(), times.max()], np.int64)
        return spans[0], spans[1]

    def _words(self, packet: _Packet) -> Array:
        return self.bytes[packet.start : packet.start + 8 * packet.number].view("<u4").reshape(-1, 2)

    def between(self, start: int, end: int) -> Events:
        """Return the events from ``start`` to before ``end``, in microseconds of the recording; times count from ``start``."""
        chosen = [self.packets[k] for k in np.flatnonzero((self.first < end) & (self.last >= start))]
        words = np.concatenate([self._words(packet) for packet in chosen] or [np.zeros((0, 2), "<u4")])
        wraps = np.repeat([packet.overflow for packet in chosen], [packet.number for packet in chosen]).astype(np.int64)
        data, t = words[:, 0].astype(np.int64), (wraps << 31) + (words[:, 1] & 0x7FFFFFFF)
        kept = (t >= start) & (t < end) & (data & 1 == 1)
        data = data[kept]
        return sensed(self.where, t[kept] - start, data >> 17, data >> 2 & 0x7FFF, data >> 1 & 1, self.shape)

    def events(self) -> Events:
        """Return all events; times count from the first."""
        if not self.packets:
            return self.between(0, 1)
        return self.between(int(self.first.min()), int(self.last.max()) + 1)
