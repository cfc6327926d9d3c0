import CMePropKernels

/// A function applied to each pre-activation.
public enum Activation: String, Sendable, CaseIterable {
  /// y.
  case identity
  /// max(y, 0); its derivative at 0 is 0.
  case relu
  /// tanh y, absolute error below 3·10⁻⁷.
  case tanh
  /// 1 / (1 + e⁻ʸ), absolute error below 3·10⁻⁷.
  case sigmoid

  var kernelCode: meprop_activation {
    switch self {
    case .identity: MEPROP_IDENTITY
    case .relu: MEPROP_RELU
    case .tanh: MEPROP_TANH
    case .sigmoid: MEPROP_SIGMOID
    }
  }
}

/// Inverted dropout of one layer in one step: which units are dropped is a function of seed and
/// stream.
///
/// A unit is dropped with probability `rate` (to 2⁻³²); what stays is multiplied by
/// 1 / (1 − rate).
public struct Dropout: Sendable, Equatable {
  /// The probability that a unit is dropped, 0 ≤ rate < 1; 0 does nothing.
  public var rate: Float
  /// The seed of the random numbers.
  public var seed: UInt64
  /// Their sequence: another one for each layer and step.
  public var stream: UInt64

  /// Creates the dropout of one layer in one step.
  public init(rate: Float, seed: UInt64, stream: UInt64) {
    precondition(rate >= 0 && rate < 1, "Dropout: rate is \(rate), expected 0 or more and below 1")
    self.rate = rate
    self.seed = seed
    self.stream = stream
  }

  /// No dropout.
  public static let none = Dropout(rate: 0, seed: 0, stream: 0)

  var threshold: UInt32 { UInt32(min(Double(rate) * 0x1p32, 0xFFFF_FFFF)) }
  var scale: Float { 1 / (1 - rate) }
}

extension ComputeContext {
  /// `y ← dropout(activation(y + bias))`, in place.
  ///
  /// - Parameters:
  ///   - y: Products, shape `[batchSize, outputSize]`; becomes the layer's output.
  ///   - bias: Shape `[1, outputSize]`; `nil`: none.
  ///   - activation: Applied to each sum.
  ///   - dropout: Applied last.
  public func activate(
    _ y: inout Matrix, bias: Matrix?, activation: Activation, dropout: Dropout = .none
  ) {
    precondition(
      bias.map { $0.rowCount == 1 && $0.columnCount == y.columnCount } ?? true,
      "activate: bias is \(bias?.shape ?? ""), expected [1, \(y.columnCount)]")
    let rows = y.rowCount
    let columns = y.columnCount
    let stride = y.stride
    var arguments = meprop_activate_arguments(
      y: y.unsafeMutableFloats(), stride: stride, columns: columns, bias: bias?.unsafeFloats,
      activation: activation.kernelCode, threshold: dropout.threshold, scale: dropout.scale,
      seed: dropout.seed,
      stream: dropout.stream)
    run(kernels.activate, &arguments, count: rows, grain: 4, work: rows * columns * 8)
    withExtendedLifetime(bias) {}
  }

