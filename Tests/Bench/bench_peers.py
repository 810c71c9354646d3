"""Our training speed beside PyTorch's nn.LSTM and JAX's lax.scan, in one process and in turns.

`make bench` runs it. Each row first checks that both sides compute the same numbers, then takes the median of
interleaved rounds, so that a change of the processor's clock meets both. A time is one training step in
milliseconds; a ratio above 1 says that we are faster.

    bench_peers.py [--rounds N] [--threads N] [--json]
"""
import argparse
import json
import os
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--rounds", type=int, default=15)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
arguments = parser.parse_args()
THREADS = str(arguments.threads)
os.environ["RNNCELL_THREADS"] = THREADS
os.environ["OMP_NUM_THREADS"] = THREADS
os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads={THREADS}"

import jax                     # noqa: E402
import jax.numpy as jnp        # noqa: E402
import numpy as np             # noqa: E402
import torch                   # noqa: E402
import rnncell                 # noqa: E402

torch.set_num_threads(arguments.threads)
B, T, H, VOCABULARY = 20, 35, 200, 10_000


def interleaved(ours, theirs):
    """The medians in milliseconds of two functions, called in turns after warming up."""
    times = ([], [])
    for function in (ours, theirs) * 3:
        function()
    for _ in range(arguments.rounds):
        for function, series in zip((ours, theirs), times):
            start = time.perf_counter()
            function()
            series.append((time.perf_counter() - start) * 1000)
    return tuple(statistics.median(series) for series in times)


def compare(name, ours, theirs, tolerance):
    """Fails unless two lists of arrays agree, relative to the largest element of each."""
    for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        a, b = np.asarray(a), np.asarray(b)
        error = np.abs(a - b).max() / max(np.abs(b).max(), 1e-6)
        if not error < tolerance:
            raise SystemExit(f"{name}: array {index} differs by {error:.2e}, more than {tolerance:.0e}")


def torch_parameters(weights, layers=1):
    """Our LSTM weights, stacked as torch has them, with zeros for its second bias."""
    result = {}
    for layer in range(layers):
        get = lambda kind: [np.asarray(weights[f"layers.{layer}.{kind.format(g)}"]) for g in "ifgo"]
        result[f"weight_ih_l{layer}"] = np.concatenate(get("W[{}, x]"))
        result[f"weight_hh_l{layer}"] = np.concatenate(get("W[{}, h]"))
        result[f"bias_ih_l{layer}"] = np.concatenate(get("b[{}]"))
        result[f"bias_hh_l{layer}"] = np.zeros_like(result[f"bias_ih_l{layer}"])
    return {name: torch.tensor(value) for name, value in result.items()}


def lstm():
    """Forward and backward of one LSTM layer over [35, 20, 200]."""
    random = np.random.default_rng(1)
    x = random.standard_normal((T, B, H)).astype(np.float32)
    gy = random.standard_normal((T, B, H)).astype(np.float32)
    net = rnncell.Network(rnncell.Cell.stock("lstm"), input_size=H, hidden_size=H, layers=1, seed=1)
    peer = torch.nn.LSTM(H, H)
    peer.load_state_dict(torch_parameters(net.parameters()))
    peer_x, peer_gy = torch.tensor(x, requires_grad=True), torch.tensor(gy)

    def ours():
        y, tape = net.forward(x)
        return y, tape.backward(gy)

    def theirs():
        peer.zero_grad(set_to_none=True)
        peer_x.grad = None
        y, _ = peer(peer_x)
        y.backward(peer_gy)
        return y

    y, gradients = ours()
    peer_y = theirs()
    stacked = torch_parameters(gradients)
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]
    compare("LSTM", [y, gradients["x"]] + [stacked[n] for n in names],
            [peer_y.detach(), peer_x.grad] + [getattr(peer, n).grad for n in names], 1e-4)
    return "LSTM layer, T 35, B 20, H 200", "torch nn.LSTM", interleaved(ours, theirs)


