"""Ours in eager mode, operation by operation."""

from __future__ import annotations

from typing import Any

from . import ours


class Contender(ours.Contender):
    """The net run with ``snn.run(mode="eager")``; if it has no spiking layer, the Cell itself, without time."""

    packages = ("spikecell",)
    mode = "eager"

    def _run(self, x: Any, **options: Any) -> Any:
        return super()._run(x, **options) if self._fires else (self.net(x),)

    @property
    def _fires(self) -> bool:
        return any(layer.fires for layer in self.work.layers)

    def facts(self) -> dict[str, Any]:
        """Return firing rates and norms of gradients; nothing for a net without a spiking layer."""
        return super().facts() if self._fires else {}

    def memory_estimate(self) -> int | None:
        """Return None: only compiled runs are estimated."""
        return None
