"""IDX files, the format of MNIST: a type code, the lengths of the axes, and the values, all big endian."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np

from autograd.dtypes import describe
from autograd.errors import DataError, DTypeError

__all__ = ["MNIST", "mnist", "read_idx"]

Array = np.ndarray[Any, Any]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_AGAIN = "Fetch the file again."
_SIDE, _CLASSES = 28, 10
_MOST_AXES = 64  # of an array of numpy
_MORE = "Bytes follow the last value: is it two files in one?"
_CHUNK = 1 << 20


class MNIST(NamedTuple):
    """Images and labels, as :func:`mnist` reads them."""

    train_images: Array
    """``[N, 28, 28]`` uint8, 0 for paper and 255 for ink."""
    train_labels: Array
    """``[N]`` int64, 0 to 9."""
    test_images: Array
    """As the training images."""
    test_labels: Array
    """As the training labels."""
    split: str
    """Which files the two parts come from."""


def read_idx(path: str | os.PathLike[str], *, limit: int = 1 << 30) -> Array:
    """Read an IDX file.

    Parameters
    ----------
    path : str or path
        The file. Whether it is gzipped is seen from its first bytes, whatever it is called.
    limit : int
        The most bytes that a gzipped file may unpack to. No more memory is taken than the header says and the file fills.

    Returns
    -------
    numpy.ndarray
        uint8, int8, int16, int32, float32 or float64 in the byte order of this machine, with as many axes as the file says.

    Raises
    ------
    DataError
        If the file cannot be read, is no IDX file, holds fewer or more bytes than its header says, or unpacks to more than
        ``limit``.
    DTypeError
        If ``path`` is no path.
    """
    where = f"reading {_as_path(path)}"
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if packed:
                with gzip.open(file) as unpacked:
                    return _read(cast(BinaryIO, unpacked), where, limit, None)
            return _read(file, where, limit, os.fstat(file.fileno()).st_size)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(where, "a whole gzip file", f"a damaged one ({error})", _AGAIN) from error
    except OSError as error:
        raise DataError(where, "a file that can be read", error.strerror or str(error), "Is the path right?") from error
    except MemoryError as error:
        raise DataError(where, "an array that fits into memory", "a larger one", "Read it on a machine with more.") from error


def _as_path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise DTypeError("snn.data", "a path", describe(path), "Pass a string or a pathlib.Path.")
    if "\0" in str(path):
        raise DataError("snn.data", "a path without NUL characters", repr(str(path)), "Is the path right?")
    return Path(path)


def _read(file: BinaryIO, where: str, limit: int, length: int | None) -> Array:
    """Read what is not packed, or has been unpacked: ``length`` bytes, if that is known."""
    dtype, shape, start = _read_header(file, where)
    count = math.prod(shape)
    size = start + dtype.itemsize * count
    promised = f"{size} bytes, for shape {list(shape)} {dtype.name}"
    if length is not None and length != size:
        raise DataError(where, promised, f"{length} bytes", _MORE if length > size else _AGAIN)
    if length is None and size > limit:
        raise DataError(
            where, f"at most {limit} bytes unpacked", f"a header for {size}", "Pass limit= if the file is trusted."
        )
    try:
        array = np.empty(shape, dtype)
    except ValueError as error:  # a length of 0 beside huge ones
        raise DataError(where, "a shape that an array can have", f"{list(shape)}", _AGAIN) from error
    values, filled = array.reshape(-1).view(np.uint8), 0
    while filled < len(values) and (more := file.readinto(values[filled:][:_CHUNK])):  # type: ignore[attr-defined]
        filled += more
    if filled < len(values):
        raise DataError(where, promised, f"{start + filled} bytes", _AGAIN)
    if file.read(1):
        raise DataError(where, promised, f"{size + 1} bytes or more", _MORE)
    if not dtype.isnative:
        array.byteswap(inplace=True)
    return array.view(dtype.newbyteorder("="))


def _read_header(file: BinaryIO, where: str) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Read the type of the values, the lengths of the axes and the number of bytes that say so."""
    head = file.read(4)
    if len(head) < 4:
        raise DataError(where, "an IDX file, which begins with 4 bytes about its type", f"{len(head)} bytes", _AGAIN)
    if head[:2] != b"\0\0":
        raise DataError(
            where, "an IDX file, which begins with the bytes 00 00", head[:2].hex(" "),
            "Pass the file as it is published, gzipped or not.",
        )  # fmt: skip
    code, axes = head[2:]
    if code not in _TYPES:
        known = ", ".join(f"{known:02x}" for known in _TYPES)
        raise DataError(where, f"a type code among {known}", f"{code:02x}", "The third byte says the type of the values.")
    start, lengths = 4 + 4 * axes, file.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise DataError(where, f"a header of {start} bytes, for {axes} axes", f"{4 + len(lengths)} bytes", _AGAIN)
    if axes > _MOST_AXES:
        raise DataError(where, f"at most {_MOST_AXES} axes", f"{axes}", "The fourth byte says how many there are.")
    return np.dtype(_TYPES[code]), tuple(int(length) for length in np.frombuffer(lengths, ">u4")), start


