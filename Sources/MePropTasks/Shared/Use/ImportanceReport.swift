// How much a model depends on each part of its input: what `meprop importance` prints.

import MePropTraining

/// A task whose models can be asked how much they depend on each part of their input.
public protocol ImportanceTask: TaskDefinition {
  /// What `meprop importance` says of it: what the parts are and what is measured.
  static var importanceHelp: String { get }
  /// Measures how much worse a model gets when one part of the input after the other is shuffled
  /// among the examples.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - split: Which part of the data.
  ///   - data: Data as for evaluation; `nil` for those that the model was trained on.
  ///   - repeats: How often each part is shuffled, at least 1.
  ///   - use: Threads, and what finds data.
  /// - Returns: What to print.
  /// - Throws: What finding and reading data throws.
  static func importance(
    _ model: Model, on split: EvaluationSplit, of data: String?, repeats: Int, _ use: ModelUse
  ) throws -> ImportanceReport
}

/// How much worse a model gets without each part of its input (Breiman, 2001; Fisher, Rudin and
/// Dominici, 2019).
public struct ImportanceReport: Sendable, Equatable {
  /// A part of the input.
  public struct Part: Sendable, Equatable {
    /// Its name.
    public var name: String
    /// By how much the first figure falls: a mean over all shuffles.
    public var drop: Double
    /// The deviation of that over the shuffles.
    public var deviation: Double
    /// By how much the second figure rises.
    public var rise: Double
  }

  /// The figure that falls, with its value where nothing is shuffled, for example `accuracy`.
  public var metric: Evaluation.Metric
  /// The figure that rises, for example `logLoss`.
  public var loss: Evaluation.Metric
  /// What was evaluated.
  public var note: String
  /// The number of examples.
  public var count: Int
  /// The parts, the most important first.
  public var parts: [Part]

  /// A line, for reading before the table.
  public var summary: String {
    "\(metric.name) \(short(metric.value)), \(loss.name) \(short(loss.value)) on \(count) rows of "
      + "\(note); what each column adds to that:"
  }

  /// A row a part.
  public var table: ReportTable {
    ReportTable(
      rows: [["column", "\(metric.name) lost", "+/-", "\(loss.name) gained"]]
        + parts.map { [$0.name, short($0.drop), short($0.deviation), short($0.rise)] })
  }

  /// All of it: the figures, and under `columns` a part each with `name`, `drop`, `deviation` and
  /// `rise`.
  public func json(task: String) -> JSONValue {
    .object([
      .init("task", .string(task)), .init("count", .integer(count)),
      .init(metric.name, .number(metric.value)), .init(loss.name, .number(loss.value)),
      .init(
        "columns",
        .array(
          parts.map {
            .object([
              .init("name", .string($0.name)), .init("drop", .number($0.drop)),
              .init("deviation", .number($0.deviation)), .init("rise", .number($0.rise)),
            ])
          })),
    ])
  }
}
