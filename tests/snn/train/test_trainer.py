"""The loop beside a plain one, its resume at every step, its hooks and what it refuses."""

import itertools
import json
import os
import signal
import sys

import numpy as np
import pytest

import snn
from autograd import nn, optim, value_and_grad
from autograd.errors import (
    ArgumentError,
    CheckpointError,
    DTypeError,
    MissingExtraError,
    NonFiniteError,
    PositionError,
    WriteError,
)
from snn.checkpoint import Checkpoints, load
from snn.train import EarlyStopping, Hook, JSONLines, Progress, SaveCheckpoints, TensorBoard

from .nets import Tiny, bits, lines


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


class DiedError(Exception):
    pass


class Dies(Hook):
    """Ends the process, as far as a test can, after some steps."""

    def __init__(self, steps):
        self.left = steps

    def on_step(self, trainer):
        self.left -= 1
        if not self.left:
            raise DiedError


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
    with pytest.raises(ArgumentError, match=r"Trainer.fit: expected a training whose last step is whole, .* Call resume"):
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


# Ctrl-C


class Presses(Hook):
    """Ctrl-C, twice if asked to, at a step."""

    def __init__(self, at, times=1):
        self.at, self.times = at, times

    def on_step(self, trainer):
        if trainer.step == self.at:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("at", [1, 5, 8])
def test_after_ctrl_c_it_ends_with_a_checkpoint_of_that_step(tmp_path, at):
    whole = Tiny().trainer()
    whole.fit(2)
    trainer = Tiny().trainer(hooks=[Presses(at), SaveCheckpoints(tmp_path)])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(2)
    assert (trainer.step, load(Checkpoints(tmp_path).last)["step"]) == (at, at)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    again = Tiny().trainer()
    assert again.resume(tmp_path)
    again.fit(2)
    assert bits(again) == bits(whole)


def test_ctrl_c_twice_interrupts_at_once(tmp_path):
    trainer = Tiny().trainer(hooks=[SaveCheckpoints(tmp_path), Presses(3, times=2)])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(2)
    assert load(Checkpoints(tmp_path).last)["step"] == 0  # the one before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_user_s_own_stays(monkeypatch):
    caught = []
    before = signal.signal(signal.SIGINT, lambda *_: caught.append(1))
    try:
        Tiny().trainer(hooks=[Presses(2)]).fit(1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert caught == [1]


# What it refuses


def test_a_new_run_in_the_place_of_another_is_refused(tmp_path):
    Tiny().trainer(hooks=[SaveCheckpoints(tmp_path / "c"), JSONLines(tmp_path / "m")]).fit(1)
    before = (tmp_path / "m").read_bytes()
    with pytest.raises(CheckpointError, match=r"expected an empty directory for a new run, got step-0*5.safetensors"):
        Tiny().trainer(hooks=[SaveCheckpoints(tmp_path / "c")]).fit(1)
    with pytest.raises(ArgumentError, match=r"JSONLines: expected a new file for a new run, got .*m, which has lines"):
        Tiny().trainer(hooks=[JSONLines(tmp_path / "m")]).fit(1)
    assert (tmp_path / "m").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"config": {"a": 2}}, "expected a=1, got a=2"),
        ({"config": {}}, "expected a=1, got a=None"),
        ({"config": {"a": 1}, "accumulate": 2}, "expected accumulate=1, got accumulate=2"),
        ({"config": {"a": 1}, "clip": None}, r"expected clip=1\.0, got clip=None"),
        (
            {"config": {"a": 1}, "rng": np.random.default_rng(0)},
            "generators: expected a dict of rng, order, got a dict of rng",
        ),
    ],
)
def test_another_configuration_is_refused_and_nothing_is_loaded(tmp_path, options, text):
    Tiny().trainer(hooks=[SaveCheckpoints(tmp_path)], config={"a": 1}).fit(1)
    trainer = Tiny().trainer(**options)
    before = bits(trainer)
    with pytest.raises(CheckpointError, match=text):
        trainer.resume(tmp_path)
    assert bits(trainer) == before


def test_other_data_is_refused(tmp_path):
    with pytest.raises(DiedError):
        Tiny().trainer(hooks=[SaveCheckpoints(tmp_path, steps=2), Dies(2)]).fit(1)
    trainer = Tiny(samples=80).trainer()
    trainer.resume(tmp_path)
    with pytest.raises(CheckpointError, match="expected an epoch of 5 batches, as when it began, got one of 10"):
        trainer.fit(1)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    Checkpoints(tmp_path).save(1, net=Tiny().net)
    with pytest.raises(CheckpointError, match="expected one of a Trainer, got one of step, score, net"):
        Tiny().trainer().resume(tmp_path)


