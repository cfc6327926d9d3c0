// Parsing many sentences at once, each by the best transition at every step.

import MePropCore
import MePropData

/// The heads and labels of words: by node as in ``EncodedTrees``, roots included.
struct ParsedTrees: Sendable {
  var heads: [Int32]
  var labels: [Int32]

  init(nodeCount: Int) {
    heads = Array(repeating: 0, count: nodeCount)
    labels = Array(repeating: -1, count: nodeCount)
  }
}

/// Parses batches of sentences on one thread.
final class GreedyDecoder {
  private let scorer: TransitionScorer
  private let pool = ParserStatePool()
  private var states: [ParserState] = []
  private var active: [Int] = []

  init(_ engine: ParserEngine, context: ComputeContext) {
    scorer = TransitionScorer(engine, context: context)
  }

  /// Parses sentences of `trees` and calls `receive` with each one's final state.
  func parse(
    _ sentences: ArraySlice<Int>, of trees: EncodedTrees, _ receive: (Int, ParserState) -> Void
  ) {
    let engine = scorer.engine
    let starts = scorer.begin(sentences, of: trees)
    states = pool.start(wordCounts: sentences.map(trees.wordCount))
    active.removeAll(keepingCapacity: true)
    for index in states.indices where engine.advance(&states[index]) { active.append(index) }
    while !active.isEmpty {
      scorer.removeStates()
      for index in active { scorer.add(states[index], start: starts[index]) }
      var kept = 0
      scorer.withScores { scores in
        for (row, index) in active.enumerated() {
          let number = scores.withRow(row) { engine.best($0, states[index]) }
          states[index].apply(number, engine.numbers)
          if engine.advance(&states[index]) {
            active[kept] = index
            kept += 1
          }
        }
      }
      active.removeLast(active.count - kept)
    }
    for (index, sentence) in sentences.enumerated() { receive(sentence, states[index]) }
  }
}
