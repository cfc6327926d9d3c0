// One layer: selection, both products of the backward pass, updates by rows, and the forward product.

import MePropCore

/// A layer's shape with the number of entries kept.
private struct LayerShape {
  var batchSize: Int, inputSize: Int, outputSize: Int, k: Int
  /// The share of output gradients that are not zero: a ReLU layer leaves less than half.
  var gradientShare: Float = 0.4
}

extension Benchmark {
  func runKernels() throws {
    let shapes = [
      LayerShape(batchSize: 128, inputSize: 784, outputSize: 500, k: 20),
      LayerShape(batchSize: 128, inputSize: 784, outputSize: 500, k: 10),
      LayerShape(batchSize: 128, inputSize: 784, outputSize: 500, k: 80),
      LayerShape(batchSize: 10, inputSize: 784, outputSize: 500, k: 20),
      LayerShape(batchSize: 128, inputSize: 500, outputSize: 500, k: 20),
      LayerShape(batchSize: 128, inputSize: 2_048, outputSize: 2_048, k: 80),
    ]
    for shape in shapes {
      let layer = LayerBench(
        shape, precisions: settings.precisions, random: Philox(seed: 7), bufferBytes: 8 << 20)
      progress(
        "kernels: \(shape.batchSize) x \(shape.inputSize) -> \(shape.outputSize), k = \(shape.k)")
      try layer.check(context: context)
      try runBackward(layer)
      runUpdates(layer)
      runForward(layer)
    }
    for batchSize in [10, 50, 128] {
      for k in [150, 200, 250, 300, 350] {
        let shape = LayerShape(
          batchSize: batchSize, inputSize: 784, outputSize: 500, k: k, gradientShare: 1)
        let layer = LayerBench(
          shape, precisions: [], random: Philox(seed: 7), bufferBytes: 8 << 20)
        progress("kernels: \(batchSize) x 784 -> 500, k = \(k), sparse or masked")
        try layer.check(context: context)
        runSwitch(layer)
      }
    }
  }

  /// Sparse products beside dense products of the masked gradient: what ``MaskedProducts`` decides by shape.
  private func runSwitch(_ layer: LayerBench) {
    let context = context
    let timings = Timing.alternating(
      [
        {
          layer.buffers($0).inputGradient(context: context)
          layer.buffers($0).weightGradient(context: context)
        },
        { layer.buffers($0 + 1).maskedProducts(context: context) },
      ], seconds: settings.secondsPerRow)
    row(layer, "both products, beside masked dense", timings[0], dense: timings[1], least: nil)
  }

  private func row(
    _ layer: LayerBench, _ name: String, _ timing: Timing, dense: Timing?, least: Double?,
    precision: Precision = .f32
  ) {
    report(
      BenchmarkRow(
        group: "kernels", name: name, batchSize: layer.shape.batchSize,
        inputSize: layer.shape.inputSize,
        outputSize: layer.shape.outputSize, k: layer.shape.k, threads: settings.threads,
        precision: precision,
        microseconds: timing.microseconds, spread: timing.spread,
        denseMicroseconds: dense?.microseconds,
        limitShare: least.map { min(1, $0 / timing.microseconds) }))
  }

  /// Selection, input gradient and weight gradient, each and together, beside the dense products.
  private func runBackward(_ layer: LayerBench) throws {
    let shape = layer.shape
    let context = context
    var failure: (any Error)?
    func select(_ turn: Int) {
      do {
        try layer.buffers(turn).select(shape.k, context: context)
      } catch { failure = error }
    }
    let timings = Timing.alternating(
      [
        { select($0) },
        { layer.buffers($0).inputGradient(context: context) },
        { layer.buffers($0).weightGradient(context: context) },
        { layer.buffers($0).denseInputGradient(context: context) },
        { layer.buffers($0).denseWeightGradient(context: context) },
      ], seconds: settings.secondsPerRow * 2)
    let together = Timing.alternating(
      [
        {
          select($0)
          layer.buffers($0).inputGradient(context: context)
          layer.buffers($0).weightGradient(context: context)
        },
        {
          layer.buffers($0 + 1).denseInputGradient(context: context)
          layer.buffers($0 + 1).denseWeightGradient(context: context)
        },
      ], seconds: settings.secondsPerRow * 2)
    if let failure { throw failure }
    let entries = shape.batchSize * shape.k
    let touched = layer.buffers(0).support.touchedOutputs.count
    let gradientBytes = 4 * shape.batchSize * shape.outputSize
    let inputBytes = 4 * (touched + shape.batchSize) * shape.inputSize
    let selection = limits.leastMicroseconds(multiplyAdds: 0, bytes: gradientBytes)
    let product = limits.leastMicroseconds(
      multiplyAdds: entries * shape.inputSize, bytes: inputBytes)
    row(layer, "selection top-k", timings[0], dense: nil, least: selection)
    row(layer, "input gradient", timings[1], dense: timings[3], least: product)
    row(layer, "weight gradient", timings[2], dense: timings[4], least: product)
    row(layer, "backward", together[0], dense: together[1], least: selection + 2 * product)
  }

