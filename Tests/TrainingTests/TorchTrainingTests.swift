import Cells
import Execution
import Kernels
import Support
import Testing
import Training

@Suite("Training as torch does it")
struct TorchTrainingTests {
  struct Case: Sendable, CustomStringConvertible {
    var optimizer: String
    var learningRate: Double
    var clip: Double
    var sumsOverSteps: Bool
    var description: String { optimizer }
  }
  /// As in `Golden/make_training_golden.py`.
  static let cases = [
    Case(optimizer: "sgd", learningRate: 0.5, clip: 1.5, sumsOverSteps: true),
    Case(optimizer: "adam", learningRate: 0.01, clip: 0.4, sumsOverSteps: false),
  ]

  @Test("Losses and weights of a small model are torch's after some updates", arguments: cases)
  func updates(_ given: Case) throws {
    let golden = try GoldenFile("torch/train_\(given.optimizer).txt")
    let letters = try golden.values("letters").map { UInt8(97 + $0) }
    let corpus = try letters.withUnsafeBytes { letters in
      Result {
        try Corpus(
          train: .memory(letters), valid: .memory(letters), test: .memory(letters),
          unit: .character)
      }
    }.get()
    let width = try golden.shape("start.embedding.weight")[1]
    let model = try LanguageModel(
      ModelShape(
        cells: [try Cell.stock("lstm"), try Cell.stock("lstm")], vocabulary: corpus.vocabulary,
        hiddenSize: try golden.shape("start.output.weight")[1], embeddingSize: width), seed: 1)
    let layout = model.weights.layout
    let own = ["embedding.weight", "output.weight", "output.bias"].compactMap { layout[$0] }
    #expect(own.count == 3)
    for entry in own {
      #expect(try golden.shape("start.\(entry.name)") == entry.shape)
      model.weights.write(entry, from: try golden.values("start.\(entry.name)").map { Float($0) })
    }
    var file = SafeTensors()
    try TensorNames.write(model.network, model.weights, prefix: "rnn.", to: &file)
    for tensor in file.tensors {
      let start = try golden.values("start.\(tensor.name)")
      for (index, value) in start.enumerated() { tensor.values[index] = Float(value) }
    }
    try TensorNames.read(model.network, model.weights, prefix: "rnn.", from: file)

    let losses = try golden.values("losses")
    var options = TrainingOptions()
    options.optimizer = given.optimizer
    options.learningRate = given.learningRate
    options.clip = given.clip
    options.sumsOverSteps = given.sumsOverSteps
    options.batch = 3
    options.truncation = 4
    options.schedule.decay = 0.5
    options.epochs = 2
    options.reportEvery = 1
    options.threads = 1
    let trainer = try Trainer(model, corpus, options)
    var means: [Double] = []
    try trainer.train(updates: losses.count) { progress in
      means.append(progress.trainLoss)
      return false
    }
    #expect(means.count == losses.count)
    for (index, mean) in means.enumerated() {
      let first = index / trainer.updatesPerEpoch * trainer.updatesPerEpoch
      let expected = losses[first...index].reduce(0, +) / Double(index - first + 1)
      #expect(abs(mean - expected) < 1e-5, "update \(index + 1)")
    }
    for entry in own {
      expectNear(model.weights.read(entry), try golden.values("end.\(entry.name)"), entry.name)
    }
    var end = SafeTensors()
    try TensorNames.write(model.network, model.weights, prefix: "rnn.", to: &end)
    #expect(end.tensors.count == 8)
    for tensor in end.tensors {
      expectNear(tensor.values.array, try golden.values("end.\(tensor.name)"), tensor.name)
    }
  }

  func expectNear(_ values: [Float], _ expected: [Double], _ name: String) {
    #expect(values.count == expected.count)
    let error = zip(values, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
    #expect(error < 1e-5, "\(name): \(error)")
  }
}
