"""Turns the tables of the ledger into the README's.

    python Tests/Evidence/tables.py            writes them between the README's markers
    python Tests/Evidence/tables.py --check    exit status 1 where the README says something else
"""
from __future__ import annotations

import math
import pathlib
import random
import statistics
import sys
from collections.abc import Callable, Sequence

import rnncell
from headline import LONG
from ledger import Table, cell_of
from plan import TRAINED_ON, best_at_length, best_by_rates, winner_of
from rnncell.anatomy import kendall
from protocols import PROTOCOLS, text_of
from rnncell.comparison import Interval
from tasks import WANTED
from units import WHOLE

README = pathlib.Path(__file__).parents[2] / "README.md"
BOOTSTRAPS = 10_000
# Cells that the table of ranks shows.
LEADING = 13
# A rise of the loss on either text from which the part that was left out is in the table of both.
MATTERS = 0.01


def bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean, by the percentiles of means of resampled values."""
    draw = random.Random(1)
    means = sorted(statistics.fmean(draw.choices(values, k=len(values)))
                   for _ in range(BOOTSTRAPS))
    return means[BOOTSTRAPS * 25 // 1000], means[BOOTSTRAPS * 975 // 1000 - 1]


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(row)} |"
                     for row in (heads, ["---"] * len(heads), *rows))


def span(values: Sequence[float]) -> str:
    """The median, with the range of several."""
    middle = f"{statistics.median(values):.4f}"
    return middle if len(values) < 2 else f"{middle} ({min(values):.4f} to {max(values):.4f})"


def searches(protocol: str) -> str:
    """Each strategy at the same budget of tokens."""
    by_strategy: dict[str, list[dict[str, str]]] = {}
    for row in Table("search").rows():
        if row["protocol"] == protocol:
            by_strategy.setdefault(row["strategy"], []).append(row)
    finals = {row["cell"]: float(row["valid_loss"]) for row in Table("final").rows()
              if row["protocol"] == protocol and row["seed"] == "0"}
    rows = []
    for name in rnncell.strategies():
        found = by_strategy.get(name, [])
        if not found:
            continue
        ends = [f"{finals[cell]:.4f}" for cell in winner_of(protocol, name) if cell in finals]
        share = [int(row["duplicates"]) / int(row["proposals"]) for row in found]
        rows.append([
            name, str(len(found)), span([float(row["best_loss"]) for row in found]),
            ends[0] if ends else "-",
            f"{statistics.median(int(row['trained']) for row in found):g}",
            f"{100 * statistics.median(share):.0f} %",
            warned(statistics.median(float(row['tau']) for row in found))])
    return markdown(
        ["strategy", "seeds", "best loss of the search, median (range)",
         "after final training, the best of three searches", "cells trained", "duplicates", "tau"], rows)


def differences() -> str:
    """The default strategy against its controls, by seed."""
    best = {(row["strategy"], row["seed"]): float(row["best_loss"])
            for row in Table("search").rows() if row["protocol"] == "C"}
    rows = []
    for other in ("random", "local"):
        seeds = sorted(seed for name, seed in best if name == other and ("auto", seed) in best)
        if len(seeds) < 2:
            continue
        values = [best["auto", seed] - best[other, seed] for seed in seeds]
        low, high = bootstrap(values)
        wins = sum(value < 0 for value in values)
        rows.append([f"auto - {other}", f"{statistics.fmean(values):+.4f}",
                     f"{low:+.4f} to {high:+.4f}", f"{wins} of {len(seeds)}"])
    return markdown(["paired difference of the best loss", "mean", "95 % interval (bootstrap)",
                     "auto is below"], rows)


def ranks() -> str:
    """What was found, and the stock cells that lead, after a part of a training."""
    names = {cell: name for name, cell in found_cells().items()}
    rows = []
    for row in Table("grid").rows():
        name = names.get(row["cell"], row["cell"])
        if "'" not in name:
            losses = dict(zip(map(float, row["losses"].split()), PROTOCOLS["C"].rates))
            rows.append((min(losses), name, losses[min(losses)], row["hidden"]))
    return markdown(["cell", "validation loss", "learning rate", "H"],
                    [[name, f"{loss:.4f}", str(rate), hidden]
                     for loss, name, rate, hidden in sorted(rows)[:LEADING]])


def finals(protocol: str) -> str:
    """Stock cells, and what the long search found, after final training."""
    names = {cell: name for name, cell in found_cells().items()}
    by_cell: dict[str, list[dict[str, str]]] = {}
    for row in Table("final").rows():
        name = names.get(row["cell"], row["cell"])
        if row["protocol"] == protocol and "'" not in name:
            by_cell.setdefault(name, []).append(row)
    order = sorted(by_cell, key=lambda cell: statistics.fmean(
        float(row["valid_loss"]) for row in by_cell[cell]))
    rows = []
    for cell in order:
        losses = [float(row["valid_loss"]) for row in by_cell[cell]]
        mean, low, high = Interval.of(losses)
        rows.append([
            cell, f"{mean:.4f}", "-" if len(losses) < 2 else f"{low:.4f} to {high:.4f}",
            f"{math.exp(mean):.3f}", by_cell[cell][0]["learning_rate"],
            by_cell[cell][0]["hidden"], str(len(losses))])
    return markdown(["cell", "validation loss", "95 % interval", "perplexity", "learning rate", "H",
                     "seeds"], rows)


def found_cells() -> dict[str, str]:
    """What searches found, by what a table calls it."""
    cells = {"found": best_at_length()}
    for name, strategy in (("found on music", "auto"), ("found on music by random", "random")):
        cells[name] = next(iter(winner_of("JSB", strategy)), None)
    for name, search in (("found on words", "W"), ("found on both", "CW")):
        cells[name] = next(iter(best_by_rates(search)), None)
    return {name: cell for name, cell in cells.items() if cell is not None}


def test_losses(protocol: str) -> dict[str, dict[int, float]]:
    """Those on test data by seed, of each cell by what a table calls it, best first."""
    names = {cell: name for name, cell in found_cells().items()}
    losses: dict[str, dict[int, float]] = {}
    for row in Table("test").rows():
        name = names.get(row["cell"], row["cell"])
        if row["protocol"] == protocol and "'" not in name:
            losses.setdefault(name, {})[int(row["seed"])] = float(row["test_loss"])
    return dict(sorted(losses.items(), key=lambda pair: statistics.fmean(pair[1].values())))


def difference(losses: dict[int, float], others: dict[int, float], is_language: bool = True) -> str:
    """How much better a cell is than another one, seed by seed: of perplexity in percent, or of loss."""
    shared = sorted(set(losses) & set(others))
    above = Interval.of([losses[seed] - others[seed] for seed in shared])
    if not is_language:
        return f"{above.mean:+.4f} ({above.low:+.4f} to {above.high:+.4f})"
    share, least, most = (100 * math.expm1(value) for value in above)
    return f"{share:+.1f} % ({least:+.1f} to {most:+.1f})"


def tested(protocol: str, reference: str = "found", is_language: bool = True) -> str:
    """Losses on test data of a cell that a search found, and of others beside it.

    Until the reference has such losses it is the cell that was found on characters.
    A difference below zero says that the found cell is better.
    """
    losses = test_losses(protocol)
    reference = reference if reference in losses else "found"
    rows = []
    for name, by_seed in losses.items():
        mean, low, high = Interval.of(list(by_seed.values()))
        rows.append([name, f"{mean:.4f}", f"{low:.4f} to {high:.4f}"])
        if is_language:
            rows[-1].append(f"{math.exp(mean):.3f}")
        if reference in losses:
            is_other = name != reference
            rows[-1].append(difference(losses[reference], by_seed, is_language) if is_other else "")
    heads = ["cell", "test loss", "95 % interval", *["perplexity"] * is_language,
             f"{'perplexity' if is_language else 'loss'} of the one {reference} against it"]
    return markdown(heads[:len(rows[0])], rows) if rows else ""


def tested_on_both() -> str:
    """Perplexities on both test texts, and those of the cell that was found on both against each."""
    losses = {protocol: test_losses(protocol) for protocol in TRAINED_ON["CW"]}
    reference = "found on both"
    if any(reference not in each for each in losses.values()):
        return ""
    rows = []
    for name in losses["C"]:
        if all(name in each for each in losses.values()):
            perplexities = [math.exp(statistics.fmean(each[name].values())) for each in losses.values()]
            against = [difference(each[reference], each[name]) if name != reference else ""
                       for each in losses.values()]
            rows.append([name, *(f"{value:.3f}" for value in perplexities), *against])
    return markdown(["cell", "characters", "words", "the one found on both against it, characters", "words"],
                    rows)


def contributions(protocol: str) -> str:
    """What the validation loss of the cell found rises without each part."""
    tried = [row for row in Table("ablation").rows() if row["protocol"] == protocol]
    whole = {(row["cell"], row["seed"]): float(row["valid_loss"]) for row in Table("final").rows()
             if row["protocol"] == protocol}
    # On words all is trained in small, the whole cell too.
    whole |= {(row["cell"], row["seed"]): float(row["valid_loss"]) for row in tried if row["part"] == WHOLE}
    parts: dict[str, list[float]] = {}
    for row in tried:
        if row["part"] != WHOLE:
            parts.setdefault(row["part"], []).append(
                float(row["valid_loss"]) - whole[row["cell"], row["seed"]])
    rows = []
    for part in sorted(parts, key=lambda part: -statistics.fmean(parts[part])):
        mean, low, high = Interval.of(parts[part])
        rows.append([f"`{part}`", f"{mean:+.4f}" if math.isfinite(mean) else "diverges",
                     "-" if len(parts[part]) < 2 else f"{low:+.4f} to {high:+.4f}"])
    heads = ["left out of the found cell", "validation loss rises by", "95 % interval"]
    return markdown(heads, rows) if rows else ""


def contributions_to_both() -> str:
    """What each validation loss of the cell found on both rises without a part that matters to either."""
    losses = {row["part"]: [float(loss) for loss in row["part_losses"].split()]
              for row in Table("ablation").rows() if row["protocol"] == "CW"}
    whole = losses.pop(WHOLE, None)
    if whole is None:
        return ""
    rises = {part: [loss - base for loss, base in zip(each, whole)] for part, each in losses.items()}
    rows = [[f"`{part}`", *([f"{rise:+.4f}" for rise in each] or ["diverges", "-"])]
            for part, each in sorted(rises.items(), key=lambda pair: -max(pair[1], default=math.inf))
            if max(each, default=math.inf) >= MATTERS]
    return markdown(["left out of the cell found on both", "characters rise by", "words rise by"], rows)


def halving(rows: Sequence[Sequence[float]], eta: int = 3, calibrations: int = 16,
            each: int = 12) -> tuple[float, int]:
    """What successive halving costs in updates of the last rung, and the cell that it picks.

    rows: the losses of each cell at each rung, in the order of proposals. As in a search: of all that
    are scored at a rung the best third goes on, and for each twelve cells one more, whatever its loss.
    """
    last = len(rows[0]) - 1
    reached = [0] * len(rows)
    for scored in range(1, len(rows) + 1):
        risen = True
        while risen:
            risen = False
            for rung in reversed(range(last)):
                here = sorted((cell for cell in range(scored) if reached[cell] >= rung),
                              key=lambda cell: rows[cell][rung])
                chosen = here[:len(here) // eta] + list(range(min(scored // each, calibrations)))
                for cell in chosen:
                    if reached[cell] == rung:
                        reached[cell], risen = rung + 1, True
    cost = sum(float(eta) ** (rung - last) for rung in reached)
    ends = [cell for cell in range(len(rows)) if reached[cell] == last]
    return cost, min(ends, key=lambda cell: rows[cell][last])


def savings() -> str:
    """What halving saves against training each proposal to the end, and how good its pick is."""
    rows = [[float(word) for word in row["losses"].split()] for row in
            sorted(Table("full").rows(), key=lambda row: int(row["proposal"]))]
    parts = [row for row in Table("headline").rows() if row["protocol"] == "C"]
    if len(rows) < 30 or not parts:
        return ""
    cost, pick = halving(rows)
    ends = sorted(row[-1] for row in rows)
    # Of the long search, whose other proposals were never trained to the end.
    search, scored = LONG["C"], int(parts[-1]["scored"])
    settings = text_of("C")
    spent = int(parts[-1]["tokens"]) / (
        search.updates * settings.search_batch * settings.search_truncation)
    return markdown(
        ["proposals of the long search", "trained to the end", "by halving", "ratio", "its pick",
         "the best"],
        [[f"the first {len(rows)}", f"{len(rows)} trainings", f"the tokens of {cost:.1f}",
          f"{len(rows) / cost:.1f}", f"{rows[pick][-1]:.4f}, place {1 + ends.index(rows[pick][-1])}",
          f"{ends[0]:.4f}"],
         [f"all {scored:,}", f"{scored:,} trainings", f"the tokens of {spent:.1f}",
          f"{scored / spent:.1f}", f"{float(parts[-1]['best_loss']):.4f}", "not known"]])


def warned(tau: float) -> str:
    """A tau, with a word where the score is not to be trusted."""
    return f"{tau:.2f}" + (" (below 0.3)" if tau < 0.3 else "")


def cheap() -> str:
    """How well cheap scores order the same sixteen cells as their whole training does."""
    curves = {row["cell"]: dict(point.split(":") for point in row["points"].split())
              for row in Table("curve").rows()}
    if len(curves) < 16:
        return ""
    ends = {cell_of(cell).digest[:8]: float(list(curve.values())[-1])
            for cell, curve in curves.items()}
    rows = []
    for updates in list(next(iter(curves.values())))[:-1]:
        value = kendall([(float(curve[updates]), float(list(curve.values())[-1]))
                     for curve in curves.values()])
        rows.append([f"its own loss after {updates} updates", warned(value)])
    shared: dict[str, list[float]] = {}
    for row in Table("cheap").rows():
        losses = dict(word.split(":") for word in row["losses"].split())
        shared.setdefault(row["strategy"], []).append(
            kendall([(float(losses[cell]), end) for cell, end in ends.items()]))
    for strategy, values in shared.items():
        rows.append([f"its loss with the weights that `{strategy}` shares",
                     warned(statistics.median(values))])
    return markdown(["cheap score of 16 cells", "Kendall's tau with their loss at the end"], rows)


def sanity() -> str:
    """Where known cells stand among random recipes."""
    losses = {row["cell"]: float(row["valid_loss"]) for row in Table("sanity").rows()}
    others = [loss for cell, loss in losses.items() if cell.isdigit()]
    rows = [[cell, f"{losses[cell]:.4f}", f"{sum(loss > losses[cell] for loss in others)} of "
             f"{len(others)}"] for cell in ("lstm", "gru", "elman") if cell in losses]
    return markdown(["cell", "validation loss", "random recipes that are worse"], rows)


def tasks() -> str:
    """Tasks beside language models, with what others report or what was wanted."""
    scores: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in Table("task").rows():
        scores.setdefault((row["task"], row["cell"]), []).append(row)
    rows = []
    for key, (_, wanted) in WANTED.items():
        if key in scores:
            values = [float(row["score"]) for row in scores[key]]
            rows.append([*key, scores[key][0]["metric"], span(values), wanted])
    return markdown(["task", "cell", "measured", "score", "published, or wanted"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "searches": lambda: searches("C"), "searches JSB": lambda: searches("JSB"),
    "differences": differences, "ranks": ranks, "finals C": lambda: finals("C"),
    "finals W": lambda: finals("W"), "cheap": cheap,
    "sanity": sanity, "savings": savings, "tests C": lambda: tested("C"),
    "tests W": lambda: tested("W", "found on words"), "tests W-dropout": lambda: tested("W-dropout"),
    "tests both": tested_on_both,
    "tests JSB": lambda: tested("JSB", "found on music", is_language=False),
    "contributions C": lambda: contributions("C"), "contributions W": lambda: contributions("W"),
    "contributions both": contributions_to_both,
    "tasks": tasks}


def written(text: str) -> str:
    """A text with each table between `<!-- table: NAME -->` and `<!-- end -->` as it is now."""
    parts = text.split("<!-- table: ")
    for place, part in enumerate(parts[1:], 1):
        name, rest = part.split(" -->", 1)
        _, rest = rest.split("<!-- end -->", 1)
        parts[place] = f"{name} -->\n{TABLES[name]()}\n<!-- end -->{rest}"
    return "<!-- table: ".join(parts)


def main() -> int:
    """Writes the README, or checks it."""
    old = README.read_text(encoding="utf-8")
    new = written(old)
    if "--check" in sys.argv[1:]:
        if new != old:
            print("README.md has other tables than Tests/Evidence; run tables.py", file=sys.stderr)
        return int(new != old)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
