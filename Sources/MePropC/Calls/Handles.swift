import CMePropInterface
import Synchronization

/// What handles stand for.
///
/// Numbers go up and are never given twice, so that a handle that was freed is told from all that
/// live, whatever lies at its old place in memory.
enum Handles {
  private struct State {
    var next: UInt64 = 1
    var objects: [UInt64: any AnyObject & Sendable] = [:]
  }

  private static let state = Mutex(State())

  /// Gives an object a handle.
  static func add(_ object: any AnyObject & Sendable) -> UInt64 {
    state.withLock { state in
      defer { state.next += 1 }
      state.objects[state.next] = object
      return state.next
    }
  }

  /// The object of a handle.
  ///
  /// - Throws: `InterfaceError` where there is none, or one of another kind.
  static func object<Object: AnyObject & Sendable>(
    _ handle: UInt64, _ name: String, as _: Object.Type = Object.self
  ) throws -> Object {
    guard let found = state.withLock({ $0.objects[handle] }) else {
      throw missing(handle, name)
    }
    guard let object = found as? Object else {
      throw InterfaceError(
        MEPROP_INVALID_HANDLE, "handle \(handle) is that of something else, expected a \(name)")
    }
    return object
  }

  /// Forgets a handle; the object lives on where a call still uses it.
  ///
  /// - Throws: `InterfaceError` where there is none, or one of another kind.
  static func remove<Object: AnyObject & Sendable>(
    _ handle: UInt64, _ name: String, as type: Object.Type
  ) throws {
    let object = try object(handle, name, as: type)
    // What is freed here is released outside of the lock.
    guard state.withLock({ $0.objects.removeValue(forKey: handle) }) != nil else {
      throw missing(handle, name)
    }
    withExtendedLifetime(object) {}
  }

  private static func missing(_ handle: UInt64, _ name: String) -> InterfaceError {
    InterfaceError(
      MEPROP_INVALID_HANDLE,
      handle == 0
        ? "the handle is 0, expected a \(name)"
        : "handle \(handle) was freed or never given, expected a \(name)")
  }
}
