// Whole training steps of the paper's digit network: forward, loss, backward with selection, Adam.

import MePropCore
import MePropNN

/// One way to do a step.
private struct StepMode {
  var name: String
  var k: Int
  var policy: SelectionPolicy
  var untouched: Optimizer.UntouchedRows
}

extension Benchmark {
  private static let modes = [
    StepMode(name: "dense", k: 500, policy: .dense, untouched: .update),
    StepMode(name: "top-k", k: 20, policy: .top(k: .count(20)), untouched: .skip),
    StepMode(
      name: "top-k, all rows updated", k: 20, policy: .top(k: .count(20)), untouched: .update),
    StepMode(
      name: "top-k, unit memory", k: 20, policy: .top(k: .count(20), memory: 0.9),
      untouched: .skip),
    StepMode(
      name: "batch top-k, unit memory", k: 20, policy: .batchTop(k: .count(20), memory: 0.9),
      untouched: .skip),
    StepMode(name: "unified", k: 20, policy: .unified(k: .count(20)), untouched: .skip),
  ]

  /// A network so small that threads have nothing to share.
  private static let narrowModes = [
    StepMode(name: "dense", k: 20, policy: .dense, untouched: .update),
    StepMode(name: "top-k", k: 4, policy: .top(k: .count(4)), untouched: .skip),
  ]

  package func runSteps() throws {
    let torch = try settings.python.map {
      try TorchBaseline(python: $0, threads: settings.threads, isInterrupted: isInterrupted)
    }
    for batchSize in [10, 50, 128] {
      progress("steps: 784-500-500-10, batch \(batchSize)")
      try runSteps(Self.modes, hidden: 500, batchSize: batchSize, torch: torch)
    }
    progress("steps: 784-20-20-10, batch 10")
    try runSteps(Self.narrowModes, hidden: 20, batchSize: 10, torch: torch)
  }

  private func runSteps(
    _ modes: [StepMode], hidden: Int, batchSize: Int, torch: TorchBaseline?
  ) throws {
    let batches = DigitLikeBatches(count: 64, batchSize: batchSize)
    let kinds = settings.precisions.flatMap { precision in modes.map { (precision, $0) } }
    var trainers = kinds.map { precision, mode in
      PerceptronTrainer(
        Stack.perceptron([784, hidden, hidden, 10], precision: precision).named("layers"),
        loss: SoftmaxCrossEntropy(), optimizer: .adam(untouchedRows: mode.untouched),
        selection: mode.policy, context: context)
    }
    for (trainer, (precision, mode)) in zip(trainers, kinds) {
      // The second step is the first that has a memory, and moments that are not zero.
      for batch in 0..<2 {
        try checkInterruption()
        try StepCheck.check(
          trainer, "\(mode.name), \(precision.rawValue), batch \(batchSize)",
          input: batches.inputs[batch], labels: batches.labels[batch], context: context)
      }
    }
    // Selection settles within a few hundred steps: fewer rows are touched once most examples are
    // learned.
    for trainer in trainers {
      for step in 0..<300 {
        try checkInterruption()
        try trainer.train(batches.inputs[step % 64], batches.labels[step % 64])
      }
    }
    var times = kinds.map { _ in [Double]() }
    var torchTimes: [[Double]] = torch.map { $0.variants.map { _ in [] } } ?? []
    let rounds = 6
    for round in 0..<rounds {
      for (index, trainer) in trainers.enumerated() {
        let start = Timing.now()
        var step = round
        while Timing.now() - start < settings.secondsPerRow * 1e6 / Double(rounds) {
          try checkInterruption()
          let before = Timing.now()
          try trainer.train(batches.inputs[step % 64], batches.labels[step % 64])
          times[index].append(Timing.now() - before)
          step += 1
        }
      }
      if let torch {
        for variant in torch.variants.indices {
          try checkInterruption()
          torchTimes[variant] += try torch.stepMicroseconds(
            variant: variant, batchSize: batchSize, hidden: hidden,
            seconds: settings.secondsPerRow / Double(rounds))
        }
      }
    }
    trainers = []
    let timings = times.map { Timing($0) }
    let torchMedians = torchTimes.map { Timing($0).microseconds }
    for (index, ((precision, mode), timing)) in zip(kinds, timings).enumerated() {
      let dense = timings[index / modes.count * modes.count].microseconds
      report(
        BenchmarkRow(
          group: "steps", name: mode.name, batchSize: batchSize, inputSize: 784,
          outputSize: hidden, k: mode.k,
          threads: settings.threads, precision: precision,
          microseconds: timing.microseconds, spread: timing.spread,
          denseMicroseconds: dense, torchMicroseconds: torchMedians.first,
          torchBestMicroseconds: torchMedians.min()))
    }
  }
}
