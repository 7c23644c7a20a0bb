"""A layer of weights whose delays are learnt."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import as_tensor, ops, stop_gradient
from autograd.dtypes import Array, describe, float32
from autograd.errors import ArgumentError
from autograd.intake import to_generator, to_numbers
from autograd.nn.options import parameter, positive

from .delayed import DelayedDense
from .delayed_weights import DelayedWeights, Part

__all__ = ["LearntDelays"]


class LearntDelays(DelayedWeights):
    """Fully connected layer with learnt delays, real numbers that are spread over whole steps.

    ``out[t, o] = sum over k and i of weight[o, i] share(k - delay[o, i]) x[t - k, i] + bias[o]``, with ``k`` from 0 to
    ``max_delay``. A ``"linear"`` share interpolates linearly between two steps, ``max(0, 1 - |k - delay|)``
    (Khalfaoui-Hassani, Pellegrini and Masquelier, "Dilated convolution with learnable spacings", ICLR 2023). A ``"gauss"``
    share is a Gaussian of width ``sigma`` that sums to 1 over the steps; a delay then also learns from distant steps
    (Hammouamri, Khalfaoui-Hassani and Masquelier, "Learning delays in spiking neural networks using dilated convolutions with
    learnable spacings", ICLR 2024). The paper starts with ``sigma = max_delay / 2`` and shrinks it over the epochs to 0.5:
    assign ``layer.sigma = schedule(epoch)``. A checkpoint holds ``sigma``; a state dict does not. After training,
    :meth:`rounded` returns a layer with whole delays.

    A delay outside 0 to ``max_delay`` is clipped to this range. It keeps the gradient of the clipped delay, so it can return.

    Parameters
    ----------
    in_channels, out_channels : int
        Lengths of the last axis of input and output.
    max_delay : int
        The longest delay in steps, at least 1.
    share : {"gauss", "linear"}
        How a delay is spread over steps.
    sigma : float
        Width of the Gaussian, in steps, above 0; by default ``max_delay / 2``.
    delay_init : str, number, array or initialiser, optional
        Initial delays, ``[out_channels, in_channels]``; by default uniform from 0 to ``max_delay``.
    weight_init, bias_init, has_bias, dtype, rng
        As for :class:`DelayedDense`.

    Attributes
    ----------
    weight, delay : Parameter
        ``[out_channels, in_channels]``.
    weight_transform : Cell or None
        Transforms the weights before the product, to the same shape; a compiled run applies it once. None by default.
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
        When called, if the state does not belong to this layer and input.

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

    checkpointed = ("sigma",)

    def __init__(
        self, in_channels: int, out_channels: int, max_delay: int, *, share: str = "gauss", sigma: float | None = None,
        delay_init: Any = None, weight_init: Any = None, bias_init: Any = None, has_bias: bool = True, dtype: Any = float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        rng = to_generator(rng, "LearntDelays")
        super().__init__(in_channels, out_channels, weight_init, bias_init, has_bias, dtype, rng)
        positive("LearntDelays", "It is the longest delay, in time steps.", max_delay=max_delay)
        if not isinstance(share, str) or share not in ("gauss", "linear"):
            raise ArgumentError("LearntDelays", "share 'gauss' or 'linear'", repr(share), "Choose one of the two.")
        self.steps, self.share = int(max_delay), share
        width = max_delay / 2 if sigma is None else sigma
        self.sigma = float(width) if type(width) is int else width
        shape = self.out_channels, self.in_channels
        start = rng.uniform(0, max_delay, shape) if delay_init is None else delay_init
        self.delay = parameter("LearntDelays, delay_init", start, shape, rng, self.weight.dtype)
        self._check_sigma()

    def _check_sigma(self) -> None:
        width = to_numbers(self.sigma, "LearntDelays, sigma")
        if width.ndim or width.dtype.kind not in "iuf" or not 0 < width < np.inf:
            raise ArgumentError("LearntDelays", "sigma > 0, in steps", describe(self.sigma), "share='linear' has no width.")

    def _inside(self) -> Any:
        """Return the delays, clipped to 0 to ``max_delay``, with the gradient of the clipped ones."""
        inside = np.clip(self.delay.array, 0, self.steps)
        return self.delay + stop_gradient(as_tensor(inside) - self.delay)

    def _between(self) -> tuple[Array, Any]:
        """Return the whole step before each delay, at most ``steps - 1``, and the distance of the delay from it."""
        inside = self._inside()
        before = np.clip(np.nan_to_num(np.floor(inside.array)), 0, self.steps - 1)
        return before.astype(np.int64), inside - before

    def kernel(self) -> Any:
        """Return the weight of each connection at each delay, ``[steps + 1, out_channels, in_channels]``."""
        self._check_sigma()
        steps = np.arange(self.steps + 1, dtype=self.delay.dtype)[:, None, None]
        if self.share == "linear":
            before, later = self._between()
            return self.effective_weight() * (
                ops.where(steps == before, 1 - later, 0.0) + ops.where(steps == before + 1, later, 0.0)
            )
        return self.effective_weight() * ops.softmax(-0.5 * ((steps - self._inside()) / self.sigma) ** 2, 0)

    def parts(self) -> list[Part]:
        """Return the weights at all delays, or with ``share="linear"`` at the two steps around each delay."""
        if self.share == "gauss":
            return [(self.kernel(), None)]
        weight, (before, later) = self.effective_weight(), self._between()
        return [(weight * (1 - later), before), (weight * later, before + 1)]

    def connected(self) -> Array:
        """Return where ``kernel`` has a weight: everywhere, or with ``share="linear"`` at the two steps around each delay."""
        if self.share == "gauss":
            return np.ones((self.steps + 1, *self.weight.shape), bool)
        before, _ = self._between()
        after: Array = np.arange(self.steps + 1)[:, None, None] - before
        return np.isin(after, (0, 1))

    def rounded(self) -> DelayedDense:
        """Return a layer with copies of these weights and the same transform, and with the delays rounded to whole steps.

        Raises
        ------
        ArgumentError
            If a delay is NaN.
        """
        delay = self.delay.asnumpy()
        if (lost := np.isnan(delay)).any():
            raise ArgumentError(
                "LearntDelays.rounded", "delays that are numbers", f"NaN for {int(lost.sum())} of {delay.size}",
                "Training diverged: lower the learning rate, or clip the gradients.",
            )  # fmt: skip
        whole = np.clip(np.rint(delay), 0, self.steps).astype(np.int64)
        bias = None if self.bias is None else self.bias.asnumpy()
        layer = DelayedDense(
            self.in_channels, self.out_channels, whole, weight_init=self.weight.asnumpy(), bias_init=bias,
            has_bias=self.has_bias, dtype=self.weight.dtype,
        )  # fmt: skip
        layer.weight_transform = self.weight_transform
        return layer

    def extra_repr(self) -> str:
        """Show the channels, the longest delay and how delays are spread."""
        width = f", sigma={float(self.sigma):g}" if self.share == "gauss" else ""
        return f"{self._named()}, max_delay={self.steps}, share={self.share!r}{width}{self._transform()}"
