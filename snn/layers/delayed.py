"""Layers of weights with a delay for each connection."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import Tensor, as_tensor, ops, stop_gradient
from autograd.dtypes import describe, float32
from autograd.errors import ArgumentError, ShapeError
from autograd.intake import to_generator, to_numbers
from autograd.nn import init
from autograd.nn.options import flag, float_dtype, parameter, positive

from .delay import Remembering, WholeDelays
from .taps import delayed, picked, taps

__all__ = ["DelayedDense", "LearntDelays"]

Array = np.ndarray[Any, np.dtype[Any]]


class _Delayed(Remembering):
    """Weights whose inputs come at several delays, of at most ``steps`` steps."""

    fire = False
    called = "layer"
    keeps_spikes = False
    steps: int

    def __init__(
        self, in_channels: int, out_channels: int, weight_init: Any, bias_init: Any, has_bias: bool, dtype: Any,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        super().__init__()
        name = type(self).__name__
        positive(name, in_channels=in_channels, out_channels=out_channels)
        self.in_channels, self.out_channels, self.has_bias = (
            int(in_channels),
            int(out_channels),
            flag(name, "has_bias", has_bias),
        )
        shape, dtype = (self.out_channels, self.in_channels), float_dtype(name, dtype)
        start = init.KaimingUniform() if weight_init is None else weight_init
        self.weight = parameter(f"{name}, weight_init", start, shape, rng, dtype)
        start = init.Uniform(1 / math.sqrt(in_channels)) if bias_init is None else bias_init
        self.bias = parameter(f"{name}, bias_init", start, shape[:1], rng, dtype) if self.has_bias else None

    @property
    def features(self) -> tuple[int, ...]:
        """The shape of a sample's input."""
        return (self.in_channels,)

    def _check(self, x: Any) -> None:
        if x.ndim < 2 or x.shape[-1] != self.in_channels:
            raise ShapeError(
                repr(self), f"an input [N, ..., {self.in_channels}] in each step", describe(x),
                "Flatten it, or change in_channels.",
            )  # fmt: skip

    def one_step(self, known: tuple[Any, ...]) -> Any:
        """Return the sums of one step, ``[N, ..., out_channels]``, for its input and the last ones, the newest first."""
        raise NotImplementedError  # each kind has its own

    def connected(self) -> Array:
        """Tell which of these weights there are, ``[steps + 1, out_channels, in_channels]``: at other delays none is met."""
        raise NotImplementedError  # each kind has its own

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step.

        Parameters
        ----------
        x : Tensor
            Input, ``[N, ..., in_channels]``.
        state : tuple of Tensor
            The last inputs, the newest first.

        Returns
        -------
        out : Tensor
            ``[N, ..., out_channels]``.
        state : tuple of Tensor
        """
        x = x if x.dtype.kind == "f" else x.astype(float32)
        known = (x, *state)
        out = self.one_step(known)
        return out if self.bias is None else out + self.bias, known[: self.steps]

    def all_steps(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run all time steps at once: the same as one step after the other, up to rounding.

        Parameters
        ----------
        x : Tensor
            Input, ``[T, N, ..., in_channels]``.
        state : tuple of Tensor
            Before the first step.

        Returns
        -------
        out : Tensor
            ``[T, N, ..., out_channels]``.
        state : tuple of Tensor
            After the last step.
        """
        x = x if x.dtype.kind == "f" else x.astype(float32)
        steps, samples = len(x), math.prod(x.shape[1:-1])
        known = ops.concat([ops.stack(state[::-1]), x]) if state else x
        dtype = np.result_type(x.dtype, self.weight.dtype)
        given = known if known.dtype == dtype else known.astype(dtype)
        out = self.product(given.reshape((len(known), samples, self.in_channels)))
        out = out.reshape((steps, *x.shape[1:-1], self.out_channels))
        after = tuple(known[len(known) - 1 - k] for k in range(self.steps))
        return out if self.bias is None else out + self.bias, after

    def product(self, x: Tensor) -> Tensor:
        """Return the sums of all time steps, ``[T, M, out_channels]``, for inputs ``[steps + T, M, in_channels]``."""
        raise NotImplementedError  # each kind has its own

    def _named(self) -> str:
        return f"{self.in_channels}, {self.out_channels}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


