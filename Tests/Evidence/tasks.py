"""Tasks whose results are published, or known to tell whether a cell can remember.

Each gives its score on data that nothing was chosen on, and what the score is.
"""
from __future__ import annotations

import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rnncell

# Of the music: the published hold for one layer of a size like this, at whatever rate and dropout is best.
MUSIC = {
    "jsb": ("JSB_Chorales", {"epochs": 400, "patience": 20, "learning_rate": 0.005, "dropout": 0.4,
                             "recurrent_dropout": 0.3, "average": 0.998, "batch_size": 8}),
    "nottingham": ("Nottingham", {"epochs": 160, "patience": 20, "learning_rate": 0.003, "clip": 1.0,
                                  "dropout": 0.5, "input_dropout": 0.0, "recurrent_dropout": 0.1,
                                  "average": 0.998, "batch_size": 4})}
MUSIC_HIDDEN = 200
# Where that rate is too large: gradients through a thousand steps overflow.
RATES = {("nottingham", "gru"): 0.0015}


def rolls(data: pathlib.Path, name: str) -> dict[str, list[np.ndarray]]:
    """The piano rolls of a file: train, valid and test."""
    import scipy.io
    contents = scipy.io.loadmat(data.parent / "music" / f"{name}.mat")
    return {split: [np.asarray(roll, np.float32) for roll in contents[f"{split}data"][0]]
            for split in ("train", "valid", "test")}


def music_task(data: pathlib.Path, name: str, hidden: int = MUSIC_HIDDEN, **options: Any
               ) -> rnncell.SequenceTask:
    """The next step of the rolls, with models of the size of an LSTM."""
    file, training = MUSIC[name]
    parts = rolls(data, file)
    return rnncell.SequenceTask(parts["train"], parts["valid"], parts["test"], targets="labels",
                                hidden_size=hidden, **{**training, **options})


def _music(name: str) -> Callable[[pathlib.Path, str, int], dict[str, Any]]:
    def run(data: pathlib.Path, cell: str, seed: int) -> dict[str, Any]:
        task = music_task(data, name)
        model = task.fit(rnncell.SequenceModel(
            cell, 88, 88, targets="labels", per_step=True, hidden_size=MUSIC_HIDDEN, seed=seed),
            seed=seed, threads=1,
            learning_rate=RATES.get((name, cell), MUSIC[name][1]["learning_rate"]))
        return {"score": task.loss(model, "test"),
                "metric": "test loss, nats per step", "valid": task.loss(model)}
    return run


