// Comparing the operations on a layer with sums in double precision, at places all over the result.

import MePropCore

/// The entries of an output gradient that are not zero, listed both ways.
private struct ListedGradient {
  var byExample: [[(output: Int, value: Float)]]
  var byOutput: [[(example: Int, value: Float)]]

  init(byExample: [[(output: Int, value: Float)]], outputSize: Int) {
    self.byExample = byExample
    byOutput = Array(repeating: [], count: outputSize)
    for (example, entries) in byExample.enumerated() {
      for entry in entries { byOutput[entry.output].append((example, entry.value)) }
    }
  }

  /// What a support keeps.
  init(_ support: GradientSupport, outputSize: Int) {
    self.init(
      byExample: (0..<support.batchSize).map { support.entries(ofExample: $0) },
      outputSize: outputSize)
  }

  /// All of a gradient.
  init(_ d: Matrix) {
    self.init(
      byExample: (0..<d.rowCount).map { example in
        d.withRow(example) { row in
          row.indices.filter { row[$0] != 0 }.map { (output: $0, value: row[$0]) }
        }
      }, outputSize: d.columnCount)
  }

  /// The outputs that have entries.
  var outputs: [Int] { byOutput.indices.filter { !byOutput[$0].isEmpty } }
}

extension LayerBench {
  /// Checks selection and both products, sparse and dense; the sets have been selected before.
  func checkBackward(context: ComputeContext) throws {
    let set = sets[0]
    try ResultCheck.selection(set.support, of: set.d, k: shape.k)
    let kept = ListedGradient(set.support, outputSize: shape.outputSize)
    set.inputGradient(context: context)
    try check(inputGradient: "sparse input gradient", of: kept, set)
    set.weightGradient(context: context)
    try check(weightGradient: "sparse weight gradient", of: kept, set, rows: kept.outputs)
    let whole = ListedGradient(set.d)
    set.denseInputGradient(context: context)
    try check(inputGradient: "dense input gradient", of: whole, set)
    set.denseWeightGradient(context: context)
    try check(
      weightGradient: "dense weight gradient", of: whole, set, rows: Array(whole.byOutput.indices))
  }

  /// Checks selections over the whole batch, each of a second step, which starts from the threshold
  /// of the first, and the products of what they keep.
  func checkBatchSelection(context: ComputeContext) throws {
    for set in sets {
      for _ in 0..<3 {
        try set.selectBatchTop(shape.k, context: context)
        try set.selectSampled(shape.k, context: context)
      }
    }
    let set = sets[0]
    try ResultCheck.batchSelection(set.batchSupport, of: set.d, count: shape.k * shape.batchSize)
    try ResultCheck.sampledSelection(
      set.sampledSupport, of: set.d, count: shape.k * shape.batchSize)
    for support in [set.batchSupport, set.sampledSupport] {
      let kept = ListedGradient(support, outputSize: shape.outputSize)
      set.products(of: support, context: context)
      try check(inputGradient: "input gradient over the batch", of: kept, set)
      try check(
        weightGradient: "weight gradient over the batch", of: kept, set, rows: kept.outputs)
    }
  }

  /// Checks both products of the masked gradient.
  func checkMasked(_ precision: Precision, context: ComputeContext) throws {
    let set = sets[0]
    let kept = ListedGradient(set.support, outputSize: shape.outputSize)
    let isRounded =
      precision == .bf16
      && RoundedGradientProducts.rounds(batchSize: shape.batchSize, context: context)
    set.maskedProducts(precision, context: context)
    let read = isRounded ? Precision.bf16 : .f32
    try check(
      inputGradient: "input gradient of masked dense products, \(precision.rawValue)", of: kept,
      set, read)
    try check(
      weightGradient: "weight gradient of masked dense products, \(precision.rawValue)", of: kept,
      set, rows: kept.outputs, read)
  }

