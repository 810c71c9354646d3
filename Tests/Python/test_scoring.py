"""Scoring outside of the library: by objectives, on executors, and where such a search ends."""
import concurrent.futures

import pytest
import rnncell
from test_errors import doubling
from test_studies import TINY, formula


@pytest.fixture
def executor(request):
    """None, or two threads."""
    if request.param is None:
        yield None
    else:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            yield pool


@pytest.mark.parametrize("pool", [concurrent.futures.ThreadPoolExecutor,
                                  concurrent.futures.ProcessPoolExecutor])
def test_an_executor_trains_elsewhere(corpus, pool):
    study = rnncell.Study(None, corpus, strategy="random", trials=4, **{**TINY, "rungs": 1})
    with pool(2) as executor:
        study.run(executor=executor)
    assert study.info.scored_count + study.info.failed_count >= 4
    assert study.best.valid_loss < 5


def test_an_objective_scores_in_place_of_a_corpus(tmp_path):
    study = rnncell.search(objective=formula, trials=15, db=tmp_path / "s.db", progress=False)
    assert study.info.scored_count >= 15
    for row in study.leaderboard():
        assert row.valid_loss == formula(row) and row.work == "cell"
        assert str(study.proposal(row.id)) == str(row)
    for id in (0, -1, study.info.proposal_count + 1):
        with pytest.raises(rnncell.InvalidArgumentError, match=f"no proposal {id}; ids are from 1 to"):
            study.proposal(id)


def test_what_an_objective_raises_is_the_proposals_failure():
    def objective(proposal):
        if proposal.id % 3 == 0:
            raise ValueError(f"no such cell: {proposal.id}")
        return formula(proposal)

    study = rnncell.search(objective=objective, trials=12, controls=False, progress=False)
    failed = [row for row in study.history if row.state == "failed"]
    assert failed and all(row.failure == f"ValueError: no such cell: {row.id}" for row in failed)
    assert study.info.scored_count + study.info.failed_count == 12


def test_an_objective_that_always_fails_is_raised(tmp_path):
    def objective(proposal):
        raise KeyError("colour")

    with pytest.raises(KeyError, match="colour") as caught:
        rnncell.search(objective=objective, trials=50, db=tmp_path / "s.db", progress=False)
    assert caught.value.__notes__ and "10 proposals" in caught.value.__notes__[0]
    with rnncell.Study(tmp_path / "s.db", read_only=True) as study:
        assert study.info.failed_count == 10
    with pytest.raises(rnncell.InvalidArgumentError, match="gave nan"):
        rnncell.search(objective=lambda proposal: float("nan"), trials=3, progress=False)


class LosesWorkers(concurrent.futures.Executor):
    """Each of its workers dies once in the middle of every third proposal."""

    _max_workers = 2

    def __init__(self):
        self.count, self.scored = 0, []

    def submit(self, function, /, *arguments):
        self.count += 1
        future = concurrent.futures.Future()
        if self.count % 3 == 0:
            future.set_exception(ConnectionError("the worker is gone"))
        else:
            self.scored.append(arguments[0].id)
            future.set_result(function(*arguments))
        return future


def test_a_proposal_whose_worker_died_is_scored_again_and_told_once():
    executor = LosesWorkers()
    study = rnncell.Study(strategy="random", trials=20)
    study.run(objective=formula, executor=executor)
    assert executor.count > 20
    # Time of scoring counts, whoever scores; the first proposal was told before the last.
    assert 0 < study.history[0].told_at < study.info.seconds
    assert sorted(executor.scored) == sorted(row.id for row in study.leaderboard())
    assert study.info.scored_count == 20 and study.info.failed_count == 0


def test_a_proposal_that_is_lost_again_and_again_fails():
    class Never(LosesWorkers):
        def submit(self, function, /, *arguments):
            self.count = 2
            return super().submit(function, *arguments)

    study = rnncell.Study(strategy="random", trials=3)
    study.run(objective=formula, executor=Never())
    assert study.info.failed_count == 3
    assert "lost 4 times: ConnectionError" in study.history[-1].failure


@pytest.mark.parametrize("executor", [None, "threads"], indirect=True)
def test_what_was_scored_before_a_space_was_used_up_is_kept(executor):
    with pytest.raises(rnncell.InvalidArgumentError, match="no new cell") as caught:
        rnncell.search(objective=lambda proposal: float(proposal.id), strategy="random", trials=10_000,
                       operations=["tanh"], max_nodes=2, progress=False, executor=executor)
    assert 0 < caught.value.study.info.scored_count < 10_000
    assert caught.value.study.info.pending_count == 0


def test_a_start_that_cannot_learn_is_refused_with_the_reason():
    # What sixty squashing products leave of x is less than rounding.
    with pytest.raises(rnncell.InvalidArgumentError, match="does not depend on x"):
        rnncell.search(objective=lambda proposal: 1.0, trials=3, start=doubling(60), progress=False)


@pytest.mark.parametrize("executor", [None, "threads"], indirect=True)
def test_a_search_by_an_objective_ends_at_its_target(executor):
    study = rnncell.search(objective=lambda proposal: 100.0 - proposal.id, trials=50, target=90.0,
                           progress=False, controls=False, executor=executor)
    assert 88.0 <= study.best.valid_loss <= 90.0 and study.info.pending_count == 0
    with pytest.raises(rnncell.StateError, match="target is reached"):
        study.ask()
    # What is to be as large as possible is told with a minus.
    for target in (-5, 0):
        study = rnncell.search(objective=lambda proposal: 4 - proposal.id, trials=50, target=target,
                               progress=False, controls=False)
        assert study.best.valid_loss == target


def test_an_objective_gives_costs_and_the_best_of_a_front_have_children():
    def objective(proposal):
        length = len(proposal.equations)
        return rnncell.Score(1000 / length, parameters=length, step_seconds=length * 1e-6, tokens=7)

    study = rnncell.Study(strategy="auto", tokens=40 * 7, front=True, workers=1)
    study.run(objective=objective)
    assert study.info.scored_count == 40 and study.info.tokens == 280
    rows = study.leaderboard()
    # The longer the better and the costlier: nothing beats anything, but in steps of 2 %.
    assert len(study.front()) > 10
    assert rows[0].parameters == len(rows[0].equations)
