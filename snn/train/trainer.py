"""The training loop, one object with the state of a run, and the base class of hooks for everything else."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from types import FrameType
from typing import Any

import numpy as np

from autograd import Cell, Tensor, optim, value_and_grad
from autograd.dtypes import describe, is_number
from autograd.errors import ArgumentError, CheckpointError, DTypeError, RankError

from ..checkpoint import Checkpoints
from . import checks, sharing
from .place import Place
from .ranks import One, Ranks
from .streams import Streams

__all__ = ["Hook", "Trainer"]

Batches = Callable[[int], Iterable[Any]]
Loss = Callable[[Any], Tensor | tuple[Tensor, Mapping[str, float]]]


class Hook:
    """Base class of callbacks of a :class:`Trainer`; a hook overrides the methods it needs.

    A hook reads the trainer: ``trainer.history``, ``trainer.means``, ``trainer.epoch``, ``trainer.step``. To end training
    after this epoch, it sets ``trainer.stop = True``.
    """

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step, or the first after a resume."""

    def on_step(self, trainer: Trainer) -> None:
        """After each step of the optimizer."""

    def on_epoch(self, trainer: Trainer) -> None:
        """After each epoch, with its line in ``trainer.history``."""

    def on_end(self, trainer: Trainer) -> None:
        """After the last step, also after Ctrl-C, but not after an error."""

    def close(self) -> None:
        """After everything else, however training ended."""


