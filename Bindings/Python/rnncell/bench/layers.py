"""Rows: training and inference of a layer, a step of a stream, random cells."""
from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..cells import Cell
from ..studies import Study
from . import ours
from .peers import Peer
from .timing import Case, Contender, agree, fastest, interleaved

#: Cells whose recurrence is element-wise: all their products are out of the loop over time.
#: (The highway of SRU has a matrix of its own, as where input and hidden size differ.)
#: minGRU: Feng et al. 2024, arXiv:2410.01201. SRU: Lei et al. 2018, arXiv:1709.02755.
#: QRNN: Bradbury et al. 2017, arXiv:1611.01576 (window 2, fo-pooling).
#: IndRNN: Li et al. 2018, arXiv:1803.04831.
ELEMENTWISE = {
    "minGRU": "z = sigmoid(linear(x)); n = linear(x); h' = blend(z, n, h)",
    "SRU": "u = product(x); f = sigmoid(linear(x) + vector(vf) * c); "
           "r = sigmoid(linear(x) + vector(vr) * c); c' = blend(f, c, u); h' = blend(r, c', w); "
           "w = product(x)",
    "QRNN": "z = tanh(linear(x, p)); f = sigmoid(linear(x, p)); o = sigmoid(linear(x, p)); "
            "c' = blend(f, c, z); h' = o * c'; p' = x",
    "IndRNN": "h' = relu(linear(x) + vector(u) * h)"}


@dataclass(frozen=True)
class Row:
    """Work to time: a cell at sizes."""

    title: str
    work: str  # "training", "inference" or "step"
    cell: str  # a stock name, or equations with ; between
    batch: int
    steps: int
    hidden: int
    floor: float | None = None  # The ratio to the best peer that is demanded.
    threads: int | None = None  # Where not those of the command.
    compiles: bool = False  # Whether torch.compile, which takes minutes, is among the peers.


#: What is timed, with the floors that the project holds itself to.
ROWS = [
    Row("LSTM", "training", "lstm", 20, 35, 200, 1.35, compiles=True),
    Row("LSTM", "training", "lstm", 64, 35, 400, 1.25),
    Row("LSTM", "training", "lstm", 20, 35, 650, 1.2),
    Row("GRU", "training", "gru_reset_after", 20, 35, 200, 2.1, compiles=True),
    Row("GRU, reset before", "training", "gru", 20, 35, 200, 2.1),
    Row("DARTS_V2", "training", "darts_v2", 20, 35, 200, 2.4),
    Row("DARTS_V2", "training", "darts_v2", 64, 35, 400, 1.8),
    Row("NASCell", "training", "nascell", 20, 35, 200, 1.9),
    *(Row(name, "training", text, 20, 512, 256, 3.0) for name, text in ELEMENTWISE.items()),
    Row("LSTM", "inference", "lstm", 20, 35, 200, 1.0),
    Row("DARTS_V2", "inference", "darts_v2", 20, 35, 200, 2.0),
    Row("NASCell", "inference", "nascell", 20, 35, 200, 2.0),
    Row("LSTM", "step", "lstm", 1, 1, 16, 6.0, threads=1),
    Row("LSTM", "step", "lstm", 1, 1, 64, 3.5, threads=1),
    Row("LSTM", "step", "lstm", 1, 1, 256, 1.4, threads=1),
]


def rows_for(cell: str) -> list[Row]:
    """The rows for a cell of the user's."""
    return [Row("CELL", "training", cell, 20, 35, 200, compiles=True),
            Row("CELL", "training", cell, 64, 35, 400),
            Row("CELL", "inference", cell, 20, 35, 200), Row("CELL", "step", cell, 1, 1, 64)]


