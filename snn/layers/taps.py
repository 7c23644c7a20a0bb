"""Products of a sequence with weights at several delays, as operations with derivatives of any order."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Tensor, as_tensor, ops
from autograd.dtypes import Array, describe, float32, float64
from autograd.errors import CompileError
from autograd.primitive import primitive
from autograd.state import state

from ..spikes import Spikes

__all__: list[str] = []  # nothing public

# A product is linear in the sequence and in the weights. Its two derivatives are products too, and their derivatives are
# these three products again. ``x`` is [D + T, M, n_in] and begins with the inputs before the first step; ``g`` and the output
# are [T, M, n_out].


def _steps(x: Any, longest: int) -> int:
    return int(x.shape[0]) - longest


# One delay for each weight [n_out, n_in]


@primitive(
    lambda g, weight, delay, longest: _by_input(g, weight, delay=delay, longest=longest),
    lambda g, x, delay, longest: _by_weight(g, x, delay=delay, longest=longest),
    expects="a sequence [D + T, M, n_in] and weights [n_out, n_in]",
)
def _delayed(x, weight, /, delay, longest):
    from ..engine.lagged import lagged_sums

    return lagged_sums(x, weight, longest - delay, _steps(x, longest))


@primitive(
    lambda u, weight, delay, longest: _delayed(u, weight, delay=delay, longest=longest),
    lambda u, g, delay, longest: _by_weight(g, u, delay=delay, longest=longest),
    expects="a gradient [T, M, n_out] and weights [n_out, n_in]",
)
def _by_input(g, weight, /, delay, longest):
    from ..engine.lagged import lagged_sums

    around = np.zeros((len(g) + 2 * longest, *g.shape[1:]), g.dtype)
    around[longest : longest + len(g)] = g
    return lagged_sums(around, weight.T, delay.T, len(g) + longest)


@primitive(
    lambda u, x, delay, longest: _delayed(x, u, delay=delay, longest=longest),
    lambda u, g, delay, longest: _by_input(g, u, delay=delay, longest=longest),
    expects="a gradient [T, M, n_out] and a sequence [D + T, M, n_in]",
)
def _by_weight(g, x, /, delay, longest):
    from ..engine.lagged import lagged_dots

    return lagged_dots(g, x, longest - delay)


# The same for spikes [T, ..., n_in] without earlier inputs. Spikes are not unpacked: an operation gets them as an attribute,
# and their place in the graph as an input.


@primitive(
    lambda g, weight, shape, delay, longest: _by_spikes(g, weight, shape, delay, longest),
    lambda g, spikes, delay, longest: _by_weight_of(g, spikes, delay, longest),
    expects="spikes [T, ..., n_in] and weights [n_out, n_in]",
)
def _of_spikes(x, weight, /, spikes, delay, longest):
    from ..engine.lagged import later_sums

    return later_sums(spikes.events, spikes.amplitudes(), weight, delay, len(x))


@primitive(
    lambda u, spikes, delay, longest: of_spikes(spikes, u, delay, longest),
    lambda u, g, shape, delay, longest: _by_spikes(g, u, shape, delay, longest),
    expects="a gradient [T, M, n_out] and spikes [T, ..., n_in]",
)
def _by_weight_at_spikes(g, x, /, spikes, delay, longest):
    from ..engine.lagged import later_dots

    return later_dots(g, spikes.events, spikes.amplitudes(), delay)


def _by_spikes(g: Tensor, weight: Tensor, shape: tuple[int, ...], delay: Array, longest: int) -> Tensor:
    return ops.reshape(_by_input(g, weight, delay=delay, longest=longest)[longest:], shape)


def _by_weight_of(g: Tensor, spikes: Spikes, delay: Array, longest: int) -> Tensor:
    from ..engine.events import all_finite

    if not all_finite(np.ascontiguousarray(g.array), spikes.backend):  # a silent input times infinity is NaN
        x = ops.reshape(spikes.astype(g.dtype), (*g.shape[:2], -1))
        known = ops.concat([ops.zeros((longest, *x.shape[1:]), g.dtype), x])
        return _by_weight(g, known, delay=delay, longest=longest)
    return _noted(_by_weight_at_spikes, (g, spikes), {"spikes": spikes, "delay": delay, "longest": longest})


def _noted(op: Any, inputs: tuple[Tensor, Tensor], attrs: dict[str, Any]) -> Tensor:
    """Return the result of an operation on spikes and another Tensor, recorded in the graph."""
    out = Tensor.wrap(op.forward(*(x if isinstance(x, Spikes) else x.array for x in inputs), **attrs))
    if state.recording:
        out.node = op._node(inputs, attrs, out)
    return out


def of_spikes(spikes: Spikes, weight: Any, delay: Array, longest: int) -> Tensor:
    """Return the sums of the weights of delayed spikes, ``[T, M, n_out]``, with work for the spikes only.

    The spikes are ``[T, ..., n_in]``, with ``M`` rows in each step and no earlier inputs; the weights are all finite. Weights
    and delays, at most ``longest``, are ``[n_out, n_in]``.
    """
    return _noted(_of_spikes, (spikes, as_tensor(weight)), {"spikes": spikes, "delay": delay, "longest": longest})


# A weight for each delay and connection, [D + 1, n_out, n_in]


@primitive(
    lambda g, kernel: _taps_by_input(g, kernel),
    lambda g, x, kernel: _taps_by_kernel(g, x, longest=len(kernel) - 1),
    expects="a sequence [D + T, M, n_in] and weights [D + 1, n_out, n_in]",
)
def _taps(x, kernel, /):
    from ..engine.lagged import tap_sums

    return tap_sums(x, kernel)


@primitive(
    lambda u, kernel: _taps(u, kernel),
    lambda u, g, kernel: _taps_by_kernel(g, u, longest=len(kernel) - 1),
    expects="a gradient [T, M, n_out] and weights [D + 1, n_out, n_in]",
)
def _taps_by_input(g, kernel, /):
    from ..engine.lagged import tap_sums_back

    return tap_sums_back(g, kernel)


@primitive(
    lambda u, x: _taps(x, u),
    lambda u, g: _taps_by_input(g, u),
    expects="a gradient [T, M, n_out] and a sequence [D + T, M, n_in]",
)
def _taps_by_kernel(g, x, /, longest):
    from ..engine.lagged import tap_dots

    return tap_dots(g, x, longest)


def delayed(x: Tensor, weight: Tensor, delay: Array, longest: int, where: str) -> Tensor:
    """Return the sums of delayed inputs times their weights, ``[T, M, n_out]``.

    ``x`` is ``[longest + T, M, n_in]``, beginning with the inputs before the first step. Weights and delays, at most
    ``longest``, are ``[n_out, n_in]``. Only float32 and float64 have such a loop.
    """
    if x.dtype not in (float32, float64):
        raise CompileError(where, "float32 or float64", describe(x), "Convert it, or run with mode='eager'.")
    return _delayed(x, weight, delay=delay, longest=longest)


def taps(x: Tensor, kernel: Tensor) -> Tensor:
    """Return the sums over inputs and delays, ``[T, M, n_out]``, with a weight for each, ``[D + 1, n_out, n_in]``."""
    return _taps(x, kernel)


def picked(known: tuple[Any, ...], weight: Any, delay: Array) -> Any:
    """Return the sums of delayed inputs times their weights for one step, ``[N, ..., n_out]``.

    ``known`` has the inputs of this step and those before it, ``[N, ..., n_in]``, the newest first; weights and delays are
    ``[n_out, n_in]``.
    """
    n = known[0].ndim
    given = ops.transpose(ops.stack(known), (0, n, *range(1, n)))
    found = given[delay, np.arange(delay.shape[1])]  # no other input: 0 times infinity is NaN
    out = (ops.reshape(weight, (*weight.shape, *[1] * (n - 1))) * found).sum(1)
    return ops.transpose(out, (*range(1, n), 0))
