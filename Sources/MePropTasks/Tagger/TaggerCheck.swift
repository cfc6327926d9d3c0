// What in a treebank would hurt a tagger.

import Foundation
import MePropData
import MePropTraining

/// A look at a treebank before a tagger is trained on it.
public struct TaggerCheck: Sendable, Equatable {
  /// The figures of one part.
  public struct Part: Sendable, Equatable {
    /// `train`, `dev` or `test`.
    public var name: String
    /// The file.
    public var path: String
    /// The number of sentences.
    public var sentences = 0
    /// The number of words.
    public var words = 0
    /// The words of the longest sentence.
    public var longest = 0
    /// The number of words whose tag is `_`.
    public var untagged = 0
  }

  /// The parts there are.
  public private(set) var parts: [Part] = []
  /// The number of distinct tags of the training part.
  public private(set) var tagCount = 0
  /// Its tags that are seen once.
  public private(set) var tagsSeenOnce: [String] = []
  /// What would hurt, a line each.
  public private(set) var warnings: [String] = []
  /// What makes training impossible, a line each.
  public private(set) var errors: [String] = []

  /// Reads all parts of a treebank; what is wrong with a file becomes an error of the check.
  public init(_ treebank: Treebank, column: CoNLLUColumn) {
    var tags: [String: Int] = [:]
    var order: [String] = []
    var training: Set<[String]> = []
    var unseenTags: [String: Set<String>] = [:]
    for name in ["train", "dev", "test"] {
      guard let files = treebank.parts.first(where: { $0.name == name }) else {
        let line = "no file *-\(name).conllu or *-\(name).conllu.gz in \(treebank.folder.path)"
        if name == "train" { errors.append(line) } else { warnings.append(line) }
        continue
      }
      var part = Part(name: name, path: files.path)
      var repeated = 0
      do {
        let reader = TreebankReader(files)
        while let sentence = try reader.next() {
          let count = sentence.wordCount
          part.sentences += 1
          part.words += count
          part.longest = max(part.longest, count)
          let values = sentence.values(of: column)
          part.untagged += values.count { $0 == "_" }
          if name == "train" {
            for tag in values {
              if tags[tag] == nil { order.append(tag) }
              tags[tag, default: 0] += 1
            }
            if count >= 5 { training.insert(sentence.forms) }
          } else {
            for tag in values where tags[tag] == nil { unseenTags[name, default: []].insert(tag) }
            if count >= 5, training.contains(sentence.forms) { repeated += 1 }
          }
        }
        if part.sentences == 0 {
          let error = CoNLLUError.noSentences(path: files.path)
          if name == "train" { throw error }
          warnings.append("\(error); training goes without it")
        }
      } catch DataFormatError.notUTF8 {
        // The reader stops at the first; whoever repairs the file wants to know all.
        for file in files.files {
          if let line = try? Self.errorOnBytes(of: file) { errors.append(line) }
        }
      } catch {
        errors.append("\(error)")
      }
      parts.append(part)
      addWarnings(on: part, repeated: repeated, column: column)
    }
    tagCount = order.count
    tagsSeenOnce = order.filter { tags[$0] == 1 }
    if tagCount == 1 {
      warnings.append("train: there is one tag only, so there is nothing to learn")
    }
    if !tagsSeenOnce.isEmpty {
      warnings.append(
        "train: \(tagsSeenOnce.count) tags are seen once and can hardly be learned: "
          + tagsSeenOnce.prefix(10).joined(separator: ", ")
          + (tagsSeenOnce.count > 10 ? ", …" : ""))
    }
    if tagCount > 1000 {
      warnings.append(
        "train: \(tagCount) distinct tags; the output layer is slow and many are rare, consider "
          + "--column upos")
    }
    for (name, unseen) in unseenTags.sorted(by: { $0.key < $1.key }) where tagCount > 0 {
      warnings.append(
        "\(name): \(unseen.count) tags are not in train and cannot be found: "
          + unseen.sorted().prefix(10).joined(separator: ", "))
    }
  }

  private mutating func addWarnings(on part: Part, repeated: Int, column: CoNLLUColumn) {
    if part.words > 0, part.untagged == part.words {
      let line = "\(part.path): the column \(column.name) is _ at every word; choose another column"
      if part.name == "train" { errors.append(line) } else { warnings.append(line) }
    } else if part.untagged > 0, column != .feats {
      warnings.append(
        "\(part.name): \(part.untagged) of \(part.words) words have the tag _, which is learned "
          + "like any other")
    }
    if repeated > 0 {
      warnings.append(
        "\(part.name): \(repeated) of \(part.sentences) sentences, of five words or more, are in "
          + "train as well")
    }
  }

  /// What `meprop check tagger` prints.
  public var report: CheckReport {
    CheckReport(
      table: ReportTable(
        rows: [["part", "sentences", "words", "longest"]]
          + parts.map { [$0.name, "\($0.sentences)", "\($0.words)", "\($0.longest)"] }),
      summary: "\(tagCount) distinct tags", warnings: warnings, errors: errors, json: json)
  }

  /// The object that `--json` prints.
  public var json: JSONValue {
    .object([
      .init(
        "parts",
        .array(
          parts.map {
            .object([
              .init("name", .string($0.name)), .init("path", .string($0.path)),
              .init("sentences", .integer($0.sentences)), .init("words", .integer($0.words)),
              .init("longest", .integer($0.longest)), .init("untagged", .integer($0.untagged)),
            ])
          })),
      .init("tags", .integer(tagCount)),
      .init("tagsSeenOnce", .array(tagsSeenOnce.map { .string($0) })),
      .init("warnings", .array(warnings.map { .string($0) })),
      .init("errors", .array(errors.map { .string($0) })),
    ])
  }
}
