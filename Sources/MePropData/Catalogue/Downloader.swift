// Getting the files of a data set: mirrors in turn, resumed, verified, and then moved into place.

import Foundation

/// Downloads data sets of the catalogue.
///
/// A file arrives as `NAME.part`, beside its final name. Broken transfers go on from there, in
/// this run or the next. Only when the unpacked contents have the catalogue's digest does it get
/// its name, in one step: under the final name there is never anything half-written or wrong.
public struct Downloader: Sendable {
  /// Seconds without a byte after which a connection is given up.
  public var idleTimeout: Double
  /// Seconds after which one attempt is given up in any case; the next one resumes it.
  public var totalTimeout: Double
  /// How often each mirror is tried.
  public var attemptsPerMirror: Int
  /// Seconds to wait before a mirror is tried again.
  public var retryDelay: Double

  /// Creates a downloader.
  ///
  /// - Parameters:
  ///   - idleTimeout: Seconds without a byte after which a connection is given up.
  ///   - totalTimeout: Seconds after which one attempt is given up in any case.
  ///   - attemptsPerMirror: How often each mirror is tried, 1 or more.
  ///   - retryDelay: Seconds to wait before a mirror is tried again.
  public init(
    idleTimeout: Double = 30, totalTimeout: Double = 900, attemptsPerMirror: Int = 3,
    retryDelay: Double = 1
  ) {
    precondition(
      idleTimeout > 0 && totalTimeout > 0 && attemptsPerMirror > 0 && retryDelay >= 0,
      "Downloader: time-outs \(idleTimeout), \(totalTimeout), attempts \(attemptsPerMirror), "
        + "delay \(retryDelay), expected positive ones")
    self.idleTimeout = idleTimeout
    self.totalTimeout = totalTimeout
    self.attemptsPerMirror = attemptsPerMirror
    self.retryDelay = retryDelay
  }

  /// Downloads the files of `dataSet` that are not in `folder` with the right contents.
  ///
  /// Blocks the calling thread. A present file with wrong contents is left alone if it is under
  /// another name than the download's, and replaced otherwise.
  ///
  /// - Parameters:
  ///   - dataSet: What to get.
  ///   - folder: Where to; created where it does not exist.
  ///   - progress: Called while bytes arrive, on an arbitrary thread.
  /// - Returns: The names of the files that were downloaded.
  /// - Throws: `DownloadError`, `FileWriteError`, `DataLocationError`.
  @discardableResult
  public func download(
    _ dataSet: CataloguedDataSet, to folder: URL,
    progress: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
  ) throws -> [String] {
    guard !dataSet.mirrors.isEmpty else { throw DownloadError.noMirrors(name: dataSet.name) }
    try Self.createFolder(folder)
    var downloaded: [String] = []
    for file in dataSet.files {
      let candidates = DataFolder.acceptedNames(for: file.name)
        .map { folder.appendingPathComponent($0, isDirectory: false) }
        .filter { FileManager.default.fileExists(atPath: $0.path) }
      if candidates.contains(where: { FileCheck.result(of: file, at: $0) == .verified }) {
        continue
      }
      try download(file, mirrors: dataSet.mirrors, to: folder, progress: progress)
      downloaded.append(file.servedName)
    }
    return downloaded
  }

  private func download(
    _ file: CataloguedFile, mirrors: [String], to folder: URL,
    progress: @escaping @Sendable (DownloadProgress) -> Void
  ) throws {
    let final = folder.appendingPathComponent(file.servedName, isDirectory: false)
    let part = try PartFile(for: final)
    var failures: [DownloadFailure] = []
    for mirror in mirrors {
      let address = mirror + (mirror.hasSuffix("/") ? "" : "/") + file.servedName
      for attempt in 1...attemptsPerMirror {
        if attempt > 1, retryDelay > 0 { Thread.sleep(forTimeInterval: retryDelay) }
        do {
          try fetch(file, from: address, into: part, progress: progress)
          try part.commit()
          return
        } catch let failure as DownloadFailure {
          failures.append(failure)
          if !failure.isWorthRetrying { break }
        }
      }
    }
    throw DownloadError.allMirrorsFailed(
      file: file.servedName, folder: folder.path, failures: failures)
  }

  /// Brings `part` up to the whole verified file, or says why not and leaves it fit to go on from.
  private func fetch(
    _ file: CataloguedFile, from address: String, into part: PartFile,
    progress: @escaping @Sendable (DownloadProgress) -> Void
  ) throws {
    let url = URL(fileURLWithPath: part.path)
    let present = try part.size()
    // Left by a run that was killed after the last byte.
    if present > 0, FileCheck.result(of: file, at: url) == .verified { return }
    // Deflate never makes a file longer than this; a few bytes more for header and name.
    let limit = file.unpackedSize + file.unpackedSize / 1000 + 4096
    let transfer = HTTPTransfer(
      address: address, descriptor: part.descriptor, path: part.path, present: present,
      limit: limit
    ) { received, total in
      progress(
        DownloadProgress(file: file.servedName, receivedBytes: received, totalBytes: total))
    }
    do {
      _ = try transfer.run(idleTimeout: idleTimeout, totalTimeout: totalTimeout)
    } catch let failure as DownloadFailure {
      if case .tooLong = failure { try part.discard() }
      throw failure
    }
    let received = try part.size()
    switch FileCheck.result(of: file, at: url) {
    case .verified, .missing:
      return
    case .unreadable(.gzipTruncated) where received > present:
      // The server claimed a shorter file than it has; perhaps it sends the rest when asked.
      throw DownloadFailure.incomplete(address: address, received: received)
    case .unreadable where present > 0, .wrongDigest where present > 0:
      // What was there may be of another packing of the same file: start anew.
      try part.discard()
      throw DownloadFailure.connection(
        address: address, reason: "what was resumed does not fit together")
    case .unreadable(let error):
      try part.discard()
      throw DownloadFailure.damaged(address: address, reason: error.description)
    case .wrongDigest(let expected, let found):
      try part.discard()
      throw DownloadFailure.wrongDigest(address: address, expected: expected, found: found)
    }
  }

  private static func createFolder(_ folder: URL) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
      guard let underlying, underlying.domain == NSPOSIXErrorDomain else {
        throw FileWriteError.failed(
          path: folder.path, operation: "creating the folder",
          reason: error.localizedDescription)
      }
      throw FileWriteError(
        code: Int32(underlying.code), path: folder.path, operation: "creating the folder")
    }
  }
}

extension DownloadFailure {
  /// Whether the same address may do better the next time.
  fileprivate var isWorthRetrying: Bool {
    switch self {
    case .connection, .incomplete: return true
    case .status(_, let code): return code >= 500 || code == 429 || code == 408
    case .invalidAddress, .tooLong, .damaged, .wrongDigest: return false
    }
  }
}
