// From what a user asks for to a trained run, the same for every task.

import Foundation
import MePropData

/// Makes the task that a configuration describes ready for the training loop.
public typealias TaskPreparer = (Configuration) throws -> PreparedTask

/// A task made ready for the training loop.
public struct PreparedTask {
  /// The task.
  public var task: any TrainingTask
  /// All settings with what was left open decided, as the run folder keeps them.
  public var configuration: Configuration
  /// When the run ends.
  public var stopping: StoppingRule
  /// Whether steps whose outputs are not finite are left out instead of ending the run.
  public var skipsNonFiniteSteps = false
  /// The number of threads the task computes with.
  public var threadCount: Int
  /// Lines on model, data and machine.
  public var description: [String]
  /// Files that the run folder keeps, because a resumed run would have to compute their contents
  /// anew.
  public var files: [(name: String, contents: Data)] = []

  /// Creates a record of a task and what goes with it.
  public init(
    task: any TrainingTask, configuration: Configuration, stopping: StoppingRule,
    threadCount: Int, description: [String]
  ) {
    self.task = task
    self.configuration = configuration
    self.stopping = stopping
    self.threadCount = threadCount
    self.description = description
  }
}

/// What a user asks of `meprop train`.
public struct TrainingRequest: Sendable {
  /// A YAML file of settings, or `nil`.
  public var configurationFile: URL?
  /// Settings in the form `KEY=VALUE`; they override the file.
  public var assignments: [String]
  /// Settings given as flags, by key; they override the others, and `nil` is a flag not given.
  public var flags: [(key: String, value: String?)]
  /// The run folder, or `nil` for one named after task and time.
  public var runFolder: URL?
  /// Whether to go on with the run in `runFolder`; with the newest run if that is `nil`.
  public var resumes: Bool

  /// Creates a request; without arguments, for a new run of the defaults.
  public init(
    configurationFile: URL? = nil, assignments: [String] = [],
    flags: [(key: String, value: String?)] = [], runFolder: URL? = nil, resumes: Bool = false
  ) {
    self.configurationFile = configurationFile
    self.assignments = assignments
    self.flags = flags
    self.runFolder = runFolder
    self.resumes = resumes
  }

  /// Returns the settings of all places; those of a run to be resumed come first.
  ///
  /// - Throws: `ConfigurationError`.
  public func configuration(
    for schema: ConfigurationSchema, resuming run: RunFolder? = nil
  ) throws -> Configuration {
    var files: [URL] = []
    if let run, run.hasConfiguration { files.append(run.configurationURL) }
    if let configurationFile { files.append(configurationFile) }
    var configuration = try Configuration(
      schema: schema, files: files, assignments: assignments)
    for (key, value) in flags {
      if let value { try configuration.set(key, to: value, from: .flag("--" + key)) }
    }
    return configuration
  }

  /// Trains a task in a run folder, on signals until the next step.
  ///
  /// A new run folder is made only when settings and data are known to be good. Where several
  /// processes train (``ProcessGroup``), the first one alone has a run folder and tells anybody.
  ///
  /// - Parameters:
  ///   - name: The task's name.
  ///   - schema: The task's keys.
  ///   - recorders: Who is told, besides the files in the run folder.
  ///   - handlesSignals: Whether Ctrl-C and SIGTERM end the run with a checkpoint.
  ///   - prepare: Makes the task from the settings.
  /// - Returns: What to print.
  /// - Throws: `ConfigurationError`, `RunFolderError`, `FileWriteError`, `CheckpointError`,
  ///   `TrainingError`, and what `prepare` and the task throw.
  public func train(
    _ name: String, schema: ConfigurationSchema, recorders: [any Recorder] = [],
    handlesSignals: Bool = false, prepare: (Configuration) throws -> PreparedTask
  ) throws -> TrainingReport {
    let processes = ProcessGroup.current
    let isFirst = processes.rank == 0
    var (run, configuration) = try processes.together { () -> (RunFolder?, Configuration) in
      if !resumes { return (nil, try newConfiguration(for: schema)) }
      guard isFirst else { return (nil, Configuration(schema: schema)) }
      let (run, configuration) = try resumed(name, schema)
      return (run, configuration)
    }
    if processes.size > 1 { try processes.settle(&configuration, isOfFirst: resumes) }
    let prepared = try processes.together {
      try prepare(decided(configuration, name, prepare))
    }
    try processes.shard(prepared)
    run = try processes.together {
      guard isFirst else { return nil }
      let folder =
        try run ?? runFolder.map { try RunFolder(at: $0, resuming: false) }
        ?? RunFolder.create(task: name)
      for file in prepared.files { try folder.save(file.contents, as: file.name) }
      return folder
    }
    let recordersOfRun: [any Recorder] =
      run.map { [JSONLRecorder(run: $0), TensorBoardRecorder(run: $0), DetailsRecorder(run: $0)] }
      ?? []
    let loop = TrainingLoop(
      task: prepared.task, stopping: prepared.stopping, run: run,
      configuration: prepared.configuration, description: prepared.description,
      recorders: isFirst ? recorders + recordersOfRun : [],
      handlesSignals: handlesSignals, skipsNonFiniteSteps: prepared.skipsNonFiniteSteps)
    let result = try loop.run()
    if let run, result.best != nil, let task = prepared.task as? any FigureTask {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      try run.save(
        encoder.encode(task.figures(ofModelAt: run.modelURL)) + Data("\n".utf8),
        as: RunFigure.fileName)
    }
    return TrainingReport(
      summary: TrainingSummary(
        task: name, run: run?.url.path, threads: prepared.threadCount, epochs: result.history),
      outcome: result.outcome, model: run?.modelURL)
  }

