"""The circumstances of a run that may make another one round differently: versions, code, processor, BLAS."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

__all__ = ["PARTS", "ROOT", "differences", "manifest"]

ROOT = Path(__file__).parents[1]
_PACKAGES = ("spikecell", "numpy", "numba", "llvmlite", "scipy", "scikit-learn", "matplotlib", "safetensors", "tqdm", "tyro")
PARTS = {
    "versions": "version of {}",
    "code": "code of {}",
    "cpu": "CPU: {}",
    "blas": "BLAS: {}",
    "settings": "${}",
    "data": "data: {}",
}
_SETTINGS = ("SPIKECELL_PRODUCT", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_DISABLE_JIT")


def manifest() -> dict[str, dict[str, Any]]:
    """Return versions, the processor, the BLAS, and digests of the code."""
    settings = {name: value for name, value in sorted(os.environ.items()) if name in _SETTINGS}
    return {"versions": _versions(), "code": _code(), "cpu": _cpu(), "blas": _blas(), "settings": settings}


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a line for each difference between two manifests, including the data."""
    found = []
    for part, text in PARTS.items():
        before, after = then.get(part, {}), now.get(part, {})
        for name in {**before, **after}:
            if before.get(name) != after.get(name):
                was, has = (str(side.get(name, "not known")) for side in (before, after))
                found.append(f"{text.format(name)}: {was[:80]} then, {has[:80]} now")
    return found


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _code() -> dict[str, str]:
    found = {}
    for package in ("autograd", "snn", "experiments"):
        digest = hashlib.sha256()
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(f"{path.relative_to(ROOT).as_posix()}\n".encode() + path.read_bytes())
        found[package] = digest.hexdigest()[:16]
    return found


def _cpu() -> dict[str, Any]:
    """Return the processor, and those of its extensions that numpy uses."""
    used: Any = np.show_config(mode="dicts")
    extensions = used.get("SIMD Extensions", {})
    return {
        "model": _model(), "cores": os.cpu_count(),
        "extensions": " ".join([*extensions.get("baseline", ()), *extensions.get("found", ())]),
    }  # fmt: skip


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.processor() or "unknown"


def _blas() -> dict[str, Any]:
    """Return the BLAS of numpy and of scipy, its kernels for this processor, and its number of threads."""
    import scipy.linalg  # noqa: F401 - only loaded libraries are found, and another experiment would load it later

    libraries = [library for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]
    libraries.sort(key=lambda library: str(library["filepath"]))
    # If the wheels bring their own, other loaded libraries do not matter.
    owned = {name: lib for lib in libraries for name in ("numpy", "scipy") if f"{name}.libs" in Path(lib["filepath"]).parts}
    return {
        f"{key.replace('_', ' ')} of {name}": library.get(key)
        for name, library in (owned or {f"library {i + 1}": library for i, library in enumerate(libraries)}).items()
        for key in ("internal_api", "version", "architecture", "num_threads")
    }
