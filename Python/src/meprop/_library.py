"""The functions of meprop.h, by ctypes: loading them, their structs, and their errors."""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t
from ctypes import c_uint8, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

API_VERSION = 1


class MePropError(RuntimeError):
    """meprop could not do what was asked; the message says why."""


class NotFiniteError(MePropError):
    """Training came upon a number that is not finite."""


class ModelError(MePropError):
    """A model folder or a saved state cannot be read or written."""


class Description(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("input_size", c_int64),
        ("output_size", c_int64),
        ("hidden_sizes", POINTER(c_int64)),
        ("hidden_count", c_size_t),
        ("activation", c_int32),
        ("loss", c_int32),
        ("select", c_int32),
        ("optimizer", c_int32),
        ("k", c_int64),
        ("k_ratio", c_double),
        ("memory", c_float),
        ("dropout", c_float),
        ("learning_rate", c_float),
        ("beta1", c_float),
        ("beta2", c_float),
        ("epsilon", c_float),
        ("momentum", c_float),
        ("l2", c_float),
        ("weight_decay", c_float),
        ("clip_norm", c_float),
        ("average_decay", c_float),
        ("untouched_rows", c_int32),
        ("precision", c_int32),
        ("initialization", c_int32),
        ("seed", c_uint64),
        ("class_weights", POINTER(c_float)),
    ]


class Rows(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("row_count", c_int64),
        ("column_count", c_int64),
        ("values", c_void_p),
        ("row_stride", c_int64),
        ("row_starts", c_void_p),
        ("columns", c_void_p),
    ]


class Targets(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("classes", c_void_p),
        ("values", c_void_p),
        ("value_stride", c_int64),
        ("weights", c_void_p),
    ]


class FitOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("batch_size", c_int64),
        ("epoch_count", c_int64),
        ("first_epoch", c_int64),
        ("schedule", c_int32),
        ("schedule_epochs", c_int64),
        ("on_epoch", c_void_p),
        ("user_data", c_void_p),
    ]


class Sentences(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("words", POINTER(c_char_p)),
        ("lengths", POINTER(c_int64)),
        ("sentence_count", c_int64),
    ]


_handle = c_uint64
_out = POINTER(c_uint64)
_FUNCTIONS: Dict[str, List[Any]] = {
    "meprop_context_create": [c_int32, _out],
    "meprop_context_free": [_handle],
    "meprop_network_description_defaults": [POINTER(Description)],
    "meprop_network_create": [_handle, POINTER(Description), _out],
    "meprop_network_free": [_handle],
    "meprop_network_describe": [_handle, POINTER(Description)],
    "meprop_network_hidden_sizes": [_handle, POINTER(c_int64), c_size_t],
    "meprop_network_layer": [_handle, c_size_t, c_void_p, c_size_t, c_void_p, c_size_t],
    "meprop_network_step_count": [_handle, POINTER(c_int64)],
    "meprop_network_set_learning_rate": [_handle, c_float],
    "meprop_network_fit": [
        _handle,
        POINTER(Rows),
        POINTER(Targets),
        POINTER(FitOptions),
        POINTER(c_double),
        POINTER(c_int64),
    ],
    "meprop_network_interrupt": [_handle],
    "meprop_network_predict": [_handle, POINTER(Rows), c_int32, c_void_p, c_int64],
    "meprop_network_evaluate": [_handle, POINTER(Rows), POINTER(Targets), POINTER(c_double)],
    "meprop_network_state": [_handle, c_void_p, c_size_t, POINTER(c_size_t)],
    "meprop_network_from_state": [_handle, c_char_p, c_size_t, _out],
    "meprop_network_restore": [_handle, c_char_p, c_size_t],
    "meprop_network_save": [_handle, c_char_p, c_char_p],
    "meprop_network_save_images": [_handle, c_char_p, c_int64, c_int64, c_float],
    "meprop_network_load": [_handle, c_char_p, _out],
    "meprop_network_notes": [_handle, c_void_p, c_size_t, POINTER(c_size_t)],
    "meprop_tagger_load": [_handle, c_char_p, _out],
    "meprop_tagger_free": [_handle],
    "meprop_tagger_tag_count": [_handle, POINTER(c_int64)],
    "meprop_tagger_tag_name": [_handle, c_int64, POINTER(c_char_p)],
    "meprop_tagger_tag": [_handle, POINTER(Sentences), POINTER(c_int32)],
    "meprop_parser_load": [_handle, c_char_p, c_char_p, _out],
    "meprop_parser_free": [_handle],
    "meprop_parser_tags": [_handle, POINTER(c_int32)],
    "meprop_parser_relation_count": [_handle, POINTER(c_int64)],
    "meprop_parser_relation_name": [_handle, c_int64, POINTER(c_char_p)],
    "meprop_parser_parse": [
        _handle,
        POINTER(Sentences),
        POINTER(c_char_p),
        POINTER(c_char_p),
        POINTER(c_int32),
        POINTER(c_int32),
    ],
}

