"""Studies: the search for a better cell, kept in one file."""
from __future__ import annotations

import array
import concurrent.futures
import csv
import json
import math
import os
import pathlib
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, SupportsFloat, TextIO

from . import _rnncell
from ._rnncell import InvalidArgumentError, StateError
from .arrays import positive, positive_int, seed_of
from .cells import Cell, by_name, cell_from
from .comparison import Comparison
from .corpora import Corpus
from .files import Path
from .models import perplexity_of
from .scores import Score
from .tasks import Task

CONTROL = "control"
_STATES = ("pending", "scored", "failed", "rejected")
_BY_LOSS, _AS_PROPOSED, _FRONT = 0, 1, 2
_ALL = 1 << 40


class Proposal(NamedTuple):
    """A cell that a strategy proposes, and what is known of it."""

    id: int
    """From 1, in the order of proposals."""
    seed: int
    """Of its starting weights."""
    strategy: str
    """What proposed it; "control" for the cells that every study measures."""
    work: str
    """"cell", or what kind of network the strategy trained to search with."""
    equations: str
    failure: str
    """Why it failed or was rejected, or ""."""
    parents: tuple[int, ...]
    """Ids of what it was made from."""
    parameters: int
    """Learned numbers of the model that it is trained in; 0 when not known."""
    rung: int
    """The level of training that the loss is of, or that is asked for, from 0."""
    updates: int
    """Training updates until then."""
    tokens: int
    """Trained on until then."""
    valid_loss: float
    """Nats per token, or whatever was told; NaN: none yet."""
    seconds: float
    """Of training."""
    told_at: float
    """Seconds of search when its last score was told; NaN before."""
    state: str
    """"pending", "scored", "failed" or "rejected"."""
    step_seconds: float
    """Of a time step of one sequence on one thread; NaN: not measured."""
    rung_losses: tuple[float, ...] = ()
    """At the end of each rung."""
    rung_predictions: tuple[float, ...] = ()
    """What was expected when it was asked for each rung: the loss of it for the first one, for others
    that of the last; NaN: nothing."""
    species_count: int = 0
    """How many species there were when it was proposed; 0: none are told apart."""
    part_losses: tuple[float, ...] = ()
    """Of the tasks that the loss is made of, as they were told."""

    @property
    def cell(self) -> Cell:
        """The cell itself; with mixed layers that of the first one."""
        return self.cells[0]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """One cell, or, with mixed layers where they differ, one for each layer."""
        return tuple(Cell(text) for text in self.equations.split("\n\n"))

    @property
    def valid_perplexity(self) -> float:
        """exp(valid_loss)."""
        return perplexity_of(self.valid_loss)

    @classmethod
    def _from(cls, row: tuple[Any, ...]) -> Proposal:
        parents = tuple(parent for parent in row[6] if parent)
        losses, predictions, parts = (tuple(map(float, row[at].split())) for at in (16, 17, 19))
        return cls._make((*row[:6], parents, *row[7:14], _STATES[row[14]], row[15], losses,
                          predictions, row[18], parts))


class StudyInfo(NamedTuple):
    """A study in numbers."""

    strategy: str
    seed: int
    proposal_count: int
    scored_count: int
    failed_count: int
    pending_count: int
    rejected_count: int
    """Duplicates, and cells that explode: not trained at all."""
    seconds: float
    """Of search in all runs together."""
    tokens: int
    """Trained on in all, for cells and for what the strategy trains to search with."""
    tau: float
    """Kendall's, between the losses of the first and the last rung; NaN: too few."""
    test_reads: int
    """How often the test text was read to judge cells of the study: once, or else it chose them."""

    @classmethod
    def _from(cls, info: dict[str, Any]) -> StudyInfo:
        return cls(*(info[name] for name in cls._fields))


Listener = Callable[[StudyInfo, Proposal | None], object]
Objective = Callable[[Proposal], SupportsFloat | Score]


def strategies() -> dict[str, str]:
    """The strategies by name, each with what it does."""
    return {name: summary for name, summary, *_ in _rnncell.strategy_list()}


