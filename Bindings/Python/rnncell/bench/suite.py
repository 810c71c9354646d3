"""The whole bench: what it times, in which order, and how it is printed."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _rnncell, build_info
from ..cells import Cell
from . import costs, curves, layers, models, ours, search
from .layers import ROWS, Outcome, Row
from .peers import load
from .timing import Case

Say = Callable[[str], object]


class Suite:
    """What a call of the command times.

    sections: which parts; cell: equations of the only cell to time, or None for the usual rows.
    """

    def __init__(self, sections: list[str], cell: str | None, threads: int, rounds: int, *,
                 quick: bool) -> None:
        self.cell, self.threads, self.rounds, self.quick = cell, threads, rounds, quick
        own = ("layers", "first")
        self.sections = [name for name in sections if cell is None or name in own]
        self.rows = ROWS if cell is None else layers.rows_for(cell)
        self.random_count = 5 if quick else 20

    def titles(self) -> list[str]:
        """What would be timed, a line each."""
        rows = [_title(row) for row in self.rows] if "layers" in self.sections else []
        if "random" in self.sections:
            rows.append(f"training    {self.random_count} random cells, 20 x 35 x 128")
        return rows + [_SECTIONS[name] for name in self.sections if name in _SECTIONS]

    def run(self, against: list[str], *, version: str, say: Say, hint: Say) -> dict[str, Any]:
        """Times everything; says each line when it is known."""
        self.say, self.hint = say, hint
        self.peers, missing = load(against, self.threads)
        info = build_info()
        versions = {peer.name: peer.version for peer in self.peers}
        names = ", ".join(f"{name} {number}" for name, number in versions.items())
        limit = max(_rnncell.peak(info["isa"], self.threads) for _ in range(20))
        say(f"rnncell {version} ({info['isa']}) beside {names or 'no other library'}")
        say(f"{self.threads} threads, {limit:.0f} GFLOP/s in registers at best; medians of "
            f"{self.rounds} rounds in turns")
        if missing:
            say(f"not installed: {', '.join(missing)}; pip install {' '.join(missing)}")
        result: dict[str, Any] = {
            "version": version, "isa": info["isa"], "threads": self.threads, "peers": versions,
            "missing": missing, "rounds": self.rounds, "limit_gflops": limit}
        for name in self.sections:
            result[name] = getattr(self, f"run_{name}")()
        return result

    def run_layers(self) -> list[dict[str, Any]]:
        """A line for each row."""
        self.say(f"\n{'work':<10}  {'cell':<18}{'B x T x H':>14}{'ours':>11}{'GFLOP/s':>9}"
                 f"{'limit':>7}{'ratio':>8}{'floor':>7}  fastest other")
        return [outcome.data() for outcome in self._timed(self.rows, self._print)]

    def _timed(self, rows: list[Row], hear: Callable[[Outcome], object]) -> list[Outcome]:
        def heard(outcome: Outcome) -> None:
            hear(outcome)
            for label, reason in outcome.failures.items():
                self.say(f"            {label} failed: {reason}")
        thorough = not self.quick
        return list(layers.all_timed(rows, self.peers, heard, threads=self.threads,
                                     rounds=self.rounds, thorough=thorough))

    def _print(self, outcome: Outcome) -> None:
        row, peer = outcome.row, outcome.best_peer
        seconds = outcome.seconds
        text = f"{_title(row)}{_time(seconds['rnncell']):>11}{outcome.gflops:9.0f}" \
            f"{outcome.gflops / outcome.limit:7.0%}"
        if outcome.ratio is not None:
            floor = f"{row.floor:7.2f}" if row.floor else " " * 7
            others = sorted(list(seconds)[1:], key=seconds.__getitem__)
            text += f"{outcome.ratio:8.2f}{floor}  " + "; ".join(
                f"{label} {_time(seconds[label])}" for label in others)
        self.say(text)

    def run_random(self) -> dict[str, Any]:
        """Cells that nobody has tuned a library for."""
        rows = layers.random_rows(self.random_count)
        outcomes = self._timed(rows, lambda outcome: self.hint(
            f"{outcome.row.title}: {outcome.ratio or 0:.2f}"))
        ratio = layers.median_ratio(outcomes)
        share = sorted(outcome.gflops / outcome.limit for outcome in outcomes)[len(outcomes) // 2]
        end = "" if ratio is None else f", ratio {ratio:.2f} (floor 2.00)"
        self.say(f"\n{len(rows)} random cells, 20 x 35 x 128, training: median {share:.0%} of the "
                 f"limit{end}")
        return {"ratio": ratio, "floor": 2.0, "share": share,
                "cells": [{**outcome.data(), "equations": outcome.row.cell}
                          for outcome in outcomes]}

    def run_first(self) -> list[dict[str, Any]]:
        """From the text of a new cell to its first output."""
        self.say("\nnew cell of 200 to its first output (one step)")
        found = []
        names = [("CELL", self.cell)] if self.cell else [
            (name, Cell.stock(name).equations) for name in ("lstm", "gru", "nascell", "darts_v2")]
        for name, equations in names:
            cell = Cell(equations)
            first, later = ours.first_output(cell, 200)
            row: dict[str, Any] = {"cell": name, "ms": {"rnncell": later}, "first_ms": first}
            for peer in self.peers:
                # The loop of 35 steps is what torch.compile would have to compile in a training.
                steps = 35 if peer.name == "torch" else 1
                if peer.name == "torch" and (self.quick or name != "lstm"):
                    continue
                case = Case(cell, 1, steps, 200, self.threads)
                seconds = peer.first_output(case)
                if seconds is not None:
                    row["ms"][peer.name] = seconds * 1e3
            self.say(f"  {name:<10}" + ", ".join(
                f"{label} {_time(value / 1e3).strip()}" for label, value in row["ms"].items()))
            found.append(row)
        return found

    def run_model(self) -> dict[str, Any]:
        """Whole updates of a language model."""
        row = models.language_model(self.peers, self.threads, self.rounds)
        self.say("\nlanguage model, 2 x LSTM 200, 10,000 words, 20 x 35, clipping, SGD, tokens/s: "
                 + ", ".join(f"{label} {value:,.0f}"
                             for label, value in row["tokens_per_second"].items())
                 + (f"; ratio {row['ratio']:.2f} (floor 1.50)" if row["ratio"] else ""))
        return row

    def run_search(self) -> dict[str, Any]:
        """Proposals per hour."""
        row = search.proposals(
            self.peers, self.threads, trials=8 if self.quick else 16,
            rounds=1 if self.quick else 3, thorough=not self.quick, hint=self.hint)
        self.say(f"\nsearch, {row['cells']} random cells (seed {row['seed']}) of 64, "
                 f"{row['updates']} updates of 32 x 35 characters and the validation loss; proposals "
                 f"per hour, medians of {len(row['rounds']['rnncell'])} rounds in turns")
        for label, value in row["proposals_per_hour"].items():
            rates = row["rounds"][label]
            peer = label.split()[0]
            end = f"{row['share_of_training']:.0%} of the threads' time is training" if label == \
                "rnncell" else f"ratio {row['ratios'][peer]:.2f} (floor {row['floors'][peer]:.2f})"
            self.say(f"  {label:<32}{value:>8,.0f}  ({min(rates):,.0f} to {max(rates):,.0f}); {end}")
        for label, value in row["tried"].items():
            if label not in row["rounds"]:
                self.say(f"  {label:<32}{value:>8,.0f}  on the first {search.TRIED} cells")
        for label, reason in row["failures"].items():
            self.say(f"  {label} failed: {reason}")
        return row

    def run_memory(self) -> dict[str, dict[str, float]]:
        """Peak memory of the language model's process."""
        row = models.memory([peer.name for peer in self.peers], self.threads)
        self.say("\nmemory of that model's process, peak (with the data, before the model): "
                 + ", ".join(f"{label} {value['peak']:.0f} MB ({value['before']:.0f})"
                             for label, value in row.items()))
        return row

    def run_growth(self) -> dict[str, Any]:
        """Time and memory along the curves."""
        base = curves.BASE
        self.say(f"\ngrowth of forward and backward; LSTM {base['hidden']}, {base['steps']} steps, "
                 f"batch {base['batch']}, {base['layers']} layer unless said")
        rows = curves.growth(self.threads, quick=self.quick)
        for name, points in rows.items():
            self.say(f"  {name:<8}" + ", ".join(
                f"{point[name]}: {point['ms']:.1f} ms {point['megabytes']:.1f} MB"
                for point in points))
        return rows

    def run_lengths(self) -> dict[str, float]:
        """Sequences of different lengths."""
        row = curves.lengths(self.threads, self.rounds)
        self.say(f"\nlengths uniform in 1 to 100, 64 sequences: {row['share_of_steps']:.0%} of the "
                 f"steps take {row['share_of_time']:.0%} of the time")
        return row

    def run_costs(self) -> dict[str, Any]:
        """Options of our own beside the same without them."""
        masks = costs.dropout(self.threads, self.rounds)
        self.say("\nthe time of updates of that language model with dropout, over that without: "
                 + ", ".join(f"{name} {ratio:.2f}" for name, ratio in masks.items())
                 + " (at most 1.05)")
        double = costs.bidirectional(self.threads, self.rounds)
        self.say("two directions over one, training, 20 x 35 x 200: "
                 + ", ".join(f"{name} {ratio:.2f}" for name, ratio in double.items())
                 + " (at most 2.10)")
        steps = costs.exported(self.rounds)
        self.say(f"a step of {costs.EXPORTED_HIDDEN} units in exported C over the library's: " + (
            ", ".join(f"{row['cell']} {row['ratio']:.2f} ({_time(row['export'])})" for row in steps)
            or "there is no C compiler") + " (at most 3.00)")
        return {"dropout": masks, "bidirectional": double, "exported": steps}

    def run_threads(self) -> dict[str, Any]:
        """One thread beside two."""
        result = curves.threads_compared(self.rounds, self.threads)
        self.say("\ntwo threads beside one, training, 35 steps")
        for row in result["rows"]:
            speed = f"{row['speedup']:.2f} times as fast" if "speedup" in row else "one thread only"
            same = "the same bits" if row["same_bits"] else "DIFFERENT BITS"
            self.say(f"  {row['cell']:<10}{row['batch']} x {row['hidden']}: {speed}; with 1, 2, 3 "
                     f"and 8 threads {same}")
        return result


_SECTIONS = {
    "first": "first       new cell to its first output",
    "model": "model       updates of a language model, 2 x LSTM 200, 10,000 words",
    "search": "search      proposals per hour",
    "memory": "memory      peak memory of the language model's training",
    "growth": "growth      time and memory by steps, batch and layers",
    "lengths": "lengths     sequences of different lengths",
    "costs": "costs       dropout, two directions, exported C",
    "threads": "threads     one thread beside two, and the bits of 1, 2, 3 and 8"}


def _title(row: Row) -> str:
    sizes = f"{row.batch} x {row.steps} x {row.hidden}"
    return f"{row.work:<10}  {row.title:<18}{sizes:>14}"


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.2f} µs"

