"""Weights of other programs."""
import numpy as np
import pytest
import rnncell
from rnncell import Network
from test_exports import run_onnx, states_of

RNG = np.random.default_rng(0)
GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def random(*shape):
    return (0.4 * RNG.normal(size=shape)).astype(np.float32)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def state_dict(kind, inputs, hidden, layers=1, bidirectional=False):
    """Random arrays by torch's names."""
    arrays = {}
    for layer in range(layers):
        columns = inputs if layer == 0 else hidden * (2 if bidirectional else 1)
        for end in ("", "_reverse")[:1 + bidirectional]:
            rows = GATES[kind] * hidden
            arrays |= {f"weight_ih_l{layer}{end}": random(rows, columns),
                       f"weight_hh_l{layer}{end}": random(rows, hidden),
                       f"bias_ih_l{layer}{end}": random(rows), f"bias_hh_l{layer}{end}": random(rows)}
    return arrays


def torch_layer(kind, arrays, end, x):
    """What torch's documentation says that its modules compute, in double precision."""
    w, r, b, c = (arrays[f"{name}{end}"].astype(float)
                  for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    hidden = r.shape[1]
    h = m = np.zeros((x.shape[1], hidden))
    outputs = []
    for row in x:
        from_x, from_h = row @ w.T + b, h @ r.T + c
        if kind == "lstm":
            i, f, g, o = np.split(from_x + from_h, 4, axis=1)
            m = sigmoid(f) * m + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(m)
        elif kind == "gru":
            (ri, zi, ni), (rh, zh, nh) = (np.split(a, 3, axis=1) for a in (from_x, from_h))
            n = np.tanh(ni + sigmoid(ri + rh) * nh)
            z = sigmoid(zi + zh)
            h = (1 - z) * n + z * h
        else:
            h = np.tanh(from_x + from_h)
        outputs.append(h)
    return np.stack(outputs)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", GATES)
def test_torch(kind, bidirectional):
    arrays = state_dict(kind, 5, 6, 2, bidirectional)
    network = Network.from_torch({f"encoder.{name}": value for name, value in arrays.items()})
    x = random(7, 3, 5)
    y = x.astype(float)
    for layer in range(2):
        forward = torch_layer(kind, arrays, f"_l{layer}", y)
        if bidirectional:
            backward = torch_layer(kind, arrays, f"_l{layer}_reverse", y[::-1])[::-1]
            forward = np.concatenate([forward, backward], 2)
        y = forward
    np.testing.assert_allclose(network(x)[0], y, atol=1e-5)


def test_files_of_torch(tmp_path):
    """A network's own file of stock cells has torch's names."""
    network = Network("lstm", 4, 5, layers=2, seed=1, bidirectional=True)
    network.save(tmp_path / "a.safetensors")
    again = Network.from_torch(tmp_path / "a.safetensors")
    x = random(4, 2, 4)
    np.testing.assert_array_equal(again(x)[0], network(x)[0])
    (tmp_path / "b.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0nonsense")
    with pytest.raises(rnncell.FormatError, match="b.safetensors"):
        Network.from_torch(tmp_path / "b.safetensors")


def keras_layer(kind, kernel, recurrent, bias, x, reset_after):
    """As Keras's layers compute: gates i f c o, or z r h; time first here."""
    hidden = recurrent.shape[0]
    h = m = np.zeros((x.shape[1], hidden))
    outputs = []
    for row in x:
        if kind == "lstm":
            i, f, g, o = np.split(row @ kernel + h @ recurrent + bias, 4, axis=1)
            m = sigmoid(f) * m + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(m)
        elif kind == "gru":
            input_bias, state_bias = bias if reset_after else (bias, 0 * bias)
            xz, xr, xh = np.split(row @ kernel + input_bias, 3, axis=1)
            hz, hr, hh = np.split(h @ recurrent + state_bias, 3, axis=1)
            z, r = sigmoid(xz + hz), sigmoid(xr + hr)
            if not reset_after:
                hh = (r * h) @ recurrent[:, 2 * hidden:]
                r = 1
            h = z * h + (1 - z) * np.tanh(xh + r * hh)
        else:
            h = np.tanh(row @ kernel + h @ recurrent + bias)
        outputs.append(h)
    return np.stack(outputs)


@pytest.mark.parametrize("kind, reset_after", [
    ("lstm", False), ("gru", True), ("gru", False), ("rnn", False)])
def test_keras(kind, reset_after):
    layers = []
    for columns in (5, 6):
        width = GATES[kind] * 6
        bias = random(2, width) if reset_after else random(width)
        layers.append([random(columns, width), random(6, width), bias])
    x = random(7, 3, 5)
    y = x.astype(float)
    for arrays in layers:
        y = keras_layer(kind, *arrays, y, reset_after)
    np.testing.assert_allclose(Network.from_keras(layers)(x)[0], y, atol=1e-5)
    single = Network.from_keras(layers[0])
    np.testing.assert_allclose(
        single(x)[0], keras_layer(kind, *layers[0], x, reset_after), atol=1e-5)
    both = Network.from_keras(layers[0] + layers[0])
    backward = keras_layer(kind, *layers[0], x[::-1], reset_after)[::-1]
    np.testing.assert_allclose(np.asarray(both(x)[0])[..., 6:], backward, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "gru_reset_after", "elman"])
