"""The commands `search` and `study`."""
from __future__ import annotations

import argparse
import math
import shutil
import sys
import time
from typing import Any

from .._rnncell import strategy_list
from ..anatomy import warning
from ..cells import cell_from_argument
from ..files import writable
from ..studies import Proposal, Study, search, strategies
from .live import LiveTable, rows_of, summary
from .options import COUNT, POSITIVE, add_common, add_text, corpus_from, note, workers_from


def add(commands: Any) -> None:
    """Adds the commands to the parser."""
    names = strategies()
    presets = [(name, scaled, paper) for name, _, _, scaled, paper in strategy_list() if paper]
    command = commands.add_parser(
        "search", help="search for a cell that predicts a text well",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Searches for a cell that predicts a text well. The study is kept in --db: "
        "stop it at any\nmoment by q or Ctrl-C; the same command again carries on.\n\nstrategies:\n"
        + "\n".join(f"  {name:13} {text}" for name, text in names.items())
        + "\n\npresets:\n"
        + "\n".join(f"  {name:13} scaled: {scaled}\n{'':16}paper: {paper}"
                    for name, scaled, paper in presets))
    add_text(command)
    command.add_argument("--strategy", choices=tuple(names), help="default: auto")
    command.add_argument("--preset", choices=("scaled", "paper"),
                         help="sizes of what the strategy searches with (default: scaled)")
    bound = command.add_mutually_exclusive_group()
    bound.add_argument("--minutes", type=POSITIVE, metavar="M",
                       help="of all runs together (default: 5)")
    bound.add_argument("--trials", type=COUNT, metavar="N", help="cells of all runs together")
    bound.add_argument("--tokens", type=COUNT, metavar="N",
                       help="tokens trained on in all runs together")
    for name, text in (("hidden", "every cell is as large as LSTM of so many (default: 32)"),
                       ("layers", "default: 1"),
                       ("embedding", "embedding size (default: as hidden)"),
                       ("workers", "cells trained at a time, one thread each"),
                       ("batch", "default: 32"), ("truncation", "default: 35"),
                       ("rungs", "levels of successive halving (default: 3)"),
                       ("updates", "of training up to the last rung"),
                       ("parameters", "of every model (default: as with LSTM of --hidden)"),
                       ("max-nodes", "operations and maps of a cell"),
                       ("max-depth", "operations on the longest way through a cell"),
                       ("max-matrices", "of a cell"), ("max-states", "of a cell"),
                       ("max-blocks", "of a block-diagonal map (default: none are made)")):
        command.add_argument(f"--{name}", type=COUNT, metavar="N", help=text)
    command.add_argument("--learning-rate", "--lr", type=POSITIVE, metavar="RATE",
                         help="of adam (default: 0.002)")
    command.add_argument("--operations", metavar="NAMES", type=lambda text: text.split(","),
                         help="that cells may use, with commas between (default: all)")
    command.add_argument("--start", metavar="CELL", action="append",
                         help="a cell to start from: a name, a file or equations; may be repeated")
    command.add_argument("--target", type=float, metavar="LOSS",
                         help="stop at this validation loss")
    command.add_argument("--front", action="store_true",
                         help="search for a front of loss and seconds of a step, not the loss alone")
    command.add_argument("--mixed-layers", action="store_true",
                         help="the layers may have different cells (evolution)")
    command.add_argument("--direct-input", action="store_true",
                         help="x may meet states without a matrix, as in x + linear(h)")
    command.add_argument("--db", type=writable, default="study.db", metavar="FILE",
                         help="the study (default: %(default)s)")
    command.add_argument("--seed", type=int, default=0, metavar="S")
    command.add_argument("--deterministic", action="store_true",
                         help="scores count in the order of proposals, so that a run repeats")
    command.add_argument("--no-controls", action="store_true",
                         help="do not measure LSTM and GRU too")
    command.add_argument("--report", type=writable, metavar="FILE.html", help="write the report")
    add_common(command)
    command.set_defaults(run=run_search, parser=command)

    study = commands.add_parser(
        "study", help="what a study holds, also while it runs",
        description="Shows what a study holds, also while another process runs it.")
    study.add_argument("files", nargs="+", metavar="FILE",
                       help="a study; further ones are shown beside it in the report")
    study.add_argument("--report", type=writable, metavar="FILE.html", help="write the report")
    study.add_argument("--csv", type=writable, metavar="FILE", help="write all proposals")
    study.add_argument("--watch", action="store_true", help="follow it until q or Ctrl-C")
    study.add_argument("--top", type=COUNT, default=10, metavar="N",
                       help="cells to show (default: %(default)s)")
    add_common(study)
    study.set_defaults(run=run_study, parser=study)


