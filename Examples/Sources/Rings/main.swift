// A network of your own shape on your own arrays: which of four rings is a point in?

import Foundation
import MePropTraining

var random = Philox(seed: 42)
let points = (0..<4_000).map { _ in (0..<2).map { _ in Float.random(in: -1...1, using: &random) } }
let rings = points.map { min(3, Int(($0[0] * $0[0] + $0[1] * $0[1]).squareRoot() * 3)) }

var network = Chain {
  Linear(2, 128, activation: .relu, using: &random)
  Residual { Linear(128, 128, activation: .relu, using: &random) }
  Linear(128, 4, using: &random)
}
let trainer = Trainer(
  network, loss: SoftmaxCrossEntropy(), optimizer: .adam(untouchedRows: .skip),
  selection: .top(k: .ratio(0.1), memory: 0.9))
try trainer.fit(Array(points[..<3_000]), Array(rings[..<3_000]), epochs: 20)
print("loss:", trainer.evaluate(Array(points[3_000...]), Array(rings[3_000...])))

let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rings")
try trainer.model.save(to: folder)
try network.load(from: folder)
let pairs = zip(network.classes(of: Array(points[3_000...])), rings[3_000...])
print("accuracy: \(Double(pairs.count { $0 == $1 }) / 10) %")

precondition(pairs.count { $0 == $1 } > 900, "Rings: the network did not learn")
