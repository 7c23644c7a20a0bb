from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from autograd import nn
from autograd.errors import ArgumentError, NonFiniteError, ShapeError
from snn import plot


def matrix(*shape):
    return np.random.default_rng(0).normal(size=shape)


def test_weights_are_an_image_with_zero_in_the_middle_of_its_colours():
    layer = nn.Dense(7, 5, rng=0)
    panel = plot.weights(layer.weight)
    (image,) = panel.images
    np.testing.assert_array_equal(image.get_array(), layer.weight.asnumpy())
    low, high = image.get_clim()
    assert low == -high == -np.abs(layer.weight.asnumpy()).max()
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("Input", "Neuron")
    (bar,) = panel.child_axes
    assert bar.get_ylabel() == "Weight"
    panel.figure.draw_without_rendering()
    assert bar.yaxis.label.get_window_extent().x1 <= panel.figure.bbox.x1 + 1


def test_weights_of_zero_are_drawn():
    assert plot.weights(np.zeros((2, 2))).images[0].get_clim() == (-1, 1)


@pytest.mark.parametrize(("count", "columns", "rows"), [(6, 3, 2), (5, 3, 2), (1, None, 1), (6, 6, 1)])
def test_fields_stand_side_by_side_with_a_gap(count, columns, rows):
    kernels = matrix(count, 12)
    panel = plot.fields(kernels, shape=(3, 4), columns=columns)
    sheet = panel.images[0].get_array().filled(np.nan)
    across = columns or 1
    assert sheet.shape == (4 * rows - 1, 5 * across - 1)
    for number in range(count):
        row, column = divmod(number, across)
        np.testing.assert_array_equal(sheet[4 * row : 4 * row + 3, 5 * column : 5 * column + 4], kernels[number].reshape(3, 4))
    assert np.isfinite(sheet).sum() == kernels.size


def test_fields_take_squares_and_kernels_of_convolutions():
    assert plot.fields(matrix(2, 16), columns=2).images[0].get_array().shape == (4, 9)
    kernels = nn.Conv2d(2, 4, 3, rng=0).weight
    sheet = plot.fields(kernels, columns=4).images[0].get_array()
    assert sheet.shape == (6, 15)
    np.testing.assert_array_equal(sheet[3:6, 4:7], kernels.asnumpy()[1, 1])


def test_fields_of_many_neurons_are_about_as_wide_as_high():
    sheet = plot.fields(matrix(100, 9)).images[0].get_array()
    assert sheet.shape == (39, 39)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot.weights(np.ones(3)), ShapeError, r"weights: expected a matrix \[out, in\]"),
        (lambda: plot.weights(np.ones((0, 3))), ShapeError, "weights: expected matrix with weights in it"),
        (lambda: plot.weights([[1, np.nan]]), NonFiniteError, "weights: expected finite weights, got 1 that are not"),
        (
            lambda: plot.fields(np.ones((2, 12))),
            ShapeError,
            "the height and width of 12 inputs, got None, and 12 is not a square number",
        ),
        (lambda: plot.fields(np.ones((2, 12)), shape=(5, 2)), ShapeError, "the height and width of 12 inputs, got tuple"),
        (lambda: plot.fields(np.ones((2, 12)), shape=3), ShapeError, "the height and width of 12 inputs, got int 3"),
        (lambda: plot.fields(np.ones((2, 1, 3, 3)), shape=(3, 3)), ShapeError, "no shape for kernels of a convolution"),
        (lambda: plot.fields(np.ones((2, 9)), columns=0), ArgumentError, "columns to be a whole number from 1 to 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert plt.get_fignums() == []
