// One digest over all files of a folder, so that no changed byte in any of them goes unnoticed.

import Foundation

/// The file `SHA256SUMS` of a folder: a line for each other file, `DIGEST  NAME`, as `sha256sum`
/// writes it, so that `sha256sum -c SHA256SUMS` checks the folder as well.
public enum FolderDigests {
  /// The name of the file.
  public static let fileName = "SHA256SUMS"
  /// A longer list is not of a folder that this program wrote.
  private static let maximumByteCount = 1 << 20

  /// The contents of the file for what is in a folder now.
  ///
  /// - Throws: `DataFormatError` where a file cannot be read.
  public static func contents(of folder: URL) throws -> Data {
    var text = ""
    for name in try names(in: folder) {
      let (digest, _) = try FileDigest.sha256(
        ofContentsAt: folder.appendingPathComponent(name, isDirectory: false))
      text += "\(digest)  \(name)\n"
    }
    return Data(text.utf8)
  }

  /// Compares all files of a folder with its list.
  ///
  /// - Returns: Whether there is a list.
  /// - Throws: ``FolderDigestError`` for the first listed file that differs or is missing;
  ///   `DataFormatError` where a file cannot be read.
  @discardableResult
  public static func check(_ folder: URL) throws -> Bool {
    let url = folder.appendingPathComponent(fileName, isDirectory: false)
    guard FileManager.default.fileExists(atPath: url.path) else { return false }
    let file = try InputFile(path: url.path, unpacksGzip: false)
    guard let size = file.storedSize, size <= maximumByteCount else {
      throw FolderDigestError.badList(path: url.path, line: 1)
    }
    let lines = LineReader(file)
    var listed: Set<String> = []
    while let line = try lines.next() {
      let fields = line.split(separator: "  ", maxSplits: 1, omittingEmptySubsequences: false)
      guard fields.count == 2, fields[0].count == 64,
        fields[0].allSatisfy({ $0.isHexDigit && !$0.isUppercase }), !fields[1].contains("/"),
        listed.insert(String(fields[1])).inserted
      else { throw FolderDigestError.badList(path: url.path, line: lines.lineNumber) }
      let named = folder.appendingPathComponent(String(fields[1]), isDirectory: false)
      guard FileManager.default.fileExists(atPath: named.path) else {
        throw FolderDigestError.missing(path: named.path)
      }
      let (digest, _) = try FileDigest.sha256(ofContentsAt: named)
      guard digest == fields[0] else {
        throw FolderDigestError.changed(
          path: named.path, expected: String(fields[0]), found: digest)
      }
    }
    if listed.isEmpty { throw FolderDigestError.badList(path: url.path, line: 1) }
    return true
  }

  /// The names of the plain files in a folder, sorted, without the list and hidden ones.
  private static func names(in folder: URL) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { name in
        guard name != fileName, !name.hasPrefix(".") else { return false }
        var isFolder: ObjCBool = false
        let path = folder.appendingPathComponent(name).path
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
          && !isFolder.boolValue
      }.sorted()
    } catch {
      throw DataFormatError.cannotOpen(path: folder.path, reason: "cannot be listed")
    }
  }
}

/// A folder whose files are not those that its list of digests was made of.
public enum FolderDigestError: Error, Equatable, Sendable {
  /// A file has other contents.
  case changed(path: String, expected: String, found: String)
  /// A listed file is not there.
  case missing(path: String)
  /// A line of the list itself is not of its format.
  case badList(path: String, line: Int)
}

extension FolderDigestError: CustomStringConvertible, LocalizedError {
  /// One line: file, expected, found.
  public var description: String {
    switch self {
    case .changed(let path, let expected, let found):
      "\(path): damaged or changed, expected SHA-256 \(expected), found \(found)"
    case .missing(let path):
      "\(path): missing, expected it beside \(FolderDigests.fileName), which lists it"
    case .badList(let path, let line):
      "\(path):\(line): damaged, expected a SHA-256 in 64 digits, two blanks and the name of a file"
    }
  }

  /// The same line as `description`.
  public var errorDescription: String? { description }
}
