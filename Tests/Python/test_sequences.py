"""Models of sequences, the options of training, and loops of one's own."""
import copy
import csv
import math
import struct

import numpy as np
import pytest
import rnncell

RNG = np.random.default_rng(0)


def some(count=12, size=3, seed=0):
    random = np.random.default_rng(seed)
    return [random.normal(size=(random.integers(2, 9), size)).astype(np.float32)
            for _ in range(count)]


def double(model, sequences):
    """The outputs of the linear layer in double precision, from the network's own."""
    weights = {name: np.asarray(value, np.float64) for name, value in model.parameters().items()}
    network, parts = model.network(), []
    for sequence in sequences:
        y, _ = network(sequence[:, None])
        y = np.asarray(y, np.float64)[:, 0]
        half = y.shape[1] // 2
        if network.bidirectional and not model.per_step:
            # Each direction's own end.
            y = np.concatenate([y[-1:, :half], y[:1, half:]], 1)
        elif not model.per_step:
            y = y[-1:]
        parts.append(y @ weights["output.weight"].T + weights["output.bias"])
    return parts


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("targets", ["classes", "values", "labels"])
def test_outputs_and_losses_are_those_of_double_precision(targets, bidirectional, per_step):
    sequences = some()
    model = rnncell.SequenceModel(
        ["gru", "lstm"], 3, 4, targets=targets, per_step=per_step, hidden_size=9,
        bidirectional=bidirectional, seed=2)
    outputs = double(model, sequences)
    rows = np.concatenate(outputs)
    if targets == "classes":
        wanted = RNG.integers(0, 4, len(rows))
        shifted = np.exp(rows - rows.max(1, keepdims=True))
        said = shifted / shifted.sum(1, keepdims=True)
        loss = -np.log(said[np.arange(len(rows)), wanted]).mean()
    elif targets == "values":
        wanted = RNG.normal(size=rows.shape)
        said, loss = rows, ((rows - wanted) ** 2).mean()
    else:
        wanted = (RNG.random(rows.shape) > 0.5).astype(float)
        said = 1 / (1 + np.exp(-rows))
        loss = -(wanted * np.log(said) + (1 - wanted) * np.log(1 - said)).sum(1).mean()
    found = model.predict(sequences)
    if per_step:
        found = np.concatenate([np.asarray(part) for part in found])
        wanted = np.split(wanted, np.cumsum([len(part) for part in sequences])[:-1])
    np.testing.assert_allclose(np.asarray(found), said, rtol=1e-4, atol=1e-5)
    assert model.evaluate(sequences, wanted) == pytest.approx(loss, rel=1e-5)


def test_one_array_is_a_list_of_sequences():
    whole = RNG.normal(size=(5, 7, 3)).astype(np.float32)
    model = rnncell.SequenceModel("lstm", 3, 2, hidden_size=8, per_step=True)
    found = np.asarray(model.predict(whole))
    assert found.shape == (5, 7, 2)
    np.testing.assert_array_equal(
        found, np.stack([np.asarray(part) for part in model.predict(list(whole))]))


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman", "nascell", "qrnn"])
def test_it_learns_and_the_same_seed_gives_the_same(cell):
    sequences = some(64)
    classes = [int(part[0, 0] > 0) for part in sequences]
    options = {"epochs": 40, "learning_rate": 0.01, "batch_size": 16}
    model = rnncell.SequenceModel(cell, 3, 2, hidden_size=12, seed=1)
    history = model.fit(sequences, classes, valid=(sequences, classes), threads=1, **options)
    assert history[-1].valid_loss < 0.3 < history[0].valid_loss
    assert history[-1].tokens == 40 * sum(len(part) for part in sequences)
    again = rnncell.SequenceModel(cell, 3, 2, hidden_size=12, seed=1)
    again.fit(sequences, classes, threads=2, **options)
    for name, value in model.parameters().items():
        np.testing.assert_array_equal(np.asarray(value), np.asarray(again.parameters()[name]))


