// Bytes from libFuzzer for each reader of files. What a reader throws is what it should; a trap, a
// hang, or memory beyond all measure is a finding.

import Foundation
import MePropData
import MePropReport
import MePropTraining

/// Reads one file, whatever is in it.
private typealias Reader = @Sendable (_ file: URL, _ bytes: Data) throws -> Void

private let readers: [String: Reader] = [
  "idx": { file, _ in _ = try IDX.read(from: file, rank: 3) },
  "gzip": { file, _ in _ = try FileDigest.sha256(ofContentsAt: file, maximumByteCount: 1 << 22) },
  "csv": { file, _ in
    let rows = try CSVRows(path: file.path, fieldCount: 3)
    var row: [Float] = []
    while try rows.readRow(into: &row) {}
  },
  "conllu": { file, _ in
    let reader = try CoNLLUReader(path: file.path)
    while let sentence = try reader.next() {
      guard sentence.wordCount > 0 else { continue }
      _ = try? DependencyTree(sentence, path: file.path)
    }
  },
  "score": { file, _ in
    _ = try UDScores(gold: InputFile(path: file.path), system: InputFile(path: file.path))
  },
  "treebank": { file, _ in
    // The name says that it is a part; the content says in which format.
    let reader = TreebankReader(TreebankPart(name: "train", files: [file]))
    while try reader.next() != nil {}
  },
  "vectors": { file, _ in
    let reader = try WordVectorReader(path: file.path)
    var vector: [Float] = []
    while try reader.next(into: &vector) != nil {}
  },
  "safetensors": { file, _ in _ = try SafeTensors.read(from: file) },
  "yaml": { file, _ in
    _ = try? Configuration.texts(inFile: file)
    var configuration = Configuration(schema: schema)
    try configuration.apply(file: file)
  },
  "model": { _, bytes in
    let folder = try emptied("model")
    try bytes.write(to: folder.appendingPathComponent(SavedModel.descriptionName))
    _ = try SavedModel(at: folder)
  },
  "checkpoint": { _, bytes in
    // Digests that fit, so that what is behind them is reached.
    let folder = try emptied("checkpoint")
    try bytes.write(to: folder.appendingPathComponent("state.json"))
    try Data([0x10, 0, 0, 0, 0, 0, 0, 0] + Array("{}              ".utf8))
      .write(to: folder.appendingPathComponent("tensors.safetensors"))
    try FolderDigests.contents(of: folder)
      .write(to: folder.appendingPathComponent(FolderDigests.fileName))
    _ = try RunFolder.loadCheckpoint(from: folder)
  },
  "records": { _, bytes in
    // The first byte says which of the files it is.
    let folder = try emptied("run")
    let names = ["metrics.jsonl", "details.jsonl", "confusion.json", "run.json"]
    let row = "{\"epoch\":1,\"seconds\":{\"total\":1},\"train\":{\"loss\":1}}\n"
    try Data(row.utf8).write(to: folder.appendingPathComponent(names[0]))
    try bytes.dropFirst().write(
      to: folder.appendingPathComponent(names[Int(bytes.first ?? 0) % names.count]))
    try RunReport(RunRecord.read([folder])).write(to: folder.appendingPathComponent("report.html"))
  },
]

private let schema = ConfigurationSchema([
  ConfigurationKey("hidden", .intList(1...1_000_000), default: .intList([5]), "H."),
  ConfigurationKey("data", .string, default: .string("mnist"), valueName: "name|folder", "D."),
  ConfigurationKey("k", .countOrRatio, default: .ratio(0.1), "K."),
  ConfigurationKey("rate", .auto(.double(.positive)), default: .auto, "R."),
])

private let folder: URL = {
  let url = FileManager.default.temporaryDirectory
    .appendingPathComponent("meprop-fuzz-\(getpid())", isDirectory: true)
  try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  return url
}()

/// A folder without files.
private func emptied(_ name: String) throws -> URL {
  let url = folder.appendingPathComponent(name, isDirectory: true)
  try? FileManager.default.removeItem(at: url)
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  return url
}

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
