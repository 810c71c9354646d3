"""Weights of PyTorch, Keras and ONNX, as networks of stock cells.

Every array is used, or there is an error that names it. Nothing is unpickled.
"""
from __future__ import annotations

import json
import os
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ._rnncell import FormatError, InvalidArgumentError
from .arrays import flag
from .cells import Cell

if TYPE_CHECKING:
    from .networks import Network

#: Gates of the stock cells, by the order in which others stack them.
_TORCH = {"lstm": "ifgo", "gru_reset_after": "rzn", "elman": None}
_KERAS = {"lstm": "ifgo", "gru_reset_after": "zrn", "gru": "zrn", "elman": None}
_ONNX = {"lstm": "iofg", "gru_reset_after": "zrn", "gru": "zrn", "elman": None}
_BY_GATES = {4: "lstm", 3: "gru_reset_after", 1: "elman"}
_SOURCES = {"lstm": "an LSTM", "gru_reset_after": "a GRU", "gru": "a GRU", "elman": "an RNN"}
_NAME = re.compile(r"(.*?)(weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)_l(\d+)(_reverse)?")


class Part(NamedTuple):
    """One direction of a layer: matrices [gates * H, columns], biases [gates * H] or None.

    names: of w, r and perhaps the biases, as their source calls them.
    is_transposed: the source has the matrices [columns, gates * H].
    """

    kind: str
    gates: str | None
    w: Any
    r: Any
    input_bias: Any
    state_bias: Any
    names: tuple[str, ...]
    is_transposed: bool = False


def network_from_torch(source: object, nonlinearity: str = "tanh") -> Network:
    """See Network.from_torch."""
    import numpy as np
    if nonlinearity not in ("tanh", "relu"):
        raise InvalidArgumentError(f"nonlinearity {nonlinearity!r} is none; pass 'tanh' or 'relu'")
    tensors = safetensors(source) if isinstance(source, (str, os.PathLike)) else source
    if not isinstance(tensors, Mapping):
        raise TypeError("pass a mapping from names to arrays, such as a state_dict, or a safetensors file")
    found: dict[tuple[int, bool], dict[str, Any]] = {}
    prefixes = set()
    for name, value in tensors.items():
        match = _NAME.fullmatch(name)
        if match is None:
            raise InvalidArgumentError(
                f"{name!r} is no array of torch's LSTM, GRU or RNN; leave out what belongs to other modules")
        if match[2] == "weight_hr":
            raise InvalidArgumentError(f"{name!r}: an LSTM with a projection (proj_size) has no stock cell")
        prefixes.add(match[1])
        rank = 1 if match[2].startswith("bias") else 2
        found.setdefault((int(match[3]), bool(match[4])), {})[match[2]] = _array(np, repr(name), value, rank)
    if not prefixes:
        raise InvalidArgumentError("there are no arrays; pass the state_dict of an LSTM, GRU or RNN")
    if len(prefixes) != 1:
        raise InvalidArgumentError(
            f"the arrays belong to {len(prefixes)} modules ({', '.join(sorted(prefixes))}); pass those of one")
    prefix = prefixes.pop()
    parts: dict[tuple[int, bool], Part] = {}
    for (layer, is_reverse), arrays in found.items():
        end = f"_l{layer}{'_reverse' * is_reverse}"
        for name in ("weight_ih", "weight_hh"):
            if name not in arrays:
                raise InvalidArgumentError(f"'{prefix}{name}{end}' is missing; pass all arrays of the module")
        if ("bias_ih" in arrays) != ("bias_hh" in arrays):
            missing = "bias_hh" if "bias_ih" in arrays else "bias_ih"
            raise InvalidArgumentError(f"'{prefix}{missing}{end}' is missing; pass all arrays of the module")
        names = {name: f"'{prefix}{name}{end}'"
                 for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if name in arrays}
        kind = _kind(names["weight_hh"], arrays["weight_hh"])
        if nonlinearity == "relu":
            if kind != "elman":
                raise InvalidArgumentError(f"nonlinearity is of an RNN, and {names['weight_hh']} is of "
                                           f"{_SOURCES[kind]}; leave it out")
            kind = "relu"
        parts[layer, is_reverse] = Part(
            kind, _TORCH.get(kind), arrays["weight_ih"], arrays["weight_hh"], arrays.get("bias_ih"),
            arrays.get("bias_hh"), tuple(names.values()))
    return _network(parts)


