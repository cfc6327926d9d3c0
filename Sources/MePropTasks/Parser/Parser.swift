// The parser task: tagged sentences in, dependency trees out.

import Foundation
import MePropCore
import MePropData
import MePropTraining

/// Parsing sentences with a classifier of transitions.
public enum Parser: TaskDefinition {
  /// `parser`.
  public static let name = "parser"

  /// What commands say of it.
  public static let help = TaskHelp(
    abstract: "Train a dependency parser on a treebank.",
    training: TreebankKeys.help
      + " Scores are UAS and LAS over all words; the epoch of the best LAS on dev is kept.",
    examples: [
      "--data ud-english-ewt", "--data UD_Czech-PDT --system swap --run runs/czech",
      "--preset paper --select dense", "--select top-k --k 20 --batch 100 --epochs 10 --json",
    ],
    evaluation: "UAS, LAS, CLAS and MLAS, with and without punctuation, by relation, distance and "
      + "length",
    prediction: "reads CoNLL-U (plain or gzip) and writes it byte for byte, except for heads and "
      + "relations; --format text reads words alone. From a pipe, each sentence is parsed before "
      + "the "
      + "next is read; an object of --json is {\"tokens\", \"heads\", \"relations\"}",
    uses: [
      "meprop evaluate runs/parser --svg parser.svg",
      "meprop predict runs/parser tagged.conllu > parsed.conllu",
      "echo \"The dog barks .\" | meprop predict runs/parser --format text --tagger runs/tagger",
    ])

  /// Trees, and whose tags they have.
  public struct Examples {
    /// The trees.
    public var data: ParserData
    /// The column that a tagger filled in, and the tags of training trees; `nil` for the treebank's
    /// own tags.
    var tagging: (columns: ParserTagColumns, tags: JackknifedTags)?
  }

  /// The keys of `ParserConfiguration`.
  public static var schema: ConfigurationSchema { ParserConfiguration.schema }

  /// Decides and checks settings; see `ParserConfiguration.resolve(_:sentenceCount:)`.
  ///
  /// Where a tagger put its tags into the trees, features are made of the one column that it knows:
  /// the other is gold.
  public static func resolve(
    _ configuration: Configuration, for examples: Examples?
  ) throws -> (settings: ParserSettings, configuration: Configuration) {
    var (settings, resolved) = try ParserConfiguration.resolve(
      configuration, sentenceCount: examples?.data.training.count)
    if let tagging = examples?.tagging { settings.choice.tagColumns = tagging.columns }
    return (settings, resolved)
  }

  /// Where the trees are, and whose tags they have.
  public static let dataKeys = ["data", "train-limit", "tagger", "folds"]

  /// Finds and reads a treebank, and puts a tagger's tags in the place of its own if the settings
  /// say so.
  public static func load(
    _ settings: ParserSettings, from source: DataSource
  ) throws -> Examples {
    var data = try ParserData(
      source.treebank(settings.data, .parsing), trainingLimit: settings.trainingLimit)
    guard let path = settings.tagger else { return Examples(data: data) }
    let tagger = try ParserTagger(
      at: URL(fileURLWithPath: path),
      threadCount: settings.steps.threadCount ?? ComputeContext.availableThreads)
    let status = StatusLine()
    let (trees, tags) = try tagger.jackknifing(
      data.training, foldCount: settings.foldCount,
      saved: source.run?.appendingPathComponent(JackknifedTags.fileName), progress: status.show)
    status.clear()
    data.training = trees
    data.development = tagger.tagging(data.development)
    data.test = tagger.tagging(data.test)
    return Examples(data: data, tagging: (tagger.columns, tags))
  }

  /// Leaves 1,000 training trees.
  public static func shorten(_ settings: inout ParserSettings, _ examples: inout Examples) {
    examples.data = examples.data.prefix(1000)
  }

  /// Makes the task at the start of a run.
  ///
  /// - Throws: `ParserDataError`.
  public static func makeTask(
    _ settings: ParserSettings, _ examples: Examples, _ context: ComputeContext
  ) throws -> ParserTask {
    try ParserTask(settings: settings, data: examples.data, context: context)
  }

  /// Lines on trees, vocabularies and network.
  public static func describe(_ task: ParserTask, _ examples: Examples) -> [String] {
    let (settings, vocabularies) = (task.settings, task.vocabularies)
    return [
      examples.data.summary(settings.data),
      "\(settings.system.rawValue): \(task.leftOutCount) training trees that it cannot build are "
        + "left out",
      "\(vocabularies.words.items.count) words, \(vocabularies.tags.items.count) tags, "
        + "\(vocabularies.labelCount) relations; hidden layers "
        + settings.shape.hiddenSizes.map(String.init).joined(separator: ", "),
    ]
  }

  /// The tags that taggers gave to training trees.
  public static func files(of examples: Examples) throws -> [(name: String, contents: Data)] {
    try examples.tagging.map { [(JackknifedTags.fileName, try $0.tags.encoded())] } ?? []
  }

  /// The sections for parsing, whose words have no universal tags.
  public static let treebankUse: TreebankUse? = TreebankUse(
    sections: .parsing, settings: [("columns", "xpos")],
    note: "parsing: sections 02-21, 22, 23, with gold tags and, from bracketed trees, the twelve "
      + "relations of Penn2Malt",
    freeNote: "parsing: gold tags and universal relations",
    scoreNote: "UAS counts punctuation")
  /// Linear layers on the embeddings of symbols.
  public static let torchSteps: TorchStepKind? = .symbols
}
