// The tagger task for the training loop: batches of sentences, steps, evaluation, checkpoints.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// The parts of a treebank that a tagger is trained and evaluated on.
public struct TaggerData: Sendable {
  /// Training sentences.
  public var training: [TaggedSentence]
  /// Development sentences; may be empty.
  public var development: [TaggedSentence]
  /// Test sentences; may be empty.
  public var test: [TaggedSentence]

  /// Creates data from sentences.
  public init(
    training: [TaggedSentence], development: [TaggedSentence], test: [TaggedSentence]
  ) {
    self.training = training
    self.development = development
    self.test = test
  }

  /// Reads a treebank.
  ///
  /// - Throws: `TreebankError`, `CoNLLUError`, `DataFormatError`; `TaggerDataError` if the column is
  ///   not annotated.
  public init(_ treebank: Treebank, column: CoNLLUColumn, trainingLimit: Int? = nil) throws {
    let file = try treebank.required("train")
    training = try TaggedSentence.read(file, column: column, limit: trainingLimit)
    if training.allSatisfy({ $0.tags.allSatisfy { $0 == "_" } }) {
      let others = try [CoNLLUColumn.upos, .xpos, .feats].filter { other in
        try other != column
          && TaggedSentence.read(file, column: other).contains { $0.tags.contains { $0 != "_" } }
      }
      throw TaggerDataError.emptyColumn(
        path: file.path, column: column.name, others: others.map(\.name))
    }
    development = try treebank.development.map { try TaggedSentence.read($0, column: column) } ?? []
    test = try treebank.test.map { try TaggedSentence.read($0, column: column) } ?? []
  }
}

/// Data that a tagger cannot learn from.
public enum TaggerDataError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
  /// No word has a tag in the column; words have in `others`.
  case emptyColumn(path: String, column: String, others: [String])

  /// One line: file, expected, found, what to do.
  public var description: String {
    switch self {
    case .emptyColumn(let path, let column, let others):
      return "\(path): expected tags in the column \(column), found _ at every word; "
        + (others.isEmpty
          ? "the treebank has no other tags either, annotate it or name another with --data"
          : "choose a column that has tags with --column \(others.joined(separator: " or "))")
    }
  }

  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }
}

/// Trains an LSTM to tag words.
public final class TaggerTask: TrainingTask {
  /// The task's name.
  public static let taskName = "tagger"
  /// `tagger`.
  public let name: String = TaggerTask.taskName
  /// `words`.
  public let exampleUnit = "words"

  /// What is trained with.
  public let settings: TaggerSettings
  /// The numbers of words, features and tags.
  public let vocabularies: TaggerVocabularies
  private let trainer: TaggerTrainer
  private let context: ComputeContext
  private let training: EncodedSentences
  private let parts: [EvaluationSplit: (sentences: [TaggedSentence], encoded: EncodedSentences)]
  private var epochData: EncodedSentences
  private var batches: [[Int]] = []
  private var lastEvaluations: [EvaluationSplit: TaggerEvaluation] = [:]

  /// Creates the task at the start of a run.
  ///
  /// - Parameters:
  ///   - settings: What to train with.
  ///   - data: What to train and evaluate on.
  ///   - vectors: Pre-trained vectors, read for the vocabularies of the training data; `nil` for none.
  ///   - context: Where to compute.
  public init(
    settings: TaggerSettings, data: TaggerData, vectors: TaggerVectors? = nil,
    context: ComputeContext
  ) {
    self.settings = settings
    vocabularies = vectors?.vocabularies ?? TaggerVocabularies(data.training)
    var network = TaggerNetwork(
      shape: settings.shape, wordCount: vocabularies.words.count,
      featureCount: vocabularies.features.count, tagCount: vocabularies.tags.items.count,
      embeddingScale: settings.embeddingScale, seed: settings.seed)
    vectors?.fill(&network.words)
    trainer = TaggerTrainer(network, training: settings.training, context: context)
    self.context = context
    training = EncodedSentences(data.training, vocabularies)
    epochData = training
    var parts: [EvaluationSplit: (sentences: [TaggedSentence], encoded: EncodedSentences)] = [:]
    for (split, sentences) in [(EvaluationSplit.dev, data.development), (.test, data.test)]
    where !sentences.isEmpty {
      parts[split] = (sentences, EncodedSentences(sentences, vocabularies))
    }
    self.parts = parts
  }

  // MARK: Training

  /// The number of batches, the small one included.
  public var stepsPerEpoch: Int {
    (training.count + settings.batchSize - 1) / settings.batchSize
  }

