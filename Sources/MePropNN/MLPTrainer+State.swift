// What a trainer must keep to go on after a restart with the same bits, as named matrices.

import MePropCore

/// A matrix with the stable, dotted name under which it is saved, for example `layers.0.weight`.
public struct NamedMatrix: Sendable, Equatable {
  /// The name, unique among the matrices of one trainer.
  public var name: String
  /// The numbers.
  public var matrix: Matrix

  /// Creates a named matrix.
  public init(_ name: String, _ matrix: Matrix) {
    self.name = name
    self.matrix = matrix
  }
}

/// A saved state that does not fit a trainer; nothing of it was taken over.
public enum TrainerStateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A matrix that the trainer needs is missing.
  case missing(name: String)
  /// A matrix that the trainer does not have.
  case unexpected(name: String)
  /// A matrix of another shape.
  case shapeMismatch(name: String, expected: [Int], found: [Int])

  /// One line for the user.
  public var description: String {
    switch self {
    case .missing(let name): "expected a matrix '\(name)', found none"
    case .unexpected(let name): "found a matrix '\(name)' that this network does not have"
    case .shapeMismatch(let name, let expected, let found):
      "matrix '\(name)': expected shape \(expected), found \(found)"
    }
  }
}

extension MLPTrainer {
  /// Weights, biases, moments and unit memories; with `step` they are the whole state of a trainer.
  ///
  /// Names are `layers.0.weight` (shape `[outputSize, inputSize]`), `layers.0.bias`
  /// (`[1, outputSize]`), `layers.0.memory` (`[1, outputSize]`, or one row a place in the batch), and for moments the parameter's name
  /// followed by `.first` or `.second`. What the optimizer or the policy does not have is left out.
  public var state: [NamedMatrix] {
    var result: [NamedMatrix] = []
    for (index, state) in states.enumerated() {
      let name = MLP.layerName(index)
      let layer = network.layers[index]
      let entries = [
        ("weight", layer.weight), ("weight.first", state.weightMoments.first),
        ("weight.second", state.weightMoments.second), ("bias", layer.bias),
        ("bias.first", state.biasMoments.first), ("bias.second", state.biasMoments.second),
      ]
      for (suffix, matrix) in entries where matrix.rowCount > 0 {
        result.append(NamedMatrix("\(name).\(suffix)", matrix))
      }
      if selection[index].memory > 0 {
        result.append(NamedMatrix("\(name).memory", state.memory))
      }
    }
    return result
  }

  /// Takes back a state, after which training goes on as if it had never stopped.
  ///
  /// - Parameters:
  ///   - saved: What `state` was; the order does not matter.
  ///   - step: What `step` was, 0 or more.
  /// - Throws: `TrainerStateError`; the trainer is then as it was.
  public func restore(_ saved: [NamedMatrix], step: Int) throws(TrainerStateError) {
    precondition(step >= 0, "MLPTrainer.restore: step is \(step), expected 0 or more")
    let byName = Dictionary(saved.map { ($0.name, $0.matrix) }, uniquingKeysWith: { $1 })
    let present = state
    for entry in present {
      guard let matrix = byName[entry.name] else { throw .missing(name: entry.name) }
      // A memory by places has as many rows as the largest batch so far.
      let hasAnyRows = hasMemoryBySlot(entry.name)
      let expected = [
        hasAnyRows ? max(matrix.rowCount, 1) : entry.matrix.rowCount, entry.matrix.columnCount,
      ]
      let found = [matrix.rowCount, matrix.columnCount]
      guard found == expected else {
        throw .shapeMismatch(name: entry.name, expected: expected, found: found)
      }
    }
    let known = Set(present.map(\.name))
    if let name = saved.map(\.name).first(where: { !known.contains($0) }) {
      throw .unexpected(name: name)
    }
    for (index, state) in states.enumerated() {
      let name = MLP.layerName(index)
      let layer = network.layers[index]
      func matrix(_ suffix: String, or old: Matrix) -> Matrix {
        byName["\(name).\(suffix)"] ?? old
      }
      network.layers[index] = Linear(
        weight: matrix("weight", or: layer.weight), bias: matrix("bias", or: layer.bias))
      let (weights, biases) = (state.weightMoments, state.biasMoments)
      state.weightMoments = Moments(
        first: matrix("weight.first", or: weights.first),
        second: matrix("weight.second", or: weights.second))
      state.biasMoments = Moments(
        first: matrix("bias.first", or: biases.first),
        second: matrix("bias.second", or: biases.second))
      state.memory = matrix("memory", or: state.memory)
      state.product.weightsDidChange()
    }
    self.step = step
  }

  /// Whether a matrix of this name is a memory with one row for each place in the batch.
  private func hasMemoryBySlot(_ name: String) -> Bool {
    selection.enumerated().contains { index, policy in
      policy.memoryScope == .slot && name == "\(MLP.layerName(index)).memory"
    }
  }
}
