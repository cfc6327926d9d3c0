"""Files, signals, memory, processes: what a long-lived program meets."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression

from meprop import MePropClassifier, MePropRegressor, ModelError

pytestmark = pytest.mark.filterwarnings("ignore:.*had not converged")
PROGRAM = os.environ.get("MEPROP_PROGRAM")
needs_program = pytest.mark.skipif(
    not PROGRAM, reason="MEPROP_PROGRAM does not name the meprop program"
)


@pytest.fixture(scope="module")
def examples():
    X, y = make_classification(400, 20, n_informative=8, random_state=0)
    return X.astype(np.float32), y


def test_import_is_quick_and_small():
    script = """
import sys, time, resource
import numpy
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
import meprop
seconds = time.perf_counter() - start
print(seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
assert "sklearn" not in sys.modules
"""
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    seconds, megabytes = map(float, found.stdout.split())
    assert seconds < 0.2 and megabytes < 40


def test_saved_models(tmp_path, examples):
    X, y = examples
    labels = np.array(["no", "yes"])[y]
    fitted = MePropClassifier((30, 20), max_iter=5, random_state=1, class_weight={"no": 2.0})
    fitted.fit(X, labels)
    fitted.save(tmp_path / "model")
    fitted.save(tmp_path / "model")
    assert sorted(os.listdir(tmp_path / "model")) == [
        "SHA256SUMS",
        "model.json",
        "model.safetensors",
    ]
    read = MePropClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(read.predict_proba(X), fitted.predict_proba(X))
    assert list(read.classes_) == ["no", "yes"] and read.hidden_layer_sizes == (30, 20)
    assert read.loss_curve_ == fitted.loss_curve_
    read.partial_fit(X, labels)
    with pytest.raises(ModelError, match="MePropRegressor"):
        MePropRegressor.load(tmp_path / "model")
    X, y = make_regression(200, 8, random_state=0)
    fitted = MePropRegressor((20,), max_iter=5, random_state=1).fit(X, y)
    fitted.save(tmp_path / "other")
    np.testing.assert_array_equal(
        MePropRegressor.load(tmp_path / "other").predict(X), fitted.predict(X)
    )


def test_damaged_models(tmp_path, examples):
    fitted = MePropClassifier((10,), max_iter=2, random_state=1).fit(*examples)
    with pytest.raises(ModelError, match="no model here"):
        MePropClassifier.load(tmp_path / "none")
    fitted.save(tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ModelError):
        MePropClassifier.load(tmp_path / "model")
    with pytest.raises(ModelError):
        fitted.save("/proc/none/model")


@needs_program
@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_the_command_line_reads_ours_and_we_read_its(tmp_path, precision):
    data = os.environ.get("MEPROP_DATA")
    if not data or not os.path.isdir(os.path.join(data, "mnist")):
        pytest.skip("MEPROP_DATA does not name a folder with mnist")

    def run(*arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)

    trained = run(
        *["train", "digits", "--data", "mnist", "--train-limit", "2000", "--epochs", "2"],
        *["--hidden", "64", "--batch", "32", "--seed", "5", "--run", tmp_path / "run"],
        *["--select", "dense", "--learning-rate", "0.001", "--average", "0"],
        *["--learning-rate-schedule", "constant", "--precision", precision],
    )
    assert trained.returncode == 0, trained.stderr
    theirs = MePropClassifier.load(tmp_path / "run")
    import gzip

    def images(name, count, header):
        path = os.path.join(data, "mnist", name)
        opened = gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb")
        with opened as file:
            return np.frombuffer(file.read()[header:], dtype=np.uint8)[:count]

    pixels = images("train-images-idx3-ubyte", 7000 * 784, 16).reshape(-1, 784)
    labels = images("train-labels-idx1-ubyte", 7000, 8)
    X = pixels.astype(np.float32) * np.float32(1 / 255)
    assert theirs.score(X[5000:], labels[5000:]) > 0.85
    ours = MePropClassifier(
        (64,), batch_size=32, max_iter=2, random_state=5, tol=0, alpha=0, select="dense", n_jobs=2,
        precision=precision,
    ).fit(X[5000:], labels[5000:])
    # The same seed gives the same bits here and there.
    np.testing.assert_array_equal(ours.predict_proba(X[:500]), theirs.predict_proba(X[:500]))
    ours.save_images(tmp_path / "ours", (28, 28))
    evaluated = run("evaluate", tmp_path / "ours", "--data", "mnist")
    assert evaluated.returncode == 0, evaluated.stderr
    np.savetxt(tmp_path / "rows.csv", pixels[:50], fmt="%d", delimiter=",")
    predicted = run("predict", tmp_path / "ours", tmp_path / "rows.csv")
    assert predicted.returncode == 0, predicted.stderr
    lines = [int(line.split()[0]) for line in predicted.stdout.splitlines()]
    np.testing.assert_array_equal(lines, ours.predict(X[:50]))


@pytest.mark.parametrize("after", [0.3, 0.01, 0.0])
def test_interrupted_at_once(after):
    script = f"""
import os, signal, threading, time
import numpy as np
from meprop import MePropClassifier
X = np.random.RandomState(0).normal(size=(20000, 200)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)
model = MePropClassifier((500, 500), max_iter=10000, batch_size=10, random_state=1, n_jobs=2)
MePropClassifier((4,), max_iter=1).fit(X[:50], y[:50])
def press():
    time.sleep({after})
    pressed.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
pressed = []
try:
    threading.Thread(target=press).start()
    model.fit(X, y)
except KeyboardInterrupt:
    print(time.perf_counter() - pressed[0])
if hasattr(model, "_network"):
    model.max_iter = 1
    model.predict(X[:10])
"""
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    assert float(found.stdout) < 0.5


def test_the_interpreter_goes_on_while_training():
    X = np.random.RandomState(0).normal(size=(4000, 200)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    MePropClassifier((300, 300), max_iter=3, batch_size=16, random_state=1).fit(X, y)
    seconds = time.perf_counter() - start
    done.set()
    thread.join()
    assert np.diff(ticks).max() < max(0.25, seconds / 2)


def test_many_fits_take_no_memory(examples):
    X, y = examples
    sizes = []

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    if not os.path.exists("/proc/self/statm"):
        pytest.skip("no /proc here")
    threads = threading.active_count()
    for fit in range(200):
        model = MePropClassifier(
            (50,), max_iter=2, random_state=fit, select="top-k", k=5, n_jobs=1 + fit % 2
        )
        model.fit(X, y).predict(X)
        if fit % 20 == 19:
            sizes.append(resident())
    assert sizes[-1] - sizes[2] < 4 << 20, sizes
    assert threading.active_count() == threads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_forked_processes_go_on(examples):
    X, y = examples
    model = MePropClassifier((300, 300), max_iter=2, random_state=1, n_jobs=2, batch_size=64)
    expected = model.fit(X, y).predict_proba(X)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        same = np.array_equal(model.predict_proba(X), expected)
        model.partial_fit(X, y)
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@needs_program
def test_taggers_and_parsers(tmp_path):
    import pickle

    from meprop import Parser, Tagger

    # A treebank made up so that the tag of a word follows from its ending.
    random = np.random.RandomState(0)
    lines = []
    for _ in range(150):
        kinds = [("NOUN", "NN", "ata"), ("VERB", "VB", "eru"), ("ADJ", "JJ", "iso")]
        length = random.randint(2, 6)
        for word in range(length):
            upos, xpos, ending = kinds[0 if word == 0 else random.randint(3)]
            form = "bcdfg"[random.randint(5)] + ending
            head, relation = (0, "root") if word == 0 else (word, "dep")
            lines.append(
                f"{word + 1}\t{form}\t_\t{upos}\t{xpos}\t_\t{head}\t{relation}\t_\t_"
            )
        lines.append("")
    for part in ("train", "dev", "test"):
        (tmp_path / f"x-{part}.conllu").write_text("\n".join(lines) + "\n")
    for task, more in (("tagger", ["--hidden", "16"]), ("parser", ["--hidden", "16"])):
        trained = subprocess.run(
            [PROGRAM, "train", task, "--data", tmp_path, "--epochs", "3", *more]
            + ["--run", tmp_path / task],
            capture_output=True,
            text=True,
        )
        assert trained.returncode == 0, trained.stderr
    sentences = [["bata", "ceru"], [], ["data"]]
    tagger = Tagger(tmp_path / "tagger")
    tags = tagger.tag(sentences)
    assert tags == [["NN", "VB"], [], ["NN"]]
    assert pickle.loads(pickle.dumps(tagger)).tag(sentences) == tags
    with pytest.raises(TypeError):
        tagger.tag(["bata ceru"])
    with pytest.raises(ValueError):
        tagger.tag([["bata", ""]])
    parser = Parser(tmp_path / "parser", n_jobs=2)
    upos = [["NOUN", "VERB"], [], ["NOUN"]]
    trees = parser.parse(sentences, upos=upos, xpos=tags)
    assert trees == [[(0, "root"), (1, "dep")], [], [(0, "root")]]
    if parser.tags_ != "none":
        with pytest.raises(ValueError, match="pos"):
            parser.parse(sentences)
        with pytest.raises(ValueError, match="tag for each word"):
            parser.parse(sentences, upos=[["NOUN"]], xpos=tags)
    with pytest.raises(Exception, match="expected"):
        Tagger(tmp_path / "parser")
