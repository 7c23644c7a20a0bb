"""The interface of all data sets: samples by index, named splits, transforms, and batches in a random order."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array, describe, is_int
from autograd.errors import ArgumentError, DTypeError, PositionError, UnknownNameError

from .batches import Batches
from .sources import Drawn, Source

__all__ = ["Dataset", "Sample", "Splits"]

KINDS = ("events", "sequence", "static")


class Sample(NamedTuple):
    """One sample of a data set."""

    x: Any
    """:class:`snn.data.Events`; or an array, ``[T, ...]`` if it has steps of time."""
    label: Any
    """Its class as an int, or its target as an array."""


class Dataset:
    """Samples that are read on demand.

    Parameters
    ----------
    source : Source
        Source of the samples, such as :class:`Arrays`, :class:`Files` or :class:`Drawn`.
    kind : {"events", "sequence", "static"}
        Kind of a sample: :class:`snn.data.Events`, an array ``[T, ...]`` over time, or an array without time such as an image.
    classes : sequence of str
        Names of the classes, by label; empty if labels are not classes.
    name : str
        For messages.

    Examples
    --------
    >>> import numpy as np, snn
    >>> data = snn.data.yin_yang(0, train=100).train
    >>> x, label = data[3]
    >>> len(data), x.shape, data.classes[label]
    (100, (4,), 'dot')
    >>> batch = next(iter(data.batches(32, np.random.default_rng(0))))
    >>> batch.x.shape, batch.labels.shape
    ((32, 4), (32,))
    """

    def __init__(self, source: Source, *, kind: str, classes: Sequence[str] = (), name: str = "data set") -> None:
        if kind not in KINDS:
            raise ArgumentError("Dataset", f"kind among {', '.join(KINDS)}", describe(kind), "It is the kind of a sample.")
        self.source, self.kind, self.classes, self.name = source, kind, tuple(classes), name
        self.transforms: tuple[Callable[..., Any], ...] = ()
        self._chosen: Array = np.arange(len(source))

    def __len__(self) -> int:
        return len(self._chosen)

    def __repr__(self) -> str:
        steps = "".join(f".map({t!r})" for t in self.transforms)
        return f"<{self.name}: {len(self):,} samples, {self.kind}>{steps}"

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    @property
    def labels(self) -> Array:
        """Labels of all samples, ``[N]`` int64, or targets, ``[N, ...]``."""
        return self.source.labels()[self._chosen]

    @property
    def random(self) -> bool:
        """Whether a transform draws random numbers."""
        return any(getattr(t, "random", False) for t in self.transforms)

    def __getitem__(self, index: Any) -> Any:
        """Return the sample at an int, or a Dataset of those at a slice, an array of ints or an array of bools."""
        if is_int(index):
            return self.sample(int(index))
        try:
            chosen = self._chosen[index if isinstance(index, slice) else np.asarray(index, None if len(index) else np.intp)]
        except (IndexError, TypeError) as error:
            raise PositionError(
                self.name, f"an int, a slice, ints or bools for {len(self)} samples", describe(index), f"{error}."
            ) from error
        return self._but(_chosen=chosen)

    def sample(self, index: int, rng: np.random.Generator | None = None) -> Sample:
        """Return one sample, with a generator for random transforms.

        Parameters
        ----------
        index : int
            Index of the sample; negative ones count from the end.
        rng : numpy.random.Generator, optional
            Required if a transform draws random numbers.

        Returns
        -------
        Sample
            Sample and label.

        Raises
        ------
        PositionError
            If there is no such sample.
        ArgumentError
            If a transform draws and no generator is given.
        DataError
            If its file cannot be used.
        """
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise PositionError(self.name, f"an index below {len(self)}", f"{index}", "len(dataset) is the number of samples.")
        self.check_generator(rng)
        return Sample(*self.take(self._chosen[[index]], [rng])[0])

    def digest(self) -> str:
        """Return a sha256 of the data of the samples: bytes of files or arrays, and their selection, without transforms.

        Returns
        -------
        str
            64 hexadecimal digits. All files are read once, from the first byte to the last.

        Raises
        ------
        DataError
            If a file cannot be used.
        """
        found = hashlib.sha256(self._chosen.astype("<i8").tobytes())
        for piece in self.source.contents():
            found.update(piece)
        return found.hexdigest()

    def check_generator(self, rng: Any) -> None:
        """Raise if a transform draws random numbers and there is no generator."""
        if rng is not None and not isinstance(rng, np.random.Generator):
            raise DTypeError(self.name, "a numpy.random.Generator", describe(rng), "Make one: np.random.default_rng(seed).")
        if rng is None and self.random:
            raise ArgumentError(
                self.name, "a generator, since a transform draws", "none", "Use dataset.sample(i, rng) or batches(size, rng)."
            )

    @property
    def chosen(self) -> Array:
        """Indices of the samples in the source, ``[N]``."""
        return self._chosen

    def take(self, places: Array, rngs: Sequence[np.random.Generator | None]) -> list[tuple[Any, Any]]:
        """Return samples and labels at places of the source, transformed with a generator each."""
        pairs = self.source.take(places)
        if not self.transforms:
            return pairs
        return [(self._transformed(x, rng), label) for (x, label), rng in zip(pairs, rngs, strict=True)]

    def _transformed(self, x: Any, rng: np.random.Generator | None) -> Any:
        for transform in self.transforms:
            x = transform(x, rng) if getattr(transform, "random", False) else transform(x)
        return x

    def map(self, *transforms: Callable[..., Any]) -> Dataset:
        """Return this data set with transforms that are applied, in order, to each sample when it is read.

        Parameters
        ----------
        *transforms : callable
            Map a sample to another one. A transform with an attribute ``random = True`` also gets a generator. An attribute
            ``gives``, as in those that make frames, is the kind of the result.

        Returns
        -------
        Dataset
            Shares the source.
        """
        kind = self.kind
        for transform in transforms:
            if not callable(transform):
                raise DTypeError(f"{self.name}, map", "callables", describe(transform), "Pass functions of a sample.")
            kind = getattr(transform, "gives", None) or kind
        return self._but(transforms=(*self.transforms, *transforms), kind=kind)

    def split(self, share: float, rng: np.random.Generator) -> tuple[Dataset, Dataset]:
        """Return two random parts, with each class divided in the same proportion.

        Parameters
        ----------
        share : float
            Share of the first part, in (0, 1). Each class contributes that share of its samples, rounded.
        rng : numpy.random.Generator
            Source of the choice.

        Returns
        -------
        tuple of Dataset
            Both in the order of this data set.
        """
        if not isinstance(rng, np.random.Generator):
            raise DTypeError(
                f"{self.name}, split", "a numpy.random.Generator", describe(rng), "Pass np.random.default_rng(seed)."
            )
        if not 0 < share < 1:
            raise ArgumentError(f"{self.name}, split", "a share in (0, 1)", describe(share), "For example 0.9.")
        labels = self.labels
        groups = labels if labels.ndim == 1 and self.classes else np.zeros(len(self), int)
        first = np.zeros(len(self), bool)
        for group in np.unique(groups):
            members = rng.permutation(np.flatnonzero(groups == group))
            first[members[: round(share * len(members))]] = True
        return self[first], self[~first]

    def batches(
        self,
        size: int,
        rng: np.random.Generator | None = None,
        *,
        shuffle: bool | None = None,
        drop_last: bool = False,
        prefetch: int = 0,
        start: int = 0,
    ) -> Batches:
        """Return an iterable of batches; each iteration starts anew.

        Parameters
        ----------
        size : int
            Samples in a batch.
        rng : numpy.random.Generator, optional
            Draws the order, and a seed for the transforms of each sample, when an iteration begins: the batches depend on its
            state then, and on nothing else. None: in order.
        shuffle : bool, optional
            Whether the order is random; by default if there is a generator.
        drop_last : bool
            Leave out a last batch that is smaller.
        prefetch : int
            Number of batches that a thread prepares ahead. It does not change the batches.
        start : int
            The first batch of an iteration: with the generator in its state at the start of an epoch, this gives the rest of
            the epoch.

        Returns
        -------
        Batches
            Iterable of :class:`snn.data.Batch`, with a length.
        """
        return Batches(self, size, rng, shuffle=shuffle, drop_last=drop_last, prefetch=prefetch, start=start)

    def _but(self, **changes: Any) -> Dataset:
        other = object.__new__(type(self))
        vars(other).update(vars(self), **changes)
        return other


class Splits(Mapping[str, Dataset]):
    """Data sets by the names of their splits: ``splits.train`` is ``splits["train"]``.

    Parameters
    ----------
    name : str
        Name of the data set.
    **parts : Dataset
        The splits, by name.
    """

    def __init__(self, name: str, **parts: Dataset) -> None:
        self.name, self._parts = name, parts

    def __getitem__(self, name: str) -> Dataset:
        try:
            return self._parts[name]
        except KeyError:
            fix = "Other parts: dataset.split(share, rng)."
            raise PositionError(self.name, f"a split among {', '.join(self)}", repr(name), fix) from None

    def __getattr__(self, name: str) -> Dataset:
        if name.startswith("_") or name not in self._parts:
            known = ", ".join(self._parts) if "_parts" in vars(self) else "none"
            raise UnknownNameError(type(self).__name__, f"a split among {known}", name, "Each is an attribute and an item.")
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._parts]

    def __repr__(self) -> str:
        return f"<{self.name}: {', '.join(f'{name} {len(part):,}' for name, part in self.items())}>"

    def map(self, *transforms: Callable[..., Any]) -> Splits:
        """Return all splits with transforms, as :meth:`Dataset.map` does."""
        return Splits(self.name, **{name: part.map(*transforms) for name, part in self.items()})


def drawn_splits(
    name: str, sizes: Mapping[str, int], labels: Callable[[int], Any], make: Callable[[Any, np.random.Generator], Any],
    rng: np.random.Generator, classes: Sequence[str],
) -> Splits:  # fmt: skip
    """Return splits of sequences that are made on demand; ``labels`` draws a given number of labels."""
    parts = {
        split: Dataset(Drawn(labels(size), make, rng), kind="sequence", classes=classes, name=name)
        for split, size in sizes.items()
    }
    return Splits(name, **parts)
