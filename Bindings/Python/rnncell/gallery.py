"""All stock cells on a page: drawings, equations, sizes, sources."""
from __future__ import annotations

import html
import importlib.resources

from .cells import StockCell, stock_cells
from .pages import picture


def _size(stock: StockCell, size: int) -> str:
    return f"{stock.cell.parameter_count(size, size):,} parameters at {size}"


def gallery_html(size: int = 200) -> str:
    """A page that stands by itself, with a drawing of each cell."""
    names = "".join(f'<a href="#{name}">{name}</a> ' for name in stock_cells())
    parts = [f"<p>{names}</p>"]
    for name, stock in stock_cells().items():
        notes = f"<p>{html.escape(stock.notes)}</p>" if stock.notes else ""
        parts.append(
            f'<section id="{name}"><h2>{name}</h2><p>{html.escape(stock.source)}; states '
            f"{' '.join(stock.cell.states)}; {_size(stock, size)}.</p>{notes}"
            f"<pre>{html.escape(stock.equations)}</pre>{picture(stock.cell)}</section>")
    style = (importlib.resources.files("rnncell") / "report.css").read_text(encoding="utf-8")
    return ("<!doctype html>\n<html lang=en><head><meta charset=utf-8><title>Stock cells of rnncell</title>"
            f"<style>\n{style}</style></head>\n<body><h1>Stock cells</h1>\n" + "\n".join(parts)
            + "\n</body></html>\n")


def gallery_markdown(size: int = 200) -> str:
    """The same without drawings, for a README."""
    parts = ["# Stock cells", "",
             "Published cells by name: `rnncell.Cell.stock(\"lstm\")`, `rnncell_cell_stock(&cell, \"lstm\")`. Each "
             "is a file of this folder, held to an independent implementation by the tests. "
             "`rnncell stock --gallery FILE.html` draws them.", ""]
    for name, stock in stock_cells().items():
        parts += [f"## {name}", "", f"{stock.source}. {_size(stock, size)}.", ""]
        if stock.notes:
            parts += [stock.notes, ""]
        parts += ["```", stock.equations, "```", ""]
    return "\n".join(parts)
