/// A time step in Python, for PyTorch or JAX.
package struct PythonStep {
  package enum Library: Sendable { case torch, jax }

  package let program: StepProgram
  private let library: Library
  private var graph: Graph { program.graph }

  package init(_ graph: Graph, _ library: Library) {
    program = StepProgram(graph)
    self.library = library
  }

  /// The names of the states before the step.
  package var states: [String] { graph.states.indices.map { program.names[1 + $0] } }

  /// Statements that compute the next states from `x` and the states.
  ///
  /// - Parameter parameter: how a parameter is read by its name.
  package func lines(_ parameter: (_ name: String) -> String) -> [String] {
    var lines: [String] = []
    for index in program.computed {
      let node = graph.nodes[index]
      var text: String
      switch node.kind {
      case .affine(let products, let bias):
        text = zip(products, node.operands)
          .map { product($0, operand($1, parameter), parameter) }.joined(separator: " + ")
        if let bias { text += " + \(parameter(program.parameterNames[bias]))" }
      case .operation(let operation):
        let form = library == .torch ? operation.notation.torch : operation.notation.jax
        text = StepProgram.filled(form, node.operands.map { operand($0, parameter) })
      case .input, .state, .constant, .parameter: continue
      }
      lines.append("\(program.names[index]) = \(text)")
    }
    return lines
  }

  /// The next states, of the shapes of the states.
  package func next(_ parameter: (_ name: String) -> String) -> [String] {
    zip(graph.states, states).map { state, name in
      let value = operand(state.next, parameter)
      return library == .torch
        ? "\(value).expand_as(\(name))" : "jnp.broadcast_to(\(value), \(name).shape)"
    }
  }

  private func operand(_ index: Int, _ parameter: (String) -> String) -> String {
    switch graph.nodes[index].kind {
    case .constant(let value):
      return library == .torch ? "x.new_tensor(\(value))" : "jnp.float32(\(value))"
    case .parameter(let index): return parameter(program.parameterNames[index])
    case .input, .state, .affine, .operation: return program.names[index]
    }
  }

  private func product(
    _ product: MatrixProduct, _ operand: String, _ parameter: (String) -> String
  ) -> String {
    var matrix = parameter(program.parameterNames[product.parameter])
    if case .matrix(_, _, let blocks) = graph.parameters[product.parameter].shape, blocks > 1 {
      matrix =
        library == .torch
        ? "torch.block_diag(*torch.chunk(\(matrix), \(blocks)))"
        : "jax.scipy.linalg.block_diag(*jnp.split(\(matrix), \(blocks)))"
    }
    return "\(operand) @ \(matrix)\(product.isTransposed ? "" : ".T")"
  }

  /// The sizes of a parameter as an expression of `input_size` and `hidden_size`: `(hidden_size, input_size)`.
  package func shape(_ index: Int) -> String {
    func text(_ size: Size) -> String {
      switch size {
      case .input: "input_size"
      case .hidden: "hidden_size"
      case .scalar: "1"
      }
    }
    switch graph.parameters[index].shape {
    case .matrix(let rows, let columns, let blocks):
      let width = blocks == 1 ? text(columns) : "\(text(columns)) // \(blocks)"
      return "(\(text(rows)), \(width))"
    case .vector(let size): return "(\(text(size)),)"
    case .scalar: return "(1,)"
    }
  }
}

extension Cell {
  /// A module of PyTorch that takes time steps, with starting weights like ours.
  package func torchCode() -> String {
    """
    import torch
    from torch import nn


    \(graph.torchClass(called: "Cell", of: self))
    """
  }

  /// Functions for JAX: starting weights, a step, and a scan over time steps.
  package func jaxCode() -> String {
    """
    import jax
    import jax.numpy as jnp


    \(graph.jaxFunctions(called: "cell", of: self))
    """
  }
}

