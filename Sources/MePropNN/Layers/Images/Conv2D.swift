import MePropCore

/// A convolution of images with what follows it: `y = dropout(activation(pool(x ∗ W + b)))`.
///
/// With kernel K of kₕ × k_w, stride s and padding p, for output channel o at row i and
/// column j:
///
///     y[i, j, o] = b[o] + Σ over u < kₕ, v < k_w, c of
///                  W[o, u, v, c] · x[i s + u − p, j s + v − p, c]
///
/// where x is 0 outside of the image (a cross-correlation, as libraries call convolution). A row of
/// the input is an image, a row of the output one too (`ImageShape`: channels fastest).
///
/// Bias, activation, max pooling and dropout are finished as the product is stored; pooling gives
/// what a ``Pool2D`` after the layer would, of a quarter of the memory, and its gradient is
/// selected before it is spread out.
///
/// Selection keeps entries of the output gradient `[height · width · channels]` of each example,
/// as any policy says; k as a share is one of the convolution's own outputs, before pooling.
/// `unified` keeps whole channels, k of them, for the batch.
public struct Conv2D: Layer, Equatable {
  /// W, shape `[outputChannels, kernel height · kernel width · channels]`, channels fastest;
  /// zeros between rows of the kernel are padding.
  public var weight: Parameter
  /// b, shape `[1, outputChannels]`.
  public var bias: Parameter
  /// The sizes.
  public let shape: ConvolutionShape
  /// The max pooling that follows; `nil`: none.
  public let pooling: PoolingShape?
  /// Applied to each sum.
  public var activation: Activation
  /// The share of outputs that are dropped in training.
  public var dropout: DropoutRate
  /// What backward keeps.
  public var selector: Selector

  /// Creates a layer with initialized parameters.
  ///
  /// - Parameters:
  ///   - shape: The sizes.
  ///   - pooling: The window of max pooling, which is also its stride; `nil`: no pooling.
  ///   - activation: Applied to each sum.
  ///   - dropout: The share of outputs that are dropped in training.
  ///   - initialization: How weights start; fan-in is the weights of an output channel. `nil`: at
  ///     zero, to be replaced.
  ///   - seed: Of the initial parameters.
  ///   - layer: The place in the network, which decides the numbers.
  ///   - selection: What backward keeps; `nil`: what the trainer is given for all layers.
  public init(
    _ shape: ConvolutionShape, pooling: ImageExtent? = nil, activation: Activation = .identity,
    dropout: Float = 0, initialization: Initialization? = .heNormal, seed: UInt64, layer: Int = 0,
    selection: SelectionPolicy? = nil
  ) {
    let linear =
      initialization?.makeLinear(
        inputSize: shape.weightsPerChannel, outputSize: shape.outputChannels, seed: seed,
        layer: layer) ?? Linear(zeros: shape.weightsPerChannel, shape.outputChannels)
    let block = Parameter.Padding.Block(
      size: shape.runLength, paddedSize: shape.paddedRunLength)
    weight = block.size == block.paddedSize ? linear.weight : linear.weight.paddingColumns(block)
    bias = linear.bias
    self.shape = shape
    self.pooling = pooling.map { PoolingShape(input: shape.output, window: $0) }
    self.activation = activation
    self.dropout = DropoutRate(dropout)
    let output = self.pooling?.output ?? shape.output
    selector = Selector(
      image: output, wholeSize: shape.output.count, policy: selection)
  }

  /// Creates a layer on images of one shape.
  ///
  /// - Parameters:
  ///   - input: What is read.
  ///   - channels: The numbers of a pixel of the output.
  ///   - kernel: The size of the kernel.
  ///   - stride: How far the kernel moves.
  ///   - padding: Zeros around the input, on each side.
  ///   - pooling: The window of max pooling; `nil`: none.
  ///   - activation: Applied to each sum.
  ///   - random: Draws the seed of the initial parameters.
  public init(
    _ input: ImageShape, channels: Int, kernel: ImageExtent, stride: ImageExtent = 1,
    padding: ImageExtent = 0, pooling: ImageExtent? = nil, activation: Activation = .identity,
    using random: inout some RandomNumberGenerator
  ) {
    self.init(
      ConvolutionShape(
        input: input, outputChannels: channels, kernel: kernel, stride: stride, padding: padding),
      pooling: pooling, activation: activation, seed: random.next())
  }

  /// What a row of the output is.
  public var output: ImageShape { pooling?.output ?? shape.output }
  /// The numbers a row of the output.
  public var outputSize: Int { output.count }

  /// One for each weight at each position.
  public var multiplyAdds: Int { shape.multiplyAdds }
  /// For example `Conv2D(28x28x1 → 12x12x32, 5x5, max pooling 2x2, relu)`.
  public var description: String {
    var parts = ["\(shape.input) → \(output)", "\(shape.kernel)"]
    if shape.stride != 1 { parts.append("stride \(shape.stride)") }
    if shape.padding != 0 { parts.append("padding \(shape.padding)") }
    if let pooling { parts.append("max pooling \(pooling.window)") }
    if activation != .identity { parts.append(activation.rawValue) }
    return "Conv2D(\(parts.joined(separator: ", ")))"
  }