class TorchLanguageModel(torch.nn.Module):
    """The small model of Zaremba et al. 2014."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, H)
        self.layers = torch.nn.LSTM(H, H, 2)
        self.softmax = torch.nn.Linear(H, VOCABULARY)

    def forward(self, tokens, state):
        y, state = self.layers(self.embedding(tokens), state)
        return self.softmax(y), state


def language_model():
    """Updates of the language model: embedding, 2 LSTM layers, softmax, clipping, SGD."""
    steps, updates = 20, 20
    random = np.random.default_rng(2)
    ranks = np.arange(1, VOCABULARY + 1)
    tokens = random.choice(VOCABULARY, B * (steps * updates + 1), p=1 / ranks / (1 / ranks).sum())
    tokens[:VOCABULARY // 2] = np.arange(VOCABULARY // 2)
    # Every word is there once, in a line of the training text that no update reaches.
    words = [f"w{token}" for token in tokens]
    text = " ".join(words) + " " + " ".join(f"w{i}" for i in range(VOCABULARY - 1)) + "\n"
    corpus = rnncell.Corpus(train_text=text, valid_text="w1 w2 w3\n", test_text="w1 w2 w3\n", unit="word")
    model = rnncell.LanguageModel(rnncell.Cell.stock("lstm"), corpus.vocabulary, hidden_size=H, layers=2,
                                  init_range=0.1, seed=0)
    ids = torch.tensor(np.asarray(corpus.train, dtype=np.int64))
    peer = TorchLanguageModel()
    for parameter in peer.parameters():
        torch.nn.init.uniform_(parameter, -0.1, 0.1)
    columns = ids[:ids.numel() // B * B].reshape(B, -1).T.contiguous()

    def ours():
        model.fit(corpus, updates=updates, optimizer="sgd", learning_rate=1.0, clip=5, batch_size=B,
                  truncation=steps, reduction="sum", threads=arguments.threads)

    def theirs():
        state = None
        for update in range(updates):
            part = columns[update * steps:(update + 1) * steps + 1]
            logits, state = peer(part[:-1], state)
            state = tuple(value.detach() for value in state)
            loss = torch.nn.functional.cross_entropy(
                logits.reshape(-1, VOCABULARY), part[1:].reshape(-1), reduction="sum") / B
            peer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(peer.parameters(), 5)
            with torch.no_grad():
                for parameter in peer.parameters():
                    parameter -= parameter.grad

    times = interleaved(ours, theirs)
    return "LSTM language model, 2 x 200, B 20, T 20, 10,000 words", "torch nn.LSTM", \
        tuple(value / updates for value in times)


# The edges of DARTS_V2 after s0: activation and the state that it reads.
DARTS_V2 = [(jax.nn.sigmoid, 0), (jax.nn.relu, 1), (jax.nn.relu, 1), (lambda a: a, 1),
            (jnp.tanh, 2), (jax.nn.sigmoid, 5), (jnp.tanh, 3), (jax.nn.relu, 5)]


def jax_darts_v2(weights, x):
    """The cell as its authors write it, gate and candidate in one product, under lax.scan: [T, B, H]."""
    def mix(product, activation, state):
        gate, candidate = jnp.split(product, 2, axis=-1)
        return state + jax.nn.sigmoid(gate) * (activation(candidate) - state)

    def step(h, x):
        states = [mix(jnp.concatenate([x, h], -1) @ weights[0], jnp.tanh, h)]
        for (activation, source), weight in zip(DARTS_V2, weights[1:]):
            states.append(mix(states[source] @ weight, activation, states[source]))
        h = sum(states[1:]) / len(DARTS_V2)
        return h, h

    return jax.lax.scan(step, jnp.zeros((B, H)), x)[1]


def jax_parameters(arrays):
    """Our DARTS_V2 matrices as the peer has them: [2H or H, 2H], gate beside candidate."""
    get = lambda name: np.asarray(arrays["layers.0." + name]).T
    first = np.block([[get("W[g0, x]"), get("W[u0, x]")], [get("W[g0, h]"), get("W[u0, h]")]])
    edges = [np.hstack([get(f"W[g{i}, s{source}]"), get(f"W[u{i}, s{source}]")])
             for i, (_, source) in enumerate(DARTS_V2, 1)]
    return [jnp.asarray(array) for array in [first] + edges]


def darts_v2():
    """Value and gradient of the DARTS_V2 cell over [35, 20, 200]."""
    random = np.random.default_rng(3)
    x = random.standard_normal((T, B, H)).astype(np.float32)
    gy = (random.standard_normal((T, B, H)) / 100).astype(np.float32)
    net = rnncell.Network(rnncell.Cell.stock("darts_v2"), input_size=H, hidden_size=H, layers=1, seed=1)
    weights = jax_parameters(net.parameters())

    def loss(weights, x):
        y = jax_darts_v2(weights, x)
        return (y * gy).sum(), y

    peer = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
    peer_x = jnp.asarray(x)

    def ours():
        y, tape = net.forward(x)
        return y, tape.backward(gy)

    def theirs():
        return jax.block_until_ready(peer(weights, peer_x))

    y, gradients = ours()
    (_, peer_y), (peer_gradients, peer_gx) = theirs()
    compare("DARTS_V2", [y, gradients["x"]] + jax_parameters(gradients), [peer_y, peer_gx] + peer_gradients, 1e-3)
    return "DARTS_V2 layer, T 35, B 20, H 200", "jax lax.scan, jit", interleaved(ours, theirs)


def main():
    info = rnncell.build_info()
    print(f"rnncell {rnncell.__version__} ({info['isa']}), torch {torch.__version__}, jax {jax.__version__}, "
          f"{arguments.threads} threads, medians of {arguments.rounds} rounds in turns")
    print(f"{'one training step':56}{'ours':>10}{'peer':>10}{'ratio':>8}  peer")
    rows = []
    for case in (lstm, language_model, darts_v2):
        name, peer, (ours, theirs) = case()
        print(f"{name:56}{ours:7.2f} ms{theirs:7.2f} ms{theirs / ours:7.2f}x  {peer}", flush=True)
        rows.append({"case": name, "peer": peer, "ours_ms": ours, "peer_ms": theirs})
    if arguments.json:
        print(json.dumps({"threads": arguments.threads, "rows": rows}))


if __name__ == "__main__":
    main()
