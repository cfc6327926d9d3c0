// The vocabulary of experiments: what is trained, and where the paper says something of it.

import MePropTasks
import MePropTraining

/// A setting, a key of a task's configuration with its value.
public struct ExperimentSetting: Sendable, Equatable, Codable {
  /// The key.
  public var key: String
  /// The value, as after `--set KEY=`.
  public var value: String

  /// Creates a setting.
  public init(_ key: String, _ value: String) {
    self.key = key
    self.value = value
  }
}

/// One way to train, repeated with several seeds.
public struct Experiment: Sendable, Equatable {
  /// The name of its folder: unique, and the same in each version of this program.
  public var id: String
  /// The task's name.
  public var task: String
  /// What differs from the defaults of the task, seed and threads aside.
  public var settings: [ExperimentSetting]
  /// What `--quick` sets besides.
  public var quick: [ExperimentSetting]
  /// The experiment with dense back propagation that its times are compared with; `nil`: it is
  /// dense itself.
  public var dense: String?
  /// Whether `--quick` runs it at all.
  public var isInQuick = true

  /// Creates an experiment that `--quick` runs too.
  public init(
    id: String, task: String, settings: [ExperimentSetting], quick: [ExperimentSetting] = [],
    dense: String? = nil
  ) {
    self.id = id
    self.task = task
    self.settings = settings
    self.quick = quick
    self.dense = dense
  }

  /// The task.
  ///
  /// - Throws: `ReproductionError.unknownTask` where there is no task of that name.
  var definition: any TaskDefinition.Type {
    get throws {
      guard let definition = TaskRegistry.current[task] else {
        throw ReproductionError.unknownTask(name: task, known: TaskRegistry.current.names)
      }
      return definition
    }
  }

  /// The value that the experiment gives a key, or `nil`.
  public func value(of key: String) -> String? { settings.last { $0.key == key }?.value }
}

/// The figures of the paper for a row.
public struct PaperFigures: Sendable, Equatable {
  /// Epochs to the best development score ("Iter").
  public var iterations: Int?
  /// On development data: accuracy, or UAS, in percent.
  public var dev: Double?
  /// On test data.
  public var test: Double?
  /// Seconds an epoch of the products of back propagation ("Backprop time" of Table 1).
  public var products: Double?
  /// Seconds an epoch of the forward pass (Table 2).
  public var forward: Double?
  /// Seconds an epoch of all of back propagation (Table 2).
  public var backward: Double?

  /// Creates the figures; what the paper does not say is `nil`.
  public init(
    iterations: Int? = nil, dev: Double? = nil, test: Double? = nil, products: Double? = nil,
    forward: Double? = nil, backward: Double? = nil
  ) {
    self.iterations = iterations
    self.dev = dev
    self.test = test
    self.products = products
    self.forward = forward
    self.backward = backward
  }
}

/// A row of a table: an experiment, the paper's figures for it, and what its score is compared
/// with.
public struct ExperimentRow: Sendable, Equatable {
  /// What the row is called.
  public var label: String
  /// The experiment's identifier.
  public var experiment: String
  /// The experiment that scores are compared with, seed by seed; `nil`: it is the one to compare
  /// with.
  public var against: String?
  /// What the paper says.
  public var paper: PaperFigures

  /// Creates a row.
  public init(label: String, experiment: String, against: String?, paper: PaperFigures) {
    self.label = label
    self.experiment = experiment
    self.against = against
    self.paper = paper
  }
}

/// A table or figure of the paper, or one of our own.
public struct ExperimentTable: Sendable, Equatable {
  /// The name in the command line, for example `table1`.
  public var id: String
  /// The title.
  public var title: String
  /// What has to be known to read it.
  public var note: String
  /// The rows.
  public var rows: [ExperimentRow]

  /// Creates a table.
  public init(id: String, title: String, note: String, rows: [ExperimentRow]) {
    self.id = id
    self.title = title
    self.note = note
    self.rows = rows
  }
}

/// A set of tables with the experiments that they need.
public struct ExperimentPlan: Sendable, Equatable {
  /// The tables in their order.
  public var tables: [ExperimentTable]
  /// The experiments that rows name, each once, in the order in which they are run.
  public var experiments: [Experiment]

  /// Creates a plan.
  public init(tables: [ExperimentTable], experiments: [Experiment]) {
    self.tables = tables
    self.experiments = experiments
  }

  /// The experiment of this identifier, or `nil`.
  public func experiment(_ id: String) -> Experiment? { experiments.first { $0.id == id } }

  /// The experiments, and the rows of them, that `--quick` runs.
  public var quick: ExperimentPlan {
    let kept = experiments.filter(\.isInQuick)
    let ids = Set(kept.map(\.id))
    return ExperimentPlan(
      tables: tables.map { table in
        var table = table
        table.rows.removeAll { !ids.contains($0.experiment) }
        return table
      }, experiments: kept)
  }

  /// Returns the tables of these names, with the experiments that they need.
  public func restricted(to names: Set<String>) -> ExperimentPlan {
    let tables = tables.filter { names.contains($0.id) }
    var needed = Set(
      tables.flatMap { $0.rows.flatMap { [$0.experiment] + [$0.against].compactMap(\.self) } })
    needed.formUnion(experiments.filter { needed.contains($0.id) }.compactMap(\.dense))
    return ExperimentPlan(
      tables: tables, experiments: experiments.filter { needed.contains($0.id) })
  }

  /// Returns the rows of these tasks, with the experiments that they need; tables without such rows
  /// are left out.
  public func restricted(toTasks tasks: Set<String>) -> ExperimentPlan {
    let kept = experiments.filter { tasks.contains($0.task) }
    let ids = Set(kept.map(\.id))
    return ExperimentPlan(
      tables: tables.compactMap { table in
        var table = table
        table.rows.removeAll { !ids.contains($0.experiment) }
        return table.rows.isEmpty ? nil : table
      }, experiments: kept)
  }
}
