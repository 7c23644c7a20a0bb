"""Checks of the gradients that an optimizer, or a function that makes gradients for one, is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import describe
from ..errors import DTypeError, NonFiniteError, ShapeError
from ..parameter import Parameter
from ..tensor import Tensor

__all__ = ["check_finite", "check_fit", "check_gradients"]


def check_gradients(gradients: Any, where: str, params: Sequence[Parameter] = ()) -> tuple[Tensor, ...]:
    """Return gradients, of these Parameters if they are known, as a tuple of Tensors."""
    advice = "loss, gradients = autograd.value_and_grad(fn, None, optimizer.params)(...) returns them."
    if isinstance(gradients, (Tensor, str)) or not isinstance(gradients, Sequence):
        raise DTypeError(where, "gradients, one for each Parameter", describe(gradients), advice)
    for i, g in enumerate(gradients):
        if not isinstance(g, Tensor):
            whose = params[i].name if i < len(params) else f"gradient {i}"
            raise DTypeError(f"{where}, {whose}", "its gradient as a Tensor", describe(g), "Wrap it as Tensor(...).")
        if isinstance(g, Parameter):
            raise DTypeError(where, "gradients", f"{describe(g)} {g.name!r}", advice)
    return tuple(gradients)


def check_fit(gradients: Any, where: str, params: Sequence[Parameter]) -> None:
    """Check that there is a gradient for each Parameter, of its shape."""
    if type(gradients) not in (tuple, list) or {*map(type, gradients)} != {Tensor}:
        check_gradients(gradients, where, params)
    if len(gradients) != len(params):
        raise ShapeError(
            where, f"{len(params)} gradients", f"{len(gradients)}",
            "Differentiate with respect to these Parameters only: grad_position=None, weights=...",
        )  # fmt: skip
    if [g.array.shape for g in gradients] != [p.stored.shape for p in params]:
        p, g = next((p, g) for p, g in zip(params, gradients, strict=True) if g.shape != p.shape)
        raise ShapeError(f"{where}, {p.name}", f"a gradient {list(p.shape)}", describe(g), "Check their order.")


def check_finite(gradients: Sequence[Tensor], where: str, params: Sequence[Parameter]) -> None:
    """Check that no gradient has NaN or infinity."""
    for p, g in zip(params, gradients, strict=True):
        if not np.isfinite(g.array).all():
            raise NonFiniteError(
                where, f"a finite gradient of {p.name}", "NaN or infinity",
                "Nothing was updated. Lower the learning rate, or clip; snn.run(check=True) finds the layer.",
            )  # fmt: skip
