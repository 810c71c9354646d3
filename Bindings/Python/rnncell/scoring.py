"""Scoring the proposals of a study outside of the library: by an objective, or by other processes."""
from __future__ import annotations

import concurrent.futures
import contextlib
import math
import os
import time
from typing import TYPE_CHECKING, Any, SupportsFloat

from ._rnncell import Array, Error, InvalidArgumentError, StateError
from .cells import Cell
from .models import LanguageModel
from .scores import Score

if TYPE_CHECKING:
    from .corpora import Corpus
    from .studies import Listener, Objective, Proposal, Study

# The validation loss of a proposal is that of so many tokens.
VALID_TOKENS = 20_000
# A proposal whose worker died is scored again so many times before it counts as failed.
_RETRIES = 3
# When so many have failed and none has a score, it is the objective that is wrong.
_ALL_FAILED = 10
# What an objective raises is the proposal's own failure; anything else is one of the machinery.
_OWN_FAILURES = (Error, ArithmeticError, MemoryError, ValueError, TypeError, LookupError,
                 AttributeError, NotImplementedError, AssertionError)


def run_scored(
    study: Study, objective: Objective | None, executor: concurrent.futures.Executor | None,
    progress: Listener | None,
) -> None:
    """Asks, has it scored, and tells, until the study's bounds are spent.

    Raises the last failure when all of the first ten proposals fail, or all there are.
    """
    corpus = study.corpus
    if objective is None and corpus is None:
        raise StateError("the study has no corpus to train on; open it with one, or pass objective=")
    if objective is not None and not callable(objective):
        raise TypeError(f"objective {objective!r} is a {type(objective).__name__}; pass a function that "
                        "takes a proposal and returns its loss, or a Task")
    if study._read_only:
        raise StateError(f"{study.path} is open read-only; open it for writing")
    if study._minutes is None and study._trials is None and study._tokens is None:
        raise StateError("the study has no bound; open it with minutes, trials or tokens")
    with contextlib.ExitStack() as stack:
        if executor is None and getattr(objective, "is_thread_safe", False):
            executor = stack.enter_context(concurrent.futures.ThreadPoolExecutor(
                study._workers or os.cpu_count() or 1))
        Scoring(study, objective, executor or Inline(), progress).run()


