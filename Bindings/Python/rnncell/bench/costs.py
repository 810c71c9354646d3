"""What our own options cost: dropout, a second direction, a step of the C that is exported."""
from __future__ import annotations

import pathlib
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from typing import Any

from .. import _rnncell
from ..cells import Cell
from ..networks import Network
from .models import Setting
from .timing import interleaved

# Masks and the like, by their names as options of a training; zoneout is one of the model.
DROPOUT: dict[str, float] = {
    "input_dropout": 0.25, "hidden_dropout": 0.25, "output_dropout": 0.25, "embedding_dropout": 0.1,
    "recurrent_dropout": 0.25, "weight_dropout": 0.5, "zoneout": 0.1}
BIDIRECTIONAL = ("lstm", "gru", "nascell")
EXPORTED = ("lstm", "gru", "nascell", "darts_v2")
EXPORTED_HIDDEN = 64

# Prints the seconds of a step: the best of many samples, as a step takes microseconds.
PROGRAM = """
#include <stdio.h>
#include <stdint.h>
#include <time.h>
%s
static float x[64], y[64];
int main(int count, char **arguments) {
  double best = 1e9;
  struct timespec a, b;
  int i, round;
  (void)count;
  (void)arguments;
  for (i = 0; i < 64; i++) x[i] = 0.01f * (float)i;
  %s
  for (round = 0; round < 100; round++) {
    double seconds;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (i = 0; i < 1000; i++) {
      %s;
      x[0] = y[0];
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    seconds = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
    if (seconds < best) best = seconds;
  }
  printf("%%g\\n", best / 1000);
  return 0;
}
"""
OF_THE_EXPORT = PROGRAM % ('#define RNNCELL_NO_MAIN\n#include "network.c"', "", "rnncell_step(x, y)")
OF_THE_LIBRARY = PROGRAM % (
    """int32_t rnncell_network_load(void **, const char *);
int32_t rnncell_stream_create(void **, void *, int64_t);
int32_t rnncell_stream_step(float *, void *, const float *);""",
    """void *network = 0, *stream = 0;
  if (rnncell_network_load(&network, arguments[1])) return 1;
  if (rnncell_stream_create(&stream, network, 1)) return 1;""",
    "if (rnncell_stream_step(y, stream, x)) return 1")


def dropout(threads: int, rounds: int) -> dict[str, float]:
    """The time of updates of a language model with each kind over that without, 2 x LSTM 200."""
    setting = Setting(Cell.stock("lstm"))
    setting.updates = 4
    corpus = setting.corpus()

    def update(name: str, rate: float) -> Callable[[], object]:
        is_training = name not in ("none", "zoneout")
        return setting.ours(setting.model(corpus, zoneout=rate if name == "zoneout" else 0.0), corpus,
                            threads, **({name: rate} if is_training else {})).run

    return {name: interleaved([update("none", 0.0), update(name, rate)], rounds, threads).ratios[1]
            for name, rate in DROPOUT.items()}


def bidirectional(threads: int, rounds: int) -> dict[str, float]:
    """The time of two directions over that of one, forward and backward, 20 x 35 x 200."""
    import numpy
    x = numpy.random.default_rng(0).standard_normal((35, 20, 200), numpy.float32)

    def run(cell: str, is_double: bool) -> Callable[[], object]:
        network = Network(cell, 200, 200, bidirectional=is_double)
        gradient = numpy.ones((35, 20, 400 if is_double else 200), numpy.float32)
        return lambda: network.forward(x, threads=threads)[1].backward(gradient, threads=threads)

    ratios = {}
    for cell in BIDIRECTIONAL:
        ratios[cell] = interleaved([run(cell, False), run(cell, True)], rounds, threads).ratios[1]
    return ratios


def exported(rounds: int) -> list[dict[str, Any]]:
    """A step of 64 units in the C that is exported, and in the library called from C; seconds.

    Empty where there is no C compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return []
    library = next(pathlib.Path(_rnncell.__file__).parent.glob("librnncell.so*"))
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "export.c").write_text(OF_THE_EXPORT)
        (folder / "library.c").write_text(OF_THE_LIBRARY)
        subprocess.run([compiler, "-O2", "library.c", library, f"-Wl,-rpath,{library.parent}",
                        "-o", "library"], cwd=folder, check=True)
        for cell in EXPORTED:
            network = Network(cell, EXPORTED_HIDDEN, EXPORTED_HIDDEN, seed=1)
            network.export(folder / "network.c")
            network.save(folder / "network.safetensors")
            subprocess.run([compiler, "-O3", "-march=native", "export.c", "-o", "export"],
                           cwd=folder, check=True)
            seconds: dict[str, list[float]] = {"export": [], "library": []}
            for _ in range(rounds):
                for program, series in seconds.items():
                    series.append(float(subprocess.run(
                        [folder / program, "network.safetensors"], cwd=folder, capture_output=True,
                        text=True, check=True).stdout))
            medians = {key: statistics.median(series) for key, series in seconds.items()}
            rows.append({"cell": cell, **medians, "ratio": medians["export"] / medians["library"]})
    return rows
