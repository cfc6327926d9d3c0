// Networks of a seed: layers, policies, optimizer, loss and batches, for both sides.

import MePropCore
import MePropNN
import _MePropTestSupport

/// One of several layers, so that a ``Stack`` of them is a network of any shape.
enum Block: Layer {
  case linear(Linear)
  case norm(LayerNorm)
  case dropout(DropoutLayer)
  case gate(GatedUnit)
  case residual(Residual<Stack<Block>>)
  case heads(Parallel<Stack<Block>, Stack<Block>>)

  enum Scratch {
    case linear(Linear.Scratch)
    case norm(LayerNorm.Scratch)
    case dropout(DropoutLayer.Scratch)
    case gate(GatedUnit.Scratch)
    indirect case residual(Residual<Stack<Block>>.Scratch)
    indirect case heads(Parallel<Stack<Block>, Stack<Block>>.Scratch)
  }

  private var any: any Layer {
    switch self {
    case .linear(let layer): layer
    case .norm(let layer): layer
    case .dropout(let layer): layer
    case .gate(let layer): layer
    case .residual(let layer): layer
    case .heads(let layer): layer
    }
  }

  var outputSize: Int { any.outputSize }
  var description: String { any.description }

  func makeScratch() -> Scratch {
    switch self {
    case .linear(let layer): .linear(layer.makeScratch())
    case .norm(let layer): .norm(layer.makeScratch())
    case .dropout(let layer): .dropout(layer.makeScratch())
    case .gate(let layer): .gate(layer.makeScratch())
    case .residual(let layer): .residual(layer.makeScratch())
    case .heads(let layer): .heads(layer.makeScratch())
    }
  }

  func reader(_ scratch: Scratch) -> InputReader? {
    if case .linear(let layer) = self, case .linear(let scratch) = scratch {
      return layer.reader(scratch)
    }
    return nil
  }

  func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    switch (self, scratch) {
    case (.linear(let layer), .linear(var inner)):
      layer.forward(x, into: &y, &inner, &step)
      scratch = .linear(inner)
    case (.norm(let layer), .norm(var inner)):
      layer.forward(x, into: &y, &inner, &step)
      scratch = .norm(inner)
    case (.dropout(let layer), .dropout(var inner)):
      layer.forward(x, into: &y, &inner, &step)
      scratch = .dropout(inner)
    case (.gate(let layer), .gate(var inner)):
      layer.forward(x, into: &y, &inner, &step)
      scratch = .gate(inner)
    case (.residual(let layer), .residual(var inner)):
      layer.forward(x, into: &y, &inner, &step)
      scratch = .residual(inner)
    case (.heads(let layer), .heads(var inner)):
      layer.forward(x, into: &y, &inner, &step)
      scratch = .heads(inner)
    default: preconditionFailure("\(self): scratch of another layer")
    }
  }

  mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    switch (self, scratch) {
    case (.linear(var layer), .linear(var inner)):
      try layer.backward(x, y, &dy, into: &dx, &inner, &step)
      (self, scratch) = (.linear(layer), .linear(inner))
    case (.norm(var layer), .norm(var inner)):
      try layer.backward(x, y, &dy, into: &dx, &inner, &step)
      (self, scratch) = (.norm(layer), .norm(inner))
    case (.dropout(var layer), .dropout(var inner)):
      try layer.backward(x, y, &dy, into: &dx, &inner, &step)
      (self, scratch) = (.dropout(layer), .dropout(inner))
    case (.gate(var layer), .gate(var inner)):
      try layer.backward(x, y, &dy, into: &dx, &inner, &step)
      (self, scratch) = (.gate(layer), .gate(inner))
    case (.residual(var layer), .residual(var inner)):
      try layer.backward(x, y, &dy, into: &dx, &inner, &step)
      (self, scratch) = (.residual(layer), .residual(inner))
    case (.heads(var layer), .heads(var inner)):
      try layer.backward(x, y, &dy, into: &dx, &inner, &step)
      (self, scratch) = (.heads(layer), .heads(inner))
    default: preconditionFailure("\(self): scratch of another layer")
    }
  }

  private mutating func change(_ body: (inout any Layer) -> Void) {
    var layer = any
    body(&layer)
    switch layer {
    case let layer as Linear: self = .linear(layer)
    case let layer as LayerNorm: self = .norm(layer)
    case let layer as DropoutLayer: self = .dropout(layer)
    case let layer as GatedUnit: self = .gate(layer)
    case let layer as Residual<Stack<Block>>: self = .residual(layer)
    case let layer as Parallel<Stack<Block>, Stack<Block>>: self = .heads(layer)
    default: preconditionFailure("\(self): became another layer")
    }
  }

  mutating func visit(_ visitor: inout some LayerVisitor) { change { $0.visit(&visitor) } }
  mutating func makeOutputDense() { change { $0.makeOutputDense() } }

  /// The reference of the layer as it is.
  var reference: any NaiveLayer {
    switch self {
    case .linear(let layer): NaiveLinear(layer)
    case .norm(let layer): NaiveLayerNorm(layer)
    case .dropout(let layer): NaiveDropoutLayer(layer.rate.rate)
    case .gate(let layer): NaiveGate(layer)
    case .residual(let layer): NaiveResidual(Self.reference(of: layer.inner))
    case .heads(let layer):
      NaiveParallel(Self.reference(of: layer.first), Self.reference(of: layer.second))
    }
  }

  static func reference(of stack: Stack<Block>) -> NaiveChain {
    NaiveChain(stack.layers.map(\.reference))
  }
}

