"""Comparisons: intervals, verdicts, and runs that are kept."""
import json
import math

import numpy as np
import pytest
import rnncell
from rnncell.ablation import contributions, text_of
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


def test_cells_are_named_by_what_they_are(corpus):
    gru, own = rnncell.Cell.stock("gru"), rnncell.Cell("h' = tanh(linear(x, h)) + 0.5 * h")

    def names(cells):
        return list(rnncell.compare(corpus, cells, hidden_size=4, seeds=1, updates=1, batch_size=4,
                                    truncation=5, split="valid", workers=1).cells)

    assert names("lstm") == ["lstm"] and names(own) == ["cell 1"]
    assert names(["lstm", gru, own]) == ["lstm", "gru", "cell 3"]
    assert names(["gru", "gru", gru]) == ["gru"]
    study = rnncell.Study(start="elman", operations="tanh sigmoid", strategy="local")
    assert study.ask().cell == rnncell.Cell.stock("elman")
    assert rnncell.Study(start=own, strategy="local").ask().cell == own


def test_an_interruption_ends_all_runs(corpus):
    def hear(run, done, count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rnncell.compare(corpus, {"quick": "elman", "slow": "lstm"}, parameters=3000, seeds=1,
                        updates=400, batch_size=4, truncation=5, progress=hear)


def test_each_cell_gets_the_best_of_the_grid_and_the_test_text_is_read_once_at_the_end(
        corpus, tmp_path):
    seen = []
    options = {"parameters": 4000, "seeds": 2, "updates": 24, "batch_size": 8, "truncation": 10,
               "learning_rates": (1e-6, 0.01), "save": tmp_path / "c.json"}

    def before_test(comparison):
        seen.append((len(comparison.trials), [math.isnan(run.test_loss) for run in comparison.runs]))
        if len(seen) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rnncell.compare(corpus, ["gru", "elman"], before_test=before_test, **options)
    result = rnncell.compare(corpus, ["gru", "elman"], before_test=before_test, resume=True, **options)
    assert seen == [(4, [True] * 4)] * 2
    assert all(math.isfinite(run.test_loss) for run in result.runs)
    assert {run.learning_rate for run in result.runs} == {result.learning_rate("gru")} == {0.01}
    assert result.by_validation()[0] in ("gru", "elman")
    # The models that the interruption left were tested, not trained again, and are gone now.
    assert [path.name for path in tmp_path.iterdir()] == ["c.json"]
    plain = rnncell.compare(corpus, ["gru"], parameters=4000, seeds=1, updates=24, batch_size=8,
                            truncation=10, learning_rate=0.01)
    assert plain.losses("gru") == result.losses("gru")[:1]
    rnncell.compare(corpus, ["gru", "elman"], before_test=before_test, resume=True, **options)
    assert len(seen) == 2


def test_rates_may_be_an_array(corpus, tmp_path):
    options = {"hidden_size": 4, "seeds": 1, "updates": 2, "batch_size": 4, "workers": 1,
               "save": tmp_path / "c.json"}
    result = rnncell.compare(corpus, "gru", learning_rates=np.array([0.001, 0.01], np.float32), **options)
    assert [trial.learning_rate for trial in result.trials] == pytest.approx([0.001, 0.01])
    assert rnncell.Comparison.load(tmp_path / "c.json").trials == result.trials


@pytest.mark.parametrize("given, message", [
    ({"seed": 5}, "seed is 5, .*pass seeds="), ({"threads": 8}, "threads is 8, .*pass workers="),
    ({"checkpoint": "f"}, "checkpoint is 'f', .*pass save="), ({"csv": "f"}, "csv is 'f'"),
    ({"tensorboard": "f"}, "tensorboard is 'f'"),
    ({"parameters": 500, "hidden_size": 64}, "parameters and hidden_size are both given"),
])
def test_what_all_runs_cannot_share_is_refused(corpus, given, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(rnncell.InvalidArgumentError, match=message):
        rnncell.compare(corpus, ["gru"], updates=1, **given)
    if "checkpoint" in given:
        task = rnncell.LanguageTask(corpus, **given)
        with pytest.raises(rnncell.InvalidArgumentError, match=message):
            rnncell.compare(task, ["gru"], updates=1)


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_trained(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(rnncell.LanguageModel, "fit", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(rnncell.FileError, match="cannot write '.*none/c.json': there is no folder"):
        rnncell.compare(corpus, ["gru"], hidden_size=4, updates=1, save=tmp_path / "none" / "c.json")


def test_a_kept_comparison_says_which_cells_a_study_found(corpus, tmp_path):
    save = tmp_path / "c.json"
    options = {"hidden_size": 4, "seeds": 1, "updates": 1, "batch_size": 4, "split": "valid", "save": save}
    cells = {"gru": "gru", "found 3": "elman", "lstm": "lstm"}
    assert rnncell.compare(corpus, cells, finalists=["gru"], **options).finalists == ("gru",)
    assert rnncell.Comparison.load(save).finalists == ("gru",)
    # A file of before the finalists were kept has them by their names.
    kept = json.loads(save.read_text())
    del kept["finalists"]
    save.write_text(json.dumps(kept))
    assert rnncell.Comparison.load(save).finalists == ("found 3",)
    again = rnncell.compare(corpus, cells, finalists=["found 3"], resume=True, **options,
                            progress=lambda *_: pytest.fail("trained again"))
    assert again.finalists == ("found 3",)


@pytest.mark.parametrize("changed, message", [
    ({"learning_rates": ()}, "learning_rates is empty"),
    ({"learning_rates": (0.1,), "learning_rate": 0.1}, "one of the two"),
    ({"learning_rates": (0.0,)}, "learning_rates"),
    ({"learning_rates": (0.1,), "grid_share": 0}, "grid_share is 0"),
])
def test_a_grid_that_is_none_is_refused(corpus, changed, message):
    with pytest.raises(rnncell.InvalidArgumentError, match=message):
        rnncell.compare(corpus, ["gru"], parameters=4000, updates=4, **changed)


def test_a_comparison_by_validation_leaves_the_test_text_alone(corpus, tmp_path):
    options = {"parameters": 3000, "seeds": 2, "updates": 12, "batch_size": 8, "truncation": 10,
               "split": "valid", "save": tmp_path / "c.json",
               "before_test": lambda _: pytest.fail("the test text is read")}
    result = rnncell.compare(corpus, ["gru", "elman"], **options)
    assert all(math.isnan(run.test_loss) for run in result.runs) and result.is_complete
    assert result.losses("gru") == [run.valid_loss for run in sorted(result.runs, key=lambda run: run.seed)
                                    if run.cell == "gru"]
    assert "valid loss" in result.text()
    again = rnncell.compare(corpus, ["gru", "elman"], resume=True, **options,
                            progress=lambda *_: pytest.fail("trained again"))
    assert again.losses("gru") == result.losses("gru") and list(tmp_path.iterdir()) == [
        tmp_path / "c.json"]
    with pytest.raises(rnncell.InvalidArgumentError, match="split 'train'"):
        rnncell.compare(corpus, ["gru"], parameters=3000, split="train")


def test_ablation_trains_a_cell_without_each_of_its_parts(corpus):
    result = rnncell.ablate(corpus, "minimal_gru", parameters=3000, seeds=2, updates=12, batch_size=8,
                            truncation=10)
    whole, *parts = result.cells
    assert parts == list(rnncell.Cell.stock("minimal_gru").ablations())
    rows = contributions(result)
    assert len(rows) == len(parts) and [row[1] for row in rows] == sorted(
        (row[1] for row in rows), reverse=True)
    name, mean, low, high = rows[0]
    assert mean == pytest.approx(sum(result.losses(name)) / 2 - sum(result.losses(whole)) / 2)
    assert low <= mean <= high and name in text_of(result)
    with pytest.raises(rnncell.InvalidArgumentError, match="no part"):
        rnncell.ablate(corpus, "h' = linear(x, h)", parameters=3000)


def test_a_rate_that_was_tried_to_the_end_is_not_trained_again(corpus, monkeypatch):
    trained = []
    fit = rnncell.LanguageModel.fit
    monkeypatch.setattr(rnncell.LanguageModel, "fit",
                        lambda self, *given, **options: trained.append(1) or fit(self, *given, **options))
    options = {"parameters": 3000, "seeds": 2, "updates": 8, "batch_size": 4}
    result = rnncell.compare(corpus, ["gru", "lstm"], learning_rates=(0.001, 0.02), grid_share=1, **options)
    assert len(trained) == 2 * 2 + 2
    for cell in ("gru", "lstm"):
        alone = rnncell.compare(corpus, [cell], learning_rate=result.learning_rate(cell), **options)
        assert alone.losses(cell) == result.losses(cell)
        assert all(run.seconds > 0 for run in result.runs)