class DelayedDense(_Delayed, WholeDelays):
    """Fully connected layer with a delay of whole time steps for each connection.

    ``out[t, o] = sum over i of weight[o, i] x[t - delay[o, i], i] + bias[o]``. It is a layer of its own, and not an option
    of ``nn.Dense``, for it has a state: the last inputs, as many as the longest delay has steps. The compiled mode takes a
    whole sequence at once, with one multiplication for each connection and step, whatever the delays.

    Parameters
    ----------
    in_channels, out_channels : int
        Lengths of the last axis of input and output.
    delay : int or array of int
        Steps, at least 0; one for all, or ``[out_channels, in_channels]``, or what broadcasts to that: ``[in_channels]``
        delays what comes in, ``[out_channels, 1]`` what goes out.
    weight_init, bias_init : str, number, array or initialiser, optional
        How the Parameters start, as for ``nn.Dense``.
    has_bias : bool
        Whether there is a bias.
    dtype : dtype
        Of the Parameters.
    rng : numpy.random.Generator or int, optional
        Where random initial values come from.

    Attributes
    ----------
    weight : Parameter
        ``[out_channels, in_channels]``.
    bias : Parameter or None
        ``[out_channels]``.
    delay : array of int
        ``[out_channels, in_channels]``. It cannot be written to; assign others.
    steps : int
        The longest delay.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    ShapeError
        If the delays do not fit the connections; when called, if the input does not.
    StateError
        When called, if the state is none of this layer and input.

    Examples
    --------
    >>> import numpy as np, snn
    >>> layer = snn.DelayedDense(2, 1, [[0, 3]], weight_init=1.0, has_bias=False)
    >>> out, state, _ = snn.run(layer, np.array([[1.0, 2], [0, 0], [0, 0], [4, 0]])[:, None])
    >>> print(out.asnumpy().ravel(), len(state))
    [1. 0. 0. 6.] 3
    """

    def __init__(
        self, in_channels: int, out_channels: int, delay: Any, *, weight_init: Any = None, bias_init: Any = None,
        has_bias: bool = True, dtype: Any = float32, rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, weight_init, bias_init, has_bias, dtype, to_generator(rng, "DelayedDense"))
        self.delay = delay

    def placed(self, delay: Array) -> Array:
        """Return delays for each connection.

        Raises
        ------
        ShapeError
            If they do not fit.
        """
        shape = self.out_channels, self.in_channels
        try:
            return np.broadcast_to(delay, shape).copy()
        except ValueError:
            raise ShapeError(
                "DelayedDense, delay", f"one, or what broadcasts to [out_channels, in_channels] = {list(shape)}",
                describe(delay), "Give each connection its delay.",
            ) from None  # fmt: skip

    def one_step(self, known: tuple[Any, ...]) -> Any:
        """Return the sums of one step, ``[N, ..., out_channels]``, for its input and the last ones, the newest first."""
        return picked(known, self.weight, self.delay)

    def kernel(self) -> Any:
        """Return the weight of each connection at each delay, ``[steps + 1, out_channels, in_channels]``."""
        return ops.where(self.connected(), self.weight, 0.0)

    def connected(self) -> Array:
        """Tell which of these weights there are, ``[steps + 1, out_channels, in_channels]``: one for each connection."""
        there: Array = np.arange(self.steps + 1)[:, None, None] == self.delay
        return there

    def product(self, x: Tensor) -> Tensor:
        """Return the sums of all time steps, ``[T, M, out_channels]``, for inputs ``[steps + T, M, in_channels]``."""
        return delayed(x, self.weight, self.delay, self.steps, "DelayedDense")

    def extra_repr(self) -> str:
        """Show the channels and the delays."""
        return f"{self._named()}, delays of {self.delay.min()} to {self.steps} steps"


