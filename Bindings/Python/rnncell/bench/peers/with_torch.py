"""PyTorch: `nn.LSTM` and `nn.GRU`, a loop in Python, and that loop under `torch.compile`."""
from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy
import torch
from torch.nn import functional

from ...cells import Cell
from ..program import Program
from ..timing import Case, Contender

#: Steps of a loop in Python that is worth timing: 512 take seconds.
LONGEST_LOOP = 100
#: The cells of torch.nn, with our names of its gates in its order: of x and of h.
FUSED = {"lstm": (torch.nn.LSTM, "ifgo", "ifgo"), "gru_reset_after": (torch.nn.GRU, "rzn", "rzm")}


def _number(function: Callable[..., Any]) -> Callable[..., Any]:
    """max and min of an array and a number."""
    return lambda a, b: function(torch.as_tensor(a), torch.as_tensor(b))


LIBRARY = SimpleNamespace(
    matmul=torch.matmul, split=lambda a, sizes: a.split(sizes, -1), add=lambda a, b: a + b,
    subtract=lambda a, b: a - b, multiply=lambda a, b: a * b, divide=lambda a, b: a / b,
    negate=lambda a: -a, square=torch.square, sqrt=torch.sqrt, abs=torch.abs,
    max=_number(torch.maximum), min=_number(torch.minimum), sigmoid=torch.sigmoid,
    tanh=torch.tanh, relu=torch.relu, leaky_relu=functional.leaky_relu, identity=lambda a: a,
    softplus=functional.softplus, silu=functional.silu,
    gelu=lambda a: functional.gelu(a, approximate="tanh"), elu=functional.elu,
    selu=functional.selu, softsign=functional.softsign, hard_sigmoid=functional.hardsigmoid,
    hard_tanh=functional.hardtanh, exp=torch.exp, log=torch.log, sin=torch.sin, cos=torch.cos,
    blend=lambda g, a, b: torch.lerp(b, a, g), mean=lambda *a: sum(a[1:], a[0]) / len(a),
    layernorm=lambda a: functional.layer_norm(a, a.shape[-1:]))


def loop(program: Program, weights: Any, x: Any) -> Any:
    """The outputs of a layer over x [steps, batch, input], its products with x done at once."""
    return unrolled(program, weights, x, zeros(program, x), program.run)[0]


def zeros(program: Program, x: Any) -> tuple[Any, ...]:
    """States to start x [steps, batch, input] from."""
    return tuple(x.new_zeros(x.shape[1], program.hidden_size) for _ in program.states)


def unrolled(program: Program, weights: Any, x: Any, states: tuple[Any, ...],
             step: Callable[..., tuple[Any, ...]]) -> tuple[Any, tuple[Any, ...]]:
    """The outputs and last states of a layer; step: `program.run`, or that compiled."""
    hoisted = program.product(LIBRARY, weights, x) if 0 in program.splits else None
    outputs = []
    for t in range(x.shape[0]):
        states = step(LIBRARY, weights, x[t], states, None if hoisted is None else hoisted[t])
        outputs.append(states[0])
    return torch.stack(outputs), states


class Reader(torch.nn.Module):
    """A language model of one layer with a cell from our equations.

    compiles: a step of the cell under torch.compile. To compile the loop over the steps of a segment
    takes longer than a whole proposal without it.
    """

    def __init__(self, program: Program, weights: Any, *, compiles: bool) -> None:
        super().__init__()
        self.program = program
        self.embedding = torch.nn.Embedding.from_pretrained(
            torch.tensor(weights["embedding"]), freeze=False)
        self.layer = torch.nn.ParameterDict({
            name: torch.nn.Parameter(torch.tensor(value))
            for name, value in weights["layer"].items()})
        self.softmax = torch.nn.Linear(*reversed(weights["softmax"].shape))
        with torch.no_grad():
            self.softmax.weight.copy_(torch.tensor(weights["softmax"]))
            self.softmax.bias.copy_(torch.tensor(weights["bias"]))
        self.step = program.run
        if compiles:
            run = torch.compile(lambda weights, *given: program.run(LIBRARY, weights, *given),
                                dynamic=False)
            self.step = lambda _, *given: run(*given)

    def forward(self, words: Any, states: tuple[Any, ...] | None) -> tuple[Any, tuple[Any, ...]]:
        """The logits after words [steps, batch], and the last states."""
        x = self.embedding(words)
        if states is None:
            states = zeros(self.program, x)
        y, states = unrolled(self.program, dict(self.layer.items()), x, states, self.step)
        return self.softmax(y), states


