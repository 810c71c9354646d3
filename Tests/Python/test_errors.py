"""What is wrong raises its exception, with the value and the remedy."""
import math
import os

import numpy as np
import pytest
import rnncell

GRU = rnncell.Cell.stock("gru")
ERRORS = {
    "InvalidArgumentError": ValueError, "ParseError": ValueError, "OutOfMemoryError": MemoryError,
    "FileError": OSError, "FormatError": ValueError, "LimitError": ValueError,
    "CancelledError": RuntimeError, "DivergedError": ArithmeticError, "StateError": RuntimeError,
    "BusyError": RuntimeError, "InternalError": RuntimeError,
}


@pytest.mark.parametrize("name", ERRORS)
def test_every_status_is_an_exception_of_its_own_and_a_built_in_one(name):
    error = getattr(rnncell, name)
    assert issubclass(error, rnncell.Error) and issubclass(error, ERRORS[name])
    assert error.__module__ == "rnncell" and error.__doc__


def net(**options):
    return rnncell.Network(GRU, **{"input_size": 3, "hidden_size": 4, **options})


def model(corpus, **options):
    return rnncell.LanguageModel(GRU, corpus.vocabulary, **{"hidden_size": 4, **options})


def doubling(times):
    """A cell in which each of so many nodes is read twice."""
    lines = [f"a{i} = tanh(a{i - 1}) * sigmoid(a{i - 1})" for i in range(1, times + 1)]
    return rnncell.Cell("\n".join(["a0 = linear(x, h)", *lines, f"h' = a{times}"]))


