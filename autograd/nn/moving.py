"""Norms whose statistics are updated in training."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..dtypes import float32, sum_dtype
from ..intake import to_generator
from ..parameter import Parameter
from ..tensor import Tensor
from .options import Layer, flag, float_dtype, number, parameter, positive

__all__ = ["MovingNorm"]


class MovingNorm(Layer):
    """Base class of norms of channels with moving statistics: batch norms, of one time step or of several.

    Parameters
    ----------
    num_features : int
        The number of channels.
    shape : tuple of int
        Shape of Parameters and statistics.
    eps, momentum : float
        Added to the variance, at least 0; share of the moving statistics that is kept, from 0 to 1.
    affine : bool
        Whether gamma and beta are trained.
    gamma_init, beta_init, moving_mean_init, moving_var_init : str, number, array or initialiser
        Initial values. ``beta_init=None`` makes no beta.
    dtype : dtype
        Dtype of all of them.

    Raises
    ------
    ArgumentError, DTypeError
        If an argument is invalid.
    """

    beta: Parameter | None

    def __init__(
        self, num_features: int, shape: tuple[int, ...], eps: float, momentum: float, affine: bool, gamma_init: Any,
        beta_init: Any, dtype: Any, moving_mean_init: Any = "zeros", moving_var_init: Any = "ones",
    ) -> None:  # fmt: skip
        super().__init__()
        where = type(self).__name__
        positive(where, num_features=num_features)
        self.num_features, self.eps = num_features, number(where, "eps", eps, 0)
        self.momentum, self.affine = number(where, "momentum", momentum, 0, 1), flag(where, "affine", affine)
        self.dtype = float_dtype(where, dtype)

        def made(name: str, how: Any, trained: bool) -> Parameter:
            return parameter(f"{where}, {name}", how, shape, to_generator(None, where), self.dtype, trained)

        self.gamma = made("gamma_init", gamma_init, self.affine)
        self.beta = None if beta_init is None else made("beta_init", beta_init, self.affine)
        self.moving_mean = made("moving_mean_init", moving_mean_init, False)
        self.moving_variance = made("moving_var_init", moving_var_init, False)

    @property
    def repeatable(self) -> bool:
        """Whether a repeated input gives the same output: not in training, where each run moves the statistics."""
        return not self.training

    def normed(self, x: Tensor, gamma: Any, by_batch: bool) -> Tensor:
        """Normalise ``[N, C, ...]`` over all axes but the second, and scale by ``gamma``; in training, update the statistics.

        With ``by_batch`` it uses the statistics of ``x`` instead of the moving ones.
        """
        gamma, beta, *moving = (
            value if value is None or value.ndim == 1 else value.reshape((-1,))
            for value in (gamma, self.beta, self.moving_mean, self.moving_variance)
        )
        out = ops.batch_norm(x, *moving, gamma, beta, training=by_batch, eps=self.eps)
        if by_batch and self.training:
            self._note(x.array)
        return out

    def _note(self, x: np.ndarray[Any, Any]) -> None:
        """Move the statistics towards those of a batch, with the unbiased estimate of its variance."""
        axes, kind, n = (0, *range(2, x.ndim)), sum_dtype(x.dtype) if x.dtype.kind == "f" else float32, x.size // x.shape[1]
        means, variances = np.mean(x, axes, dtype=kind), np.var(x, axes, dtype=kind, ddof=n > 1)
        for moving, now in ((self.moving_mean, means), (self.moving_variance, variances)):
            kept = self.momentum * moving.stored + (1 - self.momentum) * now.reshape(moving.shape)
            moving.array = kept.astype(moving.dtype)
