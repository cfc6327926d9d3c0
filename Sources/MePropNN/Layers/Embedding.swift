import MePropCore

/// Vectors of symbols side by side: row i of the output is `[E₀[x[i, 0]], E₁[x[i, 1]], …]`.
///
/// Several positions may share a table. Only the vectors of symbols that a batch has get a
/// gradient; what happens to the others is up to the optimizer, as with weight rows that are not
/// touched.
public struct Embedding: Layer, Equatable {
  /// The tables by name, each of shape `[symbolCount, size]`.
  public var tables: [Table]
  /// The table of each position.
  public let positions: [Int]
  /// Of the output, in training.
  public var dropout: DropoutRate
  /// Whether the same numbers are dropped at all words of a sentence.
  public var isVariational: Bool

  /// A table of vectors.
  public struct Table: Sendable, Equatable {
    /// Its name in paths.
    public let name: String
    /// The vectors, shape `[symbolCount, size]`.
    public var vectors: Parameter

    /// Creates a table.
    public init(_ name: String, _ vectors: Matrix) {
      self.name = name
      self.vectors = Parameter(vectors, decays: false)
    }
  }

  /// Creates a layer from its tables.
  ///
  /// - Parameters:
  ///   - tables: At least one.
  ///   - positions: The table of each position, at least one.
  ///   - dropout: Of the output, in training.
  ///   - isVariational: Whether the same numbers are dropped at all words of a sentence.
  public init(
    tables: [Table], positions: [Int], dropout: DropoutRate = DropoutRate(0),
    isVariational: Bool = false
  ) {
    precondition(
      !positions.isEmpty && positions.allSatisfy(tables.indices.contains),
      "Embedding: positions take tables \(positions), there are \(tables.count)")
    self.tables = tables
    self.positions = positions
    self.dropout = dropout
    self.isVariational = isVariational
  }

  /// Creates one table of normal numbers, for one symbol a row.
  ///
  /// - Parameters:
  ///   - symbolCount: Symbols are below this, at least 1.
  ///   - size: The numbers of a vector, at least 1.
  ///   - scale: The deviation at the start.
  ///   - random: Draws the seed of the initial vectors.
  public init(
    _ symbolCount: Int, _ size: Int, scale: Float = 0.1,
    using random: inout some RandomNumberGenerator
  ) {
    let vectors = Self.makeTable(
      symbolCount: symbolCount, size: size, scale: scale, seed: random.next(), stream: 0)
    self.init(tables: [Table("vectors", vectors)], positions: [0])
  }

  /// A table of normal numbers with deviation `scale`, shape `[symbolCount, size]`.
  public static func makeTable(
    symbolCount: Int, size: Int, scale: Float, seed: UInt64, stream: Int
  ) -> Matrix {
    var random = Philox(seed: seed, stream: RandomPurpose.initialization.stream(stream))
    var table = Matrix(rowCount: symbolCount, columnCount: size)
    for row in 0..<symbolCount {
      table.withMutableRow(row) { values in
        for column in values.indices { values[column] = scale * random.nextNormal() }
      }
    }
    return table
  }

  /// The numbers of all positions together.
  public var outputSize: Int { positions.reduce(0) { $0 + tables[$1].vectors.columnCount } }
  /// For example `Embedding(words 50, features 20 × 7)`.
  public var description: String {
    let parts = tables.enumerated().map { index, table in
      let count = positions.count { $0 == index }
      return "\(table.name) \(table.vectors.columnCount)" + (count == 1 ? "" : " × \(count)")
    }
    return "Embedding(\(parts.joined(separator: ", ")))"
  }

  /// What is dropped, and the gradients of the vectors in use.
  public struct Scratch {
    var mask: DropMask
    var gradients: [RowGradient]
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    Scratch(
      mask: DropMask(size: outputSize),
      gradients: tables.map {
        RowGradient(rowCount: $0.vectors.rowCount, columnCount: $0.vectors.columnCount)
      })
  }

  /// Puts the vectors of each row side by side, shape `[rows, outputSize]`.
  public func forward(
    _ x: Symbols, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    precondition(
      x.positionCount == positions.count,
      "\(self): input has \(x.positionCount) symbols a row, expected \(positions.count)")
    step.packing = x.packing
    y.setRowCount(x.rowCount)
    gather(x, into: &y)
    scratch.mask.drop(&y, dropout, isVariational: isVariational, step)
  }

