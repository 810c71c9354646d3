"""Tasks on sequences as objectives of a search."""
import concurrent.futures
import os
import pickle
import stat

import numpy as np
import pytest
import rnncell
from rnncell.finalists import comparison_of, ordered


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
    assert task.loss(model) == pytest.approx(best.valid_loss, rel=1e-6)


def test_a_search_for_a_cell_that_is_good_at_two_tasks(tmp_path):
    corpus = rnncell.Corpus(train_text="the cat sat. " * 60, valid_text="the cat sat. " * 4,
                            test_text="the cat. ")
    text = rnncell.LanguageTask(corpus, hidden_size=8, batch_size=4, truncation=10, learning_rate=0.02)
    sums = rnncell.SequenceTask(some(40), some(20, 1), **TASK)
    both = rnncell.JointTask(text, sums, shares=(1, 0.5), weights=(1, 3))
    study = rnncell.search(objective=both, trials=6, rungs=2, updates=60, seed=1, progress=False,
                           db=tmp_path / "study.db")
    best = study.best
    apart = []
    for task, updates in [(text, 60), (sums, 30)]:
        model = task.fit(task.model(best.cell, best.seed), updates=updates, seed=best.seed, threads=1)
        apart.append(task.loss(model))
    assert best.updates == 60
    assert best.valid_loss == pytest.approx(apart[0] + 3 * apart[1], rel=1e-6)
    assert best.tokens > 60 * 4 * 10
    for wrong in [(text,), (text, corpus)]:
        with pytest.raises(rnncell.InvalidArgumentError, match="two tasks"):
            rnncell.JointTask(*wrong)
    with pytest.raises(rnncell.InvalidArgumentError, match="positive one for each"):
        rnncell.JointTask(text, sums, shares=(1,))
    with pytest.raises(rnncell.InvalidArgumentError, match="weights are .*positive one for each"):
        rnncell.JointTask(text, sums, weights=(1, float("inf")))
    for wrong in [(1,), (1, float("nan")), ()]:
        with pytest.raises(rnncell.InvalidArgumentError, match="to_beat is .*a loss for each task"):
            rnncell.JointTask(text, sums, to_beat=wrong)


def test_a_search_for_a_cell_that_beats_a_loss_at_each_task(tmp_path):
    one, two = (rnncell.SequenceTask(some(40, seed), some(20, seed + 1), **TASK) for seed in (1, 3))
    both = rnncell.JointTask(one, two, weights=(1, 2), to_beat=(0.5, 0.25))
    study = rnncell.search(objective=both, trials=12, rungs=1, updates=8, seed=1, progress=False,
                           db=tmp_path / "study.db")
    scored = [row for row in study.history if row.state == "scored"]
    above = [(row.part_losses[0] - 0.5, 2 * (row.part_losses[1] - 0.25)) for row in scored]
    assert [row.valid_loss for row in scored] == pytest.approx([max(pair) for pair in above])
    # Either task is the worse one for some of them.
    assert len({pair[0] > pair[1] for pair in above}) == 2
    with pytest.raises(rnncell.Error, match="another"):
        rnncell.search(objective=rnncell.JointTask(one, two, weights=(1, 2)), trials=1, rungs=1, updates=8,
                       seed=1, progress=False, db=tmp_path / "study.db")


def test_a_task_serves_several_studies():
    def scores(task, seed):
        study = rnncell.search(objective=task, trials=8, rungs=2, updates=60, seed=seed, workers=1,
                               progress=False)
        return [(row.equations, row.rung, row.valid_loss) for row in study.leaderboard()]

    task = rnncell.SequenceTask(some(60), some(30, 1), **TASK)
    first, second = scores(task, 1), scores(task, 2)
    assert scores(task, 1) == first != second == scores(rnncell.SequenceTask(some(60), some(30, 1), **TASK), 2)


