"""The base of spiking neurons: threshold, spike, reset, and a state that is passed in and returned."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, ClassVar, Self, TypedDict

import numpy as np

from autograd import Tensor, as_tensor, float16, ops, stop_gradient
from autograd.dtypes import describe
from autograd.errors import ArgumentError, CellError, DTypeError, ShapeError, StateError
from autograd.foreign import misnamed
from autograd.intake import to_numbers

from ..common.foreign import NEURON
from ..common.structure import membrane
from ..surrogate import relusigmoid, sigmoid
from ..surrogate.base import check_function
from .firing import Firing
from .ranges import check_number
from .stateful import Stateful

__all__ = ["Neuron"]

# Below the distance of any membrane from its threshold: for every surrogate, `u + tiny > 0` means `u >= 0`.
_TINY, _TINY_HALF = 2.0**-126, 2.0**-24
_IN_MV = (
    " For thresholds in mV, define threshold(self, state) in a subclass of snn.Neuron, "
    "and give it v_reset in mV and spike_value='unit'."
)
# Names of our arguments in other packages.
_OTHER_NAMES = {"threshold": "v_threshold", "spike_threshold": "v_threshold", "v_th": "v_threshold", "tau_mem": "tau"}
_OTHER_NAMES |= dict.fromkeys(("spike_grad", "surrogate", "surrogate_grad_fn", "method"), "surrogate_function")
_OTHER_NAMES |= dict.fromkeys(("reset_mechanism", "reset_fn", "reset_method"), "v_reset")


class Rule(TypedDict, total=False):
    """Keyword arguments with the same default for all neurons; :class:`Neuron` documents them."""

    detach_reset: bool
    fire_at_threshold: bool
    firing: Firing | None


class Shared(Rule, total=False):
    """Keyword arguments of :class:`Rule`, and the amplitude of a spike, for neurons without their own default."""

    spike_value: str


class Reset(Shared, total=False):
    """Keyword arguments of :class:`Shared`, and the reset, for neurons without their own default."""

    v_reset: Any


class Neuron(Stateful):
    """Base class of neurons, which charge, fire and reset in this order within one step.

    A subclass defines ``charge(x, state)``, which returns the state with the membrane before it fires. A step is
    ``node(x, state) -> (spike, state)``. The state is the membrane alone, or a ``State``: a NamedTuple of the subclass with
    ``v`` first. A subclass may also define ``threshold(state)``, ``fired(state, z)`` for the effects of a spike other than the
    reset, and ``initial_state(x)`` if the initial state is not zeros.

    Parameters
    ----------
    v_threshold : float or array or Parameter
        Membrane above which the neuron fires, positive and finite; one value, or one for each neuron ([features]).
    fire : bool
        If False, the neuron never fires and the membrane is its output.
    surrogate_function : callable, optional
        A Cell or function of ``v - v_threshold`` whose value is 1 above 0 and 0 elsewhere, converted to the dtype of the
        membrane; its gradient replaces the gradient of the step. By default :class:`snn.surrogate.relusigmoid`.
    v_reset : float or array or Parameter or "never", optional
        None subtracts the threshold at a spike (soft reset); a number sets the membrane to this value (hard reset), which is
        also its initial value; one value, or one for each neuron. With "never" a spike does not change the membrane.
    detach_reset : bool
        If True, no gradient passes through the reset.
    fire_at_threshold : bool
        Fire at ``v >= v_threshold`` instead of ``v > v_threshold``.
    spike_value : {"threshold", "unit"}
        Amplitude of a spike: ``v_threshold``, or 1.
    firing : Firing, optional
        A rule other than one spike at the threshold: :class:`snn.MultiSpike` or :class:`snn.Ternary`.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    StateError
        When a subclass is defined whose ``State`` does not have ``v`` first.
    """

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Reject an unknown argument name, and suggest a similar one."""
        known = cls.takes()
        open_ended = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in known.values())
        for name in options:
            if name not in known and not open_ended:
                fix = f"{NEURON[name]}." if name in NEURON else ""
                public = "snn." * (cls.__module__.partition(".")[0] == "snn")
                raise misnamed(
                    cls.__name__, [name], known, fix, like=_OTHER_NAMES.get(name, ""), path=f"{public}{cls.__name__}"
                )
        return super().__new__(cls)

    def __init_subclass__(cls, **options: Any) -> None:
        """Check that a State of the class has the membrane first."""
        super().__init_subclass__(**options)
        fields = getattr(vars(cls).get("State"), "_fields", ("v",))
        if fields[:1] != ("v",):
            raise StateError(
                f"{cls.__name__}.State", "a NamedTuple with the membrane v first", f"the fields {', '.join(fields) or 'none'}",
                "Put v first, for example: class State(NamedTuple): v: Any; w: Any.",
            )  # fmt: skip

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        v_reset: Any = None,
        detach_reset: bool = False,
        fire_at_threshold: bool = False,
        spike_value: str = "threshold",
        firing: Firing | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if not isinstance(v_reset, str):
            check_number(name, v_reset=v_reset)
        elif v_reset != "never":
            raise ArgumentError(name, "v_reset to be None, a number or 'never'", repr(v_reset), "None is the soft reset.")
        check_number(name, v_threshold=v_threshold)
        if surrogate_function is not None:
            check_function(surrogate_function, name, "surrogate_function to be a Cell or a function")
        if spike_value not in ("threshold", "unit"):
            raise ArgumentError(name, "spike_value 'threshold' or 'unit'", repr(spike_value), "Choose one of the two.")
        if firing is not None and not isinstance(firing, Firing):
            raise DTypeError(name, "firing to be a Firing", describe(firing), "Pass snn.MultiSpike() or snn.Ternary().")
        self.v_threshold, self.fire, self.v_reset, self.firing = v_threshold, fire, v_reset, firing
        if firing is not None and self.hard and not firing.resets_hard:
            raise ArgumentError(
                name, f"v_reset=None with {type(firing).__name__}", describe(v_reset),
                "A membrane that is set to v_reset cannot fire several spikes in a step.",
            )  # fmt: skip
        self.surrogate_function = self.default_surrogate() if surrogate_function is None else surrogate_function
        self.detach_reset, self.fire_at_threshold, self.spike_value = detach_reset, fire_at_threshold, spike_value

    def check_ranges(self) -> None:
        """Check that the constants are in their valid ranges; learning may have moved them."""
        name, v_reset = type(self).__name__, self.v_reset
        thresholds = to_numbers(self.v_threshold, f"{name}, v_threshold")
        if not np.all((thresholds > 0) & (thresholds < np.inf)):
            raise ArgumentError(
                name, "a finite v_threshold > 0", describe(self.v_threshold),
                f"Scale the input instead; fire=False never fires.{_IN_MV if np.any(thresholds < 0) else ''}",
            )  # fmt: skip
        resets = to_numbers(v_reset if self.hard else 0.0, f"{name}, v_reset")
        if not np.all((-np.inf < resets) & (resets < thresholds)):
            raise ArgumentError(
                name, "a finite v_reset below v_threshold", describe(v_reset),
                "A neuron that is reset above its threshold would fire forever.",
            )  # fmt: skip
        starts = resets if self.hard else to_numbers(self.v_rest, f"{name}, v_rest")
        if self.firing is not None and self.firing.below and not np.all(starts > -thresholds):
            raise ArgumentError(
                name, f"v_reset and rest above -v_threshold with {type(self.firing).__name__}", f"{starts}",
                "Below it the neuron would fire forever.",
            )  # fmt: skip
        super().check_ranges()

    drive: ClassVar[float] = 1.0
    """A constant input that makes the neuron, with its defaults, fire repeatedly: for figures and tests."""

    @classmethod
    def example(cls, **options: Any) -> Self:
        """Return a neuron for figures and tests, with these arguments and defaults otherwise."""
        return cls(**options)

    v_rest: Any = 0.0
    """The membrane at rest; an argument of subclasses whose equation has one."""

    scale: ClassVar[float] = 1.0
    """Default distance of the threshold above the rest; it scales the width of the default surrogate."""

    def default_surrogate(self) -> Callable[[Any], Any]:
        """Return the default surrogate."""
        return relusigmoid() if self.scale == 1 else sigmoid(5.0 / self.scale)

    @property
    def hard(self) -> bool:
        """Whether a spike sets the membrane to ``v_reset``."""
        return self.v_reset is not None and not isinstance(self.v_reset, str)

    @classmethod
    def takes(cls) -> dict[str, inspect.Parameter]:
        """Return the arguments of the constructor, including those in ``**reset``."""
        own = super().takes()
        if own and str(own[last := [*own][-1]].annotation).startswith("Unpack["):
            del own[last]
            shared = inspect.signature(Neuron.__init__).parameters
            own |= {name: value for name, value in shared.items() if name in Reset.__annotations__ and name not in own}
        return own

    @classmethod
    def dialect(cls, peer: str, **arguments: Any) -> Any:
        """Return a node with the equations, order of steps, comparator and defaults of a neuron in another package.

        Parameters
        ----------
        peer : {"norse", "rockpool", "sinabs", "snntorch", "spikingjelly", "spyx"}
            The package.
        **arguments
            Arguments of the neuron in that package, by its names. A surrogate comes from :mod:`snn.surrogate`.

        Returns
        -------
        Neuron
            A neuron of this class, or of a variant if the package has another order of steps.

        Raises
        ------
        ArgumentError
            If the package is unknown, if it has no such neuron or argument, or if the option has no equivalent here.

        Examples
        --------
        >>> import snn
        >>> snn.LIFNode.dialect("spikingjelly", tau=4.0)
        LIFNode(h = v + (x - v) / 4; z = h >= 1 [sigmoid(alpha=4)]; spike = z; v' = (1 - z) * h)
        """
        from ..dialects import build

        return build(cls, peer, arguments)

    def charge(self, x: Any, state: Any) -> Any:
        """Return the state after the input and before firing."""
        raise CellError(type(self).__name__, "a method charge(self, x, state)", "a class without one", "Return the membrane.")

    def threshold(self, state: Any) -> Any:
        """Return the membrane above which the neuron fires, from the state before firing."""
        return constant(self.v_threshold, membrane(state))

    def taken(self, state: Any, threshold: Any, z: Any) -> Any:
        """Return the amount that a soft reset subtracts at a spike, ``z`` = 1, from the state before firing."""
        return threshold

    def fired(self, state: Any, z: Any) -> Any:
        """Return the state after the reset, with the effect of a spike, ``z`` = 1, on the other variables."""
        return state

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step.

        Parameters
        ----------
        x : Tensor
            Input current, ``[N, ...]``.
        state : Tensor or State
            Membrane, or all variables, after the previous step, ``[N, ...]`` each.

        Returns
        -------
        spike : Tensor
            Spikes, or the membrane if ``fire`` is False.
        state : Tensor or State
            State after the reset.
        """
        return self.discharge(self.charge(x, state))

    def discharge(self, state: Any, ready: Any = None, spikes: Callable[[Any], Any] | None = None) -> tuple[Any, Any]:
        """Fire and reset: the step after ``charge``.

        Parameters
        ----------
        state : Tensor or State
            As ``charge`` returned it.
        ready : Tensor, optional
            Bools: True for neurons that may fire.
        spikes : callable, optional
            Replaces ``self.spikes``.

        Returns
        -------
        spike, state
            As from ``construct``.
        """
        if not isinstance(state, Tensor) and not hasattr(state, "v"):
            raise StateError(
                f"{type(self).__name__}.charge", "the membrane, or a State with v", describe(state),
                "Name the variables in a NamedTuple State of the class, with v first.",
            )  # fmt: skip
        v = membrane(state)
        if not self.fire:
            return v, state
        threshold, spikes = self.threshold(state), spikes or self.spikes
        if self.firing is None:
            z = count = spikes(v - threshold)
        else:
            z, count = self.firing(v, threshold, spikes)
        if ready is not None:
            z, count = ops.where(ready, z, 0.0), ops.where(ready, count, 0.0)
        amplitude = z * threshold
        v = self.reset(v, count, z * self.taken(state, threshold, count))
        if self.spike_value == "unit":
            spike = z
        elif type(self).threshold is Neuron.threshold:
            spike = amplitude
        else:  # the threshold moves, the amplitude of a spike does not
            spike = z * constant(self.v_threshold, v)
        return spike, v if self.State is None else self.fired(state._replace(v=v), count)

    def spikes(self, u: Any) -> Any:
        """Return 1 where a neuron fires and 0 elsewhere, from the distance of its membrane above the threshold."""
        if self.fire_at_threshold:
            u = u + (_TINY_HALF if u.dtype == float16 else _TINY)
        z = as_tensor(self.surrogate_function(u), f"{type(self).__name__}, surrogate_function")
        if z.shape != u.shape:
            raise ShapeError(
                f"{type(self).__name__}, surrogate_function", f"its input's shape {list(u.shape)}", describe(z),
                "A surrogate works element by element.",
            )  # fmt: skip
        return z if z.dtype == u.dtype else z.astype(u.dtype)

    def reset(self, v: Any, z: Any, amplitude: Any) -> Any:
        """Return the membrane after the spikes: ``z`` is their signed number, ``amplitude`` the amount they subtract."""
        if not self.hard:
            return v if self.v_reset == "never" else v - self.gate(amplitude)
        gate = self.gate(z)
        kept = (1 - gate) * v
        return kept if is_zero(self.v_reset) else kept + gate * constant(self.v_reset, v)

    def gate(self, z: Any) -> Any:
        """Return the spikes ``z`` for a reset; with ``detach_reset`` they are constants."""
        return stop_gradient(z) if self.detach_reset else z

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: a membrane of ``begin()``, other variables 0."""
        zeros, begin = self.zeros(x), self.begin()
        start = zeros if is_zero(begin) else zeros + constant(begin, zeros)
        return start if self.State is None else self.State(start, *[zeros] * (len(self.State._fields) - 1))

    @property
    def starts_at_zero(self) -> bool:
        """Whether :meth:`initial_state` returns zeros for every input of a shape and dtype."""
        return self._starts_by(_STARTS) and is_zero(self.begin())

    def begin(self) -> Any:
        """Return the initial membrane: ``v_reset`` if it is a number, else ``v_rest``."""
        return self.v_reset if self.hard else self.v_rest


