// Predictions for rows of a file or stream, in constant memory.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// How predictions of rows are written.
struct PredictionFormat: Sendable, Equatable {
  /// Whether rows are JSON objects, one a line, instead of fields between commas.
  var isJSON = false
  /// What of the input is written before a prediction: columns, or all.
  var keep = Kept.columns([])
  /// Whether the probabilities of all classes or labels are written.
  var hasAllProbabilities = false

  /// Columns of the input.
  enum Kept: Sendable, Equatable {
    case columns([String])
    case all
  }
}

/// Predicts rows batch by batch.
final class TablePredictor {
  private let model: TableModel
  private let context: ComputeContext
  private let features: TableFeatures
  private let predictor: Predictor<TableNetwork>
  private let format: PredictionFormat

  /// What is gathered of the rows that come, and what is written of them.
  private struct Batch {
    var input: SparseRows
    var count = 0
    /// The kept fields of the rows, as they will be written, and where each row's end.
    var kept: [UInt8] = []
    var keptEnds: [Int] = []
    var output: [UInt8] = []
  }

  /// Rows a batch: outputs of 256 units then stay in the second-level cache.
  private static let batchSize = 256

  init(_ model: TableModel, format: PredictionFormat, context: ComputeContext) {
    self.model = model
    self.context = context
    self.format = format
    features = TableFeatures(model.schema)
    predictor = Predictor(model.network, context: context)
  }

  /// Predicts all rows of a table, whatever the order of its columns.
  ///
  /// Rows that came through a pipe are written as soon as no more of them are there.
  ///
  /// - Parameters:
  ///   - file: What to read, from its first byte.
  ///   - receive: Takes what is written, piece by piece. What belongs to the rows before a bad one
  ///     is delivered.
  /// - Throws: `TableError`, `DataFormatError`, and what `receive` throws.
  func predict(
    _ file: InputFile, _ receive: ([UInt8]) throws -> Void
  ) throws {
    let schema = model.schema
    let reader = try TableReader(
      file,
      hints: TableHints(
        hasDecimalComma: schema.dialect.hasDecimalComma, names: schema.inputs.map(\.name)))
    let encoder = try RowEncoder(schema, in: reader, target: .none)
    let columns = try keptColumns(reader)
    let unused = RowEncoder.unused(reader.names, by: schema)
      .filter { name in !columns.contains { reader.names[$0] == name } }
    if !unused.isEmpty {
      Notices.tell(
        "\(reader.path): not needed, and passed over: "
          + unused.map { "'\($0)'" }.joined(separator: ", "))
    }
    let writer = PredictionWriter(
      schema.target, format, keptNames: columns.map { reader.names[$0] })
    var batch = Batch(input: features.makeRows())
    batch.input.setRowCount(Self.batchSize)
    batch.output = writer.header
    var cells = [UInt32](repeating: 0, count: features.cellCount)
    let isPipe = file.storedSize == nil
    func flush() throws {
      predict(&batch, writer)
      guard !batch.output.isEmpty else { return }
      try receive(batch.output)
      batch.output.removeAll(keepingCapacity: true)
    }
    do {
      while try reader.next() {
        cells.withUnsafeMutableBufferPointer { cells in
          guard let base = cells.baseAddress else { return }
          encoder.encode(reader, into: base)
          features.write(base, to: batch.count, of: &batch.input)
        }
        for (place, column) in columns.enumerated() {
          writer.append(reader.bytes(column), place: place, to: &batch.kept)
        }
        batch.keptEnds.append(batch.kept.count)
        batch.count += 1
        if batch.count == Self.batchSize || (isPipe && !reader.isReady) { try flush() }
      }
    } catch {
      // What was read before the damage is good.
      try flush()
      throw error
    }
    try flush()
    encoder.notices(reader.path).forEach(Notices.tell)
  }

  private func keptColumns(_ reader: TableReader) throws -> [Int] {
    switch format.keep {
    case .all: return Array(reader.names.indices)
    case .columns(let names):
      let absent = names.filter { !reader.names.contains($0) }
      guard absent.isEmpty else {
        throw TableError.missingColumns(path: reader.path, names: absent, found: reader.names)
      }
      return names.compactMap { reader.names.firstIndex(of: $0) }
    }
  }

  /// Appends the lines of the rows that are gathered, of which there are none then.
  private func predict(_ batch: inout Batch, _ writer: PredictionWriter) {
    guard batch.count > 0 else { return }
    batch.input.setRowCount(batch.count)
    var output: [UInt8] = []
    swap(&output, &batch.output)
    predictor.withOutput(of: batch.input) { outputs in
      if model.schema.target.kind == .classes { context.softmax(&outputs) }
      var start = 0
      for row in 0..<batch.count {
        let end = batch.keptEnds[row]
        outputs.withRow(row) { outputs in
          batch.kept.withUnsafeBytes { kept in
            writer.append(
              outputs, kept: UnsafeRawBufferPointer(rebasing: kept[start..<end]), to: &output)
          }
        }
        start = end
      }
    }
    swap(&output, &batch.output)
    batch.count = 0
    batch.kept.removeAll(keepingCapacity: true)
    batch.keptEnds.removeAll(keepingCapacity: true)
    batch.input.setRowCount(Self.batchSize)
  }
}
