"""Spiking networks as estimators of scikit-learn, for its pipelines and searches (extra ``sklearn``)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from autograd import Cell, Tensor, nn, optim
from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError, MissingExtraError

from .. import encode, losses
from ..neurons import LeakyReadout, LIFNode
from ..simulate import run
from ..surrogate.base import check_function
from ..train import EarlyStopping, Hook, Trainer
from ..train.checks import is_number, whole

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets, unique_labels
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    raise MissingExtraError("scikit-learn", "sklearn", "snn.interop.sklearn") from error

__all__ = ["SpikingClassifier", "SpikingRegressor"]

Array = np.ndarray[Any, np.dtype[Any]]

_ROWS = 1024  # predicted at once, so that the currents of a large set need not fit into memory
_DTYPES = (np.float64, np.float32)
_SEEDS = 2**31 - 1


class _Spiking(BaseEstimator):  # type: ignore[misc]
    """What the two have in common."""

    def __init__(
        self, hidden: Any = 64, *, tau: float = 5.0, steps: int = 8, encoding: str = "direct", epochs: int = 30,
        batch_size: int = 128, learning_rate: float = 0.02, surrogate: Callable[[Any], Any] | None = None,
        early_stopping: bool = False, validation_fraction: float = 0.1, patience: int = 10, random_state: Any = None,
    ) -> None:  # fmt: skip
        self.hidden, self.tau, self.steps, self.encoding = hidden, tau, steps, encoding
        self.epochs, self.batch_size, self.learning_rate, self.surrogate = epochs, batch_size, learning_rate, surrogate
        self.early_stopping, self.validation_fraction, self.patience = early_stopping, validation_fraction, patience
        self.random_state = random_state

    # What a subclass says

    def _loss(self, out: Tensor, y: Array) -> Tensor:
        raise NotImplementedError

    # Fitting

    def _check_parameters(self) -> tuple[int, ...]:
        """Check what was given at the start, as scikit-learn wants it only now; return the hidden layers."""
        where = type(self).__name__
        hidden = self.hidden if isinstance(self.hidden, (tuple, list)) else (self.hidden,)
        if not hidden:
            raise ArgumentError(where, "hidden, at least one layer of neurons", repr(self.hidden), "Such as hidden=(64, 32).")
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
            raise DTypeError(where, "early_stopping=True or False", describe(self.early_stopping), "Say patience= beside it.")
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
        """Train on encoded targets; with a set for validation, until it becomes no better."""
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
            score = float(self.score(*validation))
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

    def _split(self, x: Array, y: Array, stratify: Array | None) -> tuple[Array, Array, Array, Array]:
        """Keep a part for validation."""
        found = train_test_split(
            x, y, test_size=float(self.validation_fraction), random_state=int(self._seeds.integers(_SEEDS)), stratify=stratify
        )
        return tuple(found)

    # Running

    def _encoded(self, x: Array, rng: np.random.Generator) -> Tensor:
        if self.encoding == "direct":
            return encode.direct(x, self.steps)
        scaled = np.clip((x - self._low) / np.where(self._span > 0, self._span, 1), 0, 1).astype(self._dtype, copy=False)
        return encode.rate(scaled, self.steps, rng) if self.encoding == "rate" else encode.latency(scaled, self.steps)

    def _outputs(self, X: Any) -> Array:
        """Return the mean of each output over time, ``[N, outputs]``."""
        check_is_fitted(self, "net_")
        return self._means(validate_data(self, X, reset=False, dtype=_DTYPES))

    def _means(self, x: Array) -> Array:
        training, rng = self.net_.training, np.random.default_rng(self._noise)
        self.net_.set_train(False)
        try:
            found = [
                run(self.net_, self._encoded(x[first : first + _ROWS].astype(self._dtype, copy=False), rng))
                .out.asnumpy()
                .mean(0)
                for first in range(0, len(x), _ROWS)
            ]
        finally:
            self.net_.set_train(training)
        return np.concatenate(found)


_ENCODINGS = ("direct", "rate", "latency")


class SpikingClassifier(ClassifierMixin, _Spiking):  # type: ignore[misc]
    """Classify samples with a spiking network.

    Layers of leaky integrate-and-fire neurons, each behind a dense layer, then a dense layer and integrators that never fire,
    whose mean over time is the answer. They are trained by backpropagation through time with surrogate gradients (Neftci,
    Mostafa and Zenke, IEEE Signal Processing Magazine 36, 2019) and Adam. The dtype follows ``X``: float32 takes half of the
    time of float64.

    Parameters
    ----------
    hidden : int or tuple of int
        Spiking neurons in each hidden layer.
    tau : float
        Time constant of all neurons, in steps, above 1.
    steps : int
        Time steps for which a sample is shown.
    encoding : {"direct", "rate", "latency"}
        How a sample comes in: as a constant current, for which it should be standardised; as random spikes, the more the
        larger a feature is; or as one spike of each feature, the earlier the larger it is. For spikes each feature is scaled
        to the range that it has in ``fit``, and what lies beyond counts as its end.
    epochs : int
        Passes over the samples.
    batch_size : int
        Samples in a step of the optimizer.
    learning_rate : float
        Of Adam.
    surrogate : callable, optional
        Surrogate of the neurons, such as ``snn.surrogate.atan()``; None is that of :class:`snn.LIFNode`.
    early_stopping : bool
        Whether to keep a part of the samples for validation, to stop once the score on it has not become better for
        ``patience`` epochs, and to take the weights of the best epoch.
    validation_fraction : float
        The part that is kept, between 0 and 1.
    patience : int
        Epochs that may pass without a better score.
    random_state : int, numpy.random.RandomState or None
        Where weights, the order of the samples, the part for validation and random spikes come from. With an int, the same
        data give the same bits.

    Attributes
    ----------
    net_ : autograd.nn.SequentialCell
        The network, for :func:`snn.run`, :func:`snn.summary` and the like.
    n_features_in_ : int
        Features of a sample.
    feature_names_in_ : array of str
        Their names, if ``X`` has names of text.
    n_iter_ : int
        Epochs that were trained.
    loss_curve_ : list of float
        The loss in each of them.
    validation_scores_ : list of float
        With ``early_stopping``, the score on the part for validation after each epoch.
    classes_ : array
        The classes, in the order of ``predict_proba``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from snn.interop.sklearn import SpikingClassifier
    >>> x, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), SpikingClassifier(32, random_state=0)).fit(x, y)
    >>> bool(model.score(x, y) > 0.9)
    True
    """

    def _loss(self, out: Tensor, y: Array) -> Tensor:
        return losses.cross_entropy(out, y, readout="rate")

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array_like
            Samples, ``[N, features]``.
        y : array_like
            The class of each, ``[N]``.

        Returns
        -------
        SpikingClassifier
            Itself.

        Raises
        ------
        ValueError
            If an argument of the estimator, or the data, cannot be used.
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=_DTYPES)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        self._begin(X, len(self.classes_))
        if not self.early_stopping:
            self._train(X, labels, self.epochs)
            return self
        x, held, labels, held_labels = self._split(X, labels, labels)
        self._train(x, labels, self.epochs, (held, self.classes_[held_labels]))
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Go on training for one pass over samples, from new weights if there are none.

        Parameters
        ----------
        X, y : array_like
            As for :meth:`fit`.
        classes : array_like, optional
            All classes that there will be; the first call needs them, unless ``y`` has them all.

        Returns
        -------
        SpikingClassifier
            Itself.

        Raises
        ------
        ValueError
            If ``y`` has a class that there was not at first, or ``classes`` are others than then.
        """
        first = not hasattr(self, "net_")
        X, y = validate_data(self, X, y, dtype=_DTYPES, reset=first)
        check_classification_targets(y)
        if first:
            self.classes_ = unique_labels(y if classes is None else classes)
            self._begin(X, len(self.classes_))
        elif classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
            raise ArgumentError(
                "SpikingClassifier.partial_fit", f"the classes of the first call, {self.classes_.tolist()}", repr(classes),
                "Leave them out, or fit a new network.",
            )  # fmt: skip
        if unknown := sorted(set(np.unique(y).tolist()) - set(self.classes_.tolist())):
            raise ArgumentError(
                "SpikingClassifier.partial_fit", f"classes among {self.classes_.tolist()}", f"{unknown} too",
                "Name all in the first call: classes=[...].",
            )  # fmt: skip
        self._train(X.astype(self._dtype, copy=False), np.searchsorted(self.classes_, y), 1)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, ``[N, classes]``: the softmax of the outputs."""
        scores = self._outputs(X)
        powers = np.exp(scores - scores.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)  # type: ignore[no-any-return]

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each sample, ``[N]``."""
        found = self.predict_proba(X).argmax(1)
        return self.classes_[found]  # type: ignore[no-any-return]


