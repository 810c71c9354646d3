"""The ledger of measurements: rows are kept, tables are made of them, and the README has those tables."""
import csv
import pathlib
import shutil
import statistics
import sys

import pytest
import rnncell

EVIDENCE = pathlib.Path(__file__).parents[1] / "Evidence"


@pytest.fixture(scope="module", autouse=True)
def modules():
    sys.path.insert(0, str(EVIDENCE))
    yield
    sys.path.remove(str(EVIDENCE))


def test_a_row_that_is_there_is_not_written_again(tmp_path):
    from ledger import Table
    table = Table("test", tmp_path)
    row = {"protocol": "C", "cell": "h' = tanh(linear(x, h))", "seed": 1, "learning_rate": 0.1,
           "valid_loss": 2, "test_loss": 3, "command": "run"}
    table.append(row)
    table.append({**row, "test_loss": 4})
    table.append({**row, "seed": 2})
    assert [(line["seed"], line["test_loss"]) for line in table.rows()] == [("1", "3"), ("2", "3")]
    assert table.find(protocol="C", cell=row["cell"], seed=2)["command"] == "run"
    assert table.find(protocol="W", cell=row["cell"], seed=2) is None


@pytest.mark.parametrize("option, word", [
    ("--only", "serch"), ("--strategies", "autp"), ("--protocols", "Q")])
def test_names_that_there_are_not_are_refused(option, word, monkeypatch, capsys):
    import run
    monkeypatch.setattr(sys, "argv", ["run.py", "nowhere", option, word])
    with pytest.raises(SystemExit):
        run.main()
    assert f"there is no '{word}'" in capsys.readouterr().err


