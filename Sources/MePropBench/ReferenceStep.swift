// One step of a multilayer perceptron as plainly as can be: what whole steps are compared with
// before they are timed.

import Foundation
import MePropCore
import MePropNN

/// Forward pass and gradients of a ReLU network with softmax cross-entropy in double precision,
/// selection included.
///
/// With `bf16` the operands of products are rounded where a trainer rounds them, so that what is
/// left is the order of sums: those of forward products, and those of dense hidden layers where
/// `roundsGradients`.
package struct ReferenceStep {
  /// The gradients of one layer.
  package struct Gradient {
    /// The rows of the weights' gradient that are not zero throughout, by output.
    package var rows: [Int: [Double]]
    /// The bias gradient: the sum over the batch of what was selected from.
    package var bias: [Double]
    /// What selection left out, a mean over the batch: the unit memory of the next step.
    package var remainder: [Double]
    /// The share of the gradient, from 0 to 1, that would be another one if magnitudes so near that
    /// rounding decides between them had been ranked the other way, here and in the layers above.
    package var doubt: Double
  }

  private let layers: [Linear]
  private let labels: [Int32]
  private let precision: Precision
  private let roundsGradients: Bool
  private let batchSize: Int
  /// The input of each layer, and the logits last: example after example.
  private var activations: [[Double]]

  /// Trainers sum over the rows of a layer of so few outputs without rounding, at the batch sizes
  /// measured here.
  private static let thinOutputs = 16

  /// Does the forward pass.
  ///
  /// - Parameters:
  ///   - layers: The layers before the step; all but the last have ReLU.
  ///   - input: Shape `[batchSize, inputSize]`.
  ///   - labels: One class a row.
  ///   - precision: What forward products read.
  ///   - roundsGradients: Whether products of dense layers' back propagation read bf16.
  package init(
    _ layers: [Linear], input: Matrix, labels: [Int32], precision: Precision = .f32,
    roundsGradients: Bool = false
  ) {
    precondition(
      layers.dropLast().allSatisfy { $0.activation == .relu } && labels.count == input.rowCount,
      "ReferenceStep: \(layers) and \(labels.count) labels, expected relu and \(input.rowCount)"
    )
    self.layers = layers
    self.labels = labels
    self.precision = precision
    self.roundsGradients = roundsGradients
    batchSize = input.rowCount
    activations = [input.elements.map { Double($0) }]
    for index in layers.indices { activations.append(output(ofLayer: index)) }
  }

  /// The loss added up over the batch, in nats.
  package var loss: Double {
    (0..<batchSize).reduce(0.0) { $0 - log(probabilities(ofExample: $1)[Int(labels[$1])]) }
  }

  /// The gradients of the mean loss, from the first layer on.
  ///
  /// - Parameters:
  ///   - policies: What each layer keeps; no random selection and no groups.
  ///   - memories: The unit memory of each layer; only those whose policy has a memory are looked
  ///     at.
  ///   - sampledRows: Compute only about so many rows of dense layers' gradients; the bias gradient
  ///     of a dense first layer then is right in those rows only. `nil`: all.
  /// - Returns: The gradients of each layer.
  package func gradients(
    _ policies: [SelectionPolicy], memories: [[Double]], sampledRows: Int? = nil
  ) -> [Gradient] {
    func rows(ofLayer index: Int) -> [Int] {
      let size = layers[index].outputSize
      guard let sampledRows, policies[index].isDense(outputSize: size) else {
        return Array(0..<size)
      }
      return ResultCheck.places(size, about: sampledRows)
    }
    var result: [Gradient] = []
    var doubtAbove = 0.0
    var d = logitGradient()
    for index in layers.indices.reversed() {
      let size = layers[index].outputSize
      if index < layers.count - 1 {
        let output = activations[index + 1]
        for place in d.indices where output[place] <= 0 { d[place] = 0 }
      }
      let beta = Double(policies[index].memory)
      if beta > 0 {
        for place in d.indices { d[place] += beta * memories[index][place % size] }
      }
      var s = d
      let isDense = policies[index].isDense(outputSize: size)
      var doubt = (here: 0.0, below: 0.0)
      if !isDense { doubt = keep(policies[index], of: &s, outputSize: size) }
      let read =
        roundsGradients && isDense && size > Self.thinOutputs ? Precision.bf16 : Precision.f32
      let sums = (whole: columnSums(d, size), kept: columnSums(s, size))
      result.append(
        Gradient(
          rows: weightGradient(s, ofLayer: index, rows: rows(ofLayer: index), read),
          bias: sums.whole,
          remainder: zip(sums.whole, sums.kept).map { ($0 - $1) / Double(batchSize) },
          doubt: min(doubtAbove + doubt.here, 1)))
      doubtAbove += doubt.below
      guard index > 0 else { break }
      // What is below the first layer's outputs is not asked for, so that those of other rows may
      // be left out.
      let columns = index == 1 ? rows(ofLayer: 0) : Array(0..<layers[index].inputSize)
      d = inputGradient(s, ofLayer: index, columns: columns, read)
    }
    return result.reversed()
  }

  // MARK: Forward

  private func output(ofLayer index: Int) -> [Double] {
    let layer = layers[index]
    let isLast = index == layers.count - 1
    let inputs = activations[index].map { Float($0) }
    let x = (0..<batchSize).flatMap { example in
      precision.rounded(
        inputs[(example * layer.inputSize)..<((example + 1) * layer.inputSize)],
        outputSize: layer.outputSize
      ).map { Double($0) }
    }
    var result = [Double](repeating: 0, count: batchSize * layer.outputSize)
    for output in 0..<layer.outputSize {
      let row = layer.weight.value.withRow(output) { row in
        precision.rounded(row, outputSize: layer.outputSize).map { Double($0) }
      }
      let bias = Double(layer.bias.value[0, output])
      for example in 0..<batchSize {
        let sum = Self.dot(x, from: example * layer.inputSize, row) + bias
        result[example * layer.outputSize + output] = isLast ? sum : max(sum, 0)
      }
    }
    return result
  }

  /// A row of a layer's weights as products of back propagation read it.
  private func weights(ofLayer index: Int, output: Int, _ precision: Precision) -> [Double] {
    layers[index].weight.value.withRow(output) { row in
      row.map { Double(precision.rounded($0)) }
    }
  }

  /// Σ x[start + c] row[c], in four sums.
  private static func dot(_ x: [Double], from start: Int, _ row: [Double]) -> Double {
    x.withUnsafeBufferPointer { x in
      row.withUnsafeBufferPointer { row in
        var sums = (0.0, 0.0, 0.0, 0.0)
        var column = 0
        while column + 4 <= row.count {
          sums.0 += x[start + column] * row[column]
          sums.1 += x[start + column + 1] * row[column + 1]
          sums.2 += x[start + column + 2] * row[column + 2]
          sums.3 += x[start + column + 3] * row[column + 3]
          column += 4
        }
        while column < row.count {
          sums.0 += x[start + column] * row[column]
          column += 1
        }
        return (sums.0 + sums.1) + (sums.2 + sums.3)
      }
    }
  }

  private func probabilities(ofExample example: Int) -> [Double] {
    let logits = activations[layers.count]
    let size = layers[layers.count - 1].outputSize
    let own = logits[(example * size)..<((example + 1) * size)]
    let largest = own.max() ?? 0
    let powers = own.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  private func logitGradient() -> [Double] {
    var result: [Double] = []
    for example in 0..<batchSize {
      var row = probabilities(ofExample: example)
      row[Int(labels[example])] -= 1
      result += row.map { $0 / Double(batchSize) }
    }
    return result
  }

  // MARK: Backward

  private func columnSums(_ d: [Double], _ size: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: size)
    for place in d.indices { sums[place % size] += d[place] }
    return sums
  }

  /// Sets to zero what a policy does not keep of `d`, and returns the share of it that near ties
  /// put in doubt, and that of the gradients of the layers below: all of the examples concerned.
  private func keep(
    _ policy: SelectionPolicy, of d: inout [Double], outputSize size: Int
  ) -> (here: Double, below: Double) {
    let k = policy.k?.resolved(outputSize: size) ?? size
    switch policy {
    case .top:
      var nearTies = 0
      for example in 0..<batchSize {
        let start = example * size
        let ranking = largest(k, of: d[start..<(start + size)].map { abs($0) })
        for output in 0..<size where !ranking.isKept[output] { d[start + output] = 0 }
        if ranking.isNearTie { nearTies += 1 }
      }
      let share = Double(nearTies) / Double(max(batchSize, 1))
      return (share, share)
    case .unified(_, nil, _):
      let ranking = largest(k, of: columnSums(d.map { abs($0) }, size))
      for place in d.indices where !ranking.isKept[place % size] { d[place] = 0 }
      guard ranking.isNearTie else { return (0, 0) }
      return (2 / Double(k), 1)
    case .batchTop(let k, _):
      let ranking = largest(
        BatchBudget(k, outputSize: size, batchSize: batchSize).count, of: d.map { abs($0) })
      for place in d.indices where !ranking.isKept[place] { d[place] = 0 }
      guard ranking.isNearTie else { return (0, 0) }
      return (2 / Double(batchSize), 1)
    case .dense, .random, .unified, .sampled:
      preconditionFailure("ReferenceStep: there is no reference for \(policy)")
    }
  }

  /// The `k` largest, of equals the first, zeros never; and whether rounding decides which is the
  /// last of them.
  private func largest(_ k: Int, of magnitudes: [Double]) -> (isKept: [Bool], isNearTie: Bool) {
    let order = magnitudes.indices.sorted { a, b in
      magnitudes[a] == magnitudes[b] ? a < b : magnitudes[a] > magnitudes[b]
    }
    var isKept = [Bool](repeating: false, count: magnitudes.count)
    for place in order.prefix(k) where magnitudes[place] > 0 { isKept[place] = true }
    guard k < order.count, magnitudes[order[k]] > 0 else { return (isKept, false) }
    let last = magnitudes[order[k - 1]]
    let width = precision == .f32 ? 1e-5 : 1e-4
    return (isKept, last - magnitudes[order[k]] <= width * last)
  }

  /// `sᵀ x`, the rows of it that were asked for and are not zero throughout.
  private func weightGradient(
    _ s: [Double], ofLayer index: Int, rows: [Int], _ precision: Precision
  ) -> [Int: [Double]] {
    let layer = layers[index]
    let (inputs, size) = (layer.inputSize, layer.outputSize)
    let x =
      precision == .f32
      ? activations[index] : activations[index].map { Double(precision.rounded(Float($0))) }
    var result: [Int: [Double]] = [:]
    for row in rows {
      let kept = (0..<batchSize).filter { s[$0 * size + row] != 0 }
      guard !kept.isEmpty else { continue }
      var sums = [Double](repeating: 0, count: inputs)
      for example in kept {
        let value = read(s[example * size + row], precision)
        let start = example * inputs
        for column in 0..<inputs { sums[column] += value * x[start + column] }
      }
      result[row] = sums
    }
    return result
  }

  /// `s w` in some columns, 0 in the others.
  private func inputGradient(
    _ s: [Double], ofLayer index: Int, columns: [Int], _ precision: Precision
  ) -> [Double] {
    let layer = layers[index]
    let (inputs, size) = (layer.inputSize, layer.outputSize)
    var result = [Double](repeating: 0, count: batchSize * inputs)
    for row in 0..<size {
      let kept = (0..<batchSize).filter { s[$0 * size + row] != 0 }
      guard !kept.isEmpty else { continue }
      let w = weights(ofLayer: index, output: row, precision)
      for example in kept {
        let value = read(s[example * size + row], precision)
        let start = example * inputs
        for column in columns { result[start + column] += value * w[column] }
      }
    }
    return result
  }

  /// A number as products read it.
  private func read(_ value: Double, _ precision: Precision) -> Double {
    precision == .f32 ? value : Double(precision.rounded(Float(value)))
  }
}
