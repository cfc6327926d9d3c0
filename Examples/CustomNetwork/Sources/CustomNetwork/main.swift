// A network of your own shape on your own arrays: which of four rings is a point in?

import MePropCore
import MePropNN

var random = Philox(seed: 42)
let points = (0..<4_000).map { _ in [random.nextUniform() * 2 - 1, random.nextUniform() * 2 - 1] }
let rings = points.map { Int32(min(3, ($0[0] * $0[0] + $0[1] * $0[1]).squareRoot() * 3)) }
let (training, test) = (0..<3_000, 3_000..<4_000)

let context = ComputeContext(threadCount: ComputeContext.availableThreads)
let network = MLP(inputSize: 2, hiddenSizes: [128, 64], outputSize: 4, activation: .relu, seed: 1)
let trainer = MLPTrainer(
  network, optimizer: .adam(learningRate: 0.003, untouchedRows: .skip),
  selection: .top(k: .ratio(0.1), memory: 0.9), context: context)
try trainer.fit(Matrix(Array(points[training])), labels: Array(rings[training]), epochs: 20)

let found = trainer.network.predictions(for: Matrix(Array(points[test])), context: context)
let correct = zip(found, rings[test]).count { $0 == $1 }
print("accuracy: \(Double(correct) * 100 / Double(test.count)) %")
