"""A cell as a list of instructions, which any array library can run."""
from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..cells import Cell

_INFIX = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}


@dataclass(frozen=True)
class Product:
    """A weight matrix [rows, columns / blocks] times the value of an instruction."""

    operand: int
    weight: str
    transposed: bool
    blocks: int


@dataclass(frozen=True)
class Instruction:
    """One value of a time step.

    kind: "input", "state", "constant", "parameter", "affine" or the name of an operation.
    """

    kind: str
    operands: tuple[int, ...] = ()
    name: str = ""
    value: float = 0.0
    products: tuple[Product, ...] = ()


@dataclass
class Program:
    """One time step of a cell at its sizes.

    All products that read one value share one matrix, its stack [columns, sum of rows], as a user
    who cares for speed writes them; `splits` says which part belongs to which product.
    """

    cell: Cell
    input_size: int
    hidden_size: int
    instructions: list[Instruction] = field(default_factory=list)
    states: tuple[str, ...] = ()
    next: tuple[int, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    splits: dict[int, list[tuple[Product, str, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shapes = self.cell.parameter_shapes(self.input_size, self.hidden_size)
        self.states = self.cell.states
        reader = _Reader(self)
        self.next = reader.read(self.cell.equations)
        for instruction in self.instructions:
            for position, product in enumerate(instruction.products):
                rows, columns = self.shapes[product.weight]
                size = columns * product.blocks if product.transposed else rows
                bias = instruction.name if position == 0 else ""
                self.splits.setdefault(product.operand, []).append((product, bias, size))

    @property
    def operations(self) -> int:
        """Multiplications and additions in the products of one step of one sequence."""
        total = 0
        for parts in self.splits.values():
            for product, _, _ in parts:
                rows, columns = self.shapes[product.weight]
                total += 2 * rows * columns
        return total

    def stack(self, numpy: Any, weights: Mapping[str, Any]) -> dict[str, Any]:
        """Our parameters as the peers take them: stacks "s0", their biases "b0", and the shared."""
        result: dict[str, Any] = {}
        for operand, parts in self.splits.items():
            columns = [_dense(numpy, product, numpy.asarray(weights[product.weight]))
                       for product, _, _ in parts]
            result[f"s{operand}"] = numpy.ascontiguousarray(numpy.concatenate(columns, axis=1))
            if any(bias for _, bias, _ in parts):
                zero = numpy.zeros
                result[f"b{operand}"] = numpy.concatenate([
                    numpy.asarray(weights[bias]) if bias else zero(size, numpy.float32)
                    for _, bias, size in parts])
        for instruction in self.instructions:
            if instruction.kind == "parameter":
                result[instruction.name] = numpy.array(weights[instruction.name])
        return result

    def stacked_gradients(self, numpy: Any, gradients: Mapping[str, Any]) -> dict[str, Any]:
        """Our gradients as `stack` has the parameters, without what cannot be compared.

        That is the sum over all uses of a shared matrix, the zeros beside the blocks of a matrix,
        and those of biases that the cell does not have, which are masked.
        """
        uses = [product.weight for parts in self.splits.values() for product, _, _ in parts]
        stacked = self.stack(numpy, gradients)
        for operand, parts in self.splits.items():
            if f"b{operand}" in stacked:
                absent = numpy.concatenate([numpy.full(size, not bias) for _, bias, size in parts])
                stacked[f"b{operand}"] = numpy.ma.masked_array(stacked[f"b{operand}"], absent)
            simple = all(product.blocks == 1 and uses.count(product.weight) == 1
                         for product, _, _ in parts)
            if not simple:
                del stacked[f"s{operand}"]
        return stacked

    def gate_rows(self, numpy: Any, operand: int, gates: str) -> Any:
        """The columns of a stack that belong to gates of one letter each, in that order."""
        starts, start = {}, 0
        for product, _, size in self.splits[operand]:
            starts[product.weight[2]] = numpy.arange(start, start + size)
            start += size
        return numpy.concatenate([starts[gate] for gate in gates])

    def run(
        self, library: Any, weights: Mapping[str, Any], x: Any, states: tuple[Any, ...],
        hoisted: Any = None,
    ) -> tuple[Any, ...]:
        """The next states of one step.

        library: operations by name, and `matmul`, `split`.
        hoisted: the product of x with its stack and bias, where it was done for all steps at once.
        """
        values: list[Any] = []
        pieces: dict[tuple[int, str, bool], Any] = {}
        for index, instruction in enumerate(self.instructions):
            operands = [values[operand] for operand in instruction.operands]
            if instruction.kind == "input":
                value = x
            elif instruction.kind == "state":
                value = states[self.states.index(instruction.name)]
            elif instruction.kind == "constant":
                value = instruction.value
            elif instruction.kind == "parameter":
                value = weights[instruction.name]
            elif instruction.kind == "affine":
                value = None
                for product in instruction.products:
                    piece = pieces[product.operand, product.weight, product.transposed]
                    value = piece if value is None else library.add(value, piece)
            else:
                value = getattr(library, instruction.kind)(*operands)
            values.append(value)
            if index in self.splits:
                whole = hoisted if index == 0 and hoisted is not None else self.product(
                    library, weights, value, index)
                sizes = [size for _, _, size in self.splits[index]]
                for part, piece in zip(self.splits[index], library.split(whole, sizes)):
                    pieces[index, part[0].weight, part[0].transposed] = piece
        return tuple(values[index] for index in self.next)

    def product(self, library: Any, weights: Mapping[str, Any], value: Any, index: int = 0) -> Any:
        """The product of a value with its stack, and its bias."""
        result = library.matmul(value, weights[f"s{index}"])
        bias = weights.get(f"b{index}")
        return result if bias is None else library.add(result, bias)


def _dense(numpy: Any, product: Product, matrix: Any) -> Any:
    """The matrix of a product as [size of the operand, size of the result]."""
    if product.blocks > 1:
        rows, columns = matrix.shape[0] // product.blocks, matrix.shape[1]
        dense = numpy.zeros((matrix.shape[0], columns * product.blocks), numpy.float32)
        for block in range(product.blocks):
            own = slice(block * rows, (block + 1) * rows)
            dense[own, block * columns:(block + 1) * columns] = matrix[own]
        matrix = dense
    return matrix if product.transposed else matrix.T


class _Reader:
    """Reads the printed equations, whose statements are in order."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.unread = list(program.shapes)
        self.names = {"x": self.append(Instruction("input"))}
        for state in program.states:
            self.names[state] = self.append(Instruction("state", name=state))

    def append(self, instruction: Instruction) -> int:
        self.program.instructions.append(instruction)
        return len(self.program.instructions) - 1

    def read(self, equations: str) -> tuple[int, ...]:
        for line in equations.splitlines():
            target, _, formula = line.partition("=")
            self.target = target.strip()
            tree = ast.parse(formula.strip().replace("'", "__next"), mode="eval")
            self.names[self.target.replace("'", "__next")] = self.value(tree.body)
        return tuple(self.names[state + "__next"] for state in self.program.states)

    def value(self, node: ast.expr) -> int:
        match node:
            case ast.Name(id=name):
                return self.names[name]
            case ast.Constant(value=int() | float() as number):
                return self.append(Instruction("constant", value=float(number)))
            case ast.UnaryOp(operand=operand):
                return self.append(Instruction("negate", (self.value(operand),)))
            case ast.BinOp(left=left, right=right, op=sign):
                operands = (self.value(left), self.value(right))
                return self.append(Instruction(_INFIX[type(sign)], operands))
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=keywords):
                blocks = ast.literal_eval(keywords[0].value) if keywords else 1
                return self.call(function, arguments, blocks)
        raise ValueError(f"{ast.unparse(node)} is no expression of a cell")

    def call(self, function: str, arguments: list[ast.expr], blocks: int) -> int:
        if function in ("vector", "scalar"):
            return self.append(Instruction("parameter", name=ast.unparse(arguments[0])))
        if function in ("matrix", "transposed"):
            product = Product(self.value(arguments[1]), ast.unparse(arguments[0]),
                              function == "transposed", blocks)
            return self.append(Instruction("affine", (product.operand,), products=(product,)))
        operands = tuple(self.value(argument) for argument in arguments)
        if function not in ("linear", "product"):
            return self.append(Instruction(function, operands))
        products = tuple(Product(operand, self.fresh("W"), False, blocks) for operand in operands)
        bias = self.fresh("b") if function == "linear" else ""
        return self.append(Instruction("affine", operands, bias, products=products))

    def fresh(self, kind: str) -> str:
        """The next parameter of that kind that the statement owns, in the order of the library."""
        start: Callable[[str], bool] = lambda name: name.startswith(
            (f"{kind}[{self.target}, ", f"{kind}[{self.target}]"))
        name = next(filter(start, self.unread))
        self.unread.remove(name)
        return name
