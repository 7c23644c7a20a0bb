"""Leaky neurons whose threshold rises with every spike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Unpack

from autograd import Tensor

from .base import constant
from .current import CurrentLIFNode
from .leaky import Leak, LIFNode
from .ranges import POSITIVE, SHARE

__all__ = ["ALIFNode", "LSNNNode"]


class ALIFState(NamedTuple):
    """Membrane and adaptation."""

    v: Tensor
    b: Tensor


class ALIFNode(LIFNode):
    """Adaptive leaky neuron: it fires at ``v > v_threshold + strength b``, then ``b = rho b + (1 - rho) z``.

    The membrane follows :class:`LIFNode`, and a soft reset subtracts the raised threshold. The amplitude of a spike is
    ``v_threshold`` or 1, independent of the adaptation (Bellec et al., "Long short-term memory and learning-to-learn in
    networks of spiking neurons", 2018).

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.Neuron`; ``v_threshold`` is the threshold of a neuron at rest.
    rho : float or array or Parameter
        Share of the adaptation that remains after a step, in [0, 1].
    strength : float or array or Parameter
        Rise of the threshold of a neuron that fires at every step, above 0.
    tau, beta, decay_input, exponential
        As for :class:`LIFNode`; ``beta`` is 0.9 if neither it nor ``tau`` is given.

    Raises
    ------
    ArgumentError
        If an argument is out of range; and as for :class:`LIFNode`.
    """

    State = ALIFState
    ranges = {"rho": SHARE, "strength": POSITIVE}
    default_beta = 0.9
    drive = 0.3

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        rho: Any = 0.95,
        strength: Any = 1.8,
        **leak: Unpack[Leak],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, **leak)
        self.rho, self.strength = rho, strength

    def charge(self, x: Any, state: Any) -> ALIFState:
        """Return the state with the membrane after leak and input."""
        return ALIFState(super().charge(x, state.v), state.b)

    def threshold(self, state: Any) -> Any:
        """Return the raised threshold."""
        return super().threshold(state) + constant(self.strength, state.b) * state.b

    def fired(self, state: Any, z: Any) -> ALIFState:
        """Return the state with the adaptation after a spike."""
        rho = constant(self.rho, state.b)
        return ALIFState(state.v, rho * state.b + (1 - rho) * z)


class LSNNState(NamedTuple):
    """Membrane, synaptic current, and rise of the threshold."""

    v: Tensor
    i: Tensor
    b: Tensor


class LSNNNode(CurrentLIFNode):
    """Adaptive current-based leaky neuron: ``b = rho b``, it fires at ``v > v_threshold + b``, then ``b = b + strength z``.

    Membrane and current follow :class:`CurrentLIFNode`, by default with ``decay_input`` and with the current of the previous
    step. A soft reset subtracts the raised threshold (Bellec et al., 2018; with a synaptic current as in Norse).

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.Neuron`; ``v_threshold`` is the threshold of a neuron at rest.
    rho : float or array or Parameter
        Share of the rise of the threshold that remains after a step, in [0, 1].
    strength : float or array or Parameter
        Rise of the threshold at a spike, above 0.
    tau_syn, alpha, current_first
        As for :class:`CurrentLIFNode`.
    tau, beta, decay_input, exponential
        As for :class:`LIFNode`; ``beta`` is 0.9 if neither it nor ``tau`` is given.

    Raises
    ------
    ArgumentError
        If an argument is out of range; and as for :class:`CurrentLIFNode`.
    """

    State: ClassVar[Any] = LSNNState
    ranges = {"rho": SHARE, "strength": POSITIVE}
    drive = 1.0

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        rho: Any = 0.95,
        strength: Any = 0.2,
        tau_syn: Any = None,
        alpha: Any = None,
        current_first: bool = False,
        **leak: Unpack[Leak],
    ) -> None:
        leak.setdefault("decay_input", True)
        super().__init__(
            v_threshold, fire, surrogate_function,
            tau_syn=tau_syn, alpha=alpha, current_first=current_first, **leak,
        )  # fmt: skip
        self.rho, self.strength = rho, strength

    def charge(self, x: Any, state: Any) -> Any:
        """Return membrane, current and threshold before firing."""
        v, i = super().charge(x, state)
        return LSNNState(v, i, constant(self.rho, state.b) * state.b)

    def threshold(self, state: Any) -> Any:
        """Return the raised threshold."""
        return super().threshold(state) + state.b

    def fired(self, state: Any, z: Any) -> LSNNState:
        """Return the state with the threshold after a spike."""
        return state._replace(b=state.b + constant(self.strength, z) * z)  # type: ignore[no-any-return]
