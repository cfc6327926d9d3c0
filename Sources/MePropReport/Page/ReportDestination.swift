// Where a page may be written: at a new name, or over another page.

import Foundation

/// A place for a page, checked so that a mistyped path costs nobody data.
///
/// It is a new name in a folder that exists, or a regular file that is a page already: one whose
/// name ends in `.html` or `.htm`, or whose text begins with `<!DOCTYPE html`. Of a symbolic link
/// all that is asked of the file it leads to; that file is replaced, and the link stays.
///
/// ```swift
/// let destination = try ReportDestination(path: "pages/comparison.html")
/// try RunReport(runs).write(to: destination.file)
/// ```
///
/// What happens at the path between the check and the writing is not seen.
public struct ReportDestination: Sendable, Equatable {
  /// The file as it was named.
  public let named: URL
  /// The file to be written: `named`, or the one that it leads to as a symbolic link.
  public let file: URL

  /// Checks a path; relative ones begin in the working directory.
  ///
  /// - Throws: `ReportDestinationError`.
  public init(path: String) throws {
    named = URL(fileURLWithPath: path)
    let path = path.hasSuffix("/") ? named.path + "/" : named.path
    var status = stat()
    guard stat(path, &status) == 0 else {
      let code = errno
      try Self.checkNewFile(at: path, code: code)
      file = named
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw ReportDestinationError.folder(path: path)
    case S_IFIFO: throw ReportDestinationError.noRegularFile(path: path, found: "a named pipe")
    case S_IFSOCK: throw ReportDestinationError.noRegularFile(path: path, found: "a socket")
    case S_IFCHR, S_IFBLK:
      throw ReportDestinationError.noRegularFile(path: path, found: "a device")
    default:
      throw ReportDestinationError.noRegularFile(path: path, found: "something else")
    }
    let isLink = Self.isLink(path)
    let target = try isLink ? Self.target(ofLink: path) : named
    if !Self.hasNameOfPage(target.path) {
      let isPage = try Self.beginsAsPage(target.path)
      guard isPage else {
        throw ReportDestinationError.noPage(
          path: isLink ? "\(path) (a link to \(target.path))" : path)
      }
    }
    file = target
  }

  /// Checks that a file can be made where `stat` found nothing and gave `code`.
  private static func checkNewFile(at path: String, code: Int32) throws {
    guard code == ENOENT || code == ENOTDIR else {
      throw ReportDestinationError.unreadable(path: path, reason: String(cString: strerror(code)))
    }
    if isLink(path) {
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
      throw ReportDestinationError.brokenLink(path: path, target: target ?? "nothing")
    }
    if path.hasSuffix("/") { throw ReportDestinationError.folder(path: path) }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    var status = stat()
    guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw ReportDestinationError.noFolder(path: path, folder: folder)
    }
  }

  private static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  private static func target(ofLink path: String) throws -> URL {
    guard let resolved = realpath(path, nil) else {
      let code = errno
      throw ReportDestinationError.unreadable(path: path, reason: String(cString: strerror(code)))
    }
    defer { free(resolved) }
    return URL(fileURLWithPath: String(cString: resolved))
  }

  private static func hasNameOfPage(_ path: String) -> Bool {
    let name = path.lowercased()
    return name.hasSuffix(".html") || name.hasSuffix(".htm")
  }

  /// Whether the text, behind a byte order mark and white space, begins with `<!DOCTYPE html`.
  private static func beginsAsPage(_ path: String) throws -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      throw ReportDestinationError.unreadable(path: path, reason: String(cString: strerror(code)))
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &bytes, bytes.count)
    let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    return start.lowercased().hasPrefix("<!doctype html")
  }
}

/// A path that no page is written to; `description` is one line naming it.
public enum ReportDestinationError: Error, Equatable, Sendable {
  /// There is a folder, or the path is that of one.
  case folder(path: String)
  /// There is something that is no regular file, with what it is.
  case noRegularFile(path: String, found: String)
  /// There is a file that is no page.
  case noPage(path: String)
  /// The folder that the page would be in does not exist, or is none.
  case noFolder(path: String, folder: String)
  /// There is a symbolic link to something that does not exist.
  case brokenLink(path: String, target: String)
  /// What is there cannot be told, with the system's reason.
  case unreadable(path: String, reason: String)
}

extension ReportDestinationError: CustomStringConvertible, LocalizedError {
  /// One line: path, expected, found, what to do.
  public var description: String {
    let expected = "expected a new name, or an HTML page to replace"
    switch self {
    case .folder(let path):
      let example = path + (path.hasSuffix("/") ? "" : "/") + "report.html"
      return "\(path): \(expected), found a folder; name a file in it, for example \(example)"
    case .noRegularFile(let path, let found):
      return "\(path): \(expected), found \(found); name another file"
    case .noPage(let path):
      return "\(path): \(expected), found a file that neither has a name in .html nor begins with "
        + "<!DOCTYPE html, and left it as it is; name another file, or remove this one first"
    case .noFolder(let path, let folder):
      return "\(path): expected to write into \(folder), found no such folder; "
        + "create it, or name another"
    case .brokenLink(let path, let target):
      return "\(path): \(expected), found a symbolic link to \(target), which does not exist; "
        + "remove the link, or name another file"
    case .unreadable(let path, let reason):
      return "\(path): \(expected), found what cannot be read (\(reason)); name another file"
    }
  }

  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }
}
