"""Networks: cells in layers, with weights."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from . import _rnncell
from ._rnncell import Array, InvalidArgumentError, StateError
from .arrays import array, concatenated, flag, number, positive, positive_int, seed_of
from .cells import Cell, cells_from
from .files import Path
from .parameters import Learned, Parameters
from .training import TrainingOptions, library_options

#: Of a State: name, size and offset in the floats of a batch of one, for each of its arrays.
Layout = list[tuple[str, int, int]]
#: What an optimizer reads of the training options; the others tell `fit` what to do around it.
OPTIMIZER_OPTIONS = ("optimizer", "learning_rate", "momentum", "nesterov", "weight_decay", "beta1", "beta2",
                     "epsilon", "smoothing", "clip")


def sequence_of(value: object, count: int, name: str) -> list[Any]:
    """A list of `count` values from one value or a sequence of them."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) not in (1, count):
            raise InvalidArgumentError(
                f"{name} has {len(value)} items for {count} layers; pass one, or one for each")
        return list(value) * (1 if len(value) == count else count)
    return [value] * count


def starting_options(
    init_range: float | None, forget_bias: float | None, chrono: float | None, recurrent: str | None
) -> dict[str, object]:
    """How weights start, as the library is told it; 0 there is the default, NaN no special bias."""
    weights = 0.0 if init_range is None else positive("init_range", init_range)
    bias = 0.0 if forget_bias is None else number("forget_bias", forget_bias)
    return {"init_range": weights,
            "chrono": 0.0 if chrono is None else positive("chrono", chrono),
            "forget_bias": bias if bias or forget_bias is None else float("nan"),
            **({} if recurrent is None else {"recurrent": recurrent})}


def _shown(layout: Layout) -> str:
    return ", ".join(f"{name} [batch, {size}]" for name, size, _ in layout)


class Gradients(Parameters):
    """Gradients by the names of the parameters, and "x" for that of the input.

    `state` is the gradient of the initial state.
    """

    def __init__(self, arrays: dict[str, Array], state: State) -> None:
        super().__init__(arrays)
        self.state = state


