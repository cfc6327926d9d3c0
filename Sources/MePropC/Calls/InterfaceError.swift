import CMePropInterface
import MePropNN

/// Why a function of the interface refuses what it was given: a status, and a line in words.
struct InterfaceError: Error {
  let status: meprop_status
  let message: String

  init(_ status: Int, _ message: String) {
    self.status = meprop_status(status)
    self.message = message
  }

  /// An argument that the function does not take.
  static func argument(_ message: String) -> InterfaceError {
    InterfaceError(MEPROP_INVALID_ARGUMENT, message)
  }
}

/// Throws unless an argument is as it has to be.
func require(_ holds: Bool, _ message: @autoclosure () -> String) throws {
  if !holds { throw InterfaceError.argument(message()) }
}

/// Does the work of a function of the interface; what it throws becomes the status and the message
/// of the calling thread.
func attempt(_ name: StaticString, _ body: () throws -> Void) -> meprop_status {
  do {
    try body()
    return meprop_status(MEPROP_OK)
  } catch let error as InterfaceError {
    meprop_keep_error("\(name): \(error.message)")
    return error.status
  } catch {
    meprop_keep_error("\(name): \(error)")
    return meprop_status(status(of: error))
  }
}

/// The status of an error that lower modules throw.
func status(of error: any Error) -> Int {
  switch error {
  case is NonFiniteError: MEPROP_NOT_FINITE
  case is ModelStateError: MEPROP_INVALID_STATE
  // All others come with files.
  default: MEPROP_FILE_ERROR
  }
}
