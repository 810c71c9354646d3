"""Ablation: what each part of a cell contributes, by training it without that part."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._rnncell import InvalidArgumentError
from .cells import Cell, cell_from
from .comparison import Comparison, compare

if TYPE_CHECKING:
    from .corpora import Corpus
    from .tasks import Task

WHOLE = "the whole cell"


def ablate(data: Corpus | Task, cell: Cell | str, **options: Any) -> Comparison:
    """Trains a cell, and the same with one part less for each of its parts, at equal size.

    The comparison is by validation losses; its first cell is the whole one, and the others are named by
    what they lack. A part is worth what the loss rises without it.

    data:    a corpus, or a task.
    options: of `compare`, such as parameters, seeds, learning_rates, save, resume, epochs or workers. What
             lacks a part gets a larger hidden size.
    """
    whole = cell_from(cell)
    parts = whole.ablations()
    if not parts:
        raise InvalidArgumentError("the cell has no part that can be left out")
    return compare(data, {WHOLE: whole} | parts, split="valid", **options)


def contributions(comparison: Comparison) -> list[tuple[str, float, float, float]]:
    """What the loss rises without each part, with its 95 % interval, the largest first."""
    first, *others = comparison.cells
    rows = [(name, *comparison.difference(name, first)) for name in others]
    return sorted(rows, key=lambda row: -row[1])


def text_of(comparison: Comparison) -> str:
    """The contributions as a table."""
    lines = ["loss rises by   95 % interval       what is left out"]
    for name, mean, low, high in contributions(comparison):
        lines.append(f"{mean:+13.4f}   {low:+.4f} to {high:+.4f}  {name}")
    return "\n".join(lines)
