"""A weight for each feature."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import as_tensor
from autograd.dtypes import describe, float32
from autograd.errors import ShapeError
from autograd.intake import to_generator
from autograd.nn import init
from autograd.nn.options import Layer, flag, float_dtype, parameter, positive
from autograd.nn.weighted import Weighted
from autograd.state import state as thread

__all__ = ["OneToOne"]


class OneToOne(Layer, Weighted):
    """One weight for each feature, to one neuron of the next layer: ``weight * x + bias``.

    The compiled mode runs it on all steps at once; in a feedback loop it steps with the neurons.

    Parameters
    ----------
    features : int
        Length of the last axis.
    weight_init, bias_init : str, number, array or initialiser, optional
        Initial values of the Parameters; by default weights uniform within 1, and a bias of 0. See :mod:`autograd.nn.init`.
    has_bias : bool
        Whether to add a bias.
    dtype : dtype
        Dtype of the Parameters.
    rng : numpy.random.Generator or int, optional
        Source of random initial values.

    Attributes
    ----------
    weight : Parameter
        ``[features]``.
    weight_transform : Cell or None
        Transforms the weights before the product, to the same shape. None by default.
    bias : Parameter or None
        ``[features]``.

    Raises
    ------
    ArgumentError
        If ``features`` is not a positive int.
    ShapeError
        When called, if the input has another number of features.

    Examples
    --------
    >>> import numpy as np, snn
    >>> layer = snn.OneToOne(3, weight_init=np.array([1.0, 2.0, 0.0]))
    >>> print(layer(np.array([[1.0, 1.0, 1.0]])))
    [[1. 2. 0.]]
    """

    def __init__(
        self, features: int, *, weight_init: Any = None, bias_init: Any = "zeros", has_bias: bool = False,
        dtype: Any = float32, rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        positive("OneToOne", features=features)
        self.features_count, self.has_bias = int(features), flag("OneToOne", "has_bias", has_bias)
        source, dtype = to_generator(rng, "OneToOne"), float_dtype("OneToOne", dtype)
        start = init.Uniform(1.0) if weight_init is None else weight_init
        self.weight = parameter("OneToOne, weight_init", start, (self.features_count,), source, dtype)
        made = parameter("OneToOne, bias_init", bias_init, (self.features_count,), source, dtype) if self.has_bias else None
        self.bias = made

    @property
    def features(self) -> tuple[int, ...]:
        """The shape of a sample's input."""
        return (self.features_count,)

    def construct(self, x: Any) -> Any:
        """Map ``[..., features]`` to the same shape."""
        x = as_tensor(x, "OneToOne")
        inside = thread.tracing is not None and not x.ndim  # a loop has one element at a time
        if not inside and (not x.ndim or x.shape[-1] != self.features_count):
            raise ShapeError(repr(self), f"an input [..., {self.features_count}]", describe(x), "Change features.")
        out = self.effective_weight() * x
        return out if self.bias is None else out + self.bias

    def extra_repr(self) -> str:
        """Show the features."""
        return f"{self.features_count}{', has_bias=True' * self.has_bias}"
