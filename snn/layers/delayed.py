"""A layer of weights with a delay of whole steps for each connection."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import ops
from autograd.dtypes import Array, describe, float32
from autograd.errors import ShapeError
from autograd.intake import to_generator

from .delay import WholeDelays
from .delayed_weights import DelayedWeights, Part

__all__ = ["DelayedDense"]


class DelayedDense(DelayedWeights, WholeDelays):
    """Fully connected layer with a delay of whole time steps for each connection.

    ``out[t, o] = sum over i of weight[o, i] x[t - delay[o, i], i] + bias[o]``. It is a separate layer, not an option of
    ``nn.Dense``, because it has a state: the last inputs, one for each step of the longest delay. The compiled mode takes a
    whole sequence at once. If there are few spikes, it adds the weights of each spike to the steps at which it arrives;
    otherwise it does one multiplication per connection per step, whatever the delays.

    Parameters
    ----------
    in_channels, out_channels : int
        Lengths of the last axis of input and output.
    delay : int or array of int
        Delay in steps, at least 0; one for all, or ``[out_channels, in_channels]``, or an array that broadcasts to it:
        ``[in_channels]`` delays the inputs, ``[out_channels, 1]`` the outputs.
    weight_init, bias_init : str, number, array or initialiser, optional
        Initial values of the Parameters, as for ``nn.Dense``.
    has_bias : bool
        Whether to add a bias.
    dtype : dtype
        Dtype of the Parameters.
    rng : numpy.random.Generator or int, optional
        Source of random initial values.

    Attributes
    ----------
    weight : Parameter
        ``[out_channels, in_channels]``.
    weight_transform : Cell or None
        Transforms the weights before the product, to the same shape; a compiled run applies it once. None by default.
    bias : Parameter or None
        ``[out_channels]``.
    delay : array of int
        ``[out_channels, in_channels]``. Read-only; to change them, assign a new array.
    steps : int
        The longest delay.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    ShapeError
        If the delays do not fit the connections; when called, if the input does not.
    StateError
        When called, if the state does not belong to this layer and input.

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
        """Return delays for each connection."""
        shape = self.out_channels, self.in_channels
        try:
            return np.broadcast_to(delay, shape).copy()
        except ValueError:
            raise ShapeError(
                "DelayedDense, delay", f"one, or an array that broadcasts to [out_channels, in_channels] = {list(shape)}",
                describe(delay), "Pass one delay per connection.",
            ) from None  # fmt: skip

    def parts(self) -> list[Part]:
        """Return the weights and their delays."""
        return [(self.effective_weight(), self.delay)]

    def kernel(self) -> Any:
        """Return the weight of each connection at each delay, ``[steps + 1, out_channels, in_channels]``."""
        return ops.where(self.connected(), self.effective_weight(), 0.0)

    def connected(self) -> Array:
        """Return where ``kernel`` has a weight, ``[steps + 1, out_channels, in_channels]``: once per connection."""
        there: Array = np.arange(self.steps + 1)[:, None, None] == self.delay
        return there

    def extra_repr(self) -> str:
        """Show the channels and the delays."""
        return f"{self._named()}, delays of {self.delay.min()} to {self.steps} steps{self._transform()}"
