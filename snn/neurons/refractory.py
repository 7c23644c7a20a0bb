"""A refractory period, for any neuron."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autograd import ops, stop_gradient
from autograd.dtypes import describe
from autograd.errors import ArgumentError
from autograd.intake import to_numbers

from ..common.structure import membrane, with_membrane
from .base import constant
from .stateful import Stateful

__all__ = ["Refractory"]


class Resting(NamedTuple):
    """State of a refractory neuron: the state of the neuron inside, and the number of steps that it still rests."""

    v: Any
    left: Any


class Refractory(Stateful):
    """A neuron that rests after a spike: for ``steps`` steps it does not fire, and its membrane stays at its reset value.

    Other variables of its state, such as an adaptation, continue to change. The state is a pair of ``v``, the neuron's state,
    and ``left``, the number of remaining steps. Gradients pass through the membrane at rest, not through ``left``.

    Parameters
    ----------
    node : Neuron, Stochastic or Conductance
        A neuron that fires.
    steps : int or array of int
        Number of steps of rest; one value, or one for each neuron ([features]).

    Raises
    ------
    ArgumentError
        If ``node`` is not a neuron that fires, or ``steps`` are not whole numbers of at least 0.

    Examples
    --------
    >>> import numpy as np, snn
    >>> node = snn.Refractory(snn.IFNode(), 2)
    >>> spikes, state, _ = snn.run(node, np.full((7, 1, 1), 1.5, np.float32))
    >>> print(spikes.asnumpy().ravel(), state.v, state.left)
    [1. 0. 0. 1. 0. 0. 1.] [[1.5]] [[2.]]
    """

    is_neuron = True
    State = Resting

    def __init__(self, node: Any, steps: Any = 1) -> None:
        super().__init__()
        if isinstance(node, type) or not hasattr(node, "discharge") or not node.fire:
            raise ArgumentError("Refractory", "a neuron that fires, such as snn.IFNode()", describe(node), "Give one neuron.")
        array = to_numbers(steps, "Refractory, steps")
        if array.dtype.kind not in "iu" or not np.all(array >= 0):
            raise ArgumentError("Refractory", "steps to be ints of at least 0", describe(steps), "Count time steps.")
        self.node, self.steps = node, steps

    def check_input(self, x: Any) -> Any:
        """Return an input after the neuron's own check."""
        return self.node.check_input(x) if isinstance(self.node, Stateful) else super().check_input(x)

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: the neuron's, without rest."""
        inner = self.node.initial_state(x)
        return Resting(inner, ops.zeros_like(membrane(inner)))

    def check_variable(self, x: Any, value: Any, variable: str = "") -> Any:
        """Return one variable of a state, as a Tensor, if it fits an input; the neuron checks its own."""
        if variable == "v" and isinstance(self.node, Stateful):
            return self.node.check_state(x, value)
        return value if variable == "v" else super().check_variable(x, value, variable)

    def charge(self, x: Any, state: Any) -> Any:
        """Return the state after the input and before firing; a neuron at rest keeps its membrane."""
        before, charged = membrane(state.v), self.node.charge(x, state.v)
        return Resting(with_membrane(charged, ops.where(state.left > 0, before, membrane(charged))), state.left)

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step of the neuron for currents ``[N, ...]``; the state also contains the steps left."""
        left = state.left
        spike, inner = self.node.discharge(self.charge(x, state).v, left <= 0)
        fired = stop_gradient(ops.not_equal(spike, 0))
        steps = ops.zeros_like(left) + constant(self.steps, left)
        return spike, Resting(inner, ops.where(fired, steps, ops.maximum(left - 1, 0.0)))
