import MePropCore

/// A table of vectors by id, trained by the rows that a batch uses.
public final class EmbeddingTrainer {
  /// The vectors, shape `[idCount, size]`.
  public private(set) var table: Matrix
  /// Its moments.
  public private(set) var moments: Moments

  private let optimizer: Optimizer
  private let context: ComputeContext
  /// The row of `gradient` that belongs to an id, or -1.
  private var slots: [Int32]
  private var ids: [UInt32] = []
  private var gradient: Matrix
  private var allRows: Matrix?

  /// Creates a trainer that starts from `table`.
  public init(_ table: Matrix, optimizer: Optimizer, context: ComputeContext) {
    self.table = table
    self.optimizer = optimizer
    self.context = context
    let count = optimizer.momentCount
    moments = Moments(count: count, rowCount: table.rowCount, columnCount: table.columnCount)
    slots = Array(repeating: -1, count: table.rowCount)
    gradient = Matrix(rowCount: 0, columnCount: table.columnCount)
  }

  /// A table of normal numbers with deviation `scale`, shape `[idCount, size]`.
  public static func makeTable(
    idCount: Int, size: Int, scale: Float, seed: UInt64, stream: Int
  ) -> Matrix {
    var random = Philox(seed: seed, stream: RandomPurpose.initialization.stream(stream))
    var table = Matrix(rowCount: idCount, columnCount: size)
    for row in 0..<idCount {
      table.withMutableRow(row) { values in
        for column in values.indices { values[column] = scale * random.nextNormal() }
      }
    }
    return table
  }

  /// Takes back a table and its moments.
  public func restore(table: Matrix, moments: Moments) {
    precondition(
      table.rowCount == self.table.rowCount && table.columnCount == self.table.columnCount,
      "EmbeddingTrainer.restore: another shape than [\(self.table.rowCount), *]")
    self.table = table
    self.moments = moments
  }

  /// Adds to the gradient of each id the part of a row of `source` that starts at a column.
  ///
  /// - Parameters:
  ///   - uses: Ids with the row and first column of `source` that hold their gradient.
  ///   - source: Gradients of the places where vectors were put.
  public func accumulate(_ uses: [(id: UInt32, row: Int, column: Int)], from source: Matrix) {
    let size = table.columnCount
    for use in uses {
      var slot = Int(slots[Int(use.id)])
      if slot < 0 {
        slot = ids.count
        slots[Int(use.id)] = Int32(slot)
        ids.append(use.id)
        if gradient.rowCount <= slot { grow(to: max(64, 2 * slot)) }
        gradient.withMutableRow(slot) { $0.update(repeating: 0) }
      }
      gradient.withMutableRow(slot) { sum in
        source.withRow(use.row) { values in
          for column in 0..<size { sum[column] += values[use.column + column] }
        }
      }
    }
  }

  private func grow(to rowCount: Int) {
    var larger = Matrix(rowCount: rowCount, columnCount: gradient.columnCount)
    for row in 0..<gradient.rowCount { larger.copyRow(row, from: gradient, row: row) }
    gradient = larger
  }

  /// Updates the vectors of the ids used since the last call; under `.update` all of them.
  public func update(step: Int, rateScale: Float = 1) {
    let rule = optimizer.rule(step: step, isBias: true).scaled(rateScale)
    if optimizer.updatesEveryRow {
      var all = allRows ?? Matrix(rowCount: table.rowCount, columnCount: table.columnCount)
      allRows = nil
      for (slot, id) in ids.enumerated() { all.copyRow(Int(id), from: gradient, row: slot) }
      context.update(&table, &moments, by: rule, gradient: all)
      for id in ids { all.withMutableRow(Int(id)) { $0.update(repeating: 0) } }
      allRows = all
    } else {
      context.update(&table, &moments, by: rule, rows: ids, compactGradient: gradient)
    }
    for id in ids { slots[Int(id)] = -1 }
    ids.removeAll(keepingCapacity: true)
  }
}

extension UpdateRule {
  /// The same rule with its learning rate, and the decay that goes with it, times `factor`.
  public func scaled(_ factor: Float) -> UpdateRule {
    var rule = self
    rule.rate *= factor
    rule.decay *= factor
    return rule
  }
}
