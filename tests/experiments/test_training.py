"""The loop that experiments share, beside one with nothing in it but what has to be."""

import json

import numpy as np
import pytest

import snn
from autograd import nn, optim, value_and_grad
from experiments import digits, training
from experiments.harness import RunDirectory


def plainly(config):
    """Train as the digits experiment says; return losses and accuracies of each epoch, and the weights."""
    rng = np.random.default_rng(config.seed)
    train_x, test_x, train_y, test_y = digits.load(config.seed)
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
        for chosen in np.array_split(rng.permutation(len(train_x)), batches):
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


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("at_once", [1, 3, 10, 11])
def test_spikes_are_counted_in_parts_as_at_once(monkeypatch, mode, at_once):
    monkeypatch.setattr(training, "_AT_ONCE", at_once)
    rng = np.random.default_rng(0)
    # Whole numbers, so that the sums do not depend on the size of a part.
    net = nn.SequentialCell(nn.Dense(4, 3, rng.integers(-2, 3, (3, 4)), 0.0), snn.LIFNode(beta=0.5))
    x = rng.integers(0, 3, (10, 4)).astype(np.float32)
    counts = training.count_spikes(net, x, lambda x, _: snn.encode.direct(x, 6), rng, mode)
    np.testing.assert_array_equal(counts, snn.run(net, snn.encode.direct(x, 6))[0].sum(0))
    assert counts.any()


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
    assert caught[0].filename == training.__file__


def test_layers_are_looked_at_before_the_first_epoch_and_then_ever_more_seldom(tmp_path, monkeypatch):
    looks, tests = [], []
    health, count = snn.health, training.count_spikes
    monkeypatch.setattr(snn, "health", lambda *args, **options: looks.append(len(tests)) or health(*args, **options))
    monkeypatch.setattr(training, "count_spikes", lambda *args: tests.append(1) or count(*args))
    config = digits.Config(epochs=9, hidden=4, steps=2, batch_size=2000, out=tmp_path)
    digits.run(config, RunDirectory(config, "digits"))
    assert looks == [0, 1, 2, 4, 8]
