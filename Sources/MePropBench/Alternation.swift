// Operations of ours and of PyTorch, taking turns.

/// What PyTorch is asked to time beside operations of ours.
struct TorchQuestion: Hashable {
  /// The request without its seconds.
  var text: String
  /// Whether rounding to bf16 changes what it does.
  var hasPrecisions = true
}

/// Times of PyTorch.
struct TorchTimes {
  /// As it comes, in microseconds.
  let microseconds: Double
  /// Of its fastest variant.
  let best: Double

  /// Summarizes times by variant, the first of them as PyTorch comes; each variant has at least
  /// one.
  init(_ times: [[Double]]) {
    let medians = times.map { Timing($0).microseconds }
    microseconds = medians[0]
    best = medians.min() ?? medians[0]
  }
}

extension Benchmark {
  private static let torchRounds = 3

  /// Times operations in turn; where PyTorch is measured too, it has its turns between three rounds
  /// of them.
  ///
  /// - Parameters:
  ///   - operations: Ours, as `Timing.samples` takes them.
  ///   - seconds: Roughly how long ours take in all.
  ///   - torch: PyTorch; `nil`: none.
  ///   - questions: What it is asked.
  /// - Returns: Our timings, and PyTorch's by question.
  /// - Throws: ``BenchmarkInterrupted``, ``TorchError``, and what operations throw.
  func alternate(
    _ operations: [(Int) throws -> Void], seconds: Double, torch: TorchBaseline? = nil,
    asking questions: [TorchQuestion] = []
  ) throws -> (own: [Timing], torch: [TorchQuestion: TorchTimes]) {
    guard let torch, !questions.isEmpty else {
      let own = try Timing.alternating(
        operations, seconds: seconds, isInterrupted: isInterrupted)
      return (own, [:])
    }
    let rounds = Double(Self.torchRounds)
    var own = operations.map { _ in [Double]() }
    var answers: [TorchQuestion: [[Double]]] = [:]
    for round in 0..<Self.torchRounds {
      let samples = try Timing.samples(
        of: operations, seconds: seconds / rounds, warmUp: round == 0 ? 2 : 1, leastTurns: 3,
        isInterrupted: isInterrupted)
      for (index, times) in samples.enumerated() { own[index] += times }
      for question in questions {
        let times = try ask(torch, question, seconds: settings.secondsPerRow / rounds)
        let before = answers[question] ?? times.map { _ in [Double]() }
        answers[question] = zip(before, times).map { $0 + $1 }
      }
    }
    return (own.map { Timing($0) }, answers.mapValues { TorchTimes($0) })
  }

  /// The times of one request by variant.
  func ask(_ torch: TorchBaseline, _ question: TorchQuestion, seconds: Double) throws -> [[Double]]
  {
    let variants = question.hasPrecisions ? torch.variants.indices : torch.floatVariants
    return try variants.map { variant in
      try torch.request("\(question.text) \(seconds)", variant: variant)
    }
  }

  /// Starts PyTorch for single operations, where it is measured.
  func startTorchOperations() throws -> TorchBaseline? {
    try settings.python.map {
      try TorchBaseline(
        python: $0, threads: settings.threads, program: TorchOperations.program,
        isInterrupted: isInterrupted)
    }
  }
}
