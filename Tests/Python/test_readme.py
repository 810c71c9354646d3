"""The Python of README.md runs as printed."""
import pathlib
import re

README = pathlib.Path(__file__).parents[2] / "README.md"


def test_the_python_blocks_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        exec(compile(block, str(README), "exec"), {})
    assert (tmp_path / "cell.svg").stat().st_size > 0
    assert (tmp_path / "report.html").stat().st_size > 0
