"""Metrics."""

import numpy as np
import pytest

from autograd import Tensor
from autograd.errors import ShapeError
from snn import metrics

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
        "metrics.predictions: expected [N, classes] or [T, N, classes], got ndarray [3] Float64. Pass the output of snn.run."
    )


@pytest.mark.parametrize(
    ("scores", "labels", "n", "got"), [(SCORES, [0, 1], 3, "[2] Int64"), (SCORES[:0], [], 0, "[0] Float64")]
)
def test_another_number_of_labels_or_none_at_all_is_refused(scores, labels, n, got):
    assert refused(metrics.accuracy, scores, labels) == (
        f"metrics.accuracy, labels: expected [{n}], at least one, got ndarray {got}. One a sample."
    )


@pytest.mark.parametrize(
    ("mask", "got"), [(np.ones((2, 3), bool), "ndarray [2, 3] Bool"), (np.ones((3, 2)), "ndarray [3, 2] Float64")]
)
def test_a_mask_that_does_not_fit_is_refused(mask, got):
    assert refused(metrics.firing_rate, np.ones((3, 2, 4)), mask=mask) == (
        f"metrics.firing_rate, mask: expected [3, 2] Bool, got {got}. As in the run."
    )