/// One of several losses.
enum MixedLoss: Loss {
  case softmax(SoftmaxCrossEntropy)
  case binary(BinaryCrossEntropy)
  case squared
  case huber(HuberLoss)
  case pair(PairLoss<SoftmaxCrossEntropy, HuberLoss>)

  struct Targets {
    var labels: [Int32]
    var values: Matrix
  }

  func makeScratch() -> PairLoss<SoftmaxCrossEntropy, HuberLoss>.Scratch {
    PairLoss(SoftmaxCrossEntropy(), HuberLoss(), split: 1).makeScratch()
  }

  func differentiate(
    _ output: Matrix, _ targets: Targets, weights: [Float], into gradient: inout Matrix,
    losses: inout [Float], _ scratch: inout PairLoss<SoftmaxCrossEntropy, HuberLoss>.Scratch,
    context: ComputeContext
  ) -> LossSum {
    var none: Void = ()
    switch self {
    case .softmax(let loss):
      return loss.differentiate(
        output, targets.labels, weights: weights, into: &gradient, losses: &losses, &none,
        context: context)
    case .binary(let loss):
      return loss.differentiate(
        output, targets.values, weights: weights, into: &gradient, losses: &losses, &none,
        context: context)
    case .squared:
      return SquaredError().differentiate(
        output, targets.values, weights: weights, into: &gradient, losses: &losses, &none,
        context: context)
    case .huber(let loss):
      return loss.differentiate(
        output, targets.values, weights: weights, into: &gradient, losses: &losses, &none,
        context: context)
    case .pair(let loss):
      return loss.differentiate(
        output, (targets.labels, targets.values), weights: weights, into: &gradient,
        losses: &losses, &scratch, context: context)
    }
  }

  /// The reference.
  var reference: NaiveLoss {
    switch self {
    case .softmax(let loss): .softmax(classWeights: loss.classWeights.map(Double.init))
    case .binary(let loss): .binary(classWeights: loss.classWeights.map(Double.init))
    case .squared: .squared
    case .huber(let loss): .huber(delta: Double(loss.delta))
    case .pair(let loss):
      .pair(
        .softmax(classWeights: loss.first.classWeights.map(Double.init)),
        .huber(delta: Double(loss.second.delta)), split: loss.split, factor: Double(loss.factor))
    }
  }

