"""The interface of scikit-learn."""
import pickle
import subprocess
import sys

import numpy as np
import pytest
import rnncell
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

SMALL = {"hidden_size": 16, "epochs": 60, "learning_rate": 0.02, "threads": 1}


@parametrize_with_checks(
    [rnncell.SequenceClassifier("gru", **SMALL), rnncell.SequenceRegressor("gru", **SMALL)])
def test_scikit_learns_own_checks(estimator, check):
    """All of them hold: there are no exceptions to justify."""
    check(estimator)


def waves(count=60, seed=0):
    """Slow and fast sines of different lengths, with their kind and their speed."""
    random = np.random.default_rng(seed)
    sequences, kinds, speeds = [], [], []
    for index in range(count):
        kind = index % 2
        speed = (0.3, 0.9)[kind] * random.uniform(0.8, 1.2)
        steps = np.arange(random.integers(12, 30))
        wave = np.sin(speed * steps + random.uniform(0, 6))
        sequences.append(np.stack([wave, random.normal(size=len(steps)) * 0.1], 1))
        kinds.append(("slow", "fast")[kind])
        speeds.append(speed)
    return sequences, np.array(kinds), np.array(speeds)


def test_a_classifier_tells_sequences_of_different_lengths_apart():
    sequences, kinds, _ = waves()
    model = rnncell.SequenceClassifier("lstm", **SMALL).fit(sequences, kinds)
    others, wanted, _ = waves(40, seed=1)
    assert model.score(others, wanted) > 0.9
    assert list(model.classes_) == ["fast", "slow"]
    probabilities = model.predict_proba(others)
    assert probabilities.shape == (40, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert (model.classes_[probabilities.argmax(1)] == model.predict(others)).all()


def test_a_regressor_says_numbers_of_sequences():
    sequences, _, speeds = waves(120)
    model = rnncell.SequenceRegressor("gru", bidirectional=True, **SMALL).fit(sequences, speeds)
    others, _, wanted = waves(40, seed=1)
    assert model.score(others, wanted) > 0.8
    both = np.stack([speeds, -speeds], 1)
    model.fit(sequences, both)
    assert model.predict(others).shape == (40, 2)
    assert model.score(others, np.stack([wanted, -wanted], 1)) > 0.7


def test_labels_for_every_step():
    random = np.random.default_rng(0)
    # Whether the sum of all numbers so far is positive.
    sequences = [random.normal(size=(random.integers(5, 15), 1)) for _ in range(150)]
    labels = [np.where(np.cumsum(part) > 0, "up", "down") for part in sequences]
    model = rnncell.SequenceClassifier("gru", per_step=True, **SMALL).fit(sequences, labels)
    assert model.score(sequences[:20], labels[:20]) > 0.93
    found = model.predict(sequences[:3])
    assert [part.shape for part in found] == [part.shape for part in labels[:3]]
    regressor = rnncell.SequenceRegressor("gru", per_step=True, **SMALL)
    sums = [np.cumsum(part) for part in sequences]
    assert regressor.fit(sequences, sums).score(sequences[:20], sums[:20]) > 0.9


def test_grids_pipelines_copies_and_scores():
    sequences, kinds, _ = waves(40)
    table = np.stack([part[:12, 0] for part in sequences])
    pipeline = make_pipeline(StandardScaler(), rnncell.SequenceClassifier("gru", **SMALL))
    assert cross_val_score(pipeline, table, kinds, cv=3).mean() > 0.8
    grid = GridSearchCV(rnncell.SequenceClassifier(**SMALL), {"cell": ["gru", "elman"]}, cv=2)
    grid.fit(table, kinds)
    assert grid.best_params_["cell"] in ("gru", "elman")
    model = clone(grid.best_estimator_).fit(table, kinds)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(table), model.predict_proba(table))


