"""The notations of other programs, in and out, with the strings that were published."""
from random import Random

import pytest
import rnncell
from rnncell import Cell

#: DARTS (arXiv:1806.09055) and its program, genotypes.py.
GENOTYPES = {
    "darts_v1": "Genotype(recurrent=[('relu', 0), ('relu', 1), ('tanh', 2), ('relu', 3), ('relu', 4), "
                "('identity', 1), ('relu', 5), ('relu', 1)], concat=range(1, 9))",
    "darts_v2": "Genotype(recurrent=[('sigmoid', 0), ('relu', 1), ('relu', 1), ('identity', 1), "
                "('tanh', 2), ('sigmoid', 5), ('tanh', 3), ('relu', 5)], concat=range(1, 9))",
}
#: The GRU in the language of Schrimpf et al. 2017, arXiv:1712.07316.
GRU = ("Gate3(Tanh(Add(MM(x_t), MM(Mult(h_tm1, Sigmoid(Add(MM(h_tm1), MM(x_t))))))), h_tm1, "
       "Sigmoid(Add(MM(h_tm1), MM(x_t))))")
LSTM = ("Mult(Sigmoid(Add(MM(x_t), MM(h_tm1))), Tanh(c_t(Add(Mult(Sigmoid(Add(MM(x_t), MM(h_tm1))), c_tm1), "
        "Mult(Sigmoid(Add(MM(x_t), MM(h_tm1))), Tanh(Add(MM(x_t), MM(h_tm1))))))))")
#: The best cell of that paper for text, as recalled (see the stock cell bc3_recalled, without biases).
BC3 = ("Gate3(c_t(Tanh(Gate3(MM(x_t), Mult(MM(Mult(MM(c_tm1), MM(x_t))), MM(x_t)), "
       "Sigmoid(Add(MM(x_t), MM(h_tm1)))))), h_tm1, Sigmoid(Add(MM(x_t), MM(h_tm1))))")
#: The LSTM as a tree of Rawal and Miikkulainen 2018, arXiv:1803.04439.
TREE = "(mul (sigmoid 4) (tanh c=(add (mul (sigmoid 2) c) (mul (sigmoid 1) (tanh 3)))))"


@pytest.mark.parametrize("name", GENOTYPES)
def test_genotypes(name):
    cell = Cell.from_genotype(GENOTYPES[name])
    assert cell == Cell.stock(name)
    assert Cell.from_genotype(cell.genotype()) == cell
    assert str(cell.genotype()) == GENOTYPES[name]


def test_a_genotype_keeps_the_nodes_that_are_averaged():
    """Those of arcs of the paper are the ones that no node reads."""
    random = Random(7)
    for count in [*range(1, 13)] * 4:
        arc = [0, *(number for node in range(count)
                    for number in (random.randrange(node + 1), random.randrange(4)))]
        for numbering in ("paper", "enas_lm"):
            cell = Cell.from_arc(arc, numbering=numbering)
            genotype = cell.genotype()
            for form in (genotype, str(genotype)):
                assert Cell.from_genotype(form) == cell, (arc, numbering)
            assert Cell.from_arc(cell.arc(numbering), numbering=numbering) == cell
    assert Cell.from_arc("0 0 0 1 1 2").genotype() == (
        [("tanh", 0), ("relu", 0), ("identity", 1)], [2, 3])


@pytest.mark.parametrize("name", ["darts_v1", "darts_v2", "enas", "enas_lm", "naonet", "naonet_shared",
                                  "darts_seed42", "darts_seed1995", "darts_seed2006"])
def test_highway_cells_are_said_in_every_notation_that_has_them(name):
    cell = Cell.stock(name)
    said = 0
    for numbering in ("paper", "enas_lm"):
        try:
            arc = cell.arc(numbering)
        except rnncell.InvalidArgumentError as error:
            assert "averages" in str(error)
            continue
        said += 1
        assert Cell.from_arc(arc, numbering=numbering) == cell
        assert Cell.from_arc(arc[1:], numbering=numbering) == cell
    assert said >= 1


