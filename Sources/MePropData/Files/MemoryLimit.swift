// How much memory there is, so that what cannot fit is refused before it is read.

import Foundation

/// The memory that this process may use.
public enum MemoryLimit {
  /// Bytes: that of the machine, or of the container that the process runs in; `nil` where the
  /// system does not say.
  public static let bytes: Int? = {
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let pageSize = sysconf(Int32(_SC_PAGESIZE))
    guard pages > 0, pageSize > 0 else { return nil }
    let (machine, overflow) = pages.multipliedReportingOverflow(by: pageSize)
    if overflow { return nil }
    // Control groups of versions 2 and 1; without a limit the one says "max", the other a number
    // beyond all memory.
    let groups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
    let limits = groups.compactMap { path in
      (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
        Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
      }
    }
    return ([machine] + limits.filter { $0 > 0 }).min()
  }()

  /// Whether so many bytes fit beside what else is needed: in four fifths of the memory.
  public static func allows(_ count: Int) -> Bool {
    guard let bytes else { return true }
    return count <= bytes / 5 * 4
  }
}