def test_patience_keeps_sequences_aside_and_a_seed_repeats():
    sequences, kinds, _ = waves(40)
    options = {**SMALL, "epochs": 100, "patience": 3, "validation_fraction": 0.25}
    first = rnncell.SequenceClassifier("gru", **options).fit(sequences, kinds)
    assert first.n_iter_ == len(first.history_) < 100
    assert np.isfinite(first.history_[-1].valid_loss)
    second = rnncell.SequenceClassifier("gru", **options).fit(sequences, kinds)
    np.testing.assert_array_equal(first.predict_proba(sequences), second.predict_proba(sequences))


def test_piano_rolls():
    random = np.random.default_rng(0)
    # A scale that goes up, with a second voice three keys above.
    rolls = []
    for _ in range(30):
        keys = (random.integers(12) + np.arange(random.integers(8, 20))) % 12
        roll = np.zeros((len(keys), 12), np.uint8)
        roll[np.arange(len(keys)), keys] = 1
        roll[np.arange(len(keys)), (keys + 3) % 12] = 1
        rolls.append(roll)
    model = rnncell.MultiLabelModel("gru", hidden_size=32, epochs=150, learning_rate=0.02,
                                    dropout=0.0, patience=None, threads=1).fit(rolls)
    assert model.loss(rolls) < 0.5
    # The loss is the mean over predicted steps of the sum over keys.
    inputs, targets = rnncell.next_step(rolls)
    total = 0.0
    for said, wanted in zip(model.predict_proba([np.asarray(part) for part in inputs]), targets):
        p, y = said.astype(float), np.asarray(wanted, float)
        total -= (y * np.log(p) + (1 - y) * np.log1p(-p)).sum()
    assert model.loss(rolls) == pytest.approx(total / sum(len(part) for part in targets), rel=1e-3)
    assert (model.predict(rolls)[0][:-1] == rolls[0][1:]).mean() > 0.95
    labelled = rnncell.MultiLabelModel("gru", bidirectional=True, hidden_size=16, epochs=5,
                                       threads=1).fit(rolls, rolls)
    assert labelled.loss(rolls, rolls) < 12


def test_forecasts():
    steps = np.arange(400)
    series = np.stack([np.sin(0.2 * steps), np.cos(0.2 * steps)], 1)
    model = rnncell.Forecaster("gru", horizon=5, hidden_size=24, epochs=40, learning_rate=0.01,
                               threads=1).fit(series[:300])
    found = model.predict(series[:350])
    assert found.shape == (5, 2)
    assert np.abs(found - series[350:355]).max() < 0.15
    assert -0.01 < model.score(series[300:]) <= 0
    flat = rnncell.Forecaster("gru", hidden_size=16, epochs=2, threads=1).fit(list(series[:100].T))
    assert [part.shape for part in flat.predict([series[:50, 0], series[:60, 1]])] == [(1,), (1,)]
    assert set(flat.get_params()) >= {"horizon", "window", "cell"}
    assert clone(flat).horizon == 1


def test_numpys_array_of_sequences_is_a_list_of_them():
    sequences, kinds, _ = waves(10)
    ragged = np.empty(len(sequences), object)
    ragged[:] = sequences
    model = rnncell.SequenceClassifier("gru", **{**SMALL, "epochs": 1})
    assert np.array_equal(model.fit(ragged, kinds).predict_proba(ragged),
                          model.fit(sequences, kinds).predict_proba(sequences))


