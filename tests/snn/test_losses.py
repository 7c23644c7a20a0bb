"""Losses against plain numpy formulas, their gradients against finite differences."""

import numpy as np
import pytest

from autograd import Tensor, check_grad, grad
from autograd.errors import ArgumentError, DTypeError, ShapeError
from snn import losses

RNG = np.random.default_rng(0)
OVER_TIME = RNG.normal(size=(6, 4, 3))
LABELS = np.array([2, 0, 1, 2])
MASK = np.arange(6)[:, None] < np.array([6, 2, 1, 4])


def softmax_entropy(scores, labels):
    total = 0.0
    for row, label in zip(scores, labels, strict=True):
        total -= np.log(np.exp(row[label]) / np.exp(row).sum())
    return total / len(labels)


def masked_max(v):
    return np.array([v[MASK[:, n], n].max(0) for n in range(v.shape[1])])


LOSSES = {
    "cross_entropy": (lambda v: losses.cross_entropy(v.sum(0), LABELS), lambda v: softmax_entropy(v.sum(0), LABELS)),
    "count": (lambda v: losses.count_cross_entropy(v, LABELS), lambda v: softmax_entropy(v.sum(0), LABELS)),
    "membrane": (lambda v: losses.membrane_cross_entropy(v, LABELS), lambda v: softmax_entropy(v.sum(0), LABELS)),
    "max": (lambda v: losses.max_membrane_cross_entropy(v, LABELS), lambda v: softmax_entropy(v.max(0), LABELS)),
    "max, mask": (
        lambda v: losses.max_membrane_cross_entropy(v, LABELS, MASK),
        lambda v: softmax_entropy(masked_max(v), LABELS),
    ),
    "readout": (lambda v: losses.cross_entropy(v, LABELS, readout="last"), lambda v: softmax_entropy(v[-1], LABELS)),
    "stepwise": (
        lambda v: losses.stepwise_cross_entropy(v, LABELS),
        lambda v: np.mean([softmax_entropy(scores, LABELS) for scores in v]),
    ),
    "stepwise, mask": (
        lambda v: losses.stepwise_cross_entropy(v, LABELS, MASK),
        lambda v: np.mean([softmax_entropy(v[MASK[:, n], n], [LABELS[n]] * MASK[:, n].sum()) for n in range(4)]),
    ),
    "rate_mse": (lambda v: losses.rate_mse(v, LABELS), lambda v: ((v.mean(0) - np.eye(3)[LABELS]) ** 2).mean()),
    "rate_mse, rates": (
        lambda v: losses.rate_mse(v, LABELS, correct=0.8, incorrect=0.1),
        lambda v: ((v.mean(0) - (0.1 + 0.7 * np.eye(3)[LABELS])) ** 2).mean(),
    ),
    "rate_mse, targets": (
        lambda v: losses.rate_mse(v, np.full((4, 3), 0.3)),
        lambda v: ((v.mean(0) - 0.3) ** 2).mean(),
    ),
}
every_loss = pytest.mark.parametrize(("loss", "formula"), LOSSES.values(), ids=LOSSES)
over_time = pytest.mark.parametrize(
    "loss",
    [getattr(losses, name) for name in losses.__all__ if name != "cross_entropy"],
    ids=lambda loss: loss.__name__,
)


@every_loss
def test_value_is_that_of_the_formula(loss, formula):
    value = loss(Tensor(OVER_TIME))
    assert value.shape == ()
    assert value.dtype == np.float64
    assert value.item() == pytest.approx(formula(OVER_TIME), rel=1e-12)


@every_loss
def test_gradient_is_that_by_finite_differences(loss, formula):
    check_grad(loss, OVER_TIME)


@every_loss
def test_float32_stays_float32(loss, formula):
    v = Tensor(OVER_TIME.astype(np.float32))
    assert loss(v).dtype == np.float32
    assert grad(loss)(v).dtype == np.float32


@pytest.mark.parametrize("labels", [LABELS.tolist(), LABELS.astype(np.uint8), Tensor(LABELS)], ids=["list", "uint8", "Tensor"])
@over_time
def test_labels_may_be_any_whole_numbers(loss, labels):
    assert loss(OVER_TIME, labels).item() == loss(OVER_TIME, LABELS).item()


