import MePropCore

/// Computes outputs of a model that does not change, batch by batch, keeping its memory.
public final class Predictor<Model: Layer> {
  /// The model.
  public let model: Model
  private var scratch: Model.Scratch
  private var step: Step
  private var output: Matrix

  /// Creates a predictor with a model as it is now.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - context: Where to compute.
  public init(
    _ model: Model,
    context: ComputeContext = ComputeContext(threadCount: ComputeContext.availableThreads)
  ) {
    self.model = model
    scratch = model.makeScratch()
    step = Step(context: context)
    output = Matrix(rowCount: 0, columnCount: model.outputSize)
  }

  /// Calls `body` with the outputs of a batch, shape `[rows, outputSize]`, which it may change.
  ///
  /// - Parameters:
  ///   - input: The batch.
  ///   - packing: Which row of it is which word, for a model that takes a matrix of words.
  ///   - body: Called once.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  public func withOutput<Result, Failure: Error>(
    of input: Model.Input, packing: PackedSequence? = nil,
    _ body: (inout Matrix) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    step.packing = packing
    model.forward(input, into: &output, &scratch, &step)
    step.packing = nil
    return try body(&output)
  }
}

extension Matrix {
  /// The column of the largest number of a row; of equals the lower.
  ///
  /// - Parameter row: A row of at least one column.
  /// - Returns: The column.
  public func largestColumn(ofRow row: Int) -> Int {
    withRow(row) { values in
      var best = 0
      for column in values.indices where values[column] > values[best] { best = column }
      return best
    }
  }
}

extension Layer {
  /// Computes the outputs of examples, in batches of 256.
  ///
  /// - Parameters:
  ///   - inputs: The examples.
  ///   - context: Where to compute.
  /// - Returns: A row an example: for a network that classifies, a logit a class.
  public func outputs<Source: ExampleSource>(
    of inputs: Source,
    context: ComputeContext = ComputeContext(threadCount: ComputeContext.availableThreads)
  ) -> [[Float]] where Source.Batch == Input {
    var rows: [[Float]] = []
    forEachOutput(of: inputs, context: context) { output in
      for row in 0..<output.rowCount { rows.append(output.withRow(row) { Array($0) }) }
    }
    return rows
  }

  /// The class of the largest output of each example; of equals the lower.
  ///
  /// - Parameters:
  ///   - inputs: The examples.
  ///   - context: Where to compute.
  /// - Returns: A class an example.
  public func classes<Source: ExampleSource>(
    of inputs: Source,
    context: ComputeContext = ComputeContext(threadCount: ComputeContext.availableThreads)
  ) -> [Int] where Source.Batch == Input {
    var classes: [Int] = []
    forEachOutput(of: inputs, context: context) { output in
      for row in 0..<output.rowCount { classes.append(output.largestColumn(ofRow: row)) }
    }
    return classes
  }

  private func forEachOutput<Source: ExampleSource>(
    of inputs: Source, context: ComputeContext, _ body: (Matrix) -> Void
  ) where Source.Batch == Input {
    let predictor = Predictor(self, context: context)
    let order = (0..<inputs.exampleCount).map(UInt32.init)
    var batch = inputs.makeBatch()
    for start in stride(from: 0, to: order.count, by: 256) {
      inputs.gather(order[start..<min(start + 256, order.count)], into: &batch)
      predictor.withOutput(of: batch) { body($0) }
    }
  }
}
