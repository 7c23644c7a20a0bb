"""Sizes and densities from which one way is faster than another, in one object."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace

__all__ = ["Tuning", "now", "using"]


@dataclass(frozen=True)
class Tuning:
    """Thresholds that choose the fastest way; all ways give the same values to rounding. A benchmark shows each.

    Attributes
    ----------
    dense_density : float
        Share of an input that is spikes above which a product with all of it is faster than sums over its events
        (``benchmarks layer``).
    convolved_density : float
        Share of an image that is spikes above which a convolution of all of it is faster than one spike by spike
        (``benchmarks conv``).
    delayed_density : float
        Share of an input that is spikes above which delayed weights are multiplied at every step, and not spike by spike
        (``benchmarks delays``).
    scattered_density : float
        Share of the gradient by a convolution's currents that is not 0 above which that by its input is made by products
        (``benchmarks conv``).
    scattered_cost : float
        The time for an element of that gradient, over the time for an input where it is sampled (``benchmarks conv``).
    convolved_elements : int
        Elements of the currents of a convolution that are made at once (``benchmarks conv``).
    sampled_density : float
        Share of a gradient that is needed above which all of it is made (``benchmarks layer``, compact surrogates).
    sampled_convolved : float
        The same for the input of a convolution (``benchmarks conv``).
    sampled_in_group : float
        The same where populations that step together send gradients to each other (``benchmarks graph``).
    few_outputs : int
        Outputs up to which the gradient by an input stays a product, which the loop before multiplies (``benchmarks digits``).
    little_work : int
        Multiplications of a layer in a run below which finding events costs more than it saves (``benchmarks digits``).
    kept_spikes : int
        Elements below which spikes that were turned into numbers stay numbers (``benchmarks digits``).
    sampled_values : int
        Values of an input at which spikes are told from numbers before all are looked at (``benchmarks layer``).
    cache : int
        Bytes of a core's second-level cache that a loop may fill (``benchmarks layer``, 2048 neurons).
    block : int
        Elements of a step that a loop works on at once, so that what it carries stays in the first-level cache
        (``benchmarks neurons``).
    elements : int
        The same of all samples whose rows a loop reads side by side, so that it stays in the second-level cache
        (``benchmarks graph``).
    narrow : int
        Columns below which the samples of a layer without weights are one row (``benchmarks neurons``).
    dense_rows, most_dense_rows : int
        Rows, samples times steps, whose gradients are summed at once by a product: the number of outputs within these two
        (``benchmarks train``).
    event_rows, few_event_rows : int
        The same for sums over events, up to and above ``wide`` outputs (``benchmarks layer``).
    wide : int
        See ``event_rows``.
    shared_elements : int
        Elements of a loop below which handing it out to threads costs more than it saves (``benchmarks digits``).
    pooled_elements : int
        Elements from which images are pooled by compiled loops (``benchmarks conv``).
    product_part, product_parts : int
        Multiplications from which a product is cut in parts, and how many at most (``benchmarks layer``, dense input).
    own_product, own_side : int
        Multiplications, and rows and columns, from which a product may be ours and not the BLAS's (``benchmarks product``).
    own_depth, own_columns : int
        Summands from which, and columns up to which, a product of spikes is ours with AVX2 (``benchmarks product``).
    product_bytes : int
        Bytes of a second operand that our product packs at once (``benchmarks product``).
    step, neuron, weight : float
        Seconds that an eager training step spends on a Cell in each time step, and on each element and each weight of a sample
        (``benchmarks auto``).
    compiling : float
        Seconds for which a net is compiled, forward and backward, where its loops are not in the cache directory
        (``benchmarks auto``).
    replayed : int
        Elements of a stage in a run up to which a run that differs from an earlier one in values alone does what that did,
        without finding it out again; 0 for never (``benchmarks digits``).
    repeats : int
        Runs within which that is to be paid back.
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
    few_event_rows: int = 1024
    wide: int = 1024
    shared_elements: int = 1 << 18
    pooled_elements: int = 1 << 16
    product_part: int = 1 << 24
    product_parts: int = 4
    own_product: int = 1 << 25
    own_side: int = 64
    own_depth: int = 256
    own_columns: int = 512
    product_bytes: int = 1 << 23
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
    """Use other values inside a ``with``, in this thread; forward and backward look them up each when they run."""
    token = _now.set(replace(now(), **fields))  # type: ignore[arg-type]
    try:
        yield now()
    finally:
        _now.reset(token)
