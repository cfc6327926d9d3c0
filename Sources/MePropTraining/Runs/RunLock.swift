// One run at a time in a folder.

import Foundation
import MePropData

/// A lock on a run folder, held until the object goes or the process dies, however it dies.
final class RunLock {
  private let descriptor: Int32

  /// Takes the lock.
  ///
  /// - Throws: `RunFolderError.inUse` if another process, or another object of this one, has it.
  init(folder: URL) throws {
    let path = folder.appendingPathComponent(".lock").path
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw FileWriteError(code: errno, path: path, operation: "opening the lock file")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let owner = try? String(contentsOfFile: path, encoding: .utf8)
      // The descriptor is closed by `deinit`, which runs after a throw as well.
      guard code == EWOULDBLOCK else {
        throw FileWriteError(code: code, path: path, operation: "locking")
      }
      let process = owner?.split(separator: "\n").first?.printable(limit: 20)
      throw RunFolderError.inUse(path: folder.path, process: process)
    }
    // The number only serves the message above, so a full disk does not matter here.
    ftruncate(descriptor, 0)
    try? FileSystem.writeAll(Data("\(getpid())\n".utf8), to: descriptor, path: path)
  }

  deinit {
    // Unlocked, not only closed: a child process that is just being started still has a copy of the
    // descriptor, and would hold the lock until it runs its own program.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}
