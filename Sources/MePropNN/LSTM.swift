import MePropCore

/// A stack of LSTM layers, each in one direction or in both.
///
/// A layer of h units a direction gives `directions · paddedSize` numbers a word, where paddedSize is
/// h rounded up to a multiple of 16: direction j of unit u is number `j · paddedSize + u`, and numbers
/// of padding are zero. Layers that follow take them as they are, with weights of zero for padding.
public struct LSTM: Sendable, Equatable {
  /// The parameters of each layer: one direction, or forward and backward.
  public var layers: [[LSTMWeights]]

  /// Creates a network with parameters uniform within ±1/√hiddenSize, as PyTorch's `LSTM` does.
  ///
  /// Random numbers come from sequence `RandomPurpose.initialization.stream(firstStream + …)`, one a
  /// layer and direction.
  ///
  /// - Parameters:
  ///   - inputSize: Numbers a word, at least 1.
  ///   - hiddenSize: Units of each layer and direction, at least 1.
  ///   - layerCount: At least 1.
  ///   - isBidirectional: Whether there is a second direction, from the last word to the first.
  ///   - forgetBias: Added to the biases of the forget gates; 0 in PyTorch.
  ///   - seed: Of the random numbers.
  ///   - firstStream: The index of the first sequence.
  public init(
    inputSize: Int, hiddenSize: Int, layerCount: Int = 1, isBidirectional: Bool = true,
    forgetBias: Float = 0, seed: UInt64, firstStream: Int = 0
  ) {
    precondition(layerCount >= 1, "LSTM: \(layerCount) layers, expected 1 or more")
    let directions = isBidirectional ? 2 : 1
    let limit = 1 / Float(max(hiddenSize, 1)).squareRoot()
    layers = (0..<layerCount).map { layer in
      (0..<directions).map { direction in
        let stream = firstStream + layer * 2 + direction
        var random = Philox(
          seed: seed, stream: RandomPurpose.initialization.stream(stream))
        let columns = layer == 0 ? inputSize : directions * hiddenSize
        let bias = (0..<(4 * hiddenSize)).map { unit in
          limit * (2 * random.nextUniform() - 1)
            + limit * (2 * random.nextUniform() - 1)
            + (unit / hiddenSize == 1 ? forgetBias : 0)
        }
        let parameters = LSTMWeights(
          unpaddedInputWeight: Self.uniform(4 * hiddenSize, columns, limit, &random),
          recurrentWeight: Self.uniform(4 * hiddenSize, hiddenSize, limit, &random),
          bias: Matrix(rowCount: 1, columnCount: 4 * hiddenSize, elements: bias))
        return layer == 0 ? parameters : Self.paddingInput(parameters, directions: directions)
      }
    }
  }

  /// Creates a network from its layers, whose sizes must fit.
  public init(layers: [[LSTMWeights]]) {
    precondition(
      !layers.isEmpty && layers.allSatisfy { (1...2).contains($0.count) },
      "LSTM: directions are \(layers.map(\.count)), expected 1 or 2 of 1 layer or more")
    for (a, b) in zip(layers, layers.dropFirst()) {
      let width = a.count * a[0].paddedSize
      precondition(
        b.allSatisfy { $0.inputSize == width },
        "LSTM: a layer of \(b[0].inputSize) inputs follows one of \(width) outputs")
    }
    self.layers = layers
  }

  /// The numbers a word that it takes.
  public var inputSize: Int { layers[0][0].inputSize }
  /// The units of each layer and direction.
  public var hiddenSize: Int { layers[0][0].hiddenSize }
  /// Whether there is a second direction.
  public var isBidirectional: Bool { layers[0].count == 2 }
  /// The numbers a word that it gives, padding included.
  public var outputSize: Int { layers[layers.count - 1].count * layers[0][0].paddedSize }

  /// The columns of a layer's output that are not padding, in the order of PyTorch's outputs.
  public var outputColumns: [Int] {
    let padded = layers[0][0].paddedSize
    return layers[0].indices.flatMap { direction in
      (0..<hiddenSize).map { direction * padded + $0 }
    }
  }

  /// `parameters` whose inputs are another layer's unpadded outputs, with columns for padding.
  static func paddingInput(_ parameters: LSTMWeights, directions: Int) -> LSTMWeights {
    let hidden = parameters.hiddenSize
    let padded = parameters.paddedSize
    var result = LSTMWeights(inputSize: directions * padded, hiddenSize: hidden)
    result.recurrentWeight = parameters.recurrentWeight
    result.bias = parameters.bias
    for row in 0..<parameters.inputWeight.rowCount {
      for column in 0..<(directions * hidden) {
        result.inputWeight[row, column / hidden * padded + column % hidden] =
          parameters.inputWeight[row, column]
      }
    }
    return result
  }