  /// Adam on the touched rows, with their gradient, beside the dense gradient and all rows.
  private func runUpdates(_ layer: LayerBench) {
    let shape = layer.shape
    let context = context
    let rule = UpdateRule(
      formula: .adam(beta1: 0.9, beta2: 0.999, secondCorrection: 1, epsilon: 1e-8), rate: 1e-9)
    let timings = Timing.alternating(
      [
        { layer.buffers($0).update(by: rule, everyRow: false, context: context) },
        { layer.buffers($0).update(by: rule, everyRow: true, context: context) },
        { layer.buffers($0).denseUpdate(by: rule, context: context) },
      ], seconds: settings.secondsPerRow * 2)
    let touched = layer.buffers(0).support.touchedOutputs.count
    func least(_ rows: Int) -> Double {
      limits.leastMicroseconds(
        multiplyAdds: shape.batchSize * shape.k * shape.inputSize,
        bytes: 24 * rows * shape.inputSize)
    }
    row(
      layer, "weight gradient + adam, touched rows", timings[0], dense: timings[2],
      least: least(touched))
    row(
      layer, "weight gradient + adam, all rows", timings[1], dense: timings[2],
      least: least(shape.outputSize))
  }

  /// The forward product, on an input of which 19 % is not zero, beside the dense library on the same.
  private func runForward(_ layer: LayerBench) {
    let shape = layer.shape
    let context = context
    let least = limits.leastMicroseconds(
      multiplyAdds: shape.batchSize * shape.inputSize * shape.outputSize,
      bytes: 4 * shape.inputSize * (shape.outputSize + shape.batchSize))
    for precision in settings.precisions {
      let timings = Timing.alternating(
        [
          { layer.buffers($0).forward(precision, context: context) },
          { layer.buffers($0).denseForward(context: context) },
        ], seconds: settings.secondsPerRow)
      // The measured peak is that of f32.
      row(
        layer, "forward, 19 % of the input not zero", timings[0], dense: timings[1],
        least: precision == .f32 ? least : nil, precision: precision)
    }
  }
}

/// Buffers of one layer, several times over, so that each turn finds its data beyond the second-level cache.
private final class LayerBench {
  let shape: LayerShape
  private let precisions: [Precision]
  private let sets: [LayerBuffers]

  /// Creates buffers, with forward products of these precisions.
  init(_ shape: LayerShape, precisions: [Precision], random: Philox, bufferBytes: Int) {
    self.shape = shape
    self.precisions = precisions
    let bytes = 4 * (2 * shape.outputSize * shape.inputSize + 2 * shape.batchSize * shape.inputSize)
    var random = random
    sets = (0..<max(2, bufferBytes / bytes)).map { _ in
      LayerBuffers(shape, precisions, &random)
    }
  }

  func buffers(_ turn: Int) -> LayerBuffers { sets[turn % sets.count] }

  /// Compares both products and the forward product with sums in double precision, at every 7th place.
  func check(context: ComputeContext) throws {
    for set in sets {
      try set.select(shape.k, context: context)
      set.inputGradient(context: context)
      set.weightGradient(context: context)
    }
    let set = sets[0]
    var worst = WorstDifference()
    for precision in precisions {
      set.forward(precision, context: context)
      worst.add(forwardDifference(set, precision))
    }
    for example in stride(from: 0, to: shape.batchSize, by: 7) {
      let kept = set.support.entries(ofExample: example)
      for column in stride(from: 0, to: shape.inputSize, by: 7) {
        let sum = kept.reduce(0.0) { $0 + Double($1.value) * Double(set.w[$1.output, column]) }
        worst.add(abs(sum - Double(set.dx[example, column])) / (1 + abs(sum)))
      }
      let smallest = kept.map { abs($0.value) }.min() ?? 0
      let larger = set.d.withRow(example) { $0.count { abs($0) > smallest } }
      if larger >= shape.k {
        throw WrongResultError(operation: "selection", difference: 1, allowed: 0)
      }
    }
    for output in set.gradient.validRows.prefix(20) {
      for column in stride(from: 0, to: shape.inputSize, by: 7) {
        var sum = 0.0
        for example in 0..<shape.batchSize {
          for entry in set.support.entries(ofExample: example) where entry.output == output {
            sum += Double(entry.value) * Double(set.x[example, column])
          }
        }
        worst.add(abs(sum - Double(set.gradient.values[output, column])) / (1 + abs(sum)))
      }
    }
    guard worst.isBelow(1e-3) else {
      throw WrongResultError(operation: "sparse products", difference: worst.value, allowed: 1e-3)
    }
  }

