// The tagger task: sentences in, tags out.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Tagging words with an LSTM.
public enum Tagger: TaskDefinition {
  /// `tagger`.
  public static let name = "tagger"

  /// What commands say of it.
  public static let help = TaskHelp(
    abstract: "Train a part-of-speech tagger on a treebank.",
    training: TreebankKeys.help,
    examples: [
      "--data ud-english-ewt", "--data UD_German-GSD --column upos --run runs/german",
      "--preset paper --select top-k --k 10", "--select dense --batch 16 --epochs 5 --json",
    ],
    evaluation:
      "accuracy, on known and unknown words too, figures of each tag and the most confused "
      + "pairs",
    prediction:
      "reads CoNLL-U (plain or gzip) and writes it byte for byte, except for the column that "
      + "is predicted; --format says what else. From a pipe, sentences are tagged as soon as they "
      + "have "
      + "arrived; an object of --json is {\"tokens\", \"tags\"}",
    uses: [
      "meprop predict runs/tagger text.conllu.gz > tagged.conllu",
      "echo \"The dog barks .\" | meprop predict runs/tagger --format text",
    ])

  /// The keys of `TaggerConfiguration`.
  public static var schema: ConfigurationSchema { TaggerConfiguration.schema }

  /// Decides and checks settings; see `TaggerConfiguration.resolve(_:sentenceCount:)`.
  public static func resolve(
    _ configuration: Configuration, for examples: TaggerData?
  ) throws -> (settings: TaggerSettings, configuration: Configuration) {
    try TaggerConfiguration.resolve(configuration, sentenceCount: examples?.training.count)
  }

  /// Where the sentences are, and which tags they are read with.
  public static let dataKeys = ["data", "column", "train-limit"]

  /// Finds and reads a treebank.
  public static func load(
    _ settings: TaggerSettings, from source: DataSource
  ) throws -> TaggerData {
    try TaggerData(
      source.treebank(settings.data, .tagging), column: settings.column,
      trainingLimit: settings.trainingLimit)
  }

  /// Leaves 512 sentences, and no word vectors.
  public static func shorten(_ settings: inout TaggerSettings, _ examples: inout TaggerData) {
    settings.vectors = nil
    examples = examples.prefix(512)
  }

  /// Makes the task at the start of a run; reads word vectors, where there are any.
  ///
  /// - Throws: `WordVectorError`.
  public static func makeTask(
    _ settings: TaggerSettings, _ examples: TaggerData, _ context: ComputeContext
  ) throws -> TaggerTask {
    let vectors = try settings.vectors.map {
      try TaggerVectors(
        path: $0, vocabularies: TaggerVocabularies(examples.training),
        size: settings.shape.wordSize, limit: settings.vectorLimit)
    }
    return TaggerTask(settings: settings, data: examples, vectors: vectors, context: context)
  }

  /// Lines on sentences, vocabularies and network.
  public static func describe(_ task: TaggerTask, _ examples: TaggerData) -> [String] {
    let (settings, vocabularies) = (task.settings, task.vocabularies)
    let shape = settings.shape
    return [
      examples.summary(settings.data, ", column \(settings.column.name)"),
      "\(vocabularies.words.items.count) words, \(vocabularies.features.items.count) features, "
        + "\(vocabularies.tags.items.count) tags; \(shape.layerCount) "
        + (shape.isBidirectional ? "bidirectional " : "")
        + (shape.layerCount == 1 ? "LSTM layer" : "LSTM layers")
        + ", \(shape.inputSize) inputs, "
        + (shape.hiddenSizes ?? [shape.hiddenSize]).map(String.init).joined(separator: ", ")
        + " units",
    ] + [task.vectorSummary].compactMap(\.self)
  }

  /// The sections for tagging.
  public static let treebankUse: TreebankUse? = TreebankUse(
    sections: .tagging, note: "tagging: sections 00-18, 19-21, 22-24",
    freeNote: "tagging: XPOS tags")
  /// An LSTM over words and their features.
  public static let torchSteps: TorchStepKind? = .words
}
