"""Dropout with one mask for all time steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor, ops
from autograd.intake import to_generator
from autograd.nn.options import probability
from autograd.state import state as thread

from ..neurons.stateful import Stateful, floats
from ..spikes import Spikes
from .shift import times

__all__ = ["Dropout"]


class Kept(NamedTuple):
    """State of a dropout: the factor of each element, 0 or ``1 / (1 - p)``; 1 outside training mode."""

    keep: Any


class Dropout(Stateful):
    """Drops elements at random in training mode, after ``set_train()``: the same ones at all time steps of a run.

    The others are scaled by ``1 / (1 - p)``. A neuron that is dropped is silent for the whole run, whereas ``nn.Dropout``
    drops single spikes, which a membrane averages out (Lee et al., "Enabling Spike-Based Backpropagation for Training Deep
    Neural Network Architectures", Frontiers in Neuroscience, 2020). The mask is drawn when a run starts fresh. It is the
    state, so a run in parts keeps it, and can be recorded as ``keep``. The same generator gives the same masks in every mode.

    Spikes stay spikes. Outside training mode it returns its input, whatever its state. A state from such a run drops nothing
    in training either, since its mask holds ones: start training runs fresh.

    Parameters
    ----------
    p : float
        Probability of a zero, in [0, 1).
    rng : numpy.random.Generator or int, optional
        Source of the random numbers. None draws from the system's entropy.

    Raises
    ------
    ArgumentError
        If ``p`` is not in [0, 1); checked again when a run starts.
    StateError
        When called, if the state does not belong to this input.

    Examples
    --------
    >>> import numpy as np, snn
    >>> layer = snn.Dropout(0.5, rng=2).set_train()
    >>> print(snn.run(layer, np.ones((3, 1, 6))).out.asnumpy()[:, 0])
    [[2. 0. 0. 0. 0. 2.]
     [2. 0. 0. 0. 0. 2.]
     [2. 0. 0. 0. 0. 2.]]
    """

    State = Kept
    fire = False
    called = "layer"
    keeps_spikes = elementwise = True
    checkpointed = ("p",)

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | int | None = None) -> None:
        super().__init__()
        self.p, self.rng = probability("Dropout", p), to_generator(rng, "Dropout")

    @property
    def _drops(self) -> bool:
        return self.training and self.p > 0

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: a random mask in training mode, else ones."""
        p, ones = probability("Dropout", self.p), self.zeros(x) + 1.0
        if not self._drops:
            return Kept(ones)
        dropped = self.rng.random(ones.shape, np.float32) < p
        return Kept(ops.where(dropped, 0.0, ones * (1 / (1 - p))))

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: return ``[N, ...]`` times the mask in the state, and the same state."""
        x = floats(x)
        return x * state.keep if self._drops else x, state

    def all_steps(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run all time steps of ``[T, N, ...]`` at once, with the same result as step by step."""
        x = floats(x)
        if not self._drops:
            return x, state
        keep = state.keep.array
        scale = keep.max(initial=0)
        alike = bool(((keep == 0) | (keep == scale)).all()) and 0 < scale < np.inf
        if state.keep.node is None and alike and isinstance(x, Spikes) and not x.is_shared:
            out = Spikes(x.flags * (keep != 0).astype(x.flags.dtype), x.amplitude * x.dtype.type(scale), x.backend)
            if thread.recording:
                out.node = times._node((x,), {"keep": keep}, out)
            return out, state
        return x * state.keep, state

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p!r}"

    def __repr__(self) -> str:
        return f"Dropout({self.extra_repr()})"
