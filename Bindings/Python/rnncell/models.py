"""Language models: embedding, layers, softmax over a vocabulary."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, Unpack

from . import _rnncell
from ._rnncell import Array, FormatError, InvalidArgumentError
from .arrays import flag, number, positive, positive_int, seed_of, token_ids
from .cells import Cell, cells_from
from .corpora import UNITS, Corpus, Vocabulary, decoded
from .modelbase import Model
from .networks import sequence_of, starting_options
from .training import Progress, TrainingOptions, library_options, perplexity_of, recorded

__all__ = ["LanguageModel", "Progress", "perplexity_of"]


class LanguageModel(Model):
    """Predicts the next token of a text.

    cells:          a Cell, a stock name or equations; or a sequence, one for each layer.
    vocabulary:     of the corpus that it is to learn.
    hidden_size:    of every layer. embedding_size: None for the same.
    parameters:     choose the hidden size that comes nearest to so many learned numbers in all.
    tied:           embedding and softmax share their weights.
    init_range:     all weights start uniform in +-range; None: layers as of Network, the embedding in +-1, the
                    softmax (also tied) in +-5/sqrt(hidden size), its bias 0.
    residual, zoneout, seed, forget_bias, chrono, recurrent: as for Network.
    """

    def __init__(
        self, cells: Cell | str | Sequence[Cell | str], vocabulary: Vocabulary | Corpus, *,
        hidden_size: int | None = None, layers: int | None = None,
        embedding_size: int | None = None, parameters: int | None = None, tied: bool = False,
        residual: bool = False, zoneout: float = 0.0, seed: int = 0,
        init_range: float | None = None, forget_bias: float | None = None,
        chrono: float | None = None, recurrent: str | None = None,
    ) -> None:
        if isinstance(vocabulary, Corpus):
            vocabulary = vocabulary.vocabulary
        if not isinstance(vocabulary, Vocabulary):
            raise TypeError(
                f"vocabulary must be a corpus's .vocabulary, not {type(vocabulary).__name__}")
        if parameters is not None and hidden_size is not None:
            raise InvalidArgumentError(
                "parameters and hidden_size are both given; pass one of them")
        given = cells_from(cells)
        if layers is not None:
            given = sequence_of(given, positive_int("layers", layers), "cells")
        options = {"layers": len(given), "hidden_size": hidden_size,
                   "embedding_size": embedding_size, "weight_count": parameters}
        numbers = {name: positive_int(name.replace("weight_count", "parameters"), value)
                   for name, value in options.items() if value is not None}
        self._handle = _rnncell.model_create(
            vocabulary._corpus, [cell._handle for cell in given],
            {"seed": seed_of(seed), "tied": flag("tied", tied), "residual": flag("residual", residual),
             "zoneout": number("zoneout", zoneout),
             **starting_options(init_range, forget_bias, chrono, recurrent), **numbers})

    @classmethod
    def _wrap(cls, handle: _rnncell.Model) -> Self:
        if not handle.describe()["vocabulary_size"]:
            raise FormatError("the file holds a model of sequences; use SequenceModel.load")
        self = cls.__new__(cls)
        self._handle = handle
        return self

    def fit(self, corpus: Corpus, **options: Unpack[TrainingOptions]) -> tuple[Progress, ...]:
        """Trains on a corpus and gives the history, one row for each epoch.

        By name it takes what `rnncell.TrainingOptions` lists, such as epochs, optimizer, learning_rate,
        truncation, batch_size, dropout, checkpoint, resume, progress and threads.

        Ctrl-C raises KeyboardInterrupt; the weights are then those of the last update. A loss that
        stops being finite raises DivergedError.
        """
        if not isinstance(corpus, Corpus):
            raise TypeError(f"corpus must be a Corpus, not {type(corpus).__name__}")
        given: dict[str, Any] = dict(options)
        values = library_options(given)
        with recorded(given, lambda: self.history, is_language=True) as hear:
            self._handle.fit(
                corpus._handle, hear and (lambda row: hear(Progress(*row))), values)
        return self.history

    def _tokens(self, text: object) -> Array:
        return self.encode(text) if isinstance(text, (str, bytes)) else token_ids(text)

    def evaluate(
        self, text: object, *, dynamic: float | None = None, decay: float | None = None,
        truncation: int | None = None, threads: int | None = None,
    ) -> float:
        """The mean loss in nats per token over text or token ids, such as `corpus.test`.

        dynamic: a learning rate, such as 0.1, by which the weights follow the text: a step of gradient descent
                 after each `truncation` tokens (20), which were predicted before (Krause et al. 2018,
                 arXiv:1709.07432); decay: how far they go back to the trained ones at each step (0).
                 Afterwards they are as before.
        """
        if dynamic is not None:
            return self._handle.evaluate_dynamic(
                self._tokens(text), positive("dynamic", dynamic),
                0.0 if decay is None else number("decay", decay),
                20 if truncation is None else positive_int("truncation", truncation), threads or 0)
        for name, value in (("decay", decay), ("truncation", truncation)):
            if value is not None:
                raise InvalidArgumentError(f"{name} is {value}, but is of dynamic evaluation alone; pass "
                                           "dynamic=, a learning rate, or leave it out")
        return self._handle.evaluate(self._tokens(text), threads or 0)

    def perplexity(self, text: object, *, threads: int | None = None) -> float:
        """exp of the loss over text or token ids."""
        return perplexity_of(self.evaluate(text, threads=threads))

    def generate(
        self, prompt: str = "", count: int = 200, *, temperature: float = 1.0, seed: int = 0
    ) -> str:
        """Writes `count` tokens on from a prompt; the same seed gives the same text.

        temperature: of the softmax: 1 is the model's own distribution, 0 its likeliest token.
        """
        if not isinstance(prompt, str):
            raise TypeError(f"prompt must be str, not {type(prompt).__name__}")
        if "\0" in prompt:
            raise InvalidArgumentError("the prompt holds a NUL character; remove it")
        text = self._handle.generate(prompt, count, temperature, seed_of(seed))
        return text.decode("utf-8", "replace")

    def encode(self, text: str | bytes) -> Array:
        """The token ids of text, int32."""
        return self._handle.encode(text.encode() if isinstance(text, str) else text)

    def decode(self, ids: object) -> str:
        """The text of token ids."""
        return decoded([self._handle.word(id) for id in token_ids(ids).tolist()], self.unit)

    @property
    def embedding_size(self) -> int:
        """The size of the embedding."""
        return self._info["embedding_size"]

    @property
    def vocabulary_size(self) -> int:
        """How many different tokens."""
        return self._info["vocabulary_size"]

    @property
    def unit(self) -> str:
        """What a token is."""
        return UNITS[self._info["unit"]]

    def __repr__(self) -> str:
        info = self._info
        return (f"<rnncell.LanguageModel over {info['vocabulary_size']} {self.unit}s, "
                f"{info['layers']} x {info['hidden_size']}, {info['weight_count']} parameters>")
