"""Cells: the equations of one time step, without weights."""
from __future__ import annotations

import ast
import collections
import functools
import json
import os
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _rnncell
from ._rnncell import FormatError, InvalidArgumentError

if TYPE_CHECKING:
    from .models import LanguageModel
    from .networks import Network
    from .sequences import SequenceModel

_GENOTYPE, _RECIPE, _ARC, _ARC_ENAS_LM, _DSL, _TREE = 1, 2, 3, 4, 5, 6
_FORMS = {"equations": 0, "svg": 1, "dot": 2, "latex": 3, "genotype": 4, "recipe": 5,
          "ablations": 6, "parts": 7, "torch": 8, "jax": 9, "c": 10,
          "arc": 11, "arc_enas_lm": 12, "dsl": 13, "tree": 14}


class StockCell(NamedTuple):
    """A published cell."""

    name: str
    equations: str
    source: str
    notes: str

    @property
    def cell(self) -> Cell:
        """The cell itself."""
        return Cell.stock(self.name)


class Genotype(NamedTuple):
    """DARTS's form of a cell, named and printed as in its program (arXiv:1806.09055)."""

    #: The activation of each node and the node that it reads.
    recurrent: list[tuple[str, int]]
    #: The nodes whose mean is the output.
    concat: Sequence[int]


