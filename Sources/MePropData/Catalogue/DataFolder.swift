// Finding the files of a data set in a folder, under the names they are known by.

import Foundation

/// The names in a folder, and which of a data set's files are among them.
struct DataFolder {
  let url: URL
  private let names: Set<String>

  /// Lists the folder.
  ///
  /// - Throws: `DataLocationError.folderUnreadable`.
  init(_ url: URL) throws {
    guard let folder = opendir(url.path) else {
      throw DataLocationError.folderUnreadable(path: url.path, reason: systemReason(errno))
    }
    defer { closedir(folder) }
    var names: Set<String> = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      names.insert(name)
    }
    self.url = url
    self.names = names
  }

  /// The names under which a file is looked for: packed, plain, and both with `.` before `idx`.
  ///
  /// Packed first, as downloads are: what `data get` has verified is then what is read.
  static func acceptedNames(for name: String) -> [String] {
    let dotted = name.replacingOccurrences(of: "-idx", with: ".idx")
    let variants = dotted == name ? [name] : [name, dotted]
    return variants.flatMap { [$0 + ".gz", $0] }
  }

  /// The file called `name`, in whatever accepted form it is present.
  func file(_ name: String) -> URL? {
    Self.acceptedNames(for: name).first(where: names.contains)
      .map { url.appendingPathComponent($0, isDirectory: false) }
  }

  /// Those of the files that are in the folder in no form.
  func missing(_ files: [String]) -> [String] { files.filter { file($0) == nil } }

  /// Where each of the files is.
  ///
  /// - Throws: `DataLocationError.missingFiles` with the names of all that are not there.
  func requiredFiles(_ files: [String]) throws -> [URL] {
    let found = files.compactMap(file)
    guard found.count == files.count else {
      throw DataLocationError.missingFiles(folder: url.path, names: missing(files))
    }
    for (file, used) in zip(files, found) {
      let others = Self.acceptedNames(for: file).filter {
        names.contains($0) && $0 != used.lastPathComponent
      }
      if !others.isEmpty {
        Notices.tell("\(used.path): used; \(others.joined(separator: ", ")) beside it is not")
      }
    }
    return found
  }
}