_STARTS = {"initial_state": Neuron.initial_state, "zeros": Neuron.zeros, "begin": Neuron.begin}


def is_zero(value: Any) -> bool:
    """Return whether a constant is the number 0."""
    return isinstance(value, (int, float, np.generic)) and value == 0


def constant(value: Any, like: Any) -> Any:
    """Return a neuron's constant for arithmetic with ``like``; an array or Parameter is cast to the dtype of ``like``."""
    if isinstance(value, (int, float, np.generic)):
        return value if isinstance(value, (int, float)) else value.item()  # a Python number adapts to any dtype
    value = value if isinstance(value, Tensor) else np.asarray(value)
    if like.shape and not _fits(value.shape, like.shape):
        raise ShapeError(
            "neuron, a constant", f"one value, or one for each feature of {describe(like)}", describe(value),
            "Give it the shape [features].",
        )  # fmt: skip
    return value if value.dtype == like.dtype else ops.cast(value, like.dtype)


def of_constant(function: str, value: Any) -> Any:
    """Apply a function to a constant: from ``math`` to a Python number, which stays one, from ``ops`` to others."""
    return getattr(math if isinstance(value, (int, float)) else ops, function)(value)


def bounded_exp(u: Any) -> Any:
    """Return the exponential, held constant where its square would overflow."""
    return ops.exp(ops.minimum(u, 0.5 * math.log(np.finfo(u.dtype).max)))


def _fits(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    return len(shape) <= len(whole) and all(a in (1, b) for a, b in zip(shape[::-1], whole[::-1], strict=False))
