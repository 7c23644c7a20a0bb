"""Files that are written whole or not at all, even if the disk is full or the process ends."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from autograd.errors import WriteError

__all__ = ["append", "make_directory", "sweep", "unwritable", "write_whole"]

ELSEWHERE = "The existing files were not changed. Choose another place."


def write_whole(path: Path, content: bytes, fix: str = ELSEWHERE) -> None:
    """Write a file beside its destination, wait until it is on the disk, then move it into place.

    The directory exists. If the file cannot be written, a WriteError gives the advice ``fix``, and an existing file is kept.
    """
    # Concurrent writers of the same file alternate: each puts a whole file there.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{_PARTIAL}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise unwritable(path, error, fix) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    _keep_name(path.parent)


def append(path: Path, line: str, fix: str = ELSEWHERE) -> None:
    """Append a line to a text file, or leave the file as it was."""
    size = path.stat().st_size if path.exists() else 0
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        with suppress(OSError):
            os.truncate(path, size)  # remove a partly written line
        raise unwritable(path, error, fix) from error


def make_directory(path: Path, fix: str = ELSEWHERE) -> None:
    """Make a directory and its missing parents."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error, fix) from error


def sweep(directory: Path) -> None:
    """Remove the unfinished files of a killed process from a directory."""
    for left in directory.glob(f".*{_PARTIAL}"):
        with suppress(OSError):
            left.unlink()


def unwritable(path: Path, error: OSError, fix: str) -> WriteError:
    """Return our error for an error of the system."""
    return WriteError(f"writing {path}", "a writable directory with free space", error.strerror or str(error), fix)


_PARTIAL = ".partial"


def _keep_name(directory: Path) -> None:
    """Wait until the name of a new file is on the disk too, if the system supports this."""
    if os.name != "posix":
        return
    with suppress(OSError):  # some file systems do not; the content is safe
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