def test_the_two_orders_of_operations_differ():
    arc = [0, 0, 2, 1, 3]
    paper, program = (Cell.from_arc(arc, numbering=n) for n in ("paper", "enas_lm"))
    assert "sigmoid(product(s1))" in paper.equations.replace("g2 = sigmoid(product(s1))", "", 1)
    assert paper != program
    assert paper.arc() == arc and program.arc("enas_lm") == arc


def test_the_language_of_schrimpf():
    gru, lstm = Cell.from_dsl(GRU), Cell.from_dsl(LSTM)
    # Its gate admits the candidate, where the other papers' keeps the state.
    assert gru == Cell(Cell.stock("gru").equations.replace("blend(z, h, n)", "blend(z, n, h)"))
    assert lstm == Cell.stock("lstm")
    assert Cell.from_dsl(gru.dsl()) == gru
    for name in ("lstm", "gru", "elman", "ran", BC3):
        cell = Cell.from_dsl(name) if "(" in name else Cell.stock(name)
        assert Cell.from_dsl(cell.dsl()) == cell, name
    odd = "SeLU(Div(Sin(MM(x_t)), LayerNorm(Sub(Cos(MM(h_tm1)), ReLU(MM(x_t))))))"
    assert Cell.from_dsl(Cell.from_dsl(odd).dsl()) == Cell.from_dsl(odd)


def test_trees():
    cell = Cell.from_tree(TREE)
    assert cell == Cell.stock("lstm")
    assert Cell.from_tree(cell.tree()) == cell
    assert Cell.from_tree(Cell.stock("elman").tree()) == Cell.stock("elman")


@pytest.mark.parametrize("text, line, column, part", [
    ("Gate3(x_t, h_tm1)", 1, 17, "3 operands"), ("Tahn(x_t)", 1, 1, "did you mean 'Tanh'"),
    ("Tanh(MM(h))", 1, 9, "did you mean 'h_tm1'"),
    ("Tanh(MM(x_t)) x", 1, 15, "after the end"), ("Tanh(\n  MM(y_t))", 2, 6, "y_t"), ("", 1, 1, "expected"),
    ("Tanh(" * 70 + "x_t" + ")" * 70, 1, 321, "deeper")])
def test_errors_of_terms_have_their_place(text, line, column, part):
    with pytest.raises(rnncell.ParseError, match=part) as raised:
        Cell.from_dsl(text)
    assert (raised.value.line, raised.value.column) == (line, column)


def test_what_a_notation_cannot_say_is_named():
    for make, part in [
            (Cell.stock("lstm").arc, "second state"), (Cell.stock("gru").genotype, "bias"),
            (Cell.stock("mi_rnn").dsl, "vector"), (Cell("h' = tanh(product(x, h))").dsl, "no bias"),
            (Cell("h' = gelu(linear(x, h))").dsl, "gelu"), (Cell.stock("scrn").dsl, "the cell has 3"),
            (Cell.stock("gru").tree, "maps|reads|blend"), (Cell("h' = sin(linear(x, h))").tree, "sin"),
            (Cell("h' = 0.5 * linear(x, h)").tree, "0.5"), (Cell.stock("mi_rnn").recipe, "products|vectors")]:
        with pytest.raises(rnncell.InvalidArgumentError, match=part):
            make()
    for text in ("(tanh (tanh 1))", "(add 1)", "tanh 1", "", "(add 1 9)"):
        with pytest.raises(rnncell.ParseError, match="tree"):
            Cell.from_tree(text)
    with pytest.raises(rnncell.InvalidArgumentError, match="c_tm1"):
        Cell.from_dsl("Tanh(Add(MM(x_t), MM(c_tm1)))")
    with pytest.raises(rnncell.InvalidArgumentError, match="empty"):
        Cell.from_dsl("Tanh(_)")


def test_files_of_every_notation(tmp_path):
    from rnncell.cells import cell_from_argument
    # The last one begins with the mark that some editors write.
    for name, text in {"a.term": GRU, "a.tree": TREE, "a.arc": "0 0 0 1 1", "a.geno": GENOTYPES["darts_v1"],
                       "a.txt": "\ufeffh' = tanh(linear(x, h))"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert isinstance(cell_from_argument(str(tmp_path / name)), Cell)
