"""The loops inside numpy's functions, for calls from ours: other libraries round exponentials differently."""

from __future__ import annotations

import ctypes
import functools
import importlib
from typing import Any

import numpy as np

from autograd.errors import CompileError
from autograd.state import quietly

__all__ = ["function", "loop_of"]

_Pointers = ctypes.POINTER(ctypes.c_void_p)
_Sizes = ctypes.POINTER(ctypes.c_ssize_t)
_Loop = ctypes.CFUNCTYPE(None, _Pointers, _Sizes, _Sizes, ctypes.c_void_p)


class _Ufunc(ctypes.Structure):
    """The start of numpy's ``PyUFuncObject``, as in ``ufuncobject.h`` of numpy 1.7 to 2.4."""

    _fields_ = [
        ("head", ctypes.c_byte * object.__basicsize__),
        *((name, ctypes.c_int) for name in ("nin", "nout", "nargs", "identity")),
        ("functions", _Pointers),
        ("data", _Pointers),
        *((name, ctypes.c_int) for name in ("ntypes", "reserved")),
        ("name", ctypes.c_char_p),
        ("types", ctypes.c_void_p),
    ]


def function(name: str) -> Any:
    """Return a numpy function by its name, such as ``"numpy.exp"``."""
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(module), function)


@functools.cache
def loop_of(name: str, dtype: Any) -> tuple[Any, Any]:
    """Return the addresses of a function's loop over arrays of a dtype, and of the loop's data, for compiled code.

    Parameters
    ----------
    name : str
        As in :func:`function`; all its arguments have the dtype.
    dtype : dtype
        float32 or float64.

    Raises
    ------
    CompileError
        If it has no such loop, or this numpy has another memory layout.
    """
    ufunc = function(name)
    got = "no such loop"
    read = _Ufunc.from_address(id(ufunc))
    numbers = all(getattr(read, key) == getattr(ufunc, key) for key in ("nin", "nout", "nargs", "ntypes"))
    if numbers and read.name == ufunc.__name__.encode():  # only then is it safe to follow pointers
        types = ctypes.string_at(read.types, ufunc.nargs * ufunc.ntypes)
        wanted = bytes([np.dtype(dtype).num]) * ufunc.nargs
        for k in range(ufunc.ntypes):
            if types[ufunc.nargs * k : ufunc.nargs * (k + 1)] == wanted:
                address, data = read.functions[k] or 0, (read.data[k] or 0) if read.data else 0
                if address and _gives_the_same(ufunc, np.dtype(dtype), address, data):
                    return np.intp(address), np.intp(data)
                got = "a loop that gives other numbers"
    raise CompileError(
        f"numpy {np.__version__}, {name} for {dtype}", "a loop in its ufunc that gives the same numbers", got,
        "Run it with mode='eager', as mode='auto' does.",
    )  # fmt: skip


def _gives_the_same(ufunc: Any, dtype: Any, address: int, data: int) -> bool:
    """Return whether the loop at an address gives a function's bits, on enough numbers for its vector and scalar loops."""
    inputs = [np.linspace(0.1 + k, 3.7 - k, 67).astype(dtype) for k in range(ufunc.nin)]
    found = np.zeros(67, dtype)
    arrays = [*inputs, found]
    places = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
    steps = (ctypes.c_ssize_t * len(arrays))(*(a.itemsize for a in arrays))
    _Loop(address)(places, (ctypes.c_ssize_t * 1)(67), steps, data)
    return quietly(lambda: bool(found.tobytes() == ufunc(*inputs).tobytes()))