def test_a_search_on_a_task_leaves_the_null_device_alone():
    # The history of its trainings once went there, by a new file that took the device's name.
    task = rnncell.SequenceTask(some(40), some(20, 1), **TASK)
    rnncell.search(objective=task, trials=2, rungs=1, updates=10, progress=False)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_language_models_are_compared_as_a_task():
    corpus = rnncell.Corpus(train_text="the cat sat. " * 60, valid_text="the cat sat. " * 4,
                            test_text="the cat. ")
    task = rnncell.LanguageTask(corpus, hidden_size=8, batch_size=4, truncation=10, learning_rate=0.02)
    options = {"seeds": 2, "updates": 20}
    by_task = rnncell.compare(task, ["lstm", "gru"], **options)
    by_corpus = rnncell.compare(corpus, ["lstm", "gru"], parameters=task.parameters, **options, batch_size=4,
                                truncation=10, learning_rate=0.02)
    assert by_task.losses("gru") == by_corpus.losses("gru") and by_task.is_language
    with pytest.raises(rnncell.InvalidArgumentError, match="a LanguageTask says itself"):
        rnncell.compare(task, ["lstm"], parameters=100)


def test_all_models_have_about_as_many_parameters():
    task = rnncell.SequenceTask(some(4), some(4, 1), **{**TASK, "hidden_size": 32})
    lstm = rnncell.SequenceModel("lstm", 2, 2, hidden_size=32)
    assert task.parameters == lstm.parameter_count
    for cell in ("gru", "elman", "nascell"):
        assert abs(task.model(cell).parameter_count / task.parameters - 1) < 0.05


def test_next_steps_of_sequences_alone():
    rolls = [np.eye(4, dtype=np.float32)[np.arange(6) % 4] for _ in range(8)]
    task = rnncell.SequenceTask(rolls, rolls, rolls[:2], targets="labels", hidden_size=12, batch_size=4)
    model = task.fit(task.model("gru"), epochs=150, learning_rate=0.03)
    assert task.loss(model) < 0.3
    assert task.loss(model, "test") < 0.3
    with pytest.raises(rnncell.InvalidArgumentError, match="next steps"):
        rnncell.SequenceTask(rolls, rolls)
    with pytest.raises(rnncell.InvalidArgumentError, match="output_size"):
        rnncell.SequenceTask(some(3), some(3))


def test_values_of_steps_may_be_flat():
    sequences = [part for part, _ in zip(*some(6))]
    flat = [part[:, 0].cumsum() for part in sequences]
    task = rnncell.SequenceTask((sequences, flat), (sequences, flat), targets="values", per_step=True,
                                hidden_size=8)
    model = task.fit(task.model("gru"), epochs=1, batch_size=4)
    assert model.output_size == 1 and task.loss(model) > 0
    wide = [np.stack([part, part], 1) for part in flat]
    assert rnncell.SequenceTask((sequences, wide), (sequences, wide), targets="values",
                                per_step=True).model("gru").output_size == 2


def test_a_size_is_said_in_one_way():
    corpus = rnncell.Corpus(text="the cat sat. " * 60)
    for make in (lambda **size: rnncell.LanguageTask(corpus, **size),
                 lambda **size: rnncell.SequenceTask(some(4), some(4, 1), output_size=2, **size)):
        assert make(parameters=500).parameters == 500
        assert make().parameters == make(hidden_size=64).parameters
        with pytest.raises(rnncell.InvalidArgumentError, match="parameters and hidden_size are both given"):
            make(parameters=500, hidden_size=64)
        with pytest.raises(rnncell.InvalidArgumentError, match="parameters is 0"):
            make(parameters=0)


def test_a_task_without_sequences_is_refused():
    one = ([[[1.0], [2.0]]], [0])
    for given in ((([], []), one), (one, ([], []))):
        with pytest.raises(rnncell.InvalidArgumentError, match="there are no sequences"):
            rnncell.SequenceTask(*given, output_size=2)


