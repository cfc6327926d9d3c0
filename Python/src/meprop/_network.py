"""A network of the library, with NumPy arrays and SciPy's sparse matrices for its memory."""

from __future__ import annotations

import ctypes
import threading
from ctypes import byref, c_double, c_int64, c_size_t
from typing import Any, Callable, List, Optional, Sequence, Tuple, TypeVar

import numpy as np

from . import _library
from ._library import Description, FitOptions, Handle, Rows, Targets, call, make

ACTIVATIONS = {"identity": 0, "relu": 1, "tanh": 2, "logistic": 3}
LOSSES = {"softmax": 0, "binary": 1, "squared_error": 2}
SELECTIONS = {
    "dense": 0,
    "top-k": 1,
    "unified": 2,
    "batch-top-k": 3,
    "sampled": 4,
    "random-k": 5,
}
OPTIMIZERS = {"adam": 0, "sgd": 1, "adagrad": 2}
UNTOUCHED = {"update": 0, "skip": 1}
PRECISIONS = {"f32": 0, "bf16": 1, "int8": 2}
SCHEDULES = {"constant": 0, "linear": 1, "cosine": 2}

_Result = TypeVar("_Result")


class Examples:
    """Rows of numbers as the library reads them; keeps alive what they point to."""

    def __init__(self, X: Any) -> None:
        self.rows = Rows(struct_size=ctypes.sizeof(Rows))
        self.rows.row_count, self.rows.column_count = X.shape
        if hasattr(X, "indptr"):
            starts = np.ascontiguousarray(X.indptr, dtype=np.int64)
            columns = np.ascontiguousarray(X.indices, dtype=np.int32)
            values = np.ascontiguousarray(X.data, dtype=np.float32)
            self.rows.row_starts = starts.ctypes.data
            self.rows.columns = columns.ctypes.data
            self._kept: Tuple[Any, ...] = (starts, columns, values)
        else:
            values = X
            # Rows may lie apart, but their numbers must follow each other.
            apart = values.strides[0]
            if (
                values.dtype != np.float32
                or (values.shape[1] > 1 and values.strides[1] != 4)
                or apart % 4
                or apart < 4 * values.shape[1]
            ):
                values = np.ascontiguousarray(values, dtype=np.float32)
            if len(values) == 1 or values.strides[0] < 4 * values.shape[1]:
                self.rows.row_stride = values.shape[1]
            else:
                self.rows.row_stride = values.strides[0] // 4
            self._kept = (values,)
        self.rows.values = values.ctypes.data

    def __len__(self) -> int:
        return int(self.rows.row_count)


class Answers:
    """Targets and weights as the library reads them; keeps alive what they point to."""

    def __init__(
        self, y: np.ndarray, is_class: bool, sample_weight: Optional[np.ndarray] = None
    ) -> None:
        self.targets = Targets(struct_size=ctypes.sizeof(Targets))
        if is_class:
            y = np.ascontiguousarray(y, dtype=np.int32)
            self.targets.classes = y.ctypes.data
        else:
            y = np.ascontiguousarray(y.reshape(len(y), -1), dtype=np.float32)
            self.targets.values = y.ctypes.data
            self.targets.value_stride = y.shape[1]
        weights = None
        if sample_weight is not None:
            weights = np.ascontiguousarray(sample_weight, dtype=np.float32)
            self.targets.weights = weights.ctypes.data
        self._kept = (y, weights)


