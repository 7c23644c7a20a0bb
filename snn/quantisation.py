"""Weights on few levels: trained as numbers, multiplied as integers times a scale, and exported as such."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from autograd import Cell, Tensor, as_tensor, nn
from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError, NonFiniteError
from autograd.nn.weighted import Weighted

from .recurrent import Recurrent

__all__ = ["Quantised", "Quantiser", "integer_weights", "quantise"]

Array = np.ndarray[Any, np.dtype[Any]]
_WORDS = ("ternary", "binary")
_MOST_BITS = 16
_THRESHOLD = 0.7  # of the mean size: Li and Liu's estimate of the best one
_LAYERS = (nn.Dense, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Conv2dTranspose, Recurrent)


class Quantised(NamedTuple):
    """Weights as whole numbers and a scale: ``values * scale`` is what the layer multiplies by, to the bit.

    Attributes
    ----------
    values : array of int
        In the shape of the weights; int8 or int16.
    scale : array
        One number, or one for each output in a shape that broadcasts with the values.
    """

    values: Array
    scale: Array


class Quantiser(Cell):
    """Puts weights on few levels; the gradient passes straight through (Bengio, Leonard and Courville, 2013).

    ============= ============================= =====================================================================
    bits          levels                        scale
    ============= ============================= =====================================================================
    2 to 16       ``-n`` to ``n``,              the largest size of a weight, by ``n``
                  ``n = 2^(bits - 1) - 1``
    ``"ternary"`` -1, 0, 1                      the mean size of those above 0.7 times the mean size; others are 0
                                                (Li and Liu, 2016)
    ``"binary"``  -1, 1                         the mean size (Rastegari et al., 2016)
    ============= ============================= =====================================================================

    Its ``bprop`` hands on the gradient as it comes, to first and higher order, as if scale and rounding were not there.

    Parameters
    ----------
    bits : int or str
        How fine it is: a number of bits from 2 to 16, ``"ternary"`` or ``"binary"``.
    per : {"channel", "tensor"}
        Whether each output has a scale of its own.
    axis : int
        The axis of the outputs.

    Raises
    ------
    ArgumentError
        If an argument is not what it may be.
    NonFiniteError
        When called, if a weight is NaN or infinite.

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
        whole = isinstance(bits, (int, np.integer)) and not isinstance(bits, bool) and 2 <= bits <= _MOST_BITS
        if not whole and (not isinstance(bits, str) or bits not in _WORDS):
            raise ArgumentError(
                "Quantiser", "bits from 2 to 16, 'ternary' or 'binary'", repr(bits), "Such as bits=8: levels from -127 to 127."
            )
        if per not in ("channel", "tensor"):
            raise ArgumentError("Quantiser", "per 'channel' or 'tensor'", repr(per), "Choose one of the two.")
        self.bits, self.per, self.axis = bits if isinstance(bits, str) else int(bits), per, int(axis)

    def levels(self, weight: Any) -> tuple[Array, Array]:
        """Return weights as whole numbers, in their own dtype, and the scale.

        Parameters
        ----------
        weight : Tensor or array
            Such as ``[out, ...]``.

        Returns
        -------
        values : array
            In the shape of the weights.
        scale : array
            ``[]``, or such as ``[out, 1, ...]``.
        """
        w = as_tensor(weight, "Quantiser").asnumpy()
        size = np.abs(w)
        if not np.isfinite(size).all():
            raise NonFiniteError("Quantiser", "finite weights", describe(w), "Lower the learning rate, or clip gradients.")
        axes = tuple(k for k in range(w.ndim) if k != self.axis) if self.per == "channel" else None
        keep = axes is not None

        def mean(of: Array) -> Array:
            return np.asarray(np.mean(of, axes, keepdims=keep, dtype=w.dtype))

        if self.bits == "binary":
            return np.where(w < 0, w.dtype.type(-1), w.dtype.type(1)), mean(size)
        if self.bits == "ternary":
            large = size > _THRESHOLD * mean(size)
            count = np.maximum(large.sum(axes, keepdims=keep), 1).astype(w.dtype)
            return np.sign(w) * large, np.asarray((size * large).sum(axes, keepdims=keep, dtype=w.dtype) / count)
        n = 2 ** (int(self.bits) - 1) - 1
        scale = np.asarray(size.max(axes, keepdims=keep, initial=0) / w.dtype.type(n))
        scale = np.where(scale == 0, w.dtype.type(1), scale)
        return np.clip(np.round(w / scale), -n, n), scale

    def construct(self, weight: Any) -> Tensor:
        """Map weights to the nearest levels, in the same shape and dtype."""
        values, scale = self.levels(weight)
        return Tensor(values * scale)

    def bprop(self, weight: Any, out: Any, dout: Any) -> tuple[Any]:
        """Hand on the gradient."""
        return (dout,)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"bits={self.bits!r}, per={self.per!r}" + (f", axis={self.axis}" if self.axis else "")