def network_from_keras(weights: Sequence[object], reset_after: bool | None = None) -> Network:
    """See Network.from_keras."""
    # The first array of a layer is a matrix; the first of a list of layers is a list.
    layers: list[Any] = [weights] if weights and hasattr(weights[0], "ndim") else list(weights)
    if not layers:
        raise InvalidArgumentError("there are no arrays; pass the get_weights() of a layer, or a list of them")
    parts: dict[tuple[int, bool], Part] = {}
    for layer, arrays in enumerate(layers):
        if len(arrays) not in (2, 3, 4, 6):
            raise InvalidArgumentError(
                f"layer {layer} has {len(arrays)} arrays; Keras's layers have a kernel, a recurrent kernel and "
                "a bias, bidirectional ones twice as many")
        half = len(arrays) // 2 if len(arrays) in (4, 6) else len(arrays)
        for start in range(0, len(arrays), half):
            where = f"layer {layer}{' backward' * (start > 0)}"
            parts[layer, start > 0] = _keras_part(where, arrays[start:start + half], reset_after)
    if reset_after is not None and not any(part.kind.startswith("gru") for part in parts.values()):
        raise InvalidArgumentError("reset_after is of a GRU, and no layer is one; leave it out")
    return _network(parts)


def _keras_part(where: str, arrays: Sequence[object], reset_after: bool | None) -> Part:
    """A direction of one of Keras's layers from kernel, recurrent kernel and perhaps bias."""
    import numpy as np
    names = (f"the kernel of {where}", f"the recurrent kernel of {where}")
    kernel, recurrent = (_array(np, name, value, 2) for name, value in zip(names, arrays))
    kind = _kind(names[1], recurrent, is_transposed=True)
    bias = _array(np, f"the bias of {where}", arrays[2], 1, 2) if len(arrays) == 3 else None
    if kind == "gru_reset_after":
        if reset_after is None:
            reset_after = bias is None or bias.ndim == 2
        kind = "gru_reset_after" if flag("reset_after", reset_after) else "gru"
    both = [None, None]
    if bias is not None:
        columns = recurrent.shape[1]
        is_double = kind == "gru_reset_after"
        _check_shape(f"the bias of {where}", bias.shape, (2, columns) if is_double else (columns,))
        both = list(bias) if is_double else [bias, None]
    return Part(kind, _KERAS[kind], kernel.T, recurrent.T, both[0], both[1], names, is_transposed=True)


