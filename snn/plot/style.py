"""One style for whole figures: light or dark, safe for colour-blind readers, with text that stays text in vector files."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from autograd.dtypes import describe
from autograd.errors import ArgumentError

from ..common.checks import positive
from ..common.others import extra
from .panels import DARK, LIGHT

__all__ = ["Style", "style"]

_THEMES = {"light": LIGHT, "dark": DARK}


class Style(dict[str, Any]):
    """Settings of matplotlib, for use in a ``with`` block; ``plt.style.use`` applies them permanently."""

    def __enter__(self) -> Style:
        import matplotlib as mpl

        self._left = ExitStack()
        settings: Any = self  # whose keys matplotlib's types name one by one
        self._left.enter_context(mpl.rc_context(settings))
        return self

    def __exit__(self, *error: object) -> None:
        self._left.close()


def style(theme: str = "light", *, size: float = 10.0) -> Style:
    """Return the settings of matplotlib for figures on a light or a dark page.

    Without it the plots follow the background that they are drawn on, and keep matplotlib's other settings.

    Parameters
    ----------
    theme : {"light", "dark"}
        Colours of page, text and lines. The lines are Okabe and Ito's colours.
    size : float
        Size of text in points. Labels of the plots use four fifths of it.

    Returns
    -------
    Style
        A dict for ``plt.style.use``, and a context manager. PDF and SVG files that are written with it hold text as text, in
        fonts that a journal accepts and an editor can change, and have the same bytes each time if they contain no date.

    Raises
    ------
    ArgumentError
        If there is no such theme, or the size is not positive.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np, snn
    >>> with snn.plot.style("dark", size=12):
    ...     axes = snn.plot.raster(np.eye(5))
    >>> axes.get_facecolor() == axes.figure.get_facecolor()
    True
    """
    where = "snn.plot.style"
    if not isinstance(theme, str) or theme not in _THEMES:
        raise ArgumentError(where, "theme 'light' or 'dark'", describe(theme), "Choose by the page that the figure goes on.")
    points = positive(size, where, "size", "For example size=10, in points.")
    if points > 1000:
        raise ArgumentError(where, "a size in points, at most 1000", describe(size), "For example size=10.")
    library = extra("matplotlib", "plot", where)
    look = _THEMES[theme]
    inked = (
        "text.color",
        "axes.labelcolor",
        "axes.edgecolor",
        "axes.titlecolor",
        "xtick.color",
        "ytick.color",
        "legend.labelcolor",
    )
    papers = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    return Style(
        dict.fromkeys(inked, look.ink)
        | dict.fromkeys(papers, look.paper)
        | {"axes.prop_cycle": library.cycler(color=look.colours), "grid.color": look.faint, "font.size": points}
        | {"axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
        | {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "spikecell"}
    )
