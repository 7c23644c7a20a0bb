"""The program of the ranks in test_ranks.py: ``mpiexec -n 2 python -m mpi4py program.py NAME DIRECTORY``."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

import snn
from autograd import nn, optim
from autograd.errors import AutogradError
from snn.train import Hook


class Study:
    """A net without noise, so that parts of a batch give what the whole gives; 21 samples, so that a batch has one alone."""

    def __init__(self, *, layers=(), noise=0.0):
        self.rng, self.order = np.random.default_rng(3), np.random.default_rng(4)
        self.net = nn.SequentialCell(
            nn.Dense(6, 12, rng=self.rng, dtype=np.float64), *layers, snn.LIFNode(beta=0.9),
            nn.Dense(12, 3, rng=self.rng, dtype=np.float64), snn.LeakyReadout(beta=0.8),
        )  # fmt: skip
        self.x, self.y = 3 * self.rng.random((21, 6)), self.rng.integers(0, 3, 21)
        self.optimizer = optim.AdamW(snn.train.groups(self.net), optim.schedules.cosine(0.02, 60), weight_decay=0.01)
        self.noise, self.drawn, self.calls = noise, [], 0
        self.data = snn.data.Dataset(snn.data.Arrays(self.x, self.y), kind="static", classes=["a", "b", "c"])

    def batches(self, start):
        return np.array_split(self.order.permutation(21), [5, 10, 15, 20])[start:]

    def from_data(self, start):
        return self.data.batches(5, self.order, start=start)

    def loss(self, batch):
        x, y = (batch.x, batch.labels) if hasattr(batch, "labels") else (self.x[batch], self.y[batch])
        if self.noise:
            draw = self.rng.normal(size=x.shape)
            self.drawn.append(float(draw[0, 0]))
            x = x + self.noise * draw
        out, _, record = snn.run(self.net, snn.encode.direct(x, 6), record="spike", mode="eager")
        assert any(spikes.asnumpy().any() for spikes in record.values())
        self.calls += 1
        return snn.losses.membrane_cross_entropy(out, y), {"samples": float(len(y))}

    def evaluate(self):
        return {"test_drawn": self.rng.random()}

    def trainer(self, **options):
        options = {"rng": {"rng": self.rng, "order": self.order}, "evaluate": self.evaluate} | options
        loss, batches = options.pop("loss", self.loss), options.pop("batches", self.batches)
        return snn.train.Trainer(self.net, self.optimizer, loss, batches, **options)


class At(Hook):
    """Does something at a step."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def on_step(self, trainer):
        if trainer.step == self.step:
            self.action()


class Slow(Hook):
    """Takes its time in the end."""

    def on_end(self, trainer):
        time.sleep(0.2)


def weights(study):
    return {name: value.tolist() for name, value in study.net.state_dict().items()}


def history(trainer):
    return [{name: value for name, value in line.items() if name != "seconds"} for line in trainer.history]


def refused(study, **options):
    """Return the error that refuses a training run, and its notes; None without one."""
    try:
        study.trainer(**options).fit(2)
    except (AutogradError, ZeroDivisionError) as error:
        return f"{type(error).__name__}: {error}", getattr(error, "__notes__", [])
    return None