def fused_module(program: Program, weights: Any) -> torch.nn.Module | None:
    """`nn.LSTM` or `nn.GRU` with the weights, where the cell is one of theirs."""
    for name, (module, *gates) in FUSED.items():
        if program.cell.equations != Cell.stock(name).equations:
            continue
        result = module(program.input_size, program.hidden_size)
        for letter, order, operand in zip("ih", gates, (0, 1 + program.states.index("h"))):
            rows = program.gate_rows(numpy, operand, order)
            stack = weights[f"s{operand}"]
            bias = weights.get(f"b{operand}", numpy.zeros(stack.shape[1], numpy.float32))
            with torch.no_grad():
                getattr(result, f"weight_{letter}h_l0").copy_(torch.tensor(stack.T[rows]))
                getattr(result, f"bias_{letter}h_l0").copy_(torch.tensor(bias[rows]))
        return result
    return None


class Torch:
    """The peer."""

    name = "torch"
    version = torch.__version__
    proposal_settings = ("loop", "compile")

    def _tensors(self, case: Case, *, trained: bool) -> tuple[dict[str, Any], Any, Any]:
        weights = {name: torch.tensor(value, requires_grad=trained)
                   for name, value in case.weights.items()}
        return weights, torch.tensor(case.x, requires_grad=trained), torch.tensor(case.gy)

    def training(self, case: Case, *, thorough: bool) -> list[Contender]:
        """Autograd through the module, the loop, and the compiled loop."""
        result = []
        module = fused_module(case.program, case.weights)
        if module is not None:
            _, x, gy = self._tensors(case, trained=True)
            result.append(self._trained(
                f"torch.nn.{type(module).__name__}", lambda x: module(x)[0], x, gy,
                dict(module.named_parameters()), gradients=False))
        if case.steps > LONGEST_LOOP:
            return result
        weights, x, gy = self._tensors(case, trained=True)
        own = lambda x: loop(case.program, weights, x)  # noqa: E731
        result.append(self._trained("torch loop", own, x, gy, weights))
        if thorough:
            torch._dynamo.reset()
            result.append(self._trained("torch.compile", torch.compile(own), x, gy, weights))
        return result

    def _trained(self, label: str, forward: Any, x: Any, gy: Any, weights: dict[str, Any],
                 gradients: bool = True) -> Contender:
        def run() -> Any:
            for tensor in (x, *weights.values()):
                tensor.grad = None
            y = forward(x)
            y.backward(gy)
            return y

        def result() -> dict[str, Any]:
            y = run()
            grads = {name: tensor.grad.numpy() for name, tensor in weights.items()}
            return {"y": y.detach().numpy(), "x": x.grad.numpy(), **(grads if gradients else {})}

        return Contender(label, run, result)

    def inference(self, case: Case) -> list[Contender]:
        """The module and the loop without gradients."""
        weights, x, _ = self._tensors(case, trained=False)
        module = fused_module(case.program, case.weights)
        result = [] if module is None else [self._inference(
            f"torch.nn.{type(module).__name__}", lambda x: module(x)[0], x)]
        return [*result, self._inference("torch loop", lambda x: loop(case.program, weights, x), x)]

    def _inference(self, label: str, forward: Any, x: Any) -> Contender:
        def run() -> Any:
            with torch.inference_mode():
                return forward(x)
        return Contender(label, run, lambda: {"y": run().numpy()})

    def step(self, case: Case) -> list[Contender]:
        """The module over one step, or the step of the loop."""
        weights, x, _ = self._tensors(case, trained=False)
        x = x[:1]
        module = fused_module(case.program, case.weights)
        if module is None:
            return [self._inference("torch step", lambda x: loop(case.program, weights, x)[0], x)]
        state: list[Any] = [None]

        def run() -> None:
            with torch.inference_mode():
                _, state[0] = module(x, state[0])

        def result() -> dict[str, Any]:
            with torch.inference_mode():
                return {"y": module(x)[0][0].numpy()}

        return [Contender(f"torch.nn.{type(module).__name__}", run, result)]

    def first_output(self, case: Case) -> float:
        """Compiling the loop over the steps and running it."""
        torch._dynamo.reset()
        start = time.perf_counter()
        weights, x, _ = self._tensors(case, trained=False)
        compiled = torch.compile(lambda x: loop(case.program, weights, x))
        with torch.inference_mode():
            compiled(x)
        return time.perf_counter() - start

    def language_model(self, setting: Any, weights: Any, tokens: Any) -> Contender | None:
        """`nn.LSTM` layers with SGD and clipping."""
        layers: list[Any] = [fused_module(program, values) for program, values
                             in zip(setting.programs, weights["layers"])]
        if None in layers:
            return None
        model = torch.nn.ModuleDict({
            "embedding": torch.nn.Embedding.from_pretrained(
                torch.tensor(weights["embedding"]), freeze=False),
            "layers": torch.nn.ModuleList(layers),
            "softmax": torch.nn.Linear(*reversed(weights["softmax"].shape))})
        with torch.no_grad():
            model["softmax"].weight.copy_(torch.tensor(weights["softmax"]))
            model["softmax"].bias.copy_(torch.tensor(weights["bias"]))
        # One bias is enough, and two would learn at twice the rate.
        for layer in layers:
            layer.bias_hh_l0.requires_grad_(False)
        start = {name: value.clone() for name, value in model.state_dict().items()}
        parameters = [value for value in model.parameters() if value.requires_grad]
        optimizer = torch.optim.SGD(parameters, lr=setting.rate)
        parts = [torch.tensor(part.astype(numpy.int64)) for part in setting.parts(tokens)]

        def run() -> float:
            states: list[Any] = [None] * len(layers)
            total = 0.0
            for part in parts:
                y = model["embedding"](part[:-1])
                for index, layer in enumerate(layers):
                    y, state = layer(y, states[index])
                    states[index] = tuple(value.detach() for value in state)
                loss = functional.cross_entropy(
                    model["softmax"](y).flatten(0, 1), part[1:].flatten(),
                    reduction="sum") / setting.batch
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(parameters, setting.clip)
                optimizer.step()
                total += loss.item()
            return total / len(parts) / setting.steps

        def result() -> dict[str, Any]:
            model.load_state_dict(start)
            return {"loss": run()}

        return Contender("torch.nn.LSTM", run, result)

    def proposal(self, rung: Any, program: Program, weights: Any, setting: str) -> float:
        """The fused Adam with clipping, and no wait between updates."""
        torch._dynamo.reset()
        model = Reader(program, weights, compiles=setting == "compile")
        parameters = list(model.parameters())
        optimizer = torch.optim.Adam(parameters, lr=rung.rate, fused=True)
        states = None
        for part in torch.tensor(numpy.stack(rung.segments), dtype=torch.int64):
            logits, states = model(part[:-1], states)
            states = tuple(value.detach() for value in states)
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(logits.flatten(0, 1), part[1:].flatten()).backward()
            torch.nn.utils.clip_grad_norm_(parameters, rung.clip)
            optimizer.step()
        pieces = torch.tensor(rung.pieces, dtype=torch.int64)
        counted = torch.tensor(rung.counted)
        with torch.no_grad():
            logits, _ = model(pieces[:-1], None)
            losses = functional.cross_entropy(
                logits.flatten(0, 1), pieces[1:].flatten(), reduction="none")
            return float((losses * counted.flatten()).sum() / counted.sum())


def open_peer(threads: int) -> Torch:
    """The peer with so many threads."""
    torch.set_num_threads(threads)
    return Torch()
