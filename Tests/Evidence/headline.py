"""The long search, at most an hour on two cores, in parts that carry on with the same study.

A part whose forerunners were measured elsewhere does their work first.
"""
from __future__ import annotations

import dataclasses
import pathlib

import rnncell
from protocols import data_of, text_of


@dataclasses.dataclass(frozen=True)
class LongSearch:
    """Levels of successive halving, updates up to the last one, and tokens of each part."""

    protocol: str
    rungs: int
    updates: int
    parts: int
    tokens: int

    def study(self, path: pathlib.Path, folder: pathlib.Path, seed: int, part: int) -> rnncell.Study:
        """The study up to the end of a part."""
        settings = text_of(self.protocol)
        study = rnncell.Study(
            path, data_of(self.protocol, folder), strategy="auto", seed=seed, workers=1,
            deterministic=True, rungs=self.rungs, updates=self.updates, tokens=part * self.tokens,
            hidden_size=settings.hidden, **settings.as_searched)
        return study.run()


LONG = {each.protocol: each for each in (
    LongSearch("C", rungs=4, updates=12960, parts=5, tokens=160_000_000),)}
