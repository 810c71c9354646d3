"""The commands `show` and `stock`."""
from __future__ import annotations

import argparse
import json
import pathlib
from typing import Any

from ..cells import Cell, cell_from_argument, loaded, stock_cells
from ..exports import FORMS as FORMS_OF_EXPORT
from ..files import writable
from .options import COUNT, add_common

FORMS = ("equations", "svg", "dot", "latex", "torch", "jax", "c", "genotype", "arc", "recipe",
         "dsl", "tree")


def add(commands: Any) -> None:
    """Adds the commands to the parser."""
    show = commands.add_parser(
        "show", help="a cell as equations, picture or the notation of another program",
        description="Shows a cell. CELL is a stock name, a file, or equations with ; between.")
    show.add_argument("cell", metavar="CELL")
    show.add_argument("--as", dest="form", choices=FORMS, default="equations",
                      help="default: %(default)s")
    add_common(show)
    show.set_defaults(run=run_show, parser=show)

    export = commands.add_parser(
        "export", help="a model as a program for others to run",
        description="Writes a model as a program of its own: ONNX, one C99 file with the weights, or source "
        "for PyTorch or JAX, which reads the model's own file.")
    export.add_argument("model", metavar="MODEL", help="a file that train --save, or save, wrote")
    export.add_argument("file", type=writable, metavar="FILE")
    export.add_argument("--to", choices=tuple(FORMS_OF_EXPORT),
                        help="default: by the ending .onnx, .c or .py (torch)")
    add_common(export)
    export.set_defaults(run=run_export, parser=export)

    stock = commands.add_parser("stock", help="every stock cell with its source and size",
                                description="Lists the stock cells with their sizes and sources.")
    stock.add_argument("--size", type=COUNT, default=200, metavar="N",
                       help="of input and hidden state, for the parameters (default: %(default)s)")
    stock.add_argument("--gallery", type=writable, metavar="FILE",
                       help="write a page that draws them all, or .md")
    add_common(stock)
    stock.set_defaults(run=run_stock, parser=stock)


def shown(cell: Cell, form: str) -> str:
    """A cell in a form of the command line."""
    if form == "genotype":
        return repr(cell.genotype())
    if form == "recipe":
        return json.dumps(cell.recipe())
    if form in ("torch", "jax", "c"):
        return cell.code(form)
    if form == "arc":
        return " ".join(str(number) for number in cell.arc())
    return {"equations": lambda: cell.equations, "svg": cell.svg, "dot": cell.dot,
            "latex": cell.latex, "dsl": cell.dsl, "tree": cell.tree}[form]()


def run_show(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prints a cell."""
    cell = cell_from_argument(arguments.cell)
    text = shown(cell, arguments.form)
    print(text.rstrip("\n"))
    return {"form": arguments.form, "text": text, "states": cell.states, "digest": cell.digest}


def run_export(arguments: argparse.Namespace) -> dict[str, Any]:
    """Writes a model for others."""
    model = loaded(arguments.model)
    model.export(arguments.file, arguments.to)
    size = pathlib.Path(arguments.file).stat().st_size
    print(f"{arguments.file}  {size:,} bytes")
    return {"file": arguments.file, "bytes": size}


def run_stock(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prints a line for each stock cell."""
    size = arguments.size
    if arguments.gallery:
        from ..gallery import gallery_html, gallery_markdown
        make = gallery_markdown if arguments.gallery.endswith(".md") else gallery_html
        pathlib.Path(arguments.gallery).write_text(make(size), encoding="utf-8")
    rows: list[dict[str, Any]] = []
    for name, stock in stock_cells().items():
        rows.append({
            "name": name, "parameters": stock.cell.parameter_count(size, size),
            "states": stock.cell.states, "source": stock.source, "notes": stock.notes,
            "equations": stock.equations})
    width = max(len(row["name"]) for row in rows)
    print(f"{'name':{width}}  parameters at {size}  states  source")
    for row in rows:
        print(f"{row['name']:{width}}  {row['parameters']:{14 + len(str(size))},}  "
              f"{' '.join(row['states']):6}  {row['source']}")
    return {"size": size, "cells": rows}
