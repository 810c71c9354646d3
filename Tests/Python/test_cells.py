"""Cells: equations, stock cells, other notations, equality, drawings."""
import copy
import html
import pathlib
import pickle
import xml.etree.ElementTree as ElementTree

import pytest
import rnncell

GRU = """
    z  = sigmoid(linear(x, h))
    r  = sigmoid(linear(x, h))
    n  = tanh(linear(x, r * h))
    h' = z * h + (1 - z) * n
"""
NAMES = list(rnncell.stock_cells())


@pytest.mark.parametrize("name", NAMES)
def test_every_stock_cell_reads_what_it_prints(name):
    cell = rnncell.Cell.stock(name)
    again = rnncell.Cell(cell.equations)
    assert again == cell and hash(again) == hash(cell) and again.digest == cell.digest
    assert cell.states[0] == "h"
    assert rnncell.stock_cells()[name].cell == cell
    assert rnncell.stock_cells()[name].source


@pytest.mark.parametrize("name", NAMES)
def test_shapes_of_parameters_add_up_to_their_count(name):
    cell = rnncell.Cell.stock(name)
    shapes = cell.parameter_shapes(input_size=12, hidden_size=12)
    total = 0
    for shape in shapes.values():
        product = 1
        for size in shape:
            product *= size
        total += product
    # A block-diagonal matrix holds its blocks alone.
    assert cell.parameter_count(input_size=12, hidden_size=12) <= total


@pytest.mark.parametrize("name", NAMES)
def test_every_stock_cell_is_drawn(name):
    cell = rnncell.Cell.stock(name)
    root = ElementTree.fromstring(cell.svg())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert cell.dot().lstrip().startswith("digraph")
    assert "\\begin{align" in cell.latex()


def test_a_cell_equals_its_function_under_other_names():
    renamed = GRU.replace("z ", "update ").replace("z*", "update*").replace("(1 - z)", "(1 - update)")
    renamed = renamed.replace("= z *", "= update *")
    first, second = rnncell.Cell(GRU), rnncell.Cell(renamed)
    assert first == second == rnncell.Cell.stock("gru")
    assert first.counterpart("W[z, x]", second) == "W[update, x]"
    assert first != rnncell.Cell.stock("lstm") and first != "gru"
    assert len({first, second}) == 1


def test_a_cell_can_be_copied_and_pickled_and_not_be_changed():
    cell = rnncell.Cell(GRU)
    for other in (copy.copy(cell), copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
        assert other == cell
    with pytest.raises(AttributeError, match="immutable"):
        cell.equations2 = ""


def test_notations_of_other_programs_go_in_and_out():
    edges = [("sigmoid", 0), ("relu", 1), ("relu", 1), ("identity", 1), ("tanh", 2),
             ("sigmoid", 5), ("tanh", 3), ("relu", 5)]
    darts = rnncell.Cell.from_genotype(edges)
    assert darts == rnncell.Cell.stock("darts_v2")
    assert rnncell.Cell.from_genotype(str(edges)) == darts
    assert rnncell.Cell.from_genotype(darts.genotype()) == darts
    recipe = {"f": {"op": "linear", "input": ["x", "h_prev_0"]},
              "h_new_0": {"op": "activation_tanh", "input": ["f"]}}
    elman = rnncell.Cell.from_recipe(recipe)
    assert elman == rnncell.Cell.stock("elman")
    assert rnncell.Cell.from_recipe(elman.recipe()) == elman
    assert rnncell.Cell.from_arc("0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1").states == ("h",)


@pytest.mark.parametrize("equations, line, column, part", [
    ("h' = sigmod(linear(x, h))", 1, 6, "did you mean 'sigmoid'"),
    ("z = tanh(linear(x))\nh' = z +", 2, 9, ""),
    ("z = tanh(linear(x))", 0, 0, "h'"),
])
def test_a_mistake_is_named_with_its_place_and_the_remedy(equations, line, column, part):
    with pytest.raises(rnncell.ParseError) as caught:
        rnncell.Cell(equations)
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, rnncell.Error)
    assert part in str(caught.value)
    if line:
        assert (caught.value.line, caught.value.column) == (line, column)


def test_what_a_notebook_and_a_person_see():
    cell = rnncell.Cell.stock("elman")
    assert repr(cell) == 'rnncell.Cell("h\' = tanh(linear(x, h))")'
    assert str(cell) == cell.equations
    assert cell._repr_svg_() == cell.svg()
    assert len(cell.digest) == 32 and len(cell.fingerprint) == 16


def test_a_cell_has_ablations_which_lack_one_part_each():
    cell = rnncell.Cell("h' = tanh(linear(x, h))")
    assert {part: other.equations for part, other in cell.ablations().items()} == {
        "without tanh in tanh(linear(x, h))": "h' = linear(x, h)"}
    gru = rnncell.Cell.stock("gru").ablations()
    assert len(set(gru.values())) == len(gru) and rnncell.Cell.stock("gru") not in gru.values()
    # Both gates have a map of the same form.
    assert gru["linear(x, h) without x"] != gru["linear(x, h) without x, place 2"]
    assert gru["h alone in place of (sigmoid(linear(x, h)) * h)"] == rnncell.Cell.stock("ugrnn")
    # What a constant scales can stand alone, the constant cannot.
    assert set(rnncell.Cell("h' = 0.5 * h + 2 * tanh(linear(x))").ablations()) == {
        "h alone in place of (0.5 * h)", "without tanh in tanh(linear(x))",
        "tanh(linear(x)) alone in place of (2 * tanh(linear(x)))"}


def test_likeness_counts_operations_on_like_operands():
    gru, mut2 = rnncell.Cell.stock("gru"), rnncell.Cell.stock("mut2")
    assert gru.likeness(gru) == 1 and gru.likeness(mut2) == mut2.likeness(gru)
    assert 0.5 < gru.likeness(mut2) < 1
    near = rnncell.Cell("h' = blend(sigmoid(linear(x, h)), relu(linear(x, h)), sin(h))")
    assert near.nearest_stock()[0] == "ligru"
    assert gru.nearest_stock() == ("gru", 1)
    assert near.stock_name is None and rnncell.Cell(gru.equations.replace("z", "u")).stock_name == "gru"


def test_the_gallery_shows_every_stock_cell(tmp_path):
    from rnncell import gallery
    page = gallery.gallery_html()
    for name, stock in rnncell.stock_cells().items():
        assert f'id="{name}"' in page
        assert html.escape(stock.source) in page
    assert page.count("data:image/svg+xml") == len(rnncell.stock_cells())
    committed = pathlib.Path(__file__).parents[2] / "Sources/Cells/Stock/README.md"
    assert committed.read_text() == gallery.gallery_markdown(), \
        "run rnncell stock --gallery Sources/Cells/Stock/README.md"
