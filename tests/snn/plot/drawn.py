"""Values read from the drawn Axes."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_hex


def first(axes):
    return np.ravel(np.asarray(axes, dtype=object))[0]


def curves(panel):
    """The lines that belong to neurons or runs, by their label."""
    return {line.get_label(): line for line in panel.lines if not line.get_label().startswith("_")}


def levels(panel, style):
    return [line.get_ydata()[0] for line in panel.lines if line.get_linestyle() == style]


def marks(panel):
    """The time and the colour of each spike tick of a trace panel."""
    (ticks,) = panel.collections
    return [segment[0][0] for segment in ticks.get_segments()], [to_hex(colour) for colour in ticks.get_colors()]


def texts(panel):
    return [text.get_text() for text in panel.texts]
