"""The loop that trains, one object with the state of a run, and the base class of hooks for all that is not the loop."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from autograd import Cell, Tensor, optim, value_and_grad
from autograd.dtypes import describe
from autograd.errors import ArgumentError, CheckpointError, DTypeError

from ..checkpoint import Checkpoints
from ..checkpoint.generators import generators_of
from . import checks
from .counts import Counts

__all__ = ["Hook", "Trainer"]

Batches = Callable[[int], Iterable[Any]]
Loss = Callable[[Any], Tensor | tuple[Tensor, Mapping[str, float]]]


class Hook:
    """What a :class:`Trainer` calls while it trains; a hook overrides what it needs.

    A hook reads the trainer: ``trainer.history``, ``trainer.means``, ``trainer.epoch``, ``trainer.step``. It ends the
    training after this epoch by ``trainer.stop = True``.
    """

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step, or the first after a resume."""

    def on_step(self, trainer: Trainer) -> None:
        """After each step of the optimizer."""

    def on_epoch(self, trainer: Trainer) -> None:
        """After each epoch, with its line in ``trainer.history``."""

    def on_end(self, trainer: Trainer) -> None:
        """After the last step; also of a training that Ctrl-C ends, not of one that an error ends."""

    def close(self) -> None:
        """At the very end, whatever ended it."""


