// The model folder: what `evaluate`, `predict` and `importance` take, and what Python can read.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// A trained model of a table, with all that is needed to read other tables of the same columns.
///
/// Besides the files of `SavedModel` its folder has `columns.json`: the columns, their knots and
/// categories, and the target's classes or scale, as a `TableSchema`.
public struct TableModel: Sendable, Equatable {
  /// The network; its outputs are logits, or a number in units of the target's deviation.
  public private(set) var network: TableNetwork
  /// The columns.
  public let schema: TableSchema
  /// What its network is like, and where its rows are from.
  public let details: Details

  /// What a model of a table knows besides its columns.
  public struct Details: Sendable, Equatable, Codable {
    /// The widths of the hidden layers.
    public var hidden: [Int]
    /// What follows each hidden layer.
    public var activation: String
    /// Whether inputs of layers are added to their outputs where widths are equal.
    public var residual: Bool
    /// The file or folder that it was trained on.
    public var data: String
    /// The share of training rows that were held out.
    public var developmentShare: Double
    /// Which they are.
    public var splitSeed: Int
    /// How many training rows were read; `nil`: all.
    public var trainingLimit: Int?
    /// The shards that rows were divided among, if there were enough rows.
    public var shards: Int?
  }

  /// The name of the file with the columns.
  public static let columnsName = "columns.json"

  /// Creates a model of what was trained.
  init(network: TableNetwork, data: TableData, settings: TableSettings) {
    self.network = network
    schema = data.schema
    details = Details(
      hidden: settings.hiddenSizes, activation: settings.activation.rawValue,
      residual: settings.isResidual,
      data: data.parts.isFolder
        ? URL(fileURLWithPath: data.parts.train).deletingLastPathComponent().path
        : data.parts.train,
      developmentShare: settings.developmentShare, splitSeed: Int(settings.splitSeed),
      trainingLimit: settings.trainingLimit, shards: settings.shardCount)
  }

  /// The model of a task as it is now.
  public init(of task: TableTask) {
    self.init(network: task.trainer.model, data: task.data, settings: task.settings)
  }

  /// Writes the model into an existing folder.
  ///
  /// - Throws: `FileWriteError`.
  public func write(to folder: URL) throws {
    try SavedModel.write(network, task: Table.name, details: details, to: folder)
    try SavedModel.writeJSON(schema, to: folder.appendingPathComponent(Self.columnsName))
  }

  /// Reads a model from its folder, or from the folder of its run.
  ///
  /// Nothing in the files is trusted: sizes, names, shapes and values are checked against each
  /// other.
  ///
  /// - Throws: `ModelFileError`; `SafeTensorsError` or `DataFormatError` for the weights' file.
  public init(at url: URL) throws {
    let saved = try SavedModel(at: url, task: Table.name)
    details = try saved.details()
    schema = try saved.readJSON(Self.columnsName)
    try schema.check(saved)
    let sizes = details.hidden + [schema.target.outputSize]
    try saved.require(
      !details.hidden.isEmpty && sizes.allSatisfy { (1...1_000_000).contains($0) }
        && zip(sizes, sizes.dropFirst()).allSatisfy { $0 * $1 <= 1_000_000_000 }, "hidden",
      "one or more widths of 1 to 1000000", "\(details.hidden)")
    try saved.require(
      TableFeatures(schema).inputSize * details.hidden[0] <= 1_000_000_000, "hidden",
      "at most 1000000000 weights",
      "\(details.hidden[0]) units after "
        + "\(TableFeatures(schema).inputSize) inputs")
    try saved.require(
      (1...ShardingError.largestCount).contains(details.shards ?? 1), "shards",
      "1 to \(ShardingError.largestCount)", "\(details.shards ?? 1)")
    network = schema.makeNetwork(
      hiddenSizes: details.hidden, activation: try saved.value("activation", details.activation),
      isResidual: details.residual)
    try saved.restore(&network)
  }
}
