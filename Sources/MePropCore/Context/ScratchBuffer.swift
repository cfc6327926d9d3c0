#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Memory of one element type that grows and is never copied; new memory is zero.
final class ScratchBuffer<Element: BitwiseCopyable> {
  private(set) var base: UnsafeMutablePointer<Element>
  /// How many there is room for.
  private(set) var capacity = 0

  init() { base = Self.allocate(16) }

  deinit { free(base) }

  /// Makes room for `count` elements; what was there is lost, and all are zero, if there was less.
  func reserve(_ count: Int) {
    guard count > capacity else { return }
    free(base)
    base = Self.allocate(count)
    capacity = count
  }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Element> {
    // Large blocks come from the system as pages that take no memory until they are written.
    guard let raw = calloc(count, MemoryLayout<Element>.stride) else {
      preconditionFailure("ScratchBuffer: no memory for \(count) elements")
    }
    return raw.bindMemory(to: Element.self, capacity: count)
  }
}
