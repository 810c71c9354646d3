"""The report of a study: one HTML page that needs nothing else."""
from __future__ import annotations

import html
import math
import pathlib
from typing import Any

from . import anatomy
from ._rnncell import Error
from .ablation import contributions
from .cells import Cell
from .charts import Series, chart
from .comparison import Comparison
from .files import Path, write_whole
from .finalists import ablation_of, comparison_of, is_language
from .pages import duration, number, picture, table
from .studies import CONTROL, Proposal, Study

SHOWN = 10
LISTED = 50


def write_report(path: Path, studies: list[Study], comparison: Comparison | None = None) -> None:
    """Writes the page for a study, with the curves of further ones beside it."""
    write_whole(path, page(studies, comparison))


def page(studies: list[Study], comparison: Comparison | None = None) -> str:
    """The text of the page."""
    study = studies[0]
    comparison = comparison or comparison_of(study)
    style = pathlib.Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    title = f"A search for recurrent cells by {study.info.strategy}"
    sections = [_heading(study, title), _curves(studies), _sizes(studies)]
    if comparison is not None:
        sections.append(_compared(comparison))
    sections += [_cells(study), _ablation(study), anatomy.lineage(study), anatomy.rungs(study),
                 anatomy.predictions(study), anatomy.species(study), anatomy.front(study),
                 _leaderboard(study), _settings(studies)]
    body = "\n".join(sections)
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
            f"<body>\n{body}\n</body>\n</html>\n")


def _heading(study: Study, title: str) -> str:
    info = study.info
    try:
        best = f"{study.best.valid_loss:.4f}"
    except Error:
        best = "none yet"
    facts = {
        f"best loss{' (nats per token)' * is_language(study)}": best,
        "cells scored": f"{info.scored_count:,}",
        "duplicates and exploding, not trained": f"{info.rejected_count:,}",
        "failed": f"{info.failed_count:,}",
        "time of search": duration(info.seconds),
        "Kendall's tau, first to last rung": number(info.tau, ".2f"),
        "tokens trained on": f"{info.tokens:,}",
        "readings of the test data": f"{info.test_reads}",
    }
    items = "".join(f"<div><dt>{html.escape(name)}</dt><dd>{value}</dd></div>"
                    for name, value in facts.items())
    return (f"<header><h1>{html.escape(title)}</h1>\n"
            '<p class="lead">Lower losses are better. Losses are of the validation '
            f"{'text, in nats per token' if is_language(study) else 'data'}.</p>\n"
            f'<dl class="facts">{items}</dl></header>')


def _told(study: Study) -> list[Proposal]:
    rows = [row for row in study.history if row.state == "scored" and row.strategy != CONTROL]
    return sorted(rows, key=lambda row: (_or_zero(row.told_at), row.id))


