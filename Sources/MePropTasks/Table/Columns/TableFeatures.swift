// From the cells of a row to the input of a network.

import MePropData
import MePropNN

/// What one column, or one part of a date, becomes in the input of a network.
///
/// A row has one cell of 32 bits for each: of a number a float, NaN where it is missing; of a
/// category its code, 0 where it is unknown and 1 where it is missing.
struct TableFeature: Sendable, Equatable {
  /// The column among the inputs of the schema.
  let column: Int
  /// The first of its numbers in the input.
  let offset: Int
  /// How many numbers it has there: of a number the knots, its score, and one for missing; of a
  /// category one a code.
  let width: Int
  /// Of a number; `nil`: a category.
  let knots: Knots?
}

/// The features of all columns, and how cells become rows of a network's input.
struct TableFeatures: Sendable, Equatable {
  /// The features, in the order of the cells.
  let features: [TableFeature]
  /// The numbers of a row of the input.
  let inputSize: Int
  /// The most entries of a row.
  let entryLimit: Int

  // The same, side by side for the loop over rows.
  private let places: [Float]
  private let scores: [Float]
  private let slots: [Slot]

  /// What the loop over rows needs of a feature.
  private struct Slot: Equatable {
    var offset: Int
    /// The knots; 0: a category.
    var knotCount: Int
    /// Where its knots begin.
    var start: Int
  }

  /// The code of a value that training did not see.
  static let unknown: UInt32 = 0
  /// The code of a field that stands for nothing.
  static let missing: UInt32 = 1
  /// The code of the first value.
  static let firstValue: UInt32 = 2

  init(_ schema: TableSchema) {
    var features: [TableFeature] = []
    var offset = 0
    var entries = 0
    func add(_ column: Int, knots: Knots) {
      let width = knots.places.count + 2
      features.append(
        TableFeature(column: column, offset: offset, width: width, knots: knots))
      offset += width
      entries += 3
    }
    func add(_ column: Int, values: Int) {
      let width = values + Int(Self.firstValue)
      features.append(TableFeature(column: column, offset: offset, width: width, knots: nil))
      offset += width
      entries += 1
    }
    for (index, column) in schema.inputs.enumerated() {
      if let knots = column.knots { add(index, knots: knots) }
      if column.kind == .date {
        add(index, values: 12)
        add(index, values: 7)
        if column.hasTimes == true { add(index, values: 24) }
      }
      if column.kind == .category { add(index, values: column.values?.count ?? 0) }
    }
    self.features = features
    inputSize = offset
    entryLimit = entries
    var places: [Float] = []
    var scores: [Float] = []
    var slots: [Slot] = []
    for feature in features {
      slots.append(
        Slot(
          offset: feature.offset, knotCount: feature.knots?.places.count ?? 0,
          start: places.count))
      places += feature.knots?.places ?? []
      scores += feature.knots?.scores ?? []
    }
    self.places = places
    self.scores = scores
    self.slots = slots
  }

  /// The cells of a row.
  var cellCount: Int { features.count }

  /// An empty input.
  func makeRows() -> SparseRows { SparseRows(columnCount: inputSize, entryLimit: entryLimit) }

  /// Writes the entries of a row.
  ///
  /// - Parameters:
  ///   - cells: `cellCount` of them.
  ///   - row: Which row.
  ///   - rows: Has as many rows already.
  func write(_ cells: UnsafePointer<UInt32>, to row: Int, of rows: inout SparseRows) {
    var entry = row * entryLimit
    let first = entry
    rows.columns.withUnsafeMutableBufferPointer { columns in
      rows.values.withUnsafeMutableBufferPointer { values in
        for (index, slot) in slots.enumerated() {
          let cell = cells[index]
          let count = slot.knotCount
          guard count > 0 else {
            columns[entry] = UInt32(slot.offset) + cell
            values[entry] = 1
            entry += 1
            continue
          }
          let number = Float(bitPattern: cell)
          if number.isNaN {
            columns[entry] = UInt32(slot.offset + count + 1)
            values[entry] = 1
            entry += 1
            continue
          }
          let (lower, share) = place(of: number, from: slot.start, count: count)
          columns[entry] = UInt32(slot.offset + lower)
          values[entry] = 1 - share
          entry += 1
          var score = scores[slot.start + lower] * (1 - share)
          if share > 0 {
            columns[entry] = UInt32(slot.offset + lower + 1)
            values[entry] = share
            entry += 1
            score += scores[slot.start + lower + 1] * share
          }
          columns[entry] = UInt32(slot.offset + count)
          values[entry] = score
          entry += 1
        }
      }
    }
    rows.counts[row] = UInt32(entry - first)
  }

  /// The knot at or below a number, and the share of the way to the next; 0 at the last knot.
  private func place(of number: Float, from start: Int, count: Int) -> (Int, Float) {
    places.withUnsafeBufferPointer { places in
      if !(number > places[start]) { return (0, 0) }
      if number >= places[start + count - 1] { return (count - 1, 0) }
      // Always as many steps, and no branch to guess.
      var low = 0
      var left = count - 1
      while left > 1 {
        let half = left / 2
        low = places[start + low + half] <= number ? low + half : low
        left -= half
      }
      let (lower, upper) = (places[start + low], places[start + low + 1])
      return (low, (number - lower) / (upper - lower))
    }
  }
}
