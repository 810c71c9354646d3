import CRNNCell
import Cells
import Kernels
import Search

/// A cell, and the texts that its structs point to.
final class CellObject: Handled {
  static let noun = "cell"
  static let tag: UInt64 = 0x726E_6E63_656C_6C01

  let cell: Cell
  let texts = Texts()

  init(_ cell: Cell) { self.cell = cell }
}

@_cdecl("rnncell_cell_parse") @implementation
public func rnncell_cell_parse(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ equations: UnsafePointer<CChar>?
) -> Int32 {
  make(out) { () throws(Failure) in
    CellObject(try Cell(parsing: try read(equations, "equations")))
  }
}

@_cdecl("rnncell_cell_stock") @implementation
public func rnncell_cell_stock(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ name: UnsafePointer<CChar>?
) -> Int32 {
  make(out) { () throws(Failure) in CellObject(try Cell.stock(try read(name, "name"))) }
}

@_cdecl("rnncell_cell_import") @implementation
public func rnncell_cell_import(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ notation: Int32, _ text: UnsafePointer<CChar>?
) -> Int32 {
  make(out) { () throws(Failure) in
    let text = try read(text, "text")
    switch notation {
    case RNNCELL_NOTATION_GENOTYPE: return CellObject(try Cell(genotypeText: text))
    case RNNCELL_NOTATION_RECIPE: return CellObject(try Cell(recipe: text))
    case RNNCELL_NOTATION_ARC:
      return CellObject(try Cell(arc: text, order: .paper, averagesAll: false))
    case RNNCELL_NOTATION_ARC_ENAS_LM:
      return CellObject(try Cell(arc: text, order: .enasLM, averagesAll: true))
    case RNNCELL_NOTATION_DSL: return CellObject(try Term(parsing: text).cell())
    case RNNCELL_NOTATION_TREE: return CellObject(try NodeTree(parsing: text).cell())
    default: throw .invalid("notation \(notation) is none; pass one of RNNCELL_NOTATION_…, 1 to 6")
    }
  }
}

@_cdecl("rnncell_cell_free") @implementation
public func rnncell_cell_free(_ cell: OpaquePointer?) { Handle.free(cell, as: CellObject.self) }

@_cdecl("rnncell_stock_describe") @implementation
public func rnncell_stock_describe(
  _ out: UnsafeMutablePointer<rnncell_stock_info>?, _ index: Int64
) -> Int32 {
  fill(out) { () throws(Failure) in
    let stock = try element(StockCell.all, index, "published cells")
    var info = rnncell_stock_info()
    info.name = Texts.forever[stock.name]
    info.equations = Texts.forever[stock.equations]
    info.source = Texts.forever[stock.source]
    info.notes = Texts.forever[stock.notes]
    return info
  }
}

@_cdecl("rnncell_cell_describe") @implementation
public func rnncell_cell_describe(
  _ out: UnsafeMutablePointer<rnncell_cell_info>?, _ cell: OpaquePointer?, _ inputSize: Int64,
  _ hiddenSize: Int64
) -> Int32 {
  fill(out) { () throws(Failure) in
    let object = try Handle.object(cell, as: CellObject.self)
    let cell = object.cell
    var info = rnncell_cell_info()
    info.states = object.texts[cell.states.joined(separator: " ")]
    info.state_count = Int64(cell.states.count)
    info.parameter_count = Int64(cell.graph.parameters.count)
    if inputSize != 0 || hiddenSize != 0 {
      info.weight_count = Int64(
        try cell.parameterCount(inputSize: Int(inputSize), hiddenSize: Int(hiddenSize)))
    }
    info.digest = (cell.canonical.digest[0], cell.canonical.digest[1])
    info.fingerprint = cell.fingerprint
    info.needs_equal_sizes = cell.needsEqualSizes ? 1 : 0
    return info
  }
}

