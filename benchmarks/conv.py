"""Convolutions: a network for images, a residual stack, and a single convolution of spikes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from . import memory
from .harness import Options, compare
from .work import Layer, Work, compact, conv, dense, flatten, lif, pool

TITLE = "convolutions: 12C5-MP2-64C5-MP2-10, a residual stack of 64 channels, a single convolution of spikes"
PEERS = ("torch_loop", "torch_expert", "jax_expert", "jaxpike", "spyx", "spikingjelly", "snntorch")
MEMORY = "peak memory added by the first training step of 12C5-MP2-64C5-MP2-10 on a constant input"
BETA, BRIGHT, FEW, ACTIVE = 0.5, 0.2, 0.05, 0.1
FIRST, NEXT, LAST = 0.4, 0.4, 1.0  # standard deviations of currents at which about 10 % of the tutorial's neurons fire
STACK = (0.75, 0.8, 0.75)  # the same for the stack


def scale(inputs: int, power: float, current: float) -> float:
    """Return the standard deviation of weights that gives this one of the current, if each input has this mean square."""
    return current / math.sqrt(inputs * power)


def tutorial(side: int, channels: tuple[int, int], power: float, **surrogate: Any) -> tuple[Layer, ...]:
    """Return the convolutional net of snnTorch's tutorial 6, in which pooling comes before the neurons."""
    first = conv((1, side, side), channels[0], 5, scale(25, power, FIRST), bias=True)
    small = pool(first.shape)
    second = conv(small.shape, channels[1], 5, scale(25 * channels[0], ACTIVE, NEXT), bias=True)
    last = pool(second.shape)
    return (
        first, small, lif(small.shape, beta=BETA, **surrogate),
        second, last, lif(last.shape, beta=BETA, **surrogate),
        flatten(last.shape), dense(last.size, 10, scale(last.size, ACTIVE, LAST), bias=True), lif(10, beta=BETA, **surrogate),
    )  # fmt: skip


def residual(channels: int, side: int, **surrogate: Any) -> tuple[Layer, ...]:
    """Return three convolutions; the third receives the sum of the spikes of the first and the second."""
    shape = channels, side, side
    neurons = lif(shape, beta=BETA, **surrogate)
    first, second, third = (
        conv(shape, channels, 3, scale(9 * channels, power, current), padding=1)
        for power, current in zip((ACTIVE, ACTIVE, 2 * ACTIVE), STACK, strict=True)
    )
    return first, neurons, second, neurons, replace(third, sources=(1, 3)), neurons


def nets(small: bool) -> dict[str, tuple[str, Work]]:
    """Return the cases that train a network."""
    side, channels, steps, batch = (16, (3, 4), 6, 4) if small else (28, (12, 64), 25, 128)
    sizes = (4, 6, 4, 2) if small else (64, 32, 8, 32)
    found: dict[str, tuple[str, Work]] = {}
    surrogates: dict[str, dict[str, Any]] = {"compact": compact()} | ({} if small else {"smooth": {}})
    for name, surrogate in surrogates.items():
        for kind, text, source, level, power in (
            ("constant", "a constant input", "constant", BRIGHT, BRIGHT / 3),
            ("poisson", f"{100 * FEW:g} % spikes in", "spikes", FEW, FEW),
        ):
            work = Work(
                layers=tutorial(side, channels, power, **surrogate), steps=steps, batch=batch, source=source, level=level,
                loss="cross_entropy", learning_rate=1e-4,
            )  # fmt: skip
            text = f"{channels[0]}C5-MP2-{channels[1]}C5-MP2-10, {text}, T = {steps}, batch {batch}, {name} surrogate"
            found[f"{kind}-{name}"] = text, work
        found[f"residual-{name}"] = stack(*sizes, name, **surrogate)
    return found


def stack(channels: int, side: int, steps: int, batch: int, name: str, **surrogate: Any) -> tuple[str, Work]:
    """Return the residual stack."""
    work = Work(
        layers=residual(channels, side, **surrogate), steps=steps, batch=batch, source="spikes", level=ACTIVE,
        learning_rate=1e-4,
    )  # fmt: skip
    text = f"three 3x3 convolutions of {channels} channels at {side}x{side} with a residual sum"
    return f"{text}, {100 * ACTIVE:g} % spikes in, T = {steps}, batch {batch}, {name} surrogate", work


def alone(small: bool) -> dict[str, tuple[str, Work]]:
    """Return the cases of one convolution: forward pass and gradient of the weights."""
    given, out, steps, batch = ((4, 6, 6), 8, 4, 2) if small else ((64, 32, 32), 128, 20, 8)
    found = {}
    for percent in (1, 5, 20):
        layers = (conv(given, out, 3, scale(9 * given[0], percent / 100, 1.0), padding=1),)
        work = Work(layers=layers, steps=steps, batch=batch, source="spikes", level=percent / 100)
        text = f"a 3x3 convolution {given[0]} -> {out}, {percent} % spikes in, T = {steps}, batch {batch}, gradient of weights"
        found[f"alone-{percent}"] = text, work
    return found


def cases(small: bool) -> dict[str, tuple[str, Work]]:
    """Return all cases."""
    return nets(small) | alone(small)


def run(options: Options) -> None:
    """Measure, print and write the results, with the memory of the first case; with ``--small``, only if ``--only`` asks."""
    found = cases(options.small)
    if any(options.only in case for case in found):
        compare("conv", TITLE, found, ("ours", "ours_dense", *options.peers), options)
    if options.only == "memory" or (not options.only and not options.small):
        memory.compare("memory-conv", MEMORY, found["constant-compact"][1], ("ours",), options)
