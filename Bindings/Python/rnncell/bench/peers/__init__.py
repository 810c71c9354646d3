"""The other libraries, each as its users would write a cell for speed.

A peer has `name`, `version`, and gives for a case the contenders that it has for the work. To add a
library, write a class with the methods of `Peer` and name it in `load`.
"""
from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Protocol

from ..timing import Case, Contender

NAMES = {"torch": "torch", "jax": "jax", "onnxruntime": "onnxruntime onnx"}


class Peer(Protocol):
    """What a library is asked for; an empty list where it has nothing of the kind."""

    name: str
    version: str

    def training(self, case: Case, *, thorough: bool) -> list[Contender]:
        """Forward and backward of one layer."""

    def inference(self, case: Case) -> list[Contender]:
        """Forward of one layer."""

    def step(self, case: Case) -> list[Contender]:
        """One time step of one stream."""

    def first_output(self, case: Case) -> float | None:
        """Seconds from the program of a new cell to the output of its first step."""

    def language_model(self, setting: Any, weights: Any, tokens: Any) -> Contender | None:
        """Updates of a language model."""


def load(names: list[str], threads: int) -> tuple[list[Peer], list[str]]:
    """The peers that are installed, and of those that are not the packages that they need."""
    peers, missing = [], []
    for name in names:
        packages = NAMES[name].split()
        absent = [package for package in packages if importlib.util.find_spec(package) is None]
        if absent:
            missing.extend(absent)
            continue
        module = importlib.import_module(f"{__name__}.with_{name}")
        peers.append(module.open_peer(threads))
    return peers, missing
