"""The long searches, each at most an hour on two cores, in parts that carry on with the same study.

A part whose forerunners were measured elsewhere does their work first.

C: on the characters, with models of the protocol's size.
W: on words in small, as a training of the protocol takes ten minutes: half the hidden size, half the words told
   apart, and as much less text, in updates of a quarter of the tokens, which are as many as a training of
   the protocol makes. x may meet the states without a matrix, as the embedding has their size, and the search
   begins with the published cells that lead on words.
CW: for a cell that is good at both, on words in small and on characters at the setting of the other searches.
   It begins with what C had found after three parts, to which means of the words are to come. Its maps may be
   block-diagonal, with which a cell of as many weights is larger: on characters size tells more than maps do.
   Cells of which no model has the protocol's size on words are left out, as it grows in steps. No cell
   is judged by the start of its training, in which the mean of the words does harm. Words are trained on half the
   tokens of W, with a model of half the size: at the rate of two thousandths published cells rank there as they do
   whole. The loss is the worst of what both are above GRU's, those on characters at three fifths, as a gain there
   shrinks to that when the training is whole, those on words less 0.038, which is what two
   cells with means gained then; a third, with a mean inside a product, lost 0.09.
"""
from __future__ import annotations

import collections
import dataclasses
import functools
import pathlib
from typing import Any

import rnncell
from ledger import Table
from protocols import PROTOCOLS, data_of, text_of

WORDS_HIDDEN = 64
# Words of the training and validation text, and how many are told apart: the most frequent ones, and one for
# all others.
WORDS, VALID_WORDS, FREQUENT = 250_000, 33_000, 5000
WORDS_BATCH = 16
WORDS_RATE = 0.003
WORDS_START = ("gru", "mut3", "mut2", "lstm_cifg", "lstm")
# Of both: the task on words, smaller still and as many epochs as the protocol's; the characters of the validation
# text; weights of the losses, and what they are to be below: GRU's, on words 0.038 more.
BOTH_WORDS = {"words": 125_000, "frequent": 3000, "hidden_size": 48, "batch_size": 8, "learning_rate": 0.002}
VALID_CHARACTERS = 120_000
BOTH_WEIGHTS = (0.6, 1)
BOTH_TO_BEAT = (1.430, 4.695)
BLOCKS = 4


@dataclasses.dataclass(frozen=True)
class LongSearch:
    """Levels of successive halving, updates up to the last one, and tokens of each part."""

    protocol: str
    rungs: int
    updates: int
    parts: int
    tokens: int
    # Searches, and so many parts of each, whose best cells it begins with.
    after: tuple[tuple[str, int], ...] = ()

    def study(self, path: pathlib.Path, folder: pathlib.Path, seed: int, part: int) -> rnncell.Study:
        """The study up to the end of a part."""
        options = {"strategy": "auto", "seed": seed, "deterministic": True, "rungs": self.rungs,
                   "updates": self.updates, "tokens": part * self.tokens}
        if self.protocol == "W":
            study = rnncell.Study(path, direct_input=True, start=WORDS_START, **options)
            return study.run(objective=words_in_small(folder))
        if self.after:
            start = [cell for found in self.after for cell in cells_found(*found)]
            study = rnncell.Study(
                path, direct_input=True, max_blocks=BLOCKS, max_states=4, start=start, **options)
            return study.run(objective=both(folder))
        settings = text_of(self.protocol)
        study = rnncell.Study(
            path, data_of(self.protocol, folder), workers=1, hidden_size=settings.hidden, **options,
            **settings.as_searched)
        return study.run()


class _OfBothSizes(rnncell.JointTask):
    """A task that fails for a cell which the protocol on words refuses for its size."""

    def __init__(self, folder: pathlib.Path, *tasks: rnncell.LanguageTask, **options: Any) -> None:
        super().__init__(*tasks, **options)
        self._folder_of_words = folder

    def __call__(self, proposal: rnncell.Proposal) -> rnncell.Score:
        PROTOCOLS["W"].model(data_of("W", self._folder_of_words), proposal.cells[0], proposal.seed)
        return super().__call__(proposal)


LONG = {each.protocol: each for each in (
    LongSearch("C", rungs=4, updates=12960, parts=5, tokens=160_000_000),
    LongSearch("W", rungs=3, updates=2500, parts=5, tokens=50_000_000),
    LongSearch("CW", rungs=1, updates=2500, parts=4, tokens=45_000_000, after=(("C", 3),)))}


def cells_found(protocol: str, part: int | None = None) -> list[str]:
    """The best cells of a long search after a part of it, None for the last; an empty list before that."""
    row = Table("headline").find(protocol=protocol, seed=0, part=part or LONG[protocol].parts)
    return row["cells"].split(" | ") if row else []


@functools.lru_cache(maxsize=2)
def words_in_small(
    folder: pathlib.Path, *, words: int = WORDS, frequent: int = FREQUENT, hidden_size: int = WORDS_HIDDEN,
    batch_size: int = WORDS_BATCH, learning_rate: float = WORDS_RATE,
) -> rnncell.LanguageTask:
    """The task on words."""
    settings = text_of("W")
    train, valid = ((folder / f"ptb.{part}.txt").read_text(encoding="utf-8")
                    for part in ("train", "valid"))
    some = first_words(train, words)
    told_apart = {word for word, _ in collections.Counter(some.split()).most_common(frequent - 2)}
    corpus = rnncell.Corpus(
        train_text=reduced(some, told_apart), valid_text=reduced(first_words(valid, VALID_WORDS), told_apart),
        test_text="<unk>\n", unit="word")
    return rnncell.LanguageTask(
        corpus, hidden_size=hidden_size, tied=True, batch_size=batch_size,
        truncation=settings.search_truncation, learning_rate=learning_rate)


@functools.lru_cache(maxsize=1)
def both(folder: pathlib.Path) -> rnncell.JointTask:
    """The task on characters and the one on words, for cells that may have the protocol's size on words."""
    settings = text_of("C")
    train, valid = ((folder / f"ptb.{part}.txt").read_text(encoding="utf-8")
                    for part in ("train", "valid"))
    corpus = rnncell.Corpus(
        train_text=train, valid_text=valid[:VALID_CHARACTERS], test_text=valid[:2], unit="character")
    characters = rnncell.LanguageTask(corpus, hidden_size=settings.hidden, **settings.as_searched)
    return _OfBothSizes(
        folder, characters, words_in_small(folder, **BOTH_WORDS), weights=BOTH_WEIGHTS, to_beat=BOTH_TO_BEAT)


def first_words(text: str, count: int) -> str:
    """So many words of a text, or a few more, in whole lines."""
    lines, words = [], 0
    for line in text.splitlines():
        if words >= count:
            break
        lines.append(line)
        words += len(line.split()) + 1  # the end of a line is a token too
    return "\n".join(lines) + "\n"


def reduced(text: str, words: set[str]) -> str:
    """A text with one word for all that are not of some words."""
    return "\n".join(" ".join(word if word in words else "<unk>" for word in line.split())
                     for line in text.splitlines()) + "\n"
