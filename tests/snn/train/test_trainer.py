"""The training loop against a plain one, its resume at every step, and its hooks."""

import itertools
import json

import numpy as np
import pytest

import snn
from autograd import nn, optim, value_and_grad
from autograd.errors import (
    ArgumentError,
)
from snn.checkpoint import Checkpoints, load
from snn.train import EarlyStopping, Hook, JSONLines, SaveCheckpoints

from .nets import DiedError, Dies, Tiny, bits, lines


def plainly(tiny, epochs, clip):
    """Train without a trainer; return a line for each epoch."""
    step = value_and_grad(tiny.loss, None, tiny.optimizer.params, has_aux=True)
    history = []
    for epoch in range(1, epochs + 1):
        tiny.net.set_train()
        losses, right, seen = 0.0, 0.0, 0
        for batch in tiny.batches(0):
            (value, metrics), gradients = step(batch)
            tiny.optimizer(optim.clip_by_norm(gradients, clip)[0])
            losses += value.item() * len(batch.labels)
            right += metrics["accuracy"] * len(batch.labels)
            seen += len(batch.labels)
        tiny.net.set_train(False)
        history.append({"epoch": epoch, "train_loss": losses / seen, "train_accuracy": right / seen, **tiny.evaluate()})
    return history


def test_it_gives_the_bits_of_a_plain_loop():
    plain, ours = Tiny(), Tiny()
    trainer = ours.trainer(clip=0.1)
    history = plainly(plain, 3, 0.1)
    assert lines(trainer.fit(3)) == history
    assert bits(trainer) == (*bits(plain.trainer())[:4], history)
    assert (trainer.epoch, trainer.step, ours.net.training) == (3, 15, False)
    before = Tiny().net.state_dict()
    assert all((value != before[name]).any() for name, value in ours.net.state_dict().items())


@pytest.mark.parametrize(("accumulate", "prefetch"), [(1, 0), (2, 2)])
def test_a_run_that_dies_at_every_step_ends_with_the_same_bits(tmp_path, accumulate, prefetch):
    whole = Tiny(prefetch=prefetch).trainer(accumulate=accumulate)
    whole.fit(3)
    for steps in (1, 2, 4):
        place = tmp_path / f"{steps}"
        for starts in itertools.count(1):
            hooks = [
                JSONLines(place / "metrics.jsonl"),
                SaveCheckpoints(place / "saved", seconds=0, best="test_accuracy"),
                Dies(steps),
            ]
            trainer = Tiny(prefetch=prefetch).trainer(hooks=hooks, accumulate=accumulate)
            assert trainer.resume(place / "saved") == (starts > 1)
            try:
                trainer.fit(3)
            except DiedError:
                continue
            break
        assert starts > 2
        assert bits(trainer) == bits(whole)
        written = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
        assert lines(written) == lines(whole.history)
        best = load(Checkpoints(place / "saved").best)
        assert best["score"] == max(line["test_accuracy"] for line in whole.history)


class Widens(Hook):
    """Changes the dropout and the width of delays only where an epoch ends, never where a run is resumed."""

    def on_epoch(self, trainer):
        trainer.net[2].p, trainer.net[5].sigma = 0.1 * trainer.epoch, trainer.net[5].sigma / 2


def test_attributes_that_a_hook_changes_are_resumed(tmp_path):
    def build(*hooks):
        tiny = Tiny()
        tiny.net.append(snn.LearntDelays(3, 3, 4, rng=3))
        tiny.optimizer = optim.Adam(tiny.net.trainable_params(), 0.02)

        def loss(batch):
            out = snn.run(tiny.net, snn.encode.rate(batch.x, 6, tiny.rng), mode="eager").out
            return snn.losses.membrane_cross_entropy(out, batch.labels)

        return tiny.trainer(hooks=[Widens(), *hooks], loss=loss, evaluate=None)

    whole = build()
    whole.fit(4)
    stopped = build(SaveCheckpoints(tmp_path, seconds=0), Dies(12))  # in the third epoch
    with pytest.raises(DiedError):
        stopped.fit(4)
    trainer = build(SaveCheckpoints(tmp_path))
    assert trainer.resume(tmp_path)
    assert (trainer.epoch, trainer.net[2].p, trainer.net[5].sigma) == (2, 0.2, 0.5)
    trainer.fit(4)
    assert bits(trainer) == bits(whole)


def test_more_epochs_go_on_from_where_it_ended(tmp_path):
    whole, first = Tiny().trainer(), Tiny().trainer(hooks=[SaveCheckpoints(tmp_path)])
    whole.fit(4)
    first.fit(2)
    second = Tiny().trainer()
    assert second.resume(tmp_path)
    second.fit(4)
    assert bits(second) == bits(whole)


