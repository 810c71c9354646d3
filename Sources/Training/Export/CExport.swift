import Cells
import Execution
import Kernels

extension Export {
  /// One C99 file: the weights, a step, and a `main` that reads inputs and prints outputs.
  ///
  /// - Throws: `.invalidArgument` for layers that run in both directions.
  func c() throws(Failure) -> String {
    guard !network.wiring.isBidirectional else {
      throw .invalid(
        "C runs one time step after another, and a bidirectional network begins at the end as well; "
          + "export it to ONNX")
    }
    let steps = network.parts.map { part in
      CStep(
        graph(part), inputSize: part.inputSize, hiddenSize: part.hiddenSize,
        prefix: "w\(part.layer)_")
    }
    var arrays: [String] = []
    for (step, entries) in zip(steps, network.parameters) {
      for (index, entry) in entries.enumerated() {
        arrays.append(array(step.parameter(index), entry))
      }
    }
    if let embedding { arrays.append(array("embedding", embedding, byRows: true)) }
    if let output {
      arrays.append(array("output_weight", output.matrix))
      arrays.append(array("output_bias", output.bias))
    }
    let states = steps.enumerated().flatMap { layer, step in
      step.states.map { "static float s\(layer)_\($0.name)[\($0.size)];" }
    }
    let reset = steps.enumerated().flatMap { layer, step in
      step.states.map { "  memset(s\(layer)_\($0.name), 0, sizeof s\(layer)_\($0.name));" }
    }
    let size = output?.matrix.rows ?? network.outputSize
    let input = embedding == nil ? "const float *x" : "int32_t token"
    return """
      /*
       * \(title([
         "",
         "rnncell_reset() sets all states to zero; rnncell_step(x, y) takes one time step.",
         "Compile it alone: cc -std=c99 -O3 model.c. No memory is allocated, and nothing is needed but memcpy",
         "and memset; with -DRNNCELL_NO_MAIN it has no main. main reads numbers, \(network.inputSize) a step",
         "(token ids of a language model, one a step), and prints \(size) outputs a line.",
       ]).joined(separator: "\n * "))
       */
      \(CPrelude.text)
      \(arrays.joined(separator: "\n"))

      \(states.joined(separator: "\n"))

      \(zip(network.parts, steps).map { part, step in
        "/*\n * \(part.cell.equations.split(separator: "\n").joined(separator: "\n * "))\n */\n"
          + step.function("layer\(part.layer)")
      }.joined(separator: "\n\n"))

      #define RNNCELL_INPUTS \(embedding == nil ? network.inputSize : 1)
      #define RNNCELL_OUTPUTS \(size)

      void rnncell_reset(void) {
      \(reset.joined(separator: "\n"))
      }

      void rnncell_step(\(input), float *restrict y) {
      \(stepBody(steps).map { "  \($0)" }.joined(separator: "\n"))
      }

      #ifndef RNNCELL_NO_MAIN
      #include <stdio.h>

      int main(void) {
      \(mainBody.map { "  \($0)" }.joined(separator: "\n"))
      }
      #endif

      """
  }

  private func stepBody(_ steps: [CStep]) -> [String] {
    var lines: [String] = []
    var below = "x"
    if let embedding { below = "(embedding + (size_t)token * \(embedding.columns))" }
    for (layer, step) in steps.enumerated() {
      let states = step.states.map { "s\(layer)_\($0.name)" }
      lines.append("layer\(layer)(\(below), \(states.joined(separator: ", ")));")
      if isResidual(layer) {
        let size = network.hiddenSizes[layer]
        lines.append("float y\(layer)[\(size)];")
        lines.append(
          "for (int i = 0; i < \(size); ++i) y\(layer)[i] = \(states[0])[i] + \(below)[i];")
        below = "y\(layer)"
      } else {
        below = states[0]
      }
    }
    guard let output else {
      lines.append("memcpy(y, \(below), sizeof(float) * RNNCELL_OUTPUTS);")
      return lines
    }
    lines.append("memcpy(y, output_bias, sizeof(float) * RNNCELL_OUTPUTS);")
    lines.append(
      "add_product(y, output_weight, \(below), RNNCELL_OUTPUTS, \(output.matrix.columns), 1);")
    switch kind {
    case .labels:
      lines.append(
        "for (int i = 0; i < RNNCELL_OUTPUTS; ++i) y[i] = 1.0f / (1.0f + expf_(-y[i]));")
    case .classes:
      lines += [
        "float most = y[0], sum = 0.0f;",
        "for (int i = 1; i < RNNCELL_OUTPUTS; ++i) most = fmaxf_(most, y[i]);",
        "for (int i = 0; i < RNNCELL_OUTPUTS; ++i) sum += y[i] = expf_(y[i] - most);",
        "for (int i = 0; i < RNNCELL_OUTPUTS; ++i) y[i] /= sum;",
      ]
    case .values, nil: break
    }
    return lines
  }

  private var mainBody: [String] {
    let show = [
      "for (int i = 0; i < RNNCELL_OUTPUTS; ++i) printf(\"%s%.9g\", i ? \" \" : \"\", y[i]);",
      "printf(\"\\n\");",
    ]
    var lines = ["static float y[RNNCELL_OUTPUTS];"]
    if embedding == nil {
      lines += [
        "static float x[RNNCELL_INPUTS];", "int count = 0;",
        "while (scanf(\"%f\", &x[count]) == 1) {", "  if (++count < RNNCELL_INPUTS) continue;",
        "  count = 0;", "  rnncell_step(x, y);",
      ]
    } else {
      lines += [
        "int token;", "while (scanf(\"%d\", &token) == 1) {",
        "  if (token < 0 || token >= RNNCELL_OUTPUTS) return 1;", "  rnncell_step(token, y);",
      ]
    }
    if !speaksOnce { lines += show.map { "  \($0)" } }
    lines.append("}")
    if speaksOnce { lines += show }
    return lines + ["return 0;"]
  }

  /// A constant array: a matrix by columns, as products read it, or by rows.
  private func array(_ name: String, _ entry: ParameterEntry, byRows: Bool = false) -> String {
    let values = weights.read(entry)
    let width = entry.columns / entry.blocks
    var ordered = values
    if entry.role == .weight, !byRows {
      for n in 0..<entry.rows {
        for k in 0..<width { ordered[k * entry.rows + n] = values[n * width + k] }
      }
    }
    var lines: [String] = []
    for start in stride(from: 0, to: ordered.count, by: 8) {
      let row = ordered[start..<min(start + 8, ordered.count)]
      lines.append("  " + row.map { "\(CStep.literal(Double($0)))," }.joined(separator: " "))
    }
    return "static const float \(name)[\(ordered.count)] = {\n\(lines.joined(separator: "\n"))\n};"
  }
}
