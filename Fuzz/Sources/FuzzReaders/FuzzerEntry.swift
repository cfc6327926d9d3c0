// Where libFuzzer, which brings `main`, hands its bytes to a reader. What a reader throws is what
// it should; a trap, a hang, or memory beyond all measure is a finding.

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

/// What libFuzzer calls.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = start.map { Data(bytes: $0, count: count) } ?? Data()
  let file = folder.appendingPathComponent("input")
  guard (try? bytes.write(to: file)) != nil else { return 0 }
  try? reader(file, bytes)
  return 0
}