  /// The largest difference of the forward product of `set` from sums in double precision, in units of what is allowed.
  private func forwardDifference(_ set: LayerBuffers, _ precision: Precision) -> Double {
    // bf16 operands have relative errors of 2⁻⁹, which add up as the root of the number of products.
    let allowed = precision == .bf16 ? 10 * Double(shape.inputSize).squareRoot() : 1
    var worst = WorstDifference()
    for example in stride(from: 0, to: shape.batchSize, by: 7) {
      for output in stride(from: 0, to: shape.outputSize, by: 7) {
        let sum = (0..<shape.inputSize).reduce(0.0) {
          $0 + Double(set.sparseInput[example, $1]) * Double(set.w[output, $1])
        }
        worst.add(abs(sum - Double(set.y[example, output])) / (1 + abs(sum)) / allowed)
      }
    }
    return worst.value
  }
}

/// One set of buffers: an output gradient whose rows differ in scale as those of easy and hard examples do.
private final class LayerBuffers {
  let x: Matrix, sparseInput: Matrix, d: Matrix
  var w: Matrix, dx: Matrix, y: Matrix
  var gradient: WeightGradient
  var moments: Moments
  let support = GradientSupport()
  let masked = MaskedProducts()
  private let products: [Precision: ForwardProduct]
  private let norms: [Float]

  init(_ shape: LayerShape, _ precisions: [Precision], _ random: inout Philox) {
    products = Dictionary(
      uniqueKeysWithValues: precisions.map { ($0, ForwardProduct(precision: $0)) })
    x = randomMatrix(shape.batchSize, shape.inputSize, &random)
    var sparse = x
    var gradients = randomMatrix(shape.batchSize, shape.outputSize, &random)
    for row in 0..<shape.batchSize {
      sparse.withMutableRow(row) { values in
        for column in values.indices where random.nextUniform() > 0.19 { values[column] = 0 }
      }
      let scale = abs(random.nextNormal()) + 0.01
      gradients.withMutableRow(row) { values in
        for column in values.indices {
          values[column] *= random.nextUniform() < shape.gradientShare ? scale : 0
        }
      }
    }
    sparseInput = sparse
    d = gradients
    norms = (0..<shape.batchSize).map { row in
      gradients.withRow(row) { $0.reduce(0) { $0 + abs($1) } }
    }
    w = randomMatrix(shape.outputSize, shape.inputSize, &random)
    dx = Matrix(rowCount: shape.batchSize, columnCount: shape.inputSize)
    y = Matrix(rowCount: shape.batchSize, columnCount: shape.outputSize)
    gradient = WeightGradient(outputSize: shape.outputSize, inputSize: shape.inputSize)
    moments = Moments(count: 2, rowCount: shape.outputSize, columnCount: shape.inputSize)
  }

  func select(_ k: Int, context: ComputeContext) throws {
    try support.selectTop(k, of: d, norms: norms, context: context)
    support.regroup(everyOutput: false)
  }
  func inputGradient(context: ComputeContext) {
    context.inputGradient(of: support, weights: w, into: &dx)
  }
  func weightGradient(context: ComputeContext) {
    context.weightGradient(of: support, input: x, into: &gradient)
  }
  func denseInputGradient(context: ComputeContext) { context.multiply(d, by: w, into: &dx) }
  func denseWeightGradient(context: ComputeContext) {
    context.weightGradient(ofDense: d, input: x, into: &gradient)
  }
  func maskedProducts(context: ComputeContext) {
    masked.scatter(support)
    masked.inputGradient(weights: w, into: &dx, context: context)
    masked.weightGradient(
      of: support, input: x, into: &gradient, everyRow: false, context: context)
  }
  func update(by rule: UpdateRule, everyRow: Bool, context: ComputeContext) {
    context.updateWeights(&w, &moments, by: rule, support: support, input: x, everyRow: everyRow)
  }
  func denseUpdate(by rule: UpdateRule, context: ComputeContext) {
    context.weightGradient(ofDense: d, input: x, into: &gradient)
    context.update(&w, &moments, by: rule, gradient: gradient)
  }
  /// As in training, where the weights are new at each step.
  func forward(_ precision: Precision, context: ComputeContext) {
    guard let product = products[precision] else {
      preconditionFailure("LayerBuffers: no product for \(precision)")
    }
    product.weightsDidChange()
    product.multiply(sparseInput, byTransposeOf: w, into: &y, context: context)
  }
  func denseForward(context: ComputeContext) {
    context.multiply(sparseInput, byTransposeOf: w, into: &y)
  }
}
