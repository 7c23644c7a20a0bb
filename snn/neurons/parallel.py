"""Neurons without reset, whose membrane is a weighted sum of the inputs of all time steps or of the latest ones."""

from __future__ import annotations

import functools
import math
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypedDict, Unpack

import numpy as np

from autograd import Parameter, as_tensor, ops
from autograd.dtypes import describe, float32, is_int, to_dtype
from autograd.errors import ArgumentError, ShapeError
from autograd.intake import to_generator
from autograd.nn import init

from ..surrogate import relusigmoid
from ..surrogate.base import check_function
from .base import Neuron, constant
from .ranges import FINITE, Checked, Range, check, check_number

__all__ = ["PSN", "MaskedPSN", "SlidingPSNNode"]

_MASKED = Range(0, 1, "{} in [0, 1]", "With 0 a step sees all steps, with 1 only itself and those just before it.")


class Start(TypedDict, total=False):
    """Keyword arguments of a layer over time; :class:`PSN` documents them."""

    v_threshold: Any
    fire_at_threshold: bool
    weight_init: Any
    dtype: Any
    rng: np.random.Generator | int | None


class PSN(Checked):
    """Parallel spiking neuron, in which each step sees all steps: ``h = weight @ x`` over time and ``z = h > v_threshold``.

    There is no reset. It is a layer over time: ``construct`` takes the whole sequence ``[T, N, ...]`` and computes one matrix
    product, with the same weights for all neurons. :func:`snn.run` takes it alone or in an ``nn.SequentialCell``, in every
    mode; it has no state, so a sequence cannot be run in two parts (Fang et al., "Parallel Spiking Neurons with High
    Efficiency and Ability to Learn Long-term Dependencies", NeurIPS 2023).

    The amplitude of a spike is 1. In other neurons it is the threshold by default, since a soft reset subtracts it; here
    nothing is subtracted, and the threshold is a bias that may become negative. A run can record ``x``, ``spike``, and the
    membrane ``h`` as ``v``. A masked sample counts as an input of 0; its output and its records are 0.

    Parameters
    ----------
    T : int
        Number of time steps.
    surrogate_function, fire_at_threshold
        As for :class:`snn.Neuron`.
    v_threshold : number, array or initialiser
        Initial threshold of each step, ``[T]``.
    weight_init : str, number, array or initialiser, optional
        Initial weights; by default uniform within ``1 / sqrt(T)``. See :mod:`autograd.nn.init`.
    dtype : dtype
        Dtype of the Parameters; a run uses the dtype of its input.
    rng : numpy.random.Generator or int, optional
        Source of random initial values.

    Attributes
    ----------
    weight : Parameter
        ``[T, T]``, from the steps on the second axis to the steps on the first.
    v_threshold : Parameter
        ``[T]``; the bias of the paper is its negative.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    ShapeError
        When called, if the input does not have ``T`` time steps.

    Examples
    --------
    >>> import numpy as np, snn
    >>> node = snn.PSN(3, weight_init=np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]))
    >>> node
    PSN(T=3; h = weight @ x; z = h > v_threshold [relusigmoid()]; spike = z)
    >>> x = np.array([0.75, 0.25, 2.0], np.float32).reshape(3, 1, 1)
    >>> spikes, _, record = snn.run(node, x, record=["v"])
    >>> print(spikes.asnumpy().ravel(), record["v"].asnumpy().ravel())
    [1. 0. 0.] [1.75 0.25 0.5 ]
    """

    over_time = True
    ranges = {"v_threshold": FINITE}

    def __init__(
        self,
        T: int,  # noqa: N803 - as in [T, N, ...]
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        v_threshold: Any = 1.0,
        fire_at_threshold: bool = False,
        weight_init: Any = None,
        dtype: Any = float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__()
        name, rng = type(self).__name__, to_generator(rng, type(self).__name__)
        _check_count(name, T=T)
        if surrogate_function is not None:
            check_function(surrogate_function, name, "surrogate_function to be a Cell or a function")
        self.T = int(T)
        self.surrogate_function = relusigmoid() if surrogate_function is None else surrogate_function
        self.fire_at_threshold = fire_at_threshold
        dtype = to_dtype(dtype, name)
        weight = init.Uniform(1 / math.sqrt(T)) if weight_init is None else weight_init
        self.weight = Parameter(init.make(weight, (self.T, self.T), rng, f"{name}, weight_init").astype(dtype))
        self.v_threshold = Parameter(init.make(v_threshold, (self.T,), rng, f"{name}, v_threshold").astype(dtype))

    def construct(self, x: Any) -> Any:
        """Return the spikes of all time steps, ``[T, N, ...]``, for their inputs, ``[T, N, ...]``."""
        h = self.charge(x)
        return self.spikes(h - ops.reshape(_in(h.dtype, self.v_threshold), (self.T, *[1] * (h.ndim - 1))))

    def charge(self, x: Any) -> Any:
        """Return the membranes of all time steps, ``[T, N, ...]``."""
        x = as_tensor(x, type(self).__name__)
        if x.ndim < 2 or x.shape[0] != self.T:
            raise ShapeError(
                f"{type(self).__name__}(T={self.T})", f"[{self.T}, N, ...], all its time steps at once", describe(x),
                "Make it with the T of the data, or use snn.SlidingPSNNode, which takes any T.",
            )  # fmt: skip
        dtype = x.dtype if x.dtype.kind == "f" else float32
        columns = ops.reshape(_in(dtype, x), (self.T, math.prod(x.shape[1:])))
        return ops.reshape(ops.matmul(_in(dtype, self.weighted()), columns), x.shape)

    def weighted(self) -> Any:
        """Return the weights as they are used, ``[T, T]``."""
        return self.weight

    spikes: ClassVar[Any] = Neuron.spikes  # the same step

    equation: ClassVar[str] = "h = weight @ x"

    def extra_repr(self) -> str:
        """Show the number of steps."""
        return f"T={self.T}"

    def __repr__(self) -> str:
        from ..common.equations import surrogate_of

        fires = f"z = h {'>=' if self.fire_at_threshold else '>'} v_threshold [{surrogate_of(self)}]; spike = z"
        return f"{type(self).__name__}({self.extra_repr()}; {self.equation}; {fires})"


class MaskedPSN(PSN):
    """Parallel spiking neuron in which a step sees itself and the previous ``k - 1`` steps; ``lambda_`` masks the others.

    ``h = (weight * (lambda_ band + 1 - lambda_)) @ x``, where the band is 1 for the ``k`` steps and 0 elsewhere (Fang et al.,
    NeurIPS 2023). The paper trains with a ``lambda_`` that grows from 0 to 1: assign it, ``node.lambda_ = schedule(epoch)``.

    Parameters
    ----------
    T, surrogate_function, v_threshold, fire_at_threshold, weight_init, dtype, rng
        As for :class:`PSN`.
    k : int
        Number of steps that a step sees, at most ``T``.
    lambda_ : float
        Degree to which weights outside the band are masked: 0 not at all, as in a :class:`PSN`, 1 completely.

    Attributes
    ----------
    weight, v_threshold : Parameter
        As for :class:`PSN`.

    Raises
    ------
    ArgumentError
        If an argument is out of range; ``lambda_`` also when the layer is called.
    ShapeError
        When called, if the input does not have ``T`` time steps.

    Examples
    --------
    >>> import numpy as np, snn
    >>> node = snn.MaskedPSN(4, 2, weight_init=1.0)
    >>> x = np.array([0.75, 0.5, 0.25, 0.75], np.float32).reshape(4, 1, 1)
    >>> print(snn.run(node, x, record=["v"])[2]["v"].asnumpy().ravel())
    [0.75 1.25 0.75 1.  ]
    >>> node.lambda_ = 0.0
    >>> print(snn.run(node, x, record=["v"])[2]["v"].asnumpy().ravel())
    [2.25 2.25 2.25 2.25]
    """

    ranges = {"lambda_": _MASKED}
    checkpointed = ("lambda_",)

    def __init__(
        self,
        T: int,  # noqa: N803
        k: int,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        lambda_: float = 1.0,
        **options: Unpack[Start],
    ) -> None:
        super().__init__(T, surrogate_function, **options)
        _check_count(type(self).__name__, k=k)
        if k > T:
            raise ArgumentError(type(self).__name__, f"k of at most T = {T}", repr(k), "Use snn.PSN to see all steps.")
        self.k, self.lambda_ = int(k), float(lambda_) if type(lambda_) is int else lambda_
        self.band = np.tri(self.T) - np.tri(self.T, k=-self.k)

    def weighted(self) -> Any:
        """Return the weights as they are used, ``[T, T]``."""
        check(self, lambda_=_MASKED)
        return self.weight * (self.lambda_ * self.band + (1 - self.lambda_)).astype(self.weight.dtype)

    equation = "h = (weight * mask) @ x"

    def extra_repr(self) -> str:
        """Show the number of steps, the number that a step sees, and the degree of masking."""
        return f"T={self.T}, k={self.k}, lambda_={float(self.lambda_):g}"


class SlidingPSNNode(Neuron):
    """Sliding parallel spiking neuron: its membrane is a weighted sum of the last ``k`` inputs; there is no reset.

    ``h[t] = weight[0] x[t - k + 1] + ... + weight[k - 1] x[t]``, ``z = h > v_threshold``, with the same weights for all
    neurons and steps (Fang et al., "Parallel Spiking Neurons with High Efficiency and Ability to Learn Long-term
    Dependencies", NeurIPS 2023). Unlike :class:`PSN` it is an ordinary neuron: a sequence can have any length and be run in
    parts. Its state is ``v`` and ``h1`` to ``h{k-1}``, the contributions of past inputs to the membranes of the next steps.
    With these, the backward pass needs only the input of each step, not the ``k - 1`` inputs before it.

    The amplitude of a spike is 1. In other neurons it is the threshold by default, since a soft reset subtracts it; here
    nothing is subtracted, and the threshold is a bias that may become negative.

    Parameters
    ----------
    k : int
        Number of inputs in the sum.
    v_threshold : float or array or Parameter
        Initial threshold, which is learnt: one for the layer, or one for each neuron. To freeze it, pass a Parameter with
        ``requires_grad=False``.
    fire, surrogate_function, fire_at_threshold
        As for :class:`snn.Neuron`.
    weight : sequence or array, optional
        The ``k`` initial weights, which are learnt, the weight of the newest input last; each a number, an array with one
        value per neuron, or a Parameter. By default 1 for the newest input, and half as much for each earlier one.
    dtype : dtype
        Dtype of the new Parameters; a run uses the dtype of its input.

    Attributes
    ----------
    weight : list of Parameter
        The weights, the weight of the newest input last.
    v_threshold : Parameter
        The threshold.

    Raises
    ------
    ArgumentError
        If an argument is out of range.

    Examples
    --------
    >>> import numpy as np, snn
    >>> node = snn.SlidingPSNNode(2)
    >>> node
    SlidingPSNNode(v' = h1 + weight.1 * x; z = v' > v_threshold [relusigmoid()]; spike = z; h1' = weight.0 * x)
    >>> x = np.array([0.5, 1.0, 0.75, 0.5], np.float32).reshape(4, 1, 1)
    >>> spikes, _, record = snn.run(node, x, record=["v"])
    >>> print(spikes.asnumpy().ravel(), record["v"].asnumpy().ravel())
    [0. 1. 1. 0.] [0.5   1.25  1.25  0.875]
    """

    drive = 0.6

    def __init__(
        self,
        k: int = 4,
        *,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        fire_at_threshold: bool = False,
        weight: Sequence[Any] | np.ndarray[Any, Any] | None = None,
        dtype: Any = float32,
    ) -> None:
        name = type(self).__name__
        dtype = to_dtype(dtype, name)
        _check_count(name, k=k)
        if weight is not None and len(weight) != k:
            raise ArgumentError(name, f"k = {k} weights, the newest last", f"{len(weight)}", "Pass k=len(weight).")
        start = [0.5**i for i in reversed(range(k))] if weight is None else weight
        check_number(name, v_threshold=v_threshold, **{f"weight[{i}]": w for i, w in enumerate(start)})
        learnt = [w if isinstance(w, Parameter) else Parameter(np.asarray(w, dtype)) for w in (*start, v_threshold)]
        super().__init__(learnt.pop(), fire, surrogate_function, fire_at_threshold=fire_at_threshold, spike_value="unit")
        self.k, self.weight = int(k), learnt

    @property
    def State(self) -> Any:  # noqa: N802 - it returns a class
        """The NamedTuple of the state."""
        return _state(self.k)

    def check_ranges(self) -> None:
        """Check that the threshold is a finite number; it may be negative."""
        check(self, v_threshold=FINITE)

    def charge(self, x: Any, state: Any) -> Any:
        """Return the membrane of this step, and the contributions so far to those of the next steps."""
        x = _in(state.v.dtype, x)
        ahead = [constant(w, x) * x for w in reversed(self.weight)]
        ahead[:-1] = [known + new for known, new in zip(state[1:], ahead, strict=False)]
        return self.State(*ahead)

    def reset(self, v: Any, z: Any, amplitude: Any) -> Any:
        """Return the membrane as it is."""
        return v


@functools.cache
def _state(k: int) -> Any:
    """Return the class of the state of a sliding neuron; pickle finds it by the number of its values."""
    names = ["v", *(f"h{i}" for i in range(1, k))]
    methods = {"__slots__": (), "__reduce__": lambda self: (_rebuilt, tuple(self))}
    return type("SlidingState", (namedtuple("SlidingState", names),), methods)


def _rebuilt(*values: Any) -> Any:
    return _state(len(values))(*values)


def _in(dtype: Any, x: Any) -> Any:
    return x if x.dtype == dtype else ops.cast(x, dtype)


def _check_count(name: str, **counts: Any) -> None:
    for argument, value in counts.items():
        if not is_int(value) or value < 1:
            raise ArgumentError(name, f"{argument} to be a positive int", describe(value), "Count the time steps.")
