"""Unpacking of archives: within their folder, up to a size limit, and completely or not at all."""

from __future__ import annotations

import os
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Generator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO

from autograd.errors import DataError

from ..common.others import told
from .files import AGAIN

__all__: list[str] = []

_MOST_MEMBERS = 1_000_000
_CHUNK = 1 << 20
_HIDDEN = "__MACOSX"


def unpack(archive: Path, gives: str, limit: int) -> Path:
    """Unpack a ``.zip`` or ``.tar.gz`` of at most ``limit`` bytes and move a file or folder of it beside the archive.

    ``gives`` names the file or folder, anywhere in the archive; the one nearest to the top is taken. It appears at the
    returned path in one step, and not at all if anything fails. Links, absolute paths and those that lead out of the archive
    are refused.
    """
    where, target = f"unpacking {archive}", archive.parent / gives
    try:
        with tempfile.TemporaryDirectory(prefix=f".{archive.name}-", dir=archive.parent) as place:
            _unpack_all(archive, Path(place), limit, where)
            inside = [path for path in Path(place).rglob(gives) if _HIDDEN not in path.parts]
            if not inside:
                raise DataError(where, f"an archive with {gives}", "one without it", AGAIN)
            os.replace(min(inside, key=lambda path: len(path.parts)), target)
    except DataError:
        raise
    except Exception as error:  # the libraries report a damaged archive by any error
        if isinstance(error, OSError) and error.strerror:
            expected = "a writable folder with free space"
            raise DataError(where, expected, error.strerror, "Nothing was left behind.") from error
        got = f"a damaged one ({told(error)})"
        raise DataError(where, "an intact archive", got, AGAIN) from error
    return target


def _unpack_all(archive: Path, place: Path, limit: int, where: str) -> None:
    read = _tar if archive.name.endswith((".tar.gz", ".tgz", ".tar")) else _zip
    left = limit
    with open(archive, "rb") as raw, closing(read(raw, where)) as members:
        for number, (name, size, content) in enumerate(members):
            if number >= _MOST_MEMBERS:
                raise DataError(where, f"at most {_MOST_MEMBERS:,} files", "more", "It is not a data set known here.")
            if size > left:
                got = f"{limit - left + size:,} or more"
                raise DataError(where, f"at most {limit:,} bytes unpacked", got, "It is not the published archive.")
            _copy(content, place / _inside(name, where), size, f"{where}, {name!r}")
            left -= size


def _copy(content: IO[bytes], target: Path, size: int, where: str) -> None:
    """Write the content of a member, if its length is the declared one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    copied = 0
    with open(target, "xb") as file:
        while chunk := content.read(_CHUNK):
            copied += len(chunk)
            if copied > size:
                break
            file.write(chunk)
    if copied != size:
        raise DataError(where, f"{size} bytes", "more" if copied > size else f"{copied}", AGAIN)


def _inside(name: str, where: str) -> PurePosixPath:
    """Return the path of a member, if it leads nowhere but into the archive, on any system."""
    path = PurePosixPath(name)
    parts = path.parts
    if not parts or path.is_absolute() or ".." in parts or set(name) & set("\\:\0") or len(name) > 1000:
        raise DataError(
            where, "paths that lead into the archive", repr(name)[:80], "Do not use this file: it is malicious or faulty."
        )
    return path


def _zip(raw: IO[bytes], where: str) -> Generator[tuple[str, int, IO[bytes]], None, None]:
    with zipfile.ZipFile(raw) as file:
        for info in file.infolist():
            if info.is_dir() or info.filename.split("/")[0] == _HIDDEN:
                continue
            _inside(info.filename, where)
            mode = info.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise DataError(where, "files and folders", f"{info.filename!r}, a link or a device", "Do not use this file.")
            with file.open(info) as content:
                yield info.filename, info.file_size, content


def _tar(raw: IO[bytes], where: str) -> Generator[tuple[str, int, IO[bytes]], None, None]:
    with tarfile.open(fileobj=raw, mode="r|*") as file:
        for member in file:
            _inside(member.name, where)
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise DataError(where, "files and folders", f"{member.name!r}, a link or a device", "Do not use this file.")
            content = file.extractfile(member)
            assert content is not None
            with content:
                yield member.name, member.size, content