def study_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options for a Study."""
    return {
        "strategy": arguments.strategy, "seed": arguments.seed, "layers": arguments.layers,
        "embedding_size": arguments.embedding, "workers": workers_from(arguments),
        "batch_size": arguments.batch, "truncation": arguments.truncation,
        "rungs": arguments.rungs, "updates": arguments.updates,
        "learning_rate": arguments.learning_rate, "deterministic": arguments.deterministic,
        "parameters": arguments.parameters, "max_nodes": arguments.max_nodes,
        "max_depth": arguments.max_depth, "max_matrices": arguments.max_matrices,
        "max_states": arguments.max_states, "max_blocks": arguments.max_blocks,
        "operations": arguments.operations,
        "start": arguments.start and [cell_from_argument(text) for text in arguments.start],
        "target": arguments.target, "front": arguments.front,
        "preset": arguments.preset, "mixed_layers": arguments.mixed_layers,
        "direct_input": arguments.direct_input}


def run_search(arguments: argparse.Namespace) -> dict[str, Any]:
    """Searches, then prints the best cells."""
    corpus = corpus_from(arguments)
    is_bound = arguments.minutes or arguments.trials or arguments.tokens
    minutes = arguments.minutes if is_bound else 5.0
    try:
        study = search(
            corpus, minutes=minutes, trials=arguments.trials, tokens=arguments.tokens, db=arguments.db,
            hidden_size=arguments.hidden or 32, controls=not arguments.no_controls,
            **study_options(arguments))
    except KeyboardInterrupt as interrupt:
        kept = getattr(interrupt, "study", None)
        if kept is None:
            raise
        print_study(kept, 5)
        raise KeyboardInterrupt(
            f"interrupted; {arguments.db} keeps {kept.info.scored_count} scored cells. The same "
            "command again carries on.") from None
    with study:
        print_study(study, 5)
        if arguments.report:
            study.report(arguments.report)
        note(f"\n{arguments.db} keeps the study: `rnncell study {arguments.db} --report report.html` draws "
             f"it, `rnncell finalists {arguments.db} TEXT` trains the best anew and tests them")
        return described(study, 10)


def run_study(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prints what a study holds."""
    if arguments.watch:
        if not sys.stderr.isatty():
            arguments.parser.error("--watch needs a terminal")
        watch(arguments.files[0])
    studies = [Study(path, read_only=True) for path in arguments.files]
    study = studies[0]
    print_study(study, arguments.top)
    if arguments.report:
        study.report(arguments.report, others=studies[1:])
    if arguments.csv:
        with open(arguments.csv, "w", newline="", encoding="utf-8") as file:
            study.csv(file)
    result = described(study, arguments.top)
    for one in studies:
        one.close()
    return result


def watch(path: str) -> None:
    """Follows a study that another process runs, until `q` or Ctrl-C."""
    table: LiveTable | None = None
    try:
        while True:
            with Study(path, read_only=True) as study:
                table = table or LiveTable(study, sys.stderr)
                if table.show(study):
                    return
            time.sleep(1)
    except KeyboardInterrupt:
        return
    finally:
        if table:
            table.close(draws=False)


def print_study(study: Study, count: int) -> None:
    """The numbers of a study, its best cells, and the equations of the best."""
    info = study.info
    print(summary(info, None, None))
    if math.isfinite(info.tau):
        print(f"Kendall's tau between the first and the last rung: {info.tau:.2f}")
    if remark := warning(study):
        print(f"Warning: {remark}.")
    rows = study.leaderboard(count)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    print("\n".join(rows_of(rows, width)))
    found = [row for row in study.leaderboard() if row.strategy != "control"]
    if found:
        print(f"\nThe best cell found (loss {found[0].valid_loss:.4f}):")
        print("\n".join("  " + line for line in found[0].equations.split("\n")))


def described(study: Study, count: int) -> dict[str, Any]:
    """A study for JSON."""
    info = {name: _plain(value) for name, value in study.info._asdict().items()}
    return {**info, "leaderboard": [row_json(row) for row in study.leaderboard(count)]}


def row_json(row: Proposal) -> dict[str, Any]:
    """A proposal for JSON."""
    return {name: _plain(value) for name, value in row._asdict().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
