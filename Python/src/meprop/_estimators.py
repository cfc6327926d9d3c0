"""The estimators: scikit-learn's conventions over a network of the library."""

from __future__ import annotations

import inspect
import json
import numbers
import sys
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from . import _base, _network
from ._base import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    check_classification_targets,
    check_is_fitted,
    column_or_1d,
    type_of_target,
    validate_data,
)
from ._library import ModelError
from ._network import Answers, Examples, Interruptible, Network
from ._threads import thread_count

#: Called after each epoch with the estimator and the figures of the epoch; ``True`` ends training.
Callback = Callable[[Any, Dict[str, float]], Optional[bool]]

#: How many examples feature importances are computed on.
_IMPORTANCE_EXAMPLES = 256


class _MePropEstimator(BaseEstimator):
    """What classifier and regressor share."""

    _loss: str
    _auto_batch_size: int
    _network: Network

    def __init__(
        self,
        hidden_layer_sizes: Union[int, Sequence[int]] = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Union[int, str] = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        select: str = "auto",
        k: Union[int, float] = 0.04,
        memory: Union[float, str] = "auto",
        dropout: float = 0.0,
        average_decay: float = 0.0,
        precision: str = "f32",
        n_jobs: Optional[int] = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.select = select
        self.k = k
        self.memory = memory
        self.dropout = dropout
        self.average_decay = average_decay
        self.precision = precision
        self.n_jobs = n_jobs

    # What differs between classifier and regressor.

    def _encode(self, y: Any, reset: bool) -> np.ndarray:
        """Targets of the network, after remembering what they mean if ``reset``."""
        raise NotImplementedError

    def _output_size(self) -> int:
        raise NotImplementedError

    def _score_outputs(
        self, outputs: np.ndarray, y: np.ndarray, weights: Optional[np.ndarray]
    ) -> float:
        """The score of raw outputs, for encoded targets."""
        raise NotImplementedError

    def _all_weights(
        self, y: np.ndarray, weights: Optional[np.ndarray]
    ) -> Optional[np.ndarray]:
        return weights

    def _meaning(self) -> Dict[str, Any]:
        """What is saved of a model beside its network."""
        raise NotImplementedError

    def _take_meaning(self, meaning: Dict[str, Any]) -> None:
        raise NotImplementedError

    # Parameters.

    def _hidden_sizes(self) -> List[int]:
        sizes = self.hidden_layer_sizes
        sizes = [sizes] if isinstance(sizes, numbers.Integral) else list(sizes)
        if not all(isinstance(size, numbers.Integral) and size >= 1 for size in sizes):
            raise ValueError(f"hidden_layer_sizes is {sizes}, expected whole numbers above 0")
        return [int(size) for size in sizes]

    def _selection(self) -> str:
        """The policy: of wide layers the largest entries of a batch, of narrow ones all.

        Choosing takes longer than it saves where layers are narrow.
        """
        if self.select != "auto":
            return self.select
        return "batch-top-k" if max(self._hidden_sizes(), default=0) >= 256 else "dense"

    def _memory(self, select: str) -> float:
        """How much of what was left out comes back: where the policy gains by it if "auto"."""
        if self.memory == "auto":
            return 0.9 if select in ("top-k", "batch-top-k", "unified") else 0.0
        if select in ("dense", "random-k") and self.select != "auto":
            raise ValueError(f"memory is {self.memory!r}, but select {select!r} has none")
        return 0.0 if select == "dense" else float(self.memory)

    def _check_parameters(self) -> None:
        for name, choices in (
            ("activation", _network.ACTIVATIONS),
            ("solver", _network.OPTIMIZERS),
            ("learning_rate", _network.SCHEDULES),
            ("select", ["auto", *_network.SELECTIONS]),
            ("precision", _network.PRECISIONS),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"{name} is {value!r}, expected one of {', '.join(choices)}")
        for name, least in (("max_iter", 1), ("n_iter_no_change", 1)):
            value = getattr(self, name)
            if not isinstance(value, numbers.Integral) or value < least:
                raise ValueError(f"{name} is {value!r}, expected a whole number of {least} or more")
        if self.batch_size != "auto" and (
            not isinstance(self.batch_size, numbers.Integral) or self.batch_size < 1
        ):
            raise ValueError(
                f"batch_size is {self.batch_size!r}, expected 'auto' or a whole number above 0"
            )
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction is {self.validation_fraction!r}, expected a number between 0 "
                "and 1"
            )
        if not self.alpha >= 0:
            raise ValueError(f"alpha is {self.alpha!r}, expected 0 or more")
        if isinstance(self.k, numbers.Integral):
            if self.k < 1:
                raise ValueError(f"k is {self.k!r}, expected a count of 1 or more, or a share")
        elif not 0 < self.k <= 1:
            raise ValueError(f"k is {self.k!r}, expected a share above 0 and at most 1, or a count")

    def _batch_size(self, count: int) -> int:
        size = self._auto_batch_size if self.batch_size == "auto" else int(self.batch_size)
        return min(size, count)

    def _make_network(self, batch_size: int) -> Network:
        select = self._selection()
        # Half the squared error has half the gradient.
        half = self._loss == "squared_error" and self.solver == "sgd"
        return Network.create(
            input_size=self.n_features_in_,
            output_size=self._output_size(),
            hidden_sizes=self._hidden_sizes(),
            activation=self.activation,
            loss=self._loss_name(),
            select=select,
            k=self.k,
            memory=self._memory(select),
            dropout=self.dropout,
            optimizer=self.solver,
            learning_rate=self.learning_rate_init / (2 if half else 1),
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            momentum=self.momentum,
            l2=self.alpha / batch_size * (2 if self._loss == "squared_error" else 1),
            untouched_rows="update" if select == "dense" else "skip",
            average_decay=self.average_decay,
            precision=self.precision,
            seed=self._seed,
            thread_count=thread_count(self.n_jobs),
        )

    def _loss_name(self) -> str:
        return self._loss

    # Training.

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        eval_set: Optional[Tuple[Any, ...]] = None,
        callbacks: Sequence[Callback] = (),
    ) -> Any:
        """Trains on X and y.

        Parameters
        ----------
        X : array, sparse matrix or data frame of shape (examples, features)
        y : classes or numbers, one an example, or several
        sample_weight : the weight of each example; examples of weight 0 are left out
        eval_set : (X, y) or (X, y, sample_weight) to validate with after each epoch
        callbacks : called after each epoch with this estimator and a dict of ``epoch``, ``loss``
            and, with validation, ``validation_score``; one that returns ``True`` ends training

        Returns
        -------
        self
        """
        self._check_parameters()
        goes_on = self.warm_start and hasattr(self, "_network")
        X, y, weights = self._read(X, y, sample_weight, reset=not goes_on)
        if not goes_on:
            self._begin()
        validation = self._validation(eval_set)
        if validation is None and self.early_stopping:
            X, y, weights, validation = self._hold_out(X, y, weights)
        if not goes_on or self._network.input_size != X.shape[1]:
            self._network = self._make_network(self._batch_size(len(y)))
        self._keep_for_importances(X, y)
        self._train(Examples(X), y, weights, validation, tuple(callbacks))
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Trains for one epoch more on X and y, which may be other examples than before."""
        self._check_parameters()
        is_new = not hasattr(self, "_network")
        X, y, weights = self._read(X, y, sample_weight, reset=is_new)
        return self._train_once(X, y, weights, is_new)

    def _train_once(
        self, X: Any, y: np.ndarray, weights: Optional[np.ndarray], is_new: bool
    ) -> Any:
        batch_size = self._batch_size(len(y))
        if is_new:
            self._begin()
            self._network = self._make_network(batch_size)
        self._keep_for_importances(X, y)
        examples, answers = Examples(X), Answers(y, self._loss_name() == "softmax", weights)
        with Interruptible(self._network.interrupt) as run:
            self._epoch(run, examples, answers, batch_size)
        return self

    def _begin(self) -> None:
        self._seed = _base.seed_of(self.random_state)
        self.n_iter_ = 0
        self.t_ = 0
        self.loss_curve_: List[float] = []
        self.validation_scores_: Optional[List[float]] = None
        self.best_validation_score_: Optional[float] = None
        self.best_loss_ = np.inf

    def _read(
        self, X: Any, y: Any, sample_weight: Any, reset: bool
    ) -> Tuple[Any, np.ndarray, Optional[np.ndarray]]:
        """Checked examples and encoded targets, without examples of weight 0."""
        X, y = self._validate(X, y, reset)
        if sample_weight is None:
            weights = None
        else:
            weights = _base._check_sample_weight(sample_weight, X, dtype=np.float64)
            if not np.isfinite(weights).all() or (weights < 0).any():
                raise ValueError("sample_weight has numbers below 0, or that are not finite")
            counted = weights > 0
            if not counted.any():
                raise ValueError("sample_weight is 0 for all examples, expected one above")
            if not counted.all():
                X, y, weights = X[counted], y[counted], weights[counted]
        if y.shape[0] <= self._batch_size(y.shape[0]):
            X, y, weights = _grouped(X, y, weights)
        self._weights_of_targets = weights
        encoded = self._encode(y, reset)
        del self._weights_of_targets
        return X, encoded, self._all_weights(encoded, weights)

    def _validate(self, X: Any, y: Any, reset: bool) -> Tuple[Any, np.ndarray]:
        X, y = validate_data(
            self,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            dtype=np.float32,
            multi_output=True,
            y_numeric=self._loss == "squared_error",
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _validation(self, eval_set: Any) -> Optional[Tuple[Examples, np.ndarray, Any]]:
        if eval_set is None:
            return None
        if isinstance(eval_set, list) and len(eval_set) == 1:
            eval_set = eval_set[0]
        if len(eval_set) not in (2, 3):
            raise ValueError(f"eval_set has {len(eval_set)} parts, expected (X, y)")
        X, y = self._validate(eval_set[0], eval_set[1], reset=False)
        weights = None
        if len(eval_set) == 3 and eval_set[2] is not None:
            weights = _base._check_sample_weight(eval_set[2], X, dtype=np.float64)
        return Examples(X), self._encode(y, reset=False), weights

    def _hold_out(self, X: Any, y: np.ndarray, weights: Optional[np.ndarray]) -> Tuple[Any, ...]:
        kept, held = _base.held_out(
            y, self.validation_fraction, self._seed, stratified=self._loss_name() == "softmax"
        )
        validation = (Examples(X[held]), y[held], None if weights is None else weights[held])
        return X[kept], y[kept], None if weights is None else weights[kept], validation

    def _epoch(
        self, run: Interruptible, examples: Examples, answers: Answers, batch_size: int
    ) -> float:
        network, epoch = self._network, self.n_iter_ + 1
        scheduled = self.max_iter if self.learning_rate != "constant" else 0
        loss = run(
            lambda: network.fit(
                examples,
                answers,
                batch_size=batch_size,
                epoch=epoch,
                schedule=self.learning_rate,
                schedule_epochs=scheduled,
            )
        )
        if self._loss == "squared_error":
            loss /= 2
        self.n_iter_ = epoch
        self.t_ += len(examples)
        self.loss_ = loss
        self.loss_curve_.append(loss)
        self.best_loss_ = min(self.best_loss_, loss)
        return loss

    def _train(
        self,
        examples: Examples,
        y: np.ndarray,
        weights: Optional[np.ndarray],
        validation: Optional[Tuple[Examples, np.ndarray, Any]],
        callbacks: Tuple[Callback, ...],
    ) -> None:
        answers = Answers(y, self._loss_name() == "softmax", weights)
        batch_size = self._batch_size(len(y))
        best, best_state, waited = np.inf, None, 0
        if validation is not None:
            self.validation_scores_ = self.validation_scores_ or []
        with Interruptible(self._network.interrupt) as run:
            for _ in range(self.max_iter):
                loss = self._epoch(run, examples, answers, batch_size)
                figures = {"epoch": self.n_iter_, "loss": loss}
                now = loss
                if validation is not None:
                    score = self._score_outputs(
                        self._network.predict(validation[0], False), validation[1], validation[2]
                    )
                    self.validation_scores_.append(score)  # type: ignore[union-attr]
                    figures["validation_score"] = score
                    if self.early_stopping:
                        now = -score
                waited = waited + 1 if now > best - self.tol else 0
                if now < best:
                    best = now
                    if validation is not None:
                        self.best_validation_score_ = score
                    if self.early_stopping:
                        best_state = self._network.state()
                if self.verbose:
                    parts = [f"{name} {value:.6g}" for name, value in figures.items()]
                    print(", ".join(parts), file=sys.stderr)
                if any([callback(self, dict(figures)) for callback in callbacks]):
                    break
                if waited > self.n_iter_no_change:
                    break
            else:
                if self.max_iter > 1 and self.learning_rate == "constant" and self.tol > 0:
                    _base.warn_of_convergence(type(self).__name__, self.max_iter)
        if best_state is not None:
            self._network.restore(best_state)

    # Use.

    def _outputs(self, X: Any, probabilities: bool) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, accept_sparse="csr", dtype=np.float32)
        return self._network.predict(Examples(X), probabilities)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def n_layers_(self) -> int:
        """Layers, inputs and outputs included."""
        check_is_fitted(self)
        return len(self._network.sizes())

    @property
    def n_outputs_(self) -> int:
        """Outputs of the network."""
        check_is_fitted(self)
        return self._network.output_size

    @property
    def coefs_(self) -> List[np.ndarray]:
        """Weights of each layer, shape (inputs, outputs)."""
        check_is_fitted(self)
        count = len(self._network.sizes()) - 1
        return [self._network.layer(index)[0].T for index in range(count)]

    @property
    def intercepts_(self) -> List[np.ndarray]:
        """Biases of each layer."""
        check_is_fitted(self)
        count = len(self._network.sizes()) - 1
        return [self._network.layer(index)[1] for index in range(count)]

    def _keep_for_importances(self, X: Any, y: np.ndarray) -> None:
        count = min(_IMPORTANCE_EXAMPLES, len(y))
        chosen = np.linspace(0, len(y) - 1, count).astype(np.int64)
        self._sample = (X[chosen], y[chosen])
        self._importances: Optional[np.ndarray] = None

    @property
    def feature_importances_(self) -> np.ndarray:
        """How much the score falls where a feature's values are dealt out anew: its importance.

        Computed when it is first asked for, on at most 256 of the training examples, and divided by
        the sum; features that do not matter, or whose noise helps, have 0.
        """
        check_is_fitted(self)
        if self._importances is None and self._sample is None:
            raise AttributeError("feature_importances_: a loaded model has no examples for them")
        if self._importances is None:
            self._importances = self._permuted_importances()
        return self._importances

    def _permuted_importances(self) -> np.ndarray:
        X, y = self._sample
        X = np.array(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float32, order="C")
        random = np.random.RandomState(self._seed % (1 << 32))

        def score() -> float:
            return self._score_outputs(self._network.predict(Examples(X), False), y, None)

        whole = score()
        falls = np.zeros(X.shape[1])
        for column in range(X.shape[1]):
            values = X[:, column].copy()
            if (values == values[0]).all():
                continue
            X[:, column] = random.permutation(values)
            falls[column] = max(0.0, whole - score())
            X[:, column] = values
        return falls / falls.sum() if falls.sum() > 0 else falls

    # Files.

    def save(self, folder: Any) -> None:
        """Saves the model in a folder: that of the command line's models.

        Parameters of ``__init__`` come with it, what the optimizer remembers does not: pickling
        keeps that.
        """
        check_is_fitted(self)
        notes = {
            "estimator": type(self).__name__,
            "parameters": _plain(self.get_params(deep=False)),
            "features": [str(name) for name in getattr(self, "feature_names_in_", [])],
            "epochs": self.n_iter_,
            "loss_curve": self.loss_curve_,
            "seed": self._seed,
            **self._meaning(),
        }
        self._network.save(folder, json.dumps(notes))

    @classmethod
    def load(cls, folder: Any, n_jobs: Optional[int] = None) -> Any:
        """Loads a model that ``save`` has written, or, as a classifier, one of ``meprop train
        digits``."""
        network = Network.load(folder, thread_count(n_jobs))
        text = network.notes()
        try:
            notes = json.loads(text) if text else {}
            if not isinstance(notes, dict):
                raise ValueError
        except ValueError:
            raise ModelError(f"{folder}: the model's notes are not those of an estimator") from None
        name = notes.get("estimator", "MePropClassifier")
        if name != cls.__name__:
            raise ModelError(f"{folder}: expected a {cls.__name__}, found a {name}")
        known = inspect.signature(cls.__init__).parameters
        given = {key: value for key, value in notes.get("parameters", {}).items() if key in known}
        given.setdefault("hidden_layer_sizes", tuple(network.sizes()[1:-1]))
        given["n_jobs"] = n_jobs
        model = cls(**given)
        if isinstance(model.hidden_layer_sizes, list):
            model.hidden_layer_sizes = tuple(model.hidden_layer_sizes)
        model._network = network
        model.n_features_in_ = network.input_size
        if notes.get("features"):
            model.feature_names_in_ = np.asarray(notes["features"], dtype=object)
        model._begin()
        model._seed = int(notes.get("seed", model._seed))
        model.n_iter_ = int(notes.get("epochs", 0))
        model.loss_curve_ = [float(loss) for loss in notes.get("loss_curve", [])]
        try:
            model._take_meaning(notes)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{folder}: the model's notes are damaged ({error!r})") from None
        model._sample, model._importances = None, None
        return model


class MePropClassifier(ClassifierMixin, _MePropEstimator):
    """A multilayer perceptron that classifies, trained by minimal effort back propagation.

    Parameters that ``MLPClassifier`` has too mean the same. But ``batch_size`` "auto" is at most
    64, and ``learning_rate`` is how the rate falls: "constant", or "linear" or "cosine" over
    ``max_iter`` epochs. Ours are:

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        The weight of each class.
    select : "auto", "dense", "top-k", "unified", "batch-top-k", "sampled" or "random-k"
        Which entries of the gradient at the outputs of hidden layers are propagated back. "auto" is
        "batch-top-k" where a layer has 256 units or more, else "dense".
    k : int or float
        How many entries are kept an example, or which share.
    memory : float or "auto"
        How much of what was left out is added at the next step, from 0 to 1; "auto" is 0.9 for
        "top-k", "batch-top-k" and "unified", else 0.
    dropout : float
        The share of outputs of hidden layers that are dropped in training.
    average_decay : float
        The decay of a running mean of all parameters, which predicts; 0 for none.
    precision : "f32", "bf16" or "int8"
        What products read; with "int8" those of the forward pass.
    n_jobs : int or None
        Threads; results do not depend on it.

    Attributes
    ----------
    classes_ : the classes, in the order of probabilities
    loss_curve_, loss_, best_loss_ : mean losses of epochs, the last, and the best
    validation_scores_, best_validation_score_ : accuracies, with validation
    n_iter_, t_ : epochs, and examples seen
    coefs_, intercepts_, n_layers_, n_outputs_, feature_importances_
    """

    _loss = "softmax"
    _auto_batch_size = 64
    classes_: np.ndarray

    def __init__(
        self,
        hidden_layer_sizes: Union[int, Sequence[int]] = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Union[int, str] = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        class_weight: Any = None,
        select: str = "auto",
        k: Union[int, float] = 0.04,
        memory: Union[float, str] = "auto",
        dropout: float = 0.0,
        average_decay: float = 0.0,
        precision: str = "f32",
        n_jobs: Optional[int] = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            max_iter=max_iter,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            select=select,
            k=k,
            memory=memory,
            dropout=dropout,
            average_decay=average_decay,
            precision=precision,
            n_jobs=n_jobs,
        )
        self.class_weight = class_weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _loss_name(self) -> str:
        return "binary" if self._is_multilabel else "softmax"

    def _output_size(self) -> int:
        return max(2, len(self.classes_)) if not self._is_multilabel else len(self.classes_)

    def _encode(self, y: Any, reset: bool) -> np.ndarray:
        check_classification_targets(y)
        is_multilabel = type_of_target(y) == "multilabel-indicator"
        if is_multilabel:
            y = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
            if reset:
                self._is_multilabel = True
                self.classes_ = np.arange(y.shape[1])
            elif not self._is_multilabel or y.shape[1] != len(self.classes_):
                raise ValueError(f"y has {y.shape[1]} labels, expected those of the first fit")
            return y.astype(np.float32)
        y = column_or_1d(y)
        if reset:
            self._is_multilabel = False
            self.classes_, numbers_ = np.unique(y, return_inverse=True)
            return numbers_
        return self._numbers(y)

    def _numbers(self, y: np.ndarray) -> np.ndarray:
        """The numbers of known classes."""
        if self._is_multilabel:
            raise ValueError("y has one class an example, expected labels as in the first fit")
        places = np.searchsorted(self.classes_, y)
        places = np.minimum(places, len(self.classes_) - 1)
        unknown = self.classes_[places] != y
        if unknown.any():
            raise ValueError(
                f"y has the class {y[unknown][0]!r}, expected classes among {list(self.classes_)}"
            )
        return places

    def _all_weights(self, y: np.ndarray, weights: Optional[np.ndarray]) -> Optional[np.ndarray]:
        if self.class_weight is None:
            return weights
        if self._is_multilabel:
            raise ValueError("class_weight is for one class an example, and y has several labels")
        count = len(self.classes_)
        if isinstance(self.class_weight, str):
            if self.class_weight != "balanced":
                raise ValueError(
                    f"class_weight is {self.class_weight!r}, expected a dict, 'balanced' or None"
                )
            sums = np.bincount(y, minlength=count)
            factors = len(y) / (count * np.maximum(sums, 1))
        else:
            by_class = dict(self.class_weight)
            known = self.classes_.tolist()
            stray = [label for label in by_class if label not in known]
            if stray:
                raise ValueError(f"class_weight has {stray[0]!r}, which is no class of y")
            factors = np.asarray([by_class.get(label, 1.0) for label in known], dtype=np.float64)
        by_example = factors[y]
        return by_example if weights is None else weights * by_example

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "MePropClassifier":
        """Trains for one epoch more; ``classes`` are all classes, at the first call."""
        self._check_parameters()
        is_new = not hasattr(self, "_network")
        if classes is None:
            X, y, weights = self._read(X, y, sample_weight, reset=is_new)
            return self._train_once(X, y, weights, is_new)
        classes = np.unique(np.asarray(classes))
        if is_new:
            validate_data(self, X, reset=True, accept_sparse="csr", dtype=np.float32)
            self._is_multilabel = False
            self.classes_ = classes
        elif list(self.classes_) != list(classes):
            raise ValueError(
                f"classes are {list(classes)}, and were {list(self.classes_)} at the first call"
            )
        X, y, weights = self._read(X, y, sample_weight, reset=False)
        return self._train_once(X, y, weights, is_new)

    def predict(self, X: Any) -> np.ndarray:
        """The class of each example, or its labels."""
        outputs = self._outputs(X, False)
        if self._is_multilabel:
            return (outputs > 0).astype(np.int64)
        return self.classes_[outputs[:, : len(self.classes_)].argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, or of each label."""
        probabilities = self._outputs(X, True)
        if len(self.classes_) == 1 and not self._is_multilabel:
            return np.ones((len(probabilities), 1), dtype=np.float32)
        return probabilities

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithms of probabilities."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _score_outputs(
        self, outputs: np.ndarray, y: np.ndarray, weights: Optional[np.ndarray]
    ) -> float:
        if self._is_multilabel:
            hits = ((outputs > 0) == (y > 0.5)).all(axis=1)
        else:
            hits = outputs.argmax(axis=1) == y
        return float(np.average(hits, weights=weights))

    def _meaning(self) -> Dict[str, Any]:
        return {
            "classes": self.classes_.tolist(),
            "classes_kind": self.classes_.dtype.kind,
            "multilabel": self._is_multilabel,
        }

    def _take_meaning(self, meaning: Dict[str, Any]) -> None:
        about = self._network.describe()
        if about.loss == _network.LOSSES["squared_error"]:
            raise ValueError("a network of regression")
        size = self._network.output_size
        self._is_multilabel = bool(meaning.get("multilabel", False))
        classes = meaning.get("classes", list(range(size)))
        kind = meaning.get("classes_kind", "i")
        self.classes_ = np.asarray(classes, dtype=object if kind == "O" else None)
        if max(2 if not self._is_multilabel else 1, len(self.classes_)) != size:
            raise ValueError(f"{len(self.classes_)} classes for {size} outputs")

    def save_images(
        self, folder: Any, shape: Tuple[int, int], pixel_scale: float = 1 / 255
    ) -> None:
        """Saves a classifier of images as a model of ``meprop train digits``.

        ``meprop evaluate`` and ``meprop predict`` take it. Classes must be 0, 1, 2, …, and inputs
        were pixels from 0 to 255 times ``pixel_scale``.
        """
        check_is_fitted(self)
        if self._is_multilabel or list(self.classes_) != list(range(len(self.classes_))):
            raise ValueError(f"classes are {list(self.classes_)}, expected 0, 1, 2, …")
        self._network.save_images(folder, int(shape[0]), int(shape[1]), pixel_scale)


