"""The result of :func:`snn.summary`: numbers by name, and a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from autograd.errors import PositionError
from autograd.html import table

__all__ = ["LayerSummary", "Summary"]

_MIB = 2**20
_HEADS = ("layer", "kind", "output", "parameters", "rate", "dense", "effective MACs", "effective ACs")


@dataclass(frozen=True)
class LayerSummary:
    """Findings of :func:`snn.summary` for one layer; None marks a number that this kind of layer does not have.

    Attributes
    ----------
    name, kind : str
        Its name in the net, empty for a net of one layer, and its class.
    shape : tuple of int
        Shape of its output for one sample in one step.
    parameters : int
        Number of values in its Parameters, without those shared with an earlier layer.
    rate : float or None
        Spikes per neuron per step; several in one step count as one.
    dense, macs, acs : float or None
        Synaptic operations per sample over all steps: all of them, and the effective ones by kind. See :func:`snn.summary`.
    updates : float or None
        Changes of membranes, per sample.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    rate: float | None
    dense: float | None
    macs: float | None
    acs: float | None
    updates: float | None

    @property
    def size(self) -> int:
        """Numbers in its output for one sample in one step."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Summary:
    """Findings of :func:`snn.summary` for a net; ``print`` shows a table, ``summary[name]`` is a layer.

    Attributes
    ----------
    layers : tuple of LayerSummary
        In the order in which they first run; a layer that runs several times in a step appears once, with the sum of its
        operations.
    steps, samples : int
        T and N of the input.
    parameters : int
        Number of values in all Parameters, including those that are not trained, such as the moving statistics of norms.
    trained : int
        Number of values in the Parameters that are trained.
    footprint : int
        Bytes of all Parameters. Constants of neurons count only if they are Parameters.
    connection_sparsity : float
        Share of the weights that are 0, without biases, to 4 decimals.
    activation_sparsity : float
        Share of the outputs of spiking neurons and activations that are 0, over layers, steps and samples. Readouts, which do
        not fire, do not count.
    membrane_updates : float
        Number of membranes that a step has changed, over neurons and steps, per sample. All count in the first step.
    memory : int or None
        Bytes that a compiled training step on such an input takes, from :func:`snn.memory_estimate`; None if the net cannot be
        compiled.
    notes : tuple of str
        Layers and operations that are not counted, or numbers that are not known, and why.
    """

    layers: tuple[LayerSummary, ...]
    steps: int
    samples: int
    parameters: int
    trained: int
    footprint: int
    connection_sparsity: float
    activation_sparsity: float
    membrane_updates: float
    memory: int | None
    notes: tuple[str, ...] = ()

    @property
    def dense(self) -> float:
        """Synaptic operations per sample, including those with a factor 0."""
        return sum(layer.dense or 0 for layer in self.layers)

    @property
    def macs(self) -> float:
        """Effective multiplications with weights, per sample."""
        return sum(layer.macs or 0 for layer in self.layers)

    @property
    def acs(self) -> float:
        """Effective additions of weights, per sample."""
        return sum(layer.acs or 0 for layer in self.layers)

    @property
    def rate(self) -> float | None:
        """Spikes per neuron per step, over all spiking neurons; None if there are none."""
        firing = [(layer.rate, layer.size) for layer in self.layers if layer.rate is not None]
        count = sum(size for _, size in firing)
        return sum(rate * size for rate, size in firing) / count if count else None

    @property
    def neurobench(self) -> dict[str, Any]:
        """The metrics of NeuroBench, under its names."""
        operations = {"Effective_MACs": self.macs, "Effective_ACs": self.acs, "Dense": self.dense}
        return {
            "Footprint": self.footprint,
            "ConnectionSparsity": self.connection_sparsity,
            "ActivationSparsity": self.activation_sparsity,
            "SynapticOperations": operations,
            "MembraneUpdates": self.membrane_updates,
        }

    def __getitem__(self, name: str) -> LayerSummary:
        """Return a layer by its name in the net."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        known = ", ".join(repr(layer.name) for layer in self.layers)
        raise PositionError("Summary", f"the name of a layer: {known}", repr(name), "They are in the first column.")

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table as text: header, layers, total."""
        rows: list[tuple[str, ...]] = [_HEADS]
        for layer in self.layers:
            numbers = (_rate(layer.rate), *map(_count, (layer.dense, layer.macs, layer.acs)))
            rows.append((layer.name or "-", layer.kind, str([*layer.shape]), f"{layer.parameters:,}", *numbers))
        totals = (f"{self.parameters:,}", _rate(self.rate), *map(_count, (self.dense, self.macs, self.acs)))
        return [*rows, ("total", "", "", *totals)]

    def lines(self) -> list[str]:
        """Return the lines below the table."""
        found = [
            f"footprint {self.footprint:,} bytes; connection sparsity {self.connection_sparsity:g}; activation sparsity "
            f"{self.activation_sparsity:.3g}; {_count(self.membrane_updates)} membrane updates per sample"
        ]
        if self.memory is not None:
            found.append(f"training step in compiled mode: {self.memory / _MIB:.1f} MiB")
        return [*found, *self.notes]

    @property
    def title(self) -> str:
        """Size of the run, and the unit of the operations."""
        return f"T = {self.steps}, N = {self.samples}; operations per sample over all steps"

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(len(row[k]) for row in rows) for k in range(len(_HEADS))]
        lines = [self.title]
        for row in rows:
            cells = [cell.ljust(w) if k < 3 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True))]
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *self.lines()])

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        head, *rows = self.rows()
        return table(self.title, head, rows, self.lines())


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}".removesuffix(".0")