def test_what_cannot_be_is_refused():
    sequences, kinds, speeds = waves(10)
    model = rnncell.SequenceClassifier("gru", **{**SMALL, "epochs": 1})
    with pytest.raises(ValueError, match="one for each"):
        model.fit(sequences, kinds[:-1])
    with pytest.raises(ValueError, match="NaN"):
        model.fit([part * np.nan for part in sequences], kinds)
    with pytest.raises(ValueError, match="features"):
        model.fit([sequences[0], sequences[1][:, :1]], kinds[:2])
    with pytest.raises(ValueError, match="features"):
        model.fit(sequences, kinds).predict([part[:, :1] for part in sequences])
    with pytest.raises(ValueError, match=r"write x\[:, None\]"):
        model.fit([np.zeros(4), np.zeros(5)], kinds[:2])
    with pytest.raises(ValueError, match=r"sequence 1 has shape \(5,\)"):
        model.fit([sequences[0], np.zeros(5)], kinds[:2])
    with pytest.raises(ValueError, match="sequence 1 has no steps"):
        model.fit([sequences[0], sequences[1][:0]], kinds[:2])
    with pytest.raises(TypeError, match="wobble"):
        rnncell.SequenceRegressor(training={"wobble": 1}).fit(sequences, speeds)
    with pytest.raises(rnncell.InvalidArgumentError, match="bidirectional"):
        rnncell.MultiLabelModel(bidirectional=True).fit([np.eye(4)])
    for options, said in (({"hidden_size": 1.5}, "hidden_size must be a whole number, not 1.5"),
                          ({"epochs": "3"}, "epochs must be a whole number, not '3'")):
        with pytest.raises(TypeError, match=said):
            rnncell.SequenceClassifier(**options).fit(sequences, kinds)
    with pytest.raises(ValueError, match="complex128; pass real numbers"):
        model.fit([part * 1j for part in sequences], kinds)


def test_patience_without_a_sequence_kept_aside_is_refused():
    sequences, _, speeds = waves(10)
    for fraction in (0, 1):
        with pytest.raises(rnncell.InvalidArgumentError, match=f"validation_fraction is {fraction}"):
            rnncell.SequenceRegressor(patience=2, validation_fraction=fraction).fit(sequences, speeds)
    with pytest.raises(rnncell.InvalidArgumentError, match="at least 2 sequences"):
        rnncell.SequenceRegressor(patience=2).fit(sequences[:1], speeds[:1])
    # A share of less than one sequence is one.
    few = rnncell.SequenceRegressor(patience=2, **{**SMALL, "epochs": 3}).fit(sequences[:3], speeds[:3])
    assert np.isfinite(few.history_[-1].valid_loss)


def test_series_in_every_form_and_what_is_none():
    series = np.sin(np.arange(120) / 5).reshape(2, 60, 1)
    model = rnncell.Forecaster("gru", **{**SMALL, "epochs": 1})
    with pytest.raises(NotFittedError):
        model.predict(series)
    together = model.fit(series).predict(series)
    assert np.shape(together) == (2, 1, 1)
    np.testing.assert_array_equal(together, model.fit(list(series)).predict(list(series)))
    ragged = np.empty(2, object)
    ragged[:] = [series[0, :50, 0], series[1, :, 0]]
    assert [part.shape for part in model.fit(ragged).predict(ragged)] == [(1,), (1,)]
    for options, value, error, said in (
            ({}, 5, ValueError, r"a series has shape \(\).*horizon="),
            ({}, [], ValueError, "no steps"),
            ({}, np.arange("2020", "2030", dtype="datetime64[Y]"), ValueError, "pass real numbers"),
            ({"horizon": 0}, series, rnncell.InvalidArgumentError, "horizon is 0"),
            ({"horizon": 1.5}, series, TypeError, "horizon must be a whole number, not 1.5"),
            ({"window": -5}, series, rnncell.InvalidArgumentError, "window is -5")):
        with pytest.raises(error, match=said):
            rnncell.Forecaster(**options).fit(value)


def test_a_forecaster_with_patience_learns_from_the_starts_of_series_alone():
    series = [np.sin(np.arange(length) / 5) for length in (60, 80, 5)]
    options = {**SMALL, "epochs": 3, "patience": 2, "validation_fraction": 0.25}
    model = rnncell.Forecaster("gru", **options).fit(series)
    assert np.isfinite(model.history_[-1].valid_loss)
    starts = np.concatenate([series[0][:45], series[1][:60], series[2][:3]])
    assert model.mean_ == pytest.approx([starts.mean()], abs=1e-6)
    others = [part.copy() for part in series]
    for part, count in zip(others, (15, 20, 2)):
        part[-count:] += 1e6
    other = rnncell.Forecaster("gru", **options).fit(others)
    assert other.mean_ == model.mean_ and other.scale_ == model.scale_
    assert other.history_[0].train_loss == model.history_[0].train_loss
    assert other.history_[0].valid_loss > 1e6 * model.history_[0].valid_loss


