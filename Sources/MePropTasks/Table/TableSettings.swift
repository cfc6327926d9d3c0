// What a table is trained with, as values of the layers below.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// The settings of a run on a table, checked against each other.
public struct TableSettings: Sendable, Equatable {
  /// A file, or a folder of train, dev and test.
  public var data: String
  /// What the user wrote for the target.
  public var target: String
  /// What it is; `nil`: told from it.
  public var kind: TargetKind?
  /// What stands between labels of one column.
  public var separator: String
  /// The column with the weights of rows; `nil`: all 1.
  public var weight: String?
  /// Whether classes count alike, however many rows they have.
  public var isBalanced: Bool
  /// Columns that are left out, and columns that are read as categories, as the user wrote them.
  public var (ignored, categories): (String, String)
  /// What is known of how files are written.
  public var hints: TableHints
  /// The share of training rows that are held out where there is no dev file.
  public var developmentShare: Double
  /// Decides which they are.
  public var splitSeed: UInt64
  /// Only the first so many rows are read; `nil` for all.
  public var trainingLimit: Int?
  /// The rows that may be held in memory; `nil`: as memory allows.
  public var chunkRows: Int?
  /// The most knots of a column of numbers.
  public var knotCount: Int
  /// A category seen fewer times is unknown.
  public var rareCount: Int
  /// The shards of a batch, among which rows are divided; `nil`: batches are not cut, or have fewer
  /// rows than shards.
  public var shardCount: Int?
  /// How it trains.
  public var steps: StepSettings
  /// The widths of the hidden layers.
  public var hiddenSizes: [Int]
  /// Whether hidden layers after the first are residual where widths are equal.
  public var isResidual: Bool
  /// What follows each hidden layer.
  public var activation: Activation
  /// The dropout rate after each hidden layer.
  public var dropout: Float

  /// The rows of a chunk, where nobody says it: what fits into a quarter of the memory.
  ///
  /// - Parameter width: The cells of a row.
  /// - Returns: The rows, at least 1000.
  static func chunkSize(width: Int) -> Int {
    let memory = ProcessInfo.processInfo.physicalMemory / 4
    return max(1000, Int(memory) / (width * 4))
  }

  /// What is said of the columns, by their names.
  ///
  /// A text that is no column is taken for several with commas between; a whole number, where there
  /// is no header, is the place of a column, from 1.
  ///
  /// - Throws: `UsageError`.
  func request(names: [String], path: String) throws -> SchemaRequest {
    func columns(_ text: String) -> [String] {
      if text.isEmpty { return [] }
      if names.contains(text) { return [text] }
      return text.split(separator: ",").map { part in
        let name = part.trimmingCharacters(in: .whitespaces)
        if !names.contains(name), let place = Int(name), names.contains("column\(place)") {
          return "column\(place)"
        }
        return name
      }
    }
    var request = SchemaRequest(targets: columns(target), kind: kind)
    if Set(request.targets).count < request.targets.count {
      throw UsageError("--target: '\(target)' names a column twice; leave one out")
    }
    request.separator = separator
    request.weight = weight.flatMap { columns($0).first }
    request.ignored = columns(ignored)
    request.categories = columns(categories)
    request.knotCount = knotCount
    request.rareCount = rareCount
    return request
  }
}

extension TableSettings {
  /// Reads checked settings out of a configuration.
  ///
  /// - Parameter configuration: Of `TableConfiguration.schema`, with `auto` values decided.
  init(resolved configuration: Configuration) {
    data = configuration.string("data")
    target = configuration.string("target")
    kind = configuration.optionalString("kind").flatMap(TargetKind.init)
    separator = configuration.string("label-separator")
    let weight = configuration.string("weight")
    self.weight = weight.isEmpty ? nil : weight
    isBalanced = configuration.bool("balanced")
    (ignored, categories) = (configuration.string("ignore"), configuration.string("categories"))
    hints = TableConfiguration.hints(configuration)
    developmentShare = configuration.double("dev-share")
    splitSeed = UInt64(configuration.int("split-seed"))
    trainingLimit = configuration.optionalInt("train-limit")
    chunkRows = configuration.optionalInt("chunk-rows")
    knotCount = configuration.int("knots")
    rareCount = configuration.int("rare")
    steps = StepSettings(resolved: configuration)
    let batchSize = steps.batchSize
    shardCount = configuration.optionalInt("shards").flatMap { $0 <= batchSize ? $0 : nil }
    hiddenSizes = configuration.intList("hidden")
    isResidual = configuration.bool("residual")
    activation = Activation(rawValue: configuration.string("activation")) ?? .relu
    dropout = Float(configuration.double("dropout"))
  }
}
