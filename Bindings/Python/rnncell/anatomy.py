"""What a study tells of its own search: rungs, predictions, species, the front, the winner's line."""
from __future__ import annotations

import difflib
import html
import itertools
import math
import statistics
from collections.abc import Iterable

from .charts import Series, chart
from .pages import number, picture, table
from .studies import CONTROL, Proposal, Study

# Below it, the cheap score of a search says little of what its cells are worth.
LEAST_TAU = 0.3
# As many as the library lets rise whatever their loss.
CALIBRATIONS = 16
ANCESTORS = 12


def kendall(pairs: Iterable[tuple[float, float]]) -> float:
    """Kendall's tau of finite pairs: 1 for the same order, -1 for the opposite; NaN for too few."""
    known = [pair for pair in pairs if all(map(math.isfinite, pair))]
    signs = [(a[0] - b[0]) * (a[1] - b[1]) for a, b in itertools.combinations(known, 2)]
    if not signs:
        return math.nan
    return (sum(sign > 0 for sign in signs) - sum(sign < 0 for sign in signs)) / len(signs)


def warning(study: Study) -> str:
    """What to say of a cheap score that orders cells hardly better than chance, or ""."""
    tau = study.info.tau
    if not tau < LEAST_TAU:
        return ""
    return (f"The first rung orders cells hardly as the last one does (Kendall's tau {tau:.2f}, below "
            f"{LEAST_TAU}): good cells may have been dropped early; train longer on the first rung")


def _cells(study: Study) -> list[Proposal]:
    return [row for row in study.history
            if row.work == "cell" and row.strategy != CONTROL and row.state != "rejected"]


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{title}</h2>\n" + "\n".join(parts) + "</section>"


def rungs(study: Study) -> str:
    """How many cells were trained how far, and how well each level foretells the last."""
    cells = _cells(study)
    count = max((len(row.rung_losses) for row in cells), default=0)
    last = count - 1
    if last < 1:
        return ""
    rows = []
    for rung in range(count):
        losses = [row.rung_losses[rung] for row in cells if len(row.rung_losses) > rung]
        finite = [loss for loss in losses if math.isfinite(loss)]

        def pairs(some: list[Proposal], rung: int = rung) -> list[tuple[float, float]]:
            return [(row.rung_losses[rung], row.rung_losses[last]) for row in some
                    if len(row.rung_losses) > last]

        rows.append([
            str(rung), str(len(losses)), number(min(finite, default=math.nan), ".4f"),
            number(statistics.median(finite) if finite else math.nan, ".4f"),
            "-" if rung == last else number(kendall(pairs(cells[:CALIBRATIONS])), ".2f"),
            "-" if rung == last else number(kendall(pairs(cells)), ".2f")])
    heads = ["rung", "cells", "best loss", "median loss", "tau with the last, first 16 cells",
             "tau with the last, all that rose"]
    remark = warning(study)
    return _section(
        "Rungs",
        "<p>Each rung trains longer. Kendall's tau says how well its losses order cells as those of "
        "the last rung do: 1 is the same order, 0 chance. The first "
        f"{CALIBRATIONS} cells rise whatever their loss; the others were chosen for it, which makes "
        "their tau smaller.</p>",
        f"<p><strong>{html.escape(remark)}.</strong></p>" if remark else "", table(heads, rows, set()))


