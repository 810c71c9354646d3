"""The command `demo`: a search on the standard library's text, and what it is worth."""
from __future__ import annotations

import argparse
import pathlib
import sys
import time
from typing import Any

from ..cells import Cell
from ..comparison import Comparison, Run, Trial
from ..corpora import Corpus
from ..files import writable
from ..finalists import FINALISTS as FINALISTS_FILE
from ..models import LanguageModel
from ..report import write_report
from ..studies import Study
from .live import Lines, LiveTable, duration, rows_of
from .models import told
from .options import POSITIVE, add_common, workers_from

# Small enough that two cores score over two hundred cells in two minutes. Of a quarter of the text the
# test part would be a few files that are not like the others.
BYTES = 4_000_000
HIDDEN = 32
TRAINING: dict[str, Any] = {"batch_size": 16, "truncation": 25, "learning_rate": 0.004}
SEARCH: dict[str, Any] = {"hidden_size": HIDDEN, "rungs": 3, **TRAINING}
# Of a final training; a search trains up to nine tenths of it.
UPDATES = 12_000
FINALISTS = 3
SEEDS = 5
RATES = (0.002, 0.004, 0.008)
REPORT, DRAWING = "report.html", "cell.svg"


def add(commands: Any) -> None:
    """Adds the command to the parser."""
    demo = commands.add_parser(
        "demo", help="search on the text of Python's standard library, compare, report",
        description="Searches for a cell on the text of Python's standard library, trains the best "
        f"{FINALISTS}, LSTM and GRU at equal size with {SEEDS} seeds, and writes {REPORT} and {DRAWING}.")
    demo.add_argument("--minutes", type=POSITIVE, default=2.0, metavar="M",
                      help="of search (default: %(default)g)")
    demo.add_argument("--db", type=writable, default="demo.db", metavar="FILE", help="default: %(default)s")
    demo.add_argument("--seed", type=int, default=0, metavar="S")
    demo.add_argument("--trials", type=int, help=argparse.SUPPRESS)
    demo.add_argument("--updates", type=int, default=UPDATES, help=argparse.SUPPRESS)
    add_common(demo)
    demo.set_defaults(run=run_demo, parser=demo)


def say(text: str = "") -> None:
    """Prints at once, since a demo is watched."""
    print(text, flush=True)


def run_demo(arguments: argparse.Namespace) -> dict[str, Any]:
    """Searches, compares and reports."""
    start = time.monotonic()
    for path in (REPORT, DRAWING):
        writable(path)
    minutes = arguments.minutes
    workers = workers_from(arguments)
    corpus = Corpus.standard_library(BYTES)
    say(f"Text: the first {BYTES:,} bytes of Python's standard library, character by character "
        f"({corpus.train.size:,} to train on, {len(corpus.vocabulary)} different).")
    say(f"Search: auto, {duration(60 * minutes)} minutes, every cell as large as LSTM of "
        f"{HIDDEN}, in {arguments.db}. Ctrl-C keeps it.")
    with searched(corpus, arguments, workers) as study:
        info = study.info
        say(f"\n{info.scored_count} cells scored, {info.rejected_count} rejected before training "
            f"(duplicates, exploding), {info.failed_count} failed. Kendall's tau between the first "
            f"and the last rung: {info.tau:.2f}.")
        say("\n".join(rows_of(study.leaderboard(5), 100)))
        comparison = compared(study, corpus, arguments.updates, workers)
        name, best = next(iter(comparison.cells.items()))
        assert isinstance(best, Cell), "a demo has one layer"
        say(f"\nThe best by the validation text is {name}:\n")
        say("\n".join("  " + line for line in best.equations.split("\n")))
        say("\n" + comparison.text())
        say("\nCells and learning rates were chosen by the validation text; these losses are of the "
            "test text.")
        pathlib.Path(DRAWING).write_text(best.svg(), encoding="utf-8")
        write_report(REPORT, [study], comparison)
        say(f"\nWritten: {REPORT}, {DRAWING}, {arguments.db}. "
            f"{duration(time.monotonic() - start)} minutes in all.")
        return {"scored": info.scored_count, "rejected": info.rejected_count, "best": name,
                "equations": best.equations, "comparison": comparison.as_json()}


def searched(corpus: Corpus, arguments: argparse.Namespace, workers: int | None) -> Study:
    """A study that is spent; one that an earlier demo finished makes way for a new one."""
    db, minutes = arguments.db, arguments.minutes
    if pathlib.Path(db).exists():
        with Study(db, read_only=True) as old:
            is_spent = old.info.seconds >= 60 * minutes - 1
        if is_spent:
            for suffix in ("", "-wal", "-shm"):
                pathlib.Path(db + suffix).unlink(missing_ok=True)
    # What was compared before were other finalists.
    pathlib.Path(db).with_suffix(FINALISTS_FILE).unlink(missing_ok=True)
    study = Study(db, corpus, strategy="auto", minutes=minutes, trials=arguments.trials,
                  seed=arguments.seed, workers=workers, controls=True,
                  updates=arguments.updates * 9 // 10, **SEARCH)
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


def compared(study: Study, corpus: Corpus, updates: int, workers: int | None) -> Comparison:
    """The best cells found, LSTM and GRU at equal size, each at its best learning rate."""
    parameters = LanguageModel("lstm", corpus, hidden_size=HIDDEN).parameter_count
    say(f"\nTraining the best {FINALISTS}, LSTM and GRU anew: {parameters:,} parameters each, {updates:,} "
        f"updates, {SEEDS} seeds, each cell at the best of the learning rates "
        f"{', '.join(map(str, RATES))}.")

    def hear(row: Trial | Run, done: int, count: int) -> None:
        say(f"  {done}/{count}  {told(row)}")

    return study.finalists(FINALISTS, seeds=SEEDS, learning_rates=RATES, updates=updates,
                           grid_share=1, workers=workers, progress=hear, again=True)
