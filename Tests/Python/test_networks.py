"""Networks: forward, streams, lengths, gradients, parameters, files."""
import copy
import pickle

import numpy as np
import pytest
import rnncell

CELLS = ["elman", "lstm", "gru", "nascell", "darts_v2"]


def network(cell="lstm", **options):
    return rnncell.Network(cell, **{"input_size": 5, "hidden_size": 7, "layers": 2, "seed": 3, **options})


def inputs(steps=9, batch=3, size=5, seed=0):
    return np.random.default_rng(seed).standard_normal((steps, batch, size)).astype(np.float32)


@pytest.mark.parametrize("cell", CELLS)
def test_parts_give_the_bits_of_the_whole(cell):
    net, x = network(cell), inputs()
    y, state = net(x)
    assert y.shape == (9, 3, 7)
    first, between = net(x[:4])
    second, last = net(x[4:], between)
    assert np.array_equal(np.concatenate([first, second]), y)
    assert last.array.tolist() == state.array.tolist()
    stream = net.stream(3)
    assert np.array_equal(np.stack([stream.step(row) for row in x]), y)
    assert stream.state.array.tolist() == state.array.tolist()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_change_a_bit(threads):
    net, x = network(), inputs(batch=21)
    reference, tape = net.forward(x, threads=1)
    gradients = tape.backward(np.ones(reference.shape, np.float32), threads=1)
    y, tape = net.forward(x, threads=threads)
    others = tape.backward(np.ones(y.shape, np.float32), threads=threads)
    assert np.array_equal(y, reference)
    assert all(np.array_equal(others[name], gradients[name]) for name in gradients)


def test_lengths_end_sequences_and_keep_their_last_state():
    net, x = network(), inputs()
    y, state = net(x, lengths=[9, 4, 0])
    y, whole = np.asarray(y), np.asarray(net(x)[0])
    assert np.array_equal(y[:, 0], whole[:, 0]) and np.array_equal(y[:4, 1], whole[:4, 1])
    assert not y[4:, 1].any() and not y[:, 2].any()
    assert np.array_equal(np.asarray(state["layers.1.h"])[1], whole[3, 1])


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_finite_differences(cell):
    net = rnncell.Network(cell, input_size=3, hidden_size=4, layers=1, seed=5, init_range=0.5)
    x = inputs(steps=4, batch=2, size=3, seed=1)
    chance = np.random.default_rng(2)
    weight = chance.standard_normal((4, 2, 4)).astype(np.float32)
    y, tape = net.forward(x)
    gradients = tape.backward(weight)
    parameters = {name: np.array(value) for name, value in net.parameters().items()}

    def loss():
        net.load_parameters(parameters)
        return float((np.asarray(net(x)[0], np.float64) * weight).sum())

    for name, value in parameters.items():
        place = tuple(chance.integers(size) for size in value.shape)
        old, step = value[place], 1e-2
        value[place] = old + step
        above = loss()
        value[place] = old - step
        below = loss()
        value[place] = old
        expected = (above - below) / (2 * step)
        assert np.asarray(gradients[name])[place] == pytest.approx(expected, rel=0.05, abs=0.02), name
    assert gradients["x"].shape == x.shape


def test_the_gradient_of_the_initial_state_is_that_of_finite_differences():
    net, x = network("gru", layers=1), inputs(steps=3)
    start = {"layers.0.h": np.full((3, 7), 0.1, np.float32)}
    y, tape = net.forward(x, start)
    gradients = tape.backward(state_gradient={"layers.0.h": np.ones((3, 7), np.float32)})
    step = 1e-2
    sums = []
    for change in (step, -step):
        moved = {"layers.0.h": start["layers.0.h"].copy()}
        moved["layers.0.h"][1, 2] += change
        sums.append(np.asarray(net(x, moved)[1]["layers.0.h"], np.float64).sum())
    expected = (sums[0] - sums[1]) / (2 * step)
    assert np.asarray(gradients.state["layers.0.h"])[1, 2] == pytest.approx(expected, rel=0.02)


