// meprop simplify: a finished model loses the units that its gradients hardly ever keep.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// What `meprop simplify` is asked for.
public struct SimplificationRequest: Sendable {
  /// When to stop.
  public enum Aim: Sendable, Equatable {
    /// Once each hidden layer has this many units.
    case width(Int)
    /// Before the first dev figure falls by more than so many points.
    case tolerance(Double)
  }

  /// The folder of a run, or its model folder.
  public var model: URL
  /// When to stop.
  public var aim: Aim
  /// What to count and to train on; `nil` for what the run was trained on.
  public var data: String?
  /// The epochs of training of each stage, at least 2: the first half of them have cuts.
  public var epochs: Int
  /// Where the result goes; `nil` for a folder named after task and time.
  public var run: URL?

  /// Creates a request.
  public init(model: URL, aim: Aim, data: String? = nil, epochs: Int = 4, run: URL? = nil) {
    precondition(epochs >= 2, "SimplificationRequest: epochs are \(epochs), expected 2 or more")
    self.model = model
    self.aim = aim
    self.data = data
    self.epochs = epochs
    self.run = run
  }
}

/// What came of it.
public struct SimplificationReport: Sendable {
  /// The task.
  public var task: String
  /// The folder of the result.
  public var run: URL
  /// The layers with their widths before and after.
  public var layers: [LayerWidth]
  /// The first dev figure before.
  public var before: Double
  /// The first dev figure after.
  public var after: Double
  /// The stages that were kept.
  public var stageCount: Int
  /// The signal that ended it early, if one did.
  public var signal: Int32?

  /// The object that `--json` prints.
  public var json: JSONValue {
    .object([
      .init("task", .string(task)), .init("run", .string(run.path)),
      .init("stages", .integer(stageCount)),
      .init("dev", .object([.init("before", .number(before)), .init("after", .number(after))])),
      .init(
        "layers",
        .array(
          layers.map { layer in
            .object([
              .init("name", .string(layer.name)),
              .init("originalWidth", .integer(layer.originalWidth)),
              .init("width", .integer(layer.width)),
            ])
          })),
    ])
  }
}

extension TaskDefinition {
  /// Counts on training data which units a model's gradients keep, cuts the others and trains what
  /// is left, stage by stage.
  ///
  /// - Parameters:
  ///   - request: What the user wants.
  ///   - source: Finds the data.
  ///   - recorders: Makes who is told of the epochs of a stage.
  ///   - handlesSignals: Whether Ctrl-C ends it after the stages that are done.
  /// - Returns: What came of it; the folder has the model, and the one before as `uncut`.
  /// - Throws: `UsageError`, and what reading the model, preparing and training throw.
  public static func simplify(
    _ request: SimplificationRequest, from source: DataSource = DataSource(),
    recorders: () -> [any Recorder] = { [ProgressRecorder()] }, handlesSignals: Bool = true
  ) throws -> SimplificationReport {
    let folder = RunFolder.modelFolder(at: request.model)
    let settings = folder.deletingLastPathComponent().appendingPathComponent("config.yaml")
    guard FileManager.default.fileExists(atPath: settings.path) else {
      throw UsageError(
        "\(request.model.path): found no config.yaml beside the model, expected the folder of a "
          + "run, whose settings say how to train")
    }
    let refusal = UsageError(
      "\(request.model.path): models of \(name) have no units that can be cut, expected a model of "
        + "digits, tagger or parser")
    guard schema["target-width"] != nil, let network = network(of: try readModel(at: folder)) else {
      throw refusal
    }
    var state = Simplifier(
      network, configuration: try Configuration(schema: schema, files: [settings]))
    if let data = request.data {
      try state.configuration.set("data", to: data, from: .flag("--data"))
      try state.configuration.makePlacesAbsolute()
    }
    let before = state.widths
    guard !before.isEmpty else { throw refusal }
    if case .width(let width) = request.aim, before.allSatisfy({ $0.width <= width }) {
      throw UsageError(
        "--target: \(width) is not below the widths of the layers, "
          + before.map { "\($0.width)" }.joined(separator: ", ") + "; choose a smaller one")
    }
    let prepare = makePreparer(source)
    let first = try state.begin(request, prepare)
    var prepared = first.stage
    // All that may be wrong with what the user gave is known before a folder is made.
    let run =
      try request.run.map { try RunFolder(at: $0, resuming: false) }
      ?? RunFolder.create(task: "simplified-\(name)")
    var report = SimplificationReport(
      task: name, run: run.url, layers: [], before: first.dev, after: first.dev, stageCount: 0,
      signal: nil)
    var best = folder
    while true {
      let stage = try RunFolder(
        at: run.url.appendingPathComponent("stages/\(report.stageCount + 1)"), resuming: false)
      let result = try TrainingLoop(
        task: prepared.task, stopping: prepared.stopping, run: stage,
        configuration: prepared.configuration, description: prepared.description,
        recorders: recorders() + [JSONLRecorder(run: stage), DetailsRecorder(run: stage)],
        handlesSignals: handlesSignals, skipsNonFiniteSteps: prepared.skipsNonFiniteSteps
      ).run()
      if case .interrupted(let signal) = result.outcome {
        report.signal = signal
        break
      }
      guard let figure = result.best?.dev?.primary else { break }
      if case .tolerance(let points) = request.aim, figure < report.before - points { break }
      best = stage.modelURL
      report.after = figure
      report.stageCount += 1
      guard let next = self.network(of: try readModel(at: best)) else { break }
      let old = state.hidden
      state = Simplifier(next, configuration: prepared.configuration)
      if case .width = request.aim { break }
      if state.hidden == old || state.target(request.aim) < 2 { break }
      prepared = try state.begin(request, prepare).stage
    }
    report.layers = zip(before, state.widths).map {
      LayerWidth(name: $0.name, originalWidth: $0.width, width: $1.width)
    }
    try run.save(state.configuration, title: "Settings of the last stage.")
    try run.takeModel(best, uncut: folder)
    return report
  }

