"""Observers of a running net: records, and the search for NaN."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor, ops, tree
from autograd.errors import ArgumentError, NonFiniteError

from ..common.structure import holds_neurons, is_stateful, label, like, observed, record_names

__all__ = [
    "Recorder", "attributes", "check_gradient", "check_input", "check_layers", "check_output", "check_recorded", "check_steps",
    "look_for_hidden_state", "not_once",
]  # fmt: skip

Remove = Callable[[], None]


class Recorder:
    """Records variables of a net's neurons, by name, through forward hooks."""

    def __init__(self, net: Cell, names: Sequence[str]) -> None:
        self.names = names
        self.mask: Any = None
        self.steps = 0
        self.taken: dict[str, list[Tensor]] = {}
        self.available: set[str] = set()
        self.net = net

    @functools.cached_property
    def neurons(self) -> list[tuple[str, Cell]]:
        """The neurons of the net by name, without Cells that hold neurons and Cells inside a neuron."""
        found = [(n, cell) for n, cell in self.net.cells_and_names() if is_stateful(cell) and not holds_neurons(cell)]
        inside = {id(part) for _, cell in found for _, part in cell.cells_and_names() if part is not cell}
        return [(n, cell) for n, cell in found if id(cell) not in inside]

    def hooks(self) -> list[Remove]:
        """Attach the hooks; return the functions that remove them."""
        return [cell.register_forward_hook(self._hook(name)) for name, cell in self.neurons] if self.names else []

    def begin(self, mask: Any) -> None:
        """Set the samples that take part in the coming time step."""
        self.mask = mask
        self.steps += 1

    def _hook(self, name: str) -> Callable[[Cell, tuple[Any, ...], Any], None]:
        def hook(cell: Cell, inputs: tuple[Any, ...], output: Any) -> None:
            if not isinstance(output, tuple) or len(output) != 2:
                return  # a Cell with two inputs that is not a neuron
            (x, before), (out, after) = inputs, output
            self.available |= record_names(cell, after)
            for what, (value, held) in observed(cell, self.names, x, before, out, after).items():
                taken = self.taken.setdefault(f"{name}.{what}" if name else what, [])
                if len(taken) != self.steps - 1:
                    raise not_once(name, cell, len(taken) + 1, self.steps)
                taken.append(self._masked(value, held))

        return hook

    def _masked(self, value: Any, held: Any) -> Tensor:
        if self.mask is None:
            return value  # type: ignore[no-any-return]
        return ops.where(like(self.mask, value), value, value.dtype.type(0) if held is None else held)

    def check_names(self) -> None:
        """Check, after the first step, that each requested name exists in some neuron."""
        check_recorded(self.names, self.taken, self.available)

    def result(self) -> dict[str, Tensor]:
        """Return the records, ``[T, N, ...]`` each."""
        return {key: ops.stack(values) for key, values in self.taken.items()}


def not_once(name: str, cell: Cell, times: int, steps: int) -> ArgumentError:
    """Return the error for a recorded neuron that is in two layers, or runs in some steps only."""
    return ArgumentError(
        "snn.run, record", "neurons that run once in every time step",
        f"{label(name, cell)}, run {times} times in {steps} of them", "Give each layer its own neuron.",
    )  # fmt: skip


def check_recorded(names: Sequence[str], taken: Iterable[str], available: set[str]) -> None:
    """Check that each requested name exists in some neuron."""
    found = {key.rpartition(".")[2] for key in taken}
    found |= {"x"} if any(what.startswith("x_") for what in found) else set()  # one of several named inputs
    if missing := [name for name in names if name not in found]:
        raise ArgumentError(
            "snn.run, record", f"some of {', '.join(sorted(available)) or 'nothing: the net has no neurons'}",
            ", ".join(missing), "Choose variables that the neurons of this net have.",
        )  # fmt: skip


# Warn once about a net that keeps its membrane in an attribute and continues from it in the next run. The warning comes
# after the second run, for an attribute that existed before the first, if the second run has changed it from one Tensor to
# another.


def attributes(net: Cell) -> dict[tuple[str, str], Any] | None:
    """Return the attributes of a net that may hold a state, by path and name; None from the third run on."""
    return None if net.kept().get("runs", 0) == 2 else _attributes(net)


def _attributes(net: Cell) -> dict[tuple[str, str], Any]:
    return {
        (path, name): value
        for path, cell in net.cells_and_names()
        for name, value in vars(cell).items()
        if value is None or (isinstance(value, (int, float, np.ndarray, Tensor)) and not isinstance(value, Parameter))
    }


