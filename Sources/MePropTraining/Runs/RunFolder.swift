// The folder of a run, DESIGN.md section 7: configuration, metrics, checkpoints and model.

import Foundation

/// A run's folder, locked against other runs for the life of the object.
///
/// ```text
/// config.yaml        the complete configuration
/// metrics.jsonl      a row an epoch
/// details.jsonl      a row an epoch of what was counted in parts of it
/// confusion.json     how often classes were taken for each other after the best epoch
/// run.json           what was trained, and how it ended
/// events.out.…       TensorBoard event files
/// checkpoints/last   tensors.safetensors, state.json and SHA256SUMS of the last checkpoint
/// …/previous         the same of the one before it, for a last one that is damaged
/// …/best             the same after the best epoch
/// …/history.jsonl    the figures of every epoch with all their digits, a row an epoch
/// model/             what evaluate and predict take, of the best epoch
/// …                  what the task keeps besides, such as jackknifed-tags.json
/// ```
public final class RunFolder {
  /// The folder.
  public let url: URL
  var files = FileSystem()
  private var lock: RunLock?
  /// What `history.jsonl` holds as far as checkpoints of this object go.
  var savedHistory: SavedHistory?

  /// Creates the folder for a new run, or opens that of an earlier one.
  ///
  /// - Parameters:
  ///   - url: The folder. For a new run its parents are created, and it may exist if it is empty.
  ///   - resuming: Whether the run in the folder is to be continued. A run that died before its
  ///     first checkpoint can be resumed, and starts over.
  /// - Throws: `RunFolderError`, `FileWriteError`.
  public convenience init(at url: URL, resuming: Bool) throws {
    try self.init(at: url, resuming: resuming, files: FileSystem())
  }

  package init(at url: URL, resuming: Bool, files: FileSystem) throws {
    self.url = url.absoluteURL.standardizedFileURL
    self.files = files
    if !files.isFolder(self.url.resolvingSymlinksInPath()) {
      if resuming { throw RunFolderError.nothingToResume(path: self.url.path) }
      try createParents(of: self.url)
      try files.createFolder(self.url)
    }
    let visible = try files.entries(of: self.url).filter { !$0.hasPrefix(".") }
    let isOurs = [".lock", "config.yaml", "checkpoints"].contains {
      files.exists(self.url.appendingPathComponent($0))
    }
    if !visible.isEmpty && !isOurs { throw RunFolderError.notARunFolder(path: self.url.path) }
    lock = try RunLock(folder: self.url)
    if !visible.isEmpty && !resuming {
      throw RunFolderError.alreadyHoldsRun(path: self.url.path)
    }
    for swap in [lastSwap, bestSwap, modelSwap] { try swap.recover() }
    try files.removeTree(temporaryHistoryURL)
  }

  /// The name of a folder after what is in it and a time, shown in the local time zone.
  package static func name(_ task: String, at date: Date = Date()) -> String {
    task + "-" + text(of: date)
  }