def test_files_copies_and_resuming(tmp_path):
    sequences = some(30)
    values = [part.sum(0) for part in sequences]
    options = {"learning_rate": 0.01, "batch_size": 7, "dropout": 0.2, "recurrent_dropout": 0.2,
               "average": 0.9, "schedule": "cosine", "seed": 3}

    def make(seed=0):
        return rnncell.SequenceModel("gru", 3, 3, targets="values", hidden_size=8, layers=2,
                                     residual=True, zoneout=0.1, seed=seed)
    whole = make()
    whole.fit(sequences, values, valid=(sequences, values), epochs=6, **options)
    checkpoint = tmp_path / "part.safetensors"

    def stop(row):
        return row.update >= 13
    first = make()
    first.fit(sequences, values, valid=(sequences, values), epochs=6, checkpoint=checkpoint,
              progress=stop, report_every=1, **options)
    assert first.history[-1].update == 10
    second = make(9)
    second.fit(sequences, values, valid=(sequences, values), epochs=6, checkpoint=checkpoint,
               resume=True, **options)
    expected = np.asarray(whole.predict(sequences))
    np.testing.assert_array_equal(np.asarray(second.predict(sequences)), expected)
    rows = list(csv.DictReader(open(f"{checkpoint}.csv")))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    path = tmp_path / "model.safetensors"
    second.save(path)
    for other in (rnncell.SequenceModel.load(path), copy.deepcopy(second)):
        np.testing.assert_array_equal(np.asarray(other.predict(sequences)), expected)
    with pytest.raises(rnncell.StateError, match="sequences"):
        make().fit(sequences[1:], values[1:], checkpoint=checkpoint, resume=True, **options)
    with pytest.raises(rnncell.FormatError, match="SequenceModel"):
        rnncell.LanguageModel.load(path)
    with pytest.raises(rnncell.FormatError):
        rnncell.Network.load(path)


def test_parameters_choose_the_hidden_size():
    for cell in ("lstm", "gru", "darts_v2"):
        model = rnncell.SequenceModel(cell, 88, 88, parameters=50_000, bidirectional=True)
        assert abs(model.parameter_count - 50_000) < 1500


@pytest.mark.parametrize("optimizer, options", [
    ("sgd", {"momentum": 0.9, "nesterov": True}), ("adam", {"beta1": 0.8, "weight_decay": 1e-4}),
    ("adamw", {"weight_decay": 0.1}), ("rmsprop", {"smoothing": 0.9, "momentum": 0.5})])
def test_a_loop_of_ones_own_does_what_fit_does(optimizer, options):
    """One sequence a batch, a loss on all outputs: the linear layer is the identity."""
    random = np.random.default_rng(0)
    x, wanted = (random.normal(size=(6, 1, 4)).astype(np.float32) for _ in range(2))
    model = rnncell.SequenceModel("lstm", 4, 4, targets="values", per_step=True, hidden_size=4)
    model.load_parameters({"output.weight": np.eye(4, dtype=np.float32)}, strict=False)
    network = model.network()
    # The fit's norm has the gradient of the linear layer in it too, so that neither may be clipped.
    rule = network.optimizer(optimizer, learning_rate=0.05, clip=None, **options)
    y, tape = network.forward(x)
    tape.backward(2 * (np.asarray(y) - wanted) / wanted.size)
    assert rule.step(tape) > 0
    model.fit([x[:, 0]], [wanted[:, 0]], epochs=1, optimizer=optimizer, learning_rate=0.05,
              clip=None, **options)
    for name, value in network.parameters().items():
        np.testing.assert_allclose(
            np.asarray(model.parameters()[name]), np.asarray(value), atol=2e-6)


def test_what_cannot_be_is_refused():
    model = rnncell.SequenceModel("gru", 3, 2, hidden_size=4)
    sequences = some(4)
    for options, match in [
            ({"momentum": 1.5}, "momentum"), ({"schedule": "linear"}, "cosine"),
            ({"average": "last"}, "triggered"), ({"dropout": 1.0}, "dropout"),
            ({"optimizer": "lion"}, "rmsprop"), ({"input_dropout": -0.1}, "input_dropout")]:
        with pytest.raises(rnncell.InvalidArgumentError, match=match):
            model.fit(sequences, [0, 1, 0, 1], **options)
    with pytest.raises(TypeError, match="momentun"):
        model.fit(sequences, [0, 1, 0, 1], momentun=0.5)
    with pytest.raises(rnncell.InvalidArgumentError, match="class 1 is 2"):
        model.fit(sequences, [0, 2, 0, 1])
    with pytest.raises(rnncell.InvalidArgumentError, match="one class"):
        model.fit(sequences, [0, 1])
    with pytest.raises(rnncell.InvalidArgumentError, match="number 1"):
        model.predict([sequences[0], sequences[1][:, :2]])
    with pytest.raises(rnncell.InvalidArgumentError, match="targets"):
        rnncell.SequenceModel("gru", 3, targets="colors")
    with pytest.raises(rnncell.InvalidArgumentError, match="both"):
        rnncell.SequenceModel("gru", 3, hidden_size=3, parameters=100)
    with pytest.raises(rnncell.InvalidArgumentError, match="bidirectional"):
        rnncell.Network("gru", 3, 4, bidirectional=True).stream()


