// What frequent features add to the first layer, computed once (Chen and Manning, 2014, section
// 3.2).

import MePropCore
import MePropNN

/// The rows that frequent pairs of position and symbol add to the first layer of a network that
/// does not change.
///
/// Rows are relative to that of no node, which is part of the bias: a node that is not there adds
/// nothing. Frequent symbols come first in every kind, so a symbol's number says whether it is
/// kept; ``ExtraRows`` has the others.
final class PrecomputedEmbeddings: Sendable {
  /// How much memory kept rows may take, in floats.
  static let budget = 8 << 20

  let layer: FeatureSum
  let layout: FeatureLayout
  /// The bias with what absent nodes add.
  let bias: Matrix
  /// The rows: by kind, symbol and position.
  let rows: Matrix
  /// By kind, the labels last: symbols below this are kept.
  let keptCounts: [Int]
  /// By kind: where its rows start.
  let starts: [Int]
  /// The weights of each position, transposed: `[size, outputSize]`.
  fileprivate let transposed: [Matrix]

  init(_ layer: FeatureSum, layout: FeatureLayout, context: ComputeContext) {
    self.layer = layer
    self.layout = layout
    transposed = (0..<layer.positionCount).map { position in
      context.transposingRows(
        position * layer.outputSize..<(position + 1) * layer.outputSize, of: layer.weight.value)
    }
    let blocks = layout.blocks
    keptCounts = Self.keptCounts(blocks, rowCount: Self.budget / max(layer.outputSize, 1))
    var starts = [0]
    for (block, count) in zip(blocks, keptCounts) {
      starts.append(starts[starts.count - 1] + count * block.positions.count)
    }
    self.starts = starts
    var bias = layer.bias.value
    var rows = Matrix(rowCount: starts[blocks.count], columnCount: layer.outputSize)
    let products = FeatureRowProducts(layer, transposed, context)
    for (kind, block) in blocks.enumerated() {
      products.addAbsent(block, to: &bias)
      let symbols = (0..<keptCounts[kind]).map { UInt32(block.firstSymbol + $0) }
      products.compute(symbols, block, into: &rows, at: starts[kind])
    }
    self.bias = bias
    self.rows = rows
  }

  /// Labels are all kept; of the other kinds those of few symbols first, which fit as a whole.
  private static func keptCounts(_ blocks: [FeatureLayout.Block], rowCount: Int) -> [Int] {
    var left = rowCount
    var kept = [Int](repeating: 0, count: blocks.count)
    let last = blocks.count - 1
    let rest = blocks.indices.dropLast().sorted {
      (blocks[$0].symbolCount, $0) < (blocks[$1].symbolCount, $1)
    }
    for kind in [last] + rest {
      let most = left / blocks[kind].positions.count
      kept[kind] = min(blocks[kind].symbolCount, kind == last ? Int.max : max(3, most))
      left = max(0, left - kept[kind] * blocks[kind].positions.count)
    }
    return kept
  }

  /// The row of the first position of a label, counted from 0.
  func place(ofLabel label: Int) -> UInt32 {
    UInt32(starts[layout.nodeBlocks.count] + (label + 1) * layout.labels.positions.count)
  }
}

/// The rows of symbols that a ``PrecomputedEmbeddings`` does not keep, for a batch of sentences at
/// a time.
final class ExtraRows {
  private let table: PrecomputedEmbeddings
  private let context: ComputeContext
  private let products: FeatureRowProducts
  private var rows: Matrix
  private var slots: [UInt32]
  private var symbols: [UInt32] = []

  init(_ table: PrecomputedEmbeddings, context: ComputeContext) {
    self.table = table
    self.context = context
    products = FeatureRowProducts(table.layer, table.transposed, context)
    rows = Matrix(rowCount: 0, columnCount: table.layer.outputSize)
    slots = Array(repeating: 0, count: table.layout.symbolCount)
  }

