"""Layers without a state over time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..cell import Cell
from ..dtypes import describe, float32, is_int, to_dtype
from ..errors import ArgumentError, DTypeError, ShapeError
from ..intake import to_generator
from ..parameter import Parameter
from ..program import refuse
from ..state import state
from ..tensor import Tensor, as_tensor
from . import init
from .activations import get_activation
from .options import probability
from .weighted import Weighted

__all__ = ["Dense", "Dropout", "Flatten"]


class Dense(Weighted):
    """Fully connected layer ``y = x @ weight.T + bias``.

    Parameters
    ----------
    in_channels, out_channels : int
        Lengths of the last axis of input and output.
    weight_init, bias_init : str, number, array or initialiser, optional
        Initial values of the Parameters; by default uniform within ``1 / sqrt(in_channels)``. See :mod:`autograd.nn.init`.
    has_bias : bool
        Whether to add a bias.
    activation : callable or str, optional
        Applied to the output. :func:`get_activation` lists the names.
    dtype : dtype
        Dtype of the Parameters.
    rng : numpy.random.Generator or int, optional
        Source of random initial values. Pass it for reproducible runs: None uses the system's entropy.

    Attributes
    ----------
    weight : Parameter
        Shape ``[out_channels, in_channels]``.
    bias : Parameter or None
        Shape ``[out_channels]``.
    weight_transform : Cell or None
        Transforms the weights before the product, to the same shape; a compiled run applies it once. None by default.

    Raises
    ------
    ArgumentError
        If a number of channels is not a positive int.
    ShapeError
        When called, if the input's last axis does not have ``in_channels`` elements.

    Examples
    --------
    >>> from autograd import Tensor, nn
    >>> print(nn.Dense(2, 3, weight_init="ones", bias_init="zeros")(Tensor([[1.0, 2.0]])))
    [[3. 3. 3.]]
    """

    per_sample = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        weight_init: Any = None,
        bias_init: Any = None,
        has_bias: bool = True,
        activation: Any = None,
        dtype: Any = float32,
        *,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
            if not is_int(value) or value < 1:
                raise ArgumentError("Dense", f"{name} to be a positive int", describe(value), "It is the number of features.")
        if not isinstance(has_bias, (bool, np.bool_)):
            raise ArgumentError("Dense", "has_bias=True or False", repr(has_bias), "Pass activation= and dtype= by name.")
        rng = to_generator(rng, "Dense")
        self.in_channels, self.out_channels, self.has_bias = in_channels, out_channels, has_bias
        dtype = to_dtype(dtype, "Dense")
        if dtype.kind != "f":
            raise DTypeError("Dense", "a float dtype", str(dtype), "Learnt weights are floats: dtype=autograd.float32.")
        default = init.KaimingUniform()
        shape = (out_channels, in_channels)
        weight = init.make(default if weight_init is None else weight_init, shape, rng, "Dense, weight_init")
        self.weight = Parameter(weight.astype(dtype))
        self.bias = None
        if has_bias:
            default_bias = init.Uniform(1 / math.sqrt(in_channels))
            bias = init.make(default_bias if bias_init is None else bias_init, shape[:1], rng, "Dense, bias_init")
            self.bias = Parameter(bias.astype(dtype))
        if isinstance(activation, str):
            activation = get_activation(activation, "Dense, activation")
        elif activation is not None and (isinstance(activation, type) or not callable(activation)):
            raise DTypeError(
                "Dense", "activation to be a name, a Cell or a function", describe(activation),
                "For example 'relu', or nn.ReLU().",
            )  # fmt: skip
        self.activation = activation

    def construct(self, x: Any) -> Tensor:
        """Map ``[..., in_channels]`` to ``[..., out_channels]``."""
        x = as_tensor(x, "Dense")
        if not x.ndim or x.shape[-1] != self.in_channels:
            raise ShapeError(
                repr(self), f"an input [..., {self.in_channels}]", describe(x), "Flatten it, or change in_channels."
            )
        out = ops.matmul(x, ops.transpose(self.effective_weight()))
        if self.bias is not None:
            out = out + self.bias
        return out if self.activation is None else self.activation(out)

    def extra_repr(self) -> str:
        """Show the arguments that make such a layer, apart from initial values."""
        text = f"in_channels={self.in_channels}, out_channels={self.out_channels}, has_bias={self.has_bias}"
        if self.activation is not None:
            text += f", activation={getattr(self.activation, 'label', None) or repr(self.activation)}"  # ops.relu, nn.ReLU()
        if self.weight_transform is not None:
            text += f", weight_transform={self.weight_transform!r}"
        return text if self.weight.dtype == float32 else f"{text}, dtype={str(self.weight.dtype)!r}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


class Flatten(Cell):
    """Joins axes into one, by default all but the first (the batch).

    Parameters
    ----------
    start_dim, end_dim : int
        The first and the last axis to join.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        for name, value in (("start_dim", start_dim), ("end_dim", end_dim)):
            if not is_int(value):
                raise ArgumentError("Flatten", f"{name} to be an int", describe(value), "Count the axes from 0.")
        self.start_dim, self.end_dim = int(start_dim), int(end_dim)
        self.per_sample = self.start_dim > 0

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, ...]`` to ``[N, features]``."""
        x = as_tensor(x, "Flatten")
        end = self.end_dim % max(x.ndim, 1) + 1
        return ops.reshape(x, (*x.shape[: self.start_dim], math.prod(x.shape[self.start_dim : end]), *x.shape[end:]))

    def extra_repr(self) -> str:
        """Show the axes where they are not the default."""
        return "" if (self.start_dim, self.end_dim) == (1, -1) else f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Dropout(Cell):
    """Zeroes elements at random in training mode (after ``set_train()``), and scales the others by ``1 / (1 - p)``.

    In :func:`snn.run` it draws a new mask at each time step.

    Parameters
    ----------
    p : float
        Probability of a zero, in [0, 1).
    rng : numpy.random.Generator or int, optional
        Source of the random numbers. None uses the system's entropy.

    Raises
    ------
    ArgumentError
        If ``p`` is not in [0, 1).
    """

    per_sample = True
    checkpointed = ("p",)

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | int | None = None) -> None:
        super().__init__()
        self.p, self.rng = probability("Dropout", p), to_generator(rng, "Dropout")

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        x = as_tensor(x, "Dropout")
        if not self.training or not self.p:
            return as_tensor(x)
        if state.tracing is not None:
            refuse("Dropout, which draws a new mask each time", "Put it before or after the neuron, as a layer.")
        p = probability("Dropout", self.p)
        keep = (self.rng.random(x.shape, np.float32) >= p).astype(x.dtype if x.dtype.kind == "f" else float32)
        return ops.mul(x, keep / keep.dtype.type(1 - p))

    @property
    def repeatable(self) -> bool:
        """Whether a repeated input gives the same output: not in training, which draws a new mask each time."""
        return not (self.training and self.p)

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p!r}"