class Cell:
    """What one time step computes: immutable, hashable, equal to every cell of the same function.

    `x` is the input, a primed name a next state, `h` the output, and `linear(a, b)` a fresh weight
    matrix per operand plus a bias:

        gru = rnncell.Cell('''
            z  = sigmoid(linear(x, h))
            r  = sigmoid(linear(x, h))
            n  = tanh(linear(x, r * h))
            h' = z * h + (1 - z) * n
        ''')

    A statement is a line, or ends with a semicolon; they may have any order, and # begins a comment. `h` must
    have its `h'`; a name without its prime is the value before the step.

        linear(a, b, ...)                a fresh matrix for each operand, and a bias
        product(a, b, ...)               the same without bias; both take blocks=N: block-diagonal
        matrix(M, a), transposed(M, a)   a matrix by its name, which can be used more than once
        vector(v), scalar(s)             learned numbers by their names
        blend(g, a, b)                   g * a + (1 - g) * b
        a + b, a - b, a * b, a / b, -a, 0.5, max(a, b), min(a, b), mean(a, b, ...)
        square, sqrt, abs, exp, log, sin, cos, layernorm, sigmoid, tanh, relu, leaky_relu, identity,
        softplus, silu, gelu, elu, selu, softsign, hard_sigmoid, hard_tanh of one operand

    Raises ParseError, with `.line`, `.column` and a suggestion, for what cannot be read.
    """

    __slots__ = ("_handle", "__weakref__")
    _handle: _rnncell.Cell

    def __init__(self, equations: str) -> None:
        if not isinstance(equations, str):
            raise TypeError(
                f"equations are a str, not {type(equations).__name__}; see Cell.stock, "
                "Cell.from_genotype and Cell.from_recipe for other sources"
            )
        if "\0" in equations:
            raise InvalidArgumentError("equations hold a NUL character; remove it")
        self._take(_rnncell.cell_parse(equations))

    def _take(self, handle: _rnncell.Cell) -> None:
        object.__setattr__(self, "_handle", handle)

    @property
    def _description(self) -> dict[str, Any]:
        """What the library works out when it is first asked: a new cell waits for none of it."""
        return self._handle.describe(0, 0)

    @property
    def _digest(self) -> tuple[int, int]:
        digest: tuple[int, int] = self._description["digest"]
        return digest

    @classmethod
    def _wrap(cls, handle: _rnncell.Cell) -> Cell:
        self = cls.__new__(cls)
        self._take(handle)
        return self

    @classmethod
    def stock(cls, name: str) -> Cell:
        """A published cell by name; `stock_cells()` lists them."""
        return cls._wrap(_rnncell.cell_stock(name))

    @classmethod
    def from_genotype(cls, genotype: object) -> Cell:
        """A cell of DARTS: `[("tanh", 0), ...]`, whose output is the mean of all nodes; its text; or a
        `Genotype` with `.recurrent` and `.concat`, the nodes to average."""
        if not isinstance(genotype, str):
            try:
                steps = getattr(genotype, "recurrent", genotype)
                edges = [(str(name), int(source)) for name, source in steps]  # type: ignore
                concat = getattr(genotype, "concat", None)
                nodes = None if concat is None else [int(node) for node in concat]
            except (TypeError, ValueError):
                raise InvalidArgumentError(
                    f"{genotype!r} is no genotype; pass a sequence of (activation, node) pairs"
                ) from None
            genotype = repr(edges if nodes is None else Genotype(edges, nodes))
        return cls._wrap(_rnncell.cell_import(_GENOTYPE, genotype))

    @classmethod
    def from_recipe(cls, recipe: str | Mapping[str, object]) -> Cell:
        """A cell of NAS-Bench-NLP: `{"h_new_0": {"op": ..., "input": [...]}}` or its JSON text."""
        text = recipe if isinstance(recipe, str) else json.dumps(dict(recipe))
        return cls._wrap(_rnncell.cell_import(_RECIPE, text))

    @classmethod
    def from_arc(cls, arc: str | Sequence[int], *, numbering: str = "paper") -> Cell:
        """A cell of ENAS, `0 0 0 1 1 2 ...`; its activations as in the "paper" or in "enas_lm"."""
        notations = {"paper": _ARC, "enas_lm": _ARC_ENAS_LM}
        if numbering not in notations:
            raise InvalidArgumentError(
                f"numbering {numbering!r} is none; pass 'paper' or 'enas_lm'")
        text = arc if isinstance(arc, str) else " ".join(str(int(number)) for number in arc)
        return cls._wrap(_rnncell.cell_import(notations[numbering], text))

    @classmethod
    def from_dsl(cls, term: str) -> Cell:
        """A cell in the language of Schrimpf et al. 2017: `Gate3(Tanh(MM(x_t)), h_tm1, ...)`.

        `c_t(...)` around a value makes it the next memory, which `c_tm1` reads.
        """
        return cls._wrap(_rnncell.cell_import(_DSL, term))

    @classmethod
    def from_tree(cls, tree: str) -> Cell:
        """A tree of genetic programming as Rawal and Miikkulainen 2018 have it.

        `(mul (sigmoid 1) (tanh c=(add c 2)))`: numbers are weighted sums of x and h, c and d memories.
        """
        return cls._wrap(_rnncell.cell_import(_TREE, tree))

    def _draw(self, form: str) -> str:
        return self._handle.draw(_FORMS[form]).decode()

    @property
    def equations(self) -> str:
        """The equations, one statement a line; `Cell(cell.equations) == cell`."""
        return self._draw("equations")

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states, the output first: `("h", "c")`."""
        return tuple(self._description["states"].split())

    @property
    def needs_equal_sizes(self) -> bool:
        """Whether x meets h without a matrix, as in x + linear(h): inputs must have the hidden size."""
        return bool(self._description["needs_equal_sizes"])

    @property
    def digest(self) -> str:
        """The canonical form in 32 hexadecimal digits: for equal cells the same, everywhere."""
        return "{:016x}{:016x}".format(*self._digest)

    @property
    def fingerprint(self) -> str:
        """What the cell computes on fixed inputs, in 16 hexadecimal digits."""
        return format(self._description["fingerprint"], "016x")

    def parameter_count(self, input_size: int, hidden_size: int) -> int:
        """How many learned numbers the cell has at these sizes."""
        count: int = self._handle.describe(input_size, hidden_size)["weight_count"]
        return count

    def parameter_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter by its name, such as `W[z, x]`, at these sizes."""
        rows = self._handle.parameters(input_size, hidden_size)
        return {name: shape for name, shape, _ in rows}

    def counterpart(self, parameter: str, other: Cell) -> str:
        """The name in an equal cell of the parameter that plays the part of `parameter` here."""
        return self._handle.counterpart(parameter, other._handle).decode()

    def svg(self) -> str:
        """A picture that stands by itself."""
        return self._draw("svg")

    def dot(self) -> str:
        """The graph in the language of Graphviz."""
        return self._draw("dot")

    def latex(self) -> str:
        """The equations as an aligned environment."""
        return self._draw("latex")

    def code(self, language: str) -> str:
        """Source of the cell: a module for "torch", functions for "jax", a time step in "c"."""
        if language not in ("torch", "jax", "c"):
            raise InvalidArgumentError(f"there is no code for {language!r}; pass torch, jax or c")
        return self._draw(language)

    def genotype(self) -> Genotype:
        """The cell as DARTS has it; InvalidArgumentError for one that DARTS cannot say."""
        text = self._draw("genotype")
        edges = ast.literal_eval(text[text.index("["):text.index("]") + 1])
        nodes = text[text.index("concat=") + len("concat="):-1]
        every = range(1, len(edges) + 1)
        return Genotype(edges, every if nodes == str(every) else ast.literal_eval(nodes))

    def recipe(self) -> dict[str, dict[str, object]]:
        """The cell as NAS-Bench-NLP has it; InvalidArgumentError for one that it cannot say."""
        nodes: dict[str, dict[str, object]] = json.loads(self._draw("recipe"))
        return nodes

    def arc(self, numbering: str = "paper") -> list[int]:
        """The cell as an arc of ENAS, numbered as in the "paper" or in "enas_lm" (and NAO);
        InvalidArgumentError for one that it cannot say, as for the next two."""
        forms = {"paper": "arc", "enas_lm": "arc_enas_lm"}
        if numbering not in forms:
            raise InvalidArgumentError(
                f"numbering {numbering!r} is none; pass 'paper' or 'enas_lm'")
        return [int(word) for word in self._draw(forms[numbering]).split()]

    def dsl(self) -> str:
        """The cell in the language of Schrimpf et al., as `from_dsl` reads it."""
        return self._draw("dsl")

    def tree(self) -> str:
        """The cell as a tree of genetic programming, as `from_tree` reads it."""
        return self._draw("tree")

    def ablations(self) -> dict[str, Cell]:
        """The cell with one part less, for each that can be left out, by what it is; `ablate` trains
        them."""
        texts = [text.split("\n", 1) for text in self._draw("ablations").split("\n\n") if text]
        return {part: Cell(equations) for part, equations in texts}

    def likeness(self, other: Cell) -> float:
        """How much of two cells is the same: from 0, no operation on the like operands, to 1, all."""
        mine, theirs = (collections.Counter(cell._draw("parts").split("\n")) for cell in (self, other))
        return (mine & theirs).total() / (mine | theirs).total()

    @property
    def stock_name(self) -> str | None:
        """The name of the stock cell that computes the same; None where there is none."""
        return _names_of_stock().get(self)

    def nearest_stock(self) -> tuple[str, float]:
        """The name of the stock cell that is most like this one, and the likeness."""
        likeness = {name: self.likeness(stock.cell) for name, stock in stock_cells().items()}
        name = max(likeness, key=lambda name: likeness[name])
        return name, likeness[name]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cell):
            return NotImplemented
        return self._digest == other._digest and self._handle.equal(other._handle)

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return f"rnncell.Cell({self.equations!r})"

    def __str__(self) -> str:
        return self.equations

    def _repr_svg_(self) -> str:
        return self.svg()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.equations,)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a cell is immutable; {name} cannot be set")


