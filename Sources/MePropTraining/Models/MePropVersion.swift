/// The version of this program and library.
public enum MePropVersion {
  /// As `meprop --version` prints it, and as models and checkpoints keep it.
  public static let current = "0.2.0"
}
