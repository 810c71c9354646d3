"""The other libraries, each as its users would write a cell for speed.

A peer has `name`, `version`, and gives for a case the contenders that it has for the work. To add a
library, write a class with the methods of `Peer` and name it in `load`.
"""
from __future__ import annotations

import importlib
import importlib.util
import os
from typing import Any, Protocol

from ..program import Program
from ..timing import Case, Contender

NAMES = {"torch": "torch", "jax": "jax", "onnxruntime": "onnxruntime onnx"}


class Peer(Protocol):
    """What a library is asked for; an empty list where it has nothing of the kind."""

    name: str
    version: str
    #: Its ways to train a proposal of a search; those after the first are for a thorough bench.
    proposal_settings: tuple[str, ...]

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

    def proposal(self, rung: Any, program: Program, weights: Any, setting: str) -> float:
        """Trains a new model for a rung of a search; its validation loss, nats per token."""


def environment(threads: int) -> dict[str, str]:
    """The variables that the libraries read when they are imported, for so many threads."""
    flags = [flag for flag in os.environ.get("XLA_FLAGS", "").split()
             if "multi_thread_eigen" not in flag and "intra_op_parallelism" not in flag]
    return {
        "OMP_NUM_THREADS": str(threads),
        "XLA_FLAGS": " ".join([
            *flags, f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}",
            f"intra_op_parallelism_threads={threads}"]),
        "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", "cpu"),
        # What a compiler keeps on disk would be of the run before: a search meets new cells.
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}


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