def test_accumulated_batches_are_one_large_batch():
    def trainer(batch, accumulate):
        rng = np.random.default_rng(0)
        net = nn.SequentialCell(nn.Dense(4, 3, rng=rng), snn.LeakyReadout(beta=0.5))
        x, y = rng.random((20, 4)), rng.integers(0, 3, 20)

        def loss(chosen):
            out = snn.run(net, snn.encode.direct(x[chosen], 4), mode="eager").out
            return snn.losses.cross_entropy(out, y[chosen])

        def batches(start):  # the last is smaller
            return [np.arange(20)[first : first + batch] for first in range(0, 20, batch)][start:]

        return snn.train.Trainer(net, optim.SGD(net.trainable_params(), 0.1), loss, batches, accumulate=accumulate)

    many, one = trainer(3, 7), trainer(20, 1)
    for each in (many, one):
        each.fit(3)
        assert each.step == 3
    for a, b in zip(many.net.get_parameters(), one.net.get_parameters(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert many.history[-1]["train_loss"] == pytest.approx(one.history[-1]["train_loss"], rel=1e-5)


def test_the_rest_of_an_epoch_makes_a_step_too():
    trainer = Tiny().trainer(accumulate=3)  # of 5 batches
    trainer.fit(2)
    assert trainer.step == 4


def test_hooks_are_called_in_order_and_closed_whatever_happens():
    told = []

    class Tells(Hook):
        def __init__(self, name):
            self.name = name

        def on_start(self, trainer):
            told.append((self.name, "start", trainer.step))

        def on_step(self, trainer):
            told.append((self.name, "step", trainer.step))

        def on_epoch(self, trainer):
            told.append((self.name, "epoch", trainer.step))

        def on_end(self, trainer):
            told.append((self.name, "end", trainer.step))

        def close(self):
            told.append((self.name, "close"))

    Tiny().trainer(hooks=[Tells("a"), Tells("b")]).fit(1)
    events = [("start", 0), *(("step", n) for n in range(1, 6)), ("epoch", 5), ("end", 5)]
    assert told == [(name, *event) for event in events for name in "ab"] + [("b", "close"), ("a", "close")]
    told.clear()
    trainer = Tiny().trainer(hooks=[Dies(2), Tells("a")])
    with pytest.raises(DiedError):
        trainer.fit(1)
    assert told == [("a", "start", 0), ("a", "step", 1), ("a", "close")]
    assert not trainer.net.training


def test_the_same_trainer_goes_on_but_not_from_the_middle_of_a_step(tmp_path):
    whole, trainer = Tiny().trainer(), Tiny().trainer(hooks=[SaveCheckpoints(tmp_path / "c"), JSONLines(tmp_path / "m")])
    whole.fit(3)
    trainer.fit(1)
    trainer.fit(3)
    assert bits(trainer) == bits(whole)
    died = Tiny().trainer(hooks=[Dies(2)])
    with pytest.raises(DiedError):
        died.fit(3)
    with pytest.raises(ArgumentError, match=r"expected a training run whose last step is complete, .* Call resume"):
        died.fit(3)
    assert died.resume(tmp_path / "c")
    died.fit(3)
    assert bits(died) == bits(whole)


def test_early_stopping_stops_a_resumed_run_where_the_other_stops(tmp_path):
    def trainer(*hooks):
        tiny = Tiny()
        values = iter([0.5, 0.4, 0.45, 0.39, 0.395, 0.41, 0.1])

        def evaluate():
            return {"test_loss": next(values)}

        return tiny.trainer(hooks=[EarlyStopping("test_loss", 2, lowest=True), *hooks], evaluate=evaluate)

    stopped = trainer(SaveCheckpoints(tmp_path))
    stopped.fit(7)
    assert [line["test_loss"] for line in stopped.history] == [0.5, 0.4, 0.45, 0.39, 0.395, 0.41]
    again = trainer()
    assert again.resume(tmp_path)
    assert len(again.fit(7)) == 6


def test_early_stopping_asks_for_enough():
    history = [{"loss": v} for v in (1.0, 0.95, 0.92, 0.91)]
    for least, stop in ((0.0, False), (0.2, True)):
        trainer = Tiny().trainer()
        trainer.history = history
        EarlyStopping("loss", 3, lowest=True, least=least).on_epoch(trainer)
        assert trainer.stop == stop


def test_a_fit_after_one_that_was_stopped_trains_on():
    class Stops(Hook):
        def on_epoch(self, trainer):
            trainer.stop = trainer.epoch == 1

    trainer, whole = Tiny().trainer(hooks=[Stops()]), Tiny().trainer()
    assert len(trainer.fit(3)) == 1
    assert len(trainer.fit(3)) == 3
    whole.fit(3)
    assert bits(trainer) == bits(whole)


@pytest.mark.parametrize(("lowest", "best"), [(False, 2), (True, 3)])
def test_the_best_is_the_best_of_those_that_are_numbers(tmp_path, lowest, best):
    values = iter([float("nan"), 0.6, 0.3, float("nan")])
    hooks = [SaveCheckpoints(tmp_path, best="score", lowest=lowest)]
    Tiny().trainer(hooks=hooks, evaluate=lambda: {"score": next(values)}).fit(4)
    assert load(Checkpoints(tmp_path).best)["here"]["epoch"] == best
