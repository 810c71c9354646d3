"""Exports, run by JAX, a C compiler and onnxruntime; PyTorch runs them in `make test-peers`."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
import rnncell

STOCK = list(rnncell.stock_cells())
#: Cells that use what no stock cell does.
OTHERS = {
    "transposed": "h' = tanh(matrix(M, h) + transposed(M, c) + linear(x)); c' = h + 0.5 * c",
    "blocks": "h' = tanh(product(h, blocks=4) + linear(x))",
    "constant state": "h' = c + linear(x); c' = vector(v)",
    "kept input": "h' = tanh(linear(p, h)); p' = x",
    "numbers": "h' = blend(sigmoid(scalar(s)), max(linear(x, h), 0.1), min(h, -0.25)) / 1.5",
    "operations": "a = linear(x, h); h' = mean(exp(-abs(a)), log(1 + square(a)), sqrt(1 + square(a)), "
                  "sin(3 * a), cos(a), elu(a), selu(a), gelu(a), silu(a), softplus(a), softsign(a), "
                  "hard_sigmoid(a), hard_tanh(a), leaky_relu(a), relu(a), layernorm(a))",
    "swapped": "h' = c; c' = tanh(linear(x, h))",
    "later state": "p' = h; h' = tanh(linear(x, h, p))",
    "shifted states": "h' = tanh(linear(x, h, r)); r' = q; q' = p; p' = h",
    "exchanged states": "h' = tanh(linear(x, a)) + b; a' = b + linear(x); b' = a",
    "constant output": "h' = linear(vector(v))",
    "constant map as state": "c' = linear(vector(v)); h' = tanh(linear(x, h, c))",
    "mapped vector": "h' = tanh(linear(x, vector(v)) + 0.5 * h)",
    "running mean of x": "s' = 0.9 * s + 0.1 * x; h' = tanh(linear(x, h)) + 2 * s' * x",
    "one matrix for x and h": "h' = tanh(matrix(M, x) + matrix(M, h))",
    "names of macros": "INT32_MAX = tanh(linear(x, h)); h' = INT32_MAX * 0.5; SIZE_MAX' = SIZE_MAX",
    "names of torch": "h' = tanh(linear(x, h) * vector(half) + vector(step) + matrix(children, h)) + vector(None) "
                      "* vector(NULL)",
    "names of C": "memcpy = sigmoid(linear(x, h)); layernorm_ = tanh(memcpy * h); h' = layernorm_ + memcpy",
}
CELLS = STOCK + list(OTHERS)
SIZE = 8


def cell_of(name):
    text = OTHERS.get(name)
    return rnncell.Cell(text.replace(";", "\n")) if text else rnncell.Cell.stock(name)


def network_of(name, **options):
    """Weights in a range in which every cell does something and none explodes."""
    return rnncell.Network(cell_of(name), SIZE, SIZE, seed=3, init_range=0.4, **options)


def data(steps=7, batch=3, size=SIZE):
    return np.random.default_rng(1).normal(size=(steps, batch, size)).astype(np.float32)


def near(found, wanted):
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-5, atol=1e-5)


def run_jax(source, *calls):
    """The names that a file defines."""
    names = {}
    exec(compile(open(source).read(), str(source), "exec"), names)  # noqa: S102
    return names


def run_c(source, numbers, *options):
    """What the program prints for some numbers, a line each."""
    program = source.with_suffix("")
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic",
                    "-Wno-unused-function", *options, source, "-o", program], check=True)
    text = " ".join(format(value, ".9g") for value in np.ravel(numbers))
    lines = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    return np.array([line.split() for line in lines.stdout.splitlines()], np.float32)


def run_onnx(path, inputs):
    import onnx
    import onnxruntime
    onnx.checker.check_model(str(path))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options)
    given = {entry.name: inputs[entry.name] for entry in session.get_inputs()}
    names = [entry.name for entry in session.get_outputs()]
    return dict(zip(names, session.run(names, given)))


def states_of(network, batch, value=None):
    """A state array by name, unless a value is given random above 0, as sLSTM divides by one."""
    shapes = network.state(batch=batch)
    random = np.random.default_rng(2)
    return {name: (random.uniform(0.5, 1.5, part.shape) if value is None
                   else np.full(part.shape, value)).astype(np.float32)
            for name, part in shapes.items()}


@pytest.mark.parametrize("name", CELLS)
def test_c_computes_the_same(name, tmp_path):
    network = network_of(name)
    network.export(tmp_path / "cell.c")
    x = data(batch=1)
    wanted, _ = network(x)
    near(run_c(tmp_path / "cell.c", x), np.asarray(wanted)[:, 0])


@pytest.mark.parametrize("name", CELLS)
def test_onnx_computes_the_same(name, tmp_path):
    network = network_of(name)
    network.export(tmp_path / "cell.onnx")
    for steps, batch in [(7, 3), (2, 1)]:
        x = data(steps, batch)
        start = states_of(network, batch)
        wanted, end = network(x, start)
        found = run_onnx(tmp_path / "cell.onnx", {"x": x, **start})
        near(found["y"], wanted)
        for state, value in end.items():
            near(found[f"next.{state}"], value)


@pytest.mark.parametrize("name", CELLS)
def test_jax_computes_the_same(name, tmp_path):
    network = network_of(name)
    network.export(tmp_path / "cell.py", to="jax")
    network.save(tmp_path / "cell.safetensors")
    names = run_jax(tmp_path / "cell.py")
    x = data()
    start = states_of(network, 3)
    wanted, end = network(x, start)
    found, states = names["run"](
        names["load"](tmp_path / "cell.safetensors"), x, [tuple(start.values())])
    near(found, wanted)
    for value, expected in zip(states[0], end.values()):
        near(value, expected)


def test_operators_of_onnx_are_used_where_there_are_some(tmp_path):
    import onnx
    for name, operator in [("lstm", "LSTM"), ("gru", "GRU"), ("gru_reset_after", "GRU"),
                           ("elman", "RNN"), ("nascell", "Scan")]:
        network_of(name).export(tmp_path / "cell.onnx")
        graph = onnx.load(tmp_path / "cell.onnx").graph
        assert operator in {node.op_type for node in graph.node}, name


WIRINGS = [
    {"bidirectional": True}, {"residual": True}, {"zoneout": 0.25},
    {"bidirectional": True, "residual": True, "zoneout": 0.1}]


@pytest.mark.parametrize("options", WIRINGS, ids=str)
def test_layers_of_all_kinds(options, tmp_path):
    for cells in (["lstm", "gru"], ["nascell", "qrnn"], ["elman", "gru_reset_after"]):
        network = rnncell.Network(cells, 6, 6, seed=1, init_range=0.4, **options)
        x = data(5, 2, 6)
        wanted, end = network(x)
        network.export(tmp_path / "net.onnx")
        zeros = states_of(network, 2, 0.0)
        found = run_onnx(tmp_path / "net.onnx", {"x": x, **zeros})
        near(found["y"], wanted)
        near(np.concatenate([found[f"next.{name}"].ravel() for name in end]), end.array)
        network.export(tmp_path / "net.py", to="jax")
        network.save(tmp_path / "net.safetensors")
        names = run_jax(tmp_path / "net.py")
        near(names["run"](names["load"](tmp_path / "net.safetensors"), x)[0], wanted)
        if options.get("bidirectional"):
            with pytest.raises(rnncell.InvalidArgumentError, match="ONNX"):
                network.export(tmp_path / "net.c")
        else:
            network.export(tmp_path / "net.c")
            near(run_c(tmp_path / "net.c", x[:, :1]), np.asarray(wanted)[:, 0])


@pytest.mark.parametrize("tied", [False, True])
def test_language_models(tied, tmp_path):
    corpus = rnncell.Corpus.standard_library(limit=20_000)
    model = rnncell.LanguageModel(["lstm", "gru"], corpus, hidden_size=12, tied=tied, seed=1)
    model.fit(corpus, updates=20)
    ids = np.asarray(corpus.valid)[:40].astype(np.int64)
    weights = {name: np.asarray(value) for name, value in model.parameters().items()}
    y, _ = model.network()(weights["embedding.weight"][ids][:, None])
    matrix = weights["embedding.weight" if tied else "output.weight"]
    wanted = np.asarray(y)[:, 0] @ matrix.T + weights["output.bias"]
    shifted = wanted - np.log(np.exp(wanted).sum(1, keepdims=True))
    loss = -shifted[np.arange(39), ids[1:]].mean()
    assert model.evaluate(ids) == pytest.approx(loss, rel=1e-4)
    model.export(tmp_path / "model.onnx")
    zeros = states_of(model.network(), 1, 0.0)
    near(run_onnx(tmp_path / "model.onnx", {"x": ids[:, None], **zeros})["y"][:, 0], wanted)
    model.export(tmp_path / "model.c")
    near(run_c(tmp_path / "model.c", ids), wanted)
    model.export(tmp_path / "model.py", to="jax")
    model.save(tmp_path / "model.safetensors")
    names = run_jax(tmp_path / "model.py")
    found, _ = names["run"](names["load"](tmp_path / "model.safetensors"), ids[:, None])
    near(found[:, 0], wanted)


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("targets", ["classes", "values", "labels"])
def test_models_of_sequences(targets, bidirectional, per_step, tmp_path):
    model = rnncell.SequenceModel(
        "gru", 5, 3, targets=targets, per_step=per_step, hidden_size=10, layers=2,
        bidirectional=bidirectional, residual=True, seed=1)
    x = data(6, 1, 5)
    wanted = np.asarray(model.predict([x[:, 0]])[0] if per_step else model.predict([x[:, 0]]))
    model.export(tmp_path / "model.onnx")
    zeros = states_of(model.network(), 1, 0.0)
    found = run_onnx(tmp_path / "model.onnx", {"x": x, **zeros})["y"]
    near(found[:, 0] if per_step else found, wanted)
    model.export(tmp_path / "model.py", to="jax")
    model.save(tmp_path / "model.safetensors")
    names = run_jax(tmp_path / "model.py")
    found, _ = names["run"](names["load"](tmp_path / "model.safetensors"), x)
    near(found[:, 0] if per_step else found, wanted)
    if not bidirectional:
        model.export(tmp_path / "model.c")
        near(run_c(tmp_path / "model.c", x), wanted)


def test_activations_of_c_are_near_those_of_libm(tmp_path):
    """The file's own functions, over the ranges in which cells use them."""
    network_of("operations").export(tmp_path / "cell.c")
    text = (tmp_path / "cell.c").read_text()
    checks = {"expf_": ("exp", -80, 20), "tanhf_": ("tanh", -12, 12), "logf_": ("log", 1e-6, 1e4),
              "sqrtf_": ("sqrt", 1e-8, 1e6), "sinf_": ("sin", -40, 40), "cosf_": ("cos", -40, 40),
              "expm1f_": ("expm1", -20, 5), "log1pf_": ("log1p", -0.9, 100)}
    rows = "\n".join(
        f'for (int i = 0; i <= 20000; ++i) {{ const float x = (float)({low} + ({high} - {low}) * i / 20000.0);'
        f' const double wanted = {name}((double)x), error = fabs({own}(x) - wanted);'
        f' const double e = error / (1e-3 + fabs(wanted)); if (e > worst) worst = e; }}'
        f' printf("%g\\n", worst); worst = 0;'
        for own, (name, low, high) in checks.items())
    (tmp_path / "check.c").write_text(
        "#define RNNCELL_NO_MAIN\n#include <math.h>\n#include <stdio.h>\n" + text
        + f"int main(void) {{ double worst = 0;\n{rows}\nreturn 0; }}\n")
    program = tmp_path / "check"
    subprocess.run([os.environ.get("CC", "cc"), "-std=c99", "-O1", tmp_path / "check.c", "-lm", "-o",
                    program], check=True)
    errors = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    for name, error in zip(checks, errors):
        assert float(error) < 5e-4 if name in ("sinf_", "cosf_") else float(error) < 5e-6, name


