"""Matrix products and more general contractions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import sum_dtype
from ..errors import ShapeError
from ..operator import operator
from ..primitive import primitive
from ..tensor import Tensor, as_tensor
from .shape import broadcast_to, reshape, swapaxes


def _second_vjp(g: Tensor, x: Any, y: Any) -> Tensor:
    if y.ndim == 2 and x.ndim > 2:  # one product over the whole batch, instead of the sum of one per sample
        n = math.prod(x.shape[:-1])
        x, g = reshape(x, (n, x.shape[-1])), reshape(g, (n, g.shape[-1]))
    return _matmul(swapaxes(x, -1, -2), g)


@primitive(
    lambda g, y: _matmul(g, swapaxes(y, -1, -2)),
    _second_vjp,
    expects="inner dimensions that agree, as in [..., n, k] @ [..., k, m]",
)
def _matmul(x, y, /):
    return np.matmul(x, y)


def matmul(x: Any, y: Any) -> Tensor:
    """Matrix product ``[..., n, k] @ [..., k, m]``, broadcasting over the leading axes; ``[k]`` is a row or a column.

    Raises
    ------
    ShapeError
        If the inner dimensions differ.
    """
    x, y = as_tensor(x, "ops.matmul"), as_tensor(y, "ops.matmul")
    if x.ndim > 1 and y.ndim > 1:
        return _matmul(x, y)
    if x.ndim == 0 or y.ndim == 0 or x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        return _matmul(x, y)  # raises the error
    row = reshape(x, (1, -1)) if x.ndim == 1 else x
    column = reshape(y, (-1, 1)) if y.ndim == 1 else y
    out = _matmul(row, column)
    shape = out.shape
    return reshape(out, (shape[:-2] if x.ndim == 1 else shape[:-1]) + (() if y.ndim == 1 else shape[-1:]))


class MatMul(operator("MatMul", matmul, "transpose_a", "transpose_b")):  # type: ignore[misc]
    """The operation ``ops.matmul`` as an object; either side may be transposed first."""

    def __init__(self, transpose_a: bool = False, transpose_b: bool = False) -> None:
        super().__init__(transpose_a, transpose_b)

    def __call__(self, x: Any, y: Any) -> Tensor:
        """Multiply."""
        x = swapaxes(x, -1, -2) if self.given["transpose_a"] else x
        return matmul(x, swapaxes(y, -1, -2) if self.given["transpose_b"] else y)


class BatchMatMul(MatMul):
    """The same operation under MindSpore's name for more than two axes."""


def _einsum_vjp(g: Tensor, inputs: list[Any], i: int, subscripts: str) -> Tensor:
    """Contract the cotangent with all other inputs, back to the letters of input ``i``."""
    terms, out = subscripts.split("->")
    letters = terms.split(",")
    mine, names, factors = letters[i], [out], [g]
    names += letters[:i] + letters[i + 1 :]
    factors += list(inputs[:i]) + list(inputs[i + 1 :])
    spare = iter(sorted(set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") - set(subscripts)))
    target = ""
    for letter, size in zip(mine, inputs[i].shape, strict=True):
        if letter in target:  # a repeated letter is a diagonal, the only elements with a gradient
            twin = next(spare)
            names.append(letter + twin)
            factors.append(Tensor.wrap(np.eye(size, dtype=g.dtype)))
            target += twin
        else:
            if not any(letter in name for name in names):  # summed over in this input only
                names.append(letter)
                factors.append(Tensor.wrap(np.ones(size, g.dtype)))
            target += letter
    back = _einsum(*factors, subscripts=",".join(names) + "->" + target)
    shape = np.broadcast_shapes(back.shape, inputs[i].shape)  # longer if this input has length 1 for a letter
    return back if back.shape == shape else broadcast_to(back, shape)


@primitive(_einsum_vjp, expects="inputs whose axes have the lengths that their letters name")
def _einsum(*inputs, subscripts):
    kind = inputs[0].dtype
    wide = [x.astype(sum_dtype(kind), copy=False) for x in inputs]
    return np.asarray(np.einsum(subscripts, *wide, optimize=len(inputs) > 2)).astype(kind, copy=False)


def einsum(subscripts: str, *inputs: Any) -> Tensor:
    """Sum of products in Einstein's notation, such as ``"tni,oi->tno"``; ``...`` stands for leading axes.

    Raises
    ------
    ShapeError
        If an input does not have as many axes as letters, or a letter stands for two lengths.
    """
    tensors = [as_tensor(x, "ops.einsum") for x in inputs]
    terms, arrow, out = subscripts.replace(" ", "").partition("->")
    letters = terms.split(",")
    if len(letters) != len(tensors):
        raise ShapeError(
            "ops.einsum", f"{len(letters)} inputs for {subscripts!r}", f"{len(tensors)}", "Name the axes of each input."
        )
    if not arrow:
        names = terms.replace(",", "").replace(".", "")
        out = ("..." if "..." in terms else "") + "".join(sorted(c for c in set(names) if names.count(c) == 1))
    spare = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in subscripts]
    widest = ""
    for i, (name, tensor) in enumerate(zip(letters, tensors, strict=True)):
        extra = tensor.ndim - len(name.replace("...", ""))
        if extra < 0 or (extra and "..." not in name):
            raise ShapeError(
                "ops.einsum", f"{len(name)} axes for {name!r}", f"{list(tensor.shape)}", "Name every axis once, or use '...'."
            )
        dots = "".join(reversed(spare[:extra]))
        letters[i] = name.replace("...", dots)
        widest = max(widest, dots, key=len)
    if widest and "..." not in out:
        raise ShapeError("ops.einsum", "'...' on the right as well", repr(subscripts), "Sum over axes that have a letter.")
    return _einsum(*tensors, subscripts=",".join(letters) + "->" + out.replace("...", widest))
