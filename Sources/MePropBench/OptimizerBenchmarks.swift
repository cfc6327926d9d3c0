// Optimizer steps by themselves: on the rows that a gradient touches, and on all.

import MePropCore

/// An optimizer whose steps are measured.
struct UpdateMethod {
  /// As it is called in rows.
  let name: String
  /// The formula, in the middle of training.
  let formula: UpdateRule.Formula
  /// What a step reads and writes of each weight: itself, its gradient and its moments.
  let bytesPerWeight: Int
  /// What PyTorch is asked for.
  let torchName: String

  static let adam = UpdateMethod(
    name: "adam",
    formula: .adam(beta1: 0.9, beta2: 0.999, secondCorrection: 1, epsilon: 1e-8),
    bytesPerWeight: 28, torchName: "adam")
  static let adaGrad = UpdateMethod(
    name: "adagrad", formula: .adaGrad(epsilon: 1e-6), bytesPerWeight: 20, torchName: "adagrad")
  static let gradientDescent = UpdateMethod(
    name: "gradient descent", formula: .gradientDescent, bytesPerWeight: 12, torchName: "sgd")
  static let all = [adam, adaGrad, gradientDescent]

  func rule(rate: Float) -> UpdateRule { UpdateRule(formula: formula, rate: rate) }
}

extension Benchmark {
  /// Steps of all methods on the weights of a layer: on rows that a selection touches beside all
  /// rows.
  func runUpdates(_ shape: LayerShape, _ torch: TorchBaseline?, bufferBytes: Int) throws {
    let context = context
    let bytes = 4 * 4 * shape.outputSize * shape.inputSize
    let count = max(2, (bufferBytes + bytes - 1) / bytes)
    let sets = try (0..<count).map {
      try UpdateBuffers(shape, stream: UInt64($0), context: context)
    }
    for method in UpdateMethod.all { try sets[0].check(method, context: context) }
    var operations: [(Int) throws -> Void] = []
    for method in UpdateMethod.all {
      let rule = method.rule(rate: 1e-9)
      operations.append { sets[$0 % count].update(by: rule, everyRow: true, context: context) }
      operations.append { sets[$0 % count].update(by: rule, everyRow: false, context: context) }
    }
    let questions = UpdateMethod.all.map { method in
      TorchQuestion(
        text: "\(method.torchName) \(shape.outputSize) \(shape.inputSize)", hasPrecisions: false)
    }
    let timings = try alternate(
      operations, seconds: settings.secondsPerRow * 4, torch: torch, asking: questions)
    let touched = sets[0].gradient.validRows.count
    for (index, method) in UpdateMethod.all.enumerated() {
      let whole = timings.own[2 * index]
      let answer = timings.torch[questions[index]]
      func least(_ rows: Int) -> Double {
        limits.leastMicroseconds(
          multiplyAdds: 0, bytes: method.bytesPerWeight * rows * shape.inputSize)
      }
      if method.name == UpdateMethod.adam.name {
        var all = shape
        all.k = shape.outputSize
        reportKernel(
          all, "\(method.name), all rows", whole, dense: whole, least: least(shape.outputSize),
          torch: answer)
      }
      reportKernel(
        shape, "\(method.name), touched rows", timings.own[2 * index + 1], dense: whole,
        least: least(touched),
        torch: answer)
    }
  }
}

/// Weights with the moments of each method, and a gradient of which some rows are valid and all are
/// filled.
final class UpdateBuffers {
  private let shape: LayerShape
  private var w: Matrix
  private var adam: Moments, adaGrad: Moments, none: Moments
  /// The gradient; its valid rows are those that a selection of the shape's batch touches.
  private(set) var gradient: WeightGradient

  init(_ shape: LayerShape, stream: UInt64, context: ComputeContext) throws {
    var random = Philox(seed: 11, stream: stream)
    let (rows, columns) = (shape.outputSize, shape.inputSize)
    self.shape = shape
    w = uniformMatrix(rows, columns, in: -1..<1, &random)
    adam = randomMoments(rows, columns, &random)
    adaGrad = Moments(
      first: uniformMatrix(rows, columns, in: 0.5..<1.5, &random),
      second: Matrix(rowCount: 0, columnCount: columns))
    none = Moments(count: 0, rowCount: rows, columnCount: columns)
    gradient = WeightGradient(outputSize: rows, inputSize: columns)
    let x = randomMatrix(shape.batchSize, columns, &random)
    let d = randomMatrix(shape.batchSize, rows, &random)
    // Rows that are not touched keep the dense gradient.
    context.weightGradient(ofDense: d, input: x, into: &gradient)
    let support = GradientSupport()
    try support.selectTop(shape.k, of: d, context: context)
    context.weightGradient(of: support, input: x, into: &gradient)
  }

  /// Applies a rule to the valid rows, or to all.
  func update(by rule: UpdateRule, everyRow: Bool, context: ComputeContext) {
    switch rule.formula {
    case .adam: update(&adam, by: rule, everyRow: everyRow, context: context)
    case .adaGrad: update(&adaGrad, by: rule, everyRow: everyRow, context: context)
    case .gradientDescent, .momentum:
      update(&none, by: rule, everyRow: everyRow, context: context)
    }
  }

  private func update(
    _ moments: inout Moments, by rule: UpdateRule, everyRow: Bool, context: ComputeContext
  ) {
    if everyRow {
      context.update(&w, &moments, by: rule, gradient: gradient.values)
    } else {
      context.update(&w, &moments, by: rule, gradient: gradient)
    }
  }

  private func moments(for formula: UpdateRule.Formula) -> Moments {
    switch formula {
    case .adam: adam
    case .adaGrad: adaGrad
    case .gradientDescent, .momentum: none
    }
  }

  /// Checks a step of a method on valid rows and on all; what it has moved stays moved.
  func check(_ method: UpdateMethod, context: ComputeContext) throws {
    let rule = method.rule(rate: 0.01)
    let valid = Set(gradient.validRows)
    for everyRow in [false, true] {
      let before = ParameterState(w, moments(for: rule.formula))
      update(by: rule, everyRow: everyRow, context: context)
      try ResultCheck.update(
        "\(method.name), \(everyRow ? "all" : "touched") rows", from: before,
        to: ParameterState(w, moments(for: rule.formula)), by: rule,
        rows: ResultCheck.places(shape.outputSize), columns: ResultCheck.places(shape.inputSize)
      ) { row, column in
        guard everyRow || valid.contains(row) else { return nil }
        var sum = ReferenceSum()
        sum.add(gradient.values[row, column], 1)
        return sum
      }
    }
  }
}
