"""Which units there are to measure, the most useful first; some wait for what others find."""
from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator, Sequence

import rnncell
from headline import LONG, cells_found
from ledger import TABLES, Table, cell_of
from protocols import PROTOCOLS
from tasks import WANTED
from units import SCRATCH, WHOLE, Unit, calibrations, chosen, random_recipes

# Of the searches: those whose difference is to be shown have eight.
SEEDS = {name: 8 if name in ("auto", "random", "local") else 3 for name in rnncell.strategies()}
# Strategies whose cheap score is a loss with shared weights.
SHARED = ("enas", "random_shared")
RIVALS = ("lstm", "gru")
# Of the zoo: how many are trained to the end in C, by their losses after a quarter of it, and how many
# of these with all seeds and in W.
FINALISTS_OF_ZOO = 8
BEST = 6
FINAL_SEEDS = {"C": 5, "W": 3, "W-dropout": 3, "JSB": 5}
WITH_DROPOUT = ("lstm", "gru", "rhn", "darts_v2", "enas", "nascell", "mogrifier")
# Of the searches on words and on both: how many of the best are trained at each rate, and on what.
FINALISTS = 2
TRAINED_ON = {"W": ("W",), "CW": ("C", "W")}
MUSIC_STRATEGIES = ("auto", "random")
ABLATION_SEEDS = {"C": 3, "W": 1, "CW": 1}
# First searches of each strategy, of which the best winner is trained to the end.
WINNERS_SEEDS = 3
# First proposals of the long search, which are trained through all rungs to see what halving saves.
FULL = 60

Losses = dict[tuple[str, str], dict[int, float]]


def pending(data: pathlib.Path, only: set[str], strategies: set[str],
            protocols: set[str] | None = None) -> Iterator[Unit]:
    """What is left to measure and can be now; protocols: of these alone, and no tasks."""
    done = {name: {tuple(row[key] for key in TABLES[name][0]) for row in Table(name).rows()}
            for name in TABLES}
    for unit in _units(data, only, strategies):
        key = tuple(str(unit.key[name]) for name in TABLES[unit.table][0])
        is_wanted = protocols is None or unit.key.get("protocol") in protocols
        if unit.table in only and is_wanted and key not in done[unit.table]:
            done[unit.table].add(key)  # more than one comparison may want it
            yield unit


def _units(data: pathlib.Path, only: set[str], strategies: set[str]) -> Iterator[Unit]:
    for (task, cell), (seeds, _) in WANTED.items():
        for seed in range(seeds):
            yield Unit("task", {"task": task, "cell": cell, "seed": seed})
    for name, search in LONG.items():
        part = 1 + sum(row["protocol"] == name for row in Table("headline").rows())
        # One after another: each carries on with the same study.
        if part <= search.parts and all(cells_found(*begun) for begun in search.after):
            yield Unit("headline", {"protocol": name, "seed": 0, "part": part})
    yield from _searches(strategies)
    if "full" in only:
        yield from _full()
    yield from _compared(strategies)
    if "curve" in only:
        for cell in calibrations(data):
            yield Unit("curve", {"protocol": "C", "cell": cell})
    for cell in ("lstm", "gru", "elman", *random_recipes()) if "sanity" in only else ():
        yield Unit("sanity", {"protocol": "C", "cell": cell})


def _searches(strategies: set[str]) -> Iterator[Unit]:
    """The searches of text by seed, then those of music."""
    searched = {(row["protocol"], row["strategy"], row["seed"]) for row in Table("search").rows()}
    for seed in range(max(SEEDS.values())):
        for strategy in sorted(strategies, key=list(SEEDS).index):
            key = {"protocol": "C", "strategy": strategy, "seed": seed}
            if seed < SEEDS[strategy]:
                yield Unit("search", key)
            if strategy in SHARED and tuple(map(str, key.values())) in searched:
                yield Unit("cheap", key)
    for seed in range(WINNERS_SEEDS):
        for strategy in MUSIC_STRATEGIES:
            if strategy in strategies:
                yield Unit("search", {"protocol": "JSB", "strategy": strategy, "seed": seed})


def _full() -> Iterator[Unit]:
    path = SCRATCH / "headline-C-0.db"
    if path.exists():
        with rnncell.Study(path, read_only=True) as study:
            first = [row.id for row in study.history if row.state == "scored"][:FULL]
        for proposal in first:
            yield Unit("full", {"protocol": "C", "seed": 0, "proposal": proposal})


def _ranked(cells: Iterable[str]) -> Iterator[Unit]:
    """A part of the trainings of cells in C at each rate."""
    for cell in cells:
        yield Unit("grid", {"protocol": "C", "cell": cell})


def _rates(protocol: str, cell: str) -> Iterator[Unit]:
    """The trainings of a cell at each rate."""
    for rate in PROTOCOLS[protocol].rates:
        yield Unit("rates", {"protocol": protocol, "cell": cell, "rate": rate})


def _trained(protocol: str, cells: Iterable[str], seeds: int | None = None) -> Iterator[Unit]:
    """The trainings of cells at each rate, then with other seeds; seeds: None for the protocol's."""
    for cell in cells:
        yield from _rates(protocol, cell)
        if chosen(protocol, cell):
            for seed in range(FINAL_SEEDS[protocol] if seeds is None else seeds):
                yield Unit("final", {"protocol": protocol, "cell": cell, "seed": seed})


