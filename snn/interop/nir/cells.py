"""Neurons and layers that NIR defines and snn lacks: neurons with gains or a resting potential, Scale, Threshold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np

from autograd import as_tensor
from autograd.dtypes import describe
from autograd.errors import ShapeError
from autograd.intake import to_numbers
from autograd.nn.options import Layer, parameter
from autograd.state import state as thread

from ...neurons.base import Reset, constant
from ...neurons.current import CurrentLIFNode, CurrentState
from ...neurons.integrate import IFNode
from ...neurons.leaky import LIFNode
from ...neurons.ranges import FINITE
from ...surrogate import relusigmoid
from ...surrogate.base import check_function

__all__ = ["RestingCurrentLIFNode", "RestingLIFNode", "Scale", "ScaledIFNode", "Threshold"]


class ScaledIFNode(IFNode):
    """Integrate-and-fire neuron with a gain: ``v = v + gain x``, which is NIR's IF, or I with ``fire=False``.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.Neuron`.
    gain : float or array or Parameter
        Factor of the input: NIR's ``r dt``.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    """

    ranges = {"gain": FINITE}

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        gain: Any = 1.0,
        **reset: Unpack[Reset],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, **reset)
        self.gain = gain

    def charge(self, x: Any, v: Any) -> Any:
        """Return ``v + gain x``."""
        return v + constant(self.gain, v) * x


class RestingLIFNode(LIFNode):
    """Leaky neuron with a resting potential and a gain, which is NIR's LIF, or LI with ``fire=False``.

    ``v = v_rest + beta (v - v_rest) + gain x``. It starts at ``v_rest``.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.Neuron`.
    beta : float or array or Parameter
        Share of the membrane that remains after a step, in [0, 1].
    gain : float or array or Parameter
        Factor of the input: NIR's ``r (1 - beta)``.
    v_rest : float or array or Parameter
        Resting potential, to which the membrane decays: NIR's ``v_leak``.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    """

    ranges = {"gain": FINITE, "v_rest": FINITE}

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        beta: Any = 0.9,
        gain: Any = 1.0,
        v_rest: Any = 0.0,
        **reset: Unpack[Reset],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, beta=beta, **reset)
        self.gain, self.v_rest = gain, v_rest

    def charge(self, x: Any, v: Any) -> Any:
        """Return the membrane after leak and input."""
        return _charged(self, x, v)

    def begin(self) -> Any:
        """Return the membrane at the start: ``v_rest``."""
        return self.v_rest


class RestingCurrentLIFNode(CurrentLIFNode):
    """Leaky neuron with a synaptic current, a resting potential and gains: NIR's CubaLIF, or CubaLI with ``fire=False``.

    ``i = alpha i + gain_syn x``; ``v = v_rest + beta (v - v_rest) + gain i``. It starts at ``v_rest``.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.Neuron`.
    alpha, beta : float or array or Parameter
        Shares of the current and of the membrane that remain after a step, in [0, 1].
    gain_syn : float or array or Parameter
        Factor of the input: NIR's ``w_in (1 - alpha)``.
    gain : float or array or Parameter
        Factor of the current: NIR's ``r (1 - beta)``.
    v_rest : float or array or Parameter
        Resting potential, to which the membrane decays: NIR's ``v_leak``.
    current_first : bool
        If True, an input reaches the membrane in the same step. If False, the membrane takes the current of the step before.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    """

    ranges = {"gain": FINITE, "gain_syn": FINITE, "v_rest": FINITE}

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        alpha: Any = 0.8,
        beta: Any = 0.9,
        gain_syn: Any = 1.0,
        gain: Any = 1.0,
        v_rest: Any = 0.0,
        current_first: bool = True,
        **reset: Unpack[Reset],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, alpha=alpha, beta=beta, current_first=current_first, **reset)
        self.gain_syn, self.gain, self.v_rest = gain_syn, gain, v_rest

    def charge(self, x: Any, state: Any) -> CurrentState:
        """Return membrane and current after leak and input."""
        i = constant(self.alpha, state.i) * state.i + constant(self.gain_syn, state.i) * x
        return CurrentState(_charged(self, i if self.current_first else state.i, state.v), i)

    def begin(self) -> Any:
        """Return the membrane at the start: ``v_rest``."""
        return self.v_rest


def _charged(node: Any, x: Any, v: Any) -> Any:
    rest = constant(node.v_rest, v)
    return rest + constant(node.beta, v) * (v - rest) + constant(node.gain, v) * x


class _Elementwise(Layer):
    """A layer that maps each feature by itself, for samples of a known shape."""

    shape: tuple[int, ...]

    @property
    def features(self) -> tuple[int, ...]:
        """The shape of a sample's input."""
        return self.shape

    def _checked(self, x: Any) -> Any:
        x = as_tensor(x, type(self).__name__)
        inside = thread.tracing is not None and not x.ndim  # a loop has one element at a time
        if not inside and x.shape[1:] != self.shape:
            raise ShapeError(repr(self), f"an input [N, {', '.join(map(str, self.shape))}]", describe(x), "Change the shape.")
        return x

    def extra_repr(self) -> str:
        """Show the shape."""
        return f"{list(self.shape)}"


class Scale(_Elementwise):
    """A factor for each feature of an input of any shape, ``weight * x``, which is NIR's Scale.

    For inputs ``[N, features]`` it equals :class:`snn.OneToOne`.

    Parameters
    ----------
    weight : array
        The factors, in the shape of a sample.

    Attributes
    ----------
    weight : Parameter
        In the shape of a sample.

    Raises
    ------
    ShapeError
        When called, if the input has another shape.
    """

    def __init__(self, weight: Any) -> None:
        super().__init__()
        array = to_numbers(weight, "Scale, weight")
        self.shape = array.shape
        dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float32)
        self.weight = parameter("Scale, weight", array, array.shape, None, dtype)

    def construct(self, x: Any) -> Any:
        """Map ``[N, ...]`` to the same shape."""
        return self.weight * self._checked(x)


class Threshold(_Elementwise):
    """A step function of each feature, 1 where ``x > threshold``, which is NIR's Threshold: a neuron without a membrane.

    Parameters
    ----------
    threshold : array
        In the shape of a sample.
    surrogate_function : callable, optional
        As for :class:`snn.Neuron`.

    Raises
    ------
    ShapeError
        When called, if the input has another shape.
    """

    def __init__(self, threshold: Any, surrogate_function: Callable[[Any], Any] | None = None) -> None:
        super().__init__()
        self.threshold = to_numbers(threshold, "Threshold, threshold")
        self.shape = self.threshold.shape
        if surrogate_function is not None:
            check_function(surrogate_function, "Threshold", "surrogate_function to be a Cell or a function")
        self.surrogate_function = relusigmoid() if surrogate_function is None else surrogate_function

    def construct(self, x: Any) -> Any:
        """Map ``[N, ...]`` to spikes of the same shape."""
        x = self._checked(x)
        return self.surrogate_function(x - constant(self.threshold, x))
