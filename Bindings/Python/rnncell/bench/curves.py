"""How our time and memory grow with steps, batch, layers, lengths and threads."""
from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from ..networks import Network
from .timing import peak_megabytes

#: The layer of the curves, unless a curve changes it.
BASE = {"steps": 100, "batch": 8, "layers": 1, "hidden": 128}
CURVES: dict[str, tuple[int, ...]] = {
    "steps": (10, 100, 1000, 10_000), "batch": (8, 32, 128, 512), "layers": (1, 2, 4, 8)}


def growth(threads: int, *, quick: bool) -> dict[str, list[dict[str, float]]]:
    """Milliseconds and megabytes of forward and backward along each curve.

    Every point has a process of its own; the memory is what the run adds to the process.
    """
    return {name: [{name: value, **_point(threads, {**BASE, name: value})}
                   for value in (values[:-1] if quick else values)]
            for name, values in CURVES.items()}


def _point(threads: int, sizes: dict[str, int]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", __name__, json.dumps({**sizes, "threads": threads})],
        capture_output=True, text=True, check=True)
    point: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return point


def measure_point(steps: int, batch: int, layers: int, hidden: int, threads: int) -> dict[str, float]:
    """What one process of `growth` prints."""
    import numpy
    network = Network("lstm", hidden, hidden, layers)
    # A little run first: what every process pays once is no part of the curve.
    small = numpy.ones((2, 1, hidden), numpy.float32)
    network.forward(small, threads=threads)[1].backward(small, threads=threads)
    x = numpy.random.default_rng(0).standard_normal((steps, batch, hidden), numpy.float32)
    before = peak_megabytes()
    seconds = []
    for _ in range(max(5, min(20, 10_000 // steps))):
        start = time.perf_counter()
        # The tape goes before the next begins, so that there is one at a time.
        network.forward(x, threads=threads)[1].backward(x, threads=threads)
        seconds.append(time.perf_counter() - start)
    peak = peak_megabytes()
    return {"ms": statistics.median(seconds) * 1e3, "megabytes": peak - before}


def lengths(threads: int, rounds: int) -> dict[str, float]:
    """Time over sequences of different lengths, beside the share of their steps.

    64 sequences, lengths uniform in 1 to 100, LSTM of 200.
    """
    import numpy
    random = numpy.random.default_rng(4)
    network = Network("lstm", 200, 200)
    x = random.standard_normal((100, 64, 200), numpy.float32)
    some = random.integers(1, 101, 64).tolist()

    def run(given: list[int] | None) -> Callable[[], None]:
        def once() -> None:
            _, tape = network.forward(x, lengths=given, threads=threads)
            tape.backward(x, threads=threads)
        return once

    from .timing import interleaved
    every, part = interleaved([run(None), run(some)], rounds, threads).seconds
    return {"share_of_steps": sum(some) / 6400, "share_of_time": part / every}


def threads_compared(rounds: int, most: int) -> dict[str, Any]:
    """The time of one thread over that of two, and whether 1, 2, 3 and 8 give the same bits."""
    import numpy

    from .timing import Case, interleaved
    from ..cells import Cell
    result: dict[str, Any] = {"rows": []}
    for name, batch, hidden in (("lstm", 20, 200), ("lstm", 64, 400), ("lstm", 20, 650),
                                ("gru", 20, 200), ("darts_v2", 20, 200), ("nascell", 20, 200)):
        case = Case(Cell.stock(name), batch, 35, hidden, most)

        def run(threads: int, case: Case = case) -> Callable[[], Any]:
            def once() -> Any:
                y, tape = case.network.forward(case.x, threads=threads)
                return y, tape.backward(case.gy, threads=threads)
            return once

        digests = set()
        for threads in (1, 2, 3, 8):
            y, gradients = run(threads)()
            digest = hashlib.sha256(numpy.asarray(y).tobytes())
            for value in gradients.values():
                digest.update(numpy.asarray(value).tobytes())
            digests.add(digest.hexdigest())
        row: dict[str, Any] = {"cell": name, "batch": batch, "hidden": hidden,
                               "same_bits": len(digests) == 1}
        if most > 1:
            one, two = interleaved([run(1), run(2)], rounds, most).seconds
            row["speedup"] = one / two
        result["rows"].append(row)
    return result


if __name__ == "__main__":
    print(json.dumps(measure_point(**json.loads(sys.argv[1]))))
