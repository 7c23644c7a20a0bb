"""What looks on while a net runs: recording, and the search for NaN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Cell, Tensor, ops, tree
from autograd.errors import ArgumentError, NonFiniteError

__all__ = ["Recorder", "check_input", "check_layers"]

Remove = Callable[[], None]


class Recorder:
    """Collects what the neurons of a net do, through forward hooks.

    Parameters
    ----------
    net : Cell
        The net.
    names : sequence of str
        What to record.
    is_stateful : callable
        Tells the Cells with a state over time.
    """

    def __init__(self, net: Cell, names: Sequence[str], is_stateful: Callable[[Cell], bool]) -> None:
        self.names = (names,) if isinstance(names, str) else tuple(names)
        self.mask: Any = None
        self.taken: dict[str, list[Tensor]] = {}
        self.available: set[str] = set()
        cells = [(name, cell) for name, cell in net.cells_and_names() if is_stateful(cell)]
        # A Cell that holds neurons is not one itself.
        self.neurons = [
            (name, cell) for name, cell in cells if not any(is_stateful(c) for n, c in cell.cells_and_names() if n)
        ]

    def hooks(self) -> list[Remove]:
        """Start to listen; return the functions that stop it."""
        return [cell.register_forward_hook(self._hook(name)) for name, cell in self.neurons] if self.names else []

    def begin(self, mask: Any) -> None:
        """Say which samples take part in the time step that comes."""
        self.mask = mask

    def _hook(self, name: str) -> Callable[[Cell, tuple[Any, ...], Any], None]:
        def hook(cell: Cell, inputs: tuple[Any, ...], output: Any) -> None:
            (x, before), (out, after) = inputs, output
            values = _variables(after)
            held = _variables(before)
            if getattr(cell, "fire", True):
                values["spike"], held["spike"] = out, None
            values["x"], held["x"] = x, None
            if "v_before_reset" in self.names and hasattr(cell, "charge"):
                values["v_before_reset"], held["v_before_reset"] = cell.charge(x, before), before
            self.available |= values.keys() | ({"v_before_reset"} if hasattr(cell, "charge") else set())
            for what in self.names:
                if what in values:
                    self.taken.setdefault(f"{name}.{what}" if name else what, []).append(
                        self._masked(values[what], held[what])
                    )

        return hook

    def _masked(self, value: Any, held: Any) -> Tensor:
        if self.mask is None:
            return value  # type: ignore[no-any-return]
        return ops.where(self.mask.reshape(self.mask.shape + (1,) * (value.ndim - 1)), value, 0.0 if held is None else held)

    def result(self) -> dict[str, Tensor]:
        """Return what was recorded, ``[T, N, ...]`` each.

        Raises
        ------
        ArgumentError
            If no neuron has something that was asked for.
        """
        found = {key.rpartition(".")[2] for key in self.taken}
        if missing := [name for name in self.names if name not in found]:
            raise ArgumentError(
                "snn.run, record", f"some of {', '.join(sorted(self.available)) or 'nothing: the net has no neurons'}",
                ", ".join(missing), "Record what the neurons of this net have.",
            )  # fmt: skip
        return {key: ops.stack(values) for key, values in self.taken.items()}


def _variables(state: Any) -> dict[str, Any]:
    """Name the variables of a state: a lone one, or the first, is v."""
    if hasattr(state, "_fields"):
        return dict(zip(state._fields, state, strict=True))
    if isinstance(state, dict):
        return dict(state)
    parts = tree.leaves(state)
    return {"v": parts[0], **{f"state{i}": part for i, part in enumerate(parts[1:], 1)}} if parts else {}


def check_input(x: Tensor) -> None:
    """Look for NaN and infinity in an input ``[T, N, ...]``.

    Raises
    ------
    NonFiniteError
        With the first time step where there is one.
    """
    bad = ~np.isfinite(x.array)
    if bad.any():
        t = int(np.argmax(bad.reshape(len(bad), -1).any(1)))
        raise NonFiniteError(
            f"snn.run, input x at time step {t}", "finite numbers", _first(x.array[t]), "Clean the data before the run."
        )


def check_layers(net: Cell) -> list[Remove]:
    """Look for NaN and infinity after each layer of a net; return the functions that stop it."""
    steps: dict[str, int] = {}

    def hook_for(name: str) -> Callable[[Cell, tuple[Any, ...], Any], None]:
        def hook(cell: Cell, inputs: tuple[Any, ...], output: Any) -> None:
            t = steps[name] = steps.get(name, -1) + 1
            for leaf in tree.leaves(output):
                if isinstance(leaf, Tensor) and not np.isfinite(leaf.array).all():
                    raise NonFiniteError(
                        f"layer {name!r} ({type(cell).__name__}) at time step {t}", "finite numbers", _first(leaf.array),
                        "Its inputs were finite: look at its weights and equations.",
                    )  # fmt: skip

        return hook

    return [cell.register_forward_hook(hook_for(name)) for name, cell in net.cells_and_names()]


def _first(array: Any) -> str:
    where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return f"{array[where]} at {list(where)}"
