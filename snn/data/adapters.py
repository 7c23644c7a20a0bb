"""Data of other packages: data sets of tonic or torch, item by item, and batches of a torch DataLoader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from autograd.dtypes import Array, describe
from autograd.errors import ArgumentError, DataError, DTypeError

from .batches import Batch
from .dataset import Dataset
from .events import Events, from_structured
from .sources import Source

__all__ = ["from_loader", "wrap"]


def wrap(dataset: Any, *, kind: str | None = None, shape: tuple[int, ...] | None = None) -> Dataset:
    """Use a data set of another package as a Dataset; neither tonic nor torch is imported.

    Parameters
    ----------
    dataset : object with ``len`` and items
        For example a ``Dataset`` of tonic or torch, or a list: each item is a sample and its label. Structured arrays, and
        dicts of arrays, with fields t and x become :class:`Events`; tensors become arrays.
    kind : {"events", "sequence", "static"}, optional
        Kind of the samples; None looks at the first, and treats anything but events as "static".
    shape : tuple of int, optional
        Shape of a frame, as for :class:`Events`. None takes it from tonic's ``sensor_size``, ``(width, height, polarities)``,
        where a height of 1 makes channels, or from SpikingJelly's ``get_H_W()``, with two polarities. Without either, each
        frame is as large as its sample needs.

    Returns
    -------
    Dataset
        Reads an item on demand. Labels that are strings are numbered in alphabetical order.

    Raises
    ------
    DTypeError
        If the data set has no items, or a sample is neither events nor numbers.
    DataError
        If an item is not a sample and its label.

    Examples
    --------
    >>> import numpy as np, snn
    >>> events = np.array([(0, 3, 1, 1), (40, 2, 0, 0)], [("t", int), ("x", int), ("y", int), ("p", int)])
    >>> snn.data.wrap([(events, 7)], shape=(2, 2, 4))[0]
    Sample(x=<Events: 2 in 40 us, shape (2, 2, 4)>, label=7)
    """
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise DTypeError(
            "data.wrap", "a data set with len and items", describe(dataset), "For batches of a DataLoader use from_loader."
        )
    sensor = getattr(dataset, "sensor_size", None)
    if shape is None and isinstance(sensor, (tuple, list)) and len(sensor) == 3:
        width, height, polarities = sensor
        shape = (width,) if height == 1 else (polarities, height, width)
    elif shape is None and callable(size := getattr(dataset, "get_H_W", None)):
        shape = (2, *size())
    if kind is None:
        kind = "events" if len(dataset) and isinstance(_sample(dataset, 0, shape)[0], Events) else "static"
    source = _Foreign(dataset, shape)
    return Dataset(source, kind=kind, classes=source.names, name=type(dataset).__name__)


def _sample(dataset: Any, place: int, shape: Any) -> tuple[Any, Any]:
    pair = dataset[place]
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise DataError("data.wrap", "items (sample, label)", describe(pair), "Wrap a data set whose items are such pairs.")
    x, label = pair
    if isinstance(x, Events):
        return x, label
    if isinstance(x, Mapping) or getattr(getattr(x, "dtype", None), "names", None):
        return from_structured(x, shape), label
    values = _array(x)
    _check_numbers(f"data.wrap, sample {place}", values, x)
    return values, label


def _check_numbers(where: str, values: Array, given: Any) -> None:
    if values.dtype.kind not in "biuf":
        raise DTypeError(
            where, "numbers or events", describe(given),
            "Events are snn.data.Events(t, x, y, p, shape=...), a structured array, or a dict of arrays t, x, y, p.",
        )  # fmt: skip


class _Foreign(Source):
    def __init__(self, dataset: Any, shape: Any) -> None:
        targets = getattr(dataset, "targets", None)
        known = targets is not None and len(targets) == len(dataset)
        super().__init__(None, len(dataset))
        self.dataset, self.shape = dataset, shape
        self.names: tuple[str, ...] = ()
        if known and len(dataset):
            array = _array(targets)
            if array.dtype.kind in "US":
                names, array = np.unique(array.astype(str), return_inverse=True)
                self.names = tuple(map(str, names))
            self._labels = array

    def read(self, place: int) -> tuple[Any, Any]:
        """Return a sample and its label."""
        x, label = _sample(self.dataset, place, self.shape)
        if self._labels is not None:
            return x, self.label(place)
        label = _array(label)
        return x, label.item() if label.ndim == 0 else label


def from_loader(loader: Iterable[Any], *, batch_first: bool | None) -> Iterator[Batch]:
    """Use batches of another package, such as a ``DataLoader`` of torch; torch is not imported.

    Parameters
    ----------
    loader : iterable
        Batches: ``(x, labels)``, tensors on the CPU or arrays.
    batch_first : bool or None
        True: ``x`` is ``[N, T, ...]``, as torch stacks sequences, and is transposed to ``[T, N, ...]``. False: it already is
        ``[T, N, ...]``. None: it has no time axis.

    Yields
    ------
    Batch
        Arrays; memory is shared if the axes are already in order.
    """
    for number, batch in enumerate(loader):
        where = f"data.from_loader, batch {number}"
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise DataError(where, "x and labels", describe(batch), "Give the loader a collate_fn that returns these two.")
        x, labels = map(_array, batch)
        _check_numbers(where, x, batch[0])
        if x.ndim < 2 and batch_first:
            raise DataError(where, "x [N, T, ...]", describe(x), "Pass batch_first=None where there is no time.")
        x = np.swapaxes(x, 0, 1) if batch_first else x
        samples = x.shape[0 if batch_first is None else 1] if x.ndim > (batch_first is not None) else -1
        if labels.ndim and len(labels) != samples:
            raise ArgumentError(where, f"as many labels as samples, {samples}", describe(labels), "Is batch_first right?")
        yield Batch(x, labels, None)


def _array(value: Any) -> Array:
    """Convert a value, perhaps a tensor, to an array by the protocol of numpy alone."""
    try:
        return np.asarray(value)
    except (TypeError, RuntimeError, ValueError) as error:
        got = f"{type(value).__name__} ({' '.join(str(error).split())[:120]})"
        raise DTypeError(
            "data of another package", "arrays, or tensors on the CPU without gradient", got, "Pass x.detach().cpu()."
        ) from error