X = np.zeros((5, 2, 3), np.float32)
INVALID, PARSE, TYPE = rnncell.InvalidArgumentError, rnncell.ParseError, TypeError
WITHOUT_A_CORPUS = [
    ("a text for a path", lambda: rnncell.Corpus("two\nlines"), INVALID, "text= for a text"),
    ("no cell of that name", lambda: rnncell.Cell.stock("lstn"), INVALID, "did you mean 'lstm'"),
    ("empty equations", lambda: rnncell.Cell(""), PARSE, ""),
    ("garbled equations", lambda: rnncell.Cell("h' = \x01\xff((("), PARSE, ""),
    ("NUL in equations", lambda: rnncell.Cell("h' = x\0"), INVALID, "NUL"),
    ("endless equations", lambda: rnncell.Cell("h' = " + "(" * 100_000), rnncell.Error, ""),
    ("equations of bytes", lambda: rnncell.Cell(b"h' = x"), TYPE, "str"),
    ("a genotype of nothing", lambda: rnncell.Cell.from_genotype([]), rnncell.Error, ""),
    ("a genotype of numbers", lambda: rnncell.Cell.from_genotype([1, 2]), INVALID, "genotype"),
    ("a genotype from ahead", lambda: rnncell.Cell.from_genotype([("tanh", 5)]), rnncell.Error, ""),
    ("a recipe of nothing", lambda: rnncell.Cell.from_recipe("{}"), rnncell.Error, ""),
    ("a recipe of two sizes", lambda: rnncell.Network(rnncell.Cell.from_recipe(
        {"h_new_0": {"op": "sum", "input": ["x", "h_prev_0"]}}), 3, 4), INVALID, "x has 3 and h 4 elements"),
    ("x beside h in a model of sequences", lambda: rnncell.SequenceRegressor(
        "h' = tanh(x + linear(h))", hidden_size=4, epochs=1).fit([[[1.0, 2.0]]], [0.5]), INVALID,
     "use equal sizes, or map x"),
    ("a recipe cut short", lambda: rnncell.Cell.from_recipe('{"h_new_0": {"op"'), PARSE, ""),
    ("an arc of text", lambda: rnncell.Cell.from_arc("zero"), rnncell.Error, ""),
    ("another numbering", lambda: rnncell.Cell.from_arc("0", numbering="nao"), INVALID, "'nao'"),
    ("no arrays of Keras", lambda: rnncell.Network.from_keras([]), INVALID, "get_weights()"),
    ("an optimizer of nothing", lambda: rnncell.Optimizer("adam"), TYPE, "network.optimizer()"),
    ("LSTM as a genotype", lambda: rnncell.Cell.stock("lstm").genotype(), INVALID, ""),
    ("a term that doubles at each node", lambda: doubling(25).dsl(), INVALID, "written once for each"),
    *((f"a long text for {read.__name__}", lambda read=read: read("0 " * 40_000), rnncell.LimitError,
       "80000 bytes") for read in (rnncell.Cell, rnncell.Cell.from_arc, rnncell.Cell.from_genotype,
                                   rnncell.Cell.from_recipe, rnncell.Cell.from_dsl)),
    ("sizes of zero", lambda: GRU.parameter_count(0, 5), INVALID, "0"),
    ("sizes below zero", lambda: GRU.parameter_shapes(3, -1), INVALID, "-1"),
    ("sizes beyond reason", lambda: GRU.parameter_count(1 << 40, 1 << 40), ValueError, ""),
    ("sizes beyond 64 bits", lambda: GRU.parameter_count(1 << 80, 1), OverflowError, ""),
    ("a counterpart in another cell",
     lambda: GRU.counterpart("W[z, x]", rnncell.Cell.stock("lstm")), INVALID, ""),
    ("no input size", lambda: net(input_size=0), INVALID, "0"),
    ("a hidden size below zero", lambda: net(hidden_size=-3), INVALID, "-3"),
    ("a huge hidden size", lambda: net(hidden_size=1 << 40), ValueError, ""),
    ("no layers", lambda: net(layers=0), INVALID, "layers is 0"),
    ("two cells for three layers", lambda: rnncell.Network([GRU, GRU], 3, 4, layers=3), INVALID, "3"),
    ("cells of numbers", lambda: rnncell.Network([1], 3, 4), TYPE, "int"),
    ("no cells", lambda: rnncell.Network([], 3, 4), TYPE, ""),
    ("a seed below zero", lambda: net(seed=-1), INVALID, "-1"),
    ("a seed of text", lambda: net(seed="1"), TYPE, ""),
    ("a range below zero", lambda: net(init_range=-0.1), INVALID, "-0.1"),
    ("a range that is none", lambda: net(init_range=math.nan), INVALID, "nan"),
    ("input of another size", lambda: net()(X[:, :, :2]), INVALID, "[5, 2, 2]"),
    ("input without a batch", lambda: net()(X[0]), INVALID, "[2, 3]"),
    ("no steps", lambda: net()(X[:0]), rnncell.Error, "0"),
    ("too few lengths", lambda: net()(X, lengths=[1]), INVALID, "per sequence"),
    ("a length below zero", lambda: net()(X, lengths=[1, -1]), INVALID, "-1"),
    ("a length past the end", lambda: net()(X, lengths=[6, 1]), INVALID, "6"),
    ("lengths of text", lambda: net()(X, lengths=["a", 1]), TYPE, ""),
    ("a state of another batch", lambda: net()(X, net()(X[:, :1])[1]), INVALID, "state"),
    ("a state of another name", lambda: net()(X, {"layers.0.c": [[0] * 4] * 2}), INVALID, "layers.0.h"),
    ("a state of another shape", lambda: net()(X, {"layers.0.h": [[0] * 5] * 2}), INVALID, "[2, 5]"),
    ("threads below zero", lambda: net()(X, threads=-1), INVALID, "-1"),
    ("a gradient of another shape", lambda: net().forward(X)[1].backward(X), INVALID, "[5, 2, 4]"),
    ("a stream of no sequences", lambda: net().stream(0), INVALID, "0"),
    ("a step of another batch", lambda: net().stream(2).step(X[0, :1]), INVALID, "[1, 3]"),
    ("a step without a batch", lambda: net().step(X[0, 0]), INVALID, "[3]"),
    ("weights from a list", lambda: net().load_parameters([]), TYPE, "mapping"),
    ("a network that is not there", lambda: rnncell.Network.load("/nowhere/n"), OSError, "/nowhere/n"),
    ("a network into nowhere", lambda: net().save("/nowhere/n"), OSError, "/nowhere/n"),
    ("a path that is a number", lambda: rnncell.Network.load(3), TYPE, ""),
    ("no text", lambda: rnncell.Corpus(), INVALID, "text="),
    ("an empty text", lambda: rnncell.Corpus(text=""), INVALID, ""),
    ("a text too short to split", lambda: rnncell.Corpus(text="ab"), INVALID, ""),
    ("no such unit", lambda: rnncell.Corpus(text="ab", unit="letter"), INVALID, "'letter'"),
    ("no such file", lambda: rnncell.Corpus("/nowhere/t"), OSError, "/nowhere/t"),
    ("a directory", lambda: rnncell.Corpus(os.path.dirname(__file__)), OSError, ""),
    ("text that is not UTF-8", lambda: rnncell.Corpus(text=b"\xff\xfe" * 100), ValueError, ""),
    ("two sources", lambda: rnncell.Corpus(text="a" * 99, train_text="b"), INVALID, "one of them"),
    ("a limit of nothing", lambda: rnncell.Corpus(text="a" * 99, limit=0), INVALID, "0"),
    ("a text of numbers", lambda: rnncell.Corpus(text=5), TYPE, "int"),
    ("a model of no file", lambda: rnncell.LanguageModel.load("/nowhere/m"), OSError, "/nowhere/m"),
    ("a model of no corpus", lambda: rnncell.LanguageModel(GRU, ["a"]), TYPE, "list"),
    ("no such strategy", lambda: rnncell.Study(strategy="evolutoin"), INVALID, "evolution"),
    ("no trials", lambda: rnncell.Study(trials=0), INVALID, "0"),
    ("minutes below zero", lambda: rnncell.Study(minutes=-1), INVALID, "-1"),
    ("a study into nowhere", lambda: rnncell.Study("/nowhere/s.db"), OSError, "/nowhere/s.db"),
    ("a corpus of text", lambda: rnncell.Study(None, "text"), TYPE, "str"),
    ("a run without a corpus", lambda: rnncell.Study(trials=1).run(), rnncell.StateError, "corpus"),
    ("an unknown proposal", lambda: rnncell.Study().tell(5, 1.0), INVALID, "5"),
    ("a comparison of nothing",
     lambda: rnncell.compare(rnncell.Corpus(text="ab" * 99), [], parameters=9), INVALID, "cells"),
]


