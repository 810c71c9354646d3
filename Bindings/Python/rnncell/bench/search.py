"""Rows: proposals an hour of a search, with everything that a proposal takes.

All train the same cells under one protocol: those that random search proposes with a seed, each in a
model of characters with as many parameters as one with an LSTM of 64, from the same weights, for the
updates of one rung, and read its validation loss. Ours is the search itself, with what it rejects,
its file and its predictions. Of another library the fastest of its ways to write the training counts, in
one process with all threads or in one process for each thread; what it compiles for a cell counts, since
the next cell needs it anew, but neither its import nor the reading of our equations does.
"""
from __future__ import annotations

import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .._rnncell import InternalError
from ..cells import Cell
from ..corpora import Corpus
from ..models import LanguageModel
from ..studies import Proposal, Study
from .peers import Peer, environment, load
from .program import Program

SEED = 1
#: Cells on which the ways of a library are compared; the fastest is then timed with all.
TRIED = 4
#: Nats by which validation losses may differ: sums in another order grow apart over the updates. A cell
#: whose training is chaotic ends elsewhere whoever trains it: one of so many may differ by more.
TOLERANCE, CHAOTIC = 0.05, 8


class Rung:
    """How a proposal is trained and scored: what a study with `options` does.

    segments: of the updates, [T + 1, B]; each begins with the last token of the one before.
    pieces:   [steps + 1, B], the validation text in B pieces that are read side by side.
    lengths:  [B], how many predictions of each piece count; all but the last may be longer by one.
    """

    hidden, batch, truncation, rate, clip, valid_tokens = 64, 32, 35, 0.002, 5.0, 20_000

    def __init__(self, corpus: Corpus, updates: int = 300) -> None:
        import numpy
        self.corpus, self.updates = corpus, updates
        tokens = numpy.asarray(corpus.train)
        length = len(tokens) // self.batch
        if (length - 1) // self.truncation < updates:
            raise InternalError(f"{len(tokens)} tokens are too few for {updates} updates")
        columns = tokens[:length * self.batch].reshape(self.batch, length).T
        self.segments = [columns[start:start + self.truncation + 1].copy()
                         for start in range(0, updates * self.truncation, self.truncation)]
        valid = numpy.asarray(corpus.valid)[:self.valid_tokens]
        each, more = divmod(len(valid) - 1, self.batch)
        self.lengths = numpy.array([each + (piece < more) for piece in range(self.batch)])
        starts = numpy.concatenate([[0], numpy.cumsum(self.lengths)[:-1]])
        places = starts + numpy.arange(self.lengths[0] + 1)[:, None]
        self.pieces = valid[numpy.minimum(places, len(valid) - 1)]
        self.parameters = LanguageModel("lstm", corpus, hidden_size=self.hidden).parameter_count

    @property
    def counted(self) -> Any:
        """1 for each prediction of `pieces` that counts, else 0; [steps, B]."""
        import numpy
        return (numpy.arange(len(self.pieces) - 1)[:, None] < self.lengths).astype(numpy.float32)

    def study(self, trials: int, workers: int) -> Study:
        """Random search."""
        return Study(
            None, self.corpus, strategy="random", seed=SEED, trials=trials, workers=workers,
            hidden_size=self.hidden, rungs=1, updates=self.updates, batch_size=self.batch,
            truncation=self.truncation, learning_rate=self.rate)

    def start(self, equations: str, seed: int) -> tuple[Program, dict[str, Any]]:
        """A cell at the size that the study gives it, and the weights that it starts from."""
        import numpy
        cell = Cell(equations)
        model = LanguageModel(cell, self.corpus, parameters=self.parameters,
                              embedding_size=self.hidden, seed=seed)
        program = Program(cell, self.hidden, model.hidden_size)
        given = {name: numpy.asarray(value) for name, value in model.parameters().items()}
        layer = program.stack(numpy, {name.removeprefix("layers.0."): value
                                      for name, value in given.items()})
        return program, {"embedding": given["embedding.weight"], "softmax": given["output.weight"],
                         "bias": given["output.bias"], "layer": layer}


class Way(NamedTuple):
    """How a library is used: its own way to train, processes, and threads of each."""

    peer: str
    setting: str
    processes: int
    threads: int

    @property
    def label(self) -> str:
        """As it is printed."""
        return f"{self.peer} {self.setting}, {self.processes} x {self.threads} threads"


def ways(peer: str, settings: Sequence[str], threads: int) -> list[Way]:
    """One process with all threads, and one process for each thread."""
    shapes = dict.fromkeys([(1, threads), (threads, 1)])
    return [Way(peer, setting, *shape) for setting in settings for shape in shapes]


def ours(rung: Rung, trials: int, workers: int) -> tuple[float, list[Proposal]]:
    """Proposals per hour of the search, and what it scored."""
    start = time.perf_counter()
    with rung.study(trials, workers) as study:
        study.run()
        seconds = time.perf_counter() - start
        rows = [row for row in study.history if row.state == "scored"]
    return len(rows) / seconds * 3600, rows


