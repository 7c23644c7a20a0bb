"""The common parts of both estimators: parameters, the network, training and predictions."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from autograd import Cell, Tensor, nn, optim
from autograd.dtypes import Array, describe, is_number
from autograd.errors import ArgumentError, DTypeError

from ... import encode
from ...neurons import LeakyReadout, LIFNode
from ...simulate import run
from ...surrogate.base import check_function
from ...train import EarlyStopping, Hook, Trainer
from ...train.checks import whole

__all__ = ["DTYPES", "Spiking"]

_ROWS = 1024  # predicted at once, so that the currents of a large set need not fit into memory
DTYPES = (np.float64, np.float32)
_SEEDS = 2**31 - 1


class Spiking(BaseEstimator):  # type: ignore[misc]
    """Parameters, training and predictions of both estimators."""

    def __init__(
        self, hidden: Any = 64, *, tau: float = 5.0, steps: int = 8, encoding: str = "direct", epochs: int = 30,
        batch_size: int = 128, learning_rate: float = 0.02, surrogate: Callable[[Any], Any] | None = None,
        early_stopping: bool = False, validation_fraction: float = 0.1, patience: int = 10, random_state: Any = None,
    ) -> None:  # fmt: skip
        self.hidden, self.tau, self.steps, self.encoding = hidden, tau, steps, encoding
        self.epochs, self.batch_size, self.learning_rate, self.surrogate = epochs, batch_size, learning_rate, surrogate
        self.early_stopping, self.validation_fraction, self.patience = early_stopping, validation_fraction, patience
        self.random_state = random_state

    # For subclasses

    def _loss(self, out: Tensor, y: Array) -> Tensor:
        raise NotImplementedError

    def _score(self, found: Array, y: Array) -> float:
        raise NotImplementedError

    # Fitting

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Leave the estimator as it was if a new network cannot be trained."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _check_parameters(self) -> tuple[int, ...]:
        """Check the parameters, only now, as scikit-learn requires, and return the hidden layers."""
        where = type(self).__name__
        hidden = self.hidden if isinstance(self.hidden, (tuple, list)) else (self.hidden,)
        if not hidden:
            raise ArgumentError(
                where, "hidden, at least one layer of neurons", repr(self.hidden), "For example hidden=(64, 32)."
            )
        sizes = tuple(whole(where, "hidden", n, 1, "It counts the neurons of a layer.") for n in hidden)
        for name in ("steps", "epochs", "batch_size", "patience"):
            whole(where, name, getattr(self, name), 1, "It is a count.")
        for name, low, high in (
            ("tau", 1, np.inf), ("learning_rate", 0, np.inf), ("validation_fraction", 0, 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if not is_number(value) or not low < value < high:
                raise ArgumentError(where, f"{name} above {low} and below {high}", repr(value), "See the class's docstring.")
        if self.encoding not in _ENCODINGS:
            raise ArgumentError(
                where, f"encoding among {', '.join(map(repr, _ENCODINGS))}", repr(self.encoding), "'direct' is a current."
            )
        if not isinstance(self.early_stopping, (bool, np.bool_)):
            raise DTypeError(
                where, "early_stopping=True or False", describe(self.early_stopping),
                "The number of epochs to wait is patience=.",
            )  # fmt: skip
        if self.surrogate is not None:
            check_function(self.surrogate, where, "surrogate to be a Cell, a function or None")
        return sizes

    def _begin(self, x: Array, outputs: int) -> None:
        """Make the network and its optimizer."""
        hidden = self._check_parameters()
        self._seeds = np.random.default_rng(check_random_state(self.random_state).randint(_SEEDS))
        self._noise = int(self._seeds.integers(_SEEDS))
        self._dtype = x.dtype
        self._low, self._span = x.min(0), np.ptp(x, 0)
        rng = self._seeds
        layers: list[Cell] = []
        for n_in, n_out in itertools.pairwise((x.shape[1], *hidden)):
            layers.append(nn.Dense(n_in, n_out, dtype=self._dtype, rng=rng))
            layers.append(LIFNode(surrogate_function=self.surrogate, tau=float(self.tau), decay_input=False))
        layers.append(nn.Dense(hidden[-1], outputs, dtype=self._dtype, rng=rng))
        layers.append(LeakyReadout(tau=float(self.tau), decay_input=False))
        self.net_ = nn.SequentialCell(*layers)
        self._optimizer = optim.Adam(self.net_.trainable_params(), float(self.learning_rate))
        self.n_iter_ = 0
        self.loss_curve_: list[float] = []

    def _train(self, x: Array, y: Array, epochs: int, validation: tuple[Array, Array] | None = None) -> None:
        """Train on encoded targets; with a validation set, until its score no longer improves."""
        rng = self._seeds
        hooks: list[Hook] = []
        best: dict[str, Any] = {"score": -np.inf}
        self.net_.set_train()

        def batches(start: int) -> Iterator[tuple[Tensor, Array]]:
            order = rng.permutation(len(x))
            for first in range(start * self.batch_size, len(x), self.batch_size):
                chosen = order[first : first + self.batch_size]
                yield self._encoded(x[chosen], rng), y[chosen]

        def loss(batch: tuple[Tensor, Array]) -> Tensor:
            return self._loss(run(self.net_, batch[0]).out, batch[1])

        def evaluate() -> dict[str, float]:
            assert validation is not None
            score = float(self._score(self._means(validation[0]), validation[1]))
            self.validation_scores_.append(score)
            if score > best["score"]:
                best.update(score=score, weights=self.net_.state_dict())
            return {"score": score}

        if validation is not None:
            self.validation_scores_: list[float] = []
            hooks.append(EarlyStopping("score", self.patience, lowest=False))
        trainer = Trainer(
            self.net_, self._optimizer, loss, batches, rng=rng, hooks=hooks, samples=lambda batch: len(batch[1]),
            evaluate=None if validation is None else evaluate,
        )  # fmt: skip
        history = trainer.fit(epochs)
        if "weights" in best:
            self.net_.load_state_dict(best["weights"])
        self.n_iter_ += len(history)
        self.loss_curve_ += [line["train_loss"] for line in history]

    def _train_whole(self, x: Array, y: Array, stratify: Array | None = None) -> None:
        """Train a new network for all epochs, or until the held-out part of ``early_stopping`` shows no gain."""
        if not self.early_stopping:
            self._train(x, y, self.epochs)
            return
        x, held, y, held_y = self._split(x, y, stratify)
        self._train(x, y, self.epochs, (held, held_y))

    def _split(self, x: Array, y: Array, stratify: Array | None) -> tuple[Array, Array, Array, Array]:
        """Hold out a part for validation."""
        where, fraction = type(self).__name__, float(self.validation_fraction)
        if not 2 <= (held := int(np.ceil(fraction * len(x)))) < len(x):
            raise ArgumentError(
                where, "2 samples or more for validation, as early_stopping=True needs, and some for training",
                f"{held}: validation_fraction={fraction} of {len(x)}",
                "Change validation_fraction, or leave early_stopping out.",
            )  # fmt: skip
        if stratify is not None:
            counts = np.bincount(stratify)
            if counts.min() < 2 or min(held, len(x) - held) < len(counts):
                raise ArgumentError(
                    where, "2 samples or more of each class, and one of each in both parts, as early_stopping=True needs",
                    f"{counts.min()} of the rarest of {len(counts)} classes, {held} of {len(x)} samples for validation",
                    "Pass more samples, change validation_fraction, or leave early_stopping out.",
                )  # fmt: skip
        found = train_test_split(
            x, y, test_size=float(self.validation_fraction), random_state=int(self._seeds.integers(_SEEDS)), stratify=stratify
        )
        return tuple(found)

    # Running

    def _encoded(self, x: Array, rng: np.random.Generator | None = None) -> Tensor:
        """Encode rows. Without a generator, the spikes of a row depend on its values alone."""
        if self.encoding == "direct":
            return encode.direct(x, self.steps)
        scaled = np.clip((x - self._low) / np.where(self._span > 0, self._span, 1), 0, 1).astype(self._dtype, copy=False)
        if self.encoding == "latency":
            return encode.latency(scaled, self.steps)
        if rng is not None:
            return encode.rate(scaled, self.steps, rng)
        each = [encode.rate(row[None], self.steps, self._of_row(row)).asnumpy() for row in scaled + 0.0]  # no zero is negative
        return Tensor.wrap(np.concatenate(each, 1))

    def _of_row(self, row: Array) -> np.random.Generator:
        """Return the generator of a row: the same whatever its position and the other rows."""
        digest = hashlib.blake2b(row.tobytes(), digest_size=16, key=self._noise.to_bytes(8, "little")).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))

    def _outputs(self, X: Any) -> Array:
        """Return the mean of each output over time, ``[N, outputs]``."""
        check_is_fitted(self, "net_")
        return self._means(validate_data(self, X, reset=False, dtype=DTYPES))

    def _means(self, x: Array) -> Array:
        training = self.net_.training
        self.net_.set_train(False)
        try:
            found = [
                run(self.net_, self._encoded(x[first : first + _ROWS].astype(self._dtype, copy=False))).out.asnumpy().mean(0)
                for first in range(0, len(x), _ROWS)
            ]
        finally:
            self.net_.set_train(training)
        return np.concatenate(found)


_ENCODINGS = ("direct", "rate", "latency")