@pytest.mark.parametrize("fraction", [0.1, 0.9])
def test_a_series_too_short_to_divide_is_refused(fraction):
    model = rnncell.Forecaster("gru", **{**SMALL, "epochs": 1}, horizon=3, patience=1,
                               validation_fraction=fraction)
    with pytest.raises(rnncell.InvalidArgumentError, match="at least 8 steps.*patience=None"):
        model.fit(np.arange(7.0))
    assert np.isfinite(model.fit(np.arange(8.0)).history_[0].valid_loss)


def test_one_sequence_where_a_list_is_wanted_is_refused():
    sequences, kinds, _ = waves(10)
    model = rnncell.SequenceClassifier("gru", **{**SMALL, "epochs": 1}).fit(sequences, kinds)
    with pytest.raises(ValueError, match=r"shape \(8, 2\).*fitted on sequences \[steps, 2\].*as \[X\]"):
        model.predict(np.zeros((8, 2)))
    assert model.predict([np.zeros((8, 2))]).shape == (1,)
    table = rnncell.SequenceClassifier("gru", **{**SMALL, "epochs": 1}).fit(np.eye(10), kinds)
    with pytest.raises(ValueError, match=r"fitted on a table \[sequences, 10\]"):
        table.predict([np.zeros((10, 10))])


def test_no_sequences_are_refused():
    sequences, kinds, _ = waves(4)
    model = rnncell.SequenceClassifier("gru", **{**SMALL, "epochs": 1}).fit(sequences, kinds)
    for none in ([], (), np.empty(0, object), np.empty((0, 5, 2))):
        with pytest.raises(ValueError, match="there are no sequences"):
            model.predict(none)
        with pytest.raises(ValueError, match="there are no sequences"):
            model.fit(none, [])


def test_the_score_of_a_regressor_is_scikit_learns():
    sequences, _, speeds = waves(12)
    weights = np.arange(12.0)
    wide = np.stack([speeds, -speeds, np.full(12, 3.0)], 1)
    for targets in (speeds, wide):
        model = rnncell.SequenceRegressor("gru", **{**SMALL, "epochs": 3}).fit(sequences, targets)
        said = model.predict(sequences)
        assert model.score(sequences, targets) == pytest.approx(r2_score(targets, said))
        assert model.score(sequences, targets, weights) == pytest.approx(
            r2_score(targets, said, sample_weight=weights))
    model.fit(sequences, speeds[:, None])
    assert model.predict(sequences).shape == (12, 1)
    assert model.score(sequences, speeds) == pytest.approx(r2_score(speeds, model.predict(sequences)[:, 0]))
    model.fit(sequences, np.full(12, 2.0))
    assert model.score(sequences, np.full(12, 3.0)) == 0
    assert model.score(sequences, model.predict(sequences)) == 1
    with pytest.raises(ValueError):
        model.score(sequences, speeds[:3])


def labelled_steps(count=12):
    """Sequences of different lengths, and for each step whether it is above zero, and its double."""
    random = np.random.default_rng(0)
    sequences = [random.normal(size=(length, 1)) for length in random.integers(3, 9, count)]
    return sequences, [np.where(part[:, 0] > 0, "up", "down") for part in sequences], [
        2 * part for part in sequences]


@pytest.mark.parametrize("kind, score", [
    (rnncell.SequenceClassifier, accuracy_score), (rnncell.SequenceRegressor, r2_score)])