def test_a_tape_does_not_outlive_the_weights_that_it_saw():
    net, x = network(), inputs()
    y, tape = net.forward(x)
    net.load_parameters(net.parameters())
    with pytest.raises(rnncell.StateError):
        tape.backward(np.ones(y.shape, np.float32))


def test_parameters_are_a_mapping_of_snapshots():
    net = network()
    weights = net.parameters()
    assert net.parameter_count == sum(value.size for value in weights.values())
    assert weights["layers.0.W[i, x]"].shape == (7, 5)
    old = np.array(weights["layers.0.b[i]"])
    net.load_parameters({"layers.0.b[i]": old + 1}, strict=False)
    assert np.array_equal(weights["layers.0.b[i]"], old)
    assert np.array_equal(net.parameters()["layers.0.b[i]"], old + 1)
    with pytest.raises(KeyError, match="did you mean 'layers.0.W"):
        weights["layers.0.W[i,x]"]
    assert "layers.0.W[i, x]: [7, 5]" in repr(weights)


@pytest.mark.parametrize("change, part", [
    ({"layers.0.b[j]": np.zeros(7)}, "b[j]"),
    ({"layers.0.b[i]": np.zeros(8)}, "[8]"),
    ({"layers.0.b[i]": np.full(7, np.nan)}, "finite"),
    ({"layers.0.b[i]": "zero"}, "array"),
])
def test_weights_that_cannot_be_taken_change_nothing(change, part):
    net = network()
    before = {name: value.tolist() for name, value in net.parameters().items()}
    values = {name: np.asarray(value) + 1 for name, value in net.parameters().items()}
    with pytest.raises((ValueError, TypeError)) as caught:
        net.load_parameters({**values, **change})
    assert part in str(caught.value)
    assert {name: value.tolist() for name, value in net.parameters().items()} == before


def test_missing_weights_are_named():
    net = network()
    values = dict(net.parameters())
    del values["layers.1.b[o]"]
    with pytest.raises(rnncell.InvalidArgumentError, match="layers.1.b.o."):
        net.load_parameters(values)


def test_a_network_is_saved_loaded_copied_and_pickled(tmp_path):
    net, x = network("mogrifier", input_size=7), inputs(size=7)
    y, _ = net(x)
    net.save(tmp_path / "net.safetensors")
    others = [rnncell.Network.load(tmp_path / "net.safetensors"), copy.copy(net),
              pickle.loads(pickle.dumps(net))]
    for other in others:
        assert np.array_equal(other(x)[0], y) and other.cells == net.cells
    assert list(tmp_path.iterdir()) == [tmp_path / "net.safetensors"]


def test_cells_and_sizes_may_differ_by_layer():
    net = rnncell.Network(["gru", "lstm"], input_size=4, hidden_size=[6, 8])
    assert [cell == rnncell.Cell.stock(name) for cell, name in zip(net.cells, ["gru", "lstm"])]
    y, state = net(inputs(size=4))
    assert y.shape == (9, 3, 8)
    assert {name: value.shape for name, value in state.items()} == {
        "layers.0.h": (3, 6), "layers.1.h": (3, 8), "layers.1.c": (3, 8)}
    assert "2 layers" in repr(net)


def test_streams_have_a_state_that_can_be_set():
    net, x = network(), inputs(batch=1)
    stream = net.stream()
    first = stream.step(x[0])
    saved = stream.state
    second = stream(x[1])
    stream.state = saved
    assert stream.step(x[1]).tolist() == second.tolist()
    stream.reset()
    assert stream.step(x[0, 0]).tolist() == first[0].tolist()
    y, state = net.step(x[0])
    assert y.tolist() == first.tolist() and state.array.tolist() == saved.array.tolist()


def test_sequences_of_no_steps_and_one_step():
    net = network()
    y, state = net(inputs(steps=1, batch=1))
    assert y.shape == (1, 1, 7)


def test_what_holds_memory_of_a_run_is_not_copied():
    net = network()
    for value in (net.stream(), net.forward(inputs())[1]):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            copy.copy(value)


