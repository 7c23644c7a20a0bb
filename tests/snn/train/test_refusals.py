"""Errors of a training run, and the files that remain."""

import os

import numpy as np
import pytest

import snn
from autograd.errors import ArgumentError, CheckpointError, DTypeError, NonFiniteError, PositionError, WriteError
from snn.checkpoint import Checkpoints, load
from snn.train import EarlyStopping, Hook, JSONLines, SaveCheckpoints

from .nets import DiedError, Dies, Tiny, bits


def test_a_new_run_in_the_place_of_another_is_refused(tmp_path):
    Tiny().trainer(hooks=[SaveCheckpoints(tmp_path / "c"), JSONLines(tmp_path / "m")]).fit(1)
    before = (tmp_path / "m").read_bytes()
    with pytest.raises(CheckpointError, match=r"expected an empty directory for a new run, got step-0*5.safetensors"):
        Tiny().trainer(hooks=[SaveCheckpoints(tmp_path / "c")]).fit(1)
    with pytest.raises(ArgumentError, match=r"JSONLines: expected a new file for a new run, got .*m, which has lines"):
        Tiny().trainer(hooks=[JSONLines(tmp_path / "m")]).fit(1)
    assert (tmp_path / "m").read_bytes() == before


def test_a_run_saves_in_no_directory_of_another_run(tmp_path):
    for name in "ab":
        Tiny().trainer(hooks=[SaveCheckpoints(tmp_path / name, best="test_accuracy")]).fit(1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.safetensors")}
    trainer = Tiny().trainer(hooks=[SaveCheckpoints(tmp_path / "b", best="test_accuracy")])
    assert trainer.resume(tmp_path / "a")
    with pytest.raises(CheckpointError, match=rf"expected an empty directory, or {tmp_path / 'a'}, got step-0*5.safetensors"):
        trainer.fit(2)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.safetensors")} == before
    # A new place, then the same trainer on in it.
    trainer = Tiny().trainer(hooks=[SaveCheckpoints(tmp_path / "c")])
    assert trainer.resume(tmp_path / "a" / ".." / "a")
    assert [len(trainer.fit(epochs)) for epochs in (2, 3)] == [2, 3]
    assert load(Checkpoints(tmp_path / "c").last)["step"] == 15


def test_the_file_of_a_checkpoint_is_no_directory_to_resume_from(tmp_path):
    Tiny().trainer(hooks=[SaveCheckpoints(tmp_path)]).fit(1)
    trainer = Tiny().trainer()
    before = bits(trainer)
    with pytest.raises(CheckpointError, match=r"expected a directory, got a file\. Pass the directory that it is in"):
        trainer.resume(Checkpoints(tmp_path).last)
    assert bits(trainer) == before


def test_after_a_start_that_was_refused_it_can_be_started(tmp_path):
    (tmp_path / "m").write_text("{}\n")
    trainer, whole = Tiny().trainer(hooks=[SaveCheckpoints(tmp_path / "c"), JSONLines(tmp_path / "m")]), Tiny().trainer()
    with pytest.raises(ArgumentError, match="expected a new file for a new run"):
        trainer.fit(1)
    (tmp_path / "m").unlink()
    trainer.fit(1)
    whole.fit(1)
    assert bits(trainer) == bits(whole)


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
    with pytest.raises(CheckpointError, match="expected a Trainer's checkpoint, got one of step, score, net"):
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
        (lambda t: SaveCheckpoints("x", steps=True), ArgumentError, "steps, a whole number of at least 1, got True"),
        (lambda t: SaveCheckpoints("x", seconds=None), ArgumentError, "seconds of at least 0, got None"),
        (lambda t: SaveCheckpoints("x", best=3), DTypeError, "SaveCheckpoints: expected best, a name as text"),
        (lambda t: EarlyStopping("loss", 2, lowest=True, least="a"), ArgumentError, "least, a number of at least 0, got 'a'"),
        (lambda t: EarlyStopping("loss", 2, lowest=True, least=float("nan")), ArgumentError, "least, a number of at least 0"),
        (lambda t: EarlyStopping(3, 2, lowest=True), DTypeError, "EarlyStopping: expected metric, a name as text"),
        (lambda t: t.trainer(rng=0), DTypeError, "expected rng, a generator or a dict of them by name, got int"),
        (lambda t: t.trainer(rng={"a": 0}), DTypeError, "expected rng, a generator or a dict of them by name, got int"),
        (lambda t: t.trainer(rng={1: t.rng}), DTypeError, "expected rng, .* got the name 1"),
        (lambda t: t.trainer(hooks=EarlyStopping("loss", 2, lowest=True)), DTypeError, "expected hooks, a list of Hooks"),
        (lambda t: t.trainer(hooks=[print]), DTypeError, "expected hooks, a list of Hooks"),
        (lambda t: t.trainer(clip="a"), ArgumentError, "expected a positive clip, got 'a'"),
        (lambda t: t.trainer(clip=float("nan")), ArgumentError, "expected a positive clip, got nan"),
        (lambda t: t.trainer(evaluate={"a": 1}), DTypeError, "expected evaluate, a function"),
        (lambda t: t.trainer(samples=3), DTypeError, "expected samples, a function"),
        (lambda t: t.trainer(evaluate=lambda: {"a": "b"}).fit(1), DTypeError, "evaluate: expected a number as 'a'"),
        (lambda t: t.trainer(evaluate=lambda: {"a": np.ones(2)}).fit(1), DTypeError, "evaluate: expected a number as 'a'"),
        (lambda t: given(t, lambda b: (t.net[0].weight.sum(), {"a": "b"})), DTypeError, "loss: expected a number as 'a'"),
        (lambda t: t.trainer(config={"a": np.ones(2)}), DTypeError, r"expected config\['a'\] of numbers, text"),
        (lambda t: t.trainer(config={"a": [{"b": object()}]}), DTypeError, r"expected config\['a'\]\[0\]\['b'\] of numbers"),
        (lambda t: t.trainer(config=[("a", object)]), DTypeError, r"expected config"),
        (lambda t: t.trainer().fit(-1), ArgumentError, "Trainer.fit: expected epochs, a whole number of at least 0, got -1"),
        (lambda t: t.trainer().fit(2.5), ArgumentError, "epochs, a whole number of at least 0, got 2.5"),
        (lambda t: t.trainer().fit("3"), ArgumentError, "epochs, a whole number of at least 0, got '3'"),
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
