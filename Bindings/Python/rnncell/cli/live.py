"""What a search shows while it runs: a live table in a terminal, or lines of progress."""
from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, TextIO

from ..studies import CONTROL
from .keys import Keys

if TYPE_CHECKING:
    from ..studies import Proposal, Study, StudyInfo

ROWS = 8


def duration(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def summary(info: StudyInfo, minutes: float | None, trials: int | None) -> str:
    """A line of numbers."""
    bound = f" of {duration(60 * minutes)}" if minutes else ""
    count = f" of {trials}" if trials else ""
    return (f"{info.strategy}  {duration(info.seconds)}{bound}  {info.scored_count} scored{count}"
            f"  {info.rejected_count} rejected  {info.failed_count} failed")


def rows_of(proposals: list[Proposal], width: int) -> list[str]:
    """The table of the best cells: loss, size, rung, equations as far as they fit."""
    lines = ["   loss    parameters  rung  equations"]
    for row in proposals:
        head = f"{row.valid_loss:9.4f}  {row.parameters:10,}  {row.rung:4}  "
        text = "; ".join(" ".join(line.split()) for line in row.equations.split("\n"))
        name = row.cell.stock_name if len(row.cells) == 1 else None
        known = f"{name}: " if name else ""
        mark = "(control) " if row.strategy == CONTROL else ""
        room = max(20, width - len(head) - 1)
        text = mark + known + text
        lines.append(head + (text if len(text) <= room else text[:room - 3] + "..."))
    return lines


class LiveTable:
    """Draws the best cells over and over in a terminal; the key `q` ends that."""

    def __init__(self, study: Study, stream: TextIO) -> None:
        self._study, self._stream = study, stream
        self._height, self._drawn = 0, 0.0
        self._keys, self._is_over = Keys(), False

    def hear(self, info: StudyInfo, proposal: Proposal | None) -> bool:
        """A listener for Study.run."""
        if time.monotonic() - self._drawn >= 0.25:
            self._draw(info)
        return self._is_over

    def _draw(self, info: StudyInfo) -> None:
        self._drawn = time.monotonic()
        size = shutil.get_terminal_size()
        count = max(1, min(ROWS, size.lines - 4))
        self._is_over = self._is_over or "q" in self._keys.pressed().lower()
        hint = "  q stops" if self._keys.are_heard and not self._is_over else ""
        head = summary(info, self._study._minutes, self._study._trials) + hint
        lines = [head[:size.columns - 1]]
        lines += rows_of(self._study.leaderboard(count), size.columns)
        up = f"\x1b[{self._height}A" if self._height else ""
        self._stream.write(up + "".join(f"\r\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        self._stream.flush()
        self._height = len(lines)

    def show(self, study: Study) -> bool:
        """Draws a study, in place of what was drawn before; true: it is to be the last."""
        self._study = study
        self._draw(study.info)
        return self._is_over

    def close(self, *, draws: bool = True) -> None:
        """Draws the last state, and gives the terminal back."""
        self._keys.close()
        if draws:
            self._draw(self._study.info)
        if draws and self._is_over:
            self._stream.write("stopped by q; what is scored is kept, and the same call carries on\n")
            self._stream.flush()


class Lines:
    """Prints a line every few seconds, for a log."""

    def __init__(self, study: Study, stream: TextIO, every: float = 10.0) -> None:
        self._study, self._stream, self._every = study, stream, every
        self._next = 0.0

    def hear(self, info: StudyInfo, proposal: Proposal | None) -> bool:
        """A listener for Study.run."""
        if info.seconds >= self._next and info.scored_count:
            self._next = info.seconds + self._every
            self._print(info)
        return False

    def _print(self, info: StudyInfo) -> None:
        # Three, since two may be controls.
        best = [row for row in self._study.leaderboard(3) if row.strategy != CONTROL]
        found = f"  best {best[0].valid_loss:.4f}" if best else ""
        print("  " + summary(info, self._study._minutes, self._study._trials) + found,
              file=self._stream, flush=True)

    def close(self) -> None:
        """Prints the last state."""
        self._print(self._study.info)
