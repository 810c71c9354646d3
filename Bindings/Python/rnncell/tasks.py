"""Tasks, as the objective of a search and as a fair comparison of cells."""
from __future__ import annotations

import hashlib
import math
import operator
import os
import pathlib
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._rnncell import InvalidArgumentError
from .arrays import Array, array, positive_int
from .cells import Cell
from .corpora import Corpus
from .files import Path
from .models import LanguageModel
from .scores import Score
from .sequences import SequenceModel, next_step
from .training import Progress, checked_options

if TYPE_CHECKING:
    from .studies import Proposal


# Two threads may ask for a task's first checkpoint.
_MAKING = threading.Lock()


class Task:
    """What cells are to learn: the data, the size of the models, and how they are trained.

    `compare(task, cells)` trains cells at equal size with intervals, and so does `study.finalists(task)`.
    Called with a proposal of a study it trains that cell for the updates that are asked for, from where an
    earlier rung left it, and gives the loss on the validation data.
    """

    #: A search may call it on several threads at a time.
    is_thread_safe = True
    #: Whether losses are nats per token, and have perplexities.
    is_language: bool
    #: Options of rnncell.TrainingOptions.
    training: Mapping[str, Any]
    #: Learned numbers of each model.
    parameters: int
    _folder: str | None = None

    @property
    def key(self) -> dict[str, Any]:
        """What tells it from other tasks."""
        raise NotImplementedError

    @property
    def has_test(self) -> bool:
        """Whether there is test data."""
        raise NotImplementedError

    def model(self, cell: Cell | str | Sequence[Cell | str], seed: int = 0) -> Any:
        """A model with a cell in all layers, or with one for each, of the task's size."""
        raise NotImplementedError

    def fit(self, model: Any, **options: Any) -> Any:
        """Trains a model as the task says; options take precedence."""
        raise NotImplementedError

    def part_of(self, options: Mapping[str, Any], share: float) -> dict[str, int]:
        """The option of `fit` by which a share of the training with these options is done."""
        if share == 1:
            return {}
        if options.get("updates"):
            return {"updates": _part(share, options["updates"])}
        return {"epochs": _part(share, options.get("epochs") or 1)}

    def loss(self, model: Any, split: str = "valid") -> float:
        """The loss of a model on a part of the data."""
        raise NotImplementedError

    def load(self, path: Path) -> Any:
        """A model that was saved."""
        raise NotImplementedError

    def __call__(self, proposal: Proposal) -> Score:
        """Scores a proposal by the loss on the validation data."""
        start = time.monotonic()
        if proposal.updates < 1:
            raise InvalidArgumentError(
                "the study says no number of updates; open it with updates= and rungs=")
        cells = proposal.cells
        model = self.model(cells if len(cells) > 1 else cells[0], proposal.seed)
        self.fit(model, updates=proposal.updates, checkpoint=self._checkpoint(proposal), resume=True,
                 csv=False, threads=1, seed=proposal.seed)
        loss = self.loss(model)
        return Score(loss, parameters=model.parameter_count, tokens=model.history[-1].tokens,
                     seconds=time.monotonic() - start, step_seconds=step_seconds(model))

    def _checkpoint(self, proposal: Proposal) -> pathlib.Path:
        """Where a proposal's training waits for its next rung: a file of the cell, its seed and the
        updates, as a task may serve several studies, which number their proposals alike."""
        with _MAKING:
            if self._folder is None:
                self._folder = tempfile.mkdtemp(prefix="rnncell-")
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        digest = hashlib.sha256(proposal.equations.encode()).hexdigest()
        name = f"{digest[:32]}-{proposal.seed}-"
        path = pathlib.Path(self._folder, f"{name}{proposal.updates}.safetensors")
        before = [(int(old.stem.removeprefix(name)), old) for old in path.parent.glob(f"{name}*.safetensors")]
        _, last = max((pair for pair in before if pair[0] <= proposal.updates), default=(0, path))
        if last != path:
            last.rename(path)
        return path

    def __getstate__(self) -> dict[str, Any]:
        # A process of its own has checkpoints of its own.
        return {**self.__dict__, "_folder": None}


