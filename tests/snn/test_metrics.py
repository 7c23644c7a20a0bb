"""Metrics."""

import numpy as np
import pytest

from autograd import Tensor
from autograd.errors import ArgumentError, NonFiniteError, ShapeError
from snn import losses, metrics
from snn.readout import READOUTS

SCORES = np.array([[0.1, 0.7, 0.2], [3.0, 1.0, 2.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize("kind", [np.asarray, Tensor, lambda x: x.tolist()], ids=["array", "Tensor", "list"])
def test_predictions_are_the_classes_of_the_largest_score(kind):
    guessed = metrics.predictions(kind(SCORES))
    assert guessed.tolist() == [1, 0, 2]
    assert guessed.dtype == np.int64


def test_predictions_over_time_are_those_of_the_sum():
    spikes = np.zeros((5, 2, 3), np.float32)
    spikes[:2, 0, 2] = spikes[4, 0, 0] = spikes[3, 1, 1] = 1
    assert metrics.predictions(spikes).tolist() == [2, 1]


def test_a_tie_goes_to_the_lower_class():
    assert metrics.predictions(np.array([[1, 2, 2], [0, 0, 0]])).tolist() == [1, 0]


@pytest.mark.parametrize(("labels", "share"), [([1, 0, 2], 1.0), ([1, 1, 2], 2 / 3), ([0, 1, 0], 0.0)])
def test_accuracy_is_the_share_of_right_classes(labels, share):
    value = metrics.accuracy(SCORES, labels)
    assert type(value) is float
    assert value == share


def test_firing_rate_is_spikes_per_neuron_and_step_whatever_their_amplitude():
    spikes = np.zeros((10, 2, 3))
    spikes[:3, 0, 0], spikes[::2, 1, 2] = 0.5, -2.0
    rate = metrics.firing_rate(spikes)
    assert type(rate) is float
    assert rate == 8 / 60
    np.testing.assert_allclose(metrics.firing_rate(Tensor(spikes), axis=(0, 1)), [3 / 20, 0, 5 / 20])
    np.testing.assert_allclose(metrics.firing_rate(spikes, axis=0)[1], [0, 0, 0.5])


def test_firing_rate_counts_only_where_the_mask_is_true():
    mask = np.arange(10)[:, None] < np.array([4, 10])
    spikes = np.ones((10, 2, 3, 2))
    spikes[4:, 1] = 0
    assert metrics.firing_rate(spikes, mask=mask) == (4 + 4) / 14
    np.testing.assert_allclose(metrics.firing_rate(spikes, axis=(0, 2, 3), mask=mask), [1.0, 0.4])


def refused(function, *args, **options):
    with pytest.raises(ShapeError) as error:
        function(*args, **options)
    return str(error.value)


def test_scores_of_another_number_of_axes_are_refused():
    assert refused(metrics.predictions, SCORES[0]) == (
        "metrics.predictions: expected [N, classes] or [T, N, classes], got [3] Float64. "
        "Pass the output of snn.run, with one neuron per class."
    )


@pytest.mark.parametrize(
    ("scores", "labels", "text"),
    [
        (
            SCORES, [0, 1],
            "expected [N] for scores [N, classes] = [3, 3], got ndarray [2] Int64. Pass one label per sample, such as "
            "labels.argmax(-1) of one-hot labels. Is time the first axis of the scores?",
        ),
        (SCORES[:0], [], "expected at least one sample, got ndarray [0] Float64. An empty batch has no mean."),
    ],
)  # fmt: skip
def test_another_number_of_labels_or_none_at_all_is_refused(scores, labels, text):
    assert refused(metrics.accuracy, scores, labels) == f"metrics.accuracy, labels: {text}"


@pytest.mark.parametrize(
    ("mask", "got"), [(np.ones((2, 3), bool), "ndarray [2, 3] Bool"), (np.ones((3, 2)), "ndarray [3, 2] Float64")]
)
def test_a_mask_that_does_not_fit_is_refused(mask, got):
    assert refused(metrics.firing_rate, np.ones((3, 2, 4)), mask=mask) == (
        f"metrics.firing_rate, mask: expected [T, N] = [3, 2] Bool, got {got}. Pass the mask of the run."
    )


# Readouts

SPIKES = np.zeros((6, 2, 3), np.float32)
SPIKES[[1, 2, 3], 0, 0] = SPIKES[0, 0, 1] = 1  # class 0 fires most, class 1 first
SPIKES[5, 0, 2] = 2.5  # class 2 is largest, and last
SPIKES[4:, 1, 1] = SPIKES[3, 1, 2] = 1
ANSWERS = {"count": [0, 1], "sum": [0, 1], "rate": [0, 1], "max": [2, 1], "last": [2, 1], "first_spike": [1, 2]}


@pytest.mark.parametrize(("readout", "answer"), ANSWERS.items())
def test_each_readout_answers_by_its_own_scores(readout, answer):
    assert metrics.predictions(SPIKES, readout=readout).tolist() == answer
    assert metrics.accuracy(SPIKES, answer, readout=readout) == 1.0


def test_every_readout_is_tried():
    assert set(ANSWERS) == set(READOUTS)


def test_a_neuron_that_never_fires_comes_last():
    assert metrics.predictions(SPIKES[:, :, [2, 0]] * [0, 1], readout="first_spike").tolist() == [1, 0]


def test_accuracy_is_that_of_the_readout_of_the_loss():
    """A net that is right by the largest membrane in the steps that count, and wrong by its sum."""
    v = np.zeros((10, 4, 3), np.float32)
    labels, mask = np.array([0, 1, 2, 1]), np.arange(10)[:, None] < np.array([10, 5, 4, 3])
    v[2, range(4), labels] = 5
    v[:, range(4), (labels + 1) % 3] = 1
    v[9, range(1, 4)] += np.roll(np.eye(3)[labels[1:]], 2, 1) * 50
    assert metrics.accuracy(v, labels) == 0.0
    assert metrics.accuracy(v, labels, mask, readout="max") == 1.0
    loss = losses.max_membrane_cross_entropy
    assert loss(v, labels, mask).item() < 0.1 < loss(v, (labels + 1) % 3, mask).item()


def test_a_score_that_is_nan_is_no_answer():
    with pytest.raises(NonFiniteError) as error:
        metrics.accuracy(np.array([[0.0, 1.0], [np.nan, 0.0]]), [1, 0])
    assert str(error.value) == (
        "metrics.accuracy: expected scores that are numbers, got NaN for sample 1, class 0. "
        "snn.run(..., check=True) finds where it starts; mask= excludes steps that do not count."
    )


@pytest.mark.parametrize("readout", ["membrane", None, 3, ["max"]])
@pytest.mark.parametrize("function", [metrics.predictions, lambda out, **k: losses.cross_entropy(out, [0, 1], **k)])
def test_a_readout_that_there_is_not_is_refused(function, readout):
    with pytest.raises(ArgumentError, match="expected a readout among count, sum, rate, max, last, first_spike, got"):
        function(SPIKES, readout=readout)


def test_labels_before_the_output_are_noticed():
    with pytest.raises(ShapeError, match=r"got \[2\] Int64. The output of snn.run comes first, then the labels."):
        metrics.accuracy([0, 1], SPIKES)


def test_a_label_that_is_no_class_is_refused():
    with pytest.raises(ArgumentError, match=r"metrics.accuracy, labels: expected classes 0 to 2, got 1 to 3"):
        metrics.accuracy(SCORES, [1, 2, 3])


@pytest.mark.parametrize("axis", [3, (0, 5), "time"])
def test_axes_that_there_are_not_are_refused(axis):
    with pytest.raises(ShapeError, match=r"metrics.firing_rate, axis: expected axes of ndarray"):
        metrics.firing_rate(SPIKES, axis=axis)


def test_a_mean_over_nothing_is_refused():
    with pytest.raises(ShapeError, match="at least one step that counts in each mean"):
        metrics.firing_rate(SPIKES, axis=0, mask=np.ones((6, 2), bool) & [True, False])