def theirs(way: Way, rows: Sequence[Proposal], updates: int) -> float:
    """Proposals per hour of another library; processes take every so-manieth cell.

    InternalError where a process fails, or where validation losses are not ours.
    """
    command = [sys.executable, "-m", __name__, way.peer, way.setting, str(way.threads), str(updates)]
    shares = [rows[place::way.processes] for place in range(way.processes)]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                stderr=subprocess.PIPE, env={**os.environ, **environment(way.threads)})
               for share in shares if share]
    try:
        for process, share in zip(started, shares):
            say(process, json.dumps([(row.equations, row.seed) for row in share]))
        for process in started:
            hear(process, way)
        for process in started:
            say(process, "begin")
        answers = [json.loads(hear(process, way)) for process in started]
    finally:
        for process in started:
            process.kill()
            process.communicate()
    apart = [(row, loss) for share, answer in zip(shares, answers)
             for row, loss in zip(share, answer["losses"], strict=True)
             if not abs(loss - row.valid_loss) <= TOLERANCE]
    if len(apart) > len(rows) // CHAOTIC:
        row, loss = apart[0]
        raise InternalError(f"{way.label}: validation loss {loss:.4f}, ours {row.valid_loss:.4f}, for\n"
                            f"{row.equations}")
    # Of each while it worked: a process that is done early does not slow the sum.
    return sum(len(answer["losses"]) / answer["seconds"] * 3600 for answer in answers)


def say(process: subprocess.Popen[str], line: str) -> None:
    """Writes a line to a process, which may have ended."""
    assert process.stdin is not None
    try:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass


def hear(process: subprocess.Popen[str], way: Way) -> str:
    """The next line of a process; InternalError with its last words where it ended."""
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    if not line:
        words = process.stderr.read().strip().splitlines()
        raise InternalError(f"{way.label} ended: {words[-1] if words else 'without a word'}")
    return line


def proposals(peers: Sequence[Peer], threads: int, *, trials: int, rounds: int, thorough: bool,
              hint: Callable[[str], object] = lambda text: None) -> dict[str, Any]:
    """Proposals per hour by library, the medians of rounds in turns.

    thorough: torch.compile is tried too, which takes a minute and more.
    """
    rung = Rung(corpus())
    rate, rows = ours(rung, trials, threads)
    hint(f"rnncell: {rate:,.0f}")
    tried: dict[str, float] = {}
    failures: dict[str, str] = {}
    chosen: list[Way] = []
    for peer in peers:
        rates: dict[Way, float] = {}
        for way in ways(peer.name, peer.proposal_settings[:None if thorough else 1], threads):
            try:
                rates[way] = theirs(way, rows[:TRIED], rung.updates)
            except InternalError as error:
                failures[way.label] = str(error)
                continue
            tried[way.label] = rates[way]
            hint(f"{way.label}: {rates[way]:,.0f}")
        if rates:
            chosen.append(max(rates, key=rates.__getitem__))
    series: dict[str, list[float]] = {"rnncell": [], **{way.label: [] for way in chosen}}
    shares = []
    for turn in range(rounds):
        rate, again = ours(rung, trials, threads)
        series["rnncell"].append(rate)
        shares.append(sum(row.seconds for row in again) * rate / len(again) / 3600 / threads)
        for way in chosen:
            series[way.label].append(theirs(way, rows, rung.updates))
        hint(f"round {turn + 1}: " + ", ".join(f"{label} {values[-1]:,.0f}"
                                              for label, values in series.items()))
    medians = {label: statistics.median(values) for label, values in series.items()}
    ratios = {way.peer: medians["rnncell"] / medians[way.label] for way in chosen}
    return {"seed": SEED, "cells": len(rows), "updates": rung.updates, "rounds": series,
            "proposals_per_hour": medians, "ratios": ratios, "floors": FLOORS,
            "share_of_training": statistics.median(shares), "tried": tried, "failures": failures,
            "ratio": min(ratios.values()) if ratios else None}


#: Ratios that the project holds itself to.
FLOORS = {"jax": 3.0, "torch": 5.0}


def corpus() -> Corpus:
    """Half a million characters that every Python has; the first of them are its validation text."""
    folder = pathlib.Path(json.__file__).resolve().parent.parent
    names = ("argparse.py", "ast.py", "datetime.py", "doctest.py", "inspect.py", "pathlib.py")
    found = [folder / name for name in names if (folder / name).is_file()]
    text = "".join(path.read_text(encoding="utf-8") for path in found)[:500_000]
    return Corpus(train_text=text, valid_text=text[:20_000], test_text=text[:1000],
                  unit="character")


def work(name: str, setting: str, threads: int, updates: int) -> None:
    """What a process of `theirs` does: reads cells, says that it is ready, and trains when told."""
    peer = load([name], threads)[0][0]
    rung = Rung(corpus(), updates)
    cells = json.loads(sys.stdin.readline())
    starts = [rung.start(equations, seed) for equations, seed in cells]
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    losses = [peer.proposal(rung, program, weights, setting) for program, weights in starts]
    print(json.dumps({"seconds": time.perf_counter() - start,
                      "losses": [loss if math.isfinite(loss) else 1e9 for loss in losses]}))


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
