"""Modes and other settings of a MindSpore program. Both modes run eagerly; use ``snn.run`` for a compiled run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ArgumentError

__all__ = ["GRAPH_MODE", "PYNATIVE_MODE", "get_context", "jit", "ms_function", "set_context"]

GRAPH_MODE, PYNATIVE_MODE = 0, 1

_ANY: tuple[Any, ...] = ()
_ALLOWED: dict[str, tuple[Any, ...]] = {
    "mode": (GRAPH_MODE, PYNATIVE_MODE),
    "device_target": ("CPU",),
    "check_bprop": (False, True),
    "pynative_synchronize": (False, True),
    "device_id": _ANY,
    "max_call_depth": _ANY,
    "save_graphs": _ANY,
    "save_graphs_path": _ANY,
}
_settings: dict[str, Any] = {"mode": PYNATIVE_MODE, "device_target": "CPU", "check_bprop": False}


def set_context(**settings: Any) -> None:
    """Accept the settings of a MindSpore program.

    None of them changes a result: both modes run eagerly, and the result of a ``bprop`` is always checked.

    Parameters
    ----------
    **settings
        Among them ``mode=GRAPH_MODE`` or ``PYNATIVE_MODE``, ``device_target="CPU"`` and ``check_bprop=``.

    Raises
    ------
    ArgumentError
        If a setting is unknown, or not available here, such as another device. No setting is accepted then.
    """
    for name, value in settings.items():
        if name not in _ALLOWED:
            raise ArgumentError("set_context", f"one of {', '.join(_ALLOWED)}", repr(name), "Leave it out.")
        allowed = _ALLOWED[name]
        if allowed is not _ANY and value not in allowed:
            raise ArgumentError(
                "set_context", f"{name} to be {' or '.join(map(repr, allowed))}", repr(value), "Choose it, or leave it out."
            )
    _settings.update(settings)


def get_context(name: str) -> Any:
    """Return a setting; None if it was never set.

    Raises
    ------
    ArgumentError
        If there is no such setting.
    """
    if name not in _ALLOWED:
        raise ArgumentError("get_context", f"one of {', '.join(_ALLOWED)}", repr(name), "Ask for one of them.")
    return _settings.get(name)


def jit(fn: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Return a function unchanged, to run eagerly; also usable as a decorator with options.

    Examples
    --------
    >>> @jit
    ... def double(x):
    ...     return x * 2
    >>> double(3)
    6
    """
    return (lambda given: given) if fn is None else fn


ms_function = jit


def __dir__() -> list[str]:
    return sorted(__all__)
