"""Losses as Cells, under MindSpore's names."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..cell import Cell
from ..dtypes import describe
from ..errors import ArgumentError, ShapeError
from ..tensor import Tensor, as_tensor

__all__ = ["CrossEntropyLoss", "L1Loss", "LossBase", "MSELoss", "SoftmaxCrossEntropyWithLogits"]


class LossBase(Cell):
    """A loss that is reduced over all elements.

    Parameters
    ----------
    reduction : str
        "mean", "sum", or "none" for a loss of each element.

    Raises
    ------
    ArgumentError
        If the reduction is unknown.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in ("mean", "sum", "none", None):
            raise ArgumentError(type(self).__name__, "reduction 'mean', 'sum' or 'none'", repr(reduction), "Choose one.")
        self.reduction = reduction or "none"

    def extra_repr(self) -> str:
        """Show the arguments that make such a loss."""
        return f"reduction={self.reduction!r}"

    def get_loss(self, x: Any, weights: Any = 1.0) -> Tensor:
        """Weight and reduce the losses of elements."""
        weighed = ops.mul(x, weights)
        return weighed if self.reduction == "none" else weighed.mean() if self.reduction == "mean" else weighed.sum()

    def _differences(self, logits: Any, labels: Any) -> Tensor:
        x, y = as_tensor(logits, type(self).__name__), as_tensor(labels, type(self).__name__)
        if x.shape != y.shape:
            raise ShapeError(type(self).__name__, f"labels like {describe(x)}", describe(y), "Reshape one of the two.")
        return x - y


class L1Loss(LossBase):
    """Absolute difference."""

    def construct(self, logits: Any, labels: Any) -> Tensor:
        """Compare two tensors of one shape."""
        return self.get_loss(ops.abs(self._differences(logits, labels)))


class MSELoss(LossBase):
    """Square of the difference."""

    def construct(self, logits: Any, labels: Any) -> Tensor:
        """Compare two tensors of one shape."""
        return self.get_loss(ops.square(self._differences(logits, labels)))


class SoftmaxCrossEntropyWithLogits(LossBase):
    """Cross entropy of the softmax of scores ``[N, classes]``.

    Parameters
    ----------
    sparse : bool
        Labels are class numbers ``[N]`` instead of probabilities ``[N, classes]``.
    reduction : str
        Over the samples: "none", "mean" or "sum".
    """

    def __init__(self, sparse: bool = False, reduction: str = "none") -> None:
        super().__init__(reduction)
        if not isinstance(sparse, bool):
            raise ArgumentError(type(self).__name__, "sparse=True or False", repr(sparse), "Pass reduction= by name.")
        self.sparse = sparse

    def extra_repr(self) -> str:
        """Show the arguments that make such a loss."""
        return f"sparse={self.sparse}, reduction={self.reduction!r}"

    def construct(self, logits: Any, labels: Any) -> Tensor:
        """Compare scores with labels."""
        return self._compared(logits, labels, self.sparse)

    def _compared(self, logits: Any, labels: Any, sparse: bool) -> Tensor:
        logits = as_tensor(logits, type(self).__name__)
        if sparse:
            labels = ops.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
        if logits.shape != as_tensor(labels).shape or logits.ndim != 2:
            raise ShapeError(
                type(self).__name__, "scores [N, classes] and their labels", f"{describe(logits)} and {describe(labels)}",
                "For class numbers as labels, use sparse=True.",
            )  # fmt: skip
        return self.get_loss(-ops.sum(ops.log_softmax(logits, -1) * labels, -1))


class CrossEntropyLoss(SoftmaxCrossEntropyWithLogits):
    """Cross entropy of the softmax of scores with class numbers, or with probabilities in the shape of the scores.

    Parameters
    ----------
    reduction : str
        Over the samples: "mean", "sum" or "none".
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def extra_repr(self) -> str:
        """Show the arguments that make such a loss."""
        return f"reduction={self.reduction!r}"

    def construct(self, logits: Any, labels: Any) -> Tensor:
        """Compare scores with labels."""
        return self._compared(logits, labels, sparse=as_tensor(labels, "CrossEntropyLoss").ndim == 1)