FUNCTIONS = [
    "exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu", "abs", "elu", "selu", "gelu", "silu",
    "softplus", "softsign", "hard_sigmoid", "hard_tanh", "leaky_relu", "square"]


@pytest.mark.parametrize("call", [f"{name}(%s)" for name in FUNCTIONS] + [
    "max(%s, 0.5)", "max(0.5, %s)", "min(%s, 0.5)", "min(0.5, %s)", "1 / %s"])
def test_edges_are_the_same_everywhere(call, tmp_path):
    """Numbers that are large, small, infinite or none: where the one has NaN, so have the others.

    Of two things no equality is asked: of angles so large that floats are many turns apart, and of JAX
    with 0 times infinity, which its compiler takes for 0 within a square.
    """
    x = np.array([0, -1, 88.5, 89, -100, 1e-30, 1e5, 3e6, -1e10, 2e37], np.float32)[:, None, None]
    if call in ("sin(%s)", "cos(%s)"):
        x = x[(x == 0) | (np.abs(x) > 1e-9) & (np.abs(x) < 1e11)][:, None, None]
    for operand in ("product(x)", "(1 / product(x))", "(0 * (1 / product(x)))"):
        network = rnncell.Network(rnncell.Cell("h' = " + call % operand), 1, 1)
        network.load_parameters({name: np.ones((1, 1)) for name in network.parameters()})
        wanted = np.asarray(network(x)[0])[:, 0]
        network.export(tmp_path / "cell.c")
        near(run_c(tmp_path / "cell.c", x), wanted)
        network.export(tmp_path / "cell.onnx")
        near(run_onnx(tmp_path / "cell.onnx", {"x": x, **states_of(network, 1, 0.0)})["y"][:, 0], wanted)
        if not operand.startswith("(0"):
            network.export(tmp_path / "cell.py", to="jax")
            network.save(tmp_path / "cell.safetensors")
            names = run_jax(tmp_path / "cell.py")
            near(names["run"](names["load"](tmp_path / "cell.safetensors"), x)[0][:, 0], wanted)


