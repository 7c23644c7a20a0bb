"""Layers of neurons with lateral weights."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from autograd import Cell, Parameter, as_tensor, ops
from autograd.dtypes import describe, float32, is_int, to_dtype
from autograd.errors import ArgumentError, ShapeError, StateError
from autograd.intake import to_generator
from autograd.nn import init
from autograd.nn.weighted import Weighted

from .common.structure import ADD_AXIS, holds_neurons, initial_state, is_stateful

__all__ = ["Recurrent"]


class RecurrentState(NamedTuple):
    """State of a recurrent layer: the neuron's state, in its own structure, and the neuron's last output."""

    v: Any
    spike: Any


def checked(x: Any, state: Any, where: str) -> tuple[Any, RecurrentState]:
    """Return the input and the state of a recurrent layer if they belong together; the neuron checks its own state."""
    if state is None:
        raise StateError(
            where, "an input and a state, layer(x, state)", "no state",
            "Run it over time with snn.run(net, x), or start with state = layer.initial_state(x).",
        )  # fmt: skip
    if not isinstance(state, RecurrentState):
        raise StateError(f"{where}, state", "v and spike", describe(state), "Start with layer.initial_state(x).")
    x, spike = as_tensor(x, where), as_tensor(state.spike, f"{where}, state spike")
    if spike.shape != x.shape:
        raise StateError(
            f"{where}, state spike", f"{list(x.shape)}, as the input", describe(spike),
            "Start with layer.initial_state(x); a state belongs to one batch size.",
        )  # fmt: skip
    return x, RecurrentState(state.v, spike)


class Recurrent(Weighted):
    """Neurons with lateral weights, which add the weighted spikes of the previous step to the input current.

    ``current = x + weight @ fired``; with ``lateral="self"`` each neuron is connected only to itself,
    ``current = x + weight * fired``. The state is a pair of ``v``, the state of the neuron, and ``spike``, its last output.

    Parameters
    ----------
    node : Cell
        A neuron: ``construct(x, state) -> (spike, state)``.
    n : int
        Number of neurons, the last axis of the input.
    lateral : {"all", "others", "self"}
        Connect each neuron to all neurons; to all others, in which case the diagonal of ``weight`` does not count; or only to
        itself, with one weight per neuron.
    weight_init : str, number, array or initialiser, optional
        Initial weights; by default uniform within ``1 / sqrt(n)``. See :mod:`autograd.nn.init`.
    dtype : dtype
        Dtype of the weights.
    rng : numpy.random.Generator or int, optional
        Source of random initial values.

    Attributes
    ----------
    weight : Parameter
        ``[n, n]``, from the neurons on the second axis to the neurons on the first; or ``[n]``.
    weight_transform : Cell or None
        Transforms the weights before the product, to the same shape; a compiled run applies it once. None by default.

    Raises
    ------
    ArgumentError
        If ``node`` is not a neuron, or an argument is out of range.
    ShapeError
        When called, if the input's last axis does not have ``n`` elements.
    StateError
        When called, if the state does not belong to this layer and input.

    Examples
    --------
    >>> import numpy as np, snn
    >>> layer = snn.Recurrent(snn.IFNode(), 1, lateral="self", weight_init=0.5)
    >>> spikes, state, _ = snn.run(layer, np.full((4, 1, 1), 0.75, np.float32))
    >>> print(spikes.asnumpy().ravel(), state.v, state.spike)
    [0. 1. 1. 1.] [[1.]] [[1.]]
    """

    is_neuron = True

    def __init__(
        self, node: Cell, n: int, *, lateral: str = "all", weight_init: Any = None, dtype: Any = float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if not isinstance(node, Cell) or not is_stateful(node) or holds_neurons(node):
            raise ArgumentError(
                "Recurrent", "a neuron, such as snn.LIFNode(beta=0.9)", describe(node),
                "Pass one neuron; the layer has its own weights.",
            )  # fmt: skip
        if not is_int(n) or n < 1:
            raise ArgumentError("Recurrent", "n to be a positive int", describe(n), "n is the number of neurons.")
        if not isinstance(lateral, str) or lateral not in ("all", "others", "self"):
            raise ArgumentError("Recurrent", "lateral 'all', 'others' or 'self'", repr(lateral), "Choose one of them.")
        self.node, self.n, self.lateral = node, int(n), lateral
        shape = (self.n,) if lateral == "self" else (self.n, self.n)
        start = init.Uniform(1 / math.sqrt(n)) if weight_init is None else weight_init
        weight = init.make(start, shape, to_generator(rng, "Recurrent"), "Recurrent, weight_init")
        self.weight = Parameter(weight.astype(to_dtype(dtype, "Recurrent")))

    def __call__(self, x: Any, state: Any = None) -> Any:
        """Check the state against the input, then run one step."""
        x, state = checked(x, state, type(self).__name__)
        return super().__call__(x, state)

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, n]``: the neuron's initial state, and no spikes."""
        x = as_tensor(x, "Recurrent")
        self._check(x)
        if x.ndim < 2:
            raise ShapeError(
                type(self).__name__, f"an input [N, {self.n}] in each step", describe(x), ADD_AXIS,
            )  # fmt: skip
        fired = ops.zeros(x.shape, x.dtype if x.dtype.kind == "f" else float32)
        return RecurrentState(initial_state(self.node, x), fired)

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: add the lateral currents to the currents ``[N, n]``; the state also contains the spikes."""
        self._check(x)
        return self.step(x, self.received(state.spike), state)

    def received(self, spike: Any) -> Any:
        """Return the lateral currents of spikes, ``[N, n]``."""
        weight: Any = self.effective_weight()
        if self.lateral == "self":
            return weight * spike
        if self.lateral == "others":
            weight = ops.where(np.eye(self.n, dtype=bool), 0.0, weight)
        return ops.matmul(spike, ops.transpose(weight))

    def _check(self, x: Any) -> None:
        if x.shape and x.shape[-1] != self.n:
            raise ShapeError(type(self).__name__, f"an input [..., {self.n}]", describe(x), "Set n to the number of neurons.")

    def step(self, x: Any, lateral: Any, state: Any) -> tuple[Any, Any]:
        """Run one step with given lateral currents."""
        out, inner = self.node(x + lateral, state.v)
        return out, RecurrentState(inner, out)
