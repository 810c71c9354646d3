import CRNNCell
import Execution
import Kernels
import Training

/// An optimiser in the hands of a program with a loop of its own.
final class OptimizerObject: Handled {
  static let noun = "optimizer"
  static let tag: UInt64 = 0x726E_6E6F_7074_6D09

  private let layout: ParameterLayout
  private let options: TrainingOptions
  private let update: WeightUpdate
  private let team: Team
  private var number = 0

  init(_ layout: ParameterLayout, _ options: TrainingOptions) throws(Failure) {
    self.layout = layout
    self.options = options
    update = try WeightUpdate(
      try Optimizers.named(options.optimizer).init(layout, options.optimizerSettings),
      floatCount: layout.floatCount)
    // Steps of a loop of one's own are short of work for more.
    team = try Team(threads: 1)
  }

  /// One step; the norm of the gradient before it was clipped.
  func step(
    _ weights: ParameterBuffer, _ gradients: ParameterBuffer, learningRate: Double
  ) throws(Failure) -> Double {
    for parameters in [weights, gradients] where parameters.layout.entries != layout.entries {
      throw .invalid(
        "the parameters have another layout than the optimizer's; make one for each network")
    }
    let norm = update.norm(gradients, team)
    guard WeightUpdate.canApply(norm: norm, clip: options.clip) else {
      throw Failure(
        .diverged,
        "the gradient's norm is \(norm); use a smaller learning rate or clip, or look for a NaN")
    }
    number += 1
    update.apply(
      gradients, norm: norm, clip: options.clip, to: weights, number: number,
      learningRate: learningRate == 0 ? options.learningRate ?? 0 : learningRate, team)
    return norm
  }
}

@_cdecl("rnncell_optimizer_create") @implementation
public func rnncell_optimizer_create(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ parameters: OpaquePointer?,
  _ options: UnsafePointer<rnncell_fit_options>?
) -> Int32 {
  make(out) { () throws(Failure) in
    let parameters = try Handle.object(parameters, as: ParametersObject.self)
    let options = try TrainingOptions(try read(options, zero: rnncell_fit_options()))
    return try OptimizerObject(parameters.values.layout, options)
  }
}

@_cdecl("rnncell_optimizer_free") @implementation
public func rnncell_optimizer_free(_ optimizer: OpaquePointer?) {
  Handle.free(optimizer, as: OptimizerObject.self)
}

@_cdecl("rnncell_optimizer_step") @implementation
public func rnncell_optimizer_step(
  _ norm: UnsafeMutablePointer<Double>?, _ optimizer: OpaquePointer?, _ parameters: OpaquePointer?,
  _ gradients: OpaquePointer?, _ learningRate: Double
) -> Int32 {
  status { () throws(Failure) in
    norm?.pointee = .nan
    let optimizer = try Handle.object(optimizer, as: OptimizerObject.self)
    let weights = try Handle.object(parameters, as: ParametersObject.self).values
    let gradients = try Handle.object(gradients, as: ParametersObject.self).values
    let rate = try number(learningRate, default: 0, "learning_rate", in: 0...1e6)
    let measured = try optimizer.step(weights, gradients, learningRate: rate)
    norm?.pointee = measured
  }
}