def test_c_needs_no_library_and_no_memory(tmp_path):
    network_of("operations").export(tmp_path / "cell.c")
    subprocess.run([os.environ.get("CC", "cc"), "-std=c99", "-O2", "-DRNNCELL_NO_MAIN", "-c",
                    tmp_path / "cell.c", "-o", tmp_path / "cell.o"], check=True)
    if shutil.which("nm"):
        wanted = subprocess.run(["nm", "-u", tmp_path / "cell.o"], capture_output=True, text=True,
                                check=True).stdout.split()
        allowed = {"U", "memcpy", "memset", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}
        assert set(wanted) <= allowed


@pytest.mark.parametrize("name", STOCK)
def test_code_of_cells(name):
    """The source of a cell by itself: JAX runs it with starting weights, the others are compiled."""
    import jax
    cell = rnncell.Cell.stock(name)
    names = {}
    exec(cell.code("jax"), names)  # noqa: S102
    w = names["cell_init"](jax.random.key(0), SIZE, SIZE)
    shapes = cell.parameter_shapes(SIZE, SIZE)
    assert sorted(value.size for value in w.values()) == sorted(
        int(np.prod(shape)) for shape in shapes.values())
    y, _ = names["cell"](w, data(), names["cell_zero"](3, SIZE, SIZE))
    network = rnncell.Network(cell, SIZE, SIZE)
    network.load_parameters({
        f"layers.0.{parameter}": np.asarray(value).reshape(shapes[parameter])
        for parameter, value in zip(shapes, w.values())})
    near(network(data())[0], y)
    compile(cell.code("torch"), name, "exec")
    assert "static void step(" in cell.code("c")


def test_what_cannot_be_is_refused(tmp_path):
    network = network_of("lstm")
    with pytest.raises(rnncell.InvalidArgumentError, match="onnx"):
        network.export(tmp_path / "cell.txt")
    with pytest.raises(rnncell.InvalidArgumentError, match="fortran"):
        network.export(tmp_path / "cell.py", to="fortran")
    with pytest.raises(rnncell.FileError):
        network.export(tmp_path / "missing" / "cell.c")
    with pytest.raises(rnncell.InvalidArgumentError, match="cobol"):
        network.cells[0].code("cobol")


def test_torch_sources_are_those_that_torch_has_run(tmp_path):
    """`make test-peers` runs them and writes the digests where they compute the same."""
    golden = json.loads((pathlib.Path(__file__).parents[1] / "Golden/torch_exports.json").read_text())
    assert set(golden) == set(CELLS)
    for name, digest in golden.items():
        network_of(name).export(tmp_path / "model.py", to="torch")
        found = hashlib.sha256((tmp_path / "model.py").read_bytes()).hexdigest()
        assert found == digest, f"{name} is written otherwise; run make test-peers"
