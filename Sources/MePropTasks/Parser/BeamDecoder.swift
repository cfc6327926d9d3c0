// Parsing with several hypotheses a sentence.

import MePropCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Parses sentences by the most probable sequence of transitions that a beam finds.
///
/// The probability of a sequence is the product of its transitions', each from the network's
/// softmax over all transitions; of several hypotheses the `width` most probable ones go on.
final class BeamDecoder {
  /// A sequence of transitions.
  private struct Hypothesis {
    var state: ParserState
    var score: Double
    var isFinal: Bool
  }

  /// A step that a hypothesis may make; `number` is negative where it only waits, being final.
  private struct Candidate {
    var parent: Int
    var number: Int
    var score: Double
  }

  private let scorer: TransitionScorer
  private let width: Int
  private let pool = ParserStatePool()

  /// Creates a decoder that keeps `width` hypotheses a sentence, at least 1.
  init(_ engine: ParserEngine, width: Int, context: ComputeContext) {
    scorer = TransitionScorer(engine, context: context)
    self.width = width
  }

  /// Parses sentences of `trees` and calls `receive` with the final state of each one's best
  /// hypothesis.
  func parse(
    _ sentences: ArraySlice<Int>, of trees: EncodedTrees, _ receive: (Int, ParserState) -> Void
  ) {
    let engine = scorer.engine
    let starts = scorer.begin(sentences, of: trees)
    // Two states a hypothesis: those that were, and those that come of them.
    let memory = pool.start(wordCounts: sentences.map(trees.wordCount), copies: 2 * width)
    var beams: [[Hypothesis]] = starts.indices.map { index in
      var state = memory[2 * width * index]
      let goesOn = engine.advance(&state)
      return [Hypothesis(state: state, score: 0, isFinal: !goesOn)]
    }
    var isSecondHalf = [Bool](repeating: false, count: beams.count)
    var active = beams.indices.filter { !beams[$0][0].isFinal }
    while !active.isEmpty {
      scorer.removeStates()
      for index in active {
        for hypothesis in beams[index] where !hypothesis.isFinal {
          scorer.add(hypothesis.state, start: starts[index])
        }
      }
      scorer.withScores { scores in
        var row = 0
        for index in active {
          var candidates: [Candidate] = []
          for (parent, hypothesis) in beams[index].enumerated() {
            if hypothesis.isFinal {
              candidates.append(Candidate(parent: parent, number: -1, score: hypothesis.score))
            } else {
              scores.withRow(row) { expand(hypothesis, parent, $0, into: &candidates) }
              row += 1
            }
          }
          candidates.sort { ($1.score, $0.parent, $0.number) < ($0.score, $1.parent, $1.number) }
          isSecondHalf[index].toggle()
          let first = 2 * width * index + (isSecondHalf[index] ? width : 0)
          beams[index] = candidates.prefix(width).enumerated().map { place, candidate in
            let parent = beams[index][candidate.parent]
            var state = ParserState(
              copy: parent.state, memory: memory[first + place].stack)
            var isFinal = parent.isFinal
            if candidate.number >= 0 {
              state.apply(candidate.number, engine.numbers)
              isFinal = !engine.advance(&state)
            }
            return Hypothesis(state: state, score: candidate.score, isFinal: isFinal)
          }
        }
      }
      // The first hypothesis is the best; a final one cannot become better, nor any other better
      // than it.
      active.removeAll { beams[$0][0].isFinal }
    }
    for (index, sentence) in sentences.enumerated() { receive(sentence, beams[index][0].state) }
  }

  /// Adds what an unfinished hypothesis may do next.
  private func expand(
    _ hypothesis: Hypothesis, _ parent: Int, _ scores: UnsafeBufferPointer<Float>,
    into candidates: inout [Candidate]
  ) {
    let highest = scores.reduce(-Float.infinity, max)
    let sum = scores.reduce(0.0) { $0 + exp(Double($1 - highest)) }
    let base = hypothesis.score - Double(highest) - log(sum)
    scorer.engine.forEachAllowed(hypothesis.state) { number in
      candidates.append(
        Candidate(parent: parent, number: number, score: base + Double(scores[number])))
    }
  }
}