def test_scores_of_steps_weigh_sequences(kind, score):
    sequences, labels, numbers = labelled_steps()
    wanted = labels if kind is rnncell.SequenceClassifier else numbers
    model = kind("gru", per_step=True, **{**SMALL, "epochs": 2}).fit(sequences, wanted)
    said, joined = (np.concatenate(parts) for parts in (model.predict(sequences), wanted))
    assert model.score(sequences, wanted) == pytest.approx(score(joined, said))
    weights = np.arange(12.0)
    by_step = np.repeat(weights, [len(part) for part in sequences])
    assert model.score(sequences, wanted, weights) == pytest.approx(
        score(joined, said, sample_weight=by_step))
    with pytest.raises(ValueError, match="3 targets for 12 sequences"):
        model.score(sequences, wanted[:3])
    with pytest.raises(ValueError, match=r"sequence 0 has \d steps and \d targets"):
        model.score(sequences, [wanted[0][1:], *wanted[1:]])
    with pytest.raises(ValueError, match=r"sample_weight has shape \(2,\).*each of the 12"):
        model.score(sequences, wanted, weights[:2])


def test_a_score_needs_one_target_for_each_sequence():
    sequences, kinds, _ = waves(6)
    model = rnncell.SequenceClassifier("gru", **{**SMALL, "epochs": 1}).fit(sequences, kinds)
    for count in (1, 3):
        with pytest.raises(ValueError, match=f"{count} targets for 6 sequences"):
            model.score(sequences, kinds[:count])
    with pytest.raises(ValueError, match="2 targets for 6 sequences"):
        rnncell.MultiLabelModel("gru").fit(sequences, sequences[:2])


def test_what_is_said_of_steps_has_the_form_of_the_sequences():
    sequences, labels, _ = labelled_steps()
    ragged = np.empty(len(sequences), object)
    ragged[:] = sequences
    model = rnncell.SequenceClassifier("gru", per_step=True, **{**SMALL, "epochs": 2}).fit(ragged, labels)
    for said, wanted in zip(model.predict(ragged), model.predict(sequences), strict=True):
        np.testing.assert_array_equal(said, wanted)
    assert len(model.predict_proba(ragged)) == len(sequences)
    assert model.predict(np.zeros((4, 5, 1))).shape == (4, 5)
    table = rnncell.SequenceClassifier("gru", per_step=True, **{**SMALL, "epochs": 1})
    assert table.fit(np.eye(3), np.eye(3)).predict(np.eye(3).tolist()).shape == (3, 3)


def test_without_scikit_learn_the_same_interface_is_there():
    random = np.random.default_rng(0)
    wanted = np.concatenate([random.normal(size=(9, 2)), np.full((9, 2), 0.5)], 1)
    said = wanted + random.normal(size=wanted.shape) * [1, 0.1, 0, 0.1]
    weights = random.uniform(size=9)
    scores = [r2_score(wanted, said), r2_score(wanted, said, sample_weight=weights),
              r2_score(wanted[:, :1], said[:, 0])]
    program = f"""
import sys
sys.modules["sklearn"] = None
import numpy, rnncell
from rnncell.estimatorbase import r2_score
wanted, said, weights = (numpy.array(values) for values in {(wanted.tolist(), said.tolist(),
                                                             weights.tolist())})
numpy.testing.assert_allclose([r2_score(wanted, said), r2_score(wanted, said, sample_weight=weights),
                               r2_score(wanted[:, :1], said[:, 0])], {scores})
table = numpy.random.default_rng(0).normal(size=(40, 6))
model = rnncell.SequenceClassifier("gru", hidden_size=8, epochs=30, learning_rate=0.05, threads=1)
assert model.set_params(epochs=40).get_params()["epochs"] == 40
assert model.fit(table, table[:, -1] > 0).score(table, table[:, -1] > 0) > 0.8
regressor = rnncell.SequenceRegressor("gru", hidden_size=8, epochs=60, learning_rate=0.05, threads=1)
assert regressor.fit(table, table[:, -1]).score(table, table[:, -1]) > 0.5
try:
    rnncell.SequenceClassifier().predict(table)
except rnncell.Error as error:
    assert "not fitted" in str(error)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
