"""Private files that are read back unchanged or not at all.

They lie in a directory that only its owner can write to. Each begins with a checksum made with a secret in the same directory.
A file that is damaged, renamed, or written without the secret counts as absent and is removed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .system import is_mine

__all__ = ["Store", "StoreError"]

_MAGIC = b"spikecell 1\n"
_DIGEST = 32
_MOST = 1 << 26  # bytes; a larger file is not ours
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_PASSING = {errno.EAGAIN, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT}


class StoreError(Exception):
    """The reason why a directory cannot be used, and the fix."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason, fix)
        self.reason, self.fix = reason, fix


class Store:
    """A private directory with files of bytes.

    On systems with file descriptors for directories, the descriptor that passed the check is used, even if the path is
    replaced meanwhile. On Windows, directories in a user's profile are private by inheritance; owner and mode are not checked.

    Parameters
    ----------
    path : Path
        The directory; created for its owner alone if absent.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> bytes | None:
        """Return the bytes written under a name; None if there are none, or if they have changed.

        Raises
        ------
        StoreError
            If the directory cannot be used, or is not safe.
        """
        with self._directory() as at:
            content = _content(at, name, _OTHERS)
            if content is None:
                return None
            digest = content[len(_MAGIC) : len(_MAGIC) + _DIGEST]
            payload = content[len(_MAGIC) + _DIGEST :]
            if content.startswith(_MAGIC) and hmac.compare_digest(digest, _digest(_secret(at), name, payload)):
                return payload
            _remove(at, name)
            return None

    def write(self, name: str, payload: bytes) -> None:
        """Write a file atomically; replace an existing one.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        with self._directory() as at:
            _put(at, name, _MAGIC + _digest(_secret(at), name, payload) + payload)

    def show(self, name: str, text: str) -> Path:
        """Write a text for people to read, without a checksum; it is never read back.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        with self._directory() as at:
            if _content(at, name, _OTHERS) != text.encode():
                _put(at, name, text.encode())
        return self.path / name

    @contextmanager
    def _directory(self) -> Iterator[_At]:
        """Check that the directory exists and is safe; yield access to its files."""
        try:
            for place in (*reversed(self.path.parents), self.path):  # private, whatever the umask
                if not place.exists():
                    with contextlib.suppress(FileExistsError):
                        place.mkdir(0o700)
            if self.path.is_symlink():
                raise StoreError(f"{self.path} is a symbolic link", "Name the directory itself in $SPIKECELL_CACHE.")
            if os.open not in os.supports_dir_fd:
                self._check(os.stat(self.path))
                yield _At(self.path, None)
                return
            fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                self._check(os.fstat(fd))
                yield _At(self.path, fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be used: {error.strerror or error}", "Name another directory in $SPIKECELL_CACHE."
            ) from error

    def _check(self, status: os.stat_result) -> None:
        mine = is_mine(status)
        if mine is None:
            return
        if not mine:
            raise StoreError(
                f"{self.path} belongs to another user, number {status.st_uid}",
                "Name a directory of your own in $SPIKECELL_CACHE.",
            )
        if status.st_mode & _OTHERS:
            raise StoreError(
                f"other users can write to {self.path}, mode {stat.S_IMODE(status.st_mode):04o}",
                f"If you trust its files: chmod 700 {self.path}. Or name another directory in $SPIKECELL_CACHE.",
            )


class _At:
    """A place whose files are named relative to an open directory, or by paths where this is not supported."""

    def __init__(self, path: Path, fd: int | None) -> None:
        self.path, self.fd = path, fd

    def __call__(self, name: str) -> tuple[str | Path, dict[str, Any]]:
        return (self.path / name, {}) if self.fd is None else (name, {"dir_fd": self.fd})

    def move(self, do: Callable[..., None], source: str, target: str) -> None:
        fds = {} if self.fd is None else {"src_dir_fd": self.fd, "dst_dir_fd": self.fd}
        do(self(source)[0], self(target)[0], **fds)


def _flags(*names: str) -> int:
    """Return the flags of ``os.open`` that this system has."""
    return sum(getattr(os, name, 0) for name in names)


def _content(at: _At, name: str, forbidden: int) -> bytes | None:
    """Return a file's content; remove it if it belongs to another user, has an unsafe mode, or is too large."""
    place, where = at(name)
    try:
        fd = os.open(place, os.O_RDONLY | _flags("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"), **where)
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(fd)
            mine = is_mine(status)
            safe = mine is None or (mine and not status.st_mode & forbidden)
            if stat.S_ISREG(status.st_mode) and safe and status.st_size <= _MOST:
                return file.read(status.st_size)
    except OSError as error:
        if isinstance(error, FileNotFoundError) or error.errno in _PASSING:
            return None
    _remove(at, name)
    return None


def _put(at: _At, name: str, content: bytes, do: Callable[..., None] = os.replace) -> None:
    temporary = f"{name}.{secrets.token_hex(8)}.tmp"
    place, where = at(temporary)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _flags("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")
        with os.fdopen(os.open(place, flags, 0o600, **where), "wb") as file:
            file.write(content)
        try:
            at.move(do, temporary, name)
        except FileExistsError:
            raise
        except OSError:  # perhaps a directory has this name
            if do is not os.replace:
                raise
            _remove(at, name)
            at.move(do, temporary, name)
    finally:
        _remove(at, temporary)


def _remove(at: _At, name: str) -> None:
    place, where = at(name)
    for do in (os.unlink, os.rmdir):
        with contextlib.suppress(OSError):
            do(place, **where)
            return


def _secret(at: _At) -> bytes:
    """Return the secret of a directory; the first process that needs one makes it."""
    for _ in range(3):
        found = _content(at, "key", 0o077)
        if found is not None and len(found) == _DIGEST:
            return found
        if found is not None:  # not if absent: another process may be writing one
            _remove(at, "key")
        new = secrets.token_bytes(_DIGEST)
        try:
            _put(at, "key", new, getattr(os, "link", os.replace))  # fails if another process was first
        except FileExistsError:
            pass
        except OSError:  # no links on this file system
            _put(at, "key", new)
    raise OSError(f"there is no key in {at.path}")


def _digest(secret: bytes, name: str, payload: bytes) -> bytes:
    content = hashlib.blake2b(name.encode() + b"\0", key=secret, digest_size=_DIGEST)
    content.update(payload)
    return content.digest()
