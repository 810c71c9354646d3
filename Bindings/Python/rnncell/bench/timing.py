"""Rounds in turns, agreement of the numbers, and the limit of the machine."""
from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import _rnncell, build_info
from .._rnncell import InternalError
from ..cells import Cell
from ..networks import Network
from .program import Program

#: The shortest time of a sample, in seconds: shorter work is repeated.
SAMPLE = 0.1
#: Work that takes longer, in seconds, is sampled in the first three rounds only.
SLOW = 0.5
#: What runs untimed before a sample, in seconds: a sleeping core takes a while to be itself again.
WARMING = 0.05
#: The pause before a sample, in seconds: the threads of the library before it stop spinning.
PAUSE = 0.03


@dataclass(frozen=True)
class Contender:
    """A way to do the work.

    run:    does it once.
    result: arrays by name to compare: "y", gradients by the names of Program.stack, and "x".
    """

    label: str
    run: Callable[[], object]
    result: Callable[[], dict[str, Any]]


class Case:
    """A layer with data: what all contenders of a row get."""

    def __init__(self, cell: Cell, batch: int, steps: int, hidden: int, threads: int,
                 seed: int = 1) -> None:
        import numpy
        self.numpy = numpy
        self.cell, self.batch, self.steps, self.hidden = cell, batch, steps, hidden
        self.threads = threads
        self.network = Network(cell, hidden, hidden, 1, seed=seed)
        self.program = Program(cell, hidden, hidden)
        own = {name.removeprefix("layers.0."): value
               for name, value in self.network.parameters().items()}
        self.weights = self.program.stack(numpy, own)
        random = numpy.random.default_rng(seed)
        shape = (steps, batch, hidden)
        self.x = random.standard_normal(shape).astype(numpy.float32)
        # Small, so that long chains of an unlucky cell do not overflow.
        self.gy = (random.standard_normal(shape) / 100).astype(numpy.float32)

    def operations(self, *, training: bool) -> float:
        """Multiplications and additions in the products of a run."""
        return self.program.operations * self.batch * self.steps * (3.0 if training else 1.0)


@dataclass(frozen=True)
class Timing:
    """What interleaved rounds took.

    samples: seconds of one run, for each contender by round.
    limit:   10^9 operations a second of all threads together in registers, the best meanwhile.
    """

    samples: list[list[float]]
    limit: float

    @property
    def seconds(self) -> list[float]:
        """The median of each contender."""
        return [statistics.median(series) for series in self.samples]

    @property
    def ratios(self) -> list[float]:
        """The median, over rounds, of each contender's time to the first one's in the same round: closer than
        the ratio of medians, as what disturbs a round disturbs both."""
        return [statistics.median(own / first for own, first in zip(series, self.samples[0]))
                for series in self.samples]


def calls_for(run: Callable[[], object], sample: float = SAMPLE) -> int:
    """How many runs make a sample."""
    run()
    start = time.perf_counter()
    run()
    return max(1, round(sample / max(time.perf_counter() - start, 1e-7)))


def sampled(run: Callable[[], object], calls: int) -> float:
    """Seconds of one run, after a pause and untimed runs."""
    time.sleep(PAUSE)
    start = time.perf_counter()
    while time.perf_counter() < start + WARMING:
        run()
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def interleaved(runs: Sequence[Callable[[], object]], rounds: int, threads: int) -> Timing:
    """Times all in turns, so that a change of the processor's clock meets all of them."""
    calls = [calls_for(run) for run in runs]
    is_slow = [False for _ in runs]
    samples: list[list[float]] = [[] for _ in runs]
    limits, isa = [], build_info()["isa"]
    for turn in range(rounds):
        limits.append(_rnncell.peak(isa, threads))
        order = range(len(runs)) if turn % 2 == 0 else reversed(range(len(runs)))
        for index in order:
            if turn < 3 or not is_slow[index]:
                samples[index].append(sampled(runs[index], calls[index]))
                is_slow[index] = samples[index][-1] > SLOW
    # The system may put both threads on one core for the moment that a limit is measured.
    return Timing(samples, max(limits))


def fastest(contenders: list[Contender]) -> Contender:
    """The fastest of the settings of a library, by the best of three samples each."""
    if len(contenders) == 1:
        return contenders[0]
    times: list[list[float]] = [[] for _ in contenders]
    calls = [calls_for(contender.run) for contender in contenders]
    for _ in range(3):
        for series, contender, count in zip(times, contenders, calls):
            series.append(sampled(contender.run, count))
    return contenders[min(range(len(contenders)), key=lambda index: min(times[index]))]


def agree(ours: dict[str, Any], theirs: dict[str, Any], label: str, *, outputs: float = 1e-4,
          gradients: float = 5e-3) -> float:
    """The largest difference of an array: the norm of the difference over the norm of the array.

    In norm, since a unit that sits at the kink of a rectifier may fall to either side of it.
    InternalError where outputs or gradients differ by more than their tolerance.
    """
    import numpy
    worst = 0.0
    for name, value in theirs.items():
        if name not in ours:
            continue
        a, b = numpy.asanyarray(ours[name], numpy.float64), numpy.asarray(value, numpy.float64)
        error = float(numpy.sqrt(((a - b) ** 2).sum() / max(float((b ** 2).sum()), 1e-12)))
        tolerance = gradients if name not in ("y", "loss") else outputs
        if not error <= tolerance:
            raise InternalError(
                f"{label}: {name} differs from ours by {error:.1e}, more than {tolerance:.0e}")
        worst = max(worst, error)
    return worst


def peak_megabytes() -> float:
    """The most memory that this process held; unlike that of getrusage it begins with the program."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024
