"""Exports to PyTorch, run by PyTorch: `make test-peers`.

Where all of them compute the same as the library, their digests are written to
Tests/Golden/torch_exports.json, against which `make test` holds the exports without PyTorch.
"""
import hashlib
import json
import pathlib
import sys

import numpy as np
import pytest
import rnncell
import torch

TESTS = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "Python"))
from test_exports import CELLS, WIRINGS, data, near, network_of, states_of  # noqa: E402

GOLDEN = TESTS / "Golden" / "torch_exports.json"
DIGESTS: dict[str, str] = {}


def tensors(path):
    """A safetensors file as torch has it."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])
    return {name: torch.from_numpy(np.frombuffer(
                raw, np.float32, int(np.prod(entry["shape"])), 8 + size + entry["data_offsets"][0]
            ).reshape(entry["shape"]).copy())
            for name, entry in header.items() if name != "__metadata__"}


def module_of(model, folder):
    """The exported class with the weights."""
    model.export(folder / "model.py", to="torch")
    model.save(folder / "model.safetensors")
    names = {}
    exec((folder / "model.py").read_text(), names)  # noqa: S102
    module = names["Model"]()
    module.load_state_dict(tensors(folder / "model.safetensors"))
    module.load_state_dict(module.state_dict())
    return module


@pytest.mark.parametrize("name", CELLS)
def test_networks(name, tmp_path):
    network = network_of(name)
    module = module_of(network, tmp_path)
    x, start = data(), states_of(network, 3)
    wanted, end = network(x, start)
    with torch.no_grad():
        found, states = module(torch.from_numpy(x), [tuple(map(torch.from_numpy, start.values()))])
    near(found, wanted)
    for value, expected in zip(states[0], end.values()):
        near(value.detach(), expected)
    DIGESTS[name] = hashlib.sha256((tmp_path / "model.py").read_bytes()).hexdigest()


@pytest.mark.parametrize("options", WIRINGS, ids=str)
def test_layers_of_all_kinds(options, tmp_path):
    network = rnncell.Network(["lstm", "nascell"], 6, 6, seed=1, init_range=0.4, **options)
    x = data(5, 2, 6)
    with torch.no_grad():
        near(module_of(network, tmp_path)(torch.from_numpy(x))[0], network(x)[0])


@pytest.mark.parametrize("per_step", [False, True])
def test_models_of_sequences(per_step, tmp_path):
    model = rnncell.SequenceModel("gru", 5, 3, per_step=per_step, hidden_size=10, layers=2,
                                  bidirectional=True, residual=True)
    x = data(6, 1, 5)
    wanted = model.predict([x[:, 0]])[0] if per_step else model.predict([x[:, 0]])
    with torch.no_grad():
        found, _ = module_of(model, tmp_path)(torch.from_numpy(x))
    near(found[:, 0] if per_step else found, wanted)


@pytest.mark.parametrize("tied", [False, True])
def test_language_models(tied, tmp_path):
    corpus = rnncell.Corpus.standard_library(limit=20_000)
    model = rnncell.LanguageModel(["lstm", "mogrifier"], corpus, hidden_size=12, tied=tied, seed=1)
    ids = torch.tensor(corpus.valid.tolist()[:60])
    with torch.no_grad():
        logits, _ = module_of(model, tmp_path)(ids[:-1, None])
    loss = torch.nn.functional.cross_entropy(logits[:, 0], ids[1:])
    assert model.evaluate(ids.tolist()) == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize("name", ["lstm", "gru_reset_after", "nascell", "darts_v2"])
def test_gradients(name, tmp_path):
    """What is exported can be trained on: torch's gradients are ours."""
    network = network_of(name)
    module = module_of(network, tmp_path)
    x = torch.from_numpy(data()).requires_grad_()
    y, _ = module(x)
    (y ** 2).sum().backward()
    ours, tape = network.forward(x.detach().numpy())
    near(np.asarray(tape.backward(2 * np.asarray(ours))["x"]) / 10, x.grad / 10)


@pytest.mark.parametrize("name", CELLS[::7])
def test_cells_train(name):
    names = {}
    exec(rnncell.Cell.stock(name).code("torch") if name in rnncell.stock_cells()
         else network_of(name).cells[0].code("torch"), names)  # noqa: S102
    cell = names["Cell"](8, 8)
    y, _ = cell(torch.from_numpy(data()))
    y.sum().backward()
    assert all(p.grad is not None for p in cell.parameters() if p.grad is not None)


def test_digests_are_kept():
    if set(DIGESTS) == set(CELLS):
        GOLDEN.write_text(json.dumps(DIGESTS, indent=1) + "\n")
    assert json.loads(GOLDEN.read_text()) == DIGESTS
