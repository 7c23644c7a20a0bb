"""A line for a user who waits for the compiler."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

__all__ = ["announce"]

_said: list[bool] = []


def announce() -> None:
    """Print one line per process when loops are compiled, in a terminal or a notebook, unless ``$SPIKECELL_QUIET`` is set."""
    if _said or os.environ.get("SPIKECELL_QUIET", "0") not in ("", "0"):
        return
    _said.append(True)
    with suppress(Exception):  # a replaced or closed stderr
        if "ipykernel" in sys.modules or sys.stderr.isatty():
            print("snn: compiling loops; this takes a few seconds, once per kind of neuron.", file=sys.stderr)
