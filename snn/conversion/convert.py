"""Convert a trained net of rectifiers to a spiking net."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Cell, Tensor, nn
from autograd.dtypes import Array, describe, is_number
from autograd.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from autograd.state import no_grad, quietly

from ..common.structure import label
from ..neurons import IFNode
from .fold import WEIGHTED, folded, with_weights
from .report import Converted, batches, samples

__all__ = ["ConvertedNode", "convert"]


class ConvertedNode(IFNode):
    """An integrate-and-fire neuron that starts at a share of its threshold.

    Parameters
    ----------
    share : float
        Initial membrane, in thresholds.
    """

    def __init__(self, share: float = 0.0) -> None:
        super().__init__(spike_value="unit")
        self.share = share

    def initial_state(self, x: Any) -> Any:
        """Return the membrane at the start for inputs such as ``x``."""
        return super().initial_state(x) + self.share


def convert(
    ann: Cell, data: Any, *, balance: str = "percentile", percentile: float = 99.9, per: str = "channel", start: float = 0.5
) -> Converted:
    """Convert a trained chain of rectifiers to integrate-and-fire neurons whose rates are its activations.

    Norms are folded into the weights before them. Weights are scaled so that a neuron that fires in every step represents a
    large activation on ``data``: with ``s`` this activation of a layer and ``r`` that of the layer before it, ``W <- W r / s``
    and ``b <- b / s`` (Rueckauer et al., 2017; for each channel, Kim et al., 2020). Resets are soft, so no part of the
    membrane is lost.

    Parameters
    ----------
    ann : nn.SequentialCell
        A chain of ``nn.Dense``, ``nn.Conv1d`` to ``Conv3d``, ``BatchNorm`` after them, ``nn.ReLU`` or ``activation="relu"``,
        average pooling, ``nn.Flatten``, ``nn.Dropout``, ``nn.Identity`` and further chains of these. It is not changed.
    data : Tensor or array
        Inputs ``[N, ...]`` of the kind that the net was trained on; a few hundred are enough.
    balance : {"percentile", "max"}
        Activation that a neuron reaches when it fires in every step: a percentile of the activations above 0, or the largest.
    percentile : float
        The percentile, above 0 and at most 100. Larger activations are cut off; a smaller percentile needs fewer steps.
    per : {"channel", "layer"}
        Whether each channel, or feature, has a scale of its own. The last rectifier, if no weights follow, has one for all:
        its spikes are the scores, which are compared with each other.
    start : float
        Initial membranes, in thresholds, in [0, 1): 0.5 rounds spike counts to the nearest whole number, 0 rounds them
        down (Bu et al., 2022).

    Returns
    -------
    Converted
        The net, and ``accuracy(x, labels, steps)``, which shows how many steps it needs.

    Raises
    ------
    CellError
        If a layer cannot be converted; the error names it and suggests a replacement.
    ArgumentError
        If an argument is out of range, or no neuron of a layer is active on ``data``.
    NonFiniteError
        If an activation is NaN or infinite.

    Notes
    -----
    The last layer has no neurons if no rectifier follows it: its currents are summed. The rate of a neuron after T steps
    differs from its activation by up to ``1 / T`` for one layer, and by more after several layers, which fire late and
    unevenly.

    Examples
    --------
    >>> import numpy as np, snn
    >>> from autograd import nn
    >>> ann = nn.SequentialCell(nn.Dense(4, 8, rng=0), nn.ReLU(), nn.Dense(8, 2, rng=1))
    >>> x = np.random.default_rng(0).random((50, 4), np.float32)
    >>> converted = snn.convert(ann, x)
    >>> print([type(layer).__name__ for layer in converted.net])
    ['Dense', 'ConvertedNode', 'Dense']
    >>> converted.accuracy(x, ann(x).asnumpy().argmax(1), steps=64, mode="eager")[64] > 0.9
    True
    """
    if balance not in ("percentile", "max") or per not in ("channel", "layer"):
        raise ArgumentError(
            "snn.convert", "balance 'percentile' or 'max', and per 'channel' or 'layer'", f"{balance!r} and {per!r}",
            "Leave them out for the defaults.",
        )  # fmt: skip
    _check_number(percentile, "percentile above 0 and at most 100", lambda p: 0 < p <= 100)
    _check_number(start, "start in [0, 1)", lambda s: 0 <= s < 1)
    if not isinstance(ann, nn.SequentialCell):
        raise DTypeError("snn.convert", "an nn.SequentialCell", describe(ann), "Put the layers into one.")
    array = samples(data, "snn.convert, data")
    chain = nn.SequentialCell(folded(ann))
    last = [name for name, layer in chain.named() if isinstance(layer, WEIGHTED)][-1:]
    layers: dict[str, Cell] = {}
    scales: dict[str, Array] = {}
    values, before = array, np.ones(1)  # the activations that reach a layer, and their scales
    weighted, entering = "", before
    for name, layer in chain.named():
        if isinstance(layer, nn.Dense) and values.ndim != 2:
            raise ShapeError(
                f"snn.convert, {label(name, layer)}", "an input [N, features]", describe(values),
                "Put an nn.Flatten() before it.",
            )  # fmt: skip
        values = _run(layer, values, label(name, layer))
        if isinstance(layer, WEIGHTED):
            weighted, entering, before = name, before, np.ones(1)
            layers[name] = _scaled(layer, entering, before)
        elif isinstance(layer, nn.ReLU):
            share = 100.0 if balance == "max" else float(percentile)
            kind = "layer" if [weighted] == last else per  # no weights follow that would take a scale back
            scales[name] = _scale(values, share, kind, label(name, layer))
            layers[weighted] = _scaled(chain[weighted], entering, scales[name])
            layers[name], before = ConvertedNode(float(start)), scales[name]
        else:
            layers[name] = layer
            if isinstance(layer, nn.Flatten) and before.size > 1:
                before = np.repeat(before, values.shape[1] // before.size)
    return Converted(nn.SequentialCell(layers), chain, scales)


def _check_number(value: Any, expected: str, fits: Callable[[Any], bool]) -> None:
    if not is_number(value) or not fits(value):
        raise ArgumentError("snn.convert", expected, repr(value), "Leave it out for the default.")


def _run(layer: Cell, values: Array, where: str) -> Array:
    with no_grad():
        found = quietly(lambda: np.concatenate([layer(Tensor.wrap(part)).asnumpy() for part in batches(values)]))
    if not np.isfinite(found).all():
        raise NonFiniteError(
            f"snn.convert, {where}", "finite activations", describe(found), "Look at its weights, and at data."
        )
    return found


def _scale(values: Array, percentile: float, per: str, where: str) -> Array:
    """Return the activation that one spike per step represents, ``[channels]`` or ``[1]``; any if it is never active."""
    active = values[values > 0]
    if not active.size:
        raise ArgumentError(
            f"snn.convert, {where}", "activations above 0", "none on data", "Pass data on which each layer is active."
        )
    whole = np.atleast_1d(np.percentile(active, percentile))
    if per == "layer":
        return whole
    channels = np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)
    return np.array([np.percentile(c[c > 0], percentile) if np.any(c > 0) else whole[0] for c in channels])


def _scaled(layer: Any, before: Array, after: Array) -> Any:
    """Return a layer whose inputs and outputs are activations by their scales."""
    w, b = layer.weight.stored, layer.bias.stored
    outputs, inputs = w.shape[:2]
    groups = getattr(layer, "group", 1)
    r = np.broadcast_to(before, groups * inputs).reshape(groups, inputs)[np.arange(outputs) // (outputs // groups)]
    s = np.broadcast_to(after, outputs)
    return with_weights(layer, w * (r / s[:, None]).reshape(outputs, inputs, *(1,) * (w.ndim - 2)), b / s)
