// The unfinished download of one file, beside the name it will get.

import Foundation

/// An unfinished download, `NAME.part`, locked against other processes while it is open.
final class PartFile {
  let descriptor: Int32
  let path: String
  private let final: URL
  private var isLocked = false

  /// Opens or creates the unfinished download of the file `final`.
  ///
  /// - Throws: `DownloadError.busy` where another process has it, `FileWriteError`.
  init(for final: URL) throws {
    self.final = final
    path = final.path + ".part"
    descriptor = try Self.open(path)
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      throw DownloadError.busy(path: path)
    }
    // Had another process finished in between, this would be its verified file.
    var opened = stat()
    var named = stat()
    guard fstat(descriptor, &opened) == 0, lstat(path, &named) == 0,
      opened.st_ino == named.st_ino, opened.st_dev == named.st_dev
    else { throw DownloadError.busy(path: path) }
    isLocked = true
  }

  /// Opens the file, or replaces a link of its name: what comes from the network must not be
  /// written to wherever that leads.
  private static func open(_ path: String) throws -> Int32 {
    // Without waiting for whoever reads a pipe of that name.
    let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    var descriptor = Foundation.open(path, flags, 0o666)
    if descriptor < 0, errno == ELOOP, unlink(path) == 0 {
      Notices.tell("\(path): was a link, and is replaced by the download")
      descriptor = Foundation.open(path, flags, 0o666)
    }
    guard descriptor >= 0 else {
      throw FileWriteError(code: errno, path: path, operation: "creating the file")
    }
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw FileWriteError.failed(
        path: path, operation: "creating the file", reason: "something else has that name")
    }
    return descriptor
  }

  deinit {
    // An empty part is of no use to the next run.
    if isLocked, let size = try? size(), size == 0 { unlink(path) }
    if descriptor >= 0 { close(descriptor) }
  }

  /// The bytes that have arrived so far.
  func size() throws -> Int {
    var information = stat()
    guard fstat(descriptor, &information) == 0 else {
      throw FileWriteError(code: errno, path: path, operation: "asking for the size")
    }
    return Int(information.st_size)
  }

  /// Throws away what has arrived.
  func discard() throws {
    guard ftruncate(descriptor, 0) == 0 else {
      throw FileWriteError(code: errno, path: path, operation: "truncating")
    }
  }

  /// Makes the contents durable and gives them their final name.
  func commit() throws {
    guard fsync(descriptor) == 0 else {
      throw FileWriteError(code: errno, path: path, operation: "synchronising with the disk")
    }
    guard rename(path, final.path) == 0 else {
      throw FileWriteError(code: errno, path: final.path, operation: "renaming the download")
    }
    isLocked = false
    try AtomicFile.synchronizeFolder(final.deletingLastPathComponent().path)
  }
}
