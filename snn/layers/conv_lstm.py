"""A spiking convolutional LSTM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from autograd import Tensor, as_tensor, nn, ops
from autograd.dtypes import describe, float32
from autograd.errors import ShapeError
from autograd.intake import to_generator
from autograd.nn.options import number, positive

from ..neurons.stateful import Stateful
from ..surrogate import atan
from ..surrogate.base import check_function

__all__ = ["ConvLSTM"]


class ConvLSTMState(NamedTuple):
    """State of a :class:`ConvLSTM`: its hidden value and its cell value, ``[N, C, H, W]`` each."""

    v: Any
    cell: Any


class ConvLSTM(Stateful):
    """Convolutional long short-term memory that fires where its hidden value is above a threshold.

    With the two convolutions ``inputs`` and ``back``, and the four parts ``i, f, g, o`` of ``inputs(x) + back(v)``:

    ``cell = sigmoid(f) cell + sigmoid(i) tanh(g)``, ``v = sigmoid(o) tanh(cell)``, ``spike = v > v_threshold``

    (Shi et al., "Convolutional LSTM Network", NeurIPS 2015, with spikes as in snnTorch's ``SConv2dLSTM``, and without a
    reset). ``v`` lies between -1 and 1. Spikes have amplitude 1.

    The compiled mode runs the convolution of the input on all time steps at once, and the rest step by step, as the eager mode
    does: the four gates of a channel differ in shape from its state, and such values cannot step in one loop. For this
    reason it also refuses a ConvLSTM in a larger feedback loop.

    Parameters
    ----------
    in_channels, channels : int
        Channels of the input, and of the hidden value and the output.
    kernel_size : int or (int, int)
        Kernel of both convolutions, which are padded with zeros to keep rows and columns.
    v_threshold : float
        Threshold, from 0 to 1; with 1 the layer never fires.
    surrogate_function : callable, optional
        As for neurons; by default :class:`snn.surrogate.atan`.
    has_bias : bool
        Whether the convolution of the input has a bias.
    weight_init, bias_init : str, number, array or initialiser, optional
        Initial values of the Parameters, as for ``nn.Conv2d``.
    dtype : dtype
        Dtype of the Parameters.
    rng : numpy.random.Generator or int, optional
        Source of random initial values.

    Attributes
    ----------
    inputs, back : Conv2d
        Weights ``[4 * channels, in_channels, ...]`` and ``[4 * channels, channels, ...]``, for ``i``, ``f``, ``g`` and ``o``.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    DTypeError
        If ``surrogate_function`` is a class or cannot be called.
    ShapeError
        When called, if the input is not ``[N, in_channels, H, W]``.
    StateError
        When called, if the state does not belong to this layer and input.

    Examples
    --------
    >>> import numpy as np, snn
    >>> layer = snn.ConvLSTM(1, 2, v_threshold=0.2, rng=0)
    >>> out, state, _ = snn.run(layer, np.full((5, 1, 1, 4, 4), 3, np.float32))
    >>> print(out.shape, out.asnumpy().any(), state.cell.shape)
    (5, 1, 2, 4, 4) True (1, 2, 4, 4)
    """

    State = ConvLSTMState
    called = "layer"
    keeps_spikes: ClassVar[bool] = False
    runs = (
        "step by step after a convolution over all time steps: its gates are slices, which cannot step inside a compiled loop"
    )

    def __init__(
        self, in_channels: int, channels: int, kernel_size: Any = 3, *, v_threshold: float = 0.1,
        surrogate_function: Callable[[Any], Any] | None = None, has_bias: bool = True, weight_init: Any = None,
        bias_init: Any = None, dtype: Any = float32, rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        positive("ConvLSTM", in_channels=in_channels, channels=channels)
        self.in_channels, self.channels, rng = int(in_channels), int(channels), to_generator(rng, "ConvLSTM")
        self.v_threshold = number("ConvLSTM", "v_threshold", v_threshold, 0.0, 1.0)
        if surrogate_function is not None:
            check_function(surrogate_function, "ConvLSTM", "surrogate_function to be a Cell or a function")
        self.surrogate_function = atan() if surrogate_function is None else surrogate_function
        shared = {"weight_init": weight_init, "dtype": dtype, "rng": rng}
        self.inputs = nn.Conv2d(in_channels, 4 * self.channels, kernel_size, has_bias=has_bias, bias_init=bias_init, **shared)
        self.back = nn.Conv2d(self.channels, 4 * self.channels, kernel_size, has_bias=False, **shared)

    def _check(self, x: Any) -> None:
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ShapeError(
                repr(self), f"an input [N, {self.in_channels}, H, W] in each step", describe(x),
                "Put the channels after the batch, or change in_channels.",
            )  # fmt: skip

    def _shown(self, x: Any) -> Tensor:
        """Return zeros in the shape of one variable of the state."""
        self._check(x)
        dtype = np.result_type(x.dtype if x.dtype.kind == "f" else float32, self.inputs.weight.dtype)
        return ops.zeros((len(x), self.channels, *x.shape[2:]), dtype)

    def initial_state(self, x: Any) -> ConvLSTMState:
        """Return the initial state for inputs such as ``x``, ``[N, in_channels, H, W]``: zeros."""
        zeros = self._shown(as_tensor(x, "ConvLSTM"))
        return ConvLSTMState(zeros, zeros)

    def check_state(self, x: Any, state: Any) -> Any:
        """Return a state, as Tensors, if it fits an input."""
        return super().check_state(self._shown(x), state)

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: map ``[N, in_channels, H, W]`` and a state to spikes ``[N, channels, H, W]`` and the next state."""
        return self._step(self.inputs(x), state)

    def _step(self, received: Any, state: Any) -> tuple[Any, Any]:
        gates = received + self.back(state.v)
        into, keep, new, show = (gates[:, k * self.channels : (k + 1) * self.channels] for k in range(4))
        cell = ops.sigmoid(keep) * state.cell + ops.sigmoid(into) * ops.tanh(new)
        v = ops.sigmoid(show) * ops.tanh(cell)
        return self.surrogate_function(v - self.v_threshold), ConvLSTMState(v, cell)

    def all_steps(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run all time steps: one convolution of the whole input, then step by step.

        Map ``[T, N, in_channels, H, W]`` and the state before to spikes ``[T, N, channels, H, W]`` and the state after.
        """
        self._check(x[0])
        received = self.inputs(ops.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:])))
        outs = []
        for gates in ops.unstack(ops.reshape(received, (*x.shape[:2], *received.shape[1:]))):
            out, state = self._step(gates, state)
            outs.append(out)
        return ops.stack(outs), state

    def extra_repr(self) -> str:
        """Show the channels, the kernel and the threshold."""
        kernel = tuple(self.inputs.weight.shape[2:])
        return f"{self.in_channels}, {self.channels}, kernel_size={kernel}, v_threshold={self.v_threshold:g}"

    def __repr__(self) -> str:
        return f"ConvLSTM({self.extra_repr()})"
