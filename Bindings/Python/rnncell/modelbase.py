"""What models of language and of sequences share."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import _rnncell
from .files import Path
from .networks import Network
from .parameters import Learned
from .training import Progress


class Model(Learned):
    """Layers of cells with what they read and say, trained as one."""

    _handle: _rnncell.Model

    @classmethod
    def _read(cls, path: Path) -> _rnncell.Model:
        return _rnncell.model_load(path)

    @property
    def _info(self) -> Mapping[str, Any]:  # type: ignore[override]
        return self._handle.describe()

    @property
    def hidden_size(self) -> int:
        """The size of every layer."""
        return self._info["hidden_size"]

    @property
    def history(self) -> tuple[Progress, ...]:
        """A row for each epoch since the model was made."""
        return tuple(Progress(*row) for row in self._handle.history())

    def network(self) -> Network:
        """A network with the cells of the layers and a copy of their weights."""
        return Network._wrap(self._handle.network())
