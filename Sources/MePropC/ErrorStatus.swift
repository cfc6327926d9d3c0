import CMePropInterface
import MePropNN

/// The status of an error that lower modules throw.
func status(of error: any Error) -> Int {
  switch error {
  case is NonFiniteError: MEPROP_NOT_FINITE
  case is ModelStateError: MEPROP_INVALID_STATE
  // All others come with files.
  default: MEPROP_FILE_ERROR
  }
}
