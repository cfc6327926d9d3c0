// Training on arrays that fit in memory, and predicting: what a program of a few lines needs.

import MePropCore

extension MLPTrainer {
  /// Trains for whole epochs on examples in memory, in batches of a new random order each epoch.
  ///
  /// The order is a function of the trainer's seed and the epoch. The last batch of an epoch is short
  /// where `batchSize` does not divide the number of examples.
  ///
  /// ```swift
  /// try trainer.fit(inputs, labels: labels, batchSize: 32, epochs: 10)
  /// ```
  ///
  /// - Parameters:
  ///   - inputs: Shape `[exampleCount, inputSize]`, at least one row.
  ///   - labels: One class a row, each in `0 ..< outputSize`.
  ///   - batchSize: Examples a step, at least 1.
  ///   - epochs: Passes over the examples, at least 1.
  /// - Returns: The mean loss per example of each epoch, in nats, while the weights changed.
  /// - Throws: `NonFiniteError`.
  @discardableResult
  public func fit(
    _ inputs: Matrix, labels: [Int32], batchSize: Int = 32, epochs: Int
  ) throws -> [Double] {
    let classCount = network.outputSize
    precondition(
      inputs.rowCount >= 1 && labels.count == inputs.rowCount && batchSize >= 1 && epochs >= 1,
      "MLPTrainer.fit: \(labels.count) labels for inputs of \(inputs.rowCount) rows, batch size "
        + "\(batchSize), \(epochs) epochs")
    precondition(
      labels.allSatisfy { (0..<Int32(classCount)).contains($0) },
      "MLPTrainer.fit: labels are in \(labels.min() ?? 0)...\(labels.max() ?? 0), expected "
        + "0..<\(classCount)")
    let inOrder = (0..<UInt32(inputs.rowCount)).map { $0 }
    var batch = Matrix(rowCount: 0, columnCount: inputs.columnCount)
    var batchLabels: [Int32] = []
    return try (1...epochs).map { epoch in
      var random = Philox(seed: seed, stream: RandomPurpose.order.stream(epoch))
      var order = inOrder
      random.shuffle(&order)
      var lossSum = 0.0
      for start in stride(from: 0, to: order.count, by: batchSize) {
        let examples = order[start..<min(start + batchSize, order.count)]
        batch.setRowCount(examples.count)
        batchLabels.removeAll(keepingCapacity: true)
        for (row, example) in examples.enumerated() {
          batchLabels.append(labels[Int(example)])
          inputs.withRow(Int(example)) { source in
            batch.withMutableRow(row) { target in
              for column in source.indices { target[column] = source[column] }
            }
          }
        }
        lossSum += try train(batch, labels: batchLabels, epoch: epoch)
      }
      return lossSum / Double(inOrder.count)
    }
  }
}

extension MLP {
  /// Returns the class of the largest output of each example; of equals the lower.
  ///
  /// - Parameters:
  ///   - inputs: Shape `[exampleCount, inputSize]`.
  ///   - context: Where to compute.
  /// - Returns: One class a row.
  public func predictions(for inputs: Matrix, context: ComputeContext) -> [Int32] {
    MLPInference(self, context: context).withLogits(of: inputs) { logits in
      (0..<logits.rowCount).map { row in
        logits.withRow(row) { values in
          var best = 0
          for column in values.indices where values[column] > values[best] { best = column }
          return Int32(best)
        }
      }
    }
  }
}
