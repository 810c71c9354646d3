"""Corpora: text as token ids in three splits."""
from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, overload

from . import _rnncell
from ._rnncell import Array, InvalidArgumentError, StateError
from .arrays import token_ids
from .files import Path

Text = str | bytes

UNITS = ("character", "word", "byte")
END_OF_SENTENCE = "<eos>"


class Vocabulary(Sequence[str]):
    """The different tokens of a corpus by id: a sequence of their texts.

    With bytes as the unit, bytes that are no text by themselves are written as `\\xff`.
    """

    def __init__(self, corpus: _rnncell.Corpus) -> None:
        self._corpus = corpus
        info = corpus.describe()
        self.unit = UNITS[info["unit"]]
        self._size: int = info["vocabulary_size"]
        self._ids: dict[str, int] | None = None

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, id: int) -> str: ...

    @overload
    def __getitem__(self, id: slice) -> list[str]: ...

    def __getitem__(self, id: int | slice) -> str | list[str]:
        if isinstance(id, slice):
            return [self[place] for place in range(*id.indices(self._size))]
        place = id + self._size if -self._size <= id < 0 else id
        if not 0 <= place < self._size:
            raise IndexError(f"token {id} is outside the vocabulary of {self._size}")
        return self._corpus.word(place).decode("utf-8", "backslashreplace")

    def __iter__(self) -> Iterator[str]:
        return (self[place] for place in range(self._size))

    def index(self, word: str, start: int = 0, stop: int | None = None) -> int:
        """The id of a token's text, from `start` to before `stop`; ValueError if it is not there."""
        if self._ids is None:
            self._ids = {text: place for place, text in reversed(list(enumerate(self)))}
        place = self._ids.get(word)
        if place is None or place not in range(*slice(start, stop).indices(self._size)):
            raise InvalidArgumentError(f"{word!r} is not in the vocabulary of {self._size}")
        return place

    def __contains__(self, word: object) -> bool:
        try:
            return isinstance(word, str) and self.index(word) >= 0
        except InvalidArgumentError:
            return False

    def decode(self, ids: object) -> str:
        """The text of token ids."""
        return decoded([self._corpus.word(id) for id in token_ids(ids).tolist()], self.unit)

    def __repr__(self) -> str:
        return f"<rnncell.Vocabulary of {self._size} {self.unit}s>"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a vocabulary cannot be pickled; pickle its corpus or a model")


def decoded(tokens: list[bytes], unit: str) -> str:
    """The text of tokens."""
    if unit != "word":
        return b"".join(tokens).decode("utf-8", "replace")
    words = [token.decode("utf-8", "replace") for token in tokens]
    return " ".join(words).replace(f" {END_OF_SENTENCE}", "\n").replace("\n ", "\n")


class Corpus:
    """Text as token ids in the splits `train`, `valid` and `test`.

    train, valid, test: paths; with train alone it is split 90/5/5 by position.
    text, train_text, valid_text, test_text: text in memory in place of paths; `text` is split.
    unit:  "character", "word" (split at white space, an end of sentence per line) or "byte".
    limit: bytes of each text to use.
    """

    _sources: Any

    def __init__(
        self, train: Path | None = None, *, valid: Path | None = None, test: Path | None = None,
        unit: str = "character", limit: int | None = None, text: Text | None = None,
        train_text: Text | None = None, valid_text: Text | None = None,
        test_text: Text | None = None,
    ) -> None:
        if unit not in UNITS:
            raise InvalidArgumentError(f"unit {unit!r} is none; pass 'character', 'word' or 'byte'")
        if limit is not None and limit < 1:
            raise InvalidArgumentError(f"limit is {limit}; pass a positive number of bytes")
        if text is not None and train_text is not None:
            raise InvalidArgumentError("text and train_text are both given; pass one of them")
        for name, path in (("train", train), ("valid", valid), ("test", test)):
            if "\n" in str(path) or any(len(part) > 255 for part in str(path).split(os.sep)):
                raise InvalidArgumentError(f"{name} is a text, and a path is needed; "
                                           f"pass {'' if name == 'train' else name + '_'}text= for a text")
        paths = tuple(None if path is None else os.path.abspath(path)
                      for path in (train, valid, test))
        texts = tuple(_bytes(name, value) for name, value in (
            ("text", text if train_text is None else train_text), ("valid_text", valid_text),
            ("test_text", test_text)))
        if not any(paths) and not any(text is not None for text in texts):
            raise InvalidArgumentError(
                "there is no text; pass a path, or text= with the text itself")
        self._sources = (paths, texts, limit or 0, UNITS.index(unit))
        self._handle = _rnncell.corpus_create(*self._sources)
        self._info = self._handle.describe()

    @classmethod
    def standard_library(cls, limit: int = 1_000_000, *, unit: str = "character") -> Corpus:
        """The source text of Python's own standard library, which is there wherever Python is.

        limit: bytes to use; the files are read in the order of their names.
        """
        return cls(text=standard_library_text(limit), unit=unit)

    @property
    def unit(self) -> str:
        """What a token is: "character", "word" or "byte"."""
        return UNITS[self._info["unit"]]

    @property
    def vocabulary(self) -> Vocabulary:
        """The different tokens."""
        return Vocabulary(self._handle)

    @property
    def train(self) -> Array:
        """The token ids to train on, int32."""
        return self._handle.tokens(0)

    @property
    def valid(self) -> Array:
        """The token ids to validate on, int32."""
        return self._handle.tokens(1)

    @property
    def test(self) -> Array:
        """The token ids to test on, int32."""
        return self._handle.tokens(2)

    @property
    def digest(self) -> str:
        """All tokens and the vocabulary in 16 hexadecimal digits."""
        return format(self._info["digest"], "016x")

    def __repr__(self) -> str:
        train, valid, test = self._info["token_count"]
        return (f"<rnncell.Corpus of {self.unit}s: {train} to train, {valid} to validate, "
                f"{test} to test, vocabulary {self._info['vocabulary_size']}>")

    def __reduce__(self) -> tuple[object, ...]:
        return _corpus_from_sources, (self._sources, self.digest)


def _bytes(name: str, value: Text | None) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    if value is None or isinstance(value, bytes):
        return value
    raise TypeError(f"{name} must be str or bytes, not {type(value).__name__}")


def _corpus_from_sources(sources: Any, digest: str) -> Corpus:
    corpus = Corpus.__new__(Corpus)
    corpus._sources = sources
    corpus._handle = _rnncell.corpus_create(*sources)
    corpus._info = corpus._handle.describe()
    if corpus.digest != digest:
        raise StateError("the files of the corpus changed since it was pickled; make it anew")
    return corpus


def standard_library_text(limit: int) -> bytes:
    """The first `limit` bytes of Python's own library, file after file in the order of names."""
    if limit < 1:
        raise InvalidArgumentError(f"limit is {limit}; pass a positive number of bytes")
    folder = pathlib.Path(os.__file__).parent
    parts, size = [], 0
    for path in sorted(folder.glob("*.py")) + sorted(folder.glob("[a-z]*/*.py")):
        if "packages" in path.parent.name:
            continue
        text = path.read_bytes().decode("utf-8", "ignore").encode()
        parts.append(text)
        size += len(text)
        if size >= limit:
            break
    return b"".join(parts)[:limit].decode("utf-8", "ignore").encode()