def together(ranks, place):
    """Return the results of a rank from training runs of all kinds."""
    found = {}
    for name, options in {
        "arrays": {}, "data": {"from_data": True}, "clipped": {"clip": 0.1, "accumulate": 2},
    }.items():  # fmt: skip
        study = Study()
        batches = study.from_data if options.pop("from_data", False) else study.batches
        trainer = study.trainer(ranks=ranks, batches=batches, hooks=[snn.train.JSONLines(place / f"{name}.jsonl")], **options)
        trainer.fit(3)
        found[name] = {"weights": weights(study), "history": history(trainer), "steps": trainer.step, "calls": study.calls}

    for name in ("noise", "again"):
        study = Study(noise=0.1, layers=[nn.Dropout(p=0.2, rng=5)])
        trainer = study.trainer(ranks=ranks)
        trainer.fit(2)
        found[name] = {"weights": weights(study), "drawn": study.drawn}

    # Ctrl-C on the second rank ends both after the same step; all resume from there.
    study = Study(noise=0.1, layers=[nn.Dropout(p=0.2, rng=5)])

    def loss(batch):
        if ranks.rank == 1 and study.optimizer.steps == 6:
            signal.raise_signal(signal.SIGINT)
        return study.loss(batch)

    saves = snn.train.SaveCheckpoints(place / "saved")
    try:
        study.trainer(ranks=ranks, loss=loss, hooks=[Slow(), saves]).fit(2)
    except KeyboardInterrupt:
        found["interrupted"] = study.optimizer.steps
        found["saved"] = saves.checkpoints.load()["step"]
    study = Study(noise=0.1, layers=[nn.Dropout(p=0.2, rng=5)])
    study.net[0].weight.set_data(np.full((12, 6), float(ranks.rank)))  # what a rank has does not count
    next(cell for cell in study.net if isinstance(cell, nn.Dropout)).p = 0.9 * ranks.rank
    trainer = study.trainer(ranks=ranks)
    found["resumed"] = [trainer.resume(place / "saved"), trainer.step, len(trainer.fit(2))]
    found["resumed weights"] = weights(study)

    study = Study()

    def fails(batch):
        return 1 / 0 if ranks.rank == 1 else study.loss(batch)

    found["error"] = refused(study, ranks=ranks, loss=fails)
    found["hook"] = refused(Study(), ranks=ranks, hooks=[At(2, lambda: 1 / 0)])
    found["norm"] = refused(Study(layers=[nn.BatchNorm1d(12, dtype=np.float64)]), ranks=ranks)
    frozen = nn.BatchNorm1d(12, use_batch_statistics=False, dtype=np.float64)
    found["frozen norm"] = refused(Study(layers=[frozen]), ranks=ranks)
    own = np.random.default_rng(ranks.rank)
    order = lambda start: np.array_split(own.permutation(21), 4)[start:]  # noqa: E731
    found["order"] = refused(Study(), ranks=ranks, batches=order)
    study = Study()
    found["order of data"] = refused(study, ranks=ranks, batches=lambda start: study.data.batches(5, own, start=start))
    found["built"] = refused(Study(), ranks=ranks, clip=1.0 + ranks.rank)
    study = Study()
    moves = At(2, lambda: study.net[0].weight.set_data(study.net[0].weight.asnumpy() + 1))
    found["moved"] = refused(study, ranks=ranks, hooks=[moves])
    study = Study()
    study.net.gain = 1.0
    found["attribute"] = refused(study, ranks=ranks, hooks=[At(2, lambda: setattr(study.net, "gain", 2.0))])
    study = Study(layers=[snn.Delay([1] * 12)])
    found["delays"] = refused(study, ranks=ranks, hooks=[At(2, lambda: setattr(study.net[1], "delay", [2] * 12))])
    sizes = lambda start: np.array_split(np.arange(20), 4 + ranks.rank)[start:]  # noqa: E731
    found["sizes"] = refused(Study(), ranks=ranks, batches=sizes)
    fewer = lambda start: np.split(np.arange(20), 4)[start : 4 - ranks.rank]  # noqa: E731
    found["fewer"] = refused(Study(), ranks=ranks, batches=fewer)
    found["batch"] = refused(Study(), ranks=ranks, batches=lambda start: (b for b in Study().data.batches(5, start=start)))
    jumps = np.random.Generator(np.random.SFC64(1))
    try:
        ranks.exchange(f"place {ranks.rank}", None)
    except AutogradError as error:
        found["place"] = [str(error)]
    found["generator"] = refused(Study(), ranks=ranks, rng=jumps)
    return found


def main():
    name, place = sys.argv[1], Path(sys.argv[2])
    ranks = snn.train.Ranks(timeout=float(sys.argv[3]) if len(sys.argv) > 3 else 60.0)
    if name == "together":
        found = together(ranks, place)
        (place / f"rank-{ranks.rank}.json").write_text(json.dumps(found))
        return
    # The second rank dies in the middle of a step.
    study = Study()

    def loss(batch):
        if ranks.rank == 1 and study.optimizer.steps == 7:
            os.kill(os.getpid(), {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP}[name])
        return study.loss(batch)

    hooks = [snn.train.SaveCheckpoints(place / "saved", seconds=0)]
    study.trainer(ranks=ranks, loss=loss, hooks=hooks).fit(3)


if __name__ == "__main__":
    main()
