"""Walk through a net: layer by layer, in each time step."""

from __future__ import annotations

from typing import Any

from autograd import Cell, nn
from autograd.dtypes import describe
from autograd.errors import AutogradError, StateError

from .structure import check_kept, given_state, has_state, held, initial_state, is_stateful, label, outline

__all__ = ["Stepwise", "Walk"]


class Walk:
    """Passes an input through the layers of a net, and each layer's state with it.

    Parameters
    ----------
    fresh : bool
        No state was given: start from the beginning.

    Attributes
    ----------
    t : int
        The time step.
    mask : array of bool or None
        Which samples take part.
    """

    def __init__(self, fresh: bool) -> None:
        self.t, self.fresh = 0, fresh
        self.mask: Any = None

    def __call__(self, cell: Cell, x: Any, state: Any, name: str = "") -> tuple[Any, Any]:
        """Return the output of a Cell and its state afterwards."""
        if isinstance(cell, nn.SequentialCell):
            return self._sequence(cell, x, state, name)
        if is_stateful(cell):
            return self.neuron(cell, x, state, name)
        if state is not None:
            raise StateError(f"{label(name, cell)}, state", "None: it has no state", outline(state), "Leave state out.")
        return self.layer(cell, x, name), None

    def layer(self, cell: Cell, x: Any, name: str) -> Any:
        """Run a layer without state."""
        return cell(x)

    def neuron(self, cell: Cell, x: Any, state: Any, name: str) -> tuple[Any, Any]:
        """Run a Cell with state."""
        raise NotImplementedError  # each kind of walk has its own

    def start(self, cell: Cell, x: Any, state: Any, name: str) -> Any:
        """Return the state in which a Cell begins, for an input of one step."""
        return initial_state(cell, x, name) if self.fresh else given_state(state, x, name, cell)

    def _sequence(self, cell: nn.SequentialCell, x: Any, state: Any, name: str) -> tuple[Any, Any]:
        layers = cell.named()
        if self.t == 0 and not self.fresh:
            expected = [key for key, layer in layers if has_state(layer)]
            none_needed = state is None and not expected
            if not none_needed and (not isinstance(state, dict) or sorted(state) != sorted(expected)):
                raise StateError(
                    f"{label(name, cell)}, state", f"a dict with the layers {expected}",
                    f"a dict with {list(state)}" if isinstance(state, dict) else describe(state),
                    "Pass the state that snn.run returned for this net.",
                )  # fmt: skip
        after = {}
        for key, layer in layers:
            before = None if state is None else state.get(key)
            x, new = self(layer, x, before, f"{name}.{key}" if name else key)
            if has_state(layer):
                after[key] = new
        return x, after


class Stepwise(Walk):
    """Runs one time step at each call."""

    def neuron(self, cell: Cell, x: Any, state: Any, name: str) -> tuple[Any, Any]:
        """Run a Cell with state for a step."""
        if self.t == 0:
            state = self.start(cell, x, state, name)
        try:
            result = cell(x, state)
        except AutogradError:
            raise
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            if self.t or not self.fresh or hasattr(cell, "initial_state"):
                raise
            raise StateError(
                label(name, cell), "a method initial_state(x) that says how it starts",
                f"none, so that it began with zeros such as x, and {type(error).__name__}: {error}",
                "Return its state, such as (ops.zeros_like(x), ops.zeros_like(x)).",
            ) from error  # fmt: skip
        if not isinstance(result, tuple) or len(result) != 2:
            raise StateError(
                label(name, cell), "construct to return (out, state)", describe(result), "Return the new state beside."
            )
        out, after = result
        if self.t == 0:
            check_kept(after, state, f"{label(name, cell)}, state after a step")
        return out, after if self.mask is None else held(self.mask, after, state)
