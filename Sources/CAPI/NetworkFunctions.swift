import CRNNCell
import Cells
import Execution
import Kernels
import Training

/// A network and its weights.
final class NetworkObject: Handled {
  static let noun = "network"
  static let tag: UInt64 = 0x726E_6E6E_6574_7703

  let network: Network
  let weights: ParameterBuffer
  let parameters: BorrowedParameters
  let texts = Texts()
  let runs = RunPool()

  init(_ network: Network, _ weights: ParameterBuffer) throws(Failure) {
    self.network = network
    self.weights = weights
    parameters = try BorrowedParameters(weights)
  }

  /// Floats of all states of one sequence.
  var stateSize: Int { network.stateSize }
}

/// Reads the options that say how weights start.
func initialization(
  range: Double, forgetBias: Double, chrono: Double, recurrent: UnsafePointer<CChar>?
) throws(Failure) -> Initialization {
  let name = try readOptional(recurrent, "recurrent")
  let start = name.flatMap { RecurrentStart(rawValue: $0) }
  guard name == nil || start != nil else {
    throw .invalid(
      "recurrent is '\(name?.prefix(40) ?? "")'; pass one of "
        + RecurrentStart.allCases.map(\.rawValue).joined(separator: ", "))
  }
  guard chrono == 0 || (chrono > 2 && chrono <= 1e9) else {
    throw .invalid("chrono is \(chrono); pass a number of time steps above 2, or 0 for none")
  }
  guard range >= 0, Float(range).isFinite else {
    throw .invalid("init_range is \(range); pass a positive number, or 0 for the default")
  }
  guard forgetBias.isNaN || abs(forgetBias) <= 100 else {
    throw .invalid("forget_bias is \(forgetBias); pass a number from -100 to 100, or NaN for none")
  }
  return Initialization(
    range: range == 0 ? nil : range,
    forgetBias: forgetBias.isNaN ? .none : forgetBias == 0 ? .suggested : .value(forgetBias),
    chrono: chrono == 0 ? nil : chrono, recurrent: start)
}

/// How layers are joined, from the members of an option struct.
func wiring(
  bidirectional: Int32 = 0, residual: Int32, zoneout: Double
) throws(Failure) -> Wiring {
  Wiring(
    isBidirectional: try flag(bidirectional, "bidirectional"),
    isResidual: try flag(residual, "residual"),
    zoneout: try number(zoneout, default: 0, "zoneout", in: 0...0.999))
}

/// Reads an array of cells.
func cells(_ cells: UnsafePointer<OpaquePointer?>?, _ count: Int) throws(Failure) -> [Cell] {
  let pointers = try array(cells, "cells")
  var read: [Cell] = []
  for index in 0..<count {
    read.append(try Handle.object(pointers[index], as: CellObject.self).cell)
  }
  return read
}

@_cdecl("rnncell_network_create") @implementation
public func rnncell_network_create(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ cells: UnsafePointer<OpaquePointer?>?,
  _ hiddenSizes: UnsafePointer<Int64>?, _ layers: Int64, _ inputSize: Int64,
  _ options: UnsafePointer<rnncell_network_options>?
) -> Int32 {
  make(out) { () throws(Failure) in
    let layers = try positive(layers, "layers", limit: Limits.layers)
    let cells = try CAPI.cells(cells, layers)
    let sizes = try array(hiddenSizes, "hidden_sizes")
    let options = try read(options, zero: rnncell_network_options())
    let initialization = try initialization(
      range: options.init_range, forgetBias: options.forget_bias, chrono: options.chrono,
      recurrent: options.recurrent)
    var hiddenSizes: [Int] = []
    for layer in 0..<layers {
      hiddenSizes.append(try positive(sizes[layer], "hidden_sizes[\(layer)]", limit: Limits.size))
    }
    var layout = ParameterLayout()
    let network = try Network(
      cells: cells, inputSize: try positive(inputSize, "input_size", limit: Limits.size),
      hiddenSizes: hiddenSizes,
      wiring: try wiring(
        bidirectional: options.bidirectional, residual: options.residual,
        zoneout: options.zoneout),
      layout: &layout)
    let weights = try ParameterBuffer(layout)
    network.initialize(
      weights, seed: options.seed, initialization, threads: standardThreads)
    return try NetworkObject(network, weights)
  }
}

@_cdecl("rnncell_network_free") @implementation
public func rnncell_network_free(_ network: OpaquePointer?) {
  Handle.free(network, as: NetworkObject.self)
}

@_cdecl("rnncell_network_describe") @implementation
public func rnncell_network_describe(
  _ out: UnsafeMutablePointer<rnncell_network_info>?, _ network: OpaquePointer?
) -> Int32 {
  fill(out) { () throws(Failure) in
    let object = try Handle.object(network, as: NetworkObject.self)
    var info = rnncell_network_info()
    info.layers = Int64(object.network.cells.count)
    info.input_size = Int64(object.network.inputSize)
    info.output_size = Int64(object.network.outputSize)
    info.state_count = Int64(object.network.states.count)
    info.state_size = Int64(object.stateSize)
    info.parameter_count = Int64(object.weights.layout.entries.count)
    info.weight_count = Int64(object.weights.layout.parameterCount)
    info.bidirectional = object.network.wiring.isBidirectional ? 1 : 0
    info.residual = object.network.wiring.isResidual ? 1 : 0
    info.zoneout = object.network.wiring.zoneout
    return info
  }
}

@_cdecl("rnncell_network_cell") @implementation
public func rnncell_network_cell(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ network: OpaquePointer?, _ layer: Int64
) -> Int32 {
  make(out) { () throws(Failure) in
    let object = try Handle.object(network, as: NetworkObject.self)
    return CellObject(try element(object.network.cells, layer, "layers"))
  }
}

@_cdecl("rnncell_network_state") @implementation
public func rnncell_network_state(
  _ out: UnsafeMutablePointer<rnncell_state_info>?, _ network: OpaquePointer?, _ index: Int64
) -> Int32 {
  fill(out) { () throws(Failure) in
    let object = try Handle.object(network, as: NetworkObject.self)
    let state = try element(object.network.states, index, "states")
    var info = rnncell_state_info()
    info.name = object.texts[state.name]
    info.layer = Int64(state.layer)
    info.element_count = Int64(state.size)
    info.offset = Int64(state.offset)
    info.reversed = state.isReversed ? 1 : 0
    return info
  }
}

@_cdecl("rnncell_network_parameters") @implementation
public func rnncell_network_parameters(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ network: OpaquePointer?
) -> Int32 {
  lend(out) { () throws(Failure) in
    try Handle.object(network, as: NetworkObject.self).parameters.handle
  }
}

@_cdecl("rnncell_network_save") @implementation
public func rnncell_network_save(_ network: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> Int32
{
  status { () throws(Failure) in
    let object = try Handle.object(network, as: NetworkObject.self)
    try NetworkFile.save(object.network, object.weights, to: try read(path, "path"))
  }
}

@_cdecl("rnncell_network_load") @implementation
public func rnncell_network_load(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ path: UnsafePointer<CChar>?
) -> Int32 {
  make(out) { () throws(Failure) in
    let (network, weights) = try NetworkFile.load(try read(path, "path"))
    return try NetworkObject(network, weights)
  }
}
