// The keys of the digits task as flags. Texts: the configuration checks them, as in a file.

import ArgumentParser
import MePropTasks

/// A flag for each key of the configuration of the digits task.
struct DigitsFlags: ParsableArguments {
  @Option(parsing: .unconditional, help: digitsHelp("data", "name|folder"), completion: .directory)
  var data: String?
  @Option(parsing: .unconditional, help: digitsHelp("classes", "n")) var classes: String?
  @Option(parsing: .unconditional, help: digitsHelp("dev-count", "n")) var devCount: String?
  @Option(parsing: .unconditional, help: digitsHelp("train-limit", "n")) var trainLimit: String?
  @Option(parsing: .unconditional, help: digitsHelp("epochs", "n")) var epochs: String?
  @Option(parsing: .unconditional, help: digitsHelp("patience", "n")) var patience: String?
  @Option(parsing: .unconditional, help: digitsHelp("target", "x")) var target: String?
  @Option(parsing: .unconditional, help: digitsHelp("batch", "n")) var batch: String?
  @Option(parsing: .unconditional, help: digitsHelp("seed", "n")) var seed: String?
  @Option(parsing: .unconditional, help: digitsHelp("threads", "n|auto")) var threads: String?
  @Option(
    parsing: .unconditional, help: digitsHelp("precision", "f32|bf16"),
    completion: digitsChoices("precision")) var precision: String?
  @Option(parsing: .unconditional, help: digitsHelp("hidden", "n,n,…")) var hidden: String?
  @Option(
    parsing: .unconditional, help: digitsHelp("activation", "name"),
    completion: digitsChoices("activation")) var activation: String?
  @Option(
    parsing: .unconditional, help: digitsHelp("initialization", "name"),
    completion: digitsChoices("initialization")) var initialization: String?
  @Option(parsing: .unconditional, help: digitsHelp("dropout", "p")) var dropout: String?
  @Option(
    parsing: .unconditional, help: digitsHelp("select", "policy"),
    completion: digitsChoices("select")) var select: String?
  @Option(parsing: .unconditional, help: digitsHelp("k", "n|ratio")) var k: String?
  @Option(parsing: .unconditional, help: digitsHelp("k-epochs", "n,n,…")) var kEpochs: String?
  @Option(parsing: .unconditional, help: digitsHelp("memory", "beta")) var memory: String?
  @Option(
    parsing: .unconditional, help: digitsHelp("memory-scope", "unit|slot"),
    completion: digitsChoices("memory-scope")) var memoryScope: String?
  @Option(parsing: .unconditional, help: digitsHelp("group", "n")) var group: String?
  @Option(parsing: .unconditional, help: digitsHelp("dense-start", "n")) var denseStart: String?
  @Option(parsing: .unconditional, help: digitsHelp("dense-every", "n")) var denseEvery: String?
  @Option(parsing: .unconditional, help: digitsHelp("select-output", "true|false"))
  var selectOutput: String?
  @Option(
    parsing: .unconditional, help: digitsHelp("optimizer", "name"),
    completion: digitsChoices("optimizer")) var optimizer: String?
  @Option(parsing: .unconditional, help: digitsHelp("learning-rate", "x")) var learningRate: String?
  @Option(
    parsing: .unconditional, help: digitsHelp("learning-rate-schedule", "name"),
    completion: digitsChoices("learning-rate-schedule")) var learningRateSchedule: String?
  @Option(parsing: .unconditional, help: digitsHelp("momentum", "x")) var momentum: String?
  @Option(
    parsing: .unconditional, help: digitsHelp("untouched", "update|skip"),
    completion: digitsChoices("untouched")) var untouched: String?
  @Option(parsing: .unconditional, help: digitsHelp("l2", "x")) var l2: String?
  @Option(parsing: .unconditional, help: digitsHelp("weight-decay", "x")) var weightDecay: String?
  @Option(parsing: .unconditional, help: digitsHelp("clip-value", "x")) var clipValue: String?
  @Option(parsing: .unconditional, help: digitsHelp("clip-norm", "x")) var clipNorm: String?

  /// The flags by key; `nil` for those not given.
  var values: [(key: String, value: String?)] {
    [
      ("data", data),
      ("classes", classes),
      ("dev-count", devCount),
      ("train-limit", trainLimit),
      ("epochs", epochs),
      ("patience", patience),
      ("target", target),
      ("batch", batch),
      ("seed", seed),
      ("threads", threads),
      ("precision", precision),
      ("hidden", hidden),
      ("activation", activation),
      ("initialization", initialization),
      ("dropout", dropout),
      ("select", select),
      ("k", k),
      ("k-epochs", kEpochs),
      ("memory", memory), ("memory-scope", memoryScope),
      ("group", group),
      ("dense-start", denseStart),
      ("dense-every", denseEvery),
      ("select-output", selectOutput),
      ("optimizer", optimizer),
      ("learning-rate", learningRate),
      ("learning-rate-schedule", learningRateSchedule),
      ("momentum", momentum),
      ("untouched", untouched),
      ("l2", l2),
      ("weight-decay", weightDecay),
      ("clip-value", clipValue),
      ("clip-norm", clipNorm),
    ]
  }
}

/// What a key is for, what it expects and its default.
private func digitsHelp(_ key: String, _ valueName: String) -> ArgumentHelp {
  let help = DigitsConfiguration.schema[key]?.help ?? ""
  return ArgumentHelp(stringLiteral: help).named(valueName)
}

/// The words that a key takes.
private func digitsChoices(_ key: String) -> CompletionKind {
  guard case .choice(let words) = DigitsConfiguration.schema[key]?.kind else { return .default }
  return .list(words)
}

extension ArgumentHelp {
  /// The same help with a name for the value.
  fileprivate func named(_ valueName: String) -> ArgumentHelp {
    var help = self
    help.valueName = valueName
    return help
  }
}
