"""Write a recurrent cell as equations, run it, train it, and search for a better one.

>>> import rnncell
>>> cell = rnncell.Cell("h' = tanh(linear(x, h))")
>>> cell == rnncell.Cell.stock("elman")
True
"""
import json as _json
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from . import _rnncell
from ._rnncell import (
    BusyError,
    CancelledError,
    DivergedError,
    Error,
    FileError,
    FormatError,
    InternalError,
    InvalidArgumentError,
    LimitError,
    OutOfMemoryError,
    ParseError,
    StateError,
)
from .ablation import ablate
from .arrays import Array, array
from .cells import Cell, Genotype, StockCell, stock_cells
from .comparison import Comparison, compare
from .corpora import Corpus, Vocabulary
from .models import LanguageModel
from .networks import Gradients, Network, Optimizer, State, Stream, Tape
from .parameters import Parameters
from .scores import Score
from .sequences import SequenceModel, next_step
from .studies import Proposal, Study, StudyInfo, search, strategies
from .tasks import JointTask, LanguageTask, SequenceTask, Task
from .training import Progress, TrainingOptions

if _TYPE_CHECKING:
    from .estimators import Forecaster, MultiLabelModel, SequenceClassifier, SequenceRegressor

__version__: str = _rnncell.version()

__all__ = [
    "Array", "BusyError", "CancelledError", "Cell", "Comparison", "Corpus", "DivergedError",
    "Error", "FileError", "Forecaster", "FormatError", "Genotype", "Gradients", "InternalError",
    "InvalidArgumentError", "JointTask", "LanguageModel", "LanguageTask", "LimitError",
    "MultiLabelModel", "Network", "Optimizer", "OutOfMemoryError", "Parameters", "ParseError",
    "Progress", "Proposal", "Score", "SequenceClassifier", "SequenceModel", "SequenceRegressor",
    "SequenceTask", "State", "StateError", "StockCell", "Stream", "Study", "StudyInfo", "Tape",
    "Task", "TrainingOptions", "Vocabulary", "ablate", "array", "build_info", "compare",
    "next_step", "search", "stock_cells", "strategies",
]


def build_info() -> dict[str, _Any]:
    """What the library is: version, target, instruction set, and what `threads=None` means."""
    info: dict[str, _Any] = _json.loads(_rnncell.build_info())
    return info


def __getattr__(name: str) -> object:
    # The estimators need NumPy, which the rest of the package does without.
    if name not in __all__:
        raise AttributeError(f"module 'rnncell' has no attribute {name!r}")
    from . import estimators
    return getattr(estimators, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
