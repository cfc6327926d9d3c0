// Tagging sentences with a network that is not being trained.

import MePropCore
import MePropNN

/// Finds the classes of the words of encoded sentences, keeping its memory between batches.
final class TaggerInference {
  private let context: ComputeContext
  private let lstm: LSTMInference
  private var input: Matrix
  private var logits: Matrix

  init(for network: TaggerNetwork, context: ComputeContext) {
    self.context = context
    lstm = LSTMInference(for: network.lstm)
    input = Matrix(rowCount: 0, columnCount: network.lstm.inputSize)
    logits = Matrix(rowCount: 0, columnCount: network.output.outputSize)
  }

  /// The class of each word of `sentences`, at the places that the words have in `data`.
  func classes(
    _ sentences: [Int], of data: EncodedSentences, words: Matrix, features: Matrix,
    layers: [[LSTMWeights]], output: Linear, into classes: inout [Int32]
  ) {
    let batch = TaggerBatch(sentences, of: data)
    batch.gather(data, words: words, features: features, into: &input)
    logits.setRowCount(batch.places.count)
    lstm.withOutput(of: layers, input, packing: batch.packing, context: context) { states in
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
  func classes(
    of data: EncodedSentences, words: Matrix, features: Matrix, layers: [[LSTMWeights]],
    output: Linear, batchSize: Int = 32
  ) -> [Int32] {
    var classes = [Int32](repeating: 0, count: data.words.count)
    let order = (0..<data.count).sorted { (data.length($0), $0) < (data.length($1), $1) }
    for start in stride(from: 0, to: order.count, by: batchSize) {
      self.classes(
        Array(order[start..<min(start + batchSize, order.count)]), of: data, words: words,
        features: features, layers: layers, output: output, into: &classes)
    }
    return classes
  }
}
