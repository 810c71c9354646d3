"""How models learn: options, progress, and what is recorded of it."""
from __future__ import annotations

import contextlib
import difflib
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TextIO, TypedDict

from ._rnncell import InvalidArgumentError
from .arrays import flag, number, positive, positive_int, seed_of, whole
from .files import Path, write_csv

_REDUCTIONS = {"mean": 0, "sum": 1, "sum_over_steps": 1}
#: Names of options that the library knows by others.
_NAMES = {"batch_size": "batch"}
#: Numbers that must be above zero: the library reads zero as the default.
_POSITIVE = ("learning_rate", "decay", "epsilon", "smoothing", "beta1", "beta2")
#: Those of them that are whole.
_COUNTS = ("epochs", "updates", "batch_size", "truncation", "decay_after", "decay_every", "patience",
           "report_every", "threads", "average_interval")
#: Rates that are `dropout` unless they are given, also as 0.
_RATES = ("input_dropout", "hidden_dropout", "output_dropout")
#: Other numbers; the library says which values they may have.
_NUMBERS = (*_RATES, "momentum", "weight_decay", "final_factor", "dropout", "embedding_dropout",
            "recurrent_dropout", "weight_dropout", "activation_penalty", "temporal_penalty")
_FLAGS = ("variational", "resume", "nesterov", "random_truncation", "shuffle")


class Progress(NamedTuple):
    """How training goes: a row of the history for each epoch, and what a callback hears."""

    epoch: int
    """From 1."""
    update: int
    """Updates of the weights since the model was made."""
    updates: int
    """Updates of the whole fit, as far as known."""
    tokens: int
    """Trained on since the model was made."""
    train_loss: float
    """Mean since the epoch began: nats per token, or what the model's loss is."""
    valid_loss: float
    """Of the validation data at the end of an epoch; NaN before. Text is read in as many pieces as the
    batch has; `evaluate` reads it in one."""
    learning_rate: float
    tokens_per_second: float
    seconds: float
    """Of this fit so far."""

    @property
    def valid_perplexity(self) -> float:
        """exp(valid_loss)."""
        return perplexity_of(self.valid_loss)


def perplexity_of(loss: float) -> float:
    """exp(loss), infinity where that overflows."""
    return math.exp(loss) if not loss > 700 else math.inf


class TrainingOptions(TypedDict, total=False):
    """What every `fit` takes by name.

    epochs:        passes over the training data; None: 1, or as many as `updates` takes.
    updates:       stop after so many updates of the weights.
    batch_size:    B, sequences trained together (32).
    truncation:    T, steps of a segment of backpropagation through time (35), for text.
    random_truncation: segments of random lengths about T, as AWD-LSTM's.
    optimizer:     "adam", "adamw", "rmsprop" or "sgd"; learning_rate: None for 0.002, of sgd 1.
    momentum, nesterov: of sgd and rmsprop. beta1, beta2, epsilon: of adam and adamw.
    smoothing:     of rmsprop's mean of squares.
    weight_decay:  a part of the weights that is taken off: in the gradient, or apart from it by adamw.
    clip:          largest norm of the whole gradient (5); None: no bound.
    schedule:      "step": times `decay` for every `decay_every` epochs after `decay_after`; or "cosine":
                   half a cosine down to `final_factor` of the rate. warmup: updates over which it rises.
    average:       a number: decay of an exponential moving mean of the weights; or "triggered": their mean
                   since the validation loss stopped to improve for `average_interval` epochs (NT-ASGD).
                   Means are evaluated, and are the model's weights in the end.
    patience:      stop after so many epochs without a better validation loss, and keep the best weights.
    dropout:       of units between layers; input_dropout, hidden_dropout, output_dropout: of one kind,
                   where it differs. variational: one mask for all steps of a segment.
    embedding_dropout: of whole tokens. recurrent_dropout: of the states that matrices read, one mask for
                   all steps. weight_dropout: of weights of the matrices that read a state (DropConnect).
    activation_penalty, temporal_penalty: of the last layer's output and its change from step to step.
    reduction:     "mean", or "sum" over the steps of a segment (the batch is averaged).
    shuffle:       sequences come in another order in each epoch (True).
    checkpoint:    a file that is written after each epoch; resume: carry on from it.
    csv:           a file of the history; None: beside the checkpoint, if there is one; False: none.
    tensorboard:   a folder for TensorBoard (needs the package `tensorboardX`).
    progress:      a function that is called every `report_every` updates, after each epoch and after the last
                   update, and stops by a true value; or True for a bar.
    seed:          of masks and order. threads: None for all processors (or $RNNCELL_THREADS).
    """

    epochs: int | None
    updates: int | None
    batch_size: int
    truncation: int
    random_truncation: bool
    optimizer: str
    learning_rate: float | None
    momentum: float
    nesterov: bool
    beta1: float
    beta2: float
    epsilon: float
    smoothing: float
    weight_decay: float
    clip: float | None
    schedule: str
    decay: float
    decay_after: int | None
    decay_every: int
    warmup: int
    final_factor: float
    average: float | str | None
    average_interval: int
    patience: int | None
    dropout: float
    input_dropout: float | None
    hidden_dropout: float | None
    output_dropout: float | None
    variational: bool
    embedding_dropout: float
    recurrent_dropout: float
    weight_dropout: float
    activation_penalty: float
    temporal_penalty: float
    reduction: str
    shuffle: bool
    checkpoint: Path | None
    resume: bool
    csv: Path | Literal[False] | None
    tensorboard: Path | None
    progress: Callable[[Progress], object] | bool | None
    report_every: int
    seed: int
    threads: int | None


