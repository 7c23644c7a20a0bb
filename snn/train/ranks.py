"""Data-parallel training over MPI: each rank processes its part of every batch, and all make the same step."""

from __future__ import annotations

import pickle
import time
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import numpy as np

from autograd import Parameter, Tensor
from autograd.dtypes import describe, is_number, sum_dtype
from autograd.errors import ArgumentError, DTypeError, MissingExtraError, RankError

from . import checks
from .streams import Streams

__all__ = ["One", "Ranks"]

_SPINS = 200  # tries before a wait begins to pause between tries
_REST = 2e-4  # seconds
_AGAIN = "Restart all ranks, and resume from the last checkpoint, which is complete."


class One:
    """The single rank of a training run without :class:`Ranks`."""

    rank, size = 0, 1

    def exchange(self, what: str, value: Any) -> list[Any]:
        """Return the values of all ranks, in order; ``what`` names the exchange and must be the same on all."""
        return [value]

    def first(self, function: Callable[[], Any]) -> Any:
        """Call a function on rank 0 alone, and return its result on all ranks."""
        return function()

    def together(self) -> AbstractContextManager[None]:
        """Return a context in which an error on one rank becomes an error on all."""
        return nullcontext()

    def streams(self, rngs: Iterable[np.random.Generator]) -> Streams:
        """Let each rank draw its own numbers until all join again."""
        return Streams(rngs, self.rank, self.size)

    def parts(self, batches: Iterable[Any], rngs: Iterable[np.random.Generator]) -> Iterable[Any]:
        """Return this rank's part of each batch, None if it is empty."""
        return batches

    def mean(
        self, gradients: Sequence[Tensor] | None, weight: float, total: float, params: Sequence[Parameter]
    ) -> Sequence[Tensor]:
        """Return the mean of the gradients of all ranks, weighted."""
        assert gradients is not None
        return gradients