def test_onnx(cell, bidirectional, tmp_path):
    network = Network(cell, 5, 6, layers=2, seed=3, init_range=0.5, bidirectional=bidirectional)
    network.export(tmp_path / "a.onnx")
    x = random(7, 3, 5)
    again = Network.from_onnx(tmp_path / "a.onnx")
    np.testing.assert_allclose(again(x)[0], network(x)[0], atol=1e-6)
    found = run_onnx(tmp_path / "a.onnx", {"x": x, **states_of(network, 3, 0.0)})
    np.testing.assert_allclose(again(x)[0], found["y"], atol=1e-5)


def test_what_cannot_be_read_is_named(tmp_path):
    arrays = state_dict("lstm", 3, 4)
    for change, part in [
            ({"fc.weight": random(2, 4)}, "fc.weight"), ({"weight_hr_l0": random(2, 4)}, "projection"),
            ({"weight_hh_l0": None}, "weight_hh_l0"), ({"bias_hh_l0": None}, "bias_hh_l0"),
            ({"weight_hh_l0": random(9, 4)}, "9 x 4"), ({"weight_ih_l2": random(16, 4)}, "weight_hh_l2"),
            ({"other.weight_ih_l0": random(16, 3)}, "2 modules")]:
        changed = {name: value for name, value in {**arrays, **change}.items() if value is not None}
        with pytest.raises(rnncell.InvalidArgumentError, match=part):
            Network.from_torch(changed)
    with pytest.raises(rnncell.InvalidArgumentError, match="shape"):
        Network.from_torch({**arrays, "bias_ih_l0": random(12)})
    with pytest.raises(rnncell.InvalidArgumentError, match="5 arrays"):
        Network.from_keras([[random(3, 16)] * 5])
    Network("nascell", 3, 4).export(tmp_path / "a.onnx")
    with pytest.raises(rnncell.InvalidArgumentError, match="Scan"):
        Network.from_onnx(tmp_path / "a.onnx")
    (tmp_path / "b.onnx").write_bytes(b"none")
    with pytest.raises(rnncell.FormatError, match="b.onnx is no ONNX model"):
        Network.from_onnx(tmp_path / "b.onnx")


def torch_of(**changes):
    """A loader of an LSTM of torch, 3 -> 4 in two layers both ways, with other arrays."""
    return lambda: Network.from_torch({**state_dict("lstm", 3, 4, 2, bidirectional=True), **changes})


def keras_of(*layers, **options):
    """A loader of layers of Keras with arrays of these shapes."""
    return lambda: Network.from_keras([[random(*shape) for shape in layer] for layer in layers], **options)


