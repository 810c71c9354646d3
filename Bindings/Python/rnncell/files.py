"""Files that are written whole or not at all."""
from __future__ import annotations

import contextlib
import csv
import io
import os
import stat
from collections.abc import Iterable, Sequence

from ._rnncell import FileError

Path = str | os.PathLike[str]


def writable(path: Path) -> Path:
    """The path, if a file can be written there; FileError otherwise, before any work is done for it."""
    name = os.fsdecode(path)
    if os.path.isdir(name):
        raise FileError(f"cannot write {name!r}: it is a folder; name a file in it")
    if os.path.exists(name) and not os.path.isfile(name):
        return path  # a device or a pipe, which need not be in a folder that can be written to
    folder = os.path.dirname(os.path.realpath(name))
    if not os.path.isdir(folder):
        raise FileError(f"cannot write {name!r}: there is no folder {folder!r}; make it, or name another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FileError(f"cannot write {name!r}: the folder {folder!r} may not be written to; name another")
    return path


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
