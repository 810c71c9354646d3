"""Stock cells against their papers' steps, written again in NumPy with double precision.

Nothing here reads the library's equations: only the names of its parameters are used.
"""
import numpy as np
import pytest
import rnncell

INPUTS, HIDDEN, STEPS, BATCH = 3, 5, 6, 4


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def relu(value):
    return np.maximum(value, 0)


def normal(value):
    centred = value - value.mean(-1, keepdims=True)
    return centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + 1e-5)


class Weights:
    """The parameters of a layer: `w.f(x=x, h=h)` is W[f, x] x + W[f, h] h + b[f], `w["p"]` a vector."""

    def __init__(self, parameters):
        self.arrays = {name.removeprefix("layers.0."): np.asarray(value, np.float64)
                       for name, value in parameters.items()}
        self.used = set()

    def __getitem__(self, name):
        self.used.add(name)
        return self.arrays[name]

    def __call__(self, target, **sources):
        return self.of(target, sources)

    def of(self, target, sources):
        """As calling, for sources that are expressions."""
        total = sum(value @ self[f"W[{target}, {name}]"].T for name, value in sources.items())
        return total + self[f"b[{target}]"] if f"b[{target}]" in self.arrays else total


def elman(w, x, h):
    return [np.tanh(w("h'", x=x, h=h))]


def lstm(w, x, h, c):
    i, f, o = (sigmoid(w(gate, x=x, h=h)) for gate in "ifo")
    c = f * c + i * np.tanh(w("g", x=x, h=h))
    return [o * np.tanh(c), c]


def lstm_peephole(w, x, h, c):
    i, f = (sigmoid(w(gate, x=x, h=h) + w[f"p_{gate}"] * c) for gate in "if")
    c = f * c + i * np.tanh(w("g", x=x, h=h))
    return [sigmoid(w("o", x=x, h=h) + w["p_o"] * c) * np.tanh(c), c]


def lstm_cifg(w, x, h, c):
    f, o = (sigmoid(w(gate, x=x, h=h)) for gate in "fo")
    c = f * c + (1 - f) * np.tanh(w("g", x=x, h=h))
    return [o * np.tanh(c), c]


def gru(w, x, h):
    z, r = (sigmoid(w(gate, x=x, h=h)) for gate in "zr")
    return [z * h + (1 - z) * np.tanh(w.of("n", {"x": x, "r * h": r * h}))]


def gru_reset_after(w, x, h):
    z, r = (sigmoid(w(gate, x=x, h=h)) for gate in "zr")
    return [z * h + (1 - z) * np.tanh(w("n", x=x) + r * w("m", h=h))]


def minimal_gru(w, x, h):
    f = sigmoid(w("f", x=x, h=h))
    return [(1 - f) * h + f * np.tanh(w.of("n", {"x": x, "f * h": f * h}))]


def ugrnn(w, x, h):
    g = sigmoid(w("g", x=x, h=h))
    return [g * h + (1 - g) * np.tanh(w("n", x=x, h=h))]


def janet(w, x, h):
    a = w("a", x=x, h=h)
    return [sigmoid(a) * h + (1 - sigmoid(a - 1)) * np.tanh(w("n", x=x, h=h))]


def rhn(w, x, h):
    for depth in (1, 2, 3):
        sources = {"x": x, "h": h} if depth == 1 else {f"s{depth - 1}": h}
        t = sigmoid(w.of(f"t{depth}", sources))
        h = t * np.tanh(w.of(f"u{depth}", sources)) + (1 - t) * h
    return [h]


def lstm_multiplicative(w, x, h, c):
    m = (x @ w["W[m, x]"].T) * (h @ w["W[m, h]"].T)
    i, f, o = (sigmoid(w(gate, x=x, m=m)) for gate in "ifo")
    c = f * c + i * np.tanh(w("g", x=x, m=m))
    return [o * np.tanh(c), c]


