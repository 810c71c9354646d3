"""The commands `finalists` and `ablate`."""
from __future__ import annotations

import argparse
import pathlib
from typing import Any

from .._rnncell import StateError
from ..ablation import ablate, text_of
from ..cells import cell_from_argument
from ..comparison import equations_of
from ..files import writable
from ..studies import Study
from .models import told
from .options import (
    COUNT, add_common, add_size, add_text, add_training, corpus_from, note, rates, training_from,
    workers_from,
)


def add(commands: Any) -> None:
    """Adds the commands to the parser."""
    finalists = commands.add_parser(
        "finalists", help="the best cells of a study against rivals, tested once",
        description="Trains the best cells of a study and the rivals anew: as many parameters, the same "
        "seeds, each at its best learning rate. Then reads the test text, once, which the study records. "
        "The same command again carries on.")
    finalists.add_argument("db", metavar="STUDY")
    add_text(finalists)
    finalists.add_argument("--count", type=COUNT, default=3, metavar="N",
                           help="cells of the leaderboard (default: %(default)s)")
    finalists.add_argument("--rivals", default="lstm,gru", metavar="A,B,...",
                           help="stock names or files (default: %(default)s)")
    finalists.add_argument("--seeds", type=COUNT, default=5, metavar="N",
                           help="how many (default: %(default)s)")
    finalists.add_argument("--learning-rates", type=rates, default=[0.0015, 0.003, 0.006],
                           metavar="A,B,...", help="tried for each cell (default: 0.0015,0.003,0.006)")
    for name, text in (("epochs", "of a training (default: 4)"), ("updates", "in place of --epochs"),
                       ("batch", "default: as in the search"),
                       ("truncation", "default: as in the search"),
                       ("parameters", "of each model (default: as in the search)"),
                       ("workers", "models trained at a time, one thread each")):
        finalists.add_argument(f"--{name}", type=COUNT, metavar="N", help=text)
    finalists.add_argument("--save", type=writable, metavar="FILE",
                           help="what is kept (default: STUDY's name with .finalists.json)")
    finalists.add_argument("--again", action="store_true",
                           help="read the test text although it was read before")
    finalists.add_argument("--report", type=writable, metavar="FILE.html", help="write the report")
    add_common(finalists)
    finalists.set_defaults(run=run_finalists, parser=finalists)

    command = commands.add_parser(
        "ablate", help="what each part of a cell contributes",
        description="Trains a cell, and the same without one part for each of its parts, at equal size, "
        "and says what the validation loss rises without it. Of a study, batch and truncation are as in the "
        "search and epochs 4, unless they are given. The same command again carries on.")
    command.add_argument("cell", metavar="CELL", help="a study, whose winner is meant, or a cell: a stock "
                         "name, a file, or equations")
    add_text(command)
    command.add_argument("--seeds", type=COUNT, default=3, metavar="N",
                         help="how many (default: %(default)s)")
    add_size(command, "as in the study, or --hidden 64")
    command.add_argument("--workers", type=COUNT, metavar="N",
                         help="models trained at a time, one thread each")
    add_training(command)
    command.add_argument("--save", type=writable, metavar="FILE", help="what is kept (default: the study's "
                         "name with .ablation.json, or ablation.json)")
    add_common(command)
    command.set_defaults(run=run_ablate, parser=command)


def run_finalists(arguments: argparse.Namespace) -> dict[str, Any]:
    """Trains the best cells of a study beside rivals and prints what is shown."""
    corpus = corpus_from(arguments)
    if not pathlib.Path(arguments.db).exists():
        raise StateError(f"there is no study {arguments.db}; `rnncell search --db` makes one")
    with Study(arguments.db) as study:
        try:
            comparison = study.finalists(
                arguments.count, seeds=arguments.seeds, rivals=arguments.rivals.split(","),
                learning_rates=arguments.learning_rates, corpus=corpus, save=arguments.save,
                again=arguments.again, epochs=arguments.epochs, updates=arguments.updates,
                batch_size=arguments.batch, truncation=arguments.truncation,
                parameters=arguments.parameters, workers=workers_from(arguments),
                progress=lambda row, done, count: note(f"{done}/{count}  {told(row)}"))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "interrupted; what was trained is kept, the same command carries on") from None
        for name in comparison.cells:
            if name in comparison.finalists:
                print(f"{name}:\n" + "\n".join(
                    "  " + line for line in equations_of(comparison.cells[name]).split("\n")))
        print(comparison.text())
        if arguments.report:
            study.report(arguments.report, comparison=comparison)
    return comparison.as_json()


def run_ablate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prints what each part of a cell contributes."""
    corpus = corpus_from(arguments)
    options = training_from(arguments)
    options.update(seeds=arguments.seeds, workers=workers_from(arguments),
                   parameters=arguments.parameters, hidden_size=arguments.hidden,
                   progress=lambda row, done, count: note(f"{done}/{count}  {told(row)}"))
    path = pathlib.Path(arguments.cell)
    if path.is_file() and path.read_bytes()[:6] == b"SQLite":
        with Study(arguments.cell, read_only=True) as study:
            comparison = study.ablation(corpus=corpus, save=arguments.save, **options)
    else:
        comparison = ablate(corpus, cell_from_argument(arguments.cell),
                            save=arguments.save or "ablation.json", resume=True, **options)
    print(text_of(comparison))
    return comparison.as_json()