def network_from_onnx(source: object) -> Network:
    """See Network.from_onnx."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
        from onnx import numpy_helper
    except ImportError as error:
        raise ImportError("reading ONNX needs the package onnx: pip install onnx") from error
    try:
        model = onnx.load(os.fspath(source)) if isinstance(source, (str, os.PathLike)) else source
    except DecodeError as error:
        raise FormatError(f"{source} is no ONNX model ({error}); pass another file") from None
    graph = model.graph  # type: ignore
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    parts: dict[tuple[int, bool], Part] = {}
    layers: dict[str, int] = {}
    for node in graph.node:
        if node.op_type == "Scan":
            raise InvalidArgumentError(
                f"the node {node.name or node.output[0]!r} is a Scan; only LSTM, GRU and RNN can be read")
        if node.op_type not in ("LSTM", "GRU", "RNN"):
            continue
        # Two nodes may run the two directions of a layer: they read the same.
        layer = layers.setdefault(node.input[0], len(layers))
        for is_reverse, one in _onnx_parts(node, arrays, numpy_helper):
            if (layer, is_reverse) in parts:
                raise InvalidArgumentError(
                    f"the {node.op_type} {node.name or node.output[0]!r} reads what another one reads; "
                    "layers are read that come one after another")
            parts[layer, is_reverse] = one
    if not parts:
        raise InvalidArgumentError("the model has no LSTM, GRU or RNN")
    return _network(parts)


def _onnx_parts(node: Any, arrays: Mapping[str, Any], helper: Any) -> Iterator[tuple[bool, Part]]:
    """The directions of a node: whether it is the one from the end, and its arrays."""
    import onnx
    options = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
    where = f"the {node.op_type} {node.name or node.output[0]!r}"

    def constant(place: int, what: str) -> Any:
        name = node.input[place] if len(node.input) > place else ""
        if not name:
            return None
        if name not in arrays:
            raise InvalidArgumentError(f"{where}: {what} ({name!r}) is not stored in the model")
        return arrays[name]

    w, r, b = constant(1, "W"), constant(2, "R"), constant(3, "B")
    for name, matrices in (("W", w), ("R", r)):
        if matrices is None or matrices.ndim != 3:
            raise InvalidArgumentError(f"{where}: {name} is no array [directions, gates x H, columns]")
    if len(node.input) > 7 and node.input[7]:
        raise InvalidArgumentError(f"{where} has peepholes, which no stock cell has in ONNX's form")
    if options.get("clip") or options.get("layout") or options.get("input_forget"):
        raise InvalidArgumentError(f"{where} clips, couples gates, or is batch first; that cannot be read")
    usual = {"LSTM": [b"Sigmoid", b"Tanh", b"Tanh"], "GRU": [b"Sigmoid", b"Tanh"], "RNN": [b"Tanh"]}
    activations = list(options.get("activations", []))
    relu = node.op_type == "RNN" and activations and set(activations) == {b"Relu"}
    if activations and not relu and activations != usual[node.op_type] * w.shape[0]:
        raise InvalidArgumentError(f"{where} has other activations than usual: {activations}")
    kind = {"LSTM": "lstm", "RNN": "relu" if relu else "elman",
            "GRU": "gru_reset_after" if options.get("linear_before_reset") else "gru"}[node.op_type]
    half = r.shape[1]
    _check_shape(f"{where}: R", r.shape, (w.shape[0], len(_ONNX.get(kind) or "h") * r.shape[2], r.shape[2]))
    if b is not None:
        _check_shape(f"{where}: B", b.shape, (w.shape[0], 2 * half))
    for index in range(w.shape[0]):
        biases = (None, None) if b is None else (b[index, :half], b[index, half:])
        is_reverse = index == 1 or options.get("direction") == b"reverse"
        yield is_reverse, Part(
            kind, _ONNX.get(kind), w[index], r[index], biases[0], biases[1], (f"{where}: W", f"{where}: R"))


def _array(np: Any, name: str, value: object, *ranks: int) -> Any:
    """A float32 array with as many dimensions as one of `ranks` says."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    array = np.asarray(value)
    if np.iscomplexobj(array):
        raise InvalidArgumentError(f"{name} is complex, and real numbers are needed; pass its real part")
    if array.ndim not in ranks:
        raise InvalidArgumentError(
            f"{name} has shape {list(array.shape)}, and an array with {' or '.join(map(str, ranks))} "
            f"dimension{'s' * (ranks != (1,))} is needed")
    return array.astype(np.float32, copy=False)


