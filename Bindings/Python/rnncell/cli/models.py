"""The commands `train`, `eval`, `generate` and `compare`."""
from __future__ import annotations

import argparse
import math
import pathlib
import sys
from typing import Any

from .._rnncell import InvalidArgumentError
from ..cells import cell_from_argument
from ..comparison import Run, Trial, compare
from ..files import writable
from ..models import LanguageModel, Progress, perplexity_of
from ..training import ProgressBar
from .options import (
    COUNT, NOT_NEGATIVE, POSITIVE, add_common, add_size, add_text, add_training, corpus_from, note,
    rates, training_from, workers_from,
)


def add(commands: Any) -> None:
    """Adds the commands to the parser."""
    train = commands.add_parser(
        "train", help="train a language model on a text",
        description="Trains a language model on a text. CELL is a stock name, a file, or "
        "equations.")
    add_text(train)
    train.add_argument("--cell", default="lstm", metavar="CELL", help="default: %(default)s")
    train.add_argument("--layers", type=COUNT, metavar="N", help="default: 1")
    size = train.add_mutually_exclusive_group()
    size.add_argument("--hidden", type=COUNT, metavar="H", help="hidden size (default: 128)")
    size.add_argument("--parameters", type=COUNT, metavar="N",
                      help="choose the hidden size that comes nearest to N in all")
    train.add_argument("--embedding", type=COUNT, metavar="N",
                       help="embedding size (default: as hidden)")
    train.add_argument("--tied", action="store_true", help="embedding and softmax share weights")
    train.add_argument("--init-range", type=POSITIVE, metavar="R",
                       help="weights start uniform in +-R (default: 1/sqrt(hidden size))")
    train.add_argument("--forget-bias", type=float, metavar="B",
                       help="start of forget gates' biases (default: as the cell's source says)")
    train.add_argument("--chrono", type=POSITIVE, metavar="T",
                       help="start gates' biases for dependencies of up to T time steps")
    train.add_argument("--recurrent", choices=("uniform", "orthogonal", "identity"),
                       help="how matrices that read a state start (default: as the cell's source says)")
    train.add_argument("--seed", type=int, default=0, metavar="S")
    add_training(train)
    train.add_argument("--residual", action="store_true", help="add each layer's input to its output")
    train.add_argument("--zoneout", type=NOT_NEGATIVE, default=0.0, metavar="P",
                       help="probability that a state's element keeps its value in training")
    train.add_argument("--tensorboard", metavar="FOLDER", help="write event files there")
    train.add_argument("--save", type=writable, metavar="FILE", help="save the model as safetensors")
    train.add_argument("--checkpoint", type=writable, metavar="FILE",
                       help="write it after each epoch (with --resume: default SAVE.checkpoint)")
    train.add_argument("--resume", action="store_true", help="carry on from the checkpoint")
    add_common(train)
    train.set_defaults(run=run_train, parser=train)

    evaluate = commands.add_parser("eval", help="loss and perplexity of a model on a text",
                                   description="The loss and perplexity of a model on a text.")
    evaluate.add_argument("model", metavar="MODEL")
    evaluate.add_argument("text", metavar="TEXT")
    evaluate.add_argument("--dynamic", type=POSITIVE, metavar="RATE",
                          help="let the weights follow the text at this learning rate")
    add_common(evaluate)
    evaluate.set_defaults(run=run_eval, parser=evaluate)

    generate = commands.add_parser("generate", help="text that a model writes",
                                   description="Writes on from a prompt.")
    generate.add_argument("model", metavar="MODEL")
    generate.add_argument("prompt", metavar="PROMPT", nargs="?", default="")
    generate.add_argument("--count", type=number_of_tokens, default=200, metavar="N",
                          help="tokens to write (default: %(default)s)")
    generate.add_argument("--temperature", type=NOT_NEGATIVE, default=1.0, metavar="T",
                          help="0: the likeliest token (default: %(default)s)")
    generate.add_argument("--seed", type=int, default=0, metavar="S")
    add_common(generate)
    generate.set_defaults(run=run_generate, parser=generate)

    command = commands.add_parser(
        "compare", help="cells at equal size and budget, with intervals",
        description="Trains cells at an equal number of parameters with the same updates and "
        "seeds, and says what is shown: 95 % intervals by Student's t, differences paired by "
        "seed.")
    add_text(command)
    command.add_argument("--cells", required=True, metavar="A,B,...",
                         help="stock names or files; the first is compared with the others")
    add_size(command)
    command.add_argument("--seeds", type=COUNT, default=3, metavar="N",
                         help="how many (default: %(default)s)")
    command.add_argument("--layers", type=COUNT, default=1, metavar="N",
                         help="default: %(default)s")
    command.add_argument("--embedding", type=COUNT, metavar="N",
                         help="embedding size (default: as hidden)")
    command.add_argument("--tied", action="store_true", help="embedding and softmax share weights")
    command.add_argument("--learning-rates", type=rates, metavar="A,B,...",
                         help="each cell gets the best of them after a quarter of the training")
    command.add_argument("--workers", type=COUNT, metavar="N",
                         help="models trained at a time, one thread each")
    add_training(command)
    command.add_argument("--save", type=writable, default="compare.json", metavar="FILE",
                         help="the runs, kept as they end (default: %(default)s)")
    command.add_argument("--resume", action="store_true", help="keep the runs that --save holds")
    add_common(command)
    command.set_defaults(run=run_compare, parser=command)


