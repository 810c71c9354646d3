/// The length of a vector in a cell: that of the input, of the hidden state, or one number for all.
package enum Size: UInt8, Hashable, Sendable {
  case input
  case hidden
  /// Constants and `scalar(s)`: one number, spread over whatever it meets.
  case scalar

  /// The number of elements for inputs of size `inputSize` and hidden states of size `hiddenSize`.
  package func count(inputSize: Int, hiddenSize: Int) -> Int {
    switch self {
    case .input: inputSize
    case .hidden: hiddenSize
    case .scalar: 1
    }
  }
}

/// A cell's dataflow: one time step from the input and the previous states to the next states.
///
/// Nodes stand in topological order: operands come before what uses them.
package struct Graph: Hashable, Sendable {
  package var nodes: [Node]
  /// The states; the first is `h`, which is also the output.
  package var states: [StateVariable]
  package var parameters: [Parameter]

  package init(nodes: [Node] = [], states: [StateVariable] = [], parameters: [Parameter] = []) {
    self.nodes = nodes
    self.states = states
    self.parameters = parameters
  }
}

/// A vector that is carried from one time step to the next.
package struct StateVariable: Hashable, Sendable {
  package var name: String
  package var size: Size
  /// The node whose value is the next state.
  package var next: Int

  package init(name: String, size: Size, next: Int) {
    self.name = name
    self.size = size
    self.next = next
  }
}

/// A learned array of a cell.
package struct Parameter: Hashable, Sendable {
  package enum Shape: Hashable, Sendable {
    /// [rows, columns]: maps `columns` to `rows`. With `blocks` > 1 it is block-diagonal, and its array
    /// is [rows, columns / blocks]: block b maps the b-th part of the operand to the b-th part of the
    /// result; `rows` and `columns` must be divisible by `blocks`.
    case matrix(rows: Size, columns: Size, blocks: Int)
    /// [size]
    case vector(Size)
    /// [1]
    case scalar
  }
  /// `W[z, x]`, `b[z]`, or the name that the equations give it.
  package var name: String
  package var shape: Shape
  /// Whether it is the bias of an affine map: starts at zero unless asked otherwise.
  package var isBias: Bool

  package init(name: String, shape: Shape, isBias: Bool = false) {
    self.name = name
    self.shape = shape
    self.isBias = isBias
  }
}

/// One value of a time step.
package struct Node: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// x.
    case input
    /// The previous value of `states[index]`.
    case state(Int)
    case constant(Double)
    /// `parameters[index]`, a learned vector or scalar.
    case parameter(Int)
    /// The sum of `products[i]` applied to `operands[i]`, plus the bias.
    case affine(products: [MatrixProduct], bias: Int?)
    case operation(Operation)
  }
  package var kind: Kind
  package var operands: [Int]
  package var size: Size
  /// The name that the equations give it, if any.
  package var name: String?

  package init(_ kind: Kind, operands: [Int] = [], size: Size, name: String? = nil) {
    self.kind = kind
    self.operands = operands
    self.size = size
    self.name = name
  }
}

/// A learned matrix applied to an operand.
package struct MatrixProduct: Hashable, Sendable {
  package var parameter: Int
  /// Whether the transpose of the matrix is applied.
  package var isTransposed: Bool

  package init(parameter: Int, isTransposed: Bool = false) {
    self.parameter = parameter
    self.isTransposed = isTransposed
  }
}
