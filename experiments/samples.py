"""Small sets for smoke runs, made from a seed and written in the published formats: words, filmed digits, gestures."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from autograd.errors import MissingExtraError

__all__ = ["write_gestures", "write_seen_digits", "write_words"]

Array = np.ndarray[Any, Any]
_CHANNELS, _LINES, _EVENTS = 700, 4, 300  # channels; lines of a word, which rise or fall through them; events of a line
_MOVES = (
    (0, 1),
    (1, 0),
    (1, 1),
    (-1, 0),
    (0, -1),
    (-1, -1),
) * 2  # steps of a camera, in rows and columns, that end where they begin
_MOVE = 25_000  # microseconds
_GESTURE, _OF_A_GESTURE = 400_000, 2000  # microseconds, events


def write_words(directory: Path, files: Mapping[str, int], classes: int) -> None:
    """Write HDF5 files in the format of the Spiking Heidelberg Digits.

    Parameters
    ----------
    directory : Path
        Directory of the files.
    files : dict
        The number of samples of each file, by its name. Classes come in turn.
    classes : int
        Number of classes. Each has lines of its own through channels and time, in about 0.8 s. The speed and the precision of
        a sample are random.

    Raises
    ------
    MissingExtraError
        If h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("h5py", "data", "a smoke run on words") from error
    lines = np.random.default_rng(0).uniform((0, 0, 0, 0), (_CHANNELS, _CHANNELS, 0.4, 0.8), (classes, _LINES, 4))
    for number, (name, count) in enumerate(files.items(), 1):
        rng, labels = np.random.default_rng(number), np.arange(count) % classes
        with h5py.File(directory / name, "w") as file:
            rows = {
                "times": file.create_dataset("spikes/times", (count,), h5py.vlen_dtype(np.float16)),
                "units": file.create_dataset("spikes/units", (count,), h5py.vlen_dtype(np.uint16)),
            }
            for place, label in enumerate(labels):
                first, last, start, end = lines[label].T[..., None]
                along = rng.uniform(0, 1, (_LINES, _EVENTS))
                channels = first + along * (last - first) + rng.normal(0, 8, along.shape)
                times = (start + along * (end - start)) * rng.uniform(0.9, 1.1) + rng.normal(0, 0.005, along.shape)
                order = np.argsort(times, axis=None)
                rows["times"][place] = np.maximum(times.ravel()[order], 0).astype(np.float16)
                rows["units"][place] = np.clip(channels.ravel()[order], 0, _CHANNELS - 1).astype(np.uint16)
            file["labels"] = labels.astype(np.uint16)
            file["extra/speaker"] = np.zeros(count, np.uint16)


def write_seen_digits(directory: Path, train: int, test: int) -> None:
    """Write folders of binary files in the format of N-MNIST: scikit-learn's digits before a camera that moves to and fro.

    Where a pixel gets lighter there is an ON event, where it gets darker an OFF event.
    """
    small, labels = load_digits(return_X_y=True)
    images = np.pad(np.kron(small.reshape(-1, 8, 8), np.ones((3, 3))), ((0, 0), (5, 5), (5, 5)))
    rng = np.random.default_rng(0)
    for name, chosen in {"Train": range(train), "Test": range(train, train + test)}.items():
        for label in range(10):
            (directory / name / str(label)).mkdir(parents=True)
        for n in chosen:
            found, image = [], images[n]
            for step, move in enumerate(_MOVES):
                before, image = image, np.roll(image, move, (0, 1))
                change = np.rint((image - before) / 6).astype(int)
                rows, columns = np.nonzero(change)
                times = step * _MOVE + rng.integers(0, _MOVE, len(rows))
                found.append(np.stack([times, columns, rows, change[rows, columns] > 0]))
            events = np.concatenate(found, 1)
            t, x, y, p = events[:, np.argsort(events[0], kind="stable")]
            content = np.stack([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255], 1).astype(np.uint8)
            (directory / name / str(labels[n]) / f"{n:05d}.bin").write_bytes(content.tobytes())


def write_gestures(directory: Path, train: int, test: int) -> None:
    """Write AEDAT 3.1 recordings and tables in the format of DVS Gesture, each with a gesture of every class.

    A hand goes round on the left or on the right, one way or the other, in a circle or to and fro.

    Parameters
    ----------
    directory : Path
        Parent of the folder ``DvsGesture``.
    train, test : int
        The number of recordings of each part.
    """
    base, rng = directory / "DvsGesture", np.random.default_rng(0)
    base.mkdir()
    names = [f"user{n:02d}_led" for n in range(1, train + test + 1)]
    for part, chosen in {"train": names[:train], "test": names[train:]}.items():
        (base / f"trials_to_{part}.txt").write_text("".join(f"{name}.aedat\n" for name in chosen))
    for name in names:
        (base / f"{name}.aedat").write_bytes(
            b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"
            + b"".join(_packet(*_gesture(kind, rng)) for kind in range(11))
        )
        rows = (f"{kind + 1},{kind * _GESTURE},{(kind + 1) * _GESTURE}\n" for kind in range(11))
        (base / f"{name}_labels.csv").write_text("class,startTime_usec,endTime_usec\n" + "".join(rows))


def _gesture(kind: int, rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """Return times, columns, rows and polarities of the events of a gesture."""
    t = np.sort(rng.integers(0, _GESTURE, _OF_A_GESTURE))
    way, flat, fast = 1 - 2 * (kind & 1), (1.0, 0.1)[kind >> 1 & 1], 2 + (kind >> 3)
    angle = 2 * np.pi * (way * fast * t / _GESTURE + rng.uniform(0, 1))
    x = (38, 90)[kind >> 2 & 1] + 24 * np.cos(angle) + rng.normal(0, 4, len(t))
    y = 64 + 24 * flat * np.sin(angle) + rng.normal(0, 4, len(t))
    ahead = (x - np.mean(x)) * -np.sin(angle) * way > 0
    return kind * _GESTURE + t, np.clip(x, 0, 127).astype(int), np.clip(y, 0, 127).astype(int), ahead.astype(int)


def _packet(t: Array, x: Array, y: Array, p: Array) -> bytes:
    """Return a packet of valid events of pixels: position and polarity in 32 bits, time in the next 32."""
    count = len(t)
    head = struct.pack("<hhIIIIII", 1, 1, 8, 4, 0, count, count, count)
    return head + np.stack([x << 17 | y << 2 | p << 1 | 1, t], 1).astype("<u4").tobytes()
