// What in a treebank would hurt a parser.

import Foundation
import MePropData
import MePropTraining

/// A look at a treebank before a parser is trained on it.
public struct ParserCheck: Sendable, Equatable {
  /// The figures of one part.
  public struct Part: Sendable, Equatable {
    /// `train`, `dev` or `test`.
    public var name: String
    /// The file, or the first of several.
    public var path: String
    /// The format of its files; `nil` if none can be read.
    public var format: TreebankFormat?
    /// The number of sentences.
    public var sentences = 0
    /// The number of words.
    public var words = 0
    /// The words of the longest sentence.
    public var longest = 0
    /// The number of words whose arc to the head crosses another.
    public var crossingArcs = 0
    /// The number of sentences with such arcs.
    public var nonProjectiveSentences = 0
    /// The number of sentences with more than one root.
    public var severalRoots = 0
    /// The number of sentences with a cycle.
    public var cycles = 0
    /// The number of words whose head is beyond the end of the sentence.
    public var headsOutOfRange = 0
    /// The number of words whose head is no number.
    public var missingHeads = 0
    /// The number of words whose relation is empty or `_`.
    public var missingRelations = 0
    /// The number of sentences of five words or more that are in the training part as well.
    public var repeatedSentences = 0
    /// The columns that are `_` at every word, among LEMMA, UPOS, XPOS, FEATS.
    public var emptyColumns: [String] = []
  }

  /// The parts there are.
  public private(set) var parts: [Part] = []
  /// The number of distinct relations of the training part, subtypes included.
  public private(set) var relationCount = 0
  /// Its relations that are seen once.
  public private(set) var relationsSeenOnce: [String] = []
  /// The relations of other parts that the training part does not have, by part.
  public private(set) var unseenRelations: [(part: String, relations: [String])] = []
  /// What would hurt, a line each.
  public private(set) var warnings: [String] = []
  /// What makes training impossible, a line each.
  public private(set) var errors: [String] = []

  /// The relations of the training part with their counts, in the order of their first word.
  private var counts: [String: Int] = [:]
  private var order: [String] = []
  private var training: Set<[String]> = []

  /// Compares all figures and lines.
  public static func == (one: ParserCheck, other: ParserCheck) -> Bool {
    one.json.description == other.json.description
  }

  /// Reads all parts of a treebank; what is wrong with a file becomes an error of the check.
  public init(_ treebank: Treebank) {
    for name in ["train", "dev", "test"] {
      guard let files = treebank.parts.first(where: { $0.name == name }) else {
        let line = "no file *-\(name).conllu or the like in \(treebank.folder.path)"
        if name == "train" { errors.append(line) } else { warnings.append(line) }
        continue
      }
      add(files)
    }
    relationCount = order.count
    relationsSeenOnce = order.filter { counts[$0] == 1 }
    if !relationsSeenOnce.isEmpty {
      warnings.append(
        "train: \(relationsSeenOnce.count) relations are seen once and can hardly be learned: "
          + Self.shown(relationsSeenOnce))
    }
    for (part, relations) in unseenRelations {
      warnings.append(
        "\(part): \(relations.count) relations are not in train and cannot be found: "
          + Self.shown(relations))
    }
  }

  private mutating func add(_ files: TreebankPart) {
    var part = Part(name: files.name, path: files.path)
    var notes = Notes()
    var filled = Set<CoNLLUColumn>()
    var unseen = Set<String>()
    let reader = TreebankReader(files)
    do {
      while let sentence = try reader.next() {
        part.format = reader.format
        part.sentences += 1
        part.words += sentence.wordCount
        part.longest = max(part.longest, sentence.wordCount)
        for column in Self.tagColumns where !filled.contains(column) {
          if sentence.values(of: column).contains(where: { $0 != "_" && !$0.isEmpty }) {
            filled.insert(column)
          }
        }
        addTree(of: sentence, path: reader.path, to: &part, notes: &notes)
        let relations = sentence.values(of: .deprel)
        part.missingRelations += relations.count { $0.isEmpty || $0 == "_" }
        if part.name == "train" {
          for relation in relations {
            if counts[relation] == nil { order.append(relation) }
            counts[relation, default: 0] += 1
          }
          if sentence.wordCount >= 5 { training.insert(sentence.forms) }
        } else {
          for relation in relations where counts[relation] == nil { unseen.insert(relation) }
          if sentence.wordCount >= 5, training.contains(sentence.forms) {
            part.repeatedSentences += 1
          }
        }
      }
      if part.sentences == 0 {
        let error = CoNLLUError.noSentences(path: part.path)
        if part.name == "train" { throw error }
        warnings.append("\(error); training goes without it")
      }
      if part.sentences > 0 {
        part.emptyColumns = Self.tagColumns.filter { !filled.contains($0) }.map(\.name)
      }
    } catch {
      errors.append("\(error)")
    }
    if !unseen.isEmpty, !order.isEmpty { unseenRelations.append((part.name, unseen.sorted())) }
    parts.append(part)
    addLines(on: part, notes: notes)
  }

  /// Where something was first found.
  private struct Notes {
    var severalRoots: String?
    var cycle: String?
    var headOutOfRange: String?
    var missingHead: String?
    var crossing: String?
  }