def test_tensorboard_and_the_bar(tmp_path, capsys):
    sequences = some(20)
    model = rnncell.SequenceModel("gru", 3, 2, hidden_size=4)
    model.fit(sequences, [0, 1] * 10, valid=(sequences, [0, 1] * 10), epochs=3, batch_size=5,
              tensorboard=tmp_path, csv=tmp_path / "history.csv", progress=True)
    assert capsys.readouterr().err.count("valid") == 3
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 4
    from tensorboardX.proto.event_pb2 import Event
    (path,) = tmp_path.glob("events*")
    data, place, seen = path.read_bytes(), 0, []
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        event = Event.FromString(data[place + 12:place + 12 + length])
        seen += [(value.tag, event.step) for value in event.summary.value]
        place += 16 + length
    assert ("loss/valid", 4) in seen and ("loss/train", 12) in seen


def test_next_steps():
    series = np.arange(12, dtype=np.float32).reshape(6, 2)
    (x,), (y,) = rnncell.next_step([series, series[:1]])
    np.testing.assert_array_equal(np.asarray(x), series[:-1])
    np.testing.assert_array_equal(np.asarray(y), series[1:])
    (x,), (y,) = rnncell.next_step([series], 3)
    np.testing.assert_array_equal(np.asarray(x), series[:3])
    np.testing.assert_array_equal(np.asarray(y)[1], series[2:5].ravel())
    with pytest.raises(rnncell.InvalidArgumentError, match="horizon"):
        rnncell.next_step([series], 6)


def test_language_models_take_all_options(tmp_path):
    corpus = rnncell.Corpus.standard_library(limit=30_000)
    model = rnncell.LanguageModel("lstm", corpus, hidden_size=16, layers=2, residual=True,
                                  zoneout=0.1, seed=1)
    history = model.fit(
        corpus, epochs=2, optimizer="sgd", learning_rate=5, clip=0.25, dropout=0.2,
        input_dropout=0, embedding_dropout=0.1, weight_dropout=0.3, recurrent_dropout=0.1,
        activation_penalty=2, temporal_penalty=1, random_truncation=True, average="triggered",
        average_interval=1, variational=True, reduction="mean", csv=tmp_path / "history.csv")
    assert history[-1].train_loss < math.log(model.vocabulary_size)
    assert len({row.update for row in history}) == 2
    path = tmp_path / "model.safetensors"
    model.save(path)
    again = rnncell.LanguageModel.load(path)
    assert again.evaluate(corpus.valid) == model.evaluate(corpus.valid)
    network = again.network()
    assert network(np.zeros((3, 1, 16), np.float32))[0].shape == (3, 1, 16)


def test_chrono_initialisation():
    """Tallec and Ollivier 2018: b[f] is log(u) with u from 1 to T - 1, and b[i] is -b[f]."""
    for make in (lambda **options: rnncell.Network("lstm", 3, 500, **options),
                 lambda **options: rnncell.SequenceModel("lstm", 3, 2, hidden_size=500, **options)):
        weights = {name: np.asarray(value) for name, value in make(chrono=100, seed=1).parameters().items()}
        forget = weights["layers.0.b[f]"]
        assert 0 <= forget.min() < 1 and 4.4 < forget.max() <= math.log(99)
        assert abs(np.exp(forget).mean() - 50) < 4
        np.testing.assert_array_equal(weights["layers.0.b[i]"], -forget)
        assert not weights["layers.0.b[o]"].any()
    gru = rnncell.Network("gru", 3, 8, layers=2, chrono=50).parameters()
    first, second = (np.asarray(gru[f"layers.{layer}.b[z]"]) for layer in (0, 1))
    assert (first > 0).all() and not np.array_equal(first, second)
    assert not np.asarray(rnncell.Network("elman", 3, 8, chrono=50).parameters()["layers.0.b[h']"]).any()
    with pytest.raises(rnncell.InvalidArgumentError, match="chrono"):
        rnncell.Network("lstm", 3, 4, chrono=1.5)


def tiny(**options):
    """A model of sequences, and data of two batches for it."""
    model = rnncell.SequenceModel("gru", 1, 2, hidden_size=2, **options)
    return model, np.zeros((4, 3, 1), np.float32), [0, 1, 0, 1]


