"""Plot the responses of each synapse to spikes: currents, conductances, NMDA, depression and facilitation."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

import snn
from autograd import Tensor, nn
from snn.plot.panels import LIGHT
from snn.synapses import (
    NMDA,
    Alpha,
    Conductance,
    DoubleExponential,
    Exponential,
    MagnesiumBlock,
    Receptor,
    Synapse,
    TsodyksMarkram,
)

from .harness import Options, RunDirectory

__all__ = ["Config", "figure", "run", "train"]

_REST, _EXCITED, _CHLORIDE = -70.0, 0.0, -80.0  # mV
_GREY, COLOURS = "0.6", LIGHT.colours


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    """Options of the synapses experiment."""

    tau: float = 20.0
    """Time constant of the membrane, in ms; a step is one."""
    interval: int = 50
    """Time between the spikes that show short-term plasticity, in ms."""

    counts = ("seeds", "interval")


follow = functools.partial(snn.run, mode="eager")
"""Run a net in eager mode: for one or two runs that is faster than compiling it."""


def train(steps: int, *times: int) -> np.ndarray[Any, Any]:
    """Return spikes at the given times, ``[T, 1, 1]``."""
    x = np.zeros((steps, 1, 1))
    x[list(times)] = 1
    return x


def membrane(config: Config) -> snn.LIFNode:
    """Return a membrane that does not fire, in mV from its resting potential."""
    return snn.LIFNode(fire=False, tau=config.tau, decay_input=False)


def line(ax: Any, y: Any, label: str, colour: str, **options: Any) -> None:
    """Draw a line over time."""
    ax.plot(np.ravel(np.asarray(y)), color=colour, label=label, lw=1.2, **options)


def marks(ax: Any, x: Any, height: float = 1.03, colour: str = "0.3") -> None:
    """Draw a mark above the panel for every spike."""
    times = np.flatnonzero(x)
    ax.plot(times, np.full(len(times), height), "|", color=colour, ms=5, clip_on=False, transform=ax.get_xaxis_transform())


def currents(axes: Any, config: Config) -> None:
    """Draw the currents that follow some spikes, and the membranes that they drive."""
    x = train(120, 10, 50, 58, 66)
    shown: dict[str, Synapse] = {
        "Exponential(tau_syn=6)": Exponential(tau_syn=6.0),
        "DoubleExponential(2, 12)": DoubleExponential(2.0, 12.0),
        "Alpha(tau_syn=6)": Alpha(6.0),
    }
    for (name, synapse), colour in zip(shown.items(), COLOURS, strict=False):
        i, _, _ = follow(synapse, x)
        line(axes[0], i, name, colour)
        v, _, _ = follow(nn.SequentialCell(synapse, membrane(config)), x)
        line(axes[1], v, name, colour)
    axes[0].set_title("Currents that follow spikes")
    axes[1].set_title("Membranes driven by them")
    for ax, label in zip(axes, ("Current", "Membrane"), strict=True):
        marks(ax, x)
        ax.set_ylabel(label)


def conductances(axes: Any, config: Config) -> None:
    """Draw an excitation alone, with shunting inhibition and with hyperpolarising inhibition."""
    excitation, inhibition = train(120, 10, 50, 90), train(120, 40, 46)
    for name, x, inh, colour in (
        ("excitation alone", excitation, 0.0, COLOURS[0]),
        ("with an inhibition at rest: shunts", excitation - inhibition, 0.0, COLOURS[1]),
        ("with one below rest: hyperpolarises", excitation - inhibition, _CHLORIDE - _REST, COLOURS[2]),
    ):
        node = Conductance(
            membrane(config),
            exc=Receptor(Exponential(tau_syn=4.0), _EXCITED - _REST),
            inh=Receptor(Exponential(tau_syn=15.0), inh, inhibitory=True),
        )
        v, _, record = follow(node, 0.03 * x * np.where(x < 0, 5, 1), record=["g_exc", "g_inh"])
        line(axes[1], v + _REST, name, colour)
    line(axes[0], record["g_exc"], "g_exc", COLOURS[0])
    line(axes[0], record["g_inh"], "g_inh", COLOURS[2])
    for ax in axes:
        marks(ax, excitation, colour=COLOURS[0])
        marks(ax, inhibition, colour=COLOURS[2])
    axes[0].set_title("Conductances of an excitation and an inhibition")
    axes[1].set_title("Effect of an inhibition on an excitation")
    axes[0].set_ylabel("Conductance (1/ms)")
    axes[1].set_ylabel("Membrane (mV)")
    axes[1].set_ylim(bottom=_CHLORIDE - 2)


def nmda(axes: Any, config: Config) -> None:
    """Draw the block by magnesium, and its effect on a weak and on a strong input."""
    v = np.linspace(-100, 40, 141)
    for magnesium, colour in ((0.1, COLOURS[0]), (1.0, COLOURS[1]), (5.0, COLOURS[2])):
        block = MagnesiumBlock(half=np.log(magnesium / 3.57) / 0.062)
        axes[0].plot(v, block(Tensor(v)), color=colour, label=f"{magnesium:g} mM of magnesium", lw=1.2)
    axes[0].set_xlabel("Membrane (mV)")
    axes[0].set_title("NMDA: block by magnesium")
    axes[1].set_title("NMDA: a weak and a strong input")
    axes[0].set_ylabel("Share open")
    x = train(200, 10)
    rest = snn.LIFNode(100.0, fire=False, tau=config.tau, decay_input=False, v_reset=_REST)
    ampa = Receptor(Exponential(tau_syn=3.0), _EXCITED)
    alone = Conductance(rest, ampa=ampa)
    both = Conductance(rest, ampa=ampa, nmda=NMDA(3.0, 60.0, _EXCITED))
    for name, node, colour in (("AMPA and NMDA", both, COLOURS[1]), ("AMPA alone", alone, _GREY)):
        for gain, style in ((0.05, "--"), (0.2, "-")):
            out, _, _ = follow(node, gain * x)
            line(axes[1], out, f"{name}, {'weak' if gain < 0.1 else 'four times as strong'}", colour, ls=style)
    marks(axes[1], x)
    axes[1].set_ylabel("Membrane (mV)")


def plasticity(axes: Any, config: Config) -> None:
    """Draw the responses of a depressing and of a facilitating synapse to a regular train and to a spike long after it."""
    last = 20 + 7 * config.interval
    x = train(last + 700, *range(20, last + 1, config.interval), last + 500)
    for ax, title, synapse, gain in (
        (axes[0], "Depression: U = 0.5, tau_rec = 800 ms", TsodyksMarkram(0.5, 800.0), 2.0),
        (axes[1], "Facilitation: U = 0.03, tau_rec = 130 ms, tau_facil = 530 ms", TsodyksMarkram(0.03, 130.0, 530.0), 33.0),
    ):
        neuron = nn.SequentialCell(Exponential(tau_syn=3.0), membrane(config))
        line(ax, follow(nn.SequentialCell(synapse, *neuron), gain * x)[0], "with plasticity", COLOURS[0])
        line(ax, follow(neuron, x)[0], "without", _GREY, zorder=1)
        marks(ax, x)
        ax.set_title(title)
        ax.set_ylabel("Membrane")


def figure(config: Config) -> Any:
    """Return the Axes of a figure with a row for each kind of synapse."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(4, 2, figsize=(9.6, 10.4), layout="constrained")
    for row, draw in zip(axes, (currents, conductances, nmda, plasticity), strict=True):
        draw(row, config)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
        ax.set_xlabel(ax.get_xlabel() or "Time (ms)", fontsize=9)
        ax.set_ylabel(ax.get_ylabel(), fontsize=9)
        ax.set_title(ax.get_title(), fontsize=9, pad=9)
        places = {axes[1, 1]: "lower left", axes[3, 0]: (0.45, 0.75), axes[3, 1]: (0.45, 0.75)}
        ax.legend(frameon=False, fontsize=8, loc=places.get(ax, "best"))
    return axes


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Draw the figure."""
    directory.save_figure("synapses", figure(config).flat[0])
    return {}
