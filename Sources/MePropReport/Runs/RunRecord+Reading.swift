// Reading the files of a run folder, forgiving where a run may have died while it wrote.

import Foundation
import MePropTraining

extension RunRecord {
  /// Reads a run folder.
  ///
  /// A last row of figures that is torn is left out and noted, as are files that earlier versions
  /// did not write.
  ///
  /// - Throws: `RunRecordError`; `ConfigurationError` if `config.yaml` is damaged.
  public init(at url: URL) throws {
    let url = url.absoluteURL.standardizedFileURL
    let metrics = url.appendingPathComponent("metrics.jsonl")
    let configuration = url.appendingPathComponent("config.yaml")
    let manager = FileManager.default
    let hasConfiguration = manager.fileExists(atPath: configuration.path)
    guard manager.fileExists(atPath: metrics.path) || hasConfiguration else {
      throw RunRecordError.notARunFolder(path: url.path)
    }
    self.url = url
    name = url.lastPathComponent
    var notes: [String] = []
    epochs = try Self.readEpochs(metrics, &notes)
    if hasConfiguration {
      settings = try Configuration.texts(inFile: configuration)
    } else {
      notes.append("config.yaml is missing, so the settings are not known.")
    }
    summary = Self.read(Summary.self, url.appendingPathComponent("run.json"), &notes) ?? Summary()
    readDetails(url.appendingPathComponent("details.jsonl"), &notes)
    readConfusion(url.appendingPathComponent("confusion.json"), &notes)
    figures =
      Self.read([RunFigure].self, url.appendingPathComponent(RunFigure.fileName), &notes) ?? []
    self.notes = notes
  }

  /// Reads run folders and gives them names that differ and say what was run.
  ///
  /// Where a folder is named after its seed only, as in `digits-k20/seed-1`, or two have the same
  /// name, all runs are named with the folder that theirs is in. Names that agree even so are
  /// numbered.
  ///
  /// - Throws: As `init(at:)`, for the first folder that cannot be read.
  public static func read(_ urls: [URL]) throws -> [RunRecord] {
    var runs = try urls.map { try RunRecord(at: $0) }
    let names = runs.map(\.name)
    if Set(names).count < names.count || names.contains(where: isSeed) {
      for place in runs.indices {
        let parent = runs[place].url.deletingLastPathComponent().lastPathComponent
        runs[place].name = "\(parent)/\(runs[place].name)"
      }
    }
    let groups = Dictionary(grouping: runs.indices) { runs[$0].name }
    for (name, places) in groups where places.count > 1 {
      for (number, place) in places.enumerated() {
        runs[place].name = "\(name) (\(number + 1))"
      }
    }
    return runs
  }

  /// Whether a folder's name says nothing but a seed, as `seed-1`.
  private static func isSeed(_ name: String) -> Bool {
    let prefix = "seed-"
    return name.hasPrefix(prefix) && UInt64(name.dropFirst(prefix.count)) != nil
  }

  private static func text(of url: URL) throws -> String {
    do {
      return String(decoding: try Data(contentsOf: url), as: UTF8.self)
    } catch let error as NSError {
      if error.domain == NSCocoaErrorDomain && error.code == NSFileReadNoSuchFileError {
        throw RunRecordError.noEpochs(path: url.path)
      }
      let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
      let reason =
        cause.domain == NSPOSIXErrorDomain
        ? String(cString: strerror(Int32(cause.code))) : cause.localizedDescription
      throw RunRecordError.unreadable(path: url.path, reason: reason)
    }
  }

  private static func readEpochs(_ url: URL, _ notes: inout [String]) throws -> [EpochRow] {
    let text = try text(of: url)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    // After a newline at the end there is an empty piece, which is no line.
    let last = lines.lastIndex { !$0.isEmpty }
    var rows: [EpochRow] = []
    // What cuts took out of layers is in rows of its own.
    for (index, line) in lines.enumerated()
    where !line.isEmpty && !line.hasPrefix(#"{"event""#) {
      if let row = EpochRow(line), row.epoch > rows.last?.epoch ?? 0 {
        rows.append(row)
      } else if index == last {
        notes.append(
          "The last line of metrics.jsonl, line \(index + 1), is torn; its epoch is left out here. "
            + "Resuming the run writes it anew.")
      } else {
        throw RunRecordError.badLine(
          path: url.path, line: index + 1, expected: "a JSON object with the figures of an epoch",
          found: "'\(line.prefix(40))'")
      }
    }
    guard !rows.isEmpty else { throw RunRecordError.noEpochs(path: url.path) }
    return rows
  }

  /// Decodes a JSON file; notes why there is nothing where it cannot.
  private static func read<Value: Decodable>(
    _ type: Value.Type, _ url: URL, _ notes: inout [String]
  ) -> Value? {
    guard let data = try? Data(contentsOf: url) else { return nil }
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch {
      notes.append("\(url.lastPathComponent) is damaged and was not used.")
      return nil
    }
  }

  private mutating func readDetails(_ url: URL, _ notes: inout [String]) {
    guard let data = try? Data(contentsOf: url) else { return }
    let last = epochs[epochs.count - 1].epoch
    for line in data.split(separator: 0x0A) {
      guard let row = try? JSONDecoder().decode(EpochDetails.self, from: line),
        row.hasPossibleCounts,
        row.parts.allSatisfy({ part in
          FileNumber.isFigure(part.lossSum) && FileNumber.isFigure(part.seconds)
        })
      else {
        notes.append("A line of details.jsonl is torn; what it counted is left out here.")
        continue
      }
      // An epoch that was counted but whose figures are torn is not shown by halves.
      if row.epoch <= last { details.append(row) }
    }
  }

  private struct SavedConfusions: Decodable {
    struct Saved: Decodable {
      var labels: [String]
      var cells: [[Int]]

      var matrix: ConfusionMatrix? {
        guard labels.count <= 100_000, cells.count <= 1 << 22 else { return nil }
        var matrix = ConfusionMatrix(labels: labels)
        for cell in cells {
          guard cell.count == 3, FileNumber.counts.contains(cell[2]),
            labels.indices.contains(cell[0]),
            labels.indices.contains(cell[1])
          else { return nil }
          matrix.add(gold: cell[0], found: cell[1], count: cell[2])
        }
        return matrix
      }
    }
    var epoch: Int
    var dev: Saved?
    var test: Saved?
  }

  private mutating func readConfusion(_ url: URL, _ notes: inout [String]) {
    guard let saved = Self.read(SavedConfusions.self, url, &notes) else { return }
    confusionEpoch = saved.epoch
    for (split, part) in [(EvaluationSplit.dev, saved.dev), (.test, saved.test)] {
      guard let part else { continue }
      if let matrix = part.matrix {
        confusions[split] = matrix
      } else {
        notes.append("The \(split.rawValue) part of confusion.json is damaged and was not used.")
      }
    }
  }
}
