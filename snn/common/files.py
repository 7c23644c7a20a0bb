"""Files that are there whole or as they were before: whatever comes between, a full disk or the end of the process."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from autograd.errors import WriteError

__all__ = ["append", "make_directory", "sweep", "unwritable", "write_whole"]

ELSEWHERE = "The existing files were not changed. Choose another place."


def write_whole(path: Path, content: bytes, fix: str = ELSEWHERE) -> None:
    """Write a file beside its place, wait until it is on the disk, then put it there.

    Parameters
    ----------
    path : Path
        Where it goes; its directory is there.
    content : bytes
        All of it.
    fix : str
        What an error advises.

    Raises
    ------
    WriteError
        If it cannot be written; an existing file is kept.
    """
    # Two threads, or processes, that write the same file take turns: each puts a whole one there.
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
    """Append a line to a file of text, or leave what was there.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    size = path.stat().st_size if path.exists() else 0
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        with suppress(OSError):
            os.truncate(path, size)  # of the part of a line that was still written
        raise unwritable(path, error, fix) from error


def make_directory(path: Path, fix: str = ELSEWHERE) -> None:
    """Make a directory and those above it where they are not there.

    Raises
    ------
    WriteError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error, fix) from error


def sweep(directory: Path) -> None:
    """Remove what was not yet in its place when a process that wrote into a directory was killed."""
    for left in directory.glob(f".*{_PARTIAL}"):
        with suppress(OSError):
            left.unlink()


def unwritable(path: Path, error: OSError, fix: str) -> WriteError:
    """Return the error of ours for one of the system's."""
    return WriteError(f"writing {path}", "a directory that can be written, with space left", error.strerror or str(error), fix)


_PARTIAL = ".partial"


def _keep_name(directory: Path) -> None:
    """Wait until the name of a new file is on the disk too, where the system can say so of a directory."""
    if os.name != "posix":
        return
    with suppress(OSError):  # not every file system can; the content is there
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