class MePropRegressor(RegressorMixin, _MePropEstimator):
    """A multilayer perceptron for numbers, trained by minimal effort back propagation.

    Parameters are those of ``MePropClassifier`` without ``class_weight``; ``batch_size`` "auto" is
    at most 200, as smaller batches follow the noise of small tables. Targets are brought to mean 0
    and variance 1 for training, by the numbers of the first fit, so that their unit does not
    matter; losses are half the squared error in that unit.
    """

    _loss = "squared_error"
    _auto_batch_size = 200

    def _output_size(self) -> int:
        return len(self._mean)

    def _encode(self, y: Any, reset: bool) -> np.ndarray:
        values = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if reset:
            weights = self._weights_of_targets
            self._is_flat = np.ndim(y) == 1
            self._mean = np.average(values, axis=0, weights=weights)
            deviation = np.sqrt(np.average((values - self._mean) ** 2, axis=0, weights=weights))
            self._scale = np.where(deviation > 0, deviation, 1.0)
        elif values.shape[1] != len(self._mean):
            raise ValueError(f"y has {values.shape[1]} numbers, expected {len(self._mean)}")
        return ((values - self._mean) / self._scale).astype(np.float32)

    def _score_outputs(
        self, outputs: np.ndarray, y: np.ndarray, weights: Optional[np.ndarray]
    ) -> float:
        return _base.r2(y, outputs, weights)

    def predict(self, X: Any) -> np.ndarray:
        """The numbers of each example."""
        outputs = self._outputs(X, False)
        values = (outputs * self._scale + self._mean).astype(np.float32)
        return values[:, 0] if self._is_flat else values

    def _meaning(self) -> Dict[str, Any]:
        return {
            "mean": self._mean.tolist(),
            "scale": self._scale.tolist(),
            "flat": self._is_flat,
        }

    def _take_meaning(self, meaning: Dict[str, Any]) -> None:
        self._mean = np.asarray(meaning["mean"], dtype=np.float64)
        self._scale = np.asarray(meaning["scale"], dtype=np.float64)
        self._is_flat = bool(meaning["flat"])
        size = self._network.output_size
        if self._mean.shape != (size,) or self._scale.shape != (size,):
            raise ValueError(f"means of {len(self._mean)} numbers for {size} outputs")


