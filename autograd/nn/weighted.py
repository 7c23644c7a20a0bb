"""Layers whose weights may go through a Cell on their way."""

from __future__ import annotations

from typing import Any

from ..cell import Cell
from ..dtypes import describe
from ..errors import ShapeError

__all__ = ["Weighted"]


class Weighted(Cell):
    """Base class of layers that multiply by ``weight``, or by what ``weight_transform`` makes of it.

    Attributes
    ----------
    weight : Parameter
        What is trained.
    weight_transform : Cell or None
        Maps the weights to what is multiplied by, in the same shape: quantised, masked, signed. Its gradient, or its own
        ``bprop``, leads back to ``weight``. A compiled run calls it once, and not in each step.
    """

    weight: Any
    weight_transform: Cell | None = None

    def effective_weight(self) -> Any:
        """Return the weights that are multiplied by.

        Raises
        ------
        ShapeError
            If the transform makes another shape of them.
        """
        if self.weight_transform is None:
            return self.weight
        made = self.weight_transform(self.weight)
        if getattr(made, "shape", None) != self.weight.shape:
            raise ShapeError(
                f"{type(self).__name__}, weight_transform", f"weights {list(self.weight.shape)}, as it got", describe(made),
                "It maps weights to weights of the same shape.",
            )  # fmt: skip
        return made
