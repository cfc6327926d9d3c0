// Scripts that stand in for programs.

import Foundation

/// Scripts for `/bin/sh` that tests run as programs.
public enum ScriptFile {
  /// Writes a script that can be run.
  ///
  /// Another process writes the file: what this one has open for writing, a child of another test
  /// has open too from its fork to its exec, and the script could not be run that long.
  public static func write(_ script: String, to path: String) throws {
    let writer = Process()
    writer.executableURL = URL(fileURLWithPath: "/bin/sh")
    writer.arguments = ["-c", #"cat > "$1" && chmod 755 "$1""#, "sh", path]
    let pipe = Pipe()
    writer.standardInput = pipe
    try writer.run()
    try pipe.fileHandleForWriting.write(contentsOf: Data("#!/bin/sh\n\(script)\n".utf8))
    try pipe.fileHandleForWriting.close()
    writer.waitUntilExit()
    guard writer.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
  }
}