def _ablated(protocol: str, cells: Iterable[str], more: Sequence[str] = ()) -> Iterator[Unit]:
    """The trainings of cells without each of their parts."""
    for cell in cells:
        for seed in range(ABLATION_SEEDS[protocol]):
            for part in (*more, *cell_of(cell).ablations()):
                yield Unit("ablation", {"protocol": protocol, "cell": cell, "part": part, "seed": seed})


def _compared(strategies: set[str]) -> Iterator[Unit]:
    """The final trainings and the test data, which is read when a cell's last seed is trained: by then its
    learning rate is chosen, and nothing is chosen by the test."""
    losses = final_losses()
    yield from _trained("C", RIVALS)
    yield from _ranked(cells_found("C"))
    found = best_at_length()
    at_length = [] if found is None else [found]
    for search, protocols in TRAINED_ON.items():
        for cell in cells_found(search)[:FINALISTS]:
            for protocol in protocols:
                yield from _rates(protocol, cell)
    on_words, on_both = best_by_rates("W"), best_by_rates("CW")
    yield from _trained("C", at_length)
    yield from _ranked(rnncell.stock_cells())
    yield from _trained("C", finalists_of_zoo(), 1)
    zoo = best_of_zoo(losses)
    yield from _trained("C", zoo)
    on_music, on_music_by_random = winner_of("JSB", "auto"), winner_of("JSB", "random")
    compared: dict[str, list[str]] = {
        "C": [*at_length, *on_both, *on_music, *on_words, *RIVALS, *zoo],
        "W": [*on_words, *on_both, *at_length, *RIVALS, *zoo],
        "JSB": [*at_length, *on_music, *on_music_by_random, *RIVALS],
        "W-dropout": [*WITH_DROPOUT, *on_words]}
    for protocol, cells in compared.items():
        for cell in dict.fromkeys(cells):
            yield from _trained(protocol, [cell])
            seeds = range(FINAL_SEEDS[protocol])
            if all(seed in losses.get((protocol, cell), {}) for seed in seeds):
                for seed in seeds:
                    yield Unit("test", {"protocol": protocol, "cell": cell, "seed": seed})
        if protocol == "C":
            yield from _ablated("C", at_length)
        if protocol == "W":
            yield from _ablated("W", on_words, [WHOLE])
            yield from _ablated("CW", on_both, [WHOLE])
    for strategy in sorted(strategies, key=list(SEEDS).index):
        yield from _trained("C", winner_of("C", strategy), 1)


def final_losses() -> Losses:
    """The validation losses after final training by seed, for each protocol and cell."""
    losses: Losses = {}
    for row in Table("final").rows():
        losses.setdefault((row["protocol"], row["cell"]), {})[int(row["seed"])] = float(
            row["valid_loss"])
    return losses


def best_by_rates(search: str) -> list[str]:
    """The best one of the best of a long search by their trainings with one seed, by the worse of what they are
    above GRU on each text; none before all are known."""
    def least(protocol: str, cell: str) -> float | None:
        rows = [Table("rates").find(protocol=protocol, cell=cell, rate=rate)
                for rate in PROTOCOLS[protocol].rates]
        return min(float(row["valid_loss"]) for row in rows if row) if all(rows) else None

    cells, worst = cells_found(search)[:FINALISTS], {}
    for cell in cells:
        pairs = [(least(protocol, cell), least(protocol, "gru")) for protocol in TRAINED_ON[search]]
        if any(None in pair for pair in pairs):
            return []
        worst[cell] = max(loss - gru for loss, gru in pairs)
    return sorted(cells, key=worst.__getitem__)[:1]


def best_at_length() -> str | None:
    """The best one of them by its grid; None before all are known."""
    losses = {cell: grid_loss(cell) for cell in cells_found("C")}
    known = {cell: loss for cell, loss in losses.items() if loss is not None}
    return min(known, key=known.__getitem__) if known and len(known) == len(losses) else None


def grid_loss(cell: str) -> float | None:
    """The least loss of a cell's grid in C; None before it is known."""
    row = Table("grid").find(protocol="C", cell=cell)
    return min(map(float, row["losses"].split())) if row else None


def winner_of(protocol: str, strategy: str) -> list[str]:
    """The best cell of a strategy's first searches; none before they have ended."""
    rows = [row for row in Table("search").rows() if row["protocol"] == protocol
            and row["strategy"] == strategy and int(row["seed"]) < WINNERS_SEEDS]
    best = min(rows, key=lambda row: float(row["best_loss"]), default=None)
    return [best["winner"]] if best and len(rows) == WINNERS_SEEDS else []


def finalists_of_zoo() -> list[str]:
    """The best stock cells by their grids in C, when all have one."""
    losses = {name: grid_loss(name) for name in rnncell.stock_cells()}
    known = {name: loss for name, loss in losses.items() if loss is not None}
    return sorted(known, key=known.__getitem__)[:FINALISTS_OF_ZOO] if len(known) == len(losses) else []


def best_of_zoo(losses: Losses) -> list[str]:
    """The best of these by their final trainings with the first seed, but LSTM and GRU."""
    stock = finalists_of_zoo()
    if not all(0 in losses.get(("C", name), {}) for name in stock):
        return []
    return sorted(set(stock) - set(RIVALS), key=lambda name: losses["C", name][0])[:BEST]