  /// A table as the innermost loop reads it.
  private struct Source {
    var vectors: UnsafePointer<Float>
    var stride: Int
    var size: Int
    var symbolCount: Int
  }

  private func gather(_ x: Symbols, into y: inout Matrix) {
    let stride = y.stride
    let target = y.unsafeMutableFloats()
    let count = positions.count
    precondition(
      x.values.count >= x.rowCount * count,
      "\(self): \(x.values.count) symbols, expected \(count) in each of \(x.rowCount) rows")
    withUnsafeTemporaryAllocation(of: Source.self, capacity: count) { sources in
      for (position, index) in positions.enumerated() {
        let vectors = tables[index].vectors.value
        sources.initializeElement(
          at: position,
          to: Source(
            vectors: vectors.unsafeFloats, stride: vectors.stride, size: vectors.columnCount,
            symbolCount: vectors.rowCount))
      }
      x.values.withUnsafeBufferPointer { symbols in
        for row in 0..<x.rowCount {
          var place = target + row * stride
          for position in 0..<count {
            let source = sources[position]
            let symbol = Int(symbols[row * count + position])
            precondition(
              symbol < source.symbolCount,
              "Embedding: symbol \(symbol) of \(source.symbolCount)")
            place.update(from: source.vectors + symbol * source.stride, count: source.size)
            place += source.size
          }
        }
      }
    }
    withExtendedLifetime(tables) {}
  }

  /// Adds up the gradients of each symbol and updates its vector; there is nothing below.
  public mutating func backward(
    _ x: Symbols, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    scratch.mask.dropGradient(&dy, dropout, isVariational: isVariational, step)
    for row in 0..<x.rowCount {
      dy.withRow(row) { gradient in
        var column = 0
        for (position, index) in positions.enumerated() {
          let size = tables[index].vectors.columnCount
          scratch.gradients[index].add(
            UnsafeBufferPointer(rebasing: gradient[column..<(column + size)]),
            toRow: x.values[row * positions.count + position])
          column += size
        }
      }
    }
    for index in tables.indices {
      scratch.gradients[index].update(&tables[index].vectors, &step)
    }
  }

  /// The tables, and the dropout.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    for index in tables.indices { visitor.visit(tables[index].name, &tables[index].vectors) }
    visitor.visit(&dropout)
  }
}

/// The gradient of a table of which a batch uses few rows.
public struct RowGradient {
  /// The row of `values` that belongs to a row of the table, or -1.
  private var slots: [Int32]
  private var rows: [UInt32] = []
  private var values: Matrix
  private var allRows: Matrix?

  init(rowCount: Int, columnCount: Int) {
    slots = Array(repeating: -1, count: rowCount)
    values = Matrix(rowCount: 0, columnCount: columnCount)
  }

  mutating func add(_ gradient: UnsafeBufferPointer<Float>, toRow row: UInt32) {
    var slot = Int(slots[Int(row)])
    if slot < 0 {
      slot = rows.count
      slots[Int(row)] = Int32(slot)
      rows.append(row)
      if values.rowCount <= slot { values = values.extended(toRowCount: max(64, 2 * slot)) }
      values.withMutableRow(slot) { $0.update(repeating: 0) }
    }
    values.withMutableRow(slot) { sum in
      for column in sum.indices { sum[column] += gradient[column] }
    }
  }

  /// Applies or stores what was added, and starts afresh.
  mutating func update(_ table: inout Parameter, _ step: inout Step) {
    let start = Clock.now()
    let (context, rule) = (step.context, step.updates.rule(for: table))
    if step.updates.storesGradients {
      step.prepareGradient(of: table)
      step.gradients[table.index].takeRows(
        rows, of: values, everyRow: step.updates.updatesEveryRow)
    } else if step.updates.updatesEveryRow {
      var all = allRows ?? Matrix(rowCount: table.rowCount, columnCount: table.columnCount)
      allRows = nil
      for (slot, row) in rows.enumerated() { all.copyRow(Int(row), from: values, row: slot) }
      table.update(rows: nil) { value, moments in
        context.update(&value, &moments, by: rule, gradient: all)
      }
      for row in rows { all.withMutableRow(Int(row)) { $0.update(repeating: 0) } }
      allRows = all
    } else {
      table.update(rows: rows[...]) { value, moments in
        context.update(&value, &moments, by: rule, rows: rows, compactGradient: values)
      }
    }
    for row in rows { slots[Int(row)] = -1 }
    rows.removeAll(keepingCapacity: true)
    step.times.optimizer += Clock.now() - start
  }
}
