from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from autograd import Tensor
from autograd.errors import ArgumentError, DTypeError, ShapeError
from snn import plot
from tests.snn.plot.drawn import curves, levels, marks, texts


def test_trace_has_one_panel_for_each_array_in_order(lif):
    x, v, spikes = lif
    axes = plot.trace(spikes=spikes, v=v, x=x)
    assert [panel.get_ylabel() for panel in axes] == ["Input $x$", "Membrane $v$", "Neuron"]
    assert [panel.get_xlabel() for panel in axes] == ["", "", "Time (steps)"]
    assert len({panel.get_xlim() for panel in axes}) == 1
    assert [panel.get_ylabel() for panel in plot.trace(v=v)] == ["Membrane $v$"]


def test_trace_draws_the_values_of_the_chosen_neurons(lif):
    _, v, _ = lif
    (panel,) = plot.trace(v=v, neurons=[5, 2])
    assert list(curves(panel)) == ["neuron 5", "neuron 2"]
    np.testing.assert_array_equal(curves(panel)["neuron 2"].get_ydata(), v[:, 2])
    assert list(curves(plot.trace(v=v, neurons=3)[0])) == ["neuron 3"]


@pytest.mark.parametrize(("n", "shown"), [(1, 1), (3, 3), (4, 4), (6, 4)])
def test_trace_shows_the_first_four_neurons_by_default(lif, n, shown):
    (panel,) = plot.trace(v=lif[1][:, :n])
    assert list(curves(panel)) == [f"neuron {neuron}" for neuron in range(shown)]
    assert (panel.get_legend() is None) == (n == 1)


@pytest.mark.parametrize("names", ["xvs", "vs", "xs", "xv"])
def test_trace_names_its_neurons_beside_the_panels_where_they_cover_nothing(lif, names):
    given = {name: array for name, array in zip(("x", "v", "spikes"), lif, strict=True) if name[0] in names}
    axes = plot.trace(**given, v_threshold=1.0, v_reset=0.0)
    axes[0].set_title("A title")
    axes[0].figure.draw_without_rendering()
    (legend,) = [panel.get_legend() for panel in axes if panel.get_legend()]
    assert [text.get_text() for text in legend.get_texts()] == [f"neuron {neuron}" for neuron in range(4)]
    box = legend.get_window_extent()
    assert box.x1 <= axes[0].figure.bbox.x1
    assert not any(box.overlaps(panel.get_window_extent()) for panel in axes)
    assert not any(box.overlaps(text.get_window_extent()) for panel in axes for text in [*panel.texts, panel.title])


def test_trace_draws_every_spike_once(lif):
    _, v, spikes = lif
    membrane, ticks = plot.trace(v=v, spikes=spikes, neurons=[1, 4], v_threshold=1.0)
    np.testing.assert_array_equal(marks(ticks)[0], np.nonzero(spikes[:, [1, 4]])[0])
    assert not membrane.collections


def test_trace_without_spikes_draws_none():
    _, ticks = plot.trace(v=np.zeros((8, 2)), spikes=np.zeros((8, 2)))
    assert marks(ticks)[0] == []
    ticks.figure.draw_without_rendering()


def test_trace_draws_an_input_as_steps_and_a_membrane_as_a_line(lif):
    x, v, _ = lif
    current, membrane = plot.trace(x=x, v=v)
    assert {line.get_drawstyle() for line in curves(current).values()} == {"steps-mid"}
    assert {line.get_drawstyle() for line in curves(membrane).values()} == {"default"}


def test_trace_and_raster_show_time_in_ms_with_dt(lif):
    x, v, spikes = lif
    axes = plot.trace(x=x, v=v, spikes=spikes, neurons=2, dt=0.5)
    assert axes[-1].get_xlabel() == "Time (ms)"
    assert {panel.get_xlim() for panel in axes} == {(-0.25, 29.75)}
    np.testing.assert_array_equal(curves(axes[1])["neuron 2"].get_xdata(), 0.5 * np.arange(60))
    times = 0.5 * np.flatnonzero(spikes[:, 2])
    np.testing.assert_array_equal(marks(axes[2])[0], times)
    panel = plot.raster(spikes[:, 2:3], dt=0.5)
    np.testing.assert_array_equal(spike_lines(panel)[0].get_xdata(), times)
    assert texts(panel) == [f"{2000 * spikes[:, 2].mean():.3g} Hz"]
    assert (panel.get_xlabel(), panel.get_xlim()) == ("Time (ms)", (-0.25, 29.75))


