"""Compilation of a module's loops by Numba, and their storage for later processes."""

from __future__ import annotations

import functools
import hashlib
import pickle
import sys
from typing import Any

from autograd.errors import CompileError

from ...cache import stored
from ...threads import undisturbed
from .notice import announce

__all__ = ["prepare", "versions"]

_STAGES, _PLACES = ("Failed in ",), ("During:", "File ", "There are ")


@functools.cache
def versions() -> str:
    """Import numba, which cannot be repeated after an interrupt; return everything that compiled loops depend on."""
    import llvmlite
    import numba
    import numpy as np

    return f"\n# numba {numba.__version__}, llvmlite {llvmlite.__version__}, numpy {np.__version__}, python {sys.version!r}\n"


def prepare(function: Any) -> None:
    """Compile a loop with numba where nothing interrupts it, and store the result; ignore any other object.

    A loop is a function for ``threads.launch``: compiled by numba, with the arguments ``lo`` and ``hi``.
    """
    code = getattr(getattr(function, "py_func", None), "__code__", None)
    if code is None or code.co_varnames[:2] != ("lo", "hi"):
        return
    compile_for = function._compile_for_args  # the dispatcher calls it for types it has not met

    def compile_undisturbed(*args: Any, **kwargs: Any) -> Any:
        from numba.core.errors import NumbaError

        try:
            return undisturbed(functools.partial(compile_for, *args, **kwargs))
        except (NumbaError, NotImplementedError) as error:
            raise CompileError(
                f"numba, {function.__module__}", "a loop that it can compile", _reason(str(error)),
                "Please report the neuron; mode='eager' runs it.",
            ) from error  # fmt: skip

    function._compile_for_args = compile_undisturbed
    function._cache = _Kept(f"{function.__module__}.{function.__name__}")


def _reason(text: str) -> str:
    """Return the core of a numba message, without the stage before it and the location after it."""
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith(_STAGES)] or ["no reason"]
    end = next((i for i, line in enumerate(said) if i and line.startswith(_PLACES)), len(said))
    return " ".join(said[:end])


class _Kept:
    """The cache interface that numba expects: its own cache trusts any file it finds."""

    cache_path = None

    def __init__(self, name: str) -> None:
        self.name = name

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Return the stored result for a signature, or None."""
        from numba.core.compiler import CompileResult

        context.refresh()
        name = self._file(signature, context.codegen())
        content = stored(lambda store: store.read(name))
        if content is not None:
            try:
                rebuild: Any = CompileResult._rebuild
                return rebuild(context, *pickle.loads(content))
            except Exception:  # noqa: BLE001, RUF100, S110 - intact, but from another numba: compile again
                pass
        announce()
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Store the result for a signature."""
        from numba.core import serialize

        if not result.library.has_dynamic_globals:
            dumps: Any = serialize.dumps  # it can pickle numba's own functions
            content, name = dumps(result._reduce()), self._file(signature, result.codegen)
            stored(lambda store: store.write(name, content))

    def _file(self, signature: Any, codegen: Any) -> str:
        """Return the name of a file: that of the function, and a hash of everything else that the result depends on."""
        from numba import config

        options = [
            str(getattr(config, key, "")) for key in ("OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "USING_SVML")
        ]
        about = repr((str(signature), codegen.magic_tuple(), options))
        return f"{self.name}.{hashlib.sha256(about.encode()).hexdigest()[:20]}.bin"

    def flush(self) -> None:
        """Do nothing: a new result replaces the stored one."""

    enable = disable = flush
