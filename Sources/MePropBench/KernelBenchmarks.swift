// One layer: selection, both products of the backward pass, updates by rows, and the forward
// product.

import MePropCore

extension Benchmark {
  /// Measures the layers of a plan.
  ///
  /// - Throws: ``WrongResultError``, ``TorchError``, ``BenchmarkInterrupted``.
  package func runKernels(_ plan: KernelPlan) throws {
    let torch = try startTorchOperations()
    for shape in plan.layers {
      progress(
        "kernels: \(shape.batchSize) x \(shape.inputSize) -> \(shape.outputSize), k = \(shape.k)")
      let layer = LayerBench(shape, bufferBytes: plan.bufferBytes)
      try layer.select(shape.k, context: context)
      try runBackward(layer, torch)
      try runBatchSelection(layer)
      try runFusedUpdates(layer)
      try runForward(layer, torch)
    }
    for shape in plan.updates {
      progress("kernels: optimizer steps of \(shape.outputSize) x \(shape.inputSize) weights")
      // As large together as what the peak of the memory is measured with.
      try runUpdates(shape, torch, bufferBytes: 4 * plan.bufferBytes)
    }
    for shape in plan.switchLayers {
      try runSwitch(shape, counts: plan.switchCounts, bufferBytes: plan.bufferBytes)
    }
  }

  /// Reports a row of this group.
  func reportKernel(
    _ shape: LayerShape, _ name: String, _ timing: Timing, dense: Timing? = nil,
    least: Double? = nil, precision: Precision = .f32, torch: TorchTimes? = nil
  ) {
    report(
      BenchmarkRow(
        group: BenchmarkGroup.kernels.rawValue, name: name, batchSize: shape.batchSize,
        inputSize: shape.inputSize, outputSize: shape.outputSize, k: shape.k,
        threads: settings.threads, precision: precision, microseconds: timing.microseconds,
        spread: timing.spread, denseMicroseconds: dense?.microseconds,
        torchMicroseconds: torch?.microseconds, torchBestMicroseconds: torch?.best,
        limitShare: least.map { $0 / timing.microseconds }))
  }

  /// Selection, input gradient and weight gradient, each and together, beside the dense products.
  private func runBackward(_ layer: LayerBench, _ torch: TorchBaseline?) throws {
    let shape = layer.shape
    let context = context
    try layer.checkBackward(context: context)
    let timings = try alternate(
      [
        { try layer.buffers($0).select(shape.k, context: context) },
        { layer.buffers($0).inputGradient(context: context) },
        { layer.buffers($0).weightGradient(context: context) },
        { layer.buffers($0).denseInputGradient(context: context) },
        { layer.buffers($0).denseWeightGradient(context: context) },
      ], seconds: settings.secondsPerRow * 2
    ).own
    let question = TorchQuestion(
      text: "backward \(shape.batchSize) \(shape.inputSize) \(shape.outputSize)")
    let together = try alternate(
      [
        {
          let buffers = layer.buffers($0)
          try buffers.select(shape.k, context: context)
          buffers.inputGradient(context: context)
          buffers.weightGradient(context: context)
        },
        {
          let buffers = layer.buffers($0)
          buffers.denseInputGradient(context: context)
          buffers.denseWeightGradient(context: context)
        },
      ], seconds: settings.secondsPerRow * 2, torch: torch, asking: [question])
    let support = layer.sets[0].support
    let selection = leastForSelection(shape)
    let product = leastForProduct(of: support, shape)
    reportKernel(shape, "selection top-k", timings[0], least: selection)
    reportKernel(shape, "input gradient", timings[1], dense: timings[3], least: product)
    reportKernel(shape, "weight gradient", timings[2], dense: timings[4], least: product)
    reportKernel(
      shape, "backward", together.own[0], dense: together.own[1],
      least: selection + 2 * product, torch: together.torch[question])
  }

