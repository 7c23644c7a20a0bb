"""The loop that experiments share, against a minimal one."""

import json

import numpy as np
import pytest

import snn
from autograd import optim, value_and_grad
from experiments import digits, fitting
from experiments.harness import RunDirectory


def plainly(config):
    """Train as the digits experiment says; return losses and accuracies of each epoch, and the weights."""
    rng = np.random.default_rng(config.seed)
    splits = digits.load(config.seed)
    (train,), (test,) = (part.batches(len(part)) for part in splits.values())
    (train_x, train_y, _), (test_x, test_y, _) = train, test
    net = digits.build(config, rng)
    weights = net.trainable_params()
    batches = -(-len(train_x) // config.batch_size)
    optimizer = optim.Adam(weights, optim.schedules.cosine(config.learning_rate, config.epochs * batches))

    def loss(x, labels):
        spikes, _, _ = snn.run(net, snn.encode.direct(x, config.steps), mode="eager")
        return snn.losses.count_cross_entropy(spikes, labels), spikes

    train_step = value_and_grad(loss, grad_position=None, weights=weights, has_aux=True)
    found = []
    for _ in range(config.epochs):
        losses, right = 0.0, 0.0
        order = rng.permutation(len(train_x))
        for chosen in np.split(order, range(config.batch_size, len(order), config.batch_size)):
            noisy = np.clip(train_x[chosen] + config.noise * rng.standard_normal((len(chosen), 64), np.float32), 0, 1)
            (value, spikes), gradients = train_step(noisy, train_y[chosen])
            optimizer(gradients)
            losses += value.item() * len(chosen)
            right += snn.metrics.accuracy(spikes, train_y[chosen]) * len(chosen)
        tested, spikes = loss(test_x, test_y)
        found.append([losses / len(train_x), right / len(train_x), tested.item(), snn.metrics.accuracy(spikes, test_y)])
    return found, net.state_dict()


def test_training_gives_the_bits_of_the_plain_loop(tmp_path):
    config = digits.Config(epochs=2, hidden=16, steps=6, seed=3, mode="eager", out=tmp_path)
    directory = RunDirectory(config, "digits")
    digits.run(config, directory)
    losses, weights = plainly(config)
    logged = [json.loads(line) for line in (directory.path / "metrics.jsonl").read_text().splitlines()]
    names = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
    assert [[line[name] for name in names] for line in logged] == losses
    with np.load(directory.path / "weights.npz") as saved:
        assert {name: values.tobytes() for name, values in saved.items()} == {
            name: values.tobytes() for name, values in weights.items()
        }


def test_what_is_measured_does_not_depend_on_how_many_samples_run_at_once(tmp_path):
    rng, config = (
        np.random.default_rng(0),
        digits.Config(epochs=1, hidden=4, steps=4, batch_size=20, mode="eager", out=tmp_path),
    )
    x, y = rng.integers(0, 3, (50, 64)).astype(np.float32), np.arange(50) % 10
    data = snn.data.Dataset(snn.data.Arrays(x, y), kind="static", classes="0123456789")
    found = []
    for at_once in (1, 7, 50):
        net = digits.build(config, np.random.default_rng(1))
        directory = RunDirectory(config, "digits")
        fitting.classify(
            config, directory, net, snn.data.Splits("some", train=data, test=data), np.random.default_rng(2),
            encode=lambda x, _: snn.encode.direct(x, config.steps), readout="count", at_once=at_once,
        )  # fmt: skip
        found.append(json.loads((directory.path / "metrics.jsonl").read_text()))
    assert len({line["test_accuracy"] for line in found}) == 1
    np.testing.assert_allclose([line["test_loss"] for line in found], found[0]["test_loss"], rtol=1e-6)


def test_training_warns_of_a_dead_layer_by_its_name_and_gain(tmp_path, monkeypatch):
    def tiny(config, rng):
        net = build(config, rng)
        for parameter in net[0].get_parameters():
            parameter.set_data(1e-4 * parameter.asnumpy())
        return net

    build = digits.build
    monkeypatch.setattr(digits, "build", tiny)
    config = digits.Config(epochs=1, hidden=16, steps=6, out=tmp_path)
    with pytest.warns(snn.DeadLayerWarning, match=r"1 LIFNode is dead: 100% of .* Multiply .* by [0-9.e+]+\.") as caught:
        digits.run(config, RunDirectory(config, "digits"))
    assert caught[0].filename == fitting.__file__


def test_layers_are_looked_at_before_the_first_epoch_and_then_ever_more_seldom(tmp_path, monkeypatch):
    looks, tests = [], []
    health, means = snn.health, fitting.means
    monkeypatch.setattr(snn, "health", lambda *args, **options: looks.append(len(tests)) or health(*args, **options))
    monkeypatch.setattr(fitting, "means", lambda *args: tests.append(1) or means(*args))
    config = digits.Config(epochs=9, hidden=4, steps=2, batch_size=2000, out=tmp_path)
    digits.run(config, RunDirectory(config, "digits"))
    assert looks == [0, 1, 2, 4, 8]