class State(Mapping[str, Array]):
    """The state of a batch: arrays [batch, size] by names such as "layers.0.h".

    `array` holds them one after another, as a network takes and gives them.
    """

    def __init__(self, array: Array, layout: Layout, batch: int) -> None:
        self.array = array
        self.batch = batch
        self._layout = layout
        self._views = {name: array._view(batch * offset, (batch, size)) for name, size, offset in layout}

    def __getitem__(self, name: str) -> Array:
        try:
            return self._views[name]
        except KeyError:
            known = ", ".join(self._views)
            raise KeyError(f"there is no state {name!r}; there are {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        rows = ", ".join(f"{name}: {list(view.shape)}" for name, view in self.items())
        return f"<rnncell.State {rows}>"


class Network(Learned):
    """Cells in layers, with weights.

    cells:       a Cell, a stock name or equations; or a sequence, one for each layer.
    input_size:  I, the size of the input.
    hidden_size: of every layer, or a sequence with the size of each.
    seed:        of the starting weights.
    init_range:  all weights start uniform in +-range; None: in +-1/sqrt(hidden size), biases 0.
    forget_bias: the start of forget gates' biases; None: as the cell's source says.
    chrono:      the longest dependency in time steps, by which the biases of the gates of LSTM, GRU and their
                 kin start (Tallec and Ollivier 2018, arXiv:1804.11188).
    recurrent:   how square matrices that read a state start: "uniform", as the others; "orthogonal" (Saxe
                 et al. 2014, arXiv:1312.6120); "identity" (Le et al. 2015, arXiv:1504.00941); None: as the
                 cell's source says, or uniform.
    bidirectional: each layer runs in both directions, with weights of their own; the output is that of
                 the forward direction, then that of the other.
    residual:    a layer's input is added to its output where both have one size.
    zoneout:     probability that an element of a state keeps its last value in training; otherwise states
                 are the mean of both. States whose next value does not depend on any state have none.
    """

    def __init__(
        self, cells: Cell | str | Sequence[Cell | str], input_size: int,
        hidden_size: int | Sequence[int], layers: int | None = None, *, seed: int = 0,
        init_range: float | None = None, forget_bias: float | None = None,
        chrono: float | None = None, recurrent: str | None = None,
        bidirectional: bool = False, residual: bool = False, zoneout: float = 0.0,
    ) -> None:
        given = cells_from(cells)
        if layers is None:
            sizes = hidden_size if isinstance(hidden_size, Sequence) else [hidden_size]
            layers = max(len(given), len(sizes))
        layers = positive_int("layers", layers)
        handles = [cell._handle for cell in sequence_of(given, layers, "cells")]
        sizes = [positive_int("hidden_size", size)
                 for size in sequence_of(hidden_size, layers, "hidden_size")]
        self._take(_rnncell.network_create(
            handles, sizes, positive_int("input_size", input_size),
            {"seed": seed_of(seed), "bidirectional": flag("bidirectional", bidirectional),
             "residual": flag("residual", residual), "zoneout": number("zoneout", zoneout),
             **starting_options(init_range, forget_bias, chrono, recurrent)}))

    def _take(self, handle: _rnncell.Network) -> None:
        self._handle = handle
        self._info = handle.describe()
        self._layout: Layout = [(f"layers.{layer}.{name}", size, offset)
                                for layer, name, size, offset in handle.states()]

    @classmethod
    def _read(cls, path: Path) -> _rnncell.Network:
        return _rnncell.network_load(path)

    @classmethod
    def _wrap(cls, handle: _rnncell.Network) -> Self:
        self = cls.__new__(cls)
        self._take(handle)
        return self

    @classmethod
    def from_torch(cls, source: object, *, nonlinearity: str = "tanh") -> Network:
        """A network with the weights of torch's LSTM, GRU or RNN, also bidirectional.

        source:       a `state_dict`, a mapping from names to arrays, or a safetensors file.
        nonlinearity: of an RNN, "tanh" or "relu".
        """
        from .weights import network_from_torch
        return network_from_torch(source, nonlinearity)

    @classmethod
    def from_keras(cls, weights: Sequence[object], *, reset_after: bool | None = None) -> Network:
        """A network with the weights of Keras's LSTM, GRU (either form) or SimpleRNN.

        weights:     `layer.get_weights()`: kernel [I, gates H], recurrent kernel and bias, of bidirectional
                     layers twice; or a list of them for several layers.
        reset_after: the form of GRUs; None: as the shape of the bias tells, or True, Keras's default, where
                     use_bias=False leaves nothing that tells.
        """
        from .weights import network_from_keras
        return network_from_keras(weights, reset_after)

    @classmethod
    def from_onnx(cls, source: object) -> Network:
        """A network with the weights of the LSTM, GRU and RNN nodes of an ONNX model, one after another.

        source: a file or a ModelProto. Needs the package onnx.
        """
        from .weights import network_from_onnx
        return network_from_onnx(source)

    @property
    def input_size(self) -> int:
        """I, the size of the input."""
        return self._info["input_size"]

    @property
    def output_size(self) -> int:
        """The size of the last layer's output."""
        return self._info["output_size"]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cell of each layer."""
        return tuple(Cell._wrap(self._handle.cell(layer)) for layer in range(self.layers))

    def _state(self, values: Array, batch: int) -> State:
        return State(values, self._layout, batch)

    def state(
        self, values: Mapping[str, object] | None = None, *, batch: int | None = None
    ) -> State:
        """A state from arrays [batch, size] by name; what is not named is zero."""
        arrays = {name: array(value) for name, value in (values or {}).items()}
        sizes = {name: size for name, size, _ in self._layout}
        for name, given in arrays.items():
            if name not in sizes:
                raise InvalidArgumentError(f"there is no state {name!r}; there are {', '.join(sizes)}")
            if batch is None and given.ndim == 2:
                batch = given.shape[0]
            if given.shape != (batch, sizes[name]):
                raise InvalidArgumentError(
                    f"{name} has shape {list(given.shape)}, and "
                    f"[{'batch' if batch is None else batch}, {sizes[name]}] is needed")
        if batch is None or batch < 1:
            raise InvalidArgumentError(f"batch is {batch}; pass how many sequences there are")
        return self._state(concatenated([
            arrays[name] if name in arrays else array([0.0] * (batch * size))
            for name, size in sizes.items()]), batch)

    def _flat(self, state: object, batch: int | None = None) -> object:
        """The floats of a state, as the library takes them."""
        if isinstance(state, State):
            if state._layout != self._layout:
                raise InvalidArgumentError(
                    f"the state is of another network: it has {_shown(state._layout)}, and "
                    f"{_shown(self._layout)} is needed")
            return state.array
        return self.state(state, batch=batch).array if isinstance(state, Mapping) else state

    def _forward(
        self, x: object, state: object, lengths: Sequence[int] | None, threads: int | None,
        wants_tape: bool,
    ) -> tuple[Array, State, _rnncell.Tape | None]:
        if isinstance(state, Mapping) and not isinstance(state, State):
            x = x if isinstance(x, Array) else array(x)
            # An input without a batch is refused below.
            state = self.state(state, batch=x.shape[1]) if x.ndim == 3 else None
        output, final, tape = self._handle.forward(
            x, lengths, self._flat(state), threads or 0, wants_tape)
        return output, self._state(final, output.shape[1]), tape

    def __call__(
        self, x: object, state: object = None, *, lengths: Sequence[int] | None = None,
        threads: int | None = None,
    ) -> tuple[Array, State]:
        """Runs over x [steps, batch, input]: outputs [steps, batch, output], and the last state.

        lengths: [batch], the steps of each sequence; past its end its output is zero.
        state:   to start from: a State, arrays by name, or None for zero.
        """
        output, final, _ = self._forward(x, state, lengths, threads, False)
        return output, final

    def forward(
        self, x: object, state: object = None, *, lengths: Sequence[int] | None = None,
        threads: int | None = None,
    ) -> tuple[Array, Tape]:
        """As a call, with a tape for gradients in place of the state, which is `tape.state`.

        The last bits may differ, as other values are kept.
        """
        output, final, tape = self._forward(x, state, lengths, threads, True)
        assert tape is not None
        return output, Tape(self, tape, output.shape, final)

    def step(
        self, x: object, state: object = None, *, threads: int | None = None
    ) -> tuple[Array, State]:
        """One time step over x [batch, input]. For many of them, `stream` is faster."""
        rows = array(x)
        if rows.ndim != 2:
            raise InvalidArgumentError(
                f"the input has shape {list(rows.shape)}, and [any, {self.input_size}] is needed")
        output, final = self(rows._view(0, (1, *rows.shape)), state, threads=threads)
        return output[0], final

    @property
    def bidirectional(self) -> bool:
        """Whether layers run in both directions."""
        return bool(self._info["bidirectional"])

    def optimizer(self, name: str = "adam", **options: Any) -> Optimizer:
        """An optimizer for a training loop of your own; the options are those of Optimizer."""
        return Optimizer(self, name, **options)

    def stream(self, batch: int = 1) -> Stream:
        """A state of its own, fed one time step at a time."""
        return Stream(self, batch)

    def __repr__(self) -> str:
        return (f"<rnncell.Network {self.input_size} -> {self.output_size}, "
                f"{self.layers} layer{'s' * (self.layers > 1)}, {self.parameter_count} parameters>")


class Tape:
    """What a forward call keeps for the gradients. `state` is the state after the last step."""

    def __init__(
        self, network: Network, handle: _rnncell.Tape, shape: tuple[int, ...], state: State
    ) -> None:
        self._network, self._handle, self._shape = network, handle, shape
        self._has_gradients = False
        self.state = state

    def backward(
        self, output_gradient: object = None, state_gradient: object = None, *,
        threads: int | None = None,
    ) -> Gradients:
        """Gradients of a loss by everything, from those by the outputs and the last state.

        output_gradient: [steps, batch, output]; None: zero.
        state_gradient:  of the final state: a State, arrays by name, or None for zero.
        """
        network = self._network
        count = self.state.array.size
        x, initial, gradients = self._handle.backward(
            self._shape, network.input_size, count, output_gradient,
            network._flat(state_gradient, self._shape[1]), threads or 0)
        self._has_gradients = True
        return Gradients({"x": x, **gradients}, network._state(initial, self._shape[1]))

    def __repr__(self) -> str:
        return f"<rnncell.Tape of outputs {list(self._shape)}>"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a tape cannot be copied or pickled; run forward again where it is needed")


class Optimizer:
    """Changes a network's weights by gradients, for a training loop of your own:

        optimizer = network.optimizer("adamw", learning_rate=1e-3, weight_decay=0.01)
        y, tape = network.forward(x)
        tape.backward(slopes)
        norm = optimizer.step(tape)

    name:    "adam", "adamw", "rmsprop" or "sgd".
    options: learning_rate, momentum, nesterov, weight_decay, beta1, beta2, epsilon, smoothing and clip of
             `rnncell.TrainingOptions`. As in `fit`, clip is 5 unless it is given; clip=None turns it off.
             What else `fit` takes, such as schedules and dropout, is up to the loop.
    """

    def __init__(self, network: Network, name: str = "adam", **options: Any) -> None:
        if not isinstance(network, Network):
            raise TypeError(f"an optimizer changes a Network, not {type(network).__name__}; call "
                            "network.optimizer()")
        for option in options:
            if option in TrainingOptions.__annotations__ and option not in OPTIMIZER_OPTIONS:
                raise TypeError(
                    f"{option!r} is an option of fit, not of an optimizer; do it in the loop of your own "
                    f"(an optimizer takes {', '.join(OPTIMIZER_OPTIONS[1:])})")
        self.network = network
        self._handle = _rnncell.optimizer_create(
            network._handle, library_options({"optimizer": name, **options}))

    def step(self, tape: Tape, learning_rate: float | None = None) -> float:
        """One step by the gradients of a tape whose backward was called; gives their norm.

        tape:          of `forward` of the optimizer's own network.
        learning_rate: None for that of the optimizer.
        """
        if not isinstance(tape, Tape):
            raise TypeError(f"tape must be a Tape, not {type(tape).__name__}; pass the one that "
                            "network.forward gave and whose backward was called")
        if tape._network is not self.network:
            raise InvalidArgumentError(
                f"the tape is of another network ({tape._network!r}); pass one of the optimizer's own, "
                "optimizer.network.forward(x)[1]")
        if not tape._has_gradients:
            raise StateError("the tape has no gradients yet; run backward first: tape.backward(...)")
        rate = 0.0 if learning_rate is None else positive("learning_rate", learning_rate)
        return self._handle.step(self.network._handle, tape._handle, rate)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("an optimizer cannot be copied or pickled; make a new one")


class Stream:
    """Sequences that step together, one time step a call; steps give the bits of a whole call."""

    def __init__(self, network: Network, batch: int = 1) -> None:
        self.network = network
        self.batch = batch
        self._handle = network._handle.stream(batch)

    def step(self, x: object) -> Array:
        """The output [batch, output] of the next time step x [batch, input].

        With a batch of 1, x may be [input], and the output is [output].
        """
        network = self.network
        return self._handle.step(x, self.batch, network.input_size, network.output_size)

    __call__ = step

    @property
    def state(self) -> State:
        """The state after the last step; set it to a State, arrays by name, or None for zero."""
        count = self.batch * self.network._info["state_size"]
        return self.network._state(self._handle.read_state(count), self.batch)

    @state.setter
    def state(self, state: object) -> None:
        self._handle.write_state(self.network._flat(state, self.batch))

    def reset(self) -> None:
        """Begins anew: a state of zero."""
        self._handle.write_state(None)

    def __repr__(self) -> str:
        return f"<rnncell.Stream of {self.batch} on {self.network!r}>"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a stream cannot be copied or pickled; make one, and set its state")