class Ranks(One):
    """MPI ranks that train one net together, for ``Trainer(ranks=...)``. It needs the extra ``mpi``.

    Every rank is a process that runs the same program and builds the same Trainer. Rank 0 gives all of them its weights,
    optimizer, generators and position when ``fit`` begins. Then each takes its part of every batch. The mean of the
    gradients, by the numbers of samples, is the same on all: they make the same step as one rank with the whole batch, to
    rounding. Hooks and ``evaluate`` are called on rank 0 alone, so only this rank writes files. Losses and metrics are means
    over the samples of all ranks.

    Start it as ``mpiexec -n 4 python -m mpi4py train.py``: the second ``-m`` ends all ranks if one fails.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm, optional
        The ranks; by default all of them.
    part : callable, optional
        Maps a batch, the number of a rank and the number of ranks to the part of that rank, or None if it is empty. By default
        :meth:`snn.data.Dataset.batches` reads only its part, and arrays, tuples and dicts are cut along their first axis.
    timeout : float
        Seconds to wait for another rank: longer than the longest evaluation, or hook, of rank 0.

    Attributes
    ----------
    rank, size : int
        The number of this rank, from 0, and the number of ranks.

    Raises
    ------
    MissingExtraError
        If mpi4py is not installed.
    ArgumentError
        If there is no MPI library; or ``timeout`` is not positive.
    DTypeError
        If ``part`` is not a function.

    Notes
    -----
    Randomness: every rank draws the same order of samples. In a step each rank draws from its own streams, jumped far ahead
    from the common state, so that no two samples get the same noise or the same dropout mask; after the step all ranks jump to
    a new common state with the generators that were used. A run therefore repeats to the bit with the same number of ranks.
    With another number it agrees to rounding if a step draws nothing, and otherwise differs as with another seed.

    A batch norm in training is an error: its statistics would cover only a part of the batch. The loss must be a mean over
    independent samples; if it is a mean over something else, such as unmasked steps, count that with ``Trainer(samples=)``.
    """

    def __init__(
        self, comm: Any = None, *, part: Callable[[Any, int, int], Any] | None = None, timeout: float = 1800.0
    ) -> None:
        if not is_number(timeout) or not timeout > 0:
            raise ArgumentError("Ranks", "a timeout in seconds, above 0", repr(timeout), "For example 1800.")
        if part is not None and not callable(part):
            raise DTypeError("Ranks", "part, a function", describe(part), "For example lambda batch, rank, size: ...")
        try:
            from mpi4py import MPI
        except ModuleNotFoundError as error:
            raise MissingExtraError("mpi4py", "mpi", "snn.train.Ranks") from error
        except (ImportError, RuntimeError) as error:
            raise ArgumentError(
                "Ranks", "an MPI library", f"none ({error})", "Install one: pip install mpich, or the package of your system."
            ) from error
        self._mpi: Any = MPI
        self.comm = (MPI.COMM_WORLD if comm is None else comm).Dup()
        self.rank, self.size = int(self.comm.rank), int(self.comm.size)
        self.timeout, self._part = float(timeout), part
        self._pending: Any = None

    def __repr__(self) -> str:
        return f"<rank {self.rank} of {self.size}>"

    # Messages

    def exchange(self, what: str, value: Any, error: BaseException | None = None) -> list[Any]:
        """Return the values of all ranks, in order; ``what`` names the exchange and must be the same on all.

        Raises
        ------
        RankError
            If another rank has an error, is at another exchange, or does not answer.
        """
        # Pickles pass between processes of one program only; no file contains one.
        mine = np.frombuffer(pickle.dumps((_told(error), what, value)), np.uint8)
        sizes = np.zeros(self.size, np.int64)
        self._wait(self.comm.Iallgather(np.array([mine.size]), sizes), mine, sizes)
        whole = np.empty(sizes.sum(), np.uint8)
        self._wait(self.comm.Iallgatherv(mine, [whole, sizes]), mine, whole)
        found = [pickle.loads(part.tobytes()) for part in np.split(whole, np.cumsum(sizes)[:-1])]
        if error is None:
            for rank, (failed, _, _) in enumerate(found):
                if failed:
                    raise self._failed(rank, *failed)
            if len({theirs for _, theirs, _ in found}) > 1:
                raise RankError(
                    f"rank {self.rank} of {self.size}", "all ranks at the same place in the training run",
                    "; ".join(f"rank {rank} at {theirs}" for rank, (_, theirs, _) in enumerate(found)),
                    "They must draw the same epochs: the same data, order and batch size.",
                )  # fmt: skip
        return [value for _, _, value in found]

    def _failed(self, rank: int, text: str, trace: str) -> RankError:
        error = RankError(f"rank {rank} of {self.size}", "no error", text, f"Fix it. {_AGAIN}")
        error.add_note(f"On rank {rank}:\n{trace}")
        return error

    def _wait(self, request: Any, *buffers: Any) -> None:
        self._pending, tries, end = (request, buffers), 0, time.monotonic() + self.timeout  # MPI may write into them
        while not request.Test():
            if time.monotonic() > end:
                raise RankError(
                    f"rank {self.rank} of {self.size}", f"answers from all ranks within {self.timeout:g} s", "none from some",
                    f"One has died, or takes longer: then raise timeout. {_AGAIN}",
                )  # fmt: skip
            tries += 1
            time.sleep(0 if tries < _SPINS else _REST)
        self._pending = None

    def first(self, function: Callable[[], Any]) -> Any:
        """Call a function on rank 0 alone, and return its result on all ranks."""
        return self.exchange("a result of rank 0", None if self.rank else function())[0]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Return a context in which an error on one rank becomes an error on all."""
        try:
            yield
        except RankError:  # all ranks have it, or no other rank answers
            raise
        except Exception as error:
            with suppress(RankError):
                self.exchange("an error", None, error)
            raise

    # Work

    def parts(self, batches: Iterable[Any], rngs: Iterable[np.random.Generator]) -> Iterable[Any]:
        """Return this rank's part of each batch, None if it is empty.

        Raises
        ------
        ArgumentError
            If the order comes from a generator that the ranks do not share.
        """
        rng = getattr(batches, "rng", None)
        if isinstance(rng, np.random.Generator) and not any(rng is known for known in rngs):
            raise ArgumentError(
                "Trainer, batches", "an order drawn from a generator that all ranks share", "one of their own",
                "Name it: Trainer(..., rng=...).",
            )  # fmt: skip
        if self._part is None and hasattr(batches, "parts"):
            return batches.parts(self._slice)  # type: ignore[no-any-return]
        return _Counted(self._cuts(batches), len(batches)) if isinstance(batches, Sized) else self._cuts(batches)

    def _cuts(self, batches: Iterable[Any]) -> Iterator[Any]:
        for number, batch in enumerate(batches):
            if not number and len(set(self.exchange("the first batch", _digest(batch)))) > 1:
                raise RankError(
                    f"rank {self.rank} of {self.size}, batches", "the same first batch on every rank", "different ones",
                    "Draw the order from a generator that Trainer(rng=...) names, which the ranks share.",
                )  # fmt: skip
            yield self._cut(batch)

    def _slice(self, samples: int) -> slice:
        """Return the slice of this rank among so many samples; the first ranks take one more each if there is a remainder."""
        each, more = divmod(samples, self.size)
        start = self.rank * each + min(self.rank, more)
        return slice(start, start + each + (self.rank < more))

    def _cut(self, batch: Any) -> Any:
        if self._part is not None:
            return self._part(batch, self.rank, self.size)
        if hasattr(batch, "labels"):
            raise DTypeError(
                "Trainer, batches", "batches of dataset.batches(...), arrays, or tuples or dicts of arrays",
                f"{type(batch).__name__}, whose axis of samples is not known", "Define how to divide it: Ranks(part=...).",
            )  # fmt: skip
        chosen = self._slice(checks.samples(batch))
        return None if chosen.start == chosen.stop else _sliced(batch, chosen)

    def mean(
        self, gradients: Sequence[Tensor] | None, weight: float, total: float, params: Sequence[Parameter]
    ) -> Sequence[Tensor]:
        """Return the mean of the gradients of all ranks, weighted."""
        if self.size == 1:
            return super().mean(gradients, weight, total, params)
        wide = [sum_dtype(p.dtype) for p in params]
        found: list[Any] = [None] * len(params)
        for dtype in sorted(set(wide), key=str):
            chosen = [i for i, kind in enumerate(wide) if kind == dtype]
            sizes = [params[i].size for i in chosen]
            sums = np.zeros(sum(sizes), dtype)
            places = np.split(sums, np.cumsum(sizes)[:-1])
            if gradients is not None:
                for i, place in zip(chosen, places, strict=True):
                    np.multiply(gradients[i].array.ravel(), dtype.type(weight), out=place, dtype=dtype)
            self._wait(self.comm.Iallreduce(self._mpi.IN_PLACE, sums), sums)
            sums /= dtype.type(total)
            for i, place in zip(chosen, places, strict=True):
                found[i] = Tensor.wrap(place.reshape(params[i].shape).astype(params[i].dtype))
        return found


class _Counted(Iterable[Any], Sized):
    """Batches of a known number."""

    def __init__(self, batches: Iterator[Any], count: int) -> None:
        self._batches, self._count = batches, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Any]:
        return self._batches


def _told(error: BaseException | None) -> tuple[str, str] | None:
    if error is None:
        return None
    return f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))


def _digest(value: Any, digest: int = 0) -> int:
    """Return a digest of the arrays in a batch."""
    if isinstance(value, (list, tuple, Mapping)):
        for item in value.values() if isinstance(value, Mapping) else value:
            digest = _digest(item, digest)
    elif isinstance(value, (np.ndarray, Tensor)):
        array = np.ascontiguousarray(np.asarray(value))
        digest = zlib.crc32(array.data, digest) if array.dtype != object else digest
    return digest


def _sliced(value: Any, chosen: slice) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {name: _sliced(item, chosen) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_sliced(item, chosen) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value[chosen]
