"""The choice between our matrix product and the BLAS's: one rule on the processor, the shape and the operands."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.errors import ArgumentError

from . import blas, tuning
from .backends import BackEnd, back_end
from .operands import Matrix, numbers

__all__ = ["Choice", "choice", "product"]


class Choice(NamedTuple):
    """A product, ``"ours"`` or ``"blas"``, and the reason for it."""

    name: str
    why: str


def choice(m: int, n: int, k: int, spikes: bool, backend: BackEnd | None = None) -> Choice:
    """Return the product to use for ``[m, k] @ [k, n]``.

    ``$SPIKECELL_PRODUCT`` may name it. Otherwise it is ours where ``benchmarks product`` shows that it is not slower. With
    AVX-512, that is from some size on; where its operations run in two halves, only if no side is short. With AVX2, numpy's
    BLAS is as fast and needs no compilation, except for spikes times few columns: ours need not convert spikes to numbers.

    Parameters
    ----------
    m, n, k : int
        The shape.
    spikes : bool
        Whether the first operand is spikes in bytes.
    backend : BackEnd, optional
        By default the back end of compiled runs; in plain Python ours would be slow.

    Raises
    ------
    ArgumentError
        If the variable is neither.
    """
    if given := os.environ.get("SPIKECELL_PRODUCT", ""):
        if given not in ("ours", "blas"):
            raise ArgumentError(
                "$SPIKECELL_PRODUCT", "ours or blas", repr(given), "Unset it to have each product chosen by its shape."
            )
        return Choice(given, "$SPIKECELL_PRODUCT says so")
    limits = tuning.now()
    if m * n * k < limits.own_product:
        return Choice("blas", "each is small")
    if min(m, n, k) < limits.own_side:
        return Choice("blas", "each is thin")
    if not (backend or back_end()).compiles:
        return Choice("blas", "nothing is compiled")
    from .product import processor

    here = processor()
    if here.name == "AVX-512":
        return Choice("ours", here.name)
    if here.name in ("AVX2 and FMA", "AVX-512 in halves") and spikes:
        if k >= limits.own_depth and n <= limits.own_columns:
            return Choice("ours", f"{here.name}, and spikes need not become numbers")
    if here.name == "AVX-512 in halves" and min(m, n, k) >= limits.own_breadth:
        return Choice("ours", f"{here.name}, and no side is short")
    return Choice("blas", f"ours is no faster with {here.name} for such shapes")


def product(a: Array | Matrix, b: Array | Matrix, out: Array, backend: BackEnd | None = None) -> Array:
    """Write ``a @ b``; the bits depend on the shapes and the processor, not on the number of threads.

    Call it inside :func:`snn.engine.blas.one_thread_each`. Only ours takes an operand that is a Matrix.
    """
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        m, n = out.shape
        if choice(m, n, a.shape[1], False, backend).name == "blas":
            return blas.product(a, b, out)
    from .product import multiply

    first, second = (numbers(x) if isinstance(x, np.ndarray) else x for x in (a, b))
    return multiply(first, second, out, backend=backend)
