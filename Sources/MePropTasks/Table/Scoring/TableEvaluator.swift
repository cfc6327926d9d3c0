// Going through rows batch by batch, for figures.

import Foundation
import MePropCore
import MePropNN
import MePropTraining

/// Gathers rows into batches.
struct TableBatch {
  /// The input.
  var input: SparseRows
  /// What the outputs should be.
  var targets: TableTargets
  /// The weights of rows; empty where the table has none.
  var weights: [Float] = []

  private let features: TableFeatures
  private let target: TableSchema.Target
  /// Whether the table has weights.
  let hasWeights: Bool
  private let width: Int

  init(_ schema: TableSchema, _ features: TableFeatures) {
    self.features = features
    target = schema.target
    hasWeights = schema.weight != nil
    width = TableData.width(schema, features)
    input = features.makeRows()
    targets = TableTargets(values: Matrix(rowCount: 0, columnCount: schema.target.outputSize))
  }

  /// Gathers rows by their places in the chunk that is in memory.
  mutating func fill(_ places: ArraySlice<UInt32>, of rows: TableRows) {
    let count = places.count
    input.setRowCount(count)
    targets.classes.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    if target.kind != .classes { targets.values.setRowCount(count) }
    rows.withCells { cells in
      for (row, place) in places.enumerated() {
        let from = cells + Int(place) * width
        features.write(from, to: row, of: &input)
        let goal = from + features.cellCount
        switch target.kind {
        case .classes: targets.classes.append(Int32(bitPattern: goal[0]))
        case .number: targets.values[row, 0] = Float(bitPattern: goal[0])
        case .labels:
          targets.values.withMutableRow(row) { values in
            for label in values.indices { values[label] = Float(goal[label]) }
          }
        }
        if hasWeights { weights.append(Float(bitPattern: from[width - 1])) }
      }
    }
  }
}

/// Evaluates networks on encoded rows, keeping its memory between calls.
final class TableEvaluator {
  /// Rows a batch: outputs of 256 units then stay in the second-level cache.
  static let batchSize = 256

  private let schema: TableSchema
  private let context: ComputeContext
  private var batch: TableBatch
  private let order: [UInt32]
  private var places: [UInt32] = []

  init(_ schema: TableSchema, context: ComputeContext) {
    self.schema = schema
    self.context = context
    batch = TableBatch(schema, TableFeatures(schema))
    order = Array(0..<UInt32(Self.batchSize))
  }

  /// Calls `body` with the outputs of each batch, which it may change, and with the targets.
  ///
  /// - Throws: What reading chunks and `body` throw.
  func forEachBatch(
    _ network: TableNetwork, _ rows: TableRows,
    _ body: (inout Matrix, TableBatch) throws -> Void
  ) throws {
    let predictor = Predictor(network, context: context)
    for chunk in rows.chunkCounts.indices {
      try rows.load(chunk)
      let count = rows.chunkCounts[chunk]
      for start in stride(from: 0, to: count, by: Self.batchSize) {
        try InterruptFlag.checkRun()
        places.removeAll(keepingCapacity: true)
        places.append(contentsOf: UInt32(start)..<UInt32(min(start + Self.batchSize, count)))
        batch.fill(places[...], of: rows)
        try predictor.withOutput(of: batch.input) { try body(&$0, batch) }
      }
    }
  }

  /// The figures of a network on rows, of which there must be one or more.
  ///
  /// - Throws: What reading chunks throws.
  func evaluate(_ network: TableNetwork, on rows: TableRows) throws -> TableEvaluation {
    var scoring = TableScoring(schema.target)
    try forEachBatch(network, rows) { outputs, batch in
      scoring.add(&outputs, batch.targets, context)
    }
    return scoring.evaluation
  }
}

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
