// A classifier of sentences: embeddings, an LSTM in both directions, the mean over the words.
//
// The sentences are made up: symbols at random, and in half of them symbol 1 comes before symbol 2.

import MePropTraining

var random = Philox(seed: 3)
let labels = (0..<3_000).map { _ in Int.random(in: 0...1, using: &random) }
let sentences = labels.map { label in
  var words = (0..<Int.random(in: 4...12, using: &random)).map { _ in
    Int.random(in: 3..<50, using: &random)
  }
  let places = (0..<words.count).shuffled(using: &random).prefix(2).sorted()
  words[places[0]] = label == 1 ? 1 : 2
  words[places[1]] = label == 1 ? 2 : 1
  return words
}

let network = Chain {
  Embedding(50, 32, using: &random)
  LSTM(32, 48, using: &random)
  MeanPool(96)
  Linear(96, 2, using: &random)
}
let trainer = Trainer(
  network, loss: SoftmaxCrossEntropy(),
  optimizer: .adam(learningRate: 0.003, untouchedRows: .skip),
  selection: .top(k: .count(8)))
try trainer.fit(
  Array(sentences[..<2_500]), Array(labels[..<2_500]), batchSize: 16, epochs: 8,
  schedule: .linear
) { epoch, loss in print("epoch \(epoch): loss \(loss)") }

let found = trainer.model.classes(of: Array(sentences[2_500...]))
let accuracy = Double(zip(found, labels[2_500...]).count { $0 == $1 }) / 5
print("accuracy: \(accuracy) %")
precondition(accuracy > 90, "Sentences: the network did not learn")
