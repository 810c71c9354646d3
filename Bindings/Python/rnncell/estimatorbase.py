"""What the estimators share, and what they take from scikit-learn where it is installed."""
from __future__ import annotations

import inspect
import numbers
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from ._rnncell import InvalidArgumentError, StateError
from .cells import Cell
from .files import Path
from .sequences import SequenceModel

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import DataConversionWarning, NotFittedError
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import validate_data
    HAS_SKLEARN = True
except ImportError:
    HAS_SKLEARN = False

    class BaseEstimator:  # type: ignore[no-redef]
        """What scikit-learn's class of that name does for parameters."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """The arguments of the constructor."""
            names = inspect.signature(type(self).__init__).parameters
            return {name: getattr(self, name) for name in names if name != "self"}

        def set_params(self, **params: Any) -> Self:
            """Changes arguments of the constructor."""
            known = self.get_params()
            for name, value in params.items():
                if name not in known:
                    raise ValueError(f"there is no parameter {name!r}; there are {sorted(known)}")
                setattr(self, name, value)
            return self

    class ClassifierMixin:  # type: ignore[no-redef]
        """`score` of a classifier."""

        def score(self, X: object, y: object) -> float:
            """The share of right answers."""
            return float(np.mean(np.asarray(self.predict(X)) == np.asarray(y)))  # type: ignore

    class RegressorMixin:  # type: ignore[no-redef]
        """`score` of a regressor."""

        def score(self, X: object, y: object) -> float:
            """The coefficient of determination."""
            y = np.asarray(y, float)
            residual = np.sum((y - np.asarray(self.predict(X))) ** 2)  # type: ignore
            return float(1 - residual / np.sum((y - y.mean(0)) ** 2))

    class NotFittedError(StateError):  # type: ignore[no-redef]
        """The estimator has not been fitted."""


def floats(values: Any) -> np.ndarray:
    """Real numbers as float32."""
    found = np.asarray(values)
    if found.dtype.kind in "cmMSU":
        raise ValueError(f"features are of type {found.dtype}; pass real numbers")
    return found.astype(np.float32, copy=False)


class SequenceEstimator(BaseEstimator):
    """What all of them share.

    X is a list of arrays [steps, features], one array [sequences, steps, features], or, as the rows of a
    table, an array [sequences, steps] with one number at each step.
    """

    _targets = "classes"

    def __init__(
        self, cell: Cell | str | Sequence[Cell | str] = "lstm", *, hidden_size: int = 64,
        layers: int = 1, parameters: int | None = None, bidirectional: bool = False,
        residual: bool = False, zoneout: float = 0.0, per_step: bool = False, epochs: int = 30,
        batch_size: int = 32, optimizer: str = "adam", learning_rate: float | None = None,
        weight_decay: float = 0.0, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        clip: float | None = 5.0, patience: int | None = None, validation_fraction: float = 0.1,
        standardize: bool = True, random_state: Any = 0, threads: int | None = None,
        verbose: bool = False, training: Mapping[str, Any] | None = None,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.layers = layers
        self.parameters = parameters
        self.bidirectional = bidirectional
        self.residual = residual
        self.zoneout = zoneout
        self.per_step = per_step
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.clip = clip
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.standardize = standardize
        self.random_state = random_state
        self.threads = threads
        self.verbose = verbose
        self.training = training

    # What scikit-learn is told of it.
    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _seed(self) -> int:
        state = self.random_state
        if isinstance(state, numbers.Integral):
            return int(state) % (1 << 63)
        if HAS_SKLEARN:
            return int(check_random_state(state).randint(1 << 31))
        return 0 if state is None else int(state.integers(1 << 31))

    def _sequences(self, X: Any, *, reset: bool) -> list[np.ndarray]:
        """The sequences as arrays [steps, features]; with `reset`, their features are kept in mind."""
        if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1:
            X = list(X)  # what NumPy makes of sequences of different lengths
        rank = np.ndim(X[0]) if isinstance(X, (list, tuple)) and X else None
        if rank == 1 and len({np.shape(part) for part in X}) > 1:
            raise ValueError("sequences of different lengths are arrays [steps, features], and the first "
                             "one has one dimension; write x[:, None] for one feature")
        if rank == 2:
            found = [floats(part) for part in X]
            for index, part in enumerate(found):
                if part.ndim != 2:
                    raise ValueError(f"sequence {index} has shape {part.shape}; pass [steps, features]")
            sizes = {part.shape[1] for part in found}
            if len(sizes) != 1:
                raise ValueError(f"sequences have {sorted(sizes)} features; pass the same for all")
            self._features(sizes.pop(), 3, reset)
        elif getattr(X, "ndim", 0) == 3 or isinstance(X, (list, tuple)) and np.ndim(X) == 3:
            whole = floats(X)
            self._features(whole.shape[2], 3, reset)
            found = list(whole)
        else:
            found = [row[:, None] for row in self._table(X, reset=reset)]
        for index, part in enumerate(found):
            if not len(part):
                raise ValueError(f"sequence {index} has no steps; leave it out")
            if not np.isfinite(part).all():
                raise ValueError(f"sequence {index} holds NaN or infinity; pass finite numbers")
        return found

    def _table(self, X: Any, *, reset: bool) -> np.ndarray:
        if HAS_SKLEARN:
            table = validate_data(self, X, dtype=np.float32, reset=reset, ensure_min_samples=1)
        else:
            table = np.asarray(X, np.float32)
            if table.ndim != 2:
                raise ValueError(f"X has {table.ndim} dimensions; pass [sequences, steps] or more")
            self._features(table.shape[1], 2, reset)
        if reset:
            self._rank = 2
        return table

    def _features(self, size: int, rank: int, reset: bool) -> None:
        if reset:
            self.n_features_in_, self._rank = size, rank
        elif size != self.n_features_in_ or rank != self._rank:
            raise ValueError(
                f"X has {size} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input")

    def _scaled(self, sequences: list[np.ndarray], *, reset: bool) -> list[np.ndarray]:
        """Features with mean 0 and deviation 1 over the training data."""
        if reset:
            size = sequences[0].shape[1]
            self.mean_, self.scale_ = np.zeros(size, np.float32), np.ones(size, np.float32)
            if self.standardize:
                rows = np.concatenate(sequences).astype(np.float64)
                deviation = rows.std(0)
                self.mean_ = rows.mean(0).astype(np.float32)
                self.scale_ = np.where(deviation > 0, deviation, 1).astype(np.float32)
        return [(part - self.mean_) / self.scale_ for part in sequences]

    def _train(self, sequences: list[np.ndarray], targets: list[Any], output_size: int) -> None:
        """Makes the model and trains it, with some sequences kept aside where patience needs them."""
        sequences = self._scaled(sequences, reset=True)
        seed = self._seed()
        self.model_ = SequenceModel(
            self.cell, sequences[0].shape[1], output_size, targets=self._targets,
            per_step=self.per_step, layers=self.layers, parameters=self.parameters,
            hidden_size=None if self.parameters else self.hidden_size,
            bidirectional=self.bidirectional, residual=self.residual, zoneout=self.zoneout, seed=seed)
        valid = None
        if self.patience is not None:
            count = self._held_out(len(sequences))
            order = np.random.default_rng(seed).permutation(len(sequences))
            kept, held = order[count:], order[:count]
            valid = ([sequences[i] for i in held], [targets[i] for i in held])
            sequences = [sequences[i] for i in kept]
            targets = [targets[i] for i in kept]
        self.history_ = self.model_.fit(sequences, targets, valid=valid, **{
            "epochs": self.epochs, "batch_size": self.batch_size, "optimizer": self.optimizer,
            "learning_rate": self.learning_rate, "weight_decay": self.weight_decay,
            "dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout, "clip": self.clip,
            "patience": self.patience, "seed": seed, "threads": self.threads,
            "progress": True if self.verbose else None, **dict(self.training or {})})
        self.n_iter_ = len(self.history_)

    def _held_out(self, count: int) -> int:
        """How many of the sequences are kept aside."""
        if not 0 < self.validation_fraction < 1:
            raise InvalidArgumentError(f"validation_fraction is {self.validation_fraction}; patience needs a "
                                       "share between 0 and 1")
        if count < 2:
            raise InvalidArgumentError("patience needs at least 2 sequences, "
                                       "one to be kept aside; pass more, or patience=None")
        return min(max(round(self.validation_fraction * count), 1), count - 1)

    def _check_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted; call fit first")

    def _outputs(self, X: Any) -> Any:
        """What the model says: [sequences, K], or a list of [steps, K]."""
        self._check_fitted()
        sequences = self._scaled(self._sequences(X, reset=False), reset=False)
        outputs = self.model_.predict(sequences, threads=self.threads)
        if self.per_step:
            return [np.asarray(part) for part in outputs]
        return np.asarray(outputs)

    def _like(self, parts: list[np.ndarray], X: Any) -> Any:
        """One array where the sequences were one."""
        return parts if isinstance(X, (list, tuple)) and np.ndim(X[0]) == 2 else np.stack(parts)

    def save(self, path: Path) -> None:
        """Saves the trained model; the estimator itself can be pickled."""
        self._check_fitted()
        self.model_.save(path)
