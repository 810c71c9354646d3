"""Studies: ask and tell, search, resuming, interruptions."""
import copy
import csv
import io
import json
import math
import re
import sqlite3
import statistics

import pytest
import rnncell
from rnncell import _rnncell
from rnncell.scoring import train

# Strategies that train networks of their own.
NEED_CORPUS = {name for name, _, needs_corpus, *_ in _rnncell.strategy_list() if needs_corpus}
TINY = {"hidden_size": 8, "batch_size": 8, "truncation": 10, "updates": 18, "rungs": 2}


def formula(proposal):
    """A score without training: short cells are good."""
    return len(proposal.equations) / 10 + proposal.id / 1e6


@pytest.mark.parametrize("strategy", list(rnncell.strategies()))
def test_cells_are_asked_and_told(strategy, corpus):
    own = strategy in NEED_CORPUS
    study = rnncell.Study(None, corpus if own else None, strategy=strategy, seed=3, trials=12,
                          **({**TINY, "rungs": 1} if own else {}))
    for _ in range(12):
        proposal = study.ask()
        assert proposal.cell.equations == proposal.equations and proposal.state == "pending"
        study.tell(proposal.id, formula(proposal))
    with pytest.raises(rnncell.StateError):
        study.ask()
    losses = [row.valid_loss for row in study.leaderboard()]
    assert losses == sorted(losses) and len(losses) == 12
    assert study.best.valid_loss == losses[0]
    assert len(study.leaderboard(3)) == 3
    assert [row.id for row in study.history] == sorted(row.id for row in study.history)


def test_a_study_carries_on_where_it_was_left(tmp_path):
    path = tmp_path / "s.db"
    with rnncell.Study(path, strategy="random", seed=1) as study:
        first, second = study.ask(), study.ask()
        study.tell(first.id, 3.0)
    with rnncell.Study(path, strategy="random", seed=1) as study:
        again = study.ask()
        assert (again.id, again.seed, again.equations) == (second.id, second.seed, second.equations)
        assert [row.valid_loss for row in study.history if row.id == first.id] == [3.0]
    assert sqlite3.connect(path).execute("select count(*) from proposals").fetchone()[0] >= 2


def test_what_is_left_out_is_as_the_study_was_begun(corpus, tmp_path):
    path = tmp_path / "s.db"
    with rnncell.Study(path, corpus, strategy="random", seed=4, trials=2, controls=True, **TINY) as study:
        begun = study.run().settings
        assert study.sizes == {
            "hidden_size": 8, "layers": 1, "embedding_size": 8, "batch_size": 8, "truncation": 10,
            "learning_rate": 0.002, "parameters": study.sizes["parameters"]}
    with rnncell.Study(path, corpus, trials=4) as study:
        assert study.run().settings == begun
        assert len(study.history) >= 6 and study.info.strategy == "random"
    for options, message in [
            ({"hidden_size": 9}, "hidden_size '8', not '9'"), ({"batch_size": 9}, "batch '8', not '9'"),
            ({"updates": 19}, "updates '18', not '19'"), ({"seed": 5}, "seed '4', not '5'")]:
        with pytest.raises(rnncell.StateError, match=message):
            rnncell.Study(path, corpus, **options)


def test_what_a_study_cannot_run_is_said(corpus, tmp_path):
    path = tmp_path / "s.db"
    with rnncell.Study(path, corpus, strategy="enas", trials=1, **TINY):
        pass
    with rnncell.Study(path, read_only=True, trials=3) as study:
        with pytest.raises(rnncell.StateError, match="read-only"):
            study.run(objective=formula)
    with rnncell.Study(path, trials=3) as study:
        for call in study.ask, lambda: study.run(objective=formula):
            with pytest.raises(rnncell.InvalidArgumentError, match="open the study with"):
                call()
        assert not study.history


def test_a_failure_is_kept_with_its_reason():
    study = rnncell.Study(strategy="random", trials=4)
    first, second = study.ask(), study.ask()
    study.tell(first.id, math.nan, failure="the machine caught fire")
    study.tell(second.id, math.inf)
    rows = {row.id: row for row in study.history}
    assert rows[first.id].failure == "the machine caught fire"
    assert rows[first.id].state == rows[second.id].state == "failed"
    assert study.info.failed_count == 2
    with pytest.raises(rnncell.StateError, match="all 2 proposals that were tried failed, .*not finite"):
        study.best


