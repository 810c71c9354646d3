"""Keys that are pressed in a terminal, read without Enter."""
from __future__ import annotations

import os
import select
import sys

try:
    import termios
    import tty
except ImportError:  # where there are no such terminals, no key is heard
    termios = tty = None  # type: ignore[assignment]


class Keys:
    """Listens to the terminal of this process, as long as it is in the foreground."""

    def __init__(self) -> None:
        self._terminal: int | None = None
        try:
            terminal = sys.stdin.fileno()
            # One in the background would be stopped for touching the terminal.
            if termios is None or os.tcgetpgrp(terminal) != os.getpgrp():
                return
            self._before = termios.tcgetattr(terminal)
            tty.setcbreak(terminal)
            self._terminal = terminal
        except (AttributeError, OSError, ValueError):  # no standard input, or none that is a terminal
            return

    @property
    def are_heard(self) -> bool:
        """Whether there is a terminal to listen to."""
        return self._terminal is not None

    def pressed(self) -> str:
        """What was pressed since the last call."""
        if self._terminal is None or not select.select([self._terminal], [], [], 0)[0]:
            return ""
        return os.read(self._terminal, 64).decode("ascii", "ignore")

    def close(self) -> None:
        """Gives the terminal back as it was."""
        if self._terminal is not None:
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)
            self._terminal = None
