// Going through rows batch by batch, for figures.

import Foundation
import MePropCore
import MePropData
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
  private var filled = 0

  init(_ schema: TableSchema, _ features: TableFeatures) {
    self.features = features
    target = schema.target
    hasWeights = schema.weight != nil
    width = TableData.width(schema, features)
    input = features.makeRows()
    targets = TableTargets(values: Matrix(rowCount: 0, columnCount: schema.target.outputSize))
  }

  /// Makes room for rows, which are then added.
  mutating func begin(rowCount: Int) {
    input.setRowCount(rowCount)
    targets.classes.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    if target.kind != .classes { targets.values.setRowCount(rowCount) }
    filled = 0
  }

  /// Adds rows by their places in the chunk that is in memory.
  mutating func add(_ places: ArraySlice<UInt32>, of rows: TableRows) {
    rows.withCells { cells in
      for (row, place) in zip(filled..., places) {
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
    filled += places.count
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
        batch.begin(rowCount: places.count)
        batch.add(places[...], of: rows)
        try predictor.withOutput(of: batch.input) { try body(&$0, batch) }
      }
    }
  }

  /// The figures of a network on rows, of which there must be one or more.
  ///
  /// - Throws: What reading chunks throws.
  func evaluate(_ network: TableNetwork, on rows: TableRows) throws -> TableEvaluation {
    try score(network, on: rows).evaluation
  }

  /// The figures of a network on rows, to which others can be added.
  ///
  /// - Throws: What reading chunks throws.
  func score(_ network: TableNetwork, on rows: TableRows) throws -> TableScoring {
    var scoring = TableScoring(schema.target)
    try forEachBatch(network, rows) { outputs, batch in
      scoring.add(&outputs, batch.targets, context)
    }
    return scoring
  }

  /// The figures of a network on rows that are divided among processes, in all of which this is
  /// called.
  ///
  /// - Parameters:
  ///   - network: The same in all processes.
  ///   - shards: The rows of each shard of this process.
  ///   - processes: They have the other shards.
  /// - Returns: The figures on the rows of all shards.
  /// - Throws: What reading chunks throws, in all processes.
  func evaluate(
    _ network: TableNetwork, on shards: [TableRows], in processes: any Communicator
  ) throws -> TableEvaluation {
    let own = try processes.together {
      try shards.map { rows in
        try (rows.count > 0 ? score(network, on: rows) : TableScoring(schema.target)).message
      }
    }
    var all = MessageWriter()
    for message in own { all.add(message) }
    var scoring = TableScoring(schema.target)
    for messages in processes.gather(all.bytes) {
      var reader = MessageReader(messages)
      while !reader.isAtEnd {
        var message = MessageReader(Array(reader.bytes()))
        scoring.add(TableScoring(schema.target, &message))
      }
    }
    return scoring.evaluation
  }
}
