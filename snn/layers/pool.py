"""Pooling of spikes: each window passes the spikes of its leading input."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor, ops, stop_gradient
from autograd.dtypes import describe
from autograd.errors import ArgumentError, ShapeError
from autograd.ops.adaptive import _bins
from autograd.ops.pool import _max_pool, _picked, _where_largest, _windows
from autograd.ops.shape import _take
from autograd.spatial import LAYOUTS, output_sizes, per_axis
from autograd.windows import Windows

from ..neurons.stateful import Stateful, floats
from .shift import led

__all__ = ["SpikeAdaptiveMaxPool1d", "SpikeAdaptiveMaxPool2d", "SpikeMaxPool1d", "SpikeMaxPool2d"]


class Lead(NamedTuple):
    """State of a spike pooling: the lead of each input."""

    lead: Any


class _SpikePool(Stateful):
    """Base class: passes, for each window of ``axes`` axes, the spikes of the input that leads."""

    State = Lead
    fire = False
    called = "layer"
    keeps_spikes = True
    axes: int

    def __init__(self, by: str) -> None:
        super().__init__()
        if not isinstance(by, str) or by not in ("rate", "first"):
            raise ArgumentError(type(self).__name__, "by='rate' or by='first'", repr(by), "Choose one of the two.")
        self.by = by

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, C, ...]``: no input leads."""
        zeros = self.zeros(x)
        self.check_input(zeros)
        return Lead(zeros)

    def check_input(self, x: Any) -> Any:
        """Return an input of one step as a Tensor."""
        x = super().check_input(x)
        if x.ndim != 2 + self.axes:
            raise ShapeError(repr(self), f"an input {LAYOUTS[self.axes]} in each step", describe(x), "Channels come second.")
        return x

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: map spikes ``[N, C, ...]`` to an element for each window, and return the next state."""
        x = floats(x)
        now, lead = stop_gradient(x), stop_gradient(state.lead)
        more = ops.abs(now) if self.by == "rate" else ops.logical_or(now != 0, lead != 0).astype(x.dtype)
        lead = lead + more
        return self._of_leaders(x, lead), Lead(lead)

    def all_steps(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run all time steps of ``[T, N, C, ...]`` at once, with the same result as step by step."""
        x = floats(x)
        if (found := led(x, state.lead.array, self._ranges(x[0]), self.by == "first")) is not None:
            return found[0], Lead(Tensor.wrap(found[1]))
        now, start = x.array, state.lead.array
        more = np.abs(now) if self.by == "rate" else np.logical_or.accumulate(now != 0) | (start != 0)
        lead = np.cumsum(np.concatenate([start[None], more]), 0, dtype=x.dtype)[1:]
        flat = (-1, *x.shape[2:])
        out = self._of_leaders(x.reshape(flat), Tensor.wrap(lead.reshape(flat)))
        return out.reshape((*x.shape[:2], *out.shape[1:])), Lead(Tensor.wrap(lead[-1].copy()))

    def _of_leaders(self, x: Any, lead: Any) -> Any:
        """Return the input at the leader of each window; in a tie the first one leads, row by row."""
        x, lead, windows = self._windows(x, lead)
        chosen = _where_largest(lead, _max_pool(lead, windows=windows), windows=windows)
        return _picked(x, chosen, windows=windows)

    def _windows(self, x: Any, lead: Any) -> tuple[Any, Any, Windows]:
        raise NotImplementedError  # each subclass has its own

    def _ranges(self, x: Any) -> tuple[tuple[range, ...], ...]:
        """Return, for each axis of the images of one step, the positions of each window; some may lie outside."""
        raise NotImplementedError  # each subclass has its own

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


class _InWindows(_SpikePool):
    def __init__(self, kernel_size: Any, stride: Any = None, *, padding: Any = 0, by: str = "rate") -> None:
        super().__init__(by)
        where = type(self).__name__
        self.kernel_size = per_axis(where, "kernel_size", kernel_size, self.axes)
        self.stride = self.kernel_size if stride is None else per_axis(where, "stride", stride, self.axes)
        self.padding = per_axis(where, "padding", padding, self.axes, 0)

    def _windows(self, x: Any, lead: Any) -> tuple[Any, Any, Windows]:
        where = type(self).__name__
        return x, lead, _windows(where, x, self.axes, self.kernel_size, self.stride, "pad", self.padding, False)[0]

    def _ranges(self, x: Any) -> tuple[tuple[range, ...], ...]:
        *_, windows = self._windows(x, x)
        axes = zip(windows.counts(x.shape[2:]), windows.stride, windows.kernel, windows.pads, strict=True)
        return tuple(
            tuple(range(k * step - before, k * step - before + n) for k in range(count))
            for count, step, n, (before, _) in axes
        )

    def extra_repr(self) -> str:
        """Show the windows and the criterion."""
        padding = f", padding={self.padding}" if any(self.padding) else ""
        return f"{self.kernel_size}, {self.stride}{padding}, by={self.by!r}"