class SequenceTask(Task):
    """What cells are to learn on sequences: the data, the size of the models, and how they are trained.

        task = rnncell.SequenceTask(train, valid, targets="classes", output_size=10, hidden_size=64)
        study = rnncell.search(objective=task, minutes=10, rungs=3, updates=900)

    train, valid: (sequences, targets), as SequenceModel takes them; or sequences alone, whose next steps are
                  to be predicted. test: the same, which a comparison reads once, at its end.
    targets, output_size, per_step, bidirectional, residual, layers: see SequenceModel.
    hidden_size:  of the LSTM (64) whose count of learned numbers every model gets; parameters: that count
                  itself.
    training:     options of rnncell.TrainingOptions, such as batch_size, learning_rate and dropout.
    """

    is_language = False

    def __init__(
        self, train: Any, valid: Any, test: Any = None, *, targets: str = "classes",
        output_size: int | None = None,
        per_step: bool = False, hidden_size: int | None = None, layers: int = 1,
        parameters: int | None = None, bidirectional: bool = False, residual: bool = False,
        **training: Any,
    ) -> None:
        if not isinstance(train, tuple):
            if targets == "classes":
                raise InvalidArgumentError(
                    "sequences alone have next steps, which are values or labels; pass targets=, or "
                    "(sequences, classes)")
            train, valid, per_step = next_step(train), next_step(valid), True
            test = None if test is None else next_step(test)
        self.train, self.valid = _held(train), _held(valid)
        self.test = None if test is None else _held(test)
        first = self.train[0][0]
        self.input_size = first.shape[-1] if first.ndim == 2 else 1
        if output_size is None:
            if targets == "classes":
                raise InvalidArgumentError("pass output_size, the number of classes")
            target = array(self.train[1][0])
            # Of steps with one number each a target may have no second dimension.
            output_size = target.shape[-1] if target.ndim > per_step else 1
        self._shape: dict[str, Any] = {
            "output_size": output_size, "targets": targets, "per_step": per_step,
            "layers": layers, "bidirectional": bidirectional, "residual": residual}
        self.training = checked_options(training)
        self.parameters = _parameter_count(parameters, hidden_size, lambda size: SequenceModel(
            "lstm", self.input_size, hidden_size=size, **self._shape))

    @property
    def key(self) -> dict[str, Any]:
        """What tells it from other tasks."""
        digest = hashlib.sha256()
        for data in (self.train, self.valid, self.test or ([], [])):
            for sequence, target in zip(*data):
                is_number = isinstance(target, (int, float)) or getattr(target, "ndim", 1) == 0
                for values in (sequence, array([float(target)] if is_number else target)):
                    digest.update(repr(values.shape).encode() + memoryview(values).tobytes())
            digest.update(b"|")
        return {"data": digest.hexdigest(), "parameters": self.parameters, **self._shape}

    @property
    def has_test(self) -> bool:
        """Whether there is test data."""
        return self.test is not None

    def model(self, cell: Cell | str | Sequence[Cell | str], seed: int = 0) -> SequenceModel:
        """A model with a cell in all layers, or with one for each, of the task's size."""
        return SequenceModel(cell, self.input_size, parameters=self.parameters, seed=seed, **self._shape)

    def fit(self, model: SequenceModel, **options: Any) -> SequenceModel:
        """Trains a model as the task says; options take precedence."""
        model.fit(*self.train, valid=self.valid, **{**self.training, **options})
        return model

    def loss(self, model: SequenceModel, split: str = "valid") -> float:
        """The loss of a model on the "train", "valid" or "test" data."""
        sequences, targets = getattr(self, split)
        return model.evaluate(sequences, targets, threads=1)

    def load(self, path: Path) -> SequenceModel:
        """A model that was saved."""
        return SequenceModel.load(path)

    def __repr__(self) -> str:
        return (f"<rnncell.SequenceTask: {len(self.train[0])} sequences, {self._shape['targets']}, "
                f"{self.parameters} parameters>")