def mogrifier(w, x, h, c):
    x = 2 * sigmoid(w("x1", h=h)) * x
    h = 2 * sigmoid(w("h1", x1=x)) * h
    x = 2 * sigmoid(w("x2", h1=h)) * x
    h = 2 * sigmoid(w("h2", x2=x)) * h
    x = 2 * sigmoid(w("x3", h2=h)) * x
    i, f, o = (sigmoid(w(gate, x3=x, h2=h)) for gate in "ifo")
    c = f * c + i * np.tanh(w("g", x3=x, h2=h))
    return [o * np.tanh(c), c]


def nascell(w, x, h, c):
    def both(name, function):
        return function(w(name, x=x, h=h))

    p3 = relu((x @ w["W[p3, x]"].T) * (h @ w["W[p3, h]"].T))
    q0 = np.tanh(both("p0", sigmoid) * both("p1", relu))
    q1 = np.tanh(both("p2", sigmoid) + p3)
    q2 = np.tanh(both("p4", np.tanh) * both("p5", sigmoid))
    q3 = sigmoid(both("p6", np.tanh) + both("p7", sigmoid))
    c = np.tanh(q0 + c) * q1
    return [np.tanh(c * np.tanh(q2 + q3)), c]


def highway(arcs, ends):
    """An arc of ENAS or DARTS: (activation, predecessor) for each node but the first."""
    functions = {"tanh": np.tanh, "relu": relu, "sigmoid": sigmoid, "identity": lambda value: value}

    def step(w, x, h):
        gate = sigmoid(w("g0", x=x, h=h))
        nodes = [gate * np.tanh(w("u0", x=x, h=h)) + (1 - gate) * h]
        for place, (name, before) in enumerate(arcs, 1):
            source = {f"s{before}": nodes[before]}
            gate = sigmoid(w.of(f"g{place}", source))
            value = functions[name](w.of(f"u{place}", source))
            nodes.append(gate * value + (1 - gate) * nodes[before])
        return [np.mean([nodes[place] for place in ends], axis=0)]

    return step


enas = highway(
    [("tanh", 0), ("tanh", 1), ("relu", 1), ("tanh", 3), ("tanh", 3), ("relu", 3), ("relu", 4),
     ("relu", 7), ("relu", 8), ("relu", 8), ("relu", 8)], (2, 5, 6, 9, 10, 11))
darts_v1 = highway(
    [("relu", 0), ("relu", 1), ("tanh", 2), ("relu", 3), ("relu", 4), ("identity", 1), ("relu", 5),
     ("relu", 1)], range(1, 9))
darts_v2 = highway(
    [("sigmoid", 0), ("relu", 1), ("relu", 1), ("identity", 1), ("tanh", 2), ("sigmoid", 5),
     ("tanh", 3), ("relu", 5)], range(1, 9))


def mut1(w, x, h):
    z, r = sigmoid(w("z", x=x)), sigmoid(w("r", x=x, h=h))
    n = np.tanh((r * h) @ w["W[n, r * h]"].T + w["b[n]"] + np.tanh(x @ w["W[n, x]"].T))
    return [z * n + (1 - z) * h]


def mut2(w, x, h):
    z, r = (sigmoid(w(gate, x=x, h=h)) for gate in "zr")
    return [z * np.tanh(w.of("n", {"x": x, "r * h": r * h})) + (1 - z) * h]


def mut3(w, x, h):
    z = sigmoid(w.of("z", {"x": x, "tanh(h)": np.tanh(h)}))
    r = sigmoid(w("r", x=x, h=h))
    return [z * np.tanh(w.of("n", {"x": x, "r * h": r * h})) + (1 - z) * h]


def lstm_layernorm(w, x, h, c):
    i, f, g, o = (w[f"p_{gate}"] * normal(x @ w[f"W[{gate}, x]"].T)
                  + w[f"q_{gate}"] * normal(h @ w[f"W[{gate}, h]"].T) + w[f"b_{gate}"]
                  for gate in "ifgo")
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(w["p_c"] * normal(c) + w["b_c"]), c]


def integrated(w, name, x, h, read="h"):
    """Multiplicative integration of two maps."""
    a, b = x @ w[f"W[{name}x, x]"].T, h @ w[f"W[{name}h, {read}]"].T
    return w[f"a_{name}"] * a * b + w[f"p_{name}"] * a + w[f"q_{name}"] * b + w[f"b_{name}"]