def quantise(net: Cell, bits: int | str | None = 8, *, per: str = "channel", layers: Iterable[str] | None = None) -> None:
    """Let the layers of a net multiply by quantised weights, in training and after it.

    Each layer with weights gets a :class:`Quantiser` as its ``weight_transform``: the weights themselves stay numbers, which
    an optimizer moves, and the net computes with the nearest levels (Jacob et al., 2018). Biases stay as they are.

    Parameters
    ----------
    net : Cell
        A layer, or a net of them; it is changed.
    bits : int, str or None
        From 2 to 16 bits, ``"ternary"`` or ``"binary"``; None takes the quantisers off again.
    per : {"channel", "tensor"}
        Whether each output of a layer has a scale of its own.
    layers : iterable of str, optional
        The names of the layers in the net; by default all dense layers, convolutions and :class:`snn.Recurrent`.

    Raises
    ------
    DTypeError
        If ``net`` is no Cell.
    ArgumentError
        If there is no such layer, one computes in a way of its own, or an argument is not what it may be. Nothing is changed
        after an error.

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
        names = [layers] if isinstance(layers, str) else list(layers)
        if unknown := [name for name in names if name not in found]:
            raise ArgumentError(
                "snn.quantise, layers", f"some of {', '.join(map(repr, found))}", ", ".join(map(repr, unknown)),
                "net.cells_and_names() has the names.",
            )  # fmt: skip
        found = {name: found[name] for name in names}
    if not found:
        raise ArgumentError(
            "snn.quantise", "a net with dense layers, convolutions or snn.Recurrent", f"a {type(net).__name__} without",
            "Weights of a Cell of your own: give it a Quantiser, and multiply by quantiser(self.weight).",
        )  # fmt: skip
    if bits is not None:
        Quantiser(bits, per)  # it says what is wrong
        for name, layer in found.items():
            _check(name, layer)
    for layer in found.values():
        outputs = 1 if isinstance(layer, nn.Conv2dTranspose) else 0
        layer.weight_transform = None if bits is None else Quantiser(bits, per, axis=outputs)


def integer_weights(net: Cell) -> dict[str, Quantised]:
    """Return the quantised weights of a net as whole numbers and scales, by the names of their Parameters.

    Parameters
    ----------
    net : Cell
        Whose layers :func:`quantise` has changed.

    Returns
    -------
    dict of str to Quantised
        ``values * scale`` is what the layer multiplies by, to the bit.

    Raises
    ------
    DTypeError
        If ``net`` is no Cell.
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
            "snn.integer_weights", "a net with quantised layers", f"a {type(net).__name__} without",
            "Call snn.quantise(net, bits=8) first.",
        )  # fmt: skip
    return found


def _layers(net: Any, where: str) -> dict[str, Any]:
    if not isinstance(net, Cell):
        raise DTypeError(where, "a Cell", describe(net), "Pass a layer, or a net of them.")
    return {name: cell for name, cell in net.cells_and_names() if isinstance(cell, Weighted)}


def _check(name: str, layer: Any) -> None:
    """Check that a layer computes as those whose class it is of, which take their weights through the transform."""
    if type(layer).construct not in [kind.construct for kind in _LAYERS] or "construct" in vars(layer):
        raise ArgumentError(
            "snn.quantise", "layers that multiply by effective_weight()",
            f"{name!r}, {type(layer).__name__}, with a construct of its own",
            "Leave it out of layers=, or let it multiply by quantiser(self.weight).",
        )  # fmt: skip
    if isinstance(layer, Recurrent) and layer.lateral == "self":
        raise ArgumentError(
            "snn.quantise", "layers with several weights for each output", f"{name!r}, Recurrent with lateral='self'",
            "Leave it out of layers=.",
        )  # fmt: skip
    if math.prod(layer.weight.shape) == 0:
        raise ArgumentError("snn.quantise", "layers with weights", f"{name!r} without any", "Leave it out of layers=.")