def given(tiny, loss):
    return snn.train.Trainer(tiny.net, tiny.optimizer, loss, tiny.batches).fit(1)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda t: t.trainer(accumulate=0), ArgumentError, "expected accumulate, a whole number of at least 1, got 0"),
        (lambda t: t.trainer(clip=0.0), ArgumentError, "expected a positive clip, got 0.0"),
        (lambda t: snn.train.Trainer(t.net, t.optimizer, t.loss, [1]), DTypeError, "expected batches, a function"),
        (
            lambda t: snn.train.Trainer(t.net, t.optimizer, t.loss, lambda start: []).fit(1),
            ArgumentError,
            "at least one batch",
        ),
        (
            lambda t: t.trainer(hooks=[EarlyStopping("los", 1, lowest=True)]).fit(1),
            PositionError,
            "a metric among epoch, train_loss",
        ),
        (
            lambda t: t.trainer(evaluate=lambda: {"train_loss": 1}).fit(1),
            ArgumentError,
            "evaluate: expected metrics with names",
        ),
        (lambda t: t.trainer(evaluate=lambda: 0.5).fit(1), DTypeError, "evaluate: expected metrics as a dict"),
        (
            lambda t: given(t, lambda b: (t.net[0].weight.sum(), {"loss": 1})),
            ArgumentError,
            "loss: expected metrics with names",
        ),
        (lambda t: given(t, lambda b: (t.net[0].weight.sum(), 0.5)), DTypeError, "loss: expected metrics as a dict"),
        (lambda t: given(t, lambda b: 0.5), DTypeError, "loss: expected a Tensor, or a pair of it and a dict"),
        (lambda t: EarlyStopping("loss", 0, lowest=True), ArgumentError, "patience, a whole number of at least 1"),
        (lambda t: SaveCheckpoints("x", seconds=-1), ArgumentError, "seconds of at least 0"),
        (lambda t: SaveCheckpoints("x", steps=0), ArgumentError, "steps, a whole number of at least 1"),
    ],
)
def test_what_cannot_be_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make(Tiny())


def test_a_gradient_that_is_not_finite_ends_it_and_the_checkpoint_stays(tmp_path):
    tiny = Tiny()

    def loss(batch):
        value, metrics = Tiny.loss(tiny, batch)
        return (value * float("nan") if tiny.optimizer.steps == 3 else value), metrics

    tiny.loss = loss
    with pytest.raises(NonFiniteError, match="Nothing was updated"):
        tiny.trainer(hooks=[SaveCheckpoints(tmp_path, seconds=0)]).fit(1)
    assert load(Checkpoints(tmp_path).last)["step"] == 3


def test_a_disk_that_is_full_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    class Fills(Hook):
        def on_step(self, trainer):
            if trainer.step == 3:
                monkeypatch.setattr(os, "fsync", full)

    def full(handle):
        raise OSError(28, "No space left on device")

    whole = Tiny().trainer()
    whole.fit(1)
    with pytest.raises(WriteError, match="No space left on device"):
        Tiny().trainer(hooks=[Fills(), SaveCheckpoints(tmp_path, seconds=0)]).fit(1)
    monkeypatch.undo()
    again = Tiny().trainer()
    assert again.resume(tmp_path)
    assert again.step == 2
    again.fit(1)
    assert bits(again) == bits(whole)


# What it says


def test_the_bar_counts_samples_or_batches(capsys, tmp_path):
    Tiny().trainer(hooks=[Progress(name="tiny", samples=40, show=("test_accuracy",)), SaveCheckpoints(tmp_path)]).fit(2)
    last = capsys.readouterr().err.splitlines()[-1]
    assert "tiny, epoch 2/2: 100%" in last
    assert "80.0/80.0 [" in last
    assert all(part in last for part in ("samples/s", "loss=", "accuracy=", "test_accuracy="))
    trainer = Tiny().trainer(hooks=[Progress()])
    trainer.resume(tmp_path)
    trainer.fit(3)
    last = capsys.readouterr().err.splitlines()[-1]
    assert "epoch 3/3: 100%" in last
    assert "15/15 [" in last


def test_tensorboard_gets_each_epoch_and_what_a_resume_makes_void(tmp_path):
    pytest.importorskip("tensorboardX")
    Tiny().trainer(hooks=[TensorBoard(tmp_path / "a"), SaveCheckpoints(tmp_path / "c")]).fit(2)
    (path,) = (tmp_path / "a").iterdir()
    data = path.read_bytes()
    assert [data.count(name) for name in (b"train_loss", b"train_accuracy", b"test_accuracy", b"seconds")] == [2] * 4
    path.rename(tmp_path / "first")
    again = Tiny().trainer(hooks=[TensorBoard(tmp_path / "a")])
    again.resume(tmp_path / "c")
    again.fit(3)
    (path,) = (tmp_path / "a").iterdir()
    assert path.read_bytes().count(b"train_loss") == 1


@pytest.mark.parametrize(("package", "hook"), [("tensorboardX", TensorBoard("x")), ("tqdm", Progress())])
def test_without_the_package_it_says_which_extra_has_it(monkeypatch, package, hook):
    monkeypatch.setitem(sys.modules, package, None)
    extra = {"tensorboardX": "tensorboard", "tqdm": "train"}[package]
    with pytest.raises(MissingExtraError, match=rf"expected the package {package}, .* pip install 'spikecell\[{extra}\]'"):
        Tiny().trainer(hooks=[hook]).fit(1)
