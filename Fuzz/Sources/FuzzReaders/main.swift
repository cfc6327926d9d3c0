// Hands the bytes that libFuzzer makes up to a reader. What a reader throws is what it should; a
// trap, a hang, or memory beyond all measure is a finding.

import CFuzzer
import Foundation

/// The reader that `FUZZ_READER` names.
private let reader: Reader = {
  let name = ProcessInfo.processInfo.environment["FUZZ_READER"] ?? ""
  guard let reader = readers[name] else {
    let names = readers.keys.sorted().joined(separator: ", ")
    FileHandle.standardError.write(Data("FUZZ_READER: found '\(name)', expected \(names)\n".utf8))
    exit(64)
  }
  return reader
}()

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
  LLVMFuzzerRunDriver(&count, &arguments) { start, count in
    let bytes = start.map { Data(bytes: $0, count: count) } ?? Data()
    let file = folder.appendingPathComponent("input")
    guard (try? bytes.write(to: file)) != nil else { return 0 }
    try? reader(file, bytes)
    return 0
  })