  /// The settings of a new run.
  private func newConfiguration(for schema: ConfigurationSchema) throws -> Configuration {
    var configuration = try configuration(for: schema)
    try configuration.makePlacesAbsolute()
    return configuration
  }

  /// The run to go on with, and its settings.
  private func resumed(
    _ name: String, _ schema: ConfigurationSchema
  ) throws -> (RunFolder, Configuration) {
    guard let folder = runFolder ?? RunFolder.latest(task: name) else {
      throw RunFolderError.nothingToResume(path: "runs")
    }
    let run = try RunFolder(at: folder, resuming: true)
    if let found = run.task, found != name {
      throw RunFolderError.otherTask(path: run.url.path, expected: name, found: found)
    }
    let started = try startedConfiguration(of: run, schema)
    var configuration = try configuration(for: schema, resuming: run)
    try configuration.makePlacesAbsolute()
    if let started {
      if configuration.leavesSelectionOpen {
        // What was decided when the run was started holds.
        try configuration.takeSelection(of: started)
      }
      tellSchedule(started, configuration)
    }
    return (run, configuration)
  }

  /// The settings that a run was started with; `nil` for a run that ended before it saved them, if
  /// the user gives its settings again.
  ///
  /// - Throws: `RunFolderError.noSettings` where some or all are missing: defaults in their place
  ///   would be another run.
  private func startedConfiguration(
    of run: RunFolder, _ schema: ConfigurationSchema
  ) throws -> Configuration? {
    guard run.hasConfiguration else {
      let given = try configuration(for: schema)
      // At least what is trained on, where that can be said at all.
      let isGiven =
        schema["data"] == nil
        ? schema.keys.contains { given.origin(of: $0.name) != .defaultValue }
        : given.origin(of: "data") != .defaultValue
      guard isGiven else {
        throw RunFolderError.noSettings(path: run.url.path, missing: [])
      }
      Notices.tell(
        "\(run.url.path): ended before its settings were saved, so that nothing can be resumed; "
          + "starting it with the settings given now")
      return nil
    }
    let started = try Configuration(schema: schema, files: [run.configurationURL])
    let missing = schema.keys.map(\.name).filter { started.origin(of: $0) == .defaultValue }
    guard missing.isEmpty else {
      throw RunFolderError.noSettings(path: run.url.path, missing: missing)
    }
    return started
  }

  /// Says so where the learning rate will follow another curve than until now.
  private func tellSchedule(_ started: Configuration, _ now: Configuration) {
    guard started.schema["epochs"]?.mayChangeOnResume == true,
      started.schema["learning-rate-schedule"] != nil,
      started.value("epochs") != now.value("epochs"),
      now.string("learning-rate-schedule") != "constant"
    else { return }
    Notices.tell(
      "the learning rate now falls over \(now.value("epochs").text) epochs, and fell over "
        + "\(started.value("epochs").text) until here: it goes on at the place of this epoch on "
        + "the new curve, so that the run differs from one of \(now.value("epochs").text) "
        + "epochs from the start")
  }

  /// Returns settings whose selection is decided: by a plan where they leave it open, told on
  /// standard error.
  private func decided(
    _ configuration: Configuration, _ name: String, _ prepare: TaskPreparer
  ) throws -> Configuration {
    guard configuration.leavesSelectionOpen else { return configuration }
    let status = StatusLine()
    let planner = Planner(task: name, progress: status.show)
    let (decided, plan) = try planner.decide(configuration, prepare: prepare)
    for line in plan.lines { status.write(line) }
    return decided
  }
}