def mi_rnn(w, x, h):
    a, b = x @ w["W[a, x]"].T, h @ w["W[b, h]"].T
    return [np.tanh(w["p_a"] * a * b + w["p_h"] * b + w["p_x"] * a + w["p_b"])]


def mi_gru(w, x, h):
    z, r = (sigmoid(integrated(w, gate, x, h)) for gate in "zr")
    return [z * h + (1 - z) * np.tanh(integrated(w, "n", x, r * h, "r * h"))]


def mi_lstm(w, x, h, c):
    i, f, o = (sigmoid(integrated(w, gate, x, h)) for gate in "ifo")
    c = f * c + i * np.tanh(integrated(w, "g", x, h))
    return [o * np.tanh(c), c]


def ligru(w, x, h):
    z = sigmoid(w("z", x=x, h=h))
    return [z * h + (1 - z) * relu(w("h'", x=x, h=h))]


def minimal_rnn(w, x, h):
    p = np.tanh(w("p", x=x))
    u = sigmoid(w("u", h=h, p=p))
    return [u * h + (1 - u) * p]


def ran(w, x, h, c):
    i, f = (sigmoid(w(gate, x=x, h=h)) for gate in "if")
    c = i * w("c'", x=x) + f * c
    return [np.tanh(c), c]


def cfn(w, x, h):
    f, i = (sigmoid(w(gate, x=x, h=h)) for gate in "fi")
    return [f * np.tanh(h) + i * np.tanh(x @ w["W[h', x]"].T)]


def atr(w, x, h):
    p, q = w("p", x=x), w("q", h=h)
    return [sigmoid(p + q) * p + sigmoid(p - q) * h]


def star(w, x, h):
    k = sigmoid(w("k", x=x, h=h))
    return [np.tanh((1 - k) * h + k * np.tanh(w("h'", x=x)))]


def brc(w, x, h):
    a, g = 1 + np.tanh(w("a", x=x) + w["p_a"] * h), sigmoid(w("g", x=x) + w["p_g"] * h)
    return [g * h + (1 - g) * np.tanh(w("h'", x=x) + a * h)]


def nbrc(w, x, h):
    a, g = 1 + np.tanh(w("a", x=x, h=h)), sigmoid(w("g", x=x, h=h))
    return [g * h + (1 - g) * np.tanh(w("h'", x=x) + a * h)]


def lem(w, x, h, z):
    d1, d2 = (sigmoid(w(gate, x=x, h=h)) for gate in ("d1", "d2"))
    z = (1 - d2) * z + d2 * np.tanh(w("z'", x=x, h=h))
    return [(1 - d1) * h + d1 * np.tanh(w.of("h'", {"x": x, "z'": z})), z]


def indrnn(w, x, h):
    return [relu(w("h'", x=x) + w["u"] * h)]


def sru(w, x, h, c):
    u = x @ w["W[u, x]"].T
    f, r = (sigmoid(w(gate, x=x) + w[f"p_{gate}"] * c) for gate in "fr")
    c = f * c + (1 - f) * u
    return [r * c + (1 - r) * (x @ w["W[h', x]"].T), c]


def mingru(w, x, h):
    z = sigmoid(w("z", x=x))
    return [(1 - z) * h + z * w("h'", x=x)]


def minlstm(w, x, h):
    f, i = sigmoid(w("f", x=x)), sigmoid(w("i", x=x))
    return [f / (f + i) * h + i / (f + i) * w("h'", x=x)]


def lstm_noforget(w, x, h, c):
    i, o = (sigmoid(w(gate, x=x, h=h)) for gate in "io")
    c = c + i * np.tanh(w("g", x=x, h=h))
    return [o * np.tanh(c), c]


def lstm_capped(w, x, h, c):
    i, f, o = (sigmoid(w(gate, x=x, h=h)) for gate in "ifo")
    c = f * c + np.minimum(1 - f, i) * np.tanh(w("g", x=x, h=h))
    return [o * np.tanh(c), c]


def lightru(w, x, h):
    f = sigmoid(w("f", x=x, h=h))
    return [(1 - f) * h + f * np.tanh(x @ w["W[h', x]"].T)]


