from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from autograd import Tensor
from autograd.errors import ArgumentError, DTypeError, ShapeError
from snn import plot
from snn.plot.panels import LIGHT
from tests.snn.plot.drawn import curves, texts

HISTORY = [
    {"epoch": 1, "train_loss": 0.9, "test_loss": 1.0, "train_accuracy": 0.6, "test_accuracy": 0.55, "seconds": 3.0},
    {"epoch": 2, "train_loss": 0.5, "test_loss": 0.7, "train_accuracy": 0.8, "test_accuracy": 0.75, "seconds": 3.1},
    {"epoch": 3, "train_loss": 0.3, "test_loss": 0.8, "train_accuracy": 0.9, "test_accuracy": 0.72, "seconds": 3.0},
]


def test_training_draws_losses_left_and_accuracies_in_percent_right():
    loss, accuracy = plot.training(HISTORY)
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("Loss", "Accuracy (%)")
    assert list(curves(loss)) == ["train", "test"]
    np.testing.assert_array_equal(curves(loss)["test"].get_xydata(), [(1, 1.0), (2, 0.7), (3, 0.8)])
    np.testing.assert_allclose(curves(accuracy)["train"].get_ydata(), [60, 80, 90])
    assert {line.get_color() for line in (curves(loss)["train"], curves(accuracy)["train"])} == {LIGHT.colours[0]}


def test_training_marks_the_last_test_accuracy_and_names_its_epoch():
    _, accuracy = plot.training(HISTORY)
    assert list(curves(accuracy)) == ["train", "test"]
    assert accuracy.get_title(loc="right") == "test 72.0% after epoch 3"
    (ring,) = [line for line in accuracy.lines if line.get_markerfacecolor() == "none"]
    np.testing.assert_allclose(ring.get_xydata(), [(3, 72)])


def test_training_takes_accuracies_that_are_percent_already():
    _, accuracy = plot.training([{"train_accuracy": 0.9, "test_accuracy": 1.2}, {"train_accuracy": 97.5}])
    np.testing.assert_allclose(curves(accuracy)["train"].get_xydata(), [(1, 0.9), (2, 97.5)])


def test_training_joins_the_epochs_that_have_a_value():
    history = [{"loss": 0.9, "test_accuracy": None}, {"loss": float("nan")}, {"loss": 0.7, "test_accuracy": 0.5}]
    loss, accuracy = plot.training(history)
    np.testing.assert_array_equal(curves(loss)["loss"].get_xydata(), [(1, 0.9), (3, 0.7)])
    np.testing.assert_array_equal(accuracy.lines[-1].get_xydata(), [(3, 50.0)])


def test_training_says_what_was_not_recorded():
    loss, accuracy = plot.training([{"epoch": 1, "valid_loss": 0.4}])
    assert list(curves(loss)) == ["valid"]
    assert texts(accuracy) == ["not recorded"]
    assert accuracy.get_legend() is None


def test_training_of_one_epoch_shows_markers_at_a_whole_epoch():
    loss, accuracy = plot.training(HISTORY[:1])
    loss.figure.draw_without_rendering()
    for panel in (loss, accuracy):
        assert all(line.get_marker() == "o" for line in panel.lines)
        low, high = panel.get_xlim()
        assert [tick for tick in panel.get_xticks() if low <= tick <= high] == [1]


def test_training_leaves_the_history_unchanged():
    history = [dict(entry) for entry in HISTORY]
    plot.training(history)
    assert history == HISTORY


@pytest.mark.parametrize("history", [[], [{"epoch": 1, "seconds": 2.0}]])
def test_training_without_losses_or_accuracies_is_an_error(history):
    with pytest.raises(ArgumentError, match=r"snn\.plot\.training: expected keys ending in loss or accuracy, got none"):
        plot.training(history)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("history", [{"loss": [1.0]}, "loss", [1.0, 0.5], [("loss", 1.0)]])
