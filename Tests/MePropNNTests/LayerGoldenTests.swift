// Layers, combinators and losses against PyTorch: Scripts/generate-layer-fixtures.py made the
// fixture.

import Foundation
import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

@Suite struct LayerGoldenTests {
  private struct Numbers: Decodable {
    var shape: [Int]
    var values: [Double]

    var matrix: Matrix { double.single }
    var double: DoubleMatrix {
      let columns = shape[shape.count - 1]
      return DoubleMatrix(
        rowCount: values.count / columns, columnCount: columns, elements: values)
    }
    func tensor(_ name: String) -> NamedTensor {
      NamedTensor(name: name, shape: shape, values: values.map { Float($0) })
    }
  }

  private struct Norm: Decodable {
    var epsilon: Float
    var input: Numbers
    var projection: Numbers
    var parameters: [String: Numbers]
    var output: Numbers
    var inputGradient: Numbers
    var gradients: [String: Numbers]
  }

  private struct Sentences: Decodable {
    var hiddenSize: Int
    var isBidirectional: Bool
    var sentences: [[Int]]
    var labels: [Int32]
    var parameters: [String: Numbers]
    var output: Numbers
    var loss: Double
    var gradients: [String: Numbers]
  }

  private struct Heads: Decodable {
    var factor: Float
    var delta: Float
    var weights: [Float]
    var input: Numbers
    var labels: [Int32]
    var targets: Numbers
    var parameters: [String: Numbers]
    var output: Numbers
    var loss: Double
    var inputGradient: Numbers
    var gradients: [String: Numbers]
  }

  private struct Binary: Decodable {
    var classWeights: [Float]
    var output: Numbers
    var targets: Numbers
    var loss: Double
    var gradient: Numbers
  }

  private struct CrossEntropy: Decodable {
    var classWeights: [Float]
    var output: Numbers
    var labels: [Int32]
    var loss: Double
    var gradient: Numbers
  }

  private struct File: Decodable {
    var seed: Int
    var torch: String
    var layerNorms: [Norm]
    var sentences: [Sentences]
    var twoHeads: [Heads]
    var binary: [Binary]
    var crossEntropy: [CrossEntropy]
  }

  private let file: File

