"""What scikit-learn gives to estimators, or as much of it as they need without."""

from __future__ import annotations

import inspect
import numbers
import warnings
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning, NotFittedError
    from sklearn.utils import check_random_state, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

    HAS_SKLEARN = True
except ImportError:
    HAS_SKLEARN = False

    class ConvergenceWarning(UserWarning):  # type: ignore[no-redef]
        """Training ended before it was done."""

    class NotFittedError(ValueError, AttributeError):  # type: ignore[no-redef]
        """Something was asked of an estimator that was not fitted."""

    class BaseEstimator:  # type: ignore[no-redef]
        """Parameters are the arguments of ``__init__``."""

        @classmethod
        def _parameter_names(cls) -> List[str]:
            names = inspect.signature(cls.__init__).parameters
            return sorted(name for name in names if name != "self")

        def get_params(self, deep: bool = True) -> Dict[str, Any]:
            """The parameters by name."""
            return {name: getattr(self, name) for name in self._parameter_names()}

        def set_params(self, **params: Any) -> Any:
            """Sets parameters by name."""
            names = self._parameter_names()
            for name, value in params.items():
                if name not in names:
                    raise ValueError(f"invalid parameter {name!r}; expected one of {names}")
                setattr(self, name, value)
            return self

        def __repr__(self) -> str:
            defaults = inspect.signature(type(self).__init__).parameters
            changed = [
                f"{name}={value!r}"
                for name, value in self.get_params().items()
                if repr(value) != repr(defaults[name].default)
            ]
            return f"{type(self).__name__}({', '.join(changed)})"

    class ClassifierMixin:  # type: ignore[no-redef]
        """Scores are accuracies."""

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
            """The share of examples whose class is predicted."""
            hits = np.asarray(self.predict(X)) == np.asarray(y)  # type: ignore[attr-defined]
            if hits.ndim == 2:
                hits = hits.all(axis=1)
            return float(np.average(hits, weights=sample_weight))

    class RegressorMixin:  # type: ignore[no-redef]
        """Scores are shares of variance."""

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
            """R²: 1 minus the squared error by that of the mean."""
            return r2(np.asarray(y), self.predict(X), sample_weight)  # type: ignore[attr-defined]

    def check_random_state(seed: Any) -> Any:  # type: ignore[no-redef]
        """A source of random numbers."""
        if isinstance(seed, np.random.RandomState):
            return seed
        return np.random.RandomState(seed)

    def column_or_1d(y: Any, warn: bool = False) -> np.ndarray:  # type: ignore[no-redef]
        """One number or label an example."""
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 1:
            raise ValueError(f"y has shape {y.shape}, expected one value an example")
        return y

    def check_classification_targets(y: Any) -> None:  # type: ignore[no-redef]
        """Refuses numbers that are no classes."""
        y = np.asarray(y)
        if y.dtype.kind == "f" and (y != np.floor(y)).any():
            raise ValueError("Unknown label type: y has fractions, expected classes")

    def type_of_target(y: Any) -> str:  # type: ignore[no-redef]
        """Which kind of classification y is of."""
        y = np.asarray(y)
        return "multilabel-indicator" if y.ndim == 2 and y.shape[1] > 1 else "multiclass"

    def check_is_fitted(estimator: Any) -> None:  # type: ignore[no-redef]
        """Refuses estimators that were not fitted."""
        if not hasattr(estimator, "n_features_in_"):
            name = type(estimator).__name__
            raise NotFittedError(f"this {name} is not fitted yet; call fit first")

    def _check_sample_weight(  # type: ignore[no-redef]
        sample_weight: Any, X: Any, dtype: Any = None, **_: Any
    ) -> np.ndarray:
        """One weight an example."""
        weights = np.asarray(sample_weight, dtype=dtype)
        if weights.ndim == 0:
            weights = np.full(X.shape[0], float(weights), dtype=dtype)
        if weights.shape != (X.shape[0],):
            raise ValueError(
                f"sample_weight has shape {weights.shape}, expected ({X.shape[0]},)"
            )
        return weights

    def validate_data(  # type: ignore[no-redef]
        estimator: Any,
        X: Any,
        y: Any = "no_validation",
        reset: bool = True,
        dtype: Any = np.float32,
        y_numeric: bool = False,
        **_: Any,
    ) -> Any:
        """Numbers of X, and y, of fitting sizes."""
        names = _column_names(X)
        if hasattr(X, "tocsr"):
            X = X.tocsr()
            finite = np.isfinite(X.data).all()
        else:
            X = np.asarray(X)
            if X.dtype.kind == "c":
                raise ValueError("Complex data not supported")
            X = X.astype(dtype, copy=False)
            finite = np.isfinite(X).all()
        if X.ndim != 2:
            raise ValueError(f"X has shape {X.shape}, expected [examples, features]")
        if X.shape[0] < 1 or X.shape[1] < 1:
            raise ValueError(f"X has shape {X.shape}, expected at least one example and feature")
        if not finite:
            raise ValueError("Input X contains NaN or infinity")
        if reset:
            estimator.n_features_in_ = X.shape[1]
            if names is not None:
                estimator.feature_names_in_ = names
        else:
            fitted = getattr(estimator, "feature_names_in_", None)
            if fitted is not None and names is not None and list(fitted) != list(names):
                raise ValueError(
                    "the feature names should match those that were passed during fit"
                )
            if X.shape[1] != estimator.n_features_in_:
                raise ValueError(
                    f"X has {X.shape[1]} features, but {type(estimator).__name__} is expecting "
                    f"{estimator.n_features_in_} features as input"
                )
        if isinstance(y, str):
            return X
        y = np.asarray(y, dtype=np.float64 if y_numeric else None)
        if y.dtype.kind == "f" and not np.isfinite(y).all():
            raise ValueError("Input y contains NaN or infinity")
        if len(y) != X.shape[0]:
            raise ValueError(f"y has {len(y)} values for {X.shape[0]} examples")
        return X, y

    def _column_names(X: Any) -> Optional[np.ndarray]:
        columns = getattr(X, "columns", None)
        if columns is None or not all(isinstance(name, str) for name in columns):
            return None
        return np.asarray(list(columns), dtype=object)