class LearntDelays(_Delayed):
    """Fully connected layer whose delays are learnt: numbers between whole steps, spread over the steps around them.

    ``out[t, o] = sum over k and i of weight[o, i] share(k - delay[o, i]) x[t - k, i] + bias[o]``, with ``k`` from 0 to
    ``max_delay``. A ``"linear"`` share is that of linear interpolation, ``max(0, 1 - |k - delay|)``, between two steps
    (Khalfaoui-Hassani, Pellegrini and Masquelier, "Dilated convolution with learnable spacings", ICLR 2023). A ``"gauss"``
    one is a bell of width ``sigma``, which sums to 1 over the steps: a delay learns from steps further away. Its paper begins
    with ``sigma = max_delay / 2`` and shrinks it over the epochs to 0.5: assign it, ``layer.sigma = schedule(epoch)``
    (Hammouamri, Khalfaoui-Hassani and Masquelier, "Learning delays in spiking neural networks using dilated convolutions with
    learnable spacings", ICLR 2024). Then :meth:`rounded` makes a layer of whole delays of it.

    A delay beyond 0 and ``max_delay`` counts as the nearest of these, and its gradient is taken there: it can come back.

    Parameters
    ----------
    in_channels, out_channels : int
        Lengths of the last axis of input and output.
    max_delay : int
        The longest delay in steps, at least 1.
    share : {"gauss", "linear"}
        How a delay is spread.
    sigma : float
        Width of the bell, in steps, above 0; by default ``max_delay / 2``.
    delay_init : str, number, array or initialiser, optional
        How the delays start, ``[out_channels, in_channels]``; by default uniform from 0 to ``max_delay``.
    weight_init, bias_init, has_bias, dtype, rng
        As for :class:`DelayedDense`.

    Attributes
    ----------
    weight, delay : Parameter
        ``[out_channels, in_channels]``.
    bias : Parameter or None
        ``[out_channels]``.
    steps : int
        ``max_delay``.

    Raises
    ------
    ArgumentError
        If an argument is out of range; ``sigma`` also when the layer is called.
    ShapeError
        When called, if the input does not fit.
    StateError
        When called, if the state is none of this layer and input.

    Examples
    --------
    >>> import numpy as np, snn
    >>> layer = snn.LearntDelays(1, 1, 3, share="linear", delay_init=1.25, weight_init=1.0, has_bias=False)
    >>> out, _, _ = snn.run(layer, np.array([1.0, 0, 0, 0]).reshape(4, 1, 1))
    >>> print(out.asnumpy().ravel())
    [0.   0.75 0.25 0.  ]
    >>> layer.rounded()
    DelayedDense(1, 1, delays of 1 to 1 steps)
    """

    def __init__(
        self, in_channels: int, out_channels: int, max_delay: int, *, share: str = "gauss", sigma: float | None = None,
        delay_init: Any = None, weight_init: Any = None, bias_init: Any = None, has_bias: bool = True, dtype: Any = float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        rng = to_generator(rng, "LearntDelays")
        super().__init__(in_channels, out_channels, weight_init, bias_init, has_bias, dtype, rng)
        positive("LearntDelays", "Count time steps: it is the longest delay.", max_delay=max_delay)
        if share not in ("gauss", "linear"):
            raise ArgumentError("LearntDelays", "share 'gauss' or 'linear'", repr(share), "Choose one of the two.")
        self.steps, self.share, self.sigma = int(max_delay), share, max_delay / 2 if sigma is None else sigma
        shape = self.out_channels, self.in_channels
        start = rng.uniform(0, max_delay, shape) if delay_init is None else delay_init
        self.delay = parameter("LearntDelays, delay_init", start, shape, rng, self.weight.dtype)
        self._check_sigma()

    def _check_sigma(self) -> None:
        width = to_numbers(self.sigma, "LearntDelays, sigma")
        if width.ndim or width.dtype.kind not in "iuf" or not 0 < width < np.inf:
            raise ArgumentError(
                "LearntDelays", "sigma > 0, in steps", describe(self.sigma), "Without a width use share='linear'."
            )

    def _inside(self) -> Any:
        """Return the delays from 0 to the longest; their gradient is that of the nearest such delay."""
        inside = np.clip(self.delay.array, 0, self.steps)
        return self.delay + stop_gradient(as_tensor(inside) - self.delay)

    def _between(self) -> tuple[Array, Any]:
        """Return the whole steps before the delays, and how much later these are; the last step too lies behind one."""
        inside = self._inside()
        before = np.clip(np.nan_to_num(np.floor(inside.array)), 0, self.steps - 1)
        return before.astype(np.int64), inside - before

    def kernel(self) -> Any:
        """Return the weight of each connection at each delay, ``[steps + 1, out_channels, in_channels]``."""
        self._check_sigma()
        steps = np.arange(self.steps + 1, dtype=self.delay.dtype)[:, None, None]
        if self.share == "linear":
            before, later = self._between()
            return self.weight * (ops.where(steps == before, 1 - later, 0.0) + ops.where(steps == before + 1, later, 0.0))
        return self.weight * ops.softmax(-0.5 * ((steps - self._inside()) / self.sigma) ** 2, 0)

    def one_step(self, known: tuple[Any, ...]) -> Any:
        """Return the sums of one step, ``[N, ..., out_channels]``, for its input and the last ones, the newest first."""
        if self.share == "gauss":
            rows = ops.transpose(self.kernel(), (1, 0, 2)).reshape((self.out_channels, -1))
            return ops.matmul(ops.concat(known, -1), ops.transpose(rows))
        before, later = self._between()
        return picked(known, self.weight * (1 - later), before) + picked(known, self.weight * later, before + 1)

    def connected(self) -> Array:
        """Tell which of these weights there are: with a bell all, with ``share="linear"`` the two around each delay."""
        if self.share == "gauss":
            return np.ones((self.steps + 1, *self.weight.shape), bool)
        before, _ = self._between()
        after: Array = np.arange(self.steps + 1)[:, None, None] - before
        return np.isin(after, (0, 1))

    def product(self, x: Tensor) -> Tensor:
        """Return the sums of all time steps, ``[T, M, out_channels]``, for inputs ``[steps + T, M, in_channels]``."""
        if self.share == "gauss":
            return taps(x, self.kernel())
        before, later = self._between()
        first = delayed(x, self.weight * (1 - later), before, self.steps, "LearntDelays")
        return first + delayed(x, self.weight * later, before + 1, self.steps, "LearntDelays")

    def rounded(self) -> DelayedDense:
        """Return a layer with copies of these weights, and with the delays rounded to whole steps.

        Raises
        ------
        ArgumentError
            If a delay is NaN.
        """
        delay = self.delay.asnumpy()
        if (lost := np.isnan(delay)).any():
            raise ArgumentError(
                "LearntDelays.rounded", "delays in numbers", f"NaN for {int(lost.sum())} of {delay.size}",
                "Training went astray: lower the learning rate, or clip the gradients.",
            )  # fmt: skip
        whole = np.clip(np.rint(delay), 0, self.steps).astype(np.int64)
        bias = None if self.bias is None else self.bias.asnumpy()
        return DelayedDense(
            self.in_channels, self.out_channels, whole, weight_init=self.weight.asnumpy(), bias_init=bias,
            has_bias=self.has_bias, dtype=self.weight.dtype,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Show the channels, the longest delay and how delays are spread."""
        width = f", sigma={float(self.sigma):g}" if self.share == "gauss" else ""
        return f"{self._named()}, max_delay={self.steps}, share={self.share!r}{width}"
