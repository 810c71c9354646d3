"""The two protocols by which cells are compared, on the Penn Treebank files.

C: characters, one layer; a final training is 4 epochs.
W: words, one layer, embedding and softmax tied; a final training is 8 epochs.

All models have, within 1 %, the parameters of one with an LSTM of 128. All learn by Adam in batches
of 32 segments of 100 steps, at the best of three rates: the one with the least validation loss after
a quarter of the epochs, with seed 0.
"""
from __future__ import annotations

import dataclasses
import functools
import pathlib
from typing import Any

import rnncell


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How cells are trained and searched."""

    name: str
    unit: str
    epochs: int
    tied: bool
    hidden: int = 128
    batch: int = 32
    truncation: int = 100
    rates: tuple[float, ...] = (0.003, 0.006, 0.012)
    # Of a search: levels of successive halving, updates up to the last one, epochs' worth of tokens.
    # Small batches tell more for the same tokens: they make as many updates as a final training does.
    rungs: int = 3
    updates: int = 4320
    search_batch: int = 8
    search_truncation: int = 50
    search_epochs: int = 8
    search_rate: float = 0.003
    # Of the long search: parts of a few minutes each, which carry on with the same study; together at
    # most an hour on two cores.
    long_rungs: int = 4
    long_updates: int = 12960
    long_parts: int = 8
    long_tokens: int = 160_000_000

    @property
    def tokens_per_update(self) -> int:
        """Trained on by one update."""
        return self.batch * self.truncation

    def updates_per_epoch(self, corpus: rnncell.Corpus) -> int:
        """As the trainer cuts the text."""
        return (len(corpus.train) // self.batch - 1) // self.truncation

    def search_tokens(self, corpus: rnncell.Corpus) -> int:
        """The budget of a search."""
        return self.search_epochs * self.updates_per_epoch(corpus) * self.tokens_per_update

    def parameters(self, corpus: rnncell.Corpus) -> int:
        """Of every model: those with an LSTM."""
        return rnncell.LanguageModel("lstm", corpus, hidden_size=self.hidden,
                                     tied=self.tied).parameter_count

    def model(self, corpus: rnncell.Corpus, cell: rnncell.Cell, seed: int) -> rnncell.LanguageModel:
        """A model with a cell, at the size of the protocol."""
        wanted = self.parameters(corpus)
        model = rnncell.LanguageModel(
            cell, corpus, parameters=wanted, tied=self.tied, seed=seed,
            embedding_size=None if self.tied else self.hidden)
        if abs(model.parameter_count - wanted) > 0.01 * wanted:
            raise ValueError(f"{model.parameter_count} parameters are not within 1 % of {wanted}")
        return model

    def fit(self, model: rnncell.LanguageModel, corpus: rnncell.Corpus, **options: Any) -> None:
        """Trains on one thread."""
        model.fit(corpus, optimizer="adam", batch_size=self.batch, truncation=self.truncation,
                  threads=1, **options)

    def fit_as_searched(self, model: rnncell.LanguageModel, corpus: rnncell.Corpus,
                        **options: Any) -> None:
        """Trains as a search does, on one thread."""
        model.fit(corpus, **{
            "optimizer": "adam", "batch_size": self.search_batch, "seed": 0, "threads": 1,
            "truncation": self.search_truncation, "learning_rate": self.search_rate, **options})

    def study(self, corpus: rnncell.Corpus, path: pathlib.Path, strategy: str, seed: int,
              part: int | None = None) -> rnncell.Study:
        """A search for one worker that gives the same for any machine; or a part of the long one."""
        rungs, updates = (self.rungs, self.updates) if part is None else (
            self.long_rungs, self.long_updates)
        return rnncell.Study(
            path, corpus, strategy=strategy, seed=seed, workers=1, deterministic=True,
            tokens=part * self.long_tokens if part else self.search_tokens(corpus),
            hidden_size=self.hidden, rungs=rungs, updates=updates, batch_size=self.search_batch,
            truncation=self.search_truncation, learning_rate=self.search_rate)


PROTOCOLS = {
    "C": Protocol("C", "character", epochs=4, tied=False),
    "W": Protocol("W", "word", epochs=8, tied=True),
}


@functools.lru_cache(maxsize=4)
def corpus_of(protocol: str, data: pathlib.Path) -> rnncell.Corpus:
    """The Penn Treebank in a folder, as a protocol reads it."""
    files = {part: data / f"ptb.{part}.txt" for part in ("train", "valid", "test")}
    return rnncell.Corpus(**files, unit=PROTOCOLS[protocol].unit)
