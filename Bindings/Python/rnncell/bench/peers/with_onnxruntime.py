"""onnxruntime: its LSTM and GRU, and a `Scan` for any other cell."""
from __future__ import annotations

import time
from typing import Any

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ...cells import Cell
from ..program import Program
from ..timing import Case, Contender

OPSET = 20


class Graph:
    """Operations that write nodes; a value is the name of one."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def node(self, kind: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        """The names of the outputs of a new node."""
        names = [f"{self.prefix}{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(
            kind, [self.named(value) for value in inputs], names, **attributes))
        return names[0] if outputs == 1 else names

    def named(self, value: Any) -> str:
        """The name of a value; a number becomes a constant."""
        if isinstance(value, str):
            return value
        name = f"{self.prefix}c{len(self.constants)}"
        kind = numpy.asarray(value).dtype.kind
        self.constants[name] = numpy.asarray(
            value, numpy.int64 if kind == "i" else numpy.float32)
        return name

    def initializers(self) -> list[Any]:
        return [numpy_helper.from_array(value, name) for name, value in self.constants.items()]

    def __getattr__(self, name: str) -> Any:
        kind, attributes = SIMPLE[name]
        return lambda *operands: self.node(kind, *operands, **attributes)

    def split(self, whole: str, sizes: list[int]) -> list[str]:
        if len(sizes) == 1:
            return [whole]
        return self.node("Split", whole, numpy.asarray(sizes), outputs=len(sizes), axis=-1)

    def square(self, a: str) -> str:
        return self.node("Mul", a, a)

    def silu(self, a: str) -> str:
        return self.node("Mul", a, self.node("Sigmoid", a))

    def hard_tanh(self, a: str) -> str:
        return self.node("Clip", a, -1.0, 1.0)

    def blend(self, g: str, a: str, b: str) -> str:
        return self.node("Add", b, self.node("Mul", g, self.node("Sub", a, b)))

    def layernorm(self, a: str) -> str:
        mean = self.node("ReduceMean", a, numpy.asarray([-1]))
        centred = self.node("Sub", a, mean)
        variance = self.node("ReduceMean", self.node("Mul", centred, centred), numpy.asarray([-1]))
        return self.node("Div", centred, self.node("Sqrt", self.node("Add", variance, 1e-5)))


SIMPLE: dict[str, tuple[str, dict[str, Any]]] = {
    "matmul": ("MatMul", {}), "add": ("Add", {}), "subtract": ("Sub", {}), "multiply": ("Mul", {}),
    "divide": ("Div", {}), "negate": ("Neg", {}), "sqrt": ("Sqrt", {}), "abs": ("Abs", {}),
    "max": ("Max", {}), "min": ("Min", {}), "sigmoid": ("Sigmoid", {}), "tanh": ("Tanh", {}),
    "relu": ("Relu", {}), "leaky_relu": ("LeakyRelu", {"alpha": 0.01}),
    "identity": ("Identity", {}), "softplus": ("Softplus", {}),
    "gelu": ("Gelu", {"approximate": "tanh"}), "elu": ("Elu", {}), "selu": ("Selu", {}),
    "softsign": ("Softsign", {}), "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "exp": ("Exp", {}), "log": ("Log", {}), "sin": ("Sin", {}), "cos": ("Cos", {}),
    "mean": ("Mean", {})}


def tensor(name: str, shape: list[Any] | None) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def scan_model(program: Program, weights: dict[str, Any], batch: int) -> Any:
    """A model with a `Scan` of the cell; inputs x and the states, outputs y and the states."""
    body, outer = Graph("body"), Graph("outer")
    hoists = 0 in program.splits
    held = {name: name for name in weights}
    pieces = sum(size for _, _, size in program.splits.get(0, []))
    hoisted = program.product(outer, held, "x") if hoists else None
    states = [f"before_{name}" for name in program.states]
    ends = program.run(body, held, "x_t", tuple(states), "hoisted_t" if hoists else None)
    ends = tuple(body.node("Identity", end) for end in ends)
    output = body.node("Identity", ends[0])
    row = [batch, program.hidden_size]
    graph = helper.make_graph(
        body.nodes, "step",
        [*(tensor(name, row) for name in states), tensor("x_t", [batch, program.input_size]),
         *([tensor("hoisted_t", [batch, pieces])] if hoists else [])],
        [*(tensor(name, row) for name in ends), tensor(output, row)], body.initializers())
    names = [f"h0_{name}" for name in program.states]
    results = [f"h1_{name}" for name in program.states]
    scan = helper.make_node(
        "Scan", [*names, "x", *([hoisted] if hoisted else [])], [*results, "y"], body=graph,
        num_scan_inputs=1 + hoists)
    model = helper.make_graph(
        [*outer.nodes, scan], "layer",
        [tensor("x", ["T", batch, program.input_size]), *(tensor(name, row) for name in names)],
        [tensor("y", ["T", *row]), *(tensor(name, row) for name in results)],
        [*outer.initializers(),
         *(numpy_helper.from_array(value, name) for name, value in weights.items())])
    return helper.make_model(model, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)


def fused_model(case: Case) -> Any | None:
    """A model with the LSTM operator, where the cell is one."""
    program = case.program
    stock = Cell.stock("lstm")
    if program.cell.equations != stock.equations:
        return None
    hidden = 1 + program.states.index("h")
    # The gates in the order of the operator: input, output, forget, cell.
    rows = [program.gate_rows(numpy, operand, "iofg") for operand in (0, hidden)]
    stacks = [case.weights[f"s{operand}"].T[order][None]
              for operand, order in zip((0, hidden), rows)]
    bias = numpy.zeros((1, 8 * case.hidden), numpy.float32)
    bias[0, :4 * case.hidden] = case.weights["b0"][rows[0]]
    shape = [1, case.batch, case.hidden]
    names = ["h1_h", "h1_c"]
    nodes = [helper.make_node("LSTM", ["x", "W", "R", "B", "", "h0_h", "h0_c"],
                              ["four", *names], hidden_size=case.hidden),
             helper.make_node("Squeeze", ["four", "axes"], ["y"])]
    graph = helper.make_graph(
        nodes, "layer",
        [tensor("x", ["T", case.batch, case.hidden]), tensor("h0_h", shape), tensor("h0_c", shape)],
        [tensor("y", ["T", *shape[1:]]), *(tensor(name, shape) for name in names)],
        [numpy_helper.from_array(value, name) for name, value in (
            ("W", stacks[0]), ("R", stacks[1]), ("B", bias),
            ("axes", numpy.asarray([1])))])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)


class OnnxRuntime:
    """The peer."""

    name = "onnxruntime"
    version = onnxruntime.__version__
    proposal_settings = ()

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def _session(self, model: Any, threads: int) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def _sessions(self, case: Case, threads: int) -> list[tuple[str, Any, dict[str, Any]]]:
        fused = fused_model(case)
        result = []
        for label, model in (("onnxruntime LSTM", fused), ("onnxruntime Scan", None)):
            if label.endswith("LSTM") and fused is None:
                continue
            model = model or scan_model(case.program, case.weights, case.batch)
            session = self._session(model, threads)
            lead = [1] if label.endswith("LSTM") else []
            states = {f"h0_{name}": numpy.zeros([*lead, case.batch, case.hidden], numpy.float32)
                      for name in case.program.states}
            result.append((label, session, states))
        return result

    def training(self, case: Case, *, thorough: bool) -> list[Contender]:
        """It trains nothing."""
        return []

    def inference(self, case: Case) -> list[Contender]:
        """The operator and the Scan."""
        def contender(label: str, session: Any, states: dict[str, Any]) -> Contender:
            def run() -> Any:
                return session.run(["y"], {"x": case.x, **states})[0]
            return Contender(label, run, lambda: {"y": run()})
        return [contender(*parts) for parts in self._sessions(case, self.threads)]

    def step(self, case: Case) -> list[Contender]:
        """A session run over one step, its states given back to it."""
        def contender(label: str, session: Any, states: dict[str, Any]) -> Contender:
            x, held = case.x[:1], [dict(states)]
            names = [name.replace("h0_", "h1_") for name in states]

            def run() -> None:
                _, *ends = session.run(["y", *names], {"x": x, **held[0]})
                held[0] = dict(zip(states, ends))

            return Contender(label, run, lambda: {"y": session.run(["y"], {"x": x, **states})[0][0]})
        return [contender(*parts) for parts in self._sessions(case, 1)]

    def first_output(self, case: Case) -> float:
        """Writing the model, making the session and running it."""
        start = time.perf_counter()
        model = scan_model(case.program, case.weights, case.batch)
        states = {f"h0_{name}": numpy.zeros((case.batch, case.hidden), numpy.float32)
                  for name in case.program.states}
        self._session(model, self.threads).run(["y"], {"x": case.x, **states})
        return time.perf_counter() - start

    def language_model(self, setting: Any, weights: Any, tokens: Any) -> None:
        """It trains nothing."""

    def proposal(self, rung: Any, program: Program, weights: Any, setting: str) -> float:
        """It trains nothing."""
        raise NotImplementedError


def open_peer(threads: int) -> OnnxRuntime:
    """The peer with so many threads."""
    return OnnxRuntime(threads)
