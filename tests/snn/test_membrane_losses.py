"""Losses on a recorded membrane: which ones learn, which ones warn, and the choice from a record."""

import warnings

import numpy as np
import pytest

import snn
from autograd import Tensor, nn, optim, value_and_grad
from autograd.errors import ArgumentError
from snn import losses, metrics

LABELS = np.arange(40) % 5
X = (np.random.default_rng(0).random((5, 20))[LABELS] + 0.3 * np.random.default_rng(1).standard_normal((40, 20))).astype(
    np.float32
)
MEMBRANE = [losses.membrane_cross_entropy, losses.max_membrane_cross_entropy, losses.stepwise_cross_entropy]
on_membranes = pytest.mark.parametrize("loss", MEMBRANE, ids=lambda loss: loss.__name__)
TEXT = (
    "a gradient of '1.v.*' passes through the reset and teaches the right class to fire less. To count spikes, give the last "
    "neurons detach_reset=True or v_reset='never'; or use a readout that never fires, such as snn.LeakyReadout."
)


def net(**options):
    hidden = nn.Dense(20, 24, rng=1), snn.LIFNode(beta=0.9)
    return nn.SequentialCell(*hidden, nn.Dense(24, 5, rng=2), snn.LIFNode(beta=0.9, **options))


def learnt(what, **options):
    """Return accuracies by membrane and by count after training on the cross entropy of the membrane in each step."""
    cell = net(**options)
    x, weights = snn.encode.direct(X, 10), cell.trainable_params()
    optimizer = optim.Adam(weights, 1e-2)

    def loss():
        spikes, _, record = snn.run(cell, x, record=[what], mode="eager")
        return losses.stepwise_cross_entropy(record[f"3.{what}"], LABELS), (spikes, record[f"3.{what}"])

    step = value_and_grad(loss, None, weights, has_aux=True)
    for _ in range(25):
        (_, (spikes, v)), gradients = step()
        optimizer(gradients)
    assert spikes.asnumpy().any()
    return metrics.accuracy(v, LABELS, readout="sum"), metrics.accuracy(spikes, LABELS, readout="count")


@pytest.mark.parametrize(
    ("what", "options"),
    [("v_before_reset", {"detach_reset": True}), ("v", {"detach_reset": True}), ("v", {"v_reset": "never"})],
)
def test_the_ways_that_are_advised_learn_both_readouts(what, options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_membrane, by_count = learnt(what, **options)
    assert by_membrane > 0.9
    assert by_count > 0.85


@pytest.mark.filterwarnings("ignore:stepwise_cross_entropy")
@pytest.mark.parametrize("what", ["v", "v_before_reset"])
def test_what_is_warned_of_answers_by_the_membrane_and_not_by_spikes(what):
    by_membrane, by_count = learnt(what)
    assert by_membrane > 0.9
    assert by_count < 0.5


def record_of(node, names, mode="eager", x=X):
    return snn.run(nn.SequentialCell(nn.Dense(20, 5, rng=0), node), snn.encode.direct(x, 4), record=names, mode=mode)[2]


@pytest.mark.parametrize("mode", ["eager", "python"])
@pytest.mark.parametrize("what", ["v", "v_before_reset"])
@on_membranes
def test_a_membrane_whose_reset_passes_a_gradient_is_warned_of(loss, what, mode):
    record = record_of(snn.LIFNode(beta=0.9), [what], mode, X[:2])
    with pytest.warns(UserWarning, match=f"{loss.__name__}: {TEXT}") as caught:
        loss(record[f"1.{what}"], LABELS[:2])
    assert caught[0].filename == __file__


QUIET = {
    "detached": lambda: record_of(snn.LIFNode(beta=0.9, detach_reset=True), ["v"])["1.v"],
    "no reset": lambda: record_of(snn.LIFNode(beta=0.9, v_reset="never"), ["v"])["1.v"],
    "no spikes": lambda: record_of(snn.LIFNode(beta=0.9, fire=False), ["v"])["1.v"],
    "readout": lambda: record_of(snn.LeakyReadout(beta=0.9), ["v"])["1.v"],
    "late reset of snnTorch": lambda: record_of(snn.LIFNode.dialect("snntorch", beta=0.9), ["v"])["1.v"],
    "another variable": lambda: record_of(snn.CurrentLIFNode(), ["i"])["1.i"],
    "what was made of it": lambda: record_of(snn.LIFNode(beta=0.9), ["v"])["1.v"] * 1.0,
    "an array": lambda: record_of(snn.LIFNode(beta=0.9), ["v"])["1.v"].asnumpy(),
}


@pytest.mark.parametrize("make", QUIET.values(), ids=QUIET)
@on_membranes
def test_nothing_else_is_warned_of(loss, make):
    membrane = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(loss(membrane, LABELS).item())


def test_metrics_read_any_membrane_without_a_warning():
    record = record_of(snn.LIFNode(beta=0.9), ["v", "v_before_reset"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metrics.accuracy(record["1.v"], LABELS) >= 0
        assert (
            metrics.predictions(record, readout="max") == metrics.predictions(record["1.v_before_reset"], readout="max")
        ).all()


def test_what_is_known_of_a_membrane_goes_with_it():
    from snn.readout import _resetting

    before = len(_resetting)
    record = record_of(snn.LIFNode(beta=0.9), ["v", "v_before_reset"])
    assert len(_resetting) == before + 2
    del record
    assert len(_resetting) == before


@on_membranes
def test_a_record_gives_its_last_membrane_before_the_reset(loss):
    _, _, record = snn.run(
        net(detach_reset=True), snn.encode.direct(X, 4), record=["v", "v_before_reset", "spike"], mode="eager"
    )
    assert loss(record, LABELS).item() == loss(record["3.v_before_reset"], LABELS).item()
    assert loss(record, LABELS).item() != loss(Tensor(record["3.v"].asnumpy()), LABELS).item()


@on_membranes
def test_a_record_without_a_membrane_before_the_reset_is_refused(loss):
    with pytest.raises(ArgumentError) as error:
        loss(record_of(snn.LIFNode(beta=0.9), ["v", "spike"]), LABELS)
    assert str(error.value) == (
        f"{loss.__name__}: expected a membrane or a record with v_before_reset, got a record with 1.v, 1.spike. "
        "Run with record=['v_before_reset'], or pass the output of a readout that never fires."
    )
