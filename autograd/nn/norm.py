"""Normalisation as layers."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..dtypes import describe, float32, is_int
from ..errors import ArgumentError, ShapeError
from ..intake import to_generator
from ..tensor import Tensor, as_tensor
from .moving import MovingNorm
from .options import Layer, check_data_format, fixed, flag, float_dtype, number, parameter, positive

__all__ = ["BatchNorm1d", "BatchNorm2d", "GroupNorm", "LayerNorm"]


class _BatchNorm(MovingNorm):
    ranks: tuple[int, ...]
    layout: str

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.9, affine: bool = True, gamma_init: Any = "ones",
        beta_init: Any = "zeros", moving_mean_init: Any = "zeros", moving_var_init: Any = "ones",
        use_batch_statistics: bool | None = None, dtype: Any = float32,
    ) -> None:  # fmt: skip
        moving = moving_mean_init, moving_var_init
        super().__init__(num_features, (num_features,), eps, momentum, affine, gamma_init, beta_init, dtype, *moving)
        if use_batch_statistics is not None:
            flag(type(self).__name__, "use_batch_statistics", use_batch_statistics)
        self.use_batch_statistics = use_batch_statistics

    @property
    def per_sample(self) -> bool:  # type: ignore[override]
        """Whether each sample is independent: not while the statistics are those of the batch of one time step."""
        return not self._by_batch

    @property
    def _by_batch(self) -> bool:
        return self.training if self.use_batch_statistics is None else self.use_batch_statistics

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, ...]`` to the same shape; in training, change the moving statistics."""
        x = as_tensor(x, type(self).__name__)
        if x.ndim not in self.ranks or x.shape[1] != self.num_features:
            raise ShapeError(
                repr(self), f"an input {self.layout.replace('C', str(self.num_features))}", describe(x),
                "Channels come second; move them with ops.transpose, or change num_features.",
            )  # fmt: skip
        return self.normed(x, self.gamma, self._by_batch)


class BatchNorm1d(_BatchNorm):
    """Normalises each feature of ``[N, C]`` or ``[N, C, L]`` over the batch (Ioffe and Szegedy, 2015).

    The arguments are those of :class:`BatchNorm2d`.
    """

    ranks, layout = (2, 3), "[N, C] or [N, C, L]"


class BatchNorm2d(_BatchNorm):
    """Normalises each channel of images ``[N, C, H, W]`` over batch and space (Ioffe and Szegedy, 2015).

    After ``set_train()`` it uses the mean and the variance of the batch, and moves its own towards them; otherwise it uses its
    own. These are Parameters that are not trained, so ``state_dict`` includes them. In :func:`snn.run` a batch is one time
    step, in every mode: a run in training moves them T times.

    Parameters
    ----------
    num_features : int
        The number of channels, C.
    eps : float
        Added to the variance.
    momentum : float
        Share of the moving statistics that remains after a step, as in MindSpore:
        ``moving = momentum * moving + (1 - momentum) * batch``. There the variance of the batch is scaled by ``n / (n - 1)``.
    affine : bool
        Whether gamma and beta are trained.
    gamma_init, beta_init, moving_mean_init, moving_var_init : str, number, array or initialiser
        Initial values of the Parameters.
    use_batch_statistics : bool, optional
        Use the statistics of the batch always (True) or never (False); None: in training only.
    data_format : {"NCHW"}
        Channels come second.
    dtype : dtype
        Dtype of the Parameters.

    Attributes
    ----------
    gamma, beta : Parameter
        ``[C]``: the scale and the shift.
    moving_mean, moving_variance : Parameter
        ``[C]``, not trained.

    Raises
    ------
    ArgumentError
        If an argument is invalid.
    ShapeError
        When called, if the number of channels is wrong; or in training, if a batch has only one number per channel.
    """

    ranks, layout = (4,), "[N, C, H, W]"

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.9, affine: bool = True, gamma_init: Any = "ones",
        beta_init: Any = "zeros", moving_mean_init: Any = "zeros", moving_var_init: Any = "ones",
        use_batch_statistics: bool | None = None, data_format: str = "NCHW", dtype: Any = float32,
    ) -> None:  # fmt: skip
        check_data_format("BatchNorm2d", data_format, "NCHW")
        super().__init__(
            num_features, eps, momentum, affine, gamma_init, beta_init, moving_mean_init, moving_var_init,
            use_batch_statistics, dtype,
        )  # fmt: skip


