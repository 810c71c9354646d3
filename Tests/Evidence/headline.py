"""The long searches, each at most an hour on two cores, in parts that carry on with the same study.

A part whose forerunners were measured elsewhere does their work first.

C:  on the characters alone.
CW: for a cell that is good at characters and at words: the sum of its losses on both counts. The
    words are the most frequent ones, the others one word, so that seconds show how well a cell recalls.
"""
from __future__ import annotations

import collections
import dataclasses
import functools
import pathlib

import rnncell
from protocols import data_of, text_of

WORDS = 3000
# Characters and words of the validation text that a score is of.
VALID_CHARACTERS, VALID_WORDS = 60_000, 30_000
WORDS_RATE = 0.006
# Of the updates on characters: an update on words takes three times as long.
WORDS_SHARE = 1 / 3


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
            workers=1, deterministic=True, rungs=self.rungs, updates=self.updates,
            tokens=part * self.tokens, hidden_size=settings.hidden,
            **(settings.as_searched if self.name == "C" else {}))
        return study.run(objective=None if self.name == "C" else both(folder))


LONG = {each.name: each for each in (
    LongSearch("CW", rungs=3, updates=4320, parts=7, tokens=90_000_000),
    LongSearch("C", rungs=4, updates=12960, parts=5, tokens=160_000_000))}


@functools.lru_cache(maxsize=1)
def both(folder: pathlib.Path) -> rnncell.JointTask:
    """The task on characters and the one on words."""
    settings = text_of("C")
    train, valid = ((folder / f"ptb.{part}.txt").read_text(encoding="utf-8")
                    for part in ("train", "valid"))
    frequent = {word for word, _ in collections.Counter(train.split()).most_common(WORDS - 2)}
    characters = rnncell.Corpus(
        train_text=train, valid_text=valid[:VALID_CHARACTERS], test_text=valid[:2], unit="character")
    words = rnncell.Corpus(
        train_text=reduced(train, frequent), unit="word", test_text="<unk>\n",
        valid_text=reduced(" ".join(valid.split(" ")[:VALID_WORDS]), frequent))
    options = {"hidden_size": settings.hidden, **settings.as_searched}
    return rnncell.JointTask(
        rnncell.LanguageTask(characters, **options),
        rnncell.LanguageTask(words, tied=True, **{**options, "learning_rate": WORDS_RATE}),
        shares=(1, WORDS_SHARE))


def reduced(text: str, words: set[str]) -> str:
    """A text with one word for all that are not of some words."""
    return "\n".join(" ".join(word if word in words else "<unk>" for word in line.split())
                     for line in text.split("\n"))