def stock_cells() -> dict[str, StockCell]:
    """The published cells by name, with equations, source and notes."""
    return {row["name"]: StockCell(**row) for row in _rnncell.stock_list()}


@functools.cache
def _names_of_stock() -> dict[Cell, str]:
    return {stock.cell: name for name, stock in stock_cells().items()}


def cell_from(value: object) -> Cell:
    """A cell from a Cell, the name of a stock cell, or equations."""
    if isinstance(value, Cell):
        return value
    if not isinstance(value, str):
        raise TypeError(f"a cell is a Cell, a name or equations, not {type(value).__name__}")
    return Cell(value) if "=" in value else Cell.stock(value)


def by_name(cells: Cell | str | Iterable[Any]) -> dict[str, Any]:
    """Cells by name: a text is its own, a Cell has that of an equal stock cell, or its place."""
    named: dict[str, Any] = {}
    for place, cell in enumerate([cells] if isinstance(cells, (Cell, str)) else cells, 1):
        known = cell if isinstance(cell, str) else cell.stock_name if isinstance(cell, Cell) else None
        named[known or f"cell {place}"] = cell
    return named


def cells_from(value: object) -> list[Cell]:
    """The cells of layers from one cell or a sequence of them."""
    if isinstance(value, (Cell, str)):
        return [cell_from(value)]
    if hasattr(value, "cells"):  # a Proposal, say, which is a tuple too
        raise TypeError(f"cells are wanted, not a {type(value).__name__}; pass its .cells")
    if isinstance(value, Sequence) and value:
        return [cell_from(item) for item in value]
    raise TypeError("cells are a Cell, a name, equations, or a sequence of one for each layer")


def cell_from_argument(text: str) -> Cell:
    """A cell as a command line names it: a stock name, a file, or equations (`;` ends a statement).

    A file holds equations, a genotype, a recipe (JSON), an arc, a term of Schrimpf's language, a tree, or
    a model, whose first layer is meant.
    """
    path = pathlib.Path(text)
    if re.search(r"'\s*=", text):
        return Cell(text.replace(";", "\n"))
    if text in stock_cells() or not (path.is_file() or os.sep in text or path.suffix):
        return Cell.stock(text)
    if path.is_file() and _is_safetensors(path):
        from .networks import Network
        model = loaded(text)
        return (model if isinstance(model, Network) else model.network()).cells[0]
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"{text} is no text ({error.reason}); name a cell") from None
    start = content.lstrip()
    if start.startswith("{"):
        return Cell.from_recipe(content)
    if start.startswith(("[", "Genotype")):
        return Cell.from_genotype(content)
    if re.fullmatch(r"[\d\s]+", content):
        return Cell.from_arc(content)
    if start.startswith("("):
        return Cell.from_tree(content)
    if re.match(r"[A-Z]\w*\(", start):
        return Cell.from_dsl(content)
    return Cell(content)


def _is_safetensors(path: pathlib.Path) -> bool:
    """Whether a file is one by its start: the size of a header in eight bytes, and the header, of JSON."""
    with path.open("rb") as file:
        start = file.read(9)
    return start[8:] == b"{" and 8 + int.from_bytes(start[:8], "little") <= path.stat().st_size


def loaded(path: str) -> LanguageModel | SequenceModel | Network:
    """What a file holds: a model of either kind, or a network; FormatError for what is none of them."""
    from .models import LanguageModel
    from .networks import Network
    from .sequences import SequenceModel
    try:
        return LanguageModel.load(path)
    except FormatError as error:
        failure = error
    for kind in (SequenceModel, Network):
        try:
            return kind.load(path)
        except FormatError:
            continue
    raise failure
