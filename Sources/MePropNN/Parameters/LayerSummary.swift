/// What a layer is: its name in the model, what it computes, its parameters and costs.
public struct LayerSummary: Sendable, Equatable {
  /// A parameter by its name in the layer, with its shape without padding.
  public struct Part: Sendable, Equatable {
    /// The name.
    public var name: String
    /// The shape.
    public var shape: [Int]
  }

  /// The path from the model to the layer; empty for the model itself.
  public var name: String
  /// What the layer says of itself, for example `Linear(784 → 500, relu)`.
  public var description: String
  /// The numbers a row of the output, without padding.
  public var outputSize: Int
  /// The multiply-adds of the forward products, for a row of the input.
  public var multiplyAdds: Int
  /// Its parameters.
  public var parts: [Part] = []

  /// The numbers of all parameters.
  public var parameterCount: Int {
    parts.reduce(0) { $0 + $1.shape.reduce(1, *) }
  }
}

extension Layer {
  /// The layers that this one is made of, or itself, in order; those that are only made of others
  /// are left out.
  public var summaries: [LayerSummary] {
    var model = self
    var reading = SummaryReading()
    reading.begin(model)
    model.visit(&reading)
    reading.end()
    return reading.found.filter { !$0.isMadeOfOthers || !$0.summary.parts.isEmpty }.map(\.summary)
  }
}

private struct SummaryReading: LayerVisitor {
  var path = LayerPath()
  var found: [(summary: LayerSummary, isMadeOfOthers: Bool)] = []
  private var open: [Int] = []

  mutating func begin(_ layer: some Layer) {
    if let last = open.last { found[last].isMadeOfOthers = true }
    open.append(found.count)
    found.append(
      (
        LayerSummary(
          name: path.text, description: layer.description, outputSize: layer.unpaddedOutputSize,
          multiplyAdds: layer.multiplyAdds), false
      ))
  }

  mutating func end() { open.removeLast() }

  mutating func visit(_ parameter: inout Parameter) {
    guard let last = open.last else { return }
    let start = found[last].summary.name
    let name = start.isEmpty ? path.text : String(path.text.dropFirst(start.count + 1))
    found[last].summary.parts.append(.init(name: name, shape: parameter.shape))
  }
}
