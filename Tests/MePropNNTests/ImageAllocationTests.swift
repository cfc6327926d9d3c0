import MePropCore
import MePropNN
import Testing
import _CMePropAllocationCounter
import _MePropTestSupport

/// Steps of networks on images allocate nothing once shapes are known.
@Suite(
  .enabled(
    if: !_isDebugAssertConfiguration() && allocation_counter_works() != 0,
    "allocations are counted in optimized builds with glibc only"))
struct ImageAllocationTests {
  /// Every kind of layer, with borders, tails of channels, and pooling within and after.
  private func network() -> Stack<ImageLayer> {
    let first = Conv2D(
      ConvolutionShape(
        input: ImageShape(height: 10, width: 10, channels: 3), outputChannels: 12, kernel: 3,
        padding: 1), pooling: 2, activation: .relu, seed: 1)
    let second = Conv2D(
      ConvolutionShape(input: first.output, outputChannels: 18, kernel: 3), activation: .tanh,
      dropout: 0.1, seed: 2)
    let norm = BatchNorm(second.output)
    let pool = Pool2D(.max, second.output, window: 2, stride: 1)
    let mean = Pool2D.globalAverage(pool.output)
    var random = Philox(seed: 3)
    return Stack([
      .convolution(first), .convolution(second), .norm(norm), .pooling(pool), .pooling(mean),
      .dropout(DropoutLayer(mean.outputSize, rate: DropoutRate(0.1))),
      .linear(Linear(mean.outputSize, 5, using: &random)),
    ])
  }

  @Test(arguments: [
    SelectionPolicy.dense, .top(k: .ratio(0.05), memory: 0.9), .top(k: .ratio(0.05)),
    .top(k: .ratio(0.4)), .unified(k: .ratio(0.3)), .unified(k: .ratio(0.3), memory: 0.5),
    .random(k: .ratio(0.05)),
  ])
  func stepsAllocateNothing(policy: SelectionPolicy) throws {
    for untouched in Optimizer.UntouchedRows.allCases {
      for (clipNorm, threads) in [(nil, 1), (nil, 2), (0.1, 2)] as [(Float?, Int)] {
        var random = Philox(seed: 340)
        var optimizer = Optimizer.adam(untouchedRows: untouched)
        optimizer.clipNorm = clipNorm
        let trainer = Trainer(
          network(), loss: SoftmaxCrossEntropy(), optimizer: optimizer, selection: policy,
          context: ComputeContext(threadCount: threads))
        let batches = (0..<4).map { index in
          (
            random.nextMatrix(7 + 40 * (index % 2), 300),
            random.nextLabels(7 + 40 * (index % 2), classCount: 5)
          )
        }
        for step in 0..<40 { try trainer.train(batches[step % 4].0, batches[step % 4].1) }
        allocation_counter_begin("libdnnl")
        for step in 40..<80 { try trainer.train(batches[step % 4].0, batches[step % 4].1) }
        var library = 0
        let all = allocation_counter_end(&library)
        #expect(all - library == 0, "\(policy), \(untouched), \(threads) threads")
      }
    }
  }

  /// A layer that is one of several kinds trains as it does by itself.
  @Test func kindsOfLayersAreTheLayers() throws {
    let network = network()
    var layer = try #require(network.layers[0].convolution)
    layer.selector.policy = .top(k: .ratio(0.1))
    var random = Philox(seed: 4)
    let x = random.nextMatrix(6, 300)
    let p = random.nextMatrix(6, layer.outputSize)
    let trainers = (
      Trainer(
        layer, loss: ProjectionLoss(), optimizer: .adam(), inputColumnCount: 300,
        context: ComputeContext()),
      Trainer(
        ImageLayer.convolution(layer), loss: ProjectionLoss(), optimizer: .adam(),
        inputColumnCount: 300, context: ComputeContext())
    )
    try trainers.0.train(x, p)
    try trainers.1.train(x, p)
    #expect(trainers.0.model.parameters.map(\.values) == trainers.1.model.parameters.map(\.values))
    #expect(trainers.0.inputGradient.values == trainers.1.inputGradient.values)
  }
}
