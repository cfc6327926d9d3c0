// The LSTM against PyTorch: Scripts/generate-lstm-fixtures.py made the fixture.

import Foundation
import MePropCore
import MePropNN
import Testing

@Suite struct LSTMGoldenTests {
  private struct Fixture: Decodable {
    var cases: [Case]
  }

  private struct Case: Decodable {
    struct Parameter: Decodable {
      var shape: [Int]
      var values: [Float]
      var gradient: [Double]
    }
    var inputSize: Int
    var hiddenSize: Int
    var layers: Int
    var bidirectional: Bool
    var lengths: [Int]
    var parameters: [String: Parameter]
    var inputs: [[[Float]]]
    var outputs: [[[Double]]]
    var projections: [[[Float]]]
    var inputGradients: [[[Double]]]
  }

  private func cases() throws -> [Case] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/lstm.json")
    return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: file)).cases
  }

  @Test func outputsAndAllGradientsArePyTorchs() throws {
    let cases = try cases()
    #expect(cases.count == 3)
    for example in cases { try check(example) }
  }

  private func check(_ example: Case) throws {
    let given = example.parameters.map { name, parameter in
      (name, LSTM.Parameter(name: name, shape: parameter.shape, values: parameter.values))
    }
    let network = try #require(
      LSTM(
        parameters: Dictionary(uniqueKeysWithValues: given), layerCount: example.layers,
        isBidirectional: example.bidirectional))
    #expect(network.parameters.count == given.count)
    let context = ComputeContext()
    let packing = SentencePacking(lengths: example.lengths)
    let columns = network.outputColumns
    func packed(_ values: [[[Float]]], _ width: Int, _ column: (Int) -> Int) -> Matrix {
      var matrix = Matrix(rowCount: packing.positionCount, columnCount: width)
      for (sorted, sentence) in packing.order.enumerated() {
        for (word, numbers) in values[sentence].enumerated() {
          for (index, number) in numbers.enumerated() {
            matrix[packing.position(ofWord: word, inSorted: sorted), column(index)] = number
          }
        }
      }
      return matrix
    }
    func unpacked(_ matrix: Matrix, _ columns: [Int]) -> [Double] {
      example.lengths.indices.flatMap { sentence in
        let sorted = packing.order.firstIndex(of: sentence) ?? 0
        return (0..<example.lengths[sentence]).flatMap { word in
          columns.map {
            Double(matrix[packing.position(ofWord: word, inSorted: sorted), $0])
          }
        }
      }
    }
    let input = packed(example.inputs, example.inputSize) { $0 }
    let trainers = network.layers.map {
      LSTMLayerTrainer(
        $0, optimizer: Optimizer(.gradientDescent(), learningRate: 1), selection: .dense,
        context: context)
    }
    for (index, trainer) in trainers.enumerated() {
      trainer.forward(index == 0 ? input : trainers[index - 1].output, packing: packing)
    }
    let last = try #require(trainers.last)
    #expect(
      excess(
        unpacked(last.output, columns), example.outputs.flatMap { $0.flatMap { $0 } },
        tolerance: 2e-6) <= 0)
    // Inference is the same computation.
    LSTMInference(network, precision: .f32, context: context)
      .withOutput(input, packing: packing) { #expect($0 == last.output) }
    var gradient = packed(example.projections, network.outputSize) { columns[$0] }
    for (index, trainer) in trainers.enumerated().reversed() {
      try trainer.propagate(
        gradient, packing: packing, selection: .dense, step: 1, seed: 1, stream: 0)
      trainer.computeInputGradient()
      _ = trainer.update(input: index == 0 ? input : trainers[index - 1].output, step: 1)
      gradient = trainer.inputGradient
    }
    #expect(
      excess(
        unpacked(gradient, Array(0..<example.inputSize)),
        example.inputGradients.flatMap { $0.flatMap { $0 } }, tolerance: 5e-6) <= 0)
    let after = LSTM(layers: trainers.map(\.weights)).parameters
    let before = Dictionary(
      uniqueKeysWithValues: network.parameters.map { ($0.name, $0.values) })
    for parameter in after where !parameter.name.hasPrefix("bias_hh") {
      let old = try #require(before[parameter.name])
      let change = zip(old, parameter.values).map { Double($0) - Double($1) }
      let expected = try #require(example.parameters[parameter.name]?.gradient)
      #expect(excess(change, expected, tolerance: 5e-6) <= 0, "\(parameter.name)")
    }
  }
}
