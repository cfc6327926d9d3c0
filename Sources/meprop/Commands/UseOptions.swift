// What evaluate and predict compute in.

import ArgumentParser
import MePropTasks

/// How a model computes when it is used.
struct UseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What products read: for digits and parsers f32 or bf16 (default: as trained), for taggers int8, "
        + "weights and states of eight bits (default), or f32.", valueName: "f32|bf16|int8"))
  var precision: String?

  @Option(
    help: ArgumentHelp(
      "For taggers and parsers, threads to compute with (default: all).", valueName: "n"))
  var threads: Int?

  /// The threads to compute with.
  var threadCount: Int { threads ?? ComputeContext.availableThreads }

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: found \(threads), expected 1 to 256")
    }
  }

  /// What a tagger computes in.
  func taggerPrecision() throws -> LSTMPrecision {
    guard let precision else { return .int8 }
    guard let value = LSTMPrecision(rawValue: precision) else {
      throw UsageError("--precision: found '\(precision)', expected int8 or f32 for a tagger")
    }
    return value
  }

  /// What a parser computes in; `nil` for what it was trained in.
  func parserPrecision() throws -> Precision? {
    guard let precision else { return nil }
    guard let value = Precision(rawValue: precision) else {
      throw UsageError("--precision: found '\(precision)', expected f32 or bf16 for a parser")
    }
    return value
  }

  /// What a model of digits computes in; `nil` for what it was trained in.
  func digitsPrecision() throws -> Precision? {
    if let threads {
      throw UsageError(
        "--threads: found \(threads), but only taggers and parsers take it; leave it out")
    }
    guard let precision else { return nil }
    guard let value = Precision(rawValue: precision) else {
      throw UsageError("--precision: found '\(precision)', expected f32 or bf16 for digits")
    }
    return value
  }
}
