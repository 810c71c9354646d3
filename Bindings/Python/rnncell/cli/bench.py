"""The command `bench`."""
from __future__ import annotations

import argparse
import os
from typing import Any

from .. import __version__, build_info
from .._rnncell import InvalidArgumentError
from ..cells import cell_from_argument
from .options import COUNT, add_common, note

PEERS = ("torch", "jax", "onnxruntime")
SECTIONS = ("layers", "random", "first", "model", "search", "memory", "growth", "lengths",
            "costs", "threads")


def add(commands: Any) -> None:
    """Adds the command to the parser."""
    bench = commands.add_parser(
        "bench", help="our speed beside PyTorch, JAX and onnxruntime on this machine",
        description="Times cells here and in the libraries that are installed, in turns, after "
        "checking that all compute the same numbers. A ratio above 1 says that we are faster than "
        "the fastest of the others.")
    bench.add_argument("--cell", metavar="CELL",
                       help="only this cell: a stock name, a file, or equations with ; between")
    bench.add_argument("--against", metavar="LIST", default=",".join(PEERS),
                       help="libraries, with commas between (default: %(default)s)")
    bench.add_argument("--only", metavar="LIST",
                       help=f"sections, with commas between: {', '.join(SECTIONS)}")
    bench.add_argument("--rounds", type=COUNT, metavar="N",
                       help="samples of each contender; their median counts (default: 15)")
    bench.add_argument("--quick", action="store_true",
                       help="5 rounds, fewer cells, and no torch.compile, which takes minutes")
    bench.add_argument("--list", action="store_true", help="say what would be timed, and end")
    add_common(bench)
    bench.set_defaults(run=run_bench, parser=bench)


def chosen(arguments: argparse.Namespace, option: str, known: tuple[str, ...]) -> list[str]:
    """The items of an option that is a list."""
    given = getattr(arguments, option)
    if given is None:
        return list(known)
    names = [name.strip() for name in given.split(",") if name.strip()]
    for name in names:
        if name not in known:
            arguments.parser.error(f"--{option} {name}: there are {', '.join(known)}")
    return names


def run_bench(arguments: argparse.Namespace) -> dict[str, Any]:
    """Times and prints; gives everything for --json."""
    against = chosen(arguments, "against", PEERS)
    sections = chosen(arguments, "only", SECTIONS)
    threads = arguments.threads or build_info()["threads"]
    rounds = arguments.rounds or (5 if arguments.quick else 15)
    from ..bench.peers import environment
    os.environ.update(environment(threads))
    try:
        import numpy  # noqa: F401
    except ImportError:
        raise InvalidArgumentError(
            "bench needs NumPy, which is not installed; pip install numpy") from None
    from ..bench.suite import Suite
    cell = cell_from_argument(arguments.cell).equations if arguments.cell else None
    suite = Suite(sections, cell, threads, rounds, quick=arguments.quick)
    if arguments.list:
        titles = suite.titles()
        if not arguments.json:
            print("\n".join(titles))
        return {"rows": titles}
    return suite.run(against, version=__version__, say=_silent if arguments.json else _say,
                     hint=note)


def _say(text: str) -> None:
    print(text, flush=True)


def _silent(text: str) -> None:
    """With --json the last line is all that goes to standard output."""
