"""Comparisons: intervals, verdicts, and runs that are kept."""
import json
import math

import pytest
import rnncell
from rnncell.comparison import Comparison, Interval, Run


def comparison(**losses):
    runs = [Run(name, seed, 8, 100, 50, loss, loss, 1.0)
            for name, values in losses.items() for seed, loss in enumerate(values)]
    cells = {name: rnncell.Cell.stock("elman") for name in losses}
    return Comparison(cells, list(range(len(next(iter(losses.values()))))), runs)


@pytest.mark.parametrize("values, low, high", [
    ([1.0, 2.0, 3.0], -0.4841, 4.4841),
    ([1.0, 2.0], 1.5 - 6.353, 1.5 + 6.353),
    (list(range(32)), 15.5 - 3.3823, 15.5 + 3.3823),
])
def test_intervals_are_those_of_student(values, low, high):
    interval = Interval.of([float(value) for value in values])
    assert interval.low == pytest.approx(low, abs=2e-3)
    assert interval.high == pytest.approx(high, abs=2e-3)


def test_a_win_is_claimed_only_where_the_interval_excludes_zero():
    clear = comparison(found=[1.0, 1.1, 1.2], lstm=[1.5, 1.61, 1.69])
    assert "found is better than lstm" in clear.verdict("found", "lstm")
    assert "lstm is worse" in clear.verdict("lstm", "found")
    unclear = comparison(found=[1.0, 1.6, 1.2], lstm=[1.5, 1.2, 1.4])
    assert "no difference is shown" in unclear.verdict("found", "lstm")
    assert "diverged" in comparison(found=[1.0, math.inf], lstm=[1.0, 1.0]).verdict("found", "lstm")
    assert json.loads(json.dumps(clear.as_json(), allow_nan=False))["differences"]["lstm"]["high"] < 0
    assert "found" in clear.text() and "perplexity" in clear.text()


def test_pairing_by_seed_takes_out_what_the_seeds_share():
    paired = comparison(found=[1.0, 2.0, 3.0], lstm=[1.11, 2.10, 3.12])
    assert paired.difference("found", "lstm").excludes_zero


def test_cells_are_trained_at_equal_size(corpus, tmp_path):
    told = []
    options = {"parameters": 4000, "seeds": 2, "updates": 20, "batch_size": 8, "truncation": 10,
               "save": tmp_path / "c.json"}
    result = rnncell.compare(corpus, ["gru", "lstm"], **options,
                             progress=lambda run, done, count: told.append((done, count)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert {run.updates for run in result.runs} == {20}
    assert all(run.parameters == pytest.approx(4000, rel=0.1) for run in result.runs)
    kept = json.loads((tmp_path / "c.json").read_text())
    kept["runs"] = kept["runs"][:3]
    (tmp_path / "c.json").write_text(json.dumps(kept))
    told.clear()
    again = rnncell.compare(corpus, ["gru", "lstm"], **options, resume=True,
                            progress=lambda run, done, count: told.append((done, count)))
    assert told == [(4, 4)]
    assert again.losses("gru") == result.losses("gru")
    with pytest.raises(rnncell.StateError, match="other cells"):
        rnncell.compare(corpus, ["gru", "elman"], **options, resume=True)


def test_an_interruption_ends_all_runs(corpus):
    def hear(run, done, count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rnncell.compare(corpus, {"quick": "elman", "slow": "lstm"}, parameters=3000, seeds=1,
                        updates=400, batch_size=4, truncation=5, progress=hear)
