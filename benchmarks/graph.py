"""A training iteration of nets that are not chains: a skip, populations that feed each other, feedback from a later layer."""

from __future__ import annotations

from .harness import Options, compare
from .layer import scale
from .work import Layer, Work, compact, dense, lif

TITLE = "skip, excitation and inhibition, feedback: 5 % input spikes, one training iteration"
PEERS = ("torch_loop", "torch_expert", "torch_compile", "jax_expert", "jaxpike", "snntorch")
# The mean square of a layer's input that `scale` takes, so that about 5 % of the neurons fire in each layer. For the input it
# is the density. For neurons it exceeds the firing rate, since repeated spikes make their sum vary more, and more again for
# the sum of two layers.
INPUT, ONE, TWO = 0.05, 0.08, 0.25


def residual(n: int, **surrogate: object) -> tuple[Layer, ...]:
    """Return three layers; the third receives the spikes of the first and of the second."""
    return (
        dense(n, n, scale(n, INPUT), bias=True), lif(n, **surrogate),
        dense(n, n, scale(n, ONE), bias=True), lif(n, **surrogate),
        dense(n, n, scale(n, TWO), bias=True, sources=(1, 3)), lif(n, **surrogate),
    )  # fmt: skip


def inhibition(excite: int, inhibit: int, inputs: int, **surrogate: object) -> tuple[Layer, ...]:
    """Return excitatory and inhibitory neurons; both receive the input, and the spikes of both from the previous step.

    The weights keep the activity near 5 % in the excitatory and 8 % in the inhibitory neurons.
    """
    to_e, to_i, i, e = (0, 2, 4), (1, 3, 5), 6, 7
    return (
        dense(inputs, excite, 3.0 / inputs, bias=True, sign=1, sources=(-1,)),
        dense(inputs, inhibit, 2.0 / inputs, bias=True, sign=1, sources=(-1,)),
        dense(excite, excite, 2.0 / excite, sign=1, sources=(e,)),
        dense(excite, inhibit, 4.0 / excite, sign=1, sources=(e,)),
        dense(inhibit, excite, 2.0 / inhibit, sign=-1, sources=(i,)),
        dense(inhibit, inhibit, 2.0 / inhibit, sign=-1, sources=(i,)),
        lif(inhibit, sources=to_i, **surrogate),
        lif(excite, sources=to_e, **surrogate),
    )


def feedback(n: int, **surrogate: object) -> tuple[Layer, ...]:
    """Return two layers; the first also receives the second's spikes of the previous step, a quarter as strongly."""
    return (
        dense(n, n, scale(n, INPUT), bias=True),
        dense(n, n, 0.25 * scale(n, ONE), sources=(4,)), lif(n, sources=(0, 1), **surrogate),
        dense(n, n, scale(n, ONE), bias=True), lif(n, **surrogate),
    )  # fmt: skip


def cases(small: bool) -> dict[str, tuple[str, Work]]:
    """Return the cases."""
    n, (excite, inhibit, inputs) = (16, (16, 4, 8)) if small else (256, (400, 100, 100))
    short, long = ((10, 8), (12, 8)) if small else ((100, 64), (250, 32))
    found: dict[str, tuple[str, Work]] = {}
    surrogates = {"compact": compact()} | ({} if small else {"smooth": {}})
    for name, surrogate in surrogates.items():
        for net, text, layers, (steps, batch) in (
            ("residual", f"{n}-{n}-{n} with a skip", residual(n, **surrogate), short),
            (
                "inhibition", f"{inputs} inputs, {excite} excitatory and {inhibit} inhibitory neurons, all recurrent",
                inhibition(excite, inhibit, inputs, **surrogate), long,
            ),
            ("feedback", f"{n}-{n} with feedback from the second layer to the first", feedback(n, **surrogate), short),
        ):  # fmt: skip
            work = Work(
                layers=layers, steps=steps, batch=batch, source="spikes", level=INPUT, loss="cross_entropy", learning_rate=1e-4
            )
            found[f"{net}-{name}"] = f"{text}, T = {steps}, batch {batch}, {name} surrogate", work
    return found


def run(options: Options) -> None:
    """Measure, print and write the results."""
    compare("graph", TITLE, cases(options.small), ("ours", "ours_eager", *options.peers), options)
