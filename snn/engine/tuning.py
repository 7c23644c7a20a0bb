"""Sizes and densities at which one way becomes faster than another, in one object."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace

__all__ = ["Tuning", "now", "using"]


@dataclass(frozen=True)
class Tuning:
    """Thresholds that choose the fastest way, each with its reason and the benchmark that shows it.

    All ways give the same values to rounding.
    """

    # Currents: products with a whole input, or sums over its spikes

    dense_density: float = 0.25
    """Share of spikes in an input above which a product with all of it is faster (``benchmarks layer``)."""
    convolved_density: float = 0.25
    """The same for a convolution (``benchmarks conv``)."""
    delayed_density: float = 0.125
    """The same for delayed weights, which are multiplied at every step (``benchmarks delays``)."""
    little_work: int = 1 << 21
    """Multiplications of a layer per run below which finding events costs more than it saves (``benchmarks digits``)."""
    sampled_values: int = 1 << 10
    """Values of an input that are checked for spikes before all of them are (``benchmarks layer``)."""
    few_events: int = 8
    """Events of a row below which its fixed costs matter more than the cache (``benchmarks scaling``)."""
    kept_spikes: int = 1 << 18
    """Elements below which spikes that were converted to numbers stay numbers (``benchmarks digits``)."""
    converted_elements: int = 1 << 14
    """Elements from which a loop converts spikes to numbers: it writes no intermediate array (``benchmarks conv``)."""

    # Input gradients: everywhere, or where they are needed

    few_outputs: int = 32
    """Outputs up to which the input gradient stays a product, which the earlier loop computes (``benchmarks digits``)."""
    sampled_density: float = 0.25
    """Share of needed elements above which the whole gradient is computed (``benchmarks layer``, compact surrogates)."""
    sampled_convolved: float = 0.5
    """The same for the input of a convolution (``benchmarks conv``)."""
    sampled_in_group: float = 0.45
    """The same for gradients between populations that step together (``benchmarks graph``)."""
    sampled_kernels: float = 0.08
    """The same where they step together through a convolution without strides (``benchmarks graph``)."""
    scattered_density: float = 0.35
    """Share of nonzero elements in the gradient of a convolution's currents above which products compute the input gradient
    (``benchmarks conv``)."""
    scattered_cost: float = 1.6
    """The time for an element of that gradient, over the time for an input where it is sampled (``benchmarks conv``)."""

    # Weight gradients: the rows (samples times steps) that are summed at once

    dense_rows: int = 2048
    """Least number of rows whose gradients one product sums; above it, the number of outputs (``benchmarks train``)."""
    most_dense_rows: int = 4096
    """Maximum number of these rows (``benchmarks train``)."""
    event_rows: int = 2048
    """Least number of rows for sums over events (``benchmarks layer``)."""
    shared_events: int = 80
    """Events of an input and these rows that share the cost of a weight's gradient (``benchmarks scaling``)."""
    gathered_elements: int = 1 << 14
    """Elements of a convolution's gradient that all channels sum while they are in the second-level cache
    (``benchmarks conv``)."""
    gathered_channels: int = 8
    """Channels from which one job sums a whole kernel; below it, there would be too few jobs (``benchmarks conv``)."""
    delayed_sets: int = 4
    """Sets of samples with separate sums for delayed weights: with fewer there would be too few jobs. The bits depend on it
    (``benchmarks delays``)."""

    # Blocks that stay in a cache, and jobs

    cache: int = 1 << 19
    """Bytes of a core's second-level cache that a loop may fill (``benchmarks layer``, 2048 neurons)."""
    block: int = 512
    """Elements of a step that a loop processes at once, so that its carried values stay in the first-level cache
    (``benchmarks layer``)."""
    elements: int = 8192
    """The same over all samples whose adjacent rows a loop reads together, so that they stay in the second-level cache
    (``benchmarks graph``)."""
    narrow: int = 128
    """Columns below which the samples of a layer without weights form one row (``benchmarks layer``)."""
    convolved_elements: int = 1 << 20
    """Elements of a convolution's currents computed at once (``benchmarks conv``)."""
    delayed_rows: int = 512
    """Rows of sums that stay in the cache during a pass over the delays (``benchmarks delays``)."""
    sampled_rows: int = 64
    """Rows of a gradient in one job where it is sampled (``benchmarks layer``, compact surrogates)."""
    job_elements: int = 1 << 14
    """Elements in one job of a loop that goes through whole arrays: Adam, a search for NaN (``benchmarks train``)."""

    # Threads

    shared_elements: int = 1 << 18
    """Elements of a forward loop below which handing it out to threads costs more than it saves. An element of a backward
    loop counts twice, and one of a loop that has no weights to sum half (``benchmarks digits``)."""
    uneven_elements: int = 1 << 24
    """Elements from which each thread has two ranges, so that one that starts late does fewer (``benchmarks layer``)."""

    # Pooling

    pooled_elements: int = 1 << 16
    """Elements from which compiled loops pool images (``benchmarks conv``)."""
    pooled_positions: int = 9
    """Elements of a window up to which they do (``benchmarks conv``)."""
    pooled_places: int = 1 << 18
    """Entries of the table of a window's places up to which they do: a larger one leaves the cache (``benchmarks conv``)."""

    # Products of matrices

    product_part: int = 1 << 24
    """Multiplications from which a product is divided (``benchmarks layer``, dense input)."""
    product_parts: int = 4
    """Maximum number of parts (``benchmarks layer``, dense input)."""
    product_side: int = 64
    """Least number of rows, or columns, of a part (``benchmarks layer``, dense input)."""
    own_product: int = 1 << 25
    """Multiplications from which our product may replace the BLAS's (``benchmarks product``)."""
    own_side: int = 64
    """Rows, columns and summands from which it may (``benchmarks product``)."""
    own_depth: int = 256
    """With AVX2, or AVX-512 in halves, summands from which a product of spikes is ours (``benchmarks product``)."""
    own_columns: int = 512
    """Columns up to which it is (``benchmarks product``)."""
    own_breadth: int = 512
    """With AVX-512 in halves, rows, columns and summands from which any product is ours (``benchmarks product``)."""
    shared_product: int = 1 << 22
    """Multiplications of our product from which threads share it (``benchmarks product``)."""
    product_bytes: int = 1 << 22
    """Bytes of a second operand that our product packs at once (``benchmarks product``)."""

    # Memory

    reused_bytes: int = 1 << 20
    """Bytes from which the memory of an array is reused: the system would clear it page by page (``benchmarks train``)."""
    idle_bytes: int = 1 << 28
    """Bytes that may stay idle while others are requested; a larger array is not reused (``benchmarks train``)."""
    reusable_bytes: int = 1 << 30
    """Bytes kept in all, in use or idle (``benchmarks train``)."""

    # Runs: eager, compiled, or repeated

    step: float = 1e-4
    """Seconds per time step of an eager training step for each Cell (``benchmarks auto``)."""
    neuron: float = 2e-8
    """Seconds for each element of a sample (``benchmarks auto``)."""
    weight: float = 1e-10
    """Seconds for each weight of a sample (``benchmarks auto``)."""
    compiling: float = 2.0
    """Seconds to compile a net, forward and backward, if its loops are not in the cache directory (``benchmarks auto``)."""
    repeats: int = 400
    """Runs in which compilation must pay off (``benchmarks auto``)."""
    replayed: int = 1 << 20
    """Elements of a stage per run up to which a run that differs from an earlier one in values only repeats its decisions;
    0 for never (``benchmarks digits``)."""
    missed_runs: int = 10
    """Runs of a net that changes before each of them, after which decisions about all of it are kept again: that takes as
    long as several runs (``benchmarks digits``)."""

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
