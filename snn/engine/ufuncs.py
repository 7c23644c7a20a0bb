"""The loops inside numpy's functions, to be called from ours: another library's exponential rounds differently."""

from __future__ import annotations

import ctypes
import functools
import importlib
from typing import Any

import numpy as np

from autograd.errors import CompileError

__all__ = ["loop_of"]

# Where a ufunc has its number of arguments, its loops, their data, the number of loops and the types they are for: numpy's
# ufuncobject.h, part of its stable C interface.
_HEAD = object.__basicsize__
_PLACES = {"nargs": _HEAD + 8, "functions": _HEAD + 16, "data": _HEAD + 24, "ntypes": _HEAD + 32, "types": _HEAD + 48}


@functools.cache
def loop_of(name: str, dtype: Any, jit: bool) -> tuple[Any, Any]:
    """Return the address of a function's loop over an array of a dtype, and that of its data.

    Parameters
    ----------
    name : str
        Such as ``"numpy.exp"``; all its arguments have the dtype.
    dtype : dtype
        float32 or float64.
    jit : bool
        Whether compiled code calls it; otherwise the function itself is returned, and 0.

    Raises
    ------
    CompileError
        If it has no such loop.
    """
    module, _, function = name.rpartition(".")
    ufunc = getattr(importlib.import_module(module), function)
    if not jit:
        return ufunc, np.intp(0)
    read = {
        key: (ctypes.c_int if key[0] == "n" else ctypes.c_void_p).from_address(id(ufunc) + at).value
        for key, at in _PLACES.items()
    }
    n, types = ufunc.nargs, ctypes.string_at(read["types"] or 0, ufunc.nargs * ufunc.ntypes)
    wanted = bytes([np.dtype(dtype).num]) * n
    for k in range(ufunc.ntypes):
        if types[n * k : n * (k + 1)] == wanted and (read["nargs"], read["ntypes"]) == (n, ufunc.ntypes):
            address = ctypes.c_void_p.from_address((read["functions"] or 0) + 8 * k).value or 0
            data = ctypes.c_void_p.from_address(read["data"] + 8 * k).value if read["data"] else 0
            return np.intp(address), np.intp(data or 0)
    raise CompileError(f"numpy {np.__version__}", f"{name} for {dtype}", "no loop of it", "Run it with mode='eager'.")