class LayerNorm(Layer):
    """Normalises the last axes of each sample, and scales and shifts each of their elements (Ba, Kiros and Hinton, 2016).

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The lengths of the last axes.
    begin_norm_axis, begin_params_axis : int, optional
        The first axis that is normalised, and the first that is scaled and shifted; by default those of ``normalized_shape``.
    gamma_init, beta_init : str, number, array or initialiser
        Initial values of the Parameters.
    epsilon : float
        Added to the variance.
    dtype : dtype
        Dtype of the Parameters.

    Attributes
    ----------
    gamma, beta : Parameter
        Of shape ``normalized_shape``.

    Raises
    ------
    ArgumentError
        If an argument is invalid.
    ShapeError
        When called, if the input does not end in these lengths.
    """

    def __init__(
        self, normalized_shape: Any, begin_norm_axis: int | None = None, begin_params_axis: int | None = None,
        gamma_init: Any = "ones", beta_init: Any = "zeros", epsilon: float = 1e-7, dtype: Any = float32,
    ) -> None:  # fmt: skip
        super().__init__()
        shape = (normalized_shape,) if is_int(normalized_shape) else tuple(normalized_shape)
        if not shape or not all(is_int(n) and n > 0 for n in shape):
            raise ArgumentError(
                "LayerNorm", "normalized_shape as the lengths of the last axes", describe(normalized_shape),
                "For example (64,).",
            )  # fmt: skip
        for name, axis in (("begin_norm_axis", begin_norm_axis), ("begin_params_axis", begin_params_axis)):
            if axis is not None and not is_int(axis):
                raise ArgumentError("LayerNorm", f"{name} as an int, or None", describe(axis), "The last axis is -1.")
        self.normalized_shape, self.begin_norm_axis = fixed(normalized_shape), begin_norm_axis
        self.begin_params_axis = begin_params_axis
        self.epsilon, self.dtype = number("LayerNorm", "epsilon", epsilon, 0), float_dtype("LayerNorm", dtype)
        rng = to_generator(None, "LayerNorm")
        self.gamma = parameter("LayerNorm, gamma_init", gamma_init, shape, rng, self.dtype)
        self.beta = parameter("LayerNorm, beta_init", beta_init, shape, rng, self.dtype)
        first = -len(shape) if begin_norm_axis is None else begin_norm_axis
        self.per_sample = first > 0 or -len(shape) <= first < 0

    def construct(self, x: Any) -> Tensor:
        """Map ``[..., *normalized_shape]`` to the same shape."""
        x = as_tensor(x, "LayerNorm")
        shape = self.gamma.shape
        first, params = (
            -len(shape) if axis is None else axis - x.ndim if axis >= 0 else axis
            for axis in (self.begin_norm_axis, self.begin_params_axis)
        )
        if x.ndim < len(shape) or x.shape[-len(shape) :] != shape or params != -len(shape) or not -x.ndim <= first < 0:
            lengths = ", ".join(map(str, shape))
            raise ShapeError(repr(self), f"an input [..., {lengths}]", describe(x), "normalized_shape lists the last lengths.")
        return ops.layer_norm(x, x.shape[first:], eps=self.epsilon) * self.gamma + self.beta


class GroupNorm(Layer):
    """Normalises groups of channels of each sample, and scales and shifts each channel (Wu and He, 2018).

    Parameters
    ----------
    num_groups : int
        Number of groups: one joins all channels, ``num_channels`` treats each channel separately.
    num_channels : int
        The number of channels, C, of ``[N, C, ...]``.
    eps : float
        Added to the variance.
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

    Raises
    ------
    ArgumentError
        If the groups do not share the channels equally, or an argument is invalid.
    ShapeError
        When called, if the number of channels is wrong.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, gamma_init: Any = "ones",
        beta_init: Any = "zeros", dtype: Any = float32,
    ) -> None:  # fmt: skip
        super().__init__()
        positive("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if num_channels % num_groups:
            raise ArgumentError(
                "GroupNorm", "num_channels that are a multiple of num_groups", f"{num_channels} with {num_groups} groups",
                "All groups must have the same number of channels.",
            )  # fmt: skip
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, number("GroupNorm", "eps", eps, 0)
        self.affine, self.dtype = flag("GroupNorm", "affine", affine), float_dtype("GroupNorm", dtype)
        rng, shape = to_generator(None, "GroupNorm"), (num_channels,)
        self.gamma = parameter("GroupNorm, gamma_init", gamma_init, shape, rng, self.dtype, affine)
        self.beta = parameter("GroupNorm, beta_init", beta_init, shape, rng, self.dtype, affine)

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, ...]`` to the same shape."""
        x = as_tensor(x, "GroupNorm")
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ShapeError(
                repr(self), f"an input [N, {self.num_channels}, ...]", describe(x), "Channels come second, after the batch."
            )
        return ops.group_norm(x, self.num_groups, self.gamma, self.beta, self.eps)