@pytest.mark.parametrize("with_valid", [False, True])
@pytest.mark.parametrize("batch_size, every", [(4, 50), (2, 50), (2, 1), (2, 3)])
def test_the_end_of_every_epoch_is_reported(batch_size, every, with_valid):
    (model, x, classes), heard = tiny(), []
    model.fit(x, classes, valid=(x, classes) if with_valid else None, epochs=5, batch_size=batch_size,
              report_every=every, progress=heard.append)
    per_epoch = 4 // batch_size
    wanted = sorted({*range(per_epoch, 5 * per_epoch + 1, per_epoch),
                     *range(every, 5 * per_epoch + 1, every)})
    assert [row.update for row in heard] == wanted
    assert [row for row in heard if row.update % per_epoch == 0][-1].epoch == 5
    heard.clear()
    model.fit(x, classes, epochs=2, batch_size=batch_size, report_every=50, progress=heard.append)
    assert [row.update for row in heard] == [6 * per_epoch, 7 * per_epoch]


def test_the_last_update_is_reported_within_an_epoch_and_after_resuming(tmp_path):
    (model, x, classes), heard = tiny(), []
    options = {"batch_size": 1, "progress": heard.append, "checkpoint": tmp_path / "c"}
    model.fit(x, classes, updates=6, **options)
    assert [row.update for row in heard] == [4, 6]
    heard.clear()
    tiny()[0].fit(x, classes, updates=11, resume=True, **options)
    assert [row.update for row in heard][-2:] == [8, 11]


@pytest.mark.parametrize("progress", ["x", 1, 0, []])
def test_progress_is_a_function_or_a_flag(progress):
    model, x, classes = tiny()
    with pytest.raises(TypeError, match="progress must be a function, True, False or None"):
        model.fit(x, classes, progress=progress)
    model.fit(x, classes, progress=False)


@pytest.mark.parametrize("options, name", [
    ({"patience": 1}, "patience"), ({"average": "triggered"}, "average='triggered'"),
    ({"average": "triggered", "average_interval": 2}, "average='triggered'")])
def test_what_follows_the_validation_loss_needs_one(options, name):
    model, x, classes = tiny()
    with pytest.raises(rnncell.InvalidArgumentError, match=f"{name} follows.*pass valid="):
        model.fit(x, classes, epochs=3, **options)
    assert model.history == ()
    assert model.fit(x, classes, valid=(x, classes), epochs=1, **options)


@pytest.mark.parametrize("options, part", [
    ({"valid": np.zeros((4, 3, 1))}, r"valid must be a pair, not ndarray; pass valid=\(sequences, targets\)"),
    ({"valid": [[[0.0]]] * 3}, "valid must be a pair, not list"),
    ({"shuffle": "no"}, "shuffle must be True or False, not 'no'"),
    ({"nesterov": "x"}, "nesterov must be True or False, not 'x'"),
    ({"variational": 1}, "variational must be True or False, not 1"),
    ({"seed": 1.5}, "seed must be a whole number, not 1.5"),
    ({"epochs": True}, "epochs must be a whole number, not True"),
    ({"warmup": 1.5}, "warmup must be a whole number, not 1.5"),
    ({"clip": "5"}, "clip must be a number, not str"),
    ({"learning_rate": True}, "learning_rate must be a number, not bool"),
    ({"learning_rate": np.array([0.1, 0.2])}, "learning_rate must be a number, not ndarray"),
    ({"dropout": "0.1"}, "dropout must be a number, not str"),
    ({"momentum": [0.9]}, "momentum must be a number, not list")])
def test_options_of_another_type_are_named(options, part):
    model, x, classes = tiny()
    with pytest.raises(TypeError, match=part):
        model.fit(x, classes, **options)


def test_training_takes_numbers_of_numpy():
    model, x, classes = tiny(init_range=np.float32(0.1), zoneout=np.float32(0.1), bidirectional=np.True_)
    history = model.fit(
        x, classes, epochs=np.int64(2), learning_rate=np.float32(0.1), clip=np.float32(1),
        dropout=np.float32(0.1), warmup=np.int32(1), average=np.float64(0.5), shuffle=np.False_)
    assert model.network().bidirectional and [row.epoch for row in history] == [1, 2]


@pytest.mark.parametrize("name", ["bidirectional", "per_step", "residual"])
def test_flags_of_a_model_of_sequences_are_flags(name):
    with pytest.raises(TypeError, match=f"{name} must be True or False, not 'no'"):
        tiny(**{name: "no"})


@pytest.mark.parametrize("wrong", [2**40, -3])
def test_a_class_beyond_any_is_named(wrong):
    model, x, _ = tiny()
    with pytest.raises(rnncell.InvalidArgumentError, match=f"a class is {wrong}"):
        model.fit(x, [0, 1, wrong, 1])
