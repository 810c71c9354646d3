"""The command line, as its users type it."""
import json
import os
import pty
import subprocess
import sys

import pytest
import rnncell
from rnncell.cli import cells, finalists, main, models, parser, search
from rnncell.cli.cells import FORMS
from rnncell.cli.options import training_from


def run(*arguments, cwd=None, status=0):
    """Runs a command; its exit status must be as stated."""
    done = subprocess.run([sys.executable, "-m", "rnncell", *map(str, arguments)], cwd=cwd, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done


def last_json(done):
    return json.loads(done.stdout.splitlines()[-1])


COMMANDS = ["demo", "search", "study", "train", "eval", "generate", "show", "compare", "stock", "bench",
            "finalists", "ablate", "export"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "--json" in text and "--threads" in text and f"rnncell {command}" in text


def test_help_lists_every_command():
    text = run("--help").stdout
    assert all(command in text for command in COMMANDS)
    assert run("--version").stdout == f"rnncell {rnncell.__version__}\n"


@pytest.mark.parametrize("arguments", [
    [], ["nosuch"], ["show"], ["train"], ["train", "a", "--train", "b"], ["train", "a", "--epochs", "0"],
    ["train", "a", "--hidden", "4", "--parameters", "9"], ["search", "a", "--minutes", "-1"],
    ["show", "lstm", "--as", "jpeg"], ["compare", "a"],
    ["compare", "a", "--cells", "lstm", "--hidden", "4", "--parameters", "9"],
])
def test_wrong_use_has_status_2(arguments):
    assert "usage: rnncell" in run(*arguments, status=2).stderr


@pytest.mark.parametrize("arguments, part", [
    (["show", "lstn"], "did you mean 'lstm'"), (["show", "h' = sigmod(x)"], "1:6"),
    (["show", "nofile.cell"], "nofile.cell"), (["study", "/nowhere/s.db"], "/nowhere/s.db"),
    (["train", "/nowhere/t", "--cell", "gru"], "/nowhere/t"), (["eval", "/nowhere/m", "t"], "/nowhere/m"),
    (["generate", "/nowhere/m"], "/nowhere/m"),
])
def test_a_failure_is_one_clear_line_and_status_1(arguments, part):
    done = run(*arguments, status=1)
    assert done.stdout == "" and done.stderr.startswith("rnncell: ")
    assert len(done.stderr.splitlines()) == 1 and part in done.stderr


@pytest.mark.parametrize("form, start", [
    ("equations", "i  = "), ("svg", "<svg"), ("dot", "digraph"), ("latex", "\\begin"), ("recipe", "{"),
    ("torch", "class Cell(nn.Module)"), ("jax", "def cell_step("), ("c", "static void step(")])
def test_a_cell_is_shown_in_every_form(form, start):
    done = run("show", "lstm", "--as", form, "--json")
    assert start in done.stdout and last_json(done)["states"] == ["h", "c"]


def test_models_and_networks_are_exported(tmp_path):
    corpus = rnncell.Corpus.standard_library(limit=20_000)
    models = {"language": rnncell.LanguageModel("gru", corpus, hidden_size=4),
              "sequences": rnncell.SequenceModel("gru", 3, 2, hidden_size=4),
              "network": rnncell.Network("nascell", 3, 4)}
    for name, model in models.items():
        saved = tmp_path / f"{name}.safetensors"
        model.save(saved)
        for ending in ("onnx", "c", "py"):
            target = tmp_path / f"{name}.{ending}"
            done = run("export", str(saved), str(target), "--json")
            assert last_json(done)["bytes"] == target.stat().st_size > 1000
        run("export", str(saved), str(target), "--to", "jax")
        assert "import jax" in target.read_text()
    done = run("export", str(saved), str(tmp_path / "model.txt"), status=1)
    assert "onnx" in done.stderr


def test_a_cell_is_named_in_any_way(tmp_path):
    darts, gru = rnncell.Cell.stock("darts_v2"), rnncell.Cell.stock("gru")
    (tmp_path / "a.cell").write_text(darts.equations)
    (tmp_path / "b.txt").write_text(str(darts.genotype()))
    (tmp_path / "c.json").write_text(json.dumps(gru.recipe()))
    for name, cell in (("darts_v2", darts), (tmp_path / "a.cell", darts), (tmp_path / "b.txt", darts),
                       (tmp_path / "c.json", gru)):
        assert rnncell.Cell(run("show", name).stdout) == cell
    assert run("show", "z = sigmoid(linear(x, h)); h' = z * h").stdout.startswith("z  = ")


def test_the_cell_of_a_model_is_shown_whatever_the_file_is_called(tmp_path, corpus, capsys):
    gru = rnncell.Cell.stock("gru")
    models = {"text.safetensors": rnncell.LanguageModel(gru, corpus, hidden_size=4), "m.st":
              rnncell.LanguageModel(gru, corpus, hidden_size=4), "sequences":
              rnncell.SequenceModel(gru, 3, 2, hidden_size=4), "net.json": rnncell.Network(gru, 3, 4)}
    for name, model in models.items():
        model.save(tmp_path / name)
        assert main(["show", str(tmp_path / name)]) == 0
        assert rnncell.Cell(capsys.readouterr().out) == gru
    (tmp_path / "cell.safetensors").write_text(gru.equations)
    assert main(["show", str(tmp_path / "cell.safetensors")]) == 0
    assert rnncell.Cell(capsys.readouterr().out) == gru
    # Of another program: a safetensors file without a model.
    (tmp_path / "other").write_bytes((2).to_bytes(8, "little") + b"{}")
    assert main(["show", str(tmp_path / "other")]) == 1
    assert "other" in capsys.readouterr().err


@pytest.mark.parametrize("command", [
    ["search", "{text}", "--trials", "1", "--report", "{none}"], ["search", "{text}", "--db", "{none}"],
    ["study", "s.db", "--report", "{none}"], ["study", "s.db", "--csv", "{none}"],
    ["finalists", "s.db", "{text}", "--save", "{none}"],
    ["finalists", "s.db", "{text}", "--report", "{none}"],
    ["ablate", "lstm", "{text}", "--save", "{none}"], ["train", "{text}", "--save", "{none}"],
    ["train", "{text}", "--checkpoint", "{none}"],
    ["compare", "{text}", "--cells", "lstm", "--save", "{none}"],
    ["export", "m", "{none}"], ["stock", "--gallery", "{none}"], ["demo", "--db", "{none}"],
])
def test_a_file_that_cannot_be_written_is_refused_before_any_work(command, tmp_path, text_file, capsys,
                                                                  monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module, name in ((models, "corpus_from"), (search, "corpus_from"), (finalists, "corpus_from"),
                         (search, "Study"), (cells, "loaded"), (cells, "stock_cells")):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("it works"))
    none = str(tmp_path / "none" / "file")
    assert main([part.format(text=text_file, none=none) for part in command]) == 1
    written = capsys.readouterr()
    assert written.out == "" and written.err.startswith(f"rnncell: cannot write '{none}': there is no folder")


def test_the_demo_refuses_a_folder_that_may_not_be_written_to(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell.svg").mkdir()
    assert main(["demo", "--db", "d.db"]) == 1
    assert "cannot write 'cell.svg'" in capsys.readouterr().err and not (tmp_path / "d.db").exists()


def test_a_package_that_is_missing_is_one_clear_line(tmp_path, text_file, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert main(["train", str(text_file), "--hidden", "4", "--tensorboard", str(tmp_path / "tb")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("rnncell: ") and error.count("\n") == 1 and "pip install tensorboardX" in error


@pytest.mark.parametrize("options, given", [
    ([], {}), (["--batch", "32", "--truncation", "35"], {"batch_size": 32, "truncation": 35}),
    (["--clip", "5", "--dropout", "0", "--optimizer", "adam", "--decay", "1", "--reduction", "mean"],
     {"clip": 5, "dropout": 0, "optimizer": "adam", "decay": 1, "reduction": "mean"}),
    (["--variational", "--random-truncation"], {"variational": True, "random_truncation": True}),
])
def test_options_that_are_given_hold_though_they_are_the_defaults(options, given):
    for command in (["train", "t"], ["ablate", "s.db", "t"], ["compare", "t", "--cells", "lstm"]):
        assert training_from(parser().parse_args([*command, *options])) == given


def test_an_ablation_is_trained_as_its_study_or_as_it_is_told(tmp_path, text_file, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["search", str(text_file), "--strategy", "random", "--trials", "2", "--hidden", "6",
                 "--batch", "4", "--truncation", "10", "--updates", "4", "--rungs", "1", "--db", "s.db"]) == 0
    ablate = ["ablate", "s.db", str(text_file), "--seeds", "1", "--updates", "2"]
    for options, sizes in (([], ("4", "10")), (["--batch", "32", "--truncation", "35"], ("32", "35"))):
        assert main([*ablate, "--save", "a.json", *options]) == 0
        kept = json.loads((tmp_path / "a.json").read_text())["options"]
        assert (kept["batch_size"], kept["truncation"]) == sizes
        (tmp_path / "a.json").unlink()


def test_stock_cells_are_listed():
    done = run("stock", "--json")
    rows = last_json(done)["cells"]
    assert [row["name"] for row in rows] == list(rnncell.stock_cells())
    assert all(row["parameters"] > 0 and row["source"] for row in rows)


def test_a_model_is_trained_scored_and_writes(tmp_path, text_file):
    options = ["--cell", "gru", "--hidden", 12, "--epochs", 2, "--batch", 8, "--truncation", 20,
               "--lr", 0.01, "--save", "m.safetensors", "--checkpoint", "c", "--threads", 1]
    done = run("train", text_file, *options, "--json", cwd=tmp_path)
    result = last_json(done)
    assert result["test_perplexity"] < 15 and len(result["history"]) == 2
    assert "perplexity" in done.stdout and done.stderr == ""
    more = last_json(run("train", text_file, *options, "--epochs", 3, "--resume", "--json", cwd=tmp_path))
    assert [row["epoch"] for row in more["history"]] == [1, 2, 3]
    assert [row["train_loss"] for row in more["history"][:2]] == [
        row["train_loss"] for row in result["history"]]
    done = run("eval", "m.safetensors", text_file, "--json", cwd=tmp_path)
    assert last_json(done)["perplexity"] < 15 and last_json(done)["tokens"] > 1000
    done = run("generate", "m.safetensors", "the ", "--count", 30, "--seed", 2, cwd=tmp_path)
    assert done.stdout.startswith("the ") and len(done.stdout) == 4 + 30 + 1


def test_the_recipe_of_zaremba_is_understood(tmp_path, text_file):
    command = ("--train {0} --valid {0} --test {0} --unit word --cell lstm --layers 2 --hidden 20 "
               "--batch 20 --truncation 20 --epochs 2 --optimizer sgd --learning-rate 1 --decay 0.5 "
               "--decay-after 1 --clip 5 --init-range 0.1 --forget-bias 0 --reduction sum")
    done = run("train", *command.format(text_file).split(), "--json", cwd=tmp_path)
    rates = [row["learning_rate"] for row in last_json(done)["history"]]
    assert rates == [1.0, 0.5]


def test_a_search_is_made_shown_and_carried_on(tmp_path, text_file):
    options = ["--strategy", "random", "--trials", 4, "--hidden", 8, "--batch", 8, "--truncation", 10,
               "--updates", 12, "--rungs", 2, "--db", "s.db", "--report", "r.html"]
    done = run("search", text_file, *options, "--json", cwd=tmp_path)
    assert last_json(done)["scored_count"] >= 3 and done.stderr == ""
    assert "The best cell found" in done.stdout
    assert (tmp_path / "r.html").read_text().startswith("<!DOCTYPE html>")
    done = run("study", "s.db", "--report", "again.html", "--csv", "s.csv", "--json", cwd=tmp_path)
    assert last_json(done)["leaderboard"] and (tmp_path / "again.html").exists()
    assert (tmp_path / "s.csv").read_text().startswith("id,")
    short = ["--seeds", 1, "--updates", 8, "--json"]
    done = run("finalists", "s.db", text_file, "--count", 1, *short, cwd=tmp_path)
    assert list(last_json(done)["cells"])[1:] == ["lstm", "gru"] and "test loss" in done.stdout
    again = run("finalists", "s.db", text_file, "--count", 1, *short, cwd=tmp_path)
    assert last_json(again)["runs"] == last_json(done)["runs"]
    done = run("ablate", "s.db", text_file, *short, cwd=tmp_path)
    assert "what is left out" in done.stdout and last_json(done)["split"] == "valid"
    run("study", "s.db", "--report", "r.html", cwd=tmp_path)
    page = (tmp_path / "r.html").read_text()
    assert "At equal size" in page and "What each part contributes" in page and "most like it" in page
    done = run("ablate", "elman", text_file, *short, "--parameters", 2000, cwd=tmp_path)
    assert "without tanh" in done.stdout and (tmp_path / "ablation.json").exists()


def test_cells_are_compared(tmp_path, text_file):
    options = ["--cells", "gru,elman", "--parameters", 3000, "--seeds", 2, "--updates", 15, "--batch", 8]
    done = run("compare", text_file, *options, "--json", cwd=tmp_path)
    assert "gru" in done.stdout and "elman" in last_json(done)["differences"]
    again = run("compare", text_file, *options, "--resume", "--json", cwd=tmp_path)
    assert last_json(again)["cells"] == last_json(done)["cells"]
    sized = run("compare", text_file, *options[:2], "--hidden", 8, *options[4:], "--json", cwd=tmp_path)
    hidden = {run["cell"]: run["hidden_size"] for run in last_json(sized)["runs"]}
    assert hidden["gru"] in (8, 9) and hidden["elman"] > 10, hidden


def test_files_of_one_name_are_cells_of_their_own(tmp_path, text_file):
    names = []
    for folder, cell in (("one", "gru"), ("two", "elman")):
        (tmp_path / folder).mkdir()
        names.append(f"{folder}/cell.txt")
        (tmp_path / names[-1]).write_text(rnncell.Cell.stock(cell).equations)
    done = run("compare", text_file, "--cells", ",".join([*names, "lstm"]), "--parameters", 2000,
               "--seeds", 1, "--updates", 3, "--batch", 4, "--json", cwd=tmp_path)
    assert {run["cell"] for run in last_json(done)["runs"]} == {*names, "lstm"}


def in_a_terminal(*arguments, cwd, hears):
    """What a command writes to a terminal, which is sent `q` when it has written something; its status."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(cwd)
        os.execv(sys.executable, [sys.executable, "-m", "rnncell", *map(str, arguments)])
    written = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        is_first = hears not in written
        written += part
        if is_first and hears in written:
            os.write(terminal, b"q")
    os.close(terminal)
    return written.decode(), os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_q_stops_a_search_and_what_follows_one(tmp_path, text_file):
    # What is scored first would be LSTM or GRU, and nothing found yet.
    done, status = in_a_terminal("search", text_file, "--minutes", 600, "--hidden", 8, "--db", "s.db",
                                 "--no-controls", cwd=tmp_path, hears=b"1 scored")
    assert status == 0 and "q stops" in done and "stopped by q" in done and "best cell found" in done
    done, status = in_a_terminal("study", "s.db", "--watch", cwd=tmp_path, hears=b"scored")
    assert status == 0 and "best cell found" in done


@pytest.mark.parametrize("name", list(rnncell.stock_cells()))
def test_every_stock_cell_is_shown_in_every_form(name, capsys):
    """Those of others may have no place for it, which is said with the name of a node."""
    for form in FORMS:
        status = main(["show", name, "--as", form])
        written = capsys.readouterr()
        if status == 0:
            assert written.out.strip()
        else:
            assert form in ("genotype", "arc", "recipe", "dsl", "tree"), (form, written.err)
            assert written.err.startswith("rnncell: ") and len(written.err) > 30


def test_every_stock_cell_is_trained_exported_and_compared(tmp_path, text_file, capsys):
    names = list(rnncell.stock_cells())
    assert main(["compare", str(text_file), "--cells", ",".join(names), "--parameters", "2000", "--seeds", "1",
                 "--updates", "4", "--batch", "4", "--save", str(tmp_path / "c.json")]) == 0
    table = capsys.readouterr().out
    assert all(f"\n{name} " in table for name in names)
    for name in names:
        model = tmp_path / f"{name}.safetensors"
        assert main(["train", str(text_file), "--cell", name, "--hidden", "8", "--updates", "2", "--batch", "4",
                     "--save", str(model)]) == 0, capsys.readouterr().err
        for form in ("onnx", "c", "torch", "jax"):
            program = tmp_path / f"{name}.{form}"
            assert main(["export", str(model), "--to", form, str(program)]) == 0, capsys.readouterr().err
            assert program.stat().st_size > 1000


def test_the_demo_runs_from_end_to_end(tmp_path):
    done = run("demo", "--trials", 3, "--updates", 50, "--json", cwd=tmp_path)
    result = last_json(done)
    assert result["scored"] >= 1 and {"lstm", "gru", result["best"]} <= set(result["comparison"]["cells"])
    for part in ("Search: auto", "scored", "95 %", "h' = ", "report.html", "lstm: "):
        assert part in done.stdout
    assert (tmp_path / "cell.svg").read_text().startswith("<")
    assert "At equal size" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("command, part", [
    (["search", "text.txt", "--minutes", "10", "--hidden", "8", "--db", "s.db"], "carries on"),
    (["train", "text.txt", "--epochs", "100000", "--hidden", "8", "--save", "m"], "the weights are in m"),
])
def test_ctrl_c_has_status_130_and_says_how_to_resume(command, part, tmp_path, text_file):
    """The interruption comes when the call hears of its progress, not after some time."""
    program = """
import os, signal, sys
from rnncell import cli, models, studies
def interrupting(function):
    def once(self, *given, **options):
        progress = options.pop("progress", None) or (given[0] if given else None)
        def hear(*told):
            os.kill(os.getpid(), signal.SIGINT)
            return False
        if function.__name__ == "run":
            return function(self, hear)
        return function(self, *given, progress=hear, **{**options, "report_every": 1})
    return once
models.LanguageModel.fit = interrupting(models.LanguageModel.fit)
studies.Study.run = interrupting(studies.Study.run)
sys.exit(cli.main())
"""
    done = subprocess.run([sys.executable, "-c", program, *command], cwd=tmp_path, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 130, done.stderr
    assert part in done.stderr.splitlines()[-1]


def test_a_reader_that_goes_away_is_no_error():
    process = subprocess.Popen([sys.executable, "-m", "rnncell", "stock"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() in (0, 1)
