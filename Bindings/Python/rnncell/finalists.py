"""Finalists: the best cells of a study against rivals, chosen by validation, tested once."""
from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ._rnncell import InvalidArgumentError, StateError
from .ablation import ablate
from .arrays import positive_int
from .cells import Cell, by_name, cell_from_argument
from .comparison import Comparison, compare
from .corpora import Corpus

if TYPE_CHECKING:
    from .files import Path
    from .studies import Proposal, Study
    from .tasks import Task

EPOCHS = 4
# What is kept beside a study.
FINALISTS, ABLATION = ".finalists.json", ".ablation.json"


def finished(study: Study, suffix: str) -> Comparison | None:
    """What was compared before and lies beside a study, if it is complete."""
    path = study.beside(suffix)
    if path is None or not path.exists():
        return None
    comparison = Comparison.load(path)
    return comparison if comparison.is_complete else None


def comparison_of(study: Study) -> Comparison | None:
    """The finalists with their rivals, if they were compared."""
    comparison = finished(study, FINALISTS)
    return comparison and ordered(comparison)


def ablation_of(study: Study) -> Comparison | None:
    """The winner without each of its parts, if that was trained."""
    return finished(study, ABLATION)


def chosen(study: Study, count: int, rivals: list[Cell]) -> dict[str, Proposal]:
    """The best cells of a study that are no rivals, by their names."""
    rows = [row for row in study.leaderboard()
            if row.strategy != "control" and (len(row.cells) > 1 or row.cell not in rivals)][:count]
    if not rows:
        raise StateError("the study has no scored cell but the rivals; run it longer")
    return {(row.cell.stock_name if len(row.cells) == 1 else None) or f"found {row.id}": row
            for row in rows}


def ordered(comparison: Comparison) -> Comparison:
    """The same with the finalist of the least validation loss first, then the others, then rivals."""
    best = next((name for name in comparison.by_validation() if name in comparison.finalists),
                next(iter(comparison.cells)))
    names = sorted(comparison.cells, key=lambda name: (name != best, name not in comparison.finalists))
    return Comparison({name: comparison.cells[name] for name in names}, comparison.seeds, comparison.runs,
                      comparison.trials, comparison.split, comparison.is_language, comparison.finalists)


def run_finalists(
    study: Study, data: Corpus | Task | None, count: int, rivals: Cell | str | Iterable[Cell | str],
    save: Path | None, again: bool, **options: Any,
) -> Comparison:
    """What `Study.finalists` documents."""
    positive_int("count", count)
    data = given(data)
    training = training_of(study, data, options)
    known: dict[str, Any] = {
        name: cell_from_argument(cell) if isinstance(cell, str) else cell
        for name, cell in by_name(rivals).items()}
    found = chosen(study, count, list(known.values()))
    path = study.beside(FINALISTS) if save is None else pathlib.Path(os.fsdecode(save))
    # What is finished is shown again without a look at the test data; else better now than in hours.
    is_done = path is not None and path.exists() and Comparison.load(path).is_complete
    if study.info.test_reads and not again and not is_done:
        raise StateError("the test data was read for this study before, and what is chosen after that "
                         "is chosen by the test data; pass again=True if you must")
    comparison = compare(
        data, {name: row.cells for name, row in found.items()} | known, save=path, finalists=found,
        resume=path is not None, before_test=lambda _: study.record_test(again=again), **training)
    return ordered(comparison)


def run_ablation(study: Study, data: Corpus | Task | None, save: Path | None,
                 **options: Any) -> Comparison:
    """What `Study.ablation` documents."""
    data = given(data)
    compared = comparison_of(study)
    cell = study.best.cells if compared is None else next(iter(compared.cells.values()))
    if not isinstance(cell, Cell):
        if len(cell) > 1:
            raise InvalidArgumentError("the layers have different cells; ablate one of them by `ablate`")
        cell = cell[0]
    if compared is not None and options.get("learning_rate") is None:
        # As it was chosen for the finalist.
        options["learning_rate"] = compared.learning_rate(next(iter(compared.cells)))
    path = study.beside(ABLATION) if save is None else pathlib.Path(os.fsdecode(save))
    return ablate(data, cell, save=path, resume=path is not None, **training_of(study, data, options))


def given(data: Corpus | Task | None) -> Corpus | Task:
    """What to train on, which must be there."""
    if data is None:
        raise InvalidArgumentError(
            "there is nothing to train on; pass the corpus of the study, or its task")
    return data


def training_of(study: Study, data: Corpus | Task, options: dict[str, Any]) -> dict[str, Any]:
    """The options of `compare` by which cells of a study are trained anew."""
    passed = {name: value for name, value in options.items() if value is not None}
    if not isinstance(data, Corpus):
        return passed  # a task says the rest itself
    if study.settings["corpus"] not in ("", data.digest):
        raise StateError("the study searched on another corpus; pass the same one")
    training = {"epochs": None if options.get("updates") else EPOCHS, **sizes_of(study)}
    if "hidden_size" in passed:
        training.pop("parameters", None)
    training.update(passed)
    if not {"parameters", "hidden_size"} & set(training):
        raise InvalidArgumentError(
            "the study trained no models of its own; pass parameters= or hidden_size=")
    return training


def is_language(study: Study) -> bool:
    """Whether the study trains language models, whose losses are nats per token."""
    return bool(sizes_of(study))


def sizes_of(study: Study) -> dict[str, int]:
    """At which sizes a study trains its cells; empty where a program scores them."""
    sizes = study.sizes
    return {name: int(sizes[name]) for name in
            ("layers", "embedding_size", "parameters", "batch_size", "truncation")} if sizes else {}
