"""Delays beside a dense layer without delays: one iteration with the gradients of input and weights, in one process.

In torch, delays are a convolution over time with a weight for each step, as in the packages for learnt delays. A second part
measures the two ways of a layer with delays at several densities: a multiplication at every step, and work for the spikes
only, each for the forward pass and for the gradient of the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

import snn
from autograd import Cell, Tensor, nn, value_and_grad
from snn.engine import tuning

from .harness import Options, interleaved, table, write
from .peers import threads
from .rounds import Result

TITLE = "delays of features and of connections beside a dense layer: 3 % input spikes, one iteration"
PEERS = ("torch",)
DENSITY = 0.03
DENSITIES = (0.01, 0.05, 0.2)


def layers(n: int, longest: int) -> dict[str, Cell]:
    """Return the layers, with ``n`` features and delays of up to ``longest`` steps."""
    rng = np.random.default_rng(0)
    return {
        "dense": nn.Dense(n, n, rng=rng),
        "delay, dense": nn.SequentialCell(snn.Delay(rng.integers(0, longest + 1, n)), nn.Dense(n, n, rng=rng)),
        "delayed dense": snn.DelayedDense(n, n, rng.integers(0, longest + 1, (n, n)), rng=rng),
        "learnt, linear": snn.LearntDelays(n, n, longest, share="linear", rng=rng),
        "learnt, gauss": snn.LearntDelays(n, n, longest, rng=rng),
    }


def step(layer: Cell, x: Tensor, weights: Tensor) -> Callable[[], Any]:
    """Return an iteration: a run, and the gradient of a weighted sum with respect to input and Parameters."""
    loss = value_and_grad(lambda x: (snn.run(layer, x, mode="compiled").out * weights).sum(), 0, layer.trainable_params())
    return lambda: loss(x)


def by_torch(n: int, longest: int, x: Tensor, weights: Tensor) -> Callable[[], Any]:
    """Return the iteration as a convolution over time."""
    import torch

    torch.set_num_threads(threads())
    conv = torch.nn.Conv1d(n, n, longest + 1)
    given = torch.tensor(x.asnumpy()).permute(1, 2, 0).contiguous().requires_grad_()
    by = torch.tensor(weights.asnumpy()).permute(1, 2, 0)

    def iteration() -> Any:
        out = conv(torch.nn.functional.pad(given, (longest, 0)))
        return torch.autograd.grad((out * by).sum(), [given, *conv.parameters()])

    return iteration


def run(options: Options) -> None:
    """Measure, print and write the results."""
    steps, samples, n, longest = (8, 2, 8, 3) if options.small else (250, 32, 256, 30)
    rng = np.random.default_rng(1)
    x = Tensor((rng.random((steps, samples, n)) < DENSITY * (1 + 9 * options.small)).astype(np.float32))
    weights = Tensor(rng.standard_normal((steps, samples, n)).astype(np.float32))
    found = layers(n, longest)
    work = {name: step(layer, x, weights) for name, layer in found.items()}
    facts: dict[str, dict[str, Any]] = {}
    for name, iteration in work.items():
        _, (by_x, by_weights) = iteration()
        norms = (float(np.linalg.norm(g)) for g in (by_weights[0], by_x))
        facts[name] = dict(zip(("weight_gradient", "input_gradient"), norms, strict=True))
    if "torch" in options.peers:
        work["torch conv1d"] = by_torch(n, longest, x, weights)
    seconds = interleaved(work, options.repeats)
    results = {name: Result(seconds=values, facts=facts.get(name, {})) for name, values in seconds.items()}
    title = f"{n} to {n}, delays of up to {longest} steps, T = {steps}, batch {samples}, {threads()} threads"
    table(title, results, "dense")
    found_ways = ways(options, steps, samples, n, longest)
    write("delays", TITLE, options, {
        "case": title, "results": {name: asdict(result) for name, result in results.items()}, "ways": found_ways,
    })  # fmt: skip


def ways(options: Options, steps: int, samples: int, n: int, longest: int) -> dict[str, dict[str, Any]]:
    """Measure both ways of a layer at each density, and print them."""
    rng, found = np.random.default_rng(2), {}
    layer = snn.DelayedDense(n, n, rng.integers(0, longest + 1, (n, n)), rng=rng)
    weights = Tensor(rng.standard_normal((steps, samples, n)).astype(np.float32))
    learnt = value_and_grad(lambda x: (snn.run(layer, x, mode="compiled").out * weights).sum(), None, layer.trainable_params())
    for density in DENSITIES:
        x = Tensor((rng.random((steps, samples, n)) < density).astype(np.float32))
        work: dict[str, Callable[[], Any]] = {}
        for way, share in (("product", -1.0), ("events", 1.0)):
            work[f"{way}, forward"] = _within(share, lambda x=x: snn.run(layer, x, mode="compiled"))  # type: ignore[misc]
            work[f"{way}, weight gradient"] = _within(share, lambda x=x: learnt(x))  # type: ignore[misc]
        seconds = interleaved(work, options.repeats)
        results = {name: Result(seconds=values, facts={}) for name, values in seconds.items()}
        title = f"DelayedDense, {100 * density:g} % spikes"
        table(title, results, "product, forward")
        found[f"{density:g}"] = {name: asdict(result) for name, result in results.items()}
    return found


def _within(density: float, call: Callable[[], Any]) -> Callable[[], Any]:
    """Return a call in which events are used up to a density."""

    def work() -> Any:
        with tuning.using(delayed_density=density, little_work=0):
            return call()

    return work
