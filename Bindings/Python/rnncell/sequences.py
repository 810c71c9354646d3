"""Models of sequences of vectors: layers of cells, and a linear layer that says classes, values or labels."""
from __future__ import annotations

import array as _array
from collections.abc import Sequence
from typing import Any, Self, Unpack

from . import _rnncell
from ._rnncell import Array, FormatError, InvalidArgumentError
from .arrays import array, flag, number, positive_int, seed_of, token_ids
from .cells import Cell, cells_from
from .modelbase import Model
from .networks import sequence_of, starting_options
from .training import Progress, TrainingOptions, library_options, recorded

TARGETS = ("classes", "values", "labels")


class SequenceModel(Model):
    """Says something of sequences of vectors, at their end or at every time step.

    cells:       a Cell, a stock name or equations; or a sequence, one for each layer.
    input_size:  I, the size of the vectors. output_size: K, how many classes, values or labels.
    targets:     "classes": one of K, by softmax; the loss is the cross-entropy in nats.
                 "values": K numbers; the loss is their mean squared error.
                 "labels": which of K hold, by sigmoids; the loss is the sum of their cross-entropies.
    per_step:    it speaks at every time step; else after the last.
    hidden_size: of every layer (128); parameters: choose the one nearest to so many learned numbers.
    init_range:  all weights start uniform in +-range; None: layers as of Network, the linear layer in
                 +-5/sqrt(their output size), its bias 0.
    bidirectional, residual, zoneout, seed, forget_bias, chrono, recurrent: as for Network.

    Sequences are a list of arrays [steps, I], or one array [sequences, steps, I]. Targets are one row for
    each sequence; where it speaks at every step, as the sequences: a list, or one array.
    """

    def __init__(
        self, cells: Cell | str | Sequence[Cell | str], input_size: int, output_size: int = 1, *,
        targets: str = "classes", per_step: bool = False, hidden_size: int | None = None,
        layers: int | None = None, parameters: int | None = None, bidirectional: bool = False,
        residual: bool = False, zoneout: float = 0.0, seed: int = 0,
        init_range: float | None = None, forget_bias: float | None = None,
        chrono: float | None = None, recurrent: str | None = None,
    ) -> None:
        if targets not in TARGETS:
            raise InvalidArgumentError(f"targets {targets!r} are none; pass one of {TARGETS}")
        if parameters is not None and hidden_size is not None:
            raise InvalidArgumentError(
                "parameters and hidden_size are both given; pass one of them")
        given = cells_from(cells)
        if layers is not None:
            given = sequence_of(given, positive_int("layers", layers), "cells")
        sizes = {"input_size": input_size, "output_size": output_size, "hidden_size": hidden_size,
                 "weight_count": parameters}
        numbers = {name: positive_int(name.replace("weight_count", "parameters"), value)
                   for name, value in sizes.items() if value is not None}
        self._take(_rnncell.model_create_for_sequences([cell._handle for cell in given], {
            "layers": len(given), "targets": TARGETS.index(targets), "per_step": flag("per_step", per_step),
            "bidirectional": flag("bidirectional", bidirectional), "residual": flag("residual", residual),
            "zoneout": number("zoneout", zoneout), "seed": seed_of(seed), **numbers,
            **starting_options(init_range, forget_bias, chrono, recurrent)}))

    def _take(self, handle: _rnncell.Model) -> None:
        self._handle = handle
        info = self._info
        self.input_size: int = info["input_size"]
        self.output_size: int = info["output_size"]
        self.targets: str = TARGETS[info["targets"]]
        self.per_step = bool(info["per_step"])

    @classmethod
    def _wrap(cls, handle: _rnncell.Model) -> Self:
        if handle.describe()["vocabulary_size"]:
            raise FormatError("the file holds a language model; use LanguageModel.load")
        self = cls.__new__(cls)
        self._take(handle)
        return self

    def fit(
        self, sequences: object, targets: object, *,
        valid: tuple[object, object] | None = None, **options: Unpack[TrainingOptions],
    ) -> tuple[Progress, ...]:
        """Trains on sequences and gives the history, one row for each epoch.

        valid: sequences and targets that are scored after each epoch.
        By name it takes what `rnncell.TrainingOptions` lists; truncation and embedding dropout are for text.
        """
        given: dict[str, Any] = dict(options)
        values = library_options(given)
        data = self._data(sequences, targets)
        other = None
        if valid is None:
            for name, is_given in (("patience", given.get("patience") is not None),
                                   ("average='triggered'", given.get("average") == "triggered")):
                if is_given:
                    raise InvalidArgumentError(f"{name} follows the validation loss, and there is no data "
                                               "for it; pass valid=(sequences, targets)")
        elif isinstance(valid, (tuple, list)) and len(valid) == 2:
            other = self._data(*valid)
        else:
            raise TypeError(f"valid must be a pair, not {type(valid).__name__}; pass "
                            "valid=(sequences, targets)")
        with recorded(given, lambda: self.history) as hear:
            self._handle.fit_sequences(
                data, other, hear and (lambda row: hear(Progress(*row))), values)
        return self.history

    def predict(self, sequences: object, *, threads: int | None = None) -> Array | list[Array]:
        """Probabilities of classes or labels, or values: [sequences, K]; for a model that speaks at every
        step a list of [steps, K], or [sequences, steps, K] where the sequences are one array."""
        data = self._data(sequences, None)
        outputs = self._handle.predict(data, threads or 0)
        if not self.per_step:
            return outputs
        lengths, width = data[1], self.output_size
        if isinstance(sequences, (list, tuple)):
            starts = [0]
            for length in lengths:
                starts.append(starts[-1] + length)
            return [outputs._view(start * width, (length, width))
                    for start, length in zip(starts, lengths)]
        return outputs._view(0, (len(lengths), lengths[0], width))

    def evaluate(self, sequences: object, targets: object, *, threads: int | None = None) -> float:
        """The mean loss over the rows of the targets."""
        return self._handle.evaluate_sequences(self._data(sequences, targets), threads or 0)

    def _data(
        self, sequences: object, targets: object
    ) -> tuple[Array, list[int], Array | None, Array | None]:
        inputs, lengths = joined(sequences, self.input_size, "the sequences")
        if targets is None:
            return inputs, lengths, None, None
        if self.targets == "classes":
            return inputs, lengths, self._classes(targets, lengths), None
        if self.per_step:
            values, counts = joined(targets, self.output_size, "the targets")
            if counts != lengths:
                raise InvalidArgumentError(
                    "the targets have other lengths than the sequences; pass one for each step")
            return inputs, lengths, None, values
        if isinstance(targets, (list, tuple)):
            targets = [row.tolist() if hasattr(row, "tolist") else row for row in targets]
        values = array(targets)
        if values.ndim == 1 and self.output_size == 1:
            values = values._view(0, (values.size, 1))
        return inputs, lengths, None, values

    def _classes(self, targets: object, lengths: list[int]) -> Array:
        rows = targets.tolist() if hasattr(targets, "tolist") else list(targets)  # type: ignore
        if not self.per_step:
            return token_ids(rows, "class")
        steps = [row.tolist() if hasattr(row, "tolist") else list(row) for row in rows]
        if [len(row) for row in steps] != lengths:
            raise InvalidArgumentError(
                "the targets have other lengths than the sequences; pass one for each step")
        return token_ids([value for row in steps for value in row], "class")

    def __repr__(self) -> str:
        return (f"<rnncell.SequenceModel {self.input_size} -> {self.output_size} {self.targets}"
                f"{' per step' * self.per_step}, {self.layers} x {self.hidden_size}, "
                f"{self.parameter_count} parameters>")


