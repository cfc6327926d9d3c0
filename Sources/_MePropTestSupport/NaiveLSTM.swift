// The plain reference for the LSTM: one direction, one sentence, in double precision, no tricks.

/// One direction of an LSTM layer without padding; gates in the order i, f, g, o.
package struct NaiveLSTM {
  /// W, `[4 h][inputs]`.
  package var inputWeight: [[Double]]
  /// U, `[4 h][h]`.
  package var recurrentWeight: [[Double]]
  /// b, `[4 h]`.
  package var bias: [Double]
  /// Whether it goes from the last word to the first.
  package var isReversed: Bool
  /// Factors of the state on its way to the next step, or `nil`.
  package var mask: [Double]?
  /// The products of the next step read states as multiples of this, or as they are.
  package var stateStep: Double?

  /// Everything that a forward pass computes, by word.
  package struct Trace {
    package var gates: [[Double]] = []
    package var cells: [[Double]] = []
    package var previousCells: [[Double]] = []
    package var previousStates: [[Double]] = []
    package var outputs: [[Double]] = []
  }

  /// Gradients of the parameters and of the inputs, and what went into them, by word.
  package struct Gradients {
    package var inputWeight: [[Double]]
    package var recurrentWeight: [[Double]]
    package var bias: [Double]
    package var inputs: [[Double]]
    /// d before selection.
    package var whole: [[Double]]
    /// s, what selection kept of it.
    package var kept: [[Double]]
  }

  package init(
    inputWeight: [[Double]], recurrentWeight: [[Double]], bias: [Double], isReversed: Bool,
    mask: [Double]? = nil
  ) {
    self.inputWeight = inputWeight
    self.recurrentWeight = recurrentWeight
    self.bias = bias
    self.isReversed = isReversed
    self.mask = mask
  }

  package var hiddenSize: Int { bias.count / 4 }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exponential(-x)) }
  private func tanh(_ x: Double) -> Double { 2 / (1 + exponential(-2 * x)) - 1 }

  /// e^x by the series, after halving x until it is small: no library needed.
  private func exponential(_ x: Double) -> Double {
    var halvings = 0
    var small = x
    while abs(small) > 0.01 {
      small /= 2
      halvings += 1
    }
    var term = 1.0
    var sum = 1.0
    for n in 1...9 {
      term *= small / Double(n)
      sum += term
    }
    for _ in 0..<halvings { sum *= sum }
    return sum
  }

  private func order(_ count: Int) -> [Int] {
    isReversed ? Array((0..<count).reversed()) : Array(0..<count)
  }

  package func forward(_ inputs: [[Double]]) -> Trace {
    let h = hiddenSize
    let empty = [[Double]](repeating: [], count: inputs.count)
    var trace = Trace(
      gates: empty, cells: empty, previousCells: empty, previousStates: empty, outputs: empty)
    var state = [Double](repeating: 0, count: h)
    var cell = state
    for t in order(inputs.count) {
      trace.previousStates[t] = state
      trace.previousCells[t] = cell
      var gates = bias
      let read = state.map { state in
        stateStep.map { (state / $0).rounded(.toNearestOrEven) * $0 } ?? state
      }
      for row in 0..<(4 * h) {
        for (column, x) in inputs[t].enumerated() { gates[row] += inputWeight[row][column] * x }
        for column in 0..<h { gates[row] += recurrentWeight[row][column] * read[column] }
        gates[row] = row / h == 2 ? tanh(gates[row]) : sigmoid(gates[row])
      }
      for u in 0..<h { cell[u] = gates[h + u] * cell[u] + gates[u] * gates[2 * h + u] }
      trace.gates[t] = gates
      trace.cells[t] = cell
      trace.outputs[t] = (0..<h).map { gates[3 * h + $0] * tanh(cell[$0]) }
      state = trace.outputs[t]
      if let mask { for u in 0..<h { state[u] *= mask[u] } }
    }
    return trace
  }

  /// Back propagation through time; `select` turns d of a word into s, and the bias takes d.
  package func backward(
    _ inputs: [[Double]], _ trace: Trace, outputGradient: [[Double]],
    select: (_ d: [Double], _ word: Int) -> [Double] = { d, _ in d }
  ) -> Gradients {
    let h = hiddenSize
    let zeros = [Double](repeating: 0, count: inputs.first?.count ?? 0)
    var result = Gradients(
      inputWeight: inputWeight.map { _ in zeros },
      recurrentWeight: recurrentWeight.map { _ in [Double](repeating: 0, count: h) },
      bias: bias.map { _ in 0 }, inputs: inputs.map { _ in zeros },
      whole: inputs.map { _ in [] }, kept: inputs.map { _ in [] })
    var dh = [Double](repeating: 0, count: h)
    var dc = dh
    for t in order(inputs.count).reversed() {
      let gates = trace.gates[t]
      var d = [Double](repeating: 0, count: 4 * h)
      for u in 0..<h {
        let (i, f, g, o) = (gates[u], gates[h + u], gates[2 * h + u], gates[3 * h + u])
        let state = tanh(trace.cells[t][u])
        let gradient = outputGradient[t][u] + dh[u]
        let gradientOfCell = dc[u] + gradient * o * (1 - state * state)
        d[u] = gradientOfCell * g * i * (1 - i)
        d[h + u] = gradientOfCell * trace.previousCells[t][u] * f * (1 - f)
        d[2 * h + u] = gradientOfCell * i * (1 - g * g)
        d[3 * h + u] = gradient * state * o * (1 - o)
        dc[u] = gradientOfCell * f
      }
      let s = select(d, t)
      result.whole[t] = d
      result.kept[t] = s
      dh = [Double](repeating: 0, count: h)
      for row in 0..<(4 * h) {
        result.bias[row] += d[row]
        for column in zeros.indices {
          result.inputWeight[row][column] += s[row] * inputs[t][column]
          result.inputs[t][column] += s[row] * inputWeight[row][column]
        }
        for column in 0..<h {
          result.recurrentWeight[row][column] += s[row] * trace.previousStates[t][column]
          dh[column] += s[row] * recurrentWeight[row][column] * (mask?[column] ?? 1)
        }
      }
    }
    return result
  }
}

/// The `k` entries of largest magnitude of each of four gates; of equals the lower, zeros never.
package func naiveTopOfGates(_ d: [Double], k: Int) -> [Double] {
  let h = d.count / 4
  var kept = [Double](repeating: 0, count: d.count)
  for gate in 0..<4 {
    let ranked = (0..<h).map { gate * h + $0 }.sorted { (-abs(d[$0]), $0) < (-abs(d[$1]), $1) }
    for place in ranked.prefix(k) { kept[place] = d[place] }
  }
  return kept
}
