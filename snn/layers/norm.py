"""Batch norms whose statistics, or Parameters, depend on time steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Tensor, as_tensor, ops
from autograd.dtypes import describe, float32
from autograd.errors import ShapeError
from autograd.intake import to_generator
from autograd.nn.moving import MovingNorm
from autograd.nn.options import number, parameter, positive

__all__ = ["BNTT", "TEBN", "TDBatchNorm"]


class _Norm(MovingNorm):
    """Base class of norms of channels ``[T, N, C, ...]`` that take all time steps at once, at least in training."""

    training_alone = "In training it takes all time steps at once, [T, N, C, ...], as snn.run passes them in a chain."

    def _sequence(self, x: Any, steps: int | None) -> Tensor:
        """Return an input of all time steps, checked."""
        x = as_tensor(x, type(self).__name__)
        if x.ndim < 3 or x.shape[2] != self.num_features or steps not in (None, x.shape[0]):
            first = "T" if steps is None else steps
            raise ShapeError(repr(self), f"an input [{first}, N, {self.num_features}, ...]", describe(x), self.training_alone)
        return x  # type: ignore[no-any-return]


def _joined(x: Tensor) -> Tensor:
    """Return ``[T, N, C, ...]`` as ``[T * N, C, ...]``."""
    return ops.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))


class TDBatchNorm(_Norm):
    """Threshold-dependent batch norm, tdBN: scales each channel to mean 0 and standard deviation ``alpha * v_threshold``.

    Both are computed over all time steps, samples and positions (Zheng et al., "Going Deeper With Directly-Trained Larger
    Spiking Neural Networks", AAAI 2021): ``out = gamma alpha v_threshold (x - mean) / sqrt(variance + eps) + beta``.

    In training, after ``set_train()``, it is a layer over time, ``[T, N, C, ...]``, for use in a chain; it updates its moving
    statistics once per run. Otherwise it uses the moving statistics and is an ordinary layer for ``[N, C, ...]`` of one step,
    which the compiled mode runs on all steps at once. Samples that a mask excludes count as zeros in the statistics of
    training.

    Parameters
    ----------
    num_features : int
        The number of channels or features, C.
    v_threshold : float
        Threshold of the neurons that follow, above 0.
    alpha : float
        Factor of the scale: 1, or ``1 / sqrt(2)`` for each of two branches that are added.
    eps : float
        Added to the variance.
    momentum : float
        Share of the moving statistics that remains after a run, as for ``nn.BatchNorm2d``.
    affine : bool
        Whether gamma and beta are trained.
    gamma_init, beta_init : str, number, array or initialiser
        Initial values of the Parameters.
    dtype : dtype
        Dtype of the Parameters.

    Attributes
    ----------
    gamma, beta : Parameter
        ``[C]``.
    moving_mean, moving_variance : Parameter
        ``[C]``, not trained.

    Raises
    ------
    ArgumentError
        If an argument is invalid.
    ShapeError
        When called, if the number of channels is wrong, or in training if each channel has only one number.

    Examples
    --------
    >>> import numpy as np, snn
    >>> norm = snn.TDBatchNorm(1, v_threshold=0.5).set_train()
    >>> out = snn.run(norm, np.array([1.0, 3, 3, 1], np.float32).reshape(4, 1, 1)).out
    >>> print(out.asnumpy().ravel().round(3), norm.moving_mean.asnumpy())
    [-0.5  0.5  0.5 -0.5] [0.2]
    """

    def __init__(
        self, num_features: int, *, v_threshold: float = 1.0, alpha: float = 1.0, eps: float = 1e-5, momentum: float = 0.9,
        affine: bool = True, gamma_init: Any = "ones", beta_init: Any = "zeros", dtype: Any = float32,
    ) -> None:  # fmt: skip
        positive("TDBatchNorm", num_features=num_features)
        super().__init__(num_features, (num_features,), eps, momentum, affine, gamma_init, beta_init, dtype)
        smallest = float(np.finfo(float).tiny)
        self.v_threshold = number("TDBatchNorm", "v_threshold", v_threshold, smallest)
        self.alpha = number("TDBatchNorm", "alpha", alpha, smallest)

    @property
    def over_time(self) -> bool:
        """Whether it takes all time steps at once: in training."""
        return self.training

    def construct(self, x: Any) -> Tensor:
        """Map ``[T, N, C, ...]`` in training, and ``[N, C, ...]`` otherwise, to the same shape."""
        gamma = self.gamma * (self.alpha * self.v_threshold)
        if self.training:
            x = self._sequence(x, None)
            return ops.reshape(self.normed(_joined(x), gamma, True), x.shape)
        x = as_tensor(x, "TDBatchNorm")
        if x.ndim < 2 or x.shape[1] != self.num_features:
            raise ShapeError(
                repr(self), f"an input [N, {self.num_features}, ...] of one step", describe(x),
                "Channels come second; it takes all steps at once only in training, after set_train().",
            )  # fmt: skip
        return self.normed(x, gamma, False)


class TEBN(_Norm):
    """Temporal effective batch norm: a batch norm over all time steps, then a scale for each step.

    ``out[t] = scale[t] (gamma (x[t] - mean) / sqrt(variance + eps) + beta)`` (Duan et al., "Temporal Effective Batch
    Normalization in Spiking Neural Networks", NeurIPS 2022), with one mean and variance per channel over ``T`` steps, samples
    and positions in training, and the moving ones otherwise. It is a layer over time. Samples that a mask excludes count as
    zeros in the statistics of training.

    Parameters
    ----------
    T : int
        Number of time steps.
    num_features : int
        The number of channels or features, C.
    eps, momentum, affine, gamma_init, beta_init, dtype
        As for :class:`TDBatchNorm`.
    scale_init : str, number, array or initialiser
        Initial scales of the steps.

    Attributes
    ----------
    scale : Parameter
        ``[T]``.
    gamma, beta : Parameter
        ``[C]``.
    moving_mean, moving_variance : Parameter
        ``[C]``, not trained.

    Raises
    ------
    ArgumentError
        If an argument is invalid.
    ShapeError
        When called, if the number of steps or channels is wrong, or in training if each channel has only one number.
    """

    over_time = True

    def __init__(
        self,
        T: int,  # noqa: N803 - as in [T, N, ...]
        num_features: int,
        *,
        eps: float = 1e-5,
        momentum: float = 0.9,
        affine: bool = True,
        gamma_init: Any = "ones",
        beta_init: Any = "zeros",
        scale_init: Any = "ones",
        dtype: Any = float32,
    ) -> None:
        positive("TEBN", "T is the number of time steps.", T=T)
        positive("TEBN", num_features=num_features)
        super().__init__(num_features, (num_features,), eps, momentum, affine, gamma_init, beta_init, dtype)
        self.T = int(T)
        self.scale = parameter("TEBN, scale_init", scale_init, (self.T,), to_generator(None, "TEBN"), self.dtype)

    def construct(self, x: Any) -> Tensor:
        """Map ``[T, N, C, ...]`` to the same shape."""
        x = self._sequence(x, self.T)
        scale = ops.reshape(self.scale, (self.T, *(1,) * (x.ndim - 1)))
        return scale * ops.reshape(self.normed(_joined(x), self.gamma, self.training), x.shape)


class BNTT(_Norm):
    """Batch norm through time: each time step has its own statistics and scale.

    ``out[t] = gamma[t] (x[t] - mean[t]) / sqrt(variance[t] + eps)``, without a shift (Kim and Panda, "Revisiting Batch
    Normalization for Training Low-Latency Deep Spiking Neural Networks From Scratch", Frontiers in Neuroscience, 2021). It is
    a layer over time, since each step needs its own statistics. Samples that a mask excludes count as zeros in the statistics
    of training.

    Parameters
    ----------
    T : int
        Number of time steps.
    num_features : int
        The number of channels or features, C.
    eps, momentum, affine, gamma_init, dtype
        As for :class:`TDBatchNorm`.

    Attributes
    ----------
    gamma : Parameter
        ``[T, C]``.
    moving_mean, moving_variance : Parameter
        ``[T, C]``, not trained.

    Raises
    ------
    ArgumentError
        If an argument is invalid.
    ShapeError
        When called, if the number of steps or channels is wrong, or in training if each channel has only one number per step.
    """

    over_time = True

    def __init__(
        self,
        T: int,  # noqa: N803
        num_features: int,
        *,
        eps: float = 1e-5,
        momentum: float = 0.9,
        affine: bool = True,
        gamma_init: Any = "ones",
        dtype: Any = float32,
    ) -> None:
        positive("BNTT", "T is the number of time steps.", T=T)
        positive("BNTT", num_features=num_features)
        super().__init__(num_features, (T, num_features), eps, momentum, affine, gamma_init, None, dtype)
        self.T = int(T)

    def construct(self, x: Any) -> Tensor:
        """Map ``[T, N, C, ...]`` to the same shape."""
        x = self._sequence(x, self.T)
        samples = ops.swapaxes(x, 0, 1)  # the channels of each step become separate channels
        rows = ops.reshape(samples, (x.shape[1], self.T * self.num_features, *x.shape[3:]))
        return ops.swapaxes(ops.reshape(self.normed(rows, self.gamma, self.training), samples.shape), 0, 1)
