import Cells
import Execution

extension Export {
  /// Source for JAX: functions for each part, and `load`, `zero_state` and `run` around them.
  func jax() -> String {
    let functions = network.parts.map {
      graph($0).jaxFunctions(called: lowered($0), of: $0.cell)
    }
    var table = nameTable { "\($0).\($1)" }
    if embedding != nil { table += "\n    \"embedding\": [(\"embedding.weight\", None, None)]," }
    if output != nil {
      let matrix = isTied ? "embedding.weight" : "output.weight"
      table += "\n    \"output\": [(\"\(matrix)\", None, None)],"
      table += "\n    \"output_bias\": [(\"output.bias\", None, None)],"
    }
    let zeros = network.parts.map { part in
      "\(lowered(part))_zero(batch, \(part.inputSize), \(part.hiddenSize))"
    }
    return """
      \"\"\"\(title([
        "",
        "    weights = load(\"model.safetensors\")",
        "    y, state = run(weights, x)  # \(shapes)",
      ]).joined(separator: "\n"))
      \"\"\"
      import json

      import jax
      import jax.numpy as jnp
      import numpy as np

      # The rows of tensors of rnncell's safetensors whose sum each weight is.
      NAMES = {
      \(table)
      }


      \(functions.joined(separator: "\n\n\n"))


      def load(path):
          \"\"\"The weights of a safetensors file that rnncell wrote: a dict for each layer, and the rest.\"\"\"
          data = open(path, "rb").read()
          size = int.from_bytes(data[:8], "little")
          tensors = {name: np.frombuffer(
                         data, np.float32, int(np.prod(entry["shape"])), 8 + size + entry["data_offsets"][0]
                     ).reshape(entry["shape"])
                     for name, entry in json.loads(data[8:8 + size]).items() if name != "__metadata__"}
          weights = {"layers": [{} for _ in range(\(network.parts.count))]}
          for name, rows in NAMES.items():
              value = jnp.asarray(sum(tensors[tensor][start:stop] for tensor, start, stop in rows))
              layer, _, parameter = name.partition(".")
              if parameter:
                  weights["layers"][int(layer)][parameter] = value
              else:
                  weights[name] = value
          return weights


      def zero_state(batch):
          return [\(zeros.joined(separator: ", "))]


      def run(weights, x, state=None):
          state = zero_state(x.shape[1]) if state is None else list(state)
      \(pythonForward(indent: 4, embed: "weights[\"embedding\"][x]", flip: { "jnp.flip(\($0), 0)" },
        join: "jnp.concatenate", axis: "axis",
        run: { "\(lowered(network.parts[$0]))(weights[\"layers\"][\($0)], \($1), state[\($0)])" },
        output: { "\($0) @ weights[\"output\"].T + weights[\"output_bias\"]" },
        softmax: "jax.nn.softmax", sigmoid: "jax.nn.sigmoid"))
          return y, state

      """
  }

  private func lowered(_ part: NetworkPart) -> String {
    "layer\(part.layer)\(part.isReversed ? "_reverse" : "")"
  }
}
