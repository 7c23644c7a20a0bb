"""Published files: found, unpacked, or fetched by pooch from several addresses, and checked against their checksums."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograd.errors import DataError

from ..common.others import extra, told
from .archives import unpack
from .files import AGAIN, reading

__all__ = ["Remote", "fetch"]

_CHUNK = 1 << 16  # bytes; at most so many are lost when a connection breaks
_PATIENCE = 30  # seconds without an answer


@dataclass(frozen=True)
class Remote:
    """A published file.

    Parameters
    ----------
    name : str
        Name in the folder of the set.
    urls : tuple of str
        Addresses, the best first. Without any, a program cannot fetch it.
    checksum : str, optional
        ``"sha256:..."`` or ``"md5:..."`` as published; None if none is known.
    gives : str
        The file or folder to unpack; empty if the file is not an archive.
    inside : Remote, optional
        An archive that holds this file.
    page : str
        Web page for manual download, if there is no address for programs.
    limit : int
        Largest size in bytes, packed or unpacked.
    """

    name: str
    urls: tuple[str, ...] = ()
    checksum: str | None = None
    gives: str = ""
    inside: Remote | None = None
    page: str = ""
    limit: int = 1 << 35

    @property
    def target(self) -> str:
        """Name of the file or folder that the readers need."""
        return self.gives or self.name

    @property
    def address(self) -> str:
        """Address for manual download."""
        return self.page or (self.urls[0] if self.urls else self.inside.address if self.inside else "its authors")


def provide(base: Path, remote: Remote, download: bool, where: str) -> Path:
    """Return the path of a file or folder for the readers, after unpacking it, or fetching it if ``download`` is set."""
    target = base / remote.target
    with reading(f"reading {base}"):
        if target.exists():
            return target
        packed = base / remote.name
        there = packed.is_file()
    if not there and remote.inside is not None:
        packed = provide(base, remote.inside, download, where)
    elif not there and not (download and remote.urls):
        raise _missing(base, remote, where)
    elif not there:
        packed = fetch(remote, base)
    elif remote.checksum is not None:
        check(packed, remote.checksum)
    return unpack(packed, remote.gives, remote.limit) if remote.gives else packed


def _missing(base: Path, remote: Remote, where: str) -> DataError:
    source = remote
    while not source.urls and source.inside is not None:
        source = source.inside
    what = remote.target if source.name == remote.target else f"{remote.target}, or {source.name}, which contains it"
    fetched = f"{where}(..., download=True) fetches it, or f" if source.urls else "F"
    fix = f"{fetched}etch {source.name} from {source.address} and put it into {base}."
    return DataError(f"reading {base}", what, "no such file", fix)


def check(path: Path, checksum: str) -> None:
    """Raise unless a file has the expected checksum."""
    kind, _, expected = checksum.partition(":")
    with reading(f"reading {path}"), open(path, "rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    if found != expected:
        raise DataError(
            f"reading {path}", f"{kind} {expected}", found, f"It is not the published file, or not all of it. {AGAIN}"
        )


def fetch(remote: Remote, directory: Path) -> Path:
    """Download a file; an interrupted download is resumed.

    Parameters
    ----------
    remote : Remote
        The file.
    directory : Path
        Target directory. An incomplete file is ``<name>.part`` there; the file itself appears in one step, after the check of
        its checksum. If no checksum is known, its sha256 is printed.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingExtraError
        If pooch is not installed.
    DataError
        If no address has it, or the content is not the published one. Nothing is left over then.
    """
    pooch = extra("pooch", "data", "snn.data, download=True")
    with reading(f"fetching {remote.name}"):
        directory.mkdir(parents=True, exist_ok=True)
    part, said = directory / f"{remote.name}.part", []
    for url in remote.urls:
        for resumed in (part.exists(), False):
            try:
                path = pooch.retrieve(url, remote.checksum, remote.name, directory, downloader=_Resuming(part, remote.limit))
            except Exception as error:
                if isinstance(error, DataError):
                    raise
                said.append(told(error, 160))
                if resumed and isinstance(error, ValueError):
                    continue  # the old part was of another file
            else:
                if remote.checksum is None:
                    print(f"{remote.name}: no checksum is published; sha256:{pooch.file_hash(path)}", file=sys.stderr)
                return Path(path)
            break
    raise DataError(
        f"fetching {remote.name}", "an address that gives the published file", "; ".join(said) or "no address",
        f"Without a network, fetch it from {remote.address} and put it into {directory}.",
    )  # fmt: skip


class _Resuming:
    """The downloader for pooch: continues an incomplete file, and keeps it if the connection breaks."""

    def __init__(self, part: Path, limit: int) -> None:
        self.part, self.limit = part, limit

    def __call__(self, url: str, output: Any, pooch: Any) -> None:
        """Fetch ``url`` into the part, and move it to ``output`` when it is whole."""
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        asked = {"Range": f"bytes={have}-"} if have else {}
        with requests.get(url, headers=asked | {"Accept-Encoding": "identity"}, stream=True, timeout=_PATIENCE) as answer:
            if have and answer.status_code == 416:  # the part may be complete
                if not answer.headers.get("Content-Range", "").endswith(f"/{have}"):
                    self.part.unlink()
                    raise ValueError(f"the {have:,} bytes that were there belong to another file")
                self.part.replace(output)
                return
            answer.raise_for_status()
            goes_on = answer.status_code == 206
            size = have * goes_on
            total = size + int(answer.headers.get("Content-Length", 0))
            with open(self.part, "ab" if goes_on else "wb") as file:
                for chunk in answer.iter_content(_CHUNK):
                    size += len(chunk)
                    if max(size, total) > self.limit:
                        break
                    file.write(chunk)
        if max(size, total) > self.limit:
            self.part.unlink()
            raise ValueError(f"more than {self.limit:,} bytes")
        if size < total:
            raise requests.ConnectionError(f"{size:,} of {total:,} bytes arrived")
        self.part.replace(output)
