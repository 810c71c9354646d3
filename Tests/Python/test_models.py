"""Language models: training, loss, text, files, resuming."""
import copy
import math
import pickle

import numpy as np
import pytest
import rnncell

SMALL = {"batch_size": 8, "truncation": 20, "learning_rate": 0.01}


def model(corpus, **options):
    return rnncell.LanguageModel("gru", corpus.vocabulary, **{"hidden_size": 16, "seed": 1, **options})


def weights(one):
    return {name: value.tolist() for name, value in one.parameters().items()}


def test_training_lowers_the_loss(corpus):
    one = model(corpus)
    before = one.evaluate(corpus.valid)
    assert before == pytest.approx(math.log(len(corpus.vocabulary)), rel=0.1)
    history = one.fit(corpus, epochs=3, **SMALL)
    assert [row.epoch for row in history] == [1, 2, 3]
    assert history[-1].valid_loss < before - 0.5
    # The history's loss is of as many pieces as the batch has, each from a state of zero.
    assert history[-1].valid_loss == pytest.approx(one.evaluate(corpus.valid), abs=0.15)
    assert one.perplexity(corpus.test) == pytest.approx(math.exp(one.evaluate(corpus.test)))
    assert history[-1].update == history[-1].updates and history == one.history


@pytest.mark.parametrize("options", [
    {"optimizer": "sgd", "learning_rate": 1.0, "decay": 0.5, "decay_after": 1},
    {"optimizer": "sgd", "learning_rate": 0.2, "reduction": "sum", "clip": 5},
    {"dropout": 0.2, "variational": True}, {"clip": None}, {"patience": 1},
])
def test_every_way_to_train_learns(corpus, options):
    one = model(corpus, layers=2)
    before = one.evaluate(corpus.valid)
    one.fit(corpus, **{"epochs": 2, **SMALL, **options})
    assert one.evaluate(corpus.valid) < before - 0.2


def test_threads_do_not_change_a_bit(corpus):
    first, second = model(corpus), model(corpus)
    first.fit(corpus, updates=10, threads=1, **SMALL)
    second.fit(corpus, updates=10, threads=2, **SMALL)
    assert weights(first) == weights(second)


def test_a_checkpoint_resumes_to_the_same_bits(corpus, tmp_path):
    whole, first = model(corpus), model(corpus)
    options = {**SMALL, "dropout": 0.1, "seed": 4}
    whole.fit(corpus, epochs=3, **options)
    first.fit(corpus, epochs=1, checkpoint=tmp_path / "c", **options)
    second = model(corpus)
    history = second.fit(corpus, epochs=3, checkpoint=tmp_path / "c", resume=True, **options)
    assert weights(second) == weights(whole)
    assert [row.epoch for row in history] == [1, 2, 3]


def test_progress_is_heard_and_can_stop(corpus):
    heard = []

    def hear(progress):
        heard.append(progress)
        return progress.update >= 6

    one = model(corpus)
    one.fit(corpus, epochs=50, progress=hear, report_every=2, **SMALL)
    assert [row.update for row in heard] == [2, 4, 6]
    assert all(math.isnan(row.valid_loss) for row in heard)


def test_an_exception_in_a_callback_comes_out(corpus):
    def hear(progress):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        model(corpus).fit(corpus, epochs=2, progress=hear, report_every=1, **SMALL)


def test_divergence_is_an_exception(corpus):
    with pytest.raises(rnncell.DivergedError) as caught:
        rnncell.LanguageModel("h' = relu(linear(x, h)) * 1000", corpus.vocabulary, hidden_size=8).fit(
            corpus, epochs=2, optimizer="sgd", learning_rate=1e6, clip=None, batch_size=8)
    assert isinstance(caught.value, ArithmeticError)


def test_text_is_written_on(trained, corpus):
    text = trained.generate("the ", 40, seed=3)
    assert len(text) == 40 and set(text) <= set(corpus.vocabulary)
    assert trained.generate("the ", 40, seed=3) == text
    assert trained.generate("the ", 0) == ""
    likeliest = {trained.generate("the cat ", 10, temperature=0, seed=seed) for seed in range(3)}
    assert len(likeliest) == 1


def test_words_are_written_too(words):
    one = rnncell.LanguageModel("lstm", words, hidden_size=8)
    assert all(word in words.vocabulary for word in one.generate("the", 5).split())


