// Adding up figures over batches, and over the rows of several processes.

import Foundation
import MePropCore
import MePropData
import MePropNN

/// Adds up figures over batches.
struct TableScoring {
  private let target: TableSchema.Target
  private var result: TableEvaluation
  private var logLoss = 0.0
  private var ranked: [RankedScores]
  private var (sum, squares, errorSquares, errors) = (0.0, 0.0, 0.0, 0.0)

  init(_ target: TableSchema.Target) {
    self.target = target
    result = TableEvaluation(target)
    let size = target.outputSize
    // Two classes have one curve.
    let curves = target.kind == .classes ? (size == 2 ? 1 : size) : size
    ranked = Array(repeating: RankedScores(), count: target.kind == .number ? 0 : curves)
    switch target.kind {
    case .classes:
      result.confusion = Array(repeating: Array(repeating: 0, count: size), count: size)
    case .labels: result.labelCounts = Array(repeating: (0, 0, 0), count: size)
    case .number: break
    }
  }

  /// Adds the rows of a batch; its outputs become probabilities.
  mutating func add(_ outputs: inout Matrix, _ targets: TableTargets, _ context: ComputeContext) {
    switch target.kind {
    case .classes: addClasses(&outputs, targets.classes)
    case .labels: addLabels(outputs, targets.values)
    case .number: addNumbers(outputs, targets.values)
    }
    result.count += outputs.rowCount
  }

  /// Adds the figures of the rows that follow.
  mutating func add(_ next: TableScoring) {
    result.count += next.result.count
    result.exactCount += next.result.exactCount
    for (gold, row) in next.result.confusion.enumerated() {
      for (found, count) in row.enumerated() { result.confusion[gold][found] += count }
    }
    for (label, counts) in next.result.labelCounts.enumerated() {
      result.labelCounts[label].gold += counts.gold
      result.labelCounts[label].found += counts.found
      result.labelCounts[label].correct += counts.correct
    }
    logLoss += next.logLoss
    sum += next.sum
    squares += next.squares
    errorSquares += next.errorSquares
    errors += next.errors
    for curve in ranked.indices { ranked[curve].add(next.ranked[curve]) }
  }

  /// All of it, for another process.
  var message: [UInt8] {
    var message = MessageWriter()
    message.add(result.count)
    message.add(result.exactCount)
    for row in result.confusion { for count in row { message.add(count) } }
    for counts in result.labelCounts {
      for count in [counts.gold, counts.found, counts.correct] { message.add(count) }
    }
    for number in [logLoss, sum, squares, errorSquares, errors] { message.add(number) }
    for curve in ranked { message.add(curve.bytes) }
    return message.bytes
  }

  /// Reads ``message``.
  init(_ target: TableSchema.Target, _ message: inout MessageReader) {
    self.init(target)
    result.count = message.int()
    result.exactCount = message.int()
    for gold in result.confusion.indices {
      for found in result.confusion.indices { result.confusion[gold][found] = message.int() }
    }
    for label in result.labelCounts.indices {
      result.labelCounts[label].gold = message.int()
      result.labelCounts[label].found = message.int()
      result.labelCounts[label].correct = message.int()
    }
    logLoss = message.double()
    sum = message.double()
    squares = message.double()
    errorSquares = message.double()
    errors = message.double()
    for curve in ranked.indices { ranked[curve] = RankedScores(message.bytes()) }
  }

  private mutating func addClasses(_ outputs: inout Matrix, _ classes: [Int32]) {
    for row in 0..<outputs.rowCount {
      let gold = Int(classes[row])
      let found = outputs.largestColumn(ofRow: row)
      outputs.withMutableRow(row) { logits in
        let largest = Double(logits[found])
        var sum = 0.0
        for logit in logits { sum += exp(Double(logit) - largest) }
        logLoss += largest + log(sum) - Double(logits[gold])
        // In the order of probabilities, but with all their digits for two classes.
        if logits.count == 2 {
          ranked[0].add(logits[1] - logits[0], isTrue: gold == 1)
        } else {
          for column in logits.indices {
            let p = exp(Double(logits[column]) - largest) / sum
            ranked[column].add(Float(p), isTrue: column == gold)
          }
        }
      }
      result.confusion[gold][found] += 1
    }
  }

  private mutating func addLabels(_ outputs: Matrix, _ labels: Matrix) {
    for row in 0..<outputs.rowCount {
      var isExact = true
      for label in 0..<outputs.columnCount {
        let logit = outputs[row, label]
        let holds = labels[row, label] > 0.5
        let found = logit > 0
        let magnitude = Double(abs(logit))
        logLoss += log1p(exp(-magnitude)) + (found == holds ? 0 : magnitude)
        ranked[label].add(logit, isTrue: holds)
        if holds { result.labelCounts[label].gold += 1 }
        if found { result.labelCounts[label].found += 1 }
        if holds && found { result.labelCounts[label].correct += 1 }
        if holds != found { isExact = false }
      }
      if isExact { result.exactCount += 1 }
    }
  }

  private mutating func addNumbers(_ outputs: Matrix, _ values: Matrix) {
    for row in 0..<outputs.rowCount {
      let gold = Double(values[row, 0])
      let error = Double(outputs[row, 0]) - gold
      sum += gold
      squares += gold * gold
      errorSquares += error * error
      errors += abs(error)
    }
  }

  /// The figures so far.
  var evaluation: TableEvaluation {
    var result = result
    let count = Double(max(result.count, 1))
    guard target.kind != .number else {
      let variance = squares - sum * sum / count
      result.r2 = variance > 0 ? 1 - errorSquares / variance : 0
      result.rmse = (errorSquares / count).squareRoot() * target.deviation
      result.mae = errors / count * target.deviation
      return result
    }
    result.logLoss = logLoss / count
    let areas = ranked.compactMap(\.area)
    if !areas.isEmpty { result.auc = 100 * areas.reduce(0, +) / Double(areas.count) }
    return result
  }
}