  /// Forms batches of sentences of similar length in a random order, and hides rare words.
  public func beginEpoch(_ epoch: Int) {
    var random = Philox(seed: settings.seed, stream: RandomPurpose.order.stream(epoch))
    var order = (0..<training.count).map(UInt32.init)
    random.shuffle(&order)
    if settings.batchSize > 1 {
      order = order.indices.sorted { a, b in
        (training.length(Int(order[a])), a) < (training.length(Int(order[b])), b)
      }.map { order[$0] }
    }
    let sorted = stride(from: 0, to: order.count, by: settings.batchSize).map { start in
      order[start..<min(start + settings.batchSize, order.count)].map(Int.init)
    }
    var places = (0..<sorted.count).map(UInt32.init)
    random.shuffle(&places)
    batches = places.map { sorted[Int($0)] }
    epochData = training.hidingRare(
      vocabularies, wordDropout: settings.wordDropout, seed: settings.seed, epoch: epoch)
  }

  /// Does one step.
  ///
  /// - Throws: `NonFiniteError`.
  public func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport {
    trainer.times = PhaseSeconds()
    let batch = TaggerBatch(batches[step], of: epochData)
    let done = Double((epoch - 1) * stepsPerEpoch + step)
    let loss = try trainer.train(
      batch, of: epochData, epoch: epoch,
      progress: done / Double(settings.stopping.epochs * stepsPerEpoch))
    return StepReport(lossSum: loss, exampleCount: batch.places.count, seconds: trainer.times)
  }

  /// One entry a layer and direction: `lstm.0.forward`, `lstm.0.backward`, ….
  public func takeLayerReports() -> [LayerReport] {
    trainer.layers.enumerated().flatMap { index, layer in
      layer.takeStatistics().enumerated().map { direction, statistics in
        LayerReport(
          name: Self.layerName(index, direction: direction),
          touchedRows: statistics.meanTouchedRows, keptMagnitude: statistics.meanKeptMagnitude)
      }
    }
  }

  static func layerName(_ index: Int, direction: Int) -> String {
    "lstm.\(index)." + (direction == 0 ? "forward" : "backward")
  }

  /// The layers and directions of `takeLayerReports`, then the output layer; embeddings, which have
  /// no products, are left out.
  public func takeTallies() -> [LayerTally] { trainer.takeTallies() }

  /// The confusion of tags in the last evaluation, the most frequent tag first.
  public func confusion(_ split: EvaluationSplit) -> ConfusionMatrix? {
    lastEvaluations[split]?.confusionMatrix
  }

  /// The accuracy on all and on unknown words, in percent, of the network as `predict` uses it.
  public func evaluate(_ split: EvaluationSplit) -> Evaluation? {
    guard let (sentences, encoded) = parts[split] else { return nil }
    var classes: [Int32] = []
    TaggerInference(trainer.network, precision: .int8, context: context)
      .classes(of: encoded, into: &classes)
    let evaluation = TaggerEvaluation(sentences, encoded, classes, vocabularies)
    lastEvaluations[split] = evaluation
    return evaluation.evaluation
  }

  // MARK: State

  /// The trainer's matrices, its step, and a fingerprint of the data.
  public func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int]) {
    (
      TrainerCheckpoint.tensors(trainer.state),
      ["step": trainer.step, "data": training.fingerprint]
    )
  }

  /// Takes such a state back.
  ///
  /// - Throws: `CheckpointError`.
  public func restore(tensors: [NamedTensor], counters: [String: Int]) throws {
    let step = try TrainerCheckpoint.counter("step", in: counters)
    try TrainerCheckpoint.checkData(training.fingerprint, counters)
    let matrices = try TrainerCheckpoint.matrices(
      tensors, like: trainer.state, memoryScope: settings.training.selection.memoryScope)
    trainer.restore(matrices, step: step)
  }

  /// The model of the current weights.
  public var model: TaggerModel {
    TaggerModel(
      network: trainer.network, vocabularies: vocabularies, column: settings.column,
      data: settings.data)
  }

  /// Writes the model of the current weights.
  ///
  /// - Throws: `FileWriteError`.
  public func writeModel(to folder: URL) throws { try model.write(to: folder) }
}

extension TaggerEvaluation {
  /// Compares the classes found with the tags of sentences.
  init(
    _ sentences: [TaggedSentence], _ encoded: EncodedSentences, _ classes: [Int32],
    _ vocabularies: TaggerVocabularies
  ) {
    self.init()
    var place = 0
    for sentence in sentences {
      for tag in sentence.tags {
        add(
          gold: tag, found: vocabularies.tags.items[Int(classes[place])],
          isKnown: vocabularies.isTrained(encoded.words[place]))
        place += 1
      }
    }
  }
}

// MARK: - Preparation

