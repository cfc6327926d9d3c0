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
    let network = try network(example)
    let context = ComputeContext()
    let packing = PackedSequence(lengths: example.lengths)
    let last = network.layers[network.layers.count - 1]
    let columns = last.directions.indices.flatMap { direction in
      (0..<example.hiddenSize).map { direction * last.outputPadding.paddedSize + $0 }
    }
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
    let trainer = Trainer(
      network, loss: GivenGradient(), optimizer: Optimizer(.gradientDescent(), learningRate: 1),
      inputColumnCount: example.inputSize, context: context)
    try trainer.train(
      input, packed(example.projections, network.outputSize) { columns[$0] }, packing: packing)
    #expect(
      excess(
        unpacked(trainer.output, columns), example.outputs.flatMap { $0.flatMap { $0 } },
        tolerance: 2e-6) <= 0)
    // Outside of training it is the same computation.
    #expect(output(of: network, input, packing) == trainer.output)
    #expect(
      excess(
        unpacked(trainer.inputGradient.values, Array(0..<example.inputSize)),
        example.inputGradients.flatMap { $0.flatMap { $0 } }, tolerance: 5e-6) <= 0)
    for (before, after) in zip(network.parameters, trainer.model.parameters) {
      let change = zip(before.values, after.values).map { Double($0) - Double($1) }
      let name = try #require(names(example)[before.name]).last ?? ""
      let expected = try #require(example.parameters[name]?.gradient)
      #expect(excess(change, expected, tolerance: 5e-6) <= 0, "\(before.name)")
    }
  }

  /// By the path of a parameter of a stack the names that PyTorch's `LSTM` has for it, which has
  /// two biases.
  private func names(_ example: Case) -> [String: [String]] {
    var names: [String: [String]] = [:]
    for layer in 0..<example.layers {
      for direction in ["forward", "backward"].prefix(example.bidirectional ? 2 : 1) {
        let suffix = "l\(layer)" + (direction == "forward" ? "" : "_reverse")
        names["\(layer).\(direction).inputWeight"] = ["weight_ih_" + suffix]
        names["\(layer).\(direction).recurrentWeight"] = ["weight_hh_" + suffix]
        names["\(layer).\(direction).bias"] = ["bias_ih_" + suffix, "bias_hh_" + suffix]
      }
    }
    return names
  }

  /// The network of a case, with its parameters.
  private func network(_ example: Case) throws -> Stack<LSTM> {
    let (hidden, directions) = (example.hiddenSize, example.bidirectional ? 2 : 1)
    let first = LSTM(
      example.inputSize, hidden, isBidirectional: example.bidirectional, seed: 1)
    var network = Stack(
      [first]
        + (1..<example.layers).map { _ in
          LSTM(
            directions * hidden, hidden, isBidirectional: example.bidirectional,
            inputPadding: first.outputPadding, seed: 1)
        })
    let tensors = try names(example).map { path, names in
      let parameters = try names.map { try #require(example.parameters[$0]) }
      var sum = parameters[0].values
      for other in parameters.dropFirst() { sum = zip(sum, other.values).map { $0 + $1 } }
      return NamedTensor(name: path, shape: parameters[0].shape, values: sum)
    }
    #expect(network.parameters.count == tensors.count)
    try network.replaceParameters(with: tensors)
    return network
  }
}
