"""Rows: updates of a language model, peak memory."""
from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from ..cells import Cell
from ..corpora import Corpus
from ..models import LanguageModel
from .peers import Peer, load
from .program import Program
from .timing import Contender, agree, interleaved, peak_megabytes


class Setting:
    """A language model of `layers` cells, trained by SGD with clipping."""

    batch, steps, updates, rate, clip = 20, 35, 8, 1.0, 5.0

    def __init__(self, cell: Cell, hidden: int = 200, layers: int = 2, words: int = 10_000) -> None:
        self.cell, self.hidden, self.layers, self.words = cell, hidden, layers, words
        self.programs = [Program(cell, hidden, hidden) for _ in range(layers)]

    def corpus(self) -> Corpus:
        """Words as often as Zipf has it, enough for the updates, and then each word once."""
        import numpy
        random = numpy.random.default_rng(2)
        ranks = 1 / numpy.arange(1, self.words)
        count = self.batch * (self.steps * self.updates + 1)
        drawn = random.choice(self.words - 1, count, p=ranks / ranks.sum())
        text = " ".join(f"w{word}" for word in drawn)
        tail = " ".join(f"w{word}" for word in range(self.words - 1))
        return Corpus(train_text=f"{text} {tail}\n", valid_text="w1 w2\n", test_text="w1 w2\n",
                      unit="word")

    def parts(self, tokens: Any) -> list[Any]:
        """The segments [steps + 1, batch] of the updates."""
        length = len(tokens) // self.batch
        columns = tokens[:length * self.batch].reshape(self.batch, -1).T
        return [columns[start:start + self.steps + 1].copy()
                for start in range(0, self.updates * self.steps, self.steps)]

    def model(self, corpus: Corpus, **options: Any) -> LanguageModel:
        """Our model, always with the same weights."""
        return LanguageModel(self.cell, corpus.vocabulary, hidden_size=self.hidden,
                             layers=self.layers, init_range=0.1, seed=0, **options)

    def weights(self, model: LanguageModel) -> dict[str, Any]:
        """Our weights as the peers take them."""
        import numpy
        given = {name: numpy.asarray(value) for name, value in model.parameters().items()}
        layers = [program.stack(numpy, {
            name.removeprefix(f"layers.{layer}."): value for name, value in given.items()
            if name.startswith(f"layers.{layer}.")}) for layer, program in enumerate(self.programs)]
        return {"embedding": given["embedding.weight"], "softmax": given["output.weight"],
                "bias": given["output.bias"], "layers": layers}

    def ours(self, model: LanguageModel, corpus: Corpus, threads: int, **options: Any) -> Contender:
        """Our updates; options: further ones of the training."""
        def run(trained: LanguageModel = model) -> float:
            rows = trained.fit(
                corpus, updates=self.updates, optimizer="sgd", learning_rate=self.rate,
                clip=self.clip, batch_size=self.batch, truncation=self.steps, reduction="sum",
                threads=threads, **options)
            return rows[-1].train_loss
        return Contender("rnncell", run, lambda: {"loss": run(self.model(corpus))})


def language_model(peers: Sequence[Peer], threads: int, rounds: int) -> dict[str, Any]:
    """Tokens per second of whole updates of the small model of Zaremba et al. 2014."""
    import numpy
    setting = Setting(Cell.stock("lstm"))
    corpus = setting.corpus()
    tokens = numpy.asarray(corpus.train)
    model = setting.model(corpus)
    weights = setting.weights(model)
    found = [setting.ours(model, corpus, threads)]
    found += [contender for peer in peers
              if (contender := peer.language_model(setting, weights, tokens)) is not None]
    own = found[0].result()
    for other in found[1:]:
        agree(own, other.result(), f"language model, {other.label}")
    timing = interleaved([contender.run for contender in found], rounds, threads)
    count = setting.updates * setting.batch * setting.steps
    speeds = {contender.label: count / seconds
              for contender, seconds in zip(found, timing.seconds)}
    others = [speed for label, speed in speeds.items() if label != "rnncell"]
    return {"tokens_per_second": speeds, "floor": 1.5,
            "ratio": speeds["rnncell"] / max(others) if others else None}


def memory(peers: Sequence[str], threads: int) -> dict[str, dict[str, float]]:
    """Megabytes of a process that trains the language model: at its peak, and before the model."""
    result = {}
    for name in ["rnncell", *(peer for peer in peers if peer in ("torch", "jax"))]:
        done = subprocess.run(
            [sys.executable, "-m", __name__, name, str(threads)], capture_output=True, text=True,
            check=False)
        if done.returncode == 0:
            result[name] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_memory(name: str, threads: int) -> dict[str, float]:
    """What one process of `memory` prints."""
    import numpy
    setting = Setting(Cell.stock("lstm"))
    corpus = setting.corpus()
    if name == "rnncell":
        before = peak_megabytes()
        setting.ours(setting.model(corpus), corpus, threads).run()
        return {"before": before, "peak": peak_megabytes()}
    tokens = numpy.asarray(corpus.train)
    weights = setting.weights(setting.model(corpus))
    peers, _ = load([name], threads)
    before = peak_megabytes()
    contender = peers[0].language_model(setting, weights, tokens)
    assert contender is not None
    contender.run()
    return {"before": before, "peak": peak_megabytes()}


if __name__ == "__main__":
    print(json.dumps(measure_memory(sys.argv[1], int(sys.argv[2]))))