def test_other_processes_score_too():
    task = rnncell.SequenceTask(some(20), some(10, 1), **TASK)
    assert pickle.loads(pickle.dumps(task)).parameters == task.parameters
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        study = rnncell.search(objective=task, strategy="random", trials=4, rungs=1, updates=20,
                               seed=1, executor=pool, progress=False)
    assert study.info.scored_count >= 4


def test_cells_are_compared_on_a_task(tmp_path):
    task = rnncell.SequenceTask(some(40), some(20, 1), some(20, 2), epochs=8, **TASK)
    options = {"seeds": 2, "learning_rates": (0.01, 0.03), "save": tmp_path / "c.json", "resume": True}
    seen = []
    result = rnncell.compare(task, ["gru", "elman"], before_test=seen.append, **options)
    assert len(result.runs) == 4 and len(result.trials) == 4 and len(seen) == 1
    assert {run.updates for run in result.runs} == {8 * 5}
    assert result.interval("gru").low <= result.interval("gru").mean
    assert "perplexity" not in result.text() and "nats per token" not in result.verdict("gru", "elman")
    model = task.fit(task.model("gru", 1), seed=1, threads=1, learning_rate=result.learning_rate("gru"))
    assert task.loss(model, "test") == pytest.approx(result.losses("gru")[1], rel=1e-6)
    rnncell.compare(task, ["gru", "elman"], before_test=seen.append, **options)
    assert len(seen) == 1
    other = rnncell.SequenceTask(some(40), some(20, 1), some(20, 3), epochs=8, **TASK)
    with pytest.raises(rnncell.StateError, match="data"):
        rnncell.compare(other, ["gru", "elman"], **options)


def test_a_comparison_on_a_task_says_what_is_missing():
    task = rnncell.SequenceTask(some(8), some(4, 1), epochs=1, **TASK)
    with pytest.raises(rnncell.InvalidArgumentError, match="test="):
        rnncell.compare(task, ["gru"])
    with pytest.raises(rnncell.InvalidArgumentError, match="parameters is given"):
        rnncell.compare(task, ["gru"], parameters=100, split="valid")
    assert len(rnncell.compare(task, ["gru"], split="valid", seeds=1).runs) == 1
    with pytest.raises(TypeError, match="not dict"):
        rnncell.compare({}, ["gru"], parameters=100)


def test_finalists_and_ablation_of_a_search_on_a_task(tmp_path):
    task = rnncell.SequenceTask(some(40), some(20, 1), some(20, 2), epochs=4, **TASK)
    study = rnncell.search(objective=task, trials=6, rungs=1, updates=20, seed=1, progress=False,
                           db=tmp_path / "study.db")
    result = study.finalists(1, seeds=2, rivals=rnncell.Cell.stock("gru"), learning_rates=None, corpus=task)
    assert len(result.cells) == 2 and study.info.test_reads == 1
    assert "perplexity" not in result.text() and " of loss" in result.text()
    assert len(study.ablation(corpus=task, seeds=1).cells) > 1
    study.report(tmp_path / "report.html")
    assert "no difference" in (page := (tmp_path / "report.html").read_text()) or " than gru" in page
    assert "per token" not in page
    with pytest.raises(rnncell.InvalidArgumentError, match="or its task"):
        study.finalists()


def test_the_finalist_of_the_least_validation_loss_is_first_whatever_its_name(tmp_path):
    """The cells that a short search begins with are equal to stock cells, and have their names."""
    task = rnncell.SequenceTask(some(40), some(20, 1), some(20, 2), epochs=2, **TASK)
    study = rnncell.search(objective=task, trials=4, updates=6, rungs=1, db=tmp_path / "study.db",
                           controls=False, progress=False)
    result = study.finalists(4, corpus=task, seeds=1, learning_rates=None)
    assert any(name in rnncell.stock_cells() for name in result.finalists)
    assert list(result.cells)[len(result.finalists):] == ["lstm", "gru"]
    assert next(iter(result.cells)) == next(
        name for name in result.by_validation() if name in result.finalists)
    # What lies beside the study says so too, and gives the winner of an ablation.
    kept = comparison_of(study)
    assert list(kept.cells) == list(result.cells) and kept.finalists == result.finalists
    # Were the losses the other way round, the last of them would be first.
    turned = [run._replace(valid_loss=-run.valid_loss) for run in result.runs]
    again = ordered(rnncell.Comparison(result.cells, result.seeds, turned, finalists=result.finalists))
    assert next(iter(again.cells)) == [
        name for name in result.by_validation() if name in result.finalists][-1]


