"""Our estimators under scikit-learn's own checks, in its pipelines and searches."""

import importlib
import pickle
import re
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

import snn
from autograd.errors import ArgumentError, DTypeError, MissingExtraError, NonFiniteError

sklearn = pytest.importorskip("sklearn", reason="estimators of scikit-learn: pip install 'spikecell[sklearn]'")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_iris, make_moons  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

from snn.interop.sklearn import SpikingClassifier, SpikingRegressor  # noqa: E402

BOTH = pytest.mark.parametrize("kind", [SpikingClassifier, SpikingRegressor])
X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)


def small(kind, **options):
    return kind(16, **{"steps": 4, "epochs": 10, "batch_size": 32, "random_state": 0, **options})


@BOTH
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # of what needs pandas
def test_check_estimator(kind):
    before = np.random.get_state()  # noqa: NPY002 - which the checks draw from
    try:
        check_estimator(kind(steps=4, epochs=10, batch_size=40))  # that of the defaults passes too, and takes longer
    finally:
        np.random.set_state(before)  # noqa: NPY002


def test_a_grid_search_over_tau_and_hidden_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), small(SpikingClassifier))
    grid = {"spikingclassifier__tau": [2.0, 5.0], "spikingclassifier__hidden": [2, (16, 8)]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(*load_iris(return_X_y=True))
    assert search.best_params_["spikingclassifier__hidden"] == (16, 8)
    assert search.best_score_ > 0.85
    net = search.best_estimator_[-1].net_
    out = snn.run(net, snn.encode.direct(X, 4), record=["spike"])
    assert all(0 < rate.numpy().mean() < 1 for name, rate in out.record.items() if name in ("1.spike", "3.spike"))


@pytest.mark.parametrize("encoding", ["direct", "rate", "latency"])
def test_each_encoding_learns_and_is_the_same_again(encoding):
    x, y = make_moons(120, noise=0.1, random_state=0)
    model = small(SpikingClassifier, encoding=encoding, epochs=20, steps=8).fit(x, y)
    assert model.score(x, y) > 0.8
    again = clone(model).fit(x, y)
    assert np.array_equal(model.predict_proba(x), again.predict_proba(x))
    assert np.array_equal(model.predict_proba(x), model.predict_proba(x))
    assert model.loss_curve_[-1] < model.loss_curve_[0]


@BOTH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_random_spikes_of_a_row_depend_on_no_other_row(kind, dtype):
    x = X.astype(dtype)
    model = small(kind, encoding="rate", epochs=2).fit(x, Y)
    whole = model._encoded(x).asnumpy()
    order = np.random.default_rng(0).permutation(len(x))[:40]
    assert np.array_equal(model._encoded(x[order]).asnumpy(), whole[:, order])
    assert np.array_equal(model._encoded(x[7:8]).asnumpy(), whole[:, 7:8])
    rates = (x - x.min(0)) / np.ptp(x, 0)
    assert abs(whole.mean((0, 1)) - rates.mean(0)).max() < 0.05
    assert len(np.unique(whole[:, :, 0], axis=1).T) > 4  # rows differ
    other = small(kind, encoding="rate", epochs=2, random_state=1).fit(x, Y)
    assert not np.array_equal(other._encoded(x).asnumpy(), whole)
    found = model.predict(x)
    np.testing.assert_allclose(model.predict(x[order]), found[order], rtol=1e-4)
    np.testing.assert_allclose([model.predict(row[None])[0] for row in x[::30]], found[::30], rtol=1e-4)


def test_zeros_of_either_sign_are_the_same_value():
    x = np.abs(X)
    model = small(SpikingClassifier, encoding="rate", epochs=1).fit(np.concatenate([x, 0 * x[:1]]), np.append(Y, 0))
    signs = np.float64([[0.0, 0.0, 0.0, 1.0], [-0.0, -0.0, -0.0, 1.0]])
    spikes = model._encoded(signs).asnumpy()
    assert np.array_equal(spikes[:, 0], spikes[:, 1])
    assert spikes.any()


def test_check_estimator_of_samples_in_any_order_holds_for_random_spikes():
    from sklearn.utils import estimator_checks as checks

    before = np.random.get_state()  # noqa: NPY002 - which the checks draw from
    try:
        for check in (checks.check_methods_sample_order_invariance, checks.check_methods_subset_invariance):
            check("SpikingClassifier", SpikingClassifier(steps=4, epochs=2, encoding="rate", random_state=0))
    finally:
        np.random.set_state(before)  # noqa: NPY002


def test_float32_stays_and_names_of_classes_come_back():
    names = np.array(["setosa", "versicolor", "virginica"])
    model = small(SpikingClassifier).fit(X.astype(np.float32), names[Y])
    assert model.predict_proba(X).dtype == np.float32
    assert model.classes_.tolist() == names.tolist()
    assert (model.predict(X) == names[Y]).mean() > 0.9


def test_several_targets_with_scales_of_their_own():
    targets = np.stack([1000 * X[:, 0] + 5, 0.01 * X[:, 1]], 1)
    model = small(SpikingRegressor, epochs=40).fit(X, targets)
    assert model.predict(X).shape == targets.shape
    assert model.score(X, targets) > 0.8
    assert model.fit(X, targets[:, 0]).predict(X).shape == (len(X),)


@BOTH
def test_early_stopping_takes_the_weights_of_the_best_epoch(kind):
    model = small(kind, epochs=60, early_stopping=True, validation_fraction=0.3, patience=3).fit(X, Y)
    scores = model.validation_scores_
    assert len(scores) == model.n_iter_ <= np.argmax(scores) + 4
    assert model.n_iter_ < 60
    assert model.score(X, Y) > 0.7


def test_partial_fit_goes_on():
    model = small(SpikingClassifier)
    for start in range(0, 150, 30):
        model.partial_fit(X[start::5], Y[start::5], classes=[0, 1, 2])
    before = model.score(X, Y)
    for _ in range(15):
        model.partial_fit(X, Y)
    assert model.score(X, Y) > max(before, 0.9)
    assert model.n_iter_ == len(model.loss_curve_) == 20
    with pytest.raises(ArgumentError, match=r"partial_fit: expected classes among \[0, 1, 2\], got \[3\] too"):
        model.partial_fit(X, Y + 1)
    with pytest.raises(ArgumentError, match=r"partial_fit: expected the classes of the first call"):
        model.partial_fit(X, Y, classes=[0, 1])
    regressor = small(SpikingRegressor).partial_fit(X, Y)
    with pytest.raises(ArgumentError, match=r"partial_fit: expected 1 targets"):
        regressor.partial_fit(X, np.stack([Y, Y], 1))


@BOTH
def test_a_pickle_predicts_and_trains_as_the_original(kind):
    model = small(kind).fit(X, Y)
    other = pickle.loads(pickle.dumps(model))
    assert np.array_equal(model.predict(X), other.predict(X))
    for _ in range(2):
        assert np.array_equal(model.partial_fit(X, Y).predict(X), other.partial_fit(X, Y).predict(X))


def test_sparse_samples_are_refused_as_scikit_learn_does():
    with pytest.raises(TypeError, match="dense data is required"):
        small(SpikingClassifier).fit(csr_array(X), Y)


def test_cross_validation_with_a_surrogate_of_ones_own():
    scores = cross_val_score(small(SpikingClassifier, surrogate=snn.surrogate.atan(), epochs=20), X, Y, cv=2)
    assert scores.mean() > 0.85


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 0}, "hidden, a whole number of at least 1, got 0"), ({"hidden": ()}, "hidden, at least one layer"),
        ({"tau": 1.0}, "tau above 1 and below inf, got 1.0"), ({"steps": 2.5}, "steps, a whole number"),
        ({"encoding": "phase"}, "encoding among 'direct', 'rate', 'latency', got 'phase'"),
        ({"learning_rate": 0}, "learning_rate above 0"),
        ({"validation_fraction": 1.0}, "validation_fraction above 0 and below 1"),
        ({"surrogate": snn.surrogate.atan}, "surrogate to be a Cell"), ({"early_stopping": 3}, "early_stopping=True or False"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_an_error_when_it_is_fitted(options, message):
    model = SpikingClassifier(**options)  # scikit-learn wants nothing to be checked here
    with pytest.raises((ArgumentError, DTypeError), match=f"SpikingClassifier: expected {re.escape(message)}"):
        model.fit(X, Y)


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("snn.interop.sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r"the package scikit-learn, .* pip install 'spikecell\[sklearn\]'"):
        importlib.import_module("snn.interop.sklearn")


@BOTH
@pytest.mark.filterwarnings("ignore:.* encountered in:RuntimeWarning")  # of numpy, on the way to infinity
def test_a_training_run_that_fails_leaves_the_estimator_as_it_was(kind):
    model = small(kind).fit(X, Y)
    before, classes = model.predict(X), vars(model).get("classes_")
    with pytest.raises(NonFiniteError):
        model.set_params(learning_rate=1e308).fit(X[:, :3], Y > 0)
    assert model.n_features_in_ == 4
    assert np.array_equal(model.predict(X), before)
    assert np.array_equal(vars(model).get("classes_"), classes)
    assert model.n_iter_ == len(model.loss_curve_) == 10
    for training in ("fit", "partial_fit"):
        new = small(kind, learning_rate=1e308)
        with pytest.raises(NonFiniteError):
            getattr(new, training)(X, Y)
        with pytest.raises(NotFittedError):
            new.predict(X)


def test_predictions_from_float32_keep_the_precision_of_the_targets():
    targets = 1.7e9 + 100 * X[:, 0]
    model = small(SpikingRegressor, epochs=40).fit(X.astype(np.float32), targets)
    assert model.predict(X).dtype == np.float64
    assert model.score(X, targets) > 0.9
    with pytest.raises(NonFiniteError, match="SpikingRegressor: expected targets whose mean and standard"):
        model.fit(X, 1e200 * X[:, 0])
    assert model.score(X, targets) > 0.9


def test_early_stopping_on_too_few_samples_is_refused():
    with pytest.raises(ArgumentError, match=r"2 samples or more for validation.*got 1: validation_fraction=0\.1 of 10\. "):
        small(SpikingRegressor, early_stopping=True).fit(X[:10], Y[:10])
    with pytest.raises(ArgumentError, match=r"2 samples or more of each class.*early_stopping=True.*1 of the rarest of 2"):
        small(SpikingClassifier, early_stopping=True).fit(X[:51], Y[:51])
    with pytest.raises(ArgumentError, match=r"of the rarest of 3 classes, 2 of 15 samples"):
        small(SpikingClassifier, early_stopping=True).fit(X[::10], Y[::10])
    model = small(SpikingRegressor, early_stopping=True, validation_fraction=0.2).fit(X[:10], Y[:10])
    assert np.isfinite(model.validation_scores_).all()
