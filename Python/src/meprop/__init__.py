"""Neural networks trained fast on CPUs by minimal effort back propagation.

``MePropClassifier`` and ``MePropRegressor`` follow scikit-learn's conventions, ``Tagger`` and
``Parser`` use models that ``meprop train`` has made. What is not used is not loaded: importing
meprop loads neither scikit-learn nor the library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from ._version import __version__

if TYPE_CHECKING:
    from ._estimators import MePropClassifier, MePropRegressor
    from ._library import MePropError, ModelError, NotFiniteError
    from ._sentences import Parser, Tagger

_PLACES = {
    "MePropClassifier": "_estimators",
    "MePropRegressor": "_estimators",
    "MePropError": "_library",
    "ModelError": "_library",
    "NotFiniteError": "_library",
    "Parser": "_sentences",
    "Tagger": "_sentences",
}

__all__ = [
    "MePropClassifier",
    "MePropError",
    "MePropRegressor",
    "ModelError",
    "NotFiniteError",
    "Parser",
    "Tagger",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'meprop' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_PLACES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(__all__)
