"""Cells compared at equal size and budget, with confidence intervals."""
from __future__ import annotations

import concurrent.futures
import json
import math
import os
import pathlib
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ._rnncell import DivergedError, InvalidArgumentError, StateError
from .arrays import positive, positive_int
from .cells import Cell, by_name, cell_from
from .corpora import Corpus
from .files import Path, writable, write_whole
from .models import perplexity_of
from .tasks import LanguageTask, Task

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


class Trial(NamedTuple):
    """One cell trained for a share of the time at one learning rate."""

    cell: str
    learning_rate: float
    valid_loss: float


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
    learning_rate: float | None = None
    """The one that was chosen for the cell; None: as the options say."""


Listener = Callable[[Trial | Run, int, int], object]
"""Hears of each trial of a grid and each run, how many of both are done and how many there are."""


class Comparison:
    """Runs of several cells, the same seeds for each."""

    def __init__(self, cells: Mapping[str, Cell | tuple[Cell, ...]], seeds: list[int], runs: list[Run],
                 trials: list[Trial] | None = None, split: str = "test", is_language: bool = True,
                 finalists: Iterable[str] = ()) -> None:
        self.cells, self.seeds, self.runs = dict(cells), seeds, runs
        self.split = split
        """Whose losses are compared: "test", or "valid"."""
        self.is_language = is_language
        """Whether losses are nats per token, and have perplexities."""
        self.trials = [] if trials is None else trials
        """Of the grid of learning rates."""
        self.finalists = tuple(finalists)
        """The names of the cells that a study found."""

    @classmethod
    def load(cls, path: Path) -> Comparison:
        """What `compare` keeps in its file `save`, complete or not."""
        kept, trials, runs = _read(pathlib.Path(path))
        cells = {name: _given(text.split("\n\n")) for name, text in kept["cells"].items()}
        return cls(cells, list(range(kept["seeds"])), runs, trials, kept["split"],
                   kept.get("is_language", True), kept["finalists"])

    @property
    def is_complete(self) -> bool:
        """Whether each cell was trained with each seed, and tested."""
        known = {(run.cell, run.seed) for run in self.runs if not math.isnan(self._loss(run))}
        return known == {(cell, seed) for cell in self.cells for seed in self.seeds}

    def learning_rate(self, cell: str) -> float | None:
        """The rate of the grid with the least validation loss; None without a grid."""
        own = [trial for trial in self.trials if trial.cell == cell]
        return min(own, key=lambda trial: trial.valid_loss).learning_rate if own else None

    def by_validation(self) -> list[str]:
        """The cells, that with the least mean validation loss first."""
        return sorted(self.cells, key=lambda name: statistics.fmean(
            run.valid_loss for run in self.runs if run.cell == name))

    def _loss(self, run: Run) -> float:
        return run.test_loss if self.split == "test" else run.valid_loss

    def losses(self, cell: str) -> list[float]:
        """The losses of a cell by seed; infinity for a run that diverged."""
        runs = sorted((run.seed, self._loss(run)) for run in self.runs if run.cell == cell)
        if not runs:
            raise InvalidArgumentError(f"there is no run of {cell!r}; there are {list(self.cells)}")
        return [loss for _, loss in runs]

    def interval(self, cell: str) -> Interval:
        """The mean loss of a cell."""
        return _interval(self.losses(cell))

    def difference(self, cell: str, other: str) -> Interval:
        """The loss of a cell minus that of another, paired by seed: below zero is better."""
        pairs = zip(self.losses(cell), self.losses(other), strict=True)
        return _interval([mine - theirs for mine, theirs in pairs])

    def verdict(self, cell: str, other: str) -> str:
        """One honest sentence: a win only where the interval excludes zero."""
        mean, low, high = difference = self.difference(cell, other)
        unit = " nats per token" if self.is_language else " of loss"
        span = f"{mean:+.4f}{unit}, 95 % interval {low:+.4f} to {high:+.4f}"
        if not math.isfinite(mean):
            return f"{cell} against {other}: a run diverged, so no difference can be stated"
        if not difference.excludes_zero:
            return f"{cell} against {other}: no difference is shown ({span})"
        return f"{cell} is {'better' if mean < 0 else 'worse'} than {other} ({span})"

    def text(self) -> str:
        """A table and, of the first cell against each other one, the verdict."""
        width = max(8, *(len(name) for name in self.cells))
        lines = [f"{'cell':{width}}  hidden  parameters  updates  {self.split + ' loss':>10}  "
                 f"95 % interval     {'perplexity' * self.is_language}".rstrip()]
        for name in self.cells:
            run = next(run for run in self.runs if run.cell == name)
            mean, low, high = self.interval(name)
            span = f"{low:.4f} to {high:.4f}" if math.isfinite(low) else "-"
            lines.append(
                f"{name:{width}}  {run.hidden_size:6}  {run.parameters:10}  {run.updates:7}  "
                f"{mean:10.4f}  {span:16}"
                + f"  {perplexity_of(mean):.3f}" * self.is_language)
        first, *others = self.cells
        if others and len(self.seeds) > 1:
            lines += [""] + [self.verdict(first, other) for other in others]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """All runs and intervals, for machines."""
        first, *others = self.cells
        return {
            "cells": {name: {"equations": equations_of(cell), **_finite(self.interval(name)._asdict())}
                      for name, cell in self.cells.items()},
            "differences": {other: _finite(self.difference(first, other)._asdict())
                            for other in others},
            "seeds": self.seeds,
            "split": self.split,
            "trials": [_finite(trial._asdict()) for trial in self.trials],
            "runs": [_finite(run._asdict()) for run in self.runs],
        }

    def __repr__(self) -> str:
        return f"<rnncell.Comparison of {', '.join(self.cells)}, {len(self.seeds)} seeds>"


