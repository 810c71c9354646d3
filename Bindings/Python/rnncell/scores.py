"""What a proposal scored."""
from __future__ import annotations

from typing import NamedTuple


class Score(NamedTuple):
    """What an objective may give: a loss, and what it cost."""

    loss: float
    """Smaller is better; not finite: it failed."""
    parameters: int = 0
    """Learned numbers; 0: not known."""
    step_seconds: float = 0.0
    """Of a time step of one sequence; 0: not known."""
    tokens: int = 0
    """Trained on since the proposal began, which the study's bound counts."""
    seconds: float = 0.0
    """Of training."""
    part_losses: tuple[float, ...] = ()
    """Of the tasks that the loss is made of: "auto" breeds cells that are good at one of them, too."""
