"""What looks on while a net runs: recording, and the search for NaN."""

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
    "Recorder",
    "attributes",
    "check_gradient",
    "check_input",
    "check_layers",
    "check_output",
    "check_recorded",
    "check_steps",
    "look_for_hidden_state",
    "not_once",
]

Remove = Callable[[], None]


class Recorder:
    """Collects what the neurons of a net do, through forward hooks.

    Parameters
    ----------
    net : Cell
        The net.
    names : sequence of str
        What to record.
    """

    def __init__(self, net: Cell, names: Sequence[str]) -> None:
        self.names = names
        self.mask: Any = None
        self.steps = 0
        self.taken: dict[str, list[Tensor]] = {}
        self.available: set[str] = set()
        self.net = net

    @functools.cached_property
    def neurons(self) -> list[tuple[str, Cell]]:
        """The neurons of the net by name: a Cell that holds neurons is not one itself, nor is what is inside a neuron."""
        found = [(n, cell) for n, cell in self.net.cells_and_names() if is_stateful(cell) and not holds_neurons(cell)]
        inside = {id(part) for _, cell in found for _, part in cell.cells_and_names() if part is not cell}
        return [(n, cell) for n, cell in found if id(cell) not in inside]

    def hooks(self) -> list[Remove]:
        """Start to listen; return the functions that stop it."""
        return [cell.register_forward_hook(self._hook(name)) for name, cell in self.neurons] if self.names else []

    def begin(self, mask: Any) -> None:
        """Say which samples take part in the time step that comes."""
        self.mask = mask
        self.steps += 1

    def _hook(self, name: str) -> Callable[[Cell, tuple[Any, ...], Any], None]:
        def hook(cell: Cell, inputs: tuple[Any, ...], output: Any) -> None:
            if not isinstance(output, tuple) or len(output) != 2:
                return  # a Cell of two inputs that is no neuron
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
        """Check, after the first step, that some neuron has each thing that was asked for."""
        check_recorded(self.names, self.taken, self.available)

    def result(self) -> dict[str, Tensor]:
        """Return what was recorded, ``[T, N, ...]`` each."""
        return {key: ops.stack(values) for key, values in self.taken.items()}


def not_once(name: str, cell: Cell, times: int, steps: int) -> ArgumentError:
    """Return the error about a neuron that is to be recorded and stands in two layers, or runs in some steps only."""
    return ArgumentError(
        "snn.run, record", "neurons that run once in every time step",
        f"{label(name, cell)}, run {times} times in {steps} of them", "Give each layer its own neuron.",
    )  # fmt: skip


def check_recorded(names: Sequence[str], taken: Iterable[str], available: set[str]) -> None:
    """Check that some neuron had each thing that was asked for.

    Raises
    ------
    ArgumentError
        If none had.
    """
    found = {key.rpartition(".")[2] for key in taken}
    found |= {"x"} if any(what.startswith("x_") for what in found) else set()  # of several inputs by name
    if missing := [name for name in names if name not in found]:
        raise ArgumentError(
            "snn.run, record", f"some of {', '.join(sorted(available)) or 'nothing: the net has no neurons'}",
            ", ".join(missing), "Choose variables that the neurons of this net have.",
        )  # fmt: skip


# A net that keeps its membrane in an attribute goes on from it in the next run, which is said once: after the second run, of
# an attribute that was there before the first, and that the second has changed from one Tensor to another.


def attributes(net: Cell) -> dict[tuple[str, str], Any] | None:
    """Return what the attributes of a net hold that may be a state, by path and name; None from the third run on."""
    return None if net.kept().get("runs", 0) == 2 else _attributes(net)


def _attributes(net: Cell) -> dict[tuple[str, str], Any]:
    return {
        (path, name): value
        for path, cell in net.cells_and_names()
        for name, value in vars(cell).items()
        if value is None or (isinstance(value, (int, float, np.ndarray, Tensor)) and not isinstance(value, Parameter))
    }


def look_for_hidden_state(net: Cell, before: dict[tuple[str, str], Any]) -> None:
    """Warn, after the second run of a net, of a Tensor in an attribute from which the run went on."""
    kept = net.kept()
    if not kept.get("runs"):
        kept["first"] = frozenset(before)
        kept["runs"] = 1  # now, so that an interrupt leaves both or none
        return
    kept["runs"] = 2
    first = kept.pop("first", frozenset())  # another thread's run may have been the second
    after, cells = _attributes(net), dict(net.cells_and_names())
    for (path, name), value in before.items():
        now = after.get((path, name))
        if (path, name) in first and isinstance(value, Tensor) and isinstance(now, Tensor) and now is not value:
            warnings.warn(
                f"snn.run: {label(path, cells[path])} went on from the Tensor that an earlier run has left in its attribute "
                f"{name!r}. A state that is passed in and returned starts fresh in each run: construct(x, state) -> "
                "(out, state), with initial_state(x).", stacklevel=4,
            )  # fmt: skip
            return


def check_input(x: Tensor) -> None:
    """Look for NaN and infinity in an input ``[T, N, ...]``.

    Raises
    ------
    NonFiniteError
        With the first time step where there is one.
    """
    if (t := _first_step(x.array)) is not None:
        raise NonFiniteError(
            f"snn.run, input x at time step {t}", "finite numbers", _first(x.array[t]), "Clean the data before the run."
        )


def check_layers(net: Cell, now: Callable[[], tuple[int, Any]]) -> list[Remove]:
    """Look for NaN and infinity after each Cell of a net, forward and back; return the functions that stop it.

    Gradients that pass back later, through what ran while this was on, are looked at too.

    Parameters
    ----------
    net : Cell
        The net.
    now : callable
        Returns the time step, and which samples take part, ``[N]``, or None for all.

    Raises
    ------
    NonFiniteError
        While the net runs.
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
    """Look for NaN and infinity in what passes back through a layer on which finite gradients arrived.

    Raises
    ------
    NonFiniteError
        If there is one.
    """
    if _unsound(arrived) is None and (array := _unsound(passed)) is not None:
        raise NonFiniteError(
            f"gradient through {label(name, cell)}", "finite numbers", _first(array),
            "The incoming gradient was finite: check its bprop or surrogate; detach_reset=True may help.",
        )  # fmt: skip


def _unsound(values: Any, mask: Any = None) -> Any:
    """Return the first array in a structure that has a NaN or infinity in it, in samples that take part."""
    arrays = (leaf.array for leaf in tree.leaves(values) if isinstance(leaf, Tensor))
    if mask is not None:
        arrays = (np.where(like(mask, a), a, 0) if a.shape[:1] == mask.shape else a for a in arrays)
    return next((array for array in arrays if not np.isfinite(array).all()), None)


def check_output(name: str, cell: Cell, out: Tensor) -> None:
    """Look for NaN and infinity in the output of a layer at all time steps, ``[T, N, ...]``.

    Raises
    ------
    NonFiniteError
        With the first time step where there is one.
    """
    check_steps(name, cell, [out.array])


def check_steps(name: str, cell: Cell, arrays: Sequence[Any]) -> None:
    """Look for NaN and infinity in several arrays of a layer, ``[T, N, ...]`` each: its output and its states.

    Raises
    ------
    NonFiniteError
        With the first time step where one of them has any.
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
