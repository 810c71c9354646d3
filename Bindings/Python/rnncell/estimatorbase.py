"""What the estimators share, and what they take from scikit-learn where it is installed."""
from __future__ import annotations

import inspect
import numbers
from collections.abc import Mapping, Sequence, Sized
from typing import Any, Self

import numpy as np

from ._rnncell import InvalidArgumentError, StateError
from .cells import Cell
from .files import Path
from .sequences import SequenceModel

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import DataConversionWarning, NotFittedError
    from sklearn.metrics import r2_score
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
        """In place of scikit-learn's, which tells it of a classifier."""

    class RegressorMixin:  # type: ignore[no-redef]
        """In place of scikit-learn's, which tells it of a regressor."""

    class NotFittedError(StateError):  # type: ignore[no-redef]
        """The estimator has not been fitted."""

    def r2_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
        """The coefficient of determination, the mean of those of several outputs; of a constant one it is 1
        where that is said exactly, else 0."""
        wanted, said = (np.asarray(values, float).reshape(len(values), -1) for values in (y_true, y_pred))
        if wanted.shape != said.shape:
            raise ValueError(f"y has shape {wanted.shape}, and {said.shape} was predicted; pass that many")
        mean = np.average(wanted, axis=0, weights=sample_weight)
        residual, total = (np.average(square, axis=0, weights=sample_weight)
                           for square in ((wanted - said) ** 2, (wanted - mean) ** 2))
        is_constant = total == 0
        shares = residual / np.where(is_constant, 1, total)
        return float(np.mean(np.where(is_constant, residual == 0, 1 - shares)))


def check_count(targets: Sized, count: int) -> None:
    """ValueError where there is not one target for each sequence."""
    if len(targets) != count:
        raise ValueError(f"{len(targets)} targets for {count} sequences; pass one for each")


def joined_steps(
    said: Sequence[np.ndarray], wanted: Any, weights: Any,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """What is said and wanted at all time steps of all sequences, and the weight of each step.

    weights: one for each sequence, which all of its steps get; or None.
    """
    targets = [np.asarray(part) for part in wanted]
    check_count(targets, len(said))
    for index, (part, target) in enumerate(zip(said, targets)):
        if len(target) != len(part):
            raise ValueError(f"sequence {index} has {len(part)} steps and {len(target)} targets; pass one "
                             "for each")
    if weights is not None:
        weights = np.asarray(weights, float)
        if weights.shape != (len(said),):
            raise ValueError(f"sample_weight has shape {weights.shape}; pass one for each of the {len(said)} "
                             "sequences")
        weights = np.repeat(weights, [len(part) for part in said])
    return np.concatenate(said), np.concatenate(targets), weights


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
        is_list, is_whole = isinstance(X, (list, tuple)), getattr(X, "ndim", 0) == 3
        if (is_list or is_whole) and not len(X):
            raise ValueError("there are no sequences; pass at least one")
        rank = np.ndim(X[0]) if is_list else None
        if rank == 1 and len({np.shape(part) for part in X}) > 1:
            raise ValueError("sequences of different lengths are arrays [steps, features], and the first "
                             "one has one dimension; write x[:, None] for one feature")
        if rank == 2:
            self._check_rank(3, X, reset)
            found = [floats(part) for part in X]
            for index, part in enumerate(found):
                if part.ndim != 2:
                    raise ValueError(f"sequence {index} has shape {part.shape}; pass [steps, features]")
            sizes = {part.shape[1] for part in found}
            if len(sizes) != 1:
                raise ValueError(f"sequences have {sorted(sizes)} features; pass the same for all")
            self._features(sizes.pop(), reset)
        elif is_whole:
            self._check_rank(3, X, reset)
            found = list(floats(X))
            self._features(found[0].shape[1], reset)
        else:
            self._check_rank(2, X, reset)
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
            self._features(table.shape[1], reset)
        return table

    def _check_rank(self, rank: int, X: Any, reset: bool) -> None:
        """ValueError where a table, of rank 2, comes after sequences of vectors, or these after a table."""
        if reset:
            self._rank = rank
        elif rank != self._rank:
            fitted = f"{type(self).__name__} was fitted on"
            if rank == 3:
                raise ValueError(f"X holds sequences [steps, features], and {fitted} a table [sequences, "
                                 f"{self.n_features_in_}]; pass such a table")
            raise ValueError(f"X has shape {np.shape(X)}, and {fitted} sequences [steps, "
                             f"{self.n_features_in_}]; pass a list of such, a single one as [X]")

    def _features(self, size: int, reset: bool) -> None:
        if reset:
            self.n_features_in_ = size
        elif size != self.n_features_in_:
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

    def _train(
        self, sequences: list[np.ndarray], targets: list[Any], output_size: int,
        held: tuple[list[np.ndarray], list[Any]] | None = None,
    ) -> None:
        """Makes the model and trains it. Where patience needs sequences kept aside these are `held`, or
        a share of all."""
        seed = self._seed()
        if self.patience is not None and held is None:
            count = self._held_out(len(sequences))
            order = np.random.default_rng(seed).permutation(len(sequences))
            held = [sequences[i] for i in order[:count]], [targets[i] for i in order[:count]]
            sequences, targets = ([part[i] for i in order[count:]] for part in (sequences, targets))
        sequences = self._scaled(sequences, reset=True)
        valid = held and (self._scaled(held[0], reset=False), held[1])
        self.model_ = SequenceModel(
            self.cell, sequences[0].shape[1], output_size, targets=self._targets,
            per_step=self.per_step, layers=self.layers, parameters=self.parameters,
            hidden_size=None if self.parameters else self.hidden_size,
            bidirectional=self.bidirectional, residual=self.residual, zoneout=self.zoneout, seed=seed)
        self.history_ = self.model_.fit(sequences, targets, valid=valid, **{
            "epochs": self.epochs, "batch_size": self.batch_size, "optimizer": self.optimizer,
            "learning_rate": self.learning_rate, "weight_decay": self.weight_decay,
            "dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout, "clip": self.clip,
            "patience": self.patience, "seed": seed, "threads": self.threads,
            "progress": True if self.verbose else None, **dict(self.training or {})})
        self.n_iter_ = len(self.history_)

    def _held_out(self, count: int) -> int:
        """How many of the sequences are kept aside."""
        share = self._validation_share()
        if count < 2:
            raise InvalidArgumentError("patience needs at least 2 sequences, "
                                       "one to be kept aside; pass more, or patience=None")
        return min(max(round(share * count), 1), count - 1)

    def _validation_share(self) -> float:
        if not 0 < self.validation_fraction < 1:
            raise InvalidArgumentError(f"validation_fraction is {self.validation_fraction}; patience needs a "
                                       "share between 0 and 1")
        return self.validation_fraction

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
        """One array where the sequences were one, or the rows of a table."""
        is_one = getattr(X, "ndim", 1) > 1 or np.ndim(X[0]) == 1
        return np.stack(parts) if is_one else parts

    def save(self, path: Path) -> None:
        """Saves the trained model; the estimator itself can be pickled."""
        self._check_fitted()
        self.model_.save(path)