  private static func uniform(
    _ rows: Int, _ columns: Int, _ limit: Float, _ random: inout Philox
  ) -> Matrix {
    var matrix = Matrix(rowCount: rows, columnCount: columns)
    for row in 0..<rows {
      matrix.withMutableRow(row) { values in
        for column in values.indices { values[column] = limit * (2 * random.nextUniform() - 1) }
      }
    }
    return matrix
  }
}

extension LSTM {
  /// A parameter as PyTorch's `LSTM` has it: name, shape, values row by row.
  public struct Parameter: Sendable, Equatable {
    /// The name, for example `weight_hh_l0_reverse`.
    public var name: String
    /// The shape; vectors have one extent.
    public var shape: [Int]
    /// The values, row-major.
    public var values: [Float]

    /// Creates a parameter.
    public init(name: String, shape: [Int], values: [Float]) {
      self.name = name
      self.shape = shape
      self.values = values
    }
  }

  /// All parameters under PyTorch's names and in its shapes, without padding.
  ///
  /// PyTorch has two biases that are added up; here `bias_ih` is their sum and `bias_hh` zero.
  public var parameters: [Parameter] {
    var result: [Parameter] = []
    for (index, layer) in layers.enumerated() {
      for (direction, weights) in layer.enumerated() {
        let suffix = "l\(index)" + (direction == 1 ? "_reverse" : "")
        let rows = 4 * weights.hiddenSize
        let input = weights.removingPadding(weights.inputWeight)
        let columns = index == 0 ? Array(0..<weights.inputSize) : outputColumns
        let values = (0..<rows).flatMap { row in
          input.withRow(row) { row in columns.map { row[$0] } }
        }
        result += [
          Parameter(name: "weight_ih_" + suffix, shape: [rows, columns.count], values: values),
          Parameter(
            name: "weight_hh_" + suffix, shape: [rows, weights.hiddenSize],
            values: weights.removingPadding(weights.recurrentWeight).elements),
          Parameter(
            name: "bias_ih_" + suffix, shape: [rows],
            values: weights.removingPadding(ofRow: weights.bias)),
          Parameter(
            name: "bias_hh_" + suffix, shape: [rows],
            values: [Float](repeating: 0, count: rows)),
        ]
      }
    }
    return result
  }

  /// Creates a network from parameters under PyTorch's names; `nil` if one is missing or does not fit.
  ///
  /// - Parameters:
  ///   - parameters: By name; others are not looked at.
  ///   - layerCount: How many layers.
  ///   - isBidirectional: Whether each has a second direction.
  public init?(
    parameters: [String: Parameter], layerCount: Int, isBidirectional: Bool
  ) {
    let directions = isBidirectional ? 2 : 1
    var layers: [[LSTMWeights]] = []
    for index in 0..<layerCount {
      var layer: [LSTMWeights] = []
      for direction in 0..<directions {
        let suffix = "l\(index)" + (direction == 1 ? "_reverse" : "")
        guard let input = parameters["weight_ih_" + suffix],
          let recurrent = parameters["weight_hh_" + suffix],
          let first = parameters["bias_ih_" + suffix],
          let second = parameters["bias_hh_" + suffix],
          recurrent.shape.count == 2, input.shape.count == 2
        else { return nil }
        let hidden = recurrent.shape[1]
        let columns = input.shape[1]
        guard hidden >= 1, columns >= 1, recurrent.shape[0] == 4 * hidden,
          input.shape[0] == 4 * hidden, first.shape == [4 * hidden], second.shape == first.shape,
          index == 0 || columns == directions * hidden,
          layers.first.map({ $0[0].hiddenSize == hidden }) ?? true,
          layer.first.map({ $0.hiddenSize == hidden && (index > 0 || $0.inputSize == columns) })
            ?? true
        else { return nil }
        let weights = LSTMWeights(
          unpaddedInputWeight: Matrix(
            rowCount: 4 * hidden, columnCount: columns, elements: input.values),
          recurrentWeight: Matrix(
            rowCount: 4 * hidden, columnCount: hidden, elements: recurrent.values),
          bias: Matrix(
            rowCount: 1, columnCount: 4 * hidden,
            elements: zip(first.values, second.values).map { $0 + $1 }))
        layer.append(
          index == 0 ? weights : Self.paddingInput(weights, directions: directions))
      }
      layers.append(layer)
    }
    guard !layers.isEmpty else { return nil }
    self.init(layers: layers)
  }
}
