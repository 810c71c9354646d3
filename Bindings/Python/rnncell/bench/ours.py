"""The same work through this package."""
from __future__ import annotations

import statistics
import time
from typing import Any

from ..cells import Cell
from ..networks import Network
from .timing import Case, Contender


def training(case: Case) -> Contender:
    """Forward and backward of a layer."""
    def run() -> Any:
        y, tape = case.network.forward(case.x, threads=case.threads)
        return y, tape.backward(case.gy, threads=case.threads)

    def result() -> dict[str, Any]:
        y, gradients = run()
        own = {name.removeprefix("layers.0."): value for name, value in gradients.items()}
        stacked = case.program.stacked_gradients(case.numpy, own)
        return {"y": y, "x": gradients["x"], **stacked}

    return Contender("rnncell", run, result)


def inference(case: Case) -> Contender:
    """Forward of a layer."""
    def run() -> Any:
        return case.network(case.x, threads=case.threads)[0]
    return Contender("rnncell", run, lambda: {"y": run()})


def step(case: Case) -> Contender:
    """One step of a stream."""
    stream, x = case.network.stream(case.batch), case.x[0]
    return Contender("rnncell", lambda: stream.step(x),
                     lambda: {"y": case.network.stream(case.batch).step(x)})


def first_outputs(cell: Cell, hidden: int, count: int) -> list[float]:
    """Seconds from the text of a new cell to its first output, for several cells in turn.

    Each differs from all others by a constant, so that nothing is found in a memory of plans.
    """
    import numpy
    x = numpy.ones((1, 1, hidden), numpy.float32)
    texts = []
    for number in range(count):
        lines = cell.equations.splitlines()
        left, _, right = lines[-1].partition("=")
        lines[-1] = f"{left}= ({right.strip()}) * {1 - (number + 1) / 1024}"
        texts.append("\n".join(lines))
    seconds = []
    for text in texts:
        start = time.perf_counter()
        Network(Cell(text), hidden, hidden)(x)
        seconds.append(time.perf_counter() - start)
    return seconds


def first_output(cell: Cell, hidden: int) -> tuple[float, float]:
    """Milliseconds to the first output: of the first cell, and the median of nine that follow."""
    seconds = first_outputs(cell, hidden, 10)
    return seconds[0] * 1e3, statistics.median(seconds[1:]) * 1e3
