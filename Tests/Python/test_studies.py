"""Studies: ask and tell, search, resuming, executors, interruptions."""
import concurrent.futures
import copy
import io
import json
import math
import sqlite3

import pytest
import rnncell

TINY = {"hidden_size": 8, "batch_size": 8, "truncation": 10, "updates": 18, "rungs": 2}


def formula(proposal):
    """A score without training: short cells are good."""
    return len(proposal.equations) / 10 + proposal.id / 1e6


@pytest.mark.parametrize("strategy", list(rnncell.strategies()))
def test_cells_are_asked_and_told(strategy):
    study = rnncell.Study(strategy=strategy, seed=3, trials=12)
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


def test_a_failure_is_kept_with_its_reason():
    study = rnncell.Study(strategy="random", trials=4)
    first, second = study.ask(), study.ask()
    study.tell(first.id, math.nan, failure="the machine caught fire")
    study.tell(second.id, math.inf)
    rows = {row.id: row for row in study.history}
    assert rows[first.id].failure == "the machine caught fire"
    assert rows[first.id].state == rows[second.id].state == "failed"
    assert study.info.failed_count == 2
    with pytest.raises(rnncell.StateError, match="no scored"):
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


@pytest.mark.parametrize("pool", [concurrent.futures.ThreadPoolExecutor,
                                  concurrent.futures.ProcessPoolExecutor])
def test_an_executor_trains_elsewhere(corpus, pool):
    study = rnncell.Study(None, corpus, strategy="random", trials=4, **{**TINY, "rungs": 1})
    with pool(2) as executor:
        study.run(executor=executor)
    assert study.info.scored_count + study.info.failed_count >= 4
    assert study.best.valid_loss < 5


def test_all_proposals_are_written_as_csv():
    study = rnncell.Study(strategy="random", trials=3)
    for _ in range(3):
        study.tell(study.ask().id, 1.0)
    text = io.StringIO()
    study.csv(text)
    lines = text.getvalue().splitlines()
    assert lines[0].startswith("id,seed,strategy,equations")
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
    assert study.info.seed == 9 and study.info.strategy == "evolution"
    with pytest.raises(TypeError, match="read_only"):
        copy.copy(study)
