"""The Python of README.md runs as printed, and its table of the language is whole."""
import pathlib
import re

import pytest
import rnncell

README = pathlib.Path(__file__).parents[2] / "README.md"


def test_the_python_blocks_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        exec(compile(block, str(README), "exec"), {})
    assert (tmp_path / "cell.svg").stat().st_size > 0
    assert (tmp_path / "report.html").stat().st_size > 0


def test_every_form_of_the_language_is_in_readme_header_and_help():
    with pytest.raises(rnncell.ParseError) as raised:
        rnncell.Cell("h' = nonsense_q(x)")
    names = str(raised.value).split("there are ")[1].split(", ")
    signs = {"add": "a + b", "subtract": "a - b", "multiply": "a * b", "divide": "a / b", "negate": "-a"}
    header = (README.parent / "Include/rnncell.h").read_text().split("typedef struct rnncell_cell ")[1]
    section = README.read_text().split("### The language")[1]
    for text in section, header.split("rnncell_cell_parse")[0], rnncell.Cell.__doc__:
        assert [name for name in names if not re.search(
            re.escape(signs[name]) if name in signs else rf"\b{name}\b", text.split("\n## ")[0])] == []
