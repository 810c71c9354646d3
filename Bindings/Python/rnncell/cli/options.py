"""The options that several commands share."""
from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from ..corpora import UNITS, Corpus


def number(minimum: float, kind: type = int, *, above: bool = False) -> Any:
    """A type for argparse: a number not below (or above) a minimum."""
    def read(text: str) -> Any:
        value = kind(text)
        if not (value > minimum if above else value >= minimum):
            raise argparse.ArgumentTypeError(
                f"{text} is not {'above' if above else 'at least'} {minimum:g}")
        return value
    read.__name__ = "whole number" if kind is int else "number"
    return read


COUNT = number(1)
POSITIVE = number(0, float, above=True)
NOT_NEGATIVE = number(0, float)


def rates(text: str) -> list[float]:
    """Learning rates with commas between."""
    return [POSITIVE(word) for word in text.split(",")]


def add_common(parser: argparse.ArgumentParser) -> None:
    """Options of every command."""
    parser.add_argument("--json", action="store_true",
                        help="print one JSON object on the last line")
    parser.add_argument("--threads", type=COUNT, metavar="N",
                        help="threads to use (default: $RNNCELL_THREADS, or all processors)")


def add_text(parser: argparse.ArgumentParser, *, unit: str = "character") -> None:
    """Where the text comes from."""
    parser.add_argument("text", nargs="?", metavar="TEXT",
                        help="a text file, split 90/5/5 by position")
    for split in ("train", "valid", "test"):
        parser.add_argument(f"--{split}", metavar="FILE",
                            help=f"in place of TEXT: the {split} text")
    parser.add_argument("--unit", choices=UNITS, default=unit,
                        help="what a token is (default: %(default)s)")
    parser.add_argument("--limit", type=COUNT, metavar="BYTES", help="bytes of each text to use")


def corpus_from(arguments: argparse.Namespace) -> Corpus:
    """The corpus that the options name."""
    if (arguments.text is None) == (arguments.train is None):
        arguments.parser.error("name one text: TEXT, or --train FILE --valid FILE --test FILE")
    if arguments.text is not None and (arguments.valid or arguments.test):
        arguments.parser.error("--valid and --test go with --train FILE in place of TEXT")
    return Corpus(arguments.text or arguments.train, valid=arguments.valid, test=arguments.test,
                  unit=arguments.unit, limit=arguments.limit)


def add_size(parser: argparse.ArgumentParser, default: str = "--hidden 64") -> None:
    """How large every model is."""
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--parameters", type=COUNT, metavar="N",
                      help=f"of each model in all (default: {default})")
    size.add_argument("--hidden", type=COUNT, metavar="H",
                      help="as many parameters as with an LSTM of H")


def add_training(parser: argparse.ArgumentParser) -> None:
    """How models learn. What is not given is None: the library's own defaults hold, or those of a study."""
    group = parser.add_argument_group("training")
    group.add_argument("--epochs", type=COUNT, metavar="E",
                       help="passes over the text (default: 1, or as many as --updates takes)")
    group.add_argument("--updates", type=COUNT, metavar="N", help="stop after so many updates")
    group.add_argument("--optimizer", choices=("adam", "adamw", "rmsprop", "sgd"),
                       help="default: adam")
    group.add_argument("--learning-rate", "--lr", type=POSITIVE, metavar="RATE",
                       help="default: 0.002, for sgd 1")
    group.add_argument("--decay", type=POSITIVE, metavar="FACTOR",
                       help="of the learning rate for each epoch (default: 1)")
    group.add_argument("--decay-after", type=COUNT, metavar="E",
                       help="epochs before the learning rate decays")
    group.add_argument("--patience", type=COUNT, metavar="E",
                       help="stop after so many epochs without a better validation loss")
    group.add_argument("--batch", type=COUNT, metavar="B",
                       help="sequences trained together (default: 32)")
    group.add_argument("--truncation", type=COUNT, metavar="T",
                       help="steps of a segment of backpropagation (default: 35)")
    group.add_argument("--clip", type=POSITIVE, metavar="NORM",
                       help="largest norm of the whole gradient, or inf (default: 5)")
    group.add_argument("--dropout", type=NOT_NEGATIVE, metavar="P",
                       help="probability to drop a unit between layers")
    group.add_argument("--variational", action="store_true", default=None,
                       help="one dropout mask for all steps of a segment")
    for name, text in (
            ("input-dropout", "the same of the first layer's input"),
            ("hidden-dropout", "the same between layers"),
            ("output-dropout", "the same of the last layer's output"),
            ("embedding-dropout", "of whole tokens"),
            ("recurrent-dropout", "of the states that matrices read"),
            ("weight-dropout", "of weights of the matrices that read a state"),
            ("activation-penalty", "factor of the mean square of the output"),
            ("temporal-penalty", "factor of the mean square of its change"),
            ("momentum", "of sgd and rmsprop"), ("weight-decay", "part of the weights taken off")):
        group.add_argument(f"--{name}", type=NOT_NEGATIVE, metavar="P", help=text)
    group.add_argument("--random-truncation", action="store_true", default=None,
                       help="segments of random lengths about T")
    group.add_argument("--schedule", choices=("step", "cosine"),
                       help="of the learning rate (default: step)")
    group.add_argument("--warmup", type=COUNT, metavar="N", help="updates over which it rises")
    group.add_argument("--average", type=averaging, metavar="DECAY|triggered",
                       help="evaluate and keep means of the weights")
    group.add_argument("--reduction", choices=("mean", "sum"),
                       help="of the loss over the steps of a segment (default: mean)")


def training_from(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options for LanguageModel.fit that are given."""
    names = ("epochs", "updates", "optimizer", "learning_rate", "decay", "decay_after", "patience",
             "truncation", "clip", "dropout", "variational", "reduction", "input_dropout",
             "hidden_dropout", "output_dropout", "embedding_dropout", "recurrent_dropout",
             "weight_dropout", "activation_penalty", "temporal_penalty", "momentum", "weight_decay",
             "random_truncation", "schedule", "warmup", "average")
    options = {**{name: getattr(arguments, name) for name in names}, "batch_size": arguments.batch}
    return {name: value for name, value in options.items() if value is not None}


def averaging(text: str) -> float | str:
    """A decay, or the word."""
    return text if text == "triggered" else POSITIVE(text)


def workers_from(arguments: argparse.Namespace) -> int | None:
    """Models trained at a time: --workers, --threads, $RNNCELL_THREADS or None."""
    given = getattr(arguments, "workers", None) or arguments.threads
    environment = os.environ.get("RNNCELL_THREADS", "")
    return given or (int(environment) if environment.isdigit() and int(environment) else None)


def note(text: str) -> None:
    """Progress, which is silent where standard error is no terminal."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)
