// What several processes must have in common before they train.

import Foundation
import MePropCore
import MePropNN

extension Communicator {
  /// Makes the settings of several processes one.
  ///
  /// - Parameters:
  ///   - configuration: As the user wrote it; gets the default number of shards where nobody says
  ///     it.
  ///   - isOfFirst: Whether the first process has read settings that the others have not.
  /// - Throws: ``ProcessGroupError``, and ``KnownError`` for settings that several processes cannot
  ///   have.
  func settle(_ configuration: inout Configuration, isOfFirst: Bool) throws {
    if isOfFirst {
      let texts = try ofFirst { () throws -> [UInt8] in
        let given = configuration.schema.keys.map(\.name).filter {
          configuration.origin(of: $0) != .defaultValue
        }
        let texts = given.map { [$0, configuration.value($0).text] }
        return Array(try JSONEncoder().encode(texts))
      }
      configuration = try together {
        guard rank > 0 else { return configuration }
        var copy = configuration
        for pair in try JSONDecoder().decode([[String]].self, from: Data(texts)) {
          try copy.set(pair[0], to: pair[1], from: .assignment("\(pair[0])=\(pair[1])"))
        }
        return copy
      }
    } else if configuration.schema["shards"] != nil, configuration.value("shards") == .none {
      try configuration.set(
        "shards", to: "\(max(ProcessGroup.defaultShardCount, size))",
        from: configuration.origin(of: "shards"))
    }
    // Tasks read data together, and what they tell each other depends on their settings. Where data
    // are each process finds out by itself.
    let places = Set(configuration.schema.keys.filter(\.namesPlace).map(\.name))
    try requireSame(settings(of: configuration, without: places))
    if let count = configuration.schema["shards"].flatMap({ configuration.optionalInt($0.name) }) {
      if count < size {
        let error = ShardingError.tooManyRanks(ranks: size, shards: count)
        throw KnownError(error: configuration.conflict("shards", error.description))
      }
    }
    if configuration.leavesSelectionOpen {
      throw KnownError(
        error: configuration.conflict(
          "select",
          "auto measures each process by itself; run 'meprop plan', and set what it chooses"))
    }
  }

  /// The settings that processes must have in common.
  private func settings(
    of configuration: Configuration, without left: Set<String> = []
  ) -> [(name: String, value: String)] {
    // How fast a process computes is its own affair.
    configuration.texts.filter { $0.key != "threads" && !left.contains($0.key) }
      .sorted { $0.key < $1.key }.map { (name: "the setting \($0.key)", value: $0.value) }
  }

  /// Cuts the batches of a task into shards for all processes, where there are several.
  ///
  /// - Throws: ``ProcessGroupError`` where settings or data differ; ``KnownError``.
  func shard(_ prepared: PreparedTask) throws {
    guard size > 1 else { return }
    let configuration = prepared.configuration
    try requireSame(
      settings(of: configuration) + [
        ("data of fingerprint", "\((prepared.task as? any NetworkTask)?.fingerprint ?? 0)"),
        ("instructions", InstructionSet.preferred.rawValue),
        ("the version", MePropVersion.description),
      ])
    let count = configuration.schema["shards"] == nil ? nil : configuration.optionalInt("shards")
    do {
      try prepared.task.shard(into: count ?? ProcessGroup.defaultShardCount, communicator: self)
    } catch let error as ShardingError {
      throw KnownError(error: configuration.conflict("shards", error.description))
    }
  }
}
