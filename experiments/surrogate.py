"""Plot every surrogate: its derivative and its primitive, the smooth step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import snn
from autograd import Tensor
from snn.common.discover import kinds

from .harness import Options, RunDirectory

__all__ = ["Config", "figure", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    """Options of the surrogate experiment."""

    width: float = 2.0
    """Largest distance of the membrane from its threshold."""


def figure(width: float) -> Any:
    """Return the Axes of a figure with one panel for each surrogate."""
    import matplotlib.pyplot as plt

    surrogates = [kind() for kind in kinds(snn.surrogate, snn.surrogate.Surrogate).values()]
    columns = 4
    rows = math.ceil(len(surrogates) / columns)
    fig, axes = plt.subplots(rows, columns, figsize=(9.6, 2.0 * rows), sharex=True, layout="constrained", squeeze=False)
    u = np.linspace(-width, width, 2001)
    for ax, surrogate in zip(axes.flat, surrogates, strict=False):
        # A primitive is defined up to a constant; it is drawn symmetric about one half.
        primitive = surrogate.primitive(Tensor(u)).asnumpy()
        ax.plot(u, u > 0, color="0.6", lw=1, label="step")
        ax.plot(u, primitive - primitive[len(u) // 2] + 0.5, color="#0072B2", lw=1.5, label="primitive")
        ax.plot(u, surrogate.derivative(Tensor(u)).asnumpy(), color="#D55E00", lw=1.5, label="derivative")
        ax.set_title(repr(surrogate), fontsize=8)
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_ylim(-0.08, max(1.1, ax.get_ylim()[1]))
    for ax in axes.flat[len(surrogates) :]:
        ax.set_visible(False)
    for column in range(columns):
        shown = [row for row in range(rows) if row * columns + column < len(surrogates)]
        axes[shown[-1], column].set_xlabel(r"$v - v_{\mathrm{threshold}}$")
        axes[shown[-1], column].tick_params(labelbottom=True)
    fig.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    return axes


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Draw the figure."""
    directory.save_figure("surrogates", figure(config.width).flat[0])
    return {}