def _grouped(
    X: Any, y: Any, weights: Optional[np.ndarray]
) -> Tuple[Any, Any, Optional[np.ndarray]]:
    """Equal examples as one of their summed weight, in an order that depends on them only.

    Where all examples are one batch that is the same mean, so that repeating an example and giving
    it a weight of 2 are the same to the last bit, in whatever order examples come.
    """
    if hasattr(y, "tocsr"):
        y = y.toarray()
    if y.ndim == 1:
        _, codes = np.unique(y, return_inverse=True)
        labels = codes.reshape(len(y), 1)
    else:
        labels = y
    if hasattr(X, "tocsr"):
        X = X.tocsr(copy=True)
        X.sum_duplicates()
        ends = X.indptr
        rows = [
            X.indices[a:b].astype(np.int64).tobytes() + X.data[a:b].tobytes()
            for a, b in zip(ends[:-1], ends[1:])
        ]
    else:
        rows = [row.tobytes() for row in X]
    places: Dict[Tuple[bytes, bytes], List[int]] = {}
    for place, (row, label) in enumerate(zip(rows, labels)):
        places.setdefault((row, label.tobytes()), []).append(place)
    groups = [places[key] for key in sorted(places)]
    if len(groups) == len(rows) and weights is None:
        weights_of_groups = None
    else:
        one = np.ones(len(rows)) if weights is None else weights
        weights_of_groups = np.asarray([one[group].sum() for group in groups])
        if (weights_of_groups == 1).all():
            weights_of_groups = None
    first = np.asarray([group[0] for group in groups])
    return X[first], y[first], weights_of_groups


def _plain(value: Any) -> Any:
    """What JSON can hold of a parameter; the rest is left out."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, (str, int, float, bool, type(None))) else None
