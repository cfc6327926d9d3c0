// Copies of the weights of an LSTM that its forward pass reads, which follow changes by themselves.

import MePropCore

/// Weights of eight bits of all directions.
final class ByteCopies {
  private var weights: [LSTMByteWeights] = []
  private var versions: [(input: UInt64, recurrent: UInt64)] = []

  /// The weights as they are now; only rows that changed are quantized again.
  func following(_ directions: [LSTM.Direction], _ context: ComputeContext) -> [LSTMByteWeights] {
    for (index, direction) in directions.enumerated() {
      let (input, recurrent) = (direction.inputWeight, direction.recurrentWeight)
      let now = (input.version, recurrent.version)
      if index == weights.count {
        weights.append(
          LSTMByteWeights(direction, inputWeight: input.value, context: context))
        versions.append(now)
      }
      guard versions[index] != now else { continue }
      // One support served both, so the same rows changed.
      let isNext =
        versions[index] == (input.previousVersion, recurrent.previousVersion)
        && input.changedRows == recurrent.changedRows
      weights[index].update(
        from: direction, inputWeight: input.value, rows: isNext ? input.changedRows : nil,
        context: context)
      versions[index] = now
    }
    return weights
  }
}

/// One direction whose recurrent weights are rounded to bf16, as floats.
struct RoundedDirection: LSTMParameters {
  let inputSize: Int
  private(set) var recurrentMatrix: Matrix
  private(set) var biasRow: Matrix
  let hiddenSize: Int
  private var version: UInt64 = 0

  init(_ direction: LSTM.Direction) {
    inputSize = direction.inputSize
    recurrentMatrix = Matrix(
      rowCount: direction.recurrentMatrix.rowCount, columnCount: direction.hiddenSize)
    biasRow = Matrix(rowCount: 1, columnCount: direction.bias.columnCount)
    hiddenSize = direction.hiddenSize
  }

  /// Rounds the rows that changed, to nearest with ties to even.
  mutating func follow(_ direction: LSTM.Direction) {
    let weight = direction.recurrentWeight
    biasRow.copyRows(of: direction.bias.value)
    guard version != weight.version else { return }
    if version == weight.previousVersion, let rows = weight.changedRows {
      for row in rows { round(Int(row), of: weight.value) }
    } else {
      for row in 0..<weight.rowCount { round(row, of: weight.value) }
    }
    version = weight.version
  }

  private mutating func round(_ row: Int, of weights: Matrix) {
    weights.withRow(row) { source in
      recurrentMatrix.withMutableRow(row) { target in
        for column in source.indices {
          let bits = source[column].bitPattern
          let rounded = (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000
          target[column] = source[column].isNaN ? source[column] : Float(bitPattern: rounded)
        }
      }
    }
  }
}
