"""Models of ``meprop train tagger`` and ``meprop train parser``."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_int32, c_int64
from typing import Any, List, Optional, Sequence, Tuple

from . import _library
from ._library import Sentences, call, make
from ._threads import thread_count


def _texts(words: Sequence[str]) -> Any:
    return (c_char_p * max(1, len(words)))(*(_library.text(word) for word in words))


class _Given:
    """Sentences as the library reads them; keeps alive what they point to."""

    def __init__(self, sentences: Sequence[Sequence[str]]) -> None:
        for number, sentence in enumerate(sentences):
            if isinstance(sentence, (str, bytes)):
                raise TypeError(f"sentence {number} is a text, expected a list of words")
        words = [word for sentence in sentences for word in sentence]
        self.lengths = [len(sentence) for sentence in sentences]
        self.word_count = len(words)
        self._words = _texts(words)
        self._lengths = (c_int64 * max(1, len(self.lengths)))(*self.lengths)
        self.struct = Sentences(
            struct_size=ctypes.sizeof(Sentences),
            words=self._words,
            lengths=self._lengths,
            sentence_count=len(self.lengths),
        )

    def split(self, values: Sequence[Any]) -> List[List[Any]]:
        """Values of all words, sentence by sentence."""
        parts, start = [], 0
        for length in self.lengths:
            parts.append(list(values[start : start + length]))
            start += length
        return parts


class _Model:
    """A model of the library, loaded anew where it is unpickled."""

    _kind: str

    def __init__(self, folder: Any, n_jobs: Optional[int], *more: Any) -> None:
        self.folder = str(folder)
        self.n_jobs = n_jobs
        self._context = make(
            "context", "meprop_context_create", thread_count(n_jobs)
        )
        self._model = make(
            self._kind,
            f"meprop_{self._kind}_load",
            self._context.number,
            _library.text(folder),
            *more,
        )

    def _names(self, what: str) -> List[str]:
        count = c_int64()
        prefix = f"meprop_{self._kind}_{what}"
        call(f"{prefix}_count", self._model.number, byref(count))
        names = []
        for number in range(count.value):
            name = c_char_p()
            call(f"{prefix}_name", self._model.number, number, byref(name))
            names.append((name.value or b"").decode("utf-8"))
        return names


class Tagger(_Model):
    """Tags words: a model of ``meprop train tagger``.

    Parameters
    ----------
    folder : the folder of the model, or of its run
    n_jobs : threads; results do not depend on it
    """

    _kind = "tagger"

    def __init__(self, folder: Any, n_jobs: Optional[int] = None) -> None:
        super().__init__(folder, n_jobs)
        self.tags_ = self._names("tag")

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Tagger, (self.folder, self.n_jobs))

    def tag(self, sentences: Sequence[Sequence[str]]) -> List[List[str]]:
        """The tags of the words of each sentence; a sentence is a list of words."""
        given = _Given(sentences)
        numbers = (c_int32 * max(1, given.word_count))()
        call("meprop_tagger_tag", self._model.number, byref(given.struct), numbers)
        return given.split([self.tags_[number] for number in numbers[: given.word_count]])


class Parser(_Model):
    """Parses sentences: a model of ``meprop train parser``.

    Parameters
    ----------
    folder : the folder of the model, or of its run
    tagger : the folder of a tagger whose tags are read; without it ``parse`` takes tags, unless the
        parser reads none
    n_jobs : threads; results do not depend on it

    Attributes
    ----------
    relations_ : the relations
    tags_ : which tags ``parse`` has to be given: "none", "upos", "xpos" or "both"
    """

    _kind = "parser"

    def __init__(self, folder: Any, tagger: Any = None, n_jobs: Optional[int] = None) -> None:
        super().__init__(folder, n_jobs, None if tagger is None else _library.text(tagger))
        self.tagger = None if tagger is None else str(tagger)
        self.relations_ = self._names("relation")
        columns = c_int32()
        call("meprop_parser_tags", self._model.number, byref(columns))
        self.tags_ = ("none", "upos", "xpos", "both")[columns.value]

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Parser, (self.folder, self.tagger, self.n_jobs))

    def parse(
        self,
        sentences: Sequence[Sequence[str]],
        upos: Optional[Sequence[Sequence[str]]] = None,
        xpos: Optional[Sequence[Sequence[str]]] = None,
    ) -> List[List[Tuple[int, str]]]:
        """The head and the relation of the words of each sentence.

        A head is the number of a word in its sentence, from 1, or 0 for the root. ``upos`` and
        ``xpos`` are tags a word, as ``sentences`` are words; which are needed, ``tags_`` says.
        """
        given = _Given(sentences)
        tags = []
        for name, column in (("upos", upos), ("xpos", xpos)):
            if column is None:
                tags.append(None)
                continue
            if [len(sentence) for sentence in column] != given.lengths:
                raise ValueError(f"{name}: expected a tag for each word")
            tags.append(_texts([tag for sentence in column for tag in sentence]))
        room = max(1, given.word_count)
        heads, relations = (c_int32 * room)(), (c_int32 * room)()
        call(
            "meprop_parser_parse", self._model.number, byref(given.struct), *tags, heads, relations
        )
        found = [
            (heads[word], self.relations_[relations[word]]) for word in range(given.word_count)
        ]
        return given.split(found)