  /// The targets of the reference.
  func reference(_ targets: Targets) -> NaiveLoss.Targets {
    switch self {
    case .softmax: .labels(targets.labels)
    case .binary, .squared, .huber: .values(DoubleMatrix(targets.values))
    case .pair: .pair(.labels(targets.labels), .values(DoubleMatrix(targets.values)))
    }
  }
}

/// Everything that a seed decides.
struct RandomNetwork {
  var network: Stack<Block>
  var loss: MixedLoss
  var optimizer: Optimizer
  var selection: SelectionPolicy
  var threads: Int
  var seed: UInt64
  let inputSize: Int
  private var random: Philox

  /// One batch.
  struct Batch {
    var input: Matrix
    var targets: MixedLoss.Targets
    var weights: [Float]
  }

  init(seed: UInt64) {
    var random = Philox(seed: seed, stream: 77)
    inputSize = random.nextInt(in: 1...40)
    let count = random.nextInt(in: 2...5)
    let hasHeads = random.nextInt(in: 0...2) == 0
    var blocks: [Block] = []
    var size = inputSize
    for place in 0..<count {
      let isLast = place == count - 1
      if isLast, hasHeads {
        let sizes = (random.nextInt(in: 2...8), random.nextInt(in: 1...8))
        blocks.append(.heads(Self.heads(size, sizes, &random)))
      } else {
        blocks.append(Self.block(size, isLast: isLast, &random))
      }
      size = blocks[place].outputSize
    }
    network = Stack(blocks)
    let factor = Float(random.nextDouble(in: 0.2...2))
    let classWeights = (0..<size).map { _ in Float(random.nextDouble(in: 0...2)) }
    let isWeighted = random.nextInt(in: 0...1) == 0
    if case .heads(let heads) = blocks[count - 1] {
      loss = .pair(
        PairLoss(
          SoftmaxCrossEntropy(
            classWeights: isWeighted ? Array(classWeights[..<heads.first.outputSize]) : []),
          HuberLoss(delta: 0.7), split: heads.first.outputSize, factor: factor))
    } else {
      switch random.nextInt(in: 0...3) {
      case 0: loss = .binary(BinaryCrossEntropy(classWeights: isWeighted ? classWeights : []))
      case 1: loss = .squared
      case 2: loss = .huber(HuberLoss(delta: factor))
      default: loss = .softmax(SoftmaxCrossEntropy(classWeights: isWeighted ? classWeights : []))
      }
    }
    optimizer = Self.optimizer(&random)
    selection = Self.policy(20, &random) ?? .dense
    threads = random.nextInt(in: 1...2)
    self.seed = random.next()
    self.random = random
  }

  /// The next batch, of 1 to 9 rows.
  mutating func nextBatch() -> Batch {
    let rows = random.nextInt(in: 1...9)
    let size = network.outputSize
    var values = random.nextMatrix(rows, size)
    var classCount = size
    if case .pair(let pair) = loss {
      values = random.nextMatrix(rows, size - pair.split)
      classCount = pair.split
    }
    if case .binary = loss {
      for row in 0..<rows {
        for column in 0..<size { values[row, column] = values[row, column] > 0 ? 1 : 0 }
      }
    }
    let isWeighted = random.nextInt(in: 0...2) == 0
    return Batch(
      input: random.nextMatrix(rows, inputSize),
      targets: .init(labels: random.nextLabels(rows, classCount: classCount), values: values),
      weights: isWeighted ? (0..<rows).map { _ in Float(random.nextInt(in: 1...4)) } : [])
  }