def _or_zero(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _controls(study: Study) -> list[tuple[str, Proposal]]:
    return [((row.cell.stock_name or f"control {row.id}").upper(), row) for row in study.history
            if row.strategy == CONTROL and row.state == "scored"]


def _names(studies: list[Study]) -> list[str]:
    names = [study.info.strategy for study in studies]
    return [name if names.count(name) == 1 else f"{name}, seed {study.info.seed}"
            for name, study in zip(names, studies)]


def _curves(studies: list[Study]) -> str:
    by_time, by_count = [], []
    for name, study in zip(_names(studies), studies):
        best, timed, counted = math.inf, [], []
        rows = _told(study)
        for place, row in enumerate(rows, 1):
            if row.valid_loss < best:
                best = row.valid_loss
                timed.append((_or_zero(row.told_at), best))
                counted.append((float(place), best))
        if timed:
            timed.append((max(study.info.seconds, timed[-1][0]), best))
            counted.append((float(len(rows)), best))
        by_time.append(Series(name, "line", timed))
        by_count.append(Series(name, "line", counted))
    levels = [Series(f"{name} (control)", "level", [(0.0, row.valid_loss)])
              for name, row in _controls(studies[0])]
    return ('<section><h2>The search</h2>\n<p>The best loss so far'
            f'{", of each strategy in the same budget" if len(studies) > 1 else ""}.'
            f'{" Dashed: cells that were not searched for." if levels else ""}'
            '</p>\n<div class="pair"><figure>'
            f'{chart(by_time + levels, "seconds of search", "best loss")}</figure>\n<figure>'
            f'{chart(by_count + levels, "cells scored", "best loss")}</figure></div></section>')


def _sizes(studies: list[Study]) -> str:
    series = []
    for name, study in zip(_names(studies), studies):
        rows = [row for row in _told(study) if row.parameters]
        series.append(Series(
            name, "dots", [(float(row.parameters), row.valid_loss) for row in rows],
            [f"{row.id}: {row.valid_loss:.4f}, {row.parameters:,} parameters" for row in rows]))
    front: list[tuple[float, float]] = []
    for point in sorted(point for one in series for point in one.points):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    controls = [(name, row) for name, row in _controls(studies[0]) if row.parameters]
    series += [Series(f"{name} (control)", "dots", [(float(row.parameters), row.valid_loss)],
                      [f"{name}: {row.valid_loss:.4f}"]) for name, row in controls]
    series.append(Series("best for its size", "front", front))
    drawing = chart(series, "parameters", "loss", x_zero=False)
    return ("<section><h2>Loss against size</h2>\n<p>Each dot is a cell. Those of higher losses "
            "than can be told apart lie at the upper edge.</p>\n"
            f"<figure>{drawing}</figure></section>")


def _compared(comparison: Comparison) -> str:
    rows = []
    for name in comparison.cells:
        run = next(run for run in comparison.runs if run.cell == name)
        mean, low, high = comparison.interval(name)
        rows.append([name, f"{run.hidden_size}", f"{run.parameters:,}", f"{run.updates:,}",
                     number(mean, ".4f"), f"{number(low, '.4f')} to {number(high, '.4f')}"])
    first, *others = comparison.cells
    verdicts = "".join(f"<p>{html.escape(comparison.verdict(first, other))}.</p>"
                       for other in others) if len(comparison.seeds) > 1 else ""
    runs = table(["cell", "hidden size", "parameters", "updates", "test loss",
                    "95 % interval"], rows, {0})
    return ("<section><h2>At equal size</h2>\n<p>Each cell trained from new weights, as many "
            f"parameters, as many updates, {len(comparison.seeds)} seeds. Intervals are by "
            "Student's t; differences are paired by seed.</p>\n"
            f"{runs}\n{verdicts}</section>")


def _ablation(study: Study) -> str:
    comparison = ablation_of(study)
    if comparison is None:
        return ""
    rows = [[html.escape(name), number(mean, "+.4f"),
             f"{number(low, '+.4f')} to {number(high, '+.4f')}"]
            for name, mean, low, high in contributions(comparison)]
    cell = next(iter(comparison.cells.values()))
    assert isinstance(cell, Cell), "ablations are of one cell"
    return ("<section><h2>What each part contributes</h2>\n<p>The winner trained without one part at a "
            f"time, at equal size, {len(comparison.seeds)} seeds: what the validation loss rises, "
            f"paired by seed.</p>\n{_near(cell)}"
            + table(["left out", "loss rises by", "95 % interval"], rows, {0}) + "</section>")


def _near(cell: Cell) -> str:
    if cell.stock_name:
        return f'<div class="note">This is the stock cell {cell.stock_name}.</div>\n'
    name, likeness = cell.nearest_stock()
    return (f'<div class="note">The published cell most like it is {name}: {likeness:.0%} of their '
            "operations agree.</div>\n")


def _cells(study: Study) -> str:
    articles = []
    for place, row in enumerate(_found(study)[:SHOWN], 1):
        pictures = "".join(picture(cell) for cell in row.cells)
        parents = f", from {' and '.join(map(str, row.parents))}" if row.parents else ""
        articles.append(
            f"<article><h3>{place}. loss {row.valid_loss:.4f}</h3>\n"
            f'<div class="note">{row.parameters:,} parameters, rung {row.rung}, proposal {row.id}'
            f"{parents}</div>\n{_near(row.cell)}{pictures}<pre>{html.escape(row.equations)}</pre></article>")
    content = "\n".join(articles) or '<p class="none">No cell has been scored yet.</p>'
    return f'<section><h2>The best cells</h2>\n<div class="cells">{content}</div></section>'


def _found(study: Study) -> list[Proposal]:
    return [row for row in study.leaderboard() if row.strategy != CONTROL]


def _leaderboard(study: Study) -> str:
    names = {row.id: name for name, row in _controls(study)}
    rows = []
    for place, row in enumerate(study.leaderboard(LISTED), 1):
        equations = html.escape("; ".join(row.equations.split("\n")))
        perplexity = number(row.valid_perplexity, ".3f") if is_language(study) else "-"
        rows.append([
            str(place), number(row.valid_loss, ".4f"), perplexity,
            f"{row.parameters:,}", str(row.rung), f"{row.updates:,}", f"{row.seconds:.1f}",
            str(row.id), names.get(row.id, row.strategy), f"<code>{equations}</code>"])
    board = table(["", "loss", "perplexity", "parameters", "rung", "updates", "seconds", "id",
                    "by", "equations"], rows, {8, 9})
    return f"<section><h2>Leaderboard</h2>\n{board}</section>"


def _settings(studies: list[Study]) -> str:
    parts = []
    for name, study in zip(_names(studies), studies):
        rows = [[html.escape(key), html.escape(_setting(value))]
                for key, value in study.settings.items()]
        parts.append(f"<p>{html.escape(name)}</p>" if len(studies) > 1 else "")
        parts.append(table(["setting", "value"], rows, {0, 1}))
    return f"<section><h2>Settings</h2>\n{''.join(parts)}</section>"


def _setting(value: Any) -> str:
    return str(value) if value not in ("", None) else "-"