extension TaggerTask {
  /// Makes the task that a configuration describes: finds and loads data, chooses threads.
  ///
  /// - Parameters:
  ///   - configuration: Of `TaggerConfiguration.schema`.
  ///   - locator: Finds the data.
  ///   - progress: Called while a data set of the catalogue arrives, on an arbitrary thread.
  /// - Returns: The task at the start of a run, with what the loop needs besides.
  /// - Throws: `ConfigurationError`, `TreebankError`, `CoNLLUError`, `DataFormatError`,
  ///   `TaggerDataError`, `WordVectorError`.
  public static func prepare(
    _ configuration: Configuration, locator: DataLocator,
    progress: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
  ) throws -> PreparedTask {
    try definition.makePreparer(locator, progress)(configuration)
  }

  /// What plans and experiments know of the task.
  public static let definition = TaskDefinition(
    name: taskName, schema: TaggerConfiguration.schema
  ) { locator, progress in
    let cache = DataCache<(folder: URL, data: TaggerData)>()
    return { try prepare($0, locator: locator, progress: progress, cache: cache) }
  }

  private static func prepare(
    _ configuration: Configuration, locator: DataLocator,
    progress: @escaping @Sendable (DownloadProgress) -> Void,
    cache: DataCache<(folder: URL, data: TaggerData)>
  ) throws -> PreparedTask {
    var (settings, resolved) = try TaggerConfiguration.resolve(configuration)
    let (folder, data) = try cache.value(
      for: resolved.texts(of: ["data", "column", "train-limit"])
    ) {
      let folder = try locator.treebankFolder(settings.data, progress: progress)
      let data = try TaggerData(
        Treebank(folder: folder, sections: .tagging), column: settings.column,
        trainingLimit: settings.trainingLimit)
      return (folder, data)
    }
    (settings, resolved) = try TaggerConfiguration.resolve(
      configuration, sentenceCount: data.training.count)
    let threads = settings.threadCount ?? fastestThreadCount(settings, data: data)
    let context = ComputeContext(threadCount: threads)
    let shape = settings.shape
    let vectors = try settings.vectors.map {
      try TaggerVectors(
        path: $0, vocabularies: TaggerVocabularies(data.training), size: shape.wordSize,
        limit: settings.vectorLimit)
    }
    let task = TaggerTask(settings: settings, data: data, vectors: vectors, context: context)
    let vocabularies = task.vocabularies
    return PreparedTask(
      task: task, configuration: resolved, stopping: settings.stopping, threadCount: threads,
      description: [
        "data \(folder.path), column \(settings.column.name): \(data.training.count) training, "
          + "\(data.development.count) development, \(data.test.count) test sentences",
        "\(vocabularies.words.items.count) words, \(vocabularies.features.items.count) features, "
          + "\(vocabularies.tags.items.count) tags; \(shape.layerCount) "
          + (shape.isBidirectional ? "bidirectional " : "")
          + (shape.layerCount == 1 ? "LSTM layer" : "LSTM layers")
          + ", \(shape.inputSize) inputs, \(shape.hiddenSize) units",
        "\(threads) \(threads == 1 ? "thread" : "threads")"
          + (settings.threadCount == nil ? " (measured)" : "")
          + ", \(context.instructionSet.rawValue) kernels",
      ] + [vectors?.summary].compactMap(\.self))
  }

  /// Measures a few steps on the first sentences with each number of threads.
  private static func fastestThreadCount(_ settings: TaggerSettings, data: TaggerData) -> Int {
    var settings = settings
    settings.training.optimizer.learningRate = min(
      settings.training.optimizer.learningRate, 1e-3)
    let some = TaggerData(
      training: Array(data.training.prefix(512)), development: [], test: [])
    return ThreadChoice.fastest { threadCount in
      let task = TaggerTask(
        settings: settings, data: some, context: ComputeContext(threadCount: threadCount))
      task.beginEpoch(1)
      var step = 0
      return {
        // A step that fails is as long as any other, and the run will tell.
        _ = try? task.trainStep(step, ofEpoch: 1)
        step = (step + 1) % task.stepsPerEpoch
      }
    }
  }

  /// Does what `meprop train tagger` is asked for, with progress on standard error.
  ///
  /// - Parameters:
  ///   - request: What the user wants.
  ///   - progress: Called while a data set of the catalogue arrives, on an arbitrary thread.
  /// - Returns: What came of it.
  /// - Throws: As `TrainingRequest.train` and `prepare`.
  public static func train(
    _ request: TrainingRequest,
    progress: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
  ) throws -> TrainingReport {
    try request.train(
      taskName, schema: TaggerConfiguration.schema, recorders: [ProgressRecorder()],
      handlesSignals: true, prepare: definition.makePreparer(.ofProcess, progress))
  }
}