def test_weights_start_as_they_are_told():
    for seed in (0, 1):
        first, second = network(seed=seed), network(seed=seed)
        assert [a.tolist() for a in first.parameters().values()] == [
            a.tolist() for a in second.parameters().values()]
    assert network(seed=0).parameters()["layers.0.W[i, x]"].tolist() != \
        network(seed=1).parameters()["layers.0.W[i, x]"].tolist()
    ranged = network(init_range=0.01, forget_bias=0.0).parameters()
    assert max(np.abs(value).max() for value in ranged.values()) <= 0.01
    assert np.asarray(network(forget_bias=2.5).parameters()["layers.0.b[f]"]).tolist() == [2.5] * 7


@pytest.mark.parametrize("recurrent", ["orthogonal", "identity"])
def test_matrices_that_read_a_state_start_as_asked(recurrent):
    parameters = rnncell.Network("lstm", 5, 24, seed=1, recurrent=recurrent).parameters()
    square = [np.asarray(value) for value in parameters.values() if value.shape == (24, 24)]
    assert len(square) == 4
    for matrix in square:
        assert np.abs(matrix @ matrix.T - np.eye(24)).max() < 1e-5
        assert (np.abs(matrix - np.eye(24)).max() == 0) == (recurrent == "identity")
    usual = rnncell.Network("lstm", 5, 24, seed=1).parameters()
    for name, value in parameters.items():
        if value.shape != (24, 24):
            assert np.array_equal(value, usual[name])


def test_models_take_a_start_of_their_matrices_too():
    sequences = rnncell.SequenceModel("elman", 3, 2, hidden_size=6, recurrent="identity")
    words = rnncell.LanguageModel("elman", rnncell.Corpus(text="abc" * 40), hidden_size=6,
                                  recurrent="identity")
    for model in (sequences, words):
        found = [value for value in model.network().parameters().values() if value.shape == (6, 6)]
        assert any(np.array_equal(value, np.eye(6)) for value in found)


def test_a_start_that_is_none_is_refused():
    with pytest.raises(rnncell.InvalidArgumentError, match="'unit'; pass one of uniform, orthogonal"):
        rnncell.Network("lstm", 5, 4, recurrent="unit")


def test_matrices_start_as_the_source_of_a_stock_cell_says():
    for recurrent, is_orthogonal in ((None, True), ("uniform", False)):
        parameters = rnncell.Network("ligru", 5, 24, seed=1, recurrent=recurrent).parameters()
        for matrix in (np.asarray(value) for value in parameters.values() if value.shape == (24, 24)):
            assert (np.abs(matrix @ matrix.T - np.eye(24)).max() < 1e-5) == is_orthogonal


def test_a_state_of_another_network_is_refused():
    gru = rnncell.Network("gru", 5, 8)
    other = rnncell.Network("lstm", 5, 4)
    state = other(inputs())[1]
    stream = gru.stream(3)
    for call in (lambda: gru(inputs(), state), lambda: gru.forward(inputs(), state),
                 lambda: setattr(stream, "state", state),
                 lambda: gru.forward(inputs())[1].backward(state_gradient=state)):
        with pytest.raises(rnncell.InvalidArgumentError) as caught:
            call()
        assert "layers.0.h [batch, 4], layers.0.c [batch, 4]" in str(caught.value)
        assert "layers.0.h [batch, 8]" in str(caught.value)
    twin = rnncell.Network("gru", 5, 8, seed=9)
    stream.state = twin(inputs())[1]
    assert stream.state.array.tolist() == twin(inputs())[1].array.tolist()


