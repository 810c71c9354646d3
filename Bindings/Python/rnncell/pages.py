"""Parts of which the report's pages are made."""
from __future__ import annotations

import base64
import html
import math

from ._rnncell import Error
from .cells import Cell


def number(value: float, form: str) -> str:
    """A number, or a dash for one that is not known."""
    return format(value, form) if math.isfinite(value) else "-"


def duration(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def picture(cell: Cell) -> str:
    """The drawing as an image, so that the names inside of one do not meet those of another."""
    try:
        data = base64.b64encode(cell.svg().encode()).decode()
    except Error as error:
        return f'<p class="none">{html.escape(str(error))}</p>\n'
    return f'<img alt="graph of the cell" src="data:image/svg+xml;base64,{data}">\n'


def table(heads: list[str], rows: list[list[str]], text: set[int]) -> str:
    """A table whose columns in `text` are not numbers."""
    def row(tag: str, cells: list[str]) -> str:
        inner = "".join(f'<{tag}{" class=text" * (place in text)}>{cell}</{tag}>'
                        for place, cell in enumerate(cells))
        return f"<tr>{inner}</tr>"
    body = "\n".join(row("td", cells) for cells in rows)
    return (f'<div class="scroll"><table>\n<thead>{row("th", heads)}</thead>\n'
            f"<tbody>{body}</tbody></table></div>")