  init() throws {
    let url = try #require(
      Bundle.module.url(forResource: "layers", withExtension: "json", subdirectory: "Fixtures"))
    file = try JSONDecoder().decode(File.self, from: Data(contentsOf: url))
  }

  /// Compares every element.
  ///
  /// Rounding errors are half a unit in the last place for each of 128 terms up to the largest.
  private func check(
    _ found: some NumericValues, _ expected: Numbers, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let expected = expected.double
    let scale = expected.elements.reduce(1) { max($0, abs($1)) }
    expectClose(
      found, expected, atol: 128 * 0x1p-24 * scale, rtol: 0, what, sourceLocation: sourceLocation)
  }

  /// Trains one step at rate 1 and compares outputs, losses and gradients.
  ///
  /// - Parameters:
  ///   - model: Of any parameters; takes those of the fixture.
  ///   - path: Turns a name of the fixture into a path.
  ///   - loss: What is made small.
  ///   - parameters: Of the fixture.
  ///   - gradients: Of the fixture.
  ///   - inputColumnCount: Where the gradient at the input is wanted.
  ///   - step: Does one step.
  /// - Throws: What the step does.
  private func train<Model: Layer, L: Loss>(
    _ model: Model, path: (String) -> String = { $0 }, loss: L, parameters: [String: Numbers],
    gradients: [String: Numbers], inputColumnCount: Int? = nil,
    _ step: (Trainer<Model, L>) throws -> Void
  ) throws {
    var model = model
    try model.replaceParameters(with: parameters.map { $1.tensor(path($0)) })
    #expect(gradients.count == parameters.count)
    for isStored in [false, true] {
      var optimizer = Optimizer(.gradientDescent(), learningRate: 1)
      if isStored { optimizer.clipNorm = 1e30 }
      let trainer = Trainer(
        model, loss: loss, optimizer: optimizer, inputColumnCount: inputColumnCount,
        context: ComputeContext())
      try step(trainer)
      let after = Dictionary(
        uniqueKeysWithValues: trainer.model.parameters.map { ($0.name, $0) })
      #expect(after.count == gradients.count)
      for (name, gradient) in gradients {
        let tensor = try #require(after[path(name)])
        #expect(tensor.shape == gradient.shape)
        let before = try #require(parameters[name]).values
        let change = zip(before, tensor.values).map { $0 - Double($1) }
        let columns = gradient.shape[gradient.shape.count - 1]
        check(
          DoubleMatrix(
            rowCount: change.count / columns, columnCount: columns, elements: change), gradient,
          "\(name), stored: \(isStored)")
      }
    }
  }

  @Test func layerNorm() throws {
    #expect(file.layerNorms.count == 2)
    for example in file.layerNorms {
      let x = example.input.matrix
      let loss = ProjectionLoss()
      try train(
        LayerNorm(x.columnCount, epsilon: example.epsilon), loss: loss,
        parameters: example.parameters, gradients: example.gradients,
        inputColumnCount: x.columnCount
      ) { trainer in
        try trainer.train(x, example.projection.matrix)
        check(loss.box.output, example.output, "output")
        check(trainer.inputGradient.values, example.inputGradient, "input gradient")
      }
    }
  }

  @Test func sentences() throws {
    #expect(file.sentences.count == 2)
    for example in file.sentences {
      let embedding = try #require(example.parameters["embedding"]).shape
      let classes = try #require(example.parameters["output.bias"]).shape[0]
      let lstm = LSTM(
        embedding[1], example.hiddenSize, isBidirectional: example.isBidirectional, seed: 1)
      // The classifier reads states among zeros, but its weights are saved without.
      let padding = lstm.outputPadding
      let weight = Parameter(
        Matrix(rowCount: classes, columnCount: lstm.outputSize),
        padding: Parameter.Padding(columns: padding))
      let model = Chain {
        Embedding(
          tables: [.init("embedding", Matrix(rowCount: embedding[0], columnCount: embedding[1]))],
          positions: [0])
        lstm
        MeanPool(lstm.outputSize)
        Linear(
          weight: weight, bias: Parameter(Matrix(rowCount: 1, columnCount: classes))
        ).named("output")
      }
      let input = Symbols(example.sentences)
      try train(
        model,
        path: { name in
          if name == "embedding" { return "0.embedding" }
          return name.hasPrefix("output") ? name : "1.\(name)"
        }, loss: SoftmaxCrossEntropy(), parameters: example.parameters,
        gradients: example.gradients
      ) { trainer in
        Predictor(trainer.model, context: trainer.context).withOutput(of: input) {
          check($0, example.output, "output")
        }
        let sum = try trainer.train(input, example.labels)
        expectClose([sum.mean], [example.loss], atol: 1e-6, rtol: 1e-6, "loss")
      }
    }
  }

  @Test func aResidualNetworkWithTwoHeads() throws {
    #expect(file.twoHeads.count == 2)
    for example in file.twoHeads {
      let x = example.input.matrix
      func linear(_ name: String, _ activation: Activation = .identity) throws -> Linear {
        let weight = try #require(example.parameters["\(name).weight"])
        let bias = try #require(example.parameters["\(name).bias"])
        return Linear(
          weight: Parameter(weight.matrix.zeros), bias: Parameter(bias.matrix.zeros),
          activation: activation)
      }
      let first = try linear("0", .tanh)
      let (inner, back) = (try linear("1.0", .relu), try linear("1.1"))
      let heads = Parallel(try linear("3.first"), try linear("3.second"))
      let model = Chain {
        first
        Residual {
          inner
          back
        }
        LayerNorm(first.outputSize)
        heads
      }
      let loss = PairLoss(
        SoftmaxCrossEntropy(), HuberLoss(delta: example.delta), split: heads.first.outputSize,
        factor: example.factor)
      try train(
        model, loss: loss, parameters: example.parameters, gradients: example.gradients,
        inputColumnCount: x.columnCount
      ) { trainer in
        Predictor(trainer.model, context: trainer.context).withOutput(of: x) {
          check($0, example.output, "output")
        }
        let sum = try trainer.train(
          x, (example.labels, example.targets.matrix), weights: example.weights)
        expectClose([sum.mean], [example.loss], atol: 1e-6, rtol: 1e-6, "loss")
        check(trainer.inputGradient.values, example.inputGradient, "input gradient")
      }
    }
  }

  @Test func binaryCrossEntropy() {
    #expect(file.binary.map(\.classWeights.isEmpty) == [true, false])
    for example in file.binary {
      let output = example.output.matrix
      var gradient = output.zeros
      var scratch: Void = ()
      var losses = [Float](repeating: 0, count: output.rowCount)
      let sum = BinaryCrossEntropy(classWeights: example.classWeights).differentiate(
        output, example.targets.matrix, weights: [], into: &gradient, losses: &losses, &scratch,
        context: ComputeContext())
      expectClose([sum.mean], [example.loss], atol: 1e-6, rtol: 1e-6)
      check(gradient, example.gradient, "gradient")
    }
  }

  @Test func crossEntropy() {
    #expect(file.crossEntropy.map(\.classWeights.isEmpty) == [true, false])
    for example in file.crossEntropy {
      let output = example.output.matrix
      var gradient = output.zeros
      var scratch: Void = ()
      var losses = [Float](repeating: 0, count: output.rowCount)
      let sum = SoftmaxCrossEntropy(classWeights: example.classWeights).differentiate(
        output, example.labels, weights: [], into: &gradient, losses: &losses, &scratch,
        context: ComputeContext())
      expectClose([sum.mean], [example.loss], atol: 1e-6, rtol: 1e-6)
      check(gradient, example.gradient, "gradient")
    }
  }
}

extension Matrix {
  /// Zeros of the same shape.
  fileprivate var zeros: Matrix { Matrix(rowCount: rowCount, columnCount: columnCount) }
}
