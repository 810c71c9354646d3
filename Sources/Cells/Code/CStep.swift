/// A time step of one sequence in C99.
package struct CStep {
  package let program: StepProgram
  private let inputSize: Int
  private let hiddenSize: Int
  /// Before the names of the parameters, which are global.
  private let prefix: String
  private var graph: Graph { program.graph }

  package init(_ graph: Graph, inputSize: Int, hiddenSize: Int, prefix: String) {
    program = StepProgram(graph)
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
    self.prefix = prefix
  }

  package var states: [(name: String, size: Int)] {
    graph.states.enumerated().map { (program.names[1 + $0], count($1.size)) }
  }

  package func parameter(_ index: Int) -> String { prefix + program.parameterNames[index] }

  /// A function that takes the input and replaces the states.
  package func function(_ name: String) -> String {
    var lines: [String] = []
    let operands = Set(program.computed.flatMap { graph.nodes[$0].operands })
    for index in 0...graph.states.count where !operands.contains(index) {
      let isCopied = graph.states.enumerated().contains { place, state in
        state.next == index && 1 + place != index
      }
      let isWritten = index > 0 && graph.states[index - 1].next != index
      // Compilers warn of a parameter that nothing reads or writes.
      if !isCopied && !isWritten { lines.append("(void)\(program.names[index]);") }
    }
    for index in program.computed { lines += statements(index) }
    // The next states are copied when all are known, as one may be read for another, and what is another
    // state is first moved out of its way.
    var copies: [String] = []
    for (index, state) in graph.states.enumerated() where state.next != 1 + index {
      let target = program.names[1 + index]
      let size = count(state.size)
      func copy(_ source: String) -> String {
        "memcpy(\(target), \(source), sizeof(float) * \(size));"
      }
      if case .state = graph.nodes[state.next].kind {
        let moved = unusedName("\(target)_next")
        lines.append("float \(moved)[\(size)];")
        lines.append(loop(size, "\(moved)[i] = \(value(state.next))"))
        copies.append(copy(moved))
      } else if isNode(state.next) {
        copies.append(copy(program.names[state.next]))
      } else {
        copies.append(loop(size, "\(target)[i] = \(value(state.next))"))
      }
    }
    lines += copies
    let arguments = states.map { "float *restrict \($0.name)" }.joined(separator: ", ")
    return """
      static void \(name)(const float *restrict \(program.names[0]), \(arguments)) {
      \(lines.map { "  \($0)" }.joined(separator: "\n"))
      }
      """
  }

  private func count(_ size: Size) -> Int {
    size.count(inputSize: inputSize, hiddenSize: hiddenSize)
  }

  /// A name that no value of the step has.
  private func unusedName(_ name: String) -> String {
    var name = name
    while program.names.contains(name) { name += "_" }
    return name
  }

  private func isNode(_ index: Int) -> Bool {
    let node = graph.nodes[index]
    return !node.isAtom && !(count(node.size) == 1 && node.size == .scalar)
  }

  private func loop(_ size: Int, _ body: String) -> String {
    "for (int i = 0; i < \(size); ++i) \(body);"
  }

  /// One element of a value, for an index i.
  private func value(_ index: Int) -> String {
    let node = graph.nodes[index]
    switch node.kind {
    case .constant(let value): return Self.literal(value)
    case .parameter(let number): return "\(parameter(number))[\(node.size == .scalar ? "0" : "i")]"
    case .input, .state, .affine, .operation:
      return "\(program.names[index])[\(node.size == .scalar ? "0" : "i")]"
    }
  }

  package static func literal(_ value: Double) -> String {
    let text = "\(Float(value))"
    let number = text.contains(where: { ".e".contains($0) }) ? text : text + ".0"
    return value < 0 ? "(\(number)f)" : "\(number)f"
  }

  private func statements(_ index: Int) -> [String] {
    let node = graph.nodes[index]
    let (name, size) = (program.names[index], count(node.size))
    switch node.kind {
    case .affine(let products, let bias):
      var lines = ["float \(name)[\(size)];"]
      lines.append(
        bias.map { "memcpy(\(name), \(parameter($0)), sizeof \(name));" }
          ?? "memset(\(name), 0, sizeof \(name));")
      for (product, operand) in zip(products, node.operands) {
        lines.append(self.product(product, operand, into: name))
      }
      return lines
    case .operation(let operation):
      if operation.rule.isLayerNorm {
        let operand = node.operands[0]
        return [
          "float \(name)[\(size)];", loop(size, "\(name)[i] = \(value(operand))"),
          "layernorm(\(name), \(size));",
        ]
      }
      let operands = node.operands.map { value($0) }
      let text: String
      if operation.name == "mean" {
        text =
          "(\(operands.joined(separator: " + "))) * \(Self.literal(1 / Double(operands.count)))"
      } else {
        text = StepProgram.filled(operation.notation.c, operands)
      }
      return ["float \(name)[\(size)];", loop(size, "\(name)[i] = \(text)")]
    case .input, .state, .constant, .parameter: return []
    }
  }

  private func product(_ product: MatrixProduct, _ operand: Int, into name: String) -> String {
    guard
      case .matrix(let rows, let columns, let blocks) = graph.parameters[product.parameter].shape
    else { return "" }
    let function = product.isTransposed ? "add_transposed" : "add_product"
    var vector = program.names[operand]
    if case .parameter(let index) = graph.nodes[operand].kind { vector = self.parameter(index) }
    return "\(function)(\(name), \(parameter(product.parameter)), \(vector), \(count(rows)), "
      + "\(count(columns)), \(blocks));"
  }
}

