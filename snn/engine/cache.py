"""Emitted modules: each stands whole in one file named by its hash, in the user's cache directory."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["directory", "enabled", "forget", "load"]

_modules: dict[str, ModuleType] = {}
_lock = threading.Lock()


def enabled() -> bool:
    """Tell whether loops are compiled: not under ``NUMBA_DISABLE_JIT=1``."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


def directory() -> Path:
    """Return where emitted modules are kept: ``$SPIKECELL_CACHE``, or the user's cache directory."""
    import platformdirs

    return Path(os.environ.get("SPIKECELL_CACHE") or platformdirs.user_cache_dir("spikecell", appauthor=False)) / "loops"


def load(source: str, jit: bool = True) -> ModuleType:
    """Return the module of a source, compiled before if a file of it is there.

    The file's name is the hash of everything that it depends on, so that it is never stale; it is put in place whole, so that
    two processes may do so at once. Where nothing can be written, the module lives in memory only.

    Parameters
    ----------
    source : str
        As :func:`snn.engine.emit.module` makes it.
    jit : bool
        Whether Numba compiles it; otherwise it is plain Python.
    """
    if jit:
        import numba
        import numpy as np

        source += f"\n# numba {numba.__version__}, numpy {np.__version__}, python {sys.version_info[:3]}\n"
    name = f"spikecell_{hashlib.sha256(source.encode()).hexdigest()[:20]}"
    with _lock:
        if name not in _modules:
            _modules[name] = _load(name, source)
        return _modules[name]


def _load(name: str, text: str) -> ModuleType:
    path = directory() / f"{name}.py"
    try:
        _ensure(path, text)
    except OSError:
        module = ModuleType(name)
        exec(compile(text.replace(", cache=True", ""), f"<{name}>", "exec"), module.__dict__)
        return module
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # numba looks it up there when it loads what it has stored
    spec.loader.exec_module(module)
    return module


def _ensure(path: Path, text: str) -> None:
    """Have the file there with this text, whatever was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except (OSError, UnicodeDecodeError):
        pass
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def forget(function: Any) -> None:
    """Delete what numba has stored of a function's module, which turned out to be damaged."""
    for stored in (directory() / "__pycache__").glob(f"{function.__module__}*.nb*"):
        stored.unlink(missing_ok=True)
