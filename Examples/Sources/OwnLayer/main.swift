// A layer of one's own in a network of one's own: gated linear units tell rings apart.

import MePropTraining

var random = Philox(seed: 11)
let points = (0..<4_000).map { _ in (0..<2).map { _ in Float.random(in: -1...1, using: &random) } }
let rings = points.map { min(3, Int(($0[0] * $0[0] + $0[1] * $0[1]).squareRoot() * 3)) }

let network = Chain {
  GatedLinear(2, 64, using: &random)
  GatedLinear(64, 64, using: &random)
  Linear(64, 4, using: &random)
}
let trainer = Trainer(
  network, loss: SoftmaxCrossEntropy(),
  optimizer: .adam(learningRate: 0.003, untouchedRows: .skip),
  selection: .top(k: .count(8), memory: 0.9))
try trainer.fit(Array(points[..<3_000]), Array(rings[..<3_000]), epochs: 20, schedule: .linear)

for (name, statistics) in trainer.takeStatistics() {
  print("\(name): \(statistics.meanTouchedRows) rows touched a step")
}
let found = trainer.model.classes(of: Array(points[3_000...]))
let accuracy = Double(zip(found, rings[3_000...]).count { $0 == $1 }) / 10
print("accuracy: \(accuracy) %")
precondition(accuracy > 90, "OwnLayer: the network did not learn")
