"""The bench without the other libraries, which the tests do not install.

Its translation of cells is run by NumPy in double precision and held to our outputs: what the bench gives
to the other libraries is then the same cell.
"""
import importlib.util
import json
import math
import types

import numpy as np
import pytest
import rnncell
from rnncell import _rnncell
from rnncell.bench import costs, layers, timing
from rnncell.bench.program import Program
from rnncell.bench.suite import Suite
from test_cli import run

SEED = 11


def gelu(a):
    return 0.5 * a * (1 + np.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a ** 3)))


def layernorm(a):
    return (a - a.mean(-1, keepdims=True)) / np.sqrt(a.var(-1, keepdims=True) + 1e-5)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def elu(a):
    return np.where(a > 0, a, np.expm1(np.minimum(a, 0)))


NUMPY = types.SimpleNamespace(
    matmul=np.matmul, split=lambda a, sizes: np.split(a, np.cumsum(sizes)[:-1], axis=-1),
    add=np.add, subtract=np.subtract, multiply=np.multiply, divide=np.divide, negate=np.negative,
    square=np.square, sqrt=np.sqrt, abs=np.abs, max=np.maximum, min=np.minimum, sigmoid=sigmoid,
    tanh=np.tanh, relu=lambda a: np.maximum(a, 0), leaky_relu=lambda a: np.where(a > 0, a, 0.01 * a),
    identity=lambda a: a, softplus=lambda a: np.logaddexp(a, 0), silu=lambda a: a * sigmoid(a),
    gelu=gelu, elu=elu,
    selu=lambda a: 1.0507009873554805 * np.where(a > 0, a, 1.6732632423543772 * np.expm1(np.minimum(a, 0))),
    softsign=lambda a: a / (1 + np.abs(a)), hard_sigmoid=lambda a: np.clip(a / 6 + 0.5, 0, 1),
    hard_tanh=lambda a: np.clip(a, -1, 1), exp=np.exp, log=np.log, sin=np.sin, cos=np.cos,
    blend=lambda g, a, b: g * a + (1 - g) * b, mean=lambda *a: sum(a) / len(a), layernorm=layernorm)

ODD = {
    "blocks and shared matrices": """
        z  = sigmoid(linear(x, h, blocks=2))
        u  = linear(tanh(product(h)) * z, x) + vector(q) * scalar(k) - 1 / 2
        c' = max(c, u) + transposed(M, matrix(M, h))
        h' = -c' * (layernorm(z) - 0.5)""",
    "the same operand twice": "h' = tanh(linear(h, h) * linear(x) + linear(x))",
    "every activation": """
        a  = linear(x, h)
        b  = elu(a) + selu(a) + gelu(a) + silu(a) + softplus(a) + softsign(a) + leaky_relu(a)
        d  = hard_sigmoid(a) + hard_tanh(a) + abs(a) + square(a) + sqrt(abs(a) + 1) + sin(a) + cos(a)
        e  = exp(min(a, 1)) + log(abs(a) + 1) + a / (abs(a) + 1) + mean(a, b, d) + identity(a)
        h' = tanh(layernorm(b + d + e))""",
}


def cases():
    named = [(name, stock.cell) for name, stock in rnncell.stock_cells().items()]
    named += [(name, rnncell.Cell(text)) for name, text in ODD.items()]
    named += [(name, rnncell.Cell(text.replace(";", "\n"))) for name, text in layers.ELEMENTWISE.items()]
    return [pytest.param(cell, id=name) for name, cell in named]


@pytest.mark.parametrize("cell", cases())
@pytest.mark.parametrize("hoists", [True, False])
def test_the_translation_is_the_cell(cell, hoists):
    print("seed", SEED)
    steps, batch, size = 5, 3, 6
    case = timing.Case(cell, batch, steps, size, 1, seed=SEED)
    weights = {name: value.astype(np.float64) for name, value in case.weights.items()}
    states = tuple(np.zeros((batch, size)) for _ in case.program.states)
    x, outputs = case.x.astype(np.float64), []
    hoists = hoists and 0 in case.program.splits
    whole = case.program.product(NUMPY, weights, x) if hoists else None
    for t in range(steps):
        states = case.program.run(NUMPY, weights, x[t], states, whole[t] if hoists else None)
        outputs.append(states[0])
    found, _ = case.network(case.x)
    np.testing.assert_allclose(np.asarray(found), np.stack(outputs), rtol=2e-5, atol=2e-6)


