// Made-up images of digits.

import MePropCore

/// Batches that look like digits to the arithmetic: ten classes, each a pattern that covers a fifth
/// of the image, with a tenth of its pixels changed.
struct DigitLikeBatches {
  let inputs: [Matrix]
  let labels: [[Int32]]

  init(count: Int, batchSize: Int) {
    var random = Philox(seed: 3)
    let patterns = (0..<10).map { _ in
      // Strokes: runs of eight pixels.
      (0..<98).flatMap { _ in Array(repeating: random.nextUniform() < 0.19, count: 8) }
    }
    var inputs: [Matrix] = []
    var labels: [[Int32]] = []
    for _ in 0..<count {
      var input = Matrix(rowCount: batchSize, columnCount: 784)
      var classes: [Int32] = []
      for row in 0..<batchSize {
        let label = random.next(below: 10)
        classes.append(Int32(label))
        input.withMutableRow(row) { pixels in
          for pixel in pixels.indices {
            let isInk =
              random.nextUniform() < 0.1 ? random.nextUniform() < 0.19 : patterns[Int(label)][pixel]
            pixels[pixel] = isInk ? random.nextUniform() : 0
          }
        }
      }
      inputs.append(input)
      labels.append(classes)
    }
    self.inputs = inputs
    self.labels = labels
  }
}