def _check_shape(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape != wanted:
        raise InvalidArgumentError(f"{name} has shape {list(shape)}, and {list(wanted)} is needed")


def _kind(name: str, recurrent: Any, *, is_transposed: bool = False) -> str:
    """Which cell a matrix of the state is of, by how many square ones it holds."""
    rows, columns = recurrent.shape
    long, short = (columns, rows) if is_transposed else (rows, columns)
    gates = long // short if short and long % short == 0 else 0
    if gates not in _BY_GATES:
        raise InvalidArgumentError(
            f"{name} is {rows} x {columns}: neither four, three nor one square matrices "
            f"{'side by side' if is_transposed else 'one below the other'}")
    return _BY_GATES[gates]


def _check_shapes(parts: Mapping[tuple[int, bool], Part], is_both: bool) -> None:
    """Raises where an array has not the shape that follows from the sizes of its layer and the one below."""
    for (layer, _), part in sorted(parts.items(), key=lambda item: item[0]):
        first = parts[layer, False]
        size = first.r.shape[1]
        rows = size * len(first.gates or "h")
        columns = parts[layer - 1, False].r.shape[1] * (1 + is_both) if layer else first.w.shape[1]
        wanted = ((rows, columns), (rows, size), (rows,), (rows,))
        for name, array, shape in zip(part.names, (part.w, part.r, part.input_bias, part.state_bias), wanted):
            order = -1 if part.is_transposed else 1
            _check_shape(name, array.shape[::order], shape[::order])


def _network(parts: Mapping[tuple[int, bool], Part]) -> Network:
    """A network with the arrays of its parts."""
    import numpy as np

    from .networks import Network
    count = 1 + max(layer for layer, _ in parts)
    is_both = any(reverse for _, reverse in parts)
    wanted = {(layer, reverse) for layer in range(count) for reverse in ((False, True) if is_both else (False,))}
    if set(parts) != wanted:
        layer, reverse = min(wanted.symmetric_difference(parts))
        raise InvalidArgumentError(
            f"layer {layer} has no {'backward' if reverse else 'forward'} direction; a network runs "
            "forward or both ways, and its layers alike")
    _check_shapes(parts, is_both)
    cells, sizes = [], []
    for layer in range(count):
        part = parts[layer, False]
        cells.append(Cell("h' = relu(linear(x, h))") if part.kind == "relu" else Cell.stock(part.kind))
        sizes.append(part.r.shape[1])
    network = Network(cells, parts[0, False].w.shape[1], sizes, bidirectional=is_both)
    values: dict[str, Any] = {}
    for (layer, reverse), part in parts.items():
        prefix = f"layers.{layer}.{'reverse.' * reverse}"
        for name, value in _named(np, part):
            values[prefix + name] = value
    network.load_parameters(values)
    return network


def _named(np: Any, part: Part) -> Iterator[tuple[str, Any]]:
    """The parameters of a stock cell."""
    size = part.r.shape[1]
    zero = np.zeros(part.r.shape[0], np.float32)
    biases = [zero if bias is None else bias for bias in (part.input_bias, part.state_bias)]

    def rows(array: Any, index: int) -> Any:
        return np.ascontiguousarray(array[index * size:(index + 1) * size])

    for index, gate in enumerate(part.gates or "h"):
        w, r = rows(part.w, index), rows(part.r, index)
        bias, other = (rows(value, index) for value in biases)
        if gate == "h":
            yield from {"W[h', x]": w, "W[h', h]": r, "b[h']": bias + other}.items()
        elif gate == "n" and part.kind == "gru_reset_after":
            yield from {"W[n, x]": w, "W[m, h]": r, "b[n]": bias, "b[m]": other}.items()
        elif gate == "n":
            yield from {"W[n, x]": w, "W[n, r * h]": r, "b[n]": bias + other}.items()
        else:
            yield from {f"W[{gate}, x]": w, f"W[{gate}, h]": r, f"b[{gate}]": bias + other}.items()


def safetensors(path: object) -> dict[str, Any]:
    """The float32 arrays of a safetensors file."""
    import numpy as np
    data = pathlib.Path(os.fspath(path)).read_bytes()  # type: ignore
    try:
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + size])
        arrays = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            if entry["dtype"] != "F32":
                raise FormatError(f"{path}: {name!r} is {entry['dtype']}; save it as float32")
            start, end = (8 + size + offset for offset in entry["data_offsets"])
            if end > len(data):
                raise FormatError(f"{path}: {name!r} is cut off")
            arrays[name] = np.frombuffer(data[start:end], np.float32).reshape(entry["shape"])
        return arrays
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path} is no safetensors file: {error}") from None
