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
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw FileWriteError(code: errno, path: path, operation: "creating the file")
    }
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