@pytest.mark.parametrize("dt", [0, -1.0, np.nan, np.inf, True, "1", [1.0]])
def test_a_dt_that_is_no_positive_number_is_refused(lif, dt):
    for call in (lambda: plot.trace(v=lif[1], dt=dt), lambda: plot.raster(lif[2], dt=dt)):
        with pytest.raises(ArgumentError, match=r"expected dt to be a positive number, got .* Pass the length of a time step"):
            call()
    assert plt.get_fignums() == []


def test_a_lone_neuron_has_no_number():
    axes = plot.trace(v=np.ones(5), spikes=np.eye(5)[0])
    assert axes[1].get_ylabel() == "Spikes"
    assert len(axes[1].get_yticks()) == 0


def test_a_neuron_has_the_same_colour_in_every_panel(lif):
    x, v, spikes = lif
    current, membrane, ticks = plot.trace(x=x, v=v, spikes=spikes, neurons=[0, 3, 5])
    colours = [to_hex(line.get_color()) for line in curves(current).values()]
    assert len(set(colours)) == 3
    assert [to_hex(line.get_color()) for line in curves(membrane).values()] == colours
    expected = [colours[row] for row in np.nonzero(spikes[:, [0, 3, 5]])[1]]
    assert marks(ticks)[1] == expected
    assert [label.get_text() for label in ticks.get_yticklabels()] == ["0", "3", "5"]


def test_threshold_and_reset_are_drawn_at_their_values_and_labelled(lif):
    (panel,) = plot.trace(v=lif[1], v_threshold=1.0, v_reset=-0.25)
    assert levels(panel, "--") == [1.0]
    assert levels(panel, ":") == [-0.25]
    assert texts(panel) == ["threshold", "reset"]
    assert panel.get_ylim()[0] < -0.25


def test_each_neurons_own_threshold_has_its_colour(lif):
    threshold = np.array([1.0, 1.1, 1.2, np.inf, 1.4, 1.5])
    (panel,) = plot.trace(v=lif[1], v_threshold=threshold, neurons=[2, 3, 0])
    assert levels(panel, "--") == [1.0, 1.2]
    colours = {line.get_ydata()[0]: line.get_color() for line in panel.lines if line.get_linestyle() == "--"}
    assert colours[1.0] == curves(panel)["neuron 0"].get_color()
    assert colours[1.2] == curves(panel)["neuron 2"].get_color()


def test_an_infinite_threshold_is_left_out(lif):
    (panel,) = plot.trace(v=lif[1], v_threshold=np.inf)
    assert levels(panel, "--") == []
    assert texts(panel) == []


@pytest.mark.parametrize("convert", [np.asarray, np.ndarray.tolist, Tensor], ids=["array", "list", "Tensor"])
def test_trace_takes_arrays_lists_and_tensors_of_one_neuron(lif, convert):
    _, v, spikes = lif
    membrane, ticks = plot.trace(v=convert(v[:, 0]), spikes=convert(spikes[:, 0]), v_threshold=convert(np.array(1.0)))
    np.testing.assert_allclose(curves(membrane)["neuron 0"].get_ydata(), v[:, 0], rtol=1e-6)
    assert len(marks(ticks)[0]) == spikes[:, 0].sum()


def test_trace_shows_a_single_step_as_a_dot():
    (panel,) = plot.trace(v=[0.3])
    assert curves(panel)["neuron 0"].get_marker() == "."


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (ArgumentError, "at least one of x, v, spikes, got none", {}),
        (ShapeError, r"v of shape \[T\], \[T, n\] or \[T, N, ...\], got \(\)", {"v": ()}),
        (ShapeError, r"the same n, got .*'v': \(5, 3\), 'spikes': \(5, 4\)", {"v": (5, 2, 3), "spikes": (5, 2, 4)}),
        (ShapeError, r"spikes of shape .*, got \(0, 2\)", {"spikes": (0, 2)}),
        (ShapeError, r"same T in all.*'v': \(5, 2\), 'spikes': \(6, 2\)", {"v": (5, 2), "spikes": (6, 2)}),
        (ShapeError, r"the same n, got .*'x': \(5, 1\), 'v': \(5, 2\)", {"x": (5,), "v": (5, 2)}),
        (ShapeError, r"v_threshold of shape \(\) or \(2,\), got \(3,\)", {"v": (5, 2), "v_threshold": (3,)}),
        (ShapeError, r"v_reset of shape \(\) or \(2,\), got \(2, 1\)", {"v": (5, 2), "v_reset": (2, 1)}),
    ],
)
def test_trace_rejects_shapes_that_do_not_fit(error, message, arguments):
    with pytest.raises(error, match=r"snn\.plot\.trace: expected .*" + message):
        plot.trace(**{name: np.ones(shape) for name, shape in arguments.items()})
    assert plt.get_fignums() == []