def look_for_hidden_state(net: Cell, before: dict[tuple[str, str], Any]) -> None:
    """After the second run of a net, warn of a Tensor in an attribute from which the run has continued."""
    kept = net.kept()
    if not kept.get("runs"):
        kept["first"] = frozenset(before)
        kept["runs"] = 1  # at once, so that an interrupt leaves both or none
        return
    kept["runs"] = 2
    first = kept.pop("first", frozenset())  # another thread's run may have been the second
    after, cells = _attributes(net), dict(net.cells_and_names())
    for (path, name), value in before.items():
        now = after.get((path, name))
        if (path, name) in first and isinstance(value, Tensor) and isinstance(now, Tensor) and now is not value:
            warnings.warn(
                f"snn.run: {label(path, cells[path])} continued from the Tensor that an earlier run left in its attribute "
                f"{name!r}. To start fresh in each run, pass the state in and return it: construct(x, state) -> "
                "(out, state), with initial_state(x).", stacklevel=4,
            )  # fmt: skip
            return


def check_input(x: Tensor) -> None:
    """Look for NaN and infinity in an input ``[T, N, ...]``; the error names the first time step that has one."""
    if (t := _first_step(x.array)) is not None:
        raise NonFiniteError(
            f"snn.run, input x at time step {t}", "finite numbers", _first(x.array[t]), "Clean the data before the run."
        )


def check_layers(net: Cell, now: Callable[[], tuple[int, Any]]) -> list[Remove]:
    """Look for NaN and infinity after each Cell of a net, forward and backward; return the functions that stop the search.

    It includes gradients that pass back later through steps recorded during the search. ``now`` returns the time step, and a
    mask ``[N]`` of the samples that take part, or None for all.
    """
    removers: list[Remove] = []
    for name, cell in net.cells_and_names():

        def forward(cell: Cell, inputs: tuple[Any, ...], output: Any, name: str = name) -> None:
            t, mask = now()
            if (array := _unsound(output, mask)) is not None:
                raise _not_finite(f"{label(name, cell)} at time step {t}", array)

        def backward(cell: Cell, grad_input: Any, grad_output: Any, name: str = name) -> None:
            check_gradient(name, cell, grad_output, grad_input)

        removers += [cell.register_forward_hook(forward), cell.register_backward_hook(backward)]
    return removers


def check_gradient(name: str, cell: Cell, arrived: Any, passed: Any) -> None:
    """Look for NaN and infinity in the gradients that a layer passes back, if those that it received are finite."""
    if _unsound(arrived) is None and (array := _unsound(passed)) is not None:
        raise NonFiniteError(
            f"gradient through {label(name, cell)}", "finite numbers", _first(array),
            "The incoming gradient was finite: check its bprop or surrogate; detach_reset=True may help.",
        )  # fmt: skip


def _unsound(values: Any, mask: Any = None) -> Any:
    """Return the first array in a structure that has NaN or infinity in samples that take part."""
    arrays = (leaf.array for leaf in tree.leaves(values) if isinstance(leaf, Tensor))
    if mask is not None:
        arrays = (np.where(like(mask, a), a, 0) if a.shape[:1] == mask.shape else a for a in arrays)
    return next((array for array in arrays if not np.isfinite(array).all()), None)


def check_output(name: str, cell: Cell, out: Tensor) -> None:
    """Look for NaN and infinity in the output of a layer at all time steps, ``[T, N, ...]``."""
    check_steps(name, cell, [out.array])


def check_steps(name: str, cell: Cell, arrays: Sequence[Any]) -> None:
    """Look for NaN and infinity in several arrays of a layer, ``[T, N, ...]`` each: its output and its states.

    The error names the first time step in which an array has one.
    """
    found = [(t, k) for k, array in enumerate(arrays) if (t := _first_step(array)) is not None]
    if found:
        t, k = min(found)
        raise _not_finite(f"{label(name, cell)} at time step {t}", arrays[k][t])


def _first_step(array: Any) -> int | None:
    bad = ~np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
    return int(np.argmax(bad)) if bad.any() else None


def _not_finite(where: str, array: Any) -> NonFiniteError:
    return NonFiniteError(where, "finite numbers", _first(array), "Its inputs were finite: check its weights and equations.")


def _first(array: Any) -> str:
    where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return f"{array[where]} at {list(where)}"