def _given(cells: Cell | str | Sequence[Cell | str]) -> Cell | tuple[Cell, ...]:
    """A cell, or one for each layer."""
    if isinstance(cells, (Cell, str)):
        return cell_from(cells)
    given = tuple(cell_from(cell) for cell in cells)
    return given[0] if len(given) == 1 else given


def equations_of(cells: Cell | tuple[Cell, ...]) -> str:
    """With an empty line between those of layers."""
    return "\n\n".join(cell.equations for cell in ((cells,) if isinstance(cells, Cell) else cells))


def _interval(values: list[float]) -> Interval:
    if all(math.isfinite(value) for value in values):
        return Interval.of(values)
    return Interval(math.inf, -math.inf, math.inf)


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """The same with None for what JSON cannot say."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()}


def task_of(data: Corpus | Task, **shape: Any) -> Task:
    """What cells are trained for; shape: of language models, None where it is not said."""
    shape = {name: value for name, value in shape.items() if value is not None}
    if isinstance(data, Task):
        if shape:
            raise InvalidArgumentError(
                f"{next(iter(shape))} is given, which a {type(data).__name__} says itself; leave it out")
        return data
    if not isinstance(data, Corpus):
        raise TypeError("data must be a Corpus, a SequenceTask, a LanguageTask or a JointTask, not "
                        f"{type(data).__name__}")
    return LanguageTask(data, **shape)


def compare(
    data: Corpus | Task,
    cells: Mapping[str, Cell | str | Sequence[Cell | str]] | Cell | str | Iterable[Cell | str], *,
    parameters: int | None = None, hidden_size: int | None = None, seeds: int = 3,
    workers: int | None = None, save: Path | None = None, resume: bool = False,
    progress: Listener | None = None, layers: int | None = None,
    embedding_size: int | None = None, tied: bool | None = None,
    learning_rates: Sequence[float] | None = None, grid_share: float = 0.25,
    before_test: Callable[[Comparison], object] | None = None, split: str = "test",
    finalists: Iterable[str] = (), **options: Any,
) -> Comparison:
    """Trains cells at an equal number of parameters with the same options, seeds and updates.

    data:       a Corpus for language models, or a task; a SequenceTask has test= data unless `split` is
                "valid".
    cells:      by name, each a cell or one for each layer; or stock names and cells, one or a list, of which
                one that is equal to a stock cell has its name. What has the same name is one cell.
    parameters: of each language model, whose hidden size comes nearest to it; or hidden_size: as many as
                with an LSTM of it (64).
    layers (1), embedding_size, tied: of language models.
    seeds:      how many, from 0.
    workers:    models trained at a time, one thread each; None: one for each processor.
    save:       a JSON file that is written after each run; resume: what it holds is kept.
    progress:   is called with each Trial of the grid and each Run, how many are done and how many there are.
    learning_rates: a grid: each cell gets the rate with the least validation loss after `grid_share` of
                the epochs or updates, with seed 0; None: that of the options for all. A share of 1 is
                sure; after a quarter a rate may lead that ends worse.
    before_test: is called when all is trained, and before the test data is read, which happens once.
    split:      "test", or "valid": compare by validation losses, and leave the test data alone.
    finalists:  the names of those cells that a study found.
    options:    of `fit`, such as epochs, updates, batch_size or learning_rate, but no files; a task has its
                own.

    The state of the best validation loss is not picked, unless `patience` asks for it: the last weights
    of each run count.
    """
    if not isinstance(cells, Mapping):
        cells = by_name(cells)
    if not cells:
        raise InvalidArgumentError("there are no cells to compare; name at least one")
    if resume and save is None:
        raise InvalidArgumentError("resume is set without a file; pass save=FILE")
    if save is not None:
        writable(save)
    positive_int("seeds", seeds)
    if workers is not None:
        positive_int("workers", workers)
    for name, remedy in (("seed", "each run has its own; pass seeds=, how many there are from 0"),
                         ("threads", "each model has one; pass workers=, models trained at a time")):
        if options.get(name) is not None:
            raise InvalidArgumentError(f"{name} is {options[name]}, but {remedy}")
    if split not in ("test", "valid"):
        raise InvalidArgumentError(f"split {split!r} is none; pass 'test' or 'valid'")
    task = task_of(data, parameters=parameters, hidden_size=hidden_size, layers=layers,
                   embedding_size=embedding_size, tied=tied)
    if split == "test" and not task.has_test:
        raise InvalidArgumentError(
            "the task has no test data; make it with test=, or pass split='valid'")
    if learning_rates is not None:
        learning_rates = [positive("learning_rates", rate) for rate in learning_rates]
        if not learning_rates or options.get("learning_rate") is not None:
            raise InvalidArgumentError("learning_rates is empty, or learning_rate is set beside it; "
                                       "pass one of the two")
        if not 0 < grid_share <= 1:
            raise InvalidArgumentError(f"grid_share is {grid_share}; pass a share from 0 to 1")
    options = {**task.training, **options}
    for name in ("checkpoint", "csv", "tensorboard"):
        if options.get(name):
            raise InvalidArgumentError(f"{name} is {options[name]!r}, which all runs would write at a time; "
                                       "leave it out, and pass save= to keep the runs")
    named = {name: _given(cell) for name, cell in cells.items()}
    key = {**task.key, "is_language": task.is_language, "seeds": seeds, "split": split,
           "learning_rates": learning_rates and [*learning_rates, grid_share],
           "options": {name: repr(value) for name, value in sorted(options.items())},
           "cells": {name: equations_of(cell) for name, cell in named.items()},
           "finalists": list(finalists)}
    count = len(named) * (seeds + len(learning_rates or ()))
    ledger = _Ledger(None if save is None else pathlib.Path(save), key, task, progress, count)
    if resume:
        ledger.read()
    comparison = Comparison(named, list(range(seeds)), ledger.runs, ledger.trials, split,
                            task.is_language, key["finalists"])
    stop = threading.Event()

    def train(name: str, seed: int, **changed: Any) -> tuple[Any, float]:
        """A model, and its validation loss; infinity where it diverged."""
        model: Any = task.model(named[name], seed)
        try:
            task.fit(model, **{"report_every": 10, **options, "seed": seed, "threads": 1,
                               "progress": lambda _: stop.is_set(), **changed})
        except DivergedError:
            return model, math.inf
        return model, task.loss(model, "valid")

    # Of trials that were whole trainings: those are the runs with seed 0.
    whole: dict[tuple[str, float], tuple[Any, float, float]] = {}

    def try_rate(name: str, rate: float) -> None:
        start = time.monotonic()
        model, loss = train(name, 0, learning_rate=rate, **task.part_of(options, grid_share))
        if grid_share == 1:
            whole[name, rate] = model, loss, start - time.monotonic()
        ledger.add_trial(Trial(name, rate, loss))

    def run(name: str, seed: int) -> None:
        rate = comparison.learning_rate(name)
        kept = whole.pop((name, rate), None) if seed == 0 and rate is not None else None
        start = time.monotonic() + (kept[2] if kept else 0)
        model, loss = kept[:2] if kept else train(
            name, seed, **({} if rate is None else {"learning_rate": rate}))
        last = model.history[-1] if model.history else None
        updates = options.get("updates") or (last.update if last else 0)
        ledger.add_run(Run(name, seed, model.hidden_size, model.parameter_count, updates, loss,
                           math.inf if loss == math.inf else math.nan, time.monotonic() - start, rate),
                       model)

    def work(tasks: list[tuple[Callable[..., None], Any, Any]]) -> None:
        with concurrent.futures.ThreadPoolExecutor(workers or os.cpu_count()) as pool:
            futures = [pool.submit(function, *given) for function, *given in tasks]
            try:
                for future in concurrent.futures.as_completed(futures):
                    future.result()
            except BaseException:
                stop.set()
                for future in futures:
                    future.cancel()
                raise

    tried = {(trial.cell, trial.learning_rate) for trial in ledger.trials}
    work([(try_rate, name, rate) for rate in learning_rates or () for name in named
          if (name, rate) not in tried])
    have = {(each.cell, each.seed) for each in ledger.runs}
    work([(run, name, seed) for seed in range(seeds) for name in named if (name, seed) not in have])
    if split == "test" and any(math.isnan(each.test_loss) for each in ledger.runs):
        if before_test is not None:
            before_test(comparison)
        ledger.test()
    return comparison


def _read(path: pathlib.Path) -> tuple[dict[str, Any], list[Trial], list[Run]]:
    """What is compared, and what of it is done."""
    try:
        kept = json.loads(path.read_text())
        trials = [Trial(**row) for row in kept.pop("trials", [])]
        runs = [Run(**row) for row in kept.pop("runs")]
        # Files of before this was kept have them by their names.
        kept.setdefault("finalists", [name for name in kept["cells"] if name.startswith("found ")])
        return dict(kept), trials, runs
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StateError(f"{path} is no comparison ({error}); name another file") from None


class _Ledger:
    """What has been trained, kept in a file, with the models until their test losses are known."""

    def __init__(self, path: pathlib.Path | None, key: dict[str, Any], task: Task,
                 progress: Listener | None, count: int) -> None:
        self.path, self.key, self._task = path, key, task
        self._progress, self._count = progress, count
        self.trials: list[Trial] = []
        self.runs: list[Run] = []
        self._models: dict[tuple[str, int], Any] = {}
        self._lock = threading.Lock()

    def read(self) -> None:
        """Takes what the file holds, if there is one; runs whose model is lost are trained again."""
        if self.path is None or not self.path.exists():
            return
        kept, trials, runs = _read(self.path)
        if kept != self.key:
            raise StateError(f"{self.path} compares other cells, data or options; name another file, "
                             "or do not resume")
        self.trials += trials
        self.runs += [run for run in runs
                      if not math.isnan(run.test_loss) or self.key["split"] == "valid"
                      or self._file(run).exists()]

    def add_trial(self, trial: Trial) -> None:
        """Keeps a point of the grid."""
        with self._lock:
            self.trials.append(trial)
            self._keep(trial)

    def add_run(self, run: Run, model: Any) -> None:
        """Keeps a run with its model."""
        with self._lock:
            if self.key["split"] == "valid" or not math.isnan(run.test_loss):
                pass
            elif self.path is None:
                self._models[run.cell, run.seed] = model
            else:
                self._folder.mkdir(exist_ok=True)
                model.save(self._file(run))
            self.runs.append(run)
            self._keep(run)

    def _keep(self, row: Trial | Run) -> None:
        self._write()
        if self._progress is not None:
            self._progress(row, len(self.trials) + len(self.runs), self._count)

    def test(self) -> None:
        """Fills in the test losses; the models are needed no more then."""
        for place, run in enumerate(self.runs):
            if math.isnan(run.test_loss):
                model = self._models.pop((run.cell, run.seed), None)
                self.runs[place] = run._replace(test_loss=self._task.loss(
                    model or self._task.load(self._file(run)), "test"))
        self._write()
        if self.path is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _folder(self) -> pathlib.Path:
        assert self.path is not None
        return self.path.with_name(self.path.name + ".models")

    def _file(self, run: Run) -> pathlib.Path:
        number = list(self.key["cells"]).index(run.cell)
        return self._folder / f"{number}-{run.seed}.safetensors"

    def _write(self) -> None:
        if self.path is not None:
            kept = {**self.key, "trials": [trial._asdict() for trial in self.trials],
                    "runs": [run._asdict() for run in self.runs]}
            write_whole(self.path, json.dumps(kept, indent=1))
