// Pre-trained word vectors as the start of a tagger's word embeddings.

import Foundation
import MePropCore
import MePropData

/// The vectors of a file that a tagger can use, and its vocabulary with words that only they have.
public struct TaggerVectors: Sendable, Equatable {
  /// The file, as the user named it.
  public let path: String
  /// The vocabularies, words of the file that training data lack after all others.
  public private(set) var vocabularies: TaggerVocabularies
  /// How many words of the training data have a vector.
  public private(set) var trainedCount = 0
  /// How many words were added.
  public private(set) var addedCount = 0
  /// The numbers of words, each once, and their vectors one after the other.
  private var ids: [UInt32] = []
  private var values: [Float] = []

  /// Reads a file.
  ///
  /// Words are lower-cased; where several become the same, the first in the file counts, which is
  /// the most frequent one in the usual files.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - vocabularies: Those of the training data.
  ///   - size: Numbers of a word embedding.
  ///   - limit: At most so many words that training data lack are added.
  /// - Throws: `WordVectorError`, `DataFormatError`.
  public init(path: String, vocabularies: TaggerVocabularies, size: Int, limit: Int) throws {
    self.path = path
    self.vocabularies = vocabularies
    let reader = try WordVectorReader(path: path)
    guard reader.dimension == size else {
      throw WordVectorError.wrongDimension(path: path, expected: size, found: reader.dimension)
    }
    var added: [String] = []
    var seen: Set<String> = []
    var vector: [Float] = []
    while let word = try reader.next(into: &vector) {
      let low = word.lowercased()
      let known = vocabularies.words[low]
      if known == 0, added.count >= limit { continue }
      guard seen.insert(low).inserted else { continue }
      if known == 0 {
        added.append(low)
        ids.append(UInt32(vocabularies.words.items.count + added.count))
      } else {
        trainedCount += 1
        ids.append(known)
      }
      values += vector
    }
    addedCount = added.count
    if let first = reader.firstSkipped {
      Notices.tell(
        "\(path): \(reader.skippedCount) of \(reader.count + reader.skippedCount) lines are "
          + "damaged and were left out, the first: \(first)")
    }
    self.vocabularies.words = Vocabulary(
      items: vocabularies.words.items + added, rareStart: vocabularies.words.rareStart)
  }

  /// Puts the vectors into a table of embeddings.
  func fill(_ table: inout Matrix) {
    let size = table.columnCount
    for (place, id) in ids.enumerated() {
      table.withMutableRow(Int(id)) { row in
        for column in 0..<size { row[column] = values[place * size + column] }
      }
    }
  }

  /// One line for the start of a run.
  var summary: String {
    "vectors \(path): of \(trainedCount) of \(vocabularies.trainedWordCount) training words, and "
      + "of "
      + "\(addedCount) other words"
  }
}
