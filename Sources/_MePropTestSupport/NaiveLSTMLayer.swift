import MePropCore
import MePropNN

/// A layer of an LSTM over packed sentences, sentence by sentence, with selection in each gate.
///
/// Parameters are without padding; input and output are as the layer's, with padding.
package final class NaiveLSTMLayer: NaiveLayer {
  /// One direction.
  package final class Direction {
    package let inputWeight: NaiveParameter
    package let recurrentWeight: NaiveParameter
    package let bias: NaiveParameter
    package let selector: NaiveSelector
    package let stateDropout: NaiveDropout

    init(_ direction: LSTM.Direction, hiddenSize: Int) {
      func parameter(_ parameter: Parameter) -> NaiveParameter {
        let tensor = parameter.tensor("", of: parameter.value)
        let columns = tensor.shape[tensor.shape.count - 1]
        return NaiveParameter(
          DoubleMatrix(
            rowCount: tensor.values.count / columns, columnCount: columns,
            elements: tensor.values.map(Double.init)), decays: parameter.decays)
      }
      inputWeight = parameter(direction.inputWeight)
      recurrentWeight = parameter(direction.recurrentWeight)
      bias = parameter(direction.bias)
      selector = NaiveSelector(4 * hiddenSize, direction.selector.policy)
      stateDropout = NaiveDropout(direction.stateDropout.rate)
    }
  }

  package let directions: [Direction]
  package let hiddenSize: Int
  package let paddedSize: Int
  private let dropping: NaiveDropoutLayer
  private let isVariational: Bool
  private var x = DoubleMatrix(rowCount: 0, columnCount: 0)
  /// By direction and sentence, longest first.
  private var cells: [[NaiveLSTM]] = []
  private var traces: [[NaiveLSTM.Trace]] = []

  /// The reference of a layer of floats as it is, whose input is without padding.
  package init(_ layer: LSTM) {
    hiddenSize = layer.hiddenSize
    paddedSize = layer.outputPadding.paddedSize
    directions = layer.directions.map { Direction($0, hiddenSize: layer.hiddenSize) }
    isVariational = layer.isVariational
    dropping = NaiveDropoutLayer(layer.dropout.rate, isVariational: layer.isVariational)
  }

  package var parameters: [NaiveParameter] {
    directions.flatMap { [$0.inputWeight, $0.recurrentWeight, $0.bias] }
  }
  package var selectors: [NaiveSelector] { directions.map(\.selector) }
  package var dropouts: [NaiveDropout] { dropping.dropouts + directions.map(\.stateDropout) }

  private func rows(_ matrix: DoubleMatrix) -> [[Double]] {
    (0..<matrix.rowCount).map(matrix.row)
  }

  private func packing(_ step: NaiveStep) -> PackedSequence {
    guard let packing = step.packing else { preconditionFailure("NaiveLSTMLayer: no sentences") }
    return packing
  }

  private func words(_ packing: PackedSequence, _ sorted: Int) -> [Int] {
    (0..<packing.lengths[sorted]).map { packing.position(ofWord: $0, inSorted: sorted) }
  }

  package func forward(_ x: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    self.x = x
    let packing = packing(step)
    var y = DoubleMatrix(rowCount: x.rowCount, columnCount: directions.count * paddedSize)
    cells = []
    traces = []
    for (index, direction) in directions.enumerated() {
      let factors = direction.stateDropout.factors(packing.sentenceCount, hiddenSize, step)
      cells.append(
        (0..<packing.sentenceCount).map { sorted in
          NaiveLSTM(
            inputWeight: rows(direction.inputWeight.value),
            recurrentWeight: rows(direction.recurrentWeight.value),
            bias: direction.bias.value.elements, isReversed: index == 1,
            mask: isVariational ? factors.row(sorted) : nil)
        })
      traces.append([])
      for sorted in 0..<packing.sentenceCount {
        let positions = words(packing, sorted)
        let trace = cells[index][sorted].forward(positions.map(x.row))
        for (word, position) in positions.enumerated() {
          for unit in 0..<hiddenSize {
            y[position, index * paddedSize + unit] = trace.outputs[word][unit]
          }
        }
        traces[index].append(trace)
      }
    }
    return dropping.forward(y, step)
  }

  package func backward(_ dy: DoubleMatrix, _ step: NaiveStep) -> DoubleMatrix {
    let dy = dropping.backward(dy, step)
    var dx = DoubleMatrix(rowCount: x.rowCount, columnCount: x.columnCount)
    for index in directions.indices { backward(index, dy, &dx, step) }
    return dx
  }

  private func backward(
    _ index: Int, _ dy: DoubleMatrix, _ dx: inout DoubleMatrix, _ step: NaiveStep
  ) {
    let packing = packing(step)
    let (direction, selector) = (directions[index], directions[index].selector)
    let width = 4 * hiddenSize
    let policy = selector.policy ?? .dense
    let bySlot = policy.memoryScope == .slot
    let k = policy.k.map { $0.resolved(outputSize: hiddenSize) }
    let isDense = k.map { $0 >= hiddenSize } ?? true
    if selector.beta > 0 {
      let count = bySlot ? packing.sentenceCount : 1
      while selector.memory.count < count {
        selector.memory.append(Array(repeating: 0, count: width))
      }
    }
    func memory(_ sorted: Int) -> [Double] {
      guard selector.beta > 0, !isDense else { return Array(repeating: 0, count: width) }
      return selector.memory[bySlot ? sorted : 0].map { selector.beta * $0 }
    }
    // What is kept at each position, decided word by word in the order of the sweep: d of a word is
    // right once all words that come before it there are decided.
    var kept: [Int: Set<Int>] = [:]
    func sweep(_ sorted: Int) -> NaiveLSTM.Gradients {
      let positions = words(packing, sorted)
      let slice = (index * paddedSize)..<(index * paddedSize + hiddenSize)
      let added = memory(sorted)
      return cells[index][sorted].backward(
        positions.map(x.row), traces[index][sorted],
        outputGradient: positions.map { Array(dy.row($0)[slice]) }
      ) { d, word in
        guard !isDense else { return d }
        let keeps = kept[positions[word]] ?? []
        return d.indices.map { keeps.contains($0) ? d[$0] + added[$0] : 0 }
      }
    }
    if !isDense, let k {
      let order = Array(0..<packing.stepCount)
      for word in index == 1 ? order : order.reversed() {
        let active = packing.activeCount(atStep: word)
        let d = (0..<active).map { sorted in
          zip(sweep(sorted).whole[word], memory(sorted)).map { $0 + $1 }
        }
        for (sorted, keeps) in choose(d, policy, k, index, word, packing, step).enumerated() {
          kept[packing.position(ofWord: word, inSorted: sorted)] = keeps
        }
      }
    }
    direction.inputWeight.gradient = direction.inputWeight.value.map { _ in 0 }
    direction.recurrentWeight.gradient = direction.recurrentWeight.value.map { _ in 0 }
    direction.bias.gradient = direction.bias.value.map { _ in 0 }
    if !isDense, policy.isOverBatch {
      return takeOverBatch(
        index, policy, packing, (0..<packing.sentenceCount).map { (sweep($0), memory($0)) }, &dx,
        step)
    }
    var remainders: [[Double]] = []
    for sorted in 0..<packing.sentenceCount {
      let gradients = sweep(sorted)
      let added = memory(sorted)
      direction.inputWeight.gradient = direction.inputWeight.gradient.plus(
        matrix(gradients.inputWeight))
      direction.recurrentWeight.gradient = direction.recurrentWeight.gradient.plus(
        matrix(gradients.recurrentWeight))
      var remainder = [Double](repeating: 0, count: width)
      for (word, position) in words(packing, sorted).enumerated() {
        for gate in 0..<width {
          let d = gradients.whole[word][gate] + added[gate]
          direction.bias.gradient[0, gate] += d
          remainder[gate] += d - gradients.kept[word][gate]
        }
        for column in 0..<x.columnCount { dx[position, column] += gradients.inputs[word][column] }
      }
      remainders.append(remainder)
    }
    let touched = isDense ? nil : Set(kept.values.flatMap { $0 })
    direction.inputWeight.touched = touched
    direction.recurrentWeight.touched = touched
    guard selector.beta > 0 else { return }
    if isDense {
      selector.memory = selector.memory.map { $0.map { _ in 0 } }
    } else if bySlot {
      for (sorted, remainder) in remainders.enumerated() {
        selector.memory[sorted] = remainder.map { $0 / Double(packing.lengths[sorted]) }
      }
    } else {
      selector.memory[0] = (0..<width).map { gate in
        remainders.reduce(0) { $0 + $1[gate] } / Double(packing.positionCount)
      }
    }
  }

  /// The products of all positions, of what a policy keeps of them once the sweep is done.
  private func takeOverBatch(
    _ index: Int, _ policy: SelectionPolicy, _ packing: PackedSequence,
    _ swept: [(gradients: NaiveLSTM.Gradients, memory: [Double])], _ dx: inout DoubleMatrix,
    _ step: NaiveStep
  ) {
    let (direction, selector) = (directions[index], directions[index].selector)
    var d = DoubleMatrix(rowCount: packing.positionCount, columnCount: 4 * hiddenSize)
    var previous = DoubleMatrix(rowCount: packing.positionCount, columnCount: hiddenSize)
    for (sorted, (gradients, memory)) in swept.enumerated() {
      for (word, position) in words(packing, sorted).enumerated() {
        for (unit, value) in gradients.whole[word].enumerated() {
          d[position, unit] = value + memory[unit]
        }
        for (unit, value) in traces[index][sorted].previousStates[word].enumerated() {
          previous[position, unit] = value
        }
      }
    }
    let whole = d.elements.reduce(0) { $0 + abs($1) } / 4
    var kept = DoubleMatrix(rowCount: d.rowCount, columnCount: 0)
    for gate in 0..<4 {
      let part = d.columns((gate * hiddenSize)..<((gate + 1) * hiddenSize))
      if case .sampled = policy {
        kept = kept.beside(
          selector.sampled(
            part, policy, step, whole: whole, block: gate, first: gate * paddedSize))
      } else {
        let lists = selector.batchLists(of: part, policy, step)
        kept = kept.beside(NaiveReference.masked(part, keeping: lists))
      }
    }
    direction.inputWeight.gradient = NaiveReference.multiplyTranspose(of: kept, by: x)
    direction.recurrentWeight.gradient = NaiveReference.multiplyTranspose(of: kept, by: previous)
    direction.bias.gradient = direction.bias.gradient.map { _ in 0 }
    for row in 0..<d.rowCount {
      for unit in 0..<d.columnCount {
        direction.bias.gradient[0, unit] += d[row, unit]
        for column in 0..<x.columnCount {
          dx[row, column] += kept[row, unit] * direction.inputWeight.value[unit, column]
        }
      }
    }
    let touched = Set(
      (0..<d.columnCount).filter { unit in (0..<d.rowCount).contains { kept[$0, unit] != 0 } })
    direction.inputWeight.touched = touched
    direction.recurrentWeight.touched = touched
    if selector.beta > 0 { selector.memory[0] = NaiveReference.remainder(of: d, kept: kept) }
  }

  private func matrix(_ rows: [[Double]]) -> DoubleMatrix {
    DoubleMatrix(
      rowCount: rows.count, columnCount: rows.first?.count ?? 0, elements: rows.flatMap { $0 })
  }

  /// The entries that each sentence keeps of its word, gate by gate.
  private func choose(
    _ d: [[Double]], _ policy: SelectionPolicy, _ k: Int, _ index: Int, _ word: Int,
    _ packing: PackedSequence, _ step: NaiveStep
  ) -> [Set<Int>] {
    var result = [Set<Int>](repeating: [], count: d.count)
    for gate in 0..<4 {
      let range = (gate * hiddenSize)..<((gate + 1) * hiddenSize)
      var size = 1
      if case .unified(_, let groupSize, _) = policy { size = groupSize ?? packing.sentenceCount }
      for first in stride(from: 0, to: d.count, by: size) {
        let group = first..<min(first + size, d.count)
        var ranked = [Double](repeating: 0, count: hiddenSize)
        for sorted in group {
          for (unit, value) in d[sorted][range].enumerated() { ranked[unit] += abs(value) }
        }
        if case .random = policy {
          let position = packing.position(ofWord: word, inSorted: first)
          ranked = (0..<hiddenSize).map { randomKey(gate, $0, position, index, step) }
        } else {
          directions[index].selector.noteTies(of: ranked, k: k, step)
        }
        let units = NaiveReference.topIndices(of: ranked, count: k)
        for sorted in group { result[sorted].formUnion(units.map { gate * hiddenSize + $0 }) }
      }
    }
    return result
  }

  /// Units are ranked by random bits: word (u mod 64) / 16 of counter block
  /// gate · paddedSize + ⌊u / 64⌋ · 64 + u mod 16, whose upper half is the position.
  private func randomKey(
    _ gate: Int, _ unit: Int, _ position: Int, _ index: Int, _ step: NaiveStep
  ) -> Double {
    let block = UInt64(position) << 32 | UInt64(gate * paddedSize + unit / 64 * 64 + unit % 16)
    let stream = directions[0].selector.stream(step) + UInt64(index)
    let words = Philox.words(seed: step.seed, stream: stream, block: block)
    return Double([words.0, words.1, words.2, words.3][unit % 64 / 16] >> 2) + 1
  }
}
