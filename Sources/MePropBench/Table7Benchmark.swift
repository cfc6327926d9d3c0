// Table 7: both products of a square layer, with one selection for the whole batch.

import MePropCore

/// One set of buffers of a square layer.
private final class SquareLayer {
  let x: Matrix, d: Matrix, w: Matrix
  var dx: Matrix
  var gradient: WeightGradient

  init(batchSize: Int, width: Int, stream: UInt64) {
    var random = Philox(seed: 7, stream: stream)
    x = randomMatrix(batchSize, width, &random)
    d = randomMatrix(batchSize, width, &random)
    w = randomMatrix(width, width, &random)
    dx = Matrix(rowCount: batchSize, columnCount: width)
    gradient = WeightGradient(outputSize: width, inputSize: width)
  }

  /// Selection and both products.
  func propagate(_ selection: UnifiedSelection, context: ComputeContext) throws {
    try selection.support.selectUnified(selection.k, of: d, context: context)
    selection.products.gather(selection.support)
    selection.products.inputGradient(
      of: selection.support, weights: w, into: &dx, context: context)
    selection.products.weightGradient(
      of: selection.support, input: x, into: &gradient, context: context)
  }

  /// Both products of the whole gradient.
  func propagateDense(context: ComputeContext) {
    context.multiply(d, by: w, into: &dx)
    context.weightGradient(ofDense: d, input: x, into: &gradient)
  }
}

/// The workspaces of a layer that keeps k outputs, which a trainer has for each of its layers.
private final class UnifiedSelection {
  let k: Int
  let support = GradientSupport()
  let products = UnifiedProducts()

  init(_ k: Int) { self.k = k }
}

extension Benchmark {
  /// How many sets of buffers take turns: four of small layers; of layers as large as any cache
  /// just enough that no operation finds what the one before has left, and one of those larger than
  /// that.
  static func table7Sets(width: Int) -> Int {
    let bytes = 4 * (2 * width + 3 * table7Batch) * width
    return bytes >= 512 << 20 ? 1 : max(2, min(4, (128 << 20) / bytes))
  }

  /// Measures one width; each result is checked before it is timed.
  func runTable7(width: Int, _ torch: TorchBaseline?) throws {
    let batchSize = Self.table7Batch
    progress(
      "widths: products of a \(width) x \(width) layer, batch \(batchSize), about "
        + Self.duration(forecastSeconds(ofTable7: width)))
    let context = context
    let layers = try (0..<Self.table7Sets(width: width)).map { index in
      try checkInterruption()
      return SquareLayer(batchSize: batchSize, width: width, stream: UInt64(index))
    }
    let selections = Self.counts(below: width).map { UnifiedSelection($0) }
    for selection in selections {
      try checkInterruption()
      try check(selection, layers[0])
    }
    try checkInterruption()
    try checkDense(layers[0])
    var operations: [(Int) throws -> Void] = []
    for selection in selections {
      operations.append {
        try layers[$0 % layers.count].propagate(selection, context: context)
      }
    }
    operations.append { layers[$0 % layers.count].propagateDense(context: context) }
    let question = TorchQuestion(text: "backward \(batchSize) \(width) \(width)")
    let timings = try alternate(
      operations, seconds: settings.secondsPerRow * 4, torch: torch, asking: [question])
    for (selection, timing) in zip(selections, timings.own) {
      let k = selection.k
      let least = limits.leastMicroseconds(
        multiplyAdds: 2 * batchSize * k * width, bytes: 4 * (3 * batchSize + 3 * k) * width)
      report(
        BenchmarkRow(
          group: BenchmarkGroup.widths.rawValue, name: "table 7: backward products, unified",
          batchSize: batchSize, inputSize: width, outputSize: width, k: k,
          threads: settings.threads, microseconds: timing.microseconds, spread: timing.spread,
          denseMicroseconds: timings.own.last?.microseconds,
          torchMicroseconds: timings.torch[question]?.microseconds,
          torchBestMicroseconds: timings.torch[question]?.best,
          limitShare: least / timing.microseconds))
    }
  }

  private func check(_ selection: UnifiedSelection, _ layer: SquareLayer) throws {
    try layer.propagate(selection, context: context)
    let support = selection.support
    try ResultCheck.unifiedSelection(support, of: layer.d, k: selection.k)
    let entries = (0..<layer.x.rowCount).map { support.entries(ofExample: $0) }
    let outputs = entries[0].map(\.output)
    let columns = ResultCheck.places(layer.w.columnCount)
    let name = "unified, k = \(selection.k)"
    try ResultCheck.sums(
      "input gradient, \(name)", layer.dx,
      rows: ResultCheck.places(layer.x.rowCount, about: 10), columns: columns
    ) { example, column in
      var sum = ReferenceSum()
      for entry in entries[example] { sum.add(entry.value, layer.w[entry.output, column]) }
      return sum
    }
    try ResultCheck.require(
      layer.gradient.validRows == outputs ? 0 : 1, below: 0.5,
      "rows of the weight gradient, \(name)")
    let sampled = ResultCheck.places(outputs.count, about: 10)
    try ResultCheck.sums(
      "weight gradient, \(name)", layer.gradient.values, rows: sampled.map { outputs[$0] },
      columns: columns
    ) { output, column in
      var sum = ReferenceSum()
      for example in entries.indices {
        sum.add(layer.d[example, output], layer.x[example, column])
      }
      return sum
    }
  }

  private func checkDense(_ layer: SquareLayer) throws {
    layer.propagateDense(context: context)
    let columns = ResultCheck.places(layer.w.columnCount)
    try ResultCheck.sums(
      "dense input gradient", layer.dx, rows: ResultCheck.places(layer.x.rowCount, about: 5),
      columns: columns
    ) { example, column in
      var sum = ReferenceSum()
      for output in 0..<layer.d.columnCount {
        sum.add(layer.d[example, output], layer.w[output, column])
      }
      return sum
    }
    try ResultCheck.sums(
      "dense weight gradient", layer.gradient.values,
      rows: ResultCheck.places(layer.d.columnCount, about: 20), columns: columns
    ) { output, column in
      var sum = ReferenceSum()
      for example in 0..<layer.d.rowCount {
        sum.add(layer.d[example, output], layer.x[example, column])
      }
      return sum
    }
  }
}
