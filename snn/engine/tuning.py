"""Sizes and densities at which one way becomes faster than another, in one object."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace

__all__ = ["Tuning", "now", "using"]


@dataclass(frozen=True)
class Tuning:
    """Thresholds that choose the fastest way. All ways give the same values to rounding; a benchmark shows each threshold.

    Attributes
    ----------
    dense_density : float
        Share of spikes in an input above which a product with all of it is faster than sums over its events
        (``benchmarks layer``).
    convolved_density : float
        Share of spikes in an image above which a convolution of all of it is faster than one spike by spike
        (``benchmarks conv``).
    delayed_density : float
        Share of spikes in an input above which delayed weights are multiplied at every step, not spike by spike
        (``benchmarks delays``).
    scattered_density : float
        Share of nonzero elements in the gradient of a convolution's currents above which products compute the input gradient
        (``benchmarks conv``).
    scattered_cost : float
        The time for an element of that gradient, over the time for an input where it is sampled (``benchmarks conv``).
    convolved_elements : int
        Elements of a convolution's currents computed at once (``benchmarks conv``).
    sampled_density : float
        Share of needed elements above which the whole gradient is computed (``benchmarks layer``, compact surrogates).
    sampled_convolved : float
        The same for the input of a convolution (``benchmarks conv``).
    sampled_in_group : float
        The same for gradients between populations that step together (``benchmarks graph``).
    sampled_kernels : float
        The same where they step together through a convolution without strides (``benchmarks graph``).
    few_outputs : int
        Outputs up to which the input gradient stays a product, which the earlier loop computes (``benchmarks digits``).
    little_work : int
        Multiplications of a layer per run below which finding events costs more than it saves (``benchmarks digits``).
    kept_spikes : int
        Elements below which spikes that were converted to numbers stay numbers (``benchmarks digits``).
    sampled_values : int
        Values of an input that are checked for spikes before all of them are (``benchmarks layer``).
    cache : int
        Bytes of a core's second-level cache that a loop may fill (``benchmarks layer``, 2048 neurons).
    block : int
        Elements of a step that a loop processes at once, so that its carried values stay in the first-level cache
        (``benchmarks layer``).
    elements : int
        The same over all samples whose adjacent rows a loop reads together, so that they stay in the second-level cache
        (``benchmarks graph``).
    narrow : int
        Columns below which the samples of a layer without weights form one row (``benchmarks layer``).
    dense_rows, most_dense_rows : int
        Limits of the number of rows (samples times steps) whose gradients one product sums; between them it is the number of
        outputs (``benchmarks train``).
    event_rows : int
        The same for sums over events (``benchmarks layer``).
    shared_elements : int
        Elements of a forward loop below which handing it out to threads costs more than it saves; an element of a backward
        loop counts twice (``benchmarks digits``).
    pooled_elements : int
        Elements from which compiled loops pool images (``benchmarks conv``).
    pooled_positions : int
        Elements of a window up to which they do (``benchmarks conv``).
    product_part, product_parts : int
        Multiplications from which a product is divided, and the maximum number of parts (``benchmarks layer``, dense input).
    own_product, own_side : int
        Multiplications, and rows and columns, from which our product may replace the BLAS's (``benchmarks product``).
    own_depth, own_columns : int
        With AVX2, or AVX-512 in halves, summands from which, and columns up to which, a product of spikes is ours
        (``benchmarks product``).
    product_bytes : int
        Bytes of a second operand that our product packs at once (``benchmarks product``).
    step, neuron, weight : float
        Seconds per time step of an eager training step for each Cell, and for each element and each weight of a sample
        (``benchmarks auto``).
    compiling : float
        Seconds to compile a net, forward and backward, if its loops are not in the cache directory (``benchmarks auto``).
    replayed : int
        Elements of a stage per run up to which a run that differs from an earlier one in values only repeats its decisions;
        0 for never (``benchmarks digits``).
    repeats : int
        Runs in which compilation must pay off.
    """

    dense_density: float = 0.25
    convolved_density: float = 0.25
    delayed_density: float = 0.125
    scattered_density: float = 0.35
    scattered_cost: float = 1.6
    convolved_elements: int = 1 << 20
    sampled_density: float = 0.25
    sampled_convolved: float = 0.5
    sampled_in_group: float = 0.45
    sampled_kernels: float = 0.08
    few_outputs: int = 32
    little_work: int = 1 << 21
    kept_spikes: int = 1 << 18
    sampled_values: int = 1 << 10
    cache: int = 1 << 19
    block: int = 512
    elements: int = 8192
    narrow: int = 128
    dense_rows: int = 2048
    most_dense_rows: int = 4096
    event_rows: int = 2048
    shared_elements: int = 1 << 18
    pooled_elements: int = 1 << 16
    pooled_positions: int = 9
    product_part: int = 1 << 24
    product_parts: int = 4
    own_product: int = 1 << 25
    own_side: int = 64
    own_depth: int = 256
    own_columns: int = 512
    product_bytes: int = 1 << 22
    step: float = 1e-4
    neuron: float = 2e-8
    weight: float = 1e-10
    compiling: float = 2.0
    replayed: int = 1 << 20
    repeats: int = 400

    @property
    def worthwhile(self) -> float:
        """Seconds of eager work from which a run is compiled."""
        return self.compiling / self.repeats


_now: ContextVar[Tuning] = ContextVar("tuning")
_DEFAULT = Tuning()


def now() -> Tuning:
    """Return the values in use."""
    return _now.get(_DEFAULT)


@contextlib.contextmanager
def using(**fields: float) -> Iterator[Tuning]:
    """Use other values inside a ``with``, in this thread; forward and backward pass each look them up when they run."""
    token = _now.set(replace(now(), **fields))  # type: ignore[arg-type]
    try:
        yield now()
    finally:
        _now.reset(token)
