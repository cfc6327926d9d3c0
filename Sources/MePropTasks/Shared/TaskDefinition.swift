// What a task says of itself; all that the commands do with it exists once, beside this protocol.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// A task: what its data are, what its model is, what its settings are, what is measured, and how
/// predictions are written.
///
/// A type without instances that conforms to this, and a line in ``TaskRegistry/standard``, are all
/// it takes: `train`, `plan`, `config`, `evaluate`, `predict` and `reproduce` come with it, and
/// `check` with ``DataCheckingTask``.
public protocol TaskDefinition: Sendable {
  /// What it is trained with, as values of the layers below.
  associatedtype Settings
  /// What it is trained and evaluated on.
  associatedtype Examples
  /// What the training loop trains.
  associatedtype Task: TrainingTask
  /// What `evaluate` and `predict` read from a model folder.
  associatedtype Model

  /// The name in commands, in run folders and, under the key `task`, in `model.json`.
  static var name: String { get }
  /// What commands say of it.
  static var help: TaskHelp { get }

  // MARK: Settings

  /// The keys of its configuration: its own, and those of `SharedSettings`.
  ///
  /// Plans and experiments need `select`, `k`, `hidden`, `batch`, `epochs`, `patience`, `target`,
  /// `seed`, `threads` and `learning-rate` among them.
  static var schema: ConfigurationSchema { get }
  /// Decides what a configuration leaves open, and checks that all settings go together.
  ///
  /// - Parameters:
  ///   - configuration: Of ``schema``.
  ///   - examples: What is trained on, once it has been read; `nil` before.
  /// - Returns: The settings, and the configuration that gives just these again.
  /// - Throws: `ConfigurationError` naming the place of the setting to change.
  static func resolve(
    _ configuration: Configuration, for examples: Examples?
  ) throws -> (settings: Settings, configuration: Configuration)

  // MARK: Training

  /// The keys that the examples depend on: where none of them differs, examples are read once.
  static var dataKeys: [String] { get }
  /// Reads the examples that settings ask for.
  static func load(_ settings: Settings, from source: DataSource) throws -> Examples
  /// Makes settings and examples those of a short trial, in which the number of threads is
  /// measured.
  static func shorten(_ settings: inout Settings, _ examples: inout Examples)
  /// Makes the task at the start of a run.
  static func makeTask(
    _ settings: Settings, _ examples: Examples, _ context: ComputeContext
  ) throws -> Task
  /// Lines for the user on data and model.
  static func describe(_ task: Task, _ examples: Examples) -> [String]
  /// Files that the run folder keeps, because a resumed run would have to compute their contents
  /// anew.
  static func files(of examples: Examples) throws -> [(name: String, contents: Data)]

  // MARK: Use

  /// The options of `evaluate` that it takes besides those of all tasks.
  static var evaluationKeys: [ConfigurationKey] { get }
  /// The options of `predict` that it takes besides those of all tasks.
  static var predictionKeys: [ConfigurationKey] { get }
  /// Reads a model from its folder, or from the folder of its run.
  static func readModel(at url: URL) throws -> Model
  /// The network of a model, for `inspect`; `nil` where there is none to show.
  static func network(of model: Model) -> (any Layer)?
  /// Evaluates a model.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - split: Which part of the data.
  ///   - data: Data as for training; `nil` for those that the model was trained on.
  ///   - use: Threads, what finds data, and the values of ``evaluationKeys``.
  /// - Returns: What to print.
  /// - Throws: What finding and reading data throws.
  static func evaluate(
    _ model: Model, on split: EvaluationSplit, of data: String?, _ use: ModelUse
  ) throws -> EvaluationReport
  /// Predicts all that is in a file or stream.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - input: What to read, from its first byte.
  ///   - use: Threads, and the values of ``predictionKeys``.
  ///   - writesObjects: Whether predictions are JSON objects, one a line, instead of the task's own
  ///     text.
  ///   - receive: Takes what is written, piece by piece and in the order of the input.
  /// - Throws: What reading and `receive` throw.
  static func predict(
    _ model: Model, _ input: InputFile, _ use: ModelUse, writesObjects: Bool,
    _ receive: ([UInt8]) throws -> Void
  ) throws

