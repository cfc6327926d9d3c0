// Tags for text: sentence by sentence from a stream, in constant memory, order kept.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// What comes out of tagging, and what goes in.
public enum TaggerFormat: String, Sendable, CaseIterable {
  /// CoNLL-U goes in, and comes out byte for byte except for the predicted column.
  case conllu
  /// A sentence a line, as tokens with their tags, `token_TAG`.
  ///
  /// What goes in is a sentence a line with blanks between tokens, or CoNLL-U if it starts like
  /// that.
  case text
  /// An object a line, `{"tokens": […], "tags": […]}`; what goes in is as for `text`.
  case jsonl
}

/// Tags sentences with a model.
public final class TaggerPredictor {
  /// The model.
  public let model: TaggerModel
  private let inference: TaggerInference
  private let encoder: FormEncoder
  private var data = EncodedSentences()
  private var classes: [Int32] = []

  /// From so many words on no more are waited for.
  static let wordsAtOnce = 4096

  /// Creates a predictor.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - precision: What the LSTM computes in.
  ///   - context: Where to compute.
  public init(
    _ model: TaggerModel, precision: Precision = .int8, context: ComputeContext
  ) {
    self.model = model
    encoder = FormEncoder(model.vocabularies)
    inference = TaggerInference(model.network, precision: precision, context: context)
  }

  /// The tags of the words of each sentence.
  public func tags(of sentences: [[String]]) -> [[String]] {
    data.removeAll()
    for sentence in sentences { data.append(sentence, encoder) }
    inference.classes(of: data, into: &classes)
    return sentences.indices.map { sentence in
      (data.starts[sentence]..<data.starts[sentence + 1]).map {
        model.vocabularies.tags.items[Int(classes[$0])]
      }
    }
  }

  /// Tags all sentences of a file or stream.
  ///
  /// - Parameters:
  ///   - file: What to read.
  ///   - format: What comes out, and what goes in.
  ///   - waitsForMore: Whether a sentence may wait for others to be tagged with, some thousand
  ///     words together. If not, as for a pipe that somebody talks through, only sentences that
  ///     have arrived already go together, and all are handed on before more input is waited for.
  ///   - receive: Takes the output, piece by piece and in order.
  /// - Throws: `CoNLLUError`, `DataFormatError`, and what `receive` throws. Sentences before the
  ///   damaged one have been handed on.
  public func predict(
    _ file: InputFile, format: TaggerFormat, waitsForMore: Bool,
    _ receive: ([UInt8]) throws -> Void
  ) throws {
    let lines = LineReader(file)
    if try format == .conllu || CoNLLUReader.canRead(lines) {
      let reader = CoNLLUReader(lines)
      try run(
        next: { try reader.next() }, goesOn: { try waitsForMore || reader.isNextReady() },
        forms: \.forms,
        write: { sentence, tags, bytes in
          if format == .conllu {
            sentence.append(replacing: self.model.column, with: tags, to: &bytes)
          } else if !tags.isEmpty {
            bytes += (Self.line(sentence.forms, tags, format: format) + "\n").utf8
          }
        }, receive)
    } else {
      let reader = PlainTextSentences(lines)
      try run(
        next: { try reader.next() }, goesOn: { try waitsForMore || reader.isNextReady() },
        forms: \.self,
        write: { $2 += (Self.line($0, $1, format: format) + "\n").utf8 }, receive)
    }
  }

  private static func line(_ tokens: [String], _ tags: [String], format: TaggerFormat) -> String {
    if format == .text {
      return zip(tokens, tags).map { "\($0)_\($1)" }.joined(separator: " ")
    }
    return JSONValue.object([
      .init("tokens", .array(tokens.map { .string($0) })),
      .init("tags", .array(tags.map { .string($0) })),
    ]).description
  }

  private func run<Sentence>(
    next: () throws -> Sentence?, goesOn: () throws -> Bool, forms: (Sentence) -> [String],
    write: (Sentence, [String], inout [UInt8]) -> Void, _ receive: ([UInt8]) throws -> Void
  ) throws {
    try SentenceGroups.forEach(
      wordLimit: Self.wordsAtOnce, next: { try next().map { (sentence: $0, forms: forms($0)) } },
      goesOn: goesOn, wordCount: \.forms.count
    ) { group in
      var bytes: [UInt8] = []
      for (entry, tags) in zip(group, tags(of: group.map(\.forms))) {
        write(entry.sentence, tags, &bytes)
      }
      if !bytes.isEmpty { try receive(bytes) }
    }
  }
}