  private func addTree(
    of sentence: CoNLLUSentence, path: String, to part: inout Part, notes: inout Notes
  ) {
    func place(ofWord word: Int) -> String { "\(path):\(sentence.line(ofWord: word))" }
    let count = sentence.wordCount
    var heads: [Int] = []
    for word in 0..<count {
      guard let head = sentence.head(ofWord: word) else {
        part.missingHeads += 1
        notes.missingHead = notes.missingHead ?? place(ofWord: word)
        continue
      }
      guard head <= count else {
        part.headsOutOfRange += 1
        notes.headOutOfRange = notes.headOutOfRange ?? place(ofWord: word)
        continue
      }
      heads.append(head)
    }
    guard heads.count == count else { return }
    var hasCycle = false
    for defect in DependencyTree.defects(ofHeads: heads) {
      switch defect {
      case .cycle(let words):
        notes.cycle = notes.cycle ?? place(ofWord: words[0] - 1)
        hasCycle = true
      case .severalRoots(let words):
        part.severalRoots += 1
        notes.severalRoots = notes.severalRoots ?? place(ofWord: words[1] - 1)
      }
    }
    part.cycles += hasCycle ? 1 : 0
    if !DependencyTree.isProjective(heads: heads) {
      let crossing = DependencyTree.crossingWords(heads: heads)
      part.crossingArcs += crossing.count
      part.nonProjectiveSentences += 1
      notes.crossing = notes.crossing ?? place(ofWord: (crossing.first ?? 1) - 1)
    }
  }

  private mutating func addLines(on part: Part, notes: Notes) {
    func first(_ place: String?) -> String { place.map { ", the first at \($0)" } ?? "" }
    // Text alone, as of shared tasks, is no mistake.
    let isBlind = part.name != "train" && part.words > 0 && part.missingHeads == part.words
    if isBlind {
      warnings.append(
        "\(part.name): the column head is _ at every word; training goes without this part")
    }
    let broken =
      isBlind
      ? []
      : [
        (part.missingHeads, "words have no head", notes.missingHead),
        (part.headsOutOfRange, "heads are beyond the end of the sentence", notes.headOutOfRange),
        (part.cycles, "sentences have heads that go round in a cycle", notes.cycle),
      ]
    for (count, what, place) in broken where count > 0 {
      errors.append("\(part.name): \(count) \(what)\(first(place))")
    }
    if part.severalRoots > 0 {
      warnings.append(
        "\(part.name): \(part.severalRoots) of \(part.sentences) sentences have several roots"
          + "\(first(notes.severalRoots)); for training all but the first depend on it, and the "
          + "CoNLL evaluation refuses such trees")
    }
    if part.nonProjectiveSentences > 0 {
      warnings.append(
        "\(part.name): \(part.crossingArcs) of \(part.words) arcs cross others, in "
          + "\(part.nonProjectiveSentences) of \(part.sentences) "
          + "sentences\(first(notes.crossing)); "
          + "only a system for non-projective trees can find them")
    }
    if part.missingRelations > 0 {
      warnings.append(
        "\(part.name): \(part.missingRelations) of \(part.words) words have no relation, which is "
          + "learned like any other")
    }
    for column in part.emptyColumns where column == "upos" || column == "xpos" {
      let other = column == "upos" ? "xpos" : "upos"
      if part.emptyColumns.contains(other) {
        if column == "upos" {
          warnings.append(
            "\(part.name): there are no tags, neither upos nor xpos; trees are much harder to find "
              + "without them")
        }
      } else {
        warnings.append("\(part.name): the column \(column) is _ at every word")
      }
    }
    if part.repeatedSentences > 0 {
      warnings.append(
        "\(part.name): \(part.repeatedSentences) of \(part.sentences) sentences, of five words or "
          + "more, are in train as well")
    }
  }

  private static let tagColumns: [CoNLLUColumn] = [.lemma, .upos, .xpos, .feats]

  private static func shown(_ relations: [String]) -> String {
    relations.prefix(10).joined(separator: ", ") + (relations.count > 10 ? ", …" : "")
  }

  /// What `meprop check parser` prints.
  public var report: CheckReport {
    CheckReport(
      table: ReportTable(
        rows: [["part", "format", "sentences", "words", "longest", "crossing arcs", "roots > 1"]]
          + parts.map {
            [
              $0.name, $0.format?.rawValue ?? "-", "\($0.sentences)", "\($0.words)",
              "\($0.longest)", "\($0.crossingArcs)", "\($0.severalRoots)",
            ]
          }),
      summary: "\(relationCount) distinct relations", warnings: warnings, errors: errors, json: json
    )
  }

  /// The object that `--json` prints.
  public var json: JSONValue {
    func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
    return .object([
      .init(
        "parts",
        .array(
          parts.map { part in
            .object([
              .init("name", .string(part.name)), .init("path", .string(part.path)),
              .init("format", part.format.map { .string($0.rawValue) } ?? .null),
              .init("sentences", .integer(part.sentences)), .init("words", .integer(part.words)),
              .init("longest", .integer(part.longest)),
              .init("crossingArcs", .integer(part.crossingArcs)),
              .init("nonProjectiveSentences", .integer(part.nonProjectiveSentences)),
              .init("severalRoots", .integer(part.severalRoots)),
              .init("cycles", .integer(part.cycles)),
              .init("headsOutOfRange", .integer(part.headsOutOfRange)),
              .init("missingHeads", .integer(part.missingHeads)),
              .init("missingRelations", .integer(part.missingRelations)),
              .init("repeatedSentences", .integer(part.repeatedSentences)),
              .init("emptyColumns", strings(part.emptyColumns)),
            ])
          })),
      .init("relations", .integer(relationCount)),
      .init("relationsSeenOnce", strings(relationsSeenOnce)),
      .init(
        "unseenRelations",
        .object(unseenRelations.map { .init($0.part, strings($0.relations)) })),
      .init("warnings", strings(warnings)), .init("errors", strings(errors)),
    ])
  }
}