class SpikingRegressor(RegressorMixin, _Spiking):  # type: ignore[misc]
    """Predict numbers with a spiking network.

    Parameters and attributes are those of :class:`SpikingClassifier`, but for ``classes_``. The targets are standardised for
    the training, and the answers scaled back.

    Examples
    --------
    >>> import numpy as np
    >>> from snn.interop.sklearn import SpikingRegressor
    >>> x = np.linspace(-2, 2, 100)[:, None]
    >>> model = SpikingRegressor(32, random_state=0).fit(x, np.sin(x[:, 0]))
    >>> bool(model.score(x, np.sin(x[:, 0])) > 0.9)
    True
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _loss(self, out: Tensor, y: Array) -> Tensor:
        return ((out.mean(0) - y) ** 2).mean()

    def _targets(self, y: Array) -> Array:
        wide = y.reshape(len(y), -1).astype(np.float64)
        return ((wide - self._mean) / self._scale).astype(self._dtype)  # type: ignore[no-any-return]

    def _begin_on(self, x: Array, y: Array) -> None:
        wide = y.reshape(len(y), -1).astype(np.float64)
        self._begin(x, wide.shape[1])
        self._mean, scale = wide.mean(0), wide.std(0)
        self._scale = np.where(scale > 0, scale, 1.0)
        self._axes = y.ndim

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array_like
            Samples, ``[N, features]``.
        y : array_like
            The target of each, ``[N]`` or ``[N, targets]``.

        Returns
        -------
        SpikingRegressor
            Itself.

        Raises
        ------
        ValueError
            If an argument of the estimator, or the data, cannot be used.
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=_DTYPES, multi_output=True, y_numeric=True)
        self._begin_on(X, y)
        if not self.early_stopping:
            self._train(X, self._targets(y), self.epochs)
            return self
        x, held, y, held_y = self._split(X, y, None)
        self._train(x, self._targets(y), self.epochs, (held, held_y))
        return self

    def partial_fit(self, X: Any, y: Any) -> Self:
        """Go on training for one pass over samples; the first call makes new weights, and takes mean and scale of ``y``.

        Parameters
        ----------
        X, y : array_like
            As for :meth:`fit`.

        Returns
        -------
        SpikingRegressor
            Itself.

        Raises
        ------
        ValueError
            If ``y`` has another number of targets than at first.
        """
        first = not hasattr(self, "net_")
        X, y = validate_data(self, X, y, dtype=_DTYPES, multi_output=True, y_numeric=True, reset=first)
        if first:
            self._begin_on(X, y)
        elif y.reshape(len(y), -1).shape[1] != len(self._mean):
            raise ArgumentError(
                "SpikingRegressor.partial_fit", f"{len(self._mean)} targets, as in the first call", describe(y),
                "Fit a new network.",
            )  # fmt: skip
        self._train(X.astype(self._dtype, copy=False), self._targets(y), 1)
        return self

    def predict(self, X: Any) -> Array:
        """Return the answer for each sample, ``[N]`` or ``[N, targets]`` as the targets were."""
        found = (self._outputs(X) * self._scale + self._mean).astype(self._dtype, copy=False)
        return found[:, 0] if self._axes == 1 else found  # type: ignore[no-any-return]


def __dir__() -> list[str]:
    return sorted(__all__)