def r2(y: np.ndarray, found: np.ndarray, weights: Optional[np.ndarray] = None) -> float:
    """R² of predictions, the mean over outputs."""
    y = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    found = np.asarray(found, dtype=np.float64).reshape(len(y), -1)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    rest = (w[:, None] * (y - found) ** 2).sum(axis=0)
    mean = np.average(y, axis=0, weights=w)
    all_ = (w[:, None] * (y - mean) ** 2).sum(axis=0)
    constant = all_ == 0
    scores = np.where(constant, rest == 0, 1 - rest / np.where(constant, 1, all_))
    return float(scores.mean())


def warn_of_convergence(name: str, epochs: int) -> None:
    """Says that training ended because of ``max_iter``."""
    warnings.warn(
        f"{name}: training ended after {epochs} epochs (max_iter) and had not converged yet",
        ConvergenceWarning,
        stacklevel=3,
    )


def seed_of(random_state: Any) -> int:
    """A seed: the number itself, so that it is the ``--seed`` of the command line."""
    if isinstance(random_state, numbers.Integral):
        if random_state < 0:
            raise ValueError(f"random_state is {random_state}, expected 0 or more")
        return int(random_state)
    return int(check_random_state(random_state).randint(1, np.iinfo(np.int32).max))


def held_out(
    y: np.ndarray, share: float, seed: int, stratified: bool
) -> Tuple[np.ndarray, np.ndarray]:
    """Numbers of the examples to train on and of those to validate with."""
    random = np.random.RandomState(seed % (1 << 32))
    count = len(y)
    if stratified:
        parts = [np.flatnonzero(y == label) for label in np.unique(y)]
    else:
        parts = [np.arange(count)]
    chosen = []
    for part in parts:
        if stratified and len(part) < 2:
            raise ValueError(
                "early_stopping: the least populated class in y has only 1 member, expected 2 or "
                "more; give an eval_set, or turn early_stopping off"
            )
        size = min(len(part) - 1, max(1, int(round(share * len(part)))))
        chosen.append(random.permutation(part)[:size])
    validation = np.sort(np.concatenate(chosen))
    if len(validation) == 0:
        raise ValueError(f"early_stopping: {count} examples leave none to validate with")
    keep = np.ones(count, dtype=bool)
    keep[validation] = False
    return np.flatnonzero(keep), validation


__all__ = [
    "BaseEstimator",
    "ClassifierMixin",
    "HAS_SKLEARN",
    "NotFittedError",
    "RegressorMixin",
    "_check_sample_weight",
    "check_classification_targets",
    "check_is_fitted",
    "check_random_state",
    "column_or_1d",
    "held_out",
    "r2",
    "seed_of",
    "type_of_target",
    "validate_data",
    "warn_of_convergence",
]
