// Sentences as numbers, one after the other in a row.

import MePropCore
import MePropData

/// Sentences as numbers of a tagger's vocabularies.
struct EncodedSentences: Sendable {
  /// Where the words of each sentence start, and the end of the last.
  private(set) var starts = [0]
  /// The number of each word.
  private(set) var words: [UInt32] = []
  /// The numbers of its features, `TaggerFeatures.count` a word.
  private(set) var features: [UInt32] = []
  /// Its class, or -1 for a tag that training data do not have.
  private(set) var classes: [Int32] = []

  init() {}

  init(_ sentences: [TaggedSentence], _ vocabularies: TaggerVocabularies) {
    let encoder = FormEncoder(vocabularies)
    for sentence in sentences {
      append(sentence.forms, encoder)
      for tag in sentence.tags { classes.append(Int32(vocabularies.tags[tag]) - 1) }
    }
  }

  var count: Int { starts.count - 1 }
  func length(_ sentence: Int) -> Int { starts[sentence + 1] - starts[sentence] }

  mutating func removeAll() {
    starts.removeLast(starts.count - 1)
    words.removeAll(keepingCapacity: true)
    features.removeAll(keepingCapacity: true)
    classes.removeAll(keepingCapacity: true)
  }

  /// Adds a sentence without tags.
  mutating func append(_ forms: [String], _ encoder: FormEncoder) {
    for form in forms { encoder.append(form, words: &words, features: &features) }
    starts.append(words.count)
  }

  /// A copy in which each word and each feature that is rare is unknown with probability one half,
  /// and any other word with probability `wordDropout`; its features stay.
  func hidingRare(
    _ vocabularies: TaggerVocabularies, wordDropout: Double, seed: UInt64, epoch: Int
  ) -> EncodedSentences {
    var random = Philox(seed: seed, stream: RandomPurpose.task.stream(epoch))
    let threshold = UInt32(wordDropout * 0x1p32)
    var result = self
    let rareWord = UInt32(vocabularies.words.rareStart)
    let rareFeature = UInt32(vocabularies.features.rareStart)
    for index in words.indices {
      let limit: UInt32 = words[index] >= rareWord ? 1 << 31 : threshold
      if limit > 0, random.next32() < limit { result.words[index] = 0 }
    }
    for index in features.indices where features[index] >= rareFeature && random.next32() & 1 == 1 {
      result.features[index] = 0
    }
    return result
  }

  /// A fingerprint, so that a run is only resumed with the data it was started with.
  var fingerprint: Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for number in words { hash = (hash ^ UInt64(number)) &* 0x100_0000_01b3 }
    for number in classes { hash = (hash ^ UInt64(bitPattern: Int64(number))) &* 0x100_0000_01b3 }
    for number in starts { hash = (hash ^ UInt64(number)) &* 0x100_0000_01b3 }
    return Int(hash >> 1)
  }
}

/// Finds the numbers of forms, and remembers those of forms that come again.
///
/// Taking a form apart letter by letter is slower than the network; the memory is bounded.
final class FormEncoder {
  private let words: VocabularyBytes
  private let features: VocabularyBytes
  /// The forms that are remembered, and the numbers of each: its word, then its features.
  private var forms = ByteDictionary()
  private var numbers: [UInt32] = []

  /// The most forms that are remembered.
  static let capacity = 1 << 16
  private static let numbersPerForm = 1 + TaggerFeatures.count

  init(_ vocabularies: TaggerVocabularies) {
    words = VocabularyBytes(vocabularies.words)
    features = VocabularyBytes(vocabularies.features)
  }

  func append(_ form: String, words: inout [UInt32], features: inout [UInt32]) {
    var form = form
    let place = form.withUTF8 { bytes in
      forms.find(UnsafeRawBufferPointer(bytes)) ?? remember(bytes)
    }
    let first = place * Self.numbersPerForm
    words.append(numbers[first])
    features += numbers[first + 1..<first + Self.numbersPerForm]
  }

  private func remember(_ form: UnsafeBufferPointer<UInt8>) -> Int {
    if forms.count >= Self.capacity {
      forms = ByteDictionary()
      numbers.removeAll(keepingCapacity: true)
    }
    let isPlain = TaggerFeatures.takeApartIfPlain(
      form, word: { numbers.append(words[$0]) }, feature: { numbers.append(features[$0]) })
    if !isPlain {
      let text = String(decoding: form, as: UTF8.self)
      let low = text.lowercased()
      numbers.append(words.vocabulary[low])
      for feature in TaggerFeatures.features(of: text, lowercased: low) {
        numbers.append(features.vocabulary[feature])
      }
    }
    return forms.insert(UnsafeRawBufferPointer(form))
  }
}

/// The numbers of a vocabulary's items, looked up by their bytes.
struct VocabularyBytes {
  /// The vocabulary.
  let vocabulary: Vocabulary
  private let items: ByteDictionary

  init(_ vocabulary: Vocabulary) {
    self.vocabulary = vocabulary
    items = ByteDictionary(vocabulary.items)
  }

  /// The number of an item; 0 for an unknown one.
  ///
  /// An item that is written with other bytes, but with the same letters, is known.
  subscript(item: UnsafeRawBufferPointer) -> UInt32 {
    items.find(item).map { UInt32($0 + 1) } ?? vocabulary[String(decoding: item, as: UTF8.self)]
  }
}