extension Operation.Rule {
  fileprivate var isLayerNorm: Bool { if case .layerNorm = self { true } else { false } }
}

extension Cell {
  /// A function of C99 that takes one time step; sizes are macros, parameters are the caller's.
  package func cCode() -> String {
    let (input, hidden) = (64, 64)
    let step = CStep(graph, inputSize: input, hiddenSize: hidden, prefix: "")
    let parameters = graph.parameters.indices.map { index -> String in
      let shape =
        switch graph.parameters[index].shape {
        case .matrix(let rows, let columns, let blocks):
          "[\(columns == .input ? "I" : "H")\(blocks == 1 ? "" : " / \(blocks)")]"
            + "[\(rows == .input ? "I" : "H")]"
        case .vector(let size): "[\(size == .input ? "I" : "H")]"
        case .scalar: "[1]"
        }
      return "   \(step.parameter(index)) \(shape)"
    }
    return """
      /*
       * \(equations.split(separator: "\n").joined(separator: "\n * "))
       *
       * For input and hidden size \(input). Parameters, matrices by columns:
      \(parameters.joined(separator: "\n"))
       */
      \(CPrelude.text)
      \(graph.parameters.indices.map { "extern const float \(step.parameter($0))[];" }
        .joined(separator: "\n"))

      \(step.function("step"))

      """
  }
}

