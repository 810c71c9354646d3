"""Cells compared at equal size and budget, with confidence intervals."""
from __future__ import annotations

import concurrent.futures
import json
import math
import os
import pathlib
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ._rnncell import DivergedError, InvalidArgumentError, StateError
from .arrays import positive
from .cells import Cell, cell_from
from .corpora import Corpus, Path
from .models import LanguageModel, perplexity_of

# Student's t at 97.5 % for 1 to 30 degrees of freedom; beyond, Cornish and Fisher's expansion.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
      2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
      2.052, 2.048, 2.045, 2.042)


class Interval(NamedTuple):
    """A mean and its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Interval:
        """By Student's t; one value has an infinite interval."""
        mean = statistics.fmean(values)
        if len(values) < 2:
            return cls(mean, -math.inf, math.inf)
        freedom = len(values) - 1
        quantile = _T[freedom - 1] if freedom <= len(_T) else (
            1.95996 + 2.3722 / freedom + 2.8223 / freedom**2)
        half = quantile * statistics.stdev(values) / math.sqrt(len(values))
        return cls(mean, mean - half, mean + half)

    @property
    def excludes_zero(self) -> bool:
        """Whether the difference is one."""
        return self.low > 0 or self.high < 0


class Run(NamedTuple):
    """One cell trained with one seed."""

    cell: str
    seed: int
    hidden_size: int
    parameters: int
    updates: int
    valid_loss: float
    test_loss: float
    seconds: float


class Comparison:
    """Runs of several cells, the same seeds for each."""

    def __init__(self, cells: dict[str, Cell], seeds: list[int], runs: list[Run]) -> None:
        self.cells, self.seeds, self.runs = cells, seeds, runs

    def losses(self, cell: str) -> list[float]:
        """The test losses of a cell by seed; infinity for a run that diverged."""
        runs = sorted((run.seed, run.test_loss) for run in self.runs if run.cell == cell)
        if not runs:
            raise InvalidArgumentError(f"there is no run of {cell!r}; there are {list(self.cells)}")
        return [loss for _, loss in runs]

    def interval(self, cell: str) -> Interval:
        """The mean test loss of a cell."""
        return _interval(self.losses(cell))

    def difference(self, cell: str, other: str) -> Interval:
        """The test loss of a cell minus that of another, paired by seed: below zero is better."""
        pairs = zip(self.losses(cell), self.losses(other), strict=True)
        return _interval([mine - theirs for mine, theirs in pairs])

    def verdict(self, cell: str, other: str) -> str:
        """One honest sentence: a win only where the interval excludes zero."""
        mean, low, high = difference = self.difference(cell, other)
        span = f"{mean:+.4f} nats per token, 95 % interval {low:+.4f} to {high:+.4f}"
        if not math.isfinite(mean):
            return f"{cell} against {other}: a run diverged, so no difference can be stated"
        if not difference.excludes_zero:
            return f"{cell} against {other}: no difference is shown ({span})"
        return f"{cell} is {'better' if mean < 0 else 'worse'} than {other} ({span})"

    def text(self) -> str:
        """A table and, of the first cell against each other one, the verdict."""
        width = max(8, *(len(name) for name in self.cells))
        lines = [f"{'cell':{width}}  hidden  parameters  updates  test loss  95 % interval     "
                 "perplexity"]
        for name in self.cells:
            run = next(run for run in self.runs if run.cell == name)
            mean, low, high = self.interval(name)
            span = f"{low:.4f} to {high:.4f}" if math.isfinite(low) else "-"
            lines.append(
                f"{name:{width}}  {run.hidden_size:6}  {run.parameters:10}  {run.updates:7}  "
                f"{mean:9.4f}  {span:16}  {perplexity_of(mean):.3f}")
        first, *others = self.cells
        if others and len(self.seeds) > 1:
            lines += [""] + [self.verdict(first, other) for other in others]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """All runs and intervals, for machines."""
        first, *others = self.cells
        return {
            "cells": {name: {"equations": cell.equations, **_finite(self.interval(name)._asdict())}
                      for name, cell in self.cells.items()},
            "differences": {other: _finite(self.difference(first, other)._asdict())
                            for other in others},
            "seeds": self.seeds,
            "runs": [_finite(run._asdict()) for run in self.runs],
        }

    def __repr__(self) -> str:
        return f"<rnncell.Comparison of {', '.join(self.cells)}, {len(self.seeds)} seeds>"


