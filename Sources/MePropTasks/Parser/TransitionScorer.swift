// Scores of transitions for many states at once.

import MePropCore
import MePropNN

/// What all scorers of one network share: the network, the table of frequent features, the
/// transitions.
final class ParserEngine: Sendable {
  let network: ParserNetwork
  let precision: Precision
  let numbers: TransitionNumbers
  let table: PrecomputedEmbeddings
  /// Labels for the one arc from the root, and for the others.
  let rootLabels: [Int]
  let plainLabels: [Int]

  init(
    _ network: ParserNetwork, vocabularies: ParserVocabularies, system: TransitionSystem,
    precision: Precision, context: ComputeContext
  ) {
    self.network = network
    self.precision = precision
    numbers = TransitionNumbers(system: system, labelCount: vocabularies.labelCount)
    table = PrecomputedEmbeddings(
      network.features, layout: FeatureLayout(vocabularies), context: context)
    rootLabels = vocabularies.rootLabels
    plainLabels = vocabularies.plainLabels
  }
}

/// Computes scores of transitions on one thread, keeping its memory.
final class TransitionScorer {
  let engine: ParserEngine
  private let context: ComputeContext
  private let extra: ExtraRows
  private let layers: Predictor<Stack<Linear>>
  private var places: [UInt32] = []
  private var symbols: [UInt32] = []
  private let kindCount: Int
  private let listStride: Int
  private var lists: [UInt32] = []
  private var counts: [UInt32] = []
  private var hidden: Matrix
  private let firstLabel: UInt32
  private let rowsPerLabel: UInt32
  private var nodes = [Int32](repeating: -1, count: FeatureTemplate.nodeCount)
  private(set) var stateCount = 0

  init(_ engine: ParserEngine, context: ComputeContext) {
    self.engine = engine
    self.context = context
    extra = ExtraRows(engine.table, context: context)
    layers = Predictor(
      engine.network.layers(computingIn: engine.precision), context: context)
    kindCount = engine.table.layout.nodeBlocks.count
    listStride = engine.network.features.positionCount
    hidden = Matrix(rowCount: 0, columnCount: engine.network.features.outputSize)
    firstLabel = engine.table.place(ofLabel: 0)
    rowsPerLabel = UInt32(engine.table.layout.labels.positions.count)
  }

  /// Takes the sentences that the next states are about; returns the place of each one's root among
  /// their nodes.
  func begin(_ sentences: ArraySlice<Int>, of trees: EncodedTrees) -> [Int] {
    symbols.removeAll(keepingCapacity: true)
    var starts: [Int] = []
    var node = 0
    for sentence in sentences {
      starts.append(node)
      let first = trees.starts[sentence]
      let end = trees.starts[sentence + 1]
      symbols += trees.symbols[first * kindCount..<end * kindCount]
      node += end - first
    }
    extra.place(symbols[...], into: &places)
    return starts
  }

  /// Forgets the states that were added.
  func removeStates() { stateCount = 0 }

  /// Adds a state of the sentence whose root is at place `start`.
  func add(_ state: ParserState, start: Int) {
    let first = stateCount * listStride
    if lists.count < first + listStride {
      let missing = max(2 * lists.count, 64 * listStride) - lists.count
      lists.append(contentsOf: repeatElement(0, count: missing))
      counts.append(contentsOf: repeatElement(0, count: missing / listStride))
    }
    let labelOffset = FeatureTemplate.nodeCount - FeatureTemplate.labeledCount
    let base = start * kindCount
    var at = first
    nodes.withUnsafeMutableBufferPointer { nodes in
      places.withUnsafeBufferPointer { places in
        lists.withUnsafeMutableBufferPointer { lists in
          guard let found = nodes.baseAddress else { return }
          FeatureTemplate.write(state, engine.numbers.system, to: found)
          for place in 0..<FeatureTemplate.nodeCount where found[place] >= 0 {
            let from = base + Int(found[place]) * kindCount
            for kind in 0..<kindCount {
              lists[at] = places[from + kind] + UInt32(place)
              at += 1
            }
            if place >= labelOffset {
              lists[at] =
                firstLabel + UInt32(state.labels[Int(found[place])]) * rowsPerLabel
                + UInt32(place - labelOffset)
              at += 1
            }
          }
        }
      }
    }
    counts[stateCount] = UInt32(at - first)
    stateCount += 1
  }

  /// Calls `body` with the scores of all transitions for the states that were added, `[stateCount,
  /// transitionCount]`.
  func withScores<Result>(_ body: (inout Matrix) -> Result) -> Result {
    hidden.setRowCount(stateCount)
    extra.sum(lists, listStride: listStride, counts: counts, into: &hidden)
    switch engine.network.features.activation {
    case .relu: context.activate(&hidden, bias: nil, activation: .relu)
    case .tanh: context.activate(&hidden, bias: nil, activation: .tanh)
    case .cube: context.cube(&hidden)
    }
    return layers.withOutput(of: hidden, body)
  }
}

extension ParserEngine {
  /// Does what needs no scores; whether scores are needed then.
  ///
  /// Where one transition is allowed, and it has one label, it is done.
  func advance(_ state: inout ParserState) -> Bool {
    while !state.isFinal {
      let left = state.canLeft(numbers.system)
      if state.canShift() {
        if left || state.canRight() || state.canSwap(numbers.system) { return true }
        state.shift()
      } else if state.mayAttachRoot, rootLabels.count == 1 {
        state.right(label: rootLabels[0])
      } else {
        return true
      }
    }
    return false
  }

  /// Calls `body` with the number of each allowed transition, ascending.
  @inline(__always) func forEachAllowed(_ state: ParserState, _ body: (Int) -> Void) {
    if state.canShift() { body(0) }
    if state.canLeft(numbers.system) {
      for label in plainLabels { body(1 + label) }
    }
    if state.canRight() {
      let first = 1 + numbers.labelCount
      for label in state.mayAttachRoot ? rootLabels : plainLabels { body(first + label) }
    }
    if state.canSwap(numbers.system) { body(1 + 2 * numbers.labelCount) }
  }

  /// The allowed transition of the highest score; of equals the lower number.
  func best(_ scores: UnsafeBufferPointer<Float>, _ state: ParserState) -> Int {
    var best = -1
    var highest = -Float.infinity
    forEachAllowed(state) { number in
      if best < 0 || scores[number] > highest {
        best = number
        highest = scores[number]
      }
    }
    return best
  }
}
