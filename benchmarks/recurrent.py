"""A training iteration of a recurrent net: forward pass, backward pass and a step of Adam."""

from __future__ import annotations

from .harness import Options, compare
from .layer import DENSITY, FEW, scale
from .work import Work, compact, dense, readout, recurrent

TITLE = "700 -> H recurrent -> 20 leaky readouts, batch 128, 2 % input spikes, one training iteration"
PEERS = ("torch_expert", "torch_compile", "torch_loop", "jax_expert", "spyx", "spikingjelly", "snntorch", "norse")


def case(hidden: int, steps: int, batch: int, inputs: int = 700, **surrogate: object) -> Work:
    """Return the workload. Recurrent weights are half as strong as input weights, so that the activity is stable."""
    layers = (
        dense(inputs, hidden, scale(inputs, DENSITY), bias=True),
        recurrent(hidden, 0.5 * FEW / (hidden * 2 * DENSITY) ** 0.5, **surrogate),
        dense(hidden, 20, 0.1, bias=True),
        readout(20),
    )
    return Work(
        layers=layers, steps=steps, batch=batch, source="spikes", level=DENSITY, loss="cross_entropy", learning_rate=1e-4
    )


def cases(small: bool) -> dict[str, tuple[str, Work]]:
    """Return the cases."""
    sizes = ((16, 10, 8),) if small else ((256, 100, 128), (1024, 250, 128))
    found: dict[str, tuple[str, Work]] = {}
    for hidden, steps, batch in sizes:
        found[f"smooth-{hidden}"] = f"H = {hidden}, T = {steps}, smooth surrogate", case(hidden, steps, batch)
        text = f"H = {hidden}, T = {steps}, surrogate of compact support"
        found[f"compact-{hidden}"] = text, case(hidden, steps, batch, **compact())
    return found


def run(options: Options) -> None:
    """Measure, print and write the results."""
    compare("recurrent", TITLE, cases(options.small), ("ours", *options.peers), options)
