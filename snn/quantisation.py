"""Weights on few levels: trained as floats, used as whole numbers times a scale, and exported in this form."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from autograd import Cell, Tensor, as_tensor, nn
from autograd.dtypes import Array, describe, float32, is_int
from autograd.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from autograd.nn.weighted import Weighted
from autograd.state import quietly

from .common.structure import label
from .layers import DelayedDense, LearntDelays, OneToOne
from .recurrent import Recurrent

__all__ = ["Quantised", "Quantiser", "integer_weights", "quantise"]

_WORDS = ("ternary", "binary")
_MOST_BITS = 16
_HALF_BITS = 8  # exact in float16, and the product of int8 and float16 stays float16
_THRESHOLD = 0.7  # times the mean size: Li and Liu's estimate of the best threshold
_LAYERS = (
    nn.Dense, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Conv2dTranspose, Recurrent, DelayedDense, LearntDelays, OneToOne,
)  # fmt: skip


class Quantised(NamedTuple):
    """Weights as whole numbers and a scale; the layer multiplies by ``values * scale``, to the bit.

    Attributes
    ----------
    values : array of int
        In the shape of the weights; int8 or int16.
    scale : array
        One number, or one for each output, in a shape that broadcasts with ``values``.
    """

    values: Array
    scale: Array


class Quantiser(Cell):
    """Rounds weights to a few levels; the gradient passes straight through (Bengio, Leonard and Courville, 2013).

    ============= ============================= =====================================================================
    bits          levels                        scale, from the sizes (absolute values) of the weights
    ============= ============================= =====================================================================
    2 to 16       ``-n`` to ``n``,              the largest size, divided by ``n``
                  ``n = 2^(bits - 1) - 1``
    ``"ternary"`` -1, 0, 1                      the mean of the sizes above 0.7 times the mean size; the other weights
                                                become 0 (Li and Liu, 2016)
    ``"binary"``  -1, 1                         the mean size (Rastegari et al., 2016)
    ============= ============================= =====================================================================

    Means are taken in float64. Weights of float16 take at most 8 bits, since more would not be exact.

    Its ``bprop`` passes the gradient unchanged, to first and higher order, as if there were neither scale nor rounding.

    Parameters
    ----------
    bits : int or str
        Resolution: a number of bits from 2 to 16, ``"ternary"`` or ``"binary"``.
    per : {"channel", "tensor"}
        One scale for each output, or one for all.
    axis : int
        Axis of the outputs, counted from the end if negative; ignored with ``per="tensor"``.

    Raises
    ------
    ArgumentError
        If an argument is invalid.
    DTypeError
        When called, if there are too many bits for float16.
    ShapeError
        When called, if the weights have no such axis.
    NonFiniteError
        When called, if a weight is NaN or infinite, or so large that a level is infinite.

    Examples
    --------
    >>> from autograd import Tensor
    >>> from snn import Quantiser
    >>> print(Quantiser(4, per="tensor")(Tensor([[0.7, -0.31], [0.04, 0.0]])))
    [[ 0.7 -0.3]
     [ 0.   0. ]]
    """

    def __init__(self, bits: int | str = 8, per: str = "channel", *, axis: int = 0) -> None:
        super().__init__()
        if not (is_int(bits) and 2 <= int(bits) <= _MOST_BITS) and (not isinstance(bits, str) or bits not in _WORDS):
            raise ArgumentError(
                "Quantiser", "bits from 2 to 16, 'ternary' or 'binary'", repr(bits),
                "For example bits=8: levels from -127 to 127.",
            )  # fmt: skip
        if per not in ("channel", "tensor"):
            raise ArgumentError("Quantiser", "per 'channel' or 'tensor'", repr(per), "Choose one of the two.")
        if not is_int(axis):
            raise ArgumentError("Quantiser", "axis as an int", describe(axis), "Count axes: 0 is the first.")
        self.bits, self.per, self.axis = bits if isinstance(bits, str) else int(bits), per, int(axis)

    def levels(self, weight: Any) -> tuple[Array, Array]:
        """Return weights as whole numbers, in their own dtype, and the scale.

        Parameters
        ----------
        weight : Tensor or array
            For example ``[out, ...]``.

        Returns
        -------
        values : array
            In the shape of the weights.
        scale : array
            ``[]``, or for example ``[out, 1, ...]``.

        Raises
        ------
        DTypeError, ShapeError, NonFiniteError
            As when it is called.
        """
        w = as_tensor(weight, "Quantiser").asnumpy()
        w = w if w.dtype.kind == "f" else w.astype(float32)
        _check_bits("Quantiser", self.bits, w.dtype)
        size, axes = np.abs(w), self._within(w)
        if not np.isfinite(size).all():
            raise NonFiniteError("Quantiser", "finite weights", describe(w), "Lower the learning rate, or clip gradients.")

        values, scale, n = quietly(lambda: self._divided(w, size, axes))
        if not quietly(lambda: np.isfinite(scale * w.dtype.type(n)).all()):
            raise NonFiniteError(
                "Quantiser", f"weights whose levels are finite in {w.dtype}",
                f"{describe(w)}, the largest {size.max():g}", "Scale the weights down, or use a wider dtype.",
            )  # fmt: skip
        return values + w.dtype.type(0), scale  # turns -0, which integers do not have, into 0

    def _divided(self, w: Array, size: Array, axes: tuple[int, ...] | None) -> tuple[Array, Array, int]:
        """Return whole numbers, scales and the largest whole number; ``size`` holds the sizes of the weights."""
        keep = axes is not None

        def total(of: Array) -> Array:
            return np.asarray(np.sum(of, axes, keepdims=keep, dtype=np.float64))

        if isinstance(self.bits, str):
            whole, large = total(size), np.ones(w.shape, bool)
            if self.bits == "ternary":
                large = size > _THRESHOLD * whole / np.maximum(total(large), 1)
            scale = (total(size * large) / np.maximum(total(large), 1)).astype(w.dtype)
            scale = np.where(np.isfinite(whole), scale, w.dtype.type(np.inf))  # levels() refuses it
            return np.where(w < 0, w.dtype.type(-1), w.dtype.type(1)) * large, scale, 1
        n = 2 ** (self.bits - 1) - 1
        most = np.asarray(size.max(axes, keepdims=keep, initial=0))
        least = np.finfo(w.dtype).smallest_subnormal
        scale = np.where(most == 0, w.dtype.type(1), np.maximum(most / w.dtype.type(n), least))
        return np.clip(np.round(w / scale), -n, n), scale, n

    def _within(self, w: Array) -> tuple[int, ...] | None:
        """Return the axes that share a scale; None for all."""
        if self.per == "tensor":
            return None
        if not -w.ndim <= self.axis < w.ndim:
            raise ShapeError(
                "Quantiser", f"weights with an axis {self.axis} for the outputs", describe(w),
                "Pass the axis of the outputs, or per='tensor'.",
            )  # fmt: skip
        return tuple(k for k in range(w.ndim) if k != self.axis % w.ndim)

    def construct(self, weight: Any) -> Tensor:
        """Map weights to the nearest levels, in the same shape and dtype."""
        values, scale = self.levels(weight)
        return Tensor(values * scale)

    def bprop(self, weight: Any, out: Any, dout: Any) -> tuple[Any]:
        """Pass the gradient unchanged."""
        return (dout,)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"bits={self.bits!r}, per={self.per!r}" + (f", axis={self.axis}" if self.axis else "")


def quantise(net: Cell, bits: int | str | None = 8, *, per: str = "channel", layers: Iterable[str] | None = None) -> None:
    """Quantise the weights of a net, in training and afterwards.

    Each layer with weights gets a :class:`Quantiser` as its ``weight_transform``. The weights themselves stay floats, which
    the optimizer updates, and the net computes with the nearest levels (Jacob et al., 2018). Biases do not change.

    Parameters
    ----------
    net : Cell
        A layer, or a net of layers; it is changed in place.
    bits : int, str or None
        From 2 to 16 bits, ``"ternary"`` or ``"binary"``; None removes the quantisers, but no other transform.
    per : {"channel", "tensor"}
        One scale for each output of a layer, or one for all.
    layers : iterable of str, optional
        Names of the layers to quantise; by default all dense layers, including delayed ones, convolutions,
        :class:`snn.Recurrent` and :class:`snn.OneToOne`. A layer with one weight per output requires ``per="tensor"``.

    Raises
    ------
    DTypeError
        If ``net`` is not a Cell, or there are more than 8 bits for weights of float16.
    ArgumentError
        If there is no such layer, a layer has its own ``construct`` or another ``weight_transform``, or an argument is
        invalid. After an error nothing has changed.

    Examples
    --------
    >>> import snn
    >>> from autograd import nn
    >>> net = nn.SequentialCell(nn.Dense(4, 3, rng=0), snn.IFNode())
    >>> snn.quantise(net, bits=4)
    >>> snn.integer_weights(net)["0.weight"].values.tolist()
    [[2, -3, -7, -7], [5, 7, 2, 4], [1, 6, 4, -7]]
    """
    found = _layers(net, "snn.quantise")
    if layers is not None:
        names = [layers] if isinstance(layers, str) or not isinstance(layers, Iterable) else list(layers)
        if unknown := [name for name in names if not isinstance(name, str) or name not in found]:
            raise ArgumentError(
                "snn.quantise, layers", f"some of {', '.join(map(repr, found))}", ", ".join(map(repr, unknown)),
                "net.cells_and_names() lists the names.",
            )  # fmt: skip
        found = {name: found[name] for name in names}
    if not found:
        raise ArgumentError(
            "snn.quantise", "a net with layers of weights", f"a {type(net).__name__} without any",
            "For weights in your own Cell, give it a Quantiser and multiply by quantiser(self.weight).",
        )  # fmt: skip
    if bits is not None:
        Quantiser(bits, per)  # raises if an argument is invalid
        for name, layer in found.items():
            _check(name, layer, per)
            _check_bits(f"snn.quantise, {label(name, layer)}", bits, layer.weight.dtype)
    for layer in found.values():
        outputs = 1 if isinstance(layer, nn.Conv2dTranspose) else 0
        if bits is not None:
            layer.weight_transform = Quantiser(bits, per, axis=outputs)
        elif isinstance(layer.weight_transform, Quantiser):
            layer.weight_transform = None


def integer_weights(net: Cell) -> dict[str, Quantised]:
    """Return the quantised weights of a net as whole numbers and scales, by the names of their Parameters.

    Parameters
    ----------
    net : Cell
        A net that :func:`quantise` has changed.

    Returns
    -------
    dict of str to Quantised
        The layer multiplies by ``values * scale``, to the bit.

    Raises
    ------
    DTypeError
        If ``net`` is not a Cell.
    ArgumentError
        If no layer is quantised.
    """
    found = {}
    for name, layer in _layers(net, "snn.integer_weights").items():
        if isinstance(quantiser := layer.weight_transform, Quantiser):
            values, scale = quantiser.levels(layer.weight)
            kind = np.int8 if isinstance(quantiser.bits, str) or quantiser.bits <= 8 else np.int16
            found[f"{name}.weight".lstrip(".")] = Quantised(values.astype(kind), scale)
    if not found:
        raise ArgumentError(
            "snn.integer_weights", "a net with quantised layers", f"a {type(net).__name__} without any",
            "Call snn.quantise(net, bits=8) first.",
        )  # fmt: skip
    return found


def _layers(net: Any, where: str) -> dict[str, Any]:
    if not isinstance(net, Cell):
        raise DTypeError(where, "a Cell", describe(net), "Pass a layer, or a net of layers.")
    return {name: cell for name, cell in net.cells_and_names() if isinstance(cell, Weighted)}


def _check_bits(where: str, bits: int | str, dtype: Any) -> None:
    if dtype == np.float16 and not isinstance(bits, str) and bits > _HALF_BITS:
        raise DTypeError(
            where, f"at most {_HALF_BITS} bits for weights of float16", f"bits={bits}", "Use fewer bits, or float32."
        )


def _check(name: str, layer: Any, per: str) -> None:
    """Check that a layer applies ``weight_transform`` as the known classes do, and that no other transform would be lost."""
    if layer.weight_transform is not None and not isinstance(layer.weight_transform, Quantiser):
        raise ArgumentError(
            f"snn.quantise, {label(name, layer)}", "layers with no weight_transform, or a Quantiser",
            f"one with {type(layer.weight_transform).__name__}, which would be lost",
            "Leave it out of layers=, or put both into one: nn.SequentialCell(transform, snn.Quantiser(bits)).",
        )  # fmt: skip
    if type(layer).construct not in [kind.construct for kind in _LAYERS] or "construct" in vars(layer):
        raise ArgumentError(
            "snn.quantise", "layers that multiply by effective_weight()",
            f"{name!r}, {type(layer).__name__}, with its own construct",
            "Leave it out of layers=, or let it multiply by quantiser(self.weight).",
        )  # fmt: skip
    if layer.weight.ndim == 1 and per == "channel":
        raise ArgumentError(
            "snn.quantise", "layers with several weights for each output",
            f"{name!r}, {type(layer).__name__} with weights {list(layer.weight.shape)}",
            "Use per='tensor' for it, or leave it out of layers=.",
        )  # fmt: skip
    if math.prod(layer.weight.shape) == 0:
        raise ArgumentError("snn.quantise", "layers with weights", f"{name!r} without any", "Leave it out of layers=.")
