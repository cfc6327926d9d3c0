// The tagger task for the training loop: batches of sentences, steps, evaluation, checkpoints.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Trains an LSTM to tag words.
public final class TaggerTask: TrainingTask {
  /// The task's name.
  public static let taskName = Tagger.name
  /// `tagger`.
  public let name: String = TaggerTask.taskName
  /// `words`.
  public let exampleUnit = "words"

  /// What is trained with.
  public let settings: TaggerSettings
  /// The numbers of words, features and tags.
  public let vocabularies: TaggerVocabularies
  /// A line on the pre-trained vectors that embeddings started from, if there were any.
  public let vectorSummary: String?
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
    vectorSummary = vectors?.summary
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