class SpikeMaxPool1d(_InWindows):
    """Passes, for each window of ``[N, C, L]``, the spikes of the leading input; see :class:`SpikeMaxPool2d`."""

    axes = 1


class SpikeMaxPool2d(_InWindows):
    """Passes, for each window of an image, the spikes of the leading input: max pooling for spikes over time.

    ``nn.MaxPool2d`` passes a spike if any input of the window has one, so a window can fire more than any of its inputs. Here
    one input is chosen in each step, and only its spikes pass:

    - ``by="rate"``: the input with the most spikes so far (Rueckauer et al., "Conversion of Continuous-Valued Deep Networks to
      Efficient Event-Driven Networks for Image Classification", Frontiers in Neuroscience, 2017);
    - ``by="first"``: the input that fired first (Kheradpisheh et al., "STDP-based spiking deep convolutional neural networks
      for object recognition", Neural Networks, 2018).

    In a tie the first input wins, row by row. The spikes of the current step count too. The gradient goes to the chosen input;
    the choice has none. The state, ``lead``, is the sum of the spikes of each input, or the steps since its first spike.

    Parameters
    ----------
    kernel_size : int or (int, int)
        Rows and columns of a window.
    stride : int or (int, int), optional
        Step from window to window; by default the kernel size: windows do not overlap.
    padding : int or (int, int)
        Rows and columns added on each side, which never lead; at most half the kernel size.
    by : {"rate", "first"}
        Criterion for the leading input.

    Raises
    ------
    ArgumentError
        If an argument is invalid.
    ShapeError
        When called, if the input has other axes, or a window does not fit in it.
    StateError
        When called, if the state does not belong to this input.

    Examples
    --------
    >>> import numpy as np, snn
    >>> spikes = np.array([[0, 1], [1, 0], [1, 0], [1, 1]], np.float32).reshape(4, 1, 1, 1, 2)
    >>> for by in ("rate", "first"):
    ...     print(snn.run(snn.SpikeMaxPool2d((1, 2), by=by), spikes).out.asnumpy().ravel())
    [1. 1. 1. 1.]
    [1. 0. 0. 1.]
    """

    axes = 2


class _Adaptive(_SpikePool):
    def __init__(self, output_size: Any, *, by: str = "rate") -> None:
        super().__init__(by)
        self.output_size, self._sizes = output_size, output_sizes(type(self).__name__, output_size, self.axes)

    def _ranges(self, x: Any) -> tuple[tuple[range, ...], ...]:
        sizes = zip(x.shape[2:], self._sizes, strict=True)
        bins = [_bins(n, n if wanted is None else wanted) for n, wanted in sizes]
        return tuple(tuple(map(range, map(int, starts), map(int, ends))) for starts, ends in bins)

    def _windows(self, x: Any, lead: Any) -> tuple[Any, Any, Windows]:
        kernel = []
        for axis, wanted in enumerate(self._sizes, 2):
            starts, ends = _bins(x.shape[axis], x.shape[axis] if wanted is None else wanted)
            longest = int((ends - starts).max())
            places = np.minimum(starts[:, None] + np.arange(longest), ends[:, None] - 1)  # fills up with the last position
            x, lead = (_take(value, places.reshape(-1), axis=axis) for value in (x, lead))
            kernel.append(longest)
        return x, lead, Windows(tuple(kernel), tuple(kernel), (1,) * self.axes, ((0, 0),) * self.axes)

    def extra_repr(self) -> str:
        """Show the size of the output and the criterion."""
        return f"{self.output_size}, by={self.by!r}"


class SpikeAdaptiveMaxPool1d(_Adaptive):
    """Passes, for each of ``output_size`` bins of ``[N, C, L]``, the leading spikes; see :class:`SpikeAdaptiveMaxPool2d`."""

    axes = 1


class SpikeAdaptiveMaxPool2d(_Adaptive):
    """Passes, for each bin of an image, the spikes of the leading input, with a given number of bins.

    Parameters
    ----------
    output_size : int or (int, int)
        Rows and columns of the output; None keeps those of the input.
    by : {"rate", "first"}
        Criterion for the leading input, as for :class:`SpikeMaxPool2d`.

    Raises
    ------
    ArgumentError
        If an argument is invalid.
    ShapeError
        When called, if the input has other axes.
    StateError
        When called, if the state does not belong to this input.
    """

    axes = 2
