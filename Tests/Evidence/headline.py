"""The long searches, each at most an hour on two cores, in parts that carry on with the same study.

A part whose forerunners were measured elsewhere does their work first.

C:  on the characters alone, with models of the protocol's size.
CW: for a cell that is good at characters and at words, on both in small: models of 36 units, as much less
    text, and each training to its end. That takes seconds, and orders cells as the protocols do; the same
    seconds of a large model's training, which end where it has only begun to learn, do not.
"""
from __future__ import annotations

import collections
import dataclasses
import functools
import pathlib

import rnncell
from protocols import data_of, text_of

HIDDEN = 36
CHARACTERS_UPDATES = 6000
# Words of the training text; the most frequent ones are told apart, the others are one.
WORDS, FREQUENT = 100_000, 1500
WORDS_EPOCHS = 8
# What tells words' losses apart is half as much in small as in the protocol; that of characters, nearly all.
WORDS_WEIGHT = 2
# Of the validation text, what a score is of.
VALID_CHARACTERS, VALID_WORDS = 120_000, 33_000


@dataclasses.dataclass(frozen=True)
class LongSearch:
    """Levels of successive halving, updates up to the last one, and tokens of each part."""

    name: str
    rungs: int
    updates: int
    parts: int
    tokens: int

    def study(self, path: pathlib.Path, folder: pathlib.Path, seed: int, part: int) -> rnncell.Study:
        """The study up to the end of a part."""
        settings = text_of("C")
        study = rnncell.Study(
            path, data_of("C", folder) if self.name == "C" else None, strategy="auto", seed=seed,
            deterministic=True, rungs=self.rungs, updates=self.updates,
            tokens=part * self.tokens, hidden_size=settings.hidden,
            **(settings.as_searched if self.name == "C" else {}))
        return study.run(objective=None if self.name == "C" else both(folder))


LONG = {each.name: each for each in (
    LongSearch("CW", rungs=1, updates=CHARACTERS_UPDATES, parts=7, tokens=600_000_000),
    LongSearch("C", rungs=4, updates=12960, parts=5, tokens=160_000_000))}


@functools.lru_cache(maxsize=1)
def both(folder: pathlib.Path) -> rnncell.JointTask:
    """The task on characters and the one on words."""
    settings = text_of("C")
    train, valid = ((folder / f"ptb.{part}.txt").read_text(encoding="utf-8")
                    for part in ("train", "valid"))
    characters = rnncell.Corpus(
        train_text=train, valid_text=valid[:VALID_CHARACTERS], test_text=valid[:2], unit="character")
    some = first_words(train, WORDS)
    frequent = {word for word, _ in collections.Counter(some.split()).most_common(FREQUENT - 2)}
    words = rnncell.Corpus(
        train_text=reduced(some, frequent), valid_text=reduced(first_words(valid, VALID_WORDS), frequent),
        test_text="<unk>\n", unit="word")
    options = {"hidden_size": HIDDEN, **settings.as_searched}
    updates = WORDS_EPOCHS * WORDS / (settings.search_batch * settings.search_truncation)
    return rnncell.JointTask(
        rnncell.LanguageTask(characters, embedding_size=HIDDEN, **options),
        rnncell.LanguageTask(words, tied=True, **options),
        shares=(1, updates / CHARACTERS_UPDATES), weights=(1, WORDS_WEIGHT))


def first_words(text: str, count: int) -> str:
    """So many words of a text, in its lines."""
    return " ".join(text.split(" ")[:count])


def reduced(text: str, words: set[str]) -> str:
    """A text with one word for all that are not of some words."""
    return "\n".join(" ".join(word if word in words else "<unk>" for word in line.split())
                     for line in text.split("\n"))