def test_a_reader_looks_while_another_writes(tmp_path):
    path = tmp_path / "s.db"
    study = rnncell.Study(path, strategy="random")
    proposal = study.ask()
    study.tell(proposal.id, 1.5)
    study.close()
    reader = rnncell.Study(path, read_only=True)
    assert reader.best.valid_loss == 1.5
    with pytest.raises(rnncell.StateError):
        reader.ask()


def test_a_search_scores_cells_and_carries_on(corpus, tmp_path):
    options = {"strategy": "random", "db": tmp_path / "s.db", "seed": 2, "progress": False, **TINY}
    study = rnncell.search(corpus, trials=6, **options)
    assert study.info.scored_count >= 4
    assert {"control"} < {row.strategy for row in study.leaderboard()}
    assert study.best.strategy == "random" and study.best.parameters > 0
    study.close()
    study = rnncell.search(corpus, trials=6, **options)
    before = study.info
    study.close()
    study = rnncell.search(corpus, trials=10, **options)
    assert study.info.proposal_count > before.proposal_count


def test_a_spent_search_returns_at_once(corpus, tmp_path):
    options = {"db": tmp_path / "s.db", "trials": 3, "progress": False, **TINY}
    rnncell.search(corpus, **options).close()
    heard = []
    with rnncell.search(corpus, **{**options, "progress": lambda *told: heard.append(told)}):
        assert not [told for _, told in heard if told]


def test_a_deterministic_search_repeats(corpus):
    def scores(workers):
        study = rnncell.search(corpus, strategy="evolution", trials=8, deterministic=True, seed=5,
                               workers=workers, progress=False, **TINY)
        return [(row.equations, row.valid_loss) for row in study.history]

    assert str(scores(1)) == str(scores(2))


def test_progress_is_heard_and_can_stop(corpus):
    heard = []

    def hear(info, proposal):
        heard.append((info, proposal))
        assert study.info.scored_count == info.scored_count
        return info.scored_count >= 3

    study = rnncell.Study(None, corpus, strategy="random", trials=50, **TINY)
    study.run(hear)
    assert heard[-1][0].scored_count >= 3
    assert 3 <= study.info.scored_count < 50
    assert any(proposal is not None for _, proposal in heard)


def test_an_interrupted_search_keeps_everything(corpus, tmp_path):
    def hear(info, proposal):
        if info.scored_count >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="carries on") as caught:
        rnncell.search(corpus, strategy="random", trials=30, db=tmp_path / "s.db", progress=hear, **TINY)
    study = caught.value.study
    assert study.info.scored_count >= 2 and study.best.valid_loss > 0


def test_all_proposals_are_written_as_csv():
    study = rnncell.Study(strategy="random", trials=3)
    for _ in range(3):
        study.tell(study.ask().id, 1.0)
    text = io.StringIO()
    study.csv(text)
    lines = text.getvalue().splitlines()
    assert lines[0].startswith("id,seed,strategy,work,equations")
    assert len(study.history) >= 3


def test_a_closed_study_says_so(tmp_path):
    study = rnncell.Study(tmp_path / "s.db", strategy="random")
    study.close()
    study.close()
    with pytest.raises(rnncell.StateError, match="closed"):
        study.ask()
    assert "closed" in repr(study)


def test_settings_are_there_to_read(corpus):
    study = rnncell.Study(None, corpus, seed=9, trials=5, **TINY)
    assert study.settings["seed"] == "9" and json.dumps(study.settings)
    assert study.info.seed == 9 and study.info.strategy == "auto"
    with pytest.raises(TypeError, match="read_only"):
        copy.copy(study)


def test_a_search_needs_something_to_search_for():
    with pytest.raises(rnncell.InvalidArgumentError, match="objective"):
        rnncell.search(trials=1)


