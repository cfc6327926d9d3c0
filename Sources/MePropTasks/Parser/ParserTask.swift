// The parser task for the training loop: batches of transitions, steps, evaluation, checkpoints.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Trains a classifier of transitions to parse sentences.
public final class ParserTask: NetworkTask {
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
  /// Trains the network.
  public let trainer: Trainer<ParserNetwork, SoftmaxCrossEntropy>
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
  /// The symbols of all nodes in this epoch.
  private var nodeSymbols: [UInt32] = []
  private var batch: Symbols
  private var transitions: [Int32] = []

  /// Creates the task at the start of a run.
  ///
  /// - Throws: `ParserDataError` where no training tree can be built.
  public init(settings: ParserSettings, data: ParserData, context: ComputeContext) throws {
    self.settings = settings
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
      embeddingScale: settings.embeddingScale, dropout: settings.dropout,
      precision: settings.precision, seed: settings.steps.seed)
    trainer = settings.steps.makeTrainer(
      network, loss: SoftmaxCrossEntropy(), context: context)
    batch = Symbols([], rowCount: 0, positionCount: network.features.positionCount)
    var parts: [EvaluationSplit: (trees: [DependencyTree], encoded: EncodedTrees)] = [:]
    for (split, trees) in [(EvaluationSplit.dev, data.development), (.test, data.test)]
    where !trees.isEmpty {
      parts[split] = (
        trees, EncodedTrees(trees, vocabularies, keepsSubtypes: settings.keepsSubtypes)
      )
    }
    self.parts = parts
    var print = DataFingerprint()
    print.add(training.fingerprint)
    print.add(parts[.dev]?.encoded.fingerprint ?? 0)
    for list in [
      vocabularies.words, vocabularies.tags, vocabularies.prefixes, vocabularies.suffixes,
      vocabularies.relations,
    ] { print.add(list) }
    fingerprint = print.value
  }

  // MARK: Training

  /// The number of batches, the small one included.
  public var stepsPerEpoch: Int { settings.steps.stepsPerEpoch(exampleCount: goldCount) }

  /// Puts the transitions of all sentences in a random order, and hides rare words.
  ///
  /// From the epoch on in which the parser explores, transitions are those of the states that it
  /// gets into itself; as many of them are taken as gold trees have, so that all epochs have as
  /// many steps. Where exploring finds none, they are those of gold trees.
  ///
  /// - Throws: `WorkInterrupted` where a signal asks the run to stop.
  public func beginEpoch(_ epoch: Int) throws {
    if explores(epoch) {
      // One set of examples at a time: they are the larger part of the data.
      examples = TransitionExamples()
      examplesAreGold = false
      examples = try explore(epoch)
    }
    // Nothing to choose in any state, as in sentences of one word: then gold trees go on.
    if examples.count == 0 || (!explores(epoch) && !examplesAreGold) {
      examples = TransitionExamples.following(training, numbers).examples
      examplesAreGold = true
    }
    var random = Philox(seed: settings.steps.seed, stream: RandomPurpose.order.stream(epoch))
    order.removeAll(keepingCapacity: true)
    while order.count < goldCount {
      var round = (0..<examples.count).map(UInt32.init)
      random.shuffle(&round)
      order += round.prefix(goldCount - order.count)
    }
    nodeSymbols = training.hidingRare(
      wordDropout: settings.wordDropout, seed: settings.steps.seed, epoch: epoch)
  }

  private func explores(_ epoch: Int) -> Bool {
    settings.explorationShare > 0 && epoch >= settings.explorationStart
  }

  private func explore(_ epoch: Int) throws -> TransitionExamples {
    // A run that is resumed within the epoch goes on with the examples that it had.
    let network = explorer?.epoch == epoch ? explorer?.network : nil
    explorer = (epoch, network ?? trainer.model)
    trainer.releaseBatchMemory()
    let engine = ParserEngine(
      network ?? trainer.model, vocabularies: vocabularies, system: settings.system,
      precision: settings.precision, context: trainer.context)
    return try engine.explore(
      training, share: settings.explorationShare, seed: settings.steps.seed, epoch: epoch,
      threadCount: trainer.context.threadCount, processes: trainer.processes)
  }

  /// Does one step.
  ///
  /// - Throws: `NonFiniteError`.
  public func trainStep(_ step: Int, ofEpoch epoch: Int) throws -> StepReport {
    let start = Clock.now()
    let examples = settings.steps.examples(ofStep: step, of: order.count)
    return try trainStep(
      ofExamples: examples.count, step: step, epoch: epoch,
      learningRateFactor: settings.steps.learningRateFactor(
        step: step, epoch: epoch, stepsPerEpoch: stepsPerEpoch), since: start
    ) { part in
      gather(order[examples][from: part])
      return TrainingBatch(batch, transitions)
    }
  }

  private func gather(_ chosen: ArraySlice<UInt32>) {
    let width = batch.positionCount
    if batch.values.count < settings.steps.batchSize * width {
      batch.values = Array(repeating: 0, count: settings.steps.batchSize * width)
    }
    batch.rowCount = chosen.count
    transitions.removeAll(keepingCapacity: true)
    batch.values.withUnsafeMutableBufferPointer { batch in
      nodeSymbols.withUnsafeBufferPointer { symbols in
        guard var row = batch.baseAddress else { return }
        for example in chosen {
          examples.writeFeatures(Int(example), training, symbols: symbols, to: row)
          row += width
        }
      }
    }
    for example in chosen { transitions.append(Int32(examples.transitions[Int(example)])) }
  }

  /// The confusion of relations in the last evaluation, whatever the heads, the most frequent
  /// relation first.
  public func confusion(_ split: EvaluationSplit) -> ConfusionMatrix? { confusions[split] }

  /// LAS and UAS over all words, in percent, of greedy parsing.
  ///
  /// - Throws: `WorkInterrupted` where a signal asks the run to stop.
  public func evaluate(_ split: EvaluationSplit) throws -> Evaluation? {
    guard let (trees, encoded) = parts[split] else { return nil }
    // The table of frequent features, and checkpoints after it, take their place.
    trainer.releaseBatchMemory()
    let engine = ParserEngine(
      trainer.model, vocabularies: vocabularies, system: settings.system,
      precision: settings.precision, context: trainer.context)
    let parsed = engine.parse(
      encoded, threadCount: trainer.context.threadCount, processes: trainer.processes)
    try InterruptFlag.checkRun()
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

  /// Of the training and development trees and of the vocabularies.
  public let fingerprint: Int

  private static let explorerPrefix = "explorer."

  /// The trainer's state and step, a fingerprint of the data, and the network that explored.
  public func checkpointTensors() -> (tensors: [NamedTensor], counters: [String: Int]) {
    var counters = ["step": trainer.stepCount, "data": fingerprint]
    var tensors = trainer.state
    if let explorer {
      counters["explorer"] = explorer.epoch
      tensors += explorer.network.parameters.map {
        NamedTensor(name: Self.explorerPrefix + $0.name, shape: $0.shape, values: $0.values)
      }
    }
    return (tensors, counters)
  }

  /// Takes such a state back.
  ///
  /// - Throws: `CheckpointError`.
  public func restore(tensors: [NamedTensor], counters: [String: Int]) throws {
    var restored: (epoch: Int, network: ParserNetwork)?
    if counters["explorer"] != nil {
      let saved = tensors.filter { $0.name.hasPrefix(Self.explorerPrefix) }.map {
        NamedTensor(
          name: String($0.name.dropFirst(Self.explorerPrefix.count)), shape: $0.shape,
          values: $0.values)
      }
      var network = network(ofWidthsOf: saved)
      do {
        try network.replaceParameters(with: saved)
      } catch {
        throw CheckpointError(state: error)
      }
      restored = (try CheckpointError.count("explorer", in: counters), network)
    }
    try restoreTrainer(
      tensors.filter { restored == nil || !$0.name.hasPrefix(Self.explorerPrefix) }, counters)
    explorer = restored
  }

  /// A network whose hidden layers are as wide as those of saved parameters; they may have lost
  /// units since.
  private func network(ofWidthsOf saved: [NamedTensor]) -> ParserNetwork {
    var shape = settings.shape
    for index in shape.hiddenSizes.indices {
      let name = index == 0 ? "features.bias" : "layers.\(index - 1).bias"
      let width = saved.first { $0.name == name }?.values.count ?? 0
      if (1...shape.hiddenSizes[index]).contains(width) { shape.hiddenSizes[index] = width }
    }
    return ParserNetwork(
      shape: shape, layout: FeatureLayout(vocabularies), transitionCount: numbers.count,
      embeddingScale: settings.embeddingScale, dropout: settings.dropout,
      precision: settings.precision, seed: settings.steps.seed)
  }

  /// The model of the current weights.
  public var model: ParserModel { model(of: trainer.model) }

  private func model(of network: ParserNetwork) -> ParserModel {
    ParserModel(
      network: network, vocabularies: vocabularies, system: settings.system,
      precision: settings.precision, data: settings.data)
  }

  /// Writes the model of the current weights.
  ///
  /// - Throws: `FileWriteError`.
  public func writeModel(to folder: URL) throws {
    try writeModels(to: folder) { try model(of: $0).write(to: $1) }
  }
}
