// The tasks whose time to an accuracy is measured, and what both sides are told of them.

import Foundation
import MePropTasks
import MePropTraining

/// A task that is trained until it reaches an accuracy on development data.
public enum AccuracyTask: String, Sendable, CaseIterable {
  /// Images of digits: MNIST.
  case digits
  /// Dependency parsing: UD English EWT.
  case parser
  /// Part-of-speech tagging: UD English EWT.
  case tagger

  /// The data set, by its name in the catalogue.
  public var dataSet: String { self == .digits ? "mnist" : "ud-english-ewt" }

  /// The figure on development data that ends training: a key of `dev` in `train --json`.
  var figure: String { self == .parser ? "las" : "accuracy" }

  /// What is aimed at where nobody says it, in percent: what the default recipe reaches after its
  /// first epochs.
  ///
  /// The tagger's is 94.0 to 94.3 % on test data.
  public var defaultTarget: Double {
    switch self {
    case .digits: 98
    case .parser: 84.1
    case .tagger: 93.7
    }
  }

  /// The batch sizes that are tried in PyTorch besides the default recipe's.
  var otherBatchSizes: [Int] {
    switch self {
    case .digits: [50, 200]
    case .parser: [200, 1_000]
    case .tagger: [16, 32]
    }
  }

  /// The program that trains it in PyTorch.
  package var torchProgram: String {
    switch self {
    case .digits: TorchDigits.program
    case .parser: TorchTreeParser.program
    case .tagger: TorchTagger.program
    }
  }

  /// The default recipe, all of it decided, for batches of `batchSize`; `nil`: its own.
  private func recipe(batchSize: Int?) throws -> Configuration {
    func configuration(_ schema: ConfigurationSchema) throws -> Configuration {
      var configuration = Configuration(schema: schema)
      if let batchSize {
        try configuration.set("batch", to: String(batchSize), from: .flag("--batch"))
      }
      return configuration
    }
    return switch self {
    case .digits:
      try DigitsConfiguration.resolve(configuration(DigitsConfiguration.schema)).configuration
    case .parser:
      try ParserConfiguration.resolve(configuration(ParserConfiguration.schema)).configuration
    case .tagger:
      try TaggerConfiguration.resolve(configuration(TaggerConfiguration.schema)).configuration
    }
  }

  /// The default recipe's batch size.
  func defaultBatchSize() throws -> Int { try recipe(batchSize: nil).int("batch") }

  /// What ``torchProgram`` is told: the default recipe with the batch size of `variant`, and the
  /// rate that goes with that.
  ///
  /// - Parameters:
  ///   - variant: How PyTorch computes.
  ///   - seed: Of its random numbers.
  ///   - target: The accuracy that ends training, in percent.
  /// - Returns: An object.
  /// - Throws: `ConfigurationError`.
  package func torchSettings(
    _ variant: TorchVariant, seed: Int, target: Double
  ) throws -> JSONValue {
    let recipe = try recipe(batchSize: variant.batchSize)
    func number(_ key: String) -> JSONValue.Member { .init(key, .exactNumber(recipe.double(key))) }
    func integer(_ key: String) -> JSONValue.Member { .init(key, .integer(recipe.int(key))) }
    func integers(_ key: String) -> JSONValue.Member {
      .init(key, .array(recipe.intList(key).map { .integer($0) }))
    }
    let own: [JSONValue.Member] =
      switch self {
      case .digits: [integers("hidden"), integer("classes"), integer("dev-count")]
      case .parser: [integers("hidden"), integer("embedding-size"), number("embedding-scale")]
      case .tagger:
        [
          .init("hidden", .integer(recipe.intList("hidden")[0])), integer("layers"),
          integer("word-size"), integer("feature-size"), number("embedding-scale"),
        ]
      }
    return .object(
      [
        .init("threads", .integer(variant.threads)),
        .init("precision", .string(variant.precision.rawValue)), .init("seed", .integer(seed)),
        .init("target", .exactNumber(target)), integer("batch"), integer("epochs"),
        number("learning-rate"),
        .init("learning-rate-schedule", .string(recipe.string("learning-rate-schedule"))),
        number("average"), number("dropout"),
      ] + own)
  }
}
