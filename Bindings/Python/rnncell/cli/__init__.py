"""The command `rnncell`."""
from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from .. import __version__
from .._rnncell import Error
from . import bench, cells, demo, finalists, models, search

EPILOG = "`rnncell COMMAND --help` says more. Exit status: 0, 1 for a failure, 2 for wrong use, " \
    "130 after Ctrl-C."


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    result = argparse.ArgumentParser(
        prog="rnncell", epilog=EPILOG,
        description="Write a recurrent cell as equations, train it, search for a better one.")
    result.add_argument("--version", action="version", version=f"rnncell {__version__}")
    commands = result.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for module in (demo, search, finalists, models, cells, bench):
        module.add(commands)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and gives its exit status."""
    try:
        arguments = parser().parse_args(argv)
        result = arguments.run(arguments)
        if arguments.json:
            print(json.dumps(result))
        sys.stdout.flush()
        return 0
    except KeyboardInterrupt as interrupt:
        print(f"rnncell: {interrupt or 'interrupted'}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader went away; nothing is left to be said, not even when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Error, OSError, UnicodeError, MemoryError, ImportError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"rnncell: {message}", file=sys.stderr)
        return 1