class LanguageTask(Task):
    """A text whose next tokens cells are to tell, in language models of equal size.

        task = rnncell.LanguageTask(corpus, hidden_size=64, batch_size=16, learning_rate=0.004)
        rnncell.compare(task, ["lstm", "gru"], epochs=2)

    A search on one corpus takes the corpus itself and is faster; a JointTask takes several tasks.

    hidden_size: of the LSTM (64) whose count of learned numbers every model gets; parameters: that count
                 itself.
    layers, embedding_size, tied: see LanguageModel.
    training:    options of rnncell.TrainingOptions.
    """

    is_language = True

    def __init__(
        self, corpus: Corpus, *, hidden_size: int | None = None, parameters: int | None = None,
        layers: int = 1, embedding_size: int | None = None, tied: bool = False, **training: Any,
    ) -> None:
        self.corpus, self.training = corpus, checked_options(training)
        shape: dict[str, Any] = {"layers": layers, "embedding_size": embedding_size, "tied": tied}
        self.parameters = _parameter_count(parameters, hidden_size, lambda size: LanguageModel(
            "lstm", corpus, hidden_size=size, **shape))
        self._shape: dict[str, Any] = {"parameters": self.parameters, **shape}

    @property
    def key(self) -> dict[str, Any]:
        """What tells it from other tasks."""
        return {"data": self.corpus.digest, **self._shape}

    @property
    def has_test(self) -> bool:
        """Whether there is test data."""
        return True

    def model(self, cell: Cell | str | Sequence[Cell | str], seed: int = 0) -> LanguageModel:
        """A model with a cell in all layers, or with one for each, of the task's size."""
        return LanguageModel(cell, self.corpus, seed=seed, **self._shape)

    def fit(self, model: LanguageModel, **options: Any) -> LanguageModel:
        """Trains a model as the task says; options take precedence."""
        model.fit(self.corpus, **{**self.training, **options})
        return model

    def loss(self, model: LanguageModel, split: str = "valid") -> float:
        """Nats per token of the "train", "valid" or "test" text."""
        return model.evaluate(getattr(self.corpus, split), threads=1)

    def load(self, path: Path) -> LanguageModel:
        """A model that was saved."""
        return LanguageModel.load(path)

    def __repr__(self) -> str:
        return f"<rnncell.LanguageTask: {len(self.corpus.train)} tokens, {self.parameters} parameters>"