@dataclass
class Outcome:
    """A timed row: seconds by contender, ours first."""

    row: Row
    seconds: dict[str, float]
    gflops: float
    limit: float
    difference: float
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def best_peer(self) -> str | None:
        """The fastest of the others."""
        others = list(self.seconds)[1:]
        return min(others, key=self.seconds.__getitem__) if others else None

    @property
    def ratio(self) -> float | None:
        """The best peer's time over ours."""
        peer = self.best_peer
        return self.seconds[peer] / self.seconds["rnncell"] if peer else None

    def data(self) -> dict[str, Any]:
        """For JSON."""
        row, ratio = self.row, self.ratio
        return {
            "title": row.title, "work": row.work, "batch": row.batch, "steps": row.steps,
            "hidden": row.hidden, "seconds": self.seconds, "gflops": self.gflops,
            "limit_gflops": self.limit, "share": self.gflops / self.limit,
            "best_peer": self.best_peer, "ratio": ratio, "floor": row.floor,
            "met": None if ratio is None or row.floor is None else ratio >= row.floor,
            "largest_difference": self.difference, "failures": self.failures}


def contenders(case: Case, work: str, peers: Sequence[Peer], *, thorough: bool,
               failures: dict[str, str]) -> list[Contender]:
    """Ours, and the fastest setting of everything that the peers have for the work."""
    found = [getattr(ours, work)(case)]
    for peer in peers:
        groups: dict[str, list[Contender]] = {}
        try:
            arguments = {"thorough": thorough} if work == "training" else {}
            for contender in getattr(peer, work)(case, **arguments):
                groups.setdefault(contender.label.split(",")[0], []).append(contender)
        except Exception as error:  # What a peer cannot do is said, and the others go on.
            failures[peer.name] = _line(error)
        for label, group in groups.items():
            try:
                found.append(fastest(group))
            except Exception as error:
                failures[label] = _line(error)
    return found


def _line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"


def timed(row: Row, peers: Sequence[Peer], *, threads: int, rounds: int, thorough: bool) -> Outcome:
    """Times a row and checks that all compute the same."""
    threads = row.threads or threads
    cell = Cell(row.cell.replace(";", "\n")) if "=" in row.cell else Cell.stock(row.cell)
    case = Case(cell, row.batch, row.steps, row.hidden, threads)
    failures: dict[str, str] = {}
    found = contenders(
        case, row.work, peers, thorough=thorough and row.compiles, failures=failures)
    own = found[0].result()
    difference = max([agree(own, other.result(), f"{row.title}, {other.label}")
                      for other in found[1:]], default=0.0)
    timing = interleaved([contender.run for contender in found], rounds, threads)
    operations = case.operations(training=row.work == "training")
    outcome = Outcome(
        row, dict(zip([contender.label for contender in found], timing.seconds)),
        operations / timing.seconds[0] * 1e-9, timing.limit, difference, failures)
    gc.collect()
    return outcome


def random_cells(count: int, hidden: int) -> list[str]:
    """Cells that random search proposes."""
    with Study(None, None, strategy="random", hidden_size=hidden, seed=1) as study:
        found: list[str] = []
        while len(found) < count:
            proposal = study.ask()
            study.tell(proposal.id, 1.0)
            found.append(Cell(proposal.equations).equations)
        return found


def random_rows(count: int) -> list[Row]:
    """A row of training for each of several random cells."""
    return [Row(f"random cell {index + 1}", "training", text, 20, 35, 128)
            for index, text in enumerate(random_cells(count, 128))]


def median_ratio(outcomes: Sequence[Outcome]) -> float | None:
    """The median of the ratios to the best peer."""
    ratios = [outcome.ratio for outcome in outcomes if outcome.ratio is not None]
    return statistics.median(ratios) if ratios else None


def all_timed(rows: Sequence[Row], peers: Sequence[Peer], hear: Callable[[Outcome], object],
              **options: Any) -> Iterator[Outcome]:
    """Times rows one after another; `hear` is told of each."""
    for row in rows:
        outcome = timed(row, peers, **options)
        hear(outcome)
        yield outcome