  /// Finds, for each node and kind, the row of its first position, and computes rows that are not
  /// kept.
  ///
  /// Rows of other positions follow. Rows of the last call are no longer valid.
  ///
  /// - Parameters:
  ///   - nodes: The symbols of nodes, one of each kind.
  ///   - places: Takes as many rows.
  func place(_ nodes: ArraySlice<UInt32>, into places: inout [UInt32]) {
    let blocks = table.layout.nodeBlocks
    places.removeAll(keepingCapacity: true)
    var rowCount = 0
    var batches: [(block: FeatureLayout.Block, symbols: Range<Int>, start: Int)] = []
    symbols.removeAll(keepingCapacity: true)
    for (kind, block) in blocks.enumerated() {
      let limit = UInt32(block.firstSymbol + table.keptCounts[kind])
      let first = symbols.count
      let start = rowCount
      for index in stride(from: nodes.startIndex + kind, to: nodes.endIndex, by: blocks.count) {
        let symbol = nodes[index]
        guard symbol >= limit, slots[Int(symbol)] == 0 else { continue }
        symbols.append(symbol)
        slots[Int(symbol)] = UInt32(table.rows.rowCount + rowCount)
        rowCount += block.positions.count
      }
      if symbols.count > first { batches.append((block, first..<symbols.count, start)) }
    }
    rows.setRowCount(rowCount)
    for batch in batches {
      products.compute(Array(symbols[batch.symbols]), batch.block, into: &rows, at: batch.start)
    }
    for index in stride(from: nodes.startIndex, to: nodes.endIndex, by: blocks.count) {
      for (kind, block) in blocks.enumerated() {
        let symbol = Int(nodes[index + kind])
        let local = symbol - block.firstSymbol
        places.append(
          local < table.keptCounts[kind]
            ? UInt32(table.starts[kind] + local * block.positions.count) : slots[symbol])
      }
    }
    for symbol in symbols { slots[Int(symbol)] = 0 }
  }

  /// `y[i] = bias + Σ rows`; see `ComputeContext.sumRows`.
  func sum(_ list: [UInt32], listStride: Int, counts: [UInt32], into y: inout Matrix) {
    context.sumRows(
      list, listStride: listStride, counts: counts, of: table.rows, and: rows, bias: table.bias,
      into: &y)
  }
}

/// Products of embeddings and the weights of one position.
private final class FeatureRowProducts {
  private let layer: FeatureSum
  private let transposed: [Matrix]
  private let context: ComputeContext
  private var difference: Matrix
  private var products: Matrix

  init(_ layer: FeatureSum, _ transposed: [Matrix], _ context: ComputeContext) {
    self.layer = layer
    self.transposed = transposed
    self.context = context
    difference = Matrix(rowCount: 0, columnCount: layer.embeddingSize)
    products = Matrix(rowCount: 0, columnCount: layer.outputSize)
  }

  /// Adds what absent nodes add at all positions of a kind.
  func addAbsent(_ block: FeatureLayout.Block, to sum: inout Matrix) {
    difference.setRowCount(1)
    difference.copyRow(0, from: layer.embeddings.value, row: block.firstSymbol)
    products.setRowCount(1)
    for position in block.positions {
      context.multiply(difference, by: transposed[position], into: &products)
      products.withRow(0) { row in
        sum.withMutableRow(0) { sum in
          for column in row.indices { sum[column] += row[column] }
        }
      }
    }
  }

  /// `(E[symbol] − E[absent]) W[p]ᵀ` into row `start + index · positions + p` of `rows`.
  func compute(
    _ symbols: [UInt32], _ block: FeatureLayout.Block, into rows: inout Matrix, at start: Int
  ) {
    difference.setRowCount(symbols.count)
    for (index, symbol) in symbols.enumerated() {
      difference.withMutableRow(index) { row in
        layer.embeddings.value.withRow(Int(symbol)) { from in
          layer.embeddings.value.withRow(block.firstSymbol) { zero in
            for column in row.indices { row[column] = from[column] - zero[column] }
          }
        }
      }
    }
    products.setRowCount(symbols.count)
    for (offset, position) in block.positions.enumerated() {
      context.multiply(difference, by: transposed[position], into: &products)
      for index in symbols.indices {
        rows.copyRow(start + index * block.positions.count + offset, from: products, row: index)
      }
    }
  }
}
