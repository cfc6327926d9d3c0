// Tagging sentences with a network that is not being trained.

import MePropCore
import MePropNN
import MePropTraining

/// Finds the classes of the words of encoded sentences, keeping its memory between batches.
final class TaggerInference {
  private let predictor: Predictor<TaggerNetwork>
  private var symbols = TaggerBatch.makeSymbols()

  /// Sentences that go together: a multiple of those whose sums are in registers at once.
  static let batchSize = 48

  init(_ network: TaggerNetwork, precision: Precision, context: ComputeContext) {
    predictor = Predictor(network.computing(in: precision), context: context)
  }

  /// The class of each word of `sentences`, at the places that the words have in `data`.
  private func classes(
    _ sentences: ArraySlice<Int>, of data: EncodedSentences, into classes: inout [Int32]
  ) {
    let batch = TaggerBatch(Array(sentences), of: data)
    batch.gather(data, into: &symbols)
    predictor.withOutput(of: symbols) { logits in
      for (position, place) in batch.places.enumerated() {
        classes[place] = Int32(logits.largestColumn(ofRow: position))
      }
    }
  }

  /// The class of each word of all sentences, in batches of sentences of similar length.
  ///
  /// Where a signal asks the run to stop, the rest is left out: callers in a run then ask
  /// `InterruptFlag.checkRun`. Each of several processes tags its share of the batches.
  func classes(
    of data: EncodedSentences, into classes: inout [Int32],
    processes: any Communicator = SingleProcess()
  ) {
    if classes.count < data.words.count {
      classes = Array(repeating: 0, count: data.words.count)
    }
    let order = (0..<data.count).filter { data.length($0) > 0 }
      // The longest first, so that memory is taken once.
      .sorted { (data.length($1), $0) < (data.length($0), $1) }
    let starts = stride(from: 0, to: order.count, by: Self.batchSize) + [order.count]
    for batch in processes.share(of: starts.count - 1) {
      if InterruptFlag.ofRun?.signal != nil { return }
      self.classes(order[starts[batch]..<starts[batch + 1]], of: data, into: &classes)
    }
    guard processes.size > 1 else { return }
    let places = order.flatMap { data.starts[$0]..<data.starts[$0 + 1] }
    var wordStarts = [0]
    for (first, last) in zip(starts, starts.dropFirst()) {
      wordStarts.append(
        order[first..<last].reduce(wordStarts[wordStarts.count - 1]) { $0 + data.length($1) })
    }
    var found = places.map { classes[$0] }
    processes.complete(&found, starts: wordStarts)
    for (place, found) in zip(places, found) { classes[place] = found }
  }
}
