// Convolution, pooling and batch normalization against PyTorch:
// Scripts/generate-image-fixtures.py made the fixture.

import Foundation
import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

@Suite struct ImageGoldenTests {
  private struct Numbers: Decodable {
    var shape: [Int]
    var values: [Double]

    var double: DoubleMatrix {
      let columns = shape[shape.count - 1]
      return DoubleMatrix(
        rowCount: values.count / columns, columnCount: columns, elements: values)
    }
    func tensor(_ name: String) -> NamedTensor {
      NamedTensor(name: name, shape: shape, values: values.map { Float($0) })
    }
  }

  private struct Convolved: Decodable {
    var height: Int
    var width: Int
    var channels: Int
    var outputs: Int
    var kernel: [Int]
    var stride: [Int]
    var padding: [Int]
    var pool: [Int]?
    var relu: Bool
    var input: Numbers
    var projection: Numbers
    var weight: Numbers
    var bias: Numbers
    var output: Numbers
    var inputGradient: Numbers
    var weightGradient: Numbers
    var biasGradient: Numbers
  }

  private struct Averaged: Decodable {
    var height: Int
    var width: Int
    var channels: Int
    var window: [Int]
    var stride: [Int]
    var input: Numbers
    var projection: Numbers
    var output: Numbers
    var inputGradient: Numbers
  }

  private struct Normalized: Decodable {
    var height: Int
    var width: Int
    var channels: Int
    var epsilon: Float
    var input: Numbers
    var projection: Numbers
    var gain: Numbers
    var bias: Numbers
    var output: Numbers
    var inputGradient: Numbers
    var gainGradient: Numbers
    var biasGradient: Numbers
  }

  private struct File: Decodable {
    var convolutions: [Convolved]
    var averagePools: [Averaged]
    var batchNorms: [Normalized]
  }

  private let file: File

  init() throws {
    let url = try #require(
      Bundle.module.url(forResource: "images", withExtension: "json", subdirectory: "Fixtures"))
    file = try JSONDecoder().decode(File.self, from: Data(contentsOf: url))
  }

  /// Compares every element; rounding errors are half a unit in the last place for each of 256
  /// terms up to the largest.
  private func check(
    _ found: some NumericValues, _ expected: Numbers, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let expected = expected.double
    let scale = expected.elements.reduce(1) { max($0, abs($1)) }
    expectClose(
      found, expected, atol: 256 * 0x1p-24 * scale, rtol: 0, what, sourceLocation: sourceLocation)
  }

  /// One step at rate 1: gradients of parameters are what they lose.
  private func step<L: Layer>(
    _ layer: L, _ input: Numbers, _ projection: Numbers, _ output: Numbers,
    _ inputGradient: Numbers, _ gradients: [String: Numbers], _ what: String
  ) throws where L.Input == Matrix {
    let loss = ProjectionLoss()
    let trainer = Trainer(
      layer, loss: loss, optimizer: Optimizer(.gradientDescent(), learningRate: 1),
      inputColumnCount: input.double.columnCount, context: ComputeContext())
    try trainer.train(input.double.single, projection.double.single)
    check(loss.box.output, output, "\(what) output")
    check(trainer.inputGradient.values, inputGradient, "\(what) input gradient")
    let before = Dictionary(uniqueKeysWithValues: layer.parameters.map { ($0.name, $0.values) })
    for tensor in trainer.model.parameters {
      guard let expected = gradients[tensor.name], let start = before[tensor.name] else { continue }
      let columns = expected.double.columnCount
      let found = DoubleMatrix(
        rowCount: start.count / columns, columnCount: columns,
        elements: zip(start, tensor.values).map { Double($0) - Double($1) })
      check(found, expected, "\(what) gradient of \(tensor.name)")
    }
  }

  @Test func convolutions() throws {
    for (index, expected) in file.convolutions.enumerated() {
      func extent(_ sides: [Int]) -> ImageExtent { ImageExtent(sides[0], sides[1]) }
      var layer = Conv2D(
        ConvolutionShape(
          input: ImageShape(
            height: expected.height, width: expected.width, channels: expected.channels),
          outputChannels: expected.outputs, kernel: extent(expected.kernel),
          stride: extent(expected.stride), padding: extent(expected.padding)),
        pooling: expected.pool.map(extent), activation: expected.relu ? .relu : .identity, seed: 1)
      try layer.replaceParameters(
        with: [expected.weight.tensor("weight"), expected.bias.tensor("bias")])
      try step(
        layer, expected.input, expected.projection, expected.output, expected.inputGradient,
        ["weight": expected.weightGradient, "bias": expected.biasGradient],
        "convolution \(index)")
    }
  }

  @Test func averagePools() throws {
    for (index, expected) in file.averagePools.enumerated() {
      let layer = Pool2D(
        .average,
        ImageShape(height: expected.height, width: expected.width, channels: expected.channels),
        window: ImageExtent(expected.window[0], expected.window[1]),
        stride: ImageExtent(expected.stride[0], expected.stride[1]))
      try step(
        layer, expected.input, expected.projection, expected.output, expected.inputGradient, [:],
        "average pool \(index)")
    }
  }

  @Test func batchNorms() throws {
    for (index, expected) in file.batchNorms.enumerated() {
      var layer = BatchNorm(
        ImageShape(height: expected.height, width: expected.width, channels: expected.channels),
        epsilon: expected.epsilon)
      layer.gain.replace(with: expected.gain.double.single)
      layer.bias.replace(with: expected.bias.double.single)
      try step(
        layer, expected.input, expected.projection, expected.output, expected.inputGradient,
        ["gain": expected.gainGradient, "bias": expected.biasGradient], "batch norm \(index)")
    }
  }
}
