// A residual network with two heads: one tells the ring that a point is in, the other how far out
// it is.

import MePropTraining

var random = Philox(seed: 7)
let points = (0..<4_000).map { _ in (0..<2).map { _ in Float.random(in: -1...1, using: &random) } }
let radii = points.map { ($0[0] * $0[0] + $0[1] * $0[1]).squareRoot() }
let rings = radii.map { min(3, Int($0 * 3)) }

let network = Chain {
  Linear(2, 96, activation: .relu, using: &random)
  Residual {
    LayerNorm(96)
    Linear(96, 96, activation: .relu, using: &random)
    Linear(96, 96, using: &random)
  }
  Parallel(
    Linear(96, 4, using: &random).named("ring"), Linear(96, 1, using: &random).named("radius"))
}
let trainer = Trainer(
  network, loss: PairLoss(SoftmaxCrossEntropy(), HuberLoss(), split: 4),
  optimizer: .adam(untouchedRows: .skip), selection: .top(k: .ratio(0.1), memory: 0.9))
try trainer.fit(
  Array(points[..<3_000]), Paired(Array(rings[..<3_000]), Array(radii[..<3_000])), epochs: 20,
  schedule: .linear)

let outputs = trainer.model.outputs(of: Array(points[3_000...]))
var correct = 0
var error = Float(0)
for (output, place) in zip(outputs, 3_000...) {
  let ring = (0..<4).max { output[$0] < output[$1] }
  if ring == rings[place] { correct += 1 }
  error += abs(output[4] - radii[place]) / Float(outputs.count)
}
print("accuracy: \(Double(correct) / 10) %, mean error of the radius: \(error)")
precondition(correct > 900 && error < 0.1, "TwoHeads: the network did not learn")
