"""Experiments on generated sets: their inputs, their measures, and that they learn."""

import json

import numpy as np
import pytest

import snn
from autograd import Tensor, value_and_grad
from experiments import fitting, mackey_glass, randman, sequence, yin_yang
from experiments.harness import RunDirectory


def first_batch(splits, count=40):
    return next(iter(splits.train[:count].batches(count)))


def smaller(module, **options):
    return module.Config(**options).smaller()


def started():
    """Return nets as they begin, their inputs and labels, by name."""
    found = {}
    config = smaller(yin_yang)
    x, labels, _ = first_batch(yin_yang.load(config))
    found["yin_yang"] = yin_yang.build(config, np.random.default_rng(0)), yin_yang.encode(x, config.steps), labels
    config = smaller(randman)
    x, labels, _ = first_batch(randman.load(config))
    found["randman"] = randman.build(config, np.random.default_rng(0)), x, labels
    for task in ("delays", "recall"):
        config = smaller(sequence, task=task)
        x, labels, _ = first_batch(sequence.load(config))
        found[task] = sequence.build(config, x.shape[-1], np.random.default_rng(0)), x, labels
    return found


@pytest.mark.parametrize("name", ["yin_yang", "randman", "delays", "recall"])
def test_neurons_fire_before_training_and_every_weight_has_a_gradient(name):
    net, x, labels = started()[name]
    spikes = snn.run(net, x, record="spike", mode="eager").record["1.spike"].asnumpy()
    assert (spikes != 0).any(axis=(0, 1)).mean() > 0.25  # of the neurons, for some sample

    def loss():
        return snn.losses.max_membrane_cross_entropy(snn.run(net, x, mode="eager").out, labels)

    _, gradients = value_and_grad(loss, None, net.trainable_params())()
    assert all(np.abs(gradient.asnumpy()).max() > 0 for gradient in gradients)


def test_a_point_becomes_five_spikes_the_larger_coordinate_the_earlier():
    x = np.array([[0.2, 0.9, 0.8, 0.1]], np.float32)
    spikes = yin_yang.encode(x, 21).asnumpy()
    assert spikes.shape == (21, 1, 5)
    np.testing.assert_array_equal(spikes.sum((0, 1)), 1)
    steps = spikes.argmax(0)[0]
    assert steps[4] == 10
    assert list(np.argsort(steps[:4])) == [1, 2, 0, 3]


def test_smape_is_that_of_the_definition():
    assert mackey_glass.smape([1.0, 3.0], [1.0, 1.0]) == pytest.approx(200 * (0 + 2 / 4) / 2)
    assert mackey_glass.smape([1.0, -1.0], [2.0, 1.0]) == pytest.approx(200 * (1 / 3 + 1) / 2)
    rng = np.random.default_rng(0)
    p, y = rng.random(50), rng.random(50)
    slowly = sum(abs(a - b) / ((abs(a) + abs(b)) / 2) for a, b in zip(p, y, strict=True)) * 100 / 50
    assert mackey_glass.smape(p, y) == pytest.approx(slowly)


def test_an_autonomous_prediction_sees_no_value_but_its_own():
    config = smaller(mackey_glass)
    net = mackey_glass.build(config, np.random.default_rng(0))
    splits = snn.data.mackey_glass(window=config.steps, train=60, test=20)
    window = first_batch(splits, 1).x
    found = mackey_glass.autonomous(net, window, 6)
    seen = list(window.ravel())
    for value in found:
        x = np.array(seen[-config.steps :], np.float32).reshape(-1, 1, 1)
        assert value == pytest.approx(mackey_glass.predict(net, x).item(), abs=1e-6)
        seen.append(value)
    assert len(set(found)) == 6


def test_numbers_of_a_split_are_means_over_its_samples():
    data = snn.data.yin_yang(0, train=20, validation=1, test=1).train

    def measure(x, labels, rng):
        assert len(x) <= 7
        assert rng.random() == same.random()
        return Tensor(x.mean()), {"label": labels.mean()}

    every = np.stack([sample.x for sample in data])
    same = np.random.default_rng(3)
    found = fitting.means(data, measure, 3, at_once=7)
    assert found["loss"] == pytest.approx(every.mean(), rel=1e-6)
    assert found["label"] == pytest.approx(data.labels.mean())


def learnt(module, tmp_path, **options):
    config = module.Config(out=tmp_path, **options)
    directory = RunDirectory(config, module.__name__.rpartition(".")[2])
    results = module.run(config, directory)
    lines = [json.loads(line) for line in (directory.path / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == config.epochs
    return results, lines


def test_yin_yang_learns_beyond_one_layer(tmp_path):
    """A linear layer reaches .64, chance .33."""
    results, lines = learnt(yin_yang, tmp_path, epochs=3, steps=40)
    assert results["test accuracy"] == lines[-1]["test_accuracy"] > 0.72
    assert {"validation_accuracy", "train_loss", "test_loss"} < set(lines[-1])


def test_randman_learns(tmp_path):
    results, _ = learnt(randman, tmp_path, epochs=2, samples=2000, classes=4, hidden=40, batch_size=50)
    assert results["test accuracy"] > 0.9


def test_delays_are_learnt(tmp_path):
    results, _ = learnt(sequence, tmp_path, epochs=2)
    assert results["test accuracy"] > 0.7  # chance is .25


def test_mackey_glass_is_predicted_better_than_by_its_last_value(tmp_path):
    results, lines = learnt(mackey_glass, tmp_path, epochs=8, hidden=40, steps=30, values=300, batch_size=20)
    splits = snn.data.mackey_glass(window=30, train=300, test=300)
    (batch,) = splits.test.batches(300)
    assert results["one-step sMAPE"] == lines[-1]["test_smape"] < 0.7 * mackey_glass.smape(batch.x[-1], batch.labels)
    assert 0 < results["autonomous sMAPE"] < 200


def test_a_run_that_ends_in_the_middle_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    config = smaller(yin_yang, out=tmp_path, save_every=0.0)

    def left(directory):
        lines = [json.loads(line) for line in (directory.path / "metrics.jsonl").read_text().splitlines()]
        with np.load(directory.path / "weights.npz") as weights:
            return [line | {"seconds": 0} for line in lines], {name: array.tobytes() for name, array in weights.items()}

    steps, ends, measured = [], [], snn.losses.membrane_cross_entropy

    def breaks(out, labels):
        steps.append(1)
        if len(steps) in ends:
            raise OSError("the power is off")
        return measured(out, labels)

    monkeypatch.setitem(fitting._LOSSES, "sum", breaks)
    whole = RunDirectory(config, "yin_yang")
    yin_yang.run(config, whole)
    needed = len(steps)
    ends.append(needed + 9)
    broken = RunDirectory(config, "yin_yang")
    with pytest.raises(OSError, match="the power is off"):
        yin_yang.run(config, broken)
    assert not (broken.path / "weights.npz").exists()
    path = broken.path
    del broken  # and its lock
    again = RunDirectory.again(path)
    yin_yang.run(config, again)
    assert left(again) == left(whole)
    assert len(steps) == needed + needed + 1  # the step that broke is made again, and no other
