"""The estimators, by scikit-learn's own checks and ours."""

import pickle
import threading

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from meprop import MePropClassifier, MePropRegressor, NotFiniteError

pytestmark = pytest.mark.filterwarnings("ignore:.*had not converged")


@parametrize_with_checks([MePropClassifier(), MePropRegressor()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def examples():
    X, y = make_classification(
        600, 20, n_informative=8, n_classes=3, random_state=0, class_sep=1.5
    )
    return X.astype(np.float32), y


def model(**settings):
    defaults = dict(hidden_layer_sizes=(40,), max_iter=8, batch_size=32, random_state=3, tol=0)
    return MePropClassifier(**{**defaults, **settings})


SELECTIONS = ["dense", "top-k", "unified", "batch-top-k", "sampled", "random-k"]


@pytest.mark.parametrize("select", SELECTIONS)
def test_same_bits_for_any_threads(examples, select):
    settings = dict(select=select, k=5, dropout=0.1, hidden_layer_sizes=(300, 200), max_iter=3)
    one = model(**settings, n_jobs=1).fit(*examples)
    two = model(**settings, n_jobs=2).fit(*examples)
    assert one.loss_curve_ == two.loss_curve_
    np.testing.assert_array_equal(
        one.predict_proba(examples[0]), two.predict_proba(examples[0])
    )
    assert one.score(*examples) > 0.6


def test_other_seeds_give_other_bits(examples):
    assert model().fit(*examples).loss_curve_ != model(random_state=4).fit(*examples).loss_curve_
    state = np.random.RandomState(5)
    first = model(random_state=state).fit(*examples).loss_curve_
    assert model(random_state=np.random.RandomState(5)).fit(*examples).loss_curve_ == first


def test_pickled_in_the_midst_goes_on_with_the_same_bits(examples):
    settings = dict(select="batch-top-k", k=5, dropout=0.2, average_decay=0.9)
    whole = model(**settings, max_iter=6).fit(*examples)
    part = model(**settings, max_iter=6)
    for _ in range(3):
        part.partial_fit(*examples)
    part = pickle.loads(pickle.dumps(part))
    for _ in range(3):
        part.partial_fit(*examples)
    assert part.loss_curve_ == whole.loss_curve_
    np.testing.assert_array_equal(
        part.predict_proba(examples[0]), whole.predict_proba(examples[0])
    )
    assert part.n_iter_ == 6 and part.t_ == 6 * 600


def test_warm_start_goes_on(examples):
    whole = model(max_iter=6).fit(*examples)
    warm = model(max_iter=3, warm_start=True).fit(*examples)
    warm.fit(*examples)
    assert warm.loss_curve_ == whole.loss_curve_
    with pytest.raises(ValueError, match="classes"):
        warm.fit(examples[0], examples[1] + 1)


def test_sparse_is_dense(examples):
    sparse = pytest.importorskip("scipy.sparse")
    X, y = examples
    X = np.where(np.abs(X) > 1, X, 0).astype(np.float32)
    whole = model().fit(X, y)
    for kind in (sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array):
        found = model().fit(kind(X), y)
        assert found.loss_curve_ == whole.loss_curve_
        np.testing.assert_array_equal(found.predict_proba(kind(X)), whole.predict_proba(X))
    empty = sparse.csr_matrix((4, X.shape[1]), dtype=np.float32)
    np.testing.assert_array_equal(
        whole.predict_proba(empty), whole.predict_proba(empty.toarray())
    )


def test_rows_that_lie_apart_are_read_where_they_are(examples):
    X, y = examples
    wide = np.full((len(X), 33), np.nan, dtype=np.float32)
    wide[:, 5:25] = X
    expected = model().fit(X, y).predict_proba(X)
    for view in (wide[:, 5:25], np.asfortranarray(X), X.astype(np.float64), X[::-1][::-1]):
        found = model().fit(view, y)
        np.testing.assert_array_equal(found.predict_proba(view), expected)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_by_column_name(examples, library):
    frames = pytest.importorskip(library)
    X, y = examples
    names = [f"feature {column}" for column in range(X.shape[1])]
    frame = frames.DataFrame({name: X[:, column] for column, name in enumerate(names)})
    labels = np.array(["left", "right", "straight on"])[y]
    fitted = model().fit(frame, labels)
    assert list(fitted.feature_names_in_) == names
    assert set(fitted.predict(frame)) <= set(labels)
    assert fitted.score(frame, labels) > 0.6
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame[names[::-1]])


def test_pipelines_that_give_data_frames(examples):
    pytest.importorskip("pandas")
    pipeline = make_pipeline(StandardScaler(), model()).set_output(transform="pandas")
    assert pipeline.fit(*examples).score(*examples) > 0.6


def test_weights(examples):
    X, y = examples
    twice = model().fit(X, y, sample_weight=np.full(len(y), 2.0))
    assert twice.loss_curve_ == pytest.approx(model().fit(X, y).loss_curve_, rel=1e-4)
    counted = y != 2
    without, zero = model(), model()
    without.partial_fit(X[counted], y[counted], classes=[0, 1, 2])
    zero.partial_fit(X, y, classes=[0, 1, 2], sample_weight=counted.astype(float))
    assert zero.loss_curve_ == pytest.approx(without.loss_curve_, rel=1e-5)
    assert list(zero.classes_) == [0, 1, 2]
    heavy = model(class_weight={0: 30.0}).fit(X, y)
    light = model(class_weight={0: 0.01}).fit(X, y)
    assert (heavy.predict(X) == 0).sum() > (light.predict(X) == 0).sum() + 50
    rare = np.concatenate([np.flatnonzero(y == 0)[:10], np.flatnonzero(y > 0)])
    balanced = model(class_weight="balanced").fit(X[rare], y[rare])
    plain = model().fit(X[rare], y[rare])
    assert (balanced.predict(X) == 0).sum() > (plain.predict(X) == 0).sum()
    for wrong in (-np.ones(len(y)), np.full(len(y), np.nan), np.zeros(len(y))):
        with pytest.raises(ValueError, match="weight"):
            model().fit(X, y, sample_weight=wrong)
    with pytest.raises(ValueError, match="class_weight"):
        model(class_weight={"none": 1}).fit(X, y)


def test_early_stopping_keeps_the_best(examples):
    X, y = examples
    fitted = model(early_stopping=True, max_iter=60, n_iter_no_change=3, tol=1e-4).fit(X, y)
    scores = fitted.validation_scores_
    assert len(scores) == fitted.n_iter_ < 60
    assert fitted.best_validation_score_ == max(scores)
    X_train, X_dev, y_train, y_dev = train_test_split(X, y, random_state=0)
    seen = []
    fitted = model(early_stopping=True, max_iter=60, n_iter_no_change=3, tol=1e-4)
    fitted.fit(
        X_train,
        y_train,
        eval_set=(X_dev, y_dev),
        callbacks=[lambda model, figures: seen.append(figures) and False],
    )
    assert fitted.score(X_dev, y_dev) == pytest.approx(max(fitted.validation_scores_))
    assert [figures["validation_score"] for figures in seen] == fitted.validation_scores_
    assert [figures["loss"] for figures in seen] == fitted.loss_curve_


def test_callbacks_predict_and_end_training(examples):
    scores = []

    def watch(fitted, figures):
        scores.append(fitted.score(*examples))
        return figures["epoch"] == 3

    fitted = model().fit(*examples, callbacks=[watch])
    assert fitted.n_iter_ == 3 and len(scores) == 3
    assert fitted.loss_curve_ == model(max_iter=3).fit(*examples).loss_curve_

    def fail(fitted, figures):
        raise RuntimeError("of the callback")

    with pytest.raises(RuntimeError, match="of the callback"):
        model().fit(*examples, callbacks=[fail])


def test_several_labels():
    X, y = make_classification(400, 12, n_informative=6, random_state=1)
    labels = np.stack([y, (X[:, 0] > 0).astype(int), (X[:, 1] + X[:, 2] > 0).astype(int)], axis=1)
    fitted = model(max_iter=60).fit(X, labels)
    assert fitted.predict(X).shape == labels.shape
    assert (fitted.predict(X) == labels).mean() > 0.95
    np.testing.assert_array_equal(fitted.predict_proba(X) > 0.5, fitted.predict(X) == 1)
    assert fitted.score(X, labels) > 0.85


def test_importances_find_what_matters():
    random = np.random.RandomState(0)
    X = random.normal(size=(500, 6)).astype(np.float32)
    y = (X[:, 2] + 0.5 * X[:, 4] > 0).astype(int)
    found = model(max_iter=40).fit(X, y).feature_importances_
    assert found.sum() == pytest.approx(1) and found.argmax() == 2
    assert found[2] > found[4] > max(found[[0, 1, 3, 5]])


@pytest.mark.parametrize(
    "settings, words",
    [
        (dict(select="most"), "select"),
        (dict(activation="step"), "activation"),
        (dict(precision="f8"), "precision"),
        (dict(solver="lbfgs"), "solver"),
        (dict(learning_rate="adaptive"), "learning_rate"),
        (dict(k=0), "k is 0"),
        (dict(k=1.5), "k is 1.5"),
        (dict(dropout=1.0, select="top-k"), "dropout"),
        (dict(memory=2.0, select="top-k"), "memory"),
        (dict(batch_size=0), "batch_size"),
        (dict(max_iter=0), "max_iter"),
        (dict(hidden_layer_sizes=(0,)), "hidden_layer_sizes"),
        (dict(learning_rate_init=-1.0), "learning_rate"),
        (dict(validation_fraction=1.5), "validation_fraction"),
        (dict(n_jobs=0), "n_jobs"),
        (dict(alpha=-1.0), "alpha"),
        (dict(random_state=-1), "random_state"),
    ],
)
def test_settings_that_are_refused(examples, settings, words):
    with pytest.raises(ValueError, match=words):
        model(**settings).fit(*examples)


def test_errors(examples):
    X, y = examples
    with pytest.raises(NotFittedError):
        model().predict(X)
    with pytest.raises(ValueError, match="NaN|infinity"):
        model().fit(np.where(X > 2, np.nan, X), y)
    with pytest.raises(NotFiniteError, match="learning rate"):
        model(
            solver="sgd", learning_rate_init=1e30, hidden_layer_sizes=(20, 20), max_iter=50
        ).fit(X, y)
    fitted = model().fit(X, y)
    with pytest.raises(ValueError, match="19 features"):
        fitted.predict(X[:, 1:])
    with pytest.raises(ValueError, match="class"):
        fitted.partial_fit(X, y + 1)


def test_clone_and_searches(examples):
    X, y = examples
    search = GridSearchCV(
        model(max_iter=3), {"select": ["dense", "top-k"], "alpha": [0, 1e-3]}, cv=2
    )
    assert clone(search.estimator).get_params() == search.estimator.get_params()
    alone = search.fit(X, y).cv_results_["mean_test_score"]
    from joblib import parallel_backend

    for backend in ("loky", "threading"):
        with parallel_backend(backend, n_jobs=2):
            found = clone(search).set_params(n_jobs=2).fit(X, y)
        np.testing.assert_array_equal(found.cv_results_["mean_test_score"], alone)


def test_eight_threads_at_once(examples):
    expected = model(select="top-k", k=5).fit(*examples).loss_curve_
    found = [None] * 8

    def train(place):
        found[place] = model(select="top-k", k=5, n_jobs=1 + place % 2).fit(*examples).loss_curve_

    threads = [threading.Thread(target=train, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(curve == expected for curve in found)


def test_precision_and_schedules(examples):
    for settings in (
        dict(precision="bf16"),
        dict(precision="int8"),
        dict(learning_rate="cosine"),
        dict(solver="sgd"),
    ):
        assert model(**settings, max_iter=15, learning_rate_init=0.003).fit(
            *examples
        ).score(*examples) > 0.6


def test_weights_compute_what_predict_does(examples):
    X, y = examples
    fitted = model(hidden_layer_sizes=(30, 20)).fit(X, y)
    assert fitted.n_layers_ == 4 and fitted.n_outputs_ == 3
    values = X.astype(np.float64)
    for place, (weights, biases) in enumerate(zip(fitted.coefs_, fitted.intercepts_)):
        values = values @ weights + biases
        values = np.maximum(values, 0) if place < 2 else values
    expected = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(X), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_accuracy(load):
    X, y = load(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), MePropClassifier(random_state=1))
    assert cross_val_score(pipeline, X, y, cv=5).mean() > 0.94


def test_regression():
    X, y = load_diabetes(return_X_y=True)
    pipeline = make_pipeline(
        StandardScaler(), MePropRegressor((50,), early_stopping=True, random_state=1)
    )
    assert cross_val_score(pipeline, X, y, cv=5).mean() > 0.3
    both = np.stack([y, 1e6 - 1000 * y], axis=1)
    fitted = MePropRegressor((50,), max_iter=100, random_state=1).fit(X, both)
    assert fitted.predict(X).shape == both.shape and fitted.score(X, both) > 0.4
