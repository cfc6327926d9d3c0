// The paper's Tables 7 and 8 on this processor: unified selection in layers up to 8,192 wide.

import MePropCore

extension Benchmark {
  private static let widths = [512, 1_024, 2_048, 4_096, 8_192]
  private static let kept = [8, 16, 32, 64, 128, 256, 512]

  /// The examples in a batch of each table.
  static let table7Batch = 1_024
  static let table8Batch = 50

  /// The numbers of kept entries that are measured at a width.
  static func counts(below width: Int) -> [Int] { kept.filter { $0 < width } }

  package func runWidths() throws {
    let seconds = Self.widths.reduce(0.0) {
      $0 + forecastSeconds(ofTable7: $1) + forecastSeconds(ofTable8: $1)
    }
    progress("widths: about \(Self.duration(seconds))")
    let torch = try startTorchOperations()
    for width in Self.widths { try runTable7(width: width, torch) }
    for width in Self.widths { try runTable8(width: width, torch) }
  }

  /// Measures Table 7 at one width: both products of one square layer at batch 1,024.
  ///
  /// - Throws: ``WrongResultError``, ``TorchError``, ``BenchmarkInterrupted``.
  package func runTable7(width: Int) throws {
    try tellingInterruptions { try runTable7(width: width, try startTorchOperations()) }
  }

  /// Measures Table 8 at one width: the backward pass of a 784-h-h-10 network at batch 50, updates
  /// left out.
  ///
  /// - Throws: ``WrongResultError``, ``TorchError``, ``BenchmarkInterrupted``, and what training
  ///   throws.
  package func runTable8(width: Int) throws {
    try tellingInterruptions { try runTable8(width: width, try startTorchOperations()) }
  }

  // MARK: Forecasts

  /// About how many seconds ``runTable7(width:)`` takes: turns and their checks, from the measured
  /// peaks.
  package func forecastSeconds(ofTable7 width: Int) -> Double {
    let batch = Self.table7Batch
    let sparse = Self.counts(below: width).reduce(0.0) { sum, k in
      sum
        + limits.leastMicroseconds(
          multiplyAdds: 2 * batch * k * width, bytes: 4 * (3 * batch + 3 * k) * width)
    }
    let dense = limits.leastMicroseconds(
      multiplyAdds: 2 * batch * width * width, bytes: 4 * (3 * batch + 2 * width) * width)
    let turn = (sparse + dense) * 1e-6
    // Two turns that do not count, the check, and at least seven; more where PyTorch has turns in
    // between.
    let turns = settings.python == nil ? 10.0 : 14
    let own = max(turns * turn, turn + settings.secondsPerRow * 4)
    let numbers = Double(Self.table7Sets(width: width) * (2 * batch + width) * width)
    return 1.3 * (own + numbers * Self.secondsPerNumber)
      + torchSeconds(ofTurn: dense * 1e-6, numbers: Double((2 * batch + width) * width))
  }

  /// About how many seconds ``runTable8(width:)`` takes.
  package func forecastSeconds(ofTable8 width: Int) -> Double {
    let batch = Self.table8Batch
    let counts = Self.counts(below: width)
    let weights = (784 + width + 10) * width
    let forward = limits.leastMicroseconds(multiplyAdds: batch * weights, bytes: 4 * weights)
    let dense = limits.leastMicroseconds(
      multiplyAdds: batch * (weights + width * width), bytes: 8 * weights)
    let sparse = counts.reduce(0.0) { sum, k in
      sum
        + limits.leastMicroseconds(
          multiplyAdds: batch * k * (784 + 2 * width), bytes: 12 * k * (784 + width))
    }
    // After a dense step all weights are updated, by next to nothing.
    let update = limits.leastMicroseconds(multiplyAdds: 0, bytes: 12 * weights)
    let steps = Double(counts.count + 1) * forward + sparse + dense + update
    let rows = Double(counts.count + 1)
    let own = max(15 * steps * 1e-6, settings.secondsPerRow * rows)
    // Numbers to start with, the plain forward pass, and copies of the weights for each check.
    let plain = Double(weights) * (Self.secondsPerNumber + Double(batch) * 1e-9 + rows * 1e-9)
    return 1.3 * (own + plain) + torchSeconds(ofTurn: dense * 1e-6, numbers: Double(weights))
  }

  /// What a random number takes to make.
  private static let secondsPerNumber = 5e-8

  /// What PyTorch takes, where it is measured: three variants have three rounds of at least three
  /// turns, at half our speed, with numbers made anew.
  private func torchSeconds(ofTurn turn: Double, numbers: Double) -> Double {
    guard settings.python != nil else { return 0 }
    return 9 * max(settings.secondsPerRow / 3 + 2 * turn, 6 * turn) + 9 * numbers * 1e-8 + 10
  }

  /// A time for people: `40 s`, `4 min`, `2.5 h`.
  static func duration(_ seconds: Double) -> String {
    if seconds < 100 { return "\(Int(seconds.rounded(.up))) s" }
    if seconds < 6_000 { return "\(Int((seconds / 60).rounded())) min" }
    return "\((seconds / 360).rounded() / 10) h"
  }
}
