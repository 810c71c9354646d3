"""Corpora and vocabularies."""
import pickle

import numpy as np
import pytest
import rnncell


def test_a_text_is_split_by_position(text):
    corpus = rnncell.Corpus(text=text)
    whole = "".join(corpus.vocabulary.decode(split) for split in (
        corpus.train, corpus.valid, corpus.test))
    assert whole == text
    assert corpus.train.size == pytest.approx(0.9 * len(text), rel=0.01)
    assert corpus.train.dtype == "int32" and np.asarray(corpus.train).max() < len(corpus.vocabulary)


def test_files_and_memory_give_the_same_corpus(text, text_file):
    assert rnncell.Corpus(text_file).digest == rnncell.Corpus(text=text.encode()).digest
    three = rnncell.Corpus(train=text_file, valid=text_file, test=str(text_file))
    assert three.train.size == three.test.size == len(text)
    assert rnncell.Corpus(text_file, limit=1000).train.size == pytest.approx(900, rel=0.05)


def test_words_end_sentences():
    corpus = rnncell.Corpus(train_text="a b\nc a\n", valid_text="a c\n", test_text="b b\n", unit="word")
    assert {"a", "b", "c", "<eos>"} <= set(corpus.vocabulary)
    assert corpus.train.size == 6
    assert corpus.vocabulary.decode(corpus.train) == "a b\nc a\n"


def test_bytes_hold_anything():
    corpus = rnncell.Corpus(text=bytes(range(256)) * 8, unit="byte")
    assert corpus.train.size + corpus.valid.size + corpus.test.size == 2048
    assert corpus.unit == "byte"


def test_a_vocabulary_is_a_sequence(corpus):
    vocabulary = corpus.vocabulary
    assert [vocabulary.index(word) for word in vocabulary] == list(range(len(vocabulary)))
    assert vocabulary[-1] == vocabulary[len(vocabulary) - 1]
    assert vocabulary[:2] == [vocabulary[0], vocabulary[1]]
    assert "t" in vocabulary and "Q" not in vocabulary and 3 not in vocabulary
    with pytest.raises(IndexError):
        vocabulary[len(vocabulary)]
    with pytest.raises(ValueError, match="'Q'"):
        vocabulary.index("Q")


def test_a_corpus_can_be_pickled_while_its_files_stay_the_same(text_file):
    corpus = rnncell.Corpus(text_file)
    data = pickle.dumps(corpus)
    assert pickle.loads(data).digest == corpus.digest
    text_file.write_text("something else\n" * 100)
    with pytest.raises(rnncell.StateError, match="changed"):
        pickle.loads(data)


def test_the_standard_library_is_there():
    corpus = rnncell.Corpus.standard_library(limit=20_000)
    assert 19_000 < corpus.train.size + corpus.valid.size + corpus.test.size <= 20_000
    assert corpus.digest == rnncell.Corpus.standard_library(limit=20_000).digest
    assert "characters" in repr(corpus)