def sgrn(w, x, h):
    f = sigmoid(w("f", x=x, h=h))
    return [np.tanh((1 - f) * (x @ w["W[h', x]"].T) + f * h)]


def fastrnn(w, x, h):
    return [sigmoid(w["alpha"]) * np.tanh(w("h'", x=x, h=h)) + sigmoid(w["beta"]) * h]


def fastgrnn(w, x, h):
    p = x @ w["W[p, x]"].T + h @ w["W[p, h]"].T
    z, n = sigmoid(p + w["b_z"]), np.tanh(p + w["b_n"])
    return [(sigmoid(w["zeta"]) * (1 - z) + sigmoid(w["nu"])) * n + z * h]


def scrn(w, x, h, s, v):
    s = (1 - 0.95) * (x @ w["W[s', x]"].T) + 0.95 * s
    v = sigmoid(s @ w["W[v', s']"].T + x @ w["W[v', x]"].T + v @ w["W[v', v]"].T)
    return [v @ w["W[h', v']"].T + s @ w["W[h', s']"].T, s, v]


def antisymmetric_rnn(w, x, h):
    a = w["A"] - w["A"].T - 0.01 * np.eye(HIDDEN)
    return [h + 0.01 * np.tanh(w("h'", x=x) + h @ a.T)]


def antisymmetric_rnn_gated(w, x, h):
    a = h @ (w["A"] - w["A"].T - 0.01 * np.eye(HIDDEN)).T
    gate = sigmoid(x @ w["W[h', x]"].T + w["b[h']"] + a)
    return [h + 0.01 * gate * np.tanh(x @ w["W[h', x].2"].T + w["b[h'].2"] + a)]


def cornn(w, x, h, z):
    z = z + 0.042 * (np.tanh(w("z'", x=x, h=h, z=z)) - 2.7 * h - 4.7 * z)
    return [h + 0.042 * z, z]


def unicornn(w, x, h, z):
    step = 0.1 * sigmoid(w["p_c"])
    z = z - step * (np.tanh(w["p_w"] * h + w("z'", x=x)) + h)
    return [h + step * z, z]


def qrnn(w, x, h, p, c):
    n, f, o = (w(name, x=x, p=p) for name in "nfo")
    c = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(n)
    return [sigmoid(o) * c, x, c]


def slstm(w, x, h, m, c, n):
    i, f, g, o = (w(name, x=x, h=h) for name in "ifgo")
    top = np.maximum(np.log(sigmoid(f)) + m, i)
    keep, take = np.exp(np.log(sigmoid(f)) + m - top), np.exp(i - top)
    c, n = keep * c + take * np.tanh(g), keep * n + take
    return [sigmoid(o) * c / n, top, c, n]


enas_lm = highway(
    [("sigmoid", 0), ("tanh", 1), ("relu", 2), ("sigmoid", 2), ("tanh", 4), ("tanh", 5), ("sigmoid", 3),
     ("sigmoid", 6)], range(1, 9))
naonet = highway(
    [("relu", 0), ("relu", 0), ("relu", 1), ("tanh", 3), ("relu", 4), ("relu", 4), ("relu", 5),
     ("relu", 1), ("relu", 7), ("relu", 1), ("sigmoid", 1)], range(1, 12))
naonet_shared = highway(
    [("relu", 0), ("relu", 1), ("sigmoid", 2), ("sigmoid", 1), ("relu", 4), ("relu", 4), ("relu", 4),
     ("relu", 7), ("sigmoid", 8), ("tanh", 1), ("relu", 4)], range(1, 12))
darts_seed42 = highway(
    [("sigmoid", 0), ("relu", 0), ("tanh", 1), ("sigmoid", 2), ("identity", 0), ("identity", 1),
     ("identity", 1), ("relu", 1)], range(1, 9))
darts_seed1995 = highway(
    [("tanh", 0), ("relu", 0), ("tanh", 1), ("tanh", 1), ("tanh", 2), ("relu", 5), ("tanh", 2),
     ("tanh", 1)], range(1, 9))
darts_seed2006 = highway(
    [("sigmoid", 0), ("sigmoid", 0), ("sigmoid", 2), ("relu", 0), ("sigmoid", 4), ("sigmoid", 4),
     ("relu", 6), ("relu", 1)], range(1, 9))