class Inline(concurrent.futures.Executor):
    """Does the work at once, in the calling thread."""

    _max_workers = 1

    def submit(self, function: Any, /, *args: Any, **keywords: Any) -> Any:
        """The finished future."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        try:
            future.set_result(function(*args, **keywords))
        except Exception as error:
            future.set_exception(error)
        return future


class Scoring:
    """Proposals on their way: asked, being scored, to be told once."""

    def __init__(
        self, study: Study, objective: Objective | None, executor: concurrent.futures.Executor,
        progress: Listener | None,
    ) -> None:
        self._study, self._objective, self._executor = study, objective, executor
        self._progress = progress
        self._workers = (study._workers or getattr(executor, "_max_workers", None)
                         or os.cpu_count() or 1)
        self._start, self._before = time.monotonic(), study.info.seconds
        self._waiting: dict[concurrent.futures.Future[SupportsFloat | Score], Proposal] = {}
        self._lost: dict[int, int] = {}
        self._failures: list[Exception] = []

    def run(self) -> None:
        """Until nothing is left to score; what is not told then will be asked again."""
        try:
            self._top_up()
            while self._waiting:
                done, _ = concurrent.futures.wait(
                    self._waiting, 1, concurrent.futures.FIRST_COMPLETED)
                told = None
                for future in done:
                    told = self._take(future) or told
                if self._progress is not None and self._progress(
                        self._study.info, told and self._study.proposal(told)):
                    return
                self._top_up()
            self._check_failures(at_least=1)
        finally:
            for future in self._waiting:
                future.cancel()

    def _is_spent(self) -> bool:
        spent = self._before + time.monotonic() - self._start
        minutes = self._study._minutes
        return minutes is not None and spent >= 60 * minutes

    def _top_up(self) -> None:
        while len(self._waiting) < self._workers and not self._is_spent():
            try:
                proposal = self._study.ask()
            except StateError:
                return  # the bounds are spent, or older proposals must be told first
            except InvalidArgumentError:
                if not self._waiting:
                    raise
                return  # what is being scored may lead the strategy to a new cell
            self._submit(proposal)

    def _submit(self, proposal: Proposal) -> None:
        study = self._study
        if self._objective is not None:
            future = self._executor.submit(self._objective, proposal)
        else:
            corpus = study.corpus
            assert corpus is not None, "run_scored has seen to it"
            future = self._executor.submit(
                train, corpus, proposal.equations, proposal.seed, proposal.updates, study.sizes)
        self._waiting[future] = proposal

    def _take(self, future: concurrent.futures.Future[SupportsFloat | Score]) -> int | None:
        """Tells what became of a proposal, or has it scored again; the id of what was told."""
        proposal = self._waiting.pop(future)
        try:
            result = future.result()
            score = result if isinstance(result, Score) else Score(float(result))
        except concurrent.futures.BrokenExecutor:
            # All its workers are gone: no other will come. The study is as it was told.
            raise
        except _OWN_FAILURES as error:
            self._study.tell(proposal.id, float("nan"), failure=f"{type(error).__name__}: {error}")
            self._failures.append(error)
            self._check_failures(at_least=_ALL_FAILED)
        except Exception as error:
            # A worker was lost with it: the proposal is still good.
            self._lost[proposal.id] = self._lost.get(proposal.id, 0) + 1
            if self._lost[proposal.id] <= _RETRIES:
                self._submit(proposal)
                return None
            self._study.tell(
                proposal.id, float("nan"),
                failure=f"lost {self._lost[proposal.id]} times: {type(error).__name__}: {error}")
        else:
            self._study.tell(proposal.id, score)
            if not math.isfinite(score.loss):
                self._failures.append(InvalidArgumentError(
                    f"the objective gave {score.loss}; it must give a number, smaller being better"))
                self._check_failures(at_least=_ALL_FAILED)
        return proposal.id

    def _check_failures(self, at_least: int) -> None:
        """Raises the last failure when there are so many and nothing has a score."""
        if len(self._failures) >= at_least and self._study.info.scored_count == 0:
            self._failures[-1].add_note(
                f"All of the {len(self._failures)} proposals that were scored failed. The study keeps "
                "them; mend the objective and begin another one.")
            raise self._failures[-1]


def train(
    corpus: Corpus, equations: str, seed: int, updates: int, sizes: dict[str, Any]
) -> Score:
    """Scores a cell by its validation loss after so many updates, on one thread: what an executor runs.

    As in the library, each model has about as many parameters as one with LSTM of the sizes given.
    """
    if updates < 1:
        raise InvalidArgumentError("the study says no number of updates; open it with updates=")
    cells = [Cell(text) for text in equations.split("\n\n")]
    model = LanguageModel(
        cells if len(cells) > 1 else cells[0], corpus, seed=seed,
        **{name: sizes[name] for name in ("parameters", "layers", "embedding_size")})
    start = time.monotonic()
    model.fit(
        corpus, updates=updates, learning_rate=sizes["learning_rate"],
        batch_size=sizes["batch_size"], truncation=sizes["truncation"], seed=seed, threads=1)
    loss = loss_in_pieces(model, corpus.valid[:VALID_TOKENS], sizes["batch_size"])
    return Score(loss, parameters=model.parameter_count,
                 tokens=updates * sizes["batch_size"] * sizes["truncation"],
                 seconds=time.monotonic() - start)


def loss_in_pieces(model: LanguageModel, text: Array, count: int) -> float:
    """The mean loss of a text that is read in pieces, each from a state of zero, as the library does it
    where it trains."""
    predictions = len(text) - 1
    count = max(1, min(count, predictions))
    starts = [piece * (predictions // count) + min(piece, predictions % count)
              for piece in range(count + 1)]
    return sum(model.evaluate(text[start:end + 1], threads=1) * (end - start)
               for start, end in zip(starts, starts[1:])) / predictions
