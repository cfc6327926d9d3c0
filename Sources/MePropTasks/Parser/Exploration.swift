// Training examples from the states that the parser itself gets into (Goldberg and Nivre, 2013).

import MePropCore
import MePropTraining

extension ParserEngine {
  /// Parses training sentences and notes, at each state, the best of the transitions that lose
  /// nothing.
  ///
  /// Where several transitions lose as few gold arcs as possible, the one that the network scores
  /// highest is to be learned. The parser then makes the transition that it likes best with
  /// probability `share`, else the one to be learned, so that states come up that mistakes lead to.
  /// States with one allowed transition are not noted.
  ///
  /// - Parameters:
  ///   - trees: Training trees; those longer than `TransitionExamples.maximumWordCount` are passed
  ///     over.
  ///   - share: How often the parser goes its own way, from 0 to 1.
  ///   - seed: With `epoch`, decides where.
  ///   - epoch: From 1.
  ///   - threadCount: Threads to compute with.
  ///   - processes: Each parses its share of the sentences.
  /// - Returns: The examples, in an order that does not depend on the numbers of threads and
  ///   processes; none where no state has more than one transition.
  /// - Throws: `WorkInterrupted` where a signal asks the run to stop.
  func explore(
    _ trees: EncodedTrees, share: Double, seed: UInt64, epoch: Int, threadCount: Int,
    processes: any Communicator
  ) throws -> TransitionExamples {
    let allBatches = ParserBatches.make(trees)
    let batches = Array(allBatches[processes.share(of: allBatches.count)])
    var parts = [TransitionExamples](repeating: TransitionExamples(), count: batches.count)
    parts.withUnsafeMutableBufferPointer { parts in
      let parts = SharedPlaces(parts)
      ParserBatches.forEach(
        count: batches.count, threadCount: threadCount,
        makeWorker: { Explorer(self, context: ComputeContext(threadCount: 1)) },
        work: { explorer, batch in
          parts.set(
            batch,
            to: explorer.explore(
              batches[batch].filter {
                trees.wordCount($0) <= TransitionExamples.maximumWordCount
              }, of: trees, share: share, seed: seed, epoch: epoch))
        })
    }
    try InterruptFlag.checkRun()
    var all = TransitionExamples()
    all.reserveCapacity(parts.reduce(0) { $0 + $1.count })
    for index in parts.indices {
      all.append(contentsOf: parts[index])
      parts[index] = TransitionExamples()
    }
    all.gather(from: processes)
    return all
  }
}

/// Explores batches of sentences on one thread.
private final class Explorer {
  private let scorer: TransitionScorer
  private let pool = ParserStatePool()

  init(_ engine: ParserEngine, context: ComputeContext) {
    scorer = TransitionScorer(engine, context: context)
  }

  func explore(
    _ sentences: [Int], of trees: EncodedTrees, share: Double, seed: UInt64, epoch: Int
  ) -> TransitionExamples {
    let engine = scorer.engine
    var examples = TransitionExamples()
    examples.reserveCapacity(2 * sentences.reduce(0) { $0 + trees.wordCount($1) })
    var nodes = [Int32](repeating: -1, count: FeatureTemplate.nodeCount)
    let starts = scorer.begin(sentences[...], of: trees)
    var states = pool.start(wordCounts: sentences.map(trees.wordCount))
    let oracles = sentences.map {
      DynamicOracle(heads: Array(trees.heads[trees.starts[$0]..<trees.starts[$0 + 1]]))
    }
    var random = sentences.map {
      Philox(seed: seed, stream: RandomPurpose.task.stream(epoch << 32 | ($0 + 1)))
    }
    let threshold = Float(share)
    var active = states.indices.filter { engine.advance(&states[$0]) }
    while !active.isEmpty {
      scorer.removeStates()
      for index in active { scorer.add(states[index], start: starts[index]) }
      var kept = 0
      scorer.withScores { scores in
        for (row, index) in active.enumerated() {
          let sentence = sentences[index]
          let labels = trees.labels[trees.starts[sentence]..<trees.starts[sentence + 1]]
          let (target, best) = scores.withRow(row) { scores in
            (
              engine.cheapest(scores, states[index], oracles[index], labels),
              engine.best(scores, states[index])
            )
          }
          nodes.withUnsafeMutableBufferPointer { nodes in
            guard let base = nodes.baseAddress else { return }
            FeatureTemplate.write(states[index], engine.numbers.system, to: base)
            examples.append(states[index], nodes: base, sentence: sentence, transition: target)
          }
          let goesAstray = random[index].nextUniform() < threshold
          states[index].apply(goesAstray ? best : target, engine.numbers)
          if engine.advance(&states[index]) {
            active[kept] = index
            kept += 1
          }
        }
      }
      active.removeLast(active.count - kept)
    }
    return examples
  }
}

extension ParserEngine {
  /// Of the transitions of least cost, arcs with their gold labels, that of the highest score.
  fileprivate func cheapest(
    _ scores: UnsafeBufferPointer<Float>, _ state: ParserState, _ oracle: DynamicOracle,
    _ labels: ArraySlice<Int32>
  ) -> Int {
    let costs = oracle.costs(state)
    let label = max(0, Int(labels[labels.startIndex + Int(state.onStack(0))]))
    var best = 0
    var least = Int.max
    for (cost, number) in [
      (costs.shift, 0), (costs.left, numbers.number(.left, label: label)),
      (costs.right, numbers.number(.right, label: label)),
    ] {
      guard let cost else { continue }
      if cost < least || (cost == least && scores[number] > scores[best]) {
        least = cost
        best = number
      }
    }
    return best
  }
}