@pytest.mark.parametrize("load, name, shape, wanted", [
    (torch_of(weight_ih_l0=random(20, 3)), "'weight_ih_l0'", "20, 3", "16, 3"),
    (torch_of(weight_ih_l0=random(12, 3)), "'weight_ih_l0'", "12, 3", "16, 3"),
    (torch_of(weight_ih_l0_reverse=random(16, 5)), "'weight_ih_l0_reverse'", "16, 5", "16, 3"),
    (torch_of(weight_hh_l1_reverse=random(20, 5)), "'weight_hh_l1_reverse'", "20, 5", "16, 4"),
    (torch_of(weight_hh_l0_reverse=random(12, 4)), "'weight_hh_l0_reverse'", "12, 4", "16, 4"),
    (torch_of(weight_ih_l1=random(16, 4)), "'weight_ih_l1'", "16, 4", "16, 8"),
    (torch_of(bias_hh_l1=random(12)), "'bias_hh_l1'", "12", "16"),
    (keras_of([(5, 20), (4, 16)]), "the kernel of layer 0", "5, 20", "5, 16"),
    (keras_of([(5, 12), (4, 16)]), "the kernel of layer 0", "5, 12", "5, 16"),
    (keras_of([(5, 16), (4, 16)], [(5, 16), (4, 16)]), "the kernel of layer 1", "5, 16", "4, 16"),
    (keras_of([(5, 16), (4, 16), (5, 20), (5, 20)]), "the kernel of layer 0 backward", "5, 20", "5, 16"),
    (keras_of([(5, 16), (4, 16), (12,)]), "the bias of layer 0", "12", "16"),
    (keras_of([(5, 16), (4, 16), (2, 16)]), "the bias of layer 0", "2, 16", "16"),
    (keras_of([(5, 12), (4, 12), (3, 12)]), "the bias of layer 0", "3, 12", "2, 12"),
    (keras_of([(5, 12), (4, 12), (2, 12)], reset_after=False), "the bias of layer 0", "2, 12", "12"),
    (keras_of([(5, 12), (4, 12), (12,)], reset_after=True), "the bias of layer 0", "12", "2, 12")])
def test_every_array_has_the_shape_that_follows_from_the_hidden_size(load, name, shape, wanted):
    with pytest.raises(rnncell.InvalidArgumentError,
                       match=rf"^{name} has shape \[{shape}\], and \[{wanted}\] is needed$"):
        load()


@pytest.mark.parametrize("load, part", [
    (torch_of(weight_ih_l0=random(16)), r"'weight_ih_l0' has shape \[16\], and an array with 2 dimensions"),
    (torch_of(weight_hh_l0=random(16)), r"'weight_hh_l0' has shape \[16\]"),
    (torch_of(bias_ih_l0=random(16, 1)), r"'bias_ih_l0' has shape \[16, 1\].* 1 dimension is"),
    (torch_of(weight_hh_l0=random(16, 4) + 1j), "'weight_hh_l0' is complex"),
    (keras_of([(5,), (4, 16)]), r"the kernel of layer 0 has shape \[5\]"),
    (keras_of([(5, 16), (4, 9)]), "the recurrent kernel of layer 0 is 4 x 9: .* side by side"),
    (lambda: Network.from_keras([random(5, 16) * 1j, random(4, 16)]), "the kernel of layer 0 is complex"),
    (lambda: Network.from_torch(state_dict("rnn", 3, 4), nonlinearity="sigmoid"),
     "'sigmoid' is none; pass 'tanh' or 'relu'"),
    (lambda: Network.from_torch(state_dict("lstm", 3, 4), nonlinearity="relu"),
     "nonlinearity is of an RNN, and 'weight_hh_l0' is of an LSTM"),
    (keras_of([(5, 16), (4, 16)], reset_after=True), "reset_after is of a GRU")])
def test_arrays_and_options_that_do_not_fit_are_named(load, part):
    with pytest.raises(rnncell.InvalidArgumentError, match=part):
        load()


def test_relu_of_torch():
    arrays, x = state_dict("rnn", 3, 4), np.abs(random(2, 3, 3))
    network = Network.from_torch(arrays, nonlinearity="relu")
    first = x[0] @ arrays["weight_ih_l0"].T + arrays["bias_ih_l0"] + arrays["bias_hh_l0"]
    np.testing.assert_allclose(network(x[:1])[0][0], np.maximum(first, 0), atol=1e-6)


@pytest.mark.parametrize("reset_after", [True, False, None])
def test_a_keras_gru_without_a_bias_has_the_form_that_is_asked_for(reset_after):
    kernel, recurrent, x = random(5, 18), random(6, 18), random(7, 3, 5)
    is_after = reset_after is not False
    bias = np.zeros((2, 18) if is_after else 18)
    found = Network.from_keras([kernel, recurrent], reset_after=reset_after)(x)[0]
    np.testing.assert_allclose(
        found, keras_layer("gru", kernel, recurrent, bias, x.astype(float), is_after), atol=1e-5)


def test_a_form_of_a_keras_gru_is_a_flag():
    with pytest.raises(TypeError, match="reset_after must be True or False, not 'no'"):
        keras_of([(5, 12), (4, 12)], reset_after="no")()