def test_a_package_of_another_checkout_measures_nothing(tmp_path, monkeypatch):
    import ledger
    assert ledger.foreign_files() == []
    (tmp_path / "Bindings/Python").mkdir(parents=True)
    installed = pathlib.Path(rnncell.__file__).parent
    shutil.copytree(installed, tmp_path / "Bindings/Python/rnncell")
    (tmp_path / "build/lib").mkdir(parents=True)
    shutil.copy(installed / "librnncell.so.1", tmp_path / "build/lib")
    monkeypatch.setattr(ledger, "FOLDER", tmp_path / "Tests/Evidence")
    assert ledger.foreign_files() == []
    with open(tmp_path / "Bindings/Python/rnncell/tasks.py", "a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert ledger.foreign_files() == ["tasks.py"]


def test_each_table_has_the_columns_that_it_says_and_no_row_twice():
    from ledger import TABLES, Table
    for name in TABLES:
        table = Table(name)
        if not table.path.exists():
            continue
        with open(table.path, encoding="utf-8", newline="") as file:
            assert tuple(next(csv.reader(file))) == table.columns, name
        keys = [tuple(row[key] for key in table.keys) for row in table.rows()]
        assert len(set(keys)) == len(keys), name
        assert all(row["command"].startswith("python Tests/Evidence/run.py") for row in table.rows())


def test_a_cell_in_one_line_is_the_same_cell():
    from ledger import cell_of, one_line
    for name, stock in rnncell.stock_cells().items():
        assert cell_of(one_line(stock.cell)) == stock.cell == cell_of(name)


def test_the_bootstrap_interval_is_about_that_of_student_for_many_values():
    import random
    from rnncell.comparison import Interval
    from tables import bootstrap
    draw = random.Random(3)
    values = [draw.gauss(1, 0.5) for _ in range(200)]
    low, high = bootstrap(values)
    exact = Interval.of(values)
    assert low == pytest.approx(exact.low, abs=0.01) and high == pytest.approx(exact.high, abs=0.01)
    assert bootstrap([2.0] * 8) == (2.0, 2.0)


def test_random_recipes_are_cells_that_read_the_input_and_every_state():
    from recipes import recipe
    sizes = []
    for seed in range(40):
        nodes = recipe(seed)
        assert nodes == recipe(seed)
        cell = rnncell.Cell.from_recipe(nodes)
        sizes.append(len(nodes))
        assert 1 <= len(cell.states) <= 3
    assert min(sizes) < statistics.median(sizes) < max(sizes)


def test_the_readme_has_the_tables_of_the_ledger():
    import tables
    text = tables.README.read_text(encoding="utf-8")
    assert "<!-- table: searches -->" in text and "<!-- table: finals C -->" in text
    assert tables.written(text) == text, "run python Tests/Evidence/tables.py"
    assert tables.written("a<!-- table: differences -->old<!-- end -->b").count("auto - ") <= 2


def test_what_is_left_to_measure_waits_for_what_it_needs(monkeypatch, tmp_path):
    import headline
    import plan
    import units
    found = "h' = tanh(linear(x, h))"
    other = "h' = sigmoid(linear(x, h))"
    rows = {"headline": [{"protocol": "C", "seed": "0", "part": str(part), "cells": f"{found} | {other}"}
                         for part in range(1, 3)], "grid": [], "final": [], "test": [], "search": []}

    class Fake:
        def __init__(self, name):
            self.name = name

        def rows(self):
            return rows.get(self.name, [])

        def find(self, **key):
            return next((row for row in self.rows()
                         if all(row[name] == str(value) for name, value in key.items())), None)

    for module in (headline, plan, units):
        monkeypatch.setattr(module, "Table", Fake)

    def left(*only):
        return [unit.text for unit in plan.pending(tmp_path, set(only), {"auto", "random"})]

    # The search for both begins with what three parts of that on characters find.
    assert left("headline") == ["headline C 0 3", "headline W 0 1"]
    rows["headline"].append({"protocol": "C", "seed": "0", "part": "3", "cells": other})
    assert left("headline") == ["headline C 0 4", "headline W 0 1", "headline CW 0 1"]
    assert left("final") == [] and f"grid C {found}" not in left("grid")
    rows["headline"] += [{"protocol": "C", "seed": "0", "part": part, "cells": f"{found} | {other}"}
                         for part in "45"]
    assert left("headline") == ["headline W 0 1", "headline CW 0 1"] and f"grid C {found}" in left("grid")
    rows["headline"].append({"protocol": "W", "seed": "0", "part": "1", "cells": other})
    assert left("headline") == ["headline W 0 2", "headline CW 0 1"]
    # The better one has finals, once all its rates are known.
    rows["grid"] = [{"protocol": "C", "cell": found, "losses": "1.2 1.1"}]
    assert f"rates C {found} 0.003" not in left("rates")
    rows["grid"].append({"protocol": "C", "cell": other, "losses": "1.3 1.4"})
    assert {f"rates {protocol} {found} 0.006" for protocol in ("C", "W")} <= set(left("rates"))
    assert not any(other in text for text in left("rates"))
    # What is found for both is measured on both.
    rows["headline"] += [{"protocol": "CW", "seed": "0", "part": str(part), "cells": other}
                         for part in range(1, plan.LONG["CW"].parts + 1)]
    assert {f"rates {protocol} {other} 0.006" for protocol in ("C", "W")} <= set(left("rates"))
    rows["headline"] = rows["headline"][:5]
    only_words = plan.pending(tmp_path, {"rates", "task"}, {"auto"}, {"W"})
    assert {unit.key["protocol"] for unit in only_words} == {"W"}
    rows["rates"] = [{"protocol": "C", "cell": found, "rate": str(rate), "valid_loss": str(loss)}
                     for rate, loss in ((0.0015, 1.2), (0.003, 1.1))]
    assert left("final") == []
    rows["rates"].append({"protocol": "C", "cell": found, "rate": "0.006", "valid_loss": "1.3"})
    assert left("final") == [f"final C {found} {seed}" for seed in range(5)]
    # The test data is read when a cell has all its seeds.
    cells = plan.WITH_DROPOUT
    rows["final"] = [{"protocol": "W-dropout", "cell": cell, "seed": str(seed), "valid_loss": "1"}
                     for cell in cells for seed in range(3)]
    assert left("test") == [f"test W-dropout {cell} {seed}" for cell in cells for seed in range(3)]
    rows["final"].pop()
    assert left("test") == [f"test W-dropout {cell} {seed}" for cell in cells[:-1] for seed in range(3)]


def test_a_final_training_goes_on_from_where_its_rate_was_chosen(monkeypatch, tmp_path):
    import units
    from protocols import PROTOCOLS, Text
    for part in ("train", "valid", "test"):
        (tmp_path / f"ptb.{part}.txt").write_text("the cat sat on the mat\n" * 40)
    tiny = Text("tiny", epochs=3, rate_epochs=1, rates=(0.01,), tolerance=1, hidden=6, batch=4, truncation=20)
    monkeypatch.setitem(PROTOCOLS, "tiny", tiny)
    monkeypatch.setattr(units, "SCRATCH", tmp_path)
    first = units._rates(tmp_path, "tiny", "gru", 0.01)
    assert not list(tmp_path.glob("*.safetensors")), "the model of a part of the training is not kept"
    monkeypatch.setattr(units, "Table", lambda _: type("Rows", (), {
        "find": lambda self, **key: {"rate": "0.01", **first}})())
    final = units._final(tmp_path, "tiny", "gru", 0)
    assert final["tokens"] == 3 * first["tokens"]
    for checkpoint in tmp_path.glob("*.checkpoint"):
        checkpoint.unlink()
    anew = units._final(tmp_path, "tiny", "gru", 0)
    assert anew["valid_loss"] == final["valid_loss"] != first["valid_loss"]


def test_halving_costs_what_its_rungs_do_and_picks_the_best_that_rose():
    from tables import halving
    # All rungs order the cells alike: 27 cells, 9, 3 and 1 of which go on, and 2 calibrations.
    rows = [[float((cell * 10) % 27)] * 4 for cell in range(27)]
    cost, pick = halving(rows, calibrations=0)
    assert rows[pick][3] == 0
    assert 27 / 27 + 9 * 2 / 27 + 3 * 6 / 27 + 18 / 27 <= cost < 27 / 3
    more, _ = halving(rows, calibrations=16)
    assert cost < more <= cost + 2
    # A cell that is the best in the end alone never rises.
    assert halving([[0, 0], [1, 1], [2, -5]] * 3, calibrations=0)[1] in (0, 3, 6)


def test_what_was_found_is_compared_by_seed_and_in_percent_of_perplexity(monkeypatch):
    import tables
    found = "h' = tanh(linear(x, h))"
    rows = [{"protocol": "C", "cell": cell, "seed": str(seed), "test_loss": str(loss + seed / 10)}
            for cell, loss in ((found, 1.0), ("gru", 1.05), ("lstm", 1.2)) for seed in range(3)]
    finals = [{"protocol": "C", "cell": found, "seed": str(seed), "valid_loss": str(1 + seed)}
              for seed in range(2)]
    parts = [{"protocol": "C", "cell": found, "part": part, "seed": str(seed), "valid_loss": str(1 + seed + rise)}
             for part, rise in (("a", 0.1), ("b", 0.3)) for seed in range(2)]
    data = {"test": rows, "final": finals, "ablation": parts}

    class Fake:
        def __init__(self, name):
            self.name = name

        def rows(self):
            return data.get(self.name, [])

    monkeypatch.setattr(tables, "Table", Fake)
    monkeypatch.setattr(tables, "found_cells", lambda: {"found": found})
    lines = tables.tested("C").split("\n")
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| found", "| gru", "| lstm"]
    # Each seed is 0.05 nats lower: a perplexity 4.9 % lower, whatever the seeds share.
    assert "-4.9 % (-4.9 to -4.9)" in lines[3] and "-18.1 %" in lines[4]
    assert tables.tested("W") == ""
    in_nats = tables.tested("C", is_language=False).split("\n")
    assert "perplexity" not in in_nats[0] and "| -0.0500 (-0.0500 to -0.0500) |" in in_nats[3]
    lines = tables.contributions("C").split("\n")
    assert "`b` | +0.3000" in lines[2] and "`a` | +0.1000" in lines[3]
    # On words the parts are compared with the whole cell in small.
    assert tables.contributions("W") == ""
    parts += [{"protocol": "W", "cell": found, "part": part, "seed": "0", "valid_loss": loss}
              for part, loss in (("whole", "3.0"), ("a", "3.5"))]
    finals.append({"protocol": "W", "cell": found, "seed": "0", "valid_loss": "2.0"})
    parts.append({"protocol": "W", "cell": found, "part": "b", "seed": "0", "valid_loss": "inf"})
    lines = tables.contributions("W").split("\n")
    assert lines[2:] == ["| `b` | diverges | - |", "| `a` | +0.5000 | - |"]


def test_a_cell_found_on_both_is_compared_on_both_by_seeds_and_by_parts(monkeypatch):
    import tables
    found = "h' = tanh(linear(x, h))"
    rows = [{"protocol": protocol, "cell": cell, "seed": str(seed), "test_loss": str(loss + seed / 10)}
            for protocol, cell, loss in (("C", found, 1.0), ("C", "gru", 1.05), ("C", "mgu", 1.2),
                                         ("W", found, 5.0), ("W", "gru", 4.9)) for seed in range(3)]
    data = {"test": [row for row in rows if row["cell"] != found], "ablation": []}

    class Fake:
        def __init__(self, name):
            self.name = name

        def rows(self):
            return data[self.name]

    monkeypatch.setattr(tables, "Table", Fake)
    monkeypatch.setattr(tables, "found_cells", lambda: {"found on both": found})
    assert tables.tested_on_both() == tables.contributions_to_both() == ""
    data["test"] = rows
    lines = tables.tested_on_both().split("\n")
    # What was not trained on words is left out.
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| found on both", "| gru"]
    assert lines[3].endswith("| -4.9 % (-4.9 to -4.9) | +10.5 % (+10.5 to +10.5) |")
    data["ablation"] = [{"protocol": "CW", "part": part, "part_losses": losses} for part, losses in (
        ("whole", "1.0 5.0"), ("a", "1.001 5.02"), ("b", "1.5 4.9"), ("little", "1.005 4.0"), ("c", ""))]
    lines = tables.contributions_to_both().split("\n")
    assert lines[2:] == ["| `c` | diverges | - |", "| `b` | +0.5000 | -0.1000 |", "| `a` | +0.0010 | +0.0200 |"]
