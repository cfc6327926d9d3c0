// What mirrors do wrong.

import Foundation

/// Why one attempt to get a file from one address failed.
public enum DownloadFailure: Error, Equatable, Sendable {
  /// The address is not a valid URL.
  case invalidAddress(String)
  /// No connection, a broken one, or a time-out; what arrived is kept to go on from.
  case connection(address: String, reason: String)
  /// The server answered with this HTTP status.
  case status(address: String, code: Int)
  /// The server sent more bytes than the file can have.
  case tooLong(address: String, limit: Int)
  /// The answer ended, but what arrived is an incomplete gzip file.
  case incomplete(address: String, received: Int)
  /// What arrived is not a valid gzip file.
  case damaged(address: String, reason: String)
  /// The contents are not those of the catalogue.
  case wrongDigest(address: String, expected: String, found: String)
}

extension DownloadFailure: CustomStringConvertible {
  /// The address and what went wrong there.
  public var description: String {
    switch self {
    case .invalidAddress(let address): return "\(address): not a valid URL"
    case .connection(let address, let reason): return "\(address): \(reason)"
    case .status(let address, let code): return "\(address): HTTP status \(code)"
    case .tooLong(let address, let limit): return "\(address): sent more than \(limit) bytes"
    case .incomplete(let address, let received):
      return "\(address): ended after \(received) bytes, before the gzip stream did"
    case .damaged(let address, let reason): return "\(address): damaged contents (\(reason))"
    case .wrongDigest(let address, let expected, let found):
      return "\(address): wrong contents, expected SHA-256 \(expected), found \(found)"
    }
  }
}

/// A file that no mirror delivered.
public enum DownloadError: Error, Equatable, Sendable {
  /// Every mirror failed; one failure per attempt, in order.
  case allMirrorsFailed(file: String, folder: String, failures: [DownloadFailure])
  /// Another process is downloading the same file to the same folder.
  case busy(path: String)
  /// The data set has no mirrors.
  case noMirrors(name: String)
}

extension DownloadError: CustomStringConvertible, LocalizedError {
  /// One line: the file, what each mirror did wrong, and what to do.
  public var description: String {
    switch self {
    case .allMirrorsFailed(let file, let folder, let failures):
      let list = failures.map(\.description).joined(separator: "; ")
      return "\(file): could not be downloaded (\(list)); run again to go on from what arrived, "
        + "or put the file in \(folder) yourself"
    case .busy(let path):
      return "\(path): is being downloaded by another process; wait for it to finish"
    case .noMirrors(let name):
      return "\(name): the catalogue has no mirror for it; put its files in place yourself"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}

/// How far the download of one file is.
public struct DownloadProgress: Sendable, Equatable {
  /// The name of the packed file.
  public let file: String
  /// The bytes present, those of an earlier attempt included.
  public let receivedBytes: Int
  /// The bytes the server promises in all; `nil` if it does not say.
  public let totalBytes: Int?

  /// Creates a report.
  public init(file: String, receivedBytes: Int, totalBytes: Int?) {
    self.file = file
    self.receivedBytes = receivedBytes
    self.totalBytes = totalBytes
  }
}
