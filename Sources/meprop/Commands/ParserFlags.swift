// The keys of the parser task as flags. Texts: the configuration checks them, as in a file.

import ArgumentParser
import MePropTasks

/// A flag for each key of the configuration of the parser task.
struct ParserFlags: ParsableArguments {
  @Option(
    parsing: .unconditional, help: parserHelp("preset", "name"), completion: parserChoices("preset")
  )
  var preset: String?
  @Option(parsing: .unconditional, help: parserHelp("data", "name|folder"), completion: .directory)
  var data: String?
  @Option(
    parsing: .unconditional, help: parserHelp("tags", "gold|predicted"),
    completion: parserChoices("tags"))
  var tags: String?
  @Option(parsing: .unconditional, help: parserHelp("tagger", "folder"), completion: .directory)
  var tagger: String?
  @Option(parsing: .unconditional, help: parserHelp("folds", "n"))
  var folds: String?
  @Option(
    parsing: .unconditional, help: parserHelp("columns", "name"),
    completion: parserChoices("columns"))
  var columns: String?
  @Option(parsing: .unconditional, help: parserHelp("prefix", "n"))
  var prefix: String?
  @Option(parsing: .unconditional, help: parserHelp("suffix", "n"))
  var suffix: String?
  @Option(
    parsing: .unconditional, help: parserHelp("relations", "name"),
    completion: parserChoices("relations"))
  var relations: String?
  @Option(parsing: .unconditional, help: parserHelp("train-limit", "n"))
  var trainLimit: String?
  @Option(parsing: .unconditional, help: parserHelp("epochs", "n"))
  var epochs: String?
  @Option(parsing: .unconditional, help: parserHelp("patience", "n"))
  var patience: String?
  @Option(parsing: .unconditional, help: parserHelp("target", "x"))
  var target: String?
  @Option(parsing: .unconditional, help: parserHelp("batch", "n"))
  var batch: String?
  @Option(parsing: .unconditional, help: parserHelp("seed", "n"))
  var seed: String?
  @Option(parsing: .unconditional, help: parserHelp("threads", "n|auto"))
  var threads: String?
  @Option(
    parsing: .unconditional, help: parserHelp("system", "name"), completion: parserChoices("system")
  )
  var system: String?
  @Option(parsing: .unconditional, help: parserHelp("explore", "p|auto"))
  var explore: String?
  @Option(parsing: .unconditional, help: parserHelp("explore-from", "n"))
  var exploreFrom: String?
  @Option(parsing: .unconditional, help: parserHelp("embedding-size", "n"))
  var embeddingSize: String?
  @Option(parsing: .unconditional, help: parserHelp("hidden", "n,n,…"))
  var hidden: String?
  @Option(
    parsing: .unconditional, help: parserHelp("activation", "name"),
    completion: parserChoices("activation"))
  var activation: String?
  @Option(
    parsing: .unconditional, help: parserHelp("precision", "f32|bf16"),
    completion: parserChoices("precision"))
  var precision: String?
  @Option(parsing: .unconditional, help: parserHelp("embedding-scale", "x"))
  var embeddingScale: String?
  @Option(parsing: .unconditional, help: parserHelp("dropout", "p"))
  var dropout: String?
  @Option(parsing: .unconditional, help: parserHelp("word-dropout", "p"))
  var wordDropout: String?
  @Option(
    parsing: .unconditional, help: parserHelp("select", "policy"),
    completion: parserChoices("select"))
  var select: String?
  @Option(parsing: .unconditional, help: parserHelp("k", "n|ratio"))
  var k: String?
  @Option(parsing: .unconditional, help: parserHelp("k-epochs", "n,n,…"))
  var kEpochs: String?
  @Option(parsing: .unconditional, help: parserHelp("memory", "beta|auto"))
  var memory: String?
  @Option(
    parsing: .unconditional, help: parserHelp("memory-scope", "unit|slot"),
    completion: parserChoices("memory-scope"))
  var memoryScope: String?
  @Option(parsing: .unconditional, help: parserHelp("group", "n"))
  var group: String?
  @Option(parsing: .unconditional, help: parserHelp("dense-start", "n"))
  var denseStart: String?
  @Option(parsing: .unconditional, help: parserHelp("dense-every", "n"))
  var denseEvery: String?
  @Option(
    parsing: .unconditional, help: parserHelp("optimizer", "name"),
    completion: parserChoices("optimizer"))
  var optimizer: String?
  @Option(parsing: .unconditional, help: parserHelp("learning-rate", "x"))
  var learningRate: String?
  @Option(
    parsing: .unconditional, help: parserHelp("learning-rate-schedule", "name"),
    completion: parserChoices("learning-rate-schedule"))
  var learningRateSchedule: String?
  @Option(parsing: .unconditional, help: parserHelp("momentum", "x"))
  var momentum: String?
  @Option(parsing: .unconditional, help: parserHelp("average", "beta"))
  var average: String?
  @Option(
    parsing: .unconditional, help: parserHelp("untouched", "update|skip"),
    completion: parserChoices("untouched"))
  var untouched: String?
  @Option(parsing: .unconditional, help: parserHelp("l2", "x"))
  var l2: String?
  @Option(parsing: .unconditional, help: parserHelp("weight-decay", "x"))
  var weightDecay: String?
  @Option(parsing: .unconditional, help: parserHelp("clip-value", "x"))
  var clipValue: String?

  /// The flags by key; `nil` for those not given.
  var values: [(key: String, value: String?)] {
    [
      ("preset", preset),
      ("data", data),
      ("tags", tags),
      ("tagger", tagger),
      ("folds", folds),
      ("columns", columns),
      ("prefix", prefix),
      ("suffix", suffix),
      ("relations", relations),
      ("train-limit", trainLimit),
      ("epochs", epochs),
      ("patience", patience),
      ("target", target),
      ("batch", batch),
      ("seed", seed),
      ("threads", threads),
      ("system", system),
      ("explore", explore),
      ("explore-from", exploreFrom),
      ("embedding-size", embeddingSize),
      ("hidden", hidden),
      ("activation", activation),
      ("precision", precision),
      ("embedding-scale", embeddingScale),
      ("dropout", dropout),
      ("word-dropout", wordDropout),
      ("select", select),
      ("k", k),
      ("k-epochs", kEpochs),
      ("memory", memory), ("memory-scope", memoryScope),
      ("group", group),
      ("dense-start", denseStart),
      ("dense-every", denseEvery),
      ("optimizer", optimizer),
      ("learning-rate", learningRate),
      ("learning-rate-schedule", learningRateSchedule),
      ("momentum", momentum),
      ("average", average),
      ("untouched", untouched),
      ("l2", l2),
      ("weight-decay", weightDecay),
      ("clip-value", clipValue),
    ]
  }
}

/// What a key is for, what it expects and its default.
private func parserHelp(_ key: String, _ valueName: String) -> ArgumentHelp {
  var help = ArgumentHelp(stringLiteral: ParserConfiguration.schema[key]?.help ?? "")
  help.valueName = valueName
  return help
}

/// The words that a key takes.
private func parserChoices(_ key: String) -> CompletionKind {
  switch ParserConfiguration.schema[key]?.kind {
  case .choice(let words): return .list(words)
  case .auto(.choice(let words)): return .list(words + ["auto"])
  default: return .default
  }
}
