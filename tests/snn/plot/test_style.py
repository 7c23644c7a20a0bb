from __future__ import annotations

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from autograd.errors import ArgumentError
from snn import plot
from snn.plot.panels import DARK, LIGHT, look

SPIKES = np.random.default_rng(0).random((30, 2, 4)) < 0.3


def luminance(colour):
    """As the guidelines of the web have it."""
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("shades", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out_from_the_page(shades):
    assert contrast(shades.ink, shades.paper) > 12
    assert contrast(shades.grey, shades.paper) > 4.5
    assert all(contrast(colour, shades.paper) > 2.1 for colour in shades.colours)
    assert len(set(shades.colours)) == 7


# Machado, Oliveira and Fernandes (2009), severity 1: what those without one kind of cone see, on linear light.
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


@pytest.mark.parametrize("shades", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("kind", BLIND)
def test_the_first_colours_differ_for_colour_blind_readers_too(shades, kind):
    channels = np.array([to_rgb(colour) for colour in shades.colours[:5]])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(BLIND[kind]), 0, 1) ** (1 / 2.4)
    apart = np.linalg.norm(seen[:, None] - seen, axis=-1) + np.eye(5)
    assert apart.min() > 0.15


def test_it_holds_inside_a_with_and_goes_afterwards():
    before = dict(mpl.rcParams)
    with plot.style("dark", size=14):
        panel = plot.raster(SPIKES)
        assert mpl.rcParams["font.size"] == 14
        assert panel.figure.get_facecolor() == panel.get_facecolor() == mpl.colors.to_rgba(DARK.paper)
        assert look(panel) is DARK
        assert panel.xaxis.label.get_color() == DARK.ink
        assert panel.xaxis.label.get_size() == pytest.approx(1.1 * 0.8 * 14)
        assert panel.lines[0].get_color() == DARK.colours[0]
    assert dict(mpl.rcParams) == before
    assert look(plot.raster(SPIKES)) is LIGHT


def test_it_is_put_back_after_an_error():
    before = dict(mpl.rcParams)
    with pytest.raises(ZeroDivisionError), plot.style("dark"):
        raise ZeroDivisionError
    assert dict(mpl.rcParams) == before


def test_matplotlib_takes_it_as_a_style():
    with plt.style.context(plot.style("dark")):
        assert plt.figure().get_facecolor() == mpl.colors.to_rgba(DARK.paper)


def test_the_page_behind_decides_about_the_colours():
    with plt.style.context("dark_background"):
        assert plot.raster(SPIKES).lines[0].get_color() == DARK.colours[0]
        _, panel = plt.subplots(facecolor="none", subplot_kw={"facecolor": "none"})
        assert look(panel) is DARK
    _, panel = plt.subplots(facecolor="none", subplot_kw={"facecolor": "none"})
    assert look(panel) is LIGHT
    figure = plt.figure(facecolor="black")
    panels = plot.trace(x=SPIKES, v=SPIKES, ax=figure.add_subplot(facecolor="black"))
    assert {panel.get_facecolor() for panel in panels} == {(0, 0, 0, 1)}
    assert panels[0].lines[0].get_color() == DARK.colours[0]


def test_vector_files_hold_text_as_text_and_have_the_same_bytes_each_time():
    def saved(kind):
        with plot.style():
            panel = plot.raster(SPIKES)
            file = io.BytesIO()
            panel.figure.savefig(file, format=kind, metadata={"CreationDate" if kind == "pdf" else "Date": None})
        return file.getvalue()

    svg, pdf = saved("svg"), saved("pdf")
    assert b">Time (steps)</text>" in svg
    assert b"/FontFile2 " in pdf  # the font itself, not its outlines as drawings
    assert (svg, pdf) == (saved("svg"), saved("pdf"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"theme": "grey"}, "theme 'light' or 'dark', got str 'grey'"),
        ({"theme": None}, "theme 'light' or 'dark', got None"),
        ({"size": 0}, "size to be a positive number, got int 0"),
        ({"size": 2000}, "a size in points, at most 1000"),
    ],
)
def test_what_is_no_style_is_refused(arguments, message):
    with pytest.raises(ArgumentError, match=r"snn\.plot\.style: expected " + message):
        plot.style(**arguments)
