// Comparing a trainer's steps with plain ones before they are timed.

import MePropCore
import MePropNN

/// Trains linear layers to classify.
package typealias PerceptronTrainer = Trainer<Named<Stack<Linear>>, SoftmaxCrossEntropy>

extension PerceptronTrainer {
  /// The layers as the last step left them.
  package var layers: [Linear] { currentModel.inner.layers }
  /// What products read.
  var precision: Precision { layers[0].precision }
}

/// Compares steps of Adam with those of ``ReferenceStep``.
package enum StepCheck {
  /// Does one step of a trainer that has done few so far, and compares loss, gradients, memories,
  /// moments and weights.
  ///
  /// Gradients are told from the change of the first moments: ‖found − expected‖ is below
  /// 10⁻² of ‖expected‖, with rounded products a tenth of it, and what near ties put in
  /// doubt.
  /// Each weight then is where Adam's formula brings it with the moments that were found, and rows
  /// that are not to be visited are as they were.
  ///
  /// - Parameters:
  ///   - trainer: The trainer; its optimizer is Adam without decay and clipping.
  ///   - name: What is checked.
  ///   - input: Shape `[batchSize, inputSize]`.
  ///   - labels: One class a row.
  ///   - selection: What each layer should keep; `nil`: what the trainer was made with.
  ///   - context: Where the trainer computes.
  /// - Throws: ``WrongResultError``, and what training throws.
  package static func check(
    _ trainer: PerceptronTrainer, _ name: String, input: Matrix, labels: [Int32],
    selection: [SelectionPolicy]? = nil, context: ComputeContext
  ) throws {
    let reference = ReferenceStep(
      trainer.layers, input: input, labels: labels, precision: trainer.precision,
      roundsGradients: trainer.precision == .bf16
        && RoundedGradientProducts.rounds(batchSize: input.rowCount, context: context))
    let before = LayerNumbers.all(of: trainer)
    let expected = reference.gradients(
      selection ?? trainer.layers.map(\.selector.decidedPolicy),
      memories: before.map { $0.memory.map { Double($0) } })
    let loss = try trainer.train(input, labels).sum
    let after = LayerNumbers.all(of: trainer)
    let tolerance = trainer.precision == .f32 ? 1e-2 : 0.1
    try ResultCheck.require(
      abs(loss - reference.loss) / reference.loss, below: tolerance / 10, "loss, \(name)")
    for index in expected.indices {
      let layer = LayerStep(
        name: "\(name), layers.\(index)", before: before[index], after: after[index],
        expected: expected[index], columnCount: trainer.layers[index].inputSize)
      let allowed = tolerance + expected[index].doubt.squareRoot()
      try layer.checkGradients(by: trainer, allowed: allowed)
      if trainer.layers[index].selector.usesMemory { try layer.checkMemory(allowed: allowed) }
    }
  }
}

/// The parameters of a layer with Adam's moments and its unit memory, row by row.
private struct LayerNumbers {
  var weight: Parameter, bias: Parameter
  var memory: [Float]

  struct Parameter {
    var values: [Float], first: [Float], second: [Float]
  }

  static func all(of trainer: PerceptronTrainer) -> [LayerNumbers] {
    let tensors = Dictionary(
      trainer.state.map { ($0.name, $0.values) }, uniquingKeysWith: { first, _ in first })
    return trainer.layers.indices.map { index in
      let name = "layers.\(index)"
      func parameter(_ suffix: String) -> Parameter {
        let found = ["", ".first", ".second"].map {
          tensors["\(name).\(suffix)\($0)"] ?? []
        }
        precondition(
          found[1].count == found[0].count && found[2].count == found[0].count,
          "StepCheck: \(name).\(suffix) does not have two moments, expected Adam")
        return Parameter(values: found[0], first: found[1], second: found[2])
      }
      return LayerNumbers(
        weight: parameter("weight"), bias: parameter("bias"),
        memory: tensors["\(name).memory"] ?? [])
    }
  }
}

/// A layer before and after a step.
private struct LayerStep {
  var name: String
  var before: LayerNumbers, after: LayerNumbers
  var expected: ReferenceStep.Gradient
  var columnCount: Int

  func checkMemory(allowed: Double) throws {
    var difference = RelativeDifference()
    for (found, wanted) in zip(after.memory, expected.remainder) {
      difference.add(Double(found), wanted)
    }
    try ResultCheck.require(difference.value, below: allowed, "memory, \(name)")
  }

  func checkGradients(by trainer: PerceptronTrainer, allowed: Double) throws {
    let optimizer = trainer.optimizer
    let visitsEveryRow = optimizer.untouchedRows == .update && optimizer.visitsUntouchedRows
    let bias = [0: expected.bias]
    try check(
      "weights", before.weight, after.weight, expected.rows, columnCount: columnCount,
      optimizer.rule(step: trainer.stepCount, isBias: false), visitsEveryRow: visitsEveryRow,
      allowed)
    try check(
      "biases", before.bias, after.bias, bias, columnCount: expected.bias.count,
      optimizer.rule(step: trainer.stepCount, isBias: true), visitsEveryRow: true, allowed)
  }

  private func check(
    _ what: String, _ before: LayerNumbers.Parameter, _ after: LayerNumbers.Parameter,
    _ gradient: [Int: [Double]], columnCount: Int, _ rule: UpdateRule, visitsEveryRow: Bool,
    _ allowed: Double
  ) throws {
    guard case .adam(let beta1, let beta2, _, _) = rule.formula else {
      preconditionFailure("StepCheck: the optimizer is \(rule.formula), expected Adam")
    }
    let (decay1, decay2) = (Double(beta1), Double(beta2))
    var gradients = RelativeDifference()
    var squares = RelativeDifference()
    var steps = WorstDifference()
    for row in 0..<(before.values.count / columnCount) {
      let places = (row * columnCount)..<((row + 1) * columnCount)
      let wanted = gradient[row]
      // A row that is visited has a gradient, or moments that decay, or nothing to change.
      let isVisited = visitsEveryRow || before.first[places] != after.first[places]
      if !isVisited {
        let isSame =
          before.values[places] == after.values[places]
          && before.second[places] == after.second[places]
        steps.add(isSame ? 0 : .infinity)
        for value in wanted ?? [] { gradients.add(0, value) }
        continue
      }
      for place in places {
        let found = ReferenceNumber(
          weight: Double(after.values[place]), first: Double(after.first[place]),
          second: Double(after.second[place]))
        let old = Double(before.values[place])
        let g = (found.first - decay1 * Double(before.first[place])) / (1 - decay1)
        let square = (found.second - decay2 * Double(before.second[place])) / (1 - decay2)
        gradients.add(g, wanted?[place - places.lowerBound] ?? 0)
        squares.add(square, g * g)
        let change = found.adamStep(by: rule)
        steps.add(
          abs(found.weight - (old - change))
            / (1e-4 * abs(change) + 0x1p-22 * abs(old) + .leastNormalMagnitude))
      }
    }
    try ResultCheck.require(gradients.value, below: allowed, "gradient of \(what), \(name)")
    try ResultCheck.require(squares.value, below: 1e-2, "second moments of \(what), \(name)")
    try ResultCheck.require(steps.value, below: 1, "update of \(what), \(name)")
  }
}
