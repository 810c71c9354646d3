"""What is measured: each unit is some minutes of work, and one row of a table."""
from __future__ import annotations

import functools
import math
import pathlib
import sqlite3
import time
from typing import Any, NamedTuple

import rnncell
from headline import LONG, WORDS_RATE, both, words_in_small
from ledger import TABLES, Table, cell_of, one_line
from protocols import PROTOCOLS, data_of, text_of
from recipes import recipe
from tasks import measure_task

SCRATCH = pathlib.Path("build/evidence")
# Updates of a search at which the sixteen arcs are scored; the last ends a search's training.
CALIBRATION_POINTS = (160, 320, 480, 960, 1440, 2880, 4320)
VALID_TOKENS = 20_000
# Cells of the long search that are trained to the end.
FINALISTS = 3
SANITY_CELLS = 100
# Of a final training in C, after which cells are ranked.
GRID_EPOCHS = 1
# The name of the ablation that leaves nothing out.
WHOLE = "whole"
# Starts of the weights, of which each cell of the sanity check gets the better one: ours, and uniform as
# large as suits cells without a start of their own.
SANITY_RANGES = (None, 0.2)


class Unit(NamedTuple):
    """One row to be measured."""

    table: str
    key: dict[str, Any]

    @property
    def text(self) -> str:
        """What a terminal shows of it."""
        return f"{self.table} " + " ".join(str(value)[:40] for value in self.key.values())


def measure(unit: Unit, data: pathlib.Path) -> None:
    """Does a unit and adds its row."""
    table = Table(unit.table)
    if table.find(**unit.key):
        return
    figures = FUNCTIONS[unit.table](data, **unit.key)
    arguments = " ".join(f"{name}={value!r}" for name, value in unit.key.items())
    command = f"python Tests/Evidence/run.py DATA --unit {unit.table} {arguments}"
    table.append({**unit.key, **figures, "command": command})


def _search(data: pathlib.Path, protocol: str, strategy: str, seed: int) -> dict[str, Any]:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    settings, text = PROTOCOLS[protocol], data_of(protocol, data)
    path = SCRATCH / f"{protocol}-{strategy}-{seed}.db"
    with settings.study(path, text, strategy, seed) as study:
        info, rows = study.info, study.leaderboard()
        last = [row for row in rows if row.rung == settings.rungs - 1]
        history = study.history
        failures = [row.failure for row in history if row.state == "rejected"]
        return {
            "tokens": info.tokens, "seconds": round(info.seconds, 1),
            "proposals": info.proposal_count,
            "trained": sum(row.work == "cell" and row.state != "rejected" for row in history),
            "duplicates": sum("duplicate" in text for text in failures),
            "exploded": sum("duplicate" not in text for text in failures),
            "stages": sum(row.work != "cell" for row in history),
            "best_loss": f"{last[0].valid_loss:.5f}", "curve": best_by_tokens(study.path, last),
            "tau": f"{info.tau:.3f}", "winner": one_line(last[0].cell)}


def _headline(data: pathlib.Path, protocol: str, seed: int, part: int) -> dict[str, Any]:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    search, path = LONG[protocol], SCRATCH / f"headline-{protocol}-{seed}.db"
    tokens = 0
    if path.exists():
        with rnncell.Study(path, read_only=True) as begun:
            tokens = begun.info.tokens
    start = time.process_time()
    with search.study(path, data, seed, part) as study:
        info = study.info
        last = [row for row in study.leaderboard() if row.rung == search.rungs - 1]
        # Of the whole part, also where an earlier process began it.
        core = (time.process_time() - start) * search.tokens / max(1, info.tokens - tokens)
        return {"tokens": info.tokens, "core_seconds": round(core, 1), "scored": info.scored_count,
                "tau": f"{info.tau:.3f}",
                "best_loss": f"{last[0].valid_loss:.5f}" if last else "",
                "cells": " | ".join(one_line(row.cell) for row in last[:FINALISTS])}