def nbnlp_1007537(w, x, h, g):
    a = sigmoid(w("a", h=h, x=x))
    new = sigmoid(w("g'", x=x, a=a))
    b = np.tanh(w.of("b", {"a": a, "g'": new}))
    d = g * h + (1 - g) * b
    return [a * d + (1 - a) * new, new]


def bc3_recalled(w, x, h, c):
    inner = (c @ w["W[z, c]"].T) * (x @ w["W[z, x]"].T)
    z = (inner @ w["W[z, product(c) * product(x)]"].T) * (x @ w["W[z, x].2"].T)
    f, o = sigmoid(w("f", x=x, h=h)), sigmoid(w("o", x=x, h=h))
    c = np.tanh(f * w("c'", x=x) + (1 - f) * z)
    return [o * c + (1 - o) * h, c]


def intersection_rnn(w, x, h, s):
    g, u = sigmoid(w("g", x=x, s=s)), sigmoid(w("u", x=x, s=s))
    y = u * (x @ w["W[h', x]"].T) + (1 - u) * relu(
        x @ w["W[h', x].2"].T + s @ w["W[h', s]"].T + w["b[h']"])
    return [y, g * s + (1 - g) * np.tanh(w("s'", x=x, s=s))]


@pytest.mark.parametrize("name", list(rnncell.stock_cells()))
def test_a_stock_cell_does_what_its_paper_says(name):
    step = globals()[name]
    net = rnncell.Network(name, input_size=INPUTS, hidden_size=HIDDEN, layers=1)
    draw = np.random.default_rng(1)
    net.load_parameters({key: draw.uniform(-1, 1, np.shape(value)).astype(np.float32)
                         for key, value in net.parameters().items()})
    weights = Weights(net.parameters())
    x = draw.uniform(-1, 1, (STEPS, BATCH, INPUTS)).astype(np.float32)
    outputs, last = net(x)
    states = [np.zeros(np.shape(last[f"layers.0.{state}"])) for state in net.cells[0].states]
    for time in range(STEPS):
        states = step(weights, x[time].astype(np.float64), *states)
        np.testing.assert_allclose(np.asarray(outputs[time]), states[0], rtol=1e-4, atol=2e-6)
    for state, value in zip(net.cells[0].states, states):
        np.testing.assert_allclose(np.asarray(last[f"layers.0.{state}"]), value, rtol=1e-4, atol=2e-6)
    assert weights.used == set(weights.arrays), "a parameter is not of the paper"


def test_stock_cells_start_as_their_sources_say():
    starts = {("lstm", "b[f]"): 1, ("cfn", "b[f]"): 1, ("cfn", "b[i]"): -1, ("mi_rnn", "p_a"): 1,
              ("mi_rnn", "p_x"): 0.5, ("mi_lstm", "b_f"): 1, ("lstm_layernorm", "p_c"): 1,
              ("indrnn", "u"): 1}
    for (cell, name), value in starts.items():
        for forget_bias in (None, 3.0):
            net = rnncell.Network(cell, input_size=2, hidden_size=4, layers=1, forget_bias=forget_bias)
            wanted = 3 if forget_bias and name == "b[f]" else value
            assert np.all(np.asarray(net.parameters()[f"layers.0.{name}"]) == wanted), (cell, name)


def test_the_exponential_gates_of_slstm_bear_any_number():
    network = rnncell.Network("slstm", 2, 3, seed=1)
    for gate in "fi":
        for value in (-1e4, -200.0, 90.0, 1e4):
            parameters = {name: np.asarray(part) * 1 for name, part in network.parameters().items()}
            parameters["layers.0.b[f]"][:] = value if gate == "f" else 1
            parameters["layers.0.b[i]"][:] = value if gate == "i" and value > 0 else 0
            network.load_parameters(parameters)
            y, tape = network.forward(np.ones((6, 1, 2), np.float32))
            gradients = tape.backward(np.ones((6, 1, 3), np.float32))
            assert np.isfinite(np.asarray(y)).all()
            assert all(np.isfinite(np.asarray(part)).all() for part in gradients.values())