/// Functions that steps in C call: nothing of libm, so that a compiler can do many elements at once.
package enum CPrelude {
  package static let text = """
    #include <stdint.h>
    #include <string.h>

    static inline float bits_to_float(int32_t bits) {
      union { int32_t bits; float value; } u = {bits};
      return u.value;
    }

    static inline int32_t float_to_bits(float value) {
      union { float value; int32_t bits; } u = {value};
      return u.bits;
    }

    /* What has no value is NaN, and NaN stays, as in the library. */
    #define INFINITY_ bits_to_float(0x7f800000)
    #define NAN_ bits_to_float(0x7fc00000)

    static inline float fmaxf_(float a, float b) { return a > b || a != a ? a : b; }
    static inline float fminf_(float a, float b) { return a < b || a != a ? a : b; }
    static inline float fabsf_(float a) { return a < 0.0f ? -a : a; }

    /* 2^k e^r with r in +-ln(2)/2 and a polynomial of degree 6; 2^k in two factors, as k may be 128. */
    static inline float expf_(float x) {
      const float c = x > -87.0f ? (x < 89.0f ? x : 89.0f) : -87.0f, a = c * 1.44269504f;
      const int32_t k = (int32_t)(a + (a < 0.0f ? -0.5f : 0.5f));
      const float r = (c - (float)k * 0.693359375f) + (float)k * 2.12194440e-4f;
      const float p = 1.0f + r * (1.0f + r * (0.5f + r * (0.166666667f + r * (0.0416666667f
          + r * (0.00833333333f + r * 0.00138888889f)))));
      return x != x ? x : p * bits_to_float((k + 126) << 23) * 2.0f;
    }

    static inline float expm1f_(float x) {
      const float small = x * (1.0f + x * (0.5f + x * (0.166666667f + x * 0.0416666667f)));
      return fabsf_(x) < 0.02f ? small : expf_(x) - 1.0f;
    }

    static inline float tanhf_(float x) {
      const float e = expf_(-2.0f * fabsf_(x)), y = (1.0f - e) / (1.0f + e), s = x * x;
      const float z = fabsf_(x) < 0.02f ? fabsf_(x) * (1.0f - s * 0.333333333f) : y;
      return x < 0.0f ? -z : z;
    }

    /* The exponent, and an odd polynomial of (m - 1) / (m + 1). */
    static inline float logf_(float x) {
      const int32_t bits = float_to_bits(x) - 0x3f3504f3;
      const float m = bits_to_float((bits & 0x007fffff) + 0x3f3504f3);
      const float t = (m - 1.0f) / (m + 1.0f), s = t * t;
      const float p = 2.0f * t * (1.0f + s * (0.333333333f + s * (0.2f + s * (0.142857143f
          + s * 0.111111111f))));
      const float y = (float)(bits >> 23) * 0.693147181f + p;
      return x > 0.0f && x < INFINITY_ ? y : x == 0.0f ? -INFINITY_ : x < 0.0f ? NAN_ : x;
    }

    static inline float log1pf_(float x) {
      const float small = x * (1.0f - x * (0.5f - x * 0.333333333f));
      return fabsf_(x) < 0.01f ? small : logf_(1.0f + x);
    }

    /* A guess from half the exponent, and three steps of Newton. */
    static inline float sqrtf_(float x) {
      float y = bits_to_float((float_to_bits(x) >> 1) + 0x1fbd1df5);
      y = 0.5f * (y + x / y);
      y = 0.5f * (y + x / y);
      y = 0.5f * (y + x / y);
      return x > 0.0f && x < INFINITY_ ? y : x < 0.0f ? NAN_ : x;
    }

    /* Between -pi/2 and pi/2, by a polynomial of degree 11. */
    static inline float sin_near_0(float r) {
      const float s = r * r;
      return r * (1.0f + s * (-0.166666667f + s * (0.00833333333f + s * (-1.98412698e-4f
          + s * (2.75573192e-6f - s * 2.50521084e-8f)))));
    }

    /* x less a multiple of pi, in two steps that lose nothing. */
    static inline float less_pi(float x, float times) {
      return (x - times * 3.140625f) - times * 9.67653589e-4f;
    }

    /* x less whole turns where it is large; 0 where floats are further apart than a turn by far. */
    static inline float less_turns(float x) {
      const float size = fabsf_(x);
      if (size < 1e5f) return x;
      if (!(size < 1e15f)) return 0.0f;
      return (float)((double)x - 6.283185307179586 * (double)(int64_t)((double)x * 0.15915494309189535));
    }

    static inline float sinf_(float x) {
      const float t = less_turns(x), a = t * 0.318309886f;
      const int32_t k = (int32_t)(a + (a < 0.0f ? -0.5f : 0.5f));
      const float p = sin_near_0(less_pi(t, (float)k));
      return (k & 1 ? -p : p) + (x - x);
    }

    /* sin(x + pi/2), reduced by odd multiples of pi/2. */
    static inline float cosf_(float x) {
      const float t = less_turns(x), a = t * 0.318309886f + 0.5f;
      const int32_t k = (int32_t)(a + (a < 0.0f ? -0.5f : 0.5f));
      const float p = sin_near_0(less_pi(t, (float)k - 0.5f));
      return (k & 1 ? -p : p) + (x - x);
    }

    /* y += W x, with W [rows, columns] by columns; with blocks, block b maps part b of x to part b of y. */
    static inline void add_product(
        float *restrict y, const float *restrict w, const float *restrict x, int rows, int columns,
        int blocks) {
      const int height = rows / blocks, width = columns / blocks;
      for (int b = 0; b < blocks; ++b)
        for (int k = 0; k < width; ++k) {
          const float a = x[b * width + k];
          for (int i = 0; i < height; ++i) y[b * height + i] += a * w[k * rows + b * height + i];
        }
    }

    /* y += W^T x. */
    static inline void add_transposed(
        float *restrict y, const float *restrict w, const float *restrict x, int rows, int columns,
        int blocks) {
      const int height = rows / blocks, width = columns / blocks;
      for (int b = 0; b < blocks; ++b)
        for (int k = 0; k < width; ++k) {
          float sum = 0.0f;
          for (int i = 0; i < height; ++i) sum += w[k * rows + b * height + i] * x[b * height + i];
          y[b * width + k] += sum;
        }
    }

    static inline void layernorm(float *restrict y, int size) {
      float mean = 0.0f, variance = 0.0f;
      for (int i = 0; i < size; ++i) mean += y[i];
      mean /= (float)size;
      for (int i = 0; i < size; ++i) variance += (y[i] - mean) * (y[i] - mean);
      const float scale = 1.0f / sqrtf_(variance / (float)size + 1e-5f);
      for (int i = 0; i < size; ++i) y[i] = (y[i] - mean) * scale;
    }

    """
}