class Trainer:
    """Train a net batch by batch, so that a run which is killed and resumed ends with the bits of one that was not.

    Parameters
    ----------
    net : Cell
        What is trained; in training mode (:meth:`~autograd.Cell.set_train`) but for ``evaluate``.
    optimizer : Optimizer
        Of Parameters of the net. Its step is that of the run.
    loss : callable
        From a batch to a scalar Tensor, a mean over the samples; or to a pair of it and a dict of metrics, means too.
    batches : callable
        From the number of batches that are over to an iterable of those left in the epoch, such as
        ``lambda start: data.batches(64, rng, start=start)``. It may draw the order from ``rng`` when it begins, and
        draws nothing later; what else is random belongs in ``loss``.
    rng : Generator, or dict of them, optional
        All generators that ``batches``, ``loss`` and ``evaluate`` draw from. Those in attributes of the net, such as that of
        ``nn.Dropout``, are known, and may be drawn from too.
    evaluate : callable, optional
        Called after each epoch; returns a dict of numbers, such as ``{"test_accuracy": 0.9}``.
    clip : float, optional
        Largest joint norm of the gradients, as for :func:`autograd.optim.clip_by_norm`.
    accumulate : int
        Batches in a step of the optimizer: their gradients are averaged, each by its number of samples.
    hooks : list or tuple of Hook
        Called in order.
    config : dict, optional
        Of plain values; saved, and on resume it must be the same.
    samples : callable, optional
        From a batch to its number of samples; by default the first axis of an array, of a batch's ``labels``, or that of all
        arrays in a tuple or dict.

    Attributes
    ----------
    epoch, batch : int
        Epochs that are over, and batches of the present one.
    history : list of dict
        A line for each epoch: ``epoch``, ``train_loss`` and the other metrics with ``train_`` before their names, those of
        ``evaluate``, and ``seconds`` of training so far.
    stop : bool
        Whether to stop after this epoch; a hook may set it, and :meth:`fit` begins with False.
    epochs : int
        How many :meth:`fit` was asked for.
    resumed : bool
        Whether it goes on from a checkpoint, or from an earlier ``fit``.

    Raises
    ------
    ArgumentError
        If a number is out of range.
    DTypeError
        If an argument is something else, such as a single hook or a seed for ``rng``.
    """

    def __init__(
        self, net: Cell, optimizer: optim.Optimizer, loss: Loss, batches: Batches, *,
        rng: np.random.Generator | Mapping[str, np.random.Generator] | None = None,
        evaluate: Callable[[], Mapping[str, float]] | None = None, clip: float | None = None, accumulate: int = 1,
        hooks: Sequence[Hook] = (), config: Mapping[str, Any] | None = None, samples: Callable[[Any], int] | None = None,
    ) -> None:  # fmt: skip
        checks.callables("Trainer", {"loss": loss, "batches": batches}, {"evaluate": evaluate, "samples": samples})
        if clip is not None and not (checks.is_number(clip) and clip > 0):
            raise ArgumentError("Trainer", "a positive clip", repr(clip), "Leave it out to clip nothing.")
        if not isinstance(hooks, (list, tuple)) or not all(isinstance(hook, Hook) for hook in hooks):
            raise DTypeError("Trainer", "hooks, a list of Hooks", repr(hooks), "Such as hooks=[EarlyStopping(...)].")
        checks.plain("Trainer", "config", config)
        self.net, self.optimizer, self.loss, self.batches, self.evaluate = net, optimizer, loss, batches, evaluate
        self.accumulate = checks.whole("Trainer", "accumulate", accumulate, 1, "It counts batches.")
        self.clip, self.hooks, self.config = clip, tuple(hooks), dict(config or {})
        self.rngs = checks.generators("Trainer", rng)
        self.samples = checks.samples if samples is None else samples
        self.epoch = self.batch = self.seen = 0
        self.history: list[dict[str, float]] = []
        self.seconds, self.stop, self.resumed, self.interrupted = 0.0, False, False, False
        self.epochs = 0
        self._broken = False
        self.per_epoch: int | None = None
        """Batches in an epoch, where ``batches`` says so by its length."""
        self.places: set[Path] = set()
        """Directories whose checkpoints are of this run: the one it goes on from, and those it has saved in."""
        self._counts = Counts()
        self._sums: dict[str, float] = {}
        self._began: dict[str, Any] = {}
        self._gradients = value_and_grad(self._measured, grad_position=None, weights=optimizer.params, has_aux=True)

    @property
    def step(self) -> int:
        """Steps of the optimizer so far."""
        return self.optimizer.steps

    @property
    def means(self) -> dict[str, float]:
        """Loss and metrics of the batches of this epoch so far, averaged over their samples."""
        return {name: total / self.seen for name, total in self._sums.items()} if self.seen else {}

    def fit(self, epochs: int) -> list[dict[str, float]]:
        """Train until so many epochs are over, from wherever it is; return the history.

        Ctrl-C lets the step under way end, then the hooks, so that the last checkpoint is of this moment. Another Ctrl-C
        interrupts at once.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C.
        NonFiniteError
            If a gradient has NaN or infinity. Nothing was updated by it.
        ArgumentError
            If an error ended an earlier ``fit`` in the middle of a step, and nothing was resumed since; or ``epochs`` is no
            whole number of at least 0.
        CheckpointError
            If an epoch that was resumed in the middle has another number of batches than the others.
        """
        epochs = checks.whole("Trainer.fit", "epochs", epochs, 0, "It counts those that were trained before too.")
        if self._broken:
            raise ArgumentError(
                "Trainer.fit", "a training whose last step is whole", "one that an error has ended in the middle of something",
                "Call resume(directory) first, or build it anew.",
            )  # fmt: skip
        ours = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGINT) if ours else None
        self.interrupted, self.epochs, self.stop = False, epochs, False
        try:
            if before is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._interrupt)
            self.net.set_train()
            self._tell("on_start")
            self.resumed = self._broken = True
            while self.epoch < epochs and not self.stop and not self.interrupted:
                self._run_epoch()
            self._tell("on_end")
            self._broken = False
        finally:
            if before is signal.default_int_handler:
                signal.signal(signal.SIGINT, before)
            self.net.set_train(False)
            for hook in reversed(self.hooks):
                hook.close()
        if self.interrupted:
            raise KeyboardInterrupt
        return self.history

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.interrupted = True

    def _tell(self, event: str) -> None:
        for hook in self.hooks:
            getattr(hook, event)(self)

    def _run_epoch(self) -> None:
        left, start = self._rest_of_epoch(), time.perf_counter()
        while self._step(itertools.islice(left, self.accumulate)):
            self.seconds += time.perf_counter() - start
            self._tell("on_step")
            start = time.perf_counter()
            if self.interrupted:
                return
        if self.per_epoch is None:
            self._counts.end(self.batch)
        line: dict[str, float] = {"epoch": self.epoch + 1, **{f"train_{name}": mean for name, mean in self.means.items()}}
        if self.evaluate is not None:
            self.net.set_train(False)
            line |= checks.measured(self.evaluate(), "evaluate", {*line, "seconds"})
            self.net.set_train()
        self.history.append(line | {"seconds": round(self.seconds, 3)})
        self.epoch, self.batch, self.seen, self._sums = self.epoch + 1, 0, 0, {}
        self._tell("on_epoch")

    def _rest_of_epoch(self) -> Iterator[Any]:
        """Return the batches that are left, in the order that was drawn when the epoch began."""
        known = self.rngs | {f"net, {name}": rng for name, rng in generators_of(self.net).items()}
        now = {name: rng.bit_generator.state for name, rng in known.items()}
        self._counts.begin(resumed=bool(self.batch))
        if self.batch:
            _set_states(known, self._began)
        else:
            self._began = now
        found = self.batches(self.batch)
        count = self.batch + len(found) if isinstance(found, Sized) else None
        if self.batch and count != self.per_epoch:
            raise CheckpointError(
                "Trainer", f"an epoch of {self.per_epoch} batches, as when it began", f"one of {count}",
                "Use the data and the size of a batch that it began with.",
            )  # fmt: skip
        self.per_epoch, left = count, iter(found)
        first = list(itertools.islice(left, 1))  # a generator function draws the order only now
        if self.batch:
            _set_states(known, now)
        elif not first:
            raise ArgumentError("Trainer", "at least one batch in an epoch", "none", "Does batches(0) return an iterable?")
        return itertools.chain(first, left)

    def _step(self, batches: Iterable[Any]) -> bool:
        """Make a step of the optimizer; return False if there is no batch for one."""
        gradients = optim.Accumulator()
        for batch in batches:
            count = self.samples(batch)
            (value, metrics), found = self._gradients(batch)
            gradients.add(found, count)
            for name, number in {"loss": value.item(), **metrics}.items():
                self._sums[name] = self._sums.get(name, 0.0) + number * count
            self.seen, self.batch = self.seen + count, self.batch + 1
        if not len(gradients):
            return False
        mean = gradients.take()
        self.optimizer(mean if self.clip is None else optim.clip_by_norm(mean, self.clip)[0])
        return True

    def _measured(self, batch: Any) -> tuple[Tensor, Mapping[str, float]]:
        found = self.loss(batch)
        value, metrics = found if isinstance(found, tuple) and len(found) == 2 else (found, {})
        if not isinstance(value, Tensor):
            raise DTypeError("Trainer, loss", "a Tensor, or a pair of it and a dict", describe(found), "Return the loss.")
        return value, checks.measured(metrics, "loss", {"loss"})

    # Checkpoints

    def parts(self) -> dict[str, Any]:
        """Return all that training goes on from, for :func:`snn.checkpoint.save`."""
        here = {
            "epoch": self.epoch, "batch": self.batch, "seen": self.seen, "sums": self._sums, "history": self.history,
            "seconds": self.seconds, "per_epoch": self.per_epoch, "began": self._began,
            "counts": self._counts.saved(),
        }  # fmt: skip
        return self._targets() | {"here": here, "config": self._settings()}

    def resume(self, checkpoints: str | os.PathLike[str] | Checkpoints) -> bool:
        """Go on from the last checkpoint in a directory; return whether there is one.

        Raises
        ------
        CheckpointError
            If it cannot be used, or is one of another net, optimizer, configuration or data. Nothing is loaded.
        """
        if not isinstance(checkpoints, Checkpoints):
            checkpoints = Checkpoints(checkpoints)
        saved = checkpoints.load()  # looked at before anything is set
        if saved is None:
            return False
        where, ours = f"checkpoint {checkpoints.last}", self._settings()
        if not {"here", "config", *self._targets()} <= set(saved):
            raise CheckpointError(where, "one of a Trainer", f"one of {', '.join(saved)}", "Nothing was loaded. Use load.")
        theirs = saved["config"]
        other = [key for key in {**theirs, **ours} if key not in theirs or key not in ours or theirs[key] != ours[key]]
        if other:
            then, now = (", ".join(f"{key}={side.get(key)!r}" for key in other) for side in (theirs, ours))
            raise CheckpointError(where, then, now, "Nothing was loaded. Build the Trainer as it was.")
        checkpoints.load(**self._targets())
        here = saved["here"]
        self.epoch, self.batch, self.seen, self._sums = here["epoch"], here["batch"], here["seen"], here["sums"]
        self.history, self.seconds, self.per_epoch = here["history"], here["seconds"], here["per_epoch"]
        self._began, self.resumed, self.stop, self._broken = here["began"], True, False, False
        self._counts = Counts(**here.get("counts", {}))  # older files have none
        self.places = {checkpoints.directory.resolve()}
        return True

    def _targets(self) -> dict[str, Any]:
        return {"net": self.net, "optimizer": self.optimizer, "generators": self.rngs}

    def _settings(self) -> dict[str, Any]:
        return {"clip": self.clip, "accumulate": self.accumulate, **self.config}


def _set_states(rngs: Mapping[str, np.random.Generator], states: Mapping[str, Any]) -> None:
    for name, state in states.items():
        if name in rngs:
            rngs[name].bit_generator.state = state
