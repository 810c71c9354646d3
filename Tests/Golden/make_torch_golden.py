"""Makes torch/*.txt: what torch.nn.RNN, LSTM and GRU compute, and all their gradients.

`make golden` runs it. Everything is computed in float64 from numbers that float32 holds exactly; the loss
is sum(y * gy) + sum(hT * ghT) [+ sum(cT * gcT)], so that `gy`, `ghT` and `gcT` are the gradients by the
outputs and the final states. A file is a list of arrays, each a line `name dim dim ...` and a line of
row-major numbers. Weights have torch's names; "grad." stands before the name of what a gradient is by.
"""
import pathlib
import torch

FOLDER = pathlib.Path(__file__).parent / "torch"
KINDS = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru_reset_after": torch.nn.GRU}
# layers, steps T, batch B, input size I, hidden size H
SHAPES = [(1, 5, 3, 7, 17), (1, 1, 1, 1, 1), (1, 9, 5, 33, 20), (2, 6, 2, 5, 11)]


def sample(generator, shape, scale):
    """Numbers of three decimals in [-scale, scale], rounded to float32 and held as float64."""
    values = (torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1) * scale
    return torch.round(values, decimals=3).float().double()


def write(file, name, tensor):
    numbers = " ".join(format(value, ".9g") for value in tensor.detach().reshape(-1).tolist())
    file.write(f"{name} {' '.join(map(str, tensor.shape))}\n{numbers}\n")


def make(kind, seed, layers, steps, batch, inputs, hidden):
    generator = torch.Generator().manual_seed(seed)
    network = KINDS[kind](inputs, hidden, layers).double()
    for parameter in network.parameters():
        parameter.data = sample(generator, parameter.shape, 0.6)
    leaves = {"x": sample(generator, (steps, batch, inputs), 1.5)}
    states = ["h", "c"] if kind == "lstm" else ["h"]
    for state in states:
        leaves[state + "0"] = sample(generator, (layers, batch, hidden), 0.9)
    given = {"gy": sample(generator, (steps, batch, hidden), 1)}
    for state in states:
        given[f"g{state}T"] = sample(generator, (layers, batch, hidden), 1)

    for leaf in leaves.values():
        leaf.requires_grad_(True)
    initial = tuple(leaves[state + "0"] for state in states)
    y, final = network(leaves["x"], initial if kind == "lstm" else initial[0])
    results = {"y": y} | dict(zip([s + "T" for s in states], final if kind == "lstm" else [final]))
    sum((results[name] * given["g" + name]).sum() for name in results).backward()

    leaves |= dict(network.named_parameters())
    name = f"{kind}_L{layers}_T{steps}_B{batch}_I{inputs}_H{hidden}.txt"
    with open(FOLDER / name, "w") as file:
        for key, tensor in (leaves | given | results).items():
            write(file, key, tensor)
        for key, leaf in leaves.items():
            write(file, "grad." + key, leaf.grad)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for seed, (kind, shape) in enumerate((k, s) for k in KINDS for s in SHAPES):
        make(kind, seed + 1, *shape)
    total = sum(path.stat().st_size for path in FOLDER.glob("*.txt"))
    print(f"{len(list(FOLDER.glob('*.txt')))} files, {total / 1024:.0f} KiB, torch {torch.__version__}")