def test_tokens_of_text(trained, corpus):
    ids = trained.encode("the cat")
    assert ids.tolist() == [corpus.vocabulary.index(letter) for letter in "the cat"]
    assert trained.decode(ids) == "the cat"
    assert trained.encode("Q").tolist() == [corpus.vocabulary.index("\N{REPLACEMENT CHARACTER}")]
    assert trained.evaluate("the cat sleeps") == trained.evaluate(trained.encode("the cat sleeps"))


def test_a_model_is_saved_loaded_copied_and_pickled(trained, corpus, tmp_path):
    trained.save(tmp_path / "m.safetensors")
    loss = trained.evaluate(corpus.test)
    for other in (rnncell.LanguageModel.load(tmp_path / "m.safetensors"), copy.copy(trained),
                  pickle.loads(pickle.dumps(trained))):
        assert other.evaluate(corpus.test) == loss
        assert other.generate("a", 20, seed=1) == trained.generate("a", 20, seed=1)


def test_the_network_of_a_model_has_its_weights(trained):
    net = trained.network()
    assert all(np.array_equal(value, trained.parameters()[name])
               for name, value in net.parameters().items())
    assert net.input_size == trained.embedding_size and net.output_size == trained.hidden_size


def test_weights_of_a_model_can_be_set(corpus):
    first, second = model(corpus, seed=1), model(corpus, seed=2)
    second.load_parameters(first.parameters())
    assert second.evaluate(corpus.valid) == first.evaluate(corpus.valid)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_a_model_comes_near_to_a_number_of_parameters(corpus, cell):
    one = rnncell.LanguageModel(cell, corpus.vocabulary, parameters=20_000)
    assert one.parameter_count == pytest.approx(20_000, rel=0.04)
    assert one.parameter_count == sum(value.size for value in one.parameters().values())


def test_tied_weights_are_counted_once(corpus):
    free, tied = model(corpus), model(corpus, tied=True)
    assert tied.parameter_count == free.parameter_count - 16 * len(corpus.vocabulary)
    assert "parameters" in repr(tied)


def test_another_vocabulary_is_refused(trained, words):
    with pytest.raises(rnncell.StateError):
        trained.fit(words)


def test_dynamic_evaluation_follows_the_text_and_leaves_the_weights():
    """As Krause et al. 2018: predict a segment, then take a step on it; by the model's own fit here."""
    corpus = rnncell.Corpus(text="abcd efgh " * 400)
    model = rnncell.LanguageModel("gru", corpus, hidden_size=8, seed=1)
    model.fit(corpus, updates=30)
    before = {name: np.asarray(value) for name, value in model.parameters().items()}
    other = model.encode("hgfe dcba " * 60)
    plain = model.evaluate(other)
    assert model.evaluate(other, dynamic=1e-12) == pytest.approx(plain, rel=1e-5)
    assert model.evaluate(other, dynamic=0.5) < plain - 0.05
    # Back at the trained weights after each step there is nothing to follow.
    assert model.evaluate(other, dynamic=0.5, decay=1.0) == pytest.approx(plain, rel=1e-5)
    for name, value in model.parameters().items():
        np.testing.assert_array_equal(np.asarray(value), before[name])
    with pytest.raises(rnncell.InvalidArgumentError, match="decay"):
        model.evaluate(other, dynamic=0.5, decay=1.5)


def test_options_of_dynamic_evaluation_need_it(trained, corpus):
    for options in ({"decay": 0.1}, {"truncation": 5}):
        with pytest.raises(rnncell.InvalidArgumentError, match="of dynamic evaluation alone; pass dynamic="):
            trained.evaluate(corpus.test, **options)
    with pytest.raises(TypeError, match="decay must be a number, not str"):
        trained.evaluate(corpus.test, dynamic=0.1, decay="0.1")


@pytest.mark.parametrize("id", [2**40, -7])
def test_a_token_that_no_vocabulary_has_is_named(trained, id):
    with pytest.raises(rnncell.InvalidArgumentError, match=f"a token id is {id}"):
        trained.evaluate([0, id])


def test_what_is_no_prompt_or_flag_is_named(trained, corpus):
    with pytest.raises(TypeError, match="prompt must be str, not bytes"):
        trained.generate(b"h")
    for name in ("tied", "residual"):
        with pytest.raises(TypeError, match=f"{name} must be True or False, not 'no'"):
            model(corpus, **{name: "no"})
