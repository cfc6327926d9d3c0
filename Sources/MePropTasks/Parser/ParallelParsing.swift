// Batches of sentences shared among threads, with the same results for any number of them.

import Foundation
import MePropCore
import MePropTraining

/// How sentences are parsed together: in batches of similar length, whatever the number of threads,
/// because the order in which a product is summed may depend on how many states are scored at once.
enum ParserBatches {
  /// About how many words a batch has.
  static let wordCount = 2048

  /// Batches of sentences, the longest first; without empty sentences.
  static func make(_ trees: EncodedTrees) -> [ArraySlice<Int>] {
    let order = (0..<trees.count).filter { trees.wordCount($0) > 0 }
      .sorted { (-trees.wordCount($0), $0) < (-trees.wordCount($1), $1) }
    var batches: [ArraySlice<Int>] = []
    var start = 0
    var words = 0
    for (place, sentence) in order.enumerated() {
      words += trees.wordCount(sentence)
      if words >= wordCount {
        batches.append(order[start...place])
        start = place + 1
        words = 0
      }
    }
    if start < order.count { batches.append(order[start...]) }
    return batches
  }

  /// Calls `work` once for each number below `count`, on `threadCount` threads that each make a
  /// worker first.
  ///
  /// Where a signal asks the run to stop, the rest is left out: callers in a run then ask
  /// `InterruptFlag.checkRun`.
  static func forEach<Worker>(
    count: Int, threadCount: Int, makeWorker: @Sendable () -> Worker,
    work: @Sendable (Worker, Int) -> Void
  ) {
    let threads = max(1, min(threadCount, count))
    let interrupt = InterruptFlag.ofRun
    if threads == 1 {
      let worker = makeWorker()
      for index in 0..<count where interrupt?.signal == nil { work(worker, index) }
      return
    }
    let counter = SharedCounter()
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      let worker = makeWorker()
      while true {
        let index = counter.next()
        if index >= count || interrupt?.signal != nil { break }
        work(worker, index)
      }
    }
  }
}

/// Counts up from 0 for several threads.
private final class SharedCounter: @unchecked Sendable {
  private let lock = NSLock()
  private var value = 0

  func next() -> Int {
    lock.withLock {
      defer { value += 1 }
      return value
    }
  }
}

/// Places that several threads write, each to its own part.
struct SharedPlaces<Element: Sendable>: @unchecked Sendable {
  let base: UnsafeMutablePointer<Element>?

  init(_ buffer: UnsafeMutableBufferPointer<Element>) { base = buffer.baseAddress }

  func set(_ place: Int, to value: Element) { base?[place] = value }
}

extension ParserEngine {
  /// Parses all sentences of `trees`.
  ///
  /// - Parameters:
  ///   - trees: Sentences; heads and labels are not looked at.
  ///   - beamWidth: Hypotheses a sentence; 1 for the best transition at every step.
  ///   - threadCount: Threads to compute with.
  ///   - processes: Each parses its share of the batches.
  /// - Returns: Heads and labels by node.
  func parse(
    _ trees: EncodedTrees, beamWidth: Int = 1, threadCount: Int,
    processes: any Communicator = SingleProcess()
  ) -> ParsedTrees {
    var result = ParsedTrees(nodeCount: trees.heads.count)
    let all = ParserBatches.make(trees)
    let batches = Array(all[processes.share(of: all.count)])
    result.heads.withUnsafeMutableBufferPointer { heads in
      result.labels.withUnsafeMutableBufferPointer { labels in
        let heads = SharedPlaces(heads)
        let labels = SharedPlaces(labels)
        @Sendable func store(_ sentence: Int, _ state: ParserState) {
          let start = trees.starts[sentence]
          for node in 1...trees.wordCount(sentence) {
            heads.set(start + node, to: state.heads[node])
            labels.set(start + node, to: state.labels[node])
          }
        }
        if beamWidth > 1 {
          ParserBatches.forEach(
            count: batches.count, threadCount: threadCount,
            makeWorker: {
              BeamDecoder(self, width: beamWidth, context: ComputeContext(threadCount: 1))
            }, work: { $0.parse(batches[$1], of: trees, store) })
        } else {
          ParserBatches.forEach(
            count: batches.count, threadCount: threadCount,
            makeWorker: { GreedyDecoder(self, context: ComputeContext(threadCount: 1)) },
            work: { $0.parse(batches[$1], of: trees, store) })
        }
      }
    }
    if processes.size > 1 { result.complete(all, of: trees, processes) }
    return result
  }
}

extension ParsedTrees {
  /// Takes the sentences that other processes parsed.
  fileprivate mutating func complete(
    _ batches: [ArraySlice<Int>], of trees: EncodedTrees, _ processes: any Communicator
  ) {
    var starts = [0]
    var nodes: [Int] = []
    for batch in batches {
      for sentence in batch { nodes += trees.starts[sentence]..<trees.starts[sentence + 1] }
      starts.append(nodes.count)
    }
    var found = nodes.map { SIMD2(heads[$0], labels[$0]) }
    processes.complete(&found, starts: starts)
    for (node, arc) in zip(nodes, found) { (heads[node], labels[node]) = (arc.x, arc.y) }
  }
}
