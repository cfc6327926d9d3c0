// The parser task for the training loop: batches of transitions, steps, evaluation, checkpoints.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Trains a classifier of transitions to parse sentences.
public final class ParserTask: TrainingTask {
  /// The task's name.
  public static let taskName = Parser.name
  /// `parser`.
  public let name: String = ParserTask.taskName
  /// `transitions`.
  public let exampleUnit = "transitions"

  /// What is trained with.
  public let settings: ParserSettings
  /// The numbers of words, tags and relations.
  public let vocabularies: ParserVocabularies
  /// How many training trees the system cannot build.
  public let leftOutCount: Int
  private let numbers: TransitionNumbers
  private let trainer: ParserTrainer
  private let context: ComputeContext
  private let training: EncodedTrees
  /// The number of examples that gold trees have: as many are trained on in each epoch.
  private let goldCount: Int
  /// The examples of this epoch, and whether they are those of gold trees.
  private var examples: TransitionExamples
  private var examplesAreGold = true
  /// The network that explored for an epoch, as it was at its start.
  private var explorer: (epoch: Int, network: ParserNetwork)?
  private let parts: [EvaluationSplit: (trees: [DependencyTree], encoded: EncodedTrees)]
  private var confusions: [EvaluationSplit: ConfusionMatrix] = [:]
  private var order: [UInt32] = []
  private var symbols: [UInt32] = []
  private var batch: [UInt32] = []
  private var transitions: [Int32] = []

  /// Creates the task at the start of a run.
  ///
  /// - Throws: `ParserDataError` where no training tree can be built.
  public init(settings: ParserSettings, data: ParserData, context: ComputeContext) throws {
    self.settings = settings
    self.context = context
    vocabularies = ParserVocabularies(
      data.training, choice: settings.choice, keepsSubtypes: settings.keepsSubtypes)
    numbers = TransitionNumbers(system: settings.system, labelCount: vocabularies.labelCount)
    training = EncodedTrees(data.training, vocabularies, keepsSubtypes: settings.keepsSubtypes)
    (examples, leftOutCount) = TransitionExamples.following(training, numbers)
    goldCount = examples.count
    guard goldCount > 0 else {
      throw ParserDataError.nothingToLearn(
        data: settings.data, system: settings.system.rawValue, treeCount: data.training.count)
    }
    let network = ParserNetwork(
      shape: settings.shape, layout: FeatureLayout(vocabularies), transitionCount: numbers.count,
      embeddingScale: settings.embeddingScale, seed: settings.seed)
    trainer = ParserTrainer(network, training: settings.training, context: context)
    var parts: [EvaluationSplit: (trees: [DependencyTree], encoded: EncodedTrees)] = [:]
    for (split, trees) in [(EvaluationSplit.dev, data.development), (.test, data.test)]
    where !trees.isEmpty {
      parts[split] = (
        trees, EncodedTrees(trees, vocabularies, keepsSubtypes: settings.keepsSubtypes)
      )
    }
    self.parts = parts
  }

  // MARK: Training

  /// The number of batches, the small one included.
  public var stepsPerEpoch: Int {
    (goldCount + settings.batchSize - 1) / settings.batchSize
  }

  /// Puts the transitions of all sentences in a random order, and hides rare words.
  ///
  /// From the epoch on in which the parser explores, transitions are those of the states that it gets into itself; as
  /// many of them are taken as gold trees have, so that all epochs have as many steps.
  public func beginEpoch(_ epoch: Int) {
    if explores(epoch) {
      // One set of examples at a time: they are the larger part of the data.
      examples = TransitionExamples()
      examples = explore(epoch)
      examplesAreGold = false
    } else if !examplesAreGold {
      examples = TransitionExamples.following(training, numbers).examples
      examplesAreGold = true
    }
    var random = Philox(seed: settings.seed, stream: RandomPurpose.order.stream(epoch))
    order.removeAll(keepingCapacity: true)
    while order.count < goldCount {
      var round = (0..<examples.count).map(UInt32.init)
      random.shuffle(&round)
      order += round.prefix(goldCount - order.count)
    }
    symbols = training.hidingRare(
      wordDropout: settings.wordDropout, seed: settings.seed, epoch: epoch)
  }

  private func explores(_ epoch: Int) -> Bool {
    settings.explorationShare > 0 && epoch >= settings.explorationStart
  }

  private func explore(_ epoch: Int) -> TransitionExamples {
    // A run that is resumed within the epoch goes on with the examples that it had.
    let network = explorer?.epoch == epoch ? explorer?.network : nil
    explorer = (epoch, network ?? trainer.network)
    trainer.releaseBatchMemory()
    let engine = ParserEngine(
      network ?? trainer.network, vocabularies: vocabularies, system: settings.system,
      precision: settings.training.precision, context: context)
    return engine.explore(
      training, share: settings.explorationShare, seed: settings.seed, epoch: epoch,
      threadCount: context.threadCount)
  }

  /// Does one step.
  ///
  /// - Throws: `NonFiniteError`.
  public func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport {
    trainer.times = PhaseSeconds()
    let start = Clock.now()
    let first = step * settings.batchSize
    gather(order[first..<min(first + settings.batchSize, order.count)])
    trainer.times.data = Clock.now() - start
    let done = Double((epoch - 1) * stepsPerEpoch + step)
    let loss = try trainer.train(
      batch, transitions: transitions, epoch: epoch,
      progress: done / Double(settings.stopping.epochs * stepsPerEpoch))
    return StepReport(
      lossSum: loss, exampleCount: transitions.count, seconds: trainer.times)
  }

