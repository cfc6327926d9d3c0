import MePropTraining

/// A gated linear unit (Dauphin et al., 2017): `y = (x Wᵀ + b) ⊙ σ(x Vᵀ + c)`.
///
/// A layer written outside of the package, with selection in both of its products.
struct GatedLinear: Layer {
  var value: Linear
  var gate: Linear
  var outputSize: Int { value.outputSize }
  var description: String { "GatedLinear(\(value.inputSize) → \(outputSize))" }

  init(_ inputSize: Int, _ outputSize: Int, using random: inout some RandomNumberGenerator) {
    value = Linear(inputSize, outputSize, using: &random)
    gate = Linear(inputSize, outputSize, activation: .sigmoid, using: &random)
  }

  struct Scratch {
    let products = (WeightProduct(), WeightProduct())
    let supports: (Support, Support)
    var values: Matrix, gates: Matrix, gradient: Matrix, input: InputGradient
  }

  func makeScratch() -> Scratch {
    let empty = Matrix(rowCount: 0, columnCount: outputSize)
    return Scratch(
      supports: (Support(outputSize: outputSize), Support(outputSize: outputSize)),
      values: empty, gates: empty, gradient: empty,
      input: InputGradient(columnCount: value.inputSize))
  }

  func forward(_ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step) {
    y.setRowCount(x.rowCount)
    scratch.values.setRowCount(x.rowCount)
    scratch.gates.setRowCount(x.rowCount)
    scratch.products.0.multiply(
      x, weight: value.weight, bias: value.bias, activation: .identity, into: &scratch.values, step)
    scratch.products.1.multiply(
      x, weight: gate.weight, bias: gate.bias, activation: .sigmoid, into: &scratch.gates, step)
    y.setToProduct(of: scratch.values, scratch.gates)
  }

  mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    // The gradient at the gates, then at the values; each is selected from on its own.
    scratch.gradient.setRowCount(dy.rowCount)
    scratch.gradient.setToProduct(of: dy, scratch.values)
    try gate.selector.select(
      &scratch.gradient, output: scratch.gates, activation: .sigmoid, into: scratch.supports.1,
      &step)
    scratch.supports.1.inputGradient(
      of: scratch.gradient, weight: gate.weight, into: &scratch.input, &step)
    scratch.supports.1.update(
      &gate.weight, of: scratch.gradient, input: x, countingFor: gate.selector, &step)
    step.update(&gate.bias, gradient: scratch.supports.1.columnSums)

    scratch.gradient.setToProduct(of: dy, scratch.gates)
    try value.selector.select(
      &scratch.gradient, output: scratch.values, activation: .identity, into: scratch.supports.0,
      &step)
    scratch.supports.0.inputGradient(
      of: scratch.gradient, weight: value.weight, into: &dx, &step)
    if dx.isNeeded { dx.values.add(scratch.input.values) }
    scratch.supports.0.update(
      &value.weight, of: scratch.gradient, input: x, countingFor: value.selector, &step)
    step.update(&value.bias, gradient: scratch.supports.0.columnSums)
  }

  mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit("value", &value)
    visitor.visit("gate", &gate)
  }
}