class Network:
    """A network with its loss, its optimizer and what that remembers."""

    def __init__(self, network: Handle, thread_count: int, context: Handle) -> None:
        self._network = network
        self._context = context
        self.thread_count = thread_count
        about = self.describe()
        self.input_size = int(about.input_size)
        self.output_size = int(about.output_size)

    @staticmethod
    def _make_context(thread_count: int) -> Handle:
        return make("context", "meprop_context_create", thread_count)

    @classmethod
    def create(
        cls,
        *,
        input_size: int,
        output_size: int,
        hidden_sizes: Sequence[int],
        activation: str,
        loss: str,
        select: str,
        k: Any,
        memory: float,
        dropout: float,
        optimizer: str,
        learning_rate: float,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        momentum: float,
        l2: float,
        untouched_rows: str,
        average_decay: float,
        precision: str,
        seed: int,
        thread_count: int,
    ) -> "Network":
        """A network with initial weights."""
        about = Description(struct_size=ctypes.sizeof(Description))
        call("meprop_network_description_defaults", byref(about))
        about.input_size = input_size
        about.output_size = output_size
        about.hidden_sizes = (c_int64 * max(1, len(hidden_sizes)))(*hidden_sizes)
        about.hidden_count = len(hidden_sizes)
        about.activation = ACTIVATIONS[activation]
        about.loss = LOSSES[loss]
        about.select = SELECTIONS[select]
        about.optimizer = OPTIMIZERS[optimizer]
        if isinstance(k, (int, np.integer)):
            about.k = int(k)
        else:
            about.k_ratio = float(k)
        about.memory = memory
        about.dropout = dropout
        about.learning_rate = learning_rate
        about.beta1 = beta_1
        about.beta2 = beta_2
        about.epsilon = epsilon
        about.momentum = momentum
        about.l2 = l2
        about.untouched_rows = UNTOUCHED[untouched_rows]
        about.average_decay = average_decay
        about.precision = PRECISIONS[precision]
        about.seed = seed
        context = cls._make_context(thread_count)
        network = make("network", "meprop_network_create", context.number, byref(about))
        return cls(network, thread_count, context)

    @classmethod
    def from_state(cls, state: bytes, thread_count: int) -> "Network":
        """The network of a state."""
        context = cls._make_context(thread_count)
        network = make(
            "network", "meprop_network_from_state", context.number, state, len(state)
        )
        return cls(network, thread_count, context)

    @classmethod
    def load(cls, folder: Any, thread_count: int) -> "Network":
        """The network of a model folder."""
        context = cls._make_context(thread_count)
        network = make(
            "network", "meprop_network_load", context.number, _library.text(folder)
        )
        return cls(network, thread_count, context)

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Network.from_state, (self.state(), self.thread_count))

    def describe(self) -> Description:
        """What the network is."""
        about = Description(struct_size=ctypes.sizeof(Description))
        call("meprop_network_describe", self._network.number, byref(about))
        return about

    def sizes(self) -> List[int]:
        """The numbers of inputs, of units of the hidden layers, and of outputs."""
        count = int(self.describe().hidden_count)
        hidden = (c_int64 * max(1, count))()
        call("meprop_network_hidden_sizes", self._network.number, hidden, count)
        return [self.input_size, *(int(size) for size in hidden[:count]), self.output_size]

    def layer(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """Weights, shape [outputs, inputs], and biases of a layer."""
        sizes = self.sizes()
        weights = np.empty((sizes[index + 1], sizes[index]), dtype=np.float32)
        biases = np.empty(sizes[index + 1], dtype=np.float32)
        call(
            "meprop_network_layer",
            self._network.number,
            index,
            weights.ctypes.data,
            weights.size,
            biases.ctypes.data,
            biases.size,
        )
        return weights, biases

    @property
    def step_count(self) -> int:
        """Steps done."""
        count = c_int64()
        call("meprop_network_step_count", self._network.number, byref(count))
        return count.value

    def set_learning_rate(self, rate: float) -> None:
        """Another learning rate for the coming steps."""
        call("meprop_network_set_learning_rate", self._network.number, rate)

    def fit(
        self,
        examples: Examples,
        answers: Answers,
        *,
        batch_size: int,
        epoch: int,
        schedule: str = "constant",
        schedule_epochs: int = 0,
    ) -> float:
        """Trains for one epoch and returns its mean loss."""
        options = FitOptions(
            struct_size=ctypes.sizeof(FitOptions),
            batch_size=batch_size,
            epoch_count=1,
            first_epoch=epoch,
            schedule=SCHEDULES[schedule],
            schedule_epochs=schedule_epochs,
        )
        loss = c_double()
        call(
            "meprop_network_fit",
            self._network.number,
            byref(examples.rows),
            byref(answers.targets),
            byref(options),
            byref(loss),
            None,
        )
        return loss.value

    def interrupt(self) -> None:
        """Ends a ``fit`` that another thread is in after its present step."""
        call("meprop_network_interrupt", self._network.number)

    def predict(self, examples: Examples, probabilities: bool) -> np.ndarray:
        """Outputs or probabilities, shape [examples, outputs]."""
        outputs = np.empty((len(examples), self.output_size), dtype=np.float32)
        call(
            "meprop_network_predict",
            self._network.number,
            byref(examples.rows),
            int(probabilities),
            outputs.ctypes.data,
            self.output_size,
        )
        return outputs

    def evaluate(self, examples: Examples, answers: Answers) -> float:
        """The mean loss on examples that are not trained on."""
        loss = c_double()
        call(
            "meprop_network_evaluate",
            self._network.number,
            byref(examples.rows),
            byref(answers.targets),
            byref(loss),
        )
        return loss.value

    def state(self) -> bytes:
        """All that training needs to go on with the same bits."""
        size = c_size_t()
        call("meprop_network_state", self._network.number, None, 0, byref(size))
        room = ctypes.create_string_buffer(size.value)
        call("meprop_network_state", self._network.number, room, size.value, byref(size))
        return room.raw[: size.value]

    def restore(self, state: bytes) -> None:
        """Takes back a state."""
        call("meprop_network_restore", self._network.number, state, len(state))

    def save(self, folder: Any, notes: str) -> None:
        """Saves the model in a folder."""
        call(
            "meprop_network_save",
            self._network.number,
            _library.text(folder),
            notes.encode("utf-8"),
        )

    def save_images(self, folder: Any, rows: int, columns: int, pixel_scale: float) -> None:
        """Saves a classifier of images as ``meprop train digits`` does."""
        call(
            "meprop_network_save_images",
            self._network.number,
            _library.text(folder),
            rows,
            columns,
            pixel_scale,
        )

    def notes(self) -> Optional[str]:
        """What was saved beside the model."""
        size = c_size_t()
        call("meprop_network_notes", self._network.number, None, 0, byref(size))
        if size.value <= 1:
            return None
        room = ctypes.create_string_buffer(size.value)
        call("meprop_network_notes", self._network.number, room, size.value, byref(size))
        return room.value.decode("utf-8")


class Interruptible:
    """Runs work in a thread of its own, so that Ctrl-C is heard at once.

    Python hears signals in the main thread only, and not while that computes. In other threads work
    is simply done.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._is_main = threading.current_thread() is threading.main_thread()
        self._wake = threading.Semaphore(0)
        self._done = threading.Semaphore(0)
        self._work: Optional[Callable[[], Any]] = None
        self._result: Any = None
        self._error: Optional[BaseException] = None
        self._thread: Optional[threading.Thread] = None

    def __enter__(self) -> "Interruptible":
        if self._is_main:
            self._thread = threading.Thread(target=self._run, name="meprop", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._thread is not None:
            self._work = None
            self._wake.release()
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._wake.acquire()
            work = self._work
            if work is None:
                return
            try:
                self._result = work()
            except BaseException as error:  # noqa: BLE001 - raised again where it belongs
                self._error = error
            self._done.release()

    def __call__(self, work: Callable[[], _Result]) -> _Result:
        if self._thread is None:
            return work()
        self._work = work
        self._wake.release()
        try:
            self._done.acquire()
        except BaseException:
            # The work may not have begun when it is asked to stop: ask until it has ended.
            self._stop()
            while not self._done.acquire(timeout=0.01):
                self._stop()
            self._error = None
            raise
        error, self._error = self._error, None
        if error is not None:
            raise error
        result, self._result = self._result, None
        return result


__all__ = ["Answers", "Examples", "Interruptible", "Network"]
