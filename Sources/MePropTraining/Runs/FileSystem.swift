// The few operations on files that run folders are made of, each one a place where a run may die.

import Foundation
import MePropData

/// Changes to the file system, with a hook before each so that tests can die at any of them.
package struct FileSystem {
  /// Called before every change with its name and path; what it throws is passed on.
  package var willPerform: ((_ operation: String, _ path: String) throws -> Void)?

  package init(willPerform: ((String, String) throws -> Void)? = nil) {
    self.willPerform = willPerform
  }

  /// Creates a folder; returns whether it did not exist before.
  @discardableResult
  func createFolder(_ url: URL) throws -> Bool {
    try willPerform?("create folder", url.path)
    if mkdir(url.path, 0o777) == 0 { return true }
    if errno == EEXIST && isFolder(url) { return false }
    throw FileWriteError(code: errno, path: url.path, operation: "creating the folder")
  }

  /// Writes a file and waits until it is on the disk.
  package func write(_ data: Data, to url: URL) throws {
    try willPerform?("write", url.path)
    let descriptor = open(url.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw FileWriteError(code: errno, path: url.path, operation: "opening the file")
    }
    defer { close(descriptor) }
    try FileSystem.writeAll(data, to: descriptor, path: url.path)
    if fsync(descriptor) != 0 && errno != EINVAL {
      throw FileWriteError(code: errno, path: url.path, operation: "synchronizing with the disk")
    }
  }

  /// Writes to a file from a place on, behind which nothing is left, and waits until it is on the
  /// disk.
  func append(_ data: Data, to url: URL, from place: Int) throws {
    try willPerform?("append", url.path)
    let descriptor = open(url.path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw FileWriteError(code: errno, path: url.path, operation: "opening the file")
    }
    defer { close(descriptor) }
    guard ftruncate(descriptor, off_t(place)) == 0,
      lseek(descriptor, off_t(place), SEEK_SET) == off_t(place)
    else { throw FileWriteError(code: errno, path: url.path, operation: "truncating") }
    try FileSystem.writeAll(data, to: descriptor, path: url.path)
    if fsync(descriptor) != 0 && errno != EINVAL {
      throw FileWriteError(code: errno, path: url.path, operation: "synchronizing with the disk")
    }
  }

  /// Waits until a file, or the entries of a folder, are on the disk.
  func sync(_ url: URL) throws {
    try willPerform?("sync", url.path)
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw FileWriteError(code: errno, path: url.path, operation: "opening the file")
    }
    defer { close(descriptor) }
    // Some file systems do not sync folders and say so with EINVAL.
    if fsync(descriptor) != 0 && errno != EINVAL {
      throw FileWriteError(code: errno, path: url.path, operation: "synchronizing with the disk")
    }
  }

  /// Syncs every file below a folder, and the folders.
  func syncTree(_ folder: URL) throws {
    for name in try entries(of: folder) {
      let url = folder.appendingPathComponent(name)
      if isFolder(url) { try syncTree(url) } else { try sync(url) }
    }
    try sync(folder)
  }

  /// Renames a file or folder.
  func rename(_ source: URL, to target: URL) throws {
    try willPerform?("rename", source.path)
    // Foundation's name for it, so that the C function is meant and not this method.
    if Foundation.rename(source.path, target.path) != 0 {
      throw FileWriteError(code: errno, path: target.path, operation: "renaming")
    }
  }

  /// Gives a finished file a second name; copies it where the file system has no links.
  func link(_ source: URL, to target: URL) throws {
    try willPerform?("link", target.path)
    if Foundation.link(source.path, target.path) == 0 { return }
    let data: Data
    do {
      data = try Data(contentsOf: source)
    } catch {
      throw RunFolderError.cannotRead(path: source.path, reason: systemReason(of: error))
    }
    try write(data, to: target)
  }

  /// Removes a file or a whole folder, if it is there.
  func removeTree(_ url: URL) throws {
    guard exists(url) else { return }
    if isFolder(url) {
      for name in try entries(of: url) { try removeTree(url.appendingPathComponent(name)) }
    }
    try willPerform?("remove", url.path)
    if remove(url.path) != 0 && errno != ENOENT {
      throw FileWriteError(code: errno, path: url.path, operation: "removing")
    }
  }

  /// Returns the names in a folder, sorted.
  func entries(of folder: URL) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    } catch {
      throw RunFolderError.cannotRead(path: folder.path, reason: systemReason(of: error))
    }
  }

  /// Returns whether there is anything of this name; does not follow a symbolic link.
  func exists(_ url: URL) -> Bool {
    var information = stat()
    return lstat(url.path, &information) == 0
  }

  /// Returns whether there is a folder of this name; does not follow a symbolic link.
  func isFolder(_ url: URL) -> Bool {
    var information = stat()
    return lstat(url.path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
  }

  /// Writes all bytes to an open file.
  static func writeAll(_ data: Data, to descriptor: Int32, path: String) throws {
    var rest = data[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw FileWriteError(code: errno, path: path, operation: "writing")
      }
      rest = rest.dropFirst(count)
    }
  }
}

/// The system's words for an error number.
func systemReason(_ code: Int32) -> String { String(cString: strerror(code)) }

/// The system's words for an error of Foundation's file functions, on one line.
func systemReason(of error: any Error) -> String {
  let error = error as NSError
  if error.domain == NSPOSIXErrorDomain { return systemReason(Int32(error.code)) }
  if let cause = error.userInfo[NSUnderlyingErrorKey] as? any Error {
    return systemReason(of: cause)
  }
  return error.localizedDescription.split(separator: "\n").joined(separator: " ")
}
