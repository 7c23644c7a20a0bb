"""Jaxpike with its checkpoints."""

from __future__ import annotations

from . import jaxpike


class Contender(jaxpike.Contender):
    """The backward pass recomputes each step: ``unroll(remat_step=True)``."""

    again = True
