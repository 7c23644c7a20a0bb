"""One layer: Linear n -> n and leaky integrate-and-fire neurons, forward and backward of the summed spikes.

This is the layer of Open Neuromorphic's comparison of libraries: batch 16, T = 500. Weights are scaled so that about 4 % of
the neurons fire.
"""

from __future__ import annotations

import math

from .harness import Options, compare
from .work import Work, compact, dense, lif

TITLE = "Linear n -> n + LIF, batch 16, T = 500, forward and backward of the summed spikes"
PEERS = (
    "gemms", "torch_expert", "torch_compile", "jax_expert", "jaxpike", "spyx", "spikingjelly", "snntorch", "norse",
)  # fmt: skip
BETA, DENSITY = 0.95, 0.02
FEW = math.sqrt(1 - BETA**2)  # standard deviation of a current at which 2 % of the neurons fire
MORE = 1.5 * FEW  # the same for 4 %


def scale(inputs: int, power: float) -> float:
    """Return the standard deviation of weights at which about 4 % of the neurons fire, if each input has this mean square."""
    return MORE / math.sqrt(inputs * power)


def dense_input(n: int, steps: int, batch: int) -> Work:
    """Return the layer with normal numbers as its input; the gradient of the input is computed too."""
    layers = (dense(n, n, scale(n, 1.0)), lif(n, beta=BETA))
    return Work(layers=layers, steps=steps, batch=batch, source="normal", input_gradient=True)


def first_layer(n: int, steps: int, batch: int, density: float = DENSITY) -> Work:
    """Return the layer with spikes as its input; the gradient of the input is not computed."""
    layers = (dense(n, n, scale(n, density)), lif(n, beta=BETA))
    return Work(layers=layers, steps=steps, batch=batch, source="spikes", level=density)


def alone(n: int, steps: int, batch: int) -> Work:
    """Return neurons without weights, of which about 4 % fire; the input is their current, and its gradient is computed."""
    return Work(layers=(lif(n, beta=BETA),), steps=steps, batch=batch, source="normal", level=MORE, input_gradient=True)


def hidden_layer(n: int, steps: int, batch: int, **surrogate: object) -> Work:
    """Return the layer after neurons of which 2 % fire, with the gradient of the current of these neurons."""
    layers = (lif(n, beta=BETA, **surrogate), dense(n, n, scale(n, DENSITY)), lif(n, beta=BETA, **surrogate))
    return Work(layers=layers, steps=steps, batch=batch, source="normal", level=FEW, input_gradient=True)


def cases(small: bool) -> dict[str, tuple[str, Work]]:
    """Return the cases."""
    sizes, steps, batch = ((32,), 20, 4) if small else ((512, 2048), 500, 16)
    found: dict[str, tuple[str, Work]] = {}
    for n in sizes:
        found[f"dense-{n}"] = "normal input, gradients of weights and input", dense_input(n, steps, batch)
        found[f"spikes-{n}"] = "2 % Bernoulli spikes, first layer: gradient of weights only", first_layer(n, steps, batch)
        work = hidden_layer(n, steps, batch)
        found[f"hidden-{n}"] = "LIF -> Linear -> LIF, gradients of weights and current, smooth surrogate", work
        work = hidden_layer(n, steps, batch, **compact())
        text = f"the same, surrogate of compact support: {100 * work.active_share():.1f} % of the first derivative is not zero"
        found[f"compact-{n}"] = text, work
    return found


def run(options: Options) -> None:
    """Measure, print and write the results."""
    compare("layer", TITLE, cases(options.small), ("ours", *options.peers), options)
