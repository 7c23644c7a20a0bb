"""Every plot as a picture, light and dark, against an approved one.

Text is left out, since fonts differ between machines. ``python -m tests.snn.plot.test_pictures`` draws the pictures of
``tests/golden/plots`` again: look at each of them before you commit it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text

import snn
from autograd import nn
from snn import plot

PLACE = Path(__file__).parents[2] / "golden" / "plots"
MOST = 0.5  # root mean square of the difference, of 255: any one mark that is missing is more
DRAWN_BY = (3, 11)  # matplotlib 3.10 places images up to a pixel elsewhere, and cuts 4.2 inches to 209 pixels


def data():
    """Input, membrane before reset and spikes of leaky neurons, ``[100, 2, 12]``, without a random number of anyone's."""
    t, n = np.meshgrid(np.arange(100), np.arange(24), indexing="ij")
    x = (0.16 + 0.1 * np.sin(0.11 * t + n) * np.cos(0.3 * n) + 0.004 * n).reshape(100, 2, 12)
    spikes, _, record = snn.run(snn.LIFNode(beta=0.9), x, record="v_before_reset", mode="eager")
    assert (spikes.asnumpy().sum((0, 1)) > 3).all()
    return x, record["v_before_reset"].asnumpy(), spikes.asnumpy()


def draw(name, panels):
    x, v, spikes = data()
    if name == "trace":
        plot.trace(x=x, v=v, spikes=spikes, v_threshold=1.0, v_reset=0.0, neurons=[0, 5], dt=0.5, ax=panels)
    elif name == "rasters":
        many = np.tile(spikes[:, 0], (1, 40)) * (np.arange(480) % 3 > 0)
        plot.raster({"few": spikes[:, 0], "some": spikes[:, 1, :6]}, ax=panels[0])
        plot.raster(many, ax=panels[1])
    elif name == "statistics":
        plot.rates(spikes, bins=8, ax=panels[0])
        plot.intervals(spikes, bins=12, ax=panels[1])
        plot.population_rate(spikes, window=5, ax=panels[2])
    elif name == "maps":
        wave = np.sin(np.arange(12)[:, None] * np.arange(1, 17) / 5)
        plot.weights(wave, ax=panels[0])
        plot.fields(wave, columns=4, ax=panels[1])
    elif name == "planes":
        t = np.linspace(0, 3, 60)
        turns = np.exp(-t / 2) * np.cos(4 * t), np.exp(-t / 2) * np.sin(4 * t)
        plot.phase(*turns, flow=lambda v, w: (w + 0.5 * v**3, -v - 0.5 * w), ax=panels[0])
    elif name == "learning":
        runs = 1 / np.arange(1, 9) + 0.05 * np.sin(np.arange(5))[:, None]
        plot.curves({"a": runs, "b": 1.3 * runs[:3]}, ax=panels[0])
        history = [{"train_loss": 1 / n, "test_loss": 1.2 / n, "test_accuracy": 1 - 0.5 / n} for n in range(1, 8)]
        plot.training(history, ax=panels[1:3])
        plot.confusion([0, 0, 1, 1, 2, 2, 2], [0, 1, 1, 1, 2, 2, 0], ax=panels[3])
    elif name == "movie":
        with tempfile.TemporaryDirectory() as place:
            films = [plot.movie(events(), Path(place) / "events.gif", frames=3, ax=panel) for panel in panels]
        for film, number in zip(films, range(3), strict=True):  # the first, the middle and the last
            film._draw_frame(number)
    elif name == "graph":
        plot.graph(snn.graph(net(), x.astype(np.float32)), ax=panels[0])
    elif name == "health":
        plot.health(snn.health(net(), x.astype(np.float32), mode="eager"), ax=panels)


def events():
    """ON and OFF events on a ring that turns, ``[2, 16, 24]`` in 10 ms."""
    t = np.arange(0, 10_000, 25)
    x, y = 12 + 8 * np.cos(t / 1000), 8 + 6 * np.sin(t / 1000)
    return snn.data.Events(t, x=x.astype(int), y=y.astype(int), p=np.arange(len(t)) // 3 % 2, shape=(2, 16, 24))


def net():
    """A net with a recurrent layer, a silent one and a readout."""
    first, back, second, last = (np.sin(k + np.arange(n)) for k, n in enumerate((12 * 8, 8 * 8, 8 * 6, 6 * 3)))
    return nn.SequentialCell(
        nn.Dense(12, 8, first.reshape(8, 12).astype(np.float32) / 2 + 0.3, has_bias=False),
        snn.Recurrent(snn.LIFNode(beta=0.9), 8, weight_init=back.reshape(8, 8).astype(np.float32) / 4),
        nn.Dense(8, 6, second.reshape(6, 8).astype(np.float32) / 8 - 0.2, has_bias=False),
        snn.LIFNode(beta=0.5, surrogate_function=snn.surrogate.triangle(2.0)),
        nn.Dense(6, 3, last.reshape(3, 6).astype(np.float32), has_bias=False),
        snn.LeakyReadout(beta=0.9),
    )


HEIGHTS = {
    "trace": 3, "rasters": 2, "statistics": 3, "maps": 2, "planes": 1, "learning": 4, "movie": 3, "graph": 1, "health": 3,
}  # fmt: skip


def save(name, theme, path, change=lambda panels: None):
    """Draw a picture without text, its panels at places that no font decides."""
    mpl.rcdefaults()
    with plot.style(theme):
        count = HEIGHTS[name]
        figure = plt.figure(figsize=(8 if name == "graph" else 4, 7 * count / 5), dpi=50)
        panels = [figure.add_axes((0.05, (row + 0.1) / count, 0.85, 0.8 / count)) for row in reversed(range(count))]
        draw(name, panels)
        change(panels)
        for text in figure.findobj(Text):
            if text.get_bbox_patch() is not None:
                text.set_text(" ")  # a box of one size
            elif getattr(text, "arrow_patch", None) is not None:
                text.set_text("")
            else:
                text.set_visible(False)
        for legend in [panel.get_legend() for panel in panels if panel.get_legend()]:
            legend.set_visible(False)
        figure.savefig(path)
        plt.close(figure)


as_drawn = pytest.mark.skipif(
    tuple(map(int, mpl.__version__.split(".")[:2])) < DRAWN_BY,
    reason="the pictures are of matplotlib 3.11, which draws otherwise",
)


@as_drawn
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", HEIGHTS)
def test_a_picture_is_as_it_was_looked_at(name, theme, tmp_path):
    with mpl.rc_context():
        save(name, theme, tmp_path / "now.png")
    assert compare_images(str(PLACE / f"{name}-{theme}.png"), str(tmp_path / "now.png"), MOST) is None


def without_a_mark(panels):
    """Take the first image, group of marks, line, bar or arrow off the first panel."""
    panel = panels[0]
    (panel.images or panel.collections or panel.lines or panel.patches or panel.texts)[0].remove()


@as_drawn
@pytest.mark.parametrize("name", HEIGHTS)
def test_a_mark_that_is_missing_is_noticed(name, tmp_path):
    with mpl.rc_context():
        save(name, "light", tmp_path / "now.png", without_a_mark)
    assert compare_images(str(PLACE / f"{name}-light.png"), str(tmp_path / "now.png"), MOST) is not None


if __name__ == "__main__":
    mpl.use("Agg")
    PLACE.mkdir(exist_ok=True)
    for picture in HEIGHTS:
        for page in ("light", "dark"):
            save(picture, page, PLACE / f"{picture}-{page}.png")
    sys.stdout.write(f"wrote {PLACE}\n")
