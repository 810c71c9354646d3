"""Measures what the README claims of searches: units of some minutes each, until none is left.

    python Tests/Evidence/run.py DATA [--only search,grid,final] [--strategies auto,random]
                                 [--protocols C,W] [--minutes M] [--workers 2]
    python Tests/Evidence/run.py DATA --unit search protocol='C' strategy='auto' seed=0

DATA is a folder with ptb.train.txt, ptb.valid.txt and ptb.test.txt. Rows that the tables beside this
file have are skipped, so that it can be stopped at any time and run again. Budgets are counted in
trained tokens: what else the machine does changes nothing.
"""
from __future__ import annotations

import argparse
import ast
import concurrent.futures
import os
import pathlib
import sys
import time

import rnncell
from headline import LONG
from ledger import TABLES, foreign_files
from plan import pending
from protocols import PROTOCOLS
from units import FUNCTIONS, Unit, measure


def main() -> int:
    """Runs units until the time is up or nothing is left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, metavar="DATA")
    parser.add_argument("--only", default=",".join(FUNCTIONS), metavar="TABLES")
    parser.add_argument("--strategies", default=",".join(rnncell.strategies()), metavar="NAMES")
    parser.add_argument("--protocols", metavar="NAMES", help="of these alone: C, W, CW, W-dropout, JSB")
    parser.add_argument("--minutes", type=float, default=1e9, metavar="M",
                        help="begin no unit later than this")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N",
                        help="units at a time, one thread each")
    parser.add_argument("--unit", nargs="+", metavar="WORD", help="one row: its table and key")
    arguments = parser.parse_args()
    only, strategies = set(arguments.only.split(",")), set(arguments.strategies.split(","))
    protocols = set(arguments.protocols.split(",")) if arguments.protocols else None
    for given, known in ((only, FUNCTIONS), (strategies, rnncell.strategies()),
                         (protocols, {**PROTOCOLS, **LONG})):
        if unknown := sorted((given or set()) - set(known)):
            parser.error(f"there is no {unknown[0]!r}; there are {', '.join(known)}")
    if not (arguments.data / "ptb.train.txt").exists():
        parser.error(f"{arguments.data} has no ptb.train.txt; name the folder of the Penn Treebank "
                     "files ptb.train.txt, ptb.valid.txt and ptb.test.txt (Mikolov's version)")
    if foreign := foreign_files():
        parser.error(f"the installed package is not that of this checkout, whose commit every row names: "
                     f"{foreign[0]} differs; run `make python`")
    if arguments.unit:
        table, *words = arguments.unit
        pairs = [word.split("=", 1) for word in words]
        key = {name: ast.literal_eval(value) if value[:1] in "'\"" or value.isdigit() else value
               for name, value in pairs}
        measure(Unit(table, {name: key[name] for name in TABLES[table][0]}), arguments.data)
        return 0
    end = time.monotonic() + 60 * arguments.minutes
    running: dict[concurrent.futures.Future[None], Unit] = {}
    failed: list[Unit] = []
    with concurrent.futures.ProcessPoolExecutor(arguments.workers) as pool:
        while True:
            if time.monotonic() < end:
                for unit in pending(arguments.data, only, strategies, protocols):
                    if len(running) >= arguments.workers:
                        break
                    if unit not in failed and unit not in running.values():
                        running[pool.submit(measure, unit, arguments.data)] = unit
            if not running:
                return 1 if failed else 0
            done, _ = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                unit = running.pop(future)
                error = future.exception()
                if error is not None:
                    failed.append(unit)
                print(time.strftime("%H:%M"), unit.text,
                      "" if error is None else f"failed: {error}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