def joined(sequences: object, size: int, name: str) -> tuple[Array, list[int]]:
    """All time steps [sum of the lengths, size], and the lengths."""
    if not isinstance(sequences, (list, tuple)):
        whole = array(sequences)
        if whole.ndim == 2 and size == 1:
            whole = whole._view(0, (*whole.shape, 1))
        if whole.ndim != 3 or whole.shape[2] != size:
            raise InvalidArgumentError(
                f"{name} have shape {list(whole.shape)}, and [any, any, {size}] is needed")
        return (whole._view(0, (whole.shape[0] * whole.shape[1], size)),
                [whole.shape[1]] * whole.shape[0])
    floats = _array.array("f")
    lengths: list[int] = []
    for index, sequence in enumerate(sequences):
        part = array(sequence)
        if part.ndim == 1 and size == 1:
            part = part._view(0, (part.size, 1))
        if part.ndim != 2 or part.shape[1] != size:
            raise InvalidArgumentError(
                f"number {index} of {name} has shape {list(part.shape)}, and [any, {size}] is needed")
        lengths.append(part.shape[0])
        floats.frombytes(memoryview(part).tobytes())
    return array(floats)._view(0, (sum(lengths), size)), lengths


def next_step(sequences: Sequence[object], horizon: int = 1) -> tuple[list[Array], list[Array]]:
    """Sequences without their last steps, and for each step what comes: the targets of a model that
    predicts the next step, [steps - horizon, horizon x size].

    Sequences of `horizon` steps or less have nothing to predict and are left out.
    """
    inputs, targets = [], []
    for sequence in sequences:
        whole = array(sequence)
        if whole.ndim == 1:
            whole = whole._view(0, (whole.size, 1))
        steps, size = whole.shape
        count = steps - horizon
        if count < 1:
            continue
        inputs.append(whole._view(0, (count, size)))
        if horizon == 1:
            targets.append(whole._view(size, (count, size)))
        else:
            floats = _array.array("f")
            for step in range(count):
                part = whole._view((step + 1) * size, (horizon, size))
                floats.frombytes(memoryview(part).tobytes())
            targets.append(array(floats)._view(0, (count, horizon * size)))
    if not inputs:
        raise InvalidArgumentError(
            f"no sequence has more than {horizon} steps; pass longer ones, or a shorter horizon")
    return inputs, targets