  /// Selection over the whole batch, and all of the backward pass with it, beside the dense
  /// products.
  private func runBatchSelection(_ layer: LayerBench) throws {
    let shape = layer.shape
    let context = context
    try layer.checkBatchSelection(context: context)
    let timings = try alternate(
      [
        { try layer.buffers($0).selectBatchTop(shape.k, context: context) },
        { try layer.buffers($0).selectSampled(shape.k, context: context) },
        {
          let buffers = layer.buffers($0)
          try buffers.selectBatchTop(shape.k, context: context)
          buffers.products(of: buffers.batchSupport, context: context)
        },
        {
          let buffers = layer.buffers($0)
          try buffers.selectSampled(shape.k, context: context)
          buffers.products(of: buffers.sampledSupport, context: context)
        },
        {
          let buffers = layer.buffers($0)
          buffers.denseInputGradient(context: context)
          buffers.denseWeightGradient(context: context)
        },
      ], seconds: settings.secondsPerRow * 3
    ).own
    let pass = leastForSelection(shape)
    let set = layer.sets[0]
    reportKernel(shape, "selection batch top-k", timings[0], least: pass)
    reportKernel(shape, "selection sampled", timings[1], least: pass)
    reportKernel(
      shape, "backward, batch top-k", timings[2], dense: timings[4],
      least: pass + 2 * leastForProduct(of: set.batchSupport, shape))
    reportKernel(
      shape, "backward, sampled", timings[3], dense: timings[4],
      least: pass + 2 * leastForProduct(of: set.sampledSupport, shape))
  }

  private func leastForSelection(_ shape: LayerShape) -> Double {
    limits.leastMicroseconds(multiplyAdds: 0, bytes: 4 * shape.batchSize * shape.outputSize)
  }

  /// Of each of both products.
  private func leastForProduct(of support: GradientSupport, _ shape: LayerShape) -> Double {
    let rows = support.touchedOutputs.count + shape.batchSize
    return limits.leastMicroseconds(
      multiplyAdds: support.entryCount * shape.inputSize, bytes: 4 * rows * shape.inputSize)
  }

  /// Adam on the touched rows, with their gradient, beside the dense gradient and all rows.
  private func runFusedUpdates(_ layer: LayerBench) throws {
    let shape = layer.shape
    let context = context
    for set in layer.sets { try set.selectForEveryRow(shape.k, context: context) }
    try layer.checkUpdates(by: UpdateMethod.adam.rule(rate: 0.01), context: context)
    let rule = UpdateMethod.adam.rule(rate: 1e-9)
    let timings = try alternate(
      [
        { layer.buffers($0).update(by: rule, everyRow: false, context: context) },
        { layer.buffers($0).update(by: rule, everyRow: true, context: context) },
        { layer.buffers($0).denseUpdate(by: rule, context: context) },
      ], seconds: settings.secondsPerRow * 2
    ).own
    let support = layer.sets[0].support
    let entries = (0..<shape.batchSize).reduce(0) { $0 + support.entries(ofExample: $1).count }
    // Weights and moments are read and written, the gradient never leaves the registers.
    func least(_ rows: Int) -> Double {
      limits.leastMicroseconds(
        multiplyAdds: entries * shape.inputSize,
        bytes: (24 * rows + 4 * shape.batchSize) * shape.inputSize)
    }
    reportKernel(
      shape, "weight gradient + adam, touched rows", timings[0], dense: timings[2],
      least: least(support.touchedOutputs.count))
    reportKernel(
      shape, "weight gradient + adam, all rows", timings[1], dense: timings[2],
      least: least(shape.outputSize))
  }

  /// The forward product, on an input of which 19 % is not zero, beside the dense library on the
  /// same.
  private func runForward(_ layer: LayerBench, _ torch: TorchBaseline?) throws {
    let shape = layer.shape
    let context = context
    try layer.checkForward(settings.precisions, context: context)
    var operations: [(Int) throws -> Void] = []
    for precision in settings.precisions {
      operations.append { layer.buffers($0).forward(precision, context: context) }
    }
    operations.append { layer.buffers($0).denseForward(context: context) }
    let question = TorchQuestion(
      text: "forward \(shape.batchSize) \(shape.inputSize) \(shape.outputSize)")
    let timings = try alternate(
      operations, seconds: settings.secondsPerRow * Double(settings.precisions.count),
      torch: torch, asking: [question])
    let input = layer.sets[0].sparseInput
    var nonzeros = 0
    for example in 0..<shape.batchSize {
      nonzeros += input.withRow(example) { $0.count { $0 != 0 } }
    }
    let least = limits.leastMicroseconds(
      multiplyAdds: nonzeros * shape.outputSize,
      bytes: 4 * shape.inputSize * (shape.outputSize + shape.batchSize))
    for (precision, timing) in zip(settings.precisions, timings.own) {
      // The measured peak is that of f32.
      reportKernel(
        shape, "forward, 19 % of the input not zero", timing, dense: timings.own.last,
        least: precision == .f32 ? least : nil, precision: precision,
        torch: timings.torch[question])
    }
  }
}