@pytest.mark.parametrize("call, error, part", [row[1:] for row in WITHOUT_A_CORPUS],
                         ids=[row[0] for row in WITHOUT_A_CORPUS])
def test_bad_input_is_named(call, error, part):
    with pytest.raises(error) as caught:
        call()
    assert part in str(caught.value) and len(str(caught.value)) > 8


WITH_A_CORPUS = [
    ("no hidden size", lambda c: model(c, hidden_size=0), INVALID, "hidden_size is 0"),
    ("no embedding", lambda c: model(c, embedding_size=-2), INVALID, "-2"),
    ("two sizes", lambda c: model(c, parameters=99), INVALID, "one of them"),
    ("tied and unequal", lambda c: model(c, tied=True, embedding_size=5), INVALID, ""),
    ("no epochs", lambda c: model(c).fit(c, epochs=0), INVALID, "epochs is 0"),
    ("no such optimizer", lambda c: model(c).fit(c, optimizer="adan"), INVALID, "adan"),
    ("a rate below zero", lambda c: model(c).fit(c, learning_rate=-1), INVALID, "-1"),
    ("a rate of text", lambda c: model(c).fit(c, learning_rate="fast"), TYPE, "str"),
    ("a decay of zero", lambda c: model(c).fit(c, decay=0), INVALID, "decay is 0"),
    ("all dropped", lambda c: model(c).fit(c, dropout=1.0), INVALID, "1"),
    ("no clip", lambda c: model(c).fit(c, clip=-1), INVALID, "clip is -1"),
    ("no batch", lambda c: model(c).fit(c, batch_size=0), INVALID, "batch_size is 0"),
    ("a batch beyond the text", lambda c: model(c).fit(c, batch_size=10**6), rnncell.Error, ""),
    ("no truncation", lambda c: model(c).fit(c, truncation=-5), INVALID, "-5"),
    ("another reduction", lambda c: model(c).fit(c, reduction="max"), INVALID, "'max'"),
    ("resuming from nothing", lambda c: model(c).fit(c, resume=True), INVALID, "checkpoint=FILE"),
    ("a checkpoint into nowhere",
     lambda c: model(c).fit(c, updates=1, checkpoint="/nowhere/c"), OSError, "/nowhere/c"),
    ("a text to fit", lambda c: model(c).fit("text"), TYPE, "str"),
    ("one token", lambda c: model(c).evaluate([0]), INVALID, "2"),
    ("a token outside", lambda c: model(c).evaluate([0, 10**6]), INVALID, "1000000"),
    ("a token below zero", lambda c: model(c).evaluate([0, -1]), INVALID, "-1"),
    ("tokens that are none", lambda c: model(c).evaluate(3), TYPE, "int"),
    ("a prompt with NUL", lambda c: model(c).generate("a\0"), INVALID, "NUL"),
    ("fewer than no tokens", lambda c: model(c).generate("a", -1), INVALID, "-1"),
    ("a negative temperature", lambda c: model(c).generate("a", 5, temperature=-1), INVALID, "-1"),
    ("an option that is none", lambda c: model(c).fit(c, batch=4), TYPE, "did you mean 'batch_size'"),
    ("a task's option that is none", lambda c: rnncell.LanguageTask(c, lerning_rate=1), TYPE,
     "did you mean 'learning_rate'"),
    ("a task's reduction", lambda c: rnncell.SequenceTask(([X[:, 0]], [0]), ([X[:, 0]], [0]), output_size=2,
                                                          reduction="max"), INVALID, "'max'"),
    ("an objective that is none", lambda c: rnncell.search(objective="loss", trials=1), TYPE,
     "takes a proposal"),
    ("a study without a bound", lambda c: rnncell.Study(None, c).run(), rnncell.StateError, "bound"),
]


