import Kernels

/// A learned array of a cell at given sizes.
package struct CellParameter: Hashable, Sendable {
  /// As the equations name it: `W[z, x]`, `b[z]`, or a name of their own.
  package var name: String
  /// [rows, columns] of a matrix, which maps `columns` to `rows` (of a block-diagonal one, [rows,
  /// columns / blocks]); [elements] of a vector; [1] of a scalar.
  package var shape: [Int]
  /// The blocks of a block-diagonal matrix, else 1.
  package var blocks: Int
  package var isBias: Bool

  /// The number of elements.
  package var count: Int { shape.reduce(1, &*) }
}

extension Cell {
  /// The parameters at these sizes, in the order in which the equations mention them.
  ///
  /// - Throws: `.invalidArgument` for sizes that are not positive, that blocks do not divide, or that
  ///   differ where the cell needs equal ones; `.limit` for sizes over `Limits.size`.
  package func parameters(inputSize: Int, hiddenSize: Int) throws(Failure) -> [CellParameter] {
    for (what, size) in [("input", inputSize), ("hidden", hiddenSize)] {
      guard size > 0 else {
        throw .invalid("\(what) size \(size) is not positive; pass a size from 1 to \(Limits.size)")
      }
      guard size <= Limits.size else {
        throw Failure(
          .limit, "\(what) size \(size) is over the limit; pass a size from 1 to \(Limits.size)")
      }
    }
    guard inputSize == hiddenSize || !needsEqualSizes else {
      throw .invalid(
        "the cell joins x and h element by element, but x has \(inputSize) and h \(hiddenSize) "
          + "elements; use equal sizes, or map x with linear(x) or product(x)")
    }
    var parameters: [CellParameter] = []
    parameters.reserveCapacity(graph.parameters.count)
    for parameter in graph.parameters {
      var shape = [1]
      var blocks = 1
      switch parameter.shape {
      case .matrix(let rows, let columns, let count):
        let rows = rows.count(inputSize: inputSize, hiddenSize: hiddenSize)
        let columns = columns.count(inputSize: inputSize, hiddenSize: hiddenSize)
        guard rows % count == 0, columns % count == 0 else {
          throw .invalid(
            "\(parameter.name) maps \(columns) to \(rows) in \(count) blocks, which do not divide "
              + "these sizes; use sizes that are multiples of \(count)")
        }
        blocks = count
        shape = [rows, columns / count]
      case .vector(let size):
        shape = [size.count(inputSize: inputSize, hiddenSize: hiddenSize)]
      case .scalar: break
      }
      parameters.append(
        CellParameter(
          name: parameter.name, shape: shape, blocks: blocks, isBias: parameter.isBias))
    }
    return parameters
  }

  /// The number of learned numbers at these sizes.
  ///
  /// At most 1024 parameters of 2^32 elements each: it cannot overflow.
  package func parameterCount(inputSize: Int, hiddenSize: Int) throws(Failure) -> Int {
    try parameters(inputSize: inputSize, hiddenSize: hiddenSize).reduce(0) { $0 &+ $1.count }
  }

  /// Starting values of biases and vectors that its source gives, where this is a stock cell; by parameter
  /// name.
  package var suggestedInitial: [String: Double] {
    // By the names first, as most cells have none of them and then need not be printed.
    StockCell.all.first { stock in
      !stock.initial.isEmpty
        && stock.initial.keys.allSatisfy { name in graph.parameters.contains { $0.name == name }
        }
        && isStock(stock)
    }?.initial ?? [:]
  }

  /// Which biases chrono initialisation starts, where this is a stock cell with gates of that kind, and with
  /// which sign.
  package var chronoBiases: [String: Double] {
    StockCell.all.first { !$0.chrono.isEmpty && isStock($0) }?.chrono ?? [:]
  }

  /// How its source starts square matrices that read a state, where this is a stock cell that says so.
  package var suggestedRecurrent: RecurrentStart? {
    StockCell.all.first { $0.recurrent != nil && isStock($0) }?.recurrent
  }

  /// How torch packs the parameters, where this is a stock cell that torch has too.
  package var torchPacking: TorchPacking? {
    StockCell.all.first { $0.torch != nil && isStock($0) }?.torch
  }

  /// Stock cells are written as they are printed, so that none needs to be read for this.
  private func isStock(_ stock: StockCell) -> Bool { stock.equations == equations }
}
