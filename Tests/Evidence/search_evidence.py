"""What a search of two minutes is worth: the default strategy beside random search, over several seeds.

    make evidence                    five seeds, twice two minutes each, on all processors
    SEEDS=1 MINUTES=0.2 make evidence

Both strategies search on the text of Python's standard library at the sizes of `rnncell demo`. Printed
for each study: distinct cells scored, the best validation loss, Kendall's tau between the first and the
last rung of the sixteen proposals that rise whatever their loss. Then the medians over the seeds, and a
report of all studies.
"""
from __future__ import annotations

import os
import pathlib
import statistics

import rnncell
from rnncell.cli.demo import BYTES, SEARCH
from rnncell.report import write_report

SEEDS = int(os.environ.get("SEEDS", "5"))
MINUTES = float(os.environ.get("MINUTES", "2"))
FOLDER = pathlib.Path(os.environ.get("FOLDER", "build/evidence"))
STRATEGIES = ("auto", "random")


def main() -> None:
    """Runs what is not there yet, so that an interrupted run goes on."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    corpus = rnncell.Corpus.standard_library(BYTES)
    print(f"{SEEDS} seeds, {MINUTES:g} minutes each, {os.cpu_count()} processors")
    print(f"{'strategy':10} {'seed':>4} {'cells':>6} {'best loss':>10} {'tau':>6} {'of':>3}")
    best: dict[str, list[float]] = {name: [] for name in STRATEGIES}
    studies = []
    for seed in range(SEEDS):
        for name in STRATEGIES:
            path = FOLDER / f"{name}-{seed}.db"
            study = rnncell.Study(str(path), corpus, strategy=name, minutes=MINUTES, seed=seed,
                                  controls=True, **SEARCH)
            study.run()
            rows = [row for row in study.leaderboard() if row.strategy == name]
            distinct = len({row.cell for row in rows})
            loss = min(row.valid_loss for row in rows if row.rung == SEARCH["rungs"] - 1)
            best[name].append(loss)
            trained = [row for row in study.history if row.strategy == name
                       and row.state != "rejected"]
            rose = sum(row.rung == SEARCH["rungs"] - 1 for row in trained[:16])
            print(f"{name:10} {seed:4} {distinct:6} {loss:10.4f} {study.info.tau:6.2f} {rose:3}",
                  flush=True)
            studies.append(study)
    print()
    for name in STRATEGIES:
        print(f"{name:10} median best loss {statistics.median(best[name]):.4f} nats per character "
              f"({', '.join(f'{loss:.4f}' for loss in best[name])})")
    wins = sum(a < b for a, b in zip(best["auto"], best["random"], strict=True))
    print(f"auto is below random on {wins} of {SEEDS} seeds")
    write_report(FOLDER / "report.html", studies)
    print(f"written: {FOLDER / 'report.html'}")


if __name__ == "__main__":
    main()
