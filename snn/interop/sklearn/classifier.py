"""A spiking network that classifies."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import validate_data

from autograd import Tensor
from autograd.dtypes import Array
from autograd.errors import ArgumentError

from ... import losses
from .base import DTYPES, Spiking

__all__ = ["SpikingClassifier"]


class SpikingClassifier(ClassifierMixin, Spiking):  # type: ignore[misc]
    """Classify samples with a spiking network.

    Layers of leaky integrate-and-fire neurons, each after a dense layer, then a dense layer and integrators that never fire,
    whose mean over time is the output. They are trained by backpropagation through time with surrogate gradients (Neftci,
    Mostafa and Zenke, IEEE Signal Processing Magazine 36, 2019) and Adam. The dtype follows ``X``; whole numbers become
    float64.

    Parameters
    ----------
    hidden : int or tuple of int
        Spiking neurons in each hidden layer.
    tau : float
        Time constant of all neurons, in steps, above 1.
    steps : int
        Time steps per sample.
    encoding : {"direct", "rate", "latency"}
        Encoding of a sample: as a constant current, for which it should be standardised; as random spikes, with a rate that
        grows with the feature; or as one spike per feature, earlier for larger values. For spikes each feature is scaled to
        its range in ``fit``, and values outside are clipped. In a prediction, the random spikes of ``"rate"`` depend on the
        sample alone: it gets the same spikes in each call, whatever the other samples.
    epochs : int
        Passes over the samples.
    batch_size : int
        Samples per step of the optimizer.
    learning_rate : float
        Learning rate of Adam.
    surrogate : callable, optional
        Surrogate of the neurons, such as ``snn.surrogate.atan()``; None uses the default of :class:`snn.LIFNode`.
    early_stopping : bool
        Whether to hold out a part of the samples for validation, stop once its score has not improved for ``patience`` epochs,
        and keep the weights of the best epoch.
    validation_fraction : float
        The share that is held out, between 0 and 1.
    patience : int
        Number of epochs without a better score before training stops.
    random_state : int, numpy.random.RandomState or None
        Source of the weights, the order of the samples, the validation part and random spikes. With an int, the same data give
        the same bits.

    Attributes
    ----------
    net_ : autograd.nn.SequentialCell
        The network, for :func:`snn.run`, :func:`snn.summary` and the like.
    n_features_in_ : int
        Features of a sample.
    feature_names_in_ : array of str
        Their names, if ``X`` has names of text.
    n_iter_ : int
        Number of trained epochs.
    loss_curve_ : list of float
        The loss in each of them.
    validation_scores_ : list of float
        With ``early_stopping``, the validation score after each epoch.
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

    def _score(self, found: Array, y: Array) -> float:
        return float(np.mean(found.argmax(1) == y))

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
            If an argument of the estimator, or the data, cannot be used; also too few samples for ``early_stopping``.
        NonFiniteError
            If training reaches NaN or infinity. The estimator is then as it was before.
        """
        self._check_parameters()
        with self._whole():
            X, y = validate_data(self, X, y, dtype=DTYPES)
            check_classification_targets(y)
            self.classes_, labels = np.unique(y, return_inverse=True)
            self._begin(X, len(self.classes_))
            self._train_whole(X, labels, labels)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Continue training for one pass over the samples, from new weights if there are none.

        Parameters
        ----------
        X, y : array_like
            As for :meth:`fit`.
        classes : array_like, optional
            All classes that will occur; required in the first call, unless ``y`` has them all.

        Returns
        -------
        SpikingClassifier
            Itself.

        Raises
        ------
        ValueError
            If ``y`` has a class that was not in the first call, or ``classes`` differ from it.
        """
        first = not hasattr(self, "net_")
        with self._whole():
            X, y = validate_data(self, X, y, dtype=DTYPES, reset=first)
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