extension Graph {
  /// A class with the parameters of a layer; `step` takes one time step, `forward` all.
  package func torchClass(called name: String, of cell: Cell) -> String {
    let (step, equations) = (PythonStep(self, .torch), cell.equations)
    let parameters = parameters.indices.map { index in
      "        self.\(step.program.parameterNames[index]) = nn.Parameter("
        + "torch.empty\(step.shape(index).suffix(from: "(")))"
    }
    let initial = startingValues(cell).map { index, value in
      "        nn.init.constant_(self.\(step.program.parameterNames[index]), \(value))"
    }
    let tuple = step.states.count == 1 ? "\(step.states[0])," : step.states.joined(separator: ", ")
    let next = step.next { "self.\($0)" }
    let sizes = states.map { $0.size == .input ? "self.input_size" : "self.hidden_size" }
    let zeros = sizes.map { "x.new_zeros(x.shape[-2], \($0))" }
    func listed(_ items: [String]) -> String {
      items.count == 1 ? "(\(items[0]),)" : "(\(items.joined(separator: ", ")))"
    }
    return """
      class \(name)(nn.Module):
          \"\"\"\(equations.split(separator: "\n").joined(separator: "\n    "))\"\"\"

          def __init__(self, input_size, hidden_size):
              super().__init__()
              self.input_size, self.hidden_size = input_size, hidden_size
      \(parameters.joined(separator: "\n"))
              for parameter in self.parameters():
                  nn.init.uniform_(parameter, -hidden_size ** -0.5, hidden_size ** -0.5)
      \(initial.joined(separator: "\n"))

          def zero_state(self, x):
              return \(listed(zeros))

          def step(self, x, state):
              \(tuple) = state
      \(step.lines { "self.\($0)" }.map { "        \($0)" }.joined(separator: "\n"))
              return \(listed(next))

          def forward(self, x, state=None):
              \"\"\"Outputs [steps, batch, hidden] of x [steps, batch, input], and the last state.\"\"\"
              state = self.zero_state(x) if state is None else state
              outputs = []
              for row in x:
                  state = self.step(row, state)
                  outputs.append(state[0])
              return torch.stack(outputs), state
      """.withoutEmptyRuns
  }

  /// The same as functions of a dict of weights.
  package func jaxFunctions(called name: String, of cell: Cell) -> String {
    let (step, equations) = (PythonStep(self, .jax), cell.equations)
    let start = Dictionary(
      uniqueKeysWithValues: startingValues(cell).map { ($0.index, $0.value) })
    let parameters = parameters.indices.map { index in
      let shape = step.shape(index)
      let value =
        start[index].map { "jnp.full(\(shape), \($0))" }
        ?? "jax.random.uniform(next(keys), \(shape), minval=-bound, maxval=bound)"
      return "        \"\(step.program.parameterNames[index])\": \(value),"
    }
    let tuple = step.states.count == 1 ? "\(step.states[0])," : step.states.joined(separator: ", ")
    let next = step.next { "w[\"\($0)\"]" }
    let zeros = states.map {
      "jnp.zeros((batch, \($0.size == .input ? "input_size" : "hidden_size")))"
    }
    func listed(_ items: [String]) -> String {
      items.count == 1 ? "(\(items[0]),)" : "(\(items.joined(separator: ", ")))"
    }
    return """
      def \(name)_init(key, input_size, hidden_size):
          \"\"\"Starting weights of the layer:

          \(equations.split(separator: "\n").joined(separator: "\n    "))
          \"\"\"
          keys = iter(jax.random.split(key, \(max(1, self.parameters.count))))
          bound = hidden_size ** -0.5
          return {
      \(parameters.joined(separator: "\n"))
          }


      def \(name)_zero(batch, input_size, hidden_size):
          return \(listed(zeros))


      def \(name)_step(w, x, state):
          \(tuple) = state
      \(step.lines { "w[\"\($0)\"]" }.map { "    \($0)" }.joined(separator: "\n"))
          return \(listed(next))


      def \(name)(w, x, state):
          \"\"\"Outputs [steps, batch, hidden] of x [steps, batch, input], and the last state.\"\"\"
          def step(state, row):
              state = \(name)_step(w, row, state)
              return state, state[0]
          state, outputs = jax.lax.scan(step, state, x)
          return outputs, state
      """
  }

  /// Parameters that start at a number of their own: what the cell's source suggests, other biases 0.
  private func startingValues(_ cell: Cell) -> [(index: Int, value: Double)] {
    let suggested = cell.suggestedInitial
    return parameters.enumerated().compactMap { index, parameter in
      (suggested[parameter.name] ?? (parameter.isBias ? 0 : nil)).map { (index, $0) }
    }
  }
}

extension String {
  /// Without lines of nothing but blanks that formatting left.
  fileprivate var withoutEmptyRuns: String {
    replacing("\n\n\n", with: "\n\n")
  }

  fileprivate func suffix(from first: Character) -> Substring { drop { $0 != first } }
}
