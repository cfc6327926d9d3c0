import MePropCore

/// Layers of one type, one after another, where how many there are is known at run time only.
public struct Stack<Element: Layer>: Layer where Element.Input == Matrix {
  /// The layers from the input on, at least one.
  public var layers: [Element]

  /// Creates a stack of layers, each of which takes what the one before gives.
  public init(_ layers: [Element]) {
    precondition(!layers.isEmpty, "Stack: found no layers, expected at least 1")
    self.layers = layers
  }

  /// The numbers a row of the output.
  public var outputSize: Int { layers[layers.count - 1].outputSize }
  /// The layers from first to last, separated by arrows.
  public var description: String { layers.map(\.description).joined(separator: " → ") }

  /// The memory of all layers and the edges between them.
  public struct Scratch {
    var layers: [Element.Scratch]
    let edges: [Edge]
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    Scratch(
      layers: layers.map { $0.makeScratch() },
      edges: layers.dropLast().map { Edge(columnCount: $0.outputSize) })
  }

  /// The first layer's.
  public func reader(_ scratch: Scratch) -> InputReader? { layers[0].reader(scratch.layers[0]) }

  /// Computes one layer after the other.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    let reader = step.reader
    let last = layers.count - 1
    for index in 0..<last {
      step.reader = layers[index + 1].reader(scratch.layers[index + 1])
      layers[index].forward(
        index == 0 ? x : scratch.edges[index - 1].output, into: &scratch.edges[index].output,
        &scratch.layers[index], &step)
    }
    step.reader = reader
    layers[last].forward(
      last == 0 ? x : scratch.edges[last - 1].output, into: &y, &scratch.layers[last], &step)
  }

  /// Goes back from the last layer to the first.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    let edges = scratch.edges
    let last = layers.count - 1
    for index in (0...last).reversed() {
      let input = index == 0 ? x : edges[index - 1].output
      switch (index == last, index == 0) {
      case (true, true):
        try layers[0].backward(input, y, &dy, into: &dx, &scratch.layers[0], &step)
      case (true, false):
        try layers[index].backward(
          input, y, &dy, into: &edges[index - 1].gradient, &scratch.layers[index], &step)
      case (false, true):
        try layers[0].backward(
          input, edges[0].output, &edges[0].gradient.values, into: &dx, &scratch.layers[0], &step)
      case (false, false):
        try layers[index].backward(
          input, edges[index].output, &edges[index].gradient.values,
          into: &edges[index - 1].gradient, &scratch.layers[index], &step)
      }
      if index > 0 { step.deliver(&layers[index]) }
    }
  }

  /// All layers, by their numbers.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    for index in layers.indices { visitor.visit(index, &layers[index]) }
  }

  /// The units after a layer are those before the next.
  public func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units {
    var units = x
    for index in layers.indices { units = map.map(index, layers[index], units) }
    return units
  }

  /// The last layer's is.
  public mutating func makeOutputDense() { layers[layers.count - 1].makeOutputDense() }
}

extension Stack: Equatable where Element: Equatable {}

extension Stack<Linear> {
  /// A multilayer perceptron with initialized parameters: linear layers, an activation after each
  /// but the last.
  ///
  /// - Parameters:
  ///   - sizes: The number of inputs, the widths of the hidden layers, the number of outputs.
  ///   - activation: What follows each layer but the last.
  ///   - dropout: The share of outputs of hidden layers that are dropped in training.
  ///   - precision: What products read.
  ///   - initialization: How weights start; `nil`: at zero, to be replaced.
  ///   - seed: Of the random numbers.
  ///   - firstLayer: The place of the first layer in a larger network, which decides its numbers.
  /// - Returns: The layers.
  public static func perceptron(
    _ sizes: [Int], activation: Activation = .relu, dropout: Float = 0,
    precision: Precision = .f32, initialization: Initialization? = .heNormal, seed: UInt64 = 1,
    firstLayer: Int = 0
  ) -> Stack {
    precondition(
      sizes.count >= 2 && sizes.allSatisfy { $0 >= 1 },
      "perceptron: sizes are \(sizes), expected two or more of at least 1 each")
    return Stack(
      (0..<(sizes.count - 1)).map { index in
        var layer =
          initialization?.makeLinear(
            inputSize: sizes[index], outputSize: sizes[index + 1], seed: seed,
            layer: firstLayer + index)
          ?? Linear(zeros: sizes[index], sizes[index + 1])
        layer.precision = precision
        if index < sizes.count - 2 {
          layer.activation = activation
          layer.dropout = DropoutRate(dropout)
        }
        return layer
      })
  }

  /// The number of inputs.
  public var inputSize: Int { layers[0].inputSize }
}
