"""Compares meprop's estimators with scikit-learn's: accuracy by folds, and the time of fit().

    python against_sklearn.py accuracy [--tables FOLDER] [--data NAME ...]
                                                            same layers, means of five folds
    python against_sklearn.py time [--mnist FOLDER]         one thread, in turn
    python against_sklearn.py many                          1,000 fits, and eight threads at once

All print lines of JSON. FOLDER of tables holds adult/ and diamonds/ with train.csv.gz; that of
MNIST holds the four idx.gz files.
"""

import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from meprop import MePropClassifier, MePropRegressor

warnings.filterwarnings("ignore")


def say(**row):
    print(json.dumps(row), flush=True)


def tables(folder):
    """Name, columns, target and kind of each data set."""
    for name in ("iris", "wine", "breast_cancer", "digits", "diabetes"):
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        yield name, pd.DataFrame(x), y, name != "diabetes"
    for name, target in (("adult", "income"), ("diamonds", "price")) if folder else ():
        table = pd.read_csv(folder / name / "train.csv.gz")
        y = table.pop(target)
        words = list(table.select_dtypes(exclude="number"))
        table[words] = table[words].astype(object).fillna("missing")
        yield name, table, y, name == "adult"


def accuracy(arguments):
    for name, x, y, classifies in tables(arguments.tables):
        if arguments.data and name not in arguments.data:
            continue
        y = np.asarray(y)
        few = len(y) < 10_000
        # Of a small table two examples are a point; it is cut into folds five times.
        folds = (RepeatedStratifiedKFold if classifies else RepeatedKFold)(
            n_splits=5, n_repeats=5 if few else 1, random_state=1
        )
        scores = {}
        for estimator in (
            (MLPClassifier, MePropClassifier) if classifies else (MLPRegressor, MePropRegressor)
        ):
            network = estimator(
                hidden_layer_sizes=(100,) if few else (256, 256), early_stopping=not few,
                random_state=1, max_iter=200 if few else 60,
            )
            if not classifies:
                network = TransformedTargetRegressor(network, transformer=StandardScaler())
            columns = make_column_transformer(
                (StandardScaler(), make_column_selector(dtype_include="number")),
                (
                    OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                    make_column_selector(dtype_exclude="number"),
                ),
            )
            # Accuracy, or R², times 100.
            found = cross_val_score(make_pipeline(columns, network), x, y, cv=folds)
            scores[estimator.__name__] = round(100 * float(found.mean()), 2)
        theirs, ours = scores.values()
        say(data=name, **scores, difference=round(ours - theirs, 2))


def rows_of(folder):
    def read(name, offset, shape):
        with gzip.open(folder / name) as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset).reshape(shape)

    parts = []
    for part in ("train", "t10k"):
        parts.append(read(f"{part}-images-idx3-ubyte.gz", 16, (-1, 784)).astype(np.float32) / 255)
        parts.append(read(f"{part}-labels-idx1-ubyte.gz", 8, -1))
    return parts


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def fit_times():
    x, y = datasets.make_classification(10_000, 20, n_informative=12, random_state=1)
    x = x.astype(np.float32)
    shared = dict(
        hidden_layer_sizes=(100,), batch_size=32, max_iter=10, tol=0, n_iter_no_change=100,
        random_state=1,
    )
    ours, theirs = [], []
    for _ in range(5):
        ours.append(seconds(lambda: MePropClassifier(**shared, n_jobs=1).fit(x, y)))
        theirs.append(seconds(lambda: MLPClassifier(**shared).fit(x, y)))
    say(
        what="10,000 x 20, (100,), batch 32, 10 epochs", seconds=statistics.median(ours),
        MLPClassifier=statistics.median(theirs),
        ratio=statistics.median(t / o for o, t in zip(ours, theirs)),
    )


def time_to_accuracy(network, x, y, x_test, y_test, target):
    """Seconds of training until the test accuracy reaches `target`; testing is not counted."""
    spent = 0.0
    for epoch in range(1, 21):
        spent += seconds(lambda: network.partial_fit(x, y, classes=np.arange(10)))
        score = network.score(x_test, y_test)
        if score >= target:
            return spent, epoch, score
    return None, epoch, score


def fit_to_accuracy(seed, x, y, x_test, y_test, target):
    """Seconds of the shortest fit() whose rate falls to zero and that reaches `target`."""
    for epochs in range(1, 6):
        network = MePropClassifier(
            (500, 500), batch_size=64, learning_rate_init=0.0025, learning_rate="linear",
            max_iter=epochs, tol=0, n_jobs=1, random_state=seed,
        )
        spent = seconds(lambda: network.fit(x, y))
        score = network.score(x_test, y_test)
        if score >= target:
            return spent, epochs, score
    return None, epochs, score


def mnist_times(folder):
    data = rows_of(folder)
    for seed in (1, 2, 3):
        results = {"meprop": fit_to_accuracy(seed, *data, 0.975)}
        for batch in (50, 100, 200):
            network = MLPClassifier((500, 500), batch_size=batch, random_state=seed)
            results[f"MLPClassifier, batch {batch}"] = time_to_accuracy(network, *data, 0.975)
        best = min(s for name, (s, _, _) in results.items() if name != "meprop" and s)
        spent = results["meprop"][0]
        say(
            what="MNIST, 784-500-500-10, to 97.5 % of the test images", seed=seed,
            runs={
                name: dict(seconds=spent, epochs=epochs, accuracy=accuracy)
                for name, (spent, epochs, accuracy) in results.items()
            },
            ratio=spent and best / spent,
        )


def many_fits(arguments):
    x, y = datasets.make_classification(300, 20, random_state=1)

    def fit(seed=1):
        return MePropClassifier((20,), max_iter=3, random_state=seed, n_jobs=1).fit(x, y)

    expected = fit().predict_proba(x)
    memory = []
    for index in range(1_000):
        fit(index % 7)
        if index in (199, 999):
            memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: fit().predict_proba(x), range(64)))
    say(
        what="1,000 fits", kilobytesAfter200=memory[0], kilobytesAfter1000=memory[1],
        descriptors=len(os.listdir("/proc/self/fd")),
    )
    say(what="64 fits by 8 threads", same=all(np.array_equal(f, expected) for f in found))


def import_costs():
    """Seconds, and kilobytes above NumPy's, of the import alone in fresh processes."""
    text = """
import time, resource
import numpy
memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, start = memory(), time.perf_counter()
import meprop
print(time.perf_counter() - start, memory() - before)
"""
    runs = [
        [float(n) for n in subprocess.check_output([sys.executable, "-c", text]).split()]
        for _ in range(5)
    ]
    say(
        what="import", seconds=statistics.median(r[0] for r in runs),
        kilobytes=statistics.median(r[1] for r in runs),
    )


def times(arguments):
    import_costs()
    fit_times()
    if arguments.mnist:
        mnist_times(arguments.mnist)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("accuracy", "time", "many"))
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--data", nargs="+", help="only these of the data sets")
    parser.add_argument("--mnist", type=Path)
    given = parser.parse_args()
    {"accuracy": accuracy, "time": times, "many": many_fits}[given.what](given)
