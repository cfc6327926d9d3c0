// The tagger task for the training loop: batches of sentences, steps, evaluation, checkpoints.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Trains an LSTM to tag words.
public final class TaggerTask: NetworkTask {
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
  /// Trains the network.
  public let trainer: Trainer<TaggerNetwork, SoftmaxCrossEntropy>
  private let training: EncodedSentences
  private let parts: [EvaluationSplit: (sentences: [TaggedSentence], encoded: EncodedSentences)]
  private var epochData: EncodedSentences
  private var batches: [TaggerBatch] = []
  private var symbols = TaggerBatch.makeSymbols()
  private var classes: [Int32] = []
  private var lastEvaluations: [EvaluationSplit: TaggerEvaluation] = [:]

  /// Creates the task at the start of a run.
  ///
  /// - Parameters:
  ///   - settings: What to train with.
  ///   - data: What to train and evaluate on.
  ///   - vectors: Pre-trained vectors, read for the vocabularies of the training data; `nil` for
  ///     none.
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
      embeddingScale: settings.embeddingScale, dropout: settings.dropout,
      isVariational: settings.isVariational, precision: settings.precision,
      seed: settings.steps.seed)
    if let vectors {
      var words = network.embedding.tables[0].vectors.value
      vectors.fill(&words)
      network.embedding.tables[0].vectors.replace(with: words)
    }
    trainer = settings.steps.makeTrainer(
      network, loss: SoftmaxCrossEntropy(), context: context)
    training = EncodedSentences(data.training, vocabularies)
    epochData = training
    var parts: [EvaluationSplit: (sentences: [TaggedSentence], encoded: EncodedSentences)] = [:]
    for (split, sentences) in [(EvaluationSplit.dev, data.development), (.test, data.test)]
    where !sentences.isEmpty {
      parts[split] = (sentences, EncodedSentences(sentences, vocabularies))
    }
    self.parts = parts
    var print = DataFingerprint()
    print.add(training.fingerprint)
    print.add(parts[.dev]?.encoded.fingerprint ?? 0)
    for list in [vocabularies.words, vocabularies.features, vocabularies.tags] { print.add(list) }
    fingerprint = print.value
  }

  // MARK: Training

  /// The number of batches, the small one included.
  public var stepsPerEpoch: Int { settings.steps.stepsPerEpoch(exampleCount: training.count) }

  /// Forms batches of sentences of similar length in a random order, and hides rare words.
  public func beginEpoch(_ epoch: Int) {
    var random = Philox(seed: settings.steps.seed, stream: RandomPurpose.order.stream(epoch))
    var order = (0..<training.count).map(UInt32.init)
    random.shuffle(&order)
    if settings.steps.batchSize > 1 {
      order = order.indices.sorted { a, b in
        (training.length(Int(order[a])), a) < (training.length(Int(order[b])), b)
      }.map { order[$0] }
    }
    let sorted = stride(from: 0, to: order.count, by: settings.steps.batchSize).map { start in
      order[start..<min(start + settings.steps.batchSize, order.count)].map(Int.init)
    }
    var places = (0..<sorted.count).map(UInt32.init)
    random.shuffle(&places)
    batches = places.map { TaggerBatch(sorted[Int($0)], of: training) }
    epochData = training.hidingRare(
      vocabularies, wordDropout: settings.wordDropout, seed: settings.steps.seed, epoch: epoch)
  }

  /// Does one step.
  ///
  /// - Throws: `NonFiniteError`.
  public func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport {
    let start = Clock.now()
    let sentences = batches[step].sentences
    return try trainStep(
      ofExamples: sentences.count, step: step, epoch: epoch,
      learningRateFactor: settings.steps.learningRateFactor(
        step: step, epoch: epoch, stepsPerEpoch: stepsPerEpoch), since: start
    ) { part in
      let batch =
        part.count == sentences.count
        ? batches[step] : TaggerBatch(Array(sentences[part]), of: training)
      batch.gather(epochData, into: &symbols)
      classes.removeAll(keepingCapacity: true)
      for place in batch.places { classes.append(epochData.classes[place]) }
      return TrainingBatch(symbols, classes)
    }
  }

  /// The confusion of tags in the last evaluation, the most frequent tag first.
  public func confusion(_ split: EvaluationSplit) -> ConfusionMatrix? {
    lastEvaluations[split]?.confusionMatrix
  }

  /// The accuracy on all and on unknown words, in percent, of the network as `predict` uses it.
  ///
  /// - Throws: `WorkInterrupted` where a signal asks the run to stop.
  public func evaluate(_ split: EvaluationSplit) throws -> Evaluation? {
    guard let (sentences, encoded) = parts[split] else { return nil }
    var classes: [Int32] = []
    TaggerInference(trainer.model, precision: .int8, context: trainer.context)
      .classes(of: encoded, into: &classes, processes: trainer.processes)
    try InterruptFlag.checkRun()
    let evaluation = TaggerEvaluation(sentences, encoded, classes, vocabularies)
    lastEvaluations[split] = evaluation
    return evaluation.evaluation
  }

  // MARK: State

  /// Of the training and development sentences and of the vocabularies.
  public let fingerprint: Int

  /// The model of the current weights.
  public var model: TaggerModel { model(of: trainer.model) }

  private func model(of network: TaggerNetwork) -> TaggerModel {
    TaggerModel(
      network: network, vocabularies: vocabularies, column: settings.column,
      data: settings.data)
  }

  /// Writes the model of the current weights.
  ///
  /// - Throws: `FileWriteError`.
  public func writeModel(to folder: URL) throws {
    try writeModels(to: folder) { try model(of: $0).write(to: $1) }
  }
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
