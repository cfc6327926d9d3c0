"""Where there is NumPy only: estimators fit, predict, are pickled and refuse what is wrong."""

import importlib.util
import pickle
import warnings

import numpy as np

from meprop import MePropClassifier, MePropRegressor

assert importlib.util.find_spec("sklearn") is None
warnings.simplefilter("ignore")
random = np.random.RandomState(0)
X = random.normal(size=(500, 6))
y = np.array(["low", "high"])[(X[:, 0] + X[:, 1] > 0).astype(int)]
model = MePropClassifier((32,), batch_size=16, max_iter=20, random_state=1, early_stopping=True)
assert model.fit(X, y).score(X, y) > 0.93
again = pickle.loads(pickle.dumps(model))
assert (again.predict(X) == model.predict(X)).all()
assert repr(model).startswith("MePropClassifier(") and "random_state=1" in repr(model)
assert model.get_params()["max_iter"] == 20 and model.set_params(max_iter=3).max_iter == 3
fitted = MePropRegressor((32,), batch_size=16, max_iter=40, random_state=1).fit(X, X[:, 0] * 5)
assert fitted.score(X, X[:, 0] * 5) > 0.95
for wrong in (lambda: MePropClassifier().predict(X), lambda: model.predict(X[:, 1:]),
              lambda: model.fit(X * np.nan, y), lambda: model.set_params(width=3)):
    try:
        wrong()
    except ValueError as error:
        assert str(error)
    else:
        raise AssertionError("not refused")
print("without scikit-learn: all checks passed")