class Trainer(Place):
    """Train a net batch by batch; a run that is killed and resumed ends with the same bits as one that was not.

    Parameters
    ----------
    net : Cell
        The net to train; in training mode (:meth:`~autograd.Cell.set_train`) except during ``evaluate``.
    optimizer : Optimizer
        Optimizer of Parameters of the net. Its step is the step of the run.
    loss : callable
        Maps a batch to a scalar Tensor, a mean over the samples; or to a pair of this and a dict of metrics, also means.
    batches : callable
        Maps the number of finished batches to an iterable of the remaining ones in the epoch, such as
        ``lambda start: data.batches(64, rng, start=start)``. It may draw the order from ``rng`` at its start, and nothing
        later; put other random choices into ``loss``.
    rng : Generator, or dict of them, optional
        All generators that ``batches``, ``loss`` and ``evaluate`` draw from. Generators in attributes of the net, such as in
        ``nn.Dropout``, are found and may be used too.
    evaluate : callable, optional
        Called after each epoch; returns a dict of numbers, such as ``{"test_accuracy": 0.9}``.
    clip : float, optional
        Largest joint norm of the gradients, as for :func:`autograd.optim.clip_by_norm`.
    accumulate : int
        Batches per step of the optimizer: their gradients are averaged, weighted by the number of samples.
    hooks : list or tuple of Hook
        Called in order.
    config : dict, optional
        Plain values, which are saved and must be the same on resume.
    samples : callable, optional
        Maps a batch to its number of samples; by default the length of the first axis of an array, of a batch's ``labels``, or
        of all arrays in a tuple or dict.
    ranks : Ranks, optional
        Processes that share each batch (extra ``mpi``).

    Attributes
    ----------
    epoch, batch : int
        Number of finished epochs, and of finished batches in the present one.
    history : list of dict
        A line for each epoch: ``epoch``, ``train_loss`` and the other metrics with ``train_`` before their names, those of
        ``evaluate``, and ``seconds`` of training so far.
    stop : bool
        Whether to stop after this epoch; a hook may set it, and :meth:`fit` begins with False.
    epochs : int
        The number passed to :meth:`fit`.
    resumed : bool
        Whether it continues from a checkpoint, or from an earlier ``fit``.

    Raises
    ------
    ArgumentError
        If a number is out of range.
    DTypeError
        If an argument has a wrong type, such as a single hook or a seed for ``rng``.
    """

    def __init__(
        self, net: Cell, optimizer: optim.Optimizer, loss: Loss, batches: Batches, *,
        rng: np.random.Generator | Mapping[str, np.random.Generator] | None = None,
        evaluate: Callable[[], Mapping[str, float]] | None = None, clip: float | None = None, accumulate: int = 1,
        hooks: Sequence[Hook] = (), config: Mapping[str, Any] | None = None, samples: Callable[[Any], int] | None = None,
        ranks: Ranks | None = None,
    ) -> None:  # fmt: skip
        checks.callables("Trainer", {"loss": loss, "batches": batches}, {"evaluate": evaluate, "samples": samples})
        if clip is not None and not (is_number(clip) and clip > 0):
            raise ArgumentError("Trainer", "a positive clip", repr(clip), "Leave it out to clip nothing.")
        if not isinstance(hooks, (list, tuple)) or not all(isinstance(hook, Hook) for hook in hooks):
            raise DTypeError("Trainer", "hooks, a list of Hooks", repr(hooks), "For example hooks=[EarlyStopping(...)].")
        checks.plain("Trainer", "config", config)
        if ranks is not None and not isinstance(ranks, Ranks):
            raise DTypeError("Trainer", "ranks, a snn.train.Ranks", describe(ranks), "For example ranks=snn.train.Ranks().")
        accumulate = checks.whole("Trainer", "accumulate", accumulate, 1, "It counts batches.")
        settings = {"clip": clip, "accumulate": accumulate, **(config or {})}
        super().__init__(net, optimizer, checks.generators("Trainer", rng), settings, One() if ranks is None else ranks)
        self.loss, self.batches, self.evaluate, self.clip, self.accumulate = loss, batches, evaluate, clip, accumulate
        self.hooks, self.config = tuple(hooks), dict(config or {})
        self.samples = checks.samples if samples is None else samples
        self.epochs = 0
        self._gradients = value_and_grad(self._measured, grad_position=None, weights=optimizer.params, has_aux=True)

    @property
    def step(self) -> int:
        """Steps of the optimizer so far."""
        return self.optimizer.steps

    @property
    def means(self) -> dict[str, float]:
        """Loss and metrics of the batches of this epoch so far, averaged over their samples."""
        return {name: total / self.seen for name, total in self._sums.items()} if self.seen else {}

    def resume(self, checkpoints: str | os.PathLike[str] | Checkpoints) -> bool:
        """Resume from the last checkpoint in a directory; return whether there is one. Of several ranks, rank 0 reads it.

        Raises
        ------
        CheckpointError
            If it cannot be used, or belongs to another net, optimizer, configuration or data. Nothing is loaded then.
        """
        if not isinstance(checkpoints, Checkpoints):
            checkpoints = Checkpoints(checkpoints)
        with self.ranks.together():
            found: bool = self.ranks.first(lambda: self.load_last(checkpoints))
            if found:
                sharing.take_over(self)
                self.stop = self._broken = False
        return found

    def fit(self, epochs: int) -> list[dict[str, float]]:
        """Train from the present state until the given number of epochs; return the history.

        After Ctrl-C the present step and the hooks finish, so that the last checkpoint has the latest state. Another Ctrl-C
        interrupts at once.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C.
        NonFiniteError
            If a gradient has NaN or infinity. Nothing is updated then.
        ArgumentError
            If an error ended an earlier ``fit`` in the middle of a step, without a resume since; or ``epochs`` is not a
            whole number of at least 0.
        CheckpointError
            If an epoch that was resumed in the middle has another number of batches than the others.
        RankError
            If another rank has failed, does not answer, or has different Parameters.
        """
        epochs = checks.whole("Trainer.fit", "epochs", epochs, 0, "The count includes epochs that were trained before.")
        if self._broken:
            raise ArgumentError(
                "Trainer.fit", "a training run whose last step is complete", "one that an error has interrupted",
                "Call resume(directory) first, or create a new Trainer.",
            )  # fmt: skip
        ours = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGINT) if ours else None
        self.interrupted, self.epochs, self.stop, self.ends = False, epochs, False, False
        try:
            if before is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._interrupt)
            self.net.set_train()
            with self.ranks.together():
                self._fit()
            self._broken = False
        finally:
            if before is signal.default_int_handler:
                signal.signal(signal.SIGINT, before)
            self.net.set_train(False)
            for hook in reversed(self.hooks if self.ranks.rank == 0 else ()):
                hook.close()
        if self._over:
            raise KeyboardInterrupt
        return self.history

    def _fit(self) -> None:
        sharing.check_alike(self)
        sharing.take_over(self)
        self._tell("on_start")
        sharing.agree(self)
        self.resumed = self._broken = True
        while self.epoch < self.epochs and not self.stop and not self._over:
            self._run_epoch()
        self._tell("on_end")
        self.ranks.exchange("the end", None)  # rank 0 has saved its files by then

    @property
    def _over(self) -> bool:
        """Whether Ctrl-C ends it: with several ranks, once all know of it."""
        return self.interrupted if self.ranks.size == 1 else self.ends

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.interrupted = True

    def _tell(self, event: str) -> None:
        for hook in self.hooks if self.ranks.rank == 0 else ():
            getattr(hook, event)(self)

    def _run_epoch(self) -> None:
        left, start = self._rest_of_epoch(), time.perf_counter()
        while self._step(itertools.islice(left, self.accumulate)):
            self.seconds += time.perf_counter() - start
            self._tell("on_step")
            start = time.perf_counter()
            if self._over:
                return
        if self.per_epoch is None:
            self._counts.end(self.batch)
        self.history.append(self.ranks.first(self._line))
        self.epoch, self.batch, self.seen, self._sums = self.epoch + 1, 0, 0, {}
        self._tell("on_epoch")
        sharing.agree(self)

    def _line(self) -> dict[str, float]:
        """Return the line of an epoch that is over."""
        line: dict[str, float] = {"epoch": self.epoch + 1, **{f"train_{name}": mean for name, mean in self.means.items()}}
        if self.evaluate is not None:
            self.net.set_train(False)
            line |= checks.measured(self.evaluate(), "evaluate", {*line, "seconds"})
            self.net.set_train()
        return line | {"seconds": round(self.seconds, 3)}

    def _rest_of_epoch(self) -> Iterator[Any]:
        """Return the batches that are left, in the order that was drawn when the epoch began."""
        known = self._known = self.known_generators()
        now = self.ranks.first(lambda: {name: rng.bit_generator.state for name, rng in known.items()})
        _set_states(known, now)  # those of rank 0, where an evaluation may have drawn
        self._counts.begin(resumed=bool(self.batch))
        if self.batch:
            _set_states(known, self._began)
        else:
            self._began = now
        found = self.ranks.parts(self.batches(self.batch), known.values())
        count = self.batch + len(found) if isinstance(found, Sized) else None
        if self.batch and count != self.per_epoch:
            raise CheckpointError(
                "Trainer", f"an epoch of {self.per_epoch} batches, as when it began", f"one of {count}",
                "Use the data and the batch size that it began with.",
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
        gradients, sums, seen, taken = optim.Accumulator(), dict[str, float](), 0, 0
        streams = self.ranks.streams(self._known.values())
        for batch in batches:
            taken += 1
            if batch is None and self.ranks.size > 1:  # a part without samples
                continue
            count = self.samples(batch)
            (value, metrics), found = self._gradients(batch)
            gradients.add(found, count)
            for name, number in {"loss": value.item(), **metrics}.items():
                sums[name] = sums.get(name, 0.0) + number * count
            seen += count
        all_seen = self._add_up(sums, seen, taken, streams)
        if not taken:
            return False
        own = gradients.take() if len(gradients) else None
        mean = self.ranks.mean(own, seen, all_seen, self.optimizer.params)
        self.optimizer(mean if self.clip is None else optim.clip_by_norm(mean, self.clip)[0])
        return True

    def _add_up(self, sums: dict[str, float], seen: int, taken: int, streams: Streams) -> int:
        """Add what all ranks have measured in a step, and return the number of their samples."""
        found = self.ranks.exchange("a step", (sums, seen, taken, streams.drawn(), self.interrupted))
        all_sums, all_counts, all_taken, all_drawn, interrupted = zip(*found, strict=True)
        if len(set(all_taken)) > 1:
            raise RankError(
                "Trainer, batches", "as many batches on every rank", " and ".join(map(str, all_taken)),
                "All ranks must draw the same epoch: the same data, order and batch size.",
            )  # fmt: skip
        for one in all_sums:
            for name, number in one.items():
                self._sums[name] = self._sums.get(name, 0.0) + number
        all_seen: int = sum(all_counts)
        self.seen, self.batch = self.seen + all_seen, self.batch + taken
        self.ends = any(interrupted)
        streams.join(set().union(*all_drawn))
        if taken and not all_seen:
            raise ArgumentError("Trainer, ranks", "samples for at least one rank", "none in a batch", "See Ranks(part=...).")
        return all_seen

    def _measured(self, batch: Any) -> tuple[Tensor, Mapping[str, float]]:
        found = self.loss(batch)
        value, metrics = found if isinstance(found, tuple) and len(found) == 2 else (found, {})
        if not isinstance(value, Tensor):
            raise DTypeError("Trainer, loss", "a Tensor, or a pair of it and a dict", describe(found), "Return the loss.")
        return value, checks.measured(metrics, "loss", {"loss"})


def _set_states(rngs: Mapping[str, np.random.Generator], states: Mapping[str, Any]) -> None:
    for name, state in states.items():
        if name in rngs:
            rngs[name].bit_generator.state = state