  /// Turns the gradient at a layer's output into that at its pre-activations, in place, and adds β
  /// times a memory.
  ///
  /// `d ← dz ⊙ dropout ⊙ activation′ + β · memory`, and `columnSums ← Σᵢ dᵢ`,
  /// `norms[i] ← Σ|dᵢ|`.
  ///
  /// - Parameters:
  ///   - gradient: dz, shape `[batchSize, outputSize]`; becomes d.
  ///   - output: The layer's output as ``activate(_:bias:activation:dropout:)`` left it.
  ///   - activation: As in the forward pass.
  ///   - dropout: As in the forward pass.
  ///   - memory: Shape `[1, outputSize]`, the same for all examples, or one row for each example
  ///     (more are left alone), or `nil`.
  ///   - beta: The factor β of the memory.
  ///   - partialSums: Scratch.
  ///   - columnSums: Shape `[1, outputSize]`, overwritten. Sums are taken over chunks of 16
  ///     examples, then over these.
  ///   - norms: At least `batchSize` of them, overwritten.
  public func differentiate(
    _ gradient: inout Matrix, output: Matrix, activation: Activation, dropout: Dropout,
    memory: Matrix?, beta: Float,
    partialSums: inout Matrix, columnSums: inout Matrix, norms: inout [Float]
  ) {
    precondition(
      output.rowCount == gradient.rowCount && output.columnCount == gradient.columnCount,
      "differentiate: gradient is \(gradient.shape), output is \(output.shape)")
    precondition(
      columnSums.columnCount == gradient.columnCount
        && partialSums.columnCount == gradient.columnCount
        && norms.count >= gradient.rowCount
        && (memory == nil || memory?.columnCount == gradient.columnCount),
      "differentiate: sums are \(columnSums.shape), norms \(norms.count), for a gradient "
        + "\(gradient.shape)"
    )
    precondition(
      memory.map { $0.rowCount == 1 || $0.rowCount >= gradient.rowCount } ?? true,
      "differentiate: memory is \(memory?.shape ?? ""), expected 1 or at least "
        + "\(gradient.rowCount) rows"
    )
    let rows = gradient.rowCount
    let columns = gradient.columnCount
    let stride = gradient.stride
    guard rows > 0 else {
      columnSums.setToZero()
      return
    }
    let chunks = (rows + Int(MEPROP_ROW_CHUNK) - 1) / Int(MEPROP_ROW_CHUNK)
    partialSums.setRowCount(chunks)
    let d = gradient.unsafeMutableFloats()
    let sums = partialSums.unsafeMutableFloats()
    norms.withUnsafeMutableBufferPointer { norms in
      var arguments = meprop_gradient_arguments(
        dz: d, z: output.unsafeFloats, stride: stride, rows: rows, columns: columns,
        activation: activation.kernelCode, threshold: dropout.threshold, scale: dropout.scale,
        seed: dropout.seed,
        stream: dropout.stream, memory: memory?.unsafeFloats,
        memory_stride: memory.map { $0.rowCount == 1 ? 0 : $0.stride } ?? 0, beta: beta, d: d,
        sums: sums,
        sum_stride: partialSums.stride, norms: norms.baseAddress)
      run(kernels.gradient, &arguments, count: chunks, work: rows * columns * 8)
    }
    var reduction = meprop_reduce_arguments(
      sums: sums, chunks: chunks, stride: partialSums.stride, out: columnSums.unsafeMutableFloats())
    run(kernels.reduce, &reduction, count: columnSums.lineCount, work: chunks * columns)
    withExtendedLifetime((output, memory)) {}
  }

  /// Softmax and mean cross-entropy: the gradient with respect to the logits, and the loss of each
  /// example.
  ///
  /// `losses[i] = −log softmax(logits[i])[labels[i]]`; `gradient[i] = (softmax(logits[i]) −
  /// onehot(labels[i])) · scale`. Relative error of e^x below 2·10⁻⁷. A loss is NaN if any
  /// logit of its example is not finite.
  ///
  /// - Parameters:
  ///   - logits: Shape `[batchSize, classCount]`.
  ///   - labels: One a row, each in 0 ..< classCount.
  ///   - scale: Usually 1 / batchSize.
  ///   - gradient: Takes the gradient, shape of the logits.
  ///   - losses: At least `batchSize`, overwritten.
  public func crossEntropy(
    _ logits: Matrix, labels: [Int32], scale: Float, gradient: inout Matrix, losses: inout [Float]
  ) {
    precondition(
      labels.count >= logits.rowCount && losses.count >= logits.rowCount
        && gradient.rowCount == logits.rowCount
        && gradient.columnCount == logits.columnCount,
      "crossEntropy: logits are \(logits.shape), gradient \(gradient.shape), labels \(labels.count)"
    )
    check(labels, of: logits)
    let g = gradient.unsafeMutableFloats()
    labels.withUnsafeBufferPointer { labels in
      losses.withUnsafeMutableBufferPointer { losses in
        var arguments = meprop_cross_entropy_arguments(
          logits: logits.unsafeFloats, stride: logits.stride, columns: logits.columnCount,
          labels: labels.baseAddress, scale: scale, gradient: g, losses: losses.baseAddress,
          predictions: nil)
        run(
          kernels.crossEntropy, &arguments, count: logits.rowCount,
          work: logits.rowCount * logits.columnCount * 20)
      }
    }
    withExtendedLifetime(logits) {}
  }

