"""Delays of whole time steps."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from autograd import Tensor, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError, ShapeError, StateError
from autograd.intake import to_numbers

from ..neurons.stateful import Stateful, floats
from .shift import shifted

__all__ = ["Delay"]

Array = np.ndarray[Any, np.dtype[np.int64]]
_FIX = "Delays are in time steps: 0 means no delay."
_MOST = 2**31 - 1  # far more steps than a state can hold


class Remembering(Stateful):
    """Base class of layers whose state is a tuple of the last ``steps`` inputs, the newest first."""

    steps: int
    remembers: ClassVar[tuple[str, str]] = "the last inputs", "steps ago"
    """Name of the state, and of the age of an item, in errors."""

    def _check(self, x: Any) -> None:
        raise NotImplementedError  # each subclass checks its own inputs

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: no earlier inputs."""
        zeros = self.zeros(x)
        self._check(zeros)
        return (zeros,) * self.steps

    def check_state(self, x: Any, state: Any) -> Any:
        """Return a state, as Tensors, if it fits an input."""
        self._check(x)
        if not isinstance(state, tuple) or len(state) != self.steps:
            got = f"a tuple of {len(state)}" if isinstance(state, tuple) else describe(state)
            raise StateError(
                f"{type(self).__name__}, state", f"a tuple of {self.steps} Tensors, {self.remembers[0]}", got,
                "Start with layer.initial_state(x).",
            )  # fmt: skip
        return tuple(self.check_variable(x, value, f"of {k + 1} {self.remembers[1]}") for k, value in enumerate(state))


class WholeDelays(Remembering):
    """Base class of layers with delays of whole steps; assigning new delays also updates the longest one."""

    steps: int
    checkpointed = ("delay",)
    _delay: Array

    @property
    def delay(self) -> Array:
        """The delays, a read-only array; to change them, assign a new array, which is checked."""
        seen = self._delay.view()
        seen.flags.writeable = False
        return seen

    @delay.setter
    def delay(self, value: Any) -> None:
        delay = self.placed(whole_steps(type(self).__name__, "delay", value))
        self._delay, self.steps = delay, int(delay.max(initial=0))

    def placed(self, delay: Array) -> Array:
        """Return delays in the shape in which they are kept."""
        return delay


class Delay(WholeDelays):
    """Delays its input by whole time steps, each feature by its own delay: ``out[t] = x[t - delay]``.

    The output is 0 until the first delayed input arrives. Spikes stay spikes, so the next layer sums their events. The
    compiled mode shifts a whole sequence at once.

    The state is a tuple with one Tensor ``[N, ...]`` for each step of the longest delay: the output of the next step, of the
    step after it, and so on, as far as it is known.

    Parameters
    ----------
    delay : int or array of int
        Delay in steps, at least 0: one for all features, or an array that broadcasts to them, such as ``[features]``, or
        ``[C, 1, 1]`` for the channels of images.

    Attributes
    ----------
    delay : array of int
        The delays. Read-only; to change them, assign a new array.
    steps : int
        The longest delay.

    Raises
    ------
    ArgumentError
        If a delay is not a whole number of at least 0, or is too long.
    ShapeError
        When called, if the delays do not fit the features.
    StateError
        When called, if the state does not belong to this layer and input.

    Examples
    --------
    >>> import numpy as np, snn
    >>> layer = snn.Delay([0, 2])
    >>> out, state, _ = snn.run(layer, np.arange(1.0, 9.0).reshape(4, 1, 2))
    >>> print(out.asnumpy()[:, 0].T)
    [[1. 3. 5. 7.]
     [0. 0. 2. 4.]]
    >>> print(state[0].asnumpy(), state[1].asnumpy())
    [[0. 6.]] [[0. 8.]]
    """

    fire = False
    called = "layer"
    keeps_spikes = elementwise = True
    remembers = "one for each step of the longest delay", "steps"

    def __init__(self, delay: Any) -> None:
        super().__init__()
        self.delay = delay

    @property
    def features(self) -> tuple[int, ...] | None:
        """The shape of a sample's input, if the delays determine it."""
        return None if 1 in self.delay.shape or not self.delay.ndim else self.delay.shape

    def _check(self, x: Any) -> None:
        features = x.shape[1:]
        try:
            fits = np.broadcast_shapes(self.delay.shape, features) == features
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(
                "Delay", f"an input [N, ...] whose features the delays {list(self.delay.shape)} broadcast to", describe(x),
                "Pass one delay, or one per feature; for channels add axes of length 1 at the end: [:, None, None].",
            )  # fmt: skip

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: return the input ``delay`` steps ago, ``[N, ...]``, and the next state."""
        x = floats(x)
        if not self.steps:
            return x, ()
        coming = [*state, ops.zeros_like(state[-1])]  # the known part of the outputs of this step and the next ones
        found = [self._where(k, x, known) for k, known in enumerate(coming)]
        return found[0], tuple(found[1:])

    def _where(self, steps: int, x: Any, known: Any) -> Any:
        now = self.delay == steps
        return x if now.all() else ops.where(now, x, known) if now.any() else known

    def all_steps(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run all time steps of ``[T, N, ...]`` at once, with the same result as step by step."""
        x, steps = floats(x), len(x)
        out = shifted(x, self.delay, 0, steps)
        coming = shifted(x, self.delay, steps, steps + self.steps)
        after = [coming[k] for k in range(self.steps)]
        if all(value.node is None and not value.array.any() for value in state):
            return out, tuple(after)
        head = [ops.where(t < self.delay, known, out[t]) for t, known in enumerate(state[:steps])]
        out = ops.concat([ops.stack(head), out[len(head) :]]) if len(head) < steps else ops.stack(head)
        for k, known in enumerate(state[steps:]):
            after[k] = ops.where((steps + k >= self.delay) & (k < self.delay), after[k], known)
        return out, tuple(after)

    def extra_repr(self) -> str:
        """Show the delays."""
        return f"{self.delay}" if self.delay.size == 1 else f"{self.delay.size} of {self.delay.min()} to {self.steps} steps"

    def __repr__(self) -> str:
        return f"Delay({self.extra_repr()})"


def whole_steps(where: str, name: str, value: Any) -> Array:
    """Return numbers of time steps, which are whole and at least 0, as an array."""
    numbers = to_numbers(value, f"{where}, {name}")
    if numbers.dtype.kind not in "iu" or not numbers.size:
        raise ArgumentError(where, f"{name} in whole steps, an int or an array of them", describe(value), _FIX)
    if numbers.min() < 0:
        raise ArgumentError(where, f"{name} of at least 0 steps", f"{numbers.min()}", _FIX)
    if numbers.max() > _MOST:
        raise ArgumentError(where, f"{name} of at most {_MOST} steps", f"{numbers.max()}", _FIX)
    return numbers.astype(np.int64)
