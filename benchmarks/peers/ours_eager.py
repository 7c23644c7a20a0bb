"""Ours as a plain network: the Cell is called, operation by operation, and nothing is compiled."""

from __future__ import annotations

from typing import Any

from . import ours


class Contender(ours.Contender):
    """The net without time."""

    packages = ("spikecell",)

    def _run(self, x: Any, **options: Any) -> Any:
        return (self.net(x),)

    def facts(self) -> dict[str, Any]:
        """Return nothing: nothing fires."""
        return {}

    def memory_estimate(self) -> int | None:
        """Return nothing: what is estimated is a run over time."""
        return None
