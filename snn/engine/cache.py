"""Emitted modules, and what Numba makes of their loops: in memory, and in a private directory for later processes."""

from __future__ import annotations

import functools
import hashlib
import linecache
import os
import pickle
import sys
import warnings
from _thread import RLock
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from autograd.errors import CompileError

from .store import Store, StoreError
from .system import after_fork
from .threads import holding, undisturbed

__all__ = ["at_first", "directory", "enabled", "load"]

T = TypeVar("T")
_modules: dict[str, ModuleType] = {}
_told: set[str] = set()
_first: list[Callable[[], None]] = []
_STAGES, _PLACES = ("Failed in ",), ("During:", "File ", "There are ")
_lock = RLock()


def enabled() -> bool:
    """Tell whether loops are compiled: not under ``NUMBA_DISABLE_JIT=1``."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


def at_first(do: Callable[[], None]) -> None:
    """Have something done when this process first needs a compiled loop, before Numba is imported for it."""
    _first.append(do)


def directory() -> Path | None:
    """Return where compiled loops are kept: in ``$SPIKECELL_CACHE``, or the user's cache directory; None if nowhere.

    Raises
    ------
    StoreError
        If the user has no such directory.
    """
    given = os.environ.get("SPIKECELL_CACHE")
    if given == "off":
        return None
    try:
        if given:
            return Path(given).expanduser() / "loops"  # whoever finds a directory "~" might delete it by that name
        import platformdirs

        place = Path(platformdirs.user_cache_dir("spikecell", appauthor=False))
    except (KeyError, RuntimeError):
        place = Path()
    if not place.is_absolute():
        raise StoreError("this user has no home directory", "Name a directory in $SPIKECELL_CACHE.")
    return place / "loops"


def load(source: str, jit: bool = True) -> ModuleType:
    """Return the module of a source, with loops that are compiled when they are first called, or were by a process before.

    Its name is the hash of everything that it depends on, so that what is kept under it is never stale. Nothing but compiled
    loops is read from disk, and those only if :mod:`snn.engine.store` finds them whole; the ``.py`` there is for debuggers.

    Parameters
    ----------
    source : str
        As :func:`snn.engine.emit.module` makes it.
    jit : bool
        Whether Numba compiles it; otherwise it is plain Python.
    """
    if jit:
        if not _versions.cache_info().currsize:
            for do in _first:
                do()
            undisturbed(_versions)
        source += _versions()
    name = f"spikecell_{hashlib.sha256(source.encode()).hexdigest()[:20]}"
    if name not in _modules:
        undisturbed(functools.partial(holding, _lock, functools.partial(_load, name, source, jit)))
    return _modules[name]


@functools.cache
def _versions() -> str:
    """Import numba, which cannot be done again if it is interrupted, and say what compiled loops depend on."""
    import llvmlite
    import numba
    import numpy as np

    return f"\n# numba {numba.__version__}, llvmlite {llvmlite.__version__}, numpy {np.__version__}, python {sys.version!r}\n"


def _load(name: str, text: str, jit: bool) -> None:
    if name in _modules:
        return
    shown = _stored(lambda store: store.show(f"{name}.py", text))
    file = str(shown or f"<{name}>")
    if shown is None:
        linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    module = ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module  # numba looks it up there when it loads what it has stored
    exec(compile(text, file, "exec"), module.__dict__)
    if jit:
        for function in vars(module).values():
            if _is_loop(function):
                _prepare(function)
    _modules[name] = module


def _is_loop(function: Any) -> bool:
    """Tell whether ``threads.launch`` may call a function: one that numba compiles, of ``lo`` and ``hi``."""
    code = getattr(getattr(function, "py_func", None), "__code__", None)
    return code is not None and code.co_varnames[:2] == ("lo", "hi")


def _prepare(function: Any) -> None:
    """Have numba compile a loop where nothing interrupts it, and keep what comes of it."""
    compile_for = function._compile_for_args  # what numba's dispatcher calls for types that it does not know yet

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
    """Return what numba says in its message, without the stage at which it failed, before, and where, after."""
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith(_STAGES)] or ["no reason"]
    end = next((i for i, line in enumerate(said) if i and line.startswith(_PLACES)), len(said))
    return " ".join(said[:end])


class _Kept:
    """What numba asks for when it compiles a function: its own cache believes whatever file it finds."""

    cache_path = None

    def __init__(self, name: str) -> None:
        self.name = name

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Return what was compiled before for a signature, or None."""
        from numba.core.compiler import CompileResult

        context.refresh()
        name = self._file(signature, context.codegen())
        content = _stored(lambda store: store.read(name))
        try:
            rebuild: Any = CompileResult._rebuild
            return None if content is None else rebuild(context, *pickle.loads(content))
        except Exception:  # noqa: BLE001, RUF100 - whole, but not what this numba makes: it is made anew
            return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep what was compiled."""
        from numba.core import serialize

        if not result.library.has_dynamic_globals:
            dumps: Any = serialize.dumps  # it knows functions of numba's own
            content, name = dumps(result._reduce()), self._file(signature, result.codegen)
            _stored(lambda store: store.write(name, content))

    def _file(self, signature: Any, codegen: Any) -> str:
        """Return the name of a file: the function's, and a hash of all else that what is compiled depends on."""
        from numba import config

        options = [
            str(getattr(config, key, "")) for key in ("OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "USING_SVML")
        ]
        about = repr((str(signature), codegen.magic_tuple(), options))
        return f"{self.name}.{hashlib.sha256(about.encode()).hexdigest()[:20]}.bin"

    def flush(self) -> None:
        """Forget nothing: what is compiled anew replaces what was kept."""

    enable = disable = flush


def _stored(do: Callable[[Store], T]) -> T | None:
    """Do something with the store, or warn once why there is none."""
    try:
        place = directory()
        return None if place is None else do(Store(place))
    except StoreError as error:
        if error.reason not in _told:
            _told.add(error.reason)
            warnings.warn(
                f"Compiled loops are not kept, so each process compiles anew, since {error.reason}. {error.fix} "
                "SPIKECELL_CACHE=off does without.", RuntimeWarning, stacklevel=2,
            )  # fmt: skip
        return None


def _after_fork() -> None:
    global _lock
    _lock = RLock()


after_fork(_after_fork)
