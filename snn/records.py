"""The record of a run, and its export to tools for labelled arrays and spike trains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np

from autograd import Tensor
from autograd.dtypes import describe, is_int
from autograd.errors import ArgumentError, DTypeError, ShapeError, UnknownKeyError
from autograd.html import of_values

from .common.checks import fired, positive
from .common.others import extra

__all__ = ["Record"]

_AXES = {1: ("neuron",), 2: ("channel", "length"), 3: ("channel", "height", "width")}
"""Names of the feature dimensions of a layer, by the number of these dimensions."""

_DT = "Pass the length of a time step in ms."


class Record(dict[str, Tensor]):
    """Record of :func:`snn.run`: a dict from ``"<layer>.<variable>"`` (``"<variable>"`` for one neuron) to ``[T, N, ...]``."""

    def __missing__(self, name: Any) -> Any:
        """Raise the error for an entry that is not there."""
        layers = [known for known in self if str(known).endswith(f".{name}")] if isinstance(name, str) else []
        fix = (
            f"An entry is named after its layer: {', '.join(map(repr, layers))}." if layers
            else f"To record it, pass record=[{name!r}] to snn.run." if not self or (isinstance(name, str) and "." not in name)
            else "These are the entries of this run."
        )  # fmt: skip
        raise UnknownKeyError("record", ", ".join(map(repr, self)) or "an entry that was recorded", repr(name), fix)

    def copy(self) -> Self:
        """Return a record with the same entries."""
        return type(self)(self)

    def __or__(self, other: Mapping[str, Any]) -> Self:  # type: ignore[override]
        """Return a record with the entries of both."""
        return type(self)({**self, **other}) if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Mapping[str, Any]) -> Self:  # type: ignore[override]
        """Return a record with the entries of both."""
        return type(self)({**other, **self}) if isinstance(other, Mapping) else NotImplemented

    def to_xarray(self, *, dt: float | None = None) -> Any:
        """Return the record as an ``xarray.Dataset``, with named dimensions.

        Parameters
        ----------
        dt : float, optional
            Length of a time step in ms; None gives the time in steps.

        Returns
        -------
        xarray.Dataset
            One variable per entry, under its name. Its dimensions are ``time``, ``sample`` and the features of its layer, such
            as ``1.neuron``; ``1.channel``, ``1.height`` and ``1.width`` after a convolution. Step ``t`` is at ``t * dt``, and
            the coordinate states the unit. Values are not copied.

        Raises
        ------
        DTypeError
            If an entry is not a Tensor ``[T, N, ...]``.
        ShapeError
            If entries do not have the same steps and samples.
        ArgumentError
            If nothing was recorded, or ``dt`` is not positive.
        MissingExtraError
            If xarray is not installed.
        """
        where = "record.to_xarray"
        step = 1 if dt is None else positive(dt, where, "dt", _DT)
        arrays = self._arrays(where)
        xarray = extra("xarray", "xarray", where)
        steps, samples = next(iter(arrays.values())).shape[:2]
        coordinates: dict[str, Any] = {
            "time": ("time", step * np.arange(steps), {"units": "steps" if dt is None else "ms", "long_name": "time"}),
            "sample": np.arange(samples),
        }
        variables = {}
        for name, array in arrays.items():
            layer, _, what = name.rpartition(".")
            features = _AXES.get(array.ndim - 2, tuple(f"axis {i}" for i in range(2, array.ndim)))
            names = [f"{layer}.{axis}" if layer else axis for axis in features]
            variables[name] = (("time", "sample", *names), array, {"layer": layer, "what": what})
            coordinates |= {axis: np.arange(n) for axis, n in zip(names, array.shape[2:], strict=True)}
        return xarray.Dataset(variables, coordinates)

    def to_neo(self, *, dt: float, sample: int | Sequence[int] | None = None) -> Any:
        """Return the record as a ``neo.Block``: spike trains and signals with units, the exchange format of electrophysiology.

        Parameters
        ----------
        dt : float
            Length of a time step in ms.
        sample : int or sequence of int, optional
            Samples of the batch to export; None exports all. Each neuron becomes a separate object, which takes time.

        Returns
        -------
        neo.Block
            One segment per sample. A layer's ``spike`` becomes one ``SpikeTrain`` per neuron, from 0 to ``T * dt`` ms, with
            the spike of step ``t`` at ``t * dt``; every nonzero value is one spike. Each other variable becomes an
            ``AnalogSignal`` with one channel per neuron, without a unit. The ``annotations`` hold layer, neuron (counted over
            all features) and sample.

        Raises
        ------
        DTypeError
            If an entry is not a Tensor ``[T, N, ...]``.
        ShapeError
            If entries do not have the same steps and samples.
        ArgumentError
            If nothing was recorded, ``dt`` is not positive, or there is no such sample.
        MissingExtraError
            If neo is not installed.
        """
        where = "record.to_neo"
        step, arrays = positive(dt, where, "dt", _DT), self._arrays(where)
        count = next(iter(arrays.values())).shape[1]
        chosen: list[Any] = [sample]
        if sample is None:
            chosen = [*range(count)]
        elif isinstance(sample, Iterable) and getattr(sample, "ndim", None) != 0:
            chosen = [*sample]
        for one in chosen:
            if not is_int(one) or not 0 <= one < count:
                raise ArgumentError(where, f"samples from 0 to {count - 1}", describe(one), "Pick another one.")
        neo, quantities = extra("neo", "neo", where), extra("quantities", "neo", where)
        dimensionless, ms = quantities.dimensionless, quantities.ms
        block = neo.Block(name="snn.run")
        for one in chosen:
            segment = neo.Segment(name=f"sample {one}", index=int(one))
            for name, array in arrays.items():
                layer, _, what = name.rpartition(".")
                values, about = array[:, one].reshape(len(array), -1), {"layer": layer, "sample": int(one)}
                if what == "spike":
                    for neuron, times in _trains(values, f"{where}, {name}"):
                        segment.spiketrains.append(
                            neo.SpikeTrain(
                                step * times, units=ms, t_start=0 * ms, t_stop=len(array) * step * ms,
                                name=f"{name} {neuron}", neuron=neuron, **about,
                            )
                        )  # fmt: skip
                else:
                    signal = neo.AnalogSignal(values, units=dimensionless, sampling_period=step * ms, name=name, **about)
                    signal.array_annotate(neuron=np.arange(values.shape[1]))
                    segment.analogsignals.append(signal)
            block.segments.append(segment)
        return block

    def _repr_html_(self) -> str:
        """Return the entries as a table, for notebooks."""
        return of_values(f"Record of {len(self)} " + ("entry" if len(self) == 1 else "entries"), self.items())

    def _arrays(self, where: str) -> dict[str, np.ndarray[Any, Any]]:
        if not self:
            raise ArgumentError(where, "something recorded", "an empty record", "Run with record=['spike', 'v'].")
        for name, values in self.items():
            if not isinstance(values, Tensor) or values.ndim < 2:
                raise DTypeError(
                    f"{where}, {name}", "a Tensor [T, N, ...]", describe(values), "Put autograd.Tensor(array) into the record."
                )
        shapes = {name: list(tensor.shape) for name, tensor in self.items()}
        if len({tuple(shape[:2]) for shape in shapes.values()}) > 1:
            raise ShapeError(where, "the same steps and samples [T, N, ...] in all", f"{shapes}", "Record all in one run.")
        return {name: tensor.asnumpy() for name, tensor in self.items()}


def _trains(values: Any, where: str) -> Iterator[tuple[int, Any]]:
    """Yield each neuron of ``[T, n]`` and the steps at which it fires."""
    neurons, times = np.nonzero(fired(values, where).T)
    ends = np.searchsorted(neurons, np.arange(values.shape[1] + 1))
    for neuron, (first, last) in enumerate(pairwise(ends)):
        yield neuron, times[first:last]