def predictions(study: Study) -> str:
    """What was expected of cells, against what they did and what is known for nothing."""
    cells = _cells(study)
    by_id = {row.id: row for row in cells}
    last = max((len(row.rung_losses) for row in cells), default=0) - 1
    rows, series = [], []

    def parent_loss(row: Proposal) -> float:
        parent = by_id.get(row.parents[0]) if row.parents else None
        return parent.rung_losses[0] if parent and parent.rung_losses else math.nan

    for rung in range(last + 1):
        goal = 0 if rung == 0 else last
        known = [row for row in cells if len(row.rung_losses) > goal
                 and len(row.rung_predictions) > rung and math.isfinite(row.rung_predictions[rung])]
        guesses = [(row.rung_predictions[rung], row.rung_losses[goal]) for row in known]
        free = [(parent_loss(row) if rung == 0 else row.rung_losses[rung - 1], row.rung_losses[goal])
                for row in known]
        if not guesses:
            continue
        name = "first loss, from the graph and the parent" if rung == 0 else (
            f"last loss, from the curve up to rung {rung - 1}")
        rows.append([name, str(len(guesses)), number(kendall(guesses), ".2f"),
                     "parent's loss" if rung == 0 else "loss of that rung",
                     number(kendall(free), ".2f")])
        series.append(Series(name, "dots", guesses, [f"proposal {row.id}" for row in known]))
    if not rows:
        return _section("Predictions", "<p>None was used: none was better than what costs nothing, or "
                        "the strategy makes none.</p>") if last >= 0 else ""
    heads = ["prediction", "cells", "its tau", "what is known for nothing", "its tau"]
    return _section(
        "Predictions",
        "<p>Of the cells that were chosen by a prediction, so that what it kept out is not counted.</p>",
        table(heads, rows, {0, 3}),
        f'<figure>{chart(series, "expected", "loss", x_zero=False)}</figure>')


def species(study: Study) -> str:
    """How many species there were as the search went on."""
    points = [(float(row.id), float(row.species_count)) for row in _cells(study) if row.species_count]
    if not points:
        return ""
    drawing = chart([Series("species", "line", points)], "proposals", "species that have offspring")
    return _section("Species", f"<figure>{drawing}</figure>")


def front(study: Study) -> str:
    """The cells that no other one beats in all costs together, of a study that asks for them."""
    if study.settings["front"] != "1":
        return ""
    rows = [[str(row.id), number(row.valid_loss, ".4f"), f"{row.parameters:,}",
             number(1e6 * row.step_seconds, ".2f"),
             f"<code>{html.escape('; '.join(row.equations.split(chr(10))))}</code>"]
            for row in study.front()]
    heads = ["id", "loss", "parameters", "microseconds a step", "equations"]
    return _section("Front", "<p>No other cell of the last rung is better in loss, parameters and time "
                    "together.</p>", table(heads, rows, {4}))


def line_of(study: Study) -> list[Proposal]:
    """The best cell found, its first parent, that one's first parent, and so on to a seed."""
    by_id = {row.id: row for row in study.history}
    found = [row for row in study.leaderboard() if row.strategy != CONTROL]
    line = found[:1]
    while line and line[-1].parents and line[-1].parents[0] in by_id:
        parent = by_id[line[-1].parents[0]]
        if parent.work != "cell":
            break
        line.append(parent)
    return line


def lineage(study: Study) -> str:
    """Drawings from the seed to the winner, each with what changed."""
    line = line_of(study)[::-1]
    if len(line) < 2:
        return ""
    left_out = len(line) - ANCESTORS
    shown = line if left_out <= 0 else [line[0], *line[-ANCESTORS + 1:]]
    articles = []
    for before, row in zip([None, *shown], shown):
        others = row.parents[1:] if before is not None else ()
        change = "" if before is None else _changes(before, row)
        first = row.rung_losses[0] if row.rung_losses else math.nan
        articles.append(
            f"<article><h3>Proposal {row.id}: {number(row.valid_loss, '.4f')}</h3>\n"
            f'<div class="note">{number(first, ".4f")} on the first rung'
            + (f", crossed with {' and '.join(map(str, others))}" if others else "")
            + f"</div>\n{picture(row.cell)}{change}</article>")
    remark = f" {left_out} between the seed and the next are not drawn." if left_out > 0 else ""
    return _section(
        "From seed to winner", f"<p>{len(line) - 1} changes.{remark}</p>",
        f'<div class="cells">{"".join(articles)}</div>')


def _changes(before: Proposal, after: Proposal) -> str:
    """The statements that went and came."""
    lines = [line for line in difflib.ndiff(before.equations.split("\n"), after.equations.split("\n"))
             if line[:1] in "+-"]
    return f"<pre>{html.escape(chr(10).join(lines))}</pre>"
