"""Batches: samples stacked as ``[T, N, ...]``, shorter ones padded and masked, prepared ahead by a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from autograd.dtypes import Array, describe, is_int
from autograd.errors import ArgumentError, DTypeError, ShapeError

from .sources import Source

__all__ = ["Batch", "Batches", "Parts", "pad"]


class Batch(NamedTuple):
    """Stacked samples: ``snn.run(net, batch.x, mask=batch.mask)``."""

    x: Array
    """``[T, N, ...]``; ``[N, ...]`` where samples have no time."""
    labels: Array
    """``[N, ...]``, int64 for classes."""
    mask: Array | None
    """``[T, N]``, False after the end of a sample; None if all have the same length."""


def pad(sequences: Sequence[Any]) -> tuple[Array, Array | None]:
    """Stack sequences of different length, padding the shorter ones with zeros.

    Parameters
    ----------
    sequences : sequence of array
        N arrays ``[T_i, ...]`` of one dtype that differ in their first axis only.

    Returns
    -------
    x : numpy.ndarray
        ``[T, N, ...]``, with T the longest.
    mask : numpy.ndarray or None
        ``[T, N]`` bool, True where a step belongs to the sample, for ``snn.run(..., mask=mask)``, losses and metrics. None if
        all have the same length.

    Raises
    ------
    ShapeError
        If there are none, one has no time axis, or they differ in more than their length.

    Examples
    --------
    >>> import numpy as np, snn
    >>> x, mask = snn.data.pad([np.ones((3, 2)), np.ones((1, 2))])
    >>> x.shape, mask.sum(0).tolist()
    ((3, 2, 2), [3, 1])
    """
    arrays = [np.asarray(one) for one in sequences]
    kinds = {(one.shape[1:], one.dtype.str) for one in arrays}
    if len(kinds) != 1 or any(one.ndim == 0 for one in arrays):
        got = ", ".join(sorted({describe(one) for one in arrays})[:3]) or "none"
        raise ShapeError("data.pad", "sequences [T, ...] that differ in length only", got, "Bring them to one shape first.")
    lengths = np.array([len(one) for one in arrays])
    x = np.zeros((lengths.max(), len(arrays), *arrays[0].shape[1:]), arrays[0].dtype)
    for n, one in enumerate(arrays):
        x[: len(one), n] = one
    mask = np.arange(len(x))[:, None] < lengths
    return x, None if mask.all() else mask


class Samples(Protocol):
    """The part of :class:`snn.data.Dataset` that batches need; its documentation is there."""

    name: str
    kind: str
    source: Source
    transforms: tuple[Any, ...]

    def __len__(self) -> int: ...

    @property
    def random(self) -> bool: ...

    @property
    def chosen(self) -> Array: ...

    def check_generator(self, rng: Any) -> None: ...

    def take(self, places: Array, rngs: Sequence[np.random.Generator | None]) -> list[tuple[Any, Any]]: ...


class Batches(Iterable[Batch]):
    """Batches of a data set; made by :meth:`snn.data.Dataset.batches`, which describes the parameters."""

    def __init__(
        self,
        dataset: Samples,
        size: int,
        rng: np.random.Generator | None,
        *,
        shuffle: bool | None,
        drop_last: bool,
        prefetch: int,
        start: int,
    ) -> None:
        where = f"{dataset.name}, batches"
        for name, value, least in (("size", size, 1), ("prefetch", prefetch, 0), ("start", start, 0)):
            if not is_int(value) or value < least:
                raise ArgumentError(
                    where, f"{name}, an int of at least {least}", describe(value), "For example batches(64, rng)."
                )
        if dataset.kind == "events":
            raise ArgumentError(
                where, "samples that are arrays", "events",
                "Make frames first: dataset.map(snn.data.transforms.TimeBins(1000)).",
            )  # fmt: skip
        dataset.check_generator(rng)
        self.shuffle = rng is not None if shuffle is None else shuffle
        if self.shuffle and rng is None:
            raise DTypeError(
                where, "a numpy.random.Generator to shuffle with", "none", "Pass rng=np.random.default_rng(seed)."
            )
        self.dataset, self.size, self.rng, self.prefetch, self.start = dataset, size, rng, prefetch, start
        whole, rest = divmod(len(dataset), size)
        self.count = whole + bool(rest and not drop_last)

    def __len__(self) -> int:
        return max(0, self.count - self.start)

    def parts(self, cut: Callable[[int], slice]) -> Parts:
        """Return the parts of the batches for one of several processes; all processes draw the same order.

        Parameters
        ----------
        cut : callable
            Maps the number of samples of a batch to the slice to read.

        Returns
        -------
        Parts
            Iterable of :class:`snn.data.Batch`, or None for a part without samples. It has a length.
        """
        return Parts(self, cut)

    def __iter__(self) -> Iterator[Batch]:
        """Draw the order and the seeds of transforms, and return the batches."""
        return cast("Iterator[Batch]", self.iterate(slice))  # whole batches, which are never empty

    def iterate(self, cut: Callable[[int], slice]) -> Iterator[Batch | None]:
        """Draw the order and the seeds of transforms, and return the part ``cut`` of each batch, None if it is empty."""
        places, samples = self.dataset.chosen, len(self.dataset)
        if self.shuffle:
            assert self.rng is not None
            places = self.rng.permutation(places)
        seeds = self.rng.integers(0, 1 << 63, samples) if self.rng is not None and self.dataset.random else None
        whole = [slice(n * self.size, (n + 1) * self.size) for n in range(self.start, self.count)]
        parts = ((chosen, cut(len(places[chosen]))) for chosen in whole)
        jobs = ((places[one][part], None if seeds is None else seeds[one][part]) for one, part in parts)
        return self._ahead(jobs) if self.prefetch else (self._batch(*job) for job in jobs)

    def _ahead(self, jobs: Iterator[tuple[Array, Array | None]]) -> Iterator[Batch | None]:
        """Make the batches in one thread, in order, a few ahead; the thread ends with the iteration, however that ends."""
        pool = ThreadPoolExecutor(1, "snn-data")
        try:
            waiting: deque[Future[Batch | None]] = deque()
            for job in jobs:
                waiting.append(pool.submit(self._batch, *job))
                if len(waiting) > self.prefetch:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _batch(self, places: Array, seeds: Array | None) -> Batch | None:
        if not len(places):
            return None
        if self.dataset.kind == "static" and not self.dataset.transforms:
            if (found := self.dataset.source.stacked(places)) is not None:
                return Batch(*found, None)
        rngs = [None] * len(places) if seeds is None else [np.random.default_rng(seed) for seed in seeds]
        pairs = self.dataset.take(places, rngs)
        labels = np.array([label for _, label in pairs])
        samples = [x for x, _ in pairs]
        if self.dataset.kind == "sequence":
            x, mask = pad(samples)
            return Batch(x, labels, mask)
        shapes = {np.shape(x) for x in samples}
        if len(shapes) > 1:
            raise ShapeError(
                f"{self.dataset.name}, batches", "samples of one shape", f"{sorted(shapes)[:2]}",
                "Bring them to one shape by map().",
            )  # fmt: skip
        return Batch(np.stack(samples), labels, None)


class Parts(Iterable[Batch | None]):
    """The parts of batches that one of several processes reads; made by :meth:`Batches.parts`."""

    def __init__(self, batches: Batches, cut: Callable[[int], slice]) -> None:
        self.batches, self._cut = batches, cut

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch | None]:
        """Draw the order and the seeds of transforms of the whole batches, and return the parts."""
        return self.batches.iterate(self._cut)