def _interval(values: list[float]) -> Interval:
    if all(math.isfinite(value) for value in values):
        return Interval.of(values)
    return Interval(math.inf, -math.inf, math.inf)


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """The same with None for what JSON cannot say."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()}


def compare(
    corpus: Corpus, cells: Mapping[str, Cell | str] | list[str], *, parameters: int,
    seeds: int = 3, workers: int | None = None, save: Path | None = None, resume: bool = False,
    progress: Callable[[Run, int, int], object] | None = None, layers: int = 1,
    embedding_size: int | None = None, **options: Any,
) -> Comparison:
    """Trains cells at an equal number of parameters with the same options, seeds and updates.

    cells:      by name; a list takes names of stock cells.
    parameters: of each model; the hidden size that comes nearest is chosen.
    seeds:      how many, from 0.
    workers:    models trained at a time, one thread each; None: one for each processor.
    save:       a JSON file that is written after each run; resume: runs that it holds are kept.
    progress:   is called with each run, how many are done and how many there are.
    options:    of LanguageModel.fit, such as epochs, updates, batch_size or learning_rate.

    The state of the best validation loss is not picked: the last weights of each run count.
    """
    if not isinstance(cells, Mapping):
        cells = {name: name for name in cells}
    if not cells:
        raise InvalidArgumentError("there are no cells to compare; name at least one")
    if resume and save is None:
        raise InvalidArgumentError("resume is set without a file; pass save=FILE")
    positive("seeds", seeds)
    named = {name: cell_from(cell) for name, cell in cells.items()}
    key = {"corpus": corpus.digest, "parameters": parameters, "layers": layers,
           "embedding": embedding_size,
           "options": {name: repr(value) for name, value in sorted(options.items())},
           "cells": {name: cell.equations for name, cell in named.items()}}
    runs = _kept_runs(pathlib.Path(save), key) if resume and save and os.path.exists(save) else []
    comparison = Comparison(named, list(range(seeds)), runs)
    have = {(run.cell, run.seed) for run in runs}
    todo = [(name, seed) for seed in range(seeds) for name in named if (name, seed) not in have]
    stop = threading.Event()

    def train(name: str, seed: int) -> Run:
        model = LanguageModel(named[name], corpus.vocabulary, parameters=parameters,
                              layers=layers, embedding_size=embedding_size, seed=seed)
        losses = (math.inf, math.inf)
        start = time.monotonic()
        try:
            model.fit(corpus, seed=seed, threads=1, report_every=10,
                      progress=lambda _: stop.is_set(), **options)
            losses = model.evaluate(corpus.valid, threads=1), model.evaluate(corpus.test, threads=1)
        except DivergedError:
            pass
        last = model.history[-1] if model.history else None
        return Run(name, seed, model.hidden_size, model.parameter_count,
                   options.get("updates") or (last.update if last else 0), *losses,
                   time.monotonic() - start)

    with concurrent.futures.ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        futures = [pool.submit(train, *task) for task in todo]
        try:
            for future in concurrent.futures.as_completed(futures):
                runs.append(future.result())
                if save is not None:
                    _write(pathlib.Path(save), {**key, "runs": [run._asdict() for run in runs]})
                if progress is not None:
                    progress(runs[-1], len(runs), len(named) * seeds)
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
    return comparison


def _kept_runs(path: pathlib.Path, key: dict[str, Any]) -> list[Run]:
    try:
        kept = json.loads(path.read_text())
        runs = [Run(**row) for row in kept.pop("runs")]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StateError(f"{path} is no comparison ({error}); name another file") from None
    if kept != key:
        raise StateError(
            f"{path} compares other cells, text or options; name another file, or do not resume")
    return runs


def _write(path: pathlib.Path, value: object) -> None:
    """Writes a whole file or none."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1))
    part.replace(path)
