"""Models of sequences with the interface of scikit-learn."""
from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from . import estimatorbase
from ._rnncell import InvalidArgumentError
from .arrays import positive_int
from .cells import Cell
from .estimatorbase import (
    ClassifierMixin, RegressorMixin, SequenceEstimator, check_count, floats, joined_steps, r2_score,
)
from .sequences import next_step


class SequenceClassifier(ClassifierMixin, SequenceEstimator):
    """Says to which class a sequence belongs or, with `per_step`, each of its time steps.

    y has one label for each sequence; with `per_step` it is a list of arrays with one for each step, or one
    array [sequences, steps]. Labels may be numbers or texts.

    cell, hidden_size, layers, bidirectional, residual, zoneout: see SequenceModel. parameters: choose the
    hidden size by a count of learned numbers. standardize: features get mean 0 and deviation 1. patience:
    stop after so many epochs without a better loss on `validation_fraction` of the sequences. training:
    further options of rnncell.TrainingOptions by name.

    After fit: classes_, model_ (a SequenceModel), history_, n_iter_, n_features_in_, mean_, scale_.
    """

    _targets = "classes"

    def fit(self, X: Any, y: Any) -> Self:
        """Trains on sequences and their labels."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None")
        sequences = self._sequences(X, reset=True)
        if self.per_step:
            rows = [np.asarray(part) for part in y]
            self.classes_ = np.unique(np.concatenate([part.ravel() for part in rows]))
            codes = [np.searchsorted(self.classes_, part) for part in rows]
        else:
            labels = self._labels(y)
            self.classes_, found = np.unique(labels, return_inverse=True)
            codes = list(found.ravel())
        check_count(codes, len(sequences))
        if len(self.classes_) < 2:
            raise ValueError(
                f"Classifier can't train when only one class is present: {self.classes_}")
        self._train(sequences, codes, len(self.classes_))
        return self

    def _labels(self, y: Any) -> np.ndarray:
        labels = np.asarray(y)
        if labels.ndim == 2 and labels.shape[1] == 1:
            if estimatorbase.HAS_SKLEARN:
                warnings.warn("A column-vector y was passed when a 1d array was expected",
                              estimatorbase.DataConversionWarning, stacklevel=3)
            labels = labels.ravel()
        if labels.ndim != 1:
            raise ValueError(f"y has shape {labels.shape}; pass one label for each sequence")
        if estimatorbase.HAS_SKLEARN:
            estimatorbase.check_classification_targets(labels)
        return labels

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class: [sequences, classes], or a list of [steps, classes]."""
        outputs = self._outputs(X)
        return self._like(outputs, X) if self.per_step else outputs

    def predict(self, X: Any) -> Any:
        """The likeliest class of each sequence or time step."""
        outputs = self._outputs(X)
        if not self.per_step:
            return self.classes_[outputs.argmax(1)]
        return self._like([self.classes_[part.argmax(1)] for part in outputs], X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of right answers, over all time steps with `per_step`.

        sample_weight: of each sequence.
        """
        said = self.predict(X)
        if self.per_step:
            said, wanted, sample_weight = joined_steps(said, y, sample_weight)
        else:
            wanted = np.asarray(y).ravel()
            check_count(wanted, len(said))
        return float(np.average(said == wanted.reshape(said.shape), weights=sample_weight))


class SequenceRegressor(RegressorMixin, SequenceEstimator):
    """Says one or several numbers of a sequence or, with `per_step`, of each of its time steps.

    y is [sequences] or [sequences, outputs]; with `per_step` a list of [steps] or [steps, outputs].
    Targets are standardised for training as features are. Parameters as of SequenceClassifier.
    """

    _targets = "values"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Trains on sequences and their numbers."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None")
        sequences = self._sequences(X, reset=True)
        rows = [np.asarray(part, np.float64) for part in (y if self.per_step else np.asarray(y))]
        check_count(rows, len(sequences))
        rank = 1 if self.per_step else 0
        self._is_flat = all(part.ndim == rank for part in rows)
        if self.per_step:
            rows = [part.reshape(len(part), -1) for part in rows]
        else:
            rows = [part.reshape(1, -1) for part in rows]
        table = np.concatenate(rows)
        if not np.isfinite(table).all():
            raise ValueError("y holds NaN or infinity; pass finite numbers")
        deviation = table.std(0)
        self.target_mean_ = table.mean(0)
        self.target_scale_ = np.where(deviation > 0, deviation, 1)
        scaled = [((part - self.target_mean_) / self.target_scale_).astype(np.float32)
                  for part in rows]
        if not self.per_step:
            scaled = list(np.concatenate(scaled))
        self._train(sequences, scaled, table.shape[1])
        return self

    def predict(self, X: Any) -> Any:
        """The numbers of each sequence or time step."""
        outputs = self._outputs(X)
        parts = outputs if self.per_step else [outputs]
        found = [part * self.target_scale_ + self.target_mean_ for part in parts]
        if self._is_flat:
            found = [part[:, 0] for part in found]
        return self._like(found, X) if self.per_step else found[0]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The coefficient of determination, over all time steps with `per_step`; of several outputs the mean.

        sample_weight: of each sequence.
        """
        said, wanted = self.predict(X), y
        if self.per_step:
            said, wanted, sample_weight = joined_steps(said, y, sample_weight)
        return float(r2_score(wanted, said, sample_weight=sample_weight))


class MultiLabelModel(SequenceEstimator):
    """Says which of several labels hold at each time step, such as the keys of a piano roll.

    `fit(rolls)` learns to predict the next step; `fit(X, y)` the labels y, a list of [steps, labels].
    The loss is the sum of the labels' cross-entropies in nats per predicted step, as Boulanger-Lewandowski
    et al. 2012 (arXiv:1206.6392) report it. Parameters as of SequenceClassifier.
    """

    _targets = "labels"

    def __init__(
        self, cell: Cell | str | Sequence[Cell | str] = "lstm", *, hidden_size: int = 128,
        layers: int = 1, parameters: int | None = None, bidirectional: bool = False,
        residual: bool = False, zoneout: float = 0.0, per_step: bool = True, epochs: int = 100,
        batch_size: int = 8, optimizer: str = "adam", learning_rate: float | None = None,
        weight_decay: float = 0.0, dropout: float = 0.3, recurrent_dropout: float = 0.0,
        clip: float | None = 5.0, patience: int | None = 10, validation_fraction: float = 0.1,
        standardize: bool = False, random_state: Any = 0, threads: int | None = None,
        verbose: bool = False, training: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            cell, hidden_size=hidden_size, layers=layers, parameters=parameters,
            bidirectional=bidirectional, residual=residual, zoneout=zoneout, per_step=per_step,
            epochs=epochs, batch_size=batch_size, optimizer=optimizer,
            learning_rate=learning_rate, weight_decay=weight_decay, dropout=dropout,
            recurrent_dropout=recurrent_dropout, clip=clip, patience=patience,
            validation_fraction=validation_fraction, standardize=standardize,
            random_state=random_state, threads=threads, verbose=verbose, training=training)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Trains on sequences with their labels, or on the next steps of sequences of labels."""
        sequences = self._sequences(X, reset=True)
        self.predicts_next_ = y is None
        if y is None:
            if self.bidirectional:
                raise InvalidArgumentError(
                    "a bidirectional model sees the steps that it is to predict; leave that out, or "
                    "pass labels")
            sequences, targets = ([np.asarray(part) for part in parts]
                                  for parts in next_step(sequences))
        else:
            targets = [np.asarray(part, np.float32) for part in y]
            check_count(targets, len(sequences))
        size = targets[0].shape[-1]
        self._train(sequences, targets, size)
        return self

    def predict_proba(self, X: Any) -> Any:
        """The probability of each label: of the next step after each, where it learned that."""
        outputs = self._outputs(X)
        return self._like(outputs, X) if self.per_step else outputs

    def predict(self, X: Any) -> Any:
        """Which labels are likelier than not, as 0 and 1."""
        found = self.predict_proba(X)
        return ([(part > 0.5).astype(np.uint8) for part in found] if isinstance(found, list)
                else (found > 0.5).astype(np.uint8))

    def loss(self, X: Any, y: Any = None) -> float:
        """The loss in nats per predicted step."""
        self._check_fitted()
        sequences = self._sequences(X, reset=False)
        if y is None:
            sequences, y = ([np.asarray(part) for part in parts] for parts in next_step(sequences))
        return self.model_.evaluate(self._scaled(sequences, reset=False), list(y),
                                    threads=self.threads)

    def score(self, X: Any, y: Any = None) -> float:
        """The negative loss: greater is better."""
        return -self.loss(X, y)


class Forecaster(SequenceEstimator):
    """Says how series go on: the next `horizon` steps after each step.

    `fit(series)` takes a list of arrays [steps] or [steps, variables], or one such array for a single
    series; `predict(series)` gives what follows their ends, [horizon, variables] for each. Series of the
    same length may also be one array [series, steps, variables].
    Parameters as of SequenceClassifier.
    """

    _targets = "values"

    def __init__(
        self, cell: Cell | str | Sequence[Cell | str] = "lstm", *, horizon: int = 1,
        hidden_size: int = 64, layers: int = 1, parameters: int | None = None,
        residual: bool = False, zoneout: float = 0.0, epochs: int = 100, batch_size: int = 16,
        window: int = 100, optimizer: str = "adam", learning_rate: float | None = None,
        weight_decay: float = 0.0, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        clip: float | None = 5.0, patience: int | None = None, validation_fraction: float = 0.1,
        standardize: bool = True, random_state: Any = 0, threads: int | None = None,
        verbose: bool = False, training: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            cell, hidden_size=hidden_size, layers=layers, parameters=parameters,
            residual=residual, zoneout=zoneout, per_step=True, epochs=epochs,
            batch_size=batch_size, optimizer=optimizer, learning_rate=learning_rate,
            weight_decay=weight_decay, dropout=dropout, recurrent_dropout=recurrent_dropout,
            clip=clip, patience=patience, validation_fraction=validation_fraction,
            standardize=standardize, random_state=random_state, threads=threads, verbose=verbose,
            training=training)
        self.horizon = horizon
        self.window = window

    def _series(self, series: Any, *, reset: bool) -> list[np.ndarray]:
        found = [floats(part) for part in _together(series) or [series]]
        for part in found:
            if part.ndim not in (1, 2):
                raise ValueError(f"a series has shape {part.shape}; pass [steps] or [steps, variables], and "
                                 "say how many steps to foretell by horizon=")
        if reset:
            self._is_flat = all(part.ndim == 1 for part in found)
        found = [part[:, None] if part.ndim == 1 else part for part in found]
        return self._sequences(found, reset=reset)

    def fit(self, X: Any, y: None = None) -> Self:
        """Trains on series, cut into pieces of `window` steps that overlap by half.

        With patience the last `validation_fraction` of each series that is long enough is kept aside.
        """
        series = self._series(X, reset=True)
        positive_int("window", self.window)
        positive_int("horizon", self.horizon)
        series, ends = (series, []) if self.patience is None else self._divided(series)
        scaled = self._scaled(series, reset=True)
        inputs, targets = self._pieces(scaled)
        held = self._pieces(self._scaled(ends, reset=False)) if ends else None
        mean, scale = self.mean_, self.scale_
        standardize, self.standardize = self.standardize, False
        try:
            self._train(inputs, targets, self.horizon * series[0].shape[1], held)
        finally:
            self.standardize = standardize
        self.mean_, self.scale_ = mean, scale
        return self

    def _divided(self, series: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Series without their ends, and the ends."""
        least = self.horizon + 1
        kept, ends = [], []
        for part in series:
            count = min(max(round(self._validation_share() * len(part)), least), len(part) - least)
            if count < least:
                kept.append(part)
            else:
                kept.append(part[:-count])
                ends.append(part[-count:])
        if not ends:
            raise InvalidArgumentError(
                f"patience needs a series of at least {2 * least} steps, whose end is kept aside; pass a "
                "longer one, or patience=None")
        return kept, ends

    def _pieces(self, series: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What is seen, and for each step of it what follows."""
        length = self.window + self.horizon
        stride = max(1, self.window // 2)
        pieces: list[np.ndarray] = []
        for part in series:
            starts = range(0, max(1, len(part) - length + 1), stride)
            pieces += [part[start:start + length] for start in starts]
            if len(part) > length and (len(part) - length) % stride:
                pieces.append(part[-length:])
        inputs, targets = ([np.asarray(part) for part in parts]
                           for parts in next_step(pieces, self.horizon))
        return inputs, targets

    def predict(self, X: Any) -> Any:
        """What follows each series: [horizon] or [horizon, variables], in a list for several series."""
        self._check_fitted()
        series = self._series(X, reset=False)
        found = [part[-1].reshape(self.horizon, -1) * self.scale_ + self.mean_
                 for part in self._outputs(series)]
        if self._is_flat:
            found = [part[:, 0] for part in found]
        return found[0] if _together(X) is None else found

    def score(self, X: Any, y: None = None) -> float:
        """The negative mean squared error of all predictions within the series, in their own units."""
        self._check_fitted()
        series = self._series(X, reset=False)
        errors = []
        for part, outputs in zip(series, self._outputs(series)):
            count = len(part) - self.horizon
            for step in range(max(count, 0)):
                wanted = part[step + 1:step + 1 + self.horizon]
                said = outputs[step].reshape(wanted.shape) * self.scale_ + self.mean_
                errors.append(np.mean((said - wanted) ** 2))
        if not errors:
            raise InvalidArgumentError(f"no series is longer than the horizon of {self.horizon}")
        return -float(np.mean(errors))


def _together(series: Any) -> list[Any] | None:
    """Series that are given together, or None for a single one."""
    is_list = isinstance(series, (list, tuple))
    if is_list or np.ndim(series) == 1:  # an array of arrays is what NumPy makes of different lengths
        is_several = len(series) > 0 and np.ndim(next(iter(series))) > 0
    else:
        is_several = np.ndim(series) == 3
    return list(series) if is_several else None
