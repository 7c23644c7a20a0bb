"""A spiking network that predicts numbers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import validate_data

from autograd import Tensor
from autograd.dtypes import Array, describe
from autograd.errors import ArgumentError, NonFiniteError
from autograd.state import quietly

from .base import DTYPES, Spiking

__all__ = ["SpikingRegressor"]


class SpikingRegressor(RegressorMixin, Spiking):  # type: ignore[misc]
    """Predict numbers with a spiking network.

    Parameters and attributes as for :class:`SpikingClassifier`, without ``classes_``. The targets are standardised for
    training; predictions are scaled back in float64, whatever the dtype of ``X``, so that they keep the targets' precision.

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

    def _score(self, found: Array, y: Array) -> float:
        return float(r2_score(y, found))

    def _targets(self, y: Array) -> Array:
        wide = y.reshape(len(y), -1).astype(np.float64)
        return ((wide - self._mean) / self._scale).astype(self._dtype)  # type: ignore[no-any-return]

    def _begin_on(self, x: Array, y: Array) -> None:
        wide = y.reshape(len(y), -1).astype(np.float64)
        self._begin(x, wide.shape[1])
        self._mean, scale = quietly(lambda: (wide.mean(0), wide.std(0)))
        if not (np.isfinite(self._mean) & np.isfinite(scale)).all():
            raise NonFiniteError(
                "SpikingRegressor", "targets whose mean and standard deviation are finite",
                f"some of up to {np.abs(wide).max():.3g}", "Scale them: their squares do not fit into float64.",
            )  # fmt: skip
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
            If an argument of the estimator, or the data, cannot be used; also too few samples for ``early_stopping``.
        NonFiniteError
            If training reaches NaN or infinity. The estimator is then as it was before.
        """
        self._check_parameters()
        with self._whole():
            X, y = validate_data(self, X, y, dtype=DTYPES, multi_output=True, y_numeric=True)
            self._begin_on(X, y)
            self._train_whole(X, self._targets(y))
        return self

    def partial_fit(self, X: Any, y: Any) -> Self:
        """Continue training for one pass over the samples; the first call makes new weights, and uses mean and scale of ``y``.

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
            If ``y`` has another number of targets than in the first call.
        """
        first = not hasattr(self, "net_")
        with self._whole():
            X, y = validate_data(self, X, y, dtype=DTYPES, multi_output=True, y_numeric=True, reset=first)
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
        """Return the prediction for each sample, ``[N]`` or ``[N, targets]`` as the targets were."""
        found = self._outputs(X).astype(np.float64) * self._scale + self._mean
        return found[:, 0] if self._axes == 1 else found  # type: ignore[no-any-return]