def library_options(options: Mapping[str, Any]) -> dict[str, object]:
    """Training options as the library takes them; raises for what none is."""
    given = {name: value for name, value in options.items() if value is not None}
    unknown = sorted(set(given) - set(TrainingOptions.__annotations__))
    if unknown:
        near = difflib.get_close_matches(unknown[0], TrainingOptions.__annotations__, 1)
        hint = f"did you mean {near[0]!r}?" if near else "help(rnncell.TrainingOptions) lists them"
        raise TypeError(f"{unknown[0]!r} is no training option; {hint}")
    progress = given.get("progress", False)
    if not callable(progress) and not isinstance(progress, bool):
        raise TypeError(f"progress must be a function, True, False or None, not {progress!r}")
    for name in ("csv", "tensorboard", "progress"):
        given.pop(name, None)
    reduction = given.pop("reduction", "mean")
    if reduction not in _REDUCTIONS:
        raise InvalidArgumentError(f"reduction {reduction!r} is none; pass 'mean' or 'sum'")
    for name in _FLAGS:
        if name in given:
            given[name] = flag(name, given[name])
    if given.get("resume") and "checkpoint" not in given:
        raise InvalidArgumentError("resume is set without a checkpoint; pass checkpoint=FILE")
    if "epochs" not in given:
        given["epochs"] = 1 if "updates" not in given else 1 << 30
    for name in _POSITIVE:
        if name in given:
            given[name] = positive(name, given[name])
    for name in _COUNTS:
        if name in given:
            given[name] = positive_int(name, given[name])
    for name in _NUMBERS:
        if name in given:
            given[name] = number(name, given[name])
    if "warmup" in given:
        given["warmup"] = whole("warmup", given["warmup"])
    clip = options.get("clip", 5.0)
    given["clip"] = math.inf if clip is None else positive("clip", clip)
    for name in _RATES:
        # The library reads zero as "like `dropout`", and NaN as none.
        if name in given and given[name] == 0:
            given[name] = math.nan
    average = given.pop("average", None)
    if average == "triggered":
        given.setdefault("average_interval", 5)
    elif isinstance(average, str):
        raise InvalidArgumentError(f"average {average!r} is none; pass a decay or 'triggered'")
    else:
        given.pop("average_interval", None)
        if average is not None:
            given["average"] = positive("average", average)
    if "checkpoint" in given:
        given["checkpoint"] = os.fsencode(given["checkpoint"])
    if "seed" in given:
        given["seed"] = seed_of(given["seed"])
    given["keep_order"] = not given.pop("shuffle", True)
    given["reduction"] = _REDUCTIONS[reduction]
    return {_NAMES.get(name, name): value for name, value in given.items()}