def test_operations_are_those_of_the_products():
    assert Program(rnncell.Cell.stock("lstm"), 7, 5).operations == 2 * 4 * 5 * (7 + 5)
    blocks = rnncell.Cell("h' = tanh(linear(x) + product(h, blocks=2))")
    assert Program(blocks, 6, 6).operations == 2 * (36 + 18)


def test_gates_are_found_by_their_letters():
    program = Program(rnncell.Cell.stock("lstm"), 2, 2)
    assert program.gate_rows(np, 0, "ifgo").tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert program.gate_rows(np, 0, "oi").tolist() == [6, 7, 0, 1]


def test_gradients_of_biases_that_are_not_there_are_not_compared():
    case = timing.Case(rnncell.Cell.stock("gru_reset_after"), 2, 3, 4, 1)
    hidden = f"b{1 + case.program.states.index('h')}"
    stacked = case.program.stacked_gradients(
        np, {name: np.ones(shape, np.float32) for name, shape in case.program.shapes.items()})
    assert stacked[hidden].mask.sum() == 8  # r and z, whose bias stands with x
    other = {hidden: np.where(stacked[hidden].mask, 5, 1)}
    assert timing.agree(stacked, other, "test") == 0


def test_different_numbers_are_an_error():
    with pytest.raises(rnncell.InternalError, match="peer: y differs from ours by 1.0e-03"):
        timing.agree({"y": np.ones(3)}, {"y": np.full(3, 1 / 1.001)}, "peer")
    with pytest.raises(rnncell.InternalError, match="peer: x differs"):
        timing.agree({"x": np.ones(3)}, {"x": np.full(3, np.nan)}, "peer")


def test_the_limit_of_the_machine():
    assert _rnncell.peak("baseline", 1) > 0
    with pytest.raises(ValueError, match="0 threads; pass 1 to 256"):
        _rnncell.peak("baseline", 0)


def test_random_cells_are_cells():
    cells = layers.random_cells(3, 16)
    assert len(set(cells)) == 3
    assert cells == layers.random_cells(3, 16)


def test_list_says_what_would_be_timed():
    rows = json.loads(run("bench", "--list", "--json").stdout)["rows"]
    assert sum("training" in row and "LSTM" in row for row in rows) == 3
    assert any("20 random cells" in row for row in rows)


def test_a_cell_of_ones_own_without_other_libraries():
    done = run("bench", "--cell", "h' = tanh(linear(x, h))", "--only", "layers", "--against", "",
               "--rounds", "1", "--threads", "1", "--json")
    rows = json.loads(done.stdout.splitlines()[-1])["layers"]
    assert [row["work"] for row in rows] == ["training", "training", "inference", "step"]
    assert all(row["seconds"]["rnncell"] > 0 and row["ratio"] is None for row in rows)


def test_missing_libraries_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said = []
    suite = Suite(["first"], "h' = tanh(linear(x, h))", 1, 1, quick=True)
    result = suite.run(["jax", "onnxruntime"], version="0", say=said.append, hint=said.append)
    assert "not installed: jax, onnxruntime, onnx; pip install jax onnxruntime onnx" in said
    assert result["missing"] == ["jax", "onnxruntime", "onnx"]
    assert list(result["first"][0]["ms"]) == ["rnncell"]


def test_ratios_are_within_rounds():
    taken = timing.Timing([[1.0, 2.0, 5.0], [2.0, 3.0, 5.0]], 1.0)
    assert taken.seconds == [2.0, 3.0]
    assert taken.ratios == [1.0, 1.5]
    # What was too slow for all rounds has fewer.
    assert timing.Timing([[1.0, 2.0, 5.0], [3.0]], 1.0).ratios == [1.0, 3.0]


def test_costs_of_options(monkeypatch):
    monkeypatch.setattr(costs, "DROPOUT", {"weight_dropout": 0.5, "zoneout": 0.1})
    monkeypatch.setattr(costs, "BIDIRECTIONAL", ("gru",))
    monkeypatch.setattr(costs, "EXPORTED", ("gru",))
    said = []
    found = Suite(["costs"], None, 1, 1, quick=True).run(
        [], version="0", say=said.append, hint=said.append)["costs"]
    assert set(found["dropout"]) == {"weight_dropout", "zoneout"} and found["bidirectional"]["gru"] > 1
    assert found["exported"][0]["ratio"] > 0
    assert sum("gru" in line for line in said) == 2


def test_unknown_names_are_wrong_use():
    assert "there are torch, jax, onnxruntime" in run("bench", "--against", "keras", status=2).stderr
    assert "there are layers, random" in run("bench", "--only", "all", status=2).stderr
