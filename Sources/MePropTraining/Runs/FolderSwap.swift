// Replacing a folder by a new one such that a kill at any moment leaves one of the two whole.

import Foundation

/// A folder that is replaced as a whole.
///
/// For a folder `last` the new content is written to `last.tmp` and synced. Renaming that to
/// `last.new` says that it is complete. Then `last` becomes `last.old`, `last.new` becomes `last`,
/// and `last.old` is removed. `recover` finishes from wherever a process died, so after it there is
/// `last` and nothing else: the old content before the first rename, the new content from then on.
/// Where old content is kept, it takes the place of what was kept before instead of being removed.
struct FolderSwap {
  let target: URL
  let files: FileSystem
  /// Where the content before the present one is kept; `nil`: nowhere.
  var kept: URL?

  private func sibling(_ suffix: String) -> URL {
    target.deletingLastPathComponent()
      .appendingPathComponent(target.lastPathComponent + suffix)
  }

  /// Where the new content is written.
  var temporary: URL { sibling(".tmp") }
  private var complete: URL { sibling(".new") }
  private var old: URL { sibling(".old") }

  /// Creates the empty folder for new content.
  func begin() throws {
    try recover()
    try files.createFolder(temporary)
  }

  /// Makes the new content, all of whose files have been synced, the folder's content.
  func commit() throws {
    try files.sync(temporary)
    try files.rename(temporary, to: complete)
    try recover()
  }

  /// Finishes what an earlier process began, and removes what it left.
  func recover() throws {
    try files.removeTree(temporary)
    if files.exists(complete) {
      if files.exists(target) {
        try files.removeTree(old)
        try files.rename(target, to: old)
      }
      try files.rename(complete, to: target)
      try files.sync(target.deletingLastPathComponent())
    } else if !files.exists(target), files.exists(old) {
      try files.rename(old, to: target)
    }
    if let kept, files.exists(old) {
      try files.removeTree(kept)
      try files.rename(old, to: kept)
    }
    try files.removeTree(old)
  }

  /// The folder to read when the owner may be swapping, or has died while swapping.
  var readable: URL {
    [target, complete, old].first { files.exists($0) } ?? target
  }
}