  /// Checks forward products, of which those in bf16 and int8 are sums of rounded operands, and the
  /// dense library's.
  func checkForward(_ precisions: [Precision], context: ComputeContext) throws {
    let set = sets[0]
    for precision in precisions {
      set.forward(precision, context: context)
      try check(forward: "forward product, \(precision.rawValue)", set, precision)
    }
    set.denseForward(context: context)
    try check(forward: "dense forward product", set, .f32)
  }

  /// Checks a step of each kind of update, and takes it back.
  func checkUpdates(by rule: UpdateRule, context: ComputeContext) throws {
    let set = sets[0]
    let kept = ListedGradient(set.support, outputSize: shape.outputSize)
    try check(update: "weight gradient and update, touched rows", of: kept, set, rule) {
      set.update(by: rule, everyRow: false, context: context)
    }
    try check(
      update: "weight gradient and update, all rows", of: kept, set, rule, everyRow: true
    ) {
      set.update(by: rule, everyRow: true, context: context)
    }
    try check(
      update: "dense weight gradient and update", of: ListedGradient(set.d), set, rule,
      everyRow: true
    ) {
      set.denseUpdate(by: rule, context: context)
    }
  }

  private var columns: [Int] { ResultCheck.places(shape.inputSize) }
  private var examples: [Int] { ResultCheck.places(shape.batchSize, about: 20) }

  private func check(
    inputGradient operation: String, of gradient: ListedGradient, _ set: LayerBuffers,
    _ precision: Precision = .f32
  ) throws {
    try ResultCheck.sums(operation, set.dx, rows: examples, columns: columns) { example, column in
      var sum = ReferenceSum()
      for entry in gradient.byExample[example] {
        sum.add(
          precision.rounded(entry.value), precision.rounded(set.w[entry.output, column]))
      }
      return sum
    }
  }

  /// `rows`: those that must be valid.
  private func check(
    weightGradient operation: String, of gradient: ListedGradient, _ set: LayerBuffers,
    rows: [Int], _ precision: Precision = .f32
  ) throws {
    let isListed = set.gradient.validRows == rows
    try ResultCheck.require(isListed ? 0 : 1, below: 0.5, "rows of the \(operation)")
    let sampled = ResultCheck.places(rows.count).map { rows[$0] }
    try ResultCheck.sums(operation, set.gradient.values, rows: sampled, columns: columns) {
      output, column in Self.sum(gradient, set, output, column, precision)
    }
  }

  private func check(forward operation: String, _ set: LayerBuffers, _ precision: Precision) throws
  {
    let outputs = ResultCheck.places(shape.outputSize)
    try ResultCheck.sums(operation, set.y, rows: examples, columns: outputs) { example, output in
      let x = set.sparseInput.withRow(example) {
        precision.rounded($0, outputSize: shape.outputSize)
      }
      let w = set.w.withRow(output) { precision.rounded($0, outputSize: shape.outputSize) }
      var sum = ReferenceSum()
      for (x, w) in zip(x, w) { sum.add(x, w) }
      return sum
    }
  }

  private func check(
    update operation: String, of gradient: ListedGradient, _ set: LayerBuffers,
    _ rule: UpdateRule, everyRow: Bool = false, _ body: () -> Void
  ) throws {
    let before = ParameterState(set.w, set.moments)
    body()
    let after = ParameterState(set.w, set.moments)
    set.w = before.weights
    set.moments = before.moments
    try ResultCheck.update(
      operation, from: before, to: after, by: rule, rows: ResultCheck.places(shape.outputSize),
      columns: columns
    ) { output, column in
      guard everyRow || !gradient.byOutput[output].isEmpty else { return nil }
      return Self.sum(gradient, set, output, column, .f32)
    }
  }

  /// An element of the weight gradient.
  private static func sum(
    _ gradient: ListedGradient, _ set: LayerBuffers, _ output: Int, _ column: Int,
    _ precision: Precision
  ) -> ReferenceSum {
    var sum = ReferenceSum()
    for entry in gradient.byOutput[output] {
      sum.add(precision.rounded(entry.value), precision.rounded(set.x[entry.example, column]))
    }
    return sum
  }
}
