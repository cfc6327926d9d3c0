// Sparse products beside dense products of the masked gradient: where one overtakes the other.

import MePropCore

extension Benchmark {
  /// Both products of a layer with several k, sparse and masked: what `MaskedProducts.areFaster`
  /// decides by numbers.
  ///
  /// Sparse products are those of floats in every precision; masked ones are those of a trainer of
  /// each precision.
  func runSwitch(_ shape: LayerShape, counts: [Int], bufferBytes: Int) throws {
    let context = context
    let layer = LayerBench(shape, for: .backward, bufferBytes: bufferBytes)
    let share =
      shape.gradientShare < 1 ? ", \(Int((shape.gradientShare * 100).rounded())) % not zero" : ""
    for k in counts where k <= shape.outputSize {
      progress(
        "kernels: \(shape.batchSize) x \(shape.inputSize) -> \(shape.outputSize), k = "
          + "\(k)\(share), "
          + "sparse or masked")
      try layer.select(k, context: context)
      try layer.checkBackward(context: context)
      for precision in settings.precisions {
        try layer.checkMasked(precision, context: context)
      }
      var operations: [(Int) throws -> Void] = [
        {
          let buffers = layer.buffers($0)
          buffers.inputGradient(context: context)
          buffers.weightGradient(context: context)
        }
      ]
      for precision in settings.precisions {
        operations.append { layer.buffers($0).maskedProducts(precision, context: context) }
      }
      let timings = try alternate(operations, seconds: settings.secondsPerRow).own
      for (precision, masked) in zip(settings.precisions, timings.dropFirst()) {
        reportKernel(
          layer.shape, "both products, beside masked dense\(share)", timings[0], dense: masked,
          precision: precision)
      }
    }
  }
}
