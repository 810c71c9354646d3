import Cells

/// A graph of ONNX while it is written: nodes, constants, inputs and outputs.
///
/// Field numbers are those of onnx.proto3; operators those of opset 18.
struct ONNXGraph {
  enum Attribute {
    case integer(Int)
    case integers([Int])
    case text(String)
    case texts([String])
    case graph(ONNXGraph)
  }
  /// A dimension: a number, or the name of one that is free.
  enum Dimension {
    case number(Int)
    case free(String)
  }

  let name: String
  private var nodes: [Protobuf] = []
  private var initializers: [Protobuf] = []
  private var inputs: [Protobuf] = []
  private var outputs: [Protobuf] = []
  private var count = 0
  /// Names of constants, so that each is there once.
  private var constants: [String: String] = [:]

  init(_ name: String) { self.name = name }

  /// A name that nothing has yet.
  mutating func fresh() -> String {
    count += 1
    return "\(name)_\(count)"
  }

  mutating func addInput(_ name: String, _ shape: [Dimension]?, isInteger: Bool = false) {
    inputs.append(Self.value(name, shape, isInteger))
  }

  mutating func addOutput(_ name: String, _ shape: [Dimension]?) {
    outputs.append(Self.value(name, shape, false))
  }

  private static func value(_ name: String, _ shape: [Dimension]?, _ isInteger: Bool) -> Protobuf {
    var tensor = Protobuf()
    tensor.add(1, isInteger ? 7 : 1)
    if let shape {
      var dimensions = Protobuf()
      for dimension in shape {
        var one = Protobuf()
        switch dimension {
        case .number(let number): one.add(1, number)
        case .free(let name): one.add(2, name)
        }
        dimensions.add(1, one)
      }
      tensor.add(2, dimensions)
    }
    var type = Protobuf()
    type.add(1, tensor)
    var info = Protobuf()
    info.add(1, name)
    info.add(2, type)
    return info
  }

  /// A tensor of floats, whose name is given back.
  @discardableResult
  mutating func add(_ name: String, shape: [Int], floats: [Float]) -> String {
    var raw: [UInt8] = []
    raw.reserveCapacity(4 * floats.count)
    for value in floats { withUnsafeBytes(of: value.bitPattern.littleEndian) { raw += $0 } }
    return add(name, shape, type: 1, raw)
  }

  mutating func constant(_ value: Float) -> String {
    known("f\(value.bitPattern)") { $0.add($1, shape: [], floats: [value]) }
  }

  mutating func constant(_ values: [Int]) -> String {
    known("i\(values)") { graph, name in
      var raw: [UInt8] = []
      for value in values { withUnsafeBytes(of: Int64(value).littleEndian) { raw += $0 } }
      return graph.add(name, [values.count], type: 7, raw)
    }
  }

  private mutating func known(
    _ key: String, _ make: (inout ONNXGraph, _ name: String) -> String
  ) -> String {
    if let name = constants[key] { return name }
    let name = make(&self, "\(self.name)_c\(constants.count)")
    constants[key] = name
    return name
  }

  private mutating func add(_ name: String, _ shape: [Int], type: Int, _ raw: [UInt8]) -> String {
    var tensor = Protobuf()
    for size in shape { tensor.add(1, size) }
    tensor.add(2, type)
    tensor.add(8, name)
    tensor.add(9, raw)
    initializers.append(tensor)
    return name
  }

  /// A node; gives the name of its first output.
  @discardableResult
  mutating func node(
    _ type: String, _ inputs: [String], to outputs: [String]? = nil,
    _ attributes: [(String, Attribute)] = []
  ) -> String {
    let outputs = outputs ?? [fresh()]
    var node = Protobuf()
    for input in inputs { node.add(1, input) }
    for output in outputs { node.add(2, output) }
    node.add(4, type)
    for (name, value) in attributes {
      var attribute = Protobuf()
      attribute.add(1, name)
      switch value {
      case .integer(let number):
        attribute.add(3, number)
        attribute.add(20, 2)
      case .integers(let numbers):
        for number in numbers { attribute.add(8, number) }
        attribute.add(20, 7)
      case .text(let text):
        attribute.add(4, text)
        attribute.add(20, 3)
      case .texts(let texts):
        for text in texts { attribute.add(9, text) }
        attribute.add(20, 8)
      case .graph(let graph):
        attribute.add(6, graph.message)
        attribute.add(20, 5)
      }
      node.add(5, attribute)
    }
    nodes.append(node)
    return outputs[0]
  }

  /// The GraphProto.
  var message: Protobuf {
    var graph = Protobuf()
    for node in nodes { graph.add(1, node) }
    graph.add(2, name)
    for tensor in initializers { graph.add(5, tensor) }
    for input in inputs { graph.add(11, input) }
    for output in outputs { graph.add(12, output) }
    return graph
  }

  /// The ModelProto of it.
  var model: [UInt8] {
    var opset = Protobuf()
    opset.add(1, "")
    opset.add(2, 18)
    var model = Protobuf()
    model.add(1, 8)
    model.add(2, "rnncell")
    model.add(7, message)
    model.add(8, opset)
    return model.bytes
  }

  // MARK: Formulas

  /// Nodes for a form such as `Add({2}, Mul({0}, Sub({1}, {2})))`, or a bare operator.
  mutating func formula(_ form: String, _ operands: [String]) -> String {
    guard form.contains("(") else { return node(form, operands) }
    var reader = FormReader(form)
    return reader.value(operands, &self)
  }
}

/// Reads the compositions of operators in which `Notation` writes what is no single one.
private struct FormReader {
  private let characters: [Character]
  private var place = 0

  init(_ form: String) { characters = form.filter { $0 != " " } }

  mutating func value(_ operands: [String], _ graph: inout ONNXGraph) -> String {
    if next == "{" {
      place += 1
      let digits = word { $0 != "}" }
      place += 1
      return operands[Int(digits) ?? 0]
    }
    let text = word { !"(),".contains($0) }
    guard next == "(" else { return graph.constant(Float(text) ?? 0) }
    place += 1
    var inputs: [String] = []
    while let character = next, character != ")" {
      if character == "," {
        place += 1
      } else if isAll {
        place += 3
        inputs += operands
      } else {
        inputs.append(value(operands, &graph))
      }
    }
    place += 1
    return graph.node(text, inputs)
  }

  /// Whether `{*}` comes next.
  private var isAll: Bool {
    next == "{" && place + 1 < characters.count && characters[place + 1] == "*"
  }

  private var next: Character? { place < characters.count ? characters[place] : nil }

  private mutating func word(_ belongs: (Character) -> Bool) -> String {
    var text = ""
    while let character = next, belongs(character) {
      text.append(character)
      place += 1
    }
    return text
  }
}
