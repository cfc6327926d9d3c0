// Which version this is, and of which commit.

import CMePropVersion

/// The version of this program and library.
public enum MePropVersion {
  /// The version, as models and checkpoints keep it.
  public static let current = "0.2.0"

  /// The commit that was built, for example `1a2b3c4`.
  ///
  /// With a plus where files had changed since; `1a2b3c4 or later` where SwiftPM asked git, whose
  /// answers it keeps; `nil` where neither git nor the archive of the sources told.
  public static var commit: String? {
    let text = String(cString: meprop_commit())
    return text.isEmpty ? nil : text
  }

  /// The version with the commit, as `meprop --version` prints it: `0.2.0 (1a2b3c4)`.
  public static var description: String { current + (commit.map { " (\($0))" } ?? "") }
}
