"""Operations as methods of a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .arguments import own_arguments_of_methods

if TYPE_CHECKING:
    from . import ops as ops  # ops needs tensors first, and sets this name itself
    from .tensor import Tensor

__all__ = ["Methods"]


@own_arguments_of_methods
class Methods:
    """Operations as methods of a tensor, which is their first input. ``keep_dims`` is MindSpore's name for ``keepdims``."""

    __slots__ = ()

    @property
    def T(self) -> Tensor:  # noqa: N802 - numpy's name
        """The tensor with its axes reversed."""
        return ops.transpose(self)

    # Type and shape

    def astype(self, dtype: Any) -> Tensor:
        """Convert to another dtype."""
        return ops.cast(self, dtype)

    def reshape(self, *shape: Any) -> Tensor:
        """Give the elements another shape; one length may be -1."""
        return ops.reshape(self, _several(shape))

    view = reshape

    def transpose(self, *axes: Any) -> Tensor:
        """Permute the axes; reverse them if none are named."""
        return ops.transpose(self, _several(axes) if axes else None)

    permute = transpose

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Exchange two axes."""
        return ops.swapaxes(self, axis1, axis2)

    def squeeze(self, axis: Any = None) -> Tensor:
        """Remove axes of length 1."""
        return ops.squeeze(self, axis)

    def expand_dims(self, axis: int) -> Tensor:
        """Insert an axis of length 1."""
        return ops.expand_dims(self, axis)

    def flatten(self) -> Tensor:
        """Join all axes into one."""
        return ops.reshape(self, -1)

    def broadcast_to(self, shape: Any) -> Tensor:
        """Stretch axes of length 1 without copying."""
        return ops.broadcast_to(self, shape)

    # Reductions

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Sum over axes."""
        return ops.sum(self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False, *, keep_dims: bool = False) -> Tensor:
        """Mean over axes."""
        return ops.mean(self, axis, keepdims or keep_dims)

    def var(self, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
        """Variance over axes."""
        return ops.var(self, axis, ddof, keepdims)

    def std(self, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
        """Root of the variance over axes: the standard deviation."""
        return ops.std(self, axis, ddof, keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False, *, keep_dims: bool = False) -> Tensor:
        """Product over axes."""
        return ops.prod(self, axis, keepdims or keep_dims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Largest element over axes."""
        return ops.max(self, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Smallest element over axes."""
        return ops.min(self, axis, keepdims)

    def argmax(self, axis: Any = None) -> Tensor:
        """Position of the largest element along an axis."""
        return ops.argmax(self, axis)

    def argmin(self, axis: Any = None) -> Tensor:
        """Position of the smallest element along an axis."""
        return ops.argmin(self, axis)

    def all(self, axis: Any = None, keepdims: bool = False, *, keep_dims: bool = False) -> Tensor:
        """Return whether all elements are true."""
        return ops.all(self, axis, keepdims or keep_dims)

    def any(self, axis: Any = None, keepdims: bool = False, *, keep_dims: bool = False) -> Tensor:
        """Return whether any element is true."""
        return ops.any(self, axis, keepdims or keep_dims)

    def cumsum(self, axis: int) -> Tensor:
        """Cumulative sum along an axis."""
        return ops.cumsum(self, axis)

    # Elementwise

    def abs(self) -> Tensor:
        """Absolute value."""
        return ops.abs(self)

    def exp(self) -> Tensor:
        """Exponential."""
        return ops.exp(self)

    def log(self) -> Tensor:
        """Natural logarithm."""
        return ops.log(self)

    def sqrt(self) -> Tensor:
        """Square root."""
        return ops.sqrt(self)

    def square(self) -> Tensor:
        """Square."""
        return ops.square(self)

    def tanh(self) -> Tensor:
        """Hyperbolic tangent."""
        return ops.tanh(self)

    def sigmoid(self) -> Tensor:
        """Logistic function."""
        return ops.sigmoid(self)

    def pow(self, exponent: Any) -> Tensor:
        """Power."""
        return ops.pow(self, exponent)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """Limit to [``min``, ``max``]; either may be None."""
        return ops.clip(self, min, max)

    def matmul(self, other: Any) -> Tensor:
        """Matrix product."""
        return ops.matmul(self, other)


def _several(given: tuple[Any, ...]) -> Any:
    """Return arguments that came as one sequence or as separate numbers."""
    return given if len(given) != 1 or isinstance(given[0], (int, np.integer)) else given[0]
