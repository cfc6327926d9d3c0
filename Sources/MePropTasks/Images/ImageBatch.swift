// Batches of images as the network reads them, moved and mirrored at random where that is asked
// for.

import MePropCore
import MePropData

/// A batch of images and their classes, gathered again and again in the same memory.
struct ImageBatch {
  /// What pixels are multiplied by: inputs are in 0...1.
  static let pixelScale: Float = 1 / 255

  /// The images, a row each.
  private(set) var input: Matrix
  /// Their classes.
  private(set) var labels: [Int32] = []

  init(_ shape: ImageShape) { input = Matrix(rowCount: 0, columnCount: shape.count) }

  /// Gathers images as they are.
  mutating func fill(
    _ images: ImageCollection, _ examples: ArraySlice<UInt32>, scale: Float = pixelScale,
    _ context: ComputeContext
  ) {
    input.setRowCount(examples.count)
    context.gather(images.pixels, examples: examples, scale: scale, into: &input)
    takeLabels(images, examples)
  }

  /// Gathers images, each moved by up to `shift` pixels down and across, what is moved in being 0,
  /// and with even chances mirrored.
  mutating func fill(
    _ images: ImageCollection, _ examples: ArraySlice<UInt32>, _ augmentation: Augmentation,
    using random: inout Philox
  ) {
    let shape = images.shape
    input.setRowCount(examples.count)
    let stride = input.stride
    let target = input.unsafeMutableFloats()
    let side = UInt32(2 * augmentation.shift + 1)
    images.pixels.withUnsafeBufferPointer { pixels in
      for (row, example) in examples.enumerated() {
        let down = Int(random.next(below: side)) - augmentation.shift
        let across = Int(random.next(below: side)) - augmentation.shift
        let isMirrored = augmentation.mirrors && random.next(below: 2) == 1
        let source = Int(example) * shape.count
        let image = target + row * stride
        for i in 0..<shape.height {
          for j in 0..<shape.width {
            let column = (isMirrored ? shape.width - 1 - j : j) - across
            let isInside =
              (0..<shape.height).contains(i - down) && (0..<shape.width).contains(column)
            let from = source + ((i - down) * shape.width + column) * shape.channels
            for c in 0..<shape.channels {
              image[(i * shape.width + j) * shape.channels + c] =
                isInside ? Float(pixels[from + c]) * Self.pixelScale : 0
            }
          }
        }
      }
    }
    takeLabels(images, examples)
  }

  private mutating func takeLabels(_ images: ImageCollection, _ examples: ArraySlice<UInt32>) {
    labels.removeAll(keepingCapacity: true)
    for example in examples { labels.append(images.labels[Int(example)]) }
  }
}

/// Evaluates networks on images, batch by batch.
struct ImageEvaluator {
  /// Images a batch.
  static let batchSize = 100

  private let context: ComputeContext
  private var batch: ImageBatch
  private var order: [UInt32] = []

  init(_ shape: ImageShape, context: ComputeContext) {
    self.context = context
    batch = ImageBatch(shape)
  }

  /// The figures of `network` on `images`, whose pixels are multiplied by `scale`; each process
  /// computes a share.
  ///
  /// - Throws: `WorkInterrupted` where a signal asks the run that this is part of to stop.
  mutating func evaluate(
    _ network: ImageNetwork, on images: ImageCollection, scale: Float = ImageBatch.pixelScale,
    in processes: any Communicator = SingleProcess()
  ) throws -> DigitsEvaluation {
    if order.count < images.count { order = Array(0..<UInt32(images.count)) }
    let predictor = Predictor(network, context: context)
    var scores = ImageScores(imageCount: images.count, batchSize: Self.batchSize)
    try scores.compute(in: processes) { range, losses, predictions in
      batch.fill(images, order[range], scale: scale, context)
      predictor.withOutput(of: batch.input) { logits in
        context.crossEntropy(
          logits, labels: batch.labels, losses: &losses, predictions: &predictions)
      }
    }
    return scores.evaluation(classCount: network.outputSize, classNames: images.classes) {
      Int(images.labels[$0])
    }
  }
}