  /// Gives a model back the units that were cut, each number as it was when its unit was cut.
  ///
  /// - Parameter url: The folder of a run, or its model folder; what was there goes into
  ///   `simplified` within.
  /// - Throws: ``UsageError`` where nothing was cut, what reading the models throws, and
  ///   `FileWriteError`.
  public static func undoSimplification(at url: URL) throws {
    let folder = RunFolder.modelFolder(at: url)
    let whole = folder.appendingPathComponent(SavedModel.uncutName)
    guard FileManager.default.fileExists(atPath: whole.path) else {
      throw UsageError(
        "\(url.path): found no folder '\(SavedModel.uncutName)' in the model, expected a model of "
          + "which units were cut")
    }
    _ = try readModel(at: whole)
    try RunFolder.replaceModel(at: folder, by: whole, keepingOldAs: "simplified")
  }
}

/// What is simplified, stage by stage.
private struct Simplifier {
  let parameters: [NamedTensor]
  let widths: [(name: String, width: Int)]
  /// The value of `hidden` that makes the network.
  let hidden: [Int]
  var configuration: Configuration

  init(_ network: some Layer, configuration: Configuration) {
    parameters = network.parameters
    widths = network.unitWidths
    hidden = network.hiddenWidths
    self.configuration = configuration
  }

  /// The width at which the next stage ends: three quarters, or all that is wanted.
  func target(_ aim: SimplificationRequest.Aim) -> Int {
    if case .width(let width) = aim { return width }
    let mean = Double(hidden.reduce(0, +)) / Double(hidden.count)
    return Int((0.75 * mean).rounded())
  }

  /// Prepares the next stage, which starts from the parameters.
  ///
  /// - Returns: The stage, and its first dev figure before it.
  /// - Throws: `UsageError` where the data make another network, or none is held out, and what
  ///   preparing throws.
  func begin(
    _ request: SimplificationRequest, _ prepare: TaskPreparer
  ) throws -> (stage: PreparedTask, dev: Double) {
    let prepared = try prepare(stage(target: target(request.aim), epochs: request.epochs))
    guard let task = prepared.task as? any NetworkTask else {
      throw UsageError("\(prepared.task.name): this task trains no network to simplify")
    }
    do {
      try task.start(from: parameters)
    } catch let error as ModelStateError {
      throw UsageError(
        "\(request.model.path): the data make another network (\(error)); simplify a model on what "
          + "it was trained on, which --data names where it was moved")
    }
    guard let dev = try task.evaluate(.dev)?.primary else {
      throw UsageError("\(request.model.path): expected development data to judge by, found none")
    }
    return (prepared, dev)
  }

  /// The settings of a stage.
  private func stage(target: Int, epochs: Int) throws -> Configuration {
    var stage = configuration
    func set(_ key: String, _ text: String) throws {
      if stage.schema[key] != nil { try stage.set(key, to: text, from: .flag("--" + key)) }
    }
    let oldWidth = stage.intList("hidden").max() ?? 1
    let widest = hidden.max() ?? 1
    try set("hidden", hidden.map(String.init).joined(separator: ","))
    if stage.string("select") == "dense" {
      try set("select", "top-k")
      try set("k", "0.1")
      try set("memory", "auto")
    } else if case .count(let k) = stage.value("k") {
      let share = Double(k) / Double(oldWidth)
      try set("k", "\(max(1, Int((share * Double(widest)).rounded())))")
    }
    for (key, text) in [
      ("k-epochs", "none"), ("patience", "none"), ("target", "none"), ("simplify", "none"),
      ("epochs", "\(epochs)"), ("cycle", "\(epochs / 2)"), ("settle", "\(epochs - epochs / 2)"),
      ("target-width", "\(target)"), ("minimum-width", "1"), ("preset", "default"),
    ] { try set(key, text) }
    return stage
  }
}
