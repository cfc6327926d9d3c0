// Whole training steps of the parser, and greedy parsing, dense and with selection.

import Foundation
import MePropBench
import MePropCore
import MePropData
import MePropNN
import MePropTasks

extension Benchmark {
  /// A kind of step that is measured, dense and with k.
  private struct ParserStep {
    let name: String
    var assignments: [String] = []
    let batchSize: Int
    let k: Int
    let warmUp: Int
  }

  private static let parserSteps = [
    ParserStep(
      name: "preset paper", assignments: ["preset=paper"], batchSize: 10_000, k: 20, warmUp: 2),
    ParserStep(name: "default recipe", batchSize: 400, k: 50, warmUp: 30),
    ParserStep(name: "default recipe", batchSize: 100, k: 20, warmUp: 120),
  ]
  private static let parserHidden = 500
  private static let parserRounds = 3

  func runParser() throws {
    let (data, name) = try parserData()
    try checkFeatureSums()
    let torch = try settings.python.map {
      try TorchBaseline(
        python: $0, threads: settings.threads, program: TorchParser.program,
        isInterrupted: isInterrupted)
    }
    for step in Self.parserSteps {
      progress("parser: \(step.name), batch \(step.batchSize), \(name)")
      try runParserSteps(step, data: data, dataName: name, torch: torch)
    }
    progress("parser: greedy parsing, \(name)")
    try runParsing(data: data, dataName: name, torch: torch)
  }

  private func parserData() throws -> (data: ParserData, name: String) {
    guard let folder = settings.treebank else {
      return (MadeUpTrees.data(count: 3_000), "made up")
    }
    return (try ParserData(Treebank(folder: folder)), folder.lastPathComponent)
  }

  private func makeParser(_ assignments: [String], _ data: ParserData) throws -> ParserTask {
    let configuration = try TrainingRequest(
      assignments: assignments + [
        "threads=\(settings.threads)", "precision=\(settings.precisions[0].rawValue)",
      ]
    ).configuration(for: ParserConfiguration.schema)
    return try ParserTask(
      settings: ParserConfiguration.resolve(configuration).settings, data: data, context: context)
  }

  private func runParserSteps(
    _ kind: ParserStep, data: ParserData, dataName: String, torch: TorchBaseline?
  ) throws {
    let batchSize = kind.batchSize
    let modes = [
      (name: "dense, \(kind.name)", k: Self.parserHidden, settings: ["select=dense"]),
      (name: "top-k, \(kind.name)", k: kind.k, settings: ["select=top-k", "k=\(kind.k)"]),
    ]
    let tasks = try modes.map {
      try makeParser(kind.assignments + ["batch=\(batchSize)"] + $0.settings, data)
    }
    let shape = tasks[0].settings.shape
    var steps = tasks.map { _ in 0 }
    func runStep(_ index: Int) throws -> Double {
      try checkInterruption()
      let task = tasks[index]
      let step = steps[index] % task.stepsPerEpoch
      steps[index] += 1
      let before = Timing.now()
      let report = try task.trainStep(step, ofEpoch: 1)
      // The last batch of an epoch may be short.
      return (Timing.now() - before) * Double(batchSize) / Double(max(report.exampleCount, 1))
    }
    for (index, task) in tasks.enumerated() {
      try task.beginEpoch(1)
      for _ in 0..<kind.warmUp { _ = try runStep(index) }
    }
    var times = tasks.map { _ in [Double]() }
    var torchTimes: [[Double]] = torch.map { $0.variants.map { _ in [] } } ?? []
    let share = settings.secondsPerRow / Double(Self.parserRounds)
    for _ in 0..<Self.parserRounds {
      for index in tasks.indices {
        let start = Timing.now()
        repeat { times[index].append(try runStep(index)) } while Timing.now() - start < share * 1e6
      }
      if let torch {
        for variant in torch.variants.indices {
          try checkInterruption()
          torchTimes[variant] += try torch.request(
            "step \(batchSize) \(Self.request(shape)) \(share)", variant: variant)
        }
      }
    }
    let dense = Timing(times[0]).microseconds
    let torchMedians = torchTimes.map { Timing($0).microseconds }
    for (mode, times) in zip(modes, times) {
      let timing = Timing(times)
      report(
        BenchmarkRow(
          group: BenchmarkGroup.parser.rawValue, name: mode.name, batchSize: batchSize,
          inputSize: 48 * shape.embeddingSize, outputSize: Self.parserHidden, k: mode.k,
          threads: settings.threads, precision: settings.precisions[0], data: dataName,
          microseconds: timing.microseconds, spread: timing.spread, denseMicroseconds: dense,
          torchMicroseconds: torchMedians.first, torchBestMicroseconds: torchMedians.min(),
          perSecond: Double(batchSize) * 1e6 / timing.microseconds))
    }
  }