@_cdecl("rnncell_cell_parameter") @implementation
public func rnncell_cell_parameter(
  _ out: UnsafeMutablePointer<rnncell_parameter_info>?, _ cell: OpaquePointer?, _ index: Int64,
  _ inputSize: Int64, _ hiddenSize: Int64
) -> Int32 {
  fill(out) { () throws(Failure) in
    let object = try Handle.object(cell, as: CellObject.self)
    let parameters = try object.cell.parameters(
      inputSize: Int(inputSize), hiddenSize: Int(hiddenSize))
    let parameter = try element(parameters, index, "parameters of the cell")
    var info = rnncell_parameter_info()
    info.name = object.texts[parameter.name]
    info.rank = Int64(parameter.shape.count)
    info.rows = Int64(parameter.shape[0])
    info.columns = Int64(parameter.shape.count > 1 ? parameter.shape[1] : 1)
    info.count = Int64(parameter.count)
    info.is_bias = parameter.isBias ? 1 : 0
    info.blocks = Int32(clamping: parameter.blocks)
    return info
  }
}

@_cdecl("rnncell_cell_equal") @implementation
public func rnncell_cell_equal(
  _ equal: UnsafeMutablePointer<Int32>?, _ cell: OpaquePointer?, _ other: OpaquePointer?
) -> Int32 {
  status { () throws(Failure) in
    guard let equal else { throw .invalid("equal is NULL; pass the address of an int32_t") }
    equal.pointee = 0
    let cell = try Handle.object(cell, as: CellObject.self).cell
    let other = try Handle.object(other, as: CellObject.self).cell
    equal.pointee = cell == other ? 1 : 0
  }
}

@_cdecl("rnncell_cell_counterpart") @implementation
public func rnncell_cell_counterpart(
  _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?,
  _ cell: OpaquePointer?, _ parameter: UnsafePointer<CChar>?, _ other: OpaquePointer?
) -> Int32 {
  write(text, capacity, needed) { () throws(Failure) in
    let cell = try Handle.object(cell, as: CellObject.self).cell
    let parameter = try read(parameter, "parameter")
    let other = try Handle.object(other, as: CellObject.self).cell
    guard let names = cell.matching(other) else {
      throw .invalid("the cells are not equal; only equal cells have parameters in common")
    }
    guard let name = names[parameter] else {
      throw .invalid(
        "the cell has no parameter '\(parameter.prefix(80))'; it has "
          + cell.graph.parameters.map(\.name).joined(separator: ", "))
    }
    return name
  }
}

/// The element at an index that a C program passed.
func element<Element>(
  _ elements: [Element], _ index: Int64, _ what: String
) throws(Failure) -> Element {
  guard index >= 0, index < elements.count else {
    throw .invalid(
      "index \(index) is out of range; there are \(elements.count) \(what), counted from 0")
  }
  return elements[Int(index)]
}

@_cdecl("rnncell_cell_draw") @implementation
public func rnncell_cell_draw(
  _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?,
  _ cell: OpaquePointer?, _ form: Int32
) -> Int32 {
  write(text, capacity, needed) { () throws(Failure) in
    let cell = try Handle.object(cell, as: CellObject.self).cell
    switch form {
    case RNNCELL_DRAWING_EQUATIONS: return cell.equations
    case RNNCELL_DRAWING_SVG: return cell.svg()
    case RNNCELL_DRAWING_DOT: return cell.dot()
    case RNNCELL_DRAWING_LATEX: return cell.latex()
    case RNNCELL_DRAWING_GENOTYPE: return try cell.genotypeText()
    case RNNCELL_DRAWING_RECIPE: return try cell.recipe().text
    case RNNCELL_DRAWING_ABLATIONS:
      return cell.ablations.map { "\($0.part)\n\($0.cell.equations)" }.joined(separator: "\n\n")
    case RNNCELL_DRAWING_PARTS: return cell.parts.joined(separator: "\n")
    case RNNCELL_DRAWING_TORCH: return cell.torchCode()
    case RNNCELL_DRAWING_JAX: return cell.jaxCode()
    case RNNCELL_DRAWING_C: return cell.cCode()
    case RNNCELL_DRAWING_ARC: return try cell.arcText(order: .paper, averagesAll: false)
    case RNNCELL_DRAWING_ARC_ENAS_LM: return try cell.arcText(order: .enasLM, averagesAll: true)
    case RNNCELL_DRAWING_DSL: return try Term(cell).text
    case RNNCELL_DRAWING_TREE: return try NodeTree(saying: cell).text
    default: throw .invalid("form \(form) is none; pass one of RNNCELL_DRAWING_…, 0 to 14")
    }
  }
}