  private static func policy(_ width: Int, _ random: inout Philox) -> SelectionPolicy? {
    let count: SelectionCount =
      random.nextInt(in: 0...1) == 0
      ? .count(random.nextInt(in: 1...max(1, width * 2 / 3)))
      : .ratio(random.nextDouble(in: 0.05...1))
    let memory = random.nextInt(in: 0...1) == 0 ? 0 : Float(random.nextDouble(in: 0.1...1))
    switch random.nextInt(in: 0...9) {
    case 0: return nil
    case 1: return .dense
    case 2: return .random(k: count)
    case 3: return .unified(k: count, groupSize: random.nextInt(in: 1...5), memory: memory)
    case 4: return .unified(k: count, memory: memory)
    case 5: return .top(k: count, memory: memory, scope: .slot)
    case 6: return .batchTop(k: count, memory: memory)
    case 7: return .sampled(k: count, memory: memory)
    default: return .top(k: count, memory: memory)
    }
  }

  private static func linear(
    _ inputs: Int, _ outputs: Int, isLast: Bool = false, _ random: inout Philox
  ) -> Block {
    let activation = Activation.allCases[random.nextInt(in: 0...(Activation.allCases.count - 1))]
    var layer = LayerCases.linear(
      inputs, outputs, activation: isLast ? .identity : activation,
      dropout: !isLast && random.nextInt(in: 0...2) == 0 ? 0.2 : 0, policy(outputs, &random),
      seed: random.next())
    layer.skipsZeros = random.nextInt(in: 0...3) > 0
    return .linear(layer)
  }

  private static func heads(
    _ inputs: Int, _ sizes: (Int, Int), _ random: inout Philox
  ) -> Parallel<Stack<Block>, Stack<Block>> {
    let hidden = random.nextInt(in: 1...20)
    let first = linear(inputs, hidden, &random)
    return Parallel(
      Stack([first, linear(hidden, sizes.0, isLast: true, &random)]),
      Stack([linear(inputs, sizes.1, isLast: true, &random)]))
  }

  private static func block(_ inputs: Int, isLast: Bool, _ random: inout Philox) -> Block {
    switch random.nextInt(in: 0...9) {
    case 0, 1:
      // Of fewer numbers little more than rounding is left of the gradient at the input.
      if inputs >= 5 { return .norm(LayerCases.norm(inputs, seed: random.next())) }
    case 2:
      return .dropout(
        DropoutLayer(inputs, rate: DropoutRate(random.nextInt(in: 0...1) == 0 ? 0 : 0.2)))
    case 3, 4:
      let hidden = random.nextInt(in: 1...40)
      let first = linear(inputs, hidden, &random)
      let inner = Stack([first, linear(hidden, inputs, isLast: true, &random)])
      return .residual(Residual { inner })
    case 5:
      let outputs = random.nextInt(in: 1...20)
      return .gate(
        LayerCases.gate(inputs, outputs, policy(2 * outputs, &random), seed: random.next()))
    default: break
    }
    return linear(inputs, random.nextInt(in: 1...40), isLast: isLast, &random)
  }

  private static func optimizer(_ random: inout Philox) -> Optimizer {
    let methods: [Optimizer.Method] = [
      .gradientDescent(), .gradientDescent(momentum: 0.9), .adaGrad(epsilon: 0.01),
      // Where gradients are smaller than epsilon, steps are not larger than gradients allow.
      .adam(beta1: 0.9, beta2: 0.99, epsilon: 0.001),
    ]
    var optimizer = Optimizer(
      methods[random.nextInt(in: 0...3)], learningRate: 0.01,
      untouchedRows: random.nextInt(in: 0...1) == 0 ? .skip : .update)
    if random.nextInt(in: 0...2) == 0 { optimizer.l2 = 0.01 }
    if random.nextInt(in: 0...2) == 0 { optimizer.weightDecay = 0.1 }
    switch random.nextInt(in: 0...3) {
    case 0: optimizer.clipValue = 0.05
    case 1: optimizer.clipNorm = 0.3
    default: break
    }
    return optimizer
  }
}