  // MARK: Experiments

  /// How it takes the Penn Treebank; `nil` for a task that is trained on other data.
  static var treebankUse: TreebankUse? { get }
  /// The steps in PyTorch that its own are timed beside; `nil` where there are none like them.
  static var torchSteps: TorchStepKind? { get }
}

extension TaskDefinition {
  /// Leaves both as they are.
  public static func shorten(_ settings: inout Settings, _ examples: inout Examples) {}
  /// None.
  public static func files(of examples: Examples) throws -> [(name: String, contents: Data)] { [] }
  /// None.
  public static func network(of model: Model) -> (any Layer)? { nil }
  /// None.
  public static var evaluationKeys: [ConfigurationKey] { [] }
  /// None.
  public static var predictionKeys: [ConfigurationKey] { [] }
  /// None.
  public static var treebankUse: TreebankUse? { nil }
  /// None.
  public static var torchSteps: TorchStepKind? { nil }
}

/// A task whose data can be looked at before training.
public protocol DataCheckingTask: TaskDefinition {
  /// What `meprop check` says of it: what is looked for.
  static var checkHelp: String { get }
  /// The names of the keys of its schema that say what to look at; they are flags of `meprop
  /// check`.
  static var checkKeys: [String] { get }
  /// Looks for what would hurt.
  ///
  /// - Parameters:
  ///   - configuration: With values of ``checkKeys``.
  ///   - source: What finds data.
  /// - Returns: What to print; what is wrong with a file is an error of the report.
  /// - Throws: What finding data throws.
  static func check(
    _ configuration: Configuration, _ source: DataSource
  ) throws -> CheckReport
}

/// What commands say of a task.
public struct TaskHelp: Sendable {
  /// What training does: `Train a dependency parser on a treebank.` with the task in its place.
  public var abstract: String
  /// What data it takes, and what else has to be known before training.
  public var training: String
  /// Arguments of `meprop train` and `meprop plan` as examples, without the task's name.
  public var examples: [String]
  /// What `evaluate` prints, in a sentence or two.
  public var evaluation: String
  /// What `predict` reads and prints, in a sentence or two.
  public var prediction: String
  /// Commands as examples of `evaluate` and `predict`.
  public var uses: [String]

  /// Creates texts.
  public init(
    abstract: String, training: String, examples: [String], evaluation: String,
    prediction: String, uses: [String] = []
  ) {
    self.abstract = abstract
    self.training = training
    self.examples = examples
    self.evaluation = evaluation
    self.prediction = prediction
    self.uses = uses
  }
}

/// What experiments on the Penn Treebank have to know of a task.
public struct TreebankUse: Sendable {
  /// The sections that it is trained and evaluated on.
  public var sections: TreebankSections
  /// Settings that go with that treebank, by key.
  public var settings: [(key: String, value: String)]
  /// What is read of that treebank, for readers of results.
  public var note: String
  /// What is read of UD English EWT, which takes its place.
  public var freeNote: String
  /// How scores are counted, where that has to be said.
  public var scoreNote: String?

  /// Creates a record.
  public init(
    sections: TreebankSections, settings: [(key: String, value: String)] = [], note: String,
    freeNote: String, scoreNote: String? = nil
  ) {
    self.sections = sections
    self.settings = settings
    self.note = note
    self.freeNote = freeNote
    self.scoreNote = scoreNote
  }
}

/// The shapes of steps that are timed in PyTorch.
public enum TorchStepKind: String, Sendable {
  /// Linear layers on images of 784 pixels.
  case images
  /// A bidirectional LSTM over words and their features.
  case words
  /// Linear layers on the embeddings of 48 symbols.
  case symbols
}
