// Taking back the state of a trainer from a checkpoint, checked against what the trainer has now.

import MePropCore
import MePropNN
import MePropTraining

/// What every task's checkpoint holds: the trainer's matrices, its step and a fingerprint of the data.
enum TrainerCheckpoint {
  /// The matrices as tensors.
  static func tensors(_ state: [NamedMatrix]) -> [NamedTensor] {
    state.map { entry in
      NamedTensor(
        name: entry.name, shape: [entry.matrix.rowCount, entry.matrix.columnCount],
        values: entry.matrix.elements)
    }
  }

  /// A counter that must be there, and 0 or more.
  ///
  /// - Throws: `CheckpointError`.
  static func counter(_ name: String, in counters: [String: Int]) throws -> Int {
    guard let value = counters[name] else { throw CheckpointError(.missingCounter(name)) }
    guard value >= 0 else {
      throw CheckpointError(.invalidCounter(name: name, expected: "0 or more", found: value))
    }
    return value
  }

  /// Throws unless the training data are those that the run was started with.
  ///
  /// - Parameters:
  ///   - fingerprint: Of the data found now.
  ///   - counters: What was saved.
  ///   - examples: What the data are, plural.
  /// - Throws: `CheckpointError`.
  static func checkData(
    _ fingerprint: Int, _ counters: [String: Int], examples: String = "sentences"
  ) throws {
    let found = try counter("data", in: counters)
    guard found == fingerprint else {
      throw CheckpointError(
        .invalidCounter(
          name: "data", expected: "\(fingerprint), of the training \(examples) found now",
          found: found))
    }
  }

  /// The saved matrices by name, if names and shapes are just those of `state`.
  ///
  /// - Parameters:
  ///   - tensors: What was saved.
  ///   - state: Matrices with the names and shapes to expect.
  ///   - scope: With memories by slots, those may have any number of rows: that of the largest batch so far.
  /// - Returns: The matrices.
  /// - Throws: `CheckpointError` naming the first tensor that is missing, left over or of another shape.
  static func matrices(
    _ tensors: [NamedTensor], like state: [NamedMatrix], memoryScope scope: MemoryScope = .unit
  ) throws -> [String: Matrix] {
    let byName = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    var matrices: [String: Matrix] = [:]
    for entry in state {
      var shape = [entry.matrix.rowCount, entry.matrix.columnCount]
      guard let tensor = byName[entry.name] else {
        throw CheckpointError(.missingTensor(entry.name))
      }
      if scope == .slot, entry.name.hasSuffix(".memory") {
        shape[0] = max(tensor.shape.first ?? 0, 1)
      }
      guard tensor.shape == shape else {
        throw CheckpointError(
          .shapeMismatch(name: entry.name, expected: shape, found: tensor.shape))
      }
      matrices[entry.name] = Matrix(
        rowCount: shape[0], columnCount: shape[1], elements: tensor.values)
    }
    if let extra = tensors.first(where: { matrices[$0.name] == nil }) {
      throw CheckpointError(.unexpectedTensor(extra.name))
    }
    return matrices
  }
}
