"""The interface of scikit-learn."""
import pickle
import subprocess
import sys

import numpy as np
import pytest
import rnncell
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
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


def test_without_scikit_learn_the_same_interface_is_there():
    program = """
import sys
sys.modules["sklearn"] = None
import numpy, rnncell
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