def drawn(axes):
    return [line.get_ydata().tolist() for panel in axes for line in panel.lines]


@pytest.mark.parametrize("shape", [(6, 3, 2), (6, 3, 1, 2)])
def test_trace_and_raster_pick_the_same_sample_of_a_batch(shape):
    v = np.random.default_rng(0).random(shape)
    assert drawn(plot.trace(v=v, sample=2)) == drawn(plot.trace(v=v[:, 2].reshape(6, 2)))
    assert drawn(plot.trace(v=v)) == drawn(plot.trace(v=v, sample=0)) != drawn(plot.trace(v=v, sample=2))
    spikes = v > 0.5
    for sample in range(3):
        wanted = drawn([plot.raster(spikes[:, sample].reshape(6, 2))])
        assert drawn([plot.raster(spikes, sample=sample)]) == wanted
    plt.close("all")


@pytest.mark.parametrize(
    "call", [lambda **k: plot.trace(v=np.ones((5, 3, 2)), **k), lambda **k: plot.raster(np.ones((5, 3, 2)), **k)]
)
def test_a_sample_that_there_is_not_or_that_is_no_int_is_refused(call):
    for sample in (3, -1):
        with pytest.raises(ArgumentError, match=rf"expected sample from 0 to 2, got {sample}. Pick another"):
            call(sample=sample)
    for sample in ("first", 1.0, None, True, [0]):
        with pytest.raises(DTypeError, match="expected sample to be an int, got"):
            call(sample=sample)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("neurons", [2, -1, [0, 2], [0.5], []])
def test_trace_rejects_neurons_that_do_not_exist(neurons):
    with pytest.raises(ArgumentError, match=r"neurons from 0 to 1, got .* Pass indices"):
        plot.trace(v=np.ones((5, 2)), neurons=neurons)
    assert plt.get_fignums() == []


def test_trace_leaves_its_inputs_unchanged(lif):
    copies = [array.copy() for array in lif]
    for array in lif:
        array.flags.writeable = False
    x, v, spikes = lif
    plot.trace(x=x, v=v, spikes=spikes, v_threshold=1.0)
    for array, copy in zip(lif, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def spike_lines(panel):
    return [line for line in panel.lines if line.get_marker() == "|"]


def test_raster_draws_every_spike_of_the_sample_at_its_step_and_neuron():
    spikes = np.random.default_rng(1).random((20, 3, 2, 4)) < 0.2
    panel = plot.raster(spikes, sample=2)
    (line,) = spike_lines(panel)
    times, neurons = np.nonzero(spikes[:, 2].reshape(20, 8))
    np.testing.assert_array_equal(line.get_xdata(), times)
    np.testing.assert_allclose(line.get_ydata(), neurons)
    assert texts(panel) == [f"{spikes[:, 2].mean():.3g} spikes/neuron/step"]


def test_raster_stacks_layers_that_do_not_overlap_and_names_them_with_their_rates():
    generator = np.random.default_rng(2)
    sizes = {"hidden 1": 64, "hidden 2": 128, "output": 10}
    layers = {name: (generator.random((16, 4, n)) < 0.3) * 2.0 for name, n in sizes.items()}
    panel = plot.raster(layers, sample=1)
    lines = spike_lines(panel)
    assert [len(line.get_xdata()) for line in lines] == [np.count_nonzero(train[:, 1]) for train in layers.values()]
    assert len({line.get_color() for line in lines}) == 3
    for below, above in pairwise(lines):
        assert below.get_ydata().max() < above.get_ydata().min()
    low, high = panel.get_ylim()
    assert low < lines[0].get_ydata().min()
    assert lines[-1].get_ydata().max() < high
    rates = {name: (train[:, 1] > 0).mean() for name, train in layers.items()}
    assert texts(panel) == [f"{name}\n{rate:.3g} spikes/neuron/step" for name, rate in rates.items()]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["0", "63", "0", "127", "0", "9"]


def test_raster_of_layers_keeps_its_labels_apart_and_inside_the_figure():
    sizes = {"first": 1000, "second": 10, "third": 10, "fourth": 1}
    panel = plot.raster({name: np.zeros((100, n)) for name, n in sizes.items()})
    panel.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in panel.texts]
    assert all(below.y1 < above.y0 for below, above in pairwise(boxes))
    assert all(box.x1 <= panel.figure.bbox.x1 for box in boxes)


