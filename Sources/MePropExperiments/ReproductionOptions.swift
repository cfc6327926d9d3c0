// What is asked of a reproduction, as its folder keeps it.

import Foundation
import MePropTasks

/// The options of `meprop reproduce`; `nil` and empty lists are what was left out.
///
/// The folder keeps them, so that going on needs nothing but the folder.
public struct ReproductionOptions: Sendable, Codable, Equatable {
  /// Tables; empty: all.
  public var names: [String] = []
  /// Tasks; empty: all.
  public var tasks: [String] = []
  /// Whether subsets are enough.
  public var isQuick = false
  /// The number of seeds.
  public var seedCount: Int?
  /// Threads to train with.
  public var threads: Int?
  /// A Python interpreter with PyTorch.
  public var python: String?
  /// A folder with the Penn Treebank.
  public var treebank: String?
  /// Settings, `TASK.KEY=VALUE`.
  public var overrides: [String] = []

  /// Creates options that leave everything out.
  public init() {}

  /// Fills in what was left out from the options that a folder was started with.
  ///
  /// Tables and tasks that are named are those to go on with; subsets, settings and treebank have
  /// to be the same, and seeds no fewer: results are means over all of them.
  ///
  /// - Throws: `ReproductionError.otherOption`.
  public mutating func complete(with before: ReproductionOptions, folder: String) throws {
    func check(_ option: String, _ before: String, _ now: String) throws {
      guard before != now else { return }
      throw ReproductionError.otherOption(
        folder: folder, option: option, before: before, now: now)
    }
    if names.isEmpty, tasks.isEmpty { (names, tasks) = (before.names, before.tasks) }
    if isQuick { try check("--quick", before.isQuick ? "--quick" : "none", "--quick") }
    isQuick = before.isQuick
    if let treebank { try check("--ptb", before.treebank ?? "none", treebank) }
    treebank = before.treebank
    if !overrides.isEmpty {
      try check(
        "--set", before.overrides.isEmpty ? "none" : before.overrides.joined(separator: " "),
        overrides.joined(separator: " "))
    }
    overrides = before.overrides
    if let seedCount, seedCount < before.resolvedSeedCount {
      throw ReproductionError.otherOption(
        folder: folder, option: "--seeds", before: "\(before.resolvedSeedCount) or more",
        now: "\(seedCount)")
    }
    seedCount = seedCount ?? before.seedCount
    threads = threads ?? before.threads
    python = python ?? before.python
  }

  /// The number of seeds, also where it was left out.
  private var resolvedSeedCount: Int { seedCount ?? (isQuick ? 2 : 3) }

  /// These options with the tables and tasks of those before besides: what a folder holds.
  public func merged(with before: ReproductionOptions) -> ReproductionOptions {
    var merged = self
    func union(_ first: [String], _ second: [String]) -> [String] {
      first.isEmpty || second.isEmpty
        ? [] : first + second.filter { !first.contains($0) }
    }
    merged.names = union(before.names, names)
    merged.tasks = union(before.tasks, tasks)
    merged.seedCount = max(seedCount ?? 0, before.seedCount ?? 0)
    if merged.seedCount == 0 { merged.seedCount = nil }
    return merged
  }

  /// The settings that they stand for.
  ///
  /// - Throws: `UsageError`.
  public func settings() throws -> ReproductionSettings {
    var settings = ReproductionSettings()
    settings.isQuick = isQuick
    settings.seedCount = resolvedSeedCount
    settings.threads = threads
    settings.timingThreads = threads ?? 1
    settings.python = python
    settings.treebank = treebank
    for text in overrides { try settings.apply(override: text) }
    return settings
  }
}

/// Settings that are not the same.
enum SettingDifference {
  /// A text for each key whose value differs, in order of the keys.
  static func list(_ before: [String: String], _ now: [String: String]) -> [String] {
    Set(before.keys).union(now.keys).sorted().compactMap { key in
      let (old, new) = (before[key], now[key])
      return old == new ? nil : "\(key) \(old ?? "unset"), now \(new ?? "unset")"
    }
  }
}