def _full(data: pathlib.Path, protocol: str, seed: int, proposal: int) -> dict[str, Any]:
    """A proposal of the long search on characters trained through all rungs, whatever its loss."""
    search = LONG[protocol]
    settings, corpus = text_of(protocol), data_of(protocol, data)
    with rnncell.Study(SCRATCH / f"headline-{protocol}-{seed}.db", read_only=True) as study:
        row = study.proposal(proposal)
    model = rnncell.LanguageModel(row.cell, corpus, parameters=row.parameters,
                                  embedding_size=settings.hidden, seed=row.seed)
    checkpoint = SCRATCH / f"full-{protocol}-{proposal}.safetensors"
    checkpoint.unlink(missing_ok=True)
    start = time.monotonic()
    losses: list[float] = []
    for rung in reversed(range(search.rungs)):
        try:
            settings.fit_as_searched(model, corpus, updates=search.updates // 3 ** rung,
                                     seed=row.seed, checkpoint=checkpoint, resume=bool(losses))
        except rnncell.DivergedError:
            losses += [math.inf] * (rung + 1)
            break
        losses.append(model.evaluate(corpus.valid[:VALID_TOKENS], threads=1))
    checkpoint.unlink(missing_ok=True)
    return {"cell": one_line(row.cell), "losses": " ".join(f"{loss:.5f}" for loss in losses),
            "seconds": round(time.monotonic() - start, 1)}


def best_by_tokens(path: str | None, last: list[rnncell.Proposal]) -> str:
    """The best loss at the last rung when so many tokens had been trained, `tokens:loss` for each time
    that it fell."""
    assert path is not None
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        asks = database.execute(
            "SELECT proposal, rung, loss, tokens FROM asks WHERE state = 1 ORDER BY told_order"
        ).fetchall()
    database.close()
    rung = last[0].rung
    spent: dict[int, int] = {}
    best, points = math.inf, []
    for proposal, level, loss, tokens in asks:
        spent[proposal] = tokens
        if level == rung and loss < best:
            best = loss
            points.append(f"{sum(spent.values())}:{loss:.5f}")
    return " ".join(points)


def _grid(data: pathlib.Path, protocol: str, cell: str) -> dict[str, Any]:
    """The losses of a cell after a part of a final training, by which cells are ranked."""
    settings, text = PROTOCOLS[protocol], data_of(protocol, data)
    losses: list[float] = []
    start = time.monotonic()
    for rate in settings.rates:
        model = settings.model(text, cell_of(cell), seed=0)
        try:
            settings.fit(model, text, epochs=GRID_EPOCHS, learning_rate=rate, seed=0)
            losses.append(settings.loss(model, text, "valid"))
        except rnncell.DivergedError:
            losses.append(math.inf)
    return {"losses": " ".join(f"{loss:.5f}" for loss in losses),
            "hidden": model.hidden_size, "parameters": model.parameter_count,
            "seconds": round(time.monotonic() - start, 1)}


def model_path(protocol: str, cell: str, rate: object, seed: int) -> pathlib.Path:
    """Where a final model lies."""
    return SCRATCH / f"{protocol}-{cell_of(cell).digest}-{rate}-{seed}.safetensors"


