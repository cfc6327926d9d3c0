// Training in PyTorch until a target is reached, in a process of its own.

import Foundation
import MePropBench

/// Trains a task in PyTorch.
struct TorchTrainer {
  let python: String
  let task: AccuracyTask
  let data: URL
  let target: Double
  let vendorLibrary: String?
  let isInterrupted: () -> Bool
  let progress: (String) -> Void

  /// Trains with one seed.
  ///
  /// - Parameters:
  ///   - variant: How PyTorch computes.
  ///   - seed: Of its random numbers.
  ///   - limit: Seconds after which it is stopped; `nil`: none.
  /// - Returns: What it took; `nil` where the target was not reached, or not soon enough, which is
  ///   told.
  /// - Throws: ``TorchError``, ``BenchmarkInterrupted``, `ConfigurationError`.
  func train(_ variant: TorchVariant, seed: Int, limit: Double? = nil) throws -> AccuracyTime? {
    let title = "\(task.rawValue), seed \(seed): PyTorch, \(variant.text)"
    progress(title)
    let settings = try task.torchSettings(variant, seed: seed, target: target)
    let process = TimedProcess(
      [python, "-c", task.torchProgram, data.path, settings.description],
      preload: variant.satisfiesVendorCheck ? vendorLibrary : nil)
    let outcome: TimedProcess.Outcome
    do {
      outcome = try process.run(limit: limit, isInterrupted: isInterrupted) { line in
        if line.hasPrefix("epoch ") { progress("\(title): \(line)") }
      }
    } catch let error where !(error is BenchmarkInterrupted) {
      throw TorchError.notStarted(python: python, reason: error.localizedDescription)
    }
    switch outcome {
    case .silent: throw TorchError.silent(python: python, seconds: process.silenceLimit)
    case .tooLong:
      progress("\(title): slower than the best so far")
      return nil
    case .ended(let report):
      let answer = report.output.split(separator: "\n").last?.split(separator: " ") ?? []
      if report.status == 0, answer.count == 2, answer[0] == "reached",
        let epochs = Int(answer[1])
      {
        progress(String(format: "%@: %.2f s", title, report.seconds))
        return AccuracyTime(seconds: report.seconds, epochs: epochs)
      }
      if report.status == 0, answer.count == 2, answer[0] == "missed" {
        progress("\(title): \(target) % was not reached; best \(answer[1]) %")
        return nil
      }
      if isInterrupted() { throw BenchmarkInterrupted() }
      throw TorchError.ended(python: python, output: report.lastMessage)
    }
  }
}
