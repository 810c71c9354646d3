import Cells
import Execution

extension Export {
  /// Source for PyTorch: a class for each part, and `Model` around them.
  func torch() -> String {
    let classes = network.parts.map {
      graph($0).torchClass(called: name($0), of: $0.cell).description
    }
    let layers = network.parts.map { "\(name($0))(\($0.inputSize), \($0.hiddenSize))" }
    var make = ["self.layers = nn.ModuleList([\(layers.joined(separator: ", "))])"]
    var table = nameTable { "layers.\($0).\($1)" }
    if let embedding {
      make.append("self.embedding = nn.Embedding(\(embedding.rows), \(embedding.columns))")
      table += "\n    \"embedding.weight\": [(\"embedding.weight\", None, None)],"
    }
    if let output {
      make.append("self.output = nn.Linear(\(output.matrix.columns), \(output.matrix.rows))")
      if case .language(let model) = task, model.isTied {
        make.append("self.output.weight = self.embedding.weight")
      } else {
        table += "\n    \"output.weight\": [(\"output.weight\", None, None)],"
      }
      table += "\n    \"output.bias\": [(\"output.bias\", None, None)],"
    }
    return """
      \"\"\"\(title([
        "",
        "    model = Model()",
        "    model.load_state_dict(safetensors.torch.load_file(\"model.safetensors\"))",
        "    y, state = model(x)  # \(shapes)",
      ]).joined(separator: "\n"))
      \"\"\"
      import torch
      from torch import nn

      # The rows of tensors of rnncell's safetensors whose sum each parameter is.
      NAMES = {
      \(table)
      }


      \(classes.joined(separator: "\n\n\n"))


      class Model(nn.Module):
          def __init__(self):
              super().__init__()
      \(make.map { "        \($0)" }.joined(separator: "\n"))

          def load_state_dict(self, state_dict, strict=True, assign=False):
              \"\"\"Takes rnncell's tensors, or those of `state_dict` of this class.\"\"\"
              if not set(NAMES) <= set(state_dict):
                  state_dict = {name: sum(state_dict[tensor][start:stop] for tensor, start, stop in rows)
                                for name, rows in NAMES.items()}
      \(isTied ? "            state_dict[\"output.weight\"] = state_dict[\"embedding.weight\"]\n" : "")\
              return super().load_state_dict(state_dict, strict=strict, assign=assign)

          def forward(self, x, state=None):
              state = [None] * len(self.layers) if state is None else list(state)
      \(pythonForward(indent: 8, embed: "self.embedding(x)", flip: { "\($0).flip(0)" },
        join: "torch.cat", axis: "dim",
        run: { "self.layers[\($0)](\($1), state[\($0)])" }, output: { "self.output(\($0))" },
        softmax: "torch.softmax", sigmoid: "torch.sigmoid"))
              return y, state

      """
  }

  var isTied: Bool { if case .language(let model) = task { model.isTied } else { false } }

  /// The shapes of inputs and outputs, for a comment.
  var shapes: String {
    let input =
      embedding == nil ? "x [steps, batch, \(network.inputSize)]" : "x token ids [steps, batch]"
    let size = output?.matrix.rows ?? network.outputSize
    return input + (speaksOnce ? ", y [batch, \(size)]" : ", y [steps, batch, \(size)]")
  }

  /// The layers one after another, in the Python of either library.
  func pythonForward(
    indent: Int, embed: String, flip: (String) -> String, join: String, axis: String,
    run: (_ part: Int, _ input: String) -> String, output: (String) -> String, softmax: String,
    sigmoid: String
  ) -> String {
    var lines = [embedding == nil ? "y = x" : "y = \(embed)"]
    for layer in network.cells.indices {
      let indices = parts(of: layer)
      lines.append("below = y")
      lines.append("y, state[\(indices[0])] = \(run(indices[0], "below"))")
      if indices.count == 2 {
        lines.append("reverse, state[\(indices[1])] = \(run(indices[1], flip("below")))")
        if speaksOnce, layer == network.cells.count - 1 {
          lines.append("y = \(join)([y[-1], reverse[-1]], \(axis)=-1)")
        } else {
          lines.append("y = \(join)([y, \(flip("reverse"))], \(axis)=-1)")
        }
      } else if speaksOnce, layer == network.cells.count - 1 {
        lines.append("y = y[-1]")
      }
      if isResidual(layer) {
        let isEnd = speaksOnce && layer == network.cells.count - 1
        if !isEnd {
          lines.append("y = y + below")
        } else if indices.count == 2 {
          let half = network.hiddenSizes[layer]
          lines.append(
            "y = y + \(join)([below[-1][..., :\(half)], below[0][..., \(half):]], \(axis)=-1)")
        } else {
          lines.append("y = y + below[-1]")
        }
      }
    }
    if self.output != nil { lines.append("y = \(output("y"))") }
    switch kind {
    case .classes: lines.append("y = \(softmax)(y, \(axis)=-1)")
    case .labels: lines.append("y = \(sigmoid)(y)")
    case .values, nil: break
    }
    return lines.map { String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
  }
}
