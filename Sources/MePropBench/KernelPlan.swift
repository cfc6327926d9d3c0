// Which layers the kernels are measured on.

/// A layer's shape with the number of entries kept.
package struct LayerShape: Sendable, Equatable {
  /// Examples in a batch.
  package var batchSize: Int
  /// Inputs and outputs of the layer.
  package var inputSize: Int, outputSize: Int
  /// Entries kept of each example.
  package var k: Int
  /// The share of output gradients that are not zero: a ReLU layer leaves less than half.
  package var gradientShare: Float

  /// Creates a shape.
  package init(
    batchSize: Int, inputSize: Int, outputSize: Int, k: Int, gradientShare: Float = 0.4
  ) {
    self.batchSize = batchSize
    self.inputSize = inputSize
    self.outputSize = outputSize
    self.k = k
    self.gradientShare = gradientShare
  }
}

/// The layers of the group `kernels`.
package struct KernelPlan: Sendable {
  /// Layers whose selection, products and updates are measured.
  package var layers: [LayerShape]
  /// Layers whose optimizer steps are measured by themselves.
  package var updates: [LayerShape]
  /// Layers whose sparse products are measured beside masked dense ones.
  package var switchLayers: [LayerShape]
  /// The k that these are measured with.
  package var switchCounts: [Int]
  /// What the weights and inputs of the sets of buffers that take turns take together, at least:
  /// several times a second-level cache.
  package var bufferBytes = 8 << 20

  /// Creates a plan.
  package init(
    layers: [LayerShape], updates: [LayerShape], switchLayers: [LayerShape], switchCounts: [Int]
  ) {
    self.layers = layers
    self.updates = updates
    self.switchLayers = switchLayers
    self.switchCounts = switchCounts
  }

  /// What `meprop bench kernels` measures: the paper's layers, and a larger one.
  package static let standard = KernelPlan(
    layers: [
      LayerShape(batchSize: 128, inputSize: 784, outputSize: 500, k: 20),
      LayerShape(batchSize: 128, inputSize: 784, outputSize: 500, k: 10),
      LayerShape(batchSize: 128, inputSize: 784, outputSize: 500, k: 80),
      LayerShape(batchSize: 10, inputSize: 784, outputSize: 500, k: 20),
      LayerShape(batchSize: 128, inputSize: 500, outputSize: 500, k: 20),
      LayerShape(batchSize: 128, inputSize: 2_048, outputSize: 2_048, k: 80),
    ],
    updates: [
      LayerShape(batchSize: 10, inputSize: 784, outputSize: 500, k: 20),
      LayerShape(batchSize: 10, inputSize: 2_048, outputSize: 2_048, k: 80),
    ],
    switchLayers: [10, 50, 128].flatMap { batchSize in
      ([1, 0.4] as [Float]).map { share in
        LayerShape(
          batchSize: batchSize, inputSize: 784, outputSize: 500, k: 20, gradientShare: share)
      }
    },
    switchCounts: [20, 50, 80, 150, 200, 250, 300, 350])
}
