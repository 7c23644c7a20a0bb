"""Ours, operation by operation: nothing is compiled."""

from __future__ import annotations

from typing import Any

from . import ours


class Contender(ours.Contender):
    """The net run by ``snn.run(mode="eager")``; if nothing fires, the Cell without time."""

    packages = ("spikecell",)
    mode = "eager"

    def _run(self, x: Any, **options: Any) -> Any:
        return super()._run(x, **options) if self._fires else (self.net(x),)

    @property
    def _fires(self) -> bool:
        return any(layer.fires for layer in self.work.layers)

    def facts(self) -> dict[str, Any]:
        """Return firing rates and norms of gradients, or nothing if nothing fires."""
        return super().facts() if self._fires else {}

    def memory_estimate(self) -> int | None:
        """Return nothing: what is estimated is a compiled run."""
        return None
