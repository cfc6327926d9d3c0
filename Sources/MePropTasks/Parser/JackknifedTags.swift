// Tags of training sentences by taggers that have not seen them, kept for a run that is resumed.

import Foundation
import MePropData

/// Tags that jackknifing gave, with a digest of all that they depend on.
///
/// Training one tagger a fold takes longer than much of the parser's own training, so the run
/// folder keeps the tags. A file that is damaged, or of other data, another tagger or other folds,
/// is not used.
struct JackknifedTags: Equatable {
  /// The file's name in a run folder.
  static let fileName = "jackknifed-tags.json"

  /// SHA-256 of what the tags depend on.
  let inputs: String
  /// A tag for each word of each training sentence.
  let sentences: [[String]]

  private struct File: Codable {
    static let format = "meprop-jackknifed-tags"
    static let version = 1
    var format = File.format
    var version = File.version
    var inputs: String
    var contents: String
    var sentences: [[String]]
  }

  init(inputs: String, sentences: [[String]]) {
    self.inputs = inputs
    self.sentences = sentences
  }

  /// Reads the tags from a file; `nil` if there is none, if it is damaged, or if it is not of
  /// `inputs`.
  init?(at url: URL, inputs: String) {
    guard let data = try? Data(contentsOf: url),
      let file = try? JSONDecoder().decode(File.self, from: data),
      file.format == File.format, file.version == File.version, file.inputs == inputs,
      file.contents == Self.digest(file.sentences)
    else { return nil }
    self.init(inputs: inputs, sentences: file.sentences)
  }

  /// The file's contents.
  func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(
      File(inputs: inputs, contents: Self.digest(sentences), sentences: sentences))
  }

  /// SHA-256 of lists of texts, of which none has a control character 0 or 1.
  static func digest(_ lists: [[String]]) -> String {
    var bytes: [UInt8] = []
    for list in lists {
      for text in list { bytes += Array(text.utf8) + [0] }
      bytes.append(1)
    }
    return FileDigest.sha256(of: bytes)
  }
}