class Study:
    """One search, in one SQLite file that other programs can read.

    path:     the file, which is made, or opened to carry on: then what is left out is as it was begun, but
              for the bounds; None: in memory.
    corpus:   what to train on; None where your program scores the cells by `ask` and `tell`.
    strategy: see `strategies()`; None: "auto".
    preset:   sizes of what the strategy searches with: "scaled", for budgets of one machine, or "paper",
              as its paper ran it; None: "scaled".
    minutes, trials, tokens: of all runs together; tokens are those trained on; None: no bound.
    target:   the search ends when a loss at the last rung is at most this.
    workers:  proposals trained at a time, one thread each; None: one for each processor.
    hidden_size: H of the LSTM whose number of parameters every proposal gets.
    parameters: that number, in place of the LSTM's.
    layers, embedding_size, batch_size, truncation, learning_rate: of the models.
    rungs:    levels of successive halving; updates: of training up to the last one.
    deterministic: scores count in the order of proposals, so that a run repeats.
    controls: LSTM and GRU are measured too.
    front:    proposals rise, and have children, by the front of loss, parameters and step_seconds on
              which they stand, not by the loss alone; not with deterministic.
    operations: names of those that cells may use; None: all.
    max_nodes, max_depth, max_matrices, max_states: of a cell.
    max_blocks: of a block-diagonal map, as product(h, blocks=4); above 1 changes of cells make such maps;
              None: they make none.
    start:    cells to start from, in place of the strategy's; for "auto", "evolution" and "local".
    mixed_layers: the layers may have different cells; "evolution" does that.
    direct_input: x may meet states without a matrix, as in x + linear(h), which needs an embedding of the
              hidden size, and proposals with a running mean of x are made.
    read_only: only look, also while another process runs the study.
    """

    def __init__(
        self, path: Path | None = None, corpus: Corpus | None = None, *,
        strategy: str | None = None, seed: int = 0, minutes: float | None = None,
        trials: int | None = None, workers: int | None = None, hidden_size: int | None = None,
        layers: int | None = None, embedding_size: int | None = None, rungs: int | None = None,
        updates: int | None = None, batch_size: int | None = None,
        truncation: int | None = None, learning_rate: float | None = None,
        deterministic: bool = False, controls: bool = False, read_only: bool = False,
        tokens: int | None = None, target: float | None = None, parameters: int | None = None,
        operations: str | Iterable[str] | None = None, max_nodes: int | None = None,
        max_depth: int | None = None, max_matrices: int | None = None,
        max_states: int | None = None, start: Cell | str | Iterable[Cell | str] | None = None,
        front: bool = False, preset: str | None = None,
        mixed_layers: bool = False, direct_input: bool = False, max_blocks: int | None = None,
    ) -> None:
        if corpus is not None and not isinstance(corpus, Corpus):
            raise TypeError(f"corpus must be a Corpus or None, not {type(corpus).__name__}; make one by "
                            "Corpus(PATH) or Corpus(text=...)")
        counts = {
            "trials": trials, "workers": workers, "hidden_size": hidden_size, "layers": layers,
            "embedding_size": embedding_size, "rungs": rungs, "updates": updates,
            "batch_size": batch_size, "truncation": truncation, "tokens": tokens,
            "parameters": parameters, "max_nodes": max_nodes, "max_depth": max_depth,
            "max_matrices": max_matrices, "max_states": max_states, "max_blocks": max_blocks}
        numbers = {"minutes": minutes, "learning_rate": learning_rate}
        checked: dict[str, float] = {
            **{name: positive_int(name, value) for name, value in counts.items() if value is not None},
            **{name: positive(name, value) for name, value in numbers.items() if value is not None}}
        if "batch_size" in checked:
            checked["batch"] = checked.pop("batch_size")
        if target is not None:
            checked["target"] = float(target) or math.ulp(0)  # the library reads zero as none
        self.path = None if path is None else os.fspath(path)
        self.corpus = corpus
        self._minutes, self._trials, self._tokens = minutes, trials, tokens
        self._workers, self._read_only = workers, read_only
        texts = {} if preset is None else {"preset": preset}
        if operations is not None:
            texts["operations"] = operations if isinstance(operations, str) else " ".join(operations)
        if start is not None:
            cells = [cell_from(cell) for cell in by_name(start).values()]
            texts["start"] = "\n\n".join(cell.equations for cell in cells)
        self._open: _rnncell.Study | None = _rnncell.study_open(
            path, None if corpus is None else corpus._handle, strategy=strategy, seed=seed_of(seed),
            deterministic=deterministic, controls=controls, front=front, read_only=read_only,
            mixed_layers=mixed_layers, direct_input=direct_input, **checked, **texts)

    @property
    def _handle(self) -> _rnncell.Study:
        if self._open is None:
            raise StateError("the study is closed; open it again by Study(path)")
        return self._open

    def ask(self) -> Proposal:
        """A cell to score. What was asked and never told comes first, with the same id and seed."""
        return Proposal._from(self._handle.ask())

    def tell(self, id: int, loss: float | Score, *, failure: str | None = None) -> None:
        """The score of a proposal, smaller is better; not finite, or with a failure: it failed."""
        score = loss if isinstance(loss, Score) else Score(loss)
        self._handle.tell(id, failure, score.loss, score.tokens, score.parameters, score.seconds,
                          score.step_seconds, array.array("d", score.part_losses))

    def run(
        self, progress: Listener | None = None, *,
        objective: Objective | None = None,
        executor: concurrent.futures.Executor | None = None,
    ) -> Study:
        """Searches until the study's minutes, trials or tokens are spent; gives the study.

        progress: is called after each score and at least every second; true stops.
        objective: scores a proposal (its `cell`, `seed`, `updates`) by a number, smaller is better, or
                  a Score, in place of the language model on the corpus; what it raises makes the
                  proposal a failed one, and is raised when the first ten fail, or all.
        executor: scores elsewhere: any concurrent.futures.Executor, such as a ProcessPoolExecutor,
                  Dask's `client.get_executor()` or mpi4py's MPIPoolExecutor. None: in this process.
                  A proposal whose worker died is scored again.

        Ctrl-C raises KeyboardInterrupt; nothing that was told is lost, and another run carries on.
        """
        if objective is not None or executor is not None:
            from .scoring import run_scored
            run_scored(self, objective, executor, progress)
            return self
        self._handle.run(progress and (lambda info, row: progress(
            StudyInfo._from(info), None if row is None else Proposal._from(row))))
        return self

    @property
    def info(self) -> StudyInfo:
        """The study in numbers."""
        return StudyInfo._from(self._handle.describe())

    @property
    def settings(self) -> dict[str, Any]:
        """What the study was begun with."""
        settings: dict[str, Any] = json.loads(self._handle.describe()["settings"])
        return settings

    @property
    def sizes(self) -> dict[str, float]:
        """Of the language models that are trained, by the names of the options; empty without a corpus."""
        settings = self.settings
        if "hidden_size" not in settings:
            return {}
        whole = {name: int(settings["batch" if name == "batch_size" else name]) for name in
                 ("hidden_size", "layers", "embedding_size", "parameters", "batch_size", "truncation")}
        return {**whole, "learning_rate": float(settings["learning_rate"])}

    def leaderboard(self, limit: int | None = None) -> list[Proposal]:
        """The scored proposals, those on the highest rung first, by their loss."""
        if limit is not None and limit < 0:
            raise InvalidArgumentError(f"limit is {limit}; pass 0 or more, or None for all")
        count = _ALL if limit is None else limit
        return [Proposal._from(row) for row in self._handle.proposals(_BY_LOSS, 0, count)]

    def front(self) -> list[Proposal]:
        """Of the last rung, those that no other one beats in loss, parameters and step_seconds
        together, by their loss. Parameters that differ by less than 2 % count as equal."""
        return [Proposal._from(row) for row in self._handle.proposals(_FRONT, 0, _ALL)]

    @property
    def history(self) -> list[Proposal]:
        """All proposals by their id."""
        return [Proposal._from(row) for row in self._handle.proposals(_AS_PROPOSED, 0, _ALL)]

    def proposal(self, id: int) -> Proposal:
        """The one with an id; InvalidArgumentError where there is none."""
        rows = self._handle.proposals(_AS_PROPOSED, id - 1, 1)
        if not rows:
            raise InvalidArgumentError(
                f"there is no proposal {id}; ids are from 1 to {self.info.proposal_count}")
        return Proposal._from(rows[0])

    @property
    def best(self) -> Proposal:
        """The first of the leaderboard that the strategy found; StateError before there is one."""
        for row in self.leaderboard():
            if row.strategy != CONTROL:
                return row
        failures = [row.failure for row in self.history if row.state == "failed"]
        if failures:
            raise StateError(f"all {len(failures)} proposals that were tried failed, the last one with: "
                             f"{failures[-1]}")
        raise StateError("the study has no scored proposal yet; run it, or tell a score")

    def beside(self, suffix: str) -> pathlib.Path | None:
        """The file of another suffix beside the study; None for a study in memory."""
        return None if self.path is None else pathlib.Path(os.fsdecode(self.path)).with_suffix(suffix)

    def record_test(self, *, again: bool = False) -> None:
        """Notes that a test text is about to be read to judge cells of the study.

        again: it may have been read before; StateError otherwise. `finalists` calls this.
        """
        self._handle.record_test(again)

    def finalists(
        self, count: int = 3, *, seeds: int = 5, rivals: Cell | str | Iterable[Cell | str] = ("lstm", "gru"),
        learning_rates: Sequence[float] | None = (0.0015, 0.003, 0.006),
        corpus: Corpus | Task | None = None, save: Path | None = None, again: bool = False,
        **options: Any,
    ) -> Comparison:
        """Trains the best cells anew beside rivals, each with its best learning rate, and tests them.

        All have the parameters, layers and embedding of the study, the same seeds, and each the rate
        of the grid that has the least validation loss after a quarter of the training. The finalist
        with the least validation loss is the first cell of the comparison. Then the test data is read:
        once, which the study records.

        count:    cells of the leaderboard, without the rivals.
        rivals:   cells, stock names, files or equations.
        corpus:   the study's, for a study that was opened without it; or the task that was its
                  objective.
        save:     what is kept, so that the same call carries on; None: `NAME.finalists.json` beside the
                  study.
        again:    read the test data although it was read before.
        options:  of `compare`, such as epochs (default: 4), workers or progress.
        """
        from .finalists import run_finalists
        return run_finalists(self, corpus or self.corpus, count, rivals, save, again, seeds=seeds,
                             learning_rates=learning_rates, **options)

    def ablation(self, *, corpus: Corpus | Task | None = None, save: Path | None = None,
                 **options: Any) -> Comparison:
        """What each part of the winner contributes: see `ablate`.

        The winner is the best finalist by validation, or else the best cell of the leaderboard.

        save:    what is kept, so that the same call carries on; None: `NAME.ablation.json` beside the
                 study.
        options: of `compare`; the sizes are those of the study.
        """
        from .finalists import run_ablation
        return run_ablation(self, corpus or self.corpus, save, **options)

    def report(self, path: Path, *, others: Iterable[Study] = (),
               comparison: Comparison | None = None) -> None:
        """Writes a self-contained HTML page: curves, front, drawings, equations, leaderboard.

        others: further studies whose curves are shown beside, such as a random search.
        comparison: of its cells with others; None: that of `finalists`, where there is one.
        """
        from .report import write_report
        write_report(path, [self, *others], comparison)

    def csv(self, file: TextIO) -> None:
        """Writes all proposals as comma-separated values with a heading."""
        writer = csv.writer(file)
        writer.writerow(Proposal._fields)
        for row in self.history:
            writer.writerow([" ".join(map(str, value)) if isinstance(value, tuple) else value
                             for value in row])

    def close(self) -> None:
        """Closes the file; harmless when it is closed."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def __repr__(self) -> str:
        where = "in memory" if self.path is None else repr(self.path)
        if self._open is None:
            return f"<rnncell.Study {where}, closed>"
        info = self.info
        return f"<rnncell.Study {where}, {info.strategy}, {info.scored_count} scored>"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a study cannot be copied or pickled; open its file with read_only=True")


def search(
    corpus: Corpus | None = None, *, strategy: str | None = None, minutes: float | None = None,
    trials: int | None = None, tokens: int | None = None, hidden_size: int = 32, seed: int = 0,
    db: Path | None = None, workers: int | None = None, controls: bool = True,
    progress: Listener | bool | None = None, objective: Objective | None = None,
    executor: concurrent.futures.Executor | None = None, **options: Any,
) -> Study:
    """Searches for a cell that predicts a corpus well, or that an objective scores well.

    With `db=` the same call again carries on: minutes, trials and tokens are totals of the study.
    Without all three, it searches for two minutes. Beside the file, `NAME.hall_of_fame.csv` holds the
    best cells at all times.

    objective, executor: as for Study.run.
    progress: a callback as for Study.run; None: a live table if the terminal is one, in which the key `q`
              stops; False: silent.
    options:  further arguments of Study, such as layers, rungs, batch_size or deterministic.

    Ctrl-C raises KeyboardInterrupt, whose `study` attribute holds the study with all that was told, as that
    of any other exception that ends the search.
    """
    if corpus is None and objective is None:
        raise InvalidArgumentError("there is nothing to search for; pass a corpus or an objective")
    if minutes is None and trials is None and tokens is None:
        minutes = 2.0
    study = Study(
        db, corpus, strategy=strategy, minutes=minutes, trials=trials, tokens=tokens,
        hidden_size=hidden_size, seed=seed, workers=workers, controls=controls, **options)
    table = None
    if progress is None or progress is True:
        from .cli.live import LiveTable
        if progress or sys.stderr.isatty():
            table = LiveTable(study, sys.stderr)
    listener: Any = table.hear if table else (progress if callable(progress) else None)
    if db is not None:
        from .halloffame import HallOfFame
        listener = HallOfFame(study, listener).hear
    try:
        study.run(listener, objective=objective, executor=executor)
    except KeyboardInterrupt as error:
        kept = f"{study.info.scored_count} scored cells are kept"
        again = f" in {study.path}; the same call carries on" if study.path else " in .study"
        interrupt = KeyboardInterrupt(f"interrupted; {kept}{again}")
        interrupt.study = study  # type: ignore[attr-defined]
        raise interrupt from error
    except Exception as error:
        error.study = study  # type: ignore[attr-defined]
        raise
    finally:
        if table:
            table.close()
    return study

