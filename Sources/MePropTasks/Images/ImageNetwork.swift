// Networks on images, made of layers in words; checked against the size of the images before.

import MePropCore
import MePropNN
import MePropTraining

/// A network on images: `layers.0.weight`, `layers.0.bias`, ….
public typealias ImageNetwork = Named<Stack<ImageLayer>>

/// The layers of a network in words, the output layer apart.
struct ImageNetworkPlan: Equatable {
  /// Names of networks, and what they are made of.
  enum Preset: String, CaseIterable {
    /// Dense layers only.
    case mlp
    /// Two convolutions with pooling and a dense layer, after LeNet-5 (LeCun et al., 1998).
    case lenet
    /// Convolutions of 3 x 3 in pairs, with pooling and dropout after each pair.
    case cnn

    /// The widths of dense layers where nobody says them.
    var hidden: [Int] { self == .mlp ? [500, 500] : self == .lenet ? [256] : [256] }

    /// The layers, for images of a shape; `dropout` is that of dense layers.
    func layers(_ hidden: [Int], dropout: Double, for shape: ImageShape?) -> [String] {
      let rate = dropout > 0 ? " dropout \(dropout)" : ""
      let dense = hidden.map { "dense \($0)\(rate)" }
      switch self {
      case .mlp: return dense
      case .lenet: return ["conv 32 5x5 pool 2", "conv 64 5x5 pool 2"] + dense
      case .cnn:
        var layers: [String] = []
        // Half the size after each pair, until a side has at most eight pixels.
        var side = shape.map { min($0.height, $0.width) } ?? 28
        var channels = 32
        repeat {
          layers += [
            "conv \(channels) 3x3 padding 1",
            "conv \(channels) 3x3 padding 1 pool 2"
              + (dropout > 0 ? " dropout \(dropout / 2)" : ""),
          ]
          side /= 2
          channels = min(channels * 2, 128)
        } while side > 8
        return layers + dense
      }
    }
  }

  /// The layers in words.
  let texts: [String]
  private let layers: [LayerText]

  /// Understands layers.
  ///
  /// - Throws: `LayerText.Problem`.
  init(_ texts: [String]) throws {
    self.texts = texts
    layers = try texts.map { try LayerText($0) }
  }

  /// Makes the network.
  ///
  /// - Parameters:
  ///   - shape: Of an image.
  ///   - classCount: The outputs.
  ///   - initialization: How weights start; `nil`: at zero, to be replaced.
  ///   - seed: Of the initial weights.
  /// - Returns: The network.
  /// - Throws: `LayerText.Problem` where a layer does not fit what it reads.
  func makeNetwork(
    _ shape: ImageShape, classCount: Int, initialization: Initialization?, seed: UInt64 = 1
  ) throws -> ImageNetwork {
    var builder = NetworkBuilder(shape, initialization, seed)
    for (place, layer) in layers.enumerated() { try builder.add(layer, place: place) }
    builder.addOutput(classCount)
    return Stack(builder.layers).named("layers")
  }
}

/// Puts layers together, each on what the one before gives.
private struct NetworkBuilder {
  var layers: [ImageLayer] = []
  private var shape: ImageShape
  private var isFlat = false
  private let initialization: Initialization?
  private let seed: UInt64

  init(_ shape: ImageShape, _ initialization: Initialization?, _ seed: UInt64) {
    self.shape = shape
    self.initialization = initialization
    self.seed = seed
  }

  mutating func add(_ layer: LayerText, place: Int) throws {
    func problem(_ reason: String) -> LayerText.Problem {
      LayerText.Problem(
        reason: "layer \(place), '\(layer.text)', reads \(isFlat ? "\(shape.count)" : "\(shape)") "
          + "numbers: \(reason)")
    }
    func requireImage() throws {
      guard !isFlat else {
        throw problem("after a dense layer there are no images; put it before")
      }
    }
    switch layer.kind {
    case .convolution(
      let channels, let kernel, let stride, let padding, let activation, let pool, let dropout):
      try requireImage()
      guard kernel.height <= shape.height + 2 * padding.height,
        kernel.width <= shape.width + 2 * padding.width
      else { throw problem("a kernel of \(kernel) does not fit; choose a smaller one or padding") }
      guard padding.height < kernel.height, padding.width < kernel.width else {
        throw problem("a padding of \(padding) is not below the kernel's \(kernel)")
      }
      let sizes = ConvolutionShape(
        input: shape, outputChannels: channels, kernel: kernel, stride: stride, padding: padding)
      if let pool, pool.height > sizes.output.height || pool.width > sizes.output.width {
        throw problem("pooling of \(pool) does not fit into \(sizes.output); leave it out")
      }
      try requireSize(sizes.output.count, sizes.weightsPerChannel * channels, problem)
      let made = Conv2D(
        sizes, pooling: pool, activation: activation, dropout: dropout,
        initialization: initialization, seed: seed, layer: layers.count)
      layers.append(.convolution(made))
      shape = made.output
    case .pooling(let kind, let window, let stride):
      try requireImage()
      guard window.height <= shape.height, window.width <= shape.width,
        kind == .average || window.height * window.width <= 256
      else { throw problem("a window of \(window) does not fit; choose a smaller one") }
      let made = Pool2D(kind, shape, window: window, stride: stride)
      layers.append(.pooling(made))
      shape = made.output
    case .globalAverage:
      try requireImage()
      let made = Pool2D.globalAverage(shape)
      layers.append(.pooling(made))
      shape = made.output
    case .norm:
      try requireImage()
      layers.append(.norm(BatchNorm(shape)))
    case .dropout(let rate):
      layers.append(.dropout(DropoutLayer(shape.count, rate: DropoutRate(rate))))
    case .dense(let width, let activation, let dropout):
      try requireSize(width, width * shape.count, problem)
      addLinear(width, activation, dropout)
    }
  }

  private func requireSize(
    _ outputs: Int, _ weights: Int, _ problem: (String) -> LayerText.Problem
  ) throws {
    guard weights <= 200_000_000, outputs <= 100_000_000 else {
      throw problem(
        "\(weights) weights and \(outputs) outputs, expected at most 200000000 and "
          + "100000000; choose fewer or smaller layers")
    }
  }

  private mutating func addLinear(_ width: Int, _ activation: Activation, _ dropout: Float) {
    var made =
      initialization?.makeLinear(
        inputSize: shape.count, outputSize: width, seed: seed, layer: layers.count)
      ?? Linear(
        weight: Parameter(Matrix(rowCount: width, columnCount: shape.count)),
        bias: Parameter(Matrix(rowCount: 1, columnCount: width), decays: false))
    made.activation = activation
    made.dropout = DropoutRate(dropout)
    layers.append(.linear(made))
    shape = ImageShape(height: 1, width: 1, channels: width)
    isFlat = true
  }

  mutating func addOutput(_ classCount: Int) { addLinear(classCount, .identity, 0) }
}

extension ImageLayer {
  /// What each layer has of its own to select from: the widths that k is compared with.
  var selectedWidth: Int? {
    convolution?.shape.output.count ?? linear?.outputSize
  }
}
