// The keys of the tagger task as flags. Texts: the configuration checks them, as in a file.

import ArgumentParser
import MePropTasks

/// A flag for each key of the configuration of the tagger task.
struct TaggerFlags: ParsableArguments {
  @Option(
    parsing: .unconditional, help: taggerHelp("preset", "name"),
    completion: taggerChoices("preset")) var preset: String?
  @Option(parsing: .unconditional, help: taggerHelp("data", "name|folder"), completion: .directory)
  var data: String?
  @Option(
    parsing: .unconditional, help: taggerHelp("column", "name"),
    completion: taggerChoices("column")) var column: String?
  @Option(parsing: .unconditional, help: taggerHelp("train-limit", "n")) var trainLimit: String?
  @Option(parsing: .unconditional, help: taggerHelp("epochs", "n")) var epochs: String?
  @Option(parsing: .unconditional, help: taggerHelp("patience", "n")) var patience: String?
  @Option(parsing: .unconditional, help: taggerHelp("target", "x")) var target: String?
  @Option(parsing: .unconditional, help: taggerHelp("batch", "n")) var batch: String?
  @Option(parsing: .unconditional, help: taggerHelp("seed", "n")) var seed: String?
  @Option(parsing: .unconditional, help: taggerHelp("threads", "n|auto")) var threads: String?
  @Option(
    parsing: .unconditional, help: taggerHelp("precision", "int8|f32"),
    completion: taggerChoices("precision")) var precision: String?
  @Option(parsing: .unconditional, help: taggerHelp("word-size", "n")) var wordSize: String?
  @Option(parsing: .unconditional, help: taggerHelp("feature-size", "n")) var featureSize: String?
  @Option(parsing: .unconditional, help: taggerHelp("hidden", "n")) var hidden: String?
  @Option(parsing: .unconditional, help: taggerHelp("layers", "n")) var layers: String?
  @Option(parsing: .unconditional, help: taggerHelp("bidirectional", "true|false"))
  var bidirectional: String?
  @Option(parsing: .unconditional, help: taggerHelp("embedding-scale", "x"))
  var embeddingScale: String?
  @Option(parsing: .unconditional, help: taggerHelp("vectors", "file"), completion: .file())
  var vectors: String?
  @Option(parsing: .unconditional, help: taggerHelp("vector-limit", "n")) var vectorLimit: String?
  @Option(parsing: .unconditional, help: taggerHelp("dropout", "p")) var dropout: String?
  @Option(parsing: .unconditional, help: taggerHelp("word-dropout", "p")) var wordDropout: String?
  @Option(parsing: .unconditional, help: taggerHelp("variational", "true|false"))
  var variational: String?
  @Option(
    parsing: .unconditional, help: taggerHelp("select", "policy"),
    completion: taggerChoices("select")) var select: String?
  @Option(parsing: .unconditional, help: taggerHelp("k", "n|ratio")) var k: String?
  @Option(parsing: .unconditional, help: taggerHelp("k-epochs", "n,n,…")) var kEpochs: String?
  @Option(parsing: .unconditional, help: taggerHelp("memory", "beta|auto")) var memory: String?
  @Option(
    parsing: .unconditional, help: taggerHelp("memory-scope", "unit|slot"),
    completion: taggerChoices("memory-scope")) var memoryScope: String?
  @Option(parsing: .unconditional, help: taggerHelp("group", "n")) var group: String?
  @Option(parsing: .unconditional, help: taggerHelp("dense-start", "n")) var denseStart: String?
  @Option(parsing: .unconditional, help: taggerHelp("dense-every", "n")) var denseEvery: String?
  @Option(
    parsing: .unconditional, help: taggerHelp("optimizer", "name"),
    completion: taggerChoices("optimizer")) var optimizer: String?
  @Option(parsing: .unconditional, help: taggerHelp("learning-rate", "x"))
  var learningRate: String?
  @Option(
    parsing: .unconditional, help: taggerHelp("learning-rate-schedule", "name"),
    completion: taggerChoices("learning-rate-schedule")) var learningRateSchedule: String?
  @Option(parsing: .unconditional, help: taggerHelp("average", "beta")) var average: String?
  @Option(parsing: .unconditional, help: taggerHelp("momentum", "x")) var momentum: String?
  @Option(
    parsing: .unconditional, help: taggerHelp("untouched", "update|skip"),
    completion: taggerChoices("untouched")) var untouched: String?
  @Option(parsing: .unconditional, help: taggerHelp("l2", "x")) var l2: String?
  @Option(parsing: .unconditional, help: taggerHelp("weight-decay", "x")) var weightDecay: String?
  @Option(parsing: .unconditional, help: taggerHelp("clip-value", "x")) var clipValue: String?

  /// The flags by key; `nil` for those not given.
  var values: [(key: String, value: String?)] {
    [
      ("preset", preset), ("data", data), ("column", column), ("train-limit", trainLimit),
      ("epochs", epochs), ("patience", patience), ("target", target), ("batch", batch),
      ("seed", seed), ("threads", threads), ("precision", precision),
      ("word-size", wordSize), ("feature-size", featureSize), ("hidden", hidden),
      ("layers", layers),
      ("bidirectional", bidirectional), ("embedding-scale", embeddingScale),
      ("vectors", vectors), ("vector-limit", vectorLimit),
      ("dropout", dropout), ("word-dropout", wordDropout), ("variational", variational),
      ("select", select), ("k", k), ("k-epochs", kEpochs),
      ("memory", memory), ("memory-scope", memoryScope), ("group", group),
      ("dense-start", denseStart),
      ("dense-every", denseEvery), ("optimizer", optimizer), ("learning-rate", learningRate),
      ("learning-rate-schedule", learningRateSchedule), ("average", average),
      ("momentum", momentum),
      ("untouched", untouched), ("l2", l2),
      ("weight-decay", weightDecay), ("clip-value", clipValue),
    ]
  }
}

/// What a key is for, what it expects and its default.
private func taggerHelp(_ key: String, _ valueName: String) -> ArgumentHelp {
  var help = ArgumentHelp(stringLiteral: TaggerConfiguration.schema[key]?.help ?? "")
  help.valueName = valueName
  return help
}

/// The words that a key takes.
private func taggerChoices(_ key: String) -> CompletionKind {
  guard case .choice(let words) = TaggerConfiguration.schema[key]?.kind else { return .default }
  return .list(words)
}