_library: Optional[ctypes.CDLL] = None


def _path() -> str:
    told = os.environ.get("MEPROP_LIBRARY")
    if told:
        return told
    name = "libMePropC.dylib" if sys.platform == "darwin" else "libMePropC.so"
    return str(Path(__file__).parent / "lib" / name)


def library() -> ctypes.CDLL:
    """The library, loaded when it is first used."""
    global _library
    if _library is None:
        try:
            loaded = ctypes.CDLL(_path())
        except OSError as error:
            raise ImportError(
                f"meprop: the library cannot be loaded ({error}); install the wheel of this "
                "machine, or name the library in MEPROP_LIBRARY"
            ) from None
        loaded.meprop_api_version.restype = c_uint32
        version = loaded.meprop_api_version()
        if version != API_VERSION:
            raise ImportError(
                f"meprop: {_path()} has version {version} of the interface, expected {API_VERSION}"
            )
        for name in ("meprop_last_error", "meprop_instruction_set"):
            getattr(loaded, name).restype = c_char_p
        for name, arguments in _FUNCTIONS.items():
            try:
                function = getattr(loaded, name)
            except AttributeError:
                raise ImportError(f"meprop: {_path()} lacks {name}; build it again") from None
            function.argtypes = arguments
            function.restype = c_int32
        _library = loaded
    return _library


_ERRORS: Dict[int, type] = {
    1: ValueError,
    2: MePropError,
    3: NotFiniteError,
    4: KeyboardInterrupt,
    5: ModelError,
    6: ModelError,
    7: MePropError,
}


def call(name: str, *arguments: Any) -> None:
    """Calls a function without the interpreter's lock; a status other than 0 becomes an error."""
    loaded = library()
    status = getattr(loaded, name)(*arguments)
    if status:
        message = loaded.meprop_last_error().decode("utf-8", "replace")
        raise _ERRORS.get(status, MePropError)(message.partition(": ")[2] or message)


class Handle:
    """What a handle stands for, freed with this object.

    A process that was forked has a copy of what the parent had, and frees that.
    """

    def __init__(self, number: int, kind: str) -> None:
        self.number = number
        self._free = getattr(library(), f"meprop_{kind}_free")

    def __del__(self) -> None:
        free = getattr(self, "_free", None)
        if free is not None:
            free(self.number)


def make(kind: str, function: str, *arguments: Any) -> Handle:
    """Calls a function whose last argument takes a new handle."""
    number = c_uint64()
    call(function, *arguments, byref(number))
    return Handle(number.value, kind)


def text(value: Any) -> bytes:
    """A text or a path, for C."""
    encoded = os.fspath(value)
    encoded = encoded if isinstance(encoded, bytes) else encoded.encode("utf-8", "surrogateescape")
    if b"\0" in encoded:
        raise ValueError(f"{value!r} has a character 0 in it")
    return encoded


__all__: Tuple[str, ...] = ("MePropError", "ModelError", "NotFiniteError")
