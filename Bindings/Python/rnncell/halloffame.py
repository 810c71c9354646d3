"""The best cells of a study in a small table beside it, always up to date."""
from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

from .files import write_csv

if TYPE_CHECKING:
    from .studies import Listener, Proposal, Study, StudyInfo

ROWS = 20
HEADING = ("place", "valid_loss", "parameters", "rung", "updates", "strategy", "id", "equations")


class HallOfFame:
    """Writes `NAME.hall_of_fame.csv` beside a study whenever its best cells change."""

    def __init__(self, study: Study, listener: Listener | None = None) -> None:
        self._study, self._listener = study, listener
        self._shown: list[tuple[Any, ...]] = []

    @property
    def path(self) -> pathlib.Path | None:
        """The table; None for a study in memory."""
        return self._study.beside(".hall_of_fame.csv")

    def hear(self, info: StudyInfo, proposal: Proposal | None) -> object:
        """A listener for Study.run, which passes on what it hears."""
        if proposal is not None:
            self.write()
        return self._listener(info, proposal) if self._listener is not None else False

    def write(self) -> None:
        """Replaces the table as a whole, so that a reader never sees half of one."""
        path = self.path
        rows: list[tuple[Any, ...]] = [
            (place + 1, f"{row.valid_loss:.6g}", row.parameters, row.rung, row.updates,
             row.strategy, row.id, row.equations)
            for place, row in enumerate(self._study.leaderboard(ROWS))]
        if path is None or rows == self._shown:
            return
        write_csv(path, HEADING, rows)
        self._shown = rows