  /// The workspace of the products, and what is kept of the gradient.
  public final class Scratch {
    let convolution: Convolution
    let support: ConvolutionSupport
    let outputs: Support
    let chooser = ChannelChooser()
    var biasGradient: Matrix
    private var version: UInt64 = 0

    init(_ layer: Conv2D) {
      convolution = Convolution(layer.shape, pooling: layer.pooling)
      support = ConvolutionSupport(convolution)
      outputs = Support(outputSize: layer.outputSize)
      outputs.hasProducts = false
      biasGradient = Matrix(rowCount: 1, columnCount: layer.shape.outputChannels)
    }

    /// Tells the copy of the weights what changed since it was made.
    func follow(_ weight: Parameter) {
      guard version != weight.version else { return }
      if version == weight.previousVersion, let rows = weight.changedRows {
        convolution.weightsDidChange(rows: rows)
      } else {
        convolution.weightsDidChange()
      }
      version = weight.version
    }
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch { Scratch(self) }

  /// Computes the output; shapes `[examples, input]`, `[examples, outputSize]`.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    precondition(
      x.columnCount == shape.input.count,
      "\(self): input is [\(x.rowCount), \(x.columnCount)], expected [*, \(shape.input.count)]")
    y.setRowCount(x.rowCount)
    scratch.follow(weight)
    let isFused = activation == .identity || activation == .relu
    scratch.convolution.forward(
      x, weights: weight.value, bias: bias.value, rectifies: activation == .relu,
      keepsWinners: step.isTraining, into: &y, context: step.context)
    let dropout = dropout.dropout(in: step)
    if !isFused || dropout.rate > 0 {
      step.context.activate(
        &y, bias: nil, activation: isFused ? .identity : activation, dropout: dropout)
    }
    step.check(y, of: selector)
  }

  /// Selects from the gradient at the pre-activations; both products, and the update, follow it.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    try select(&dy, y, scratch, &step)
    let support = scratch.support
    let context = step.context
    if dx.isNeeded {
      let start = Clock.now()
      dx.values.setRowCount(dy.rowCount)
      support.inputGradient(of: dy, weights: weight.value, into: &dx.values, context: context)
      step.times.products += Clock.now() - start
    }
    update(x, dy, support, &step)
    let products = ProductShape(
      batchSize: dy.rowCount * shape.output.positionCount, outputSize: shape.outputChannels,
      inputSize: shape.weightsPerChannel, momentCount: step.updates.momentCount,
      hasInputGradient: dx.isNeeded)
    step.ledger.countProducts(products, of: selector, support, step.updates)
    Convolution.sumPositions(of: scratch.outputs.columnSums, into: &scratch.biasGradient)
    step.update(&bias, gradient: scratch.biasGradient)
  }

  private mutating func select(
    _ dy: inout Matrix, _ y: Matrix, _ scratch: Scratch, _ step: inout Step
  ) throws {
    let dropout = dropout.dropout(in: step)
    let policy = selector.policy(in: step)
    if case .unified(let k, let groupSize, _) = policy {
      precondition(
        groupSize == nil, "\(self): groups of \(groupSize ?? 0) examples, expected the whole batch")
      return try selector.selectChannels(
        k.resolved(outputSize: shape.outputChannels), &dy, output: y, activation: activation,
        dropout: dropout, outputs: scratch.outputs, into: scratch.support, scratch.chooser, &step)
    }
    try selector.select(
      &dy, output: y, activation: activation, dropout: dropout, into: scratch.outputs, &step)
    guard !scratch.outputs.isDense else { return scratch.support.takeAll() }
    let start = Clock.now()
    scratch.support.take(
      scratch.outputs.entries, everyChannel: step.updates.updatesEveryRow, context: step.context)
    step.ledger.countSelected(
      selector, scratch.support, rowCount: dy.rowCount,
      share: scratch.outputs.keptShare(rowCount: dy.rowCount), step: step.number)
    step.times.selection += Clock.now() - start
  }

  private mutating func update(
    _ x: Matrix, _ dy: Matrix, _ support: ConvolutionSupport, _ step: inout Step
  ) {
    let context = step.context
    let everyRow = step.updates.updatesEveryRow
    let start = Clock.now()
    if step.updates.storesGradients || support.form == .dense {
      step.prepareGradient(of: weight)
      let index = weight.index
      support.weightGradient(
        of: dy, input: x, into: &step.gradients[index], everyChannel: everyRow, context: context)
      let middle = Clock.now()
      step.times.products += middle - start
      if step.updates.storesGradients { return }
      let rule = step.updates.rule(for: weight)
      weight.update(rows: nil) { value, moments in
        context.update(&value, &moments, by: rule, gradient: step.gradients[index])
      }
      step.times.optimizer += Clock.now() - middle
      return
    }
    let rule = step.updates.rule(for: weight)
    weight.update(rows: everyRow ? nil : support.touchedChannels) { value, moments in
      support.updateWeights(
        &value, &moments, by: rule, input: x, everyChannel: everyRow, context: context)
    }
    step.times.products += Clock.now() - start
  }

  /// `weight`, `bias`, selector and dropout.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit("weight", &weight)
    visitor.visit("bias", &bias)
    visitor.visit(&selector)
    visitor.visit(&dropout)
  }

  /// Is dense unless a policy was given.
  public mutating func makeOutputDense() { selector.policy = selector.policy ?? .dense }
}