def checked_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Training options for later; raises at once for what the library would refuse then."""
    library_options(options)
    return options


@contextlib.contextmanager
def recorded(
    options: Mapping[str, Any], history: Callable[[], tuple[Progress, ...]], *,
    is_language: bool = False,
) -> Iterator[Callable[[Progress], object] | None]:
    """What is to hear of progress: the caller's function or a bar, and the files that are asked for.

    history: the rows of the model, for the CSV file when training has ended, however it did.
    is_language: perplexities are shown beside losses.
    """
    progress = options.get("progress")
    checkpoint = options.get("checkpoint")
    table = options.get("csv")
    if table is None and checkpoint:
        table = os.fspath(checkpoint) + ".csv"
    listeners: list[Callable[[Progress], object]] = []
    with contextlib.ExitStack() as stack:
        if progress is True:
            bar = ProgressBar(sys.stderr, is_language)
            stack.callback(bar.close)
            listeners.append(bar)
        elif progress:
            listeners.append(progress)
        if table:
            stack.callback(lambda: write_csv(table, Progress._fields, history()))

            def keep(row: Progress) -> None:
                if not math.isnan(row.valid_loss):
                    write_csv(table, Progress._fields, history())
            listeners.append(keep)
        if options.get("tensorboard"):
            board = TensorBoard(options["tensorboard"])
            stack.callback(board.close)
            listeners.append(board)

        def hear(row: Progress) -> object:
            return any([bool(listener(row)) for listener in listeners])
        yield hear if listeners else None


class ProgressBar:
    """One line of a terminal: how far, loss, perplexity of language, speed and time left."""

    WIDTH = 24

    def __init__(self, stream: TextIO, is_language: bool) -> None:
        self._stream = stream
        self._is_language = is_language
        self._drawn = 0.0
        self._last_valid = math.nan

    def __call__(self, row: Progress) -> None:
        """Draws the line, ten times a second at most; a finished epoch stays."""
        is_epoch = not math.isnan(row.valid_loss)
        if is_epoch:
            self._last_valid = row.valid_loss
        if not self._stream.isatty():
            if is_epoch:
                print(self._text(row), file=self._stream, flush=True)
            return
        if is_epoch or time.monotonic() - self._drawn >= 0.1:
            self._drawn = time.monotonic()
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r\x1b[2K" + self._text(row)[:width] + "\n" * is_epoch)
            self._stream.flush()

    def _text(self, row: Progress) -> str:
        share = min(1.0, row.update / max(row.updates, 1))
        done = round(share * self.WIDTH)
        left = row.seconds * (1 - share) / share if share else 0.0
        valid = self._last_valid
        shown = "" if math.isnan(valid) else f"  valid {self._loss(valid)}"
        return (f"epoch {row.epoch:3} [{'=' * done}{' ' * (self.WIDTH - done)}] {row.update}/"
                f"{row.updates}  loss {self._loss(row.train_loss)}{shown}  "
                f"{row.tokens_per_second:,.0f}/s  {int(left) // 60}:{int(left) % 60:02d} left")

    def _loss(self, loss: float) -> str:
        return f"{loss:.4f}" + self._is_language * f" ({perplexity_of(loss):.2f})"

    def close(self) -> None:
        """Ends the line."""
        if self._stream.isatty() and self._drawn:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()


class TensorBoard:
    """Writes progress as TensorBoard's event files, by the package tensorboardX."""

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ImportError(
                "tensorboard= needs the package tensorboardX: pip install tensorboardX") from error
        self._writer = SummaryWriter(os.fspath(folder))

    def __call__(self, row: Progress) -> None:
        """Adds the numbers of a row at its update."""
        for name, value in (
                ("loss/train", row.train_loss), ("loss/valid", row.valid_loss),
                ("learning_rate", row.learning_rate), ("tokens_per_second", row.tokens_per_second)):
            if not math.isnan(value):
                self._writer.add_scalar(name, value, row.update)

    def close(self) -> None:
        """Ends the file."""
        self._writer.close()
