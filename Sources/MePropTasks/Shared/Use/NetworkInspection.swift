// What `meprop inspect` prints: the layers of a network with shapes, parameters and costs.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// The layers of a network, and what they cost.
public struct NetworkInspection: Sendable, Equatable {
  /// The task it is of.
  public var task: String
  /// The layers in order.
  public var layers: [LayerSummary]
  /// The same layers before units were cut; `nil` where none was.
  public var uncut: [LayerSummary]?

  /// Creates an inspection of layers, none of whose units was cut unless `uncut` is given.
  public init(task: String, layers: [LayerSummary], uncut: [LayerSummary]? = nil) {
    self.task = task
    self.layers = layers
    self.uncut = uncut
  }

  /// The numbers of all parameters.
  public var parameterCount: Int { layers.reduce(0) { $0 + $1.parameterCount } }
  /// The bytes that they take.
  public var byteCount: Int { parameterCount * MemoryLayout<Float>.stride }
  /// The operations of the forward products of an example, two for a multiply-add.
  public var operationCount: Int { Self.operationCount(layers) }

  private static func operationCount(_ layers: [LayerSummary]) -> Int {
    layers.reduce(0) { $0 + 2 * $1.multiplyAdds }
  }

  /// The outputs of a layer before units were cut.
  private func originalWidth(_ layer: LayerSummary) -> Int {
    uncut?.first { $0.name == layer.name }?.outputSize ?? layer.outputSize
  }

  /// A row a layer, and a line with the sums.
  public var table: ReportTable {
    ReportTable(
      rows: [["layer", "outputs", "parameters", "multiply-adds", "what"]]
        + layers.map {
          let before = originalWidth($0)
          return [
            $0.name.isEmpty ? "network" : $0.name,
            "\($0.outputSize)" + (before == $0.outputSize ? "" : " of \(before)"),
            "\($0.parameterCount)", "\($0.multiplyAdds)", $0.description,
          ]
        })
  }

  /// The sums.
  public var summary: String {
    "\(task): \(parameterCount) parameters, \(byteCount) bytes, \(operationCount) floating-point "
      + "operations an example"
      + (uncut.map {
        "; before units were cut \($0.reduce(0) { $0 + $1.parameterCount }) parameters, "
          + "\(Self.operationCount($0)) operations"
      } ?? "")
  }

  /// The object that `inspect --json` prints.
  public var json: JSONValue {
    let layers: [JSONValue] = layers.map { layer in
      let shapes: [JSONValue.Member] = layer.parts.map { part in
        .init(part.name, .array(part.shape.map { .integer($0) }))
      }
      return .object([
        .init("name", .string(layer.name)), .init("layer", .string(layer.description)),
        .init("originalWidth", .integer(originalWidth(layer))),
        .init("width", .integer(layer.outputSize)),
        .init("parameters", .integer(layer.parameterCount)),
        .init("multiplyAdds", .integer(layer.multiplyAdds)), .init("shapes", .object(shapes)),
      ])
    }
    let before: [JSONValue.Member] =
      uncut.map {
        let parameters = $0.reduce(0) { $0 + $1.parameterCount }
        return [
          .init(
            "before",
            .object([
              .init("parameters", .integer(parameters)),
              .init("bytes", .integer(parameters * MemoryLayout<Float>.stride)),
              .init("flopsPerExample", .integer(Self.operationCount($0))),
            ]))
        ]
      } ?? []
    return .object(
      [
        .init("task", .string(task)), .init("layers", .array(layers)),
        .init("parameters", .integer(parameterCount)), .init("bytes", .integer(byteCount)),
        .init("flopsPerExample", .integer(operationCount)),
      ] + before)
  }
}

extension TaskDefinition {
  /// Looks at the network of a model.
  ///
  /// - Throws: What reading the model throws; ``UsageError`` where the task shows no network.
  public static func inspect(modelAt url: URL) throws -> NetworkInspection {
    guard let network = network(of: try readModel(at: url)) else {
      throw UsageError("\(url.path): models of \(name) have no network to show")
    }
    let uncut = RunFolder.modelFolder(at: url)
      .appendingPathComponent(SavedModel.uncutName, isDirectory: true)
    let isCut = FileManager.default.fileExists(atPath: uncut.path)
    return NetworkInspection(
      task: name, layers: network.summaries,
      uncut: isCut ? self.network(of: try readModel(at: uncut))?.summaries : nil)
  }

  /// Looks at the network that a configuration would train, on its data.
  ///
  /// - Throws: As `prepare`; ``UsageError`` where the task trains no network.
  public static func inspect(
    _ configuration: Configuration, from source: DataSource
  ) throws -> NetworkInspection {
    var configuration = configuration
    // What only matters in training is not measured.
    if configuration.value("threads") == .auto {
      try configuration.set("threads", to: "1", from: configuration.origin(of: "threads"))
    }
    if configuration.leavesSelectionOpen {
      try configuration.set("select", to: "dense", from: configuration.origin(of: "select"))
    }
    guard let task = try prepare(configuration, from: source).task as? any NetworkTask else {
      throw UsageError("\(name): this task trains no network to show")
    }
    return NetworkInspection(task: name, layers: task.networkSummaries)
  }
}

extension NetworkTask {
  /// The layers of the network as it is.
  fileprivate var networkSummaries: [LayerSummary] { trainer.currentModel.summaries }
}

extension TaskRegistry {
  /// The task whose keys are those of a configuration file.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - name: The task's name where the user gave it.
  /// - Returns: The task.
  /// - Throws: `ConfigurationError` where the file cannot be read, ``UsageError`` where no task or
  ///   several have all of its keys.
  public func task(
    ofConfiguration file: URL, named name: String?
  ) throws -> any TaskDefinition.Type {
    if let name {
      guard let task = self[name] else {
        throw UsageError(
          "--task: found '\(name)', expected one of \(names.joined(separator: ", "))")
      }
      return task
    }
    let keys = try Configuration.texts(inFile: file).map(\.key)
    let fitting = tasks.filter { task in keys.allSatisfy { task.schema[$0] != nil } }
    guard fitting.count == 1 else {
      throw UsageError(
        "\(file.path): the keys are those of \(fitting.isEmpty ? "no task" : "several tasks"); "
          + "name "
          + "one with --task, one of \(names.joined(separator: ", "))")
    }
    return fitting[0]
  }
}
