"""What the tests share: a small text, a corpus, and models that learn it in a blink."""
import random

import pytest
import rnncell

SEED = 7


def sentences(count, seed=SEED):
    """Text with something to learn: subjects, verbs and objects that go together."""
    chance = random.Random(seed)
    words = {"the cat": "sleeps", "a dog": "barks", "the old ship": "sails", "rain": "falls"}
    lines = []
    for _ in range(count):
        subject = chance.choice(list(words))
        lines.append(f"{subject} {words[subject]} {chance.choice(['here', 'there', 'again'])}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def text():
    return sentences(400)


@pytest.fixture(scope="session")
def corpus(text):
    return rnncell.Corpus(text=text)


@pytest.fixture(scope="session")
def words(text):
    return rnncell.Corpus(text=text, unit="word")


@pytest.fixture()
def text_file(tmp_path, text):
    path = tmp_path / "text.txt"
    path.write_text(text)
    return path


@pytest.fixture(scope="session")
def trained(corpus):
    """A model after two epochs."""
    model = rnncell.LanguageModel("gru", corpus.vocabulary, hidden_size=16, seed=SEED)
    model.fit(corpus, epochs=2, batch_size=8, truncation=20, learning_rate=0.01)
    return model
