"""Archives: unpacked beside themselves, only what lies within, in bounded space, and whole or not at all."""

from __future__ import annotations

import os
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from autograd.errors import DataError

from .files import AGAIN

__all__: list[str] = []

_MOST_MEMBERS = 1_000_000
_CHUNK = 1 << 20
_HIDDEN = "__MACOSX"
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def unpack(archive: Path, gives: str, limit: int) -> Path:
    """Unpack a ``.zip`` or ``.tar.gz`` and move a file or folder of it beside the archive.

    Parameters
    ----------
    archive : Path
        The archive. Links, absolute paths and those that lead out of it are refused.
    gives : str
        Name of the file or folder, wherever it lies in the archive; the one nearest to the top is meant.
    limit : int
        The most bytes that all may unpack to.

    Returns
    -------
    Path
        Where it is now. It was moved there in one step: before, and if anything fails, nothing is there.

    Raises
    ------
    DataError
        If the archive is damaged or must not be unpacked, or lacks what it should hold.
    """
    where, target = f"unpacking {archive}", archive.parent / gives
    try:
        with tempfile.TemporaryDirectory(prefix=f".{archive.name}-", dir=archive.parent) as place:
            _unpack_all(archive, Path(place), limit, where)
            inside = [path for path in Path(place).rglob(gives) if _HIDDEN not in path.parts]
            if not inside:
                raise DataError(where, f"an archive with {gives}", "none in it", AGAIN)
            os.replace(min(inside, key=lambda path: len(path.parts)), target)
    except _BROKEN as error:
        if isinstance(error, DataError):
            raise
        raise DataError(where, "a whole archive", f"a damaged one ({' '.join(str(error).split())[:200]})", AGAIN) from error
    except OSError as error:
        raise DataError(
            where, "a folder that can be written, with space left", error.strerror or str(error), "Nothing was left behind."
        ) from error
    return target


def _unpack_all(archive: Path, place: Path, limit: int, where: str) -> None:
    members = _tar(archive, where) if archive.name.endswith((".tar.gz", ".tgz", ".tar")) else _zip(archive, where)
    left = limit
    for number, (name, size, content) in enumerate(members):
        if number >= _MOST_MEMBERS:
            raise DataError(where, f"at most {_MOST_MEMBERS:,} files", "more", "It is no data set that is known here.")
        if size > left:
            raise DataError(
                where, f"at most {limit:,} bytes unpacked", f"{limit - left + size:,} or more", "It is not what was published."
            )
        target = place / _inside(name, where)
        target.parent.mkdir(parents=True, exist_ok=True)
        with content, open(target, "xb") as file:
            copied = 0
            while chunk := content.read(_CHUNK):
                copied += len(chunk)
                if copied > size:
                    raise DataError(where, f"{name!r} with {size} bytes", "more", AGAIN)
                file.write(chunk)
        if copied < size:
            raise DataError(where, f"{name!r} with {size} bytes", f"{copied}", AGAIN)
        left -= size


def _inside(name: str, where: str) -> PurePosixPath:
    """Return the path of a member, if it leads nowhere but into the archive, on any system."""
    path = PurePosixPath(name)
    parts = path.parts
    if not parts or path.is_absolute() or ".." in parts or set(name) & set("\\:\0") or len(name) > 1000:
        raise DataError(
            where,
            "paths that lead into the archive",
            repr(name)[:80],
            "Do not use this file: its author means harm, or erred.",
        )
    return path


def _zip(archive: Path, where: str) -> Iterator[tuple[str, int, IO[bytes]]]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            if info.is_dir() or info.filename.split("/")[0] == _HIDDEN:
                continue
            _inside(info.filename, where)
            mode = info.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise DataError(where, "files and folders", f"{info.filename!r}, a link or a device", "Do not use this file.")
            yield info.filename, info.file_size, file.open(info)


def _tar(archive: Path, where: str) -> Iterator[tuple[str, int, Any]]:
    with tarfile.open(archive, "r|*") as file:
        for member in file:
            _inside(member.name, where)
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise DataError(where, "files and folders", f"{member.name!r}, a link or a device", "Do not use this file.")
            content = file.extractfile(member)
            assert content is not None
            yield member.name, member.size, content
