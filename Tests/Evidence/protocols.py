"""The protocols by which cells are compared, on the Penn Treebank files and on JSB Chorales.

C:   characters, one layer; a final training is 4 epochs.
W:   words, one layer, embedding and softmax tied; a final training is 8 epochs.
W-dropout: the same with dropout; the learning rate is chosen after a quarter of the epochs.
JSB: chorales, the next step of a piano roll; a final training ends when the validation loss has not
     improved for 20 epochs, and keeps the best weights.

All models have, within 1 %, the parameters of one with an LSTM of 128; for chorales, within 2 %, of one
of 200. All learn by Adam at the best of three rates: that which ends with the least validation loss, with
seed 0. A quarter of the epochs in C is enough to rank cells, but not to choose a rate: GRU's best one at that
point is not the one that ends best.
"""
from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Mapping
from typing import Any

import rnncell
from tasks import MUSIC_HIDDEN, music_task


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How cells are trained and searched."""

    name: str
    epochs: int
    rates: tuple[float, ...] = (0.0015, 0.003, 0.006)
    # The rate is chosen after so many epochs; None: after all.
    rate_epochs: int | None = None
    # Of a search: levels of successive halving, and updates up to the last one.
    rungs: int = 3
    updates: int = 4320
    # How far a model's count of parameters may be from that of LSTM.
    tolerance: float = 0.01

    def data(self, folder: pathlib.Path) -> Any:
        """What is learned; use `data_of`, which reads it once."""
        raise NotImplementedError

    def parameters(self, data: Any) -> int:
        """Of every model: those with an LSTM."""
        raise NotImplementedError

    def make(self, data: Any, cell: rnncell.Cell, seed: int, **start: Any) -> Any:
        """A model of about that size."""
        raise NotImplementedError

    def model(self, data: Any, cell: rnncell.Cell, seed: int, **start: Any) -> Any:
        """A model with a cell, at the size of the protocol; start: how weights start."""
        model, wanted = self.make(data, cell, seed, **start), self.parameters(data)
        if abs(model.parameter_count - wanted) > self.tolerance * wanted:
            raise ValueError(f"{model.parameter_count} parameters are too far from {wanted}")
        return model

    def fit(self, model: Any, data: Any, **options: Any) -> None:
        """Trains on one thread."""
        raise NotImplementedError

    def loss(self, model: Any, data: Any, split: str) -> float:
        """Of the "valid" or "test" data."""
        raise NotImplementedError

    def load(self, path: pathlib.Path) -> Any:
        """A model that was saved."""
        raise NotImplementedError

    def search_tokens(self, data: Any) -> int:
        """The budget of a search."""
        raise NotImplementedError

    def study(self, path: pathlib.Path, data: Any, strategy: str, seed: int) -> rnncell.Study:
        """A search that gives the same on any machine, spent."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Text(Protocol):
    """The Penn Treebank."""

    unit: str = "character"
    tied: bool = False
    hidden: int = 128
    batch: int = 32
    truncation: int = 100
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    # Small batches tell more for the same tokens: they make as many updates as a final training does.
    search_batch: int = 8
    search_truncation: int = 50
    search_epochs: int = 8
    search_rate: float = 0.003

    def data(self, folder: pathlib.Path) -> rnncell.Corpus:
        """The text in its three splits."""
        files = {part: folder / f"ptb.{part}.txt" for part in ("train", "valid", "test")}
        return rnncell.Corpus(**files, unit=self.unit)

    def search_tokens(self, data: rnncell.Corpus) -> int:
        """So many epochs of final training."""
        updates = (len(data.train) // self.batch - 1) // self.truncation
        return self.search_epochs * updates * self.batch * self.truncation

    def parameters(self, data: rnncell.Corpus) -> int:
        """Of every model: those with an LSTM."""
        return rnncell.LanguageModel(
            "lstm", data, hidden_size=self.hidden, tied=self.tied).parameter_count

    def make(self, data: rnncell.Corpus, cell: rnncell.Cell, seed: int, **start: Any
             ) -> rnncell.LanguageModel:
        """A model of about that size."""
        wanted = self.parameters(data)
        if self.tied or cell.needs_equal_sizes:
            return rnncell.LanguageModel(
                cell, data, parameters=wanted, tied=self.tied, seed=seed, **start)
        # Where one unit more or less is more than the tolerance, the embedding makes up for it.
        found = []
        for size in sorted(range(self.hidden - 8, self.hidden + 9), key=lambda e: abs(e - self.hidden)):
            model = rnncell.LanguageModel(
                cell, data, parameters=wanted, embedding_size=size, seed=seed, **start)
            found.append((abs(model.parameter_count - wanted), model))
            if found[-1][0] <= self.tolerance * wanted:
                return model
        return min(found, key=lambda pair: pair[0])[1]

    def fit(self, model: rnncell.LanguageModel, data: rnncell.Corpus, **options: Any) -> None:
        """Trains on one thread."""
        model.fit(data, **{"optimizer": "adam", "batch_size": self.batch, "threads": 1,
                           "truncation": self.truncation, **self.training, **options})

    def fit_as_searched(self, model: rnncell.LanguageModel, data: rnncell.Corpus,
                        **options: Any) -> None:
        """Trains as a search does, on one thread."""
        self.fit(model, data, **{"seed": 0, **self.as_searched, **options})

    def loss(self, model: rnncell.LanguageModel, data: rnncell.Corpus, split: str) -> float:
        """Nats per token."""
        return model.evaluate(getattr(data, split), threads=1)

    def load(self, path: pathlib.Path) -> rnncell.LanguageModel:
        """A model that was saved."""
        return rnncell.LanguageModel.load(path)

    def study(self, path: pathlib.Path, data: rnncell.Corpus, strategy: str, seed: int
              ) -> rnncell.Study:
        """A search that gives the same on any machine, spent."""
        study = rnncell.Study(
            path, data, strategy=strategy, seed=seed, workers=1, deterministic=True,
            hidden_size=self.hidden, rungs=self.rungs, updates=self.updates,
            tokens=self.search_tokens(data), **self.as_searched)
        return study.run()

    @property
    def as_searched(self) -> dict[str, Any]:
        """How the models of a search are trained."""
        return {"batch_size": self.search_batch, "truncation": self.search_truncation,
                "learning_rate": self.search_rate}


@dataclasses.dataclass(frozen=True)
class Music(Protocol):
    """Piano rolls, whose next step is to be said."""

    music: str = "jsb"
    budget: int = 24_000_000

    def data(self, folder: pathlib.Path) -> rnncell.SequenceTask:
        """The task."""
        return music_task(folder, self.music)

    def search_tokens(self, data: rnncell.SequenceTask) -> int:
        """Time steps trained on."""
        return self.budget

    def parameters(self, data: rnncell.SequenceTask) -> int:
        """Of every model: those with an LSTM."""
        return data.parameters

    def make(self, data: rnncell.SequenceTask, cell: rnncell.Cell, seed: int, **start: Any
             ) -> rnncell.SequenceModel:
        """A model of about that size."""
        return data.model(cell, seed, **start)

    def fit(self, model: rnncell.SequenceModel, data: rnncell.SequenceTask, **options: Any) -> None:
        """Trains on one thread."""
        data.fit(model, threads=1, **options)

    def loss(self, model: rnncell.SequenceModel, data: rnncell.SequenceTask, split: str) -> float:
        """Nats per step."""
        return data.loss(model, split)

    def load(self, path: pathlib.Path) -> rnncell.SequenceModel:
        """A model that was saved."""
        return rnncell.SequenceModel.load(path)

    def study(self, path: pathlib.Path, data: rnncell.SequenceTask, strategy: str, seed: int
              ) -> rnncell.Study:
        """A search that gives the same on any machine, spent."""
        study = rnncell.Study(
            path, strategy=strategy, seed=seed, workers=1, deterministic=True, rungs=self.rungs,
            updates=self.updates, tokens=self.search_tokens(data), hidden_size=MUSIC_HIDDEN)
        return study.run(objective=data)


PROTOCOLS: dict[str, Protocol] = {each.name: each for each in (
    Text("C", epochs=4),
    Text("W", epochs=8, unit="word", tied=True),
    Text("W-dropout", epochs=8, rate_epochs=2, unit="word", tied=True, training={"dropout": 0.2}),
    Music("JSB", epochs=400, rates=(0.0025, 0.005, 0.01), updates=1800, tolerance=0.02),
)}


@functools.lru_cache(maxsize=4)
def data_of(protocol: str, folder: pathlib.Path) -> Any:
    """What a protocol's models learn, from the folder of the Penn Treebank."""
    return PROTOCOLS[protocol].data(folder)


def text_of(protocol: str) -> Text:
    """A protocol of text."""
    found = PROTOCOLS[protocol]
    assert isinstance(found, Text), f"{protocol} is not of text"
    return found