class JointModel:
    """A cell in a model for each of several tasks, in their order."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = tuple(parts)

    @property
    def hidden_size(self) -> int:
        """Of the first model."""
        size: int = self.parts[0].hidden_size
        return size

    @property
    def parameter_count(self) -> int:
        """How many learned numbers there are in all."""
        return sum(part.parameter_count for part in self.parts)

    @property
    def history(self) -> tuple[Progress, ...]:
        """The rows of all models, one model after another."""
        return tuple(row for part in self.parts for row in part.history)

    def save(self, path: Path) -> None:
        """Saves the models in a folder of that name."""
        os.makedirs(path, exist_ok=True)
        for place, part in enumerate(self.parts):
            part.save(file_of(path, place))


def file_of(folder: Path, place: int) -> pathlib.Path:
    """Where a JointModel keeps one of its models."""
    return pathlib.Path(os.fsdecode(folder), f"{place}.safetensors")


class JointTask(Task):
    """Several tasks that one cell is to be good at: the objective of a search for it.

        both = rnncell.JointTask(characters, words, shares=(1, 1 / 3))
        study = rnncell.search(objective=both, minutes=60, rungs=3, updates=4320)
        study.finalists(corpus=both, updates=4320)

    tasks:   whose losses are added, and told apart in a proposal's part_losses. What one of them says of
             training holds for itself.
    shares:  the part of the updates that each task gets; None: all for each.
    weights: how often each loss counts; None: once.
    to_beat: a loss for each task, such as a GRU's: the loss is then the worst of what the tasks' losses are
             above these, in place of the sum, so that no gain at one makes up for what is lost at another.
    """

    is_language = False
    training: Mapping[str, Any] = {}

    def __init__(
        self, *tasks: Task, shares: Sequence[float] | None = None,
        weights: Sequence[float] | None = None, to_beat: Sequence[float] | None = None,
    ) -> None:
        if len(tasks) < 2 or any(not isinstance(task, Task) for task in tasks):
            raise InvalidArgumentError("pass two tasks or more, each a SequenceTask or LanguageTask")
        self.tasks = tasks
        self.shares, self.weights = self._each("shares", shares), self._each("weights", weights)
        self.to_beat = None if to_beat is None else tuple(to_beat)
        if self.to_beat is not None and (
                len(self.to_beat) != len(tasks) or not all(map(math.isfinite, self.to_beat))):
            raise InvalidArgumentError(f"to_beat is {self.to_beat}; pass a loss for each task")
        self.parameters = sum(task.parameters for task in tasks)

    def _each(self, name: str, values: Sequence[float] | None) -> tuple[float, ...]:
        values = (1.0,) * len(self.tasks) if values is None else tuple(values)
        if len(values) != len(self.tasks) or not all(0 < value < math.inf for value in values):
            raise InvalidArgumentError(f"{name} are {values}; pass a positive one for each task")
        return values

    @property
    def key(self) -> dict[str, Any]:
        """What tells it from other tasks."""
        tasks = [{**task.key, "training": {name: repr(value) for name, value in task.training.items()}}
                 for task in self.tasks]
        key = {"tasks": tasks, "shares": list(self.shares), "weights": list(self.weights)}
        return key if self.to_beat is None else {**key, "to_beat": list(self.to_beat)}

    @property
    def has_test(self) -> bool:
        """Whether there is test data of all tasks."""
        return all(task.has_test for task in self.tasks)

    def model(self, cell: Cell | str | Sequence[Cell | str], seed: int = 0) -> JointModel:
        """A model of each task with a cell in all layers, or with one for each."""
        return JointModel([task.model(cell, seed) for task in self.tasks])

    def fit(self, model: JointModel, **options: Any) -> JointModel:
        """Trains the models as their tasks say; options take precedence, updates by the tasks' shares."""
        for task, part, share in zip(self.tasks, model.parts, self.shares):
            given = {**task.training, **options}
            if given.get("updates"):
                given["updates"] = _part(share, given["updates"])
            task.fit(part, **given)
        return model

    def part_of(self, options: Mapping[str, Any], share: float) -> dict[str, int]:
        """The option of `fit` by which a share of the training with these options is done."""
        if options.get("updates") or options.get("epochs"):
            return super().part_of(options, share)
        first, *others = (task.part_of(task.training, share) for task in self.tasks)
        if any(other != first for other in others):
            raise InvalidArgumentError("the tasks are trained for different numbers of epochs or updates, of "
                                       "which there is no common share; pass epochs= or updates=")
        return first

    def loss(self, model: JointModel, split: str = "valid") -> float:
        """Of the tasks' losses, each as often as it counts: the sum, or the worst above what is to be beaten."""
        return self._joined([task.loss(part, split) for task, part in zip(self.tasks, model.parts)])

    def _joined(self, losses: Sequence[float]) -> float:
        if self.to_beat is None:
            return sum(map(operator.mul, self.weights, losses))
        # One that is no number makes all no number, which max would not.
        above = [weight * (loss - beaten)
                 for weight, loss, beaten in zip(self.weights, losses, self.to_beat)]
        return max(above) if all(map(math.isfinite, above)) else math.nan

    def load(self, path: Path) -> JointModel:
        """A model that was saved."""
        return JointModel([task.load(file_of(path, place)) for place, task in enumerate(self.tasks)])

    def __call__(self, proposal: Proposal) -> Score:
        """The joined losses of the tasks, and the sums of their costs."""
        scores = [task(proposal._replace(updates=_part(share, proposal.updates)))
                  for task, share in zip(self.tasks, self.shares)]
        losses = tuple(score.loss for score in scores)
        costs = (sum(values) for values in zip(*(score[1:5] for score in scores)))
        return Score(self._joined(losses), *costs, part_losses=losses)


def _part(share: float, count: int) -> int:
    """A share of so many epochs or updates, which is one at least."""
    return max(1, round(share * count))


def _parameter_count(
    parameters: int | None, hidden_size: int | None,
    lstm: Callable[[int], LanguageModel | SequenceModel],
) -> int:
    """How many learned numbers each model has: as asked for, or as many as an LSTM."""
    if parameters is None:
        return lstm(64 if hidden_size is None else hidden_size).parameter_count
    if hidden_size is not None:
        raise InvalidArgumentError("parameters and hidden_size are both given; pass one of them")
    return positive_int("parameters", parameters)


def _held(data: tuple[Any, Any]) -> tuple[list[Array], list[Any]]:
    """Sequences as arrays, so that each training need not convert them."""
    sequences, targets = data
    if len(sequences) != len(targets):
        raise InvalidArgumentError(
            f"{len(targets)} targets for {len(sequences)} sequences; pass one for each")
    if not len(sequences):
        raise InvalidArgumentError("there are no sequences; pass at least one to train, valid and test each")
    return [array(sequence) for sequence in sequences], list(targets)


def step_seconds(model: LanguageModel | SequenceModel) -> float:
    """Seconds of a step of the layers for one sequence, the least of several runs; 0 where they go both
    ways and have none."""
    network = model.network()
    if network.bidirectional:
        return 0.0
    stream, x = network.stream(), array([0.1] * network.input_size)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(32):
            stream.step(x)
        times.append((time.perf_counter() - start) / 32)
    return min(times)