  /// The sizes of embeddings and hidden layers, as PyTorch's side reads them.
  private static func request(_ shape: ParserShape) -> String {
    "\(shape.embeddingSize) \(shape.hiddenSizes.map(String.init).joined(separator: ","))"
  }

  /// Times of parsing the development sentences; PyTorch's are those of the network's forward pass
  /// alone, two states a word and 2,000 of them at a time.
  private func runParsing(data: ParserData, dataName: String, torch: TorchBaseline?) throws {
    let task = try makeParser([], data)
    let shape = task.settings.shape
    try task.beginEpoch(1)
    for step in 0..<min(300, task.stepsPerEpoch) {
      try checkInterruption()
      _ = try task.trainStep(step, ofEpoch: 1)
    }
    let predictor = ParserPredictor(task.model, threadCount: settings.threads)
    let sentences = data.development.isEmpty ? data.training : data.development
    let words = sentences.reduce(0) { $0 + $1.wordCount }
    var times: [Double] = []
    var torchTimes: [[Double]] = torch.map { $0.variants.map { _ in [] } } ?? []
    for round in 0...2 * Self.parserRounds {
      try checkInterruption()
      let before = Timing.now()
      _ = predictor.parse(sentences)
      if round > 0 { times.append(Timing.now() - before) }
      if let torch {
        for variant in torch.variants.indices {
          let answer = try torch.request(
            "score 2000 \(Self.request(shape)) \(settings.secondsPerRow / 4)", variant: variant)
          torchTimes[variant] += answer.map { $0 / 1_000 * Double(words) }
        }
      }
    }
    let timing = Timing(times)
    let torchMedians = torchTimes.map { Timing($0).microseconds }
    report(
      BenchmarkRow(
        group: BenchmarkGroup.parser.rawValue, name: "greedy parsing, words",
        batchSize: words, inputSize: 48 * shape.embeddingSize, outputSize: Self.parserHidden,
        k: Self.parserHidden, threads: settings.threads, precision: settings.precisions[0],
        data: dataName, microseconds: timing.microseconds, spread: timing.spread,
        torchMicroseconds: torchMedians.first, torchBestMicroseconds: torchMedians.min(),
        perSecond: Double(words) * 1e6 / timing.microseconds))
  }

  /// Compares sums over features with the product of embeddings side by side, in double precision.
  private func checkFeatureSums() throws {
    let (symbols, size, positions, batch) = (300, 50, 48, 64)
    let layer = FeatureSum(
      symbolCount: symbols, embeddingSize: size, positionCount: positions,
      outputSize: Self.parserHidden, embeddingScale: 1, initialization: .uniformFanIn, seed: 5)
    var random = Philox(seed: 6)
    let features = (0..<batch * positions).map { _ in random.next(below: UInt32(symbols)) }
    var worst = WorstDifference()
    let (embeddings, weight) = (layer.embeddings.value, layer.weight.value)
    let input = Symbols(features, rowCount: batch, positionCount: positions)
    Predictor(layer, context: context).withOutput(of: input) { found in
      for example in stride(from: 0, to: batch, by: 7) {
        for output in stride(from: 0, to: Self.parserHidden, by: 11) {
          var sum = Double(layer.bias.value[0, output])
          for position in 0..<positions {
            let symbol = Int(features[example * positions + position])
            let row = position * Self.parserHidden + output
            for column in 0..<size {
              sum += Double(embeddings[symbol, column]) * Double(weight[row, column])
            }
          }
          worst.add(abs(max(sum, 0) - Double(found[example, output])))
        }
      }
    }
    guard worst.isBelow(1e-4) else {
      throw WrongResultError(
        operation: "sums over features", difference: worst.value, allowed: 1e-4)
    }
  }
}