def test_a_history_that_is_no_sequence_of_dicts_is_refused(history):
    with pytest.raises(
        DTypeError, match=r"snn\.plot\.training: expected a sequence of dicts, one per epoch, got .* Pass \[\{"
    ):
        plot.training(history)


def cells(panel):
    return {text.get_position()[::-1]: text for text in panel.texts}


def test_confusion_counts_true_rows_and_predicted_columns():
    panel = plot.confusion([0, 0, 0, 1, 2], [0, 0, 2, 1, 1], classes=["cat", "dog", "eel"])
    assert {cell: text.get_text() for cell, text in cells(panel).items()} == {
        (0, 0): "2",
        (0, 2): "1",
        (1, 1): "1",
        (2, 1): "1",
    }
    np.testing.assert_array_equal(panel.images[0].get_array(), [[2, 0, 1], [0, 1, 0], [0, 1, 0]])
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("Predicted", "True")
    assert [label.get_text() for label in panel.get_yticklabels()] == ["cat", "dog", "eel"]
    assert panel.get_title() == "Accuracy 60.0% (N = 5)"


def test_confusion_normalizes_over_the_true_class():
    panel = plot.confusion([0, 0, 0, 0, 2], [0, 0, 0, 1, 2], normalize=True)
    assert {cell: text.get_text() for cell, text in cells(panel).items()} == {
        (0, 0): "0.75",
        (0, 1): "0.25",
        (2, 2): "1.00",
    }


def test_confusion_writes_light_on_dark_cells():
    shown = cells(plot.confusion([0] * 50 + [1] * 2, [0] * 50 + [1, 0]))
    assert shown[0, 0].get_color() == "white"
    assert shown[1, 0].get_color() == "black"


@pytest.mark.parametrize(("n", "numbers"), [(2, True), (10, True), (40, False)])
def test_confusion_has_numbers_or_else_a_colour_bar(n, numbers):
    panel = plot.confusion(np.arange(n), np.arange(n))
    panel.figure.draw_without_rendering()
    assert len(panel.texts) == (n if numbers else 0)
    assert len(panel.child_axes) == (0 if numbers else 1)
    assert len(panel.get_xticks()) == (n if numbers else n // 5)


def test_confusion_takes_small_unsigned_integers_and_tensors_and_leaves_them_unchanged():
    labels, predictions = np.array([0, 200], np.uint8), np.array([3, 200], np.uint8)
    panel = plot.confusion(labels, Tensor(predictions))
    assert panel.images[0].get_array()[200, 200] == 1
    assert panel.images[0].get_array()[0, 3] == 1
    assert (labels.tolist(), predictions.tolist()) == ([0, 200], [3, 200])


def test_confusion_draws_on_the_given_axes():
    _, ax = plt.subplots()
    assert plot.confusion([0, 1], [0, 1], ax=ax) is ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (ShapeError, r"equal shapes \[N\], N > 0, got \(1,\) and \(2,\)", ([1], [1, 2])),
        (ShapeError, r"equal shapes .*, got \(2, 3\) and \(2, 3\)", (np.ones((2, 3)), np.ones((2, 3)))),
        (ShapeError, r"equal shapes .*, got \(0,\) and \(0,\)", ([], [])),
        (DTypeError, "classes to be a sequence of names, got int 2", ([0, 1], [0, 1], 2)),
        (ArgumentError, "integers from 0 to 1, got float64", ([0.0, 1.0], [0.0, 1.0])),
        (ArgumentError, "integers from 0 to 1, got int64 from -1 to 1", ([0, -1], [0, 1])),
        (ArgumentError, "integers from 0 to 1, got int64 from 0 to 2.*name all classes", ([0, 2], [0, 1], "ab")),
    ],
)
def test_confusion_rejects_what_it_cannot_count(error, message, arguments):
    labels, predictions, *classes = arguments
    with pytest.raises(error, match=r"snn\.plot\.confusion: expected " + message):
        plot.confusion(labels, predictions, classes=classes[0] if classes else None)
    assert plt.get_fignums() == []
