"""Layers whose weights may pass through a transform."""

from __future__ import annotations

from typing import Any

from ..cell import Cell
from ..dtypes import describe
from ..errors import ShapeError

__all__ = ["Weighted"]


class Weighted(Cell):
    """Base class of layers that multiply by ``weight``, or by ``weight_transform(weight)``.

    Attributes
    ----------
    weight : Parameter
        The trained values.
    weight_transform : Cell or None
        Maps the weights to those used in the product, in the same shape: quantised, masked or signed, for example. Its
        gradient, or its own ``bprop``, leads back to ``weight``. A compiled run calls it once, not in each step.
    """

    weight: Any
    weight_transform: Cell | None = None

    def effective_weight(self) -> Any:
        """Return the weights used in the product.

        Raises
        ------
        ShapeError
            If the transform changes their shape.
        """
        if self.weight_transform is None:
            return self.weight
        made = self.weight_transform(self.weight)
        if getattr(made, "shape", None) != self.weight.shape:
            raise ShapeError(
                f"{type(self).__name__}, weight_transform", f"weights {list(self.weight.shape)}, as given", describe(made),
                "It maps weights to weights of the same shape.",
            )  # fmt: skip
        return made