@pytest.mark.parametrize("call, error, part", [row[1:] for row in WITH_A_CORPUS],
                         ids=[row[0] for row in WITH_A_CORPUS])
def test_bad_input_to_models_is_named(corpus, call, error, part):
    with pytest.raises(error) as caught:
        call(corpus)
    assert part in str(caught.value) and len(str(caught.value)) > 8


@pytest.mark.parametrize("garble", [
    lambda data: b"", lambda data: data[:7], lambda data: data[:-1], lambda data: b"\xff" * 8 + data[8:],
    lambda data: data[:9] + b"}" + data[10:], lambda data: os.urandom(200), lambda data: data + b"\0",
])
@pytest.mark.parametrize("kind", ["network", "model"])
def test_damaged_files_are_refused(kind, garble, corpus, tmp_path):
    made = net() if kind == "network" else model(corpus)
    path = tmp_path / "saved"
    made.save(path)
    path.write_bytes(garble(path.read_bytes()))
    with pytest.raises(rnncell.FormatError):
        type(made).load(path)


def test_a_file_of_another_kind_is_refused(corpus, tmp_path):
    net().save(tmp_path / "n")
    with pytest.raises(rnncell.FormatError):
        rnncell.LanguageModel.load(tmp_path / "n")
    (tmp_path / "s.db").write_bytes(b"no database at all, but long enough to be one" * 50)
    with pytest.raises(rnncell.FormatError):
        rnncell.Study(tmp_path / "s.db")


def test_a_study_is_begun_with_one_corpus(corpus, words, tmp_path):
    rnncell.Study(tmp_path / "s.db", corpus).close()
    with pytest.raises(rnncell.StateError):
        rnncell.Study(tmp_path / "s.db", words)