  private func gather(_ chosen: ArraySlice<UInt32>) {
    let width = training.layout.positionCount
    if batch.count < settings.batchSize * width {
      batch = Array(repeating: 0, count: settings.batchSize * width)
    }
    transitions.removeAll(keepingCapacity: true)
    batch.withUnsafeMutableBufferPointer { batch in
      symbols.withUnsafeBufferPointer { symbols in
        guard var row = batch.baseAddress else { return }
        for example in chosen {
          examples.writeFeatures(Int(example), training, symbols: symbols, to: row)
          row += width
        }
      }
    }
    for example in chosen { transitions.append(Int32(examples.transitions[Int(example)])) }
  }

  /// One entry a hidden layer: `features`, then `layers.0`, ….
  public func takeLayerReports() -> [LayerReport] {
    let statistics =
      [(FeatureLayerTrainer.name, trainer.features.takeStatistics())]
      + trainer.rest.takeStatistics().dropLast().enumerated().map { ("layers.\($0)", $1) }
    return statistics.map {
      LayerReport(
        name: $0, touchedRows: $1.meanTouchedRows, keptMagnitude: $1.meanKeptMagnitude)
    }
  }

  /// One entry a layer with products: `features`, then `layers.0`, …, the output layer last.
  public func takeTallies() -> [LayerTally] {
    [trainer.features.takeTally()] + trainer.rest.takeTallies()
  }

  /// The confusion of relations in the last evaluation, whatever the heads, the most frequent relation first.
  public func confusion(_ split: EvaluationSplit) -> ConfusionMatrix? { confusions[split] }

  /// LAS and UAS over all words, in percent, of greedy parsing.
  public func evaluate(_ split: EvaluationSplit) -> Evaluation? {
    guard let (trees, encoded) = parts[split] else { return nil }
    // The table of frequent features, and checkpoints after it, take their place.
    trainer.releaseBatchMemory()
    let engine = ParserEngine(
      trainer.network, vocabularies: vocabularies, system: settings.system,
      precision: settings.training.precision, context: context)
    let parsed = engine.parse(encoded, threadCount: context.threadCount)
    let relations = vocabularies.relations.items
    var scores = TreeEvaluation.Attachment()
    // Relations of these data alone come last.
    var confusion = ConfusionMatrix(labels: relations + ["not in training data"])
    for (sentence, tree) in trees.enumerated() {
      let start = encoded.starts[sentence]
      for word in 0..<tree.wordCount {
        let node = start + word + 1
        let hasHead = Int(parsed.heads[node]) == tree.heads[word]
        let hasArc =
          hasHead
          && UDRelations.universal(relations[Int(parsed.labels[node])])
            == UDRelations.universal(tree.relations[word])
        scores.add(hasHead: hasHead, hasArc: hasArc)
        let gold = Int(encoded.labels[node])
        confusion.add(gold: gold < 0 ? relations.count : gold, found: Int(parsed.labels[node]))
      }
    }
    confusions[split] = confusion
    return Evaluation([.init("las", scores.las), .init("uas", scores.uas)])
  }

  // MARK: State

  /// The trainer's matrices, its step, and a fingerprint of the data.
  public func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int]) {
    var counters = ["step": trainer.step, "data": training.fingerprint]
    var matrices = trainer.state
    if let explorer {
      counters["explorer"] = explorer.epoch
      matrices += explorer.network.parameters.enumerated().map { NamedMatrix("explorer.\($0)", $1) }
    }
    return (TrainerCheckpoint.tensors(matrices), counters)
  }

  /// Takes such a state back.
  ///
  /// - Throws: `CheckpointError`.
  public func restore(tensors: [NamedTensor], counters: [String: Int]) throws {
    let step = try TrainerCheckpoint.counter("step", in: counters)
    try TrainerCheckpoint.checkData(training.fingerprint, counters)
    var state = trainer.state
    var restored: (epoch: Int, network: ParserNetwork)?
    if counters["explorer"] != nil {
      let epoch = try TrainerCheckpoint.counter("explorer", in: counters)
      let names = trainer.network.parameters.enumerated().map {
        NamedMatrix("explorer.\($0)", $1)
      }
      state += names
      let matrices = try TrainerCheckpoint.matrices(
        tensors, like: state, memoryScope: settings.training.selection.memoryScope)
      restored = (
        epoch, trainer.network.replacing(parameters: names.compactMap { matrices[$0.name] })
      )
    }
    try trainer.restore(
      TrainerCheckpoint.matrices(
        tensors, like: state, memoryScope: settings.training.selection.memoryScope), step: step)
    explorer = restored
  }

  /// The model of the current weights.
  public var model: ParserModel {
    ParserModel(
      network: trainer.network, vocabularies: vocabularies, system: settings.system,
      precision: settings.training.precision, data: settings.data)
  }

  /// Writes the model of the current weights.
  ///
  /// - Throws: `FileWriteError`.
  public func writeModel(to folder: URL) throws { try model.write(to: folder) }
}
