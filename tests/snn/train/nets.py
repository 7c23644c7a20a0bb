"""A small training run that uses everything that draws random numbers."""

import numpy as np

import snn
from autograd import nn, optim
from snn.train import Hook


class Tiny:
    """A net with dropout, Poisson input and a learned decay; its order, input and dropout draw from generators."""

    def __init__(self, *, hidden=12, samples=40, batch=8, prefetch=0):
        self.rng, self.order = np.random.default_rng(0), np.random.default_rng(1)
        self.net = nn.SequentialCell(
            nn.Dense(6, hidden, rng=self.rng), snn.LIFNode(beta=0.9), nn.Dropout(p=0.1, rng=5),
            nn.Dense(hidden, 3, rng=self.rng), snn.LIFNode(beta=0.9),
        )  # fmt: skip
        x, y = self.rng.random((samples, 6), np.float32), self.rng.integers(0, 3, samples)
        source = snn.data.Arrays(x, y)
        self.data = snn.data.Dataset(source, kind="static", classes=["a", "b", "c"])
        self.batches = lambda start: self.data.batches(batch, self.order, start=start, prefetch=prefetch)
        self.optimizer = optim.AdamW(snn.train.groups(self.net), optim.schedules.cosine(0.02, 60), weight_decay=0.01)

    def loss(self, batch):
        spikes = snn.run(self.net, snn.encode.rate(batch.x, 6, self.rng), mode="eager").out
        assert spikes.asnumpy().any()
        return snn.losses.count_cross_entropy(spikes, batch.labels), {"accuracy": snn.metrics.accuracy(spikes, batch.labels)}

    def evaluate(self):
        x, y, _ = next(iter(self.data[:10].batches(10)))
        spikes = snn.run(self.net, snn.encode.rate(x, 6, self.rng), mode="eager").out
        return {"test_accuracy": snn.metrics.accuracy(spikes, y)}

    def trainer(self, **options):
        options = {"rng": {"rng": self.rng, "order": self.order}, "evaluate": self.evaluate, "clip": 1.0} | options
        loss = options.pop("loss", self.loss)
        return snn.train.Trainer(self.net, self.optimizer, loss, self.batches, **options)


def bits(trainer):
    """Return the bits of all that training leaves."""
    net = {name: value.tobytes() for name, value in trainer.net.state_dict().items()}
    memory = {name: np.asarray(value).tobytes() for name, value in trainer.optimizer.state_dict().items()}
    states = {name: rng.bit_generator.state for name, rng in trainer.rngs.items()}
    dropout = trainer.net[2].rng.bit_generator.state
    return net, memory, states, dropout, lines(trainer.history)


def lines(history):
    return [{name: value for name, value in line.items() if name != "seconds"} for line in history]


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
