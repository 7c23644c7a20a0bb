"""Izhikevich's neuron, in millivolts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Self, Unpack

from autograd import as_tensor
from autograd.errors import ArgumentError

from .base import Neuron, Rule, constant
from .ranges import FINITE, POSITIVE

__all__ = ["IzhikevichNode"]


class Recovering(NamedTuple):
    """State of Izhikevich's neuron: its membrane in mV and its recovery variable."""

    v: Any
    u: Any


class IzhikevichNode(Neuron):
    """Izhikevich's neuron (IEEE Transactions on Neural Networks 14, 2003), in mV and ms.

    ``dv/dt = 0.04 v^2 + 5 v + 140 - u + x`` and ``du/dt = a (b v - u)``. At a spike, above 30 mV, ``v = v_reset`` and
    ``u = u + d``; the paper calls ``v_reset`` c. One Euler step of ``dt``:

    - ``half_steps=True``, as in the program of the paper: ``v`` takes two half steps, then ``u`` one step from the new ``v``;
    - ``half_steps=False``: ``v`` and ``u`` take one step, both from the old values.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, detach_reset, fire_at_threshold, firing
        As for :class:`snn.Neuron`; the threshold is where the upstroke is cut off.
    v_reset : float or array or Parameter
        Membrane after a spike, in mV; the initial membrane is -65 mV, as in the program of the paper.
    a : float or array or Parameter
        Rate of recovery, in 1/ms.
    b : float or array or Parameter
        Sensitivity of the recovery to the membrane.
    d : float or array or Parameter
        Increase of the recovery at a spike.
    dt : float
        Length of a step in ms, above 0.
    half_steps : bool
        Whether the membrane takes two half steps.
    spike_value : {"unit", "threshold"}
        Amplitude of a spike: 1, or ``v_threshold``.

    Raises
    ------
    ArgumentError
        If an argument is out of range.

    Examples
    --------
    >>> import numpy as np, snn
    >>> node = snn.IzhikevichNode.pattern("chattering")
    >>> spikes, _, _ = snn.run(node, np.full((100, 1, 1), 10.0))
    >>> print(spikes.asnumpy().ravel().nonzero()[0])
    [ 3  6  9 13 61 65]
    """

    State = Recovering
    ranges = {"a": POSITIVE, "b": FINITE, "d": FINITE, "dt": POSITIVE}
    drive: ClassVar[float] = 10.0

    PATTERNS: ClassVar[dict[str, tuple[float, float, float, float]]] = {
        "regular spiking": (0.02, 0.2, -65.0, 8.0),
        "intrinsically bursting": (0.02, 0.2, -55.0, 4.0),
        "chattering": (0.02, 0.2, -50.0, 2.0),
        "fast spiking": (0.1, 0.2, -65.0, 2.0),
        "low-threshold spiking": (0.02, 0.25, -65.0, 2.0),
        "thalamo-cortical": (0.02, 0.25, -65.0, 0.05),
        "resonator": (0.1, 0.26, -65.0, 2.0),
    }
    """The published patterns: a, b, c, d."""

    scale = 95.0

    def __init__(
        self,
        v_threshold: Any = 30.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        v_reset: Any = -65.0,
        a: Any = 0.02,
        b: Any = 0.2,
        d: Any = 8.0,
        dt: float = 1.0,
        half_steps: bool = True,
        spike_value: str = "unit",
        **shared: Unpack[Rule],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, v_reset=v_reset, spike_value=spike_value, **shared)
        self.a, self.b, self.d, self.dt, self.half_steps = a, b, d, dt, half_steps

    @classmethod
    def pattern(cls, name: str, **options: Any) -> Self:
        """Return a neuron that fires in one of the published patterns.

        Parameters
        ----------
        name : str
            One of :attr:`PATTERNS`.
        **options
            Other arguments of the neuron.

        Returns
        -------
        IzhikevichNode

        Raises
        ------
        ArgumentError
            If there is no such pattern.
        """
        if name not in cls.PATTERNS:
            raise ArgumentError(cls.__name__, f"a pattern of {', '.join(cls.PATTERNS)}", repr(name), "Choose one of them.")
        a, b, c, d = cls.PATTERNS[name]
        return cls(**{"a": a, "b": b, "v_reset": c, "d": d} | options)

    def charge(self, x: Any, state: Any) -> Any:
        """Return membrane and recovery after the input."""
        v, u, dt, a, b = state.v, state.u, self.dt, constant(self.a, state.v), constant(self.b, state.v)
        if not self.half_steps:
            return Recovering(v + dt * _slope(x, v, u), u + dt * (a * (b * v - u)))
        v = v + 0.5 * dt * _slope(x, v, u)
        v = v + 0.5 * dt * _slope(x, v, u)
        return Recovering(v, u + dt * (a * (b * v - u)))

    def fired(self, state: Any, z: Any) -> Any:
        """Add to the recovery at a spike."""
        return state._replace(u=state.u + constant(self.d, z) * z)

    def begin(self) -> Any:
        """Return the membrane at the start: -65 mV."""
        return -65.0

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: ``u = b v``."""
        v = super().initial_state(as_tensor(x, type(self).__name__)).v
        return Recovering(v, constant(self.b, v) * v)


def _slope(x: Any, v: Any, u: Any) -> Any:
    return 0.04 * v * v + 5 * v + 140 - u + x