def test_counts_of_large_amplitude_give_a_finite_loss_and_gradient():
    spikes = np.zeros((5, 2, 3), np.float32)
    spikes[:, 0, 0] = spikes[:, 1, 2] = 1e4
    value = losses.count_cross_entropy(spikes, [0, 0])
    assert value.item() == pytest.approx(2.5e4)
    assert np.isfinite(grad(lambda s: losses.count_cross_entropy(s, [0, 0]))(spikes).asnumpy()).all()


def test_steps_that_are_masked_out_do_not_count_whatever_they_hold():
    v = np.where(MASK[..., None], OVER_TIME, 1e6)
    assert losses.max_membrane_cross_entropy(v, LABELS, MASK).item() == LOSSES["max, mask"][0](Tensor(OVER_TIME)).item()
    by_v = grad(lambda v: losses.max_membrane_cross_entropy(v, LABELS, MASK))(v).asnumpy()
    assert not by_v[~MASK].any()
    assert np.isfinite(by_v).all()


def test_a_perfect_rate_has_no_error():
    spikes = np.zeros((4, 2, 3), np.float32)
    spikes[:, 0, 1] = spikes[:, 1, 2] = 1
    assert losses.rate_mse(spikes, [1, 2]).item() == 0


# Bad input


def refused(kind, loss, *args):
    with pytest.raises(kind) as error:
        loss(*args)
    return str(error.value)


@over_time
def test_outputs_that_are_not_time_batch_and_classes(loss):
    assert refused(ShapeError, loss, Tensor(OVER_TIME[0]), LABELS) == (
        f"{loss.__name__}: expected [T, N, classes], got [4, 3] Float64. "
        "Pass the output of snn.run, with one neuron per class."
    )


@over_time
def test_labels_for_another_number_of_samples(loss):
    assert refused(ShapeError, loss, OVER_TIME, LABELS[:3]) == (
        f"{loss.__name__}, labels: expected [N] for scores [N, classes] = [4, 3], got ndarray [3] Int64. "
        "Pass one label per sample, such as labels.argmax(-1) of one-hot labels. Is time the first axis of the scores?"
    )


@pytest.mark.parametrize(("label", "got"), [(3, "0 to 3"), (-1, "-1 to 2")])
@over_time
def test_a_label_that_is_no_class(loss, label, got):
    labels = np.array([label, 0, 1, 2])
    assert refused(ArgumentError, loss, OVER_TIME, labels).endswith(
        f", labels: expected classes 0 to 2, got {got}. Give the last layer one neuron for each class."
    )


def test_labels_that_are_no_whole_numbers():
    assert refused(DTypeError, losses.count_cross_entropy, OVER_TIME, LABELS.astype(float)) == (
        "count_cross_entropy, labels: expected whole numbers, got ndarray [4] Float64. Convert them with .astype(int)."
    )


def test_target_rates_of_another_shape():
    assert refused(ShapeError, losses.rate_mse, OVER_TIME, np.zeros((4, 2))) == (
        "rate_mse, targets: expected [4, 3], got [4, 2] Float64. Pass one rate per output."
    )


@pytest.mark.parametrize(
    ("mask", "got"),
    [
        (MASK[:5], "ndarray [5, 4] Bool"),
        (MASK.astype(int), "ndarray [6, 4] Int64"),
        (np.zeros((6, 4), bool), "ndarray [6, 4] Bool"),
    ],
    ids=["shape", "dtype", "no step"],
)
def test_a_mask_that_does_not_fit_or_leaves_a_sample_without_a_step(mask, got):
    assert refused(ShapeError, losses.max_membrane_cross_entropy, OVER_TIME, LABELS, mask) == (
        f"max_membrane_cross_entropy, mask: expected [T, N] = [6, 4] Bool with a step for each sample, got {got}. "
        "Pass the mask of the run."
    )


def test_a_mask_leaves_out_the_steps_that_do_not_count():
    spikes = np.zeros((4, 2, 3), np.float32)
    spikes[:2, 0, 1] = 1
    spikes[2:, 0] = 9
    mask = np.ones((4, 2), bool)
    mask[2:, 0] = False
    cut = [losses.rate_mse(spikes[:2, :1], [1]).item(), losses.rate_mse(spikes[:, 1:], [0]).item()]
    assert losses.rate_mse(spikes, [1, 0], mask=mask).item() == pytest.approx(np.mean(cut))
    cut = [losses.membrane_cross_entropy(spikes[:2, :1], [1]).item(), losses.membrane_cross_entropy(spikes[:, 1:], [0]).item()]
    assert losses.membrane_cross_entropy(spikes, [1, 0], mask).item() == pytest.approx(np.mean(cut))