def test_finalists_and_ablation_of_a_search_on_several_tasks(tmp_path):
    corpus = rnncell.Corpus(train_text="the cat sat. " * 60, valid_text="the cat sat. " * 4,
                            test_text="the cat. ")
    text = rnncell.LanguageTask(corpus, hidden_size=8, batch_size=4, truncation=10, learning_rate=0.02)
    sums = rnncell.SequenceTask(some(40), some(20, 1), some(20, 2), **TASK)
    both = rnncell.JointTask(text, sums, shares=(1, 0.5), weights=(1, 3))
    study = rnncell.search(objective=both, trials=3, rungs=1, updates=8, seed=1, progress=False,
                           db=tmp_path / "study.db")
    # What each task gave is in the file.
    for row in rnncell.Study(tmp_path / "study.db", read_only=True).history:
        if row.state == "scored":
            own = [task(row._replace(updates=updates)).loss for task, updates in ((text, 8), (sums, 4))]
            assert list(row.part_losses) == own and row.valid_loss == own[0] + 3 * own[1]
    options = {"corpus": both, "updates": 16}
    result = study.finalists(1, seeds=1, rivals="gru", learning_rates=(0.005, 0.02), **options)
    assert len(result.cells) == 2 and len(result.trials) == 4 and study.info.test_reads == 1
    run = next(run for run in result.runs if run.cell == "gru")
    losses = {"valid": 0.0, "test": 0.0}
    for task, updates, weight in ((text, 16, 1), (sums, 8, 3)):
        model = task.fit(task.model("gru"), updates=updates, seed=0, threads=1,
                         learning_rate=run.learning_rate)
        losses = {split: loss + weight * task.loss(model, split) for split, loss in losses.items()}
    assert run.valid_loss == pytest.approx(losses["valid"], rel=1e-6)
    assert run.test_loss == pytest.approx(losses["test"], rel=1e-6)
    assert run.parameters == pytest.approx(both.parameters, rel=0.2) and run.updates == 16
    # All is in the file: nothing is trained, and nothing is read again.
    again = study.finalists(1, seeds=1, rivals="gru", learning_rates=(0.005, 0.02), **options,
                            progress=lambda *_: pytest.fail("trained again"))
    assert again.losses("gru") == result.losses("gru") and study.info.test_reads == 1
    assert len(study.ablation(seeds=1, **options).cells) > 1
    with pytest.raises(TypeError, match="not dict"):
        study.finalists(corpus={"a": 1})


def test_tasks_of_different_lengths_have_no_common_share():
    short, long = (rnncell.SequenceTask(some(8), some(4, 1), some(4, 2), epochs=epochs, **TASK)
                   for epochs in (2, 8))
    grid = {"seeds": 1, "learning_rates": (0.01, 0.02), "workers": 1}
    with pytest.raises(rnncell.InvalidArgumentError, match="no common share; pass epochs= or updates="):
        rnncell.compare(rnncell.JointTask(short, long), ["gru"], **grid)
    for task, options in ((rnncell.JointTask(short, long), {"epochs": 4}),
                          (rnncell.JointTask(long, long), {}),
                          (rnncell.JointTask(short, long), {"grid_share": 1})):
        assert len(rnncell.compare(task, ["gru"], **grid, **options).trials) == 2
