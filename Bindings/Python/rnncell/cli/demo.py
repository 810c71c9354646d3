"""The command `demo`: a search on the standard library's text, and what it is worth."""
from __future__ import annotations

import argparse
import pathlib
import sys
import time
from typing import Any

from ..cells import Cell, stock_cells
from ..comparison import Comparison, Run, compare
from ..corpora import Corpus
from ..models import LanguageModel
from ..report import write_report
from ..studies import CONTROL, Proposal, Study
from .live import Lines, LiveTable, duration, rows_of
from .models import told
from .options import POSITIVE, add_common, workers_from
from .search import row_json

# Small enough that two cores score over two hundred cells in two minutes. A first rung of a third
# of the updates orders 16 cells as the last does, by Kendall's tau of about 0.6; a ninth by 0.4.
BYTES = 1_000_000
HIDDEN = 32
TRAINING: dict[str, Any] = {"batch_size": 16, "truncation": 25, "learning_rate": 0.004}
SEARCH: dict[str, Any] = {"hidden_size": HIDDEN, "rungs": 2, "updates": 1200, **TRAINING}
UPDATES = 4000
SEEDS = 3


def add(commands: Any) -> None:
    """Adds the command to the parser."""
    demo = commands.add_parser(
        "demo", help="search on the text of Python's standard library, compare, report",
        description="Searches for a cell on the text of Python's standard library, trains the best "
        "one, LSTM and GRU at equal size with three seeds, and writes report.html and cell.svg.")
    demo.add_argument("--minutes", type=POSITIVE, default=2.0, metavar="M",
                      help="of search (default: %(default)g)")
    demo.add_argument("--db", default="demo.db", metavar="FILE", help="default: %(default)s")
    demo.add_argument("--seed", type=int, default=0, metavar="S")
    demo.add_argument("--seconds", type=POSITIVE, help=argparse.SUPPRESS)
    demo.add_argument("--updates", type=int, default=UPDATES, help=argparse.SUPPRESS)
    add_common(demo)
    demo.set_defaults(run=run_demo, parser=demo)


def say(text: str = "") -> None:
    """Prints at once, since a demo is watched."""
    print(text, flush=True)


def run_demo(arguments: argparse.Namespace) -> dict[str, Any]:
    """Searches, compares and reports."""
    start = time.monotonic()
    minutes = arguments.seconds / 60 if arguments.seconds else arguments.minutes
    workers = workers_from(arguments)
    corpus = Corpus.standard_library(BYTES)
    say(f"Text: the first {BYTES:,} bytes of Python's standard library, character by character "
        f"({corpus.train.size:,} to train on, {len(corpus.vocabulary)} different).")
    say(f"Search: auto, {duration(60 * minutes)} minutes, every cell as large as LSTM of "
        f"{HIDDEN}, in {arguments.db}. Ctrl-C keeps it.")
    study = searched(corpus, arguments.db, minutes, arguments.seed, workers)
    with study:
        info = study.info
        say(f"\n{info.scored_count} cells scored, {info.rejected_count} rejected before training "
            f"(duplicates, exploding), {info.failed_count} failed. Kendall's tau between the first "
            f"and the last rung: {info.tau:.2f}.")
        say("\n".join(rows_of(study.leaderboard(5), 100)))
        best, name, remark = winner(study)
        if remark:
            say(remark)
        say(f"\nThe best cell found{name} (proposal {best.id}, {best.parameters:,} parameters):\n")
        say("\n".join("  " + line for line in best.equations.split("\n")))
        comparison = compared(study, corpus, best.cell, arguments.updates, workers)
        say("\n" + comparison.text())
        say("\nThe search chose by the validation text; these losses are of the test text.")
        pathlib.Path("cell.svg").write_text(best.cell.svg(), encoding="utf-8")
        write_report("report.html", [study], comparison)
        say(f"\nWritten: report.html, cell.svg, {arguments.db}. "
            f"{duration(time.monotonic() - start)} minutes in all.")
        return {"scored": info.scored_count, "rejected": info.rejected_count,
                "best": row_json(best), "comparison": comparison.as_json()}


def searched(corpus: Corpus, db: str, minutes: float, seed: int, workers: int | None) -> Study:
    """A study that is spent; one that an earlier demo finished makes way for a new one."""
    if pathlib.Path(db).exists():
        with Study(db, read_only=True) as old:
            is_spent = old.info.seconds >= 60 * minutes - 1
        if is_spent:
            for suffix in ("", "-wal", "-shm"):
                pathlib.Path(db + suffix).unlink(missing_ok=True)
    study = Study(db, corpus, strategy="auto", minutes=minutes, seed=seed, workers=workers,
                  controls=True, **SEARCH)
    shown = LiveTable(study, sys.stderr) if sys.stderr.isatty() else Lines(study, sys.stdout)
    try:
        study.run(shown.hear)
    except KeyboardInterrupt:
        kept = study.info.scored_count
        raise KeyboardInterrupt(
            f"interrupted; {db} keeps {kept} scored cells. `rnncell demo` again carries on, "
            f"`rnncell study {db}` shows them.") from None
    finally:
        shown.close()
    return study


def winner(study: Study) -> tuple[Proposal, str, str]:
    """The best cell but LSTM and GRU, what it is if it is stock, and what did better."""
    stock = {name: row.cell for name, row in stock_cells().items()}
    better = []
    for row in study.leaderboard():
        cell = row.cell
        known = [name for name, other in stock.items() if other == cell]
        if row.strategy == CONTROL or known and known[0] in ("lstm", "gru"):
            better.append(f"{known[0] if known else 'a control'} ({row.valid_loss:.4f})")
            continue
        remark = f"\nIn the search itself {' and '.join(better)} did better." if better else ""
        return row, f", which is the stock cell {known[0]}," if known else "", remark
    return study.best, "", ""


def compared(
    study: Study, corpus: Corpus, best: Cell, updates: int, workers: int | None
) -> Comparison:
    """The best cell, LSTM and GRU at equal size."""
    parameters = LanguageModel("lstm", corpus, hidden_size=HIDDEN).parameter_count
    say(f"\nTraining it, LSTM and GRU anew: {parameters:,} parameters each, {updates:,} updates, "
        f"{SEEDS} seeds.")

    def hear(run: Run, done: int, count: int) -> None:
        say(f"  {done}/{count}  {told(run)}")

    return compare(corpus, {"found": best, "lstm": Cell.stock("lstm"), "gru": Cell.stock("gru")},
                   parameters=parameters, embedding_size=HIDDEN, seeds=SEEDS, updates=updates,
                   workers=workers, progress=hear,
                   before_test=lambda _: study.record_test(again=True), **TRAINING)
