// Files that are either wholly there or not at all, whatever happens while they are written.

import Foundation

/// Writes files aside, makes them durable, and then moves them to their name in one step.
///
/// The new contents go to `.NAME.tmp` in the same folder; file and folder are synchronised with the
/// disk around the rename. After a failure, or a kill at any moment, the old contents are intact. A
/// `.NAME.tmp` that a killed process left behind is written over by the next one, and writers of
/// the same file take turns.
public enum AtomicFile {
  /// Writes what `body` hands to the writer, and moves it to `url` when `body` returns.
  ///
  /// - Parameters:
  ///   - url: The file to create or replace; its folder must exist.
  ///   - body: Writes the contents; if it throws, nothing changes at `url`.
  /// - Throws: `FileWriteError`, or what `body` throws.
  public static func write(to url: URL, _ body: (FileWriter) throws -> Void) throws {
    let path = url.path
    let folder = url.deletingLastPathComponent().path
    let temporary = folder + "/." + url.lastPathComponent + ".tmp"
    let descriptor = try openLocked(temporary, for: path)
    defer { close(descriptor) }
    do {
      let writer = FileWriter(descriptor: descriptor, path: path)
      try check(ftruncate(descriptor, 0), path, "truncating the temporary file")
      try body(writer)
      try writer.flush()
      try check(fsync(descriptor), path, "synchronising with the disk")
      try check(rename(temporary, path), path, "renaming the temporary file")
    } catch {
      unlink(temporary)
      throw error
    }
    try synchronizeFolder(folder)
  }

  /// Writes `bytes` as the whole contents of the file at `url`.
  ///
  /// - Throws: `FileWriteError`.
  public static func write(_ bytes: some ContiguousBytes, to url: URL) throws {
    try write(to: url) { writer in try bytes.withUnsafeBytes { try writer.write($0) } }
  }

  /// Writes `text` in UTF-8 as the whole contents of the file at `url`.
  ///
  /// - Throws: `FileWriteError`.
  public static func write(_ text: String, to url: URL) throws {
    try write(Array(text.utf8), to: url)
  }

  /// Makes names created, renamed or removed in a folder durable.
  ///
  /// - Throws: `FileWriteError`; file systems that cannot do it for folders are no error.
  public static func synchronizeFolder(_ folder: String) throws {
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      // Without the right to read the folder it cannot be synchronised; the rename is done.
      if errno == EACCES { return }
      throw FileWriteError(code: errno, path: folder, operation: "opening the folder")
    }
    defer { close(descriptor) }
    if fsync(descriptor) != 0, errno != EINVAL, errno != ENOTSUP, errno != EBADF {
      throw FileWriteError(code: errno, path: folder, operation: "synchronising the folder")
    }
  }

  /// Opens `temporary` with an exclusive lock, waiting for another writer of it to finish.
  private static func openLocked(_ temporary: String, for path: String) throws -> Int32 {
    while true {
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
      guard descriptor >= 0 else {
        throw FileWriteError(code: errno, path: path, operation: "creating the temporary file")
      }
      // Some network file systems have no locks; then the last writer wins.
      while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
      // The writer before us may have renamed or removed the very file that we opened.
      var opened = stat()
      var named = stat()
      if fstat(descriptor, &opened) == 0, lstat(temporary, &named) == 0,
        opened.st_ino == named.st_ino, opened.st_dev == named.st_dev
      {
        return descriptor
      }
      close(descriptor)
    }
  }

  private static func check(_ result: Int32, _ path: String, _ operation: String) throws {
    guard result == 0 else { throw FileWriteError(code: errno, path: path, operation: operation) }
  }
}

/// Takes bytes to an open file through a buffer; short writes and signals are dealt with.
public final class FileWriter {
  private let descriptor: Int32
  private let path: String
  private var pending: [UInt8] = []
  private static let capacity = 64 * 1024

  /// Creates a writer to an open descriptor, which stays open; `path` is for messages.
  package init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
    pending.reserveCapacity(Self.capacity)
  }

  /// Appends `bytes`; large pieces go to the file without being copied.
  ///
  /// - Throws: `FileWriteError`, for example when the disk is full.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    if pending.count + bytes.count > Self.capacity { try flush() }
    if bytes.count >= Self.capacity {
      try writeThrough(bytes)
    } else {
      pending.append(contentsOf: bytes)
    }
  }

  /// Appends the bytes of an array, of `Data` or of another contiguous collection.
  ///
  /// - Throws: `FileWriteError`.
  public func write(_ bytes: some ContiguousBytes) throws {
    try bytes.withUnsafeBytes { try write($0) }
  }

  /// Appends `text` in UTF-8.
  ///
  /// - Throws: `FileWriteError`.
  public func write(_ text: String) throws { try write(Array(text.utf8)) }

  /// Hands what is buffered to the system.
  ///
  /// - Throws: `FileWriteError`.
  public func flush() throws {
    try pending.withUnsafeBytes { try writeThrough($0) }
    pending.removeAll(keepingCapacity: true)
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = Foundation.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if errno != EINTR {
        throw FileWriteError(code: errno, path: path, operation: "writing")
      }
    }
  }
}
