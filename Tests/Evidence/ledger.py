"""The ledger: tables of measured rows, each with the command that makes it again."""
from __future__ import annotations

import csv
import fcntl
import pathlib
import subprocess
from collections.abc import Mapping
from typing import Any

import rnncell

FOLDER = pathlib.Path(__file__).parent
# The key of each table, then its figures. A row that is there is never measured again.
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "search": (("protocol", "strategy", "seed"),
               ("tokens", "seconds", "proposals", "trained", "duplicates", "exploded", "stages",
                "best_loss", "curve", "tau", "winner")),
    "headline": (("protocol", "seed", "part"),
                 ("tokens", "core_seconds", "scored", "tau", "best_loss", "cells")),
    "full": (("protocol", "seed", "proposal"), ("cell", "losses", "seconds")),
    "grid": (("protocol", "cell"), ("losses", "hidden", "parameters", "seconds")),
    "rates": (("protocol", "cell", "rate"),
              ("hidden", "parameters", "valid_loss", "tokens", "seconds")),
    "final": (("protocol", "cell", "seed"),
              ("learning_rate", "hidden", "parameters", "valid_loss", "tokens", "seconds")),
    "test": (("protocol", "cell", "seed"), ("learning_rate", "valid_loss", "test_loss")),
    "ablation": (("protocol", "cell", "part", "seed"),
                 ("learning_rate", "valid_loss", "part_losses", "seconds")),
    "curve": (("protocol", "cell"), ("points", "valid_loss", "seconds")),
    "cheap": (("protocol", "strategy", "seed"), ("losses",)),
    "sanity": (("protocol", "cell"), ("updates", "losses", "valid_loss", "seconds")),
    "task": (("task", "cell", "seed"), ("metric", "score", "valid", "seconds")),
}
COMMON = ("version", "command")


def one_line(cell: rnncell.Cell) -> str:
    """The equations of a cell as a table keeps them."""
    return cell.equations.strip().replace("\n", "; ")


def cell_of(text: str) -> rnncell.Cell:
    """A stock name or `one_line` as a cell."""
    return rnncell.Cell("\n".join(text.split("; "))) if "'" in text else rnncell.Cell.stock(text)


def version() -> str:
    """Of the library, with the commit that it was built from where there is one."""
    commit = subprocess.run(
        ["git", "-C", str(FOLDER), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return f"{rnncell.__version__} {commit.stdout.strip()}".strip()


def foreign_files() -> list[str]:
    """Files of the installed package that are not those of this checkout, whose commit every row names."""
    installed, source = pathlib.Path(rnncell.__file__).parent, FOLDER.parents[1] / "Bindings/Python/rnncell"
    pairs = [(path, source / path.relative_to(installed)) for path in installed.rglob("*.py")]
    pairs.append((installed / "librnncell.so.1", FOLDER.parents[1] / "build/lib/librnncell.so.1"))
    return sorted(path.name for path, own in pairs
                  if not own.exists() or path.read_bytes() != own.read_bytes())


class Table:
    """One CSV file, to which rows are only ever added."""

    def __init__(self, name: str, folder: pathlib.Path = FOLDER) -> None:
        self.name = name
        self.keys, self.figures = TABLES[name]
        self.path = folder / f"{name}.csv"

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in order."""
        return (*self.keys, *self.figures, *COMMON)

    def rows(self) -> list[dict[str, str]]:
        """All rows."""
        if not self.path.exists():
            return []
        with open(self.path, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def find(self, **key: object) -> dict[str, str] | None:
        """The row with a key."""
        wanted = {name: str(value) for name, value in key.items()}
        return next((row for row in self.rows()
                     if all(row[name] == value for name, value in wanted.items())), None)

    def append(self, row: Mapping[str, Any]) -> None:
        """Adds a row, whole, whoever else writes; one that is there already is left alone."""
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if self.find(**{name: row[name] for name in self.keys}):
                return
            writer = csv.DictWriter(file, self.columns)
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow({"version": version(), **row})
            file.flush()
