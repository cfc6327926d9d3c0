// The object that `train --json` prints, and its rows, which are those of metrics.jsonl.

/// The result of a run as one JSON object.
///
/// ```text
/// {"task", "run", "threads",
///  "best": {"epoch", "dev": {"accuracy", "loss"}, "test": {"accuracy", "loss"}},
///  "epochs": [{"epoch", "seconds": {"total", "forward", "backward", "selection", "products",
///              "optimizer", "data"}, "train": {"loss"}, "dev": {…}, "test": {…},
///              "imagesPerSecond", "touchedRows": [per layer], "keptMagnitude": [per layer]}]}
/// ```
///
/// The figures in `dev` and `test` are the task's own. What a run has none of is `null`.
public struct TrainingSummary: Sendable, Encodable {
  /// The task's name.
  public var task: String
  /// The path of the run folder, if there is one.
  public var run: String?
  /// The number of threads.
  public var threads: Int
  /// All epochs.
  public var epochs: [EpochRecord]

  /// Creates a summary.
  public init(task: String, run: String?, threads: Int, epochs: [EpochRecord]) {
    self.task = task
    self.run = run
    self.threads = threads
    self.epochs = epochs
  }

  /// The object, with its keys in a fixed order.
  public var json: JSONValue {
    let best = epochs.best.map { record in
      JSONValue.object([
        .init("epoch", .integer(record.epoch)), .init("dev", figures(of: record.dev)),
        .init("test", figures(of: record.test)),
      ])
    }
    return .object([
      .init("task", .string(task)), .init("run", run.map { .string($0) } ?? .null),
      .init("threads", .integer(threads)), .init("best", best ?? .null),
      .init("epochs", .array(epochs.map(\.json))),
    ])
  }

  /// Encodes `json`.
  public func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }
}

extension EpochRecord {
  /// The record as an object: an entry of `epochs` in a summary, a row of metrics.jsonl.
  public var json: JSONValue {
    var phases: [(String, Double)] = [
      ("total", seconds.total), ("forward", seconds.forward), ("backward", seconds.backward),
      ("selection", seconds.selection), ("products", seconds.products),
      ("optimizer", seconds.optimizer), ("data", seconds.data),
    ]
    if bytesSent != nil { phases.append(("exchange", seconds.exchange)) }
    let exchanges = bytesSent.map { [JSONValue.Member("bytesSent", .integer($0))] } ?? []
    return .object(
      [
        .init("epoch", .integer(epoch)),
        .init("seconds", .object(phases.map { .init($0, .number($1)) })),
        .init("train", .object([.init("loss", .number(trainLoss))])),
        .init("dev", figures(of: dev)),
        .init("test", figures(of: test)),
        .init("\(exampleUnit)PerSecond", .number(examplesPerSecond.rounded())),
        .init("touchedRows", .array(layers.map { .number($0.touchedRows) })),
        .init("keptMagnitude", .array(layers.map { .number($0.keptMagnitude) })),
      ] + exchanges)
  }
}

private func figures(of evaluation: Evaluation?) -> JSONValue {
  guard let evaluation else { return .null }
  return .object(evaluation.metrics.map { .init($0.name, .number($0.value)) })
}