  private static func text(of date: Date) -> String {
    var seconds = time_t(date.timeIntervalSince1970)
    var parts = tm()
    localtime_r(&seconds, &parts)
    var buffer = [CChar](repeating: 0, count: 32)
    strftime(&buffer, buffer.count, "%Y%m%d-%H%M%S", &parts)
    let digits = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: digits, as: UTF8.self)
  }

  /// Creates a folder named after the task and the time, such as `runs/digits-20250131-235959`.
  ///
  /// If that is taken, or the clock is behind the time of a run that is there, that run's name with
  /// `-2`, `-3`, … is taken.
  ///
  /// - Parameters:
  ///   - task: The task's name.
  ///   - parent: The folder of all runs; created if it is missing.
  ///   - date: The time, shown in the local time zone.
  /// - Returns: The folder, locked.
  /// - Throws: `RunFolderError`, `FileWriteError`.
  public static func create(
    task: String, in parent: URL = URL(fileURLWithPath: "runs"), at date: Date = Date()
  ) throws -> RunFolder {
    let files = FileSystem()
    let now = Self.text(of: date)
    try createFolders(parent.absoluteURL.standardizedFileURL, files)
    while true {
      // The name of a later run sorts after those of all before it, also where the clock was put
      // back in between.
      let newest = DefaultRunName.newest(of: task, in: try files.entries(of: parent))
      var name = DefaultRunName(task: task, time: now, number: 1)
      if let newest, newest.time >= now {
        name = DefaultRunName(task: task, time: newest.time, number: newest.number + 1)
      }
      let candidate = parent.appendingPathComponent(name.text)
      if try files.createFolder(candidate) {
        return try RunFolder(at: candidate, resuming: false)
      }
    }
  }

  /// Returns the run of a task that was made last among those with a default name, or `nil`.
  public static func latest(
    task: String, in parent: URL = URL(fileURLWithPath: "runs")
  ) -> URL? {
    let names = (try? FileSystem().entries(of: parent)) ?? []
    return DefaultRunName.newest(of: task, in: names)
      .map { parent.appendingPathComponent($0.text) }
  }

  // MARK: Parts

  /// The complete configuration of the run.
  public var configurationURL: URL { url.appendingPathComponent("config.yaml") }
  /// The figures of every epoch, a JSON object a line.
  public var metricsURL: URL { url.appendingPathComponent("metrics.jsonl") }
  /// What was counted in every epoch, a JSON object a line.
  public var detailsURL: URL { url.appendingPathComponent("details.jsonl") }
  /// How often classes were taken for each other after the best epoch.
  public var confusionURL: URL { url.appendingPathComponent("confusion.json") }
  /// What was trained, and how it ended.
  public var summaryURL: URL { url.appendingPathComponent("run.json") }
  /// The model of the best epoch.
  public var modelURL: URL { url.appendingPathComponent("model") }
  /// The last checkpoint.
  public var lastCheckpointURL: URL { checkpoints.appendingPathComponent("last") }
  /// The checkpoint before the last.
  public var previousCheckpointURL: URL { checkpoints.appendingPathComponent("previous") }
  /// The checkpoint after the best epoch.
  public var bestCheckpointURL: URL { checkpoints.appendingPathComponent("best") }

  var checkpoints: URL { url.appendingPathComponent("checkpoints") }
  var lastSwap: FolderSwap {
    FolderSwap(target: lastCheckpointURL, files: files, kept: previousCheckpointURL)
  }
  var bestSwap: FolderSwap { FolderSwap(target: bestCheckpointURL, files: files) }
  var modelSwap: FolderSwap { FolderSwap(target: modelURL, files: files) }

  /// Whether a configuration has been saved in the folder.
  public var hasConfiguration: Bool { files.exists(configurationURL) }

  /// The task of the run in the folder, by `run.json`; `nil` where that says nothing.
  public var task: String? {
    struct Summary: Decodable { var task: String? }
    guard let data = try? Data(contentsOf: summaryURL) else { return nil }
    return (try? JSONDecoder().decode(Summary.self, from: data))?.task
  }

  /// Saves the complete configuration, replacing an earlier one as a whole.
  public func save(_ configuration: Configuration, title: String? = nil) throws {
    try replace(configurationURL, with: Data(configuration.yaml(title: title).utf8))
  }

  /// Saves a file of the task, replacing an earlier one as a whole.
  public func save(_ contents: Data, as name: String) throws {
    try replace(url.appendingPathComponent(name), with: contents)
  }

  /// Replaces a file such that a kill leaves the old or the new content.
  func replace(_ file: URL, with data: Data) throws {
    let temporary = url.appendingPathComponent(".\(file.lastPathComponent).tmp")
    try files.write(data, to: temporary)
    try files.rename(temporary, to: file)
    try files.sync(url)
  }

  /// Returns the folder of a model: that of a run, or `url` itself.
  ///
  /// Works also while the run goes on, and after a run that died while it replaced its model.
  public static func modelFolder(at url: URL) -> URL {
    let files = FileSystem()
    let ofRun = FolderSwap(target: url.appendingPathComponent("model"), files: files).readable
    if files.exists(ofRun) { return ofRun }
    return FolderSwap(target: url, files: files).readable
  }
}

/// Creates the folders that lead to `url`.
private func createParents(of url: URL) throws {
  try RunFolder.createFolders(url.deletingLastPathComponent(), FileSystem())
}

extension RunFolder {
  static func createFolders(_ url: URL, _ files: FileSystem) throws {
    let path = url.resolvingSymlinksInPath()
    if files.isFolder(path) || path.pathComponents.count <= 1 { return }
    try createFolders(path.deletingLastPathComponent(), files)
    try files.createFolder(path)
  }
}

/// The parts of a default name: `digits-20250131-235959`, or with a number `…-2`.
private struct DefaultRunName {
  var task: String
  /// The time, of the form `20250131-235959`.
  var time: String
  /// 1 for a name without a number.
  var number: Int

  var text: String { "\(task)-\(time)" + (number > 1 ? "-\(number)" : "") }

  init(task: String, time: String, number: Int) {
    (self.task, self.time, self.number) = (task, time, number)
  }

  /// Takes a name apart; `nil` for other names.
  init?(_ name: String, of task: String) {
    guard name.hasPrefix(task + "-") else { return nil }
    let fields = name.dropFirst(task.count + 1)
      .split(separator: "-", omittingEmptySubsequences: false)
    guard (2...3).contains(fields.count), fields[0].count == 8, fields[1].count == 6,
      fields.allSatisfy({ $0.allSatisfy { ("0"..."9").contains($0) } })
    else { return nil }
    var number = 1
    if fields.count == 3 {
      guard let found = Int(fields[2]), (2...1_000_000_000).contains(found) else { return nil }
      number = found
    }
    self.init(task: task, time: "\(fields[0])-\(fields[1])", number: number)
    if text != name { return nil }
  }

  /// The newest of the names of a task.
  static func newest(of task: String, in names: [String]) -> DefaultRunName? {
    names.compactMap { DefaultRunName($0, of: task) }
      .max { ($0.time, $0.number) < ($1.time, $1.number) }
  }
}
