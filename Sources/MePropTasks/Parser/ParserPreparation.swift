// From a configuration to a parser task: data, threads, lines for the user.

import Foundation
import MePropCore
import MePropData
import MePropTraining

extension ParserTask {
  /// Makes the task that a configuration describes: finds and loads data, chooses threads.
  ///
  /// - Parameters:
  ///   - configuration: Of `ParserConfiguration.schema`.
  ///   - locator: Finds the data.
  /// - Returns: The task at the start of a run, with what the loop needs besides.
  /// - Throws: `ConfigurationError`, `ModelFileError`, `ParserTaggerError`, `TreebankError`, `CoNLLUError`, `DataFormatError`,
  ///   `DependencyTreeError`, `ParserDataError`.
  public static func prepare(
    _ configuration: Configuration, locator: DataLocator
  ) throws -> PreparedTask {
    try definition.makePreparer(locator) { _ in }(configuration)
  }

  /// The task for plans and experiments.
  public static let definition = TaskDefinition(
    name: taskName, schema: ParserConfiguration.schema
  ) { locator, _ in
    let cache = DataCache<LoadedData>()
    return { try prepare($0, locator: locator, cache: cache, resumed: nil) }
  }

  /// What was read for a run.
  private struct LoadedData {
    var folder: URL
    var data: ParserData
    /// What a tagger gave: the column that it knows, and the tags of training sentences.
    var tagging: (columns: ParserTagColumns, tags: JackknifedTags)?
  }

  private static func prepare(
    _ configuration: Configuration, locator: DataLocator, cache: DataCache<LoadedData>,
    resumed run: URL?
  ) throws -> PreparedTask {
    let (asked, _) = try ParserConfiguration.resolve(configuration)
    let loaded = try cache.value(
      for: configuration.texts(of: ["data", "train-limit", "tagger", "folds"])
    ) { try load(locator.treebankFolder(asked.data), asked, resumed: run) }
    let data = loaded.data
    var (settings, resolved) = try ParserConfiguration.resolve(
      configuration, sentenceCount: data.training.count)
    // The tagger knows one column; features of the other would be gold.
    if let tagging = loaded.tagging { settings.choice.tagColumns = tagging.columns }
    let threads = settings.threadCount ?? fastestThreadCount(settings, data: data)
    let context = ComputeContext(threadCount: threads)
    let task = try ParserTask(settings: settings, data: data, context: context)
    let vocabularies = task.vocabularies
    var prepared = PreparedTask(
      task: task, configuration: resolved, stopping: settings.stopping, threadCount: threads,
      description: [
        "data \(loaded.folder.path): \(data.training.count) training, \(data.development.count) "
          + "development, \(data.test.count) test sentences",
        "\(settings.system.rawValue): \(task.leftOutCount) training trees that it cannot build are "
          + "left out",
        "\(vocabularies.words.items.count) words, \(vocabularies.tags.items.count) tags, "
          + "\(vocabularies.labelCount) relations; hidden layers "
          + settings.shape.hiddenSizes.map(String.init).joined(separator: ", "),
        "\(threads) \(threads == 1 ? "thread" : "threads")"
          + (settings.threadCount == nil ? " (measured)" : "")
          + ", \(context.instructionSet.rawValue) kernels",
      ])
    if let tags = loaded.tagging?.tags {
      prepared.files = [(JackknifedTags.fileName, try tags.encoded())]
    }
    return prepared
  }

  /// Reads a treebank, and puts a tagger's tags in the place of its own if the settings say so.
  private static func load(
    _ folder: URL, _ settings: ParserSettings, resumed run: URL?
  ) throws -> LoadedData {
    var data = try ParserData(Treebank(folder: folder), trainingLimit: settings.trainingLimit)
    guard let path = settings.tagger else { return LoadedData(folder: folder, data: data) }
    let tagger = try ParserTagger(
      at: URL(fileURLWithPath: path),
      threadCount: settings.threadCount ?? ComputeContext.availableThreads)
    let status = StatusLine()
    let (trees, tags) = try tagger.jackknifing(
      data.training, foldCount: settings.foldCount,
      saved: run?.appendingPathComponent(JackknifedTags.fileName), progress: status.show)
    status.clear()
    data.training = trees
    data.development = tagger.tagging(data.development)
    data.test = tagger.tagging(data.test)
    return LoadedData(folder: folder, data: data, tagging: (tagger.columns, tags))
  }

  /// Measures a few steps on the first sentences with each number of threads.
  private static func fastestThreadCount(_ settings: ParserSettings, data: ParserData) -> Int {
    var settings = settings
    settings.training.optimizer.learningRate = min(
      settings.training.optimizer.learningRate, 1e-3)
    let some = ParserData(
      training: Array(data.training.prefix(1000)), development: [], test: [])
    return ThreadChoice.fastest { threadCount in
      // What is wrong with the data the run will tell.
      guard
        let task = try? ParserTask(
          settings: settings, data: some, context: ComputeContext(threadCount: threadCount))
      else { return {} }
      task.beginEpoch(1)
      var step = 0
      return {
        // A step that fails is as long as any other, and the run will tell.
        _ = try? task.trainStep(step, ofEpoch: 1)
        step = (step + 1) % task.stepsPerEpoch
      }
    }
  }

  /// Does what `meprop train parser` is asked for, with progress on standard error.
  ///
  /// - Throws: As `TrainingRequest.train` and `prepare`.
  public static func train(_ request: TrainingRequest) throws -> TrainingReport {
    // A plan makes the task many times from the same data; a run does not need them once it has begun.
    let isPlanned = try request.configuration(for: ParserConfiguration.schema).leavesSelectionOpen
    let planned = DataCache<LoadedData>()
    let resumed = request.resumes ? request.runFolder ?? RunFolder.latest(task: taskName) : nil
    return try request.train(
      taskName, schema: ParserConfiguration.schema, recorders: [ProgressRecorder()],
      handlesSignals: true
    ) {
      try prepare(
        $0, locator: .ofProcess, cache: isPlanned ? planned : DataCache(), resumed: resumed)
    }
  }
}
