// SHA-256 of unpacked contents, and the check of the files of a data set against the catalogue.

import Foundation

/// Computes digests of files without holding them in memory.
public enum FileDigest {
  /// Returns the SHA-256 of a file's contents, unpacked where they are gzip.
  ///
  /// - Parameters:
  ///   - url: The file.
  ///   - maximumByteCount: Reading stops one byte beyond this many, so that a small packed file
  ///     that unpacks without end does no harm; the count then shows it.
  /// - Returns: 64 lower-case hexadecimal digits, and the number of unpacked bytes.
  /// - Throws: `DataFormatError`.
  public static func sha256(
    ofContentsAt url: URL, maximumByteCount: Int = Int.max - 1
  ) throws -> (digest: String, byteCount: Int) {
    let file = try InputFile(path: url.path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: InputFile.bufferSize(of: file.storedSize), alignment: InputFile.bufferAlignment)
    defer { buffer.deallocate() }
    var hash = SHA256()
    while file.offset <= maximumByteCount {
      let room = min(buffer.count, maximumByteCount - file.offset + 1)
      let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<room]))
      if count == 0 { break }
      hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
    return (text(of: hash.finalize()), file.offset)
  }

  /// Returns the SHA-256 of bytes, as 64 lower-case hexadecimal digits.
  public static func sha256(of bytes: [UInt8]) -> String {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update($0) }
    return text(of: hash.finalize())
  }

  private static func text(of digest: [UInt8]) -> String {
    digest.map { hexadecimal(UInt32($0), digits: 2) }.joined()
  }
}

/// What a check found of one file of a data set.
public struct FileCheck: Sendable, Equatable {
  /// What was found.
  public enum Result: Sendable, Equatable {
    /// Present, and its unpacked contents have the catalogue's digest.
    case verified
    /// Not in the folder under any accepted name.
    case missing
    /// Readable, but with another digest.
    case wrongDigest(expected: String, found: String)
    /// Not readable as a plain or gzip file.
    case unreadable(DataFormatError)
  }

  /// The catalogue's name of the file.
  public let name: String
  /// The file that was read; `nil` where it is missing.
  public let path: String?
  /// What was found.
  public let result: Result

  /// Checks the files of `dataSet` in `folder`.
  ///
  /// - Returns: One entry per file of the catalogue, in its order.
  /// - Throws: `DataLocationError.folderUnreadable`.
  public static func checkAll(
    of dataSet: CataloguedDataSet, in folder: URL
  ) throws -> [FileCheck] {
    let folder = try DataFolder(folder)
    return dataSet.files.map { file in
      guard let url = folder.file(file.name) else {
        return FileCheck(name: file.name, path: nil, result: .missing)
      }
      return FileCheck(name: file.name, path: url.path, result: result(of: file, at: url))
    }
  }

  /// Compares the file at `url` with the catalogue.
  static func result(of file: CataloguedFile, at url: URL) -> Result {
    do {
      let (digest, _) = try FileDigest.sha256(
        ofContentsAt: url, maximumByteCount: file.unpackedSize)
      return digest == file.sha256
        ? .verified : .wrongDigest(expected: file.sha256, found: digest)
    } catch let error as DataFormatError {
      return .unreadable(error)
    } catch {
      return .unreadable(.cannotOpen(path: url.path, reason: "\(error)"))
    }
  }
}

extension FileCheck: CustomStringConvertible {
  /// One line: file, and what was found.
  public var description: String {
    switch result {
    case .verified: return "\(path ?? name): verified"
    case .missing: return "\(name): missing"
    case .wrongDigest(let expected, let found):
      return "\(path ?? name): wrong contents, expected SHA-256 \(expected), found \(found); "
        + "delete it and get it again"
    case .unreadable(let error): return error.description
    }
  }
}