  /// The loss of each example and the class of its largest logit (of equals the lower), without a
  /// gradient.
  public func crossEntropy(
    _ logits: Matrix, labels: [Int32], losses: inout [Float], predictions: inout [Int32]
  ) {
    precondition(
      labels.count >= logits.rowCount && losses.count >= logits.rowCount
        && predictions.count >= logits.rowCount,
      "crossEntropy: logits are \(logits.shape), labels \(labels.count), losses \(losses.count)")
    check(labels, of: logits)
    labels.withUnsafeBufferPointer { labels in
      losses.withUnsafeMutableBufferPointer { losses in
        predictions.withUnsafeMutableBufferPointer { predictions in
          var arguments = meprop_cross_entropy_arguments(
            logits: logits.unsafeFloats, stride: logits.stride, columns: logits.columnCount,
            labels: labels.baseAddress, scale: 1, gradient: nil, losses: losses.baseAddress,
            predictions: predictions.baseAddress)
          run(
            kernels.crossEntropy, &arguments, count: logits.rowCount,
            work: logits.rowCount * logits.columnCount * 20)
        }
      }
    }
    withExtendedLifetime(logits) {}
  }

  /// A label out of range is the caller's mistake: kernels read and write where it points.
  private func check(_ labels: [Int32], of logits: Matrix) {
    for example in 0..<logits.rowCount {
      precondition(
        labels[example] >= 0 && Int(labels[example]) < logits.columnCount,
        "crossEntropy: label \(labels[example]) of example \(example), expected 0 ..< "
          + "\(logits.columnCount)"
      )
    }
  }

  /// Logits to probabilities, row by row, in place.
  public func softmax(_ values: inout Matrix) {
    let rows = values.rowCount
    let columns = values.columnCount
    let stride = values.stride
    var arguments = meprop_softmax_arguments(
      values: values.unsafeMutableFloats(), stride: stride, columns: columns)
    run(kernels.softmax, &arguments, count: rows, work: rows * columns * 20)
  }

  /// Rows of bytes times `scale` into `x`: row i is example `examples[i]` of `bytes`,
  /// `[exampleCount, columnCount]`.
  ///
  /// Every index must be within `bytes`. `x` has `examples.count` rows.
  public func gather(
    _ bytes: [UInt8], examples: ArraySlice<UInt32>, scale: Float, into x: inout Matrix
  ) {
    precondition(
      x.rowCount == examples.count,
      "gather: \(examples.count) examples into \(x.shape)")
    let columns = x.columnCount
    let stride = x.stride
    let exampleCount = columns == 0 ? 0 : bytes.count / columns
    for example in examples {
      precondition(Int(example) < exampleCount, "gather: example \(example) of \(exampleCount)")
    }
    let target = x.unsafeMutableFloats()
    bytes.withUnsafeBufferPointer { bytes in
      examples.withUnsafeBufferPointer { examples in
        var arguments = meprop_bytes_arguments(
          bytes: bytes.baseAddress, examples: examples.baseAddress, columns: columns, scale: scale,
          x: target,
          stride: stride)
        run(kernels.bytes, &arguments, count: examples.count, work: examples.count * columns * 8)
      }
    }
  }
}