def number_of_tokens(text: str) -> int:
    """A count of tokens, which may be 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def run_train(arguments: argparse.Namespace) -> dict[str, Any]:
    """Trains, evaluates and saves a model."""
    checkpoint = arguments.checkpoint
    if arguments.resume and checkpoint is None:
        if arguments.save is None:
            arguments.parser.error("--resume needs --checkpoint FILE, or --save FILE")
        checkpoint = arguments.save + ".checkpoint"
    cell = cell_from_argument(arguments.cell)
    corpus = corpus_from(arguments)
    model = LanguageModel(
        cell, corpus.vocabulary, hidden_size=arguments.hidden, layers=arguments.layers,
        embedding_size=arguments.embedding, parameters=arguments.parameters,
        tied=arguments.tied, seed=arguments.seed, init_range=arguments.init_range,
        forget_bias=arguments.forget_bias, chrono=arguments.chrono, recurrent=arguments.recurrent,
        residual=arguments.residual, zoneout=arguments.zoneout)
    note(f"{model!r} on {corpus!r}")
    try:
        history = model.fit(
            corpus, checkpoint=checkpoint, resume=arguments.resume, seed=arguments.seed,
            threads=arguments.threads,
            progress=ProgressBar(sys.stderr, True) if sys.stderr.isatty() else None,
            csv=f"{arguments.save}.csv" if arguments.save else None,
            tensorboard=arguments.tensorboard, **training_from(arguments))
    except KeyboardInterrupt:
        kept = []
        if arguments.save:
            model.save(arguments.save)
            kept.append(f"the weights are in {arguments.save}")
        if checkpoint and pathlib.Path(checkpoint).exists():
            kept.append(f"--checkpoint {checkpoint} --resume carries on from the last epoch")
        raise KeyboardInterrupt("; ".join(["interrupted", *kept])) from None
    if arguments.save:
        model.save(arguments.save)
    losses = {"valid": model.evaluate(corpus.valid, threads=arguments.threads),
              "test": model.evaluate(corpus.test, threads=arguments.threads)}
    for split, loss in losses.items():
        print(f"{split:5}  loss {loss:.4f}  perplexity {perplexity_of(loss):.2f}")
    return {"parameters": model.parameter_count, "hidden": model.hidden_size,
            "updates": history[-1].update if history else 0,
            **{f"{split}_loss": loss for split, loss in losses.items()},
            **{f"{split}_perplexity": perplexity_of(loss) for split, loss in losses.items()},
            "history": [_row(row) for row in history]}


def _row(row: Progress) -> dict[str, Any]:
    return {name: value if math.isfinite(value) else None for name, value in row._asdict().items()}


def run_eval(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prints the loss of a text."""
    model = LanguageModel.load(arguments.model)
    tokens = model.encode(pathlib.Path(arguments.text).read_bytes())
    if tokens.size < 2:
        raise InvalidArgumentError(f"{arguments.text} has {tokens.size} tokens; it needs 2 or more")
    loss = model.evaluate(tokens, dynamic=arguments.dynamic, threads=arguments.threads)
    print(f"loss {loss:.4f}  perplexity {perplexity_of(loss):.2f}  tokens {tokens.size}")
    return {"loss": loss, "perplexity": perplexity_of(loss), "tokens": tokens.size}


def run_generate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Prints a prompt and what the model writes on."""
    model = LanguageModel.load(arguments.model)
    text = model.generate(arguments.prompt, arguments.count, temperature=arguments.temperature,
                          seed=arguments.seed)
    print(arguments.prompt + text)
    return {"prompt": arguments.prompt, "text": text}


def told(row: Trial | Run) -> str:
    """A trial or run in a line; its test loss is not known yet."""
    rate = "" if row.learning_rate is None else f"learning rate {row.learning_rate:g}"
    if isinstance(row, Trial):
        return f"{row.cell}, {rate} tried: validation loss {row.valid_loss:.4f}"
    return (f"{row.cell}, seed {row.seed}{rate and ', ' + rate}: validation loss {row.valid_loss:.4f} "
            f"in {row.seconds:.0f} s")


def run_compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Trains cells at equal size and prints what is shown."""
    corpus = corpus_from(arguments)
    given = [name for name in arguments.cells.split(",") if name]
    stems = [pathlib.Path(name).stem for name in given]
    cells = {stem if stems.count(stem) == 1 else name: cell_from_argument(name)
             for name, stem in zip(given, stems)}

    def hear(row: Trial | Run, done: int, count: int) -> None:
        note(f"{done}/{count}  {told(row)}")

    try:
        comparison = compare(
            corpus, cells, parameters=arguments.parameters, hidden_size=arguments.hidden,
            seeds=arguments.seeds,
            layers=arguments.layers, embedding_size=arguments.embedding, tied=arguments.tied,
            learning_rates=arguments.learning_rates, workers=workers_from(arguments),
            save=arguments.save, resume=arguments.resume, progress=hear, **training_from(arguments))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted; {arguments.save} keeps the runs that ended, --resume carries on"
        ) from None
    print(comparison.text())
    return comparison.as_json()