def test_arrays_by_name_have_the_batch_of_the_input():
    net, x = network(layers=1), inputs()
    assert np.array_equal(net(x, {})[0], net(x)[0])
    _, tape = net.forward(x, {})
    assert np.array_equal(tape.backward(state_gradient={})["x"], np.zeros(x.shape))
    stream = net.stream(3)
    stream.state = {}
    assert not np.asarray(stream.state.array).any()
    for call in (lambda: net(x, {"layers.0.c": np.zeros(7)}),
                 lambda: setattr(stream, "state", {"layers.0.c": np.zeros(7)})):
        with pytest.raises(rnncell.InvalidArgumentError, match=r"layers.0.c has shape \[7\], and \[3, 7\]"):
            call()
    with pytest.raises(rnncell.InvalidArgumentError, match=r"layers.0.c has shape \[7\], and \[batch, 7\]"):
        net.state({"layers.0.c": np.zeros(7)})
    with pytest.raises(rnncell.InvalidArgumentError, match="batch is None"):
        net.state()
    with pytest.raises(rnncell.InvalidArgumentError, match="input has shape"):
        net(x[0], {})


@pytest.mark.parametrize("options", [
    {"schedule": "cosine"}, {"warmup": 10}, {"decay": 0.1}, {"average": 0.9}, {"dropout": 0.5},
    {"weight_dropout": 0.4}, {"patience": 2}, {"epochs": 3}, {"csv": "history.csv"}, {"batch_size": 4}])
def test_an_optimizer_refuses_what_only_fit_does(options):
    with pytest.raises(TypeError, match=f"'{next(iter(options))}' is an option of fit.*loop of your own"):
        network().optimizer("adam", **options)


def test_an_optimizer_takes_what_it_reads():
    net = network()
    net.optimizer("sgd", momentum=0.9, nesterov=True, weight_decay=0.1, learning_rate=0.1, clip=None)
    net.optimizer("adam", beta1=0.8, beta2=0.9, epsilon=1e-6, clip=1)
    net.optimizer("rmsprop", smoothing=0.9)
    with pytest.raises(TypeError, match="did you mean 'momentum'"):
        net.optimizer("sgd", momentun=0.9)


def test_an_optimizer_steps_by_a_tape_with_gradients_of_its_network():
    net, x = network(), inputs()
    rule = net.optimizer()
    y, tape = net.forward(x)
    before = net.parameters()["layers.0.b[i]"].tolist()
    with pytest.raises(rnncell.StateError, match="run backward first"):
        rule.step(tape)
    gradients = tape.backward(np.ones(y.shape, np.float32))
    for wrong, name in ((None, "NoneType"), (gradients, "Gradients")):
        with pytest.raises(TypeError, match=f"not {name}; pass the one that network.forward gave"):
            rule.step(wrong)
    other, other_tape = network().forward(x)
    other_tape.backward(np.ones(other.shape, np.float32))
    with pytest.raises(rnncell.InvalidArgumentError, match="of another network"):
        rule.step(other_tape)
    assert net.parameters()["layers.0.b[i]"].tolist() == before
    assert rule.step(tape) > 0
    assert net.parameters()["layers.0.b[i]"].tolist() != before


def test_numbers_of_numpy_are_options():
    for options in ({"init_range": np.float32(0.1)}, {"zoneout": np.float32(0)}, {"chrono": np.float64(5)},
                    {"forget_bias": np.int64(1)}, {"bidirectional": np.True_}, {"layers": np.int32(2)},
                    {"seed": np.uint8(3)}):
        assert network(**options).layers == 2
    assert network().optimizer(learning_rate=np.float32(0.1), clip=np.float32(2), nesterov=np.False_)


@pytest.mark.parametrize("options, part", [
    ({"init_range": "0.1"}, "init_range must be a number, not str"),
    ({"init_range": True}, "init_range must be a number, not bool"),
    ({"init_range": np.complex64(1)}, "init_range must be a number, not complex64"),
    ({"zoneout": "0.1"}, "zoneout must be a number, not str"),
    ({"forget_bias": "1"}, "forget_bias must be a number, not str"),
    ({"seed": 1.5}, "seed must be a whole number, not 1.5"),
    ({"layers": 2.0}, "layers must be a whole number, not 2.0"),
    ({"bidirectional": "no"}, "bidirectional must be True or False, not 'no'"),
    ({"residual": 1}, "residual must be True or False, not 1")])
def test_an_option_of_another_type_is_named(options, part):
    with pytest.raises(TypeError, match=part):
        network(**options)
