// Finding the data of a task, and saying all there is to say where that fails.

import Foundation
import MePropData

/// A data set that is neither on this machine nor can be downloaded now; `description` is one line.
public struct UnavailableDataError: OneLineError {
  /// The data set's name.
  public var name: String
  /// Its files, and where they were looked for.
  public var files: [String]
  /// Where it was looked for.
  public var searched: [SearchedPlace]
  /// Where a download would have put it.
  public var downloadFolder: String
  /// What each address answered.
  public var failures: [DownloadFailure]

  /// One line: what is missing, where it was looked for, why it was not downloaded, what to do.
  public var description: String {
    var reasons: [String] = []
    for failure in failures.map(\.description) where !reasons.contains(failure) {
      reasons.append(failure)
    }
    return "data set \(name) not found; looked in "
      + searched.map(\.description).joined(separator: "; ")
      + "; and the download failed (\(reasons.joined(separator: "; "))); put "
      + "\(files.joined(separator: ", ")) (each may also end in .gz) in \(downloadFolder), or name "
      + "their folder with --data or MEPROP_DATA"
  }
}

extension DataLocator {
  /// A locator for the environment of this process.
  public static var ofProcess: DataLocator {
    DataLocator(environment: ProcessInfo.processInfo.environment)
  }

  /// Finds the folder that `argument` stands for, and downloads the data set where it is nowhere.
  ///
  /// - Parameters: As for `locateOrDownload(_:defaultName:downloader:progress:)`.
  /// - Throws: The same, with `UnavailableDataError` where no mirror delivers.
  func folder(
    for argument: String?, defaultName: String,
    progress: @escaping @Sendable (DownloadProgress) -> Void
  ) throws -> URL {
    do {
      return try locateOrDownload(
        argument, defaultName: defaultName,
        downloader: Downloader(attemptsPerMirror: 2, retryDelay: 0.5), progress: progress)
    } catch DownloadError.allMirrorsFailed(_, let folder, let failures) {
      let dataSet = try DataCatalogue.dataSet(named: argument ?? defaultName)
      throw UnavailableDataError(
        name: dataSet.name, files: dataSet.files.map(\.name),
        searched: search(for: dataSet).searched, downloadFolder: folder, failures: failures)
    }
  }

  /// Finds the folder of a treebank, and downloads one of the catalogue that is nowhere.
  ///
  /// - Parameters:
  ///   - argument: A name of the catalogue, a folder, or the name of one in `$MEPROP_DATA` or the
  ///     cache.
  ///   - progress: Called while files arrive, on an arbitrary thread.
  /// - Returns: The folder.
  /// - Throws: `TreebankError`; for data sets of the catalogue `UnavailableDataError`,
  ///   `DataLocationError`, `FileWriteError`.
  public func treebankFolder(
    _ argument: String, progress: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
  ) throws -> URL {
    if let folder = try localTreebankFolder(argument) { return folder }
    return try folder(for: argument, defaultName: argument, progress: progress)
  }
}