def mnist(directory: str | os.PathLike[str]) -> MNIST:
    """Read MNIST, or a set of its format with ten classes (LeCun, Cortes and Burges, 1998).

    Parameters
    ----------
    directory : str or path
        Where ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
        ``t10k-labels-idx1-ubyte`` are; also with ``.gz`` at the end, or with a dot as in ``train-images.idx3-ubyte``.

    Returns
    -------
    MNIST
        Images and labels. If there is no training file, the t10k file is split: its first 80 % are the training part and the
        other 20 % the test part (8,000 and 2,000 images). Results on such a part are no results on the MNIST test set;
        ``split`` says which was read.

    Raises
    ------
    DataError
        If a file is missing or cannot be read (see :func:`read_idx`), images are not ``[N, 28, 28]`` uint8, labels are not
        ``[N]`` uint8 from 0 to 9, their numbers differ, or a part is empty.
    """
    base = _as_path(directory)
    if not base.is_dir():
        got = "a file" if base.exists() else "no such directory"
        raise DataError(f"reading {base}", "a directory with the MNIST files", got, "Pass where the four files are.")
    test = _part(base, "t10k")
    if _find(base, "train-images-idx3-ubyte") or _find(base, "train-labels-idx1-ubyte"):
        train, split = _part(base, "train"), "train and t10k files"
    else:
        cut = len(test[0]) * 4 // 5
        train, test = (test[0][:cut], test[1][:cut]), (test[0][cut:], test[1][cut:])
        split = "no training file: the first 80 % of the t10k file, and the rest of it"
    if not (len(train[0]) and len(test[0])):
        raise DataError(
            f"reading {base}", "at least one training and one test image", f"{len(train[0])} and {len(test[0])}",
            "Without a training file the t10k file is split.",
        )  # fmt: skip
    return MNIST(*train, *test, split)


def _find(base: Path, name: str) -> Path | None:
    spellings = (name, name.replace("-idx", ".idx"))
    return next((base / f"{s}{end}" for end in ("", ".gz") for s in spellings if (base / f"{s}{end}").is_file()), None)


def _part(base: Path, part: str) -> tuple[Array, Array]:
    """Read images and labels of ``train`` or ``t10k``."""
    paths = []
    for name in (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"):
        path = _find(base, name)
        if path is None:
            raise DataError(f"reading {base}", f"{name} or {name}.gz", "no such file", "Put images and labels side by side.")
        paths.append(path)
    images, labels = map(read_idx, paths)
    if images.ndim != 3 or images.shape[1:] != (_SIDE, _SIDE) or images.dtype != np.uint8:
        raise DataError(
            f"reading {paths[0]}", f"images [N, {_SIDE}, {_SIDE}] Uint8", describe(images), "Other sets: snn.data.read_idx."
        )
    if labels.ndim != 1 or labels.dtype != np.uint8:
        raise DataError(f"reading {paths[1]}", "labels [N] Uint8", describe(labels), "Are images and labels swapped?")
    if len(images) != len(labels):
        raise DataError(
            f"reading {base}", f"a label for each of {len(images)} {part} images", f"{len(labels)} labels",
            "Take both files from one set.",
        )  # fmt: skip
    if labels.size and labels.max() >= _CLASSES:
        raise DataError(
            f"reading {paths[1]}", f"labels from 0 to {_CLASSES - 1}", f"{labels.max()}", "Other sets: snn.data.read_idx."
        )
    return images, labels.astype(np.int64)