def test_the_hall_of_fame_lies_beside_the_study(corpus, tmp_path):
    study = rnncell.search(corpus, trials=6, db=tmp_path / "s.db", progress=False, workers=1, **TINY)
    with open(tmp_path / "s.hall_of_fame.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    best = study.leaderboard(1)[0]
    assert rows[0]["equations"] == best.equations and int(rows[0]["id"]) == best.id
    assert len(rows) == len(study.leaderboard()[:20])


def test_a_search_ends_when_its_tokens_are_spent_and_carries_on_with_more(corpus, tmp_path):
    options = {**TINY, "strategy": "random", "deterministic": True, "workers": 1, "progress": False,
               "db": tmp_path / "s.db", "controls": False}
    first = rnncell.search(corpus, tokens=10_000, **options)
    spent, count = first.info.tokens, first.info.scored_count
    # What is under way when they are spent is finished.
    assert 10_000 <= spent <= 10_000 + 8 * 18 * 8 * 10
    first.close()
    again = rnncell.search(corpus, tokens=10_000, **options)
    assert again.info.scored_count == count
    again.close()
    more = rnncell.search(corpus, tokens=20_000, **options)
    assert more.info.tokens >= 20_000 and more.info.scored_count > count
    whole = rnncell.search(corpus, tokens=20_000, **{**options, "db": tmp_path / "whole.db"})
    assert [row.equations for row in whole.history] == [row.equations for row in more.history]


@pytest.mark.parametrize("strategy", ["auto", "random", "local"])
def test_a_study_keeps_to_its_space(strategy):
    allowed = {"tanh", "sigmoid", "multiply", "blend", "add"}
    study = rnncell.Study(strategy=strategy, trials=25, operations=allowed, max_states=1,
                          max_matrices=6, seed=4)
    study.run(objective=formula)
    for row in study.leaderboard():
        assert row.cell.states == ("h",)
        assert not any(name in row.equations for name in ("relu", "max(", "sin(", "softsign"))
        assert sum(len(shape) == 2 for shape in row.cell.parameter_shapes(4, 4).values()) <= 6


@pytest.mark.parametrize("strategy", ["auto", "local"])
def test_x_meets_h_where_a_study_allows_it(strategy, tmp_path, corpus):
    for allowed in (True, False):
        study = rnncell.Study(strategy=strategy, trials=60, direct_input=allowed, seed=2)
        study.run(objective=formula)
        cells = [row.cell for row in study.history]
        assert any(cell.needs_equal_sizes for cell in cells) == allowed
        # The running mean of x, which such a study adds now and then.
        means = [cell for cell in cells if re.search(r"0\.\d+ \* x\b", cell.equations)]
        assert bool(means) == allowed
    joined = "s' = 0.9 * s + 0.1 * x\nh' = tanh(linear(x, h)) + s'"
    with pytest.raises(rnncell.InvalidArgumentError, match="needs direct_input"):
        rnncell.Study(strategy=strategy, start=[joined])
    with pytest.raises(rnncell.InvalidArgumentError, match="leave out embedding_size"):
        rnncell.Study(direct_input=True, embedding_size=8)
    # It is kept with the study, and such a cell's model has an embedding of its size.
    path = tmp_path / "study.db"
    options = {"strategy": strategy, "trials": 2, "updates": 3, "hidden_size": 8}
    with rnncell.Study(path, corpus, direct_input=True, start=[joined], **options) as study:
        study.run()
        assert study.history[0].equations == rnncell.Cell(joined).equations
        assert study.history[0].valid_loss < 10
        count = len(study.history)
    with rnncell.Study(path, corpus, trials=4) as study:
        study.run()
        assert len(study.history) > count


@pytest.mark.parametrize("strategy", ["auto", "local"])
def test_maps_have_blocks_where_a_study_allows_them(strategy, tmp_path, corpus):
    for most in (None, 1, 4):
        study = rnncell.Study(strategy=strategy, trials=60, max_blocks=most, seed=2)
        study.run(objective=formula)
        found = re.findall(r"blocks=(\d+)", "\n".join(row.equations for row in study.history))
        assert set(found) == ({"2", "4"} if most == 4 else set())
    with pytest.raises(rnncell.InvalidArgumentError, match="it has 8 blocks in a map, more than 4"):
        rnncell.Study(strategy=strategy, max_blocks=4, start=["h' = tanh(linear(x, h, blocks=8))"])
    with pytest.raises(rnncell.LimitError, match="max_blocks is 65"):
        rnncell.Study(strategy=strategy, max_blocks=65)
    with pytest.raises(rnncell.InvalidArgumentError, match="8 blocks do not divide the embedding's 20"):
        rnncell.Study(None, corpus, strategy=strategy, max_blocks=8, hidden_size=20)
    # The sizes of models are then multiples of the blocks, and it is kept with the study.
    path = tmp_path / "study.db"
    options = {"strategy": strategy, "updates": 2, "hidden_size": 10, "embedding_size": 8}
    with rnncell.Study(path, corpus, max_blocks=8, trials=10, seed=1, **options) as study:
        study.run()
    with rnncell.Study(path, corpus, trials=20) as study:
        study.run()
        # Some cells diverge, which is no matter of sizes.
        failures = [row.failure for row in study.history if row.state == "failed"]
        assert all("diverged" in failure for failure in failures)
        assert any("blocks=" in row.equations for row in study.history[10:])


def test_a_study_starts_from_given_cells():
    mine = rnncell.Cell("h' = tanh(linear(x, h)) + 0.5 * h")
    study = rnncell.Study(strategy="auto", trials=3, start=[mine])
    assert study.ask().cell == mine
    with pytest.raises(rnncell.InvalidArgumentError, match="outside of the search space"):
        rnncell.Study(strategy="auto", operations=["sigmoid"], start=[mine])
    with pytest.raises(rnncell.InvalidArgumentError, match="leave out start, or use auto, evolution, local"):
        rnncell.Study(strategy="grow", start=[mine])
    # A climb begins with the named cells, and goes on from the better one.
    climb = rnncell.Study(strategy="local", trials=5, start=[mine, "gru"], seed=1)
    climb.run(objective=lambda proposal: float(proposal.cell == rnncell.Cell.stock("gru")))
    assert [row.cell for row in climb.history[:2]] == [mine, rnncell.Cell.stock("gru")]
    assert all(row.parents for row in climb.history[2:]) and climb.history[2].parents == (1,)
    with pytest.raises(rnncell.InvalidArgumentError, match="'tanhh'"):
        rnncell.Study(operations=["tanhh"])


@pytest.mark.parametrize("space, reason", [
    ({"operations": ["tanh", "sigmoid", "blend"]}, "the last 8 networks of 'enas' gave no new cell"),
    ({"max_nodes": 3}, "no room for a cell of highway steps")])
def test_a_space_too_small_for_a_strategy_ends_the_search(corpus, space, reason):
    study = rnncell.Study(None, corpus, strategy="enas", trials=50, workers=1, **TINY, **space)
    with pytest.raises(rnncell.InvalidArgumentError, match=reason):
        study.run()


def test_a_search_ends_at_its_target(corpus):
    study = rnncell.search(corpus, trials=50, target=100.0, workers=1, progress=False, **TINY)
    assert study.info.scored_count < 50


def test_minutes_bound_what_is_asked_too():
    study = rnncell.Study(minutes=1e-9, strategy="random")
    study.tell(study.ask().id, 1.0)
    with pytest.raises(rnncell.StateError, match="minutes"):
        study.ask()


def test_a_preset_is_one_that_the_strategy_has(corpus):
    study = rnncell.Study(None, corpus, strategy="enas", preset="paper", trials=1)
    assert study.settings["preset"] == "paper"
    with pytest.raises(rnncell.InvalidArgumentError, match="'random' has no preset 'paper'"):
        rnncell.Study(strategy="random", preset="paper")


def test_the_front_holds_what_no_other_cell_beats_in_everything(corpus):
    study = rnncell.Study(None, corpus, strategy="random", trials=12, front=True,
                          **{**TINY, "rungs": 1})
    study.run()
    front = study.front()
    assert front[0].id == study.best.id and all(row.step_seconds > 0 for row in front)
    assert [row.valid_loss for row in front] == sorted(row.valid_loss for row in front)

    def costs(row):
        # Parameters count in steps of 2 %.
        return row.valid_loss, round(math.log(row.parameters) / 0.02), row.step_seconds

    def beats(row, other):
        return costs(row) != costs(other) and all(map(float.__le__, *(
            tuple(map(float, costs(each))) for each in (row, other))))

    rows = study.leaderboard()
    best = [row for row in rows if not any(beats(other, row) for other in rows)]
    assert {row.id for row in front} == {row.id for row in best}
    with pytest.raises(rnncell.InvalidArgumentError, match="front"):
        rnncell.Study(front=True, deterministic=True)


def test_a_negative_limit_of_the_leaderboard_is_refused():
    study = rnncell.Study()
    for loss in (1.0, 2.0):
        study.tell(study.ask().id, loss)
    assert [len(study.leaderboard(limit)) for limit in (None, 0, 1, 5)] == [2, 0, 1, 2]
    with pytest.raises(rnncell.InvalidArgumentError, match="limit is -1; pass 0 or more"):
        study.leaderboard(-1)


def test_finalists_are_chosen_by_validation_and_tested_once(corpus, tmp_path):
    told = []
    options = {"seeds": 2, "learning_rates": (1e-6, 0.01), "updates": 24, "workers": 2}
    with rnncell.Study(tmp_path / "s.db", corpus, strategy="random", trials=5, hidden_size=8, rungs=1,
                       updates=6, batch_size=8, truncation=10) as study:
        study.run()
        assert study.info.test_reads == 0
        with pytest.raises(rnncell.InvalidArgumentError, match="count"):
            study.finalists(0)
        result = study.finalists(2, **options, progress=lambda *row: told.append(row))
        # Two rates and two seeds of four cells, rates first.
        assert study.info.test_reads == 1
        assert [row[1:] for row in told] == [(place, 16) for place in range(1, 17)]
        assert all(row[0].learning_rate in (1e-6, 0.01) for row in told[:8])
        assert all(math.isnan(row[0].test_loss) for row in told[8:])
        first, second, *rivals = result.cells
        assert rivals == ["lstm", "gru"] and first.startswith("found ")
        means = [statistics.fmean(run.valid_loss for run in result.runs if run.cell == name)
                 for name in (first, second)]
        assert means[0] <= means[1]
        assert all(result.learning_rate(name) == 0.01 for name in result.cells)
        sizes = {run.parameters for run in result.runs}
        assert max(sizes) < 1.1 * min(sizes)
        # All is there: nothing is trained, and nothing is read again.
        again = study.finalists(2, **options, progress=lambda *_: pytest.fail("trained again"))
        assert again.losses(first) == result.losses(first) and study.info.test_reads == 1
        with pytest.raises(rnncell.StateError, match="read for this study before"):
            study.finalists(1, **options, save=tmp_path / "other.json")
        study.finalists(1, **options, save=tmp_path / "other.json", again=True)
        study.report(tmp_path / "r.html")
    with rnncell.Study(tmp_path / "s.db") as study:
        # As it was begun, where nothing else is asked for.
        assert study.info.strategy == "random"
        assert study.info.test_reads == 2
        with pytest.raises(rnncell.StateError, match="before"):
            study.record_test()
        other = rnncell.Corpus(text="abc " * 200)
        with pytest.raises(rnncell.StateError, match="another corpus"):
            study.finalists(corpus=other)
        with pytest.raises(rnncell.InvalidArgumentError, match="pass the corpus"):
            study.finalists()
    assert "At equal size" in (tmp_path / "r.html").read_text()
    with rnncell.Study(tmp_path / "s.db", read_only=True) as study, pytest.raises(
            rnncell.StateError, match="read-only"):
        study.record_test(again=True)


def test_layers_may_have_different_cells(corpus, tmp_path):
    options = {**TINY, "strategy": "evolution", "layers": 2, "mixed_layers": True, "seed": 2,
               "deterministic": True}
    with rnncell.Study(tmp_path / "s.db", corpus, trials=36, workers=2, **options) as study:
        study.run()
        rows = [row for row in study.history if row.state == "scored"]
        mixed = [row for row in rows if len(row.cells) > 1]
        assert mixed and len(mixed) < len(rows)
        assert all(len(row.cells) == 2 and row.cells[0] != row.cells[1] for row in mixed)
        # As many parameters as any other; the same function is not trained twice.
        assert max(row.parameters for row in rows) < 1.3 * min(row.parameters for row in rows)
        assert len({tuple(cell.digest for cell in row.cells) for row in rows}) == len(rows)
        # Each layer's cell is that of a parent, or was mutated from one.
        by_id = {row.id: row for row in study.history}
        given = [row for row in mixed if len(row.parents) == 2]
        assert any(cell in by_id[parent].cells for row in given for cell in row.cells
                   for parent in row.parents)
        study.report(tmp_path / "r.html")
    first = [(row.equations, row.valid_loss) for row in rows]
    with rnncell.Study(tmp_path / "s.db", read_only=True) as study:
        again = [row for row in study.history if row.state == "scored"]
        assert [(row.equations, row.valid_loss) for row in again] == first
        assert study.settings["mixed_layers"] == "2"
    with rnncell.Study(None, corpus, trials=36, workers=1, **options) as study:
        study.run()
        assert [(row.equations, row.valid_loss) for row in study.history
                if row.state == "scored"] == first
        sizes = study.sizes
    # What is trained is what the equations say, also elsewhere.
    row = mixed[0]
    score = train(corpus, row.equations, row.seed, row.updates, sizes)
    assert score.loss == pytest.approx(row.valid_loss, abs=1e-5)
    assert score.parameters == row.parameters
    compared = rnncell.compare(corpus, {"found": row.cells, "lstm": "lstm"}, parameters=2000, layers=2,
                               seeds=1, updates=4, batch_size=8, truncation=10, save=tmp_path / "c.json")
    assert rnncell.Comparison.load(tmp_path / "c.json").cells["found"] == compared.cells["found"]


@pytest.mark.parametrize("options, message", [
    ({"layers": 1, "strategy": "evolution"}, "mixed_layers needs layers of 2"),
    ({"layers": 2, "strategy": "random"}, "same cell in all layers"),
])
def test_mixed_layers_that_cannot_be_are_refused(options, message):
    with pytest.raises(rnncell.InvalidArgumentError, match=message):
        rnncell.Study(mixed_layers=True, **options)