def test_raster_of_a_silent_layer_shows_its_whole_range():
    panel = plot.raster(np.zeros((50, 30)), names="silent")
    panel.figure.draw_without_rendering()
    assert panel.get_xlim() == (-0.5, 49.5)
    assert panel.get_ylim()[0] < 0
    assert panel.get_ylim()[1] > 29
    assert texts(panel) == ["silent\n0 spikes/neuron/step"]


@pytest.mark.parametrize(("steps", "n"), [(500, 1000), (100, 5000), (3, 20_000), (3000, 30)])
def test_raster_of_many_spikes_is_an_image_with_a_dot_where_each_one_is(steps, n):
    spikes = np.random.default_rng(3).random((steps, n)) < (0.5 if n == 30 else 0.02)
    panel = plot.raster(spikes)
    assert not spike_lines(panel)
    (image,) = panel.images
    shown = image.get_array()[..., 3]
    left, right, low, high = image.get_extent()
    height, width = (high - low) / len(shown), (right - left) / shown.shape[1]
    times, neurons = np.nonzero(spikes)
    rows, columns = ((neurons - low) / height).astype(int), ((times - left) / width).astype(int)
    apart = round(1 / width) if width < 1 else 1
    assert (left, low) == (-0.5, -0.5)
    assert (height * 72 * panel.bbox.height / panel.figure.dpi / np.ptp(panel.get_ylim())) < 3 or n == 30
    dots = np.zeros(shown.shape, bool)
    first = columns - columns % apart + (apart - 1) // 2
    dots[rows, first] = True
    dots[rows, first + (apart >= 4)] = True
    np.testing.assert_array_equal(shown > 0, dots)
    assert shown.max() == 255


def test_raster_chooses_for_each_layer_and_a_markersize_asks_for_marks():
    generator = np.random.default_rng(4)
    layers = {"large": generator.random((50, 2000)) < 0.01, "small": generator.random((50, 5)) < 0.2}
    panel = plot.raster(layers)
    assert (len(panel.images), len(spike_lines(panel))) == (1, 1)
    panel = plot.raster(layers, markersize=0.5)
    assert (len(panel.images), len(spike_lines(panel))) == (0, 2)
    assert [len(line.get_xdata()) for line in spike_lines(panel)] == [train.sum() for train in layers.values()]


def test_a_million_spikes_are_one_small_image():
    spikes = np.random.default_rng(5).random((2000, 10_000), np.float32) < 0.05
    assert spikes.sum() > 990_000
    (image,) = plot.raster(spikes).images
    assert image.get_array().size < 2_000_000


def test_raster_respects_axes_names_and_markersize():
    _, ax = plt.subplots()
    panel = plot.raster({"a": Tensor(np.eye(4)), "b": np.eye(4).tolist()}, names=["one", "two"], ax=ax, markersize=3.5)
    assert panel is ax
    assert len(plt.get_fignums()) == 1
    assert [text.partition("\n")[0] for text in texts(panel)] == ["one", "two"]
    assert [line.get_markersize() for line in spike_lines(panel)] == [3.5, 3.5]


@pytest.mark.parametrize(
    ("error", "message", "spikes", "arguments"),
    [
        (ShapeError, r"spikes of shape \[T, n\] or \[T, N, ...\], got \(5,\)", np.ones(5), {}),
        (ShapeError, r"hidden of shape .*, got \(5,\)", {"hidden": np.ones(5)}, {}),
        (ShapeError, "the same T in all.*'a': 5, 'b': 6", {"a": np.ones((5, 2)), "b": np.ones((6, 2))}, {}),
        (ArgumentError, "sample from 0 to 2, got 3", np.ones((5, 3, 2)), {"sample": 3}),
        (ArgumentError, "markersize to be a positive number, got int 0", np.ones((5, 3)), {"markersize": 0}),
        (ArgumentError, "markersize to be a positive number, got str 'large'", np.ones((5, 3)), {"markersize": "large"}),
        (ArgumentError, "1 names, one per layer", np.ones((5, 3)), {"names": ["a", "b"]}),
        (ArgumentError, "at least one of layers, got none", {}, {}),
    ],
)
def test_raster_rejects_what_it_cannot_draw(error, message, spikes, arguments):
    with pytest.raises(error, match=r"snn\.plot\.raster: expected " + message):
        plot.raster(spikes, **arguments)
    assert plt.get_fignums() == []