def _trained(data: pathlib.Path, protocol: str, cell: str, rate: object, seed: int,
             epochs: int | None = None) -> dict[str, Any]:
    """A final training, whose model is kept, or its first epochs, from which a final one goes on."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    settings, text = PROTOCOLS[protocol], data_of(protocol, data)
    start = time.monotonic()
    model = settings.model(text, cell_of(cell), seed)
    loss = math.inf
    try:
        path = model_path(protocol, cell, rate, seed)
        going_on = {} if settings.rate_epochs is None else {
            "checkpoint": path.with_suffix(".checkpoint"), "resume": True, "csv": False}
        settings.fit(model, text, epochs=epochs or settings.epochs, seed=seed,
                     learning_rate=float(str(rate)), **going_on)
        loss = settings.loss(model, text, "valid")
        if epochs is None:
            model.save(path)
    except rnncell.DivergedError:
        pass
    tokens = model.history[-1].tokens if model.history else 0
    return {"hidden": model.hidden_size, "parameters": model.parameter_count,
            "valid_loss": f"{loss:.5f}", "tokens": tokens,
            "seconds": round(time.monotonic() - start, 1)}


def _rates(data: pathlib.Path, protocol: str, cell: str, rate: float) -> dict[str, Any]:
    return _trained(data, protocol, cell, rate, seed=0, epochs=PROTOCOLS[protocol].rate_epochs)


def chosen(protocol: str, cell: str) -> dict[str, str] | None:
    """The row of the learning rate that is best with seed 0; None before all are known."""
    rows = [Table("rates").find(protocol=protocol, cell=cell, rate=rate)
            for rate in PROTOCOLS[protocol].rates]
    found = [row for row in rows if row is not None]
    if len(found) < len(rows):
        return None
    return min(found, key=lambda row: float(row["valid_loss"]))


def chosen_rate(protocol: str, cell: str) -> str:
    """That learning rate."""
    row = chosen(protocol, cell)
    assert row is not None, "the learning rate is not chosen yet"
    return row["rate"]


def _final(data: pathlib.Path, protocol: str, cell: str, seed: int) -> dict[str, Any]:
    rate = chosen_rate(protocol, cell)
    row = Table("rates").find(protocol=protocol, cell=cell, rate=rate)
    is_done = seed == 0 and PROTOCOLS[protocol].rate_epochs is None
    figures = {name: row[name] for name in TABLES["rates"][1]} if is_done and row else \
        _trained(data, protocol, cell, rate, seed)
    return {"learning_rate": rate, **figures}


def _ablation(data: pathlib.Path, protocol: str, cell: str, part: str, seed: int) -> dict[str, Any]:
    """A cell without one part, or whole: in C at the learning rate of the whole, else in small, as searched."""
    made = cell_of(cell)
    made = made if part == WHOLE else made.ablations()[part]
    rate = chosen_rate("C", cell) if protocol == "C" else {"W": WORDS_RATE, "CW": None}[protocol]
    start = time.monotonic()
    loss, losses = math.inf, None
    try:
        if protocol == "C":
            settings, text = PROTOCOLS[protocol], data_of(protocol, data)
            model = settings.model(text, made, seed)
            settings.fit(model, text, epochs=settings.epochs, seed=seed, learning_rate=float(rate))
            loss = settings.loss(model, text, "valid")
        else:
            task = words_in_small(data) if protocol == "W" else both(data)
            small = task.model(made, seed)
            task.fit(small, updates=LONG[protocol].updates, seed=seed, threads=1, csv=False)
            loss = task.loss(small)
            if protocol == "CW":
                losses = [each.loss(model) for each, model in zip(task.tasks, small.parts)]
    except rnncell.DivergedError:
        pass
    return {"learning_rate": rate, "valid_loss": f"{loss:.5f}",
            "part_losses": losses and " ".join(f"{each:.5f}" for each in losses),
            "seconds": round(time.monotonic() - start, 1)}


def _test(data: pathlib.Path, protocol: str, cell: str, seed: int) -> dict[str, Any]:
    final = Table("final").find(protocol=protocol, cell=cell, seed=seed)
    assert final is not None, "the final training is not done yet"
    rate = final["learning_rate"]
    path = model_path(protocol, cell, rate, seed)
    valid_loss = final["valid_loss"]
    if not path.exists():
        # Trained elsewhere: the row is to say how good the model is that is tested.
        valid_loss = _trained(data, protocol, cell, rate, seed)["valid_loss"]
    loss = math.inf
    if path.exists():
        settings = PROTOCOLS[protocol]
        loss = settings.loss(settings.load(path), data_of(protocol, data), "test")
    return {"learning_rate": rate, "valid_loss": valid_loss, "test_loss": f"{loss:.5f}"}


def _curve(data: pathlib.Path, protocol: str, cell: str) -> dict[str, Any]:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    settings, corpus = text_of(protocol), data_of(protocol, data)
    model = settings.model(corpus, cell_of(cell), seed=0)
    checkpoint = SCRATCH / f"curve-{protocol}-{cell_of(cell).digest}.safetensors"
    checkpoint.unlink(missing_ok=True)
    start = time.monotonic()
    points = []
    for updates in CALIBRATION_POINTS:
        settings.fit_as_searched(model, corpus, updates=updates, checkpoint=checkpoint,
                                 resume=bool(points))
        loss = model.evaluate(corpus.valid[:VALID_TOKENS], threads=1)
        points.append(f"{updates}:{loss:.5f}")
    checkpoint.unlink()
    return {"points": " ".join(points), "valid_loss": f"{model.evaluate(corpus.valid):.5f}",
            "seconds": round(time.monotonic() - start, 1)}


def _cheap(data: pathlib.Path, protocol: str, strategy: str, seed: int) -> dict[str, Any]:
    """The losses of the sixteen arcs with the weights that a search shares, at its last stage."""
    path = SCRATCH / f"{protocol}-{strategy}-{seed}.db"
    if not path.exists():
        _search(data, protocol, strategy, seed)
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        step = database.execute(
            "SELECT max(step) FROM measures WHERE name LIKE '0:%'").fetchone()[0]
        losses = dict(database.execute(
            "SELECT name, value FROM measures WHERE step = ? AND name LIKE '0:%'", (step,)))
    database.close()
    return {"losses": " ".join(f"{cell_of(cell).digest[:8]}:{losses[arc]:.5f}" for arc, cell in
                               zip(calibration_arcs(data), calibrations(data)))}


def _sanity(data: pathlib.Path, protocol: str, cell: str) -> dict[str, Any]:
    settings, corpus = text_of(protocol), data_of(protocol, data)
    made = rnncell.Cell.from_recipe(recipe(int(cell))) if cell.isdigit() else cell_of(cell)
    start = time.monotonic()
    losses: list[float] = []
    for span in SANITY_RANGES:
        model = settings.model(corpus, made, seed=0, init_range=span)
        try:
            settings.fit_as_searched(model, corpus, updates=settings.updates)
            losses.append(model.evaluate(corpus.valid[:VALID_TOKENS], threads=1))
        except rnncell.DivergedError:
            losses.append(math.inf)
    return {"updates": settings.updates, "losses": " ".join(f"{loss:.5f}" for loss in losses),
            "valid_loss": f"{min(losses):.5f}", "seconds": round(time.monotonic() - start, 1)}


FUNCTIONS = {
    "search": _search, "headline": _headline, "full": _full, "grid": _grid,
    "rates": _rates, "final": _final,
    "test": _test, "ablation": _ablation, "curve": _curve, "cheap": _cheap, "sanity": _sanity,
    "task": measure_task}
assert set(FUNCTIONS) == set(TABLES)


def random_recipes() -> list[str]:
    """The seeds of random recipes of which no two make the same cell."""
    seeds: dict[str, str] = {}
    seed = 0
    while len(seeds) < SANITY_CELLS:
        seeds.setdefault(rnncell.Cell.from_recipe(recipe(seed)).digest, str(seed))
        seed += 1
    return list(seeds.values())


def calibrations(data: pathlib.Path) -> list[str]:
    """The cells of `calibration_arcs`, in one line each."""
    return [one_line(rnncell.Cell.from_genotype(
        [(word.split(":")[1], int(word.split(":")[0])) for word in arc.split()]))
        for arc in calibration_arcs(data)]


@functools.lru_cache(maxsize=1)
def calibration_arcs(data: pathlib.Path) -> list[str]:
    """The sixteen arcs that every stage with shared weights scores, `0:tanh 1:relu`."""
    arcs: set[str] | None = None
    corpus = data_of("C", data)
    for seed in (1, 2):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        path = SCRATCH / f"calibrations-{seed}.db"
        with rnncell.Study(path, corpus, strategy="random_shared", seed=seed, trials=1, workers=1,
                           hidden_size=8, batch_size=8, truncation=10, updates=2, rungs=1) as study:
            study.run()
        with sqlite3.connect(path) as database:
            names = {name for name, in database.execute("SELECT name FROM measures")
                     if name.startswith("0:")}
        database.close()
        # What two stages have in common is what all have.
        arcs = names if arcs is None else arcs & names
    assert arcs is not None and len(arcs) == 16, arcs
    return sorted(arcs)
