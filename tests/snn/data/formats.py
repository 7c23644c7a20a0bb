"""Small files in the true formats of data sets, written byte by byte from the descriptions of the formats."""

import struct
import tarfile
import zipfile
from io import BytesIO

import numpy as np
import pytest

from autograd.errors import DataError

TYPES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}


def refused(act, *args, **options):
    """Return what the error of a reader says."""
    with pytest.raises(DataError) as error:
        act(*args, **options)
    assert isinstance(error.value, ValueError)
    return str(error.value)


def idx(code, shape, values):
    """Return the bytes of an IDX file."""
    head = struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)
    return head + struct.pack(f">{len(values)}{TYPES[code]}", *values)


def of(array):
    """Return an IDX file of bytes."""
    return idx(0x08, array.shape, array.ravel().tolist())


def bin40(t, x, y, p):
    """Return events of N-MNIST: column, row, polarity and 23 bits of time, each the first byte first."""
    return b"".join(
        bytes([c, r, s << 7 | when >> 16, when >> 8 & 255, when & 255]) for when, c, r, s in zip(t, x, y, p, strict=True)
    )


def aedat2(t, x, y, p, header=b"#!AER-DAT2.0\r\n# This is a raw AE data file\r\n"):
    """Return a file of a DVS128 camera, for places and signs as they are read."""
    words = [(127 - c << 8 | 127 - r << 1 | 1 - s, when) for when, c, r, s in zip(t, x, y, p, strict=True)]
    return header + b"".join(struct.pack(">II", *word) for word in words)


def packet(events, kind=1, overflow=0, room=None, size=8, offset=4):
    """Return a packet of AEDAT 3.1: events (t, x, y, p) or (t, x, y, p, valid)."""
    body = b""
    for t, x, y, p, *valid in events:
        body += struct.pack("<II", x << 17 | y << 2 | p << 1 | (valid[0] if valid else 1), t)
    room = len(events) if room is None else room
    return struct.pack("<hhIIIIII", kind, 1, size, offset, overflow, room, len(events), len(events)) + body


def aedat3(*packets):
    """Return an AEDAT 3.1 file."""
    head = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2016-01-01\r\n#!END-HEADER\r\n"
    return head + b"".join(packets)


def cochlea(path, times, units, labels, speakers=None, keys=None):
    """Write a file of SHD."""
    import h5py

    with h5py.File(path, "w") as file:
        spikes = file.create_group("spikes")
        for name, rows, dtype in (("times", times, np.float16), ("units", units, np.uint16)):
            made = spikes.create_dataset(name, (len(rows),), h5py.vlen_dtype(dtype))
            for n, row in enumerate(rows):
                made[n] = np.asarray(row, dtype)
        file["labels"] = np.asarray(labels, np.uint16)
        extra = file.create_group("extra")
        extra["speaker"] = np.asarray(speakers if speakers is not None else [0] * len(labels), np.uint16)
        if keys is not None:
            extra["keys"] = np.array(keys, "S8")


def zipped(path, members):
    """Write a zip of names and contents."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)


def tarred(path, members, links=()):
    """Write a tar.gz of names and contents, and of links."""
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, BytesIO(content))
        for name, target, kind in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            file.addfile(info)


def damaged(content, rng):
    """Return a copy with one to three injuries: bits flipped, pieces cut, doubled or put in, numbers made large."""
    copy = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        at, end = sorted(rng.integers(0, len(copy) + 1, 2))
        how = rng.integers(6)
        if how == 0 and copy:
            copy[min(at, len(copy) - 1)] ^= 1 << rng.integers(8)
        elif how == 1:
            del copy[at : min(end, at + 40)]
        elif how == 2:
            copy[at:at] = rng.bytes(rng.integers(1, 9))
        elif how == 3:
            copy[at:at] = copy[at : min(end, at + 40)]
        elif how == 4:
            copy[at : at + 4] = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\1\0"][rng.integers(4)]
        else:
            del copy[at:]
    return bytes(copy)
