"""Tasks on sequences as objectives of a search."""
import concurrent.futures
import pickle

import numpy as np
import pytest
import rnncell


def some(count, seed=0):
    random = np.random.default_rng(seed)
    sequences = [random.normal(size=(random.integers(4, 9), 2)).astype(np.float32)
                 for _ in range(count)]
    return sequences, [int(part[:, 0].sum() > 0) for part in sequences]


TASK = {"output_size": 2, "hidden_size": 8, "batch_size": 8, "learning_rate": 0.02}


@pytest.mark.parametrize("strategy", ["random", "evolution", "auto", "grow"])
def test_a_search_finds_cells_for_a_task(strategy, tmp_path):
    task = rnncell.SequenceTask(some(60), some(30, 1), **TASK)
    study = rnncell.search(objective=task, strategy=strategy, trials=8, rungs=2, updates=120,
                           db=tmp_path / "study.db", seed=1, workers=2, progress=False)
    best = study.leaderboard()[0]
    assert best.valid_loss < 0.69
    assert best.rung == 1 and best.updates == 120 and best.parameters > 0
    # What was trained in two rungs is what is trained in one.
    model = task.model(best.cell, best.seed)
    task.fit(model, updates=120, seed=best.seed, threads=1)
    assert task.evaluate(model) == pytest.approx(best.valid_loss, rel=1e-6)


def test_all_models_have_about_as_many_parameters():
    task = rnncell.SequenceTask(some(4), some(4, 1), **{**TASK, "hidden_size": 32})
    lstm = rnncell.SequenceModel("lstm", 2, 2, hidden_size=32)
    assert task.parameters == lstm.parameter_count
    for cell in ("gru", "elman", "nascell"):
        assert abs(task.model(cell).parameter_count / task.parameters - 1) < 0.05


def test_next_steps_of_sequences_alone():
    rolls = [np.eye(4, dtype=np.float32)[np.arange(6) % 4] for _ in range(8)]
    task = rnncell.SequenceTask(rolls, rolls, targets="labels", hidden_size=12, batch_size=4)
    model = task.fit(task.model("gru"), epochs=150, learning_rate=0.03)
    assert task.evaluate(model) < 0.3
    assert task.evaluate(model, rolls[:2]) < 0.3
    with pytest.raises(rnncell.InvalidArgumentError, match="next steps"):
        rnncell.SequenceTask(rolls, rolls)
    with pytest.raises(rnncell.InvalidArgumentError, match="output_size"):
        rnncell.SequenceTask(some(3), some(3))


def test_other_processes_score_too():
    task = rnncell.SequenceTask(some(20), some(10, 1), **TASK)
    assert pickle.loads(pickle.dumps(task)).parameters == task.parameters
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        study = rnncell.search(objective=task, strategy="random", trials=4, rungs=1, updates=20,
                               seed=1, executor=pool, progress=False)
    assert study.info.scored_count >= 4


def test_a_comparison_reads_the_test_data_once():
    task = rnncell.SequenceTask(some(40), some(20, 1), **TASK)
    rows = task.compare(["gru", "elman"], test=some(20, 2), seeds=2, learning_rates=[0.01, 0.03],
                        epochs=8)
    assert {row["cell"] for row in rows} == {"gru", "elman"}
    for row in rows:
        assert len(row["valid_losses"]) == len(row["test_losses"]) == 2
        assert row["learning_rate"] in (0.01, 0.03)
    assert sum(rows[0]["valid_losses"]) <= sum(rows[1]["valid_losses"])
