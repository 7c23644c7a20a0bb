"""The base of layers of weights with a delay for each connection."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import Tensor, ops
from autograd.dtypes import Array, describe, float32, float64
from autograd.errors import ShapeError
from autograd.nn import init
from autograd.nn.options import flag, float_dtype, parameter, positive
from autograd.nn.weighted import Weighted

from ..neurons.stateful import floats
from ..spikes import Spikes, as_spikes
from .delay import Remembering
from .shift import shifted
from .taps import delayed, of_spikes, picked, taps

__all__: list[str] = []  # nothing public

Part = tuple[Any, Array | None]


class DelayedWeights(Remembering, Weighted):
    """Base class of layers of weights whose inputs arrive at several delays, of at most ``steps`` steps."""

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
        self.in_channels, self.out_channels = int(in_channels), int(out_channels)
        self.has_bias = flag(name, "has_bias", has_bias)
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

    def parts(self) -> list[Part]:
        """Return pairs of weights and whole delays; the output is the sum over the pairs.

        Both are ``[out_channels, in_channels]``; or the weights are ``[steps + 1, out_channels, in_channels]``, for all
        delays, and the delays None.
        """
        raise NotImplementedError  # each subclass has its own

    def one_step(self, known: tuple[Any, ...]) -> Any:
        """Return the sums of one step, ``[N, ..., out_channels]``, from its input and the earlier ones, the newest first."""
        return _sum([_at_all(known, w) if delay is None else picked(known, w, delay) for w, delay in self.parts()])

    def connected(self) -> Array:
        """Return where the layer has a weight, ``[steps + 1, out_channels, in_channels]`` bools."""
        raise NotImplementedError  # each subclass has its own

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: map ``[N, ..., in_channels]`` and the last inputs, the newest first, to ``[N, ..., out_channels]``."""
        x = floats(x)
        known = (x, *state)
        out = self.one_step(known)
        return out if self.bias is None else out + self.bias, known[: self.steps]

    def all_steps(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run all time steps at once, with the same result as step by step, up to rounding.

        Map ``[T, N, ..., in_channels]`` and the state before to ``[T, N, ..., out_channels]`` and the state after.
        """
        x = floats(x)
        dtype = np.result_type(x.dtype, self.weight.dtype)
        parts = [(w if w.dtype == dtype else w.astype(dtype), delay) for w, delay in self.parts()]
        spikes, _ = self.way(x, parts)
        out = self._of_all(x, state, parts) if spikes is None else self._of_spikes(spikes, state, parts)
        near = min(len(x), self.steps)
        last = shifted(x, np.asarray(0), len(x) - near, len(x))
        after = (*(last[near - 1 - k] for k in range(near)), *state[: self.steps - near])
        return out if self.bias is None else out + self.bias, after

    def _of_all(self, x: Tensor, state: Any, parts: list[Part]) -> Tensor:
        """Return the sums of all time steps, ``[T, N, ..., out_channels]``, with one multiplication per weight per step."""
        known = ops.concat([ops.stack(state[::-1]), x]) if state else x
        dtype = parts[0][0].dtype
        given = known if known.dtype == dtype else known.astype(dtype)
        given = given.reshape((len(known), math.prod(x.shape[1:-1]), self.in_channels))
        name = type(self).__name__
        found = [taps(given, w) if delay is None else delayed(given, w, delay, self.steps, name) for w, delay in parts]
        out: Tensor = _sum(found).reshape((len(x), *x.shape[1:-1], self.out_channels))
        return out

    def _of_spikes(self, spikes: Spikes, state: Any, parts: list[Part]) -> Tensor:
        """Return the same sums spike by spike, plus those of the earlier inputs in the state."""
        found = [of_spikes(spikes, w, delay, self.steps) for w, delay in parts if delay is not None]
        out: Tensor = _sum(found).reshape((*spikes.shape[:-1], self.out_channels))
        if all(value.node is None and not value.array.any() for value in state):
            return out
        near = min(len(spikes), self.steps)
        head = out[:near] + self._of_all(ops.zeros((near, *spikes.shape[1:]), spikes.dtype), state, parts)
        return ops.concat([head, out[near:]]) if near < len(spikes) else head

    def way(self, x: Tensor, parts: list[Part] | None = None) -> tuple[Spikes | None, str]:
        """Choose how to multiply a sequence ``[T, N, ..., in_channels]`` by :meth:`parts`.

        Return it as spikes, if work for these only is faster, or None for a product with the whole input; and the reason, as
        :func:`snn.explain` prints it.
        """
        from ..engine import tuning
        from ..engine.backends import back_end
        from ..engine.events import Packed

        limits, parts = tuning.now(), self.parts() if parts is None else parts
        if any(delay is None for _, delay in parts):
            return None, "dense: share='gauss' has a product for each delay"
        if x.size * self.out_channels < limits.little_work:
            return None, "dense: the product is small"
        spikes = None if x.dtype not in (float32, float64) else as_spikes(x, back_end())
        if spikes is None:
            return None, "dense: the input is not spikes"
        if not all(Packed.finite(weight.array) for weight, _ in parts):
            return None, "dense: some weights are infinite or NaN"
        share = f"{100 * spikes.events.density:.2g} % of the input are spikes"
        if spikes.events.density > limits.delayed_density:
            return None, f"dense: {share}, more than {100 * limits.delayed_density:g} %"
        return spikes, f"events: {share}"

    def _named(self) -> str:
        return f"{self.in_channels}, {self.out_channels}"

    def _transform(self) -> str:
        return "" if self.weight_transform is None else f", weight_transform={self.weight_transform!r}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


def _at_all(known: tuple[Any, ...], kernel: Any) -> Any:
    """Return the sums of one step for weights at all delays."""
    rows = ops.transpose(kernel, (1, 0, 2)).reshape((kernel.shape[1], -1))
    return ops.matmul(ops.concat(known, -1), ops.transpose(rows))


def _sum(terms: list[Any]) -> Any:
    return terms[0] if len(terms) == 1 else terms[0] + terms[1]
