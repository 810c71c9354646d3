"""Files that are written whole or not at all."""
from __future__ import annotations

import contextlib
import csv
import io
import os
import stat
from collections.abc import Iterable, Sequence

Path = str | os.PathLike[str]


def write_whole(path: Path, text: str) -> None:
    """Writes a text so that a reader sees the old file or all of the new one.

    It is written beside the file, whose name it then takes; a symbolic link still leads to it. A device or
    a pipe, such as /dev/stdout, is written to as it is, never replaced.
    """
    path = os.fsdecode(path)
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "w", encoding="utf-8", newline="") as device:
                device.write(text)
            return
    target = os.path.realpath(path)
    part = f"{target}.{os.getpid()}.partial"
    try:
        with open(part, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.replace(part, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise


def write_csv(path: Path, heading: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Writes a table as comma-separated values."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(heading)
    writer.writerows(rows)
    write_whole(path, text.getvalue())