def _adding(data: pathlib.Path, cell: str, seed: int, steps: int = 200) -> dict[str, Any]:
    """Two of 200 numbers are marked; their sum is to be said (Hochreiter and Schmidhuber 1997)."""
    random = np.random.default_rng(seed)

    def make(count: int) -> tuple[np.ndarray, np.ndarray]:
        values, marks = random.random((count, steps)), np.zeros((count, steps))
        rows = np.arange(count)
        for low, high in ((0, steps // 2), (steps // 2, steps)):
            marks[rows, random.integers(low, high, count)] = 1
        return (np.stack([values, marks], 2).astype(np.float32),
                (values * marks).sum(1, keepdims=True).astype(np.float32))
    (x, y), valid, test = make(10_000), make(1000), make(1000)
    model = rnncell.SequenceModel(cell, 2, 1, targets="values", hidden_size=64, chrono=steps, seed=seed)
    model.fit(x, y, valid=valid, epochs=12, batch_size=50, learning_rate=0.005, clip=1.0, seed=seed,
              threads=1, progress=lambda row: row.valid_loss < 1e-3)
    return {"score": model.evaluate(*test), "metric": "mean squared error"}


def _copying(data: pathlib.Path, cell: str, seed: int) -> dict[str, Any]:
    """Ten symbols of eight are to be said again after thirty blanks (Arjovsky et al. 2016)."""
    random = np.random.default_rng(seed)
    symbols, blanks = 10, 30
    steps = 2 * symbols + blanks

    def make(count: int) -> tuple[np.ndarray, np.ndarray]:
        said = random.integers(1, 9, (count, symbols))
        shown = np.zeros((count, steps), int)
        shown[:, :symbols] = said
        shown[:, symbols + blanks - 1] = 9
        wanted = np.zeros((count, steps), int)
        wanted[:, -symbols:] = said
        return np.eye(10, dtype=np.float32)[shown], wanted
    (x, y), valid, test = make(20_000), make(500), make(500)
    model = rnncell.SequenceModel(cell, 10, 9, per_step=True, hidden_size=128, chrono=steps, seed=seed)
    model.fit(x, y, valid=valid, epochs=25, batch_size=20, learning_rate=0.01, clip=1.0,
              schedule="cosine", seed=seed, threads=1, progress=lambda row: row.valid_loss < 1e-3)
    found = np.asarray(model.predict(test[0])).argmax(2)
    return {"score": float((found[:, -symbols:] == test[1][:, -symbols:]).mean()),
            "metric": "share of symbols"}


def _digits(shape: tuple[int, int]) -> Callable[[pathlib.Path, str, int], dict[str, Any]]:
    def run(data: pathlib.Path, cell: str, seed: int) -> dict[str, Any]:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
        images, digits = load_digits(return_X_y=True)
        train, test, wanted, right = train_test_split(
            images / 16, digits, test_size=0.2, random_state=seed, stratify=digits)
        model = rnncell.SequenceClassifier(
            cell, hidden_size=96, epochs=60, learning_rate=0.003, dropout=0.1, threads=1,
            random_state=seed, training={"schedule": "cosine"})
        model.fit(train.reshape(-1, *shape), wanted)
        return {"score": model.score(test.reshape(-1, *shape), right), "metric": "test accuracy"}
    return run


def _small(data: pathlib.Path, cell: str, seed: int) -> dict[str, Any]:
    """The small model of Zaremba et al. 2014, arXiv:1409.2329, section 4.1 and its program."""
    corpus = rnncell.Corpus(**{part: data / f"ptb.{part}.txt" for part in ("train", "valid", "test")},
                            unit="word")
    model = rnncell.LanguageModel(cell, corpus, hidden_size=200, layers=2, init_range=0.1, seed=seed)
    model.fit(corpus, epochs=13, optimizer="sgd", learning_rate=1.0, decay=0.5, decay_after=4,
              truncation=20, batch_size=20, clip=5.0, reduction="sum", seed=seed)
    return {"score": model.perplexity(corpus.test), "metric": "test perplexity",
            "valid": model.perplexity(corpus.valid)}


TASKS: dict[str, Callable[[pathlib.Path, str, int], dict[str, Any]]] = {
    "jsb": _music("jsb"), "nottingham": _music("nottingham"), "adding": _adding,
    "copying": _copying, "digits by rows": _digits((8, 8)), "digits by pixels": _digits((64, 1)),
    "ptb small": _small}
#: What is measured, and what others report or what is demanded.
WANTED: dict[tuple[str, str], tuple[int, str]] = {
    ("jsb", "lstm"): (1, "8.45 (Bai et al. 2018)"), ("jsb", "gru"): (1, "8.43 (Bai et al. 2018)"),
    ("nottingham", "lstm"): (1, "3.29 (Bai et al. 2018)"),
    ("nottingham", "gru"): (1, "3.46 (Bai et al. 2018)"),
    ("adding", "lstm"): (1, "0.01"), ("copying", "lstm"): (1, "0.99"),
    ("digits by rows", "lstm"): (1, "0.97"), ("digits by pixels", "lstm"): (1, "0.93"),
    ("ptb small", "lstm"): (1, "114.5 to 115.9 (Zaremba et al. 2014)")}


def measure_task(data: pathlib.Path, task: str, cell: str, seed: int) -> dict[str, Any]:
    """One row."""
    start = time.monotonic()
    figures = TASKS[task](data, cell, seed)
    return {"metric": figures["metric"], "score": f"{figures['score']:.5f}",
            "valid": f"{figures['valid']:.5f}" if "valid" in figures else "",
            "seconds": round(time.monotonic() - start, 1)}
