"""Jaxpike with its checkpoints."""

from __future__ import annotations

from . import jaxpike


class Contender(jaxpike.Contender):
    """Each step is computed again in the backward: ``unroll(remat_step=True)``."""

    again = True
