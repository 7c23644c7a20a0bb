"""Emitted modules and their compiled loops: in memory, and in a private directory for later processes."""

from __future__ import annotations

import functools
import hashlib
import linecache
import os
import sys
import warnings
from _thread import RLock
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from .store import Store, StoreError
from .system import after_fork
from .threads import holding, undisturbed

__all__ = ["directory", "load", "stored"]

T = TypeVar("T")
_modules: dict[str, ModuleType] = {}
_told: set[str] = set()
_lock = RLock()


def directory() -> Path | None:
    """Return the directory of compiled loops: in ``$SPIKECELL_CACHE`` or the user's cache directory; None if switched off.

    Raises
    ------
    StoreError
        If the user has no home directory.
    """
    given = os.environ.get("SPIKECELL_CACHE")
    if given == "off":
        return None
    try:
        if given:
            return Path(given).expanduser() / "loops"  # a user who finds a directory named "~" might delete it by that name
        import platformdirs

        place = Path(platformdirs.user_cache_dir("spikecell", appauthor=False))
    except (KeyError, RuntimeError):
        place = Path()
    if not place.is_absolute():
        raise StoreError("this user has no home directory", "Name a directory in $SPIKECELL_CACHE.")
    return place / "loops"


def load(source: str, prepare: Callable[[Any], None] | None = None) -> ModuleType:
    """Return the module of a source, made once.

    Its name is the hash of everything that it depends on, so that nothing stored under it is ever stale. Only compiled loops
    are read from disk, and only if :mod:`snn.engine.store` finds them intact; the ``.py`` file there is for debuggers.

    Parameters
    ----------
    source : str
        Source from :meth:`snn.engine.backends.BackEnd.module`, with everything else that the stored loops depend on.
    prepare : callable, optional
        Called with each object of the module.
    """
    name = f"spikecell_{hashlib.sha256(source.encode()).hexdigest()[:20]}"
    if name not in _modules:
        undisturbed(functools.partial(holding, _lock, functools.partial(_load, name, source, prepare)))
    return _modules[name]


def _load(name: str, text: str, prepare: Callable[[Any], None] | None) -> None:
    if name in _modules:
        return
    shown = stored(lambda store: store.show(f"{name}.py", text))
    file = str(shown or f"<{name}>")
    if shown is None:
        linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    module = ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module  # numba, among others, looks the module up here when it loads stored loops
    exec(compile(text, file, "exec"), module.__dict__)
    if prepare is not None:
        for value in vars(module).values():
            prepare(value)
    _modules[name] = module


def stored(do: Callable[[Store], T]) -> T | None:
    """Call a function with the store; without one, warn once with the reason."""
    try:
        place = directory()
        return None if place is None else do(Store(place))
    except StoreError as error:
        if error.reason not in _told:
            _told.add(error.reason)
            warnings.warn(
                f"Compiled loops are not kept, so each process compiles anew, since {error.reason}. {error.fix} "
                "SPIKECELL_CACHE=off turns the cache off.", RuntimeWarning, stacklevel=2,
            )  # fmt: skip
        return None


def _after_fork() -> None:
    global _lock
    _lock = RLock()


after_fork(_after_fork)
