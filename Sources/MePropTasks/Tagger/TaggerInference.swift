// Tagging sentences with a network that is not being trained.

import MePropCore
import MePropNN

/// Finds the classes of the words of encoded sentences, keeping its memory between batches.
final class TaggerInference {
  private let context: ComputeContext
  private let lstm: LSTMInference
  private let words: Matrix
  private let features: Matrix
  private let output: Linear
  private var input: Matrix
  private var logits: Matrix

  /// Sentences that go together: a multiple of those whose sums are in registers at once.
  static let batchSize = 48

  init(_ network: TaggerNetwork, precision: LSTMPrecision, context: ComputeContext) {
    self.context = context
    lstm = LSTMInference(network.lstm, precision: precision, context: context)
    words = network.words
    features = network.features
    output = network.output
    input = Matrix(rowCount: 0, columnCount: network.lstm.inputSize)
    logits = Matrix(rowCount: 0, columnCount: network.output.outputSize)
  }

  /// The class of each word of `sentences`, at the places that the words have in `data`.
  private func classes(
    _ sentences: ArraySlice<Int>, of data: EncodedSentences, into classes: inout [Int32]
  ) {
    let batch = TaggerBatch(Array(sentences), of: data)
    batch.gather(data, words: words, features: features, into: &input)
    logits.setRowCount(batch.places.count)
    lstm.withOutput(input, packing: batch.packing) { states in
      context.multiplyThin(
        states, byTransposeOf: output.weight, bias: output.bias, into: &logits)
    }
    for (position, place) in batch.places.enumerated() {
      classes[place] = logits.withRow(position) { row in
        var best = 0
        for column in 1..<max(row.count, 1) where row[column] > row[best] { best = column }
        return Int32(best)
      }
    }
  }

  /// The class of each word of all sentences, in batches of sentences of similar length.
  func classes(of data: EncodedSentences, into classes: inout [Int32]) {
    if classes.count < data.words.count {
      classes = Array(repeating: 0, count: data.words.count)
    }
    let order = (0..<data.count).filter { data.length($0) > 0 }
      .sorted { (data.length($0), $0) < (data.length($1), $1) }
    for start in stride(from: 0, to: order.count, by: Self.batchSize) {
      self.classes(
        order[start..<min(start + Self.batchSize, order.count)], of: data, into: &classes)
    }
  }
}
